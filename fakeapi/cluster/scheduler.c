/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/scheduler.h"

#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/scheduler_parts.h"
#include "fakeapi/cluster/scheduler_report.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/schema/registry.h"
#include "fakeapi/server/fakeapi.h"

enum {
    BACKOFF_MS_MIN = 1000,
    BACKOFF_MS_MAX = 10 * 1000,
    /* How long after our binding a pod may still look unbound. */
    ASSUMED_MS_MAX = 1000,
    KEY_BYTES_MAX = 512,
};

static struct sv key_of(char *space, const struct cJSON *pod) {
    const struct sv parts[] = {object_namespace(pod), SV("/"), object_name(pod)};
    return sv_join(space, KEY_BYTES_MAX, parts, COUNT_OF(parts));
}

/* --- nodes --- */

/* Where the node of that name stands, or would. */
static size_t node_position(const struct scheduler *scheduler, struct sv name, bool *ret_found) {
    size_t low = 0, high = scheduler->by_name.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sv_compare(sv_from(scheduler->by_name.items[middle]->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found =
        low < scheduler->by_name.count && sv_eq(sv_from(scheduler->by_name.items[low]->name), name);
    return low;
}

/* A node may be named by a pod before its own object is seen, and after it went: it then has
 * no tree and takes no pods. */
static struct scheduled_node *node_of(struct scheduler *scheduler, struct sv name) {
    bool is_found;
    size_t at = node_position(scheduler, name, &is_found);
    if (is_found)
        return scheduler->by_name.items[at];
    struct scheduled_node *node = mem_alloc(sizeof(*node));
    node->name = mem_copy_text(name);
    node->number = scheduler->by_name.count;
    vec_push(&scheduler->by_name, NULL);
    memmove(&scheduler->by_name.items[at + 1], &scheduler->by_name.items[at],
            sizeof(node) * (scheduler->by_name.count - at - 1));
    scheduler->by_name.items[at] = node;
    return node;
}

static void move_waiting(struct scheduler *scheduler) {
    size_t cursor = 0;
    struct sv key;
    void *value;
    while (map_next(scheduler->waiting, &cursor, &key, &value)) {
        struct waiting_pod *waiting = value;
        waiting->is_moved = true;
        agent_mark(scheduler->part, key, waiting->retry_ms);
    }
}

static void handle_node(void *context, const struct cJSON *object, const struct cJSON *before,
                        bool is_gone) {
    struct scheduler *scheduler = context;
    struct scheduled_node *node = node_of(scheduler, object_name(object));
    const struct cJSON *allocatable = json_find(object, "status.allocatable");
    struct quantity pods = {0};
    node->tree = is_gone ? NULL : object;
    node->labels = json_find(object, "metadata.labels");
    node_note_labels(node);
    node->taints = json_find(object, "spec.taints");
    affinity_update_node(scheduler, node);
    node->is_unschedulable = json_bool_or(json_get(object, SV("spec")), SV("unschedulable"), false);
    node->allocatable = (struct amounts){0};
    amounts_read(scheduler, allocatable, &node->allocatable);
    bool is_limited = quantity_parse(json_text(json_get(allocatable, SV("pods"))), &pods);
    node->pods_max = is_limited ? quantity_value(pods) : 0;
    bool is_same =
        before && !is_gone &&
        json_equal(json_get(object, SV("spec")), json_get(before, SV("spec"))) &&
        json_equal(allocatable, json_find(before, "status.allocatable")) &&
        json_equal(json_find(object, "metadata.labels"), json_find(before, "metadata.labels"));
    if (!is_same)
        move_waiting(scheduler);
}

/* --- pods --- */

static bool is_over(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

static void forget_pod(struct scheduler *scheduler, struct sv key) {
    struct scheduled_pod *pod = map_remove(scheduler->scheduled, key);
    if (!pod)
        return;
    struct scheduled_node *node = pod->node;
    amounts_add(&node->used, &pod->requests, -1);
    amounts_add(&node->weighed, &pod->weighed, -1);
    for (size_t i = node->pods.count; i-- > 0;)
        if (node->pods.items[i] == pod)
            vec_remove(&node->pods, i);
    affinity_remove_pod(scheduler, pod);
    mem_free(pod);
}

static void forget_waiting(struct scheduler *scheduler, struct sv key) {
    mem_free(map_remove(scheduler->waiting, key));
}

static void account_pod(struct scheduler *scheduler, struct sv key, const struct cJSON *tree,
                        struct scheduled_node *node, int64_t assumed_ms) {
    struct scheduled_pod *pod = mem_alloc(sizeof(*pod));
    pod->tree = tree;
    pod->node = node;
    pod->assumed_ms = assumed_ms;
    amounts_of_pod(scheduler, tree, &pod->requests, &pod->weighed);
    amounts_add(&node->used, &pod->requests, 1);
    amounts_add(&node->weighed, &pod->weighed, 1);
    vec_push(&node->pods, pod);
    affinity_add_pod(scheduler, pod);
    map_put(scheduler->scheduled, key, pod);
}

static void handle_bound(struct scheduler *scheduler, struct sv key, const struct cJSON *object) {
    struct scheduled_node *node = node_of(scheduler, json_find_string(object, "spec.nodeName"));
    struct scheduled_pod *known = map_get(scheduler->scheduled, key);
    forget_waiting(scheduler, key);
    if (known && known->node == node) {
        known->tree = object;
        known->assumed_ms = 0;
        affinity_update_pod(scheduler, known);
        return;
    }
    forget_pod(scheduler, key);
    account_pod(scheduler, key, object, node, 0);
    /* It may be what the affinity of another pod waits for. */
    move_waiting(scheduler);
}

static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct scheduler *scheduler = context;
    char space[KEY_BYTES_MAX];
    struct sv key = key_of(space, object);
    bool is_other = before && !sv_eq(object_uid(before), object_uid(object));
    if (is_gone || is_other || is_over(object)) {
        bool was_scheduled = map_has(scheduler->scheduled, key);
        forget_pod(scheduler, key);
        forget_waiting(scheduler, key);
        if (was_scheduled)
            move_waiting(scheduler);
    }
    if (is_gone || is_over(object))
        return;
    if (json_find_string(object, "spec.nodeName").len > 0) {
        handle_bound(scheduler, key, object);
        return;
    }
    struct scheduled_pod *assumed = map_get(scheduler->scheduled, key);
    if (assumed) {
        assumed->tree = object;
        affinity_update_pod(scheduler, assumed);
    }
    struct waiting_pod *waiting = map_get(scheduler->waiting, key);
    if (!waiting)
        agent_mark(scheduler->part, key, 0);
}

/* A claim or volume that changed may let a pod go. */
static void handle_volume(void *context, const struct cJSON *object, const struct cJSON *before,
                          bool is_gone) {
    (void)object;
    (void)before;
    (void)is_gone;
    move_waiting(context);
}

/* --- one pod --- */

static void bind(struct attempt *attempt, struct sv key, struct scheduled_node *node) {
    struct scheduler *scheduler = attempt->scheduler;
    struct arena *arena = attempt->arena;
    const struct cJSON *pod = attempt->pod;
    struct cJSON *body = json_map(arena);
    json_set_string(arena, body, SV("apiVersion"), SV("v1"));
    json_set_string(arena, body, SV("kind"), SV("Binding"));
    struct cJSON *metadata = json_ensure_map(arena, body, SV("metadata"));
    json_set_string(arena, metadata, SV("name"), object_name(pod));
    json_set_string(arena, metadata, SV("namespace"), object_namespace(pod));
    json_set_string(arena, metadata, SV("uid"), object_uid(pod));
    struct cJSON *target = json_ensure_map(arena, body, SV("target"));
    json_set_string(arena, target, SV("apiVersion"), SV("v1"));
    json_set_string(arena, target, SV("kind"), SV("Node"));
    json_set_string(arena, target, SV("name"), sv_from(node->name));
    struct request request =
        request_to(VERB_CREATE, &RESOURCE_PODS, object_namespace(pod), object_name(pod));
    request.subresource = SV("binding");
    request.body = body;
    forget_waiting(scheduler, key);
    account_pod(scheduler, key, pod, node, agent_now_ms(scheduler->agent));
    agent_send(scheduler->part, key, &request);
    agent_event(scheduler->part, pod, false, SV("Scheduled"),
                arena_printf(arena, "Successfully assigned %.*s to %s", SV_ARG(key), node->name));
}

static void wait_for_change(struct scheduler *scheduler, struct sv key) {
    struct waiting_pod *waiting = map_get(scheduler->waiting, key);
    if (!waiting) {
        waiting = mem_alloc(sizeof(*waiting));
        map_put(scheduler->waiting, key, waiting);
    }
    waiting->is_moved = false;
    waiting->backoff_ms = waiting->backoff_ms ? waiting->backoff_ms * 2 : BACKOFF_MS_MIN;
    if (waiting->backoff_ms > BACKOFF_MS_MAX)
        waiting->backoff_ms = BACKOFF_MS_MAX;
    waiting->retry_ms = agent_now_ms(scheduler->agent) + waiting->backoff_ms;
}

/* The pod is looked at again as soon as its claims are bound. */
static void wait_for_volumes(struct scheduler *scheduler, struct sv key) {
    wait_for_change(scheduler, key);
    struct waiting_pod *waiting = map_get(scheduler->waiting, key);
    waiting->backoff_ms = 0;
    waiting->retry_ms = 0;
}

/* Of many nodes the best of some is good enough, half of them at 100 nodes and a twentieth at
 * 5,600; the next pod looks at the next ones. */
size_t scheduler_nodes_wanted(size_t node_count) {
    enum { NODES_MIN = 100, PERCENT_MIN = 5, PERCENT_MAX = 50, NODES_A_PERCENT = 125 };
    if (node_count < NODES_MIN)
        return node_count;
    size_t less = node_count / NODES_A_PERCENT;
    size_t percent = less < PERCENT_MAX - PERCENT_MIN ? PERCENT_MAX - less : PERCENT_MIN;
    size_t wanted = node_count * percent / 100;
    return wanted > NODES_MIN ? wanted : NODES_MIN;
}

static void place(struct attempt *attempt, struct sv key) {
    struct scheduler *scheduler = attempt->scheduler;
    struct scheduled_node **fitting =
        ARENA_ARRAY(attempt->arena, struct scheduled_node *, scheduler->by_name.count + 1);
    struct diagnosis *diagnosis = diagnosis_new(attempt->arena, scheduler->by_name.count);
    size_t count = 0;
    struct sv blocked = diagnosis_of_claims(attempt);
    if (blocked.len == 0 && attempt->is_volume_decided) {
        wait_for_volumes(scheduler, key);
        return;
    }
    affinity_prepare(attempt);
    spread_prepare(attempt);
    size_t node_count = scheduler->by_name.count, looked = 0;
    size_t wanted = scheduler_nodes_wanted(node_count);
    for (; looked < node_count && count < wanted; looked++) {
        struct scheduled_node *node =
            scheduler->by_name.items[(scheduler->first_node + looked) % node_count];
        struct refusal refusal;
        if (!node->tree)
            continue;
        bool fits = blocked.len == 0 && node_fits(attempt, node, &refusal);
        if (fits)
            fitting[count++] = node;
        else
            diagnosis_add(diagnosis, blocked.len == 0 ? &refusal : NULL);
    }
    scheduler->first_node = node_count > 0 ? (scheduler->first_node + looked) % node_count : 0;
    if (count > 0 && attempt->delayed_count > 0) {
        volumes_choose(attempt, key, best_node(attempt, fitting, count));
        wait_for_volumes(scheduler, key);
        return;
    }
    if (count > 0) {
        bind(attempt, key, best_node(attempt, fitting, count));
        return;
    }
    wait_for_change(scheduler, key);
    report_unschedulable(attempt, key, diagnosis_text(diagnosis, blocked));
}

/* Pods that are not this scheduler's, or not to be placed (any more). */
static bool is_candidate(const struct cJSON *pod) {
    struct sv name =
        json_string_or(json_get(pod, SV("spec")), SV("schedulerName"), SV("default-scheduler"));
    return pod && !object_is_deleting(pod) && !is_over(pod) &&
           json_find_string(pod, "spec.nodeName").len == 0 &&
           json_count(json_find(pod, "spec.schedulingGates")) == 0 &&
           sv_eq(name, SV("default-scheduler"));
}

/* True while the pod has to wait: for news of its binding, or out its back-off. */
static bool is_held(struct scheduler *scheduler, struct sv key, int64_t now_ms) {
    struct scheduled_pod *assumed = map_get(scheduler->scheduled, key);
    if (assumed && now_ms < assumed->assumed_ms + ASSUMED_MS_MAX) {
        agent_mark(scheduler->part, key, assumed->assumed_ms + ASSUMED_MS_MAX);
        return true;
    }
    forget_pod(scheduler, key);
    const struct waiting_pod *waiting = map_get(scheduler->waiting, key);
    if (!waiting || (waiting->is_moved && now_ms >= waiting->retry_ms))
        return false;
    if (waiting->is_moved)
        agent_mark(scheduler->part, key, waiting->retry_ms);
    return true;
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    (void)part;
    struct scheduler *scheduler = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    struct attempt attempt = {
        .scheduler = scheduler,
        .pod = cache_get(scheduler->pods, namespace_name, name),
        .arena = arena,
    };
    if (!is_candidate(attempt.pod)) {
        forget_waiting(scheduler, key);
        return;
    }
    if (is_held(scheduler, key, agent_now_ms(scheduler->agent)))
        return;
    attempt_prepare(&attempt);
    place(&attempt, key);
}

/* --- life --- */

struct scheduler *scheduler_new(struct world *world, uint64_t seed) {
    struct scheduler *scheduler = mem_alloc(sizeof(*scheduler));
    scheduler->texts = arena_new();
    scheduler->amount_names[AMOUNT_CPU] = SV("cpu");
    scheduler->amount_names[AMOUNT_MEMORY] = SV("memory");
    scheduler->amount_count = 2;
    scheduler->scheduled = map_new();
    scheduler->waiting = map_new();
    scheduler->affinity = affinity_new();
    scheduler->agent = agent_new(
        world,
        &(struct agent_options){.name = SV("kube-scheduler"), .seed = seed, .may_be_apart = true});
    scheduler->part = agent_add_part(scheduler->agent, SV("scheduler"), reconcile, scheduler);
    scheduler->nodes = agent_watch(scheduler->agent, &RESOURCE_NODES, handle_node, scheduler);
    scheduler->pods = agent_watch(scheduler->agent, &RESOURCE_PODS, handle_pod, scheduler);
    scheduler->claims =
        agent_watch(scheduler->agent, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, handle_volume, scheduler);
    scheduler->volumes =
        agent_watch(scheduler->agent, &RESOURCE_PERSISTENT_VOLUMES, handle_volume, scheduler);
    scheduler->volumes_by_owner = cache_add_index(scheduler->volumes, scheduler_key_of_volume);
    const struct resource_type *classes = registry_find(
        fakeapi_registry(world_api(world)), SV("storage.k8s.io"), SV("v1"), SV("storageclasses"));
    assert(classes);
    scheduler->classes =
        agent_watch(scheduler->agent, &classes->resource, handle_volume, scheduler);
    return scheduler;
}

void scheduler_free(struct scheduler *scheduler) {
    if (!scheduler)
        return;
    size_t cursor = 0;
    void *pod;
    agent_free(scheduler->agent);
    while (map_next(scheduler->scheduled, &cursor, NULL, &pod))
        affinity_remove_pod(scheduler, pod);
    affinity_free(scheduler->affinity);
    map_free_with_values(scheduler->scheduled);
    map_free_with_values(scheduler->waiting);
    for (size_t i = 0; i < scheduler->by_name.count; i++) {
        vec_release(&scheduler->by_name.items[i]->pods);
        mem_free(scheduler->by_name.items[i]->name);
        mem_free(scheduler->by_name.items[i]);
    }
    vec_release(&scheduler->by_name);
    arena_free(scheduler->texts);
    mem_free(scheduler);
}
