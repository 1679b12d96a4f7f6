/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parts of the cluster ask of an aggregated API server: a HorizontalPodAutoscaler reads usage
 * so. It is a question that takes its time, as those of webhooks do. Requests of clients do not
 * come here: the HTTP front passes them on as they are.
 */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/client/request_url.h"
#include "core/data/json.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook_target.h"

enum { TIMEOUT_MS = 30 * 1000 };

/* "get pods.metrics.k8s.io", as client-go names a request that failed. */
static bool refuse_unavailable(struct call *call) {
    const struct request *request = call->request;
    return refuse(call, 503, "ServiceUnavailable",
                  arena_printf(call->arena,
                               "the server is currently unable to handle the request (get "
                               "%.*s.%.*s)",
                               SV_ARG(request->plural), SV_ARG(request->group)),
                  NULL);
}

static void take_reply(struct call *call, const struct webhook_reply *reply) {
    struct error err = {0};
    if (reply->failure.len > 0) {
        refuse(call, 503, "ServiceUnavailable",
               ARENA_JOIN(call->arena, SV("error trying to reach service: "), reply->failure),
               NULL);
        return;
    }
    const struct cJSON *body = json_read(call->arena, reply->body, &err);
    if (json_is_map(body))
        answer(call, reply->http_status, body);
    else
        refuse(call, reply->http_status >= 400 ? reply->http_status : 502, "",
               SV("the aggregated API server answered no JSON"), NULL);
}

void handle_remote(struct call *call, const struct remote_api *remote) {
    struct arena *arena = call->arena;
    struct webhook_question question = {
        .webhook = remote->name, .timeout_ms = TIMEOUT_MS, .get_as = call_user(call)->name};
    struct webhook_reply reply;
    enum verb verb = call->request->verb;
    if (verb != VERB_GET && verb != VERB_LIST) {
        refuse_unsupported(call, SV("writing to aggregated API servers from within the cluster"));
        return;
    }
    bool is_there = remote->is_available && call->dialogue &&
                    aggregation_target(call->api, remote, arena, &question.target).len == 0;
    if (!is_there) {
        refuse_unavailable(call);
        return;
    }
    question.target.url =
        ARENA_JOIN(arena, question.target.url, request_path(call->request, arena));
    switch (dialogue_ask(call->dialogue, &question, arena, &reply)) {
    case DIALOGUE_REPLIED:
        take_reply(call, &reply);
        return;
    case DIALOGUE_EXHAUSTED:
        refuse_unavailable(call);
        return;
    case DIALOGUE_WAITS:
        break;
    }
    call->is_waiting = true;
}
