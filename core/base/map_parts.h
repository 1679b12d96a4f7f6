/* SPDX-License-Identifier: Apache-2.0 */
/* map_parts: what a test sees of a map besides its manual. Private to map.c and map_test.c. */
#ifndef CORE_BASE_MAP_PARTS_H
#define CORE_BASE_MAP_PARTS_H

#include "core/base/base.h"

struct map;

/* Slots that are taken, one behind the other: as many are passed by a look-up at most. */
size_t map_longest_run(const struct map *map);

#endif
