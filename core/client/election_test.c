/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/election.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/test.h"
#include "core/client/transport.h"
#include "core/data/json.h"

enum { LEASE_MS = 15000, RENEW_MS = 10000, RETRY_MS = 2000, ATTEMPT_MS_MAX = 5000 };

/* A server with one lease, and transports to it that can be cut. */
struct server {
    struct arena *arena;
    struct cJSON *lease; /* NULL: none */
    int64_t version;
    size_t write_count;
    bool has_no_namespace;
};

struct line {
    struct transport base;
    struct server *server;
    uint64_t last_id;
    bool is_cut;
    bool loses_answers;
    bool has_completion;
    int64_t timeout_ms_max; /* of its requests */
    struct completion completion;
};

static void refuse(struct completion *completion, enum error_code code) {
    error_set(&completion->err, code, "%s", error_code_text(code));
}

static void write_lease(struct server *server, const struct cJSON *body,
                        struct completion *completion) {
    server->lease = json_copy(server->arena, body);
    struct cJSON *metadata = json_ensure_map(server->arena, server->lease, SV("metadata"));
    json_set_string(server->arena, metadata, SV("resourceVersion"),
                    arena_printf(server->arena, "%lld", (long long)++server->version));
    server->write_count++;
    completion->body = server->lease;
}

static void serve(struct server *server, const struct request *request,
                  struct completion *completion) {
    completion->body = server->lease;
    if ((request->verb == VERB_GET && !server->lease) || server->has_no_namespace)
        refuse(completion, ERROR_NOT_FOUND);
    else if (request->verb == VERB_CREATE && server->lease)
        refuse(completion, ERROR_ALREADY_EXISTS);
    else if (request->verb == VERB_UPDATE &&
             !sv_eq(object_resource_version(request->body), object_resource_version(server->lease)))
        refuse(completion, ERROR_CONFLICT);
    else if (request->verb != VERB_GET)
        write_lease(server, request->body, completion);
}

static uint64_t start(struct transport *base, const struct request *request) {
    struct line *line = (struct line *)base;
    line->completion = (struct completion){.id = ++line->last_id, .type = COMPLETION_RESPONSE};
    line->has_completion = true;
    if (request->timeout_ms > line->timeout_ms_max)
        line->timeout_ms_max = request->timeout_ms;
    if (line->is_cut) {
        refuse(&line->completion, ERROR_UNAVAILABLE);
        return line->last_id;
    }
    serve(line->server, request, &line->completion);
    if (line->loses_answers)
        refuse(&line->completion, ERROR_TIMEOUT);
    return line->last_id;
}

static bool take(struct transport *base, struct completion *ret_completion) {
    struct line *line = (struct line *)base;
    if (!line->has_completion)
        return false;
    line->has_completion = false;
    *ret_completion = line->completion;
    return true;
}

static void cancel(struct transport *base, uint64_t id) {
    (void)id;
    ((struct line *)base)->has_completion = false;
}

enum { REPLICA_COUNT = 3 };

struct stage {
    struct server server;
    struct line lines[REPLICA_COUNT];
    struct election *replicas[REPLICA_COUNT];
    int64_t now_ms;
};

static void stage_init(struct stage *stage) {
    *stage = (struct stage){.server = {.arena = arena_new()}, .now_ms = 1000};
    for (size_t i = 0; i < REPLICA_COUNT; i++) {
        char identity[] = {(char)('a' + i), '\0'};
        stage->lines[i] = (struct line){.base = {start, take, cancel}, .server = &stage->server};
        stage->replicas[i] = election_new(&(struct election_options){
            .transport = &stage->lines[i].base,
            .namespace_name = SV("fluid-system"),
            .name = SV("cache.data.fluid.io"),
            .identity = sv_from(identity),
            .lease_ms = LEASE_MS,
            .renew_ms = RENEW_MS,
            .retry_ms = RETRY_MS,
            .seed = i,
        });
    }
}

static void stage_release(struct stage *stage) {
    for (size_t i = 0; i < REPLICA_COUNT; i++)
        election_free(stage->replicas[i]);
    arena_free(stage->server.arena);
}

static size_t leader_count(const struct stage *stage) {
    size_t count = 0;
    for (size_t i = 0; i < REPLICA_COUNT; i++)
        count += stage->replicas[i] && election_is_leading(stage->replicas[i]);
    return count;
}

/* Their wall clocks differ by hours, which must not matter. */
static void turn(struct stage *stage) {
    for (size_t i = 0; i < REPLICA_COUNT; i++) {
        struct election *replica = stage->replicas[i];
        struct completion completion;
        if (!replica)
            continue;
        election_step(replica, stage->now_ms, stage->now_ms + (int64_t)i * 3600 * 1000);
        while (transport_take(&stage->lines[i].base, &completion))
            CHECK(election_take(replica, &completion, stage->now_ms));
    }
    CHECK(leader_count(stage) <= 1);
}

static void run(struct stage *stage, int64_t duration_ms) {
    for (int64_t end_ms = stage->now_ms + duration_ms; stage->now_ms < end_ms; stage->now_ms += 100)
        turn(stage);
}

static size_t leader(const struct stage *stage) {
    size_t i = 0;
    while (i < REPLICA_COUNT && !(stage->replicas[i] && election_is_leading(stage->replicas[i])))
        i++;
    return i;
}

/* Who of them leads at first; REPLICA_COUNT: nobody. */
static size_t stage_elect(struct stage *stage) {
    stage_init(stage);
    run(stage, ATTEMPT_MS_MAX);
    return leader(stage);
}

TEST(one_of_three_leads_and_stays) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    run(&stage, 10 * LEASE_MS);
    CHECK(leader(&stage) == first);
    CHECK(json_find_int(stage.server.lease, "spec.leaseDurationSeconds", 0) == LEASE_MS / 1000);
    CHECK(json_find_int(stage.server.lease, "spec.leaseTransitions", -1) == 0);
    for (size_t i = 0; i < REPLICA_COUNT; i++)
        CHECK_SV(election_leader(stage.replicas[i]),
                 json_find_string(stage.server.lease, "spec.holderIdentity"));
    stage_release(&stage);
}

static struct sv lease_text(struct stage *stage, const char *path) {
    return arena_copy(stage->server.arena, json_find_string(stage->server.lease, path));
}

/* As people and other candidates read it. */
TEST(the_lease_says_since_when_its_holder_has_it) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    struct sv acquired = lease_text(&stage, "spec.acquireTime");
    struct sv renewed = lease_text(&stage, "spec.renewTime");
    run(&stage, LEASE_MS);
    CHECK_SV(lease_text(&stage, "spec.acquireTime"), acquired);
    CHECK(sv_compare(lease_text(&stage, "spec.renewTime"), renewed) > 0);
    election_release(stage.replicas[first], stage.now_ms + 24 * 3600 * 1000);
    CHECK_SV(lease_text(&stage, "spec.holderIdentity"), SV(""));
    CHECK(json_find_int(stage.server.lease, "spec.leaseDurationSeconds", 0) == 1);
    struct sv released = lease_text(&stage, "spec.acquireTime");
    CHECK(sv_compare(released, acquired) > 0);
    run(&stage, ATTEMPT_MS_MAX);
    REQUIRE(leader(&stage) < REPLICA_COUNT);
    CHECK(!sv_eq(lease_text(&stage, "spec.acquireTime"), released));
    CHECK(json_find_int(stage.server.lease, "spec.leaseDurationSeconds", 0) == LEASE_MS / 1000);
    stage_release(&stage);
}

/* An attempt that hangs leaves time for another one before the leader has to stop. */
TEST(an_attempt_ends_in_time_for_another) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    run(&stage, LEASE_MS);
    CHECK(stage.lines[first].timeout_ms_max == ATTEMPT_MS_MAX);
    CHECK(RETRY_MS + ATTEMPT_MS_MAX < RENEW_MS);
    stage_release(&stage);
}

/* The server counts from no later than the renewal was asked for. */
TEST(a_slow_answer_makes_nobody_lead_longer) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    struct election *leads = stage.replicas[first];
    size_t writes = stage.server.write_count;
    int64_t next_ms = 0;
    for (; stage.server.write_count == writes; stage.now_ms += 100)
        next_ms = election_step(leads, stage.now_ms, stage.now_ms);
    int64_t asked_ms = stage.now_ms - 100;
    /* While the answer is awaited the end of the last one is. */
    CHECK(next_ms > asked_ms && next_ms < asked_ms + RENEW_MS);
    struct completion completion;
    REQUIRE(transport_take(&stage.lines[first].base, &completion));
    CHECK(election_take(leads, &completion, asked_ms + ATTEMPT_MS_MAX - 1));
    stage.lines[first].is_cut = true;
    election_step(leads, asked_ms + RENEW_MS - 1, 0);
    CHECK(election_is_leading(leads));
    election_step(leads, asked_ms + RENEW_MS, 0);
    CHECK(!election_is_leading(leads));
    stage_release(&stage);
}

/* An administrator, say, gave it to somebody else. */
TEST(a_leader_that_finds_another_stops_at_once) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    struct completion ignored = {.id = 0};
    struct cJSON *lease = json_copy(stage.server.arena, stage.server.lease);
    json_set_string(stage.server.arena, json_get(lease, SV("spec")), SV("holderIdentity"),
                    SV("other"));
    write_lease(&stage.server, lease, &ignored);
    run(&stage, 2 * RETRY_MS + 200);
    CHECK(leader_count(&stage) == 0);
    CHECK_SV(election_leader(stage.replicas[first]), SV("other"));
    /* Nor is it trouble of the server's. */
    CHECK(election_trouble(stage.replicas[first]) == NULL);
    stage_release(&stage);
}

/* A process that comes back under its name need not wait for itself. */
TEST(a_lease_of_ones_own_is_taken_at_once) {
    struct stage stage;
    stage_init(&stage);
    struct completion ignored = {.id = 0};
    for (size_t i = 1; i < REPLICA_COUNT; i++) {
        election_free(stage.replicas[i]);
        stage.replicas[i] = NULL;
    }
    struct cJSON *lease = json_map(stage.server.arena);
    struct cJSON *spec = json_ensure_map(stage.server.arena, lease, SV("spec"));
    json_set_string(stage.server.arena, spec, SV("holderIdentity"), SV("a"));
    write_lease(&stage.server, lease, &ignored);
    run(&stage, ATTEMPT_MS_MAX);
    CHECK(leader(&stage) == 0);
    stage_release(&stage);
}

/* Whoever does not lead has nothing to give back, and nobody's answer is waited for any more. */
TEST(a_candidate_goes_without_a_word) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    size_t second = (first + 1) % REPLICA_COUNT, third = (first + 2) % REPLICA_COUNT;
    size_t writes = stage.server.write_count;
    election_release(stage.replicas[second], stage.now_ms);
    CHECK(!election_is_releasing(stage.replicas[second]));
    CHECK(stage.server.write_count == writes);
    CHECK(leader(&stage) == first);
    while (!stage.lines[third].has_completion) {
        stage.now_ms += 100;
        election_step(stage.replicas[third], stage.now_ms, stage.now_ms);
    }
    election_free(stage.replicas[third]);
    stage.replicas[third] = NULL;
    CHECK(!stage.lines[third].has_completion);
    stage_release(&stage);
}

TEST(a_dead_leader_is_replaced_after_its_lease) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    election_free(stage.replicas[first]);
    stage.replicas[first] = NULL;
    run(&stage, LEASE_MS - RENEW_MS);
    CHECK(leader_count(&stage) == 0);
    run(&stage, LEASE_MS + ATTEMPT_MS_MAX);
    CHECK(leader_count(&stage) == 1);
    CHECK(json_find_int(stage.server.lease, "spec.leaseTransitions", 0) == 1);
    stage_release(&stage);
}

TEST(a_leader_that_is_cut_off_stops_before_another_begins) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    stage.lines[first].is_cut = true;
    run(&stage, RENEW_MS + 100);
    CHECK(!election_is_leading(stage.replicas[first]));
    CHECK(election_trouble(stage.replicas[first])->code == ERROR_UNAVAILABLE);
    run(&stage, LEASE_MS + ATTEMPT_MS_MAX);
    size_t second = leader(&stage);
    CHECK(second < REPLICA_COUNT && second != first);
    stage.lines[first].is_cut = false;
    run(&stage, LEASE_MS);
    CHECK(leader(&stage) == second);
    stage_release(&stage);
}

TEST(a_paused_leader_notices_before_it_does_anything) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    struct election *sleeper = stage.replicas[first];
    stage.replicas[first] = NULL;
    run(&stage, 3 * LEASE_MS);
    CHECK(leader_count(&stage) == 1);
    size_t writes = stage.server.write_count;
    election_step(sleeper, stage.now_ms, stage.now_ms);
    CHECK(!election_is_leading(sleeper));
    CHECK(stage.server.write_count == writes);
    election_free(sleeper);
    stage_release(&stage);
}

TEST(a_released_lease_is_taken_at_the_next_attempt) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    election_release(stage.replicas[first], stage.now_ms);
    CHECK(!election_is_leading(stage.replicas[first]));
    turn(&stage);
    CHECK(!election_is_releasing(stage.replicas[first]));
    CHECK_SV(json_find_string(stage.server.lease, "spec.holderIdentity"), SV(""));
    run(&stage, ATTEMPT_MS_MAX);
    CHECK(leader_count(&stage) == 1 && leader(&stage) != first);
    stage_release(&stage);
}

/* The server may have taken the renewal: giving back the version of before would be a conflict, and
 * the others would wait for the lease to end. */
TEST(a_lease_is_released_behind_a_renewal_that_is_under_way) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    struct line *line = &stage.lines[first];
    size_t writes = stage.server.write_count;
    while (stage.server.write_count == writes) {
        stage.now_ms += 100;
        election_step(stage.replicas[first], stage.now_ms, stage.now_ms);
    }
    REQUIRE(line->has_completion);
    election_release(stage.replicas[first], stage.now_ms);
    CHECK(!election_is_leading(stage.replicas[first]));
    CHECK(election_is_releasing(stage.replicas[first]));
    turn(&stage);
    CHECK(!election_is_releasing(stage.replicas[first]));
    CHECK_SV(json_find_string(stage.server.lease, "spec.holderIdentity"), SV(""));
    run(&stage, ATTEMPT_MS_MAX);
    CHECK(leader_count(&stage) == 1 && leader(&stage) != first);
    stage_release(&stage);
}

/* The write took effect although its answer was lost: the next attempt finds a conflict. */
TEST(lost_answers_do_not_end_leadership) {
    struct stage stage;
    size_t first = stage_elect(&stage);
    REQUIRE(first < REPLICA_COUNT);
    stage.lines[first].loses_answers = true;
    run(&stage, RETRY_MS + 200);
    stage.lines[first].loses_answers = false;
    run(&stage, 3 * LEASE_MS);
    CHECK(leader(&stage) == first);
    CHECK(json_find_int(stage.server.lease, "spec.leaseTransitions", -1) == 0);
    stage_release(&stage);
}

TEST(a_missing_namespace_is_told_until_it_is_there) {
    struct stage stage;
    stage_init(&stage);
    stage.server.has_no_namespace = true;
    for (int i = 0; i < 3; i++) {
        run(&stage, LEASE_MS);
        REQUIRE(election_trouble(stage.replicas[0]));
        CHECK(election_trouble(stage.replicas[0])->code == ERROR_NOT_FOUND);
    }
    CHECK(leader_count(&stage) == 0);
    stage.server.has_no_namespace = false;
    run(&stage, LEASE_MS);
    CHECK(leader_count(&stage) == 1);
    for (size_t i = 0; i < REPLICA_COUNT; i++)
        CHECK(!election_trouble(stage.replicas[i]));
    stage_release(&stage);
}

TEST(a_deleted_lease_is_made_again) {
    struct stage stage;
    stage_init(&stage);
    run(&stage, ATTEMPT_MS_MAX);
    stage.server.lease = NULL;
    run(&stage, 2 * LEASE_MS);
    CHECK(leader_count(&stage) == 1);
    CHECK(stage.server.lease != NULL);
    stage_release(&stage);
}

/* What a lease says of its past, and what it says when it is taken over. */
TEST(takes_over_a_lease_whatever_its_past) {
    static const struct {
        const char *spec;
        int64_t transitions;
    } pasts[] = {
        {"{}", 1},
        {"{\"leaseTransitions\":41}", 42},
        {"{\"leaseTransitions\":2147483647}", 1},
        {"{\"leaseTransitions\":9223372036854775807}", 1},
        {"{\"leaseTransitions\":-7}", 1},
        {"{\"leaseTransitions\":\"x\",\"holderIdentity\":5}", 1},
    };
    for (size_t i = 0; i < COUNT_OF(pasts); i++) {
        struct stage stage;
        struct error err = {0};
        stage_init(&stage);
        struct sv text = arena_printf(stage.server.arena, "{\"spec\":%s}", pasts[i].spec);
        stage.server.lease = json_read(stage.server.arena, text, &err);
        run(&stage, LEASE_MS);
        CHECK(leader_count(&stage) == 1);
        CHECK(json_find_int(stage.server.lease, "spec.leaseTransitions", -1) ==
              pasts[i].transitions);
        stage_release(&stage);
    }
}
