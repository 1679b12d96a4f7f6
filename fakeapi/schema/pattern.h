/* SPDX-License-Identifier: Apache-2.0 */
/* pattern: regular expressions as Go reads them (RE2), as far as CRDs use them. Private to
 * schema/. */
#ifndef FAKEAPI_SCHEMA_PATTERN_H
#define FAKEAPI_SCHEMA_PATTERN_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

enum { PATTERN_BYTES_MAX = 4096 };

/* Whether it can be compiled here. */
bool pattern_is_known(struct arena *arena, struct sv pattern);
/* What Go says of a pattern that is none: "error parsing regexp: missing closing ): `(`"; SV("")
 * when it says nothing. */
struct sv pattern_fault(struct arena *arena, struct sv pattern);
/* How long the class is that the pattern begins with, its brackets included; more than the pattern
 * has when it does not end. */
size_t pattern_bracket_bytes(struct sv pattern);
/* Whether it matches a part of the text; true for a pattern that is not known, since a value is
 * not refused for what we cannot read. `ret_match` is the first part, and may be NULL. */
bool pattern_matches(struct arena *arena, struct sv pattern, struct sv text, struct sv *ret_match);

#endif
