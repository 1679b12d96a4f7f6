/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/scope.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/cache/cache_store.h"
#include "core/controller/class_rollout.h"
#include "core/controller/controller_parts.h"
#include "core/controller/runtime_state.h"
#include "core/data/json.h"

static bool has_namespace(struct sv namespaces, struct sv name) {
    if (namespaces.len == 0)
        return true;
    while (namespaces.len > 0)
        if (sv_eq(sv_trim(sv_cut(&namespaces, ',')), name))
            return true;
    return false;
}

static const struct cJSON *cached_tree(struct controller *controller,
                                       const struct resource *resource, struct sv namespace_name,
                                       struct sv name, struct arena *arena) {
    const struct cached *cached =
        cache_store_get(controller->store, resource, namespace_name, name);
    return cached ? cache_store_tree(controller->store, cached, arena) : NULL;
}

/* A class that is gone was somebody's: its runtimes are still served by who planned them. */
static bool has_class(struct controller *controller, const struct runtime_state *state,
                      struct sv class_name, struct arena *arena) {
    const struct cJSON *class =
        cached_tree(controller, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), class_name, arena);
    if (!class)
        return state->planned_ms > 0;
    return selector_matches(&controller->class_selector, json_find(class, "metadata.labels"));
}

bool scope_serves(struct controller *controller, const struct runtime_state *state) {
    AUTO(arena) arena = arena_new();
    bool is_class = class_rollout_is_key(state);
    if (!is_class && !has_namespace(controller->namespaces, state->namespace_name))
        return false;
    if (controller->class_selector.requirement_count == 0)
        return true;
    if (is_class)
        return has_class(controller, state, state->name, arena);
    const struct cJSON *runtime = cached_tree(controller, &RESOURCE_CACHE_RUNTIMES,
                                              state->namespace_name, state->name, arena);
    if (!runtime)
        return state->planned_ms > 0;
    return has_class(controller, state, json_find_string(runtime, "spec.runtimeClassName"), arena);
}
