/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/class_rollout.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/cache/cache_store.h"
#include "core/controller/controller_parts.h"
#include "core/controller/events.h"
#include "core/controller/execute.h"
#include "core/controller/runtime_state.h"
#include "core/data/json.h"
#include "core/queue/workqueue.h"
#include "core/reconcile/plan.h"
#include "core/reconcile/rollout.h"

#include <inttypes.h>

/* Runtimes that change together make one pass over their class. */
enum { COALESCE_MS = 1000, RUNTIMES_PER_COALESCE_MS = 2 };

/* Of the DNS name in front of a condition's type. */
enum { SCOPE_BYTES_MAX = 253 };

struct sv class_rollout_scope(struct arena *arena, struct sv namespaces) {
    struct sv scope = SV("");
    for (struct sv rest = namespaces; rest.len > 0;) {
        struct sv name = sv_trim(sv_cut(&rest, ','));
        if (name.len > 0)
            scope = arena_printf(arena, "%.*s%s%.*s", SV_ARG(scope), scope.len > 0 ? "." : "",
                                 SV_ARG(name));
    }
    return scope.len <= SCOPE_BYTES_MAX
               ? scope
               : arena_printf(arena, "namespaces-%016" PRIx64, sv_hash(namespaces));
}

bool class_rollout_is_key(const struct runtime_state *state) {
    return state->namespace_name.len == 0;
}

static void wake_at(struct controller *controller, struct sv class_name, int64_t at_ms) {
    AUTO(arena) arena = arena_new();
    workqueue_add_at(controller->queue, arena_printf(arena, "/%.*s", SV_ARG(class_name)), at_ms);
}

/* A pass looks at all runtimes, and comes to nothing while some of them have not been planned: the
 * more there are, the longer it then waits for them. */
static int64_t coalesced_ms(const struct controller *controller, struct sv class_name) {
    AUTO(arena) arena = arena_new();
    const struct runtime_state *of_class =
        map_get(controller->states, ARENA_JOIN(arena, SV("/"), class_name));
    bool waits = of_class && of_class->rollout.is_incomplete;
    size_t more_ms = waits ? map_count(controller->states) / RUNTIMES_PER_COALESCE_MS : 0;
    return controller->now_ms + COALESCE_MS + (int64_t)more_ms;
}

void class_rollout_wake(struct controller *controller, struct sv class_name) {
    wake_at(controller, class_name, controller->now_ms);
}

static void set_class(struct rollout_memory *memory, struct sv class_name) {
    mem_free(memory->class_name);
    memory->class_name = NULL;
    memory->is_granted = false;
    if (class_name.len == 0)
        return;
    memory->class_name = mem_copy_text(class_name);
}

static struct sv class_of(const struct rollout_memory *memory) {
    return memory->class_name ? sv_from(memory->class_name) : SV("");
}

void class_rollout_note(struct controller *controller, struct runtime_state *state,
                        const struct snapshot *snapshot) {
    struct rollout_memory *memory = &state->rollout;
    struct sv class_name = json_find_string(snapshot->runtime, "spec.runtimeClassName");
    struct rollout_memory before = *memory;
    bool is_new = !sv_eq(class_name, class_of(memory));
    /* The class that it leaves, or whose runtime is gone, counts one less. */
    if (is_new && memory->class_name)
        wake_at(controller, class_of(memory), coalesced_ms(controller, class_of(memory)));
    if (is_new)
        set_class(memory, class_name);
    memory->state = state->plan->rollout;
    memory->class_generation = object_generation(snapshot->runtime_class);
    memory->is_ready = object_condition_is_true(snapshot->runtime, SV("Ready"));
    if (memory->state == ROLLOUT_CURRENT && memory->is_ready)
        memory->is_granted = false;
    bool is_news = is_new || before.state != memory->state || before.is_ready != memory->is_ready ||
                   before.is_granted != memory->is_granted ||
                   before.class_generation != memory->class_generation;
    if (is_news && class_name.len > 0)
        wake_at(controller, class_name, coalesced_ms(controller, class_name));
}

static int compare_runtimes(const void *a, const void *b) {
    return sv_compare(((const struct rollout_runtime *)a)->key,
                      ((const struct rollout_runtime *)b)->key);
}

/* Runtimes of the class that are in the cache. */
static size_t count_cached(const struct controller *controller, struct sv class_name,
                           struct arena *arena) {
    struct sv group = arena_printf(arena, "class/%.*s", SV_ARG(class_name));
    size_t cursor = 0, count = 0;
    const struct cached *member;
    while ((member = cache_store_next(controller->store, group, &cursor)))
        count += resource_eq(member->resource, &RESOURCE_CACHE_RUNTIMES) && !member->is_hidden;
    return count;
}

static void gather(struct controller *controller, struct sv class_name, struct arena *arena,
                   struct rollout_snapshot *snapshot) {
    size_t cursor = 0;
    void *value;
    snapshot->runtimes =
        ARENA_ARRAY(arena, struct rollout_runtime, map_count(controller->states) + 1);
    while (map_next(controller->states, &cursor, NULL, &value)) {
        const struct runtime_state *state = value;
        const struct rollout_memory *memory = &state->rollout;
        /* What has not been planned since the class changed would pass for current. */
        if (!memory->class_name || !sv_eq(class_of(memory), class_name) ||
            memory->class_generation != object_generation(snapshot->runtime_class))
            continue;
        snapshot->runtimes[snapshot->runtime_count++] =
            (struct rollout_runtime){.key = state->key,
                                     .state = memory->state,
                                     .is_ready = memory->is_ready,
                                     .is_granted = memory->is_granted,
                                     .was_ready = memory->was_ready,
                                     .granted_ms = memory->granted_ms};
    }
    qsort(snapshot->runtimes, snapshot->runtime_count, sizeof(*snapshot->runtimes),
          compare_runtimes);
    snapshot->is_complete = snapshot->runtime_count == count_cached(controller, class_name, arena);
}

static void pass_grants(struct controller *controller, const struct rollout_snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->runtime_count; i++) {
        const struct rollout_runtime *runtime = &snapshot->runtimes[i];
        struct runtime_state *state =
            runtime->is_granted_now ? map_get(controller->states, runtime->key) : NULL;
        if (!state)
            continue;
        state->rollout.is_granted = true;
        state->rollout.was_ready = runtime->was_ready;
        state->rollout.granted_ms = runtime->granted_ms;
        state->has_rested = false;
        workqueue_add(controller->queue, runtime->key);
    }
}

static void finish(struct controller *controller, struct runtime_state *state) {
    runtime_state_end_plan(state);
    state->has_settled = true;
    runtime_state_forget_failure(state);
    workqueue_forget(controller->queue, state->key);
}

bool class_rollout_is_known(const struct controller *controller,
                            const struct runtime_state *state) {
    const struct cached *cached =
        cache_store_get(controller->store, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), state->name);
    return class_rollout_is_key(state) && cached && !cached->is_hidden;
}

void class_rollout_note_answer(struct controller *controller, struct runtime_state *state,
                               const struct cJSON *answer) {
    const struct cached *cached =
        cache_store_get(controller->store, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), state->name);
    if (!cached || (answer && json_get(answer, SV("status"))))
        return;
    AUTO(arena) arena = arena_new();
    const struct cJSON *runtime_class = cache_store_tree(controller->store, cached, arena);
    if (json_get(runtime_class, SV("status")))
        return; /* it was kept before: an answer of the moment, and the write is tried again */
    state->rollout.refused_generation = object_generation(runtime_class);
    log_line(controller->log, LOG_INFO,
             "%.*s: the cluster keeps no status of CacheRuntimeClasses: apply the CRDs of this "
             "version to see where a rollout stands",
             SV_ARG(state->key));
}

void class_rollout_step(struct controller *controller, struct runtime_state *state) {
    const struct cached *cached =
        cache_store_get(controller->store, &RESOURCE_CACHE_RUNTIME_CLASSES, SV(""), state->name);
    runtime_state_begin_plan(state);
    struct rollout_snapshot snapshot = {.now_ms = controller->now_ms,
                                        .scope = controller->rollout_scope};
    if (cached && !cached->is_hidden)
        snapshot.runtime_class = cache_store_tree(controller->store, cached, state->arena);
    gather(controller, state->name, state->arena, &snapshot);
    state->rollout.is_incomplete = !snapshot.is_complete;
    snapshot.told = state->rollout.told;
    int64_t generation = object_generation(snapshot.runtime_class);
    snapshot.status_is_refused = generation > 0 && state->rollout.refused_generation == generation;
    rollout_plan(&snapshot, state->arena, state->plan);
    state->rollout.told = snapshot.told;
    pass_grants(controller, &snapshot);
    workqueue_add_at(controller->queue, state->key, state->plan->wake_ms);
    if (state->plan->action_count == 0) {
        finish(controller, state);
        return;
    }
    /* Whoever undoes it is not answered at once: this is a report, and waits as what it reports. */
    state->paused_until_ms = controller->now_ms + COALESCE_MS;
    execute_start(controller, state);
}
