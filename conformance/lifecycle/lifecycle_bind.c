/* SPDX-License-Identifier: Apache-2.0 */
/* BIND-001, BIND-002, SCH-007, PERF-001, CTL-001, TOPO-004: from creation to Bound, and rest. */
#include "conformance/lifecycle/lifecycle_run.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

enum {
    /* Virtual: image pull, slow probes and the retries of a mount that lags behind kubelet. */
    BOUND_TIMEOUT_MS = 15 * 60 * 1000,
    STEADY_MS = 60 * 60 * 1000,
    SETTLE_TIMEOUT_MS = 30 * 60 * 1000,
    /* Where all becomes ready at once; events are not counted. */
    WRITES_PER_CREATE_MAX = 17,
};

/* Every field that was sent must be there when it is read back. */
static bool is_kept(const struct cJSON *sent, const struct cJSON *kept, struct arena *arena,
                    struct sv path, struct sv *ret_lost) {
    *ret_lost = path;
    if (json_is_map(sent)) {
        JSON_EACH (member, sent) {
            struct sv below = arena_printf(arena, "%.*s%s%.*s", SV_ARG(path), path.len ? "." : "",
                                           SV_ARG(json_key(member)));
            /* An empty value may be dropped: absent means the same. */
            bool is_empty = (json_is_map(member) || json_is_list(member)) && !member->child;
            const struct cJSON *other = json_get(kept, json_key(member));
            if (is_empty || json_is_null(member))
                continue;
            if (!is_kept(member, other, arena, below, ret_lost))
                return false;
        }
        return json_is_map(kept);
    }
    if (json_is_list(sent)) {
        const struct cJSON *other = json_is_list(kept) ? kept->child : NULL;
        size_t index = 0;
        JSON_EACH (item, sent) {
            struct sv below = arena_printf(arena, "%.*s.%zu", SV_ARG(path), index++);
            if (!is_kept(item, other, arena, below, ret_lost))
                return false;
            other = other ? other->next : NULL;
        }
        return true;
    }
    return json_equal(sent, kept);
}

static void check_kept(struct lifecycle_run *run) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *sent = run->subject->runtime_class;
    const struct cJSON *kept =
        run_get(run, &RESOURCE_CACHE_RUNTIME_CLASSES, object_name(sent), arena);
    struct sv lost;
    if (is_kept(sent, kept, arena, SV(""), &lost)) {
        run_pass(run, SV("SCH-007"));
        return;
    }
    struct check_result *result = run_fail(
        run, SV("SCH-007"), "field %.*s is lost or changed when the class is stored", SV_ARG(lost));
    result->subject = manifest_locate_path(run->subject->class_manifest, sent,
                                           arena_copy(run->arena, lost), run->arena);
}

void lifecycle_bind(struct lifecycle_run *run) {
    struct session_counts before, after;
    struct error err = {0};
    int64_t start_ms = session_now_ms(run->session);
    session_get_counts(run->session, &before);
    check_kept(run);
    if (!run_check_request(run, SV("BIND-001"), run_create(run, run->sample->name, NULL, &err),
                           &err))
        return;
    run->is_bound = run_wait_bound(run, run->sample->name, BOUND_TIMEOUT_MS);
    session_get_counts(run->session, &after);
    if (!run->is_bound) {
        run_fail(run, SV("BIND-001"), "sample %.*s is not Bound after %d virtual minutes: %.*s",
                 SV_ARG(run->sample->name), BOUND_TIMEOUT_MS / 60000,
                 SV_ARG(run_explain(run, run->sample->name)));
        return;
    }
    run->measurements.are_known = session_world(run->session) != NULL;
    run->measurements.time_to_bound_ms = session_now_ms(run->session) - start_ms;
    run->measurements.requests_create = after.reads + after.writes + after.executions -
                                        before.reads - before.writes - before.executions;
    run->measurements.writes_create = after.writes - before.writes;
    run->measurements.execution_count = after.executions - before.executions;
    run_pass(run, SV("BIND-001"));
}

/* What a class may add: each extra ConfigMap is a write, and so is each component that becomes
 * ready at a time of its own, since conditions tell the truth at once. */
static size_t writes_of_class(const struct lifecycle_run *run) {
    size_t count = json_count(json_find(run->subject->runtime_class, "extraResources.configMaps"));
    for (int role = 0; role < ROLE_COUNT; role++)
        count += subject_component(run->subject, (enum role)role) != NULL;
    return count;
}

void lifecycle_steady(struct lifecycle_run *run) {
    struct sv id = SV("PERF-001");
    struct session_counts before, after;
    int64_t max_ms = session_advance_ms_max(run->session);
    int64_t steady_ms = max_ms > 0 && max_ms < STEADY_MS ? max_ms : STEADY_MS;
    bool settled = session_settle(run->session, SETTLE_TIMEOUT_MS);
    session_get_counts(run->session, &before);
    session_advance(run->session, steady_ms);
    session_get_counts(run->session, &after);
    run->measurements.writes_steady = after.writes - before.writes;
    uint64_t writes_max = WRITES_PER_CREATE_MAX + writes_of_class(run);
    if (!settled)
        run_fail(run, id, "the controller never came to rest within %d virtual minutes",
                 SETTLE_TIMEOUT_MS / 60000);
    else if (run->measurements.writes_steady > 0)
        run_fail(run, id, "%llu writes in %lld minutes in which nothing happened",
                 (unsigned long long)run->measurements.writes_steady,
                 (long long)(steady_ms / 60000));
    else if (session_is_virtual(run->session) && run->measurements.writes_create > writes_max)
        run_fail(run, id, "%llu writes from creation to Bound, at most %llu are expected",
                 (unsigned long long)run->measurements.writes_create,
                 (unsigned long long)writes_max);
    else
        run_pass(run, id);
}

void lifecycle_restart(struct lifecycle_run *run) {
    struct sv id = SV("CTL-001");
    AUTO(arena) arena = arena_new();
    struct session_counts before, after;
    if (!session_can_restart_controller(run->session)) {
        run_skip_unobservable(run, id, "the controller of this cluster is not ours to restart");
        return;
    }
    session_settle(run->session, SETTLE_TIMEOUT_MS);
    struct sv census = run_census(run, arena);
    session_get_counts(run->session, &before);
    session_restart_controller(run->session);
    bool settled = session_settle(run->session, SETTLE_TIMEOUT_MS);
    session_get_counts(run->session, &after);
    struct sv census_after = run_census(run, arena);
    if (!settled || !run_is_bound(run, run->sample->name))
        run_fail(run, id, "after a restart of the controller: %.*s",
                 SV_ARG(run_explain(run, run->sample->name)));
    else if (after.writes != before.writes)
        run_fail(run, id, "a restarted controller wrote %llu times to a runtime at rest",
                 (unsigned long long)(after.writes - before.writes));
    else if (!sv_eq(census, census_after))
        run_fail(run, id, "objects changed: %.*s",
                 SV_ARG(run_census_added(census, census_after, arena)));
    else
        run_pass(run, id);
}

/* --- BIND-002: the first executions of mountUFS fail --- */

struct failing_mounts {
    const struct lifecycle_run *run;
    struct sv command_word; /* the last argument of the entry's command, or the script's key */
    int calls;
};

/* What makes an exec one of mountUFS: its command ends as the class says. */
static struct sv mount_command_word(const struct lifecycle_run *run) {
    for (int role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *entry = subject_entry(run->subject, (enum role)role, SV("mountUFS"));
        const struct cJSON *command = json_get(entry, SV("command"));
        if (json_count(command) > 0)
            return json_text(json_at(command, json_count(command) - 1));
        if (entry)
            return json_find_string(entry, "script.key");
    }
    return SV("");
}

static bool fail_first_mounts(void *context, const struct exec_call *call, struct arena *arena,
                              struct exec_result *ret_result) {
    struct failing_mounts *failing = context;
    (void)arena;
    if (call->command_count == 0 ||
        !sv_ends_with(call->command[call->command_count - 1], failing->command_word))
        return false;
    failing->calls++;
    if (failing->calls > 2)
        return false;
    *ret_result = (struct exec_result){
        .exit_code = failing->calls == 1 ? 1 : 0,
        .stdout_bytes = SV(""),
        .stderr_bytes = SV("injected failure\n"),
        .duration_ms = failing->calls == 1 ? 100 : DEADLINE_NEVER,
    };
    return true;
}

void lifecycle_failing_mounts(struct lifecycle_run *run) {
    struct sv id = SV("BIND-002");
    struct failing_mounts failing = {run, mount_command_word(run), 0};
    if (failing.command_word.len == 0) {
        run_skip(run, id, "the class declares no mountUFS");
        return;
    }
    /* Asked before the others. */
    assert(run->engine_count < COUNT_OF(run->engines));
    memmove(&run->engines[1], run->engines, sizeof(run->engines[0]) * run->engine_count);
    run->engines[0] = (struct engine){.exec = fail_first_mounts, .context = &failing};
    run->engine_count++;
    struct error err = {0};
    bool is_open = run_open(run, id);
    if (is_open && !session_world(run->session))
        run_skip_unobservable(run, id, "what containers answer in this cluster is not ours to say");
    else if (is_open &&
             run_check_request(run, id, run_create(run, run->sample->name, NULL, &err), &err)) {
        if (!run_wait_bound(run, run->sample->name, BOUND_TIMEOUT_MS))
            run_fail(run, id, "mountUFS failed once and hung once, and then: %.*s",
                     SV_ARG(run_explain(run, run->sample->name)));
        else if (failing.calls < 3)
            run_fail(run, id, "bound after %d executions of mountUFS, of which two had failed",
                     failing.calls);
        else
            run_pass(run, id);
    }
    run_close(run);
}

/* --- TOPO-004 --- */

/* Bound, or a Ready condition that is False and says why. */
static bool is_bound_or_refused(struct session *session, void *context) {
    (void)session;
    struct lifecycle_run *run = context;
    AUTO(arena) arena = arena_new();
    const struct cJSON *runtime = run_get(run, &RESOURCE_CACHE_RUNTIMES, run->sample->name, arena);
    const struct cJSON *ready = object_condition(runtime, SV("Ready"));
    bool is_stalled = object_condition_is_true(runtime, SV("Stalled"));
    return run_is_bound(run, run->sample->name) ||
           (is_stalled && json_find_string(ready, "message").len > 0);
}

static void disable_one(struct lifecycle_run *run, enum role role) {
    struct sv id = SV("TOPO-004");
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_map(arena);
    struct cJSON *spec = json_ensure_map(arena, patch, SV("spec"));
    json_set_bool(arena, json_ensure_map(arena, spec, role_text(role)), SV("disabled"), true);
    if (run_open(run, id) &&
        run_check_request(run, id, run_create(run, run->sample->name, patch, &err), &err)) {
        if (run_until(run, BOUND_TIMEOUT_MS, is_bound_or_refused, run))
            run_pass(run, id);
        else
            run_fail(run, id, "neither Bound nor refused with %.*s disabled: %.*s",
                     SV_ARG(role_text(role)), SV_ARG(run_explain(run, run->sample->name)));
        run->results->items[run->results->count - 1].role = role_text(role);
    }
    run_close(run);
}

void lifecycle_disabled_components(struct lifecycle_run *run) {
    for (int role = 0; role < ROLE_COUNT; role++)
        if (subject_component(run->subject, (enum role)role))
            disable_one(run, (enum role)role);
}
