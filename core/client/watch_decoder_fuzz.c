/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says how long the slices are in which the rest arrives, and by its lowest bit
 * whether managedFields are left out. */
#include "core/client/watch_decoder.h"

#include "core/base/arena.h"
#include "core/base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    size_t slice = (size_t)data[0] + 1;
    struct sv rest = {(const char *)data + 1, size - 1};
    AUTO(arena) arena = arena_new();
    AUTO(watch_decoder) decoder = watch_decoder_new();
    struct error err = {0};
    while (rest.len > 0 && watch_decoder_feed(decoder, sv_prefix(rest, slice), &err)) {
        struct watch_event event;
        struct sv line;
        while (watch_decoder_next(decoder, arena, &line)) {
            if (!watch_event_read(arena, line, data[0] & 1, &event, &err))
                return 0;
            assert(event.object);
        }
        rest = sv_drop(rest, slice);
    }
    return 0;
}
