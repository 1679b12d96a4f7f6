/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_class: the class whose caches the benchmarks build: a master, workers and a client, small,
 * but with every part that costs a write.
 */
#ifndef BENCH_BENCH_CLASS_H
#define BENCH_BENCH_CLASS_H

#include "core/base/sv.h"

struct arena;

/* The YAML of a CacheRuntimeClass. `entries` is what stands under the master's executionEntries, a
 * flow map such as "{mountUFS: {command: [/mount.sh]}}". */
struct sv bench_class(struct arena *arena, struct sv name, struct sv entries);

#endif
