/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition_check: whether the conditions of CacheRuntimes, Datasets and classes tell the truth.
 * Each is worked out again from what the API server holds: pods, workloads, volumes, the other
 * object. It shares no code with the controller that wrote them, on purpose: the same mistake made
 * twice would not be seen.
 *
 * What objects cannot show (that an execution failed) is believed, where the reason says so.
 */
#ifndef CONFORMANCE_SCENARIO_CONDITION_CHECK_H
#define CONFORMANCE_SCENARIO_CONDITION_CHECK_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct session;

/* The objects of a cluster; lists of trees, NULL where there are none. */
struct condition_view {
    const struct cJSON *classes, *runtimes, *datasets;
    const struct cJSON *stateful_sets, *daemon_sets, *deployments;
    const struct cJSON *pods, *claims, *volumes;
    /* Nothing happens any more: False must be true as well, and counters exact. Otherwise only
     * what may never be said together is looked at. */
    bool is_at_rest;
};

struct condition_lie {
    struct sv object;    /* "CacheRuntime default/demo" */
    struct sv condition; /* "Ready", or "phase", or a counter */
    struct sv says;      /* "True (Serving)" */
    struct sv truth;     /* a sentence */
};

enum { CONDITION_LIES_MAX = 16 };

/* Texts live in `arena`. Returns how many there are, at most CONDITION_LIES_MAX. */
size_t condition_check(const struct condition_view *view, struct arena *arena,
                       struct condition_lie lies[CONDITION_LIES_MAX]);

/* Lists what the check needs, in all namespaces. */
MUST_CHECK bool condition_view_read(struct session *session, struct arena *arena,
                                    struct condition_view *ret_view, struct error *err);

#endif
