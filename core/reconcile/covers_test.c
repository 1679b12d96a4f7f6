/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/covers.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/frozen.h"
#include "core/data/json.h"
#include "core/reconcile/names.h"

static struct cJSON *parse(struct arena *arena, const char *text) {
    struct error err = {0};
    return json_read(arena, sv_from(text), &err);
}

static const struct {
    const char *observed, *desired, *path; /* NULL: covered */
} cases[] = {
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", NULL},
    {"{\"a\":1}", "{\"a\":2}", "a"},
    {"{}", "{\"a\":{},\"b\":[],\"c\":\"\",\"d\":0,\"e\":false}", NULL},
    {"{}", "{\"a\":{\"b\":1}}", "a"},
    {"{\"requests\":{\"cpu\":\"500m\"}}", "{\"requests\":{\"cpu\":\"0.5\"}}", NULL},
    {"{\"requests\":{\"memory\":\"1Gi\"}}", "{\"requests\":{\"memory\":\"1024Mi\"}}", NULL},
    {"{\"requests\":{\"memory\":\"1Gi\"}}", "{\"requests\":{\"memory\":\"1G\"}}",
     "requests.memory"},
    {"{\"x\":\"500m\"}", "{\"x\":\"0.5\"}", "x"},
    {"{\"env\":[{\"name\":\"b\",\"value\":\"2\"},{\"name\":\"a\",\"value\":\"1\"}]}",
     "{\"env\":[{\"name\":\"a\",\"value\":\"1\"}]}", NULL},
    {"{\"env\":[{\"name\":\"a\",\"value\":\"1\"}]}", "{\"env\":[{\"name\":\"a\",\"value\":\"2\"}]}",
     "env.a.value"},
    {"{\"env\":[]}", "{\"env\":[{\"name\":\"a\"}]}", "env.a"},
    {"{\"args\":[\"a\",\"b\"]}", "{\"args\":[\"a\"]}", "args"},
    {"{\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80}]}",
     "{\"ports\":[{\"port\":80}]}", NULL},
    {"{\"selector\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"selector\":{\"a\":\"1\"}}", "selector"},
    {"{\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"nodeSelector\":{\"a\":\"1\"}}",
     "nodeSelector"},
    {"{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"labels\":{\"a\":\"1\"}}", NULL},
    {"{\"ports\":[{\"port\":80,\"protocol\":\"UDP\"}]}", "{\"ports\":[{\"port\":80}]}", "ports.80"},
};

TEST(covers_by_kubernetes_meaning) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct sv path;
        bool is_covered =
            covers(parse(arena, cases[i].observed), parse(arena, cases[i].desired), arena, &path);
        CHECK(is_covered == (cases[i].path == NULL));
        CHECK_SV(path, sv_from(cases[i].path));
    }
}

TEST(merge_patch_holds_what_differs) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *from =
        parse(arena, "{\"a\":1,\"b\":{\"c\":1,\"d\":2},\"e\":[1,2],\"g\":{\"h\":1}}");
    const struct cJSON *to =
        parse(arena, "{\"b\":{\"c\":1,\"d\":3},\"e\":[1],\"f\":{},\"g\":\"text\"}");
    CHECK_SV(json_write_arena(arena, covers_merge_patch(from, to, arena), JSON_COMPACT),
             SV("{\"a\":null,\"b\":{\"d\":3},\"e\":[1],\"f\":{},\"g\":\"text\"}"));
    CHECK(covers_merge_patch(to, to, arena) == NULL);
}

TEST(long_names_of_volumes_are_shortened) {
    AUTO(arena) arena = arena_new();
    CHECK_SV(names_secret_volume(arena, SV("sec")), SV("cache-mnt-secret-sec"));
    struct sv longest = SV("a-very-long-name-of-a-secret-that-does-not-fit-into-a-volume");
    CHECK(names_secret_volume(arena, longest).len == 63);
    CHECK(names_volume(arena, "fluid-extra-", longest, "").len == 63);
}

/* A quantity that is spelled otherwise is no change. */
TEST(hashes_quantities_by_value) {
    static const struct {
        const char *a, *b;
        bool is_same;
    } pairs[] = {
        {"{\"requests\":{\"cpu\":\"0.5\"}}", "{\"requests\":{\"cpu\":\"500m\"}}", true},
        {"{\"limits\":{\"memory\":\"1024Mi\"}}", "{\"limits\":{\"memory\":\"1Gi\"}}", true},
        {"{\"limits\":{\"memory\":\"1Gi\"}}", "{\"limits\":{\"memory\":\"1G\"}}", false},
        {"{\"limits\":{\"cpu\":1}}", "{\"limits\":{\"cpu\":\"1\"}}", true},
        {"{\"args\":[\"0.5\"]}", "{\"args\":[\"500m\"]}", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        const struct cJSON *a = json_read(arena, sv_from(pairs[i].a), &err);
        const struct cJSON *b = json_read(arena, sv_from(pairs[i].b), &err);
        CHECK((covers_hash(a) == covers_hash(b)) == pairs[i].is_same);
    }
}

/* What is remembered of a frozen object is what an object says that is not. */
TEST(content_is_hashed_alike_frozen_or_not) {
    static const struct {
        const char *a, *b;
        bool is_same;
    } pairs[] = {
        {"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"1\"},\"spec\":{\"n\":1}}",
         "{\"spec\":{\"n\":1},\"metadata\":{\"name\":\"x\",\"generation\":2},\"status\":{}}", true},
        {"{\"metadata\":{\"name\":\"x\"},\"spec\":{\"n\":1}}",
         "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"n\":2}}", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO(arena) arena = arena_new();
        const struct cJSON *a = parse(arena, pairs[i].a), *b = parse(arena, pairs[i].b);
        struct frozen *frozen = frozen_new(b);
        for (int times = 0; times < 2; times++)
            CHECK((covers_content_hash(a) == covers_content_hash(frozen_root(frozen))) ==
                  pairs[i].is_same);
        CHECK(covers_content_hash(b) == covers_content_hash(frozen_root(frozen)));
        frozen_unref(frozen);
    }
}
