/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_cluster.h"

#include "bench/bench.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "core/platform/child.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"

#include <errno.h>
#include <unistd.h>

enum {
    READY_TIMEOUT_MS = 120 * 1000,
    POLL_MS = 20,
    OUTPUT_BYTES_MAX = 64 * 1024,
};

struct bench_program {
    struct child *child;
};

struct bench_cluster {
    struct bench_cluster_options options;
    struct arena *arena;
    struct sv folder, kubeconfig;
    struct event_loop *loop;
    struct cluster_clients *clients;
    struct transport *transport;
    VEC(struct bench_program *) programs;
    const struct bench_program *server; /* one of them; NULL: somebody else's */
    uint64_t asked_id;                  /* of the request that is waited for, or 0 */
    struct arena *answer_arena;
    const struct cJSON *answer;
    struct error answer_err;
    bool is_answered;
};

/* --- programs --- */

struct bench_program *bench_cluster_run(struct bench_cluster *cluster, struct sv command,
                                        const struct sv *args, size_t arg_count,
                                        struct error *err) {
    struct child *child = child_start(
        &(struct child_options){
            .loop = cluster->loop,
            .command = command,
            .args = args,
            .arg_count = arg_count,
            .output_bytes_max = OUTPUT_BYTES_MAX,
        },
        err);
    if (!child)
        return NULL;
    struct bench_program *program = mem_alloc(sizeof(*program));
    program->child = child;
    vec_push(&cluster->programs, program);
    return program;
}

bool bench_program_has_ended(const struct bench_program *program) {
    return child_has_ended(program->child);
}

int bench_program_pid(const struct bench_program *program) {
    return child_pid(program->child);
}

/* --- requests --- */

static void take_answer(struct bench_cluster *cluster, const struct completion *completion) {
    cluster->is_answered = true;
    cluster->answer_err = completion->err;
    cluster->answer = completion->body ? json_copy(cluster->answer_arena, completion->body) : NULL;
}

static bool take_arrivals(struct bench_cluster *cluster) {
    struct completion completion;
    bool any = false;
    while (cluster->transport && transport_take(cluster->transport, &completion)) {
        any = true;
        if (completion.id == cluster->asked_id)
            take_answer(cluster, &completion);
        else
            cluster->options.take(cluster->options.context, &completion);
    }
    return any;
}

/* One wait of the loop; true when something was taken. */
static bool turn(struct bench_cluster *cluster, double end_ms) {
    if (take_arrivals(cluster))
        return true;
    double left_ms = end_ms - bench_now_ms();
    int64_t wait_ms = left_ms > 0 ? (int64_t)left_ms + 1 : 0;
    if (cluster->clients) {
        int64_t now_ms = wall_now_ms();
        int64_t due_ms = cluster_clients_run(cluster->clients, now_ms);
        if (due_ms <= now_ms)
            wait_ms = 0;
        else if (due_ms - now_ms < wait_ms)
            wait_ms = due_ms - now_ms;
    }
    event_loop_wait(cluster->loop, wait_ms);
    return take_arrivals(cluster);
}

bool bench_cluster_wait(struct bench_cluster *cluster, int64_t timeout_ms, struct error *err) {
    double end_ms = bench_now_ms() + (double)timeout_ms;
    while (!turn(cluster, end_ms) && bench_now_ms() < end_ms)
        if (event_loop_is_stopping(cluster->loop))
            break;
    return !event_loop_is_stopping(cluster->loop) ||
           error_set(err, ERROR_UNAVAILABLE, "interrupted");
}

struct transport *bench_cluster_transport(struct bench_cluster *cluster) {
    return cluster->transport;
}

uint64_t bench_cluster_start(struct bench_cluster *cluster, const struct request *request) {
    return transport_start(cluster->transport, request);
}

bool bench_cluster_ask(struct bench_cluster *cluster, const struct request *request,
                       struct arena *arena, const struct cJSON **ret_body, struct error *err) {
    cluster->is_answered = false;
    cluster->answer_arena = arena;
    cluster->asked_id = transport_start(cluster->transport, request);
    while (!cluster->is_answered)
        if (!bench_cluster_wait(cluster, READY_TIMEOUT_MS, err))
            return false;
    cluster->asked_id = 0;
    if (cluster->answer_err.code != ERROR_NONE)
        return error_set(err, cluster->answer_err.code, "%s", cluster->answer_err.message);
    *ret_body = cluster->answer;
    return true;
}

bool bench_cluster_create(struct bench_cluster *cluster, const struct resource *resource,
                          const struct cJSON *object, struct arena *arena,
                          const struct cJSON **ret_body, struct error *err) {
    struct request request = request_to(VERB_CREATE, resource, object_namespace(object), SV(""));
    request.body = object;
    return bench_cluster_ask(cluster, &request, arena, ret_body, err);
}

/* --- life --- */

static struct sv path_of(struct bench_cluster *cluster, const char *name) {
    return arena_printf(cluster->arena, "%.*s/%s", SV_ARG(cluster->folder), name);
}

static bool wait_ready(struct bench_cluster *cluster, const struct bench_program *program,
                       struct sv path, const char *what, struct error *err) {
    double end_ms = bench_now_ms() + READY_TIMEOUT_MS;
    while (access(path.ptr, F_OK) != 0) {
        if (bench_program_has_ended(program))
            return error_set(err, ERROR_INTERNAL, "%s ended before it was ready", what);
        if (bench_now_ms() > end_ms)
            return error_set(err, ERROR_TIMEOUT, "%s is not ready after %d s", what,
                             READY_TIMEOUT_MS / 1000);
        if (!bench_cluster_wait(cluster, POLL_MS, err))
            return false;
    }
    return true;
}

/* `crctl COMMAND OPTION KUBECONFIG`, where nothing takes time; until it is ready. NULL: `err`. */
static const struct bench_program *start_simulation(struct bench_cluster *cluster,
                                                    const char *command, const char *option,
                                                    struct error *err) {
    struct arena *arena = cluster->arena;
    struct sv ready = path_of(cluster, arena_printf(arena, "%s-ready", command).ptr);
    const struct sv args[] = {
        sv_from(command),
        sv_from(option),
        cluster->kubeconfig,
        SV("--ready-file"),
        ready,
        SV("--nodes"),
        arena_printf(arena, "%zu", cluster->options.node_count),
        SV("--seed"),
        arena_printf(arena, "%llu", (unsigned long long)cluster->options.seed),
        SV("--image-pull-ms"),
        SV("0"),
        SV("--pod-start-ms"),
        SV("0"),
    };
    const struct bench_program *program =
        bench_cluster_run(cluster, cluster->options.crctl, args, COUNT_OF(args), err);
    const char *what = arena_printf(arena, "crctl %s", command).ptr;
    return program && wait_ready(cluster, program, ready, what, err) ? program : NULL;
}

static bool start_server(struct bench_cluster *cluster, struct error *err) {
    cluster->kubeconfig = path_of(cluster, "kubeconfig");
    cluster->server = start_simulation(cluster, "serve", "--kubeconfig-out", err);
    return cluster->server != NULL;
}

static bool start_nodes(struct bench_cluster *cluster, struct error *err) {
    return cluster->options.node_count == 0 ||
           start_simulation(cluster, "nodes", "--kubeconfig", err);
}

static bool make_folder(struct bench_cluster *cluster, struct error *err) {
    const char *parent = getenv("TMPDIR");
    cluster->folder =
        arena_printf(cluster->arena, "%s/crctl-bench-XXXXXX", parent ? parent : "/tmp");
    if (mkdtemp((char *)cluster->folder.ptr))
        return true;
    cluster->folder = SV("");
    return error_set(err, ERROR_IO, "cannot make a folder for files: %s", strerror(errno));
}

static bool begin(struct bench_cluster *cluster, struct error *err) {
    bool is_own = cluster->options.kubeconfig.len == 0;
    if (!make_folder(cluster, err) ||
        !(is_own ? start_server(cluster, err) : start_nodes(cluster, err)))
        return false;
    cluster->clients = cluster_clients_new(
        &(struct cluster_clients_options){
            .loop = cluster->loop,
            .log = log_none(),
            .kubeconfig = cluster->kubeconfig,
            .context = SV(""),
        },
        err);
    if (!cluster->clients)
        return false;
    cluster->transport =
        cluster_clients_connect(cluster->clients, SV("crctl-bench/" CACHERUNTIME_VERSION));
    return true;
}

struct bench_cluster *bench_cluster_new(const struct bench_cluster_options *options,
                                        struct error *err) {
    struct bench_cluster *cluster = mem_alloc(sizeof(*cluster));
    *cluster = (struct bench_cluster){
        .options = *options,
        .arena = arena_new(),
        .folder = SV(""),
        .kubeconfig = options->kubeconfig,
        .loop = event_loop_new(),
    };
    event_loop_catch_signals(cluster->loop);
    if (begin(cluster, err))
        return cluster;
    bench_cluster_free(cluster);
    return NULL;
}

void bench_cluster_free(struct bench_cluster *cluster) {
    static const char *const names[] = {"kubeconfig", "serve-ready", "nodes-ready"};
    if (!cluster)
        return;
    for (size_t i = cluster->programs.count; i-- > 0;) {
        child_free(cluster->programs.items[i]->child);
        mem_free(cluster->programs.items[i]);
    }
    vec_release(&cluster->programs);
    cluster_clients_free(cluster->clients);
    for (size_t i = 0; i < COUNT_OF(names) && cluster->folder.len > 0; i++)
        unlink(path_of(cluster, names[i]).ptr);
    if (cluster->folder.len > 0)
        rmdir(cluster->folder.ptr);
    event_loop_free(cluster->loop);
    arena_free(cluster->arena);
    mem_free(cluster);
}

int bench_cluster_server_pid(const struct bench_cluster *cluster) {
    return cluster->server ? bench_program_pid(cluster->server) : 0;
}

struct sv bench_cluster_kubeconfig(const struct bench_cluster *cluster) {
    return cluster->kubeconfig;
}
