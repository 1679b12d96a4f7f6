/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/cluster_client.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/platform/client_config.h"
#include "core/platform/credentials.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"

struct cluster_client {
    struct arena *arena;
    struct event_loop *loop;
    struct client_config config;
    struct credentials *credentials;
    struct transport *transport;
};

static void take_credential(void *context, const struct credential *credential) {
    struct cluster_client *client = context;
    curl_transport_set_credential(client->transport, credential->token,
                                  credential->client_certificate, credential->client_key);
}

static const char *environment(const char *name) {
    return getenv(name);
}

static bool begin(struct cluster_client *client, struct sv paths, struct sv context,
                  struct error *err) {
    struct client_config *config = &client->config;
    if (!client_config_find(client->arena, paths, context, environment, config, err))
        return false;
    client->transport = curl_transport_new(&(struct curl_transport_options){
        .loop = client->loop,
        .server = config->server,
        .user_agent = SV("crctl/" CACHERUNTIME_VERSION),
        .username = config->username,
        .password = config->password,
        .ca_certificate = config->ca_certificate,
        .tls_server_name = config->tls_server_name,
        .proxy_url = config->proxy_url,
        .skips_verification = config->skips_verification,
        .has_no_compression = config->has_no_compression,
    });
    client->credentials = credentials_new(&(struct credentials_options){
        .config = config,
        .loop = client->loop,
        .log = log_none(),
        .changed = take_credential,
        .context = client,
    });
    return credentials_begin(client->credentials, wall_now_ms(), err);
}

struct cluster_client *cluster_client_new(struct sv paths, struct sv context, struct error *err) {
    struct cluster_client *client = mem_alloc(sizeof(*client));
    client->arena = arena_new();
    client->loop = event_loop_new();
    event_loop_catch_signals(client->loop);
    if (begin(client, paths, context, err))
        return client;
    cluster_client_free(client);
    return NULL;
}

void cluster_client_free(struct cluster_client *client) {
    if (!client)
        return;
    credentials_free(client->credentials);
    curl_transport_free(client->transport);
    event_loop_free(client->loop);
    arena_free(client->arena);
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
        int64_t due_ms = curl_transport_run_timers(client->transport, now_ms);
        bool is_due = curl_transport_has_completions(client->transport) || due_ms <= now_ms;
        event_loop_wait(client->loop, is_due ? 0 : due_ms == DEADLINE_NEVER ? -1 : due_ms - now_ms);
    }
    return error_set(err, ERROR_UNAVAILABLE, "interrupted");
}

bool cluster_client_ask(struct cluster_client *client, const struct request *request,
                        struct arena *arena, const struct cJSON **ret_body, struct error *err) {
    struct completion answer;
    uint64_t id = transport_start(client->transport, request);
    if (!wait_for(client, id, &answer, err))
        return false;
    if (answer.err.code != ERROR_NONE)
        return error_set(err, answer.err.code, "%s", answer.err.message);
    *ret_body = json_copy(arena, answer.body);
    return true;
}
