/* SPDX-License-Identifier: Apache-2.0 */
/* Exec over a WebSocket: the test masks frames and counts channels itself. */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_fixture.h"
#include "fakeapi/http/http_server.h"
#include "fakeapi/server/fakeapi.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_MAX = 3000, ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

#define POD                                                                                        \
    "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","    \
    "\"command\":[\"sh\",\"-c\",\"echo one; echo two; sleep infinity\"]}]}}"

struct fixture {
    struct fixture_clock clock;
    struct world *world;
    struct shell *shell;
    struct authenticator *authenticator;
    struct http_server *server;
    int client;
    struct buf answer;
};

/* A millisecond passes with each turn. */
static void turn(struct fixture *fixture) {
    struct pollfd descriptors[] = {{http_server_descriptor(fixture->server), POLLIN, 0}};
    poll(descriptors, 1, 1);
    fixture->clock.now_ms++;
    http_server_run(fixture->server);
}

static const struct cJSON *send_request(struct fixture *fixture, enum verb verb, struct sv name,
                                        const char *body, struct arena *arena) {
    struct error err = {0};
    struct request request = {.verb = verb,
                              .group = SV(""),
                              .version = SV("v1"),
                              .plural = SV("pods"),
                              .namespace_name = SV("default"),
                              .name = name,
                              .body = body ? json_read(arena, sv_from(body), &err) : NULL};
    struct api_response response;
    fakeapi_handle(world_api(fixture->world), &request, SV("test"), arena, &response);
    return response.http_status < 300 ? response.body : NULL;
}

static bool is_running(struct fixture *fixture) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *pod = send_request(fixture, VERB_GET, SV("p"), NULL, arena);
    return sv_eq(json_find_string(pod, "status.phase"), SV("Running"));
}

static void begin(struct fixture *fixture) {
    struct error err = {0};
    AUTO(arena) arena = arena_new();
    *fixture = (struct fixture){.clock = fixture_clock_begin()};
    fixture->world = world_new(&(struct world_options){
        .seed = 1, .node_count = 1, .wall = &fixture->clock.clock, .log = log_none()});
    fixture->shell = shell_new(fixture->world);
    fixture->authenticator = authenticator_new();
    fixture->server =
        http_server_new(&(struct http_server_options){.api = world_api(fixture->world),
                                                      .world = fixture->world,
                                                      .shell = fixture->shell,
                                                      .clock = &fixture->clock.clock,
                                                      .log = log_none(),
                                                      .address = SV("127.0.0.1"),
                                                      .authenticator = fixture->authenticator},
                        &err);
    assert(fixture->server);
    buf_init(&fixture->answer, ANSWER_BYTES_MAX);
    for (size_t i = 0; i < 100; i++)
        turn(fixture);
    CHECK(send_request(fixture, VERB_CREATE, SV(""), POD, arena) != NULL);
    for (size_t i = 0; i < TURNS_MAX && !is_running(fixture); i++)
        turn(fixture);
    CHECK(is_running(fixture));
    fixture->client = fixture_connect(fixture->server);
}

static void end(struct fixture *fixture) {
    close(fixture->client);
    buf_release(&fixture->answer);
    http_server_free(fixture->server);
    authenticator_free(fixture->authenticator);
    world_free(fixture->world);
    shell_free(fixture->shell);
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
    bool is_open = true;
    for (size_t i = 0; i < TURNS_MAX && is_open; i++) {
        if (sv_contains(buf_view(&fixture->answer), text))
            return true;
        turn(fixture);
        char bytes[4096];
        ssize_t got = recv(fixture->client, bytes, sizeof(bytes), 0);
        is_open = got != 0;
        if (got > 0 && !buf_append(&fixture->answer, (struct sv){bytes, (size_t)got}))
            return false;
    }
    return sv_contains(buf_view(&fixture->answer), text);
}

/* The mask is zero, which is a mask. */
static void send_message(struct fixture *fixture, struct sv message) {
    char frame[6 + 125] = {(char)0x82, (char)(0x80 | message.len)};
    assert(message.len <= 125);
    memcpy(frame + 6, message.ptr, message.len);
    send_bytes(fixture, (struct sv){frame, 6 + message.len});
}

static void upgrade(struct fixture *fixture, const char *path, const char *protocols) {
    AUTO(arena) arena = arena_new();
    send_bytes(fixture,
               arena_printf(arena,
                            "GET /api/v1/namespaces/default/pods/p/%s HTTP/1.1\r\nHost: h\r\n"
                            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                            "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                            "Sec-WebSocket-Protocol: %s\r\n\r\n",
                            path, protocols));
}

TEST(a_command_ends_with_its_output_and_exit_code) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture,
            "exec?command=sh&command=-c&command=echo+out%3B+echo+err+%3E%262%3B+exit+3"
            "&stdout=true&stderr=true",
            "v5.channel.k8s.io, v4.channel.k8s.io");
    CHECK(await(&fixture, SV("HTTP/1.1 101 ")));
    CHECK(await(&fixture, SV("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")));
    CHECK(await(&fixture, SV("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n")));
    CHECK(await(&fixture, SV("\x82\x01\x01"))); /* ready */
    CHECK(await(&fixture, SV("\x82\x05\x01out\n")));
    CHECK(await(&fixture, SV("\x82\x05\x02"
                             "err\n")));
    CHECK(await(&fixture, SV("\"reason\":\"ExitCode\",\"message\":\"3\"")));
    CHECK(await(&fixture, SV("\x88\x02\x03\xe8"))); /* closed normally, and last */
    CHECK(sv_ends_with(buf_view(&fixture.answer), SV("\x88\x02\x03\xe8")));
    end(&fixture);
}

TEST(input_ends_when_its_channel_is_closed) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "exec?command=cat&stdin=true&stdout=true", "v5.channel.k8s.io");
    CHECK(await(&fixture, SV("\x82\x01\x01")));
    send_message(&fixture, SV("\0ab"));
    send_message(&fixture, SV("\0cd"));
    send_message(&fixture, SV("\xff\0"));
    CHECK(await(&fixture, SV("\x82\x05\x01"
                             "abcd")));
    CHECK(await(&fixture, SV("\"status\":\"Success\"")));
    end(&fixture);
}

/* v4 cannot say that input has ended. */
TEST(input_of_v4_ends_with_a_pause) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "exec?command=cat&stdin=true&stdout=true", "v4.channel.k8s.io");
    CHECK(await(&fixture, SV("\x82\x01\x01")));
    send_message(&fixture, SV("\0ab"));
    CHECK(await(&fixture, SV("\x82\x03\x01"
                             "ab")));
    end(&fixture);
}

TEST(attach_shows_what_was_printed) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "attach?stdout=true", "v5.channel.k8s.io");
    CHECK(await(&fixture, SV("\x01one\ntwo\n")));
    end(&fixture);
}

TEST(a_log_is_served_with_its_options) {
    struct fixture fixture;
    begin(&fixture);
    send_bytes(&fixture, SV("GET /api/v1/namespaces/default/pods/p/log HTTP/1.1\r\nHost: "
                            "h\r\n\r\n"));
    CHECK(await(&fixture, SV("\r\n\r\none\ntwo\n")));
    send_bytes(&fixture, SV("GET /api/v1/namespaces/default/pods/p/log?tailLines=1&limitBytes=2 "
                            "HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(await(&fixture, SV("\r\n\r\ntw")));
    send_bytes(&fixture, SV("GET /api/v1/namespaces/default/pods/p/log?container=x "
                            "HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(await(&fixture, SV("container x is not valid for pod p")));
    end(&fixture);
}

TEST(a_client_that_goes_in_the_middle_leaves_nothing) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "exec?command=sleep&command=1000&stdout=true", "v5.channel.k8s.io");
    CHECK(await(&fixture, SV("\x82\x01\x01")));
    shutdown(fixture.client, SHUT_RDWR);
    for (size_t i = 0; i < 100; i++)
        turn(&fixture);
    end(&fixture);
}

TEST(frames_without_a_mask_end_the_session) {
    struct fixture fixture;
    begin(&fixture);
    upgrade(&fixture, "exec?command=cat&stdin=true&stdout=true", "v5.channel.k8s.io");
    CHECK(await(&fixture, SV("\x82\x01\x01")));
    send_bytes(&fixture, SV("\x82\x03\0ab\xff\xff\xff\xff"));
    CHECK(!await(&fixture, SV("never")));
    end(&fixture);
}
