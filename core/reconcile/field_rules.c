/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/field_rules.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/reconcile/names.h"

enum {
    PORT_NAME_BYTES_MAX = 15,
    LABEL_BYTES_MAX = 63,
    ANNOTATIONS_BYTES_MAX = 256 * 1024,
    CONFIG_MAP_BYTES_MAX = 1024 * 1024,
    PERCENT_MAX = 100,
};

static struct sv place_text(struct judge *judge, const struct place *place) {
    if (!place)
        return SV("");
    struct sv before = place_text(judge, place->parent);
    if (place->key.len == 0)
        return arena_printf(judge->arena, "%.*s[%zu]", SV_ARG(before), place->index);
    return arena_printf(judge->arena, "%.*s%s%.*s", SV_ARG(before), before.len > 0 ? "." : "",
                        SV_ARG(place->key));
}

/* The first problem is told; one is enough to make nothing. */
void judge_refuse(struct judge *judge, const struct place *place, struct sv what) {
    if (judge->verdict == OBJECT_REFUSED)
        return;
    judge->verdict = OBJECT_REFUSED;
    judge->problem =
        arena_printf(judge->arena, "%.*s %.*s", SV_ARG(place_text(judge, place)), SV_ARG(what));
}

void judge_be_unsure(struct judge *judge) {
    if (judge->verdict == OBJECT_TAKEN)
        judge->verdict = OBJECT_UNSURE;
}

static void refuse_value(struct judge *judge, const struct place *place, const char *must,
                         const struct cJSON *item) {
    /* Mostly as if it were absent. */
    if (json_is_null(item)) {
        judge_be_unsure(judge);
        return;
    }
    struct sv text = json_write_arena(judge->arena, item, JSON_COMPACT);
    judge_refuse(
        judge, place,
        arena_printf(judge->arena, "must be %s and is %.*s", must, SV_ARG(sv_prefix(text, 80))));
}

/* --- words --- */

static bool is_letter_or_digit(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* RFC 1123: it may begin with a digit. */
static bool is_label_name(struct sv text) {
    return text.len <= DNS_LABEL_BYTES_MAX && names_is_dns_subdomain(text) &&
           sv_find(text, '.') == text.len;
}

static bool is_made_of_name_bytes(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if (!is_letter_or_digit(text.ptr[i]) && text.ptr[i] != '-' && text.ptr[i] != '_' &&
            text.ptr[i] != '.')
            return false;
    return true;
}

bool field_is_plain_name(struct sv text) {
    return text.len > 0 && is_made_of_name_bytes(text) &&
           !(text.ptr[0] >= '0' && text.ptr[0] <= '9');
}

bool field_is_label_value(struct sv text) {
    if (text.len == 0)
        return true;
    return text.len <= LABEL_BYTES_MAX && is_made_of_name_bytes(text) &&
           is_letter_or_digit(text.ptr[0]) && is_letter_or_digit(text.ptr[text.len - 1]);
}

bool field_is_label_key(struct sv text) {
    struct sv name = text;
    if (sv_find(text, '/') < text.len && !names_is_dns_subdomain(sv_cut(&name, '/')))
        return false;
    return name.len > 0 && field_is_label_value(name);
}

static bool is_port_name(struct sv text) {
    bool has_letter = false;
    for (size_t i = 0; i < text.len; i++) {
        has_letter = has_letter || (text.ptr[i] >= 'a' && text.ptr[i] <= 'z');
        if (i > 0 && text.ptr[i] == '-' && text.ptr[i - 1] == '-')
            return false;
    }
    return has_letter && text.len <= PORT_NAME_BYTES_MAX && is_label_name(text);
}

bool field_is_one_of(struct sv text, const char *words) {
    struct sv rest = sv_from(words);
    while (rest.len > 0)
        if (sv_eq(sv_cut(&rest, '|'), text))
            return true;
    return false;
}

static bool is_trimmed(struct sv text) {
    return text.len > 0 && sv_trim(text).len == text.len;
}

/* --- leaves --- */

static const struct {
    bool (*is_right)(struct sv text);
    const char *must;
} text_kinds[] = {
    [KIND_TRIMMED] = {is_trimmed, "a text that is not empty nor surrounded by spaces"},
    [KIND_LABEL_NAME] = {is_label_name, "a DNS label of at most 63 small letters, digits and -"},
    [KIND_SUBDOMAIN] = {names_is_dns_subdomain, "a name of small letters, digits, - and ."},
    [KIND_PORT_NAME] = {is_port_name,
                        "at most 15 small letters, digits and single -, with a letter"},
    [KIND_LABEL_KEY] = {field_is_label_key, "the key of a label"},
};

static void judge_text(struct judge *judge, const struct place *place, const struct cJSON *item,
                       const struct rule *rule) {
    struct sv text = json_text(item);
    if (rule->kind == KIND_TEXT && json_is_string(item))
        return;
    if (!json_is_string(item))
        refuse_value(judge, place, "a string", item);
    else if (rule->kind == KIND_FILLED && text.len == 0)
        judge_refuse(judge, place, SV("is empty"));
    else if (rule->kind != KIND_FILLED && text.len == 0 && !rule->is_required)
        judge_be_unsure(judge);
    else if (rule->kind == KIND_WORD && !field_is_one_of(text, rule->words))
        refuse_value(judge, place, arena_printf(judge->arena, "one of %s", rule->words).ptr, item);
    else if (rule->kind < COUNT_OF(text_kinds) && text_kinds[rule->kind].is_right &&
             !text_kinds[rule->kind].is_right(text))
        refuse_value(judge, place, text_kinds[rule->kind].must, item);
}

static void judge_number(struct judge *judge, const struct place *place, const struct cJSON *item,
                         int64_t min, int64_t max) {
    int64_t number;
    if (!json_is_integer(item) || !json_to_int64(item, &number) || number < min || number > max)
        refuse_value(judge, place,
                     arena_printf(judge->arena, "an integer from %lld to %lld", (long long)min,
                                  (long long)max)
                         .ptr,
                     item);
}

static void judge_target(struct judge *judge, const struct place *place, const struct cJSON *item) {
    static const struct rule name = {.kind = KIND_PORT_NAME};
    if (json_is_string(item))
        judge_text(judge, place, item, &name);
    else
        judge_number(judge, place, item, 1, PORT_MAX);
}

/* What 0 means depends on the kind of workload and on the version of the server. */
static void judge_share(struct judge *judge, const struct place *place, const struct cJSON *item) {
    int64_t number = 0;
    struct sv text = json_text(item);
    if (json_is_string(item)) {
        size_t digits = 0;
        for (; digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9'; digits++)
            number = number > PERCENT_MAX ? number : number * 10 + (text.ptr[digits] - '0');
        if (digits == 0 || digits + 1 != text.len || text.ptr[digits] != '%' ||
            number > PERCENT_MAX)
            refuse_value(judge, place, "a number, or a percentage up to 100%", item);
    } else {
        judge_number(judge, place, item, 0, INT64_MAX);
        (void)json_to_int64(item, &number);
    }
    if (number == 0 || number > INT32_MAX)
        judge_be_unsure(judge);
}

static void judge_texts(struct judge *judge, const struct place *place, const struct cJSON *item,
                        const char *words) {
    size_t index = 0;
    if (!json_is_list(item))
        refuse_value(judge, place, "a list of strings", item);
    JSON_EACH (text, item) {
        struct place at = {place, SV(""), index++};
        if (!json_is_string(text))
            refuse_value(judge, &at, "a string", text);
        else if (words && !field_is_one_of(json_text(text), words))
            refuse_value(judge, &at, arena_printf(judge->arena, "one of %s", words).ptr, text);
    }
}

static void judge_labels(struct judge *judge, const struct place *place, const struct cJSON *map,
                         enum kind kind) {
    size_t bytes = 0, bytes_max = kind == KIND_DATA ? CONFIG_MAP_BYTES_MAX : ANNOTATIONS_BYTES_MAX;
    if (!json_is_map(map))
        refuse_value(judge, place, "an object", map);
    JSON_EACH (member, map) {
        struct place at = {place, json_key(member), 0};
        bytes += json_key(member).len + json_text(member).len;
        if (!json_is_string(member))
            refuse_value(judge, &at, "a string", member);
        else if (kind != KIND_DATA && !field_is_label_key(json_key(member)))
            judge_refuse(judge, &at, SV("is no key that Kubernetes takes"));
        else if (kind == KIND_LABELS && !field_is_label_value(json_text(member)))
            refuse_value(judge, &at, "the value of a label", member);
    }
    if (kind != KIND_LABELS && bytes > bytes_max)
        judge_refuse(judge, place,
                     arena_printf(judge->arena, "has %zu bytes, more than the limit of %zu", bytes,
                                  bytes_max));
}

bool field_quantity(const struct cJSON *item, struct quantity *ret_quantity) {
    return (json_is_string(item) || json_is_number(item)) &&
           quantity_parse(json_text(item), ret_quantity);
}

static void judge_quantity(struct judge *judge, const struct place *place,
                           const struct cJSON *item) {
    struct quantity quantity;
    if (!field_quantity(item, &quantity) || quantity.nano < 0)
        refuse_value(judge, place, "a quantity of 0 or more, such as 10Gi", item);
}

static void judge_quantities(struct judge *judge, const struct place *place,
                             const struct cJSON *map) {
    if (!json_is_map(map))
        refuse_value(judge, place, "an object", map);
    JSON_EACH (member, map) {
        struct place at = {place, json_key(member), 0};
        judge_quantity(judge, &at, member);
        if (field_is_one_of(json_key(member), "cpu|memory|ephemeral-storage"))
            continue;
        /* Those of a vendor are limited before they are asked for, and whole. */
        if (sv_find(json_key(member), '/') < json_key(member).len ||
            sv_starts_with(json_key(member), SV("hugepages-")))
            judge_be_unsure(judge);
        else
            judge_refuse(judge, &at,
                         SV("is no resource: name cpu, memory, ephemeral-storage or one of "
                            "a vendor"));
    }
}

/* --- the walk --- */

/* Equal for two values that are; SV("") without one. */
static struct sv identity(struct arena *arena, const struct cJSON *value) {
    int64_t number;
    if (!value)
        return SV("");
    if (json_to_int64(value, &number))
        return arena_printf(arena, "%lld", (long long)number);
    return json_write_arena(arena, value, JSON_COMPACT);
}

/* From the end, so that the first of two is marked. */
static const bool *mark_repeated(struct judge *judge, const struct cJSON *list, const char *key,
                                 bool is_port) {
    struct json_index seen = json_index_of(judge->arena, json_map(judge->arena));
    size_t i = json_count(list);
    bool *marks = ARENA_ARRAY(judge->arena, bool, i + 1);
    for (const struct cJSON *item = i > 0 ? list->child->prev : NULL; i-- > 0; item = item->prev) {
        struct sv text = identity(judge->arena, json_get(item, sv_from(key)));
        if (is_port)
            text = ARENA_JOIN(judge->arena, text, SV("/"),
                              json_string_or(item, SV("protocol"), SV("TCP")));
        marks[i] = text.len > 0 && json_index_is_seen_again(&seen, text);
    }
    return marks;
}

const bool *field_repeated_ports(struct judge *judge, const struct cJSON *list, const char *key) {
    return mark_repeated(judge, list, key, true);
}

static void refuse_repeated(struct judge *judge, const struct place *place,
                            const struct cJSON *item, const struct rule *rule) {
    const struct cJSON *value = json_get(item, sv_from(rule->unique));
    judge_refuse(judge, place,
                 arena_printf(judge->arena, "has the %s \"%.*s\" twice: keep one of the two",
                              rule->unique, SV_ARG(json_text(value))));
}

static void judge_maps(struct judge *judge, const struct place *place, const struct cJSON *list,
                       const struct rule *rule) {
    size_t index = 0;
    if (!json_is_list(list))
        refuse_value(judge, place, "a list", list);
    const bool *again = rule->unique ? mark_repeated(judge, list, rule->unique, false) : NULL;
    const bool *port_again = rule->port ? field_repeated_ports(judge, list, rule->port) : NULL;
    JSON_EACH (item, list) {
        struct place at = {place, SV(""), index};
        judge_map(judge, &at, item, rule->below);
        if (again && again[index])
            refuse_repeated(judge, place, item, rule);
        if (port_again && port_again[index])
            judge_refuse(judge, &at, SV("is there twice: keep one of the two"));
        if (rule->also)
            rule->also(judge, &at, item);
        index++;
    }
}

static void judge_item(struct judge *judge, const struct place *place, const struct cJSON *item,
                       const struct rule *rule) {
    switch (rule->kind) {
    case KIND_TEXT:
    case KIND_FILLED:
    case KIND_TRIMMED:
    case KIND_LABEL_NAME:
    case KIND_SUBDOMAIN:
    case KIND_PORT_NAME:
    case KIND_LABEL_KEY:
    case KIND_WORD:
        judge_text(judge, place, item, rule);
        return;
    case KIND_NUMBER:
        judge_number(judge, place, item, rule->min, rule->max);
        return;
    case KIND_TARGET:
        judge_target(judge, place, item);
        return;
    case KIND_SHARE:
        judge_share(judge, place, item);
        return;
    case KIND_FLAG:
        if (!json_is_bool(item))
            refuse_value(judge, place, "true or false", item);
        return;
    case KIND_TEXTS:
        judge_texts(judge, place, item, rule->words);
        return;
    case KIND_LABELS:
    case KIND_ANNOTATIONS:
    case KIND_DATA:
        judge_labels(judge, place, item, rule->kind);
        return;
    case KIND_QUANTITY:
        judge_quantity(judge, place, item);
        return;
    case KIND_QUANTITIES:
        judge_quantities(judge, place, item);
        return;
    case KIND_MAP:
        judge_map(judge, place, item, rule->below);
        if (rule->also)
            rule->also(judge, place, item);
        return;
    case KIND_MAPS:
        judge_maps(judge, place, item, rule);
        return;
    case KIND_OURS:
        return;
    }
}

void judge_map(struct judge *judge, const struct place *place, const struct cJSON *map,
               const struct rule *rules) {
    if (!json_is_map(map)) {
        refuse_value(judge, place, "an object", map);
        return;
    }
    size_t known = 0;
    for (const struct rule *rule = rules; rule->key; rule++) {
        const struct cJSON *item = json_get(map, sv_from(rule->key));
        struct place at = {place, sv_from(rule->key), 0};
        known += item != NULL;
        if (item && !json_is_null(item))
            judge_item(judge, &at, item, rule);
        else if (item)
            judge_be_unsure(judge); /* mostly as if it were absent */
        else if (rule->is_required)
            judge_refuse(judge, &at, SV("is missing"));
    }
    if (known < json_count(map))
        judge_be_unsure(judge);
}
