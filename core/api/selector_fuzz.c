/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/selector.h"

#include "core/base/arena.h"
#include "core/base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct selector selector;
    if (selector_parse(arena, (struct sv){size ? (const char *)data : "", size}, &selector, &err))
        selector_matches(&selector, NULL);
    return 0;
}
