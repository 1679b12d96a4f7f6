/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/deployment_parts.h"
#include "fakeapi/cluster/pod_control.h"

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

int64_t rollout_size_of_newest(const struct rollout *rollout) {
    int64_t size = rollout->newest ? rollout->newest->size : 0;
    if (!rollout->is_rolling)
        return rollout->replicas;
    int64_t room = rollout->replicas + rollout->max_surge - rollout_total_size(rollout);
    return room <= 0 ? size : size + smaller(room, rollout->replicas - size);
}

/* --- rolling --- */

static bool scale_newest(struct rollout *rollout) {
    int64_t size = rollout->newest->size;
    if (size == rollout->replicas)
        return false;
    int64_t target = size > rollout->replicas ? rollout->replicas : rollout_size_of_newest(rollout);
    if (target == size)
        return false;
    rollout_scale(rollout, rollout->newest, target);
    return true;
}

/* Pods that are not available serve nobody: they go first. */
static int64_t size_without_unhealthy(const struct rollout_set *set, int64_t budget) {
    return set->size - smaller(budget, larger(set->size - set->available, 0));
}

static void scale_old(struct rollout *rollout) {
    int64_t least = rollout->replicas - rollout->max_unavailable;
    int64_t unavailable_new = rollout->newest->size - rollout->newest->available;
    int64_t unhealthy_budget = rollout_total_size(rollout) - least - unavailable_new;
    int64_t available = 0;
    if (unhealthy_budget <= 0)
        return;
    for (size_t i = 0; i < rollout->set_count; i++)
        available += rollout->sets[i].available;
    int64_t budget = larger(available - least, 0);
    for (size_t i = 0; i < rollout->set_count; i++) {
        struct rollout_set *set = &rollout->sets[i];
        if (set == rollout->newest || set->size == 0)
            continue;
        int64_t healthy = size_without_unhealthy(set, unhealthy_budget);
        unhealthy_budget -= set->size - healthy;
        int64_t target = healthy - smaller(budget, healthy);
        budget -= healthy - target;
        if (target != set->size)
            rollout_scale(rollout, set, target);
    }
}

void rollout_step_rolling(struct rollout *rollout) {
    if (!rollout->newest) {
        rollout_create_newest(rollout, rollout_size_of_newest(rollout));
        return;
    }
    rollout_renumber_newest(rollout);
    if (!scale_newest(rollout))
        scale_old(rollout);
}

/* --- recreate --- */

static bool has_old_pods(const struct rollout *rollout) {
    for (size_t i = 0; i < rollout->set_count; i++) {
        const struct rollout_set *set = &rollout->sets[i];
        size_t cursor = 0;
        const struct cJSON *pod;
        if (set == rollout->newest)
            continue;
        while ((pod = cache_index_next(rollout->controller->pods,
                                       rollout->controller->pods_by_controller,
                                       object_uid(set->set), &cursor)))
            if (!pod_is_over(pod))
                return true;
    }
    return false;
}

void rollout_step_recreate(struct rollout *rollout) {
    bool did_scale = false;
    for (size_t i = 0; i < rollout->set_count; i++) {
        struct rollout_set *set = &rollout->sets[i];
        if (set == rollout->newest || set->size == 0)
            continue;
        rollout_scale(rollout, set, 0);
        did_scale = true;
    }
    if (did_scale || has_old_pods(rollout))
        return;
    if (!rollout->newest) {
        rollout_create_newest(rollout, rollout->replicas);
        return;
    }
    rollout_renumber_newest(rollout);
    scale_newest(rollout);
}

/* --- another number of replicas in the middle of a rollout --- */

/* The only one with pods, or else the newest with none beside it. */
static struct rollout_set *only_active(struct rollout *rollout) {
    struct rollout_set *active = NULL;
    for (size_t i = 0; i < rollout->set_count; i++) {
        if (rollout->sets[i].size == 0)
            continue;
        if (active)
            return NULL;
        active = &rollout->sets[i];
    }
    if (active || rollout->newest)
        return active ? active : rollout->newest;
    return rollout->set_count > 0 ? &rollout->sets[rollout->set_count - 1] : NULL;
}

static bool is_saturated(const struct rollout *rollout) {
    const struct rollout_set *newest = rollout->newest;
    int64_t desired;
    return newest &&
           sv_to_int64(
               object_annotation(newest->set, SV("deployment.kubernetes.io/desired-replicas")),
               &desired) &&
           newest->size == rollout->replicas && desired == rollout->replicas &&
           newest->available == rollout->replicas;
}

/* Larger ones first; the newer of two when growing, the older when shrinking. */
static int compare_sizes(const struct rollout_set *a, const struct rollout_set *b, bool grows) {
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    int older_first = a < b ? -1 : 1; /* they are sorted by age */
    return grows ? -older_first : older_first;
}

static void sort_by_size(struct rollout_set **sets, size_t count, bool grows) {
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && compare_sizes(sets[j], sets[j - 1], grows) < 0; j--) {
            struct rollout_set *set = sets[j];
            sets[j] = sets[j - 1];
            sets[j - 1] = set;
        }
}

/* By how much one grows when all do so in proportion; rounded to the nearest. */
static int64_t share(const struct rollout *rollout, const struct rollout_set *set, int64_t max) {
    int64_t before;
    if (rollout->replicas == 0)
        return -set->size;
    if (!sv_to_int64(object_annotation(set->set, SV("deployment.kubernetes.io/max-replicas")),
                     &before) ||
        before <= 0)
        before = larger(json_find_int(rollout->deployment, "status.replicas", 1), 1);
    return (2 * set->size * max + before) / (2 * before) - set->size;
}

static void share_out(struct rollout *rollout) {
    struct rollout_set **active =
        ARENA_ARRAY(rollout->arena, struct rollout_set *, rollout->set_count + 1);
    int64_t *targets = ARENA_ARRAY(rollout->arena, int64_t, rollout->set_count + 1);
    int64_t max = rollout->replicas > 0 ? rollout->replicas + rollout->max_surge : 0;
    int64_t rest = max - rollout_total_size(rollout);
    bool grows = rest > 0;
    size_t count = 0;
    for (size_t i = 0; i < rollout->set_count; i++)
        if (rollout->sets[i].size > 0)
            active[count++] = &rollout->sets[i];
    sort_by_size(active, count, grows);
    for (size_t i = 0; i < count; i++) {
        int64_t wanted = rest != 0 ? share(rollout, active[i], max) : 0;
        int64_t given = grows ? larger(smaller(wanted, rest), 0) : smaller(larger(wanted, rest), 0);
        targets[i] = active[i]->size + given;
        rest -= given;
    }
    for (size_t i = 0; i < count; i++)
        rollout_scale(rollout, active[i], larger(targets[i] + (i == 0 ? rest : 0), 0));
}

void rollout_resize(struct rollout *rollout) {
    struct rollout_set *only = only_active(rollout);
    if (only) {
        rollout_scale(rollout, only, rollout->replicas);
    } else if (is_saturated(rollout)) {
        for (size_t i = 0; i < rollout->set_count; i++)
            if (&rollout->sets[i] != rollout->newest && rollout->sets[i].size > 0)
                rollout_scale(rollout, &rollout->sets[i], 0);
    } else if (rollout->is_rolling) {
        share_out(rollout);
    }
}
