/* SPDX-License-Identifier: Apache-2.0 */
/* Pods and pod templates: what the API server refuses and controllers trip over. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/data/utf8.h"

static const struct sv restart_policies[] = {SV("Always"), SV("OnFailure"), SV("Never")};
static const struct sv pull_policies[] = {SV("Always"), SV("IfNotPresent"), SV("Never")};
static const struct sv protocols[] = {SV("SCTP"), SV("TCP"), SV("UDP")};
static const struct sv dns_policies[] = {SV("ClusterFirstWithHostNet"), SV("ClusterFirst"),
                                         SV("Default"), SV("None")};
static const struct sv message_policies[] = {SV("File"), SV("FallbackToLogsOnError")};
static const struct sv propagations[] = {SV("Bidirectional"), SV("HostToContainer"), SV("None")};
static const struct sv systems[] = {SV("linux"), SV("windows")};
static const struct sv media[] = {SV(""), SV("HugePages"), SV("Memory")};
static const struct sv host_path_types[] = {
    SV(""),     SV("BlockDevice"),  SV("CharDevice"), SV("Directory"), SV("DirectoryOrCreate"),
    SV("File"), SV("FileOrCreate"), SV("Socket")};

#define CHECK_ONE_OF(checker, map, key, field, list)                                               \
    check_one_of(checker, map, key, field, list, COUNT_OF(list))

/* --- volumes --- */

/* A path below another one. */
static void check_descending(const struct checker *checker, const struct cJSON *path,
                             struct sv field) {
    if (sv_starts_with(json_text(path), SV("/")))
        report_invalid(checker, field, path, "must be a relative path");
    if (sv_contains(json_text(path), SV("..")))
        report_invalid(checker, field, path, "must not contain '..'");
}

static void check_file_mode(const struct checker *checker, const struct cJSON *mode,
                            struct sv field) {
    int64_t number;
    if (json_to_int64(mode, &number) && (number < 0 || number > 0777))
        report_invalid(checker, field, mode,
                       "must be a number between 0 and 0777 (octal), both inclusive");
}

/* `has_key`: it is one of the keys of an object, and not a field of the pod. */
static void check_file(const struct checker *checker, const struct cJSON *item, struct sv field,
                       bool has_key) {
    const struct cJSON *path = json_get(item, SV("path"));
    struct sv path_field = path_member(checker, field, SV("path"));
    if (has_key && json_find_string(item, "key").len == 0)
        report_required(checker, path_member(checker, field, SV("key")), item, "");
    if (has_key && json_text(path).len == 0)
        report_required(checker, path_field, item, "");
    check_descending(checker, path, path_field);
    if (has_key)
        check_file_mode(checker, json_get(item, SV("mode")),
                        path_member(checker, field, SV("mode")));
}

/* Files from objects: their mode and where they go. */
static void check_file_modes(const struct checker *checker, const struct cJSON *volume,
                             struct sv field) {
    static const struct sv sources[] = {SV("configMap"), SV("secret"), SV("projected"),
                                        SV("downwardAPI")};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        const struct cJSON *source = json_get(volume, sources[i]);
        const struct cJSON *mode = json_get(source, SV("defaultMode"));
        struct sv below = path_member(checker, field, sources[i]);
        size_t index = 0;
        check_file_mode(checker, mode, path_member(checker, below, SV("defaultMode")));
        JSON_EACH (item, json_get(source, SV("items")))
            check_file(checker, item,
                       path_index(checker, path_member(checker, below, SV("items")), index++),
                       i < 2);
    }
}

static void check_empty_dir(const struct checker *checker, const struct cJSON *source,
                            struct sv field) {
    const struct cJSON *limit = json_get(source, SV("sizeLimit"));
    struct quantity quantity;
    CHECK_ONE_OF(checker, source, SV("medium"), field, media);
    if (limit && quantity_parse(json_text(limit), &quantity) && quantity.nano < 0)
        report_forbidden(checker, path_member(checker, field, SV("sizeLimit")), limit,
                         "SizeLimit field must be a valid resource quantity");
}

static void check_volume_source(const struct checker *checker, const struct cJSON *volume,
                                struct sv field) {
    size_t sources = json_count(volume) - (json_get(volume, SV("name")) != NULL);
    const struct cJSON *host_path = json_get(volume, SV("hostPath"));
    const struct cJSON *claim = json_get(volume, SV("persistentVolumeClaim"));
    const struct cJSON *config = json_get(volume, SV("configMap"));
    const struct cJSON *secret = json_get(volume, SV("secret"));
    size_t seen = 0;
    JSON_EACH (source, volume)
        if (!sv_eq(json_key(source), SV("name")) && ++seen == 2 && sources > 1)
            report_forbidden(checker, path_member(checker, field, json_key(source)), volume,
                             "may not specify more than 1 volume type");
    if (host_path) {
        struct sv path = json_find_string(host_path, "path");
        struct sv below = path_member(checker, field, SV("hostPath"));
        if (path.len == 0)
            report_required(checker, path_member(checker, below, SV("path")), host_path, "");
        if (sv_contains(path, SV("..")))
            report_invalid(checker, path_member(checker, below, SV("path")),
                           json_get(host_path, SV("path")), "must not contain '..'");
        CHECK_ONE_OF(checker, host_path, SV("type"), below, host_path_types);
    }
    if (claim && json_find_string(claim, "claimName").len == 0)
        report_required(checker, path_member(checker, field, SV("persistentVolumeClaim.claimName")),
                        claim, "");
    if (config && json_find_string(config, "name").len == 0)
        report_required(checker, path_member(checker, field, SV("configMap.name")), config, "");
    if (secret && json_find_string(secret, "secretName").len == 0)
        report_required(checker, path_member(checker, field, SV("secret.secretName")), secret, "");
    check_file_modes(checker, volume, field);
    if (json_get(volume, SV("emptyDir")))
        check_empty_dir(checker, json_get(volume, SV("emptyDir")),
                        path_member(checker, field, SV("emptyDir")));
}

static void check_volumes(const struct checker *checker, const struct cJSON *spec,
                          struct sv field) {
    struct json_index names = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (volume, json_get(spec, SV("volumes"))) {
        struct sv below = path_index(checker, path_member(checker, field, SV("volumes")), index++);
        struct sv name_field = path_member(checker, below, SV("name"));
        const struct cJSON *name = json_get(volume, SV("name"));
        if (json_text(name).len == 0)
            report_required(checker, name_field, volume, "");
        else if (check_dns_label(json_text(name)))
            report_invalid(checker, name_field, name, check_dns_label(json_text(name)));
        else if (json_index_is_seen_again(&names, json_text(name)))
            report_duplicate(checker, name_field, name);
        check_volume_source(checker, volume, below);
    }
}

/* --- containers --- */

/* What a variable may be taken from: some fields of the pod, and one of its labels or annotations.
 */
static void check_field_path(const struct checker *checker, const struct cJSON *from,
                             struct sv field) {
    static const struct sv known[] = {SV("metadata.name"),
                                      SV("metadata.namespace"),
                                      SV("metadata.uid"),
                                      SV("spec.nodeName"),
                                      SV("spec.serviceAccountName"),
                                      SV("status.hostIP"),
                                      SV("status.hostIPs"),
                                      SV("status.podIP"),
                                      SV("status.podIPs")};
    /* Fields that can be selected by, but are no source. */
    static const struct sv others[] = {SV("metadata.annotations"), SV("metadata.labels"),
                                       SV("spec.restartPolicy"), SV("spec.schedulerName"),
                                       SV("status.phase")};
    const struct cJSON *item = json_find(from, "fieldRef.fieldPath");
    struct sv path = json_text(item);
    struct sv below = path_member(checker, field, SV("fieldRef.fieldPath"));
    bool has_key =
        sv_ends_with(path, SV("']")) && (sv_starts_with(path, SV("metadata.labels['")) ||
                                         sv_starts_with(path, SV("metadata.annotations['")));
    if (!json_get(from, SV("fieldRef")) || has_key ||
        sv_index_of(path, known, COUNT_OF(known)) < COUNT_OF(known))
        return;
    if (path.len == 0)
        report_required(checker, below, from, "");
    else if (sv_index_of(path, others, COUNT_OF(others)) < COUNT_OF(others))
        report_not_supported(checker, below, item, known, COUNT_OF(known));
    else
        report_invalid(checker, below, item,
                       arena_printf(checker->arena,
                                    "error converting fieldPath: field label not supported: %.*s",
                                    SV_ARG(path))
                           .ptr);
}

static void check_env_source(const struct checker *checker, const struct cJSON *variable,
                             const struct cJSON *from, struct sv field) {
    static const struct sv resources[] = {
        SV("limits.cpu"),   SV("limits.ephemeral-storage"),   SV("limits.memory"),
        SV("requests.cpu"), SV("requests.ephemeral-storage"), SV("requests.memory")};
    static const struct sv references[] = {SV("configMapKeyRef"), SV("secretKeyRef")};
    const struct cJSON *resource = json_find(from, "resourceFieldRef.resource");
    if (json_find_string(variable, "value").len > 0)
        report_invalid(checker, field, NULL, "may not be specified when `value` is not empty");
    else if (json_count(from) != 1)
        report_invalid(checker, field, NULL,
                       "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
                       "`secretKeyRef`");
    if (resource && !sv_contains(json_text(resource), SV("hugepages-")))
        CHECK_ONE_OF(checker, json_get(from, SV("resourceFieldRef")), SV("resource"),
                     path_member(checker, field, SV("resourceFieldRef")), resources);
    check_field_path(checker, from, field);
    for (size_t i = 0; i < COUNT_OF(references); i++) {
        const struct cJSON *reference = json_get(from, references[i]);
        if (reference && json_find_string(reference, "key").len == 0)
            report_required(
                checker,
                path_member(checker, path_member(checker, field, references[i]), SV("key")),
                reference, "");
    }
}

static void check_env(const struct checker *checker, const struct cJSON *container,
                      struct sv field) {
    size_t index = 0;
    JSON_EACH (variable, json_get(container, SV("env"))) {
        struct sv below = path_index(checker, path_member(checker, field, SV("env")), index++);
        struct sv name = json_find_string(variable, "name");
        const struct cJSON *from = json_get(variable, SV("valueFrom"));
        if (name.len == 0)
            report_required(checker, path_member(checker, below, SV("name")), variable, "");
        else if (!utf8_is_printable_ascii(name) || sv_find(name, '=') < name.len)
            report_invalid(checker, path_member(checker, below, SV("name")),
                           json_get(variable, SV("name")),
                           "a valid environment variable name must consist only of printable ASCII "
                           "characters other than '='");
        if (from)
            check_env_source(checker, variable, from, path_member(checker, below, SV("valueFrom")));
    }
}

static void check_env_from(const struct checker *checker, const struct cJSON *container,
                           struct sv field) {
    static const struct sv references[] = {SV("configMapRef"), SV("secretRef")};
    struct sv list_field = path_member(checker, field, SV("envFrom"));
    size_t index = 0;
    JSON_EACH (source, json_get(container, SV("envFrom"))) {
        struct sv below = path_index(checker, list_field, index++);
        size_t count = 0;
        for (size_t i = 0; i < COUNT_OF(references); i++) {
            const struct cJSON *reference = json_get(source, references[i]);
            count += reference != NULL;
            if (reference && json_find_string(reference, "name").len == 0)
                report_required(
                    checker,
                    path_member(checker, path_member(checker, below, references[i]), SV("name")),
                    reference, "");
        }
        if (count == 0)
            report_invalid(checker, list_field, NULL,
                           "must specify one of: `configMapRef` or `secretRef`");
        else if (count > 1)
            report_invalid(checker, list_field, NULL,
                           "may not have more than one field specified at a time");
    }
}

static void check_port_number(const struct checker *checker, const struct cJSON *port,
                              struct sv key, struct sv field, bool is_required) {
    const struct cJSON *item = json_get(port, key);
    int64_t number = 0;
    struct sv path = path_member(checker, field, key);
    json_to_int64(item, &number);
    if (number == 0 && is_required)
        report_required(checker, path, port, "");
    else if (item && number != 0 && (number < 1 || number > 65535))
        report_invalid(checker, path, item, "must be between 1 and 65535, inclusive");
}

/* A name may break several rules; false: it does. */
static bool report_port_name(const struct checker *checker, const struct cJSON *name,
                             struct sv field) {
    const char *fault = check_port_name(json_text(name));
    bool has_letter = false;
    for (size_t i = 0; i < json_text(name).len; i++)
        has_letter |= json_text(name).ptr[i] >= 'a' && json_text(name).ptr[i] <= 'z';
    if (!fault)
        return true;
    report_invalid(checker, field, name, fault);
    if (!has_letter && strcmp(fault, check_port_name(SV("0"))) != 0)
        report_invalid(checker, field, name, check_port_name(SV("0")));
    return false;
}

/* What a container is checked beside. */
struct container_context {
    const struct cJSON *spec;
    struct json_index volumes;    /* by name */
    struct json_index names;      /* of the containers before it */
    struct json_index host_ports; /* of those that run at the same time */
};

static void check_host_ports(const struct checker *checker, struct container_context *context,
                             const struct cJSON *ports, struct sv field) {
    bool is_host_network = json_is_true(json_get(context->spec, SV("hostNetwork")));
    size_t index = 0;
    JSON_EACH (port, ports) {
        const struct cJSON *host = json_get(port, SV("hostPort"));
        struct sv below = path_member(checker, path_index(checker, field, index++), SV("hostPort"));
        if (!host)
            continue;
        if (is_host_network && !json_equal(host, json_get(port, SV("containerPort"))))
            report_invalid(checker, below, host,
                           "must match `containerPort` when `hostNetwork` is true");
        struct sv text = arena_printf(
            checker->arena, "%.*s/%.*s/%.*s", SV_ARG(json_find_string(port, "protocol")),
            SV_ARG(json_find_string(port, "hostIP")), SV_ARG(json_text(host)));
        if (json_index_is_seen_again(&context->host_ports, text))
            report_duplicate(checker, below, json_string(checker->arena, text));
    }
}

static void check_ports(const struct checker *checker, const struct cJSON *container,
                        struct sv field) {
    struct json_index names = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (port, json_get(container, SV("ports"))) {
        struct sv below = path_index(checker, path_member(checker, field, SV("ports")), index++);
        const struct cJSON *name = json_get(port, SV("name"));
        if (json_text(name).len > 0) {
            if (!report_port_name(checker, name, path_member(checker, below, SV("name"))))
                continue;
            if (json_index_is_seen_again(&names, json_text(name)))
                report_duplicate(checker, path_member(checker, below, SV("name")), name);
        }
        check_port_number(checker, port, SV("containerPort"), below, true);
        check_port_number(checker, port, SV("hostPort"), below, false);
        CHECK_ONE_OF(checker, port, SV("protocol"), below, protocols);
    }
}

/* A volume that is refused is none to mount. */
static bool has_volume(const struct checker *checker, const struct json_index *volumes,
                       struct sv name) {
    const struct cJSON *volume = json_index_get(volumes, name);
    struct findings faults = {0};
    struct checker trial = {checker->arena, &faults};
    if (volume && checker->findings->count > 0)
        check_volume_source(&trial, volume, SV(""));
    return volume && faults.count == 0;
}

static void check_mounts(const struct checker *checker, const struct json_index *volumes,
                         const struct cJSON *container, struct sv field) {
    struct json_index paths = texts_seen(checker);
    bool is_privileged = json_is_true(json_find(container, "securityContext.privileged"));
    size_t index = 0;
    JSON_EACH (mount, json_get(container, SV("volumeMounts"))) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("volumeMounts")), index++);
        const struct cJSON *name = json_get(mount, SV("name"));
        const struct cJSON *path = json_get(mount, SV("mountPath"));
        if (json_text(name).len == 0)
            report_required(checker, path_member(checker, below, SV("name")), mount, "");
        else if (!has_volume(checker, volumes, json_text(name)))
            report_not_found(checker, path_member(checker, below, SV("name")), name);
        if (json_text(path).len == 0)
            report_required(checker, path_member(checker, below, SV("mountPath")), mount, "");
        else if (json_index_is_seen_again(&paths, json_text(path)))
            report_invalid(checker, path_member(checker, below, SV("mountPath")), path,
                           "must be unique");
        struct sv mounts_field = path_member(checker, field, SV("volumeMounts"));
        CHECK_ONE_OF(checker, mount, SV("mountPropagation"), mounts_field, propagations);
        const struct cJSON *sub_path = json_get(mount, SV("subPath"));
        check_descending(checker, sub_path, path_member(checker, mounts_field, SV("subPath")));
        if (sv_eq(json_find_string(mount, "mountPropagation"), SV("Bidirectional")) &&
            !is_privileged)
            report_forbidden(checker, path_member(checker, mounts_field, SV("mountPropagation")),
                             json_get(mount, SV("mountPropagation")),
                             "Bidirectional mount propagation is available only to privileged "
                             "containers");
    }
}

/* Names of resources of containers; those of a vendor are whole, and limited to be asked for. */
static void check_resource_names(const struct checker *checker, const struct cJSON *container,
                                 struct sv field) {
    static const struct sv lists[] = {SV("limits"), SV("requests")};
    const struct cJSON *resources = json_get(container, SV("resources"));
    struct json_index limits = json_index_of(checker->arena, json_get(resources, SV("limits")));
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        JSON_EACH (resource, json_get(resources, lists[i])) {
            struct sv name = json_key(resource);
            struct sv below = arena_printf(checker->arena, "%.*s.resources.%.*s[%.*s]",
                                           SV_ARG(field), SV_ARG(lists[i]), SV_ARG(name));
            struct quantity quantity;
            if (!check_container_resource(checker, name, below) || sv_find(name, '/') == name.len)
                continue;
            if (quantity_parse(json_text(resource), &quantity) &&
                quantity_milli_value(quantity) % 1000 != 0)
                report_invalid(checker, below, resource, "must be an integer");
            else if (i == 1 && !json_index_get(&limits, name))
                report_required(
                    checker, arena_printf(checker->arena, "%.*s.resources.limits", SV_ARG(field)),
                    resource, "Limit must be set for non overcommitable resources");
        }
    }
}

static void check_resources(const struct checker *checker, const struct cJSON *container,
                            struct sv field) {
    struct json_index limits =
        json_index_of(checker->arena, json_find(container, "resources.limits"));
    JSON_EACH (request, json_find(container, "resources.requests")) {
        struct quantity wanted, limit;
        const struct cJSON *bound = json_index_get(&limits, json_key(request));
        struct sv below = path_member(checker, field, SV("resources.requests"));
        if (!quantity_parse(json_text(request), &wanted))
            continue; /* a wrong type, reported as such */
        if (wanted.nano < 0)
            report_invalid(checker,
                           arena_printf(checker->arena, "%.*s[%.*s]", SV_ARG(below),
                                        SV_ARG(json_key(request))),
                           request, "must be greater than or equal to 0");
        if (bound && quantity_parse(json_text(bound), &limit) &&
            quantity_compare(wanted, limit) > 0)
            report_invalid(checker, below, request,
                           arena_printf(checker->arena,
                                        "must be less than or equal to %.*s limit of %.*s",
                                        SV_ARG(json_key(request)), SV_ARG(json_text(bound)))
                               .ptr);
    }
}

static void check_huge_pages(const struct checker *checker, const struct cJSON *container,
                             struct sv field) {
    static const struct sv lists[] = {SV("limits"), SV("requests")};
    const struct cJSON *resources = json_get(container, SV("resources"));
    bool has_huge_pages = false, has_others = false;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (resource, json_get(resources, lists[i])) {
            has_huge_pages |= sv_starts_with(json_key(resource), SV("hugepages-"));
            has_others |=
                sv_eq(json_key(resource), SV("cpu")) || sv_eq(json_key(resource), SV("memory"));
        }
    if (has_huge_pages && !has_others)
        report_forbidden(checker, path_member(checker, field, SV("resources")), resources,
                         "HugePages require cpu or memory");
}

static void check_probe_numbers(const struct checker *checker, const struct cJSON *probe,
                                struct sv field, bool may_succeed_often) {
    static const struct sv numbers[] = {SV("initialDelaySeconds"), SV("timeoutSeconds"),
                                        SV("periodSeconds"), SV("successThreshold"),
                                        SV("failureThreshold")};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        check_not_negative(checker, probe, numbers[i], field);
    const struct cJSON *success = json_get(probe, SV("successThreshold"));
    int64_t number;
    if (!may_succeed_often && json_to_int64(success, &number) && number > 1)
        report_invalid(checker, path_member(checker, field, SV("successThreshold")), success,
                       "must be 1");
}

/* By number or by name; none is the number 0. */
static void check_handler_port(const struct checker *checker, const struct cJSON *handler,
                               struct sv field) {
    const struct cJSON *port = json_get(handler, SV("port"));
    int64_t number = 0;
    if (json_is_string(port)) {
        report_port_name(checker, port, field);
        return;
    }
    (void)json_to_int64(port, &number);
    if (number < 1 || number > 65535)
        report_invalid(checker, field, port ? port : json_int(checker->arena, 0),
                       "must be between 1 and 65535, inclusive");
}

/* What a probe or a hook does: exec, httpGet, tcpSocket or grpc. */
static void check_handler(const struct checker *checker, const struct cJSON *handler,
                          struct sv type, struct sv field) {
    static const struct sv schemes[] = {SV("HTTP"), SV("HTTPS")};
    bool is_exec = sv_eq(type, SV("exec"));
    if (is_exec && json_count(json_get(handler, SV("command"))) == 0)
        report_required(checker, path_member(checker, field, SV("command")), handler, "");
    if (!is_exec)
        check_handler_port(checker, handler, path_member(checker, field, SV("port")));
    if (sv_eq(type, SV("httpGet")))
        CHECK_ONE_OF(checker, handler, SV("scheme"), field, schemes);
}

/* The first of them counts, and there must be one. */
static void check_handlers(const struct checker *checker, const struct cJSON *holder,
                           struct sv field) {
    static const struct sv types[] = {SV("exec"), SV("httpGet"), SV("tcpSocket"), SV("grpc"),
                                      SV("sleep")};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const struct cJSON *handler = json_get(holder, types[i]);
        if (handler && count++ > 0)
            report_forbidden(checker, path_member(checker, field, types[i]), holder,
                             "may not specify more than 1 handler type");
        else if (handler && !sv_eq(types[i], SV("sleep")))
            check_handler(checker, handler, types[i], path_member(checker, field, types[i]));
    }
    if (count == 0)
        report_required(checker, field, holder, "must specify a handler type");
}

static void check_probe(const struct checker *checker, const struct cJSON *container,
                        struct sv name, struct sv field) {
    const struct cJSON *probe = json_get(container, name);
    struct sv below = path_member(checker, field, name);
    if (!probe)
        return;
    check_handlers(checker, probe, below);
    check_probe_numbers(checker, probe, below, sv_eq(name, SV("readinessProbe")));
}

static void check_life_cycle(const struct checker *checker, const struct cJSON *container,
                             struct sv field) {
    static const struct sv hooks[] = {SV("postStart"), SV("preStop")};
    struct sv below = path_member(checker, field, SV("lifecycle"));
    for (size_t i = 0; i < COUNT_OF(hooks); i++) {
        const struct cJSON *hook = json_get(json_get(container, SV("lifecycle")), hooks[i]);
        if (hook)
            check_handlers(checker, hook, path_member(checker, below, hooks[i]));
    }
}

static void check_container(const struct checker *checker, struct container_context *context,
                            const struct cJSON *container, struct sv field) {
    const struct cJSON *name = json_get(container, SV("name"));
    struct sv name_field = path_member(checker, field, SV("name"));
    if (json_text(name).len == 0)
        report_required(checker, name_field, container, "");
    else if (check_dns_label(json_text(name)))
        report_invalid(checker, name_field, name, check_dns_label(json_text(name)));
    else if (json_index_is_seen_again(&context->names, json_text(name)))
        report_duplicate(checker, name_field, name);
    struct sv image = json_find_string(container, "image");
    if (image.len == 0)
        report_required(checker, path_member(checker, field, SV("image")), container, "");
    else if (sv_trim(image).len != image.len)
        report_invalid(checker, path_member(checker, field, SV("image")),
                       json_get(container, SV("image")),
                       "must not have leading or trailing whitespace");
    check_ports(checker, container, field);
    check_host_ports(checker, context, json_get(container, SV("ports")),
                     path_member(checker, field, SV("ports")));
    check_life_cycle(checker, container, field);
    CHECK_ONE_OF(checker, container, SV("terminationMessagePolicy"), field, message_policies);
    check_env(checker, container, field);
    check_env_from(checker, container, field);
    check_mounts(checker, &context->volumes, container, field);
    check_probe(checker, container, SV("livenessProbe"), field);
    check_probe(checker, container, SV("readinessProbe"), field);
    check_probe(checker, container, SV("startupProbe"), field);
    CHECK_ONE_OF(checker, container, SV("imagePullPolicy"), field, pull_policies);
    check_resource_names(checker, container, field);
    check_resources(checker, container, field);
    check_huge_pages(checker, container, field);
}

static void check_containers(const struct checker *checker, const struct cJSON *spec, struct sv key,
                             struct sv field) {
    struct container_context context = {
        spec, json_index_of_items(checker->arena, json_get(spec, SV("volumes")), SV("name")),
        texts_seen(checker), texts_seen(checker)};
    bool is_one_after_another = sv_eq(key, SV("initContainers"));
    size_t index = 0;
    JSON_EACH (container, json_get(spec, key)) {
        if (is_one_after_another)
            context.host_ports = texts_seen(checker);
        struct sv below = path_index(checker, path_member(checker, field, key), index++);
        check_container(checker, &context, container, below);
    }
}

/* What only makes sense for containers that stay. */
static void check_init_containers(const struct checker *checker, const struct cJSON *spec,
                                  struct sv field) {
    static const struct sv keys[] = {SV("lifecycle"), SV("livenessProbe"), SV("readinessProbe"),
                                     SV("startupProbe")};
    struct json_index names =
        json_index_of_items(checker->arena, json_get(spec, SV("containers")), SV("name"));
    size_t index = 0;
    JSON_EACH (container, json_get(spec, SV("initContainers"))) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("initContainers")), index++);
        const struct cJSON *name = json_get(container, SV("name"));
        if (json_index_get(&names, json_text(name)))
            report_duplicate(checker, path_member(checker, below, SV("name")), name);
        if (sv_eq(json_find_string(container, "restartPolicy"), SV("Always")))
            continue;
        for (size_t i = 0; i < COUNT_OF(keys); i++)
            if (json_get(container, keys[i]))
                report_forbidden(checker, path_member(checker, below, keys[i]), container,
                                 "may not be set for init containers without restartPolicy=Always");
    }
}

static void check_deadline(const struct checker *checker, const struct cJSON *spec,
                           struct sv field) {
    const struct cJSON *deadline = json_get(spec, SV("activeDeadlineSeconds"));
    int64_t seconds;
    if (json_to_int64(deadline, &seconds) && (seconds < 1 || seconds > INT32_MAX))
        report_invalid(checker, path_member(checker, field, SV("activeDeadlineSeconds")), deadline,
                       "must be between 1 and 2147483647, inclusive");
}

static void check_names(const struct checker *checker, const struct cJSON *spec, struct sv field) {
    static const struct {
        struct sv key;
        const char *(*check)(struct sv text);
    } names[] = {
        {SV("subdomain"), check_dns_label},
        {SV("nodeName"), check_dns_subdomain},
        {SV("serviceAccountName"), check_dns_subdomain},
    };
    check_deadline(checker, spec, field);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct cJSON *name = json_get(spec, names[i].key);
        const char *fault = json_text(name).len > 0 ? names[i].check(json_text(name)) : NULL;
        if (fault)
            report_invalid(checker, path_member(checker, field, names[i].key), name, fault);
    }
}

static void check_host_aliases(const struct checker *checker, const struct cJSON *spec,
                               struct sv field) {
    size_t index = 0;
    JSON_EACH (alias, json_get(spec, SV("hostAliases"))) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("hostAliases")), index++);
        const struct cJSON *ip = json_get(alias, SV("ip"));
        const char *fault = check_ip_address(checker, json_text(ip));
        if (fault)
            report_invalid(checker, path_member(checker, below, SV("ip")),
                           ip ? ip : json_string(checker->arena, SV("")), fault);
        size_t name_index = 0;
        JSON_EACH (name, json_get(alias, SV("hostnames"))) {
            struct sv at =
                path_index(checker, path_member(checker, below, SV("hostnames")), name_index++);
            if (check_dns_subdomain(json_text(name)))
                report_invalid(checker, at, name, check_dns_subdomain(json_text(name)));
        }
    }
}

static void check_pod_spec(const struct checker *checker, const struct cJSON *spec,
                           struct sv field) {
    check_volumes(checker, spec, field);
    if (json_count(json_get(spec, SV("containers"))) == 0)
        report_required(checker, path_member(checker, field, SV("containers")), spec, "");
    check_containers(checker, spec, SV("containers"), field);
    check_containers(checker, spec, SV("initContainers"), field);
    CHECK_ONE_OF(checker, spec, SV("restartPolicy"), field, restart_policies);
    CHECK_ONE_OF(checker, spec, SV("dnsPolicy"), field, dns_policies);
    validate_labels(checker, json_get(spec, SV("nodeSelector")),
                    path_member(checker, field, SV("nodeSelector")));
    check_init_containers(checker, spec, field);
    check_names(checker, spec, field);
    check_host_aliases(checker, spec, field);
    validate_scheduling(checker, spec, field);
    validate_pod_security(checker, spec, field);
    const struct cJSON *dns = json_get(spec, SV("dnsConfig"));
    if (sv_eq(json_find_string(spec, "dnsPolicy"), SV("None")) && !dns)
        report_required(checker, path_member(checker, field, SV("dnsConfig")), spec,
                        "must provide `dnsConfig` when `dnsPolicy` is None");
    const struct cJSON *system = json_find(spec, "os");
    if (system && sv_index_of(json_find_string(system, "name"), systems, COUNT_OF(systems)) ==
                      COUNT_OF(systems))
        report_not_supported(checker, path_member(checker, field, SV("os")),
                             json_get(system, SV("name")), systems, COUNT_OF(systems));
    const struct cJSON *host = json_get(spec, SV("hostname"));
    if (json_text(host).len > 0 && check_dns_label(json_text(host)))
        report_invalid(checker, path_member(checker, field, SV("hostname")), host,
                       check_dns_label(json_text(host)));
}

static void check_template(const struct checker *checker, const struct cJSON *pod_template,
                           struct sv field) {
    /* So the server names them. */
    validate_labels(checker, json_find(pod_template, "metadata.labels"),
                    path_member(checker, field, SV("labels")));
    check_pod_spec(checker, json_get(pod_template, SV("spec")),
                   path_member(checker, field, SV("spec")));
    const struct cJSON *ephemeral = json_find(pod_template, "spec.ephemeralContainers");
    if (json_count(ephemeral) > 0)
        report_forbidden(checker, path_member(checker, field, SV("spec.ephemeralContainers")),
                         ephemeral, "ephemeral containers not allowed in pod template");
}

void validate_free_template(const struct checker *checker, const struct cJSON *pod_template,
                            struct sv field) {
    check_template(checker, pod_template, field);
}

void validate_job_template(const struct checker *checker, const struct cJSON *pod_template,
                           struct sv field) {
    const struct cJSON *spec = json_get(pod_template, SV("spec"));
    check_template(checker, pod_template, field);
    if (sv_eq(json_find_string(spec, "restartPolicy"), SV("Always")))
        report_required(checker, path_member(checker, field, SV("spec.restartPolicy")), spec,
                        "valid values: \"OnFailure\", \"Never\"");
}

void validate_template(const struct checker *checker, const struct cJSON *pod_template,
                       struct sv field) {
    const struct cJSON *spec = json_get(pod_template, SV("spec"));
    struct sv below = path_member(checker, field, SV("spec"));
    check_template(checker, pod_template, field);
    const struct cJSON *policy = json_get(spec, SV("restartPolicy"));
    static const struct sv always[] = {SV("Always")};
    if (json_is_string(policy) && !sv_eq(json_text(policy), SV("Always")))
        report_not_supported(checker, path_member(checker, below, SV("restartPolicy")), policy,
                             always, COUNT_OF(always));
}

static void check_new_images(const struct checker *checker, const struct cJSON *spec,
                             const struct cJSON *old) {
    size_t index = 0;
    if (json_count(json_get(spec, SV("containers"))) != json_count(json_get(old, SV("containers"))))
        report_forbidden(checker, SV("spec.containers"), json_get(spec, SV("containers")),
                         "pod updates may not add or remove containers");
    JSON_EACH (container, json_get(spec, SV("containers"))) {
        struct sv field = path_index(checker, SV("spec.containers"), index++);
        if (json_find_string(container, "image").len == 0)
            report_required(checker, path_member(checker, field, SV("image")), container, "");
    }
}

static void check_new_deadline(const struct checker *checker, const struct cJSON *spec,
                               const struct cJSON *old) {
    const struct cJSON *now = json_get(spec, SV("activeDeadlineSeconds"));
    int64_t before, after;
    if (!json_to_int64(json_get(old, SV("activeDeadlineSeconds")), &before))
        return;
    if (!json_to_int64(now, &after))
        report_invalid(checker, SV("spec.activeDeadlineSeconds"), json_null(checker->arena),
                       "must not update from a positive integer to nil value");
    else if (after > before)
        report_invalid(checker, SV("spec.activeDeadlineSeconds"), now,
                       "must be less than or equal to previous value");
}

static void check_new_gates(const struct checker *checker, const struct cJSON *spec,
                            const struct cJSON *old) {
    struct json_index olds =
        json_index_of_items(checker->arena, json_get(old, SV("schedulingGates")), SV("name"));
    size_t index = 0;
    JSON_EACH (gate, json_get(spec, SV("schedulingGates"))) {
        struct sv name = json_find_string(gate, "name");
        struct sv field = path_index(checker, SV("spec.schedulingGates"), index++);
        if (!json_index_get(&olds, name))
            report_forbidden(
                checker, path_member(checker, field, SV("name")), gate,
                arena_printf(checker->arena,
                             "only deletion is allowed, but found new scheduling gate '%.*s'",
                             SV_ARG(name))
                    .ptr);
    }
}

/* A copy of the spec without what may change; a grace that was negative may become a second. */
static struct cJSON *fixed_part(const struct checker *checker, const struct cJSON *spec,
                                const struct cJSON *old) {
    static const struct sv mutable_keys[] = {SV("activeDeadlineSeconds"), SV("tolerations"),
                                             SV("schedulingGates")};
    static const struct sv container_lists[] = {SV("containers"), SV("initContainers"),
                                                SV("ephemeralContainers")};
    static const struct sv grace = SV("terminationGracePeriodSeconds");
    struct cJSON *copy = json_copy(checker->arena, spec);
    for (size_t i = 0; i < COUNT_OF(mutable_keys); i++)
        json_remove(copy, mutable_keys[i]);
    if (json_int_or(old, grace, 0) < 0 || json_int_or(spec, grace, 0) < 0)
        json_remove(copy, grace);
    for (size_t i = 0; i < COUNT_OF(container_lists); i++)
        JSON_EACH (container, json_get(copy, container_lists[i]))
            json_remove(container, SV("image"));
    return copy;
}

/* Only these may change in the spec of a pod: images, deadlines, tolerations that are added. */
static void check_pod_update(const struct checker *checker, const struct cJSON *pod,
                             const struct cJSON *old_pod) {
    const struct cJSON *spec = json_get(pod, SV("spec")), *old = json_get(old_pod, SV("spec"));
    size_t count = checker->findings->count;
    check_new_images(checker, spec, old);
    check_new_deadline(checker, spec, old);
    check_new_gates(checker, spec, old);
    if (checker->findings->count == count &&
        !json_equal(fixed_part(checker, spec, old), fixed_part(checker, old, spec)))
        report_forbidden(checker, SV("spec"), spec,
                         "pod updates may not change fields other than "
                         "`spec.containers[*].image`,`spec.initContainers[*].image`,"
                         "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
                         "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
                         "be set to 1 if it was previously negative)");
}

/* Pods that a kubelet made of a file stand for it on their node. */
static void check_mirror(const struct checker *checker, const struct cJSON *pod) {
    static const struct sv key = SV("kubernetes.io/config.mirror");
    const struct cJSON *mirror = json_get(json_find(pod, "metadata.annotations"), key);
    if (mirror && json_find_string(pod, "spec.nodeName").len == 0)
        report_invalid(checker,
                       arena_printf(checker->arena, "metadata.annotations[%.*s]", SV_ARG(key)),
                       mirror, "must set spec.nodeName if mirror pod annotation is set");
}

void validate_pod(const struct checker *checker, const struct cJSON *pod, const struct cJSON *old) {
    const struct cJSON *spec = json_get(pod, SV("spec"));
    /* Most updates touch metadata only. */
    if (old && json_equal(spec, json_get(old, SV("spec"))))
        return;
    if (!spec) {
        report_required(checker, SV("spec.containers"), pod, "");
        return;
    }
    check_mirror(checker, pod);
    check_pod_spec(checker, spec, SV("spec"));
    if (old)
        check_pod_update(checker, pod, old);
    else if (json_count(json_get(spec, SV("ephemeralContainers"))) > 0)
        report_forbidden(checker, SV("spec.ephemeralContainers"), spec, "cannot be set on create");
}
