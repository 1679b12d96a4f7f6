/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: checks and writes UTF-8 (RFC 3629: no surrogates, no overlong forms). Pure. */
#ifndef CORE_DATA_UTF8_H
#define CORE_DATA_UTF8_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* Length of the well-formed sequence that `bytes` starts with, or 0. */
size_t utf8_sequence_bytes(struct sv bytes);
/* Writes up to 4 bytes and returns how many. */
size_t utf8_encode(uint32_t code, char *out);
/* Position of the first byte that is not part of a well-formed sequence, or bytes.len. */
size_t utf8_valid_bytes(struct sv bytes);
/* Space to "~": nothing that moves a terminal, and nothing beyond ASCII. */
bool utf8_is_printable_ascii(struct sv text);

#endif
