/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulation_pattern: texts with ${name} in them, as kind Simulation has them: the pieces of one,
 * in order. Pure; what a name stands for is the caller's.
 */
#ifndef CONFORMANCE_SCRIPT_SIMULATION_PATTERN_H
#define CONFORMANCE_SCRIPT_SIMULATION_PATTERN_H

#include "core/base/base.h"
#include "core/base/sv.h"

enum pattern_piece_type {
    PATTERN_TEXT,
    PATTERN_NAME,   /* ${name}: text is the name */
    PATTERN_BROKEN, /* "${" without "}", or an empty name */
};
struct pattern_piece {
    enum pattern_piece_type type;
    struct sv text;
};

/* Takes the next piece from the front of `*rest`; false at the end. "$$" is one dollar. */
bool pattern_take(struct sv *rest, struct pattern_piece *ret_piece);

#endif
