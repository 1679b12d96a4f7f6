/* SPDX-License-Identifier: Apache-2.0 */
/* What is told arrives, also when the server does not take it at first, and as one record. */
#include "core/controller/events.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/controller/refusals.h"
#include "core/data/json.h"
#include "core/reconcile/plan.h"

enum { NOW_MS = 1767225600 };

/* Remembers the last request. */
struct server {
    struct transport transport; /* first */
    uint64_t ids;
    enum verb verb;
    int64_t count;
    struct arena *arena; /* NULL: the body is not kept */
    struct cJSON *body;
    struct log log;
    struct refusals *refusals;
    int told; /* lines of the log */
};

static uint64_t start(struct transport *transport, const struct request *request) {
    struct server *server = (struct server *)transport;
    server->verb = request->verb;
    server->count = json_find_int(request->body, "count", 0);
    if (server->arena)
        server->body = json_copy(server->arena, request->body);
    return ++server->ids;
}

static bool take_nothing(struct transport *transport, struct completion *ret_completion) {
    (void)transport, (void)ret_completion;
    return false;
}

static void cancel(struct transport *transport, uint64_t id) {
    (void)transport, (void)id;
}

static struct server server_new(void) {
    return (struct server){.transport = {start, take_nothing, cancel}};
}

static void count_line(struct log *log, enum log_level level, struct sv text) {
    (void)level, (void)text;
    ((struct server *)((char *)log - offsetof(struct server, log)))->told++;
}

static struct event_recorder *new_recorder(struct server *server) {
    server->log = (struct log){.write = count_line, .level_max = LOG_INFO};
    server->refusals = refusals_new(&server->log);
    return event_recorder_new(&server->transport, server->refusals, SV("controller"), SV("me"));
}

static void answer(struct event_recorder *recorder, uint64_t id, enum error_code code,
                   int64_t now_ms) {
    struct completion completion = {.id = id, .err = {.code = code}};
    CHECK(event_recorder_take(recorder, &completion, now_ms));
}

static void record_of(struct event_recorder *recorder, struct sv namespace_name, struct sv message,
                      int64_t now_ms) {
    struct action action = {
        .type = ACTION_EVENT,
        .event_kind = EVENT_WARNING,
        .resource = &RESOURCE_CACHE_RUNTIMES,
        .namespace_name = namespace_name,
        .name = SV("demo"),
        .object_uid = SV("u"),
        .reason = SV("MountFailed"),
        .message = message,
    };
    event_recorder_record(recorder, &action, now_ms);
}

static void record_in(struct event_recorder *recorder, struct sv namespace_name, int64_t now_ms) {
    record_of(recorder, namespace_name, SV("it did not"), now_ms);
}

static void record(struct event_recorder *recorder, int64_t now_ms) {
    record_in(recorder, SV("default"), now_ms);
}

static const struct {
    const char *what;
    enum error_code code; /* of the first answer */
    int64_t again_ms;     /* when it is sent again; 0: not at all */
} answers[] = {
    {"taken", ERROR_NONE, 0},
    {"taken before, and nobody heard", ERROR_ALREADY_EXISTS, 0},
    {"no answer", ERROR_UNAVAILABLE, EVENT_RETRY_MS},
    {"a server in trouble", ERROR_INTERNAL, EVENT_RETRY_MS},
    {"a namespace that goes", ERROR_FORBIDDEN, 0},
    {"no event", ERROR_INVALID, 0},
};

TEST(what_is_not_taken_is_sent_again) {
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct server server = server_new();
        struct event_recorder *recorder = new_recorder(&server);
        record(recorder, NOW_MS);
        CHECK(server.ids == 1 && server.verb == VERB_CREATE);
        answer(recorder, 1, answers[i].code, NOW_MS);
        int64_t due_ms = event_recorder_step(recorder, NOW_MS);
        CHECK(due_ms == (answers[i].again_ms ? NOW_MS + answers[i].again_ms : INT64_MAX));
        event_recorder_step(recorder, NOW_MS + EVENT_RETRY_MS);
        CHECK(server.ids == (answers[i].again_ms ? 2 : 1) && server.verb == VERB_CREATE);
        event_recorder_free(recorder);
        refusals_free(server.refusals);
    }
}

TEST(a_record_says_what_happened_to_whom) {
    static const struct {
        const char *path, *text;
    } fields[] = {
        {"metadata.namespace", "default"},
        {"involvedObject.kind", "CacheRuntime"},
        {"involvedObject.namespace", "default"},
        {"involvedObject.name", "demo"},
        {"involvedObject.uid", "u"},
        {"reason", "MountFailed"},
        {"message", "it did not"},
        {"type", "Warning"},
        {"count", "1"},
        {"source.component", "controller"},
        {"reportingComponent", "controller"},
        {"reportingInstance", "me"},
    };
    AUTO(arena) arena = arena_new();
    struct server server = server_new();
    server.arena = arena;
    struct event_recorder *recorder = new_recorder(&server);
    record(recorder, NOW_MS);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        CHECK_SV(json_text(json_find(server.body, fields[i].path)), sv_from(fields[i].text));
    /* What has no namespace is told of in "default". */
    record_in(recorder, SV(""), NOW_MS);
    CHECK_SV(json_find_string(server.body, "metadata.namespace"), SV("default"));
    event_recorder_free(recorder);
    refusals_free(server.refusals);
}

/* As long as the server takes it, and never half a character. */
TEST(a_long_message_is_cut) {
    enum { A_FEW = 10 };
    static const struct {
        const char *letter;
        size_t count, kept_bytes;
    } cases[] = {
        {"a", EVENT_MESSAGE_BYTES_MAX, EVENT_MESSAGE_BYTES_MAX},
        {"a", EVENT_MESSAGE_BYTES_MAX + 1, EVENT_MESSAGE_BYTES_MAX},
        {"\xc3\xa9", EVENT_MESSAGE_BYTES_MAX, EVENT_MESSAGE_BYTES_MAX},
        {"\xe2\x82\xac", EVENT_MESSAGE_BYTES_MAX, EVENT_MESSAGE_BYTES_MAX - 1},
        {"\xe2\x82\xac", A_FEW, 3 * A_FEW},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct server server = server_new();
        server.arena = arena;
        struct event_recorder *recorder = new_recorder(&server);
        struct buf text;
        buf_init(&text, 4 * EVENT_MESSAGE_BYTES_MAX);
        for (size_t j = 0; j < cases[i].count; j++)
            CHECK(buf_append(&text, sv_from(cases[i].letter)));
        record_of(recorder, SV("default"), buf_view(&text), NOW_MS);
        struct sv message = json_find_string(server.body, "message");
        CHECK(message.len == cases[i].kept_bytes);
        CHECK_SV(message, sv_prefix(buf_view(&text), message.len));
        buf_release(&text);
        event_recorder_free(recorder);
        refusals_free(server.refusals);
    }
}

/* The same again counts up, for ten minutes after the last time. */
TEST(what_happens_again_is_one_record_for_a_while) {
    AUTO(arena) arena = arena_new();
    struct server server = server_new();
    server.arena = arena;
    struct event_recorder *recorder = new_recorder(&server);
    static const struct {
        int64_t after_ms;
        enum verb verb;
        int64_t count;
    } steps[] = {{0, VERB_CREATE, 1},
                 {1000, VERB_PATCH, 2},
                 {EVENT_WINDOW_MS, VERB_PATCH, 3},
                 {EVENT_WINDOW_MS + 1, VERB_CREATE, 1}};
    int64_t now_ms = NOW_MS;
    struct sv last = SV("");
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        now_ms += steps[i].after_ms;
        record(recorder, now_ms);
        answer(recorder, server.ids, ERROR_NONE, now_ms);
        CHECK(server.verb == steps[i].verb && server.count == steps[i].count);
        struct sv time = json_find_string(server.body, "lastTimestamp");
        CHECK(time.len > 0 && !sv_eq(time, last));
        last = time;
    }
    event_recorder_free(recorder);
    refusals_free(server.refusals);
}

/* However often it happens meanwhile. */
TEST(occurrences_while_a_request_is_under_way_are_one_more) {
    struct server server = server_new();
    struct event_recorder *recorder = new_recorder(&server);
    for (int i = 0; i < 4; i++)
        record(recorder, NOW_MS + i);
    CHECK(server.ids == 1);
    answer(recorder, 1, ERROR_NONE, NOW_MS + 4);
    CHECK(server.ids == 2 && server.verb == VERB_PATCH && server.count == 4);
    answer(recorder, 2, ERROR_NONE, NOW_MS + 5);
    CHECK(server.ids == 2);
    event_recorder_free(recorder);
    refusals_free(server.refusals);
}

/* Events expire on the server. */
TEST(a_record_that_is_gone_is_made_again) {
    struct server server = server_new();
    struct event_recorder *recorder = new_recorder(&server);
    record(recorder, NOW_MS);
    answer(recorder, 1, ERROR_NONE, NOW_MS);
    record(recorder, NOW_MS + 1000);
    CHECK(server.verb == VERB_PATCH);
    answer(recorder, 2, ERROR_NOT_FOUND, NOW_MS + 1000);
    event_recorder_step(recorder, NOW_MS + 1000 + EVENT_RETRY_MS);
    CHECK(server.ids == 3 && server.verb == VERB_CREATE && server.count == 2);
    event_recorder_free(recorder);
    refusals_free(server.refusals);
}

TEST(it_is_let_go_in_the_end) {
    struct server server = server_new();
    struct event_recorder *recorder = new_recorder(&server);
    int64_t now_ms = NOW_MS;
    record(recorder, now_ms);
    for (uint64_t id = 1; id <= EVENT_TRIES_MAX; id++) {
        CHECK(server.ids == id);
        answer(recorder, id, ERROR_UNAVAILABLE, now_ms);
        now_ms += (int64_t)EVENT_RETRY_MS << EVENT_TRIES_MAX;
        event_recorder_step(recorder, now_ms);
    }
    CHECK(server.ids == EVENT_TRIES_MAX);
    CHECK(event_recorder_step(recorder, now_ms) == INT64_MAX);
    struct completion foreign = {.id = 99};
    CHECK(!event_recorder_take(recorder, &foreign, now_ms));
    event_recorder_free(recorder);
    refusals_free(server.refusals);
}

/* Whoever may patch but not create, in one of two namespaces, hears of it once. */
TEST(what_is_forbidden_is_told_by_verb_and_namespace) {
    struct server server = server_new();
    struct event_recorder *recorder = new_recorder(&server);
    static const struct {
        const char *namespace_name;
        enum error_code code;
        int told; /* by then */
    } steps[] = {
        {"good", ERROR_NONE, 0},  {"bad", ERROR_FORBIDDEN, 1}, {"good", ERROR_NONE, 1},
        {"good", ERROR_NONE, 1},  {"bad", ERROR_FORBIDDEN, 1}, {"other", ERROR_FORBIDDEN, 2},
        {"other", ERROR_NONE, 3},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        record_in(recorder, sv_from(steps[i].namespace_name), NOW_MS + (int64_t)i);
        answer(recorder, server.ids, steps[i].code, NOW_MS + (int64_t)i);
        CHECK(server.told == steps[i].told);
    }
    event_recorder_free(recorder);
    refusals_free(server.refusals);
}
