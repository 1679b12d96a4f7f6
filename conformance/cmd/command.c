/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/cmd/command.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <errno.h>
#include <unistd.h>

enum { HELP_BYTES_MAX = 64 * 1024 };

static int print_help(const struct command *command, const struct option *options,
                      size_t option_count) {
    struct buf buf;
    buf_init(&buf, HELP_BYTES_MAX);
    bool fits = buf_printf(&buf, "usage: crctl %.*s%s%.*s\n%.*s\n\n", SV_ARG(command->name),
                           command->usage.len > 0 ? " " : "", SV_ARG(command->usage),
                           SV_ARG(command->help)) &&
                options_help(&buf, options, option_count);
    assert(fits);
    int status = command_print(buf_view(&buf), EXIT_HELD);
    buf_release(&buf);
    return status;
}

static bool asks_for_help(int argc, char *const *argv) {
    for (int i = 0; i < argc && !sv_eq(sv_from(argv[i]), SV("--")); i++) {
        if (sv_eq(sv_from(argv[i]), SV("--help")) || sv_eq(sv_from(argv[i]), SV("-h")))
            return true;
    }
    return false;
}

bool command_options(const struct command *command, const struct option *options,
                     size_t option_count, int argc, char *const *argv,
                     struct operands *ret_operands, int *ret_status) {
    if (asks_for_help(argc, argv)) {
        *ret_status = print_help(command, options, option_count);
        return false;
    }
    struct error err = {0};
    if (options_parse(options, option_count, argc, argv, ret_operands, &err))
        return true;
    *ret_status = command_fail(command, err.message);
    return false;
}

/* Blanks for the control characters of ASCII, but for line breaks, and for those behind it, which
 * are U+0080 to U+009F in UTF-8. */
static struct sv without_controls(struct arena *arena, struct sv text) {
    char *clean = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;
        bool is_wide = byte == 0xc2 && next >= 0x80 && next < 0xa0;
        bool is_control = (byte < ' ' && byte != '\n') || byte == 0x7f || is_wide;
        clean[i] = is_control ? ' ' : (char)byte;
        if (is_wide)
            clean[++i] = ' ';
    }
    return (struct sv){clean, text.len};
}

int command_fail(const struct command *command, const char *message) {
    AUTO(arena) arena = arena_new();
    struct sv clean = without_controls(arena, sv_from(message));
    fprintf(stderr, "crctl %.*s: %.*s\n", SV_ARG(command->name), SV_ARG(clean));
    return EXIT_USAGE;
}

int command_fail_with(const struct command *command, const struct error *err) {
    command_fail(command, err->message);
    switch (err->code) {
    case ERROR_UNAVAILABLE:
    case ERROR_TIMEOUT:
    case ERROR_INTERNAL:
    case ERROR_FORBIDDEN:
    case ERROR_UNAUTHORIZED:
        return EXIT_HARNESS;
    default:
        return EXIT_USAGE;
    }
}

int command_print(struct sv text, int status) {
    while (text.len > 0) {
        ssize_t wrote = write(STDOUT_FILENO, text.ptr, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EPIPE)
            return EXIT_HARNESS; /* "| head" has seen enough */
        if (wrote < 0) {
            fprintf(stderr, "crctl: cannot write to stdout: %s\n", strerror(errno));
            return EXIT_HARNESS;
        }
        text = sv_drop(text, (size_t)wrote);
    }
    return status;
}

int command_print_lines(struct sv text, int status) {
    AUTO(arena) arena = arena_new();
    return command_print(without_controls(arena, text), status);
}

bool command_has_color(enum color color) {
    if (color == COLOR_AUTO)
        return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return color == COLOR_ALWAYS;
}
