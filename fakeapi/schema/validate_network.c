/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of what says where services are: endpoints, their slices, ingresses, network policies. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

#include <arpa/inet.h>

static const struct sv protocols[] = {SV("SCTP"), SV("TCP"), SV("UDP")};

/* --- formats --- */

const char *check_ip_address(const struct checker *checker, struct sv text) {
    unsigned char bytes[sizeof(struct in6_addr)];
    const char *address = arena_copy(checker->arena, text).ptr;
    return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1
               ? NULL
               : "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
}

const char *check_cidr(const struct checker *checker, struct sv text) {
    static const char fault[] = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    struct sv bits = text, address = sv_cut(&bits, '/');
    bool is_v6 = sv_find(address, ':') < address.len;
    int64_t count;
    bool is_valid = bits.len > 0 && sv_to_int64(bits, &count) && count >= 0 &&
                    count <= (is_v6 ? 128 : 32) && !check_ip_address(checker, address);
    return is_valid ? NULL : fault;
}

static const char *check_port(int64_t port) {
    return port >= 1 && port <= 65535 ? NULL : "must be between 1 and 65535, inclusive";
}

/* --- endpoints --- */

/* Addresses that are the same on every machine lead nowhere. */
static void check_special_address(const struct checker *checker, const struct cJSON *item,
                                  struct sv field) {
    struct in_addr v4;
    struct in6_addr v6;
    const char *address = arena_copy(checker->arena, json_text(item)).ptr;
    bool is_v4 = inet_pton(AF_INET, address, &v4) == 1;
    bool is_v6 = !is_v4 && inet_pton(AF_INET6, address, &v6) == 1;
    uint32_t bits = is_v4 ? ntohl(v4.s_addr) : 0;
    if ((is_v4 && bits == 0) || (is_v6 && IN6_IS_ADDR_UNSPECIFIED(&v6)))
        report_invalid(checker, field, item,
                       arena_printf(checker->arena, "may not be unspecified (%s)", address).ptr);
    if ((is_v4 && bits >> 24 == 127) || (is_v6 && IN6_IS_ADDR_LOOPBACK(&v6)))
        report_invalid(checker, field, item,
                       "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    if ((is_v4 && bits >> 16 == 0xa9fe) || (is_v6 && IN6_IS_ADDR_LINKLOCAL(&v6)))
        report_invalid(checker, field, item,
                       "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    if ((is_v4 && bits >> 8 == 0xe00000) || (is_v6 && IN6_IS_ADDR_MC_LINKLOCAL(&v6)))
        report_invalid(checker, field, item,
                       "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

static void check_endpoint_address(const struct checker *checker, const struct cJSON *address,
                                   struct sv field) {
    const struct cJSON *ip = json_get(address, SV("ip"));
    const struct cJSON *host = json_get(address, SV("hostname"));
    struct sv ip_field = path_member(checker, field, SV("ip"));
    const char *fault = check_ip_address(checker, json_text(ip));
    if (fault)
        report_invalid(checker, ip_field, ip, fault);
    if (json_text(host).len > 0 && check_dns_label(json_text(host)))
        report_invalid(checker, path_member(checker, field, SV("hostname")), host,
                       check_dns_label(json_text(host)));
    if (fault)
        report_invalid(checker, ip_field, ip, "must be a valid IP address");
    else
        check_special_address(checker, ip, ip_field);
}

static void check_endpoint_port(const struct checker *checker, const struct cJSON *port,
                                bool needs_name, struct sv field) {
    const struct cJSON *name = json_get(port, SV("name"));
    const struct cJSON *number = json_get(port, SV("port"));
    struct sv name_field = path_member(checker, field, SV("name"));
    int64_t value = 0;
    json_to_int64(number, &value);
    if (json_text(name).len == 0 && needs_name)
        report_required(checker, name_field, port, "");
    else if (json_text(name).len > 0 && check_dns_label(json_text(name)))
        report_invalid(checker, name_field, name, check_dns_label(json_text(name)));
    if (check_port(value))
        report_invalid(checker, path_member(checker, field, SV("port")),
                       json_int(checker->arena, value), check_port(value));
    check_one_of(checker, port, SV("protocol"), field, protocols, COUNT_OF(protocols));
}

static void check_subset(const struct checker *checker, const struct cJSON *subset,
                         struct sv field) {
    static const struct sv lists[] = {SV("addresses"), SV("notReadyAddresses")};
    const struct cJSON *ports = json_get(subset, SV("ports"));
    size_t port_count = json_count(ports), count = 0, index = 0;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        count += json_count(json_get(subset, lists[i]));
    if (count == 0)
        report_required(checker, field, subset, "must specify `addresses` or `notReadyAddresses`");
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        index = 0;
        JSON_EACH (address, json_get(subset, lists[i]))
            check_endpoint_address(
                checker, address,
                path_index(checker, path_member(checker, field, lists[i]), index++));
    }
    index = 0;
    JSON_EACH (port, ports)
        check_endpoint_port(checker, port, port_count > 1,
                            path_index(checker, path_member(checker, field, SV("ports")), index++));
}

void check_endpoints(const struct checker *checker, const struct cJSON *object,
                     const struct cJSON *old) {
    const struct cJSON *subsets = json_get(object, SV("subsets"));
    size_t index = 0;
    if (old && json_equal(subsets, json_get(old, SV("subsets"))))
        return;
    JSON_EACH (subset, subsets)
        check_subset(checker, subset, path_index(checker, SV("subsets"), index++));
}

/* --- slices --- */

static void check_slice_address(const struct checker *checker, const struct cJSON *address,
                                bool is_v6, struct sv field, struct sv list_field) {
    bool looks_v6 = sv_find(json_text(address), ':') < json_text(address).len;
    const char *fault = check_ip_address(checker, json_text(address));
    if (fault) {
        report_invalid(checker, field, address, fault);
        return;
    }
    if (looks_v6 != is_v6)
        report_invalid(checker, list_field, address,
                       is_v6 ? "must be an IPv6 address" : "must be an IPv4 address");
    check_special_address(checker, address, field);
}

static void check_slice_endpoints(const struct checker *checker, const struct cJSON *slice) {
    struct sv type = json_find_string(slice, "addressType");
    bool is_v4 = sv_eq(type, SV("IPv4")), is_v6 = sv_eq(type, SV("IPv6"));
    size_t endpoint_index = 0;
    JSON_EACH (endpoint, json_get(slice, SV("endpoints"))) {
        struct sv field = path_index(checker, SV("endpoints"), endpoint_index++);
        struct sv list_field = path_member(checker, field, SV("addresses"));
        size_t index = 0;
        JSON_EACH (address, json_get(endpoint, SV("addresses"))) {
            struct sv at = path_index(checker, list_field, index++);
            if (is_v4 || is_v6)
                check_slice_address(checker, address, is_v6, at, list_field);
        }
    }
}

static void check_slice_ports(const struct checker *checker, const struct cJSON *slice) {
    struct json_index names = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (port, json_get(slice, SV("ports"))) {
        const struct cJSON *name = json_get(port, SV("name"));
        struct sv field = path_index(checker, SV("ports"), index++);
        struct sv name_field = path_member(checker, field, SV("name"));
        if (json_text(name).len > 0 && check_dns_label(json_text(name)))
            report_invalid(checker, name_field, name, check_dns_label(json_text(name)));
        if (json_index_is_seen_again(&names, json_text(name)))
            report_duplicate(checker, name_field, name);
        check_one_of(checker, port, SV("protocol"), field, protocols, COUNT_OF(protocols));
    }
}

void check_endpoint_slice(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old) {
    check_slice_ports(checker, object);
    if (!old || !json_equal(json_get(object, SV("endpoints")), json_get(old, SV("endpoints"))))
        check_slice_endpoints(checker, object);
}

/* --- ingresses --- */

static void check_backend(const struct checker *checker, const struct cJSON *backend,
                          struct sv field) {
    const struct cJSON *service = json_get(backend, SV("service"));
    const struct cJSON *name = json_get(service, SV("name"));
    struct sv port_name = json_find_string(service, "port.name");
    int64_t number = json_find_int(service, "port.number", 0);
    struct sv name_field = path_member(checker, field, SV("service.name"));
    if (service && json_get(backend, SV("resource")))
        report_invalid(checker, field, NULL, "cannot set both resource and service backends");
    else if (!service && !json_get(backend, SV("resource")))
        report_invalid(checker, field, NULL, "resource or service backend is required");
    if (!service)
        return;
    if (json_text(name).len == 0)
        report_required(checker, name_field, service, "");
    else if (check_dns_label_1035(json_text(name)))
        report_invalid(checker, name_field, name, check_dns_label_1035(json_text(name)));
    if (port_name.len > 0 && number != 0)
        report_invalid(checker, field, NULL, "cannot set both port name & port number");
    else if (port_name.len > 0 && check_port_name(port_name))
        report_invalid(checker, path_member(checker, field, SV("service.port.name")),
                       json_find(service, "port.name"), check_port_name(port_name));
    else if (number != 0 && check_port(number))
        report_invalid(checker, path_member(checker, field, SV("service.port.number")),
                       json_find(service, "port.number"), check_port(number));
    else if (port_name.len == 0 && number == 0)
        report_required(checker, field, service, "port name or number is required");
}

static void check_ingress_path(const struct checker *checker, const struct cJSON *path,
                               struct sv field) {
    static const struct sv types[] = {SV("Exact"), SV("ImplementationSpecific"), SV("Prefix")};
    static const struct sv sequences[] = {SV("//"), SV("/./"), SV("/../"), SV("%2f"), SV("%2F")};
    static const struct sv suffixes[] = {SV("/.."), SV("/.")};
    const struct cJSON *type = json_get(path, SV("pathType"));
    const struct cJSON *item = json_get(path, SV("path"));
    struct sv text = json_text(item), path_field = path_member(checker, field, SV("path"));
    bool is_free = sv_eq(json_text(type), SV("ImplementationSpecific"));
    if (json_text(type).len == 0) /* the table says so */
        return;
    check_one_of(checker, path, SV("pathType"), field, types, COUNT_OF(types));
    if (!sv_starts_with(text, SV("/")) && (!is_free || text.len > 0))
        report_invalid(checker, path_field, item, "must be an absolute path");
    for (size_t i = 0; !is_free && i < COUNT_OF(sequences); i++)
        if (sv_contains(text, sequences[i]))
            report_invalid(
                checker, path_field, item,
                arena_printf(checker->arena, "must not contain '%.*s'", SV_ARG(sequences[i])).ptr);
    for (size_t i = 0; !is_free && i < COUNT_OF(suffixes); i++)
        if (sv_ends_with(text, suffixes[i]))
            report_invalid(
                checker, path_field, item,
                arena_printf(checker->arena, "cannot end with '%.*s'", SV_ARG(suffixes[i])).ptr);
    check_backend(checker, json_get(path, SV("backend")),
                  path_member(checker, field, SV("backend")));
}

void check_ingress(const struct checker *checker, const struct cJSON *object,
                   const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *rules = json_get(spec, SV("rules"));
    const struct cJSON *backend = json_get(spec, SV("defaultBackend"));
    size_t rule_index = 0;
    (void)old;
    if (json_count(rules) == 0 && !backend)
        report_invalid(checker, SV("spec"), json_null(checker->arena),
                       "either `defaultBackend` or `rules` must be specified");
    if (backend)
        check_backend(checker, backend, SV("spec.defaultBackend"));
    JSON_EACH (rule, rules) {
        struct sv field = path_index(checker, SV("spec.rules"), rule_index++);
        size_t index = 0;
        JSON_EACH (path, json_find(rule, "http.paths"))
            check_ingress_path(
                checker, path,
                path_index(checker, path_member(checker, field, SV("http.paths")), index++));
    }
}

/* --- network policies --- */

static void check_ip_block(const struct checker *checker, const struct cJSON *block,
                           struct sv field) {
    const struct cJSON *cidr = json_get(block, SV("cidr"));
    struct sv cidr_field = path_member(checker, field, SV("cidr"));
    size_t index = 0;
    if (json_text(cidr).len == 0) {
        report_required(checker, cidr_field, block, "");
        return;
    }
    if (check_cidr(checker, json_text(cidr)))
        report_invalid(checker, cidr_field, cidr, check_cidr(checker, json_text(cidr)));
    JSON_EACH (except, json_get(block, SV("except"))) {
        struct sv at = path_index(checker, path_member(checker, field, SV("except")), index++);
        if (check_cidr(checker, json_text(except)))
            report_invalid(checker, at, except, check_cidr(checker, json_text(except)));
    }
}

static void check_peer(const struct checker *checker, const struct cJSON *peer, struct sv field) {
    static const struct sv selectors[] = {SV("podSelector"), SV("namespaceSelector")};
    const struct cJSON *block = json_get(peer, SV("ipBlock"));
    size_t count = block ? 1 : 0;
    for (size_t i = 0; i < COUNT_OF(selectors); i++) {
        const struct cJSON *selector = json_get(peer, selectors[i]);
        count += selector != NULL;
        validate_label_selector(checker, selector, path_member(checker, field, selectors[i]));
    }
    if (block)
        check_ip_block(checker, block, path_member(checker, field, SV("ipBlock")));
    if (count == 0)
        report_required(checker, field, peer, "must specify a peer");
    else if (count > 1 && block)
        report_forbidden(checker, field, peer, "may not specify both ipBlock and another peer");
}

static void check_policy_port(const struct checker *checker, const struct cJSON *port,
                              struct sv field) {
    const struct cJSON *number = json_get(port, SV("port")), *end = json_get(port, SV("endPort"));
    struct sv port_field = path_member(checker, field, SV("port"));
    struct sv end_field = path_member(checker, field, SV("endPort"));
    int64_t first = 0, last = 0;
    bool is_number = json_to_int64(number, &first);
    static const struct sv in_policies[] = {SV("TCP"), SV("UDP"), SV("SCTP")};
    check_one_of(checker, port, SV("protocol"), field, in_policies, COUNT_OF(in_policies));
    if (is_number && check_port(first))
        report_invalid(checker, port_field, number, check_port(first));
    else if (json_is_string(number) && check_port_name(json_text(number)))
        report_invalid(checker, port_field, number, check_port_name(json_text(number)));
    if (!json_to_int64(end, &last))
        return;
    if (!number)
        report_invalid(checker, end_field, end,
                       "may not be specified when `port` is not specified");
    else if (!is_number)
        report_invalid(checker, end_field, end, "may not be specified when `port` is non-numeric");
    else if (last < first)
        report_invalid(checker, end_field, number, "must be greater than or equal to `port`");
}

void check_network_policy(const struct checker *checker, const struct cJSON *object,
                          const struct cJSON *old) {
    static const struct {
        struct sv rules, peers;
    } directions[] = {{SV("ingress"), SV("from")}, {SV("egress"), SV("to")}};
    const struct cJSON *spec = json_get(object, SV("spec"));
    (void)old;
    validate_label_selector(checker, json_get(spec, SV("podSelector")), SV("spec.podSelector"));
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        struct sv list = path_member(checker, SV("spec"), directions[i].rules);
        size_t rule_index = 0;
        JSON_EACH (rule, json_get(spec, directions[i].rules)) {
            struct sv field = path_index(checker, list, rule_index++);
            struct sv ports = path_member(checker, field, SV("ports"));
            struct sv peers = path_member(checker, field, directions[i].peers);
            size_t index = 0;
            JSON_EACH (port, json_get(rule, SV("ports")))
                check_policy_port(checker, port, path_index(checker, ports, index++));
            index = 0;
            JSON_EACH (peer, json_get(rule, directions[i].peers))
                check_peer(checker, peer, path_index(checker, peers, index++));
        }
    }
}
