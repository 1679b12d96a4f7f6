/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng: seeded pseudo-random numbers (splitmix64), equal on every machine. One of the four
 * seams: the simulation passes a seed, the daemon seeds from the system.
 */
#ifndef CORE_BASE_RNG_H
#define CORE_BASE_RNG_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct rng {
    uint64_t state;
};

void rng_init(struct rng *rng, uint64_t seed);
/* An independent stream for a named purpose, so that one consumer more does not shift the
 * numbers of the others. */
void rng_init_named(struct rng *rng, uint64_t seed, struct sv purpose);
uint64_t rng_next(struct rng *rng);
/* 0 to bound - 1; `bound` is at least 1. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* True in `numerator` of `denominator` cases. */
bool rng_chance(struct rng *rng, uint64_t numerator, uint64_t denominator);

#endif
