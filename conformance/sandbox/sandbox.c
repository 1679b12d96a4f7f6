/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/sandbox.h"

#include "conformance/sandbox/image.h"
#include "conformance/sandbox/outcome.h"
#include "conformance/sandbox/process.h"
#include "conformance/sandbox/tree.h"
#include "conformance/sandbox/wire.h"
#include "conformance/simulation.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#define BWRAP "/usr/bin/bwrap"

enum {
    FOLDER_BYTES_MAX = 256,
    REMEMBERED_MAX = 4096,
    KEY_BYTES_MAX = 128 * 1024 * 1024,
    OVERHEAD_BYTES = 64 * 1024, /* of a sanitizer's complaints on stderr */
    OVERTIME_GRACE_MS = 40,
    DISK_CHECK_MS = 300, /* most scripts are done by then */
};
#define DISK_BYTES_MAX (UINT64_C(256) << 20)
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct sandbox {
    const struct simulation *simulation;
    char folder[FOLDER_BYTES_MAX]; /* image/, root/ and run/ are in it */
    int folder_fd, root_fd, run_fd;
    struct arena *arena; /* of what is remembered */
    struct map *outcomes;
    int64_t overtime_since_ms; /* of the run at hand; negative: not past its virtual time */
    uint64_t run_count, remembered_count;
};

/* --- the folder --- */

/* Files are made as the user that scripts run as. */
static void act_unprivileged(bool is_on) {
    if (geteuid() != 0)
        return;
    setfsgid(is_on ? PROCESS_ID_UNPRIVILEGED : getegid());
    setfsuid(is_on ? PROCESS_ID_UNPRIVILEGED : geteuid());
}

static bool try_folder(struct sandbox *sandbox, const char *parent) {
    int len = snprintf(sandbox->folder, sizeof(sandbox->folder), "%s/crctl-XXXXXX", parent);
    if (len < 0 || (size_t)len >= sizeof(sandbox->folder) || !mkdtemp(sandbox->folder)) {
        sandbox->folder[0] = 0;
        return false;
    }
    if (geteuid() == 0 &&
        chown(sandbox->folder, PROCESS_ID_UNPRIVILEGED, PROCESS_ID_UNPRIVILEGED) != 0)
        return false;
    return chmod(sandbox->folder, 0755) == 0;
}

static int open_part(const struct sandbox *sandbox, const char *name) {
    (void)!mkdirat(sandbox->folder_fd, name, 0755);
    return openat(sandbox->folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool make_folder(struct sandbox *sandbox, struct error *err) {
    const char *parent = getenv("TMPDIR");
    /* Each run makes its container's files anew: in memory that costs next to nothing. */
    if (!(parent && parent[0] == '/' && try_folder(sandbox, parent)) &&
        !try_folder(sandbox, "/dev/shm") && !try_folder(sandbox, "/tmp"))
        return error_set(err, ERROR_UNSUPPORTED, "no folder for the sandbox below /tmp: %s",
                         strerror(errno));
    sandbox->folder_fd = open(sandbox->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->folder_fd < 0)
        return error_set(err, ERROR_UNSUPPORTED, "%s: %s", sandbox->folder, strerror(errno));
    act_unprivileged(true);
    sandbox->root_fd = open_part(sandbox, "root");
    sandbox->run_fd = open_part(sandbox, "run");
    int image_fd = open_part(sandbox, "image");
    bool is_good = image_fd >= 0 && sandbox->root_fd >= 0 && sandbox->run_fd >= 0;
    if (!is_good)
        error_set(err, ERROR_UNSUPPORTED, "%s: %s", sandbox->folder, strerror(errno));
    else
        is_good = image_make(image_fd, sandbox->simulation, sandbox->arena, err);
    act_unprivileged(false);
    if (image_fd >= 0)
        close(image_fd);
    return is_good;
}

/* --- the command line of bwrap --- */

struct arguments {
    struct arena *arena;
    VEC(const char *) list;
};

static void add_argument(struct arguments *arguments, struct sv text) {
    vec_push(&arguments->list, arena_copy(arguments->arena, text).ptr);
}

#define ADD(arguments, ...) add_arguments((arguments), (const char *const[]){__VA_ARGS__, NULL})

static void add_arguments(struct arguments *arguments, const char *const *texts) {
    for (size_t i = 0; texts[i]; i++)
        add_argument(arguments, sv_from(texts[i]));
}

static void add_bind(struct arguments *arguments, const struct sandbox *sandbox, const char *option,
                     const char *from, const char *to) {
    ADD(arguments, option);
    add_argument(arguments, arena_printf(arguments->arena, "%s/%s", sandbox->folder, from));
    ADD(arguments, to);
}

static void add_file_system(struct arguments *arguments, const struct sandbox *sandbox) {
    ADD(arguments, BWRAP, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop",
        "ALL", "--uid", "65534", "--gid", "65534", "--clearenv");
    add_bind(arguments, sandbox, "--bind", "root", "/");
    ADD(arguments, "--ro-bind", "/usr/lib", "/usr/lib", "--ro-bind-try", "/usr/lib64",
        "/usr/lib64");
    add_bind(arguments, sandbox, "--ro-bind", "image/bin", "/usr/bin");
    add_bind(arguments, sandbox, "--ro-bind", "image/cli", SIM_CLI);
    add_bind(arguments, sandbox, "--ro-bind", "image/programs.json", SIM_PROGRAMS);
    add_bind(arguments, sandbox, "--bind", "run", SIM_RUN);
    ADD(arguments, "--ro-bind", "/usr/bin", SIM_HOST, "--proc", "/proc", "--dev", "/dev");
}

static void add_environment(struct arguments *arguments, const struct script_run *run) {
    ADD(arguments, "--setenv", "PATH", PATH_DEFAULT, "--setenv", "HOME", "/root");
    if (run->host_name.len > 0) {
        ADD(arguments, "--setenv", "HOSTNAME");
        add_argument(arguments, run->host_name);
    }
    for (size_t i = 0; i < run->variable_count; i++) {
        ADD(arguments, "--setenv");
        add_argument(arguments, run->variables[i].name);
        add_argument(arguments, run->variables[i].value);
    }
}

static const char *const *make_arguments(const struct sandbox *sandbox,
                                         const struct script_run *run, struct arena *arena) {
    struct arguments arguments = {.arena = arena};
    add_file_system(&arguments, sandbox);
    for (size_t i = 0; i < run->read_only_count; i++) {
        struct sv path = run->read_only_paths[i];
        ADD(&arguments, "--ro-bind");
        add_argument(&arguments, arena_printf(arena, "%s/root%.*s", sandbox->folder, SV_ARG(path)));
        add_argument(&arguments, path);
    }
    if (run->host_name.len > 0) {
        ADD(&arguments, "--hostname");
        add_argument(&arguments, run->host_name);
    }
    add_environment(&arguments, run);
    ADD(&arguments, "--chdir");
    add_argument(&arguments, run->working_directory.len > 0 ? run->working_directory : SV("/"));
    ADD(&arguments, SIM_FOLDER "/" SIM_INIT);
    for (size_t i = 0; i < run->command_count; i++)
        add_argument(&arguments, run->command[i]);
    const char **argv = ARENA_ARRAY(arena, const char *, arguments.list.count + 1);
    memcpy(argv, arguments.list.items, arguments.list.count * sizeof(*argv));
    vec_release(&arguments.list);
    return argv;
}

/* --- what a run finds --- */

static bool put_files(int root_fd, const struct script_file *files, size_t count,
                      struct error *err) {
    for (size_t i = 0; i < count; i++) {
        if (!tree_put(root_fd, &files[i], err))
            return false;
    }
    return true;
}

/* What the image of a fresh container has. */
static bool put_image_files(struct sandbox *sandbox, struct error *err) {
    const struct simulation *simulation = sandbox->simulation;
    JSON_EACH (declared, simulation ? simulation->files : NULL) {
        struct script_file file = {.path = json_string_or(declared, SV("path"), SV("")),
                                   .bytes = json_string_or(declared, SV("text"), SV(""))};
        struct sv mode = json_string_or(declared, SV("mode"), SV("0644"));
        for (size_t i = 0; i < mode.len; i++)
            file.mode = file.mode * 8 + (unsigned)(mode.ptr[i] - '0');
        if (!tree_put(sandbox->root_fd, &file, err))
            return false;
    }
    return true;
}

/* A volume's mount point must exist, and may be a file that is there by now. */
static bool has_volume_file(const struct script_run *run, struct sv path) {
    for (size_t i = 0; i < run->volume_file_count; i++) {
        if (sv_eq(run->volume_files[i].path, path))
            return true;
    }
    return false;
}

static bool put_folders(struct sandbox *sandbox, const struct script_run *run, struct error *err) {
    for (size_t i = 0; i < run->folder_count; i++) {
        if (!tree_folder(sandbox->root_fd, run->folders[i], err))
            return false;
    }
    for (size_t i = 0; i < run->read_only_count; i++) {
        if (!has_volume_file(run, run->read_only_paths[i]) &&
            !tree_folder(sandbox->root_fd, run->read_only_paths[i], err))
            return false;
    }
    return run->working_directory.len == 0 ||
           tree_folder(sandbox->root_fd, run->working_directory, err);
}

static bool put_call(struct sandbox *sandbox, const struct script_run *run, struct arena *arena,
                     struct error *err) {
    static const struct sv faults[] = {SV(""), SV("fail"), SV("hang"), SV("absent")};
    struct cJSON *call = json_map(arena);
    json_set_string(arena, call, SV("fault"), faults[run->fault]);
    json_set_int(arena, call, SV("budgetMs"), run->timeout_ms);
    json_set_bool(arena, call, SV("isStart"), run->is_start);
    json_set_bool(arena, call, SV("watches"), run->watches_command_lines);
    struct cJSON *state = json_map(arena);
    json_set_int(arena, state, SV("elapsedMs"), 0);
    json_set(arena, state, SV("tables"),
             run->before.tables ? json_copy(arena, run->before.tables) : json_map(arena));
    const struct script_file files[] = {
        {SCRIPT_FILE, SV("/call.json"), 0644, json_write_arena(arena, call, JSON_COMPACT)},
        {SCRIPT_FILE, SV("/state.json"), 0644, json_write_arena(arena, state, JSON_COMPACT)},
    };
    return put_files(sandbox->run_fd, files, COUNT_OF(files), err);
}

static bool prepare(struct sandbox *sandbox, const struct script_run *run, struct arena *arena,
                    struct error *err) {
    tree_clear(sandbox->root_fd);
    tree_clear(sandbox->run_fd);
    act_unprivileged(true);
    bool is_good = image_fill_root(sandbox->root_fd, sandbox->simulation,
                                   run->fault != SCRIPT_FAULT_ABSENT, err) &&
                   (run->before.file_count > 0 || put_image_files(sandbox, err)) &&
                   put_files(sandbox->root_fd, run->before.files, run->before.file_count, err) &&
                   put_files(sandbox->root_fd, run->volume_files, run->volume_file_count, err) &&
                   put_folders(sandbox, run, err) && put_call(sandbox, run, arena, err);
    act_unprivileged(false);
    return is_good || error_wrap(err, "sandbox");
}

/* --- one run --- */

/* A process in the background that waits past the run's time does not hold it up: the script gets
 * a moment of real time to come to its end. */
static bool is_over(void *context, int64_t running_ms) {
    struct sandbox *sandbox = context;
    if (sandbox->overtime_since_ms < 0 && faccessat(sandbox->run_fd, "overtime", F_OK, 0) == 0)
        sandbox->overtime_since_ms = running_ms;
    if (sandbox->overtime_since_ms >= 0 &&
        running_ms - sandbox->overtime_since_ms > OVERTIME_GRACE_MS)
        return true;
    return running_ms > DISK_CHECK_MS && tree_bytes(sandbox->root_fd) > DISK_BYTES_MAX;
}

static bool execute(struct sandbox *sandbox, const struct script_run *run, struct arena *arena,
                    struct script_outcome *ret_outcome, struct error *err) {
    size_t output_bytes_max =
        run->output_bytes_max ? run->output_bytes_max : SCRIPT_OUTPUT_BYTES_MAX;
    if (!prepare(sandbox, run, arena, err))
        return false;
    struct process process = {
        .argv = make_arguments(sandbox, run, arena),
        .has_stdin = run->has_stdin,
        .stdin_bytes = run->stdin_bytes,
        .output_bytes_max = output_bytes_max + OVERHEAD_BYTES,
        .is_over = is_over,
        .context = sandbox,
    };
    struct process_result result;
    sandbox->run_count++;
    sandbox->overtime_since_ms = -1;
    if (!process_run(&process, arena, &result, err))
        return error_wrap(err, "sandbox");
    struct outcome_places places = {sandbox->root_fd, sandbox->run_fd, output_bytes_max};
    return outcome_read(&places, run, &result, arena, ret_outcome, err);
}

/* --- what is remembered --- */

static bool key_text(struct buf *key, struct sv text) {
    return buf_printf(key, "%zu:", text.len) && buf_append(key, text);
}

static bool key_files(struct buf *key, const struct script_file *files, size_t count) {
    bool has_room = buf_printf(key, "[%zu]", count);
    for (size_t i = 0; has_room && i < count; i++)
        has_room = buf_printf(key, "%d %o ", (int)files[i].type, files[i].mode) &&
                   key_text(key, files[i].path) && key_text(key, files[i].bytes);
    return has_room;
}

static bool key_texts(struct buf *key, const struct sv *texts, size_t count) {
    bool has_room = buf_printf(key, "[%zu]", count);
    for (size_t i = 0; has_room && i < count; i++)
        has_room = key_text(key, texts[i]);
    return has_room;
}

/* Everything that goes into a run. */
static bool key_run(struct buf *key, const struct script_run *run, struct arena *arena) {
    bool has_room = buf_printf(key, "%d %d %d %d %lld %zu ", (int)run->fault, (int)run->is_start,
                               (int)run->watches_command_lines, (int)run->has_stdin,
                               (long long)run->timeout_ms, run->output_bytes_max) &&
                    key_texts(key, run->command, run->command_count) &&
                    key_texts(key, run->folders, run->folder_count) &&
                    key_texts(key, run->read_only_paths, run->read_only_count) &&
                    key_text(key, run->working_directory) && key_text(key, run->host_name) &&
                    key_text(key, run->stdin_bytes) &&
                    key_files(key, run->volume_files, run->volume_file_count) &&
                    key_files(key, run->before.files, run->before.file_count);
    for (size_t i = 0; has_room && i < run->variable_count; i++)
        has_room = key_text(key, run->variables[i].name) && key_text(key, run->variables[i].value);
    struct sv tables =
        run->before.tables ? json_write_arena(arena, run->before.tables, JSON_COMPACT) : SV("");
    return has_room && key_text(key, tables);
}

/* SV("") when the run is too large to be remembered. */
static struct sv run_key(const struct script_run *run, struct arena *arena) {
    struct buf key;
    buf_init(&key, KEY_BYTES_MAX);
    struct sv result = SV("");
    if (key_run(&key, run, arena))
        result = arena_printf(arena, "%016llx%zx", (unsigned long long)sv_hash(buf_view(&key)),
                              buf_view(&key).len);
    buf_release(&key);
    return result;
}

static bool run_script(void *context, const struct script_run *run, struct arena *arena,
                       struct script_outcome *ret_outcome, struct error *err) {
    struct sandbox *sandbox = context;
    struct sv key = run_key(run, arena);
    const struct script_outcome *known = map_get(sandbox->outcomes, key);
    if (known) {
        sandbox->remembered_count++;
        *ret_outcome = *known;
        return true;
    }
    bool is_remembered = key.len > 0 && map_count(sandbox->outcomes) < REMEMBERED_MAX;
    struct script_outcome outcome;
    if (!execute(sandbox, run, is_remembered ? sandbox->arena : arena, &outcome, err))
        return false;
    if (is_remembered) {
        struct script_outcome *copy = ARENA_NEW(sandbox->arena, struct script_outcome);
        *copy = outcome;
        map_put(sandbox->outcomes, key, copy);
    }
    *ret_outcome = outcome;
    return true;
}

/* --- life --- */

/* bwrap is tried out the way it is used. */
static bool probe(struct sandbox *sandbox, struct error *err) {
    if (access(BWRAP, X_OK) != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "scripts run in bubblewrap, and " BWRAP " is not there: install the "
                         "package bubblewrap");
    AUTO(arena) arena = arena_new();
    static const struct sv command[] = {SV("true")};
    struct script_run run = {.command = command,
                             .command_count = 1,
                             .timeout_ms = SCRIPT_TIMEOUT_MS_DEFAULT,
                             .working_directory = SV(""),
                             .host_name = SV("probe"),
                             .stdin_bytes = SV("")};
    struct script_outcome outcome;
    if (!execute(sandbox, &run, arena, &outcome, err))
        return false;
    return script_succeeded(&outcome) ||
           error_set(err, ERROR_UNSUPPORTED,
                     "bubblewrap does not run here (%.*s): allow unprivileged user namespaces "
                     "(sysctl kernel.unprivileged_userns_clone=1), or run outside of a container "
                     "that forbids them",
                     SV_ARG(script_describe(&outcome, arena)));
}

struct sandbox *sandbox_new(const struct simulation *simulation, struct error *err) {
    struct sandbox *sandbox = mem_alloc(sizeof(*sandbox));
    sandbox->simulation = simulation;
    sandbox->folder_fd = sandbox->root_fd = sandbox->run_fd = -1;
    sandbox->arena = arena_new();
    sandbox->outcomes = map_new();
    if (make_folder(sandbox, err) && probe(sandbox, err))
        return sandbox;
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox) {
    if (!sandbox)
        return;
    if (sandbox->folder_fd >= 0) {
        tree_clear(sandbox->folder_fd);
        close(sandbox->folder_fd);
    }
    if (sandbox->folder[0])
        (void)rmdir(sandbox->folder);
    if (sandbox->root_fd >= 0)
        close(sandbox->root_fd);
    if (sandbox->run_fd >= 0)
        close(sandbox->run_fd);
    map_free(sandbox->outcomes);
    arena_free(sandbox->arena);
    mem_free(sandbox);
}

struct script_runner sandbox_runner(struct sandbox *sandbox) {
    return (struct script_runner){.run = run_script, .context = sandbox};
}

void sandbox_counts(const struct sandbox *sandbox, uint64_t *ret_runs, uint64_t *ret_remembered) {
    *ret_runs = sandbox->run_count;
    *ret_remembered = sandbox->remembered_count;
}
