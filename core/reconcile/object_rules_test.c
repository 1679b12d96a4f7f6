/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of objects that the API server refuses; that it does, conformance.object_rules asks.
 */
#include "core/reconcile/object_rules.h"

#include "core/reconcile/plan_fixture.h"

#define SERVICE "{kind: Service, spec: {"
#define POD "{kind: StatefulSet, spec: {template: {spec: {"
#define CONTAINER POD "containers: [{name: c, image: i, "

static const struct {
    const char *object;
    enum object_verdict verdict;
    const char *problem;
} cases[] = {
    {SERVICE "ports: [{port: 80}]}}", OBJECT_TAKEN, ""},
    {SERVICE "ports: [{port: 0}]}}", OBJECT_REFUSED,
     "spec.ports[0].port must be an integer from 1 to 65535 and is 0"},
    {SERVICE "ports: [{name: a, port: 1}, {name: a, port: 2}]}}", OBJECT_REFUSED,
     "spec.ports has the name \"a\" twice: keep one of the two"},
    {SERVICE "ports: [{name: a, port: 1}, {name: b, port: 1}]}}", OBJECT_REFUSED,
     "spec has port 1 twice: keep one of the two"},
    {SERVICE "ports: [{name: a, port: 1}, {name: b, port: 1, protocol: UDP}]}}", OBJECT_TAKEN, ""},
    {SERVICE "ports: [{port: 1}, {port: 2}]}}", OBJECT_REFUSED,
     "spec has several ports, each of which needs a name"},
    {SERVICE "ports: [{name: A_b, port: 1}]}}", OBJECT_REFUSED,
     "spec.ports[0].name must be a DNS label of at most 63 small letters, digits and - and is "
     "\"A_b\""},
    {SERVICE "ports: []}}", OBJECT_REFUSED,
     "spec has no ports, which only a headless service may lack"},
    {SERVICE "clusterIP: None}}", OBJECT_TAKEN, ""},
    {SERVICE "clusterIP: None, type: NodePort}}", OBJECT_REFUSED,
     "spec is headless, which takes the type ClusterIP"},
    {SERVICE "ports: [{port: 1, nodePort: 30000}]}}", OBJECT_UNSURE, ""},
    /* What is empty or null is mostly as if it were absent, and the server knows where. */
    {SERVICE "ports: [{name: '', port: 1}]}}", OBJECT_UNSURE, ""},
    {SERVICE "sessionAffinity: '', ports: [{port: 1}]}}", OBJECT_UNSURE, ""},
    {SERVICE "sessionAffinity: null, ports: [{port: 1}]}}", OBJECT_UNSURE, ""},
    {POD "containers: [{name: '', image: i}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].name must be a DNS label of at most 63 small letters, "
     "digits and - and is \"\""},
    {CONTAINER "volumeMounts: [{name: v, mountPath: ''}]}], volumes: [{name: v, emptyDir: {}}]}}}}",
     OBJECT_REFUSED, "spec.template.spec.containers[0].volumeMounts[0].mountPath is empty"},
    {CONTAINER "workingDir: ''}]}}}}", OBJECT_TAKEN, ""},
    {SERVICE "ports: null}}", OBJECT_REFUSED,
     "spec has no ports, which only a headless service may lack"},
    {"{kind: ConfigMap, data: {a: 5}}", OBJECT_REFUSED, "data.a must be a string and is 5"},
    {POD "containers: []}}}}", OBJECT_REFUSED, "spec.template.spec has no containers"},
    {POD "containers: [{image: i}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].name is missing"},
    {POD "containers: [{name: c, image: i}, {name: c, image: i}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers has the name \"c\" twice: keep one of the two"},
    {POD "containers: [{name: c, image: i}], initContainers: [{name: c, image: i}]}}}}",
     OBJECT_REFUSED, "spec.template.spec has two containers named \"c\""},
    {CONTAINER "env: [{name: a=b}]}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].env[0] has a name with \"=\""},
    {CONTAINER "env: [{name: Größe}]}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].env[0] has a name with other characters than printable "
     "ASCII"},
    {CONTAINER "env: [{name: a, value: b, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}]}}}}",
     OBJECT_REFUSED,
     "spec.template.spec.containers[0].env[0] has both a value and valueFrom: keep one"},
    {CONTAINER "volumeMounts: [{name: v, mountPath: /v}]}]}}}}", OBJECT_REFUSED,
     "spec.template.spec mounts volume \"v\" in container \"c\", which the pod does not have"},
    {CONTAINER "resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].resources requests more memory (2Gi) than its limit of "
     "1Gi"},
    {CONTAINER "resources: {limits: {memory: much}}}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].resources.limits.memory must be a quantity of 0 or more, "
     "such as 10Gi and is \"much\""},
    {CONTAINER "livenessProbe: {periodSeconds: 5}}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].livenessProbe must have one of "
     "exec|httpGet|tcpSocket|grpc"},
    {CONTAINER "livenessProbe: {exec: {command: [a]}, successThreshold: 2}}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].livenessProbe must have the successThreshold 1"},
    {CONTAINER "readinessProbe: {exec: {command: [a]}, successThreshold: 2}}]}}}}", OBJECT_TAKEN,
     ""},
    {CONTAINER "securityContext: {privileged: true, allowPrivilegeEscalation: false}}]}}}}",
     OBJECT_REFUSED,
     "spec.template.spec.containers[0].securityContext is privileged, and says "
     "allowPrivilegeEscalation: false: remove one"},
    {CONTAINER "lifecycle: {preStop: {exec: {command: [a]}}}}]}}}}", OBJECT_TAKEN, ""},
    {CONTAINER "lifecycle: {preStop: {exec: {command: []}}}}]}}}}", OBJECT_REFUSED,
     "spec.template.spec.containers[0].lifecycle.preStop.exec has no command"},
    {CONTAINER "volumeDevices: [{name: a, devicePath: /a}]}]}}}}", OBJECT_UNSURE, ""},
    {POD "containers: [{name: c, image: i}], volumes: [{name: v, emptyDir: {}, hostPath: {path: "
         "/a}}]}}}}",
     OBJECT_REFUSED, "spec.template.spec.volumes[0] has more than one source: keep one"},
    {POD "containers: [{name: c, image: i}], nodeSelector: {a: b c}}}}}", OBJECT_REFUSED,
     "spec.template.spec.nodeSelector.a must be the value of a label and is \"b c\""},
    {POD "containers: [{name: c, image: i}], tolerations: [{key: a, operator: Exists, value: b}]"
         "}}}}",
     OBJECT_REFUSED,
     "spec.template.spec.tolerations[0] has a value, which the operator Exists does not take"},
    {POD "containers: [{name: c, image: i}], restartPolicy: Never}}}}", OBJECT_REFUSED,
     "spec.template.spec.restartPolicy must be one of Always and is \"Never\""},
    {"{kind: DaemonSet, spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 150%}}}}",
     OBJECT_REFUSED,
     "spec.updateStrategy.rollingUpdate.maxUnavailable must be a number, or a percentage up to "
     "100% and is \"150%\""},
};

TEST(says_where_and_what) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv problem;
        enum object_verdict verdict =
            object_rules_judge(arena, fixture_yaml(arena, cases[i].object), &problem);
        CHECK_SV(problem, sv_from(cases[i].problem));
        CHECK(verdict == cases[i].verdict);
    }
}

/* As many as an object has room for: each is compared with one or two others, not with all. */
TEST(long_lists_are_judged) {
    enum { LONG = 50 * 1000 };
    AUTO(arena) arena = arena_new();
    struct sv problem;
    struct cJSON *set = fixture_yaml(
        arena, "{kind: DaemonSet, spec: {template: {spec: {containers: [{name: c, image: i}]}}}}");
    struct cJSON *pod = json_find(set, "spec.template.spec");
    struct cJSON *holder = json_find(pod, "containers.0");
    struct cJSON *ports = json_ensure_list(arena, holder, SV("ports"));
    struct cJSON *mounts = json_ensure_list(arena, holder, SV("volumeMounts"));
    struct cJSON *volumes = json_ensure_list(arena, pod, SV("volumes"));
    for (int i = 0; i < LONG; i++) {
        struct sv name = arena_printf(arena, "v%d", i);
        json_set_int(arena, json_append(ports, json_map(arena)), SV("containerPort"), i + 1);
        json_set_string(arena, json_append(volumes, json_map(arena)), SV("name"), name);
        struct cJSON *mount = json_append(mounts, json_map(arena));
        json_set_string(arena, mount, SV("name"), name);
        json_set_string(arena, mount, SV("mountPath"), arena_printf(arena, "/%d", i));
    }
    CHECK(object_rules_judge(arena, set, &problem) == OBJECT_TAKEN);
    CHECK_SV(problem, SV(""));
    json_set_int(arena, json_at(ports, LONG - 1), SV("containerPort"), LONG - 1);
    CHECK(object_rules_judge(arena, set, &problem) == OBJECT_REFUSED);
    CHECK_SV(problem,
             SV("spec.template.spec.containers[0].ports[49998] is there twice: keep one of "
                "the two"));
}
