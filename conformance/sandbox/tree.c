/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/tree.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TREE_DEPTH_MAX = 64, TREE_PATH_BYTES_MAX = 4096 };

static bool fail(struct error *err, struct sv path) {
    return error_set(err, ERROR_IO, "%.*s: %s", SV_ARG(path), strerror(errno));
}

/* Opens inside of the tree: links are resolved as a process in the container would. */
static int open_inside(int root_fd, const char *path, uint64_t flags, uint64_t mode) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static bool copy_path(struct sv path, char buffer[TREE_PATH_BYTES_MAX], struct error *err) {
    if (path.len == 0 || path.ptr[0] != '/' || path.len >= TREE_PATH_BYTES_MAX ||
        sv_find(path, 0) < path.len)
        return error_set(err, ERROR_INVALID, "\"%.*s\" is no absolute path", SV_ARG(path));
    memcpy(buffer, path.ptr, path.len);
    buffer[path.len] = 0;
    return true;
}

/* The folder `path`, made with all folders above it; -1 and `err`. */
static int open_folder(int root_fd, struct sv path, struct error *err) {
    char buffer[TREE_PATH_BYTES_MAX];
    int folder_fd = open_inside(root_fd, "/", O_PATH | O_DIRECTORY, 0);
    if (path.len == 0)
        return folder_fd;
    if (!copy_path(path, buffer, err)) {
        close(folder_fd);
        return -1;
    }
    for (size_t begin = 1; begin < path.len && folder_fd >= 0;) {
        size_t end = begin + sv_find(sv_drop(path, begin), '/');
        buffer[end] = 0;
        if (end > begin)
            (void)!mkdirat(folder_fd, buffer + begin, 0755);
        close(folder_fd);
        folder_fd = open_inside(root_fd, buffer, O_PATH | O_DIRECTORY, 0);
        buffer[end] = '/';
        begin = end + 1;
    }
    if (folder_fd < 0)
        fail(err, path);
    return folder_fd;
}

bool tree_folder(int root_fd, struct sv path, struct error *err) {
    int fd = open_folder(root_fd, path, err);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static bool write_all(int fd, struct sv bytes) {
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes = sv_drop(bytes, (size_t)put);
    }
    return true;
}

static bool put_into(int folder_fd, const char *name, const struct script_file *file) {
    if (file->type == SCRIPT_DIRECTORY) {
        if (mkdirat(folder_fd, name, 0755) != 0 && errno != EEXIST)
            return false;
        return fchmodat(folder_fd, name, file->mode & 07777, 0) == 0;
    }
    (void)unlinkat(folder_fd, name, 0);
    if (file->type == SCRIPT_LINK) {
        char target[TREE_PATH_BYTES_MAX];
        if (file->bytes.len >= sizeof(target))
            return false;
        memcpy(target, file->bytes.ptr, file->bytes.len);
        target[file->bytes.len] = 0;
        return symlinkat(target, folder_fd, name) == 0;
    }
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool is_good = write_all(fd, file->bytes) && fchmod(fd, file->mode & 07777) == 0;
    return close(fd) == 0 && is_good;
}

bool tree_put(int root_fd, const struct script_file *file, struct error *err) {
    char name[TREE_PATH_BYTES_MAX];
    size_t slash = sv_find_last(file->path, '/');
    if (slash + 1 >= file->path.len)
        return error_set(err, ERROR_INVALID, "\"%.*s\" names no file", SV_ARG(file->path));
    int folder_fd = open_folder(root_fd, sv_prefix(file->path, slash), err);
    if (folder_fd < 0)
        return false;
    struct sv base = sv_drop(file->path, slash + 1);
    memcpy(name, base.ptr, base.len); /* shorter than the path, which open_folder() checked */
    name[base.len] = 0;
    bool is_good = base.len < 256 && put_into(folder_fd, name, file);
    if (!is_good)
        fail(err, file->path);
    close(folder_fd);
    return is_good;
}

/* --- reading --- */

struct collection {
    const struct sv *skipped;
    size_t skipped_count;
    struct arena *arena;
    VEC(struct script_file) files;
    uint64_t bytes;
};

static DIR *open_listing(int folder_fd, const char *name) {
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(folder_fd, name, 0700, 0) == 0)
        fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (!listing && fd >= 0)
        close(fd);
    return listing;
}

static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool read_file(struct collection *collection, int folder_fd, const char *name, uint64_t size,
                      struct sv *ret_bytes) {
    *ret_bytes = SV("");
    if (size > SCRIPT_LAYER_BYTES_MAX - collection->bytes)
        return false;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return true; /* not even its owner may read it */
    char *bytes = arena_alloc(collection->arena, size + 1);
    size_t len = 0;
    ssize_t got;
    while (len < size && (got = read(fd, bytes + len, size - len)) > 0)
        len += (size_t)got;
    close(fd);
    collection->bytes += len;
    *ret_bytes = (struct sv){bytes, len};
    return true;
}

static bool add_file(struct collection *collection, struct script_file file) {
    if (collection->files.count == SCRIPT_FILES_MAX)
        return false;
    vec_push(&collection->files, file);
    return true;
}

static bool collect_folder(struct collection *collection, int folder_fd, const char *name,
                           struct sv path, size_t depth);

static bool collect_entry(struct collection *collection, int folder_fd, const char *name,
                          struct sv path, size_t depth) {
    struct stat stat_buf;
    if (sv_index_of(path, collection->skipped, collection->skipped_count) <
            collection->skipped_count ||
        fstatat(folder_fd, name, &stat_buf, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    struct script_file file = {.path = path, .mode = stat_buf.st_mode & 07777, .bytes = SV("")};
    if (S_ISDIR(stat_buf.st_mode)) {
        file.type = SCRIPT_DIRECTORY;
        return add_file(collection, file) &&
               collect_folder(collection, folder_fd, name, path, depth + 1);
    }
    if (S_ISLNK(stat_buf.st_mode)) {
        char target[TREE_PATH_BYTES_MAX];
        ssize_t len = readlinkat(folder_fd, name, target, sizeof(target));
        file.type = SCRIPT_LINK;
        if (len > 0)
            file.bytes = arena_copy(collection->arena, (struct sv){target, (size_t)len});
        return add_file(collection, file);
    }
    if (!S_ISREG(stat_buf.st_mode))
        return true;
    return read_file(collection, folder_fd, name, (uint64_t)stat_buf.st_size, &file.bytes) &&
           add_file(collection, file);
}

static bool collect_folder(struct collection *collection, int folder_fd, const char *name,
                           struct sv path, size_t depth) {
    DIR *listing = depth < TREE_DEPTH_MAX ? open_listing(folder_fd, name) : NULL;
    bool has_room = true;
    struct dirent *entry;
    while (listing && has_room && (entry = readdir(listing)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        struct sv child = arena_printf(collection->arena, "%.*s/%s", SV_ARG(path), entry->d_name);
        has_room = collect_entry(collection, dirfd(listing), entry->d_name, child, depth);
    }
    if (listing)
        closedir(listing);
    return has_room;
}

static int compare_files(const void *a, const void *b) {
    return sv_compare(((const struct script_file *)a)->path, ((const struct script_file *)b)->path);
}

bool tree_collect(int root_fd, const struct sv *skipped, size_t skipped_count, struct arena *arena,
                  struct script_file **ret_files, size_t *ret_count, struct error *err) {
    struct collection collection = {
        .skipped = skipped, .skipped_count = skipped_count, .arena = arena};
    bool has_room = collect_folder(&collection, root_fd, ".", SV(""), 0);
    if (!has_room) {
        vec_release(&collection.files);
        return error_set(err, ERROR_TOO_LARGE, "more than %d files or %d bytes were written",
                         SCRIPT_FILES_MAX, SCRIPT_LAYER_BYTES_MAX);
    }
    if (collection.files.count > 0)
        qsort(collection.files.items, collection.files.count, sizeof(struct script_file),
              compare_files);
    vec_move(&collection.files, arena, *ret_files, *ret_count);
    return true;
}

/* --- size and removal --- */

static uint64_t bytes_below(int folder_fd, const char *name, size_t depth) {
    DIR *listing = depth < TREE_DEPTH_MAX ? open_listing(folder_fd, name) : NULL;
    uint64_t bytes = 0;
    struct dirent *entry;
    struct stat stat_buf;
    while (listing && (entry = readdir(listing)) != NULL) {
        if (is_dots(entry->d_name) ||
            fstatat(dirfd(listing), entry->d_name, &stat_buf, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bytes += (uint64_t)stat_buf.st_blocks * 512;
        if (S_ISDIR(stat_buf.st_mode))
            bytes += bytes_below(dirfd(listing), entry->d_name, depth + 1);
    }
    if (listing)
        closedir(listing);
    return bytes;
}

uint64_t tree_bytes(int root_fd) {
    return bytes_below(root_fd, ".", 0);
}

static void clear_below(int folder_fd, const char *name, size_t depth) {
    DIR *listing = depth < TREE_DEPTH_MAX ? open_listing(folder_fd, name) : NULL;
    struct dirent *entry;
    while (listing && (entry = readdir(listing)) != NULL) {
        if (is_dots(entry->d_name) || unlinkat(dirfd(listing), entry->d_name, 0) == 0)
            continue;
        clear_below(dirfd(listing), entry->d_name, depth + 1);
        (void)unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR);
    }
    if (listing)
        closedir(listing);
}

void tree_clear(int root_fd) {
    clear_below(root_fd, ".", 0);
}
