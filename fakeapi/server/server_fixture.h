/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_fixture: what the tests of the server share: a server with a clock that stands still,
 * requests on one line, and answers as text. Only for tests.
 */
#ifndef FAKEAPI_SERVER_SERVER_FIXTURE_H
#define FAKEAPI_SERVER_SERVER_FIXTURE_H

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/server/fakeapi.h"

static int64_t fixture_now_ms = INT64_C(1767225600000);

static inline int64_t fixture_clock_now(struct clock *clock) {
    (void)clock;
    return fixture_now_ms;
}

static struct clock fixture_clock = {fixture_clock_now};

static inline struct fakeapi *fixture_api(void) {
    fixture_now_ms = INT64_C(1767225600000);
    return fakeapi_new(&(struct fakeapi_options){.clock = &fixture_clock, .seed = 1});
}

/* "configmaps", "apps/v1/statefulsets": a plural of core v1, or with its group and version. */
static inline struct request fixture_request(enum verb verb, const char *resource,
                                             const char *namespace_name, const char *name) {
    struct sv rest = sv_from(resource), group = SV(""), version = SV("v1");
    if (sv_find(rest, '/') < rest.len) {
        group = sv_cut(&rest, '/');
        version = sv_cut(&rest, '/');
    }
    return (struct request){.verb = verb,
                            .group = group,
                            .version = version,
                            .plural = rest,
                            .namespace_name = sv_from(namespace_name),
                            .name = sv_from(name)};
}

static inline const struct cJSON *fixture_json(struct arena *arena, const char *text) {
    struct error err = {0};
    const struct cJSON *tree = json_read(arena, sv_from(text), &err);
    if (!tree)
        fprintf(stderr, "%s: %s\n", text, err.message);
    assert(tree);
    return tree;
}

static inline struct api_response fixture_send(struct fakeapi *api, struct arena *arena,
                                               const struct request *request) {
    struct api_response response;
    fakeapi_handle(api, request, SV("test/1"), arena, &response);
    return response;
}

static inline struct api_response fixture_create(struct fakeapi *api, struct arena *arena,
                                                 const char *resource, const char *namespace_name,
                                                 const char *body) {
    struct request request = fixture_request(VERB_CREATE, resource, namespace_name, "");
    request.body = fixture_json(arena, body);
    return fixture_send(api, arena, &request);
}

/* The service account that pods of the namespace "default" run as. */
static inline void fixture_default_account(struct fakeapi *api, struct arena *arena) {
    fixture_create(api, arena, "serviceaccounts", "default",
                   "{\"metadata\":{\"name\":\"default\"}}");
}

static inline struct api_response fixture_get(struct fakeapi *api, struct arena *arena,
                                              const char *resource, const char *namespace_name,
                                              const char *name) {
    struct request request = fixture_request(VERB_GET, resource, namespace_name, name);
    return fixture_send(api, arena, &request);
}

static inline struct api_response fixture_patch(struct fakeapi *api, struct arena *arena,
                                                enum patch_type type, const char *resource,
                                                const char *name, const char *body) {
    struct request request = fixture_request(VERB_PATCH, resource, "default", name);
    request.patch_type = type;
    request.body = fixture_json(arena, body);
    request.field_manager = type == PATCH_APPLY ? SV("applier") : SV("");
    return fixture_send(api, arena, &request);
}

static inline struct api_response fixture_delete(struct fakeapi *api, struct arena *arena,
                                                 const char *resource, const char *namespace_name,
                                                 const char *name, const char *options) {
    struct request request = fixture_request(VERB_DELETE, resource, namespace_name, name);
    request.body = options ? fixture_json(arena, options) : NULL;
    return fixture_send(api, arena, &request);
}

static inline struct sv fixture_message(const struct api_response *response) {
    return json_find_string(response->body, "message");
}

static inline struct sv fixture_reason(const struct api_response *response) {
    return json_find_string(response->body, "reason");
}

#endif
