/* SPDX-License-Identifier: Apache-2.0 */
/* FLT-001: a sample whose controller meets every single fault at every request. */
#include "conformance/lifecycle/lifecycle_run.h"

#include "conformance/lifecycle/fault_sweep.h"
#include "core/base/arena.h"

void lifecycle_faults(struct lifecycle_run *run) {
    struct sv id = SV("FLT-001");
    struct fault_sweep_result result;
    fault_sweep(run->subject, run->sample,
                &(struct fault_sweep_options){.seed = run->options->seed}, run->arena, &result);
    run->measurements.faults_struck = result.struck_count;
    run->measurements.faults_missed = result.missed_count;
    switch (result.state) {
    case FAULT_SWEEP_HELD:
        run_pass(run, id);
        break;
    case FAULT_SWEEP_FAILED:
        run_fail(run, id, "sample %.*s, %.*s: %.*s", SV_ARG(run->sample->name),
                 SV_ARG(result.fault), SV_ARG(result.message));
        break;
    case FAULT_SWEEP_NO_BOUND:
        run_skip_unobservable(
            run, id,
            arena_printf(run->arena,
                         "not executed: sample %.*s does not bind even without faults: %.*s",
                         SV_ARG(run->sample->name), SV_ARG(result.message))
                .ptr);
        break;
    }
}
