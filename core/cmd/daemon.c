/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/daemon.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/client/election.h"
#include "core/client/transport.h"
#include "core/cmd/connection.h"
#include "core/cmd/crd_watch.h"
#include "core/cmd/daemon_parts.h"
#include "core/cmd/dataset_duty.h"
#include "core/cmd/metered_transport.h"
#include "core/cmd/operations.h"
#include "core/cmd/options.h"
#include "core/controller/controller.h"
#include "core/platform/credentials.h"
#include "core/platform/curl_transport.h"
#include "core/platform/daemon_log.h"
#include "core/platform/event_loop.h"
#include "core/platform/local_http.h"
#include "core/platform/memory_limit.h"

#include <unistd.h>

enum {
    HOST_NAME_BYTES_MAX = 256,
    /* More than what keeps a clock right, which goes by milliseconds, and less than any period. */
    CLOCK_STEP_MS_MIN = 10 * 1000,
    /* Probes are answered and leases renewed in between, whatever a server sends. */
    SIDE_COMPLETIONS_PER_TURN_MAX = 1000,
};

/* --- connections --- */

static void take_refusal(void *context) {
    struct daemon *daemon = context;
    credentials_refuse(daemon->credentials);
}

/* The lease's requests are few, and waiting for others would lose it. */
static struct transport *connect_server(struct daemon *daemon, bool is_limited) {
    const struct client_config *config = &daemon->config;
    return curl_transport_new(&(struct curl_transport_options){
        .loop = daemon->loop,
        .server = config->server,
        .user_agent = SV("cacheruntime-controller/" CACHERUNTIME_VERSION),
        .login = daemon->credential.login,
        .ca_certificate = daemon->credential.ca_certificate,
        .client_certificate = daemon->credential.client_certificate,
        .client_key = daemon->credential.client_key,
        .tls_server_name = config->tls_server_name,
        .proxy_url = config->proxy_url,
        .skips_verification = config->skips_verification,
        .has_no_compression = config->has_no_compression,
        .requests_per_second = is_limited ? daemon->options->qps : 0,
        .burst = daemon->options->burst,
        .seed = daemon->options->seed,
        .refused = take_refusal,
        .context = daemon,
    });
}

static void take_credential(void *context, const struct credential *credential) {
    struct daemon *daemon = context;
    /* Transports copy what they are given; who connects later needs it too. */
    arena_reset(daemon->credential_arena);
    daemon->credential = (struct credential){
        .login = arena_copy(daemon->credential_arena, credential->login),
        .client_certificate = arena_copy(daemon->credential_arena, credential->client_certificate),
        .client_key = arena_copy(daemon->credential_arena, credential->client_key),
        .ca_certificate = arena_copy(daemon->credential_arena, credential->ca_certificate),
    };
    struct transport *const transports[] = {daemon->work, daemon->side};
    for (size_t i = 0; i < COUNT_OF(transports); i++) {
        if (!transports[i])
            continue;
        curl_transport_set_credential(transports[i], credential->login,
                                      credential->client_certificate, credential->client_key);
        curl_transport_set_authority(transports[i], credential->ca_certificate);
    }
    /* The first one is no news. */
    if (daemon->side)
        log_line(daemon->log, LOG_INFO, "a new credential is used from now on");
}

static const char *environment(const char *name) {
    return getenv(name);
}

static bool read_config(void *context, struct arena *arena, struct client_config *ret_config,
                        struct error *err) {
    const struct daemon *daemon = context;
    return connection_find(arena, daemon->options, environment, ret_config, err);
}

/* --- the controller and its right to work --- */

/* The other half is for answers and plans under way, for connections, and for the program. */
static size_t cache_memory(const struct daemon_options *options) {
    int64_t limit = options->memory_limit > 0 ? options->memory_limit
                                              : memory_limit_read(SV(MEMORY_LIMIT_FOLDER));
    return (size_t)limit / 2;
}

static void start_controller(struct daemon *daemon) {
    const struct daemon_options *options = daemon->options;
    daemon->work = connect_server(daemon, true);
    metered_transport_set_inner(daemon->metered, daemon->work);
    daemon->controller = controller_new(&(struct controller_options){
        .transport = metered_transport_base(daemon->metered),
        .clock = wall_clock(),
        .log = daemon->log,
        .seed = options->seed,
        .reconcile =
            {
                .mount_root = options->mount_root,
                .field_manager = SV(""),
                .owns_datasets = dataset_duty_is_ours(daemon->dataset_duty),
                .resync_ms = options->resync_ms,
                .host_path_prefixes = options->host_path_prefixes,
                .excluded_nodes = options->excluded_nodes,
            },
        .identity = daemon->identity,
        .namespaces = options->namespaces,
        .class_selector = options->class_selector,
        .cache_memory_max = cache_memory(options),
        .is_dry_run = options->is_dry_run,
        .streams_lists = true,
        .starts_paused = !daemon->may_write,
    });
}

static void stop_controller(struct daemon *daemon) {
    if (!daemon->controller)
        return;
    controller_free(daemon->controller);
    metered_transport_set_inner(daemon->metered, NULL);
    curl_transport_free(daemon->work);
    daemon->controller = NULL;
    daemon->work = NULL;
}

static void follow_election(struct daemon *daemon) {
    bool is_leading = election_is_leading(daemon->election);
    if (is_leading == daemon->may_write)
        return;
    daemon->may_write = is_leading;
    if (is_leading) {
        daemon->told_holder[0] = '\0';
        log_line(daemon->log, LOG_INFO, "holds the lease %.*s/%.*s as %.*s: begins to work",
                 SV_ARG(daemon->options->lease_namespace), SV_ARG(daemon->options->lease_name),
                 SV_ARG(daemon->identity));
        controller_pause(daemon->controller, false);
        return;
    }
    log_line(daemon->log, LOG_WARNING, "lost the lease: nothing more is written");
    /* With the controller and its connections goes all that was started and not yet sent. */
    stop_controller(daemon);
    start_controller(daemon);
}

/* A standby that says nothing looks like one that hangs. */
static void tell_holder(struct daemon *daemon) {
    struct sv holder = sv_prefix(election_leader(daemon->election), HOLDER_BYTES_MAX - 1);
    if (daemon->may_write || holder.len == 0 || sv_eq(holder, daemon->identity) ||
        sv_eq(holder, sv_from(daemon->told_holder)))
        return;
    snprintf(daemon->told_holder, sizeof(daemon->told_holder), "%.*s", SV_ARG(holder));
    log_line(daemon->log, LOG_INFO, "waits for the lease %.*s/%.*s, which %s holds",
             SV_ARG(daemon->options->lease_namespace), SV_ARG(daemon->options->lease_name),
             daemon->told_holder);
}

static int64_t clock_difference_ms(void) {
    return wall_now_ms() - steady_now_ms();
}

/* The controller goes by the wall's clock, of which it writes times. When that is set, deadlines
 * would all be due at once, or not for hours; a controller that begins again has none, and finds
 * the same plans. Small corrections only shift deadlines a little. */
static void follow_clock(struct daemon *daemon) {
    int64_t difference_ms = clock_difference_ms();
    int64_t step_ms = difference_ms - daemon->clock_difference_ms;
    daemon->clock_difference_ms = difference_ms;
    if (step_ms > -CLOCK_STEP_MS_MIN && step_ms < CLOCK_STEP_MS_MIN)
        return;
    log_line(daemon->log, LOG_WARNING,
             "the system's clock was set %s by %lld s: caches are read again",
             step_ms < 0 ? "back" : "forward", (long long)(llabs(step_ms) / 1000));
    credentials_follow_clock(daemon->credentials, wall_now_ms());
    stop_controller(daemon);
    start_controller(daemon);
}

static void tell_trouble(struct daemon *daemon) {
    const struct error *trouble = election_trouble(daemon->election);
    const char *message = trouble ? trouble->message : "";
    if (strcmp(message, daemon->told_trouble.message) != 0 && trouble)
        log_line(daemon->log, LOG_WARNING, "lease %.*s/%.*s: %s",
                 SV_ARG(daemon->options->lease_namespace), SV_ARG(daemon->options->lease_name),
                 message);
    daemon->told_trouble = trouble ? *trouble : (struct error){0};
}

/* The leases: ours, and upstream's that says whose Datasets are. Returns when they are due again,
 * on the steady clock. */
static int64_t step_leases(struct daemon *daemon) {
    int64_t now_ms = steady_now_ms();
    struct completion completion;
    for (int i = 0; i < SIDE_COMPLETIONS_PER_TURN_MAX && transport_take(daemon->side, &completion);
         i++)
        if (!daemon->election || !election_take(daemon->election, &completion, now_ms)) {
            dataset_duty_take(daemon->dataset_duty, &completion, now_ms);
            crd_watch_take(daemon->crd_watch, &completion, now_ms);
        }
    int64_t next_ms = dataset_duty_step(daemon->dataset_duty, now_ms);
    controller_set_owns_datasets(daemon->controller, dataset_duty_is_ours(daemon->dataset_duty));
    if (!daemon->election)
        return next_ms;
    next_ms = deadline_earlier(next_ms, election_step(daemon->election, now_ms, wall_now_ms()));
    if (!daemon->is_stopping) {
        tell_trouble(daemon);
        follow_election(daemon);
        tell_holder(daemon);
    }
    return next_ms;
}

/* After a wait that took longer than the lease, before anything that waited to be sent is. */
static void guard(void *context) {
    struct daemon *daemon = context;
    if (!daemon->election || !daemon->may_write || daemon->is_stopping)
        return;
    election_step(daemon->election, steady_now_ms(), wall_now_ms());
    follow_election(daemon);
}

/* --- the loop --- */

static void consider(int64_t *wait_ms, int64_t due_ms, int64_t now_ms) {
    int64_t until_ms = due_ms <= now_ms ? 0 : due_ms - now_ms;
    if (due_ms != DEADLINE_NEVER && (*wait_ms < 0 || until_ms < *wait_ms))
        *wait_ms = until_ms;
}

static void turn(struct daemon *daemon) {
    int64_t wait_ms = -1;
    daemon_log_flush(daemon->log_sink);
    follow_clock(daemon);
    int64_t leases_ms = step_leases(daemon);
    int64_t controller_ms = controller_step(daemon->controller);
    int64_t now_ms = wall_now_ms(), steady_ms = steady_now_ms();
    int64_t crd_ms = crd_watch_step(daemon->crd_watch, steady_ms);
    consider(&wait_ms, controller_ms, now_ms);
    consider(&wait_ms, credentials_step(daemon->credentials, now_ms), now_ms);
    consider(&wait_ms, curl_transport_run_timers(daemon->work, now_ms), now_ms);
    consider(&wait_ms, curl_transport_run_timers(daemon->side, now_ms), now_ms);
    for (size_t i = 0; i < LOCAL_ADDRESSES_MAX; i++)
        if (daemon->local[i])
            consider(&wait_ms, local_http_step(daemon->local[i], now_ms), now_ms);
    consider(&wait_ms, leases_ms, steady_ms);
    consider(&wait_ms, crd_ms, steady_ms);
    if (curl_transport_has_completions(daemon->work) ||
        curl_transport_has_completions(daemon->side))
        wait_ms = 0;
    event_loop_wait(daemon->loop, wait_ms);
}

static void take_answers(struct daemon *daemon) {
    controller_step(daemon->controller);
    step_leases(daemon);
}

/* Until something happens, or `until_ms` on the steady clock; then takes what came. */
static void turn_until(struct daemon *daemon, int64_t until_ms) {
    int64_t now_ms = wall_now_ms(), wait_ms = -1;
    consider(&wait_ms, curl_transport_run_timers(daemon->work, now_ms), now_ms);
    consider(&wait_ms, curl_transport_run_timers(daemon->side, now_ms), now_ms);
    consider(&wait_ms, until_ms, steady_now_ms());
    if (curl_transport_has_completions(daemon->work) ||
        curl_transport_has_completions(daemon->side))
        wait_ms = 0;
    event_loop_wait(daemon->loop, wait_ms);
    take_answers(daemon);
}

static bool has_work_in_flight(const struct daemon *daemon) {
    return curl_transport_is_busy(daemon->work) || curl_transport_has_completions(daemon->work);
}

/* Finishes what was begun, while the lease lasts. False when it is lost. Whoever asks again to end
 * does not want to wait for it. */
static bool drain(struct daemon *daemon) {
    int64_t until_ms = steady_now_ms() + DRAIN_MS_MAX;
    unsigned stop_count = event_loop_stop_count(daemon->loop);
    controller_pause(daemon->controller, true);
    take_answers(daemon);
    while (daemon->may_write && has_work_in_flight(daemon) && steady_now_ms() < until_ms &&
           event_loop_stop_count(daemon->loop) == stop_count)
        turn_until(daemon, until_ms);
    if (daemon->may_write && has_work_in_flight(daemon))
        log_line(daemon->log, LOG_WARNING,
                 "something is still in flight: whoever works next looks what came of it");
    return !daemon->election || election_is_leading(daemon->election);
}

static void give_lease_back(struct daemon *daemon) {
    int64_t until_ms = steady_now_ms() + RELEASE_MS_MAX;
    unsigned stop_count = event_loop_stop_count(daemon->loop);
    daemon->is_stopping = true;
    election_release(daemon->election, wall_now_ms());
    while (election_is_releasing(daemon->election) && steady_now_ms() < until_ms &&
           event_loop_stop_count(daemon->loop) == stop_count)
        turn_until(daemon, until_ms);
}

static void wind_down(struct daemon *daemon) {
    log_line(daemon->log, LOG_INFO, "asked to end: finishes what is in flight");
    if (drain(daemon) && daemon->election)
        give_lease_back(daemon);
}

void daemon_run(struct daemon *daemon) {
    start_controller(daemon);
    while (!event_loop_is_stopping(daemon->loop))
        turn(daemon);
    wind_down(daemon);
    log_line(daemon->log, LOG_INFO, "ended");
}

/* --- building it --- */

static struct sv make_identity(struct arena *arena, const struct daemon_options *options) {
    char host[HOST_NAME_BYTES_MAX] = "";
    gethostname(host, sizeof(host) - 1);
    /* Two processes of one host, and a pod that comes back under its name, are two. */
    return arena_printf(arena, "%s_%08x-%d", host, (unsigned)(options->seed ^ options->seed >> 32),
                        (int)getpid());
}

static struct election *make_election(const struct daemon *daemon) {
    const struct daemon_options *options = daemon->options;
    /* Who only looks needs no right to write, and takes it from nobody. */
    if (!options->elects_leader || options->is_dry_run)
        return NULL;
    return election_new(&(struct election_options){
        .transport = daemon->side,
        .namespace_name = options->lease_namespace,
        .name = options->lease_name,
        .identity = daemon->identity,
        .lease_ms = options->lease_ms,
        .renew_ms = options->renew_ms,
        .retry_ms = options->retry_ms,
        .seed = options->seed,
    });
}

static bool listen_all(struct daemon *daemon, struct error *err) {
    const struct {
        struct sv address;
        const char *option;
    } wanted[LOCAL_ADDRESSES_MAX] = {
        {daemon->options->metrics_address, "--metrics-addr"},
        {daemon->options->probe_address, "--health-probe-addr"},
    };
    for (size_t i = 0; i < LOCAL_ADDRESSES_MAX; i++) {
        if (wanted[i].address.len == 0 || sv_eq(wanted[i].address, SV("0")))
            continue;
        daemon->local[i] = local_http_new(
            &(struct local_http_options){
                .loop = daemon->loop,
                .address = wanted[i].address,
                .answer = operations_answer,
                .context = daemon,
            },
            err);
        if (!daemon->local[i])
            return error_wrap(err, "option %s", wanted[i].option);
        log_line(daemon->log, LOG_INFO, "serves metrics and probes on port %d",
                 local_http_port(daemon->local[i]));
    }
    return true;
}

/* Or what a proxy refuses looks like the server's doing. Its login is nobody's business. */
static void tell_proxy(const struct daemon *daemon) {
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    struct sv proxy = daemon->config.proxy_url;
    const char *origin = "the kubeconfig", *but = "";
    for (size_t i = 0; i < COUNT_OF(variables) && proxy.len == 0; i++) {
        origin = variables[i];
        but = ", unless NO_PROXY names the server";
        proxy = sv_from(environment(origin));
    }
    size_t login = sv_find_last(proxy, '@');
    if (proxy.len > 0)
        log_line(daemon->log, LOG_INFO, "requests go by the proxy %.*s, as %s says%s",
                 SV_ARG(login < proxy.len ? sv_drop(proxy, login + 1) : proxy), origin, but);
}

static void tell_start(const struct daemon *daemon) {
    const struct daemon_options *options = daemon->options;
    log_line(daemon->log, LOG_INFO, "cacheruntime-controller %s, API server %.*s from %.*s",
             CACHERUNTIME_VERSION, SV_ARG(daemon->config.server), SV_ARG(daemon->config.origin));
    tell_proxy(daemon);
    for (size_t i = 0; i < options->ignored_count; i++)
        log_line(daemon->log, LOG_INFO, "option --%.*s has no meaning here",
                 SV_ARG(options->ignored[i]));
    for (size_t i = 0; i < options->ignored_variable_count; i++)
        log_line(daemon->log, LOG_INFO, "environment variable %.*s has no meaning here",
                 SV_ARG(options->ignored_variables[i]));
    if (daemon->config.skips_verification)
        log_line(daemon->log, LOG_WARNING,
                 "the API server's certificate is not verified: whoever answers is believed");
}

/* "https://host:port/path" */
static struct sv host_of(struct sv server) {
    struct sv rest = server;
    sv_cut(&rest, '/');
    sv_cut(&rest, '/');
    return sv_cut(&rest, '/');
}

static bool begin(struct daemon *daemon, struct error *err) {
    if (!connection_find(daemon->arena, daemon->options, environment, &daemon->config, err))
        return false;
    tell_start(daemon);
    daemon->metered = metered_transport_new(host_of(daemon->config.server));
    event_loop_catch_signals(daemon->loop);
    daemon->credentials = credentials_new(&(struct credentials_options){
        .config = &daemon->config,
        .loop = daemon->loop,
        .log = daemon->log,
        .reload = read_config,
        .changed = take_credential,
        .context = daemon,
    });
    if (!listen_all(daemon, err) || !credentials_begin(daemon->credentials, wall_now_ms(), err))
        return false;
    daemon->side = connect_server(daemon, false);
    daemon->election = make_election(daemon);
    daemon->dataset_duty =
        dataset_duty_new(daemon->side, daemon->log, daemon->options->lease_namespace,
                         daemon->options->dataset_controller);
    daemon->crd_watch = crd_watch_new(daemon->side, daemon->log, daemon->options->seed);
    daemon->may_write = !daemon->election;
    event_loop_set_guard(daemon->loop, guard, daemon);
    return true;
}

struct daemon *daemon_new(const struct daemon_options *options, struct error *err) {
    struct daemon *daemon = mem_alloc(sizeof(*daemon));
    struct sv none = SV("");
    daemon->options = options;
    daemon->arena = arena_new();
    daemon->credential_arena = arena_new();
    daemon->credential = (struct credential){none, none, none, none};
    daemon->log_sink = daemon_log_new(STDERR_FILENO, options->log_level, options->logs_json);
    daemon->log = daemon_log_base(daemon->log_sink);
    daemon->loop = event_loop_new();
    daemon->identity = make_identity(daemon->arena, options);
    daemon->started_ms = wall_now_ms();
    daemon->clock_difference_ms = clock_difference_ms();
    if (begin(daemon, err))
        return daemon;
    daemon_free(daemon);
    return NULL;
}

void daemon_free(struct daemon *daemon) {
    if (!daemon)
        return;
    election_free(daemon->election);
    dataset_duty_free(daemon->dataset_duty);
    crd_watch_free(daemon->crd_watch);
    stop_controller(daemon);
    metered_transport_free(daemon->metered);
    curl_transport_free(daemon->side);
    credentials_free(daemon->credentials);
    for (size_t i = 0; i < LOCAL_ADDRESSES_MAX; i++)
        local_http_free(daemon->local[i]);
    event_loop_free(daemon->loop);
    daemon_log_free(daemon->log_sink);
    arena_free(daemon->credential_arena);
    arena_free(daemon->arena);
    mem_free(daemon);
}
