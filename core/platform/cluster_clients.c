/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/cluster_clients.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/platform/client_config.h"
#include "core/platform/credentials.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"

struct cluster_clients {
    struct cluster_clients_options options;
    struct arena *arena; /* of the configuration */
    struct client_config config;
    struct credentials *credentials;
    struct credential credential; /* in `credential_arena` */
    struct arena *credential_arena;
    VEC(struct transport *) transports;
};

static void use_credential(const struct cluster_clients *clients, struct transport *transport) {
    const struct credential *credential = &clients->credential;
    curl_transport_set_credential(transport, credential->login, credential->client_certificate,
                                  credential->client_key);
    curl_transport_set_authority(transport, credential->ca_certificate);
}

static void take_credential(void *context, const struct credential *credential) {
    struct cluster_clients *clients = context;
    struct arena *arena = clients->credential_arena;
    arena_reset(arena);
    clients->credential = (struct credential){
        .login = arena_copy(arena, credential->login),
        .client_certificate = arena_copy(arena, credential->client_certificate),
        .client_key = arena_copy(arena, credential->client_key),
        .ca_certificate = arena_copy(arena, credential->ca_certificate),
    };
    for (size_t i = 0; i < clients->transports.count; i++)
        use_credential(clients, clients->transports.items[i]);
}

static const char *environment(const char *name) {
    return getenv(name);
}

static const char *environment_outside_of_pods(const char *name) {
    return strcmp(name, "KUBERNETES_SERVICE_HOST") == 0 ? NULL : getenv(name);
}

static bool read_config(void *context, struct arena *arena, struct client_config *ret_config,
                        struct error *err) {
    const struct cluster_clients_options *options = &((struct cluster_clients *)context)->options;
    return client_config_find(arena, options->kubeconfig, options->context,
                              options->is_in_pod ? environment : environment_outside_of_pods,
                              ret_config, err);
}

struct cluster_clients *cluster_clients_new(const struct cluster_clients_options *options,
                                            struct error *err) {
    struct cluster_clients *clients = mem_alloc(sizeof(*clients));
    *clients = (struct cluster_clients){
        .options = *options,
        .arena = arena_new(),
        .credential_arena = arena_new(),
        .credential = {SV(""), SV(""), SV(""), SV("")},
    };
    if (read_config(clients, clients->arena, &clients->config, err)) {
        clients->credentials = credentials_new(&(struct credentials_options){
            .config = &clients->config,
            .loop = options->loop,
            .log = options->log,
            .reload = read_config,
            .changed = take_credential,
            .context = clients,
        });
        if (credentials_begin(clients->credentials, wall_now_ms(), err))
            return clients;
    }
    cluster_clients_free(clients);
    return NULL;
}

void cluster_clients_free(struct cluster_clients *clients) {
    if (!clients)
        return;
    for (size_t i = 0; i < clients->transports.count; i++)
        curl_transport_free(clients->transports.items[i]);
    vec_release(&clients->transports);
    credentials_free(clients->credentials);
    arena_free(clients->credential_arena);
    arena_free(clients->arena);
    mem_free(clients);
}

static void refused(void *context) {
    credentials_refuse(((struct cluster_clients *)context)->credentials);
}

struct transport *cluster_clients_connect(struct cluster_clients *clients, struct sv user_agent) {
    const struct client_config *config = &clients->config;
    struct transport *transport = curl_transport_new(&(struct curl_transport_options){
        .loop = clients->options.loop,
        .server = config->server,
        .user_agent = user_agent,
        .ca_certificate = clients->credential.ca_certificate,
        .tls_server_name = config->tls_server_name,
        .proxy_url = config->proxy_url,
        .skips_verification = config->skips_verification,
        .has_no_compression = config->has_no_compression,
        .is_elsewhere = true,
        .refused = refused,
        .context = clients,
    });
    use_credential(clients, transport);
    vec_push(&clients->transports, transport);
    return transport;
}

void cluster_clients_disconnect(struct cluster_clients *clients, struct transport *transport) {
    for (size_t i = 0; i < clients->transports.count; i++) {
        if (clients->transports.items[i] != transport)
            continue;
        vec_remove(&clients->transports, i);
        curl_transport_free(transport);
        return;
    }
}

struct sv cluster_clients_server(const struct cluster_clients *clients) {
    return clients->config.server;
}

int64_t cluster_clients_run(struct cluster_clients *clients, int64_t now_ms) {
    int64_t next_ms = credentials_step(clients->credentials, now_ms);
    for (size_t i = 0; i < clients->transports.count; i++) {
        struct transport *transport = clients->transports.items[i];
        int64_t due_ms = curl_transport_run_timers(transport, now_ms);
        if (curl_transport_has_completions(transport))
            due_ms = INT64_MIN;
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    return next_ms;
}

bool cluster_clients_explain(const struct cluster_clients *clients, struct error *err) {
    if (err->code == ERROR_NOT_FOUND)
        error_set(err, ERROR_NOT_FOUND,
                  "%.*s knows no CacheRuntimes: install the CRDs (cacheruntime-controller crds | "
                  "kubectl apply --server-side -f -)",
                  SV_ARG(cluster_clients_server(clients)));
    return false;
}
