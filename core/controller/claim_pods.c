/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/claim_pods.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/client/transport.h"
#include "core/controller/controller_parts.h"
#include "core/controller/index.h"
#include "core/controller/runtime_state.h"
#include "core/controller/snapshot_build.h"
#include "core/data/json.h"
#include "core/queue/workqueue.h"

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
    };
    controller->stats.reads++;
    state->claim_id = controller_send(controller, &request, FLIGHT_CLAIM_PODS, state, 0);
}

bool claim_pods_are_fresh(struct controller *controller, struct runtime_state *state) {
    if (state->claim_id)
        return false;
    if (!snapshot_needs_claim_pods(controller->store, state)) {
        arena_free(state->claim_arena);
        state->claim_arena = NULL;
        state->claim_pods = NULL;
        return true;
    }
    if (state->claim_pods && controller->now_ms - state->claim_listed_ms < CLAIM_PODS_FRESH_MS)
        return true;
    state->claim_arena_next = arena_new();
    state->claim_pods_next = json_list(state->claim_arena_next);
    list_page(controller, state, SV(""));
    return false;
}

static bool mounts_claim(const struct cJSON *pod, struct sv claim) {
    JSON_EACH (volume, json_find(pod, "spec.volumes"))
        if (sv_eq(json_find_string(volume, "persistentVolumeClaim.claimName"), claim))
            return true;
    return false;
}

static void drop_next(struct runtime_state *state) {
    arena_free(state->claim_arena_next);
    state->claim_arena_next = NULL;
    state->claim_pods_next = NULL;
}

void claim_pods_take(struct controller *controller, struct runtime_state *state,
                     const struct completion *completion) {
    state->claim_id = 0;
    if (completion->err.code != ERROR_NONE) {
        drop_next(state);
        workqueue_add_rate_limited(controller->queue, state->key, controller->now_ms,
                                   completion->retry_after_ms);
        return;
    }
    JSON_EACH (pod, json_get(completion->body, SV("items")))
        if (mounts_claim(pod, state->name))
            json_append(state->claim_pods_next,
                        index_reduce(&RESOURCE_PODS, pod, state->claim_arena_next));
    struct sv token = json_find_string(completion->body, "metadata.continue");
    if (token.len) {
        list_page(controller, state, token);
        return;
    }
    arena_free(state->claim_arena);
    state->claim_arena = state->claim_arena_next;
    state->claim_pods = state->claim_pods_next;
    state->claim_arena_next = NULL;
    state->claim_pods_next = NULL;
    state->claim_listed_ms = controller->now_ms;
    workqueue_add(controller->queue, state->key);
}
