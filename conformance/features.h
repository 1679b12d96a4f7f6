/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features: what a class, its datasets and its runtimes claim. Features are inferred from what is
 * written there, never declared. Pure.
 */
#ifndef CONFORMANCE_FEATURES_H
#define CONFORMANCE_FEATURES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;

/* Where claims are looked for; members of the lists may be NULL. */
struct feature_source {
    const struct cJSON *runtime_class;
    const struct cJSON *const *datasets, *const *runtimes;
    size_t dataset_count, runtime_count;
};

/* Rows in a fixed order; several rows may have one name, since a feature has several places. */
size_t feature_count(void);
struct sv feature_name(size_t row);
/* The item by which the feature is claimed there, or NULL. */
const struct cJSON *feature_claim(size_t row, const struct feature_source *source);

#endif
