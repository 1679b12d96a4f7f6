/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/script/simulation_pattern.h"

static bool take_name(struct sv *rest, struct pattern_piece *ret_piece) {
    struct sv inside = sv_drop(*rest, 2);
    size_t end = sv_find(inside, '}');
    bool is_broken = end == inside.len || end == 0;
    *ret_piece = (struct pattern_piece){is_broken ? PATTERN_BROKEN : PATTERN_NAME,
                                        is_broken ? *rest : sv_prefix(inside, end)};
    *rest = is_broken ? sv_drop(*rest, rest->len) : sv_drop(inside, end + 1);
    return true;
}

bool pattern_take(struct sv *rest, struct pattern_piece *ret_piece) {
    if (rest->len == 0)
        return false;
    if (sv_starts_with(*rest, SV("${")))
        return take_name(rest, ret_piece);
    if (sv_starts_with(*rest, SV("$$"))) {
        *ret_piece = (struct pattern_piece){PATTERN_TEXT, sv_prefix(*rest, 1)};
        *rest = sv_drop(*rest, 2);
        return true;
    }
    /* A dollar that begins neither is text like any other. */
    size_t end = 1 + sv_find(sv_drop(*rest, 1), '$');
    *ret_piece = (struct pattern_piece){PATTERN_TEXT, sv_prefix(*rest, end)};
    *rest = sv_drop(*rest, end);
    return true;
}
