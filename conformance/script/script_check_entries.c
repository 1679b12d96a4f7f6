/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC-002, -007, -009: entries of any kind, as the controller runs them. */
#include "conformance/script/script_context.h"

#include "core/base/arena.h"
#include "core/data/json.h"

enum { EXIT_NOT_RUNNABLE = 126, EXIT_NOT_FOUND = 127 };

static const struct sv entry_names[] = {SV("checkRuntimeReady"), SV("mountUFS"),
                                        SV("reportSummary"), SV("cleanCache")};

/* Calls `check` for each entry that can be run here; tells whether there was one. */
static bool for_each_entry(struct script_context *context,
                           void (*check)(struct script_context *context, enum role role,
                                         const struct cJSON *entry)) {
    bool has_entry = false, has_hidden = false;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < COUNT_OF(entry_names); i++) {
            const struct cJSON *entry = subject_entry(context->subject, role, entry_names[i]);
            if (!entry || !context->base.rendering.pods[role])
                continue;
            bool is_seen = stage_can_see(&context->base, role, entry);
            has_entry = has_entry || is_seen;
            has_hidden = has_hidden || !is_seen;
            if (is_seen)
                check(context, role, entry);
        }
    }
    if (has_hidden && script_is_clean(context))
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "an entry runs a program of the image, which sim.yaml does not describe");
    else if (!has_entry)
        script_skip(context, CHECK_STATE_SKIP_UNSUPPORTED, "the class declares no entry");
    return has_entry;
}

/* --- EXEC-002 --- */

static void check_program(struct script_context *context, enum role role,
                          const struct cJSON *entry) {
    struct script_stage stage = context->base;
    struct script_outcome outcome;
    if (!stage_entry(&stage, role, entry, false, &outcome))
        return;
    bool is_missing = outcome.end == SCRIPT_EXITED && (outcome.exit_code == EXIT_NOT_FOUND ||
                                                       outcome.exit_code == EXIT_NOT_RUNNABLE);
    if (is_missing)
        script_fail(context, role, entry, "%.*s does not run: it %.*s", SV_ARG(json_key(entry)),
                    SV_ARG(script_describe(&outcome, context->arena)));
    for (size_t i = 0; i < outcome.call_count; i++) {
        const struct script_call *call = &outcome.calls[i];
        if (call->is_unknown)
            script_fail(context, role, entry,
                        "%.*s calls %.*s in a way that sim.yaml has no rule for (first argument "
                        "\"%.*s\")",
                        SV_ARG(json_key(entry)), SV_ARG(call->program),
                        SV_ARG(call->arg_count ? call->args[0] : SV("")));
    }
}

static void check_002(struct script_context *context) {
    for_each_entry(context, check_program);
}

/* --- EXEC-007 --- */

static void check_hanging(struct script_context *context, enum role role,
                          const struct cJSON *entry) {
    struct script_stage stage = context->base;
    struct script_outcome outcome;
    if (!stage_entry(&stage, role, entry, false, &outcome))
        return;
    struct sv name = json_key(entry);
    if (outcome.orphan_count > 0)
        script_fail(context, role, entry, "%.*s leaves a process behind: %.*s", SV_ARG(name),
                    SV_ARG(outcome.orphans[0]));
    bool is_endless = outcome.end != SCRIPT_EXITED && outcome.end != SCRIPT_SIGNALLED;
    if (is_endless && entry == context->mount_entry)
        return; /* EXEC-003 says so */
    if (is_endless) {
        script_fail(context, role, entry, "%.*s %.*s, with the sample as it is", SV_ARG(name),
                    SV_ARG(script_describe(&outcome, context->arena)));
        return;
    }
    if (outcome.call_count == 0)
        return;
    stage = context->base;
    stage.fault = SCRIPT_FAULT_HANG;
    if (!stage_entry(&stage, role, entry, false, &outcome))
        return;
    if (outcome.end != SCRIPT_EXITED && outcome.end != SCRIPT_SIGNALLED)
        script_fail(context, role, entry,
                    "%.*s does not end within its timeout of %lld s when the engine's command "
                    "hangs",
                    SV_ARG(name), (long long)script_entry_timeout_ms(entry) / 1000);
    else if (outcome.orphan_count > 0)
        script_fail(context, role, entry,
                    "%.*s leaves a process behind when the engine's command hangs: %.*s",
                    SV_ARG(name), SV_ARG(outcome.orphans[0]));
}

static void check_007(struct script_context *context) {
    for_each_entry(context, check_hanging);
}

/* --- EXEC-009 --- */

static const struct sv report_keys[] = {
    SV("cached"),
    SV("cachedPercentage"),
    SV("cacheCapacity"),
    SV("cacheHitRatio"),
    SV("cacheFree"),
    SV("localHitRatio"),
    SV("remoteHitRatio"),
    SV("cacheThroughputRatio"),
    SV("localThroughputRatio"),
    SV("remoteThroughputRatio"),
    SV("lowWaterMark"),
    SV("highWaterMark"),
    SV("nonCacheable"),
    SV("ufsTotal"),
    SV("fileNum"),
};

static void check_report_member(struct script_context *context, enum role role,
                                const struct cJSON *entry, const struct cJSON *member) {
    struct sv key = json_key(member);
    if (!json_is_string(member))
        script_fail(context, role, entry, "reportSummary prints %.*s as %s; write it in quotes",
                    SV_ARG(key), json_type_name(member));
    if (sv_index_of(key, report_keys, COUNT_OF(report_keys)) < COUNT_OF(report_keys))
        return;
    struct sv nearest = sv_nearest(key, report_keys, COUNT_OF(report_keys));
    script_fail(context, role, entry, "reportSummary prints \"%.*s\", which nobody reads" SV_MEANT,
                SV_ARG(key), SV_MEANT_ARG(nearest))
        ->expected = nearest;
}

static void check_009(struct script_context *context) {
    enum role role;
    const struct cJSON *entry = script_entry(context, SV("reportSummary"), &role);
    if (!entry || !stage_can_see(&context->base, role, entry)) {
        script_skip(context, entry ? CHECK_STATE_SKIP_UNOBSERVABLE : CHECK_STATE_SKIP_UNSUPPORTED,
                    entry ? "reportSummary runs a program of the image, which sim.yaml does not "
                            "describe"
                          : "the class declares no reportSummary");
        return;
    }
    struct script_stage stage = context->base;
    struct script_outcome outcome;
    struct error err = {0};
    if (!stage_entry(&stage, role, entry, false, &outcome))
        return;
    if (!script_succeeded(&outcome)) {
        script_fail(context, role, entry, "reportSummary %.*s",
                    SV_ARG(script_describe(&outcome, context->arena)));
        return;
    }
    const struct cJSON *report = json_read(context->arena, sv_trim(outcome.stdout_bytes), &err);
    if (!report || !json_is_map(report)) {
        script_fail(context, role, entry, "reportSummary prints no JSON object: %s",
                    report ? json_type_name(report) : err.message);
        return;
    }
    JSON_EACH (member, report)
        check_report_member(context, role, entry, member);
}

static const struct script_check checks[] = {
    {SV("EXEC-002"), check_002, true},
    {SV("EXEC-007"), check_007, true},
    {SV("EXEC-009"), check_009, true},
};
SCRIPT_CHECKS(script_entry_checks, checks);
