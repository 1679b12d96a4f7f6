/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/job.h"

#include "core/base/test.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world_fixture.h"

#define JOB_OF(spec, policy, script)                                                               \
    "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"namespace\":\"default\","       \
    "\"name\":\"j\"},\"spec\":{" spec "\"template\":{\"spec\":{\"restartPolicy\":\"" policy "\","  \
    "\"containers\":[{\"name\":\"main\",\"image\":\"img\",\"command\":[\"sh\",\"-c\","             \
    "\"" script "\"]}]}}}}"
#define JOB(spec, script) JOB_OF(spec, "Never", script)

static const struct {
    const char *job;
    int64_t after_ms;
    const char *path, *value;
} cases[] = {
    {JOB("", "sleep 2"), 1000, "status.active", "1"},
    {JOB("", "sleep 2"), 1000, "status.ready", "1"},
    {JOB("", "sleep 2"), 1000, "status.startTime", "1970-01-01T00:16:40Z"},
    {JOB("", "sleep 2"), 3000, "status.succeeded", "1"},
    {JOB("", "sleep 2"), 3000, "status.active", ""},
    {JOB("", "sleep 2"), 3000, "status.uncountedTerminatedPods", "{}"},
    {JOB("", "sleep 2"), 3000, "status.terminating", "0"},
    {JOB("", "sleep 2"), 3000, "status.conditions.0.type", "SuccessCriteriaMet"},
    {JOB("", "sleep 2"), 3000, "status.conditions.1.type", "Complete"},
    {JOB("", "sleep 2"), 3000, "status.conditions.1.reason", "CompletionsReached"},
    {JOB("", "sleep 2"), 3000, "status.completionTime", "1970-01-01T00:16:42Z"},
    /* After a failure the next pod comes 10 s later; the limit counts failures. */
    {JOB("\"backoffLimit\":1,", "exit 1"), 5000, "status.failed", "1"},
    {JOB("\"backoffLimit\":1,", "exit 1"), 5000, "status.conditions", ""},
    {JOB("\"backoffLimit\":1,", "exit 1"), 13000, "status.failed", "2"},
    {JOB("\"backoffLimit\":1,", "exit 1"), 13000, "status.conditions.0.type", "FailureTarget"},
    {JOB("\"backoffLimit\":1,", "exit 1"), 13000, "status.conditions.1.type", "Failed"},
    {JOB("\"backoffLimit\":1,", "exit 1"), 13000, "status.conditions.1.message",
     "Job has reached the specified backoff limit"},
    {JOB("\"backoffLimit\":2,", "exit 1"), 25000, "status.failed", "2"},
    {JOB("\"backoffLimit\":2,", "exit 1"), 35000, "status.failed", "3"},
    {JOB_OF("\"backoffLimit\":2,", "OnFailure", "exit 1"), 60000, "status.conditions.1.reason",
     "BackoffLimitExceeded"},
    /* Several pods. */
    {JOB("\"completions\":4,\"parallelism\":2,", "sleep 2"), 1000, "status.active", "2"},
    {JOB("\"completions\":4,\"parallelism\":2,", "sleep 2"), 3500, "status.succeeded", "2"},
    {JOB("\"completions\":4,\"parallelism\":2,", "sleep 2"), 6000, "status.succeeded", "4"},
    {JOB("\"completions\":4,\"parallelism\":2,", "sleep 2"), 6000, "status.conditions.1.type",
     "Complete"},
    {JOB("\"completions\":0,", "sleep 2"), 1000, "status.conditions.1.type", "Complete"},
    /* Numbered pods. */
    {JOB("\"completionMode\":\"Indexed\",\"completions\":5,\"parallelism\":3,", "sleep 2"), 3500,
     "status.completedIndexes", "0-2"},
    {JOB("\"completionMode\":\"Indexed\",\"completions\":5,\"parallelism\":3,", "sleep 2"), 8000,
     "status.completedIndexes", "0-4"},
    {JOB("\"completionMode\":\"Indexed\",\"completions\":5,\"parallelism\":3,", "sleep 2"), 8000,
     "status.succeeded", "5"},
    {JOB("\"completionMode\":\"Indexed\",\"completions\":3,\"parallelism\":3,",
         "test $JOB_COMPLETION_INDEX != 1"),
     5000, "status.completedIndexes", "0,2"},
    {JOB("\"completionMode\":\"Indexed\",\"completions\":3,\"parallelism\":3,"
         "\"backoffLimitPerIndex\":0,",
         "test $JOB_COMPLETION_INDEX != 1"),
     30000, "status.conditions.1.reason", "FailedIndexes"},
    {JOB("\"completionMode\":\"Indexed\",\"completions\":3,\"parallelism\":3,"
         "\"backoffLimitPerIndex\":1,",
         "test $JOB_COMPLETION_INDEX != 1"),
     60000, "status.failedIndexes", "1"},
    {JOB("\"completionMode\":\"Indexed\",\"completions\":3,\"parallelism\":1,"
         "\"successPolicy\":{\"rules\":[{\"succeededIndexes\":\"0\"}]},",
         "sleep 2"),
     5000, "status.conditions.1.reason", "SuccessPolicy"},
    /* Limits and pauses. */
    {JOB("\"activeDeadlineSeconds\":5,", "sleep 60"), 4000, "status.active", "1"},
    {JOB("\"activeDeadlineSeconds\":5,", "sleep 60"), 8000, "status.conditions.1.reason",
     "DeadlineExceeded"},
    {JOB("\"activeDeadlineSeconds\":5,", "sleep 60"), 8000, "status.failed", "1"},
    {JOB("\"suspend\":true,", "sleep 60"), 8000, "status.conditions.0.reason", "JobSuspended"},
    {JOB("\"suspend\":true,", "sleep 60"), 8000, "status.active", ""},
    {JOB("\"podFailurePolicy\":{\"rules\":[{\"action\":\"FailJob\",\"onExitCodes\":{\"operator\":"
         "\"In\",\"values\":[42]}}]},",
         "exit 42"),
     5000, "status.conditions.1.reason", "PodFailurePolicy"},
    {JOB("\"podFailurePolicy\":{\"rules\":[{\"action\":\"Ignore\",\"onExitCodes\":{\"operator\":"
         "\"In\",\"values\":[42]}}]},\"backoffLimit\":0,",
         "exit 42"),
     5000, "status.failed", ""},
    {JOB("\"ttlSecondsAfterFinished\":5,", "sleep 2"), 6000, "metadata.name", "j"},
    {JOB("\"ttlSecondsAfterFinished\":5,", "sleep 2"), 8000, "metadata.name", ""},
};

static struct sv text_at(const struct cJSON *object, const char *path, struct arena *arena) {
    const struct cJSON *value = json_find(object, path);
    return !value || json_is_string(value) ? json_text(value)
                                           : json_write_arena(arena, value, JSON_COMPACT);
}

TEST(jobs_come_to_their_ends) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 100);
        AUTO(shell) shell = shell_new(world);
        CHECK(fixture_create(world, arena, &RESOURCE_JOBS, cases[i].job) == 201);
        fixture_run_ms(world, cases[i].after_ms);
        const struct cJSON *job = fixture_get(world, arena, &RESOURCE_JOBS, "j");
        CHECK_SV(text_at(job, cases[i].path, arena), sv_from(cases[i].value));
    }
}

static const struct cJSON *list_pods(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_LIST, &RESOURCE_PODS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_get(response.body, SV("items"));
}

TEST(pods_are_held_until_they_are_counted_and_carry_their_number) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 100);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_JOBS,
                   JOB("\"completionMode\":\"Indexed\",\"completions\":1,", "sleep 2"));
    fixture_run_ms(world, 1000);
    const struct cJSON *pod = json_at(list_pods(world, arena), 0);
    CHECK(object_has_finalizer(pod, SV("batch.kubernetes.io/job-tracking")));
    CHECK(sv_starts_with(object_name(pod), SV("j-0-")));
    CHECK_SV(object_label(pod, SV("batch.kubernetes.io/job-completion-index")), SV("0"));
    CHECK_SV(object_label(pod, SV("batch.kubernetes.io/job-name")), SV("j"));
    CHECK_SV(json_find_string(pod, "spec.hostname"), SV("j-0"));
    fixture_run_ms(world, 3000);
    pod = json_at(list_pods(world, arena), 0);
    CHECK(!object_has_finalizer(pod, SV("batch.kubernetes.io/job-tracking")));
}

static void patch_job(struct world *world, struct arena *arena, const char *text) {
    struct error err = {0};
    const struct cJSON *patch = json_read(arena, sv_from(text), &err);
    struct request request =
        agent_merge_patch(&RESOURCE_JOBS, SV("default"), SV("j"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
}

TEST(a_suspended_job_has_no_pods_and_goes_on_when_it_may) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 100);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_JOBS, JOB("", "sleep 20"));
    fixture_run_ms(world, 1000);
    patch_job(world, arena, "{\"spec\":{\"suspend\":true}}");
    fixture_run_ms(world, 5000);
    const struct cJSON *job = fixture_get(world, arena, &RESOURCE_JOBS, "j");
    CHECK(json_count(list_pods(world, arena)) == 0);
    CHECK(!json_find(job, "status.startTime"));
    CHECK(object_condition_is_true(job, SV("Suspended")));
    patch_job(world, arena, "{\"spec\":{\"suspend\":false}}");
    fixture_run_ms(world, 25000);
    job = fixture_get(world, arena, &RESOURCE_JOBS, "j");
    CHECK(!object_condition_is_true(job, SV("Suspended")));
    CHECK(object_condition_is_true(job, SV("Complete")));
}

TEST(a_deleted_job_takes_its_pods_along) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(2, 100);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_JOBS, JOB("", "sleep 60"));
    fixture_run_ms(world, 1000);
    CHECK(json_count(list_pods(world, arena)) == 1);
    struct request request =
        agent_delete(arena, &RESOURCE_JOBS, fixture_get(world, arena, &RESOURCE_JOBS, "j"), -1);
    struct cJSON *options = json_copy(arena, request.body);
    json_set_string(arena, options, SV("propagationPolicy"), SV("Background"));
    request.body = options;
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 5000);
    CHECK(json_count(list_pods(world, arena)) == 0);
}
