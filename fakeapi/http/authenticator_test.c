/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/authenticator.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

static const char token_file[] = "# users\n"
                                 "t1,bob,7,\"dev, ops\"\n"
                                 "\n"
                                 "t2,ann,8\n";

static bool is_authentic(const struct authenticator *authenticator, struct sv header,
                         int64_t now_ms, struct arena *arena, struct user_info *ret_user) {
    struct authentication asked = {.authorization = header, .now_ms = now_ms};
    struct authenticated authenticated;
    struct error err = {0};
    bool is_known = authenticate(authenticator, &asked, arena, &authenticated, &err);
    CHECK(is_known == (err.code == ERROR_NONE));
    *ret_user = authenticated.user;
    return is_known;
}

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
    {SV("BEARER t1"), true, SV("bob"), SV("ops")},
    {SV("BEARER t3"), false, SV(""), SV("")},
    {SV("Basic t1"), true, SV("system:anonymous"), SV("system:unauthenticated")},
    {SV("Bearer a.b.c"), false, SV(""), SV("")},
};

TEST(tokens_name_users) {
    AUTO(authenticator) authenticator = authenticator_new();
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    REQUIRE(authenticator_add_file(authenticator, sv_from(token_file), &err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct user_info user;
        bool is_known = is_authentic(authenticator, cases[i].header, 0, arena, &user);
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
                                  .bound = {.plural = SV("")},
                                  .issued_s = 1000,
                                  .expires_s = 2000};
    /* Numbers of a signature may be short: many tokens meet each form of them. */
    for (size_t i = 0; i < 100; i++) {
        claims.issued_s = 1000 + (int64_t)i;
        struct sv token = authenticator_sign(authenticator, &claims, arena);
        struct sv header = arena_printf(arena, "Bearer %.*s", SV_ARG(token));
        struct user_info user;
        REQUIRE(is_authentic(authenticator, header, 1500 * 1000, arena, &user));
        CHECK_SV(user.name, SV("system:serviceaccount:ns:sa"));
        CHECK(user_has_group(&user, SV("system:serviceaccounts:ns")));
        CHECK(!is_authentic(authenticator, header, 2000 * 1000, arena, &user));
        CHECK(!is_authentic(stranger, header, 1500 * 1000, arena, &user));
    }
}

/* --- whom a token is for, and what it depends on --- */

static const struct {
    const char *named[2], *shown_to[2]; /* NULL: fewer */
    const char *audience;               /* NULL: refused */
    const char *problem;
} audiences[] = {
    {{NULL}, {NULL}, "https://kubernetes.default.svc", ""},
    {{"a", "b"}, {"b", "c"}, "b", ""},
    {{"a"},
     {NULL},
     NULL,
     "[invalid bearer token, token audiences [\"a\"] is invalid for the target audiences "
     "[\"https://kubernetes.default.svc\"]]"},
    {{NULL},
     {"x", "y"},
     NULL,
     "[invalid bearer token, token audiences [\"https://kubernetes.default.svc\"] is invalid for "
     "the target audiences [\"x\" \"y\"]]"},
};

static size_t fill_texts(const char *const *from, struct sv *to) {
    size_t count = 0;
    while (count < 2 && from[count]) {
        to[count] = sv_from(from[count]);
        count++;
    }
    return count;
}

TEST(a_token_is_for_its_audiences) {
    AUTO(authenticator) authenticator = authenticator_new();
    for (size_t i = 0; i < COUNT_OF(audiences); i++) {
        AUTO(arena) arena = arena_new();
        struct sv named[2], shown_to[2];
        struct token_claims claims = {
            .namespace_name = SV("ns"), .name = SV("sa"), .uid = SV("u"), .expires_s = 2000};
        claims.bound.plural = SV("");
        claims.audiences = named;
        claims.audience_count = fill_texts(audiences[i].named, named);
        struct sv token = authenticator_sign(authenticator, &claims, arena);
        struct authentication asked = {
            .authorization = arena_printf(arena, "Bearer %.*s", SV_ARG(token)),
            .audiences = shown_to,
            .audience_count = fill_texts(audiences[i].shown_to, shown_to),
        };
        struct authenticated authenticated;
        struct error err = {0};
        bool is_known = authenticate(authenticator, &asked, arena, &authenticated, &err);
        CHECK(is_known == (audiences[i].audience != NULL));
        CHECK_SV(sv_from(err.message), sv_from(audiences[i].problem));
        if (!is_known || !audiences[i].audience)
            continue;
        REQUIRE(authenticated.audience_count == 1);
        CHECK_SV(authenticated.audiences[0], sv_from(audiences[i].audience));
    }
}

/* All objects are there but the one of this plural and uid. */
static bool exists(void *context, const struct token_object *object) {
    return !sv_eq(object->plural, sv_from(context)) || !sv_eq(object->uid, SV("u"));
}

TEST(a_token_ends_with_its_account_and_with_what_it_is_bound_to) {
    static const struct {
        const char *bound, *gone;
        bool is_good;
    } rows[] = {
        {"", "", true},          {"", "serviceaccounts", false}, {"", "pods", true},
        {"pods", "pods", false}, {"pods", "secrets", true},      {"nodes", "nodes", false},
    };
    AUTO(authenticator) authenticator = authenticator_new();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena) arena = arena_new();
        struct token_claims claims = {
            .namespace_name = SV("ns"), .name = SV("sa"), .uid = SV("u"), .expires_s = 2000};
        claims.bound = (struct token_object){sv_from(rows[i].bound), SV("ns"), SV("o"), SV("u")};
        struct sv token = authenticator_sign(authenticator, &claims, arena);
        struct authentication asked = {
            .authorization = arena_printf(arena, "Bearer %.*s", SV_ARG(token)),
            .exists = exists,
            .context = (void *)(uintptr_t)rows[i].gone,
        };
        struct authenticated authenticated;
        struct error err = {0};
        CHECK(authenticate(authenticator, &asked, arena, &authenticated, &err) == rows[i].is_good);
    }
}
