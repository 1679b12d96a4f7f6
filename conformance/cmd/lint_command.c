/* SPDX-License-Identifier: Apache-2.0 */
/* crctl lint: the static half of certification. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "conformance/cmd/judgement.h"
#include "conformance/lint/lint.h"
#include "core/base/arena.h"
#include "core/base/error.h"

int lint_command(const struct command *command, int argc, char *const *argv) {
    struct judgement_options judgement = {0};
    struct sv previous = SV("");
    struct option options[JUDGEMENT_OPTION_COUNT + 1];
    judgement_option_rows(&judgement, options);
    options[JUDGEMENT_OPTION_COUNT] = (struct option)TEXT_OPTION(
        "previous", "FILE", &previous, "the class as it was: what changes for its runtimes");
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (operands.count == 0)
        return command_fail(command, "name the file of a CacheRuntimeClass");

    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct subject subject, before;
    if (!input_subject(arena, operands.items, operands.count, &subject, &err))
        return command_fail(command, err.message);
    struct check_results results = {.arena = arena};
    struct lint_options lint = {.target = (enum lint_target)judgement.target};
    if (previous.len > 0) {
        if (!input_subject(arena, &previous, 1, &before, &err))
            return command_fail(command, err.message);
        lint.previous = &before;
    }
    lint_checks(&subject, &lint, &results);
    struct report_measurement length = {SV("maxNameLength"),
                                        (int64_t)lint_name_length_max(&subject, lint.target)};
    struct report_input input = {
        .subject = &subject,
        .results = &results,
        .tool_version = SV(CACHERUNTIME_VERSION),
        .target = lint_target_text(lint.target),
        .modes = OBSERVED_BY_LINT,
        .command = arena_printf(arena, "crctl lint %.*s --target %.*s%s%.*s",
                                SV_ARG(operands.items[0]), SV_ARG(lint_target_text(lint.target)),
                                previous.len > 0 ? " --previous " : "", SV_ARG(previous)),
        .measurements = &length,
        .measurement_count = 1,
        .previous_path = previous,
    };
    return judgement_print(report_build(&input, arena), &results, &judgement, arena);
}
