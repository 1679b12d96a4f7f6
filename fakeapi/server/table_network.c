/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of Services and of what stands behind and before them. */
#include "fakeapi/server/table_parts.h"

#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"

enum { ENDPOINTS_SHOWN_MAX = 3 };

/* --- services --- */

static struct sv texts(const struct table_row *row, const struct cJSON *list) {
    struct joiner text;
    joiner_init(&text, row->arena);
    JSON_EACH (item, list)
        text_add(&text, ",", json_text(item));
    return joiner_text(&text);
}

static struct sv ingress_addresses(const struct table_row *row) {
    struct joiner text;
    joiner_init(&text, row->arena);
    JSON_EACH (ingress, json_find(row->object, "status.loadBalancer.ingress")) {
        struct sv ip = json_find_string(ingress, "ip");
        text_add(&text, ",", ip.len > 0 ? ip : json_find_string(ingress, "hostname"));
    }
    return joiner_text(&text);
}

static struct sv external_address(const struct table_row *row) {
    struct sv type = json_find_string(row->object, "spec.type");
    struct sv external = texts(row, json_find(row->object, "spec.externalIPs"));
    if (sv_eq(type, SV("ExternalName")))
        return json_find_string(row->object, "spec.externalName");
    if (!sv_eq(type, SV("LoadBalancer")))
        return text_or(external, "<none>");
    return text_or(text_join(row, ingress_addresses(row), ",", external), "<pending>");
}

static struct sv ports_text(const struct table_row *row) {
    struct joiner text;
    joiner_init(&text, row->arena);
    JSON_EACH (port, json_find(row->object, "spec.ports")) {
        long long node_port = (long long)json_int_or(port, SV("nodePort"), 0);
        long long number = (long long)json_int_or(port, SV("port"), 0);
        struct sv protocol = json_find_string(port, "protocol");
        struct sv one =
            node_port > 0
                ? arena_printf(row->arena, "%lld:%lld/%.*s", number, node_port, SV_ARG(protocol))
                : arena_printf(row->arena, "%lld/%.*s", number, SV_ARG(protocol));
        text_add(&text, ",", one);
    }
    return text_or(joiner_text(&text), "<none>");
}

void fill_service(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.type", "");
    cell_find(row, "spec.clusterIP", "<none>");
    cell_text(row, external_address(row));
    cell_text(row, ports_text(row));
    cell_age(row);
    cell_text(row, labels_text(row, json_find(row->object, "spec.selector")));
}

/* --- endpoints --- */

/* A list of which only the first few are shown. */
struct short_list {
    struct sv text;
    size_t count;
};

static void add_short(const struct table_row *row, struct short_list *list, struct sv text) {
    if (list->count++ < ENDPOINTS_SHOWN_MAX)
        list->text = text_join(row, list->text, ",", text);
}

static struct sv short_text(const struct table_row *row, const struct short_list *list,
                            const char *otherwise) {
    if (list->count <= ENDPOINTS_SHOWN_MAX)
        return text_or(list->text, otherwise);
    return arena_printf(row->arena, "%.*s + %zu more...", SV_ARG(list->text),
                        list->count - ENDPOINTS_SHOWN_MAX);
}

static void add_subset(const struct table_row *row, const struct cJSON *subset,
                       struct short_list *list) {
    const struct cJSON *ports = json_get(subset, SV("ports"));
    const struct cJSON *addresses = json_get(subset, SV("addresses"));
    size_t port_count = json_count(ports), address_count = json_count(addresses);
    size_t count = list->count + (port_count > 0 ? port_count : 1) * address_count;
    if (port_count == 0)
        JSON_EACH (address, addresses)
            add_short(row, list, json_find_string(address, "ip"));
    /* What is not shown is only counted: there may be as many pairs as a product says. */
    JSON_EACH (port, address_count > 0 && list->count < ENDPOINTS_SHOWN_MAX ? ports : NULL)
        JSON_EACH (address, list->count < ENDPOINTS_SHOWN_MAX ? addresses : NULL)
            add_short(row, list,
                      arena_printf(row->arena, "%.*s:%lld", SV_ARG(json_find_string(address, "ip")),
                                   (long long)json_int_or(port, SV("port"), 0)));
    list->count = count;
}

void fill_endpoints(struct table_row *row) {
    struct short_list list = {.text = SV("")};
    JSON_EACH (subset, json_get(row->object, SV("subsets")))
        add_subset(row, subset, &list);
    cell_name(row);
    cell_text(row, short_text(row, &list, "<none>"));
    cell_age(row);
}

void fill_endpoint_slice(struct table_row *row) {
    struct short_list ports = {.text = SV("")}, addresses = {.text = SV("")};
    JSON_EACH (port, json_get(row->object, SV("ports"))) {
        const struct cJSON *number = json_get(port, SV("port"));
        add_short(row, &ports, text_or(json_text(number), "*"));
    }
    JSON_EACH (endpoint, json_get(row->object, SV("endpoints")))
        JSON_EACH (address, json_get(endpoint, SV("addresses")))
            add_short(row, &addresses, json_text(address));
    cell_name(row);
    cell_find(row, "addressType", "");
    cell_text(row, short_text(row, &ports, "<unset>"));
    cell_text(row, short_text(row, &addresses, "<unset>"));
    cell_age(row);
}

/* --- ingresses --- */

static struct sv hosts_text(const struct table_row *row) {
    struct short_list list = {.text = SV("")};
    JSON_EACH (rule, json_find(row->object, "spec.rules"))
        if (json_find_string(rule, "host").len > 0)
            add_short(row, &list, json_find_string(rule, "host"));
    return short_text(row, &list, "*");
}

void fill_ingress(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.ingressClassName", "<none>");
    cell_text(row, hosts_text(row));
    cell_text(row, ingress_addresses(row));
    cell_text(row, json_count(json_find(row->object, "spec.tls")) > 0 ? SV("80, 443") : SV("80"));
    cell_age(row);
}
