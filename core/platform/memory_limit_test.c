/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/memory_limit.h"

#include "core/base/arena.h"
#include "core/base/test.h"

#include <sys/stat.h>
#include <unistd.h>

#define VERSION_2 "memory.max"
#define VERSION_1 "memory/memory.limit_in_bytes"

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    REQUIRE(file);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

TEST(reads_what_the_control_group_says) {
    static const struct {
        const char *name, *text; /* NULL: there is no file */
        int64_t bytes;
    } cases[] = {
        {NULL, NULL, 0},
        {VERSION_2, "268435456\n", 268435456},
        {VERSION_2, "max\n", 0},
        {VERSION_2, "", 0},
        {VERSION_2, "-1\n", 0},
        {VERSION_2, "0\n", 0},
        {VERSION_2, "99999999999999999999\n", 0},
        {VERSION_1, "134217728\n", 134217728},
        {VERSION_1, "9223372036854771712\n", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        char folder[] = "/tmp/memory-limit-XXXXXX";
        REQUIRE(mkdtemp(folder));
        const char *inner = arena_printf(arena, "%s/memory", folder).ptr;
        CHECK(mkdir(inner, 0700) == 0);
        const char *path =
            cases[i].name ? arena_printf(arena, "%s/%s", folder, cases[i].name).ptr : NULL;
        if (path)
            write_file(path, cases[i].text);
        CHECK(memory_limit_read(sv_from(folder)) == cases[i].bytes);
        if (path)
            CHECK(unlink(path) == 0);
        CHECK(rmdir(inner) == 0 && rmdir(folder) == 0);
    }
}
