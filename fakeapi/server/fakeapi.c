/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/fakeapi.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/review.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook_parts.h"

enum {
    WATCH_WINDOW_EVENTS_DEFAULT = 16384,
    /* Of the old versions of one kind: what 16,384 usual ones take, and not what large ones do. */
    WATCH_WINDOW_BYTES = 128 * 1024 * 1024,
};

/* --- what a server has from its first moment on --- */

static const struct {
    struct sv group, plural;
    const char *object;
} first_objects[] = {
    {SV(""), SV("namespaces"), "{\"metadata\":{\"name\":\"default\"}}"},
    {SV(""), SV("namespaces"), "{\"metadata\":{\"name\":\"kube-system\"}}"},
    {SV(""), SV("namespaces"), "{\"metadata\":{\"name\":\"kube-public\"}}"},
    {SV(""), SV("namespaces"), "{\"metadata\":{\"name\":\"kube-node-lease\"}}"},
    {SV(""), SV("services"),
     "{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\",\"labels\":{"
     "\"component\":\"apiserver\",\"provider\":\"kubernetes\"}},\"spec\":{\"clusterIP\":"
     "\"10.96.0.1\",\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\",\"port\":443,"
     "\"targetPort\":6443}]}}"},
    {SV("scheduling.k8s.io"), SV("priorityclasses"),
     "{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000,\"description\":"
     "\"Used for system critical pods that must not be moved from their current node.\"}"},
    {SV("scheduling.k8s.io"), SV("priorityclasses"),
     "{\"metadata\":{\"name\":\"system-cluster-critical\"},\"value\":2000000000,\"description\":"
     "\"Used for system critical pods that must run in the cluster, but can be moved to another "
     "node if necessary.\"}"},
};

static void create_first_objects(struct fakeapi *api) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(first_objects); i++) {
        struct error err = {0};
        const struct cJSON *object = json_read(arena, sv_from(first_objects[i].object), &err);
        assert(object);
        struct request request = {
            .verb = VERB_CREATE,
            .group = first_objects[i].group,
            .version = SV("v1"),
            .plural = first_objects[i].plural,
            .namespace_name = json_find_string(object, "metadata.namespace"),
            .name = SV(""),
            .subresource = SV(""),
            .body = object,
        };
        struct api_response response;
        fakeapi_handle(api, &request, SV("kube-apiserver"), arena, &response);
        assert(response.http_status == 201);
    }
}

struct fakeapi *fakeapi_new(const struct fakeapi_options *options) {
    struct fakeapi *api = mem_alloc(sizeof(*api));
    api->options = *options;
    if (!api->options.log)
        api->options.log = log_none();
    if (api->options.watch_window_events == 0)
        api->options.watch_window_events = WATCH_WINDOW_EVENTS_DEFAULT;
    api->registry = registry_new();
    size_t kept = options->watch_kept_events;
    api->store = store_new((struct log_window){
        .events_max = api->options.watch_window_events,
        .events_kept = kept ? kept : api->options.watch_window_events,
        .bytes_max = WATCH_WINDOW_BYTES,
    });
    api->service_addresses = service_addresses_new();
    api->service_routes = map_new();
    api->aggregation =
        aggregation_new(builtin_collection(api, SV("apiregistration.k8s.io"), SV("apiservices")));
    rng_init_named(&api->uid_rng, options->seed, SV("uid"));
    rng_init_named(&api->own_uid_rng, options->seed, SV("uid of the server's own"));
    rng_init_named(&api->name_rng, options->seed, SV("generateName"));
    create_first_objects(api);
    return api;
}

void fakeapi_free(struct fakeapi *api) {
    if (!api)
        return;
    service_addresses_free(api->service_addresses);
    map_free(api->service_routes);
    aggregation_free(api->aggregation);
    store_free(api->store);
    registry_free(api->registry);
    mem_free(api);
}

void fakeapi_route_service(struct fakeapi *api, struct sv service, const char *address) {
    map_put(api->service_routes, service, (void *)(uintptr_t)address);
}

/* --- requests --- */

/* A view that was left zeroed becomes an empty one: requests are built with initialisers. */
static void fill_view(struct sv *view) {
    if (!view->ptr)
        *view = SV("");
}

static struct request filled(const struct request *request) {
    struct request copy = *request;
    struct sv *views[] = {
        &copy.group,
        &copy.version,
        &copy.plural,
        &copy.namespace_name,
        &copy.name,
        &copy.subresource,
        &copy.field_manager,
        &copy.label_selector,
        &copy.field_selector,
        &copy.continue_token,
        &copy.resource_version,
        &copy.field_validation,
        &copy.resource_version_match,
        &copy.body_faults,
    };
    for (size_t i = 0; i < COUNT_OF(views); i++)
        fill_view(views[i]);
    return copy;
}

static bool find_type(struct call *call) {
    const struct request *request = call->request;
    call->type =
        registry_find(call->api->registry, request->group, request->version, request->plural);
    if (!call->type)
        return refuse(call, 404, "NotFound", SV("the server could not find the requested resource"),
                      json_map(call->arena));
    call->collection = store_collection(call->api->store, call->type->storage_key);
    return true;
}

static void dispatch(struct call *call) {
    static void (*const handlers[])(struct call *) = {
        [VERB_GET] = handle_get,
        [VERB_LIST] = handle_list,
        [VERB_CREATE] = handle_create,
        [VERB_UPDATE] = handle_update,
        [VERB_PATCH] = handle_patch,
        [VERB_DELETE] = handle_delete,
        [VERB_DELETE_COLLECTION] = handle_delete_collection,
    };
    assert((size_t)call->request->verb < COUNT_OF(handlers));
    assert(handlers[call->request->verb]);
    if (!check_write_options(call))
        return;
    if (is_usage(call->api, call->type))
        handle_usage(call);
    else if (call->request->subresource.len > 0)
        handle_subresource(call);
    else
        handlers[call->request->verb](call);
    settle_definitions(call);
}

static void init_call(struct call *call, struct fakeapi *api, const struct request *request,
                      struct sv user_agent, struct arena *arena, struct api_response *response) {
    *response = (struct api_response){0};
    *call = (struct call){
        .api = api,
        .request = request,
        .user_agent = user_agent,
        .arena = arena,
        .now_ms = clock_now_ms(api->options.clock),
        .uid_rng = &api->uid_rng,
        .name_rng = &api->name_rng,
        .response = response,
    };
}

/* Agents of the cluster are users, too: "system:statefulset-controller". */
static struct user_info agent_user(struct arena *arena, struct sv user_agent) {
    static const struct sv groups[] = {{"system:authenticated", 20}};
    struct sv product = sv_cut(&user_agent, '/');
    struct sv name = arena_printf(arena, "system:%.*s", SV_ARG(product));
    return (struct user_info){
        .name = name, .uid = SV(""), .groups = groups, .group_count = COUNT_OF(groups)};
}

struct collection *builtin_collection(struct fakeapi *api, struct sv group, struct sv plural) {
    const struct resource_type *type = registry_find(api->registry, group, SV("v1"), plural);
    assert(type);
    return store_collection(api->store, type->storage_key);
}

void join_dialogue(struct call *call, struct dialogue *dialogue) {
    if (!dialogue)
        return;
    dialogue_begin(dialogue);
    call->dialogue = dialogue;
    call->now_ms = dialogue_now_ms(dialogue);
    call->uid_rng = dialogue_uid_rng(dialogue);
    call->name_rng = dialogue_name_rng(dialogue);
}

const struct user_info *call_user(struct call *call) {
    if (call->user.name.len == 0)
        call->user = agent_user(call->arena, call->user_agent);
    return &call->user;
}

struct call inner_call(struct call *call, const struct resource_type *type,
                       const struct request *request, struct api_response *ret_response) {
    struct call inner;
    init_call(&inner, call->api, request, call->user_agent, call->arena, ret_response);
    inner.type = type;
    inner.collection = store_collection(call->api->store, type->storage_key);
    inner.now_ms = call->now_ms;
    inner.uid_rng = call->uid_rng;
    inner.name_rng = call->name_rng;
    inner.user = call->user;
    inner.dialogue = call->dialogue;
    inner.audit_annotations = call->audit_annotations;
    return inner;
}

bool begin_call(struct call *call, struct fakeapi *api, const struct request *request,
                struct request *ret_request, struct sv user_agent, struct arena *arena,
                struct api_response *ret_response) {
    *ret_request = filled(request);
    init_call(call, api, ret_request, user_agent, arena, ret_response);
    return find_type(call);
}

/* Where another API server answers: no type is known here. */
static bool begin_remote_call(struct call *call, struct fakeapi *api, const struct request *request,
                              struct request *ret_request, const struct caller *caller,
                              struct arena *arena, struct api_response *ret_response) {
    struct remote_api remote;
    if (!request->group.ptr || !aggregation_find(api, request->group, request->version, &remote))
        return false;
    *ret_request = filled(request);
    init_call(call, api, ret_request, caller->user_agent, arena, ret_response);
    if (caller->user)
        call->user = *caller->user;
    join_dialogue(call, caller->dialogue);
    handle_remote(call, &remote);
    return true;
}

/* Tokens are the front's to know: within the cluster nobody is behind one. */
static void find_nobody(void *context, const struct token_question *question, struct arena *arena,
                        struct token_answer *ret_answer) {
    (void)context;
    (void)question;
    (void)arena;
    *ret_answer = (struct token_answer){.user = {.name = SV(""), .uid = SV("")},
                                        .problem = SV("tokens are not read here")};
}

/* What parts of the cluster ask; the front answers what others do. False: it is no such
 * question. */
static bool answer_review(struct fakeapi *api, const struct request *request,
                          const struct caller *caller, struct arena *arena,
                          struct api_response *ret_response) {
    struct sv agent = caller->user_agent;
    if (request->verb != VERB_CREATE || request->group.len == 0)
        return false;
    struct request question = filled(request);
    if (!is_review(&question))
        return false;
    struct user_info user = caller->user ? *caller->user : agent_user(arena, caller->user_agent);
    review_answer(&(struct review_options){.rbac = api->rbac,
                                           .user = &user,
                                           .manager = sv_cut(&agent, '/'),
                                           .now_ms = clock_now_ms(api->options.clock),
                                           .find_user = find_nobody},
                  &question, arena, ret_response);
    return true;
}

bool fakeapi_handle_as(struct fakeapi *api, const struct request *request,
                       const struct caller *caller, struct arena *arena,
                       struct api_response *ret_response) {
    struct request copy;
    struct call call;
    api->request_count++;
    if (answer_review(api, request, caller, arena, ret_response))
        return true;
    if (begin_remote_call(&call, api, request, &copy, caller, arena, ret_response))
        return !call.is_waiting;
    if (begin_call(&call, api, request, &copy, caller->user_agent, arena, ret_response)) {
        call.user =
            caller->user ? *caller->user : (struct user_info){.name = SV(""), .uid = SV("")};
        join_dialogue(&call, caller->dialogue);
        call.table = caller->table;
        call.audit_annotations = caller->audit_annotations;
        warn_of_type(&call);
        dispatch(&call);
    }
    if (call.is_waiting)
        return false;
    if (ret_response->warning_count > 0) {
        struct sv *warnings = ARENA_ARRAY(arena, struct sv, ret_response->warning_count);
        memcpy(warnings, call.warnings, sizeof(*warnings) * ret_response->warning_count);
        ret_response->warnings = warnings;
    }
    assert(ret_response->http_status != 0);
    return true;
}

void fakeapi_handle(struct fakeapi *api, const struct request *request, struct sv user_agent,
                    struct arena *arena, struct api_response *ret_response) {
    bool is_answered = fakeapi_handle_as(api, request, &(struct caller){.user_agent = user_agent},
                                         arena, ret_response);
    assert(is_answered);
}

/* --- admission webhooks --- */

static bool has_objects(struct fakeapi *api, struct sv plural) {
    return builtin_collection(api, SV("admissionregistration.k8s.io"), plural)->count > 0;
}

bool fakeapi_needs_dialogue(struct fakeapi *api, const struct request *request) {
    const struct resource_type *type =
        request->group.len > 0
            ? registry_find(api->registry, request->group, request->version, request->plural)
            : NULL;
    struct remote_api remote;
    if (type && type->conversion_webhook)
        return true;
    if (request->group.len > 0 && aggregation_find(api, request->group, request->version, &remote))
        return true;
    return (verb_is_write(request->verb) || request->verb == VERB_EXEC) &&
           (has_objects(api, SV("mutatingwebhookconfigurations")) ||
            has_objects(api, SV("validatingwebhookconfigurations")));
}

void fakeapi_set_webhook_client(struct fakeapi *api, struct webhook_client *client) {
    api->webhook_client = client;
}

void fakeapi_set_authorizer(struct fakeapi *api, struct rbac *rbac) {
    api->rbac = rbac;
}

void fakeapi_set_certificate_reader(struct fakeapi *api, certificate_reader *read) {
    api->read_certificate = read;
}

void fakeapi_set_exec_pods(struct fakeapi *api, fakeapi_find_pod *find, void *context) {
    api->find_exec_pod = find;
    api->find_exec_pod_context = context;
}

/* NULL: refused. */
static const struct cJSON *find_exec_pod(struct call *call) {
    const struct request *request = call->request;
    const struct cJSON *pod = NULL;
    if (call->api->find_exec_pod)
        pod = call->api->find_exec_pod(call->api->find_exec_pod_context, request->namespace_name,
                                       request->name);
    struct stored *stored = pod ? NULL : find_or_refuse(call);
    return stored ? stored_tree(stored) : pod;
}

bool fakeapi_check_exec(struct fakeapi *api, const struct request *request, struct arena *arena,
                        const struct cJSON **ret_pod, struct api_response *ret_response) {
    struct request copy;
    struct call call;
    if (!begin_call(&call, api, request, &copy, SV(""), arena, ret_response))
        return false;
    const struct cJSON *pod = find_exec_pod(&call);
    if (!pod)
        return false;
    struct sv container = copy.exec.container.ptr ? copy.exec.container : SV("");
    bool is_known = sv_is_empty(container);
    static const char *const lists[] = {"spec.containers", "spec.initContainers",
                                        "spec.ephemeralContainers"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (each, json_find(pod, lists[i]))
            is_known |= sv_eq(json_find_string(each, "name"), container);
    if (!is_known)
        return refuse_bad_request(&call,
                                  arena_printf(arena, "container %.*s is not valid for pod %.*s",
                                               SV_ARG(container), SV_ARG(copy.name)));
    if (json_find_string(pod, "spec.nodeName").len == 0)
        return refuse_bad_request(
            &call,
            arena_printf(arena, "pod %.*s does not have a host assigned", SV_ARG(copy.name)));
    *ret_pod = pod;
    return true;
}

bool fakeapi_learn_type(struct fakeapi *api, const struct cJSON *crd, struct error *err) {
    api->schema_revision = store_revision(api->store);
    return registry_put_crd(api->registry, crd, err);
}

void fakeapi_forget_type(struct fakeapi *api, const struct cJSON *crd) {
    registry_remove_crd(api->registry, crd);
}

/* --- upkeep --- */

uint64_t fakeapi_revision(const struct fakeapi *api) {
    return store_revision(api->store);
}

void fakeapi_trim(struct fakeapi *api) {
    store_trim(api->store);
}

void fakeapi_compact(struct fakeapi *api) {
    store_compact(api->store);
}

const struct registry *fakeapi_registry(const struct fakeapi *api) {
    return api->registry;
}

void fakeapi_get_stats(const struct fakeapi *api, struct fakeapi_stats *ret_stats) {
    struct store_stats store;
    store_get_stats(api->store, &store);
    *ret_stats = (struct fakeapi_stats){
        .requests = api->request_count,
        .writes = store.writes,
        .objects = store.objects,
        .watch_events = api->watch_event_count,
        .tree_bytes = store.tree_bytes,
    };
}
