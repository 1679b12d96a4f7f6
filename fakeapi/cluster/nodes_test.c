/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/nodes.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/data/json.h"

/* A transport that keeps the last request as text and answers each with `answer`. */
struct recorder {
    struct transport transport;
    struct arena *arena;
    uint64_t start_count, answered_count;
    enum error_code answer;
    enum verb verb;
    struct sv name, subresource, body;
};

static uint64_t record(struct transport *transport, const struct request *request) {
    struct recorder *recorder = (struct recorder *)transport;
    recorder->verb = request->verb;
    if (request->name.len > 0)
        recorder->name = arena_copy(recorder->arena, request->name);
    recorder->subresource = request->subresource;
    recorder->body = json_write_arena(recorder->arena, request->body, JSON_COMPACT);
    return ++recorder->start_count;
}

static bool answer(struct transport *transport, struct completion *ret_completion) {
    struct recorder *recorder = (struct recorder *)transport;
    if (recorder->answered_count == recorder->start_count)
        return false;
    *ret_completion = (struct completion){.id = ++recorder->answered_count};
    ret_completion->err.code = recorder->answer;
    return true;
}

static struct recorder make_recorder(struct arena *arena) {
    return (struct recorder){.transport = {.start = record, .take = answer},
                             .arena = arena,
                             .name = SV(""),
                             .subresource = SV(""),
                             .body = SV("")};
}

TEST(a_node_is_created_and_then_reports_that_it_is_ready) {
    AUTO(arena) arena = arena_new();
    struct recorder recorder = make_recorder(arena);
    struct nodes *nodes = nodes_new(&recorder.transport, 1);
    CHECK(nodes_step(nodes, 0) == DEADLINE_NEVER);
    CHECK(recorder.verb == VERB_CREATE);
    CHECK(sv_contains(recorder.body, SV("\"kubernetes.io/hostname\":\"node-1\"")));
    CHECK(nodes_step(nodes, 0) == DEADLINE_NEVER);
    CHECK(recorder.verb == VERB_PATCH);
    CHECK_SV(recorder.name, SV("node-1"));
    CHECK_SV(recorder.subresource, SV("status"));
    CHECK(sv_contains(recorder.body, SV("\"allocatable\":{\"cpu\":\"16\",\"memory\":\"64Gi\"")));
    CHECK(sv_contains(recorder.body, SV("{\"type\":\"Ready\",\"status\":\"True\"")));
    CHECK(sv_contains(recorder.body, SV("\"kubeletVersion\":\"v1.34.0\"")));
    nodes_step(nodes, 0);
    nodes_step(nodes, 600000);
    CHECK(recorder.start_count == 2); /* nothing more: there are no heartbeats */
    nodes_free(nodes);
}

static const struct {
    enum error_code code;
    int64_t deadline_ms;
    enum verb next_verb;
} failures[] = {
    {ERROR_ALREADY_EXISTS, DEADLINE_NEVER, VERB_PATCH},
    {ERROR_UNAVAILABLE, 1000, VERB_CREATE},
    {ERROR_INTERNAL, 1000, VERB_CREATE},
};

TEST(a_refused_registration_is_tried_again_and_an_existing_node_is_taken_over) {
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        AUTO(arena) arena = arena_new();
        struct recorder recorder = make_recorder(arena);
        recorder.answer = failures[i].code;
        struct nodes *nodes = nodes_new(&recorder.transport, 1);
        nodes_step(nodes, 0);
        CHECK(nodes_step(nodes, 0) == failures[i].deadline_ms);
        if (failures[i].deadline_ms != DEADLINE_NEVER)
            nodes_step(nodes, failures[i].deadline_ms);
        CHECK(recorder.start_count == 2);
        CHECK(recorder.verb == failures[i].next_verb);
        nodes_free(nodes);
    }
}
