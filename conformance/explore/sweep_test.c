/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/sweep.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"

static const struct {
    const char *text;
    const char *message; /* NULL: it is read, and written as it was */
} cases[] = {
    {"crash.before@1", NULL},
    {"api.status(409)@12+watch.close@3", NULL},
    {"api.statu(409)@12", "unknown fault \"api.statu(409)\"; did you mean \"api.status(409)\"?"},
    {"crash.before", "\"crash.before\": write FAULT@N, the N-th request from 1 on"},
    {"crash.before@0", "\"crash.before@0\": write FAULT@N, the N-th request from 1 on"},
    {"", "unknown fault \"\""},
};

TEST(faults_are_read_as_they_are_written) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sweep_case sweep = {0};
        struct error err = {0};
        bool is_read = sweep_parse(sv_from(cases[i].text), &sweep, &err);
        CHECK(is_read == !cases[i].message);
        CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
        if (is_read)
            CHECK_SV(sweep_text(&sweep, arena), sv_from(cases[i].text));
    }
}

/* Each number is another fault or another request, and the last ones strike the last request. */
TEST(every_fault_meets_every_request) {
    AUTO(arena) arena = arena_new();
    enum { REQUESTS = 3 };
    uint64_t count = sweep_single_count(REQUESTS), at_each[REQUESTS] = {0};
    for (uint64_t i = 0; i < count; i++) {
        struct sweep_case sweep = sweep_single(i);
        REQUIRE(sweep.point_count == 1);
        REQUIRE(sweep.points[0].nth >= 1 && sweep.points[0].nth <= REQUESTS);
        at_each[sweep.points[0].nth - 1]++;
    }
    for (size_t i = 0; i < REQUESTS; i++)
        CHECK(at_each[i] == count / REQUESTS);
}

TEST(pairs_are_drawn_from_the_seed) {
    AUTO(arena) arena = arena_new();
    struct sweep_case a = sweep_pair(1, 5, 40), b = sweep_pair(1, 5, 40), c = sweep_pair(2, 5, 40);
    CHECK(a.point_count == 2);
    CHECK_SV(sweep_text(&a, arena), sweep_text(&b, arena));
    CHECK(!sv_eq(sweep_text(&a, arena), sweep_text(&c, arena)));
}
