/* SPDX-License-Identifier: Apache-2.0 */
/* tar archives (ustar), as far as kubectl cp writes and reads them. */
#include "core/base/arena.h"
#include "fakeapi/cluster/shell_parts.h"

enum { BLOCK_BYTES = 512, NAME_BYTES = 100, PREFIX_BYTES = 155 };

/* Offsets of the fields of a header. */
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_SIZE = 124,
    AT_TIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257,
    AT_PREFIX = 345,
};

static int fail(const struct shell_io *io, const char *why) {
    bool fits = buf_printf(io->errors, "tar: %s\n", why);
    return fits ? 2 : 2;
}

static size_t padded(size_t len) {
    return (len + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* --- writing --- */

static void put_octal(char *field, int digits, uint64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%0*llo", digits, (unsigned long long)value);
    memcpy(field, text, (size_t)digits);
}

static bool add_file(const struct shell_file *file, struct sv name, struct buf *archive) {
    char header[BLOCK_BYTES] = {0};
    static const char zeros[BLOCK_BYTES];
    if (name.len >= NAME_BYTES)
        return false;
    memcpy(header + AT_NAME, name.ptr, name.len);
    put_octal(header + AT_MODE, 7, (uint64_t)file->mode & 07777);
    put_octal(header + AT_SIZE, 11, file->bytes.len);
    put_octal(header + AT_TIME, 11, 0);
    header[AT_TYPE] = file->is_folder ? '5' : '0';
    memcpy(header + AT_MAGIC, "ustar\00000", 8);
    memset(header + AT_SUM, ' ', 8);
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        sum += (unsigned char)header[i];
    put_octal(header + AT_SUM, 6, sum);
    header[AT_SUM + 6] = '\0';
    size_t padding = padded(file->bytes.len) - file->bytes.len;
    return buf_append(archive, (struct sv){header, sizeof(header)}) &&
           buf_append(archive, file->bytes) && buf_append(archive, (struct sv){zeros, padding});
}

static int create(struct shell_job *job, struct sv word, const struct shell_io *io) {
    struct sv path = shell_path(job->arena, word);
    size_t found = 0;
    for (size_t i = 0; i < job->disk->files.count; i++) {
        const struct shell_file *file = &job->disk->files.items[i];
        bool is_it = sv_eq(file->path, path);
        if (!is_it && !(sv_starts_with(file->path, path) && file->path.ptr[path.len] == '/'))
            continue;
        found++;
        if (!add_file(file, sv_drop(file->path, 1), io->output))
            return fail(io, "the name or the archive is too long");
    }
    return found > 0 ? 0 : fail(io, "No such file or directory");
}

/* --- reading --- */

static struct sv field_text(const char *field, size_t bytes_max) {
    size_t len = 0;
    while (len < bytes_max && field[len] != '\0')
        len++;
    return (struct sv){field, len};
}

static uint64_t field_octal(const char *field, size_t bytes_max) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes_max && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(field[i] - '0');
    return value;
}

static int extract_one(struct shell_job *job, struct sv folder, const char *header,
                       struct sv bytes) {
    struct sv name = field_text(header + AT_NAME, NAME_BYTES);
    struct sv prefix = memcmp(header + AT_MAGIC, "ustar", 5) == 0
                           ? field_text(header + AT_PREFIX, PREFIX_BYTES)
                           : SV("");
    struct sv path =
        shell_path(job->arena, arena_printf(job->arena, "%.*s/%.*s/%.*s", SV_ARG(folder),
                                            SV_ARG(prefix), SV_ARG(name)));
    char type = header[AT_TYPE];
    if (type != '0' && type != '\0' && type != '5')
        return 0; /* links and the like are not simulated */
    struct shell_file file = {path, type == '5', (int64_t)field_octal(header + AT_MODE, 7),
                              type == '5' ? SV("") : bytes};
    return shell_put(job->disk, &file) ? 0 : 2;
}

static int extract(struct shell_job *job, struct sv folder, const struct shell_io *io) {
    struct sv rest = io->input;
    while (rest.len >= BLOCK_BYTES && rest.ptr[0] != '\0') {
        const char *header = rest.ptr;
        uint64_t size = field_octal(header + AT_SIZE, 12);
        rest = sv_drop(rest, BLOCK_BYTES);
        if (size > rest.len)
            return fail(io, "Unexpected EOF in archive");
        if (extract_one(job, folder, header, sv_prefix(rest, size)) != 0)
            return fail(io, "No space left on device");
        rest = sv_drop(rest, padded(size));
    }
    return 0;
}

int shell_tar(struct shell_job *job, const struct sv *words, size_t count,
              const struct shell_io *io) {
    struct sv folder = SV("/");
    bool creates = false, extracts = false;
    int status = 0;
    for (size_t i = 1; i < count; i++) {
        struct sv word = words[i];
        bool is_mode = i == 1;
        if (sv_eq(word, SV("-C")) && i + 1 < count) {
            folder = words[++i];
        } else if (is_mode) {
            creates = sv_contains(word, SV("c"));
            extracts = sv_contains(word, SV("x"));
        } else if (!sv_eq(word, SV("-")) && word.len > 0 && word.ptr[0] != '-' && creates) {
            status |= create(job, word, io);
        }
    }
    if (extracts)
        return extract(job, folder, io);
    static const char end[2 * BLOCK_BYTES];
    if (!creates)
        return fail(io, "only c and x are simulated");
    return buf_append(io->output, (struct sv){end, sizeof(end)}) ? status : 2;
}
