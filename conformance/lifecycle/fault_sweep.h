/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_sweep: whether one sample binds, with the same objects as ever, whatever single fault
 * meets whatever request of the controller on the way.
 *
 * Hundreds of runs would say it, one for each fault at each request. A few do: in one run every
 * request meets a fault, is sent again and meets another, each time others. What no run has shown
 * at a request is made up for in further ones. Only where such a run goes wrong are its faults
 * tried one by one. Entries do what a good engine does. Pure; a function of its input.
 */
#ifndef CONFORMANCE_LIFECYCLE_FAULT_SWEEP_H
#define CONFORMANCE_LIFECYCLE_FAULT_SWEEP_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct sample;
struct subject;

enum fault_sweep_state {
    FAULT_SWEEP_HELD,
    FAULT_SWEEP_FAILED,   /* `fault` and `message` say what and how */
    FAULT_SWEEP_NO_BOUND, /* the sample does not bind even without faults */
};

struct fault_sweep_result {
    enum fault_sweep_state state;
    struct sv fault;   /* "api.status(409) at the first apply of statefulsets demo-worker" */
    struct sv message; /* what came of it */
    size_t request_count;
    size_t struck_count; /* faults at requests that were met */
    size_t missed_count; /* those that could not be brought about */
    size_t run_count;
};

struct fault_sweep_options {
    uint64_t seed;
    int64_t within_s; /* virtual: how long the sample may take to bind; 0: a day */
};

/* `sample` is the subject's. Results live in `arena`. */
void fault_sweep(const struct subject *subject, const struct sample *sample,
                 const struct fault_sweep_options *options, struct arena *arena,
                 struct fault_sweep_result *ret_result);

#endif
