/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate: random scenarios: a class, Datasets and runtimes of any layout, a course of edits,
 * deaths and drift, and faults on the way. Weighted to what is interesting: small numbers, the
 * layouts of contract.md §4, edits that meet each other. Pure.
 *
 * A case is made of parts (features of the class and runtime, steps, faults) and is the same for
 * the same seed and number on every machine. `removed` takes parts out without changing the
 * others, so that a failing case can be made small.
 */
#ifndef CONFORMANCE_EXPLORE_GENERATE_H
#define CONFORMANCE_EXPLORE_GENERATE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* One bit each; what comes after stays in. */
enum { GENERATED_PARTS_MAX = 64 };

struct case_id {
    uint64_t seed, number;
    uint64_t removed; /* bit i: without part i */
};

struct generated {
    struct cJSON *scenario; /* kind Scenario */
    size_t part_count;
};

void generate_scenario(struct arena *arena, struct case_id id, struct generated *ret_generated);

/* "SEED:CASE", or "SEED:CASE:REMOVED" with REMOVED in hexadecimal. */
struct sv case_id_text(struct case_id id, struct arena *arena);
/* False when the text is neither. */
MUST_CHECK bool case_id_parse(struct sv text, struct case_id *ret_id);

#endif
