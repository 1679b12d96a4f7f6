/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/forward.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/http/spdy.h"

#define POD                                                                                        \
    "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\"},\"spec\":{\"containers\":[{\"ports\":[{"         \
    "\"containerPort\":80}]}]}}"

struct fixture {
    struct arena *arena;
    struct spdy *spdy;
    struct forward *forward;
};

static void ignore_stream(void *context, uint32_t id, const struct spdy_header *headers,
                          size_t count) {
    (void)context, (void)id, (void)headers, (void)count;
}

static void ignore_data(void *context, uint32_t id, struct sv bytes, bool is_last) {
    (void)context, (void)id, (void)bytes, (void)is_last;
}

static struct fixture begin(void) {
    struct error err = {0};
    struct fixture fixture = {.arena = arena_new()};
    const struct cJSON *pod = json_read(fixture.arena, SV(POD), &err);
    assert(pod);
    fixture.spdy = spdy_new(&(struct spdy_events){ignore_stream, ignore_data, NULL});
    fixture.forward = forward_new(pod);
    return fixture;
}

static void end(struct fixture *fixture) {
    forward_free(fixture->forward);
    spdy_free(fixture->spdy);
    arena_free(fixture->arena);
}

static bool open_stream(struct fixture *fixture, uint32_t id, const char *type, const char *port,
                        const char *request_id) {
    const struct spdy_header headers[] = {{SV("streamtype"), sv_from(type)},
                                          {SV("port"), sv_from(port)},
                                          {SV("requestid"), sv_from(request_id)}};
    return forward_stream(fixture->forward, fixture->spdy, id, headers, COUNT_OF(headers));
}

static bool has_sent(struct fixture *fixture, const char *text) {
    return sv_contains(buf_view(spdy_output(fixture->spdy)), sv_from(text));
}

TEST(a_declared_port_answers_once_the_request_is_there) {
    struct fixture fixture = begin();
    CHECK(open_stream(&fixture, 1, "error", "80", "0"));
    CHECK(open_stream(&fixture, 3, "data", "80", "0"));
    CHECK(
        forward_data(fixture.forward, fixture.spdy, 3, SV("GET / HTTP/1.1\r\nHost: h\r\n"), false));
    CHECK(!has_sent(&fixture, "200 OK"));
    CHECK(forward_data(fixture.forward, fixture.spdy, 3, SV("\r\n"), false));
    CHECK(has_sent(&fixture, "HTTP/1.1 200 OK"));
    CHECK(has_sent(&fixture, "pod p, port 80\n"));
    /* What comes late is of a connection that has ended. */
    CHECK(forward_data(fixture.forward, fixture.spdy, 3, SV("more"), true));
    end(&fixture);
}

TEST(any_other_port_refuses) {
    struct fixture fixture = begin();
    CHECK(open_stream(&fixture, 1, "error", "81", "0"));
    CHECK(open_stream(&fixture, 3, "data", "81", "0"));
    CHECK(
        has_sent(&fixture, "failed to connect to localhost:81 inside the pod: connection refused"));
    end(&fixture);
}

TEST(what_is_too_much_is_refused) {
    struct fixture fixture = begin();
    CHECK(!open_stream(&fixture, 1, "error", "many", "0"));
    CHECK(!open_stream(&fixture, 1, "what", "80", "0"));
    char id[16];
    size_t opened = 0;
    for (uint32_t i = 0; i < FORWARD_CONNECTIONS_MAX + 1; i++) {
        snprintf(id, sizeof(id), "%u", i + 1);
        opened += open_stream(&fixture, 2 * i + 1, "error", "80", id);
    }
    CHECK(opened < FORWARD_CONNECTIONS_MAX + 1);
    end(&fixture);
}

TEST(a_head_without_end_closes_its_connection) {
    struct fixture fixture = begin();
    CHECK(open_stream(&fixture, 1, "error", "80", "0"));
    CHECK(open_stream(&fixture, 3, "data", "80", "0"));
    static const char bytes[FORWARD_REQUEST_BYTES_MAX + 1];
    CHECK(forward_data(fixture.forward, fixture.spdy, 3, (struct sv){bytes, sizeof(bytes)}, false));
    CHECK(has_sent(&fixture, "the request is too long"));
    end(&fixture);
}
