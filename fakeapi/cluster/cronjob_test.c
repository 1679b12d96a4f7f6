/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/cronjob.h"

#include "core/base/test.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/shell.h"
#include "fakeapi/cluster/world_fixture.h"

/* The fixture's clock starts at 00:16:40. */
#define CRON(spec, script)                                                                         \
    "{\"apiVersion\":\"batch/v1\",\"kind\":\"CronJob\",\"metadata\":{\"namespace\":\"default\","   \
    "\"name\":\"c\"},\"spec\":{\"schedule\":\"* * * * *\"," spec                                   \
    "\"jobTemplate\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"backoffLimit\":0,"       \
    "\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"main\","      \
    "\"image\":\"img\",\"command\":[\"sh\",\"-c\",\"" script "\"]}]}}}}}}"

static const struct {
    const char *cron;
    int64_t after_s;
    size_t jobs, active;
    const char *last_schedule, *last_success;
} cases[] = {
    {CRON("", "true"), 15, 0, 0, "", ""},
    {CRON("", "sleep 5"), 22, 1, 1, "1970-01-01T00:17:00Z", ""},
    {CRON("", "sleep 5"), 30, 1, 0, "1970-01-01T00:17:00Z", "1970-01-01T00:17:05Z"},
    {CRON("", "sleep 5"), 90, 2, 0, "1970-01-01T00:18:00Z", "1970-01-01T00:18:05Z"},
    /* Three successes and one failure are kept. */
    {CRON("", "sleep 5"), 600, 3, 0, "1970-01-01T00:26:00Z", "1970-01-01T00:26:05Z"},
    {CRON("\"successfulJobsHistoryLimit\":0,", "sleep 5"), 600, 0, 0, "1970-01-01T00:26:00Z",
     "1970-01-01T00:26:05Z"},
    {CRON("", "exit 1"), 600, 1, 0, "1970-01-01T00:26:00Z", ""},
    /* A Job takes 90 s and is due every minute. */
    {CRON("\"concurrencyPolicy\":\"Allow\",", "sleep 90"), 85, 2, 2, "1970-01-01T00:18:00Z", ""},
    {CRON("\"concurrencyPolicy\":\"Forbid\",", "sleep 90"), 85, 1, 1, "1970-01-01T00:17:00Z", ""},
    /* The time that was missed is made up for when the first Job is done, */
    {CRON("\"concurrencyPolicy\":\"Forbid\",", "sleep 90"), 115, 2, 1, "1970-01-01T00:18:00Z",
     "1970-01-01T00:18:30Z"},
    /* unless it is too late then. */
    {CRON("\"concurrencyPolicy\":\"Forbid\",\"startingDeadlineSeconds\":20,", "sleep 90"), 115, 1,
     0, "1970-01-01T00:17:00Z", "1970-01-01T00:18:30Z"},
    {CRON("\"concurrencyPolicy\":\"Replace\",", "sleep 90"), 85, 1, 1, "1970-01-01T00:18:00Z", ""},
    {CRON("\"suspend\":true,", "sleep 5"), 600, 0, 0, "", ""},
    {CRON("\"timeZone\":\"Etc/UTC\",", "sleep 5"), 30, 1, 0, "1970-01-01T00:17:00Z",
     "1970-01-01T00:17:05Z"},
    {CRON("\"timeZone\":\"Asia/Kathmandu\",", "sleep 5"), 30, 1, 0, "1970-01-01T00:17:00Z",
     "1970-01-01T00:17:05Z"},
};

static const struct cJSON *list_jobs(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_LIST, &RESOURCE_JOBS, SV("default"), SV(""));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return json_get(response.body, SV("items"));
}

TEST(schedules_make_jobs) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(2, 0);
        AUTO(shell) shell = shell_new(world);
        CHECK(fixture_create(world, arena, &RESOURCE_CRON_JOBS, cases[i].cron) == 201);
        fixture_run_ms(world, cases[i].after_s * 1000);
        const struct cJSON *cron = fixture_get(world, arena, &RESOURCE_CRON_JOBS, "c");
        CHECK(json_count(list_jobs(world, arena)) == cases[i].jobs);
        CHECK(json_count(json_find(cron, "status.active")) == cases[i].active);
        CHECK_SV(json_find_string(cron, "status.lastScheduleTime"),
                 sv_from(cases[i].last_schedule));
        CHECK_SV(json_find_string(cron, "status.lastSuccessfulTime"),
                 sv_from(cases[i].last_success));
    }
}

TEST(a_job_is_named_after_its_minute) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    AUTO(shell) shell = shell_new(world);
    fixture_create(world, arena, &RESOURCE_CRON_JOBS, CRON("", "sleep 5"));
    fixture_run_ms(world, 22000);
    const struct cJSON *job = fixture_get(world, arena, &RESOURCE_JOBS, "c-17");
    CHECK_SV(object_annotation(job, SV("batch.kubernetes.io/cronjob-scheduled-timestamp")),
             SV("1970-01-01T00:17:00Z"));
    CHECK_SV(object_label(job, SV("a")), SV("b"));
    CHECK_SV(json_string_or(object_controller_owner(job), SV("name"), SV("")), SV("c"));
}

TEST(a_time_zone_has_to_be_known) {
    static const struct {
        const char *zone, *problem; /* NULL: good */
    } rows[] = {
        {"Europe/Berlin", NULL},
        {"", "timeZone must be nil or non-empty string"},
        {"Mars/Olympus", "unknown time zone Mars/Olympus"},
        {"Local",
         "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(1, 0);
        struct error err = {0};
        struct cJSON *cron = json_read(arena, sv_from(CRON("", "true")), &err);
        REQUIRE(cron);
        json_set_string(arena, json_ensure_map(arena, cron, SV("spec")), SV("timeZone"),
                        sv_from(rows[i].zone));
        struct request request =
            request_to(VERB_CREATE, &RESOURCE_CRON_JOBS, SV("default"), SV(""));
        struct api_response response;
        request.body = cron;
        fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
        CHECK(response.http_status == (rows[i].problem ? 422 : 201));
        struct sv expected = rows[i].problem ? arena_printf(arena, "Invalid value: \"%s\": %s",
                                                            rows[i].zone, rows[i].problem)
                                             : SV("");
        CHECK_SV(json_find_string(response.body, "details.causes.0.message"), expected);
    }
}
