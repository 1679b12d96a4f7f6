/* SPDX-License-Identifier: Apache-2.0 */
/* crctl certify: lint, scripts and the lifecycle of one class, and the verdict. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "conformance/cmd/judgement.h"
#include "conformance/cmd/scripts.h"
#include "conformance/cmd/session_source.h"
#include "conformance/cmd/verify.h"
#include "conformance/lifecycle/lifecycle.h"
#include "conformance/lint/lint.h"
#include "conformance/report/expectations.h"
#include "conformance/sandbox/parallel.h"
#include "conformance/sandbox/script_jobs.h"
#include "conformance/script/script_checks.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <time.h>
#include <unistd.h>

enum { MEASUREMENTS_MAX = 8, DEFAULT_SEED = 1, OWN_OPTIONS = 9 };

enum progress { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };
/* In the order of enum report_level, without the first one, which is lint's. */
static const struct sv level_choices[] = {SV("bronze"), SV("silver")};
static const struct sv progress_choices[] = {SV("auto"), SV("always"), SV("never")};

struct certify_options {
    struct judgement_options judgement;
    uint64_t seed;
    bool is_static;
    int progress;                      /* enum progress */
    int level;                         /* of level_choices */
    struct sv previous, expect, as_of; /* SV(""): none, none, today */
    bool is_strict;
    struct session_source_options source;
};

static bool shows_progress(const struct certify_options *options) {
    return options->progress == PROGRESS_ALWAYS ||
           (options->progress == PROGRESS_AUTO && isatty(STDERR_FILENO));
}

static void show_progress(void *context, struct sv check_id) {
    (void)context;
    fprintf(stderr, "\r\033[K%.*s", SV_ARG(check_id));
}

static void end_progress(void) {
    fprintf(stderr, "\r\033[K");
}

static void run_scripts(const struct subject *subject, const struct certify_options *options,
                        const struct scripts *scripts, struct check_results *results) {
    struct script_check_options checks = {
        .runner = scripts_runner(scripts),
        .unavailable = &scripts->unavailable,
        .simulation = scripts_simulation(scripts),
        .progress = shows_progress(options) ? show_progress : NULL,
    };
    script_jobs_run(subject, &checks, results);
}

/* The lifecycle in simulation, which is a job of its own beside the scripts. */
struct life {
    const struct subject *subject;
    const struct certify_options *options;
    const struct scripts *scripts;
    struct session_source *source;
    struct script_engine **engines; /* one for each part */
    struct check_results results;
    struct lifecycle_measurements measured;
};

static size_t engines_of(void *context, size_t part, struct engine *ret_engines) {
    const struct life *life = context;
    return scripts_engines(life->scripts, life->subject, life->engines[part], ret_engines);
}

static void run_beside_each_other(size_t count, void (*run)(void *context, size_t index),
                                  void *context) {
    parallel_each(count, parallel_processor_count() + 1, run, context); /* they wait for scripts */
}

static void run_lifecycle(void *context) {
    struct life *life = context;
    AUTO(arena) arena = arena_new();
    size_t count = lifecycle_part_count(life->subject);
    bool is_sim = life->options->source.mode == SESSION_MODE_SIM;
    struct lifecycle_options lifecycle = {
        .seed = life->options->seed,
        .open = session_source_open,
        .open_context = life->source,
        .engines = engines_of,
        .engines_context = life,
        .each = is_sim ? run_beside_each_other : NULL,
        .progress = shows_progress(life->options) ? show_progress : NULL,
    };
    life->engines = ARENA_ARRAY(arena, struct script_engine *, count);
    for (size_t i = 0; i < count; i++)
        life->engines[i] = scripts_engine_new(life->scripts);
    lifecycle_checks(life->subject, &lifecycle, &life->results, &life->measured);
    for (size_t i = 0; i < count; i++)
        script_engine_free(life->engines[i]);
}

/* Beside each other in simulation. Else one after the other: scripts that take the processors
 * would be taken for a slow cluster. */
static void run_both(struct life *life, struct check_results *results) {
    bool is_sim = life->options->source.mode == SESSION_MODE_SIM;
    struct parallel_job *job = is_sim ? parallel_start(run_lifecycle, life) : NULL;
    run_scripts(life->subject, life->options, life->scripts, results);
    if (is_sim)
        parallel_join(job);
    else
        run_lifecycle(life);
}

/* What scripts and the lifecycle show; returns the number of measurements. */
static size_t observe(struct life *life, struct check_results *results,
                      struct report_measurement *ret_measurements) {
    run_both(life, results);
    results_append(results, &life->results);
    const struct lifecycle_measurements *measured = &life->measured;
    const struct report_measurement measurements[] = {
        {SV("requestsCreate"), (int64_t)measured->requests_create},
        {SV("writesCreate"), (int64_t)measured->writes_create},
        {SV("writesSteadyPerHour"), (int64_t)measured->writes_steady},
        {SV("timeToBindVirtualMs"), measured->time_to_bound_ms},
        {SV("execCount"), (int64_t)measured->execution_count},
        {SV("faultsStruck"), (int64_t)measured->faults_struck},
        {SV("faultsMissed"), (int64_t)measured->faults_missed},
    };
    /* A figure that was not taken is none, and in real time another machine has others. */
    if (life->options->source.mode != SESSION_MODE_SIM)
        return 0;
    memcpy(ret_measurements, measurements, sizeof(measurements));
    return COUNT_OF(measurements);
}

/* That certifies like this again. */
static struct sv command_of(const struct certify_options *options, struct sv path,
                            enum lint_target target, struct arena *arena) {
    int mode = options->source.mode;
    const char *cluster = mode == SESSION_MODE_CLUSTER ? " --kubeconfig FILE" : "";
    struct sv in_mode =
        mode == SESSION_MODE_SIM
            ? SV("")
            : arena_printf(arena, " --mode %.*s%s", SV_ARG(session_mode_names[mode]), cluster);
    struct sv beside =
        arena_printf(arena, "%s%.*s%s%.*s%s%.*s", options->previous.len ? " --previous " : "",
                     SV_ARG(options->previous), options->expect.len ? " --expect " : "",
                     SV_ARG(options->expect), options->expect.len ? " --as-of " : "",
                     SV_ARG(options->expect.len ? options->as_of : SV("")));
    return arena_printf(arena, "crctl certify %.*s --target %.*s --seed %llu%s%.*s%.*s",
                        SV_ARG(path), SV_ARG(lint_target_text(target)),
                        (unsigned long long)options->seed, options->is_static ? " --static" : "",
                        SV_ARG(in_mode), SV_ARG(beside));
}

/* What is certified, and the files that the verdict depends on besides. */
struct inputs {
    struct subject subject, previous;
    bool has_previous, has_expectations;
    struct expectations expectations;
};

static struct sv today(struct arena *arena) {
    char text[16];
    time_t now = time(NULL);
    struct tm fields;
    size_t len = strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&now, &fields));
    return arena_copy(arena, (struct sv){text, len});
}

static bool read_expectations(struct certify_options *options, struct arena *arena,
                              struct inputs *inputs, struct error *err) {
    struct manifest *manifest;
    if (options->expect.len == 0)
        return (!options->is_strict && options->as_of.len == 0) ||
               error_set(err, ERROR_INVALID, "%s goes with --expect FILE",
                         options->is_strict ? "--strict-expect" : "--as-of");
    if (options->as_of.len == 0)
        options->as_of = today(arena);
    if (!expectations_is_day(options->as_of))
        return error_set(err, ERROR_INVALID, "--as-of takes a day, YYYY-MM-DD, and not \"%.*s\"",
                         SV_ARG(options->as_of));
    inputs->has_expectations = true;
    return input_manifests(arena, &options->expect, 1, &manifest, err) &&
           expectations_read(manifest, options->as_of, arena, &inputs->expectations, err);
}

static bool read_inputs(struct certify_options *options, const struct sv *paths, size_t path_count,
                        struct arena *arena, struct inputs *inputs, struct error *err) {
    inputs->has_previous = options->previous.len > 0;
    return input_subject(arena, paths, path_count, &inputs->subject, err) &&
           (!inputs->has_previous ||
            input_subject(arena, &options->previous, 1, &inputs->previous, err)) &&
           read_expectations(options, arena, inputs, err);
}

static const struct cJSON *certify(struct inputs *inputs, const struct certify_options *options,
                                   const struct scripts *scripts, struct session_source *source,
                                   struct sv path, struct check_results *results) {
    struct arena *arena = results->arena;
    const struct subject *subject = &inputs->subject;
    struct lint_options lint = {.target = (enum lint_target)options->judgement.target,
                                .previous = inputs->has_previous ? &inputs->previous : NULL};
    bool has_progress = shows_progress(options);
    if (has_progress)
        show_progress(NULL, SV("lint"));
    lint_checks(subject, &lint, results);
    struct report_measurement measurements[MEASUREMENTS_MAX] = {
        {SV("maxNameLength"), (int64_t)lint_name_length_max(subject, lint.target)}};
    size_t measurement_count = 1;
    AUTO(arena) life_arena = arena_new();
    struct life life = {subject, options, scripts, source, .results.arena = life_arena};
    bool is_sim = options->source.mode == SESSION_MODE_SIM;
    if (!options->is_static)
        measurement_count += observe(&life, results, measurements + 1);
    if (has_progress)
        end_progress();
    if (inputs->has_expectations)
        expectations_apply(&inputs->expectations, results);
    struct report_input input = {
        .subject = subject,
        .results = results,
        .tool_version = SV(CACHERUNTIME_VERSION),
        .target = lint_target_text(lint.target),
        .modes =
            OBSERVED_BY_LINT | (options->is_static ? 0 : OBSERVED_BY_SIM | OBSERVED_BY_SANDBOX),
        .seed = options->seed,
        .session_mode = is_sim ? SV("") : session_mode_names[options->source.mode],
        .session_where = session_source_text(source, arena),
        .command = command_of(options, path, lint.target, arena),
        .measurements = measurements,
        .measurement_count = measurement_count,
        .expectations = inputs->has_expectations ? &inputs->expectations : NULL,
        .expectations_path = options->expect,
        .previous_path = options->previous,
    };
    return report_build(&input, arena);
}

static int certify_files(const struct command *command, struct certify_options *options,
                         const struct sv *paths, size_t path_count, const struct cJSON *earlier,
                         struct arena *arena) {
    struct error err = {0};
    struct inputs inputs = {0};
    if (!read_inputs(options, paths, path_count, arena, &inputs, &err))
        return command_fail(command, err.message);
    struct scripts scripts = {0};
    AUTO(session_source) source = session_source_new(&options->source, &err);
    if (!source)
        return command_fail_with(command, &err);
    if (!scripts_open(&scripts, &inputs.subject, options->is_static, arena, &err))
        return command_fail_with(command, &err);
    struct check_results results = {.arena = arena};
    const struct cJSON *report = certify(&inputs, options, &scripts, source, paths[0], &results);
    scripts_release(&scripts);
    if (earlier)
        return verify_print(earlier, report, arena);
    int status = judgement_print(report, &results, &options->judgement, arena);
    bool is_surprised = options->is_strict && !expectations_are_met(&inputs.expectations);
    return status == EXIT_HELD && is_surprised ? EXIT_FINDINGS : status;
}

/* Runs again what a report tells of: its files, target, seed and mode. */
static int certify_again(const struct command *command, struct certify_options *options,
                         struct sv report_path, struct arena *arena) {
    struct verify_input input;
    struct error err = {0};
    if (!verify_read(arena, report_path, &input, &err))
        return command_fail(command, err.message);
    options->seed = input.seed;
    options->is_static = input.is_static;
    options->judgement.target = (int)input.target;
    options->previous = json_find_string(input.report, "run.previous");
    options->expect = json_find_string(input.report, "run.expectations");
    options->as_of = json_find_string(input.report, "run.asOf");
    return certify_files(command, options, input.paths, input.path_count, input.report, arena);
}

int certify_command(const struct command *command, int argc, char *const *argv) {
    struct certify_options certify_options = {.seed = DEFAULT_SEED,
                                              .source = SESSION_SOURCE_DEFAULTS};
    struct sv verified = SV("");
    struct option options[OWN_OPTIONS + JUDGEMENT_OPTION_COUNT + SESSION_SOURCE_ROWS] = {
        NUMBER_OPTION("seed", &certify_options.seed,
                      "seed of the simulation; the same seed gives the same report"),
        FLAG_OPTION("static", &certify_options.is_static,
                    "only what can be read; nothing is simulated"),
        {SV("level"), OPTION_CHOICE, SV("bronze|silver"), level_choices, COUNT_OF(level_choices),
         &certify_options.level,
         SV("what must have been observed for status 0: the lifecycle, or scripts, too")},
        {SV("progress"), OPTION_CHOICE, SV("auto|always|never"), progress_choices,
         COUNT_OF(progress_choices), &certify_options.progress,
         SV("which check is at work, on standard error; auto: on a terminal")},
        TEXT_OPTION("previous", "CLASS.yaml", &certify_options.previous,
                    "the class as it was: what changes for its runtimes"),
        TEXT_OPTION("expect", "FILE", &certify_options.expect,
                    "kind Expectations: failures that are known, and waivers"),
        FLAG_OPTION("strict-expect", &certify_options.is_strict,
                    "status 1 when a check passes that was expected to fail"),
        TEXT_OPTION("as-of", "YYYY-MM-DD", &certify_options.as_of,
                    "the day on which waivers are judged; today"),
        TEXT_OPTION("verify", "REPORT.json", &verified,
                    "certify the report's files again: status 0 when the same comes out"),
    };
    judgement_option_rows(&certify_options.judgement, options + OWN_OPTIONS);
    session_source_rows(&certify_options.source, options + OWN_OPTIONS + JUDGEMENT_OPTION_COUNT);
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    certify_options.judgement.level =
        (enum report_level)(REPORT_LEVEL_BRONZE + certify_options.level);
    AUTO(arena) arena = arena_new();
    bool is_sim = certify_options.source.mode == SESSION_MODE_SIM;
    if (!is_sim && (certify_options.is_static || verified.len > 0))
        return command_fail(command, "--static and --verify are for --mode sim");
    if (verified.len > 0)
        return operands.count == 0
                   ? certify_again(command, &certify_options, verified, arena)
                   : command_fail(command, "--verify takes its files from the report");
    if (operands.count == 0)
        return command_fail(command, "name the file of a CacheRuntimeClass");
    return certify_files(command, &certify_options, operands.items, operands.count, NULL, arena);
}
