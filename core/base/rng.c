/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/rng.h"

void rng_init(struct rng *rng, uint64_t seed) {
    rng->state = seed;
}

void rng_init_named(struct rng *rng, uint64_t seed, struct sv purpose) {
    rng_init(rng, seed ^ sv_hash(purpose));
}

uint64_t rng_next(struct rng *rng) {
    rng->state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = rng->state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

uint64_t rng_below(struct rng *rng, uint64_t bound) {
    assert(bound > 0);
    /* The high half of a product spreads evenly enough for a simulation, without a division. */
    return (uint64_t)(((unsigned __int128)rng_next(rng) * bound) >> 64);
}

bool rng_chance(struct rng *rng, uint64_t numerator, uint64_t denominator) {
    assert(numerator <= denominator);
    return rng_below(rng, denominator) < numerator;
}
