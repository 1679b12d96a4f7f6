/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over a whole run: always and never as it goes; order, count, writes and budgets at its
 * end. */
#include "conformance/scenario/scenario_match.h"
#include "conformance/scenario/scenario_parts.h"
#include "conformance/session_sim.h"
#include "core/api/api_time.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"

enum {
    STEADY_MS = 3600 * 1000,
    STEADY_BY_THE_WALL_MS = 300 * 1000, /* somebody waits for it */
    RESTS_STEADY = 3,                   /* of what somebody calls a rest */
    SETTLE_MS = 1800 * 1000
};

/* --- as it goes --- */

/* Steps `from` to `to`, both included; each may be left out. */
static bool is_in_steps(const struct run *run, const struct cJSON *rule, size_t step) {
    struct sv from = json_string_or(rule, SV("from"), SV(""));
    struct sv to = json_string_or(rule, SV("to"), SV(""));
    size_t first = 0, last = run->scenario->step_count;
    for (size_t i = 0; i < run->scenario->step_count; i++) {
        if (sv_eq(run->scenario->steps[i].name, from))
            first = i;
        if (sv_eq(run->scenario->steps[i].name, to))
            last = i;
    }
    return step >= first && step <= last;
}

static bool is_of_object(const struct trace_entry *entry, const struct cJSON *ref_text) {
    struct object_ref ref;
    struct sv nearest;
    return object_ref_parse(json_text(ref_text), &ref, &nearest) &&
           sv_eq(entry->request.plural, ref.resource->plural) &&
           sv_eq(entry->request.namespace_name, ref.namespace_name) &&
           sv_eq(entry->request.name, ref.name);
}

/* Whether the change left the object in the state of the rule; false too when it is another
 * object, or the change did not happen. */
static bool is_state_seen(const struct trace_entry *entry, const struct cJSON *state,
                          const struct cJSON *result, struct arena *arena, bool *ret_matches,
                          struct mismatch *ret_mismatch) {
    bool is_change = request_is_write(&entry->request) && entry->request.verb != VERB_DELETE;
    if (!is_change || !result || !json_get(result, SV("metadata")) ||
        !is_of_object(entry, json_get(state, SV("ref"))))
        return false;
    *ret_matches = scenario_match(arena, json_get(state, SV("match")), result, ret_mismatch);
    return true;
}

bool rules_is_state(const struct cJSON *rule) {
    return json_get(rule, SV("state")) != NULL;
}

static void judge_rule(struct run *run, size_t step, const struct cJSON *rule, bool is_always,
                       bool *is_broken, const struct trace_entry *entry,
                       const struct cJSON *result) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *state = json_get(rule, SV("state"));
    struct mismatch mismatch = {SV(""), SV(""), SV("")};
    bool matches;
    if (*is_broken || !is_in_steps(run, rule, step))
        return;
    if (!state) {
        *is_broken = run->world && trace_matches(entry, rule, arena);
        if (*is_broken)
            run_add_failure(run, rule, "never: this request came: %.*s",
                            SV_ARG(trace_text(entry, arena)));
        return;
    }
    if (!is_state_seen(entry, state, result, arena, &matches, &mismatch) || matches == is_always)
        return;
    *is_broken = true;
    run_add_failure(run, rule,
                    "%s: %.*s was written otherwise\n  by:       %.*s\n"
                    "  path:     %.*s\n  expected: %.*s\n  actual:   %.*s",
                    is_always ? "always" : "never", SV_ARG(json_find_string(state, "ref")),
                    SV_ARG(trace_text(entry, arena)), SV_ARG(mismatch.path),
                    SV_ARG(is_always ? mismatch.expected : SV("not this state")),
                    SV_ARG(is_always ? mismatch.actual : SV("this state")));
}

void rules_observe(struct run *run, size_t step, const struct trace_entry *entry,
                   const struct cJSON *result) {
    size_t index = 0;
    JSON_EACH (rule, run->scenario->always)
        judge_rule(run, step, rule, true, &run->is_rule_broken[index++], entry, result);
    JSON_EACH (rule, run->scenario->never)
        judge_rule(run, step, rule, false, &run->is_rule_broken[index++], entry, result);
    assert(index <= SCENARIO_RULES_MAX);
}

/* --- at the end --- */

static struct sv link_text(struct arena *arena, const struct cJSON *link) {
    return json_write_arena(arena, link, JSON_COMPACT);
}

static void judge_chain(struct run *run, const struct cJSON *chain) {
    AUTO(arena) arena = arena_new();
    size_t at = 0;
    struct sv before = SV("the beginning");
    JSON_EACH (link, chain) {
        while (at < run->trace.count && !trace_matches(&run->trace.entries[at], link, arena))
            at++;
        if (at == run->trace.count) {
            run_add_failure(run, link, "order: no %.*s after %.*s", SV_ARG(link_text(arena, link)),
                            SV_ARG(before));
            return;
        }
        before = trace_text(&run->trace.entries[at++], arena);
    }
}

static bool is_bounded(struct sv name, int64_t actual, int64_t wanted) {
    if (sv_eq(name, SV("eq")))
        return actual == wanted;
    return sv_eq(name, SV("le")) ? actual <= wanted : actual >= wanted;
}

/* Events and the lease are no part of what a user asked for. */
static bool is_asked_write(const struct trace_entry *entry, struct sv by) {
    return !entry->is_exec && request_is_write(&entry->request) && sv_eq(entry->user_agent, by) &&
           !sv_eq(entry->request.plural, RESOURCE_EVENTS.plural) &&
           !sv_eq(entry->request.plural, RESOURCE_LEASES.plural);
}

/* `steps` says in which steps, and `rule` what; of `writer`, unless it is empty, only its writes
 * count. */
static void judge_count(struct run *run, const struct cJSON *rule, const struct cJSON *steps,
                        struct sv writer) {
    static const struct sv names[] = {{"eq", 2}, {"le", 2}, {"ge", 2}};
    AUTO(arena) arena = arena_new();
    int64_t count = 0;
    for (size_t i = 0; i < run->trace.count; i++)
        count += is_in_steps(run, steps, run->trace.entries[i].step) &&
                 (writer.len == 0 || is_asked_write(&run->trace.entries[i], writer)) &&
                 trace_matches(&run->trace.entries[i], rule, arena);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct cJSON *wanted = json_get(rule, names[i]);
        int64_t bound = json_int_or(rule, names[i], 0);
        if (wanted && !is_bounded(names[i], count, bound))
            run_add_failure(run, rule, "count: %lld, expected %.*s %lld", (long long)count,
                            SV_ARG(names[i]), (long long)bound);
    }
}

/* Every write in these steps is listed, and comes as often as is said. */
static void judge_writes(struct run *run, const struct cJSON *rule) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *listed = json_get(rule, SV("are"));
    struct sv by = scenario_pattern(rule).by;
    by = by.len > 0 ? by : SESSION_CONTROLLER_AGENT;
    JSON_EACH (item, listed)
        judge_count(run, item, rule, by);
    for (size_t i = 0; i < run->trace.count; i++) {
        const struct trace_entry *entry = &run->trace.entries[i];
        bool is_listed = !is_in_steps(run, rule, entry->step) || !is_asked_write(entry, by);
        JSON_EACH (item, listed)
            is_listed = is_listed || trace_matches(entry, item, arena);
        if (is_listed)
            continue;
        run_add_failure(run, rule, "writes: this one is not listed: %.*s",
                        SV_ARG(trace_text(entry, arena)));
        return;
    }
}

static void judge_budget(struct run *run, const struct cJSON *budgets, struct sv name,
                         int64_t actual, bool is_duration) {
    const struct cJSON *budget = json_get(budgets, name);
    int64_t limit = json_int_or(budgets, name, 0);
    if (is_duration && !duration_parse(json_text(budget), &limit))
        return;
    if (budget && actual > limit)
        run_add_failure(run, budget, "budget %.*s: %lld%s, at most %lld%s", SV_ARG(name),
                        (long long)actual, is_duration ? " ms" : "", (long long)limit,
                        is_duration ? " ms" : "");
}

/* When the dataset was first written as Bound; never: the end. */
static int64_t bound_at_ms(const struct run *run) {
    for (size_t i = 0; i < run->trace.count; i++) {
        const struct trace_entry *entry = &run->trace.entries[i];
        if (!entry->is_exec && sv_eq(entry->request.plural, RESOURCE_DATASETS.plural) &&
            entry->http_status == 200 &&
            sv_eq(json_find_string(entry->request.body, "status.phase"), SV("Bound")))
            return entry->at_ms;
    }
    return INT64_MAX;
}

static bool never(struct run *run, void *context) {
    (void)run, (void)context;
    return false;
}

static void judge_budgets(struct run *run) {
    const struct cJSON *budgets = run->scenario->budgets;
    struct session_counts counts;
    session_get_counts(run->session, &counts);
    judge_budget(run, budgets, SV("requests"), (int64_t)(counts.reads + counts.writes), false);
    judge_budget(run, budgets, SV("writes"), (int64_t)counts.writes, false);
    judge_budget(run, budgets, SV("execs"), (int64_t)counts.executions, false);
    judge_budget(run, budgets, SV("timeToBound"), bound_at_ms(run), true);
}

/* Who says what rest is does not wait much longer than that. */
static int64_t steady_ms(const struct session *session) {
    int64_t rest_ms = session_rest_ms(session);
    if (session_is_virtual(session))
        return STEADY_MS;
    return rest_ms < session_quiet_ms(session) ? RESTS_STEADY * rest_ms : STEADY_BY_THE_WALL_MS;
}

static void judge_rest(struct run *run) {
    const struct cJSON *budgets = run->scenario->budgets;
    struct session_counts counts, steady;
    if (!json_get(budgets, SV("writesSteady")))
        return;
    if (!run_settle(run, SETTLE_MS))
        run_add_failure(run, budgets, "the controller does not come to rest");
    session_get_counts(run->session, &counts);
    run_wait(run, steady_ms(run->session), never, NULL);
    session_get_counts(run->session, &steady);
    judge_budget(run, budgets, SV("writesSteady"), (int64_t)(steady.writes - counts.writes), false);
}

static void judge_faults(struct run *run) {
    size_t index = 0;
    JSON_EACH (tree, json_get(run->scenario->tree, SV("faults"))) {
        if (schedule_fired_count(run->schedule, index++) == 0)
            run_add_failure(run, tree, "fault \"%.*s\" never struck: its trigger did not come",
                            SV_ARG(json_find_string(tree, "id")));
    }
}

/* How many requests there are depends on how fast the machine is, when time is the wall's. */
static void judge_counts(struct run *run) {
    JSON_EACH (rule, run->scenario->count)
        judge_count(run, rule, rule, SV(""));
    JSON_EACH (rule, run->scenario->writes)
        judge_writes(run, rule);
    judge_budgets(run);
}

void rules_judge(struct run *run) {
    bool is_virtual = session_is_virtual(run->session);
    if (!run->is_cut) {
        JSON_EACH (chain, run->scenario->order)
            judge_chain(run, chain);
        if (is_virtual)
            judge_counts(run);
        judge_rest(run);
    }
    /* A fault of the file strikes at any speed. */
    if (!run->is_cut || !is_virtual)
        judge_faults(run);
}
