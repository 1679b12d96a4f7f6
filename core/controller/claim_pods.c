/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/claim_pods.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "core/controller/controller_parts.h"
#include "core/controller/index.h"
#include "core/controller/runtime_state.h"
#include "core/controller/snapshot_build.h"
#include "core/data/json.h"
#include "core/queue/workqueue.h"

/* A list of one namespace that is under way, and who waits for it. */
struct claim_list {
    struct arena *arena;
    struct map *by_claim; /* name of a claim -> JSON list of reduced pods that mount it */
    int64_t started_ms;
    VEC(struct runtime_state *) waiting;
};

struct claim_lists {
    struct map *by_namespace; /* struct claim_list */
};

struct claim_lists *claim_lists_new(void) {
    struct claim_lists *lists = mem_alloc(sizeof(*lists));
    lists->by_namespace = map_new();
    return lists;
}

static void list_free(struct claim_list *list) {
    vec_release(&list->waiting);
    map_free(list->by_claim);
    arena_free(list->arena);
    mem_free(list);
}

void claim_lists_free(struct claim_lists *lists) {
    size_t cursor = 0;
    void *list;
    if (!lists)
        return;
    while (map_next(lists->by_namespace, &cursor, NULL, &list))
        list_free(list);
    map_free(lists->by_namespace);
    mem_free(lists);
}

/* --- asking --- */

/* The answer comes back to one of those who wait. */
static void list_page(struct controller *controller, struct runtime_state *state,
                      struct sv continue_token) {
    struct request request = {
        .verb = VERB_LIST,
        .group = RESOURCE_PODS.group,
        .version = RESOURCE_PODS.version,
        .plural = RESOURCE_PODS.plural,
        .namespace_name = state->namespace_name,
        .continue_token = continue_token,
        .limit = CLAIM_PODS_PAGE_ITEMS,
        .unread = {.managed_fields = true},
    };
    controller->stats.reads++;
    controller_send(controller, &request, FLIGHT_CLAIM_PODS, state, 0);
}

static void wait_for_list(struct controller *controller, struct runtime_state *state) {
    struct map *lists = controller->claim_lists->by_namespace;
    struct claim_list *list = map_get(lists, state->namespace_name);
    bool is_new = !list;
    if (is_new) {
        list = mem_alloc(sizeof(*list));
        *list = (struct claim_list){
            .arena = arena_new(), .by_claim = map_new(), .started_ms = controller->now_ms};
        map_put(lists, state->namespace_name, list);
    }
    vec_push(&list->waiting, state);
    state->waits_for_claim_pods = true;
    if (is_new)
        list_page(controller, state, SV(""));
}

static void forget_pods(struct runtime_state *state) {
    arena_free(state->claim_arena);
    state->claim_arena = NULL;
    state->claim_pods = NULL;
}

int64_t claim_pods_due_ms(const struct runtime_state *state) {
    int64_t fresh_ms = (state->claim_listed_ms - state->claim_since_ms) / 4;
    if (!state->claim_pods)
        return DEADLINE_NEVER;
    if (fresh_ms < CLAIM_PODS_FRESH_MS || json_count(state->claim_pods) == 0)
        fresh_ms = CLAIM_PODS_FRESH_MS;
    if (fresh_ms > CLAIM_PODS_FRESH_MS_MAX)
        fresh_ms = CLAIM_PODS_FRESH_MS_MAX;
    return state->claim_listed_ms + fresh_ms;
}

bool claim_pods_are_fresh(struct controller *controller, struct runtime_state *state,
                          const struct snapshot *snapshot) {
    if (!snapshot_needs_claim_pods(snapshot)) {
        forget_pods(state);
        return true;
    }
    if (state->claim_pods && controller->now_ms < claim_pods_due_ms(state))
        return true;
    state->claim_asked_ms = controller->now_ms;
    wait_for_list(controller, state);
    return false;
}

/* --- answers --- */

static struct sv claim_of(const struct cJSON *volume) {
    return json_find_string(volume, "persistentVolumeClaim.claimName");
}

static bool was_claimed_before(const struct cJSON *volumes, const struct cJSON *volume) {
    JSON_EACH (earlier, volumes) {
        if (earlier == volume)
            break;
        if (sv_eq(claim_of(earlier), claim_of(volume)))
            return true;
    }
    return false;
}

static void add_pod(struct claim_list *list, const struct cJSON *pod) {
    const struct cJSON *volumes = json_find(pod, "spec.volumes");
    struct cJSON *reduced = NULL;
    JSON_EACH (volume, volumes) {
        struct sv claim = claim_of(volume);
        if (claim.len == 0 || was_claimed_before(volumes, volume))
            continue;
        struct cJSON *pods = map_get(list->by_claim, claim);
        if (!pods) {
            pods = json_list(list->arena);
            map_put(list->by_claim, claim, pods);
        }
        if (!reduced)
            reduced = index_reduce(&RESOURCE_PODS, pod, list->arena);
        json_append(pods, json_copy(list->arena, reduced));
    }
}

static void hand_out(struct controller *controller, const struct claim_list *list,
                     struct runtime_state *state) {
    const struct cJSON *pods = map_get(list->by_claim, state->name);
    if (!state->claim_pods)
        state->claim_since_ms = controller->now_ms;
    forget_pods(state);
    state->claim_arena = arena_new();
    state->claim_pods = pods ? json_copy(state->claim_arena, pods) : json_list(state->claim_arena);
    state->claim_listed_ms = controller->now_ms;
    workqueue_add(controller->queue, state->key);
}

/* Whoever asked after the list had begun may miss pods in it, and waits for the next one. */
static void finish(struct controller *controller, struct claim_list *list) {
    for (size_t i = 0; i < list->waiting.count; i++) {
        struct runtime_state *state = list->waiting.items[i];
        state->waits_for_claim_pods = false;
        if (state->claim_asked_ms <= list->started_ms)
            hand_out(controller, list, state);
        else
            wait_for_list(controller, state);
    }
}

static void fail(struct controller *controller, struct claim_list *list, int64_t retry_after_ms) {
    for (size_t i = 0; i < list->waiting.count; i++) {
        struct runtime_state *state = list->waiting.items[i];
        state->waits_for_claim_pods = false;
        workqueue_add_rate_limited(controller->queue, state->key, controller->now_ms,
                                   retry_after_ms);
    }
}

void claim_pods_take(struct controller *controller, struct runtime_state *state,
                     const struct completion *completion) {
    struct map *lists = controller->claim_lists->by_namespace;
    struct claim_list *list = map_get(lists, state->namespace_name);
    bool is_answered = completion->err.code == ERROR_NONE;
    struct sv token = json_find_string(completion->body, "metadata.continue");
    JSON_EACH (pod, is_answered ? json_get(completion->body, SV("items")) : NULL)
        add_pod(list, pod);
    if (is_answered && token.len > 0) {
        list_page(controller, state, token);
        return;
    }
    map_remove(lists, state->namespace_name);
    if (is_answered)
        finish(controller, list);
    else
        fail(controller, list, completion->retry_after_ms);
    list_free(list);
}
