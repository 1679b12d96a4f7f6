/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crctl init: a folder with a class that certifies as it stands. Templates have three directives:
 * @NAME@ is the class's name; the lines between "@IF WORD" and "@END" are for layouts that have
 * the word.
 */
#include "conformance/cmd/command.h"
#include "conformance/cmd/templates.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 256 * 1024,
    NAME_BYTES_MAX = 30, /* names of objects that are made from it must stay below 63 */
    NESTING_MAX = 8,
};

static const struct {
    struct sv name;
    struct sv words;
} layouts[] = {
    {SV("master-worker"), SV("master worker client servers")},
    {SV("workers"), SV("worker client servers no-master")},
    {SV("client-only"), SV("client no-master no-worker")},
};

static bool has_word(struct sv words, struct sv word) {
    while (words.len > 0) {
        if (sv_eq(sv_cut(&words, ' '), word))
            return true;
    }
    return false;
}

static bool put_line(struct buf *out, struct sv line, struct sv name) {
    static const struct sv mark = SV("@NAME@");
    bool has_room = true;
    while (has_room && line.len > 0) {
        size_t step = sv_starts_with(line, mark) ? 0 : 1 + sv_find(sv_drop(line, 1), '@');
        has_room = buf_append(out, step == 0 ? name : sv_prefix(line, step));
        line = sv_drop(line, step == 0 ? mark.len : step);
    }
    return has_room && buf_append_byte(out, '\n');
}

/* A template for one layout. */
static bool expand(struct sv text, struct sv words, struct sv name, struct buf *out) {
    size_t depth = 0, hidden_depth = 0; /* the outermost "@IF" that is not for this layout */
    bool has_room = true;
    while (has_room && text.len > 0) {
        struct sv line = sv_cut(&text, '\n');
        if (sv_starts_with(line, SV("@IF "))) {
            depth++;
            assert(depth < NESTING_MAX);
            if (hidden_depth == 0 && !has_word(words, sv_drop(line, 4)))
                hidden_depth = depth;
        } else if (sv_eq(line, SV("@END"))) {
            hidden_depth = hidden_depth == depth ? 0 : hidden_depth;
            depth--;
        } else if (hidden_depth == 0) {
            has_room = put_line(out, line, name);
        }
    }
    assert(depth == 0);
    return has_room;
}

/* What is there is never written over. */
static bool write_file(int folder_fd, struct sv folder, struct sv name, struct sv bytes,
                       struct error *err) {
    int fd = openat(folder_fd, name.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool is_good = fd >= 0;
    while (is_good && bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        is_good = put > 0;
        bytes = sv_drop(bytes, is_good ? (size_t)put : 0);
    }
    if (!is_good)
        error_set(err, ERROR_IO, "%.*s/%.*s: %s", SV_ARG(folder), SV_ARG(name), strerror(errno));
    if (fd >= 0)
        close(fd);
    return is_good;
}

static bool write_all(struct sv name, struct sv words, struct arena *arena, struct error *err) {
    const char *folder = arena_copy(arena, name).ptr;
    if (mkdir(folder, 0755) != 0)
        return error_set(err, ERROR_IO, "%s: %s%s", folder, strerror(errno),
                         errno == EEXIST ? "; choose another name, or remove it" : "");
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return error_set(err, ERROR_IO, "%s: %s", folder, strerror(errno));
    bool is_good = true;
    for (size_t i = 0; is_good && i < template_text_count; i++) {
        struct buf out;
        buf_init(&out, FILE_BYTES_MAX);
        bool has_room = expand(template_texts[i].text, words, name, &out);
        assert(has_room);
        is_good = write_file(folder_fd, name, template_texts[i].name, buf_view(&out), err);
        buf_release(&out);
    }
    close(folder_fd);
    return is_good;
}

/* A DNS label, since objects are named after it. */
static bool is_name(struct sv name) {
    bool is_good = name.len > 0 && name.len <= NAME_BYTES_MAX && name.ptr[0] >= 'a' &&
                   name.ptr[0] <= 'z' && name.ptr[name.len - 1] != '-';
    for (size_t i = 0; is_good && i < name.len; i++)
        is_good = (name.ptr[i] >= 'a' && name.ptr[i] <= 'z') ||
                  (name.ptr[i] >= '0' && name.ptr[i] <= '9') || name.ptr[i] == '-';
    return is_good;
}

int init_command(const struct command *command, int argc, char *const *argv) {
    struct sv names[COUNT_OF(layouts)];
    for (size_t i = 0; i < COUNT_OF(layouts); i++)
        names[i] = layouts[i].name;
    int layout = 0;
    const struct option options[] = {
        {SV("layout"), OPTION_CHOICE, SV("master-worker|workers|client-only"), names,
         COUNT_OF(names), &layout, SV("which components the class has")},
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (operands.count != 1)
        return command_fail(command, "name the class: crctl init NAME");
    AUTO(arena) arena = arena_new();
    if (!is_name(operands.items[0]))
        return command_fail(
            command, arena_printf(arena,
                                  "\"%.*s\" is no name for a class: it has up to 30 lower-case "
                                  "letters, digits and hyphens, a letter first",
                                  SV_ARG(sv_prefix(operands.items[0], 60)))
                         .ptr);
    struct error err = {0};
    struct sv name = operands.items[0];
    if (!write_all(name, layouts[layout].words, arena, &err))
        return command_fail(command, err.message);
    return command_print(arena_printf(arena, "%.*s/ is made; next: crctl certify %.*s/class.yaml\n",
                                      SV_ARG(name), SV_ARG(name)),
                         EXIT_HELD);
}
