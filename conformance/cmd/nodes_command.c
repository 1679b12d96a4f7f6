/* SPDX-License-Identifier: Apache-2.0 */
/* crctl nodes: simulated nodes with their kubelets, as clients of any API server. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/output.h"
#include "conformance/cmd/scripts.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/http/tls_identity.h"

#define KUBELET_ADDRESS SV("127.0.0.1")

enum {
    NODES_DEFAULT = 1,
    NODES_MAX = 10000,
    DELAY_MS_MAX = 60 * 60 * 1000,
};

struct nodes_command_options {
    uint64_t nodes, seed;
    uint64_t image_pull_ms, pod_start_ms, config_map_lag_ms; /* UINT64_MAX: the default */
    bool has_scheduler, has_controllers, is_verbose;
    struct sv kubeconfig, context, simulation, ready_file;
};

struct fleet {
    const struct nodes_command_options *options;
    struct arena *arena;
    struct log *log;
    struct event_loop *loop;
    struct cluster_clients *clients;
    struct scripts scripts;
    struct world *world;
    struct shell *shell;
    struct tls_identity identity;
    struct http_server *kubelets; /* where the API server sends execs */
    bool is_announced;
};

static int64_t delay_ms(uint64_t said) {
    return said == UINT64_MAX ? -1 : (int64_t)said;
}

static struct transport *connect_client(void *context, struct sv user_agent) {
    return cluster_clients_connect(context, user_agent);
}

static void disconnect_client(void *context, struct transport *transport) {
    cluster_clients_disconnect(context, transport);
}

static void make_world(struct fleet *fleet) {
    const struct nodes_command_options *options = fleet->options;
    struct world_remote remote = {
        .connect = connect_client,
        .disconnect = disconnect_client,
        .has_arrivals = curl_transport_has_completions,
        .context = fleet->clients,
    };
    fleet->world = world_new(&(struct world_options){
        .seed = options->seed,
        .node_count = options->nodes,
        .remote = &remote,
        .has_no_scheduler = !options->has_scheduler,
        .has_no_controllers = !options->has_controllers,
        .wall = wall_clock(),
        .image_pull_ms = delay_ms(options->image_pull_ms),
        .pod_start_ms = delay_ms(options->pod_start_ms),
        .config_map_lag_ms = delay_ms(options->config_map_lag_ms),
        .log = fleet->log,
    });
    struct engine engines[SCRIPTS_FILE_ENGINES_MAX];
    size_t engine_count = scripts_file_engines(&fleet->scripts, engines);
    for (size_t i = 0; i < engine_count; i++)
        world_add_engine(fleet->world, &engines[i]);
    fleet->shell = shell_new(fleet->world);
}

static bool open_kubelets(struct fleet *fleet, struct error *err) {
    if (!tls_identity_make(fleet->arena, KUBELET_ADDRESS, wall_now_ms(), &fleet->identity, err))
        return false;
    fleet->kubelets = http_server_new(
        &(struct http_server_options){
            .api = world_api(fleet->world),
            .world = fleet->world,
            .shell = fleet->shell,
            .clock = wall_clock(),
            .log = fleet->log,
            .address = KUBELET_ADDRESS,
            .tls = &fleet->identity,
            .is_kubelet = true,
            .seed = fleet->options->seed,
        },
        err);
    if (!fleet->kubelets)
        return false;
    world_set_kubelet_port(fleet->world, http_server_port(fleet->kubelets));
    return true;
}

static void kubelets_ready(void *context, int descriptor, unsigned events) {
    (void)descriptor, (void)events;
    http_server_run(((struct fleet *)context)->kubelets);
}

/* Once every node has registered or was refused. */
static void announce(struct fleet *fleet) {
    size_t registered = world_registered_nodes(fleet->world);
    size_t refused = world_refused_nodes(fleet->world);
    struct sv ready_file = fleet->options->ready_file;
    struct error err = {0};
    if (fleet->is_announced || registered + refused < fleet->options->nodes)
        return;
    fleet->is_announced = true;
    struct sv server = cluster_clients_server(fleet->clients);
    struct sv line = arena_printf(fleet->arena, "%zu nodes are registered with %.*s\n", registered,
                                  SV_ARG(server));
    command_print(line, EXIT_HELD);
    if (ready_file.len > 0 && !output_write_file(ready_file, line, &err))
        log_line(fleet->log, LOG_ERROR, "%s", err.message);
}

static void run_until_told(struct fleet *fleet) {
    event_loop_watch(fleet->loop, http_server_descriptor(fleet->kubelets), EVENT_READABLE,
                     kubelets_ready, fleet);
    while (!event_loop_is_stopping(fleet->loop)) {
        world_run_due(fleet->world);
        announce(fleet);
        int64_t now_ms = wall_now_ms();
        /* A command may have ended in what the world did just now. */
        if (http_server_has_sessions(fleet->kubelets) ||
            http_server_next_ms(fleet->kubelets) <= now_ms)
            http_server_run(fleet->kubelets);
        int64_t world_ms = http_server_next_ms(fleet->kubelets);
        int64_t clients_ms = cluster_clients_run(fleet->clients, now_ms);
        int64_t due_ms = world_ms < clients_ms ? world_ms : clients_ms;
        bool is_due = due_ms <= now_ms;
        event_loop_wait(fleet->loop, is_due ? 0 : due_ms == DEADLINE_NEVER ? -1 : due_ms - now_ms);
    }
}

static void release(struct fleet *fleet) {
    if (fleet->options->ready_file.len > 0)
        output_remove_file(fleet->options->ready_file);
    http_server_free(fleet->kubelets);
    world_free(fleet->world);
    shell_free(fleet->shell);
    scripts_release(&fleet->scripts);
    cluster_clients_free(fleet->clients);
    event_loop_free(fleet->loop);
    arena_free(fleet->arena);
}

static int run_nodes(const struct command *command, const struct nodes_command_options *options) {
    struct fleet fleet = {
        .options = options,
        .arena = arena_new(),
        .log = stderr_log(options->is_verbose ? LOG_DEBUG : LOG_WARNING),
        .loop = event_loop_new(),
    };
    struct error err = {0};
    event_loop_catch_signals(fleet.loop);
    bool is_ready = scripts_open_file(&fleet.scripts, options->simulation, fleet.arena, &err);
    if (is_ready) {
        fleet.clients = cluster_clients_new(
            &(struct cluster_clients_options){
                .loop = fleet.loop,
                .log = fleet.log,
                .kubeconfig = options->kubeconfig,
                .context = options->context,
            },
            &err);
        is_ready = fleet.clients != NULL;
    }
    if (is_ready) {
        make_world(&fleet);
        is_ready = open_kubelets(&fleet, &err);
    }
    if (is_ready)
        run_until_told(&fleet);
    else
        command_fail(command, err.message);
    release(&fleet);
    return is_ready ? EXIT_HELD : EXIT_USAGE;
}

static const char *find_mistake(const struct nodes_command_options *options) {
    const uint64_t delays[] = {options->image_pull_ms, options->pod_start_ms,
                               options->config_map_lag_ms};
    if (options->nodes < 1 || options->nodes > NODES_MAX)
        return "--nodes takes a number from 1 to 10000";
    for (size_t i = 0; i < COUNT_OF(delays); i++)
        if (delays[i] != UINT64_MAX && delays[i] > DELAY_MS_MAX)
            return "delays are at most 3600000 milliseconds";
    return NULL;
}

int nodes_command(const struct command *command, int argc, char *const *argv) {
    struct sv none = SV("");
    struct nodes_command_options nodes = {
        .nodes = NODES_DEFAULT,
        .image_pull_ms = UINT64_MAX,
        .pod_start_ms = UINT64_MAX,
        .config_map_lag_ms = UINT64_MAX,
        .kubeconfig = none,
        .context = none,
        .simulation = none,
        .ready_file = none,
    };
    const struct option options[] = {
        TEXT_OPTION("kubeconfig", "FILE", &nodes.kubeconfig,
                    "the API server; $KUBECONFIG, ~/.kube/config"),
        TEXT_OPTION("context", "NAME", &nodes.context, "of the kubeconfig; the current one"),
        NUMBER_OPTION("nodes", &nodes.nodes, "how many, node-1 to node-N; 1"),
        FLAG_OPTION("scheduler", &nodes.has_scheduler, "place pods too, as kube-scheduler does"),
        FLAG_OPTION("controllers", &nodes.has_controllers,
                    "run the built-in controllers too, as kube-controller-manager does"),
        TEXT_OPTION("sim", "FILE", &nodes.simulation,
                    "what containers do: a kind Simulation, or classes whose entries do well"),
        NUMBER_OPTION("image-pull-ms", &nodes.image_pull_ms,
                      "how long a node pulls an image; 2000"),
        NUMBER_OPTION("pod-start-ms", &nodes.pod_start_ms, "how long a container starts; 500"),
        NUMBER_OPTION("config-map-lag-ms", &nodes.config_map_lag_ms,
                      "how late pods see changes of ConfigMaps; 60000"),
        NUMBER_OPTION("seed", &nodes.seed, "of delays and heartbeats"),
        TEXT_OPTION("ready-file", "FILE", &nodes.ready_file,
                    "is there while all nodes are registered"),
        FLAG_OPTION("verbose", &nodes.is_verbose, "log what happens"),
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (operands.count > 0)
        return command_fail(command, "takes no file; name the server with --kubeconfig");
    const char *mistake = find_mistake(&nodes);
    return mistake ? command_fail(command, mistake) : run_nodes(command, &nodes);
}
