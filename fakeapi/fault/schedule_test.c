/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/fault/schedule.h"

#include "core/base/test.h"

#define VICTIM SV("controller")

static struct request request_for(enum verb verb, struct sv plural, struct sv name) {
    return (struct request){.verb = verb,
                            .plural = plural,
                            .namespace_name = SV("ns"),
                            .name = name,
                            .subresource = SV("")};
}

static struct request_fate decide(struct schedule *schedule, int64_t now_ms,
                                  const struct request *request) {
    struct request_fate fate = {.verdict = VERDICT_PASS, .reason = SV(""), .message = SV("")};
    schedule_decide(schedule, now_ms, VICTIM, request, &fate);
    return fate;
}

static struct request_pattern any(void) {
    return (struct request_pattern){SV(""), SV(""), SV(""), SV(""), SV(""), SV(""), false};
}

TEST(patterns) {
    static const struct {
        struct sv by, verb, plural, name;
        bool matches;
    } cases[] = {
        {SV(""), SV(""), SV(""), SV(""), true},
        {SV("controller"), SV("apply"), SV("pods"), SV("demo-0"), true},
        {SV("cont*"), SV("write"), SV("*"), SV("demo-*"), true},
        {SV(""), SV("patch"), SV(""), SV(""), false},
        {SV("kubectl"), SV(""), SV(""), SV(""), false},
        {SV(""), SV(""), SV("configmaps"), SV(""), false},
        {SV(""), SV(""), SV(""), SV("*-1"), false},
        {SV(""), SV(""), SV(""), SV("d*o*0"), true},
        {SV(""), SV("delete"), SV(""), SV(""), false},
    };
    struct request request = request_for(VERB_PATCH, SV("pods"), SV("demo-0"));
    request.patch_type = PATCH_APPLY;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request_pattern pattern = {.by = cases[i].by,
                                          .verb = cases[i].verb,
                                          .plural = cases[i].plural,
                                          .namespace_name = SV(""),
                                          .name = cases[i].name,
                                          .subresource = SV("")};
        CHECK(request_pattern_matches(&pattern, VICTIM, &request) == cases[i].matches);
    }
}

TEST(a_bare_pattern_is_about_the_object_itself) {
    static const struct {
        struct sv wanted, sent;
        bool is_bare, matches;
    } cases[] = {
        {SV(""), SV(""), false, true},        {SV(""), SV("status"), false, true},
        {SV(""), SV(""), true, true},         {SV(""), SV("status"), true, false},
        {SV("status"), SV(""), false, false}, {SV("status"), SV("status"), false, true},
    };
    struct request request = request_for(VERB_PATCH, SV("pods"), SV("demo-0"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request_pattern pattern = any();
        pattern.subresource = cases[i].wanted;
        pattern.is_bare = cases[i].is_bare;
        request.subresource = cases[i].sent;
        CHECK(request_pattern_matches(&pattern, VICTIM, &request) == cases[i].matches);
    }
}

TEST(a_fault_lasts_from_its_begin_to_its_end) {
    static const struct {
        int64_t for_ms;
        uint64_t count;
        int64_t now_ms;
        bool is_lasting;
    } cases[] = {
        {2000, 0, 0, false},    {2000, 0, 1000, true},  {2000, 0, 2999, true},
        {2000, 0, 3000, false}, {2000, 1, 1000, false}, {0, 0, 1000, false},
    };
    struct request request = request_for(VERB_GET, SV("pods"), SV("p"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {.id = SV("f"),
                              .kind = FAULT_API_STATUS,
                              .step = SV(""),
                              .after_ms = 1000,
                              .for_ms = cases[i].for_ms,
                              .has_request = true,
                              .request = any(),
                              .count = cases[i].count,
                              .http_status = 500};
        AUTO(schedule) schedule = schedule_new(&fault, 1, VICTIM, 0);
        if (cases[i].now_ms > 1000)
            (void)decide(schedule, 1000, &request);
        (void)decide(schedule, cases[i].now_ms, &request);
        CHECK(schedule_is_lasting(schedule, cases[i].now_ms) == cases[i].is_lasting);
    }
}

TEST(every_second_write_is_answered_with_409) {
    struct fault fault = {.id = SV("f"),
                          .kind = FAULT_API_STATUS,
                          .step = SV(""),
                          .has_request = true,
                          .request = any(),
                          .every = 2,
                          .http_status = 409};
    fault.request.verb = SV("write");
    AUTO(schedule) schedule = schedule_new(&fault, 1, VICTIM, 0);
    struct request get = request_for(VERB_GET, SV("pods"), SV("p"));
    struct request create = request_for(VERB_CREATE, SV("pods"), SV("p"));
    for (int i = 1; i <= 6; i++) {
        CHECK(decide(schedule, 0, &get).verdict == VERDICT_PASS);
        struct request_fate fate = decide(schedule, 0, &create);
        CHECK(fate.verdict == (i % 2 == 0 ? VERDICT_ANSWER : VERDICT_PASS));
        if (i % 2 == 0) {
            CHECK(fate.http_status == 409);
            CHECK_SV(fate.reason, SV("Conflict"));
        }
    }
    CHECK(schedule_fired_count(schedule, 0) == 3);
}

TEST(a_crash_loses_everything_until_the_restart) {
    struct fault fault = {.id = SV("f"),
                          .kind = FAULT_CRASH,
                          .step = SV(""),
                          .has_request = true,
                          .request = any(),
                          .nth = 2};
    AUTO(schedule) schedule = schedule_new(&fault, 1, VICTIM, 0);
    struct request create = request_for(VERB_CREATE, SV("pods"), SV("p"));
    CHECK(decide(schedule, 0, &create).verdict == VERDICT_PASS);
    CHECK(decide(schedule, 0, &create).verdict == VERDICT_LOSE_REPLY);
    CHECK(decide(schedule, 0, &create).verdict == VERDICT_LOSE_REQUEST);
    struct request_fate fate = {.verdict = VERDICT_PASS};
    schedule_decide(schedule, 0, SV("kubelet"), &create, &fate);
    CHECK(fate.verdict == VERDICT_PASS);
    CHECK(schedule_take_demands(schedule).restart_victim);
    CHECK(!schedule_take_demands(schedule).restart_victim);
    CHECK(decide(schedule, 0, &create).verdict == VERDICT_PASS);
}

TEST(expired_watches_are_told_once_for_each_collection) {
    struct fault fault = {
        .id = SV("f"), .kind = FAULT_WATCH_EXPIRED, .step = SV(""), .after_ms = 30};
    AUTO(schedule) schedule = schedule_new(&fault, 1, VICTIM, 100);
    struct request pods = request_for(VERB_WATCH, SV("pods"), SV(""));
    struct request nodes = request_for(VERB_WATCH, SV("nodes"), SV(""));
    CHECK(decide(schedule, 129, &pods).verdict == VERDICT_PASS);
    schedule_reach_time(schedule, 130);
    CHECK(schedule_take_demands(schedule).cut_watches);
    CHECK(decide(schedule, 130, &pods).http_status == 410);
    CHECK(decide(schedule, 130, &nodes).http_status == 410);
    CHECK(decide(schedule, 130, &pods).verdict == VERDICT_PASS);
    CHECK(schedule_fired_count(schedule, 0) == 1);
}

TEST(a_fault_of_a_step_lasts_as_long_as_it_says) {
    struct fault fault = {.id = SV("f"),
                          .kind = FAULT_API_SLOW,
                          .step = SV("scale"),
                          .for_ms = 50,
                          .has_request = true,
                          .request = any(),
                          .delay_ms = 7};
    AUTO(schedule) schedule = schedule_new(&fault, 1, VICTIM, 0);
    struct request get = request_for(VERB_GET, SV("pods"), SV("p"));
    CHECK(decide(schedule, 1000, &get).delay_ms == 0);
    schedule_reach_step(schedule, SV("other"), 1000);
    CHECK(decide(schedule, 1000, &get).delay_ms == 0);
    schedule_reach_step(schedule, SV("scale"), 1000);
    CHECK(decide(schedule, 1000, &get).delay_ms == 7);
    CHECK(decide(schedule, 1049, &get).delay_ms == 7);
    CHECK(decide(schedule, 1050, &get).delay_ms == 0);
}

TEST(a_fault_strikes_at_most_count_times) {
    struct fault fault = {.id = SV("f"),
                          .kind = FAULT_API_LOST_REPLY,
                          .step = SV(""),
                          .has_request = true,
                          .request = any(),
                          .count = 2};
    AUTO(schedule) schedule = schedule_new(&fault, 1, VICTIM, 0);
    struct request get = request_for(VERB_GET, SV("pods"), SV("p"));
    CHECK(decide(schedule, 0, &get).verdict == VERDICT_LOSE_REPLY);
    CHECK(decide(schedule, 0, &get).verdict == VERDICT_LOSE_REPLY);
    CHECK(decide(schedule, 0, &get).verdict == VERDICT_PASS);
}
