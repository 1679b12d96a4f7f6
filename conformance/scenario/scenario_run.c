/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_run.h"

#include "conformance/scenario/scenario_engine.h"
#include "conformance/scenario/scenario_final.h"
#include "conformance/scenario/scenario_parts.h"
#include "conformance/session_sim.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

#include <stdarg.h>

enum { FINAL_SETTLE_MS = 1800 * 1000, FAILURE_BYTES_MAX = 4096 };

void run_add_failure(struct run *run, const struct cJSON *at, const char *format, ...) {
    char text[FAILURE_BYTES_MAX];
    struct scenario_result *result = run->result;
    result->state = CHECK_STATE_FAIL;
    if (result->failure_count == SCENARIO_FAILURES_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    result->failures[result->failure_count++] = (struct scenario_failure){
        manifest_locate(run->scenario->manifest, at, at && at->string),
        arena_copy(run->arena, sv_from(text)),
    };
}

/* --- time and faults --- */

static void do_what_faults_demand(struct run *run) {
    if (!run->schedule)
        return;
    schedule_reach_time(run->schedule, session_now_ms(run->session));
    struct schedule_demands demands = schedule_take_demands(run->schedule);
    if (demands.cut_watches || run->has_to_cut_watches)
        session_cut_watches(run->session);
    run->has_to_cut_watches = false;
    if (demands.restart_victim)
        session_restart_controller(run->session);
}

/* A process would go on until somebody looks: it is killed while the server has its request. */
static void kill_at_once(struct run *run) {
    if (session_is_virtual(run->session))
        return;
    struct schedule_demands demands = schedule_take_demands(run->schedule);
    run->has_to_cut_watches |= demands.cut_watches;
    if (demands.restart_victim)
        session_restart_controller(run->session);
}

struct waiting {
    struct run *run;
    bool (*holds)(struct run *run, void *context);
    void *context;
};

static bool holds_now(struct session *session, void *context) {
    struct waiting *waiting = context;
    (void)session;
    do_what_faults_demand(waiting->run);
    return waiting->holds(waiting->run, waiting->context);
}

bool run_wait(struct run *run, int64_t timeout_ms, bool (*holds)(struct run *run, void *context),
              void *context) {
    return session_run_until(run->session, timeout_ms, holds_now,
                             &(struct waiting){run, holds, context});
}

/* --- what is seen of requests --- */

static void before_request(void *context, struct sv user_agent, const struct request *request,
                           struct request_fate *fate) {
    struct run *run = context;
    run->controller_sent += sv_eq(user_agent, SESSION_CONTROLLER_AGENT);
    schedule_decide(run->schedule, world_now_ms(run->world), user_agent, request, fate);
    kill_at_once(run);
}

static void after_request(void *context, struct sv user_agent, const struct request *request,
                          int http_status, const struct cJSON *body) {
    struct run *run = context;
    if (request->verb == VERB_EXEC)
        return;
    if (request_is_write(request) && http_status > 0 && http_status < 300)
        expect_observe(run, request, body);
    if (!request_is_write(request) && !sv_eq(user_agent, SESSION_CONTROLLER_AGENT))
        return;
    size_t count = run->trace.count;
    trace_add_request(&run->trace, world_now_ms(run->world) - run->start_ms, run->step, user_agent,
                      request, http_status, body);
    if (run->trace.count > count)
        rules_observe(run, run->step, &run->trace.entries[count], http_status < 300 ? body : NULL);
}

/* Who wrote the object last, as it says itself. */
static struct sv last_manager(const struct cJSON *object) {
    struct sv manager = SV("somebody"), newest = SV("");
    JSON_EACH (entry, json_find(object, "metadata.managedFields")) {
        struct sv time = json_find_string(entry, "time");
        if (sv_compare(time, newest) < 0)
            continue;
        newest = time;
        manager = json_find_string(entry, "manager");
    }
    return manager;
}

/* The step in which a change was made, which is seen some time later. */
static size_t step_of(const struct run *run, int64_t revision) {
    size_t step = 0;
    for (size_t i = 0; i < run->scenario->step_count; i++)
        if (run->step_revisions[i] > 0 && run->step_revisions[i] < revision)
            step = i;
    return step;
}

/* Where requests cannot be seen, what they changed can. */
static void see_change(void *context, const struct resource *resource, const struct cJSON *object,
                       bool is_deleted) {
    struct run *run = context;
    int64_t revision = 0;
    struct trace_entry entry = {
        .at_ms = session_now_ms(run->session) - run->start_ms,
        .user_agent = last_manager(object),
        .request =
            {
                .verb = VERB_UPDATE,
                .group = resource->group,
                .version = resource->version,
                .plural = resource->plural,
                .namespace_name = object_namespace(object),
                .name = object_name(object),
            },
        .http_status = 200,
    };
    if (!sv_to_int64(json_find_string(object, "metadata.resourceVersion"), &revision))
        return;
    entry.step = step_of(run, revision);
    rules_observe(run, entry.step, &entry, object);
    if (!is_deleted && entry.step == run->step)
        expect_observe(run, &entry.request, object);
}

static void executed(void *context, struct sv role, struct sv entry) {
    struct run *run = context;
    trace_add_exec(&run->trace, world_now_ms(run->world) - run->start_ms, run->step, role, entry);
}

/* --- one run --- */

static bool apply_objects(struct run *run) {
    const struct scenario_objects *objects = &run->scenario->objects;
    for (size_t i = 0; i < objects->count; i++) {
        struct error err = {0};
        if (session_apply(run->session, objects->items[i], &err))
            continue;
        run_add_failure(run, objects->places[i], "%s", err.message);
        return false;
    }
    return true;
}

static bool run_steps(struct run *run) {
    const struct scenario *scenario = run->scenario;
    if (!apply_objects(run))
        return false;
    for (size_t i = 0; i < scenario->step_count; i++) {
        run->step = i;
        if (i == scenario->sweep_step)
            run->sent_before_sweep = i > 0 ? run->controller_sent : 0;
        if (run->schedule)
            schedule_reach_step(run->schedule, scenario->steps[i].name,
                                session_now_ms(run->session));
        if (!run->world)
            run->step_revisions[i] = session_revision(run->session);
        expect_begin(run, &scenario->steps[i]);
        if (!run_act(run, &scenario->steps[i]) || !run_expect(run, &scenario->steps[i]))
            return false;
    }
    return true;
}

static void judge(struct run *run) {
    if (run->world)
        rules_judge(run);
    if (!run_settle(run, FINAL_SETTLE_MS))
        run_add_failure(run, run->scenario->tree,
                        "after the last step the controller does not come to rest");
    else
        run_check_conditions(run, run->scenario->tree, true);
}

/* What was not reached says nothing about the controller. */
static void end_with_trouble(struct run *run, const struct error *trouble) {
    run->result->state = CHECK_STATE_ERROR;
    run->result->failure_count = 0;
    run->result->reason = arena_copy(run->arena, sv_from(trouble->message));
}

/* The steps and the judgement, and after a failure too what there is in the end. */
static void run_to_end(struct run *run) {
    const struct cJSON *tree = run->scenario->tree;
    struct error err = {0};
    bool is_done = run_steps(run);
    if (session_has_trouble(run->session, &err)) {
        end_with_trouble(run, &err);
        return;
    }
    if (run->options->reached)
        run->options->reached(run->options->context, run->session);
    if (is_done)
        judge(run);
    if (!session_is_shared(run->session) &&
        !scenario_final_text(run->session, run->options->ignores_placement, run->arena,
                             &run->result->final_objects, &err))
        run_add_failure(run, tree, "the objects at the end: %s", err.message);
    if (run->trace.is_full)
        run_add_failure(run, tree, "more than %d requests: something runs in circles",
                        TRACE_ENTRIES_MAX);
}

static struct session *open_session(const struct run *run, const struct engine *engine,
                                    struct error *err) {
    const struct scenario *scenario = run->scenario;
    struct session_options options = {
        .seed = run->options->seed,
        .node_count = scenario->node_count,
        .engines = engine,
        .engine_count = 1,
        .image_pull_ms = scenario->image_pull_ms,
        .pod_start_ms = scenario->pod_start_ms,
        .config_map_lag_ms = scenario->config_map_lag_ms,
    };
    return run->options->open ? run->options->open(run->options->context, &options, err)
                              : session_new(&options, err);
}

static void watch_requests(struct run *run, struct scenario_engine *engine,
                           const struct fault *faults, size_t fault_count) {
    run->schedule =
        schedule_new(faults, fault_count, SESSION_CONTROLLER_AGENT, session_now_ms(run->session));
    scenario_engine_attach(engine, run->world, executed, run);
    world_add_observer(run->world, &(struct observer){
                                       .before = before_request,
                                       .after = after_request,
                                       .context = run,
                                   });
}

static void watch_changes(struct run *run) {
    run->step_revisions = ARENA_ARRAY(run->arena, int64_t, run->scenario->step_count + 1);
    session_observe(run->session, &(struct session_observer){see_change, run});
}

/* Runs once, with these faults. */
static void run_once(struct run *run, const struct fault *faults, size_t fault_count) {
    AUTO(scenario_engine) scripted = scenario_engine_new(run->scenario);
    struct engine engine = scenario_engine_of(scripted);
    struct error err = {0};
    run->trace.arena = run->arena;
    run->result->state = CHECK_STATE_PASS;
    run->session = open_session(run, &engine, &err);
    if (!run->session) {
        run->result->state = CHECK_STATE_ERROR;
        run->result->reason = arena_copy(run->arena, sv_from(err.message));
        return;
    }
    run->world = session_world(run->session);
    run->start_ms = session_now_ms(run->session);
    run->result->reason = scenario_limits_reason(run);
    run->result->unjudged = scenario_limits_unjudged(run);
    if (run->world)
        watch_requests(run, scripted, faults, fault_count);
    else
        watch_changes(run);
    if (run->result->reason.len > 0)
        run->result->state = CHECK_STATE_SKIP_UNOBSERVABLE;
    else if (session_begin(run->session, &err))
        run_to_end(run);
    else
        end_with_trouble(run, &err);
    session_get_counts(run->session, &run->result->counts);
    run->result->trace = trace_told_text(&run->trace, run->arena);
    run->result->duration_ms = session_now_ms(run->session) - run->start_ms;
    /* How the cluster is left is no part of the scenario. */
    if (run->world)
        world_remove_observer(run->world, run);
    session_observe(run->session, &(struct session_observer){.changed = NULL});
    session_free(run->session);
    schedule_free(run->schedule);
}

/* --- all the points at which the controller may die --- */

static void tell_difference(struct run *run, const struct scenario_result *cut, uint64_t nth,
                            const char *variant) {
    struct sv expected, actual;
    const struct cJSON *at = json_get(run->scenario->tree, SV("explore"));
    scenario_final_compare(run->result->final_objects, cut->final_objects, &expected, &actual);
    scenario_final_shorten(run->arena, &expected, &actual);
    if (cut->state != CHECK_STATE_PASS)
        run_add_failure(run, at, "controller killed after request %llu (%s):\n%.*s",
                        (unsigned long long)nth, variant,
                        SV_ARG(cut->failure_count > 0 ? cut->failures[0].message : cut->reason));
    else if (expected.len > 0 || actual.len > 0)
        run_add_failure(run, at,
                        "controller killed after request %llu (%s): other objects at the end\n"
                        "  expected: %.*s\n  actual:   %.*s",
                        (unsigned long long)nth, variant, SV_ARG(expected), SV_ARG(actual));
}

static void run_cut(struct run *run, uint64_t nth, bool is_before) {
    AUTO(arena) arena = arena_new();
    struct scenario_result result = {.reason = SV(""), .trace = SV(""), .final_objects = SV("")};
    struct fault faults[FAULTS_MAX + 1];
    size_t count = run->scenario->fault_count < FAULTS_MAX ? run->scenario->fault_count : 0;
    if (count > 0)
        memcpy(faults, run->scenario->faults, sizeof(faults[0]) * count);
    faults[count++] = (struct fault){
        .id = SV("crash"),
        .kind = FAULT_CRASH,
        .step = SV(""),
        .has_request = true,
        .request = request_pattern_by(SESSION_CONTROLLER_AGENT),
        .nth = nth,
        .is_before = is_before,
    };
    struct run cut = {.scenario = run->scenario,
                      .options = run->options,
                      .arena = arena,
                      .result = &result,
                      .is_cut = true};
    run_once(&cut, faults, count);
    run->result->explored_runs++;
    tell_difference(run, &result, nth, is_before ? "not applied" : "applied, answer lost");
}

static void sweep_crashes(struct run *run) {
    size_t runs_max = run->scenario->sweep_runs_max;
    uint64_t points = run->controller_sent - run->sent_before_sweep, step = 1;
    if (run->options->sweep_runs_max > 0) {
        runs_max = run->options->sweep_runs_max;
        step = 1 + 2 * points / (runs_max + 1);
    }
    for (uint64_t nth = run->sent_before_sweep + 1; nth <= run->controller_sent; nth += step) {
        for (int variant = 0; variant < 2; variant++) {
            bool is_enough = runs_max > 0 && run->result->explored_runs >= runs_max;
            if (is_enough || run->result->failure_count >= SCENARIO_FAILURES_MAX)
                return;
            run_cut(run, nth, variant == 0);
        }
    }
}

/* --- the result --- */

static struct sv unmet_requirement(const struct scenario *scenario, enum session_mode mode,
                                   struct arena *arena) {
    const struct cJSON *modes = json_find(scenario->tree, "requires.modes");
    if (!modes || json_has_text(modes, session_mode_names[mode]))
        return scenario->unmet;
    return arena_printf(arena, "runs in modes %.*s only",
                        SV_ARG(json_write_arena(arena, modes, JSON_COMPACT)));
}

static bool can_sweep(const struct scenario_options *options) {
    return options->mode == SESSION_MODE_SIM ||
           (options->mode == SESSION_MODE_HTTP && options->sweep_runs_max > 0);
}

void scenario_run(const struct scenario *scenario, const struct scenario_options *options,
                  struct arena *arena, struct scenario_result *ret_result) {
    *ret_result = (struct scenario_result){
        .state = CHECK_STATE_SKIP_UNSUPPORTED,
        .unjudged = SV(""),
        .trace = SV(""),
        .final_objects = SV(""),
    };
    ret_result->reason = unmet_requirement(scenario, options->mode, arena);
    if (ret_result->reason.len > 0)
        return;
    struct run run = {
        .scenario = scenario, .options = options, .arena = arena, .result = ret_result};
    run.is_cut = options->judges_end_only;
    run_once(&run, scenario->faults, scenario->fault_count);
    if (ret_result->state == CHECK_STATE_PASS && scenario->sweeps_crashes &&
        !options->without_exploring && can_sweep(options))
        sweep_crashes(&run);
}

void scenario_compare_modes(const struct scenario *scenario, const struct scenario_result *expected,
                            struct arena *arena, struct scenario_result *result) {
    struct sv in_sim, here;
    struct run run = {.scenario = scenario, .arena = arena, .result = result};
    scenario_final_compare(expected->final_objects, result->final_objects, &in_sim, &here);
    if (in_sim.len == 0 && here.len == 0)
        return;
    scenario_final_shorten(arena, &in_sim, &here);
    run_add_failure(&run, scenario->tree,
                    "other objects at the end than in mode sim\n"
                    "  sim:  %.*s\n  here: %.*s",
                    SV_ARG(in_sim), SV_ARG(here));
}

void scenario_compare_golden(const struct scenario *scenario, struct sv golden, struct arena *arena,
                             struct scenario_result *result) {
    struct sv expected, actual;
    struct run run = {.scenario = scenario, .arena = arena, .result = result};
    scenario_final_compare(golden, result->trace, &expected, &actual);
    if (expected.len > 0 || actual.len > 0)
        run_add_failure(&run, json_get(scenario->tree, SV("golden")),
                        "another trace than the golden one; review it, then --update-golden\n"
                        "  expected: %.*s\n  actual:   %.*s",
                        SV_ARG(expected), SV_ARG(actual));
}
