/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario's user does: the actions of steps. */
#include "conformance/scenario/scenario_match.h"
#include "conformance/scenario/scenario_parts.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

static struct object_ref ref_of(const struct cJSON *text) {
    struct object_ref ref;
    struct sv nearest;
    bool is_ref = object_ref_parse(json_text(text), &ref, &nearest);
    assert(is_ref);
    return ref;
}

static bool act_apply(struct run *run, const struct scenario_step *step, struct error *err) {
    for (size_t i = 0; i < step->applied.count; i++)
        if (!session_apply(run->session, step->applied.items[i], err))
            return false;
    return true;
}

static bool act_patch(struct run *run, const struct scenario_step *step, struct error *err) {
    const struct cJSON *patch = step->action;
    struct object_ref ref = ref_of(json_get(patch, SV("ref")));
    return session_merge_patch(run->session, ref.resource, ref.namespace_name, ref.name,
                               json_string_or(patch, SV("subresource"), SV("")),
                               json_get(patch, SV("merge")), err);
}

static bool act_delete(struct run *run, const struct scenario_step *step, struct error *err) {
    struct object_ref ref = ref_of(step->action);
    return session_delete(run->session, ref.resource, ref.namespace_name, ref.name, err);
}

static bool act_scale(struct run *run, const struct scenario_step *step, struct error *err) {
    struct object_ref ref = ref_of(json_get(step->action, SV("ref")));
    struct cJSON *patch = json_map(run->arena);
    json_set_int(run->arena, json_ensure_map(run->arena, patch, SV("spec")), SV("replicas"),
                 json_int_or(step->action, SV("replicas"), 0));
    return session_merge_patch(run->session, ref.resource, ref.namespace_name, ref.name,
                               SV("scale"), patch, err);
}

static bool act_restart_controller(struct run *run, const struct scenario_step *step,
                                   struct error *err) {
    (void)step;
    if (!session_can_restart_controller(run->session))
        return error_set(err, ERROR_UNSUPPORTED, "the controller cannot be restarted in this mode");
    session_restart_controller(run->session);
    return true;
}

static bool needs_world(struct run *run, struct error *err) {
    return run->world || error_set(err, ERROR_UNSUPPORTED, "this needs mode sim");
}

static bool act_restart_pod(struct run *run, const struct scenario_step *step, struct error *err) {
    struct object_ref ref = ref_of(json_get(step->action, SV("ref")));
    struct sv container = json_string_or(step->action, SV("container"), SV(""));
    if (!needs_world(run, err))
        return false;
    AUTO(arena) arena = arena_new();
    const struct cJSON *pod =
        session_get(run->session, ref.resource, ref.namespace_name, ref.name, arena, err);
    if (!pod)
        return false;
    JSON_EACH (item, json_find(pod, "spec.containers")) {
        struct sv name = json_find_string(item, "name");
        if (container.len > 0 && !sv_eq(container, name))
            continue;
        if (!world_restart_container(run->world, ref.namespace_name, ref.name, name))
            return error_set(err, ERROR_NOT_FOUND, "container %.*s does not run", SV_ARG(name));
    }
    return true;
}

static bool act_stop_node(struct run *run, const struct scenario_step *step, struct error *err) {
    struct sv node = json_text(step->action);
    return needs_world(run, err) &&
           (world_stop_node(run->world, node) ||
            error_set(err, ERROR_NOT_FOUND, "no running node %.*s", SV_ARG(node)));
}

static bool act_start_node(struct run *run, const struct scenario_step *step, struct error *err) {
    struct sv node = json_text(step->action);
    return needs_world(run, err) &&
           (world_start_node(run->world, node) ||
            error_set(err, ERROR_NOT_FOUND, "no stopped node %.*s", SV_ARG(node)));
}

static bool never(struct run *run, void *context) {
    (void)run, (void)context;
    return false;
}

static bool act_advance(struct run *run, const struct scenario_step *step, struct error *err) {
    (void)err;
    int64_t duration_ms = 0;
    bool is_duration = duration_parse(json_text(step->action), &duration_ms);
    assert(is_duration);
    run_wait(run, duration_ms, never, NULL);
    return true;
}

static const struct {
    struct sv name;
    bool (*act)(struct run *run, const struct scenario_step *step, struct error *err);
} actions[] = {
    {{"apply", 5}, act_apply},
    {{"patch", 5}, act_patch},
    {{"delete", 6}, act_delete},
    {{"scale", 5}, act_scale},
    {{"restart-controller", 18}, act_restart_controller},
    {{"kill-pod", 8}, act_delete},
    {{"restart-pod", 11}, act_restart_pod},
    {{"stop-node", 9}, act_stop_node},
    {{"start-node", 10}, act_start_node},
    {{"advance", 7}, act_advance},
};

static bool act(struct run *run, const struct scenario_step *step, struct error *err) {
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (sv_eq(actions[i].name, json_key(step->action)))
            return actions[i].act(run, step, err);
    return true;
}

/* Some actions are meant to be refused, with a message that says so. */
static bool is_refused_as_expected(struct run *run, const struct scenario_step *step,
                                   const struct error *err) {
    struct mismatch mismatch;
    struct cJSON *pattern = json_map(run->arena);
    json_set(run->arena, pattern, SV("re"), json_copy(run->arena, step->refused));
    return scenario_match(run->arena, pattern, json_string(run->arena, sv_from(err->message)),
                          &mismatch);
}

bool run_act(struct run *run, const struct scenario_step *step) {
    struct error err = {0};
    if (!step->action)
        return true;
    bool is_done = act(run, step, &err);
    if (is_done && !step->refused)
        return true;
    if (!is_done && step->refused && is_refused_as_expected(run, step, &err))
        return true;
    run->result->could_not_act = !is_done;
    run_add_failure(run, step->action, "step \"%.*s\": %.*s: %s", SV_ARG(step->name),
                    SV_ARG(json_key(step->action)),
                    is_done ? "was done, and should have been refused" : err.message);
    return false;
}
