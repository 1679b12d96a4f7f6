/* SPDX-License-Identifier: Apache-2.0 */
#include "core/platform/heap.h"

#include "core/base/base.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    HUGE_PAGE_BYTES = 2 * 1024 * 1024,
    /* What is larger comes and goes by mmap(). The most that glibc takes. */
    MMAP_BYTES_MIN = 32 * 1024 * 1024,
    /* Touched at once, and so the most that is touched and never asked for. */
    STEP_BYTES = 32 * 1024 * 1024,
    /* Far less than it takes to use up a step. */
    LOOK_INTERVAL_MS = 2,
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

/* The aligned part of the range; NULL: there is none. */
static char *huge_range;
static size_t huge_bytes;

/* glibc knows this as its tunable malloc.hugetlb, which can only be set before a process starts.
 * A block of the range's size makes the heap grow by it at once, and stays with the heap when it is
 * freed, since nothing is given back any more. */
void heap_prefer_huge_pages(void) {
    /* Small blocks that are freed join their neighbours at once: kept apart, they are all walked
     * and joined again and again, whenever a large block is asked for. Those that come and go are
     * kept at hand all the same, for each thread. All threads share the one heap that has the
     * range: others would be of small pages, which nobody touches ahead. */
    bool is_set = HAS_HEAP && mallopt(M_ARENA_MAX, 1) && mallopt(M_MXFAST, 0) &&
                  mallopt(M_TRIM_THRESHOLD, -1) && mallopt(M_MMAP_MAX, 0);
    char *range = is_set ? malloc(range_bytes) : NULL;
    if (range) {
        size_t gap = HUGE_PAGE_BYTES - (uintptr_t)range % HUGE_PAGE_BYTES;
        huge_range = range + gap;
        huge_bytes = range_bytes - HUGE_PAGE_BYTES;
        madvise(huge_range, huge_bytes, MADV_HUGEPAGE);
        free(range);
    }
    if (is_set) {
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES_MIN);
        mallopt(M_MMAP_MAX, 65536); /* as it was */
    }
}

static bool is_touched(char *page) {
    unsigned char is_resident = 0;
    return mincore(page, 1, &is_resident) == 0 && (is_resident & 1);
}

/* The heap grows upwards through the range. The first page of each step is left to whoever uses it:
 * once it is there, the heap has come so far, and will need the rest of the step. Nothing is done
 * for those who need no more than the first one. */
static void *touch_steps(void *unused) {
    static const struct timespec pause = {.tv_nsec = LOOK_INTERVAL_MS * 1000000};
    (void)unused;
    for (char *step = huge_range + STEP_BYTES; step + STEP_BYTES <= huge_range + huge_bytes;
         step += STEP_BYTES) {
        while (!is_touched(step))
            nanosleep(&pause, NULL);
        if (madvise(step, STEP_BYTES, MADV_POPULATE_WRITE) != 0)
            break; /* a kernel before 5.14, or there is no memory: whoever asks for it is told */
    }
    return NULL;
}

void heap_touch_ahead(void) {
    static pid_t owner; /* of the thread, which does not outlive a fork() */
    sigset_t all, before;
    pthread_t thread;
    if (!huge_range || owner == getpid())
        return;
    owner = getpid();
    /* Signals are for the caller's thread, which expects them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, touch_steps, NULL) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
