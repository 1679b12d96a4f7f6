/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario: one behaviour as a file (kind Scenario, certification.md §2.2): objects, steps with
 * what is expected after each, faults, and rules over the whole run. This module reads and checks
 * the file; scenario_run.h carries it out.
 */
#ifndef CONFORMANCE_SCENARIO_SCENARIO_H
#define CONFORMANCE_SCENARIO_SCENARIO_H

#include "conformance/manifest.h"
#include "conformance/scenario/scenario_shape.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/fault/schedule.h"

struct arena;
struct cJSON;
struct error;

enum {
    SCENARIO_STEPS_MAX = 256,
    SCENARIO_OBJECTS_MAX = 1024,
    SCENARIO_RULES_MAX = 64, /* always and never together: each is tried on each request */
    SCENARIO_SCRIPTS_MAX = 256,
    SCENARIO_BYTES_MAX = 1024 * 1024
};

struct scenario_objects {
    const struct cJSON **items;
    const struct cJSON **places; /* what stands for each in the scenario's own file */
    size_t count;
};

struct scenario_step {
    const struct cJSON *tree; /* as it stands in the file */
    struct sv name;
    const struct cJSON *action;      /* the one member of `do`, or NULL */
    struct scenario_objects applied; /* with the action "apply" */
    const struct cJSON *refused;     /* the pattern of the message that the action must fail with */
    int64_t within_ms;
    bool settles; /* waits for rest after its expectations */
};

struct scenario {
    const struct manifest *manifest; /* for positions */
    const struct cJSON *tree;
    struct sv id, title;
    struct sv unmet;   /* which of its requirements its objects do not meet, or SV("") */
    size_t node_count; /* 0: the default */
    int64_t image_pull_ms, pod_start_ms, config_map_lag_ms; /* negative: the default */
    struct scenario_objects objects;                        /* applied before the first step */
    const struct cJSON *scripts;                            /* lists of the file, or NULL */
    struct fault *faults;
    size_t fault_count;
    struct scenario_step *steps;
    size_t step_count;
    const struct cJSON *always, *never, *order, *count, *writes, *budgets;
    struct sv golden; /* path of the file with the expected trace, or SV("") */
    bool sweeps_crashes;
    size_t sweep_runs_max;     /* 0: all */
    size_t sweep_step;         /* requests before this one are let through */
    struct object_ref dataset; /* what "phase: Bound" speaks of; without a resource: none */
};

/* Reads a file that the scenario names. Its path is the scenario's folder and the name. */
struct scenario_files {
    bool (*read)(void *context, struct arena *arena, struct sv path, struct sv *ret_text,
                 struct error *err);
    void *context;
};

/* Reads and checks a scenario. Everything lives in `arena`. Failures are one line:
 * "path:line:column: what is wrong". */
MUST_CHECK bool scenario_read(struct arena *arena, struct sv path, struct sv text,
                              const struct scenario_files *files, struct scenario *ret_scenario,
                              struct error *err);
/* The same for one case of its matrix, of which there are `ret_count`; its id names the case. */
MUST_CHECK bool scenario_read_case(struct arena *arena, struct sv path, struct sv text,
                                   size_t index, const struct scenario_files *files,
                                   struct scenario *ret_scenario, size_t *ret_count,
                                   struct error *err);

/* A request or exec of rules, orders and counts, from its tree; `by` "controller" and "user" are
 * the session's user agents. */
struct request_pattern scenario_pattern(const struct cJSON *tree);

#endif
