/* SPDX-License-Identifier: Apache-2.0 */
/* VOL-001 to VOL-005: what is mounted, from where, and to which path. */
#include "conformance/lint/lint_context.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"

static struct sv name_of(const struct cJSON *item) {
    return json_string_or(item, SV("name"), SV(""));
}

static void check_001(struct lint *lint, enum role role) {
    const struct cJSON *component = subject_component(lint->subject, role);
    JSON_EACH (dependency, lint_list(component, "dependencies.extraResources.configMaps")) {
        if (!json_is_map(dependency) || lint_extra_config_map(lint, name_of(dependency)))
            continue;
        const struct sv *names;
        size_t count = lint_extra_names(lint, &names);
        struct sv nearest = sv_nearest(name_of(dependency), names, count);
        struct check_result *result =
            lint_fail(lint, dependency, "ConfigMap \"%.*s\" is not in extraResources" SV_MEANT,
                      SV_ARG(name_of(dependency)), SV_MEANT_ARG(nearest));
        result->expected = nearest;
        result->actual = name_of(dependency);
    }
}

/* Where a pod names an object of its namespace: the path from the holder, and the kind. */
static const struct {
    const char *list, *path, *kind;
} references[] = {
    {"volumes", "configMap.name", "ConfigMap"},
    {"volumes", "secret.secretName", "Secret"},
    {"volumes", "persistentVolumeClaim.claimName", "PersistentVolumeClaim"},
    {"containers.0.envFrom", "configMapRef.name", "ConfigMap"},
    {"containers.0.envFrom", "secretRef.name", "Secret"},
    {"containers.0.env", "valueFrom.configMapKeyRef.name", "ConfigMap"},
    {"containers.0.env", "valueFrom.secretKeyRef.name", "Secret"},
    {"initContainers.0.env", "valueFrom.configMapKeyRef.name", "ConfigMap"},
    {"initContainers.0.env", "valueFrom.secretKeyRef.name", "Secret"},
};

/* `optional: true` beside the name makes an absent object harmless. */
static bool is_optional(const struct lint *lint, const struct cJSON *item, const char *path) {
    struct sv parent = sv_prefix(sv_from(path), sv_find_last(sv_from(path), '.'));
    struct sv terminated = arena_copy(lint->arena, parent);
    return json_bool_or(json_find(item, terminated.ptr), SV("optional"), false);
}

static bool is_provided(const struct lint *lint, struct sv kind, struct sv name) {
    return sv_eq(kind, SV("ConfigMap")) &&
           (lint_extra_config_map(lint, name) || sv_eq(name, SV("kube-root-ca.crt")));
}

static void check_002(struct lint *lint, enum role role) {
    const struct cJSON *spec = lint_pod_spec(lint, role);
    for (size_t i = 0; spec && i < COUNT_OF(references); i++) {
        JSON_EACH (item, lint_list(spec, references[i].list)) {
            const struct cJSON *name = json_find(item, references[i].path);
            if (json_is_string(name) && !is_optional(lint, item, references[i].path) &&
                !is_provided(lint, sv_from(references[i].kind), json_text(name)))
                lint_fail(lint, name, "%s \"%.*s\" is provided by nobody", references[i].kind,
                          SV_ARG(json_text(name)));
        }
    }
    const struct cJSON *account = spec ? json_get(spec, SV("serviceAccountName")) : NULL;
    if (account && !sv_eq(json_text(account), SV("default")))
        lint_fail(lint, account, "ServiceAccount \"%.*s\" is provided by nobody",
                  SV_ARG(json_text(account)));
}

static struct sv without_slash(struct sv path) {
    while (path.len > 1 && sv_ends_with(path, SV("/")))
        path = sv_prefix(path, path.len - 1);
    return path;
}

static void take_path(struct lint *lint, struct map *paths, struct sv path,
                      const struct cJSON *item, const char *owner) {
    path = without_slash(path);
    const char *before = map_get(paths, path);
    if (before && item)
        lint_fail(lint, item, "%.*s is the mount path of %s and of %s", SV_ARG(path), before,
                  owner);
    else
        map_put(paths, path, (void *)(uintptr_t)owner);
}

/* /dev/shm belongs to the tiered store as soon as a level is in memory. */
static bool has_memory_level(const struct lint *lint, enum role role) {
    const struct cJSON *levels =
        lint_list(subject_component(lint->subject, role), "tieredStore.levels");
    for (size_t i = 0; i <= lint->subject->sample_count; i++) {
        JSON_EACH (level, levels) {
            if (json_is_map(level) && json_get(level, SV("processMemory")))
                return true;
        }
        if (i == lint->subject->sample_count)
            break;
        const struct cJSON *spec = lint_map(lint->subject->samples[i].runtime, "spec");
        const struct cJSON *component = spec ? json_get(spec, role_text(role)) : NULL;
        levels = lint_list(component, "tieredStore.levels");
    }
    return false;
}

static void check_003(struct lint *lint, enum role role) {
    AUTO(map) paths = map_new();
    take_path(lint, paths, SV("/etc/fluid/config"), NULL, "the framework's configuration");
    take_path(lint, paths, SV("/etc/fluid/secrets"), NULL, "the framework's Secrets");
    if (has_memory_level(lint, role))
        take_path(lint, paths, SV("/dev/shm"), NULL, "the memory level of the tiered store");
    JSON_EACH (mount, lint_list(lint_first_container(lint, role), "volumeMounts")) {
        if (json_is_map(mount))
            take_path(lint, paths, json_string_or(mount, SV("mountPath"), SV("")), mount,
                      "a volume of the template");
    }
    const struct cJSON *component = subject_component(lint->subject, role);
    JSON_EACH (dependency, lint_list(component, "dependencies.extraResources.configMaps")) {
        if (json_is_map(dependency))
            take_path(lint, paths, json_string_or(dependency, SV("mountPath"), SV("")), dependency,
                      "an extra ConfigMap");
    }
}

static void check_004(struct lint *lint, enum role role) {
    AUTO(map) seen = map_new();
    JSON_EACH (mount, lint_list(lint_first_container(lint, role), "volumeMounts")) {
        if (!json_is_map(mount))
            continue;
        struct sv name = name_of(mount);
        if (map_has(seen, name) && lint->target == LINT_TARGET_FLUID)
            lint_fail(lint, mount,
                      "volume %.*s is mounted twice, and upstream keeps the last mount",
                      SV_ARG(name));
        else if (map_has(seen, name))
            lint_note(lint, mount,
                      "volume %.*s is mounted twice: upstream would keep the last mount",
                      SV_ARG(name));
        map_put(seen, name, NULL);
    }
}

static void check_005(struct lint *lint) {
    const struct cJSON *list = lint_list(lint->subject->runtime_class, "extraResources.configMaps");
    struct sv class_name = object_name(lint->subject->runtime_class);
    if (json_count(list) == 0)
        lint_skip(lint, "the class brings no ConfigMap");
    JSON_EACH (config_map, list) {
        if (json_is_map(config_map) && !sv_contains(name_of(config_map), class_name))
            lint_fail(lint, json_get(config_map, SV("name")),
                      "ConfigMap name \"%.*s\" does not carry the class's name \"%.*s\"",
                      SV_ARG(name_of(config_map)), SV_ARG(class_name));
    }
}

static const struct lint_rule rules[] = {
    {SV("VOL-001"), NULL, check_001}, {SV("VOL-002"), NULL, check_002},
    {SV("VOL-003"), NULL, check_003}, {SV("VOL-004"), NULL, check_004},
    {SV("VOL-005"), check_005, NULL},
};
LINT_RULES(lint_volume_rules, rules);
