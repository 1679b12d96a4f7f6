/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/parallel.h"

#include "core/base/test.h"

#include <stdatomic.h>

enum { JOBS = 100 };

struct jobs {
    atomic_int calls[JOBS];
    atomic_int running, most;
};

static void run_one(void *context, size_t index) {
    struct jobs *jobs = context;
    int running = atomic_fetch_add(&jobs->running, 1) + 1;
    int most = atomic_load(&jobs->most);
    while (running > most && !atomic_compare_exchange_weak(&jobs->most, &most, running))
        ;
    atomic_fetch_add(&jobs->calls[index], 1);
    atomic_fetch_sub(&jobs->running, 1);
}

static const struct {
    size_t count, workers;
} cases[] = {{0, 4}, {1, 4}, {JOBS, 1}, {JOBS, 3}, {JOBS, PARALLEL_WORKERS_MAX + 5}};

TEST(each_job_runs_once_and_no_more_at_a_time_than_asked_for) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct jobs jobs;
        jobs = (struct jobs){0};
        parallel_each(cases[i].count, cases[i].workers, run_one, &jobs);
        for (size_t j = 0; j < JOBS; j++)
            CHECK(jobs.calls[j] == (j < cases[i].count));
        CHECK((size_t)jobs.most <= cases[i].workers);
        CHECK(jobs.running == 0);
    }
}

static void set(void *context) {
    *(bool *)context = true;
}

TEST(a_started_job_is_over_when_it_is_joined) {
    bool is_done = false;
    parallel_join(parallel_start(set, &is_done));
    CHECK(is_done);
    parallel_join(NULL);
    CHECK(parallel_processor_count() >= 1 && parallel_processor_count() <= PARALLEL_WORKERS_MAX);
}
