/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/yaml_scalar.h"

#include "core/base/arena.h"

#include <math.h>

enum { NUMBER_BYTES_MAX = 400 };

static const struct {
    struct sv text;
    enum yaml_scalar_kind kind;
    bool is_surprise;
} words[] = {
    {SV(""), YAML_SCALAR_NULL, false},           {SV("~"), YAML_SCALAR_NULL, false},
    {SV("null"), YAML_SCALAR_NULL, false},       {SV("Null"), YAML_SCALAR_NULL, false},
    {SV("NULL"), YAML_SCALAR_NULL, false},       {SV("true"), YAML_SCALAR_TRUE, false},
    {SV("True"), YAML_SCALAR_TRUE, false},       {SV("TRUE"), YAML_SCALAR_TRUE, false},
    {SV("y"), YAML_SCALAR_TRUE, true},           {SV("Y"), YAML_SCALAR_TRUE, true},
    {SV("yes"), YAML_SCALAR_TRUE, true},         {SV("Yes"), YAML_SCALAR_TRUE, true},
    {SV("YES"), YAML_SCALAR_TRUE, true},         {SV("on"), YAML_SCALAR_TRUE, true},
    {SV("On"), YAML_SCALAR_TRUE, true},          {SV("ON"), YAML_SCALAR_TRUE, true},
    {SV("false"), YAML_SCALAR_FALSE, false},     {SV("False"), YAML_SCALAR_FALSE, false},
    {SV("FALSE"), YAML_SCALAR_FALSE, false},     {SV("n"), YAML_SCALAR_FALSE, true},
    {SV("N"), YAML_SCALAR_FALSE, true},          {SV("no"), YAML_SCALAR_FALSE, true},
    {SV("No"), YAML_SCALAR_FALSE, true},         {SV("NO"), YAML_SCALAR_FALSE, true},
    {SV("off"), YAML_SCALAR_FALSE, true},        {SV("Off"), YAML_SCALAR_FALSE, true},
    {SV("OFF"), YAML_SCALAR_FALSE, true},        {SV(".inf"), YAML_SCALAR_NOT_A_JSON, true},
    {SV(".Inf"), YAML_SCALAR_NOT_A_JSON, true},  {SV(".INF"), YAML_SCALAR_NOT_A_JSON, true},
    {SV("+.inf"), YAML_SCALAR_NOT_A_JSON, true}, {SV("-.inf"), YAML_SCALAR_NOT_A_JSON, true},
    {SV(".nan"), YAML_SCALAR_NOT_A_JSON, true},  {SV(".NaN"), YAML_SCALAR_NOT_A_JSON, true},
    {SV(".NAN"), YAML_SCALAR_NOT_A_JSON, true},
};

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static int digit_value(char byte) {
    if (is_digit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return 99;
}

static bool parse_digits(struct sv digits, uint64_t base, uint64_t *ret_value) {
    uint64_t value = 0;
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)digit_value(digits.ptr[i]);
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

/* Go's strconv.ParseInt and ParseUint with base 0. */
static bool parse_integer(struct sv text, struct arena *arena, struct sv *ret_number) {
    static const struct {
        struct sv prefix;
        uint64_t base;
    } bases[] = {{SV("0x"), 16}, {SV("0X"), 16}, {SV("0b"), 2}, {SV("0B"), 2},
                 {SV("0o"), 8},  {SV("0O"), 8},  {SV("0"), 8}};
    bool is_negative = sv_starts_with(text, SV("-"));
    struct sv digits = is_negative || sv_starts_with(text, SV("+")) ? sv_drop(text, 1) : text;
    uint64_t value, base = 10;
    for (size_t i = 0; i < COUNT_OF(bases) && digits.len > 1; i++) {
        if (sv_starts_with(digits, bases[i].prefix)) {
            digits = sv_drop(digits, bases[i].prefix.len);
            base = bases[i].base;
            break;
        }
    }
    if (!parse_digits(digits, base, &value) || (is_negative && value > (uint64_t)INT64_MAX + 1))
        return false;
    *ret_number =
        arena_printf(arena, "%s%llu", is_negative && value ? "-" : "", (unsigned long long)value);
    return true;
}

static size_t count_digits(struct sv text) {
    size_t count = 0;
    while (count < text.len && is_digit(text.ptr[count]))
        count++;
    return count;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct sv text) {
    if (sv_starts_with(text, SV("-")) || sv_starts_with(text, SV("+")))
        text = sv_drop(text, 1);
    size_t whole = count_digits(text), fraction = 0;
    text = sv_drop(text, whole);
    if (sv_starts_with(text, SV("."))) {
        fraction = count_digits(sv_drop(text, 1));
        text = sv_drop(text, 1 + fraction);
    }
    if (whole + fraction == 0)
        return false;
    if (text.len > 0 && (text.ptr[0] == 'e' || text.ptr[0] == 'E')) {
        text = sv_drop(text, 1);
        if (sv_starts_with(text, SV("-")) || sv_starts_with(text, SV("+")))
            text = sv_drop(text, 1);
        size_t exponent = count_digits(text);
        return exponent > 0 && exponent == text.len;
    }
    return text.len == 0;
}

/* As encoding/json prints a float64: shortest digits that read back the same, exponent form
 * below 1e-6 and from 1e21 on. */
static struct sv format_float(double value, struct arena *arena) {
    char digits[32];
    int precision = 0;
    do {
        snprintf(digits, sizeof(digits), "%.*e", precision, value);
    } while (strtod(digits, NULL) != value && precision++ < 17);
    double magnitude = fabs(value);
    if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)) {
        struct sv text = sv_from(digits);
        size_t exponent_at = sv_find(text, 'e');
        int64_t exponent = 0;
        struct sv exponent_text = sv_drop(text, exponent_at + 1);
        bool read = sv_to_int64(
            exponent_text.ptr[0] == '+' ? sv_drop(exponent_text, 1) : exponent_text, &exponent);
        assert(read);
        return arena_printf(arena, "%.*se%+03lld", (int)exponent_at, digits, (long long)exponent);
    }
    int decimals = precision - (int)floor(magnitude > 0 ? log10(magnitude) : 0);
    for (decimals = decimals < 0 ? 0 : decimals; decimals < 30; decimals++) {
        struct sv text = arena_printf(arena, "%.*f", decimals, value);
        if (strtod(text.ptr, NULL) == value)
            return text;
    }
    return arena_printf(arena, "%.17g", value);
}

static struct sv without_underscores(struct sv text, char *out) {
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '_')
            out[len++] = text.ptr[i];
    out[len] = '\0';
    return (struct sv){out, len};
}

static bool is_plain_decimal(struct sv text) {
    struct sv digits = sv_starts_with(text, SV("-")) ? sv_drop(text, 1) : text;
    size_t whole = count_digits(digits);
    if (whole == 0 || (whole > 1 && digits.ptr[0] == '0'))
        return false;
    struct sv rest = sv_drop(digits, whole);
    return rest.len == 0 || (rest.ptr[0] == '.' && count_digits(sv_drop(rest, 1)) + 1 == rest.len);
}

struct yaml_scalar yaml_scalar_resolve(struct sv text, struct arena *arena) {
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (sv_eq(text, words[i].text))
            return (struct yaml_scalar){words[i].kind, SV(""), words[i].is_surprise};
    bool may_be_number =
        is_digit(text.ptr[0]) || text.ptr[0] == '-' || text.ptr[0] == '+' || text.ptr[0] == '.';
    if (!may_be_number || text.len > NUMBER_BYTES_MAX)
        return (struct yaml_scalar){YAML_SCALAR_STRING, SV(""), false};
    char plain_bytes[NUMBER_BYTES_MAX + 1];
    struct sv plain = without_underscores(text, plain_bytes);
    struct yaml_scalar scalar = {YAML_SCALAR_NUMBER, SV(""), !is_plain_decimal(text)};
    if (parse_integer(plain, arena, &scalar.number))
        return scalar;
    double value = is_float(plain) ? strtod(plain.ptr, NULL) : INFINITY;
    if (!isfinite(value))
        return (struct yaml_scalar){YAML_SCALAR_STRING, SV(""), false};
    scalar.number = format_float(value, arena);
    return scalar;
}
