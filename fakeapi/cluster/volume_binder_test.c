/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/volume_binder.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

#define VOLUME(name, size, more)                                                                   \
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":\"" name          \
    "\"},\"spec\":{\"capacity\":{\"storage\":\"" size                                              \
    "\"},\"accessModes\":[\"ReadWriteMany\"],\"hostPath\":{\"path\":\"/x\"}" more "}}"
#define CLAIM(name, size, more)                                                                    \
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"namespace\":"       \
    "\"default\",\"name\":\"" name                                                                 \
    "\"},\"spec\":{\"accessModes\":[\"ReadWriteMany\"],\"storageClassName\":\"\",\"resources\":{"  \
    "\"requests\":{\"storage\":\"" size "\"}}" more "}}"

static const struct cJSON *get_claim(struct world *world, struct arena *arena) {
    return fixture_get(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "c");
}

static const struct cJSON *get_volume(struct world *world, struct arena *arena, const char *name) {
    return fixture_get(world, arena, &RESOURCE_PERSISTENT_VOLUMES, name);
}

static const struct {
    const char *volumes[2];
    const char *claim;
    const char *bound; /* the volume that the claim gets; "" for none */
} pairs[] = {
    {{VOLUME("a", "5Gi", ""), VOLUME("b", "2Gi", "")}, CLAIM("c", "1Gi", ""), "b"},
    {{VOLUME("a", "5Gi", ""), VOLUME("b", "2Gi", "")}, CLAIM("c", "3Gi", ""), "a"},
    {{VOLUME("a", "1Gi", ""), NULL}, CLAIM("c", "2Gi", ""), ""},
    {{VOLUME("a", "1Gi", ",\"storageClassName\":\"fast\""), NULL}, CLAIM("c", "1Gi", ""), ""},
    {{VOLUME("a", "1Gi", ""), NULL},
     CLAIM("c", "1Gi", ",\"selector\":{\"matchLabels\":{\"x\":\"y\"}}"),
     ""},
    /* Named by the claim, or by the volume: as Fluid makes its pairs. */
    {{VOLUME("a", "5Gi", ""), VOLUME("b", "2Gi", "")},
     CLAIM("c", "1Gi", ",\"volumeName\":\"a\""),
     "a"},
    {{VOLUME("a", "5Gi", ",\"claimRef\":{\"namespace\":\"default\",\"name\":\"c\"}"),
      VOLUME("b", "2Gi", "")},
     CLAIM("c", "1Gi", ""),
     "a"},
    {{VOLUME("a", "5Gi", ",\"claimRef\":{\"namespace\":\"default\",\"name\":\"other\"}"), NULL},
     CLAIM("c", "1Gi", ",\"volumeName\":\"a\""),
     ""},
};

TEST(a_claim_gets_the_volume_that_was_made_for_it_or_the_smallest_that_does) {
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(0, 0);
        for (size_t j = 0; j < 2 && pairs[i].volumes[j]; j++)
            CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, pairs[i].volumes[j]) ==
                  201);
        CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, pairs[i].claim) ==
              201);
        fixture_run_ms(world, 100);
        const struct cJSON *claim = get_claim(world, arena);
        struct sv phase = json_find_string(claim, "status.phase");
        bool is_bound = pairs[i].bound[0] != '\0';
        CHECK_SV(phase, is_bound ? SV("Bound") : SV("Pending"));
        if (!is_bound)
            continue;
        const struct cJSON *volume = get_volume(world, arena, pairs[i].bound);
        CHECK_SV(json_find_string(claim, "spec.volumeName"), sv_from(pairs[i].bound));
        CHECK_SV(object_annotation(claim, SV("pv.kubernetes.io/bind-completed")), SV("yes"));
        CHECK_SV(json_find_string(claim, "status.capacity.storage"),
                 json_find_string(volume, "spec.capacity.storage"));
        CHECK_SV(json_find_string(volume, "spec.claimRef.uid"), object_uid(claim));
        CHECK_SV(json_find_string(volume, "status.phase"), SV("Bound"));
    }
}

TEST(a_claim_that_came_first_is_bound_when_its_volume_comes) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, CLAIM("c", "1Gi", ""));
    fixture_run_ms(world, 1000);
    CHECK_SV(json_find_string(get_claim(world, arena), "status.phase"), SV("Pending"));
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, VOLUME("a", "1Gi", ""));
    fixture_run_ms(world, 100);
    CHECK_SV(json_find_string(get_claim(world, arena), "status.phase"), SV("Bound"));
}

static int delete_named(struct world *world, struct arena *arena, const struct resource *resource,
                        const char *name) {
    struct request request = request_to(VERB_DELETE, resource, SV("default"), sv_from(name));
    return fixture_send(world, arena, &request);
}

TEST(a_volume_whose_claim_is_deleted_is_released_and_taken_by_no_other) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, VOLUME("a", "1Gi", ""));
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, CLAIM("c", "1Gi", ""));
    fixture_run_ms(world, 100);
    CHECK(delete_named(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "c") == 200);
    fixture_run_ms(world, 100);
    CHECK(!get_claim(world, arena));
    CHECK_SV(json_find_string(get_volume(world, arena, "a"), "status.phase"), SV("Released"));
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, CLAIM("c", "1Gi", ""));
    fixture_run_ms(world, 100);
    CHECK_SV(json_find_string(get_claim(world, arena), "status.phase"), SV("Pending"));
}

TEST(a_claim_whose_volume_is_gone_is_lost) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(0, 0);
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, VOLUME("a", "1Gi", ""));
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, CLAIM("c", "1Gi", ""));
    fixture_run_ms(world, 100);
    CHECK(delete_named(world, arena, &RESOURCE_PERSISTENT_VOLUMES, "a") == 200);
    fixture_run_ms(world, 100);
    /* Protected while it is bound. */
    CHECK(object_is_deleting(get_volume(world, arena, "a")));
    struct cJSON *patch = json_map(arena);
    json_set(arena, json_ensure_map(arena, patch, SV("metadata")), SV("finalizers"),
             json_list(arena));
    struct request request =
        agent_merge_patch(&RESOURCE_PERSISTENT_VOLUMES, SV(""), SV("a"), SV(""), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
    fixture_run_ms(world, 100);
    CHECK(!get_volume(world, arena, "a"));
    CHECK_SV(json_find_string(get_claim(world, arena), "status.phase"), SV("Lost"));
}

TEST(a_claim_in_use_goes_with_the_last_pod_that_uses_it) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world(1, 0);
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, VOLUME("a", "1Gi", ""));
    fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, CLAIM("c", "1Gi", ""));
    CHECK(fixture_create(world, arena, &RESOURCE_PODS,
                         FIXTURE_POD("p", "",
                                     "}],\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{"
                                     "\"claimName\":\"c\"}}]}")) == 201);
    fixture_run_ms(world, 3000);
    CHECK(delete_named(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "c") == 200);
    fixture_run_ms(world, 1000);
    CHECK(object_is_deleting(get_claim(world, arena)));
    CHECK(delete_named(world, arena, &RESOURCE_PODS, "p") == 200);
    fixture_run_ms(world, 5000);
    CHECK(!get_claim(world, arena));
    CHECK(delete_named(world, arena, &RESOURCE_PERSISTENT_VOLUMES, "a") == 200);
    fixture_run_ms(world, 100);
    CHECK(!get_volume(world, arena, "a"));
}
