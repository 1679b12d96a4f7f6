/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted with a warning (apiserver-semantics.md §1.7, §1.15): deprecated types, and
 * parts of pods that clients other than this one would drop. */
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/server_parts.h"

enum { COMPARED_MAX = 256 }; /* each item is compared with those before it */

void warn_of_type(struct call *call) {
    if (call->type->deprecation.len > 0)
        answer_warning(call, call->type->deprecation);
    static const struct {
        struct sv kind, text;
    } deprecated[] = {
        {SV("Endpoints"),
         SV("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")},
        {SV("ComponentStatus"), SV("v1 ComponentStatus is deprecated in v1.19+")},
    };
    for (size_t i = 0; i < COUNT_OF(deprecated); i++)
        if (!call->type->is_custom && sv_eq(call->type->resource.kind, deprecated[i].kind))
            answer_warning(call, deprecated[i].text);
}

/* --- containers --- */

/* "$(NAME)" builds on the one before, which is then needed. */
static bool refers_to(struct call *call, const struct cJSON *variable, struct sv name) {
    return sv_contains(json_find_string(variable, "value"),
                       arena_printf(call->arena, "$(%.*s)", SV_ARG(name)));
}

static void warn_of_env(struct call *call, const struct cJSON *container, struct sv field) {
    size_t index = 0;
    const struct cJSON *list = json_get(container, SV("env"));
    JSON_EACH (variable, list) {
        struct sv name = json_find_string(variable, "name");
        size_t at = index++;
        for (const struct cJSON *before = list->child; before != variable && at < COMPARED_MAX;
             before = before->next) {
            if (!sv_eq(json_find_string(before, "name"), name) || refers_to(call, variable, name))
                continue;
            answer_warning(call, arena_printf(call->arena,
                                              "%.*s.env[%zu]: hides previous definition of "
                                              "\"%.*s\", which may be dropped when using apply",
                                              SV_ARG(field), at, SV_ARG(name)));
            break;
        }
    }
}

static bool same_port(const struct cJSON *a, const struct cJSON *b) {
    static const struct sv keys[] = {SV("containerPort"), SV("protocol"), SV("hostPort"),
                                     SV("hostIP")};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!json_equal(json_get(a, keys[i]), json_get(b, keys[i])))
            return false;
    return true;
}

static void warn_of_ports(struct call *call, const struct cJSON *container, struct sv field) {
    size_t index = 0;
    const struct cJSON *list = json_get(container, SV("ports"));
    JSON_EACH (port, list) {
        size_t at = index++, other = 0;
        for (const struct cJSON *before = list->child; before != port && at < COMPARED_MAX;
             before = before->next, other++) {
            if (!same_port(before, port))
                continue;
            answer_warning(call, arena_printf(call->arena,
                                              "%.*s.ports[%zu]: duplicate port definition with "
                                              "%.*s.ports[%zu]",
                                              SV_ARG(field), at, SV_ARG(field), other));
            break;
        }
    }
}

static void warn_of_bytes(struct call *call, const struct cJSON *container, struct sv field) {
    static const struct sv lists[] = {SV("limits"), SV("requests")};
    static const struct sv measured[] = {SV("memory"), SV("ephemeral-storage")};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (amount, json_get(json_get(container, SV("resources")), lists[i])) {
            struct quantity quantity;
            bool is_bytes =
                sv_index_of(json_key(amount), measured, COUNT_OF(measured)) < COUNT_OF(measured) ||
                sv_starts_with(json_key(amount), SV("hugepages-"));
            if (is_bytes && quantity_parse(json_text(amount), &quantity) &&
                quantity_milli_value(quantity) % 1000 != 0)
                answer_warning(call,
                               arena_printf(call->arena,
                                            "%.*s.resources.%.*s[%.*s]: fractional byte "
                                            "value \"%.*s\" is invalid, must be an integer",
                                            SV_ARG(field), SV_ARG(lists[i]),
                                            SV_ARG(json_key(amount)), SV_ARG(json_text(amount))));
        }
}

static void warn_of_containers(struct call *call, const struct cJSON *spec, const char *field) {
    static const char *const lists[] = {"initContainers", "containers"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        size_t index = 0;
        JSON_EACH (container, json_get(spec, sv_from(lists[i]))) {
            struct sv path = arena_printf(call->arena, "%s.%s[%zu]", field, lists[i], index++);
            warn_of_env(call, container, path);
            warn_of_ports(call, container, path);
            warn_of_bytes(call, container, path);
        }
    }
}

/* --- pods --- */

static void warn_of_annotations(struct call *call, const struct cJSON *tree) {
    static const struct {
        struct sv prefix, text;
    } old[] = {
        {SV("seccomp.security.alpha.kubernetes.io/pod"),
         SV("non-functional in v1.27+; use the \"seccompProfile\" field instead")},
        {SV("container.apparmor.security.beta.kubernetes.io/"),
         SV("deprecated since v1.30; use the \"appArmorProfile\" field instead")},
    };
    JSON_EACH (annotation, json_find(tree, "metadata.annotations"))
        for (size_t i = 0; i < COUNT_OF(old); i++)
            if (sv_starts_with(json_key(annotation), old[i].prefix))
                answer_warning(call,
                               arena_printf(call->arena, "metadata.annotations[%.*s]: %.*s",
                                            SV_ARG(json_key(annotation)), SV_ARG(old[i].text)));
}

static void warn_of_node_labels(struct call *call, const struct cJSON *spec, const char *field) {
    static const struct {
        struct sv old, now;
    } labels[] = {
        {SV("beta.kubernetes.io/os"), SV("kubernetes.io/os")},
        {SV("beta.kubernetes.io/arch"), SV("kubernetes.io/arch")},
    };
    for (size_t i = 0; i < COUNT_OF(labels); i++)
        if (json_get(json_get(spec, SV("nodeSelector")), labels[i].old))
            answer_warning(call, arena_printf(call->arena,
                                              "%s.nodeSelector[%.*s]: deprecated since v1.14; use "
                                              "\"%.*s\" instead",
                                              field, SV_ARG(labels[i].old), SV_ARG(labels[i].now)));
}

/* Items of a list that have the same text as one before them, or none. */
static void warn_of_repeats(struct call *call, const struct cJSON *list, struct sv key,
                            const char *field, const char *list_name) {
    size_t index = 0;
    JSON_EACH (item, list) {
        struct sv text = json_string_or(item, key, SV(""));
        size_t at = index++;
        const char *fault = text.len == 0 ? "invalid empty" : NULL;
        for (const struct cJSON *before = list->child;
             before != item && at < COMPARED_MAX && !fault; before = before->next)
            if (sv_eq(json_string_or(before, key, SV("")), text))
                fault = "duplicate";
        if (fault)
            answer_warning(call, arena_printf(call->arena, "%s.%s[%zu].%.*s: %s %.*s \"%.*s\"",
                                              field, list_name, at, SV_ARG(key), fault, SV_ARG(key),
                                              SV_ARG(text)));
    }
}

static void warn_of_spread(struct call *call, const struct cJSON *spec, const char *field) {
    size_t index = 0;
    JSON_EACH (constraint, json_get(spec, SV("topologySpreadConstraints"))) {
        size_t at = index++;
        if (!json_get(constraint, SV("labelSelector")))
            answer_warning(call, arena_printf(call->arena,
                                              "%s.topologySpreadConstraints[%zu].labelSelector: a "
                                              "null labelSelector results in matching no pod",
                                              field, at));
    }
}

static void warn_of_volumes(struct call *call, const struct cJSON *spec, const char *field) {
    size_t index = 0;
    JSON_EACH (volume, json_get(spec, SV("volumes"))) {
        size_t at = index++;
        if (json_get(volume, SV("gitRepo")))
            answer_warning(call, arena_printf(call->arena,
                                              "%s.volumes[%zu].gitRepo: deprecated in v1.11, and "
                                              "disabled by default in v1.33+",
                                              field, at));
    }
}

static void warn_of_pod_spec(struct call *call, const struct cJSON *spec, const char *field) {
    warn_of_node_labels(call, spec, field);
    warn_of_spread(call, spec, field);
    warn_of_volumes(call, spec, field);
    warn_of_repeats(call, json_get(spec, SV("imagePullSecrets")), SV("name"), field,
                    "imagePullSecrets");
    warn_of_repeats(call, json_get(spec, SV("hostAliases")), SV("ip"), field, "hostAliases");
    warn_of_containers(call, spec, field);
}

/* A pod's name becomes a host name. */
static void warn_of_name(struct call *call, const struct cJSON *tree) {
    struct sv name = json_find_string(tree, "metadata.name");
    if (sv_find(name, '.') < name.len)
        answer_warning(call, SV("metadata.name: this is used in the Pod's hostname, which can "
                                "result in surprising behavior; a DNS label is recommended: [must "
                                "not contain dots]"));
}

/* --- other kinds --- */

/* Pods are called after it. */
static void warn_of_pods_names(struct call *call, const struct cJSON *tree) {
    static const struct sv kinds[] = {SV("Deployment"), SV("ReplicaSet"), SV("Job"), SV("CronJob"),
                                      SV("ReplicationController")};
    struct sv name = json_find_string(tree, "metadata.name");
    if (sv_index_of(call->type->resource.kind, kinds, COUNT_OF(kinds)) == COUNT_OF(kinds))
        return;
    const char *fault = sv_find(name, '.') < name.len ? "must not contain dots"
                        : name.len > 63               ? "must be no more than 63 characters"
                                                      : NULL;
    if (fault)
        answer_warning(call, arena_printf(call->arena,
                                          "metadata.name: this is used in Pod names and hostnames, "
                                          "which can result in surprising behavior; a DNS label is "
                                          "recommended: [%s]",
                                          fault));
}

/* Fields and annotations whose time has passed. */
static const struct {
    struct sv kind;
    const char *map, *key, *value; /* `value`: only when it is that; NULL: any */
    struct sv text;
} outdated[] = {
    {SV("PersistentVolume"), "spec", "persistentVolumeReclaimPolicy", "Recycle",
     SV("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, "
        "the recommended approach is to use dynamic provisioning.")},
    {SV("PersistentVolumeClaim"), "metadata.annotations", "volume.beta.kubernetes.io/storage-class",
     NULL,
     SV("metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "
        "\"storageClassName\" attribute instead")},
    {SV("Node"), "spec", "externalID", NULL,
     SV("spec.externalID: this field is deprecated, and is unused by Kubernetes")},
    {SV("Ingress"), "metadata.annotations", "kubernetes.io/ingress.class", NULL,
     SV("annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
        "'spec.ingressClassName' instead")},
};

static void warn_of_outdated(struct call *call, const struct cJSON *tree) {
    for (size_t i = 0; i < COUNT_OF(outdated); i++) {
        const struct cJSON *item =
            sv_eq(outdated[i].kind, call->type->resource.kind)
                ? json_get(json_find(tree, outdated[i].map), sv_from(outdated[i].key))
                : NULL;
        if (item && (!outdated[i].value || sv_eq(json_text(item), sv_from(outdated[i].value))))
            answer_warning(call, outdated[i].text);
    }
}

/* A certificate is PEM. */
static void warn_of_secret(struct call *call, const struct cJSON *tree) {
    struct sv bytes;
    if (!sv_eq(call->type->resource.kind, SV("Secret")) ||
        !sv_eq(json_find_string(tree, "type"), SV("kubernetes.io/tls")) ||
        !base64_decode(call->arena,
                       json_string_or(json_get(tree, SV("data")), SV("tls.crt"), SV("")), &bytes))
        return;
    if (!sv_contains(bytes, SV("-----BEGIN")))
        answer_warning(call, SV("tls: failed to find any PEM data in certificate input"));
}

/* --- finalizers of custom resources --- */

static void warn_of_finalizers(struct call *call, const struct cJSON *tree) {
    JSON_EACH (finalizer, json_find(tree, "metadata.finalizers")) {
        struct sv name = json_text(finalizer);
        static const struct sv standard[] = {SV("orphan"), SV("foregroundDeletion"),
                                             SV("kubernetes")};
        if (sv_find(name, '/') == name.len &&
            sv_index_of(name, standard, COUNT_OF(standard)) == COUNT_OF(standard))
            answer_warning(call, arena_printf(call->arena,
                                              "metadata.finalizers: \"%.*s\": prefer a "
                                              "domain-qualified finalizer name to avoid "
                                              "accidental conflicts with other finalizer "
                                              "writers",
                                              SV_ARG(name)));
    }
}

void warn_of_object(struct call *call, const struct cJSON *tree) {
    static const char *const paths[] = {"spec.template.spec", "spec.jobTemplate.spec.template.spec",
                                        "template.spec"};
    if (call->type->is_custom) {
        warn_of_finalizers(call, tree);
        return;
    }
    warn_of_pods_names(call, tree);
    warn_of_outdated(call, tree);
    warn_of_secret(call, tree);
    if (sv_eq(call->type->resource.kind, SV("Pod"))) {
        warn_of_name(call, tree);
        warn_of_annotations(call, tree);
        warn_of_pod_spec(call, json_get(tree, SV("spec")), "spec");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const struct cJSON *spec = json_find(tree, paths[i]);
        if (spec)
            warn_of_pod_spec(call, spec, paths[i]);
    }
}
