/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heap/heap.h"

#include "core/base/mem.h"
#include "core/base/test.h"

#include <sys/resource.h>

enum { BLOCK_BYTES = 1024 * 1024, BLOCK_COUNT = 32 };

static void use_and_free(void) {
    void *blocks[BLOCK_COUNT];
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        blocks[i] = mem_alloc(BLOCK_BYTES);
    for (size_t i = BLOCK_COUNT; i-- > 0;)
        mem_free(blocks[i]);
}

static long page_faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
}

/* A page that the kernel gets back is cleared again when it is touched the next time. */
TEST(what_was_freed_is_used_again_as_it_is) {
    heap_prefer_huge_pages();
    use_and_free();
    long before = page_faults();
    use_and_free();
    if (HAS_MIMALLOC)
        CHECK(page_faults() - before < BLOCK_COUNT);
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
