/* SPDX-License-Identifier: Apache-2.0 */
/* "<path>\n<document>": whatever both are, the search ends inside of the document. */
#include "fakeapi/server/json_path.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv rest = {size ? (const char *)data : "", size};
    struct sv path = sv_cut(&rest, '\n');
    const struct cJSON *root = json_read(arena, rest, &err);
    const struct cJSON *found = root ? json_path_find(root, path) : NULL;
    if (found)
        json_write_arena(arena, found, JSON_COMPACT);
    return 0;
}
