/* SPDX-License-Identifier: Apache-2.0 */
/* What of a scenario a session cannot do or see: each is named, nothing is passed over in silence.
 */
#include "conformance/scenario/scenario_match.h"
#include "conformance/scenario/scenario_parts.h"
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

/* --- faults --- */

static struct sv fault_reason(const struct run *run) {
    if (run->world || run->scenario->fault_count == 0)
        return SV("");
    return arena_printf(run->arena, "fault \"%.*s\": the API server is not ours to make it fail",
                        SV_ARG(run->scenario->faults[0].id));
}

/* --- what is somebody else's --- */

/* In a shared cluster a session has one namespace, and the classes that it makes. */
static struct sv foreign_reason(const struct run *run, const struct resource *resource,
                                struct sv namespace_name, struct sv name) {
    bool is_default = namespace_name.len == 0 || sv_eq(namespace_name, SV("default"));
    if (!session_is_shared(run->session) || resource == &RESOURCE_CACHE_RUNTIME_CLASSES ||
        (resource->is_namespaced && is_default))
        return SV("");
    if (resource->is_namespaced)
        return arena_printf(run->arena, "namespace \"%.*s\" is not ours", SV_ARG(namespace_name));
    return arena_printf(run->arena, "%.*s \"%.*s\" is not ours to change", SV_ARG(resource->kind),
                        SV_ARG(name));
}

static struct sv objects_reason(const struct run *run, const struct scenario_objects *objects) {
    struct sv reason = SV("");
    for (size_t i = 0; i < objects->count && reason.len == 0; i++) {
        const struct cJSON *object = objects->items[i];
        const struct resource *resource = resource_of_object(object);
        if (resource)
            reason = foreign_reason(run, resource, object_namespace(object), object_name(object));
    }
    return reason;
}

/* Of what a step patches, scales, deletes or kills. */
static struct sv target_reason(const struct run *run, const struct cJSON *action) {
    const struct cJSON *text = json_get(action, SV("ref"));
    struct object_ref ref;
    struct sv nearest;
    return object_ref_parse(json_text(text ? text : action), &ref, &nearest)
               ? foreign_reason(run, ref.resource, ref.namespace_name, ref.name)
               : SV("");
}

/* --- steps --- */

static bool needs_controller(struct sv action) {
    return sv_eq(action, SV("restart-controller"));
}

static bool needs_world(struct sv action) {
    static const struct sv actions[] = {{"restart-pod", 11}, {"stop-node", 9}, {"start-node", 10}};
    return sv_index_of(action, actions, COUNT_OF(actions)) < COUNT_OF(actions);
}

static struct sv step_reason(const struct run *run, const struct scenario_step *step) {
    struct sv action = json_key(step->action);
    int64_t max_ms = session_advance_ms_max(run->session), duration_ms = 0;
    if (needs_controller(action) && !session_can_restart_controller(run->session))
        return SV("the controller is not ours to kill");
    if (needs_world(action) && !run->world)
        return SV("nodes and containers are not ours to hurt");
    struct sv reason = objects_reason(run, &step->applied);
    if (reason.len == 0)
        reason = target_reason(run, step->action);
    if (reason.len > 0)
        return reason;
    bool is_advance =
        sv_eq(action, SV("advance")) && duration_parse(json_text(step->action), &duration_ms);
    if (!is_advance || max_ms == 0 || duration_ms <= max_ms)
        return SV("");
    return arena_printf(run->arena, "%.*s are too long to wait for without virtual time",
                        SV_ARG(json_text(step->action)));
}

static struct sv steps_reason(const struct run *run) {
    for (size_t i = 0; i < run->scenario->step_count; i++) {
        const struct scenario_step *step = &run->scenario->steps[i];
        struct sv reason = step->action ? step_reason(run, step) : SV("");
        if (reason.len > 0)
            return arena_printf(run->arena, "step \"%.*s\", %.*s: %.*s", SV_ARG(step->name),
                                SV_ARG(json_key(step->action)), SV_ARG(reason));
    }
    return SV("");
}

/* --- nodes --- */

/* The first node that expectations or rules below `tree` speak of. */
static struct sv node_below(const struct cJSON *tree) {
    struct object_ref ref;
    struct sv nearest, node = SV("");
    bool is_ref = json_is_string(tree) && sv_eq(json_key(tree), SV("ref"));
    if (is_ref && object_ref_parse(json_text(tree), &ref, &nearest) &&
        ref.resource == &RESOURCE_NODES)
        return ref.name;
    if (json_is_map(tree) || json_is_list(tree))
        for (const struct cJSON *child = tree->child; child && node.len == 0; child = child->next)
            node = node_below(child);
    return node;
}

/* What a node has of others depends on what else is in the cluster. */
static struct sv nodes_reason(const struct run *run) {
    const struct scenario *scenario = run->scenario;
    if (!session_is_shared(run->session))
        return SV("");
    struct sv node = node_below(scenario->tree);
    if (node.len > 0)
        return arena_printf(run->arena, "node \"%.*s\" is looked at, and shared with others",
                            SV_ARG(node));
    size_t count = scenario->node_count > 0 ? session_ready_node_count(run->session) : 0;
    return count == scenario->node_count
               ? SV("")
               : arena_printf(run->arena, "made for %zu nodes, and the cluster has %zu",
                              scenario->node_count, count);
}

struct sv scenario_limits_reason(const struct run *run) {
    struct sv reason = fault_reason(run);
    if (reason.len == 0)
        reason = nodes_reason(run);
    if (reason.len == 0)
        reason = objects_reason(run, &run->scenario->objects);
    if (reason.len == 0 && run->scenario->scripts && !run->world)
        reason = SV("scripts: what containers answer is not ours to say");
    return reason.len > 0 ? reason : steps_reason(run);
}

/* --- rules --- */

/* What objects say is seen everywhere. */
static bool are_states(const struct cJSON *rules) {
    JSON_EACH (rule, rules)
        if (!rules_is_state(rule))
            return false;
    return true;
}

static bool is_of_rest_only(const struct cJSON *budgets) {
    return json_count(budgets) == 1 && json_get(budgets, SV("writesSteady"));
}

struct sv scenario_limits_unjudged(const struct run *run) {
    const struct scenario *scenario = run->scenario;
    /* What looks at one request after the other holds at any speed; what counts them does not. */
    const struct {
        const struct cJSON *rule;
        struct sv name;
        bool is_judged;
    } rules[] = {
        {scenario->always, SV("always"), run->world || are_states(scenario->always)},
        {scenario->never, SV("never"), run->world || are_states(scenario->never)},
        {scenario->order, SV("order"), run->world},
        {scenario->count, SV("count"), false},
        {scenario->writes, SV("writes"), false},
        {scenario->budgets, SV("budgets"), run->world && is_of_rest_only(scenario->budgets)},
    };
    struct sv names = SV("");
    if (session_is_virtual(run->session))
        return names;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (rules[i].rule && !rules[i].is_judged)
            names = arena_printf(run->arena, "%.*s%s%.*s", SV_ARG(names), names.len ? ", " : "",
                                 SV_ARG(rules[i].name));
    return names;
}
