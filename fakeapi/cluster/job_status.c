/* SPDX-License-Identifier: Apache-2.0 */
/* What a Job has come to, and its status. */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/job_parts.h"
#include "fakeapi/cluster/pod_control.h"

enum { BACKOFF_LIMIT_DEFAULT = 6 };

/* --- how it ends --- */

const struct cJSON *job_finished_condition(const struct cJSON *job) {
    static const struct sv types[] = {{"Complete", 8}, {"Failed", 6}};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (object_condition_is_true(job, types[i]))
            return object_condition(job, types[i]);
    return NULL;
}

/* What was decided stays, whatever the pods do while they go. */
static bool find_decided(struct job_sync *sync) {
    static const struct sv decided[][2] = {{{"SuccessCriteriaMet", 18}, {"Complete", 8}},
                                           {{"FailureTarget", 13}, {"Failed", 6}}};
    for (size_t i = 0; i < COUNT_OF(decided); i++) {
        const struct cJSON *condition = object_condition(sync->job, decided[i][0]);
        if (!object_condition_is_true(sync->job, decided[i][0]))
            continue;
        sync->finish =
            (struct job_finish){decided[i][1], json_string_or(condition, SV("reason"), SV("")),
                                json_string_or(condition, SV("message"), SV(""))};
        return true;
    }
    return false;
}

/* Where containers are restarted in place, their restarts are the failures. */
static bool restarts_exceed(const struct job_sync *sync, int64_t limit) {
    int64_t restarts = 0;
    if (!sv_eq(json_find_string(sync->job, "spec.template.spec.restartPolicy"), SV("OnFailure")))
        return false;
    for (size_t i = 0; i < sync->active_count; i++) {
        JSON_EACH (status, json_find(sync->active[i], "status.initContainerStatuses"))
            restarts += json_int_or(status, SV("restartCount"), 0);
        JSON_EACH (status, json_find(sync->active[i], "status.containerStatuses"))
            restarts += json_int_or(status, SV("restartCount"), 0);
    }
    return limit == 0 ? restarts > 0 : restarts >= limit;
}

static bool is_past_deadline(struct job_sync *sync) {
    int64_t seconds = json_find_int(sync->job, "spec.activeDeadlineSeconds", -1), start_ms;
    if (seconds < 0 || sync->is_suspended)
        return false;
    if (!api_time_parse(json_find_string(sync->job, "status.startTime"), &start_ms))
        start_ms = sync->now_ms;
    int64_t due_ms = start_ms + seconds * 1000;
    if (due_ms > sync->now_ms && due_ms < sync->next_ms)
        sync->next_ms = due_ms;
    return due_ms <= sync->now_ms;
}

static void fail(struct job_sync *sync, struct sv reason, struct sv message) {
    sync->finish = (struct job_finish){SV("Failed"), reason, message};
}

static void find_index_failure(struct job_sync *sync) {
    int64_t failed = index_set_size(&sync->failed_indexes);
    int64_t max = json_find_int(sync->job, "spec.maxFailedIndexes", -1);
    if (failed == 0)
        return;
    if (max >= 0 && failed > max)
        fail(sync, SV("MaxFailedIndexesExceeded"),
             SV("Job has exceeded the specified maximal number of failed indexes"));
    else if (failed + sync->succeeded >= sync->completions && sync->active_count == 0)
        fail(sync, SV("FailedIndexes"), SV("Job has failed indexes"));
}

static bool success_rule_holds(const struct job_sync *sync, const struct cJSON *rule) {
    struct sv text = json_string_or(rule, SV("succeededIndexes"), SV(""));
    struct index_set wanted = index_set_parse(text, sync->completions, sync->arena);
    int64_t size = index_set_size(text.len > 0 ? &wanted : &sync->succeeded_indexes);
    int64_t count = json_int_or(rule, SV("succeededCount"), size), have = size;
    if (text.len > 0) {
        have = 0;
        for (size_t i = 0; i < wanted.count; i++)
            for (int64_t index = wanted.items[i].first; index <= wanted.items[i].last; index++)
                have += index_set_has(&sync->succeeded_indexes, index);
    }
    return have >= count && have > 0;
}

static void find_success(struct job_sync *sync) {
    long long index = 0;
    JSON_EACH (rule, json_find(sync->job, "spec.successPolicy.rules")) {
        if (sync->is_indexed && success_rule_holds(sync, rule)) {
            sync->finish = (struct job_finish){
                SV("Complete"), SV("SuccessPolicy"),
                arena_printf(sync->arena, "Matched rules at index %lld", index)};
            return;
        }
        index++;
    }
    bool is_done = sync->completions < 0 ? sync->succeeded > 0 && sync->active_count == 0
                                         : sync->succeeded >= sync->completions;
    if (is_done)
        sync->finish = (struct job_finish){SV("Complete"), SV("CompletionsReached"),
                                           SV("Reached expected number of succeeded pods")};
}

void job_find_finish(struct job_sync *sync) {
    bool is_per_index = json_find(sync->job, "spec.backoffLimitPerIndex") != NULL;
    int64_t limit = json_find_int(sync->job, "spec.backoffLimit",
                                  is_per_index ? INT32_MAX : BACKOFF_LIMIT_DEFAULT);
    if (find_decided(sync) || sync->finish.type.len > 0)
        return;
    if (sync->failed > limit || restarts_exceed(sync, limit))
        fail(sync, SV("BackoffLimitExceeded"), SV("Job has reached the specified backoff limit"));
    else if (is_past_deadline(sync))
        fail(sync, SV("DeadlineExceeded"), SV("Job was active longer than specified deadline"));
    else
        find_index_failure(sync);
    if (sync->finish.type.len == 0)
        find_success(sync);
}

/* --- conditions --- */

static void set_condition(const struct job_sync *sync, struct cJSON *list, struct sv type,
                          bool is_true, struct sv reason, struct sv message) {
    struct arena *arena = sync->arena;
    struct sv now = api_time_format(sync->now_ms, arena);
    struct sv value = is_true ? SV("True") : SV("False");
    struct cJSON *condition = json_map(arena);
    json_set_string(arena, condition, SV("type"), type);
    json_set_string(arena, condition, SV("status"), value);
    json_set_string(arena, condition, SV("lastProbeTime"), now);
    json_set_string(arena, condition, SV("lastTransitionTime"), now);
    json_set_string(arena, condition, SV("reason"), reason);
    json_set_string(arena, condition, SV("message"), message);
    const struct cJSON *known = condition_find(list, type);
    if (!sv_eq(json_string_or(known, SV("status"), SV("")), value))
        condition_put(list, condition);
}

static bool is_drained(const struct job_sync *sync) {
    return sync->active_count == 0 && sync->terminating == 0 && sync->uncounted_count == 0 &&
           sync->new_uncounted_count == 0 && sync->releasable_count == 0;
}

static void add_end(const struct job_sync *sync, struct cJSON *conditions, struct cJSON *status) {
    struct job_finish finish = sync->finish;
    bool is_success = sv_eq(finish.type, SV("Complete"));
    set_condition(sync, conditions, is_success ? SV("SuccessCriteriaMet") : SV("FailureTarget"),
                  true, finish.reason, finish.message);
    if (!is_drained(sync))
        return;
    set_condition(sync, conditions, finish.type, true, finish.reason, finish.message);
    if (is_success)
        json_set_string(sync->arena, status, SV("completionTime"),
                        api_time_format(sync->now_ms, sync->arena));
}

static void report_end(const struct job_sync *sync) {
    struct agent_part *part = pod_control_part(sync->controller->control);
    if (sv_eq(sync->finish.type, SV("Complete")))
        agent_event(part, sync->job, false, SV("Completed"), SV("Job completed"));
    else
        agent_event(part, sync->job, true, sync->finish.reason, sync->finish.message);
}

/* True when it changes: then an event tells of it. */
static bool add_suspension(const struct job_sync *sync, struct cJSON *conditions) {
    bool was_suspended = object_condition_is_true(sync->job, SV("Suspended"));
    if (sync->is_suspended && !was_suspended)
        set_condition(sync, conditions, SV("Suspended"), true, SV("JobSuspended"),
                      SV("Job suspended"));
    else if (was_suspended && !sync->is_suspended)
        set_condition(sync, conditions, SV("Suspended"), false, SV("JobResumed"),
                      SV("Job resumed"));
    return sync->is_suspended != was_suspended;
}

static void report_suspension(const struct job_sync *sync) {
    agent_event(pod_control_part(sync->controller->control), sync->job, false,
                sync->is_suspended ? SV("Suspended") : SV("Resumed"),
                sync->is_suspended ? SV("Job suspended") : SV("Job resumed"));
}

/* --- the whole --- */

static void set_unless_zero(struct arena *arena, struct cJSON *status, struct sv name,
                            int64_t value) {
    if (value != 0)
        json_set_int(arena, status, name, value);
}

static void add_times(const struct job_sync *sync, struct cJSON *status) {
    struct sv start = json_find_string(sync->job, "status.startTime");
    if (start.len == 0)
        start = api_time_format(sync->now_ms, sync->arena);
    if (!sync->is_suspended)
        json_set_string(sync->arena, status, SV("startTime"), start);
}

static void add_numbers(const struct job_sync *sync, struct cJSON *status) {
    struct arena *arena = sync->arena;
    set_unless_zero(arena, status, SV("active"), (int64_t)sync->active_count);
    set_unless_zero(arena, status, SV("succeeded"), sync->counted_succeeded);
    set_unless_zero(arena, status, SV("failed"), sync->counted_failed);
    json_set_int(arena, status, SV("terminating"), sync->terminating);
    json_set_int(arena, status, SV("ready"), sync->ready);
    if (sync->succeeded_indexes.count > 0)
        json_set_string(arena, status, SV("completedIndexes"),
                        index_set_format(&sync->succeeded_indexes, arena));
    if (json_find(sync->job, "spec.backoffLimitPerIndex"))
        json_set_string(arena, status, SV("failedIndexes"),
                        index_set_format(&sync->failed_indexes, arena));
    json_set(arena, status, SV("uncountedTerminatedPods"), sync->uncounted);
}

bool job_write_status(struct job_sync *sync) {
    struct arena *arena = sync->arena;
    struct cJSON *status = json_map(arena), *conditions = json_list(arena);
    JSON_EACH (known, json_find(sync->job, "status.conditions"))
        json_append(conditions, json_copy(arena, known));
    add_times(sync, status);
    add_numbers(sync, status);
    bool has_changed = add_suspension(sync, conditions);
    if (sync->finish.type.len > 0)
        add_end(sync, conditions, status);
    if (json_count(conditions) > 0)
        json_set(arena, status, SV("conditions"), conditions);
    if (!pod_control_write_status(sync->controller->control, sync->key, sync->job, status, arena))
        return false;
    if (has_changed)
        report_suspension(sync);
    if (sync->finish.type.len > 0 && is_drained(sync))
        report_end(sync);
    return true;
}
