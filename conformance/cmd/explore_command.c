/* SPDX-License-Identifier: Apache-2.0 */
/* crctl explore: properties on generated cases, and sweeps of faults over a scenario. */
#include "conformance/cmd/explore.h"

enum { CASES_DEFAULT = 1000 };

static int explore(const struct command *command, const struct operands *operands,
                   struct explore_options *options) {
    if (options->failures_max == 0 || options->failures_max > EXPLORE_FAILURES_MAX)
        return command_fail(command, "--failures takes 1 to 20");
    if (operands->count > 1)
        return command_fail(command, "name one scenario, or none for generated cases");
    if (options->seconds > 0 && options->cases == 0)
        options->cases = UINT32_MAX;
    bool has_scenario = operands->count == 1;
    if (options->cases == 0 && !has_scenario)
        options->cases = CASES_DEFAULT;
    return has_scenario ? explore_sweep(command, operands->items[0], options)
                        : explore_generated(command, options);
}

int explore_command(const struct command *command, int argc, char *const *argv) {
    static const struct sv sweeps[] = {SV("single"), SV("pairs")};
    struct explore_options explore_options = {
        .seed = 1, .failures_max = 5, .replay = SV(""), .save = SV("")};
    const struct option options[] = {
        NUMBER_OPTION("cases", &explore_options.cases,
                      "how many cases (1000), or pairs of faults (2000)"),
        NUMBER_OPTION("seconds", &explore_options.seconds, "as many cases as fit into this time"),
        NUMBER_OPTION("seed", &explore_options.seed,
                      "seed of cases and simulations; the same seed gives the same cases"),
        {SV("sweep"), OPTION_CHOICE, SV("single|pairs"), sweeps, COUNT_OF(sweeps),
         &explore_options.sweep, SV("with a scenario: each single fault, or pairs of them")},
        TEXT_OPTION("replay", "CASE", &explore_options.replay,
                    "one case only: SEED:CASE[:REMOVED], or of a scenario FAULT@N[+FAULT@N]"),
        FLAG_OPTION("show", &explore_options.shows_scenario,
                    "with --replay: print the scenario instead of running it"),
        TEXT_OPTION("save", "DIR", &explore_options.save,
                    "write each failing case there, as a scenario"),
        NUMBER_OPTION("failures", &explore_options.failures_max, "stop after so many failures (5)"),
        NUMBER_OPTION("jobs", &explore_options.jobs, "processes at a time; one for each core"),
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    return explore(command, &operands, &explore_options);
}
