/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_status.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct {
    const char *body; /* "": no JSON came */
    int http_status;
    enum error_code code;
    const char *message;
} answers[] = {
    {"{\"reason\":\"NotFound\",\"code\":404,\"message\":\"pods \\\"p\\\" not found\"}", 404,
     ERROR_NOT_FOUND, "pods \"p\" not found"},
    /* As for a group that is not installed: "404 page not found". */
    {"", 404, ERROR_NOT_FOUND, "the server could not find the requested resource"},
    {"", 503, ERROR_INTERNAL, "the server is currently unable to handle the request"},
    {"{\"code\":404}", 404, ERROR_NOT_FOUND, "the server could not find the requested resource"},
    {"", 418, ERROR_INVALID, "the server answered with HTTP status 418"},
};

TEST(a_refusal_is_told_in_the_words_of_the_server_or_of_client_go) {
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0}, ignored = {0};
        const struct cJSON *body =
            answers[i].body[0] ? json_read(arena, sv_from(answers[i].body), &ignored) : NULL;
        CHECK(!api_status_to_error(body, answers[i].http_status, &err));
        CHECK(err.code == answers[i].code);
        CHECK_SV(sv_from(err.message), sv_from(answers[i].message));
    }
}

/* {seconds, milliseconds}: nobody waits for longer than the longest back-off. */
TEST(waits_as_long_as_a_server_says_and_not_for_ever) {
    static const struct {
        const char *seconds;
        int64_t ms;
    } waits[] = {
        {"1", 1000},
        {"299", 299 * 1000},
        {"300", RETRY_AFTER_MS_MAX},
        {"86400", RETRY_AFTER_MS_MAX},
        {"9223372036854774", RETRY_AFTER_MS_MAX},
        {"9223372036854775807", RETRY_AFTER_MS_MAX},
        {"0", 0},
        {"-1", 0},
        {"\"1\"", 0},
    };
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct sv text =
            arena_printf(arena, "{\"details\":{\"retryAfterSeconds\":%s}}", waits[i].seconds);
        const struct cJSON *body = json_read(arena, text, &err);
        CHECK(api_retry_after_ms(0, body) == waits[i].ms);
    }
    CHECK(api_retry_after_ms(INT64_MAX, NULL) == RETRY_AFTER_MS_MAX);
}
