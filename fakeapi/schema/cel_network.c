/* SPDX-License-Identifier: Apache-2.0 */
/* CEL: URLs, IP addresses and ranges of them, as Kubernetes adds them. Values carry their text in
 * its canonical form and are read again when they are looked into. */
#include "fakeapi/schema/cel_parts.h"

#include "core/base/arena.h"
#include "core/data/utf8.h"

#include <arpa/inet.h>

enum { IP_BYTES_MAX = 16, IP_TEXT_BYTES_MAX = 64, QUERY_PARTS_MAX = 256 };

/* --- addresses --- */

struct ip {
    uint8_t bytes[IP_BYTES_MAX];
    size_t len; /* 4 or 16 */
};

static bool read_ip(struct sv text, struct ip *ret_ip) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char terminated[IP_TEXT_BYTES_MAX];
    *ret_ip = (struct ip){0};
    if (text.len == 0 || text.len >= sizeof(terminated))
        return false;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = 0;
    bool is_v6 = sv_find(text, ':') < text.len;
    ret_ip->len = is_v6 ? 16 : 4;
    /* IPv4 within IPv6 has two spellings, and neither is allowed. */
    return inet_pton(is_v6 ? AF_INET6 : AF_INET, terminated, ret_ip->bytes) == 1 &&
           (!is_v6 || memcmp(ret_ip->bytes, mapped, sizeof(mapped)) != 0);
}

static struct sv ip_text(struct arena *arena, const struct ip *ip) {
    char text[IP_TEXT_BYTES_MAX];
    inet_ntop(ip->len == 16 ? AF_INET6 : AF_INET, ip->bytes, text, sizeof(text));
    return arena_copy(arena, sv_from(text));
}

static struct cel_value ip_value(struct arena *arena, const struct ip *ip) {
    return (struct cel_value){.type = CEL_IP, .text = ip_text(arena, ip)};
}

/* --- ranges --- */

struct cidr {
    struct ip ip;
    size_t prefix;
};

static bool read_cidr(struct sv text, struct cidr *ret_cidr) {
    struct sv rest = text, address = sv_cut(&rest, '/');
    int64_t prefix;
    bool is_plain = rest.len > 0 && rest.len <= 3 && (rest.ptr[0] != '0' || rest.len == 1);
    if (!read_ip(address, &ret_cidr->ip) || !is_plain || !sv_to_int64(rest, &prefix) ||
        prefix < 0 || (size_t)prefix > 8 * ret_cidr->ip.len)
        return false;
    ret_cidr->prefix = (size_t)prefix;
    return true;
}

static struct ip masked(const struct cidr *cidr) {
    struct ip ip = cidr->ip;
    for (size_t bit = cidr->prefix; bit < 8 * ip.len; bit++)
        ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return ip;
}

static bool has_ip(const struct cidr *cidr, const struct ip *ip) {
    struct cidr other = {*ip, cidr->prefix};
    struct ip left = masked(cidr), right = masked(&other);
    return left.len == right.len && memcmp(left.bytes, right.bytes, left.len) == 0;
}

static struct cel_value cidr_value(struct arena *arena, const struct ip *ip, size_t prefix) {
    struct sv text = ip_text(arena, ip);
    return (struct cel_value){.type = CEL_CIDR,
                              .text = arena_printf(arena, "%.*s/%zu", SV_ARG(text), prefix)};
}

/* --- functions of addresses --- */

static bool call_ip(CEL_ARGUMENTS) {
    struct ip ip;
    struct cidr cidr;
    (void)count;
    if (arguments[0].type == CEL_CIDR && read_cidr(arguments[0].text, &cidr))
        return cel_give(ret_value, ip_value(evaluator->arena, &cidr.ip));
    if (arguments[0].type != CEL_STRING)
        return cel_no_overload(evaluator);
    return read_ip(arguments[0].text, &ip)
               ? cel_give(ret_value, ip_value(evaluator->arena, &ip))
               : cel_fail(evaluator, "IP Address parse error during conversion from string: ",
                          arguments[0].text);
}

static bool call_is_ip(CEL_ARGUMENTS) {
    struct ip ip;
    return cel_are(arguments, count, CEL_STRING)
               ? cel_give(ret_value, cel_bool(read_ip(arguments[0].text, &ip)))
               : cel_no_overload(evaluator);
}

static bool call_is_canonical(CEL_ARGUMENTS) {
    struct ip ip;
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    if (!read_ip(arguments[0].text, &ip))
        return cel_fail(
            evaluator, "IP Address parse error during conversion from string: ", arguments[0].text);
    return cel_give(ret_value, cel_bool(sv_eq(ip_text(evaluator->arena, &ip), arguments[0].text)));
}

static bool call_family(CEL_ARGUMENTS) {
    struct ip ip;
    if (!cel_are(arguments, count, CEL_IP) || !read_ip(arguments[0].text, &ip))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_int(ip.len == 16 ? 6 : 4));
}

static bool is_unspecified(const struct ip *ip) {
    for (size_t i = 0; i < ip->len; i++)
        if (ip->bytes[i] != 0)
            return false;
    return true;
}

static bool is_loopback(const struct ip *ip) {
    struct ip last = *ip;
    if (ip->len == 4)
        return ip->bytes[0] == 127;
    last.bytes[15] = 0;
    return ip->bytes[15] == 1 && is_unspecified(&last);
}

static bool is_multicast(const struct ip *ip) {
    return ip->len == 4 ? ip->bytes[0] >> 4 == 14 : ip->bytes[0] == 0xff;
}

static bool is_link_local_multicast(const struct ip *ip) {
    return ip->len == 4 ? ip->bytes[0] == 224 && ip->bytes[1] == 0 && ip->bytes[2] == 0
                        : ip->bytes[0] == 0xff && (ip->bytes[1] & 15) == 2;
}

static bool is_link_local_unicast(const struct ip *ip) {
    return ip->len == 4 ? ip->bytes[0] == 169 && ip->bytes[1] == 254
                        : ip->bytes[0] == 0xfe && ip->bytes[1] >> 6 == 2;
}

static bool is_global_unicast(const struct ip *ip) {
    bool is_broadcast = ip->len == 4 && memcmp(ip->bytes, "\xff\xff\xff\xff", 4) == 0;
    return !is_broadcast && !is_unspecified(ip) && !is_loopback(ip) && !is_multicast(ip) &&
           !is_link_local_unicast(ip);
}

static bool give_kind(CEL_ARGUMENTS, bool (*is_kind)(const struct ip *ip)) {
    struct ip ip;
    if (!cel_are(arguments, count, CEL_IP) || !read_ip(arguments[0].text, &ip))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_bool(is_kind(&ip)));
}

#define KIND(name)                                                                                 \
    static bool call_##name(CEL_ARGUMENTS) {                                                       \
        return give_kind(evaluator, arguments, count, ret_value, name);                            \
    }
KIND(is_unspecified)
KIND(is_loopback)
KIND(is_link_local_multicast)
KIND(is_link_local_unicast)
KIND(is_global_unicast)
#undef KIND

/* --- functions of ranges --- */

static bool call_cidr(CEL_ARGUMENTS) {
    struct cidr cidr;
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    return read_cidr(arguments[0].text, &cidr)
               ? cel_give(ret_value, cidr_value(evaluator->arena, &cidr.ip, cidr.prefix))
               : cel_fail(evaluator, "network address parse error during conversion from string: ",
                          arguments[0].text);
}

static bool call_is_cidr(CEL_ARGUMENTS) {
    struct cidr cidr;
    return cel_are(arguments, count, CEL_STRING)
               ? cel_give(ret_value, cel_bool(read_cidr(arguments[0].text, &cidr)))
               : cel_no_overload(evaluator);
}

static bool call_contains_ip(CEL_ARGUMENTS) {
    struct cidr cidr;
    struct ip ip;
    (void)count;
    bool is_known = arguments[1].type == CEL_IP || arguments[1].type == CEL_STRING;
    if (arguments[0].type != CEL_CIDR || !is_known || !read_cidr(arguments[0].text, &cidr))
        return cel_no_overload(evaluator);
    return read_ip(arguments[1].text, &ip)
               ? cel_give(ret_value, cel_bool(has_ip(&cidr, &ip)))
               : cel_fail(evaluator, "IP Address parse error during conversion from string: ",
                          arguments[1].text);
}

static bool call_contains_cidr(CEL_ARGUMENTS) {
    struct cidr outer, inner;
    (void)count;
    bool is_known = arguments[1].type == CEL_CIDR || arguments[1].type == CEL_STRING;
    if (arguments[0].type != CEL_CIDR || !is_known || !read_cidr(arguments[0].text, &outer))
        return cel_no_overload(evaluator);
    return read_cidr(arguments[1].text, &inner)
               ? cel_give(ret_value,
                          cel_bool(outer.prefix <= inner.prefix && has_ip(&outer, &inner.ip)))
               : cel_fail(evaluator, "network address parse error during conversion from string: ",
                          arguments[1].text);
}

static bool call_masked(CEL_ARGUMENTS) {
    struct cidr cidr;
    if (!cel_are(arguments, count, CEL_CIDR) || !read_cidr(arguments[0].text, &cidr))
        return cel_no_overload(evaluator);
    struct ip ip = masked(&cidr);
    return cel_give(ret_value, cidr_value(evaluator->arena, &ip, cidr.prefix));
}

static bool call_prefix_length(CEL_ARGUMENTS) {
    struct cidr cidr;
    if (!cel_are(arguments, count, CEL_CIDR) || !read_cidr(arguments[0].text, &cidr))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_int((int64_t)cidr.prefix));
}

/* --- URLs --- */

struct url {
    struct sv scheme, host, path, query;
};

static bool is_scheme(struct sv text) {
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool is_other = i > 0 && ((byte >= '0' && byte <= '9') || strchr("+-.", byte));
        if (!is_letter && !is_other)
            return false;
    }
    return text.len > 0;
}

static bool is_host(struct sv text) {
    struct sv port = SV("");
    size_t end = text.len;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || strchr("<>\"\\^`{|}", text.ptr[i]))
            return false;
        if (text.ptr[i] == ':')
            end = i;
    }
    bool is_v6 = sv_starts_with(text, SV("["));
    if (is_v6 && sv_find(text, ']') == text.len)
        return false;
    if (end < text.len && !(is_v6 && sv_find(text, ']') > end))
        port = sv_drop(text, end + 1);
    for (size_t i = 0; i < port.len; i++)
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
    return true;
}

/* An absolute URI or an absolute path. */
bool cel_is_url(struct sv text) {
    struct url ignored;
    return cel_read_url(text, &ignored.scheme, &ignored.host, &ignored.path, &ignored.query);
}

bool cel_read_url(struct sv text, struct sv *ret_scheme, struct sv *ret_host, struct sv *ret_path,
                  struct sv *ret_query) {
    struct sv rest = text;
    *ret_scheme = *ret_host = *ret_path = *ret_query = SV("");
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 127)
            return false;
    if (!sv_starts_with(text, SV("/"))) {
        *ret_scheme = sv_cut(&rest, ':');
        if (ret_scheme->len == text.len || !is_scheme(*ret_scheme))
            return false;
    }
    *ret_path = sv_cut(&rest, '?');
    *ret_query = rest;
    if (ret_scheme->len == 0 || !sv_starts_with(*ret_path, SV("//")))
        return true;
    struct sv authority = sv_drop(*ret_path, 2);
    size_t end = sv_find(authority, '/');
    *ret_path = sv_drop(authority, end);
    authority = sv_prefix(authority, end);
    size_t at = sv_find(authority, '@');
    *ret_host = at < authority.len ? sv_drop(authority, at + 1) : authority;
    return is_host(*ret_host);
}

static bool call_url(CEL_ARGUMENTS) {
    if (!cel_are(arguments, count, CEL_STRING))
        return cel_no_overload(evaluator);
    if (!cel_is_url(arguments[0].text))
        return cel_fail(evaluator,
                        "URL parse error during conversion from string: ", arguments[0].text);
    return cel_give(ret_value, (struct cel_value){.type = CEL_URL, .text = arguments[0].text});
}

static bool call_is_url(CEL_ARGUMENTS) {
    return cel_are(arguments, count, CEL_STRING)
               ? cel_give(ret_value, cel_bool(cel_is_url(arguments[0].text)))
               : cel_no_overload(evaluator);
}

enum url_part { URL_SCHEME, URL_HOST, URL_HOSTNAME, URL_PORT, URL_PATH };

static struct sv url_part(const struct url *url, enum url_part part) {
    struct sv host = url->host;
    size_t bracket = sv_find(host, ']');
    struct sv behind = sv_starts_with(host, SV("[")) ? sv_drop(host, bracket + 1) : host;
    struct sv name = sv_cut(&behind, ':');
    switch (part) {
    case URL_SCHEME:
        return url->scheme;
    case URL_HOST:
        return host;
    case URL_HOSTNAME:
        return sv_starts_with(host, SV("[")) ? sv_prefix(sv_drop(host, 1), bracket - 1) : name;
    case URL_PORT:
        return behind;
    case URL_PATH:
        break;
    }
    return url->path;
}

static bool give_part(CEL_ARGUMENTS, enum url_part part) {
    struct url url;
    if (!cel_are(arguments, count, CEL_URL) ||
        !cel_read_url(arguments[0].text, &url.scheme, &url.host, &url.path, &url.query))
        return cel_no_overload(evaluator);
    return cel_give(ret_value, cel_string(url_part(&url, part)));
}

#define PART(name, part)                                                                           \
    static bool name(CEL_ARGUMENTS) {                                                              \
        return give_part(evaluator, arguments, count, ret_value, part);                            \
    }
PART(call_get_scheme, URL_SCHEME)
PART(call_get_host, URL_HOST)
PART(call_get_hostname, URL_HOSTNAME)
PART(call_get_port, URL_PORT)
PART(call_get_path, URL_PATH)
#undef PART

static struct sv decoded(struct arena *arena, struct sv text) {
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_escape = text.ptr[i] == '%' && i + 2 < text.len &&
                         hex_digit(text.ptr[i + 1]) >= 0 && hex_digit(text.ptr[i + 2]) >= 0;
        out[len++] = is_escape
                         ? (char)(hex_digit(text.ptr[i + 1]) << 4 | hex_digit(text.ptr[i + 2]))
                     : text.ptr[i] == '+' ? ' '
                                          : text.ptr[i];
        i += is_escape ? 2 : 0;
    }
    struct sv whole = {out, len};
    return utf8_valid_bytes(whole) == len ? whole : text;
}

/* A map from names to lists of values, in the order of their first use. */
static bool call_get_query(CEL_ARGUMENTS) {
    struct url url;
    struct arena *arena = evaluator->arena;
    if (!cel_are(arguments, count, CEL_URL) ||
        !cel_read_url(arguments[0].text, &url.scheme, &url.host, &url.path, &url.query))
        return cel_no_overload(evaluator);
    struct sv names[QUERY_PARTS_MAX], values[QUERY_PARTS_MAX];
    size_t parts = 0;
    for (struct sv rest = url.query; rest.len > 0 && parts < QUERY_PARTS_MAX; parts++) {
        struct sv pair = sv_cut(&rest, '&');
        names[parts] = decoded(arena, sv_cut(&pair, '='));
        values[parts] = decoded(arena, pair);
    }
    struct cel_value *keys = ARENA_ARRAY(arena, struct cel_value, parts + 1);
    struct cel_value *lists = ARENA_ARRAY(arena, struct cel_value, parts + 1);
    size_t key_count = 0;
    for (size_t i = 0; i < parts; i++) {
        struct cel_value *list = ARENA_ARRAY(arena, struct cel_value, parts + 1);
        size_t list_count = 0;
        if (sv_index_of(names[i], names, i) < i)
            continue;
        for (size_t k = i; k < parts; k++)
            if (sv_eq(names[i], names[k]))
                list[list_count++] = cel_string(values[k]);
        keys[key_count] = cel_string(names[i]);
        lists[key_count++] = cel_list(evaluator, list, list_count);
    }
    struct cel_items *items = ARENA_NEW(arena, struct cel_items);
    *items = (struct cel_items){lists, keys, key_count};
    return cel_give(ret_value, (struct cel_value){.type = CEL_MAP, .items = items});
}

/* --- the table --- */

static const struct cel_function functions[] = {
    {SV("ip"), true, true, 1, 1, call_ip},
    {SV("isIP"), false, true, 1, 1, call_is_ip},
    {SV("ip.isCanonical"), false, true, 1, 1, call_is_canonical},
    {SV("family"), true, false, 1, 1, call_family},
    {SV("isUnspecified"), true, false, 1, 1, call_is_unspecified},
    {SV("isLoopback"), true, false, 1, 1, call_is_loopback},
    {SV("isLinkLocalMulticast"), true, false, 1, 1, call_is_link_local_multicast},
    {SV("isLinkLocalUnicast"), true, false, 1, 1, call_is_link_local_unicast},
    {SV("isGlobalUnicast"), true, false, 1, 1, call_is_global_unicast},
    {SV("cidr"), false, true, 1, 1, call_cidr},
    {SV("isCIDR"), false, true, 1, 1, call_is_cidr},
    {SV("containsIP"), true, false, 2, 2, call_contains_ip},
    {SV("containsCIDR"), true, false, 2, 2, call_contains_cidr},
    {SV("masked"), true, false, 1, 1, call_masked},
    {SV("prefixLength"), true, false, 1, 1, call_prefix_length},
    {SV("url"), false, true, 1, 1, call_url},
    {SV("isURL"), false, true, 1, 1, call_is_url},
    {SV("getScheme"), true, false, 1, 1, call_get_scheme},
    {SV("getHost"), true, false, 1, 1, call_get_host},
    {SV("getHostname"), true, false, 1, 1, call_get_hostname},
    {SV("getPort"), true, false, 1, 1, call_get_port},
    {SV("getEscapedPath"), true, false, 1, 1, call_get_path},
    {SV("getQuery"), true, false, 1, 1, call_get_query},
};

const struct cel_functions cel_network_functions = {functions, COUNT_OF(functions)};
