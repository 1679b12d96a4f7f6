/* SPDX-License-Identifier: Apache-2.0 */
/* What built-in admission plugins and creation strategies set (apiserver-semantics.md §1.2). */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

/* --- namespaces --- */

static const struct resource_type *core_type(struct call *call, struct sv plural) {
    return registry_find(call->api->registry, SV(""), SV("v1"), plural);
}

static struct stored *find_core(struct call *call, struct sv plural, struct sv namespace_name,
                                struct sv name) {
    const struct resource_type *type = core_type(call, plural);
    return collection_get(store_collection(call->api->store, type->storage_key), namespace_name,
                          name);
}

bool admit_namespace(struct call *call) {
    struct sv name = call->request->namespace_name;
    if (!call->type->resource.is_namespaced)
        return true;
    if (name.len == 0)
        return refuse_bad_request(call, SV("an empty namespace may not be set during creation"));
    struct stored *found = find_core(call, SV("namespaces"), SV(""), name);
    if (!found)
        return refuse_not_found(call, core_type(call, SV("namespaces")), name);
    if (!object_is_deleting(stored_tree(found)))
        return true;
    struct cJSON *details = refuse_forbidden(
        call, json_find_string(call->request->body, "metadata.name"),
        arena_printf(call->arena,
                     "unable to create new content in namespace %.*s because it is being "
                     "terminated",
                     SV_ARG(name)));
    add_cause(call, details, SV("NamespaceTerminating"),
              arena_printf(call->arena, "namespace %.*s is being terminated", SV_ARG(name)),
              SV("metadata.namespace"));
    return false;
}

static bool admit_new_namespace(struct call *call, struct cJSON *tree) {
    json_set_string(call->arena,
                    json_ensure_map(call->arena, json_get(tree, SV("metadata")), SV("labels")),
                    SV("kubernetes.io/metadata.name"), object_name(tree));
    struct cJSON *finalizers = json_ensure_list(
        call->arena, json_ensure_map(call->arena, tree, SV("spec")), SV("finalizers"));
    if (!json_has_text(finalizers, SV("kubernetes")))
        json_append(finalizers, json_string(call->arena, SV("kubernetes")));
    return true;
}

/* --- pods --- */

static void add_default_toleration(struct call *call, struct cJSON *spec, struct sv key) {
    struct cJSON *tolerations = json_ensure_list(call->arena, spec, SV("tolerations"));
    JSON_EACH (toleration, tolerations) {
        struct sv given = json_string_or(toleration, SV("key"), SV(""));
        struct sv effect = json_string_or(toleration, SV("effect"), SV(""));
        bool is_for_key =
            sv_eq(given, key) ||
            (given.len == 0 && sv_eq(json_find_string(toleration, "operator"), SV("Exists")));
        if (is_for_key && (effect.len == 0 || sv_eq(effect, SV("NoExecute"))))
            return;
    }
    struct cJSON *toleration = json_map(call->arena);
    json_set_string(call->arena, toleration, SV("key"), key);
    json_set_string(call->arena, toleration, SV("operator"), SV("Exists"));
    json_set_string(call->arena, toleration, SV("effect"), SV("NoExecute"));
    json_set_int(call->arena, toleration, SV("tolerationSeconds"), 300);
    json_append(tolerations, toleration);
}

static void add_default_tolerations(struct call *call, struct cJSON *spec) {
    add_default_toleration(call, spec, SV("node.kubernetes.io/not-ready"));
    add_default_toleration(call, spec, SV("node.kubernetes.io/unreachable"));
}

struct sv quality_class(const struct cJSON *spec) {
    static const struct sv counted[] = {SV("cpu"), SV("memory")};
    bool has_any = false, is_guaranteed = true;
    JSON_EACH (container, json_get(spec, SV("containers"))) {
        const struct cJSON *requests = json_find(container, "resources.requests");
        const struct cJSON *limits = json_find(container, "resources.limits");
        for (size_t i = 0; i < COUNT_OF(counted); i++) {
            const struct cJSON *request = json_get(requests, counted[i]);
            const struct cJSON *limit = json_get(limits, counted[i]);
            has_any |= request != NULL || limit != NULL;
            is_guaranteed &= limit && request && json_equal(limit, request);
        }
    }
    return !has_any ? SV("BestEffort") : is_guaranteed ? SV("Guaranteed") : SV("Burstable");
}

static const char token_sources[] =
    "[{\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},{\"configMap\":{"
    "\"name\":\"kube-root-ca.crt\",\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}]}},{"
    "\"downwardAPI\":{\"items\":[{\"path\":\"namespace\",\"fieldRef\":{\"apiVersion\":\"v1\","
    "\"fieldPath\":\"metadata.namespace\"}}]}}]";
#define TOKEN_PATH SV("/var/run/secrets/kubernetes.io/serviceaccount")

static bool mounts_token(const struct cJSON *container) {
    JSON_EACH (mount, json_get(container, SV("volumeMounts")))
        if (sv_eq(json_find_string(mount, "mountPath"), TOKEN_PATH))
            return true;
    return false;
}

static void mount_token(struct call *call, struct cJSON *containers, struct sv volume) {
    JSON_EACH (container, containers) {
        if (mounts_token(container))
            continue;
        struct cJSON *mount = json_map(call->arena);
        json_set_string(call->arena, mount, SV("name"), volume);
        json_set_bool(call->arena, mount, SV("readOnly"), true);
        json_set_string(call->arena, mount, SV("mountPath"), TOKEN_PATH);
        json_append(json_ensure_list(call->arena, container, SV("volumeMounts")), mount);
    }
}

#define TOKEN_VOLUME_PREFIX SV("kube-api-access-")

/* SV("") when the pod has none. */
static struct sv find_token_volume(const struct cJSON *spec) {
    JSON_EACH (volume, json_get(spec, SV("volumes")))
        if (sv_starts_with(json_find_string(volume, "name"), TOKEN_VOLUME_PREFIX))
            return json_find_string(volume, "name");
    return SV("");
}

static struct sv add_token_volume(struct call *call, struct cJSON *spec) {
    static const char digits[] = "bcdfghjklmnpqrstvwxz2456789";
    char suffix[5];
    for (size_t i = 0; i < sizeof(suffix); i++)
        suffix[i] = digits[rng_below(call->name_rng, sizeof(digits) - 1)];
    struct sv name = arena_printf(call->arena, "%.*s%.*s", SV_ARG(TOKEN_VOLUME_PREFIX),
                                  (int)sizeof(suffix), suffix);
    struct error err = {0};
    struct cJSON *sources = json_read(call->arena, sv_from(token_sources), &err);
    assert(sources);
    struct cJSON *projected = json_map(call->arena);
    json_set(call->arena, projected, SV("sources"), sources);
    json_set_int(call->arena, projected, SV("defaultMode"), 420);
    struct cJSON *volume = json_map(call->arena);
    json_set_string(call->arena, volume, SV("name"), name);
    json_set(call->arena, volume, SV("projected"), projected);
    json_append(json_ensure_list(call->arena, spec, SV("volumes")), volume);
    return name;
}

/* Containers that a webhook added get it, too. */
static void give_token(struct call *call, struct cJSON *spec) {
    struct sv name = find_token_volume(spec);
    if (name.len == 0)
        name = add_token_volume(call, spec);
    mount_token(call, json_get(spec, SV("initContainers")), name);
    mount_token(call, json_get(spec, SV("containers")), name);
}

static bool admit_service_account(struct call *call, struct cJSON *tree, struct cJSON *spec) {
    struct sv name = json_string_or(spec, SV("serviceAccountName"), SV(""));
    if (name.len == 0)
        name = SV("default");
    json_set_string(call->arena, spec, SV("serviceAccountName"), name);
    json_set_string(call->arena, spec, SV("serviceAccount"), name);
    struct sv namespace_name = call->request->namespace_name;
    struct stored *account = find_core(call, SV("serviceaccounts"), namespace_name, name);
    if (!account) {
        refuse_forbidden(call, object_name(tree),
                         arena_printf(call->arena,
                                      "error looking up service account %.*s/%.*s: serviceaccount "
                                      "\"%.*s\" not found",
                                      SV_ARG(namespace_name), SV_ARG(name), SV_ARG(name)));
        return false;
    }
    bool is_mounted = json_bool_or(stored_tree(account), SV("automountServiceAccountToken"), true);
    if (json_bool_or(spec, SV("automountServiceAccountToken"), is_mounted))
        give_token(call, spec);
    return true;
}

static bool refuse_pod(struct call *call, const struct cJSON *pod, struct sv why) {
    refuse_forbidden(call, object_name(pod), why);
    return false;
}

static const struct cJSON *find_priority_class(struct call *call, struct sv name) {
    struct collection *classes =
        builtin_collection(call->api, SV("scheduling.k8s.io"), SV("priorityclasses"));
    struct position position = collection_seek(classes, SV(""), name);
    struct stored *stored;
    while ((stored = collection_at(classes, &position))) {
        const struct cJSON *tree = stored_tree(stored);
        position_advance(&position);
        if (name.len > 0)
            return sv_eq(stored->name, name) ? tree : NULL;
        if (json_bool_or(tree, SV("globalDefault"), false))
            return tree;
    }
    return NULL;
}

static bool admit_priority(struct call *call, const struct cJSON *pod, struct cJSON *spec) {
    struct sv name = json_string_or(spec, SV("priorityClassName"), SV(""));
    const struct cJSON *found = find_priority_class(call, name);
    if (!found && name.len > 0) {
        refuse_forbidden(
            call, object_name(pod),
            arena_printf(call->arena, "no PriorityClass with name %.*s was found", SV_ARG(name)));
        return false;
    }
    int64_t value = json_int_or(found, SV("value"), 0);
    struct sv policy = json_string_or(found, SV("preemptionPolicy"), SV("PreemptLowerPriority"));
    if (found && name.len == 0)
        json_set_string(call->arena, spec, SV("priorityClassName"), object_name(found));
    const struct cJSON *given = json_get(spec, SV("priority"));
    struct sv given_policy = json_find_string(spec, "preemptionPolicy");
    struct sv fault = SV("");
    if (given && json_int_or(spec, SV("priority"), value) != value)
        fault = arena_printf(call->arena,
                             "the integer value of priority (%.*s) must not be provided in pod "
                             "spec; priority admission controller computed %lld from the given "
                             "PriorityClass name",
                             SV_ARG(json_text(given)), (long long)value);
    else if (given_policy.len > 0 && !sv_eq(given_policy, policy))
        fault = arena_printf(call->arena,
                             "the string value of PreemptionPolicy (%.*s) must not be provided in "
                             "pod spec; priority admission controller computed %.*s from the given "
                             "PriorityClass name",
                             SV_ARG(given_policy), SV_ARG(policy));
    json_set_int(call->arena, spec, SV("priority"), value);
    json_set_string(call->arena, spec, SV("preemptionPolicy"), policy);
    return fault.len == 0 || refuse_pod(call, pod, fault);
}

/* --- runtime classes --- */

/* What a class costs each of its pods, and where it runs. */
static bool admit_runtime_class(struct call *call, const struct cJSON *pod, struct cJSON *spec) {
    struct sv name = json_find_string(spec, "runtimeClassName");
    const struct cJSON *given = json_get(spec, SV("overhead"));
    if (name.len == 0 && !given)
        return true;
    struct stored *stored = collection_get(
        builtin_collection(call->api, SV("node.k8s.io"), SV("runtimeclasses")), SV(""), name);
    const struct cJSON *overhead =
        stored ? json_find(stored_tree(stored), "overhead.podFixed") : NULL;
    if (name.len > 0 && !stored)
        return refuse_pod(call, pod,
                          arena_printf(call->arena, "pod rejected: RuntimeClass \"%.*s\" not found",
                                       SV_ARG(name)));
    if (given && !overhead)
        return refuse_pod(call, pod,
                          SV("pod rejected: Pod Overhead set without corresponding RuntimeClass "
                             "defined Overhead"));
    if (given && !json_equal(given, overhead))
        return refuse_pod(call, pod,
                          SV("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined "
                             "Overhead"));
    if (overhead)
        json_set(call->arena, spec, SV("overhead"), json_copy(call->arena, overhead));
    if (stored)
        JSON_EACH (label, json_find(stored_tree(stored), "scheduling.nodeSelector"))
            json_set_string(call->arena, json_ensure_map(call->arena, spec, SV("nodeSelector")),
                            json_key(label), json_text(label));
    return true;
}

/* A pod that waits for its gates says so from the start. */
static void tell_of_gates(struct call *call, const struct cJSON *spec, struct cJSON *status) {
    if (json_count(json_get(spec, SV("schedulingGates"))) == 0)
        return;
    struct cJSON *conditions = json_ensure_list(call->arena, status, SV("conditions"));
    struct cJSON *condition = json_append(conditions, json_map(call->arena));
    json_set(call->arena, condition, SV("lastProbeTime"), json_null(call->arena));
    json_set_string(call->arena, condition, SV("lastTransitionTime"),
                    api_time_format(call->now_ms, call->arena));
    json_set_string(call->arena, condition, SV("message"),
                    SV("Scheduling is blocked due to non-empty scheduling gates"));
    json_set_string(call->arena, condition, SV("reason"), SV("SchedulingGated"));
    json_set_string(call->arena, condition, SV("status"), SV("False"));
    json_set_string(call->arena, condition, SV("type"), SV("PodScheduled"));
}

static bool admit_pod(struct call *call, struct cJSON *tree) {
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    if (!admit_service_account(call, tree, spec))
        return false;
    add_default_tolerations(call, spec);
    if (!admit_priority(call, tree, spec) || !admit_runtime_class(call, tree, spec))
        return false;
    struct cJSON *status = json_ensure_map(call->arena, tree, SV("status"));
    json_set_string(call->arena, status, SV("phase"), SV("Pending"));
    json_set_string(call->arena, status, SV("qosClass"), quality_class(spec));
    tell_of_gates(call, spec, status);
    return true;
}

/* --- volumes, nodes, secrets, CRDs --- */

static void protect(struct call *call, struct cJSON *tree, struct sv finalizer) {
    if (!object_has_finalizer(tree, finalizer))
        json_append(json_ensure_list(call->arena, json_get(tree, SV("metadata")), SV("finalizers")),
                    json_string(call->arena, finalizer));
}

/* Since when a volume has its phase. */
static bool stamp_phase(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    struct cJSON *status = json_ensure_map(call->arena, tree, SV("status"));
    if (!old || !sv_eq(json_find_string(old, "status.phase"), json_find_string(status, "phase")))
        json_set_string(call->arena, status, SV("lastPhaseTransitionTime"),
                        api_time_format(call->now_ms, call->arena));
    return true;
}

static bool admit_volume(struct call *call, struct cJSON *tree) {
    protect(call, tree, SV("kubernetes.io/pv-protection"));
    return stamp_phase(call, NULL, tree);
}

/* A claim that names no class takes the default one, the newest when there are several. */
static void set_default_class(struct call *call, struct cJSON *spec) {
    struct collection *classes =
        builtin_collection(call->api, SV("storage.k8s.io"), SV("storageclasses"));
    struct position position = collection_seek(classes, SV(""), SV(""));
    struct sv chosen = SV(""), newest = SV("");
    struct stored *stored;
    while ((stored = collection_at(classes, &position))) {
        const struct cJSON *tree = stored_tree(stored);
        struct sv created = json_find_string(tree, "metadata.creationTimestamp");
        position_advance(&position);
        bool is_default = sv_eq(
            object_annotation(tree, SV("storageclass.kubernetes.io/is-default-class")), SV("true"));
        if (is_default && (chosen.len == 0 || sv_compare(created, newest) > 0)) {
            chosen = stored->name;
            newest = created;
        }
    }
    if (chosen.len > 0)
        json_set_string(call->arena, spec, SV("storageClassName"), chosen);
}

/* The old way to name a source of data and the new one say the same; in the old one only claims
 * and snapshots can be named. */
static void settle_source(struct call *call, struct cJSON *spec) {
    const struct cJSON *source = json_get(spec, SV("dataSource"));
    const struct cJSON *reference = json_get(spec, SV("dataSourceRef"));
    struct sv kind = json_find_string(source, "kind"), group = json_find_string(source, "apiGroup");
    bool is_claim = group.len == 0 && sv_eq(kind, SV("PersistentVolumeClaim"));
    bool is_snapshot =
        sv_eq(group, SV("snapshot.storage.k8s.io")) && sv_eq(kind, SV("VolumeSnapshot"));
    if (source && !is_claim && !is_snapshot) {
        json_remove(spec, SV("dataSource"));
        source = NULL;
    }
    if (source && !reference)
        json_set(call->arena, spec, SV("dataSourceRef"), json_copy(call->arena, source));
    else if (!source && reference && json_find_string(reference, "namespace").len == 0)
        json_set(call->arena, spec, SV("dataSource"), json_copy(call->arena, reference));
}

static bool admit_claim(struct call *call, struct cJSON *tree) {
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    settle_source(call, spec);
    protect(call, tree, SV("kubernetes.io/pvc-protection"));
    if (!json_get(spec, SV("storageClassName")))
        set_default_class(call, spec);
    return true;
}

/* New nodes take no pods until the node lifecycle controller has seen them Ready. */
static bool admit_node(struct call *call, struct cJSON *tree) {
    struct cJSON *taints =
        json_ensure_list(call->arena, json_ensure_map(call->arena, tree, SV("spec")), SV("taints"));
    JSON_EACH (taint, taints)
        if (sv_eq(json_find_string(taint, "key"), SV("node.kubernetes.io/not-ready")))
            return true;
    struct cJSON *taint = json_map(call->arena);
    json_set_string(call->arena, taint, SV("key"), SV("node.kubernetes.io/not-ready"));
    json_set_string(call->arena, taint, SV("effect"), SV("NoSchedule"));
    json_append(taints, taint);
    return true;
}

bool admit_secret(struct call *call, struct cJSON *tree) {
    struct cJSON *plain = json_remove(tree, SV("stringData"));
    if (json_count(plain) == 0)
        return true;
    struct json_index data =
        json_index_of(call->arena, json_ensure_map(call->arena, tree, SV("data")));
    JSON_EACH (entry, plain)
        json_index_set(&data, json_key(entry),
                       json_string(call->arena, base64_encode(call->arena, json_text(entry))));
    return true;
}

static const struct {
    struct sv kind;
    bool (*admit)(struct call *call, struct cJSON *tree);
} by_kind[] = {
    {SV("Namespace"), admit_new_namespace},
    {SV("Pod"), admit_pod},
    {SV("Service"), admit_service},
    {SV("PersistentVolume"), admit_volume},
    {SV("PersistentVolumeClaim"), admit_claim},
    {SV("Node"), admit_node},
    {SV("Secret"), admit_secret},
    {SV("CustomResourceDefinition"), admit_definition},
    {SV("ValidatingAdmissionPolicy"), admit_policy},
    {SV("CertificateSigningRequest"), admit_signing_request},
};

/* --- fields behind gates that are closed: taken, and forgotten --- */

static void drop_field(struct cJSON *map, struct sv key) {
    if (map && !json_is_borrowed(map)) /* what is borrowed went through this before */
        json_remove(map, key);
}

static void drop_container_fields(const struct cJSON *spec) {
    JSON_EACH (container, json_get(spec, SV("containers"))) {
        drop_field(container, SV("restartPolicy"));
        drop_field(container, SV("restartPolicyRules"));
    }
    JSON_EACH (container, json_get(spec, SV("initContainers"))) {
        if (!sv_eq(json_find_string(container, "restartPolicy"), SV("Always")))
            drop_field(container, SV("restartPolicy"));
        drop_field(container, SV("restartPolicyRules"));
    }
}

static void drop_gated_fields(const struct call *call, struct cJSON *tree) {
    static const char *const pods[] = {"spec", "spec.template.spec",
                                       "spec.jobTemplate.spec.template.spec", "template.spec"};
    struct cJSON *spec = json_get(tree, SV("spec"));
    if (call->type->is_custom)
        return;
    for (size_t i = 0; i < COUNT_OF(pods); i++)
        if (json_get(json_find(tree, pods[i]), SV("containers")))
            drop_container_fields(json_find(tree, pods[i]));
    if (sv_eq(call->type->resource.kind, SV("Lease"))) {
        drop_field(spec, SV("strategy"));
        drop_field(spec, SV("preferredHolder"));
    }
}

bool admit_create(struct call *call, struct cJSON *tree) {
    drop_gated_fields(call, tree);
    for (size_t i = 0; !call->type->is_custom && i < COUNT_OF(by_kind); i++)
        if (sv_eq(by_kind[i].kind, call->type->resource.kind))
            return by_kind[i].admit(call, tree);
    return true;
}

/* A daemon set counts its templates in an annotation that clients cannot set. */
static void count_template(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    static const struct sv key = SV("deprecated.daemonset.template.generation");
    int64_t generation = 1;
    bool is_same = json_equal(json_find(old, "spec.template"), json_find(tree, "spec.template"));
    sv_to_int64(object_annotation(old, key), &generation);
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    json_set_string(call->arena, json_ensure_map(call->arena, metadata, SV("annotations")), key,
                    arena_printf(call->arena, "%lld", (long long)generation + !is_same));
}

static bool admit_pod_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    (void)old;
    add_default_tolerations(call, json_ensure_map(call->arena, tree, SV("spec")));
    return true;
}

static bool admit_daemon_set_update(struct call *call, const struct cJSON *old,
                                    struct cJSON *tree) {
    count_template(call, old, tree);
    return true;
}

/* Those of a namespace's contents are for its subresource. */
static bool admit_namespace_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    const struct cJSON *finalizers = json_find(old, "spec.finalizers");
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    json_remove(spec, SV("finalizers"));
    if (finalizers)
        json_set(call->arena, spec, SV("finalizers"), json_copy(call->arena, finalizers));
    return true;
}

static bool admit_policy_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    (void)old;
    return admit_policy(call, tree);
}

static bool admit_secret_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    (void)old;
    return admit_secret(call, tree);
}

struct update_admission {
    struct sv kind;
    bool (*admit)(struct call *call, const struct cJSON *old, struct cJSON *tree);
};

static const struct update_admission updates_by_kind[] = {
    {SV("Namespace"), admit_namespace_update},
    {SV("Pod"), admit_pod_update},
    {SV("Service"), admit_service_update},
    {SV("DaemonSet"), admit_daemon_set_update},
    {SV("ValidatingAdmissionPolicy"), admit_policy_update},
    {SV("Secret"), admit_secret_update},
    {SV("CustomResourceDefinition"), admit_definition_update},
    {SV("CertificateSigningRequest"), admit_signing_update},
};

static const struct update_admission statuses_by_kind[] = {
    {SV("PersistentVolume"), stamp_phase},
    {SV("CertificateSigningRequest"), admit_signing_status},
};

bool admit_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    bool is_status = sv_eq(call->request->subresource, SV("status"));
    const struct update_admission *rows = is_status ? statuses_by_kind : updates_by_kind;
    size_t count = is_status ? COUNT_OF(statuses_by_kind) : COUNT_OF(updates_by_kind);
    if (!is_status)
        drop_gated_fields(call, tree);
    for (size_t i = 0; !call->type->is_custom && i < count; i++)
        if (sv_eq(rows[i].kind, call->type->resource.kind))
            return rows[i].admit(call, old, tree);
    return true;
}

/* Only what was provisioned by a class that says so can grow. */
bool admit_resize(struct call *call, const struct cJSON *old, const struct cJSON *tree) {
    static const char *const path = "spec.resources.requests.storage";
    struct quantity before, now;
    bool is_claim = !call->type->is_custom && call->request->subresource.len == 0 &&
                    sv_eq(call->type->resource.kind, SV("PersistentVolumeClaim"));
    if (!is_claim || !quantity_parse(json_find_string(old, path), &before) ||
        !quantity_parse(json_find_string(tree, path), &now) || quantity_compare(now, before) <= 0)
        return true;
    struct stored *class =
        collection_get(builtin_collection(call->api, SV("storage.k8s.io"), SV("storageclasses")),
                       SV(""), json_find_string(tree, "spec.storageClassName"));
    if (class && json_bool_or(stored_tree(class), SV("allowVolumeExpansion"), false))
        return true;
    refuse_forbidden(call, object_name(tree),
                     SV("only dynamically provisioned pvc can be resized and the storageclass that "
                        "provisions the pvc must support resize"));
    return false;
}
