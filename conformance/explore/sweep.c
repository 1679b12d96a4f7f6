/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/sweep.h"

#include "conformance/session_sim.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/json.h"

enum { SLOW_MS = 20 * 1000, RETRY_AFTER_S = 2 };

static const struct row {
    struct sv text;
    enum fault_kind kind;
    int http_status;
    bool is_before;
} rows[] = {
    {{"crash.before", 12}, FAULT_CRASH, 0, true},
    {{"crash.after", 11}, FAULT_CRASH, 0, false},
    {{"api.lost-reply", 14}, FAULT_API_LOST_REPLY, 0, false},
    {{"api.hang", 8}, FAULT_API_HANG, 0, false},
    {{"api.slow", 8}, FAULT_API_SLOW, 0, false},
    {{"api.status(403)", 15}, FAULT_API_STATUS, 403, false},
    {{"api.status(404)", 15}, FAULT_API_STATUS, 404, false},
    {{"api.status(409)", 15}, FAULT_API_STATUS, 409, false},
    {{"api.status(410)", 15}, FAULT_API_STATUS, 410, false},
    {{"api.status(422)", 15}, FAULT_API_STATUS, 422, false},
    {{"api.status(429)", 15}, FAULT_API_STATUS, 429, false},
    {{"api.status(500)", 15}, FAULT_API_STATUS, 500, false},
    {{"api.status(503)", 15}, FAULT_API_STATUS, 503, false},
    {{"api.status(504)", 15}, FAULT_API_STATUS, 504, false},
    {{"watch.close", 11}, FAULT_WATCH_CLOSE, 0, false},
    {{"watch.error-410", 15}, FAULT_WATCH_EXPIRED, 0, false},
};

/* --- kinds --- */

size_t sweep_kind_count(void) {
    return COUNT_OF(rows);
}

struct sv sweep_kind_text(size_t kind) {
    assert(kind < COUNT_OF(rows));
    return rows[kind].text;
}

bool sweep_kind_has_effect(size_t kind) {
    assert(kind < COUNT_OF(rows));
    switch (rows[kind].kind) {
    case FAULT_CRASH:
        return !rows[kind].is_before;
    case FAULT_API_STATUS:
    case FAULT_API_HANG:
        return false;
    default:
        return true;
    }
}

struct fault sweep_fault(size_t kind, const struct request_pattern *request, uint64_t nth) {
    assert(kind < COUNT_OF(rows));
    const struct row *row = &rows[kind];
    return (struct fault){
        .id = row->text,
        .kind = row->kind,
        .step = SV(""),
        .has_request = true,
        .request = *request,
        .nth = nth,
        .is_before = row->is_before,
        .http_status = row->http_status,
        .retry_after_s = row->http_status == 429 ? RETRY_AFTER_S : 0,
        .delay_ms = row->kind == FAULT_API_SLOW ? SLOW_MS : 0,
    };
}

/* --- numbers --- */

uint64_t sweep_single_count(uint64_t requests) {
    return requests * COUNT_OF(rows);
}

struct sweep_case sweep_single(uint64_t number) {
    return (struct sweep_case){
        .points = {{(size_t)(number % COUNT_OF(rows)), number / COUNT_OF(rows) + 1}},
        .point_count = 1,
    };
}

struct sweep_case sweep_pair(uint64_t seed, uint64_t number, uint64_t requests) {
    struct rng rng;
    uint64_t singles = sweep_single_count(requests > 0 ? requests : 1);
    rng_init(&rng, seed * UINT64_C(0x9e3779b97f4a7c15) + number);
    struct sweep_case first = sweep_single(rng_below(&rng, singles));
    struct sweep_case second = sweep_single(rng_below(&rng, singles));
    first.points[first.point_count++] = second.points[0];
    return first;
}

/* --- texts --- */

struct sv sweep_text(const struct sweep_case *sweep, struct arena *arena) {
    struct sv text = SV("");
    for (size_t i = 0; i < sweep->point_count; i++)
        text = arena_printf(arena, "%.*s%s%.*s@%llu", SV_ARG(text), i > 0 ? "+" : "",
                            SV_ARG(rows[sweep->points[i].kind].text),
                            (unsigned long long)sweep->points[i].nth);
    return text;
}

static bool parse_point(struct sv text, struct sweep_case *sweep, struct error *err) {
    struct sv names[COUNT_OF(rows)];
    struct sv nth = text, name = sv_cut(&nth, '@');
    int64_t value;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        names[i] = rows[i].text;
    size_t kind = sv_index_of(name, names, COUNT_OF(rows));
    if (kind == COUNT_OF(rows)) {
        struct sv nearest = sv_nearest(name, names, COUNT_OF(rows));
        return error_set(err, ERROR_INVALID, "unknown fault \"%.*s\"" SV_MEANT, SV_ARG(name),
                         SV_MEANT_ARG(nearest));
    }
    if (!sv_to_int64(nth, &value) || value < 1)
        return error_set(err, ERROR_INVALID, "\"%.*s\": write FAULT@N, the N-th request from 1 on",
                         SV_ARG(text));
    if (sweep->point_count == SWEEP_POINTS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "more than %d faults", SWEEP_POINTS_MAX);
    sweep->points[sweep->point_count].kind = kind;
    sweep->points[sweep->point_count++].nth = (uint64_t)value;
    return true;
}

bool sweep_parse(struct sv text, struct sweep_case *ret_sweep, struct error *err) {
    struct sweep_case sweep = {0};
    do {
        if (!parse_point(sv_cut(&text, '+'), &sweep, err))
            return false;
    } while (text.len > 0);
    *ret_sweep = sweep;
    return true;
}

/* --- in a scenario --- */

static struct fault fault_of(const struct sweep_case *sweep, size_t index) {
    const struct request_pattern any = request_pattern_by(SESSION_CONTROLLER_AGENT);
    return sweep_fault(sweep->points[index].kind, &any, sweep->points[index].nth);
}

bool sweep_apply(const struct scenario *scenario, const struct sweep_case *sweep,
                 struct arena *arena, struct scenario *ret_scenario, struct error *err) {
    size_t count = scenario->fault_count;
    if (count + sweep->point_count > FAULTS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "the scenario has %zu faults already; at most %d",
                         count, FAULTS_MAX);
    struct fault *faults = ARENA_ARRAY(arena, struct fault, FAULTS_MAX);
    if (count > 0)
        memcpy(faults, scenario->faults, sizeof(faults[0]) * count);
    for (size_t i = 0; i < sweep->point_count; i++)
        faults[count++] = fault_of(sweep, i);
    *ret_scenario = *scenario;
    ret_scenario->faults = faults;
    ret_scenario->fault_count = count;
    return true;
}

/* --- as a file --- */

static struct cJSON *fault_tree(const struct sweep_case *sweep, size_t index, struct arena *arena) {
    struct fault fault = fault_of(sweep, index);
    struct cJSON *tree = json_map(arena);
    json_set_string(arena, tree, SV("id"), arena_printf(arena, "explored-%zu", index + 1));
    json_set_string(arena, tree, SV("kind"), fault_kind_names[fault.kind]);
    if (fault.http_status > 0)
        json_set_int(arena, tree, SV("code"), fault.http_status);
    if (fault.retry_after_s > 0)
        json_set_string(arena, tree, SV("retryAfter"),
                        arena_printf(arena, "%llds", (long long)fault.retry_after_s));
    if (fault.delay_ms > 0)
        json_set_string(arena, tree, SV("delay"),
                        arena_printf(arena, "%lldms", (long long)fault.delay_ms));
    struct cJSON *request =
        json_ensure_map(arena, json_ensure_map(arena, tree, SV("at")), SV("request"));
    json_set_int(arena, request, SV("nth"), (int64_t)fault.nth);
    if (fault.is_before)
        json_set_string(arena, request, SV("phase"), SV("before"));
    return tree;
}

static void inline_files(const struct scenario *scenario, struct cJSON *tree, struct arena *arena) {
    struct cJSON *objects = json_list(arena);
    for (size_t i = 0; i < scenario->objects.count; i++)
        json_append(objects, json_copy(arena, scenario->objects.items[i]));
    json_set(arena, tree, SV("objects"), objects);
    size_t index = 0;
    JSON_EACH (step, json_get(tree, SV("steps"))) {
        const struct scenario_objects *applied = &scenario->steps[index++].applied;
        struct cJSON *action = json_get(step, SV("do"));
        if (applied->count == 1 && json_get(action, SV("apply")))
            json_set(arena, action, SV("apply"), json_copy(arena, applied->items[0]));
    }
}

struct cJSON *sweep_file(const struct scenario *scenario, const struct sweep_case *sweep,
                         struct arena *arena) {
    struct cJSON *tree = json_copy(arena, scenario->tree);
    inline_files(scenario, tree, arena);
    json_remove(tree, SV("golden"));
    json_remove(tree, SV("explore"));
    struct cJSON *faults = json_ensure_list(arena, tree, SV("faults"));
    for (size_t i = 0; i < sweep->point_count; i++)
        json_append(faults, fault_tree(sweep, i, arena));
    return tree;
}
