/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/job.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/job_parts.h"
#include "fakeapi/cluster/pod_control.h"
#include "fakeapi/cluster/pod_control_claim.h"

/* --- after the end --- */

struct request job_deletion(struct arena *arena, const struct cJSON *job) {
    struct request request = agent_delete(arena, &RESOURCE_JOBS, job, -1);
    struct cJSON *options = json_copy(arena, request.body);
    json_set_string(arena, options, SV("propagationPolicy"), SV("Background"));
    request.body = options;
    return request;
}

static void delete_job(struct job_sync *sync) {
    struct request request = job_deletion(sync->arena, sync->job);
    agent_send(pod_control_part(sync->controller->control), sync->key, &request);
}

static void clean_up(struct job_sync *sync, const struct cJSON *end) {
    struct agent_part *part = pod_control_part(sync->controller->control);
    int64_t ttl_seconds = json_find_int(sync->job, "spec.ttlSecondsAfterFinished", -1), end_ms;
    for (size_t i = 0; i < sync->pod_count; i++)
        if (object_has_finalizer(sync->pods[i], JOB_TRACKING))
            job_release_pod(part, sync->key, sync->pods[i], sync->arena);
    if (ttl_seconds < 0 || object_is_deleting(sync->job) ||
        !api_time_parse(json_string_or(end, SV("lastTransitionTime"), SV("")), &end_ms))
        return;
    int64_t due_ms = end_ms + ttl_seconds * 1000;
    if (due_ms <= sync->now_ms)
        delete_job(sync);
    else
        sync->next_ms = due_ms;
}

/* --- one Job --- */

static void read_spec(struct job_sync *sync) {
    const struct cJSON *spec = json_get(sync->job, SV("spec"));
    sync->is_indexed = sv_eq(json_string_or(spec, SV("completionMode"), SV("")), SV("Indexed"));
    sync->is_suspended = json_bool_or(spec, SV("suspend"), false);
    sync->parallelism = json_int_or(spec, SV("parallelism"), 1);
    sync->completions = json_int_or(spec, SV("completions"), -1);
}

static void run(struct job_sync *sync) {
    job_count_pods(sync);
    job_find_finish(sync);
    if (!object_is_deleting(sync->job))
        job_manage_pods(sync);
    /* What was created is counted when the server answered, which saves a write. */
    bool has_failed = pod_control_failure(sync->controller->control, sync->key).len > 0;
    if (sync->did_create && !has_failed && sync->new_uncounted_count == 0)
        return;
    if (job_write_status(sync))
        return;
    for (size_t i = 0; i < sync->releasable_count; i++)
        job_release_pod(pod_control_part(sync->controller->control), sync->key, sync->releasable[i],
                        sync->arena);
}

static bool is_managed_elsewhere(const struct cJSON *job) {
    struct sv manager = json_find_string(job, "spec.managedBy");
    return manager.len > 0 && !sv_eq(manager, SV("kubernetes.io/job-controller"));
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct job_controller *controller = context;
    struct job_sync sync = {
        .controller = controller,
        .key = key,
        .job = pod_control_owner(controller->control, key),
        .arena = arena,
        .now_ms = pod_control_now_ms(controller->control),
        .next_ms = DEADLINE_NEVER,
        .finish = {SV(""), SV(""), SV("")},
    };
    struct claimed claimed;
    if (!sync.job || is_managed_elsewhere(sync.job) ||
        !claims_take(controller->pods, key, sync.job, arena, &claimed))
        return;
    sync.pods = claimed.items;
    sync.pod_count = claimed.count;
    read_spec(&sync);
    const struct cJSON *end = job_finished_condition(sync.job);
    if (end)
        clean_up(&sync, end);
    else
        run(&sync);
    if (sync.next_ms != DEADLINE_NEVER)
        agent_mark(part, key, sync.next_ms);
}

/* --- pods that outlived their Job --- */

static bool is_orphan(const struct job_controller *controller, const struct cJSON *pod) {
    const struct cJSON *owner = object_controller_owner(pod);
    const struct cJSON *job =
        cache_get(pod_control_owners(controller->control), object_namespace(pod),
                  json_string_or(owner, SV("name"), SV("")));
    bool is_of_job = owner && sv_eq(json_string_or(owner, SV("kind"), SV("")), SV("Job"));
    return !is_of_job || !job || !sv_eq(object_uid(job), json_string_or(owner, SV("uid"), SV("")));
}

static void reconcile_orphan(void *context, struct agent_part *part, struct sv key,
                             struct arena *arena) {
    struct job_controller *controller = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *pod = cache_get(controller->pod_cache, namespace_name, name);
    if (pod && object_has_finalizer(pod, JOB_TRACKING) && is_orphan(controller, pod))
        job_release_pod(part, key, pod, arena);
}

static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct job_controller *controller = context;
    (void)before;
    if (is_gone || !object_has_finalizer(object, JOB_TRACKING))
        return;
    /* A pod that runs on is of no concern: whoever deletes the Job sees to its pods. */
    if (!object_is_deleting(object) && object_controller_owner(object))
        return;
    agent_mark_object(controller->orphan_part, object);
}

/* --- life --- */

struct job_controller *job_controller_new(struct agent *agent) {
    struct job_controller *controller = mem_alloc(sizeof(*controller));
    controller->control = pod_control_new(&(struct pod_control_options){
        .agent = agent,
        .name = SV("job"),
        .owner = &RESOURCE_JOBS,
        .reconcile = reconcile,
        .context = controller,
    });
    controller->pods = claims_new(&(struct claims_options){
        .agent = agent,
        .control = controller->control,
        .children = &RESOURCE_PODS,
    });
    controller->orphan_part =
        agent_add_part(agent, SV("job-orphans"), reconcile_orphan, controller);
    controller->pod_cache = agent_watch(agent, &RESOURCE_PODS, handle_pod, controller);
    return controller;
}

void job_controller_free(struct job_controller *controller) {
    if (!controller)
        return;
    claims_free(controller->pods);
    pod_control_free(controller->control);
    mem_free(controller);
}
