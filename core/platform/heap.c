/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/heap.h"

#include "core/base/base.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    HUGE_PAGE_BYTES = 2 * 1024 * 1024,
    /* What is larger comes and goes by mmap(). The most that glibc takes. */
    MMAP_BYTES_MIN = 32 * 1024 * 1024,
};
/* Address space only. A simulation of 10,000 runtimes fits in. */
static const size_t range_bytes = (size_t)4 * 1024 * 1024 * 1024;

/* A sanitizer's malloc() has no heap of this kind, and would prepare all of the range. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_HEAP 0
#elif defined(__has_feature)
#define HAS_HEAP !__has_feature(address_sanitizer)
#else
#define HAS_HEAP 1
#endif

/* glibc knows this as its tunable malloc.hugetlb, which can only be set before a process starts.
 * A block of the range's size makes the heap grow by it at once, and stays with the heap when it is
 * freed, since nothing is given back any more. */
void heap_prefer_huge_pages(void) {
    /* Small blocks that are freed join their neighbours at once: kept apart, they are all walked
     * and joined again and again, whenever a large block is asked for. Those that come and go are
     * kept at hand all the same, for each thread. */
    bool is_set =
        HAS_HEAP && mallopt(M_MXFAST, 0) && mallopt(M_TRIM_THRESHOLD, -1) && mallopt(M_MMAP_MAX, 0);
    char *range = is_set ? malloc(range_bytes) : NULL;
    if (range) {
        size_t gap = HUGE_PAGE_BYTES - (uintptr_t)range % HUGE_PAGE_BYTES;
        madvise(range + gap, range_bytes - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
        free(range);
    }
    if (is_set) {
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES_MIN);
        mallopt(M_MMAP_MAX, 65536); /* as it was */
    }
}
