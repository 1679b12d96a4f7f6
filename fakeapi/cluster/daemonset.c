/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/daemonset.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/daemonset_parts.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"

enum {
    /* A pod that fails at once is not made again faster than this. */
    FAILED_POD_MS_MIN = 1000,
};

/* --- nodes with their pods --- */

static int compare_pods(const void *left, const void *right) {
    const struct daemon_pod *a = left, *b = right;
    int order = sv_compare(a->node, b->node);
    if (order != 0)
        return order;
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms ? -1 : 1;
    return sv_compare(object_name(a->pod), object_name(b->pod));
}

static bool is_updated(const struct daemon_sync *sync, const struct cJSON *pod) {
    return sv_eq(object_label(pod, SV("controller-revision-hash")), sync->hash);
}

static struct daemon_pod *sort_pods(struct daemon_sync *sync, const struct claimed *claimed) {
    struct daemon_pod *pods = ARENA_ARRAY(sync->arena, struct daemon_pod, claimed->count + 1);
    for (size_t i = 0; i < claimed->count; i++)
        pods[i] = (struct daemon_pod){
            .pod = claimed->items[i],
            .node = daemon_pod_node(claimed->items[i]),
            .created_ms = object_created_ms(claimed->items[i]),
            .is_updated = is_updated(sync, claimed->items[i]),
        };
    qsort(pods, claimed->count, sizeof(*pods), compare_pods);
    return pods;
}

/* Merges the candidates and the nodes of the pods, both sorted by name. */
static void take_nodes(struct daemon_sync *sync, const struct claimed *claimed) {
    size_t candidate_count, candidate = 0, at = 0;
    const struct cJSON **candidates = daemonset_nodes_candidates(
        sync->controller->nodes, sync->daemonset, sync->arena, &candidate_count);
    const struct daemon_pod *pods = sort_pods(sync, claimed);
    sync->nodes =
        ARENA_ARRAY(sync->arena, struct daemon_node, candidate_count + claimed->count + 1);
    sync->missing = ARENA_ARRAY(sync->arena, struct sv, candidate_count + claimed->count + 1);
    while (candidate < candidate_count || at < claimed->count) {
        struct daemon_node *node = &sync->nodes[sync->node_count++];
        bool takes_pod = candidate == candidate_count ||
                         (at < claimed->count &&
                          sv_compare(pods[at].node, object_name(candidates[candidate])) < 0);
        node->name = takes_pod ? pods[at].node : object_name(candidates[candidate]);
        node->node = takes_pod ? daemonset_nodes_get(sync->controller->nodes, node->name)
                               : candidates[candidate++];
        node->pods = &pods[at];
        for (; at < claimed->count && sv_eq(pods[at].node, node->name); at++)
            node->pod_count++;
    }
}

static void judge_nodes(struct daemon_sync *sync) {
    for (size_t i = 0; i < sync->node_count; i++) {
        struct daemon_node *node = &sync->nodes[i];
        if (!sync->prototype)
            sync->prototype = daemon_pod_prototype(sync);
        node->fit = daemonset_fits_node(sync->prototype, node->node);
        sync->desired += node->fit.should_run;
    }
}

/* --- one pod for each --- */

static void replace_finished(struct daemon_sync *sync, const struct daemon_pod *pod) {
    bool has_failed = sv_eq(json_find_string(pod->pod, "status.phase"), SV("Failed"));
    int64_t due_ms = pod->created_ms + FAILED_POD_MS_MIN;
    if (due_ms > sync->now_ms) {
        sync->next_ms = due_ms < sync->next_ms ? due_ms : sync->next_ms;
        return;
    }
    agent_event(pod_control_part(sync->controller->control), sync->daemonset, has_failed,
                has_failed ? SV("FailedDaemonPod") : SV("SucceededDaemonPod"),
                arena_printf(sync->arena,
                             "Found %s daemon pod %.*s/%.*s on node %.*s, will try to %s it",
                             has_failed ? "failed" : "succeeded",
                             SV_ARG(object_namespace(pod->pod)), SV_ARG(object_name(pod->pod)),
                             SV_ARG(pod->node), has_failed ? "kill" : "delete"));
    daemon_delete(sync, pod->pod);
}

/* With surge an old pod that is ready may stay beside a new one that is not available yet. */
static bool may_stay_beside(struct daemon_sync *sync, const struct cJSON *old_pod,
                            const struct cJSON *new_pod) {
    return !new_pod || (pod_is_ready(old_pod) && !daemon_pod_is_available(sync, new_pod));
}

static void thin_out(struct daemon_sync *sync, const struct daemon_node *node) {
    const struct cJSON *old_pod = NULL, *new_pod = NULL;
    bool splits = sync->max_surge > 0;
    for (size_t i = 0; i < node->pod_count; i++) {
        const struct daemon_pod *pod = &node->pods[i];
        if (object_is_deleting(pod->pod))
            continue;
        if (pod_is_over(pod->pod)) {
            replace_finished(sync, pod);
            continue;
        }
        const struct cJSON **place = splits && !pod->is_updated ? &old_pod : &new_pod;
        if (*place)
            daemon_delete(sync, pod->pod);
        else
            *place = pod->pod;
    }
    if (old_pod && !may_stay_beside(sync, old_pod, new_pod))
        daemon_delete(sync, old_pod);
}

static void clear_node(struct daemon_sync *sync, const struct daemon_node *node) {
    for (size_t i = 0; i < node->pod_count; i++) {
        const struct cJSON *pod = node->pods[i].pod;
        /* What was bound to a node that is gone is for the pod garbage collector. */
        bool is_stranded = !node->node && json_find_string(pod, "spec.nodeName").len > 0;
        if (!object_is_deleting(pod) && !is_stranded)
            daemon_delete(sync, pod);
    }
}

static void manage(struct daemon_sync *sync) {
    for (size_t i = 0; i < sync->node_count; i++) {
        const struct daemon_node *node = &sync->nodes[i];
        if (node->fit.should_run && node->pod_count == 0)
            daemon_need(sync, node->name);
        else if (node->fit.may_stay)
            thin_out(sync, node);
        else
            clear_node(sync, node);
    }
}

/* --- status --- */

static void set_unless_zero(struct arena *arena, struct cJSON *status, struct sv key,
                            int64_t value) {
    if (value != 0)
        json_set_int(arena, status, key, value);
}

static void write_status(struct daemon_sync *sync) {
    int64_t current = 0, misscheduled = 0, ready = 0, available = 0, updated = 0;
    for (size_t i = 0; i < sync->node_count; i++) {
        const struct daemon_node *node = &sync->nodes[i];
        if (node->pod_count == 0)
            continue;
        misscheduled += node->node && !node->fit.should_run;
        if (!node->fit.should_run)
            continue;
        current++;
        ready += pod_is_ready(node->pods[0].pod);
        available += daemon_pod_is_available(sync, node->pods[0].pod);
        updated += node->pods[0].is_updated;
    }
    struct arena *arena = sync->arena;
    struct cJSON *status = json_map(arena);
    json_set_int(arena, status, SV("currentNumberScheduled"), current);
    json_set_int(arena, status, SV("numberMisscheduled"), misscheduled);
    json_set_int(arena, status, SV("desiredNumberScheduled"), sync->desired);
    json_set_int(arena, status, SV("numberReady"), ready);
    json_set_int(arena, status, SV("observedGeneration"), object_generation(sync->daemonset));
    set_unless_zero(arena, status, SV("updatedNumberScheduled"), updated);
    set_unless_zero(arena, status, SV("numberAvailable"), available);
    set_unless_zero(arena, status, SV("numberUnavailable"), sync->desired - available);
    set_unless_zero(arena, status, SV("collisionCount"), sync->history.collision_count);
    pod_control_write_status(sync->controller->control, sync->key, sync->daemonset, status, arena);
}

/* --- one DaemonSet --- */

static void read_spec(struct daemon_sync *sync) {
    const struct cJSON *spec = json_get(sync->daemonset, SV("spec"));
    struct sv generation =
        object_annotation(sync->daemonset, SV("deprecated.daemonset.template.generation"));
    sync->min_ready_seconds = json_int_or(spec, SV("minReadySeconds"), 0);
    sync->hash = object_label(sync->history.update, SV("controller-revision-hash"));
    sync->template_generation = generation.len > 0 ? generation : SV("1");
    sync->is_rolling = !sv_eq(json_find_string(spec, "updateStrategy.type"), SV("OnDelete"));
}

static void read_budget(struct daemon_sync *sync) {
    const struct cJSON *rolling = json_find(sync->daemonset, "spec.updateStrategy.rollingUpdate");
    sync->max_unavailable =
        scaled_value(json_get(rolling, SV("maxUnavailable")), sync->desired, true, 1);
    sync->max_surge = sync->is_rolling
                          ? scaled_value(json_get(rolling, SV("maxSurge")), sync->desired, true, 0)
                          : 0;
    if (sync->max_unavailable == 0 && sync->max_surge == 0)
        sync->max_unavailable = 1;
}

/* True when pods were asked for. */
static bool create_missing(struct daemon_sync *sync) {
    size_t count = pod_control_batch(sync->controller->control, sync->key, sync->missing_count);
    for (size_t i = 0; i < count; i++)
        daemon_pod_create(sync, sync->missing[i]);
    return count > 0;
}

static void trim_history(struct daemon_sync *sync) {
    struct sv *live = ARENA_ARRAY(sync->arena, struct sv, sync->history.count + 1);
    size_t live_count = 0;
    for (size_t i = 0; i < sync->history.count; i++) {
        const struct cJSON *revision = sync->history.items[i];
        struct sv hash = object_label(revision, SV("controller-revision-hash"));
        bool is_live = revision == sync->history.update;
        for (size_t j = 0; j < sync->node_count && !is_live; j++)
            for (size_t k = 0; k < sync->nodes[j].pod_count && !is_live; k++)
                is_live = sv_eq(
                    object_label(sync->nodes[j].pods[k].pod, SV("controller-revision-hash")), hash);
        if (is_live)
            live[live_count++] = object_name(revision);
    }
    controller_revisions_trim(sync->controller->revisions, sync->key, sync->daemonset,
                              &sync->history, live, live_count, sync->arena);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct daemonset_controller *controller = context;
    struct daemon_sync sync = {
        .controller = controller,
        .key = key,
        .daemonset = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
        .next_ms = DEADLINE_NEVER,
    };
    struct claimed pods;
    if (!sync.daemonset || object_is_deleting(sync.daemonset) ||
        !claims_take(controller->pods, key, sync.daemonset, arena, &pods) ||
        !controller_revisions_take(controller->revisions, key, sync.daemonset, arena,
                                   &sync.history))
        return;
    read_spec(&sync);
    take_nodes(&sync, &pods);
    judge_nodes(&sync);
    read_budget(&sync);
    manage(&sync);
    if (sync.missing_count + sync.deleted_count == 0 && sync.is_rolling)
        daemon_roll_out(&sync);
    bool did_create = create_missing(&sync);
    /* What was created is counted when the server answered, which saves a write. */
    if (!did_create || pod_control_failure(controller->control, key).len > 0)
        write_status(&sync);
    trim_history(&sync);
    if (sync.next_ms != DEADLINE_NEVER)
        agent_mark(part, key, sync.next_ms);
}

/* --- life --- */

struct daemonset_controller *daemonset_controller_new(struct agent *agent) {
    struct daemonset_controller *controller = mem_alloc(sizeof(*controller));
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("daemonset"),
        .owner = &RESOURCE_DAEMON_SETS,
        .reconcile = reconcile,
        .context = controller,
    });
    controller->pods = claims_new(&(struct claims_options){
        .agent = agent,
        .control = controller->control,
        .children = &RESOURCE_PODS,
    });
    controller->revisions =
        controller_revisions_new(agent, controller->control, SV("controller-revision-hash"), false);
    controller->nodes = daemonset_nodes_new(agent, controller->control);
    return controller;
}

void daemonset_controller_free(struct daemonset_controller *controller) {
    if (!controller)
        return;
    daemonset_nodes_free(controller->nodes);
    controller_revisions_free(controller->revisions);
    claims_free(controller->pods);
    pod_control_free(controller->control);
    mem_free(controller);
}
