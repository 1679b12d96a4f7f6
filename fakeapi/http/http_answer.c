/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as bytes: encodings, compression and the headers of apiserver-semantics.md §1.1. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/data/yaml.h"
#include "fakeapi/http/gzip.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/schema/protobuf.h"

enum {
    /* Below this compressing costs more than sending. */
    GZIP_BYTES_MIN = 128 * 1024,
    WARNING_BYTES_MAX = 4096,
};

/* --- headers --- */

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
    MHD_add_response_header(response, name, value);
}

static void put_hex(struct rng *rng, char *text, size_t digits) {
    static const char hex[] = "0123456789abcdef";
    uint64_t bits = rng_next(rng);
    for (size_t i = 0; i < digits; i++, bits >>= 4)
        text[i] = hex[bits & 15];
}

struct sv new_audit_id(struct http_server *server, struct arena *arena) {
    char text[] = "00000000-0000-4000-8000-000000000000";
    put_hex(&server->audit_rng, text, 8);
    put_hex(&server->audit_rng, text + 9, 4);
    put_hex(&server->audit_rng, text + 15, 3);
    put_hex(&server->audit_rng, text + 20, 3);
    put_hex(&server->audit_rng, text + 24, 12);
    return arena_copy(arena, sv_from(text));
}

void add_audit_id(struct exchange *exchange, struct MHD_Response *response) {
    add_header(response, "Audit-Id", audit_id(exchange, exchange->server->arena).ptr);
}

static void add_all(struct exchange *exchange, struct MHD_Response *response, struct sv media_type,
                    bool is_error, const char *cache_control) {
    add_audit_id(exchange, response);
    add_header(response, "Cache-Control", cache_control ? cache_control : "no-cache, private");
    if (media_type.len > 0)
        add_header(response, "Content-Type", arena_copy(exchange->server->arena, media_type).ptr);
    if (is_error)
        add_header(response, "X-Content-Type-Options", "nosniff");
}

void add_headers(struct exchange *exchange, struct MHD_Response *response, struct sv media_type,
                 bool is_error) {
    add_all(exchange, response, media_type, is_error, NULL);
}

/* Warning: 299 - "text", with quotes and backslashes escaped and without control characters. */
static void add_warning(struct exchange *exchange, struct MHD_Response *response, struct sv text) {
    struct buf line;
    buf_init(&line, WARNING_BYTES_MAX);
    bool fits = buf_append(&line, SV("299 - \""));
    for (size_t i = 0; i < text.len && fits; i++) {
        char byte = text.ptr[i];
        if (byte == '"' || byte == '\\')
            fits = buf_append_byte(&line, '\\');
        fits = fits && buf_append_byte(&line, (unsigned char)byte < ' ' ? ' ' : byte);
    }
    if (fits && buf_append_byte(&line, '"'))
        add_header(response, "Warning", arena_copy(exchange->server->arena, buf_view(&line)).ptr);
    buf_release(&line);
}

void count_answer(struct exchange *exchange, int http_status, bool goes_on) {
    struct http_server *server = exchange->server;
    size_t hundred = (size_t)http_status / 100;
    if (hundred < COUNT_OF(server->answers_by_hundred))
        server->answers_by_hundred[hundred]++;
    audit_answered(exchange, http_status, goes_on);
}

/* --- compression --- */

bool wants_gzip(const struct exchange *exchange, size_t bytes) {
    struct sv rest = header_of(exchange, "Accept-Encoding");
    while (bytes >= GZIP_BYTES_MIN && rest.len > 0) {
        struct sv coding = sv_cut(&rest, ',');
        struct sv name = sv_trim(sv_cut(&coding, ';'));
        if (sv_eq(name, SV("gzip")))
            return !sv_contains(coding, SV("q=0")) || sv_contains(coding, SV("q=0."));
    }
    return false;
}

/* Replaces what is in `body`; leaves it when it does not work. */
static bool compress_body(struct buf *body) {
    AUTO(gzip) gzip = gzip_new(ANSWER_BYTES_MAX);
    struct buf compressed;
    if (!gzip || !gzip_add(gzip, buf_view(body)) || !gzip_end(gzip, &compressed))
        return false;
    buf_release(body);
    *body = compressed;
    return true;
}

/* --- sending --- */

static struct MHD_Response *make_response(const struct http_answer *answer) {
    if (answer->made)
        return answer->made;
    if (!answer->owned)
        return MHD_create_response_from_buffer(
            answer->bytes.len, (void *)(uintptr_t)answer->bytes.ptr, MHD_RESPMEM_MUST_COPY);
    struct sv bytes = buf_view(answer->owned);
    assert(answer->owned->start == 0);
    answer->owned->bytes = NULL;
    buf_init(answer->owned, ANSWER_BYTES_MAX);
    return MHD_create_response_from_buffer_with_free_callback(
        bytes.len, (void *)(uintptr_t)bytes.ptr, mem_free);
}

/* What is sent has a body behind its head. */
static bool has_body(const struct exchange *exchange, const struct http_answer *answer) {
    struct sv bytes = answer->owned ? buf_view(answer->owned) : answer->bytes;
    return (bytes.len > 0 || answer->made) && answer->http_status != 304 &&
           strcmp(exchange->method, "HEAD") != 0;
}

enum MHD_Result send_answer(struct exchange *exchange, const struct http_answer *answer) {
    if (has_body(exchange, answer))
        hold_head(exchange);
    bool is_compressed = answer->is_compressed;
    if (!is_compressed && answer->owned && wants_gzip(exchange, buf_view(answer->owned).len))
        is_compressed = compress_body(answer->owned);
    struct MHD_Response *response = make_response(answer);
    if (!response)
        return MHD_NO;
    struct arena *arena = exchange->server->arena;
    add_all(exchange, response, answer->media_type, answer->http_status >= 400,
            answer->cache_control);
    if (is_compressed) {
        add_header(response, "Content-Encoding", "gzip");
        add_header(response, "Vary", "Accept-Encoding");
    }
    for (size_t i = 0; i < answer->warning_count; i++)
        add_warning(exchange, response, answer->warnings[i]);
    if (answer->retry_after_s > 0)
        add_header(response, "Retry-After",
                   arena_printf(arena, "%lld", (long long)answer->retry_after_s).ptr);
    if (answer->etag.len > 0) {
        add_header(response, "ETag", arena_copy(arena, answer->etag).ptr);
        add_header(response, "Vary", "Accept");
    }
    if (answer->http_status == 405)
        add_header(response, "Allow", "GET");
    count_answer(exchange, answer->http_status, false);
    return queue_answer(exchange, (unsigned)answer->http_status, response);
}

/* Nothing is of no type. */
enum MHD_Result send_text(struct exchange *exchange, int http_status, struct sv text) {
    return send_answer(exchange,
                       &(struct http_answer){
                           .http_status = http_status,
                           .media_type = text.len > 0 ? SV("text/plain; charset=utf-8") : SV(""),
                           .bytes = text,
                           .etag = SV(""),
                       });
}

/* What has no protobuf form (custom resources, tables) is an error that JSON can tell. */
static enum encoding encoding_of(const struct route *route, const struct cJSON *tree) {
    if (route->acceptance.encoding == ENCODING_PROTOBUF &&
        !protobuf_knows(json_string_or(tree, SV("apiVersion"), SV("")),
                        json_string_or(tree, SV("kind"), SV(""))))
        return ENCODING_JSON;
    return route->acceptance.encoding;
}

static bool write_json(struct buf *body, const struct api_response *response, bool is_pretty) {
    bool fits = response->text.len > 0
                    ? buf_append(body, response->text)
                    : json_write(body, response->body, is_pretty ? JSON_PRETTY : JSON_COMPACT);
    return fits && buf_append_byte(body, '\n');
}

static bool write_body(struct buf *body, enum encoding encoding, bool is_pretty,
                       const struct api_response *response) {
    struct error err = {0};
    if (encoding == ENCODING_PROTOBUF)
        return protobuf_encode(response->body, body, &err);
    if (encoding == ENCODING_YAML)
        return yaml_write(body, response->body);
    return write_json(body, response, is_pretty);
}

enum MHD_Result send_too_large(struct exchange *exchange, const struct route *route) {
    return send_status(exchange, route, 500, "InternalError",
                       SV("the answer is larger than 1 GiB; list it in pages"));
}

enum MHD_Result send_tree(struct exchange *exchange, const struct route *route,
                          const struct api_response *response, struct sv media_type) {
    struct buf body;
    buf_init(&body, ANSWER_BYTES_MAX);
    audit_response_body(exchange, response->body);
    enum encoding encoding = encoding_of(route, response->body);
    if (!write_body(&body, encoding, route->is_pretty, response)) {
        buf_release(&body);
        return send_too_large(exchange, route);
    }
    enum MHD_Result result = send_answer(
        exchange,
        &(struct http_answer){
            .http_status = response->http_status,
            .media_type = media_type.len > 0 ? media_type : encoding_media_type(encoding),
            .owned = &body,
            .warnings = response->warnings,
            .warning_count = response->warning_count,
            .retry_after_s = response->http_status >= 400
                                 ? json_find_int(response->body, "details.retryAfterSeconds", 0)
                                 : 0,
            .etag = SV(""),
        });
    buf_release(&body);
    return result;
}

enum MHD_Result send_status(struct exchange *exchange, const struct route *route, int http_status,
                            const char *reason, struct sv message) {
    struct api_response response = {
        .http_status = http_status,
        .body = fakeapi_status(exchange->server->arena, http_status, reason, message),
    };
    return send_tree(exchange, route, &response, SV(""));
}
