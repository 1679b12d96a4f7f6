/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/condition_check.h"

#include "conformance/session.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"

enum { MASTER, WORKER, CLIENT, COMPONENTS_MAX, NAME_BYTES_MAX = 45 };

/* One component of one runtime, as its objects show it. */
struct part {
    bool is_enabled;
    const struct cJSON *workload;
    int64_t desired, ready, existing;
    int64_t leaving, misplaced; /* pods that cannot go, since their node is dead */
    int64_t orphaned;           /* pods that no workload owns */
    bool is_between_workloads;  /* they serve, and the next workload is not there */
    bool is_enough;             /* contract.md §4 */
};

struct judge {
    const struct condition_view *view;
    struct arena *arena;
    struct condition_lie *lies;
    size_t lie_count;
    /* The object that is judged. */
    const struct cJSON *object;
    struct sv kind;
    /* Of a runtime; of a dataset: of the runtime that serves it. */
    const struct cJSON *runtime, *runtime_class, *dataset;
    struct part parts[COMPONENTS_MAX];
};

static const struct sv part_names[COMPONENTS_MAX] = {{"master", 6}, {"worker", 6}, {"client", 6}};

/* --- lies --- */

static void lie(struct judge *judge, struct sv condition, struct sv says, struct sv truth) {
    if (judge->lie_count == CONDITION_LIES_MAX)
        return;
    struct sv key =
        object_key(judge->arena, object_namespace(judge->object), object_name(judge->object));
    judge->lies[judge->lie_count++] = (struct condition_lie){
        arena_printf(judge->arena, "%.*s %.*s", SV_ARG(judge->kind), SV_ARG(key)), condition, says,
        truth};
}

static const struct cJSON *condition_of(const struct judge *judge, struct sv type) {
    return object_condition(judge->object, type);
}

static struct sv reason_of(const struct cJSON *condition) {
    return json_find_string(condition, "reason");
}

static bool is_true(const struct cJSON *condition) {
    return sv_eq(json_find_string(condition, "status"), SV("True"));
}

static void lie_of(struct judge *judge, struct sv type, struct sv truth) {
    const struct cJSON *condition = condition_of(judge, type);
    if (!condition) {
        lie(judge, type, SV("nothing"), truth);
        return;
    }
    struct sv says = arena_printf(
        judge->arena, "%.*s (%.*s: %.*s)", SV_ARG(json_find_string(condition, "status")),
        SV_ARG(reason_of(condition)), SV_ARG(json_find_string(condition, "message")));
    lie(judge, type, says, truth);
}

/* --- facts --- */

static const struct cJSON *find_object(const struct cJSON *list, struct sv namespace_name,
                                       struct sv name) {
    JSON_EACH (item, list)
        if (sv_eq(object_name(item), name) && sv_eq(object_namespace(item), namespace_name))
            return item;
    return NULL;
}

static bool is_of(const struct cJSON *pod, struct sv namespace_name, struct sv workload_name) {
    return sv_eq(object_namespace(pod), namespace_name) &&
           sv_eq(object_label(pod, SV("cacheruntime.fluid.io/component-name")), workload_name);
}

static int64_t replicas_of(const struct judge *judge, struct sv name) {
    const struct cJSON *spec = json_get(json_get(judge->runtime, SV("spec")), name);
    const struct cJSON *declared = json_get(json_get(judge->runtime_class, SV("topology")), name);
    return json_int_or(spec, SV("replicas"), json_int_or(declared, SV("replicas"), 1));
}

static void count_pods(const struct judge *judge, struct sv workload_name, struct part *part) {
    JSON_EACH (pod, judge->view->pods) {
        if (!is_of(pod, object_namespace(judge->runtime), workload_name))
            continue;
        part->leaving += object_is_deleting(pod);
        part->existing += !object_is_deleting(pod);
        part->orphaned += !object_is_deleting(pod) && !json_find(pod, "metadata.ownerReferences.0");
        part->ready += !object_is_deleting(pod) && object_condition_is_true(pod, SV("Ready"));
    }
}

static bool is_enough(const struct judge *judge, size_t which, const struct part *part) {
    const struct cJSON *client = json_find(judge->runtime_class, "topology.client");
    bool is_always = sv_eq(json_find_string(client, "activation"), SV("Always"));
    if (!part->workload && !part->is_between_workloads)
        return false;
    if (which == MASTER)
        return part->desired == 0 || part->ready > part->desired / 2;
    if (which == WORKER)
        return part->desired == 0 || part->ready > 0;
    bool asks_for_none = part->desired == 0 && json_find(part->workload, "spec.replicas");
    return !is_always || part->ready > 0 || asks_for_none;
}

static bool is_paused(const struct judge *judge) {
    return sv_eq(object_annotation(judge->runtime, SV("cacheruntime.fluid.io/paused")), SV("true"));
}

/* A runtime that only an edit helps, or that is paused, keeps what it ran before that; be it pods
 * whose workload was to be made anew. */
static void keep_what_runs(const struct judge *judge, struct part *part) {
    const struct cJSON *stalled = object_condition(judge->runtime, SV("Stalled"));
    bool is_ours = part->workload && object_owner(part->workload, object_uid(judge->runtime));
    bool is_held = is_paused(judge) || sv_eq(json_find_string(stalled, "status"), SV("True"));
    part->is_between_workloads = is_held && !part->workload && part->orphaned > 0;
    if (!is_held || !is_ours)
        return;
    part->is_enabled = true;
    part->desired = json_find_int(part->workload, "spec.replicas", part->desired);
}

static void read_part(struct judge *judge, size_t which) {
    struct sv name = part_names[which];
    struct part *part = &judge->parts[which];
    struct sv namespace_name = object_namespace(judge->runtime);
    struct sv workload_name =
        arena_printf(judge->arena, "%.*s-%.*s", SV_ARG(object_name(judge->runtime)), SV_ARG(name));
    const struct cJSON *spec = json_get(json_get(judge->runtime, SV("spec")), name);
    const struct cJSON *declared = json_get(json_get(judge->runtime_class, SV("topology")), name);
    part->is_enabled = json_is_map(declared) && !json_bool_or(spec, SV("disabled"), false);
    const struct cJSON *daemon_set =
        find_object(judge->view->daemon_sets, namespace_name, workload_name);
    part->workload = find_object(judge->view->stateful_sets, namespace_name, workload_name);
    if (!part->workload)
        part->workload = find_object(judge->view->deployments, namespace_name, workload_name);
    /* A client has a pod where its DaemonSet wants one, unless it is another kind of workload. */
    part->desired = which == CLIENT && !part->workload ? 0 : replicas_of(judge, name);
    if (daemon_set) {
        part->workload = daemon_set;
        part->desired = json_find_int(daemon_set, "status.desiredNumberScheduled", 0);
        part->misplaced = json_find_int(daemon_set, "status.numberMisscheduled", 0);
    }
    count_pods(judge, workload_name, part);
    keep_what_runs(judge, part);
    part->is_enough = is_enough(judge, which, part);
}

static void read_runtime(struct judge *judge, const struct cJSON *runtime) {
    struct sv namespace_name = object_namespace(runtime);
    judge->runtime = runtime;
    judge->runtime_class = find_object(judge->view->classes, SV(""),
                                       json_find_string(runtime, "spec.runtimeClassName"));
    judge->dataset = find_object(judge->view->datasets, namespace_name, object_name(runtime));
    memset(judge->parts, 0, sizeof(judge->parts));
    for (size_t i = 0; i < COMPONENTS_MAX; i++)
        read_part(judge, i);
}

/* The first component that has too few pods, or COMPONENTS_MAX. */
static size_t first_lacking(const struct judge *judge) {
    for (size_t i = 0; i < COMPONENTS_MAX; i++)
        if (judge->parts[i].is_enabled && !judge->parts[i].is_enough)
            return i;
    return COMPONENTS_MAX;
}

static struct sv pods_text(const struct judge *judge, size_t which) {
    const struct part *part = &judge->parts[which];
    return arena_printf(judge->arena, "%lld of %lld pods of the %.*s are ready",
                        (long long)part->ready, (long long)part->desired,
                        SV_ARG(part_names[which]));
}

/* What the dataset was told is mounted is what it asks for. */
static bool has_asked_mounts(const struct judge *judge) {
    const struct cJSON *asked = json_find(judge->dataset, "spec.mounts");
    const struct cJSON *served = json_find(judge->dataset, "status.mounts");
    return json_equal(asked, served) || json_count(asked) + json_count(served) == 0;
}

/* Why the dataset cannot be served, by the objects alone; SV("") when it can. */
static struct sv obstacle(const struct judge *judge) {
    struct sv name = object_name(judge->runtime), namespace_name = object_namespace(judge->runtime);
    if (!judge->dataset)
        return SV("there is no dataset of that name");
    size_t lacking = judge->runtime_class ? first_lacking(judge) : COMPONENTS_MAX;
    if (lacking < COMPONENTS_MAX)
        return pods_text(judge, lacking);
    const struct cJSON *claim = find_object(judge->view->claims, namespace_name, name);
    if (judge->parts[CLIENT].is_enabled &&
        !sv_eq(json_find_string(claim, "status.phase"), SV("Bound")))
        return SV("the claim that applications mount is not bound to a volume");
    struct sv phase = json_find_string(judge->dataset, "status.phase");
    if (!sv_eq(phase, SV("Bound")))
        return arena_printf(judge->arena, "the dataset's phase is \"%.*s\"", SV_ARG(phase));
    if (!has_asked_mounts(judge))
        return SV("the dataset asks for other mounts than are served");
    return SV("");
}

/* --- conditions of a runtime --- */

static bool is_one_of(struct sv text, const struct sv *list, size_t count) {
    return sv_index_of(text, list, count) < count;
}

/* Only the outcome of an execution, or what needs an edit, tells these. */
static bool is_believed(struct sv reason) {
    static const struct sv reasons[] = {
        SV("HealthCheckFailed"), SV("CheckFailed"), SV("CheckRunning"),  SV("MountFailed"),
        SV("MountRunning"),      SV("NodesDiffer"), SV("ReportRunning"), SV("WriteRefused"),
    };
    return is_one_of(reason, reasons, COUNT_OF(reasons));
}

static bool has_entry(const struct judge *judge, size_t which, const char *name) {
    const struct cJSON *declared =
        json_get(json_get(judge->runtime_class, SV("topology")), part_names[which]);
    const struct cJSON *entries = json_get(declared, SV("executionEntries"));
    return judge->parts[which].is_enabled && json_get(entries, sv_from(name));
}

/* The component that runs an entry, or COMPONENTS_MAX. */
static size_t entry_owner(const struct judge *judge, const char *name) {
    for (size_t i = 0; i < COMPONENTS_MAX; i++)
        if (has_entry(judge, i, name))
            return i;
    return COMPONENTS_MAX;
}

/* What all mounts share is recorded nowhere, nor are mounts that were never made: whether a pause
 * holds them back cannot be seen. */
static bool may_hold_mounts_back(const struct judge *judge, struct sv reason) {
    const struct cJSON *spec = json_get(judge->dataset, SV("spec"));
    return sv_eq(reason, SV("Paused")) && is_paused(judge) &&
           (json_get(spec, SV("sharedOptions")) || json_get(spec, SV("sharedEncryptOptions")) ||
            (entry_owner(judge, "mountUFS") < COMPONENTS_MAX &&
             !json_find(judge->runtime, "status.mountedBy")));
}

static void judge_ready(struct judge *judge) {
    const struct cJSON *ready = condition_of(judge, SV("Ready"));
    struct sv why_not = obstacle(judge);
    bool is_stalled = is_true(condition_of(judge, SV("Stalled")));
    if (is_true(ready) == (why_not.len == 0))
        return;
    if (!is_true(ready) && (is_believed(reason_of(ready)) || is_stalled ||
                            may_hold_mounts_back(judge, reason_of(ready))))
        return;
    lie_of(judge, SV("Ready"), why_not.len > 0 ? why_not : SV("the dataset is served"));
}

static void judge_part(struct judge *judge, size_t which) {
    static const struct {
        struct sv initialized, ready;
    } types[COMPONENTS_MAX] = {{{"MasterInitialized", 17}, {"MasterReady", 11}},
                               {{"WorkersInitialized", 18}, {"WorkersReady", 12}},
                               {{"FusesInitialized", 16}, {"FusesReady", 10}}};
    const struct part *part = &judge->parts[which];
    const struct cJSON *ready = condition_of(judge, types[which].ready);
    if (is_true(condition_of(judge, types[which].initialized)) && !part->workload)
        lie_of(judge, types[which].initialized, SV("there is no such workload"));
    if (!part->is_enabled && is_true(ready))
        lie_of(judge, types[which].ready, SV("the component is not enabled"));
    if (part->is_enabled && ready && is_true(ready) != part->is_enough)
        lie_of(judge, types[which].ready, pods_text(judge, which));
}

/* Pods that are replaced one by one, and perhaps wait for a node. A Deployment has no revisions in
 * its status: pods are counted. */
static bool is_behind(const struct cJSON *deployment) {
    int64_t updated = json_find_int(deployment, "status.updatedReplicas", 0);
    return json_find(deployment, "spec.strategy") &&
           (updated < json_find_int(deployment, "spec.replicas", 0) ||
            updated < json_find_int(deployment, "status.replicas", 0));
}

/* By their own label. One that was made anew around pods that were there already knows only one
 * revision, its own. */
static int64_t count_outdated(const struct judge *judge, const struct cJSON *workload) {
    struct sv revision = json_find_string(workload, "status.updateRevision");
    int64_t count = 0;
    JSON_EACH (pod, judge->view->pods) {
        struct sv own = object_label(pod, SV("controller-revision-hash"));
        count += is_of(pod, object_namespace(workload), object_name(workload)) &&
                 !object_is_deleting(pod) && own.len > 0 && !sv_eq(own, revision);
    }
    return count;
}

/* Of a StatefulSet: all pods that its partition lets change, and where there is none, two revisions
 * until the last one is ready. */
static bool has_pods_to_change(const struct judge *judge, const struct cJSON *workload) {
    const struct cJSON *status = json_get(workload, SV("status"));
    int64_t kept = json_find_int(workload, "spec.updateStrategy.rollingUpdate.partition", 0);
    struct sv update = json_find_string(status, "updateRevision");
    if (sv_eq(json_find_string(status, "currentRevision"), update))
        return update.len > 0 && count_outdated(judge, workload) > kept;
    return kept == 0 || json_int_or(status, SV("updatedReplicas"), 0) <
                            json_int_or(status, SV("replicas"), 0) - kept;
}

/* Of a DaemonSet, which may have to wait for a node that is gone. */
static bool has_nodes_to_change(const struct cJSON *workload) {
    const struct cJSON *status = json_get(workload, SV("status"));
    return sv_eq(json_find_string(workload, "spec.updateStrategy.type"), SV("RollingUpdate")) &&
           json_int_or(status, SV("updatedNumberScheduled"), 0) <
               json_int_or(status, SV("currentNumberScheduled"), 0);
}

static bool is_rolling(const struct judge *judge) {
    for (size_t i = 0; i < COMPONENTS_MAX; i++) {
        const struct cJSON *workload = judge->parts[i].workload;
        if (judge->parts[i].is_between_workloads || is_behind(workload) ||
            has_pods_to_change(judge, workload) || has_nodes_to_change(workload))
            return true;
    }
    return false;
}

static void judge_rest(struct judge *judge) {
    bool is_reconciling = is_true(condition_of(judge, SV("Reconciling")));
    bool is_stalled = is_true(condition_of(judge, SV("Stalled")));
    bool is_ready = is_true(condition_of(judge, SV("Ready")));
    if (is_ready && is_reconciling && !is_rolling(judge))
        lie_of(judge, SV("Reconciling"), SV("the cache serves and nothing is under way"));
    if (!is_ready && !is_reconciling && !is_stalled)
        lie_of(judge, SV("Reconciling"),
               SV("the cache does not serve yet, and no edit is asked for"));
}

static void judge_data_plane(struct judge *judge) {
    size_t owner = entry_owner(judge, "checkRuntimeReady");
    if (owner < COMPONENTS_MAX && owner != CLIENT && judge->parts[owner].desired > 0 &&
        judge->parts[owner].ready == 0 && is_true(condition_of(judge, SV("DataPlaneReady"))))
        lie_of(judge, SV("DataPlaneReady"), pods_text(judge, owner));
}

static bool is_pod_alive(const struct judge *judge, struct sv uid) {
    JSON_EACH (pod, judge->view->pods)
        if (sv_eq(object_uid(pod), uid))
            return true;
    return false;
}

static void judge_mounts(struct judge *judge) {
    const struct cJSON *mounts = condition_of(judge, SV("MountsReady"));
    struct sv pod = json_find_string(judge->runtime, "status.mountedBy.podUID");
    size_t owner = entry_owner(judge, "mountUFS");
    if (!is_true(mounts) || !judge->dataset)
        return;
    if (sv_eq(json_find_string(judge->dataset, "status.phase"), SV("Bound")) &&
        !has_asked_mounts(judge))
        lie_of(judge, SV("MountsReady"), SV("the dataset asks for other mounts than are served"));
    if (owner < COMPONENTS_MAX && judge->parts[owner].existing > 0 && pod.len > 0 &&
        !is_pod_alive(judge, pod))
        lie_of(judge, SV("MountsReady"), SV("the pod that mounted is gone"));
    JSON_EACH (mount, json_find(judge->runtime, "status.mounts"))
        if (!sv_eq(json_find_string(mount, "phase"), SV("Mounted")))
            lie_of(judge, SV("MountsReady"), SV("status.mounts has one that is not Mounted"));
}

static void judge_volume(struct judge *judge) {
    const struct cJSON *outdated = condition_of(judge, SV("VolumeOutdated"));
    const struct cJSON *claim = find_object(judge->view->claims, object_namespace(judge->runtime),
                                            object_name(judge->runtime));
    const struct cJSON *wanted = json_find(judge->dataset, "spec.accessModes");
    const struct cJSON *modes = json_find(claim, "spec.accessModes");
    bool is_same = json_count(wanted) > 0 ? json_equal(wanted, modes)
                                          : sv_eq(json_text(json_at(modes, 0)), SV("ReadOnlyMany"));
    /* Of what is asked for nothing is acted on while a part of it cannot be, which is told. */
    bool is_stalled = is_true(condition_of(judge, SV("Stalled")));
    if (outdated && is_true(outdated) && !claim)
        lie_of(judge, SV("VolumeOutdated"), SV("there is no claim"));
    if (claim && judge->dataset && !is_same && !is_true(outdated) && !is_stalled)
        lie_of(judge, SV("VolumeOutdated"),
               SV("the claim has other access modes than are asked for"));
    if (claim && judge->runtime_class && !judge->parts[CLIENT].is_enabled && !is_true(outdated))
        lie_of(judge, SV("VolumeOutdated"), SV("no client serves the claim"));
}

static bool ends_with_number(const struct judge *judge, struct sv type, int64_t number) {
    const struct cJSON *condition = condition_of(judge, type);
    struct sv end = arena_printf(judge->arena, " to %lld", (long long)number);
    return sv_ends_with(json_find_string(condition, "message"), end);
}

static void judge_scaled(struct judge *judge) {
    struct sv out = SV("WorkersScaledOut"), in = SV("WorkersScaledIn");
    const struct part *worker = &judge->parts[WORKER];
    bool was_scaled = condition_of(judge, out) || condition_of(judge, in);
    /* Workers that stay as many as they happen to be were not scaled. */
    bool is_kept = is_paused(judge) || is_true(condition_of(judge, SV("Stalled")));
    if (!was_scaled || !worker->is_enabled || is_kept)
        return;
    if (!ends_with_number(judge, out, worker->desired) &&
        !ends_with_number(judge, in, worker->desired))
        lie_of(judge, condition_of(judge, out) ? out : in, pods_text(judge, WORKER));
}

/* --- reasons --- */

static bool has_unscheduled_pod(const struct judge *judge) {
    JSON_EACH (pod, judge->view->pods)
        if (sv_eq(object_namespace(pod), object_namespace(judge->runtime)) &&
            sv_eq(object_label(pod, SV("cacheruntime.fluid.io/name")),
                  object_name(judge->runtime)) &&
            sv_eq(json_find_string(object_condition(pod, SV("PodScheduled")), "status"),
                  SV("False")))
            return true;
    return false;
}

static bool has_no_class(const struct judge *judge) {
    return !judge->runtime_class;
}

static bool has_no_dataset(const struct judge *judge) {
    return !judge->dataset;
}

static bool lacks_pods(const struct judge *judge) {
    return first_lacking(judge) < COMPONENTS_MAX;
}

/* What must be so when a condition gives the reason. */
static const struct {
    struct sv reason;
    bool (*is_so)(const struct judge *judge);
    struct sv otherwise;
} reasons[] = {
    {{"ClassNotFound", 13}, has_no_class, {"the class exists", 16}},
    {{"DatasetNotFound", 15}, has_no_dataset, {"the dataset exists", 18}},
    {{"PodsNotReady", 12}, lacks_pods, {"enough pods are ready", 21}},
    {{"ComponentDown", 13}, lacks_pods, {"enough pods are ready", 21}},
    {{"PodUnschedulable", 16}, has_unscheduled_pod, {"every pod has a node", 20}},
    {{"Paused", 6}, is_paused, {"the annotation is not there", 27}},
};

static void judge_reasons(struct judge *judge) {
    JSON_EACH (condition, json_find(judge->object, "status.conditions")) {
        struct sv type = json_find_string(condition, "type");
        for (size_t i = 0; i < COUNT_OF(reasons); i++)
            if (sv_eq(reason_of(condition), reasons[i].reason) && !reasons[i].is_so(judge))
                lie_of(judge, type, reasons[i].otherwise);
    }
}

static void judge_generations(struct judge *judge) {
    static const struct sv types[] = {{"Ready", 5}, {"Reconciling", 11}, {"Stalled", 7}};
    bool keeps_some = json_find(judge->runtime, "status.observedGeneration") != NULL;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const struct cJSON *condition = condition_of(judge, types[i]);
        int64_t seen = json_int_or(condition, SV("observedGeneration"), 0);
        /* Upstream's CRD keeps no generations at all. */
        if (condition && (keeps_some || seen > 0) && seen != object_generation(judge->runtime))
            lie_of(judge, types[i],
                   arena_printf(judge->arena, "it speaks of generation %lld, and this is %lld",
                                (long long)seen, (long long)object_generation(judge->runtime)));
    }
}

/* --- phase and counters of a runtime --- */

static bool is_whole(const struct judge *judge) {
    for (size_t i = 0; i < COMPONENTS_MAX; i++)
        if (judge->parts[i].is_enabled && judge->parts[i].ready != judge->parts[i].desired)
            return false;
    return true;
}

static void judge_phase(struct judge *judge) {
    struct sv phase = json_find_string(judge->runtime, "status.phase");
    bool is_ready = is_true(condition_of(judge, SV("Ready")));
    bool says_ready = sv_eq(phase, SV("Ready")), says_part = sv_eq(phase, SV("PartialReady"));
    if ((says_ready || says_part) && !is_ready)
        lie(judge, SV("phase"), phase, SV("Ready is not True"));
    if (judge->runtime_class && says_ready && !is_whole(judge))
        lie(judge, SV("phase"), phase, SV("not all pods are ready"));
    if (judge->runtime_class && says_part && is_whole(judge))
        lie(judge, SV("phase"), phase, SV("all pods are ready"));
    if (sv_eq(phase, SV("Failed")) && is_ready)
        lie(judge, SV("phase"), phase, SV("Ready is True"));
}

/* Anything from `least` to `most` is true. */
static void judge_counter(struct judge *judge, size_t which, const char *field, int64_t least,
                          int64_t most) {
    const struct cJSON *counters =
        json_get(json_get(judge->runtime, SV("status")), part_names[which]);
    int64_t says = json_int_or(counters, sv_from(field), 0);
    if (!judge->parts[which].is_enabled || !counters || (says >= least && says <= most))
        return;
    lie(judge, arena_printf(judge->arena, "status.%.*s.%s", SV_ARG(part_names[which]), field),
        arena_printf(judge->arena, "%lld", (long long)says),
        arena_printf(judge->arena, "it is %lld by the pods", (long long)most));
}

/* --- the two kinds --- */

/* True at every moment: what may not be said at the same time. */
static void judge_contradictions(struct judge *judge, struct sv first, struct sv second) {
    if (is_true(condition_of(judge, first)) && is_true(condition_of(judge, second)))
        lie_of(judge, first, arena_printf(judge->arena, "%.*s is True too", SV_ARG(second)));
}

static void judge_runtime(struct judge *judge, const struct cJSON *runtime) {
    judge->object = runtime;
    judge->kind = SV("CacheRuntime");
    judge_contradictions(judge, SV("Reconciling"), SV("Stalled"));
    if (!judge->view->is_at_rest || object_is_deleting(runtime) ||
        json_count(json_find(runtime, "status.conditions")) == 0)
        return;
    read_runtime(judge, runtime);
    judge_ready(judge);
    judge_rest(judge);
    for (size_t i = 0; judge->runtime_class && i < COMPONENTS_MAX; i++) {
        const struct part *part = &judge->parts[i];
        judge_part(judge, i);
        judge_counter(judge, i, "readyReplicas", part->ready, part->ready);
        judge_counter(judge, i, "desiredReplicas", part->desired, part->desired);
        judge_counter(judge, i, "currentReplicas", part->existing - part->misplaced,
                      part->existing + part->leaving);
    }
    judge_data_plane(judge);
    judge_mounts(judge);
    judge_volume(judge);
    if (judge->runtime_class)
        judge_scaled(judge);
    judge_reasons(judge);
    judge_generations(judge);
    judge_phase(judge);
}

static void judge_dataset(struct judge *judge, const struct cJSON *dataset) {
    struct sv phase = json_find_string(dataset, "status.phase");
    bool is_bound = sv_eq(phase, SV("Bound")), is_updating = sv_eq(phase, SV("Updating"));
    judge->object = dataset;
    judge->kind = SV("Dataset");
    judge_contradictions(judge, SV("Ready"), SV("NotReady"));
    judge_contradictions(judge, SV("UpdateReady"), SV("Updating"));
    bool says_ready = is_true(condition_of(judge, SV("Ready")));
    if (says_ready && !is_bound && !is_updating)
        lie_of(judge, SV("Ready"),
               arena_printf(judge->arena, "the phase is \"%.*s\"", SV_ARG(phase)));
    if (is_bound && !says_ready)
        lie_of(judge, SV("Ready"), SV("the phase is Bound"));
    if (is_true(condition_of(judge, SV("Updating"))) != is_updating)
        lie_of(judge, SV("Updating"),
               arena_printf(judge->arena, "the phase is \"%.*s\"", SV_ARG(phase)));
    if (!judge->view->is_at_rest || !is_bound)
        return;
    const struct cJSON *runtime =
        find_object(judge->view->runtimes, object_namespace(dataset), object_name(dataset));
    if (!runtime)
        lie(judge, SV("phase"), phase, SV("there is no runtime of that name"));
}

/* Where a rollout stands: how many runtimes there are, and how many of them serve. */
static void judge_class(struct judge *judge, const struct cJSON *runtime_class) {
    const struct cJSON *status = json_get(runtime_class, SV("status"));
    const struct cJSON *progressing = object_condition(runtime_class, SV("Progressing"));
    int64_t count = 0, ready = 0;
    bool has_rolling = false;
    judge->object = runtime_class;
    judge->kind = SV("CacheRuntimeClass");
    if (!judge->view->is_at_rest || !json_get(status, SV("runtimes")))
        return;
    JSON_EACH (runtime, judge->view->runtimes) {
        if (!sv_eq(json_find_string(runtime, "spec.runtimeClassName"), object_name(runtime_class)))
            continue;
        read_runtime(judge, runtime);
        count++;
        ready += object_condition_is_true(runtime, SV("Ready"));
        has_rolling = has_rolling || is_rolling(judge);
    }
    if (json_int_or(status, SV("runtimes"), 0) != count ||
        json_int_or(status, SV("readyRuntimes"), 0) != ready)
        lie(judge, SV("readyRuntimes"),
            arena_printf(judge->arena, "%lld of %lld",
                         (long long)json_int_or(status, SV("readyRuntimes"), 0),
                         (long long)json_int_or(status, SV("runtimes"), 0)),
            arena_printf(judge->arena, "%lld of %lld are Ready", (long long)ready,
                         (long long)count));
    if (sv_eq(reason_of(progressing), SV("RolloutComplete")) &&
        json_int_or(status, SV("updatedRuntimes"), 0) != count)
        lie_of(judge, SV("Progressing"), SV("not all runtimes are updated"));
    if (is_true(progressing) && ready == count && !has_rolling)
        lie_of(judge, SV("Progressing"), SV("all runtimes are ready and nothing is under way"));
}

size_t condition_check(const struct condition_view *view, struct arena *arena,
                       struct condition_lie lies[CONDITION_LIES_MAX]) {
    struct judge judge = {.view = view, .arena = arena, .lies = lies};
    JSON_EACH (runtime, view->runtimes)
        judge_runtime(&judge, runtime);
    JSON_EACH (dataset, view->datasets)
        judge_dataset(&judge, dataset);
    JSON_EACH (runtime_class, view->classes)
        judge_class(&judge, runtime_class);
    return judge.lie_count;
}

bool condition_view_read(struct session *session, struct arena *arena,
                         struct condition_view *ret_view, struct error *err) {
    const struct {
        const struct resource *resource;
        const struct cJSON **ret_items;
    } lists[] = {
        {&RESOURCE_CACHE_RUNTIME_CLASSES, &ret_view->classes},
        {&RESOURCE_CACHE_RUNTIMES, &ret_view->runtimes},
        {&RESOURCE_DATASETS, &ret_view->datasets},
        {&RESOURCE_STATEFUL_SETS, &ret_view->stateful_sets},
        {&RESOURCE_DAEMON_SETS, &ret_view->daemon_sets},
        {&RESOURCE_DEPLOYMENTS, &ret_view->deployments},
        {&RESOURCE_PODS, &ret_view->pods},
        {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, &ret_view->claims},
        {&RESOURCE_PERSISTENT_VOLUMES, &ret_view->volumes},
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const struct cJSON *list =
            session_list(session, lists[i].resource, SV(""), SV(""), arena, err);
        if (!list)
            return error_wrap(err, "listing %.*s", SV_ARG(lists[i].resource->plural));
        *lists[i].ret_items = json_get(list, SV("items"));
    }
    return true;
}
