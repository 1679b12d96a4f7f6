/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Class rollouts: who may change when, what stops it, and that only edits of the class are
 * throttled: contract.md §1.6, §2 "rollout".
 */
#include "core/reconcile/rollout.h"

#include "core/reconcile/names.h"
#include "core/reconcile/plan_fixture.h"

enum { RUNTIMES_MAX = 16 };

/* One letter a runtime: h held, H held and not ready, u under way, U under way and not ready,
 * c current, C current and not ready. */
static size_t read_runtimes(const char *text, int64_t granted_ms, struct arena *arena,
                            struct rollout_runtime runtimes[RUNTIMES_MAX]) {
    size_t count = 0;
    for (; text[count]; count++) {
        char letter = text[count];
        bool is_under_way = letter == 'u' || letter == 'U';
        runtimes[count] = (struct rollout_runtime){
            .key = arena_printf(arena, "default/r%zu", count),
            .state = letter == 'h' || letter == 'H' ? ROLLOUT_HELD
                     : is_under_way                 ? ROLLOUT_UPDATING
                                                    : ROLLOUT_CURRENT,
            .is_ready = letter >= 'a',
            .is_granted = is_under_way,
            .was_ready = is_under_way,
            .granted_ms = granted_ms,
        };
    }
    return count;
}

static const struct {
    const char *what, *rollout, *runtimes;
    const char *granted; /* a star for each that is granted */
    const char *reason;  /* of Progressing, "": not written */
} cases[] = {
    {"the first is the canary", "{maxConcurrentRuntimes: 3}", "hhhh", "*---", "RolloutProgressing"},
    {"nobody follows a canary under way", "{maxConcurrentRuntimes: 3}", "uhhh", "----",
     "RolloutProgressing"},
    {"a canary that is not ready yet holds", "{maxConcurrentRuntimes: 3}", "Uhhh", "----",
     "RolloutProgressing"},
    {"then so many at a time", "{maxConcurrentRuntimes: 3}", "chhhh", "-***-",
     "RolloutProgressing"},
    {"those under way count", "{maxConcurrentRuntimes: 3}", "cuuhh", "---*-", "RolloutProgressing"},
    {"one at a time by default", "{}", "chhh", "-*--", "RolloutProgressing"},
    {"a part of all, rounded up", "{maxConcurrentRuntimes: 30%}", "chhhhh", "-**---",
     "RolloutProgressing"},
    {"what is no number is one", "{maxConcurrentRuntimes: many}", "chhh", "-*--",
     "RolloutProgressing"},
    {"what was not ready neither waits nor counts", "{}", "HhHh", "***-", "RolloutProgressing"},
    {"paused", "{paused: true}", "chhh", "----", "RolloutPaused"},
    {"nothing to do", "{}", "ccC", "---", ""},
};

static struct cJSON *class_with(struct arena *arena, const char *rollout) {
    struct sv text = arena_printf(
        arena, "{metadata: {name: demo, generation: 7, resourceVersion: '1'}, rollout: %s}",
        rollout);
    return fixture_yaml(arena, text.ptr);
}

TEST(grants_in_turn) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct rollout_runtime runtimes[RUNTIMES_MAX];
        struct rollout_snapshot snapshot = {
            .now_ms = 1000 * 1000,
            .runtime_class = class_with(arena, cases[i].rollout),
            .runtimes = runtimes,
            .runtime_count = read_runtimes(cases[i].runtimes, 900 * 1000, arena, runtimes),
            .is_complete = true,
        };
        struct plan plan;
        rollout_plan(&snapshot, arena, &plan);
        char granted[RUNTIMES_MAX + 1] = {0};
        for (size_t k = 0; k < snapshot.runtime_count; k++)
            granted[k] = runtimes[k].is_granted_now ? '*' : '-';
        CHECK_SV(sv_from(granted), sv_from(cases[i].granted));
        const struct cJSON *conditions =
            plan.action_count ? json_find(plan.actions[0].body, "status.conditions") : NULL;
        CHECK_SV(json_find_string(json_at(conditions, 0), "reason"), sv_from(cases[i].reason));
    }
}

TEST(a_runtime_has_ten_minutes_where_the_class_says_nothing_that_makes_sense) {
    static const struct {
        const char *rollout;
        int64_t seconds;
    } deadlines[] = {
        {"{}", 600},
        {"{progressDeadlineSeconds: 5}", 5},
        {"{progressDeadlineSeconds: 2147483647}", INT32_MAX},
        {"{progressDeadlineSeconds: 2147483648}", 600},
        {"{progressDeadlineSeconds: 9223372036854775807}", 600},
        {"{progressDeadlineSeconds: 0}", 600},
        {"{progressDeadlineSeconds: -1}", 600},
        {"{maxConcurrentRuntimes: 9223372036854775807%}", 600},
    };
    for (size_t i = 0; i < COUNT_OF(deadlines); i++) {
        AUTO(arena) arena = arena_new();
        struct rollout_runtime runtimes[RUNTIMES_MAX];
        struct rollout_snapshot snapshot = {
            .now_ms = 51 * 1000,
            .runtime_class = class_with(arena, deadlines[i].rollout),
            .runtimes = runtimes,
            .runtime_count = read_runtimes("cUh", 50 * 1000, arena, runtimes),
            .is_complete = true,
        };
        struct plan plan;
        rollout_plan(&snapshot, arena, &plan);
        CHECK(plan.wake_ms == (50 + deadlines[i].seconds) * 1000);
    }
}

TEST(before_all_runtimes_are_known_nothing_is_granted) {
    AUTO(arena) arena = arena_new();
    struct rollout_runtime runtimes[RUNTIMES_MAX];
    struct rollout_snapshot snapshot = {.runtime_class = class_with(arena, "{}"),
                                        .runtimes = runtimes,
                                        .runtime_count = read_runtimes("hh", 0, arena, runtimes)};
    struct plan plan;
    rollout_plan(&snapshot, arena, &plan);
    CHECK(!runtimes[0].is_granted && plan.action_count == 0);
}

TEST(a_runtime_that_misses_the_deadline_stops_the_rollout_for_good) {
    AUTO(arena) arena = arena_new();
    struct rollout_runtime runtimes[RUNTIMES_MAX];
    struct cJSON *runtime_class = class_with(arena, "{progressDeadlineSeconds: 60}");
    struct rollout_snapshot snapshot = {
        .now_ms = 100 * 1000,
        .runtime_class = runtime_class,
        .runtimes = runtimes,
        .runtime_count = read_runtimes("cUh", 50 * 1000, arena, runtimes),
        .is_complete = true,
    };
    struct plan plan;
    rollout_plan(&snapshot, arena, &plan);
    CHECK(plan.wake_ms == 110 * 1000);
    snapshot.now_ms = 110 * 1000;
    rollout_plan(&snapshot, arena, &plan);
    REQUIRE(plan.action_count == 2);
    CHECK_SV(plan.actions[1].reason, SV("RolloutStopped"));
    CHECK(plan.actions[1].type == ACTION_EVENT && plan.actions[1].event_kind == EVENT_WARNING);
    CHECK_CONTAINS(plan.actions[1].message, "default/r1");

    /* The runtime recovers, the controller restarts: only an edit of the class goes on. */
    json_set(arena, runtime_class, SV("status"),
             json_copy(arena, json_get(plan.actions[0].body, SV("status"))));
    snapshot.runtime_count = read_runtimes("cch", 0, arena, runtimes);
    rollout_plan(&snapshot, arena, &plan);
    CHECK(!runtimes[2].is_granted);
    json_set_int(arena, json_get(runtime_class, SV("metadata")), SV("generation"), 8);
    rollout_plan(&snapshot, arena, &plan);
    CHECK(runtimes[2].is_granted);
}

/* The runtime that is late has until the new deadline to become ready with the edit. */
TEST(an_edit_of_a_stopped_class_is_a_new_try) {
    AUTO(arena) arena = arena_new();
    struct rollout_runtime runtimes[RUNTIMES_MAX];
    struct cJSON *runtime_class = class_with(arena, "{progressDeadlineSeconds: 60}");
    struct rollout_snapshot snapshot = {
        .now_ms = 110 * 1000,
        .runtime_class = runtime_class,
        .runtimes = runtimes,
        .runtime_count = read_runtimes("cUh", 50 * 1000, arena, runtimes),
        .is_complete = true,
    };
    struct plan plan;
    rollout_plan(&snapshot, arena, &plan);
    REQUIRE(plan.action_count == 2);
    json_set(arena, runtime_class, SV("status"),
             json_copy(arena, json_get(plan.actions[0].body, SV("status"))));
    json_set_int(arena, json_get(runtime_class, SV("metadata")), SV("generation"), 8);
    snapshot.now_ms = 200 * 1000;
    rollout_plan(&snapshot, arena, &plan);
    CHECK(runtimes[1].is_granted_now && runtimes[1].granted_ms == 200 * 1000);
    CHECK(!runtimes[2].is_granted);
    CHECK(plan.wake_ms == 260 * 1000);
    REQUIRE(plan.action_count >= 1);
    CHECK_SV(json_find_string(plan.actions[0].body, "status.conditions.0.reason"),
             SV("RolloutProgressing"));
}

TEST(the_end_is_told_once) {
    AUTO(arena) arena = arena_new();
    struct rollout_runtime runtimes[RUNTIMES_MAX];
    struct world world = {.arena = arena};
    struct cJSON *runtime_class = class_with(arena, "{}");
    struct rollout_snapshot snapshot = {
        .runtime_class = runtime_class,
        .runtimes = runtimes,
        .runtime_count = read_runtimes("ch", 0, arena, runtimes),
        .is_complete = true,
    };
    struct plan plan;
    for (int round = 0; round < 3; round++) {
        rollout_plan(&snapshot, arena, &plan);
        CHECK(plan.action_count == (round == 0 ? 1u : round == 1 ? 2u : 0u));
        for (size_t i = 0; i < plan.action_count; i++)
            if (plan.actions[i].type == ACTION_PATCH)
                merge(&world, json_ensure_map(arena, runtime_class, SV("status")),
                      json_get(plan.actions[i].body, SV("status")));
        snapshot.runtime_count = read_runtimes("cc", 0, arena, runtimes);
    }
    CHECK(json_find_int(runtime_class, "status.updatedRuntimes", -1) == 2);
    CHECK(json_find_int(runtime_class, "status.observedGeneration", -1) == 7);
}

/* Two that serve other namespaces: neither undoes what the other said, nor counts for it. */
TEST(controllers_of_some_namespaces_have_conditions_of_their_own) {
    static const struct {
        struct sv scope, type;
    } sides[] = {{{"a", 1}, {"a/Progressing", 13}},
                 {{"b.c", 3}, {"b.c/Progressing", 15}},
                 {{"", 0}, {"Progressing", 11}}};
    AUTO(arena) arena = arena_new();
    struct rollout_runtime runtimes[RUNTIMES_MAX];
    struct world world = {.arena = arena};
    struct cJSON *runtime_class = class_with(arena, "{}");
    struct plan plan;
    for (size_t i = 0; i < 2 * COUNT_OF(sides); i++) {
        struct rollout_snapshot snapshot = {
            .scope = sides[i % COUNT_OF(sides)].scope,
            .runtime_class = runtime_class,
            .runtimes = runtimes,
            .runtime_count = read_runtimes(i % COUNT_OF(sides) ? "chh" : "ch", 0, arena, runtimes),
            .is_complete = true,
        };
        rollout_plan(&snapshot, arena, &plan);
        REQUIRE(plan.action_count == (i < COUNT_OF(sides) ? 1u : 0u));
        if (plan.action_count == 0)
            continue;
        const struct cJSON *status = json_get(plan.actions[0].body, SV("status"));
        CHECK((json_get(status, SV("runtimes")) != NULL) == (snapshot.scope.len == 0));
        merge(&world, json_ensure_map(arena, runtime_class, SV("status")), status);
        CHECK(json_count(json_find(runtime_class, "status.conditions")) == i + 1);
        CHECK_SV(json_find_string(object_condition(runtime_class, sides[i].type), "reason"),
                 SV("RolloutProgressing"));
    }
    CHECK(json_find_int(runtime_class, "status.runtimes", -1) == 3);
}

/* --- what is throttled --- */

static const struct {
    const char *what;
    int object; /* 0: class, 1: runtime, 2: dataset */
    const char *parent, *key, *value;
    bool is_held;
} edits[] = {
    {"image in the class", 0, "topology.worker.template.spec.containers.0", "image", "new", true},
    {"env in the class", 0, "topology.worker.template.spec.containers.0", "env",
     "[{name: A, value: b}]", true},
    {"another label in the class", 0, "topology.worker.template", "metadata", "{labels: {a: b}}",
     true},
    {"image in the runtime", 1, "spec.worker", "runtimeVersion", "{image: new, imageTag: v2}",
     false},
    {"env in the runtime", 1, "spec.worker", "env", "[{name: A, value: b}]", false},
    {"secrets in the dataset", 2, "spec", "sharedEncryptOptions",
     "[{name: ak, valueFrom: {secretKeyRef: {name: s, key: k}}}]", false},
    {"placement of the dataset", 2, "spec", "placement", "Shared", false},
};

static struct sv worker_template(struct world *world, struct arena *arena) {
    const struct observed *worker =
        find(world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    return json_write_arena(arena, json_find(worker->object, "spec.template"), JSON_COMPACT);
}

TEST(only_changes_of_the_class_wait) {
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.may_not_roll = true;
        world_bind(&world);
        struct sv before = worker_template(&world, arena);
        struct cJSON *objects[] = {world.runtime_class, world.runtime, world.dataset};
        json_set(arena, json_find(objects[edits[i].object], edits[i].parent), sv_from(edits[i].key),
                 fixture_yaml(arena, edits[i].value));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(sv_eq(worker_template(&world, arena), before) == edits[i].is_held);
        struct plan plan;
        plan_once(&world, &plan);
        CHECK((plan.rollout == ROLLOUT_HELD) == edits[i].is_held);
        CHECK(sv_eq(condition_reason(&world, "Synced"), SV("WaitsForRollout")) == edits[i].is_held);
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        world.may_not_roll = false;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!sv_eq(worker_template(&world, arena), before));
        CHECK(!sv_eq(condition_reason(&world, "Synced"), SV("WaitsForRollout")));
        world_release(&world);
    }
}

/* What takes all pods of a component along waits as well, and the cache serves on as it is; what
 * the runtime itself asks for does not wait. */
TEST(a_class_takes_no_workload_before_its_turn) {
    static const struct {
        int object;                       /* 0: the class, 1: the runtime */
        const char *parent, *key, *value; /* NULL: removed */
        bool is_held;
    } takings[] = {
        {0, "topology.worker", "workloadType", "{apiVersion: apps/v1, kind: Deployment}", true},
        {0, "topology.worker", "workloadType", "{apiVersion: apps/v1, kind: StatefulSet}", false},
        {0, "topology", "worker", NULL, true},
        {1, "spec.worker", "workloadType", "{apiVersion: apps/v1, kind: Deployment}", false},
        {1, "spec.worker", "disabled", "true", false},
    };
    for (size_t i = 0; i < COUNT_OF(takings); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world.may_not_roll = true;
        world_bind(&world);
        struct sv before = worker_template(&world, arena);
        const struct observed *worker =
            find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
        const struct cJSON *objects[] = {world.runtime_class, world.runtime};
        struct cJSON *parent = json_find(objects[takings[i].object], takings[i].parent);
        if (takings[i].value)
            json_set(arena, parent, sv_from(takings[i].key), fixture_yaml(arena, takings[i].value));
        else
            json_remove(parent, sv_from(takings[i].key));
        CHECK(run(&world) < ROUNDS_MAX);
        struct plan plan;
        plan_once(&world, &plan);
        bool stays = i == 1;
        CHECK((plan.rollout == ROLLOUT_HELD) == takings[i].is_held);
        CHECK((worker->state == OBSERVED_PRESENT) == (takings[i].is_held || stays));
        CHECK(!takings[i].is_held || sv_eq(worker_template(&world, arena), before));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world.may_not_roll = false;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK((worker->state == OBSERVED_PRESENT) == stays);
        world_release(&world);
    }
}

/* contract.md §1.6: what another version of the controller made, or upstream's, looks otherwise
 * without an edit of anybody; that rolls no fleet. */
TEST(another_version_of_the_controller_waits_as_well) {
    static const bool has_marks[] = {true, false}; /* upstream's controller leaves none */
    for (size_t i = 0; i < COUNT_OF(has_marks); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct cJSON *worker =
            (struct cJSON *)find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"))
                ->object;
        json_set(arena, json_find(worker, "spec.template.spec.containers.0"), SV("image"),
                 json_string(arena, SV("rendered-before")));
        struct cJSON *marks = json_find(worker, "metadata.annotations");
        if (has_marks[i]) {
            json_set_string(arena, marks, ANNOTATION_TEMPLATE, SV("before"));
            json_set_string(arena, marks, ANNOTATION_BASE, SV("before"));
        } else {
            json_remove(marks, ANNOTATION_TEMPLATE);
            json_remove(marks, ANNOTATION_BASE);
        }
        struct sv before = worker_template(&world, arena);
        world.may_not_roll = true;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(worker_template(&world, arena), before);
        CHECK_SV(condition_reason(&world, "Synced"), SV("WaitsForRollout"));
        world.may_not_roll = false;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(!sv_eq(worker_template(&world, arena), before));
        world_release(&world);
    }
}

TEST(a_runtime_that_waits_still_scales) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.may_not_roll = true;
    world_bind(&world);
    struct sv before = worker_template(&world, arena);
    json_set_string(arena,
                    json_find(world.runtime_class, "topology.worker.template.spec.containers.0"),
                    SV("image"), SV("new"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 3);
    CHECK_SV(worker_template(&world, arena), before);
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.writes == writes);
    world_release(&world);
}

TEST(a_rollout_that_stopped_is_over_once_nobody_waits) {
    static const struct {
        const char *runtimes, *reason; /* "": the status stays as it is */
    } states[] = {{"ccc", "RolloutComplete"}, {"ccC", ""}, {"cch", ""}, {"ccU", ""}};
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        AUTO(arena) arena = arena_new();
        struct rollout_runtime runtimes[RUNTIMES_MAX];
        struct rollout_snapshot snapshot = {
            .now_ms = 1000 * 1000,
            .runtime_class = class_with(arena, "{}"),
            .runtimes = runtimes,
            .runtime_count = read_runtimes("cUc", 50 * 1000, arena, runtimes),
            .is_complete = true,
        };
        struct plan plan;
        rollout_plan(&snapshot, arena, &plan);
        REQUIRE(plan.action_count == 2);
        CHECK_SV(plan.actions[0].reason, SV("RolloutStopped"));
        json_set(arena, (struct cJSON *)snapshot.runtime_class, SV("status"),
                 json_copy(arena, json_find(plan.actions[0].body, "status")));
        read_runtimes(states[i].runtimes, 950 * 1000, arena, runtimes);
        rollout_plan(&snapshot, arena, &plan);
        CHECK_SV(json_find_string(json_at(json_find(plan.action_count ? plan.actions[0].body : NULL,
                                                    "status.conditions"),
                                          0),
                                  "reason"),
                 sv_from(states[i].reason));
    }
}

/* Upstream's CRD has no status of classes: nothing is written, and it goes on and stops as well. */
TEST(a_class_without_status_is_rolled_out_too) {
    AUTO(arena) arena = arena_new();
    struct rollout_runtime runtimes[RUNTIMES_MAX];
    struct cJSON *runtime_class = class_with(arena, "{progressDeadlineSeconds: 60}");
    struct rollout_snapshot snapshot = {
        .now_ms = 100 * 1000,
        .runtime_class = runtime_class,
        .runtimes = runtimes,
        .runtime_count = read_runtimes("chh", 50 * 1000, arena, runtimes),
        .is_complete = true,
        .status_is_refused = true,
        .told = {SV(""), 0},
    };
    struct plan plan;
    rollout_plan(&snapshot, arena, &plan);
    CHECK(runtimes[1].is_granted_now && plan.action_count == 0);

    read_runtimes("cUh", 50 * 1000, arena, runtimes);
    snapshot.now_ms = 200 * 1000;
    rollout_plan(&snapshot, arena, &plan);
    REQUIRE(plan.action_count == 1);
    CHECK_SV(plan.actions[0].reason, SV("RolloutStopped"));
    rollout_plan(&snapshot, arena, &plan);
    CHECK(plan.action_count == 0);

    /* It stays stopped when the late one recovers, and an edit is a new try. */
    read_runtimes("cch", 50 * 1000, arena, runtimes);
    rollout_plan(&snapshot, arena, &plan);
    CHECK(plan.action_count == 0 && !runtimes[2].is_granted);
    json_set_int(arena, json_get(runtime_class, SV("metadata")), SV("generation"), 8);
    rollout_plan(&snapshot, arena, &plan);
    CHECK(plan.action_count == 0 && runtimes[2].is_granted_now);
}
