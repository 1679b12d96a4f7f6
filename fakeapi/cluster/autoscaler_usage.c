/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/autoscaler_usage.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"

/* kube-controller-manager's flags. */
enum {
    CPU_INITIALIZATION_MS = 5 * 60 * 1000,
    INITIAL_READINESS_MS = 30 * 1000,
    /* Of a custom metric that does not say over what time it was measured. */
    METRIC_WINDOW_MS = 60 * 1000,
};
/* Closer to the target than this is close enough; as Go's floating point has it. */
static const double tolerance = 0.1;

enum group { GROUP_READY, GROUP_UNREADY, GROUP_MISSING, GROUP_IGNORED };

struct measured {
    const struct cJSON *pod;
    enum group group;
    bool has_value; /* that counts */
    int64_t value, request;
    int64_t at_ms, window_ms;
};

struct calculation {
    const struct usage_question *question;
    struct arena *arena;
    struct measured *pods;
    size_t count, ready_count, unready_count, missing_count;
    int64_t target; /* percent, or thousandths of the resource */
    bool is_utilization;
};

/* --- what was measured --- */

static int64_t milli_of(const struct cJSON *quantity) {
    struct quantity parsed;
    return quantity && quantity_parse(json_text(quantity), &parsed) ? quantity_milli_value(parsed)
                                                                    : 0;
}

/* What was measured, by pod. */
static struct map *index_usage(const struct usage_question *question) {
    struct map *by_pod = map_new();
    JSON_EACH (item, json_get(question->usage, SV("items"))) {
        struct sv name = question->is_custom ? json_find_string(item, "describedObject.name")
                                             : object_name(item);
        if (!map_get(by_pod, name))
            map_put(by_pod, name, item);
    }
    return by_pod;
}

static void measure_custom(const struct cJSON *item, struct measured *measured) {
    const struct cJSON *value = json_get(item, SV("value"));
    measured->value = milli_of(value);
    measured->has_value = value != NULL;
    measured->window_ms = 1000 * json_find_int(item, "windowSeconds", METRIC_WINDOW_MS / 1000);
    if (!api_time_parse(json_find_string(item, "timestamp"), &measured->at_ms))
        measured->at_ms = 0;
}

/* A pod of which one container is not measured is not measured. */
static void measure(const struct usage_question *question, const struct cJSON *item,
                    struct measured *measured) {
    const struct cJSON *containers = json_get(item, SV("containers"));
    bool is_missing = json_count(containers) == 0, is_found = false;
    JSON_EACH (container, containers) {
        const struct cJSON *usage = json_get(json_get(container, SV("usage")), question->resource);
        if (question->container.len > 0 &&
            !sv_eq(json_find_string(container, "name"), question->container))
            continue;
        is_found = true;
        is_missing |= !usage;
        measured->value += milli_of(usage);
    }
    measured->has_value = is_found && !is_missing;
    if (!api_time_parse(json_find_string(item, "timestamp"), &measured->at_ms))
        measured->at_ms = 0;
    if (!api_duration_parse(json_find_string(item, "window"), &measured->window_ms))
        measured->window_ms = 0;
}

/* A pod that starts uses more than it is going to. */
static bool is_starting(const struct usage_question *question, const struct measured *measured) {
    const struct cJSON *ready = object_condition(measured->pod, SV("Ready"));
    int64_t started_ms, changed_ms;
    if (!ready || !api_time_parse(json_find_string(measured->pod, "status.startTime"), &started_ms))
        return true;
    if (!api_time_parse(json_find_string(ready, "lastTransitionTime"), &changed_ms))
        changed_ms = 0;
    bool is_ready = !sv_eq(json_find_string(ready, "status"), SV("False"));
    if (started_ms + CPU_INITIALIZATION_MS > question->now_ms)
        return !is_ready || measured->at_ms < changed_ms + measured->window_ms;
    return !is_ready && started_ms + INITIAL_READINESS_MS > changed_ms;
}

static enum group group_of(const struct usage_question *question, const struct measured *measured) {
    struct sv phase = json_find_string(measured->pod, "status.phase");
    if (object_is_deleting(measured->pod) || sv_eq(phase, SV("Failed")))
        return GROUP_IGNORED;
    if (sv_eq(phase, SV("Pending")))
        return GROUP_UNREADY;
    if (!measured->has_value)
        return GROUP_MISSING;
    bool is_unready = sv_eq(question->resource, SV("cpu")) && is_starting(question, measured);
    return is_unready ? GROUP_UNREADY : GROUP_READY;
}

static void group_pods(struct calculation *calculation) {
    const struct usage_question *question = calculation->question;
    const struct cJSON *pod;
    AUTO(map) by_pod = index_usage(question);
    calculation->pods =
        ARENA_ARRAY(calculation->arena, struct measured, cache_count(question->pods) + 1);
    for (size_t cursor = 0; (pod = cache_next(question->pods, &cursor));) {
        if (!sv_eq(object_namespace(pod), question->namespace_name) ||
            !selector_matches(question->selector, json_find(pod, "metadata.labels")))
            continue;
        struct measured *measured = &calculation->pods[calculation->count++];
        measured->pod = pod;
        const struct cJSON *item = map_get(by_pod, object_name(pod));
        if (question->is_custom)
            measure_custom(item, measured);
        else
            measure(question, item, measured);
        measured->group = group_of(question, measured);
        measured->has_value &= measured->group == GROUP_READY;
        calculation->ready_count += measured->group == GROUP_READY;
        calculation->unready_count += measured->group == GROUP_UNREADY;
        calculation->missing_count += measured->group == GROUP_MISSING;
    }
}

/* --- what was requested --- */

static struct sv read_requests(struct calculation *calculation, struct measured *measured) {
    static const char *const lists[] = {"spec.containers", "spec.initContainers"};
    const struct usage_question *question = calculation->question;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(measured->pod, lists[i])) {
            struct sv name = json_find_string(container, "name");
            bool counts =
                i == 0 || sv_eq(json_find_string(container, "restartPolicy"), SV("Always"));
            if (!counts || (question->container.len > 0 && !sv_eq(name, question->container)))
                continue;
            const struct cJSON *request =
                json_get(json_find(container, "resources.requests"), question->resource);
            if (!request)
                return arena_printf(
                    calculation->arena, "missing request for %.*s in container %.*s of Pod %.*s",
                    SV_ARG(question->resource), SV_ARG(name), SV_ARG(object_name(measured->pod)));
            measured->request += milli_of(request);
        }
    return SV("");
}

/* --- numbers --- */

struct total {
    int64_t value, request;
    int64_t count;
};

static struct total total_of(const struct calculation *calculation) {
    struct total total = {0};
    for (size_t i = 0; i < calculation->count; i++) {
        const struct measured *measured = &calculation->pods[i];
        if (!measured->has_value)
            continue;
        total.value += measured->value;
        total.request += measured->request;
        total.count++;
    }
    return total;
}

static int64_t share_of(const struct calculation *calculation, const struct total *total) {
    return calculation->is_utilization ? total->value * 100 / total->request
                                       : total->value / total->count;
}

static double ratio_of(const struct calculation *calculation, const struct total *total) {
    return (double)share_of(calculation, total) / (double)calculation->target;
}

static bool is_close(double ratio) {
    return 1.0 - tolerance <= ratio && ratio <= 1.0 + tolerance;
}

static int64_t rounded_up(double number) {
    int64_t whole = (int64_t)number;
    return (double)whole < number ? whole + 1 : whole;
}

/* What pods count as using that nobody measured. */
static int64_t assumed_use(const struct calculation *calculation, const struct measured *measured,
                           double ratio) {
    int64_t percent = calculation->target > 100 ? calculation->target : 100;
    if (ratio > 1.0)
        return 0;
    return calculation->is_utilization ? measured->request * percent / 100 : calculation->target;
}

static void assume(struct calculation *calculation, double ratio) {
    for (size_t i = 0; i < calculation->count; i++) {
        struct measured *measured = &calculation->pods[i];
        bool counts = (measured->group == GROUP_MISSING && (ratio < 1.0 || ratio > 1.0)) ||
                      (measured->group == GROUP_UNREADY && ratio > 1.0);
        if (!counts)
            continue;
        measured->has_value = true;
        measured->value = assumed_use(calculation, measured, ratio);
    }
}

static int64_t replicas_for(struct calculation *calculation, double ratio) {
    int64_t replicas = calculation->question->replicas;
    bool has_unready = calculation->unready_count > 0 && ratio > 1.0;
    if (!has_unready && calculation->missing_count == 0)
        return is_close(ratio) ? replicas : rounded_up(ratio * (double)calculation->ready_count);
    assume(calculation, ratio);
    struct total total = total_of(calculation);
    double now = ratio_of(calculation, &total);
    if (is_close(now) || (ratio < 1.0 && now > 1.0) || (ratio > 1.0 && now < 1.0))
        return replicas;
    int64_t wanted = rounded_up(now * (double)total.count);
    bool turns = (now < 1.0 && wanted > replicas) || (now > 1.0 && wanted < replicas);
    return turns ? replicas : wanted;
}

/* --- all of it --- */

static struct sv read_target(struct calculation *calculation) {
    const struct cJSON *amount = json_find(calculation->question->target, "averageValue");
    calculation->target =
        amount ? milli_of(amount)
               : json_find_int(calculation->question->target, "averageUtilization", 0);
    calculation->is_utilization = !amount;
    return calculation->target > 0
               ? SV("")
               : SV("invalid resource metric source: neither an average utilization target nor an "
                    "average value (usage) target was set");
}

static struct sv read_all_requests(struct calculation *calculation) {
    struct sv problem = SV("");
    for (size_t i = 0; calculation->is_utilization && problem.len == 0 && i < calculation->count;
         i++)
        problem = read_requests(calculation, &calculation->pods[i]);
    return problem;
}

struct sv usage_replicas(const struct usage_question *question, struct arena *arena,
                         struct usage_answer *ret_answer) {
    struct calculation calculation = {.question = question, .arena = arena};
    struct sv problem = read_target(&calculation);
    if (problem.len > 0)
        return problem;
    group_pods(&calculation);
    if (calculation.count == 0)
        return SV("no pods returned by selector while calculating replica count");
    if (calculation.ready_count == 0)
        return SV("did not receive metrics for targeted pods (pods might be unready)");
    problem = read_all_requests(&calculation);
    if (problem.len > 0)
        return problem;
    struct total total = total_of(&calculation);
    if (calculation.is_utilization && total.request == 0)
        return SV("no metrics returned matched known pods");
    *ret_answer = (struct usage_answer){
        .utilization = calculation.is_utilization ? share_of(&calculation, &total) : -1,
        .average_milli = total.value / total.count,
    };
    ret_answer->replicas = replicas_for(&calculation, ratio_of(&calculation, &total));
    return SV("");
}

/* --- numbers that are not pods' --- */

static bool is_ready(const struct cJSON *pod) {
    return sv_eq(json_find_string(pod, "status.phase"), SV("Running")) &&
           object_condition_is_true(pod, SV("Ready"));
}

/* Negative: there are no pods at all. */
static int64_t count_ready(const struct usage_question *question) {
    const struct cJSON *pod;
    int64_t ready_count = 0;
    bool has_pods = false;
    for (size_t cursor = 0; (pod = cache_next(question->pods, &cursor));) {
        if (!sv_eq(object_namespace(pod), question->namespace_name) ||
            !selector_matches(question->selector, json_find(pod, "metadata.labels")))
            continue;
        has_pods = true;
        ready_count += is_ready(pod);
    }
    return has_pods ? ready_count : -1;
}

static struct sv replicas_of_value(const struct usage_question *question, double ratio,
                                   int64_t *ret_replicas) {
    int64_t ready_count = 1; /* from none on, one is as good as ready */
    if (question->replicas != 0 && is_close(ratio)) {
        *ret_replicas = question->replicas;
        return SV("");
    }
    if (question->replicas != 0)
        ready_count = count_ready(question);
    if (ready_count < 0)
        return SV("unable to calculate ready pods: no pods returned by selector while calculating "
                  "replica count");
    *ret_replicas = rounded_up(ratio * (double)ready_count);
    return SV("");
}

static int64_t replicas_of_average(const struct usage_question *question, double total,
                                   double target) {
    double ratio = total / (target * (double)question->status_replicas);
    double wanted = total / target;
    if (question->status_replicas > 0 && is_close(ratio))
        return question->status_replicas;
    return wanted > (double)INT32_MAX ? INT32_MAX : rounded_up(wanted);
}

struct sv usage_replicas_of_total(const struct usage_question *question, int64_t total_milli,
                                  struct usage_answer *ret_answer) {
    const struct cJSON *average = json_find(question->target, "averageValue");
    int64_t target = milli_of(average ? average : json_find(question->target, "value"));
    int64_t pods = question->status_replicas > 0 ? question->status_replicas : 1;
    if (target <= 0)
        return SV("neither a value target nor an average value target was set");
    *ret_answer = (struct usage_answer){
        .utilization = -1,
        .is_total = !average,
        .average_milli = average ? rounded_up((double)total_milli / (double)pods) : total_milli,
    };
    if (!average)
        return replicas_of_value(question, (double)total_milli / (double)target,
                                 &ret_answer->replicas);
    ret_answer->replicas = replicas_of_average(question, (double)total_milli, (double)target);
    return SV("");
}
