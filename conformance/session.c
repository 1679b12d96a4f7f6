/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session.h"

#include "conformance/session_sim.h"
#include "conformance/session_view.h"
#include "core/api/api_status.h"
#include "core/api/crds.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/server/fakeapi.h"

enum {
    /* A user does not wait longer for one answer; virtual, or by the wall. */
    REQUEST_TIMEOUT_MS = 60 * 1000,
    PREPARE_TIMEOUT_MS = 60 * 1000,
    NODE_COUNT_DEFAULT = 3,
    /* Without any answer for that part of what a look is worth the server is gone. */
    SILENCE_PART = 4,
};

#define X(name, text) {"" text, sizeof(text) - 1},
const struct sv session_mode_names[] = {SESSION_MODES(X)};
#undef X

struct session {
    struct session_driver driver;
    int64_t silent_since_ms; /* since then no request of the user was answered; 0: the last was */
    struct error silence;    /* why */
    struct session_observer observer;
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

void session_set_namespace(struct session *session, struct sv namespace_name) {
    session->driver.namespace_name = namespace_name;
}

bool session_begin(struct session *session, struct error *err) {
    const struct session_driver *driver = &session->driver;
    return !driver->begin || driver->begin(driver->context, err);
}

void session_observe(struct session *session, const struct session_observer *observer) {
    session->observer = *observer;
}

void session_tell_change(struct session *session, const struct resource *resource,
                         const struct cJSON *object, bool is_deleted) {
    if (!session->observer.changed)
        return;
    AUTO(arena) arena = arena_new();
    session->observer.changed(session->observer.context, resource,
                              session_view_seen(arena, session->driver.namespace_name, object),
                              is_deleted);
}

void session_free(struct session *session) {
    if (!session)
        return;
    session->driver.free(session->driver.context);
    mem_free(session);
}

struct world *session_world(struct session *session) {
    return session->driver.world;
}

struct controller *session_controller(struct session *session) {
    const struct session_driver *driver = &session->driver;
    return driver->get_controller ? driver->get_controller(driver->context) : NULL;
}

bool session_reads_at_once(const struct session *session) {
    return session->driver.reads_at_once;
}

bool session_is_virtual(const struct session *session) {
    return session->driver.poll_ms == 0;
}

bool session_has_trouble(struct session *session, struct error *err) {
    const struct session_driver *driver = &session->driver;
    if (driver->find_trouble && driver->find_trouble(driver->context, err))
        return true;
    bool is_silent = session->silent_since_ms > 0 && !session_is_virtual(session) &&
                     session_now_ms(session) - session->silent_since_ms >=
                         session->driver.wait_ms_min / SILENCE_PART;
    if (is_silent)
        error_set(err, ERROR_UNAVAILABLE, "the API server does not answer any more: %s",
                  session->silence.message);
    return is_silent;
}

static void note_answer(struct session *session, const struct completion *completion) {
    bool is_silence = completion->http_status == 0 && completion->err.code != ERROR_NONE;
    if (!is_silence)
        session->silent_since_ms = 0;
    else if (session->silent_since_ms == 0)
        session->silent_since_ms = session_now_ms(session);
    session->silence = completion->err;
}

/* The machine's load is no reason to give up. */
int64_t session_patience_ms(const struct session *session, int64_t within_ms) {
    int64_t min_ms = session->driver.wait_ms_min;
    return within_ms > min_ms ? within_ms : min_ms;
}

int64_t session_advance_ms_max(const struct session *session) {
    return session->driver.advance_ms_max;
}

bool session_is_shared(const struct session *session) {
    return session->driver.namespace_name.len > 0;
}

int64_t session_quiet_ms(const struct session *session) {
    return session->driver.quiet_ms;
}

int64_t session_rest_ms(const struct session *session) {
    int64_t rest_ms = session->driver.rest_ms, quiet_ms = session->driver.quiet_ms;
    return rest_ms > 0 && rest_ms < quiet_ms ? rest_ms : quiet_ms;
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

static bool await(struct session *session, const struct request *request, int64_t deadline_ms,
                  struct arena *arena, struct completion *ret_completion, struct error *err) {
    uint64_t id = transport_start(session->driver.user, request);
    struct completion completion;
    while (!session_has_trouble(session, err)) {
        run_due(session);
        /* Time passes only while there is no answer. */
        if (take_answer(session, id, &completion)) {
            keep(arena, &completion);
            note_answer(session, &completion);
            *ret_completion = completion;
            *err = completion.err;
            return true;
        }
        if (session_now_ms(session) >= deadline_ms)
            break;
        session->driver.step(session->driver.context, deadline_ms);
    }
    transport_cancel(session->driver.user, id);
    if (session_has_trouble(session, err))
        return false;
    return error_set(err, ERROR_TIMEOUT, "no answer to %.*s %.*s %.*s within %d s",
                     SV_ARG(verb_text(request->verb)), SV_ARG(request->plural),
                     SV_ARG(request->name), REQUEST_TIMEOUT_MS / 1000);
}

static void tell(struct session *session, const struct request *request,
                 const struct completion *completion) {
    const struct session_driver *driver = &session->driver;
    if (driver->see_user)
        driver->see_user(driver->context, request, completion);
}

/* What the server holds, which is in this process; no time passes. */
static bool look(struct session *session, const struct request *request, struct arena *arena,
                 struct completion *ret_completion, struct error *err) {
    struct api_response response = {0};
    fakeapi_handle(world_api(session->driver.world), request, SESSION_USER_AGENT, arena, &response);
    *ret_completion =
        (struct completion){.http_status = response.http_status, .body = response.body};
    if (response.http_status >= 400)
        api_status_to_error(response.body, response.http_status, &ret_completion->err);
    *err = ret_completion->err;
    return err->code == ERROR_NONE;
}

/* The answer as it is in the cluster. As kubectl does, the user comes again when the server says
 * when: it does while a definition that was changed takes effect. */
static bool exchange(struct session *session, const struct request *request, struct arena *arena,
                     struct completion *ret_completion, struct error *err) {
    if (session->driver.reads_at_once && (request->verb == VERB_GET || request->verb == VERB_LIST))
        return look(session, request, arena, ret_completion, err);
    int64_t deadline_ms =
        session_now_ms(session) + session_patience_ms(session, REQUEST_TIMEOUT_MS);
    struct completion completion;
    for (;;) {
        if (!await(session, request, deadline_ms, arena, &completion, err))
            return false;
        bool is_later =
            completion.err.code == ERROR_TOO_MANY_REQUESTS && completion.retry_after_ms > 0;
        if (!is_later || session_now_ms(session) + completion.retry_after_ms >= deadline_ms)
            break;
        session_advance(session, completion.retry_after_ms);
    }
    tell(session, request, &completion);
    *ret_completion = completion;
    return completion.err.code == ERROR_NONE;
}

bool session_request(struct session *session, const struct request *request, struct arena *arena,
                     struct completion *ret_completion, struct error *err) {
    struct sv own = session->driver.namespace_name;
    bool is_done = exchange(session, request, arena, ret_completion, err);
    if (is_done)
        ret_completion->body = session_view_seen(arena, own, ret_completion->body);
    else
        session_view_seen_error(own, err);
    return is_done;
}

static struct request own_request(const struct session *session, enum verb verb,
                                  const struct resource *resource, struct sv namespace_name,
                                  struct sv name, struct arena *arena) {
    struct sv own = session->driver.namespace_name;
    return request_to(verb, resource, session_view_namespace(own, resource, namespace_name),
                      session_view_name(arena, own, resource, name));
}

bool session_apply(struct session *session, const struct cJSON *object, struct error *err) {
    const struct resource *resource = resource_of_object(object);
    if (!resource)
        return error_set(err, ERROR_UNSUPPORTED, "%.*s %.*s cannot be applied here",
                         SV_ARG(json_find_string(object, "apiVersion")),
                         SV_ARG(json_find_string(object, "kind")));
    AUTO(arena) arena = arena_new();
    struct sv namespace_name = object_namespace(object), name = object_name(object);
    struct request request =
        own_request(session, VERB_PATCH, resource,
                    namespace_name.len ? namespace_name : SV("default"), name, arena);
    struct completion completion;
    request.patch_type = PATCH_APPLY;
    request.body = session_view_object(arena, session->driver.namespace_name, resource, object);
    request.field_manager = SV("kubectl");
    request.force = true;
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "apply %.*s %.*s", SV_ARG(resource->plural), SV_ARG(name));
}

bool session_merge_patch(struct session *session, const struct resource *resource,
                         struct sv namespace_name, struct sv name, struct sv subresource,
                         const struct cJSON *patch, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct request request =
        own_request(session, VERB_PATCH, resource, namespace_name, name, arena);
    request.subresource = subresource;
    request.patch_type = PATCH_MERGE;
    request.body = session_view_object(arena, session->driver.namespace_name, resource, patch);
    struct completion completion;
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "patch %.*s %.*s", SV_ARG(resource->plural), SV_ARG(name));
}

bool session_delete(struct session *session, const struct resource *resource,
                    struct sv namespace_name, struct sv name, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct request request =
        own_request(session, VERB_DELETE, resource, namespace_name, name, arena);
    struct completion completion;
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "delete %.*s %.*s", SV_ARG(resource->plural), SV_ARG(name));
}

const struct cJSON *session_get(struct session *session, const struct resource *resource,
                                struct sv namespace_name, struct sv name, struct arena *arena,
                                struct error *err) {
    struct request request = own_request(session, VERB_GET, resource, namespace_name, name, arena);
    struct completion completion;
    if (!session_request(session, &request, arena, &completion, err))
        return NULL;
    return completion.body;
}

/* Of the classes, which have no namespace, only those of the session. */
static struct cJSON *own_classes(const struct session *session, struct arena *arena,
                                 const struct cJSON *list) {
    struct cJSON *copy = json_copy(arena, list);
    struct cJSON *items = json_get(copy, SV("items")), *next;
    for (struct cJSON *item = items ? items->child : NULL; item; item = next) {
        next = item->next;
        if (!session_view_has(session->driver.namespace_name, object_name(item)))
            json_detach(items, item);
    }
    return copy;
}

/* Events of what has no namespace stand in the cluster's "default", among those of others. */
static bool add_class_events(struct session *session, struct request *request, struct arena *arena,
                             struct completion *completion, struct error *err) {
    struct completion rest;
    struct cJSON *list = json_copy(arena, completion->body);
    request->namespace_name = SV("default");
    if (!exchange(session, request, arena, &rest, err))
        return false;
    JSON_EACH (event, json_get(rest.body, SV("items")))
        if (session_view_has(session->driver.namespace_name,
                             json_find_string(event, "involvedObject.name")))
            json_append(json_ensure_list(arena, list, SV("items")), json_copy(arena, event));
    completion->body = list;
    return true;
}

const struct cJSON *session_list(struct session *session, const struct resource *resource,
                                 struct sv namespace_name, struct sv label_selector,
                                 struct arena *arena, struct error *err) {
    struct sv own = session->driver.namespace_name;
    struct request request =
        own_request(session, VERB_LIST, resource, namespace_name, SV(""), arena);
    struct completion completion;
    request.label_selector = label_selector;
    bool is_done = exchange(session, &request, arena, &completion, err);
    if (is_done && own.len > 0 && resource == &RESOURCE_EVENTS)
        is_done = add_class_events(session, &request, arena, &completion, err);
    if (!is_done) {
        session_view_seen_error(own, err);
        return NULL;
    }
    bool is_classes = own.len > 0 && resource == &RESOURCE_CACHE_RUNTIME_CLASSES;
    return session_view_seen(
        arena, own, is_classes ? own_classes(session, arena, completion.body) : completion.body);
}

/* Kubernetes says since 1.35 that they are numbers, and of one count for all kinds of an etcd. */
int64_t session_revision(struct session *session) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    int64_t revision = 0;
    const struct cJSON *list =
        session_list(session, &RESOURCE_DATASETS, SV(""), SV(""), arena, &err);
    return sv_to_int64(json_find_string(list, "metadata.resourceVersion"), &revision) ? revision
                                                                                      : 0;
}

/* Until something can have changed that `holds` looks at. */
static void step_to_next_look(struct session *session, int64_t deadline_ms) {
    struct error err = {0};
    int64_t look_ms = session_now_ms(session) + session->driver.poll_ms;
    look_ms = look_ms < deadline_ms ? look_ms : deadline_ms;
    if (session_is_virtual(session)) {
        session->driver.step(session->driver.context, deadline_ms);
        return;
    }
    while (session_now_ms(session) < look_ms && !session_has_trouble(session, &err))
        session->driver.step(session->driver.context, look_ms);
}

bool session_run_until(struct session *session, int64_t timeout_ms,
                       bool (*holds)(struct session *session, void *context), void *context) {
    struct error err = {0};
    int64_t deadline_ms = session_now_ms(session) + timeout_ms;
    for (;;) {
        /* What is due now comes first, so that a state in between is not taken for the end. */
        run_due(session);
        if (session_has_trouble(session, &err))
            return false;
        if (holds(session, context))
            return true;
        if (session_now_ms(session) >= deadline_ms)
            return false;
        step_to_next_look(session, deadline_ms);
    }
}

void session_advance(struct session *session, int64_t duration_ms) {
    struct error err = {0};
    int64_t until_ms = session_now_ms(session) + duration_ms;
    while (session_now_ms(session) < until_ms && !session_has_trouble(session, &err))
        session->driver.step(session->driver.context, until_ms);
    run_due(session);
}

bool session_settle(struct session *session, int64_t timeout_ms) {
    struct error err = {0};
    int64_t deadline_ms = session_now_ms(session) + session_patience_ms(session, timeout_ms);
    int64_t quiet_since_ms = session_now_ms(session);
    struct session_counts before, now;
    session_get_counts(session, &before);
    while (session_now_ms(session) < deadline_ms && !session_has_trouble(session, &err)) {
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
    const struct session_driver *driver = &session->driver;
    return driver->restart_controller &&
           (!driver->can_restart || driver->can_restart(driver->context));
}

void session_restart_controller(struct session *session) {
    assert(session->driver.restart_controller);
    session->driver.restart_controller(session->driver.context);
}

bool session_cut_watches(struct session *session) {
    const struct session_driver *driver = &session->driver;
    if (driver->cut_watches)
        driver->cut_watches(driver->context);
    return driver->cut_watches != NULL;
}

void session_get_counts(struct session *session, struct session_counts *ret_counts) {
    session->driver.get_counts(session->driver.context, ret_counts);
}

size_t session_node_count(const struct session_options *options) {
    return options->node_count ? options->node_count : NODE_COUNT_DEFAULT;
}

void session_counts_add(struct session_counts *counts, const struct request *request) {
    bool is_event = sv_eq(request->plural, SV("events"));
    if (request->verb == VERB_EXEC)
        counts->executions++;
    else if (request->verb == VERB_GET || request->verb == VERB_LIST || request->verb == VERB_WATCH)
        counts->reads++;
    else if (is_event)
        counts->events++;
    else
        counts->writes++;
}

/* --- a fresh cluster --- */

static bool install_crds(struct session *session, struct error *err) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < crd_count(); i++) {
        struct cJSON *crd = json_read(arena, crd_text(i), err);
        struct completion completion;
        if (!crd)
            return error_wrap(err, "built-in CRD %zu", i);
        struct request request =
            request_to(VERB_CREATE, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS, SV(""), SV(""));
        request.body = crd;
        if (!session_request(session, &request, arena, &completion, err))
            return error_wrap(err, "install CRD %.*s", SV_ARG(object_name(crd)));
    }
    return true;
}

size_t session_ready_node_count(struct session *session) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *nodes = session_list(session, &RESOURCE_NODES, SV(""), SV(""), arena, &err);
    size_t count = 0;
    JSON_EACH (node, json_get(nodes, SV("items")))
        count += object_condition_is_true(node, SV("Ready"));
    return count;
}

static bool cluster_is_ready(struct session *session, void *context) {
    const size_t *node_count = context;
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    return session_ready_node_count(session) == *node_count &&
           session_get(session, &RESOURCE_SERVICE_ACCOUNTS, SV("default"), SV("default"), arena,
                       &err) != NULL;
}

bool session_prepare(struct session *session, size_t node_count, struct error *err) {
    int64_t timeout_ms = session_patience_ms(session, PREPARE_TIMEOUT_MS);
    if (!install_crds(session, err))
        return false;
    if (session_run_until(session, timeout_ms, cluster_is_ready, &node_count))
        return true;
    if (session_has_trouble(session, err))
        return false;
    return error_set(err, ERROR_INTERNAL, "the simulated cluster did not become ready");
}
