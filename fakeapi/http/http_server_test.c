/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets on loopback, one thread: the test is the client and the loop. */
#include "fakeapi/http/http_server.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_fixture.h"
#include "fakeapi/server/fakeapi.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_MAX = 10000, ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

/* One turn of the loop; waits a moment for news when there are none. */
static void turn(struct fixture_server *fixture, int client) {
    struct pollfd descriptors[] = {{http_server_descriptor(fixture->server), POLLIN, 0},
                                   {client, POLLIN, 0}};
    poll(descriptors, client < 0 ? 1 : 2, 1);
    http_server_run(fixture->server);
}

static void send_bytes(struct fixture_server *fixture, int client, struct sv bytes) {
    for (size_t i = 0; i < TURNS_MAX && bytes.len > 0; i++) {
        ssize_t sent = send(client, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent > 0)
            bytes = sv_drop(bytes, (size_t)sent);
        turn(fixture, client);
    }
}

/* False: the server closed the connection. */
static bool read_some(int client, struct buf *answer) {
    char bytes[65536];
    ssize_t got = recv(client, bytes, sizeof(bytes), 0);
    if (got > 0) {
        bool fits = buf_append(answer, (struct sv){bytes, (size_t)got});
        assert(fits);
    }
    return got != 0;
}

/* Runs until the answer holds `text` or the server closed; tells which. */
static bool await(struct fixture_server *fixture, int client, struct buf *answer,
                  const char *text) {
    bool is_open = true;
    for (size_t i = 0; i < TURNS_MAX && is_open; i++) {
        if (sv_contains(buf_view(answer), sv_from(text)))
            return true;
        turn(fixture, client);
        is_open = read_some(client, answer);
    }
    return sv_contains(buf_view(answer), sv_from(text));
}

static bool is_closed(struct fixture_server *fixture, int client, struct buf *answer) {
    for (size_t i = 0; i < 200; i++) {
        turn(fixture, client);
        if (!read_some(client, answer))
            return true;
    }
    return false;
}

/* --- one request, one answer --- */

static const struct {
    const char *request; /* Connection: close is added */
    const char *expected[3];
} cases[] = {
    {"GET /healthz HTTP/1.1\r\nHost: h\r\n", {"HTTP/1.1 200 OK", "\r\n\r\nok"}},
    {"GET /readyz?verbose HTTP/1.1\r\nHost: h\r\n", {"[+]ping ok", "readyz check passed"}},
    {"GET /foo HTTP/1.1\r\nHost: h\r\n",
     {"HTTP/1.1 404", "text/plain; charset=utf-8", "404 page not found\n"}},
    {"GET /api/v1/nodes HTTP/1.1\r\nHost: h\r\n",
     {"Cache-Control: no-cache, private", "Audit-Id: ", "\"kind\":\"NodeList\""}},
    {"GET /api/v1/nodes HTTP/1.1\r\nHost: h\r\nUser-Agent: curl/8\r\n", {"\"kind\": \"NodeList\""}},
    {"GET /api/v1/namespaces/default HTTP/1.1\r\nHost: h\r\nAccept: application/yaml\r\n",
     {"Content-Type: application/yaml", "kind: Namespace\n"}},
    {"GET /api/v1/namespaces HTTP/1.1\r\nHost: h\r\nAccept: "
     "application/json;as=Table;v=v1;g=meta.k8s.io\r\n",
     {"\"kind\":\"Table\"", "columnDefinitions"}},
    {"GET /api/v1/namespaces/default HTTP/1.1\r\nHost: h\r\nAccept: "
     "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io\r\n",
     {"\"kind\":\"PartialObjectMetadata\""}},
    {"GET /api/v1/nodes HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n", {"HTTP/1.1 406"}},
    {"GET /api/v1/nodes/none HTTP/1.1\r\nHost: h\r\n",
     {"HTTP/1.1 404", "X-Content-Type-Options: nosniff", "nodes \\\"none\\\" not found"}},
    {"OPTIONS /api/v1/nodes HTTP/1.1\r\nHost: h\r\n", {"HTTP/1.1 405"}},
    {"GET /api HTTP/1.1\r\nHost: h\r\n", {"\"APIVersions\""}},
    {"GET /api HTTP/1.1\r\nHost: h\r\nAccept: "
     "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList\r\n",
     {"\"APIGroupDiscoveryList\"", "ETag: \""}},
    {"GET /version HTTP/1.1\r\nHost: h\r\n", {"\"minor\":\"34\""}},
    {"GET /metrics HTTP/1.1\r\nHost: h\r\n", {"apiserver_storage_objects"}},
    {"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: h:1\r\n",
     {"Cache-Control: public, max-age=3600",
      "{\"issuer\":\"https://kubernetes.default.svc\",\"jwks_uri\":\"http://h:1/openid/v1/jwks\","
      "\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
      "\"id_token_signing_alg_values_supported\":[\"ES256\"]}"}},
    {"GET /openid/v1/jwks HTTP/1.1\r\nHost: h\r\n",
     {"Content-Type: application/jwk-set+json", "{\"keys\":[{\"use\":\"sig\",\"kty\":\"EC\","}},
    {"GET /api/v1/namespaces/default/pods/p/exec?command=ls HTTP/1.1\r\nHost: h\r\n",
     {"HTTP/1.1 404", "pods \\\"p\\\" not found"}},
    {"GET /api/v1/nodes HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
     {"HTTP/1.1 400"}},
    {"POST /api/v1/nodes HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
     "Content-Length: 4194304\r\n",
     {"HTTP/1.1 413", "limit is 3145728"}},
};

TEST(requests_are_answered) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct buf answer;
        buf_init(&answer, ANSWER_BYTES_MAX);
        int client = fixture_connect(fixture.server);
        send_bytes(&fixture, client,
                   arena_printf(arena, "%sConnection: close\r\n\r\n", cases[i].request));
        CHECK(is_closed(&fixture, client, &answer));
        for (size_t k = 0; k < COUNT_OF(cases[i].expected) && cases[i].expected[k]; k++) {
            bool has = sv_contains(buf_view(&answer), sv_from(cases[i].expected[k]));
            CHECK(has);
            if (!has)
                fprintf(stderr, "%s: no %s in %.*s\n", cases[i].request, cases[i].expected[k],
                        SV_ARG(buf_view(&answer)));
        }
        close(client);
        buf_release(&answer);
    }
    fixture_end(&fixture);
}

static struct sv post_text(struct arena *arena, const char *path, const char *body) {
    return arena_printf(arena,
                        "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        path, strlen(body), body);
}

#define CONFIG_MAPS "/api/v1/namespaces/default/configmaps"

TEST(requests_in_a_row_share_a_connection) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    AUTO(arena) arena = arena_new();
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    int client = fixture_connect(fixture.server);
    /* Sent at once, as a pipelining client does. */
    struct sv post = post_text(arena, CONFIG_MAPS, "{\"metadata\":{\"name\":\"a\"}}");
    send_bytes(&fixture, client,
               arena_printf(arena,
                            "%.*sGET " CONFIG_MAPS "/a HTTP/1.1\r\nHost: h\r\n\r\nGET " CONFIG_MAPS
                            "/b HTTP/1.1\r\nHost: h\r\n\r\n",
                            SV_ARG(post)));
    CHECK(await(&fixture, client, &answer, "HTTP/1.1 201"));
    CHECK(await(&fixture, client, &answer, "HTTP/1.1 200"));
    CHECK(await(&fixture, client, &answer, "configmaps \\\"b\\\" not found"));
    close(client);
    buf_release(&answer);
    fixture_end(&fixture);
}

/* Giving back trees is part of the turn that made them too many: what is left for later makes
 * somebody wait for all of it at once. */
TEST(trees_are_given_back_in_the_turn_that_adds_them) {
    enum { OBJECTS = 200, DATA_BYTES = 200 * 1000, TREE_BYTES_MAX = 24 * 1024 * 1024 };
    struct fixture_server fixture;
    struct fakeapi_stats stats;
    fixture_serve(&fixture);
    for (int i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        fixture_create_config_map(fixture.api, name, DATA_BYTES);
        turn(&fixture, -1);
        fakeapi_get_stats(fixture.api, &stats);
        CHECK(stats.tree_bytes <= TREE_BYTES_MAX);
    }
    CHECK(stats.tree_bytes > TREE_BYTES_MAX / 2);
    fixture_end(&fixture);
}

TEST(a_body_in_chunks_is_limited_too) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    int client = fixture_connect(fixture.server);
    static char chunk[1024 * 1024 + 16];
    memset(chunk, 'x', sizeof(chunk));
    memcpy(chunk, "100000\r\n", 8);
    memcpy(chunk + 8 + 0x100000, "\r\n", 2);
    send_bytes(&fixture, client,
               SV("POST " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n"));
    for (size_t i = 0; i < 4; i++)
        send_bytes(&fixture, client, (struct sv){chunk, 8 + 0x100000 + 2});
    send_bytes(&fixture, client, SV("0\r\n\r\n"));
    await(&fixture, client, &answer, "}\n");
    /* A Status when the client stopped in time, else a closed connection. */
    CHECK(buf_view(&answer).len == 0 || sv_contains(buf_view(&answer), SV("HTTP/1.1 413")));
    close(client);
    buf_release(&answer);
    fixture_end(&fixture);
}

/* The most that is read to its end, whatever pieces it comes in. */
TEST(a_body_that_is_a_little_too_large_is_answered) {
    enum { BODY_BYTES = 3 * 1024 * 1024 + 256 * 1024 };
    struct fixture_server fixture;
    fixture_serve(&fixture);
    AUTO(arena) arena = arena_new();
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    int client = fixture_connect(fixture.server);
    char *body = arena_alloc(arena, BODY_BYTES);
    memset(body, ' ', BODY_BYTES);
    send_bytes(&fixture, client,
               arena_printf(arena,
                            "POST " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\nContent-Type: "
                            "application/json\r\nContent-Length: %d\r\n\r\n",
                            BODY_BYTES));
    send_bytes(&fixture, client, (struct sv){body, BODY_BYTES});
    await(&fixture, client, &answer, "}\n");
    CHECK(sv_contains(buf_view(&answer), SV("HTTP/1.1 413")));
    close(client);
    buf_release(&answer);
    fixture_end(&fixture);
}

/* --- watches --- */

static int open_watch(struct fixture_server *fixture, struct buf *answer, const char *query) {
    AUTO(arena) arena = arena_new();
    int client = fixture_connect(fixture->server);
    send_bytes(
        fixture, client,
        arena_printf(arena, "GET " CONFIG_MAPS "?watch=1%s HTTP/1.1\r\nHost: h\r\n\r\n", query));
    CHECK(await(fixture, client, answer, "Transfer-Encoding: chunked"));
    return client;
}

TEST(a_watch_tells_events_when_they_happen_and_ends_in_time) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    fixture_create_config_map(fixture.api, "first", 1);
    int client = open_watch(&fixture, &answer, "&timeoutSeconds=90&allowWatchBookmarks=true");
    CHECK(await(&fixture, client, &answer, "\"name\":\"first\""));
    CHECK(!sv_contains(buf_view(&answer), SV("second")));
    fixture_create_config_map(fixture.api, "second", 1);
    CHECK(await(&fixture, client, &answer, "\"name\":\"second\""));
    fixture.clock.now_ms += 60 * 1000;
    CHECK(await(&fixture, client, &answer, "{\"type\":\"BOOKMARK\""));
    fixture.clock.now_ms += 30 * 1000;
    /* The last chunk, and the connection stays for the next request. */
    CHECK(await(&fixture, client, &answer, "\r\n0\r\n\r\n"));
    send_bytes(&fixture, client, SV("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(await(&fixture, client, &answer, "\r\n\r\nok"));
    close(client);
    buf_release(&answer);
    fixture_end(&fixture);
}

TEST(a_watch_selects_and_an_unselected_event_wakes_nobody) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    int client = open_watch(&fixture, &answer, "&fieldSelector=metadata.name%3Dmine");
    fixture_create_config_map(fixture.api, "other", 1);
    fixture_create_config_map(fixture.api, "mine", 1);
    CHECK(await(&fixture, client, &answer, "\"name\":\"mine\""));
    CHECK(!sv_contains(buf_view(&answer), SV("other")));
    close(client);
    buf_release(&answer);
    fixture_end(&fixture);
}

/* As a controller does that is told of the end of its watch: the server stops all the same. */
TEST(a_watch_that_begins_while_the_server_stops_ends_at_once) {
    static const char request[] = "GET " CONFIG_MAPS "?watch=true HTTP/1.1\r\nHost: h\r\n\r\n";
    struct fixture_server fixture;
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    fixture_serve(&fixture);
    int client = fixture_connect(fixture.server);
    for (size_t i = 0; i < 10; i++)
        turn(&fixture, client);
    CHECK(send(client, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1);
    fixture_end(&fixture);
    fcntl(client, F_SETFL, 0);
    while (read_some(client, &answer))
        ;
    CHECK(sv_starts_with(buf_view(&answer), SV("HTTP/1.1 200 OK")));
    CHECK(sv_ends_with(buf_view(&answer), SV("0\r\n\r\n")));
    close(client);
    buf_release(&answer);
}

/* 16 MB of events go to somebody who does not read: others are served, and the log's end cuts the
 * stream instead of memory growing. */
TEST(a_watch_that_is_not_read_stalls_nobody) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    struct buf answer, other;
    buf_init(&answer, ANSWER_BYTES_MAX);
    buf_init(&other, ANSWER_BYTES_MAX);
    int deaf = open_watch(&fixture, &answer, "");
    for (size_t i = 0; i < 16; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%zu", i);
        fixture_create_config_map(fixture.api, name, 1000 * 1000);
        turn(&fixture, -1);
    }
    int client = fixture_connect(fixture.server);
    send_bytes(&fixture, client, SV("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(await(&fixture, client, &other, "\r\n\r\nok"));
    /* Once it reads, everything is there. */
    CHECK(await(&fixture, deaf, &answer, "\"name\":\"c15\""));
    close(deaf);
    close(client);
    buf_release(&answer);
    buf_release(&other);
    fixture_end(&fixture);
}

/* What clients send that never read an answer; pipelined requests are repeated. */
static const struct {
    const char *bytes;
    size_t repetitions;
} rude[] = {
    {"GET " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\n\r\n", 1},
    {"GET " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\n\r\n", 4},
    {"GET " CONFIG_MAPS "?watch=true HTTP/1.1\r\nHost: h\r\n\r\n", 1},
    {"GET /version HTTP/1.1\r\nHost: h\r\n\r\n", 500},
    {"GET /version HTTP/1.1\r\nHost: h\r\nX-A", 1},
    {"POST " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{", 1},
    {"POST " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", 1},
    {"\r\n\r\n\x16\x03\x01", 1},
    {"", 1},
};

static void be_rude(int client, size_t index) {
    struct buf bytes;
    buf_init(&bytes, ANSWER_BYTES_MAX);
    for (size_t i = 0; i < rude[index].repetitions; i++)
        CHECK(buf_append(&bytes, sv_from(rude[index].bytes)));
    struct sv all = buf_view(&bytes);
    CHECK(all.len == 0 || send(client, all.ptr, all.len, MSG_NOSIGNAL) == (ssize_t)all.len);
    buf_release(&bytes);
}

/* Turns of the loop until a request is answered: what a client waits for, whatever the clock says.
 */
static size_t turns_until_answered(struct fixture_server *fixture, int client) {
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
    struct buf answer;
    size_t turns = 0;
    buf_init(&answer, ANSWER_BYTES_MAX);
    CHECK(send(client, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1);
    while (turns < TURNS_MAX && !sv_ends_with(buf_view(&answer), SV("\r\n\r\nok"))) {
        turn(fixture, -1);
        turns++;
        read_some(client, &answer);
    }
    buf_release(&answer);
    return turns;
}

TEST(nobody_waits_for_those_who_do_not_read_or_do_not_finish) {
    /* One to accept or to notice, one to answer. */
    enum { TURNS_ALLOWED = 3, REQUESTS = 200, OBJECTS = 20, OBJECT_BYTES = 500 * 1000 };
    struct fixture_server fixture;
    fixture_serve(&fixture);
    for (int i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        fixture_create_config_map(fixture.api, name, OBJECT_BYTES);
    }
    int clients[COUNT_OF(rude)];
    for (size_t i = 0; i < COUNT_OF(rude); i++)
        clients[i] = fixture_connect(fixture.server);
    int client = fixture_connect(fixture.server);
    size_t most = turns_until_answered(&fixture, client);
    for (size_t i = 0; i < COUNT_OF(rude); i++)
        be_rude(clients[i], i);
    for (int i = 0; i < REQUESTS; i++) {
        size_t turns = turns_until_answered(&fixture, client);
        most = turns > most ? turns : most;
    }
    CHECK(most <= TURNS_ALLOWED);
    for (size_t i = 0; i < COUNT_OF(rude); i++)
        close(clients[i]);
    close(client);
    fixture_end(&fixture);
}

TEST(clients_that_go_away_are_noticed) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    for (size_t i = 0; i < 50; i++) {
        struct buf answer;
        buf_init(&answer, ANSWER_BYTES_MAX);
        close(open_watch(&fixture, &answer, ""));
        buf_release(&answer);
    }
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES_MAX);
    for (size_t i = 0; i < 100; i++)
        turn(&fixture, -1);
    int client = fixture_connect(fixture.server);
    send_bytes(&fixture, client, SV("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(await(&fixture, client, &answer, "apiserver_longrunning_requests{verb=\"WATCH\"} 0\n"));
    close(client);
    buf_release(&answer);
    fixture_end(&fixture);
}

/* --- slow clients --- */

static const char *const unfinished[] = {
    "",
    "GET /api/v1/nodes HT",
    "GET /api/v1/nodes HTTP/1.1\r\nHost: h\r\nX-A",
    "POST " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{",
};

TEST(requests_that_never_end_are_cut_off) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    int clients[COUNT_OF(unfinished)];
    for (size_t i = 0; i < COUNT_OF(unfinished); i++) {
        clients[i] = fixture_connect(fixture.server);
        send_bytes(&fixture, clients[i], sv_from(unfinished[i]));
    }
    turn(&fixture, -1);
    fixture.clock.now_ms += 301 * 1000;
    for (size_t i = 0; i < COUNT_OF(unfinished); i++) {
        struct buf answer;
        buf_init(&answer, ANSWER_BYTES_MAX);
        CHECK(is_closed(&fixture, clients[i], &answer));
        buf_release(&answer);
        close(clients[i]);
    }
    fixture_end(&fixture);
}

TEST(a_port_that_is_taken_is_said) {
    struct fixture_server fixture;
    fixture_serve(&fixture);
    struct error err = {0};
    struct http_server_options options = {.api = fixture.api,
                                          .clock = &fixture.clock.clock,
                                          .log = log_none(),
                                          .address = SV("127.0.0.1"),
                                          .port = http_server_port(fixture.server),
                                          .authenticator = fixture.authenticator};
    CHECK(!http_server_new(&options, &err));
    CHECK(sv_contains(sv_from(err.message), SV("cannot listen at 127.0.0.1, port ")));
    options.address = SV("nowhere");
    CHECK(!http_server_new(&options, &err));
    fixture_end(&fixture);
}
