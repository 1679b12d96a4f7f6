/* SPDX-License-Identifier: Apache-2.0 */
/* "<target>\n<patch>": whatever both are, patching ends, and leaves its inputs as they were. */
#include "fakeapi/server/patch.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema *pod_schema(void) {
    for (size_t i = 0; i < schema_builtin_type_count; i++)
        if (sv_eq(schema_builtin_types[i].name, SV("io.k8s.api.core.v1.Pod")))
            return schema_builtin_types[i].schema;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv rest = {size ? (const char *)data : "", size};
    struct sv first = sv_cut(&rest, '\n');
    const struct cJSON *target = json_read(arena, first, &err);
    const struct cJSON *patch = json_read(arena, rest, &err);
    if (!target || !patch)
        return 0;
    const struct cJSON *target_before = json_copy(arena, target);
    const struct cJSON *patch_before = json_copy(arena, patch);
    struct cJSON *results[] = {
        patch_json(arena, target, patch, &err),
        patch_merge(arena, target, patch, &err),
        json_is_map(target) ? patch_strategic(arena, pod_schema(), target, patch, &err) : NULL,
    };
    for (size_t i = 0; i < COUNT_OF(results); i++)
        if (results[i])
            json_write_arena(arena, results[i], JSON_COMPACT);
    assert(json_equal(target, target_before));
    assert(json_equal(patch, patch_before));
    return 0;
}
