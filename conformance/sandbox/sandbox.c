/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/sandbox.h"

#include "conformance/sandbox/denial.h"
#include "conformance/sandbox/image.h"
#include "conformance/sandbox/parallel.h"
#include "conformance/sandbox/process.h"
#include "conformance/sandbox/slot.h"
#include "conformance/sandbox/tree.h"
#include "conformance/script/simulation.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER_BYTES_MAX = 256,
    REMEMBERED_MAX = 4096,
    KEY_BYTES_MAX = 128 * 1024 * 1024,
    SPARE_SLOTS = 3,
};

/* A run that was made, or is being made. */
struct remembered {
    bool is_done, is_good;
    struct arena *arena; /* of the outcome */
    struct script_outcome outcome;
};

struct sandbox {
    const struct simulation *simulation;
    char folder[FOLDER_BYTES_MAX]; /* image/ and the slots' folders are in it */
    int folder_fd;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    struct slot *slots[PARALLEL_WORKERS_MAX + SPARE_SLOTS]; /* NULL: not made, or in use */
    size_t slot_count;                                      /* that were made */
    size_t slot_count_max;
    struct map *remembered; /* a run's key to struct remembered */
    uint64_t run_count, remembered_count;
};

/* --- the folder --- */

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
    AUTO(arena) arena = arena_new();
    slot_act_unprivileged(true);
    (void)!mkdirat(sandbox->folder_fd, "image", 0755);
    int image_fd = openat(sandbox->folder_fd, "image", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_good = image_fd >= 0 && image_make(image_fd, sandbox->simulation, arena, err);
    if (image_fd < 0)
        error_set(err, ERROR_UNSUPPORTED, "%s/image: %s", sandbox->folder, strerror(errno));
    slot_act_unprivileged(false);
    if (image_fd >= 0)
        close(image_fd);
    return is_good;
}

/* --- what is remembered --- */

static bool key_text(struct buf *key, struct sv text) {
    return buf_printf(key, "%zu:", text.len) && buf_append(key, text);
}

/* Of two files at one path the later one stands. */
static int compare_files(const void *a, const void *b) {
    const struct script_file *one = *(const struct script_file *const *)a;
    const struct script_file *other = *(const struct script_file *const *)b;
    int order = sv_compare(one->path, other->path);
    return order != 0 ? order : (one > other) - (one < other);
}

/* Sorted: objects list a volume's files in one order, kubelet's folder in another. */
static bool key_files(struct buf *key, const struct script_file *files, size_t count,
                      struct arena *arena) {
    const struct script_file **sorted = ARENA_ARRAY(arena, const struct script_file *, count + 1);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &files[i];
    qsort(sorted, count, sizeof(*sorted), compare_files);
    bool has_room = buf_printf(key, "[%zu]", count);
    for (size_t i = 0; has_room && i < count; i++)
        has_room = buf_printf(key, "%d %o ", (int)sorted[i]->type, sorted[i]->mode) &&
                   key_text(key, sorted[i]->path) && key_text(key, sorted[i]->bytes);
    return has_room;
}

static bool key_texts(struct buf *key, const struct sv *texts, size_t count) {
    bool has_room = buf_printf(key, "[%zu]", count);
    for (size_t i = 0; has_room && i < count; i++)
        has_room = key_text(key, texts[i]);
    return has_room;
}

static bool key_confinement(struct buf *key, const struct script_run *run) {
    return buf_printf(key, "%d ", (int)run->writes) &&
           (run->writes == SCRIPT_WRITES_ANYWHERE ||
            (key_text(key, run->writer) &&
             key_texts(key, run->writable_paths, run->writable_count)));
}

/* Everything that goes into a run. */
static bool key_run(struct buf *key, const struct script_run *run, struct arena *arena) {
    bool has_room = buf_printf(key, "%d %d %d %d %lld %zu ", (int)run->fault, (int)run->is_start,
                               (int)run->watches_command_lines, (int)run->has_stdin,
                               (long long)run->timeout_ms, run->output_bytes_max) &&
                    key_texts(key, run->command, run->command_count) &&
                    key_texts(key, run->folders, run->folder_count) &&
                    key_texts(key, run->read_only_paths, run->read_only_count) &&
                    key_confinement(key, run) && key_text(key, run->working_directory) &&
                    key_text(key, run->host_name) && key_text(key, run->stdin_bytes) &&
                    key_files(key, run->volume_files, run->volume_file_count, arena) &&
                    key_files(key, run->before.files, run->before.file_count, arena);
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

/* The one who makes a run is handed the entry that others wait for; NULL when there are too many.
 */
static struct remembered *remember(struct sandbox *sandbox, struct sv key) {
    if (key.len == 0 || map_count(sandbox->remembered) >= REMEMBERED_MAX)
        return NULL;
    struct remembered *entry = mem_alloc(sizeof(*entry));
    entry->arena = arena_new();
    map_put(sandbox->remembered, key, entry);
    return entry;
}

/* With the lock. */
static bool take_slot(struct sandbox *sandbox, struct slot **ret_slot, struct error *err) {
    for (;;) {
        for (size_t i = 0; i < sandbox->slot_count_max; i++) {
            if (!sandbox->slots[i])
                continue;
            *ret_slot = sandbox->slots[i];
            sandbox->slots[i] = NULL;
            return true;
        }
        if (sandbox->slot_count < sandbox->slot_count_max) {
            *ret_slot = slot_new(sandbox->folder, sandbox->folder_fd, sandbox->slot_count,
                                 sandbox->simulation, err);
            sandbox->slot_count += *ret_slot != NULL;
            return *ret_slot != NULL;
        }
        pthread_cond_wait(&sandbox->changed, &sandbox->lock);
    }
}

/* With the lock. */
static void return_slot(struct sandbox *sandbox, struct slot *slot) {
    size_t i = 0;
    while (sandbox->slots[i])
        i++;
    assert(i < sandbox->slot_count_max);
    sandbox->slots[i] = slot;
    pthread_cond_broadcast(&sandbox->changed);
}

static bool run_and_explain(struct slot *slot, const struct script_run *run, struct arena *arena,
                            struct script_outcome *ret_outcome, struct error *err) {
    struct script_outcome outcome, unconfined;
    if (!slot_run(slot, run, arena, &outcome, err))
        return false;
    outcome.denial = SV("");
    if (denial_is_likely(run, &outcome)) {
        struct script_run anywhere = *run;
        anywhere.writes = SCRIPT_WRITES_ANYWHERE;
        if (!slot_run(slot, &anywhere, arena, &unconfined, err))
            return false;
        outcome.denial = denial_text(run, &outcome, &unconfined, arena);
    }
    *ret_outcome = outcome;
    return true;
}

/* With the lock, which is dropped while the script runs. */
static bool make_run(struct sandbox *sandbox, const struct script_run *run, struct arena *arena,
                     struct script_outcome *ret_outcome, struct error *err) {
    struct slot *slot;
    if (!take_slot(sandbox, &slot, err))
        return false;
    sandbox->run_count++;
    pthread_mutex_unlock(&sandbox->lock);
    bool is_good = run_and_explain(slot, run, arena, ret_outcome, err);
    pthread_mutex_lock(&sandbox->lock);
    return_slot(sandbox, slot);
    return is_good;
}

/* With the lock: waits for another thread's run. False when that failed: it is tried again. */
static bool await(struct sandbox *sandbox, const struct remembered *entry,
                  struct script_outcome *ret_outcome) {
    while (!entry->is_done)
        pthread_cond_wait(&sandbox->changed, &sandbox->lock);
    if (entry->is_good) {
        sandbox->remembered_count++;
        *ret_outcome = entry->outcome;
    }
    return entry->is_good;
}

static bool run_locked(struct sandbox *sandbox, const struct script_run *run, struct sv key,
                       struct arena *arena, struct script_outcome *ret_outcome, struct error *err) {
    struct remembered *entry = key.len > 0 ? map_get(sandbox->remembered, key) : NULL;
    if (entry)
        return await(sandbox, entry, ret_outcome) ||
               make_run(sandbox, run, arena, ret_outcome, err);
    entry = remember(sandbox, key);
    if (!entry)
        return make_run(sandbox, run, arena, ret_outcome, err);
    entry->is_good = make_run(sandbox, run, entry->arena, &entry->outcome, err);
    entry->is_done = true;
    pthread_cond_broadcast(&sandbox->changed);
    *ret_outcome = entry->outcome;
    return entry->is_good;
}

static bool run_script(void *context, const struct script_run *run, struct arena *arena,
                       struct script_outcome *ret_outcome, struct error *err) {
    struct sandbox *sandbox = context;
    struct sv key = run_key(run, arena);
    pthread_mutex_lock(&sandbox->lock);
    bool is_good = run_locked(sandbox, run, key, arena, ret_outcome, err);
    pthread_mutex_unlock(&sandbox->lock);
    return is_good;
}

/* --- life --- */

/* bwrap is tried out the way it is used. */
static bool probe(struct sandbox *sandbox, struct error *err) {
    if (access(SLOT_BWRAP, X_OK) != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "scripts run in bubblewrap, and " SLOT_BWRAP " is not there: install the "
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
    if (!run_script(sandbox, &run, arena, &outcome, err))
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
    sandbox->folder_fd = -1;
    /* More than processors: a run waits for its pipes and for the kernel that makes its namespaces
     * and takes them down. */
    sandbox->slot_count_max = parallel_processor_count() + SPARE_SLOTS;
    sandbox->remembered = map_new();
    pthread_mutex_init(&sandbox->lock, NULL);
    pthread_cond_init(&sandbox->changed, NULL);
    if (make_folder(sandbox, err) && probe(sandbox, err))
        return sandbox;
    sandbox_free(sandbox);
    return NULL;
}

static void forget_all(struct sandbox *sandbox) {
    size_t cursor = 0;
    void *value;
    while (map_next(sandbox->remembered, &cursor, NULL, &value)) {
        struct remembered *entry = value;
        arena_free(entry->arena);
        mem_free(entry);
    }
    map_free(sandbox->remembered);
}

void sandbox_free(struct sandbox *sandbox) {
    if (!sandbox)
        return;
    for (size_t i = 0; i < COUNT_OF(sandbox->slots); i++)
        slot_free(sandbox->slots[i]);
    if (sandbox->folder_fd >= 0) {
        tree_clear(sandbox->folder_fd);
        close(sandbox->folder_fd);
    }
    if (sandbox->folder[0])
        (void)rmdir(sandbox->folder);
    forget_all(sandbox);
    pthread_cond_destroy(&sandbox->changed);
    pthread_mutex_destroy(&sandbox->lock);
    mem_free(sandbox);
}

struct script_runner sandbox_runner(struct sandbox *sandbox) {
    return (struct script_runner){.run = run_script, .context = sandbox};
}

void sandbox_counts(const struct sandbox *sandbox, uint64_t *ret_runs, uint64_t *ret_remembered) {
    *ret_runs = sandbox->run_count;
    *ret_remembered = sandbox->remembered_count;
}
