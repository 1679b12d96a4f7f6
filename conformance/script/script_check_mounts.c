/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC-003 to -006 and -008: mountUFS. */
#include "conformance/script/script_context.h"

#include "core/base/arena.h"
#include "core/data/json.h"

enum { REPEAT_COUNT = 10 };

/* Something to run, or a skip. */
static bool has_entry(struct script_context *context) {
    enum role role;
    if (context->mount_entry)
        return true;
    if (script_entry(context, SV("mountUFS"), &role))
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "mountUFS runs a program of the image, which sim.yaml does not describe");
    else
        script_skip(context, CHECK_STATE_SKIP_UNSUPPORTED, "the class declares no mountUFS");
    return false;
}

static struct check_result *fail(struct script_context *context, struct sv what) {
    return script_fail(context, context->mount_role, context->mount_entry, "mountUFS %.*s",
                       SV_ARG(what));
}

/* What it prints with the sample is what EXEC-003 asks for; the other checks build on that. */
static bool is_good(struct script_context *context) {
    if (!has_entry(context))
        return false;
    if (script_mounts_well(context))
        return true;
    script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                "mountUFS fails with the sample as it is (see EXEC-003)");
    return false;
}

/* A stage over the sample with that many mounts, with nothing started. */
static bool open_stage(struct script_context *context, size_t mount_count,
                       struct script_stage *ret_stage, struct cJSON **ret_dataset) {
    struct cJSON *dataset = script_copy_dataset(context);
    struct sv why;
    script_set_mounts(context, dataset, mount_count);
    if (json_count(json_find(dataset, "spec.mounts")) < mount_count) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE, "the sample's dataset has no mount");
        return false;
    }
    *ret_dataset = dataset;
    if (script_vary(context, dataset, context->sample->runtime, ret_stage, &why))
        return true;
    script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE, "with %zu mounts there are no pods: %.*s",
                mount_count, SV_ARG(why));
    return false;
}

/* --- EXEC-003 --- */

static void check_003(struct script_context *context) {
    const struct script_outcome *outcome = &context->base_mount;
    struct sv why;
    if (!has_entry(context))
        return;
    if (!script_succeeded(outcome))
        fail(context, arena_printf(context->arena, "with the sample: %.*s",
                                   SV_ARG(script_describe(outcome, context->arena))));
    else if (!script_mounted(context, outcome->stdout_bytes, &why))
        fail(context, arena_printf(context->arena, "with the sample: %.*s", SV_ARG(why)))->actual =
            sv_prefix(sv_trim(outcome->stdout_bytes), 200);
}

/* --- EXEC-004 --- */

static void check_count(struct script_context *context, size_t mount_count) {
    struct script_stage stage;
    struct script_outcome outcome;
    struct cJSON *dataset;
    struct sv why;
    if (open_stage(context, mount_count, &stage, &dataset) &&
        script_mount(context, &stage, &outcome) &&
        !script_lists_wanted(context, dataset, &outcome, &why))
        fail(context,
             arena_printf(context->arena, "with %zu mounts: %.*s", mount_count, SV_ARG(why)));
}

static void check_similar_paths(struct script_context *context) {
    struct script_stage stage;
    struct script_outcome outcome;
    struct sv why;
    struct cJSON *dataset = script_copy_dataset(context);
    script_set_mounts(context, dataset, SCRIPT_SIMILAR_PATHS);
    script_set_paths(context, dataset, script_similar_paths, SCRIPT_SIMILAR_PATHS);
    if (script_first_mount(dataset) &&
        script_vary(context, dataset, context->sample->runtime, &stage, &why) &&
        script_mount(context, &stage, &outcome) &&
        !script_lists_wanted(context, dataset, &outcome, &why))
        fail(context, arena_printf(context->arena,
                                   "with the paths /data/long, /data and /dat: %.*s", SV_ARG(why)));
}

/* The sample itself is a dataset with one mount, and what mountUFS lists for it is known. */
static bool lists_one(struct script_context *context) {
    const struct cJSON *dataset = context->sample->dataset;
    struct sv why;
    return json_count(json_find(dataset, "spec.mounts")) == 1 && script_first_mount(dataset) &&
           script_lists_wanted(context, dataset, &context->base_mount, &why);
}

static void check_004(struct script_context *context) {
    if (!is_good(context))
        return;
    check_count(context, 0);
    if (!lists_one(context))
        check_count(context, 1);
    if (script_lists_many(context))
        return;
    check_count(context, SCRIPT_MANY_MOUNTS);
    check_similar_paths(context);
}

/* --- EXEC-005 --- */

static void check_005(struct script_context *context) {
    struct script_stage stage;
    struct script_outcome first, again;
    struct cJSON *dataset;
    if (!is_good(context) || !open_stage(context, 2, &stage, &dataset) ||
        !script_mount(context, &stage, &first) || !script_succeeded(&first))
        return; /* EXEC-003 says so */
    for (int i = 2; i <= REPEAT_COUNT; i++) {
        if (!stage_entry(&stage, context->mount_role, context->mount_entry, true, &again))
            return;
        struct sv why = SV("");
        if (!script_succeeded(&again))
            why = script_describe(&again, context->arena);
        else if (!sv_eq(sv_trim(again.stdout_bytes), sv_trim(first.stdout_bytes)))
            why = arena_printf(context->arena, "printed \"%.*s\" after \"%.*s\"",
                               SV_ARG(sv_prefix(sv_trim(again.stdout_bytes), 200)),
                               SV_ARG(sv_prefix(sv_trim(first.stdout_bytes), 200)));
        else if (!json_equal(again.after.tables, first.after.tables))
            why = SV("changed what the engine has mounted, although nothing had changed");
        if (why.len > 0) {
            fail(context, arena_printf(context->arena, "in its run %d with the same file: %.*s", i,
                                       SV_ARG(why)));
            return;
        }
    }
}

/* --- EXEC-006 --- */

static void check_fault(struct script_context *context, enum script_fault fault, const char *what) {
    struct script_stage stage;
    struct script_outcome outcome;
    struct cJSON *dataset;
    if (!open_stage(context, 2, &stage, &dataset))
        return;
    stage_start(&stage, context->mount_role);
    stage.fault = fault;
    if (!stage_entry(&stage, context->mount_role, context->mount_entry, false, &outcome))
        return;
    if (script_succeeded(&outcome))
        fail(context, arena_printf(context->arena, "exits with status 0 when %s", what));
    else if (outcome.end == SCRIPT_EXITED && sv_trim(outcome.stderr_bytes).len == 0)
        fail(context, arena_printf(context->arena, "prints no reason on stderr when %s", what));
}

static void check_006(struct script_context *context) {
    if (!is_good(context))
        return;
    bool has_call = context->base_mount.call_count > 0, has_effect = false;
    for (size_t i = 0; i < context->base_mount.call_count; i++)
        has_effect = has_effect || context->base_mount.calls[i].has_effect;
    if (!has_call) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "mountUFS calls no command of the engine that could fail");
        return;
    }
    if (has_effect)
        check_fault(context, SCRIPT_FAULT_FAIL, "the engine refuses each mount");
    check_fault(context, SCRIPT_FAULT_ABSENT, "the engine's command is not there");
}

/* --- EXEC-008 --- */

static bool has_row_of(const struct cJSON *tables, struct sv path) {
    JSON_EACH (table, tables) {
        JSON_EACH (row, table) {
            if (sv_eq(json_text(json_at(row, 0)), path))
                return true;
        }
    }
    return false;
}

static void check_008(struct script_context *context) {
    struct script_stage stage, fewer;
    struct script_outcome outcome;
    struct cJSON *dataset, *fewer_dataset;
    struct sv why, removed = SV("/certify-1");
    if (!is_good(context) || !open_stage(context, 2, &stage, &dataset) ||
        !script_mount(context, &stage, &outcome) || !script_succeeded(&outcome) ||
        !open_stage(context, 1, &fewer, &fewer_dataset))
        return;
    bool was_mounted = has_row_of(outcome.after.tables, removed);
    stage.rendering = fewer.rendering;
    if (!stage_entry(&stage, context->mount_role, context->mount_entry, true, &outcome))
        return;
    if (!script_lists_wanted(context, fewer_dataset, &outcome, &why))
        fail(context, arena_printf(context->arena, "after %.*s was removed: %.*s", SV_ARG(removed),
                                   SV_ARG(why)));
    else if (was_mounted && has_row_of(outcome.after.tables, removed))
        fail(context, arena_printf(context->arena, "leaves %.*s mounted after it was removed",
                                   SV_ARG(removed)));
}

static const struct script_check checks[] = {
    {SV("EXEC-003"), check_003, true}, {SV("EXEC-004"), check_004, true},
    {SV("EXEC-005"), check_005, true}, {SV("EXEC-006"), check_006, true},
    {SV("EXEC-008"), check_008, true},
};
SCRIPT_CHECKS(script_mount_checks, checks);
