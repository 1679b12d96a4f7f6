/* SPDX-License-Identifier: Apache-2.0 */
/* Values: made, compared, looked into, calculated with. */
#include "fakeapi/schema/cel_parts.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "core/data/json.h"

#include <math.h>
#include <stdlib.h>

struct sv cel_type_text(enum cel_type type) {
#define X(name, text) SV(text),
    static const struct sv texts[] = {CEL_TYPES(X)};
#undef X
    assert((size_t)type < COUNT_OF(texts));
    return texts[type];
}

bool cel_fail(struct evaluator *evaluator, const char *what, struct sv which) {
    if (evaluator->err->code == ERROR_NONE)
        error_set(evaluator->err, ERROR_INVALID, "%s%.*s", what, SV_ARG(sv_prefix(which, 200)));
    return false;
}

bool cel_step(struct evaluator *evaluator, size_t steps) {
    evaluator->steps += steps;
    return evaluator->steps <= CEL_STEPS_MAX ||
           cel_fail(evaluator, "operation cancelled: actual cost limit exceeded", SV(""));
}

bool cel_no_overload(struct evaluator *evaluator) {
    return cel_fail(evaluator, "no such overload", SV(""));
}

/* --- making --- */

struct cel_value cel_bool(bool value) {
    return (struct cel_value){.type = CEL_BOOL, .boolean = value};
}

struct cel_value cel_int(int64_t value) {
    return (struct cel_value){.type = CEL_INT, .integer = value};
}

struct cel_value cel_double(double value) {
    return (struct cel_value){.type = CEL_DOUBLE, .real = value};
}

struct cel_value cel_string(struct sv text) {
    return (struct cel_value){.type = CEL_STRING, .text = text};
}

struct cel_value cel_from_json(const struct cJSON *item) {
    int64_t integer;
    if (json_is_map(item) || json_is_list(item))
        return (struct cel_value){.type = json_is_map(item) ? CEL_MAP : CEL_LIST, .json = item};
    if (json_is_string(item))
        return cel_string(json_text(item));
    if (json_to_int64(item, &integer))
        return cel_int(integer);
    if (json_is_number(item))
        return cel_double(strtod(json_text(item).ptr, NULL));
    if (json_is_bool(item))
        return cel_bool(json_is_true(item));
    return (struct cel_value){.type = CEL_NULL};
}

struct cel_value cel_list(struct evaluator *evaluator, const struct cel_value *values,
                          size_t count) {
    struct cel_items *items = ARENA_NEW(evaluator->arena, struct cel_items);
    *items = (struct cel_items){.values = values, .count = count};
    return (struct cel_value){.type = CEL_LIST, .items = items};
}

struct cel_value cel_some(struct evaluator *evaluator, struct cel_value value) {
    struct cel_value *inner = ARENA_NEW(evaluator->arena, struct cel_value);
    *inner = value;
    return (struct cel_value){.type = CEL_OPTIONAL, .inner = inner};
}

struct cel_value cel_none(void) {
    return (struct cel_value){.type = CEL_OPTIONAL, .inner = NULL};
}

/* --- looking into --- */

const struct cel_items *cel_items(struct evaluator *evaluator, const struct cel_value *value) {
    if (value->items)
        return value->items;
    size_t count = json_count(value->json), index = 0;
    struct cel_items *items = ARENA_NEW(evaluator->arena, struct cel_items);
    struct cel_value *values = ARENA_ARRAY(evaluator->arena, struct cel_value, count + 1);
    struct cel_value *keys = NULL;
    if (value->type == CEL_MAP)
        keys = ARENA_ARRAY(evaluator->arena, struct cel_value, count + 1);
    JSON_EACH (child, value->json) {
        if (keys)
            keys[index] = cel_string(json_key(child));
        values[index++] = cel_from_json(child);
    }
    evaluator->steps += count;
    *items = (struct cel_items){values, keys, count};
    return items;
}

size_t cel_size(const struct cel_value *value) {
    return value->items ? value->items->count : json_count(value->json);
}

static bool lookup_list(struct evaluator *evaluator, const struct cel_value *list, int64_t index,
                        struct cel_value *ret_value) {
    if (index < 0 || (uint64_t)index >= cel_size(list))
        return false;
    evaluator->steps += (size_t)index;
    *ret_value = list->items ? list->items->values[index]
                             : cel_from_json(json_at(list->json, (size_t)index));
    return true;
}

bool cel_lookup(struct evaluator *evaluator, const struct cel_value *container,
                const struct cel_value *key, struct cel_value *ret_value) {
    if (container->type == CEL_LIST) {
        bool is_whole =
            key->type == CEL_DOUBLE && key->real == floor(key->real) && fabs(key->real) < 1e15;
        if (key->type != CEL_INT && key->type != CEL_UINT && !is_whole)
            return false;
        return lookup_list(evaluator, container, is_whole ? (int64_t)key->real : key->integer,
                           ret_value);
    }
    if (container->type != CEL_MAP)
        return false;
    if (container->json) {
        const struct cJSON *member =
            key->type == CEL_STRING ? json_get(container->json, key->text) : NULL;
        if (member)
            *ret_value = cel_from_json(member);
        return member != NULL;
    }
    for (size_t i = 0; i < container->items->count; i++)
        if (cel_equal(evaluator, &container->items->keys[i], key)) {
            *ret_value = container->items->values[i];
            return true;
        }
    return false;
}

/* --- comparing --- */

static bool is_number(const struct cel_value *value) {
    return value->type == CEL_INT || value->type == CEL_UINT || value->type == CEL_DOUBLE;
}

static double real_of(const struct cel_value *value) {
    return value->type == CEL_DOUBLE ? value->real : (double)value->integer;
}

static int compare_numbers(const struct cel_value *a, const struct cel_value *b) {
    if (a->type != CEL_DOUBLE && b->type != CEL_DOUBLE)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    double left = real_of(a), right = real_of(b);
    return left < right ? -1 : left > right;
}

/* A field of format date-time or duration arrives as text. */
static bool as_time(const struct cel_value *value, enum cel_type type, int64_t *ret_ms) {
    if (value->type == type) {
        *ret_ms = value->integer;
        return true;
    }
    return value->type == CEL_STRING &&
           (type == CEL_TIMESTAMP ? api_time_parse(value->text, ret_ms)
                                  : api_duration_parse(value->text, ret_ms));
}

static bool compare_times(const struct cel_value *a, const struct cel_value *b, int *ret_order) {
    static const enum cel_type types[] = {CEL_TIMESTAMP, CEL_DURATION};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        int64_t left, right;
        bool is_time = a->type == types[i] || b->type == types[i];
        if (is_time && as_time(a, types[i], &left) && as_time(b, types[i], &right)) {
            *ret_order = left < right ? -1 : left > right;
            return true;
        }
    }
    return false;
}

static bool have_order(const struct cel_value *a, const struct cel_value *b, int *ret_order) {
    if (is_number(a) && is_number(b))
        *ret_order = compare_numbers(a, b);
    else if (a->type == CEL_STRING && b->type == CEL_STRING)
        *ret_order = sv_compare(a->text, b->text);
    else if (a->type == CEL_BOOL && b->type == CEL_BOOL)
        *ret_order = (int)a->boolean - (int)b->boolean;
    else if (a->type == CEL_QUANTITY && b->type == CEL_QUANTITY)
        *ret_order = quantity_compare(a->quantity, b->quantity);
    else
        return compare_times(a, b, ret_order);
    return true;
}

bool cel_compare(struct evaluator *evaluator, const struct cel_value *a, const struct cel_value *b,
                 int *ret_order) {
    bool is_nan =
        (a->type == CEL_DOUBLE && isnan(a->real)) || (b->type == CEL_DOUBLE && isnan(b->real));
    if (a->type == CEL_QUANTITY || b->type == CEL_QUANTITY || is_nan)
        return cel_no_overload(evaluator);
    return have_order(a, b, ret_order) || cel_no_overload(evaluator);
}

static bool equal_items(struct evaluator *evaluator, const struct cel_value *a,
                        const struct cel_value *b) {
    if (cel_size(a) != cel_size(b) || ++evaluator->depth > CEL_DEPTH_MAX)
        return false;
    const struct cel_items *left = cel_items(evaluator, a);
    bool is_equal = true;
    for (size_t i = 0; i < left->count && is_equal; i++) {
        struct cel_value key = cel_int((int64_t)i), other;
        /* Both lists at once: a look-up by index in a JSON list would be linear. */
        if (a->type == CEL_LIST) {
            other = cel_items(evaluator, b)->values[i];
        } else {
            key = left->keys[i];
            is_equal = cel_lookup(evaluator, b, &key, &other);
        }
        is_equal =
            is_equal && cel_step(evaluator, 1) && cel_equal(evaluator, &left->values[i], &other);
    }
    evaluator->depth--;
    return is_equal;
}

bool cel_equal(struct evaluator *evaluator, const struct cel_value *a, const struct cel_value *b) {
    int order;
    bool are_containers = (a->type == CEL_LIST || a->type == CEL_MAP) && a->type == b->type;
    if (are_containers && a->json && b->json)
        return json_equal(a->json, b->json);
    if (are_containers) {
        struct cel_value right = *b;
        right.items = cel_items(evaluator, b);
        return equal_items(evaluator, a, &right);
    }
    if (have_order(a, b, &order))
        return order == 0;
    if (a->type != b->type)
        return false;
    if (a->type == CEL_SEMVER && cel_compare_versions(a->text, b->text, &order))
        return order == 0;
    static const enum cel_type texts[] = {CEL_TYPE, CEL_URL, CEL_IP, CEL_CIDR, CEL_FORMAT};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (a->type == texts[i])
            return sv_eq(a->text, b->text);
    if (a->type == CEL_OPTIONAL && a->inner && b->inner)
        return cel_equal(evaluator, a->inner, b->inner);
    return a->type == CEL_NULL || (a->type == CEL_OPTIONAL && !a->inner && !b->inner);
}

/* --- calculating --- */

static bool overflow(struct evaluator *evaluator) {
    return cel_fail(evaluator, "integer overflow", SV(""));
}

static bool calculate_ints(struct evaluator *evaluator, enum cel_operation operation, int64_t a,
                           int64_t b, int64_t *ret_value) {
    switch (operation) {
    case CEL_ADD:
        return !__builtin_add_overflow(a, b, ret_value) || overflow(evaluator);
    case CEL_SUBTRACT:
        return !__builtin_sub_overflow(a, b, ret_value) || overflow(evaluator);
    case CEL_MULTIPLY:
        return !__builtin_mul_overflow(a, b, ret_value) || overflow(evaluator);
    default:
        break;
    }
    if (b == 0)
        return cel_fail(evaluator, operation == CEL_DIVIDE ? "division by zero" : "modulus by zero",
                        SV(""));
    if (a == INT64_MIN && b == -1)
        return overflow(evaluator);
    *ret_value = operation == CEL_DIVIDE ? a / b : a % b;
    return true;
}

static bool calculate_doubles(struct evaluator *evaluator, enum cel_operation operation, double a,
                              double b, struct cel_value *ret_value) {
    if (operation == CEL_MODULO)
        return cel_no_overload(evaluator);
    *ret_value = cel_double(operation == CEL_ADD        ? a + b
                            : operation == CEL_SUBTRACT ? a - b
                            : operation == CEL_MULTIPLY ? a * b
                                                        : a / b);
    return true;
}

static bool concatenate(struct evaluator *evaluator, const struct cel_value *a,
                        const struct cel_value *b, struct cel_value *ret_value) {
    if (a->type == CEL_STRING) {
        if (!cel_step(evaluator, (a->text.len + b->text.len) / 10 + 1))
            return false;
        *ret_value = cel_string(
            arena_printf(evaluator->arena, "%.*s%.*s", SV_ARG(a->text), SV_ARG(b->text)));
        return true;
    }
    const struct cel_items *left = cel_items(evaluator, a), *right = cel_items(evaluator, b);
    size_t count = left->count + right->count;
    if (!cel_step(evaluator, count))
        return false;
    struct cel_value *values = ARENA_ARRAY(evaluator->arena, struct cel_value, count + 1);
    if (left->count > 0)
        memcpy(values, left->values, sizeof(*values) * left->count);
    if (right->count > 0)
        memcpy(values + left->count, right->values, sizeof(*values) * right->count);
    *ret_value = cel_list(evaluator, values, count);
    return true;
}

/* Between two times, or a time and a duration. */
static bool calculate_times(struct evaluator *evaluator, enum cel_operation operation,
                            const struct cel_value *a, const struct cel_value *b,
                            struct cel_value *ret_value) {
    bool is_sum = operation == CEL_ADD, is_difference = operation == CEL_SUBTRACT;
    bool has_duration = a->type == CEL_DURATION || b->type == CEL_DURATION;
    bool are_times = a->type == CEL_TIMESTAMP && b->type == CEL_TIMESTAMP;
    if ((!is_sum && !is_difference) || (are_times && !is_difference) ||
        (!are_times && !has_duration) ||
        (is_difference && a->type == CEL_DURATION && b->type == CEL_TIMESTAMP))
        return cel_no_overload(evaluator);
    bool has_time = a->type == CEL_TIMESTAMP || b->type == CEL_TIMESTAMP;
    struct cel_value value = {.type = are_times || !has_time ? CEL_DURATION : CEL_TIMESTAMP};
    if (!calculate_ints(evaluator, operation, a->integer, b->integer, &value.integer))
        return false;
    *ret_value = value;
    return true;
}

static bool is_time(const struct cel_value *value) {
    return value->type == CEL_DURATION || value->type == CEL_TIMESTAMP;
}

bool cel_arithmetic(struct evaluator *evaluator, enum cel_operation operation,
                    const struct cel_value *a, const struct cel_value *b,
                    struct cel_value *ret_value) {
    bool is_joinable = a->type == b->type && (a->type == CEL_STRING || a->type == CEL_LIST);
    if (is_joinable && operation == CEL_ADD)
        return concatenate(evaluator, a, b, ret_value);
    if (is_time(a) && is_time(b))
        return calculate_times(evaluator, operation, a, b, ret_value);
    if (!is_number(a) || !is_number(b))
        return cel_no_overload(evaluator);
    /* A whole number in a field of type number is a double; JSON does not tell. */
    if (a->type == CEL_DOUBLE || b->type == CEL_DOUBLE)
        return calculate_doubles(evaluator, operation, real_of(a), real_of(b), ret_value);
    struct cel_value value = {.type = a->type}; /* `ret_value` may be `a` */
    if (!calculate_ints(evaluator, operation, a->integer, b->integer, &value.integer))
        return false;
    if (value.type == CEL_UINT && value.integer < 0)
        return cel_fail(evaluator, "unsigned integer overflow", SV(""));
    *ret_value = value;
    return true;
}
