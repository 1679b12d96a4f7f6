/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session.h"

#include "conformance/session_sim.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"

enum {
    /* A user does not wait longer for one answer; virtual, or by the wall. */
    REQUEST_TIMEOUT_MS = 60 * 1000,
};

struct session {
    struct session_driver driver;
};

struct session *session_new_with_driver(const struct session_driver *driver) {
    struct session *session = mem_alloc(sizeof(*session));
    session->driver = *driver;
    return session;
}

struct session *session_new(const struct session_options *options, struct error *err) {
    struct session_driver driver;
    session_sim_new(options, &driver);
    struct session *session = session_new_with_driver(&driver);
    if (session_sim_prepare(session, options, err))
        return session;
    session_free(session);
    return NULL;
}

void session_free(struct session *session) {
    if (!session)
        return;
    session->driver.free(session->driver.context);
    mem_free(session);
}

struct world *session_world(struct session *session) {
    return session_sim_world(&session->driver);
}

struct controller *session_controller(struct session *session) {
    return session_sim_controller(&session->driver);
}

int64_t session_now_ms(struct session *session) {
    return session->driver.now_ms(session->driver.context);
}

static void keep(struct arena *arena, struct completion *completion) {
    if (completion->body)
        completion->body = json_copy(arena, completion->body);
    if (completion->type != COMPLETION_EXEC)
        return;
    completion->stdout_bytes = arena_copy(arena, completion->stdout_bytes);
    completion->stderr_bytes = arena_copy(arena, completion->stderr_bytes);
}

/* Does what is due without moving the clock. */
static void run_due(struct session *session) {
    while (session->driver.step(session->driver.context, session_now_ms(session)))
        ;
}

static bool take_answer(struct session *session, uint64_t id, struct completion *ret_completion) {
    while (transport_take(session->driver.user, ret_completion))
        if (ret_completion->id == id)
            return true;
    return false;
}

bool session_request(struct session *session, const struct request *request, struct arena *arena,
                     struct completion *ret_completion, struct error *err) {
    uint64_t id = transport_start(session->driver.user, request);
    int64_t deadline_ms = session_now_ms(session) + REQUEST_TIMEOUT_MS;
    struct completion completion;
    for (;;) {
        run_due(session);
        /* Time passes only while there is no answer. */
        if (take_answer(session, id, &completion)) {
            keep(arena, &completion);
            *ret_completion = completion;
            *err = completion.err;
            return completion.err.code == ERROR_NONE;
        }
        if (session_now_ms(session) >= deadline_ms)
            break;
        session->driver.step(session->driver.context, deadline_ms);
    }
    transport_cancel(session->driver.user, id);
    return error_set(err, ERROR_TIMEOUT, "no answer to %.*s %.*s %.*s within %d s",
                     SV_ARG(verb_text(request->verb)), SV_ARG(request->plural),
                     SV_ARG(request->name), REQUEST_TIMEOUT_MS / 1000);
}

static struct request request_to(enum verb verb, const struct resource *resource,
                                 struct sv namespace_name, struct sv name) {
    return (struct request){
        .verb = verb,
        .group = resource->group,
        .version = resource->version,
        .plural = resource->plural,
        .namespace_name = resource->is_namespaced ? namespace_name : SV(""),
        .name = name,
        .subresource = SV(""),
    };
}

bool session_apply(struct session *session, const struct cJSON *object, struct error *err) {
    const struct resource *resource = resource_of_object(object);
    if (!resource)
        return error_set(err, ERROR_UNSUPPORTED, "%.*s %.*s cannot be applied here",
                         SV_ARG(json_find_string(object, "apiVersion")),
                         SV_ARG(json_find_string(object, "kind")));
    struct sv namespace_name = object_namespace(object);
    struct request request =
        request_to(VERB_PATCH, resource, namespace_name.len ? namespace_name : SV("default"),
                   object_name(object));
    request.patch_type = PATCH_APPLY;
    request.body = object;
    request.field_manager = SV("kubectl");
    request.force = true;
    AUTO(arena) arena = arena_new();
    struct completion completion;
    if (session_request(session, &request, arena, &completion, err))
        return true;
    return error_wrap(err, "apply %.*s %.*s", SV_ARG(resource->plural), SV_ARG(request.name));
}

bool session_merge_patch(struct session *session, const struct resource *resource,
                         struct sv namespace_name, struct sv name, struct sv subresource,
                         const struct cJSON *patch, struct error *err) {
    struct request request = request_to(VERB_PATCH, resource, namespace_name, name);
    request.subresource = subresource;
    request.patch_type = PATCH_MERGE;
    request.body = patch;
    AUTO(arena) arena = arena_new();
    struct completion completion;
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "patch %.*s %.*s", SV_ARG(resource->plural), SV_ARG(name));
}

bool session_delete(struct session *session, const struct resource *resource,
                    struct sv namespace_name, struct sv name, struct error *err) {
    struct request request = request_to(VERB_DELETE, resource, namespace_name, name);
    AUTO(arena) arena = arena_new();
    struct completion completion;
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "delete %.*s %.*s", SV_ARG(resource->plural), SV_ARG(name));
}

const struct cJSON *session_get(struct session *session, const struct resource *resource,
                                struct sv namespace_name, struct sv name, struct arena *arena,
                                struct error *err) {
    struct request request = request_to(VERB_GET, resource, namespace_name, name);
    struct completion completion;
    if (!session_request(session, &request, arena, &completion, err))
        return NULL;
    return completion.body;
}

const struct cJSON *session_list(struct session *session, const struct resource *resource,
                                 struct sv namespace_name, struct sv label_selector,
                                 struct arena *arena, struct error *err) {
    struct request request = request_to(VERB_LIST, resource, namespace_name, SV(""));
    request.label_selector = label_selector;
    struct completion completion;
    if (!session_request(session, &request, arena, &completion, err))
        return NULL;
    return completion.body;
}

bool session_run_until(struct session *session, int64_t timeout_ms,
                       bool (*holds)(struct session *session, void *context), void *context) {
    int64_t deadline_ms = session_now_ms(session) + timeout_ms;
    for (;;) {
        /* What is due now comes first, so that a state in between is not taken for the end. */
        run_due(session);
        if (holds(session, context))
            return true;
        if (session_now_ms(session) >= deadline_ms)
            return false;
        session->driver.step(session->driver.context, deadline_ms);
    }
}

void session_advance(struct session *session, int64_t duration_ms) {
    int64_t until_ms = session_now_ms(session) + duration_ms;
    while (session_now_ms(session) < until_ms)
        session->driver.step(session->driver.context, until_ms);
    run_due(session);
}

bool session_settle(struct session *session, int64_t timeout_ms) {
    int64_t deadline_ms = session_now_ms(session) + timeout_ms;
    int64_t quiet_since_ms = session_now_ms(session);
    struct session_counts before, now;
    session_get_counts(session, &before);
    while (session_now_ms(session) < deadline_ms) {
        int64_t quiet_until_ms = quiet_since_ms + session->driver.quiet_ms;
        if (session_now_ms(session) >= quiet_until_ms)
            return true;
        session->driver.step(session->driver.context, quiet_until_ms);
        session_get_counts(session, &now);
        if (now.writes != before.writes)
            quiet_since_ms = session_now_ms(session);
        before = now;
    }
    return false;
}

bool session_can_restart_controller(const struct session *session) {
    return session->driver.restart_controller != NULL;
}

void session_restart_controller(struct session *session) {
    assert(session->driver.restart_controller);
    session->driver.restart_controller(session->driver.context);
}

void session_get_counts(struct session *session, struct session_counts *ret_counts) {
    session->driver.get_counts(session->driver.context, ret_counts);
}
