/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/generate_parts.h"

bool generate_chance(struct generator *generator, uint64_t percent) {
    return rng_chance(&generator->rng, percent, 100);
}

struct sv generate_pick(struct generator *generator, const char *const *from, size_t count) {
    return sv_from(from[rng_below(&generator->rng, count)]);
}

struct sv generate_part(struct generator *generator, struct sv text) {
    size_t index = generator->part_count++;
    bool is_removed = index < GENERATED_PARTS_MAX && (generator->removed >> index & 1) == 1;
    return is_removed ? SV("") : text;
}

struct sv generate_maybe(struct generator *generator, uint64_t percent, struct sv text) {
    bool is_there = generate_chance(generator, percent) && text.len > 0;
    return is_there ? generate_part(generator, text) : SV("");
}
