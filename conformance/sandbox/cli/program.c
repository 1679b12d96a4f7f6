/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the engine: the rule that fits answers. */
#include "conformance/sandbox/cli/session.h"
#include "conformance/sandbox/cli/tools.h"
#include "conformance/sandbox/wire.h"
#include "conformance/script/simulation_play.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_NOT_FOUND = 127, EXIT_SIMULATED_FAILURE = 1 };

static struct sv get_env(void *context, struct sv name) {
    struct arena *arena = context;
    return sv_from(getenv(arena_copy(arena, name).ptr));
}

static bool has_file(void *context, struct sv path) {
    struct stat stat_buf;
    return stat(arena_copy(context, path).ptr, &stat_buf) == 0;
}

static struct sv base_name(struct sv path) {
    size_t slash = sv_find_last(path, '/');
    return slash < path.len ? sv_drop(path, slash + 1) : path;
}

/* By the path it was called by, else by its name: a link to it has another path. */
static const struct cJSON *find_program(struct arena *arena, struct sv name) {
    struct error err = {0};
    const struct cJSON *root = json_read(arena, file_read(arena, SIM_PROGRAMS), &err);
    const struct cJSON *programs = json_get(root, SV("programs"));
    const struct cJSON *program = simulation_program(programs, name);
    return program ? program : simulation_program(programs, base_name(name));
}

static bool make_parents(struct arena *arena, struct sv path) {
    for (size_t i = 1; i < path.len; i++) {
        if (path.ptr[i] == '/' && mkdir(arena_copy(arena, sv_prefix(path, i)).ptr, 0755) != 0 &&
            errno != EEXIST)
            return false;
    }
    return true;
}

/* A program that cannot save what it is to save fails, and does not serve either. */
static void write_files(struct arena *arena, const struct play_call *call,
                        struct play_result *result) {
    for (size_t i = 0; i < result->write_count; i++) {
        struct sv path = result->writes[i].path;
        if (make_parents(arena, path) &&
            file_write(arena_copy(arena, path).ptr, result->writes[i].text))
            continue;
        result->exit_code = EXIT_SIMULATED_FAILURE;
        result->is_serving = false;
        result->stdout_bytes = SV("");
        result->stderr_bytes = arena_printf(arena, "%.*s: %.*s: %s\n", SV_ARG(call->program_name),
                                            SV_ARG(path), strerror(errno));
        return;
    }
}

static void log_call(struct arena *arena, const struct play_call *call,
                     const struct play_result *result) {
    struct cJSON *line = json_map(arena);
    json_set_string(arena, line, SV("program"), call->program_name);
    struct cJSON *args = json_ensure_list(arena, line, SV("args"));
    for (size_t i = 0; i < call->arg_count; i++)
        json_append(args, json_string(arena, call->args[i]));
    json_set_bool(arena, line, SV("unknown"), result->rule == NULL);
    json_set_bool(arena, line, SV("effect"), result->has_effect);
    session_log(arena, SV("call"), line);
}

static void print_result(const struct play_result *result) {
    fwrite(result->stdout_bytes.ptr, 1, result->stdout_bytes.len, stdout);
    fflush(stdout);
    fwrite(result->stderr_bytes.ptr, 1, result->stderr_bytes.len, stderr);
}

/* The tables as they are unless the call is made to fail, then as they were. */
static void play(struct session_file *session, const struct play_call *call, bool fails,
                 struct play_result *result) {
    struct arena *arena = session->arena;
    struct cJSON *tables = json_ensure_map(arena, session->state, SV("tables"));
    struct cJSON *after = json_copy(arena, tables);
    simulation_play(call, after, arena, result);
    if (fails && result->has_effect) {
        result->exit_code = EXIT_SIMULATED_FAILURE;
        result->stdout_bytes = SV("");
        result->stderr_bytes = arena_printf(arena, "%.*s: the backend refuses (simulated)\n",
                                            SV_ARG(call->program_name));
        result->write_count = 0;
        return;
    }
    json_set(arena, session->state, SV("tables"), after);
}

static int run_call(struct arena *arena, const struct play_call *call) {
    struct session_file session = session_take(arena);
    struct sv fault = json_string_or(session.call, SV("fault"), SV(""));
    bool is_start = json_bool_or(session.call, SV("isStart"), false);
    struct play_result result;
    if (sv_eq(fault, SV("hang")))
        session_spend(&session, INT64_MAX);
    play(&session, call, sv_eq(fault, SV("fail")), &result);
    log_call(arena, call, &result);
    if (json_bool_or(session.call, SV("watches"), false))
        session_log_command_lines(arena, SV("cmdline"), false);
    write_files(arena, call, &result);
    if (result.is_serving)
        session_log(arena, SV("serves"), json_bool(arena, true));
    session_spend(&session, result.is_serving && !is_start ? INT64_MAX : result.takes_ms);
    print_result(&result);
    return result.exit_code;
}

int run_program(int argc, char **argv) {
    AUTO(arena) arena = arena_new();
    struct play_call call = {
        .program = find_program(arena, sv_from(argv[0])),
        .program_name = base_name(sv_from(argv[0])),
        .arg_count = (size_t)argc - 1,
        .get_env = get_env,
        .has_file = has_file,
        .context = arena,
    };
    if (!call.program) {
        fprintf(stderr, "%s: not found\n", argv[0]);
        return EXIT_NOT_FOUND;
    }
    if (call.arg_count > PLAY_ARGUMENTS_MAX) {
        fprintf(stderr, "%s: more than %d arguments\n", argv[0], PLAY_ARGUMENTS_MAX);
        return EXIT_SIMULATED_FAILURE;
    }
    struct sv *args = ARENA_ARRAY(arena, struct sv, call.arg_count + 1);
    for (size_t i = 0; i < call.arg_count; i++)
        args[i] = sv_from(argv[i + 1]);
    call.args = args;
    return run_call(arena, &call);
}
