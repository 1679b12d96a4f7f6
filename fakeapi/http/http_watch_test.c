/* SPDX-License-Identifier: Apache-2.0 */
/* Watches over WebSockets: what the client reads off the socket, byte by byte. */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/http/http_fixture.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/server/fakeapi.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_MAX = 3000, QUIET_TURNS = 20, ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

#define ORIGIN "Origin: http://h\r\n"
#define NORMAL_CLOSE "\x88\x02\x03\xe8"

struct fixture {
    struct fixture_server served;
    int client;
    bool is_open;
    struct buf answer;
};

static void begin(struct fixture *fixture) {
    *fixture = (struct fixture){.is_open = true};
    fixture_serve(&fixture->served);
    buf_init(&fixture->answer, ANSWER_BYTES_MAX);
    fixture->client = fixture_connect(fixture->served.server);
}

static void end(struct fixture *fixture) {
    fixture_end(&fixture->served);
    close(fixture->client);
    buf_release(&fixture->answer);
}

static void turn(struct fixture *fixture) {
    struct pollfd descriptors[] = {{http_server_descriptor(fixture->served.server), POLLIN, 0}};
    poll(descriptors, 1, 1);
    http_server_run(fixture->served.server);
}

static void read_some(struct fixture *fixture) {
    char bytes[64 * 1024];
    ssize_t got = recv(fixture->client, bytes, sizeof(bytes), 0);
    fixture->is_open &= got != 0;
    if (got > 0)
        CHECK(buf_append(&fixture->answer, (struct sv){bytes, (size_t)got}));
}

static void send_bytes(struct fixture *fixture, struct sv bytes) {
    for (size_t i = 0; i < TURNS_MAX && bytes.len > 0; i++) {
        ssize_t sent = send(fixture->client, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent > 0)
            bytes = sv_drop(bytes, (size_t)sent);
        turn(fixture);
    }
}

static bool await(struct fixture *fixture, struct sv text) {
    for (size_t i = 0; i < TURNS_MAX && fixture->is_open; i++) {
        if (sv_contains(buf_view(&fixture->answer), text))
            return true;
        turn(fixture);
        read_some(fixture);
    }
    return sv_contains(buf_view(&fixture->answer), text);
}

static bool await_end(struct fixture *fixture) {
    for (size_t i = 0; i < TURNS_MAX && fixture->is_open; i++) {
        turn(fixture);
        read_some(fixture);
    }
    return !fixture->is_open;
}

/* Of the first byte of `text`, which has to be there. */
static size_t offset_of(struct sv bytes, struct sv text) {
    const char *found = memmem(bytes.ptr, bytes.len, text.ptr, text.len);
    assert(found);
    return (size_t)(found - bytes.ptr);
}

static void upgrade(struct fixture *fixture, const char *query, const char *headers) {
    AUTO(arena) arena = arena_new();
    send_bytes(fixture,
               arena_printf(arena,
                            "GET /api/v1/namespaces/default/configmaps?watch=1%s HTTP/1.1\r\n"
                            "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\n%s\r\n",
                            query, headers));
}

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* The payload of a frame that begins at `at` and has a length of two bytes. */
static struct sv payload_at(struct sv bytes, size_t at) {
    struct sv frame = sv_drop(bytes, at);
    CHECK(frame.len > 4 && frame.ptr[1] == 126);
    size_t len = (size_t)((unsigned char)frame.ptr[2] << 8 | (unsigned char)frame.ptr[3]);
    return sv_prefix(sv_drop(frame, 4), len);
}

TEST(an_event_is_a_text_message) {
    struct fixture fixture;
    begin(&fixture);
    fixture_create_config_map(fixture.served.api, "before", 1);
    upgrade(&fixture, "", KEY ORIGIN "Sec-WebSocket-Protocol: base64.binary.k8s.io\r\n");
    CHECK(await(&fixture, SV("HTTP/1.1 101 ")));
    CHECK(await(&fixture, SV("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")));
    CHECK(await(&fixture, SV("Sec-WebSocket-Protocol: base64.binary.k8s.io\r\n")));
    CHECK(await(&fixture, SV("\"name\":\"before\"")));
    fixture_create_config_map(fixture.served.api, "one", 1);
    fixture_create_config_map(fixture.served.api, "two", 1);
    CHECK(await(&fixture, SV("\"name\":\"two\"")));
    struct sv all = buf_view(&fixture.answer);
    struct sv frames = sv_drop(all, offset_of(all, SV("\r\n\r\n")) + 4);
    static const char *const names[] = {"before", "one", "two"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        CHECK(frames.len > 0 && (unsigned char)frames.ptr[0] == 0x81);
        struct sv payload = payload_at(frames, 0);
        const struct cJSON *event = json_read(arena, payload, &err);
        CHECK_SV(json_find_string(event, "type"), SV("ADDED"));
        CHECK_SV(json_find_string(event, "object.metadata.name"), sv_from(names[i]));
        frames = sv_drop(frames, payload.len + 4);
    }
    CHECK(frames.len == 0);
    end(&fixture);
}

TEST(protobuf_comes_in_binary_messages) {
    struct fixture fixture;
    begin(&fixture);
    fixture_create_config_map(fixture.served.api, "one", 1);
    upgrade(&fixture, "",
            KEY ORIGIN "Accept: application/vnd.kubernetes.protobuf;stream=watch\r\n");
    /* Nothing stands before the event: its first field is its type. */
    CHECK(await(&fixture, SV("\x0a\x05"
                             "ADDED")));
    struct sv all = buf_view(&fixture.answer);
    size_t at = offset_of(all, SV("\r\n\r\n")) + 4;
    CHECK((unsigned char)all.ptr[at] == 0x82);
    CHECK(sv_starts_with(payload_at(all, at), SV("\x0a\x05"
                                                 "ADDED")));
    CHECK(!sv_contains(sv_prefix(all, at), SV("Sec-WebSocket-Protocol")));
    end(&fixture);
}

TEST(pings_are_answered_and_messages_are_not) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "", KEY ORIGIN);
    CHECK(await(&fixture, SV("\r\n\r\n")));
    buf_consume(&fixture.answer, buf_view(&fixture.answer).len);
    /* Masked with zero, which is a mask. */
    send_bytes(&fixture, SV("\x82\x82\0\0\0\0ab"));
    send_bytes(&fixture, SV("\x89\x82\0\0\0\0hi"));
    CHECK(await(&fixture, SV("\x8a\x02hi")));
    CHECK(buf_view(&fixture.answer).len == 4);
    fixture_create_config_map(fixture.served.api, "later", 1);
    CHECK(await(&fixture, SV("\"name\":\"later\"")));
    end(&fixture);
}

TEST(a_watch_ends_with_a_close_frame) {
    static const struct {
        const char *query;
        int64_t after_ms;
        bool is_closed_by_client;
    } rows[] = {
        {"&timeoutSeconds=5", 6000, false},
        {"", 0, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        begin(&fixture);
        upgrade(&fixture, rows[i].query, KEY ORIGIN);
        CHECK(await(&fixture, SV("\r\n\r\n")));
        for (size_t j = 0; j < QUIET_TURNS; j++)
            turn(&fixture);
        read_some(&fixture);
        CHECK(sv_ends_with(buf_view(&fixture.answer), SV("\r\n\r\n")));
        fixture.served.clock.now_ms += rows[i].after_ms;
        if (rows[i].is_closed_by_client)
            send_bytes(&fixture, SV("\x88\x82\0\0\0\0\x03\xe8"));
        CHECK(await_end(&fixture));
        CHECK(sv_ends_with(buf_view(&fixture.answer), SV("\r\n\r\n" NORMAL_CLOSE)));
        end(&fixture);
    }
}

TEST(bookmarks_are_messages) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "&allowWatchBookmarks=true", KEY ORIGIN);
    CHECK(await(&fixture, SV("\r\n\r\n")));
    for (size_t i = 0; i < QUIET_TURNS; i++)
        turn(&fixture);
    fixture.served.clock.now_ms += 61000;
    CHECK(await(&fixture, SV("{\"type\":\"BOOKMARK\"")));
    end(&fixture);
}

/* More than sockets hold: the rest waits until the client reads, and nothing is lost. */
TEST(a_slow_client_gets_everything_in_order) {
    enum { OBJECTS = 40, DATA_BYTES = 500 * 1000 };
    struct fixture fixture;
    begin(&fixture);
    for (int i = 0; i < OBJECTS; i++) {
        char name[] = "m00";
        name[1] = (char)('0' + i / 10), name[2] = (char)('0' + i % 10);
        fixture_create_config_map(fixture.served.api, name, DATA_BYTES);
    }
    upgrade(&fixture, "", KEY ORIGIN);
    for (size_t i = 0; i < QUIET_TURNS; i++)
        turn(&fixture);
    CHECK(await(&fixture, SV("\"name\":\"m39\"")));
    size_t count = 0;
    for (struct sv rest = buf_view(&fixture.answer); sv_contains(rest, SV("{\"type\":\"ADDED\""));
         count++)
        rest = sv_drop(rest, offset_of(rest, SV("{\"type\":\"ADDED\"")) + 1);
    CHECK(count == OBJECTS);
    end(&fixture);
}

TEST(a_client_that_goes_leaves_nothing) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "", KEY ORIGIN);
    CHECK(await(&fixture, SV("\r\n\r\n")));
    shutdown(fixture.client, SHUT_RDWR);
    for (size_t i = 0; i < QUIET_TURNS; i++)
        turn(&fixture);
    fixture_create_config_map(fixture.served.api, "later", 1);
    for (size_t i = 0; i < QUIET_TURNS; i++)
        turn(&fixture);
    end(&fixture);
}

static void handle(struct fixture *fixture, enum verb verb, const char *name, const char *body) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct request request = {.verb = verb,
                              .group = SV("apiextensions.k8s.io"),
                              .version = SV("v1"),
                              .plural = SV("customresourcedefinitions"),
                              .name = sv_from(name),
                              .body = body ? json_read(arena, sv_from(body), &err) : NULL};
    struct api_response response;
    fakeapi_handle(fixture->served.api, &request, SV("test"), arena, &response);
    CHECK(response.http_status < 300);
}

/* Also of one that selects nothing, which no write concerns. */
TEST(watches_of_a_deleted_type_end) {
    static const struct {
        const char *query, *headers;
        struct sv last;
    } rows[] = {
        {"", "", SV("\r\n0\r\n\r\n")},
        {"&labelSelector=a%3Db", "", SV("\r\n0\r\n\r\n")},
        {"&labelSelector=a%3Db",
         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" KEY ORIGIN,
         SV(NORMAL_CLOSE)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena) arena = arena_new();
        struct fixture fixture;
        begin(&fixture);
        handle(&fixture, VERB_CREATE, "",
               "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
               "\"Namespaced\",\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{"
               "\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
               "\"type\":\"object\"}}}]}}");
        send_bytes(&fixture, arena_printf(arena,
                                          "GET /apis/x.io/v1/foos?watch=1%s HTTP/1.1\r\n"
                                          "Host: h\r\n%s\r\n",
                                          rows[i].query, rows[i].headers));
        CHECK(await(&fixture, SV("\r\n\r\n")));
        fixture_create_config_map(fixture.served.api, "other", 1);
        for (size_t k = 0; k < QUIET_TURNS; k++)
            turn(&fixture);
        read_some(&fixture);
        CHECK(fixture.is_open);
        CHECK(!sv_ends_with(buf_view(&fixture.answer), rows[i].last));
        handle(&fixture, VERB_DELETE, "foos.x.io", NULL);
        CHECK(await(&fixture, rows[i].last));
        CHECK(sv_ends_with(buf_view(&fixture.answer), rows[i].last));
        end(&fixture);
    }
}

TEST(a_bad_handshake_is_refused) {
    static const struct {
        const char *headers, *status, *message;
    } rows[] = {
        {ORIGIN, "HTTP/1.1 400 ", "has no Sec-WebSocket-Key"},
        {KEY, "HTTP/1.1 403 ", "has no Origin header"},
        {KEY ORIGIN "Sec-WebSocket-Protocol: a, b\r\n", "HTTP/1.1 400 ",
         "one WebSocket subprotocol"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        begin(&fixture);
        upgrade(&fixture, "", rows[i].headers);
        CHECK(await(&fixture, sv_from(rows[i].message)));
        CHECK(sv_starts_with(buf_view(&fixture.answer), sv_from(rows[i].status)));
        end(&fixture);
    }
}
