/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of plans on generated inputs: random classes, runtimes and datasets, and a random
 * course of edits, drift, lost pods, failing scripts and controllers that restart. After each
 * disturbance has ended:
 *   - the runtime comes to rest within a bounded number of rounds (convergence);
 *   - a plan at rest has no action (fixpoint, no write without a difference);
 *   - no condition lies: each is worked out here from the objects, without the core;
 *   - what is deleted leaves nothing behind (no orphan).
 * PROPERTY_CASES and PROPERTY_SEED choose others; a failure prints the seed of its case.
 */
#include "core/reconcile/plan_fixture.h"

enum { CASES = 400, STEPS_MAX = 6, WRITES_OF_STEP_MAX = 80 };

struct trial {
    struct world *world;
    struct arena *arena;
    struct rng rng;
    bool is_restarted; /* executions were forgotten */
};

static bool chance(struct trial *trial, uint64_t percent) {
    return rng_chance(&trial->rng, percent, 100);
}

static const char *pick(struct trial *trial, const char *const *from, size_t count) {
    return from[rng_below(&trial->rng, count)];
}
#define PICK(trial, ...)                                                                           \
    pick((trial), (const char *const[]){__VA_ARGS__},                                              \
         COUNT_OF(((const char *const[]){__VA_ARGS__})))

/* --- inputs --- */

static struct sv entries(struct trial *trial) {
    static const char *const names[] = {"mountUFS", "checkRuntimeReady", "reportSummary",
                                        "cleanCache"};
    struct sv text = SV("");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (chance(trial, 50))
            text =
                arena_printf(trial->arena, "%.*s%s: {%s},", SV_ARG(text), names[i],
                             PICK(trial, "command: [run]", "script: {configMap: tools, key: s.sh}",
                                  "command: [run], stdin: true, periodSeconds: 120"));
    return text;
}

static struct sv component(struct trial *trial, const char *name) {
    bool is_client = strcmp(name, "client") == 0;
    struct sv declared = entries(trial);
    return arena_printf(
        trial->arena,
        "%s: {%s %s %s %s %s executionEntries: {%.*s}, template: {spec: {containers:"
        " [{name: m, image: i%s}]}}}",
        name,
        PICK(trial, "", "service: {headless: {}},", "services: [{ports: [{port: 1}]}],",
             "services: [{headless: true}, {name: web, ports: [{port: 80}]}],"),
        is_client ? PICK(trial, "", "activation: Always,") : PICK(trial, "", "replicas: 2,"),
        PICK(trial, "", "options: {a: b},", "onConfigChange: Restart,"),
        PICK(trial, "", "dependencies: {secretMount: {enabled: true}},",
             "dependencies: {extraResources: {configMaps: [{name: tools, mountPath: /t}]}},"),
        strcmp(name, "master") == 0
            ? ""
            : PICK(trial, "", "tieredStore: {levels: [{emptyDir: {quota: 1Gi}}]},",
                   "tieredStore: {levels: [{hostPath: {paths: [/c], quotas: [1Gi]}}]},"),
        SV_ARG(declared), is_client ? ", securityContext: {privileged: true}" : "");
}

static const char *workload_type(struct trial *trial) {
    return PICK(trial, "", "", "", "workloadType: {apiVersion: apps/v1, kind: Deployment}",
                "workloadType: {apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet}");
}

static void generate(struct trial *trial) {
    static const char *const names[] = {"master", "worker", "client"};
    struct world *world = trial->world;
    struct sv topology = SV(""), spec = SV("");
    uint64_t mask = 1 + rng_below(&trial->rng, 7);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (mask & (1u << i)) {
            struct sv text = component(trial, names[i]);
            topology = arena_printf(trial->arena, "%.*s%.*s,", SV_ARG(topology), SV_ARG(text));
        }
        if (i < 2 && chance(trial, 50))
            spec = arena_printf(trial->arena, "%.*s%s: {%s%s},", SV_ARG(spec), names[i],
                                PICK(trial, "replicas: 1,", "replicas: 2,", "replicas: 3,", ""),
                                workload_type(trial));
    }
    json_set(
        trial->arena, world->runtime_class, SV("topology"),
        fixture_yaml(trial->arena, arena_printf(trial->arena, "{%.*s}", SV_ARG(topology)).ptr));
    json_set(trial->arena, world->runtime_class, SV("extraResources"),
             fixture_yaml(trial->arena, "{configMaps: [{name: tools, data: {s.sh: 'true'}}]}"));
    json_set(
        trial->arena, world->runtime, SV("spec"),
        fixture_yaml(
            trial->arena,
            arena_printf(trial->arena, "{%.*s runtimeClassName: demo-class}", SV_ARG(spec)).ptr));
    world->answers[ENTRY_MOUNT_UFS] = "all";
}

/* --- disturbances --- */

static void edit_dataset(struct trial *trial) {
    json_set(trial->arena, trial->world->dataset, SV("spec"),
             fixture_yaml(
                 trial->arena,
                 PICK(trial, "{mounts: [{mountPoint: 's3://a/', name: m}]}",
                      "{mounts: [{mountPoint: 's3://b/', name: m, readOnly: true}]}",
                      "{mounts: [{mountPoint: 's3://a/', name: m}, {mountPoint: 's3://c/', path:"
                      " /x}], placement: Shared}",
                      "{mounts: [{mountPoint: 'local:///a', name: n}], accessModes:"
                      " [ReadWriteMany]}",
                      "{mounts: [{mountPoint: 's3://a/', name: m, encryptOptions: [{name: ak,"
                      " valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}")));
}

static void edit_runtime(struct trial *trial) {
    struct cJSON *spec = json_get(trial->world->runtime, SV("spec"));
    struct cJSON *part =
        json_ensure_map(trial->arena, spec, sv_from(PICK(trial, "master", "worker", "client")));
    if (chance(trial, 50))
        json_set(trial->arena, part, SV("env"),
                 fixture_yaml(trial->arena, "[{name: A, value: b}]"));
    if (chance(trial, 50))
        json_set(trial->arena, part, SV("runtimeVersion"),
                 fixture_yaml(trial->arena, PICK(trial, "{image: a, imageTag: v1}", "{}")));
    if (chance(trial, 30))
        json_set(trial->arena, spec, SV("options"), fixture_yaml(trial->arena, "{x: z}"));
    struct cJSON *worker = json_get(spec, SV("worker"));
    if (worker && chance(trial, 50))
        json_set_int(trial->arena, worker, SV("replicas"), (int64_t)rng_below(&trial->rng, 5));
}

/* Somebody deletes one of the generated objects, or turns a label of it. */
static void drift(struct trial *trial) {
    struct world *world = trial->world;
    struct observed *observed = &world->objects[rng_below(&trial->rng, world->object_count)];
    if (observed->state != OBSERVED_PRESENT || sv_eq(observed->name, SV("tools")))
        return;
    if (chance(trial, 50)) {
        observed->state = OBSERVED_ABSENT;
        observed->object = NULL;
    } else {
        struct cJSON *metadata = json_get(observed->object, SV("metadata"));
        struct cJSON *labels = json_ensure_map(trial->arena, metadata, SV("labels"));
        json_set_string(trial->arena, labels, SV("cacheruntime.fluid.io/name"), SV("turned"));
    }
}

/* A new controller remembers nothing. */
static void restart(struct trial *trial) {
    struct world *world = trial->world;
    world->execution_count = 0;
    for (size_t i = 0; i < world->object_count; i++) {
        world->objects[i].last_desired_hash = world->objects[i].last_response_hash = 0;
        if (world->objects[i].state == OBSERVED_ABSENT)
            world->objects[i].state = OBSERVED_UNKNOWN;
    }
}

static void fail_for_a_while(struct trial *trial) {
    struct world *world = trial->world;
    enum execution_entry entry = (enum execution_entry)rng_below(&trial->rng, ENTRY_COUNT);
    const char *answer = world->answers[entry];
    world->answers[entry] = NULL;
    (void)run(world);
    world->answers[entry] = answer;
    world->now_ms += RETRY_MS_MAX + 60 * 1000;
}

static void lose_pods_for_a_while(struct trial *trial) {
    trial->world->pods_are_down = true;
    settle(trial->world);
    (void)run(trial->world);
    trial->world->pods_are_down = false;
}

/* A controller that is killed within a round: some actions of the plan happen, in order. */
static void cut_a_round(struct trial *trial) {
    struct plan plan;
    plan_once(trial->world, &plan);
    size_t kept = plan.action_count ? rng_below(&trial->rng, plan.action_count) : 0;
    for (size_t i = 0; i < kept; i++)
        act(trial->world, &plan.actions[i]);
    restart(trial);
}

static void disturb(struct trial *trial) {
    static void (*const ways[])(struct trial * trial) = {
        edit_dataset,     edit_runtime,          drift,      restart,
        fail_for_a_while, lose_pods_for_a_while, cut_a_round};
    ways[rng_below(&trial->rng, COUNT_OF(ways))](trial);
    if (chance(trial, 30))
        cut_a_round(trial);
    trial->world->restart_count += chance(trial, 20);
    settle(trial->world);
}

/* --- what must hold --- */

static int64_t ready_of(struct world *world, const char *workload, int64_t *ret_desired) {
    for (size_t i = 0; i < world->object_count; i++) {
        const struct observed *observed = &world->objects[i];
        if (observed->state != OBSERVED_PRESENT || !sv_eq(observed->name, sv_from(workload)) ||
            !json_find(observed->object, "spec.template"))
            continue;
        *ret_desired = json_find_int(observed->object, "spec.replicas", 0);
        return json_find_int(observed->object, "status.readyReplicas", 0);
    }
    *ret_desired = -1;
    return -1;
}

static bool says(const struct world *world, const char *type) {
    return object_condition_is_true(world->runtime, sv_from(type));
}

static bool tells_the_truth(struct world *world) {
    int64_t desired, ready = ready_of(world, "demo-master", &desired);
    bool is_bound = sv_eq(dataset_phase(world), SV("Bound"));
    if (desired > 0 && says(world, "MasterReady") != (ready > desired / 2))
        return false;
    ready = ready_of(world, "demo-worker", &desired);
    if (desired > 0 && says(world, "WorkersReady") != (ready > 0))
        return false;
    if (says(world, "Ready") && !is_bound)
        return false;
    if (says(world, "Ready") && says(world, "Stalled"))
        return false;
    return !(object_condition_is_true(world->dataset, SV("Ready")) &&
             object_condition_is_true(world->dataset, SV("NotReady"))) &&
           object_condition_is_true(world->dataset, SV("Ready")) == is_bound;
}

static bool is_at_rest(struct world *world) {
    struct plan plan;
    plan_once(world, &plan);
    return plan_is_empty(&plan);
}

/* The property that does not hold, or NULL. */
static const char *check_rest(struct trial *trial) {
    struct world *world = trial->world;
    int before = world->writes;
    if (run(world) == ROUNDS_MAX)
        return "no rest";
    if (!is_at_rest(world))
        return "no fixpoint";
    if (!sv_eq(dataset_phase(world), SV("Bound")))
        return "not bound";
    if (!tells_the_truth(world))
        return "a condition lies";
    return world->writes - before > WRITES_OF_STEP_MAX ? "too many writes" : NULL;
}

static bool check_nothing_left(struct world *world) {
    delete_runtime(world);
    bool has_gone = run(world) < ROUNDS_MAX;
    for (int i = 0; i < 6 && json_count(json_find(world->runtime, "metadata.finalizers")); i++) {
        world->now_ms += RETRY_MS_MAX;
        has_gone = run(world) < ROUNDS_MAX;
    }
    for (size_t i = 0; i < world->object_count; i++)
        if (world->objects[i].state == OBSERVED_PRESENT &&
            !sv_eq(world->objects[i].name, SV("tools")))
            return false;
    for (size_t i = 0; i < world->node_count; i++)
        if (json_count(json_find(world->nodes[i], "metadata.labels")) > 0)
            return false;
    return has_gone && json_count(json_find(world->runtime, "metadata.finalizers")) == 0 &&
           sv_eq(dataset_phase(world), SV("NotBound"));
}

static bool run_case(uint64_t seed) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct trial trial = {.world = &world, .arena = arena};
    rng_init(&trial.rng, seed);
    world_init(&world, arena);
    world.cleaner_phase = "Succeeded";
    generate(&trial);
    const char *problem = check_rest(&trial);
    for (uint64_t step = rng_below(&trial.rng, STEPS_MAX); !problem && step > 0; step--) {
        disturb(&trial);
        problem = check_rest(&trial);
    }
    if (!problem && !check_nothing_left(&world))
        problem = "something is left";
    if (problem && getenv("PROPERTY_SHOW"))
        show(&world);
    if (problem)
        printf("PROPERTY_SEED=%llu PROPERTY_CASES=1: %s; dataset %.*s; %.*s\n",
               (unsigned long long)seed, problem, SV_ARG(dataset_phase(&world)),
               SV_ARG(json_find_string(object_condition(world.runtime, SV("Ready")), "message")));
    world_release(&world);
    return problem == NULL;
}

static uint64_t number_of(const char *variable, uint64_t fallback) {
    int64_t value;
    const char *text = getenv(variable);
    return text && sv_to_int64(sv_from(text), &value) && value >= 0 ? (uint64_t)value : fallback;
}

TEST(plans_converge_and_tell_the_truth) {
    uint64_t first = number_of("PROPERTY_SEED", 1), count = number_of("PROPERTY_CASES", CASES);
    for (uint64_t i = 0; i < count; i++)
        CHECK(run_case(first + i));
}
