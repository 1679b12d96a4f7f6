/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the CRDs take, keep and refuse, as users meet it: each field that this project adds to
 * upstream's, with the values that it has and one that it has not.
 */
#include "core/api/crds.h"

#include "core/base/test.h"
#include "core/data/yaml_fixture.h"
#include "fakeapi/server/server_fixture.h"

#define CLASSES "data.fluid.io/v1alpha1/cacheruntimeclasses"
#define RUNTIMES "data.fluid.io/v1alpha1/cacheruntimes"
#define DATASETS "data.fluid.io/v1alpha1/datasets"

#define TIMES_4(text) text text text text
#define TIMES_256(text) TIMES_4(TIMES_4(TIMES_4(TIMES_4(text))))

static const struct {
    const char *resource, *path; /* of what is set, by its members */
    const char *value;           /* YAML */
    const char *refusal;         /* a part of it; NULL: it is taken, and read as it was sent */
} cases[] = {
    /* classes */
    {CLASSES, "topology.master.replicas", "0", NULL},
    {CLASSES, "topology.worker.replicas", "-1", "greater than or equal to 0"},
    {CLASSES, "topology.worker.workloadType", "{apiVersion: apps/v1, kind: Deployment}", NULL},
    {CLASSES, "topology.client.workloadType", "{apiVersion: apps/v1, kind: DaemonSet}", NULL},
    {CLASSES, "topology.master.workloadType",
     "{apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet}", NULL},
    {CLASSES, "topology.master.workloadType", "{apiVersion: batch/v1, kind: Job}",
     "Unsupported value: \"batch/v1\""},
    {CLASSES, "topology.master.workloadType", "{kind: StatefulSet}", "apiVersion: Required value"},
    {CLASSES, "topology.worker.services",
     "[{name: web, type: ClusterIP, headless: false, ports: [{name: a, port: 80, protocol: TCP}],\n"
     " publishNotReadyAddresses: true, sessionAffinity: ClientIP, annotations: {a: b}}]",
     NULL},
    {CLASSES, "topology.worker.services", "[{type: ExternalName}]", "Unsupported value"},
    {CLASSES, "topology.worker.services", "[{sessionAffinity: Sticky}]", "Unsupported value"},
    {CLASSES, "topology.worker.tieredStore", "{levels: [{emptyDir: {quota: 1Gi}, high: '0.9'}]}",
     NULL},
    {CLASSES, "topology.client.tieredStore",
     "{levels: [{hostPath: {paths: [/a, /b], quotas: [1Gi, 2Gi], type: Directory}}]}", NULL},
    {CLASSES, "topology.worker.tieredStore",
     "{levels: [{emptyDir: {quota: 1Gi}, processMemory: {quota: 1Gi}}]}",
     "a level has at most one medium"},
    {CLASSES, "topology.worker.updateStrategy",
     "{type: RollingUpdate, maxUnavailable: 10%, partition: 2}", NULL},
    {CLASSES, "topology.client.updateStrategy", "{type: OnDelete}", NULL},
    {CLASSES, "topology.client.updateStrategy", "{type: Recreate}", "Unsupported value"},
    {CLASSES, "topology.master.onConfigChange", "Restart", NULL},
    {CLASSES, "topology.master.onConfigChange", "Reload", "Unsupported value"},
    {CLASSES, "topology.client.activation", "Always", NULL},
    {CLASSES, "topology.client.activation", "Never", "Unsupported value"},
    {CLASSES, "topology.master.executionEntries",
     "{mountUFS: {command: [a, b], timeout: 3600, stdin: true},\n"
     " checkRuntimeReady: {script: {configMap: m, key: k, interpreter: sh}, periodSeconds: 60,\n"
     "  failureThreshold: 5}, reportSummary: {command: [c]}, cleanCache: {command: [d]}}",
     NULL},
    /* Upstream's schema takes any; the controller keeps within its limits. */
    {CLASSES, "topology.worker.executionEntries",
     "{mountUFS: {command: [a], timeout: 86400}, reportSummary: {command: [a], timeout: -1}}",
     NULL},
    /* Nor does it count; the controller says what is too many. */
    {CLASSES, "topology.worker.executionEntries", "{mountUFS: {command: [" TIMES_256("a, ") "a]}}",
     NULL},
    {CLASSES, "extraResources", "{configMaps: [" TIMES_256("{name: a}, ") "{name: a}]}", NULL},
    {CLASSES, "topology.worker.dependencies",
     "{extraResources: {configMaps: [" TIMES_256("{name: a}, ") "{name: a}]}}", NULL},
    {CLASSES, "topology.worker.executionEntries",
     "{checkRuntimeReady: {command: [a], failureThreshold: 0}}", "greater than or equal to 1"},
    {CLASSES, "topology.worker.executionEntries", "{cleanCache: {script: {configMap: a}}}",
     "key: Required value"},
    {CLASSES, "topology.worker.template",
     "{metadata: {labels: {a: b}, annotations: {c: d}}, spec: {containers: [{name: c}]}}", NULL},
    {CLASSES, "dataOperationSpecs",
     "[{name: DataMigrate, image: i, command: [a], args: [b], env: [{name: c, value: d}],\n"
     " resources: {limits: {cpu: '1'}}, serviceAccountName: e}]",
     NULL},
    {CLASSES, "dataOperationSpecs", "[{name: DataPrune}]", "Unsupported value"},
    {CLASSES, "rollout", "{maxConcurrentRuntimes: 25%, progressDeadlineSeconds: 60, paused: true}",
     NULL},
    {CLASSES, "rollout", "{progressDeadlineSeconds: 0}", "greater than or equal to 1"},
    {CLASSES, "extraResources", "{configMaps: [{data: {a: b}}]}", "name: Required value"},
    /* runtimes */
    {RUNTIMES, "spec.worker.replicas", "0", NULL},
    {RUNTIMES, "spec.worker.replicas", "10001", NULL}, /* and refused by the controller */
    {RUNTIMES, "spec.worker.replicas", "-1", "greater than or equal to 0"},
    {RUNTIMES, "spec.master.workloadType", "{apiVersion: apps/v1, kind: StatefulSet}", NULL},
    {RUNTIMES, "spec.master.workloadType", "{apiVersion: apps/v1, kind: Job}", "Unsupported value"},
    {RUNTIMES, "spec.podMetadata", "{labels: {a: b}, annotations: {c: d}}", NULL},
    {RUNTIMES, "spec.imagePullSecrets", "[{name: a}]", NULL},
    {RUNTIMES, "spec.worker.imagePullSecrets", "[{name: a}]", NULL},
    {RUNTIMES, "spec.management",
     "{cleanCachePolicy: {gracePeriodSeconds: 0, maxRetryAttempts: 7}}", NULL},
    {RUNTIMES, "spec.management", "{cleanCachePolicy: {maxRetryAttempts: -1}}",
     "greater than or equal to 0"},
    {RUNTIMES, "spec.worker.tieredStore",
     "{levels: [{hostPath: {paths: [/a, /b], quotas: [1Gi]}}]}",
     "paths and quotas must have the same length"},
    {RUNTIMES, "spec.client.tieredStore",
     "{levels: [{processMemory: {quota: 1Gi}, hostPath: {paths: [/a], quotas: [1Gi]}}]}",
     "a level has at most one medium"},
    {RUNTIMES, "metadata.name", "a23456789-123456789-123456789-123456789-12345", NULL},
    {RUNTIMES, "metadata.name", "a23456789-123456789-123456789-123456789-123456",
     "the name must have at most 45 characters"},
    {DATASETS, "spec.mounts",
     "[{mountPoint: 's3://b/a', name: data, path: /p, readOnly: true, shared: true,\n"
     " options: {a: b},\n"
     " encryptOptions: [{name: o, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]",
     NULL},
};

static struct cJSON *base_of(struct arena *arena, const char *resource) {
    struct cJSON *object = fixture_yaml(
        arena, strcmp(resource, CLASSES) == 0
                   ? "{kind: CacheRuntimeClass, metadata: {name: a}, fileSystemType: f}"
               : strcmp(resource, RUNTIMES) == 0
                   ? "{kind: CacheRuntime, metadata: {name: a}, spec: {runtimeClassName: a}}"
                   : "{kind: Dataset, metadata: {name: a}}");
    json_set_string(arena, object, SV("apiVersion"), SV("data.fluid.io/v1alpha1"));
    return object;
}

static void set_at(struct arena *arena, struct cJSON *object, struct sv path, struct cJSON *value) {
    struct sv key = sv_cut(&path, '.');
    for (; path.len > 0; key = sv_cut(&path, '.'))
        object = json_ensure_map(arena, object, key);
    json_set(arena, object, key, value);
}

static struct fakeapi *api_with_crds(struct arena *arena) {
    struct fakeapi *api = fixture_api();
    for (size_t i = 0; i < crd_count(); i++) {
        struct api_response response =
            fixture_create(api, arena, "apiextensions.k8s.io/v1/customresourcedefinitions", "",
                           arena_copy(arena, crd_text(i)).ptr);
        CHECK(response.http_status == 201);
    }
    return api;
}

static struct api_response create(struct fakeapi *api, struct arena *arena, size_t i) {
    bool is_class = strcmp(cases[i].resource, CLASSES) == 0;
    struct request request =
        fixture_request(VERB_CREATE, cases[i].resource, is_class ? "" : "default", "");
    struct cJSON *object = base_of(arena, cases[i].resource);
    set_at(arena, object, sv_from(cases[i].path), fixture_yaml(arena, cases[i].value));
    request.body = object;
    request.dry_run = true;
    return fixture_send(api, arena, &request);
}

TEST(takes_and_keeps_what_the_contract_adds) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crds(arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_response response = create(api, arena, i);
        if (cases[i].refusal) {
            CHECK(response.http_status == 422);
            struct sv message = fixture_message(&response);
            CHECK_SV(sv_contains(message, sv_from(cases[i].refusal)) ? sv_from(cases[i].refusal)
                                                                     : message,
                     sv_from(cases[i].refusal));
            continue;
        }
        CHECK_SV(fixture_message(&response), SV(""));
        CHECK(response.http_status == 201);
        CHECK_SV(json_write_arena(arena, json_find(response.body, cases[i].path), JSON_COMPACT),
                 json_write_arena(arena, fixture_yaml(arena, cases[i].value), JSON_COMPACT));
    }
}

/* Absent is the class's number, which upstream's CRD turned into 1. */
TEST(replicas_have_no_default) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crds(arena);
    struct request request = fixture_request(VERB_CREATE, RUNTIMES, "default", "");
    struct cJSON *object = base_of(arena, RUNTIMES);
    set_at(arena, object, SV("spec.worker"), fixture_yaml(arena, "{options: {a: b}}"));
    request.body = object;
    struct api_response response = fixture_send(api, arena, &request);
    CHECK(response.http_status == 201);
    CHECK(json_find(response.body, "spec.worker.options") != NULL);
    CHECK(json_find(response.body, "spec.worker.replicas") == NULL);
}

/* What a status says is kept too. */
TEST(keeps_every_field_of_the_statuses) {
    static const struct {
        const char *resource, *namespace_name, *status;
    } statuses[] = {
        {CLASSES, "",
         "{observedGeneration: 3, runtimes: 4, updatedRuntimes: 2, readyRuntimes: 1,\n"
         " conditions: [{type: Progressing, status: 'True', reason: R, message: m,\n"
         "  lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 3}]}"},
        {RUNTIMES, "default",
         "{phase: Updating, observedGeneration: 3, observedClassGeneration: 5, selector: a=b,\n"
         " cacheStates: {cacheCapacity: 1GiB, cached: 1MiB, cacheFree: 1GiB,\n"
         "  cachedPercentage: 5%, cacheHitRatio: 1%, localThroughputRatio: 2%},\n"
         " mounts: [{path: /a, mountPoint: 's3://b', phase: Pending, message: m,\n"
         "  lastTransitionTime: '2026-01-01T00:00:00Z'}],\n"
         " mountedBy: {podUID: u, containerID: c, restartCount: 2},\n"
         " worker: {phase: Ready, readyReplicas: 1, currentReplicas: 2, desiredReplicas: 3,\n"
         "  unavailableReplicas: 4, availableReplicas: 5, updatedReplicas: 6},\n"
         " conditions: [{type: Ready, status: 'True', reason: R, message: m,\n"
         "  observedGeneration: 3, lastProbeTime: '2026-01-01T00:00:00Z',\n"
         "  lastTransitionTime: '2026-01-01T00:00:00Z'}]}"},
    };
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = api_with_crds(arena);
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct request request =
            fixture_request(VERB_CREATE, statuses[i].resource, statuses[i].namespace_name, "");
        request.body = base_of(arena, statuses[i].resource);
        CHECK(fixture_send(api, arena, &request).http_status == 201);
        struct cJSON *patch = json_map(arena);
        json_set(arena, patch, SV("status"), fixture_yaml(arena, statuses[i].status));
        request =
            fixture_request(VERB_PATCH, statuses[i].resource, statuses[i].namespace_name, "a");
        request.subresource = SV("status");
        request.patch_type = PATCH_MERGE;
        request.body = patch;
        struct api_response response = fixture_send(api, arena, &request);
        CHECK_SV(fixture_message(&response), SV(""));
        CHECK(json_equal(json_get(response.body, SV("status")), json_get(patch, SV("status"))));
    }
}
