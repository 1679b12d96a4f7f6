/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/session_http.h"

#include "conformance/cmd/controller_process.h"
#include "conformance/cmd/output.h"
#include "conformance/cmd/session_elsewhere.h"
#include "conformance/session_sim.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/platform/curl_transport.h"
#include "core/platform/event_loop.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/http/kubeconfig.h"
#include "fakeapi/http/tls_identity.h"

#include <unistd.h>

#define ADDRESS SV("127.0.0.1")

enum {
    TOKEN_BYTES = 32,
    /* All of these are of the system's time: what a busy machine needs. */
    POLL_MS = 40,
    PATIENCE_MS = 60 * 1000,
    ADVANCE_MS_MAX = 120 * 1000,
    /* Of a server elsewhere, whose clock is the wall's: as in mode cluster. */
    ELSEWHERE_POLL_MS = 100,
    ELSEWHERE_PATIENCE_MS = 120 * 1000,
    ELSEWHERE_ADVANCE_MS_MAX = 120 * 1000,
    ELSEWHERE_QUIET_MS = 35 * 1000,
    CONTROLLER_END_MS = 20 * 1000,
};

struct session_http {
    struct session_http_options options;
    struct arena *arena;
    struct tls_identity identity;
    struct sv token;
    struct authenticator *authenticator;
    struct session_elsewhere *elsewhere; /* NULL: the server is ours */
    struct world *world;
    struct http_server *server;
    struct transport *user;
    struct session *session;
    struct controller_process_options command;
    struct controller_process *process; /* NULL while there is none */
    struct error failure;               /* it could not be started again */
    bool is_without_controller;
    bool is_prepared;
    bool is_watching; /* the controller follows the runtimes */
    bool is_cleaning; /* what ended the session is no reason to leave things behind */
    struct session_counts counts;
};

/* --- what is seen --- */

/* Commands run on behalf of whoever asks the API server for them. */
static void see_request(void *context, struct sv user_agent, const struct request *request,
                        int http_status, const struct cJSON *body) {
    (void)http_status, (void)body;
    struct session_http *http = context;
    bool is_exec = request->verb == VERB_EXEC;
    if (!is_exec && !sv_eq(user_agent, SESSION_CONTROLLER_AGENT))
        return;
    session_counts_add(&http->counts, request);
    http->is_watching |=
        request->verb == VERB_WATCH && sv_eq(request->plural, RESOURCE_CACHE_RUNTIMES.plural);
}

/* --- the driver --- */

static int64_t http_now_ms(void *context) {
    (void)context;
    return wall_now_ms();
}

static int64_t run_clients(struct session_http *http, int64_t now_ms) {
    return http->elsewhere ? session_elsewhere_run(http->elsewhere)
                           : curl_transport_run_timers(http->user, now_ms);
}

static bool http_step(void *context, int64_t until_ms) {
    struct session_http *http = context;
    int64_t now_ms = wall_now_ms();
    int64_t due_ms = deadline_earlier(until_ms, run_clients(http, now_ms));
    /* What another server answered is not seen on our descriptors. */
    if (http->elsewhere ? !session_elsewhere_is_over(http->elsewhere)
                        : http_server_next_ms(http->server) <= now_ms)
        http_server_run(http->server);
    due_ms = deadline_earlier(due_ms, http_server_next_ms(http->server));
    if (curl_transport_has_completions(http->user))
        due_ms = now_ms;
    now_ms = wall_now_ms();
    event_loop_wait(http->options.loop, due_ms > now_ms ? due_ms - now_ms : 0);
    return false;
}

static void server_ready(void *context, int descriptor, unsigned events) {
    (void)descriptor, (void)events;
    http_server_run(((struct session_http *)context)->server);
}

static void http_restart_controller(void *context) {
    struct session_http *http = context;
    controller_process_free(http->process);
    http->process = controller_process_start(&http->command, &http->failure);
}

static void http_cut_watches(void *context) {
    struct session_http *http = context;
    http_server_end_watches(http->server);
}

static void http_get_counts(void *context, struct session_counts *ret_counts) {
    struct session_http *http = context;
    *ret_counts = http->counts;
}

/* The user's requests go to a server elsewhere directly, and are looked at all the same. */
static void http_see_user(void *context, const struct request *request,
                          const struct completion *completion) {
    struct session_http *http = context;
    world_tell(http->world, SESSION_USER_AGENT, request, completion->http_status, completion->body);
}

static bool http_find_trouble(void *context, struct error *err) {
    struct session_http *http = context;
    if (http->is_cleaning)
        return false;
    if (event_loop_is_stopping(http->options.loop)) {
        error_set(err, ERROR_UNAVAILABLE, "interrupted");
        return true;
    }
    if (http->failure.code != ERROR_NONE) {
        *err = http->failure;
        return true;
    }
    return http->process && controller_process_has_ended(http->process, err);
}

/* Faults are over, and nodes that were stopped do not hold pods. */
static void empty_cluster(struct session_http *http) {
    http->is_cleaning = true;
    if (!http->session || !http->is_prepared)
        return;
    session_elsewhere_remove_caches(http->session);
    if (http->process)
        controller_process_end(http->process, CONTROLLER_END_MS);
    http->process = NULL;
    session_elsewhere_remove_rest(http->elsewhere, http->session);
}

static void http_free(void *context) {
    struct session_http *http = context;
    if (http->elsewhere)
        empty_cluster(http);
    controller_process_free(http->process);
    if (http->server)
        event_loop_forget(http->options.loop, http_server_descriptor(http->server));
    http_server_free(http->server);
    if (http->elsewhere) {
        session_elsewhere_free(http->elsewhere);
    } else {
        curl_transport_free(http->user);
        world_free(http->world);
    }
    authenticator_free(http->authenticator);
    if (http->command.kubeconfig.len > 0) {
        unlink(http->command.kubeconfig.ptr);
        unlink(http->command.log_path.ptr);
    }
    wall_use_test_clock((struct test_clock){.factor = 1});
    arena_free(http->arena);
    mem_free(http);
}

/* --- building it --- */

static bool start_server(struct session_http *http, struct error *err) {
    static const struct sv masters[] = {{"system:masters", 14}};
    /* libcurl and GnuTLS look at the system's clock. */
    if (!tls_identity_make(http->arena, ADDRESS, system_now_ms(), &http->identity, err))
        return false;
    http->authenticator = authenticator_new();
    http->token = random_text(http->arena, TOKEN_BYTES);
    authenticator_add(
        http->authenticator, http->token,
        &(struct user_info){
            .name = SV("kubernetes-admin"), .uid = SV(""), .groups = masters, .group_count = 1});
    http->server = http_server_new(
        &(struct http_server_options){
            .api = world_api(http->world),
            .world = http->world,
            .clock = wall_clock(),
            .log = log_none(),
            .address = ADDRESS,
            .tls = &http->identity,
            .authenticator = http->authenticator,
            .upstream = http->elsewhere ? session_elsewhere_upstream(http->elsewhere) : NULL,
            .seed = http->options.session->seed,
        },
        err);
    if (http->server)
        event_loop_watch(http->options.loop, http_server_descriptor(http->server), EVENT_READABLE,
                         server_ready, http);
    return http->server != NULL;
}

static void connect_user(struct session_http *http, struct sv url) {
    http->user = curl_transport_new(&(struct curl_transport_options){
        .loop = http->options.loop,
        .server = url,
        .user_agent = SESSION_USER_AGENT,
        .login = arena_printf(http->arena, "Authorization: Bearer %.*s\r\n", SV_ARG(http->token)),
        .ca_certificate = http->identity.ca_certificate,
        .client_certificate = SV(""),
        .client_key = SV(""),
        .tls_server_name = SV(""),
        .proxy_url = SV(""),
        .has_no_compression = true,
        .seed = http->options.session->seed,
    });
}

static bool write_kubeconfig(struct session_http *http, struct sv url, struct error *err) {
    struct arena *arena = http->arena;
    struct kubeconfig config = {url, http->identity.ca_certificate, http->token};
    http->command = (struct controller_process_options){
        .loop = http->options.loop,
        .program = arena_copy(arena, http->options.controller),
        .kubeconfig = arena_printf(arena, "%.*s/kubeconfig", SV_ARG(http->options.folder)),
        .context = SV(""),
        .log_path = arena_printf(arena, "%.*s/controller.log", SV_ARG(http->options.folder)),
        .namespace_name = SV(""),
        .seed = http->options.session->seed,
    };
    return output_write_file(http->command.kubeconfig, kubeconfig_text(&config, arena), err);
}

static bool is_watching(struct session *session, void *context) {
    (void)session;
    return ((struct session_http *)context)->is_watching;
}

/* Not before there are faults, which may concern its first requests. */
static bool http_begin(void *context, struct error *err) {
    struct session_http *http = context;
    struct session *session = http->session;
    if (http->is_without_controller)
        return true;
    http->process = controller_process_start(&http->command, err);
    if (!http->process)
        return false;
    if (session_run_until(session, session_patience_ms(session, 0), is_watching, http))
        return true;
    return !session_has_trouble(session, err) &&
           error_set(err, ERROR_TIMEOUT, "the controller began no watch within %d s",
                     PATIENCE_MS / 1000);
}

static struct session *make_session(struct session_http *http) {
    bool is_elsewhere = http->elsewhere != NULL;
    return session_new_with_driver(&(struct session_driver){
        .user = http->user,
        .world = http->world,
        .namespace_name = SV(""),
        .quiet_ms = is_elsewhere ? wall_ms_of_system(ELSEWHERE_QUIET_MS) : SESSION_QUIET_MS,
        .rest_ms = wall_ms_of_system(http->options.rest_ms),
        .poll_ms = wall_ms_of_system(is_elsewhere ? ELSEWHERE_POLL_MS : POLL_MS),
        .wait_ms_min = wall_ms_of_system(is_elsewhere ? ELSEWHERE_PATIENCE_MS : PATIENCE_MS),
        .advance_ms_max =
            wall_ms_of_system(is_elsewhere ? ELSEWHERE_ADVANCE_MS_MAX : ADVANCE_MS_MAX),
        .reads_at_once = !is_elsewhere,
        .begin = http_begin,
        .now_ms = http_now_ms,
        .step = http_step,
        .restart_controller = http_restart_controller,
        .cut_watches = http_cut_watches,
        .get_counts = http_get_counts,
        .see_user = is_elsewhere ? http_see_user : NULL,
        .find_trouble = http_find_trouble,
        .free = http_free,
        .context = http,
    });
}

/* The world with the nodes, on a server of ours or elsewhere. */
static bool make_world(struct session_http *http, struct error *err) {
    const struct session_http_options *options = &http->options;
    if (options->kubeconfig.len == 0) {
        http->world = session_world_new(options->session, wall_clock());
        return true;
    }
    http->elsewhere = session_elsewhere_new(
        &(struct session_elsewhere_options){
            .session = options->session,
            .loop = options->loop,
            .kubeconfig = options->kubeconfig,
            .context = options->context,
        },
        err);
    if (http->elsewhere)
        http->world = session_elsewhere_world(http->elsewhere);
    return http->elsewhere != NULL;
}

static bool prepare(struct session_http *http, struct error *err) {
    http->is_prepared =
        http->elsewhere
            ? session_elsewhere_prepare(http->elsewhere, http->session, err)
            : session_prepare(http->session, session_node_count(http->options.session), err);
    return http->is_prepared;
}

struct session *session_http_new(const struct session_http_options *options, struct error *err) {
    struct session_http *http = mem_alloc(sizeof(*http));
    struct test_clock clock = {.factor = options->factor, .origin_ms = system_now_ms()};
    http->options = *options;
    http->is_without_controller = options->session->without_controller;
    http->arena = arena_new();
    wall_use_test_clock(clock);
    if (!make_world(http, err)) {
        http_free(http);
        return NULL;
    }
    world_add_observer(http->world, &(struct observer){.after = see_request, .context = http});
    if (!start_server(http, err)) {
        http_free(http);
        return NULL;
    }
    struct sv url =
        arena_printf(http->arena, "https://127.0.0.1:%u", http_server_port(http->server));
    if (http->elsewhere)
        http->user = session_elsewhere_user(http->elsewhere);
    else
        connect_user(http, url);
    http->session = make_session(http);
    if (write_kubeconfig(http, url, err) && prepare(http, err)) {
        http->command.clock = clock;
        return http->session;
    }
    session_free(http->session);
    return NULL;
}
