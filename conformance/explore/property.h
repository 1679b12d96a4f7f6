/* SPDX-License-Identifier: Apache-2.0 */
/*
 * property: what must hold for any scenario, whatever is in it. The scenario is run without its
 * faults, then with them:
 *   - it comes to rest, in both, and, once all is well, stays there without a write (fixpoint);
 *   - with faults it ends with the same objects as without (convergence);
 *   - the controller never writes what is there already (without faults; after a lost answer it
 *     cannot know);
 *   - it writes a bounded number of times;
 *   - what is deleted leaves nothing behind.
 * Pure.
 */
#ifndef CONFORMANCE_EXPLORE_PROPERTY_H
#define CONFORMANCE_EXPLORE_PROPERTY_H

#include "conformance/scenario/scenario_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct observer;
struct property_warm;

/* The second column is what reports call it. CRASH is found by who runs cases in processes. */
#define PROPERTIES(X)                                                                              \
    X(NONE, "holds")                                                                               \
    X(REST, "no-rest")                                                                             \
    X(CONVERGENCE, "other-end")                                                                    \
    X(DIFFERENCE, "write-without-difference")                                                      \
    X(BOUND, "too-many-writes")                                                                    \
    X(ORPHAN, "orphan")                                                                            \
    X(CRASH, "crash")                                                                              \
    X(INVALID, "not-a-case") /* a step could not be done even without faults: says nothing */
#define X(name, text) PROPERTY_##name,
enum property { PROPERTIES(X) PROPERTY_COUNT };
#undef X
struct sv property_text(enum property property);

struct property_result {
    enum property broken;
    struct sv message;       /* what was seen; SV("") when all hold */
    struct sv final_objects; /* without faults */
    uint64_t requests;       /* by the controller, of the run without faults */
};

struct property_options {
    uint64_t seed;                   /* of the simulations */
    size_t writes_max;               /* 0: what is usual for the number of steps */
    bool has_reference;              /* only the run with faults is judged, against `reference` */
    struct sv reference;             /* the objects at the end as they must be */
    struct property_warm *warm;      /* sessions to begin with; NULL: none */
    const struct observer *observer; /* of the run with faults; NULL: nobody looks */
    bool ends_at_rest; /* the last step waits for rest: nothing may be written after it */
};

/* Runs a scenario as it is written: what it ends with, and how many requests the controller sends.
 * The property that is broken is REST when an expectation fails. `observer` sees the run; NULL:
 * nobody does. */
void property_measure(const struct scenario *scenario, uint64_t seed,
                      const struct observer *observer, struct arena *arena,
                      struct property_result *ret_result);

/* Judges a scenario. Results live in `arena`. */
void property_judge(const struct scenario *scenario, const struct property_options *options,
                    struct arena *arena, struct property_result *ret_result);

/* The same of a scenario that stands in no file, such as a generated one. */
void property_judge_tree(const struct cJSON *tree, const struct property_options *options,
                         struct arena *arena, struct property_result *ret_result);

#endif
