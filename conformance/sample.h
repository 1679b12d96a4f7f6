/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample: a Dataset and a CacheRuntime made from a class, for vendors who give none: one mount,
 * one replica of each component, one level of tiered store where there are workers. Pure.
 */
#ifndef CONFORMANCE_SAMPLE_H
#define CONFORMANCE_SAMPLE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

struct cJSON *sample_dataset(struct arena *arena, struct sv name);
struct cJSON *sample_runtime(struct arena *arena, struct sv name,
                             const struct cJSON *runtime_class);

#endif
