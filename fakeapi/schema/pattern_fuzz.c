/* SPDX-License-Identifier: Apache-2.0 */
/* "<text>\n<pattern>": compiling and matching end, in little memory. */
#include "fakeapi/schema/pattern.h"

#include "core/base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct sv pattern = {size ? (const char *)data : "", size}, match = SV("");
    struct sv text = sv_cut(&pattern, '\n');
    if (pattern_is_known(arena, pattern) && pattern_matches(arena, pattern, text, &match))
        assert(match.len <= text.len);
    return 0;
}
