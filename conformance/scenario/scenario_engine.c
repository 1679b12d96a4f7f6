/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_engine.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/names.h"
#include "fakeapi/cluster/kubelet.h"
#include "fakeapi/cluster/kubelet_files.h"

enum { EXEC_DURATION_MS = 100, OUTPUT_BYTES_MAX = 16 * 1024 * 1024 };

struct scenario_engine {
    const struct scenario *scenario;
    struct world *world;
    void (*executed)(void *context, struct sv role, struct sv entry);
    void *context;
    size_t call_counts[SCENARIO_SCRIPTS_MAX]; /* of each row of `scripts` */
};

struct scenario_engine *scenario_engine_new(const struct scenario *scenario) {
    struct scenario_engine *engine = mem_alloc(sizeof(*engine));
    engine->scenario = scenario;
    return engine;
}

void scenario_engine_free(struct scenario_engine *engine) {
    mem_free(engine);
}

void scenario_engine_attach(struct scenario_engine *engine, struct world *world,
                            void (*executed)(void *context, struct sv role, struct sv entry),
                            void *context) {
    engine->world = world;
    engine->executed = executed;
    engine->context = context;
}

/* --- which entry of which role a command is --- */

static const struct sv roles[] = {{"master", 6}, {"worker", 6}, {"client", 6}};

static bool is_command(const struct cJSON *entry, const struct exec_call *call) {
    const struct cJSON *script = json_get(entry, SV("script"));
    if (script && call->command_count > 0) {
        struct sv last = call->command[call->command_count - 1];
        size_t slash = sv_find_last(last, '/');
        struct sv name = slash < last.len ? sv_drop(last, slash + 1) : last;
        return sv_eq(name, json_string_or(script, SV("key"), SV("")));
    }
    size_t index = 0;
    JSON_EACH (word, json_get(entry, SV("command"))) {
        if (index == call->command_count || !sv_eq(json_text(word), call->command[index]))
            return false;
        index++;
    }
    return index > 0 && index == call->command_count;
}

static bool find_entry(const struct cJSON *class, const struct exec_call *call, struct sv *ret_role,
                       struct sv *ret_entry) {
    struct sv component = object_label(call->pod, LABEL_COMPONENT_NAME);
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        const struct cJSON *role = json_get(json_get(class, SV("topology")), roles[i]);
        if (!sv_ends_with(component, roles[i]))
            continue;
        JSON_EACH (entry, json_get(role, SV("executionEntries"))) {
            if (!is_command(entry, call))
                continue;
            *ret_role = roles[i];
            *ret_entry = json_key(entry);
            return true;
        }
    }
    return false;
}

static bool identify(const struct scenario_objects *objects, const struct exec_call *call,
                     struct sv *ret_role, struct sv *ret_entry) {
    for (size_t i = 0; i < objects->count; i++)
        if (resource_of_object(objects->items[i]) == &RESOURCE_CACHE_RUNTIME_CLASSES &&
            find_entry(objects->items[i], call, ret_role, ret_entry))
            return true;
    return false;
}

static bool identify_anywhere(const struct scenario *scenario, const struct exec_call *call,
                              struct sv *ret_role, struct sv *ret_entry) {
    if (identify(&scenario->objects, call, ret_role, ret_entry))
        return true;
    for (size_t i = 0; i < scenario->step_count; i++)
        if (identify(&scenario->steps[i].applied, call, ret_role, ret_entry))
            return true;
    return false;
}

/* --- what a good engine answers --- */

static struct sv runtime_json_of(struct scenario_engine *engine, const struct exec_call *call,
                                 struct arena *arena) {
    struct kubelet_file *files;
    size_t file_count;
    if (call->has_stdin)
        return call->stdin_bytes;
    if (!kubelet_container_files(engine->world, call->namespace_name, call->pod_name,
                                 call->container, arena, &files, &file_count))
        return SV("");
    for (size_t i = 0; i < file_count; i++)
        if (sv_ends_with(files[i].path, SV("/runtime.json")))
            return files[i].bytes;
    return SV("");
}

static void mount_what_is_listed(struct scenario_engine *engine, const struct exec_call *call,
                                 struct arena *arena, struct exec_result *result) {
    struct error err = {0};
    const struct cJSON *config = json_read(arena, runtime_json_of(engine, call, arena), &err);
    if (!config) {
        result->exit_code = 1;
        result->stderr_bytes = arena_printf(arena, "runtime.json: %s", err.message);
        return;
    }
    struct cJSON *answer = json_map(arena);
    struct cJSON *mounted = json_ensure_list(arena, answer, SV("mounted"));
    JSON_EACH (mount, json_get(config, SV("mounts")))
        if (!mount_is_native(mount))
            json_append(mounted, json_string(arena, json_string_or(mount, SV("path"), SV(""))));
    result->stdout_bytes = json_write_arena(arena, answer, JSON_COMPACT);
}

/* Each worker holds 1 GiB. */
static size_t count_workers(struct scenario_engine *engine, const struct exec_call *call) {
    const struct kubelet *kubelet = world_kubelet(engine->world);
    const struct cJSON *pod;
    size_t count = 0;
    for (size_t i = 0; (pod = kubelet_next_pod(kubelet, &i));)
        count += sv_eq(object_namespace(pod), call->namespace_name) &&
                 sv_eq(object_label(pod, LABEL_RUNTIME_NAME),
                       object_label(call->pod, LABEL_RUNTIME_NAME)) &&
                 sv_ends_with(object_label(pod, LABEL_COMPONENT_NAME), SV("-worker")) &&
                 object_condition_is_true(pod, SV("Ready"));
    return count;
}

static void answer_well(struct scenario_engine *engine, const struct exec_call *call,
                        struct sv entry, struct arena *arena, struct exec_result *result) {
    if (sv_eq(entry, SV("mountUFS")))
        mount_what_is_listed(engine, call, arena, result);
    else if (sv_eq(entry, SV("reportSummary")))
        result->stdout_bytes = arena_printf(arena,
                                            "{\"cacheCapacity\":\"%zu.00GiB\","
                                            "\"cached\":\"0.00B\",\"cachedPercentage\":\"0.0%%\"}",
                                            count_workers(engine, call));
}

/* --- what the scenario says --- */

static const struct cJSON *behaviour(struct scenario_engine *engine, struct sv role,
                                     struct sv entry) {
    size_t row = 0;
    JSON_EACH (script, engine->scenario->scripts) {
        struct sv of_role = json_string_or(script, SV("role"), role);
        bool is_meant = sv_eq(of_role, role) && sv_eq(json_find_string(script, "entry"), entry);
        assert(row < SCENARIO_SCRIPTS_MAX);
        if (is_meant) {
            const struct cJSON *calls = json_get(script, SV("do"));
            size_t call = engine->call_counts[row]++;
            if (!json_is_list(calls))
                return calls;
            /* The last one repeats. */
            size_t count = json_count(calls);
            return count == 0 ? NULL : json_at(calls, call < count ? call : count - 1);
        }
        row++;
    }
    return NULL;
}

static struct sv many_bytes(const struct cJSON *count, struct arena *arena) {
    int64_t bytes;
    if (!json_to_int64(count, &bytes) || bytes > OUTPUT_BYTES_MAX)
        bytes = OUTPUT_BYTES_MAX;
    char *text = arena_alloc(arena, (size_t)bytes + 1);
    memset(text, 'x', (size_t)bytes);
    return (struct sv){text, (size_t)bytes};
}

static void behave(struct scenario_engine *engine, const struct cJSON *how,
                   const struct exec_call *call, struct sv entry, struct arena *arena,
                   struct exec_result *result) {
    result->exit_code = (int)json_int_or(how, SV("exit"), 0);
    if (result->exit_code != 0)
        result->stderr_bytes = SV("failed, as the scenario says");
    else if (json_get(how, SV("lost")))
        (void)!error_set(&result->err, ERROR_UNAVAILABLE, "the connection was lost");
    else if (json_get(how, SV("bytes")))
        result->stdout_bytes = many_bytes(json_get(how, SV("bytes")), arena);
    else if (json_get(how, SV("stdout")))
        result->stdout_bytes = json_text(json_get(how, SV("stdout")));
    else
        answer_well(engine, call, entry, arena, result);
}

static bool exec(void *context, const struct exec_call *call, struct arena *arena,
                 struct exec_result *ret_result) {
    struct scenario_engine *engine = context;
    struct sv role, entry;
    if (!identify_anywhere(engine->scenario, call, &role, &entry))
        return false;
    engine->executed(engine->context, role, entry);
    *ret_result = (struct exec_result){
        .stdout_bytes = SV(""),
        .stderr_bytes = SV(""),
        .duration_ms = EXEC_DURATION_MS,
    };
    const struct cJSON *how = behaviour(engine, role, entry);
    int64_t hang_ms;
    behave(engine, how, call, entry, arena, ret_result);
    if (duration_parse(json_string_or(how, SV("hang"), SV("")), &hang_ms))
        ret_result->duration_ms = hang_ms;
    return true;
}

static int64_t ready_delay_ms(void *context, const struct cJSON *pod, struct sv container) {
    (void)context, (void)pod, (void)container;
    return -1;
}

struct engine scenario_engine_of(struct scenario_engine *engine) {
    return (struct engine){.exec = exec, .ready_delay_ms = ready_delay_ms, .context = engine};
}
