/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/condition.h"

#include "core/data/json.h"

static struct sv type_of(const struct cJSON *item) {
    return json_string_or(item, SV("type"), SV(""));
}

struct cJSON *condition_find(const struct cJSON *list, struct sv type) {
    JSON_EACH (item, list)
        if (sv_eq(type_of(item), type))
            return item;
    return NULL;
}

void condition_put(struct cJSON *list, struct cJSON *item) {
    struct cJSON *known = condition_find(list, type_of(item));
    if (known)
        json_replace(list, known, item);
    else
        json_append(list, item);
}

struct sv condition_since(const struct cJSON *known, struct sv status, struct sv now) {
    if (!sv_eq(json_string_or(known, SV("status"), SV("")), status))
        return now;
    return json_string_or(known, SV("lastTransitionTime"), now);
}
