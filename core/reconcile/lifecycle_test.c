/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/lifecycle.md speaks of what is there: the gates in their order and the files that they are
 * in, the functions that serve an engine's interfaces, and the entries that a class may add.
 */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/test.h"
#include "core/reconcile/plan.h"
#include "core/reconcile/snapshot.h"

#include <dirent.h>

enum { SOURCES_BYTES_MAX = 16 * 1024 * 1024, CELLS = 3 };

static struct sv source_of(struct arena *arena, struct sv name) {
    struct sv path = arena_printf(arena, "%s/core/reconcile/%.*s", TEST_SOURCE_DIR, SV_ARG(name));
    return test_read_file(arena, path.ptr);
}

static void read_sources(struct arena *arena, struct buf *sources) {
    DIR *folder = opendir(TEST_SOURCE_DIR "/core/reconcile");
    REQUIRE(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct sv name = sv_from(entry->d_name);
        if (sv_ends_with(name, SV(".c")) && !sv_ends_with(name, SV("_test.c")))
            CHECK(buf_append(sources, source_of(arena, name)));
    }
    closedir(folder);
}

/* The next row of the table below that heading, without the first two lines of the table. */
static bool next_row(struct sv *text, struct sv cells[CELLS]) {
    while (text->len > 0 && !sv_starts_with(*text, SV("#"))) {
        struct sv line = sv_cut(text, '\n');
        if (!sv_starts_with(line, SV("| ")))
            continue;
        sv_cut(&line, '|');
        for (size_t i = 0; i < CELLS; i++)
            cells[i] = sv_trim(sv_cut(&line, '|'));
        if (!sv_starts_with(*text, SV("|---")))
            return true;
    }
    return false;
}

static struct sv below(struct arena *arena, struct sv heading) {
    struct sv text = test_read_file(arena, TEST_SOURCE_DIR "/docs/lifecycle.md");
    while (text.len > 0)
        if (sv_eq(sv_cut(&text, '\n'), heading))
            return text;
    return text;
}

/* The next text between backticks. */
static bool next_code(struct sv *cell, struct sv *ret_code) {
    sv_cut(cell, '`');
    *ret_code = sv_cut(cell, '`');
    return ret_code->len > 0;
}

TEST(the_gates_are_named_in_their_order_with_their_files) {
    AUTO(arena) arena = arena_new();
    struct sv text = below(arena, SV("## From creation to Bound")), cells[CELLS], file;
    size_t gate = 0;
    while (next_row(&text, cells)) {
        REQUIRE(gate < GATE_COUNT);
        CHECK_SV(cells[0], gate_text((enum gate_id)gate++));
        while (next_code(&cells[2], &file))
            CHECK(sv_contains(file, SV("*")) || source_of(arena, file).len > 0);
    }
    CHECK(gate == GATE_COUNT);
}

/* Functions, and what stands in a source as a text. */
static bool is_in(struct arena *arena, struct sv sources, struct sv code) {
    struct sv wanted = sv_contains(code, SV("_")) ? arena_printf(arena, " %.*s(", SV_ARG(code))
                                                  : arena_printf(arena, "\"%.*s\"", SV_ARG(code));
    return sv_contains(code, SV("/")) || sv_contains(sources, wanted);
}

static bool is_entry(struct sv name) {
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (sv_eq(name, execution_entry_text((enum execution_entry)i)))
            return true;
    return false;
}

TEST(interfaces_are_served_by_what_is_there) {
    AUTO(arena) arena = arena_new();
    struct buf sources;
    buf_init(&sources, SOURCES_BYTES_MAX);
    read_sources(arena, &sources);
    struct sv text = below(arena, SV("## The interfaces of an engine, and who serves them"));
    struct sv cells[CELLS], code;
    size_t count = 0, entries = 0;
    while (next_row(&text, cells)) {
        for (; next_code(&cells[1], &code); count++)
            if (!is_in(arena, buf_view(&sources), code))
                CHECK_SV(code, SV("something that is in a source"));
        if (!sv_starts_with(cells[2], SV("entry ")))
            continue;
        struct sv entry = sv_drop(cells[2], strlen("entry "));
        CHECK(is_entry(sv_cut(&entry, ',')));
        entries++;
    }
    CHECK(count >= 20 && entries >= 7);
    buf_release(&sources);
}
