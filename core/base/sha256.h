/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: the digest of FIPS 180-4, for the few names and hashes that Kubernetes makes with it.
 * Not for secrets. Pure.
 */
#ifndef CORE_BASE_SHA256_H
#define CORE_BASE_SHA256_H

#include "core/base/base.h"
#include "core/base/sv.h"

enum { SHA256_BYTES = 32, SHA256_HEX_BYTES = 2 * SHA256_BYTES };

void sha256(struct sv text, unsigned char ret_digest[SHA256_BYTES]);
/* Lower-case digits and a terminator. */
void sha256_hex(struct sv text, char ret_hex[SHA256_HEX_BYTES + 1]);

#endif
