/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/lifecycle/lifecycle.h"

#include "conformance/lifecycle/lifecycle_run.h"

#include "core/base/arena.h"

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

/* Of the first sample, in sessions of their own. */
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

/* --- parts --- */

/* The life of the first sample, the binding of each further one, the separate steps, and faults for
 * each sample. */
enum part_kind { PART_LIFE, PART_BINDING, PART_STEP, PART_FAULTS };

struct part {
    enum part_kind kind;
    size_t index; /* of the sample or step */
};

static struct part part_at(const struct subject *subject, size_t index) {
    if (index == 0)
        return (struct part){PART_LIFE, 0};
    if (index < subject->sample_count)
        return (struct part){PART_BINDING, index};
    index -= subject->sample_count;
    if (index < COUNT_OF(separate))
        return (struct part){PART_STEP, index};
    return (struct part){PART_FAULTS, index - COUNT_OF(separate)};
}

size_t lifecycle_part_count(const struct subject *subject) {
    return 2 * subject->sample_count + COUNT_OF(separate);
}

struct outcome {
    struct check_results results;
    struct lifecycle_measurements measurements;
    bool is_bound;
};

struct parts {
    const struct subject *subject;
    const struct lifecycle_options *options;
    struct outcome *outcomes; /* one for each part */
};

static void run_part(struct parts *parts, size_t index) {
    struct outcome *outcome = &parts->outcomes[index];
    const struct lifecycle_options *options = parts->options;
    struct part part = part_at(parts->subject, index);
    outcome->results.arena = arena_new();
    struct lifecycle_run run = {
        .subject = parts->subject,
        .sample = &parts->subject->samples[part.kind == PART_STEP ? 0 : part.index],
        .options = options,
        .results = &outcome->results,
        .arena = outcome->results.arena,
    };
    if (options->engines)
        run.engine_count = options->engines(options->engines_context, index, run.engines);
    switch (part.kind) {
    case PART_LIFE:
        run_sample(&run);
        break;
    case PART_BINDING:
        bind_sample(&run);
        break;
    case PART_STEP:
        report_progress(&run, separate[part.index].id);
        separate[part.index].step(&run);
        break;
    case PART_FAULTS:
        report_progress(&run, SV("FLT-001"));
        lifecycle_faults(&run);
        break;
    }
    outcome->measurements = run.measurements;
    outcome->is_bound = run.is_bound;
}

/* In the order in which parts are begun when several are under way: the life takes longest, and
 * faults compute while the others wait for their scripts. */
static void run_part_at(void *context, size_t position) {
    struct parts *parts = context;
    run_part(parts, position == 0 ? 0 : lifecycle_part_count(parts->subject) - position);
}

/* Where the first sample does not bind, steps that begin with that say nothing. */
static bool is_in_vain(const struct parts *parts, size_t index) {
    return part_at(parts->subject, index).kind == PART_STEP && !parts->outcomes[0].is_bound;
}

static void run_one_by_one(struct parts *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_in_vain(parts, i))
            run_part(parts, i);
}

static void take_outcome(struct parts *parts, size_t index, struct check_results *results) {
    struct outcome *outcome = &parts->outcomes[index];
    if (is_in_vain(parts, index))
        results_add(results, separate[part_at(parts->subject, index).index].id,
                    CHECK_STATE_SKIP_UNOBSERVABLE,
                    "not executed: the sample did not reach Bound (see BIND-001)")
            ->observed_by = OBSERVED_BY_SIM;
    else
        results_append(results, &outcome->results);
    arena_free(outcome->results.arena);
}

void lifecycle_checks(const struct subject *subject, const struct lifecycle_options *options,
                      struct check_results *results,
                      struct lifecycle_measurements *ret_measurements) {
    AUTO(arena) arena = arena_new();
    size_t count = lifecycle_part_count(subject);
    struct parts parts = {subject, options, ARENA_ARRAY(arena, struct outcome, count)};
    if (options->each)
        options->each(count, run_part_at, &parts);
    else
        run_one_by_one(&parts, count);
    struct lifecycle_measurements measurements = parts.outcomes[0].measurements;
    for (size_t i = 0; i < count; i++) {
        measurements.faults_struck += parts.outcomes[i].measurements.faults_struck;
        measurements.faults_missed += parts.outcomes[i].measurements.faults_missed;
    }
    for (size_t i = 0; i < count; i++)
        take_outcome(&parts, i, results);
    *ret_measurements = measurements;
}
