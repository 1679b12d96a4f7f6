/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_status.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/wire_parts.h"

enum {
    EXIT_COMMAND_NOT_FOUND = 127, /* as a shell says it: no engine knows this pod */
    SWITCHING_PROTOCOLS = 101,
    EXEC_OUTPUT_BYTES_DEFAULT = 1024 * 1024,
};

static void ask_engines(struct wire *wire, const struct exec_call *call, struct arena *arena,
                        struct exec_result *ret_result) {
    *ret_result = (struct exec_result){.stdout_bytes = SV(""), .stderr_bytes = SV("")};
    for (size_t i = 0; i < wire->engines.count; i++) {
        const struct engine *engine = &wire->engines.items[i];
        if (engine->exec && engine->exec(engine->context, call, arena, ret_result))
            return;
    }
    struct sv command = call->command_count > 0 ? call->command[0] : SV("");
    *ret_result = (struct exec_result){
        .exit_code = EXIT_COMMAND_NOT_FOUND,
        .stdout_bytes = SV(""),
        .stderr_bytes = arena_printf(arena, "%.*s: command not found\n", SV_ARG(command)),
    };
}

/* The container that the exec means when it names none is the pod's first. */
static struct sv container_name(const struct request *request, const struct cJSON *pod) {
    if (!sv_is_empty(request->exec.container))
        return request->exec.container;
    return json_find_string(pod, "spec.containers.0.name");
}

static struct exec_call make_call(struct world *world, const struct request *request,
                                  const struct cJSON *pod) {
    return (struct exec_call){
        .world = world,
        .pod = pod,
        .namespace_name = request->namespace_name,
        .pod_name = request->name,
        .container = container_name(request, pod),
        .command = request->exec.command,
        .command_count = request->exec.command_count,
        .has_stdin = request->exec.has_stdin,
        .stdin_bytes = request->exec.stdin_bytes,
        .output_bytes_max = request->exec.output_bytes_max > 0 ? request->exec.output_bytes_max
                                                               : EXEC_OUTPUT_BYTES_DEFAULT,
        .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : ANSWER_TIMEOUT_MS,
    };
}

static void fill_completion(const struct exec_call *call, const struct exec_result *result,
                            struct completion *completion) {
    completion->err = result->err;
    completion->http_status = SWITCHING_PROTOCOLS;
    if (result->err.code != ERROR_NONE)
        return;
    if (result->stdout_bytes.len > call->output_bytes_max ||
        result->stderr_bytes.len > call->output_bytes_max) {
        error_set(&completion->err, ERROR_TOO_LARGE, "the command printed more than %zu bytes",
                  call->output_bytes_max);
        return;
    }
    completion->exit_code = result->exit_code;
    completion->stdout_bytes = result->stdout_bytes;
    completion->stderr_bytes = result->stderr_bytes;
}

static void set_timeout(struct completion *completion, int64_t timeout_ms) {
    error_set(&completion->err, ERROR_TIMEOUT, "the command did not end within %lld ms",
              (long long)timeout_ms);
}

static void set_lost(struct completion *completion) {
    error_set(&completion->err, ERROR_UNAVAILABLE, "connection reset before the command ended");
}

static void refuse_exec(struct wire *wire, struct queued *queued,
                        const struct api_response *response, const struct request_fate *fate,
                        int64_t now_ms) {
    struct completion completion = wire_end(queued);
    completion.http_status = response->http_status;
    completion.body = response->body;
    api_status_to_error(response->body, response->http_status, &completion.err);
    wire_observe(wire, queued, response->http_status, response->body);
    wire_deliver(queued->client, queued->arena, &completion, now_ms, fate->delay_ms);
}

/* The API server took the exec, but the node's kubelet cannot be reached or has no such process. */
static bool is_gated(struct wire *wire, struct queued *queued, const struct cJSON *pod,
                     struct api_response *response) {
    if (!wire->refuse_exec)
        return false;
    struct sv message = wire->refuse_exec(wire->refuse_exec_context, pod,
                                          container_name(&queued->request, pod), queued->arena);
    if (message.len == 0)
        return false;
    response->http_status = 500;
    response->body = fakeapi_status(queued->arena, 500, "InternalError", message);
    return true;
}

void wire_set_exec_gate(struct wire *wire, wire_refuse_exec *refuse, void *context) {
    wire->refuse_exec = refuse;
    wire->refuse_exec_context = context;
}

/* How long the client waits: to the end of the command and of the fault's delay, which is at
 * most its timeout. Written so that a command that hangs (DEADLINE_NEVER) does not overflow. */
static bool is_in_time(const struct exec_call *call, int64_t duration_ms, int64_t delay_ms) {
    return delay_ms <= call->timeout_ms && duration_ms <= call->timeout_ms - delay_ms;
}

/* --- what happens to its pod before it ends --- */

/* What it ends with is known from its start on; here stands which ones that may still change. */
static void note_execution(struct wire *wire, struct arrival *arrival,
                           const struct running_exec *execution) {
    if (!arrival)
        return;
    arrival->running = *execution;
    arrival->running.pod_uid = arena_copy(arrival->arena, execution->pod_uid);
    arrival->running.container = arena_copy(arrival->arena, execution->container);
    vec_push(&wire->executions, arrival);
}

void wire_forget_execution(struct wire *wire, const struct arrival *arrival) {
    if (sv_is_empty(arrival->running.pod_uid))
        return;
    for (size_t i = 0; i < wire->executions.count; i++)
        if (wire->executions.items[i] == arrival) {
            vec_remove(&wire->executions, i);
            return;
        }
}

/* Its arrival stays in the heap without a receiver, and another one comes instead. */
static void end_execution(struct wire *wire, struct arrival *arrival, enum execution_end how,
                          int64_t now_ms) {
    struct client *client = arrival->client;
    struct arena *arena = arrival->arena;
    struct running_exec execution = arrival->running;
    struct completion completion = {
        .id = arrival->completion.id,
        .type = COMPLETION_EXEC,
        .http_status = SWITCHING_PROTOCOLS,
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
    };
    int64_t delay_ms = 0;
    if (how == EXECUTION_KILLED) {
        completion.exit_code = EXIT_KILLED;
    } else if (how == EXECUTION_LOST) {
        set_lost(&completion);
    } else {
        set_timeout(&completion, execution.timeout_ms);
        delay_ms = execution.started_ms + execution.timeout_ms - now_ms;
    }
    wire_forget_execution(wire, arrival);
    arrival->client = NULL;
    arrival->arena = NULL;
    struct arrival *later = wire_deliver(client, arena, &completion, now_ms, delay_ms);
    note_execution(wire, later, &execution);
}

void wire_end_executions(struct wire *wire, struct sv pod_uid, struct sv container,
                         enum execution_end how, int64_t now_ms) {
    size_t at = 0;
    for (size_t left = wire->executions.count; left > 0; left--) {
        struct arrival *arrival = wire->executions.items[at];
        const struct running_exec *execution = &arrival->running;
        bool is_meant = sv_eq(execution->pod_uid, pod_uid) &&
                        (sv_is_empty(container) || sv_eq(execution->container, container));
        if (is_meant)
            end_execution(wire, arrival, how, now_ms); /* at the end, if it is still there */
        else
            at++;
    }
}

/* --- executions --- */

void wire_exec(struct wire *wire, struct queued *queued, const struct request_fate *fate,
               int64_t now_ms) {
    struct api_response response = {0};
    const struct cJSON *pod = NULL;
    if (!fakeapi_check_exec(wire->options.api, &queued->request, queued->arena, &pod, &response)) {
        refuse_exec(wire, queued, &response, fate, now_ms);
        return;
    }
    if (is_gated(wire, queued, pod, &response)) {
        refuse_exec(wire, queued, &response, fate, now_ms);
        return;
    }
    struct exec_call call = make_call(wire->options.world, &queued->request, pod);
    struct exec_result result;
    ask_engines(wire, &call, queued->arena, &result);
    struct completion completion = wire_end(queued);
    int64_t wait_ms = call.timeout_ms;
    if (!is_in_time(&call, result.duration_ms, fate->delay_ms)) {
        set_timeout(&completion, call.timeout_ms);
    } else if (fate->verdict == VERDICT_LOSE_REPLY) {
        wait_ms = result.duration_ms + fate->delay_ms;
        set_lost(&completion);
    } else {
        wait_ms = result.duration_ms + fate->delay_ms;
        fill_completion(&call, &result, &completion);
    }
    wire_observe(wire, queued, completion.http_status, NULL);
    struct arrival *later =
        wire_deliver(queued->client, queued->arena, &completion, now_ms, wait_ms);
    struct running_exec execution = {.pod_uid = object_uid(pod),
                                     .container = call.container,
                                     .started_ms = now_ms,
                                     .timeout_ms = call.timeout_ms};
    note_execution(wire, later, &execution);
}
