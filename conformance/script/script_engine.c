/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_engine.h"

#include "conformance/script/script_container.h"
#include "conformance/script/simulation.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"
#include "fakeapi/cluster/kubelet_files.h"

enum {
    START_TIMEOUT_MS = 300 * 1000,
    STATES_MAX = 4096, /* containers of one certification */
};

/* What one container keeps. */
struct container_state {
    bool is_started; /* its own process was run, or there is none to run */
    struct arena *arena;
    struct script_state state;
};

struct script_engine {
    const struct simulation *simulation;
    const struct script_runner *runner;
    struct map *containers; /* "uid/container" to container_state */
    struct map *shared;     /* a runtime's key to container_state: tables only */
    /* The session of the last call: in a new one runtimes have the names of the old one's. */
    const struct world *world;
    int64_t now_ms;
};

struct script_engine *script_engine_new(const struct simulation *simulation,
                                        const struct script_runner *runner) {
    struct script_engine *engine = mem_alloc(sizeof(*engine));
    engine->simulation = simulation;
    engine->runner = runner;
    engine->containers = map_new();
    engine->shared = map_new();
    return engine;
}

static void free_states(struct map *states) {
    size_t cursor = 0;
    void *value;
    while (map_next(states, &cursor, NULL, &value)) {
        struct container_state *state = value;
        arena_free(state->arena);
        mem_free(state);
    }
    map_free(states);
}

void script_engine_free(struct script_engine *engine) {
    if (!engine)
        return;
    free_states(engine->containers);
    free_states(engine->shared);
    mem_free(engine);
}

/* --- state --- */

static struct container_state *state_of(struct map *states, struct sv key) {
    struct container_state *state = map_get(states, key);
    if (state)
        return state;
    state = mem_alloc(sizeof(*state));
    state->arena = arena_new();
    map_put(states, key, state);
    return state;
}

static struct sv container_key(struct arena *arena, const struct cJSON *pod, struct sv container) {
    return arena_printf(arena, "%.*s/%.*s", SV_ARG(object_uid(pod)), SV_ARG(container));
}

static struct sv runtime_key(struct arena *arena, const struct cJSON *pod) {
    return object_key(arena, object_namespace(pod), object_label(pod, LABEL_RUNTIME_NAME));
}

static void set_tables(struct container_state *state, const struct script_engine *engine,
                       const struct cJSON *tables, bool is_shared) {
    struct cJSON *kept = json_map(state->arena);
    JSON_EACH (table, tables) {
        if (simulation_is_shared(engine->simulation, json_key(table)) == is_shared)
            json_set(state->arena, kept, json_key(table), json_copy(state->arena, table));
    }
    state->state.tables = kept;
}

static void set_files(struct container_state *state, const struct script_state *from) {
    struct script_file *files = ARENA_ARRAY(state->arena, struct script_file, from->file_count + 1);
    for (size_t i = 0; i < from->file_count; i++) {
        files[i] = from->files[i];
        files[i].path = arena_copy(state->arena, from->files[i].path);
        files[i].bytes = arena_copy(state->arena, from->files[i].bytes);
    }
    state->state.files = files;
    state->state.file_count = from->file_count;
}

/* Nothing is left of an earlier session: another world, or one in which time began again. */
static void notice_session(struct script_engine *engine, struct world *world) {
    int64_t now_ms = world_now_ms(world);
    if (world != engine->world || now_ms < engine->now_ms) {
        free_states(engine->shared);
        engine->shared = map_new();
    }
    engine->world = world;
    engine->now_ms = now_ms;
}

/* --- runs --- */

struct running {
    struct script_engine *engine;
    const struct exec_call *call;
    const struct cJSON *container;
    struct container_state *own, *shared;
    struct arena *arena;
};

static const struct cJSON *all_tables(const struct running *running) {
    struct cJSON *tables = json_map(running->arena);
    const struct container_state *parts[] = {running->own, running->shared};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        JSON_EACH (table, parts[i]->state.tables)
            json_set(running->arena, tables, json_key(table), json_copy(running->arena, table));
    }
    return tables;
}

/* Secrets that a pod mounts hold canaries for whatever runtime.json says is in them. */
static void find_secret_keys(const struct running *running, struct sv runtime_json,
                             struct script_objects *objects) {
    static const struct sv folder = SV("/etc/fluid/secrets/");
    struct error err = {0};
    const struct cJSON *root = json_read(running->arena, runtime_json, &err);
    JSON_EACH (mount, json_get(root, SV("mounts"))) {
        JSON_EACH (option, json_get(mount, SV("encryptOptions"))) {
            struct sv rest = json_text(option);
            if (!sv_starts_with(rest, folder))
                continue;
            rest = sv_drop(rest, folder.len);
            struct sv name = sv_cut(&rest, '/');
            script_add_secret_key(objects, name, rest, running->arena);
        }
    }
}

/* What the container sees of the API's objects at this moment. */
static bool find_files(const struct running *running, struct script_files *ret_files,
                       struct script_objects *ret_objects) {
    const struct exec_call *call = running->call;
    struct kubelet_file *seen;
    size_t count;
    if (!kubelet_container_files(call->world, call->namespace_name, call->pod_name, call->container,
                                 running->arena, &seen, &count))
        return false;
    struct script_file *files = ARENA_ARRAY(running->arena, struct script_file, count + 1);
    struct sv runtime_json = SV("");
    for (size_t i = 0; i < count; i++) {
        files[i] =
            (struct script_file){SCRIPT_FILE, seen[i].path, (unsigned)seen[i].mode, seen[i].bytes};
        if (sv_ends_with(seen[i].path, SV("/runtime.json")))
            runtime_json = seen[i].bytes;
    }
    *ret_files = (struct script_files){files, count};
    find_secret_keys(running, call->has_stdin ? call->stdin_bytes : runtime_json, ret_objects);
    return true;
}

static bool run(const struct running *running, struct script_run *script,
                struct script_outcome *ret_outcome, struct error *err) {
    script->before = running->own->state;
    script->before.tables = all_tables(running);
    script->watches_command_lines = true;
    if (!running->engine->runner->run(running->engine->runner->context, script, running->arena,
                                      ret_outcome, err))
        return false;
    set_tables(running->own, running->engine, ret_outcome->after.tables, false);
    set_tables(running->shared, running->engine, ret_outcome->after.tables, true);
    set_files(running->own, &ret_outcome->after);
    return true;
}

/* The container's own process comes before the first execution in it. */
static bool run_start(const struct running *running, const struct script_files *files,
                      const struct script_objects *objects, struct error *err) {
    struct script_run script = {
        .is_start = true, .timeout_ms = START_TIMEOUT_MS, .stdin_bytes = SV("")};
    struct script_outcome outcome;
    running->own->is_started = true;
    script_container(running->call->pod, running->container, objects, files, running->arena,
                     &script);
    script.output_bytes_max = SCRIPT_OUTPUT_BYTES_MAX;
    script.command_count =
        script_command(running->container, &script, running->arena, &script.command);
    return script.command_count == 0 || run(running, &script, &outcome, err);
}

static void answer(const struct script_outcome *outcome, const struct exec_call *call,
                   struct arena *arena, struct exec_result *result) {
    *result = (struct exec_result){
        .exit_code =
            outcome->end == SCRIPT_SIGNALLED ? 128 + outcome->signal_number : outcome->exit_code,
        .stdout_bytes = arena_copy(arena, outcome->stdout_bytes),
        .stderr_bytes = arena_copy(arena, outcome->stderr_bytes),
        .duration_ms = outcome->duration_ms,
    };
    if (outcome->end == SCRIPT_TIMED_OUT || outcome->end == SCRIPT_KILLED)
        result->duration_ms = DEADLINE_NEVER;
    if (outcome->end == SCRIPT_TOO_MUCH_OUTPUT)
        error_set(&result->err, ERROR_TOO_LARGE, "the command printed more than %zu bytes",
                  call->output_bytes_max);
    if (outcome->end == SCRIPT_TOO_MUCH_WRITTEN)
        error_set(&result->err, ERROR_TOO_LARGE, "the command wrote more than fits");
}

static bool exec_in(const struct running *running, struct exec_result *ret_result) {
    const struct exec_call *call = running->call;
    struct script_files files;
    struct script_objects objects = {0};
    struct error err = {0};
    struct script_outcome outcome;
    if (!find_files(running, &files, &objects))
        return false;
    struct script_run script = {
        .command = call->command,
        .command_count = call->command_count,
        .has_stdin = call->has_stdin,
        .stdin_bytes = call->has_stdin ? call->stdin_bytes : SV(""),
        .timeout_ms = call->timeout_ms,
        .output_bytes_max = call->output_bytes_max,
    };
    bool is_run = running->own->is_started || run_start(running, &files, &objects, &err);
    script_container(call->pod, running->container, &objects, &files, running->arena, &script);
    if (is_run && run(running, &script, &outcome, &err))
        answer(&outcome, call, running->arena, ret_result);
    else
        *ret_result =
            (struct exec_result){.err = err, .stdout_bytes = SV(""), .stderr_bytes = SV("")};
    return true;
}

static bool exec(void *context, const struct exec_call *call, struct arena *arena,
                 struct exec_result *ret_result) {
    struct script_engine *engine = context;
    const struct cJSON *container = script_find_container(call->pod, call->container);
    if (!engine->runner || !container || object_label(call->pod, LABEL_RUNTIME_NAME).len == 0 ||
        map_count(engine->containers) >= STATES_MAX)
        return false;
    notice_session(engine, call->world);
    struct running running = {
        .engine = engine,
        .call = call,
        .container = container,
        .own = state_of(engine->containers, container_key(arena, call->pod, call->container)),
        .shared = state_of(engine->shared, runtime_key(arena, call->pod)),
        .arena = arena,
    };
    return exec_in(&running, ret_result);
}

/* --- readiness and restarts --- */

static int64_t ready_delay_ms(void *context, const struct cJSON *pod, struct sv container) {
    const struct script_engine *engine = context;
    struct sv component = object_label(pod, LABEL_COMPONENT_NAME);
    const struct cJSON *first = script_find_container(pod, SV(""));
    if (!sv_eq(json_string_or(first, SV("name"), SV("")), container))
        return -1;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (sv_ends_with(component, role_text(role)))
            return engine->simulation->ready_after_ms[role];
    }
    return -1;
}

static void container_started(void *context, const struct cJSON *pod, struct sv container) {
    struct script_engine *engine = context;
    AUTO(arena) arena = arena_new();
    struct container_state *state =
        map_remove(engine->containers, container_key(arena, pod, container));
    if (!state)
        return;
    arena_free(state->arena);
    mem_free(state);
}

struct engine script_engine_of(struct script_engine *engine) {
    return (struct engine){.exec = exec,
                           .ready_delay_ms = ready_delay_ms,
                           .container_started = container_started,
                           .context = engine};
}
