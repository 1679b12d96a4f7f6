/* SPDX-License-Identifier: Apache-2.0 */
/* SCALE-*, MNT-001, MNT-004, EXEC-008, UPG-002: what a user edits while the cache is in use. */
#include "conformance/lifecycle/lifecycle_run.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"

enum { CHANGE_TIMEOUT_MS = 30 * 60 * 1000 };

static struct sv workload_name(const struct lifecycle_run *run, enum role role,
                               struct arena *arena) {
    return arena_printf(arena, "%.*s-%.*s", SV_ARG(run->sample->name), SV_ARG(role_text(role)));
}

/* --- scaling --- */

struct wait_workers {
    struct lifecycle_run *run;
    int64_t replicas;
};

static bool workers_are(struct session *session, void *context) {
    (void)session;
    const struct wait_workers *wait = context;
    AUTO(arena) arena = arena_new();
    const struct cJSON *workload = run_get(wait->run, &RESOURCE_STATEFUL_SETS,
                                           workload_name(wait->run, ROLE_WORKER, arena), arena);
    const struct cJSON *runtime =
        run_get(wait->run, &RESOURCE_CACHE_RUNTIMES, wait->run->sample->name, arena);
    return workload && json_find_int(workload, "spec.replicas", -1) == wait->replicas &&
           json_find_int(workload, "status.replicas", -1) == wait->replicas &&
           json_find_int(workload, "status.readyReplicas", 0) == wait->replicas &&
           json_find_int(runtime, "status.worker.readyReplicas", 0) == wait->replicas &&
           json_find_int(runtime, "status.worker.desiredReplicas", 0) == wait->replicas;
}

static bool scale_to(struct lifecycle_run *run, struct sv id, int64_t replicas) {
    struct error err = {0};
    struct wait_workers wait = {run, replicas};
    bool patched = run_patch(run, &RESOURCE_CACHE_RUNTIMES, run->sample->name, &err,
                             "{\"spec\":{\"worker\":{\"replicas\":%lld}}}", (long long)replicas);
    if (!run_check_request(run, id, patched, &err))
        return false;
    if (!run_until(run, CHANGE_TIMEOUT_MS, workers_are, &wait)) {
        run_fail(run, id, "worker.replicas %lld was not reached: %.*s", (long long)replicas,
                 SV_ARG(run_explain(run, run->sample->name)));
        return false;
    }
    if (!run_wait_bound(run, run->sample->name, CHANGE_TIMEOUT_MS)) {
        run_fail(run, id, "not Bound with %lld workers: %.*s", (long long)replicas,
                 SV_ARG(run_explain(run, run->sample->name)));
        return false;
    }
    return true;
}

void lifecycle_scale(struct lifecycle_run *run) {
    static const char no_worker[] = "the class has no worker that is scaled";
    AUTO(arena) arena = arena_new();
    if (!run_get(run, &RESOURCE_STATEFUL_SETS, workload_name(run, ROLE_WORKER, arena), arena)) {
        run_skip(run, SV("SCALE-001"), no_worker);
        run_skip(run, SV("SCALE-003"), no_worker);
        return;
    }
    if (scale_to(run, SV("SCALE-001"), 1) && scale_to(run, SV("SCALE-001"), 3) &&
        scale_to(run, SV("SCALE-001"), 1))
        run_pass(run, SV("SCALE-001"));
    if (scale_to(run, SV("SCALE-003"), 0) && scale_to(run, SV("SCALE-003"), 1))
        run_pass(run, SV("SCALE-003"));
}

/* --- mounts --- */

/* Bound and Ready, with status.mounts equal to spec.mounts: mounted is what was asked for. */
static bool mounts_are_recorded(struct session *session, void *context) {
    (void)session;
    struct lifecycle_run *run = context;
    AUTO(arena) arena = arena_new();
    const struct cJSON *dataset = run_get(run, &RESOURCE_DATASETS, run->sample->name, arena);
    return dataset &&
           json_equal(json_find(dataset, "spec.mounts"), json_find(dataset, "status.mounts")) &&
           object_condition_is_true(dataset, SV("Ready")) && run_is_bound(run, run->sample->name);
}

static bool set_mounts(struct lifecycle_run *run, struct sv id, const struct cJSON *mounts,
                       const char *what) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct cJSON *patch = json_map(arena);
    struct cJSON *spec = json_ensure_map(arena, patch, SV("spec"));
    json_set(arena, spec, SV("mounts"), json_copy(arena, mounts));
    bool patched = session_merge_patch(run->session, &RESOURCE_DATASETS, run->namespace_name,
                                       run->sample->name, SV(""), patch, &err);
    if (!run_check_request(run, id, patched, &err))
        return false;
    if (run_until(run, CHANGE_TIMEOUT_MS, mounts_are_recorded, run)) {
        run_pass(run, id);
        return true;
    }
    run_fail(run, id, "a mount was %s and after %d virtual minutes: %.*s", what,
             CHANGE_TIMEOUT_MS / 60000, SV_ARG(run_explain(run, run->sample->name)));
    return false;
}

void lifecycle_mounts(struct lifecycle_run *run) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *before = json_find(run->sample->dataset, "spec.mounts");
    if (json_count(before) == 0) {
        run_skip(run, SV("MNT-001"), "the sample has no mount");
        run_skip(run, SV("MNT-004"), "the sample has no mount");
        run_skip(run, SV("EXEC-008"), "the sample has no mount");
        return;
    }
    struct cJSON *mounts = json_copy(arena, before);
    struct cJSON *added = json_append(mounts, json_copy(arena, mounts->child));
    json_set_string(arena, added, SV("name"), SV("certify-added"));
    json_set_string(arena, added, SV("path"), SV("/certify-added"));
    if (!set_mounts(run, SV("MNT-001"), mounts, "added"))
        return;
    json_set_string(arena, json_ensure_map(arena, added, SV("options")), SV("certify-option"),
                    SV("changed"));
    set_mounts(run, SV("MNT-004"), mounts, "given another option");
    set_mounts(run, SV("EXEC-008"), before, "removed");
}

/* --- image --- */

static enum role upgraded_role(const struct lifecycle_run *run) {
    return subject_component(run->subject, ROLE_WORKER)   ? ROLE_WORKER
           : subject_component(run->subject, ROLE_MASTER) ? ROLE_MASTER
                                                          : ROLE_CLIENT;
}

struct wait_image {
    struct lifecycle_run *run;
    enum role role;
    struct sv image;
};

static const struct resource *workload_resource(enum role role) {
    return role == ROLE_CLIENT ? &RESOURCE_DAEMON_SETS : &RESOURCE_STATEFUL_SETS;
}

/* The template has the image, and every pod that the update strategy replaces runs it. */
static bool image_is_rolled(struct session *session, void *context) {
    (void)session;
    const struct wait_image *wait = context;
    AUTO(arena) arena = arena_new();
    const struct cJSON *workload = run_get(wait->run, workload_resource(wait->role),
                                           workload_name(wait->run, wait->role, arena), arena);
    struct sv image = json_find_string(workload, "spec.template.spec.containers.0.image");
    if (!sv_eq(image, wait->image) ||
        object_observed_generation(workload) != object_generation(workload))
        return false;
    if (wait->role == ROLE_CLIENT)
        return true;
    return json_find_int(workload, "status.updatedReplicas", 0) ==
               json_find_int(workload, "spec.replicas", -1) &&
           json_find_int(workload, "status.readyReplicas", 0) ==
               json_find_int(workload, "spec.replicas", -1);
}

void lifecycle_upgrade(struct lifecycle_run *run) {
    struct sv id = SV("UPG-002");
    struct error err = {0};
    struct wait_image wait = {run, upgraded_role(run), SV("registry.example/certify:next")};
    bool patched = run_patch(run, &RESOURCE_CACHE_RUNTIMES, run->sample->name, &err,
                             "{\"spec\":{\"%.*s\":{\"runtimeVersion\":{\"image\":"
                             "\"registry.example/certify\",\"imageTag\":\"next\"}}}}",
                             SV_ARG(role_text(wait.role)));
    if (!run_check_request(run, id, patched, &err))
        return;
    if (!run_until(run, CHANGE_TIMEOUT_MS, image_is_rolled, &wait))
        run_fail(run, id, "a new image of the %.*s was not rolled out: %.*s",
                 SV_ARG(role_text(wait.role)), SV_ARG(run_explain(run, run->sample->name)));
    else if (!run_wait_bound(run, run->sample->name, CHANGE_TIMEOUT_MS))
        run_fail(run, id, "not Bound after a new image: %.*s",
                 SV_ARG(run_explain(run, run->sample->name)));
    else
        run_pass(run, id);
}
