/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_matrix: one file, several cases. `vars` gives values names, `matrix` gives each name a
 * list of values: a scenario is run for every combination. "${name}" stands for the value, and
 * "${name.member}" for a part of it: alone it becomes the value itself (a number, a list, a map),
 * inside a text its text. Pure.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_MATRIX_H
#define CONFORMANCE_SCENARIO_SCENARIO_MATRIX_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct manifest;

enum { SCENARIO_CASES_MAX = 256, SCENARIO_VARIABLES_MAX = 64 };

/* Puts the values of case `index` into `tree`, the root of the manifest. `ret_suffix` is what the
 * case adds to the scenario's id ("[workers=3]"; of a map its "name"; SV("") without a matrix),
 * `ret_count` how many cases there are. Fails on a name that is not known, not used, or given
 * twice. */
MUST_CHECK bool scenario_matrix_expand(const struct manifest *manifest, struct cJSON *tree,
                                       size_t index, struct sv *ret_suffix, size_t *ret_count,
                                       struct error *err);

#endif
