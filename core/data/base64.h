/* SPDX-License-Identifier: Apache-2.0 */
/* base64: RFC 4648, the standard alphabet with padding and the URL alphabet without. Pure. */
#ifndef CORE_DATA_BASE64_H
#define CORE_DATA_BASE64_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* In `arena`. */
struct sv base64_encode(struct arena *arena, struct sv bytes);
struct sv base64url_encode(struct arena *arena, struct sv bytes);
/* False for anything but the alphabet (padding may be missing in the URL form only). */
MUST_CHECK bool base64_decode(struct arena *arena, struct sv text, struct sv *ret_bytes);
MUST_CHECK bool base64url_decode(struct arena *arena, struct sv text, struct sv *ret_bytes);

#endif
