/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/test.h"
#include "core/client/transport.h"

enum { ANSWERS_MAX = 4 };

/* A server that gives the answers of a list, one after the other, and then the last one again. */
struct script {
    struct transport transport; /* first */
    struct completion answers[ANSWERS_MAX];
    size_t answer_count, start_count, taken_count, seen_count;
    int seen_status;
    int64_t now_ms;
};

static uint64_t start(struct transport *transport, const struct request *request) {
    (void)request;
    return ++((struct script *)transport)->start_count;
}

static bool take(struct transport *transport, struct completion *ret_completion) {
    struct script *script = (struct script *)transport;
    if (script->taken_count == script->start_count)
        return false;
    size_t at =
        script->taken_count < script->answer_count ? script->taken_count : script->answer_count - 1;
    *ret_completion = script->answers[at];
    ret_completion->id = ++script->taken_count;
    return true;
}

static void cancel(struct transport *transport, uint64_t id) {
    (void)transport, (void)id;
}

static int64_t now_of(void *context) {
    return ((struct script *)context)->now_ms;
}

static bool step(void *context, int64_t until_ms) {
    struct script *script = context;
    bool moves = until_ms > script->now_ms;
    script->now_ms = moves ? until_ms : script->now_ms;
    return moves;
}

static void see(void *context, const struct request *request, const struct completion *completion) {
    struct script *script = context;
    (void)request;
    script->seen_count++;
    script->seen_status = completion->http_status;
}

static void leave(void *context) {
    (void)context;
}

static struct session *session_of(struct script *script) {
    script->transport = (struct transport){.start = start, .take = take, .cancel = cancel};
    return session_new_with_driver(&(struct session_driver){
        .user = &script->transport,
        .namespace_name = SV(""),
        .now_ms = now_of,
        .step = step,
        .see_user = see,
        .free = leave,
        .context = script,
    });
}

#define GOOD                                                                                       \
    { .http_status = 200 }
#define BUSY(ms)                                                                                   \
    { .http_status = 429, .err = {.code = ERROR_TOO_MANY_REQUESTS}, .retry_after_ms = (ms) }

/* As kubectl does; whoever does not say when is not asked again, and nobody for ever. */
static const struct {
    struct completion answers[ANSWERS_MAX];
    size_t answer_count, request_count;
    bool is_done;
    int64_t spent_ms;
} cases[] = {
    {{GOOD}, 1, 1, true, 0},
    {{BUSY(1000), BUSY(2000), GOOD}, 3, 3, true, 3000},
    {{BUSY(0)}, 1, 1, false, 0},
    {{{.http_status = 409, .err = {.code = ERROR_CONFLICT}, .retry_after_ms = 1000}},
     1,
     1,
     false,
     0},
    {{BUSY(7000)}, 1, 9, false, 56 * 1000},
};

TEST(a_user_comes_again_when_the_server_says_when) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct script script = {.answer_count = cases[i].answer_count};
        struct completion completion;
        struct error err = {0};
        memcpy(script.answers, cases[i].answers, sizeof(script.answers));
        struct session *session = session_of(&script);
        struct request request = request_to(VERB_LIST, &RESOURCE_DATASETS, SV(""), SV(""));
        CHECK(session_request(session, &request, arena, &completion, &err) == cases[i].is_done);
        CHECK(script.start_count == cases[i].request_count);
        CHECK(script.now_ms == cases[i].spent_ms);
        CHECK(script.seen_count == 1);
        const struct completion *last = &cases[i].answers[cases[i].answer_count - 1];
        CHECK(script.seen_status == last->http_status);
        CHECK(err.code == last->err.code);
        session_free(session);
    }
}
