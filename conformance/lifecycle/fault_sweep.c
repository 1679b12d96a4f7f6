/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/lifecycle/fault_sweep.h"

#include "conformance/explore/property.h"
#include "conformance/explore/sweep.h"
#include "conformance/scenario/scenario.h"
#include "conformance/session_sim.h"
#include "conformance/subject.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"
#include "fakeapi/fault/request_pattern.h"

enum {
    NODE_COUNT = 5,
    TARGETS_MAX = 128, /* a class with so many objects that it has more is swept for these */
    KINDS_MAX = 32,
    /* Strikes at one request in one run: twice it is refused, then it gets through, more or less.
     */
    STRIKES = 3,
    FURTHER_RUNS_MAX = 4,
    WITHIN_S_DEFAULT = 24 * 3600, /* virtual; after a hundred failures it waits long between two */
};

struct target {
    struct request_pattern pattern;
    uint64_t seen_count;       /* in the run at hand */
    bool is_struck[KINDS_MAX]; /* by each kind of fault, in any run */
};

struct sweeping {
    struct arena *arena;
    struct scenario scenario;
    uint64_t seed;
    struct sv reference; /* the objects at the end without faults */
    struct target targets[TARGETS_MAX];
    size_t target_count;
    size_t refusals[KINDS_MAX], effects[KINDS_MAX]; /* kinds of faults */
    size_t refusal_count, effect_count;
    struct fault faults[FAULTS_MAX]; /* of the run at hand */
    struct strike {
        size_t target, kind;
    } strikes[FAULTS_MAX];
    size_t fault_count;
    size_t run_count;
};

/* --- the scenario --- */

static struct cJSON *in_default(const struct cJSON *object, struct arena *arena) {
    struct cJSON *copy = json_copy(arena, object);
    json_set_string(arena, json_ensure_map(arena, copy, SV("metadata")), SV("namespace"),
                    SV("default"));
    return copy;
}

/* Before it is judged, entries that failed have their next turn, after 300 s. */
static struct cJSON *scenario_tree(const struct subject *subject, const struct sample *sample,
                                   int64_t within_s, struct arena *arena) {
    struct error err = {0};
    struct cJSON *tree = json_read(
        arena,
        SV("{\"apiVersion\":\"cacheruntime.io/v1\",\"kind\":\"Scenario\",\"id\":\"SCN-SWP-001\","
           "\"title\":\"the sample binds whatever request meets a fault\","
           "\"objects\":[],\"steps\":[{\"name\":\"bound\",\"expect\":["
           "{\"eventually\":{\"ref\":\"\",\"match\":{\"status\":{\"phase\":\"Bound\"}}}},"
           "{\"condition\":{\"ref\":\"\",\"type\":\"Ready\"}}]},{\"name\":\"rest\",\"do\":"
           "{\"advance\":\"6m\"},"
           "\"within\":\"24h\",\"expect\":[{\"settled\":true}]}]}"),
        &err);
    assert(tree != NULL);
    json_set_int(arena, json_ensure_map(arena, tree, SV("world")), SV("nodes"), NODE_COUNT);
    json_set_string(arena, json_find(tree, "steps.0"), SV("within"),
                    arena_printf(arena, "%llds", (long long)within_s));
    struct cJSON *objects = json_get(tree, SV("objects"));
    json_append(objects, json_copy(arena, subject->runtime_class));
    for (size_t i = 0; i < subject->extra_count; i++)
        json_append(objects, json_copy(arena, subject->extras[i]));
    json_append(objects, in_default(sample->dataset, arena));
    json_append(objects, in_default(sample->runtime, arena));
    json_set_string(arena, json_find(tree, "steps.0.expect.0.eventually"), SV("ref"),
                    arena_printf(arena, "dataset/%.*s", SV_ARG(sample->name)));
    json_set_string(arena, json_find(tree, "steps.0.expect.1.condition"), SV("ref"),
                    arena_printf(arena, "cacheruntime/%.*s", SV_ARG(sample->name)));
    return tree;
}

static bool read_nothing(void *context, struct arena *arena, struct sv path, struct sv *ret_text,
                         struct error *err) {
    (void)context, (void)arena, (void)ret_text;
    return error_set(err, ERROR_NOT_FOUND, "%.*s: is not looked for", SV_ARG(path));
}

static bool read_scenario(struct sweeping *sweeping, const struct cJSON *tree, struct error *err) {
    static const struct scenario_files files = {.read = read_nothing};
    return scenario_read(sweeping->arena, SV("sweep"),
                         json_write_arena(sweeping->arena, tree, JSON_COMPACT), &files,
                         &sweeping->scenario, err);
}

/* --- which requests there are --- */

/* Which pod or node it is about is decided by what came before. */
static bool has_own_name(const struct request *request) {
    return !sv_eq(request->plural, SV("pods")) && !sv_eq(request->plural, SV("nodes"));
}

static struct request_pattern pattern_of(const struct request *request, struct arena *arena) {
    return (struct request_pattern){
        .by = SESSION_CONTROLLER_AGENT,
        .verb = arena_copy(arena, request_verb_text(request)),
        .plural = arena_copy(arena, request->plural),
        .namespace_name = SV(""),
        .name = has_own_name(request) ? arena_copy(arena, request->name) : SV(""),
        .subresource = arena_copy(arena, request->subresource),
        .is_bare = request->subresource.len == 0,
    };
}

static void see_request(void *context, struct sv user_agent, const struct request *request,
                        struct request_fate *fate) {
    struct sweeping *sweeping = context;
    (void)fate;
    if (!sv_eq(user_agent, SESSION_CONTROLLER_AGENT))
        return;
    for (size_t i = 0; i < sweeping->target_count; i++)
        sweeping->targets[i].seen_count +=
            request_pattern_matches(&sweeping->targets[i].pattern, user_agent, request);
}

/* Events are sent once, and nobody waits for them. */
static void learn_request(void *context, struct sv user_agent, const struct request *request,
                          struct request_fate *fate) {
    struct sweeping *sweeping = context;
    (void)fate;
    if (!sv_eq(user_agent, SESSION_CONTROLLER_AGENT) || sv_eq(request->plural, SV("events")))
        return;
    struct request_pattern pattern = pattern_of(request, sweeping->arena);
    for (size_t i = 0; i < sweeping->target_count; i++) {
        const struct request_pattern *known = &sweeping->targets[i].pattern;
        if (sv_eq(known->verb, pattern.verb) && sv_eq(known->plural, pattern.plural) &&
            sv_eq(known->name, pattern.name) && sv_eq(known->subresource, pattern.subresource))
            return;
    }
    if (sweeping->target_count < TARGETS_MAX)
        sweeping->targets[sweeping->target_count++].pattern = pattern;
}

static bool learn(struct sweeping *sweeping, struct property_result *ret_result) {
    const struct observer observer = {.before = learn_request, .context = sweeping};
    property_measure(&sweeping->scenario, sweeping->seed, &observer, sweeping->arena, ret_result);
    sweeping->reference = ret_result->final_objects;
    sweeping->run_count++;
    return ret_result->broken == PROPERTY_NONE;
}

static void sort_kinds(struct sweeping *sweeping) {
    assert(sweep_kind_count() <= KINDS_MAX);
    for (size_t kind = 0; kind < sweep_kind_count(); kind++) {
        if (sweep_kind_has_effect(kind))
            sweeping->effects[sweeping->effect_count++] = kind;
        else
            sweeping->refusals[sweeping->refusal_count++] = kind;
    }
}

/* --- one run --- */

static void add_strike(struct sweeping *sweeping, size_t target, size_t kind, uint64_t nth) {
    if (sweeping->fault_count == FAULTS_MAX)
        return;
    sweeping->strikes[sweeping->fault_count] = (struct strike){target, kind};
    sweeping->faults[sweeping->fault_count++] =
        sweep_fault(kind, &sweeping->targets[target].pattern, nth);
}

/* True when all went as without faults; what was struck is noted then. */
static bool run(struct sweeping *sweeping, struct sv *ret_message) {
    AUTO(arena) arena = arena_new();
    const struct observer observer = {.before = see_request, .context = sweeping};
    struct scenario scenario = sweeping->scenario;
    struct property_result result;
    scenario.faults = sweeping->faults;
    scenario.fault_count = sweeping->fault_count;
    for (size_t i = 0; i < sweeping->target_count; i++)
        sweeping->targets[i].seen_count = 0;
    property_judge(&scenario,
                   &(struct property_options){.seed = sweeping->seed,
                                              .has_reference = true,
                                              .reference = sweeping->reference,
                                              .observer = &observer},
                   arena, &result);
    sweeping->run_count++;
    if (result.broken != PROPERTY_NONE) {
        *ret_message = arena_copy(sweeping->arena, result.message);
        return false;
    }
    for (size_t i = 0; i < sweeping->fault_count; i++) {
        struct target *target = &sweeping->targets[sweeping->strikes[i].target];
        if (sweeping->faults[i].nth <= target->seen_count)
            target->is_struck[sweeping->strikes[i].kind] = true;
    }
    return true;
}

/* Of the `turn`-th run: in so many runs every request has met every fault. */
static void plan_turn(struct sweeping *sweeping, size_t turn) {
    sweeping->fault_count = 0;
    for (size_t i = 0; i < sweeping->target_count; i++) {
        for (size_t k = 0; k < STRIKES; k++) {
            bool is_last = k + 1 == STRIKES;
            size_t refusal = (i + turn * (STRIKES - 1) + k) % sweeping->refusal_count;
            size_t effect = (i + turn) % sweeping->effect_count;
            add_strike(sweeping, i,
                       is_last ? sweeping->effects[effect] : sweeping->refusals[refusal], k + 1);
        }
    }
}

static size_t turn_count(const struct sweeping *sweeping) {
    size_t of_refusals = (sweeping->refusal_count + STRIKES - 2) / (STRIKES - 1);
    return of_refusals > sweeping->effect_count ? of_refusals : sweeping->effect_count;
}

/* What is left, one fault for each request. */
static void plan_rest(struct sweeping *sweeping) {
    sweeping->fault_count = 0;
    for (size_t i = 0; i < sweeping->target_count; i++) {
        for (size_t kind = 0; kind < sweep_kind_count(); kind++) {
            if (sweeping->targets[i].is_struck[kind])
                continue;
            add_strike(sweeping, i, kind, 1);
            break;
        }
    }
}

/* --- what is told --- */

static struct sv fault_text(const struct sweeping *sweeping, const struct strike *strike,
                            uint64_t nth) {
    static const char *const ordinals[] = {"first", "second", "third"};
    const struct request_pattern *pattern = &sweeping->targets[strike->target].pattern;
    assert(nth >= 1 && nth <= COUNT_OF(ordinals));
    return arena_printf(sweeping->arena, "%.*s at the %s %.*s of %.*s%s%.*s%s%.*s",
                        SV_ARG(sweep_kind_text(strike->kind)), ordinals[nth - 1],
                        SV_ARG(pattern->verb), SV_ARG(pattern->plural),
                        pattern->subresource.len ? "/" : "", SV_ARG(pattern->subresource),
                        pattern->name.len ? " " : "", SV_ARG(pattern->name));
}

/* The first fault that does it alone. False when none does: together they were too much, and each
 * has been struck by itself now. */
static bool find_fault(struct sweeping *sweeping, struct fault_sweep_result *result) {
    size_t count = sweeping->fault_count;
    struct fault *faults = ARENA_ARRAY(sweeping->arena, struct fault, count + 1);
    struct strike *strikes = ARENA_ARRAY(sweeping->arena, struct strike, count + 1);
    memcpy(faults, sweeping->faults, count * sizeof(*faults));
    memcpy(strikes, sweeping->strikes, count * sizeof(*strikes));
    for (size_t i = 0; i < count; i++) {
        struct sv message;
        sweeping->fault_count = 0;
        add_strike(sweeping, strikes[i].target, strikes[i].kind, 1);
        if (run(sweeping, &message))
            continue;
        result->fault = fault_text(sweeping, &strikes[i], 1);
        result->message = message;
        return true;
    }
    return false;
}

static bool run_and_judge(struct sweeping *sweeping, struct fault_sweep_result *result) {
    if (run(sweeping, &result->message))
        return true;
    if (!find_fault(sweeping, result))
        return true;
    result->state = FAULT_SWEEP_FAILED;
    return false;
}

static bool sweep_all(struct sweeping *sweeping, struct fault_sweep_result *result) {
    for (size_t turn = 0; turn < turn_count(sweeping); turn++) {
        plan_turn(sweeping, turn);
        if (!run_and_judge(sweeping, result))
            return false;
    }
    for (size_t i = 0; i < FURTHER_RUNS_MAX; i++) {
        plan_rest(sweeping);
        if (sweeping->fault_count > 0 && !run_and_judge(sweeping, result))
            return false;
    }
    return true;
}

static void count_strikes(const struct sweeping *sweeping, struct fault_sweep_result *result) {
    for (size_t i = 0; i < sweeping->target_count; i++) {
        for (size_t kind = 0; kind < sweep_kind_count(); kind++) {
            result->struck_count += sweeping->targets[i].is_struck[kind];
            result->missed_count += !sweeping->targets[i].is_struck[kind];
        }
    }
    result->request_count = sweeping->target_count;
    result->run_count = sweeping->run_count;
}

void fault_sweep(const struct subject *subject, const struct sample *sample,
                 const struct fault_sweep_options *options, struct arena *arena,
                 struct fault_sweep_result *ret_result) {
    struct sweeping *sweeping = ARENA_NEW(arena, struct sweeping);
    struct fault_sweep_result result = {.fault = SV(""), .message = SV("")};
    struct property_result reference = {.message = SV("")};
    struct error err = {0};
    sweeping->arena = arena;
    sweeping->seed = options->seed;
    sort_kinds(sweeping);
    int64_t within_s = options->within_s > 0 ? options->within_s : WITHIN_S_DEFAULT;
    if (!read_scenario(sweeping, scenario_tree(subject, sample, within_s, arena), &err)) {
        result.state = FAULT_SWEEP_NO_BOUND;
        result.message = arena_copy(arena, sv_from(err.message));
    } else if (!learn(sweeping, &reference)) {
        result.state = FAULT_SWEEP_NO_BOUND;
        result.message = reference.message;
    } else if (sweep_all(sweeping, &result)) {
        result.state = FAULT_SWEEP_HELD;
    }
    count_strikes(sweeping, &result);
    *ret_result = result;
}
