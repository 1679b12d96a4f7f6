/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/garbage_collector.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

/* A ConfigMap with up to two owners; an owner "?" has a uid that nobody ever had. */
struct item {
    const char *name;
    const char *owners[2];
};

static struct sv uid_of(struct world *world, struct arena *arena, const char *name) {
    if (name[0] == '?')
        return SV("11111111-2222-4333-8444-555555555555");
    return arena_copy(arena, object_uid(fixture_get(world, arena, &RESOURCE_CONFIG_MAPS, name)));
}

static void create(struct world *world, struct arena *arena, const struct item *item) {
    struct cJSON *object =
        object_new(arena, &RESOURCE_CONFIG_MAPS, SV("default"), sv_from(item->name));
    for (size_t i = 0; i < COUNT_OF(item->owners) && item->owners[i]; i++) {
        struct cJSON *owner = json_append(
            json_ensure_list(arena, json_get(object, SV("metadata")), SV("ownerReferences")),
            json_map(arena));
        json_set_string(arena, owner, SV("apiVersion"), SV("v1"));
        json_set_string(arena, owner, SV("kind"), SV("ConfigMap"));
        json_set_string(arena, owner, SV("name"), sv_from(item->owners[i]));
        json_set_string(arena, owner, SV("uid"), uid_of(world, arena, item->owners[i]));
        json_set_bool(arena, owner, SV("blockOwnerDeletion"), true);
    }
    struct request request = agent_create(&RESOURCE_CONFIG_MAPS, object);
    CHECK(fixture_send(world, arena, &request) == 201);
}

static int delete_with(struct world *world, struct arena *arena, const struct resource *resource,
                       const char *name, const char *policy) {
    struct cJSON *options = json_map(arena);
    json_set_string(arena, options, SV("propagationPolicy"), sv_from(policy));
    struct request request = request_to(VERB_DELETE, resource, SV("default"), sv_from(name));
    request.body = options;
    return fixture_send(world, arena, &request);
}

/* "name(owner,owner) …" of what is left besides the namespace's own, in the order of names. */
static struct sv left(struct world *world, struct arena *arena) {
    struct request request = request_to(VERB_LIST, &RESOURCE_CONFIG_MAPS, SV("default"), SV(""));
    struct api_response response;
    struct sv text = SV("");
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    JSON_EACH (object, json_get(response.body, SV("items"))) {
        struct sv owners = SV("");
        JSON_EACH (owner, json_find(object, "metadata.ownerReferences"))
            owners = arena_printf(arena, "%.*s%s%.*s", SV_ARG(owners), owners.len ? "," : "",
                                  SV_ARG(json_string_or(owner, SV("name"), SV(""))));
        if (!sv_eq(object_name(object), SV("kube-root-ca.crt")))
            text = arena_printf(arena, "%.*s%s%.*s(%.*s)%s", SV_ARG(text), text.len ? " " : "",
                                SV_ARG(object_name(object)), SV_ARG(owners),
                                object_is_deleting(object) ? "-" : "");
    }
    return text;
}

static const struct {
    struct item items[4];
    const char *deleted; /* NULL: nothing is */
    const char *policy;
    const char *left;
} cases[] = {
    {{{"a", {0}}, {"b", {"a"}}, {"c", {"b"}}}, NULL, "", "a() b(a) c(b)"},
    {{{"a", {0}}, {"b", {"a"}}, {"c", {"b"}}}, "a", "Background", ""},
    {{{"a", {0}}, {"b", {"a"}}, {"c", {"b"}}}, "a", "Foreground", ""},
    {{{"a", {0}}, {"b", {"a"}}, {"c", {"b"}}}, "a", "Orphan", "b() c(b)"},
    {{{"a", {0}}, {"b", {"a"}}, {"c", {"b"}}}, "b", "Background", "a()"},
    /* Another owner keeps it. */
    {{{"a", {0}}, {"b", {0}}, {"c", {"a", "b"}}}, "a", "Background", "b() c(b)"},
    {{{"a", {0}}, {"b", {0}}, {"c", {"a", "b"}}}, "a", "Foreground", "b() c(b)"},
    /* An owner that never existed. */
    {{{"a", {"?"}}, {"b", {"a"}}}, NULL, "", ""},
    {{{"a", {0}}, {"b", {"a", "?"}}}, NULL, "", "a() b(a)"},
};

TEST(dependents_follow_their_owners) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(0, 0);
        for (size_t j = 0; j < COUNT_OF(cases[i].items) && cases[i].items[j].name; j++)
            create(world, arena, &cases[i].items[j]);
        fixture_run_ms(world, 100);
        if (cases[i].deleted)
            CHECK(delete_with(world, arena, &RESOURCE_CONFIG_MAPS, cases[i].deleted,
                              cases[i].policy) == 200);
        fixture_run_ms(world, 1000);
        CHECK_SV(left(world, arena), sv_from(cases[i].left));
    }
}

TEST(an_owner_in_the_foreground_waits_for_a_dependent_with_a_finalizer) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    create(world, arena, &(struct item){"a", {0}});
    create(world, arena, &(struct item){"b", {"a"}});
    struct cJSON *patch = json_map(arena);
    struct cJSON *finalizers =
        json_ensure_list(arena, json_ensure_map(arena, patch, SV("metadata")), SV("finalizers"));
    json_append(finalizers, json_string(arena, SV("x.io/hold")));
    struct request request =
        agent_merge_patch(&RESOURCE_CONFIG_MAPS, SV("default"), SV("b"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    CHECK(delete_with(world, arena, &RESOURCE_CONFIG_MAPS, "a", "Foreground") == 200);
    fixture_run_ms(world, 1000);
    CHECK_SV(left(world, arena), SV("a()- b(a)-"));
    json_set(arena, json_get(patch, SV("metadata")), SV("finalizers"), json_list(arena));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK_SV(left(world, arena), SV(""));
}

/* --- custom types --- */

static const char crd[] =
    "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
    "\"metadata\":{\"name\":\"things.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":\"Namespaced\","
    "\"names\":{\"plural\":\"things\",\"singular\":\"thing\",\"kind\":\"Thing\",\"listKind\":"
    "\"ThingList\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
    "\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}";

static const struct resource things = {{"x.io", 4}, {"v1", 2}, {"things", 6}, {"Thing", 5}, true};

TEST(a_type_that_appears_later_is_followed_too) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    fixture_run_ms(world, 1000);
    CHECK(fixture_create(world, arena, &RESOURCE_CUSTOM_RESOURCE_DEFINITIONS, crd) == 201);
    CHECK(fixture_create(world, arena, &things,
                         "{\"apiVersion\":\"x.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":"
                         "\"t\",\"namespace\":\"default\"}}") == 201);
    const struct cJSON *thing = fixture_get(world, arena, &things, "t");
    struct cJSON *owned = object_new(arena, &RESOURCE_CONFIG_MAPS, SV("default"), SV("o"));
    json_append(json_ensure_list(arena, json_get(owned, SV("metadata")), SV("ownerReferences")),
                object_controller_reference(arena, thing));
    struct request request = agent_create(&RESOURCE_CONFIG_MAPS, owned);
    CHECK(fixture_send(world, arena, &request) == 201);
    fixture_run_ms(world, 1000);
    CHECK_SV(left(world, arena), SV("o(t)"));
    CHECK(delete_with(world, arena, &things, "t", "Background") == 200);
    fixture_run_ms(world, 1000);
    CHECK_SV(left(world, arena), SV(""));
}

TEST(an_owner_in_another_namespace_counts_as_absent) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    struct cJSON *owner = object_new(arena, &RESOURCE_CONFIG_MAPS, SV("kube-public"), SV("a"));
    struct request request = agent_create(&RESOURCE_CONFIG_MAPS, owner);
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    struct cJSON *owned = object_new(arena, &RESOURCE_CONFIG_MAPS, SV("default"), SV("b"));
    json_append(json_ensure_list(arena, json_get(owned, SV("metadata")), SV("ownerReferences")),
                object_controller_reference(arena, response.body));
    request = agent_create(&RESOURCE_CONFIG_MAPS, owned);
    CHECK(fixture_send(world, arena, &request) == 201);
    fixture_run_ms(world, 1000);
    CHECK_SV(left(world, arena), SV(""));
    request = request_to(VERB_LIST, &RESOURCE_EVENTS, SV("default"), SV(""));
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    CHECK_SV(json_find_string(response.body, "items.0.reason"), SV("OwnerRefInvalidNamespace"));
}
