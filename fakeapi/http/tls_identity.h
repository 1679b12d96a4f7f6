/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_identity: the certificates of a server: a certificate authority made at start, the server's
 * own certificate and one for an administrator, or what the user's files hold.
 */
#ifndef FAKEAPI_HTTP_TLS_IDENTITY_H
#define FAKEAPI_HTTP_TLS_IDENTITY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct user_info;

#define PROXY_NAME "front-proxy-client"

/* PEM texts, terminated. */
struct tls_identity {
    struct sv ca_certificate;                       /* that clients trust */
    struct sv certificate, key;                     /* the server's */
    struct sv authority_certificate, authority_key; /* that was made at start */
    struct sv client_ca;                            /* that signed the clients' certificates */
    struct sv admin_certificate, admin_key; /* of kubernetes-admin in system:masters; may be "" */
    /* Of another authority, whose word about users aggregated API servers take: what the server
     * shows them as PROXY_NAME. */
    struct sv proxy_ca, proxy_certificate, proxy_key;
};

/* Makes all of it; good for ten years, and for `host` besides localhost. */
MUST_CHECK bool tls_identity_make(struct arena *arena, struct sv host, int64_t now_ms,
                                  struct tls_identity *ret_identity, struct error *err);

/* Who a verified client certificate (DER) names: the common name is the user, organizations are
 * groups. False when it has no common name. */
bool tls_certificate_user(struct arena *arena, struct sv der, struct user_info *ret_user);

/* Bytes that nobody guesses, as hexadecimal text. */
struct sv random_text(struct arena *arena, size_t byte_count);

#endif
