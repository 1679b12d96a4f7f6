/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topology spread constraints. Pods are counted as for pod affinity (scheduler_affinity.c), so a
 * constraint costs the nodes and not the pods.
 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/scheduler_parts.h"

static const char refused_spread[] = "node(s) didn't match pod topology spread constraints";
static const char refused_label[] =
    "node(s) didn't match pod topology spread constraints (missing required label)";

/* One constraint, and its pods in the domains of nodes that count. */
struct spread {
    const struct cJSON *constraint;
    struct counted_pods counted;
    int64_t *sums;   /* by domain */
    bool *is_domain; /* of a node that counts */
    size_t domain_count;
    int64_t least;
};

static bool is_hard(const struct cJSON *constraint) {
    return !sv_eq(json_string_or(constraint, SV("whenUnsatisfiable"), SV("")),
                  SV("ScheduleAnyway"));
}

/* As a term of pod affinity: the selector, narrowed to the pod's own values of matchLabelKeys. */
static struct cJSON *term_of(struct attempt *attempt, const struct cJSON *constraint) {
    struct arena *arena = attempt->arena;
    const struct cJSON *selector = json_get(constraint, SV("labelSelector"));
    struct cJSON *term = json_map(arena);
    json_set_string(arena, term, SV("topologyKey"),
                    json_string_or(constraint, SV("topologyKey"), SV("")));
    if (!selector)
        return term;
    struct cJSON *narrowed = json_set(arena, term, SV("labelSelector"), json_copy(arena, selector));
    JSON_EACH (key, json_get(constraint, SV("matchLabelKeys"))) {
        struct sv value = object_label(attempt->pod, json_text(key));
        if (value.len == 0)
            continue;
        struct cJSON *requirement =
            json_append(json_ensure_list(arena, narrowed, SV("matchExpressions")), json_map(arena));
        json_set_string(arena, requirement, SV("key"), json_text(key));
        json_set_string(arena, requirement, SV("operator"), SV("In"));
        json_append(json_ensure_list(arena, requirement, SV("values")), json_string(arena, value));
    }
    return term;
}

/* Whether a node's pods and domain count for the constraint. */
static bool node_counts(struct attempt *attempt, const struct cJSON *constraint,
                        const struct scheduled_node *node) {
    struct refusal refusal = {0};
    bool ignores_affinity =
        sv_eq(json_string_or(constraint, SV("nodeAffinityPolicy"), SV("Honor")), SV("Ignore"));
    bool honors_taints =
        sv_eq(json_string_or(constraint, SV("nodeTaintsPolicy"), SV("Ignore")), SV("Honor"));
    if (!node->tree || (!ignores_affinity && !node_is_selected(attempt, node, &refusal)))
        return false;
    return !honors_taints || !untolerated_taint(attempt->pod, node, false);
}

static bool has_all_keys(const struct attempt *attempt, const struct scheduled_node *node) {
    JSON_EACH (constraint, json_find(attempt->pod, "spec.topologySpreadConstraints")) {
        struct sv key = json_string_or(constraint, SV("topologyKey"), SV(""));
        if (is_hard(constraint) && !json_get(node->labels, key))
            return false;
    }
    return true;
}

static void count_domains(struct attempt *attempt, struct spread *spread) {
    const struct counted_pods *counted = &spread->counted;
    const struct scheduler *scheduler = attempt->scheduler;
    for (size_t i = 0; i < scheduler->by_name.count; i++) {
        const struct scheduled_node *node = scheduler->by_name.items[i];
        uint32_t domain = counted->domains[i];
        if (domain == 0 || !node_counts(attempt, spread->constraint, node) ||
            !has_all_keys(attempt, node))
            continue;
        spread->domain_count += !spread->is_domain[domain];
        spread->is_domain[domain] = true;
        spread->sums[domain] += counted->pods[i];
    }
    spread->least = INT64_MAX;
    for (size_t i = 1; i <= counted->domain_count; i++)
        if (spread->is_domain[i] && spread->sums[i] < spread->least)
            spread->least = spread->sums[i];
    /* Too few domains: those that are missing are empty ones. */
    int64_t wanted = json_int_or(spread->constraint, SV("minDomains"), 1);
    if (spread->domain_count == 0 || (int64_t)spread->domain_count < wanted)
        spread->least = 0;
}

static struct spread read_spread(struct attempt *attempt, const struct cJSON *constraint) {
    struct spread spread = {
        .constraint = constraint,
        .counted = affinity_count(attempt, term_of(attempt, constraint)),
    };
    size_t count = spread.counted.domain_count + 1;
    spread.sums = ARENA_ARRAY(attempt->arena, int64_t, count);
    spread.is_domain = ARENA_ARRAY(attempt->arena, bool, count);
    count_domains(attempt, &spread);
    return spread;
}

static const char *refusal_of(const struct spread *spread, size_t node) {
    uint32_t domain = spread->counted.domains[node];
    int64_t skew_max = json_int_or(spread->constraint, SV("maxSkew"), 1);
    if (domain == 0)
        return refused_label;
    int64_t pods = spread->sums[domain] + spread->counted.selects_pod;
    return pods - spread->least > skew_max ? refused_spread : NULL;
}

void spread_prepare(struct attempt *attempt) {
    const struct scheduler *scheduler = attempt->scheduler;
    JSON_EACH (constraint, json_find(attempt->pod, "spec.topologySpreadConstraints")) {
        if (!is_hard(constraint))
            continue;
        struct spread spread = read_spread(attempt, constraint);
        if (!attempt->refused_by_spread)
            attempt->refused_by_spread =
                ARENA_ARRAY(attempt->arena, const char *, scheduler->by_name.count);
        for (size_t i = 0; i < scheduler->by_name.count; i++) {
            size_t number = scheduler->by_name.items[i]->number;
            if (!attempt->refused_by_spread[number])
                attempt->refused_by_spread[number] = refusal_of(&spread, i);
        }
    }
}

bool spread_allows(const struct attempt *attempt, const struct scheduled_node *node,
                   struct sv *ret_reason, bool *ret_helps_preemption) {
    const char *reason =
        attempt->refused_by_spread ? attempt->refused_by_spread[node->number] : NULL;
    if (!reason)
        return true;
    *ret_reason = sv_from(reason);
    *ret_helps_preemption = reason == refused_spread;
    return false;
}

void spread_score(struct attempt *attempt, int64_t *scores) {
    const struct scheduler *scheduler = attempt->scheduler;
    JSON_EACH (constraint, json_find(attempt->pod, "spec.topologySpreadConstraints")) {
        if (is_hard(constraint))
            continue;
        struct spread spread = read_spread(attempt, constraint);
        for (size_t i = 0; i < scheduler->by_name.count; i++)
            scores[i] -= spread.sums[spread.counted.domains[i]];
    }
}
