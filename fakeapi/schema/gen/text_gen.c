/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_gen: run by the build. Writes JSON files into one C file, without blanks, for
 * fakeapi/schema/builtin_text.h.
 *
 *     text_gen OUTPUT NAME FILE [NAME FILE]...
 */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"

enum { FILE_BYTES_MAX = 16 * 1024 * 1024, LINE_BYTES = 32 };

static void fail(const char *what, const char *where) {
    fprintf(stderr, "text_gen: %s: %s\n", what, where);
    exit(1);
}

static struct sv compact_text(struct arena *arena, const char *path) {
    FILE *file = fopen(path, "rb");
    struct buf bytes;
    struct error err = {0};
    char chunk[65536];
    size_t taken;
    buf_init(&bytes, FILE_BYTES_MAX);
    if (!file)
        fail("cannot read", path);
    while ((taken = fread(chunk, 1, sizeof(chunk), file)) > 0)
        if (!buf_append(&bytes, (struct sv){chunk, taken}))
            fail("too large", path);
    fclose(file);
    const struct cJSON *tree = json_read(arena, buf_view(&bytes), &err);
    buf_release(&bytes);
    if (!tree)
        fail(err.message, path);
    return json_write_arena(arena, tree, JSON_COMPACT);
}

static void write_text(FILE *out, const char *name, struct sv text) {
    fprintf(out, "static const char %s_bytes[] = {", name);
    for (size_t i = 0; i < text.len; i++)
        fprintf(out, "%s%d,", i % LINE_BYTES ? "" : "\n", (unsigned char)text.ptr[i]);
    fprintf(out, "0};\nconst struct sv builtin_text_%s = {%s_bytes, sizeof(%s_bytes) - 1};\n", name,
            name, name);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc % 2 != 0) {
        fprintf(stderr, "usage: text_gen OUTPUT NAME FILE [NAME FILE]...\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "wb");
    if (!out)
        fail("cannot write", argv[1]);
    fprintf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by text_gen. */\n"
                 "#include \"fakeapi/schema/builtin_text.h\"\n");
    struct arena *arena = arena_new();
    for (int i = 2; i + 1 < argc; i += 2)
        write_text(out, argv[i], compact_text(arena, argv[i + 1]));
    if (fclose(out) != 0)
        fail("cannot write", argv[1]);
    arena_free(arena);
    return 0;
}
