/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/forward.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/http/spdy.h"

struct connection {
    int64_t request_id, port;
    uint32_t error_id, data_id; /* 0: not opened yet */
    struct buf request;
};

struct forward {
    struct arena *arena;
    struct sv pod, uid;
    VEC(int64_t) ports; /* that somebody listens to */
    VEC(struct connection) connections;
};

struct forward *forward_new(const struct cJSON *pod) {
    struct forward *forward = mem_alloc(sizeof(*forward));
    forward->arena = arena_new();
    forward->pod = arena_copy(forward->arena, object_name(pod));
    forward->uid = arena_copy(forward->arena, object_uid(pod));
    JSON_EACH (container, json_find(pod, "spec.containers"))
        JSON_EACH (port, json_get(container, SV("ports")))
            vec_push(&forward->ports, json_int_or(port, SV("containerPort"), 0));
    return forward;
}

static void forget(struct forward *forward, size_t index) {
    buf_release(&forward->connections.items[index].request);
    vec_remove(&forward->connections, index);
}

void forward_free(struct forward *forward) {
    if (!forward)
        return;
    while (forward->connections.count > 0)
        forget(forward, forward->connections.count - 1);
    vec_release(&forward->connections);
    vec_release(&forward->ports);
    arena_free(forward->arena);
    mem_free(forward);
}

static bool is_listening(const struct forward *forward, int64_t port) {
    for (size_t i = 0; i < forward->ports.count; i++)
        if (forward->ports.items[i] == port)
            return true;
    return false;
}

static struct connection *find(struct forward *forward, int64_t request_id) {
    for (size_t i = 0; i < forward->connections.count; i++)
        if (forward->connections.items[i].request_id == request_id)
            return &forward->connections.items[i];
    return NULL;
}

/* Ends both streams and forgets the connection. */
static bool end(struct forward *forward, struct spdy *spdy, struct connection *connection,
                struct sv problem, struct sv answer) {
    bool fits = spdy_send(spdy, connection->error_id, problem, true) &&
                spdy_send(spdy, connection->data_id, answer, true);
    forget(forward, (size_t)(connection - forward->connections.items));
    return fits;
}

/* Both streams are there: somebody listens, or the connection is refused. */
static bool connect(struct forward *forward, struct spdy *spdy, struct connection *connection) {
    if (is_listening(forward, connection->port))
        return true;
    AUTO(arena) arena = arena_new();
    struct sv problem = arena_printf(
        arena,
        "error forwarding port %lld to pod %.*s, uid : failed to connect to localhost:%lld inside "
        "the pod: connection refused",
        (long long)connection->port, SV_ARG(forward->uid), (long long)connection->port);
    return end(forward, spdy, connection, problem, SV(""));
}

bool forward_stream(struct forward *forward, struct spdy *spdy, uint32_t id,
                    const struct spdy_header *headers, size_t count) {
    struct sv type = spdy_header_value(headers, count, SV("streamtype"));
    int64_t port, request_id;
    if (!sv_to_int64(spdy_header_value(headers, count, SV("port")), &port) ||
        !sv_to_int64(spdy_header_value(headers, count, SV("requestid")), &request_id))
        return false;
    struct connection *connection = find(forward, request_id);
    if (!connection) {
        if (forward->connections.count == FORWARD_CONNECTIONS_MAX)
            return false;
        connection = vec_push(&forward->connections,
                              (struct connection){.request_id = request_id, .port = port});
        buf_init(&connection->request, FORWARD_REQUEST_BYTES_MAX);
    }
    if (sv_eq(type, SV("error")))
        connection->error_id = id;
    else if (sv_eq(type, SV("data")))
        connection->data_id = id;
    else
        return false;
    return connection->error_id == 0 || connection->data_id == 0 ||
           connect(forward, spdy, connection);
}

static bool answer(struct forward *forward, struct spdy *spdy, struct connection *connection) {
    AUTO(arena) arena = arena_new();
    struct sv body = arena_printf(arena, "pod %.*s, port %lld\n", SV_ARG(forward->pod),
                                  (long long)connection->port);
    return end(forward, spdy, connection, SV(""),
               arena_printf(arena,
                            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                            "Connection: close\r\n\r\n%.*s",
                            body.len, SV_ARG(body)));
}

bool forward_data(struct forward *forward, struct spdy *spdy, uint32_t id, struct sv bytes,
                  bool is_last) {
    for (size_t i = 0; i < forward->connections.count; i++) {
        struct connection *connection = &forward->connections.items[i];
        if (connection->data_id != id || connection->error_id == 0)
            continue;
        if (!buf_append(&connection->request, bytes))
            return end(forward, spdy, connection, SV("the request is too long"), SV(""));
        if (sv_contains(buf_view(&connection->request), SV("\r\n\r\n")))
            return answer(forward, spdy, connection);
        return !is_last || end(forward, spdy, connection, SV(""), SV(""));
    }
    return true; /* of a connection that has ended, or of an error stream */
}
