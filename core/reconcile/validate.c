/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/validate.h"

#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/tiered_store.h"
#include "core/reconcile/write.h"

static bool refuse(struct finding *ret_finding, struct sv reason, struct sv message) {
    *ret_finding = (struct finding){reason, message};
    return false;
}

/* --- types of what rendering reads --- */

enum shape { SHAPE_MAP, SHAPE_LIST, SHAPE_MAPS, SHAPE_TEXTS, SHAPE_TEXT, SHAPE_COUNT };
static const char *const shape_texts[] = {
    "an object",           "an array", "an array of objects",
    "an array of strings", "a string", "an integer from 0 to 10000"};

struct field {
    const char *path;
    enum shape shape;
};

static const struct field class_fields[] = {
    {"template", SHAPE_MAP},
    {"template.metadata", SHAPE_MAP},
    {"template.metadata.labels", SHAPE_MAP},
    {"template.metadata.annotations", SHAPE_MAP},
    {"template.spec", SHAPE_MAP},
    {"template.spec.containers", SHAPE_MAPS},
    {"template.spec.initContainers", SHAPE_MAPS},
    {"template.spec.volumes", SHAPE_MAPS},
    {"template.spec.tolerations", SHAPE_MAPS},
    {"template.spec.nodeSelector", SHAPE_MAP},
    {"template.spec.imagePullSecrets", SHAPE_MAPS},
    {"template.spec.affinity", SHAPE_MAP},
    {"template.spec.affinity.nodeAffinity", SHAPE_MAP},
    {"template.spec.affinity.podAntiAffinity", SHAPE_MAP},
    {"template.spec.containers.0.name", SHAPE_TEXT},
    {"template.spec.containers.0.env", SHAPE_MAPS},
    {"template.spec.containers.0.volumeMounts", SHAPE_MAPS},
    {"template.spec.containers.0.resources", SHAPE_MAP},
    {"options", SHAPE_MAP},
    {"services", SHAPE_MAPS},
    {"replicas", SHAPE_COUNT},
    {"dependencies", SHAPE_MAP},
    {"dependencies.extraResources.configMaps", SHAPE_MAPS},
    {"executionEntries", SHAPE_MAP},
    {"tieredStore.levels", SHAPE_MAPS},
    {"updateStrategy", SHAPE_MAP},
};

static const struct field runtime_fields[] = {
    {"replicas", SHAPE_COUNT},   {"options", SHAPE_MAP},
    {"podMetadata", SHAPE_MAP},  {"env", SHAPE_MAPS},
    {"args", SHAPE_TEXTS},       {"volumeMounts", SHAPE_MAPS},
    {"nodeSelector", SHAPE_MAP}, {"tolerations", SHAPE_MAPS},
    {"resources", SHAPE_MAP},    {"tieredStore.levels", SHAPE_MAPS},
};

static bool all_are(const struct cJSON *list, bool (*is_right)(const struct cJSON *)) {
    if (!json_is_list(list))
        return false;
    JSON_EACH (item, list)
        if (!is_right(item))
            return false;
    return true;
}

static bool has_shape(const struct cJSON *item, enum shape shape) {
    int64_t count;
    switch (shape) {
    case SHAPE_MAP:
        return json_is_map(item);
    case SHAPE_LIST:
        return json_is_list(item);
    case SHAPE_MAPS:
        return all_are(item, json_is_map);
    case SHAPE_TEXTS:
        return all_are(item, json_is_string);
    case SHAPE_TEXT:
        return json_is_string(item);
    case SHAPE_COUNT:
        return json_to_int64(item, &count) && count >= 0 && count <= WORKERS_MAX;
    }
    return false;
}

/* A number says more than that it is one. */
static struct sv what_it_is(const struct cJSON *item) {
    return json_is_number(item) ? json_text(item) : sv_from(json_type_name(item));
}

static bool check_shapes(struct pass *pass, const struct cJSON *root, const char *where,
                         struct sv component, const struct field *fields, size_t count,
                         struct finding *ret_finding) {
    for (size_t i = 0; i < count; i++) {
        const struct cJSON *item = json_find(root, fields[i].path);
        if (!item || json_is_null(item) || has_shape(item, fields[i].shape))
            continue;
        return refuse(ret_finding, SV("WrongType"),
                      pass_printf(pass, "%s.%.*s.%s must be %s and is %.*s", where,
                                  SV_ARG(component), fields[i].path, shape_texts[fields[i].shape],
                                  SV_ARG(what_it_is(item))));
    }
    return true;
}

static bool check_count(struct pass *pass, struct sv what, size_t count, size_t count_max,
                        struct finding *ret_finding) {
    if (count <= count_max)
        return true;
    return refuse(
        ret_finding, SV("LimitExceeded"),
        pass_printf(pass, "%.*s: %zu, more than the limit of %zu", SV_ARG(what), count, count_max));
}

/* --- bounds of lists --- */

struct bound {
    const char *path;
    const char *what;
    size_t count_max;
};

static const struct bound pod_bounds[] = {
    {"containers", "containers of a pod", CONTAINERS_MAX},
    {"initContainers", "init containers of a pod", CONTAINERS_MAX},
    {"volumes", "volumes of a pod", VOLUMES_MAX},
    {"tolerations", "tolerations", TOLERATIONS_MAX},
    {"imagePullSecrets", "imagePullSecrets", PULL_SECRETS_MAX},
    {"containers.0.env", "env of a container", ENV_MAX},
    {"containers.0.args", "args of a container", ARGS_MAX},
    {"containers.0.volumeMounts", "volumeMounts of a container", VOLUME_MOUNTS_MAX},
};

static const struct bound runtime_bounds[] = {
    {"volumes", "spec.volumes", VOLUMES_MAX},
    {"imagePullSecrets", "imagePullSecrets", PULL_SECRETS_MAX},
};

static const struct bound component_bounds[] = {
    {"env", "env of a component", ENV_MAX},
    {"args", "args of a component", ARGS_MAX},
    {"volumeMounts", "volumeMounts of a component", VOLUME_MOUNTS_MAX},
    {"tolerations", "tolerations", TOLERATIONS_MAX},
    {"imagePullSecrets", "imagePullSecrets", PULL_SECRETS_MAX},
};

static const struct bound dataset_bounds[] = {
    {"mounts", "spec.mounts", MOUNTS_MAX},
    {"tolerations", "tolerations", TOLERATIONS_MAX},
};

static bool check_counts(struct pass *pass, const struct cJSON *root, const struct bound *bounds,
                         size_t count, struct finding *ret_finding) {
    for (size_t i = 0; i < count; i++)
        if (!check_count(pass, sv_from(bounds[i].what), json_count(json_find(root, bounds[i].path)),
                         bounds[i].count_max, ret_finding))
            return false;
    return true;
}

/* --- paths --- */

/* A step ".." would lead out of where the path is meant to be. */
static bool has_parent_step(struct sv path) {
    while (path.len > 0)
        if (sv_eq(sv_cut(&path, '/'), SV("..")))
            return true;
    return false;
}

/* A directory of the list or what lies in one, or anywhere when there is none. */
static bool is_below_prefix(struct sv path, struct sv prefixes) {
    if (prefixes.len == 0)
        return true;
    while (prefixes.len > 0) {
        struct sv prefix = sv_cut(&prefixes, ':');
        while (prefix.len > 1 && sv_ends_with(prefix, SV("/")))
            prefix = sv_prefix(prefix, prefix.len - 1);
        if (sv_is_within(path, prefix))
            return true;
    }
    return false;
}

static bool has_process_memory(const struct component *component) {
    size_t index = 0;
    JSON_EACH (declared, component->levels)
        if (tier_level_read(declared, index++).medium == TIER_PROCESS_MEMORY)
            return true;
    return false;
}

/* What the controller mounts at the path, or NULL. */
static const char *own_mount_at(const struct pass *pass, const struct component *component,
                                struct sv path) {
    static const struct {
        struct sv path;
        const char *what;
    } own[] = {
        {SV(RUNTIME_CONFIG_PATH), "runtime.json"},
        {SV(SECRETS_PATH), "the dataset's secrets"},
        {SV(SCRIPTS_PATH), "the class's scripts"},
        {SV(TIERED_STORE_PATH), "levels of the tiered store"},
    };
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (sv_is_within(path, own[i].path))
            return own[i].what;
    if (component->type == COMPONENT_CLIENT && sv_is_within(path, pass->names.mount_path))
        return "the cache";
    if (sv_is_within(path, SV(PROCESS_MEMORY_PATH)) && has_process_memory(component))
        return "the level in memory";
    return NULL;
}

/* --- classes --- */

static const struct cJSON *declared_config_map(const struct pass *pass, struct sv name) {
    JSON_EACH (item, json_find(pass->snapshot->runtime_class, "extraResources.configMaps"))
        if (sv_eq(json_find_string(item, "name"), name))
            return item;
    return NULL;
}

static bool check_config_map_names(struct pass *pass, const struct component *component,
                                   struct finding *ret_finding) {
    const struct cJSON *extras =
        json_find(component->class_part, "dependencies.extraResources.configMaps");
    if (!check_count(pass, SV("config maps of a component"), json_count(extras),
                     EXTRA_CONFIG_MAPS_MAX, ret_finding))
        return false;
    JSON_EACH (extra, extras) {
        struct sv name = json_find_string(extra, "name");
        if (!declared_config_map(pass, name))
            return refuse(ret_finding, SV("UnknownConfigMap"),
                          pass_printf(pass,
                                      "topology.%.*s.dependencies names config map \"%.*s\", which "
                                      "extraResources.configMaps does not declare",
                                      SV_ARG(component->text), SV_ARG(name)));
        struct sv path = json_find_string(extra, "mountPath");
        const char *own = own_mount_at(pass, component, path);
        if (path.len == 0)
            own = "nothing: the path is missing";
        if (own)
            return refuse(ret_finding, SV("InvalidPath"),
                          pass_printf(pass,
                                      "topology.%.*s.dependencies mounts config map \"%.*s\" at "
                                      "\"%.*s\", where the controller mounts %s: choose another "
                                      "path",
                                      SV_ARG(component->text), SV_ARG(name), SV_ARG(path), own));
        for (const struct cJSON *other = extra->next; other; other = other->next)
            if (sv_eq(json_find_string(other, "mountPath"), path))
                return refuse(ret_finding, SV("InvalidPath"),
                              pass_printf(pass,
                                          "topology.%.*s.dependencies mounts two config maps at "
                                          "\"%.*s\": choose another path for one of them",
                                          SV_ARG(component->text), SV_ARG(path)));
    }
    return true;
}

static bool check_entry(struct pass *pass, const struct component *component,
                        enum execution_entry id, struct finding *ret_finding) {
    const struct cJSON *entry = component_entry(component, id);
    if (!entry)
        return true;
    struct sv text = execution_entry_text(id);
    const struct cJSON *command = json_get(entry, SV("command"));
    struct sv script = json_find_string(entry, "script.configMap");
    bool has_command = all_are(command, json_is_string) && json_count(command) > 0;
    if (!has_command && script.len == 0)
        return refuse(ret_finding, SV("EntryWithoutCommand"),
                      pass_printf(pass,
                                  "topology.%.*s.executionEntries.%.*s needs a command (a list of "
                                  "strings) or a script",
                                  SV_ARG(component->text), SV_ARG(text)));
    struct sv key = json_find_string(entry, "script.key");
    const struct cJSON *config_map = declared_config_map(pass, script);
    if (script.len > 0 && !config_map)
        return refuse(ret_finding, SV("UnknownConfigMap"),
                      pass_printf(pass,
                                  "topology.%.*s.executionEntries.%.*s names config map \"%.*s\", "
                                  "which extraResources.configMaps does not declare",
                                  SV_ARG(component->text), SV_ARG(text), SV_ARG(script)));
    if (script.len > 0 && !json_get(json_get(config_map, SV("data")), key))
        return refuse(ret_finding, SV("UnknownScript"),
                      pass_printf(pass,
                                  "topology.%.*s.executionEntries.%.*s names script \"%.*s\", "
                                  "which config map \"%.*s\" does not hold",
                                  SV_ARG(component->text), SV_ARG(text), SV_ARG(key),
                                  SV_ARG(script)));
    size_t bytes = 0;
    JSON_EACH (argument, command)
        bytes += json_text(argument).len;
    return check_count(pass, SV("arguments of an execution entry"), json_count(command),
                       COMMAND_ARGUMENTS_MAX, ret_finding) &&
           check_count(pass, SV("bytes of an execution entry's command"), bytes, COMMAND_BYTES_MAX,
                       ret_finding);
}

static bool check_service_names(struct pass *pass, const struct component *component,
                                struct finding *ret_finding) {
    const struct cJSON *services = json_get(component->class_part, SV("services"));
    if (!check_count(pass, SV("services of a component"), json_count(services), SERVICES_MAX,
                     ret_finding))
        return false;
    JSON_EACH (service, services) {
        if (!check_count(pass, SV("ports of a service"), json_count(json_get(service, SV("ports"))),
                         SERVICE_PORTS_MAX, ret_finding))
            return false;
        struct sv own = json_find_string(service, "name");
        struct sv name = pass_printf(pass, NAME_PREFIX_SERVICE "%.*s-%.*s",
                                     SV_ARG(component->workload_name), SV_ARG(own));
        bool is_too_long = name.len > DNS_LABEL_BYTES_MAX;
        if (own.len > 0 && !is_too_long && !names_is_dns_label(name))
            return refuse(ret_finding, SV("InvalidName"),
                          pass_printf(pass,
                                      "topology.%.*s.services: \"%.*s\" is no name of a service: "
                                      "it takes small letters, digits and -",
                                      SV_ARG(component->text), SV_ARG(own)));
        if (own.len > 0 && is_too_long)
            return refuse(ret_finding, SV("NameTooLong"),
                          pass_printf(pass,
                                      "service name \"%.*s\" must be a DNS label of at most %d "
                                      "bytes: shorten the runtime's or the service's name",
                                      SV_ARG(name), DNS_LABEL_BYTES_MAX));
        for (const struct cJSON *other = service->next; other; other = other->next)
            if (sv_eq(json_find_string(other, "name"), own))
                return refuse(ret_finding, SV("DuplicateName"),
                              pass_printf(pass,
                                          "topology.%.*s.services has two services named "
                                          "\"%.*s\": give each another name",
                                          SV_ARG(component->text), SV_ARG(own)));
    }
    return true;
}

/* A DaemonSet has as many pods as there are nodes. Upstream's schema writes 1 into an empty field
 * of the runtime, so that a 1 there asks for nothing. */
static bool check_replicas(struct pass *pass, const struct component *component,
                           struct finding *ret_finding) {
    bool in_class = json_get(component->class_part, SV("replicas")) != NULL;
    bool in_runtime = json_int_or(component->spec, SV("replicas"), 1) != 1;
    if (component->has_replicas || (!in_class && !in_runtime))
        return true;
    return refuse(ret_finding, SV("ReplicasOfDaemonSet"),
                  pass_printf(pass,
                              "%.*s is a DaemonSet, which has a pod on every node: remove "
                              "replicas from %s",
                              SV_ARG(component->text), in_class ? "the class" : "the runtime"));
}

static bool check_workload_kind(struct pass *pass, const struct component *component,
                                struct finding *ret_finding) {
    if (!component->workload)
        return refuse(ret_finding, SV("UnknownWorkloadType"),
                      pass_printf(pass,
                                  "workloadType of %.*s must be StatefulSet, DaemonSet or "
                                  "Deployment of apps/v1, or StatefulSet of "
                                  "apps.kruise.io/v1beta1",
                                  SV_ARG(component->text)));
    bool is_on_delete = sv_eq(component_update_type(component), SV("OnDelete"));
    if (component->workload == &RESOURCE_DEPLOYMENTS && is_on_delete)
        return refuse(ret_finding, SV("UnknownUpdateStrategy"),
                      pass_printf(pass,
                                  "%.*s is a Deployment, which knows no update strategy "
                                  "OnDelete: choose RollingUpdate",
                                  SV_ARG(component->text)));
    return true;
}

/* Every plan of every runtime asks it of its class, which stays as it is. */
static bool check_class_shapes(struct pass *pass, const struct component *component,
                               struct finding *ret_finding) {
    uint64_t *memo = frozen_memo(pass->snapshot->runtime_class, FROZEN_MEMO_CLASS_SHAPES);
    uint64_t has_shapes = UINT64_C(1) << component->type;
    if (memo && *memo & has_shapes)
        return true;
    if (!check_shapes(pass, component->class_part, "topology", component->text, class_fields,
                      COUNT_OF(class_fields), ret_finding) ||
        !check_counts(pass, json_find(component->class_part, "template.spec"), pod_bounds,
                      COUNT_OF(pod_bounds), ret_finding))
        return false;
    if (memo)
        *memo |= has_shapes;
    return true;
}

static bool check_component(struct pass *pass, const struct component *component,
                            struct finding *ret_finding) {
    if (!check_class_shapes(pass, component, ret_finding))
        return false;
    const struct cJSON *containers = json_find(component->class_part, "template.spec.containers");
    if (json_count(containers) == 0)
        return refuse(ret_finding, SV("NoContainer"),
                      pass_printf(pass,
                                  "topology.%.*s.template.spec.containers is empty: the "
                                  "component needs a container",
                                  SV_ARG(component->text)));
    if (!check_config_map_names(pass, component, ret_finding) ||
        !check_service_names(pass, component, ret_finding) ||
        !check_workload_kind(pass, component, ret_finding) ||
        !check_replicas(pass, component, ret_finding))
        return false;
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (!check_entry(pass, component, (enum execution_entry)i, ret_finding))
            return false;
    return true;
}

/* The API server refuses others, when half of the rest has been made. */
static bool check_object_name(struct pass *pass, struct sv name, const struct cJSON *data,
                              struct finding *ret_finding) {
    if (!names_is_dns_subdomain(name))
        return refuse(ret_finding, SV("InvalidName"),
                      pass_printf(pass,
                                  "extraResources.configMaps: \"%.*s\" is no name of a config map: "
                                  "it takes small letters, digits, - and .",
                                  SV_ARG(name)));
    JSON_EACH (member, data)
        if (!names_is_file_name(json_key(member)))
            return refuse(
                ret_finding, SV("InvalidName"),
                pass_printf(pass,
                            "extraResources.configMaps: \"%.*s\" of \"%.*s\" is no name of "
                            "a file: it takes letters, digits, -, _ and .",
                            SV_ARG(json_key(member)), SV_ARG(name)));
    return true;
}

static bool check_extra_config_maps(struct pass *pass, const struct cJSON *extras,
                                    struct finding *ret_finding) {
    if (!check_count(pass, SV("extraResources.configMaps"), json_count(extras),
                     EXTRA_CONFIG_MAPS_MAX, ret_finding))
        return false;
    JSON_EACH (extra, extras) {
        struct sv name = json_find_string(extra, "name");
        if (!check_object_name(pass, name, json_get(extra, SV("data")), ret_finding))
            return false;
        bool is_taken = sv_eq(name, pass->names.config_map);
        for (const struct cJSON *other = extra->next; other && !is_taken; other = other->next)
            is_taken = sv_eq(json_find_string(other, "name"), name);
        if (is_taken)
            return refuse(ret_finding, SV("DuplicateName"),
                          pass_printf(pass,
                                      "extraResources.configMaps: the name \"%.*s\" is taken by "
                                      "another config map: choose another",
                                      SV_ARG(name)));
    }
    return true;
}

bool validate_class(struct pass *pass, struct finding *ret_finding) {
    const struct cJSON *topology = json_get(pass->snapshot->runtime_class, SV("topology"));
    bool has_component = false;
    if (!json_is_map(topology))
        return refuse(ret_finding, SV("NoTopology"),
                      pass_printf(pass,
                                  "class %.*s has no topology: declare master, worker or "
                                  "client",
                                  SV_ARG(object_name(pass->snapshot->runtime_class))));
    const struct cJSON *extras =
        json_find(pass->snapshot->runtime_class, "extraResources.configMaps");
    if (!check_extra_config_maps(pass, extras, ret_finding))
        return false;
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        has_component = has_component || component->is_enabled;
        if (component->is_enabled && !check_component(pass, component, ret_finding))
            return false;
    }
    if (!has_component)
        return refuse(ret_finding, SV("NoComponent"),
                      SV("no component is left: the class declares none, or the runtime disables "
                         "all that it declares"));
    return true;
}

/* --- from one class to another --- */

/* Another kind than the wanted one runs the component's pods. */
static bool has_other_kind(const struct pass *pass, const struct component *component) {
    static const struct resource *const kinds[] = {&RESOURCE_STATEFUL_SETS, &RESOURCE_DAEMON_SETS,
                                                   &RESOURCE_DEPLOYMENTS,
                                                   &RESOURCE_KRUISE_STATEFUL_SETS};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct observed *observed = snapshot_find(
            pass->snapshot, kinds[i], pass->snapshot->namespace_name, component->workload_name);
        if (observed->state == OBSERVED_PRESENT && kinds[i] != component->workload &&
            write_is_ours(pass, kinds[i], observed->object))
            return true;
    }
    return false;
}

/* What the runtime itself disables or chooses is not the class's doing. */
static const char *class_difference(const struct pass *pass, const struct component *component) {
    const struct cJSON *status = json_get(pass->snapshot->runtime, SV("status"));
    bool was_there = json_is_map(json_get(status, component->text));
    if (json_bool_or(component->spec, SV("disabled"), false))
        return NULL;
    if (was_there && !component->is_enabled)
        return "has no";
    if (!was_there && component->is_enabled)
        return "adds a";
    if (was_there && !json_get(component->spec, SV("workloadType")) &&
        has_other_kind(pass, component))
        return "has another kind of workload for the";
    return NULL;
}

bool validate_class_change(struct pass *pass, struct finding *ret_finding) {
    const struct cJSON *runtime = pass->snapshot->runtime;
    struct sv former = object_annotation(runtime, ANNOTATION_RUNTIME_CLASS);
    struct sv name = json_find_string(runtime, "spec.runtimeClassName");
    if (former.len == 0 || sv_eq(former, name) || !json_get(runtime, SV("status")))
        return true;
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        const char *difference = class_difference(pass, component);
        if (difference)
            return refuse(ret_finding, SV("ClassNotInterchangeable"),
                          pass_printf(pass,
                                      "class \"%.*s\" %s %.*s: from class \"%.*s\" only one with "
                                      "the same components and kinds of workloads can take over; "
                                      "name that one again, or make a new runtime",
                                      SV_ARG(name), difference, SV_ARG(component->text),
                                      SV_ARG(former)));
    }
    return true;
}

/* --- runtimes --- */

/* The quota of a host path is not enforced, and 0 there says that none is meant. */
static const char *quota_problem(struct pass *pass, const struct tier_level *level, size_t i) {
    struct quantity quota;
    bool is_quantity = quantity_parse(tier_level_quota(level, i, pass->arena), &quota);
    if (is_quantity && (quota.nano > 0 || (quota.nano == 0 && level->medium == TIER_HOST_PATH)))
        return NULL;
    return "needs a quota that is a quantity above zero, such as 10Gi";
}

static const char *host_path_problem(const struct pass *pass, struct sv path) {
    if (!sv_starts_with(path, SV("/")) || has_parent_step(path))
        return "needs host paths that begin with / and hold no ..";
    if (!is_below_prefix(path, pass->snapshot->options->host_path_prefixes))
        return "has a host path that the administrator does not allow (--host-path-prefixes)";
    return NULL;
}

static bool check_level(struct pass *pass, const struct component *component,
                        const struct tier_level *level, struct finding *ret_finding) {
    const char *problem = NULL;
    if (!check_count(pass, SV("paths of a level of a tiered store"), level->path_count,
                     TIER_PATHS_MAX, ret_finding))
        return false;
    if (level->medium_count > 1)
        problem = "has more than one medium: keep one";
    else if (level->medium == TIER_HOST_PATH &&
             json_count(json_find(level->declared, "hostPath.quotas")) != level->path_count)
        problem = "needs as many quotas as paths";
    for (size_t i = 0; !problem && i < level->path_count; i++)
        problem = quota_problem(pass, level, i);
    JSON_EACH (path, json_find(level->declared, "hostPath.paths"))
        problem = problem ? problem : host_path_problem(pass, json_text(path));
    if (!problem)
        return true;
    return refuse(ret_finding, SV("InvalidTieredStore"),
                  pass_printf(pass, "tieredStore of %.*s: level %zu %s", SV_ARG(component->text),
                              level->index, problem));
}

static bool check_levels(struct pass *pass, const struct component *component,
                         struct finding *ret_finding) {
    size_t index = 0, process_count = 0;
    if (!check_count(pass, SV("levels of a tiered store"), json_count(component->levels),
                     TIER_LEVELS_MAX, ret_finding))
        return false;
    JSON_EACH (declared, component->levels) {
        struct tier_level level = tier_level_read(declared, index++);
        process_count += level.medium == TIER_PROCESS_MEMORY;
        if (!check_level(pass, component, &level, ret_finding))
            return false;
    }
    if (process_count > 1)
        return refuse(ret_finding, SV("InvalidTieredStore"),
                      pass_printf(pass,
                                  "tieredStore of %.*s has %zu levels of processMemory: one "
                                  "is possible",
                                  SV_ARG(component->text), process_count));
    return true;
}

/* A user who may not have a level somewhere may not have a volume there either. */
static bool check_host_volumes(struct pass *pass, struct finding *ret_finding) {
    if (pass->snapshot->options->host_path_prefixes.len == 0)
        return true;
    JSON_EACH (volume, json_find(pass->snapshot->runtime, "spec.volumes")) {
        const struct cJSON *host_path = json_get(volume, SV("hostPath"));
        const char *problem =
            host_path ? host_path_problem(pass, json_find_string(host_path, "path")) : NULL;
        if (problem)
            return refuse(ret_finding, SV("InvalidPath"),
                          pass_printf(pass, "spec.volumes: \"%.*s\" %s",
                                      SV_ARG(json_find_string(volume, "name")), problem));
    }
    return true;
}

static bool has_volume(const struct cJSON *volumes, struct sv name) {
    JSON_EACH (volume, volumes)
        if (sv_eq(json_find_string(volume, "name"), name))
            return true;
    return false;
}

/* What hides another mount would do so without a word: two of the runtime at one path, and one
 * over what the cache is told or keeps its data in. */
static bool check_mount_path(struct pass *pass, const struct component *component,
                             const struct cJSON *mount, struct finding *ret_finding) {
    struct sv path = json_find_string(mount, "mountPath");
    const char *own = own_mount_at(pass, component, path);
    if (own)
        return refuse(ret_finding, SV("InvalidPath"),
                      pass_printf(pass,
                                  "spec.%.*s.volumeMounts has %.*s, where the controller mounts "
                                  "%s: choose another path",
                                  SV_ARG(component->text), SV_ARG(path), own));
    for (const struct cJSON *other = mount->next; other; other = other->next)
        if (sv_eq(json_find_string(other, "mountPath"), path))
            return refuse(ret_finding, SV("InvalidPath"),
                          pass_printf(pass,
                                      "spec.%.*s.volumeMounts has %.*s twice: keep one of the two",
                                      SV_ARG(component->text), SV_ARG(path)));
    return true;
}

static bool check_volume_mounts(struct pass *pass, const struct component *component,
                                struct finding *ret_finding) {
    JSON_EACH (mount, json_get(component->spec, SV("volumeMounts"))) {
        struct sv name = json_find_string(mount, "name");
        if (!check_mount_path(pass, component, mount, ret_finding))
            return false;
        if (!has_volume(json_find(pass->snapshot->runtime, "spec.volumes"), name) &&
            !has_volume(json_find(component->class_part, "template.spec.volumes"), name))
            return refuse(ret_finding, SV("UnknownVolume"),
                          pass_printf(pass,
                                      "spec.%.*s.volumeMounts names volume \"%.*s\", which "
                                      "neither spec.volumes nor the class has",
                                      SV_ARG(component->text), SV_ARG(name)));
    }
    return true;
}

bool validate_runtime(struct pass *pass, struct finding *ret_finding) {
    struct sv name = pass->snapshot->name;
    if (name.len > RUNTIME_NAME_BYTES_MAX || !names_is_dns_label(name))
        return refuse(ret_finding, SV("NameTooLong"),
                      pass_printf(pass,
                                  "the name \"%.*s\" must be a DNS label of at most %d bytes, "
                                  "since names of generated objects contain it",
                                  SV_ARG(name), RUNTIME_NAME_BYTES_MAX));
    if (!check_counts(pass, json_get(pass->snapshot->runtime, SV("spec")), runtime_bounds,
                      COUNT_OF(runtime_bounds), ret_finding) ||
        !check_host_volumes(pass, ret_finding))
        return false;
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        if (component->spec && !json_is_map(component->spec) && !json_is_null(component->spec))
            return refuse(ret_finding, SV("WrongType"),
                          pass_printf(pass, "spec.%.*s must be an object and is %s",
                                      SV_ARG(component->text), json_type_name(component->spec)));
        if (!component->is_enabled)
            continue;
        if (!check_shapes(pass, component->spec, "spec", component->text, runtime_fields,
                          COUNT_OF(runtime_fields), ret_finding) ||
            !check_counts(pass, component->spec, component_bounds, COUNT_OF(component_bounds),
                          ret_finding) ||
            !check_levels(pass, component, ret_finding) ||
            !check_volume_mounts(pass, component, ret_finding))
            return false;
    }
    return true;
}

/* --- datasets --- */

/* `where` the options are. */
static bool check_secret(struct pass *pass, struct sv where, const struct cJSON *option,
                         struct finding *ret_finding) {
    const struct cJSON *reference = json_find(option, "valueFrom.secretKeyRef");
    struct sv name = json_find_string(reference, "name"), key = json_find_string(reference, "key");
    if (names_is_dns_subdomain(name) && names_is_file_name(key))
        return true;
    /* Both are parts of the path that the cache reads the secret from. */
    if (name.len > 0 && key.len > 0)
        return refuse(
            ret_finding, SV("InvalidName"),
            pass_printf(pass,
                        "%.*s: \"%.*s\" names Secret \"%.*s\" and key \"%.*s\": one of them is "
                        "no name that Kubernetes takes",
                        SV_ARG(where), SV_ARG(json_find_string(option, "name")), SV_ARG(name),
                        SV_ARG(key)));
    return refuse(ret_finding, SV("SecretIncomplete"),
                  pass_printf(pass,
                              "%.*s: \"%.*s\" needs the name and the key of a Secret in "
                              "valueFrom.secretKeyRef",
                              SV_ARG(where), SV_ARG(json_find_string(option, "name"))));
}

static bool check_secrets(struct pass *pass, struct sv where, const struct cJSON *options,
                          struct finding *ret_finding) {
    JSON_EACH (option, options)
        if (!check_secret(pass, where, option, ret_finding))
            return false;
    return true;
}

static bool check_mount(struct pass *pass, size_t index, const struct cJSON *mount,
                        struct finding *ret_finding) {
    if (mount_is_reference(mount))
        return refuse(ret_finding, SV("ReferenceDataset"),
                      pass_printf(pass,
                                  "spec.mounts[%zu] is %.*s, which needs a ThinRuntime: a "
                                  "CacheRuntime cannot serve it",
                                  index, SV_ARG(json_find_string(mount, "mountPoint"))));
    if (has_parent_step(json_find_string(mount, "path")) ||
        has_parent_step(json_find_string(mount, "name")))
        return refuse(ret_finding, SV("InvalidPath"),
                      pass_printf(pass,
                                  "mount \"%.*s\" has a path with \"..\": name the directory "
                                  "itself",
                                  SV_ARG(json_find_string(mount, "mountPoint"))));
    const struct cJSON *options = json_get(mount, SV("encryptOptions"));
    return !options ||
           check_secrets(pass, pass_printf(pass, "spec.mounts[%zu].encryptOptions", index), options,
                         ret_finding);
}

static void add_secrets(struct json_index *secrets, const struct cJSON *options) {
    JSON_EACH (option, options)
        (void)json_index_is_seen_again(secrets,
                                       json_find_string(option, "valueFrom.secretKeyRef.name"));
}

static bool check_secret_count(struct pass *pass, const struct cJSON *spec,
                               struct finding *ret_finding) {
    struct json_index secrets = json_index_of(pass->arena, json_map(pass->arena));
    add_secrets(&secrets, json_get(spec, SV("sharedEncryptOptions")));
    JSON_EACH (mount, json_get(spec, SV("mounts")))
        add_secrets(&secrets, json_get(mount, SV("encryptOptions")));
    return check_count(pass, SV("secrets of the dataset"), secrets.count, SECRETS_MAX, ret_finding);
}

/* Of two mounts at one path the second hides the first. */
static bool check_mount_paths(struct pass *pass, const struct cJSON *mounts,
                              struct finding *ret_finding) {
    struct json_index paths = json_index_of(pass->arena, json_map(pass->arena));
    JSON_EACH (mount, mounts) {
        struct sv path = mount_unified_path(mount, pass->arena);
        if (!mount_is_native(mount) && json_index_is_seen_again(&paths, path))
            return refuse(ret_finding, SV("InvalidPath"),
                          pass_printf(pass,
                                      "spec.mounts has %.*s twice: give one of the two mounts "
                                      "another path or name",
                                      SV_ARG(path)));
    }
    return true;
}

bool validate_dataset(struct pass *pass, struct finding *ret_finding) {
    const struct cJSON *spec = json_get(pass->snapshot->dataset, SV("spec"));
    const struct cJSON *mounts = json_get(spec, SV("mounts"));
    if (!check_counts(pass, spec, dataset_bounds, COUNT_OF(dataset_bounds), ret_finding))
        return false;
    size_t index = 0;
    if (!check_secrets(pass, SV("spec.sharedEncryptOptions"),
                       json_get(spec, SV("sharedEncryptOptions")), ret_finding))
        return false;
    JSON_EACH (mount, mounts)
        if (!check_mount(pass, index++, mount, ret_finding))
            return false;
    return check_secret_count(pass, spec, ret_finding) &&
           check_mount_paths(pass, mounts, ret_finding);
}
