/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticator: who sends a request: bearer tokens, client certificates, nobody. Tokens are the
 * administrator's, those of a token file (token,user,uid,"group1,group2"), and those that
 * TokenRequest signs for service accounts.
 */
#ifndef FAKEAPI_HTTP_AUTHENTICATOR_H
#define FAKEAPI_HTTP_AUTHENTICATOR_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/server/rbac.h"

struct arena;
struct authenticator; /* opaque */
struct cJSON;
struct error;

enum { TOKENS_MAX = 10 * 1000 };

struct authenticator *authenticator_new(void);
/* Accepts NULL. */
void authenticator_free(struct authenticator *authenticator);
DEFINE_AUTO(authenticator)

/* Copied; system:authenticated is added to the groups. */
void authenticator_add(struct authenticator *authenticator, struct sv token,
                       const struct user_info *user);
/* The text of a token file; errors name the line. */
MUST_CHECK bool authenticator_add_file(struct authenticator *authenticator, struct sv text,
                                       struct error *err);

/* The groups that a service account is in as one of its namespace. */
enum { SERVICE_ACCOUNT_GROUPS = 2 };
void service_account_groups(struct sv namespace_name, struct arena *arena, struct sv *ret_groups);

/* An object of the core group without which a token of a service account is worth nothing. */
struct token_object {
    struct sv plural, namespace_name, name, uid;
};
/* What is shown, and what it has to be good for. */
struct authentication {
    struct sv authorization;    /* the header */
    const struct sv *audiences; /* whom the token is shown to; none: the API server */
    size_t audience_count;
    int64_t now_ms;
    bool (*exists)(void *context, const struct token_object *object); /* NULL: all do */
    void *context;
};
struct authenticated {
    struct user_info user;
    const struct sv *audiences; /* those of the wanted ones that the token is for */
    size_t audience_count;
};
/* False with the reason: a bearer token that is none of ours (401). Without one, or with
 * credentials of another kind, the user is system:anonymous. What is returned is borrowed or lives
 * in `arena`. */
MUST_CHECK bool authenticate(const struct authenticator *authenticator,
                             const struct authentication *asked, struct arena *arena,
                             struct authenticated *ret_authenticated, struct error *err);
bool is_anonymous(const struct user_info *user);

/* The audience of a token that names none: the API server itself. It is the issuer, too. */
struct sv authenticator_audience(void);
/* What anybody verifies tokens with: a JSON Web Key Set, and the provider's metadata that say where
 * it is and that name the issuer. */
struct cJSON *authenticator_key_set(const struct authenticator *authenticator, struct arena *arena);
struct cJSON *authenticator_metadata(struct sv key_set_url, struct arena *arena);

struct token_claims {
    struct sv namespace_name, name, uid; /* of the service account */
    struct sv id;                        /* that logs name it by; "": none */
    struct token_object bound;           /* what else has to exist; no plural: nothing */
    struct sv node_name, node_uid;       /* where the pod runs that it is bound to; may be "" */
    const struct sv *audiences;
    size_t audience_count;
    int64_t issued_s, expires_s;
};
/* What a token may be bound to: it ends with it. */
struct token_binding {
    struct sv kind, plural;
    struct sv claim; /* what its claims call it */
    bool is_namespaced;
};
/* NULL: no token is bound to objects of that kind. */
const struct token_binding *token_binding_of_kind(struct sv kind);
/* A signed token for a service account (ES256). */
struct sv authenticator_sign(const struct authenticator *authenticator,
                             const struct token_claims *claims, struct arena *arena);

#endif
