/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_match: whether an object is as a scenario expects it (certification.md §2.2).
 *
 * Maps match as subsets. Lists of maps match as subsets in any order, item by item by the first
 * of the usual merge keys (name, type, path, …) that all expected items have, else each expected
 * item by any item. Lists of scalars match as a whole. A map made of directives only overrides:
 *
 *     {exact: v}    no further members or items      {ordered: [...]}  exact, and in this order
 *     {length: n}   number of items (n may be {gt: …})   {each: v}     every item matches v
 *     {gt|ge|lt|le: n}   numbers, also as text           {re: "…"}     POSIX extended
 *     {quantity: 1Gi}    equal as a quantity             {not: v}      does not match v
 *     {keys: v}     the list of a map's keys matches v
 *
 * The texts "present" and "absent" say just that. Pure.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_MATCH_H
#define CONFORMANCE_SCENARIO_SCENARIO_MATCH_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

enum { MATCH_PATTERN_BYTES_MAX = 256 };

/* The first thing that differs. */
struct mismatch {
    struct sv path; /* "status.conditions[type=Ready].status" */
    struct sv expected, actual;
};

/* `actual` may be NULL (absent). On a difference `ret_mismatch` is set, in `arena`. */
bool scenario_match(struct arena *arena, const struct cJSON *expected, const struct cJSON *actual,
                    struct mismatch *ret_mismatch);

#endif
