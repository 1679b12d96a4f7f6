/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/authenticator.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

static const char token_file[] = "# users\n"
                                 "t1,bob,7,\"dev, ops\"\n"
                                 "\n"
                                 "t2,ann,8\n";

static const struct {
    struct sv header;
    bool is_known;
    struct sv name, group;
} cases[] = {
    {SV(""), true, SV("system:anonymous"), SV("system:unauthenticated")},
    {SV("Bearer t1"), true, SV("bob"), SV("ops")},
    {SV("Bearer t2"), true, SV("ann"), SV("system:authenticated")},
    {SV("Bearer t3"), false, SV(""), SV("")},
    {SV("Bearer "), false, SV(""), SV("")},
    {SV("Basic t1"), false, SV(""), SV("")},
    {SV("Bearer a.b.c"), false, SV(""), SV("")},
};

TEST(tokens_name_users) {
    AUTO(authenticator) authenticator = authenticator_new();
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    REQUIRE(authenticator_add_file(authenticator, sv_from(token_file), &err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct user_info user;
        bool is_known = authenticate(authenticator, cases[i].header, 0, arena, &user);
        CHECK(is_known == cases[i].is_known);
        if (!is_known || !cases[i].is_known)
            continue;
        CHECK_SV(user.name, cases[i].name);
        CHECK(user_has_group(&user, cases[i].group));
    }
}

TEST(a_broken_token_file_names_its_line) {
    AUTO(authenticator) authenticator = authenticator_new();
    struct error err = {0};
    CHECK(!authenticator_add_file(authenticator, SV("t,u\nonly-a-token\n"), &err));
    CHECK_SV(sv_from(err.message), SV("line 2: write token,user,uid and, in quotes, groups"));
}

TEST(a_signed_token_holds_until_it_expires) {
    AUTO(authenticator) authenticator = authenticator_new();
    AUTO(authenticator) stranger = authenticator_new();
    AUTO(arena) arena = arena_new();
    struct token_claims claims = {.namespace_name = SV("ns"),
                                  .name = SV("sa"),
                                  .uid = SV("u"),
                                  .issued_s = 1000,
                                  .expires_s = 2000};
    /* Numbers of a signature may be short: many tokens meet each form of them. */
    for (size_t i = 0; i < 100; i++) {
        claims.issued_s = 1000 + (int64_t)i;
        struct sv token = authenticator_sign(authenticator, &claims, arena);
        struct sv header = arena_printf(arena, "Bearer %.*s", SV_ARG(token));
        struct user_info user;
        REQUIRE(authenticate(authenticator, header, 1500 * 1000, arena, &user));
        CHECK_SV(user.name, SV("system:serviceaccount:ns:sa"));
        CHECK(user_has_group(&user, SV("system:serviceaccounts:ns")));
        CHECK(!authenticate(authenticator, header, 2000 * 1000, arena, &user));
        CHECK(!authenticate(stranger, header, 1500 * 1000, arena, &user));
    }
}
