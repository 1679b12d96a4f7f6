/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/nodes.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/data/json.h"

enum { ANSWERS_MAX = 16, STARTS_MAX = 64 };

/* A transport that writes down requests as "VERB plural/name" and answers them with a script of
 * codes, success where the script has ended, and `body`. */
struct recorder {
    struct transport transport;
    struct arena *arena;
    uint64_t start_count, answered_count;
    enum error_code answers[ANSWERS_MAX];
    const struct cJSON *body;
    struct sv lines[STARTS_MAX], bodies[STARTS_MAX];
    int64_t now_ms, times[STARTS_MAX];
};

static uint64_t record(struct transport *transport, const struct request *request) {
    struct recorder *recorder = (struct recorder *)transport;
    assert(recorder->start_count < STARTS_MAX);
    uint64_t at = recorder->start_count++;
    recorder->lines[at] =
        arena_printf(recorder->arena, "%.*s %.*s%s%.*s%s%.*s", SV_ARG(verb_text(request->verb)),
                     SV_ARG(request->plural), request->name.len ? "/" : "", SV_ARG(request->name),
                     request->subresource.len ? "/" : "", SV_ARG(request->subresource));
    recorder->bodies[at] =
        request->body ? json_write_arena(recorder->arena, request->body, JSON_COMPACT) : SV("");
    recorder->times[at] = recorder->now_ms;
    return recorder->start_count;
}

static bool answer(struct transport *transport, struct completion *ret_completion) {
    struct recorder *recorder = (struct recorder *)transport;
    if (recorder->answered_count == recorder->start_count)
        return false;
    uint64_t at = recorder->answered_count++;
    *ret_completion = (struct completion){.id = at + 1, .body = recorder->body};
    if (at < ANSWERS_MAX && recorder->answers[at] != ERROR_NONE)
        error_set(&ret_completion->err, recorder->answers[at], "not you");
    return true;
}

static struct recorder make_recorder(struct arena *arena, const char *body) {
    struct error err = {0};
    return (struct recorder){.transport = {.start = record, .take = answer},
                             .arena = arena,
                             .body = json_read(arena, sv_from(body), &err)};
}

#define NODE_BODY                                                                                  \
    "{\"metadata\":{\"name\":\"node-1\",\"uid\":\"u1\",\"resourceVersion\":\"7\","                 \
    "\"labels\":{\"ours\":\"true\"}}}"

/* Steps whenever something is due, until `until_ms`. */
static void run(struct nodes *nodes, struct recorder *recorder, int64_t until_ms) {
    for (;;) {
        int64_t next_ms = nodes_step(nodes, recorder->now_ms);
        if (recorder->answered_count < recorder->start_count)
            continue;
        if (next_ms > until_ms)
            return;
        recorder->now_ms = next_ms > recorder->now_ms ? next_ms : recorder->now_ms;
    }
}

TEST(a_node_registers_with_all_of_its_status_in_one_request_and_then_rests) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    struct nodes *nodes =
        nodes_new(&(struct nodes_options){.transport = &recorder.transport, .node_count = 1});
    CHECK(nodes_step(nodes, 0) == DEADLINE_NEVER);
    CHECK(nodes_registered_count(nodes) == 0);
    CHECK_SV(recorder.lines[0], SV("create nodes"));
    CHECK(sv_contains(recorder.bodies[0], SV("\"kubernetes.io/hostname\":\"node-1\"")));
    CHECK(sv_contains(recorder.bodies[0], SV("\"allocatable\":{\"cpu\":\"16\"")));
    CHECK(sv_contains(recorder.bodies[0], SV("{\"type\":\"Ready\",\"status\":\"True\"")));
    CHECK(sv_contains(recorder.bodies[0], SV("\"kubeletVersion\":\"v1.34.0\"")));
    CHECK(sv_contains(recorder.bodies[0], SV("\"address\":\"10.1.0.1\"")));
    run(nodes, &recorder, 3600 * 1000);
    CHECK(nodes_registered_count(nodes) == 1);
    CHECK(recorder.start_count == 1); /* there are no heartbeats */
    nodes_free(nodes);
}

TEST(a_node_whose_kubelet_can_be_asked_says_where) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    struct nodes *nodes =
        nodes_new(&(struct nodes_options){.transport = &recorder.transport, .node_count = 1});
    nodes_set_kubelet_port(nodes, 4321);
    nodes_step(nodes, 0);
    CHECK(sv_contains(recorder.bodies[0], SV("\"address\":\"127.0.0.1\"")));
    CHECK(sv_contains(recorder.bodies[0], SV("\"kubeletEndpoint\":{\"Port\":4321}")));
    /* API servers prefer it, and nobody can look it up. */
    CHECK(!sv_contains(recorder.bodies[0], SV("Hostname")));
    nodes_free(nodes);
}

/* What the server answers to the first requests, and the requests that are to come; "" ends. */
static const struct {
    enum error_code answers[4];
    const char *label;
    bool has_heartbeats;
    const char *lines[6];
    size_t registered, refused;
} conversations[] = {
    {{ERROR_ALREADY_EXISTS},
     "",
     false,
     {"create nodes", "get nodes/node-1", "patch nodes/node-1/status", ""},
     1,
     0},
    {{ERROR_ALREADY_EXISTS},
     "ours",
     false,
     {"create nodes", "get nodes/node-1", "patch nodes/node-1/status", ""},
     1,
     0},
    {{ERROR_ALREADY_EXISTS}, "others", false, {"create nodes", "get nodes/node-1", ""}, 0, 1},
    {{ERROR_ALREADY_EXISTS, ERROR_NOT_FOUND},
     "",
     false,
     {"create nodes", "get nodes/node-1", "create nodes", ""},
     1,
     0},
    {{ERROR_UNAVAILABLE, ERROR_INTERNAL},
     "",
     false,
     {"create nodes", "create nodes", "create nodes", ""},
     1,
     0},
    {{ERROR_NONE, ERROR_ALREADY_EXISTS},
     "",
     true,
     {"create nodes", "create leases", "get leases/node-1", "update leases/node-1"},
     1,
     0},
    {{ERROR_NONE, ERROR_NONE, ERROR_CONFLICT},
     "",
     true,
     {"create nodes", "create leases", "update leases/node-1", "get leases/node-1",
      "update leases/node-1"},
     1,
     0},
    /* The node was deleted, and its lease with it: it comes back. */
    {{ERROR_NONE, ERROR_NONE, ERROR_NOT_FOUND, ERROR_NOT_FOUND},
     "",
     true,
     {"create nodes", "create leases", "update leases/node-1", "get nodes/node-1", "create nodes",
      "create leases"},
     1,
     0},
};

TEST(a_node_follows_what_the_server_says_about_it) {
    for (size_t i = 0; i < COUNT_OF(conversations); i++) {
        AUTO(arena) arena = arena_new();
        struct recorder recorder = make_recorder(arena, NODE_BODY);
        memcpy(recorder.answers, conversations[i].answers, sizeof(conversations[i].answers));
        struct nodes *nodes = nodes_new(&(struct nodes_options){
            .transport = &recorder.transport,
            .node_count = 1,
            .has_heartbeats = conversations[i].has_heartbeats,
            .label = sv_from(conversations[i].label),
        });
        run(nodes, &recorder, 30 * 1000);
        for (size_t j = 0; j < COUNT_OF(conversations[i].lines); j++) {
            const char *line = conversations[i].lines[j];
            if (!line)
                break;
            CHECK_SV(j < recorder.start_count ? recorder.lines[j] : SV(""), sv_from(line));
        }
        CHECK(nodes_registered_count(nodes) == conversations[i].registered);
        CHECK(nodes_refused_count(nodes) == conversations[i].refused);
        nodes_free(nodes);
    }
}

TEST(a_server_that_fails_is_asked_ever_more_rarely) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        recorder.answers[i] = ERROR_UNAVAILABLE;
    struct nodes *nodes =
        nodes_new(&(struct nodes_options){.transport = &recorder.transport, .node_count = 1});
    run(nodes, &recorder, 30 * 1000);
    static const int64_t times[] = {0, 1000, 3000, 7000, 15000, 23000};
    CHECK(recorder.start_count == COUNT_OF(times));
    for (size_t i = 0; i < COUNT_OF(times) && i < recorder.start_count; i++)
        CHECK(recorder.times[i] == times[i]);
    nodes_free(nodes);
}

struct counting_log {
    struct log log;
    size_t count;
    char last[256];
};

static void count_line(struct log *log, enum log_level level, struct sv line) {
    struct counting_log *counting = (struct counting_log *)log;
    CHECK(level == LOG_WARNING);
    counting->count++;
    snprintf(counting->last, sizeof(counting->last), "%.*s", SV_ARG(line));
}

/* Not once for each node and try. */
TEST(what_stands_in_the_way_is_told_once_a_minute) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    struct counting_log told = {.log = {.write = count_line, .level_max = LOG_WARNING}};
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        recorder.answers[i] = ERROR_UNAUTHORIZED;
    struct nodes *nodes = nodes_new(&(struct nodes_options){
        .transport = &recorder.transport, .node_count = 2, .log = &told.log});
    run(nodes, &recorder, 1000);
    CHECK(told.count == 1 && recorder.start_count == 4);
    CHECK_SV(sv_from(told.last), SV("node node-1, and maybe others: not you; it is tried again"));
    run(nodes, &recorder, 59 * 1000);
    CHECK(told.count == 1);
    nodes_free(nodes);
}

/* What one lease says, and that nothing else is written while nothing changes. */
TEST(heartbeats_renew_the_lease_every_ten_seconds_and_report_every_five_minutes) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    struct nodes *nodes = nodes_new(&(struct nodes_options){
        .transport = &recorder.transport, .node_count = 1, .has_heartbeats = true, .seed = 3});
    run(nodes, &recorder, 5 * 60 * 1000);
    CHECK(sv_contains(recorder.bodies[1], SV("\"holderIdentity\":\"node-1\"")));
    CHECK(sv_contains(recorder.bodies[1], SV("\"leaseDurationSeconds\":40")));
    CHECK(sv_contains(recorder.bodies[1], SV("\"uid\":\"u1\"")));
    CHECK(!sv_contains(recorder.bodies[1], SV("resourceVersion")));
    CHECK(sv_contains(recorder.bodies[2], SV("\"resourceVersion\":\"7\"")));
    size_t reports = 0;
    int64_t renewed_ms = recorder.times[2];
    for (size_t i = 3; i < recorder.start_count; i++) {
        if (sv_eq(recorder.lines[i], SV("patch nodes/node-1/status"))) {
            reports++;
            CHECK(sv_contains(recorder.bodies[i], SV("{\"type\":\"Ready\",\"lastHeartbeatTime\"")));
            continue;
        }
        CHECK_SV(recorder.lines[i], SV("update leases/node-1"));
        CHECK(recorder.times[i] == renewed_ms + NODE_LEASE_RENEW_MS);
        renewed_ms = recorder.times[i];
    }
    CHECK(reports == 1);
    CHECK(recorder.start_count >= 3 + 29 && recorder.start_count <= 3 + 31);
    nodes_free(nodes);
}

/* From the moment it is off until it is on again; then it says anew how it is. */
TEST(a_machine_that_is_off_sends_nothing_and_reports_when_it_is_back) {
    static const bool has_heartbeats[] = {true, false};
    for (size_t i = 0; i < COUNT_OF(has_heartbeats); i++) {
        AUTO(arena) arena = arena_new();
        struct recorder recorder = make_recorder(arena, NODE_BODY);
        struct nodes *nodes =
            nodes_new(&(struct nodes_options){.transport = &recorder.transport,
                                              .node_count = 1,
                                              .has_heartbeats = has_heartbeats[i]});
        run(nodes, &recorder, 30 * 1000);
        uint64_t before = recorder.start_count;
        CHECK(nodes_stop(nodes, SV("node-1")));
        run(nodes, &recorder, 10 * 60 * 1000);
        CHECK(recorder.start_count == before);

        recorder.now_ms = 10 * 60 * 1000;
        CHECK(nodes_start(nodes, SV("node-1")));
        run(nodes, &recorder, 11 * 60 * 1000);
        CHECK(has_heartbeats[i] || recorder.start_count == before);
        if (has_heartbeats[i]) {
            CHECK_SV(recorder.lines[before], SV("patch nodes/node-1/status"));
            CHECK(sv_contains(recorder.bodies[before], SV("\"allocatable\"")));
            CHECK(recorder.times[before] == 10 * 60 * 1000);
            CHECK(recorder.start_count >= before + 6);
        }
        nodes_free(nodes);
    }
}

/* What was under way when it went is no answer to what it sends first when it is back. */
TEST(a_machine_that_is_back_at_once_waits_for_the_answer_of_before) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    struct nodes *nodes = nodes_new(&(struct nodes_options){
        .transport = &recorder.transport, .node_count = 2, .has_heartbeats = true});
    nodes_step(nodes, 0);
    CHECK(recorder.start_count == 2);
    CHECK(nodes_stop(nodes, SV("node-2")));
    CHECK(nodes_start(nodes, SV("node-2")));
    nodes_step(nodes, 0);
    nodes_step(nodes, 0);
    CHECK_SV(recorder.lines[1], SV("create nodes"));
    CHECK_SV(recorder.lines[2], SV("patch nodes/node-2/status"));
    CHECK_SV(recorder.lines[3], SV("create leases"));
    CHECK(nodes_registered_count(nodes) == 2);
    CHECK(!nodes_stop(nodes, SV("node-3")));
    CHECK(!nodes_start(nodes, SV("node-3")));
    nodes_free(nodes);
}

/* Or a server that serves a thousand nodes gets all of them in one moment. */
TEST(the_heartbeats_of_nodes_are_spread_over_their_period) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena, NODE_BODY);
    struct nodes *nodes = nodes_new(&(struct nodes_options){
        .transport = &recorder.transport, .node_count = 20, .has_heartbeats = true, .seed = 1});
    run(nodes, &recorder, 10 * 1000);
    CHECK(recorder.start_count >= 60);
    int64_t first_half = 0;
    for (size_t i = 40; i < 60; i++) {
        CHECK_SV(sv_prefix(recorder.lines[i], 13), SV("update leases"));
        first_half += recorder.times[i] < 5000;
    }
    CHECK(first_half >= 5 && first_half <= 15);
    nodes_free(nodes);
}
