/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/clean_cache.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "core/reconcile/cleaner.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/pass.h"
#include "core/reconcile/tiered_store.h"
#include "core/reconcile/write.h"

enum {
    GRACE_SECONDS = 60,
    GRACE_SECONDS_MAX = 3600,
    ATTEMPTS = 3,
    ATTEMPTS_MAX = 100,
};

static int64_t bounded(const struct cJSON *policy, struct sv key, int64_t fallback, int64_t max) {
    int64_t value = json_int_or(policy, key, fallback);
    return value < 0 ? fallback : value > max ? max : value;
}

static const struct cJSON *policy_of(const struct pass *pass) {
    return json_find(pass->snapshot->runtime, "spec.management.cleanCachePolicy");
}

static int64_t attempts_of(const struct pass *pass) {
    return bounded(policy_of(pass), SV("maxRetryAttempts"), ATTEMPTS, ATTEMPTS_MAX);
}

static int64_t grace_seconds_of(const struct pass *pass) {
    int64_t seconds =
        bounded(policy_of(pass), SV("gracePeriodSeconds"), GRACE_SECONDS, GRACE_SECONDS_MAX);
    return seconds > 0 ? seconds : 1;
}

/* --- the durable list --- */

static bool has_host_path(const struct component *component) {
    size_t index = 0;
    JSON_EACH (declared, component->levels)
        if (tier_level_read(declared, index++).medium == TIER_HOST_PATH)
            return true;
    return false;
}

static bool contains(struct sv list, struct sv node) {
    while (list.len > 0)
        if (sv_eq(sv_cut(&list, ','), node))
            return true;
    return false;
}

static struct sv recorded_nodes(const struct pass *pass) {
    return object_annotation(pass->snapshot->runtime, ANNOTATION_CACHE_NODES);
}

static bool is_pod_of(const struct component *component, const struct cJSON *pod) {
    return sv_eq(object_label(pod, LABEL_COMPONENT_NAME), component->workload_name);
}

static struct sv node_of(const struct cJSON *pod) {
    return json_find_string(pod, "spec.nodeName");
}

void clean_cache_record_nodes(struct pass *pass, struct cJSON *patch) {
    struct server server;
    struct sv list = recorded_nodes(pass);
    size_t old_bytes = list.len;
    if (!entry_server(pass, ENTRY_CLEAN_CACHE, &server) || !has_host_path(server.component))
        return;
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        struct sv node = node_of(pass->snapshot->pods[i]);
        if (node.len > 0 && is_pod_of(server.component, pass->snapshot->pods[i]) &&
            !contains(list, node) && list.len + node.len < CACHE_NODES_BYTES_MAX)
            list = arena_printf(pass->arena, "%.*s%s%.*s", SV_ARG(list), list.len > 0 ? "," : "",
                                SV_ARG(node));
    }
    if (list.len == old_bytes)
        return;
    object_set_annotation(pass->arena, patch, ANNOTATION_CACHE_NODES, list);
}

/* Takes nodes off the list, so that a controller that restarts does not clean them again. */
static void forget_nodes(struct pass *pass, struct sv left) {
    struct cJSON *body = json_map(pass->arena);
    object_set_annotation(pass->arena, body, ANNOTATION_CACHE_NODES, left);
    write_merge_patch(pass, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime, body, SV(""),
                      STEP_NODES, SV("CacheCleaned"),
                      SV("Take nodes that are clean off the list of those with a cache"));
}

/* --- in the pods that run --- */

static const struct execution *last_in_pod(const struct pass *pass, const struct cJSON *pod) {
    const struct execution *last = NULL;
    for (size_t i = 0; i < pass->snapshot->execution_count; i++) {
        const struct execution *execution = &pass->snapshot->executions[i];
        if (execution->entry == ENTRY_CLEAN_CACHE && sv_eq(execution->pod_uid, object_uid(pod)) &&
            (!last || execution->started_ms >= last->started_ms))
            last = execution;
    }
    return last;
}

static bool is_being_deleted(const struct component *component) {
    return !component->observed || object_is_deleting(component->observed);
}

static void warn(struct pass *pass, struct sv message) {
    pass_event(pass, EVENT_WARNING, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime,
               SV("CacheNotCleaned"), message);
}

/* True when the pod is clean, or was tried often enough. */
static bool clean_pod(struct pass *pass, struct server *server, const struct cJSON *pod) {
    const struct execution *last = last_in_pod(pass, pod);
    struct sv message = SV("");
    if (last && last->is_running)
        return false;
    if (last && entry_succeeded(pass, last, &message))
        return true;
    if (last && last->consecutive_failures > attempts_of(pass)) {
        if (!is_being_deleted(server->component))
            warn(pass, message);
        return true;
    }
    int64_t at_ms = last ? entry_retry_ms(last) : pass->snapshot->now_ms;
    if (at_ms > pass->snapshot->now_ms) {
        pass_wake_at(pass, at_ms);
    } else if (entry_can_execute(pass)) {
        entry_serve_from(server, pod);
        entry_execute(pass, ENTRY_CLEAN_CACHE, server, SV(""), SV("RuntimeDeleted"),
                      1000 * grace_seconds_of(pass));
    }
    return false;
}

static bool is_running(const struct component *component, const struct cJSON *pod) {
    return is_pod_of(component, pod) && !object_is_deleting(pod) &&
           sv_eq(json_find_string(pod, "status.phase"), SV("Running"));
}

/* Nodes of pods that are clean go to `clean`, of others to `busy`. */
static bool clean_pods(struct pass *pass, struct server *server, struct map *clean,
                       struct map *busy) {
    bool are_clean = true;
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        if (!is_running(server->component, pod))
            continue;
        bool is_clean = clean_pod(pass, server, pod);
        map_put(is_clean ? clean : busy, node_of(pod), pass);
        are_clean = are_clean && is_clean;
    }
    return are_clean;
}

/* --- in pods to come --- */

static bool runs(const struct pass *pass, const struct component *component, struct sv pod_uid) {
    for (size_t i = 0; i < pass->snapshot->pod_count; i++)
        if (sv_eq(object_uid(pass->snapshot->pods[i]), pod_uid))
            return is_running(component, pass->snapshot->pods[i]);
    return false;
}

static int64_t count_running(const struct pass *pass, const struct component *component) {
    int64_t count = 0;
    for (size_t i = 0; i < pass->snapshot->pod_count; i++)
        count += is_running(component, pass->snapshot->pods[i]);
    return count;
}

/* What was tried in pods that went before they were clean. */
struct cut_off {
    int64_t failures, last_ms;
    struct sv record; /* "uid of the pod=failures=time,…" */
};

static void add_tries(struct pass *pass, struct cut_off *cut, struct sv pod_uid, int64_t failures,
                      int64_t at_ms) {
    cut->failures += failures;
    cut->last_ms = at_ms > cut->last_ms ? at_ms : cut->last_ms;
    /* With more than that nothing is waited for. */
    if (cut->failures <= attempts_of(pass))
        cut->record = pass_printf(pass, "%.*s%s%.*s=%lld=%.*s", SV_ARG(cut->record),
                                  cut->record.len > 0 ? "," : "", SV_ARG(pod_uid),
                                  (long long)failures, SV_ARG(api_time_format(at_ms, pass->arena)));
}

static bool is_remembered(const struct pass *pass, struct sv pod_uid) {
    for (size_t i = 0; i < pass->snapshot->execution_count; i++)
        if (pass->snapshot->executions[i].entry == ENTRY_CLEAN_CACHE &&
            sv_eq(pass->snapshot->executions[i].pod_uid, pod_uid))
            return true;
    return false;
}

/* What a controller before this one recorded. */
static void add_recorded(struct pass *pass, const struct component *component,
                         struct cut_off *cut) {
    struct sv list = object_annotation(pass->snapshot->runtime, ANNOTATION_CLEANINGS_CUT_OFF);
    while (list.len > 0) {
        struct sv time = sv_cut(&list, ','), pod_uid = sv_cut(&time, '=');
        struct sv count = sv_cut(&time, '=');
        int64_t failures, at_ms;
        if (!sv_to_int64(count, &failures) || failures < 1 || !api_time_parse(time, &at_ms) ||
            at_ms > pass->snapshot->now_ms || is_remembered(pass, pod_uid) ||
            runs(pass, component, pod_uid))
            continue;
        add_tries(pass, cut, pod_uid, failures, at_ms);
    }
}

/* What dies with its pod is a try like any other, so that this ends. */
static struct cut_off find_cut_off(struct pass *pass, const struct component *component) {
    struct cut_off cut = {.record = SV("")};
    add_recorded(pass, component, &cut);
    for (size_t i = 0; i < pass->snapshot->execution_count; i++) {
        const struct execution *execution = &pass->snapshot->executions[i];
        bool is_open = execution->is_running || execution->consecutive_failures > 0;
        if (execution->entry != ENTRY_CLEAN_CACHE || !is_open ||
            runs(pass, component, execution->pod_uid))
            continue;
        add_tries(pass, &cut, execution->pod_uid,
                  execution->consecutive_failures + execution->is_running,
                  execution->is_running ? execution->started_ms : execution->finished_ms);
        /* One that runs in a pod that is on its way out ends by itself. */
        if (execution->is_running)
            cut.last_ms = pass->snapshot->now_ms;
    }
    return cut;
}

/* Until when the pod is waited for that takes the place of one that went before it was clean; 0:
 * none has to come. */
static int64_t successor_until_ms(const struct pass *pass, const struct cut_off *cut) {
    bool is_tried_again = cut->failures > 0 && cut->failures <= attempts_of(pass);
    return is_tried_again ? cut->last_ms + 1000 * grace_seconds_of(pass) : 0;
}

/* A controller that restarts meanwhile would see no pod, and nothing to wait for. */
static void record_cut_off(struct pass *pass, const struct cut_off *cut) {
    const struct cJSON *runtime = pass->snapshot->runtime;
    if (sv_eq(object_annotation(runtime, ANNOTATION_CLEANINGS_CUT_OFF), cut->record) ||
        pass_writes(pass, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->name))
        return;
    struct cJSON *body = json_map(pass->arena);
    object_set_annotation(pass->arena, body, ANNOTATION_CLEANINGS_CUT_OFF, cut->record);
    write_merge_patch(pass, &RESOURCE_CACHE_RUNTIMES, runtime, body, SV(""), STEP_NODES,
                      SV("CleaningCutOff"),
                      SV("Record that cleanCache was cut off and is made in the next pod"));
}

/* Nodes of host paths are cleaned without it, and a workload or a namespace that goes makes no pod
 * any more. */
static bool waits_for_successor(struct pass *pass, const struct component *component) {
    if (is_being_deleted(component) || has_host_path(component) ||
        count_running(pass, component) >= component->desired)
        return false;
    struct cut_off cut = find_cut_off(pass, component);
    int64_t until_ms = successor_until_ms(pass, &cut);
    bool is_known;
    if (until_ms <= pass->snapshot->now_ms || cleaner_namespace_goes(pass, &is_known))
        return false;
    record_cut_off(pass, &cut);
    pass_wake_at(pass, until_ms);
    return true;
}

/* --- on nodes without a pod --- */

/* True when nothing more happens there. */
static bool clean_node(struct pass *pass, const struct server *server, struct sv node) {
    int64_t deadline_seconds = grace_seconds_of(pass) * (attempts_of(pass) + 1);
    struct sv message;
    switch (cleaner_run(pass, server, node, deadline_seconds, &message)) {
    case CLEANER_SUCCEEDED:
        return true;
    case CLEANER_FAILED:
        warn(pass, message);
        return true;
    case CLEANER_RUNNING:
        break;
    }
    return false;
}

/* What of the list is not clean yet. */
static struct sv clean_nodes(struct pass *pass, const struct server *server, struct sv list,
                             const struct map *clean, const struct map *busy) {
    struct sv left = SV("");
    while (list.len > 0) {
        struct sv node = sv_cut(&list, ',');
        bool is_clean = node.len == 0 || map_has(clean, node) ||
                        (!map_has(busy, node) && clean_node(pass, server, node));
        if (!is_clean)
            left = arena_printf(pass->arena, "%.*s%s%.*s", SV_ARG(left), left.len > 0 ? "," : "",
                                SV_ARG(node));
    }
    return left;
}

static void tell_end(struct pass *pass, const struct component *component, bool has_cleaned) {
    if (is_being_deleted(component))
        return;
    if (has_cleaned)
        pass_event(pass, EVENT_NORMAL, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->runtime,
                   SV("CacheCleaned"), SV("cleanCache has ended in every pod of the cache"));
    else if (component->existing > 0 && !has_host_path(component))
        warn(pass, SV("no pod runs in which cleanCache could clean up: what the cache left on "
                      "nodes stays"));
}

/* Nobody says how the nodes of `list` are cleaned. */
static void tell_left(struct pass *pass, struct sv list) {
    enum { SHOWN_BYTES_MAX = 512 };
    const char *more = list.len > SHOWN_BYTES_MAX ? "..." : "";
    struct sv nodes = sv_prefix(list, SHOWN_BYTES_MAX);
    struct sv name = json_find_string(pass->snapshot->runtime, "spec.runtimeClassName");
    struct sv why = SV("the class declares no cleanCache any more");
    if (list.len == 0)
        return;
    if (!pass->snapshot->runtime_class)
        why = pass_printf(pass, "there is no CacheRuntimeClass \"%.*s\" to say how", SV_ARG(name));
    warn(pass, pass_printf(pass, "%.*s: what the cache left on %.*s%s stays", SV_ARG(why),
                           SV_ARG(nodes), more));
}

bool clean_cache(struct pass *pass) {
    struct server server;
    struct sv list = recorded_nodes(pass);
    if (!entry_server(pass, ENTRY_CLEAN_CACHE, &server)) {
        tell_left(pass, list);
        return true;
    }
    AUTO(map) clean = map_new();
    AUTO(map) busy = map_new();
    bool are_clean = clean_pods(pass, &server, clean, busy);
    struct sv left = clean_nodes(pass, &server, list, clean, busy);
    if (left.len < list.len && !pass_writes(pass, &RESOURCE_CACHE_RUNTIMES, pass->snapshot->name))
        forget_nodes(pass, left);
    if (left.len > 0 || left.len < list.len || !are_clean ||
        waits_for_successor(pass, server.component))
        return false;
    tell_end(pass, server.component, map_count(clean) > 0);
    return true;
}

bool clean_cache_remove_pods(struct pass *pass) {
    return cleaner_remove(pass);
}
