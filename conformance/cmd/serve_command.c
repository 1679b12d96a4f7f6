/* SPDX-License-Identifier: Apache-2.0 */
/* crctl serve: the API server with nodes and controllers, for kubectl and other clients. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "conformance/cmd/output.h"
#include "conformance/cmd/scripts.h"
#include "conformance/cmd/serve_authority.h"
#include "conformance/cmd/serve_data.h"
#include "conformance/cmd/serve_load.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/platform/daemon_log.h"
#include "core/platform/event_loop.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/audit_log.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/http/kubeconfig.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/server/audit_policy.h"
#include "fakeapi/server/fakeapi.h"

#include <unistd.h>

enum {
    TOKEN_BYTES = 32,
    FILE_BYTES_MAX = 1024 * 1024,
    PORT_MAX = 65535,
    NODES_MAX = 10000,
    DELAY_MS_MAX = 60 * 60 * 1000,
};

static const struct sv authorizations[] = {{"always-allow", 12}, {"rbac", 4}};

struct serve_options {
    struct sv address;
    uint64_t port, nodes, seed;
    uint64_t image_pull_ms, pod_start_ms; /* UINT64_MAX: the default */
    bool is_plain, has_no_controllers, has_no_pod_events, serves_usage, is_verbose;
    int authorization;
    struct sv tokens, certificate, key, client_ca;
    struct sv simulation;
    struct sv load, crds, data, kubeconfig, ready_file;
    struct sv service_addresses;
    struct sv audit_log, audit_policy;
};

struct serve {
    const struct serve_options *options;
    struct arena *arena;
    struct daemon_log *log_sink;
    struct log *log; /* the sink's seam */
    struct tls_identity identity;
    struct serve_authority authority;
    struct sv token;
    struct authenticator *authenticator;
    struct world *world;     /* NULL without controllers */
    struct fakeapi *own_api; /* without a world */
    struct fakeapi *api;
    struct scripts scripts;
    struct shell *shell;
    struct serve_data *data; /* NULL: nothing is kept */
    struct rbac *rbac;
    struct audit_log *audit_log; /* NULL: requests are not told of */
    struct audit_policy *audit_policy;
    struct http_server *server;
    struct sv written_kubeconfig; /* a temporary one, removed at the end; "": none */
};

static void release(struct serve *serve) {
    http_server_free(serve->server);
    rbac_free(serve->rbac);
    serve_data_free(serve->data);
    if (serve->api)
        fakeapi_set_journal(serve->api, NULL, NULL);
    world_free(serve->world);
    shell_free(serve->shell);
    scripts_release(&serve->scripts);
    fakeapi_free(serve->own_api);
    audit_log_free(serve->audit_log);
    audit_policy_free(serve->audit_policy);
    authenticator_free(serve->authenticator);
    if (serve->written_kubeconfig.len > 0)
        unlink(serve->written_kubeconfig.ptr);
    if (serve->options->ready_file.len > 0)
        unlink(arena_copy(serve->arena, serve->options->ready_file).ptr);
    daemon_log_free(serve->log_sink);
    arena_free(serve->arena);
}

/* --- files --- */

static bool read_pem(struct arena *arena, struct sv path, struct sv *ret_text, struct error *err) {
    struct sv text;
    if (!input_read(arena, path, FILE_BYTES_MAX, &text, err))
        return false;
    *ret_text = arena_copy(arena, text);
    return true;
}

/* --- parts --- */

static bool make_identity(struct serve *serve, struct error *err) {
    const struct serve_options *options = serve->options;
    struct tls_identity *identity = &serve->identity;
    if (options->is_plain)
        return true;
    if (!tls_identity_make(serve->arena, options->address, wall_now_ms(), identity, err))
        return false;
    if (options->certificate.len > 0) {
        if (!read_pem(serve->arena, options->certificate, &identity->certificate, err) ||
            !read_pem(serve->arena, options->key, &identity->key, err))
            return false;
        /* Nobody said who signed it: clients trust the certificate itself. */
        identity->ca_certificate = identity->certificate;
    }
    struct sv given;
    if (options->client_ca.len == 0)
        return true;
    if (!read_pem(serve->arena, options->client_ca, &given, err))
        return false;
    /* Beside theirs ours, whose certificates this server hands out itself. */
    identity->client_ca =
        arena_printf(serve->arena, "%.*s\n%.*s", SV_ARG(given), SV_ARG(identity->client_ca));
    return true;
}

static bool make_users(struct serve *serve, struct error *err) {
    static const struct sv masters[] = {{"system:masters", 14}};
    serve->authenticator = authenticator_new();
    serve->token = random_text(serve->arena, TOKEN_BYTES);
    authenticator_add(
        serve->authenticator, serve->token,
        &(struct user_info){
            .name = SV("kubernetes-admin"), .uid = SV(""), .groups = masters, .group_count = 1});
    struct sv path = serve->options->tokens, text;
    if (path.len == 0)
        return true;
    return input_read(serve->arena, path, FILE_BYTES_MAX, &text, err) &&
           (authenticator_add_file(serve->authenticator, text, err) ||
            error_wrap(err, "%.*s", SV_ARG(path)));
}

static bool open_audit(struct serve *serve, struct error *err) {
    const struct serve_options *options = serve->options;
    struct sv text = SV("");
    if (options->audit_log.len == 0)
        return true;
    if (options->audit_policy.len > 0 &&
        !input_read(serve->arena, options->audit_policy, AUDIT_POLICY_BYTES_MAX, &text, err))
        return false;
    serve->audit_policy = audit_policy_new(text, err);
    if (!serve->audit_policy)
        return error_wrap(err, "%.*s", SV_ARG(options->audit_policy));
    serve->audit_log = audit_log_open(options->audit_log, 0, serve->log, err);
    return serve->audit_log != NULL;
}

static int64_t delay_ms(uint64_t said) {
    return said == UINT64_MAX ? -1 : (int64_t)said;
}

static void make_cluster(struct serve *serve) {
    const struct serve_options *options = serve->options;
    if (options->has_no_controllers) {
        serve->own_api = fakeapi_new(&(struct fakeapi_options){
            .clock = wall_clock(), .log = serve->log, .seed = options->seed});
        serve->api = serve->own_api;
        return;
    }
    serve_authority_init(&serve->authority, &serve->identity, serve->authenticator);
    serve->world = world_new(&(struct world_options){
        .seed = options->seed,
        .node_count = options->nodes,
        .wall = wall_clock(),
        .image_pull_ms = delay_ms(options->image_pull_ms),
        .pod_start_ms = delay_ms(options->pod_start_ms),
        .config_map_lag_ms = -1,
        .has_heartbeats = true,
        .tells_pod_events = !options->has_no_pod_events,
        .log = serve->log,
        /* Without TLS nobody logs in, and there are no keys. */
        .authority = options->is_plain ? NULL : &serve->authority.authority,
    });
    struct engine engines[SCRIPTS_FILE_ENGINES_MAX];
    size_t engine_count = scripts_file_engines(&serve->scripts, engines);
    for (size_t i = 0; i < engine_count; i++)
        world_add_engine(serve->world, &engines[i]);
    serve->shell = shell_new(serve->world);
    serve->api = world_api(serve->world);
}

/* "NAMESPACE/NAME=HOST:PORT", and more of them behind commas. */
static bool route_services(struct serve *serve, struct error *err) {
    struct sv rest = serve->options->service_addresses;
    while (rest.len > 0) {
        struct sv address = sv_cut(&rest, ',');
        struct sv entry = address, service = sv_cut(&address, '=');
        size_t slash = sv_find(service, '/'), colon = sv_find(address, ':');
        bool is_service = slash > 0 && slash + 1 < service.len;
        if (!is_service || colon == 0 || colon + 1 >= address.len)
            return error_set(err, ERROR_INVALID,
                             "--service-address: \"%.*s\" is not NAMESPACE/NAME=HOST:PORT",
                             SV_ARG(entry));
        fakeapi_route_service(serve->api, service, arena_copy(serve->arena, address).ptr);
    }
    return true;
}

static bool fill_store(struct serve *serve, struct error *err) {
    const struct serve_options *options = serve->options;
    if (options->serves_usage)
        fakeapi_serve_usage(serve->api);
    if (options->data.len > 0) {
        serve->data = serve_data_open(options->data, serve->api, serve->log, err);
        if (!serve->data)
            return false;
    }
    if (options->authorization == 1) {
        rbac_create_defaults(serve->api);
        serve->rbac = rbac_new(serve->api);
    }
    if (serve->world)
        world_run_due(serve->world);
    return (options->crds.len == 0 || serve_load(serve->api, serve->world, options->crds, err)) &&
           (options->load.len == 0 || serve_load(serve->api, serve->world, options->load, err));
}

static bool start_server(struct serve *serve, struct error *err) {
    const struct serve_options *options = serve->options;
    serve->server = http_server_new(
        &(struct http_server_options){
            .api = serve->api,
            .world = serve->world,
            .shell = serve->shell,
            .clock = wall_clock(),
            .log = serve->log,
            .address = options->address,
            .port = (uint16_t)options->port,
            .tls = options->is_plain ? NULL : &serve->identity,
            .authenticator = serve->authenticator,
            .rbac = serve->rbac,
            .seed = options->seed,
            .audit_log = serve->audit_log,
            .audit_policy = serve->audit_policy,
            .commit = serve->data ? serve_data_commit : NULL,
            .commit_context = serve->data,
        },
        err);
    return serve->server != NULL;
}

/* Tells where the server is: a kubeconfig, a line on stdout, and the ready file last. */
static bool announce(struct serve *serve, struct error *err) {
    const struct serve_options *options = serve->options;
    struct arena *arena = serve->arena;
    bool is_v6 = sv_find(options->address, ':') < options->address.len;
    struct kubeconfig config = {
        .server = arena_printf(arena, "%s://%s%.*s%s:%u", options->is_plain ? "http" : "https",
                               is_v6 ? "[" : "", SV_ARG(options->address), is_v6 ? "]" : "",
                               http_server_port(serve->server)),
        .ca_certificate = options->is_plain ? SV("") : serve->identity.ca_certificate,
        .token = options->is_plain ? SV("") : serve->token,
    };
    struct sv path = options->kubeconfig;
    if (path.len == 0) {
        const char *folder = getenv("TMPDIR");
        path =
            arena_printf(arena, "%s/crctl-%d.kubeconfig", folder ? folder : "/tmp", (int)getpid());
        serve->written_kubeconfig = path;
    }
    if (!output_write_file(path, kubeconfig_text(&config, arena), err))
        return false;
    struct sv line = arena_printf(arena, "serving %.*s\nexport KUBECONFIG=%.*s\n",
                                  SV_ARG(config.server), SV_ARG(path));
    return command_print(line, EXIT_HELD) == EXIT_HELD &&
           (options->ready_file.len == 0 ||
            output_write_file(options->ready_file,
                              arena_printf(arena, "%.*s\n", SV_ARG(config.server)), err));
}

/* --- running --- */

static void server_ready(void *context, int descriptor, unsigned events) {
    (void)descriptor, (void)events;
    http_server_run(((struct serve *)context)->server);
}

static void run_until_told(struct serve *serve, struct event_loop *loop) {
    event_loop_watch(loop, http_server_descriptor(serve->server), EVENT_READABLE, server_ready,
                     serve);
    while (!event_loop_is_stopping(loop)) {
        int64_t due_ms = http_server_next_ms(serve->server), now_ms = wall_now_ms();
        if (due_ms <= now_ms)
            http_server_run(serve->server);
        daemon_log_flush(serve->log_sink);
        event_loop_wait(loop, due_ms <= now_ms ? 0 : due_ms - now_ms);
    }
}

static int serve_all(const struct command *command, const struct serve_options *options) {
    struct serve serve = {.options = options, .arena = arena_new(), .written_kubeconfig = SV("")};
    serve.log_sink =
        daemon_log_new(STDERR_FILENO, options->is_verbose ? LOG_DEBUG : LOG_WARNING, false);
    serve.log = daemon_log_base(serve.log_sink);
    AUTO(event_loop) loop = event_loop_new();
    event_loop_catch_signals(loop);
    struct error err = {0};
    bool has_input = make_identity(&serve, &err) && make_users(&serve, &err) &&
                     open_audit(&serve, &err) &&
                     scripts_open_file(&serve.scripts, options->simulation, serve.arena, &err);
    if (has_input)
        make_cluster(&serve);
    has_input = has_input && route_services(&serve, &err) && fill_store(&serve, &err);
    int status = has_input ? EXIT_HARNESS : EXIT_USAGE;
    if (has_input && start_server(&serve, &err) && announce(&serve, &err)) {
        run_until_told(&serve, loop);
        status = EXIT_HELD;
    } else if (err.code == ERROR_INVALID) { /* an address that is none */
        status = EXIT_USAGE;
    }
    if (status != EXIT_HELD)
        fprintf(stderr, "crctl %.*s: %s\n", SV_ARG(command->name), err.message);
    release(&serve);
    return status;
}

static bool is_loopback(struct sv address) {
    return sv_starts_with(address, SV("127.")) || sv_eq(address, SV("::1"));
}

static const char *find_mistake(const struct serve_options *options) {
    if (options->port > PORT_MAX)
        return "--port is at most 65535";
    if (options->nodes > NODES_MAX)
        return "--nodes is at most 10000";
    if ((options->image_pull_ms != UINT64_MAX && options->image_pull_ms > DELAY_MS_MAX) ||
        (options->pod_start_ms != UINT64_MAX && options->pod_start_ms > DELAY_MS_MAX))
        return "--image-pull-ms and --pod-start-ms are at most 3600000";
    if (options->is_plain && !is_loopback(options->address))
        return "--plain-http makes anybody administrator, so it needs a loopback --address";
    if (options->is_plain && options->authorization != 0)
        return "--authorization rbac needs TLS: clients send no credentials over plain HTTP";
    if (options->has_no_controllers && options->simulation.len > 0)
        return "--sim needs nodes, which --no-controllers leaves out";
    if (options->audit_policy.len > 0 && options->audit_log.len == 0)
        return "--audit-policy-file needs --audit-log-path";
    if ((options->certificate.len > 0) != (options->key.len > 0))
        return "--tls-cert-file and --tls-private-key-file go together";
    return NULL;
}

int serve_command(const struct command *command, int argc, char *const *argv) {
    struct sv empty = SV("");
    struct serve_options serve = {
        .address = SV("127.0.0.1"),
        .nodes = 1,
        .image_pull_ms = UINT64_MAX,
        .pod_start_ms = UINT64_MAX,
        .tokens = empty,
        .certificate = empty,
        .key = empty,
        .client_ca = empty,
        .simulation = empty,
        .load = empty,
        .crds = empty,
        .data = empty,
        .kubeconfig = empty,
        .ready_file = empty,
        .service_addresses = empty,
        .audit_log = empty,
        .audit_policy = empty,
    };
    const struct option options[] = {
        TEXT_OPTION("address", "IP", &serve.address, "where to listen; 127.0.0.1"),
        NUMBER_OPTION("port", &serve.port, "0, the default: the system chooses one"),
        FLAG_OPTION("plain-http", &serve.is_plain, "no TLS and no log-in; on loopback only"),
        {SV("authorization"), OPTION_CHOICE, SV("always-allow|rbac"), authorizations,
         COUNT_OF(authorizations), &serve.authorization, SV("whether roles decide")},
        TEXT_OPTION("token-auth-file", "FILE", &serve.tokens, "lines of token,user,uid,\"groups\""),
        TEXT_OPTION("tls-cert-file", "FILE", &serve.certificate,
                    "the server's certificate; made if absent"),
        TEXT_OPTION("tls-private-key-file", "FILE", &serve.key, "its key"),
        TEXT_OPTION("client-ca-file", "FILE", &serve.client_ca, "who signs client certificates"),
        TEXT_OPTION("service-address", "NS/NAME=HOST:PORT[,...]", &serve.service_addresses,
                    "who answers for a service that is a webhook's or an APIService's"),
        NUMBER_OPTION("nodes", &serve.nodes, "simulated nodes; 1"),
        NUMBER_OPTION("image-pull-ms", &serve.image_pull_ms,
                      "how long a node pulls an image; 2000"),
        NUMBER_OPTION("pod-start-ms", &serve.pod_start_ms, "how long a container starts; 500"),
        FLAG_OPTION("no-controllers", &serve.has_no_controllers,
                    "only the API: no nodes, no controllers"),
        FLAG_OPTION("metrics", &serve.serves_usage,
                    "serve metrics.k8s.io, with what pods' annotations say that they use"),
        TEXT_OPTION("sim", "FILE", &serve.simulation,
                    "what containers do: a kind Simulation, or classes whose entries do well"),
        FLAG_OPTION("no-pod-events", &serve.has_no_pod_events,
                    "kubelets do not record Pulled, Created, Started and Killing"),
        TEXT_OPTION("load", "DIR", &serve.load, "manifests to create at start"),
        TEXT_OPTION("crds", "DIR", &serve.crds, "the same, created before those of --load"),
        TEXT_OPTION("data", "FILE", &serve.data, "keeps the state there over restarts"),
        NUMBER_OPTION("seed", &serve.seed, "of uids, generated names and delays"),
        TEXT_OPTION("kubeconfig-out", "FILE", &serve.kubeconfig, "where to write a kubeconfig"),
        TEXT_OPTION("ready-file", "FILE", &serve.ready_file,
                    "gets the URL when the server is ready"),
        TEXT_OPTION("audit-log-path", "FILE", &serve.audit_log,
                    "gets an audit event a line; - is standard output"),
        TEXT_OPTION("audit-policy-file", "FILE", &serve.audit_policy,
                    "what events tell, a kind Policy; all at level Metadata"),
        FLAG_OPTION("verbose", &serve.is_verbose, "log what happens"),
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (operands.count > 0)
        return command_fail(command, "takes no file; name a folder with --load");
    const char *mistake = find_mistake(&serve);
    return mistake ? command_fail(command, mistake) : serve_all(command, &serve);
}
