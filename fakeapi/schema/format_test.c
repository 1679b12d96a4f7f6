/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/format.h"

#include "core/base/arena.h"
#include "core/base/test.h"

TEST(texts_are_held_against_their_format) {
    static const struct {
        struct sv format;
        const char *good, *bad;
    } cases[] = {
        {SV("date-time"), "2026-01-01T00:00:00Z", "yesterday"},
        {SV("datetime"), "2026-01-01T00:00:00.5+02:00", "2026-01-01"},
        {SV("date"), "2026-02-28", "2026-13-01"},
        {SV("duration"), "1h30m", "long"},
        {SV("duration"), "3 days", "3 parsecs"},
        {SV("duration"), "about 7 Wk.", "7 wkx"},
        {SV("duration"), "1.5\xc2\xb5s", "1.5."},
        {SV("duration"), "+0", "-"},
        {SV("duration"), "x3HR", "x3hrs"},
        {SV("isbn"), "0-321-75104-3", "0-321-75104-4"},
        {SV("isbn10"), "080442957X", "08044X957X"},
        {SV("isbn13"), "978-0-321-75104-1", "978-0-321-75104-2"},
        {SV("creditcard"), "4111 1111 1111 1111", "4111 1111 1111 1112"},
        {SV("creditcard"), "371449635398431", "9111111111111111"},
        {SV("duration"), "-1.5h", "h"},
        {SV("email"), "a@b.c", "nobody"},
        {SV("email"), "A B <a@b.c>", "a@"},
        {SV("hostname"), "a-b.example.com", "a b"},
        {SV("hostname"), "host", "-a.example.com"},
        {SV("hostname"), "a-1", "a.b.1"},
        {SV("ipv4"), "10.0.0.1", "300.1.1.1"},
        {SV("ipv6"), "::1", "10.0.0.1"},
        {SV("cidr"), "10.0.0.0/8", "10.0.0.0"},
        {SV("cidr"), "fd00::/64", "10.0.0.0/33"},
        {SV("uri"), "https://example.com/a", "%"},
        {SV("uri"), "/a", "a"},
        {SV("mac"), "00:1a:2b:3c:4d:5e", "0:0"},
        {SV("mac"), "001a.2b3c.4d5e", "00:1a:2b:3c:4d"},
        {SV("uuid"), "7D444840-9dc0-11d1-b245-5ffdce74fad2", "7"},
        {SV("uuid4"), "7d444840-9dc0-41d1-b245-5ffdce74fad2",
         "7d444840-9dc0-11d1-b245-5ffdce74fad2"},
        {SV("byte"), "YQ==", "*"},
        {SV("hexcolor"), "#fff", "#ff"},
        {SV("rgbcolor"), "rgb(0, 10, 255)", "rgb(0, 10, 256)"},
        {SV("ssn"), "111-11-1111", "111"},
        {SV("bsonobjectid"), "507f1f77bcf86cd799439011", "507f"},
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool takes_good = format_holds(arena, cases[i].format, sv_from(cases[i].good));
        bool takes_bad = format_holds(arena, cases[i].format, sv_from(cases[i].bad));
        if (!takes_good || takes_bad)
            printf("%.*s: %s, %s\n", SV_ARG(cases[i].format), cases[i].good, cases[i].bad);
        CHECK(takes_good && !takes_bad);
        CHECK(format_is_known(cases[i].format));
    }
}

TEST(an_unknown_format_says_nothing) {
    AUTO(arena) arena = arena_new();
    /* New in 1.34, and looked up there under a name that nobody registered. */
    CHECK(!format_is_known(SV("k8s-short-name")));
    CHECK(!format_is_known(SV("vendor")) && !format_is_known(SV("")) && !format_is_known(SV("-")));
    CHECK(format_holds(arena, SV("vendor"), SV("anything")));
    CHECK(format_holds(arena, SV("password"), SV("anything")));
}
