/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/plan_text.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"
#include "core/reconcile/plan.h"

static const struct sv action_texts[] = {
    [ACTION_GET] = {"get", 3},       [ACTION_APPLY] = {"apply", 5},
    [ACTION_TRIAL] = {"try", 3},     [ACTION_PATCH] = {"patch", 5},
    [ACTION_DELETE] = {"delete", 6}, [ACTION_EXECUTE] = {"execute", 7},
    [ACTION_EVENT] = {"event", 5},
};

struct sv plan_action_text(const struct action *action) {
    return action_texts[action->type];
}

/* "statefulsets.apps default/demo-worker", with "/status" for a subresource. */
static struct sv object_text(const struct action *action, struct arena *arena) {
    struct sv resource = resource_qualified(action->resource, arena);
    struct sv key = object_key(arena, action->namespace_name, action->name);
    return arena_printf(arena, "%.*s%s%.*s %.*s", SV_ARG(resource),
                        action->subresource.len > 0 ? "/" : "", SV_ARG(action->subresource),
                        SV_ARG(key));
}

static bool write_action(struct buf *buf, const struct action *action, struct arena *arena) {
    struct sv object = object_text(action, arena), type = plan_action_text(action);
    return buf_printf(buf, "%2u %-8.*s%.*s\n   %.*s: %.*s\n", action->step, SV_ARG(type),
                      SV_ARG(object), SV_ARG(action->reason), SV_ARG(action->message));
}

static bool write_gate(struct buf *buf, enum gate_id id, const struct gate *gate) {
    struct sv text = gate_text(id);
    if (gate->is_open)
        return buf_printf(buf, "gate %-16.*s open\n", SV_ARG(text));
    if (gate->reason.len == 0)
        return buf_printf(buf, "gate %-16.*s not reached\n", SV_ARG(text));
    return buf_printf(buf, "gate %-16.*s closed, %.*s: %.*s\n", SV_ARG(text), SV_ARG(gate->reason),
                      SV_ARG(gate->message));
}

bool plan_write_text(struct buf *buf, const struct plan *plan, struct arena *arena) {
    for (size_t i = 0; i < plan->action_count; i++)
        if (!write_action(buf, &plan->actions[i], arena))
            return false;
    for (size_t i = 0; i < GATE_COUNT; i++)
        if (!write_gate(buf, (enum gate_id)i, &plan->gates[i]))
            return false;
    if (plan->wake_ms == INT64_MAX)
        return true;
    struct sv at = api_time_format(plan->wake_ms, arena);
    return buf_printf(buf, "planned again at %.*s\n", SV_ARG(at));
}

static struct cJSON *action_to_json(const struct action *action, bool with_bodies,
                                    struct arena *arena) {
    struct cJSON *item = json_map(arena);
    json_set_int(arena, item, SV("step"), action->step);
    json_set_string(arena, item, SV("action"), plan_action_text(action));
    json_set_string(arena, item, SV("resource"), resource_qualified(action->resource, arena));
    if (action->namespace_name.len > 0)
        json_set_string(arena, item, SV("namespace"), action->namespace_name);
    json_set_string(arena, item, SV("name"), action->name);
    if (action->subresource.len > 0)
        json_set_string(arena, item, SV("subresource"), action->subresource);
    json_set_string(arena, item, SV("reason"), action->reason);
    json_set_string(arena, item, SV("message"), action->message);
    if (action->type == ACTION_EXECUTE)
        json_set_string(arena, item, SV("entry"), execution_entry_text(action->entry));
    if (with_bodies && action->body)
        json_set(arena, item, SV("body"), json_copy(arena, action->body));
    return item;
}

static struct cJSON *gate_to_json(enum gate_id id, const struct gate *gate, struct arena *arena) {
    struct cJSON *item = json_map(arena);
    json_set_string(arena, item, SV("gate"), gate_text(id));
    json_set_bool(arena, item, SV("open"), gate->is_open);
    if (gate->reason.len > 0) {
        json_set_string(arena, item, SV("reason"), gate->reason);
        json_set_string(arena, item, SV("message"), gate->message);
    }
    return item;
}

struct cJSON *plan_to_json(const struct plan *plan, bool with_bodies, struct arena *arena) {
    struct cJSON *root = json_map(arena);
    struct cJSON *actions = json_ensure_list(arena, root, SV("actions"));
    struct cJSON *gates = json_ensure_list(arena, root, SV("gates"));
    for (size_t i = 0; i < plan->action_count; i++)
        json_append(actions, action_to_json(&plan->actions[i], with_bodies, arena));
    for (size_t i = 0; i < GATE_COUNT; i++)
        json_append(gates, gate_to_json((enum gate_id)i, &plan->gates[i], arena));
    json_set_bool(arena, root, SV("stalled"), plan->is_stalled);
    if (plan->wake_ms != INT64_MAX)
        json_set_string(arena, root, SV("wakeAt"), api_time_format(plan->wake_ms, arena));
    return root;
}
