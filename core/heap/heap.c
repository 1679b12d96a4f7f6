/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heap/heap.h"

#include "core/base/base.h"

#if HAS_MIMALLOC
#include <mimalloc.h>
#endif
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    /* mimalloc takes memory from a range in pieces of this size, at multiples of it. Touched at
     * once, and so the most that is touched and never asked for. */
    STEP_BYTES = 32 * 1024 * 1024,
    /* Far less than it takes to use up a step. */
    LOOK_INTERVAL_MS = 2,
};

/* NULL: there is none. */
static char *huge_range;
static size_t huge_bytes;

#if HAS_MIMALLOC
/* Address space only. A simulation of 10,000 runtimes fits in. */
static const size_t range_bytes = (size_t)4 * 1024 * 1024 * 1024;

/* mimalloc's own huge pages are those that an administrator has set aside. It knows ours as pages
 * that are there and stay, so that none is given back and cleared again. */
void heap_prefer_huge_pages(void) {
    if (huge_range)
        return;
    char *range = mmap(NULL, range_bytes + STEP_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        return;
    range += STEP_BYTES - (uintptr_t)range % STEP_BYTES;
    madvise(range, range_bytes, MADV_HUGEPAGE);
    mi_option_disable(mi_option_page_reset);
    if (!mi_manage_os_memory(range, range_bytes, true, true, true, -1))
        return;
    huge_range = range;
    huge_bytes = range_bytes;
}
#else
void heap_prefer_huge_pages(void) {
}
#endif

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
