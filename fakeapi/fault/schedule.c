/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/fault/schedule.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#define X(name, text) {"" text, sizeof(text) - 1},
const struct sv fault_kind_names[] = {FAULT_KINDS(X)};
#undef X

/* Longer than any client waits. */
enum { HANG_MS = 3600 * 1000, EXPIRED_PLURALS_MAX = 64 };

struct progress {
    int64_t begins_ms, ends_ms; /* DEADLINE_NEVER: not yet, or never */
    uint64_t matched, fired;
    bool has_begun;
};

struct schedule {
    const struct fault *faults;
    size_t fault_count;
    struct sv victim;
    struct progress *progress; /* of each fault */
    struct schedule_demands demands;
    bool is_victim_dead;
    /* After watch.error-410: each collection's next watch is told so, once. */
    bool expires_watches;
    uint64_t expired_plurals[EXPIRED_PLURALS_MAX]; /* hashes */
    size_t expired_count;
};

struct schedule *schedule_new(const struct fault *faults, size_t fault_count, struct sv victim,
                              int64_t start_ms) {
    assert(fault_count <= FAULTS_MAX);
    struct schedule *schedule = mem_alloc(sizeof(*schedule));
    schedule->faults = faults;
    schedule->fault_count = fault_count;
    schedule->victim = victim;
    schedule->progress = mem_alloc(sizeof(*schedule->progress) * (fault_count + 1));
    for (size_t i = 0; i < fault_count; i++) {
        bool waits_for_step = faults[i].step.len > 0;
        schedule->progress[i].begins_ms =
            waits_for_step ? DEADLINE_NEVER : start_ms + faults[i].after_ms;
    }
    return schedule;
}

void schedule_free(struct schedule *schedule) {
    if (!schedule)
        return;
    mem_free(schedule->progress);
    mem_free(schedule);
}

/* --- effects --- */

static void answer(struct request_fate *fate, int http_status, int64_t retry_after_s) {
    static const struct {
        int http_status;
        const char *reason, *message;
    } answers[] = {
        {403, "Forbidden", "forbidden by a fault of the scenario"},
        {404, "NotFound", "not found, says a fault of the scenario"},
        {409, "Conflict",
         "the object has been modified; please apply your changes to the latest version and try "
         "again"},
        {410, "Expired", "The resourceVersion for the provided watch is too old."},
        {422, "Invalid", "invalid, says a fault of the scenario"},
        {429, "TooManyRequests", "too many requests, please try again later"},
        {500, "InternalError", "Internal error occurred: a fault of the scenario"},
        {503, "ServiceUnavailable", "the server is currently unable to handle the request"},
        {504, "Timeout", "Timeout: request did not complete within the allotted timeout"},
    };
    fate->verdict = VERDICT_ANSWER;
    fate->http_status = http_status;
    fate->retry_after_s = retry_after_s;
    fate->reason = SV("");
    fate->message = SV("a fault of the scenario");
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        if (answers[i].http_status != http_status)
            continue;
        fate->reason = sv_from(answers[i].reason);
        fate->message = sv_from(answers[i].message);
    }
}

static void cut_watches(struct schedule *schedule, bool expires) {
    schedule->demands.cut_watches = true;
    if (!expires)
        return;
    schedule->expires_watches = true;
    schedule->expired_count = 0;
}

/* What needs no request. */
static void strike(struct schedule *schedule, const struct fault *fault) {
    switch (fault->kind) {
    case FAULT_CRASH:
        schedule->is_victim_dead = true;
        schedule->demands.restart_victim = true;
        break;
    case FAULT_WATCH_CLOSE:
    case FAULT_WATCH_EXPIRED:
        cut_watches(schedule, fault->kind == FAULT_WATCH_EXPIRED);
        break;
    case FAULT_API_STATUS:
    case FAULT_API_LOST_REPLY:
    case FAULT_API_SLOW:
    case FAULT_API_HANG:
    case FAULT_WATCH_DELAY:
    case FAULT_KIND_COUNT:
        break;
    }
}

static void strike_request(struct schedule *schedule, const struct fault *fault,
                           struct request_fate *fate) {
    strike(schedule, fault);
    switch (fault->kind) {
    case FAULT_CRASH:
        fate->verdict = fault->is_before ? VERDICT_LOSE_REQUEST : VERDICT_LOSE_REPLY;
        break;
    case FAULT_API_STATUS:
        answer(fate, fault->http_status, fault->retry_after_s);
        break;
    case FAULT_API_LOST_REPLY:
        fate->verdict = VERDICT_LOSE_REPLY;
        break;
    case FAULT_API_SLOW:
    case FAULT_WATCH_DELAY:
        fate->delay_ms = fault->delay_ms;
        break;
    case FAULT_API_HANG:
        fate->verdict = VERDICT_LOSE_REQUEST;
        fate->delay_ms = HANG_MS;
        break;
    case FAULT_WATCH_CLOSE:
    case FAULT_WATCH_EXPIRED:
    case FAULT_KIND_COUNT:
        break;
    }
}

/* --- triggers --- */

static bool needs_request(const struct fault *fault) {
    return fault->has_request || (fault->kind != FAULT_CRASH && fault->kind != FAULT_WATCH_CLOSE &&
                                  fault->kind != FAULT_WATCH_EXPIRED);
}

static void begin(struct schedule *schedule, size_t index, int64_t now_ms) {
    const struct fault *fault = &schedule->faults[index];
    struct progress *progress = &schedule->progress[index];
    progress->has_begun = true;
    progress->ends_ms = fault->for_ms > 0 ? now_ms + fault->for_ms : DEADLINE_NEVER;
    if (needs_request(fault))
        return;
    progress->fired++;
    strike(schedule, fault);
}

void schedule_reach_time(struct schedule *schedule, int64_t now_ms) {
    for (size_t i = 0; i < schedule->fault_count; i++)
        if (!schedule->progress[i].has_begun && now_ms >= schedule->progress[i].begins_ms)
            begin(schedule, i, now_ms);
}

void schedule_reach_step(struct schedule *schedule, struct sv step, int64_t now_ms) {
    for (size_t i = 0; i < schedule->fault_count; i++)
        if (schedule->faults[i].step.len > 0 && sv_eq(schedule->faults[i].step, step))
            schedule->progress[i].begins_ms = now_ms + schedule->faults[i].after_ms;
    schedule_reach_time(schedule, now_ms);
}

/* Counts a match, and tells whether the fault strikes this one. */
static bool is_due(const struct fault *fault, struct progress *progress, int64_t now_ms,
                   struct sv user_agent, const struct request *request) {
    if (!progress->has_begun || now_ms >= progress->ends_ms || !needs_request(fault) ||
        (fault->count > 0 && progress->fired >= fault->count) ||
        (fault->kind == FAULT_WATCH_DELAY && request->verb != VERB_WATCH) ||
        !request_pattern_matches(&fault->request, user_agent, request))
        return false;
    progress->matched++;
    if (fault->nth > 0)
        return progress->matched == fault->nth;
    return fault->every == 0 || progress->matched % fault->every == 0;
}

static bool is_expired(struct schedule *schedule, const struct request *request) {
    if (!schedule->expires_watches || request->verb != VERB_WATCH)
        return false;
    uint64_t hash = sv_hash(request->plural);
    for (size_t i = 0; i < schedule->expired_count; i++)
        if (schedule->expired_plurals[i] == hash)
            return false;
    if (schedule->expired_count == EXPIRED_PLURALS_MAX)
        return false;
    schedule->expired_plurals[schedule->expired_count++] = hash;
    return true;
}

void schedule_decide(struct schedule *schedule, int64_t now_ms, struct sv user_agent,
                     const struct request *request, struct request_fate *fate) {
    schedule_reach_time(schedule, now_ms);
    bool is_victim = sv_eq(user_agent, schedule->victim);
    if (is_victim && schedule->is_victim_dead) {
        fate->verdict = VERDICT_LOSE_REQUEST;
        return;
    }
    if (is_victim && is_expired(schedule, request)) {
        answer(fate, 410, 0);
        return;
    }
    for (size_t i = 0; i < schedule->fault_count; i++) {
        if (!is_due(&schedule->faults[i], &schedule->progress[i], now_ms, user_agent, request))
            continue;
        schedule->progress[i].fired++;
        strike_request(schedule, &schedule->faults[i], fate);
    }
}

struct schedule_demands schedule_take_demands(struct schedule *schedule) {
    struct schedule_demands demands = schedule->demands;
    schedule->demands = (struct schedule_demands){0};
    schedule->is_victim_dead = false;
    return demands;
}

bool schedule_is_lasting(const struct schedule *schedule, int64_t now_ms) {
    for (size_t i = 0; i < schedule->fault_count; i++) {
        const struct fault *fault = &schedule->faults[i];
        const struct progress *progress = &schedule->progress[i];
        bool is_used_up = fault->count > 0 && progress->fired >= fault->count;
        if (fault->for_ms > 0 && progress->has_begun && now_ms < progress->ends_ms && !is_used_up)
            return true;
    }
    return false;
}

uint64_t schedule_fired_count(const struct schedule *schedule, size_t fault_index) {
    assert(fault_index < schedule->fault_count);
    return schedule->progress[fault_index].fired;
}
