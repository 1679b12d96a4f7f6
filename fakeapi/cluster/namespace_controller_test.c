/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/namespace_controller.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define NAMESPACE "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"n\"}}"

static const struct cJSON *get_in(struct world *world, struct arena *arena,
                                  const struct resource *resource, const char *namespace_name,
                                  const char *name) {
    struct request request = request_to(VERB_GET, resource, sv_from(namespace_name), sv_from(name));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return response.http_status == 200 ? response.body : NULL;
}

static void delete_namespace(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_DELETE, &RESOURCE_NAMESPACES, SV(""), SV("n"));
    CHECK(fixture_send(world, arena, &request) == 200);
}

/* "Type=Status Reason: message" of one condition. */
static struct sv condition_text(struct world *world, struct arena *arena, struct sv type) {
    const struct cJSON *condition =
        object_condition(get_in(world, arena, &RESOURCE_NAMESPACES, "", "n"), type);
    return arena_printf(arena, "%.*s %.*s: %.*s",
                        SV_ARG(json_string_or(condition, SV("status"), SV(""))),
                        SV_ARG(json_string_or(condition, SV("reason"), SV(""))),
                        SV_ARG(json_string_or(condition, SV("message"), SV(""))));
}

TEST(a_new_namespace_has_what_its_pods_need) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    CHECK(fixture_create(world, arena, &RESOURCE_NAMESPACES, NAMESPACE) == 201);
    fixture_run_ms(world, 10);
    CHECK(get_in(world, arena, &RESOURCE_SERVICE_ACCOUNTS, "n", "default"));
    CHECK(get_in(world, arena, &RESOURCE_CONFIG_MAPS, "n", "kube-root-ca.crt"));
    struct request request =
        request_to(VERB_DELETE, &RESOURCE_SERVICE_ACCOUNTS, SV("n"), SV("default"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 10);
    CHECK(get_in(world, arena, &RESOURCE_SERVICE_ACCOUNTS, "n", "default"));
}

TEST(an_empty_namespace_goes_after_five_seconds) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    fixture_create(world, arena, &RESOURCE_NAMESPACES, NAMESPACE);
    fixture_run_ms(world, 1000);
    delete_namespace(world, arena);
    fixture_run_ms(world, 3900);
    const struct cJSON *found = get_in(world, arena, &RESOURCE_NAMESPACES, "", "n");
    CHECK_SV(json_find_string(found, "status.phase"), SV("Terminating"));
    fixture_run_ms(world, 3000);
    CHECK(!get_in(world, arena, &RESOURCE_NAMESPACES, "", "n"));
    CHECK(!get_in(world, arena, &RESOURCE_CONFIG_MAPS, "n", "kube-root-ca.crt"));
}

TEST(a_namespace_waits_for_its_pods_to_stop) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_NAMESPACES, NAMESPACE);
    fixture_run_ms(world, 100);
    CHECK(fixture_create(world, arena, &RESOURCE_PODS,
                         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":"
                         "\"n\",\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                         "\"image\":\"i\"}]}}") == 201);
    fixture_run_ms(world, 3000);
    delete_namespace(world, arena);
    fixture_run_ms(world, 5500);
    CHECK_SV(condition_text(world, arena, SV("NamespaceContentRemaining")),
             SV("True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource "
                "instances"));
    fixture_run_ms(world, 30000);
    CHECK(!get_in(world, arena, &RESOURCE_PODS, "n", "p"));
    CHECK(!get_in(world, arena, &RESOURCE_NAMESPACES, "", "n"));
}

TEST(a_namespace_tells_which_finalizer_holds_it) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    fixture_create(world, arena, &RESOURCE_NAMESPACES, NAMESPACE);
    CHECK(fixture_create(world, arena, &RESOURCE_CONFIG_MAPS,
                         "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                         "\"namespace\":\"n\",\"name\":\"m\",\"finalizers\":[\"x.io/hold\"]}}") ==
          201);
    fixture_run_ms(world, 100);
    delete_namespace(world, arena);
    fixture_run_ms(world, 10000);
    CHECK_SV(condition_text(world, arena, SV("NamespaceFinalizersRemaining")),
             SV("True SomeFinalizersRemain: Some content in the namespace has finalizers "
                "remaining: x.io/hold in 1 resource instances"));
    struct cJSON *patch = json_map(arena);
    json_set(arena, json_ensure_map(arena, patch, SV("metadata")), SV("finalizers"),
             json_list(arena));
    struct request request =
        agent_merge_patch(&RESOURCE_CONFIG_MAPS, SV("n"), SV("m"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 20000);
    CHECK(!get_in(world, arena, &RESOURCE_NAMESPACES, "", "n"));
}
