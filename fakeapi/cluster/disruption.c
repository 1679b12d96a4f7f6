/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/disruption.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"

enum {
    /* How long an eviction may be under way before it is taken for failed. */
    EVICTION_MS_MAX = 2 * 60 * 1000,
};

/* One PodDisruptionBudget. */
struct budget {
    struct arena *arena; /* owns this struct and the selector */
    struct sv key;
    struct selector selector;
    struct map *pods; /* "ns/name" of those it selects */
};

struct disruption_controller {
    struct pod_control *control;
    struct agent_cache *pods, *replica_sets, *deployments, *stateful_sets, *replications;
    size_t pods_by_namespace, budgets_by_namespace;
    struct map *budgets; /* "ns/name" -> struct budget */
};

/* What one call works on. */
struct disruption_sync {
    struct disruption_controller *controller;
    const struct cJSON *tree;
    const struct cJSON **pods;
    size_t pod_count;
    struct arena *arena;
    int64_t now_ms, next_ms;
    int64_t expected, desired, healthy;
    struct cJSON *disrupted; /* evictions under way */
};

/* --- which pods --- */

static struct sv key_of_namespace(const struct cJSON *object, struct arena *arena) {
    (void)arena;
    return object_namespace(object);
}

static void budget_free(struct budget *budget) {
    if (!budget)
        return;
    map_free(budget->pods);
    arena_free(budget->arena);
}

static bool selects(const struct budget *budget, const struct cJSON *pod) {
    return selector_matches(&budget->selector, json_find(pod, "metadata.labels"));
}

static void find_pods(struct disruption_controller *controller, struct budget *budget,
                      struct sv namespace_name) {
    size_t cursor = 0;
    const struct cJSON *pod;
    while ((pod = cache_index_next(controller->pods, controller->pods_by_namespace, namespace_name,
                                   &cursor)))
        if (selects(budget, pod))
            map_put(budget->pods, object_key(budget->arena, namespace_name, object_name(pod)),
                    NULL);
}

static void handle_budget(void *context, const struct cJSON *object, const struct cJSON *before,
                          bool is_gone) {
    struct disruption_controller *controller = context;
    struct error err = {0};
    bool is_same =
        before && !is_gone &&
        json_equal(json_find(object, "spec.selector"), json_find(before, "spec.selector"));
    if (is_same)
        return;
    struct arena *arena = arena_new();
    struct sv key = object_key(arena, object_namespace(object), object_name(object));
    budget_free(map_remove(controller->budgets, key));
    if (is_gone) {
        arena_free(arena);
        return;
    }
    struct budget *budget = ARENA_NEW(arena, struct budget);
    *budget = (struct budget){.arena = arena, .key = key, .pods = map_new()};
    if (!selector_from_object(arena, json_find(object, "spec.selector"), &budget->selector, &err))
        budget->selector = (struct selector){.matches_nothing = true};
    find_pods(controller, budget, object_namespace(object));
    map_put(controller->budgets, key, budget);
}

static void place_pod(struct disruption_controller *controller, struct budget *budget,
                      const struct cJSON *pod, struct sv pod_key, bool is_gone) {
    bool was_there = map_has(budget->pods, pod_key);
    bool is_there = !is_gone && selects(budget, pod);
    if (is_there && !was_there)
        map_put(budget->pods, pod_key, NULL);
    if (!is_there && was_there)
        map_remove(budget->pods, pod_key);
    if (is_there || was_there)
        agent_mark(pod_control_part(controller->control), budget->key, 0);
}

static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct disruption_controller *controller = context;
    struct agent_cache *budgets = pod_control_owners(controller->control);
    (void)before;
    if (cache_count(budgets) == 0)
        return;
    AUTO(arena) arena = arena_new();
    struct sv namespace_name = object_namespace(object);
    struct sv pod_key = object_key(arena, namespace_name, object_name(object));
    size_t cursor = 0;
    const struct cJSON *tree;
    while ((tree = cache_index_next(budgets, controller->budgets_by_namespace, namespace_name,
                                    &cursor))) {
        struct budget *budget =
            map_get(controller->budgets, object_key(arena, namespace_name, object_name(tree)));
        if (budget)
            place_pod(controller, budget, object, pod_key, is_gone);
    }
}

/* Another scale is another expectation. */
static void handle_workload(void *context, const struct cJSON *object, const struct cJSON *before,
                            bool is_gone) {
    struct disruption_controller *controller = context;
    struct agent_cache *budgets = pod_control_owners(controller->control);
    if (before && !is_gone &&
        json_find_int(object, "spec.replicas", 1) == json_find_int(before, "spec.replicas", 1))
        return;
    size_t cursor = 0;
    const struct cJSON *tree;
    while ((tree = cache_index_next(budgets, controller->budgets_by_namespace,
                                    object_namespace(object), &cursor)))
        agent_mark_object(pod_control_part(controller->control), tree);
}

/* --- how many are expected --- */

static const struct cJSON *find_owned(const struct agent_cache *cache, struct sv namespace_name,
                                      const struct cJSON *reference) {
    const struct cJSON *found =
        cache_get(cache, namespace_name, json_string_or(reference, SV("name"), SV("")));
    bool is_same = sv_eq(object_uid(found), json_string_or(reference, SV("uid"), SV("")));
    return found && is_same ? found : NULL;
}

/* The workload at whose scale the pod is; NULL when that is not known here. */
static const struct cJSON *workload_of(const struct disruption_sync *sync,
                                       const struct cJSON *pod) {
    const struct disruption_controller *controller = sync->controller;
    struct sv namespace_name = object_namespace(pod);
    const struct cJSON *reference = object_controller_owner(pod);
    struct sv kind = json_string_or(reference, SV("kind"), SV(""));
    if (sv_eq(kind, SV("StatefulSet")))
        return find_owned(controller->stateful_sets, namespace_name, reference);
    if (sv_eq(kind, SV("ReplicationController")))
        return find_owned(controller->replications, namespace_name, reference);
    if (!sv_eq(kind, SV("ReplicaSet")))
        return NULL;
    const struct cJSON *set = find_owned(controller->replica_sets, namespace_name, reference);
    const struct cJSON *owner = set ? object_controller_owner(set) : NULL;
    const struct cJSON *deployment =
        owner ? find_owned(controller->deployments, namespace_name, owner) : NULL;
    return deployment ? deployment : set;
}

/* Pods without a controller are not expected by anybody. */
static int64_t count_expected(const struct disruption_sync *sync) {
    int64_t expected = 0;
    AUTO(map) seen = map_new();
    for (size_t i = 0; i < sync->pod_count; i++) {
        const struct cJSON *workload = workload_of(sync, sync->pods[i]);
        if (!workload) {
            expected += object_controller_owner(sync->pods[i]) != NULL;
            continue;
        }
        if (!map_has(seen, object_uid(workload)))
            expected += json_find_int(workload, "spec.replicas", 1);
        map_put(seen, object_uid(workload), NULL);
    }
    return expected;
}

static void find_expectation(struct disruption_sync *sync) {
    const struct cJSON *max = json_find(sync->tree, "spec.maxUnavailable");
    const struct cJSON *min = json_find(sync->tree, "spec.minAvailable");
    int64_t scale = count_expected(sync);
    sync->expected = scale;
    if (max) {
        sync->desired = scale - scaled_value(max, scale, true, 0);
    } else {
        sync->desired = scaled_value(min, scale, true, 1);
        if (json_is_number(min) || !min)
            sync->expected = (int64_t)sync->pod_count;
    }
    if (sync->desired < 0)
        sync->desired = 0;
}

/* --- how many are healthy --- */

/* Evictions whose pod is neither gone nor going yet, unless that takes too long. */
static void find_disrupted(struct disruption_sync *sync) {
    const struct cJSON *known = json_find(sync->tree, "status.disruptedPods");
    sync->disrupted = json_map(sync->arena);
    for (size_t i = 0; i < sync->pod_count && known; i++) {
        const struct cJSON *pod = sync->pods[i];
        const struct cJSON *since = json_get(known, object_name(pod));
        int64_t since_ms;
        if (!since || object_is_deleting(pod) || !api_time_parse(json_text(since), &since_ms))
            continue;
        int64_t due_ms = since_ms + EVICTION_MS_MAX;
        if (due_ms <= sync->now_ms)
            continue;
        sync->next_ms = due_ms < sync->next_ms ? due_ms : sync->next_ms;
        json_set(sync->arena, sync->disrupted, object_name(pod), json_copy(sync->arena, since));
    }
}

static void count_healthy(struct disruption_sync *sync) {
    find_disrupted(sync);
    for (size_t i = 0; i < sync->pod_count; i++)
        sync->healthy += pod_is_ready(sync->pods[i]) && !object_is_deleting(sync->pods[i]) &&
                         !json_get(sync->disrupted, object_name(sync->pods[i]));
}

/* --- status --- */

static void add_condition(const struct disruption_sync *sync, struct cJSON *status,
                          bool is_allowed) {
    struct arena *arena = sync->arena;
    struct sv type = SV("DisruptionAllowed"), value = is_allowed ? SV("True") : SV("False");
    const struct cJSON *known = object_condition(sync->tree, type);
    struct cJSON *list = json_ensure_list(arena, status, SV("conditions"));
    struct cJSON *condition = json_append(list, json_map(arena));
    json_set_string(arena, condition, SV("type"), type);
    json_set_string(arena, condition, SV("status"), value);
    json_set_int(arena, condition, SV("observedGeneration"), object_generation(sync->tree));
    json_set_string(arena, condition, SV("lastTransitionTime"),
                    condition_since(known, value, api_time_format(sync->now_ms, arena)));
    json_set_string(arena, condition, SV("reason"),
                    is_allowed ? SV("SufficientPods") : SV("InsufficientPods"));
    json_set_string(arena, condition, SV("message"), SV(""));
}

static void write_status(struct disruption_sync *sync, struct sv key) {
    struct arena *arena = sync->arena;
    struct cJSON *status = json_map(arena);
    int64_t allowed = sync->expected > 0 ? sync->healthy - sync->desired : 0;
    allowed = allowed > 0 ? allowed : 0;
    add_condition(sync, status, allowed > 0);
    json_set_int(arena, status, SV("currentHealthy"), sync->healthy);
    json_set_int(arena, status, SV("desiredHealthy"), sync->desired);
    if (json_count(sync->disrupted) > 0)
        json_set(arena, status, SV("disruptedPods"), sync->disrupted);
    json_set_int(arena, status, SV("disruptionsAllowed"), allowed);
    json_set_int(arena, status, SV("expectedPods"), sync->expected);
    json_set_int(arena, status, SV("observedGeneration"), object_generation(sync->tree));
    pod_control_write_status(sync->controller->control, key, sync->tree, status, arena);
}

static void collect_pods(struct disruption_sync *sync, const struct budget *budget) {
    size_t cursor = 0;
    struct sv key;
    sync->pods = ARENA_ARRAY(sync->arena, const struct cJSON *, map_count(budget->pods) + 1);
    while (map_next(budget->pods, &cursor, &key, NULL)) {
        struct sv name = key, namespace_name = sv_cut(&name, '/');
        const struct cJSON *pod = cache_get(sync->controller->pods, namespace_name, name);
        if (pod)
            sync->pods[sync->pod_count++] = pod;
    }
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct disruption_controller *controller = context;
    const struct budget *budget = map_get(controller->budgets, key);
    struct disruption_sync sync = {
        .controller = controller,
        .tree = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
        .next_ms = DEADLINE_NEVER,
    };
    if (!sync.tree || !budget || object_is_deleting(sync.tree))
        return;
    collect_pods(&sync, budget);
    find_expectation(&sync);
    count_healthy(&sync);
    write_status(&sync, key);
    if (sync.next_ms != DEADLINE_NEVER)
        agent_mark(part, key, sync.next_ms);
}

/* --- life --- */

struct disruption_controller *disruption_controller_new(struct agent *agent) {
    struct disruption_controller *controller = mem_alloc(sizeof(*controller));
    controller->budgets = map_new();
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("disruption"),
        .owner = &RESOURCE_POD_DISRUPTION_BUDGETS,
        .reconcile = reconcile,
        .context = controller,
    });
    struct agent_cache *budgets = pod_control_owners(controller->control);
    controller->budgets_by_namespace = cache_add_index(budgets, key_of_namespace);
    agent_watch(agent, &RESOURCE_POD_DISRUPTION_BUDGETS, handle_budget, controller);
    controller->pods = agent_watch(agent, &RESOURCE_PODS, handle_pod, controller);
    controller->pods_by_namespace = cache_add_index(controller->pods, key_of_namespace);
    controller->replica_sets =
        agent_watch(agent, &RESOURCE_REPLICA_SETS, handle_workload, controller);
    controller->deployments =
        agent_watch(agent, &RESOURCE_DEPLOYMENTS, handle_workload, controller);
    controller->stateful_sets =
        agent_watch(agent, &RESOURCE_STATEFUL_SETS, handle_workload, controller);
    controller->replications =
        agent_watch(agent, &RESOURCE_REPLICATION_CONTROLLERS, handle_workload, controller);
    return controller;
}

void disruption_controller_free(struct disruption_controller *controller) {
    if (!controller)
        return;
    size_t cursor = 0;
    void *budget;
    while (map_next(controller->budgets, &cursor, NULL, &budget))
        budget_free(budget);
    map_free(controller->budgets);
    pod_control_free(controller->control);
    mem_free(controller);
}
