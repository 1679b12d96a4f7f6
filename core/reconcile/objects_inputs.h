/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects_inputs: everything that config maps, services and workloads are worked out from, as one
 * hash. While it is what it was when all of them were found as they should be, they still are, and
 * need not be rendered and compared again: most plans are about something else.
 */
#ifndef CORE_RECONCILE_OBJECTS_INPUTS_H
#define CORE_RECONCILE_OBJECTS_INPUTS_H

#include "core/base/base.h"

struct pass;

/* `replicas` are those that each component shall have now. Never 0. */
uint64_t objects_inputs(const struct pass *pass, const int64_t *replicas);

#endif
