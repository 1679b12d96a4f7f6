/* SPDX-License-Identifier: Apache-2.0 */
/* The number of a Job's pods: which to create, after which pause, and which to delete. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/job_parts.h"
#include "fakeapi/cluster/pod_control.h"

enum {
    BACKOFF_MS_MIN = 10 * 1000,
    BACKOFF_MS_MAX = 360 * 1000,
    /* As upstream: the queue is not held up by one large Job. */
    DELETIONS_MAX = 500,
};

/* --- removal --- */

static int compare_for_removal(const void *left, const void *right) {
    const struct cJSON *a = *(const struct cJSON *const *)left;
    const struct cJSON *b = *(const struct cJSON *const *)right;
    if (pod_is_ready(a) != pod_is_ready(b))
        return pod_is_ready(a) ? 1 : -1;
    if (object_created_ms(a) != object_created_ms(b))
        return object_created_ms(a) > object_created_ms(b) ? -1 : 1;
    return sv_compare(object_name(b), object_name(a));
}

static void remove_pods(struct job_sync *sync, size_t count) {
    qsort(sync->active, sync->active_count, sizeof(*sync->active), compare_for_removal);
    for (size_t i = 0; i < count && i < DELETIONS_MAX; i++)
        pod_control_delete_pod(sync->controller->control, sync->key, sync->active[i], sync->arena);
}

/* --- pauses after failures --- */

static int64_t parse_ms(struct sv text) {
    int64_t time_ms;
    return api_time_parse(text, &time_ms) ? time_ms : 0;
}

static int64_t ended_ms(const struct cJSON *pod) {
    int64_t latest_ms = 0;
    JSON_EACH (status, json_find(pod, "status.containerStatuses")) {
        int64_t end_ms = parse_ms(json_find_string(status, "state.terminated.finishedAt"));
        latest_ms = end_ms > latest_ms ? end_ms : latest_ms;
    }
    if (latest_ms == 0)
        latest_ms = parse_ms(json_find_string(pod, "metadata.deletionTimestamp"));
    return latest_ms ? latest_ms : object_created_ms(pod);
}

/* The pause doubles with each failure since the last success. */
static int64_t next_creation_ms(const struct job_sync *sync) {
    int64_t success_ms = 0, failure_ms = 0, delay_ms = 0;
    for (size_t i = 0; i < sync->pod_count; i++)
        if (sv_eq(json_find_string(sync->pods[i], "status.phase"), SV("Succeeded")) &&
            ended_ms(sync->pods[i]) > success_ms)
            success_ms = ended_ms(sync->pods[i]);
    for (size_t i = 0; i < sync->pod_count; i++) {
        const struct cJSON *pod = sync->pods[i];
        int64_t end_ms = ended_ms(pod);
        if (!sv_eq(json_find_string(pod, "status.phase"), SV("Failed")) || end_ms < success_ms)
            continue;
        failure_ms = end_ms > failure_ms ? end_ms : failure_ms;
        delay_ms = delay_ms ? delay_ms * 2 : BACKOFF_MS_MIN;
        if (delay_ms > BACKOFF_MS_MAX)
            delay_ms = BACKOFF_MS_MAX;
    }
    return failure_ms + delay_ms;
}

/* --- creation --- */

/* How often pods with that number have failed. */
static int64_t failures_of_index(const struct job_sync *sync, int64_t index) {
    int64_t most = 0;
    for (size_t i = 0; i < sync->pod_count; i++) {
        int64_t before;
        if (job_pod_index(sync, sync->pods[i]) != index || !job_pod_has_failed(sync->pods[i]))
            continue;
        if (!sv_to_int64(object_annotation(sync->pods[i], JOB_INDEX_FAILURES), &before))
            before = 0;
        most = before + 1 > most ? before + 1 : most;
    }
    return most;
}

static void add_index_variable(struct arena *arena, struct cJSON *containers) {
    JSON_EACH (container, containers) {
        struct cJSON *variables = json_ensure_list(arena, container, SV("env"));
        struct cJSON *variable = json_append(variables, json_map(arena));
        json_set_string(arena, variable, SV("name"), SV("JOB_COMPLETION_INDEX"));
        struct cJSON *source = json_ensure_map(arena, variable, SV("valueFrom"));
        struct cJSON *field = json_ensure_map(arena, source, SV("fieldRef"));
        json_set_string(arena, field, SV("fieldPath"),
                        SV("metadata.annotations['batch.kubernetes.io/job-completion-index']"));
    }
}

static void number_pod(const struct job_sync *sync, struct cJSON *pod, int64_t index) {
    struct arena *arena = sync->arena;
    struct sv name = object_name(sync->job);
    struct sv text = arena_printf(arena, "%lld", (long long)index);
    struct cJSON *spec = json_get(pod, SV("spec"));
    object_set_annotation(arena, pod, JOB_INDEX, text);
    object_set_label(arena, pod, JOB_INDEX, text);
    json_set_string(arena, json_get(pod, SV("metadata")), SV("generateName"),
                    arena_printf(arena, "%.*s-%.*s-", SV_ARG(name), SV_ARG(text)));
    json_set_string(arena, spec, SV("hostname"),
                    arena_printf(arena, "%.*s-%.*s", SV_ARG(name), SV_ARG(text)));
    add_index_variable(arena, json_get(spec, SV("initContainers")));
    add_index_variable(arena, json_get(spec, SV("containers")));
    if (json_find(sync->job, "spec.backoffLimitPerIndex"))
        object_set_annotation(
            arena, pod, JOB_INDEX_FAILURES,
            arena_printf(arena, "%lld", (long long)failures_of_index(sync, index)));
}

static struct cJSON *new_pod(const struct job_sync *sync) {
    struct cJSON *pod = pod_from_template(sync->arena, json_find(sync->job, "spec.template"),
                                          sync->job, &RESOURCE_JOBS);
    struct cJSON *finalizers =
        json_ensure_list(sync->arena, json_get(pod, SV("metadata")), SV("finalizers"));
    json_append(finalizers, json_string(sync->arena, JOB_TRACKING));
    return pod;
}

static void create_numbered(struct job_sync *sync, size_t count) {
    struct index_set active = {0};
    for (size_t i = 0; i < sync->active_count; i++)
        if (job_pod_index(sync, sync->active[i]) >= 0)
            index_set_add(&active, job_pod_index(sync, sync->active[i]), sync->arena);
    int64_t index = 0;
    while (count > 0 && index < sync->completions) {
        int64_t next = index_set_next_absent(&sync->succeeded_indexes, index);
        next = index_set_next_absent(&sync->failed_indexes, next);
        next = index_set_next_absent(&active, next);
        if (next != index) {
            index = next;
            continue;
        }
        struct cJSON *pod = new_pod(sync);
        number_pod(sync, pod, index++);
        pod_control_create_pod(sync->controller->control, sync->key, pod);
        sync->did_create = true;
        count--;
    }
}

static void create_plain(struct job_sync *sync, size_t count) {
    const struct cJSON *pod = new_pod(sync);
    for (size_t i = 0; i < count; i++)
        pod_control_create_pod(sync->controller->control, sync->key, pod);
    sync->did_create = true;
}

/* --- both --- */

static int64_t wanted_count(const struct job_sync *sync) {
    if (sync->finish.type.len > 0 || sync->is_suspended)
        return 0;
    /* Without a number of completions the first success says that the work is done. */
    if (sync->completions < 0)
        return sync->succeeded > 0 && (int64_t)sync->active_count < sync->parallelism
                   ? (int64_t)sync->active_count
                   : sync->parallelism;
    int64_t left = sync->completions - sync->succeeded - index_set_size(&sync->failed_indexes);
    return left < sync->parallelism ? left : sync->parallelism;
}

void job_manage_pods(struct job_sync *sync) {
    struct pod_control *control = sync->controller->control;
    int64_t wanted = wanted_count(sync);
    int64_t missing = wanted - (int64_t)sync->active_count;
    bool replaces_late =
        sv_eq(json_find_string(sync->job, "spec.podReplacementPolicy"), SV("Failed"));
    if (missing < 0)
        remove_pods(sync, (size_t)-missing);
    if (replaces_late)
        missing -= sync->terminating;
    int64_t at_ms = missing > 0 ? next_creation_ms(sync) : 0;
    if (at_ms > sync->now_ms) {
        sync->next_ms = at_ms < sync->next_ms ? at_ms : sync->next_ms;
        return;
    }
    size_t batch = pod_control_batch(control, sync->key, missing > 0 ? (size_t)missing : 0);
    if (batch > 0 && sync->is_indexed)
        create_numbered(sync, batch);
    else if (batch > 0)
        create_plain(sync, batch);
}

void job_release_pod(struct agent_part *part, struct sv key, const struct cJSON *pod,
                     struct arena *arena) {
    struct cJSON *patch = json_map(arena);
    struct cJSON *metadata = json_ensure_map(arena, patch, SV("metadata"));
    json_set_string(arena, metadata, SV("uid"), object_uid(pod));
    json_append(json_ensure_list(arena, metadata, SV("$deleteFromPrimitiveList/finalizers")),
                json_string(arena, JOB_TRACKING));
    struct request request =
        agent_merge_patch(&RESOURCE_PODS, object_namespace(pod), object_name(pod), SV(""), patch);
    request.patch_type = PATCH_STRATEGIC;
    agent_send(part, key, &request);
}
