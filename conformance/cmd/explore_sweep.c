/* SPDX-License-Identifier: Apache-2.0 */
/* Faults over a scenario: each at every request of the controller, or pairs of them. */
#include "conformance/cmd/explore_findings.h"
#include "conformance/cmd/explore_pool.h"
#include "conformance/cmd/scenario_input.h"
#include "conformance/explore/sweep.h"
#include "core/base/arena.h"
#include "core/base/error.h"

enum { PAIRS_DEFAULT = 2000 };

struct sweeping {
    struct explore_findings findings; /* first: it is the context of explore_take() too */
    const struct scenario *scenario;
    struct property_result reference;
    uint64_t seed;
    bool has_pairs;
};

static struct sweep_case case_of(const struct sweeping *sweeping, uint64_t number) {
    return sweeping->has_pairs ? sweep_pair(sweeping->seed, number, sweeping->reference.requests)
                               : sweep_single(number);
}

static void judge(const struct sweeping *sweeping, const struct sweep_case *sweep,
                  struct arena *arena, struct property_result *ret_result) {
    struct scenario scenario;
    struct error err = {0};
    if (!sweep_apply(sweeping->scenario, sweep, arena, &scenario, &err)) {
        *ret_result = (struct property_result){.broken = PROPERTY_INVALID,
                                               .message = arena_copy(arena, sv_from(err.message))};
        return;
    }
    property_judge(&scenario,
                   &(struct property_options){.seed = sweeping->seed,
                                              .has_reference = true,
                                              .reference = sweeping->reference.final_objects},
                   arena, ret_result);
}

static void work(void *context, uint64_t number, struct arena *arena,
                 struct property_result *ret_result) {
    const struct sweeping *sweeping = context;
    struct sweep_case sweep = case_of(sweeping, number);
    judge(sweeping, &sweep, arena, ret_result);
}

/* --- one case apart --- */

struct single {
    const struct sweeping *sweeping;
    struct sweep_case sweep;
};

static void work_single(void *context, uint64_t number, struct arena *arena,
                        struct property_result *ret_result) {
    const struct single *single = context;
    (void)number;
    judge(single->sweeping, &single->sweep, arena, ret_result);
}

static struct property_result judge_apart(const struct sweeping *sweeping,
                                          const struct sweep_case *sweep, struct arena *arena) {
    struct single single = {sweeping, *sweep};
    return explore_pool_run_one(work_single, &single, arena);
}

/* Leaves out each fault without which the same property is broken. */
static void shrink(const struct sweeping *sweeping, struct sweep_case *sweep,
                   struct property_result *result, struct arena *arena) {
    for (size_t i = 0; i < sweep->point_count && sweep->point_count > 1;) {
        struct sweep_case smaller = *sweep;
        memmove(&smaller.points[i], &smaller.points[i + 1],
                sizeof(smaller.points[0]) * (smaller.point_count - i - 1));
        smaller.point_count--;
        struct property_result again = judge_apart(sweeping, &smaller, arena);
        if (again.broken != result->broken) {
            i++;
            continue;
        }
        *sweep = smaller;
        *result = again;
    }
}

static bool tell(const struct sweeping *sweeping, const struct explore_options *options,
                 struct sweep_case sweep, struct property_result result, struct arena *arena,
                 struct error *err) {
    shrink(sweeping, &sweep, &result, arena);
    struct sv text = sweep_text(&sweep, arena), path = sweeping->scenario->manifest->path;
    struct sv replay = arena_printf(arena, "%.*s --replay '%.*s'", SV_ARG(path), SV_ARG(text));
    if (options->seed != 1)
        replay = arena_printf(arena, "%.*s --seed %llu", SV_ARG(replay),
                              (unsigned long long)options->seed);
    explore_print_failure(text, &result, replay);
    struct sv name = arena_printf(arena, "%.*s-%.*s", SV_ARG(sweeping->scenario->id), SV_ARG(text));
    return explore_save(options->save, name, sweep_file(sweeping->scenario, &sweep, arena), arena,
                        err);
}

/* --- the command --- */

static int replay(const struct command *command, const struct sweeping *sweeping,
                  const struct explore_options *options, struct arena *arena) {
    struct error err = {0};
    struct sweep_case sweep;
    if (!sweep_parse(options->replay, &sweep, &err))
        return command_fail(command, err.message);
    if (options->shows_scenario)
        return explore_show(sweep_file(sweeping->scenario, &sweep, arena), arena);
    struct property_result result = judge_apart(sweeping, &sweep, arena);
    if (result.broken == PROPERTY_NONE) {
        printf("held  %.*s\n", SV_ARG(options->replay));
        return EXIT_HELD;
    }
    return tell(sweeping, options, sweep, result, arena, &err) ? EXIT_FINDINGS
                                                               : command_fail(command, err.message);
}

static int sweep_all(const struct command *command, struct sweeping *sweeping,
                     const struct explore_options *options, struct arena *arena) {
    struct error err = {0};
    uint64_t singles = sweep_single_count(sweeping->reference.requests);
    uint64_t count = sweeping->has_pairs ? PAIRS_DEFAULT : singles;
    if (options->cases > 0 && (sweeping->has_pairs || options->cases < count))
        count = options->cases;
    sweeping->findings.wanted = count;
    uint64_t done = explore_pool_run(&(struct explore_pool){
        .process_count = options->jobs,
        .count = count,
        .seconds_max = (int64_t)options->seconds,
        .work = work,
        .done = explore_take,
        .context = sweeping,
    });
    explore_sort(&sweeping->findings);
    for (size_t i = 0; i < sweeping->findings.failure_count; i++) {
        const struct explore_failure *failure = &sweeping->findings.failures[i];
        struct property_result result = {.broken = failure->broken, .message = failure->message};
        if (!tell(sweeping, options, case_of(sweeping, failure->number), result, arena, &err))
            return command_fail(command, err.message);
    }
    return explore_finish(&sweeping->findings, done);
}

int explore_sweep(const struct command *command, struct sv path,
                  const struct explore_options *options) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct scenario_outcome *outcomes;
    size_t count;
    if (!scenario_input_read(arena, &path, 1, &outcomes, &count, &err))
        return command_fail(command, err.message);
    if (count != 1)
        return command_fail(command, "a folder: name one scenario");
    struct sweeping *sweeping = ARENA_NEW(arena, struct sweeping);
    sweeping->scenario = &outcomes[0].scenario;
    sweeping->seed = options->seed;
    sweeping->has_pairs = options->sweep == 1;
    sweeping->findings.arena = arena;
    sweeping->findings.options = options;
    property_measure(sweeping->scenario, options->seed, NULL, arena, &sweeping->reference);
    if (sweeping->reference.broken != PROPERTY_NONE) {
        printf("fail  %.*s  even without further faults\n  %.*s\n", SV_ARG(sweeping->scenario->id),
               SV_ARG(sweeping->reference.message));
        return EXIT_FINDINGS;
    }
    return options->replay.len > 0 ? replay(command, sweeping, options, arena)
                                   : sweep_all(command, sweeping, options, arena);
}
