/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_limit: how much memory the container that we run in may take before the kernel ends it,
 * as its control group says: memory.max of version 2, memory.limit_in_bytes of version 1 (the
 * kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
 */
#ifndef CORE_PLATFORM_MEMORY_LIMIT_H
#define CORE_PLATFORM_MEMORY_LIMIT_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* Where a container sees its own control group. */
#define MEMORY_LIMIT_FOLDER "/sys/fs/cgroup"

/* Bytes; 0: there is no limit, or none that can be read. */
int64_t memory_limit_read(struct sv folder);

#endif
