/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans against a tiny cluster: actions are applied to a list of objects, workloads become ready
 * at once, executions answer what a case says. Then what a user sees is looked at.
 */
#include "core/reconcile/plan.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/rng.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "core/reconcile/covers.h"

enum { OBJECTS_MAX = 64, PODS_MAX = 32, ROUNDS_MAX = 200, WRITES_MAX = 400 };

struct world {
    struct arena *arena;
    struct observed objects[OBJECTS_MAX];
    size_t object_count;
    struct cJSON *runtime_class, *runtime, *dataset;
    struct cJSON *pods[PODS_MAX], *nodes[PODS_MAX];
    size_t pod_count, node_count;
    struct execution executions[ENTRY_COUNT * PODS_MAX];
    size_t execution_count;
    const char *answers[ENTRY_COUNT]; /* stdout; NULL: exit status 1 */
    bool pods_are_down;
    const char *stderr_bytes; /* of what fails */
    int restart_count;        /* of every container */
    struct reconcile_options options;
    int64_t now_ms;
    int writes, executed, events, version;
    struct buf trace;
};

static struct cJSON *parse(struct arena *arena, const char *text) {
    struct error err = {0};
    struct yaml_documents documents;
    if (!yaml_read(arena, sv_from(text), &documents, &err)) {
        printf("%s\n", err.message);
        abort();
    }
    return documents.roots[0];
}

static const char class_text[] =
    "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntimeClass,\n"
    " metadata: {name: demo-class, uid: u-class}, fileSystemType: demofs,\n"
    " topology: {\n"
    "  master: {service: {headless: {}}, template: {spec: {containers: [{name: m, image: i}]}},\n"
    "   executionEntries: {mountUFS: {command: [mount.sh]}, reportSummary: {command: "
    "[report.sh]},\n"
    "    checkRuntimeReady: {command: [check.sh]}, cleanCache: {command: [clean.sh]}}},\n"
    "  worker: {services: [{headless: true, ports: [{port: 1, name: a}]}],\n"
    "   template: {spec: {containers: [{name: w, image: i}]}}},\n"
    "  client: {template: {spec: {containers: [{name: c, image: i}]}}}}}\n";

static const char runtime_text[] =
    "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime,\n"
    " metadata: {name: demo, namespace: default, uid: u-runtime, resourceVersion: '1',\n"
    "  generation: 1, creationTimestamp: '2026-01-01T00:00:00Z'},\n"
    " spec: {runtimeClassName: demo-class, worker: {replicas: 2}}}\n";

static const char dataset_text[] =
    "{apiVersion: data.fluid.io/v1alpha1, kind: Dataset,\n"
    " metadata: {name: demo, namespace: default, uid: u-dataset, resourceVersion: '1',\n"
    "  generation: 1},\n"
    " spec: {mounts: [{mountPoint: 's3://bkt/', name: m}]}}\n";

static void world_init(struct world *world, struct arena *arena) {
    *world = (struct world){.arena = arena, .now_ms = 1767225605000};
    world->runtime_class = parse(arena, class_text);
    world->runtime = parse(arena, runtime_text);
    world->dataset = parse(arena, dataset_text);
    world->options = (struct reconcile_options){.mount_root = SV("/runtime-mnt"),
                                                .field_manager = SV("cacheruntime-controller"),
                                                .owns_datasets = true,
                                                .resync_ms = 600000,
                                                .jitter_seed = 7};
    world->answers[ENTRY_CHECK_RUNTIME_READY] = "ok";
    world->answers[ENTRY_MOUNT_UFS] = "{\"mounted\":[\"/m\"]}";
    world->answers[ENTRY_REPORT_SUMMARY] = "{\"cached\":\"1GiB\",\"cachedPercentage\":\"45.6\"}";
    world->answers[ENTRY_CLEAN_CACHE] = "";
    buf_init(&world->trace, 1024 * 1024);
}

static void world_release(struct world *world) {
    buf_release(&world->trace);
}

static struct snapshot snapshot_of(struct world *world) {
    return (struct snapshot){
        .now_ms = world->now_ms,
        .namespace_name = SV("default"),
        .name = SV("demo"),
        .runtime_class = world->runtime_class,
        .runtime = world->runtime,
        .dataset = world->dataset,
        .objects = world->objects,
        .object_count = world->object_count,
        .pods = (const struct cJSON *const *)world->pods,
        .pod_count = world->pod_count,
        .nodes = (const struct cJSON *const *)world->nodes,
        .node_count = world->node_count,
        .executions = world->executions,
        .execution_count = world->execution_count,
        .options = &world->options,
    };
}

static struct observed *find(struct world *world, const struct resource *resource, struct sv ns,
                             struct sv name) {
    for (size_t i = 0; i < world->object_count; i++)
        if (resource_eq(world->objects[i].resource, resource) &&
            sv_eq(world->objects[i].name, name))
            return &world->objects[i];
    assert(world->object_count < OBJECTS_MAX);
    struct observed *observed = &world->objects[world->object_count++];
    *observed = (struct observed){
        .resource = resource, .namespace_name = ns, .name = name, .state = OBSERVED_UNKNOWN};
    return observed;
}

static void merge(struct world *world, struct cJSON *target, const struct cJSON *patch) {
    JSON_EACH (member, patch) {
        if (json_is_null(member))
            json_remove(target, json_key(member));
        else if (json_is_map(member))
            merge(world, json_ensure_map(world->arena, target, json_key(member)), member);
        else
            json_set(world->arena, target, json_key(member), json_copy(world->arena, member));
    }
}

static void bump(struct world *world, struct cJSON *object) {
    struct sv version = arena_printf(world->arena, "%d", 100 + ++world->version);
    json_set_string(world->arena, json_ensure_map(world->arena, object, SV("metadata")),
                    SV("resourceVersion"), version);
}

static struct cJSON *target_of(struct world *world, const struct action *action) {
    if (action->resource == &RESOURCE_CACHE_RUNTIMES)
        return world->runtime;
    if (action->resource == &RESOURCE_DATASETS)
        return world->dataset;
    if (action->resource == &RESOURCE_NODES)
        for (size_t i = 0; i < world->node_count; i++)
            if (sv_eq(object_name(world->nodes[i]), action->name))
                return world->nodes[i];
    return (struct cJSON *)find(world, action->resource, action->namespace_name, action->name)
        ->object;
}

/* Only labels of nodes are patched this way here. */
static void json_patch(struct world *world, struct cJSON *object, const struct cJSON *patch) {
    struct cJSON *metadata = json_ensure_map(world->arena, object, SV("metadata"));
    struct cJSON *labels = json_ensure_map(world->arena, metadata, SV("labels"));
    JSON_EACH (operation, patch) {
        struct sv path = json_find_string(operation, "path"),
                  op = json_find_string(operation, "op");
        struct sv prefix = SV("/metadata/labels/");
        if (!sv_starts_with(path, prefix))
            continue;
        struct sv rest = sv_drop(path, prefix.len), key = SV("");
        while (rest.len > 0) {
            struct sv part = sv_cut(&rest, '~');
            bool is_slash = rest.len > 0 && rest.ptr[0] == '1';
            key = arena_printf(world->arena, "%.*s%.*s%s", SV_ARG(key), SV_ARG(part),
                               rest.len == 0 ? ""
                               : is_slash    ? "/"
                                             : "~");
            rest = sv_drop(rest, 1);
        }
        struct sv value = json_find_string(operation, "value");
        if (sv_eq(op, SV("test")))
            CHECK_SV(json_text(json_get(labels, key)), value);
        if (sv_eq(op, SV("add")))
            json_set_string(world->arena, labels, key, value);
        if (sv_eq(op, SV("remove")))
            CHECK(json_remove(labels, key) != NULL);
    }
}

static void apply_one(struct world *world, const struct action *action) {
    struct observed *observed = find(world, action->resource, action->namespace_name, action->name);
    CHECK(action->must_create == (observed->state == OBSERVED_ABSENT));
    struct cJSON *object = json_copy(world->arena, action->body);
    struct cJSON *metadata = json_get(object, SV("metadata"));
    json_set_string(world->arena, metadata, SV("uid"), action->name);
    json_set_int(world->arena, metadata, SV("generation"), 1);
    bump(world, object);
    observed->object = object;
    observed->state = OBSERVED_PRESENT;
    observed->last_desired_hash = action->desired_hash;
    observed->last_response_hash = covers_content_hash(object, world->arena);
}

static void delete_one(struct world *world, const struct action *action) {
    struct observed *observed = find(world, action->resource, action->namespace_name, action->name);
    observed->state = OBSERVED_ABSENT;
    observed->object = NULL;
}

static void execute_one(struct world *world, const struct action *action) {
    struct execution *execution = NULL;
    for (size_t i = 0; i < world->execution_count; i++)
        if (world->executions[i].entry == action->entry &&
            sv_eq(world->executions[i].pod_uid, action->pod_uid))
            execution = &world->executions[i];
    if (!execution)
        execution = &world->executions[world->execution_count++];
    const char *answer = world->answers[action->entry];
    *execution = (struct execution){
        .entry = action->entry,
        .pod_name = action->name,
        .pod_uid = action->pod_uid,
        .container_id = action->container_id,
        .restart_count = action->restart_count,
        .input_hash = action->input_hash,
        .started_ms = world->now_ms,
        .finished_ms = world->now_ms,
        .consecutive_failures = answer ? 0 : execution->consecutive_failures + 1,
        .exit_code = answer ? 0 : 1,
        .stdout_bytes = sv_from(answer),
        .stderr_bytes = sv_from(world->stderr_bytes),
        .error_message = SV(""),
    };
    world->executed++;
}

static void act(struct world *world, const struct action *action) {
    switch (action->type) {
    case ACTION_GET: {
        struct observed *observed =
            find(world, action->resource, action->namespace_name, action->name);
        CHECK(observed->state == OBSERVED_UNKNOWN);
        observed->state = OBSERVED_ABSENT;
        return;
    }
    case ACTION_EVENT:
        world->events++;
        return;
    case ACTION_EXECUTE:
        execute_one(world, action);
        return;
    case ACTION_APPLY:
        apply_one(world, action);
        break;
    case ACTION_DELETE:
        delete_one(world, action);
        break;
    case ACTION_PATCH: {
        struct cJSON *target = target_of(world, action);
        if (action->patch_type == PATCH_JSON) {
            json_patch(world, target, action->body);
        } else {
            CHECK_SV(json_find_string(action->body, "metadata.resourceVersion"),
                     object_resource_version(target));
            merge(world, target, action->body);
        }
        bump(world, target);
        break;
    }
    }
    world->writes++;
}

/* --- the cluster's side --- */

static void add_pod(struct world *world, struct sv component, struct sv name) {
    assert(world->pod_count < PODS_MAX);
    struct sv text = arena_printf(
        world->arena,
        "{metadata: {name: %.*s, namespace: default, uid: uid-%.*s,\n"
        "  labels: {cacheruntime.fluid.io/component-name: %.*s}},\n"
        " spec: {nodeName: node-%.*s},\n"
        " status: {phase: Running, conditions: [{type: Ready, status: 'True'}],\n"
        "  containerStatuses: [{name: m, containerID: c1, restartCount: %d}]}}\n",
        SV_ARG(name), SV_ARG(name), SV_ARG(component), SV_ARG(name), world->restart_count);
    world->pods[world->pod_count++] = parse(world->arena, text.ptr);
    struct sv node = arena_printf(
        world->arena, "{metadata: {name: node-%.*s, resourceVersion: '1'}}", SV_ARG(name));
    bool is_known = false;
    struct sv node_name = arena_printf(world->arena, "node-%.*s", SV_ARG(name));
    for (size_t i = 0; i < world->node_count; i++)
        is_known = is_known || sv_eq(object_name(world->nodes[i]), node_name);
    if (!is_known)
        world->nodes[world->node_count++] = parse(world->arena, node.ptr);
}

static void settle_stateful_set(struct world *world, const struct observed *observed) {
    struct cJSON *object = (struct cJSON *)observed->object;
    int64_t replicas = json_find_int(object, "spec.replicas", 1);
    int64_t ready = world->pods_are_down ? 0 : replicas;
    struct cJSON *status = json_ensure_map(world->arena, object, SV("status"));
    json_set_int(world->arena, status, SV("observedGeneration"), 1);
    json_set_int(world->arena, status, SV("replicas"), replicas);
    json_set_int(world->arena, status, SV("readyReplicas"), ready);
    json_set_int(world->arena, status, SV("availableReplicas"), ready);
    json_set_int(world->arena, status, SV("updatedReplicas"), replicas);
    for (int64_t i = 0; i < ready; i++)
        add_pod(world, observed->name,
                arena_printf(world->arena, "%.*s-%lld", SV_ARG(observed->name), (long long)i));
}

static void settle(struct world *world) {
    world->pod_count = 0;
    for (size_t i = 0; i < world->object_count; i++) {
        const struct observed *observed = &world->objects[i];
        if (observed->state != OBSERVED_PRESENT)
            continue;
        if (observed->resource == &RESOURCE_STATEFUL_SETS)
            settle_stateful_set(world, observed);
        if (observed->resource == &RESOURCE_DAEMON_SETS)
            json_set_int(
                world->arena,
                json_ensure_map(world->arena, (struct cJSON *)observed->object, SV("status")),
                SV("observedGeneration"), 1);
    }
}

static void record(struct world *world, const struct action *action) {
    (void)!buf_printf(&world->trace, "%u %.*s: %.*s\n", action->step, SV_ARG(action->reason),
                      SV_ARG(action->message));
}

/* Plans and acts until a plan is empty and waits for nothing that is near; the number of rounds,
 * or ROUNDS_MAX when it did not come to rest. */
static int run(struct world *world) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct snapshot snapshot = snapshot_of(world);
        struct plan plan;
        plan_runtime(&snapshot, world->arena, &plan);
        for (size_t i = 0; i < plan.action_count; i++) {
            record(world, &plan.actions[i]);
            act(world, &plan.actions[i]);
        }
        settle(world);
        if (!plan_is_empty(&plan))
            continue;
        if (plan.wake_ms == INT64_MAX || plan.wake_ms > world->now_ms + 60 * 1000)
            return round;
        CHECK(plan.wake_ms > world->now_ms);
        world->now_ms = plan.wake_ms;
    }
    return ROUNDS_MAX;
}

static struct sv dataset_phase(const struct world *world) {
    return json_find_string(world->dataset, "status.phase");
}

static void show(const struct world *world) {
    printf("%.*s", SV_ARG(buf_view(&world->trace)));
}

TEST(binds_and_then_rests) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Ready"));
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(object_condition_is_true(world.dataset, SV("Ready")));
    CHECK_SV(json_find_string(world.dataset, "status.cacheStates.cachedPercentage"), SV("45.6%"));
    CHECK(world.writes <= 16);
    if (world.writes > 16 || !sv_eq(dataset_phase(&world), SV("Bound")))
        show(&world);
    int writes = world.writes;
    CHECK(run(&world) < 2);
    CHECK(world.writes == writes);
    world_release(&world);
}

TEST(mounts_again_what_changed) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    struct cJSON *mount = json_find(world.dataset, "spec.mounts.0");
    json_set_bool(arena, mount, SV("readOnly"), true);
    buf_clear(&world.trace);
    int executed = world.executed;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(world.executed > executed);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(json_bool_or(json_find(world.dataset, "status.mounts.0"), SV("readOnly"), false));
    CHECK(sv_contains(buf_view(&world.trace), SV("Updating")));
    world_release(&world);
}

TEST(keeps_updating_while_the_answer_is_wrong) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_string(arena, json_find(world.dataset, "spec.mounts.0"), SV("name"), SV("other"));
    CHECK(run(&world) == ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Updating"));
    CHECK(!object_condition_is_true(world.runtime, SV("Ready")));
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("MountsReady")), "reason"),
             SV("MountFailed"));
    world.answers[ENTRY_MOUNT_UFS] = "{\"mounted\":[\"/other\"]}";
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

TEST(scales_workers_in_one_by_one) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 1);
    CHECK(world.writes >= writes + 2);
    CHECK(object_condition_is_true(world.runtime, SV("WorkersScaledIn")));
    world_release(&world);
}

TEST(leaves_nothing_behind) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_string(arena, json_get(world.runtime, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T01:00:00Z"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 0);
    CHECK_SV(dataset_phase(&world), SV("NotBound"));
    for (size_t i = 0; i < world.object_count; i++)
        CHECK(world.objects[i].state != OBSERVED_PRESENT);
    for (size_t i = 0; i < world.node_count; i++)
        CHECK(json_count(json_find(world.nodes[i], "metadata.labels")) == 0);
    world_release(&world);
}

TEST(fails_and_recovers) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    world.pods_are_down = true;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Failed"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Failed"));
    world.pods_are_down = false;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(object_condition_is_true(world.dataset, SV("Ready")));
    CHECK(!object_condition_is_true(world.dataset, SV("NotReady")));
    world_release(&world);
}

TEST(waits_for_what_is_missing) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct cJSON *runtime_class = world.runtime_class, *dataset = world.dataset;
    world.runtime_class = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("Ready")), "reason"),
             SV("ClassNotFound"));
    world.runtime_class = runtime_class;
    world.dataset = NULL;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(object_condition(world.runtime, SV("Ready")), "reason"),
             SV("DatasetNotFound"));
    world.dataset = dataset;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

TEST(touches_nothing_of_others) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct observed *foreign =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    foreign->object = parse(arena, "{apiVersion: apps/v1, kind: StatefulSet,\n"
                                   " metadata: {name: demo-worker, namespace: default, uid: x}}");
    foreign->state = OBSERVED_PRESENT;
    const struct cJSON *before = json_copy(arena, foreign->object);
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    plan_runtime(&snapshot, arena, &plan);
    CHECK(plan.is_stalled);
    CHECK_SV(plan.gates[GATE_OBJECTS].reason, SV("ForeignObject"));
    for (size_t i = 0; i < plan.action_count; i++)
        CHECK(!sv_eq(plan.actions[i].name, SV("demo-worker")));
    CHECK(json_equal(foreign->object, before));
    world_release(&world);
}

static const char *const layouts[] = {
    /* workers without a master */
    "topology: {worker: {template: {spec: {containers: [{name: w, image: i}]}},\n"
    "  executionEntries: {mountUFS: {command: [mount.sh]}}},\n"
    " client: {template: {spec: {containers: [{name: c, image: i}]}}}}\n",
    /* client only: bound before a client pod runs */
    "topology: {client: {template: {spec: {containers: [{name: c, image: i}]}},\n"
    "  executionEntries: {mountUFS: {command: [mount.sh]}}}}\n",
    /* no client: no volume is made */
    "topology: {master: {template: {spec: {containers: [{name: m, image: i}]}}},\n"
    " worker: {template: {spec: {containers: [{name: w, image: i}]}}}}\n",
};

TEST(binds_in_every_layout) {
    for (size_t i = 0; i < COUNT_OF(layouts); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, world.runtime_class, SV("topology"),
                 json_get(parse(arena, layouts[i]), SV("topology")));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        bool has_client = json_find(world.runtime_class, "topology.client") != NULL;
        const struct observed *claim =
            find(&world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
        CHECK((claim->state == OBSERVED_PRESENT) == has_client);
        world_release(&world);
    }
}

TEST(mounts_again_after_a_restart_of_the_container) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    buf_clear(&world.trace);
    world.restart_count++;
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(sv_contains(buf_view(&world.trace), SV("Run mountUFS in pod demo-master-0")));
    CHECK(json_find_int(world.runtime, "status.mountedBy.restartCount", -1) == 1);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

TEST(stays_bound_at_zero_workers) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_set(arena, world.runtime_class, SV("topology"),
             json_get(parse(arena, layouts[0]), SV("topology")));
    CHECK(run(&world) < ROUNDS_MAX);
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 0);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 1);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(object_condition_is_true(world.runtime, SV("MountsReady")));
    world_release(&world);
}

/* What a script prints ends in a condition: it must stay text. */
TEST(an_entry_that_prints_anything_is_told_in_utf8) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.answers[ENTRY_CHECK_RUNTIME_READY] = NULL;
    world.stderr_bytes = "\xff\xfe broken \x01 \xe2\x82";
    CHECK(run(&world) == ROUNDS_MAX); /* it is tried again and again */
    struct sv message =
        json_find_string(object_condition(world.runtime, SV("DataPlaneReady")), "message");
    CHECK_SV(message, SV("checkRuntimeReady in pod demo-master-0: exit status 1: ?? broken   ??"));
    CHECK_SV(dataset_phase(&world), SV("NotBound"));
    world_release(&world);
}

TEST(a_paused_runtime_goes_on_serving) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    CHECK(run(&world) < ROUNDS_MAX);
    object_set_annotation(arena, world.runtime, SV("cacheruntime.fluid.io/paused"), SV("true"));
    json_set_int(arena, json_find(world.runtime, "spec.worker"), SV("replicas"), 3);
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    CHECK(json_find_int(worker->object, "spec.replicas", -1) == 2);
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    world_release(&world);
}

/* A controller that restarts has forgotten its executions, and begins again at any point. */
TEST(a_restart_at_any_round_ends_the_same) {
    for (int cut = 1; cut < 16; cut++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        for (int round = 0; round < cut; round++) {
            struct snapshot snapshot = snapshot_of(&world);
            struct plan plan;
            plan_runtime(&snapshot, arena, &plan);
            for (size_t i = 0; i < plan.action_count; i++)
                act(&world, &plan.actions[i]);
            settle(&world);
        }
        world.execution_count = 0;
        for (size_t i = 0; i < world.object_count; i++)
            if (world.objects[i].state == OBSERVED_ABSENT)
                world.objects[i].state = OBSERVED_UNKNOWN;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        world_release(&world);
    }
}
