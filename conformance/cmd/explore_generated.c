/* SPDX-License-Identifier: Apache-2.0 */
/* Generated cases: judged, made small where they fail, and told. */
#include "conformance/cmd/explore_findings.h"
#include "conformance/cmd/explore_pool.h"
#include "conformance/explore/generate.h"
#include "conformance/explore/property_warm.h"
#include "core/base/arena.h"
#include "core/base/error.h"

/* --- one case --- */

static void judge(struct case_id id, struct property_warm *warm, struct arena *arena,
                  struct property_result *ret_result) {
    struct generated generated;
    generate_scenario(arena, id, &generated);
    property_judge_tree(
        generated.scenario,
        &(struct property_options){.seed = id.seed, .warm = warm, .ends_at_rest = true}, arena,
        ret_result);
}

static void work_single(void *context, uint64_t number, struct arena *arena,
                        struct property_result *ret_result) {
    (void)number;
    judge(*(const struct case_id *)context, NULL, arena, ret_result);
}

static struct property_result judge_apart(struct case_id id, struct arena *arena) {
    return explore_pool_run_one(work_single, &id, arena);
}

/* --- making it small: delta debugging over its parts --- */

struct shrinking {
    struct arena *arena;
    struct case_id id;
    struct property_result result;
    size_t part_count;
};

static uint64_t parts_between(size_t first, size_t end) {
    uint64_t parts = 0;
    for (size_t i = first; i < end && i < GENERATED_PARTS_MAX; i++)
        parts |= UINT64_C(1) << i;
    return parts;
}

/* Takes the parts out for good when the same property stays broken without them. */
static bool try_without(struct shrinking *shrinking, uint64_t parts) {
    struct case_id id = shrinking->id;
    id.removed |= parts;
    if (id.removed == shrinking->id.removed)
        return false;
    struct property_result result = judge_apart(id, shrinking->arena);
    if (result.broken != shrinking->result.broken)
        return false;
    shrinking->id = id;
    shrinking->result = result;
    return true;
}

static void shrink(struct shrinking *shrinking) {
    size_t count = shrinking->part_count;
    if (count > GENERATED_PARTS_MAX)
        count = GENERATED_PARTS_MAX;
    for (size_t chunk = (count + 1) / 2; chunk > 0; chunk = chunk == 1 ? 0 : (chunk + 1) / 2)
        for (size_t first = 0; first < count; first += chunk)
            try_without(shrinking, parts_between(first, first + chunk));
    /* What was needed beside a part that is gone may not be needed any more. */
    for (size_t i = 0; i < count; i++)
        try_without(shrinking, parts_between(i, i + 1));
}

/* --- all of them --- */

struct exploring {
    struct explore_findings findings; /* first: it is the context of explore_take() too */
    uint64_t seed;
    struct property_warm *warm; /* of the process */
};

static void prepare(void *context) {
    struct exploring *exploring = context;
    exploring->warm = property_warm_new(exploring->seed);
}

static void work(void *context, uint64_t number, struct arena *arena,
                 struct property_result *ret_result) {
    const struct exploring *exploring = context;
    judge((struct case_id){exploring->seed, number, 0}, exploring->warm, arena, ret_result);
}

static bool report(const struct explore_options *options, const struct explore_failure *failure,
                   struct arena *arena, struct error *err) {
    struct shrinking shrinking = {
        .arena = arena,
        .id = {options->seed, failure->number, 0},
        .result = {.broken = failure->broken, .message = failure->message},
    };
    struct generated generated;
    generate_scenario(arena, shrinking.id, &generated);
    shrinking.part_count = generated.part_count;
    shrink(&shrinking);
    generate_scenario(arena, shrinking.id, &generated);
    struct sv id = case_id_text(shrinking.id, arena);
    explore_print_failure(id, &shrinking.result, arena_printf(arena, "--replay %.*s", SV_ARG(id)));
    struct sv name = arena_printf(arena, "generated-%llu-%llu", (unsigned long long)options->seed,
                                  (unsigned long long)failure->number);
    return explore_save(options->save, name, generated.scenario, arena, err);
}

static int replay(const struct command *command, const struct explore_options *options) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct case_id id;
    struct generated generated;
    if (!case_id_parse(options->replay, &id))
        return command_fail(command, "--replay takes SEED:CASE or SEED:CASE:REMOVED, as printed");
    generate_scenario(arena, id, &generated);
    if (options->shows_scenario)
        return explore_show(generated.scenario, arena);
    struct property_result result = judge_apart(id, arena);
    struct sv text = case_id_text(id, arena);
    if (result.broken == PROPERTY_NONE) {
        printf("held  %.*s\n", SV_ARG(text));
        return EXIT_HELD;
    }
    explore_print_failure(text, &result, arena_printf(arena, "--replay %.*s", SV_ARG(text)));
    struct sv name = arena_printf(arena, "generated-%llu-%llu", (unsigned long long)id.seed,
                                  (unsigned long long)id.number);
    if (!explore_save(options->save, name, generated.scenario, arena, &err))
        return command_fail(command, err.message);
    return EXIT_FINDINGS;
}

int explore_generated(const struct command *command, const struct explore_options *options) {
    if (options->replay.len > 0)
        return replay(command, options);
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct exploring *exploring = ARENA_NEW(arena, struct exploring);
    exploring->seed = options->seed;
    exploring->findings.arena = arena;
    exploring->findings.options = options;
    exploring->findings.wanted = options->seconds > 0 ? 0 : options->cases;
    uint64_t done = explore_pool_run(&(struct explore_pool){
        .process_count = options->jobs,
        .count = options->cases,
        .seconds_max = (int64_t)options->seconds,
        .prepare = prepare,
        .work = work,
        .done = explore_take,
        .context = exploring,
    });
    explore_sort(&exploring->findings);
    for (size_t i = 0; i < exploring->findings.failure_count; i++)
        if (!report(options, &exploring->findings.failures[i], arena, &err))
            return command_fail(command, err.message);
    return explore_finish(&exploring->findings, done);
}
