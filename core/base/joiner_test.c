/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/joiner.h"

#include "core/base/arena.h"
#include "core/base/test.h"

TEST(nothing_was_added) {
    AUTO(arena) arena = arena_new();
    struct joiner joiner;
    joiner_init(&joiner, arena);
    CHECK_SV(joiner_text(&joiner), SV(""));
}

TEST(parts_follow_each_other) {
    AUTO(arena) arena = arena_new();
    struct joiner joiner;
    joiner_init(&joiner, arena);
    joiner_add_apart(&joiner, SV(", "), SV(""));
    joiner_add_apart(&joiner, SV(", "), SV("a"));
    joiner_add(&joiner, SV("b"));
    joiner_printf(&joiner, "=%d;%s", 7, "c");
    joiner_add_apart(&joiner, SV(", "), SV("d"));
    CHECK_SV(joiner_text(&joiner), SV(", ab=7;c, d"));
    CHECK(strlen(joiner_text(&joiner).ptr) == joiner_text(&joiner).len);
}

/* Memory grows with the text, not with its square. */
TEST(a_long_text_costs_what_it_holds) {
    enum { PARTS = 100 * 1000 };
    AUTO(arena) arena = arena_new();
    struct joiner joiner;
    joiner_init(&joiner, arena);
    for (int i = 0; i < PARTS; i++)
        joiner_printf(&joiner, "%05d,", i);
    CHECK(joiner_text(&joiner).len == (size_t)PARTS * 6);
    CHECK_SV(sv_drop(joiner_text(&joiner), (size_t)(PARTS - 1) * 6), SV("99999,"));
    CHECK(arena_held_bytes(arena) < (size_t)PARTS * 6 * 8);
}
