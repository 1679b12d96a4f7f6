/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/token_controller.h"

#include "core/base/test.h"
#include "fakeapi/cluster/authority_fixture.h"

#define SECRET(annotations)                                                                        \
    "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"namespace\":\"default\",\"name\":" \
    "\"t\",\"annotations\":{" annotations "}},\"type\":\"kubernetes.io/service-account-token\"}"

#define OF(name) "\"kubernetes.io/service-account.name\":\"" name "\""

static const struct {
    const char *secret;
    const char *token; /* "": the Secret is deleted */
} cases[] = {
    {SECRET(OF("default")), "default in t"},
    {SECRET(OF("nobody")), ""},
    {SECRET(OF("default") ",\"kubernetes.io/service-account.uid\":\"of-before\""), ""},
};

static const struct cJSON *get_secret(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_SECRETS, "t");
}

TEST(a_secret_gets_the_token_of_its_account) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world_with_authority();
        CHECK(fixture_create(world, arena, &RESOURCE_SECRETS, cases[i].secret) == 201);
        fixture_run_ms(world, 1000);
        const struct cJSON *secret = get_secret(world, arena);
        CHECK((secret != NULL) == (cases[i].token[0] != '\0'));
        if (!secret)
            continue;
        const struct cJSON *account =
            fixture_get(world, arena, &RESOURCE_SERVICE_ACCOUNTS, "default");
        CHECK_SV(fixture_decode(arena, secret, SV("data"), SV("token")), sv_from(cases[i].token));
        CHECK_SV(fixture_decode(arena, secret, SV("data"), SV("ca.crt")), SV("root"));
        CHECK_SV(fixture_decode(arena, secret, SV("data"), SV("namespace")), SV("default"));
        CHECK_SV(object_annotation(secret, SV("kubernetes.io/service-account.uid")),
                 object_uid(account));
    }
}

/* Other Secrets are nobody's business, even with the annotation. */
TEST(only_secrets_of_the_type_are_filled) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world_with_authority();
    CHECK(fixture_create(world, arena, &RESOURCE_SECRETS,
                         "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"namespace\":"
                         "\"default\",\"name\":\"t\",\"annotations\":{" OF("default") "}}}") ==
          201);
    fixture_run_ms(world, 1000);
    CHECK(!json_find(get_secret(world, arena), "data.token"));
}

TEST(a_token_that_was_taken_away_is_written_again_and_goes_with_its_account) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world_with_authority();
    CHECK(fixture_create(world, arena, &RESOURCE_SERVICE_ACCOUNTS,
                         "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{"
                         "\"namespace\":\"default\",\"name\":\"robot\"}}") == 201);
    CHECK(fixture_create(world, arena, &RESOURCE_SECRETS, SECRET(OF("robot"))) == 201);
    fixture_run_ms(world, 1000);
    struct cJSON *patch = json_map(arena);
    json_set(arena, json_ensure_map(arena, patch, SV("data")), SV("token"), json_null(arena));
    struct request request =
        agent_merge_patch(&RESOURCE_SECRETS, SV("default"), SV("t"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK_SV(fixture_decode(arena, get_secret(world, arena), SV("data"), SV("token")),
             SV("robot in t"));
    request = request_to(VERB_DELETE, &RESOURCE_SERVICE_ACCOUNTS, SV("default"), SV("robot"));
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 1000);
    CHECK(!get_secret(world, arena));
}

TEST(the_root_certificate_is_in_every_namespace) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world_with_authority();
    const struct cJSON *map = fixture_get(world, arena, &RESOURCE_CONFIG_MAPS, "kube-root-ca.crt");
    CHECK_SV(json_string_or(json_get(map, SV("data")), SV("ca.crt"), SV("")), SV("root"));
}
