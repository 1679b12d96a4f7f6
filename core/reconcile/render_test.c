/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is rendered, field by field: fluid-contract.md §3, §2.9, §5.3 and contract.md §2, §3, §5.
 * The whole objects are in the golden plans; here each rule stands alone.
 */
#include "core/reconcile/render.h"

#include "core/reconcile/pass.h"
#include "core/reconcile/plan_fixture.h"
#include "core/reconcile/runtime_json.h"

struct rule {
    const char *what;
    enum component_type component;
    const char *part;     /* topology.<c> but for its template's containers */
    const char *pod;      /* members of template.spec, and of containers[0] after a ";" */
    const char *spec;     /* of the runtime */
    const char *dataset;  /* spec of the dataset */
    const char *path;     /* in the workload */
    const char *expected; /* JSON; NULL: absent */
};

#define M COMPONENT_MASTER
#define W COMPONENT_WORKER
#define C COMPONENT_CLIENT
#define POD "spec.template.spec"
#define BOX POD ".containers.0"

static const struct rule rules[] = {
    /* §3.2, in its order */
    {"labels of class, runtime and component", M, "", "",
     "podMetadata: {labels: {a: r, b: r}}, "
     "master: {podMetadata: {labels: {b: c}}}",
     "", "spec.template.metadata.labels",
     "{\"a\":\"r\",\"b\":\"c\",\"cacheruntime.fluid.io/name\":\"demo\","
     "\"cacheruntime.fluid.io/component-name\":\"demo-master\"}"},
    {"the selector's labels win", M, "", "",
     "podMetadata: {labels: {cacheruntime.fluid.io/name: x}}", "", "spec.template.metadata.labels",
     "{\"cacheruntime.fluid.io/name\":\"demo\",\"cacheruntime.fluid.io/component-name\":"
     "\"demo-master\"}"},
    {"annotations", M, "", "", "podMetadata: {annotations: {a: b}}", "",
     "spec.template.metadata.annotations", "{\"a\":\"b\"}"},
    {"node selector", M, "", "nodeSelector: {a: class, b: class}",
     "master: {nodeSelector: {b: own}}", "", POD ".nodeSelector",
     "{\"a\":\"class\",\"b\":\"own\"}"},
    {"tolerations in order", M, "", "tolerations: [{key: a}]", "master: {tolerations: [{key: c}]}",
     "tolerations: [{key: b}]", POD ".tolerations",
     "[{\"key\":\"a\"},{\"key\":\"b\"},{\"key\":\"c\"}]"},
    {"image and tag", M, "", "", "master: {runtimeVersion: {image: new, imageTag: v2}}", "",
     BOX ".image", "\"new:v2\""},
    {"an image without tag changes nothing", M, "", "", "master: {runtimeVersion: {image: new}}",
     "", BOX ".image", "\"i\""},
    {"a tag without image neither", M, "", "", "master: {runtimeVersion: {imageTag: v2}}", "",
     BOX ".image", "\"i\""},
    {"what is null is left out", M, "", "dnsPolicy: null", "", "", POD ".dnsPolicy", NULL},
    {"and in a list as well", M, "", ";ports: [{containerPort: 1, name: null}]", "", "",
     BOX ".ports", "[{\"containerPort\":1}]"},
    {"pull policy", M, "", "", "master: {runtimeVersion: {imagePullPolicy: Always}}", "",
     BOX ".imagePullPolicy", "\"Always\""},
    {"resources of the template stay", M, "", ";resources: {limits: {cpu: '1'}}", "", "",
     BOX ".resources", "{\"limits\":{\"cpu\":\"1\"}}"},
    {"empty resources replace nothing", M, "", ";resources: {limits: {cpu: '1'}}",
     "master: {resources: {}}", "", BOX ".resources", "{\"limits\":{\"cpu\":\"1\"}}"},
    {"nor do those without requests and limits", M, "", ";resources: {limits: {cpu: '1'}}",
     "master: {resources: {claims: []}}", "", BOX ".resources", "{\"limits\":{\"cpu\":\"1\"}}"},
    {"limits alone replace them", M, "", ";resources: {requests: {cpu: '1'}}",
     "master: {resources: {limits: {cpu: '2'}}}", "", BOX ".resources",
     "{\"limits\":{\"cpu\":\"2\"}}"},
    {"resources are replaced whole", M, "", ";resources: {limits: {cpu: '1'}}",
     "master: {resources: {requests: {cpu: '2'}}}", "", BOX ".resources",
     "{\"requests\":{\"cpu\":\"2\"}}"},
    {"args are replaced", M, "", ";args: [a]", "master: {args: [b, c]}", "", BOX ".args",
     "[\"b\",\"c\"]"},
    {"an empty list of args as well", M, "", ";args: [a]", "master: {args: []}", "", BOX ".args",
     "[]"},
    {"pull secrets", M, "", "imagePullSecrets: [{name: a}]",
     "imagePullSecrets: [{name: b}], master: {imagePullSecrets: [{name: c}]}", "",
     POD ".imagePullSecrets", "[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]"},
    {"environment: ours, the template's, the runtime's; the last of a name wins", M, "",
     ";env: [{name: A, value: t}, {name: B, value: t}]", "master: {env: [{name: B, value: r}]}", "",
     BOX ".env",
     "[{\"name\":\"FLUID_DATASET_NAME\",\"value\":\"demo\"},"
     "{\"name\":\"FLUID_DATASET_NAMESPACE\",\"value\":\"default\"},"
     "{\"name\":\"FLUID_RUNTIME_CONFIG_PATH\",\"value\":\"/etc/fluid/config/runtime.json\"},"
     "{\"name\":\"FLUID_RUNTIME_MOUNT_PATH\",\"value\":\"/runtime-mnt/cache/default/demo/"
     "cache-fuse\"},"
     "{\"name\":\"FLUID_RUNTIME_COMPONENT_TYPE\",\"value\":\"master\"},"
     "{\"name\":\"FLUID_RUNTIME_COMPONENT_SVC_NAME\",\"value\":\"\"},"
     "{\"name\":\"A\",\"value\":\"t\"},{\"name\":\"B\",\"value\":\"r\"}]"},
    {"the service's name is told", W, "service: {headless: {}}", "", "", "", BOX ".env.5.value",
     "\"svc-demo-worker\""},

    /* §3.3 */
    {"the config comes first", M, "", "", "", "", POD ".volumes.0",
     "{\"name\":\"fluid-runtime-demo-config\",\"configMap\":{\"name\":\"fluid-runtime-config-"
     "demo\"}}"},
    {"and is read-only", M, "", "", "", "", BOX ".volumeMounts.0",
     "{\"name\":\"fluid-runtime-demo-config\",\"mountPath\":\"/etc/fluid/config\",\"readOnly\":"
     "true}"},
    {"a volume that a mount names", M, "", "",
     "volumes: [{name: v, emptyDir: {}}, {name: unused, emptyDir: {}}], "
     "master: {volumeMounts: [{name: v, mountPath: /v, subPath: a}]}",
     "", POD ".volumes.1", "{\"name\":\"v\",\"emptyDir\":{}}"},
    {"a volume that no mount names", M, "", "", "volumes: [{name: v, emptyDir: {}}]", "",
     POD ".volumes.1", NULL},
    {"two mounts of one volume both stay", M, "", "",
     "volumes: [{name: v, emptyDir: {}}], master: {volumeMounts: [{name: v, mountPath: /a}, "
     "{name: v, mountPath: /b}]}",
     "", BOX ".volumeMounts.2", "{\"name\":\"v\",\"mountPath\":\"/b\"}"},
    {"a mount takes the place of the class's at its path", M, "",
     "volumes: [{name: v, emptyDir: {}}];volumeMounts: [{name: v, mountPath: /a, subPath: x}]",
     "master: {volumeMounts: [{name: v, mountPath: /a, readOnly: true}]}", "",
     BOX ".volumeMounts.0", "{\"name\":\"v\",\"mountPath\":\"/a\",\"readOnly\":true}"},
    {"and a volume of the class stays", M, "", "volumes: [{name: v, emptyDir: {medium: Memory}}]",
     "volumes: [{name: v, hostPath: {path: /h}}], "
     "master: {volumeMounts: [{name: v, mountPath: /a}]}",
     "", POD ".volumes.0", "{\"name\":\"v\",\"emptyDir\":{\"medium\":\"Memory\"}}"},
    {"an extra config map", M,
     "dependencies: {extraResources: {configMaps: [{name: e, mountPath: /e}]}}", "", "", "",
     BOX ".volumeMounts.1",
     "{\"name\":\"fluid-extra-demo-e\",\"mountPath\":\"/e\",\"readOnly\":true}"},
    {"which the first init container sees as well", M,
     "dependencies: {extraResources: {configMaps: [{name: e, mountPath: /e}]}}",
     "initContainers: [{name: a, image: i}, {name: b, image: i}]", "", "",
     POD ".initContainers.0.volumeMounts",
     "[{\"name\":\"fluid-runtime-demo-config\",\"mountPath\":\"/etc/fluid/config\",\"readOnly\":"
     "true},{\"name\":\"fluid-extra-demo-e\",\"mountPath\":\"/e\",\"readOnly\":true}]"},
    {"and no other", M, "", "initContainers: [{name: a, image: i}, {name: b, image: i}]", "", "",
     POD ".initContainers.1", "{\"name\":\"b\",\"image\":\"i\"}"},
    {"a script is executable", M, "executionEntries: {mountUFS: {script: {configMap: e, key: k}}}",
     "", "", "", POD ".volumes.1",
     "{\"name\":\"fluid-scripts-e\",\"configMap\":{\"name\":\"e\",\"defaultMode\":365}}"},

    /* §3.4 */
    {"memory of the process", W, "", "",
     "worker: {tieredStore: {levels: [{processMemory: {quota: "
     "1024Mi}}]}}",
     "", POD ".volumes.0",
     "{\"name\":\"tiered-store-level-0-memory\",\"emptyDir\":{\"medium\":\"Memory\",\"sizeLimit\":"
     "\"1Gi\"}}"},
    {"counts against the container's memory", W, "",
     ";resources: {limits: {memory: 2Gi}, requests: {cpu: 1}}",
     "worker: {tieredStore: {levels: [{processMemory: {quota: 1Gi}}, "
     "{emptyDir: {quota: 512Mi, medium: Memory}}]}}",
     "", BOX ".resources.limits.memory", "\"3584Mi\""},
    {"where it has a bound", W, "", ";resources: {limits: {memory: 2Gi}, requests: {cpu: '1'}}",
     "worker: {tieredStore: {levels: [{processMemory: {quota: 1Gi}}]}}", "",
     BOX ".resources.requests", "{\"cpu\":\"1\"}"},
    {"host paths", W, "", "",
     "worker: {tieredStore: {levels: [{hostPath: {paths: [/a, /b], "
     "quotas: [1Gi, 2Gi], type: Directory}}]}}",
     "", POD ".volumes.1",
     "{\"name\":\"tiered-store-level-0-index-1\",\"hostPath\":{\"path\":\"/b\",\"type\":"
     "\"Directory\"}}"},
    {"where a container sees them", W, "", "",
     "worker: {tieredStore: {levels: [{hostPath: {paths: "
     "[/a, /b], quotas: [1Gi, 2Gi]}}]}}",
     "", BOX ".volumeMounts.1.mountPath",
     "\"/etc/fluid/mount/tiered-store/level-0-index-1-hostpath\""},
    {"levels of the class", W, "tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}", "", "", "",
     POD ".volumes.0.emptyDir", "{\"sizeLimit\":\"1Gi\"}"},
    {"are replaced whole", W, "tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}", "",
     "worker: {tieredStore: {levels: [{emptyDir: {quota: 2Gi, medium: Memory}}]}}", "",
     POD ".volumes.0.emptyDir", "{\"medium\":\"Memory\",\"sizeLimit\":\"2Gi\"}"},
    {"with no level they stay", W, "tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}", "",
     "worker: {tieredStore: {levels: []}}", "", POD ".volumes.0.emptyDir",
     "{\"sizeLimit\":\"1Gi\"}"},
    {"a client has levels", C, "tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}", "",
     "client: {tieredStore: {levels: [{emptyDir: {quota: 3Gi}}]}}", "", POD ".volumes.0.emptyDir",
     "{\"sizeLimit\":\"3Gi\"}"},
    {"a master has none", M, "tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}", "", "", "",
     POD ".volumes.1", NULL},
    {"a level without medium does nothing", W, "", "",
     "worker: {tieredStore: {levels: [{high: '1'}, {emptyDir: {quota: 1Gi}}]}}", "",
     POD ".volumes.0.name", "\"tiered-store-level-1-index-0\""},
    {"an init container sees no level", W, "", "initContainers: [{name: a, image: i}]",
     "worker: {tieredStore: {levels: [{emptyDir: {quota: 1Gi}}, {hostPath: {paths: [/a], quotas: "
     "[1Gi]}}]}}",
     "", POD ".initContainers.0.volumeMounts",
     "[{\"name\":\"fluid-runtime-demo-config\",\"mountPath\":\"/etc/fluid/config\",\"readOnly\":"
     "true}]"},
    {"a host path of no type", W, "", "",
     "worker: {tieredStore: {levels: [{hostPath: {paths: [/a], quotas: [1Gi]}}]}}", "",
     POD ".volumes.0.hostPath", "{\"path\":\"/a\"}"},

    /* §3.5 */
    {"secrets for a master", M, "", "", "",
     "mounts: [{mountPoint: 's3://b/', encryptOptions: [{name: ak, valueFrom: {secretKeyRef: "
     "{name: s, key: k}}}]}]",
     POD ".volumes.1", "{\"name\":\"cache-mnt-secret-s\",\"secret\":{\"secretName\":\"s\"}}"},
    {"none for a client", C, "", "", "",
     "sharedEncryptOptions: [{name: ak, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
     POD ".volumes.2", NULL},
    {"but where the class wants them", C, "dependencies: {secretMount: {enabled: true}}", "", "",
     "sharedEncryptOptions: [{name: ak, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
     BOX ".volumeMounts.1",
     "{\"name\":\"cache-mnt-secret-s\",\"mountPath\":\"/etc/fluid/secrets/s\",\"readOnly\":true}"},
    {"none of a native mount", M, "", "", "",
     "mounts: [{mountPoint: 'local:///b', encryptOptions: [{name: ak, valueFrom: {secretKeyRef: "
     "{name: s, key: k}}}]}]",
     POD ".volumes.1", NULL},
    {"nor where the class says nothing but that", M, "dependencies: {secretMount: {}}", "", "",
     "sharedEncryptOptions: [{name: ak, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
     POD ".volumes.1", NULL},
    {"no secret for an init container", M, "", "initContainers: [{name: a, image: i}]", "",
     "sharedEncryptOptions: [{name: ak, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
     POD ".initContainers.0.volumeMounts.1", NULL},

    /* §3.6 */
    {"workers carry the dataset", W, "", "", "", "", "spec.template.metadata.labels",
     "{\"fluid.io/dataset\":\"default-demo\",\"fluid.io/dataset-placement\":\"Exclusive\","
     "\"cacheruntime.fluid.io/name\":\"demo\",\"cacheruntime.fluid.io/component-name\":"
     "\"demo-worker\"}"},
    {"exclusive placement", W, "", "", "", "", POD ".affinity.podAntiAffinity",
     "{\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"labelSelector\":{"
     "\"matchExpressions\":[{\"key\":\"fluid.io/dataset\",\"operator\":\"Exists\"}]},"
     "\"topologyKey\":\"kubernetes.io/hostname\"}]}"},
    {"shared placement", W, "", "", "", "placement: Shared",
     POD ".affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.0."
         "labelSelector",
     "{\"matchExpressions\":[{\"key\":\"fluid.io/dataset-placement\",\"operator\":\"In\","
     "\"values\":[\"Exclusive\"]}]}"},
    {"the product of node terms, fields kept", W, "",
     "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
     "{nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}",
     "",
     "nodeAffinity: {required: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: "
     "In, values: [node]}]}]}}",
     POD ".affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
     "[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"}],\"matchFields\":[{\"key\":"
     "\"metadata.name\",\"operator\":\"In\",\"values\":[\"node\"]}]}]"},
    {"and its expressions", W, "",
     "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
     "{nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}, "
     "{matchFields: [{key: metadata.name, operator: In, values: [x]}]}]}}}",
     "",
     "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: b, operator: "
     "Exists}]}]}}",
     POD ".affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
     "[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"},{\"key\":\"b\",\"operator\":"
     "\"Exists\"}]},{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":["
     "\"x\"]}],\"matchExpressions\":[{\"key\":\"b\",\"operator\":\"Exists\"}]}]"},
    {"the dataset's terms where the class has none", W, "", "", "",
     "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: b, operator: "
     "Exists}]}]}}",
     POD ".affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
     "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"b\",\"operator\":\"Exists\"}]}]}"},
    {"workers like nodes with a client", W, "", "", "", "",
     POD ".affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution",
     "[{\"weight\":100,\"preference\":{\"matchExpressions\":[{\"key\":\"fluid.io/f-default-demo\","
     "\"operator\":\"In\",\"values\":[\"true\"]}]}}]"},
    {"a master has no node affinity of the dataset", M, "", "", "",
     "nodeAffinity: {required: {nodeSelectorTerms: [{matchFields: []}]}}", POD ".affinity", NULL},

    /* §3.7 */
    {"clients where a volume is mounted", C, "", "", "", "", POD ".nodeSelector",
     "{\"fluid.io/f-default-demo\":\"true\"}"},
    {"or everywhere", C, "activation: Always", "", "", "", POD ".nodeSelector", NULL},
    {"the shared path", C, "", "", "", "", BOX ".volumeMounts.1",
     "{\"name\":\"fluid-cache-runtime-shared-path\",\"mountPath\":\"/runtime-mnt/cache/default/"
     "demo/cache-fuse\",\"mountPropagation\":\"Bidirectional\"}"},
    {"is for the first container", C, "", "initContainers: [{name: a, image: i}]", "", "",
     POD ".initContainers.0.volumeMounts.1", NULL},

    /* workloads: §2.9, contract.md §2 */
    {"replicas of the class", M, "replicas: 3", "", "", "", "spec.replicas", "3"},
    {"of the runtime", M, "replicas: 3", "", "master: {replicas: 0}", "", "spec.replicas", "0"},
    {"one when nobody says", M, "", "", "", "", "spec.replicas", "1"},
    {"none of a DaemonSet", C, "", "", "", "", "spec.replicas", NULL},
    {"pods start at once", M, "", "", "", "", "spec.podManagementPolicy", "\"Parallel\""},
    {"a service's name for pods", M, "services: [{ports: [{port: 1}]}]", "", "", "",
     "spec.serviceName", "\"svc-demo-master\""},
    {"no service, no name", M, "", "", "", "", "spec.serviceName", NULL},
    {"masters roll", M, "", "", "", "", "spec.updateStrategy", "{\"type\":\"RollingUpdate\"}"},
    {"clients are not restarted", C, "", "", "", "", "spec.updateStrategy",
     "{\"type\":\"OnDelete\"}"},
    {"clients that roll by default", C, "updateStrategy: {type: RollingUpdate}", "", "", "",
     "spec.updateStrategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1}}"},
    {"update strategy", W, "updateStrategy: {partition: 1}", "", "", "", "spec.updateStrategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"partition\":1}}"},
    {"a partition is for StatefulSets", C, "updateStrategy: {type: RollingUpdate, partition: 1}",
     "", "", "", "spec.updateStrategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":1}}"},
    {"clients that roll", C, "updateStrategy: {type: RollingUpdate, maxUnavailable: 10%}", "", "",
     "", "spec.updateStrategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"10%\"}}"},
    {"the class's kind", W, "workloadType: {apiVersion: apps/v1, kind: Deployment}", "", "", "",
     "kind", "\"Deployment\""},
    {"the runtime's kind", W, "workloadType: {apiVersion: apps/v1, kind: Deployment}", "",
     "worker: {workloadType: {apiVersion: apps/v1, kind: DaemonSet}}", "", "kind", "\"DaemonSet\""},
    {"a Deployment has a strategy", W, "workloadType: {apiVersion: apps/v1, kind: Deployment}", "",
     "", "placement: Shared", "spec.strategy", "{\"type\":\"RollingUpdate\"}"},
    {"with one pod a node none comes before one goes", W,
     "workloadType: {apiVersion: apps/v1, kind: Deployment}", "", "", "", "spec.strategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":1}}"},
    {"but where none may go", W,
     "workloadType: {apiVersion: apps/v1, kind: Deployment}, updateStrategy: {maxUnavailable: 0}",
     "", "", "", "spec.strategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":0}}"},
    {"in percent as well", W,
     "workloadType: {apiVersion: apps/v1, kind: Deployment}, updateStrategy: {maxUnavailable: 0%}",
     "", "", "", "spec.strategy",
     "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"0%\"}}"},
    {"no pod management either", W, "workloadType: {apiVersion: apps/v1, kind: Deployment}", "", "",
     "", "spec.podManagementPolicy", NULL},
    {"the selector is fixed", W, "", "", "", "", "spec.selector",
     "{\"matchLabels\":{\"cacheruntime.fluid.io/name\":\"demo\",\"cacheruntime.fluid.io/"
     "component-name\":\"demo-worker\"}}"},
};

static struct cJSON *component_with(struct arena *arena, const struct rule *rule) {
    struct sv box = sv_from(rule->pod), pod = sv_cut(&box, ';');
    struct sv text = arena_printf(
        arena, "{%s%s template: {spec: {%.*s%s containers: [{name: x, image: i%s%.*s}]}}}",
        rule->part, rule->part[0] ? "," : "", SV_ARG(pod), pod.len ? "," : "", box.len ? "," : "",
        SV_ARG(box));
    return fixture_yaml(arena, text.ptr);
}

static void prepare(struct world *world, struct arena *arena, const struct rule *rule) {
    static const struct sv names[] = {{"master", 6}, {"worker", 6}, {"client", 6}};
    world_init(world, arena);
    struct cJSON *topology = json_map(arena);
    json_set(arena, topology, names[rule->component], component_with(arena, rule));
    json_set(arena, world->runtime_class, SV("topology"), topology);
    struct sv spec = arena_printf(arena, "{%s%s runtimeClassName: demo-class}", rule->spec,
                                  rule->spec[0] ? "," : "");
    json_set(arena, world->runtime, SV("spec"), fixture_yaml(arena, spec.ptr));
    json_set(arena, world->dataset, SV("spec"),
             fixture_yaml(arena, arena_printf(arena, "{%s}", rule->dataset).ptr));
}

TEST(renders_each_rule) {
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        prepare(&world, arena, &rules[i]);
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        struct pass pass;
        pass_init(&pass, &snapshot, arena, &plan);
        runtime_json_render(&pass);
        const struct component *component = &pass.components[rules[i].component];
        const struct cJSON *workload = render_workload(&pass, component, component->replicas);
        const struct cJSON *found = json_find(workload, rules[i].path);
        if (!rules[i].expected && found)
            printf("%s\n", rules[i].what);
        CHECK((found != NULL) == (rules[i].expected != NULL));
        if (rules[i].expected)
            CHECK_SV(json_write_arena(arena, found, JSON_COMPACT), sv_from(rules[i].expected));
        world_release(&world);
    }
}

/* --- services --- */

/* As many as an object has room for; each is compared with one other, not with all. */
TEST(a_long_environment_is_rendered) {
    enum { LONG = 50 * 1000, OURS = 6 };
    AUTO(arena) arena = arena_new();
    struct world world;
    prepare(&world, arena, &rules[0]);
    struct cJSON *template = json_find(world.runtime_class, "topology.master.template");
    struct cJSON *variables =
        json_ensure_list(arena, json_find(template, "spec.containers.0"), SV("env"));
    for (int i = 0; i < LONG; i++)
        json_set_string(arena, json_append(variables, json_map(arena)), SV("name"),
                        arena_printf(arena, "V%d", i));
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    struct pass pass;
    pass_init(&pass, &snapshot, arena, &plan);
    runtime_json_render(&pass);
    const struct component *master = &pass.components[M];
    const struct cJSON *workload = render_workload(&pass, master, master->replicas);
    CHECK(json_count(json_find(workload, BOX ".env")) == LONG + OURS);
    world_release(&world);
}

TEST(renders_services) {
    static const struct {
        const char *part;
        const char *expected; /* names, specs without selector, annotations */
    } cases[] = {
        {"services: [{name: a, publishNotReadyAddresses: true}, {type: LoadBalancer}]",
         "svc-demo-master-a {\"publishNotReadyAddresses\":true};"
         "svc-demo-master {\"type\":\"LoadBalancer\"};"},
        {"service: {headless: {}}",
         "svc-demo-master {\"clusterIP\":\"None\",\"publishNotReadyAddresses\":true};"},
        {"services: [{ports: [{port: 80}]}]", "svc-demo-master {\"ports\":[{\"port\":80}]};"},
        {"services: [{headless: true}, {name: web, type: NodePort, ports: [{port: 80}]}]",
         "svc-demo-master {\"clusterIP\":\"None\"};"
         "svc-demo-master-web {\"type\":\"NodePort\",\"ports\":[{\"port\":80}]};"},
        {"services: [{annotations: {a: b}, ports: [{port: 80}]}]",
         "svc-demo-master {\"ports\":[{\"port\":80}]} {\"a\":\"b\"};"},
        {"services: [{name: web, sessionAffinity: ClientIP}], service: {headless: {}}",
         "svc-demo-master-web {\"sessionAffinity\":\"ClientIP\"};"
         "svc-demo-master {\"clusterIP\":\"None\",\"publishNotReadyAddresses\":true};"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct rule rule = {
            .component = M, .part = cases[i].part, .pod = "", .spec = "", .dataset = ""};
        prepare(&world, arena, &rule);
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        struct pass pass;
        pass_init(&pass, &snapshot, arena, &plan);
        struct sv text = SV("");
        JSON_EACH (service, render_services(&pass, &pass.components[M])) {
            struct cJSON *spec = json_get(service, SV("spec"));
            CHECK(json_remove(spec, SV("selector")) != NULL);
            const struct cJSON *notes = json_find(service, "metadata.annotations");
            struct sv note = notes ? json_write_arena(arena, notes, JSON_COMPACT) : SV("");
            text = arena_printf(arena, "%.*s%.*s %.*s%s%.*s;", SV_ARG(text),
                                SV_ARG(object_name(service)),
                                SV_ARG(json_write_arena(arena, spec, JSON_COMPACT)),
                                notes ? " " : "", SV_ARG(note));
        }
        CHECK_SV(text, sv_from(cases[i].expected));
        world_release(&world);
    }
}

/* --- volume and claim --- */

TEST(renders_the_volume) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    object_set_annotation(arena, world.dataset, SV("pvc.fluid.io/resources.requests.storage"),
                          SV("5Ti"));
    object_set_annotation(arena, world.runtime, SV("fluid.io/skip-check-mount-ready-target"),
                          SV("true"));
    object_set_annotation(arena, world.runtime, SV("data.fluid.io/metadataList"),
                          SV("[{\"selector\":{\"kind\":\"PersistentVolume\"},\"labels\":{"
                             "\"fluid.io/node-publish-method\":\"symlink\"}},{\"selector\":{"
                             "\"kind\":\"PersistentVolume\",\"group\":\"other.io\"},\"labels\":{"
                             "\"a\":\"of another group\"}}]"));
    json_set(arena, json_get(world.runtime, SV("spec")), SV("client"),
             fixture_yaml(arena, "{nodeSelector: {b: '2', a: '1'}}"));
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    struct pass pass;
    pass_init(&pass, &snapshot, arena, &plan);
    const struct cJSON *volume = render_volume(&pass), *claim = render_claim(&pass);
    CHECK_SV(
        json_write_arena(arena, json_get(volume, SV("spec")), JSON_COMPACT),
        SV("{\"accessModes\":[\"ReadOnlyMany\"],\"storageClassName\":\"fluid\",\"capacity\":{"
           "\"storage\":\"5Ti\"},\"claimRef\":{\"namespace\":\"default\",\"name\":\"demo\"},"
           "\"csi\":{\"driver\":\"fuse.csi.fluid.io\",\"volumeHandle\":\"default-demo\","
           "\"volumeAttributes\":{\"fluid_path\":\"/runtime-mnt/cache/default/demo/"
           "cache-fuse\",\"mount_type\":\"cache\",\"runtime_namespace\":\"default\","
           "\"runtime_name\":\"demo\",\"mount_pod_node_selector_key\":"
           "\"fluid.io/f-default-demo\",\"fluid.io/skip-check-mount-ready-target\":\"true\","
           "\"node_publish_method\":\"symlink\"}},\"nodeAffinity\":{\"required\":{"
           "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\","
           "\"values\":[\"1\"]},{\"key\":\"b\",\"operator\":\"In\",\"values\":[\"2\"]}]}]}}}"));
    CHECK_SV(json_write_arena(arena, json_get(volume, SV("metadata")), JSON_COMPACT),
             SV("{\"name\":\"default-demo\",\"labels\":{\"cacheruntime.fluid.io/name\":\"demo\","
                "\"fluid.io/s-default-demo\":\"true\",\"fluid.io/dataset-id\":\"default-demo\","
                "\"fluid.io/node-publish-method\":\"symlink\"},\"annotations\":{\"CreatedBy\":"
                "\"fluid\"}}"));
    CHECK_SV(json_write_arena(arena, json_get(claim, SV("metadata")), JSON_COMPACT),
             SV("{\"name\":\"demo\",\"namespace\":\"default\",\"labels\":{"
                "\"cacheruntime.fluid.io/name\":\"demo\",\"fluid.io/s-default-demo\":\"true\","
                "\"fluid.io/dataset-id\":\"default-demo\",\"fuse.runtime.fluid.io/generation\":"
                "\"1\"},\"annotations\":{\"CreatedBy\":\"fluid\"}}"));
    CHECK_SV(json_write_arena(arena, json_get(claim, SV("spec")), JSON_COMPACT),
             SV("{\"accessModes\":[\"ReadOnlyMany\"],\"storageClassName\":\"fluid\","
                "\"volumeName\":\"default-demo\",\"resources\":{\"requests\":{\"storage\":"
                "\"5Ti\"}}}"));
    world_release(&world);
}

/* §5.3: what is not asked for, or not in a way that can be read, is as by default. */
static const struct {
    const char *what;
    const char *dataset;       /* its spec */
    const char *size;          /* its annotation, or NULL */
    const char *edits;         /* metadataList of the runtime, or NULL */
    const char *spec;          /* of the runtime */
    const char *path, *volume; /* of the volume, as JSON; NULL: absent */
} volumes[] = {
    {"size", "{}", NULL, NULL, "{}", "spec.capacity", "{\"storage\":\"100Pi\"}"},
    {"a size that is none", "{}", "five", NULL, "{}", "spec.capacity", "{\"storage\":\"100Pi\"}"},
    {"access", "{}", NULL, NULL, "{}", "spec.accessModes", "[\"ReadOnlyMany\"]"},
    {"no access", "{accessModes: []}", NULL, NULL, "{}", "spec.accessModes", "[\"ReadOnlyMany\"]"},
    {"another access", "{accessModes: [ReadWriteMany, ReadOnlyMany]}", NULL, NULL, "{}",
     "spec.accessModes", "[\"ReadWriteMany\",\"ReadOnlyMany\"]"},
    {"attributes", "{}", NULL, NULL, "{}", "spec.csi.volumeAttributes",
     "{\"fluid_path\":\"/runtime-mnt/cache/default/demo/cache-fuse\",\"mount_type\":\"cache\","
     "\"runtime_namespace\":\"default\",\"runtime_name\":\"demo\","
     "\"mount_pod_node_selector_key\":\"fluid.io/f-default-demo\"}"},
    {"no nodes", "{}", NULL, NULL, "{client: {nodeSelector: {}}}", "spec.nodeAffinity", NULL},
    {"edits that are none", "{}", NULL, "[{", "{}", "metadata.annotations",
     "{\"CreatedBy\":\"fluid\"}"},
    {"edits of the claim", "{}", NULL,
     "[{\"selector\":{\"group\":\"\",\"kind\":\"PersistentVolumeClaim\"},\"annotations\":{\"a\":"
     "\"b\"}}]",
     "{}", "metadata.annotations", "{\"CreatedBy\":\"fluid\"}"},
    {"edits of the volume", "{}", NULL,
     "[{\"selector\":{\"group\":\"\",\"kind\":\"PersistentVolume\"},\"annotations\":{\"a\":"
     "\"b\"}},{\"selector\":{\"kind\":\"PersistentVolume\"},\"annotations\":{\"c\":\"d\"}}]",
     "{}", "metadata.annotations", "{\"CreatedBy\":\"fluid\",\"a\":\"b\",\"c\":\"d\"}"},
    {"what is never set", "{}", NULL, NULL, "{}", "spec.persistentVolumeReclaimPolicy", NULL},
};

TEST(a_volume_is_as_the_dataset_asks) {
    for (size_t i = 0; i < COUNT_OF(volumes); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, world.dataset, SV("spec"), fixture_yaml(arena, volumes[i].dataset));
        json_set(arena, world.runtime, SV("spec"), fixture_yaml(arena, volumes[i].spec));
        if (volumes[i].size)
            object_set_annotation(arena, world.dataset,
                                  SV("pvc.fluid.io/resources.requests.storage"),
                                  sv_from(volumes[i].size));
        if (volumes[i].edits)
            object_set_annotation(arena, world.runtime, SV("data.fluid.io/metadataList"),
                                  sv_from(volumes[i].edits));
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        struct pass pass;
        pass_init(&pass, &snapshot, arena, &plan);
        const struct cJSON *found = json_find(render_volume(&pass), volumes[i].path);
        CHECK((found != NULL) == (volumes[i].volume != NULL));
        if (found && volumes[i].volume)
            CHECK_SV(json_write_arena(arena, found, JSON_COMPACT), sv_from(volumes[i].volume));
        world_release(&world);
    }
}

/* Written with the claim, and never again: a client that changes is no change of the claim. */
TEST(a_claim_tells_the_client_that_it_was_made_for) {
    static const struct {
        const char *containers;
        int64_t generation; /* of the DaemonSet; 0: it is not there yet */
        const char *claim, *label;
    } cases[] = {
        {"[{name: c}]", 7, NULL, "7"},
        {"[{name: c}, {name: d}]", 7, NULL, ""},
        {"[{name: c}]", 0, NULL, "1"},
        {"[{name: c}]", 7, "{metadata: {labels: {fuse.runtime.fluid.io/generation: '3'}}}", "3"},
        {"[{name: c}]", 7, "{metadata: {}}", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct observed *client =
            find(&world, &RESOURCE_DAEMON_SETS, SV("default"), SV("demo-client"));
        struct observed *claim =
            find(&world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
        json_set(arena, json_find(world.runtime_class, "topology.client.template.spec"),
                 SV("containers"), fixture_yaml(arena, cases[i].containers));
        client->state = cases[i].generation ? OBSERVED_PRESENT : OBSERVED_ABSENT;
        claim->state = cases[i].claim ? OBSERVED_PRESENT : OBSERVED_ABSENT;
        if (cases[i].generation) {
            struct cJSON *object =
                fixture_yaml(arena, "{metadata: {ownerReferences: [{uid: u-runtime, "
                                    "controller: true}]}}");
            json_set_int(arena, json_get(object, SV("metadata")), SV("generation"),
                         cases[i].generation);
            client->object = object;
        }
        if (cases[i].claim)
            claim->object = fixture_yaml(arena, cases[i].claim);
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        struct pass pass;
        pass_init(&pass, &snapshot, arena, &plan);
        CHECK_SV(object_label(render_claim(&pass), SV("fuse.runtime.fluid.io/generation")),
                 sv_from(cases[i].label));
        world_release(&world);
    }
}

/* A change of options rolls pods only where the class says so. */
TEST(the_config_hash_is_in_the_template_where_asked_for) {
    static const struct {
        const char *part;
        bool rolls;
    } cases[] = {{"", false}, {"onConfigChange: None", false}, {"onConfigChange: Restart", true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv texts[2];
        for (size_t k = 0; k < 2; k++) {
            struct world world;
            struct rule rule = {.component = M,
                                .part = cases[i].part,
                                .pod = "",
                                .spec = k ? "options: {a: b}" : "",
                                .dataset = ""};
            prepare(&world, arena, &rule);
            struct snapshot snapshot = snapshot_of(&world);
            struct plan plan;
            struct pass pass;
            pass_init(&pass, &snapshot, arena, &plan);
            runtime_json_render(&pass);
            texts[k] = json_write_arena(arena, render_pod_template(&pass, &pass.components[M]),
                                        JSON_COMPACT);
            world_release(&world);
        }
        CHECK(sv_eq(texts[0], texts[1]) != cases[i].rolls);
    }
}
