/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runtime's status says in each state, and how often it is written: contract.md §7.
 */
#include "core/reconcile/names.h"
#include "core/reconcile/plan_fixture.h"

static struct cJSON *workload(struct world *world, const char *name) {
    return (struct cJSON *)find(world, &RESOURCE_STATEFUL_SETS, SV("default"), sv_from(name))
        ->object;
}

static void count(struct world *world, const char *name, int64_t ready, int64_t updated) {
    struct cJSON *status = json_find(workload(world, name), "status");
    json_set_int(world->arena, status, SV("readyReplicas"), ready);
    json_set_int(world->arena, status, SV("availableReplicas"), ready);
    json_set_int(world->arena, status, SV("updatedReplicas"), updated);
}

/* Acts on one plan after the other without letting the workloads settle. */
static void act_only(struct world *world) {
    for (int round = 0; round < 4; round++) {
        struct plan plan;
        plan_and_act(world, &plan);
        world->now_ms += 1500;
    }
}

/* The same with workloads that settle, for so many plans: an answer that is wrong for ever keeps a
 * plan near. */
static void act_until(struct world *world, int rounds) {
    for (int round = 0; round < rounds; round++) {
        act_only(world);
        settle(world);
    }
}

/* The first action with that reason, or NULL. */
static const struct action *find_action(const struct plan *plan, const char *reason) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (sv_eq(plan->actions[i].reason, sv_from(reason)))
            return &plan->actions[i];
    return NULL;
}

static void act_on(struct world *world, const struct plan *plan, enum action_type type) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (plan->actions[i].type == type)
            act(world, &plan->actions[i]);
}

static const struct {
    const char *what;
    int64_t master, worker, worker_updated; /* ready pods of 1 and 2 */
    const char *phase;
    bool is_ready, masters_ready, workers_ready;
} states[] = {
    {"all pods", 1, 2, 2, "Ready", true, true, true},
    {"one worker of two", 1, 1, 2, "PartialReady", true, true, true},
    {"pods are replaced", 1, 1, 1, "Updating", true, true, true},
    {"no worker", 1, 0, 2, "NotReady", false, true, false},
    {"no master", 0, 2, 2, "NotReady", false, false, true},
};

TEST(phase_and_conditions_are_those_of_the_pods) {
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        count(&world, "demo-master", states[i].master, 1);
        count(&world, "demo-worker", states[i].worker, states[i].worker_updated);
        act_only(&world);
        CHECK_SV(json_find_string(world.runtime, "status.phase"), sv_from(states[i].phase));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")) == states[i].is_ready);
        CHECK(object_condition_is_true(world.runtime, SV("MasterReady")) ==
              states[i].masters_ready);
        CHECK(object_condition_is_true(world.runtime, SV("WorkersReady")) ==
              states[i].workers_ready);
        CHECK(json_find_int(world.runtime, "status.worker.readyReplicas", -1) == states[i].worker);
        CHECK(json_find_int(world.runtime, "status.worker.desiredReplicas", -1) == 2);
        world_release(&world);
    }
}

/* fluid-contract: the phase of one component; contract.md §4: whether it is enough to serve. */
static const struct {
    const char *what, *component, *condition;
    int64_t desired, ready;
    const char *phase;
    bool is_enough;
} component_states[] = {
    {"all workers", "worker", "WorkersReady", 2, 2, "Ready", true},
    {"some workers", "worker", "WorkersReady", 2, 1, "PartialReady", true},
    {"a worker that is to go", "worker", "WorkersReady", 2, 3, "PartialReady", true},
    {"no worker", "worker", "WorkersReady", 2, 0, "NotReady", false},
    {"no worker, and none asked for", "worker", "WorkersReady", 0, 0, "Ready", true},
    {"all masters", "master", "MasterReady", 3, 3, "Ready", true},
    {"a majority of masters", "master", "MasterReady", 3, 2, "NotReady", true},
    {"a minority of masters", "master", "MasterReady", 3, 1, "NotReady", false},
    {"half of the masters", "master", "MasterReady", 4, 2, "NotReady", false},
    {"more than half of them", "master", "MasterReady", 4, 3, "NotReady", true},
    {"one of two masters", "master", "MasterReady", 2, 1, "NotReady", false},
    {"no master, and none asked for", "master", "MasterReady", 0, 0, "Ready", true},
};

TEST(a_component_is_partly_ready_where_a_part_serves) {
    for (size_t i = 0; i < COUNT_OF(component_states); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *spec = json_get(world.runtime, SV("spec"));
        json_set_int(arena, json_ensure_map(arena, spec, sv_from(component_states[i].component)),
                     SV("replicas"), component_states[i].desired);
        world_bind(&world);
        const char *name = arena_printf(arena, "demo-%s", component_states[i].component).ptr;
        count(&world, name, component_states[i].ready, component_states[i].ready);
        act_only(&world);
        const char *path =
            arena_printf(arena, "status.%s.phase", component_states[i].component).ptr;
        CHECK_SV(json_find_string(world.runtime, path), sv_from(component_states[i].phase));
        CHECK(object_condition_is_true(world.runtime, sv_from(component_states[i].condition)) ==
              component_states[i].is_enough);
        CHECK(object_condition_is_true(world.runtime, SV("Ready")) ==
              component_states[i].is_enough);
        world_release(&world);
    }
}

/* Who asks for no client has as many as he asked for. */
TEST(clients_of_a_number_may_be_none) {
    static const struct {
        const char *part; /* of the class's client */
        const char *spec; /* of the runtime's */
        const char *phase;
    } cases[] = {
        {"workloadType: {apiVersion: apps/v1, kind: Deployment}, updateStrategy: {type: "
         "RollingUpdate}, activation: Always",
         "{replicas: 0}", "Ready"},
        {"workloadType: {apiVersion: apps/v1, kind: Deployment}, updateStrategy: {type: "
         "RollingUpdate}",
         "{replicas: 0}", "Ready"},
        {"activation: OnDemand", "{}", "NotReady"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *client = json_find(world.runtime_class, "topology.client");
        JSON_EACH (member, fixture_yaml(arena, arena_printf(arena, "{%s}", cases[i].part).ptr))
            json_set(arena, client, json_key(member), json_copy(arena, member));
        json_set(arena, json_get(world.runtime, SV("spec")), SV("client"),
                 fixture_yaml(arena, cases[i].spec));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK_SV(json_find_string(world.runtime, "status.client.phase"), sv_from(cases[i].phase));
        CHECK(json_find_int(world.runtime, "status.client.desiredReplicas", -1) == 0);
        CHECK(object_condition_is_true(world.runtime, SV("FusesReady")));
        CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Ready"));
        world_release(&world);
    }
}

/* Where data may be is where the workers' selector leads, with their own terms or without. */
TEST(cache_affinity_tells_the_selector_of_the_workers) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set(arena, json_find(world.runtime, "spec.worker"), SV("nodeSelector"),
             fixture_yaml(arena, "{zone: b, disk: ssd}"));
    world_bind(&world);
    const struct cJSON *terms = json_find(
        world.runtime, "status.cacheAffinity."
                       "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    CHECK_SV(
        json_write_arena(arena, terms, JSON_COMPACT),
        SV("[{\"matchExpressions\":[{\"key\":\"disk\",\"operator\":\"In\",\"values\":[\"ssd\"]},"
           "{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"b\"]}]}]"));
    world_release(&world);
}

/* Once, when the last pod follows its template, and not before. */
TEST(a_rolled_component_is_told) {
    static const struct {
        int64_t updated;
        bool is_told;
    } cases[] = {{1, false}, {2, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        count(&world, "demo-worker", 2, 1);
        act_only(&world);
        CHECK(json_find_int(world.runtime, "status.worker.updatedReplicas", -1) == 1);
        count(&world, "demo-worker", 2, cases[i].updated);
        struct plan plan;
        int told = 0;
        for (int round = 0; round < 4; round++) {
            plan_once(&world, &plan);
            for (size_t k = 0; k < plan.action_count; k++) {
                told += sv_eq(plan.actions[k].reason, SV("PodsUpdated"));
                act(&world, &plan.actions[k]);
            }
            world.now_ms += 1500;
        }
        CHECK(told == cases[i].is_told);
        world_release(&world);
    }
}

/* Of a rollout much is forgiven while the cache serves. Here the master is down too, and comes back
 * while the workers still wait for a node: both objects go on saying that the cache has failed. */
TEST(what_has_failed_stays_failed_until_all_is_back) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    count(&world, "demo-master", 0, 1);
    count(&world, "demo-worker", 0, 1);
    for (int k = 0; k < 10; k++)
        act_only(&world);
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    count(&world, "demo-master", 1, 1);
    act_only(&world);
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Failed"));
    CHECK(sv_contains(json_find_string(object_condition(world.dataset, SV("NotReady")), "message"),
                      SV("the worker is down")));
    count(&world, "demo-worker", 2, 2);
    act_only(&world);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Ready"));
    world_release(&world);
}

TEST(a_bound_runtime_tells_the_rest) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, json_get(world.runtime, SV("metadata")), SV("generation"), 4);
    world_bind(&world);
    static const struct {
        const char *path, *expected;
    } fields[] = {
        {"status.valueFile", "fluid-runtime-config-demo"},
        {"status.selector",
         "cacheruntime.fluid.io/name=demo,cacheruntime.fluid.io/component-name=demo-worker"},
        {"status.setupDuration", "5s"},
        {"status.mountedBy.podUID", "uid-demo-master-0"},
        {"status.cacheStates.cachedPercentage", "45.6%"},
        {"status.mounts.0.path", "/m"},
        {"status.mounts.0.phase", "Mounted"},
        {"status.cacheAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.preference."
         "matchExpressions.0.key",
         "fluid.io/f-default-demo"},
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        CHECK_SV(json_text(json_find(world.runtime, fields[i].path)), sv_from(fields[i].expected));
    CHECK(json_find_int(world.runtime, "status.observedGeneration", -1) == 4);
    JSON_EACH (condition, json_find(world.runtime, "status.conditions"))
        CHECK(json_int_or(condition, SV("observedGeneration"), 0) == 4);
    CHECK(json_equal(json_find(world.dataset, "status.mounts"),
                     json_find(world.dataset, "spec.mounts")));
    world_release(&world);
}

/* contract.md §7: the whole list, of a cache that serves. The rest is said once it is so. */
TEST(a_bound_runtime_has_these_conditions) {
    static const struct {
        const char *type;
        bool is_true;
        const char *reason;
    } expected[] = {
        {"MasterInitialized", true, NULL},
        {"MasterReady", true, "PodsReady"},
        {"WorkersInitialized", true, NULL},
        {"WorkersReady", true, "PodsReady"},
        {"FusesInitialized", true, NULL},
        {"FusesReady", true, "PodsReady"},
        {"DataPlaneReady", true, "CheckPassed"},
        {"MountsReady", true, "Mounted"},
        {"Ready", true, "Serving"},
        {"Reconciling", false, "Settled"},
        {"Stalled", false, "NotStalled"},
    };
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct cJSON *found = object_condition(world.runtime, sv_from(expected[i].type));
        CHECK_SV(json_find_string(found, "type"), sv_from(expected[i].type));
        CHECK_SV(json_find_string(found, "status"), expected[i].is_true ? SV("True") : SV("False"));
        if (expected[i].reason)
            CHECK_SV(json_find_string(found, "reason"), sv_from(expected[i].reason));
    }
    JSON_EACH (condition, json_find(world.runtime, "status.conditions"))
        CHECK(json_find_string(condition, "reason").len > 0 &&
              json_find_string(condition, "lastTransitionTime").len > 0);
    CHECK(json_count(json_find(world.runtime, "status.conditions")) == COUNT_OF(expected));
    world_release(&world);
}

/* A workload that somebody deleted exists no more, until it is made again. */
TEST(what_is_gone_is_not_initialized) {
    static const struct {
        const struct resource *resource;
        const char *name, *condition;
    } cases[] = {
        {&RESOURCE_STATEFUL_SETS, "demo-master", "MasterInitialized"},
        {&RESOURCE_STATEFUL_SETS, "demo-worker", "WorkersInitialized"},
        {&RESOURCE_DAEMON_SETS, "demo-client", "FusesInitialized"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct sv type = sv_from(cases[i].condition);
        CHECK(object_condition_is_true(world.runtime, type));
        struct observed *workload =
            find(&world, cases[i].resource, SV("default"), sv_from(cases[i].name));
        workload->state = OBSERVED_ABSENT;
        workload->object = NULL;
        world.write_failure = "a quota";
        struct plan plan;
        plan_once(&world, &plan);
        for (size_t k = 0; k < plan.action_count; k++)
            if (plan.actions[k].resource == &RESOURCE_CACHE_RUNTIMES &&
                plan.actions[k].type == ACTION_PATCH)
                act(&world, &plan.actions[k]);
        CHECK(!object_condition(world.runtime, type));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(object_condition_is_true(world.runtime, type));
        world_release(&world);
    }
}

/* The truth at once, counters together: for half a second after what was told last, and not at all
 * of a controller that has told nothing yet. */
TEST(counters_wait_and_conditions_do_not) {
    static const struct {
        int64_t since_ms; /* -1: nothing was told */
        bool waits, is_lost;
    } cases[] = {{-1, false, false},  {0, true, false},   {499, true, false},
                 {500, false, false}, {499, false, true}, {-1, false, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        world_bind(&world);
        CHECK(world.told_ms > 0);
        world.told_ms = cases[i].since_ms < 0 ? 0 : world.now_ms - cases[i].since_ms;
        json_set_int(arena, json_get(workload(&world, "demo-worker"), SV("status")),
                     SV("availableReplicas"), 1);
        if (cases[i].is_lost)
            count(&world, "demo-worker", 0, 2);
        plan_once(&world, &plan);
        CHECK(plan_is_empty(&plan) == cases[i].waits);
        CHECK(!cases[i].waits || plan.wake_ms == world.told_ms + 500);
        if (!cases[i].waits && plan.action_count > 0)
            CHECK_SV(plan.actions[0].reason, SV("RuntimeStatusDiffers"));
        world_release(&world);
    }
}

static void lose_master(struct world *world) {
    count(world, "demo-master", 0, 1);
}

static void lose_workers(struct world *world) {
    count(world, "demo-worker", 0, 2);
}

/* What was mounted went with the containers. */
static void lose_mounts(struct world *world) {
    world->restart_count++;
    settle(world);
}

static void lose_claim(struct world *world) {
    world->claim_phase = "Lost";
    settle(world);
}

/* Of a runtime that is not ready anyway, so that nothing but the one condition changes. */
TEST(each_condition_that_is_lost_is_told_at_once) {
    static const struct {
        void (*lose_before)(struct world *world);
        void (*lose)(struct world *world);
        const char *condition;
    } cases[] = {{lose_workers, lose_master, "MasterReady"},
                 {lose_master, lose_workers, "WorkersReady"},
                 {lose_claim, lose_mounts, "MountsReady"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        world_bind(&world);
        cases[i].lose_before(&world);
        plan_once(&world, &plan);
        act_on(&world, &plan, ACTION_PATCH);
        CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
        CHECK(object_condition_is_true(world.runtime, sv_from(cases[i].condition)));
        struct sv phase = json_find_string(world.runtime, "status.phase");
        world.now_ms = world.told_ms + 1;
        cases[i].lose(&world);
        plan_once(&world, &plan);
        const struct action *told = find_action(&plan, "RuntimeStatusDiffers");
        REQUIRE(told);
        act(&world, told);
        CHECK(!object_condition_is_true(world.runtime, sv_from(cases[i].condition)));
        CHECK_SV(json_find_string(world.runtime, "status.phase"), phase);
        world_release(&world);
    }
}

/* Before the first binding steps on the way to it wait longer, for few writes to lead there, and
 * counters longer still; that a step is lost is told at once. */
TEST(steps_of_a_start_are_told_together_and_setbacks_at_once) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    world.pods_are_down = true;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Ready"), SV("PodsNotReady"));
    struct cJSON *ready = (struct cJSON *)object_condition(world.runtime, SV("Ready"));
    json_set_string(arena, ready, SV("lastProbeTime"), api_time_format(world.now_ms, arena));
    count(&world, "demo-worker", 1, 2);
    world.now_ms += 1000;
    plan_once(&world, &plan);
    CHECK(plan_is_empty(&plan) && plan.wake_ms <= world.now_ms + 5000);
    world.now_ms = plan.wake_ms;
    plan_once(&world, &plan);
    REQUIRE(!plan_is_empty(&plan));
    act(&world, &plan.actions[0]);
    CHECK(object_condition_is_true(world.runtime, SV("WorkersReady")));
    count(&world, "demo-worker", 2, 2);
    world.now_ms += 5000;
    plan_once(&world, &plan);
    CHECK(plan_is_empty(&plan) && plan.wake_ms > world.now_ms);
    count(&world, "demo-worker", 0, 2);
    plan_once(&world, &plan);
    REQUIRE(!plan_is_empty(&plan));
    act(&world, &plan.actions[0]);
    CHECK(!object_condition_is_true(world.runtime, SV("WorkersReady")));
    world_release(&world);
}

/* Where many start at once each step takes long, and none is worth a write of its own. */
TEST(a_start_that_takes_long_is_told_of_the_more_rarely) {
    static const struct {
        int64_t taken_ms, wait_ms;
    } starts[] = {
        {0, 5 * 1000}, {4 * 1000, 5 * 1000}, {20 * 1000, 20 * 1000}, {3600 * 1000, 60 * 1000}};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        world.pods_are_down = true;
        CHECK(run(&world) < ROUNDS_MAX);
        struct cJSON *ready = (struct cJSON *)object_condition(world.runtime, SV("Ready"));
        json_set_string(arena, ready, SV("lastProbeTime"), api_time_format(world.now_ms, arena));
        json_set_string(arena, json_get(world.runtime, SV("metadata")), SV("creationTimestamp"),
                        api_time_format(world.now_ms - starts[i].taken_ms, arena));
        count(&world, "demo-worker", 1, 2);
        plan_once(&world, &plan);
        CHECK(plan_is_empty(&plan));
        CHECK(plan.wake_ms == world.now_ms / 1000 * 1000 + starts[i].wait_ms);
        world.now_ms = plan.wake_ms;
        plan_once(&world, &plan);
        CHECK(!plan_is_empty(&plan));
        world_release(&world);
    }
}

/* Upstream's schema lacks our fields: what was sent once is not sent again. */
TEST(a_schema_that_drops_fields_starts_no_fight) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    world_bind(&world);
    struct cJSON *status = json_get(world.runtime, SV("status"));
    json_remove(status, SV("phase"));
    json_remove(status, SV("mounts"));
    json_remove(status, SV("observedGeneration"));
    world.now_ms += 60 * 1000;
    plan_once(&world, &plan);
    REQUIRE(plan.action_count > 0);
    struct observed *self = find(&world, &RESOURCE_CACHE_RUNTIMES, SV("default"), SV("demo"));
    self->state = OBSERVED_PRESENT;
    self->object = world.runtime;
    self->last_desired_hash = plan.actions[0].desired_hash;
    plan_once(&world, &plan);
    CHECK(plan_is_empty(&plan));
    world_release(&world);
}

/* Workers that were to leave and have not. */
TEST(a_worker_too_many_is_not_ready) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    struct plan plan;
    plan_once(&world, &plan);
    for (size_t i = 0; i < plan.action_count; i++)
        act(&world, &plan.actions[i]);
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("PartialReady"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Ready"));
    world_release(&world);
}

static const struct {
    int64_t partition, updated; /* of two workers */
    const char *phase;
    bool is_reconciling;
} partitions[] = {
    {0, 1, "Updating", true}, {1, 0, "Updating", true}, {1, 1, "Ready", false},
    {2, 0, "Ready", false},   {9, 0, "Ready", false},
};

/* A rollout is over when all pods have changed that the partition lets change. */
TEST(pods_below_the_partition_are_not_waited_for) {
    for (size_t i = 0; i < COUNT_OF(partitions); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *strategy = json_ensure_map(
            arena, json_find(world.runtime_class, "topology.worker"), SV("updateStrategy"));
        json_set_string(arena, strategy, SV("type"), SV("RollingUpdate"));
        json_set_int(arena, strategy, SV("partition"), partitions[i].partition);
        world_bind(&world);
        count(&world, "demo-worker", 2, partitions[i].updated);
        struct cJSON *status = json_get(workload(&world, "demo-worker"), SV("status"));
        json_set_string(arena, status, SV("currentRevision"), SV("old"));
        json_set_string(arena, status, SV("updateRevision"), SV("new"));
        act_only(&world);
        CHECK_SV(json_find_string(world.runtime, "status.phase"), sv_from(partitions[i].phase));
        CHECK(object_condition_is_true(world.runtime, SV("Reconciling")) ==
              partitions[i].is_reconciling);
        world_release(&world);
    }
}

/* A pod that cannot go since its node is dead is counted by its StatefulSet for ever. */
TEST(a_pod_that_cannot_go_is_no_rollout) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    count(&world, "demo-worker", 1, 1);
    for (size_t i = 0; i < world.pod_count; i++)
        if (sv_eq(object_name(world.pods[i]), SV("demo-worker-1")))
            json_set_string(arena, json_get(world.pods[i], SV("metadata")), SV("deletionTimestamp"),
                            SV("2026-01-01T01:00:00Z"));
    act_only(&world);
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("PartialReady"));
    CHECK(!object_condition_is_true(world.runtime, SV("Reconciling")));
    world_release(&world);
}

/* --- what is said while nothing may be written --- */

static void set_paused(struct world *world, bool is_paused) {
    object_set_annotation(world->arena, world->runtime, SV("cacheruntime.fluid.io/paused"),
                          is_paused ? SV("true") : SV("false"));
}

/* What a condition said of a stage is not true for ever once the stage is out of reach. */
TEST(a_stage_out_of_reach_waits_for_what_comes_first) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    set_paused(&world, true);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "MountsReady"), SV("Paused"));
    set_paused(&world, false);
    world.pods_are_down = true;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "DataPlaneReady"), SV("PodsNotReady"));
    CHECK_SV(condition_reason(&world, "MountsReady"), SV("PodsNotReady"));
    world_release(&world);
}

TEST(a_pause_makes_no_failed_check_pass) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    for (int i = 0; i < 4; i++) {
        world.now_ms += 400 * 1000;
        CHECK(run(&world) <= ROUNDS_MAX);
    }
    CHECK_SV(condition_reason(&world, "DataPlaneReady"), SV("HealthCheckFailed"));
    set_paused(&world, true);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "DataPlaneReady"), SV("HealthCheckFailed"));
    CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Failed"));
    world_release(&world);
}

/* A container that restarts during a pause has lost its mounts, and nobody may make them again. */
TEST(a_pause_serves_no_mounts_that_are_lost) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    set_paused(&world, true);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
    world.restart_count++;
    settle(&world);
    int executed = world.executed;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "MountsReady"), SV("Paused"));
    CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(world.executed == executed);
    set_paused(&world, false);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    world_release(&world);
}

TEST(a_pause_makes_no_volume_current) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    set_access_mode(&world, "ReadWriteMany");
    set_paused(&world, true);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("VolumeOutdated")));
    CHECK(!trace_has(&world, "Delete"));
    world_release(&world);
}

static struct cJSON *invalid_class(struct world *world) {
    struct cJSON *copy = json_copy(world->arena, world->runtime_class);
    json_set(world->arena, copy, SV("topology"), json_map(world->arena));
    return copy;
}

/* A class that is gone, or edited into one that nobody can use, takes nothing from what serves, and
 * its pods go on being judged. */
TEST(without_a_usable_class_the_pods_are_judged) {
    for (int is_gone = 0; is_gone < 2; is_gone++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        world.runtime_class = is_gone ? NULL : invalid_class(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
        CHECK_SV(json_find_string(object_condition(world.runtime, SV("DataPlaneReady")), "message"),
                 SV("ok"));
        CHECK_SV(condition_reason(&world, "Synced"),
                 is_gone ? SV("ClassNotFound") : SV("NoComponent"));
        CHECK(trace_has(&world, is_gone ? " ClassNotFound: " : " NoComponent: "));
        world.pods_are_down = true;
        settle(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!object_condition_is_true(world.runtime, SV("MasterReady")));
        CHECK(!object_condition_is_true(world.runtime, SV("WorkersReady")));
        CHECK_SV(condition_reason(&world, "Ready"), SV("ComponentDown"));
        CHECK_SV(dataset_phase(&world), SV("Failed"));
        world.pods_are_down = false;
        settle(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(!trace_has(&world, "Update StatefulSet") && !trace_has(&world, "Run "));
        world_release(&world);
    }
}

/* Exactly one, which is mounted. */
static bool mounts_are_those_of(const struct world *world, const char *path) {
    const struct cJSON *mounts = json_find(world->runtime, "status.mounts");
    return json_count(mounts) == 1 &&
           sv_eq(json_find_string(json_at(mounts, 0), "path"), sv_from(path)) &&
           sv_eq(json_find_string(json_at(mounts, 0), "phase"), SV("Mounted"));
}

/* Before the first binding each mount has a phase as well. */
TEST(mounts_are_told_before_they_are_bound) {
    static const struct {
        const char *answer, *phase;
        bool has_pods;
    } mounts[] = {{NULL, "Pending", false}, {"{\"mounted\":[]}", "Failed", true}};
    for (size_t i = 0; i < COUNT_OF(mounts); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.answers[ENTRY_MOUNT_UFS] = mounts[i].answer;
        world.pods_are_down = !mounts[i].has_pods;
        act_until(&world, 12);
        const struct cJSON *mount = json_find(world.runtime, "status.mounts.0");
        CHECK_SV(json_find_string(mount, "path"), SV("/m"));
        CHECK_SV(json_find_string(mount, "phase"), sv_from(mounts[i].phase));
        CHECK_SV(json_find_string(mount, "message"),
                 mounts[i].has_pods ? SV("mount point /m is not yet mounted") : SV(""));
        CHECK(json_find(world.runtime, "status.mountedBy") == NULL);
        CHECK(json_find(world.dataset, "status.mounts") == NULL);
        world_release(&world);
    }
}

/* The mounts that an edit asks for, and those that a restart lost, wait for a class. */
TEST(without_a_class_nothing_is_mounted_and_that_is_told) {
    for (int is_edit = 0; is_edit < 2; is_edit++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct cJSON *runtime_class = world.runtime_class;
        world.answers[ENTRY_MOUNT_UFS] = "all";
        world.runtime_class = NULL;
        if (is_edit)
            json_set(arena, json_get(world.dataset, SV("spec")), SV("mounts"),
                     fixture_yaml(arena, "[{mountPoint: 's3://other/', name: other}]"));
        else
            world.restart_count++;
        settle(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "MountsReady"), SV("ClassNotFound"));
        CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
        CHECK(object_condition_is_true(world.runtime, SV("MasterReady")));
        /* Nothing is being updated: what was mounted is still served, or it is lost. */
        CHECK_SV(dataset_phase(&world), is_edit ? SV("Bound") : SV("Failed"));
        CHECK(object_condition(world.dataset, SV("Updating")) == NULL);
        CHECK_SV(json_find_string(world.runtime, "status.phase"),
                 is_edit ? SV("NotReady") : SV("Failed"));
        world.runtime_class = runtime_class;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(mounts_are_those_of(&world, is_edit ? "/other" : "/m"));
        world_release(&world);
    }
}

/* A pod that is about to go takes its mounts with it, whoever else runs a container like its. */
TEST(without_a_class_mounts_go_with_the_pod_that_made_them) {
    for (int is_going = 0; is_going < 2; is_going++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        world_bind(&world);
        world.runtime_class = NULL;
        for (size_t i = 0; i < world.pod_count; i++)
            if (is_going && sv_eq(object_name(world.pods[i]), SV("demo-master-0")))
                delete_object(&world, world.pods[i]);
        plan_once(&world, &plan);
        CHECK(plan.gates[GATE_MOUNTS].is_open == !is_going);
        world_release(&world);
    }
}

/* Somebody wrote a phase that only a runtime that served it can have brought about. */
TEST(a_dataset_that_was_never_served_is_not_bound) {
    static const char *const phases[] = {"Failed", "Bound", "Updating", "", "NotBound"};
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.pods_are_down = true;
        json_set_string(arena, json_ensure_map(arena, world.dataset, SV("status")), SV("phase"),
                        sv_from(phases[i]));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("NotBound"));
        world.pods_are_down = false;
        settle(&world);
        world_bind(&world);
        world_release(&world);
    }
}

static void check_update(struct world *world, const char *updating, const char *ready) {
    struct cJSON *dataset = world->dataset;
    CHECK_SV(json_find_string(object_condition(dataset, SV("Updating")), "status"),
             sv_from(updating));
    CHECK_SV(json_find_string(object_condition(dataset, SV("UpdateReady")), "status"),
             sv_from(ready));
}

static void change_mounts(struct world *world, bool is_served) {
    world->answers[ENTRY_MOUNT_UFS] = is_served ? "{\"mounted\":[\"/other\"]}" : NULL;
    json_set(world->arena, json_get(world->dataset, SV("spec")), SV("mounts"),
             fixture_yaml(world->arena, "[{mountPoint: 's3://other/', name: other}]"));
    CHECK(run(world) < ROUNDS_MAX);
}

/* UpdateReady says that the last update went through: nothing before there was one, and never
 * beside Updating. What fails is not being updated any more. */
TEST(an_update_of_a_dataset_is_under_way_or_done_or_failed) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    check_update(&world, "", "");
    change_mounts(&world, false);
    check_update(&world, "True", "False");
    world.pods_are_down = true;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    check_update(&world, "False", "False");
    world.pods_are_down = false;
    settle(&world);
    change_mounts(&world, true);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    check_update(&world, "False", "True");
    world_release(&world);
}

/* One that was updated before by a controller that does not say so is not written for it alone. */
TEST(an_update_of_the_past_stays_as_it_is) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    json_append(json_find(world.dataset, "status.conditions"),
                fixture_yaml(arena, "{type: Updating, status: 'False', reason: DatasetReady, "
                                    "message: The ddc runtime has updated completely.}"));
    struct plan plan;
    plan_once(&world, &plan);
    CHECK(plan_is_empty(&plan));
    check_update(&world, "False", "");
    world_release(&world);
}

/* Pods of one component are told from all others by labels, which nobody may give another value.
 * Who asks for one is told, and gets all the rest. */
TEST(a_label_that_is_overruled_is_told) {
    static const struct {
        const char *where, *labels, *said; /* NULL: nothing */
    } cases[] = {
        {"class", "{cacheruntime.fluid.io/name: other}", "master"},
        {"class", "{cacheruntime.fluid.io/component-name: demo-worker}", "master"},
        {"class", "{cacheruntime.fluid.io/name: demo, tier: hot}", NULL},
        {"class", "{fluid.io/dataset: other}", NULL}, /* of workers only */
        {"runtime", "{cacheruntime.fluid.io/name: other}", "master"},
        {"runtime", "{cacheruntime.fluid.io/name: demo}", NULL},
        {"worker", "{cacheruntime.fluid.io/name: other}", "worker"},
        {"worker", "{fluid.io/dataset: other}", "worker"},
        {"worker", "{fluid.io/dataset: default-demo}", NULL},
        {"worker", "{fluid.io/dataset-placement: Shared}", "worker"},
        {"worker", "{tier: hot}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        bool is_class = strcmp(cases[i].where, "class") == 0;
        struct cJSON *parent = is_class ? json_find(world.runtime_class, "topology.master.template")
                               : strcmp(cases[i].where, "runtime") == 0
                                   ? json_find(world.runtime, "spec")
                                   : json_find(world.runtime, "spec.worker");
        struct cJSON *metadata =
            json_ensure_map(arena, parent, is_class ? SV("metadata") : SV("podMetadata"));
        json_set(arena, metadata, SV("labels"), fixture_yaml(arena, cases[i].labels));
        world_bind(&world);
        CHECK_SV(condition_reason(&world, "Synced"), cases[i].said ? SV("LabelOverruled") : SV(""));
        if (cases[i].said)
            CHECK_CONTAINS(
                json_find_string(object_condition(world.runtime, SV("Synced")), "message"),
                arena_printf(arena, "of the %s's pods", cases[i].said).ptr);
        const struct cJSON *label =
            json_get(json_find(workload(&world, "demo-worker"), "spec.template.metadata.labels"),
                     LABEL_RUNTIME_NAME);
        CHECK_SV(json_text(label), SV("demo"));
        json_remove(metadata, SV("labels"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(object_condition_is_true(world.runtime, SV("Synced")) == (cases[i].said != NULL));
        world_release(&world);
    }
}

static int count_told(const struct world *world, const char *reason) {
    int count = 0;
    for (struct sv rest = buf_view(&world->trace); rest.len > 0; rest = sv_drop(rest, 1))
        count += sv_starts_with(rest, sv_from(reason));
    return count;
}

/* It is gone with the first write, and so is told of once. */
TEST(a_label_that_is_overwritten_is_told_of) {
    static const struct {
        const char *kind, *label;
        bool is_told;
    } cases[] = {
        {"CacheRuntime", "other", true},    {"CacheRuntime", "default-demo", false},
        {"CacheRuntime", "", false},        {"Dataset", "other", true},
        {"Dataset", "default-demo", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct cJSON *object = cases[i].kind[0] == 'C' ? world.runtime : world.dataset;
        object_set_label(arena, object, LABEL_DATASET_ID, sv_from(cases[i].label));
        CHECK(run(&world) < ROUNDS_MAX);
        struct sv told =
            arena_printf(arena,
                         "LabelOverruled: the label fluid.io/dataset-id of %s \"demo\" is the "
                         "controller's, \"default-demo\": \"%s\" is overwritten",
                         cases[i].kind, cases[i].label);
        CHECK(trace_has(&world, told.ptr) == cases[i].is_told);
        CHECK(count_told(&world, "LabelOverruled") == cases[i].is_told);
        CHECK_SV(object_label(object, LABEL_DATASET_ID), SV("default-demo"));
        world_release(&world);
    }
}

/* --- writes that the API server does not take --- */

/* Before what fails again, or nobody would be told; and once. */
TEST(a_refusal_is_told_before_the_next_try) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    for (int round = 0; round < 2; round++) {
        plan_once(&world, &plan);
        act_on(&world, &plan, ACTION_PATCH);
        act_on(&world, &plan, ACTION_GET);
    }
    world.write_failure = "StatefulSet \"demo-worker\": exceeded quota: pods";
    plan_once(&world, &plan);
    const struct action *status = find_action(&plan, "RuntimeStatusDiffers");
    const struct action *event = find_action(&plan, "WriteRefused");
    const struct action *write = find_action(&plan, "ObjectMissing");
    REQUIRE(status && event && write);
    CHECK(status->step < write->step && event->step == status->step && event < status);
    CHECK_CONTAINS(event->message, "StatefulSet \"demo-worker\": exceeded quota: pods");
    act_on(&world, &plan, ACTION_PATCH);
    CHECK_SV(condition_reason(&world, "Ready"), SV("WriteRefused"));
    CHECK_SV(condition_reason(&world, "Synced"), SV("WriteRefused"));
    plan_once(&world, &plan);
    CHECK(!find_action(&plan, "RuntimeStatusDiffers") && !find_action(&plan, "WriteRefused"));
    world.write_failure = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(object_condition_is_true(world.runtime, SV("Synced")));
    world_release(&world);
}

/* What serves goes on, unless it is mounts that could not be handed on. */
TEST(a_refused_edit_takes_nothing_from_what_serves) {
    for (int has_mounts = 0; has_mounts < 2; has_mounts++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct plan plan;
        world_init(&world, arena);
        json_remove(json_find(world.runtime_class, "topology.master.executionEntries"),
                    SV("mountUFS"));
        world_bind(&world);
        if (has_mounts)
            json_set(arena, json_get(world.dataset, SV("spec")), SV("mounts"),
                     fixture_yaml(arena, "[{mountPoint: 's3://other/', name: n}]"));
        json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
        world.write_failure = "StatefulSet \"demo-worker\": exceeded quota: pods";
        plan_once(&world, &plan);
        act_on(&world, &plan, ACTION_PATCH);
        CHECK_SV(condition_reason(&world, "Synced"), SV("WriteRefused"));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")) == !has_mounts);
        CHECK(object_condition_is_true(world.runtime, SV("MountsReady")) == !has_mounts);
        world_release(&world);
    }
}

/* A controller that died after it had told the dataset has forgotten the report. */
TEST(the_runtime_says_what_the_dataset_was_told) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    world_bind(&world);
    json_set_string(arena, json_find(world.dataset, "status.cacheStates"), SV("cached"),
                    SV("7GiB"));
    world.execution_count = 0;
    world.now_ms += 2000;
    plan_once(&world, &plan);
    act_on(&world, &plan, ACTION_PATCH);
    CHECK_SV(json_find_string(world.runtime, "status.cacheStates.cached"), SV("7GiB"));
    world_release(&world);
}
