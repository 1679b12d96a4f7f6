/* SPDX-License-Identifier: Apache-2.0 */
/* Config maps, services and workloads, then volume and claim: everything that is created. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/gates.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/runtime_json.h"
#include "core/reconcile/validate.h"
#include "core/reconcile/write.h"

static const struct resource *const workload_kinds[] = {
    &RESOURCE_STATEFUL_SETS, &RESOURCE_DAEMON_SETS, &RESOURCE_DEPLOYMENTS};

/* Keeps the worst of what the writes of one gate answered. */
static void judge(struct pass *pass, enum gate_id gate, enum write_result result,
                  const struct cJSON *desired) {
    struct sv kind = json_find_string(desired, "kind"), name = object_name(desired);
    if (result == WRITE_FOREIGN)
        pass_stall(pass, gate, SV("ForeignObject"),
                   pass_printf(pass,
                               "%.*s \"%.*s\" exists and is not this runtime's: delete or rename "
                               "it, nothing of it was changed",
                               SV_ARG(kind), SV_ARG(name)));
    else if (result != WRITE_DONE && pass->plan->gates[gate].is_open)
        pass_close(pass, gate,
                   result == WRITE_TERMINATING ? SV("ObjectTerminating") : SV("ObjectsPending"),
                   pass_printf(pass, "waits for %.*s \"%.*s\" to be %s", SV_ARG(kind), SV_ARG(name),
                               result == WRITE_TERMINATING ? "gone" : "written"));
}

/* A workload of ours that the runtime no longer asks for, or of another kind than now. */
static bool remove_stale_workloads(struct pass *pass, const struct component *component) {
    bool is_in_the_way = false;
    for (size_t i = 0; i < COUNT_OF(workload_kinds); i++) {
        const struct resource *kind = workload_kinds[i];
        if (component->is_enabled && component->workload == kind)
            continue;
        const struct observed *observed = snapshot_find(
            pass->snapshot, kind, pass->snapshot->namespace_name, component->workload_name);
        if (observed->state != OBSERVED_PRESENT || !write_is_ours(pass, kind, observed->object))
            continue;
        is_in_the_way = true;
        if (!object_is_deleting(observed->object))
            write_delete(pass, kind, observed->object, SV("Foreground"), STEP_OBJECTS,
                         SV("WorkloadNotWanted"));
    }
    return is_in_the_way;
}

/* Workers leave from the highest ordinal, one at a time, the next when the last one is gone. */
static int64_t next_replicas(const struct component *component) {
    int64_t observed = json_find_int(component->observed, "spec.replicas", -1);
    if (component->type != COMPONENT_WORKER || !component_is_stateful_set(component) ||
        observed <= component->replicas)
        return component->replicas;
    bool is_settled = component->is_observed && component->existing <= observed;
    return is_settled ? observed - 1 : observed;
}

/* Fields of a StatefulSet that the API server never changes: it is made again around its pods. */
static bool must_be_made_again(const struct component *component, const struct cJSON *desired) {
    static const char *const fixed[] = {"spec.serviceName", "spec.podManagementPolicy",
                                        "spec.selector"};
    if (!component->observed || !component_is_stateful_set(component))
        return false;
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        const struct cJSON *old = json_find(component->observed, fixed[i]);
        const struct cJSON *new = json_find(desired, fixed[i]);
        bool is_unset = json_text(old).len == 0 && json_text(new).len == 0 && !json_is_map(old) &&
                        !json_is_map(new);
        if (!is_unset && !json_equal(old, new))
            return true;
    }
    return false;
}

static void write_workload(struct pass *pass, const struct component *component) {
    struct cJSON *desired = render_workload(pass, component, next_replicas(component));
    bool is_stale = remove_stale_workloads(pass, component);
    if (must_be_made_again(component, desired) &&
        write_is_ours(pass, component->workload, component->observed)) {
        if (!object_is_deleting(component->observed))
            write_delete(pass, component->workload, component->observed, SV("Orphan"), STEP_OBJECTS,
                         SV("ImmutableFieldChanged"));
        is_stale = true;
    }
    enum write_result result = is_stale
                                   ? WRITE_TERMINATING
                                   : write_object(pass, component->workload, desired, STEP_OBJECTS);
    judge(pass, GATE_OBJECTS, result, desired);
}

static void write_component(struct pass *pass, const struct component *component) {
    if (!component->is_enabled) {
        remove_stale_workloads(pass, component);
        return;
    }
    write_workload(pass, component);
    struct cJSON *services = render_services(pass, component);
    struct cJSON *next;
    for (struct cJSON *service = services->child; service; service = next) {
        next = service->next;
        json_detach(services, service);
        judge(pass, GATE_OBJECTS, write_object(pass, &RESOURCE_SERVICES, service, STEP_OBJECTS),
              service);
    }
}

static void write_config_maps(struct pass *pass) {
    struct cJSON *config_map = render_config_map(pass);
    judge(pass, GATE_OBJECTS, write_object(pass, &RESOURCE_CONFIG_MAPS, config_map, STEP_OBJECTS),
          config_map);
    JSON_EACH (declared, json_find(pass->snapshot->runtime_class, "extraResources.configMaps")) {
        if (json_find_string(declared, "name").len == 0)
            continue;
        struct cJSON *extra = render_extra_config_map(pass, declared);
        judge(pass, GATE_OBJECTS, write_shared(pass, extra), extra);
    }
}

static bool has_client(const struct pass *pass) {
    return pass->components[COMPONENT_CLIENT].is_enabled;
}

/* The names of the next gate are read along, which saves a round. */
static void read_volume_names(struct pass *pass) {
    const struct {
        const struct resource *resource;
        struct sv namespace_name, name;
    } names[] = {
        {&RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume},
        {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, pass->snapshot->namespace_name, pass->names.claim},
    };
    for (size_t i = 0; i < COUNT_OF(names) && has_client(pass); i++)
        if (snapshot_find(pass->snapshot, names[i].resource, names[i].namespace_name, names[i].name)
                ->state == OBSERVED_UNKNOWN)
            write_read(pass, names[i].resource, names[i].namespace_name, names[i].name);
}

void gate_objects(struct pass *pass) {
    runtime_json_render(pass);
    if (pass->runtime_json.len > RUNTIME_JSON_BYTES_MAX) {
        pass_stall(pass, GATE_OBJECTS, SV("LimitExceeded"),
                   pass_printf(pass, "runtime.json would have %zu bytes, more than the limit of %d",
                               pass->runtime_json.len, RUNTIME_JSON_BYTES_MAX));
        return;
    }
    pass_open(pass, GATE_OBJECTS);
    if (gate_is_paused(pass))
        return;
    write_config_maps(pass);
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        write_component(pass, &pass->components[i]);
    read_volume_names(pass);
}

static void write_one_volume(struct pass *pass, const struct resource *resource,
                             struct cJSON *desired) {
    bool is_outdated;
    judge(pass, GATE_VOLUME, write_volume(pass, resource, desired, &is_outdated), desired);
    if (is_outdated)
        pass->volume_is_outdated = true;
}

void gate_volume(struct pass *pass) {
    pass_open(pass, GATE_VOLUME);
    if (!has_client(pass) || gate_is_paused(pass))
        return;
    write_one_volume(pass, &RESOURCE_PERSISTENT_VOLUMES, render_volume(pass));
    write_one_volume(pass, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, render_claim(pass));
}
