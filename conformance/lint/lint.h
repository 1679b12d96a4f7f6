/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint: the static half of certification: what can be said of a class, its samples and its
 * scripts by reading them. Each finding points at a line. Pure.
 */
#ifndef CONFORMANCE_LINT_LINT_H
#define CONFORMANCE_LINT_LINT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct check_results;
struct error;
struct manifest;
struct subject;

/* Which controller the class is judged for: this project's, or upstream's. */
#define LINT_TARGETS(X) X(CACHERUNTIME, "cacheruntime") X(FLUID, "fluid")
#define X(name, text) LINT_TARGET_##name,
enum lint_target { LINT_TARGETS(X) LINT_TARGET_COUNT };
#undef X
struct sv lint_target_text(enum lint_target target);

struct lint_options {
    enum lint_target target;
    const struct subject *previous; /* the class as it was, to compare with; may be NULL */
};

/* Adds one result or more for each check of the catalogue that is observed by lint. */
void lint_checks(const struct subject *subject, const struct lint_options *options,
                 struct check_results *results);

/* What the API server would refuse or drop of any objects, whatever they are for: a failure of
 * SCH-001 or SCH-002 for each place; nothing for objects of kinds that are not known. */
void lint_objects(const struct manifest *manifests, size_t manifest_count,
                  struct check_results *results);

/* The longest runtime name with which all generated names are legal. */
size_t lint_name_length_max(const struct subject *subject, enum lint_target target);

#endif
