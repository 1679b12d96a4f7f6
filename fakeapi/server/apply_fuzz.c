/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "<live>\n<configuration>": applying ends and leaves its inputs alone; applying the same again
 * changes nothing; a second manager that applies the same agrees with the first.
 */
#include "fakeapi/server/apply.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema *pod_schema(void) {
    for (size_t i = 0; i < schema_builtin_type_count; i++)
        if (sv_eq(schema_builtin_types[i].name, SV("io.k8s.api.core.v1.Pod")))
            return schema_builtin_types[i].schema;
    abort();
}

static struct apply_writer writer_named(struct sv manager) {
    return (struct apply_writer){.manager = manager,
                                 .api_version = SV("v1"),
                                 .subresource = SV(""),
                                 .time = SV("2026-01-01T00:00:00Z")};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct sv rest = {size ? (const char *)data : "", size};
    struct sv first = sv_cut(&rest, '\n');
    struct cJSON *live = json_read(arena, first, &err);
    const struct cJSON *config = json_read(arena, rest, &err);
    if (!json_is_map(live) || !json_is_map(config))
        return 0;
    struct apply_writer creator = writer_named(SV("creator")), one = writer_named(SV("one"));
    struct apply_writer two = writer_named(SV("two"));
    apply_track_update(arena, pod_schema(), NULL, live, &creator);
    const struct cJSON *before = json_copy(arena, live);
    struct apply_result result, again, other;
    apply_merge(arena, pod_schema(), live, config, &one, true, &result);
    assert(json_equal(live, before));
    if (!result.object)
        return 0;
    apply_merge(arena, pod_schema(), result.object, config, &one, false, &again);
    assert(again.object && json_equal(again.object, result.object));
    apply_merge(arena, pod_schema(), result.object, config, &two, false, &other);
    assert(other.conflict_count == 0);
    return 0;
}
