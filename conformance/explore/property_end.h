/* SPDX-License-Identifier: Apache-2.0 */
/*
 * property_end: of the objects at the end of a run, what must be the same however the run went:
 * with faults or without. Where a pod came to lie, and what a pod that nobody replaces was made
 * from, depends on what came first and is no part of what was asked for. Pure.
 */
#ifndef CONFORMANCE_EXPLORE_PROPERTY_END_H
#define CONFORMANCE_EXPLORE_PROPERTY_END_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* `objects` as scenario_final_text() writes them: a line for each, in order again. */
struct sv property_end_comparable(struct sv objects, struct arena *arena);

#endif
