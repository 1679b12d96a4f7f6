/* SPDX-License-Identifier: Apache-2.0 */
/* HLTH-001, HLTH-003, MNT-003: containers, pods and nodes that die while the cache is in use. */
#include "conformance/lifecycle/lifecycle_run.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/world.h"

enum { RECOVERY_TIMEOUT_MS = 30 * 60 * 1000 };

/* A pod of that role, or NULL. */
static const struct cJSON *first_pod(struct lifecycle_run *run, enum role role,
                                     struct arena *arena) {
    struct error err = {0};
    struct sv selector = arena_printf(arena, "cacheruntime.fluid.io/component-name=%.*s-%.*s",
                                      SV_ARG(run->sample->name), SV_ARG(role_text(role)));
    const struct cJSON *pods =
        session_list(run->session, &RESOURCE_PODS, run->namespace_name, selector, arena, &err);
    return json_at(json_get(pods, SV("items")), 0);
}

/* Recovered: bound again, with the condition having been observed after the loss. */
static bool recovers(struct lifecycle_run *run, struct sv id, const char *what) {
    /* The loss must be noticed before the old state can pass for the new one. */
    session_advance(run->session, 1000);
    if (run_wait_bound(run, run->sample->name, RECOVERY_TIMEOUT_MS))
        return true;
    run_fail(run, id, "%s, and after %d virtual minutes: %.*s", what, RECOVERY_TIMEOUT_MS / 60000,
             SV_ARG(run_explain(run, run->sample->name)));
    return false;
}

static bool restart_container(struct lifecycle_run *run, enum role role, struct sv id) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *pod = first_pod(run, role, arena);
    if (!pod)
        return true;
    struct sv container = json_find_string(pod, "spec.containers.0.name");
    if (!world_restart_container(session_world(run->session), run->namespace_name, object_name(pod),
                                 container)) {
        results_add(run->results, id, CHECK_STATE_ERROR, "container %.*s of %.*s is not running",
                    SV_ARG(container), SV_ARG(object_name(pod)));
        return false;
    }
    return recovers(
        run, id,
        arena_printf(arena, "a container of the %.*s was killed", SV_ARG(role_text(role))).ptr);
}

static bool delete_pod(struct lifecycle_run *run, enum role role, struct sv id) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *pod = first_pod(run, role, arena);
    struct error err = {0};
    if (!pod)
        return true;
    if (!run_check_request(run, id,
                           session_delete(run->session, &RESOURCE_PODS, run->namespace_name,
                                          object_name(pod), &err),
                           &err))
        return false;
    return recovers(
        run, id, arena_printf(arena, "a pod of the %.*s was deleted", SV_ARG(role_text(role))).ptr);
}

static void check_pods(struct lifecycle_run *run) {
    struct sv id = SV("HLTH-001");
    bool has_world = session_world(run->session) != NULL;
    for (int role = 0; role < ROLE_COUNT; role++)
        if ((has_world && !restart_container(run, (enum role)role, id)) ||
            !delete_pod(run, (enum role)role, id))
            return;
    run_pass(run, id);
}

/* Executions of an entry so far are what tells whether the mounts were made again. */
static void check_remount(struct lifecycle_run *run) {
    struct sv id = SV("MNT-003");
    if (!subject_entry(run->subject, ROLE_MASTER, SV("mountUFS"))) {
        run_skip(run, id, "no master that mounts");
        return;
    }
    if (!session_world(run->session)) {
        run_skip_unobservable(run, id, "containers of this cluster are not ours to kill");
        return;
    }
    struct session_counts before, after;
    session_get_counts(run->session, &before);
    if (!restart_container(run, ROLE_MASTER, id))
        return;
    session_get_counts(run->session, &after);
    if (after.executions == before.executions)
        run_fail(run, id, "the master restarted with empty state and nothing was mounted again");
    else
        run_pass(run, id);
}

/* The node of a worker (or of whatever runs) dies and is removed, as an operator would. */
static void check_node_loss(struct lifecycle_run *run) {
    struct sv id = SV("HLTH-003");
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *pod = first_pod(run, ROLE_WORKER, arena);
    if (!pod)
        pod = first_pod(run, ROLE_MASTER, arena);
    struct sv node = json_find_string(pod, "spec.nodeName");
    if (node.len == 0) {
        run_skip(run, id, "no pod runs that a node could take with it");
        return;
    }
    if (!session_world(run->session)) {
        run_skip_unobservable(run, id, "nodes of this cluster are not ours to stop");
        return;
    }
    if (!world_stop_node(session_world(run->session), node) ||
        !session_delete(run->session, &RESOURCE_NODES, SV(""), node, &err)) {
        results_add(run->results, id, CHECK_STATE_ERROR, "node %.*s cannot be stopped: %s",
                    SV_ARG(node), err.message);
        return;
    }
    if (recovers(run, id, "a node was lost"))
        run_pass(run, id);
}

void lifecycle_health(struct lifecycle_run *run) {
    check_pods(run);
    check_remount(run);
    check_node_loss(run);
}
