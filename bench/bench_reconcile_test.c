/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_reconcile.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/team.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

enum { RUNTIMES = 30, WORKERS = 2 };

/* Every request and its answer, in their order. */
struct trace {
    uint64_t hash, request_count;
};

static void add(struct trace *trace, struct sv text) {
    trace->hash = trace->hash * UINT64_C(0x9e3779b97f4a7c15) + sv_hash(text);
}

static void note(void *context, struct sv user_agent, const struct request *request,
                 int http_status, const struct cJSON *body) {
    struct trace *trace = context;
    AUTO(arena) arena = arena_new();
    add(trace, arena_printf(arena, "%.*s %.*s %.*s %.*s/%.*s %.*s %d", SV_ARG(user_agent),
                            SV_ARG(verb_text(request->verb)), SV_ARG(request->plural),
                            SV_ARG(request->namespace_name), SV_ARG(request->name),
                            SV_ARG(request->subresource), http_status));
    if (request->body)
        add(trace, json_write_arena(arena, request->body, JSON_COMPACT));
    if (body)
        add(trace, json_write_arena(arena, body, JSON_COMPACT));
    trace->request_count++;
}

/* Does what is started, and what a job goes on with, as late as it may. */
struct late_team {
    struct team team;
    team_job *started;
    void *context;
    bool (*piece)(void *context);
    void *piece_context;
    size_t call_count, piece_count;
};

static void start_later(struct team *team, team_job *job, void *context) {
    struct late_team *late = (struct late_team *)team;
    late->started = job;
    late->context = context;
    late->call_count++;
}

static void do_started(struct team *team) {
    struct late_team *late = (struct late_team *)team;
    if (late->started)
        late->started(late->context);
    late->started = NULL;
}

static void go_on_later(struct team *team, bool (*piece)(void *context), void *context) {
    struct late_team *late = (struct late_team *)team;
    late->piece = piece;
    late->piece_context = context;
}

static void end_started(struct team *team) {
    struct late_team *late = (struct late_team *)team;
    do_started(team);
    while (late->piece && late->piece(late->piece_context))
        late->piece_count++;
    late->piece = NULL;
}

static bool wait_for_started(struct team *team, bool (*holds)(void *context), void *context) {
    (void)holds, (void)context;
    do_started(team);
    return false;
}

static void tell_nobody(struct team *team) {
    (void)team;
}

static struct trace run(size_t thread_count, struct team *team) {
    struct trace trace = {0};
    struct bench_figures figures = {0};
    struct error err = {0};
    struct observer observer = {.after = note, .context = &trace};
    struct bench_reconcile_options options = {
        .runtime_count = RUNTIMES,
        .worker_count = WORKERS,
        .seed = 7,
        .thread_count = thread_count,
        .team = team,
        .observer = &observer,
        .until_bound = true,
    };
    CHECK(bench_reconcile_run(&options, &figures, &err));
    return trace;
}

/* Whenever actors are stepped that the server does not wait for, and in whichever thread. */
TEST(threads_change_no_byte_of_what_a_simulation_does) {
    struct late_team late = {
        .team = {start_later, end_started, wait_for_started, tell_nobody, go_on_later}};
    struct trace expected = run(1, NULL);
    CHECK(expected.request_count > RUNTIMES * 50);
    const struct trace traces[] = {run(1, NULL), run(1, &late.team), run(2, NULL)};
    for (size_t i = 0; i < COUNT_OF(traces); i++) {
        CHECK(traces[i].request_count == expected.request_count);
        CHECK(traces[i].hash == expected.hash);
    }
    CHECK(late.call_count > 0);
    CHECK(late.piece_count > 0);
}
