/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/script_stage.h"

#include "conformance/script/simulation.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum {
    START_TIMEOUT_MS = 300 * 1000, /* kubelet would have lost patience */
    SIGNATURE_BYTES_MAX = 32 * 1024 * 1024,
};

#define CONFIG_VARIABLE SV("FLUID_RUNTIME_CONFIG_PATH")

void stage_init(struct script_stage *stage, const struct script_rendering *rendering) {
    stage->rendering = *rendering;
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        stage->states[role] = (struct script_state){0};
        stage->has_started[role] = false;
    }
}

/* --- the configuration elsewhere --- */

static struct sv folder_of(struct sv path) {
    return sv_prefix(path, sv_find_last(path, '/'));
}

/* Moves runtime.json, and tells the script by the variable that it is to read. */
static void move_config(const struct script_stage *stage, struct script_run *run) {
    struct arena *arena = stage->arena;
    struct sv old = SV("");
    struct script_variable *variables =
        ARENA_ARRAY(arena, struct script_variable, run->variable_count + 1);
    for (size_t i = 0; i < run->variable_count; i++) {
        variables[i] = run->variables[i];
        if (!sv_eq(variables[i].name, CONFIG_VARIABLE))
            continue;
        old = variables[i].value;
        variables[i].value = stage->moved_config_path;
    }
    struct script_file *files = ARENA_ARRAY(arena, struct script_file, run->volume_file_count + 1);
    for (size_t i = 0; i < run->volume_file_count; i++) {
        files[i] = run->volume_files[i];
        if (sv_eq(files[i].path, old))
            files[i].path = stage->moved_config_path;
    }
    struct sv *paths = ARENA_ARRAY(arena, struct sv, run->read_only_count + 1);
    for (size_t i = 0; i < run->read_only_count; i++) {
        paths[i] = run->read_only_paths[i];
        if (sv_eq(paths[i], folder_of(old)))
            paths[i] = folder_of(stage->moved_config_path);
    }
    run->variables = variables;
    run->volume_files = files;
    run->read_only_paths = paths;
}

/* --- tables that the whole runtime shares --- */

static const struct cJSON *own_tables(const struct script_stage *stage, enum role role) {
    struct arena *arena = stage->arena;
    struct cJSON *tables = json_map(arena);
    JSON_EACH (table, stage->states[role].tables) {
        if (!simulation_is_shared(stage->simulation, json_key(table)))
            json_set(arena, tables, json_key(table), json_copy(arena, table));
    }
    for (enum role other = 0; other < ROLE_COUNT; other++) {
        JSON_EACH (table, stage->states[other].tables) {
            if (simulation_is_shared(stage->simulation, json_key(table)))
                json_set(arena, tables, json_key(table), json_copy(arena, table));
        }
    }
    return tables;
}

static void share_tables(struct script_stage *stage, enum role role) {
    struct arena *arena = stage->arena;
    for (enum role other = 0; other < ROLE_COUNT; other++) {
        if (other == role)
            continue;
        struct cJSON *tables = stage->states[other].tables
                                   ? json_copy(arena, stage->states[other].tables)
                                   : json_map(arena);
        JSON_EACH (table, stage->states[role].tables) {
            if (simulation_is_shared(stage->simulation, json_key(table)))
                json_set(arena, tables, json_key(table), json_copy(arena, table));
        }
        stage->states[other].tables = tables;
    }
}

/* --- runs --- */

static bool run_in(struct script_stage *stage, enum role role, const struct cJSON *container,
                   struct script_run *run, struct script_outcome *ret_outcome) {
    if (stage->err->code != ERROR_NONE)
        return false;
    script_container(stage->rendering.pods[role], container, &stage->rendering.objects, NULL,
                     stage->arena, run);
    if (stage->moved_config_path.len > 0)
        move_config(stage, run);
    run->fault = stage->fault;
    run->before = stage->states[role];
    run->before.tables = own_tables(stage, role);
    run->watches_command_lines = true;
    run->output_bytes_max = SCRIPT_OUTPUT_BYTES_MAX;
    if (run->is_start)
        run->command_count = script_command(container, run, stage->arena, &run->command);
    if (run->command_count == 0)
        return false;
    return stage->runner->run(stage->runner->context, run, stage->arena, ret_outcome, stage->err);
}

void stage_start(struct script_stage *stage, enum role role) {
    const struct cJSON *pod = stage->rendering.pods[role];
    const struct cJSON *container = script_find_container(pod, SV(""));
    if (!container || json_count(json_get(container, SV("command"))) == 0)
        return;
    struct script_run run = {
        .is_start = true, .timeout_ms = START_TIMEOUT_MS, .stdin_bytes = SV("")};
    if (!run_in(stage, role, container, &run, &stage->starts[role]))
        return;
    stage->has_started[role] = true;
    stage->states[role] = stage->starts[role].after;
    share_tables(stage, role);
}

void stage_start_all(struct script_stage *stage) {
    for (enum role role = 0; role < ROLE_COUNT; role++)
        stage_start(stage, role);
}

bool stage_is_good(const struct script_stage *stage, enum role *ret_role) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (stage->has_started[role] && !script_succeeded(&stage->starts[role])) {
            *ret_role = role;
            return false;
        }
    }
    return true;
}

bool stage_entry(struct script_stage *stage, enum role role, const struct cJSON *entry,
                 bool keeps_state, struct script_outcome *ret_outcome) {
    const struct cJSON *container = script_find_container(stage->rendering.pods[role], SV(""));
    if (!container)
        return false;
    struct script_run run = {.timeout_ms = script_entry_timeout_ms(entry), .stdin_bytes = SV("")};
    run.command_count = script_entry_command(entry, stage->arena, &run.command, &run.has_stdin);
    if (run.has_stdin)
        run.stdin_bytes = stage->rendering.runtime_json;
    if (!run_in(stage, role, container, &run, ret_outcome))
        return false;
    if (keeps_state) {
        stage->states[role] = ret_outcome->after;
        share_tables(stage, role);
    }
    return true;
}

bool stage_can_see(const struct script_stage *stage, enum role role, const struct cJSON *entry) {
    const struct sv *words;
    bool has_stdin;
    if (script_entry_command(entry, stage->arena, &words, &has_stdin) == 0)
        return false;
    struct sv program = words[0];
    if (sv_starts_with(program, SV("/bin/")) || sv_starts_with(program, SV("/usr/bin/")) ||
        sv_find(program, '/') == program.len)
        return true;
    JSON_EACH (item, stage->simulation->programs) {
        if (sv_eq(json_string_or(item, SV("path"), SV("")), program))
            return true;
    }
    JSON_EACH (item, stage->simulation->files) {
        if (sv_eq(json_string_or(item, SV("path"), SV("")), program))
            return true;
    }
    /* Below a mount of the class, it must be there. */
    const struct cJSON *container = script_find_container(stage->rendering.pods[role], SV(""));
    struct script_run run = {0};
    script_container(stage->rendering.pods[role], container, &stage->rendering.objects, NULL,
                     stage->arena, &run);
    for (size_t i = 0; i < run.read_only_count; i++) {
        if (sv_starts_with(program, run.read_only_paths[i]) &&
            program.ptr[run.read_only_paths[i].len] == '/')
            return true;
    }
    return false;
}

/* --- signatures --- */

static bool is_own_file(struct sv path) {
    static const struct sv own[] = {SV("/etc/passwd"), SV("/etc/group"), SV("/etc/nsswitch.conf")};
    return sv_index_of(path, own, COUNT_OF(own)) < COUNT_OF(own);
}

/* Names that mktemp chose differ from run to run; what they hold was moved or read before. */
static bool is_temporary(struct sv path) {
    return sv_starts_with(path, SV("/tmp/")) || sv_starts_with(path, SV("/var/tmp/")) ||
           sv_contains(path, SV("/__pycache__"));
}

static bool add_calls(struct buf *out, const struct script_outcome *outcome) {
    bool has_room = true;
    for (size_t i = 0; i < outcome->call_count; i++) {
        const struct script_call *call = &outcome->calls[i];
        has_room = has_room && buf_printf(out, "call %.*s", SV_ARG(call->program));
        for (size_t j = 0; j < call->arg_count; j++)
            has_room = has_room && buf_append_byte(out, ' ') && buf_append(out, call->args[j]);
        has_room = has_room && buf_append_byte(out, '\n');
    }
    return has_room;
}

static bool add_files(struct buf *out, const struct script_outcome *outcome) {
    bool has_room = true;
    for (size_t i = 0; i < outcome->after.file_count; i++) {
        const struct script_file *file = &outcome->after.files[i];
        if (file->type == SCRIPT_DIRECTORY || is_own_file(file->path) || is_temporary(file->path))
            continue;
        has_room = has_room && buf_printf(out, "file %.*s\n", SV_ARG(file->path)) &&
                   buf_append(out, file->bytes) && buf_append_byte(out, '\n');
    }
    return has_room;
}

struct sv stage_signature(const struct script_outcome *outcome, struct arena *arena) {
    struct buf out;
    buf_init(&out, SIGNATURE_BYTES_MAX);
    struct sv end = script_end_text(outcome->end);
    bool has_room = buf_printf(&out, "%.*s %d\n", SV_ARG(end), outcome->exit_code) &&
                    add_calls(&out, outcome) && buf_append(&out, outcome->stdout_bytes) &&
                    buf_append_byte(&out, '\n') && add_files(&out, outcome);
    (void)has_room; /* both sides of a comparison are cut at the same place */
    struct sv signature = arena_copy(arena, buf_view(&out));
    buf_release(&out);
    return signature;
}

struct sv stage_start_signature(const struct script_stage *stage, struct arena *arena) {
    struct sv all = SV("");
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (!stage->has_started[role])
            continue;
        struct sv name = role_text(role), one = stage_signature(&stage->starts[role], arena);
        all = arena_printf(arena, "%.*sstart of %.*s %.*s", SV_ARG(all), SV_ARG(name), SV_ARG(one));
    }
    return all;
}
