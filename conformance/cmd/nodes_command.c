/* SPDX-License-Identifier: Apache-2.0 */
/* crctl nodes: simulated nodes with their kubelets, as clients of any API server. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/fleet.h"
#include "conformance/cmd/output.h"
#include "conformance/cmd/scripts.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/daemon_log.h"
#include "core/platform/event_loop.h"
#include "fakeapi/cluster/world.h"

#include <unistd.h>

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

struct nodes {
    const struct nodes_command_options *options;
    struct arena *arena;
    struct daemon_log *log_sink;
    struct log *log; /* the sink's seam */
    struct event_loop *loop;
    struct cluster_clients *clients;
    struct scripts scripts;
    struct fleet *fleet;
    bool is_announced;
};

static int64_t delay_ms(uint64_t said) {
    return said == UINT64_MAX ? -1 : (int64_t)said;
}

static bool make_fleet(struct nodes *nodes, struct error *err) {
    struct engine engines[SCRIPTS_FILE_ENGINES_MAX];
    const struct nodes_command_options *options = nodes->options;
    struct world_options world = {
        .seed = options->seed,
        .node_count = options->nodes,
        .has_no_scheduler = !options->has_scheduler,
        .has_no_controllers = !options->has_controllers,
        .image_pull_ms = delay_ms(options->image_pull_ms),
        .pod_start_ms = delay_ms(options->pod_start_ms),
        .config_map_lag_ms = delay_ms(options->config_map_lag_ms),
    };
    nodes->fleet = fleet_new(
        &(struct fleet_options){
            .loop = nodes->loop,
            .clients = nodes->clients,
            .log = nodes->log,
            .world = &world,
            .engines = engines,
            .engine_count = scripts_file_engines(&nodes->scripts, engines),
        },
        err);
    return nodes->fleet != NULL;
}

/* Once every node has registered or was refused. */
static void announce(struct nodes *nodes) {
    const struct world *world = fleet_world(nodes->fleet);
    size_t registered = world_registered_nodes(world);
    size_t refused = world_refused_nodes(world);
    struct sv ready_file = nodes->options->ready_file;
    struct error err = {0};
    if (nodes->is_announced || registered + refused < nodes->options->nodes)
        return;
    nodes->is_announced = true;
    struct sv server = cluster_clients_server(nodes->clients);
    struct sv line = arena_printf(nodes->arena, "%zu nodes are registered with %.*s\n", registered,
                                  SV_ARG(server));
    command_print(line, EXIT_HELD);
    if (ready_file.len > 0 && !output_write_file(ready_file, line, &err))
        log_line(nodes->log, LOG_ERROR, "%s", err.message);
}

static void run_until_told(struct nodes *nodes) {
    while (!event_loop_is_stopping(nodes->loop)) {
        int64_t due_ms = fleet_run(nodes->fleet);
        daemon_log_flush(nodes->log_sink);
        announce(nodes);
        int64_t now_ms = wall_now_ms();
        bool is_due = due_ms <= now_ms;
        event_loop_wait(nodes->loop, is_due ? 0 : due_ms == DEADLINE_NEVER ? -1 : due_ms - now_ms);
    }
}

static void release(struct nodes *nodes) {
    if (nodes->options->ready_file.len > 0)
        output_remove_file(nodes->options->ready_file);
    fleet_free(nodes->fleet);
    scripts_release(&nodes->scripts);
    cluster_clients_free(nodes->clients);
    event_loop_free(nodes->loop);
    daemon_log_free(nodes->log_sink);
    arena_free(nodes->arena);
}

static int run_nodes(const struct command *command, const struct nodes_command_options *options) {
    struct nodes nodes = {
        .options = options,
        .arena = arena_new(),
        .log_sink =
            daemon_log_new(STDERR_FILENO, options->is_verbose ? LOG_DEBUG : LOG_WARNING, false),
        .loop = event_loop_new(),
    };
    nodes.log = daemon_log_base(nodes.log_sink);
    struct error err = {0};
    event_loop_catch_signals(nodes.loop);
    bool is_ready = scripts_open_file(&nodes.scripts, options->simulation, nodes.arena, &err);
    if (is_ready) {
        nodes.clients = cluster_clients_new(
            &(struct cluster_clients_options){
                .loop = nodes.loop,
                .log = nodes.log,
                .kubeconfig = options->kubeconfig,
                .context = options->context,
            },
            &err);
        is_ready = nodes.clients != NULL;
    }
    is_ready = is_ready && make_fleet(&nodes, &err);
    if (is_ready)
        run_until_told(&nodes);
    else
        command_fail(command, err.message);
    release(&nodes);
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
        KUBECONFIG_OPTION(&nodes.kubeconfig),
        CONTEXT_OPTION(&nodes.context),
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
