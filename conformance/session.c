/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session.h"

#include "conformance/session_sim.h"
#include "core/api/crds.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"

enum {
    /* A user does not wait longer for one answer; virtual, or by the wall. */
    REQUEST_TIMEOUT_MS = 60 * 1000,
    PREPARE_TIMEOUT_MS = 60 * 1000,
    NODE_COUNT_DEFAULT = 3,
    /* Without any answer for so long the server is gone. */
    SILENCE_MS_MAX = 15 * 1000,
};

#define X(name, text) {"" text, sizeof(text) - 1},
const struct sv session_mode_names[] = {SESSION_MODES(X)};
#undef X

struct session {
    struct session_driver driver;
    int64_t silent_since_ms; /* since then no request of the user was answered; 0: the last was */
    struct error silence;    /* why */
    struct arena *names;     /* of volumes, which are few */
};

struct session *session_new_with_driver(const struct session_driver *driver) {
    struct session *session = mem_alloc(sizeof(*session));
    session->driver = *driver;
    session->names = arena_new();
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

void session_free(struct session *session) {
    if (!session)
        return;
    session->driver.free(session->driver.context);
    arena_free(session->names);
    mem_free(session);
}

struct world *session_world(struct session *session) {
    return session->driver.world;
}

struct controller *session_controller(struct session *session) {
    const struct session_driver *driver = &session->driver;
    return driver->get_controller ? driver->get_controller(driver->context) : NULL;
}

bool session_is_virtual(const struct session *session) {
    return session->driver.poll_ms == 0;
}

bool session_has_trouble(struct session *session, struct error *err) {
    const struct session_driver *driver = &session->driver;
    if (driver->find_trouble && driver->find_trouble(driver->context, err))
        return true;
    bool is_silent = session->silent_since_ms > 0 && !session_is_virtual(session) &&
                     session_now_ms(session) - session->silent_since_ms >= SILENCE_MS_MAX;
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
    int64_t deadline_ms =
        session_now_ms(session) + session_patience_ms(session, REQUEST_TIMEOUT_MS);
    struct completion completion;
    while (!session_has_trouble(session, err)) {
        run_due(session);
        /* Time passes only while there is no answer. */
        if (take_answer(session, id, &completion)) {
            keep(arena, &completion);
            note_answer(session, &completion);
            *ret_completion = completion;
            *err = completion.err;
            return completion.err.code == ERROR_NONE;
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

/* A session that has no cluster of its own has a namespace, which is the user's default one. */
static struct sv scoped(const struct session *session, const struct resource *resource,
                        struct sv namespace_name) {
    bool is_default = namespace_name.len == 0 || sv_eq(namespace_name, SV("default"));
    if (!resource->is_namespaced)
        return SV("");
    return is_default && session->driver.namespace_name.len > 0 ? session->driver.namespace_name
                                                                : namespace_name;
}

/* A volume is named after the namespace and the runtime that it is for. */
static struct sv scoped_name(const struct session *session, const struct resource *resource,
                             struct sv name) {
    static const struct sv own = {"default-", 8};
    struct sv namespace_name = session->driver.namespace_name;
    if (resource != &RESOURCE_PERSISTENT_VOLUMES || namespace_name.len == 0 ||
        !sv_starts_with(name, own))
        return name;
    return arena_printf(session->names, "%.*s-%.*s", SV_ARG(namespace_name),
                        SV_ARG(sv_drop(name, own.len)));
}

static struct request request_to(const struct session *session, enum verb verb,
                                 const struct resource *resource, struct sv namespace_name,
                                 struct sv name) {
    return (struct request){
        .verb = verb,
        .group = resource->group,
        .version = resource->version,
        .plural = resource->plural,
        .namespace_name = scoped(session, resource, namespace_name),
        .name = scoped_name(session, resource, name),
        .subresource = SV(""),
    };
}

/* The object as it is there: in the session's namespace, or marked as the session's. */
static const struct cJSON *as_ours(const struct session *session, struct arena *arena,
                                   const struct cJSON *object, const struct resource *resource,
                                   struct sv namespace_name) {
    struct sv own = object_namespace(object);
    bool is_marked = session_is_shared(session) && !resource->is_namespaced;
    if (!is_marked && (own.len == 0 || sv_eq(own, namespace_name)))
        return object;
    struct cJSON *copy = json_copy(arena, object);
    struct cJSON *metadata = json_ensure_map(arena, copy, SV("metadata"));
    if (is_marked)
        json_set_string(arena, json_ensure_map(arena, metadata, SV("labels")), SESSION_LABEL,
                        session->driver.namespace_name);
    else
        json_set_string(arena, metadata, SV("namespace"), namespace_name);
    return copy;
}

/* What others have in the cluster is not overwritten. */
static bool is_free(struct session *session, const struct cJSON *object,
                    const struct resource *resource, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct error absent = {0};
    if (!session_is_shared(session) || resource->is_namespaced)
        return true;
    struct sv name = object_name(object);
    const struct cJSON *found = session_get(session, resource, SV(""), name, arena, &absent);
    return !found || sv_eq(object_label(found, SESSION_LABEL), session->driver.namespace_name) ||
           error_set(err, ERROR_ALREADY_EXISTS,
                     "%.*s %.*s is in the cluster already and is somebody else's: give yours "
                     "another name",
                     SV_ARG(resource->kind), SV_ARG(name));
}

bool session_apply(struct session *session, const struct cJSON *object, struct error *err) {
    const struct resource *resource = resource_of_object(object);
    if (!resource)
        return error_set(err, ERROR_UNSUPPORTED, "%.*s %.*s cannot be applied here",
                         SV_ARG(json_find_string(object, "apiVersion")),
                         SV_ARG(json_find_string(object, "kind")));
    struct sv namespace_name = object_namespace(object);
    struct request request =
        request_to(session, VERB_PATCH, resource,
                   namespace_name.len ? namespace_name : SV("default"), object_name(object));
    AUTO(arena) arena = arena_new();
    struct completion completion;
    request.patch_type = PATCH_APPLY;
    request.body = as_ours(session, arena, object, resource, request.namespace_name);
    request.field_manager = SV("kubectl");
    request.force = true;
    if (is_free(session, object, resource, err) &&
        session_request(session, &request, arena, &completion, err))
        return true;
    return error_wrap(err, "apply %.*s %.*s", SV_ARG(resource->plural), SV_ARG(request.name));
}

bool session_merge_patch(struct session *session, const struct resource *resource,
                         struct sv namespace_name, struct sv name, struct sv subresource,
                         const struct cJSON *patch, struct error *err) {
    struct request request = request_to(session, VERB_PATCH, resource, namespace_name, name);
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
    struct request request = request_to(session, VERB_DELETE, resource, namespace_name, name);
    AUTO(arena) arena = arena_new();
    struct completion completion;
    return session_request(session, &request, arena, &completion, err) ||
           error_wrap(err, "delete %.*s %.*s", SV_ARG(resource->plural), SV_ARG(name));
}

const struct cJSON *session_get(struct session *session, const struct resource *resource,
                                struct sv namespace_name, struct sv name, struct arena *arena,
                                struct error *err) {
    struct request request = request_to(session, VERB_GET, resource, namespace_name, name);
    struct completion completion;
    if (!session_request(session, &request, arena, &completion, err))
        return NULL;
    return completion.body;
}

const struct cJSON *session_list(struct session *session, const struct resource *resource,
                                 struct sv namespace_name, struct sv label_selector,
                                 struct arena *arena, struct error *err) {
    struct request request = request_to(session, VERB_LIST, resource, namespace_name, SV(""));
    request.label_selector = label_selector;
    struct completion completion;
    /* Of classes, which have no namespace, only those of the session. */
    if (session_is_shared(session) && resource == &RESOURCE_CACHE_RUNTIME_CLASSES)
        request.label_selector = arena_printf(arena, "%.*s=%.*s", SV_ARG(SESSION_LABEL),
                                              SV_ARG(session->driver.namespace_name));
    if (!session_request(session, &request, arena, &completion, err))
        return NULL;
    return completion.body;
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
    return session->driver.restart_controller != NULL;
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
        struct request request = {
            .verb = VERB_CREATE,
            .group = RESOURCE_CUSTOM_RESOURCE_DEFINITIONS.group,
            .version = RESOURCE_CUSTOM_RESOURCE_DEFINITIONS.version,
            .plural = RESOURCE_CUSTOM_RESOURCE_DEFINITIONS.plural,
            .namespace_name = SV(""),
            .name = SV(""),
            .subresource = SV(""),
            .body = crd,
        };
        if (!session_request(session, &request, arena, &completion, err))
            return error_wrap(err, "install CRD %.*s", SV_ARG(object_name(crd)));
    }
    return true;
}

static bool cluster_is_ready(struct session *session, void *context) {
    const size_t *node_count = context;
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *nodes = session_list(session, &RESOURCE_NODES, SV(""), SV(""), arena, &err);
    size_t ready_count = 0;
    JSON_EACH (node, json_get(nodes, SV("items")))
        ready_count += object_condition_is_true(node, SV("Ready"));
    return ready_count == *node_count &&
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
