/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is created, repaired, replaced and left alone: contract.md §6, "How we write" and the
 * table of edits.
 */
#include "core/reconcile/names.h"
#include "core/reconcile/plan_fixture.h"

static const struct observed *stateful_set(struct world *world, const char *name) {
    return find(world, &RESOURCE_STATEFUL_SETS, SV("default"), sv_from(name));
}

/* --- drift --- */

/* Somebody else's hand in an object of ours, and where it shows. */
static const struct {
    const char *what;
    const struct resource *resource;
    const char *name, *parent, *key, *value;
} drifts[] = {
    {"replicas", &RESOURCE_STATEFUL_SETS, "demo-master", "spec", "replicas", "7"},
    {"image", &RESOURCE_STATEFUL_SETS, "demo-master", "spec.template.spec.containers.0", "image",
     "\"other\""},
    {"config", &RESOURCE_CONFIG_MAPS, "fluid-runtime-config-demo", "data", "runtime.json",
     "\"{}\""},
    {"service", &RESOURCE_SERVICES, "svc-demo-master", "spec", "publishNotReadyAddresses", "false"},
    {"label", &RESOURCE_DAEMON_SETS, "demo-client", "metadata.labels", "cacheruntime.fluid.io/name",
     "\"x\""},
    {"volume label", &RESOURCE_PERSISTENT_VOLUMES, "default-demo", "metadata.labels",
     "fluid.io/s-default-demo", "\"false\""},
};

TEST(repairs_drift_with_one_write) {
    for (size_t i = 0; i < COUNT_OF(drifts); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        struct error err = {0};
        world_init(&world, arena);
        world_bind(&world);
        struct sv ns = SV("default");
        struct observed *observed = find(&world, drifts[i].resource, ns, sv_from(drifts[i].name));
        struct cJSON *parent = json_find(observed->object, drifts[i].parent);
        REQUIRE(parent != NULL);
        json_set(arena, parent, sv_from(drifts[i].key),
                 json_read(arena, sv_from(drifts[i].value), &err));
        int writes = world.writes;
        CHECK(run(&world) < ROUNDS_MAX);
        /* Counters of the repaired workload may be told once more. */
        CHECK(world.writes >= writes + 1 && world.writes <= writes + 3);
        const struct cJSON *after =
            json_get(json_find(observed->object, drifts[i].parent), sv_from(drifts[i].key));
        CHECK(!json_equal(after, json_read(arena, sv_from(drifts[i].value), &err)));
        if (world.writes > writes + 3)
            show(&world);
        world_release(&world);
    }
}

TEST(makes_again_what_was_deleted) {
    static const struct {
        const struct resource *resource;
        const char *name;
    } objects[] = {
        {&RESOURCE_STATEFUL_SETS, "demo-worker"},
        {&RESOURCE_DAEMON_SETS, "demo-client"},
        {&RESOURCE_SERVICES, "svc-demo-worker"},
        {&RESOURCE_CONFIG_MAPS, "fluid-runtime-config-demo"},
        {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, "demo"},
        {&RESOURCE_PERSISTENT_VOLUMES, "default-demo"},
    };
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct observed *observed =
            find(&world, objects[i].resource, SV("default"), sv_from(objects[i].name));
        observed->state = OBSERVED_ABSENT;
        observed->object = NULL;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(observed->state == OBSERVED_PRESENT);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

/* --- fields that never change --- */

TEST(replaces_a_service_that_must_become_headless) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct observed *service =
        find(&world, &RESOURCE_SERVICES, SV("default"), SV("svc-demo-worker"));
    json_set_string(arena, json_find(service->object, "spec"), SV("clusterIP"), SV("10.0.0.7"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "ImmutableFieldChanged: Delete Service svc-demo-worker"));
    CHECK_SV(json_find_string(service->object, "spec.clusterIP"), SV("None"));
    world_release(&world);
}

/* --- volume and claim --- */

static struct observed *claim_of(struct world *world) {
    return find(world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
}

static struct observed *volume_of(struct world *world) {
    return find(world, &RESOURCE_PERSISTENT_VOLUMES, SV(""), SV("default-demo"));
}

/* Nobody serves them any more; a pod that uses the claim is waited for. */
TEST(volume_and_claim_go_with_the_client) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct cJSON *client =
        json_ensure_map(arena, json_get(world.runtime, SV("spec")), SV("client"));
    json_set(arena, client, SV("disabled"), fixture_yaml(arena, "true"));
    world.claim_pods[0] =
        fixture_yaml(arena, "{metadata: {name: reader}, spec: {volumes: [{name: v,"
                            " persistentVolumeClaim: {claimName: demo}}]}}");
    world.claim_pod_count = 1;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "VolumeOutdated"), SV("ClientDisabled"));
    CHECK(claim_of(&world)->state == OBSERVED_PRESENT);
    CHECK(volume_of(&world)->state == OBSERVED_PRESENT);
    world.claim_pod_count = 0;
    claim_of(&world)->state = OBSERVED_PRESENT;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(claim_of(&world)->state == OBSERVED_ABSENT);
    CHECK(volume_of(&world)->state == OBSERVED_ABSENT);
    CHECK(!object_condition_is_true(world.runtime, SV("VolumeOutdated")));
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

/* Somebody else's claim of that name keeps the volume of ours from nothing. */
TEST(a_volume_goes_without_a_claim_of_somebody_else) {
    static const struct {
        bool disables_client;
        const char *reason; /* of Stalled, in the end */
    } cases[] = {{true, "NotStalled"}, {false, "ForeignObject"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct cJSON *foreign = json_copy(arena, claim_of(&world)->object);
        json_remove(json_get(foreign, SV("metadata")), SV("annotations"));
        claim_of(&world)->object = foreign;
        if (cases[i].disables_client)
            json_set(arena, json_get(world.runtime, SV("spec")), SV("client"),
                     fixture_yaml(arena, "{disabled: true}"));
        else
            json_set(arena, json_get(world.dataset, SV("spec")), SV("accessModes"),
                     fixture_yaml(arena, "[ReadWriteMany]"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(trace_has(&world, "VolumeOutdated: Delete PersistentVolume default-demo"));
        CHECK(!trace_has(&world, "Delete PersistentVolumeClaim"));
        CHECK(claim_of(&world)->object == foreign);
        CHECK(volume_of(&world)->state == OBSERVED_ABSENT);
        CHECK_SV(condition_reason(&world, "Stalled"), sv_from(cases[i].reason));
        CHECK(!object_condition_is_true(world.runtime, SV("VolumeOutdated")));
        world_release(&world);
    }
}

/* A workload of another kind is in nobody's way, and not ours to delete. */
TEST(a_workload_of_somebody_else_is_left_whatever_its_kind) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    struct observed *other = find(&world, &RESOURCE_DAEMON_SETS, SV("default"), SV("demo-worker"));
    other->state = OBSERVED_PRESENT;
    other->object = fixture_yaml(
        arena, "{metadata: {name: demo-worker, namespace: default, uid: u-other}, spec: {}}");
    const struct cJSON *before = other->object;
    world_bind(&world);
    CHECK(other->state == OBSERVED_PRESENT && other->object == before);
    CHECK(!trace_has(&world, "Delete DaemonSet"));
    world_release(&world);
}

/* Nobody who mounted it already loses it: what is served goes on following the dataset. */
TEST(mounts_are_recorded_beside_a_volume_of_somebody_else) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct cJSON *foreign = json_copy(arena, volume_of(&world)->object);
    json_remove(json_get(foreign, SV("metadata")), SV("annotations"));
    volume_of(&world)->object = foreign;
    json_set(arena, json_get(world.dataset, SV("spec")), SV("mounts"),
             fixture_yaml(arena, "[{mountPoint: 's3://other/', name: m}]"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Stalled"), SV("ForeignObject"));
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(json_equal(json_find(world.dataset, "status.mounts"),
                     json_find(world.dataset, "spec.mounts")));
    CHECK(volume_of(&world)->object == foreign);
    world_release(&world);
}

/* A controller that starts anew sees the volume alone, and asks for the claim before it acts. */
TEST(a_volume_without_client_is_no_reason_to_guess) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    world_bind(&world);
    struct cJSON *client =
        json_ensure_map(arena, json_get(world.runtime, SV("spec")), SV("client"));
    json_set(arena, client, SV("disabled"), fixture_yaml(arena, "true"));
    claim_of(&world)->state = OBSERVED_UNKNOWN;
    plan_once(&world, &plan);
    size_t reads = 0;
    for (size_t i = 0; i < plan.action_count; i++) {
        reads += plan.actions[i].type == ACTION_GET && sv_eq(plan.actions[i].name, SV("demo"));
        CHECK(plan.actions[i].resource != &RESOURCE_PERSISTENT_VOLUMES);
    }
    CHECK(reads == 1);
    world_release(&world);
}

/* Nothing holds it any more. */
static void take_away(struct observed *observed) {
    observed->state = OBSERVED_ABSENT;
    observed->object = NULL;
}

/* A claim that went for a change is not outdated any more, whatever becomes of the class. */
TEST(without_a_class_a_claim_that_is_gone_is_not_outdated) {
    for (int is_gone = 0; is_gone < 2; is_gone++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        world.claim_pods[0] = fixture_yaml(arena, "{metadata: {name: reader}}");
        world.claim_pod_count = 1;
        json_set(arena, json_get(world.dataset, SV("spec")), SV("accessModes"),
                 fixture_yaml(arena, "[ReadWriteMany]"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "VolumeOutdated"), SV("ImmutableFieldChanged"));
        world.runtime_class = NULL;
        /* Nobody asks for its name without a class. */
        if (is_gone) {
            take_away(claim_of(&world));
            claim_of(&world)->state = OBSERVED_UNKNOWN;
        }
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(object_condition_is_true(world.runtime, SV("VolumeOutdated")) == !is_gone);
        if (is_gone)
            CHECK_SV(condition_reason(&world, "VolumeOutdated"), SV("ClassNotFound"));
        world_release(&world);
    }
}

/* Somebody deleted the volume or the claim: neither goes while the other or a pod holds it. What is
 * served and edited meanwhile goes on, and both are there again once no pod uses the claim. */
TEST(a_volume_that_was_deleted_is_made_again_when_no_pod_uses_it) {
    static struct observed *(*const deleted[])(struct world * world) = {volume_of, claim_of};
    for (size_t i = 0; i < COUNT_OF(deleted); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        world.claim_pods[0] = fixture_yaml(arena, "{metadata: {name: reader}}");
        world.claim_pod_count = 1;
        delete_object(&world, deleted[i](&world)->object);
        json_set(arena, json_get(world.dataset, SV("spec")), SV("mounts"),
                 fixture_yaml(arena, "[{mountPoint: 's3://other/', name: m}]"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "VolumeOutdated"), SV("VolumeDeleted"));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        CHECK(json_equal(json_find(world.dataset, "status.mounts"),
                         json_find(world.dataset, "spec.mounts")));
        CHECK(!trace_has(&world, "Delete Persistent"));
        world.claim_pod_count = 0;
        if (deleted[i] == claim_of)
            take_away(claim_of(&world));
        CHECK(run(&world) < ROUNDS_MAX);
        if (deleted[i] == volume_of) {
            CHECK(claim_of(&world)->state == OBSERVED_ABSENT);
            take_away(volume_of(&world));
        }
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(trace_has(&world, "Delete PersistentVolumeClaim") == (deleted[i] == volume_of));
        CHECK(!object_is_deleting(volume_of(&world)->object));
        CHECK(claim_of(&world)->state == OBSERVED_PRESENT);
        CHECK(!object_condition_is_true(world.runtime, SV("VolumeOutdated")));
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        world_release(&world);
    }
}

/* An application cannot start before its claim is bound: neither is the runtime ready before. */
TEST(a_runtime_is_ready_once_its_claim_is_bound) {
    static const char *const phases[] = {"Pending", "Lost"};
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct cJSON *claim = (struct cJSON *)claim_of(&world)->object;
        struct cJSON *status = json_ensure_map(arena, claim, SV("status"));
        json_set_string(arena, status, SV("phase"), sv_from(phases[i]));
        int writes = world.writes;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "Ready"), SV("ClaimPending"));
        CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("NotReady"));
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        json_set_string(arena, status, SV("phase"), SV("Bound"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(object_condition_is_true(world.runtime, SV("Ready")));
        CHECK(world.writes == writes + 2); /* the runtime's status, twice */
        world_release(&world);
    }
}

/* The cluster binds a claim when it gets to it, and starts its pods then. */
TEST(a_dataset_is_bound_before_its_claim) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.claim_phase = "Pending";
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    CHECK(claim_of(&world)->state == OBSERVED_PRESENT);
    CHECK(volume_of(&world)->state == OBSERVED_PRESENT);
    CHECK_SV(condition_reason(&world, "Ready"), SV("ClaimPending"));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("NotReady"));
    CHECK(!json_find(world.runtime, "status.setupDuration"));
    CHECK(trace_has(&world, "DatasetBound"));
    CHECK(!trace_has(&world, " RuntimeReady: "));
    world.claim_phase = "Bound";
    settle(&world);
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK_SV(json_find_string(world.runtime, "status.phase"), SV("Ready"));
    CHECK(json_find(world.runtime, "status.setupDuration"));
    CHECK(trace_has(&world, " RuntimeReady: "));
    CHECK(!trace_has(&world, " RuntimeRecovered: "));
    CHECK(world.writes == writes + 1); /* the runtime's status */
    world_release(&world);
}

TEST(makes_a_workload_again_around_its_pods) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    const struct observed *worker = stateful_set(&world, "demo-worker");
    json_set_string(arena, json_find(worker->object, "spec"), SV("serviceName"), SV("other"));
    struct snapshot snapshot = snapshot_of(&world);
    struct plan plan;
    plan_runtime(&snapshot, arena, &plan);
    bool is_orphaned = false;
    for (size_t i = 0; i < plan.action_count; i++)
        if (plan.actions[i].type == ACTION_DELETE && sv_eq(plan.actions[i].name, worker->name))
            is_orphaned =
                sv_eq(json_find_string(plan.actions[i].body, "propagationPolicy"), SV("Orphan"));
    CHECK(is_orphaned);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(worker->object, "spec.serviceName"), SV("svc-demo-worker"));
    world_release(&world);
}

/* --- whose object it is --- */

/* Upstream's config maps have an owner that is no controller; all else has one that is. */
TEST(the_owner_proves_whose_an_object_is) {
    static const struct {
        const struct resource *resource;
        const char *name, *key, *value;
        bool is_ours;
    } cases[] = {
        {&RESOURCE_STATEFUL_SETS, "demo-master", "controller", "false", false},
        {&RESOURCE_STATEFUL_SETS, "demo-master", "uid", "u-other", false},
        {&RESOURCE_SERVICES, "svc-demo-master", "controller", "false", false},
        {&RESOURCE_SERVICES, "svc-demo-master", "uid", "u-other", false},
        {&RESOURCE_CONFIG_MAPS, "fluid-runtime-config-demo", "controller", "false", true},
        {&RESOURCE_CONFIG_MAPS, "fluid-runtime-config-demo", "uid", "u-other", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct observed *observed =
            find(&world, cases[i].resource, SV("default"), sv_from(cases[i].name));
        struct cJSON *owner = json_find(observed->object, "metadata.ownerReferences.0");
        json_set(arena, owner, sv_from(cases[i].key), fixture_yaml(arena, cases[i].value));
        const struct cJSON *before = json_copy(arena, observed->object);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "Stalled"),
                 cases[i].is_ours ? SV("NotStalled") : SV("ForeignObject"));
        CHECK(json_equal(observed->object, before) == !cases[i].is_ours);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

/* What an earlier controller owned by its writes would stay for ever beside what is applied. */
TEST(fields_of_an_earlier_controller_are_taken_over_before_anything_is_applied) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    world_bind(&world);
    const struct observed *master = stateful_set(&world, "demo-master");
    struct cJSON *metadata = json_get(master->object, SV("metadata"));
    json_set(arena, metadata, SV("managedFields"),
             fixture_yaml(arena, "[{manager: cacheruntime-controller, operation: Update,\n"
                                 "  fieldsV1: {'f:spec': {'f:replicas': {}}}}]"));
    plan_once(&world, &plan);
    size_t count = 0;
    for (size_t i = 0; i < plan.action_count; i++) {
        const struct action *action = &plan.actions[i];
        if (!sv_eq(action->name, SV("demo-master")))
            continue;
        count++;
        CHECK(action->type == ACTION_PATCH && action->patch_type == PATCH_JSON);
        CHECK_SV(action->reason, SV("FieldsOfEarlier"));
        const struct cJSON *test = json_at(action->body, 0), *change = json_at(action->body, 1);
        CHECK_SV(json_find_string(test, "op"), SV("test"));
        CHECK_SV(json_find_string(test, "path"), SV("/metadata/resourceVersion"));
        CHECK_SV(json_find_string(test, "value"), object_resource_version(master->object));
        CHECK_SV(json_find_string(change, "path"), SV("/metadata/managedFields"));
        CHECK_SV(json_find_string(change, "value.0.operation"), SV("Apply"));
    }
    CHECK(count == 1);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(master->object, "metadata.managedFields.0.operation"), SV("Apply"));
    world_release(&world);
}

/* Its pods are none of ours either: who waits for them is told why. */
TEST(a_workload_that_lost_its_owner_is_named_by_whoever_waits_for_its_pods) {
    static const struct {
        const char *workload, *condition;
    } cases[] = {{"demo-master", "MasterReady"}, {"demo-worker", "WorkersReady"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct cJSON *metadata =
            json_get(stateful_set(&world, cases[i].workload)->object, SV("metadata"));
        json_remove(metadata, SV("ownerReferences"));
        json_remove(metadata, SV("labels"));
        CHECK(run(&world) < ROUNDS_MAX);
        static const char *const types[] = {"Stalled", "Ready"};
        for (size_t k = 0; k <= COUNT_OF(types); k++) {
            const char *type = k < COUNT_OF(types) ? types[k] : cases[i].condition;
            CHECK_SV(condition_reason(&world, type), SV("ForeignObject"));
            CHECK_CONTAINS(
                json_find_string(object_condition(world.runtime, sv_from(type)), "message"),
                cases[i].workload);
        }
        CHECK(!object_condition_is_true(world.runtime, sv_from(cases[i].condition)));
        world_release(&world);
    }
}

/* Volume and claim have no owner: each of the signs that one is ours is needed. */
TEST(a_volume_or_claim_that_lacks_a_proof_is_somebody_elses) {
    static const struct {
        const struct resource *resource;
        const char *name, *parent, *key, *value;
    } cases[] = {
        {&RESOURCE_PERSISTENT_VOLUMES, "default-demo", "metadata.annotations", "CreatedBy", "me"},
        {&RESOURCE_PERSISTENT_VOLUMES, "default-demo", "spec.claimRef", "name", "other"},
        {&RESOURCE_PERSISTENT_VOLUMES, "default-demo", "spec.claimRef", "namespace", "other"},
        {&RESOURCE_PERSISTENT_VOLUMES, "default-demo", "spec.csi", "driver", "other"},
        {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, "demo", "metadata.annotations", "CreatedBy", "me"},
        {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, "demo", "spec", "volumeName", "other"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        struct observed *foreign = find(&world, cases[i].resource, SV(""), sv_from(cases[i].name));
        REQUIRE(foreign->state == OBSERVED_PRESENT);
        json_set_string(arena, json_find(foreign->object, cases[i].parent), sv_from(cases[i].key),
                        sv_from(cases[i].value));
        const struct cJSON *before = json_copy(arena, foreign->object);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(condition_reason(&world, "Stalled"), SV("ForeignObject"));
        delete_runtime(&world);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(json_count(json_find(world.runtime, "metadata.finalizers")) == 0);
        CHECK(foreign->state == OBSERVED_PRESENT && json_equal(foreign->object, before));
        world_release(&world);
    }
}

/* One name that is taken, and nothing is made that could never serve; nor is it touched. */
TEST(a_foreign_object_is_refused_before_anything_is_made) {
    static const struct {
        const struct resource *resource;
        const char *ns, *name;
    } cases[] = {
        {&RESOURCE_CONFIG_MAPS, "default", "fluid-runtime-config-demo"},
        {&RESOURCE_SERVICES, "default", "svc-demo-worker"},
        {&RESOURCE_STATEFUL_SETS, "default", "demo-master"},
        {&RESOURCE_STATEFUL_SETS, "default", "demo-worker"},
        {&RESOURCE_DAEMON_SETS, "default", "demo-client"},
        {&RESOURCE_PERSISTENT_VOLUMES, "", "default-demo"},
        {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, "default", "demo"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        struct observed *foreign =
            find(&world, cases[i].resource, sv_from(cases[i].ns), sv_from(cases[i].name));
        foreign->state = OBSERVED_PRESENT;
        foreign->object = fixture_yaml(
            arena, arena_printf(arena, "{kind: %.*s, metadata: {name: %s, uid: x}, spec: {}}",
                                SV_ARG(cases[i].resource->kind), cases[i].name)
                       .ptr);
        const struct cJSON *before = json_copy(arena, foreign->object);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("NotBound"));
        CHECK_SV(condition_reason(&world, "Ready"), SV("ForeignObject"));
        CHECK_SV(condition_reason(&world, "Stalled"), SV("ForeignObject"));
        CHECK_CONTAINS(json_find_string(object_condition(world.runtime, SV("Ready")), "message"),
                       cases[i].name);
        CHECK(json_equal(json_get(foreign->object, SV("metadata")),
                         json_get(before, SV("metadata"))));
        CHECK(json_equal(json_get(foreign->object, SV("spec")), json_get(before, SV("spec"))));
        CHECK(!trace_has(&world, "ObjectMissing") && !trace_has(&world, "WorkloadCreated"));

        /* Whether it is there still has to be read before anything is made. */
        struct plan plan;
        foreign->state = OBSERVED_UNKNOWN;
        foreign->object = NULL;
        plan_once(&world, &plan);
        for (size_t j = 0; j < plan.action_count; j++)
            CHECK(!plan.actions[j].must_create);
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

/* What serves already goes on being repaired beside it. */
TEST(a_foreign_object_does_not_keep_a_bound_runtime_from_repairs) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct observed *service =
        find(&world, &RESOURCE_SERVICES, SV("default"), SV("svc-demo-worker"));
    service->object =
        fixture_yaml(arena, "{kind: Service, metadata: {name: svc-demo-worker, uid: x}}");
    struct observed *config =
        find(&world, &RESOURCE_CONFIG_MAPS, SV("default"), SV("fluid-runtime-config-demo"));
    config->state = OBSERVED_ABSENT;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Stalled"), SV("ForeignObject"));
    CHECK(config->state == OBSERVED_PRESENT);
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

/* --- volume and claim --- */

TEST(an_outdated_volume_waits_for_the_pods_that_use_it) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    set_access_mode(&world, "ReadWriteMany");
    world.claim_pods[0] = fixture_yaml(arena, "{metadata: {name: app}, status: {phase: Running}}");
    world.claim_pod_count = 1;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(object_condition_is_true(world.runtime, SV("VolumeOutdated")));
    const struct observed *volume =
        find(&world, &RESOURCE_PERSISTENT_VOLUMES, SV(""), SV("default-demo"));
    CHECK_SV(json_text(json_find(volume->object, "spec.accessModes.0")), SV("ReadOnlyMany"));

    world.claim_pods[0] =
        fixture_yaml(arena, "{metadata: {name: app}, status: {phase: Succeeded}}");
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!object_condition_is_true(world.runtime, SV("VolumeOutdated")));
    CHECK_SV(json_text(json_find(volume->object, "spec.accessModes.0")), SV("ReadWriteMany"));
    const struct observed *claim =
        find(&world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
    CHECK_SV(json_text(json_find(claim->object, "spec.accessModes.0")), SV("ReadWriteMany"));
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

/* Its place would stay empty. */
TEST(a_volume_does_not_go_for_one_that_nobody_takes) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    set_access_mode(&world, "Sometimes");
    CHECK(run(&world) < ROUNDS_MAX);
    const struct observed *volume =
        find(&world, &RESOURCE_PERSISTENT_VOLUMES, SV(""), SV("default-demo"));
    CHECK_SV(json_text(json_find(volume->object, "spec.accessModes.0")), SV("ReadOnlyMany"));
    CHECK_SV(condition_reason(&world, "Stalled"), SV("InvalidObject"));
    CHECK(object_condition_is_true(world.runtime, SV("Ready")));
    CHECK(object_condition_is_true(world.runtime, SV("VolumeOutdated")));
    CHECK_SV(dataset_phase(&world), SV("Bound"));
    world_release(&world);
}

/* Or whoever binds looks at the claim too early, and again a quarter of a minute later. */
TEST(the_claim_comes_when_its_volume_is_noticed) {
    static const char *const phases[] = {"", "Pending", "Available", "Bound"};
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        bool is_noticed = i >= 2;
        world_init(&world, arena);
        world.volume_phase = phases[i];
        CHECK(run(&world) < ROUNDS_MAX);
        const struct observed *volume =
            find(&world, &RESOURCE_PERSISTENT_VOLUMES, SV(""), SV("default-demo"));
        const struct observed *claim =
            find(&world, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, SV("default"), SV("demo"));
        CHECK(volume->state == OBSERVED_PRESENT);
        CHECK((claim->state == OBSERVED_PRESENT) == is_noticed);
        CHECK_SV(dataset_phase(&world), is_noticed ? SV("Bound") : SV("NotBound"));
        CHECK_SV(condition_reason(&world, "Ready"),
                 is_noticed ? SV("Serving") : SV("ObjectsPending"));
        json_set_string(arena, json_get(volume->object, SV("status")), SV("phase"),
                        SV("Available"));
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(claim->state == OBSERVED_PRESENT);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        world_release(&world);
    }
}

TEST(a_released_volume_is_freed_for_the_next_claim) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    struct observed *volume =
        find(&world, &RESOURCE_PERSISTENT_VOLUMES, SV(""), SV("default-demo"));
    json_set_string(arena, json_find(volume->object, "spec.claimRef"), SV("uid"), SV("old"));
    json_set_string(arena, json_ensure_map(arena, (struct cJSON *)volume->object, SV("status")),
                    SV("phase"), SV("Released"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!json_find(volume->object, "spec.claimRef.uid"));
    CHECK_SV(json_find_string(volume->object, "spec.claimRef.name"), SV("demo"));
    world_release(&world);
}

/* --- extra config maps, which runtimes of a class share --- */

TEST(extra_config_maps_are_joined_and_never_taken) {
    static const struct {
        const char *text; /* what is there; NULL: nothing */
        const char *reason;
        size_t owner_count;
    } cases[] = {
        {NULL, "", 1},
        {"{apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: default, "
         "resourceVersion: '1',\n"
         " annotations: {cacheruntime.fluid.io/class: demo-class},\n"
         " ownerReferences: [{kind: CacheRuntime, name: other, uid: u-other}]}, data: {a: b}}",
         "", 2},
        {"{apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: default, "
         "resourceVersion: '1',\n"
         " annotations: {cacheruntime.fluid.io/class: other-class}}, data: {a: c}}",
         "ForeignObject", 0},
        {"{apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: default, "
         "resourceVersion: '1',\n"
         " deletionTimestamp: '2026-01-01T00:00:00Z',\n"
         " annotations: {cacheruntime.fluid.io/class: demo-class}}, data: {a: b}}",
         "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, world.runtime_class, SV("extraResources"),
                 fixture_yaml(arena, "{configMaps: [{name: extra, data: {a: b}}]}"));
        struct observed *extra = find(&world, &RESOURCE_CONFIG_MAPS, SV("default"), SV("extra"));
        if (cases[i].text) {
            extra->state = OBSERVED_PRESENT;
            extra->object = fixture_yaml(arena, cases[i].text);
        }
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(json_count(json_find(extra->object, "metadata.ownerReferences")) ==
              cases[i].owner_count);
        bool is_refused = cases[i].reason[0] != '\0';
        CHECK_SV(condition_reason(&world, "Stalled"),
                 is_refused ? sv_from(cases[i].reason) : SV("NotStalled"));
        world_release(&world);
    }
}

/* --- workloads of upstream's controller --- */

static struct observed *add_advanced(struct world *world) {
    struct observed *advanced =
        find(world, &RESOURCE_ADVANCED_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    advanced->state = OBSERVED_PRESENT;
    advanced->object = fixture_yaml(
        world->arena,
        "{apiVersion: workload.fluid.io/v1alpha1, kind: AdvancedStatefulSet,\n"
        " metadata: {name: demo-worker, namespace: default, uid: u-a, ownerReferences:\n"
        "  [{kind: CacheRuntime, name: demo, uid: u-runtime, controller: true}]}, spec: {}}");
    return advanced;
}

TEST(an_advanced_stateful_set_is_taken_over_without_touching_its_pods) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world.orphans = "demo-worker";
    struct observed *advanced = add_advanced(&world);
    settle(&world);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "WorkloadTakenOver: Delete AdvancedStatefulSet demo-worker"));
    CHECK(advanced->state == OBSERVED_ABSENT);
    const struct observed *worker = stateful_set(&world, "demo-worker");
    CHECK_SV(json_find_string(worker->object, "spec.updateStrategy.type"), SV("OnDelete"));
    CHECK_SV(dataset_phase(&world), SV("Bound"));

    /* The first change of the template rolls them as the class says. */
    json_set(arena, json_find(world.runtime, "spec.worker"), SV("runtimeVersion"),
             fixture_yaml(arena, "{image: new, imageTag: v2}"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(json_find_string(worker->object, "spec.updateStrategy.type"), SV("RollingUpdate"));

    /* Upstream's controller still runs: that is told, and not fought. */
    add_advanced(&world);
    int writes = world.writes;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Stalled"), SV("OtherController"));
    CHECK(advanced->state == OBSERVED_PRESENT && world.writes <= writes + 2);
    world_release(&world);
}

/* Pods outlive the workload that is taken over, and go with one that is not wanted. */
TEST(a_workload_goes_with_or_without_its_pods) {
    static const struct {
        bool is_disabled;
        const char *propagation;
    } cases[] = {{false, "Orphan"}, {true, "Foreground"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        add_advanced(&world);
        json_set_bool(arena, json_find(world.runtime, "spec.worker"), SV("disabled"),
                      cases[i].is_disabled);
        struct plan plan;
        const struct action *deletion = NULL;
        for (int round = 0; round < 5 && !deletion; round++) {
            plan_once(&world, &plan);
            for (size_t k = 0; k < plan.action_count; k++) {
                if (plan.actions[k].type == ACTION_DELETE)
                    deletion = &plan.actions[k];
                else
                    act(&world, &plan.actions[k]);
            }
            settle(&world);
        }
        REQUIRE(deletion != NULL);
        CHECK(deletion->resource == &RESOURCE_ADVANCED_STATEFUL_SETS);
        CHECK_SV(json_find_string(deletion->body, "propagationPolicy"),
                 sv_from(cases[i].propagation));
        world_release(&world);
    }
}

/* What is told first is one trouble; that a name is taken is another, which holds back all the rest
 * just the same. */
TEST(a_foreign_object_behind_another_stall_is_refused_before_anything_is_made) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    add_advanced(&world);
    struct observed *worker =
        find(&world, &RESOURCE_STATEFUL_SETS, SV("default"), SV("demo-worker"));
    worker->state = OBSERVED_PRESENT;
    worker->object =
        fixture_yaml(arena, "{apiVersion: apps/v1, kind: StatefulSet,\n"
                            " metadata: {name: demo-worker, namespace: default, uid: u-w,\n"
                            "  ownerReferences: [{kind: CacheRuntime, name: demo,\n"
                            "   uid: u-runtime, controller: true}]},\n"
                            " spec: {serviceName: svc-demo-worker, podManagementPolicy: "
                            "Parallel, selector: {matchLabels:\n"
                            "  {cacheruntime.fluid.io/name: demo, "
                            "cacheruntime.fluid.io/component-name: demo-worker}}}}");
    struct observed *client = find(&world, &RESOURCE_DAEMON_SETS, SV("default"), SV("demo-client"));
    client->state = OBSERVED_PRESENT;
    client->object = fixture_yaml(arena, "{apiVersion: apps/v1, kind: DaemonSet,\n"
                                         " metadata: {name: demo-client, namespace: default}}");
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK_SV(condition_reason(&world, "Stalled"), SV("OtherController"));
    CHECK(!trace_has(&world, "Create") && !trace_has(&world, "WorkloadCreated"));
    CHECK(stateful_set(&world, "demo-master")->state == OBSERVED_ABSENT);
    world_release(&world);
}

/* --- kinds of workloads --- */

TEST(another_kind_of_workload_replaces_the_old_one) {
    static const struct {
        const char *type;
        const struct resource *resource;
    } cases[] = {
        {"{apiVersion: apps/v1, kind: Deployment}", &RESOURCE_DEPLOYMENTS},
        {"{apiVersion: apps/v1, kind: DaemonSet}", &RESOURCE_DAEMON_SETS},
        {"{apiVersion: apps.kruise.io/v1beta1, kind: StatefulSet}", &RESOURCE_KRUISE_STATEFUL_SETS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, json_get(world.runtime, SV("spec")), SV("worker"), json_map(arena));
        world_bind(&world);
        json_set(arena, json_find(world.runtime, "spec.worker"), SV("workloadType"),
                 fixture_yaml(arena, cases[i].type));
        int trials = world.trials;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK(world.trials == trials + 1); /* the server was asked before the old one went */
        CHECK(trace_has(&world, "WorkloadNotWanted: Delete StatefulSet demo-worker"));
        CHECK(stateful_set(&world, "demo-worker")->state == OBSERVED_ABSENT);
        CHECK(find(&world, cases[i].resource, SV("default"), SV("demo-worker"))->state ==
              OBSERVED_PRESENT);
        world_release(&world);
    }
}

/* --- services that nobody asks for any more --- */

static const struct {
    const char *what;
    const char *parent, *key, *value; /* edit of the class or, with "spec", of the runtime */
    bool is_held;                     /* the class's edit waits for its turn */
    bool is_gone;
} service_edits[] = {
    {"the component is disabled", "spec.worker", "disabled", "true", false, true},
    {"the class drops it", "topology.worker", "services", "[]", false, true},
    {"the class gives it a name", "topology.worker", "services",
     "[{name: rpc, headless: true, ports: [{port: 1, name: a}]}]", false, true},
    {"the pods still use it", "topology.worker", "services", "[]", true, false},
    {"the class changes it", "topology.worker", "services",
     "[{headless: true, ports: [{port: 2, name: b}]}]", false, false},
    {"another component is disabled", "spec.master", "disabled", "true", false, false},
};

TEST(a_service_goes_when_nothing_asks_for_it) {
    for (size_t i = 0; i < COUNT_OF(service_edits); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        world_bind(&world);
        bool is_runtime = strncmp(service_edits[i].parent, "spec", 4) == 0;
        struct cJSON *root = is_runtime ? world.runtime : world.runtime_class;
        json_ensure_map(arena, json_get(world.runtime, SV("spec")), SV("master"));
        json_set(arena, json_find(root, service_edits[i].parent), sv_from(service_edits[i].key),
                 fixture_yaml(arena, service_edits[i].value));
        world.may_not_roll = service_edits[i].is_held;
        CHECK(run(&world) < ROUNDS_MAX);
        bool is_gone =
            find(&world, &RESOURCE_SERVICES, SV("default"), SV("svc-demo-worker"))->state ==
            OBSERVED_ABSENT;
        if (is_gone != service_edits[i].is_gone)
            printf("%s\n", service_edits[i].what);
        CHECK(is_gone == service_edits[i].is_gone);
        CHECK(trace_has(&world, "ServiceNotWanted: Delete Service svc-demo-worker") == is_gone);
        world_release(&world);
    }
}

/* Nothing says where data is when there is none, and the number that the class gave goes on being
 * the class's for the day on which the workers come back. */
TEST(a_disabled_worker_leaves_no_traces_but_its_number) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    json_remove(json_find(world.runtime, "spec.worker"), SV("replicas"));
    world_bind(&world);
    int64_t given = json_find_int(world.runtime, "spec.worker.replicas", -1);
    CHECK(given >= 0);
    CHECK(json_find(world.runtime, "status.cacheAffinity") != NULL);
    struct sv record = object_annotation(world.runtime, ANNOTATION_CLASS_REPLICAS);
    CHECK(sv_contains(record, SV("worker=")));
    json_set_bool(arena, json_find(world.runtime, "spec.worker"), SV("disabled"), true);
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(json_find(world.runtime, "status.cacheAffinity") == NULL);
    CHECK(json_find_int(world.runtime, "spec.worker.replicas", -1) == given);
    CHECK_SV(object_annotation(world.runtime, ANNOTATION_CLASS_REPLICAS), record);
    world_release(&world);
}

/* Its workload goes first: pods that end still look for each other. */
TEST(a_service_stays_until_its_workload_is_gone) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    json_set_bool(arena, json_find(world.runtime, "spec.worker"), SV("disabled"), true);
    struct cJSON *worker = (struct cJSON *)stateful_set(&world, "demo-worker")->object;
    json_set_string(arena, json_get(worker, SV("metadata")), SV("deletionTimestamp"),
                    SV("2026-01-01T01:00:00Z"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(!trace_has(&world, "Delete Service"));
    delete_one(&world, &(struct action){.resource = &RESOURCE_STATEFUL_SETS,
                                        .namespace_name = SV("default"),
                                        .name = SV("demo-worker")});
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "ServiceNotWanted: Delete Service svc-demo-worker"));
    CHECK(!trace_has(&world, "Delete Service svc-demo-master"));
    world_release(&world);
}

TEST(a_service_of_somebody_else_is_left_alone) {
    AUTO(arena) arena = arena_new();
    struct world world;
    world_init(&world, arena);
    world_bind(&world);
    const struct cJSON *service =
        find(&world, &RESOURCE_SERVICES, SV("default"), SV("svc-demo-worker"))->object;
    struct observed *other = find(&world, &RESOURCE_SERVICES, SV("default"), SV("mine"));
    struct cJSON *object = json_copy(arena, service);
    json_set_string(arena, json_get(object, SV("metadata")), SV("name"), SV("mine"));
    json_remove(json_get(object, SV("metadata")), SV("ownerReferences"));
    other->object = object;
    other->state = OBSERVED_PRESENT;
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(other->state == OBSERVED_PRESENT);
    CHECK(!trace_has(&world, "Delete Service"));
    world_release(&world);
}

/* --- a server that does not keep what is sent --- */

TEST(a_field_that_the_server_drops_is_told_and_not_fought) {
    static const struct {
        const char *parent, *key, *reason;
    } cases[] = {
        {"spec.template.spec.containers.0", "image", "FieldNotKept"},
        {"spec.updateStrategy.rollingUpdate", "maxUnavailable", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        struct world world;
        world_init(&world, arena);
        json_set(arena, json_find(world.runtime_class, "topology.worker"), SV("updateStrategy"),
                 fixture_yaml(arena, "{maxUnavailable: 2}"));
        world.dropped_from = "demo-worker";
        world.dropped_parent = cases[i].parent;
        world.dropped_key = cases[i].key;
        CHECK(run(&world) < ROUNDS_MAX);
        CHECK_SV(dataset_phase(&world), SV("Bound"));
        const struct cJSON *synced = object_condition(world.runtime, SV("Synced"));
        CHECK_SV(json_find_string(synced, "reason"), sv_from(cases[i].reason));
        if (synced)
            CHECK_CONTAINS(json_find_string(synced, "message"), cases[i].key);
        int writes = world.writes;
        CHECK(run(&world) < 2);
        CHECK(world.writes == writes);
        world_release(&world);
    }
}

/* --- config maps of the class --- */

/* What other runtimes say of it, and own of it, stays: it is written as somebody else than they,
 * and only what differs. */
TEST(a_shared_config_map_has_other_owners_and_keeps_them) {
    AUTO(arena) arena = arena_new();
    struct world world;
    struct plan plan;
    world_init(&world, arena);
    json_set(arena, world.runtime_class, SV("extraResources"),
             fixture_yaml(arena, "{configMaps: [{name: tools, data: {run: a, gone: b}}]}"));
    plan_and_act(&world, &plan);
    plan_once(&world, &plan);
    size_t count = 0;
    for (size_t i = 0; i < plan.action_count; i++) {
        const struct action *action = &plan.actions[i];
        if (action->type != ACTION_APPLY || !sv_eq(action->name, SV("tools")))
            continue;
        count++;
        CHECK(action->must_create && !action->force);
        CHECK_SV(action->field_manager, SV("cacheruntime-controller-demo"));
    }
    CHECK(count == 1);
    world_bind(&world);
    struct observed *tools = find(&world, &RESOURCE_CONFIG_MAPS, SV("default"), SV("tools"));
    json_append(json_find(tools->object, "metadata.ownerReferences"),
                fixture_yaml(arena, "{apiVersion: data.fluid.io/v1alpha1, kind: CacheRuntime,\n"
                                    " name: other, uid: u-other}"));
    struct cJSON *data = json_find(world.runtime_class, "extraResources.configMaps.0.data");
    json_set_string(arena, data, SV("run"), SV("c"));
    json_remove(data, SV("gone"));
    CHECK(run(&world) < ROUNDS_MAX);
    CHECK(trace_has(&world, "ObjectDiffers: Update ConfigMap tools"));
    CHECK(json_equal(json_get(tools->object, SV("data")), fixture_yaml(arena, "{run: c}")));
    CHECK(json_count(json_find(tools->object, "metadata.ownerReferences")) == 2);
    world_release(&world);
}
