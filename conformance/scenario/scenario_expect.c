/* SPDX-License-Identifier: Apache-2.0 */
/* What steps expect: polled after each moment of the run until it holds or the time is over. */
#include "conformance/scenario/condition_check.h"
#include "conformance/scenario/scenario_match.h"
#include "conformance/scenario/scenario_parts.h"
#include "conformance/scenario/status_check.h"
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/fault/schedule.h"

/* One expectation while it is waited for. */
struct wait {
    const struct cJSON *tree; /* the one member of the expectation */
    struct arena *arena;      /* of the last look */
    struct object_ref ref;
    struct mismatch mismatch;
    int64_t quiet_since_ms;
    int64_t doubt_ms; /* for so long it was quiet, and yet something said was untrue */
    uint64_t writes;
    bool outlasts_faults; /* what is quiet while a fault lasts may only wait for its end */
};

static const struct cJSON *get(struct run *run, struct wait *wait) {
    struct error err = {0};
    arena_reset(wait->arena);
    return session_get(run->session, wait->ref.resource, wait->ref.namespace_name, wait->ref.name,
                       wait->arena, &err);
}

static void set_ref(struct wait *wait, const struct cJSON *text) {
    struct sv nearest;
    bool is_ref = object_ref_parse(json_text(text), &wait->ref, &nearest);
    assert(is_ref);
}

/* --- the kinds of expectations: those of one object first --- */

static bool is_eventually(struct wait *wait, const struct cJSON *object) {
    return scenario_match(wait->arena, json_get(wait->tree, SV("match")), object, &wait->mismatch);
}

static struct sv presence_text(const struct cJSON *object, struct arena *arena) {
    const struct cJSON *finalizers = json_find(object, "metadata.finalizers");
    if (!object_is_deleting(object))
        return SV("still there");
    if (!finalizers)
        return SV("being deleted");
    struct sv text = json_write_arena(arena, finalizers, JSON_COMPACT);
    return arena_printf(arena, "being deleted, finalizers %.*s", SV_ARG(text));
}

static bool is_absent(struct wait *wait, const struct cJSON *object) {
    wait->mismatch = (struct mismatch){SV(""), SV("nothing"), presence_text(object, wait->arena)};
    return !object;
}

/* The type is as good as any word: what it could have been is told. */
static struct sv condition_types(const struct cJSON *object, struct arena *arena) {
    struct joiner types;
    joiner_init(&types, arena);
    JSON_EACH (condition, json_find(object, "status.conditions"))
        joiner_add_apart(&types, SV(", "), json_string_or(condition, SV("type"), SV("")));
    return joiner_text(&types);
}

static bool has_condition(struct wait *wait, const struct cJSON *object) {
    struct cJSON *expected = json_map(wait->arena);
    struct cJSON *condition = json_copy(wait->arena, wait->tree);
    json_remove(condition, SV("ref"));
    struct cJSON *list = json_ensure_list(
        wait->arena, json_ensure_map(wait->arena, expected, SV("status")), SV("conditions"));
    if (!json_get(condition, SV("status")))
        json_set_string(wait->arena, condition, SV("status"), SV("True"));
    json_append(list, condition);
    if (scenario_match(wait->arena, expected, object, &wait->mismatch))
        return true;
    struct sv types = condition_types(object, wait->arena);
    if (types.len > 0 && !object_condition(object, json_string_or(condition, SV("type"), SV(""))))
        wait->mismatch.actual =
            arena_printf(wait->arena, "none of this type, but %.*s", SV_ARG(types));
    return false;
}

static bool has_phase(struct wait *wait, const struct cJSON *object) {
    struct sv phase = json_find_string(object, "status.phase");
    wait->mismatch =
        (struct mismatch){SV("status.phase"), json_text(wait->tree), object ? phase : SV("absent")};
    return sv_eq(phase, json_text(wait->tree));
}

static bool is_event(const struct cJSON *event, const struct cJSON *tree) {
    const struct cJSON *object = json_get(event, SV("involvedObject"));
    const struct cJSON *regarding = json_get(tree, SV("regarding"));
    struct sv type = json_string_or(tree, SV("type"), SV(""));
    struct object_ref ref;
    struct sv nearest;
    if (!sv_eq(json_find_string(event, "reason"), json_find_string(tree, "reason")) ||
        (type.len > 0 && !sv_eq(json_find_string(event, "type"), type)))
        return false;
    return !regarding || (object_ref_parse(json_text(regarding), &ref, &nearest) &&
                          sv_eq(json_find_string(object, "kind"), ref.resource->kind) &&
                          sv_eq(json_find_string(object, "name"), ref.name));
}

static bool has_event(struct run *run, struct wait *wait) {
    struct error err = {0};
    int64_t wanted = json_int_or(wait->tree, SV("count"), 1), count = 0;
    arena_reset(wait->arena);
    wait->ref = (struct object_ref){0};
    const struct cJSON *list =
        session_list(run->session, &RESOURCE_EVENTS, SV(""), SV(""), wait->arena, &err);
    JSON_EACH (event, json_get(list, SV("items"))) {
        if (!is_event(event, wait->tree))
            continue;
        int64_t times = json_int_or(event, SV("count"), 1);
        count += times > 0 ? times : 1;
    }
    wait->mismatch =
        (struct mismatch){SV("events"),
                          arena_printf(wait->arena, "%lld with reason %.*s", (long long)wanted,
                                       SV_ARG(json_find_string(wait->tree, "reason"))),
                          arena_printf(wait->arena, "%lld", (long long)count)};
    return count >= wanted;
}

/* Nothing is said that is not true of a cluster at rest. */
static bool is_all_true(struct run *run) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct condition_view view = {.is_at_rest = true};
    struct condition_lie lies[CONDITION_LIES_MAX];
    return condition_view_read(run->session, arena, &view, &err) &&
           status_check(&view, arena, lies, condition_check(&view, arena, lies)) == 0;
}

static bool has_rested(struct run *run, struct wait *wait, int64_t quiet_ms) {
    int64_t rest_ms = session_rest_ms(run->session), full_ms = session_quiet_ms(run->session);
    if (rest_ms == full_ms || quiet_ms >= full_ms)
        return quiet_ms >= full_ms;
    if (quiet_ms < wait->doubt_ms + rest_ms)
        return false;
    wait->doubt_ms = quiet_ms;
    return is_all_true(run);
}

static bool is_settled(struct run *run, struct wait *wait) {
    struct session_counts counts;
    struct controller *controller = session_controller(run->session);
    session_get_counts(run->session, &counts);
    int64_t now_ms = session_now_ms(run->session);
    bool is_struck =
        wait->outlasts_faults && run->schedule && schedule_is_lasting(run->schedule, now_ms);
    if (counts.writes != wait->writes || is_struck ||
        (controller && !controller_is_idle(controller))) {
        wait->quiet_since_ms = now_ms;
        wait->doubt_ms = 0;
    }
    wait->mismatch = (struct mismatch){SV(""), SV("rest"),
                                       arena_printf(wait->arena, "%llu writes by the controller",
                                                    (unsigned long long)counts.writes)};
    wait->writes = counts.writes;
    return has_rested(run, wait, now_ms - wait->quiet_since_ms);
}

static const struct expectation {
    struct sv name;
    bool (*is_met)(struct wait *wait, const struct cJSON *object); /* NULL: not about one object */
    bool (*holds)(struct run *run, struct wait *wait);
} expectations[] = {
    {{"eventually", 10}, is_eventually, NULL}, {{"absent", 6}, is_absent, NULL},
    {{"condition", 9}, has_condition, NULL},   {{"phase", 5}, has_phase, NULL},
    {{"event", 5}, NULL, has_event},           {{"settled", 7}, NULL, is_settled},
};

/* NULL: none is awaited, or none is called so. (gcc 12 asks this before it looks whether there is
 * one.) */
static const struct expectation *find_expectation(const struct cJSON *tree) {
    for (size_t i = 0; i < COUNT_OF(expectations) && tree; i++)
        if (sv_eq(expectations[i].name, json_key(tree)))
            return &expectations[i];
    return NULL;
}

/* Which object it is about: `phase` is about the scenario's dataset, `absent` names it, the others
 * have a `ref`. */
static void find_ref(const struct run *run, struct wait *wait) {
    const struct cJSON *ref = json_get(wait->tree, SV("ref"));
    if (sv_eq(json_key(wait->tree), SV("phase")))
        wait->ref = run->scenario->dataset;
    else
        set_ref(wait, ref ? ref : wait->tree);
}

/* --- waiting --- */

struct poll {
    struct wait *wait;
    const struct expectation *expectation;
};

/* What was written since, and seen by expect_observe(), need not be there any more. */
static bool was_met(const struct run *run, const struct wait *wait) {
    return run->awaited != wait->tree;
}

static bool poll_holds(struct run *run, void *context) {
    struct poll *poll = context;
    struct wait *wait = poll->wait;
    if (was_met(run, wait))
        return true;
    if (poll->expectation->holds)
        return poll->expectation->holds(run, wait);
    find_ref(run, wait);
    return poll->expectation->is_met(wait, get(run, wait)) || was_met(run, wait);
}

/* Whether an expectation holds now, as the server has it at this moment. What lasts once it has
 * come can wait for the next look: and nothing is absent before the step's action had its effect.
 */
static bool holds_at_once(struct run *run, struct wait *wait) {
    const struct expectation *expectation = find_expectation(wait->tree);
    if (!session_reads_at_once(run->session) || !expectation || expectation->is_met == is_absent ||
        expectation->holds == is_settled)
        return false;
    if (expectation->holds)
        return expectation->holds(run, wait);
    find_ref(run, wait);
    return expectation->is_met(wait, get(run, wait));
}

/* What is awaited after one that came true may hold already, and for a moment only: without a look
 * here it would be over at the next one. */
static void await_next(struct run *run) {
    AUTO(arena) arena = arena_new();
    struct wait wait;
    do {
        const struct cJSON *item = run->awaited_item;
        run->awaited_item = item ? item->next : NULL;
        run->awaited = run->awaited_item ? run->awaited_item->child : NULL;
        wait = (struct wait){.tree = run->awaited, .arena = arena};
    } while (run->awaited && holds_at_once(run, &wait));
}

/* Whether a write is one by which an expectation may have come true. */
static bool is_met_by(struct run *run, struct wait *wait, const struct request *request,
                      const struct cJSON *result) {
    const struct expectation *expectation = find_expectation(wait->tree);
    if (!expectation || expectation->is_met == is_absent)
        return false;
    if (!expectation->is_met)
        return sv_eq(request->plural, RESOURCE_EVENTS.plural) && holds_at_once(run, wait);
    find_ref(run, wait);
    return sv_eq(request->plural, wait->ref.resource->plural) &&
           sv_eq(request->namespace_name, wait->ref.namespace_name) &&
           sv_eq(object_name(result), wait->ref.name) && expectation->is_met(wait, result);
}

/* Where time is the wall's, what holds for a moment only would be missed between two looks. */
void expect_observe(struct run *run, const struct request *request, const struct cJSON *result) {
    AUTO(arena) arena = arena_new();
    while (run->awaited && !session_is_virtual(run->session)) {
        struct wait wait = {.tree = run->awaited, .arena = arena};
        if (!is_met_by(run, &wait, request, result))
            return;
        await_next(run);
    }
}

void expect_begin(struct run *run, const struct scenario_step *step) {
    const struct cJSON *list = step ? json_get(step->tree, SV("expect")) : NULL;
    run->awaited_item = list ? list->child : NULL;
    run->awaited = run->awaited_item ? run->awaited_item->child : NULL;
}

/* Looks again when rest may be reached: nothing else need happen until then. */
static bool wait_for_rest(struct run *run, int64_t timeout_ms, struct wait *wait) {
    static const struct expectation rest = {.holds = is_settled};
    struct poll poll = {wait, &rest};
    int64_t deadline_ms = session_now_ms(run->session) + timeout_ms;
    for (;;) {
        int64_t now_ms = session_now_ms(run->session);
        int64_t until_ms = wait->quiet_since_ms + session_quiet_ms(run->session);
        until_ms = until_ms < deadline_ms ? until_ms : deadline_ms;
        if (run_wait(run, until_ms > now_ms ? until_ms - now_ms : 0, poll_holds, &poll))
            return true;
        struct error err = {0};
        if (session_now_ms(run->session) >= deadline_ms || session_has_trouble(run->session, &err))
            return false;
    }
}

static bool wait_for(struct run *run, int64_t timeout_ms, struct wait *wait,
                     const struct expectation *expectation) {
    struct session_counts counts;
    session_get_counts(run->session, &counts);
    wait->writes = counts.writes;
    wait->quiet_since_ms = session_now_ms(run->session);
    if (expectation->holds == is_settled)
        return wait_for_rest(run, timeout_ms, wait);
    return run_wait(run, timeout_ms, poll_holds, &(struct poll){wait, expectation});
}

static void add_failure(struct run *run, const struct scenario_step *step,
                        const struct cJSON *expectation, const struct wait *wait) {
    const struct trace_entry *last =
        wait->ref.resource ? trace_last_write(&run->trace, &wait->ref) : NULL;
    struct sv object =
        wait->ref.resource
            ? arena_printf(run->arena, " of %.*s %.*s", SV_ARG(wait->ref.resource->plural),
                           SV_ARG(object_key(run->arena, wait->ref.namespace_name, wait->ref.name)))
            : SV("");
    run_add_failure(run, expectation,
                    "step \"%.*s\": %.*s%.*s did not come within %.*s\n"
                    "  path:       %.*s\n  expected:   %.*s\n  actual:     %.*s\n"
                    "  last write: %.*s",
                    SV_ARG(step->name), SV_ARG(json_key(expectation)), SV_ARG(object),
                    SV_ARG(api_duration_format(step->within_ms, run->arena)),
                    SV_ARG(wait->mismatch.path), SV_ARG(wait->mismatch.expected),
                    SV_ARG(wait->mismatch.actual),
                    SV_ARG(last ? trace_text(last, run->arena) : SV("none")));
}

static bool expect_one(struct run *run, const struct scenario_step *step, const struct cJSON *tree,
                       int64_t deadline_ms) {
    AUTO(arena) arena = arena_new();
    struct wait wait = {.tree = tree, .arena = arena};
    const struct expectation *expectation = find_expectation(tree);
    int64_t left_ms = deadline_ms - session_now_ms(run->session);
    if (!expectation || was_met(run, &wait))
        return true;
    if (wait_for(run, left_ms > 0 ? left_ms : 0, &wait, expectation)) {
        if (!was_met(run, &wait))
            await_next(run);
        return true;
    }
    add_failure(run, step, tree, &wait);
    return false;
}

bool run_check_conditions(struct run *run, const struct cJSON *at, bool is_at_rest) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct condition_view view = {.is_at_rest = is_at_rest};
    struct condition_lie lies[CONDITION_LIES_MAX];
    if (!condition_view_read(run->session, arena, &view, &err)) {
        run_add_failure(run, at, "conditions cannot be judged: %s", err.message);
        return false;
    }
    size_t count = status_check(&view, arena, lies, condition_check(&view, arena, lies));
    for (size_t i = 0; i < count; i++)
        run_add_failure(run, at, "%.*s: %.*s says %.*s, but %.*s", SV_ARG(lies[i].object),
                        SV_ARG(lies[i].condition), SV_ARG(lies[i].says), SV_ARG(lies[i].truth));
    return count == 0;
}

bool run_expect(struct run *run, const struct scenario_step *step) {
    int64_t deadline_ms =
        session_now_ms(run->session) + session_patience_ms(run->session, step->within_ms);
    JSON_EACH (expectation, json_get(step->tree, SV("expect"))) {
        bool is_at_rest = sv_eq(json_key(expectation->child), SV("settled"));
        if (!expect_one(run, step, expectation->child, deadline_ms) ||
            !run_check_conditions(run, expectation->child, is_at_rest))
            return false;
    }
    if (!step->settles)
        return run_check_conditions(run, step->tree, false);
    if (run_settle(run, step->within_ms))
        return run_check_conditions(run, step->tree, true);
    run_add_failure(run, step->tree, "step \"%.*s\": the controller does not come to rest",
                    SV_ARG(step->name));
    return false;
}

bool run_settle(struct run *run, int64_t timeout_ms) {
    AUTO(arena) arena = arena_new();
    static const struct expectation rest = {.holds = is_settled};
    struct wait wait = {.tree = run->awaited, .arena = arena, .outlasts_faults = true};
    return wait_for(run, session_patience_ms(run->session, timeout_ms), &wait, &rest);
}
