/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_checks.h"

#include "conformance/script/script_context.h"
#include "conformance/script/simulation.h"
#include "core/base/arena.h"
#include "core/data/json.h"

struct script_check_set {
    struct script_check_options options;
    /* The sample as it is, started; every check works with a copy. */
    struct script_context context;
    /* Where nothing can be run: why. */
    enum check_state skip_state;
    struct sv skip_reason;
};

/* In the order in which they are begun. First comes what takes longest, HARD-005, whose runs wait
 * for each other: whoever begins it last waits for it alone. */
static const struct script_check_list *const lists[] = {
    &script_safety_checks, &script_config_checks, &script_entry_checks,
    &script_mount_checks,  &script_tier_checks,
};

static const struct script_check *find_check(size_t index) {
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (index < lists[i]->count)
            return &lists[i]->items[index];
        index -= lists[i]->count;
    }
    return NULL;
}

/* The sample as it is: what all variations are compared with. */
static bool prepare(struct script_context *context, struct sv *ret_why) {
    if (!script_vary(context, context->sample->dataset, context->sample->runtime, &context->base,
                     ret_why))
        return false;
    enum role bad;
    stage_start_all(&context->base);
    context->is_good = stage_is_good(&context->base, &bad);
    context->base_signature = stage_start_signature(&context->base, context->arena);
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (context->base.has_started[role])
            context->base_start_signatures[role] =
                stage_signature(&context->base.starts[role], context->arena);
    }
    const struct cJSON *entry = script_entry(context, SV("mountUFS"), &context->mount_role);
    if (!entry || !stage_can_see(&context->base, context->mount_role, entry))
        return true;
    context->mount_entry = entry;
    if (!stage_entry(&context->base, context->mount_role, entry, true, &context->base_mount)) {
        context->mount_entry = NULL;
        return true;
    }
    struct sv mount = stage_signature(&context->base_mount, context->arena);
    context->base_mount_signature = mount;
    context->base_signature = arena_printf(context->arena, "%.*smountUFS %.*s",
                                           SV_ARG(context->base_signature), SV_ARG(mount));
    return true;
}

/* Sets the reason when no check can be run. */
static void open_set(struct script_check_set *set) {
    struct script_context *context = &set->context;
    struct sv why;
    set->skip_state = CHECK_STATE_SKIP_UNOBSERVABLE;
    if (!set->options.simulation) {
        set->skip_reason =
            SV("scripts are not run without the engine: describe its commands in sim.yaml "
               "(kind Simulation) beside the class");
    } else if (!set->options.runner) {
        set->skip_state = CHECK_STATE_ERROR;
        set->skip_reason = sv_from(set->options.unavailable->message);
    } else if (!prepare(context, &why)) {
        set->skip_reason = arena_printf(context->arena, "sample %.*s gives no pods: %.*s",
                                        SV_ARG(context->sample->name), SV_ARG(why));
    }
}

struct script_check_set *script_check_set_new(const struct subject *subject,
                                              const struct script_check_options *options,
                                              struct arena *arena) {
    struct script_check_set *set = ARENA_NEW(arena, struct script_check_set);
    set->options = *options;
    set->skip_reason = SV("");
    set->context = (struct script_context){
        .subject = subject,
        .simulation = options->simulation,
        .runner = options->runner,
        .arena = arena,
        .sample = &subject->samples[0],
        .mount_role = ROLE_COUNT,
    };
    open_set(set);
    return set;
}

size_t script_check_set_count(const struct script_check_set *set) {
    (void)set;
    size_t count = 0;
    while (find_check(count))
        count++;
    return count;
}

static void run_check(struct script_context *context, const struct script_check *check) {
    context->id = check->id;
    context->findings_begin = context->results->count;
    if (check->needs_start && !context->is_good) {
        script_skip(context, CHECK_STATE_SKIP_UNOBSERVABLE,
                    "a start script fails with the sample as it is (see CONF-001)");
        return;
    }
    check->check(context);
    if (context->err.code != ERROR_NONE) {
        script_skip(context, CHECK_STATE_ERROR, "%s", context->err.message);
        context->err = (struct error){0};
    }
    if (script_is_clean(context))
        results_add(context->results, context->id, CHECK_STATE_PASS, "%s", "")->observed_by =
            OBSERVED_BY_SANDBOX;
}

void script_check_set_run(const struct script_check_set *set, size_t index,
                          struct check_results *results) {
    const struct script_check *check = find_check(index);
    assert(check != NULL);
    struct script_context context = set->context;
    context.results = results;
    context.arena = results->arena;
    context.base.arena = results->arena;
    context.base.err = &context.err;
    if (set->options.progress)
        set->options.progress(set->options.context, check->id);
    if (set->skip_reason.len == 0) {
        run_check(&context, check);
        return;
    }
    context.id = check->id;
    script_skip(&context, set->skip_state, "%.*s", SV_ARG(set->skip_reason));
}

void script_checks(const struct subject *subject, const struct script_check_options *options,
                   struct check_results *results) {
    const struct script_check_set *set = script_check_set_new(subject, options, results->arena);
    for (size_t i = 0; i < script_check_set_count(set); i++)
        script_check_set_run(set, i, results);
}
