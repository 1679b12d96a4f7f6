/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/quantity.h"

#include "core/base/arena.h"

#define NANO ((__int128)1000000000)
/* Go caps quantities at 2^63-1 units. */
#define NANO_MAX ((__int128)INT64_MAX * NANO)

static const struct suffix {
    struct sv text;
    enum quantity_format format;
    int base;     /* 2 or 10 */
    int exponent; /* of the base */
} suffixes[] = {
    {SV("Ki"), QUANTITY_BINARY_SI, 2, 10},  {SV("Mi"), QUANTITY_BINARY_SI, 2, 20},
    {SV("Gi"), QUANTITY_BINARY_SI, 2, 30},  {SV("Ti"), QUANTITY_BINARY_SI, 2, 40},
    {SV("Pi"), QUANTITY_BINARY_SI, 2, 50},  {SV("Ei"), QUANTITY_BINARY_SI, 2, 60},
    {SV("n"), QUANTITY_DECIMAL_SI, 10, -9}, {SV("u"), QUANTITY_DECIMAL_SI, 10, -6},
    {SV("m"), QUANTITY_DECIMAL_SI, 10, -3}, {SV(""), QUANTITY_DECIMAL_SI, 10, 0},
    {SV("k"), QUANTITY_DECIMAL_SI, 10, 3},  {SV("M"), QUANTITY_DECIMAL_SI, 10, 6},
    {SV("G"), QUANTITY_DECIMAL_SI, 10, 9},  {SV("T"), QUANTITY_DECIMAL_SI, 10, 12},
    {SV("P"), QUANTITY_DECIMAL_SI, 10, 15}, {SV("E"), QUANTITY_DECIMAL_SI, 10, 18},
};

/* value * base^exponent with the result capped at NANO_MAX and rounded away from zero. */
static __int128 scale(__int128 value, int base, int exponent) {
    for (; exponent > 0 && value < NANO_MAX; exponent--)
        value *= base;
    bool has_rest = false;
    for (; exponent < 0 && value > 0; exponent++) {
        has_rest |= value % base != 0;
        value /= base;
    }
    value += has_rest;
    return value < NANO_MAX ? value : NANO_MAX;
}

/* "12.34" as nano-units before the suffix; digits beyond what 128 bits hold are dropped upward. */
struct decimal {
    __int128 digits;
    int exponent; /* of ten */
    bool is_negative;
};

static bool take_decimal(struct sv *rest, struct decimal *ret) {
    bool seen = false, after_point = false;
    *ret = (struct decimal){0};
    if (sv_starts_with(*rest, SV("-")) || sv_starts_with(*rest, SV("+"))) {
        ret->is_negative = rest->ptr[0] == '-';
        *rest = sv_drop(*rest, 1);
    }
    for (; rest->len > 0; *rest = sv_drop(*rest, 1)) {
        char byte = rest->ptr[0];
        if (byte == '.' && !after_point) {
            after_point = true;
            continue;
        }
        if (byte < '0' || byte > '9')
            break;
        seen = true;
        if (ret->digits < NANO_MAX) {
            ret->digits = ret->digits * 10 + (byte - '0');
            ret->exponent -= after_point;
        } else {
            ret->exponent += !after_point;
        }
    }
    return seen;
}

static bool take_exponent(struct sv text, int *ret_exponent) {
    int64_t value;
    if (text.len < 2 || (text.ptr[0] != 'e' && text.ptr[0] != 'E'))
        return false;
    text = sv_drop(text, text.ptr[1] == '+' ? 2 : 1);
    if (!sv_to_int64(text, &value) || value < -1000 || value > 1000)
        return false;
    *ret_exponent = (int)value;
    return true;
}

bool quantity_parse(struct sv text, struct quantity *ret_quantity) {
    struct decimal decimal;
    struct sv rest = text;
    struct suffix suffix = {.base = 10};
    if (!take_decimal(&rest, &decimal))
        return false;
    if (take_exponent(rest, &suffix.exponent)) {
        suffix.format = QUANTITY_DECIMAL_EXPONENT;
    } else {
        size_t i = 0;
        while (i < COUNT_OF(suffixes) && !sv_eq(rest, suffixes[i].text))
            i++;
        if (i == COUNT_OF(suffixes))
            return false;
        suffix = suffixes[i];
    }
    __int128 nano = decimal.digits;
    int ten_exponent = decimal.exponent + 9;
    /* Up before down, so that nothing is lost that the suffix would bring back. */
    if (suffix.base == 2)
        nano = scale(nano, 2, suffix.exponent);
    else
        ten_exponent += suffix.exponent;
    nano = scale(nano, 10, ten_exponent);
    *ret_quantity = (struct quantity){decimal.is_negative ? -nano : nano, suffix.format};
    return true;
}

static struct sv format_units(__int128 value, const char *suffix, bool is_negative,
                              struct arena *arena) {
    char digits[48];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    return arena_printf(arena, "%s%.*s%s", is_negative ? "-" : "", (int)(sizeof(digits) - at),
                        digits + at, suffix);
}

static struct sv format_binary(__int128 nano, bool is_negative, struct arena *arena) {
    static const char *const names[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    __int128 value = nano / NANO;
    size_t step = 0;
    while (step + 1 < COUNT_OF(names) && value % 1024 == 0) {
        value /= 1024;
        step++;
    }
    return format_units(value, names[step], is_negative, arena);
}

static struct sv format_decimal(__int128 nano, enum quantity_format format, bool is_negative,
                                struct arena *arena) {
    static const char *const names[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
    size_t step = 0;
    while (step + 1 < COUNT_OF(names) && nano % 1000 == 0) {
        nano /= 1000;
        step++;
    }
    if (format == QUANTITY_DECIMAL_SI)
        return format_units(nano, names[step], is_negative, arena);
    int exponent = ((int)step - 3) * 3;
    if (exponent == 0)
        return format_units(nano, "", is_negative, arena);
    struct sv suffix = arena_printf(arena, "e%d", exponent);
    return format_units(nano, suffix.ptr, is_negative, arena);
}

struct sv quantity_format(struct quantity quantity, struct arena *arena) {
    bool is_negative = quantity.nano < 0;
    __int128 nano = is_negative ? -quantity.nano : quantity.nano;
    if (nano == 0)
        return SV("0");
    /* As in Go, a binary quantity below 1024 or with a fraction is written as a decimal one. */
    bool is_binary =
        quantity.format == QUANTITY_BINARY_SI && nano % NANO == 0 && nano >= 1024 * NANO;
    if (is_binary)
        return format_binary(nano, is_negative, arena);
    enum quantity_format format =
        quantity.format == QUANTITY_BINARY_SI ? QUANTITY_DECIMAL_SI : quantity.format;
    return format_decimal(nano, format, is_negative, arena);
}

static struct sv take_digits(struct sv *rest) {
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
        len++;
    struct sv digits = sv_prefix(*rest, len);
    *rest = sv_drop(*rest, len);
    return digits;
}

static bool keeps_binary(struct sv number, struct sv fraction, int exponent) {
    int64_t value;
    int precision = 15 - (int)number.len - exponent * 3 / 10 - 1;
    return fraction.len == 0 && precision >= 0 && sv_to_int64(number, &value) && value % 8 != 0;
}

static bool keeps_decimal(struct sv number, struct sv fraction, int exponent) {
    int scale = exponent - (int)fraction.len;
    if (number.len + fraction.len > 18 || scale < -9 || scale % 3 != 0 || number.len == 0)
        return false;
    size_t zeros = 0;
    while (zeros < fraction.len && fraction.ptr[fraction.len - 1 - zeros] == '0')
        zeros++;
    if (zeros == fraction.len)
        while (zeros - fraction.len < number.len &&
               number.ptr[number.len - 1 - (zeros - fraction.len)] == '0')
            zeros++;
    return zeros < 3;
}

/* The fast path of Go's ParseQuantity, which keeps the text that it was given. */
static bool go_keeps(struct sv text) {
    struct sv rest = text;
    if (sv_starts_with(rest, SV("-")) || sv_starts_with(rest, SV("+")))
        rest = sv_drop(rest, 1);
    struct sv number = take_digits(&rest), fraction = SV("");
    while (sv_starts_with(number, SV("0")))
        number = sv_drop(number, 1);
    if (sv_starts_with(rest, SV("."))) {
        rest = sv_drop(rest, 1);
        fraction = take_digits(&rest);
    }
    int exponent = 0;
    if (take_exponent(rest, &exponent))
        return keeps_decimal(number, fraction, exponent);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        if (!sv_eq(rest, suffixes[i].text))
            continue;
        return suffixes[i].base == 2 ? keeps_binary(number, fraction, suffixes[i].exponent)
                                     : keeps_decimal(number, fraction, suffixes[i].exponent);
    }
    return false;
}

struct sv quantity_text(struct sv text, struct arena *arena) {
    struct quantity quantity;
    if (!quantity_parse(text, &quantity))
        return SV("");
    return go_keeps(text) ? text : quantity_format(quantity, arena);
}

int quantity_compare(struct quantity a, struct quantity b) {
    return (a.nano > b.nano) - (a.nano < b.nano);
}

struct quantity quantity_add(struct quantity a, struct quantity b) {
    __int128 sum = a.nano + b.nano;
    if (sum > NANO_MAX)
        sum = NANO_MAX;
    if (sum < -NANO_MAX)
        sum = -NANO_MAX;
    return (struct quantity){sum, a.nano == 0 ? b.format : a.format};
}

static int64_t round_up(__int128 nano, __int128 unit) {
    __int128 value = nano / unit + (nano > 0 && nano % unit != 0);
    if (value > INT64_MAX)
        return INT64_MAX;
    return value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

int64_t quantity_value(struct quantity quantity) {
    return round_up(quantity.nano, NANO);
}

int64_t quantity_milli_value(struct quantity quantity) {
    return round_up(quantity.nano, NANO / 1000);
}

bool quantity_texts_equal(struct sv a, struct sv b) {
    struct quantity x, y;
    return quantity_parse(a, &x) && quantity_parse(b, &y) && quantity_compare(x, y) == 0;
}
