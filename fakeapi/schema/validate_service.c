/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of services. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

static void check_target_port(const struct checker *checker, const struct cJSON *port,
                              struct sv field) {
    const struct cJSON *target = json_get(port, SV("targetPort"));
    struct sv path = path_member(checker, field, SV("targetPort"));
    int64_t number;
    if (json_to_int64(target, &number) && (number < 1 || number > 65535))
        report_invalid(checker, path, target, "must be between 1 and 65535, inclusive");
    if (json_is_string(target) && check_port_name(json_text(target)))
        report_invalid(checker, path, target, check_port_name(json_text(target)));
}

/* A port as Go prints the struct in a refusal: what tells it apart. */
static struct cJSON *port_shown(const struct checker *checker, const struct cJSON *port) {
    static const struct go_field fields[] = {
        {SV("Name"), SV("Name"), GO_TEXT},
        {SV("protocol"), SV("Protocol"), GO_TEXT},
        {SV("AppProtocol"), SV("AppProtocol"), GO_NIL},
        {SV("port"), SV("Port"), GO_NUMBER},
        {SV("TargetPort"), SV("TargetPort"), GO_NUMBER},
        {SV("NodePort"), SV("NodePort"), GO_NUMBER},
    };
    return go_shown(checker, port, fields, COUNT_OF(fields));
}

/* What ports have to differ in. */
struct ports_seen {
    struct json_index names, numbers;
};

static void check_port_twice(const struct checker *checker, struct ports_seen *seen,
                             const struct cJSON *port, struct sv field) {
    const struct cJSON *name = json_get(port, SV("name"));
    struct sv number =
        arena_printf(checker->arena, "%.*s %.*s", SV_ARG(json_text(json_get(port, SV("port")))),
                     SV_ARG(json_find_string(port, "protocol")));
    if (json_text(name).len > 0 && json_index_is_seen_again(&seen->names, json_text(name)))
        report_duplicate(checker, path_member(checker, field, SV("name")), name);
    if (json_index_is_seen_again(&seen->numbers, number))
        report_duplicate(checker, field, port_shown(checker, port));
}

/* What only some types of service have. */
static void check_service_type(const struct checker *checker, const struct cJSON *spec) {
    struct sv type = json_find_string(spec, "type");
    const struct cJSON *traffic = json_get(spec, SV("externalTrafficPolicy"));
    bool is_external_name = sv_eq(type, SV("ExternalName"));
    bool is_reached_from_outside = sv_eq(type, SV("NodePort")) || sv_eq(type, SV("LoadBalancer"));
    const struct cJSON *address = json_get(spec, SV("clusterIP"));
    if (is_reached_from_outside && sv_eq(json_text(address), SV("None")))
        report_invalid(
            checker, SV("spec.clusterIPs[0]"), address,
            arena_printf(checker->arena, "may not be set to 'None' for %.*s services", SV_ARG(type))
                .ptr);
    if (is_external_name && json_find_string(spec, "externalName").len == 0)
        report_required(checker, SV("spec.externalName"), spec, "");
    if (is_external_name && json_find_string(spec, "clusterIP").len > 0 &&
        !sv_eq(json_find_string(spec, "clusterIP"), SV("None")))
        report_forbidden(checker, SV("spec.clusterIPs"), spec,
                         "may not be set for ExternalName services");
    if (json_text(traffic).len > 0 && sv_eq(type, SV("ClusterIP")) &&
        json_count(json_get(spec, SV("externalIPs"))) == 0)
        report_invalid(checker, SV("spec.externalTrafficPolicy"), traffic,
                       "may only be set for externally-accessible services");
    const struct cJSON *seconds = json_find(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
    int64_t number;
    if (json_to_int64(seconds, &number) && (number <= 0 || number > 86400))
        report_invalid(checker, SV("spec.sessionAffinityConfig.clientIP.timeoutSeconds"), seconds,
                       "must be greater than 0 and less than 86400");
}

static void check_service_ports(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *ports = json_get(spec, SV("ports"));
    bool is_headless = sv_eq(json_find_string(spec, "clusterIP"), SV("None"));
    bool is_external = sv_eq(json_find_string(spec, "type"), SV("ExternalName"));
    struct ports_seen seen = {texts_seen(checker), texts_seen(checker)};
    size_t index = 0, count = json_count(ports);
    if (count == 0 && !is_headless && !is_external)
        report_required(checker, SV("spec.ports"), spec, "");
    JSON_EACH (port, ports) {
        struct sv field = path_index(checker, SV("spec.ports"), index++);
        int64_t number = json_int_or(port, SV("port"), 0);
        const struct cJSON *name = json_get(port, SV("name"));
        if (number < 1 || number > 65535)
            report_invalid(checker, path_member(checker, field, SV("port")),
                           json_get(port, SV("port")), "must be between 1 and 65535, inclusive");
        if (count > 1 && json_text(name).len == 0)
            report_required(checker, path_member(checker, field, SV("name")), port, "");
        if (json_text(name).len > 0 && check_dns_label(json_text(name)))
            report_invalid(checker, path_member(checker, field, SV("name")), name,
                           check_dns_label(json_text(name)));
        check_target_port(checker, port, field);
        if (sv_eq(json_find_string(spec, "type"), SV("ClusterIP")) &&
            json_int_or(port, SV("nodePort"), 0) != 0)
            report_forbidden(checker, path_member(checker, field, SV("nodePort")), port,
                             "may not be used when `type` is 'ClusterIP'");
        check_port_twice(checker, &seen, port, field);
    }
}

void check_service(const struct checker *checker, const struct cJSON *object,
                   const struct cJSON *old) {
    static const struct sv types[] = {SV("ClusterIP"), SV("ExternalName"), SV("LoadBalancer"),
                                      SV("NodePort")};
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *type = json_get(spec, SV("type"));
    check_service_ports(checker, spec);
    check_service_type(checker, spec);
    validate_labels(checker, json_get(spec, SV("selector")), SV("spec.selector"));
    if (sv_index_of(json_text(type), types, COUNT_OF(types)) == COUNT_OF(types))
        report_not_supported(checker, SV("spec.type"), type, types, COUNT_OF(types));
    size_t index = 0;
    (void)old;
    JSON_EACH (range, json_get(spec, SV("loadBalancerSourceRanges"))) {
        struct sv field = path_index(checker, SV("spec.LoadBalancerSourceRanges"), index++);
        const char *fault = check_cidr(checker, sv_trim(json_text(range)));
        if (fault)
            report_invalid(checker, field, range, fault);
    }
}
