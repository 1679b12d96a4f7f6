/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/heap.h"

#include "core/base/mem.h"
#include "core/base/test.h"

#include <unistd.h>

enum { BLOCK_BYTES = 1024 * 1024, BLOCK_COUNT = 32 };

static void use_and_free(void) {
    void *blocks[BLOCK_COUNT];
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        blocks[i] = mem_alloc(BLOCK_BYTES);
    for (size_t i = BLOCK_COUNT; i-- > 0;)
        mem_free(blocks[i]);
}

/* Neither by growing nor by giving back: a page that comes and goes is zeroed each time. */
TEST(what_is_used_and_freed_leaves_the_heap_as_it_was) {
    heap_prefer_huge_pages();
    mem_free(mem_alloc(1));
    const char *end = sbrk(0);
    use_and_free();
    CHECK((const char *)sbrk(0) == end);
    use_and_free();
    CHECK((const char *)sbrk(0) == end);
}

/* Whoever uses the memory may not see that another thread touches it, too: what is new is zero, and
 * what was written stays. */
TEST(memory_that_is_touched_ahead_is_what_it_would_be) {
    enum { BLOCKS = 3 * BLOCK_COUNT };
    unsigned char *blocks[BLOCKS];
    heap_prefer_huge_pages();
    heap_touch_ahead();
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = mem_alloc(BLOCK_BYTES);
        bool is_zero = true;
        for (size_t at = 0; at < BLOCK_BYTES; at += 512)
            is_zero &= blocks[i][at] == 0;
        CHECK(is_zero);
        memset(blocks[i], (int)i + 1, BLOCK_BYTES);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        bool is_kept = true;
        for (size_t at = 0; at < BLOCK_BYTES; at += 512)
            is_kept &= blocks[i][at] == i + 1;
        CHECK(is_kept);
        mem_free(blocks[i]);
    }
}
