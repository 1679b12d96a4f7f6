/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates up to the pods: for every input that cannot be acted on, which gate stays closed, with
 * which reason and sentence, and that nothing was created.
 */
#include "core/reconcile/pass.h"
#include "core/reconcile/plan_fixture.h"

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
     NULL, "", NULL, GATE_CLASS, "NameTooLong", "at most 63 bytes"},
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
     GATE_DATASET, "ReferenceDataset", "ThinRuntime"},
    {"a secret without key", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://b/', encryptOptions: [{name: ak,\n"
     " valueFrom: {secretKeyRef: {name: s}}}]}]}",
     GATE_DATASET, "SecretIncomplete", "\"ak\""},
    {"a mount path that leads up", NULL, NULL, "",
     "{mounts: [{mountPoint: 's3://b/', path: /a/../b}]}", GATE_DATASET, "InvalidPath", "\"..\""},
};

static void prepare(struct world *world, struct arena *arena, const struct refusal *refusal) {
    world_init(world, arena);
    world->options.host_path_prefixes = SV("/mnt/:/data");
    if (refusal->topology)
        json_set(arena, world->runtime_class, SV("topology"), parse(arena, refusal->topology));
    const char *rest = refusal->class_rest ? refusal->class_rest : "";
    JSON_EACH (member, parse(arena, arena_printf(arena, "{%s}", rest).ptr))
        json_set(arena, world->runtime_class, json_key(member), json_copy(arena, member));
    struct sv spec = arena_printf(arena, "{%s%s runtimeClassName: demo-class}", refusal->spec,
                                  refusal->spec[0] ? "," : "");
    json_set(arena, world->runtime, SV("spec"), parse(arena, spec.ptr));
    if (refusal->dataset)
        json_set(arena, world->dataset, SV("spec"), parse(arena, refusal->dataset));
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
        CHECK(world.events > 0);
        for (size_t k = 0; k < world.object_count; k++)
            CHECK(world.objects[k].state != OBSERVED_PRESENT);
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
        const struct cJSON *rival = parse(
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
            volume.object =
                parse(arena, arena_printf(arena, "{spec: {claimRef: {namespace: %s, name: %s}}}",
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
        json_set(arena, world.dataset, SV("spec"),
                 parse(arena,
                       "{mounts: [{mountPoint: 's3://b/', name: m, encryptOptions: [{name: ak,\n"
                       " valueFrom: {secretKeyRef: {name: sec, key: k}}}]}]}"));
        CHECK(run(&world) < ROUNDS_MAX);
        world.now_ms += 120 * 1000;
        struct sv text = arena_printf(
            arena,
            "{metadata: {name: demo-master-0, creationTimestamp: '2026-01-01T00:00:00Z',\n"
            " labels: {cacheruntime.fluid.io/component-name: demo-master}}, status: {%s}}",
            cases[i].status);
        world.pods[world.pod_count++] = parse(arena, text.ptr);
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
    {"{" MASTER "}, " WORKER "}, client: {template: {spec: {containers: [{name: c, image: i}]}}}}",
     "", "class \"demo-class\" adds a client:"},
    {"{" MASTER "}, " WORKER "}, client: {template: {spec: {containers: [{name: c, image: i}]}}}}",
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
                 parse(arena, "{" MASTER "}, " WORKER "}}"));
        world_bind(&world);
        object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/runtime-class"),
                              SV("a"));
        json_set(arena, world.runtime_class, SV("topology"), parse(arena, changes[i].topology));
        JSON_EACH (member, parse(arena, arena_printf(arena, "{%s}", changes[i].spec).ptr))
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
