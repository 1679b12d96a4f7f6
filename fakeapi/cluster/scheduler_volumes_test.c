/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/scheduler.h"

#include "core/base/test.h"
#include "fakeapi/cluster/world_fixture.h"

static const struct resource storage_classes = {
    {"storage.k8s.io", 14}, {"v1", 2}, {"storageclasses", 14}, {"StorageClass", 12}, false};

#define CLASS(provisioner, mode)                                                                   \
    "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\",\"metadata\":{\"name\":"      \
    "\"local\"},\"provisioner\":\"" provisioner "\",\"volumeBindingMode\":\"" mode "\"}"
#define NO_PROVISIONER "kubernetes.io/no-provisioner"
#define VOLUME(name, node)                                                                         \
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":\"" name          \
    "\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOnce\"],"        \
    "\"storageClassName\":\"local\",\"local\":{\"path\":\"/x\"},\"nodeAffinity\":{\"required\":{"  \
    "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"kubernetes.io/hostname\","           \
    "\"operator\":\"In\",\"values\":[\"" node "\"]}]}]}}}}"
#define CLAIM(size)                                                                                \
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"namespace\":"       \
    "\"default\",\"name\":\"c\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"                   \
    "\"storageClassName\":\"local\",\"resources\":{\"requests\":{\"storage\":\"" size "\"}}}}"
#define POD(more)                                                                                  \
    FIXTURE_POD("p", "",                                                                           \
                "}],\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":"        \
                "\"c\"}}]" more "}")
#define ON_2 ",\"nodeSelector\":{\"kubernetes.io/hostname\":\"node-2\"}"

static const struct {
    const char *class, *claim, *pod;
    const char *early_phase;        /* of the claim, before there is a pod */
    const char *volume, *node;      /* in the end */
    const char *selected, *message; /* the claim's annotation; the pod's condition */
} cases[] = {
    {CLASS(NO_PROVISIONER, "WaitForFirstConsumer"), CLAIM("1Gi"), POD(ON_2), "Pending", "b",
     "node-2", "", ""},
    {CLASS(NO_PROVISIONER, "WaitForFirstConsumer"), CLAIM("1Gi"), POD(""), "Pending", "a", "node-1",
     "", ""},
    {CLASS(NO_PROVISIONER, "Immediate"), CLAIM("1Gi"), POD(ON_2), "Bound", "a", "", "",
     "0/3 nodes are available: 1 node(s) had volume node affinity conflict, 2 node(s) didn't match "
     "Pod's node affinity/selector. "},
    {CLASS(NO_PROVISIONER, "WaitForFirstConsumer"), CLAIM("1Gi"),
     POD(",\"nodeSelector\":{\"kubernetes.io/hostname\":\"node-3\"}"), "Pending", "", "", "",
     "0/3 nodes are available: 1 node(s) didn't find available persistent volumes to bind, 2 "
     "node(s) didn't match Pod's node affinity/selector. "},
    {CLASS("example.org/disks", "WaitForFirstConsumer"), CLAIM("2Gi"),
     POD(",\"nodeSelector\":{\"kubernetes.io/hostname\":\"node-3\"}"), "Pending", "", "", "node-3",
     ""},
};

TEST(claims_that_wait_for_a_pod_are_bound_where_it_goes) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world(3, 0);
        CHECK(fixture_create(world, arena, &storage_classes, cases[i].class) == 201);
        CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, VOLUME("a", "node-1")) ==
              201);
        CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUMES, VOLUME("b", "node-2")) ==
              201);
        CHECK(fixture_create(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, cases[i].claim) ==
              201);
        fixture_run_ms(world, 1000);
        const struct cJSON *claim =
            fixture_get(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "c");
        CHECK_SV(json_find_string(claim, "status.phase"), sv_from(cases[i].early_phase));
        CHECK(fixture_create(world, arena, &RESOURCE_PODS, cases[i].pod) == 201);
        fixture_run_ms(world, 1000);
        claim = fixture_get(world, arena, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, "c");
        const struct cJSON *pod = fixture_get(world, arena, &RESOURCE_PODS, "p");
        struct sv message =
            json_string_or(object_condition(pod, SV("PodScheduled")), SV("message"), SV(""));
        struct sv wanted = sv_from(cases[i].message);
        CHECK_SV(json_find_string(claim, "spec.volumeName"), sv_from(cases[i].volume));
        CHECK_SV(json_find_string(pod, "spec.nodeName"), sv_from(cases[i].node));
        CHECK_SV(object_annotation(claim, SV("volume.kubernetes.io/selected-node")),
                 sv_from(cases[i].selected));
        CHECK_SV(sv_prefix(message, wanted.len < message.len ? wanted.len : message.len), wanted);
    }
}
