/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_final: the objects of a cluster as text that is equal when two runs ended alike: one
 * line an object, without what may differ between runs: uids, resource versions, times,
 * addresses, and the suffixes of generated names.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_FINAL_H
#define CONFORMANCE_SCENARIO_SCENARIO_FINAL_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct arena;
struct session;

/* Events, leases and what the API server itself brings along are not in it. With
 * `ignores_placement` it does not matter which of several equal nodes the scheduler chose for a
 * pod: nodes have no names, and their labels stand together, quantities added up. */
MUST_CHECK bool scenario_final_text(struct session *session, bool ignores_placement,
                                    struct arena *arena, struct sv *ret_text, struct error *err);

/* The first line of either text that the other does not have at its place; both SV("") when the
 * texts are equal. */
void scenario_final_compare(struct sv expected, struct sv actual, struct sv *ret_expected,
                            struct sv *ret_actual);
/* Two such lines for people: where they are about one object, only the first member that
 * differs. In `arena`. */
void scenario_final_shorten(struct arena *arena, struct sv *expected, struct sv *actual);

#endif
