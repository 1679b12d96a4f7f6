/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/lifecycle/lifecycle.h"

#include "conformance/lifecycle/lifecycle_run.h"

/* In lifecycle order: each step finds the runtime as the one before left it. */
static const struct {
    struct sv ids[4];
    void (*step)(struct lifecycle_run *run);
} steps[] = {
    {{SV("BIND-001"), SV("SCH-007")}, lifecycle_bind},
    {{SV("PERF-001")}, lifecycle_steady},
    {{SV("SCALE-001"), SV("SCALE-003")}, lifecycle_scale},
    {{SV("MNT-001"), SV("MNT-004"), SV("EXEC-008")}, lifecycle_mounts},
    {{SV("CTL-001")}, lifecycle_restart},
    {{SV("HLTH-001"), SV("MNT-003"), SV("HLTH-003")}, lifecycle_health},
    {{SV("UPG-002")}, lifecycle_upgrade},
    {{SV("DEL-004")}, lifecycle_delete},
};

static const struct {
    struct sv id;
    void (*step)(struct lifecycle_run *run);
} separate[] = {
    {SV("BIND-002"), lifecycle_failing_mounts},
    {SV("TOPO-004"), lifecycle_disabled_components},
    {SV("DEL-005"), lifecycle_two_runtimes},
};

static void report_progress(const struct lifecycle_run *run, struct sv id) {
    if (run->options->progress)
        run->options->progress(run->options->context, id);
}

static void skip_step(struct lifecycle_run *run, size_t index) {
    for (size_t i = 0; i < COUNT_OF(steps[index].ids) && steps[index].ids[i].len > 0; i++)
        results_add(run->results, steps[index].ids[i], CHECK_STATE_SKIP_UNOBSERVABLE,
                    "not executed: sample %.*s did not reach Bound (see BIND-001)",
                    SV_ARG(run->sample->name))
            ->observed_by = OBSERVED_BY_SIM;
}

/* The whole life of one sample in one session. */
static void run_sample(struct lifecycle_run *run) {
    if (run_open(run, SV("BIND-001"))) {
        for (size_t i = 0; i < COUNT_OF(steps); i++) {
            report_progress(run, steps[i].ids[0]);
            if (i == 0 || run->is_bound)
                steps[i].step(run);
            else
                skip_step(run, i);
        }
    } else {
        for (size_t i = 1; i < COUNT_OF(steps); i++)
            skip_step(run, i);
    }
    run_close(run);
}

/* A further sample only has to bind: the rest of its life would be the first one's again. */
static void bind_sample(struct lifecycle_run *run) {
    report_progress(run, SV("BIND-001"));
    if (run_open(run, SV("BIND-001")))
        lifecycle_bind(run);
    run_close(run);
}

void lifecycle_checks(const struct subject *subject, const struct lifecycle_options *options,
                      struct check_results *results,
                      struct lifecycle_measurements *ret_measurements) {
    struct lifecycle_run run = {
        .subject = subject,
        .sample = &subject->samples[0],
        .options = options,
        .results = results,
        .arena = results->arena,
    };
    run_sample(&run);
    *ret_measurements = run.measurements;
    bool was_bound = run.is_bound;
    for (size_t i = 1; i < subject->sample_count; i++) {
        run.sample = &subject->samples[i];
        bind_sample(&run);
    }
    run.sample = &subject->samples[0];
    for (size_t i = 0; i < COUNT_OF(separate); i++) {
        report_progress(&run, separate[i].id);
        if (was_bound)
            separate[i].step(&run);
        else
            results_add(results, separate[i].id, CHECK_STATE_SKIP_UNOBSERVABLE,
                        "not executed: the sample did not reach Bound (see BIND-001)")
                ->observed_by = OBSERVED_BY_SIM;
    }
}
