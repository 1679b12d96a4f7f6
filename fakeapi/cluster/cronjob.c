/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/cronjob.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/cronjob_schedule.h"
#include "fakeapi/cluster/job.h"
#include "fakeapi/cluster/pod_control.h"

#define SCHEDULED SV("batch.kubernetes.io/cronjob-scheduled-timestamp")

struct cronjob_controller {
    struct pod_control *control;
    struct agent_cache *jobs;
    size_t jobs_by_controller;
};

struct cron_sync {
    struct cronjob_controller *controller;
    struct sv key;
    const struct cJSON *tree;
    struct arena *arena;
    int64_t now_ms;
    VEC(const struct cJSON *) active;
    VEC(const struct cJSON *) succeeded;
    VEC(const struct cJSON *) failed;
    int64_t last_scheduled_ms, last_succeeded_ms; /* 0: never */
};

/* --- its Jobs --- */

static int64_t parse_ms(struct sv text) {
    int64_t time_ms;
    return api_time_parse(text, &time_ms) ? time_ms : 0;
}

static void raise(int64_t *latest_ms, int64_t time_ms) {
    *latest_ms = time_ms > *latest_ms ? time_ms : *latest_ms;
}

static void collect_jobs(struct cron_sync *sync) {
    size_t cursor = 0;
    const struct cJSON *job;
    const struct cronjob_controller *controller = sync->controller;
    sync->last_scheduled_ms = parse_ms(json_find_string(sync->tree, "status.lastScheduleTime"));
    sync->last_succeeded_ms = parse_ms(json_find_string(sync->tree, "status.lastSuccessfulTime"));
    while ((job = cache_index_next(controller->jobs, controller->jobs_by_controller,
                                   object_uid(sync->tree), &cursor))) {
        raise(&sync->last_scheduled_ms, parse_ms(object_annotation(job, SCHEDULED)));
        if (object_condition_is_true(job, SV("Complete"))) {
            vec_push(&sync->succeeded, job);
            raise(&sync->last_succeeded_ms,
                  parse_ms(json_find_string(job, "status.completionTime")));
        } else if (object_condition_is_true(job, SV("Failed"))) {
            vec_push(&sync->failed, job);
        } else {
            vec_push(&sync->active, job);
        }
    }
}

static void report(struct cron_sync *sync, bool is_warning, struct sv reason, struct sv message) {
    agent_event(pod_control_part(sync->controller->control), sync->tree, is_warning, reason,
                message);
}

static void delete_job(struct cron_sync *sync, const struct cJSON *job) {
    struct request request = job_deletion(sync->arena, job);
    if (object_is_deleting(job))
        return;
    pod_control_send(
        sync->controller->control, sync->key, &request,
        &(struct pod_control_report){
            .done_reason = SV("SuccessfulDelete"),
            .done_message = arena_printf(sync->arena, "Deleted job %.*s", SV_ARG(object_name(job))),
            .failed_reason = SV("FailedDelete"),
            .failed_message = SV("Deleted job: "),
        });
}

/* --- status --- */

static bool has_uid(const struct cJSON *const *jobs, size_t count, struct sv uid) {
    for (size_t i = 0; i < count; i++)
        if (sv_eq(object_uid(jobs[i]), uid))
            return true;
    return false;
}

static void report_finished(struct cron_sync *sync) {
    JSON_EACH (reference, json_find(sync->tree, "status.active")) {
        struct sv uid = json_string_or(reference, SV("uid"), SV(""));
        struct sv name = json_string_or(reference, SV("name"), SV(""));
        bool is_complete = has_uid(sync->succeeded.items, sync->succeeded.count, uid);
        if (is_complete || has_uid(sync->failed.items, sync->failed.count, uid))
            report(sync, false, SV("SawCompletedJob"),
                   arena_printf(sync->arena, "Saw completed job: %.*s, condition: %s", SV_ARG(name),
                                is_complete ? "Complete" : "Failed"));
        else if (!has_uid(sync->active.items, sync->active.count, uid))
            report(sync, false, SV("MissingJob"),
                   arena_printf(sync->arena, "Active job went missing: %.*s", SV_ARG(name)));
    }
}

/* A reference keeps the resource version under which the Job was first seen. */
static struct sv referenced_version(const struct cron_sync *sync, const struct cJSON *job) {
    JSON_EACH (reference, json_find(sync->tree, "status.active"))
        if (sv_eq(json_string_or(reference, SV("uid"), SV("")), object_uid(job)))
            return json_string_or(reference, SV("resourceVersion"), SV(""));
    return object_resource_version(job);
}

static struct cJSON *active_reference(const struct cron_sync *sync, const struct cJSON *job) {
    struct arena *arena = sync->arena;
    struct cJSON *reference = json_map(arena);
    json_set_string(arena, reference, SV("apiVersion"), SV("batch/v1"));
    json_set_string(arena, reference, SV("kind"), SV("Job"));
    json_set_string(arena, reference, SV("name"), object_name(job));
    json_set_string(arena, reference, SV("namespace"), object_namespace(job));
    json_set_string(arena, reference, SV("resourceVersion"), referenced_version(sync, job));
    json_set_string(arena, reference, SV("uid"), object_uid(job));
    return reference;
}

static bool write_status(struct cron_sync *sync) {
    struct arena *arena = sync->arena;
    struct cJSON *status = json_map(arena);
    for (size_t i = 0; i < sync->active.count; i++)
        json_append(json_ensure_list(arena, status, SV("active")),
                    active_reference(sync, sync->active.items[i]));
    if (sync->last_scheduled_ms != 0)
        json_set_string(arena, status, SV("lastScheduleTime"),
                        api_time_format(sync->last_scheduled_ms, arena));
    if (sync->last_succeeded_ms != 0)
        json_set_string(arena, status, SV("lastSuccessfulTime"),
                        api_time_format(sync->last_succeeded_ms, arena));
    if (!pod_control_write_status(sync->controller->control, sync->key, sync->tree, status, arena))
        return false;
    report_finished(sync);
    return true;
}

/* --- history --- */

static int compare_starts(const void *left, const void *right) {
    const struct cJSON *a = *(const struct cJSON *const *)left;
    const struct cJSON *b = *(const struct cJSON *const *)right;
    int64_t a_ms = parse_ms(json_find_string(a, "status.startTime"));
    int64_t b_ms = parse_ms(json_find_string(b, "status.startTime"));
    return a_ms != b_ms ? (a_ms < b_ms ? -1 : 1) : sv_compare(object_name(a), object_name(b));
}

static void shorten_history(struct cron_sync *sync, const struct cJSON **jobs, size_t count,
                            int64_t limit) {
    if ((int64_t)count <= limit)
        return;
    qsort(jobs, count, sizeof(*jobs), compare_starts);
    for (size_t i = 0; i < count - (size_t)limit; i++)
        delete_job(sync, jobs[i]);
}

/* --- starts --- */

static void create_job(struct cron_sync *sync, int64_t at_ms) {
    struct arena *arena = sync->arena;
    const struct cJSON *template = json_find(sync->tree, "spec.jobTemplate");
    struct sv name = arena_printf(arena, "%.*s-%lld", SV_ARG(object_name(sync->tree)),
                                  (long long)(at_ms / 60000));
    struct cJSON *job = object_new(arena, &RESOURCE_JOBS, object_namespace(sync->tree), name);
    struct cJSON *metadata = json_get(job, SV("metadata"));
    static const struct sv kept[] = {{"labels", 6}, {"annotations", 11}};
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const struct cJSON *value = json_get(json_get(template, SV("metadata")), kept[i]);
        if (value)
            json_set(arena, metadata, kept[i], json_copy(arena, value));
    }
    object_set_annotation(arena, job, SCHEDULED, api_time_format(at_ms, arena));
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")),
                pod_control_reference(arena, sync->tree, &RESOURCE_CRON_JOBS));
    json_set(arena, job, SV("spec"), json_copy(arena, json_get(template, SV("spec"))));
    struct request request = agent_create(&RESOURCE_JOBS, job);
    pod_control_send(sync->controller->control, sync->key, &request,
                     &(struct pod_control_report){
                         .done_reason = SV("SuccessfulCreate"),
                         .done_message = SV("Created job "),
                         .is_name_added = true,
                         .failed_reason = SV("FailedCreate"),
                         .failed_message = SV("Error creating job: "),
                     });
}

/* What the concurrency policy makes of Jobs that still run; false: no new one now. */
static bool make_room(struct cron_sync *sync) {
    struct sv policy = json_find_string(sync->tree, "spec.concurrencyPolicy");
    if (sync->active.count == 0)
        return true;
    if (sv_eq(policy, SV("Forbid"))) {
        report(sync, false, SV("JobAlreadyActive"),
               SV("Not starting job because prior execution is running and concurrency policy is "
                  "Forbid"));
        return false;
    }
    for (size_t i = 0; i < sync->active.count && sv_eq(policy, SV("Replace")); i++)
        delete_job(sync, sync->active.items[i]);
    return true;
}

static bool is_too_late(struct cron_sync *sync, int64_t at_ms) {
    int64_t deadline_s = json_find_int(sync->tree, "spec.startingDeadlineSeconds", -1);
    if (deadline_s < 0 || at_ms + deadline_s * 1000 >= sync->now_ms)
        return false;
    report(sync, true, SV("MissSchedule"),
           arena_printf(sync->arena, "Missed scheduled time to start a job: %.*s",
                        SV_ARG(api_time_format(at_ms, sync->arena))));
    return true;
}

static int64_t earliest_ms(const struct cron_sync *sync) {
    return sync->last_scheduled_ms ? sync->last_scheduled_ms : object_created_ms(sync->tree);
}

/* False, with an event, for a schedule or a time zone that cannot be followed. */
static bool read_schedule(struct cron_sync *sync, struct cron_schedule *ret_schedule) {
    struct sv text = json_find_string(sync->tree, "spec.schedule");
    struct sv zone = json_find_string(sync->tree, "spec.timeZone");
    struct time_zone known = {0};
    if (zone.len > 0 && !time_zone_find(zone, &known)) {
        report(sync, true, SV("UnknownTimeZone"),
               arena_printf(sync->arena, "invalid timeZone: \"%.*s\": unknown time zone %.*s",
                            SV_ARG(zone), SV_ARG(zone)));
        return false;
    }
    if (cron_schedule_parse(text, ret_schedule)) {
        ret_schedule->zone = known;
        return true;
    }
    report(sync, true, SV("UnparseableSchedule"),
           arena_printf(sync->arena, "unparseable schedule: %.*s", SV_ARG(text)));
    return false;
}

static void start_what_is_due(struct cron_sync *sync) {
    struct cron_schedule schedule;
    if (!read_schedule(sync, &schedule))
        return;
    int64_t at_ms = cron_schedule_latest_ms(&schedule, earliest_ms(sync), sync->now_ms);
    int64_t from_ms = schedule.every_ms > 0 ? (at_ms ? at_ms : earliest_ms(sync)) : sync->now_ms;
    int64_t next_ms = cron_schedule_next_ms(&schedule, from_ms);
    if (at_ms != 0 && !is_too_late(sync, at_ms) && make_room(sync))
        create_job(sync, at_ms);
    if (next_ms != DEADLINE_NEVER)
        agent_mark(pod_control_part(sync->controller->control), sync->key, next_ms);
}

/* --- one CronJob --- */

static void run(struct cron_sync *sync) {
    collect_jobs(sync);
    if (write_status(sync))
        return;
    shorten_history(sync, sync->succeeded.items, sync->succeeded.count,
                    json_find_int(sync->tree, "spec.successfulJobsHistoryLimit", 3));
    shorten_history(sync, sync->failed.items, sync->failed.count,
                    json_find_int(sync->tree, "spec.failedJobsHistoryLimit", 1));
    if (!json_bool_or(json_get(sync->tree, SV("spec")), SV("suspend"), false))
        start_what_is_due(sync);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct cronjob_controller *controller = context;
    (void)part;
    struct cron_sync sync = {
        .controller = controller,
        .key = key,
        .tree = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
    };
    if (!sync.tree || object_is_deleting(sync.tree))
        return;
    run(&sync);
    vec_release(&sync.active);
    vec_release(&sync.succeeded);
    vec_release(&sync.failed);
}

static void handle_job(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct cronjob_controller *controller = context;
    const struct cJSON *owner = object_controller_owner(object);
    (void)before;
    (void)is_gone;
    if (!sv_eq(json_string_or(owner, SV("kind"), SV("")), SV("CronJob")))
        return;
    AUTO(arena) arena = arena_new();
    agent_mark(
        pod_control_part(controller->control),
        object_key(arena, object_namespace(object), json_string_or(owner, SV("name"), SV(""))), 0);
}

/* --- life --- */

struct cronjob_controller *cronjob_controller_new(struct agent *agent) {
    struct cronjob_controller *controller = mem_alloc(sizeof(*controller));
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("cronjob"),
        .owner = &RESOURCE_CRON_JOBS,
        .reconcile = reconcile,
        .context = controller,
    });
    controller->jobs = agent_watch(agent, &RESOURCE_JOBS, handle_job, controller);
    controller->jobs_by_controller = cache_add_index(controller->jobs, cache_key_of_controller);
    return controller;
}

void cronjob_controller_free(struct cronjob_controller *controller) {
    if (!controller)
        return;
    pod_control_free(controller->control);
    mem_free(controller);
}
