/* SPDX-License-Identifier: Apache-2.0 */
/* WORK-001 to WORK-010: containers, images, environment and workload kinds. */
#include "conformance/lint/lint_context.h"
#include "core/base/arena.h"
#include "core/base/map.h"

/* What the framework puts in front of the environment of the first container. */
static const struct sv framework_variables[] = {
    SV("FLUID_DATASET_NAME"),           SV("FLUID_DATASET_NAMESPACE"),
    SV("FLUID_RUNTIME_CONFIG_PATH"),    SV("FLUID_RUNTIME_MOUNT_PATH"),
    SV("FLUID_RUNTIME_COMPONENT_TYPE"), SV("FLUID_RUNTIME_COMPONENT_SVC_NAME"),
};

static const char *const container_lists[] = {"containers", "initContainers"};

static struct sv name_of(const struct cJSON *item) {
    return json_string_or(item, SV("name"), SV(""));
}

static bool looks_like_sidecar(struct sv name) {
    static const struct sv words[] = {SV("sidecar"), SV("exporter"),  SV("filebeat"),
                                      SV("fluent"),  SV("logrotate"), SV("log-"),
                                      SV("-log"),    SV("envoy"),     SV("proxy")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (sv_contains(name, words[i]))
            return true;
    }
    return false;
}

static void check_001(struct lint *lint, enum role role) {
    const struct cJSON *containers = lint_list(lint_pod_spec(lint, role), "containers");
    const struct cJSON *first = json_at(containers, 0);
    if (!json_is_map(first) || !looks_like_sidecar(name_of(first)))
        return;
    JSON_EACH (container, containers) {
        if (json_is_map(container) && !looks_like_sidecar(name_of(container))) {
            struct check_result *result = lint_fail(
                lint, first, "container %.*s stands before %.*s and is configured as the cache",
                SV_ARG(name_of(first)), SV_ARG(name_of(container)));
            result->expected = name_of(container);
            result->actual = name_of(first);
            return;
        }
    }
}

static void check_002(struct lint *lint, enum role role) {
    static const struct sv needs[] = {SV("FLUID_"), SV("/etc/fluid/")};
    for (size_t i = 0; i < COUNT_OF(container_lists); i++) {
        const struct cJSON *containers = lint_list(lint_pod_spec(lint, role), container_lists[i]);
        JSON_EACH (container, containers) {
            for (size_t j = 0; container != containers->child && j < COUNT_OF(needs); j++) {
                const struct cJSON *text = lint_find_text(container, needs[j]);
                if (text)
                    lint_fail(lint, text, "container %.*s uses %.*s, which only the first one gets",
                              SV_ARG(name_of(container)), SV_ARG(needs[j]));
            }
        }
    }
}

static void check_003(struct lint *lint, enum role role) {
    for (size_t i = 0; i < COUNT_OF(container_lists); i++) {
        JSON_EACH (container, lint_list(lint_pod_spec(lint, role), container_lists[i])) {
            const struct cJSON *item =
                json_is_map(container) ? json_get(container, SV("image")) : NULL;
            struct sv image = json_text(item);
            if (image.len == 0 || sv_contains(image, SV("@sha256:")))
                continue;
            struct sv base = sv_drop(
                image, sv_find_last(image, '/') == image.len ? 0 : sv_find_last(image, '/') + 1);
            struct sv tag = sv_drop(base, sv_find(base, ':') + 1);
            if (tag.len == 0 || sv_eq(tag, SV("latest")))
                lint_fail(lint, item, "image %.*s has %s", SV_ARG(image),
                          tag.len ? "the tag latest" : "no tag")
                    ->actual = image;
        }
    }
}

/* "registry:5000/vendor/cache:1.0" -> "registry:5000/vendor/cache" */
static struct sv repository_of(struct sv image) {
    size_t slash = sv_find_last(image, '/');
    size_t begin = slash == image.len ? 0 : slash + 1;
    struct sv base = sv_drop(image, begin);
    size_t end = sv_find(base, ':') < sv_find(base, '@') ? sv_find(base, ':') : sv_find(base, '@');
    return sv_prefix(image, begin + end);
}

static void check_004(struct lint *lint, enum role role) {
    const struct cJSON *first = lint_first_container(lint, role);
    struct sv image = first ? json_string_or(first, SV("image"), SV("")) : SV("");
    JSON_EACH (container, lint_list(lint_pod_spec(lint, role), "initContainers")) {
        const struct cJSON *item = json_is_map(container) ? json_get(container, SV("image")) : NULL;
        if (item && image.len > 0 && sv_eq(repository_of(json_text(item)), repository_of(image)))
            lint_fail(lint, item,
                      "init container %.*s has the cache's image %.*s and keeps it when a runtime "
                      "overrides the image",
                      SV_ARG(name_of(container)), SV_ARG(json_text(item)));
    }
}

static void check_005(struct lint *lint, enum role role) {
    const struct cJSON *container = lint_first_container(lint, role);
    static const char *const wanted[] = {"resources.requests", "resources.limits"};
    for (size_t i = 0; container && i < COUNT_OF(wanted); i++) {
        if (json_count(json_find(container, wanted[i])) == 0)
            lint_fail(lint, container, "container %.*s has no %s", SV_ARG(name_of(container)),
                      wanted[i]);
    }
}

static void check_environment(struct lint *lint, const struct cJSON *container) {
    AUTO(map) seen = map_new();
    JSON_EACH (variable, lint_list(container, "env")) {
        if (!json_is_map(variable))
            continue;
        struct sv name = name_of(variable);
        if (sv_starts_with(name, SV("FLUID_")))
            lint_fail(lint, variable, "%.*s redefines a variable of the framework", SV_ARG(name));
        if (map_has(seen, name))
            lint_fail(lint, variable, "variable %.*s is given twice", SV_ARG(name));
        map_put(seen, name, NULL);
    }
}

static void check_006(struct lint *lint, enum role role) {
    for (size_t i = 0; i < COUNT_OF(container_lists); i++) {
        JSON_EACH (container, lint_list(lint_pod_spec(lint, role), container_lists[i])) {
            if (json_is_map(container))
                check_environment(lint, container);
        }
    }
}

/* Environment names as people write them; $(date) in a shell command is something else. */
static bool is_variable_name(struct sv name) {
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        if (!(byte >= 'A' && byte <= 'Z') && byte != '_' && !(i > 0 && byte >= '0' && byte <= '9'))
            return false;
    }
    return name.len > 0;
}

static void check_references(struct lint *lint, const struct cJSON *item, const struct map *known) {
    struct sv rest = json_text(item);
    while (rest.len > 1) {
        rest = sv_drop(rest, sv_find(rest, '$'));
        if (sv_starts_with(rest, SV("$$"))) {
            rest = sv_drop(rest, 2);
            continue;
        }
        bool is_reference = sv_starts_with(rest, SV("$("));
        struct sv name = sv_prefix(sv_drop(rest, 2), sv_find(sv_drop(rest, 2), ')'));
        rest = sv_drop(rest, 1);
        if (is_reference && is_variable_name(name) && !map_has(known, name))
            lint_fail(lint, item, "$(%.*s) is not defined before it is used", SV_ARG(name))
                ->actual = arena_printf(lint->arena, "$(%.*s)", SV_ARG(name));
    }
}

static void check_variables(struct lint *lint, const struct cJSON *container, bool is_first) {
    if (json_count(lint_list(container, "envFrom")) > 0)
        return; /* what it defines is not known here */
    AUTO(map) known = map_new();
    for (size_t i = 0; is_first && i < COUNT_OF(framework_variables); i++)
        map_put(known, framework_variables[i], NULL);
    JSON_EACH (variable, lint_list(container, "env")) {
        if (!json_is_map(variable))
            continue;
        const struct cJSON *value = json_get(variable, SV("value"));
        if (json_is_string(value))
            check_references(lint, value, known);
        map_put(known, name_of(variable), NULL);
    }
    static const char *const lists[] = {"command", "args"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        JSON_EACH (text, lint_list(container, lists[i])) {
            if (json_is_string(text))
                check_references(lint, text, known);
        }
    }
}

static void check_007(struct lint *lint, enum role role) {
    for (size_t i = 0; i < COUNT_OF(container_lists); i++) {
        const struct cJSON *containers = lint_list(lint_pod_spec(lint, role), container_lists[i]);
        JSON_EACH (container, containers) {
            if (json_is_map(container))
                check_variables(lint, container, container == containers->child);
        }
    }
}

static bool has_port_option(const struct lint *lint, enum role role) {
    JSON_EACH (option, lint_map(subject_component(lint->subject, role), "options")) {
        if (sv_contains(json_key(option), SV("port")) || sv_contains(json_key(option), SV("Port")))
            return true;
    }
    return false;
}

static void check_008(struct lint *lint, enum role role) {
    const struct cJSON *spec = lint_pod_spec(lint, role);
    const struct cJSON *host_network = spec ? json_get(spec, SV("hostNetwork")) : NULL;
    bool is_on_host = json_is_true(host_network);
    struct sv dns = spec ? json_string_or(spec, SV("dnsPolicy"), SV("")) : SV("");
    if (is_on_host && !sv_eq(dns, SV("ClusterFirstWithHostNet"))) {
        struct check_result *result =
            lint_fail(lint, host_network, "with hostNetwork, service names do not resolve");
        result->expected = SV("dnsPolicy: ClusterFirstWithHostNet");
        result->actual = dns;
    }
    JSON_EACH (container, lint_list(spec, "containers")) {
        JSON_EACH (port, lint_list(container, "ports")) {
            const struct cJSON *host_port =
                json_is_map(port)
                    ? json_get(port, is_on_host ? SV("containerPort") : SV("hostPort"))
                    : NULL;
            if (host_port && !has_port_option(lint, role))
                lint_fail(
                    lint, host_port,
                    "port %.*s is fixed on the host: a second runtime on the node cannot start",
                    SV_ARG(json_text(host_port)));
        }
    }
}

static void check_009(struct lint *lint, enum role role) {
    const struct cJSON *spec = lint_pod_spec(lint, role);
    const struct cJSON *node = spec ? json_get(spec, SV("nodeName")) : NULL;
    if (node)
        lint_fail_key(lint, node, "nodeName binds every pod of %.*s to one node",
                      SV_ARG(role_text(role)));
    const struct cJSON *together =
        lint_list(spec, "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    JSON_EACH (term, role == ROLE_WORKER ? together : NULL) {
        if (sv_eq(json_find_string(term, "topologyKey"), SV("kubernetes.io/hostname")))
            lint_fail(lint, term,
                      "workers must stand apart, and this requires a neighbour on the node");
    }
}

static const struct {
    struct sv api_version, kind;
} workload_types[] = {
    {SV("apps/v1"), SV("StatefulSet")},
    {SV("apps/v1"), SV("DaemonSet")},
    {SV("apps/v1"), SV("Deployment")},
    {SV("apps.kruise.io/v1beta1"), SV("StatefulSet")},
};

static void check_010(struct lint *lint, enum role role) {
    const struct cJSON *component = subject_component(lint->subject, role);
    const struct cJSON *type = lint_map(component, "workloadType");
    struct sv own_kind = role == ROLE_CLIENT ? SV("DaemonSet") : SV("StatefulSet");
    struct sv api_version = type ? json_string_or(type, SV("apiVersion"), SV("")) : SV("");
    struct sv kind = type ? json_string_or(type, SV("kind"), SV("")) : own_kind;
    bool is_known = !type;
    for (size_t i = 0; i < COUNT_OF(workload_types); i++)
        is_known |= sv_eq(workload_types[i].api_version, api_version) &&
                    sv_eq(workload_types[i].kind, kind);
    if (!is_known)
        lint_fail_key(lint, type, "workloadType %.*s of %.*s is not supported", SV_ARG(kind),
                      SV_ARG(api_version));
    const struct cJSON *replicas = json_get(component, SV("replicas"));
    if (replicas && sv_eq(kind, SV("DaemonSet")))
        lint_fail_key(lint, replicas, "a DaemonSet has no replicas");
    const struct cJSON *strategy = json_find(component, "updateStrategy.type");
    if (sv_eq(kind, SV("Deployment")) && sv_eq(json_text(strategy), SV("OnDelete")))
        lint_fail(lint, strategy, "a Deployment has no update strategy OnDelete");
    else if (sv_eq(kind, SV("Deployment")) && !strategy && role == ROLE_CLIENT)
        lint_fail_key(
            lint, type,
            "a Deployment has no update strategy OnDelete, which clients have by default");
}

static const struct lint_rule rules[] = {
    {SV("WORK-001"), NULL, check_001}, {SV("WORK-002"), NULL, check_002},
    {SV("WORK-003"), NULL, check_003}, {SV("WORK-004"), NULL, check_004},
    {SV("WORK-005"), NULL, check_005}, {SV("WORK-006"), NULL, check_006},
    {SV("WORK-007"), NULL, check_007}, {SV("WORK-008"), NULL, check_008},
    {SV("WORK-009"), NULL, check_009}, {SV("WORK-010"), NULL, check_010},
};
LINT_RULES(lint_workload_rules, rules);
