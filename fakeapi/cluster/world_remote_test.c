/* SPDX-License-Identifier: Apache-2.0 */
/* A world whose API server is elsewhere: here behind a wire of its own, which can say what other
 * servers say. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/test.h"
#include "core/base/vec.h"
#include "core/client/transport.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/wire.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/server/fakeapi.h"

enum { START_MS = 1000000 };

struct far_client {
    struct transport transport; /* first */
    struct transport *inner;
    struct arena *arena; /* of the body that was taken last */
};

struct far {
    struct clock clock;
    int64_t now_ms;
    struct fakeapi *api;
    struct wire *wire;
    struct world *world;
    VEC(struct far_client *) clients;
    size_t pod_status_writes;
};

static int64_t now_of(struct clock *clock) {
    return ((struct far *)((char *)clock - offsetof(struct far, clock)))->now_ms;
}

static uint64_t start(struct transport *transport, const struct request *request) {
    return transport_start(((struct far_client *)transport)->inner, request);
}

/* As kube-apiserver does: a condition of a pod always has a lastProbeTime, mostly null. */
static const struct cJSON *with_probe_times(struct arena *arena, const struct cJSON *body) {
    if (!sv_eq(json_string_or(body, SV("kind"), SV("")), SV("Pod")))
        return body;
    struct cJSON *copy = json_copy(arena, body);
    JSON_EACH (condition, json_find(copy, "status.conditions"))
        json_set(arena, condition, SV("lastProbeTime"), json_null(arena));
    return copy;
}

static bool take(struct transport *transport, struct completion *ret_completion) {
    struct far_client *client = (struct far_client *)transport;
    if (!transport_take(client->inner, ret_completion))
        return false;
    arena_reset(client->arena);
    ret_completion->body = with_probe_times(client->arena, ret_completion->body);
    return true;
}

static void cancel(struct transport *transport, uint64_t id) {
    transport_cancel(((struct far_client *)transport)->inner, id);
}

static struct transport *far_connect(void *context, struct sv user_agent) {
    struct far *far = context;
    struct far_client *client = mem_alloc(sizeof(*client));
    *client = (struct far_client){
        .transport = {.start = start, .take = take, .cancel = cancel},
        .inner = wire_connect(far->wire, user_agent),
        .arena = arena_new(),
    };
    vec_push(&far->clients, client);
    return &client->transport;
}

/* All of them go with the far server. */
static void far_disconnect(void *context, struct transport *transport) {
    (void)context, (void)transport;
}

static bool has_arrivals(const struct transport *transport) {
    return wire_has_arrivals(((const struct far_client *)transport)->inner);
}

static void wake(void *context, void *waker) {
    (void)context, (void)waker;
}

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct far *far = context;
    (void)user_agent, (void)http_status, (void)body;
    far->pod_status_writes +=
        sv_eq(request->plural, SV("pods")) && sv_eq(request->subresource, SV("status"));
}

static void far_open(struct far *far, size_t node_count, bool is_alone) {
    *far = (struct far){.clock = {.now_ms = now_of}, .now_ms = START_MS};
    far->api = fakeapi_new(&(struct fakeapi_options){.clock = &far->clock, .seed = 1});
    far->wire = wire_new(&(struct wire_options){.api = far->api, .wake = wake});
    wire_add_observer(far->wire, &(struct observer){.after = note, .context = far});
    far->world = world_new(&(struct world_options){
        .seed = 1,
        .node_count = node_count,
        .wall = &far->clock,
        .has_no_scheduler = is_alone,
        .has_no_controllers = is_alone,
        .remote = &(struct world_remote){.connect = far_connect,
                                         .disconnect = far_disconnect,
                                         .has_arrivals = has_arrivals,
                                         .context = far},
    });
}

static void far_close(struct far *far) {
    world_free(far->world);
    wire_free(far->wire);
    fakeapi_free(far->api);
    for (size_t i = 0; i < far->clients.count; i++) {
        arena_free(far->clients.items[i]->arena);
        mem_free(far->clients.items[i]);
    }
    vec_release(&far->clients);
}

static void far_run_ms(struct far *far, int64_t duration_ms) {
    int64_t end_ms = far->now_ms + duration_ms;
    for (;;) {
        bool did_answer = wire_answer(far->wire, far->now_ms);
        did_answer |= wire_pass_on(far->wire, far->now_ms);
        bool did_work = world_run_due(far->world);
        if (did_answer || did_work)
            continue;
        int64_t next_ms = world_next_ms(far->world);
        if (next_ms > end_ms)
            break;
        far->now_ms = next_ms > far->now_ms ? next_ms : far->now_ms + 1;
    }
    far->now_ms = end_ms;
}

static int far_create(struct far *far, struct arena *arena, const struct resource *resource,
                      const char *text) {
    struct error err = {0};
    struct api_response response;
    struct request request = agent_create(resource, json_read(arena, sv_from(text), &err));
    fakeapi_handle(far->api, &request, SV("test"), arena, &response);
    return response.http_status;
}

static const struct cJSON *far_get(struct far *far, struct arena *arena,
                                   const struct resource *resource, const char *namespace_name,
                                   const char *name) {
    struct api_response response;
    struct request request = request_to(VERB_GET, resource, sv_from(namespace_name), sv_from(name));
    fakeapi_handle(far->api, &request, SV("test"), arena, &response);
    return response.http_status == 200 ? response.body : NULL;
}

#define POD(name, node)                                                                            \
    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"" name "\"},\"spec\":{\"nodeName\":"      \
    "\"" node "\",\"automountServiceAccountToken\":false,\"containers\":[{\"name\":\"main\","      \
    "\"image\":\"img\"}]}}"

TEST(kubelets_run_the_pods_of_their_nodes_and_write_each_status_once) {
    AUTO(arena) arena = arena_new();
    struct far far;
    far_open(&far, 2, true);
    CHECK(far_create(&far, arena, &RESOURCE_NODES, "{\"metadata\":{\"name\":\"other\"}}") == 201);
    far_run_ms(&far, 1000);
    CHECK(world_registered_nodes(far.world) == 2);
    CHECK(world_refused_nodes(far.world) == 0);
    CHECK(far_create(&far, arena, &RESOURCE_SERVICE_ACCOUNTS,
                     "{\"metadata\":{\"namespace\":\"default\",\"name\":\"default\"}}") == 201);
    CHECK(far_create(&far, arena, &RESOURCE_PODS, POD("ours", "node-2")) == 201);
    CHECK(far_create(&far, arena, &RESOURCE_PODS, POD("theirs", "other")) == 201);
    far_run_ms(&far, 60 * 1000);
    const struct cJSON *ours = far_get(&far, arena, &RESOURCE_PODS, "default", "ours");
    const struct cJSON *theirs = far_get(&far, arena, &RESOURCE_PODS, "default", "theirs");
    CHECK(object_condition_is_true(ours, SV("Ready")));
    CHECK_SV(json_find_string(theirs, "status.phase"), SV("Pending"));
    CHECK(far.pod_status_writes == 1);
    far_close(&far);
}

TEST(nodes_elsewhere_are_marked_and_hold_leases) {
    AUTO(arena) arena = arena_new();
    struct far far;
    far_open(&far, 2, true);
    far_run_ms(&far, 60 * 1000);
    const struct cJSON *node = far_get(&far, arena, &RESOURCE_NODES, "", "node-1");
    CHECK_SV(object_label(node, WORLD_NODE_LABEL), SV("true"));
    const struct cJSON *lease = far_get(&far, arena, &RESOURCE_LEASES, "kube-node-lease", "node-1");
    CHECK_SV(json_find_string(lease, "spec.holderIdentity"), SV("node-1"));
    CHECK_SV(json_find_string(lease, "metadata.ownerReferences.0.uid"), object_uid(node));
    far_close(&far);
}

static bool is_unknown(const struct cJSON *node) {
    const struct cJSON *ready = object_condition(node, SV("Ready"));
    return sv_eq(json_string_or(ready, SV("status"), SV("")), SV("Unknown"));
}

/* Whoever looks after nodes there makes more of it than the condition, unless others say it first.
 */
TEST(a_silent_node_is_judged_by_whoever_looks_after_nodes) {
    static const bool is_alone[] = {true, false};
    for (size_t i = 0; i < COUNT_OF(is_alone); i++) {
        AUTO(arena) arena = arena_new();
        struct far far;
        far_open(&far, 2, is_alone[i]);
        far_run_ms(&far, 60 * 1000);
        CHECK(world_stop_node(far.world, SV("node-1")));
        far_run_ms(&far, 1000);
        struct sv renewed = json_find_string(
            far_get(&far, arena, &RESOURCE_LEASES, "kube-node-lease", "node-1"), "spec.renewTime");
        far_run_ms(&far, 120 * 1000);
        const struct cJSON *lease =
            far_get(&far, arena, &RESOURCE_LEASES, "kube-node-lease", "node-1");
        CHECK_SV(json_find_string(lease, "spec.renewTime"), renewed);
        CHECK(is_unknown(far_get(&far, arena, &RESOURCE_NODES, "", "node-1")) == !is_alone[i]);
        CHECK(!is_unknown(far_get(&far, arena, &RESOURCE_NODES, "", "node-2")));

        CHECK(world_start_node(far.world, SV("node-1")));
        far_run_ms(&far, 30 * 1000);
        lease = far_get(&far, arena, &RESOURCE_LEASES, "kube-node-lease", "node-1");
        CHECK(!sv_eq(json_find_string(lease, "spec.renewTime"), renewed));
        CHECK(!is_unknown(far_get(&far, arena, &RESOURCE_NODES, "", "node-1")));
        far_close(&far);
    }
}

#define DEPLOYMENT                                                                                 \
    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\"},\"spec\":{\"replicas\":3,"         \
    "\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{"    \
    "\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"img\"}]}}}}"

TEST(scheduler_and_controllers_work_for_a_server_elsewhere_too) {
    AUTO(arena) arena = arena_new();
    struct far far;
    far_open(&far, 2, false);
    far_run_ms(&far, 1000);
    CHECK(far_create(&far, arena, &RESOURCE_DEPLOYMENTS, DEPLOYMENT) == 201);
    far_run_ms(&far, 60 * 1000);
    const struct cJSON *web = far_get(&far, arena, &RESOURCE_DEPLOYMENTS, "default", "web");
    CHECK(json_find_int(web, "status.readyReplicas", 0) == 3);
    far_close(&far);
}

#define DEFINITION                                                                                 \
    "{\"metadata\":{\"name\":\"owners.example.org\"},\"spec\":{\"group\":\"example.org\","         \
    "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"owners\",\"singular\":\"owner\",\"kind\":"   \
    "\"Owner\",\"listKind\":\"OwnerList\"},\"versions\":[{\"name\":\"v1\",\"served\":true,"        \
    "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}"

static const struct resource owners = {
    .group = {"example.org", 11},
    .version = {"v1", 2},
    .plural = {"owners", 6},
    .kind = {"Owner", 5},
    .is_namespaced = true,
};

/* The world learns the type from the server, and that its objects own others. */
TEST(what_a_custom_object_elsewhere_owned_goes_with_it) {
    AUTO(arena) arena = arena_new();
    struct far far;
    struct api_response response;
    far_open(&far, 1, false);
    CHECK(far_create(&far, arena, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS, DEFINITION) == 201);
    far_run_ms(&far, 10 * 1000);
    CHECK(far_create(&far, arena, &owners,
                     "{\"apiVersion\":\"example.org/v1\",\"kind\":\"Owner\",\"metadata\":{"
                     "\"namespace\":\"default\",\"name\":\"o\"}}") == 201);
    struct sv uid = object_uid(far_get(&far, arena, &owners, "default", "o"));
    struct sv text = arena_printf(
        arena,
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"owned\",\"ownerReferences\":[{"
        "\"apiVersion\":\"example.org/v1\",\"kind\":\"Owner\",\"name\":\"o\",\"uid\":\"%.*s\"}]}}",
        SV_ARG(uid));
    CHECK(far_create(&far, arena, &RESOURCE_CONFIG_MAPS, text.ptr) == 201);
    far_run_ms(&far, 10 * 1000);
    CHECK(far_get(&far, arena, &RESOURCE_CONFIG_MAPS, "default", "owned") != NULL);
    struct request request = request_to(VERB_DELETE, &owners, SV("default"), SV("o"));
    fakeapi_handle(far.api, &request, SV("test"), arena, &response);
    CHECK(response.http_status == 200);
    far_run_ms(&far, 10 * 1000);
    CHECK(far_get(&far, arena, &RESOURCE_CONFIG_MAPS, "default", "owned") == NULL);
    far_close(&far);
}
