/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the controller knows ahead of a creation is what the API server answers: objects that hold
 * every field of the rules are spoilt in one place at a time, and both are asked.
 */
#include "core/reconcile/object_rules.h"

#include "core/base/test.h"
#include "core/data/yaml_fixture.h"
#include "fakeapi/server/server_fixture.h"

#define TEMPLATE                                                                                   \
    "  template:\n"                                                                                \
    "    metadata: {labels: {a: b, app: demo}, annotations: {example.com/x: any thing}}\n"         \
    "    spec:\n"                                                                                  \
    "      containers:\n"                                                                          \
    "      - name: c\n"                                                                            \
    "        image: demo:1\n"                                                                      \
    "        command: [run, fast]\n"                                                               \
    "        args: [now]\n"                                                                        \
    "        workingDir: /w\n"                                                                     \
    "        env:\n"                                                                               \
    "        - {name: A, value: a}\n"                                                              \
    "        - {name: B, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}}}\n"       \
    "        - {name: C, valueFrom: {secretKeyRef: {name: m, key: k}}}\n"                          \
    "        - {name: D, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"                      \
    "        - {name: E, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}\n"                 \
    "        envFrom: [{configMapRef: {name: m}}, {secretRef: {name: s, optional: true}}]\n"       \
    "        ports: [{name: rpc, containerPort: 80, protocol: TCP}, {containerPort: 81}]\n"        \
    "        volumeMounts:\n"                                                                      \
    "        - {name: config, mountPath: /c, readOnly: true, subPath: a/b}\n"                      \
    "        - {name: host, mountPath: /h, mountPropagation: Bidirectional}\n"                     \
    "        resources: {limits: {cpu: 2, memory: 2Gi}, requests: {cpu: 500m, memory: 1Gi}}\n"     \
    "        imagePullPolicy: Always\n"                                                            \
    "        readinessProbe: {exec: {command: [ask]}, periodSeconds: 5, successThreshold: 2}\n"    \
    "        livenessProbe: {httpGet: {path: /a, port: rpc, scheme: HTTP, host: h},\n"             \
    "          initialDelaySeconds: 1, timeoutSeconds: 2, failureThreshold: 3}\n"                  \
    "        startupProbe: {tcpSocket: {port: 80}}\n"                                              \
    "        terminationMessagePath: /t\n"                                                         \
    "        terminationMessagePolicy: File\n"                                                     \
    "        lifecycle: {postStart: {exec: {command: [a]}}, preStop: {httpGet: {port: 80}}}\n"     \
    "        securityContext: {privileged: true, runAsUser: 0, runAsGroup: 0,\n"                   \
    "          readOnlyRootFilesystem: false, capabilities: {add: [SYS_ADMIN], drop: [ALL]}}\n"    \
    "      - {name: d, image: d, livenessProbe: {grpc: {port: 9, service: s}},\n"                  \
    "         securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false,\n"            \
    "          seccompProfile: {type: Localhost, localhostProfile: a/b}}}\n"                       \
    "      initContainers: [{name: i, image: i, args: [a]}]\n"                                     \
    "      volumes:\n"                                                                             \
    "      - {name: config, configMap: {name: m, defaultMode: 365, items: [{key: k, path: p/q,\n"  \
    "          mode: 256}]}}\n"                                                                    \
    "      - {name: secret, secret: {secretName: m, optional: true, defaultMode: 256}}\n"          \
    "      - {name: empty, emptyDir: {medium: Memory, sizeLimit: 1Gi}}\n"                          \
    "      - {name: host, hostPath: {path: /x, type: DirectoryOrCreate}}\n"                        \
    "      - {name: claim, persistentVolumeClaim: {claimName: x, readOnly: true}}\n"               \
    "      nodeSelector: {disk: ssd}\n"                                                            \
    "      tolerations:\n"                                                                         \
    "      - {key: a, operator: Equal, value: b, effect: NoExecute, tolerationSeconds: 3}\n"       \
    "      - {operator: Exists}\n"                                                                 \
    "      affinity:\n"                                                                            \
    "        nodeAffinity:\n"                                                                      \
    "          requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [\n"            \
    "            {matchExpressions: [{key: z, operator: In, values: [a]}, {key: x, operator: "     \
    "Exists}],\n"                                                                                  \
    "             matchFields: [{key: metadata.name, operator: In, values: [node-1]}]}]}\n"        \
    "          preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, preference: {\n"      \
    "            matchExpressions: [{key: z, operator: NotIn, values: [a]}]}}]\n"                  \
    "        podAntiAffinity:\n"                                                                   \
    "          requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: host,\n"             \
    "            labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: a,\n"               \
    "              operator: Exists}]}}]\n"                                                        \
    "          preferredDuringSchedulingIgnoredDuringExecution: [{weight: 50, podAffinityTerm:\n"  \
    "            {topologyKey: host, labelSelector: {matchExpressions: [{key: a, operator: In,\n"  \
    "              values: [b]}]}}}]\n"                                                            \
    "      imagePullSecrets: [{name: a}]\n"                                                        \
    "      serviceAccountName: sa\n"                                                               \
    "      automountServiceAccountToken: false\n"                                                  \
    "      enableServiceLinks: false\n"                                                            \
    "      securityContext: {runAsUser: 1, runAsGroup: 2, runAsNonRoot: true, fsGroup: 3,\n"       \
    "        fsGroupChangePolicy: Always, seccompProfile: {type: RuntimeDefault}}\n"               \
    "      hostNetwork: false\n"                                                                   \
    "      hostPID: true\n"                                                                        \
    "      hostIPC: false\n"                                                                       \
    "      terminationGracePeriodSeconds: 30\n"                                                    \
    "      restartPolicy: Always\n"                                                                \
    "      dnsPolicy: ClusterFirst\n"

#define SMALL                                                                                      \
    "  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}\n"

static const struct {
    const char *resource, *yaml;
} objects[] = {
    {"services", "apiVersion: v1\nkind: Service\n"
                 "metadata: {name: s, namespace: default, labels: {a: b}, annotations: {c: d}}\n"
                 "spec: {selector: {a: b}, type: ClusterIP, publishNotReadyAddresses: true,\n"
                 " sessionAffinity: ClientIP, ports: [{name: a, port: 80, targetPort: rpc},\n"
                 " {name: b, port: 81, protocol: TCP, targetPort: 8081}]}\n"},
    {"services", "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: default}\n"
                 "spec: {selector: {a: b}, clusterIP: None, ports: [{port: 80}]}\n"},
    {"configmaps", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, namespace: default}\n"
                   "data: {a: b, c: ''}\n"},
    {"apps/v1/statefulsets",
     "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: default}\n"
     "spec:\n  replicas: 1\n  serviceName: s\n  podManagementPolicy: Parallel\n"
     "  selector: {matchLabels: {a: b}}\n"
     "  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}\n" TEMPLATE},
    {"apps/v1/daemonsets",
     "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: s, namespace: default}\n"
     "spec:\n  selector: {matchLabels: {a: b}}\n"
     "  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 10%}}\n" SMALL},
    {"apps/v1/deployments",
     "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: s, namespace: default}\n"
     "spec:\n  selector: {matchLabels: {a: b}}\n"
     "  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}\n" SMALL},
    {"persistentvolumes",
     "apiVersion: v1\nkind: PersistentVolume\n"
     "metadata: {name: s, labels: {a: b}, annotations: {c: d}}\n"
     "spec:\n  accessModes: [ReadOnlyMany, ReadWriteMany]\n  capacity: {storage: 100Pi}\n"
     "  storageClassName: fluid\n  claimRef: {namespace: default, name: s}\n"
     "  csi: {driver: fuse.csi.fluid.io, volumeHandle: s}\n"
     "  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In,\n"
     "    values: [b]}]}]}}\n"},
    {"persistentvolumeclaims",
     "apiVersion: v1\nkind: PersistentVolumeClaim\n"
     "metadata: {name: s, namespace: default, labels: {a: b}}\n"
     "spec:\n  accessModes: [ReadWriteOncePod]\n  resources: {requests: {storage: 1Gi}}\n"
     "  storageClassName: fluid\n  volumeName: s\n"},
};

/* What takes a member's place, or comes to the list; "-": it goes, "+": it is there twice. */
static const char *const spoilt[] = {
    "-",
    "+",
    "0",
    "-1",
    "1",
    "70000",
    "3000000000",
    "1.5",
    "''",
    "a",
    "A_b.c-d",
    "-a",
    "a=b",
    "a..b/../c",
    "/x",
    "'1 '",
    "10Gi",
    "-5Mi",
    "150%",
    "true",
    "Exists",
    "None",
    "[]",
    "{}",
    "[{}]",
    "{a: b}",
    "[a, 5]",
    "null",
    "a2345678901234567890123456789012345678901234567890123456789012345678901234567890"};

enum { DEPTH_MAX = 24 };

struct trial {
    struct fakeapi *api;
    const char *resource;
    const struct cJSON *object;
    size_t way[DEPTH_MAX], depth; /* to what is spoilt: the number of each member or item */
    size_t asked, unsure, refused;
};

/* Both say the same, or the controller asks the server. */
static void ask_both(struct trial *trial, const struct cJSON *object, const char *what,
                     const char *how) {
    AUTO(arena) arena = arena_new();
    bool has_namespace = json_find(object, "metadata.namespace") != NULL;
    struct request request =
        fixture_request(VERB_PATCH, trial->resource, has_namespace ? "default" : "", "s");
    request.patch_type = PATCH_APPLY;
    request.field_manager = SV("test");
    request.dry_run = true;
    request.body = object;
    struct api_response response = fixture_send(trial->api, arena, &request);
    struct sv problem;
    enum object_verdict verdict = object_rules_judge(arena, object, &problem);
    bool is_taken = response.http_status == 201;
    trial->asked++;
    trial->unsure += verdict == OBJECT_UNSURE;
    trial->refused += verdict == OBJECT_REFUSED;
    bool agree = verdict == OBJECT_UNSURE || is_taken == (verdict == OBJECT_TAKEN);
    if (!agree)
        printf("%s %s: %s: the server says %d %.*s, the rules %d %.*s\n", trial->resource, what,
               how, response.http_status, SV_ARG(json_find_string(response.body, "message")),
               (int)verdict, SV_ARG(problem));
    CHECK(agree);
}

/* The object as it becomes when what lies at the end of the way is another value. */
static const struct cJSON *spoilt_object(const struct trial *trial, struct arena *arena,
                                         const char *value) {
    struct cJSON *object = json_copy(arena, trial->object), *parent = object;
    for (size_t i = 0; i + 1 < trial->depth; i++)
        parent = json_at(parent, trial->way[i]);
    struct cJSON *item = json_at(parent, trial->way[trial->depth - 1]);
    struct sv key = json_key(item);
    if (strcmp(value, "-") == 0)
        json_detach(parent, item);
    else if (strcmp(value, "+") == 0 && json_is_list(parent))
        json_append(parent, json_copy(arena, item));
    else if (json_is_map(parent))
        json_set(arena, parent, key, fixture_yaml(arena, value));
    else
        json_append(parent, fixture_yaml(arena, value));
    return object;
}

/* Which object it is, and whom it selects, is nobody's choice. */
static bool is_ours(const char *what) {
    static const char *const ours[] = {".apiVersion",
                                       ".kind",
                                       ".metadata",
                                       ".metadata.name",
                                       ".metadata.namespace",
                                       ".spec",
                                       ".spec.selector",
                                       ".spec.clusterIP",
                                       ".spec.serviceName",
                                       ".spec.podManagementPolicy",
                                       ".spec.template",
                                       ".spec.storageClassName",
                                       ".spec.volumeName",
                                       ".spec.claimRef",
                                       ".spec.csi",
                                       ".spec.template.metadata",
                                       ".spec.template.metadata.labels",
                                       ".spec.template.metadata.labels.a"};
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (strcmp(what, ours[i]) == 0)
            return true;
    static const char *const all_of[] = {".spec.selector.", ".spec.claimRef.", ".spec.csi."};
    for (size_t i = 0; i < COUNT_OF(all_of); i++)
        if (sv_starts_with(sv_from(what), sv_from(all_of[i])))
            return true;
    return false;
}

static void spoil_all(struct trial *trial, struct arena *arena, const struct cJSON *parent,
                      const char *before) {
    size_t index = 0;
    REQUIRE(trial->depth < DEPTH_MAX);
    JSON_EACH (item, parent) {
        const char *what = json_is_list(parent)
                               ? arena_printf(arena, "%s[%zu]", before, index).ptr
                               : arena_printf(arena, "%s.%.*s", before, SV_ARG(json_key(item))).ptr;
        trial->way[trial->depth++] = index++;
        for (size_t i = 0; i < COUNT_OF(spoilt) && !is_ours(what); i++) {
            AUTO(arena) own = arena_new();
            ask_both(trial, spoilt_object(trial, own, spoilt[i]), what, spoilt[i]);
        }
        spoil_all(trial, arena, item, what);
        trial->depth--;
    }
}

TEST(says_what_the_server_says) {
    AUTO(fakeapi) api = fixture_api();
    size_t asked = 0, unsure = 0, refused = 0;
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        AUTO(arena) arena = arena_new();
        struct trial trial = {.api = api,
                              .resource = objects[i].resource,
                              .object = fixture_yaml(arena, objects[i].yaml)};
        struct sv problem;
        ask_both(&trial, trial.object, "", "as it is");
        (void)object_rules_judge(arena, trial.object, &problem);
        CHECK_SV(problem, SV(""));
        spoil_all(&trial, arena, trial.object, "");
        asked += trial.asked;
        unsure += trial.unsure;
        refused += trial.refused;
    }
    /* Nearly all is known ahead. */
    printf("%zu asked, %zu refused, %zu unsure\n", asked, refused, unsure);
    CHECK(refused > asked / 3 && unsure < asked / 4);
}
