/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/memory_limit.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/platform/file.h"

/* Version 1 writes the largest number of whole pages where there is no limit. */
enum { FILE_BYTES_MAX = 64, NO_LIMIT_BITS = 62 };

/* 0 for "max", and for what is no number. */
static int64_t read_number(struct arena *arena, struct sv folder, const char *name) {
    struct error err = {0};
    struct sv text;
    int64_t bytes = 0;
    struct sv path = arena_printf(arena, "%.*s/%s", SV_ARG(folder), name);
    if (!file_read(arena, path, FILE_BYTES_MAX, &text, &err) || !sv_to_int64(sv_trim(text), &bytes))
        return 0;
    return bytes > 0 && bytes < INT64_C(1) << NO_LIMIT_BITS ? bytes : 0;
}

int64_t memory_limit_read(struct sv folder) {
    AUTO(arena) arena = arena_new();
    int64_t bytes = read_number(arena, folder, "memory.max");
    return bytes > 0 ? bytes : read_number(arena, folder, "memory/memory.limit_in_bytes");
}
