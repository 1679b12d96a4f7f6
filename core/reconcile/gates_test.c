/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates up to the pods: for every input that cannot be acted on, which gate stays closed, with
 * which reason and sentence, and that nothing was created.
 */
#include "core/reconcile/pass.h"
#include "core/reconcile/plan_fixture.h"
#include "core/reconcile/runtime_json.h"

struct refusal {
    const char *what;
    const char *topology;   /* of the class, or NULL for the fixture's */
    const char *class_rest; /* further members of the class */
    const char *spec;       /* of the runtime, without runtimeClassName */
    const char *dataset;    /* spec of the dataset, or NULL */
    enum gate_id gate;
    const char *reason, *message; /* a part of the message */
};

#define MASTER "master: {template: {spec: {containers: [{name: m, image: i}]}}"
#define CLIENT "{name: c, image: i, securityContext: {privileged: true}}"
#define WORKER "worker: {template: {spec: {containers: [{name: w, image: i}]}}"

static const struct refusal refusals[] = {
    {"no topology", "null", NULL, "", NULL, GATE_CLASS, "NoTopology", "has no topology"},
    {"nothing enabled", "{" MASTER "}}", NULL, "master: {disabled: true}", NULL, GATE_CLASS,
     "NoComponent", "no component is left"},
    {"no container", "{master: {template: {spec: {containers: []}}}}", NULL, "", NULL, GATE_CLASS,
     "NoContainer", "containers is empty"},
    {"a kind of workload", "{" MASTER ", workloadType: {apiVersion: batch/v1, kind: Job}}}", NULL,
     "", NULL, GATE_CLASS, "UnknownWorkloadType", "must be"},
    {"OnDelete of a Deployment",
     "{" MASTER ", workloadType: {apiVersion: apps/v1, kind: Deployment},\n"
     " updateStrategy: {type: OnDelete}}}",
     NULL, "", NULL, GATE_CLASS, "UnknownUpdateStrategy", "choose RollingUpdate"},
    {"replicas of a DaemonSet",
     "{" WORKER ", replicas: 2, workloadType: {apiVersion: apps/v1, kind: DaemonSet}}}", NULL, "",
     NULL, GATE_CLASS, "ReplicasOfDaemonSet", "remove replicas from the class"},
    {"replicas of a DaemonSet in the runtime",
     "{" WORKER ", workloadType: {apiVersion: apps/v1, kind: DaemonSet}}}", NULL,
     "worker: {replicas: 2}", NULL, GATE_CLASS, "ReplicasOfDaemonSet",
     "remove replicas from the runtime"},
    {"replicas of clients", "{client: {replicas: 2, template: {spec: {containers: [" CLIENT "]}}}}",
     NULL, "", NULL, GATE_CLASS, "ReplicasOfDaemonSet",
     "client is a DaemonSet, which has a pod on every node: remove replicas from the class"},
    {"replicas of clients in the runtime", NULL, NULL, "client: {replicas: 0}", NULL, GATE_CLASS,
     "ReplicasOfDaemonSet", "remove replicas from the runtime"},
    {"clients by a Deployment, which have no update strategy by default",
     "{client: {workloadType: {apiVersion: apps/v1, kind: Deployment}, template: {spec: "
     "{containers: [" CLIENT "]}}}}",
     NULL, "", NULL, GATE_CLASS, "UnknownUpdateStrategy",
     "client is a Deployment, which knows no update strategy OnDelete: choose RollingUpdate"},
    {"two services without a name", "{" MASTER ", services: [{headless: true}, {type: NodePort}]}}",
     NULL, "", NULL, GATE_CLASS, "DuplicateName", "two services named \"\""},
    {"an entry without command", "{" MASTER ", executionEntries: {mountUFS: {}}}}", NULL, "", NULL,
     GATE_CLASS, "EntryWithoutCommand", "needs a command"},
    {"a script of an unknown config map",
     "{" MASTER ", executionEntries: {mountUFS: {script: {configMap: x, key: yy}}}}}", NULL, "",
     NULL, GATE_CLASS, "UnknownConfigMap", "\"x\""},
    {"a script that its config map does not hold",
     "{" MASTER ", executionEntries: {mountUFS: {script: {configMap: x, key: yy}}}}}",
     "extraResources: {configMaps: [{name: x, data: {z: ''}}]}", "", NULL, GATE_CLASS,
     "UnknownScript", "names script \"yy\""},
    {"an unknown extra config map",
     "{" MASTER ", dependencies: {extraResources: {configMaps: [{name: x, mountPath: /x}]}}}}",
     NULL, "", NULL, GATE_CLASS, "UnknownConfigMap", "\"x\""},
    {"two extra config maps of one name", NULL,
     "extraResources: {configMaps: [{name: x}, {name: x}]}", "", NULL, GATE_CLASS, "DuplicateName",
     "\"x\" is taken"},
    {"an extra config map with our name", NULL,
     "extraResources: {configMaps: [{name: fluid-runtime-config-demo}]}", "", NULL, GATE_CLASS,
     "DuplicateName", "is taken"},
    {"two services of one name", "{" MASTER ", services: [{name: a}, {name: a}]}}", NULL, "", NULL,
     GATE_CLASS, "DuplicateName", "two services named \"a\""},
    {"a service name that is too long",
     "{" MASTER
     ", services: [{name: a2345678901234567890123456789012345678901234567890123456789}]}}",
     NULL, "", NULL, GATE_CLASS, "NameTooLong",
     "at most 63 bytes: shorten the runtime's or the service's name"},
    {"a service name with a capital", "{" MASTER ", services: [{name: Data}]}}", NULL, "", NULL,
     GATE_CLASS, "InvalidName",
     "topology.master.services: \"Data\" is no name of a service: it takes small letters, digits "
     "and -"},
    {"a service name that is not ASCII", "{" MASTER ", services: [{name: dïn}]}}", NULL, "", NULL,
     GATE_CLASS, "InvalidName", "\"dïn\" is no name of a service"},
    {"a service's port that is none", "{" MASTER ", services: [{ports: [{port: 0}]}]}}", NULL, "",
     NULL, GATE_OBJECTS, "InvalidObject",
     "Service \"svc-demo-master\": spec.ports[0].port must be an integer from 1 to 65535 and is 0"},
    {"a variable that is none", NULL, NULL, "worker: {env: [{name: a=b, value: c}]}", NULL,
     GATE_OBJECTS, "InvalidObject",
     "StatefulSet \"demo-worker\": spec.template.spec.containers[0]"},
    {"a variable that is not ASCII", NULL, NULL, "worker: {env: [{name: Größe, value: c}]}", NULL,
     GATE_OBJECTS, "InvalidObject", "has a name with other characters than printable ASCII"},
    {"a toleration of the dataset that is none", NULL, NULL, "", "{tolerations: [{value: a}]}",
     GATE_OBJECTS, "InvalidObject", "has no key, which takes the operator Exists"},
    {"an access mode that is none", NULL, NULL, "", "{accessModes: [ReadOnlyMany, Sometimes]}",
     GATE_OBJECTS, "InvalidObject",
     "PersistentVolume \"default-demo\": spec.accessModes[1] must be one of"},
    {"an access mode of one pod and others", NULL, NULL, "",
     "{accessModes: [ReadWriteOncePod, ReadOnlyMany]}", GATE_OBJECTS, "InvalidObject",
     "PersistentVolume \"default-demo\": spec has the access mode ReadWriteOncePod beside another"},
    {"a client that may not mount",
     "{client: {template: {spec: {containers: [{name: c, image: i}]}}}}", NULL, "", NULL,
     GATE_OBJECTS, "InvalidObject", "securityContext.privileged: true"},
    {"a wrong type", "{" MASTER ", options: [a]}}", NULL, "", NULL, GATE_CLASS, "WrongType",
     "topology.master.options must be an object and is array"},
    {"too many replicas", NULL, NULL, "worker: {replicas: 10001}", NULL, GATE_CLASS, "WrongType",
     "from 0 to 10000"},
    {"two media in a level", NULL, NULL,
     "worker: {tieredStore: {levels: [{processMemory: {quota: 1Gi}, emptyDir: {quota: 1Gi}}]}}",
     NULL, GATE_CLASS, "InvalidTieredStore", "more than one medium"},
    {"a quota of zero", NULL, NULL,
     "worker: {tieredStore: {levels: [{processMemory: {quota: 0}}]}}", NULL, GATE_CLASS,
     "InvalidTieredStore", "above zero"},
    {"a negative quota", NULL, NULL, "worker: {tieredStore: {levels: [{emptyDir: {quota: -1Gi}}]}}",
     NULL, GATE_CLASS, "InvalidTieredStore", "above zero"},
    {"a negative quota of a host path", NULL, NULL,
     "worker: {tieredStore: {levels: [{hostPath: {paths: [/a], quotas: [-1Gi]}}]}}", NULL,
     GATE_CLASS, "InvalidTieredStore", "above zero"},
    {"fewer quotas than paths", NULL, NULL,
     "worker: {tieredStore: {levels: [{hostPath: {paths: [/a, /b], quotas: [1Gi]}}]}}", NULL,
     GATE_CLASS, "InvalidTieredStore", "as many quotas as paths"},
    {"two levels of process memory", NULL, NULL,
     "worker: {tieredStore: {levels: [{processMemory: {quota: 1Gi}},\n"
     " {processMemory: {quota: 1Gi}}]}}",
     NULL, GATE_CLASS, "InvalidTieredStore", "2 levels of processMemory"},
    {"a host path that leads up", NULL, NULL,
     "worker: {tieredStore: {levels: [{hostPath: {paths: [/mnt/../etc], quotas: [1Gi]}}]}}", NULL,
     GATE_CLASS, "InvalidTieredStore", "hold no .."},
    {"a host path that is not allowed", NULL, NULL,
     "worker: {tieredStore: {levels: [{hostPath: {paths: [/mnt2], quotas: [1Gi]}}]}}", NULL,
     GATE_CLASS, "InvalidTieredStore", "--host-path-prefixes"},
    {"an unknown volume", NULL, NULL, "worker: {volumeMounts: [{name: v, mountPath: /v}]}", NULL,
     GATE_CLASS, "UnknownVolume", "\"v\""},
    {"a mount over runtime.json", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], client: {volumeMounts: [{name: v, mountPath: "
     "/etc/fluid/config}]}",
     NULL, GATE_CLASS, "InvalidPath", "spec.client.volumeMounts has /etc/fluid/config, where"},
    {"a mount below runtime.json", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], worker: {volumeMounts: [{name: v, mountPath: "
     "/etc/fluid/config/x}]}",
     NULL, GATE_CLASS, "InvalidPath", "/etc/fluid/config/x"},
    {"a config map over runtime.json",
     "{" MASTER ", dependencies: {extraResources: {configMaps: [{name: e, mountPath: "
     "/etc/fluid/config}]}}}}",
     "extraResources: {configMaps: [{name: e}]}", "", NULL, GATE_CLASS, "InvalidPath",
     "mounts runtime.json"},
    {"two config maps at one path",
     "{" MASTER
     ", dependencies: {extraResources: {configMaps: [{name: e, mountPath: /e}, {name: f, "
     "mountPath: /e}]}}}}",
     "extraResources: {configMaps: [{name: e}, {name: f}]}", "", NULL, GATE_CLASS, "InvalidPath",
     "topology.master.dependencies mounts two config maps at \"/e\": choose another path"},
    {"a config map at no path",
     "{" MASTER ", dependencies: {extraResources: {configMaps: [{name: e}]}}}}",
     "extraResources: {configMaps: [{name: e}]}", "", NULL, GATE_CLASS, "InvalidPath",
     "the path is missing"},
    {"a config map of no name", NULL, "extraResources: {configMaps: [{name: 'A b'}]}", "", NULL,
     GATE_CLASS, "InvalidName", "\"A b\" is no name of a config map"},
    {"a config map without name", NULL, "extraResources: {configMaps: [{data: {a: b}}]}", "", NULL,
     GATE_CLASS, "InvalidName", "\"\" is no name of a config map"},
    {"a script that leads up", NULL, "extraResources: {configMaps: [{name: e, data: {'..': b}}]}",
     "", NULL, GATE_CLASS, "InvalidName", "\"..\" of \"e\" is no name of a file"},
    {"a secret that leads up", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://b/', encryptOptions: [{name: ak,\n"
     " valueFrom: {secretKeyRef: {name: s, key: ../../x}}}]}]}",
     GATE_DATASET, "InvalidName",
     "spec.mounts[0].encryptOptions: \"ak\" names Secret \"s\" and key \"../../x\""},
    {"a shared secret that leads up", NULL, NULL, "",
     "{sharedEncryptOptions: [{name: ak, valueFrom: {secretKeyRef: {name: ../s, key: x}}}]}",
     GATE_DATASET, "InvalidName", "names Secret \"../s\" and key \"x\""},
    {"a mount over secrets", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], master: {volumeMounts: [{name: v, mountPath: "
     "/etc/fluid/secrets/keys}]}",
     NULL, GATE_CLASS, "InvalidPath", "where the controller mounts the dataset's secrets"},
    {"a mount over scripts", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], master: {volumeMounts: [{name: v, mountPath: "
     "/etc/fluid/scripts}]}",
     NULL, GATE_CLASS, "InvalidPath", "where the controller mounts the class's scripts"},
    {"a mount over a level", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], worker: {volumeMounts: [{name: v, mountPath: "
     "/etc/fluid/mount/tiered-store/level-0-index-0-emptydir}]}",
     NULL, GATE_CLASS, "InvalidPath", "where the controller mounts levels of the tiered store"},
    {"a mount over the level in memory", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], worker: {volumeMounts: [{name: v, mountPath: /dev/shm}],"
     " tieredStore: {levels: [{processMemory: {quota: 1Gi}}]}}",
     NULL, GATE_CLASS, "InvalidPath", "where the controller mounts the level in memory"},
    {"a mount over the cache", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], client: {volumeMounts: [{name: v, mountPath: "
     "/runtime-mnt/cache/default/demo/cache-fuse}]}",
     NULL, GATE_CLASS, "InvalidPath", "where the controller mounts the cache"},
    {"two mounts at one path", NULL, NULL,
     "volumes: [{name: v, emptyDir: {}}], worker: {volumeMounts: [{name: v, mountPath: /a},\n"
     " {name: v, mountPath: /b}, {name: v, mountPath: /a, subPath: x}]}",
     NULL, GATE_CLASS, "InvalidPath", "spec.worker.volumeMounts has /a twice"},
    {"a reference dataset", NULL, NULL, "", "{mounts: [{mountPoint: 'dataset://a/b'}]}",
     GATE_DATASET, "ReferenceDataset",
     "spec.mounts[0] is dataset://a/b, which needs a ThinRuntime: a CacheRuntime cannot serve it"},
    {"a secret without key", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://b/', encryptOptions: [{name: ak,\n"
     " valueFrom: {secretKeyRef: {name: s}}}]}]}",
     GATE_DATASET, "SecretIncomplete",
     "spec.mounts[0].encryptOptions: \"ak\" needs the name and the key of a Secret in "
     "valueFrom.secretKeyRef"},
    {"a shared secret without name", NULL, NULL, "",
     "{sharedEncryptOptions: [{name: ak, valueFrom: {secretKeyRef: {key: x}}}]}", GATE_DATASET,
     "SecretIncomplete", "spec.sharedEncryptOptions: \"ak\" needs the name and the key"},
    {"two mounts of the dataset at one path", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://a/', name: a}, {mountPoint: 's3://b/', name: b, path: /a}]}",
     GATE_DATASET, "InvalidPath", "spec.mounts has /a twice"},
    {"two mounts of the dataset without name", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://a/'}, {mountPoint: 's3://b/'}]}", GATE_DATASET, "InvalidPath",
     "spec.mounts has / twice"},
    {"a mount path that leads up", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://b/', path: /a/../b}]}", GATE_DATASET, "InvalidPath", "\"..\""},
};

/* Of the class's name that a runtime gives. */
TEST(tells_a_class_that_cannot_be_from_one_that_is_awaited) {
    static const struct {
        const char *name, *message;
        bool is_stalled;
    } cases[] = {
        {"later", "waits for CacheRuntimeClass \"later\" to be created", false},
        {"", "spec.runtimeClassName is empty: name a CacheRuntimeClass", true},
        {"No Class",
         "spec.runtimeClassName is \"No Class\", which no CacheRuntimeClass can be "
         "called: small letters, digits, - and .",
         true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, json_get(world.runtime, SV("spec")), SV("runtimeClassName"),
                 json_string(arena, sv_from(cases[i].name)));
        world.runtime_class = NULL;
        CHECK(run(&world) < ROUNDS_MAX);
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK_SV(plan.gates[GATE_CLASS].reason, SV("ClassNotFound"));
        CHECK_SV(plan.gates[GATE_CLASS].message, sv_from(cases[i].message));
        CHECK(plan.is_stalled == cases[i].is_stalled);
        CHECK(trace_has(&world, " ClassNotFound: "));
        world_release(&world);
    }
}

static void prepare(struct world *world, struct arena *arena, const struct refusal *refusal) {
    world_init(world, arena);
    world->options.host_path_prefixes = SV("/mnt/:/data");
    if (refusal->topology)
        json_set(arena, world->runtime_class, SV("topology"),
                 fixture_yaml(arena, refusal->topology));
    const char *rest = refusal->class_rest ? refusal->class_rest : "";
    JSON_EACH (member, fixture_yaml(arena, arena_printf(arena, "{%s}", rest).ptr))
        json_set(arena, world->runtime_class, json_key(member), json_copy(arena, member));
    struct sv spec = arena_printf(arena, "{%s%s runtimeClassName: demo-class}", refusal->spec,
                                  refusal->spec[0] ? "," : "");
    json_set(arena, world->runtime, SV("spec"), fixture_yaml(arena, spec.ptr));
    if (refusal->dataset)
        json_set(arena, world->dataset, SV("spec"), fixture_yaml(arena, refusal->dataset));
}

TEST(refuses_what_cannot_be_acted_on) {
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        prepare(&world, arena, &refusals[i]);
        CHECK(run(&world) < ROUNDS_MAX);
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK_SV(plan.gates[refusals[i].gate].reason, sv_from(refusals[i].reason));
        CHECK_CONTAINS(plan.gates[refusals[i].gate].message, refusals[i].message);
        CHECK(plan.is_stalled);
        CHECK_SV(json_find_string(object_condition(world.runtime, SV("Stalled")), "reason"),
                 sv_from(refusals[i].reason));
        /* As it is, and as upstream's controller would have it. */
        CHECK(trace_has(&world, arena_printf(arena, " %s: ", refusals[i].reason).ptr));
        CHECK(trace_has(&world,
                        arena_printf(arena, "ErrorProcessRuntime: %s: ", refusals[i].reason).ptr));
        for (size_t k = 0; k < world.object_count; k++)
            CHECK(world.objects[k].state != OBSERVED_PRESENT);
        world_release(&world);
    }
}

/* Beside what the controller mounts itself, and where it mounts nothing. */
TEST(takes_mounts_at_paths_that_are_free) {
    static const char *const specs[] = {
        "worker: {volumeMounts: [{name: v, mountPath: /dev/shm}]}",
        "worker: {volumeMounts: [{name: v, mountPath: /dev/shm}],"
        " tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]}}",
        "worker: {volumeMounts: [{name: v, mountPath: /dev/shm2}],"
        " tieredStore: {levels: [{processMemory: {quota: 1Gi}}]}}",
        "worker: {volumeMounts: [{name: v, mountPath: /etc/fluid/configuration}]}",
        "worker: {volumeMounts: [{name: v, mountPath: "
        "/runtime-mnt/cache/default/demo/cache-fuse}]}",
        "worker: {volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a/b}]}",
    };
    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct sv spec = arena_printf(arena, "volumes: [{name: v, emptyDir: {}}], %s", specs[i]);
        prepare(&world, arena, &(struct refusal){.spec = spec.ptr});
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "Stalled"), SV("NotStalled"));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

/* The administrator's list is of directories, and not of beginnings of names. */
TEST(host_paths_below_a_prefix_are_taken) {
    static const struct {
        const char *prefixes, *path;
        bool is_taken;
    } cases[] = {
        {"", "/anywhere", true},          {"/mnt:/data", "/mnt", true},
        {"/mnt:/data", "/mnt/a/b", true}, {"/mnt:/data", "/data/a", true},
        {"/mnt:/data", "/mnt2", false},   {"/mnt:/data", "/", false},
        {"/mnt:/data", "/etc", false},    {"/mnt/:/data/", "/data/a", true},
        {"/mnt/:/data/", "/mnt", true},   {"/mnt/:/data/", "/mnta", false},
        {"/", "/anywhere", true},         {"/mnt", "mnt", false},
        {"/mnt", "/mnt/../mnt", false},
    };
    static const struct {
        const char *spec, *reason;
    } ways[] = {
        {"worker: {tieredStore: {levels: [{hostPath: {paths: ['%s'], quotas: [1Gi]}}]}}",
         "InvalidTieredStore"},
        {"volumes: [{name: v, hostPath: {path: '%s'}}], worker: {volumeMounts: [{name: v, "
         "mountPath: /v}]}",
         "InvalidPath"},
    };
    for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(ways); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct sv before = sv_from(ways[i % COUNT_OF(ways)].spec);
        struct sv head = sv_prefix(before, sv_find(before, '%'));
        struct sv spec =
            arena_printf(arena, "%.*s%s%.*s", SV_ARG(head), cases[i / COUNT_OF(ways)].path,
                         SV_ARG(sv_drop(before, head.len + strlen("%s"))));
        prepare(&world, arena, &(struct refusal){.spec = spec.ptr});
        world.options.host_path_prefixes = sv_from(cases[i / COUNT_OF(ways)].prefixes);
        bool is_taken = cases[i / COUNT_OF(ways)].is_taken;
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK(plan.gates[GATE_CLASS].is_open == is_taken);
        CHECK_SV(plan.gates[GATE_CLASS].reason,
                 is_taken ? SV("") : sv_from(ways[i % COUNT_OF(ways)].reason));
        world_release(&world);
    }
}

/* Volume and claim come last, when the rest stands, and are looked at before the first of it. */
TEST(a_volume_that_nobody_takes_is_refused_before_anything_is_made) {
    static const struct {
        bool is_of_dataset;
        const char *annotation, *value, *message;
    } cases[] = {
        {true, "pvc.fluid.io/resources.requests.storage", "0",
         "PersistentVolume \"default-demo\": spec asks for no storage"},
        {true, "pvc.fluid.io/resources.requests.storage", "-5Gi",
         "PersistentVolume \"default-demo\": spec.capacity.storage must be a quantity of 0 or "
         "more"},
        {false, "data.fluid.io/metadataList",
         "[{\"selector\":{\"kind\":\"PersistentVolume\"},\"labels\":{\"a b\":\"c\"}}]",
         "PersistentVolume \"default-demo\": metadata.labels.a b is no key that Kubernetes takes"},
        {false, "data.fluid.io/metadataList",
         "[{\"selector\":{\"kind\":\"PersistentVolumeClaim\"},\"labels\":{\"a\":\"b c\"}}]",
         "PersistentVolumeClaim \"demo\": metadata.labels.a must be the value of a label"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        object_set_annotation(arena, cases[i].is_of_dataset ? world.dataset : world.runtime,
                              sv_from(cases[i].annotation), sv_from(cases[i].value));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "Stalled"), SV("InvalidObject"));
        CHECK(trace_has(&world, cases[i].message));
        for (size_t k = 0; k < world.object_count; k++)
            CHECK(world.objects[k].state != OBSERVED_PRESENT);
        world_release(&world);
    }
}

/* Who serves a dataset keeps it; a runtime of another category is no reason. */
TEST(a_dataset_that_is_bound_elsewhere_is_refused) {
    static const struct {
        const char *runtimes;
        bool is_refused;
    } cases[] = {
        {"[{name: other, namespace: default, category: Accelerate}]", true},
        {"[{name: demo, namespace: other, category: Accelerate}]", true},
        {"[{name: demo, namespace: default, category: Accelerate}]", false},
        {"[]", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(
            arena, world.dataset, SV("status"),
            fixture_yaml(
                arena, arena_printf(arena, "{phase: Bound, runtimes: %s}", cases[i].runtimes).ptr));
        CHECK(run(&world) < ROUNDS_MAX);
        bool is_refused = sv_eq(condition_reason(&world, "Stalled"), SV("DatasetBoundElsewhere"));
        CHECK(is_refused == cases[i].is_refused);
        CHECK(trace_has(&world, "DatasetBoundElsewhere") == cases[i].is_refused);
        for (size_t k = 0; k < world.object_count && cases[i].is_refused; k++)
            CHECK(world.objects[k].state != OBSERVED_PRESENT);
        world_release(&world);
    }
}

/* What only the server knows is asked before anything is made, once. */
TEST(tries_what_it_does_not_know) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct cJSON *container =
        json_at(json_find(world.runtime_class, "topology.worker.template.spec.containers"), 0);
    json_set(arena, container, SV("stdinOnce"), json_bool(arena, true));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(world.dataset, "status.phase"), SV("Bound"));
    CHECK(world.trials == 1);
    bool was_tried = false;
    for (struct sv trace = buf_view(&world.trace); trace.len > 0;) {
        struct sv line = sv_cut(&trace, '\n');
        was_tried = was_tried || sv_contains(line, SV("Try to create StatefulSet demo-worker"));
        CHECK(was_tried || !sv_contains(line, SV("ObjectMissing")));
    }
    world_release(&world);
}

/* --- limits --- */

/* Lists that have a limit, and an item of which %zu is its number. */
static const struct {
    int object; /* 0 class, 1 runtime, 2 dataset */
    const char *parent, *key, *item;
    size_t count_max;
    enum gate_id gate;
} limits[] = {
    {0, "topology.worker.template.spec", "containers", "{name: w%zu, image: i}", 64, GATE_CLASS},
    {0, "topology.worker.template.spec", "initContainers", "{name: i%zu, image: i}", 64,
     GATE_CLASS},
    {0, "topology.worker", "services", "{name: s%zu, ports: [{port: 1}]}", 16, GATE_CLASS},
    {0, "topology.worker.services.0", "ports", "{port: %zu}", 64, GATE_CLASS},
    {0, "topology.worker.dependencies.extraResources", "configMaps",
     "{name: mounted, mountPath: /c%zu}", 256, GATE_CLASS},
    {0, "extraResources", "configMaps", "{name: c%zu}", 256, GATE_CLASS},
    {0, "topology.master.executionEntries.mountUFS", "command", "a%zu", 64, GATE_CLASS},
    {1, "spec.worker.tieredStore", "levels", "{emptyDir: {quota: %zuGi}}", 64, GATE_CLASS},
    {0, "topology.worker.template.spec", "imagePullSecrets", "{name: s%zu}", 256, GATE_CLASS},
    {1, "spec", "imagePullSecrets", "{name: s%zu}", 256, GATE_CLASS},
    {1, "spec.worker", "imagePullSecrets", "{name: s%zu}", 256, GATE_CLASS},
    {1, "spec.worker", "volumeMounts", "{name: v, mountPath: /m%zu}", 256, GATE_CLASS},
    {1, "spec", "volumes", "{name: v%zu, emptyDir: {}}", 256, GATE_CLASS},
    {0, "topology.worker.template.spec", "volumes", "{name: v%zu, emptyDir: {}}", 256, GATE_CLASS},
    {0, "topology.worker.template.spec.containers.0", "volumeMounts", "{name: v, mountPath: /m%zu}",
     256, GATE_CLASS},
    {1, "spec.worker", "env", "{name: E%zu, value: v}", 1024, GATE_CLASS},
    {0, "topology.worker.template.spec.containers.0", "env", "{name: E%zu, value: v}", 1024,
     GATE_CLASS},
    {1, "spec.worker", "args", "a%zu", 1024, GATE_CLASS},
    {0, "topology.worker.template.spec.containers.0", "args", "a%zu", 1024, GATE_CLASS},
    {1, "spec.worker", "tolerations", "{key: k%zu, operator: Exists}", 256, GATE_CLASS},
    {0, "topology.worker.template.spec", "tolerations", "{key: k%zu, operator: Exists}", 256,
     GATE_CLASS},
    {2, "spec", "tolerations", "{key: k%zu, operator: Exists}", 256, GATE_DATASET},
    {2, "spec", "sharedEncryptOptions",
     "{name: o, valueFrom: {secretKeyRef: {name: s%zu, key: k}}}", 1024, GATE_DATASET},
    {2, "spec", "mounts", "{mountPoint: 's3://b/', name: m%zu}", 4096, GATE_DATASET},
};

static void prepare_limits(struct world *world, struct arena *arena) {
    world_init(world, arena);
    json_set(arena, world->runtime_class, SV("extraResources"),
             fixture_yaml(arena, "{configMaps: [{name: mounted}]}"));
    json_set(arena, json_find(world->runtime_class, "topology.worker"), SV("dependencies"),
             fixture_yaml(arena, "{extraResources: {}}"));
    json_set(arena, json_get(world->runtime, SV("spec")), SV("volumes"),
             fixture_yaml(arena, "[{name: v, emptyDir: {}}]"));
    json_set(arena, json_find(world->runtime, "spec.worker"), SV("tieredStore"), json_map(arena));
}

static void check_limit(struct world *world, enum gate_id gate, bool is_taken, const char *number) {
    struct snapshot snapshot = snapshot_of(world);
    struct plan plan;
    plan_runtime(&snapshot, world->arena, &plan);
    CHECK(sv_eq(plan.gates[gate].reason, SV("LimitExceeded")) == !is_taken);
    CHECK(plan.is_stalled == !is_taken);
    if (is_taken)
        return;
    CHECK_CONTAINS(plan.gates[gate].message, number);
    /* Of what is too large nothing is made. */
    for (size_t i = 0; i < plan.action_count; i++)
        CHECK(plan.actions[i].type != ACTION_APPLY);
}

TEST(lists_at_their_limit_are_taken_and_longer_ones_refused) {
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        prepare_limits(&world, arena);
        struct cJSON *objects[] = {world.runtime_class, world.runtime, world.dataset};
        struct cJSON *list = json_list(arena);
        json_set(arena, json_find(objects[limits[i].object], limits[i].parent),
                 sv_from(limits[i].key), list);
        struct sv before = sv_from(limits[i].item);
        struct sv head = sv_prefix(before, sv_find(before, '%'));
        struct sv tail = sv_drop(before, head.len + strlen("%zu"));
        for (size_t k = 1; k <= limits[i].count_max + 1; k++) {
            if (k == limits[i].count_max + 1)
                check_limit(&world, limits[i].gate, true, "");
            struct sv item = arena_printf(arena, "%.*s%zu%.*s", SV_ARG(head), k, SV_ARG(tail));
            json_append(list, fixture_yaml(arena, item.ptr));
        }
        check_limit(&world, limits[i].gate, false,
                    arena_printf(arena, "more than the limit of %zu", limits[i].count_max).ptr);
        world_release(&world);
    }
}

static struct sv long_text(struct arena *arena, size_t bytes) {
    char *text = arena_alloc(arena, bytes + 1);
    memset(text, 'x', bytes);
    return (struct sv){text, bytes};
}

TEST(a_command_has_32_kib) {
    for (size_t more = 0; more < 2; more++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *command = json_list(arena);
        json_append(command, json_string(arena, long_text(arena, 32767)));
        json_append(command, json_string(arena, long_text(arena, 1 + more)));
        json_set(arena, json_find(world.runtime_class, "topology.master.executionEntries.mountUFS"),
                 SV("command"), command);
        check_limit(&world, GATE_CLASS, more == 0, "32769, more than the limit of 32768");
        world_release(&world);
    }
}

TEST(runtime_json_has_a_mebibyte) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct cJSON *options = json_map(arena);
    json_set(arena, json_get(world.runtime, SV("spec")), SV("options"), options);
    json_set_string(arena, options, SV("k"), SV("x"));
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    struct pass pass;
    pass_init(&pass, &snapshot, arena, &plan);
    runtime_json_render(&pass);
    /* The option is told to each of the three components. */
    size_t room = 1024 * 1024 - pass.runtime_json.len, each = room / 3, rest = room % 3;
    json_set_string(arena, options, SV("k"), long_text(arena, 1 + each));
    json_set(arena, json_find(world.runtime, "spec.worker"), SV("options"), json_map(arena));
    json_set_string(arena, json_find(world.runtime, "spec.worker.options"), SV("k"),
                    long_text(arena, 1 + each + rest));
    check_limit(&world, GATE_OBJECTS, true, "");
    json_set_string(arena, json_find(world.runtime, "spec.worker.options"), SV("k"),
                    long_text(arena, 2 + each + rest));
    check_limit(&world, GATE_OBJECTS, false, "1048577 bytes, more than the limit of 1048576");
    world_release(&world);
}

/* A dataset of a mebibyte may ask for gigabytes. What serves goes on with what it was told. */
TEST(options_that_thousands_of_mounts_share_are_refused) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    const struct observed *config_map =
        find(&world, &RESOURCE_CONFIG_MAPS, SV("default"), SV("fluid-runtime-config-demo"));
    uint64_t told = covers_hash(config_map->object);
    struct cJSON *spec = json_get(world.dataset, SV("spec"));
    struct cJSON *mounts = json_list(arena), *options = json_map(arena);
    for (size_t i = 0; i < 4096; i++)
        json_append(
            mounts,
            fixture_yaml(arena, arena_printf(arena, "{mountPoint: 's3://b/', name: m%zu}", i).ptr));
    json_set(arena, spec, SV("mounts"), mounts);
    json_set(arena, spec, SV("sharedOptions"), options);
    json_set_string(arena, options, SV("k"), long_text(arena, 1024 * 1024));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Stalled"), SV("LimitExceeded"));
    CHECK_SV(condition_reason(&world, "Ready"), SV("LimitExceeded"));
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(covers_hash(config_map->object) == told);
    world_release(&world);
}

TEST(a_runtime_has_ten_thousand_workers) {
    static const struct {
        const char *replicas, *reason;
    } cases[] = {{"10000", ""}, {"10001", "WrongType"}, {"-1", "WrongType"}, {"1.5", "WrongType"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, json_find(world.runtime, "spec.worker"), SV("replicas"),
                 fixture_yaml(arena, cases[i].replicas));
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK_SV(plan.gates[GATE_CLASS].reason, sv_from(cases[i].reason));
        if (cases[i].reason[0])
            CHECK_SV(plan.gates[GATE_CLASS].message,
                     arena_printf(arena,
                                  "spec.worker.replicas must be an integer from 0 to 10000 and "
                                  "is %s",
                                  cases[i].replicas));
        world_release(&world);
    }
}

/* --- names --- */

TEST(names_at_the_limit_are_taken_and_longer_ones_refused) {
    static const struct {
        const char *name;
        bool is_taken;
    } cases[] = {
        {"a23456789012345678901234567890123456789012345", true},
        {"a234567890123456789012345678901234567890123456", false},
        {"1a", false},
        {"a.b", false},
        {"a-", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct snapshot snapshot = snapshot_of(&world);
        snapshot.name = sv_from(cases[i].name);
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK(plan.gates[GATE_CLASS].is_open == cases[i].is_taken);
        if (!cases[i].is_taken)
            CHECK_SV(plan.gates[GATE_CLASS].reason, SV("NameTooLong"));
        world_release(&world);
    }
}

/* "a-b"/"c" and "a"/"b-c": who has the volume keeps the keys, else the older one, else by name. */
TEST(of_two_runtimes_with_the_same_keys_one_is_refused) {
    static const struct {
        const char *rival_created, *volume_namespace;
        const char *reason;
    } cases[] = {
        {"2025-12-31T00:00:00Z", NULL, "KeyConflict"}, {"2026-01-02T00:00:00Z", NULL, ""},
        {"2026-01-01T00:00:00Z", NULL, "KeyConflict"}, /* "de" is before "default" */
        {"2026-01-02T00:00:00Z", "de", "KeyConflict"}, {"2025-12-31T00:00:00Z", "default", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct snapshot snapshot = snapshot_of(&world);
        const struct cJSON *rival = fixture_yaml(
            arena,
            arena_printf(arena, "{metadata: {namespace: de, name: other, creationTimestamp: '%s'}}",
                         cases[i].rival_created)
                .ptr);
        struct observed volume = {.resource = &RESOURCE_PERSISTENT_VOLUMES,
                                  .namespace_name = SV(""),
                                  .name = SV("default-demo"),
                                  .state = OBSERVED_ABSENT};
        if (cases[i].volume_namespace) {
            bool is_rivals = cases[i].volume_namespace[2] == '\0';
            volume.state = OBSERVED_PRESENT;
            volume.object = fixture_yaml(
                arena, arena_printf(arena, "{spec: {claimRef: {namespace: %s, name: %s}}}",
                                    cases[i].volume_namespace, is_rivals ? "other" : "demo")
                           .ptr);
        }
        snapshot.rivals = &rival;
        snapshot.rival_count = 1;
        snapshot.objects = &volume;
        snapshot.object_count = 1;
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK_SV(plan.gates[GATE_DATASET].reason, sv_from(cases[i].reason));
        world_release(&world);
    }
}

/* --- pods --- */

TEST(says_why_pods_do_not_start) {
    static const struct {
        const char *status, *reason, *message;
    } cases[] = {
        {"conditions: [{type: PodScheduled, status: 'False', message: 0/3 nodes fit}]",
         "PodUnschedulable", "no node takes pod demo-master-0: 0/3 nodes fit"},
        {"containerStatuses: [{name: m, state: {waiting: {reason: ImagePullBackOff, message: "
         "denied}}}]",
         "PodNotStarting",
         "container m of pod demo-master-0 does not run: ImagePullBackOff: denied"},
        {"containerStatuses: [{name: m, state: {waiting: {reason: CrashLoopBackOff}},\n"
         " lastState: {terminated: {exitCode: 3}}}]",
         "PodNotStarting", "CrashLoopBackOff; it ended with exit status 3"},
        {"initContainerStatuses: [{name: i, state: {waiting: {reason: ErrImagePull}}}]",
         "PodNotStarting", "container i of pod"},
        {"containerStatuses: [{name: m, state: {waiting: {reason: ContainerCreating}}}]",
         "PodNotStarting", "check that the Secrets it mounts exist (sec)"},
        {"containerStatuses: [{name: m, state: {running: {}}}]", "PodsNotReady",
         "waits for pods of the master: 0 of 1 are ready"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.pods_are_down = true;
        json_set(
            arena, world.dataset, SV("spec"),
            fixture_yaml(arena,
                         "{mounts: [{mountPoint: 's3://b/', name: m, encryptOptions: [{name: ak,\n"
                         " valueFrom: {secretKeyRef: {name: sec, key: k}}}]}]}"));
        CHECK(run(&world) < ROUNDS_MAX);
        world.now_ms += 120 * 1000;
        struct sv text = arena_printf(
            arena,
            "{metadata: {name: demo-master-0, creationTimestamp: '2026-01-01T00:00:00Z',\n"
            " labels: {cacheruntime.fluid.io/component-name: demo-master}}, status: {%s}}",
            cases[i].status);
        world.pods[world.pod_count++] = fixture_yaml(arena, text.ptr);
        struct snapshot snapshot = snapshot_of(&world);
        struct plan plan;
        plan_runtime(&snapshot, arena, &plan);
        CHECK_SV(plan.gates[GATE_PODS].reason, sv_from(cases[i].reason));
        CHECK_CONTAINS(plan.gates[GATE_PODS].message, cases[i].message);
        world_release(&world);
    }
}

/* A runtime that was made by class "a" names this one. */
static const struct {
    const char *topology, *spec; /* of the class, of the runtime */
    const char *message;         /* "": it may take over */
} changes[] = {
    {"{" MASTER "}, " WORKER "}}", "", ""},
    {"{" MASTER "}}", "", "class \"demo-class\" has no worker: from class \"a\" only"},
    {"{" MASTER "}}", "worker: {disabled: true}", ""},
    {"{" MASTER "}, " WORKER "}, client: {template: {spec: {containers: [" CLIENT "]}}}}", "",
     "class \"demo-class\" adds a client:"},
    {"{" MASTER "}, " WORKER "}, client: {template: {spec: {containers: [" CLIENT "]}}}}",
     "client: {disabled: true}", ""},
    {"{" MASTER "}, " WORKER ", workloadType: {apiVersion: apps/v1, kind: Deployment}}}", "",
     "class \"demo-class\" has another kind of workload for the worker:"},
    {"{" MASTER "}, " WORKER ", workloadType: {apiVersion: apps/v1, kind: Deployment}}}",
     "worker: {workloadType: {apiVersion: apps/v1, kind: StatefulSet}}", ""},
};

TEST(another_class_must_have_the_same_components_and_kinds) {
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        json_set(arena, world.runtime_class, SV("topology"),
                 fixture_yaml(arena, "{" MASTER "}, " WORKER "}}"));
        world_bind(&world);
        object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/runtime-class"),
                              SV("a"));
        json_set(arena, world.runtime_class, SV("topology"),
                 fixture_yaml(arena, changes[i].topology));
        JSON_EACH (member, fixture_yaml(arena, arena_printf(arena, "{%s}", changes[i].spec).ptr))
            json_set(arena, json_get(world.runtime, SV("spec")), json_key(member),
                     json_copy(arena, member));
        plan_once(&world, &plan);
        const struct gate *gate = &plan.gates[GATE_CLASS];
        CHECK(gate->is_open == (changes[i].message[0] == '\0'));
        CHECK_SV(gate->reason, gate->is_open ? SV("") : SV("ClassNotInterchangeable"));
        CHECK_CONTAINS(gate->message, changes[i].message);
        for (size_t k = 0; k < plan.action_count && !gate->is_open; k++)
            CHECK(plan.actions[k].type == ACTION_EVENT ||
                  sv_eq(plan.actions[k].subresource, SV("status")));
        world_release(&world);
    }
}

/* Nothing is made before both objects have what their deletion needs. */
TEST(objects_come_after_the_metadata_of_runtime_and_dataset) {
    static const struct resource *const written[] = {&RESOURCE_CACHE_RUNTIMES, &RESOURCE_DATASETS};
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct plan plan;
        for (int round = 0; round < 3; round++) {
            plan_once(&world, &plan);
            CHECK(!plan.gates[GATE_METADATA].is_open);
            for (size_t k = 0; k < plan.action_count; k++) {
                /* What comes in a later step is not begun before the patches are answered. */
                CHECK(plan.actions[k].type != ACTION_APPLY || plan.actions[k].step > STEP_READ);
                if (plan.actions[k].type == ACTION_GET ||
                    resource_eq(plan.actions[k].resource, written[i]))
                    act(&world, &plan.actions[k]);
            }
        }
        world_release(&world);
    }
}
