/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/shell.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/kubelet_files.h"
#include "fakeapi/cluster/shell_parts.h"

enum { EXEC_MS = 10 };

struct shell {
    struct world *world;
    struct map *disks; /* by pod uid and container */
};

/* --- files --- */

struct sv shell_path(struct arena *arena, struct sv path) {
    struct sv result = SV("");
    while (path.len > 0) {
        struct sv part = sv_cut(&path, '/');
        if (part.len == 0 || sv_eq(part, SV(".")))
            continue;
        if (sv_eq(part, SV("..")))
            result = sv_prefix(result, result.len > 0 ? sv_find_last(result, '/') : 0);
        else
            result = arena_printf(arena, "%.*s/%.*s", SV_ARG(result), SV_ARG(part));
    }
    return result.len > 0 ? result : SV("/");
}

struct shell_file *shell_find(struct shell_disk *disk, struct sv path) {
    for (size_t i = 0; i < disk->files.count; i++)
        if (sv_eq(disk->files.items[i].path, path))
            return &disk->files.items[i];
    return NULL;
}

bool shell_is_folder(struct shell_disk *disk, struct sv path) {
    const struct shell_file *file = shell_find(disk, path);
    if (file)
        return file->is_folder;
    for (size_t i = 0; i < disk->files.count; i++)
        if (sv_is_within(disk->files.items[i].path, path))
            return true;
    return sv_eq(path, SV("/"));
}

bool shell_put(struct shell_disk *disk, const struct shell_file *file) {
    disk->bytes += file->bytes.len + file->path.len;
    if (disk->bytes > SHELL_FILE_BYTES_MAX)
        return false;
    struct shell_file copy = *file;
    copy.bytes = arena_copy(disk->arena, file->bytes);
    struct shell_file *old = shell_find(disk, file->path);
    if (old) {
        copy.path = old->path;
        *old = copy;
        return true;
    }
    copy.path = arena_copy(disk->arena, file->path);
    if (disk->files.count == SHELL_FILES_MAX)
        return false;
    vec_push(&disk->files, copy);
    return true;
}

void shell_remove(struct shell_disk *disk, struct sv path) {
    for (size_t i = disk->files.count; i-- > 0;)
        if (sv_is_within(disk->files.items[i].path, path))
            vec_remove(&disk->files, i);
}

static void add_first_files(struct shell_disk *disk, const struct cJSON *pod) {
    static const struct sv folders[] = {{"/bin", 4},  {"/dev", 4},  {"/etc", 4},
                                        {"/home", 5}, {"/proc", 5}, {"/root", 5},
                                        {"/tmp", 4},  {"/usr", 4},  {"/var", 4}};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        shell_put(disk, &(struct shell_file){folders[i], true, 0755, SV("")});
    struct sv name = arena_printf(disk->arena, "%.*s\n", SV_ARG(object_name(pod)));
    shell_put(disk, &(struct shell_file){SV("/etc/hostname"), false, 0644, name});
}

static struct sv disk_key(const struct cJSON *pod, struct sv container, struct arena *arena) {
    return arena_printf(arena, "%.*s/%.*s", SV_ARG(object_uid(pod)), SV_ARG(container));
}

static void free_disk(struct shell_disk *disk) {
    if (!disk)
        return;
    vec_release(&disk->files);
    arena_free(disk->arena);
    mem_free(disk);
}

static struct shell_disk *find_disk(struct shell *shell, const struct cJSON *pod,
                                    struct sv container, struct arena *arena) {
    struct sv key = disk_key(pod, container, arena);
    struct shell_disk *disk = map_get(shell->disks, key);
    if (disk)
        return disk;
    disk = mem_alloc(sizeof(*disk));
    disk->arena = arena_new();
    add_first_files(disk, pod);
    map_put(shell->disks, key, disk);
    return disk;
}

/* Files of ConfigMaps are as they are now; commands cannot change them. */
static void add_mounted_files(struct shell *shell, const struct cJSON *pod, struct sv container,
                              struct shell_disk *disk, struct arena *arena) {
    struct kubelet_file *files;
    size_t count;
    if (!kubelet_container_files(shell->world, object_namespace(pod), object_name(pod), container,
                                 arena, &files, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct shell_file *old = shell_find(disk, files[i].path);
        if (!old || !sv_eq(old->bytes, files[i].bytes))
            shell_put(disk,
                      &(struct shell_file){files[i].path, false, files[i].mode, files[i].bytes});
    }
}

/* --- the environment --- */

static void set_variable(struct shell_job *job, struct sv name, struct sv value) {
    struct sv *copy = ARENA_NEW(job->arena, struct sv);
    *copy = value;
    map_put(job->environment, name, copy);
}

static const struct cJSON *find_container(const struct cJSON *pod, struct sv name) {
    static const char *const lists[] = {"spec.containers", "spec.initContainers"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(pod, lists[i]))
            if (sv_eq(json_string_or(container, SV("name"), SV("")), name))
                return container;
    return NULL;
}

/* "metadata.labels['x']" names one of a map, any other path a field. */
static struct sv field_value(struct shell_job *job, struct sv path) {
    struct sv key = path, map = sv_cut(&key, '[');
    const struct cJSON *field = json_find(job->pod, arena_copy(job->arena, map).ptr);
    if (map.len == path.len)
        return json_text(field);
    bool is_quoted = sv_starts_with(key, SV("'")) && sv_ends_with(key, SV("']")) && key.len > 3;
    return is_quoted ? json_text(json_get(field, sv_prefix(sv_drop(key, 1), key.len - 3))) : SV("");
}

static void fill_environment(struct shell_job *job, const struct cJSON *container) {
    set_variable(job, SV("PATH"),
                 SV("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    set_variable(job, SV("HOSTNAME"), object_name(job->pod));
    set_variable(job, SV("HOME"), SV("/root"));
    set_variable(job, SV("KUBERNETES_SERVICE_HOST"), SV("10.96.0.1"));
    set_variable(job, SV("KUBERNETES_SERVICE_PORT"), SV("443"));
    JSON_EACH (variable, json_get(container, SV("env"))) {
        struct sv path = json_find_string(variable, "valueFrom.fieldRef.fieldPath");
        struct sv value =
            path.len > 0 ? field_value(job, path) : json_string_or(variable, SV("value"), SV(""));
        set_variable(job, json_string_or(variable, SV("name"), SV("")), value);
    }
}

/* --- running --- */

static int run(struct shell *shell, struct shell_job *job, struct sv container,
               const struct sv *words, size_t count, const struct shell_io *io) {
    job->memory_bytes_max = arena_used_bytes(job->arena) + SHELL_MEMORY_BYTES_MAX;
    job->disk = find_disk(shell, job->pod, container, job->arena);
    job->environment = map_new();
    add_mounted_files(shell, job->pod, container, job->disk, job->arena);
    fill_environment(job, find_container(job->pod, container));
    int status = shell_command(job, words, count, io);
    map_free(job->environment);
    return status;
}

/* False when something in the command is not known here. */
static bool execute(struct shell *shell, const struct exec_call *call, struct arena *arena,
                    struct exec_result *ret_result) {
    struct buf output, errors;
    buf_init(&output, SHELL_OUTPUT_BYTES_MAX);
    buf_init(&errors, SHELL_OUTPUT_BYTES_MAX);
    struct shell_job job = {.arena = arena, .pod = call->pod, .duration_ms = EXEC_MS};
    struct shell_io io = {.input = call->has_stdin ? call->stdin_bytes : SV(""),
                          .output = &output,
                          .errors = &errors};
    *ret_result = (struct exec_result){
        .exit_code = run(shell, &job, call->container, call->command, call->command_count, &io)};
    ret_result->stdout_bytes = arena_copy(arena, buf_view(&output));
    ret_result->stderr_bytes = arena_copy(arena, buf_view(&errors));
    ret_result->duration_ms = job.duration_ms;
    buf_release(&output);
    buf_release(&errors);
    return !job.is_beyond;
}

static bool exec(void *context, const struct exec_call *call, struct arena *arena,
                 struct exec_result *ret_result) {
    execute(context, call, arena, ret_result);
    return true;
}

/* A shell that waits for its terminal does not end. */
static bool run_process(void *context, const struct exec_call *call, struct arena *arena,
                        struct exec_result *ret_result) {
    if (call->command_count == 0 || !shell_knows(call->command[0]))
        return false;
    if (!execute(context, call, arena, ret_result))
        return false;
    if (call->has_stdin && call->command_count == 1)
        ret_result->duration_ms = DEADLINE_NEVER;
    return true;
}

static int64_t ready_delay_ms(void *context, const struct cJSON *pod, struct sv container) {
    (void)context, (void)pod, (void)container;
    return -1;
}

static void container_started(void *context, const struct cJSON *pod, struct sv container) {
    struct shell *shell = context;
    AUTO(arena) arena = arena_new();
    free_disk(map_remove(shell->disks, disk_key(pod, container, arena)));
}

struct shell *shell_new(struct world *world) {
    struct shell *shell = mem_alloc(sizeof(*shell));
    shell->world = world;
    shell->disks = map_new();
    world_add_engine(world, &(struct engine){.exec = exec,
                                             .ready_delay_ms = ready_delay_ms,
                                             .container_started = container_started,
                                             .run = run_process,
                                             .context = shell});
    return shell;
}

void shell_free(struct shell *shell) {
    if (!shell)
        return;
    size_t cursor = 0;
    void *disk;
    while (map_next(shell->disks, &cursor, NULL, &disk))
        free_disk(disk);
    map_free(shell->disks);
    mem_free(shell);
}

/* --- logs --- */

static size_t add_words(const struct cJSON *list, struct sv *words, size_t count) {
    JSON_EACH (word, list)
        if (count < SHELL_WORDS_MAX)
            words[count++] = json_text(word);
    return count;
}

struct sv shell_log(struct shell *shell, const struct cJSON *pod, struct sv container,
                    struct arena *arena) {
    const struct cJSON *spec = find_container(pod, container);
    struct sv *words = ARENA_ARRAY(arena, struct sv, SHELL_WORDS_MAX);
    size_t count = add_words(json_get(spec, SV("command")), words, 0);
    bool has_command = count > 0;
    count = add_words(json_get(spec, SV("args")), words, count);
    /* Arguments alone are those of the image's program, unless they are a command themselves. */
    if (count == 0 || (!has_command && !shell_knows(words[0])))
        return SV("");
    struct buf output;
    buf_init(&output, SHELL_OUTPUT_BYTES_MAX);
    struct shell_job job = {.arena = arena, .pod = pod};
    struct shell_io io = {.input = SV(""), .output = &output, .errors = &output};
    run(shell, &job, container, words, count, &io);
    struct sv text = arena_copy(arena, buf_view(&output));
    buf_release(&output);
    return text;
}
