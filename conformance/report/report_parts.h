/* SPDX-License-Identifier: Apache-2.0 */
/* report_parts: pieces of which report_build() puts a report together. Private to report_*.c. */
#ifndef CONFORMANCE_REPORT_REPORT_PARTS_H
#define CONFORMANCE_REPORT_REPORT_PARTS_H

#include "core/base/sv.h"

struct arena;
struct check_results;
struct cJSON;
struct location;
struct subject;

/* A member where there is something to say. */
void report_set_text(struct arena *arena, struct cJSON *map, struct sv key, struct sv text);
/* Members file, line, column, jsonPath, as far as they are known. */
void report_add_location(struct arena *arena, struct cJSON *map, const struct location *at);
/* features[]: what class and samples claim, and the line that says so. */
void report_add_features(const struct subject *subject, struct arena *arena, struct cJSON *report);
/* profiles[]: the groups of checks that belong to the claimed features, each with its result.
 * Features must be there. */
void report_add_profiles(const struct check_results *results, struct arena *arena,
                         struct cJSON *report);
/* level {reached, next, missing}. */
void report_add_level(const struct check_results *results, struct arena *arena,
                      struct cJSON *report);

#endif
