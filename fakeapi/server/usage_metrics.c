/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.k8s.io of the simulated nodes, as a metrics server has it. What a pod uses stands in its
 * annotations, as for kwok; a node uses what its pods do.
 */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

#define GROUP "metrics.k8s.io"
#define WINDOW "15s"

static const struct {
    struct sv resource, annotation;
    const char *otherwise;
} measures[] = {
    {SV("cpu"), SV("kwok.x-k8s.io/usage-cpu"), "1m"},
    {SV("memory"), SV("kwok.x-k8s.io/usage-memory"), "1Mi"},
};
enum { MEASURES = COUNT_OF(measures) };

#define COLUMN(name, path) "{\"name\":\"" name "\",\"type\":\"string\",\"jsonPath\":\"" path "\"}"
#define KIND(plural, kind, scope, columns)                                                         \
    "{\"metadata\":{\"name\":\"" plural "." GROUP "\"},\"spec\":{\"group\":\"" GROUP               \
    "\",\"scope\":\"" scope "\",\"names\":{\"plural\":\"" plural "\",\"kind\":\"" kind             \
    "\",\"listKind\":\"" kind                                                                      \
    "List\"},\"versions\":[{\"name\":\"v1beta1\",\"served\":true,\"storage\":true,"                \
    "\"additionalPrinterColumns\":[" columns COLUMN(                                               \
        "Window", ".window") "],"                                                                  \
                             "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","               \
                             "\"x-kubernetes-preserve-unknown-fields\":true}}}]}}"
#define NODE_COLUMNS COLUMN("CPU", ".usage.cpu") "," COLUMN("Memory", ".usage.memory") ","

void fakeapi_serve_usage(struct fakeapi *api) {
    static const char *const kinds[] = {
        KIND("nodes", "NodeMetrics", "Cluster", NODE_COLUMNS),
        KIND("pods", "PodMetrics", "Namespaced", ""),
    };
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct error err = {0};
        const struct cJSON *crd = json_read(arena, sv_from(kinds[i]), &err);
        bool is_known = crd && registry_put_crd(api->registry, crd, &err);
        assert(is_known);
    }
    api->serves_usage = true;
}

bool is_usage(const struct fakeapi *api, const struct resource_type *type) {
    return api->serves_usage && type->is_custom && sv_eq(type->resource.group, SV(GROUP));
}

/* --- one object --- */

static struct quantity used_by(const struct cJSON *pod, size_t measure) {
    struct sv text = object_annotation(pod, measures[measure].annotation);
    struct quantity quantity;
    if (text.len > 0 && quantity_parse(text, &quantity))
        return quantity;
    bool is_quantity = quantity_parse(sv_from(measures[measure].otherwise), &quantity);
    assert(is_quantity);
    return quantity;
}

static void set_usage(struct call *call, struct cJSON *map, const struct quantity *sums) {
    struct cJSON *usage = json_ensure_map(call->arena, map, SV("usage"));
    for (size_t i = 0; i < MEASURES; i++)
        json_set_string(call->arena, usage, measures[i].resource,
                        quantity_format(sums[i], call->arena));
}

static bool is_running(const struct cJSON *pod) {
    return sv_eq(json_find_string(pod, "status.phase"), SV("Running"));
}

/* With the name and the labels of what it is about. */
static struct cJSON *head_of(struct call *call, const struct cJSON *object) {
    static const char *const members[] = {"name", "namespace", "labels"};
    struct arena *arena = call->arena;
    struct cJSON *map = json_map(arena);
    const struct cJSON *source = json_get(object, SV("metadata"));
    struct cJSON *metadata = json_ensure_map(arena, map, SV("metadata"));
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const struct cJSON *member = json_get(source, sv_from(members[i]));
        if (member)
            json_set(arena, metadata, sv_from(members[i]), json_copy(arena, member));
    }
    struct sv now = api_time_format(call->now_ms, arena);
    json_set_string(arena, metadata, SV("creationTimestamp"), now);
    json_set_string(arena, map, SV("timestamp"), now);
    json_set_string(arena, map, SV("window"), SV(WINDOW));
    return map;
}

static struct cJSON *pod_usage(struct call *call, const struct cJSON *pod) {
    struct cJSON *map = head_of(call, pod);
    struct cJSON *list = json_ensure_list(call->arena, map, SV("containers"));
    struct quantity used[MEASURES];
    for (size_t i = 0; i < MEASURES; i++)
        used[i] = used_by(pod, i);
    JSON_EACH (container, json_find(pod, "spec.containers")) {
        struct cJSON *row = json_append(list, json_map(call->arena));
        json_set_string(call->arena, row, SV("name"), json_find_string(container, "name"));
        set_usage(call, row, used);
    }
    return map;
}

static struct quantity *no_usage(struct arena *arena) {
    struct quantity *sums = ARENA_ARRAY(arena, struct quantity, MEASURES);
    for (size_t i = 0; i < MEASURES; i++) {
        bool is_quantity = quantity_parse(i == 0 ? SV("0") : SV("0Mi"), &sums[i]);
        assert(is_quantity);
    }
    return sums;
}

/* Of each node that runs pods, by name: MEASURES quantities. All pods are looked at once, however
 * many nodes are asked for. */
static struct map *sum_by_node(struct call *call) {
    struct map *sums = map_new();
    struct collection *pods = builtin_collection(call->api, SV(""), SV("pods"));
    struct position position = collection_seek(pods, SV(""), SV(""));
    struct stored *stored;
    while ((stored = collection_at(pods, &position))) {
        position_advance(&position);
        const struct cJSON *pod = stored_look(stored, call->arena);
        struct sv node = json_find_string(pod, "spec.nodeName");
        if (!is_running(pod) || node.len == 0)
            continue;
        struct quantity *sum = map_get(sums, node);
        if (!sum) {
            sum = no_usage(call->arena);
            map_put(sums, node, sum);
        }
        size_t count = json_count(json_find(pod, "spec.containers"));
        for (size_t i = 0; i < MEASURES; i++)
            for (size_t k = 0; k < count; k++)
                sum[i] = quantity_add(sum[i], used_by(pod, i));
    }
    return sums;
}

static struct cJSON *node_usage(struct call *call, const struct map *by_node,
                                const struct cJSON *node) {
    struct cJSON *map = head_of(call, node);
    const struct quantity *sum = map_get(by_node, object_name(node));
    set_usage(call, map, sum ? sum : no_usage(call->arena));
    return map;
}

static bool is_about_pods(const struct call *call) {
    return call->type->resource.is_namespaced;
}

/* NULL: nobody measures it. `by_node` is for nodes only. */
static struct cJSON *usage_of(struct call *call, const struct map *by_node,
                              const struct cJSON *object) {
    if (is_about_pods(call) && !is_running(object))
        return NULL;
    struct cJSON *map =
        is_about_pods(call) ? pod_usage(call, object) : node_usage(call, by_node, object);
    json_set_string(call->arena, map, SV("kind"), call->type->resource.kind);
    json_set_string(call->arena, map, SV("apiVersion"), SV(GROUP "/v1beta1"));
    return map;
}

/* --- requests --- */

static struct collection *measured_objects(struct call *call) {
    return builtin_collection(call->api, SV(""), call->type->resource.plural);
}

static void get_usage(struct call *call) {
    const struct request *request = call->request;
    AUTO(map) by_node = is_about_pods(call) ? NULL : sum_by_node(call);
    struct stored *stored =
        collection_get(measured_objects(call), request->namespace_name, request->name);
    const struct cJSON *usage = stored ? usage_of(call, by_node, stored_tree(stored)) : NULL;
    if (usage)
        answer(call, 200, usage);
    else
        refuse_not_found(call, call->type, request->name);
}

static void list_usage(struct call *call) {
    struct arena *arena = call->arena;
    struct sv space = call->request->namespace_name;
    struct selector selector;
    struct error err = {0};
    if (!selector_parse(arena, call->request->label_selector, &selector, &err)) {
        refuse_bad_request(call, sv_from(err.message));
        return;
    }
    AUTO(map) by_node = is_about_pods(call) ? NULL : sum_by_node(call);
    struct cJSON *list = json_map(arena);
    json_set_string(arena, list, SV("kind"), call->type->list_kind);
    json_set_string(arena, list, SV("apiVersion"), SV(GROUP "/v1beta1"));
    json_ensure_map(arena, list, SV("metadata"));
    struct cJSON *items = json_ensure_list(arena, list, SV("items"));
    struct collection *objects = measured_objects(call);
    struct position position = collection_seek(objects, space, SV(""));
    struct stored *stored;
    while ((stored = collection_at(objects, &position)) &&
           (space.len == 0 || sv_eq(stored->namespace_name, space))) {
        position_advance(&position);
        const struct cJSON *object = stored_look(stored, arena);
        struct cJSON *usage = selector_matches(&selector, json_find(object, "metadata.labels"))
                                  ? usage_of(call, by_node, object)
                                  : NULL;
        if (usage)
            json_append(items, usage);
    }
    answer(call, 200, list);
}

void handle_usage(struct call *call) {
    if (call->request->verb == VERB_GET && call->request->subresource.len == 0)
        get_usage(call);
    else if (call->request->verb == VERB_LIST)
        list_usage(call);
    else
        refuse(call, 405, "MethodNotAllowed",
               SV("the server does not allow this method on the requested resource"),
               json_map(call->arena));
}
