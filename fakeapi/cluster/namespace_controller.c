/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/namespace_controller.h"

#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/schema/registry.h"

enum {
    /* Watches of what is in the namespace may be late; the real controller waits that long. */
    START_DELAY_MS = 5000,
    /* Before it looks again at what was left: at least this, and half of the longest time that
     * anything may take. */
    RETRY_MS = 1000,
    FINALIZER_ESTIMATE_S = 15,
};

/* What is left of one type. */
struct remains {
    const struct resource_type *type;
    uint64_t request_id;
    size_t count;
    bool has_failed;
};

enum emptying_step { STEP_IDLE, STEP_DELETING, STEP_COUNTING };

/* One namespace on its way out. */
struct emptying {
    enum emptying_step step;
    VEC(struct remains) remains;
    struct map *finalizers; /* finalizer -> how many objects have it, as a number */
    struct arena *texts;
    int64_t estimate_s;
    int64_t next_ms; /* when the next round begins */
};

struct namespace_controller {
    struct agent *agent;
    struct agent_part *part; /* keys are namespaces */
    struct agent_cache *namespaces;
    const struct registry *registry;
    struct map *emptying; /* namespace -> struct emptying */
};

static void free_emptying(struct emptying *emptying) {
    if (!emptying)
        return;
    vec_release(&emptying->remains);
    map_free(emptying->finalizers);
    arena_free(emptying->texts);
    mem_free(emptying);
}

static struct emptying *emptying_of(struct namespace_controller *controller, struct sv key) {
    struct emptying *emptying = map_get(controller->emptying, key);
    if (emptying)
        return emptying;
    emptying = mem_alloc(sizeof(*emptying));
    emptying->finalizers = map_new();
    emptying->texts = arena_new();
    map_put(controller->emptying, key, emptying);
    return emptying;
}

/* --- emptying --- */

static void forget_round(struct emptying *emptying) {
    vec_clear(&emptying->remains);
    map_free(emptying->finalizers);
    emptying->finalizers = map_new();
    arena_reset(emptying->texts);
    emptying->estimate_s = 0;
}

/* Versions of one type share their objects. */
static void delete_all(struct namespace_controller *controller, struct emptying *emptying,
                       struct sv key) {
    const struct resource_type *type;
    AUTO(map) storages = map_new();
    forget_round(emptying);
    emptying->step = STEP_DELETING;
    for (size_t i = 0; (type = registry_at(controller->registry, i)); i++) {
        if (!type->resource.is_namespaced || map_has(storages, type->storage_key))
            continue;
        map_put(storages, type->storage_key, NULL);
        struct request request = request_to(VERB_DELETE_COLLECTION, &type->resource, key, SV(""));
        uint64_t id = agent_send(controller->part, key, &request);
        vec_push(&emptying->remains, (struct remains){.type = type, .request_id = id});
    }
}

/* What was deleted may still be there: it has finalizers, or a node has to stop it. */
static bool count_left(struct namespace_controller *controller, struct emptying *emptying,
                       struct sv key) {
    bool any = false;
    emptying->step = STEP_COUNTING;
    for (size_t i = 0; i < emptying->remains.count; i++) {
        struct remains *remains = &emptying->remains.items[i];
        if (remains->count == 0)
            continue;
        any = true;
        struct request request = request_to(VERB_LIST, &remains->type->resource, key, SV(""));
        request.metadata_only = true;
        remains->request_id = agent_send(controller->part, key, &request);
    }
    return any;
}

static void note_left(struct emptying *emptying, const struct resource_type *type,
                      const struct cJSON *object) {
    const struct cJSON *finalizers = json_find(object, "metadata.finalizers");
    int64_t needed_s = json_find_int(object, "metadata.deletionGracePeriodSeconds", 0);
    JSON_EACH (finalizer, finalizers) {
        uintptr_t count = (uintptr_t)map_get(emptying->finalizers, json_text(finalizer));
        map_put(emptying->finalizers, json_text(finalizer), (void *)(count + 1));
    }
    if (json_count(finalizers) > 0 || !type->has_graceful_deletion)
        needed_s = FINALIZER_ESTIMATE_S;
    if (needed_s > emptying->estimate_s)
        emptying->estimate_s = needed_s;
}

static void answered(void *context, struct sv key, const struct completion *completion) {
    struct namespace_controller *controller = context;
    struct emptying *emptying = map_get(controller->emptying, key);
    for (size_t i = 0; emptying && i < emptying->remains.count; i++) {
        struct remains *remains = &emptying->remains.items[i];
        if (remains->request_id != completion->id)
            continue;
        const struct cJSON *items = json_get(completion->body, SV("items"));
        enum error_code code = completion->err.code;
        /* The type went meanwhile, and its objects with it; or it cannot be deleted so. */
        bool is_over = code == ERROR_NOT_FOUND;
        remains->has_failed = code != ERROR_NONE && !is_over;
        remains->count = code == ERROR_NONE ? json_count(items) : 0;
        for (const struct cJSON *item = items && emptying->step == STEP_COUNTING ? items->child
                                                                                 : NULL;
             item; item = item->next)
            note_left(emptying, remains->type, item);
        return;
    }
}

/* --- what is told --- */

static struct sv remaining_text(const struct emptying *emptying, struct arena *arena) {
    struct sv text = SV("");
    for (size_t i = 0; i < emptying->remains.count; i++) {
        const struct remains *remains = &emptying->remains.items[i];
        if (remains->count > 0)
            text = arena_printf(
                arena, "%.*s%s%.*s has %zu resource instances", SV_ARG(text), text.len ? ", " : "",
                SV_ARG(arena_printf(arena, "%.*s.%.*s", SV_ARG(remains->type->resource.plural),
                                    SV_ARG(remains->type->resource.group))),
                remains->count);
    }
    return text;
}

static struct sv finalizers_text(const struct emptying *emptying, struct arena *arena) {
    struct sv text = SV(""), name;
    size_t cursor = 0;
    void *value;
    while (map_next(emptying->finalizers, &cursor, &name, &value))
        text = arena_printf(arena, "%.*s%s%.*s in %zu resource instances", SV_ARG(text),
                            text.len ? ", " : "", SV_ARG(name), (size_t)(uintptr_t)value);
    return text;
}

static void add_condition(struct cJSON *conditions, const struct cJSON *found, int64_t now_ms,
                          struct sv type, bool is_true, struct sv reason, struct sv message,
                          struct arena *arena) {
    struct sv status = is_true ? SV("True") : SV("False");
    const struct cJSON *before = object_condition(found, type);
    struct cJSON *condition = json_append(conditions, json_map(arena));
    json_set_string(arena, condition, SV("type"), type);
    json_set_string(arena, condition, SV("status"), status);
    json_set_string(arena, condition, SV("lastTransitionTime"),
                    condition_since(before, status, api_time_format(now_ms, arena)));
    json_set_string(arena, condition, SV("reason"), reason);
    json_set_string(arena, condition, SV("message"), message);
}

static struct cJSON *conditions_of(const struct emptying *emptying, const struct cJSON *found,
                                   int64_t now_ms, bool has_failed, struct arena *arena) {
    struct cJSON *list = json_list(arena);
    struct sv left = remaining_text(emptying, arena), held = finalizers_text(emptying, arena);
    add_condition(list, found, now_ms, SV("NamespaceDeletionDiscoveryFailure"), false,
                  SV("ResourcesDiscovered"), SV("All resources successfully discovered"), arena);
    add_condition(list, found, now_ms, SV("NamespaceDeletionGroupVersionParsingFailure"), false,
                  SV("ParsedGroupVersions"), SV("All legacy kube types successfully parsed"),
                  arena);
    add_condition(list, found, now_ms, SV("NamespaceDeletionContentFailure"), has_failed,
                  has_failed ? SV("ContentDeletionFailed") : SV("ContentDeleted"),
                  has_failed
                      ? SV("Failed to delete all resource types: the server refused some deletions")
                      : SV("All content successfully deleted, may be waiting on finalization"),
                  arena);
    add_condition(list, found, now_ms, SV("NamespaceContentRemaining"), left.len > 0,
                  left.len > 0 ? SV("SomeResourcesRemain") : SV("ContentRemoved"),
                  left.len > 0
                      ? arena_printf(arena, "Some resources are remaining: %.*s", SV_ARG(left))
                      : SV("All content successfully removed"),
                  arena);
    add_condition(list, found, now_ms, SV("NamespaceFinalizersRemaining"), held.len > 0,
                  held.len > 0 ? SV("SomeFinalizersRemain") : SV("ContentHasNoFinalizers"),
                  held.len > 0 ? arena_printf(arena,
                                              "Some content in the namespace has finalizers "
                                              "remaining: %.*s",
                                              SV_ARG(held))
                               : SV("All content-preserving finalizers finished"),
                  arena);
    return list;
}

static void write_conditions(struct namespace_controller *controller,
                             const struct emptying *emptying, const struct cJSON *found,
                             bool has_failed, struct arena *arena) {
    struct cJSON *conditions =
        conditions_of(emptying, found, agent_now_ms(controller->agent), has_failed, arena);
    if (json_equal(conditions, json_find(found, "status.conditions")))
        return;
    struct cJSON *patch = json_map(arena);
    json_set(arena, json_ensure_map(arena, patch, SV("status")), SV("conditions"), conditions);
    struct request request =
        agent_merge_patch(&RESOURCE_NAMESPACES, SV(""), object_name(found), SV("status"), patch);
    agent_send(controller->part, object_name(found), &request);
}

/* --- the end --- */

static void finalize(struct namespace_controller *controller, const struct cJSON *found,
                     struct arena *arena) {
    struct cJSON *object = json_copy(arena, found);
    struct cJSON *rest = json_list(arena);
    JSON_EACH (finalizer, json_find(found, "spec.finalizers"))
        if (!sv_eq(json_text(finalizer), SV("kubernetes")))
            json_append(rest, json_string(arena, json_text(finalizer)));
    /* Its conditions may have been written just now. */
    json_remove(json_get(object, SV("metadata")), SV("resourceVersion"));
    json_set(arena, json_ensure_map(arena, object, SV("spec")), SV("finalizers"), rest);
    struct request request =
        request_to(VERB_UPDATE, &RESOURCE_NAMESPACES, SV(""), object_name(found));
    request.subresource = SV("finalize");
    request.body = object;
    agent_send(controller->part, object_name(found), &request);
}

static void end_round(struct namespace_controller *controller, struct emptying *emptying,
                      const struct cJSON *found, struct arena *arena) {
    size_t left = 0;
    bool has_failed = false;
    for (size_t i = 0; i < emptying->remains.count; i++) {
        left += emptying->remains.items[i].count;
        has_failed |= emptying->remains.items[i].has_failed;
    }
    emptying->step = STEP_IDLE;
    if (left == 0 && !has_failed) {
        finalize(controller, found, arena);
        return;
    }
    write_conditions(controller, emptying, found, has_failed, arena);
    emptying->next_ms =
        agent_now_ms(controller->agent) + RETRY_MS + emptying->estimate_s * 1000 / 2;
    agent_mark(controller->part, object_name(found), emptying->next_ms);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct namespace_controller *controller = context;
    const struct cJSON *found = cache_get(controller->namespaces, SV(""), key);
    int64_t now_ms = agent_now_ms(controller->agent), deleted_ms;
    if (!object_is_deleting(found) ||
        !json_has_text(json_find(found, "spec.finalizers"), SV("kubernetes"))) {
        free_emptying(map_remove(controller->emptying, key));
        return;
    }
    if (!api_time_parse(json_find_string(found, "metadata.deletionTimestamp"), &deleted_ms))
        deleted_ms = now_ms;
    struct emptying *emptying = emptying_of(controller, key);
    if (emptying->next_ms < deleted_ms + START_DELAY_MS)
        emptying->next_ms = deleted_ms + START_DELAY_MS;
    switch (emptying->step) {
    case STEP_IDLE:
        if (now_ms < emptying->next_ms)
            agent_mark(part, key, emptying->next_ms);
        else
            delete_all(controller, emptying, key);
        break;
    case STEP_DELETING:
        if (!count_left(controller, emptying, key))
            end_round(controller, emptying, found, arena);
        break;
    case STEP_COUNTING:
        end_round(controller, emptying, found, arena);
        break;
    }
}

/* --- life --- */

static void handle_namespace(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone) {
    struct namespace_controller *controller = context;
    (void)before;
    if (is_gone || object_is_deleting(object))
        agent_mark(controller->part, object_name(object), 0);
}

struct namespace_controller *namespace_controller_new(struct agent *agent,
                                                      const struct registry *registry) {
    struct namespace_controller *controller = mem_alloc(sizeof(*controller));
    controller->agent = agent;
    controller->registry = registry;
    controller->emptying = map_new();
    controller->part = agent_add_part(agent, SV("namespaces"), reconcile, controller);
    agent_on_answer(controller->part, answered, controller);
    controller->namespaces = agent_watch(agent, &RESOURCE_NAMESPACES, handle_namespace, controller);
    return controller;
}

void namespace_controller_free(struct namespace_controller *controller) {
    if (!controller)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(controller->emptying, &cursor, NULL, &value))
        free_emptying(value);
    map_free(controller->emptying);
    mem_free(controller);
}
