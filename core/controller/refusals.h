/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusals: what the server forbids, told in the log once and not for every object and every try.
 * A verb on a resource in a namespace is told again only after it has worked in between. The
 * conditions of all that wait for it speak for themselves.
 */
#ifndef CORE_CONTROLLER_REFUSALS_H
#define CORE_CONTROLLER_REFUSALS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;
struct log;
struct refusals; /* opaque */

/* Of that many is remembered that they were told; the oldest is told again. */
enum { REFUSALS_MAX = 256 };

/* `log` must live as long. */
struct refusals *refusals_new(struct log *log);
/* Accepts NULL. */
void refusals_free(struct refusals *refusals);

/* What was asked for, in RBAC's words; the subresource may be "". */
struct permission {
    struct sv verb, plural, subresource, namespace_name;
};

/* How a request ended. True when it was forbidden, which the log says by now. */
bool refusals_note(struct refusals *refusals, const struct permission *permission,
                   const struct error *err);

#endif
