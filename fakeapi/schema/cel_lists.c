/* SPDX-License-Identifier: Apache-2.0 */
/* CEL: lists and sets of values beyond the macros, and texts made of them. */
#include "fakeapi/schema/cel_parts.h"

#include "core/base/arena.h"

#include <stdlib.h>

enum { RANGE_MAX = 100 * 1000, FLATTEN_DEPTH_MAX = 16, NUMBER_BYTES_MAX = 128 };

static bool has_item(struct evaluator *evaluator, const struct cel_value *values, size_t count,
                     const struct cel_value *item) {
    for (size_t i = 0; i < count; i++)
        if (!cel_step(evaluator, 1) || cel_equal(evaluator, &values[i], item))
            return evaluator->err->code == ERROR_NONE;
    return false;
}

/* --- sets --- */

static bool contains_all(struct evaluator *evaluator, const struct cel_value *list,
                         const struct cel_value *wanted) {
    const struct cel_items *items = cel_items(evaluator, list);
    const struct cel_items *others = cel_items(evaluator, wanted);
    for (size_t i = 0; i < others->count; i++)
        if (!has_item(evaluator, items->values, items->count, &others->values[i]))
            return false;
    return true;
}

static bool give_unless_failed(struct evaluator *evaluator, struct cel_value *ret_value,
                               bool value) {
    return evaluator->err->code == ERROR_NONE && cel_give(ret_value, cel_bool(value));
}

static bool call_sets_contains(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    return give_unless_failed(evaluator, ret_value,
                              contains_all(evaluator, &arguments[0], &arguments[1]));
}

static bool call_sets_equivalent(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    return give_unless_failed(evaluator, ret_value,
                              contains_all(evaluator, &arguments[0], &arguments[1]) &&
                                  contains_all(evaluator, &arguments[1], &arguments[0]));
}

static bool call_sets_intersects(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    const struct cel_items *others = cel_items(evaluator, &arguments[1]);
    bool any = false;
    for (size_t i = 0; i < others->count && !any; i++)
        any = has_item(evaluator, items->values, items->count, &others->values[i]);
    return give_unless_failed(evaluator, ret_value, any);
}

/* --- lists --- */

static struct cel_value *new_values(struct evaluator *evaluator, size_t count) {
    return ARENA_ARRAY(evaluator->arena, struct cel_value, count + 1);
}

static bool call_distinct(CEL_ARGUMENTS) {
    size_t kept = 0;
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    struct cel_value *values = new_values(evaluator, items->count);
    for (size_t i = 0; i < items->count; i++)
        if (!has_item(evaluator, values, kept, &items->values[i]))
            values[kept++] = items->values[i];
    return evaluator->err->code == ERROR_NONE &&
           cel_give(ret_value, cel_list(evaluator, values, kept));
}

static bool call_reverse(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    struct cel_value *values = new_values(evaluator, items->count);
    for (size_t i = 0; i < items->count; i++)
        values[i] = items->values[items->count - 1 - i];
    return cel_step(evaluator, items->count) &&
           cel_give(ret_value, cel_list(evaluator, values, items->count));
}

/* Merges two sorted halves, which keeps the order of equals. */
static bool merge_sort(struct evaluator *evaluator, struct cel_value *values,
                       struct cel_value *spare, size_t count) {
    size_t half = count / 2, left = 0, right = half;
    if (count < 2)
        return true;
    if (!merge_sort(evaluator, values, spare, half) ||
        !merge_sort(evaluator, values + half, spare, count - half))
        return false;
    for (size_t i = 0; i < count; i++) {
        int order = 0;
        if (left < half && right < count &&
            (!cel_step(evaluator, 1) ||
             !cel_compare(evaluator, &values[left], &values[right], &order)))
            return false;
        bool takes_left = right == count || (left < half && order <= 0);
        spare[i] = takes_left ? values[left++] : values[right++];
    }
    memcpy(values, spare, count * sizeof(*values));
    return true;
}

static bool call_sort(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    struct cel_value *values = new_values(evaluator, items->count);
    if (items->count > 0)
        memcpy(values, items->values, items->count * sizeof(*values));
    return merge_sort(evaluator, values, new_values(evaluator, items->count), items->count) &&
           cel_give(ret_value, cel_list(evaluator, values, items->count));
}

static bool call_slice(CEL_ARGUMENTS) {
    if (arguments[0].type != CEL_LIST || !cel_are(arguments + 1, count - 1, CEL_INT))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    int64_t from = arguments[1].integer, to = arguments[2].integer;
    if (from < 0 || to < from || (uint64_t)to > items->count)
        return cel_fail(evaluator, "cannot slice: the indexes are outside of the list", SV(""));
    return cel_give(ret_value, cel_list(evaluator, items->values + from, (size_t)(to - from)));
}

static size_t count_flat(struct evaluator *evaluator, const struct cel_value *list, int64_t depth) {
    const struct cel_items *items = cel_items(evaluator, list);
    size_t sum = 0;
    for (size_t i = 0; i < items->count; i++)
        sum += depth > 0 && items->values[i].type == CEL_LIST
                   ? count_flat(evaluator, &items->values[i], depth - 1)
                   : 1;
    return sum;
}

static size_t put_flat(struct evaluator *evaluator, const struct cel_value *list, int64_t depth,
                       struct cel_value *values) {
    const struct cel_items *items = cel_items(evaluator, list);
    size_t taken = 0;
    for (size_t i = 0; i < items->count; i++) {
        if (depth > 0 && items->values[i].type == CEL_LIST)
            taken += put_flat(evaluator, &items->values[i], depth - 1, values + taken);
        else
            values[taken++] = items->values[i];
    }
    return taken;
}

static bool call_flatten(CEL_ARGUMENTS) {
    if (arguments[0].type != CEL_LIST || !cel_are(arguments + 1, count - 1, CEL_INT))
        return cel_no_overload(evaluator);
    int64_t depth = count == 2 ? arguments[1].integer : 1;
    if (depth < 0)
        return cel_fail(evaluator, "level must be non-negative", SV(""));
    if (depth > FLATTEN_DEPTH_MAX)
        depth = FLATTEN_DEPTH_MAX;
    size_t flat_count = count_flat(evaluator, &arguments[0], depth);
    struct cel_value *values = new_values(evaluator, flat_count);
    put_flat(evaluator, &arguments[0], depth, values);
    return cel_step(evaluator, flat_count) &&
           cel_give(ret_value, cel_list(evaluator, values, flat_count));
}

static bool call_range(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_INT))
        return cel_no_overload(evaluator);
    int64_t end = arguments[0].integer > 0 ? arguments[0].integer : 0;
    if (end > RANGE_MAX)
        return cel_fail(evaluator, "lists.range is limited to 100000 items", SV(""));
    struct cel_value *values = new_values(evaluator, (size_t)end);
    for (int64_t i = 0; i < end; i++)
        values[i] = cel_int(i);
    return cel_step(evaluator, (size_t)end) &&
           cel_give(ret_value, cel_list(evaluator, values, (size_t)end));
}

static bool give_end(CEL_ARGUMENTS, bool is_last) {
    if (!cel_are(arguments, count, CEL_LIST))
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[0]);
    if (items->count == 0)
        return cel_give(ret_value, cel_none());
    return cel_give(ret_value, cel_some(evaluator, items->values[is_last ? items->count - 1 : 0]));
}

static bool call_first(CEL_ARGUMENTS) {
    return give_end(evaluator, arguments, count, ret_value, false);
}

static bool call_last(CEL_ARGUMENTS) {
    return give_end(evaluator, arguments, count, ret_value, true);
}

/* --- texts of values --- */

/* 'a'.quote() as strings.quote('a'). */
static bool call_quote(CEL_ARGUMENTS) {
    struct arena *arena = evaluator->arena;
    struct sv text = SV("\"");
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    static const char plain[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    char *out = arena_alloc(arena, arguments[0].text.len * 2 + 3);
    size_t len = 0;
    out[len++] = '"';
    for (size_t i = 0; i < arguments[0].text.len; i++) {
        char byte = arguments[0].text.ptr[i];
        const char *found = byte ? strchr(plain, byte) : NULL;
        if (found)
            out[len++] = '\\';
        out[len++] = found ? letters[found - plain] : byte;
    }
    out[len++] = '"';
    text = (struct sv){out, len};
    return cel_step(evaluator, len / 10) && cel_give(ret_value, cel_string(text));
}

/* One clause of a format: "%.2f". */
struct clause {
    int precision; /* -1: not given */
    char letter;
};

static size_t read_clause(struct sv text, struct clause *ret_clause) {
    size_t used = 1;
    *ret_clause = (struct clause){.precision = -1};
    if (used < text.len && text.ptr[used] == '.') {
        ret_clause->precision = 0;
        for (used++; used < text.len && text.ptr[used] >= '0' && text.ptr[used] <= '9'; used++)
            if (ret_clause->precision < 100)
                ret_clause->precision = ret_clause->precision * 10 + (text.ptr[used] - '0');
    }
    if (used >= text.len)
        return 0;
    ret_clause->letter = text.ptr[used];
    return used + 1;
}

static struct sv binary_text(struct arena *arena, int64_t value) {
    char digits[NUMBER_BYTES_MAX];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + (rest & 1));
    while (rest >>= 1);
    return arena_printf(arena, "%s%.*s", value < 0 ? "-" : "", (int)(sizeof(digits) - at),
                        digits + at);
}

static bool format_integer(struct evaluator *evaluator, const struct clause *clause,
                           const struct cel_value *value, struct sv *ret_text) {
    struct arena *arena = evaluator->arena;
    if (value->type != CEL_INT && value->type != CEL_UINT)
        return cel_no_overload(evaluator);
    long long number = (long long)value->integer;
    unsigned long long size =
        number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
    const char *sign = number < 0 ? "-" : "";
    switch (clause->letter) {
    case 'd':
        *ret_text = arena_printf(arena, "%lld", number);
        return true;
    case 'x':
        *ret_text = arena_printf(arena, "%s%llx", sign, size);
        return true;
    case 'X':
        *ret_text = arena_printf(arena, "%s%llX", sign, size);
        return true;
    case 'o':
        *ret_text = arena_printf(arena, "%s%llo", sign, size);
        return true;
    default:
        *ret_text = binary_text(arena, value->integer);
        return true;
    }
}

static bool format_value(struct evaluator *evaluator, const struct clause *clause,
                         const struct cel_value *value, struct sv *ret_text) {
    struct arena *arena = evaluator->arena;
    int precision = clause->precision < 0 ? 6 : clause->precision;
    bool is_number = value->type == CEL_DOUBLE || value->type == CEL_INT || value->type == CEL_UINT;
    double real = value->type == CEL_DOUBLE ? value->real : (double)value->integer;
    switch (clause->letter) {
    case 's':
        return cel_text_of(evaluator, value, ret_text);
    case 'f':
    case 'e':
        if (!is_number)
            return cel_no_overload(evaluator);
        *ret_text = clause->letter == 'f' ? arena_printf(arena, "%.*f", precision, real)
                                          : arena_printf(arena, "%.*e", precision, real);
        return true;
    case 'd':
    case 'x':
    case 'X':
    case 'o':
    case 'b':
        return format_integer(evaluator, clause, value, ret_text);
    default:
        return cel_fail(evaluator, "could not parse formatting clause: unrecognized clause ",
                        (struct sv){&clause->letter, 1});
    }
}

static bool call_format(CEL_ARGUMENTS) {
    struct arena *arena = evaluator->arena;
    struct sv text = SV("");
    (void)count;
    if (arguments[0].type != CEL_STRING || arguments[1].type != CEL_LIST)
        return cel_no_overload(evaluator);
    const struct cel_items *items = cel_items(evaluator, &arguments[1]);
    size_t used = 0;
    for (struct sv rest = arguments[0].text; rest.len > 0;) {
        size_t plain = sv_find(rest, '%');
        text = arena_printf(arena, "%.*s%.*s", SV_ARG(text), SV_ARG(sv_prefix(rest, plain)));
        rest = sv_drop(rest, plain);
        struct clause clause;
        struct sv value = SV("%");
        if (rest.len == 0)
            break;
        size_t len = read_clause(rest, &clause);
        if (len == 0)
            return cel_fail(evaluator, "unexpected end of format string", SV(""));
        if (clause.letter != '%' && used >= items->count)
            return cel_fail(evaluator, "index out of range: a clause without an argument", SV(""));
        if (clause.letter != '%' &&
            !format_value(evaluator, &clause, &items->values[used++], &value))
            return false;
        text = arena_printf(arena, "%.*s%.*s", SV_ARG(text), SV_ARG(value));
        rest = sv_drop(rest, len);
        if (!cel_step(evaluator, text.len / 10 + 1))
            return false;
    }
    return cel_give(ret_value, cel_string(text));
}

/* --- the table --- */

static const struct cel_function functions[] = {
    {SV("sets.contains"), false, true, 2, 2, call_sets_contains},
    {SV("sets.equivalent"), false, true, 2, 2, call_sets_equivalent},
    {SV("sets.intersects"), false, true, 2, 2, call_sets_intersects},
    {SV("distinct"), true, false, 1, 1, call_distinct},
    {SV("reverse"), true, false, 1, 1, call_reverse},
    {SV("sort"), true, false, 1, 1, call_sort},
    {SV("slice"), true, false, 3, 3, call_slice},
    {SV("flatten"), true, false, 1, 2, call_flatten},
    {SV("lists.range"), false, true, 1, 1, call_range},
    {SV("first"), true, false, 1, 1, call_first},
    {SV("last"), true, false, 1, 1, call_last},
    {SV("strings.quote"), false, true, 1, 1, call_quote},
    {SV("format"), true, false, 2, 2, call_format},
};

const struct cel_functions cel_list_functions = {functions, COUNT_OF(functions)};
