/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explore_findings: what both halves of `crctl explore` do with what they find: collect it from the
 * pool, print it, and keep a failing case as a scenario. Private to conformance/cmd/explore_*.c.
 */
#ifndef CONFORMANCE_CMD_EXPLORE_FINDINGS_H
#define CONFORMANCE_CMD_EXPLORE_FINDINGS_H

#include "conformance/cmd/explore.h"
#include "conformance/explore/property.h"

struct arena;
struct cJSON;

struct explore_failure {
    uint64_t number;
    enum property broken;
    struct sv message; /* in the arena of the findings */
};

/* What a pool has found, in the order in which it arrived. */
struct explore_findings {
    struct arena *arena;
    const struct explore_options *options;
    uint64_t wanted; /* cases, for the progress; 0: as many as the time allows */
    uint64_t done, invalid;
    struct explore_failure failures[EXPLORE_FAILURES_MAX];
    size_t failure_count;
};

/* For explore_pool.done; `context` is the findings. Tells of the progress on a terminal. */
bool explore_take(void *context, uint64_t number, enum property broken, struct sv message);
/* Lowest number first, so that the same cases give the same text. */
void explore_sort(struct explore_findings *findings);
/* The closing line; and the exit status. */
int explore_finish(const struct explore_findings *findings, uint64_t done);

/* Prints "fail …" with the message and the command that replays it. `what` names the case. */
void explore_print_failure(struct sv what, const struct property_result *result, struct sv replay);
/* Writes a scenario to "DIR/NAME.yaml" and tells; nothing without a folder. */
MUST_CHECK bool explore_save(struct sv folder, struct sv name, const struct cJSON *scenario,
                             struct arena *arena, struct error *err);
/* The scenario as YAML on stdout. */
int explore_show(const struct cJSON *scenario, struct arena *arena);

#endif
