/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of pods and of what makes pods. */
#include "fakeapi/server/table_parts.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "core/data/json_index.h"

/* --- pods --- */

struct pod_summary {
    struct sv status;
    int64_t container_count, ready_count;
    int64_t restarts, sidecar_restarts;
    int64_t restarted_ms, sidecar_restarted_ms; /* 0: never */
};

static int64_t restart_time(const struct cJSON *status) {
    int64_t time_ms = 0;
    struct sv time = json_find_string(status, "lastState.terminated.finishedAt");
    return time.len > 0 && api_time_parse(time, &time_ms) ? time_ms : 0;
}

static void count_restart(const struct cJSON *status, int64_t *restarts, int64_t *restarted_ms) {
    int64_t time_ms = restart_time(status);
    *restarts += json_int_or(status, SV("restartCount"), 0);
    if (time_ms > *restarted_ms)
        *restarted_ms = time_ms;
}

/* "Error", else "Signal:9", else "ExitCode:1". */
static struct sv end_text(struct arena *arena, const struct cJSON *terminated) {
    struct sv reason = json_string_or(terminated, SV("reason"), SV(""));
    int64_t signal = json_int_or(terminated, SV("signal"), 0);
    if (reason.len > 0)
        return reason;
    if (signal != 0)
        return arena_printf(arena, "Signal:%lld", (long long)signal);
    return arena_printf(arena, "ExitCode:%lld",
                        (long long)json_int_or(terminated, SV("exitCode"), 0));
}

/* A sidecar: an init container that goes on. */
static bool is_sidecar(const struct cJSON *pod, struct sv name) {
    JSON_EACH (container, json_find(pod, "spec.initContainers"))
        if (sv_eq(json_find_string(container, "name"), name))
            return sv_eq(json_find_string(container, "restartPolicy"), SV("Always"));
    return false;
}

/* True when this init container is what the pod waits for; its text is then the status. */
static bool is_initializing(struct arena *arena, const struct cJSON *pod,
                            const struct cJSON *status, int64_t index, bool sidecar,
                            struct pod_summary *summary) {
    const struct cJSON *terminated = json_find(status, "state.terminated");
    struct sv waiting = json_find_string(status, "state.waiting.reason");
    if (terminated && json_int_or(terminated, SV("exitCode"), 0) == 0)
        return false;
    if (sidecar && json_bool_or(status, SV("started"), false)) {
        summary->ready_count += json_bool_or(status, SV("ready"), false);
        return false;
    }
    if (terminated)
        summary->status = arena_printf(arena, "Init:%.*s", SV_ARG(end_text(arena, terminated)));
    else if (waiting.len > 0 && !sv_eq(waiting, SV("PodInitializing")))
        summary->status = arena_printf(arena, "Init:%.*s", SV_ARG(waiting));
    else
        summary->status = arena_printf(arena, "Init:%lld/%zu", (long long)index,
                                       json_count(json_find(pod, "spec.initContainers")));
    return true;
}

static bool summarize_init(struct arena *arena, const struct cJSON *pod,
                           struct pod_summary *summary) {
    int64_t index = 0;
    JSON_EACH (status, json_find(pod, "status.initContainerStatuses")) {
        bool sidecar = is_sidecar(pod, json_find_string(status, "name"));
        count_restart(status, &summary->restarts, &summary->restarted_ms);
        if (sidecar)
            count_restart(status, &summary->sidecar_restarts, &summary->sidecar_restarted_ms);
        if (is_initializing(arena, pod, status, index++, sidecar, summary))
            return true;
    }
    return false;
}

static void summarize_containers(struct arena *arena, const struct cJSON *pod,
                                 struct pod_summary *summary) {
    bool has_running = false;
    const struct cJSON *statuses = json_find(pod, "status.containerStatuses");
    summary->restarts = summary->sidecar_restarts;
    summary->restarted_ms = summary->sidecar_restarted_ms;
    struct sv first_reason = SV("");
    /* The first container in the list that says something wins. */
    JSON_EACH (status, statuses) {
        const struct cJSON *terminated = json_find(status, "state.terminated");
        struct sv waiting = json_find_string(status, "state.waiting.reason");
        struct sv reason = waiting.len > 0 ? waiting
                           : terminated    ? end_text(arena, terminated)
                                           : SV("");
        count_restart(status, &summary->restarts, &summary->restarted_ms);
        if (reason.len > 0 && first_reason.len == 0)
            first_reason = reason;
        if (reason.len == 0 && json_bool_or(status, SV("ready"), false) &&
            json_find(status, "state.running")) {
            has_running = true;
            summary->ready_count++;
        }
    }
    if (first_reason.len > 0)
        summary->status = first_reason;
    if (sv_eq(summary->status, SV("Completed")) && has_running)
        summary->status =
            object_condition_is_true(pod, SV("Ready")) ? SV("Running") : SV("NotReady");
}

static bool is_phase_final(struct sv phase) {
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

static void summarize_pod(struct arena *arena, const struct cJSON *pod,
                          struct pod_summary *summary) {
    struct sv phase = json_find_string(pod, "status.phase");
    struct sv reason = json_find_string(pod, "status.reason");
    *summary = (struct pod_summary){.status = reason.len > 0 ? reason : phase};
    summary->container_count = (int64_t)json_count(json_find(pod, "spec.containers"));
    JSON_EACH (container, json_find(pod, "spec.initContainers"))
        summary->container_count +=
            sv_eq(json_find_string(container, "restartPolicy"), SV("Always"));
    const struct cJSON *scheduled = object_condition(pod, SV("PodScheduled"));
    if (sv_eq(json_find_string(scheduled, "reason"), SV("SchedulingGated")))
        summary->status = SV("SchedulingGated");
    if (!summarize_init(arena, pod, summary) || object_condition_is_true(pod, SV("Initialized")))
        summarize_containers(arena, pod, summary);
    if (object_is_deleting(pod) && sv_eq(reason, SV("NodeLost")))
        summary->status = SV("Unknown");
    else if (object_is_deleting(pod) && !is_phase_final(phase))
        summary->status = SV("Terminating");
}

static struct sv restarts_text(const struct table_row *row, const struct pod_summary *summary) {
    if (summary->restarts == 0 || summary->restarted_ms == 0)
        return arena_printf(row->arena, "%lld", (long long)summary->restarts);
    struct sv since = human_duration(row->arena, row->now_ms - summary->restarted_ms);
    return arena_printf(row->arena, "%lld (%.*s ago)", (long long)summary->restarts, SV_ARG(since));
}

static struct sv gates_text(const struct table_row *row) {
    const struct cJSON *gates = json_find(row->object, "spec.readinessGates");
    size_t ready = 0;
    if (json_count(gates) == 0)
        return SV("<none>");
    JSON_EACH (gate, gates)
        ready += object_condition_is_true(row->object, json_find_string(gate, "conditionType"));
    return arena_printf(row->arena, "%zu/%zu", ready, json_count(gates));
}

/* A pod that has ended is marked, so that kubectl can leave it out. */
static void set_conditions(struct table_row *row) {
    struct sv phase = json_find_string(row->object, "status.phase");
    if (!is_phase_final(phase))
        return;
    struct cJSON *condition = json_map(row->arena);
    json_set_string(row->arena, condition, SV("type"), SV("Completed"));
    json_set_string(row->arena, condition, SV("status"), SV("True"));
    json_set_string(row->arena, condition, SV("reason"), phase);
    json_set_string(row->arena, condition, SV("message"),
                    sv_eq(phase, SV("Failed")) ? SV("The pod failed.")
                                               : SV("The pod has completed successfully."));
    row->conditions = json_list(row->arena);
    json_append(row->conditions, condition);
}

void fill_pod(struct table_row *row) {
    struct pod_summary summary;
    summarize_pod(row->arena, row->object, &summary);
    cell_name(row);
    cell_text(row, arena_printf(row->arena, "%lld/%lld", (long long)summary.ready_count,
                                (long long)summary.container_count));
    cell_text(row, summary.status);
    cell_text(row, restarts_text(row, &summary));
    cell_age(row);
    cell_find(row, "status.podIP", "<none>");
    cell_find(row, "spec.nodeName", "<none>");
    cell_find(row, "status.nominatedNodeName", "<none>");
    cell_text(row, gates_text(row));
    set_conditions(row);
}

/* --- workloads --- */

static void cells_containers(struct table_row *row, const char *path) {
    struct joiner names, images;
    joiner_init(&names, row->arena);
    joiner_init(&images, row->arena);
    JSON_EACH (container, json_find(row->object, path)) {
        text_add(&names, ",", json_find_string(container, "name"));
        text_add(&images, ",", json_find_string(container, "image"));
    }
    cell_text(row, joiner_text(&names));
    cell_text(row, joiner_text(&images));
}

static struct sv expression_text(const struct table_row *row, const struct cJSON *expression) {
    struct sv key = json_find_string(expression, "key");
    struct sv name = json_find_string(expression, "operator");
    struct cJSON *sorted = json_map(row->arena);
    struct json_index seen = json_index_of(row->arena, sorted);
    struct joiner joined;
    joiner_init(&joined, row->arena);
    JSON_EACH (value, json_get(expression, SV("values")))
        json_index_is_seen_again(&seen, json_text(value));
    json_sort(sorted);
    JSON_EACH (value, sorted)
        text_add(&joined, ",", json_key(value));
    struct sv values = joiner_text(&joined);
    if (sv_eq(name, SV("In")))
        return arena_printf(row->arena, "%.*s in (%.*s)", SV_ARG(key), SV_ARG(values));
    if (sv_eq(name, SV("NotIn")))
        return arena_printf(row->arena, "%.*s notin (%.*s)", SV_ARG(key), SV_ARG(values));
    return sv_eq(name, SV("Exists")) ? key : arena_printf(row->arena, "!%.*s", SV_ARG(key));
}

struct sv selector_text(const struct table_row *row, const struct cJSON *selector) {
    const struct cJSON *labels = json_get(selector, SV("matchLabels"));
    struct joiner text;
    joiner_init(&text, row->arena);
    if (json_count(labels) > 0)
        joiner_add(&text, labels_text(row, labels));
    JSON_EACH (expression, json_get(selector, SV("matchExpressions")))
        text_add(&text, ",", expression_text(row, expression));
    return text_or(joiner_text(&text), "<none>");
}

static void cell_selector(struct table_row *row) {
    cell_text(row, selector_text(row, json_find(row->object, "spec.selector")));
}

static void cell_ratio(struct table_row *row, const char *ready, const char *wanted) {
    cell_text(row,
              arena_printf(row->arena, "%lld/%lld", (long long)json_find_int(row->object, ready, 0),
                           (long long)json_find_int(row->object, wanted, 0)));
}

void fill_pod_template(struct table_row *row) {
    cell_name(row);
    cells_containers(row, "template.spec.containers");
    cell_text(row, labels_text(row, json_find(row->object, "template.metadata.labels")));
}

void fill_deployment(struct table_row *row) {
    cell_name(row);
    cell_ratio(row, "status.readyReplicas", "spec.replicas");
    cell_find_int(row, "status.updatedReplicas", 0);
    cell_find_int(row, "status.availableReplicas", 0);
    cell_age(row);
    cells_containers(row, "spec.template.spec.containers");
    cell_selector(row);
}

void fill_replica_set(struct table_row *row) {
    cell_name(row);
    cell_find_int(row, "spec.replicas", 0);
    cell_find_int(row, "status.replicas", 0);
    cell_find_int(row, "status.readyReplicas", 0);
    cell_age(row);
    cells_containers(row, "spec.template.spec.containers");
    /* A ReplicationController's selector is a plain map. */
    const struct cJSON *selector = json_find(row->object, "spec.selector");
    if (json_is_string(selector ? selector->child : NULL))
        cell_text(row, labels_text(row, selector));
    else
        cell_selector(row);
}

void fill_daemon_set(struct table_row *row) {
    cell_name(row);
    cell_find_int(row, "status.desiredNumberScheduled", 0);
    cell_find_int(row, "status.currentNumberScheduled", 0);
    cell_find_int(row, "status.numberReady", 0);
    cell_find_int(row, "status.updatedNumberScheduled", 0);
    cell_find_int(row, "status.numberAvailable", 0);
    cell_text(row, labels_text(row, json_find(row->object, "spec.template.spec.nodeSelector")));
    cell_age(row);
    cells_containers(row, "spec.template.spec.containers");
    cell_selector(row);
}

void fill_stateful_set(struct table_row *row) {
    cell_name(row);
    cell_ratio(row, "status.readyReplicas", "spec.replicas");
    cell_age(row);
    cells_containers(row, "spec.template.spec.containers");
}

/* --- jobs --- */

static struct sv job_status(const struct cJSON *job) {
    static const struct sv last[] = {SV("Suspended"), SV("FailureTarget"),
                                     SV("SuccessCriteriaMet")};
    if (object_condition_is_true(job, SV("Complete")))
        return SV("Complete");
    if (object_condition_is_true(job, SV("Failed")))
        return SV("Failed");
    if (object_is_deleting(job))
        return SV("Terminating");
    for (size_t i = 0; i < COUNT_OF(last); i++)
        if (object_condition_is_true(job, last[i]))
            return last[i];
    return SV("Running");
}

static struct sv completions_text(const struct table_row *row) {
    long long succeeded = (long long)json_find_int(row->object, "status.succeeded", 0);
    long long parallelism = (long long)json_find_int(row->object, "spec.parallelism", 0);
    if (json_find(row->object, "spec.completions"))
        return arena_printf(row->arena, "%lld/%lld", succeeded,
                            (long long)json_find_int(row->object, "spec.completions", 0));
    if (parallelism > 1)
        return arena_printf(row->arena, "%lld/1 of %lld", succeeded, parallelism);
    return arena_printf(row->arena, "%lld/1", succeeded);
}

static struct sv job_duration(const struct table_row *row) {
    int64_t start_ms, end_ms;
    if (!api_time_parse(json_find_string(row->object, "status.startTime"), &start_ms))
        return SV("");
    if (!api_time_parse(json_find_string(row->object, "status.completionTime"), &end_ms))
        end_ms = row->now_ms;
    return human_duration(row->arena, end_ms - start_ms);
}

void fill_job(struct table_row *row) {
    cell_name(row);
    cell_text(row, job_status(row->object));
    cell_text(row, completions_text(row));
    cell_text(row, job_duration(row));
    cell_age(row);
    cells_containers(row, "spec.template.spec.containers");
    cell_selector(row);
}

void fill_cron_job(struct table_row *row) {
    struct sv last = json_find_string(row->object, "status.lastScheduleTime");
    const struct cJSON *suspend = json_find(row->object, "spec.suspend");
    cell_name(row);
    cell_find(row, "spec.schedule", "");
    cell_find(row, "spec.timeZone", "<none>");
    cell_text(row, !suspend ? SV("<unset>") : json_is_true(suspend) ? SV("True") : SV("False"));
    cell_count(row, "status.active");
    cell_text(row, last.len > 0 ? time_since(row, last) : SV("<none>"));
    cell_age(row);
    cells_containers(row, "spec.jobTemplate.spec.template.spec.containers");
    const struct cJSON *labels =
        json_find(row->object, "spec.jobTemplate.spec.selector.matchLabels");
    cell_text(row, labels_text(row, labels));
}

/* --- what watches over workloads --- */

void fill_controller_revision(struct table_row *row) {
    const struct cJSON *owner = object_controller_owner(row->object);
    struct sv group = json_find_string(owner, "apiVersion");
    group = sv_find(group, '/') < group.len ? sv_cut(&group, '/') : SV("");
    struct sv kind = json_find_string(owner, "kind");
    struct sv lower = arena_copy(row->arena, kind);
    for (size_t i = 0; i < lower.len; i++)
        if (lower.ptr[i] >= 'A' && lower.ptr[i] <= 'Z')
            ((char *)lower.ptr)[i] = (char)(lower.ptr[i] - 'A' + 'a');
    cell_name(row);
    cell_text(row, !owner ? SV("<none>")
                          : arena_printf(row->arena, "%.*s%s%.*s/%.*s", SV_ARG(lower),
                                         group.len > 0 ? "." : "", SV_ARG(group),
                                         SV_ARG(json_find_string(owner, "name"))));
    cell_find_int(row, "revision", 0);
    cell_age(row);
}

/* "cpu: 10%/80%", "cpu: 100m/200m". */
static struct sv resource_target(const struct table_row *row, const struct cJSON *metric,
                                 const struct cJSON *current, struct sv source) {
    const struct cJSON *wanted = json_get(metric, source);
    const struct cJSON *is = json_get(current, source);
    struct sv name = json_find_string(wanted, "name");
    const struct cJSON *percent = json_find(wanted, "target.averageUtilization");
    struct sv target = json_find_string(wanted, "target.averageValue");
    struct sv now = json_find_string(is, "current.averageValue");
    /* These two may also want a sum, so that an average says that it is one. */
    bool has_either = sv_eq(source, SV("object")) || sv_eq(source, SV("external"));
    if (target.len > 0 && has_either)
        target = arena_printf(row->arena, "%.*s (avg)", SV_ARG(target));
    if (target.len == 0) {
        target = json_find_string(wanted, "target.value");
        now = json_find_string(is, "current.value");
    }
    if (percent) {
        const struct cJSON *now_percent = json_find(is, "current.averageUtilization");
        target = arena_printf(row->arena, "%.*s%%", SV_ARG(json_text(percent)));
        now = now_percent ? arena_printf(row->arena, "%.*s%%", SV_ARG(json_text(now_percent)))
                          : SV("");
    }
    return arena_printf(row->arena, "%.*s%s%.*s/%.*s", SV_ARG(name), name.len > 0 ? ": " : "",
                        SV_ARG(text_or(now, "<unknown>")), SV_ARG(target));
}

static struct sv metric_text(const struct table_row *row, const struct cJSON *metric,
                             const struct cJSON *current) {
    static const struct {
        struct sv type, source;
    } sources[] = {
        {SV("Resource"), SV("resource")}, {SV("ContainerResource"), SV("containerResource")},
        {SV("Pods"), SV("pods")},         {SV("Object"), SV("object")},
        {SV("External"), SV("external")},
    };
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        if (sv_eq(sources[i].type, json_find_string(metric, "type")))
            return resource_target(row, metric, current, sources[i].source);
    return SV("<unknown type>");
}

static struct sv targets_text(const struct table_row *row) {
    enum { SHOWN_MAX = 2 };
    struct sv text = SV("");
    const struct cJSON *metrics = json_find(row->object, "spec.metrics");
    size_t index = 0, count = json_count(metrics);
    JSON_EACH (metric, metrics) {
        if (index == SHOWN_MAX)
            break;
        const struct cJSON *current =
            json_at(json_find(row->object, "status.currentMetrics"), index++);
        text = text_join(row, text, ", ", metric_text(row, metric, current));
    }
    if (count > SHOWN_MAX)
        text = arena_printf(row->arena, "%.*s + %zu more...", SV_ARG(text), count - SHOWN_MAX);
    /* autoscaling/v1 knows the processor only. */
    const struct cJSON *percent = json_find(row->object, "spec.targetCPUUtilizationPercentage");
    if (count == 0 && percent) {
        const struct cJSON *now = json_find(row->object, "status.currentCPUUtilizationPercentage");
        text = arena_printf(row->arena, "cpu: %.*s%s/%.*s%%",
                            SV_ARG(text_or(json_text(now), "<unknown>")), now ? "%" : "",
                            SV_ARG(json_text(percent)));
    }
    return text_or(text, "<none>");
}

void fill_autoscaler(struct table_row *row) {
    cell_name(row);
    cell_text(row, arena_printf(row->arena, "%.*s/%.*s",
                                SV_ARG(json_find_string(row->object, "spec.scaleTargetRef.kind")),
                                SV_ARG(json_find_string(row->object, "spec.scaleTargetRef.name"))));
    cell_text(row, targets_text(row));
    cell_find(row, "spec.minReplicas", "<unset>");
    cell_find_int(row, "spec.maxReplicas", 0);
    cell_find_int(row, "status.currentReplicas", 0);
    cell_age(row);
}

void fill_disruption_budget(struct table_row *row) {
    cell_name(row);
    cell_find(row, "spec.minAvailable", "N/A");
    cell_find(row, "spec.maxUnavailable", "N/A");
    cell_find_int(row, "status.disruptionsAllowed", 0);
    cell_age(row);
}
