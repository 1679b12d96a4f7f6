/* SPDX-License-Identifier: Apache-2.0 */
/* Pods and pod templates: what the API server refuses and controllers trip over. */
#include "fakeapi/schema/validate.h"

#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"

static const struct sv restart_policies[] = {SV("Always"), SV("OnFailure"), SV("Never")};
static const struct sv pull_policies[] = {SV("Always"), SV("IfNotPresent"), SV("Never")};
static const struct sv protocols[] = {SV("SCTP"), SV("TCP"), SV("UDP")};
static const struct sv dns_policies[] = {SV("ClusterFirst"), SV("ClusterFirstWithHostNet"),
                                         SV("Default"), SV("None")};
static const struct sv media[] = {SV(""), SV("HugePages"), SV("Memory")};
static const struct sv host_path_types[] = {
    SV(""),     SV("BlockDevice"),       SV("CharDevice"), SV("Directory"),
    SV("File"), SV("DirectoryOrCreate"), SV("Socket"),     SV("FileOrCreate")};
static const struct sv operators[] = {SV("Equal"), SV("Exists")};
static const struct sv effects[] = {SV("NoSchedule"), SV("PreferNoSchedule"), SV("NoExecute")};

static void check_one_of(const struct checker *checker, const struct cJSON *map, struct sv key,
                         struct sv field, const struct sv *allowed, size_t count) {
    const struct cJSON *item = json_get(map, key);
    if (json_is_string(item) && sv_index_of(json_text(item), allowed, count) == count)
        report_not_supported(checker, path_member(checker, field, key), item, allowed, count);
}
#define CHECK_ONE_OF(checker, map, key, field, list)                                               \
    check_one_of(checker, map, key, field, list, COUNT_OF(list))

static bool has_item(const struct cJSON *list, struct sv key, struct sv value,
                     const struct cJSON *before) {
    JSON_EACH (item, list) {
        if (item == before)
            return false;
        if (sv_eq(json_string_or(item, key, SV("")), value))
            return true;
    }
    return false;
}

/* --- volumes --- */

static void check_volume_source(const struct checker *checker, const struct cJSON *volume,
                                struct sv field) {
    size_t sources = json_count(volume) - (json_get(volume, SV("name")) != NULL);
    const struct cJSON *host_path = json_get(volume, SV("hostPath"));
    const struct cJSON *claim = json_get(volume, SV("persistentVolumeClaim"));
    const struct cJSON *config = json_get(volume, SV("configMap"));
    const struct cJSON *secret = json_get(volume, SV("secret"));
    if (sources > 1)
        report_forbidden(checker, field, volume, "may not specify more than 1 volume type");
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
    if (json_get(volume, SV("emptyDir")))
        CHECK_ONE_OF(checker, json_get(volume, SV("emptyDir")), SV("medium"),
                     path_member(checker, field, SV("emptyDir")), media);
}

static void check_volumes(const struct checker *checker, const struct cJSON *spec,
                          struct sv field) {
    const struct cJSON *volumes = json_get(spec, SV("volumes"));
    size_t index = 0;
    JSON_EACH (volume, volumes) {
        struct sv below = path_index(checker, path_member(checker, field, SV("volumes")), index++);
        struct sv name_field = path_member(checker, below, SV("name"));
        const struct cJSON *name = json_get(volume, SV("name"));
        if (json_text(name).len == 0)
            report_required(checker, name_field, volume, "");
        else if (check_dns_label(json_text(name)))
            report_invalid(checker, name_field, name, check_dns_label(json_text(name)));
        else if (has_item(volumes, SV("name"), json_text(name), volume))
            report_duplicate(checker, name_field, name);
        check_volume_source(checker, volume, below);
    }
}

/* --- containers --- */

static void check_env(const struct checker *checker, const struct cJSON *container,
                      struct sv field) {
    size_t index = 0;
    JSON_EACH (variable, json_get(container, SV("env"))) {
        struct sv below = path_index(checker, path_member(checker, field, SV("env")), index++);
        struct sv name = json_find_string(variable, "name");
        const struct cJSON *from = json_get(variable, SV("valueFrom"));
        if (name.len == 0)
            report_required(checker, path_member(checker, below, SV("name")), variable, "");
        else if (sv_find(name, '=') < name.len)
            report_invalid(checker, path_member(checker, below, SV("name")),
                           json_get(variable, SV("name")),
                           "a valid environment variable name must consist only of printable ASCII "
                           "characters other than '='");
        if (from && json_find_string(variable, "value").len > 0)
            report_invalid(checker, path_member(checker, below, SV("valueFrom")), from,
                           "may not be specified when `value` is not empty");
        if (from && json_count(from) != 1)
            report_invalid(checker, path_member(checker, below, SV("valueFrom")), from,
                           "must specify one of: `fieldRef`, `resourceFieldRef`, "
                           "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
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

static void check_ports(const struct checker *checker, const struct cJSON *container,
                        struct sv field) {
    const struct cJSON *ports = json_get(container, SV("ports"));
    size_t index = 0;
    JSON_EACH (port, ports) {
        struct sv below = path_index(checker, path_member(checker, field, SV("ports")), index++);
        const struct cJSON *name = json_get(port, SV("name"));
        if (json_text(name).len > 0) {
            const char *fault = check_port_name(json_text(name));
            if (fault)
                report_invalid(checker, path_member(checker, below, SV("name")), name, fault);
            else if (has_item(ports, SV("name"), json_text(name), port))
                report_duplicate(checker, path_member(checker, below, SV("name")), name);
        }
        check_port_number(checker, port, SV("containerPort"), below, true);
        check_port_number(checker, port, SV("hostPort"), below, false);
        CHECK_ONE_OF(checker, port, SV("protocol"), below, protocols);
    }
}

static void check_mounts(const struct checker *checker, const struct cJSON *spec,
                         const struct cJSON *container, struct sv field) {
    const struct cJSON *mounts = json_get(container, SV("volumeMounts"));
    bool is_privileged = json_is_true(json_find(container, "securityContext.privileged"));
    size_t index = 0;
    JSON_EACH (mount, mounts) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("volumeMounts")), index++);
        const struct cJSON *name = json_get(mount, SV("name"));
        const struct cJSON *path = json_get(mount, SV("mountPath"));
        if (json_text(name).len == 0)
            report_required(checker, path_member(checker, below, SV("name")), mount, "");
        else if (!has_item(json_get(spec, SV("volumes")), SV("name"), json_text(name), NULL))
            report_not_found(checker, path_member(checker, below, SV("name")), name);
        if (json_text(path).len == 0)
            report_required(checker, path_member(checker, below, SV("mountPath")), mount, "");
        else if (has_item(mounts, SV("mountPath"), json_text(path), mount))
            report_invalid(checker, path_member(checker, below, SV("mountPath")), path,
                           "must be unique");
        if (sv_eq(json_find_string(mount, "mountPropagation"), SV("Bidirectional")) &&
            !is_privileged)
            report_forbidden(checker, path_member(checker, below, SV("mountPropagation")),
                             json_get(mount, SV("mountPropagation")),
                             "Bidirectional mount propagation is available only to privileged "
                             "containers");
    }
}

static void check_resources(const struct checker *checker, const struct cJSON *container,
                            struct sv field) {
    const struct cJSON *limits = json_find(container, "resources.limits");
    JSON_EACH (request, json_find(container, "resources.requests")) {
        struct quantity wanted, limit;
        const struct cJSON *bound = json_get(limits, json_key(request));
        struct sv below = path_member(checker, field, SV("resources.requests"));
        if (!quantity_parse(json_text(request), &wanted))
            continue; /* a wrong type, reported as such */
        if (wanted.nano < 0)
            report_invalid(checker, below, request, "must be greater than or equal to 0");
        if (bound && quantity_parse(json_text(bound), &limit) &&
            quantity_compare(wanted, limit) > 0)
            report_invalid(checker, below, request,
                           arena_printf(checker->arena,
                                        "must be less than or equal to %.*s limit of %.*s",
                                        SV_ARG(json_key(request)), SV_ARG(json_text(bound)))
                               .ptr);
    }
}

static void check_probe(const struct checker *checker, const struct cJSON *container,
                        struct sv name, struct sv field) {
    static const struct sv handlers[] = {SV("exec"), SV("httpGet"), SV("tcpSocket"), SV("grpc")};
    const struct cJSON *probe = json_get(container, name);
    size_t count = 0;
    if (!probe)
        return;
    for (size_t i = 0; i < COUNT_OF(handlers); i++)
        count += json_get(probe, handlers[i]) != NULL;
    struct sv below = path_member(checker, field, name);
    if (count == 0)
        report_required(checker, below, probe, "must specify a handler type");
    else if (count > 1)
        report_forbidden(checker, below, probe, "may not specify more than 1 handler type");
}

static void check_container(const struct checker *checker, const struct cJSON *spec,
                            const struct cJSON *container, struct sv field,
                            const struct cJSON *siblings) {
    const struct cJSON *name = json_get(container, SV("name"));
    struct sv name_field = path_member(checker, field, SV("name"));
    if (json_text(name).len == 0)
        report_required(checker, name_field, container, "");
    else if (check_dns_label(json_text(name)))
        report_invalid(checker, name_field, name, check_dns_label(json_text(name)));
    else if (has_item(siblings, SV("name"), json_text(name), container))
        report_duplicate(checker, name_field, name);
    if (json_find_string(container, "image").len == 0)
        report_required(checker, path_member(checker, field, SV("image")), container, "");
    check_ports(checker, container, field);
    check_env(checker, container, field);
    check_mounts(checker, spec, container, field);
    check_probe(checker, container, SV("livenessProbe"), field);
    check_probe(checker, container, SV("readinessProbe"), field);
    check_probe(checker, container, SV("startupProbe"), field);
    CHECK_ONE_OF(checker, container, SV("imagePullPolicy"), field, pull_policies);
    check_resources(checker, container, field);
}

static void check_containers(const struct checker *checker, const struct cJSON *spec, struct sv key,
                             struct sv field) {
    const struct cJSON *containers = json_get(spec, key);
    size_t index = 0;
    JSON_EACH (container, containers) {
        struct sv below = path_index(checker, path_member(checker, field, key), index++);
        check_container(checker, spec, container, below, containers);
    }
}

static void check_tolerations(const struct checker *checker, const struct cJSON *spec,
                              struct sv field) {
    size_t index = 0;
    JSON_EACH (toleration, json_get(spec, SV("tolerations"))) {
        struct sv below =
            path_index(checker, path_member(checker, field, SV("tolerations")), index++);
        CHECK_ONE_OF(checker, toleration, SV("operator"), below, operators);
        CHECK_ONE_OF(checker, toleration, SV("effect"), below, effects);
        if (sv_eq(json_find_string(toleration, "operator"), SV("Exists")) &&
            json_find_string(toleration, "value").len > 0)
            report_invalid(checker, path_member(checker, below, SV("operator")), toleration,
                           "value must be empty when `operator` is 'Exists'");
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
    check_tolerations(checker, spec, field);
    const struct cJSON *host = json_get(spec, SV("hostname"));
    if (json_text(host).len > 0 && check_dns_label(json_text(host)))
        report_invalid(checker, path_member(checker, field, SV("hostname")), host,
                       check_dns_label(json_text(host)));
}

static void check_template(const struct checker *checker, const struct cJSON *pod_template,
                           struct sv field) {
    validate_labels(checker, json_find(pod_template, "metadata.labels"),
                    path_member(checker, field, SV("metadata.labels")));
    check_pod_spec(checker, json_get(pod_template, SV("spec")),
                   path_member(checker, field, SV("spec")));
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

/* Only these may change in the spec of a pod: images, deadlines, tolerations that are added. */
static void check_pod_update(const struct checker *checker, const struct cJSON *pod,
                             const struct cJSON *old) {
    struct cJSON *new_spec = json_copy(checker->arena, json_get(pod, SV("spec")));
    struct cJSON *old_spec = json_copy(checker->arena, json_get(old, SV("spec")));
    static const struct sv mutable_keys[] = {SV("activeDeadlineSeconds"), SV("tolerations"),
                                             SV("terminationGracePeriodSeconds"),
                                             SV("schedulingGates")};
    static const struct sv container_lists[] = {SV("containers"), SV("initContainers"),
                                                SV("ephemeralContainers")};
    struct cJSON *specs[] = {new_spec, old_spec};
    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        for (size_t k = 0; k < COUNT_OF(mutable_keys); k++)
            json_remove(specs[i], mutable_keys[k]);
        for (size_t k = 0; k < COUNT_OF(container_lists); k++)
            JSON_EACH (container, json_get(specs[i], container_lists[k]))
                json_remove(container, SV("image"));
    }
    if (!json_equal(new_spec, old_spec))
        report_forbidden(checker, SV("spec"), json_get(pod, SV("spec")),
                         "pod updates may not change fields other than "
                         "`spec.containers[*].image`,`spec.initContainers[*].image`,"
                         "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
                         "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
                         "be set to 1 if it was previously negative)");
}

void validate_pod(const struct checker *checker, const struct cJSON *pod, const struct cJSON *old) {
    const struct cJSON *spec = json_get(pod, SV("spec"));
    if (old) {
        /* Most updates touch metadata only. */
        if (!json_equal(spec, json_get(old, SV("spec"))))
            check_pod_update(checker, pod, old);
        return;
    }
    if (!spec)
        report_required(checker, SV("spec.containers"), pod, "");
    else
        check_pod_spec(checker, spec, SV("spec"));
}
