/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/gates.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/pod_problem.h"
#include "core/reconcile/validate.h"
#include "core/reconcile/write.h"

bool gate_is_paused(const struct pass *pass) {
    return sv_eq(object_annotation(pass->snapshot->runtime, ANNOTATION_PAUSED), SV("true"));
}

/* A class may come later, unless none can have that name. */
static void close_for_class(struct pass *pass) {
    static const struct sv reason = SV("ClassNotFound");
    struct sv name = json_find_string(pass->snapshot->runtime, "spec.runtimeClassName");
    if (name.len == 0)
        pass_stall(pass, GATE_CLASS, reason,
                   SV("spec.runtimeClassName is empty: name a CacheRuntimeClass"));
    else if (!names_is_dns_subdomain(name))
        pass_stall(pass, GATE_CLASS, reason,
                   pass_printf(pass,
                               "spec.runtimeClassName is \"%.*s\", which no CacheRuntimeClass can "
                               "be called: small letters, digits, - and .",
                               SV_ARG(name)));
    else
        pass_close(
            pass, GATE_CLASS, reason,
            pass_printf(pass, "waits for CacheRuntimeClass \"%.*s\" to be created", SV_ARG(name)));
}

void gate_class(struct pass *pass) {
    struct finding finding;
    if (!pass->snapshot->runtime_class)
        close_for_class(pass);
    else if (!validate_runtime(pass, &finding) || !validate_class(pass, &finding) ||
             !validate_class_change(pass, &finding))
        pass_stall(pass, GATE_CLASS, finding.reason, finding.message);
    else
        pass_open(pass, GATE_CLASS);
}

/* The dataset's status names a runtime, and it is not this one. */
static bool is_bound_elsewhere(const struct pass *pass) {
    const struct cJSON *runtimes = json_find(pass->snapshot->dataset, "status.runtimes");
    JSON_EACH (runtime, runtimes)
        if (sv_eq(json_find_string(runtime, "name"), pass->snapshot->name) &&
            sv_eq(json_find_string(runtime, "namespace"), pass->snapshot->namespace_name) &&
            sv_eq(json_find_string(runtime, "category"), SV("Accelerate")))
            return false;
    return json_count(runtimes) > 0;
}

static int compare_age(const struct cJSON *a, const struct cJSON *b) {
    struct sv keys_a[] = {json_find_string(a, "metadata.creationTimestamp"), object_namespace(a),
                          object_name(a)};
    struct sv keys_b[] = {json_find_string(b, "metadata.creationTimestamp"), object_namespace(b),
                          object_name(b)};
    for (size_t i = 0; i < COUNT_OF(keys_a); i++) {
        int order = sv_compare(keys_a[i], keys_b[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

/* "a-b"/"c" and "a"/"b-c" derive the same keys: who has the volume keeps them, else the older. */
static const struct cJSON *stronger_rival(const struct pass *pass, const struct observed *volume) {
    bool has_volume = volume->state == OBSERVED_PRESENT;
    for (size_t i = 0; i < pass->snapshot->rival_count; i++) {
        const struct cJSON *rival = pass->snapshot->rivals[i];
        bool is_stronger = has_volume
                               ? sv_eq(json_find_string(volume->object, "spec.claimRef.namespace"),
                                       object_namespace(rival)) &&
                                     sv_eq(json_find_string(volume->object, "spec.claimRef.name"),
                                           object_name(rival))
                               : compare_age(rival, pass->snapshot->runtime) < 0;
        if (is_stronger)
            return rival;
    }
    return NULL;
}

static bool close_for_rival(struct pass *pass) {
    if (pass->snapshot->rival_count == 0)
        return false;
    const struct observed *volume =
        snapshot_find(pass->snapshot, &RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume);
    if (volume->state == OBSERVED_UNKNOWN) {
        write_read(pass, &RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume);
        pass_close(pass, GATE_DATASET, SV("NameNotReadYet"),
                   SV("waits to learn who has the persistent volume"));
        return true;
    }
    const struct cJSON *rival = stronger_rival(pass, volume);
    if (rival)
        pass_stall(pass, GATE_DATASET, SV("KeyConflict"),
                   pass_printf(pass,
                               "CacheRuntime %.*s/%.*s has the same generated names and came "
                               "first: rename one of the two",
                               SV_ARG(object_namespace(rival)), SV_ARG(object_name(rival))));
    return rival != NULL;
}

void gate_dataset(struct pass *pass) {
    struct finding finding;
    if (!pass->snapshot->dataset)
        pass_close(pass, GATE_DATASET, SV("DatasetNotFound"),
                   pass_printf(pass, "waits for Dataset \"%.*s\" to be created in namespace %.*s",
                               SV_ARG(pass->snapshot->name),
                               SV_ARG(pass->snapshot->namespace_name)));
    else if (object_is_deleting(pass->snapshot->dataset) && !pass->was_bound)
        pass_close(pass, GATE_DATASET, SV("DatasetDeleting"),
                   SV("waits for the Dataset, which is being deleted, to be made again"));
    else if (is_bound_elsewhere(pass))
        pass_stall(pass, GATE_DATASET, SV("DatasetBoundElsewhere"),
                   SV("the Dataset is already bound to another runtime: delete one of the two"));
    else if (!validate_dataset(pass, &finding))
        pass_stall(pass, GATE_DATASET, finding.reason, finding.message);
    else if (!close_for_rival(pass))
        pass_open(pass, GATE_DATASET);
}

static void close_for_pods(struct pass *pass, const struct component *component) {
    struct finding problem;
    if (component->is_foreign) {
        problem = write_foreign_finding(pass, component->workload->kind, component->workload_name);
        pass_close(pass, GATE_PODS, problem.reason, problem.message);
        return;
    }
    if (!component->is_observed) {
        pass_close(pass, GATE_PODS, SV("PodsNotReady"),
                   pass_printf(pass, "waits for %.*s \"%.*s\" to be seen by its controller",
                               SV_ARG(component->workload->kind),
                               SV_ARG(component->workload_name)));
        return;
    }
    struct sv message = pass_printf(pass, "waits for pods of the %.*s: %lld of %lld are ready",
                                    SV_ARG(component->text), (long long)component->ready,
                                    (long long)component->desired);
    if (pod_problem_find(pass, component, &problem))
        pass_close(pass, GATE_PODS, problem.reason,
                   pass_printf(pass, "%.*s; %.*s", SV_ARG(message), SV_ARG(problem.message)));
    else
        pass_close(pass, GATE_PODS, SV("PodsNotReady"), message);
}

void gate_pods(struct pass *pass) {
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        if (!component->is_enabled || component->is_ready_to_bind)
            continue;
        close_for_pods(pass, component);
        return;
    }
    pass_open(pass, GATE_PODS);
}
