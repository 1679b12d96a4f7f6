/* SPDX-License-Identifier: Apache-2.0 */
/* serve_authority: what `crctl serve` signs for its cluster's controllers. */
#ifndef CONFORMANCE_CMD_SERVE_AUTHORITY_H
#define CONFORMANCE_CMD_SERVE_AUTHORITY_H

#include "fakeapi/cluster/authority.h"

struct authenticator;
struct tls_identity;

struct serve_authority {
    struct authority authority;
    const struct tls_identity *identity;
    const struct authenticator *authenticator;
};

/* All are borrowed until the world that gets `authority->authority` is freed. */
void serve_authority_init(struct serve_authority *authority, const struct tls_identity *identity,
                          const struct authenticator *authenticator);

#endif
