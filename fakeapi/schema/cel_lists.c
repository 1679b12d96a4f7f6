/* SPDX-License-Identifier: Apache-2.0 */
/* CEL: lists and sets of values beyond the macros, and texts made of them. */
#include "fakeapi/schema/cel_parts.h"

#include "core/base/arena.h"

enum { NUMBER_BYTES_MAX = 128 };

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
    {SV("first"), true, false, 1, 1, call_first},
    {SV("last"), true, false, 1, 1, call_last},
    {SV("strings.quote"), false, true, 1, 1, call_quote},
    {SV("format"), true, false, 2, 2, call_format},
};

const struct cel_functions cel_list_functions = {functions, COUNT_OF(functions)};
