/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script_checks.h"

#include "conformance/script_context.h"
#include "conformance/simulation.h"
#include "core/base/arena.h"
#include "core/data/json.h"

static const struct script_check_list *const lists[] = {
    &script_config_checks, &script_entry_checks, &script_mount_checks,
    &script_safety_checks, &script_tier_checks,
};

static void skip_all(struct script_context *context, enum check_state state, struct sv why) {
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            context->id = lists[i]->items[j].id;
            script_skip(context, state, "%.*s", SV_ARG(why));
        }
    }
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

static void run_checks(struct script_context *context, const struct script_check_options *options) {
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (size_t j = 0; j < lists[i]->count; j++) {
            if (options->progress)
                options->progress(options->context, lists[i]->items[j].id);
            run_check(context, &lists[i]->items[j]);
        }
    }
}

void script_checks(const struct subject *subject, const struct script_check_options *options,
                   struct check_results *results) {
    struct script_context context = {
        .subject = subject,
        .simulation = options->simulation,
        .runner = options->runner,
        .results = results,
        .arena = results->arena,
        .sample = &subject->samples[0],
        .mount_role = ROLE_COUNT,
    };
    struct sv why;
    if (!options->simulation)
        skip_all(&context, CHECK_STATE_SKIP_UNOBSERVABLE,
                 SV("scripts are not run without the engine: describe its commands in sim.yaml "
                    "(kind Simulation) beside the class"));
    else if (!options->runner)
        skip_all(&context, CHECK_STATE_ERROR, sv_from(options->unavailable->message));
    else if (!prepare(&context, &why))
        skip_all(&context, CHECK_STATE_SKIP_UNOBSERVABLE,
                 arena_printf(context.arena, "sample %.*s gives no pods: %.*s",
                              SV_ARG(context.sample->name), SV_ARG(why)));
    else
        run_checks(&context, options);
}
