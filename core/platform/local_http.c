/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/local_http.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/platform/event_loop.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct local_http {
    struct local_http_options options;
    struct MHD_Daemon *daemon;
    int descriptor; /* MHD's epoll */
    int port;
};

struct sv local_http_parameter(const struct local_http_question *question, const char *name) {
    return sv_from(MHD_lookup_connection_value(question->connection, MHD_GET_ARGUMENT_KIND, name));
}

bool local_http_has_parameter(const struct local_http_question *question, const char *name) {
    return MHD_lookup_connection_value_n(question->connection, MHD_GET_ARGUMENT_KIND, name,
                                         strlen(name), NULL, NULL) == MHD_YES;
}

/* --- answers --- */

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   const struct local_http_answer *answer, struct arena *arena) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, (void *)(uintptr_t)answer->body.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            arena_copy(arena, answer->content_type).ptr);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *upload, size_t *upload_bytes,
                                    void **connection_context) {
    (void)version, (void)upload, (void)connection_context;
    const struct local_http *http = context;
    AUTO(arena) arena = arena_new();
    struct local_http_answer answer = {
        .status = MHD_HTTP_METHOD_NOT_ALLOWED,
        .content_type = SV("text/plain; charset=utf-8"),
        .body = SV("only GET is served here\n"),
    };
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (*upload_bytes > 0)
        return MHD_NO;
    if (is_get)
        http->options.answer(http->options.context,
                             &(struct local_http_question){sv_from(url), connection}, arena,
                             &answer);
    return send_answer(connection, &answer, arena);
}

/* --- listening --- */

static bool fail(struct error *err, struct sv address, const char *why) {
    return error_set(err, ERROR_INVALID, "cannot listen at \"%.*s\": %s", SV_ARG(address), why);
}

static bool resolve(struct arena *arena, struct sv address, struct addrinfo **ret_found,
                    struct error *err) {
    size_t colon = sv_find_last(address, ':');
    struct sv host = sv_prefix(address, colon), port = sv_drop(address, colon + 1);
    int64_t number;
    if (colon == address.len || !sv_to_int64(port, &number) || number < 0 || number > 65535)
        return fail(err, address, "must be HOST:PORT or :PORT");
    if (host.len >= 2 && host.ptr[0] == '[')
        host = sv_prefix(sv_drop(host, 1), host.len - 2);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    /* Of all addresses: the IPv6 one takes IPv4 too where there is IPv6 at all. */
    int failure = getaddrinfo(host.len > 0 ? arena_copy(arena, host).ptr : NULL,
                              arena_copy(arena, port).ptr, &hints, ret_found);
    return failure == 0 || fail(err, address, gai_strerror(failure));
}

static int listen_at(const struct addrinfo *address) {
    int descriptor =
        socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0)
        return -1;
    int on = 1, off = 0;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6)
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 && listen(descriptor, 64) == 0)
        return descriptor;
    int why = errno;
    close(descriptor);
    errno = why;
    return -1;
}

static int open_listener(struct sv address, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct addrinfo *found;
    if (!resolve(arena, address, &found, err))
        return -1;
    int descriptor = -1;
    /* IPv6 first: without a host it serves both. */
    for (int pass = 0; pass < 2 && descriptor < 0; pass++)
        for (const struct addrinfo *at = found; at && descriptor < 0; at = at->ai_next)
            if ((at->ai_family == AF_INET6) == (pass == 0))
                descriptor = listen_at(at);
    if (descriptor < 0)
        fail(err, address, strerror(errno));
    freeaddrinfo(found);
    return descriptor;
}

static int port_of(int listener) {
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    getsockname(listener, (struct sockaddr *)&address, &len);
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

static void run(void *context, int descriptor, unsigned events) {
    (void)descriptor, (void)events;
    MHD_run(((struct local_http *)context)->daemon);
}

struct local_http *local_http_new(const struct local_http_options *options, struct error *err) {
    int listener = open_listener(options->address, err);
    if (listener < 0)
        return NULL;
    struct local_http *http = mem_alloc(sizeof(*http));
    http->options = *options;
    http->port = port_of(listener);
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, take_request, http, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)LOCAL_HTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)LOCAL_HTTP_CONNECTIONS_PER_PEER_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LOCAL_HTTP_IDLE_SECONDS_MAX, MHD_OPTION_END);
    if (!http->daemon) {
        close(listener);
        mem_free(http);
        fail(err, options->address, "the HTTP library refuses to start");
        return NULL;
    }
    http->descriptor = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    event_loop_watch(options->loop, http->descriptor, EVENT_READABLE, run, http);
    return http;
}

void local_http_free(struct local_http *http) {
    if (!http)
        return;
    event_loop_forget(http->options.loop, http->descriptor);
    MHD_stop_daemon(http->daemon);
    mem_free(http);
}

int local_http_port(const struct local_http *http) {
    return http->port;
}

int64_t local_http_step(struct local_http *http, int64_t now_ms) {
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES)
        return DEADLINE_NEVER;
    if (wait_ms == 0)
        MHD_run(http->daemon);
    /* A connection that was ended leaves others; they are asked about in a moment. */
    return now_ms + (wait_ms > 0 ? (int64_t)wait_ms : 100);
}
