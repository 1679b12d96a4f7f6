/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_fixture: what the tests of the server over real sockets share: a clock that they move, a
 * server without a world, a client that does not block, and objects to ask for. Only for tests.
 */
#ifndef FAKEAPI_HTTP_HTTP_FIXTURE_H
#define FAKEAPI_HTTP_HTTP_FIXTURE_H

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/server/fakeapi.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

struct fixture_clock {
    struct clock clock;
    int64_t now_ms;
};

static inline int64_t fixture_now_ms(struct clock *clock) {
    return ((struct fixture_clock *)clock)->now_ms;
}

/* 2026-01-01. */
static inline struct fixture_clock fixture_clock_begin(void) {
    return (struct fixture_clock){{fixture_now_ms}, INT64_C(1767225600000)};
}

/* An API that is served over plain HTTP. */
struct fixture_server {
    struct fixture_clock clock;
    struct fakeapi *api;
    struct authenticator *authenticator;
    struct http_server *server;
};

static inline void fixture_serve(struct fixture_server *fixture) {
    struct error err = {0};
    fixture->clock = fixture_clock_begin();
    fixture->api =
        fakeapi_new(&(struct fakeapi_options){.clock = &fixture->clock.clock, .seed = 1});
    fixture->authenticator = authenticator_new();
    fixture->server =
        http_server_new(&(struct http_server_options){.api = fixture->api,
                                                      .clock = &fixture->clock.clock,
                                                      .log = log_none(),
                                                      .address = SV("127.0.0.1"),
                                                      .authenticator = fixture->authenticator},
                        &err);
    if (!fixture->server)
        fprintf(stderr, "%s\n", err.message);
    assert(fixture->server);
}

static inline void fixture_end(struct fixture_server *fixture) {
    http_server_free(fixture->server);
    authenticator_free(fixture->authenticator);
    fakeapi_free(fixture->api);
}

/* Plain HTTP: the caller closes the descriptor. */
static inline int fixture_connect(const struct http_server *server) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int code = connect(client, (const struct sockaddr *)&address, sizeof(address));
    assert(code == 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    return client;
}

static inline void fixture_create_config_map(struct fakeapi *api, const char *name,
                                             size_t data_bytes) {
    AUTO(arena) arena = arena_new();
    struct cJSON *body = json_map(arena);
    char *data = arena_alloc(arena, data_bytes + 1);
    memset(data, 'x', data_bytes);
    json_set_string(arena, json_ensure_map(arena, body, SV("metadata")), SV("name"), sv_from(name));
    json_set_string(arena, json_ensure_map(arena, body, SV("data")), SV("d"),
                    (struct sv){data, data_bytes});
    struct request request = {.verb = VERB_CREATE,
                              .group = SV(""),
                              .version = SV("v1"),
                              .plural = SV("configmaps"),
                              .namespace_name = SV("default"),
                              .body = body};
    struct api_response response;
    fakeapi_handle(api, &request, SV("test"), arena, &response);
    CHECK(response.http_status == 201);
}

#endif
