/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read must be written and read back as the same tree, and say what a glance says. */
#include "core/data/json.h"

#include "core/base/arena.h"
#include "core/base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv text = {size ? (const char *)data : "", size};
    struct cJSON *item = json_read(arena, text, &err);
    struct json_glimpse glimpse = {.path = SV("a.b")};
    bool is_seen = json_glance(text, &glimpse, 1, 1);
    if (item && is_seen)
        assert(sv_eq(glimpse.text, json_find_string(item, "a.b")));
    if (item) {
        struct sv written = json_write_arena(arena, item, JSON_COMPACT);
        struct cJSON *again = json_read(arena, written, &err);
        assert(again && json_equal(item, again));
    }
    struct sv duplicates;
    item = json_read_last_wins(arena, text, &duplicates, &err);
    if (item)
        json_write_arena(arena, item, JSON_GO_HTML);
    return 0;
}
