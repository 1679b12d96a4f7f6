/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/node_objects.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/nodes.h"

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

struct sv node_name(struct arena *arena, size_t index) {
    return arena_printf(arena, "node-%zu", index + 1);
}

struct cJSON *node_object(struct arena *arena, size_t index, struct sv label) {
    struct sv name = node_name(arena, index);
    struct cJSON *node = object_new(arena, &RESOURCE_NODES, SV(""), name);
    object_set_label(arena, node, SV("beta.kubernetes.io/arch"), SV("amd64"));
    object_set_label(arena, node, SV("beta.kubernetes.io/os"), SV("linux"));
    object_set_label(arena, node, SV("kubernetes.io/arch"), SV("amd64"));
    object_set_label(arena, node, SV("kubernetes.io/hostname"), name);
    object_set_label(arena, node, SV("kubernetes.io/os"), SV("linux"));
    if (label.len > 0)
        object_set_label(arena, node, label, SV("true"));
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

struct cJSON *node_heartbeat(struct arena *arena, int64_t now_ms) {
    struct sv now = api_time_format(now_ms, arena);
    struct cJSON *patch = json_map(arena);
    struct cJSON *status = json_ensure_map(arena, patch, SV("status"));
    struct cJSON *list = json_ensure_list(arena, status, SV("conditions"));
    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        struct cJSON *condition = json_append(list, json_map(arena));
        json_set_string(arena, condition, SV("type"), conditions[i].type);
        json_set_string(arena, condition, SV("lastHeartbeatTime"), now);
    }
    return patch;
}

static void add_address(struct arena *arena, struct cJSON *list, struct sv type,
                        struct sv address) {
    struct cJSON *item = json_append(list, json_map(arena));
    json_set_string(arena, item, SV("type"), type);
    json_set_string(arena, item, SV("address"), address);
}

/* Nodes get addresses from 10.1.0.1 on; nobody answers there. Those whose kubelet can be asked are
 * all on the machine that simulates them. */
static void add_addresses(struct arena *arena, struct cJSON *status, size_t index,
                          uint16_t kubelet_port) {
    size_t host = index + 1;
    struct cJSON *addresses = json_ensure_list(arena, status, SV("addresses"));
    struct sv address = kubelet_port != 0 ? SV("127.0.0.1")
                                          : arena_printf(arena, "10.%zu.%zu.%zu", 1 + (host >> 16),
                                                         (host >> 8) & 255, host & 255);
    add_address(arena, addresses, SV("InternalIP"), address);
    if (kubelet_port == 0) {
        add_address(arena, addresses, SV("Hostname"), node_name(arena, index));
        return;
    }
    /* Without its name, which API servers prefer and nobody can look up. */
    struct cJSON *endpoints = json_ensure_map(arena, status, SV("daemonEndpoints"));
    json_set_int(arena, json_ensure_map(arena, endpoints, SV("kubeletEndpoint")), SV("Port"),
                 kubelet_port);
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

struct cJSON *node_status(struct arena *arena, size_t index, uint16_t kubelet_port,
                          int64_t now_ms) {
    struct cJSON *status = json_map(arena);
    struct cJSON *capacity = json_ensure_map(arena, status, SV("capacity"));
    struct cJSON *allocatable = json_ensure_map(arena, status, SV("allocatable"));
    for (size_t i = 0; i < COUNT_OF(machine); i++) {
        json_set_string(arena, capacity, machine[i].name, machine[i].quantity);
        json_set_string(arena, allocatable, machine[i].name, machine[i].quantity);
    }
    add_addresses(arena, status, index, kubelet_port);
    add_node_info(arena, status, index);
    json_set(arena, status, SV("conditions"), nodes_conditions(arena, false, now_ms));
    return status;
}

struct cJSON *node_lease(struct arena *arena, struct sv name, struct sv uid,
                         struct sv resource_version, int64_t now_ms) {
    struct cJSON *lease = object_new(arena, &RESOURCE_LEASES, NODE_LEASE_NAMESPACE, name);
    struct cJSON *metadata = json_ensure_map(arena, lease, SV("metadata"));
    if (resource_version.len > 0)
        json_set_string(arena, metadata, SV("resourceVersion"), resource_version);
    struct cJSON *owner =
        json_append(json_ensure_list(arena, metadata, SV("ownerReferences")), json_map(arena));
    json_set_string(arena, owner, SV("apiVersion"), SV("v1"));
    json_set_string(arena, owner, SV("kind"), SV("Node"));
    json_set_string(arena, owner, SV("name"), name);
    json_set_string(arena, owner, SV("uid"), uid);
    struct cJSON *spec = json_ensure_map(arena, lease, SV("spec"));
    json_set_string(arena, spec, SV("holderIdentity"), name);
    json_set_int(arena, spec, SV("leaseDurationSeconds"), NODE_LEASE_SECONDS);
    json_set_string(arena, spec, SV("renewTime"), api_time_format_micro(now_ms, arena));
    return lease;
}
