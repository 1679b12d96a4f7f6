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
