/* SPDX-License-Identifier: Apache-2.0 */
/* Config maps, services and workloads, then volume and claim: everything that is created. */
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/covers.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/gates.h"
#include "core/reconcile/object_rules.h"
#include "core/reconcile/objects_inputs.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/render.h"
#include "core/reconcile/runtime_json.h"
#include "core/reconcile/validate.h"
#include "core/reconcile/write.h"

static const struct resource *const workload_kinds[] = {
    &RESOURCE_STATEFUL_SETS, &RESOURCE_DAEMON_SETS, &RESOURCE_DEPLOYMENTS,
    &RESOURCE_KRUISE_STATEFUL_SETS, &RESOURCE_ADVANCED_STATEFUL_SETS};

static void stall_for_foreign(struct pass *pass, enum gate_id gate, struct sv kind,
                              struct sv name) {
    struct finding finding = write_foreign_finding(pass, kind, name);
    pass->has_foreign = true;
    pass_stall(pass, gate, finding.reason, finding.message);
}

/* Keeps the worst of what the writes of one gate answered. */
static void judge(struct pass *pass, enum gate_id gate, enum write_result result,
                  const struct cJSON *desired) {
    struct sv kind = json_find_string(desired, "kind"), name = object_name(desired);
    if (result == WRITE_FOREIGN)
        stall_for_foreign(pass, gate, kind, name);
    else if (result != WRITE_DONE && pass->plan->gates[gate].is_open)
        pass_close(pass, gate,
                   result == WRITE_TERMINATING ? SV("ObjectTerminating") : SV("ObjectsPending"),
                   pass_printf(pass, "waits for %.*s \"%.*s\" to be %s", SV_ARG(kind), SV_ARG(name),
                               result == WRITE_TERMINATING ? "gone" : "written"));
}

/* It was taken over, and is there again. */
static void stall_for_other_controller(struct pass *pass, const struct component *component) {
    pass_stall(pass, GATE_OBJECTS, SV("OtherController"),
               pass_printf(pass,
                           "another controller made AdvancedStatefulSet \"%.*s\" again after it "
                           "was taken over: stop that controller, then delete the object",
                           SV_ARG(component->workload_name)));
}

/* Whether the workload of another kind may go: not before the API server would take the new one,
 * or a kind that the cluster does not have would cost the cache. */
static bool may_be_replaced(struct pass *pass, const struct component *component,
                            struct cJSON *desired) {
    const struct observed *successor = snapshot_find(
        pass->snapshot, component->workload, object_namespace(desired), object_name(desired));
    switch (successor->state) {
    case OBSERVED_UNKNOWN:
        write_read(pass, component->workload, object_namespace(desired), object_name(desired));
        return false;
    case OBSERVED_ABSENT:
        write_trial(pass, component->workload, desired);
        return true;
    case OBSERVED_PRESENT:
        break;
    }
    if (write_is_ours(pass, component->workload, successor->object))
        return true;
    judge(pass, GATE_OBJECTS, WRITE_FOREIGN, desired);
    return false;
}

/* A workload of ours that the runtime no longer asks for, or of another kind than now. `desired`
 * is what it asks for instead, or NULL. */
static bool remove_stale_workloads(struct pass *pass, const struct component *component,
                                   struct cJSON *desired) {
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
        bool is_taken_over = kind == &RESOURCE_ADVANCED_STATEFUL_SETS && component->is_enabled &&
                             component_is_stateful_set(component);
        if (is_taken_over && component->observed)
            stall_for_other_controller(pass, component);
        else if (!object_is_deleting(observed->object) &&
                 (is_taken_over || !desired || may_be_replaced(pass, component, desired)))
            write_delete(pass, kind, observed->object,
                         is_taken_over ? SV("Orphan") : SV("Foreground"), STEP_OBJECTS,
                         is_taken_over ? SV("WorkloadTakenOver") : SV("WorkloadNotWanted"));
    }
    return is_in_the_way;
}

/* Workers leave from the highest ordinal, one at a time, the next when the last one is gone and
 * the cache says that it is ready without it. */
static int64_t next_replicas(struct pass *pass, const struct component *component) {
    int64_t observed = json_find_int(component->observed, "spec.replicas", -1);
    if (!component_is_scaling_in(component))
        return component->replicas;
    bool is_settled = component->is_observed && component->existing <= observed;
    bool is_ready = !pass->was_bound || entry_check_holds(pass, entry_size(pass));
    return is_settled && is_ready ? observed - 1 : observed;
}

/* Fields that the API server never changes: the workload is made again around its pods. */
static const struct {
    const struct resource *resource;
    const char *path;
} fixed_fields[] = {
    {&RESOURCE_STATEFUL_SETS, "spec.serviceName"},
    {&RESOURCE_STATEFUL_SETS, "spec.podManagementPolicy"},
    {&RESOURCE_STATEFUL_SETS, "spec.selector"},
    {&RESOURCE_KRUISE_STATEFUL_SETS, "spec.serviceName"},
    {&RESOURCE_KRUISE_STATEFUL_SETS, "spec.podManagementPolicy"},
    {&RESOURCE_KRUISE_STATEFUL_SETS, "spec.selector"},
    {&RESOURCE_DAEMON_SETS, "spec.selector"},
    {&RESOURCE_DEPLOYMENTS, "spec.selector"},
};

static bool is_unset(const struct cJSON *item) {
    return json_text(item).len == 0 && !json_is_map(item);
}

static bool must_be_made_again(const struct component *component, const struct cJSON *desired) {
    for (size_t i = 0; i < COUNT_OF(fixed_fields) && component->observed; i++) {
        const struct cJSON *old = json_find(component->observed, fixed_fields[i].path);
        const struct cJSON *new = json_find(desired, fixed_fields[i].path);
        if (resource_eq(fixed_fields[i].resource, component->workload) &&
            !(is_unset(old) && is_unset(new)) && !json_equal(old, new))
            return true;
    }
    return false;
}

/* Until it is made again, it is asked for as it is. */
static void keep_fixed_fields(struct pass *pass, const struct component *component,
                              struct cJSON *desired) {
    struct cJSON *spec = json_get(desired, SV("spec"));
    for (size_t i = 0; i < COUNT_OF(fixed_fields); i++) {
        const struct cJSON *old = json_find(component->observed, fixed_fields[i].path);
        struct sv key = sv_drop(sv_from(fixed_fields[i].path), strlen("spec."));
        if (!resource_eq(fixed_fields[i].resource, component->workload))
            continue;
        if (old)
            json_set(pass->arena, spec, key, json_copy(pass->arena, old));
        else
            json_remove(spec, key);
    }
}

static bool has_advanced_pods(const struct pass *pass, const struct component *component) {
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        if (sv_eq(object_label(pod, LABEL_COMPONENT_NAME), component->workload_name) &&
            object_label(pod, LABEL_ADVANCED_POD).len > 0 && !object_is_deleting(pod))
            return true;
    }
    return false;
}

/* Pods of an AdvancedStatefulSet that was taken over have revisions of another kind, so that
 * every one would be replaced. They stay until the template changes. */
static void keep_adopted_pods(struct pass *pass, const struct component *component,
                              struct cJSON *desired) {
    struct sv template = object_annotation(desired, ANNOTATION_TEMPLATE);
    struct sv adopted = object_annotation(component->observed, ANNOTATION_ADOPTED);
    if (!component->observed && component_is_stateful_set(component) &&
        has_advanced_pods(pass, component))
        adopted = template;
    if (adopted.len == 0)
        return;
    object_set_annotation(pass->arena, desired, ANNOTATION_ADOPTED, adopted);
    if (!sv_eq(adopted, template))
        return;
    struct cJSON *strategy = json_map(pass->arena);
    json_set_string(pass->arena, strategy, SV("type"), SV("OnDelete"));
    json_set(pass->arena, json_get(desired, SV("spec")), SV("updateStrategy"), strategy);
}

/* Marks the workload with what the class asks for, which is worked out only where the template
 * changes: a workload that nothing is known of is read first, and not written. */
static void set_base(struct pass *pass, const struct component *component, struct cJSON *desired) {
    const struct cJSON *observed = component->observed;
    const struct observed *known = snapshot_find(pass->snapshot, component->workload,
                                                 object_namespace(desired), object_name(desired));
    if (!observed && known->state == OBSERVED_UNKNOWN)
        return;
    struct sv base = object_annotation(observed, ANNOTATION_BASE);
    bool is_same = sv_eq(object_annotation(observed, ANNOTATION_TEMPLATE),
                         object_annotation(desired, ANNOTATION_TEMPLATE));
    if (base.len == 0 || !is_same)
        base = render_base_hash(pass, component->type);
    object_set_annotation(pass->arena, desired, ANNOTATION_BASE, base);
}

/* The template differs, and by something that the user of this runtime did not do. */
static bool waits_for_rollout(const struct pass *pass, const struct component *component,
                              const struct cJSON *desired) {
    const struct cJSON *observed = component->observed;
    struct sv template = object_annotation(observed, ANNOTATION_TEMPLATE);
    if (!observed || pass->snapshot->may_roll ||
        !write_is_ours(pass, component->workload, observed) ||
        sv_eq(template, object_annotation(desired, ANNOTATION_TEMPLATE)))
        return false;
    if (template.len > 0)
        return !sv_eq(object_annotation(observed, ANNOTATION_BASE),
                      object_annotation(desired, ANNOTATION_BASE));
    return !covers(json_find(observed, "spec.template"), json_find(desired, "spec.template"), NULL,
                   NULL);
}

/* The class takes the workload away or makes it one of another kind, which takes its pods along.
 * The marks of the workload tell such an edit from one of the runtime. */
static bool is_taken_by_class(struct pass *pass, const struct component *component,
                              const struct resource *running) {
    const struct observed *observed = snapshot_find(
        pass->snapshot, running, pass->snapshot->namespace_name, component->workload_name);
    if (!component->is_enabled)
        return !json_bool_or(component->spec, SV("disabled"), false);
    return running != component->workload &&
           !json_is_map(json_get(component->spec, SV("workloadType"))) &&
           !sv_eq(object_annotation(observed->object, ANNOTATION_BASE),
                  render_base_hash(pass, component->type));
}

void gate_hold_workloads(struct pass *pass) {
    for (size_t i = 0; i < COMPONENT_COUNT && !pass->snapshot->may_roll; i++) {
        struct component *component = &pass->components[i];
        if (component->observed)
            continue;
        const struct resource *running = component_running_kind(component, pass->snapshot);
        if (running && is_taken_by_class(pass, component, running))
            component_hold(component, running, pass->snapshot);
    }
}

/* Everything but the template is as it should be; the marks of the template go with it. */
static bool rest_is_covered(struct pass *pass, const struct cJSON *observed,
                            const struct cJSON *desired) {
    struct cJSON *rest = json_copy(pass->arena, desired);
    json_remove(json_get(rest, SV("spec")), SV("template"));
    json_remove(json_get(rest, SV("metadata")), SV("annotations"));
    return covers(observed, rest, NULL, NULL);
}

static enum write_result write_without_template(struct pass *pass,
                                                const struct component *component,
                                                struct cJSON *desired) {
    const struct sv marks[] = {ANNOTATION_TEMPLATE, ANNOTATION_BASE};
    pass->is_held = true;
    if (object_is_deleting(component->observed))
        return WRITE_TERMINATING;
    keep_fixed_fields(pass, component, desired);
    if (rest_is_covered(pass, component->observed, desired))
        return WRITE_DONE;
    json_set(pass->arena, json_get(desired, SV("spec")), SV("template"),
             json_copy(pass->arena, json_find(component->observed, "spec.template")));
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        object_set_annotation(pass->arena, desired, marks[i],
                              object_annotation(component->observed, marks[i]));
    return write_object(pass, component->workload, desired, STEP_OBJECTS);
}

static void write_workload(struct pass *pass, const struct component *component) {
    struct cJSON *desired = render_workload(pass, component, next_replicas(pass, component));
    bool is_stale = remove_stale_workloads(pass, component, desired);
    keep_adopted_pods(pass, component, desired);
    set_base(pass, component, desired);
    bool is_held = waits_for_rollout(pass, component, desired);
    if (!is_held && must_be_made_again(component, desired) &&
        write_is_ours(pass, component->workload, component->observed)) {
        if (!object_is_deleting(component->observed))
            write_delete(pass, component->workload, component->observed, SV("Orphan"), STEP_OBJECTS,
                         SV("ImmutableFieldChanged"));
        is_stale = true;
    }
    enum write_result result = WRITE_TERMINATING;
    if (!is_stale && is_held)
        result = write_without_template(pass, component, desired);
    else if (!is_stale)
        result = write_object(pass, component->workload, desired, STEP_OBJECTS);
    judge(pass, GATE_OBJECTS, result, desired);
}

/* A service is headless for life. */
static bool changes_headlessness(const struct cJSON *observed, const struct cJSON *desired) {
    struct sv none = SV("None");
    struct sv old = json_find_string(observed, "spec.clusterIP");
    return old.len > 0 &&
           sv_eq(old, none) != sv_eq(json_find_string(desired, "spec.clusterIP"), none);
}

static bool has_port(const struct cJSON *ports, const struct cJSON *wanted) {
    struct sv protocol = json_string_or(wanted, SV("protocol"), SV("TCP"));
    JSON_EACH (port, ports)
        if (json_int_or(port, SV("port"), 0) == json_int_or(wanted, SV("port"), 0) &&
            sv_eq(json_string_or(port, SV("protocol"), SV("TCP")), protocol))
            return true;
    return false;
}

/* An apply leaves alone what others have added to the list, so that it is taken out one by one,
 * the last first, since each shifts those behind it. */
static bool remove_other_ports(struct pass *pass, const struct cJSON *observed,
                               const struct cJSON *desired) {
    const struct cJSON *ports = json_find(observed, "spec.ports");
    struct action *action = NULL;
    for (size_t i = json_count(ports); i > 0; i--) {
        if (has_port(json_find(desired, "spec.ports"), json_at(ports, i - 1)))
            continue;
        if (!action) {
            action = write_json_patch(pass, &RESOURCE_SERVICES, observed, STEP_OBJECTS,
                                      SV("ObjectDiffers"),
                                      pass_printf(pass, "Remove ports of others from Service %.*s",
                                                  SV_ARG(object_name(observed))));
            write_operation(pass, action, SV("test"), SV("/metadata/resourceVersion"),
                            json_string(pass->arena, object_resource_version(observed)));
        }
        write_operation(pass, action, SV("remove"), pass_printf(pass, "/spec/ports/%zu", i - 1),
                        NULL);
    }
    return action != NULL;
}

static void write_service(struct pass *pass, struct cJSON *desired) {
    const struct observed *observed = snapshot_find(
        pass->snapshot, &RESOURCE_SERVICES, object_namespace(desired), object_name(desired));
    bool is_present = observed->state == OBSERVED_PRESENT &&
                      write_is_ours(pass, &RESOURCE_SERVICES, observed->object);
    enum write_result result = WRITE_TERMINATING;
    if (!is_present || !changes_headlessness(observed->object, desired))
        result = write_object(pass, &RESOURCE_SERVICES, desired, STEP_OBJECTS);
    else if (!object_is_deleting(observed->object))
        write_delete(pass, &RESOURCE_SERVICES, observed->object, SV("Background"), STEP_OBJECTS,
                     SV("ImmutableFieldChanged"));
    if (result == WRITE_DONE && remove_other_ports(pass, observed->object, desired))
        result = WRITE_PENDING;
    judge(pass, GATE_OBJECTS, result, desired);
}

static bool is_rendered(const struct cJSON *services, struct sv name) {
    JSON_EACH (service, services)
        if (sv_eq(object_name(service), name))
            return true;
    return false;
}

/* Services of ours that the component no longer asks for. One that its workload still names stays,
 * as do all while a rollout is held: the pods that run were told of it. */
static void remove_stale_services(struct pass *pass, const struct component *component,
                                  const struct cJSON *services) {
    struct sv named = json_find_string(component->observed, "spec.serviceName");
    for (size_t i = 0; i < pass->snapshot->object_count && !pass->is_held; i++) {
        const struct observed *observed = &pass->snapshot->objects[i];
        const struct cJSON *service = observed->object;
        if (!resource_eq(observed->resource, &RESOURCE_SERVICES) ||
            observed->state != OBSERVED_PRESENT ||
            !sv_eq(object_label(service, LABEL_COMPONENT_NAME), component->workload_name) ||
            is_rendered(services, observed->name) || sv_eq(observed->name, named) ||
            object_is_deleting(service) || !write_is_ours(pass, &RESOURCE_SERVICES, service))
            continue;
        write_delete(pass, &RESOURCE_SERVICES, service, SV("Background"), STEP_OBJECTS,
                     SV("ServiceNotWanted"));
    }
}

static void write_component(struct pass *pass, const struct component *component) {
    pass->is_held = pass->is_held || component->is_held;
    if (!component->is_enabled && component->is_held)
        return;
    if (!component->is_enabled) {
        /* Pods that end still look for each other. */
        if (!remove_stale_workloads(pass, component, NULL))
            remove_stale_services(pass, component, NULL);
        return;
    }
    write_workload(pass, component);
    struct cJSON *services = render_services(pass, component);
    remove_stale_services(pass, component, services);
    struct cJSON *next;
    for (struct cJSON *service = services->child; service; service = next) {
        next = service->next;
        json_detach(services, service);
        write_service(pass, service);
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

static const struct observed *find_volume(const struct pass *pass) {
    return snapshot_find(pass->snapshot, &RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume);
}

static const struct observed *find_claim(const struct pass *pass) {
    return snapshot_find(pass->snapshot, &RESOURCE_PERSISTENT_VOLUME_CLAIMS,
                         pass->snapshot->namespace_name, pass->names.claim);
}

static bool has_ours(const struct pass *pass, const struct observed *observed) {
    return observed->state == OBSERVED_PRESENT &&
           write_is_ours(pass, observed->resource, observed->object);
}

/* The names of the next gate are read along, which saves a round. */
static void read_volume_names(struct pass *pass) {
    if (!has_client(pass))
        return;
    if (find_volume(pass)->state == OBSERVED_UNKNOWN)
        write_read(pass, &RESOURCE_PERSISTENT_VOLUMES, SV(""), pass->names.volume);
    if (find_claim(pass)->state == OBSERVED_UNKNOWN)
        write_read(pass, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, pass->snapshot->namespace_name,
                   pass->names.claim);
}

/* A volume or claim of somebody else would only be met by a gate that comes later. */
static void refuse_foreign_volume(struct pass *pass) {
    const struct observed *const needed[] = {find_volume(pass), find_claim(pass)};
    for (size_t i = 0; i < COUNT_OF(needed) && has_client(pass); i++)
        if (needed[i]->state == OBSERVED_PRESENT && !has_ours(pass, needed[i]))
            stall_for_foreign(pass, GATE_OBJECTS, needed[i]->resource->kind, needed[i]->name);
}

/* What could never serve is not begun: of a runtime that lacks one name, or does not know yet
 * whether it has all, nothing is made. */
static bool may_create(const struct pass *pass, size_t first) {
    for (size_t i = first; i < pass->plan->action_count; i++)
        if (pass->plan->actions[i].type == ACTION_GET)
            return false;
    return !pass->has_foreign;
}

/* Before the first creation. */
static void try_creation(struct pass *pass, size_t index) {
    const struct action *creation = &pass->plan->actions[index];
    write_trial(pass, creation->resource, creation->body)->must_create = true;
}

static bool refuse_creation(struct pass *pass, enum gate_id gate, const struct cJSON *object,
                            struct sv problem) {
    pass_stall(pass, gate, SV("InvalidObject"),
               pass_printf(pass, "%.*s \"%.*s\": %.*s", SV_ARG(json_find_string(object, "kind")),
                           SV_ARG(object_name(object)), SV_ARG(problem)));
    return false;
}

/* Whether the API server would take volume and claim as they are asked for. */
static bool admit_volume(struct pass *pass, enum gate_id gate) {
    const struct cJSON *const objects[] = {render_volume(pass), render_claim(pass)};
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        struct sv problem;
        if (object_rules_judge(pass->arena, objects[i], &problem) == OBJECT_REFUSED)
            return refuse_creation(pass, gate, objects[i], problem);
    }
    return true;
}

/* Of what the API server refuses a part, none is made, volume and claim included, which only come
 * when the cache answers: what it would say is known ahead, or asked for. */
static bool admit_creations(struct pass *pass, size_t first) {
    bool creates_some = false;
    for (size_t i = first, end = pass->plan->action_count; i < end; i++) {
        const struct action *action = &pass->plan->actions[i];
        struct sv problem;
        if (!action->must_create)
            continue;
        creates_some = true;
        enum object_verdict verdict = object_rules_judge(pass->arena, action->body, &problem);
        if (verdict == OBJECT_REFUSED)
            return refuse_creation(pass, GATE_OBJECTS, action->body, problem);
        if (verdict == OBJECT_UNSURE)
            try_creation(pass, i);
    }
    return !creates_some || !has_client(pass) || admit_volume(pass, GATE_OBJECTS);
}

static void drop_creations(struct pass *pass, size_t first) {
    struct plan *plan = pass->plan;
    size_t kept = first;
    for (size_t i = first; i < plan->action_count; i++)
        if (!plan->actions[i].must_create)
            plan->actions[kept++] = plan->actions[i];
    plan->action_count = kept;
}

static bool is_workload(const struct resource *resource) {
    for (size_t i = 0; i < COUNT_OF(workload_kinds); i++)
        if (workload_kinds[i] == resource)
            return true;
    return false;
}

/* One event for all, since each is a request, and users wait for them together. */
static void tell_creations(struct pass *pass, size_t first) {
    struct sv created = SV("");
    for (size_t i = first; i < pass->plan->action_count; i++) {
        const struct action *action = &pass->plan->actions[i];
        if (action->type == ACTION_APPLY && action->must_create && is_workload(action->resource))
            created = pass_printf(pass, "%.*s%s%.*s %.*s", SV_ARG(created),
                                  created.len > 0 ? ", " : "created ",
                                  SV_ARG(action->resource->kind), SV_ARG(action->name));
    }
    if (created.len > 0)
        pass_event(pass, EVENT_NORMAL, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime,
                   SV("WorkloadCreated"), created);
}

static void write_all(struct pass *pass) {
    write_config_maps(pass);
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        write_component(pass, &pass->components[i]);
}

/* What was as it should be, and is worked out from the same, still is. */
static void write_what_may_differ(struct pass *pass) {
    int64_t replicas[COMPONENT_COUNT];
    size_t action_count = pass->plan->action_count;
    for (size_t i = 0; i < COMPONENT_COUNT; i++)
        replicas[i] = next_replicas(pass, &pass->components[i]);
    uint64_t inputs = objects_inputs(pass, replicas);
    if (inputs != pass->snapshot->settled_inputs)
        write_all(pass);
    bool is_settled = pass->plan->gates[GATE_OBJECTS].is_open &&
                      pass->plan->action_count == action_count && !pass->is_held &&
                      pass->drift.message.len == 0;
    pass->plan->settled_inputs = is_settled ? inputs : 0;
}

bool gate_configuration(struct pass *pass) {
    runtime_json_render(pass);
    if (pass->runtime_json_bytes <= RUNTIME_JSON_BYTES_MAX)
        return true;
    pass_stall(pass, GATE_OBJECTS, SV("LimitExceeded"),
               pass_printf(pass,
                           "runtime.json would have at least %zu bytes, more than the limit of %d",
                           pass->runtime_json_bytes, RUNTIME_JSON_BYTES_MAX));
    return false;
}

void gate_objects(struct pass *pass) {
    pass_open(pass, GATE_OBJECTS);
    if (gate_is_paused(pass))
        return;
    size_t first = pass->plan->action_count;
    write_what_may_differ(pass);
    read_volume_names(pass);
    if (!pass->was_bound)
        refuse_foreign_volume(pass);
    if (!pass->was_bound && !(may_create(pass, first) && admit_creations(pass, first)))
        drop_creations(pass, first);
    tell_creations(pass, first);
}

/* The volume of a claim that was deleted is Released, and binds to no claim of the same name while
 * it remembers the old one's uid. */
static void forget_old_claim(struct pass *pass, const struct cJSON *volume) {
    struct sv uid = json_find_string(volume, "spec.claimRef.uid");
    if (!sv_eq(json_find_string(volume, "status.phase"), SV("Released")) || uid.len == 0 ||
        object_is_deleting(volume))
        return;
    struct action *action = write_json_patch(
        pass, &RESOURCE_PERSISTENT_VOLUMES, volume, STEP_VOLUME, SV("VolumeReleased"),
        pass_printf(pass, "Free PersistentVolume %.*s for the next claim",
                    SV_ARG(object_name(volume))));
    write_operation(pass, action, SV("test"), SV("/spec/claimRef/uid"),
                    json_string(pass->arena, uid));
    write_operation(pass, action, SV("remove"), SV("/spec/claimRef/uid"), NULL);
}

static bool is_claim_free(const struct pass *pass) {
    const struct observed *claim = find_claim(pass);
    if (claim->state == OBSERVED_ABSENT)
        return true;
    return claim->state == OBSERVED_PRESENT && pass->snapshot->claim_pods_are_listed &&
           !snapshot_claim_user(pass->snapshot);
}

/* The claim first, then its volume; both are made again when they are gone. One of them is ours. */
static void remove_outdated(struct pass *pass) {
    const struct observed *claim = find_claim(pass), *volume = find_volume(pass);
    const struct observed *next = has_ours(pass, claim) ? claim : volume;
    pass_close(pass, GATE_VOLUME, SV("VolumeTerminating"),
               SV("waits for the outdated volume and claim to be gone"));
    if (!object_is_deleting(next->object))
        write_delete(pass, next->resource, next->object, SV("Background"), STEP_VOLUME,
                     SV("VolumeOutdated"));
}

/* A client was disabled: what applications mounted by it goes when the last one has gone. */
static void remove_unserved(struct pass *pass) {
    const struct observed *claim = find_claim(pass);
    pass->volume_is_outdated = has_ours(pass, claim) || has_ours(pass, find_volume(pass));
    if (!pass->volume_is_outdated || gate_is_paused(pass))
        return;
    if (claim->state == OBSERVED_UNKNOWN)
        write_read(pass, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, pass->snapshot->namespace_name,
                   pass->names.claim);
    else if (is_claim_free(pass))
        remove_outdated(pass);
}

/* No pod with a claim starts before the claim is bound to its volume. The cluster does that when it
 * gets to it, in moments or at its next look at all claims, and starts such pods by itself then:
 * the dataset does not wait for it. */
static bool is_claim_lacking(const struct pass *pass) {
    const struct observed *claim = find_claim(pass);
    struct sv phase = json_find_string(claim->object, "status.phase");
    return claim->state == OBSERVED_ABSENT ||
           (claim->state == OBSERVED_PRESENT && phase.len > 0 && !sv_eq(phase, SV("Bound")));
}

/* Kubernetes binds a claim when it first looks at it, or at its next look at all claims, a quarter
 * of a minute later, for which pods would wait. Where both come together it is mostly the latter.
 * So the first claim comes when whoever binds knows its volume, which the volume's phase shows. */
static bool is_volume_unnoticed(const struct pass *pass) {
    return !pass->was_bound && find_claim(pass)->state == OBSERVED_ABSENT &&
           !object_volume_is_noticed(find_volume(pass)->object);
}

static void write_volume_and_claim(struct pass *pass, struct cJSON *volume, struct cJSON *claim) {
    const struct observed *known = find_claim(pass);
    /* Nobody could mount a volume whose claim is somebody else's. */
    if (known->state == OBSERVED_PRESENT && !has_ours(pass, known)) {
        judge(pass, GATE_VOLUME, WRITE_FOREIGN, claim);
        return;
    }
    enum write_result result = write_volume(pass, &RESOURCE_PERSISTENT_VOLUMES, volume);
    judge(pass, GATE_VOLUME, result, volume);
    /* A claim could only bind to a volume of somebody else, or to one that is about to go. */
    if (result == WRITE_FOREIGN || result == WRITE_TERMINATING ||
        find_volume(pass)->state == OBSERVED_UNKNOWN)
        return;
    if (is_volume_unnoticed(pass)) {
        if (pass->plan->gates[GATE_VOLUME].is_open)
            pass_close(pass, GATE_VOLUME, SV("ObjectsPending"),
                       pass_printf(pass, "waits for PersistentVolume \"%.*s\" to be available",
                                   SV_ARG(object_name(volume))));
        return;
    }
    judge(pass, GATE_VOLUME, write_volume(pass, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, claim), claim);
    if (has_ours(pass, find_volume(pass)))
        forget_old_claim(pass, find_volume(pass)->object);
}

static bool is_leaving(const struct pass *pass, const struct observed *observed) {
    return has_ours(pass, observed) && object_is_deleting(observed->object);
}

/* A volume that was deleted stays as long as its claim does, and a claim as long as a pod uses it.
 * What is free goes by itself in moments. */
static bool is_deleted_and_held(const struct pass *pass) {
    const struct observed *claim = find_claim(pass);
    bool is_used = pass->snapshot->claim_pods_are_listed && snapshot_claim_user(pass->snapshot);
    bool holds_volume = has_ours(pass, claim) && !object_is_deleting(claim->object);
    return (is_leaving(pass, find_volume(pass)) && holds_volume) ||
           (is_leaving(pass, claim) && is_used);
}

void gate_volume(struct pass *pass) {
    pass_open(pass, GATE_VOLUME);
    pass_open(pass, GATE_CLAIM);
    if (!has_client(pass)) {
        remove_unserved(pass);
        return;
    }
    struct cJSON *volume = render_volume(pass), *claim = render_claim(pass);
    pass->volume_is_deleted = is_deleted_and_held(pass);
    pass->volume_is_outdated = pass->volume_is_deleted ||
                               write_is_outdated(pass, &RESOURCE_PERSISTENT_VOLUMES, volume) ||
                               write_is_outdated(pass, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, claim);
    pass->claim_is_lacking = is_claim_lacking(pass);
    if (!gate_is_paused(pass) && !pass->volume_is_outdated)
        write_volume_and_claim(pass, volume, claim);
    else if (!gate_is_paused(pass) && is_claim_free(pass) && admit_volume(pass, GATE_VOLUME))
        remove_outdated(pass);
    if (pass->claim_is_lacking)
        pass_close(pass, GATE_CLAIM, SV("ClaimPending"),
                   pass_printf(pass,
                               "waits for PersistentVolumeClaim \"%.*s\" to be bound to its "
                               "volume",
                               SV_ARG(pass->names.claim)));
}
