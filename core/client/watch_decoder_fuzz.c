/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says how long the slices are in which the rest arrives, and by its lowest bit
 * whether managedFields are left out, and versions that are known. */
#include "core/client/watch_decoder.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                struct sv resource_version) {
    (void)context, (void)namespace_name, (void)name;
    return sv_eq(uid, resource_version);
}

static bool is_long(const struct cJSON *entries) {
    return json_count(entries) > 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct known_versions known = {.has = has};
    static const struct unread little = {
        .managed_fields = true, .needs_managed_fields = is_long, .known = &known};
    static const struct unread nothing = {0};
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
            if (!watch_event_read(arena, line, data[0] & 1 ? &little : &nothing, &event, &err))
                return 0;
            assert(event.object);
        }
        rest = sv_drop(rest, slice);
    }
    return 0;
}
