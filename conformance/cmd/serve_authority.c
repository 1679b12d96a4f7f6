/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/serve_authority.h"

#include "core/base/arena.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/certificate_signer.h"
#include "fakeapi/http/tls_identity.h"

/* A token in a Secret ends with the Secret; no server lives that long. */
static const int64_t token_lifetime_s = INT64_C(10) * 365 * 24 * 60 * 60;

static bool sign_certificate(void *context, const struct certificate_order *order,
                             struct arena *arena, struct sv *ret_certificate, struct error *err) {
    const struct serve_authority *authority = context;
    return certificate_sign(authority->identity, order, arena, ret_certificate, err);
}

static struct sv sign_token(void *context, const struct token_order *order, struct arena *arena) {
    const struct serve_authority *authority = context;
    struct sv audience = authenticator_audience();
    int64_t now_s = order->now_ms / 1000;
    struct token_claims claims = {
        .namespace_name = order->namespace_name,
        .name = order->account_name,
        .uid = order->account_uid,
        .bound = {.plural = token_binding_of_kind((struct sv){"Secret", 6})->plural,
                  .namespace_name = order->namespace_name,
                  .name = order->secret_name,
                  .uid = order->secret_uid},
        .audiences = &audience,
        .audience_count = 1,
        .issued_s = now_s,
        .expires_s = now_s + token_lifetime_s,
    };
    return authenticator_sign(authority->authenticator, &claims, arena);
}

void serve_authority_init(struct serve_authority *authority, const struct tls_identity *identity,
                          const struct authenticator *authenticator) {
    *authority = (struct serve_authority){
        .authority = {.root_certificate = identity->ca_certificate,
                      .sign_certificate = sign_certificate,
                      .read_request = certificate_request_read,
                      .sign_token = sign_token,
                      .context = authority},
        .identity = identity,
        .authenticator = authenticator,
    };
}
