/* SPDX-License-Identifier: Apache-2.0 */
/* What is no resource: discovery, OpenAPI, version, health, metrics, the index. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/http/authenticator.h"
#include "fakeapi/http/http_parts.h"
#include "fakeapi/server/discovery.h"
#include "fakeapi/server/openapi.h"
#include "fakeapi/server/openapi_protobuf.h"

/* --- documents that seldom change: a client that has one is told so --- */

static bool write_document(struct buf *text, const struct route *route, const struct cJSON *body,
                           struct sv media_type, struct error *err) {
    if (sv_eq(media_type, SV(OPENAPI_PROTOBUF_TYPE)))
        return openapi_protobuf_write(body, text, err);
    return (json_write(text, body, route->is_pretty ? JSON_PRETTY : JSON_COMPACT) &&
            buf_append_byte(text, '\n')) ||
           error_set(err, ERROR_TOO_LARGE, "the document has more than %zu bytes", text->bytes_max);
}

static enum MHD_Result send_document(struct exchange *exchange, const struct route *route,
                                     const struct cJSON *body, struct sv media_type,
                                     bool has_etag) {
    struct arena *arena = exchange->server->arena;
    struct error err = {0};
    struct buf text;
    buf_init(&text, ANSWER_BYTES_MAX);
    if (!write_document(&text, route, body, media_type, &err)) {
        buf_release(&text);
        return send_status(exchange, route, 500, "InternalError", sv_from(err.message));
    }
    struct http_answer answer = {
        .http_status = 200,
        .media_type = media_type,
        .owned = &text,
        .etag = has_etag ? arena_printf(arena, "\"%016llX\"",
                                        (unsigned long long)sv_hash(buf_view(&text)))
                         : SV(""),
    };
    if (has_etag && sv_eq(header_of(exchange, "If-None-Match"), answer.etag)) {
        answer.http_status = 304;
        answer.owned = NULL;
        answer.bytes = SV("");
    }
    enum MHD_Result result = send_answer(exchange, &answer);
    buf_release(&text);
    return result;
}

static enum MHD_Result send_unknown(struct exchange *exchange) {
    return send_text(exchange, 404, SV("404 page not found\n"));
}

static enum MHD_Result answer_discovery(struct exchange *exchange, const struct route *route) {
    struct cJSON *body;
    struct sv media_type;
    if (!discovery_answer(exchange->server->options.api, route->path, header_of(exchange, "Accept"),
                          exchange->server->arena, &body, &media_type))
        return send_unknown(exchange);
    /* The old form has none, so that caches keep to the new one. */
    bool is_aggregated = !sv_eq(media_type, SV("application/json"));
    return send_document(exchange, route, body, media_type, is_aggregated);
}

static enum MHD_Result answer_openapi(struct exchange *exchange, const struct route *route) {
    struct cJSON *body;
    struct sv media_type;
    if (!openapi_answer(exchange->server->options.api, route->path, header_of(exchange, "Accept"),
                        exchange->server->arena, &body, &media_type))
        return send_text(exchange, 404, SV(""));
    return send_document(exchange, route, body, media_type, true);
}

/* --- version and index --- */

static enum MHD_Result answer_version(struct exchange *exchange, const struct route *route) {
    static const struct {
        struct sv name, value;
    } fields[] = {
        {SV("major"), SV("1")},
        {SV("minor"), SV("34")},
        {SV("emulationMajor"), SV("1")},
        {SV("emulationMinor"), SV("34")},
        {SV("minCompatibilityMajor"), SV("1")},
        {SV("minCompatibilityMinor"), SV("33")},
        {SV("gitVersion"), SV("v1.34.0+crctl." CACHERUNTIME_VERSION)},
        {SV("gitCommit"), SV("")},
        {SV("gitTreeState"), SV("clean")},
        {SV("buildDate"), SV("1970-01-01T00:00:00Z")},
        {SV("goVersion"), SV("none")},
        {SV("compiler"), SV("gcc")},
        {SV("platform"), SV("linux/amd64")},
    };
    struct arena *arena = exchange->server->arena;
    struct cJSON *body = json_map(arena);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        json_set_string(arena, body, fields[i].name, fields[i].value);
    struct api_response response = {.http_status = 200, .body = body};
    return send_tree(exchange, route, &response, SV(""));
}

static enum MHD_Result answer_index(struct exchange *exchange, const struct route *route) {
    static const struct sv paths[] = {
        SV("/.well-known/openid-configuration"),
        SV("/api"),
        SV("/api/v1"),
        SV("/apis"),
        SV("/healthz"),
        SV("/livez"),
        SV("/metrics"),
        SV("/openapi/v2"),
        SV("/openapi/v3"),
        SV("/openid/v1/jwks"),
        SV("/readyz"),
        SV("/version"),
    };
    struct arena *arena = exchange->server->arena;
    struct cJSON *body = json_map(arena);
    struct cJSON *list = json_ensure_list(arena, body, SV("paths"));
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        json_append(list, json_string(arena, paths[i]));
    struct api_response response = {.http_status = 200, .body = body};
    return send_tree(exchange, route, &response, SV(""));
}

/* --- health --- */

static const struct sv health_checks[] = {{"ping", 4}, {"etcd", 4}, {"informer-sync", 13}};

/* "/readyz?verbose" lists the checks; "/readyz/ping" is one of them. A server that answers at all
 * is healthy: it has no part that could fail by itself. */
static enum MHD_Result answer_health(struct exchange *exchange, const struct route *route) {
    struct arena *arena = exchange->server->arena;
    struct sv rest = sv_drop(route->path, 1), verbose;
    struct sv name = sv_cut(&rest, '/');
    if (rest.len > 0)
        return sv_index_of(rest, health_checks, COUNT_OF(health_checks)) < COUNT_OF(health_checks)
                   ? send_text(exchange, 200, SV("ok"))
                   : send_unknown(exchange);
    if (!query_find(route->query, SV("verbose"), arena, &verbose))
        return send_text(exchange, 200, SV("ok"));
    struct sv text = SV("");
    for (size_t i = 0; i < COUNT_OF(health_checks); i++)
        text = arena_printf(arena, "%.*s[+]%.*s ok\n", SV_ARG(text), SV_ARG(health_checks[i]));
    return send_text(exchange, 200,
                     arena_printf(arena, "%.*s%.*s check passed\n", SV_ARG(text), SV_ARG(name)));
}

/* --- the issuer of tokens --- */

static enum MHD_Result answer_issuer(struct exchange *exchange, const struct route *route) {
    struct http_server *server = exchange->server;
    struct arena *arena = server->arena;
    bool is_key_set = sv_eq(route->path, SV("/openid/v1/jwks"));
    struct sv url = ARENA_JOIN(arena, server->options.tls ? SV("https://") : SV("http://"),
                               header_of(exchange, "Host"), SV("/openid/v1/jwks"));
    const struct cJSON *body = is_key_set
                                   ? authenticator_key_set(server->options.authenticator, arena)
                                   : authenticator_metadata(url, arena);
    return send_answer(
        exchange, &(struct http_answer){.http_status = 200,
                                        .media_type = is_key_set ? SV("application/jwk-set+json")
                                                                 : SV("application/json"),
                                        .bytes = json_write_arena(arena, body, JSON_COMPACT),
                                        .cache_control = "public, max-age=3600",
                                        .etag = SV("")});
}

/* --- metrics --- */

static enum MHD_Result answer_metrics(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    struct fakeapi_stats stats;
    fakeapi_get_stats(server->options.api, &stats);
    struct arena *arena = server->arena;
    struct sv text = arena_printf(
        arena,
        "# TYPE apiserver_storage_objects gauge\napiserver_storage_objects %llu\n"
        "# TYPE apiserver_writes_total counter\napiserver_writes_total %llu\n"
        "# TYPE apiserver_watch_events_total counter\napiserver_watch_events_total %llu\n"
        "# TYPE apiserver_longrunning_requests gauge\n"
        "apiserver_longrunning_requests{verb=\"WATCH\"} %zu\n"
        "apiserver_longrunning_requests{verb=\"CONNECT\"} %zu\n"
        "# TYPE apiserver_request_total counter\n",
        (unsigned long long)stats.objects, (unsigned long long)stats.writes,
        (unsigned long long)stats.watch_events, server->stream_count, server->session_count);
    for (size_t i = 1; i < COUNT_OF(server->answers_by_hundred); i++)
        text = arena_printf(arena, "%.*sapiserver_request_total{code=\"%zuxx\"} %llu\n",
                            SV_ARG(text), i, (unsigned long long)server->answers_by_hundred[i]);
    return send_text(exchange, 200, text);
}

/* --- all --- */

static enum MHD_Result send_method_not_allowed(struct exchange *exchange,
                                               const struct route *route) {
    struct arena *arena = exchange->server->arena;
    struct api_response response = {
        .http_status = 405,
        .body = fakeapi_status_detailed(
            arena, 405, "MethodNotAllowed",
            SV("the server does not allow this method on the requested resource"), json_map(arena)),
    };
    return send_tree(exchange, route, &response, SV(""));
}

enum MHD_Result answer_plain(struct exchange *exchange, const struct route *route) {
    if (route->type == ROUTE_UNKNOWN)
        return send_unknown(exchange);
    if (strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0)
        return send_method_not_allowed(exchange, route);
    switch (route->type) {
    case ROUTE_DISCOVERY:
        return answer_discovery(exchange, route);
    case ROUTE_OPENAPI:
        return answer_openapi(exchange, route);
    case ROUTE_HEALTH:
        return answer_health(exchange, route);
    case ROUTE_VERSION:
        return answer_version(exchange, route);
    case ROUTE_INDEX:
        return answer_index(exchange, route);
    case ROUTE_METRICS:
        return answer_metrics(exchange);
    case ROUTE_ISSUER:
        return answer_issuer(exchange, route);
    case ROUTE_UNKNOWN:
    case ROUTE_RESOURCE:
    case ROUTE_LOG:
    case ROUTE_STREAM:
    case ROUTE_TOKEN:
    case ROUTE_REVIEW:
    case ROUTE_REMOTE:
        break;
    }
    return send_unknown(exchange);
}
