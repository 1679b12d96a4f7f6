/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/autoscaler_pace.h"

#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"

enum {
    DOWN_WINDOW_S = 5 * 60, /* --horizontal-pod-autoscaler-downscale-stabilization */
    /* Without a behavior: at most twice as many, but four are always possible. */
    UP_FACTOR = 2,
    UP_MINIMUM = 4,
    /* What is older does not matter: periods are at most 30 minutes, windows an hour. */
    MEMORY_MS = 60 * 60 * 1000,
};

struct moment {
    int64_t count, at_ms;
};
struct moments {
    VEC(struct moment) list;
};

struct pace {
    struct moments wishes, added, removed;
};

struct pace *pace_new(void) {
    return mem_alloc(sizeof(struct pace));
}

void pace_free(struct pace *pace) {
    if (!pace)
        return;
    vec_release(&pace->wishes.list);
    vec_release(&pace->added.list);
    vec_release(&pace->removed.list);
    mem_free(pace);
}

static void remember(struct moments *moments, int64_t count, int64_t now_ms) {
    while (moments->list.count > 0 && moments->list.items[0].at_ms < now_ms - MEMORY_MS)
        vec_remove(&moments->list, 0);
    vec_push(&moments->list, (struct moment){count, now_ms});
}

void pace_begin(struct pace *pace, int64_t replicas, int64_t now_ms) {
    if (pace->wishes.list.count == 0)
        remember(&pace->wishes, replicas, now_ms);
}

void pace_note(struct pace *pace, int64_t before, int64_t after, int64_t now_ms) {
    if (after > before)
        remember(&pace->added, after - before, now_ms);
    else
        remember(&pace->removed, before - after, now_ms);
}

/* --- waiting: what was wanted lately --- */

static int64_t highest_since(const struct moments *moments, int64_t since_ms, int64_t highest) {
    for (size_t i = 0; i < moments->list.count; i++)
        if (moments->list.items[i].at_ms > since_ms && moments->list.items[i].count > highest)
            highest = moments->list.items[i].count;
    return highest;
}

static int64_t lowest_since(const struct moments *moments, int64_t since_ms, int64_t lowest) {
    for (size_t i = 0; i < moments->list.count; i++)
        if (moments->list.items[i].at_ms > since_ms && moments->list.items[i].count < lowest)
            lowest = moments->list.items[i].count;
    return lowest;
}

static void say_able(struct pace_verdict *verdict, bool is_waiting, bool is_up) {
    verdict->able_reason = SV("ReadyForNewScale");
    verdict->able_message = SV("recommended size matches current size");
    if (!is_waiting)
        return;
    verdict->able_reason = is_up ? SV("ScaleUpStabilized") : SV("ScaleDownStabilized");
    verdict->able_message =
        is_up ? SV("recent recommendations were lower than current one, applying the lowest "
                   "recent recommendation")
              : SV("recent recommendations were higher than current one, applying the highest "
                   "recent recommendation");
}

static int64_t window_ms(const struct cJSON *rules, int64_t otherwise_s) {
    return 1000 * json_int_or(rules, SV("stabilizationWindowSeconds"), otherwise_s);
}

static int64_t stabilized(const struct pace *pace, const struct cJSON *behavior, int64_t replicas,
                          int64_t wanted, int64_t now_ms) {
    const struct cJSON *up_rules = json_get(behavior, SV("scaleUp"));
    const struct cJSON *down_rules = json_get(behavior, SV("scaleDown"));
    int64_t up = lowest_since(&pace->wishes, now_ms - window_ms(up_rules, 0), wanted);
    int64_t down =
        highest_since(&pace->wishes, now_ms - window_ms(down_rules, DOWN_WINDOW_S), wanted);
    if (!json_is_map(behavior)) /* what was wanted lately counts, and not what there is */
        return down;
    int64_t count = replicas < up ? up : replicas;
    return count > down ? down : count;
}

/* --- rates: what was done lately --- */

static int64_t done_since(const struct moments *moments, int64_t since_ms) {
    int64_t sum = 0;
    for (size_t i = 0; i < moments->list.count; i++)
        if (moments->list.items[i].at_ms > since_ms)
            sum += moments->list.items[i].count;
    return sum;
}

static int64_t policy_limit(const struct pace *pace, const struct cJSON *policy, bool is_up,
                            int64_t replicas, int64_t now_ms) {
    int64_t since_ms = now_ms - 1000 * json_int_or(policy, SV("periodSeconds"), 0);
    int64_t value = json_int_or(policy, SV("value"), 0);
    int64_t before =
        replicas - done_since(&pace->added, since_ms) + done_since(&pace->removed, since_ms);
    if (!sv_eq(json_find_string(policy, "type"), SV("Percent")))
        return is_up ? before + value : before - value;
    double factor = is_up ? 1 + (double)value / 100 : 1 - (double)value / 100;
    double share = (double)before * factor;
    int64_t whole = (int64_t)share;
    /* Upwards in full: a share of few would never be one. */
    return is_up && (double)whole < share ? whole + 1 : whole;
}

/* How far it may go now: twice as many or four more, or down to none, where nothing is said. */
static int64_t behavior_limit(const struct pace *pace, const struct cJSON *rules, bool is_up,
                              int64_t replicas, int64_t now_ms) {
    enum { DEFAULT_PODS = 4 };
    struct sv select = json_find_string(rules, "selectPolicy");
    const struct cJSON *policies = json_get(rules, SV("policies"));
    bool takes_highest = is_up != sv_eq(select, SV("Min"));
    int64_t limit =
        is_up ? (2 * replicas > replicas + DEFAULT_PODS ? 2 * replicas : replicas + DEFAULT_PODS)
              : 0;
    bool is_first = true;
    if (sv_eq(select, SV("Disabled")))
        return replicas;
    JSON_EACH (policy, policies) {
        int64_t proposed = policy_limit(pace, policy, is_up, replicas, now_ms);
        if (is_first || (takes_highest ? proposed > limit : proposed < limit))
            limit = proposed;
        is_first = false;
    }
    bool is_backwards = is_up ? limit < replicas : limit > replicas;
    return is_backwards ? replicas : limit;
}

/* --- both, and the bounds of the autoscaler --- */

static void limit_up(struct pace_verdict *verdict, int64_t most, int64_t rate) {
    bool is_rate = most > rate;
    int64_t highest = is_rate ? rate : most;
    if (verdict->replicas <= highest)
        return;
    verdict->replicas = highest;
    verdict->is_limited = true;
    verdict->limited_reason = is_rate ? SV("ScaleUpLimit") : SV("TooManyReplicas");
    verdict->limited_message =
        is_rate ? SV("the desired replica count is increasing faster than the maximum scale rate")
                : SV("the desired replica count is more than the maximum replica count");
}

static void limit_down(struct pace_verdict *verdict, int64_t least, int64_t rate) {
    bool is_rate = least < rate;
    int64_t lowest = is_rate ? rate : least;
    if (verdict->replicas >= lowest)
        return;
    verdict->replicas = lowest;
    verdict->is_limited = true;
    verdict->limited_reason = is_rate ? SV("ScaleDownLimit") : SV("TooFewReplicas");
    verdict->limited_message =
        is_rate ? SV("the desired replica count is decreasing faster than the maximum scale rate")
                : SV("the desired replica count is less than the minimum replica count");
}

struct pace_verdict pace_limit(struct pace *pace, const struct cJSON *spec, int64_t replicas,
                               int64_t wanted, int64_t now_ms) {
    const struct cJSON *behavior = json_get(spec, SV("behavior"));
    int64_t least = json_int_or(spec, SV("minReplicas"), 1);
    int64_t most = json_int_or(spec, SV("maxReplicas"), 1);
    bool has_behavior = json_is_map(behavior);
    struct pace_verdict verdict = {
        .replicas = stabilized(pace, behavior, replicas, wanted, now_ms),
        .limited_reason = SV("DesiredWithinRange"),
        .limited_message = SV("the desired count is within the acceptable range"),
    };
    int64_t stable = verdict.replicas;
    say_able(&verdict, stable != wanted, has_behavior && wanted >= replicas);
    remember(&pace->wishes, wanted, now_ms);
    int64_t doubled = UP_FACTOR * replicas > UP_MINIMUM ? UP_FACTOR * replicas : UP_MINIMUM;
    int64_t up = has_behavior ? behavior_limit(pace, json_get(behavior, SV("scaleUp")), true,
                                               replicas, now_ms)
                              : doubled;
    int64_t down = has_behavior ? behavior_limit(pace, json_get(behavior, SV("scaleDown")), false,
                                                 replicas, now_ms)
                                : 0;
    if (stable > replicas || !has_behavior)
        limit_up(&verdict, most, up);
    if (stable < replicas || !has_behavior)
        limit_down(&verdict, least, down);
    return verdict;
}
