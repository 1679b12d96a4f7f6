/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_index: sets of completion indexes, as Jobs write them: "0,2-4,7". Kept as intervals, so
 * that a million indexes that are all done cost as much as one. Lives in an arena. Pure.
 */
#ifndef FAKEAPI_CLUSTER_JOB_INDEX_H
#define FAKEAPI_CLUSTER_JOB_INDEX_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

struct index_interval {
    int64_t first, last;
};
struct index_set {
    struct index_interval *items; /* apart from each other and sorted */
    size_t count, capacity;
};

enum {
    /* Of a text; more is what nobody's status holds, and is left out. */
    INDEX_INTERVALS_MAX = 100000,
};

/* What does not parse, or lies at or beyond `limit`, is left out. */
struct index_set index_set_parse(struct sv text, int64_t limit, struct arena *arena);
struct sv index_set_format(const struct index_set *set, struct arena *arena);
bool index_set_has(const struct index_set *set, int64_t index);
void index_set_add(struct index_set *set, int64_t index, struct arena *arena);
/* `index`, or the first one after it that is not in the set. */
int64_t index_set_next_absent(const struct index_set *set, int64_t index);
int64_t index_set_size(const struct index_set *set);

#endif
