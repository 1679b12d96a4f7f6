/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/authenticator.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/base64.h"
#include "core/data/json.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

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
        {"pods", "nodes", true},
    };
    AUTO(authenticator) authenticator = authenticator_new();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena) arena = arena_new();
        struct token_claims claims = {
            .namespace_name = SV("ns"), .name = SV("sa"), .uid = SV("u"), .expires_s = 2000};
        claims.bound = (struct token_object){sv_from(rows[i].bound), SV("ns"), SV("o"), SV("u")};
        if (sv_eq(claims.bound.plural, SV("pods"))) { /* told, and not looked at */
            claims.node_name = SV("n");
            claims.node_uid = SV("u");
        }
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

/* --- as others see them --- */

static const struct cJSON *json_part(struct sv *token, struct arena *arena) {
    struct error err = {0};
    struct sv text;
    bool is_decoded = base64url_decode(arena, sv_cut(token, '.'), &text);
    const struct cJSON *part = is_decoded ? json_read(arena, text, &err) : NULL;
    assert(part);
    return part;
}

static gnutls_datum_t number(const struct cJSON *key, struct sv name, struct arena *arena) {
    struct sv bytes = SV("");
    CHECK(base64url_decode(arena, json_string_or(key, name, SV("")), &bytes));
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len};
}

/* Whoever has nothing but the key set. */
static bool verifies(const struct cJSON *set, struct sv token, struct arena *arena) {
    const struct cJSON *key = json_find(set, "keys.0");
    gnutls_datum_t x = number(key, SV("x"), arena), y = number(key, SV("y"), arena), encoded;
    struct sv signature = sv_drop(token, sv_find_last(token, '.') + 1), bytes;
    bool is_whole = base64url_decode(arena, signature, &bytes) && bytes.len == 64;
    assert(is_whole && x.size == 32 && y.size == 32);
    unsigned char *halves = (unsigned char *)(uintptr_t)bytes.ptr;
    gnutls_datum_t r = {halves, 32}, s = {halves + 32, 32};
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)token.ptr,
                           (unsigned)sv_find_last(token, '.')};
    gnutls_pubkey_t verifier;
    bool is_made =
        gnutls_pubkey_init(&verifier) >= 0 &&
        gnutls_pubkey_import_ecc_raw(verifier, GNUTLS_ECC_CURVE_SECP256R1, &x, &y) >= 0 &&
        gnutls_encode_rs_value(&encoded, &r, &s) >= 0;
    assert(is_made);
    bool is_good =
        gnutls_pubkey_verify_data2(verifier, GNUTLS_SIGN_ECDSA_SHA256, 0, &text, &encoded) >= 0;
    gnutls_free(encoded.data);
    gnutls_pubkey_deinit(verifier);
    return is_good;
}

static struct token_claims claims_of_pod(struct sv node_uid) {
    return (struct token_claims){.namespace_name = SV("ns"),
                                 .name = SV("sa"),
                                 .uid = SV("u"),
                                 .id = SV("7"),
                                 .bound = {SV("pods"), SV("ns"), SV("p"), SV("v")},
                                 .node_name = SV("n"),
                                 .node_uid = node_uid,
                                 .issued_s = 1000,
                                 .expires_s = 2000};
}

TEST(a_token_is_verified_by_the_key_set_alone) {
    /* Coordinates may be short: some of the keys meet each form of them. */
    for (size_t i = 0; i < 20; i++) {
        AUTO(authenticator) authenticator = authenticator_new();
        AUTO(authenticator) stranger = authenticator_new();
        AUTO(arena) arena = arena_new();
        struct token_claims claims = claims_of_pod(SV("w"));
        struct sv token = authenticator_sign(authenticator, &claims, arena), rest = token;
        const struct cJSON *set = authenticator_key_set(authenticator, arena);
        CHECK(verifies(set, token, arena));
        CHECK(!verifies(authenticator_key_set(stranger, arena), token, arena));
        const struct cJSON *head = json_part(&rest, arena);
        CHECK_SV(json_find_string(head, "alg"), json_find_string(set, "keys.0.alg"));
        CHECK_SV(json_find_string(head, "kid"), json_find_string(set, "keys.0.kid"));
        CHECK_SV(json_write_arena(arena, json_part(&rest, arena), JSON_COMPACT),
                 SV("{\"aud\":[\"https://kubernetes.default.svc\"],\"exp\":2000,\"iat\":1000,"
                    "\"iss\":\"https://kubernetes.default.svc\",\"jti\":\"7\",\"kubernetes.io\":{"
                    "\"namespace\":\"ns\",\"pod\":{\"name\":\"p\",\"uid\":\"v\"},\"node\":{"
                    "\"name\":\"n\",\"uid\":\"w\"},\"serviceaccount\":{\"name\":\"sa\",\"uid\":"
                    "\"u\"}},\"nbf\":1000,\"sub\":\"system:serviceaccount:ns:sa\"}"));
    }
}

TEST(what_a_token_says_of_itself_is_its_users_extra) {
    AUTO(authenticator) authenticator = authenticator_new();
    AUTO(arena) arena = arena_new();
    struct token_claims claims = claims_of_pod(SV("")); /* on a node that is gone */
    static const struct sv expected[] = {
        SV("authentication.kubernetes.io/credential-id=JTI=7"),
        SV("authentication.kubernetes.io/node-name=n"),
        SV("authentication.kubernetes.io/pod-name=p"),
        SV("authentication.kubernetes.io/pod-uid=v"),
    };
    struct sv token = authenticator_sign(authenticator, &claims, arena);
    struct user_info user;
    REQUIRE(is_authentic(authenticator, ARENA_JOIN(arena, SV("Bearer "), token), 0, arena, &user));
    REQUIRE(user.extra_count == COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        CHECK_SV(ARENA_JOIN(arena, user.extra[i].key, SV("="), user.extra[i].value), expected[i]);
}
