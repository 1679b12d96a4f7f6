/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of admit.h: unknown and mistyped ones, pruning, and the defaults that a schema states. */
#include "fakeapi/schema/admit.h"

#include "fakeapi/schema/defaults.h"

#include "core/api/api_time.h"
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"

#include <stdarg.h>
#include <stdio.h>

/* One object cannot fill the memory with its faults. */
enum { FINDINGS_MAX = 1000, FINDINGS_BYTES_MAX = 4 * 1024 * 1024 };

static struct sv message_of(struct arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int needed = vsnprintf(NULL, 0, format, again);
    va_end(again);
    size_t room = needed > FINDING_BYTES_MAX ? FINDING_BYTES_MAX : (size_t)needed + 1;
    char *message = arena_alloc(arena, room);
    vsnprintf(message, room, format, arguments);
    return (struct sv){message, room - 1};
}

bool findings_are_full(const struct findings *findings) {
    return findings->count == FINDINGS_MAX || findings->message_bytes > FINDINGS_BYTES_MAX;
}

void findings_add(struct arena *arena, struct findings *findings, struct sv field,
                  const char *reason, const struct cJSON *item, const char *format, ...) {
    if (findings_are_full(findings))
        return;
    va_list arguments;
    va_start(arguments, format);
    struct sv message = message_of(arena, format, arguments);
    va_end(arguments);
    if (findings->count == findings->capacity) {
        size_t capacity = findings->capacity ? findings->capacity * 2 : 8;
        struct finding *grown = ARENA_ARRAY(arena, struct finding, capacity);
        if (findings->count > 0)
            memcpy(grown, findings->items, sizeof(*grown) * findings->count);
        findings->items = grown;
        findings->capacity = capacity;
    }
    findings->message_bytes += message.len;
    findings->items[findings->count++] = (struct finding){
        .field = arena_copy(arena, field),
        .reason = sv_from(reason),
        .message = message,
        .item = item,
    };
}

/* --- types --- */

static const char *wanted_type(const struct schema *schema) {
    switch (schema->kind) {
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
        return "object";
    case SCHEMA_LIST:
        return "array";
    case SCHEMA_INTEGER:
        return "integer";
    case SCHEMA_NUMBER:
        return "number";
    case SCHEMA_BOOLEAN:
        return "boolean";
    case SCHEMA_INT_OR_STRING:
        return "integer,string";
    case SCHEMA_QUANTITY:
        return "quantity";
    case SCHEMA_TIME:
        return "RFC 3339 time";
    case SCHEMA_BYTES:
        return "base64 text";
    case SCHEMA_STRING:
    case SCHEMA_ANY:
        break;
    }
    return "string";
}

bool is_base64(struct sv text) {
    size_t padding = 0;
    if (text.len % 4 != 0)
        return false;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i + padding < text.len; i++) {
        char byte = text.ptr[i];
        bool is_digit = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= '0' && byte <= '9') || byte == '+' || byte == '/';
        if (!is_digit)
            return false;
    }
    return true;
}

/* A number of Go's type IntOrString has 32 bits; one that a definition calls so has 64. */
static bool is_integer_of(const struct schema *schema, const struct cJSON *item) {
    int64_t value;
    if (!json_to_int64(item, &value))
        return false;
    bool is_short = sv_eq(schema->format, SV("int32")) ||
                    (schema->kind == SCHEMA_INT_OR_STRING && schema->type_name.len > 0);
    return !is_short || (value >= INT32_MIN && value <= INT32_MAX);
}

static bool is_micro_time(const struct schema *schema) {
    return sv_ends_with(schema->type_name, SV(".MicroTime"));
}

/* Go reads a MicroTime with exactly six digits of a second, and a Time with any number. */
static bool is_time_of(const struct schema *schema, const struct cJSON *item) {
    int64_t time_ms;
    struct sv text = json_text(item);
    if (!json_is_string(item) || text.len == 0 || !api_time_parse(text, &time_ms))
        return json_is_string(item) && text.len == 0;
    if (!is_micro_time(schema))
        return true;
    struct sv fraction = sv_drop(text, sv_find(text, '.') + 1);
    size_t digits = 0;
    while (digits < fraction.len && fraction.ptr[digits] >= '0' && fraction.ptr[digits] <= '9')
        digits++;
    return digits == 6;
}

static bool has_wanted_type(const struct schema *schema, const struct cJSON *item) {
    struct quantity quantity;
    switch (schema->kind) {
    case SCHEMA_ANY:
        return true;
    case SCHEMA_STRUCT:
    case SCHEMA_MAP:
        return json_is_map(item);
    case SCHEMA_LIST:
        return json_is_list(item);
    case SCHEMA_STRING:
        return json_is_string(item);
    case SCHEMA_INTEGER:
        return is_integer_of(schema, item);
    case SCHEMA_NUMBER:
        return json_is_number(item);
    case SCHEMA_BOOLEAN:
        return json_is_bool(item);
    case SCHEMA_INT_OR_STRING:
        return json_is_string(item) || is_integer_of(schema, item);
    case SCHEMA_QUANTITY:
        return (json_is_string(item) || json_is_number(item)) &&
               quantity_parse(json_text(item), &quantity);
    case SCHEMA_TIME:
        return is_time_of(schema, item);
    case SCHEMA_BYTES:
        return json_is_string(item) && is_base64(json_text(item));
    }
    return true;
}

/* Where an item stands, told in text only when it is at fault: a member's name, or an
 * index. */
struct field_path {
    const struct field_path *parent; /* NULL: this is the start, and `name` its path */
    struct sv name;
    bool is_item;
    size_t index;
};

static struct sv path_text(const struct field_path *path, struct arena *arena) {
    if (!path->parent)
        return path->name;
    struct sv parent = path_text(path->parent, arena);
    if (path->is_item)
        return arena_printf(arena, "%.*s[%zu]", SV_ARG(parent), path->index);
    return ARENA_JOIN(arena, parent, parent.len > 0 ? SV(".") : SV(""), path->name);
}

static void check_fields(const struct schema *schema, const struct cJSON *item,
                         const struct field_path *path, struct arena *arena,
                         struct findings *findings);

static void check_members(const struct schema *schema, const struct cJSON *item,
                          const struct field_path *path, struct arena *arena,
                          struct findings *findings) {
    JSON_EACH (member, item) {
        struct sv name = json_key(member);
        const struct schema *below = schema_member(schema, name);
        /* Scalars of the right type are most of an object: they cost no path. */
        bool is_plain =
            below && !member->child && !json_is_null(member) && has_wanted_type(below, member);
        if (is_plain || (!below && schema->preserves_unknown))
            continue;
        struct field_path inner = {.parent = path, .name = name};
        if (below) {
            check_fields(below, member, &inner, arena, findings);
        } else {
            struct sv field = path_text(&inner, arena);
            findings_add(arena, findings, field, "UnknownField", member, "unknown field \"%.*s\"",
                         SV_ARG(field));
        }
    }
}

static void check_items(const struct schema *schema, const struct cJSON *list,
                        const struct field_path *path, struct arena *arena,
                        struct findings *findings) {
    struct field_path inner = {.parent = path, .is_item = true};
    JSON_EACH (item, list) {
        if (item->child || !schema || !has_wanted_type(schema, item))
            check_fields(schema, item, &inner, arena, findings);
        inner.index++;
    }
}

static void check_fields(const struct schema *schema, const struct cJSON *item,
                         const struct field_path *path, struct arena *arena,
                         struct findings *findings) {
    if (!schema || schema->kind == SCHEMA_ANY || json_is_null(item) || json_is_borrowed(item))
        return;
    if (!has_wanted_type(schema, item)) {
        struct sv field = path_text(path, arena);
        const char *given = json_is_integer(item) ? "integer" : json_type_name(item);
        findings_add(arena, findings, field, "FieldValueTypeInvalid", item,
                     "Invalid value: \"%s\": %.*s in body must be of type %s: \"%s\"", given,
                     SV_ARG(field), wanted_type(schema), given);
        return;
    }
    if (schema->kind == SCHEMA_STRUCT || schema->kind == SCHEMA_MAP)
        check_members(schema, item, path, arena, findings);
    else if (schema->kind == SCHEMA_LIST)
        check_items(schema->items, item, path, arena, findings);
}

void schema_check_fields(const struct schema *schema, const struct cJSON *item, struct sv field,
                         struct arena *arena, struct findings *findings) {
    check_fields(schema, item, &(struct field_path){.name = field}, arena, findings);
}

void admit_check_fields(const struct resource_type *type, const struct cJSON *object,
                        struct arena *arena, struct findings *findings) {
    schema_check_fields(type->schema, object, SV(""), arena, findings);
}

/* --- pruning --- */

static void prune(const struct schema *schema, struct cJSON *item) {
    if (!schema || schema->kind == SCHEMA_ANY || json_is_borrowed(item))
        return;
    if (json_is_list(item)) {
        JSON_EACH (entry, item)
            prune(schema->items, entry);
        return;
    }
    if (!json_is_map(item) || (schema->kind != SCHEMA_STRUCT && schema->kind != SCHEMA_MAP))
        return;
    for (struct cJSON *member = item->child, *next; member; member = next) {
        next = member->next;
        const struct schema *below = schema_member(schema, json_key(member));
        if (below)
            prune(below, member);
        else if (!schema->preserves_unknown)
            json_detach(item, member);
    }
}

void admit_prune(const struct resource_type *type, struct cJSON *object) {
    prune(type->schema, object);
}

/* --- defaults that the schema states --- */

static bool has_defaults(const struct schema *schema) {
    return schema && (schema->kind == SCHEMA_STRUCT || schema->kind == SCHEMA_MAP ||
                      schema->kind == SCHEMA_LIST);
}

/* Times are told in UTC; a Time has whole seconds, a MicroTime six digits more. */
static void normalize_time(const struct schema *schema, struct cJSON *parent, struct cJSON *item,
                           struct arena *arena) {
    int64_t time_ms;
    struct sv text = json_text(item);
    if (!api_time_parse(text, &time_ms))
        return;
    struct sv whole = api_time_format(time_ms, arena);
    if (is_micro_time(schema)) {
        /* The microseconds as they stand: the parser keeps fewer. */
        struct sv fraction = sv_prefix(sv_drop(text, sv_find(text, '.')), 1 + 6);
        whole = arena_printf(arena, "%.*s%.*sZ", SV_ARG(sv_prefix(whole, whole.len - 1)),
                             SV_ARG(fraction));
    }
    if (!sv_eq(whole, text))
        json_replace(parent, item, json_string(arena, whole));
}

static bool is_zero(const struct cJSON *item) {
    int64_t value;
    if (json_is_number(item))
        return json_to_int64(item, &value) && value == 0;
    return (json_is_string(item) && json_text(item).len == 0) ||
           (json_is_bool(item) && !json_is_true(item));
}

static bool is_always_written(const struct schema *schema, const struct schema_member *declared) {
    for (size_t i = 0; i < schema->always_count; i++)
        if (sv_eq(schema->always[i].name, declared->name))
            return true;
    return false;
}

static bool is_empty_list(const struct schema_member *declared, const struct cJSON *member) {
    return declared->schema->kind == SCHEMA_LIST && json_is_list(member) && !member->child;
}

/* What does not survive decoding into a struct and encoding again: nulls, lists and maps without
 * items, and zeros of scalars that are no pointers. An empty struct such as emptyDir does, and an
 * emptied list of owners of fields has a meaning. */
static bool is_lost(const struct schema_member *declared, const struct cJSON *member) {
    enum schema_kind kind = declared->schema->kind;
    if (member->child || kind == SCHEMA_TIME || kind == SCHEMA_ANY ||
        sv_eq(declared->name, SV("managedFields")))
        return false;
    bool is_container = kind == SCHEMA_LIST || kind == SCHEMA_MAP;
    bool is_empty = is_container && (json_is_list(member) || json_is_map(member));
    return is_empty || json_is_null(member) || (declared->drops_zero && is_zero(member));
}

/* Whether lists without items are left: those that are always written. */
static bool normalize(const struct schema *schema, struct cJSON *parent, struct cJSON *item,
                      struct arena *arena) {
    struct quantity quantity;
    bool leaves_empty = false;
    if (schema && schema->kind == SCHEMA_TIME) {
        normalize_time(schema, parent, item, arena);
        return false;
    }
    if (schema && schema->kind == SCHEMA_QUANTITY && quantity_parse(json_text(item), &quantity)) {
        struct sv text = quantity_format(quantity, arena);
        if (!json_is_string(item) || !sv_eq(text, json_text(item)))
            json_replace(parent, item, json_string(arena, text));
        return false;
    }
    if (!schema || schema->kind == SCHEMA_ANY || json_is_borrowed(item))
        return false;
    struct cJSON *next;
    for (struct cJSON *child = item->child; child; child = next) {
        next = child->next;
        const struct schema_member *declared =
            schema->kind == SCHEMA_STRUCT ? schema_declared(schema, json_key(child)) : NULL;
        const struct schema *below = declared ? declared->schema : schema->items;
        if (declared && is_empty_list(declared, child) && is_always_written(schema, declared))
            leaves_empty = true;
        else if (declared && is_lost(declared, child))
            json_detach(item, child);
        else if (schema->kind == SCHEMA_MAP && json_is_null(child) && below &&
                 below->kind == SCHEMA_STRING)
            json_replace(item, child, json_string(arena, SV("")));
        else if (below && (child->child || below->kind == SCHEMA_QUANTITY ||
                           (below->kind == SCHEMA_TIME && json_is_string(child))))
            leaves_empty |= normalize(below, item, child, arena);
    }
    return leaves_empty;
}

bool admit_normalize(const struct resource_type *type, struct cJSON *object, struct arena *arena) {
    return !type->is_custom && normalize(type->schema, NULL, object, arena);
}

static void forget_empty_lists(const struct schema *schema, struct cJSON *item,
                               struct arena *arena) {
    if (!schema || schema->kind == SCHEMA_ANY || json_is_borrowed(item))
        return;
    struct cJSON *next;
    for (struct cJSON *child = item->child; child; child = next) {
        next = child->next;
        const struct schema_member *declared =
            schema->kind == SCHEMA_STRUCT ? schema_declared(schema, json_key(child)) : NULL;
        if (declared && is_empty_list(declared, child) && is_always_written(schema, declared))
            json_replace(item, child, json_null(arena));
        else if (child->child)
            forget_empty_lists(declared ? declared->schema : schema->items, child, arena);
    }
}

void admit_forget_empty_lists(const struct resource_type *type, struct cJSON *object,
                              struct arena *arena) {
    forget_empty_lists(type->schema, object, arena);
}

void schema_set_defaults(const struct schema *schema, struct cJSON *item, struct arena *arena) {
    if (!has_defaults(schema) || json_is_borrowed(item))
        return;
    if (json_is_list(item)) {
        JSON_EACH (entry, item)
            schema_set_defaults(schema->items, entry, arena);
        return;
    }
    if (!json_is_map(item))
        return;
    for (size_t i = 0; i < schema->member_count; i++) {
        const struct schema *below = schema->members[i].schema;
        struct cJSON *member = json_get(item, schema->members[i].name);
        /* A null for what may not be null counts as absent: it takes the default, or goes. */
        if (json_is_null(member) && !below->is_nullable && schema->rules) {
            json_detach(item, member);
            member = NULL;
        }
        if (!member && below->default_value)
            member = json_set(arena, item, schema->members[i].name,
                              json_copy(arena, below->default_value));
        if (member)
            schema_set_defaults(below, member, arena);
    }
    if (schema->items)
        JSON_EACH (member, item) {
            if (schema_member(schema, json_key(member)) == schema->items)
                schema_set_defaults(schema->items, member, arena);
        }
}

static bool lacks_defaults(const struct schema *schema, const struct cJSON *item) {
    if (!has_defaults(schema) || (!json_is_map(item) && !json_is_list(item)))
        return false;
    for (size_t i = 0; json_is_map(item) && i < schema->member_count; i++)
        if (schema->members[i].schema->default_value && !json_get(item, schema->members[i].name))
            return true;
    JSON_EACH (child, item) {
        const struct schema *below =
            json_is_list(item) ? schema->items : schema_member(schema, json_key(child));
        if (lacks_defaults(below, child))
            return true;
    }
    return false;
}

bool admit_lacks_defaults(const struct resource_type *type, const struct cJSON *object) {
    return type->is_custom && lacks_defaults(type->schema, object);
}
