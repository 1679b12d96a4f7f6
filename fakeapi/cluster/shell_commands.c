/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the shell, one function each, in one table. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/shell_parts.h"

struct invocation {
    struct shell_job *job;
    const struct sv *words; /* the name first */
    size_t count;
    const struct shell_io *io;
};

static bool put(const struct invocation *call, struct sv text) {
    return buf_append(call->io->output, text);
}

static int fail(const struct invocation *call, struct sv what, const char *why) {
    bool fits =
        buf_printf(call->io->errors, "%.*s: %.*s: %s\n", SV_ARG(call->words[0]), SV_ARG(what), why);
    return fits ? 1 : 1;
}

static struct sv path_of(const struct invocation *call, struct sv word) {
    return shell_path(call->job->arena, word);
}

static bool is_option(struct sv word) {
    return word.len > 1 && word.ptr[0] == '-';
}

static int run_echo(const struct invocation *call) {
    bool has_newline = true, fits = true;
    size_t first = 1;
    if (call->count > 1 && sv_eq(call->words[1], SV("-n"))) {
        has_newline = false;
        first = 2;
    }
    for (size_t i = first; i < call->count; i++)
        fits = fits && (i == first || put(call, SV(" "))) && put(call, call->words[i]);
    return fits && (!has_newline || put(call, SV("\n"))) ? 0 : 1;
}

static int run_cat(const struct invocation *call) {
    int status = 0;
    if (call->count == 1)
        return put(call, call->io->input) ? 0 : 1;
    for (size_t i = 1; i < call->count; i++) {
        bool is_input = sv_eq(call->words[i], SV("-"));
        struct sv path = path_of(call, call->words[i]);
        const struct shell_file *file = is_input ? NULL : shell_find(call->job->disk, path);
        if (!is_input && shell_is_folder(call->job->disk, path))
            status = fail(call, call->words[i], "Is a directory");
        else if (!is_input && !file)
            status = fail(call, call->words[i], "No such file or directory");
        else if (!put(call, is_input ? call->io->input : file->bytes))
            status = 1;
    }
    return status;
}

/* The names in a folder, each once, in order. */
static size_t list_folder(const struct invocation *call, struct sv folder, struct sv *names) {
    const struct shell_disk *disk = call->job->disk;
    size_t prefix = sv_eq(folder, SV("/")) ? 0 : folder.len, count = 0;
    for (size_t i = 0; i < disk->files.count; i++) {
        struct sv path = disk->files.items[i].path;
        if (path.len <= prefix + 1 || path.ptr[prefix] != '/' ||
            memcmp(path.ptr, folder.ptr, prefix) != 0)
            continue;
        struct sv rest = sv_drop(path, prefix + 1), name = sv_cut(&rest, '/');
        if (sv_index_of(name, names, count) == count)
            names[count++] = name;
    }
    sv_sort(names, count);
    return count;
}

static int list_one(const struct invocation *call, struct sv word) {
    struct sv path = path_of(call, word);
    if (shell_find(call->job->disk, path) && !shell_is_folder(call->job->disk, path))
        return put(call, word) && put(call, SV("\n")) ? 0 : 1;
    if (!shell_is_folder(call->job->disk, path))
        return fail(call, word, "No such file or directory");
    struct sv *names = ARENA_ARRAY(call->job->arena, struct sv, SHELL_FILES_MAX);
    size_t count = list_folder(call, path, names);
    for (size_t i = 0; i < count; i++)
        if (!put(call, names[i]) || !put(call, SV("\n")))
            return 1;
    return 0;
}

static int run_ls(const struct invocation *call) {
    int status = 0;
    size_t listed = 0;
    for (size_t i = 1; i < call->count; i++) {
        if (is_option(call->words[i]))
            continue;
        status |= list_one(call, call->words[i]);
        listed++;
    }
    return listed > 0 ? status : list_one(call, SV("/"));
}

static int run_env(const struct invocation *call) {
    size_t cursor = 0;
    struct sv name;
    void *value;
    while (map_next(call->job->environment, &cursor, &name, &value)) {
        const struct sv *text = value;
        if (call->count > 1 && !sv_eq(name, call->words[1]))
            continue;
        bool fits = call->count > 1
                        ? buf_printf(call->io->output, "%.*s\n", SV_ARG(*text))
                        : buf_printf(call->io->output, "%.*s=%.*s\n", SV_ARG(name), SV_ARG(*text));
        if (!fits)
            return 1;
    }
    return call->count > 1 && !map_has(call->job->environment, call->words[1]) ? 1 : 0;
}

/* Whole seconds, fractions, and "infinity", which hangs. */
static int run_sleep(const struct invocation *call) {
    struct sv rest = call->count > 1 ? call->words[1] : SV("");
    int64_t seconds = 0, fraction = 0;
    struct sv whole = sv_cut(&rest, '.');
    if (sv_eq(whole, SV("infinity")) || sv_eq(whole, SV("inf"))) {
        call->job->duration_ms = INT64_MAX;
        call->job->is_exiting = true;
        return 0;
    }
    rest = sv_prefix(rest, 3);
    if (!sv_to_int64(whole, &seconds) || seconds < 0 || seconds > INT32_MAX ||
        (rest.len > 0 && (!sv_to_int64(rest, &fraction) || fraction < 0)))
        return fail(call, whole, "invalid time interval");
    for (size_t i = rest.len; i < 3; i++)
        fraction *= 10;
    call->job->duration_ms += seconds * 1000 + fraction;
    return 0;
}

static int run_sh(const struct invocation *call) {
    for (size_t i = 1; i < call->count; i++) {
        struct sv word = call->words[i];
        if (is_option(word) && sv_ends_with(word, SV("c")) && i + 1 < call->count) {
            int status = shell_script(call->job, call->words[i + 1], call->io);
            call->job->is_exiting = call->job->duration_ms == INT64_MAX;
            return status;
        }
        if (is_option(word))
            continue;
        const struct shell_file *file = shell_find(call->job->disk, path_of(call, word));
        call->job->is_beyond |= !file;
        return file ? shell_script(call->job, file->bytes, call->io)
                    : fail(call, word, "No such file or directory") * SHELL_NOT_FOUND;
    }
    return shell_script(call->job, call->io->input, call->io);
}

static bool test_holds(const struct invocation *call, const struct sv *words, size_t count,
                       bool *ret_is_known) {
    *ret_is_known = true;
    if (count > 0 && sv_eq(words[0], SV("!")))
        return !test_holds(call, words + 1, count - 1, ret_is_known);
    if (count == 1)
        return words[0].len > 0;
    struct shell_disk *disk = call->job->disk;
    if (count == 2) {
        struct sv path = path_of(call, words[1]);
        const struct shell_file *file = shell_find(disk, path);
        if (sv_eq(words[0], SV("-d")))
            return shell_is_folder(disk, path);
        if (sv_eq(words[0], SV("-f")))
            return file && !file->is_folder;
        if (sv_eq(words[0], SV("-e")) || sv_eq(words[0], SV("-r")))
            return file || shell_is_folder(disk, path);
        if (sv_eq(words[0], SV("-s")))
            return file && file->bytes.len > 0;
        if (sv_eq(words[0], SV("-n")) || sv_eq(words[0], SV("-z")))
            return (words[1].len > 0) == sv_eq(words[0], SV("-n"));
    }
    int64_t left, right;
    if (count == 3 && (sv_eq(words[1], SV("=")) || sv_eq(words[1], SV("=="))))
        return sv_eq(words[0], words[2]);
    if (count == 3 && sv_eq(words[1], SV("!=")))
        return !sv_eq(words[0], words[2]);
    if (count == 3 && sv_to_int64(words[0], &left) && sv_to_int64(words[2], &right)) {
        static const struct sv names[] = {{"-eq", 3}, {"-ne", 3}, {"-lt", 3},
                                          {"-le", 3}, {"-gt", 3}, {"-ge", 3}};
        const bool results[] = {left == right, left != right,
                                left<right, left <= right, left> right, left >= right};
        size_t index = sv_index_of(words[1], names, COUNT_OF(names));
        if (index < COUNT_OF(names))
            return results[index];
    }
    *ret_is_known = count == 0;
    return false;
}

static int run_test(const struct invocation *call) {
    size_t count = call->count - 1;
    if (sv_eq(call->words[0], SV("[")) && count > 0 && sv_eq(call->words[count], SV("]")))
        count--;
    bool is_known;
    bool holds = test_holds(call, call->words + 1, count, &is_known);
    return is_known ? (holds ? 0 : 1) : 2 * fail(call, SV("expression"), "is not simulated");
}

static int run_true(const struct invocation *call) {
    (void)call;
    return 0;
}

static int run_false(const struct invocation *call) {
    (void)call;
    return 1;
}

static int run_exit(const struct invocation *call) {
    int64_t status = 0;
    if (call->count > 1 && !sv_to_int64(call->words[1], &status))
        return 2 * fail(call, call->words[1], "numeric argument required");
    call->job->is_exiting = true;
    return (int)(status & 255);
}

static int run_pwd(const struct invocation *call) {
    return put(call, SV("/\n")) ? 0 : 1;
}

static int run_hostname(const struct invocation *call) {
    return put(call, object_name(call->job->pod)) && put(call, SV("\n")) ? 0 : 1;
}

static int run_whoami(const struct invocation *call) {
    return put(call, SV("root\n")) ? 0 : 1;
}

static int run_id(const struct invocation *call) {
    return put(call, SV("uid=0(root) gid=0(root) groups=0(root)\n")) ? 0 : 1;
}

/* head -n N, tail -n N of the input or a file. */
static int run_head(const struct invocation *call) {
    int64_t lines = 10;
    struct sv text = call->io->input;
    for (size_t i = 1; i < call->count; i++) {
        bool takes_next = sv_eq(call->words[i], SV("-n")) && i + 1 < call->count;
        struct sv number = takes_next ? call->words[++i] : sv_drop(call->words[i], 1);
        if ((takes_next || is_option(call->words[i])) && sv_to_int64(number, &lines))
            continue;
        const struct shell_file *file = shell_find(call->job->disk, path_of(call, call->words[i]));
        if (!file)
            return fail(call, call->words[i], "No such file or directory");
        text = file->bytes;
    }
    struct sv rest = text;
    for (; lines > 0 && rest.len > 0; lines--)
        sv_cut(&rest, '\n');
    return put(call, sv_prefix(text, text.len - rest.len)) ? 0 : 1;
}

static int run_wc(const struct invocation *call) {
    size_t lines = 0;
    struct sv text = call->io->input;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    bool counts_bytes = call->count > 1 && sv_eq(call->words[1], SV("-c"));
    return buf_printf(call->io->output, "%zu\n", counts_bytes ? text.len : lines) ? 0 : 1;
}

static int change_files(const struct invocation *call, bool is_folder) {
    for (size_t i = 1; i < call->count; i++) {
        struct sv path = path_of(call, call->words[i]);
        if (is_option(call->words[i]) || shell_find(call->job->disk, path))
            continue;
        if (!shell_put(call->job->disk,
                       &(struct shell_file){path, is_folder, is_folder ? 0755 : 0644, SV("")}))
            return fail(call, call->words[i], "No space left on device");
    }
    return 0;
}

static int run_mkdir(const struct invocation *call) {
    return change_files(call, true);
}

static int run_touch(const struct invocation *call) {
    return change_files(call, false);
}

static int run_rm(const struct invocation *call) {
    for (size_t i = 1; i < call->count; i++)
        if (!is_option(call->words[i]))
            shell_remove(call->job->disk, path_of(call, call->words[i]));
    return 0;
}

static int run_tar(const struct invocation *call) {
    return shell_tar(call->job, call->words, call->count, call->io);
}

static const struct {
    struct sv name;
    int (*run)(const struct invocation *call);
} commands[] = {
    {SV("echo"), run_echo},
    {SV("cat"), run_cat},
    {SV("ls"), run_ls},
    {SV("env"), run_env},
    {SV("printenv"), run_env},
    {SV("sleep"), run_sleep},
    {SV("sh"), run_sh},
    {SV("bash"), run_sh},
    {SV("test"), run_test},
    {SV("["), run_test},
    {SV("true"), run_true},
    {SV(":"), run_true},
    {SV("false"), run_false},
    {SV("exit"), run_exit},
    {SV("pwd"), run_pwd},
    {SV("id"), run_id},
    {SV("hostname"), run_hostname},
    {SV("whoami"), run_whoami},
    {SV("head"), run_head},
    {SV("wc"), run_wc},
    {SV("mkdir"), run_mkdir},
    {SV("touch"), run_touch},
    {SV("rm"), run_rm},
    {SV("tar"), run_tar},
};

/* COUNT_OF(commands): there is no such command. */
static size_t find_command(struct sv name) {
    size_t slash = sv_find_last(name, '/'), i = 0;
    if (slash < name.len)
        name = sv_drop(name, slash + 1);
    while (i < COUNT_OF(commands) && !sv_eq(commands[i].name, name))
        i++;
    return i;
}

bool shell_knows(struct sv name) {
    return find_command(name) < COUNT_OF(commands);
}

int shell_command(struct shell_job *job, const struct sv *words, size_t count,
                  const struct shell_io *io) {
    struct invocation call = {job, words, count, io};
    size_t index = find_command(words[0]);
    if (++job->steps > SHELL_STEPS_MAX) {
        job->is_exiting = true;
        return fail(&call, SV("script"), "more than 10000 commands");
    }
    if (index < COUNT_OF(commands))
        return commands[index].run(&call);
    job->is_beyond = true;
    bool fits = buf_printf(io->errors, "%.*s: command not found\n", SV_ARG(words[0]));
    return fits ? SHELL_NOT_FOUND : SHELL_NOT_FOUND;
}
