/* SPDX-License-Identifier: Apache-2.0 */
/* crctl explain: what a runtime waits for, from files, at one step of a scenario, or in a cluster.
 */
#include "conformance/cmd/cluster_view.h"
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "conformance/cmd/scenario_input.h"
#include "conformance/explain.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

struct explain_options {
    int output;
    struct sv scenario, step;
    struct sv kubeconfig, context;
    uint64_t seed;
};

/* --- in a simulation --- */

struct asking {
    struct arena *arena;
    struct sv key;
    struct explanation explanation;
    struct error err;
    bool is_answered;
};

static void ask(void *context, struct session *session) {
    struct asking *asking = context;
    asking->is_answered =
        explain_session(asking->arena, session, asking->key, &asking->explanation, &asking->err);
}

/* Cuts the scenario off behind that step. */
static bool stop_at(struct scenario *scenario, struct sv step, struct arena *arena,
                    struct error *err) {
    struct sv *names = ARENA_ARRAY(arena, struct sv, scenario->step_count + 1);
    for (size_t i = 0; i < scenario->step_count; i++)
        names[i] = scenario->steps[i].name;
    size_t index = sv_index_of(step, names, scenario->step_count);
    if (index < scenario->step_count) {
        scenario->step_count = index + 1;
        return true;
    }
    struct sv nearest = sv_nearest(step, names, scenario->step_count);
    return error_set(err, ERROR_NOT_FOUND, "no step \"%.*s\" in the scenario" SV_MEANT,
                     SV_ARG(step), SV_MEANT_ARG(nearest));
}

static bool explain_scenario(struct arena *arena, struct sv key,
                             const struct explain_options *options,
                             struct explanation *ret_explanation, struct error *err) {
    struct scenario_outcome *outcomes;
    size_t count;
    if (!scenario_input_read(arena, &options->scenario, 1, &outcomes, &count, err))
        return false;
    struct scenario *scenario = &outcomes[0].scenario;
    if (count != 1)
        return error_set(err, ERROR_INVALID, "--scenario names a folder: name one scenario");
    if (options->step.len > 0 && !stop_at(scenario, options->step, arena, err))
        return false;
    struct asking *asking = ARENA_NEW(arena, struct asking);
    *asking = (struct asking){.arena = arena, .key = key};
    scenario_run(scenario,
                 &(struct scenario_options){
                     .seed = options->seed,
                     .reached = ask,
                     .context = asking,
                     .without_exploring = true,
                     .judges_end_only = true,
                 },
                 arena, &outcomes[0].result);
    *ret_explanation = asking->explanation;
    if (asking->is_answered)
        return true;
    if (asking->err.code == ERROR_NONE)
        return error_set(err, ERROR_INVALID, "the scenario did not run: %.*s",
                         SV_ARG(outcomes[0].result.reason));
    *err = asking->err;
    return false;
}

/* --- the command --- */

static int print_explanation(const struct explanation *explanation, int output, int status,
                             struct arena *arena) {
    if (output == 0)
        return command_print_lines(explain_text(explanation, arena), status);
    struct sv json = json_write_arena(arena, explain_json(explanation, arena), JSON_PRETTY);
    return command_print(arena_printf(arena, "%.*s\n", SV_ARG(json)), status);
}

static int explain_cluster(const struct command *command, struct sv key,
                           const struct explain_options *options) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct explanation explanation;
    AUTO(cluster_view)
    view = cluster_view_new(
        &(struct cluster_view_options){options->kubeconfig, options->context, key}, &err);
    if (!view || !cluster_view_explain(view, arena, &explanation, &err))
        return command_fail_with(command, &err);
    return print_explanation(&explanation, options->output, EXIT_HELD, arena);
}

static int explain(const struct command *command, const struct operands *operands,
                   const struct explain_options *options) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct explanation explanation;
    struct manifest *manifests;
    struct sv key = operands->items[0];
    size_t file_count = operands->count - 1;
    bool is_found =
        options->scenario.len > 0
            ? explain_scenario(arena, key, options, &explanation, &err)
            : input_manifests(arena, operands->items + 1, file_count, &manifests, &err) &&
                  explain_files(arena, manifests, file_count, key, &explanation, &err);
    if (!is_found)
        return command_fail(command, err.message);
    int status = options->scenario.len > 0
                     ? EXIT_HELD
                     : input_tell_findings(command, arena, manifests, file_count);
    return print_explanation(&explanation, options->output, status, arena);
}

/* The one that is named, or the user's where nothing else is to be asked. */
static bool asks_cluster(const struct operands *operands, const struct explain_options *options) {
    return options->kubeconfig.len + options->context.len > 0 ||
           (operands->count == 1 && options->scenario.len == 0);
}

static const char *find_mistake(const struct operands *operands,
                                const struct explain_options *options) {
    bool has_scenario = options->scenario.len > 0, is_cluster = asks_cluster(operands, options);
    if (operands->count == 0)
        return "name a runtime (NAMESPACE/NAME), with files or --scenario, or of a cluster";
    if (operands->count > 1 && (has_scenario || is_cluster))
        return "files, --scenario and --kubeconfig exclude each other";
    if (has_scenario && is_cluster)
        return "--scenario and --kubeconfig exclude each other";
    return !has_scenario && options->step.len > 0 ? "--at needs --scenario" : NULL;
}

int explain_command(const struct command *command, int argc, char *const *argv) {
    static const struct sv outputs[] = {SV("text"), SV("json")};
    struct explain_options explain_options = {
        .scenario = SV(""), .step = SV(""), .kubeconfig = SV(""), .context = SV(""), .seed = 1};
    const struct option options[] = {
        TEXT_OPTION("scenario", "FILE", &explain_options.scenario,
                    "run this scenario instead of reading files"),
        TEXT_OPTION("at", "STEP", &explain_options.step,
                    "ask when this step is over; without it, after the last one"),
        NUMBER_OPTION("seed", &explain_options.seed, "seed of the simulation"),
        TEXT_OPTION("kubeconfig", "FILE", &explain_options.kubeconfig,
                    "without files ask in this cluster; else $KUBECONFIG, else ~/.kube/config"),
        CONTEXT_OPTION(&explain_options.context),
        {SV("output"), OPTION_CHOICE, SV("text|json"), outputs, COUNT_OF(outputs),
         &explain_options.output, SV("form of the answer")},
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    const char *mistake = find_mistake(&operands, &explain_options);
    if (mistake)
        return command_fail(command, mistake);
    return asks_cluster(&operands, &explain_options)
               ? explain_cluster(command, operands.items[0], &explain_options)
               : explain(command, &operands, &explain_options);
}
