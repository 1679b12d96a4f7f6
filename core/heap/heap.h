/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap: memory for a process that walks through gigabytes of trees in several threads.
 *
 * Programs that link this layer have mimalloc's malloc(), where each thread has memory of its own
 * and waits for no other one. Where mimalloc is not there at build time, or sanitizers are, all
 * calls do nothing.
 */
#ifndef CORE_HEAP_HEAP_H
#define CORE_HEAP_HEAP_H

/* From here on memory comes from one range that the kernel backs with huge pages as it is touched
 * (where /sys/kernel/mm/transparent_hugepage/enabled is "madvise" or "always"), and freed memory
 * is kept for the next allocation. Does nothing where address space is limited; what does not fit
 * into the range comes from ordinary pages. Call it once, before threads are there, and not in a
 * server: clearing a huge page is a pause that its clients see. */
void heap_prefer_huge_pages(void);

/* Has a thread of its own touch the range's memory shortly before the caller does, so that the
 * kernel, and below it a virtual machine's host, clear and find it on another core: in a young
 * virtual machine that is several seconds for a gigabyte. Costs up to 32 MiB more, and
 * nothing for those who need less. For the process that will use the memory, since threads do not
 * outlive a fork(); nothing happens without a range, or when asked again. The thread ends with the
 * process. */
void heap_touch_ahead(void);

#endif
