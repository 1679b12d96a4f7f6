/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/world.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/team.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/server/fakeapi.h"

enum { START_MS = 1000000 };

static struct world *make_world(void) {
    return world_new(&(struct world_options){.seed = 1, .start_ms = START_MS});
}

static int64_t tick_every_second(void *context, int64_t now_ms) {
    ++*(int *)context;
    return now_ms + 1000;
}

TEST(an_actor_is_stepped_at_its_deadlines_and_no_longer_once_removed) {
    AUTO(world) world = make_world();
    int ticks = 0;
    world_add_actor(
        world, &(struct actor){.name = SV("ticker"), .step = tick_every_second, .context = &ticks});
    CHECK(!world_run_until(world, START_MS + 5500, NULL, NULL));
    CHECK(ticks == 6); /* at once, then after each second */
    CHECK(world_now_ms(world) == START_MS + 5500);
    world_remove_actor(world, &ticks);
    CHECK(!world_run_until(world, START_MS + 60000, NULL, NULL));
    CHECK(ticks == 6);
}

struct fate_case {
    const char *name;
    struct request_fate fate;
    enum error_code code;
    int http_status;
    int64_t arrives_ms, retry_after_ms;
};

static void set_fate(void *context, struct sv user_agent, const struct request *request,
                     struct request_fate *fate) {
    (void)user_agent;
    (void)request;
    *fate = *(const struct request_fate *)context;
}

static const struct fate_case fates[] = {
    {"refused as told",
     {VERDICT_ANSWER, 429, SV("TooManyRequests"), SV("slow down"), 2, 0},
     ERROR_TOO_MANY_REQUESTS,
     429,
     0,
     2000},
    {"request lost", {VERDICT_LOSE_REQUEST, 0, SV(""), SV(""), 0, 0}, ERROR_UNAVAILABLE, 0, 0, 0},
    {"reply lost", {VERDICT_LOSE_REPLY, 0, SV(""), SV(""), 0, 30}, ERROR_UNAVAILABLE, 0, 30, 0},
    {"answer late", {VERDICT_PASS, 0, SV(""), SV(""), 0, 250}, ERROR_NONE, 200, 250, 0},
    {"answer too late", {VERDICT_PASS, 0, SV(""), SV(""), 0, 9000}, ERROR_TIMEOUT, 0, 1000, 0},
};

static const struct request list_pods = {
    .verb = VERB_LIST, .version = SV("v1"), .plural = SV("pods"), .timeout_ms = 1000};

TEST(a_request_meets_the_fate_that_an_observer_decides) {
    for (size_t i = 0; i < COUNT_OF(fates); i++) {
        const struct fate_case *test = &fates[i];
        AUTO(world) world = make_world();
        struct request_fate fate = test->fate;
        world_add_observer(world, &(struct observer){.before = set_fate, .context = &fate});
        struct transport *transport = world_connect(world, SV("client/1"));
        uint64_t id = transport_start(transport, &list_pods);
        struct completion completion;
        world_run_due(world);
        if (test->arrives_ms > 0)
            CHECK(!transport_take(transport, &completion));
        while (world_step(world, START_MS + 10000) && world_now_ms(world) == START_MS)
            ;
        world_run_due(world);
        REQUIRE(transport_take(transport, &completion));
        CHECK(completion.id == id);
        CHECK(completion.err.code == test->code);
        CHECK(completion.http_status == test->http_status);
        CHECK(completion.retry_after_ms == test->retry_after_ms);
        CHECK(!transport_take(transport, &completion));
    }
}

static int64_t note_arrival(void *context, int64_t now_ms) {
    *(int64_t *)context = now_ms;
    return DEADLINE_NEVER;
}

TEST(a_late_answer_wakes_its_actor_when_it_arrives) {
    AUTO(world) world = make_world();
    struct request_fate fate = {VERDICT_PASS, 0, SV(""), SV(""), 0, 250};
    world_add_observer(world, &(struct observer){.before = set_fate, .context = &fate});
    struct transport *transport = world_connect(world, SV("client/1"));
    int64_t woken_ms = 0;
    world_run_due(world);
    transport_start(transport, &list_pods);
    world_run_due(world);
    CHECK(world_next_ms(world) == START_MS + 250);
    world_add_actor(world, &(struct actor){.name = SV("client"),
                                           .step = note_arrival,
                                           .context = &woken_ms,
                                           .transport = transport});
    world_run_due(world);
    CHECK(woken_ms == START_MS);
    CHECK(world_step(world, START_MS + 1000));
    CHECK(world_now_ms(world) == START_MS + 250);
}

TEST(a_client_that_disconnects_gets_nothing_any_more) {
    AUTO(world) world = make_world();
    struct transport *transport = world_connect(world, SV("client/1"));
    transport_start(transport, &list_pods);
    world_disconnect(world, transport);
    CHECK(world_run_due(world)); /* the request is dropped */
    CHECK(!world_run_due(world));
    CHECK(world_next_ms(world) > world_now_ms(world));
}

/* The controllers' answers to what is there, and the answers to those, are rounds of their own. */
TEST(rounds_one_by_one_do_what_is_due) {
    AUTO(world) world = make_world();
    size_t rounds = 0;
    while (world_run_round(world))
        REQUIRE(++rounds < 1000);
    CHECK(rounds > 2);
    CHECK(!world_run_due(world));
    CHECK(world_next_ms(world) > world_now_ms(world));
}

struct busy {
    struct transport *transport;
    struct arena *arena;
    size_t writes;
};

/* Writes one object, and writes it again as soon as it is answered. */
static int64_t write_again(void *context, int64_t now_ms) {
    static const char text[] = "{\"metadata\":{\"labels\":{\"n\":\"%zu\"}}}";
    struct busy *busy = context;
    struct completion completion;
    struct error err = {0};
    (void)now_ms;
    while (transport_take(busy->transport, &completion))
        ;
    struct request request = request_to(VERB_PATCH, &RESOURCE_NAMESPACES, SV(""), SV("default"));
    request.patch_type = PATCH_MERGE;
    request.body = json_read(busy->arena, arena_printf(busy->arena, text, ++busy->writes), &err);
    transport_start(busy->transport, &request);
    return DEADLINE_NEVER;
}

/* Who never lets time pass is found long before that fills the memory, and named. */
TEST(an_actor_that_keeps_itself_busy_ends_the_simulation) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = make_world();
    struct error err = {0};
    struct busy busy = {world_connect(world, SV("bad-controller")), arena, 0};
    CHECK(!world_is_livelocked(world, &err));
    world_add_actor(world, &(struct actor){.name = SV("bad-controller"),
                                           .step = write_again,
                                           .context = &busy,
                                           .transport = busy.transport});
    world_wake_actor(world, &busy);
    int64_t now_ms = world_now_ms(world);
    world_run_until(world, now_ms + 3600 * 1000, NULL, NULL);
    REQUIRE(world_is_livelocked(world, &err));
    CHECK_SV(sv_from(err.message),
             SV("the simulated cluster does not come to rest: bad-controller wrote namespaces"
                " default 1000 times at one moment"));
    CHECK(world_now_ms(world) == now_ms);
    CHECK(busy.writes < 3000);
    CHECK(!world_run_due(world) && !world_step(world, now_ms + 1));
    world_remove_actor(world, &busy);
}

TEST(a_cancelled_request_has_no_completion) {
    AUTO(world) world = make_world();
    struct transport *transport = world_connect(world, SV("client/1"));
    uint64_t cancelled = transport_start(transport, &list_pods);
    uint64_t kept = transport_start(transport, &list_pods);
    transport_cancel(transport, cancelled);
    world_run_due(world);
    struct completion completion;
    REQUIRE(transport_take(transport, &completion));
    CHECK(completion.id == kept);
    CHECK(!transport_take(transport, &completion));
}

struct follower {
    struct transport *transport;
    size_t added_count, ended_count;
};

static int64_t follow(void *context, int64_t now_ms) {
    struct follower *follower = context;
    struct completion completion;
    (void)now_ms;
    while (transport_take(follower->transport, &completion)) {
        bool is_added =
            completion.type == COMPLETION_WATCH_EVENT && completion.event_type == WATCH_ADDED;
        *(is_added ? &follower->added_count : &follower->ended_count) += 1;
    }
    return DEADLINE_NEVER;
}

/* A server that is asked for much at once goes on serving its watches meanwhile. */
TEST(a_watch_keeps_up_with_more_writes_at_one_moment_than_the_log_holds) {
    enum { WINDOW = 512, WRITES = 3 * WINDOW };
    AUTO(world)
    world = world_new(
        &(struct world_options){.seed = 1, .start_ms = START_MS, .watch_window_events = WINDOW});
    AUTO(arena) arena = arena_new();
    struct follower follower = {.transport = world_connect(world, SV("follower/1"))};
    struct transport *writer = world_connect(world, SV("writer/1"));
    world_add_actor(world, &(struct actor){.name = SV("follower"),
                                           .step = follow,
                                           .context = &follower,
                                           .transport = follower.transport});
    struct request watch = request_to(VERB_WATCH, &RESOURCE_LEASES, SV("default"), SV(""));
    transport_start(follower.transport, &watch);
    world_run_due(world);
    for (size_t i = 0; i < WRITES; i++) {
        struct sv name = arena_printf(arena, "lease-%zu", i);
        struct request request = agent_create(
            &RESOURCE_LEASES, object_new(arena, &RESOURCE_LEASES, SV("default"), name));
        transport_start(writer, &request);
    }
    world_run_due(world);
    CHECK(world_now_ms(world) == START_MS);
    CHECK(follower.added_count == WRITES);
    CHECK(follower.ended_count == 0);
}

/* Idle hours cost nothing unless somebody wants to see that the nodes live. */
TEST(nodes_hold_leases_where_they_are_told_to) {
    for (int is_told = 0; is_told <= 1; is_told++) {
        AUTO(arena) arena = arena_new();
        AUTO(world)
        world = world_new(&(struct world_options){
            .seed = 1, .start_ms = START_MS, .node_count = 2, .has_heartbeats = is_told == 1});
        world_run_until(world, START_MS + 60000, NULL, NULL);
        struct request request =
            request_to(VERB_LIST, &RESOURCE_LEASES, SV("kube-node-lease"), SV(""));
        struct api_response response;
        fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
        const struct cJSON *leases = json_get(response.body, SV("items"));
        CHECK(json_count(leases) == (is_told ? 2 : 0));
        JSON_EACH (lease, leases) {
            int64_t renewed_ms = 0;
            CHECK(api_time_parse(json_find_string(lease, "spec.renewTime"), &renewed_ms));
            CHECK(renewed_ms > world_now_ms(world) - 11000);
        }
    }
}

/* --- actors that are stepped apart --- */

/* Does jobs at once, and what they go on with at their end, when all is there that comes. */
struct ahead_team {
    struct team team;
    bool (*piece)(void *context);
    void *context;
    size_t piece_count;
};

static void do_at_once(struct team *team, team_job *job, void *context) {
    (void)team;
    job(context);
}

static void go_on_at_the_end(struct team *team, bool (*piece)(void *context), void *context) {
    struct ahead_team *ahead = (struct ahead_team *)team;
    ahead->piece = piece;
    ahead->context = context;
}

static void end_job(struct team *team) {
    struct ahead_team *ahead = (struct ahead_team *)team;
    while (ahead->piece && ahead->piece(ahead->context))
        ahead->piece_count++;
    ahead->piece = NULL;
}

static bool wait_for_nothing(struct team *team, bool (*holds)(void *context), void *context) {
    (void)team, (void)holds, (void)context;
    return false;
}

static void tell_nobody(struct team *team) {
    (void)team;
}

/* Creates one object after the other and watches them anew at each: what it takes, sends and
 * cancels is noted in `text`, and what the server sees of it. */
struct creator {
    struct transport *transport;
    uint64_t watch_id;
    size_t created_count;
    struct arena *arena;
    struct sv text;
};

enum { CREATED_MAX = 5 };

static void note_of(struct creator *creator, const char *what, struct sv name) {
    creator->text =
        arena_printf(creator->arena, "%.*s%s %.*s\n", SV_ARG(creator->text), what, SV_ARG(name));
}

static void create_next(struct creator *creator) {
    struct cJSON *object = json_map(creator->arena);
    struct sv name = arena_printf(creator->arena, "c%zu", ++creator->created_count);
    json_set_string(creator->arena, json_ensure_map(creator->arena, object, SV("metadata")),
                    SV("name"), name);
    struct request create = request_to(VERB_CREATE, &RESOURCE_CONFIG_MAPS, SV("default"), SV(""));
    create.body = object;
    transport_start(creator->transport, &create);
    struct request watch = request_to(VERB_WATCH, &RESOURCE_CONFIG_MAPS, SV("default"), SV(""));
    transport_cancel(creator->transport, creator->watch_id);
    creator->watch_id = transport_start(creator->transport, &watch);
}

static bool take_created(void *context, int64_t now_ms) {
    (void)now_ms;
    struct creator *creator = context;
    struct completion completion;
    if (!transport_take(creator->transport, &completion))
        return false;
    bool is_event = completion.type == COMPLETION_WATCH_EVENT;
    note_of(creator, is_event ? "event" : "answer",
            completion.body ? object_name(completion.body) : SV(""));
    if (!is_event && creator->created_count < CREATED_MAX)
        create_next(creator);
    return true;
}

static int64_t step_creator(void *context, int64_t now_ms) {
    struct creator *creator = context;
    if (creator->created_count == 0)
        create_next(creator);
    while (take_created(creator, now_ms))
        ;
    return DEADLINE_NEVER;
}

static void note_request(void *context, struct sv user_agent, const struct request *request,
                         int http_status, const struct cJSON *body) {
    (void)user_agent, (void)http_status;
    note_of(context, verb_text(request->verb).ptr, body ? object_name(body) : SV(""));
}

/* In `arena`: what was noted. */
static struct sv run_creator(struct arena *arena, struct team *team) {
    AUTO(world)
    world = world_new(&(struct world_options){.seed = 1,
                                              .start_ms = START_MS,
                                              .has_no_controllers = true,
                                              .has_no_scheduler = true,
                                              .steps_apart = true,
                                              .team = team});
    struct creator seen = {.arena = arena, .text = SV("")};
    struct creator creator = {
        .transport = world_connect(world, SV("creator/1")), .arena = arena, .text = SV("")};
    world_add_observer(world, &(struct observer){.after = note_request, .context = &seen});
    world_add_actor(world, &(struct actor){.name = SV("creator"),
                                           .step = step_creator,
                                           .take = take_created,
                                           .context = &creator,
                                           .transport = creator.transport,
                                           .may_be_apart = true});
    world_run_until(world, START_MS + 1000, NULL, NULL);
    CHECK(creator.created_count == CREATED_MAX);
    world_remove_actor(world, &creator);
    return ARENA_JOIN(arena, creator.text, seen.text);
}

TEST(what_is_taken_ahead_of_a_step_changes_nothing) {
    AUTO(arena) arena = arena_new();
    struct ahead_team ahead = {
        .team = {do_at_once, end_job, wait_for_nothing, tell_nobody, go_on_at_the_end}};
    struct sv expected = run_creator(arena, NULL);
    CHECK_SV(run_creator(arena, &ahead.team), expected);
    CHECK(ahead.piece_count >= CREATED_MAX);
}
