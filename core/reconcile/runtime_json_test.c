/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.json against Go's own encoder and Kubernetes' own quantities: the vectors were printed
 * by ci/oracle, which shares no code with us. RUNTIME_JSON_VECTORS names another file of them.
 */
#include "core/reconcile/runtime_json.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "core/reconcile/pass.h"

enum { LINE_BYTES_MAX = 256 * 1024 };

static struct sv render(struct arena *arena, const struct cJSON *vector) {
    static const struct reconcile_options options = {.mount_root = {"/runtime-mnt", 12}};
    struct snapshot snapshot = {
        .namespace_name = json_find_string(vector, "namespace"),
        .name = json_find_string(vector, "name"),
        .runtime_class = json_get(vector, SV("class")),
        .runtime = json_get(vector, SV("runtime")),
        .dataset = json_get(vector, SV("dataset")),
        .options = &options,
    };
    struct plan plan;
    struct pass pass;
    pass_init(&pass, &snapshot, arena, &plan);
    runtime_json_render(&pass);
    return pass.runtime_json;
}

TEST(is_gos_encoding_of_the_same_input) {
    const char *path = getenv("RUNTIME_JSON_VECTORS");
    FILE *file =
        fopen(path ? path : TEST_SOURCE_DIR "/core/reconcile/testdata/runtime_json.vectors", "rb");
    REQUIRE(file != NULL);
    static char line[LINE_BYTES_MAX];
    size_t count = 0;
    while (fgets(line, sizeof(line), file)) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        const struct cJSON *vector = json_read(arena, sv_trim(sv_from(line)), &err);
        CHECK(vector != NULL);
        CHECK_SV(render(arena, vector), json_find_string(vector, "expected"));
        count++;
    }
    fclose(file);
    CHECK(count >= 100);
}
