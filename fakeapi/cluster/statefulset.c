/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/statefulset.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"
#include "fakeapi/cluster/statefulset_parts.h"

/* --- members --- */

static int compare_members(const void *left, const void *right) {
    const struct set_member *a = left, *b = right;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static void take_members(struct set_sync *sync, const struct claimed *claimed) {
    sync->members = ARENA_ARRAY(sync->arena, struct set_member, claimed->count + 1);
    for (size_t i = 0; i < claimed->count; i++) {
        struct set_member *member = &sync->members[sync->member_count];
        member->pod = claimed->items[i];
        if (set_pod_ordinal(sync->set, object_name(member->pod), &member->ordinal))
            sync->member_count++;
    }
    qsort(sync->members, sync->member_count, sizeof(struct set_member), compare_members);
}

/* Position of the first member whose ordinal is not below `ordinal`. */
static size_t first_from(const struct set_sync *sync, int64_t ordinal) {
    size_t low = 0, high = sync->member_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sync->members[middle].ordinal < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_wanted(const struct set_sync *sync, int64_t ordinal) {
    return ordinal >= sync->start && ordinal < sync->start + sync->replicas;
}

/* --- the wanted ones --- */

static void recreate(struct set_sync *sync, const struct cJSON *pod) {
    agent_event(pod_control_part(sync->controller->control), sync->set, true,
                SV("RecreatingFailedPod"),
                arena_printf(sync->arena, "StatefulSet %.*s is recreating failed Pod %.*s",
                             SV_ARG(sync->key), SV_ARG(object_name(pod))));
    set_pod_delete(sync, pod);
}

/* True when an ordered set may go on to the next ordinal. */
static bool keep_member(struct set_sync *sync, const struct set_member *member) {
    const struct cJSON *pod = member->pod;
    if (pod_is_over(pod) && !object_is_deleting(pod)) {
        recreate(sync, pod);
        return false;
    }
    return set_pod_correct(sync, member, false) && set_pod_is_healthy(sync, pod);
}

static int64_t count_missing(const struct set_sync *sync) {
    size_t from = first_from(sync, sync->start);
    size_t to = first_from(sync, sync->start + sync->replicas);
    return sync->replicas - (int64_t)(to - from);
}

/* True when all are there and, in an ordered set, healthy. A batch bounds what is created at
 * once, so that the walk ends soon whatever the number of replicas. */
static bool process_wanted(struct set_sync *sync) {
    size_t batch =
        pod_control_batch(sync->controller->control, sync->key, (size_t)count_missing(sync));
    size_t at = first_from(sync, sync->start);
    for (int64_t i = 0; i < sync->replicas; i++) {
        int64_t ordinal = sync->start + i;
        bool exists = at < sync->member_count && sync->members[at].ordinal == ordinal;
        bool may_go_on = exists && keep_member(sync, &sync->members[at++]);
        if (!exists) {
            set_pod_create(sync, ordinal);
            batch--;
        }
        if (sync->is_ordered ? !may_go_on : !exists && batch == 0)
            return false;
    }
    return true;
}

/* --- the others --- */

/* The unhealthy pod of the lowest ordinal may go first: it would hold up all others. */
static const struct cJSON *first_unhealthy(struct set_sync *sync) {
    for (size_t i = 0; i < sync->member_count; i++)
        if (!is_wanted(sync, sync->members[i].ordinal) &&
            !set_pod_is_healthy(sync, sync->members[i].pod))
            return sync->members[i].pod;
    return NULL;
}

/* True when an ordered set may go on. */
static bool condemn(struct set_sync *sync, const struct set_member *member,
                    const struct cJSON *unhealthy) {
    const struct cJSON *pod = member->pod;
    if (object_is_deleting(pod))
        return !sync->is_ordered;
    if (sync->is_ordered && pod != unhealthy && !set_pod_is_available(sync, pod))
        return false;
    /* Claims change hands before the pod goes, and with it what it owns. */
    if (set_pod_correct(sync, member, true))
        set_pod_delete(sync, pod);
    return !sync->is_ordered;
}

static bool process_condemned(struct set_sync *sync) {
    const struct cJSON *unhealthy = first_unhealthy(sync);
    for (size_t i = sync->member_count; i-- > 0;)
        if (!is_wanted(sync, sync->members[i].ordinal) &&
            !condemn(sync, &sync->members[i], unhealthy))
            return false;
    return true;
}

/* --- rollout --- */

static int64_t max_unavailable(const struct set_sync *sync) {
    const struct cJSON *value =
        json_find(sync->set, "spec.updateStrategy.rollingUpdate.maxUnavailable");
    int64_t count = scaled_value(value, sync->replicas, true, 1);
    return count > 1 ? count : 1;
}

/* From the highest ordinal down to the partition; pods that are not healthy count as well. */
static void roll_out(struct set_sync *sync) {
    int64_t partition = json_find_int(sync->set, "spec.updateStrategy.rollingUpdate.partition", 0);
    int64_t budget = max_unavailable(sync);
    for (size_t i = sync->member_count; i-- > 0 && budget > 0;) {
        const struct set_member *member = &sync->members[i];
        if (!is_wanted(sync, member->ordinal))
            continue;
        if (member->ordinal < sync->start + partition)
            return;
        bool is_outdated = !sv_eq(set_pod_revision(member->pod), sync->update_name);
        if (is_outdated && !object_is_deleting(member->pod)) {
            set_pod_delete(sync, member->pod);
            budget--;
        } else if (!set_pod_is_healthy(sync, member->pod)) {
            budget--;
        }
    }
}

/* --- one set --- */

static void trim_history(struct set_sync *sync) {
    struct sv *live = ARENA_ARRAY(sync->arena, struct sv, sync->member_count + 2);
    size_t count = 0;
    live[count++] = sync->current_name;
    live[count++] = sync->update_name;
    for (size_t i = 0; i < sync->member_count; i++)
        live[count++] = set_pod_revision(sync->members[i].pod);
    controller_revisions_trim(sync->controller->revisions, sync->key, sync->set, &sync->history,
                              live, count, sync->arena);
}

static void read_spec(struct set_sync *sync) {
    const struct cJSON *spec = json_get(sync->set, SV("spec"));
    sync->start = json_find_int(spec, "ordinals.start", 0);
    sync->replicas = json_int_or(spec, SV("replicas"), 1);
    sync->min_ready_seconds = json_int_or(spec, SV("minReadySeconds"), 0);
    sync->is_ordered =
        !sv_eq(json_string_or(spec, SV("podManagementPolicy"), SV("")), SV("Parallel"));
    sync->is_rolling = !sv_eq(json_find_string(spec, "updateStrategy.type"), SV("OnDelete"));
    struct sv current = json_find_string(sync->set, "status.currentRevision");
    sync->update_name = object_name(sync->history.update);
    sync->current_name =
        revision_history_find(&sync->history, current) ? current : sync->update_name;
}

static void act(struct set_sync *sync) {
    if (object_is_deleting(sync->set))
        return;
    if (process_wanted(sync) && process_condemned(sync) && sync->is_rolling)
        roll_out(sync);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct statefulset_controller *controller = context;
    struct set_sync sync = {
        .controller = controller,
        .key = key,
        .set = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
        .next_ms = DEADLINE_NEVER,
    };
    struct claimed pods;
    if (!sync.set || !claims_take(controller->pods, key, sync.set, arena, &pods) ||
        !controller_revisions_take(controller->revisions, key, sync.set, arena, &sync.history))
        return;
    read_spec(&sync);
    take_members(&sync, &pods);
    act(&sync);
    /* What was created is counted when the server answered, which saves a write. */
    if (!sync.did_create || pod_control_failure(controller->control, key).len > 0)
        set_status_write(&sync);
    trim_history(&sync);
    if (sync.next_ms != DEADLINE_NEVER)
        agent_mark(part, key, sync.next_ms);
}

/* --- life --- */

static bool is_named_after(const struct cJSON *set, const struct cJSON *pod) {
    int64_t ordinal;
    return set_pod_ordinal(set, object_name(pod), &ordinal);
}

struct statefulset_controller *statefulset_controller_new(struct agent *agent) {
    struct statefulset_controller *controller = mem_alloc(sizeof(*controller));
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("statefulset"),
        .owner = &RESOURCE_STATEFUL_SETS,
        .reconcile = reconcile,
        .context = controller,
    });
    controller->pods = claims_new(&(struct claims_options){
        .agent = agent,
        .control = controller->control,
        .children = &RESOURCE_PODS,
        .filter = is_named_after,
    });
    controller->revisions = controller_revisions_new(agent, controller->control,
                                                     SV("controller.kubernetes.io/hash"), true);
    controller->volume_claims = agent_watch(agent, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, NULL, NULL);
    return controller;
}

void statefulset_controller_free(struct statefulset_controller *controller) {
    if (!controller)
        return;
    controller_revisions_free(controller->revisions);
    claims_free(controller->pods);
    pod_control_free(controller->control);
    mem_free(controller);
}
