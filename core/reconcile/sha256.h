/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: the digest of FIPS 180-4, for the few generated names that upstream shortens with it.
 * Not for secrets. Pure.
 */
#ifndef CORE_RECONCILE_SHA256_H
#define CORE_RECONCILE_SHA256_H

#include "core/base/base.h"
#include "core/base/sv.h"

enum { SHA256_HEX_BYTES = 64 };

/* Lower-case digits and a terminator. */
void sha256_hex(struct sv text, char ret_hex[SHA256_HEX_BYTES + 1]);

#endif
