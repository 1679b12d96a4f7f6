/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/role_aggregation.h"

#include "core/base/test.h"
#include "fakeapi/cluster/authority_fixture.h"
#include "fakeapi/server/fakeapi.h"

#define RULE(resource) "{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"" resource "\"]}"
#define ROLE(name, label, rules)                                                                   \
    "{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"" label "\":\"true\"}},\"rules\":[" rules  \
    "]}"
#define ALL                                                                                        \
    "{\"metadata\":{\"name\":\"all\",\"labels\":{\"to-all\":\"true\"}},\"aggregationRule\":{"      \
    "\"clusterRoleSelectors\":[{\"matchLabels\":{\"to-all\":\"true\"}},{\"matchExpressions\":[{"   \
    "\"key\":\"also\",\"operator\":\"Exists\"}]}]},\"rules\":[" RULE("mine") "]}"

static const struct resource roles = {.group = SV("rbac.authorization.k8s.io"),
                                      .version = SV("v1"),
                                      .plural = SV("clusterroles"),
                                      .kind = SV("ClusterRole")};

static struct api_response send(struct world *world, struct arena *arena, enum verb verb,
                                const char *name) {
    struct request request = request_to(verb, &roles, SV(""), sv_from(name));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return response;
}

static struct sv rules_of(struct world *world, struct arena *arena) {
    fixture_run_ms(world, 1000);
    struct api_response response = send(world, arena, VERB_GET, "all");
    return json_write_arena(arena, json_get(response.body, SV("rules")), JSON_COMPACT);
}

/* By selector, then by name; each rule once; what it had of its own goes. */
TEST(a_role_gets_the_rules_of_those_that_it_selects) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world_with_authority();
    CHECK(fixture_create(world, arena, &roles, ROLE("z", "to-all", RULE("pods"))) == 201);
    CHECK(fixture_create(world, arena, &roles, ROLE("b", "also", RULE("nodes"))) == 201);
    CHECK(fixture_create(world, arena, &roles, ROLE("c", "other", RULE("secrets"))) == 201);
    CHECK(fixture_create(world, arena, &roles,
                         ROLE("d", "to-all", RULE("events") "," RULE("pods"))) == 201);
    CHECK(fixture_create(world, arena, &roles, ALL) == 201);
    CHECK_SV(rules_of(world, arena), SV("[" RULE("events") "," RULE("pods") "," RULE("nodes") "]"));
    struct api_response response = send(world, arena, VERB_GET, "all");
    CHECK_SV(json_find_string(response.body, "metadata.managedFields.0.manager"),
             SV("clusterrole-aggregation-controller"));
    CHECK_SV(json_find_string(response.body, "metadata.managedFields.0.operation"), SV("Apply"));
    send(world, arena, VERB_DELETE, "d");
    CHECK_SV(rules_of(world, arena), SV("[" RULE("pods") "," RULE("nodes") "]"));
    send(world, arena, VERB_DELETE, "b");
    send(world, arena, VERB_DELETE, "z");
    CHECK_SV(rules_of(world, arena), SV("null"));
}

/* What is there already is not written again. */
TEST(a_role_that_has_its_rules_is_left_alone) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world_with_authority();
    CHECK(fixture_create(world, arena, &roles, ROLE("z", "to-all", RULE("pods"))) == 201);
    CHECK(fixture_create(world, arena, &roles, ALL) == 201);
    CHECK_SV(rules_of(world, arena), SV("[" RULE("pods") "]"));
    struct api_response before = send(world, arena, VERB_GET, "all");
    CHECK(fixture_create(world, arena, &roles, ROLE("y", "to-all", RULE("pods"))) == 201);
    CHECK_SV(rules_of(world, arena), SV("[" RULE("pods") "]"));
    struct api_response after = send(world, arena, VERB_GET, "all");
    CHECK_SV(json_find_string(after.body, "metadata.resourceVersion"),
             json_find_string(before.body, "metadata.resourceVersion"));
}
