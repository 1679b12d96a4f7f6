/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_run: carries a scenario out in a session, and tells what did not come as expected.
 * With `explore` it is run again for every point at which the controller may die, and each of
 * these runs must end with the same objects.
 *
 * A run is a function of the scenario and the seed.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_RUN_H
#define CONFORMANCE_SCENARIO_SCENARIO_RUN_H

#include "conformance/check.h"
#include "conformance/scenario/scenario.h"
#include "conformance/session.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

struct scenario_options {
    uint64_t seed;
    enum session_mode mode;
    /* Makes the session of each run; NULL: session_new(), mode sim. */
    struct session *(*open)(void *context, const struct session_options *options,
                            struct error *err);
    /* The steps are over, and nothing is judged yet; NULL: nobody asks. */
    void (*reached)(void *context, struct session *session);
    void *context;
    bool without_exploring;
    /* Of each sweep at most so many runs, spread over its requests; 0: as many as the file says,
     * and none where time is the wall's. */
    uint64_t sweep_runs_max;
    /* The run meets other faults than the file's: what counts requests is not judged. */
    bool judges_end_only;
    /* Which node a pod is on is no difference between runs. */
    bool ignores_placement;
};

enum { SCENARIO_FAILURES_MAX = 64 };

struct scenario_failure {
    struct location at;
    struct sv message; /* may have several lines */
};

struct scenario_result {
    enum check_state state; /* PASS, FAIL, SKIP_…, ERROR */
    struct sv reason;       /* of a skip or an error */
    struct sv unjudged;     /* what of the file could not be judged in this mode, or SV("") */
    struct scenario_failure failures[SCENARIO_FAILURES_MAX];
    size_t failure_count;
    bool could_not_act; /* a step did nothing, because what it is about is not there */
    /* Of the run without exploring. */
    struct session_counts counts; /* requests by the controller */
    int64_t duration_ms;          /* virtual, or by the wall */
    size_t explored_runs;
    struct sv trace;         /* see trace_told_text() */
    struct sv final_objects; /* see scenario_final.h */
};

/* Results live in `arena`. */
void scenario_run(const struct scenario *scenario, const struct scenario_options *options,
                  struct arena *arena, struct scenario_result *ret_result);

/* Adds a failure when other objects were there in the end than in `expected`, a run in mode sim. */
void scenario_compare_modes(const struct scenario *scenario, const struct scenario_result *expected,
                            struct arena *arena, struct scenario_result *result);

/* Adds a failure when the trace is not the golden one. */
void scenario_compare_golden(const struct scenario *scenario, struct sv golden, struct arena *arena,
                             struct scenario_result *result);

#endif
