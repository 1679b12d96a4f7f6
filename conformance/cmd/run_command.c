/* SPDX-License-Identifier: Apache-2.0 */
/* crctl run: scenarios on the simulated cluster, and what did not come as they expect. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/scenario_input.h"
#include "conformance/cmd/session_source.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum run_output { RUN_TEXT, RUN_JSON, RUN_JUNIT };
enum {
    RUN_DEFAULT_SEED = 1,
    RUN_OWN_OPTIONS = 7,
    EXPLORE_RUNS_MAX = 1000000, /* more than any scenario has requests */
    SHARDS_MAX = 1000,
};

/* Every `count`th scenario, from the `number`th on. */
struct shard {
    size_t number, count;
};

struct run_options {
    int output;
    uint64_t seed, explore_runs;
    bool is_verbose, without_exploring, updates_golden;
    struct sv shard;
    struct session_source_options source;
};

static int status_of(const struct scenario_report_input *input) {
    switch (scenario_report_state(input)) {
    case CHECK_STATE_PASS:
        return EXIT_HELD;
    case CHECK_STATE_FAIL:
        return EXIT_FINDINGS;
    case CHECK_STATE_ERROR:
        return EXIT_HARNESS;
    default:
        return EXIT_NOT_EXECUTED;
    }
}

/* Over HTTP what holds in simulation must hold too, and end with the same objects. */
static void compare_with_sim(struct scenario_outcome *outcome, const struct run_options *options,
                             struct arena *arena) {
    bool was_run = outcome->result.state == CHECK_STATE_PASS;
    struct scenario_options how = {
        .seed = options->seed,
        .without_exploring = true,
        .judges_end_only = true,
        .ignores_placement = true,
    };
    struct scenario_result *in_sim = ARENA_NEW(arena, struct scenario_result);
    /* A server elsewhere leaves out, and fills in, other things than ours. */
    bool is_ours = options->source.kubeconfig.len == 0;
    if (options->source.mode != SESSION_MODE_HTTP || !was_run || !is_ours)
        return;
    scenario_run(&outcome->scenario, &how, arena, in_sim);
    scenario_compare_modes(&outcome->scenario, in_sim, arena, &outcome->result);
}

/* Runs them one after the other; as text each is told as soon as it is over. */
static bool run_all(struct scenario_outcome *outcomes, size_t count,
                    const struct run_options *options, struct session_source *source,
                    struct arena *arena, int *ret_status, struct error *err) {
    struct scenario_options how = {
        .seed = options->seed,
        .mode = (enum session_mode)options->source.mode,
        .open = session_source_open,
        .context = source,
        .without_exploring = options->without_exploring,
        .sweep_runs_max = options->explore_runs,
        .ignores_placement = options->source.mode != SESSION_MODE_SIM,
    };
    *ret_status = EXIT_HELD;
    for (size_t i = 0; i < count && *ret_status == EXIT_HELD; i++) {
        if (session_source_is_stopping(source))
            return error_set(err, ERROR_UNAVAILABLE, "interrupted after %zu of %zu scenarios", i,
                             count);
        scenario_run(&outcomes[i].scenario, &how, arena, &outcomes[i].result);
        compare_with_sim(&outcomes[i], options, arena);
        bool has_trace =
            options->source.mode == SESSION_MODE_SIM && options->seed == RUN_DEFAULT_SEED;
        if (has_trace && !scenario_golden_check(&outcomes[i], options->updates_golden, arena, err))
            return false;
        if (options->output == RUN_TEXT)
            *ret_status = command_print(
                scenario_outcome_text(&outcomes[i], options->is_verbose, arena), EXIT_HELD);
    }
    return true;
}

static int print_report(const struct scenario_report_input *input, int output,
                        struct arena *arena) {
    int status = status_of(input);
    if (output == RUN_JUNIT)
        return command_print(scenario_report_junit(input, arena), status);
    if (output == RUN_TEXT)
        return command_print(scenario_summary_text(input, arena), status);
    struct sv json = json_write_arena(arena, scenario_report_json(input, arena), JSON_PRETTY);
    return command_print(arena_printf(arena, "%.*s\n", SV_ARG(json)), status);
}

static bool read_shard(struct sv text, struct shard *ret_shard) {
    int64_t number, count;
    struct sv rest = text, first = sv_cut(&rest, '/');
    if (text.len == 0) {
        *ret_shard = (struct shard){1, 1};
        return true;
    }
    if (!sv_to_int64(first, &number) || !sv_to_int64(rest, &count) || number < 1 ||
        count < number || count > SHARDS_MAX)
        return false;
    *ret_shard = (struct shard){(size_t)number, (size_t)count};
    return true;
}

/* Returns how many are left. */
static size_t keep_shard(struct scenario_outcome *outcomes, size_t count,
                         const struct shard *shard) {
    size_t kept = 0;
    for (size_t i = shard->number - 1; i < count; i += shard->count)
        outcomes[kept++] = outcomes[i];
    return kept;
}

static int run(const struct command *command, const struct operands *operands,
               const struct run_options *options) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct scenario_outcome *outcomes;
    size_t count;
    int status;
    struct shard shard;
    if (!read_shard(options->shard, &shard))
        return command_fail(command, "--shard takes K/N, the Kth of N parts, with N up to 1000");
    if (!scenario_input_read(arena, operands->items, operands->count, &outcomes, &count, &err))
        return command_fail(command, err.message);
    AUTO(session_source) source = session_source_new(&options->source, &err);
    if (!source)
        return command_fail_with(command, &err);
    count = keep_shard(outcomes, count, &shard);
    if (!run_all(outcomes, count, options, source, arena, &status, &err))
        return command_fail_with(command, &err);
    struct scenario_report_input input = {
        .outcomes = outcomes,
        .count = count,
        .seed = options->seed,
        .mode = (enum session_mode)options->source.mode,
        .where = session_source_text(source, arena),
        .is_verbose = options->is_verbose,
    };
    return status == EXIT_HELD ? print_report(&input, options->output, arena) : status;
}

int run_command(const struct command *command, int argc, char *const *argv) {
    static const struct sv outputs[] = {SV("text"), SV("json"), SV("junit")};
    struct run_options run_options = {
        .seed = RUN_DEFAULT_SEED, .shard = SV(""), .source = SESSION_SOURCE_DEFAULTS};
    struct option options[RUN_OWN_OPTIONS + SESSION_SOURCE_ROWS] = {
        {SV("output"), OPTION_CHOICE, SV("text|json|junit"), outputs, COUNT_OF(outputs),
         &run_options.output, SV("form of the report")},
        NUMBER_OPTION("seed", &run_options.seed,
                      "seed of the simulation; the same seed gives the same bytes"),
        FLAG_OPTION("verbose", &run_options.is_verbose,
                    "with the trace of the controller's requests"),
        FLAG_OPTION("no-explore", &run_options.without_exploring,
                    "run each scenario once, without its sweep of faults"),
        NUMBER_OPTION("explore-runs", &run_options.explore_runs,
                      "runs of each sweep, spread over it; as the file says, in mode http none"),
        TEXT_OPTION("shard", "K/N", &run_options.shard,
                    "the Kth of N parts, for machines or jobs that share them: of all scenarios, "
                    "and the cases of each, every Nth from the Kth"),
        FLAG_OPTION("update-golden", &run_options.updates_golden,
                    "write golden traces anew instead of comparing them"),
    };
    struct operands operands;
    int status;
    session_source_rows(&run_options.source, options + RUN_OWN_OPTIONS);
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (run_options.explore_runs > EXPLORE_RUNS_MAX)
        return command_fail(command, "--explore-runs takes at most 1000000 runs");
    if (operands.count == 0)
        return command_fail(command, "name files of scenarios, or folders of them");
    return run(command, &operands, &run_options);
}
