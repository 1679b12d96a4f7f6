/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/scheduler_parts.h"

/* kube-scheduler's weights of its default plugins. */
enum {
    SCORE_MAX = 100,
    WEIGHT_RESOURCES = 1,
    WEIGHT_NODE_AFFINITY = 2,
    WEIGHT_POD_AFFINITY = 2,
    WEIGHT_TAINTS = 3,
    WEIGHT_SPREAD = 2,
};

static int64_t free_share(int64_t allocatable, int64_t used) {
    if (allocatable <= 0 || used >= allocatable)
        return 0;
    return (int64_t)((__int128)(allocatable - used) * SCORE_MAX / allocatable);
}

static int64_t least_allocated(const struct attempt *attempt, const struct scheduled_node *node) {
    int64_t sum = 0;
    for (size_t i = AMOUNT_CPU; i <= AMOUNT_MEMORY; i++)
        sum += free_share(node->allocatable.of[i], node->weighed.of[i] + attempt->weighed.of[i]);
    return sum / 2;
}

/* One of the pod's preferences for nodes. */
struct preference {
    const struct cJSON *term;
    int64_t weight;
    bool needs_label;
    uint64_t label_hash; /* of the key */
};

static void add_weight(const struct preference *preference, struct scheduled_node **nodes,
                       size_t count, int64_t *sums) {
    for (size_t i = 0; i < count; i++)
        if ((!preference->needs_label || node_may_have_label(nodes[i], preference->label_hash)) &&
            term_matches_node(preference->term, nodes[i]->tree))
            sums[i] += preference->weight;
}

static void preferred_node_weights(const struct attempt *attempt, struct scheduled_node **nodes,
                                   size_t count, int64_t *ret_sums) {
    memset(ret_sums, 0, sizeof(*ret_sums) * count);
    JSON_EACH (weighted, attempt->preferred_nodes) {
        const struct cJSON *term = json_get(weighted, SV("preference"));
        struct sv label = term_needs_label(term);
        struct preference preference = {.term = term,
                                        .weight = json_int_or(weighted, SV("weight"), 0),
                                        .needs_label = label.len > 0,
                                        .label_hash = sv_hash(label)};
        add_weight(&preference, nodes, count, ret_sums);
    }
}

/* Adds each raw score to the totals, stretched over 0 to SCORE_MAX. */
static void add_stretched(int64_t *totals, const int64_t *raw, size_t count, int64_t weight) {
    int64_t low = raw[0], high = raw[0];
    for (size_t i = 1; i < count; i++) {
        low = raw[i] < low ? raw[i] : low;
        high = raw[i] > high ? raw[i] : high;
    }
    for (size_t i = 0; i < count && high > low; i++)
        totals[i] += weight * ((raw[i] - low) * SCORE_MAX / (high - low));
}

typedef void score_all(struct attempt *attempt, int64_t *scores);

/* Picks the places of `nodes` in the scheduler's list, which the scores refer to. */
static void pick_scores(struct attempt *attempt, score_all *score, struct scheduled_node **nodes,
                        size_t count, int64_t *raw) {
    struct scheduler *scheduler = attempt->scheduler;
    int64_t *scores = ARENA_ARRAY(attempt->arena, int64_t, scheduler->by_name.count);
    score(attempt, scores);
    /* They come in the list's order, from some place in it on. */
    for (size_t i = 0, at = 0; i < count; i++) {
        while (scheduler->by_name.items[at] != nodes[i])
            at = (at + 1) % scheduler->by_name.count;
        raw[i] = scores[at];
    }
}

struct scheduled_node *best_node(struct attempt *attempt, struct scheduled_node **nodes,
                                 size_t count) {
    int64_t *totals = ARENA_ARRAY(attempt->arena, int64_t, count);
    int64_t *raw = ARENA_ARRAY(attempt->arena, int64_t, count);
    for (size_t i = 0; i < count; i++) {
        bool is_clean = !untolerated_taint(attempt->pod, nodes[i], true);
        totals[i] = WEIGHT_RESOURCES * least_allocated(attempt, nodes[i]);
        totals[i] += is_clean ? WEIGHT_TAINTS * SCORE_MAX : 0;
    }
    if (json_find(attempt->pod, "spec.affinity")) {
        preferred_node_weights(attempt, nodes, count, raw);
        add_stretched(totals, raw, count, WEIGHT_NODE_AFFINITY);
        pick_scores(attempt, affinity_score, nodes, count, raw);
        add_stretched(totals, raw, count, WEIGHT_POD_AFFINITY);
    }
    if (json_find(attempt->pod, "spec.topologySpreadConstraints")) {
        pick_scores(attempt, spread_score, nodes, count, raw);
        add_stretched(totals, raw, count, WEIGHT_SPREAD);
    }
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (totals[i] > totals[best])
            best = i;
    return nodes[best];
}
