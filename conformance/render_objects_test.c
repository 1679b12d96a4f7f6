/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/render_objects.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define CLASS(topology)                                                                            \
    "apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntimeClass\nmetadata: {name: c}\n"           \
    "fileSystemType: fs\ntopology: {" topology "}\n---\n"
#define PART(name) name ": {template: {spec: {containers: [{name: m, image: i}]}}}"
#define DATASET(name)                                                                              \
    "apiVersion: data.fluid.io/v1alpha1\nkind: Dataset\nmetadata: {name: " name "}\n"              \
    "spec: {mounts: [{mountPoint: 's3://a', name: a}]}\n---\n"
#define RUNTIME(name, metadata)                                                                    \
    "apiVersion: data.fluid.io/v1alpha1\nkind: CacheRuntime\nmetadata: {name: " name metadata      \
    "}\nspec: {runtimeClassName: c}\n---\n"

/* Without a client there is nothing that could mount a volume. */
static const struct {
    const char *files;
    const char *kinds;
    const char *refusal; /* of the first runtime */
} cases[] = {
    {CLASS(PART("worker")) DATASET("d") RUNTIME("d", ""), "ConfigMap StatefulSet ", ""},
    {CLASS(PART("master") ", " PART("client")) DATASET("d") RUNTIME("d", ""),
     "ConfigMap StatefulSet DaemonSet PersistentVolume PersistentVolumeClaim ", ""},
    /* What a past or a pause left behind changes nothing. */
    {CLASS(PART("worker")) DATASET("d")
         RUNTIME("d", ", annotations: {cacheruntime.fluid.io/paused: 'true'},"
                      " deletionTimestamp: '2026-01-01T00:00:00Z'"),
     "ConfigMap StatefulSet ", ""},
    {DATASET("d") RUNTIME("d", ""), "", "waits for CacheRuntimeClass \"c\" to be created"},
    {CLASS(PART("worker")) RUNTIME("d", ""), "",
     "waits for Dataset \"d\" to be created in namespace default"},
};

static void render(struct arena *arena, const char *files, struct sv *ret_kinds,
                   struct sv *ret_refusal, struct sv *ret_text) {
    struct manifest manifest;
    struct error err = {0};
    struct rendered *rendered;
    size_t count;
    struct sv kinds = SV("");
    REQUIRE(manifest_parse(arena, SV("f.yaml"), sv_from(files), &manifest, &err));
    REQUIRE(render_objects(arena, &manifest, 1, &rendered, &count, &err));
    REQUIRE(render_objects_yaml(arena, rendered, count, ret_text, &err));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rendered[i].object_count; j++)
            kinds = arena_printf(arena, "%.*s%.*s ", SV_ARG(kinds),
                                 SV_ARG(json_find_string(rendered[i].objects[j], "kind")));
    *ret_refusal = rendered[0].refusal;
    *ret_kinds = kinds;
}

TEST(renders_what_would_be_created_in_order) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv kinds, refusal, text;
        render(arena, cases[i].files, &kinds, &refusal, &text);
        CHECK_SV(kinds, sv_from(cases[i].kinds));
        CHECK_SV(refusal, sv_from(cases[i].refusal));
    }
}

TEST(is_read_back_as_it_was_written) {
    AUTO(arena) arena = arena_new();
    struct sv kinds, refusal, text;
    struct manifest manifest;
    struct error err = {0};
    render(arena, CLASS(PART("worker")) DATASET("d") RUNTIME("d", ""), &kinds, &refusal, &text);
    REQUIRE(manifest_parse(arena, SV("out.yaml"), text, &manifest, &err));
    CHECK(manifest.documents.count == 2);
    CHECK(!sv_contains(text, SV("uid:")));
}

/* Both runtimes own the class's config map; people get it once. */
TEST(a_shared_config_map_is_written_once) {
    static const char files[] =
        CLASS(PART("worker") "}\nextraResources: {configMaps: [{name: shared, data: {a: b}}]"
                             "") DATASET("d") RUNTIME("d", "") DATASET("e") RUNTIME("e", "");
    AUTO(arena) arena = arena_new();
    struct sv kinds, refusal, text;
    struct manifest manifest;
    struct error err = {0};
    render(arena, files, &kinds, &refusal, &text);
    REQUIRE(manifest_parse(arena, SV("out.yaml"), text, &manifest, &err));
    size_t shared = 0;
    for (size_t i = 0; i < manifest.documents.count; i++)
        shared +=
            sv_eq(json_find_string(manifest.documents.roots[i], "metadata.name"), SV("shared"));
    CHECK(shared == 1);
    CHECK(manifest.documents.count == 5);
}
