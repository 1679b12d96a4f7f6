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

/* What Go reads, or words as in "3 days": one unit that is known is enough. */
static bool is_duration(struct arena *arena, struct sv text) {
    static const struct sv go =
        SV("^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$");
    static const struct sv words =
        SV("[0-9]+\\s*(([nN][sS]|[uU][sS]|[mM][sS]|[sS]|[mM]|[hH]|[hH][rR]|[dD]|[wW]|[wW][kK]|µs)"
           "([^A-Za-z]|$)|nano|micro|milli|sec|min|hour|day|week)");
    return pattern_matches(arena, go, text, NULL) || pattern_matches(arena, words, text, NULL);
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
    {SV("isbn"), NULL, SV("")},
    {SV("isbn10"), NULL, SV("")},
    {SV("isbn13"), NULL, SV("")},
    {SV("creditcard"), NULL, SV("")},
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
