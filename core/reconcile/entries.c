/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/entries.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"

enum {
    TIMEOUT_SECONDS = 20,
    TIMEOUT_SECONDS_MAX = 3600,
    RETRY_MS = 1000,
    RETRY_MS_MAX = 5 * 60 * 1000,
};

/* --- which pod --- */

static int64_t ordinal_of(const struct cJSON *pod) {
    struct sv name = object_name(pod), last = sv_drop(name, sv_find_last(name, '-') + 1);
    int64_t ordinal;
    return sv_to_int64(last, &ordinal) ? ordinal : INT64_MAX;
}

/* The lowest ordinal first; without ordinals the oldest. */
static int compare_pods(const struct component *component, const struct cJSON *a,
                        const struct cJSON *b) {
    if (component_is_stateful_set(component)) {
        int64_t first = ordinal_of(a), second = ordinal_of(b);
        return first < second ? -1 : first > second;
    }
    int order = sv_compare(json_find_string(a, "metadata.creationTimestamp"),
                           json_find_string(b, "metadata.creationTimestamp"));
    return order != 0 ? order : sv_compare(object_name(a), object_name(b));
}

static bool can_serve(const struct component *component, const struct cJSON *pod) {
    return sv_eq(object_label(pod, LABEL_COMPONENT_NAME), component->workload_name) &&
           !object_is_deleting(pod) && object_condition_is_true(pod, SV("Ready"));
}

static const struct cJSON *find_pod(const struct pass *pass, struct sv uid) {
    for (size_t i = 0; i < pass->snapshot->pod_count; i++)
        if (sv_eq(object_uid(pass->snapshot->pods[i]), uid))
            return pass->snapshot->pods[i];
    return NULL;
}

/* The first one that can serve, of all or of those behind `before`. */
static const struct cJSON *first_pod(const struct pass *pass, const struct component *component,
                                     const struct cJSON *before) {
    const struct cJSON *first = NULL;
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        if (can_serve(component, pod) && (!before || compare_pods(component, before, pod) < 0) &&
            (!first || compare_pods(component, pod, first) < 0))
            first = pod;
    }
    return first;
}

/* One that could not be reached is followed by the next one, in turns; which goes on answering
 * then, or its answer would be asked of the first one again. */
static const struct cJSON *choose_pod(const struct pass *pass, const struct component *component,
                                      enum execution_entry entry) {
    const struct execution *last = snapshot_execution(pass->snapshot, entry);
    const struct cJSON *asked = last ? find_pod(pass, last->pod_uid) : NULL, *next = NULL;
    if (asked && execution_is_unreached(last))
        next = first_pod(pass, component, asked);
    else if (asked && last->stands_in && can_serve(component, asked))
        next = asked;
    return next ? next : first_pod(pass, component, NULL);
}

void entry_serve_from(struct server *server, const struct cJSON *pod) {
    server->pod = pod;
    server->container = json_find_string(component_container(server->component), "name");
    server->container_id = SV("");
    JSON_EACH (status, json_find(pod, "status.containerStatuses")) {
        if (!sv_eq(json_find_string(status, "name"), server->container))
            continue;
        server->container_id = json_find_string(status, "containerID");
        server->restart_count = (int32_t)json_int_or(status, SV("restartCount"), 0);
    }
}

bool entry_server(const struct pass *pass, enum execution_entry entry, struct server *ret_server) {
    for (size_t i = 0; i < COMPONENT_COUNT; i++) {
        const struct component *component = &pass->components[i];
        const struct cJSON *declared = component_entry(component, entry);
        if (!component->is_enabled || !declared)
            continue;
        *ret_server = (struct server){.component = component, .entry = declared};
        ret_server->container = ret_server->container_id = SV("");
        const struct cJSON *pod = choose_pod(pass, component, entry);
        if (pod)
            entry_serve_from(ret_server, pod);
        return true;
    }
    return false;
}

bool entry_may_wait(const struct server *server) {
    const struct component *component = server->component;
    bool is_scaled_to_zero = component->has_replicas && component->replicas == 0;
    return is_scaled_to_zero || (component->type == COMPONENT_CLIENT && !component->is_always);
}

bool entry_is_ours(const struct server *server, const struct execution *execution) {
    return server->pod && sv_eq(execution->pod_uid, object_uid(server->pod)) &&
           sv_eq(execution->container_id, server->container_id) &&
           execution->restart_count == server->restart_count;
}

/* --- executing --- */

bool entry_can_execute(struct pass *pass) {
    int64_t not_before_ms = 0;
    for (size_t i = 0; i < pass->snapshot->execution_count; i++) {
        const struct execution *execution = &pass->snapshot->executions[i];
        if (execution->is_running)
            return false;
        if (execution->not_before_ms > not_before_ms)
            not_before_ms = execution->not_before_ms;
    }
    if (not_before_ms > pass->snapshot->now_ms) {
        pass_wake_at(pass, not_before_ms);
        return false;
    }
    for (size_t i = 0; i < pass->plan->action_count; i++)
        if (pass->plan->actions[i].type == ACTION_EXECUTE)
            return false;
    return true;
}

int64_t entry_timeout_ms(const struct server *server, enum execution_entry entry) {
    int64_t seconds = json_int_or(server->entry, SV("timeout"), TIMEOUT_SECONDS);
    bool has_floor = entry == ENTRY_MOUNT_UFS || entry == ENTRY_REPORT_SUMMARY;
    if (seconds < 1 || (has_floor && seconds < TIMEOUT_SECONDS))
        seconds = TIMEOUT_SECONDS;
    return 1000 * (seconds > TIMEOUT_SECONDS_MAX ? TIMEOUT_SECONDS_MAX : seconds);
}

struct entry_command entry_command(struct pass *pass, const struct cJSON *entry) {
    const struct cJSON *declared = json_get(entry, SV("command"));
    struct sv *arguments = ARENA_ARRAY(pass->arena, struct sv, json_count(declared) + 2);
    struct entry_command command = {.arguments = arguments};
    JSON_EACH (argument, declared)
        arguments[command.count++] = json_text(argument);
    struct sv config_map = json_find_string(entry, "script.configMap");
    bool is_script = command.count == 0 && config_map.len > 0;
    if (is_script) {
        struct sv interpreter = json_find_string(entry, "script.interpreter");
        if (interpreter.len > 0)
            arguments[command.count++] = interpreter;
        arguments[command.count++] =
            arena_printf(pass->arena, SCRIPTS_PATH "/%.*s/%.*s", SV_ARG(config_map),
                         SV_ARG(json_find_string(entry, "script.key")));
    }
    command.has_stdin = json_bool_or(entry, SV("stdin"), is_script);
    return command;
}

void entry_execute(struct pass *pass, enum execution_entry entry, const struct server *server,
                   struct sv input_hash, struct sv reason, int64_t timeout_ms) {
    struct sv message =
        pass_printf(pass, "Run %.*s in pod %.*s", SV_ARG(execution_entry_text(entry)),
                    SV_ARG(object_name(server->pod)));
    struct action *action = pass_add(pass, ACTION_EXECUTE, STEP_EXECUTE, reason, message);
    action->resource = &RESOURCE_PODS;
    action->namespace_name = pass->snapshot->namespace_name;
    action->name = object_name(server->pod);
    action->entry = entry;
    action->container = server->container;
    action->pod_uid = object_uid(server->pod);
    action->container_id = server->container_id;
    action->restart_count = server->restart_count;
    action->input_hash = input_hash;
    action->timeout_ms = timeout_ms;
    struct entry_command command = entry_command(pass, server->entry);
    action->command = command.arguments;
    action->command_count = command.count;
    action->has_stdin = command.has_stdin;
    if (command.has_stdin)
        action->stdin_bytes = pass->runtime_json;
}

bool entry_succeeded(struct pass *pass, const struct execution *execution, struct sv *ret_message) {
    struct sv text = execution_entry_text(execution->entry);
    if (execution->error == ERROR_NONE && execution->exit_code == 0)
        return true;
    if (execution->error != ERROR_NONE) {
        *ret_message = pass_printf(pass, "%.*s in pod %.*s: %.*s", SV_ARG(text),
                                   SV_ARG(execution->pod_name), SV_ARG(execution->error_message));
        return false;
    }
    struct sv output = sv_trim(execution->stderr_bytes.len > 0 ? execution->stderr_bytes
                                                               : execution->stdout_bytes);
    *ret_message = pass_printf(pass, "%.*s in pod %.*s: exit status %d: %.*s", SV_ARG(text),
                               SV_ARG(execution->pod_name), execution->exit_code,
                               SV_ARG(sv_prefix(output, 512)));
    return false;
}

/* What failed elsewhere, or before an edit, says nothing of what is tried now; unless it is pods
 * that cannot be reached, which would be asked in turns for ever. */
static int failures_that_count(const struct execution *execution) {
    return execution->consecutive_failures -
           (execution->error == ERROR_NONE ? execution->failures_before : 0);
}

int64_t entry_retry_ms(const struct execution *execution) {
    int64_t delay_ms = RETRY_MS;
    for (int i = 1; i < failures_that_count(execution) && delay_ms < RETRY_MS_MAX; i++)
        delay_ms *= 2;
    return execution->finished_ms + (delay_ms < RETRY_MS_MAX ? delay_ms : RETRY_MS_MAX);
}
int64_t entry_first_try_ms(const struct pass *pass, const struct execution *last) {
    bool is_unreachable = last && last->error != ERROR_NONE && last->consecutive_failures > 1;
    return is_unreachable ? entry_retry_ms(last) : pass->snapshot->now_ms;
}
