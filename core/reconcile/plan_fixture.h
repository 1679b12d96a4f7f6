/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_fixture: a tiny cluster for tests of plans: actions are applied to a list of objects,
 * workloads become ready at once, executions answer what a case says. The simulated cluster does
 * all of this properly; here a test sees one plan after the other.
 */
#ifndef CORE_RECONCILE_PLAN_FIXTURE_H
#define CORE_RECONCILE_PLAN_FIXTURE_H

#include "core/reconcile/plan.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/rng.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/data/yaml_fixture.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/mount_spec.h"

enum {
    OBJECTS_MAX = 64,
    PODS_MAX = 32,
    ROUNDS_MAX = 200,
    RETRY_MS_MAX = 5 * 60 * 1000,
    /* What waits so long rests: of two entries that run every two minutes one leaves as much. */
    REST_MS = 60 * 1000,
};

/* Prints the whole text when the part is missing. */
#define CHECK_CONTAINS(text, part)                                                                 \
    CHECK_SV(sv_contains((text), sv_from(part)) ? sv_from(part) : (text), sv_from(part))

struct world {
    struct arena *arena;
    struct observed objects[OBJECTS_MAX];
    size_t object_count;
    struct cJSON *runtime_class, *runtime, *dataset;
    struct cJSON *pods[PODS_MAX], *nodes[PODS_MAX];
    size_t pod_count, node_count;
    struct cJSON *claim_pods[1];
    size_t claim_pod_count;
    struct execution executions[ENTRY_COUNT * PODS_MAX];
    size_t execution_count;
    const char *answers[ENTRY_COUNT]; /* stdout; NULL: exit status 1; mountUFS: "all" */
    bool pods_are_down;
    bool may_not_roll;
    const char *dropped_from, *dropped_parent, *dropped_key; /* a field that is never kept */
    const char *volume_phase; /* of one that was made; NULL: Available, as in moments */
    const char *orphans; /* a component with a pod of an AdvancedStatefulSet, whoever owns it */
    const char *cleaner_phase; /* of pods that are not made by a workload */
    const char *claim_phase;   /* of every claim; NULL: none is told */
    const char *stderr_bytes;  /* of what fails */
    const char *write_failure; /* what the API server did not take of the last plan */
    int restart_count;         /* of every container */
    const char *container_id;  /* likewise; NULL: "c1" */
    struct reconcile_options options;
    uint64_t settled_inputs; /* as the last plan left them */
    int64_t now_ms, told_ms;
    int writes, trials, executed, events, version;
    struct buf trace;
};

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
    "  client: {template: {spec: {containers: [\n"
    "   {name: c, image: i, securityContext: {privileged: true}}]}}}}}\n";

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

static inline void world_init(struct world *world, struct arena *arena) {
    *world = (struct world){.arena = arena, .now_ms = 1767225605000};
    world->runtime_class = fixture_yaml(arena, class_text);
    world->runtime = fixture_yaml(arena, runtime_text);
    world->dataset = fixture_yaml(arena, dataset_text);
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

/* The dataset asks for another access mode than its volume has. */
static inline void set_access_mode(struct world *world, const char *mode) {
    struct cJSON *spec = json_get(world->dataset, SV("spec"));
    json_append(json_ensure_list(world->arena, spec, SV("accessModes")),
                json_string(world->arena, sv_from(mode)));
}

static inline void world_release(struct world *world) {
    buf_release(&world->trace);
}

static inline struct snapshot snapshot_of(struct world *world) {
    return (struct snapshot){
        .now_ms = world->now_ms,
        .told_ms = world->told_ms,
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
        .claim_pods = (const struct cJSON *const *)world->claim_pods,
        .claim_pod_count = world->claim_pod_count,
        .claim_pods_are_listed = true,
        .may_roll = !world->may_not_roll,
        .executions = world->executions,
        .execution_count = world->execution_count,
        .write_failure = sv_from(world->write_failure),
        .options = &world->options,
    };
}

static inline struct observed *find(struct world *world, const struct resource *resource,
                                    struct sv ns, struct sv name) {
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

static inline void merge(struct world *world, struct cJSON *target, const struct cJSON *patch) {
    JSON_EACH (member, patch) {
        if (json_is_null(member))
            json_remove(target, json_key(member));
        else if (json_is_map(member))
            merge(world, json_ensure_map(world->arena, target, json_key(member)), member);
        else
            json_set(world->arena, target, json_key(member), json_copy(world->arena, member));
    }
}

static inline void bump(struct world *world, struct cJSON *object) {
    struct sv version = arena_printf(world->arena, "%d", 100 + ++world->version);
    json_set_string(world->arena, json_ensure_map(world->arena, object, SV("metadata")),
                    SV("resourceVersion"), version);
}

static inline struct cJSON *target_of(struct world *world, const struct action *action) {
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

/* One step of a JSON pointer, with its escapes resolved. */
static inline struct sv pointer_step(struct arena *arena, struct sv *rest) {
    struct sv part = sv_cut(rest, '/'), key = SV("");
    while (part.len > 0) {
        struct sv piece = sv_cut(&part, '~');
        const char *escaped = part.len == 0 ? "" : part.ptr[0] == '1' ? "/" : "~";
        key = arena_printf(arena, "%.*s%.*s%s", SV_ARG(key), SV_ARG(piece), escaped);
        part = sv_drop(part, part.len > 0);
    }
    return key;
}

/* Members of maps are patched here, and no items of lists. */
static inline void json_patch(struct world *world, struct cJSON *object,
                              const struct cJSON *patch) {
    JSON_EACH (operation, patch) {
        struct sv op = json_find_string(operation, "op");
        struct sv rest = sv_drop(json_find_string(operation, "path"), 1);
        struct cJSON *parent = object;
        struct sv key = pointer_step(world->arena, &rest);
        for (; rest.len > 0; key = pointer_step(world->arena, &rest))
            parent = json_get(parent, key);
        REQUIRE(parent != NULL);
        const struct cJSON *value = json_get(operation, SV("value"));
        if (sv_eq(op, SV("test")))
            CHECK(json_equal(json_get(parent, key), value));
        else if (sv_eq(op, SV("remove")))
            CHECK(json_remove(parent, key) != NULL);
        else
            json_set(world->arena, parent, key, json_copy(world->arena, value));
    }
}

static inline void apply_one(struct world *world, const struct action *action) {
    struct observed *observed = find(world, action->resource, action->namespace_name, action->name);
    CHECK(action->must_create == (observed->state == OBSERVED_ABSENT));
    /* What appeared in between is somebody else's. */
    CHECK(action->force == !action->must_create);
    struct cJSON *object = json_copy(world->arena, action->body);
    struct cJSON *metadata = json_get(object, SV("metadata"));
    json_set_string(world->arena, metadata, SV("uid"), action->name);
    json_set_int(world->arena, metadata, SV("generation"), 1);
    json_set_string(world->arena, metadata, SV("creationTimestamp"),
                    api_time_format(world->now_ms, world->arena));
    if (world->dropped_from && sv_eq(action->name, sv_from(world->dropped_from)) &&
        json_find(object, world->dropped_parent))
        json_remove(json_find(object, world->dropped_parent), sv_from(world->dropped_key));
    bump(world, object);
    if (observed->resource == &RESOURCE_PERSISTENT_VOLUMES)
        json_set_string(world->arena, json_ensure_map(world->arena, object, SV("status")),
                        SV("phase"),
                        world->volume_phase ? sv_from(world->volume_phase) : SV("Available"));
    observed->object = object;
    observed->state = OBSERVED_PRESENT;
    observed->last_desired_hash = action->desired_hash;
    observed->last_response_hash = covers_content_hash(object);
}

static inline void delete_one(struct world *world, const struct action *action) {
    struct observed *observed = find(world, action->resource, action->namespace_name, action->name);
    /* Another object of that name is not meant. */
    if (action->body)
        CHECK_SV(json_find_string(action->body, "preconditions.uid"), object_uid(observed->object));
    observed->state = OBSERVED_ABSENT;
    observed->object = NULL;
}

/* What a mountUFS prints that mounts what it should. */
static inline const char *mount_all(const struct world *world) {
    struct cJSON *answer = json_map(world->arena);
    struct cJSON *mounted = json_ensure_list(world->arena, answer, SV("mounted"));
    JSON_EACH (mount, json_find(world->dataset, "spec.mounts"))
        if (!mount_is_native(mount))
            json_append(mounted,
                        json_string(world->arena, mount_unified_path(mount, world->arena)));
    struct sv text = json_write_arena(world->arena, answer, JSON_COMPACT);
    return arena_printf(world->arena, "%.*s", SV_ARG(text)).ptr;
}

static inline void execute_one(struct world *world, const struct action *action) {
    struct execution *execution = NULL;
    struct snapshot before = snapshot_of(world);
    bool stands_in =
        execution_will_stand_in(snapshot_execution(&before, action->entry), action->pod_uid);
    for (size_t i = 0; i < world->execution_count; i++)
        if (world->executions[i].entry == action->entry &&
            sv_eq(world->executions[i].pod_uid, action->pod_uid))
            execution = &world->executions[i];
    if (!execution)
        execution = &world->executions[world->execution_count++];
    const char *answer = world->answers[action->entry];
    if (action->entry == ENTRY_MOUNT_UFS && answer && strcmp(answer, "all") == 0)
        answer = mount_all(world);
    bool is_again = execution->started_ms > 0 && sv_eq(execution->input_hash, action->input_hash) &&
                    execution->restart_count == action->restart_count;
    *execution = (struct execution){
        .entry = action->entry,
        .tried_since_ms = is_again ? execution->tried_since_ms : world->now_ms,
        .pod_name = action->name,
        .pod_uid = action->pod_uid,
        .container_id = action->container_id,
        .restart_count = action->restart_count,
        .input_hash = action->input_hash,
        .started_ms = world->now_ms,
        .finished_ms = world->now_ms,
        .consecutive_failures = answer ? 0 : execution->consecutive_failures + 1,
        .failures_before = answer     ? 0
                           : is_again ? execution->failures_before
                                      : execution->consecutive_failures,
        .exit_code = answer ? 0 : 1,
        .stdout_bytes = sv_from(answer),
        .stderr_bytes = sv_from(world->stderr_bytes),
        .error_message = SV(""),
        .stands_in = stands_in,
    };
    world->executed++;
}

static inline void act(struct world *world, const struct action *action) {
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
    case ACTION_TRIAL:
        CHECK(!action->force);
        world->trials++;
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
            /* Others write it as well: what was read must still be so. Of nodes that is each label
             * that is replaced, and one of ours may be new. */
            if (action->resource != &RESOURCE_NODES)
                CHECK_SV(json_find_string(json_at(action->body, 0), "op"), SV("test"));
            json_patch(world, target, action->body);
        } else {
            CHECK_SV(json_find_string(action->body, "metadata.resourceVersion"),
                     object_resource_version(target));
            merge(world, target, action->body);
        }
        bump(world, target);
        if (target == world->runtime && sv_eq(action->subresource, SV("status")))
            world->told_ms = world->now_ms;
        break;
    }
    }
    world->writes++;
}

/* --- the cluster's side --- */

static inline void add_pod(struct world *world, struct sv component, struct sv name) {
    assert(world->pod_count < PODS_MAX);
    struct sv text = arena_printf(
        world->arena,
        "{metadata: {name: %.*s, namespace: default, uid: uid-%.*s,\n"
        "  labels: {cacheruntime.fluid.io/component-name: %.*s%s}},\n"
        " spec: {nodeName: node-%.*s},\n"
        " status: {phase: Running, conditions: [{type: Ready, status: 'True'}],\n"
        "  containerStatuses: [{name: m, containerID: %s, restartCount: %d}]}}\n",
        SV_ARG(name), SV_ARG(name), SV_ARG(component),
        world->orphans ? ", lifecycle.workload.fluid.io/state: Normal" : "", SV_ARG(name),
        world->container_id ? world->container_id : "c1", world->restart_count);
    world->pods[world->pod_count++] = fixture_yaml(world->arena, text.ptr);
    struct sv node = arena_printf(
        world->arena, "{metadata: {name: node-%.*s, resourceVersion: '1'}}", SV_ARG(name));
    bool is_known = false;
    struct sv node_name = arena_printf(world->arena, "node-%.*s", SV_ARG(name));
    for (size_t i = 0; i < world->node_count; i++)
        is_known = is_known || sv_eq(object_name(world->nodes[i]), node_name);
    if (!is_known)
        world->nodes[world->node_count++] = fixture_yaml(world->arena, node.ptr);
}

static inline void settle_stateful_set(struct world *world, const struct observed *observed) {
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

/* Two nodes fit, or none where a client waits for a volume to be mounted. */
static inline void settle_daemon_set(struct world *world, const struct observed *observed) {
    struct cJSON *object = (struct cJSON *)observed->object;
    bool waits = json_count(json_find(object, "spec.template.spec.nodeSelector")) > 0;
    int64_t desired = waits ? 0 : 2, ready = world->pods_are_down ? 0 : desired;
    struct cJSON *status = json_ensure_map(world->arena, object, SV("status"));
    json_set_int(world->arena, status, SV("observedGeneration"), 1);
    json_set_int(world->arena, status, SV("desiredNumberScheduled"), desired);
    json_set_int(world->arena, status, SV("currentNumberScheduled"), desired);
    json_set_int(world->arena, status, SV("updatedNumberScheduled"), desired);
    json_set_int(world->arena, status, SV("numberAvailable"), ready);
    json_set_int(world->arena, status, SV("numberReady"), ready);
    for (int64_t i = 0; i < ready; i++)
        add_pod(world, observed->name,
                arena_printf(world->arena, "%.*s-x%lld", SV_ARG(observed->name), (long long)i));
}

static inline void settle_orphans(struct world *world) {
    if (!world->orphans)
        return;
    struct sv component = sv_from(world->orphans);
    for (size_t i = 0; i < world->pod_count; i++)
        if (sv_starts_with(object_name(world->pods[i]), component))
            return;
    add_pod(world, component, arena_printf(world->arena, "%s-0", world->orphans));
}

static inline void settle(struct world *world) {
    world->pod_count = 0;
    for (size_t i = 0; i < world->object_count; i++) {
        const struct observed *observed = &world->objects[i];
        if (observed->state != OBSERVED_PRESENT)
            continue;
        if (observed->resource == &RESOURCE_STATEFUL_SETS ||
            observed->resource == &RESOURCE_KRUISE_STATEFUL_SETS ||
            observed->resource == &RESOURCE_DEPLOYMENTS)
            settle_stateful_set(world, observed);
        if (observed->resource == &RESOURCE_PODS) {
            struct cJSON *pod = (struct cJSON *)observed->object;
            json_set_string(world->arena, json_ensure_map(world->arena, pod, SV("status")),
                            SV("phase"), sv_from(world->cleaner_phase));
            assert(world->pod_count < PODS_MAX);
            world->pods[world->pod_count++] = pod;
        }
        if (observed->resource == &RESOURCE_DAEMON_SETS)
            settle_daemon_set(world, observed);
        if (observed->resource == &RESOURCE_PERSISTENT_VOLUME_CLAIMS && world->claim_phase)
            json_set_string(
                world->arena,
                json_ensure_map(world->arena, (struct cJSON *)observed->object, SV("status")),
                SV("phase"), sv_from(world->claim_phase));
    }
    settle_orphans(world);
}

static inline void record(struct world *world, const struct action *action) {
    (void)!buf_printf(&world->trace, "%u %.*s: %.*s\n", action->step, SV_ARG(action->reason),
                      SV_ARG(action->message));
}

static inline void check_same_plan(const struct plan *plan, const struct plan *other) {
    CHECK(plan->action_count == other->action_count && plan->wake_ms == other->wake_ms);
    for (size_t i = 0; i < plan->action_count && i < other->action_count; i++) {
        const struct action *a = &plan->actions[i], *b = &other->actions[i];
        CHECK(a->type == b->type && json_equal(a->body, b->body));
        CHECK_SV(a->message, b->message);
    }
    for (size_t i = 0; i < GATE_COUNT; i++) {
        CHECK(plan->gates[i].is_open == other->gates[i].is_open);
        CHECK_SV(plan->gates[i].reason.ptr ? plan->gates[i].reason : SV(""),
                 other->gates[i].reason.ptr ? other->gates[i].reason : SV(""));
    }
}

/* Executions of one runtime come one after the other. */
static inline void check_serial(const struct plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->action_count; i++)
        count += plan->actions[i].type == ACTION_EXECUTE;
    CHECK(count <= 1);
}

/* One plan, not acted on. What it remembers of the last one saves work and changes nothing: a plan
 * that remembers nothing is the same. */
static inline void plan_once(struct world *world, struct plan *ret_plan) {
    struct snapshot snapshot = snapshot_of(world);
    struct plan plan;
    plan_runtime(&snapshot, world->arena, &plan);
    snapshot.settled_inputs = world->settled_inputs;
    plan_runtime(&snapshot, world->arena, ret_plan);
    world->settled_inputs = ret_plan->settled_inputs;
    check_same_plan(ret_plan, &plan);
    check_serial(ret_plan);
}

/* Plans and acts, before the workloads get to know of it. */
static inline void plan_and_act(struct world *world, struct plan *ret_plan) {
    plan_once(world, ret_plan);
    for (size_t i = 0; i < ret_plan->action_count; i++) {
        record(world, &ret_plan->actions[i]);
        act(world, &ret_plan->actions[i]);
    }
}

/* How many of the plan's actions run that entry. */
static inline int execution_count(const struct plan *plan, enum execution_entry entry) {
    int count = 0;
    for (size_t i = 0; i < plan->action_count; i++)
        count += plan->actions[i].type == ACTION_EXECUTE && plan->actions[i].entry == entry;
    return count;
}

/* Plans and acts until a plan is empty and waits for nothing that is near; the number of rounds,
 * or ROUNDS_MAX when it did not come to rest. */
static inline int run(struct world *world) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct plan plan;
        plan_and_act(world, &plan);
        settle(world);
        if (!plan_is_empty(&plan))
            continue;
        if (plan.wake_ms >= world->now_ms + REST_MS)
            return round;
        CHECK(plan.wake_ms > world->now_ms);
        world->now_ms = plan.wake_ms;
    }
    return ROUNDS_MAX;
}

static inline struct sv dataset_phase(const struct world *world) {
    return json_find_string(world->dataset, "status.phase");
}

/* Brings a runtime to Bound. */
static inline void world_bind(struct world *world) {
    CHECK(run(world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(world), SV("Bound"));
    buf_clear(&world->trace);
}

/* What a user deletes that something holds. */
static inline void delete_object(struct world *world, const struct cJSON *object) {
    json_set_string(world->arena, json_get(object, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T01:00:00Z"));
}

static inline void delete_runtime(struct world *world) {
    delete_object(world, world->runtime);
}

static inline struct sv condition_reason(const struct world *world, const char *type) {
    return json_find_string(object_condition(world->runtime, sv_from(type)), "reason");
}

static inline bool trace_has(const struct world *world, const char *text) {
    return sv_contains(buf_view(&world->trace), sv_from(text));
}

static inline void show(const struct world *world) {
    printf("%.*s", SV_ARG(buf_view(&world->trace)));
}

#endif
