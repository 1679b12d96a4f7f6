/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/covers.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/frozen.h"
#include "core/data/json.h"

/* Lists of maps that Kubernetes merges by key; all others are compared item by item. */
static const struct {
    struct sv list, key, second_key;
} merge_keys[] = {
    {{"containers", 10}, {"name", 4}, {"", 0}},
    {{"initContainers", 14}, {"name", 4}, {"", 0}},
    {{"volumes", 7}, {"name", 4}, {"", 0}},
    {{"env", 3}, {"name", 4}, {"", 0}},
    {{"imagePullSecrets", 16}, {"name", 4}, {"", 0}},
    {{"volumeMounts", 12}, {"mountPath", 9}, {"", 0}},
    {{"volumeDevices", 13}, {"devicePath", 10}, {"", 0}},
    {{"ports", 5}, {"containerPort", 13}, {"port", 4}},
    {{"ownerReferences", 15}, {"uid", 3}, {"", 0}},
    {{"hostAliases", 11}, {"ip", 2}, {"", 0}},
};

/* Maps that mean something as a whole: one more member selects something else. */
static const struct sv whole_maps[] = {{"selector", 8}, {"matchLabels", 11}, {"nodeSelector", 12}};

/* Maps whose members are quantities, and members that are one. */
static const struct sv quantity_maps[] = {{"requests", 8}, {"limits", 6}, {"capacity", 8}};
static const struct sv quantity_members[] = {{"sizeLimit", 9}, {"divisor", 7}};

struct place {
    struct sv key, parent_key;
};

static bool differs(const struct cJSON *desired, struct sv key, struct arena *arena,
                    struct sv *ret_path) {
    (void)desired;
    if (!arena || !ret_path)
        return false;
    *ret_path =
        ret_path->len > 0 ? arena_printf(arena, "%.*s.%.*s", SV_ARG(key), SV_ARG(*ret_path)) : key;
    return false;
}

/* Go leaves empty values out, so that an absent one says the same. */
static bool is_empty(const struct cJSON *item) {
    int64_t number;
    if (json_is_map(item) || json_is_list(item))
        return json_count(item) == 0;
    if (json_is_string(item))
        return json_text(item).len == 0;
    if (json_to_int64(item, &number))
        return number == 0;
    return json_is_null(item) || (json_is_bool(item) && !json_is_true(item));
}

static bool is_quantity(struct place place) {
    return sv_index_of(place.parent_key, quantity_maps, COUNT_OF(quantity_maps)) <
               COUNT_OF(quantity_maps) ||
           sv_index_of(place.key, quantity_members, COUNT_OF(quantity_members)) <
               COUNT_OF(quantity_members);
}

static bool covers_at(const struct cJSON *observed, const struct cJSON *desired, struct place place,
                      struct arena *arena, struct sv *ret_path);

static bool has_other_members(const struct cJSON *observed, const struct cJSON *desired,
                              struct place place) {
    if (sv_index_of(place.key, whole_maps, COUNT_OF(whole_maps)) == COUNT_OF(whole_maps))
        return false;
    JSON_EACH (member, observed)
        if (!json_get(desired, json_key(member)))
            return true;
    return false;
}

static bool covers_map(const struct cJSON *observed, const struct cJSON *desired,
                       struct place place, struct arena *arena, struct sv *ret_path) {
    if (has_other_members(observed, desired, place))
        return false;
    JSON_EACH (member, desired) {
        struct place inner = {json_key(member), place.key};
        const struct cJSON *counterpart = json_get(observed, inner.key);
        if (!counterpart && is_empty(member))
            continue;
        if (!covers_at(counterpart, member, inner, arena, ret_path))
            return differs(desired, inner.key, arena, ret_path);
    }
    return true;
}

static struct sv merge_value(const struct cJSON *item, size_t rule) {
    const struct cJSON *value = json_get(item, merge_keys[rule].key);
    if (!value && merge_keys[rule].second_key.len > 0)
        value = json_get(item, merge_keys[rule].second_key);
    return json_text(value);
}

static struct sv protocol_of(const struct cJSON *item) {
    return json_string_or(item, SV("protocol"), SV("TCP"));
}

static bool has_key_of(const struct cJSON *item, const struct cJSON *wanted, size_t rule) {
    return sv_eq(merge_value(item, rule), merge_value(wanted, rule)) &&
           sv_eq(protocol_of(item), protocol_of(wanted));
}

/* Mostly both lists are in one order: `likely`, which may be NULL, is looked at first. */
static const struct cJSON *find_by_key(const struct cJSON *list, const struct cJSON *likely,
                                       const struct cJSON *wanted, size_t rule) {
    if (likely && has_key_of(likely, wanted, rule))
        return likely;
    JSON_EACH (item, list)
        if (has_key_of(item, wanted, rule))
            return item;
    return NULL;
}

static bool covers_keyed(const struct cJSON *observed, const struct cJSON *desired, size_t rule,
                         struct place place, struct arena *arena, struct sv *ret_path) {
    const struct cJSON *likely = observed ? observed->child : NULL;
    JSON_EACH (item, desired) {
        const struct cJSON *counterpart = find_by_key(observed, likely, item, rule);
        likely = counterpart ? counterpart->next : NULL;
        if (!counterpart || !covers_at(counterpart, item, place, arena, ret_path))
            return differs(desired, merge_value(item, rule), arena, ret_path);
    }
    return true;
}

static bool covers_list(const struct cJSON *observed, const struct cJSON *desired,
                        struct place place, struct arena *arena, struct sv *ret_path) {
    for (size_t rule = 0; rule < COUNT_OF(merge_keys); rule++)
        if (sv_eq(merge_keys[rule].list, place.key) && json_is_map(json_at(desired, 0)))
            return covers_keyed(observed, desired, rule, place, arena, ret_path);
    if (json_count(observed) != json_count(desired))
        return false;
    const struct cJSON *counterpart = observed->child;
    JSON_EACH (item, desired) {
        if (!covers_at(counterpart, item, place, arena, ret_path))
            return false;
        counterpart = counterpart->next;
    }
    return true;
}

static bool covers_at(const struct cJSON *observed, const struct cJSON *desired, struct place place,
                      struct arena *arena, struct sv *ret_path) {
    if (json_is_map(desired))
        return json_is_map(observed) && covers_map(observed, desired, place, arena, ret_path);
    if (json_is_list(desired))
        return json_is_list(observed) && covers_list(observed, desired, place, arena, ret_path);
    if (json_equal(observed, desired))
        return true;
    return observed && is_quantity(place) &&
           quantity_texts_equal(json_text(observed), json_text(desired));
}

bool covers(const struct cJSON *observed, const struct cJSON *desired, struct arena *arena,
            struct sv *ret_path) {
    struct place root = {SV(""), SV("")};
    if (ret_path)
        *ret_path = SV("");
    return covers_at(observed, desired, root, arena, ret_path);
}

struct cJSON *covers_merge_patch(const struct cJSON *from, const struct cJSON *to,
                                 struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    JSON_EACH (member, from)
        if (!json_get(to, json_key(member)))
            json_set(arena, patch, json_key(member), json_null(arena));
    JSON_EACH (member, to) {
        const struct cJSON *old = json_get(from, json_key(member));
        if (old && json_equal(old, member))
            continue;
        bool are_maps = json_is_map(old) && json_is_map(member);
        struct cJSON *value = are_maps ? covers_merge_patch(old, member, arena) : NULL;
        json_set(arena, patch, json_key(member), value ? value : json_share(arena, member));
    }
    return patch->child ? patch : NULL;
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * 0x9e3779b97f4a7c15u + (hash >> 29);
}

/* As every quantity does, and few other texts: names are compared only then. */
static bool begins_like_a_number(struct sv text) {
    return text.len > 0 && (text.ptr[0] <= '9' && text.ptr[0] >= '+');
}

/* Quantities that are the same count as the same, however they are spelled. */
static uint64_t hash_scalar(const struct cJSON *item, struct place place) {
    struct quantity quantity;
    if (json_is_bool(item))
        return json_is_true(item) ? 5 : 4;
    if (begins_like_a_number(json_text(item)) && is_quantity(place) &&
        quantity_parse(json_text(item), &quantity))
        return mix(9, mix((uint64_t)(quantity.nano >> 64), (uint64_t)quantity.nano));
    return mix(json_is_null(item) ? 6 : json_is_string(item) ? 7 : 8, sv_hash(json_text(item)));
}

/* Members are summed, so that their order does not count; items of lists are chained. */
static uint64_t hash_at(const struct cJSON *item, struct place place) {
    uint64_t hash = json_is_list(item) ? 2 : 1, sum = 0;
    if (json_is_map(item)) {
        JSON_EACH (member, item) {
            struct place inner = {json_key(member), place.key};
            sum += mix(sv_hash(inner.key), hash_at(member, inner)) * 0xff51afd7ed558ccdu;
        }
        return mix(hash, sum);
    }
    if (!json_is_list(item))
        return hash_scalar(item, place);
    JSON_EACH (member, item)
        hash = mix(hash, hash_at(member, (struct place){SV(""), place.key}));
    return hash;
}

uint64_t covers_hash(const struct cJSON *item) {
    return hash_at(item, (struct place){SV(""), SV("")});
}

struct sv covers_hash_text(const struct cJSON *item, struct arena *arena) {
    return arena_printf(arena, "%016llx", (unsigned long long)covers_hash(item));
}

static uint64_t hash_without(const struct cJSON *map, const struct sv *left_out, size_t count) {
    uint64_t sum = 0;
    JSON_EACH (member, map)
        if (sv_index_of(json_key(member), left_out, count) == count)
            sum += mix(sv_hash(json_key(member)), covers_hash(member)) * 0xff51afd7ed558ccdu;
    return sum;
}

static uint64_t content_hash(const struct cJSON *object) {
    static const struct sv volatile_members[] = {{"metadata", 8}, {"status", 6}};
    static const struct sv volatile_metadata[] = {
        {"resourceVersion", 15}, {"generation", 10}, {"managedFields", 13}};
    return mix(hash_without(object, volatile_members, COUNT_OF(volatile_members)),
               hash_without(json_get(object, SV("metadata")), volatile_metadata,
                            COUNT_OF(volatile_metadata)));
}

/* Every plan asks it of everything that it read, and most of that is as it was. */
uint64_t covers_content_hash(const struct cJSON *object) {
    uint64_t *memo = frozen_memo(object, FROZEN_MEMO_CONTENT_HASH);
    if (!memo)
        return content_hash(object);
    if (!*memo)
        *memo = content_hash(object);
    return *memo;
}
