/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_parts: one run of a scenario on its way, shared by the files that carry it out.
 * Private to conformance/scenario_*.c.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_PARTS_H
#define CONFORMANCE_SCENARIO_SCENARIO_PARTS_H

#include "conformance/scenario/scenario_run.h"
#include "conformance/scenario/scenario_trace.h"

struct run {
    const struct scenario *scenario;
    const struct scenario_options *options;
    struct arena *arena; /* of the whole run */
    struct scenario_result *result;
    struct session *session;
    struct world *world;       /* NULL: requests cannot be seen */
    struct schedule *schedule; /* NULL without a world */
    bool has_to_cut_watches;   /* a fault demands it, at the next opportunity */
    struct trace trace;
    int64_t start_ms;
    size_t step; /* the current one */
    /* The expectation that is waited for, an item of its list and that item's member; NULL: none */
    const struct cJSON *awaited_item, *awaited;
    uint64_t controller_sent;                /* requests of every verb */
    uint64_t sent_before_sweep;              /* of them, before the step where a sweep begins */
    bool is_rule_broken[SCENARIO_RULES_MAX]; /* each is told once */
    /* Without a world: session_revision() when each step began; 0: not yet. */
    int64_t *step_revisions;
    bool is_cut; /* one run of a sweep: what depends on the number of requests, or
                  * on the scenario's own faults, is not judged */
};

/* Adds a failure at `at` (a node of the file). */
void run_add_failure(struct run *run, const struct cJSON *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Does what faults demand, then waits until `holds` says so or the time is over. */
bool run_wait(struct run *run, int64_t timeout_ms, bool (*holds)(struct run *run, void *context),
              void *context);

/* --- scenario_limits.c --- */

/* Why the scenario cannot be carried out in this session, by the name of what cannot; SV("") when
 * it can. */
struct sv scenario_limits_reason(const struct run *run);
/* Which rules of the file cannot be judged in it; SV("") when all can. */
struct sv scenario_limits_unjudged(const struct run *run);

/* --- scenario_action.c --- */

/* False: a failure was added. */
bool run_act(struct run *run, const struct scenario_step *step);

/* --- scenario_expect.c --- */

/* The step begins: from here on its first expectation may come true. */
void expect_begin(struct run *run, const struct scenario_step *step);
/* Somebody wrote an object, which is now as in `result`. */
void expect_observe(struct run *run, const struct request *request, const struct cJSON *result);
/* Waits for each expectation of the step in turn; a failure is added for the first that does not
 * come true in time. */
bool run_expect(struct run *run, const struct scenario_step *step);
/* Until the controller rests: it is idle and wrote nothing for a while. */
bool run_settle(struct run *run, int64_t timeout_ms);
/* Whether each condition tells the truth; a failure is added for each that does not. */
bool run_check_conditions(struct run *run, const struct cJSON *at, bool is_at_rest);

/* --- scenario_rules.c --- */

/* Judges one change as it happens, in step `step`. `result` is the object that the server answered,
 * or NULL. */
void rules_observe(struct run *run, size_t step, const struct trace_entry *entry,
                   const struct cJSON *result);
/* Whether a rule of `always` or `never` is about what is in an object, and not who asks for what.
 */
bool rules_is_state(const struct cJSON *rule);
/* Judges the whole run: order, count, budgets, faults that never struck. */
void rules_judge(struct run *run);

#endif
