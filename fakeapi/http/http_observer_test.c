/* SPDX-License-Identifier: Apache-2.0 */
/* Observers of a world see what comes over sockets too, and what they decide happens to it: whether
 * the server answers itself or is a front that passes requests on. */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURNS_MAX = 10000,
    TURNS_QUIET = 50, /* in which nothing may come */
    ANSWER_BYTES = 64 * 1024,
    DELAY_MS = 5000,
};

#define CONFIG_MAPS "/api/v1/namespaces/default/configmaps"

struct set_clock {
    struct clock clock; /* first */
    int64_t now_ms;
};

static int64_t set_now_ms(struct clock *clock) {
    return ((struct set_clock *)clock)->now_ms;
}

/* What the observer decides, and what it heard. */
struct seen {
    struct request_fate fate;
    size_t asked_count, told_count;
    int http_status;
    bool has_body;
};

static void before(void *context, struct sv user_agent, const struct request *request,
                   struct request_fate *fate) {
    struct seen *seen = context;
    if (!sv_eq(user_agent, SV("client")))
        return;
    CHECK_SV(request->plural, SV("configmaps"));
    *fate = seen->fate;
    seen->asked_count++;
}

static void after(void *context, struct sv user_agent, const struct request *request,
                  int http_status, const struct cJSON *body) {
    struct seen *seen = context;
    (void)request;
    if (!sv_eq(user_agent, SV("client")))
        return;
    seen->told_count++;
    seen->http_status = http_status;
    seen->has_body = body != NULL;
}

struct fixture {
    struct set_clock clock;
    struct world *world;
    struct authenticator *authenticator;
    struct world *elsewhere; /* behind a front; NULL: the server answers itself */
    struct http_upstream upstream;
    struct http_server *server;
};

#define TEST_BOTH(name)                                                                            \
    static void name(bool is_front);                                                               \
    TEST(name##_of_a_server) {                                                                     \
        name(false);                                                                               \
    }                                                                                              \
    TEST(name##_of_a_front) {                                                                      \
        name(true);                                                                                \
    }                                                                                              \
    static void name(bool is_front)

static void begin(struct fixture *fixture, bool is_front) {
    struct error err = {0};
    fixture->clock = (struct set_clock){{set_now_ms}, INT64_C(1767225600000)};
    fixture->world = world_new(&(struct world_options){.seed = 1, .wall = &fixture->clock.clock});
    fixture->authenticator = authenticator_new();
    fixture->elsewhere = NULL;
    if (is_front) {
        fixture->elsewhere =
            world_new(&(struct world_options){.seed = 1, .wall = &fixture->clock.clock});
        fixture->upstream = (struct http_upstream){
            .requests = world_connect(fixture->elsewhere, SV("front")),
            .execs = world_connect(fixture->elsewhere, SV("front")),
        };
    }
    fixture->server = http_server_new(
        &(struct http_server_options){.api = world_api(fixture->world),
                                      .world = fixture->world,
                                      .clock = &fixture->clock.clock,
                                      .log = log_none(),
                                      .address = SV("127.0.0.1"),
                                      .authenticator = fixture->authenticator,
                                      .upstream = is_front ? &fixture->upstream : NULL},
        &err);
    assert(fixture->server);
}

static void end(struct fixture *fixture) {
    http_server_free(fixture->server);
    authenticator_free(fixture->authenticator);
    world_free(fixture->elsewhere);
    world_free(fixture->world);
}

/* A connection over which the request was sent. */
static int ask(struct fixture *fixture, struct sv request) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int code = connect(client, (const struct sockaddr *)&address, sizeof(address));
    assert(code == 0 && send(client, request.ptr, request.len, MSG_NOSIGNAL) > 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    return client;
}

/* Appends what comes in so many turns, or until the server closes: then true. */
static bool read_answer(struct fixture *fixture, int client, size_t turns, char *answer,
                        size_t *len) {
    bool is_closed = false;
    for (size_t i = 0; i < turns && !is_closed; i++) {
        struct pollfd descriptors[] = {{http_server_descriptor(fixture->server), POLLIN, 0},
                                       {client, POLLIN, 0}};
        poll(descriptors, 2, 1);
        http_server_run(fixture->server);
        if (fixture->elsewhere)
            world_run_due(fixture->elsewhere);
        ssize_t got = recv(client, answer + *len, ANSWER_BYTES - 1 - *len, 0);
        is_closed = got == 0;
        *len += got > 0 ? (size_t)got : 0;
    }
    answer[*len] = '\0';
    return is_closed;
}

/* Sends one request; returns what came until the server closed. */
static size_t exchange(struct fixture *fixture, struct sv request, char *answer) {
    size_t len = 0;
    int client = ask(fixture, request);
    read_answer(fixture, client, TURNS_MAX, answer, &len);
    close(client);
    return len;
}

static struct sv create_request(struct arena *arena, const char *name) {
    struct sv body = arena_printf(
        arena, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\"}}",
        name);
    return arena_printf(arena,
                        "POST " CONFIG_MAPS " HTTP/1.1\r\nHost: h\r\nUser-Agent: client/1.2 (x)\r\n"
                        "Connection: close\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%.*s",
                        body.len, SV_ARG(body));
}

static bool exists(struct fixture *fixture, struct arena *arena, const char *name) {
    char answer[ANSWER_BYTES];
    exchange(fixture,
             arena_printf(arena,
                          "GET " CONFIG_MAPS "/%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                          name),
             answer);
    return strstr(answer, "HTTP/1.1 200") != NULL;
}

static const struct {
    const char *name;
    struct request_fate fate;
    const char *answer; /* its beginning; "": the connection closes without one */
    const char *holds;
    int http_status;
    bool is_applied;
} cases[] = {
    {"passed", {.verdict = VERDICT_PASS}, "HTTP/1.1 201", "\"name\":\"passed\"", 201, true},
    {"refused",
     {.verdict = VERDICT_ANSWER,
      .http_status = 429,
      .reason = {"TooManyRequests", 15},
      .message = {"wait", 4},
      .retry_after_s = 7},
     "HTTP/1.1 429",
     "Retry-After: 7",
     429,
     false},
    {"lost", {.verdict = VERDICT_LOSE_REQUEST}, "", "", 0, false},
    {"unanswered", {.verdict = VERDICT_LOSE_REPLY}, "", "", 0, true},
};

TEST_BOTH(requests_over_sockets_meet_what_observers_decide) {
    struct fixture fixture;
    begin(&fixture, is_front);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        char answer[ANSWER_BYTES];
        struct seen seen = {.fate = cases[i].fate};
        world_add_observer(fixture.world, &(struct observer){before, after, &seen});
        size_t len = exchange(&fixture, create_request(arena, cases[i].name), answer);
        world_remove_observer(fixture.world, &seen);
        CHECK((len == 0) == (cases[i].answer[0] == '\0'));
        CHECK(strncmp(answer, cases[i].answer, strlen(cases[i].answer)) == 0);
        CHECK(strstr(answer, cases[i].holds) != NULL);
        CHECK(seen.asked_count == 1 && seen.told_count == 1);
        CHECK(seen.http_status == cases[i].http_status);
        CHECK(exists(&fixture, arena, cases[i].name) == cases[i].is_applied);
    }
    end(&fixture);
}

static const struct {
    const char *name;
    enum verdict verdict;
    const char *answer; /* "": the connection closes without one */
    bool is_applied;
} late[] = {
    {"slow", VERDICT_PASS, "HTTP/1.1 201", true},
    {"hangs", VERDICT_LOSE_REQUEST, "", false},
    {"refused-late", VERDICT_ANSWER, "HTTP/1.1 429", false},
    {"unanswered-late", VERDICT_LOSE_REPLY, "", true},
};

/* What is written is written at once; only the answer waits. */
TEST_BOTH(answers_come_as_late_as_observers_decide) {
    for (size_t i = 0; i < COUNT_OF(late); i++) {
        struct fixture fixture;
        begin(&fixture, is_front);
        AUTO(arena) arena = arena_new();
        char answer[ANSWER_BYTES];
        size_t len = 0;
        struct seen seen = {.fate = {.verdict = late[i].verdict,
                                     .http_status = 429,
                                     .reason = SV("TooManyRequests"),
                                     .message = SV("wait"),
                                     .delay_ms = DELAY_MS}};
        world_add_observer(fixture.world, &(struct observer){before, after, &seen});
        int client = ask(&fixture, create_request(arena, late[i].name));
        CHECK(!read_answer(&fixture, client, TURNS_QUIET, answer, &len) && len == 0);
        CHECK(exists(&fixture, arena, late[i].name) == late[i].is_applied);
        fixture.clock.now_ms += DELAY_MS;
        CHECK(read_answer(&fixture, client, TURNS_MAX, answer, &len));
        CHECK((len == 0) == (late[i].answer[0] == '\0'));
        CHECK(strncmp(answer, late[i].answer, strlen(late[i].answer)) == 0);
        CHECK(seen.asked_count == 1);
        close(client);
        end(&fixture);
    }
}

/* Or a server would keep what nobody waits for: its connections are counted. */
TEST_BOTH(who_gives_up_on_a_late_answer_is_noticed) {
    struct fixture fixture;
    begin(&fixture, is_front);
    AUTO(arena) arena = arena_new();
    char answer[ANSWER_BYTES];
    size_t len = 0;
    struct seen seen = {.fate = {.verdict = VERDICT_LOSE_REQUEST, .delay_ms = DELAY_MS}};
    world_add_observer(fixture.world, &(struct observer){before, after, &seen});
    int client = ask(&fixture, create_request(arena, "given-up"));
    CHECK(!read_answer(&fixture, client, TURNS_QUIET, answer, &len));
    shutdown(client, SHUT_WR);
    CHECK(read_answer(&fixture, client, TURNS_MAX, answer, &len) && len == 0);
    close(client);
    end(&fixture);
}

/* And so that a server ends although somebody waits. */
TEST_BOTH(a_server_ends_before_its_late_answers_are_due) {
    struct fixture fixture;
    begin(&fixture, is_front);
    AUTO(arena) arena = arena_new();
    char answer[ANSWER_BYTES];
    size_t len = 0;
    struct seen seen = {.fate = {.verdict = VERDICT_PASS, .delay_ms = DELAY_MS}};
    world_add_observer(fixture.world, &(struct observer){before, after, &seen});
    int client = ask(&fixture, create_request(arena, "slow"));
    CHECK(!read_answer(&fixture, client, TURNS_QUIET, answer, &len));
    end(&fixture);
    CHECK(recv(client, answer, sizeof(answer), 0) > 0);
    close(client);
}

TEST_BOTH(events_of_a_watch_come_as_late_as_observers_decide) {
    struct fixture fixture;
    begin(&fixture, is_front);
    AUTO(arena) arena = arena_new();
    char answer[ANSWER_BYTES];
    size_t len = 0;
    struct seen seen = {.fate = {.verdict = VERDICT_PASS, .delay_ms = DELAY_MS}};
    world_add_observer(fixture.world, &(struct observer){before, after, &seen});
    int client = ask(&fixture, SV("GET " CONFIG_MAPS "?watch=1 HTTP/1.1\r\nHost: h\r\n"
                                  "User-Agent: client\r\n\r\n"));
    CHECK(!read_answer(&fixture, client, TURNS_QUIET, answer, &len));
    CHECK(strncmp(answer, "HTTP/1.1 200", 12) == 0);
    world_remove_observer(fixture.world, &seen);
    exchange(&fixture, create_request(arena, "first"), answer);
    fixture.clock.now_ms += DELAY_MS / 2;
    exchange(&fixture, create_request(arena, "second"), answer);
    len = 0;
    CHECK(!read_answer(&fixture, client, TURNS_QUIET, answer, &len) && len == 0);
    fixture.clock.now_ms += DELAY_MS / 2;
    read_answer(&fixture, client, TURNS_QUIET, answer, &len);
    CHECK(strstr(answer, "\"name\":\"first\"") && !strstr(answer, "\"name\":\"second\""));
    fixture.clock.now_ms += DELAY_MS / 2;
    len = 0;
    read_answer(&fixture, client, TURNS_QUIET, answer, &len);
    CHECK(!strstr(answer, "\"name\":\"first\"") && strstr(answer, "\"name\":\"second\""));
    close(client);
    end(&fixture);
}

/* The other server's refusals come as they are, and its watches end as they end there. */
TEST(a_front_says_what_the_server_behind_it_says) {
    static const struct {
        const char *target;
        const char *begins, *holds;
    } targets[] = {
        {CONFIG_MAPS "/absent", "HTTP/1.1 404", "configmaps \\\"absent\\\" not found"},
        {CONFIG_MAPS "?watch=1&resourceVersion=no", "HTTP/1.1 500", "resourceVersion"},
        {CONFIG_MAPS "?watch=1&timeoutSeconds=1", "HTTP/1.1 200", "\r\n0\r\n"},
        {CONFIG_MAPS, "HTTP/1.1 200", "\"kind\":\"ConfigMapList\""},
    };
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct fixture fixture;
        begin(&fixture, true);
        AUTO(arena) arena = arena_new();
        char answer[ANSWER_BYTES];
        size_t len = 0;
        int client = ask(&fixture, arena_printf(arena,
                                                "GET %s HTTP/1.1\r\nHost: h\r\n"
                                                "Connection: close\r\n\r\n",
                                                targets[i].target));
        read_answer(&fixture, client, TURNS_QUIET, answer, &len);
        fixture.clock.now_ms += 60 * 1000;
        CHECK(read_answer(&fixture, client, TURNS_MAX, answer, &len));
        CHECK(strncmp(answer, targets[i].begins, strlen(targets[i].begins)) == 0);
        CHECK(strstr(answer, targets[i].holds) != NULL);
        close(client);
        end(&fixture);
    }
}

/* Who goes while the other server thinks costs nothing from then on. */
TEST(a_front_forgets_clients_that_go) {
    struct fixture fixture;
    begin(&fixture, true);
    char answer[ANSWER_BYTES];
    size_t len = 0;
    int client = ask(&fixture, SV("GET " CONFIG_MAPS "?watch=1 HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(!read_answer(&fixture, client, TURNS_QUIET, answer, &len) && len > 0);
    shutdown(client, SHUT_WR);
    CHECK(read_answer(&fixture, client, TURNS_MAX, answer, &len));
    close(client);
    end(&fixture);
}
