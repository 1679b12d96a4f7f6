/* SPDX-License-Identifier: Apache-2.0 */
/* checkRuntimeReady, at first a gate and then the health check, and reportSummary. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/nodes.h"
#include "core/reconcile/pass.h"

enum {
    PERIOD_SECONDS = 300,
    PERIOD_SECONDS_MAX = 24 * 3600, /* of what is asked more rarely nobody would know the figures */
    FAILURE_THRESHOLD = 3,
    CHECK_MESSAGE_BYTES_MAX = 1024,
    FAILED_RETRY_MS = 10 * 1000, /* a failing check is asked again sooner than a passing one */
};

static int64_t period_ms(const struct server *server) {
    int64_t seconds = json_int_or(server->entry, SV("periodSeconds"), PERIOD_SECONDS);
    if (seconds < 1)
        seconds = PERIOD_SECONDS;
    return 1000 * (seconds < PERIOD_SECONDS_MAX ? seconds : PERIOD_SECONDS_MAX);
}

/* When the entry is due next. After a restart nothing is remembered: then it is due in the first
 * tenth of a slot, slots being spread over runtimes by their seed. */
static int64_t due_ms(const struct pass *pass, const struct server *server,
                      const struct execution *last) {
    int64_t period = period_ms(server), now_ms = pass->snapshot->now_ms;
    int64_t jitter = (int64_t)(pass->snapshot->options->jitter_seed % (uint64_t)period);
    if (last)
        return last->finished_ms + period + jitter / 10;
    int64_t slot = (now_ms - jitter) / period * period + jitter;
    return now_ms - slot < period / 10 ? slot : slot + period;
}

struct sv entry_size(struct pass *pass) {
    const struct component *worker = &pass->components[COMPONENT_WORKER];
    return pass_printf(pass, "workers=%lld/%lld",
                       (long long)json_find_int(worker->observed, "spec.replicas", 0),
                       (long long)worker->replicas);
}

bool entry_check_holds(struct pass *pass, struct sv input) {
    struct server server;
    struct sv message;
    const struct execution *last = snapshot_execution(pass->snapshot, ENTRY_CHECK_RUNTIME_READY);
    if (!entry_server(pass, ENTRY_CHECK_RUNTIME_READY, &server) ||
        (!server.pod && entry_may_wait(&server)))
        return true;
    return last && !last->is_running && sv_eq(last->input_hash, input) &&
           entry_succeeded(pass, last, &message);
}

/* Between two workers that leave the cache is asked, since pods that are ready do not tell whether
 * it has moved its data. */
static bool is_asked_for(struct pass *pass, const struct execution *last) {
    const struct component *worker = &pass->components[COMPONENT_WORKER];
    return worker->is_enabled && component_is_scaling_in(worker) && worker->is_observed &&
           worker->existing <= json_find_int(worker->observed, "spec.replicas", 0) &&
           (!last || !sv_eq(last->input_hash, entry_size(pass)));
}

static void check_again(struct pass *pass, const struct server *server, int64_t at_ms) {
    if (at_ms > pass->snapshot->now_ms)
        pass_wake_at(pass, at_ms);
    else if (entry_can_execute(pass))
        entry_execute(pass, ENTRY_CHECK_RUNTIME_READY, server, entry_size(pass), SV("CheckDue"),
                      entry_timeout_ms(server, ENTRY_CHECK_RUNTIME_READY));
}

/* The first KiB of what a passing check printed; what the last one printed after a restart. */
static void keep_message(struct pass *pass, const struct execution *last) {
    const struct cJSON *old = object_condition(pass->snapshot->runtime, SV("DataPlaneReady"));
    if (last)
        pass->check_message = pass_printf(
            pass, "%.*s", SV_ARG(sv_prefix(sv_trim(last->stdout_bytes), CHECK_MESSAGE_BYTES_MAX)));
    else if (sv_eq(json_find_string(old, "reason"), SV("CheckPassed")))
        pass->check_message = json_find_string(old, "message");
}

/* What was told to have failed stays so until a check has passed, also of a controller that was
 * started since and has seen none of the failures. SV(""): nothing was told. */
static struct sv told_failure(const struct pass *pass) {
    const struct cJSON *old = object_condition(pass->snapshot->runtime, SV("DataPlaneReady"));
    bool has_failed = sv_eq(json_find_string(old, "reason"), SV("HealthCheckFailed"));
    return has_failed ? json_find_string(old, "message") : SV("");
}

static bool has_failed_often(const struct server *server, const struct execution *last) {
    return last && last->consecutive_failures >=
                       json_int_or(server->entry, SV("failureThreshold"), FAILURE_THRESHOLD);
}

static void fail_health(struct pass *pass, struct sv message) {
    pass->check_failure = (struct finding){SV("HealthCheckFailed"), message};
    pass_close(pass, GATE_READY_CHECK, SV("HealthCheckFailed"), message);
}

static void check_first(struct pass *pass, const struct server *server,
                        const struct execution *last) {
    struct sv message;
    bool is_answer = last && !last->is_running && entry_is_ours(server, last);
    if (is_answer && entry_succeeded(pass, last, &message)) {
        keep_message(pass, last);
        pass_open(pass, GATE_READY_CHECK);
        return;
    }
    const struct cJSON *old = object_condition(pass->snapshot->runtime, SV("DataPlaneReady"));
    bool had_failed = sv_eq(json_find_string(old, "reason"), SV("CheckFailed"));
    if (is_answer && pass->was_bound && has_failed_often(server, last))
        fail_health(pass, message);
    else if (is_answer)
        pass_close(pass, GATE_READY_CHECK, SV("CheckFailed"), message);
    else if (had_failed)
        pass_close(pass, GATE_READY_CHECK, SV("CheckFailed"), json_find_string(old, "message"));
    else
        pass_close(pass, GATE_READY_CHECK, SV("CheckRunning"),
                   SV("waits for checkRuntimeReady to end"));
    if (!last || !last->is_running)
        check_again(pass, server,
                    is_answer ? entry_retry_ms(last) : entry_first_try_ms(pass, last));
}

static void check_health(struct pass *pass, const struct server *server,
                         const struct execution *last) {
    struct sv told = told_failure(pass), message = SV("");
    bool is_running = last && last->is_running;
    bool has_passed = last && !is_running && entry_succeeded(pass, last, &message);
    bool has_failed = last && !is_running && !has_passed;
    pass_open(pass, GATE_READY_CHECK);
    if (has_failed && (told.len > 0 || has_failed_often(server, last)))
        fail_health(pass, message);
    else if (told.len > 0 && !has_passed)
        fail_health(pass, told);
    else if (!has_failed)
        keep_message(pass, has_passed ? last : NULL);
    bool is_asked_now = (!last && told.len > 0) || is_asked_for(pass, last);
    if (has_failed)
        check_again(pass, server, last->finished_ms + FAILED_RETRY_MS);
    else if (!is_running)
        check_again(pass, server,
                    is_asked_now ? pass->snapshot->now_ms : due_ms(pass, server, last));
}

void gate_ready_check(struct pass *pass) {
    struct server server;
    if (!entry_server(pass, ENTRY_CHECK_RUNTIME_READY, &server) ||
        (!server.pod && entry_may_wait(&server))) {
        pass_open(pass, GATE_READY_CHECK);
        return;
    }
    if (!server.pod) {
        pass_close(pass, GATE_READY_CHECK, SV("NoReadyPod"),
                   pass_printf(pass, "waits for a ready pod of the %.*s to run checkRuntimeReady",
                               SV_ARG(server.component->text)));
        return;
    }
    const struct execution *last = snapshot_execution(pass->snapshot, ENTRY_CHECK_RUNTIME_READY);
    bool was_ready = object_condition_is_true(pass->snapshot->runtime, SV("DataPlaneReady"));
    /* What answered may fail for a while; what has not answered yet must do so. */
    if (pass->was_bound && (was_ready || told_failure(pass).len > 0))
        check_health(pass, &server, last);
    else
        check_first(pass, &server, last);
}

/* --- reportSummary --- */

static const struct cJSON *read_report(struct pass *pass, struct sv text, struct sv *ret_message) {
    struct error err = {0};
    const struct cJSON *report = json_read(pass->arena, sv_trim(text), &err);
    if (!report) {
        *ret_message = pass_printf(pass, "reportSummary printed no JSON: %s", err.message);
        return NULL;
    }
    if (!json_is_map(report)) {
        *ret_message = SV("reportSummary must print one JSON object");
        return NULL;
    }
    JSON_EACH (member, report) {
        if (json_is_string(member))
            continue;
        *ret_message =
            pass_printf(pass, "reportSummary: \"%.*s\" must be a string", SV_ARG(json_key(member)));
        return NULL;
    }
    return report;
}

/* While the next report is made, what was said of the last one stays. */
static void keep_report_failure(struct pass *pass) {
    const struct cJSON *synced = object_condition(pass->snapshot->runtime, SV("Synced"));
    if (sv_eq(json_find_string(synced, "status"), SV("False")) &&
        sv_eq(json_find_string(synced, "reason"), SV("ReportFailed")))
        pass->report_failure =
            (struct finding){SV("ReportFailed"), json_find_string(synced, "message")};
}

/* How many pods were ready to be counted. */
static struct sv report_size(struct pass *pass, const struct component *component) {
    return pass_printf(pass, "pods=%lld", component ? (long long)component->ready : 0);
}

static bool is_whole(const struct component *component) {
    return component->is_observed && component->ready > 0 &&
           component->ready == component->desired && component->ready == component->existing;
}

bool entry_report_counts(struct pass *pass, const struct component *component) {
    const struct execution *last = snapshot_execution(pass->snapshot, ENTRY_REPORT_SUMMARY);
    struct sv message;
    return last && !last->is_running && entry_succeeded(pass, last, &message) &&
           is_whole(component) && sv_eq(last->input_hash, report_size(pass, component));
}

/* A report that counted another number of pods is made again when all are there. */
static bool is_outgrown(struct pass *pass, const struct component *component,
                        const struct execution *last) {
    return last && component && is_whole(component) && entry_can_execute(pass) &&
           last->error == ERROR_NONE && last->exit_code == 0 &&
           !sv_eq(last->input_hash, report_size(pass, component));
}

/* One that could not be made is tried again sooner than the next one is due. */
static int64_t next_report_ms(const struct pass *pass, const struct server *server,
                              const struct execution *last) {
    int64_t at_ms = due_ms(pass, server, last);
    if (!last || last->consecutive_failures == 0)
        return at_ms;
    int64_t retry_ms = entry_retry_ms(last);
    return retry_ms < at_ms ? retry_ms : at_ms;
}

bool entry_report(struct pass *pass) {
    const struct component *component = nodes_cache_component(pass);
    struct server server;
    struct sv message = SV("");
    pass->nobody_reports = !entry_server(pass, ENTRY_REPORT_SUMMARY, &server);
    if (pass->nobody_reports)
        return true;
    const struct execution *last = snapshot_execution(pass->snapshot, ENTRY_REPORT_SUMMARY);
    if (last && last->is_running)
        keep_report_failure(pass);
    if (last && !last->is_running) {
        if (entry_succeeded(pass, last, &message))
            pass->report = read_report(pass, last->stdout_bytes, &message);
        if (!pass->report)
            pass->report_failure = (struct finding){SV("ReportFailed"), message};
    }
    /* The status remembers it as well, but not by upstream's CRD. */
    if (last && !pass->report && last->last_good_stdout.len > 0)
        pass->report = read_report(pass, last->last_good_stdout, &message);
    if (!server.pod)
        return true;
    bool is_due = (!pass->was_bound && !last) || is_outgrown(pass, component, last);
    int64_t at_ms = is_due ? pass->snapshot->now_ms : next_report_ms(pass, &server, last);
    if (at_ms > pass->snapshot->now_ms)
        pass_wake_at(pass, at_ms);
    else if (entry_can_execute(pass))
        entry_execute(pass, ENTRY_REPORT_SUMMARY, &server, report_size(pass, component),
                      SV("ReportDue"), entry_timeout_ms(&server, ENTRY_REPORT_SUMMARY));
    return pass->was_bound || (last && !last->is_running);
}
