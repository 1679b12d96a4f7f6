/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/cluster_client.h"

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/event_loop.h"

struct cluster_client {
    struct event_loop *loop;
    struct cluster_clients *clients;
    struct transport *transport;
};

struct cluster_client *cluster_client_new(struct sv paths, struct sv context, struct error *err) {
    struct cluster_client *client = mem_alloc(sizeof(*client));
    client->loop = event_loop_new();
    event_loop_catch_signals(client->loop);
    client->clients = cluster_clients_new(
        &(struct cluster_clients_options){
            .loop = client->loop,
            .log = log_none(),
            .kubeconfig = paths,
            .context = context,
            .is_in_pod = true,
        },
        err);
    if (!client->clients) {
        cluster_client_free(client);
        return NULL;
    }
    client->transport = cluster_clients_connect(client->clients, SV("crctl/" CACHERUNTIME_VERSION));
    return client;
}

void cluster_client_free(struct cluster_client *client) {
    if (!client)
        return;
    cluster_clients_free(client->clients);
    event_loop_free(client->loop);
    mem_free(client);
}

static bool wait_for(struct cluster_client *client, uint64_t id, struct completion *ret_answer,
                     struct error *err) {
    while (!event_loop_is_stopping(client->loop)) {
        if (transport_take(client->transport, ret_answer)) {
            if (ret_answer->id == id && ret_answer->type != COMPLETION_WATCH_EVENT)
                return true;
            continue;
        }
        int64_t now_ms = wall_now_ms();
        int64_t due_ms = cluster_clients_run(client->clients, now_ms);
        event_loop_wait(client->loop, due_ms <= now_ms           ? 0
                                      : due_ms == DEADLINE_NEVER ? -1
                                                                 : due_ms - now_ms);
    }
    return error_set(err, ERROR_UNAVAILABLE, "interrupted");
}

bool cluster_client_ask(void *context, const struct request *request, struct arena *arena,
                        const struct cJSON **ret_body, struct error *err) {
    struct cluster_client *client = context;
    struct completion answer;
    uint64_t id = transport_start(client->transport, request);
    if (!wait_for(client, id, &answer, err))
        return false;
    if (answer.err.code != ERROR_NONE)
        return error_set(err, answer.err.code, "%s", answer.err.message);
    *ret_body = json_copy(arena, answer.body);
    return true;
}

void cluster_client_tell(void *context, struct sv line) {
    (void)context;
    printf("%.*s\n", SV_ARG(line));
}
