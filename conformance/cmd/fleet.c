/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/fleet.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/http/tls_identity.h"

#define KUBELET_ADDRESS SV("127.0.0.1")

struct fleet {
    struct fleet_options options;
    struct arena *arena;
    struct world *world;
    struct shell *shell;
    struct tls_identity identity;
    struct http_server *kubelets; /* where the API server sends execs */
};

static struct transport *connect_client(void *context, struct sv user_agent) {
    return cluster_clients_connect(context, user_agent);
}

static void disconnect_client(void *context, struct transport *transport) {
    cluster_clients_disconnect(context, transport);
}

static void make_world(struct fleet *fleet) {
    struct world_options options = *fleet->options.world;
    struct world_remote remote = {
        .connect = connect_client,
        .disconnect = disconnect_client,
        .has_arrivals = curl_transport_has_completions,
        .context = fleet->options.clients,
    };
    options.remote = &remote;
    options.wall = wall_clock();
    options.log = fleet->options.log;
    fleet->world = world_new(&options);
    for (size_t i = 0; i < fleet->options.engine_count; i++)
        world_add_engine(fleet->world, &fleet->options.engines[i]);
    fleet->shell = shell_new(fleet->world);
}

static void kubelets_ready(void *context, int descriptor, unsigned events) {
    (void)descriptor, (void)events;
    http_server_run(((struct fleet *)context)->kubelets);
}

static bool open_kubelets(struct fleet *fleet, struct error *err) {
    if (!tls_identity_make(fleet->arena, KUBELET_ADDRESS, system_now_ms(), &fleet->identity, err))
        return false;
    fleet->kubelets = http_server_new(
        &(struct http_server_options){
            .api = world_api(fleet->world),
            .world = fleet->world,
            .shell = fleet->shell,
            .clock = wall_clock(),
            .log = fleet->options.log,
            .address = KUBELET_ADDRESS,
            .tls = &fleet->identity,
            .is_kubelet = true,
            .seed = fleet->options.world->seed,
        },
        err);
    if (!fleet->kubelets)
        return false;
    world_set_kubelet_port(fleet->world, http_server_port(fleet->kubelets));
    event_loop_watch(fleet->options.loop, http_server_descriptor(fleet->kubelets), EVENT_READABLE,
                     kubelets_ready, fleet);
    return true;
}

struct fleet *fleet_new(const struct fleet_options *options, struct error *err) {
    struct fleet *fleet = mem_alloc(sizeof(*fleet));
    fleet->options = *options;
    fleet->arena = arena_new();
    make_world(fleet);
    if (open_kubelets(fleet, err))
        return fleet;
    fleet_free(fleet);
    return NULL;
}

void fleet_free(struct fleet *fleet) {
    if (!fleet)
        return;
    if (fleet->kubelets)
        event_loop_forget(fleet->options.loop, http_server_descriptor(fleet->kubelets));
    http_server_free(fleet->kubelets);
    world_free(fleet->world);
    shell_free(fleet->shell);
    arena_free(fleet->arena);
    mem_free(fleet);
}

struct world *fleet_world(const struct fleet *fleet) {
    return fleet->world;
}

int64_t fleet_run(struct fleet *fleet) {
    world_run_due(fleet->world);
    int64_t now_ms = wall_now_ms();
    /* A command may have ended in what the world did just now. */
    if (http_server_has_sessions(fleet->kubelets) || http_server_next_ms(fleet->kubelets) <= now_ms)
        http_server_run(fleet->kubelets);
    return deadline_earlier(http_server_next_ms(fleet->kubelets),
                            cluster_clients_run(fleet->options.clients, now_ms));
}
