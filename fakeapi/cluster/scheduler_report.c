/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/scheduler_report.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/scheduler_parts.h"

struct counted {
    struct sv reason;
    size_t count;
};

struct diagnosis {
    struct arena *arena;
    struct counted *reasons;
    size_t reason_count, reason_count_max, node_count;
    size_t helped_count; /* nodes where other pods are in the way */
};

struct diagnosis *diagnosis_new(struct arena *arena, size_t node_count_max) {
    struct diagnosis *diagnosis = ARENA_NEW(arena, struct diagnosis);
    diagnosis->arena = arena;
    diagnosis->reason_count_max = node_count_max * REASONS_MAX;
    diagnosis->reasons = ARENA_ARRAY(arena, struct counted, diagnosis->reason_count_max + 1);
    return diagnosis;
}

static void count_reason(struct diagnosis *diagnosis, struct sv reason) {
    for (size_t i = 0; i < diagnosis->reason_count; i++) {
        if (sv_eq(diagnosis->reasons[i].reason, reason)) {
            diagnosis->reasons[i].count++;
            return;
        }
    }
    assert(diagnosis->reason_count < diagnosis->reason_count_max);
    diagnosis->reasons[diagnosis->reason_count++] = (struct counted){reason, 1};
}

void diagnosis_add(struct diagnosis *diagnosis, const struct refusal *refusal) {
    diagnosis->node_count++;
    for (size_t i = 0; refusal && i < refusal->count; i++)
        count_reason(diagnosis, refusal->reasons[i]);
    diagnosis->helped_count += refusal && refusal->helps_preemption;
}

/* "1 a, 2 b": the counts are part of what is sorted, as upstream does. */
static struct sv join_reasons(struct arena *arena, const struct counted *reasons, size_t count) {
    struct sv *texts = ARENA_ARRAY(arena, struct sv, count + 1);
    for (size_t i = 0; i < count; i++)
        texts[i] = arena_printf(arena, "%zu %.*s", reasons[i].count, SV_ARG(reasons[i].reason));
    sv_sort(texts, count);
    struct sv all = SV("");
    for (size_t i = 0; i < count; i++)
        all = arena_printf(arena, "%.*s%s%.*s", SV_ARG(all), i ? ", " : "", SV_ARG(texts[i]));
    return all;
}

struct sv diagnosis_text(struct diagnosis *diagnosis, struct sv blocked) {
    struct arena *arena = diagnosis->arena;
    size_t nodes = diagnosis->node_count;
    if (nodes == 0)
        return SV("no nodes available to schedule pods");
    /* What stops a pod before nodes are asked leaves the next step of kube-scheduler without what
     * it looks for, and it says so in these two words. */
    if (blocked.len > 0)
        return arena_printf(arena, "0/%zu nodes are available: %.*s. not found", nodes,
                            SV_ARG(blocked));
    struct counted preemption[] = {
        {SV("No preemption victims found for incoming pod"), diagnosis->helped_count},
        {SV("Preemption is not helpful for scheduling"), nodes - diagnosis->helped_count},
    };
    size_t first = preemption[0].count == 0, last = preemption[1].count == 0 ? 1 : 2;
    struct sv reasons = join_reasons(arena, diagnosis->reasons, diagnosis->reason_count);
    struct sv help = join_reasons(arena, &preemption[first], last - first);
    return arena_printf(arena,
                        "0/%zu nodes are available: %.*s. no new claims to deallocate, "
                        "preemption: 0/%zu nodes are available: %.*s.",
                        nodes, SV_ARG(reasons), nodes, SV_ARG(help));
}

static void add_delayed(struct attempt *attempt, const struct cJSON *claim) {
    size_t volumes = json_count(json_find(attempt->pod, "spec.volumes"));
    if (!attempt->delayed)
        attempt->delayed = ARENA_ARRAY(attempt->arena, const struct cJSON *, volumes);
    attempt->delayed[attempt->delayed_count++] = claim;
    attempt->is_volume_decided |= claim_is_decided(attempt, claim);
}

struct sv diagnosis_of_claims(struct attempt *attempt) {
    if (attempt->has_unknown_resource)
        return arena_printf(attempt->arena,
                            "the simulation tells at most %d kinds of resources apart",
                            AMOUNTS_MAX);
    JSON_EACH (volume, json_find(attempt->pod, "spec.volumes")) {
        struct sv name = json_find_string(volume, "persistentVolumeClaim.claimName");
        if (name.len == 0)
            continue;
        const struct cJSON *claim =
            cache_get(attempt->scheduler->claims, object_namespace(attempt->pod), name);
        if (!claim)
            return arena_printf(attempt->arena, "persistentvolumeclaim \"%.*s\" not found",
                                SV_ARG(name));
        if (object_is_deleting(claim))
            return arena_printf(attempt->arena, "persistentvolumeclaim \"%.*s\" is being deleted",
                                SV_ARG(name));
        if (sv_eq(json_find_string(claim, "status.phase"), SV("Bound")))
            continue;
        if (claim_is_delayed(attempt, claim))
            add_delayed(attempt, claim);
        else
            return SV("pod has unbound immediate PersistentVolumeClaims");
    }
    return SV("");
}

void report_unschedulable(struct attempt *attempt, struct sv key, struct sv message) {
    struct arena *arena = attempt->arena;
    struct agent_part *part = attempt->scheduler->part;
    const struct cJSON *known = object_condition(attempt->pod, SV("PodScheduled"));
    agent_event(part, attempt->pod, true, SV("FailedScheduling"), message);
    if (sv_eq(json_string_or(known, SV("message"), SV("")), message) &&
        sv_eq(json_string_or(known, SV("reason"), SV("")), SV("Unschedulable")))
        return;
    struct sv since =
        condition_since(known, SV("False"), api_time_format(agent_now_ms(agent_of(part)), arena));
    struct cJSON *patch = json_map(arena);
    struct cJSON *list =
        json_ensure_list(arena, json_ensure_map(arena, patch, SV("status")), SV("conditions"));
    struct cJSON *condition = json_append(list, json_map(arena));
    json_set_string(arena, condition, SV("type"), SV("PodScheduled"));
    pod_set_observed_generation(arena, condition, attempt->pod);
    json_set_string(arena, condition, SV("status"), SV("False"));
    json_set_string(arena, condition, SV("lastTransitionTime"), since);
    json_set_string(arena, condition, SV("reason"), SV("Unschedulable"));
    json_set_string(arena, condition, SV("message"), message);
    struct request request = agent_merge_patch(&RESOURCE_PODS, object_namespace(attempt->pod),
                                               object_name(attempt->pod), SV("status"), patch);
    request.patch_type = PATCH_STRATEGIC;
    agent_send(part, key, &request);
}
