/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/status_check.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"

enum { NAME_BYTES_MAX = 45, LABEL_BYTES_MAX = 63 };

struct status_judge {
    const struct condition_view *view;
    struct arena *arena;
    struct condition_lie *lies;
    size_t lie_count;
    /* The object that is judged. */
    const char *kind;
    const struct cJSON *object, *status;
    /* Of a runtime. */
    const struct cJSON *runtime_class, *dataset;
};

static const struct sv components[] = {{"master", 6}, {"worker", 6}, {"client", 6}};

static void lie(struct status_judge *judge, struct sv field, struct sv says, struct sv truth) {
    if (judge->lie_count == CONDITION_LIES_MAX)
        return;
    struct sv key =
        object_key(judge->arena, object_namespace(judge->object), object_name(judge->object));
    judge->lies[judge->lie_count++] = (struct condition_lie){
        arena_printf(judge->arena, "%s %.*s", judge->kind, SV_ARG(key)), field, says, truth};
}

/* --- facts --- */

static const struct cJSON *find(const struct cJSON *list, struct sv namespace_name,
                                struct sv name) {
    JSON_EACH (item, list)
        if (sv_eq(object_name(item), name) && sv_eq(object_namespace(item), namespace_name))
            return item;
    return NULL;
}

static const struct cJSON *workload_of(const struct status_judge *judge, struct sv component) {
    const struct cJSON *const lists[] = {judge->view->stateful_sets, judge->view->daemon_sets,
                                         judge->view->deployments};
    struct sv name = arena_printf(judge->arena, "%.*s-%.*s", SV_ARG(object_name(judge->object)),
                                  SV_ARG(component));
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const struct cJSON *workload = find(lists[i], object_namespace(judge->object), name);
        if (object_owner(workload, object_uid(judge->object)))
            return workload;
    }
    return NULL;
}

static const struct cJSON *condition_of(const struct status_judge *judge, struct sv type) {
    return object_condition(judge->object, type);
}

static bool is_true(const struct status_judge *judge, struct sv type) {
    return object_condition_is_true(judge->object, type);
}

static struct sv reason_of(const struct status_judge *judge, struct sv type) {
    return json_find_string(condition_of(judge, type), "reason");
}

static struct sv number_text(const struct status_judge *judge, int64_t number) {
    return arena_printf(judge->arena, "%lld", (long long)number);
}

/* --- what every status has --- */

static void judge_text(struct status_judge *judge, const char *field, struct sv truth) {
    struct sv says = json_find_string(judge->status, field);
    if (!sv_eq(says, truth))
        lie(judge, sv_from(field), says,
            arena_printf(judge->arena, "it is \"%.*s\"", SV_ARG(truth)));
}

/* A schema that lacks the field keeps none: that is no lie. */
static void judge_generation(struct status_judge *judge, const char *field,
                             const struct cJSON *object) {
    const struct cJSON *says = json_find(judge->status, field);
    if (says && json_find_int(judge->status, field, 0) != object_generation(object))
        lie(judge, sv_from(field), json_text(says),
            arena_printf(judge->arena, "it is %lld", (long long)object_generation(object)));
}

static void judge_conditions(struct status_judge *judge) {
    JSON_EACH (condition, json_get(judge->status, SV("conditions"))) {
        int64_t since_ms;
        struct sv type = json_find_string(condition, "type");
        if (json_find_string(condition, "reason").len == 0)
            lie(judge, type, SV("no reason"), SV("every condition has one"));
        if (!api_time_parse(json_find_string(condition, "lastTransitionTime"), &since_ms))
            lie(judge, type, SV("no lastTransitionTime"), SV("every condition has one"));
    }
}

/* --- a runtime's components --- */

/* Upstream's schema drops what it does not know. */
static bool has_our_fields(const struct status_judge *judge) {
    return json_get(judge->status, SV("observedGeneration")) != NULL;
}

/* Nobody asks for a number of clients where a DaemonSet has them. */
static struct sv component_phase(size_t which, int64_t ready, int64_t desired, bool has_number) {
    bool is_master = which == 0, is_client = which == 2;
    bool is_whole = desired > 0 && (is_client ? ready >= desired : ready == desired);
    if (is_whole || (desired == 0 && ready == 0 && (!is_client || has_number)))
        return SV("Ready");
    return is_master || ready == 0 ? SV("NotReady") : SV("PartialReady");
}

/* What the workload counts, which a status of ours repeats; zero is left out there. One that is on
 * its way out, to be made again as another kind, counts for nobody. */
static void judge_repeated(struct status_judge *judge, struct sv component,
                           const struct cJSON *workload, const char *field, const char *daemon_set,
                           const char *replicated) {
    const struct cJSON *counts = json_get(workload, SV("status"));
    bool is_daemon_set = json_get(counts, SV("desiredNumberScheduled")) != NULL;
    int64_t truth = json_find_int(counts, is_daemon_set ? daemon_set : replicated, 0);
    int64_t says = json_int_or(json_get(judge->status, component), sv_from(field), 0);
    if (says != truth && !object_is_deleting(workload))
        lie(judge, arena_printf(judge->arena, "status.%.*s.%s", SV_ARG(component), field),
            number_text(judge, says),
            arena_printf(judge->arena, "its workload counts %lld", (long long)truth));
}

static void judge_component(struct status_judge *judge, size_t which) {
    const struct cJSON *told = json_get(judge->status, components[which]);
    const struct cJSON *workload = workload_of(judge, components[which]);
    if (!told || !workload)
        return;
    struct sv says = json_find_string(told, "phase");
    struct sv truth = component_phase(which, json_find_int(told, "readyReplicas", 0),
                                      json_find_int(told, "desiredReplicas", 0),
                                      json_find(workload, "spec.replicas") != NULL);
    if (!sv_eq(says, truth))
        lie(judge, arena_printf(judge->arena, "status.%.*s.phase", SV_ARG(components[which])), says,
            arena_printf(judge->arena, "by its numbers it is %.*s", SV_ARG(truth)));
    if (has_our_fields(judge))
        judge_repeated(judge, components[which], workload, "updatedReplicas",
                       "updatedNumberScheduled", "updatedReplicas");
    judge_repeated(judge, components[which], workload, "availableReplicas", "numberAvailable",
                   "availableReplicas");
}

static void judge_selector(struct status_judge *judge) {
    struct sv name = object_name(judge->object);
    if (json_find_string(judge->status, "selector").len > 0)
        judge_text(judge, "selector",
                   arena_printf(judge->arena,
                                "cacheruntime.fluid.io/name=%.*s,"
                                "cacheruntime.fluid.io/component-name=%.*s-worker",
                                SV_ARG(name), SV_ARG(name)));
}

/* --- a runtime as a whole --- */

static bool is_one_of(struct sv text, const struct sv *list, size_t count) {
    return sv_index_of(text, list, count) < count;
}

static void judge_phase(struct status_judge *judge) {
    static const struct sv serving[] = {{"Ready", 5}, {"PartialReady", 12}, {"Updating", 8}};
    struct sv phase = json_find_string(judge->status, "phase");
    bool is_failed = sv_eq(phase, SV("Failed"));
    bool has_failed = sv_eq(json_find_string(judge->dataset, "status.phase"), SV("Failed"));
    if (phase.len == 0)
        return; /* upstream's schema has none */
    if (is_true(judge, SV("Ready")) && !is_one_of(phase, serving, COUNT_OF(serving)))
        lie(judge, SV("phase"), phase, SV("Ready is True"));
    if (judge->dataset && is_failed != has_failed)
        lie(judge, SV("phase"), phase,
            has_failed ? SV("the dataset's phase is Failed") : SV("the dataset's is not"));
    if (sv_eq(phase, SV("Deleting")))
        lie(judge, SV("phase"), phase, SV("nobody deletes it"));
}

static bool is_native(const struct cJSON *mount) {
    struct sv point = json_find_string(mount, "mountPoint");
    return sv_starts_with(point, SV("local://")) || sv_starts_with(point, SV("pvc://"));
}

static bool has_mount_point(const struct cJSON *list, const struct cJSON *mount) {
    JSON_EACH (other, list)
        if (sv_eq(json_find_string(other, "mountPoint"), json_find_string(mount, "mountPoint")))
            return true;
    return false;
}

/* While all are said to be served, the list is the dataset's, but for what is no engine's to mount.
 */
static void judge_mounts(struct status_judge *judge) {
    const struct cJSON *told = json_get(judge->status, SV("mounts"));
    if (!told || !judge->dataset || !is_true(judge, SV("MountsReady")))
        return;
    JSON_EACH (mount, json_find(judge->dataset, "spec.mounts"))
        if (!is_native(mount) && !has_mount_point(told, mount))
            lie(judge, SV("status.mounts"), SV("nothing"), json_find_string(mount, "mountPoint"));
    JSON_EACH (mount, told)
        if (!has_mount_point(json_find(judge->dataset, "spec.mounts"), mount))
            lie(judge, SV("status.mounts"), json_find_string(mount, "mountPoint"),
                SV("the dataset has no such mount"));
}

/* --- reasons that an object can be asked about --- */

static bool lacks_topology(const struct status_judge *judge) {
    return judge->runtime_class && !json_is_map(json_get(judge->runtime_class, SV("topology")));
}

static bool lacks_components(const struct status_judge *judge) {
    for (size_t i = 0; i < COUNT_OF(components); i++) {
        const struct cJSON *spec = json_get(json_get(judge->object, SV("spec")), components[i]);
        const struct cJSON *declared =
            json_get(json_get(judge->runtime_class, SV("topology")), components[i]);
        if (json_is_map(declared) && !json_bool_or(spec, SV("disabled"), false))
            return false;
    }
    return true;
}

static bool serves_another(const struct status_judge *judge) {
    const struct cJSON *first = json_find(judge->dataset, "status.runtimes.0");
    return first && !sv_eq(json_find_string(first, "name"), object_name(judge->object));
}

static bool has_rival(const struct status_judge *judge) {
    struct sv own = arena_printf(judge->arena, "%.*s-%.*s", SV_ARG(object_namespace(judge->object)),
                                 SV_ARG(object_name(judge->object)));
    JSON_EACH (other, judge->view->runtimes) {
        struct sv joined = arena_printf(judge->arena, "%.*s-%.*s", SV_ARG(object_namespace(other)),
                                        SV_ARG(object_name(other)));
        if (sv_eq(joined, own) && !sv_eq(object_namespace(other), object_namespace(judge->object)))
            return true;
    }
    return false;
}

/* "svc-<runtime>-<component>-<name>" must be a label of DNS. */
static bool has_long_service(const struct status_judge *judge, struct sv component) {
    const struct cJSON *declared =
        json_get(json_get(judge->runtime_class, SV("topology")), component);
    JSON_EACH (service, json_get(declared, SV("services"))) {
        struct sv name =
            arena_printf(judge->arena, "svc-%.*s-%.*s-%.*s", SV_ARG(object_name(judge->object)),
                         SV_ARG(component), SV_ARG(json_find_string(service, "name")));
        if (name.len > LABEL_BYTES_MAX)
            return true;
    }
    return false;
}

static bool is_too_long(const struct status_judge *judge) {
    bool has_one = object_name(judge->object).len > NAME_BYTES_MAX;
    for (size_t i = 0; i < COUNT_OF(components); i++)
        has_one = has_one || has_long_service(judge, components[i]);
    return has_one;
}

static const struct {
    const char *reason;
    bool (*is_so)(const struct status_judge *judge);
    const char *otherwise;
} reasons[] = {
    {"NoTopology", lacks_topology, "the class has a topology"},
    {"NoComponent", lacks_components, "there is a component that is not disabled"},
    {"DatasetBoundElsewhere", serves_another, "the dataset names no other runtime"},
    {"KeyConflict", has_rival, "no other runtime has such names"},
    {"NameTooLong", is_too_long, "all names are short enough"},
};

static void judge_reasons(struct status_judge *judge) {
    struct sv stalled = reason_of(judge, SV("Stalled"));
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (sv_eq(stalled, sv_from(reasons[i].reason)) && !reasons[i].is_so(judge))
            lie(judge, SV("Stalled"), stalled, sv_from(reasons[i].otherwise));
    if (is_true(judge, SV("Stalled")) == sv_eq(stalled, SV("NotStalled")))
        lie(judge, SV("Stalled"), stalled, SV("status and reason contradict each other"));
    if (is_true(judge, SV("Synced")) && !judge->runtime_class)
        lie(judge, SV("Synced"), SV("True"), SV("there is no class to be in accord with"));
}

static void judge_runtime(struct status_judge *judge) {
    struct sv namespace_name = object_namespace(judge->object);
    struct sv name = object_name(judge->object);
    judge->dataset = find(judge->view->datasets, namespace_name, name);
    judge->runtime_class = find(judge->view->classes, SV(""),
                                json_find_string(judge->object, "spec.runtimeClassName"));
    if (json_find_string(judge->status, "valueFile").len > 0)
        judge_text(judge, "valueFile",
                   arena_printf(judge->arena, "fluid-runtime-config-%.*s", SV_ARG(name)));
    judge_generation(judge, "observedGeneration", judge->object);
    if (judge->runtime_class)
        judge_generation(judge, "observedClassGeneration", judge->runtime_class);
    judge_selector(judge);
    for (size_t i = 0; i < COUNT_OF(components); i++)
        judge_component(judge, i);
    judge_phase(judge);
    judge_mounts(judge);
    judge_reasons(judge);
    judge_conditions(judge);
}

/* --- datasets and classes --- */

static void judge_bound(struct status_judge *judge, const struct cJSON *runtime) {
    const struct cJSON *served = json_find(judge->status, "runtimes.0");
    if (!sv_eq(json_find_string(served, "name"), object_name(judge->object)))
        lie(judge, SV("status.runtimes"), json_find_string(served, "name"),
            SV("its runtime has its own name"));
    const struct cJSON *told = json_get(judge->status, SV("cacheStates"));
    const struct cJSON *states = json_find(runtime, "status.cacheStates");
    if (object_condition_is_true(runtime, SV("Ready")) && states && !json_equal(told, states))
        lie(judge, SV("status.cacheStates"),
            told ? json_write_arena(judge->arena, told, JSON_COMPACT) : SV("nothing"),
            json_write_arena(judge->arena, states, JSON_COMPACT));
}

static void judge_dataset(struct status_judge *judge) {
    struct sv phase = json_find_string(judge->status, "phase");
    const struct cJSON *runtime =
        find(judge->view->runtimes, object_namespace(judge->object), object_name(judge->object));
    if (sv_eq(phase, SV("Bound")) && runtime)
        judge_bound(judge, runtime);
    if (sv_eq(phase, SV("Failed")) && !is_true(judge, SV("NotReady")))
        lie(judge, SV("NotReady"), SV("nothing"), SV("the phase is Failed"));
    judge_conditions(judge);
}

static void judge_class(struct status_judge *judge) {
    judge_generation(judge, "observedGeneration", judge->object);
    judge_conditions(judge);
}

size_t status_check(const struct condition_view *view, struct arena *arena,
                    struct condition_lie lies[CONDITION_LIES_MAX], size_t count) {
    const struct {
        const char *kind;
        const struct cJSON *list;
        void (*judge)(struct status_judge *judge);
    } kinds[] = {{"CacheRuntime", view->runtimes, judge_runtime},
                 {"Dataset", view->datasets, judge_dataset},
                 {"CacheRuntimeClass", view->classes, judge_class}};
    struct status_judge judge = {.view = view, .arena = arena, .lies = lies, .lie_count = count};
    for (size_t i = 0; i < COUNT_OF(kinds) && view->is_at_rest; i++) {
        JSON_EACH (object, kinds[i].list) {
            judge.kind = kinds[i].kind;
            judge.object = object;
            judge.status = json_get(object, SV("status"));
            if (judge.status && !object_is_deleting(object))
                kinds[i].judge(&judge);
        }
    }
    return judge.lie_count;
}
