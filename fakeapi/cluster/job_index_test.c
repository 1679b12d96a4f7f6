/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/job_index.h"

#include "core/base/arena.h"
#include "core/base/test.h"

static const struct {
    const char *text;
    int64_t add;
    const char *result;
    int64_t size;
} cases[] = {
    {"", 3, "3", 1},
    {"0,2-4,7", 1, "0-4,7", 6},
    {"0,2-4,7", 5, "0,2-5,7", 6},
    {"0,2-4,7", 6, "0,2-4,6,7", 6},
    {"0,2-4,7", 3, "0,2-4,7", 5},
    {"0,2-4,7", 9, "0,2-4,7,9", 6},
    {"5", 0, "0,5", 2},
    {"1", 0, "0,1", 2},
    /* What is no index set, or beyond the Job's completions, does not count. */
    {"x,3-2,1,-4,5-99", 0, "0,1,5-9", 7},
    {"8,3", 0, "0,8", 2},
};

TEST(sets_of_indexes_are_kept_as_intervals) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct index_set set = index_set_parse(sv_from(cases[i].text), 10, arena);
        index_set_add(&set, cases[i].add, arena);
        CHECK_SV(index_set_format(&set, arena), sv_from(cases[i].result));
        CHECK(index_set_size(&set) == cases[i].size);
        CHECK(index_set_has(&set, cases[i].add));
    }
}

TEST(any_order_of_additions_ends_in_one_interval) {
    AUTO(arena) arena = arena_new();
    struct index_set set = {0};
    for (int64_t i = 0; i < 1000; i++)
        index_set_add(&set, i * 7 % 1000, arena);
    CHECK_SV(index_set_format(&set, arena), SV("0-999"));
    CHECK(!index_set_has(&set, 1000));
    CHECK(index_set_next_absent(&set, 5) == 1000);
}
