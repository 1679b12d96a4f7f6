/* SPDX-License-Identifier: Apache-2.0 */
/* Answers over TLS: how they are cut, and that a client which does not read loses nothing. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_fixture.h"
#include "fakeapi/http/tls_identity.h"

#include <gnutls/gnutls.h>
#include <linux/tcp.h>
#include <poll.h>
#include <unistd.h>

enum {
    TURNS_MAX = 10000,
    OBJECTS = 40,
    OBJECT_BYTES = 500 * 1000,
    ANSWER_BYTES_MAX = 64 * 1024 * 1024,
};

struct fixture {
    struct arena *arena;
    struct fixture_clock clock;
    struct fakeapi *api;
    struct authenticator *authenticator;
    struct tls_identity identity;
    struct http_server *server;
    int client;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static void turn(struct fixture *fixture) {
    struct pollfd descriptor = {http_server_descriptor(fixture->server), POLLIN, 0};
    poll(&descriptor, 1, 1);
    http_server_run(fixture->server);
}

static void shake_hands(struct fixture *fixture) {
    int result = GNUTLS_E_AGAIN;
    gnutls_certificate_allocate_credentials(&fixture->credentials);
    gnutls_init(&fixture->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(fixture->session);
    gnutls_credentials_set(fixture->session, GNUTLS_CRD_CERTIFICATE, fixture->credentials);
    gnutls_transport_set_int(fixture->session, fixture->client);
    for (size_t i = 0; i < TURNS_MAX && result != GNUTLS_E_SUCCESS; i++) {
        result = gnutls_handshake(fixture->session);
        turn(fixture);
    }
    CHECK(result == GNUTLS_E_SUCCESS);
}

static void begin(struct fixture *fixture) {
    struct error err = {0};
    *fixture = (struct fixture){.arena = arena_new(), .clock = fixture_clock_begin()};
    fixture->api =
        fakeapi_new(&(struct fakeapi_options){.clock = &fixture->clock.clock, .seed = 1});
    fixture->authenticator = authenticator_new();
    authenticator_add(fixture->authenticator, SV("secret"),
                      &(struct user_info){.name = SV("u"), .uid = SV("")});
    bool is_made = tls_identity_make(fixture->arena, SV("127.0.0.1"), fixture->clock.now_ms,
                                     &fixture->identity, &err);
    assert(is_made);
    fixture->server =
        http_server_new(&(struct http_server_options){.api = fixture->api,
                                                      .clock = &fixture->clock.clock,
                                                      .log = log_none(),
                                                      .address = SV("127.0.0.1"),
                                                      .tls = &fixture->identity,
                                                      .authenticator = fixture->authenticator},
                        &err);
    assert(fixture->server);
    fixture->client = fixture_connect(fixture->server);
    shake_hands(fixture);
}

static void end(struct fixture *fixture) {
    gnutls_deinit(fixture->session);
    gnutls_certificate_free_credentials(fixture->credentials);
    close(fixture->client);
    http_server_free(fixture->server);
    authenticator_free(fixture->authenticator);
    fakeapi_free(fixture->api);
    arena_free(fixture->arena);
}

static void ask(struct fixture *fixture, const char *target) {
    struct sv request =
        arena_printf(fixture->arena,
                     "GET %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n\r\n", target);
    CHECK(gnutls_record_send(fixture->session, request.ptr, request.len) == (ssize_t)request.len);
}

/* Until the answer ends with `tail`. */
static bool await(struct fixture *fixture, struct buf *answer, const char *tail) {
    static char bytes[65536];
    for (size_t i = 0; i < TURNS_MAX; i++) {
        ssize_t got = gnutls_record_recv(fixture->session, bytes, sizeof(bytes));
        bool fits = got <= 0 || buf_append(answer, (struct sv){bytes, (size_t)got});
        assert(fits);
        if (sv_ends_with(buf_view(answer), sv_from(tail)))
            return true;
        if (got <= 0)
            turn(fixture);
    }
    return false;
}

static uint32_t received_segments(int client) {
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    CHECK(getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
    return info.tcpi_data_segs_in;
}

/* Or else the client wakes for the head, finds no body and sleeps again. */
TEST(head_and_body_arrive_together) {
    struct fixture fixture;
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    begin(&fixture);
    fixture_create_config_map(fixture.api, "c", 4000);
    for (int i = 0; i < 3; i++) {
        uint32_t before = received_segments(fixture.client);
        buf_clear(&answer);
        ask(&fixture, "/api/v1/namespaces/default/configmaps/c");
        CHECK(await(&fixture, &answer, "\"}}\n"));
        /* The first comes behind tickets of the session. */
        CHECK(i == 0 || received_segments(fixture.client) == before + 1);
    }
    buf_release(&answer);
    end(&fixture);
}

/* Or else whoever connects and says nothing, or is slow to answer in a handshake, takes the
 * processor from everybody, clients of the same machine included. */
TEST(a_handshake_that_stands_still_costs_nothing) {
    static const struct sv hellos[] = {{"", 0}, {"\x16\x03\x01\x02\x00\x01", 6}};
    for (size_t i = 0; i < COUNT_OF(hellos); i++) {
        struct fixture fixture;
        begin(&fixture);
        int other = fixture_connect(fixture.server);
        CHECK(write(other, hellos[i].ptr, hellos[i].len) == (ssize_t)hellos[i].len);
        size_t turns = 0;
        do
            turn(&fixture);
        while (http_server_next_ms(fixture.server) <= fixture.clock.now_ms && ++turns < 50);
        CHECK(turns < 50);
        /* Others are served meanwhile. */
        struct buf answer;
        buf_init(&answer, ANSWER_BYTES_MAX);
        ask(&fixture, "/version");
        CHECK(await(&fixture, &answer, "}\n") || await(&fixture, &answer, "}"));
        buf_release(&answer);
        close(other);
        end(&fixture);
    }
}

static size_t count_of(struct sv text, struct sv needle) {
    size_t count = 0;
    for (const char *at; (at = memmem(text.ptr, text.len, needle.ptr, needle.len)); count++)
        text = sv_drop(text, (size_t)(at - text.ptr) + 1);
    return count;
}

/* More than all buffers on the way hold: the head that waited goes first, and once. */
TEST(a_client_that_reads_late_is_sent_everything) {
    struct fixture fixture;
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    begin(&fixture);
    for (int i = 0; i < OBJECTS; i++)
        fixture_create_config_map(fixture.api, arena_printf(fixture.arena, "c%d", i).ptr,
                                  OBJECT_BYTES);
    for (int i = 0; i < 3; i++)
        ask(&fixture, "/version");
    ask(&fixture, "/api/v1/configmaps");
    for (int i = 0; i < 100; i++)
        turn(&fixture);
    CHECK(await(&fixture, &answer, "]}\n"));
    CHECK(count_of(buf_view(&answer), SV("HTTP/1.1 200 OK")) == 4);
    CHECK(buf_view(&answer).len > (size_t)OBJECTS * OBJECT_BYTES);
    buf_release(&answer);
    end(&fixture);
}

/* What has a head only does not wait for a body. */
TEST(a_head_alone_goes_at_once) {
    struct fixture fixture;
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    begin(&fixture);
    struct sv request = SV("HEAD /version HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(gnutls_record_send(fixture.session, request.ptr, request.len) == (ssize_t)request.len);
    CHECK(await(&fixture, &answer, "\r\n\r\n"));
    CHECK(sv_starts_with(buf_view(&answer), SV("HTTP/1.1 200 OK")));
    ask(&fixture, "/healthz");
    CHECK(await(&fixture, &answer, "\r\n\r\nok"));
    buf_release(&answer);
    end(&fixture);
}
