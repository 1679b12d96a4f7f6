/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle: the checks of a class that need a cluster to be seen: its samples are created, bound,
 * scaled, remounted, upgraded, hurt and deleted in a session, and after each step the objects are
 * compared with what a user was promised.
 */
#ifndef CONFORMANCE_LIFECYCLE_LIFECYCLE_H
#define CONFORMANCE_LIFECYCLE_LIFECYCLE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct check_results;
struct engine;
struct error;
struct session;
struct session_options;
struct subject;

struct lifecycle_options {
    uint64_t seed;
    /* Makes the session of each life; NULL: session_new(), mode sim. */
    struct session *(*open)(void *context, const struct session_options *options,
                            struct error *err);
    void *open_context;
    /* What the containers answer, asked in this order; see fakeapi/cluster/world.h. */
    const struct engine *engines;
    size_t engine_count;
    /* Called with each check's id before it runs, for progress; may be NULL. */
    void (*progress)(void *context, struct sv check_id);
    void *context;
};

/* Figures of the first sample, for the report; none where requests cannot be seen. */
struct lifecycle_measurements {
    bool are_known;
    uint64_t requests_create; /* by the controller, creation to Bound, events not counted */
    uint64_t writes_create;
    uint64_t writes_steady;   /* in one virtual hour of rest */
    int64_t time_to_bound_ms; /* virtual */
    uint64_t execution_count; /* until Bound */
};

/* Adds one result or more for each check of the catalogue that is observed by simulation. */
void lifecycle_checks(const struct subject *subject, const struct lifecycle_options *options,
                      struct check_results *results,
                      struct lifecycle_measurements *ret_measurements);

#endif
