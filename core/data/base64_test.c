/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/base64.h"

#include "core/base/arena.h"
#include "core/base/test.h"

/* RFC 4648 §10, and bytes in which the alphabets differ. */
static const struct {
    struct sv bytes, standard, url;
} cases[] = {
    {SV(""), SV(""), SV("")},
    {SV("f"), SV("Zg=="), SV("Zg")},
    {SV("fo"), SV("Zm8="), SV("Zm8")},
    {SV("foo"), SV("Zm9v"), SV("Zm9v")},
    {SV("foobar"), SV("Zm9vYmFy"), SV("Zm9vYmFy")},
    {SV("\xfb\xff\xbf\0"), SV("+/+/AA=="), SV("-_-_AA")},
};

TEST(both_ways) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sv bytes;
        CHECK(sv_eq(base64_encode(arena, cases[i].bytes), cases[i].standard));
        CHECK(sv_eq(base64url_encode(arena, cases[i].bytes), cases[i].url));
        CHECK(base64_decode(arena, cases[i].standard, &bytes) && sv_eq(bytes, cases[i].bytes));
        CHECK(base64url_decode(arena, cases[i].url, &bytes) && sv_eq(bytes, cases[i].bytes));
    }
}

TEST(refuses_what_is_none) {
    static const struct sv wrong[] = {SV("Z"),     SV("Zg="),  SV("Zg=a"),
                                      SV("Zm9v!"), SV("Zm-v"), SV("====")};
    AUTO(arena) arena = arena_new();
    struct sv bytes;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        CHECK(!base64_decode(arena, wrong[i], &bytes));
    CHECK(!base64url_decode(arena, SV("Zm+v"), &bytes));
}
