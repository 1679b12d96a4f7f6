/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/session_view.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define OWN SV("crctl-1a2b")

static const struct {
    const struct resource *resource;
    const char *user, *cluster;
} objects[] = {
    {&RESOURCE_CACHE_RUNTIME_CLASSES, "{\"metadata\":{\"name\":\"demo\"}}",
     "{\"metadata\":{\"name\":\"demo.of.crctl-1a2b\"}}"},
    {&RESOURCE_CACHE_RUNTIMES,
     "{\"metadata\":{\"name\":\"x\",\"namespace\":\"default\"},\"spec\":{\"runtimeClassName\":"
     "\"demo\"}}",
     "{\"metadata\":{\"name\":\"x\",\"namespace\":\"crctl-1a2b\"},\"spec\":{\"runtimeClassName\":"
     "\"demo.of.crctl-1a2b\"}}"},
    {&RESOURCE_CACHE_RUNTIMES, "{\"spec\":{\"runtimeClassName\":\"demo\"}}",
     "{\"spec\":{\"runtimeClassName\":\"demo.of.crctl-1a2b\"}}"},
    {&RESOURCE_PERSISTENT_VOLUMES, "{\"metadata\":{\"name\":\"default-x\"}}",
     "{\"metadata\":{\"name\":\"crctl-1a2b-x\"}}"},
    {&RESOURCE_PERSISTENT_VOLUMES, "{\"metadata\":{\"name\":\"other-x\"}}",
     "{\"metadata\":{\"name\":\"other-x\"}}"},
    {&RESOURCE_CONFIG_MAPS, "{\"metadata\":{\"name\":\"default-x\",\"namespace\":\"other\"}}",
     "{\"metadata\":{\"name\":\"default-x\",\"namespace\":\"other\"}}"},
};

static struct sv text_of(struct arena *arena, const struct cJSON *tree) {
    return json_write_arena(arena, tree, JSON_COMPACT);
}

TEST(objects_go_there_and_come_back) {
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        const struct cJSON *user = json_read(arena, sv_from(objects[i].user), &err);
        const struct cJSON *there = session_view_object(arena, OWN, objects[i].resource, user);
        CHECK_SV(text_of(arena, there), sv_from(objects[i].cluster));
        CHECK_SV(text_of(arena, session_view_seen(arena, OWN, there)), sv_from(objects[i].user));
        /* A cluster of one's own has the user's names. */
        CHECK(session_view_object(arena, SV(""), objects[i].resource, user) == user);
        CHECK(session_view_seen(arena, SV(""), there) == there);
    }
}

static const struct {
    const char *cluster, *user;
} seen[] = {
    {"fluid.io/s-h-cache-t-crctl-1a2b-demo", "fluid.io/s-h-cache-t-default-demo"},
    {"class \"demo.of.crctl-1a2b\" of crctl-1a2b/x", "class \"demo\" of default/x"},
    {"svc.crctl-1a2b.svc.cluster.local", "svc.default.svc.cluster.local"},
    {"crctl-1a2bcrctl-1a2b", "defaultdefault"},
    {"demo.of.crctl-ffff", "demo.of.crctl-ffff"},
    {"", ""},
};

TEST(names_are_seen_wherever_they_stand) {
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        CHECK_SV(session_view_seen_text(arena, OWN, sv_from(seen[i].cluster)),
                 sv_from(seen[i].user));
        error_set(&err, ERROR_INVALID, "%s", seen[i].cluster);
        session_view_seen_error(OWN, &err);
        CHECK_SV(sv_from(err.message), sv_from(seen[i].user));
    }
}

/* Then nothing is translated, rather than a label lost. */
TEST(two_keys_that_look_alike_both_stay) {
    static const char text[] = "{\"labels\":{\"s-crctl-1a2b-x\":\"1\",\"s-default-x\":\"2\"}}";
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *node = json_read(arena, sv_from(text), &err);
    CHECK_SV(text_of(arena, session_view_seen(arena, OWN, node)), sv_from(text));
}

TEST(only_the_session_s_own_is_its_own) {
    CHECK(session_view_has(OWN, SV("demo.of.crctl-1a2b")));
    CHECK(!session_view_has(OWN, SV("demo.of.crctl-ffff")));
    CHECK(!session_view_has(OWN, SV("demo")));
    CHECK(session_view_has(SV(""), SV("demo")));
}
