/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/deployment.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/deployment_parts.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"

static void read_spec(struct rollout *rollout) {
    const struct cJSON *spec = json_get(rollout->deployment, SV("spec"));
    const struct cJSON *rolling = json_find(spec, "strategy.rollingUpdate");
    const struct cJSON *conditions = json_find(rollout->deployment, "status.conditions");
    rollout->replicas = json_int_or(spec, SV("replicas"), 1);
    rollout->is_paused = json_bool_or(spec, SV("paused"), false);
    rollout->is_rolling = !sv_eq(json_find_string(spec, "strategy.type"), SV("Recreate"));
    rollout->collision_count = json_find_int(rollout->deployment, "status.collisionCount", 0);
    rollout->conditions =
        conditions ? json_copy(rollout->arena, conditions) : json_list(rollout->arena);
    if (!rollout->is_rolling)
        return;
    rollout->max_surge =
        scaled_value(json_get(rolling, SV("maxSurge")), rollout->replicas, true, 0);
    rollout->max_unavailable =
        scaled_value(json_get(rolling, SV("maxUnavailable")), rollout->replicas, false, 0);
    /* Rounded to nothing on both sides, a rollout would never begin. */
    if (rollout->max_surge == 0 && rollout->max_unavailable == 0)
        rollout->max_unavailable = 1;
    if (rollout->max_unavailable > rollout->replicas)
        rollout->max_unavailable = rollout->replicas;
}

static void act(struct rollout *rollout) {
    if (object_is_deleting(rollout->deployment))
        return;
    rollout_note_pause(rollout);
    if (rollout->is_paused || rollout_is_resized(rollout))
        rollout_resize(rollout);
    else if (rollout->is_rolling)
        rollout_step_rolling(rollout);
    else
        rollout_step_recreate(rollout);
    if (!rollout->did_write && (rollout->is_paused || rollout_is_complete(rollout)))
        rollout_trim_history(rollout);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct deployment_controller *controller = context;
    struct rollout rollout = {
        .controller = controller,
        .key = key,
        .deployment = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
        .next_ms = DEADLINE_NEVER,
    };
    struct claimed sets;
    if (!rollout.deployment ||
        !claims_take(controller->sets, key, rollout.deployment, arena, &sets))
        return;
    read_spec(&rollout);
    rollout_take_sets(&rollout, sets.items, sets.count);
    act(&rollout);
    rollout_write_status(&rollout);
    if (rollout.next_ms != DEADLINE_NEVER)
        agent_mark(part, key, rollout.next_ms);
}

/* Recreate waits for the last pod of the old ReplicaSets. */
static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct deployment_controller *controller = context;
    const struct cJSON *owner = object_controller_owner(object);
    (void)before;
    if (!(is_gone || pod_is_over(object)) ||
        !sv_eq(json_string_or(owner, SV("kind"), SV("")), SV("ReplicaSet")))
        return;
    const struct cJSON *set = cache_get(claims_cache(controller->sets), object_namespace(object),
                                        json_string_or(owner, SV("name"), SV("")));
    struct sv name = json_string_or(object_controller_owner(set), SV("name"), SV(""));
    AUTO(arena) arena = arena_new();
    struct sv key = object_key(arena, object_namespace(object), name);
    const struct cJSON *deployment = pod_control_owner(controller->control, key);
    if (sv_eq(json_find_string(deployment, "spec.strategy.type"), SV("Recreate")))
        agent_mark(pod_control_part(controller->control), key, 0);
}

/* --- life --- */

struct deployment_controller *deployment_controller_new(struct agent *agent) {
    struct deployment_controller *controller = mem_alloc(sizeof(*controller));
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("deployment"),
        .owner = &RESOURCE_DEPLOYMENTS,
        .reconcile = reconcile,
        .context = controller,
    });
    controller->sets = claims_new(&(struct claims_options){
        .agent = agent,
        .control = controller->control,
        .children = &RESOURCE_REPLICA_SETS,
    });
    controller->pods = agent_watch(agent, &RESOURCE_PODS, handle_pod, controller);
    controller->pods_by_controller = cache_add_index(controller->pods, cache_key_of_controller);
    return controller;
}

void deployment_controller_free(struct deployment_controller *controller) {
    if (!controller)
        return;
    claims_free(controller->sets);
    pod_control_free(controller->control);
    mem_free(controller);
}
