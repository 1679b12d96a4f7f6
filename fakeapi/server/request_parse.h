/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_parse: what an HTTP request asks of the API server: the way back from
 * core/client/request_url. It reads method, target and headers, decides which part of the server
 * answers, and decodes the body. Pure; what cannot be read is answered with the Status that
 * apiserver-semantics.md §1.1 gives.
 */
#ifndef FAKEAPI_SERVER_REQUEST_PARSE_H
#define FAKEAPI_SERVER_REQUEST_PARSE_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/client/transport.h"
#include "fakeapi/server/media_type.h"

struct api_response;
struct arena;
struct fakeapi;

enum {
    REQUEST_BODY_BYTES_MAX = 3 * 1024 * 1024,
    REQUEST_TARGET_BYTES_MAX = 64 * 1024,
    EXEC_WORDS_MAX = 1024,
};

struct http_request {
    struct sv method;
    struct sv target; /* "/api/v1/pods?limit=1", percent-encoded */
    struct sv accept, content_type, user_agent;
};

enum route_type {
    ROUTE_UNKNOWN,   /* a path outside of the API: 404 as text */
    ROUTE_RESOURCE,  /* fakeapi_handle(), or fakeapi_watch() by its verb */
    ROUTE_LOG,       /* pods/log */
    ROUTE_STREAM,    /* pods/exec, attach, portforward: wants an upgrade */
    ROUTE_TOKEN,     /* serviceaccounts/token */
    ROUTE_REVIEW,    /* a question that is not stored: review.h */
    ROUTE_DISCOVERY, /* /api, /apis and what they list */
    ROUTE_OPENAPI,
    ROUTE_HEALTH,
    ROUTE_VERSION,
    ROUTE_INDEX, /* "/" */
    ROUTE_METRICS,
    ROUTE_ISSUER, /* what tokens of service accounts are verified with */
    ROUTE_REMOTE, /* another API server answers: aggregation.h */
};

/* GET pods/log. */
struct log_options {
    struct sv container;
    bool follow, previous, timestamps;
    int64_t tail_lines;  /* negative: all */
    int64_t limit_bytes; /* negative: all */
};

struct route {
    enum route_type type;
    struct sv path;      /* decoded, without the query */
    struct sv query;     /* as it came */
    struct sv rbac_verb; /* "list"; of a path that is no resource the method in small letters */
    struct acceptance acceptance;
    bool is_pretty;
    struct sv include_object; /* of a Table: "", "None", "Metadata", "Object" */
    struct request request;   /* of ROUTE_RESOURCE, ROUTE_LOG, ROUTE_STREAM, ROUTE_TOKEN */
    struct log_options log;
    bool has_tty, has_stderr; /* of ROUTE_STREAM */
    /* What a strict reader has against the body, keys that stood twice, one a line, or SV(""). */
    struct sv strict_faults;
};

/* Everything but the body. False: refused, `ret_response` says why. `ret_route` is filled as far
 * as it is known even then, so that a refusal is written in the form that was asked for. Texts
 * live in `arena`. */
bool request_parse(const struct fakeapi *api, const struct http_request *http, struct arena *arena,
                   struct route *ret_route, struct api_response *ret_response);
/* Decodes the body into route->request.body. */
bool request_parse_body(const struct fakeapi *api, const struct http_request *http, struct sv body,
                        struct arena *arena, struct route *route,
                        struct api_response *ret_response);

/* True for user agents of people (curl, browsers) and ?pretty: JSON with indentation. */
bool request_is_pretty(struct sv user_agent, struct sv query);
/* The value of a query parameter, decoded in `arena`; false when it is not given. */
bool query_find(struct sv query, struct sv name, struct arena *arena, struct sv *ret_value);

#endif
