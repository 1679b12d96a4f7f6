/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/component.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"

#define X(name, text) [COMPONENT_##name] = {text, sizeof(text) - 1},
static const struct sv component_texts[] = {COMPONENTS(X)};
#undef X

static const struct sv phase_texts[] = {
    [PHASE_NOT_READY] = {"NotReady", 8},
    [PHASE_PARTIAL_READY] = {"PartialReady", 12},
    [PHASE_READY] = {"Ready", 5},
};

struct sv component_phase_text(enum component_phase phase) {
    return phase_texts[phase];
}

bool component_is_stateful_set(const struct component *component) {
    return component->workload == &RESOURCE_STATEFUL_SETS ||
           component->workload == &RESOURCE_KRUISE_STATEFUL_SETS;
}

bool component_is_daemon_set(const struct component *component) {
    return component->workload == &RESOURCE_DAEMON_SETS;
}

bool component_is_scaling_in(const struct component *component) {
    return component->type == COMPONENT_WORKER && component_is_stateful_set(component) &&
           json_find_int(component->observed, "spec.replicas", -1) > component->replicas;
}

const struct cJSON *component_container(const struct component *component) {
    return json_at(json_find(component->class_part, "template.spec.containers"), 0);
}

const struct cJSON *component_entry(const struct component *component, enum execution_entry entry) {
    const struct cJSON *entries = json_get(component->class_part, SV("executionEntries"));
    const struct cJSON *found = json_get(entries, execution_entry_text(entry));
    return json_is_map(found) ? found : NULL;
}

struct sv component_update_type(const struct component *component) {
    struct sv given = json_find_string(component->class_part, "updateStrategy.type");
    if (given.len > 0)
        return given;
    return component->type == COMPONENT_CLIENT ? SV("OnDelete") : SV("RollingUpdate");
}

/* The user's choice over the class's over the default of the component. */
static const struct resource *workload_of(const struct component *component) {
    const struct cJSON *type = json_get(component->spec, SV("workloadType"));
    if (!json_is_map(type))
        type = json_get(component->class_part, SV("workloadType"));
    if (!json_is_map(type))
        return component->type == COMPONENT_CLIENT ? &RESOURCE_DAEMON_SETS
                                                   : &RESOURCE_STATEFUL_SETS;
    const struct resource *resource =
        resource_of_kind(json_find_string(type, "apiVersion"), json_find_string(type, "kind"));
    bool is_known = resource == &RESOURCE_STATEFUL_SETS || resource == &RESOURCE_DAEMON_SETS ||
                    resource == &RESOURCE_DEPLOYMENTS || resource == &RESOURCE_KRUISE_STATEFUL_SETS;
    return is_known ? resource : NULL;
}

static int64_t replicas_of(const struct component *component) {
    int64_t class_replicas = json_int_or(component->class_part, SV("replicas"), 1);
    return json_int_or(component->spec, SV("replicas"), class_replicas);
}

/* Upstream's `service.headless`, or the first entry of `services` without a name. */
static bool has_unnamed_service(const struct component *component) {
    JSON_EACH (service, json_get(component->class_part, SV("services")))
        if (json_find_string(service, "name").len == 0)
            return true;
    return json_find(component->class_part, "service.headless") != NULL;
}

static const struct cJSON *levels_of(const struct component *component) {
    if (component->type == COMPONENT_MASTER)
        return NULL;
    const struct cJSON *levels = json_find(component->spec, "tieredStore.levels");
    if (json_count(levels) == 0)
        levels = json_find(component->class_part, "tieredStore.levels");
    return json_is_list(levels) ? levels : NULL;
}

static void read_intent(struct component *component, const struct snapshot *snapshot,
                        struct arena *arena) {
    struct sv text = component->text;
    const struct cJSON *topology = json_get(snapshot->runtime_class, SV("topology"));
    const struct cJSON *spec = json_get(snapshot->runtime, SV("spec"));
    component->class_part = json_get(topology, text);
    component->spec = json_get(spec, text);
    component->is_enabled =
        json_is_map(component->class_part) && !json_bool_or(component->spec, SV("disabled"), false);
    component->levels = levels_of(component);
    component->workload = workload_of(component);
    component->workload_name = ARENA_JOIN(arena, snapshot->name, SV("-"), text);
    component->service_name =
        has_unnamed_service(component)
            ? ARENA_JOIN(arena, SV(NAME_PREFIX_SERVICE), component->workload_name)
            : SV("");
    component->has_replicas = !component_is_daemon_set(component);
    component->replicas = component->has_replicas ? replicas_of(component) : 0;
    component->is_always =
        component->type == COMPONENT_CLIENT &&
        sv_eq(json_find_string(component->class_part, "activation"), SV("Always"));
}

static int64_t max_int64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void read_daemon_set(struct component *component) {
    const struct cJSON *status = json_get(component->observed, SV("status"));
    component->desired = json_int_or(status, SV("desiredNumberScheduled"), 0);
    component->current = json_int_or(status, SV("currentNumberScheduled"), 0);
    component->available = json_int_or(status, SV("numberAvailable"), 0);
    component->unavailable = json_int_or(status, SV("numberUnavailable"), 0);
    component->ready = json_int_or(status, SV("numberReady"), 0);
    component->updated = json_int_or(status, SV("updatedNumberScheduled"), 0);
    component->existing = component->current;
}

static void read_replicated(struct component *component) {
    const struct cJSON *status = json_get(component->observed, SV("status"));
    component->desired = component->replicas;
    component->existing = json_int_or(status, SV("replicas"), 0);
    /* currentReplicas counts the pods of the old revision only: what exists is meant. */
    component->current = component->existing;
    component->available = json_int_or(status, SV("availableReplicas"), 0);
    component->unavailable = max_int64(0, component->current - component->available);
    component->ready = json_int_or(status, SV("readyReplicas"), 0);
    component->updated = json_int_or(status, SV("updatedReplicas"), 0);
}

/* No pod is as many as there shall be. Of clients by a DaemonSet there are none while no node fits,
 * or nobody mounts the volume: that is nobody's wish. */
static bool wants_none(const struct component *component) {
    return component->desired == 0 &&
           (component->type != COMPONENT_CLIENT || component->has_replicas);
}

static enum component_phase phase_of(const struct component *component) {
    bool is_whole = component->ready >= component->desired && component->desired > 0;
    if (component->type != COMPONENT_CLIENT && component->ready > component->desired)
        is_whole = false;
    if (wants_none(component) && component->ready == 0)
        return PHASE_READY;
    if (is_whole)
        return PHASE_READY;
    if (component->type == COMPONENT_MASTER || component->ready == 0)
        return PHASE_NOT_READY;
    return PHASE_PARTIAL_READY;
}

/* contract.md §4. Several masters need a majority, since they elect a leader. */
static bool is_ready_to_bind(const struct component *component) {
    if (!component->is_observed)
        return false;
    if (wants_none(component))
        return true;
    if (component->type == COMPONENT_MASTER)
        return component->ready > component->desired / 2;
    if (component->type == COMPONENT_WORKER || component->is_always)
        return component->ready > 0;
    return true; /* a client starts where a volume is mounted, after binding */
}

/* The revisions differ until the last pod of a rollout is ready. */
static bool has_two_revisions(const struct component *component) {
    struct sv current = json_find_string(component->observed, "status.currentRevision");
    struct sv update = json_find_string(component->observed, "status.updateRevision");
    return component_is_stateful_set(component) && current.len > 0 && update.len > 0 &&
           !sv_eq(current, update);
}

/* Pods of a StatefulSet that are on their way out, for ever on a node that is dead; a StatefulSet
 * goes on counting them. */
static int64_t count_leaving(const struct component *component, const struct snapshot *snapshot) {
    int64_t count = 0;
    for (size_t i = 0; i < snapshot->pod_count && component_is_stateful_set(component); i++)
        count +=
            object_is_deleting(snapshot->pods[i]) &&
            sv_eq(object_label(snapshot->pods[i], LABEL_COMPONENT_NAME), component->workload_name);
    return count;
}

/* Whether pods are left to change of those that are to change. */
static bool has_pods_to_change(const struct component *component, const struct snapshot *snapshot) {
    /* Pods below the partition keep what they run until somebody lowers it. */
    int64_t kept =
        json_find_int(component->observed, "spec.updateStrategy.rollingUpdate.partition", 0);
    if (has_two_revisions(component))
        return kept == 0 || component->updated < component->existing - kept;
    return component->updated < component->existing - kept - count_leaving(component, snapshot);
}

/* One of somebody else has our name, but its pods are none of ours. */
static bool is_ours(const struct observed *observed, const struct snapshot *snapshot) {
    const struct cJSON *owner = object_controller_owner(observed->object);
    return owner && sv_eq(json_find_string(owner, "uid"), object_uid(snapshot->runtime));
}

static void read_observed(struct component *component, const struct snapshot *snapshot) {
    const struct observed *observed = snapshot_find(
        snapshot, component->workload, snapshot->namespace_name, component->workload_name);
    bool is_present = observed->state == OBSERVED_PRESENT;
    component->is_foreign = is_present && !is_ours(observed, snapshot);
    component->observed = is_present && !component->is_foreign ? observed->object : NULL;
    component->is_observed =
        component->observed &&
        object_observed_generation(component->observed) >= object_generation(component->observed);
    if (component_is_daemon_set(component))
        read_daemon_set(component);
    else
        read_replicated(component);
    component->phase = phase_of(component);
    component->is_ready_to_bind = is_ready_to_bind(component);
    /* Pods that were taken over keep what they run, whatever the class says. */
    bool waits_for_deletion =
        sv_eq(json_find_string(component->observed, "spec.updateStrategy.type"), SV("OnDelete"));
    component->is_rolling = component->observed && !waits_for_deletion &&
                            sv_eq(component_update_type(component), SV("RollingUpdate")) &&
                            (!component->is_observed || has_pods_to_change(component, snapshot));
}

void components_init(struct component components[COMPONENT_COUNT], const struct snapshot *snapshot,
                     struct arena *arena) {
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        struct component *component = &components[i];
        *component = (struct component){.type = (enum component_type)i, .text = component_texts[i]};
        read_intent(component, snapshot, arena);
        if (component->is_enabled && component->workload)
            read_observed(component, snapshot);
    }
}

const struct resource *component_running_kind(const struct component *component,
                                              const struct snapshot *snapshot) {
    static const struct resource *const kinds[] = {&RESOURCE_STATEFUL_SETS, &RESOURCE_DAEMON_SETS,
                                                   &RESOURCE_DEPLOYMENTS,
                                                   &RESOURCE_KRUISE_STATEFUL_SETS};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct observed *observed =
            snapshot_find(snapshot, kinds[i], snapshot->namespace_name, component->workload_name);
        if (observed->state == OBSERVED_PRESENT && is_ours(observed, snapshot))
            return kinds[i];
    }
    return NULL;
}

void component_hold(struct component *component, const struct resource *running,
                    const struct snapshot *snapshot) {
    component->is_held = true;
    if (!component->is_enabled)
        return;
    component->workload = running;
    component->has_replicas = !component_is_daemon_set(component);
    component->replicas = component->has_replicas ? replicas_of(component) : 0;
    read_observed(component, snapshot);
}

void components_read_workloads(struct component components[COMPONENT_COUNT],
                               const struct snapshot *snapshot) {
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        struct component *component = &components[i];
        component->workload = component_running_kind(component, snapshot);
        component->is_enabled = component->workload != NULL;
        if (!component->is_enabled)
            continue;
        const struct observed *observed = snapshot_find(
            snapshot, component->workload, snapshot->namespace_name, component->workload_name);
        component->has_replicas = !component_is_daemon_set(component);
        component->is_kept = true;
        component->replicas =
            component->has_replicas ? json_find_int(observed->object, "spec.replicas", 1) : 0;
        read_observed(component, snapshot);
    }
}
