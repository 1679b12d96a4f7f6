/* SPDX-License-Identifier: Apache-2.0 */
/* Which mounts the cache serves, and the entry that tells it: contract.md §5, mountUFS. */
#include "core/reconcile/mounts.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "core/reconcile/entries.h"
#include "core/reconcile/mount_spec.h"
#include "core/reconcile/pass.h"

/* A wrong answer is mostly that of a script which reads a file that kubelet has not refreshed yet.
 */
enum { WRONG_ANSWER_RETRY_MS = 10 * 1000, WRONG_ANSWER_RETRY_MS_MAX = 5 * 60 * 1000 };

/* The native ones are not for the engine to mount. */
static struct cJSON *wanted_paths(struct pass *pass) {
    struct cJSON *paths = json_list(pass->arena);
    JSON_EACH (mount, json_find(pass->snapshot->dataset, "spec.mounts"))
        if (!mount_is_native(mount))
            json_append(paths, json_string(pass->arena, mount_unified_path(mount, pass->arena)));
    return paths;
}

static bool judge_paths(struct pass *pass, const struct cJSON *mounted, struct sv *ret_message) {
    const struct cJSON *wanted = wanted_paths(pass);
    JSON_EACH (path, wanted) {
        if (json_has_text(mounted, json_text(path)))
            continue;
        *ret_message =
            pass_printf(pass, "mount point %.*s is not yet mounted", SV_ARG(json_text(path)));
        return false;
    }
    JSON_EACH (path, mounted) {
        if (json_has_text(wanted, json_text(path)))
            continue;
        *ret_message =
            pass_printf(pass, "unexpected mounted paths remain: %.*s", SV_ARG(json_text(path)));
        return false;
    }
    return true;
}

static bool judge(struct pass *pass, const struct execution *execution, struct sv *ret_message) {
    struct error err = {0};
    if (!entry_succeeded(pass, execution, ret_message))
        return false;
    const struct cJSON *answer = json_read(pass->arena, sv_trim(execution->stdout_bytes), &err);
    const struct cJSON *mounted = json_get(answer, SV("mounted"));
    if (!answer)
        *ret_message = pass_printf(pass, "mountUFS printed no JSON: %s", err.message);
    else if (!json_is_list(mounted))
        *ret_message = SV("mountUFS must print {\"mounted\":[\"/path\"]}");
    else
        return judge_paths(pass, mounted, ret_message);
    return false;
}

bool mounts_are_recorded(const struct pass *pass) {
    const struct cJSON *spec = json_find(pass->snapshot->dataset, "spec.mounts");
    const struct cJSON *recorded = json_find(pass->snapshot->dataset, "status.mounts");
    if (json_count(spec) == 0 && json_count(recorded) == 0)
        return true;
    return json_equal(spec, recorded);
}

/* By identity, not by comparing clocks: a container that restarted has forgotten its mounts. */
static bool is_mounted_by(const struct pass *pass, const struct server *server) {
    const struct cJSON *by = json_find(pass->snapshot->runtime, "status.mountedBy");
    struct sv hash = json_find_string(by, "configHash");
    return json_is_map(by) && sv_eq(json_find_string(by, "podUID"), object_uid(server->pod)) &&
           sv_eq(json_find_string(by, "containerID"), server->container_id) &&
           json_int_or(by, SV("restartCount"), 0) == server->restart_count &&
           (hash.len == 0 || sv_eq(hash, pass->mounts_hash));
}

bool mounts_maker_runs(const struct pass *pass) {
    const struct cJSON *by = json_find(pass->snapshot->runtime, "status.mountedBy");
    for (size_t i = 0; i < pass->snapshot->pod_count; i++) {
        const struct cJSON *pod = pass->snapshot->pods[i];
        if (object_is_deleting(pod) || !sv_eq(json_find_string(by, "podUID"), object_uid(pod)))
            continue;
        JSON_EACH (status, json_find(pod, "status.containerStatuses"))
            if (sv_eq(json_find_string(by, "containerID"),
                      json_find_string(status, "containerID")) &&
                json_int_or(by, SV("restartCount"), 0) ==
                    json_int_or(status, SV("restartCount"), 0))
                return true;
    }
    return !by;
}

bool mounts_are_lost(struct pass *pass) {
    struct server server;
    if (!pass->plan->gates[GATE_CLASS].is_open)
        return !mounts_maker_runs(pass);
    if (!entry_server(pass, ENTRY_MOUNT_UFS, &server) || (!server.pod && entry_may_wait(&server)))
        return false;
    return !server.pod || !is_mounted_by(pass, &server);
}

static void run(struct pass *pass, const struct server *server, int64_t at_ms) {
    if (at_ms > pass->snapshot->now_ms)
        pass_wake_at(pass, at_ms);
    else if (entry_can_execute(pass) && pass->plan->gates[GATE_OBJECTS].is_open &&
             pass->plan->gates[GATE_READY_CHECK].is_open)
        entry_execute(pass, ENTRY_MOUNT_UFS, server, pass->mounts_hash, SV("MountsChanged"),
                      entry_timeout_ms(server, ENTRY_MOUNT_UFS));
}

/* The longer it has been wrong, the longer the next try may wait. */
static int64_t wrong_answer_retry_ms(const struct execution *last) {
    int64_t wait_ms = (last->finished_ms - last->tried_since_ms) / 4;
    if (wait_ms < WRONG_ANSWER_RETRY_MS)
        wait_ms = WRONG_ANSWER_RETRY_MS;
    return last->finished_ms +
           (wait_ms < WRONG_ANSWER_RETRY_MS_MAX ? wait_ms : WRONG_ANSWER_RETRY_MS_MAX);
}

/* A failure is told until another answer is there, and not only between two tries. Nothing is
 * mounted before the cache answers. */
static void close_mounts(struct pass *pass, bool is_answer, struct sv message) {
    const struct gate *ready_check = &pass->plan->gates[GATE_READY_CHECK];
    const struct cJSON *old = object_condition(pass->snapshot->runtime, SV("MountsReady"));
    bool had_failed = sv_eq(json_find_string(old, "reason"), SV("MountFailed"));
    if (is_answer)
        pass_close(pass, GATE_MOUNTS, SV("MountFailed"), message);
    else if (had_failed)
        pass_close(pass, GATE_MOUNTS, SV("MountFailed"), json_find_string(old, "message"));
    else if (!ready_check->is_open)
        pass_close(pass, GATE_MOUNTS, ready_check->reason, ready_check->message);
    else
        pass_close(pass, GATE_MOUNTS, SV("MountRunning"), SV("waits for mountUFS to end"));
}

static void mount(struct pass *pass, const struct server *server) {
    const struct execution *last = snapshot_execution(pass->snapshot, ENTRY_MOUNT_UFS);
    bool is_answer = last && !last->is_running && entry_is_ours(server, last) &&
                     sv_eq(last->input_hash, pass->mounts_hash);
    struct sv message = SV("");
    if (is_answer && judge(pass, last, &message)) {
        pass->mounted_by = last;
        pass_open(pass, GATE_MOUNTS);
        return;
    }
    close_mounts(pass, is_answer, message);
    if (last && last->is_running)
        return;
    bool has_failed = is_answer && (last->error != ERROR_NONE || last->exit_code != 0);
    run(pass, server,
        !is_answer   ? entry_first_try_ms(pass, last)
        : has_failed ? entry_retry_ms(last)
                     : wrong_answer_retry_ms(last));
}

/* Clients come and go with the pods that use the volume: that is no update of the dataset. One that
 * cannot mount, or may not before the cache answers, is told all the same. */
static void let_clients_come(struct pass *pass) {
    const struct gate *mounts = &pass->plan->gates[GATE_MOUNTS];
    if (!mounts->is_open && !sv_eq(mounts->reason, SV("MountRunning")))
        pass->unmounted = (struct finding){mounts->reason, mounts->message};
    pass_open(pass, GATE_MOUNTS);
}

/* Nothing is to be run: the cache serves what its config map names, once that is written. */
static void open_with_objects(struct pass *pass) {
    const struct gate *objects = &pass->plan->gates[GATE_OBJECTS];
    if (pass->mounts_changed && !objects->is_open && pass->snapshot->write_failure.len > 0)
        pass_close(pass, GATE_MOUNTS, objects->reason, objects->message);
    else
        pass_open(pass, GATE_MOUNTS);
}

void gate_mounts(struct pass *pass) {
    struct server server;
    pass->mounts_changed = pass->was_bound && !mounts_are_recorded(pass);
    if (!entry_server(pass, ENTRY_MOUNT_UFS, &server)) {
        open_with_objects(pass);
        return;
    }
    pass->mounts_wait_for_pod = !server.pod && entry_may_wait(&server);
    if (pass->mounts_wait_for_pod) {
        pass_open(pass, GATE_MOUNTS);
        return;
    }
    if (!server.pod) {
        pass_close(pass, GATE_MOUNTS, SV("NoReadyPod"),
                   pass_printf(pass, "waits for a ready pod of the %.*s to run mountUFS",
                               SV_ARG(server.component->text)));
        return;
    }
    if (pass->was_bound && !pass->mounts_changed && is_mounted_by(pass, &server)) {
        pass_open(pass, GATE_MOUNTS);
        return;
    }
    mount(pass, &server);
    if (server.component->type == COMPONENT_CLIENT && entry_may_wait(&server) &&
        !pass->mounts_changed)
        let_clients_come(pass);
}
