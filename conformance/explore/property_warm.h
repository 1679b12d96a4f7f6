/* SPDX-License-Identifier: Apache-2.0 */
/*
 * property_warm: sessions with a cluster that stands already, of the sizes that generated cases ask
 * for. To install the CRDs and start nodes costs a third of a case; whoever judges each case in a
 * copy of its process does it once for all of them. A case ends as it would with sessions of its
 * own.
 */
#ifndef CONFORMANCE_EXPLORE_PROPERTY_WARM_H
#define CONFORMANCE_EXPLORE_PROPERTY_WARM_H

#include "conformance/session.h"
#include "core/base/base.h"

struct error;
struct property_warm; /* opaque */

/* `seed` is that of the sessions. */
struct property_warm *property_warm_new(uint64_t seed);
/* Accepts NULL. Frees the sessions that were not taken. */
void property_warm_free(struct property_warm *warm);
DEFINE_AUTO(property_warm)

/* One that stands, each only once, or a new one; NULL and `err` when that fails. `warm` may be
 * NULL. The caller owns it. */
struct session *property_warm_take(struct property_warm *warm,
                                   const struct session_options *options, struct error *err);

#endif
