/* SPDX-License-Identifier: Apache-2.0 */
/* pattern: regular expressions as Go reads them. Private to schema/. */
#ifndef FAKEAPI_SCHEMA_PATTERN_H
#define FAKEAPI_SCHEMA_PATTERN_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

enum { PATTERN_BYTES_MAX = 64 * 1024 };

/* Whether it can be compiled here: Go knows it, and it needs less than 8 MiB. */
bool pattern_is_known(struct arena *arena, struct sv pattern);
/* What Go says of a pattern that is none: "error parsing regexp: missing closing ): `(`"; SV("")
 * when it says nothing. */
struct sv pattern_fault(struct arena *arena, struct sv pattern);
/* Whether it matches a part of the text; true for a pattern that is not known, since a value is
 * not refused for what we cannot read. `ret_match` is the leftmost part, and may be NULL. */
bool pattern_matches(struct arena *arena, struct sv pattern, struct sv text, struct sv *ret_match);

#endif
