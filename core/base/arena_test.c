/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"

#include "core/base/mem.h"
#include "core/base/test.h"

TEST(memory_is_zeroed_aligned_and_disjoint) {
    AUTO(arena) arena = arena_new();
    char *before = NULL;
    for (size_t bytes = 0; bytes < 3000; bytes += 7) {
        char *memory = arena_alloc(arena, bytes);
        CHECK((uintptr_t)memory % 16 == 0);
        CHECK(memory != before);
        for (size_t i = 0; i < bytes; i++)
            if (memory[i] != 0)
                CHECK(memory[i] == 0);
        memset(memory, 0xff, bytes);
        before = memory;
    }
    arena_reset(arena);
    char *memory = arena_alloc(arena, 100);
    CHECK(memory[0] == 0 && memory[99] == 0);
}

TEST(an_arena_that_is_reset_does_not_allocate_again) {
    AUTO(arena) arena = arena_new();
    arena_alloc(arena, 2000);
    arena_reset(arena);
    uint64_t before = mem_alloc_count();
    for (int i = 0; i < 100; i++) {
        arena_alloc(arena, 2000);
        arena_reset(arena);
    }
    CHECK(mem_alloc_count() == before);
}

TEST(texts_are_terminated_behind_their_end) {
    AUTO(arena) arena = arena_new();
    struct sv copy = arena_copy(arena, sv_prefix(SV("abcdef"), 3));
    CHECK_SV(copy, SV("abc"));
    CHECK(copy.ptr[3] == '\0');
    struct sv text = arena_printf(arena, "%d-%s", 42, "x");
    CHECK_SV(text, SV("42-x"));
    CHECK(text.ptr[4] == '\0');
    CHECK(arena_used_bytes(arena) >= 9 && arena_held_bytes(arena) >= arena_used_bytes(arena));
}

TEST(joined_views_stand_one_behind_the_other_and_are_terminated) {
    AUTO(arena) arena = arena_new();
    struct sv text = ARENA_JOIN(arena, SV("a"), SV(""), SV("bc"), SV("/"), SV("d"));
    CHECK_SV(text, SV("abc/d"));
    CHECK(text.ptr[text.len] == '\0');
    CHECK_SV(ARENA_JOIN(arena, SV("")), SV(""));
}

/* What is reserved is the caller's to fill; what is allocated after it is zeroed all the same. */
TEST(an_arena_that_is_used_again_keeps_its_largest_block_up_to_a_limit) {
    static const struct {
        size_t bytes_max, held_min, held_max;
    } cases[] = {{0, 1, 1024}, {4096, 2048, 4096}, {64 * 1024, 16 * 1024, 64 * 1024}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        arena_reset_keeping(arena, cases[i].bytes_max);
        CHECK(arena_held_bytes(arena) == 0);
        for (int round = 0; round < 3; round++) {
            for (int k = 0; k < 300; k++)
                memset(arena_alloc(arena, 100), 1, 100);
            arena_reset_keeping(arena, cases[i].bytes_max);
            CHECK(arena_used_bytes(arena) == 0);
            CHECK(arena_held_bytes(arena) >= cases[i].held_min);
            CHECK(arena_held_bytes(arena) <= cases[i].held_max);
        }
    }
}

TEST(allocated_memory_is_zeroed_and_reserved_memory_counts) {
    AUTO(arena) arena = arena_new();
    memset(arena_reserve(arena, 100), 'x', 100);
    arena_reset(arena);
    const char *zeroed = arena_alloc(arena, 100);
    for (size_t i = 0; i < 100; i++)
        CHECK(zeroed[i] == '\0');
    arena_reserve(arena, 16);
    CHECK(arena_used_bytes(arena) == 112 + 16);
}

static void count_release(void *what) {
    ++*(int *)what;
}

static void ignore_release(void *what) {
    (void)what;
}

TEST(an_arena_tells_what_it_keeps_of_a_sort) {
    AUTO(arena) arena = arena_new();
    int first = 0, second = 0;
    CHECK(arena_kept(arena, count_release) == NULL);
    arena_at_reset(arena, count_release, &first);
    arena_at_reset(arena, count_release, &second);
    arena_at_reset(arena, ignore_release, NULL);
    CHECK(arena_kept(arena, count_release) == &second);
    for (int i = 0; i < ARENA_KEPT_MAX; i++)
        arena_at_reset(arena, ignore_release, NULL);
    CHECK(arena_kept(arena, count_release) == NULL);
    arena_reset(arena);
    CHECK(first == 1 && second == 1);
    CHECK(arena_kept(arena, ignore_release) == NULL);
}
