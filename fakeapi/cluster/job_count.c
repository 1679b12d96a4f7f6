/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pods run and which have ended. An ended pod goes through three states: the status lists
 * its uid as not counted, its finalizer goes, the status counts it. So none is counted twice and
 * none is lost, whoever deletes pods. A numbered pod that succeeded is counted by its number.
 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/job_parts.h"
#include "fakeapi/cluster/pod_control.h"

/* How many ended pods one status takes up; the next one takes more. */
enum { UNCOUNTED_MAX = 500 };

struct lists {
    struct cJSON *succeeded, *failed; /* uids, to be written */
    struct map *uids;                 /* in the status -> the list that has it */
};

int64_t job_pod_index(const struct job_sync *sync, const struct cJSON *pod) {
    int64_t index;
    if (!sv_to_int64(object_annotation(pod, JOB_INDEX), &index) || index < 0 ||
        index >= sync->completions)
        return -1;
    return index;
}

bool job_pod_has_failed(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Failed")) ||
           (object_is_deleting(pod) && !sv_eq(phase, SV("Succeeded")));
}

static bool has_succeeded(const struct cJSON *pod) {
    return sv_eq(json_find_string(pod, "status.phase"), SV("Succeeded"));
}

static void note_running(struct job_sync *sync, const struct cJSON *pod) {
    if (pod_is_over(pod))
        return;
    if (object_is_deleting(pod)) {
        sync->terminating++;
        return;
    }
    sync->active[sync->active_count++] = pod;
    sync->ready += pod_is_ready(pod);
}

/* --- pods that ended --- */

static void release(struct job_sync *sync, const struct cJSON *pod) {
    sync->releasable[sync->releasable_count++] = pod;
}

static void list_uid(struct job_sync *sync, struct cJSON *list, const struct cJSON *pod) {
    json_append(list, json_string(sync->arena, object_uid(pod)));
    sync->uncounted_count++;
}

static void note_indexed_success(struct job_sync *sync, const struct cJSON *pod) {
    int64_t index = job_pod_index(sync, pod);
    /* A number that is done or beyond the Job is not counted again. */
    if (index < 0 || index_set_has(&sync->succeeded_indexes, index)) {
        release(sync, pod);
        return;
    }
    index_set_add(&sync->succeeded_indexes, index, sync->arena);
    sync->new_uncounted_count++;
}

/* spec.backoffLimitPerIndex: a number that failed too often is given up. */
static bool is_index_over_limit(const struct job_sync *sync, const struct cJSON *pod) {
    int64_t limit = json_find_int(sync->job, "spec.backoffLimitPerIndex", -1), before;
    if (!sv_to_int64(object_annotation(pod, JOB_INDEX_FAILURES), &before))
        before = 0;
    return limit >= 0 && before + 1 > limit;
}

static void note_failure(struct job_sync *sync, const struct lists *lists,
                         const struct cJSON *pod) {
    struct sv message = SV("");
    enum failure_action action = job_failure_action(sync->job, pod, sync->arena, &message);
    if (action == FAILURE_COUNT && is_index_over_limit(sync, pod))
        action = FAILURE_FAIL_INDEX;
    switch (action) {
    case FAILURE_IGNORE:
        release(sync, pod);
        return;
    case FAILURE_FAIL_INDEX:
        if (job_pod_index(sync, pod) >= 0)
            index_set_add(&sync->failed_indexes, job_pod_index(sync, pod), sync->arena);
        break;
    case FAILURE_FAIL_JOB:
        sync->finish = (struct job_finish){SV("Failed"), SV("PodFailurePolicy"), message};
        break;
    case FAILURE_COUNT:
        break;
    }
    list_uid(sync, lists->failed, pod);
    sync->new_uncounted_count++;
}

static void note_ended(struct job_sync *sync, const struct lists *lists, const struct cJSON *pod) {
    struct cJSON *known = map_get(lists->uids, object_uid(pod));
    bool is_good = has_succeeded(pod);
    if (known) {
        list_uid(sync, known, pod);
        release(sync, pod);
        return;
    }
    if (sync->new_uncounted_count >= UNCOUNTED_MAX)
        return;
    if (!is_good) {
        note_failure(sync, lists, pod);
    } else if (sync->is_indexed) {
        note_indexed_success(sync, pod);
    } else {
        list_uid(sync, lists->succeeded, pod);
        sync->new_uncounted_count++;
    }
}

/* --- what the status knows --- */

static void read_uids(const struct cJSON *job, const char *path, struct map *uids,
                      struct cJSON *list) {
    JSON_EACH (uid, json_find(job, path))
        map_put(uids, json_text(uid), list);
}

/* Those whose finalizer is gone are counted now. */
static int64_t count_released(const struct cJSON *job, const char *path,
                              const struct map *held_uids) {
    int64_t count = 0;
    JSON_EACH (uid, json_find(job, path))
        count += !map_has(held_uids, json_text(uid));
    return count;
}

static void read_counters(struct job_sync *sync) {
    const struct cJSON *job = sync->job;
    AUTO(map) held = map_new();
    for (size_t i = 0; i < sync->pod_count; i++)
        if (object_has_finalizer(sync->pods[i], JOB_TRACKING))
            map_put(held, object_uid(sync->pods[i]), NULL);
    sync->succeeded_indexes = index_set_parse(json_find_string(job, "status.completedIndexes"),
                                              sync->completions, sync->arena);
    sync->failed_indexes = index_set_parse(json_find_string(job, "status.failedIndexes"),
                                           sync->completions, sync->arena);
    sync->counted_succeeded = json_find_int(job, "status.succeeded", 0) +
                              count_released(job, "status.uncountedTerminatedPods.succeeded", held);
    sync->counted_failed = json_find_int(job, "status.failed", 0) +
                           count_released(job, "status.uncountedTerminatedPods.failed", held);
}

static void drop_empty(struct cJSON *lists, struct sv name) {
    if (json_count(json_get(lists, name)) == 0)
        json_remove(lists, name);
}

void job_count_pods(struct job_sync *sync) {
    AUTO(map) uids = map_new();
    struct cJSON *uncounted = json_map(sync->arena);
    struct lists lists = {json_ensure_list(sync->arena, uncounted, SV("succeeded")),
                          json_ensure_list(sync->arena, uncounted, SV("failed")), uids};
    sync->uncounted = uncounted;
    sync->active = ARENA_ARRAY(sync->arena, const struct cJSON *, sync->pod_count + 1);
    sync->releasable = ARENA_ARRAY(sync->arena, const struct cJSON *, sync->pod_count + 1);
    read_counters(sync);
    read_uids(sync->job, "status.uncountedTerminatedPods.succeeded", uids, lists.succeeded);
    read_uids(sync->job, "status.uncountedTerminatedPods.failed", uids, lists.failed);
    for (size_t i = 0; i < sync->pod_count; i++) {
        const struct cJSON *pod = sync->pods[i];
        note_running(sync, pod);
        if (object_has_finalizer(pod, JOB_TRACKING) &&
            (has_succeeded(pod) || job_pod_has_failed(pod)))
            note_ended(sync, &lists, pod);
    }
    if (sync->is_indexed)
        sync->counted_succeeded = index_set_size(&sync->succeeded_indexes);
    sync->succeeded = sync->counted_succeeded + (int64_t)json_count(lists.succeeded);
    sync->failed = sync->counted_failed + (int64_t)json_count(lists.failed);
    drop_empty(uncounted, SV("succeeded"));
    drop_empty(uncounted, SV("failed"));
}
