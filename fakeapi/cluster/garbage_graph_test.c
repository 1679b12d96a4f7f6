/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/garbage_graph.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static struct garbage_node *put(struct garbage_graph *graph, struct arena *arena, const char *uid,
                                int version, const char *owners) {
    struct error err = {0};
    struct sv text = arena_printf(arena,
                                  "{\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\",\"uid\":"
                                  "\"%s\",\"resourceVersion\":\"%d\",\"ownerReferences\":[%s]}}",
                                  uid, uid, version, owners);
    const struct cJSON *object = json_read(arena, text, &err);
    CHECK(object != NULL);
    return garbage_graph_put(graph, &RESOURCE_CONFIG_MAPS, object);
}

#define OWNER(uid)                                                                                 \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"" uid "\",\"uid\":\"" uid "\"}"

TEST(an_owner_is_known_before_it_is_seen_and_forgotten_with_its_last_dependent) {
    AUTO(arena) arena = arena_new();
    struct garbage_graph *graph = garbage_graph_new();
    struct garbage_node *node = put(graph, arena, "b", 2, OWNER("a"));
    struct garbage_node *owner = garbage_graph_find(graph, SV("a"));
    REQUIRE(owner && node);
    CHECK(!owner->exists && !owner->is_gone);
    CHECK(garbage_node_dependent_count(owner) == 1);
    CHECK(put(graph, arena, "a", 1, "") == owner);
    CHECK(owner->exists);
    garbage_graph_remove(graph, owner, true);
    CHECK(owner->is_gone);
    /* A uid never comes back. */
    CHECK(!put(graph, arena, "a", 9, ""));
    garbage_graph_remove(graph, node, true);
    CHECK(!garbage_graph_find(graph, SV("a")) && !garbage_graph_find(graph, SV("b")));
    garbage_graph_free(graph);
}

TEST(older_versions_are_no_news_and_changed_owners_are_linked_anew) {
    AUTO(arena) arena = arena_new();
    struct garbage_graph *graph = garbage_graph_new();
    struct garbage_node *node = put(graph, arena, "c", 5, OWNER("a") "," OWNER("b"));
    CHECK(!put(graph, arena, "c", 5, ""));
    CHECK(!put(graph, arena, "c", 4, ""));
    CHECK(node->owner_count == 2);
    node->owners[1].verdict = OWNER_PRESENT;
    CHECK(put(graph, arena, "c", 6, OWNER("b")) == node);
    CHECK(node->owner_count == 1);
    CHECK(node->owners[0].verdict == OWNER_PRESENT);
    CHECK(!garbage_graph_find(graph, SV("a")));
    CHECK(json_count(garbage_node_references(node, arena)) == 1);
    CHECK(put(graph, arena, "c", 7, "") == node);
    CHECK(!garbage_graph_find(graph, SV("b")));
    garbage_graph_free(graph);
}

TEST(an_object_that_owns_itself_can_go) {
    AUTO(arena) arena = arena_new();
    struct garbage_graph *graph = garbage_graph_new();
    struct garbage_node *node = put(graph, arena, "a", 1, OWNER("a"));
    garbage_graph_remove(graph, node, true);
    CHECK(!garbage_graph_find(graph, SV("a")));
    garbage_graph_free(graph);
}
