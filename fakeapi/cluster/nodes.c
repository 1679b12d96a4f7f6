/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/nodes.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/client/transport.h"
#include "core/data/json.h"

enum { RETRY_MS = 1000 };

/* What a machine of the simulation has. Capacity and allocatable are the same. */
static const struct {
    struct sv name, quantity;
} machine[] = {
    {SV("cpu"), SV("16")},
    {SV("memory"), SV("64Gi")},
    {SV("ephemeral-storage"), SV("100Gi")},
    {SV("pods"), SV("110")},
};

static const struct {
    struct sv type, status, reason, message;
} conditions[] = {
    {SV("MemoryPressure"), SV("False"), SV("KubeletHasSufficientMemory"),
     SV("kubelet has sufficient memory available")},
    {SV("DiskPressure"), SV("False"), SV("KubeletHasNoDiskPressure"),
     SV("kubelet has no disk pressure")},
    {SV("PIDPressure"), SV("False"), SV("KubeletHasSufficientPID"),
     SV("kubelet has sufficient PID available")},
    {SV("Ready"), SV("True"), SV("KubeletReady"), SV("kubelet is posting ready status")},
};

enum node_phase { NODE_UNREGISTERED, NODE_WITHOUT_STATUS, NODE_REGISTERED };

struct node {
    enum node_phase phase;
    uint64_t request_id; /* in flight, or 0 */
    int64_t retry_ms;
};

struct nodes {
    struct transport *transport;
    struct arena *arena; /* of the request that is being built */
    struct node *items;
    size_t count;
};

struct nodes *nodes_new(struct transport *transport, size_t node_count) {
    struct nodes *nodes = mem_alloc(sizeof(*nodes));
    nodes->transport = transport;
    nodes->arena = arena_new();
    nodes->items = mem_alloc(sizeof(struct node) * (node_count + 1));
    nodes->count = node_count;
    return nodes;
}

void nodes_free(struct nodes *nodes) {
    if (!nodes)
        return;
    arena_free(nodes->arena);
    mem_free(nodes->items);
    mem_free(nodes);
}

static struct sv node_name(struct arena *arena, size_t index) {
    return arena_printf(arena, "node-%zu", index + 1);
}

static struct cJSON *build_node(struct arena *arena, size_t index) {
    struct sv name = node_name(arena, index);
    struct cJSON *node = object_new(arena, &RESOURCE_NODES, SV(""), name);
    object_set_label(arena, node, SV("kubernetes.io/hostname"), name);
    object_set_label(arena, node, SV("kubernetes.io/os"), SV("linux"));
    object_set_label(arena, node, SV("kubernetes.io/arch"), SV("amd64"));
    json_ensure_map(arena, node, SV("spec"));
    return node;
}

struct cJSON *nodes_conditions(struct arena *arena, bool is_silent, int64_t now_ms) {
    struct sv now = api_time_format(now_ms, arena);
    struct cJSON *list = json_list(arena);
    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        struct cJSON *condition = json_append(list, json_map(arena));
        json_set_string(arena, condition, SV("type"), conditions[i].type);
        json_set_string(arena, condition, SV("status"),
                        is_silent ? SV("Unknown") : conditions[i].status);
        json_set_string(arena, condition, SV("lastHeartbeatTime"), now);
        json_set_string(arena, condition, SV("lastTransitionTime"), now);
        json_set_string(arena, condition, SV("reason"),
                        is_silent ? SV("NodeStatusUnknown") : conditions[i].reason);
        json_set_string(arena, condition, SV("message"),
                        is_silent ? SV("Kubelet stopped posting node status.")
                                  : conditions[i].message);
    }
    return list;
}

static void add_address(struct arena *arena, struct cJSON *list, struct sv type,
                        struct sv address) {
    struct cJSON *item = json_append(list, json_map(arena));
    json_set_string(arena, item, SV("type"), type);
    json_set_string(arena, item, SV("address"), address);
}

/* What `kubectl get nodes -o wide` shows. Ids are the node's name: equal in every run. */
static void add_node_info(struct arena *arena, struct cJSON *status, size_t index) {
    static const struct {
        struct sv key, text;
    } rows[] = {
        {SV("architecture"), SV("amd64")},     {SV("containerRuntimeVersion"), SV("sim://1.0")},
        {SV("kernelVersion"), SV("6.1.0")},    {SV("kubeProxyVersion"), SV("")},
        {SV("kubeletVersion"), SV("v1.34.0")}, {SV("operatingSystem"), SV("linux")},
        {SV("osImage"), SV("simulated")},
    };
    static const struct sv ids[] = {SV("bootID"), SV("machineID"), SV("systemUUID")};
    struct cJSON *info = json_ensure_map(arena, status, SV("nodeInfo"));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        json_set_string(arena, info, rows[i].key, rows[i].text);
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        json_set_string(arena, info, ids[i], node_name(arena, index));
}

/* A merge patch of the status. Nodes get addresses from 10.1.0.1 on. */
static struct cJSON *build_status(struct arena *arena, size_t index, int64_t now_ms) {
    struct cJSON *patch = json_map(arena);
    struct cJSON *status = json_ensure_map(arena, patch, SV("status"));
    struct cJSON *capacity = json_ensure_map(arena, status, SV("capacity"));
    struct cJSON *allocatable = json_ensure_map(arena, status, SV("allocatable"));
    for (size_t i = 0; i < COUNT_OF(machine); i++) {
        json_set_string(arena, capacity, machine[i].name, machine[i].quantity);
        json_set_string(arena, allocatable, machine[i].name, machine[i].quantity);
    }
    size_t host = index + 1;
    struct cJSON *addresses = json_ensure_list(arena, status, SV("addresses"));
    add_address(
        arena, addresses, SV("InternalIP"),
        arena_printf(arena, "10.%zu.%zu.%zu", 1 + (host >> 16), (host >> 8) & 255, host & 255));
    add_address(arena, addresses, SV("Hostname"), node_name(arena, index));
    add_node_info(arena, status, index);
    json_set(arena, status, SV("conditions"), nodes_conditions(arena, false, now_ms));
    return patch;
}

static void start_next(struct nodes *nodes, size_t index, int64_t now_ms) {
    struct node *node = &nodes->items[index];
    struct request request = {
        .verb = VERB_CREATE,
        .group = RESOURCE_NODES.group,
        .version = RESOURCE_NODES.version,
        .plural = RESOURCE_NODES.plural,
    };
    arena_reset(nodes->arena);
    if (node->phase == NODE_UNREGISTERED) {
        request.body = build_node(nodes->arena, index);
    } else {
        request.verb = VERB_PATCH;
        request.patch_type = PATCH_MERGE;
        request.name = node_name(nodes->arena, index);
        request.subresource = SV("status");
        request.body = build_status(nodes->arena, index, now_ms);
    }
    node->request_id = transport_start(nodes->transport, &request);
}

/* A node that was registered before (AlreadyExists) only reports its status. */
static void take_answer(struct node *node, const struct completion *completion, int64_t now_ms) {
    node->request_id = 0;
    bool is_done =
        completion->err.code == ERROR_NONE ||
        (node->phase == NODE_UNREGISTERED && completion->err.code == ERROR_ALREADY_EXISTS);
    if (is_done)
        node->phase++;
    else
        node->retry_ms = now_ms + RETRY_MS;
}

static void take_answers(struct nodes *nodes, int64_t now_ms) {
    struct completion completion;
    while (transport_take(nodes->transport, &completion))
        for (size_t i = 0; i < nodes->count; i++)
            if (nodes->items[i].request_id == completion.id)
                take_answer(&nodes->items[i], &completion, now_ms);
}

int64_t nodes_step(void *context, int64_t now_ms) {
    struct nodes *nodes = context;
    take_answers(nodes, now_ms);
    int64_t next_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < nodes->count; i++) {
        struct node *node = &nodes->items[i];
        if (node->phase == NODE_REGISTERED || node->request_id != 0)
            continue;
        if (node->retry_ms <= now_ms)
            start_next(nodes, i, now_ms);
        else if (node->retry_ms < next_ms)
            next_ms = node->retry_ms;
    }
    return next_ms;
}
