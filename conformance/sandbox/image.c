/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/image.h"

#include "conformance/sandbox/tree.h"
#include "conformance/sandbox/wire.h"
#include "conformance/script/simulation.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* What every image with a shell has. A name that this host lacks is left out. */
static const char *const base_tools[] = {
    "sh",     "bash",     "dash",     "[",        "awk",       "base64",   "basename", "cat",
    "chgrp",  "chmod",    "chown",    "cksum",    "cmp",       "comm",     "cp",       "cut",
    "dd",     "df",       "diff",     "dirname",  "du",        "echo",     "egrep",    "env",
    "expand", "expr",     "false",    "fgrep",    "find",      "flock",    "fold",     "grep",
    "gunzip", "gzip",     "head",     "hostname", "id",        "install",  "join",     "kill",
    "ln",     "ls",       "mawk",     "md5sum",   "mkdir",     "mkfifo",   "mktemp",   "mv",
    "nice",   "nl",       "nohup",    "nproc",    "numfmt",    "od",       "paste",    "pgrep",
    "pkill",  "printenv", "printf",   "ps",       "pwd",       "readlink", "realpath", "rm",
    "rmdir",  "sed",      "seq",      "setsid",   "sha256sum", "shuf",     "sort",     "split",
    "stat",   "stty",     "sync",     "tac",      "tar",       "tee",      "test",     "touch",
    "tr",     "true",     "truncate", "tty",      "uname",     "uniq",     "unlink",   "wc",
    "which",  "whoami",   "xargs",    "yes",      "zcat",
};
/* Played by crctl-sim-cli: their time must be virtual. */
static const char *const own_tools[] = {"sleep", "timeout", "date", "tail", SIM_INJECTED};

static bool fail(struct error *err, const char *what) {
    return error_set(err, ERROR_IO, "sandbox: %s: %s", what, strerror(errno));
}

/* --- bin/ --- */

static bool link_own(int bin_fd, const char *name, struct error *err) {
    if (symlinkat(SIM_CLI, bin_fd, name) == 0 || errno == EEXIST)
        return true;
    return fail(err, name);
}

/* A host's tool, its links resolved: /usr/bin/awk is /etc/alternatives/awk is /usr/bin/mawk. */
static bool find_tool(struct sv name, struct arena *arena, struct sv *ret_target) {
    static const char *const folders[] = {"/usr/bin", "/bin"};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        char resolved[PATH_MAX];
        struct sv path = arena_printf(arena, "%s/%.*s", folders[i], SV_ARG(name));
        if (!realpath(path.ptr, resolved) || !sv_starts_with(sv_from(resolved), SV("/usr/bin/")))
            continue;
        *ret_target = arena_printf(arena, SIM_HOST "/%s", resolved + strlen("/usr/bin/"));
        return true;
    }
    return false;
}

static bool link_tool(int bin_fd, struct sv name, bool is_required, struct arena *arena,
                      struct error *err) {
    struct sv target;
    if (!find_tool(name, arena, &target)) {
        if (!is_required)
            return true;
        return error_set(err, ERROR_UNSUPPORTED,
                         "scripts need %.*s, which is not in /usr/bin: install it", SV_ARG(name));
    }
    if (symlinkat(target.ptr, bin_fd, arena_copy(arena, name).ptr) != 0 && errno != EEXIST)
        return fail(err, target.ptr);
    return true;
}

/* The engine's own come first, so that one of them can replace a tool. */
static bool link_programs(int bin_fd, const struct simulation *simulation, struct arena *arena,
                          struct error *err) {
    JSON_EACH (program, simulation ? simulation->programs : NULL) {
        struct sv path = json_string_or(program, SV("path"), SV(""));
        static const struct sv folders[] = {SV("/usr/bin/"), SV("/bin/")};
        for (size_t i = 0; i < COUNT_OF(folders); i++) {
            if (sv_starts_with(path, folders[i]) &&
                !link_own(bin_fd, arena_copy(arena, sv_drop(path, folders[i].len)).ptr, err))
                return false;
        }
    }
    return true;
}

static bool make_bin(int bin_fd, const struct simulation *simulation, struct arena *arena,
                     struct error *err) {
    if (!link_programs(bin_fd, simulation, arena, err))
        return false;
    for (size_t i = 0; i < COUNT_OF(own_tools); i++) {
        if (!link_own(bin_fd, own_tools[i], err))
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(base_tools); i++) {
        if (!link_tool(bin_fd, sv_from(base_tools[i]), false, arena, err))
            return false;
    }
    for (size_t i = 0; simulation && i < simulation->tool_count; i++) {
        if (!link_tool(bin_fd, simulation->tools[i], true, arena, err))
            return false;
    }
    return true;
}

/* --- cli --- */

/* crctl-sim-cli stands beside this program; tests stand one folder below it. */
static int open_cli(struct error *err) {
    static const char *const places[] = {"%.*s/crctl-sim-cli", "%.*s/../crctl-sim-cli",
                                         "%.*s/../libexec/crctl-sim-cli"};
    char self[PATH_MAX], path[PATH_MAX + 32];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
    struct sv here = {self, len > 0 ? (size_t)len : 0};
    here = sv_prefix(here, sv_find_last(here, '/'));
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        int path_len = snprintf(path, sizeof(path), places[i], SV_ARG(here));
        int fd = path_len < (int)sizeof(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0)
            return fd;
    }
    error_set(err, ERROR_NOT_FOUND,
              "crctl-sim-cli is not beside this program: build or install it, too");
    return -1;
}

/* A copy, since an unprivileged process may not get to where the original is. */
static bool copy_cli(int folder_fd, struct error *err) {
    int from = open_cli(err);
    if (from < 0)
        return false;
    struct stat stat_buf;
    int to = openat(folder_fd, "cli", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    bool is_good = to >= 0 && fstat(from, &stat_buf) == 0 && fchmod(to, 0755) == 0;
    off_t left = is_good ? stat_buf.st_size : 0;
    while (is_good && left > 0) {
        /* Unlike copy_file_range() it also reaches another file system. */
        ssize_t copied = sendfile(to, from, NULL, (size_t)left);
        is_good = copied > 0;
        left -= copied > 0 ? copied : 0;
    }
    if (!is_good)
        fail(err, "crctl-sim-cli");
    if (to >= 0)
        close(to);
    close(from);
    return is_good;
}

bool image_make(int folder_fd, const struct simulation *simulation, struct arena *arena,
                struct error *err) {
    struct cJSON *programs = json_map(arena);
    json_set(arena, programs, SV("programs"),
             simulation && simulation->programs ? json_copy(arena, simulation->programs)
                                                : json_list(arena));
    struct script_file file = {.path = SV("/programs.json"),
                               .mode = 0644,
                               .bytes = json_write_arena(arena, programs, JSON_COMPACT)};
    if (!tree_folder(folder_fd, SV("/bin"), err) || !tree_put(folder_fd, &file, err) ||
        !copy_cli(folder_fd, err))
        return false;
    int bin_fd = openat(folder_fd, "bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (bin_fd < 0)
        return fail(err, "bin");
    bool is_good = make_bin(bin_fd, simulation, arena, err);
    close(bin_fd);
    return is_good;
}

/* --- a container's root --- */

static const struct script_file own_files[] = {
    {SCRIPT_DIRECTORY, SV("/tmp"), 01777, SV("")},
    {SCRIPT_DIRECTORY, SV("/root"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/run"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/var/log"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/var/tmp"), 01777, SV("")},
    {SCRIPT_DIRECTORY, SV("/usr/bin"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/usr/sbin"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/usr/lib"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/usr/lib64"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/usr/local/bin"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/proc"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV("/dev"), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV(SIM_RUN), 0755, SV("")},
    {SCRIPT_DIRECTORY, SV(SIM_HOST), 0755, SV("")},
    {SCRIPT_LINK, SV("/bin"), 0, SV("usr/bin")},
    {SCRIPT_LINK, SV("/sbin"), 0, SV("usr/sbin")},
    {SCRIPT_LINK, SV("/lib"), 0, SV("usr/lib")},
    {SCRIPT_LINK, SV("/lib64"), 0, SV("usr/lib64")},
    {SCRIPT_LINK, SV(SIM_FOLDER "/" SIM_INIT), 0, SV(SIM_CLI)},
    {SCRIPT_FILE, SV("/etc/passwd"), 0644,
     SV("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/root:/bin/sh\n")},
    {SCRIPT_FILE, SV("/etc/group"), 0644, SV("root:x:0:\nnogroup:x:65534:\n")},
    {SCRIPT_FILE, SV("/etc/hosts"), 0644, SV("127.0.0.1 localhost\n")},
    {SCRIPT_FILE, SV("/etc/nsswitch.conf"), 0644, SV("hosts: files\n")},
};

static const struct sv own_paths[] = {
    SV("/usr/bin"), SV("/usr/lib"), SV("/usr/lib64"), SV("/proc"), SV("/dev"),
    SV(SIM_FOLDER), SV("/bin"),     SV("/sbin"),      SV("/lib"),  SV("/lib64"),
};

const struct sv *image_own_paths(size_t *ret_count) {
    *ret_count = COUNT_OF(own_paths);
    return own_paths;
}

static bool is_in_bin(struct sv path) {
    return sv_starts_with(path, SV("/usr/bin/")) || sv_starts_with(path, SV("/bin/"));
}

bool image_fill_root(int root_fd, const struct simulation *simulation, bool has_programs,
                     struct error *err) {
    for (size_t i = 0; i < COUNT_OF(own_files); i++) {
        if (!tree_put(root_fd, &own_files[i], err))
            return false;
    }
    JSON_EACH (program, simulation && has_programs ? simulation->programs : NULL) {
        struct script_file link = {.type = SCRIPT_LINK,
                                   .path = json_string_or(program, SV("path"), SV("")),
                                   .bytes = SV(SIM_CLI)};
        if (!is_in_bin(link.path) && !tree_put(root_fd, &link, err))
            return false;
    }
    return true;
}
