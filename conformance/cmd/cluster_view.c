/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/cluster_view.h"

#include "conformance/options.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/controller/controller.h"
#include "core/data/json.h"
#include "core/platform/cluster_clients.h"
#include "core/platform/event_loop.h"
#include "core/reconcile/plan.h"

#include <unistd.h>

enum {
    /* Lists of a large cluster take seconds; a CRD or a right that is missing stays so. */
    READ_MS_MAX = 15 * 1000,
    RESYNC_MS = 600 * 1000,
    MISSING_BYTES_MAX = 8 * 1024,
    OBJECTS_MAX = 3,
};

/* Hands reading on, and nothing else. */
struct reader {
    struct transport base; /* first: a transport pointer is a reader pointer */
    struct transport *inner;
};

struct cluster_view {
    struct arena *arena;
    struct sv key, namespace_name, name;
    struct event_loop *loop;
    struct cluster_clients *clients;
    struct reader reader;
    struct controller *controller;
};

/* --- reading --- */

/* Connections, and the controller once there is one. */
static void turn(struct cluster_view *view, int64_t until_ms) {
    int64_t due_ms =
        view->controller ? deadline_earlier(controller_step(view->controller), until_ms) : until_ms;
    int64_t now_ms = wall_now_ms();
    due_ms = deadline_earlier(due_ms, cluster_clients_run(view->clients, now_ms));
    event_loop_wait(view->loop, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* NULL and `err` without an answer, or with one that is none. */
static const struct cJSON *ask(struct cluster_view *view, enum verb verb,
                               const struct resource *resource, struct sv name, struct arena *arena,
                               struct error *err) {
    struct request request = request_to(verb, resource, view->namespace_name, name);
    request.limit = verb == VERB_LIST;
    struct transport *transport =
        cluster_clients_connect(view->clients, SV("crctl/" CACHERUNTIME_VERSION));
    uint64_t id = transport_start(transport, &request);
    int64_t until_ms = wall_now_ms() + READ_MS_MAX;
    struct completion answer = {0};
    while (answer.id != id && wall_now_ms() < until_ms && !event_loop_is_stopping(view->loop))
        if (!transport_take(transport, &answer))
            turn(view, until_ms);
    if (answer.id != id)
        error_set(&answer.err, ERROR_TIMEOUT, "%.*s does not answer",
                  SV_ARG(cluster_clients_server(view->clients)));
    const struct cJSON *body = answer.err.code == ERROR_NONE ? json_copy(arena, answer.body) : NULL;
    *err = answer.err;
    cluster_clients_disconnect(view->clients, transport);
    return body;
}

/* What stands in the way of everything is said at once. */
static bool can_read(struct cluster_view *view, struct error *err) {
    AUTO(arena) arena = arena_new();
    if (ask(view, VERB_LIST, &RESOURCE_CACHE_RUNTIMES, SV(""), arena, err))
        return true;
    return cluster_clients_explain(view->clients, err);
}

static uint64_t start_reading(struct transport *transport, const struct request *request) {
    struct reader *reader = (struct reader *)transport;
    assert(request->verb == VERB_GET || request->verb == VERB_LIST || request->verb == VERB_WATCH);
    return transport_start(reader->inner, request);
}

static bool take_read(struct transport *transport, struct completion *ret_completion) {
    return transport_take(((struct reader *)transport)->inner, ret_completion);
}

static void cancel_reading(struct transport *transport, uint64_t id) {
    transport_cancel(((struct reader *)transport)->inner, id);
}

static bool is_read(const struct cluster_view *view) {
    return controller_is_synced(view->controller) && controller_is_idle(view->controller);
}

static bool fail_missing(const struct cluster_view *view, struct error *err) {
    struct buf missing;
    buf_init(&missing, MISSING_BYTES_MAX);
    controller_list_missing(view->controller, &missing);
    struct sv text = sv_trim(buf_view(&missing));
    error_set(err, ERROR_UNAVAILABLE, "%.*s cannot be read within %d s:\n%.*s",
              SV_ARG(cluster_clients_server(view->clients)), READ_MS_MAX / 1000,
              SV_ARG(text.len > 0 ? text : SV("it does not come to rest")));
    buf_release(&missing);
    return false;
}

static bool read_all(struct cluster_view *view, struct error *err) {
    int64_t until_ms = wall_now_ms() + READ_MS_MAX;
    while (!is_read(view)) {
        if (event_loop_is_stopping(view->loop))
            return error_set(err, ERROR_UNAVAILABLE, "interrupted");
        if (wall_now_ms() >= until_ms)
            return fail_missing(view, err);
        turn(view, until_ms);
    }
    return true;
}

static bool is_known(struct cluster_view *view, struct error *err) {
    AUTO(arena) arena = arena_new();
    struct plan plan;
    return controller_plan(view->controller, view->namespace_name, view->name, arena, &plan) ||
           error_set(err, ERROR_NOT_FOUND,
                     "there is no CacheRuntime and no Dataset %.*s; crctl status lists what there "
                     "is",
                     SV_ARG(view->key));
}

/* --- building it --- */

static void start_controller(struct cluster_view *view) {
    view->reader = (struct reader){
        .base = {.start = start_reading, .take = take_read, .cancel = cancel_reading},
        .inner = cluster_clients_connect(view->clients, SV("crctl/" CACHERUNTIME_VERSION)),
    };
    view->controller = controller_new(&(struct controller_options){
        .transport = &view->reader.base,
        .clock = wall_clock(),
        .log = log_none(),
        .reconcile =
            {
                .mount_root = SV("/runtime-mnt"),
                .field_manager = SV("cacheruntime-controller"),
                .owns_datasets = true,
                .resync_ms = RESYNC_MS,
            },
        .identity = SV("crctl"),
        .namespaces = view->namespace_name,
        .class_selector = SV(""),
        .is_dry_run = true,
    });
}

static void take_key(struct cluster_view *view, struct sv key) {
    bool has_namespace = sv_find(key, '/') < key.len;
    view->key =
        has_namespace ? arena_copy(view->arena, key) : object_key(view->arena, SV("default"), key);
    view->name = view->key;
    view->namespace_name = sv_cut(&view->name, '/');
}

struct cluster_view *cluster_view_new(const struct cluster_view_options *options,
                                      struct error *err) {
    struct cluster_view *view = mem_alloc(sizeof(*view));
    view->arena = arena_new();
    view->loop = event_loop_new();
    event_loop_catch_signals(view->loop);
    take_key(view, options->key);
    view->clients = cluster_clients_new(
        &(struct cluster_clients_options){
            .loop = view->loop,
            .log = log_none(),
            .kubeconfig = options->kubeconfig,
            .context = options->context,
        },
        err);
    if (view->clients && can_read(view, err)) {
        start_controller(view);
        if (read_all(view, err) && is_known(view, err))
            return view;
    }
    cluster_view_free(view);
    return NULL;
}

void cluster_view_free(struct cluster_view *view) {
    if (!view)
        return;
    controller_free(view->controller);
    cluster_clients_free(view->clients);
    event_loop_free(view->loop);
    arena_free(view->arena);
    mem_free(view);
}

/* --- which runtime --- */

static bool is_key(struct sv text) {
    struct sv rest = text, namespace_name = sv_cut(&rest, '/');
    bool has_both = namespace_name.len > 0 && rest.len > 0;
    return has_both && sv_find(rest, '/') == rest.len && sv_find(text, '.') == text.len;
}

static bool is_file(struct sv path) {
    AUTO(arena) arena = arena_new();
    return access(arena_copy(arena, path).ptr, F_OK) == 0;
}

bool cluster_view_is_meant(struct sv kubeconfig, struct sv context,
                           const struct operands *operands) {
    return kubeconfig.len + context.len > 0 ||
           (operands->count == 1 && is_key(operands->items[0]) && !is_file(operands->items[0]));
}

struct cluster_view *cluster_view_of_operand(struct sv kubeconfig, struct sv context,
                                             const struct operands *operands, struct error *err) {
    if (operands->count != 1) {
        error_set(err, ERROR_INVALID, "of a cluster name one runtime: NAMESPACE/NAME");
        return NULL;
    }
    struct sv key = operands->items[0];
    struct cluster_view *view =
        cluster_view_new(&(struct cluster_view_options){kubeconfig, context, key}, err);
    /* A path that was mistyped is to be recognised as one. */
    if (!view && kubeconfig.len + context.len == 0)
        error_wrap(err, "no file is called %.*s, and of a cluster", SV_ARG(key));
    return view;
}

/* --- what it shows --- */

struct sv cluster_view_key(const struct cluster_view *view) {
    return view->key;
}

void cluster_view_plan(struct cluster_view *view, struct arena *arena, struct plan *ret_plan) {
    bool was_known =
        controller_plan(view->controller, view->namespace_name, view->name, arena, ret_plan);
    assert(was_known);
}

/* One object; `*ret_object` NULL: it does not exist. */
static bool get(struct cluster_view *view, const struct resource *resource, struct sv name,
                struct arena *arena, const struct cJSON **ret_object, struct error *err) {
    struct error answer = {0};
    *ret_object = ask(view, VERB_GET, resource, name, arena, &answer);
    return *ret_object || answer.code == ERROR_NOT_FOUND ||
           error_set(err, answer.code, "%.*s %.*s cannot be read: %s", SV_ARG(resource->plural),
                     SV_ARG(name), answer.message);
}

bool cluster_view_explain(struct cluster_view *view, struct arena *arena,
                          struct explanation *ret_explanation, struct error *err) {
    struct plan *plan = ARENA_NEW(arena, struct plan);
    cluster_view_plan(view, arena, plan);
    *ret_explanation = (struct explanation){
        .key = view->key, .plan = plan, .now_ms = wall_now_ms(), .is_fresh = true};
    return get(view, &RESOURCE_CACHE_RUNTIMES, view->name, arena, &ret_explanation->runtime, err) &&
           get(view, &RESOURCE_DATASETS, view->name, arena, &ret_explanation->dataset, err);
}

bool cluster_view_objects(struct cluster_view *view, struct arena *arena,
                          struct manifest *ret_manifest, struct error *err) {
    const struct cJSON *runtime, *dataset, *class = NULL;
    if (!get(view, &RESOURCE_CACHE_RUNTIMES, view->name, arena, &runtime, err) ||
        !get(view, &RESOURCE_DATASETS, view->name, arena, &dataset, err))
        return false;
    struct sv class_name = json_find_string(runtime, "spec.runtimeClassName");
    if (class_name.len > 0 &&
        !get(view, &RESOURCE_CACHE_RUNTIME_CLASSES, class_name, arena, &class, err))
        return false;
    const struct cJSON *const objects[OBJECTS_MAX] = {class, dataset, runtime};
    *ret_manifest = (struct manifest){
        .path = cluster_clients_server(view->clients), .text = SV(""), .arena = arena};
    struct yaml_documents *documents = &ret_manifest->documents;
    documents->roots = ARENA_ARRAY(arena, struct cJSON *, OBJECTS_MAX);
    for (size_t i = 0; i < OBJECTS_MAX; i++)
        if (objects[i])
            documents->roots[documents->count++] = json_share(arena, objects[i]);
    return true;
}
