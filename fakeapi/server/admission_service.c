/* SPDX-License-Identifier: Apache-2.0 */
/* Cluster addresses and node ports of services. What is taken is what stored services have: it is
 * kept up to date from the log of their collection, so that an allocation costs what changed. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/server_parts.h"

#include <arpa/inet.h>

enum {
    NODE_PORT_FIRST = 30000,
    NODE_PORT_COUNT = 2768,
    /* The first ports and addresses are left to those who choose one: given out when nothing else
     * is free. */
    NODE_PORTS_TO_CHOOSE = 86,
    CLUSTER_IPS_TO_CHOOSE = 256,
    /* 10.96.0.0/12 without its first and last address. */
    CLUSTER_IP_COUNT = (1 << 20) - 2,
};

struct service_addresses {
    struct map *taken; /* cluster addresses */
    uint16_t port_users[NODE_PORT_COUNT];
    uint32_t next_ip, next_port; /* behind the highest one, and behind those that were shown */
    uint64_t sequence;           /* of the log entry that was not looked at yet */
    bool is_built;
};

struct service_addresses *service_addresses_new(void) {
    struct service_addresses *addresses = mem_alloc(sizeof(*addresses));
    addresses->taken = map_new();
    return addresses;
}

void service_addresses_free(struct service_addresses *addresses) {
    map_free(addresses->taken);
    mem_free(addresses);
}

void service_addresses_forget(struct service_addresses *addresses) {
    addresses->is_built = false;
}

/* --- addresses as numbers: 10.96.0.1 is 1 --- */

static struct sv ip_text(struct arena *arena, uint32_t number) {
    return arena_printf(arena, "10.%u.%u.%u", 96 + (number >> 16), number >> 8 & 255, number & 255);
}

/* False: it is none, or lies elsewhere. */
static bool ip_number(struct sv text, uint32_t *ret_number) {
    uint32_t parts[4];
    for (size_t i = 0; i < 4; i++) {
        int64_t value;
        struct sv part = sv_cut(&text, '.');
        if (!sv_to_int64(part, &value) || value < 0 || value > 255 || part.len > 3)
            return false;
        parts[i] = (uint32_t)value;
    }
    *ret_number = (parts[1] - 96) << 16 | parts[2] << 8 | parts[3];
    return text.len == 0 && parts[0] == 10 && parts[1] >= 96 && *ret_number >= 1 &&
           *ret_number <= CLUSTER_IP_COUNT;
}

/* --- what is taken --- */

static uint16_t *port_slot(struct service_addresses *addresses, int64_t port) {
    bool is_inside = port >= NODE_PORT_FIRST && port < NODE_PORT_FIRST + NODE_PORT_COUNT;
    return is_inside ? &addresses->port_users[port - NODE_PORT_FIRST] : NULL;
}

static void count_service(struct service_addresses *addresses, const struct cJSON *service,
                          bool is_there) {
    struct sv ip = json_find_string(service, "spec.clusterIP");
    uint32_t number;
    if (ip_number(ip, &number)) {
        if (is_there)
            map_put(addresses->taken, ip, NULL);
        else
            map_remove(addresses->taken, ip);
        if (is_there && number >= addresses->next_ip)
            addresses->next_ip = number + 1;
    }
    JSON_EACH (port, json_find(service, "spec.ports")) {
        int64_t node_port = json_int_or(port, SV("nodePort"), 0);
        uint16_t *slot = port_slot(addresses, node_port);
        if (!slot)
            continue;
        *slot = (uint16_t)(is_there ? *slot + 1 : *slot - 1);
        uint32_t behind = (uint32_t)(node_port - NODE_PORT_FIRST) + 1;
        if (is_there && behind > addresses->next_port)
            addresses->next_port = behind;
    }
}

static void build(struct service_addresses *addresses, const struct collection *services) {
    struct position position = collection_seek(services, SV(""), SV(""));
    struct stored *stored;
    map_free(addresses->taken);
    *addresses = (struct service_addresses){.taken = map_new(),
                                            .next_ip = CLUSTER_IPS_TO_CHOOSE + 1,
                                            .next_port = NODE_PORTS_TO_CHOOSE,
                                            .is_built = true};
    while ((stored = collection_at(services, &position))) {
        count_service(addresses, stored_tree(stored), true);
        position_advance(&position);
    }
    addresses->sequence = services->log_end;
}

static struct service_addresses *current(struct call *call) {
    struct service_addresses *addresses = call->api->service_addresses;
    const struct collection *services = call->collection;
    if (!addresses->is_built || addresses->sequence < services->log_start)
        build(addresses, services);
    while (addresses->sequence < services->log_end) {
        const struct log_entry *entry = collection_log_at(services, addresses->sequence++);
        if (entry->before)
            count_service(addresses, stored_tree(entry->before), false);
        if (entry->type != WATCH_DELETED)
            count_service(addresses, stored_tree(entry->object), true);
    }
    return addresses;
}

/* --- giving out --- */

static bool refuse_address(struct call *call, const struct cJSON *tree, struct sv field,
                           struct sv value, struct sv why) {
    struct findings findings = {0};
    findings_add(call->arena, &findings, field, "FieldValueInvalid", NULL,
                 "Invalid value: %.*s: %.*s", SV_ARG(value), SV_ARG(why));
    return refuse_invalid(call, SV("Service"), SV(""), object_name(tree), &findings);
}

static bool refuse_ip(struct call *call, const struct cJSON *tree, struct sv ip, const char *why) {
    return refuse_address(
        call, tree, SV("spec.clusterIPs"), arena_printf(call->arena, "[\"%.*s\"]", SV_ARG(ip)),
        arena_printf(call->arena, "failed to allocate IP %.*s: %s", SV_ARG(ip), why));
}

static bool check_ip(struct call *call, const struct cJSON *tree, struct sv ip) {
    uint32_t number;
    if (!ip_number(ip, &number))
        return refuse_ip(call, tree, ip, "the provided network does not match the current range");
    return !map_has(current(call)->taken, ip) ||
           refuse_ip(call, tree, ip, "provided IP is already allocated");
}

/* The i-th to try: from `next` on, round the range, and at last the first `kept`. */
static uint32_t candidate(uint32_t i, uint32_t next, uint32_t kept, uint32_t count) {
    uint32_t given = count - kept;
    return i < given ? kept + (next - kept + i) % given : i - given;
}

/* The one behind the highest; freed ones come again at the end of the range. What was shown by a
 * dry run is not given to the next one who asks. */
static struct sv next_ip(struct call *call) {
    struct service_addresses *addresses = current(call);
    for (uint32_t i = 0; i < CLUSTER_IP_COUNT; i++) {
        uint32_t number =
            candidate(i, addresses->next_ip - 1, CLUSTER_IPS_TO_CHOOSE, CLUSTER_IP_COUNT) + 1;
        struct sv ip = ip_text(call->arena, number);
        if (map_has(addresses->taken, ip))
            continue;
        addresses->next_ip = number + 1;
        return ip;
    }
    return SV("");
}

static bool allocate_ip(struct call *call, const struct cJSON *old, struct cJSON *tree,
                        struct cJSON *spec) {
    struct sv ip = json_string_or(spec, SV("clusterIP"), SV(""));
    bool is_own = sv_eq(ip, json_find_string(old, "spec.clusterIP"));
    if (ip.len == 0) {
        ip = next_ip(call);
        if (ip.len == 0)
            return refuse(call, 500, "InternalError",
                          SV("Internal error occurred: failed to allocate a serviceIP: range is "
                             "full"),
                          NULL);
        json_set_string(call->arena, spec, SV("clusterIP"), ip);
    } else if (!is_own && !sv_eq(ip, SV("None")) && !check_ip(call, tree, ip)) {
        return false;
    }
    struct cJSON *list = json_list(call->arena);
    json_append(list, json_string(call->arena, json_find_string(spec, "clusterIP")));
    json_set(call->arena, spec, SV("clusterIPs"), list);
    return true;
}

static bool has_port(const struct cJSON *service, int64_t node_port) {
    JSON_EACH (port, json_find(service, "spec.ports"))
        if (json_int_or(port, SV("nodePort"), 0) == node_port)
            return true;
    return false;
}

static const char *port_fault(struct call *call, const struct cJSON *old, int64_t node_port) {
    const uint16_t *slot = port_slot(current(call), node_port);
    if (!slot)
        return "provided port is not in the valid range. The range of valid ports is 30000-32767";
    return *slot > 0 && !has_port(old, node_port) ? "provided port is already allocated" : NULL;
}

/* 0: all are taken. */
static int64_t next_port(struct call *call, const struct cJSON *tree) {
    const struct service_addresses *addresses = current(call);
    for (uint32_t i = 0; i < NODE_PORT_COUNT; i++) {
        uint32_t number = candidate(i, addresses->next_port, NODE_PORTS_TO_CHOOSE, NODE_PORT_COUNT);
        if (addresses->port_users[number] == 0 && !has_port(tree, NODE_PORT_FIRST + number))
            return NODE_PORT_FIRST + number;
    }
    return 0;
}

static bool allocate_ports(struct call *call, const struct cJSON *old, struct cJSON *tree,
                           struct cJSON *spec) {
    struct sv type = json_string_or(spec, SV("type"), SV(""));
    bool is_balanced = sv_eq(type, SV("LoadBalancer")) &&
                       json_bool_or(spec, SV("allocateLoadBalancerNodePorts"), true);
    bool wants_them = (sv_eq(type, SV("NodePort")) || is_balanced) &&
                      !sv_eq(json_string_or(spec, SV("clusterIP"), SV("")), SV("None"));
    size_t index = 0;
    JSON_EACH (port, json_get(spec, SV("ports"))) {
        int64_t node_port = json_int_or(port, SV("nodePort"), 0);
        struct sv field = arena_printf(call->arena, "spec.ports[%zu].nodePort", index++);
        if (node_port == 0 && !wants_them)
            continue;
        const char *fault = node_port ? port_fault(call, old, node_port) : NULL;
        if (fault)
            return refuse_address(call, tree, field,
                                  arena_printf(call->arena, "%lld", (long long)node_port),
                                  sv_from(fault));
        if (node_port == 0)
            node_port = next_port(call, tree);
        if (node_port == 0)
            return refuse(call, 500, "InternalError",
                          SV("Internal error occurred: failed to allocate a nodePort: range is "
                             "full"),
                          NULL);
        json_set_int(call->arena, port, SV("nodePort"), node_port);
    }
    return true;
}

/* --- families: this cluster has IPv4 --- */

static void set_dual_stack(struct call *call, struct cJSON *spec) {
    static const struct sv both[] = {SV("IPv4"), SV("IPv6")};
    struct cJSON *families = json_ensure_list(call->arena, spec, SV("ipFamilies"));
    if (!json_get(spec, SV("ipFamilyPolicy")))
        json_set_string(call->arena, spec, SV("ipFamilyPolicy"), SV("RequireDualStack"));
    bool is_single = sv_eq(json_find_string(spec, "ipFamilyPolicy"), SV("SingleStack"));
    bool has_v6 = json_count(families) > 0 && sv_eq(json_text(families->child), SV("IPv6"));
    if (json_count(families) == 0)
        json_append(families, json_string(call->arena, both[0]));
    if (json_count(families) == 1 && !is_single)
        json_append(families, json_string(call->arena, both[has_v6 ? 0 : 1]));
}

static bool set_families(struct call *call, struct cJSON *tree, struct cJSON *spec) {
    struct findings findings = {0};
    bool is_headless = sv_eq(json_find_string(spec, "clusterIP"), SV("None"));
    /* Nobody here gives addresses to what has neither an address nor a selector. */
    if (is_headless && json_count(json_get(spec, SV("selector"))) == 0) {
        set_dual_stack(call, spec);
        return true;
    }
    struct cJSON *families = json_ensure_list(call->arena, spec, SV("ipFamilies"));
    if (json_count(families) == 0)
        json_append(families, json_string(call->arena, SV("IPv4")));
    if (!json_get(spec, SV("ipFamilyPolicy")))
        json_set_string(call->arena, spec, SV("ipFamilyPolicy"), SV("SingleStack"));
    if (sv_eq(json_find_string(spec, "ipFamilyPolicy"), SV("RequireDualStack")))
        findings_add(call->arena, &findings, SV("spec.ipFamilyPolicy"), "FieldValueInvalid", NULL,
                     "Invalid value: \"RequireDualStack\": this cluster is not configured for "
                     "dual-stack services");
    size_t index = 0;
    JSON_EACH (family, families) {
        struct sv field = arena_printf(call->arena, "spec.ipFamilies[%zu]", index++);
        if (sv_eq(json_text(family), SV("IPv6")))
            findings_add(call->arena, &findings, field, "FieldValueInvalid", NULL,
                         "Invalid value: \"IPv6\": not configured on this cluster");
    }
    return findings.count == 0 ||
           refuse_invalid(call, SV("Service"), SV(""), object_name(tree), &findings);
}

/* What has to hold before addresses are given out. */
static bool check_addresses(struct call *call, const struct cJSON *old, const struct cJSON *tree) {
    struct sv ip = json_find_string(tree, "spec.clusterIP");
    struct sv was = json_find_string(old, "spec.clusterIP");
    unsigned char bytes[sizeof(struct in6_addr)];
    const char *text = arena_copy(call->arena, ip).ptr;
    bool is_address = inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
    if (ip.len > 0 && !sv_eq(ip, SV("None")) && !is_address)
        return refuse_address(call, tree, SV("spec.clusterIPs[0]"),
                              arena_printf(call->arena, "\"%.*s\"", SV_ARG(ip)),
                              SV("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
    bool is_kept = was.len == 0 || ip.len == 0 || sv_eq(was, ip);
    return is_kept || refuse_address(call, tree, SV("spec.clusterIPs[0]"),
                                     arena_printf(call->arena, "[\"%.*s\"]", SV_ARG(ip)),
                                     SV("may not change once set"));
}

static bool is_external_name(const struct cJSON *service) {
    return sv_eq(json_find_string(service, "spec.type"), SV("ExternalName"));
}

static bool allocate(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    return is_external_name(tree) ||
           (check_addresses(call, old, tree) && set_families(call, tree, spec) &&
            allocate_ip(call, old, tree, spec) && allocate_ports(call, old, tree, spec));
}

bool admit_service(struct call *call, struct cJSON *tree) {
    return allocate(call, NULL, tree);
}

/* --- changes of the type --- */

static bool has_node_ports(const struct cJSON *service) {
    struct sv type = json_find_string(service, "spec.type");
    return sv_eq(type, SV("NodePort")) || sv_eq(type, SV("LoadBalancer"));
}

static bool is_from_outside(const struct cJSON *service) {
    return has_node_ports(service) || json_count(json_find(service, "spec.externalIPs")) > 0;
}

/* What went with the old type goes, unless the client changed it, too. */
static void drop_unchanged(struct cJSON *spec, const struct cJSON *was, struct sv key) {
    if (json_equal(json_get(spec, key), json_get(was, key)))
        json_remove(spec, key);
}

static bool same_node_ports(const struct cJSON *spec, const struct cJSON *was) {
    JSON_EACH (port, json_get(spec, SV("ports"))) {
        bool is_old = !json_get(port, SV("nodePort"));
        JSON_EACH (other, json_get(was, SV("ports")))
            is_old |= json_equal(json_get(other, SV("nodePort")), json_get(port, SV("nodePort")));
        if (!is_old)
            return false;
    }
    return true;
}

static void drop_parts_of_type(const struct cJSON *old, struct cJSON *tree, struct cJSON *spec) {
    static const struct sv addresses[] = {SV("clusterIP"), SV("clusterIPs"), SV("ipFamilies"),
                                          SV("ipFamilyPolicy"), SV("internalTrafficPolicy")};
    static const struct sv balanced[] = {SV("allocateLoadBalancerNodePorts"),
                                         SV("loadBalancerClass")};
    const struct cJSON *was = json_get(old, SV("spec"));
    bool was_balanced = sv_eq(json_find_string(was, "type"), SV("LoadBalancer"));
    for (size_t i = 0; !is_external_name(old) && is_external_name(tree) && i < COUNT_OF(addresses);
         i++)
        drop_unchanged(spec, was, addresses[i]);
    if (has_node_ports(old) && !has_node_ports(tree) && same_node_ports(spec, was))
        JSON_EACH (port, json_get(spec, SV("ports")))
            json_remove(port, SV("nodePort"));
    for (size_t i = 0; was_balanced && i < COUNT_OF(balanced); i++)
        if (!sv_eq(json_find_string(spec, "type"), SV("LoadBalancer")))
            drop_unchanged(spec, was, balanced[i]);
    if (is_from_outside(old) && !is_from_outside(tree))
        drop_unchanged(spec, was, SV("externalTrafficPolicy"));
}

/* Ports keep their node ports by name when an update leaves them out. */
static void keep_node_ports(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    if (!has_node_ports(old) || !has_node_ports(tree))
        return;
    JSON_EACH (port, json_find(tree, "spec.ports"))
        JSON_EACH (was, json_find(old, "spec.ports")) {
            int64_t node_port = json_int_or(was, SV("nodePort"), 0);
            if (json_get(port, SV("nodePort")) || node_port == 0 || has_port(tree, node_port) ||
                !sv_eq(json_find_string(port, "name"), json_find_string(was, "name")))
                continue;
            json_set_int(call->arena, port, SV("nodePort"), node_port);
        }
}

/* What was allocated stays when an update leaves it out. */
bool admit_service_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    static const struct sv keys[] = {SV("clusterIP"), SV("clusterIPs"), SV("ipFamilies"),
                                     SV("ipFamilyPolicy")};
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    const struct cJSON *was = json_get(old, SV("spec"));
    drop_parts_of_type(old, tree, spec);
    if (is_external_name(tree))
        return true;
    for (size_t i = 0; !is_external_name(old) && i < COUNT_OF(keys); i++)
        if (json_count(json_get(spec, keys[i])) == 0 &&
            json_text(json_get(spec, keys[i])).len == 0 && json_get(was, keys[i]))
            json_set(call->arena, spec, keys[i], json_copy(call->arena, json_get(was, keys[i])));
    keep_node_ports(call, old, tree);
    return allocate(call, old, tree);
}
