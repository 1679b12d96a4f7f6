/* SPDX-License-Identifier: Apache-2.0 */
/* PORT-001 to PORT-003, DOP-001 and -006: names, samples, needs and data operations. */
#include "conformance/lint/lint_context.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"

enum {
    RUNTIME_NAME_BYTES_MAX = 45,          /* contract of the controller */
    UPSTREAM_RUNTIME_NAME_BYTES_MAX = 42, /* fluid-runtime-<rt>-config fits a label */
    LABEL_BYTES_MAX = 63,
};

static size_t at_most(size_t length_max, size_t taken) {
    size_t left = taken < LABEL_BYTES_MAX ? LABEL_BYTES_MAX - taken : 0;
    return left < length_max ? left : length_max;
}

size_t lint_name_length_max(const struct subject *subject, enum lint_target target) {
    bool is_upstream = target == LINT_TARGET_FLUID;
    size_t length_max = is_upstream ? UPSTREAM_RUNTIME_NAME_BYTES_MAX : RUNTIME_NAME_BYTES_MAX;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *component = subject_component(subject, role);
        size_t role_bytes = role_text(role).len;
        JSON_EACH (service, lint_list(component, "services")) {
            struct sv name =
                json_is_map(service) ? json_string_or(service, SV("name"), SV("")) : SV("");
            if (name.len > 0)
                length_max = at_most(length_max, sizeof("svc---") - 1 + role_bytes + name.len);
        }
        JSON_EACH (dependency, lint_list(component, "dependencies.extraResources.configMaps")) {
            struct sv name =
                json_is_map(dependency) ? json_string_or(dependency, SV("name"), SV("")) : SV("");
            if (is_upstream)
                length_max = at_most(length_max, sizeof("fluid-extra--") - 1 + name.len);
        }
    }
    return length_max;
}

static void check_001(struct lint *lint) {
    size_t length_max = lint_name_length_max(lint->subject, lint->target);
    if (length_max == 0)
        lint_fail(lint, lint_topology(lint), "no runtime name is short enough for this class");
    for (size_t i = 0; i < lint->subject->sample_count; i++) {
        const struct sample *sample = &lint->subject->samples[i];
        if (sample->name.len > length_max)
            lint_fail(lint, json_find(sample->runtime, "metadata.name"),
                      "sample name \"%.*s\" has %zu characters, and this class allows %zu",
                      SV_ARG(sample->name), sample->name.len, length_max);
    }
}

static void check_002(struct lint *lint) {
    struct sv class_name = object_name(lint->subject->runtime_class);
    for (size_t i = 0; i < lint->subject->sample_count; i++) {
        const struct sample *sample = &lint->subject->samples[i];
        if (sample->is_generated) {
            lint_skip(lint, "no sample is given: one was generated from the class");
            continue;
        }
        const struct cJSON *used = json_find(sample->runtime, "spec.runtimeClassName");
        if (sv_eq(json_text(used), class_name))
            continue;
        struct check_result *result =
            lint_fail(lint, used ? used : sample->runtime, "sample %.*s uses class \"%.*s\"",
                      SV_ARG(sample->name), SV_ARG(json_text(used)));
        result->expected = class_name;
        result->actual = json_text(used);
    }
}

static bool is_declared(const struct lint *lint, struct sv need) {
    const struct cJSON *annotations =
        lint_map(lint->subject->runtime_class, "metadata.annotations");
    return annotations &&
           sv_contains(json_string_or(annotations, SV("cacheruntime.io/requires"), SV("")), need);
}

static void need(struct lint *lint, const struct cJSON *item, struct sv what) {
    if (!is_declared(lint, what))
        lint_fail_key(lint, item, "the class needs %.*s and does not declare it", SV_ARG(what));
}

static void check_resources(struct lint *lint, const struct cJSON *container) {
    JSON_EACH (member, lint_map(container, "resources.limits")) {
        struct sv key = json_key(member);
        if (sv_find(key, '/') < key.len || sv_starts_with(key, SV("hugepages-")))
            need(lint, member, key);
    }
}

static void check_003(struct lint *lint, enum role role) {
    const struct cJSON *spec = lint_pod_spec(lint, role);
    JSON_EACH (container, lint_list(spec, "containers"))
        check_resources(lint, container);
    JSON_EACH (label, lint_map(spec, "nodeSelector")) {
        if (!sv_starts_with(json_key(label), SV("kubernetes.io/")))
            need(lint, label, json_key(label));
    }
    JSON_EACH (volume, lint_list(spec, "volumes")) {
        struct sv path = json_find_string(volume, "hostPath.path");
        if (sv_starts_with(path, SV("/dev/")) && !sv_eq(path, SV("/dev/fuse")))
            need(lint, json_find(volume, "hostPath.path"), path);
    }
    static const struct sv names[] = {SV("runtimeClassName"), SV("priorityClassName")};
    for (size_t i = 0; spec && i < COUNT_OF(names); i++) {
        const struct cJSON *item = json_get(spec, names[i]);
        if (item && !sv_starts_with(json_text(item), SV("system-")))
            need(lint, item, json_text(item));
    }
}

static const struct cJSON *operations(const struct lint *lint) {
    return lint_list(lint->subject->runtime_class, "dataOperationSpecs");
}

static void check_data_load(struct lint *lint, const struct cJSON *operation) {
    bool has_command = json_count(lint_list(operation, "command")) > 0 ||
                       json_count(lint_list(operation, "args")) > 0;
    bool has_image = json_string_or(operation, SV("image"), SV("")).len > 0 ||
                     lint_first_container(lint, ROLE_WORKER) != NULL;
    if (!has_command)
        lint_fail(lint, operation, "DataLoad has neither command nor args");
    if (!has_image)
        lint_fail(lint, operation, "DataLoad has no image, and there is no worker to take it from");
}

static void check_dop_001(struct lint *lint) {
    bool is_seen = false;
    JSON_EACH (operation, operations(lint)) {
        if (!json_is_map(operation) ||
            !sv_eq(json_string_or(operation, SV("name"), SV("")), SV("DataLoad")))
            continue;
        is_seen = true;
        check_data_load(lint, operation);
    }
    if (!is_seen)
        lint_skip(lint, "the class has no DataLoad entry");
}

static void check_dop_006(struct lint *lint) {
    AUTO(map) seen = map_new();
    JSON_EACH (operation, operations(lint)) {
        if (!json_is_map(operation))
            continue;
        struct sv name = json_string_or(operation, SV("name"), SV(""));
        if (map_has(seen, name))
            lint_fail(lint, operation, "%.*s is given twice", SV_ARG(name));
        if (lint->target == LINT_TARGET_FLUID && !sv_eq(name, SV("DataLoad")))
            lint_fail(lint, operation, "upstream ignores %.*s", SV_ARG(name))->expected =
                SV("DataLoad");
        map_put(seen, name, NULL);
    }
}

static const struct lint_rule rules[] = {
    {SV("PORT-001"), check_001, NULL},    {SV("PORT-002"), check_002, NULL},
    {SV("PORT-003"), NULL, check_003},    {SV("DOP-001"), check_dop_001, NULL},
    {SV("DOP-006"), check_dop_006, NULL},
};
LINT_RULES(lint_portability_rules, rules);
