/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/outcome.h"

#include "conformance/sandbox/image.h"
#include "conformance/sandbox/tree.h"
#include "conformance/sandbox/wire.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/vec.h"
#include "core/data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    LOG_BYTES_MAX = 64 * 1024 * 1024,
    LOG_LINES_MAX = 20 * 1000, /* of what a check looks at; the rest is counted as too much */
    CHUNK_BYTES = 65536,
    SIGNAL_OF_FILE_SIZE = 25, /* SIGXFSZ */
};

static struct sv read_file(int folder_fd, const char *name, struct arena *arena) {
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return SV("");
    struct buf buf;
    buf_init(&buf, LOG_BYTES_MAX);
    char chunk[CHUNK_BYTES];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0 &&
           buf_append(&buf, (struct sv){chunk, (size_t)got}))
        ;
    close(fd);
    struct sv bytes = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return bytes;
}

/* --- log --- */

struct logged {
    VEC(struct script_call) calls;
    VEC(struct sv) injections, command_lines, orphans;
    bool has_exit, has_signal, is_serving, is_timed_out, is_too_long;
    int exit_code, signal_number;
};

static void add_call(struct logged *logged, const struct cJSON *line, struct arena *arena) {
    struct script_call call = {
        .program = json_string_or(line, SV("program"), SV("")),
        .is_unknown = json_bool_or(line, SV("unknown"), false),
        .has_effect = json_bool_or(line, SV("effect"), false),
    };
    const struct cJSON *list = json_get(line, SV("args"));
    struct sv *args = ARENA_ARRAY(arena, struct sv, json_count(list) + 1);
    JSON_EACH (item, list)
        args[call.arg_count++] = json_text(item);
    call.args = args;
    vec_push(&logged->calls, call);
}

static void add_line(struct logged *logged, const struct cJSON *line, struct arena *arena) {
    const struct cJSON *value = line ? line->child : NULL;
    struct sv key = value ? json_key(value) : SV("");
    int64_t number = 0;
    (void)json_to_int64(value, &number);
    if (sv_eq(key, SV("call"))) {
        add_call(logged, value, arena);
    } else if (sv_eq(key, SV("injected"))) {
        vec_push(&logged->injections, json_text(value));
    } else if (sv_eq(key, SV("cmdline"))) {
        vec_push(&logged->command_lines, json_text(value));
    } else if (sv_eq(key, SV("orphan"))) {
        vec_push(&logged->orphans, json_text(value));
    } else if (sv_eq(key, SV("serves"))) {
        logged->is_serving = true;
    } else if (sv_eq(key, SV("timedOut"))) {
        logged->is_timed_out = true;
    } else if (sv_eq(key, SV("tooLong"))) {
        logged->is_too_long = true;
    } else if (sv_eq(key, SV("exit"))) {
        logged->has_exit = true;
        logged->exit_code = (int)number;
    } else if (sv_eq(key, SV("signal"))) {
        logged->has_signal = true;
        logged->signal_number = (int)number;
    }
}

/* A script could write to the log; lines that are none of ours are left out. */
static void read_log(struct logged *logged, struct sv text, struct arena *arena) {
    for (size_t count = 0; text.len > 0 && count < LOG_LINES_MAX; count++) {
        struct error err = {0};
        const struct cJSON *line = json_read(arena, sv_cut(&text, '\n'), &err);
        if (line)
            add_line(logged, line, arena);
    }
}

static void take_logged(struct logged *logged, struct arena *arena,
                        struct script_outcome *outcome) {
    vec_move(&logged->calls, arena, outcome->calls, outcome->call_count);
    vec_move(&logged->injections, arena, outcome->injections, outcome->injection_count);
    vec_move(&logged->command_lines, arena, outcome->command_lines, outcome->command_line_count);
    vec_move(&logged->orphans, arena, outcome->orphans, outcome->orphan_count);
    outcome->is_serving = logged->is_serving;
    outcome->exit_code = logged->exit_code;
    outcome->signal_number = logged->signal_number;
}

/* --- state --- */

/* The engine's programs are the image's, and nothing that a script wrote. */
static size_t without_programs(struct script_file *files, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (files[i].type != SCRIPT_LINK || !sv_eq(files[i].bytes, SV(SIM_CLI)))
            files[kept++] = files[i];
    }
    return kept;
}

/* False when more was written than is kept. */
static bool collect(const struct outcome_places *places, const struct script_run *run,
                    struct arena *arena, struct script_state *state) {
    size_t own_count;
    const struct sv *own = image_own_paths(&own_count);
    struct sv *skipped = ARENA_ARRAY(arena, struct sv, own_count + run->read_only_count);
    memcpy(skipped, own, own_count * sizeof(*own));
    for (size_t i = 0; i < run->read_only_count; i++)
        skipped[own_count + i] = run->read_only_paths[i];
    struct script_file *files;
    struct error err = {0};
    if (!tree_collect(places->root_fd, skipped, own_count + run->read_only_count, arena, &files,
                      &state->file_count, &err))
        return false;
    state->file_count = without_programs(files, state->file_count);
    state->files = files;
    return true;
}

static enum script_end end_of(const struct outcome_places *places,
                              const struct process_result *result, const struct logged *logged) {
    if (result->stop == PROCESS_TOO_MUCH_OUTPUT ||
        result->stdout_bytes.len > places->output_bytes_max ||
        result->stderr_bytes.len > places->output_bytes_max)
        return SCRIPT_TOO_MUCH_OUTPUT;
    /* What it left in the background may have filled the disk. */
    bool is_ended = logged->has_exit || logged->has_signal;
    if (result->stop == PROCESS_STOPPED && !is_ended)
        return SCRIPT_TOO_MUCH_WRITTEN;
    if (logged->is_timed_out && !is_ended)
        return SCRIPT_TIMED_OUT;
    if (result->stop == PROCESS_TOO_LONG || (logged->is_too_long && !is_ended))
        return SCRIPT_KILLED;
    if (logged->has_signal)
        return logged->signal_number == SIGNAL_OF_FILE_SIZE ? SCRIPT_TOO_MUCH_WRITTEN
                                                            : SCRIPT_SIGNALLED;
    /* Its last command was stopped for writing too much. */
    if (logged->has_exit && logged->exit_code == 128 + SIGNAL_OF_FILE_SIZE)
        return SCRIPT_TOO_MUCH_WRITTEN;
    return SCRIPT_EXITED;
}

bool outcome_read(const struct outcome_places *places, const struct script_run *run,
                  const struct process_result *result, struct arena *arena,
                  struct script_outcome *ret_outcome, struct error *err) {
    struct logged logged = {0};
    read_log(&logged, read_file(places->run_fd, "log", arena), arena);
    struct script_outcome outcome = {
        .end = end_of(places, result, &logged),
        .stdout_bytes = sv_prefix(result->stdout_bytes, places->output_bytes_max),
        .stderr_bytes = sv_prefix(result->stderr_bytes, places->output_bytes_max),
    };
    bool is_ended = logged.has_exit || logged.has_signal;
    take_logged(&logged, arena, &outcome);
    if (outcome.end == SCRIPT_EXITED && !is_ended)
        outcome.exit_code = result->exit_code; /* bwrap itself failed: it says why on stderr */
    struct error inner = {0};
    const struct cJSON *state =
        json_read(arena, read_file(places->run_fd, "state.json", arena), &inner);
    if (!state && outcome.end == SCRIPT_EXITED)
        return error_set(err, ERROR_INTERNAL, "the simulation's state cannot be read: %.200s",
                         inner.message);
    outcome.duration_ms = json_int_or(state, SV("elapsedMs"), 0);
    outcome.after.tables = json_get(state, SV("tables"));
    if (!collect(places, run, arena, &outcome.after) && outcome.end == SCRIPT_EXITED)
        outcome.end = SCRIPT_TOO_MUCH_WRITTEN;
    *ret_outcome = outcome;
    return true;
}
