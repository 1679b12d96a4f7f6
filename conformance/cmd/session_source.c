/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/session_source.h"

#include "conformance/cmd/controller_process.h"
#include "conformance/cmd/session_cluster.h"
#include "conformance/cmd/session_http.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/platform/cluster_client.h"
#include "core/platform/event_loop.h"
#include "core/heap/heap.h"

#include <errno.h>
#include <unistd.h>

struct session_source {
    const struct session_source_options *options;
    struct arena *arena;
    struct event_loop *loop; /* NULL in mode sim */
    struct sv controller;
    char *folder; /* NULL: none */
    struct session_cluster_facts facts;
};

void session_source_rows(struct session_source_options *options,
                         struct option rows[SESSION_SOURCE_ROWS]) {
    const struct option all[SESSION_SOURCE_ROWS] = {
        {SV("mode"), OPTION_CHOICE, SV("sim|http|cluster"), session_mode_names, SESSION_MODE_COUNT,
         &options->mode,
         SV("sim: in this process, in virtual time; http: our server over HTTPS and the controller "
            "as a process; cluster: those of --kubeconfig")},
        {SV("speed"), OPTION_NUMBER, SV("N"), NULL, 0, &options->speed,
         SV("mode http: how many times as fast as the wall's the clock of nodes and controller is; "
            "60, with --kubeconfig 1")},
        {SV("controller"), OPTION_TEXT, SV("PROGRAM"), NULL, 0, &options->controller,
         SV("mode http: cacheruntime-controller; the one beside crctl, else of PATH")},
        {SV("kubeconfig"), OPTION_TEXT, SV("FILE"), NULL, 0, &options->kubeconfig,
         SV("mode cluster: the cluster; mode http: an API server without nodes in place of ours, "
            "which is emptied after each scenario")},
        {SV("context"), OPTION_TEXT, SV("NAME"), NULL, 0, &options->context,
         SV("of the kubeconfig; its current one")},
        {SV("rest"), OPTION_NUMBER, SV("SECONDS"), NULL, 0, &options->rest_seconds,
         SV("with --kubeconfig: how long nothing changes before the cluster is at rest, when all "
            "that is said then is true; 35, which is rest in any case")},
    };
    memcpy(rows, all, sizeof(all));
}

static uint64_t speed_of(const struct session_source_options *options) {
    if (options->speed > 0)
        return options->speed;
    return options->kubeconfig.len > 0 ? SESSION_SPEED_ELSEWHERE : SESSION_SPEED_DEFAULT;
}

static bool check(const struct session_source_options *options, struct error *err) {
    bool is_cluster = options->mode == SESSION_MODE_CLUSTER;
    bool is_sim = options->mode == SESSION_MODE_SIM;
    if (options->speed > TEST_CLOCK_FACTOR_MAX)
        return error_set(err, ERROR_INVALID, "--speed is from 1 to %d", TEST_CLOCK_FACTOR_MAX);
    if (is_sim && options->kubeconfig.len + options->context.len > 0)
        return error_set(err, ERROR_INVALID,
                         "--kubeconfig and --context go with --mode cluster or http");
    if (options->rest_seconds < 1 || options->rest_seconds > SESSION_REST_SECONDS_DEFAULT)
        return error_set(err, ERROR_INVALID, "--rest is from 1 to %d seconds",
                         SESSION_REST_SECONDS_DEFAULT);
    /* A real cluster is never touched because of a variable that somebody set. */
    if (is_cluster && options->kubeconfig.len == 0)
        return error_set(err, ERROR_INVALID,
                         "--mode cluster needs --kubeconfig FILE; KUBECONFIG is not looked at");
    return true;
}

static bool make_folder(struct session_source *source, struct error *err) {
    const char *parent = getenv("TMPDIR");
    struct sv pattern =
        arena_printf(source->arena, "%s/crctl-XXXXXX", parent && *parent ? parent : "/tmp");
    char *folder = (char *)(uintptr_t)pattern.ptr;
    if (!mkdtemp(folder))
        return error_set(err, ERROR_IO, "%s: cannot be made: %s", folder, strerror(errno));
    source->folder = folder;
    return true;
}

/* A cluster may have a controller of its own: then none is needed. */
static bool find_program(struct session_source *source, struct error *err) {
    struct sv named = source->options->controller;
    source->controller = SV("");
    return controller_process_find(source->arena, named, &source->controller, err) ||
           (source->options->mode == SESSION_MODE_CLUSTER && named.len == 0);
}

static struct session *open_cluster(struct session_source *source,
                                    const struct session_options *options, struct error *err) {
    return session_cluster_new(
        &(struct session_cluster_options){
            .session = options,
            .loop = source->loop,
            .kubeconfig = source->options->kubeconfig,
            .context = source->options->context,
            .controller = source->controller,
            .folder = sv_from(source->folder),
            .rest_ms = (int64_t)source->options->rest_seconds * 1000,
        },
        source->arena, &source->facts, err);
}

/* What is wrong with the cluster that was named is wrong with all sessions: it is told once. */
static bool reach_cluster(struct session_source *source, struct error *err) {
    struct sv kubeconfig = source->options->kubeconfig;
    if (source->options->mode == SESSION_MODE_CLUSTER) {
        AUTO(session) session = open_cluster(source, &(struct session_options){.seed = 0}, err);
        return session != NULL;
    }
    if (kubeconfig.len == 0)
        return true;
    AUTO(arena) arena = arena_new();
    AUTO(cluster_client) client = cluster_client_new(kubeconfig, source->options->context, err);
    struct request request = {.verb = VERB_GET, .path = SV("/version"), .plural = SV("version")};
    const struct cJSON *version;
    return client && (cluster_client_ask(client, &request, arena, &version, err) ||
                      error_wrap(err, "kubeconfig %.*s", SV_ARG(kubeconfig)));
}

struct session_source *session_source_new(const struct session_source_options *options,
                                          struct error *err) {
    if (!check(options, err))
        return NULL;
    struct session_source *source = mem_alloc(sizeof(*source));
    source->options = options;
    source->arena = arena_new();
    if (options->mode == SESSION_MODE_SIM)
        return source;
    source->loop = event_loop_new();
    event_loop_catch_signals(source->loop);
    source->facts = (struct session_cluster_facts){SV(""), SV(""), SV("")};
    if (find_program(source, err) && make_folder(source, err) && reach_cluster(source, err))
        return source;
    session_source_free(source);
    return NULL;
}

void session_source_free(struct session_source *source) {
    if (!source)
        return;
    if (source->folder)
        rmdir(source->folder);
    event_loop_free(source->loop);
    arena_free(source->arena);
    mem_free(source);
}

struct session *session_source_open(void *context, const struct session_options *options,
                                    struct error *err) {
    struct session_source *source = context;
    if (source->options->mode == SESSION_MODE_SIM) {
        heap_touch_ahead();
        return session_new(options, err);
    }
    if (source->options->mode == SESSION_MODE_CLUSTER)
        return open_cluster(source, options, err);
    return session_http_new(
        &(struct session_http_options){
            .session = options,
            .loop = source->loop,
            .controller = source->controller,
            .folder = sv_from(source->folder),
            .factor = (int64_t)speed_of(source->options),
            .kubeconfig = source->options->kubeconfig,
            .context = source->options->context,
            .rest_ms = source->options->kubeconfig.len > 0
                           ? (int64_t)source->options->rest_seconds * 1000
                           : 0,
        },
        err);
}

bool session_source_is_stopping(const struct session_source *source) {
    return source->loop && event_loop_is_stopping(source->loop);
}

struct sv session_source_text(const struct session_source *source, struct arena *arena) {
    const struct session_cluster_facts *facts = &source->facts;
    if (source->options->mode == SESSION_MODE_SIM)
        return SV("");
    if (source->options->mode == SESSION_MODE_CLUSTER)
        return facts->version.len == 0
                   ? SV("")
                   : arena_printf(arena, "%.*s, Kubernetes %.*s, controller: %.*s",
                                  SV_ARG(facts->server), SV_ARG(facts->version),
                                  SV_ARG(facts->controller));
    if (source->options->kubeconfig.len > 0)
        return arena_copy(arena, SV("an API server elsewhere, nodes and controller of ours"));
    return arena_printf(arena, "clock %llu times as fast",
                        (unsigned long long)speed_of(source->options));
}
