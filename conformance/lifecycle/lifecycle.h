/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle: the checks of a class that need a cluster to be seen: its samples are created, bound,
 * scaled, remounted, upgraded, hurt and deleted in a session, and after each step the objects are
 * compared with what a user was promised. Parts of it are independent of each other, each with
 * sessions of its own.
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

enum { LIFECYCLE_ENGINES_MAX = 3 };

struct lifecycle_options {
    uint64_t seed;
    /* Makes the session of each life; NULL: session_new(), mode sim. */
    struct session *(*open)(void *context, const struct session_options *options,
                            struct error *err);
    void *open_context;
    /* What the containers of a part answer, asked in this order (see fakeapi/cluster/world.h): at
     * most LIFECYCLE_ENGINES_MAX go to `ret_engines`; the number of them. NULL: none. */
    size_t (*engines)(void *context, size_t part, struct engine *ret_engines);
    void *engines_context;
    /* Calls run(context, i) for each i below `count`, at the same time or not, if `open` and
     * `engines` allow that. NULL: one part after the other, and none in vain. */
    void (*each)(size_t count, void (*run)(void *context, size_t index), void *context);
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
    uint64_t faults_struck;   /* of FLT-001, all samples together */
    uint64_t faults_missed;   /* that could not be brought about */
};

/* How many parts there are for this subject. */
size_t lifecycle_part_count(const struct subject *subject);

/* Adds one result or more for each check of the catalogue that is observed by simulation, always
 * in the same order. */
void lifecycle_checks(const struct subject *subject, const struct lifecycle_options *options,
                      struct check_results *results,
                      struct lifecycle_measurements *ret_measurements);

#endif
