/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/script_jobs.h"

#include "conformance/check.h"
#include "conformance/sandbox/parallel.h"
#include "conformance/script/script_checks.h"
#include "core/base/arena.h"

enum { SPARE_JOBS = 2 };

struct jobs {
    const struct script_check_set *set;
    struct check_results *results; /* one for each check */
};

static void run_job(void *context, size_t index) {
    struct jobs *jobs = context;
    struct check_results *results = &jobs->results[index];
    results->arena = arena_new();
    script_check_set_run(jobs->set, index, results);
}

void script_jobs_run(const struct subject *subject, const struct script_check_options *options,
                     struct check_results *results) {
    AUTO(arena) arena = arena_new();
    struct jobs jobs = {.set = script_check_set_new(subject, options, arena)};
    size_t count = script_check_set_count(jobs.set);
    jobs.results = ARENA_ARRAY(arena, struct check_results, count);
    /* More than processors: a check waits for its script, which another one may be running. */
    parallel_each(count, parallel_processor_count() + SPARE_JOBS, run_job, &jobs);
    for (size_t i = 0; i < count; i++) {
        results_append(results, &jobs.results[i]);
        arena_free(jobs.results[i].arena);
    }
}
