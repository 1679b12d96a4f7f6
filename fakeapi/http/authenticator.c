/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/authenticator.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/base64.h"
#include "core/data/json.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

enum {
    GROUPS_MAX = 64,
    LINE_FIELDS_MAX = 4,
    SIGNATURE_HALF_BYTES = 32, /* of ES256: r and s; of its keys: x and y */
    SHA256_BYTES = 32,
};

static const char issuer[] = "https://kubernetes.default.svc";

static const struct token_binding bindings[] = {
    {{"Pod", 3}, {"pods", 4}, {"pod", 3}, true},
    {{"Secret", 6}, {"secrets", 7}, {"secret", 6}, true},
    {{"Node", 4}, {"nodes", 5}, {"node", 4}, false},
};

const struct token_binding *token_binding_of_kind(struct sv kind) {
    for (size_t i = 0; i < COUNT_OF(bindings); i++)
        if (sv_eq(bindings[i].kind, kind))
            return &bindings[i];
    return NULL;
}

struct authenticator {
    struct arena *arena; /* of tokens and users */
    struct map *users;   /* by token */
    gnutls_privkey_t key;
    gnutls_pubkey_t public_key;
    struct sv key_id;
};

/* As kube-apiserver makes it: the digest of the key in DER. */
static struct sv key_id_of(gnutls_pubkey_t key, struct arena *arena) {
    gnutls_datum_t der;
    char digest[SHA256_BYTES];
    int code = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
    assert(code >= 0);
    code = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest);
    assert(code >= 0);
    gnutls_free(der.data);
    return base64url_encode(arena, (struct sv){digest, sizeof(digest)});
}

struct authenticator *authenticator_new(void) {
    struct arena *arena = arena_new();
    struct authenticator *authenticator = ARENA_NEW(arena, struct authenticator);
    authenticator->arena = arena;
    authenticator->users = map_new();
    bool has_key =
        gnutls_privkey_init(&authenticator->key) >= 0 &&
        gnutls_privkey_generate(authenticator->key, GNUTLS_PK_ECDSA,
                                GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) >= 0 &&
        gnutls_pubkey_init(&authenticator->public_key) >= 0 &&
        gnutls_pubkey_import_privkey(authenticator->public_key, authenticator->key, 0, 0) >= 0;
    assert(has_key);
    authenticator->key_id = key_id_of(authenticator->public_key, arena);
    return authenticator;
}

void authenticator_free(struct authenticator *authenticator) {
    if (!authenticator)
        return;
    gnutls_pubkey_deinit(authenticator->public_key);
    gnutls_privkey_deinit(authenticator->key);
    map_free(authenticator->users);
    arena_free(authenticator->arena);
}

void authenticator_add(struct authenticator *authenticator, struct sv token,
                       const struct user_info *user) {
    struct arena *arena = authenticator->arena;
    struct user_info *copy = ARENA_NEW(arena, struct user_info);
    struct sv *groups = ARENA_ARRAY(arena, struct sv, user->group_count + 1);
    for (size_t i = 0; i < user->group_count; i++)
        groups[i] = arena_copy(arena, user->groups[i]);
    groups[user->group_count] = SV("system:authenticated");
    *copy = (struct user_info){.name = arena_copy(arena, user->name),
                               .uid = arena_copy(arena, user->uid),
                               .groups = groups,
                               .group_count = user->group_count + 1};
    map_put(authenticator->users, token, copy);
}

/* --- token files --- */

/* The next field of a line of comma-separated values; quotes may hold commas. */
static struct sv take_field(struct sv *line) {
    if (!sv_starts_with(*line, SV("\"")))
        return sv_trim(sv_cut(line, ','));
    *line = sv_drop(*line, 1);
    struct sv field = sv_cut(line, '"');
    sv_cut(line, ',');
    return field;
}

static bool add_line(struct authenticator *authenticator, struct sv line, size_t number,
                     struct error *err) {
    struct sv fields[LINE_FIELDS_MAX] = {SV(""), SV(""), SV(""), SV("")};
    for (size_t i = 0; i < LINE_FIELDS_MAX; i++)
        fields[i] = take_field(&line);
    if (fields[0].len == 0 || fields[1].len == 0)
        return error_set(err, ERROR_INVALID,
                         "line %zu: write token,user,uid and, in quotes, groups", number);
    struct sv groups[GROUPS_MAX];
    struct user_info user = {
        .name = fields[1], .uid = fields[2], .groups = groups, .group_count = 0};
    for (struct sv rest = fields[3]; rest.len > 0 && user.group_count < GROUPS_MAX;)
        groups[user.group_count++] = sv_trim(sv_cut(&rest, ','));
    if (map_count(authenticator->users) >= TOKENS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "line %zu: more than %d tokens", number, TOKENS_MAX);
    authenticator_add(authenticator, fields[0], &user);
    return true;
}

bool authenticator_add_file(struct authenticator *authenticator, struct sv text,
                            struct error *err) {
    for (size_t number = 1; text.len > 0; number++) {
        struct sv line = sv_trim(sv_cut(&text, '\n'));
        if (line.len > 0 && line.ptr[0] != '#' && !add_line(authenticator, line, number, err))
            return false;
    }
    return true;
}

/* --- tokens of service accounts --- */

struct sv authenticator_audience(void) {
    return sv_from(issuer);
}

static void add_object(struct cJSON *map, struct sv claim, struct sv name, struct sv uid,
                       struct arena *arena) {
    struct cJSON *object = json_ensure_map(arena, map, claim);
    json_set_string(arena, object, SV("name"), name);
    if (uid.len > 0)
        json_set_string(arena, object, SV("uid"), uid);
}

static struct cJSON *token_payload(const struct token_claims *claims, struct arena *arena) {
    struct cJSON *payload = json_map(arena);
    struct cJSON *audiences = json_ensure_list(arena, payload, SV("aud"));
    for (size_t i = 0; i < claims->audience_count; i++)
        json_append(audiences, json_string(arena, claims->audiences[i]));
    if (claims->audience_count == 0)
        json_append(audiences, json_string(arena, sv_from(issuer)));
    json_set_int(arena, payload, SV("exp"), claims->expires_s);
    json_set_int(arena, payload, SV("iat"), claims->issued_s);
    json_set_string(arena, payload, SV("iss"), sv_from(issuer));
    if (claims->id.len > 0)
        json_set_string(arena, payload, SV("jti"), claims->id);
    struct cJSON *kubernetes = json_ensure_map(arena, payload, SV("kubernetes.io"));
    json_set_string(arena, kubernetes, SV("namespace"), claims->namespace_name);
    for (size_t i = 0; i < COUNT_OF(bindings); i++)
        if (sv_eq(bindings[i].plural, claims->bound.plural))
            add_object(kubernetes, bindings[i].claim, claims->bound.name, claims->bound.uid, arena);
    if (claims->node_name.len > 0)
        add_object(kubernetes, SV("node"), claims->node_name, claims->node_uid, arena);
    add_object(kubernetes, SV("serviceaccount"), claims->name, claims->uid, arena);
    json_set_int(arena, payload, SV("nbf"), claims->issued_s);
    json_set_string(arena, payload, SV("sub"),
                    arena_printf(arena, "system:serviceaccount:%.*s:%.*s",
                                 SV_ARG(claims->namespace_name), SV_ARG(claims->name)));
    return payload;
}

static gnutls_datum_t datum(struct sv bytes) {
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len};
}

/* A number of a signature or a key has a sign byte or lacks leading zeros: make it 32 bytes. */
static void put_half(unsigned char *half, const gnutls_datum_t *number) {
    const unsigned char *bytes = number->data;
    size_t len = number->size;
    for (; len > SIGNATURE_HALF_BYTES; len--)
        bytes++;
    memcpy(half + SIGNATURE_HALF_BYTES - len, bytes, len);
}

struct sv authenticator_sign(const struct authenticator *authenticator,
                             const struct token_claims *claims, struct arena *arena) {
    struct sv header =
        base64url_encode(arena, ARENA_JOIN(arena, SV("{\"alg\":\"ES256\",\"kid\":\""),
                                           authenticator->key_id, SV("\"}")));
    struct sv payload = base64url_encode(
        arena, json_write_arena(arena, token_payload(claims, arena), JSON_COMPACT));
    struct sv text = arena_printf(arena, "%.*s.%.*s", SV_ARG(header), SV_ARG(payload));
    gnutls_datum_t data = datum(text), signature, r, s;
    int code = gnutls_privkey_sign_data2(authenticator->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data,
                                         &signature);
    assert(code >= 0);
    code = gnutls_decode_rs_value(&signature, &r, &s);
    assert(code >= 0);
    unsigned char halves[2 * SIGNATURE_HALF_BYTES] = {0};
    put_half(halves, &r);
    put_half(halves + SIGNATURE_HALF_BYTES, &s);
    gnutls_free(signature.data);
    gnutls_free(r.data);
    gnutls_free(s.data);
    struct sv encoded = base64url_encode(arena, (struct sv){(const char *)halves, sizeof(halves)});
    return arena_printf(arena, "%.*s.%.*s", SV_ARG(text), SV_ARG(encoded));
}

static bool is_signed(const struct authenticator *authenticator, struct sv text,
                      struct sv signature) {
    if (signature.len != (size_t)2 * SIGNATURE_HALF_BYTES)
        return false;
    gnutls_datum_t r = datum(sv_prefix(signature, SIGNATURE_HALF_BYTES));
    gnutls_datum_t s = datum(sv_drop(signature, SIGNATURE_HALF_BYTES));
    gnutls_datum_t encoded, data = datum(text);
    if (gnutls_encode_rs_value(&encoded, &r, &s) < 0)
        return false;
    int code = gnutls_pubkey_verify_data2(authenticator->public_key, GNUTLS_SIGN_ECDSA_SHA256, 0,
                                          &data, &encoded);
    gnutls_free(encoded.data);
    return code >= 0;
}

void service_account_groups(struct sv namespace_name, struct arena *arena, struct sv *ret_groups) {
    ret_groups[0] = SV("system:serviceaccounts");
    ret_groups[1] = arena_printf(arena, "system:serviceaccounts:%.*s", SV_ARG(namespace_name));
}

/* The token's id, the object that it is bound to, and the pod's node, as its user's extra. */
static void set_extra(const struct cJSON *payload, struct arena *arena, struct user_info *user) {
    static const struct {
        struct sv claim, name, uid;
    } rows[] = {
        {SV("node"), SV("authentication.kubernetes.io/node-name"),
         SV("authentication.kubernetes.io/node-uid")},
        {SV("pod"), SV("authentication.kubernetes.io/pod-name"),
         SV("authentication.kubernetes.io/pod-uid")},
    };
    const struct cJSON *kubernetes = json_get(payload, SV("kubernetes.io"));
    struct user_extra *extra = ARENA_ARRAY(arena, struct user_extra, 1 + 2 * COUNT_OF(rows));
    struct sv id = json_string_or(payload, SV("jti"), SV(""));
    user->extra = extra;
    if (id.len > 0)
        extra[user->extra_count++] = (struct user_extra){
            SV("authentication.kubernetes.io/credential-id"), ARENA_JOIN(arena, SV("JTI="), id)};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct cJSON *object = json_get(kubernetes, rows[i].claim);
        if (!object)
            continue;
        extra[user->extra_count++] =
            (struct user_extra){rows[i].name, json_string_or(object, SV("name"), SV(""))};
        if (json_get(object, SV("uid")))
            extra[user->extra_count++] =
                (struct user_extra){rows[i].uid, json_string_or(object, SV("uid"), SV(""))};
    }
}

static bool service_account_user(const struct cJSON *payload, struct arena *arena,
                                 struct user_info *ret_user) {
    struct sv subject = json_string_or(payload, SV("sub"), SV(""));
    if (!sv_starts_with(subject, SV("system:serviceaccount:")))
        return false;
    struct sv *groups = ARENA_ARRAY(arena, struct sv, SERVICE_ACCOUNT_GROUPS + 1);
    const struct cJSON *kubernetes = json_get(payload, SV("kubernetes.io"));
    service_account_groups(json_string_or(kubernetes, SV("namespace"), SV("")), arena, groups);
    groups[SERVICE_ACCOUNT_GROUPS] = SV("system:authenticated");
    *ret_user = (struct user_info){
        .name = subject,
        .uid = json_string_or(json_get(kubernetes, SV("serviceaccount")), SV("uid"), SV("")),
        .groups = groups,
        .group_count = SERVICE_ACCOUNT_GROUPS + 1};
    set_extra(payload, arena, ret_user);
    return true;
}

/* --- what others verify them with --- */

static struct sv coordinate(gnutls_datum_t *number, struct arena *arena) {
    unsigned char bytes[SIGNATURE_HALF_BYTES] = {0};
    put_half(bytes, number);
    gnutls_free(number->data);
    return base64url_encode(arena, (struct sv){(const char *)bytes, sizeof(bytes)});
}

struct cJSON *authenticator_key_set(const struct authenticator *authenticator,
                                    struct arena *arena) {
    gnutls_datum_t x, y;
    gnutls_ecc_curve_t curve;
    struct cJSON *set = json_map(arena), *key = json_map(arena);
    int code = gnutls_pubkey_export_ecc_raw(authenticator->public_key, &curve, &x, &y);
    assert(code >= 0);
    json_append(json_ensure_list(arena, set, SV("keys")), key);
    json_set_string(arena, key, SV("use"), SV("sig"));
    json_set_string(arena, key, SV("kty"), SV("EC"));
    json_set_string(arena, key, SV("kid"), authenticator->key_id);
    json_set_string(arena, key, SV("crv"), SV("P-256"));
    json_set_string(arena, key, SV("alg"), SV("ES256"));
    json_set_string(arena, key, SV("x"), coordinate(&x, arena));
    json_set_string(arena, key, SV("y"), coordinate(&y, arena));
    return set;
}

static void add_text(struct cJSON *map, struct sv name, struct sv text, struct arena *arena) {
    json_append(json_ensure_list(arena, map, name), json_string(arena, text));
}

struct cJSON *authenticator_metadata(struct sv key_set_url, struct arena *arena) {
    struct cJSON *metadata = json_map(arena);
    json_set_string(arena, metadata, SV("issuer"), sv_from(issuer));
    json_set_string(arena, metadata, SV("jwks_uri"), key_set_url);
    add_text(metadata, SV("response_types_supported"), SV("id_token"), arena);
    add_text(metadata, SV("subject_types_supported"), SV("public"), arena);
    add_text(metadata, SV("id_token_signing_alg_values_supported"), SV("ES256"), arena);
    return metadata;
}

/* --- what a token is good for --- */

static bool is_among(struct sv text, const struct sv *texts, size_t count) {
    return sv_index_of(text, texts, count) < count;
}

/* "["a" "b"]" */
static struct sv quoted(const struct sv *texts, size_t count, struct arena *arena) {
    struct sv text = SV("[");
    for (size_t i = 0; i < count; i++)
        text =
            arena_printf(arena, "%.*s%s\"%.*s\"", SV_ARG(text), i > 0 ? " " : "", SV_ARG(texts[i]));
    return arena_printf(arena, "%.*s]", SV_ARG(text));
}

/* False: it is for somebody else. */
static bool match_audiences(const struct cJSON *claims, const struct authentication *asked,
                            struct arena *arena, struct authenticated *authenticated,
                            struct error *err) {
    const struct cJSON *list = json_get(claims, SV("aud"));
    const struct sv own[] = {authenticator_audience()};
    const struct sv *wanted = asked->audience_count > 0 ? asked->audiences : own;
    size_t wanted_count = asked->audience_count > 0 ? asked->audience_count : COUNT_OF(own);
    size_t named_count = 0, count = 0;
    struct sv *named = ARENA_ARRAY(arena, struct sv, json_count(list) + 1);
    struct sv *matched = ARENA_ARRAY(arena, struct sv, json_count(list) + 1);
    JSON_EACH (audience, list)
        named[named_count++] = json_text(audience);
    for (size_t i = 0; i < named_count; i++)
        if (is_among(named[i], wanted, wanted_count))
            matched[count++] = named[i];
    authenticated->audiences = matched;
    authenticated->audience_count = count;
    return count > 0 ||
           error_set(err, ERROR_INVALID,
                     "[invalid bearer token, token audiences %.*s is invalid for the target "
                     "audiences %.*s]",
                     SV_ARG(quoted(named, named_count, arena)),
                     SV_ARG(quoted(wanted, wanted_count, arena)));
}

static bool object_exists(const struct authentication *asked, struct sv plural,
                          struct sv namespace_name, const struct cJSON *claim) {
    const struct token_object object = {plural, namespace_name,
                                        json_string_or(claim, SV("name"), SV("")),
                                        json_string_or(claim, SV("uid"), SV(""))};
    return !claim || !asked->exists || asked->exists(asked->context, &object);
}

static bool objects_exist(const struct cJSON *claims, const struct authentication *asked) {
    const struct cJSON *kubernetes = json_get(claims, SV("kubernetes.io"));
    struct sv namespace_name = json_string_or(kubernetes, SV("namespace"), SV(""));
    bool exist = object_exists(asked, SV("serviceaccounts"), namespace_name,
                               json_get(kubernetes, SV("serviceaccount")));
    /* The node of a pod is told, and a token that is bound to the pod outlives it. */
    bool is_of_pod = json_get(kubernetes, SV("pod")) != NULL;
    for (size_t i = 0; i < COUNT_OF(bindings) && exist; i++) {
        if (is_of_pod && !bindings[i].is_namespaced)
            continue;
        exist = object_exists(asked, bindings[i].plural,
                              bindings[i].is_namespaced ? namespace_name : SV(""),
                              json_get(kubernetes, bindings[i].claim));
    }
    return exist;
}

static bool authenticate_signed(const struct authenticator *authenticator, struct sv token,
                                const struct authentication *asked, struct arena *arena,
                                struct authenticated *ret_authenticated, struct error *err) {
    size_t dot = sv_find_last(token, '.');
    struct sv text = sv_prefix(token, dot), rest = text, signature, payload;
    struct error syntax = {0};
    error_set(err, ERROR_INVALID, "invalid bearer token");
    if (dot == token.len || !base64url_decode(arena, sv_drop(token, dot + 1), &signature) ||
        !is_signed(authenticator, text, signature))
        return false;
    sv_cut(&rest, '.');
    if (!base64url_decode(arena, rest, &payload))
        return false;
    const struct cJSON *claims = json_read(arena, payload, &syntax);
    if (!claims || json_int_or(claims, SV("exp"), 0) <= asked->now_ms / 1000 ||
        !service_account_user(claims, arena, &ret_authenticated->user) ||
        !objects_exist(claims, asked))
        return false;
    *err = (struct error){0};
    return match_audiences(claims, asked, arena, ret_authenticated, err);
}

/* --- requests --- */

bool authenticate(const struct authenticator *authenticator, const struct authentication *asked,
                  struct arena *arena, struct authenticated *ret_authenticated, struct error *err) {
    static const struct sv nobody[] = {{"system:unauthenticated", 22}};
    *ret_authenticated = (struct authenticated){.audience_count = 0};
    struct sv token = asked->authorization, scheme = sv_cut(&token, ' ');
    bool is_bearer = scheme.len == strlen("bearer") && strncasecmp(scheme.ptr, "bearer", 6) == 0;
    /* Credentials of a kind that nobody asks for are none. */
    if (!is_bearer) {
        ret_authenticated->user = (struct user_info){.name = SV("system:anonymous"),
                                                     .uid = SV(""),
                                                     .groups = nobody,
                                                     .group_count = COUNT_OF(nobody)};
        return true;
    }
    token = sv_trim(token);
    const struct user_info *user = map_get(authenticator->users, token);
    if (!user)
        return authenticate_signed(authenticator, token, asked, arena, ret_authenticated, err);
    /* Tokens of a file are for whoever is shown them. */
    struct sv *own = ARENA_NEW(arena, struct sv);
    *own = authenticator_audience();
    bool is_ours = asked->audience_count == 0;
    ret_authenticated->user = *user;
    ret_authenticated->audiences = is_ours ? own : asked->audiences;
    ret_authenticated->audience_count = is_ours ? 1 : asked->audience_count;
    return true;
}

bool is_anonymous(const struct user_info *user) {
    return sv_eq(user->name, SV("system:anonymous"));
}
