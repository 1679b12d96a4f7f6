/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/completion_queue.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static void push_line(struct completion_queue *queue, uint64_t id, struct sv line) {
    struct arena *arena = arena_new();
    completion_queue_push_line(queue, id, arena_copy(arena, line), &(struct unread){0}, arena);
}

TEST(lines_come_out_as_events_in_their_order) {
    static const struct {
        struct sv line;
        enum watch_event_type type;
        enum error_code code;
    } cases[] = {
        {SV("{\"type\":\"ADDED\",\"object\":{\"n\":\"0\"}}"), WATCH_ADDED, ERROR_NONE},
        {SV("{\"type\":\"DELETED\",\"object\":{\"n\":\"1\"}}"), WATCH_DELETED, ERROR_NONE},
        {SV("{\"type\":\"ERROR\",\"object\":{\"n\":\"2\",\"code\":410,\"reason\":\"Expired\"}}"),
         WATCH_ERROR, ERROR_EXPIRED},
    };
    struct completion_queue queue = {0};
    struct completion completion;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        push_line(&queue, 7, cases[i].line);
    CHECK(queue.line_bytes == cases[0].line.len + cases[1].line.len + cases[2].line.len);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char number[] = {(char)('0' + i), '\0'};
        REQUIRE(completion_queue_take(&queue, &completion));
        CHECK(completion.id == 7 && completion.type == COMPLETION_WATCH_EVENT);
        CHECK(completion.event_type == cases[i].type);
        CHECK(completion.err.code == cases[i].code);
        CHECK_SV(json_find_string(completion.body, "n"), sv_from(number));
    }
    CHECK(!completion_queue_take(&queue, &completion));
    CHECK(queue.line_bytes == 0);
    completion_queue_release(&queue);
}

/* Nothing of that watch can be believed any more; others go on. */
TEST(a_line_that_is_no_event_ends_its_watch_only) {
    struct completion_queue queue = {0};
    struct completion completion;
    push_line(&queue, 1, SV("{\"type\":\"ODD\"}"));
    push_line(&queue, 1, SV("{\"type\":\"ADDED\",\"object\":{}}"));
    push_line(&queue, 2, SV("{\"type\":\"ADDED\",\"object\":{}}"));
    REQUIRE(completion_queue_take(&queue, &completion));
    CHECK(completion.id == 1 && completion.type == COMPLETION_WATCH_END);
    CHECK(completion.err.code == ERROR_INVALID);
    CHECK_SV(sv_from(completion.err.message), SV("watch line: bad type \"ODD\""));
    REQUIRE(completion_queue_take(&queue, &completion));
    CHECK(completion.id == 2 && completion.type == COMPLETION_WATCH_EVENT);
    CHECK(!completion_queue_take(&queue, &completion));
    completion_queue_release(&queue);
}

/* What waits has room for no more than it says. */
TEST(a_failure_comes_out_with_its_whole_message) {
    struct completion_queue queue = {0};
    struct completion pushed[2] = {{.id = 1, .type = COMPLETION_RESPONSE, .http_status = 503},
                                   {.id = 2, .type = COMPLETION_EXEC}};
    error_set(&pushed[0].err, ERROR_UNAVAILABLE, "no answer");
    error_set(&pushed[1].err, ERROR_TIMEOUT, "%0*d", (int)sizeof(pushed[1].err.message) - 1, 7);
    for (size_t i = 0; i < COUNT_OF(pushed); i++)
        completion_queue_push(&queue, &pushed[i], NULL);
    for (size_t i = 0; i < COUNT_OF(pushed); i++) {
        struct completion taken;
        REQUIRE(completion_queue_take(&queue, &taken));
        CHECK(taken.id == pushed[i].id && taken.http_status == pushed[i].http_status);
        CHECK(taken.err.code == pushed[i].err.code);
        CHECK_SV(sv_from(taken.err.message), sv_from(pushed[i].err.message));
    }
    CHECK(completion_queue_is_empty(&queue));
    completion_queue_release(&queue);
}
