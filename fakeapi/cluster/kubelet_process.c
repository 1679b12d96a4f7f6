/* SPDX-License-Identifier: Apache-2.0 */
/* The processes in containers, which are engines': what they do and what they answer. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/wire.h"
#include "fakeapi/cluster/world.h"

enum {
    /* Of a process that nobody knows, in a pod that is to end. */
    UNKNOWN_RUN_MS = 1000,
    PROCESS_TIMEOUT_MS = 3600 * 1000,
    OUTPUT_BYTES_MAX = 1024 * 1024,
    EXIT_NOT_FOUND = 127,
    EXIT_NO_ANSWER = 128,
};

static size_t add_words(const struct cJSON *list, struct sv *words, size_t count) {
    JSON_EACH (word, list)
        words[count++] = json_text(word);
    return count;
}

static struct exec_call make_call(struct kubelet *kubelet, const struct cJSON *pod,
                                  struct sv container) {
    return (struct exec_call){
        .world = kubelet->options.world,
        .pod = pod,
        .namespace_name = object_namespace(pod),
        .pod_name = object_name(pod),
        .container = container,
        .stdin_bytes = SV(""),
        .output_bytes_max = OUTPUT_BYTES_MAX,
        .timeout_ms = PROCESS_TIMEOUT_MS,
    };
}

static bool ask_engine(const struct engine *engine, const struct exec_call *call, bool is_to_end,
                       struct arena *arena, struct exec_result *ret_result) {
    if (engine->run)
        return engine->run(engine->context, call, arena, ret_result);
    return is_to_end && call->command_count > 0 && engine->exec &&
           engine->exec(engine->context, call, arena, ret_result);
}

static bool is_of_job(const struct cJSON *pod) {
    return sv_eq(json_string_or(object_controller_owner(pod), SV("kind"), SV("")), SV("Job"));
}

bool process_ask(struct kubelet *kubelet, const struct sim_pod *sim, const struct cJSON *pod,
                 const struct sim_container *container, struct arena *arena,
                 struct exec_result *ret_result) {
    const struct cJSON *spec = container_spec(pod, container->name);
    const struct cJSON *command = json_get(spec, SV("command"));
    const struct cJSON *arguments = json_get(spec, SV("args"));
    struct sv *words = ARENA_ARRAY(arena, struct sv, json_count(command) + json_count(arguments));
    struct exec_call call = make_call(kubelet, pod, container->name);
    bool is_init = container->is_init && !container->is_sidecar;
    bool is_to_end = !container->is_sidecar && sim->policy != RESTART_ALWAYS;
    call.command = words;
    call.command_count = add_words(arguments, words, add_words(command, words, 0));
    call.has_stdin = json_bool_or(spec, SV("stdin"), false);
    *ret_result = (struct exec_result){.stdout_bytes = SV(""), .stderr_bytes = SV("")};
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        if (!ask_engine(wire_engine_at(kubelet->options.wire, i), &call, is_to_end, arena,
                        ret_result))
            continue;
        if (ret_result->err.code != ERROR_NONE)
            ret_result->exit_code = EXIT_NO_ANSWER;
        return true;
    }
    *ret_result = (struct exec_result){.duration_ms = DEADLINE_NEVER};
    if (is_init)
        ret_result->duration_ms = 0;
    else if (is_to_end && (json_count(command) > 0 || is_of_job(pod)))
        ret_result->duration_ms = UNKNOWN_RUN_MS;
    return false;
}

void process_exec(struct kubelet *kubelet, const struct cJSON *pod, struct sv container,
                  const struct cJSON *command, int64_t timeout_ms, struct arena *arena,
                  struct exec_result *ret_result) {
    struct sv *words = ARENA_ARRAY(arena, struct sv, json_count(command) + 1);
    struct exec_call call = make_call(kubelet, pod, container);
    call.command = words;
    call.command_count = add_words(command, words, 0);
    call.timeout_ms = timeout_ms;
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        const struct engine *engine = wire_engine_at(kubelet->options.wire, i);
        if (engine->exec && engine->exec(engine->context, &call, arena, ret_result))
            return;
    }
    *ret_result = (struct exec_result){
        .exit_code = EXIT_NOT_FOUND, .stdout_bytes = SV(""), .stderr_bytes = SV("")};
}

bool process_has_image(struct kubelet *kubelet, struct sv image) {
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        const struct engine *engine = wire_engine_at(kubelet->options.wire, i);
        if (engine->has_image && !engine->has_image(engine->context, image))
            return false;
    }
    return true;
}

static int64_t hook_ms(struct kubelet *kubelet, const struct cJSON *pod,
                       const struct sim_container *container, int64_t grace_ms) {
    const struct cJSON *hook = json_find(container_spec(pod, container->name), "lifecycle.preStop");
    const struct cJSON *command = json_find(hook, "exec.command");
    if (container->state != CONTAINER_RUNNING)
        return 0;
    /* A hook in a container whose process nobody knows takes no time. */
    if (!command || !container->has_process)
        return 1000 * json_find_int(hook, "sleep.seconds", 0);
    AUTO(arena) arena = arena_new();
    struct exec_result result;
    process_exec(kubelet, pod, container->name, command, grace_ms, arena, &result);
    return result.duration_ms;
}

int64_t process_pre_stop_ms(struct kubelet *kubelet, const struct sim_pod *sim,
                            const struct cJSON *pod, int64_t grace_ms) {
    int64_t longest_ms = 0;
    for (size_t i = 0; i < sim->container_count && grace_ms > 0; i++) {
        int64_t duration_ms = hook_ms(kubelet, pod, &sim->containers[i], grace_ms);
        longest_ms = duration_ms > longest_ms ? duration_ms : longest_ms;
    }
    return longest_ms < grace_ms ? longest_ms : grace_ms;
}
