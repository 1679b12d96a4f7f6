/* SPDX-License-Identifier: Apache-2.0 */
/* HARD-005, SEC-003, SEC-004: hostile values run nothing, and secrets do not leak. */
#include "conformance/script/script_context.h"

#include "core/base/arena.h"
#include "core/data/json.h"

/* --- HARD-005 --- */

/* Ways in which a text becomes a command: unquoted or in eval, in double quotes, in single ones,
 * and where a line or an option ends. Each names itself when it is run. */
static const struct sv payload =
    SV("$(" SCRIPT_INJECTED " substitution)`" SCRIPT_INJECTED " backtick`;" SCRIPT_INJECTED
       " semicolon;'\";" SCRIPT_INJECTED " double-quote #';" SCRIPT_INJECTED
       " single-quote #\n" SCRIPT_INJECTED " line\n");

/* Places of a text that comes from the user. Those of a mount stand together. */
enum place { PLACE_COMPONENT, PLACE_POINT, PLACE_PATH, PLACE_NAME, PLACE_OPTION, PLACE_COUNT };
static const char *const place_texts[] = {
    [PLACE_COMPONENT] = "an option of a component", [PLACE_NAME] = "the name of a mount",
    [PLACE_OPTION] = "an option of a mount",        [PLACE_POINT] = "a mountPoint",
    [PLACE_PATH] = "the path of a mount",
};

/* Neighbours among the places that are tried in one run. */
struct places {
    enum place begin, end;
};

static bool is_among(struct places places, enum place place) {
    return places.begin <= place && place < places.end;
}

static const char *places_text(struct places places) {
    if (places.begin + 1 == places.end)
        return place_texts[places.begin];
    return is_among(places, PLACE_COMPONENT) ? "mounts or options" : "a mount";
}

static void poison_options(struct arena *arena, struct cJSON *options) {
    struct cJSON *option = options ? options->child : NULL;
    if (option)
        json_set_string(
            arena, options, json_key(option),
            arena_printf(arena, "%.*s%.*s", SV_ARG(json_text(option)), SV_ARG(payload)));
    json_set_string(arena, options, SV("certify"), payload);
}

/* The user's part of the input with the payload in those places. */
static void poison(struct script_context *context, struct places places, struct cJSON *dataset,
                   struct cJSON *runtime) {
    struct arena *arena = context->arena;
    struct cJSON *mount = script_first_mount(dataset);
    struct cJSON *spec = json_ensure_map(arena, runtime, SV("spec"));
    struct sv point = json_string_or(mount, SV("mountPoint"), SV(""));
    if (is_among(places, PLACE_COMPONENT)) {
        poison_options(arena, json_ensure_map(arena, spec, SV("options")));
        for (enum role role = 0; role < ROLE_COUNT; role++) {
            struct cJSON *part = json_get(spec, role_text(role));
            if (json_get(part, SV("options")))
                poison_options(arena, json_get(part, SV("options")));
        }
    }
    if (!mount)
        return;
    if (is_among(places, PLACE_OPTION))
        poison_options(arena, json_ensure_map(arena, mount, SV("options")));
    if (is_among(places, PLACE_POINT))
        json_set_string(arena, mount, SV("mountPoint"),
                        arena_printf(arena, "%.*s/%.*s", SV_ARG(point), SV_ARG(payload)));
    if (is_among(places, PLACE_PATH))
        json_set_string(arena, mount, SV("path"), arena_printf(arena, "/%.*s", SV_ARG(payload)));
    if (is_among(places, PLACE_NAME))
        json_set_string(arena, mount, SV("name"), payload);
}

static void report_injection(struct script_context *context, enum role role,
                             const struct cJSON *item, const char *what, struct places places,
                             const struct script_outcome *outcome) {
    if (outcome->injection_count > 0)
        script_fail(context, role, item, "%s ran a command that stood in %s (by way of: %.*s)",
                    what, places_text(places), SV_ARG(outcome->injections[0]));
}

/* Which scripts to try, and which of them refused what they were given: those of roles, and
 * mountUFS. */
struct targets {
    bool starts[ROLE_COUNT];
    bool mounts;
};

static bool has_target(const struct targets *targets) {
    bool has = targets->mounts;
    for (enum role role = 0; role < ROLE_COUNT; role++)
        has = has || targets->starts[role];
    return has;
}

static void attack_starts(struct script_context *context, struct places places,
                          const struct targets *targets, struct script_stage *stage,
                          struct targets *refused) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (!targets->starts[role])
            continue;
        stage_start(stage, role);
        if (!stage->has_started[role])
            continue;
        report_injection(context, role, script_start_item(context, role), "the start", places,
                         &stage->starts[role]);
        refused->starts[role] = !script_succeeded(&stage->starts[role]);
    }
}

/* Containers that need not start again are what `states` has; there they go in and come out. A
 * script that refuses its input has not come to what stands behind the place that it refused:
 * `ret_refused` says which are to be tried with fewer places. */
static void attack(struct script_context *context, struct places places,
                   const struct targets *targets, struct script_state states[ROLE_COUNT],
                   struct targets *ret_refused) {
    struct cJSON *dataset = script_copy_dataset(context);
    struct cJSON *runtime = script_copy_runtime(context);
    struct script_stage stage;
    struct script_outcome outcome;
    struct sv why;
    poison(context, places, dataset, runtime);
    *ret_refused = *targets;
    if (!script_vary(context, dataset, runtime, &stage, &why))
        return;
    memcpy(stage.states, states, sizeof(stage.states));
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (targets->starts[role])
            stage.states[role] = (struct script_state){0};
    }
    struct targets refused = {0};
    attack_starts(context, places, targets, &stage, &refused);
    memcpy(states, stage.states, sizeof(stage.states));
    if (targets->mounts &&
        stage_entry(&stage, context->mount_role, context->mount_entry, false, &outcome)) {
        report_injection(context, context->mount_role, context->mount_entry, "mountUFS", places,
                         &outcome);
        refused.mounts = !script_succeeded(&outcome);
    }
    *ret_refused = refused;
}

/* All places at once; then, for those scripts that refused, components apart from mounts, and at
 * last each place of a mount by itself. */
static void attack_parts(struct script_context *context, struct places places,
                         const struct targets *targets,
                         const struct script_state states[ROLE_COUNT]) {
    struct targets refused;
    struct script_state own[ROLE_COUNT];
    memcpy(own, states, sizeof(own));
    if (!script_is_clean(context))
        return;
    attack(context, places, targets, own, &refused);
    if (places.begin + 1 == places.end || !has_target(&refused))
        return;
    if (places.begin == PLACE_COMPONENT) {
        attack_parts(context, (struct places){PLACE_COMPONENT, PLACE_COMPONENT + 1}, &refused, own);
        attack_parts(context, (struct places){PLACE_COMPONENT + 1, places.end}, &refused, own);
        return;
    }
    for (enum place place = places.begin; place < places.end; place++)
        attack_parts(context, (struct places){place, place + 1}, &refused, own);
}

static void check_injection(struct script_context *context) {
    static const struct places all = {0, PLACE_COUNT};
    static const struct script_state nothing[ROLE_COUNT];
    struct targets targets = {.mounts = context->mount_entry != NULL};
    for (enum role role = 0; role < ROLE_COUNT; role++)
        targets.starts[role] = context->base.has_started[role];
    attack_parts(context, all, &targets, nothing);
}

/* --- SEC-003, SEC-004 --- */

static bool has_secrets(struct script_context *context) {
    if (context->base.rendering.objects.secret_count > 0)
        return true;
    script_skip(context, CHECK_STATE_SKIP_UNSUPPORTED, "the sample's dataset uses no Secret");
    return false;
}

/* The canary with what is behind it, or SV(""). */
static bool leaks(struct sv text) {
    return sv_contains(text, SCRIPT_CANARY_BEGIN);
}

static void check_output(struct script_context *context, enum role role, const struct cJSON *item,
                         struct sv what, const struct script_outcome *outcome) {
    enum { WORLD_READABLE = 0004 };
    if (leaks(outcome->stdout_bytes))
        script_fail(context, role, item, "%.*s prints a secret on stdout", SV_ARG(what));
    if (leaks(outcome->stderr_bytes))
        script_fail(context, role, item, "%.*s prints a secret on stderr", SV_ARG(what));
    for (size_t i = 0; i < outcome->after.file_count; i++) {
        const struct script_file *file = &outcome->after.files[i];
        if (file->type == SCRIPT_FILE && (file->mode & WORLD_READABLE) && leaks(file->bytes))
            script_fail(context, role, item, "%.*s writes a secret to %.*s with mode %04o",
                        SV_ARG(what), SV_ARG(file->path), file->mode);
    }
}

static void check_command_lines(struct script_context *context, enum role role,
                                const struct cJSON *item, struct sv what,
                                const struct script_outcome *outcome) {
    for (size_t i = 0; i < outcome->call_count; i++) {
        for (size_t j = 0; j < outcome->calls[i].arg_count; j++) {
            if (!leaks(outcome->calls[i].args[j]))
                continue;
            script_fail(context, role, item, "%.*s gives a secret to %.*s on the command line",
                        SV_ARG(what), SV_ARG(outcome->calls[i].program));
            return;
        }
    }
    for (size_t i = 0; i < outcome->command_line_count; i++) {
        if (!leaks(outcome->command_lines[i]))
            continue;
        struct sv rest = outcome->command_lines[i];
        script_fail(context, role, item, "%.*s runs %.*s with a secret on its command line",
                    SV_ARG(what), SV_ARG(sv_cut(&rest, ' ')));
        return;
    }
}

/* Runs an entry as the sample left its container. mountUFS has run already: nothing was mounted
 * before it then, so that it did all of its work. False when it cannot be run. */
static bool run_entry(struct script_context *context, enum role role, const struct cJSON *entry,
                      struct script_outcome *ret_outcome) {
    if (entry == context->mount_entry) {
        *ret_outcome = context->base_mount;
        return true;
    }
    struct script_stage stage = context->base;
    return stage_can_see(&stage, role, entry) &&
           stage_entry(&stage, role, entry, false, ret_outcome);
}

static void for_each_run(struct script_context *context,
                         void (*check)(struct script_context *context, enum role role,
                                       const struct cJSON *item, struct sv what,
                                       const struct script_outcome *outcome)) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (context->base.has_started[role])
            check(context, role, script_start_item(context, role), SV("the start"),
                  &context->base.starts[role]);
        const struct cJSON *component = subject_component(context->subject, role);
        JSON_EACH (entry, json_get(component, SV("executionEntries"))) {
            struct script_outcome outcome;
            if (run_entry(context, role, entry, &outcome))
                check(context, role, entry, json_key(entry), &outcome);
        }
    }
}

static void check_leaks(struct script_context *context) {
    if (has_secrets(context))
        for_each_run(context, check_output);
}

static void check_lines(struct script_context *context) {
    if (has_secrets(context))
        for_each_run(context, check_command_lines);
}

static const struct script_check checks[] = {
    {SV("HARD-005"), check_injection, true},
    {SV("SEC-003"), check_leaks, false},
    {SV("SEC-004"), check_lines, false},
};
SCRIPT_CHECKS(script_safety_checks, checks);
