/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/property.h"

#include "conformance/explore/property_end.h"
#include "conformance/explore/property_watch.h"
#include "conformance/scenario/scenario_final.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

/* Creation takes about 20 writes a runtime, an edit a handful, a rollout some more. */
enum {
    WRITES_OF_START_MAX = 80,
    WRITES_OF_STEP_MAX = 60,
};

#define X(name, text) [PROPERTY_##name] = {text, sizeof(text) - 1},
static const struct sv property_texts[] = {PROPERTIES(X)};
#undef X

struct sv property_text(enum property property) {
    assert(property < PROPERTY_COUNT);
    return property_texts[property];
}

static void set_broken(struct property_result *result, enum property broken, struct sv message) {
    result->broken = broken;
    result->message = message;
}

/* --- one run --- */

/* The same scenario as if its faults had never been written. */
static struct scenario without_faults(const struct scenario *scenario, struct arena *arena) {
    struct scenario plain = *scenario;
    struct cJSON *tree = json_copy(arena, scenario->tree);
    json_remove(tree, SV("faults"));
    plain.tree = tree;
    plain.fault_count = 0;
    return plain;
}

enum run_kind { RUN_PLAIN, RUN_STEADY, RUN_FAULTY };

static void run(const struct scenario *scenario, uint64_t seed, enum run_kind kind,
                struct property_watch *watch, struct arena *arena,
                struct scenario_result *ret_result) {
    scenario_run(scenario,
                 &(struct scenario_options){
                     .seed = seed,
                     .open = property_watch_open,
                     .reached = kind == RUN_STEADY ? property_watch_steady : NULL,
                     .context = watch,
                     .without_exploring = true,
                     .judges_end_only = kind == RUN_FAULTY,
                 },
                 arena, ret_result);
}

static struct sv failure_text(const struct scenario_result *result) {
    return result->failure_count > 0 ? result->failures[0].message : result->reason;
}

/* --- what must hold --- */

static bool comes_to_rest(const struct scenario_result *run, const char *when, struct arena *arena,
                          struct property_result *result) {
    if (run->state == CHECK_STATE_PASS)
        return true;
    struct sv text = failure_text(run);
    set_broken(result, run->could_not_act ? PROPERTY_INVALID : PROPERTY_REST,
               arena_printf(arena, "%s: %.*s", when, SV_ARG(text)));
    return false;
}

static bool is_bounded(const struct scenario *scenario, const struct property_options *options,
                       uint64_t writes, struct arena *arena, struct property_result *result) {
    size_t writes_max = options->writes_max > 0
                            ? options->writes_max
                            : WRITES_OF_START_MAX + WRITES_OF_STEP_MAX * scenario->step_count;
    if (writes <= writes_max)
        return true;
    set_broken(
        result, PROPERTY_BOUND,
        arena_printf(arena, "%llu writes, more than %zu", (unsigned long long)writes, writes_max));
    return false;
}

static bool ends_alike(struct sv reference, const struct scenario_result *run, struct arena *arena,
                       struct property_result *result) {
    struct sv expected, actual;
    scenario_final_compare(property_end_comparable(reference, arena),
                           property_end_comparable(run->final_objects, arena), &expected, &actual);
    if (expected.len == 0 && actual.len == 0)
        return true;
    scenario_final_shorten(arena, &expected, &actual);
    set_broken(result, PROPERTY_CONVERGENCE,
               arena_printf(arena, "other objects at the end\n  without faults: %.*s\n  with: %.*s",
                            SV_ARG(expected), SV_ARG(actual)));
    return false;
}

static bool judge_plain(const struct scenario *scenario, const struct property_options *options,
                        struct arena *arena, struct property_result *result) {
    AUTO(property_watch) watch = property_watch_new(arena, options->warm);
    struct scenario tree = without_faults(scenario, arena);
    struct scenario_result plain;
    run(&tree, options->seed, options->ends_at_rest ? RUN_STEADY : RUN_PLAIN, watch, arena, &plain);
    result->final_objects = plain.final_objects;
    result->requests = property_watch_requests(watch);
    if (!comes_to_rest(&plain, "without faults", arena, result) ||
        !is_bounded(scenario, options, plain.counts.writes, arena, result))
        return false;
    if (property_watch_steady_writes(watch) > 0) {
        set_broken(result, PROPERTY_REST,
                   arena_printf(arena, "%llu writes although nothing happens any more",
                                (unsigned long long)property_watch_steady_writes(watch)));
        return false;
    }
    struct sv empty = property_watch_empty_write(watch);
    if (empty.len > 0) {
        set_broken(result, PROPERTY_DIFFERENCE, empty);
        return false;
    }
    struct sv orphan = property_find_orphan(plain.final_objects, arena);
    if (orphan.len > 0)
        set_broken(result, PROPERTY_ORPHAN, orphan);
    return orphan.len == 0;
}

static void judge_faults(const struct scenario *scenario, const struct property_options *options,
                         struct sv reference, struct arena *arena, struct property_result *result) {
    AUTO(property_watch) watch = property_watch_new(arena, options->warm);
    struct scenario_result faulty;
    property_watch_observe(watch, options->observer);
    run(scenario, options->seed, RUN_FAULTY, watch, arena, &faulty);
    if (!comes_to_rest(&faulty, "with faults", arena, result) ||
        !ends_alike(reference, &faulty, arena, result))
        return;
    struct sv orphan = property_find_orphan(faulty.final_objects, arena);
    if (orphan.len > 0)
        set_broken(result, PROPERTY_ORPHAN, orphan);
}

void property_measure(const struct scenario *scenario, uint64_t seed,
                      const struct observer *observer, struct arena *arena,
                      struct property_result *ret_result) {
    AUTO(property_watch) watch = property_watch_new(arena, NULL);
    property_watch_observe(watch, observer);
    struct scenario_result as_written;
    struct property_result result = {.message = SV("")};
    run(scenario, seed, RUN_PLAIN, watch, arena, &as_written);
    comes_to_rest(&as_written, "as written", arena, &result);
    result.final_objects = as_written.final_objects;
    result.requests = property_watch_requests(watch);
    *ret_result = result;
}

void property_judge(const struct scenario *scenario, const struct property_options *options,
                    struct arena *arena, struct property_result *ret_result) {
    struct property_result result = {.message = SV(""), .final_objects = SV("")};
    bool goes_on = options->has_reference || judge_plain(scenario, options, arena, &result);
    if (goes_on && scenario->fault_count > 0)
        judge_faults(scenario, options,
                     options->has_reference ? options->reference : result.final_objects, arena,
                     &result);
    *ret_result = result;
}

/* --- scenarios that stand in no file --- */

static bool read_nothing(void *context, struct arena *arena, struct sv path, struct sv *ret_text,
                         struct error *err) {
    (void)context, (void)arena, (void)ret_text;
    return error_set(err, ERROR_NOT_FOUND, "%.*s: a scenario without a file names files",
                     SV_ARG(path));
}

void property_judge_tree(const struct cJSON *tree, const struct property_options *options,
                         struct arena *arena, struct property_result *ret_result) {
    static const struct scenario_files files = {.read = read_nothing};
    struct scenario scenario;
    struct error err = {0};
    struct sv text = json_write_arena(arena, tree, JSON_COMPACT);
    if (scenario_read(arena, SV("generated"), text, &files, &scenario, &err)) {
        property_judge(&scenario, options, arena, ret_result);
        return;
    }
    *ret_result = (struct property_result){.final_objects = SV("")};
    set_broken(ret_result, PROPERTY_INVALID, arena_copy(arena, sv_from(err.message)));
}
