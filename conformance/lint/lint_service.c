/* SPDX-License-Identifier: Apache-2.0 */
/* SVC-001 to SVC-005: services and how they are addressed. */
#include "conformance/lint/lint_context.h"
#include "core/base/map.h"

static bool has_service(const struct cJSON *component) {
    return json_find(component, "service.headless") ||
           json_count(lint_list(component, "services")) > 0;
}

static void check_001(struct lint *lint, enum role role) {
    const struct cJSON *component = subject_component(lint->subject, role);
    const struct cJSON *use = lint_find_in_component(lint, role, SV("RUNTIME_COMPONENT_SVC_NAME"));
    if (use && !has_service(component))
        lint_fail(lint, use, "FLUID_RUNTIME_COMPONENT_SVC_NAME is empty: %.*s declares no service",
                  SV_ARG(role_text(role)));
}

static bool has_ports(const struct lint *lint) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        JSON_EACH (service, lint_list(subject_component(lint->subject, role), "services")) {
            if (json_count(lint_list(service, "ports")) > 0)
                return true;
        }
    }
    return false;
}

static const struct sv service_variables[] = {SV("_SERVICE_PORT"), SV("_SERVICE_HOST")};

static void check_002(struct lint *lint) {
    for (size_t i = 0; !has_ports(lint) && i < COUNT_OF(service_variables); i++) {
        for (enum role role = 0; role < ROLE_COUNT; role++) {
            const struct cJSON *use = lint_find_in_component(lint, role, service_variables[i]);
            /* The API server's own service exists in every pod. */
            if (use && !sv_contains(json_text(use), SV("KUBERNETES_SERVICE")))
                lint_fail(lint, use, "*%.*s is not set for a service without ports",
                          SV_ARG(service_variables[i]));
        }
    }
}

static void check_004(struct lint *lint) {
    struct sv needle = SV("cluster.local");
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *item = lint_find_text(subject_component(lint->subject, role), needle);
        if (item)
            lint_fail(lint, item, "\"cluster.local\" is not every cluster's domain");
    }
    const struct lint_script *scripts;
    size_t count = lint_scripts(lint, &scripts);
    for (size_t i = 0; i < count; i++) {
        struct sv text = json_text(scripts[i].text);
        size_t offset = lint_script_find(text, needle);
        if (offset < text.len)
            lint_point_into(
                lint,
                lint_fail(lint, scripts[i].text, "\"cluster.local\" is not every cluster's domain"),
                scripts[i].text, offset);
    }
}

static bool has_container_port(const struct lint *lint, enum role role,
                               const struct cJSON *wanted) {
    JSON_EACH (container, lint_list(lint_pod_spec(lint, role), "containers")) {
        JSON_EACH (port, lint_list(container, "ports")) {
            if (json_is_map(port) &&
                sv_eq(json_string_or(port, SV("name"), SV("")), json_text(wanted)))
                return true;
        }
    }
    return false;
}

static void check_ports(struct lint *lint, enum role role, const struct cJSON *service) {
    const struct cJSON *ports = lint_list(service, "ports");
    JSON_EACH (port, ports) {
        if (!json_is_map(port))
            continue;
        const struct cJSON *target = json_get(port, SV("targetPort"));
        if (json_is_string(target) && !has_container_port(lint, role, target))
            lint_fail(lint, target, "no container of %.*s has a port named \"%.*s\"",
                      SV_ARG(role_text(role)), SV_ARG(json_text(target)));
        if (json_count(ports) > 1 && !json_get(port, SV("name")))
            lint_fail(lint, port, "a service with several ports names each of them");
    }
}

static void check_005(struct lint *lint, enum role role) {
    AUTO(map) seen = map_new();
    const struct cJSON *component = subject_component(lint->subject, role);
    const struct cJSON *headless = json_find(component, "service.headless");
    JSON_EACH (service, lint_list(component, "services")) {
        if (!json_is_map(service))
            continue;
        struct sv name = json_string_or(service, SV("name"), SV(""));
        if (map_has(seen, name) || (headless && name.len == 0))
            lint_fail(lint, service, "two services of %.*s are called \"%.*s\"",
                      SV_ARG(role_text(role)), SV_ARG(name));
        map_put(seen, name, NULL);
        check_ports(lint, role, service);
    }
}

static const struct lint_rule rules[] = {
    {SV("SVC-001"), NULL, check_001},
    {SV("SVC-002"), check_002, NULL},
    {SV("SVC-004"), check_004, NULL},
    {SV("SVC-005"), NULL, check_005},
};
LINT_RULES(lint_service_rules, rules);
