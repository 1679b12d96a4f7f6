/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/transport.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

enum { TEXT_BYTES_MAX = 64 * 1024 * 1024 };

/* {"items":[...]} of `count` times `unit`. */
static void build(struct buf *text, const char *unit, size_t count) {
    CHECK(buf_append(text, SV("{\"items\":[")));
    for (size_t i = 0; i < count; i++)
        CHECK(buf_printf(text, "%s%s", i > 0 ? "," : "", unit));
    CHECK(buf_append(text, SV("]}")));
}

/* Short texts of many values are large trees. */
TEST(the_values_of_an_answer_are_bounded) {
    static const struct {
        const char *unit;
        size_t count;
        enum error_code code;
        const char *message;
    } cases[] = {
        {"{}", 3, ERROR_NONE, ""},
        /* As many bytes as values may be, and few values. */
        {"\"a text that is long enough for a name of anything\"", ANSWER_VALUES_MAX / 50,
         ERROR_NONE, ""},
        {"0", ANSWER_VALUES_MAX - 2, ERROR_NONE, ""},
        {"0", ANSWER_VALUES_MAX, ERROR_TOO_LARGE, "an answer of over 2000000 values"},
        {"[[[[[[[[[[]]]]]]]]]]", ANSWER_VALUES_MAX / 10, ERROR_TOO_LARGE,
         "an answer of over 2000000 values"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct buf text;
        buf_init(&text, TEXT_BYTES_MAX);
        build(&text, cases[i].unit, cases[i].count);
        const struct cJSON *answer =
            transport_read(arena, buf_view(&text), &(struct unread){0}, &err);
        CHECK((answer != NULL) == (cases[i].code == ERROR_NONE));
        CHECK(json_count(json_get(answer, SV("items"))) == (answer ? cases[i].count : 0));
        CHECK(err.code == cases[i].code);
        CHECK(strcmp(err.message, cases[i].message) == 0);
        buf_release(&text);
    }
}

TEST(an_answer_is_an_object) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    CHECK(!transport_read(arena, SV("[]"), &(struct unread){0}, &err));
    CHECK(err.code == ERROR_INVALID);
}
