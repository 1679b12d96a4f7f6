/* SPDX-License-Identifier: Apache-2.0 */
/* generated_worlds: the clusters that cases are drawn for, the smaller one first. */
#ifndef CONFORMANCE_EXPLORE_GENERATED_WORLDS_H
#define CONFORMANCE_EXPLORE_GENERATED_WORLDS_H

#include "core/base/base.h"

enum { GENERATED_WORLDS = 2 };
extern const struct generated_world {
    size_t node_count;
    int64_t config_map_lag_ms;
} generated_worlds[GENERATED_WORLDS];

#endif
