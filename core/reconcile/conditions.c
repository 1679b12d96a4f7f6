/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/conditions.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"

static const struct sv status_texts[] = {
    [CONDITION_FALSE] = {"False", 5},
    [CONDITION_TRUE] = {"True", 4},
    [CONDITION_UNKNOWN] = {"Unknown", 7},
};

/* The order in which conditions are shown, whatever order they came up in: a controller that was
 * killed halfway ends with the same list. Types of others come last. */
static const struct sv type_order[] = {
    {"Ready", 5},
    {"NotReady", 8},
    {"Updating", 8},
    {"UpdateReady", 11},
    {"Reconciling", 11},
    {"Stalled", 7},
    {"MasterInitialized", 17},
    {"MasterReady", 11},
    {"WorkersInitialized", 18},
    {"WorkersReady", 12},
    {"WorkersScaledOut", 16},
    {"WorkersScaledIn", 15},
    {"FusesInitialized", 16},
    {"FusesReady", 10},
    {"DataPlaneReady", 14},
    {"MountsReady", 11},
    {"Synced", 6},
    {"VolumeOutdated", 14},
};

static size_t rank_of(struct sv type) {
    return sv_index_of(type, type_order, COUNT_OF(type_order));
}

static struct cJSON *insert(struct pass *pass, struct cJSON *list, struct sv type) {
    struct cJSON *item = json_map(pass->arena);
    size_t at = 0;
    JSON_EACH (other, list) {
        if (rank_of(json_find_string(other, "type")) > rank_of(type))
            break;
        at++;
    }
    json_insert(list, at, item);
    return item;
}

static bool says(const struct cJSON *item, const struct condition *condition) {
    return sv_eq(json_find_string(item, "status"), status_texts[condition->status]) &&
           sv_eq(json_find_string(item, "reason"), condition->reason) &&
           sv_eq(json_find_string(item, "message"), condition->message) &&
           json_int_or(item, SV("observedGeneration"), 0) == condition->observed_generation;
}

void condition_set(struct pass *pass, struct cJSON *status, struct condition condition) {
    struct cJSON *list = json_ensure_list(pass->arena, status, SV("conditions"));
    struct cJSON *item = condition_find(list, condition.type);
    if (item && says(item, &condition))
        return;
    struct sv now = api_time_format(pass->snapshot->now_ms, pass->arena);
    struct sv text = status_texts[condition.status];
    bool is_same = item && sv_eq(json_find_string(item, "status"), text);
    if (!item)
        item = insert(pass, list, condition.type);
    json_set_string(pass->arena, item, SV("type"), condition.type);
    json_set_string(pass->arena, item, SV("status"), text);
    json_set_string(pass->arena, item, SV("reason"), condition.reason);
    json_set_string(pass->arena, item, SV("message"), condition.message);
    if (condition.observed_generation > 0)
        json_set_int(pass->arena, item, SV("observedGeneration"), condition.observed_generation);
    if (condition.has_update_time)
        json_set_string(pass->arena, item, SV("lastUpdateTime"), now);
    if (!is_same)
        json_set_string(pass->arena, item, SV("lastTransitionTime"), now);
}

void condition_remove(struct cJSON *status, struct sv type) {
    struct cJSON *list = json_get(status, SV("conditions"));
    struct cJSON *item = condition_find(list, type);
    if (item)
        json_detach(list, item);
}

int64_t condition_false_since_ms(const struct cJSON *object, struct sv type, int64_t fallback_ms) {
    int64_t since_ms;
    const struct cJSON *condition = object_condition(object, type);
    if (!sv_eq(json_find_string(condition, "status"), SV("False")) ||
        !api_time_parse(json_find_string(condition, "lastTransitionTime"), &since_ms))
        return fallback_ms;
    return since_ms;
}
