/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/slot.h"

#include "conformance/sandbox/image.h"
#include "conformance/sandbox/outcome.h"
#include "conformance/sandbox/process.h"
#include "conformance/sandbox/tree.h"
#include "conformance/sandbox/wire.h"
#include "conformance/script/simulation.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER_BYTES_MAX = 320,
    OVERHEAD_BYTES = 64 * 1024, /* of a sanitizer's complaints on stderr */
    DISK_CHECK_MS = 300,        /* most scripts are done by then */
};
#define DISK_BYTES_MAX (UINT64_C(256) << 20)
#define HOST_MODULES "/usr/lib/python3/dist-packages"
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct slot {
    const struct simulation *simulation;
    const char *shared_folder;     /* image/ is in it */
    char folder[FOLDER_BYTES_MAX]; /* root/ and run/ are in it */
    int root_fd, run_fd;
    int64_t disk_check_ms; /* of the run at hand: when to look again */
};

/* --- life --- */

/* Threads have file system users of their own. */
void slot_act_unprivileged(bool is_on) {
    if (geteuid() != 0)
        return;
    setfsgid(is_on ? PROCESS_ID_UNPRIVILEGED : getegid());
    setfsuid(is_on ? PROCESS_ID_UNPRIVILEGED : geteuid());
}

static int open_part(int folder_fd, const char *name) {
    (void)!mkdirat(folder_fd, name, 0755);
    return openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct slot *slot_new(const char *folder, int folder_fd, size_t number,
                      const struct simulation *simulation, struct error *err) {
    char name[32];
    struct slot *slot = mem_alloc(sizeof(*slot));
    slot->simulation = simulation;
    slot->shared_folder = folder;
    snprintf(name, sizeof(name), "%zu", number);
    int len = snprintf(slot->folder, sizeof(slot->folder), "%s/%s", folder, name);
    assert(len > 0 && (size_t)len < sizeof(slot->folder));
    slot_act_unprivileged(true);
    int own_fd = open_part(folder_fd, name);
    slot->root_fd = open_part(own_fd, "root");
    slot->run_fd = open_part(own_fd, "run");
    slot_act_unprivileged(false);
    if (own_fd >= 0)
        close(own_fd);
    if (slot->root_fd >= 0 && slot->run_fd >= 0)
        return slot;
    error_set(err, ERROR_UNSUPPORTED, "%s: %s", slot->folder, strerror(errno));
    slot_free(slot);
    return NULL;
}

void slot_free(struct slot *slot) {
    if (!slot)
        return;
    if (slot->root_fd >= 0)
        close(slot->root_fd);
    if (slot->run_fd >= 0)
        close(slot->run_fd);
    mem_free(slot);
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

static void add_bind(struct arguments *arguments, const char *option, const char *folder,
                     const char *from, const char *to) {
    ADD(arguments, option);
    add_argument(arguments, arena_printf(arguments->arena, "%s/%s", folder, from));
    ADD(arguments, to);
}

/* A part of the container's own tree, mounted over itself. */
static void add_own_bind(struct arguments *arguments, const char *option, const struct slot *slot,
                         struct sv path) {
    ADD(arguments, option);
    add_argument(arguments,
                 arena_printf(arguments->arena, "%s/root%.*s", slot->folder, SV_ARG(path)));
    add_argument(arguments, path);
}

/* What the image gives to its user; NULL where that makes no difference. */
static const struct cJSON *own_folders(const struct slot *slot, const struct script_run *run) {
    return slot->simulation && run->writes == SCRIPT_WRITES_OWN ? slot->simulation->folders : NULL;
}

static void add_file_system(struct arguments *arguments, const struct slot *slot) {
    ADD(arguments, SLOT_BWRAP, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop",
        "ALL", "--uid", "65534", "--gid", "65534", "--clearenv");
    add_bind(arguments, "--bind", slot->folder, "root", "/");
    ADD(arguments, "--ro-bind", "/usr/lib", "/usr/lib", "--ro-bind-try", "/usr/lib64",
        "/usr/lib64");
    /* Modules that this host happens to have: no image can be counted on for them. */
    if (access(HOST_MODULES, F_OK) == 0)
        ADD(arguments, "--tmpfs", HOST_MODULES);
    add_bind(arguments, "--ro-bind", slot->shared_folder, "image/bin", "/usr/bin");
    add_bind(arguments, "--ro-bind", slot->shared_folder, "image/cli", SIM_CLI);
    add_bind(arguments, "--ro-bind", slot->shared_folder, "image/programs.json", SIM_PROGRAMS);
    add_bind(arguments, "--bind", slot->folder, "run", SIM_RUN);
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

/* All else is as for a user whom the files do not belong to. */
static void add_confinement(struct arguments *arguments, const struct slot *slot,
                            const struct script_run *run) {
    static const struct sv everybodys[] = {SV("/tmp"), SV("/var/tmp")};
    if (run->writes == SCRIPT_WRITES_ANYWHERE)
        return;
    for (size_t i = 0; run->writes == SCRIPT_WRITES_OWN && i < COUNT_OF(everybodys); i++)
        add_own_bind(arguments, "--bind", slot, everybodys[i]);
    JSON_EACH (folder, own_folders(slot, run))
        add_own_bind(arguments, "--bind", slot, json_text(folder));
    for (size_t i = 0; i < run->writable_count; i++)
        add_own_bind(arguments, "--bind", slot, run->writable_paths[i]);
    ADD(arguments, "--remount-ro", "/");
}

static const char *const *make_arguments(const struct slot *slot, const struct script_run *run,
                                         struct arena *arena) {
    struct arguments arguments = {.arena = arena};
    add_file_system(&arguments, slot);
    add_confinement(&arguments, slot, run);
    for (size_t i = 0; i < run->read_only_count; i++)
        add_own_bind(&arguments, "--ro-bind", slot, run->read_only_paths[i]);
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
static bool put_image_files(struct slot *slot, struct error *err) {
    const struct simulation *simulation = slot->simulation;
    JSON_EACH (declared, simulation ? simulation->files : NULL) {
        struct script_file file = {.path = json_string_or(declared, SV("path"), SV("")),
                                   .bytes = json_string_or(declared, SV("text"), SV(""))};
        struct sv mode = json_string_or(declared, SV("mode"), SV("0644"));
        for (size_t i = 0; i < mode.len; i++)
            file.mode = file.mode * 8 + (unsigned)(mode.ptr[i] - '0');
        if (!tree_put(slot->root_fd, &file, err))
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

static bool put_folders(struct slot *slot, const struct script_run *run, struct error *err) {
    JSON_EACH (folder, slot->simulation ? slot->simulation->folders : NULL) {
        if (!tree_folder(slot->root_fd, json_text(folder), err))
            return false;
    }
    for (size_t i = 0; i < run->folder_count; i++) {
        if (!tree_folder(slot->root_fd, run->folders[i], err))
            return false;
    }
    for (size_t i = 0; i < run->read_only_count; i++) {
        if (!has_volume_file(run, run->read_only_paths[i]) &&
            !tree_folder(slot->root_fd, run->read_only_paths[i], err))
            return false;
    }
    return run->working_directory.len == 0 ||
           tree_folder(slot->root_fd, run->working_directory, err);
}

static bool put_call(struct slot *slot, const struct script_run *run, struct arena *arena,
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
    return put_files(slot->run_fd, files, COUNT_OF(files), err);
}

static bool prepare(struct slot *slot, const struct script_run *run, struct arena *arena,
                    struct error *err) {
    tree_clear(slot->root_fd);
    tree_clear(slot->run_fd);
    slot_act_unprivileged(true);
    bool is_good =
        image_fill_root(slot->root_fd, slot->simulation, run->fault != SCRIPT_FAULT_ABSENT, err) &&
        (run->before.file_count > 0 || put_image_files(slot, err)) &&
        put_files(slot->root_fd, run->before.files, run->before.file_count, err) &&
        put_files(slot->root_fd, run->volume_files, run->volume_file_count, err) &&
        put_folders(slot, run, err) && put_call(slot, run, arena, err);
    slot_act_unprivileged(false);
    return is_good || error_wrap(err, "sandbox");
}

/* --- one run --- */

/* What waits past its virtual time is ended inside (cli/init.c), which sees who waits; what fills
 * the disk is ended from here. */
static bool is_over(void *context, int64_t running_ms) {
    struct slot *slot = context;
    if (running_ms < slot->disk_check_ms)
        return false;
    slot->disk_check_ms = running_ms + DISK_CHECK_MS;
    return tree_bytes(slot->root_fd) > DISK_BYTES_MAX;
}

bool slot_run(struct slot *slot, const struct script_run *run, struct arena *arena,
              struct script_outcome *ret_outcome, struct error *err) {
    size_t output_bytes_max =
        run->output_bytes_max ? run->output_bytes_max : SCRIPT_OUTPUT_BYTES_MAX;
    if (!prepare(slot, run, arena, err))
        return false;
    struct process process = {
        .argv = make_arguments(slot, run, arena),
        .has_stdin = run->has_stdin,
        .stdin_bytes = run->stdin_bytes,
        .output_bytes_max = output_bytes_max + OVERHEAD_BYTES,
        .is_over = is_over,
        .context = slot,
    };
    struct process_result result;
    slot->disk_check_ms = DISK_CHECK_MS;
    if (!process_run(&process, arena, &result, err))
        return error_wrap(err, "sandbox");
    struct outcome_places places = {slot->root_fd, slot->run_fd, output_bytes_max};
    return outcome_read(&places, run, &result, arena, ret_outcome, err);
}
