/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/format.h"

#include "core/api/api_time.h"
#include "core/base/arena.h"
#include "fakeapi/schema/cel_parts.h"
#include "fakeapi/schema/pattern.h"
#include "fakeapi/schema/validate.h"

#include <ctype.h>

#include <arpa/inet.h>

#define HEX "[0-9a-fA-F]"
#define COLOR "\\s*(0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])\\s*"

static bool is_date_time(struct arena *arena, struct sv text) {
    int64_t time_ms;
    (void)arena;
    return api_time_parse(text, &time_ms);
}

static bool is_date(struct arena *arena, struct sv text) {
    int64_t time_ms;
    return text.len == 10 &&
           api_time_parse(arena_printf(arena, "%.*sT00:00:00Z", SV_ARG(text)), &time_ms);
}

static size_t digits_at_front(struct sv text) {
    size_t count = 0;
    while (count < text.len && isdigit((unsigned char)text.ptr[count]))
        count++;
    return count;
}

/* The longest of the words that stands at the front; 0: none of them. */
static size_t word_at_front(struct sv text, const char *const *words, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        if (sv_starts_with(text, sv_from(words[i])) && strlen(words[i]) > bytes)
            bytes = strlen(words[i]);
    return bytes;
}

/* As time.ParseDuration() does: "1h30m", "-1.5s", "0". */
static bool is_go_duration(struct sv text) {
    static const char *const units[] = {"ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h"};
    if (text.len > 0 && strchr("+-", text.ptr[0]))
        text = sv_drop(text, 1);
    if (sv_eq(text, SV("0")))
        return true;
    bool has_parts = text.len > 0;
    while (text.len > 0) {
        size_t whole = digits_at_front(text);
        text = sv_drop(text, whole);
        bool has_point = sv_starts_with(text, SV("."));
        text = sv_drop(text, has_point);
        size_t fraction = has_point ? digits_at_front(text) : 0;
        text = sv_drop(text, fraction);
        size_t unit = word_at_front(text, units, COUNT_OF(units));
        if (whole + fraction == 0 || unit == 0)
            return false;
        text = sv_drop(text, unit);
    }
    return has_parts;
}

/* "3 days": a unit behind a number, from the number on. */
static bool is_duration_in_words(struct sv text) {
    static const char *const words[] = {"nano", "micro", "milli", "sec",
                                        "min",  "hour",  "day",   "week"};
    static const char *const units[] = {"ns", "us", "\xc2\xb5s", "ms", "s", "m",
                                        "h",  "hr", "d",         "w",  "wk"};
    while (text.len > 0 && strchr(" \t\n\r\f", text.ptr[0]))
        text = sv_drop(text, 1);
    char front[8];
    struct sv lower = {front, text.len < sizeof(front) ? text.len : sizeof(front)};
    for (size_t i = 0; i < lower.len; i++)
        front[i] = (char)tolower((unsigned char)text.ptr[i]);
    size_t unit = word_at_front(lower, units, COUNT_OF(units));
    bool ends = unit > 0 && (unit == text.len || !isalpha((unsigned char)text.ptr[unit]));
    return ends || word_at_front(text, words, COUNT_OF(words)) > 0;
}

/* What Go reads, or words: one unit that is known is enough. */
static bool is_duration(struct arena *arena, struct sv text) {
    (void)arena;
    if (is_go_duration(text))
        return true;
    while (text.len > 0) {
        size_t digits = digits_at_front(text);
        text = sv_drop(text, digits ? digits : 1);
        if (digits > 0 && is_duration_in_words(text))
            return true;
    }
    return false;
}

static bool is_ipv4(struct arena *arena, struct sv text) {
    struct in_addr address;
    return inet_pton(AF_INET, arena_copy(arena, text).ptr, &address) == 1;
}

static bool is_ipv6(struct arena *arena, struct sv text) {
    struct in6_addr address;
    return inet_pton(AF_INET6, arena_copy(arena, text).ptr, &address) == 1;
}

static bool is_cidr(struct arena *arena, struct sv text) {
    struct sv bits = text, address = sv_cut(&bits, '/');
    bool is_v4 = is_ipv4(arena, address);
    int64_t number;
    return (is_v4 || is_ipv6(arena, address)) && sv_to_int64(bits, &number) && number >= 0 &&
           number <= (is_v4 ? 32 : 128);
}

/* Letters of any script count. */
static bool is_name_byte(char byte) {
    return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* Hyphens stand between letters; in a name without a point only behind the first one. */
static bool is_host_label(struct sv label, bool is_alone) {
    if (label.len == 0 || label.len > 63 || !is_name_byte(label.ptr[0]) ||
        !is_name_byte(label.ptr[label.len - 1]))
        return false;
    for (size_t i = 1; i < label.len; i++)
        if (!is_name_byte(label.ptr[i]) && !(label.ptr[i] == '-' && (!is_alone || i == 1)))
            return false;
    return true;
}

static bool is_hostname(struct arena *arena, struct sv text) {
    struct sv rest = text, label = SV("");
    bool is_alone = sv_find(text, '.') == text.len;
    (void)arena;
    if (text.len == 0 || text.len > 255 || sv_ends_with(text, SV(".")))
        return false;
    while (rest.len > 0) {
        label = sv_cut(&rest, '.');
        if (!is_host_label(label, is_alone))
            return false;
    }
    for (size_t i = 0; !is_alone && i < label.len; i++)
        if (!is_name_byte(label.ptr[i]) || isdigit((unsigned char)label.ptr[i]))
            return false;
    return is_alone || label.len >= 2;
}

static bool is_uri(struct arena *arena, struct sv text) {
    (void)arena;
    return cel_is_url(text);
}

static bool is_byte(struct arena *arena, struct sv text) {
    (void)arena;
    return is_base64(text);
}

/* The text without what people put between digits. */
static struct sv without(struct arena *arena, struct sv text, bool (*is_left_out)(char byte)) {
    char *kept = arena_reserve(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (!is_left_out(text.ptr[i]))
            kept[len++] = text.ptr[i];
    return (struct sv){kept, len};
}

static bool is_space_or_hyphen(char byte) {
    return byte == '-' || isspace((unsigned char)byte);
}

static bool is_no_digit(char byte) {
    return !isdigit((unsigned char)byte);
}

static bool is_isbn10(struct arena *arena, struct sv text) {
    struct sv digits = without(arena, text, is_space_or_hyphen);
    int sum = 0;
    if (digits.len != 10 || digits_at_front(digits) < 9 ||
        (digits_at_front(digits) == 9 && digits.ptr[9] != 'X'))
        return false;
    for (int i = 0; i < 10; i++)
        sum += (i + 1) * (digits.ptr[i] == 'X' ? 10 : digits.ptr[i] - '0');
    return sum % 11 == 0;
}

static bool is_isbn13(struct arena *arena, struct sv text) {
    struct sv digits = without(arena, text, is_space_or_hyphen);
    int sum = 0;
    if (digits.len != 13 || digits_at_front(digits) != 13)
        return false;
    for (int i = 0; i < 13; i++)
        sum += (i % 2 ? 3 : 1) * (digits.ptr[i] - '0');
    return sum % 10 == 0;
}

static bool is_isbn(struct arena *arena, struct sv text) {
    return is_isbn10(arena, text) || is_isbn13(arena, text);
}

/* A number of one of the large issuers, whose last digit is the sum of Luhn. */
static bool is_credit_card(struct arena *arena, struct sv text) {
    static const struct sv issuers =
        SV("^(4[0-9]{12}([0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01]"
           "[0-9]|2720)[0-9]{12}|6(011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(0[0-5]|[68][0-9])"
           "[0-9]{11}|(2131|1800|35[0-9]{3})[0-9]{11}|6[27][0-9]{14})$");
    struct sv digits = without(arena, text, is_no_digit);
    int sum = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.ptr[digits.len - 1 - i] - '0';
        int doubled = i % 2 ? digit * 2 : digit;
        sum += doubled > 9 ? doubled - 9 : doubled;
    }
    return sum % 10 == 0 && pattern_matches(arena, issuers, digits, NULL);
}

static const struct {
    struct sv name; /* without hyphens */
    bool (*holds)(struct arena *arena, struct sv text);
    struct sv pattern; /* where there is no function; SV("") for what is not checked */
} formats[] = {
    {SV("bsonobjectid"), NULL, SV("^" HEX "{24}$")},
    {SV("uri"), is_uri, SV("")},
    {SV("email"), NULL, SV("^([^<>]*<)?[^@<>\\s]+@[^@<>\\s]+>?$")},
    {SV("hostname"), is_hostname, SV("")},
    {SV("ipv4"), is_ipv4, SV("")},
    {SV("ipv6"), is_ipv6, SV("")},
    {SV("cidr"), is_cidr, SV("")},
    {SV("mac"), NULL,
     SV("^(" HEX "{2}([:-]" HEX "{2}){5}(([:-]" HEX "{2}){2}(([:-]" HEX "{2}){12})?)?|" HEX
        "{4}(\\." HEX "{4}){2}((\\." HEX "{4})((\\." HEX "{4}){6})?)?)$")},
    {SV("uuid"), NULL, SV("^" HEX "{8}-?" HEX "{4}-?" HEX "{4}-?" HEX "{4}-?" HEX "{12}$")},
    {SV("uuid3"), NULL, SV("^" HEX "{8}-?" HEX "{4}-?3" HEX "{3}-?" HEX "{4}-?" HEX "{12}$")},
    {SV("uuid4"), NULL,
     SV("^" HEX "{8}-?" HEX "{4}-?4" HEX "{3}-?[89abAB]" HEX "{3}-?" HEX "{12}$")},
    {SV("uuid5"), NULL,
     SV("^" HEX "{8}-?" HEX "{4}-?5" HEX "{3}-?[89abAB]" HEX "{3}-?" HEX "{12}$")},
    {SV("isbn"), is_isbn, SV("")},
    {SV("isbn10"), is_isbn10, SV("")},
    {SV("isbn13"), is_isbn13, SV("")},
    {SV("creditcard"), is_credit_card, SV("")},
    {SV("ssn"), NULL, SV("^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$")},
    {SV("hexcolor"), NULL, SV("^#?(" HEX "{3}|" HEX "{6})$")},
    {SV("rgbcolor"), NULL, SV("^rgb\\(" COLOR "," COLOR "," COLOR "\\)$")},
    {SV("byte"), is_byte, SV("")},
    {SV("password"), NULL, SV("")},
    {SV("date"), is_date, SV("")},
    {SV("duration"), is_duration, SV("")},
    {SV("datetime"), is_date_time, SV("")},
};

/* The names are told apart without their hyphens. */
static bool is_named(struct sv format, struct sv name) {
    size_t at = 0;
    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] == '-')
            continue;
        if (at == name.len || format.ptr[i] != name.ptr[at])
            return false;
        at++;
    }
    return at == name.len && format.len > 0;
}

static size_t index_of(struct sv format) {
    size_t index = 0;
    while (index < COUNT_OF(formats) && !is_named(format, formats[index].name))
        index++;
    return index;
}

bool format_is_known(struct sv format) {
    return index_of(format) < COUNT_OF(formats);
}

bool format_holds(struct arena *arena, struct sv format, struct sv text) {
    size_t index = index_of(format);
    if (index == COUNT_OF(formats))
        return true;
    if (formats[index].holds)
        return formats[index].holds(arena, text);
    return formats[index].pattern.len == 0 ||
           pattern_matches(arena, formats[index].pattern, text, NULL);
}
