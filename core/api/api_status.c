/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_status.h"

#include "core/data/json.h"

static const struct {
    struct sv reason;
    int http_status;
    enum error_code code;
} causes[] = {
    /* A reason decides; the HTTP status only where none was given, and there the first row wins. */
    {SV("BadRequest"), 400, ERROR_INVALID},
    {SV("Unauthorized"), 401, ERROR_UNAUTHORIZED},
    {SV("Forbidden"), 403, ERROR_FORBIDDEN},
    {SV("NotFound"), 404, ERROR_NOT_FOUND},
    {SV("MethodNotAllowed"), 405, ERROR_UNSUPPORTED},
    {SV("NotAcceptable"), 406, ERROR_UNSUPPORTED},
    {SV("Conflict"), 409, ERROR_CONFLICT},
    {SV("AlreadyExists"), 409, ERROR_ALREADY_EXISTS},
    {SV("Expired"), 410, ERROR_EXPIRED},
    {SV("Gone"), 410, ERROR_EXPIRED},
    {SV("RequestEntityTooLarge"), 413, ERROR_TOO_LARGE},
    {SV("UnsupportedMediaType"), 415, ERROR_UNSUPPORTED},
    {SV("Invalid"), 422, ERROR_INVALID},
    {SV("TooManyRequests"), 429, ERROR_TOO_MANY_REQUESTS},
    {SV("InternalError"), 500, ERROR_INTERNAL},
    {SV("NotImplemented"), 501, ERROR_UNSUPPORTED},
    {SV("ServiceUnavailable"), 503, ERROR_INTERNAL},
    {SV("Timeout"), 504, ERROR_TIMEOUT},
    {SV("ServerTimeout"), 504, ERROR_TIMEOUT},
};

enum error_code api_status_error_code(struct sv reason, int http_status) {
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (reason.len > 0 && sv_eq(causes[i].reason, reason))
            return causes[i].code;
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (causes[i].http_status == http_status)
            return causes[i].code;
    return http_status >= 400 && http_status < 500 ? ERROR_INVALID : ERROR_INTERNAL;
}

/* What client-go says for a server that gives a status and no reason, as one does whose group of
 * the path is not installed. */
static struct sv generic_message(int code) {
    static const struct {
        int code;
        const char *message;
    } messages[] = {
        {401, "the server has asked for the client to provide credentials"},
        {404, "the server could not find the requested resource"},
        {405, "the server does not allow this method on the requested resource"},
        {413, "the request is larger than the server takes"},
        {415, "the body of the request was in an unknown format"},
        {422, "the server rejected our request due to an error in our request"},
        {429, "the server has received too many requests and has asked us to try again later"},
        {503, "the server is currently unable to handle the request"},
        {504, "the server was unable to return a response in the time allotted, but may still be "
              "processing the request"},
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        if (messages[i].code == code)
            return sv_from(messages[i].message);
    return SV("");
}

bool api_status_to_error(const struct cJSON *body, int http_status, struct error *err) {
    struct sv reason = json_find_string(body, "reason");
    int64_t code = json_find_int(body, "code", http_status);
    struct sv message = json_find_string(body, "message");
    enum error_code error_code = api_status_error_code(reason, (int)code);
    if (message.len == 0)
        message = generic_message((int)code);
    if (message.len == 0)
        return error_set(err, error_code, "the server answered with HTTP status %d", (int)code);
    return error_set(err, error_code, "%.*s", SV_ARG(message));
}

int64_t api_retry_after_ms(int64_t header_seconds, const struct cJSON *body) {
    int64_t seconds =
        header_seconds > 0 ? header_seconds : json_find_int(body, "details.retryAfterSeconds", 0);
    if (seconds <= 0)
        return 0;
    return seconds < RETRY_AFTER_MS_MAX / 1000 ? seconds * 1000 : RETRY_AFTER_MS_MAX;
}
