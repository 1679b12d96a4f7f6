/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/api/quantity.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/pod_control.h"

enum { REWRITE_MS = 1000 };

#define X(name, text) [WAIT_##name] = {text, sizeof(text) - 1},
static const struct sv wait_reasons[] = {WAIT_REASONS(X)};
#undef X

/* What the writers of one status share. */
struct status {
    struct kubelet *kubelet;
    const struct sim_pod *sim;
    const struct cJSON *pod;
    struct arena *arena;
    struct cJSON *conditions;
    int64_t now_ms;
};

/* --- containers --- */

static struct sv container_id(const struct status *status, const struct sim_container *container,
                              int64_t run) {
    struct sv text = arena_printf(status->arena, "%.*s/%.*s/%lld", SV_ARG(status->sim->uid),
                                  SV_ARG(container->name), (long long)run);
    return arena_printf(status->arena, "sim://%016llx", (unsigned long long)sv_hash(text));
}

static void add_terminated(const struct status *status, struct cJSON *state,
                           const struct container_run *run, struct sv id) {
    struct arena *arena = status->arena;
    struct cJSON *end = json_ensure_map(arena, state, SV("terminated"));
    json_set_int(arena, end, SV("exitCode"), run->exit_code);
    json_set_string(arena, end, SV("reason"), run->exit_code ? SV("Error") : SV("Completed"));
    json_set_string(arena, end, SV("startedAt"), api_time_format(run->started_ms, arena));
    json_set_string(arena, end, SV("finishedAt"), api_time_format(run->finished_ms, arena));
    json_set_string(arena, end, SV("containerID"), id);
}

/* An init container that was running before its pod's restart counts as passed. */
static bool is_initialized(const struct status *status) {
    for (size_t i = 0; i < status->sim->container_count; i++) {
        const struct sim_container *container = &status->sim->containers[i];
        if (container->is_init && !container_is_passed(container))
            return false;
    }
    return true;
}

static struct sv wait_message(const struct status *status, const struct sim_container *container) {
    struct sv image =
        json_string_or(container_spec(status->pod, container->name), SV("image"), SV(""));
    int64_t delay_ms = container->start_at_ms - container->run.finished_ms;
    switch (container->wait_reason) {
    case WAIT_CRASH_LOOP:
        return arena_printf(status->arena,
                            "back-off %.*s restarting failed container=%.*s pod=%.*s_%.*s(%.*s)",
                            SV_ARG(api_duration_format(delay_ms, status->arena)),
                            SV_ARG(container->name), SV_ARG(object_name(status->pod)),
                            SV_ARG(object_namespace(status->pod)), SV_ARG(status->sim->uid));
    case WAIT_PULL_FAILED:
        return arena_printf(status->arena, "failed to pull image \"%.*s\": not found",
                            SV_ARG(image));
    case WAIT_PULL_BACK_OFF:
        return arena_printf(status->arena, "Back-off pulling image \"%.*s\"", SV_ARG(image));
    case WAIT_START:
        break;
    }
    return SV("");
}

static void add_waiting(const struct status *status, const struct sim_container *container,
                        struct cJSON *state) {
    struct arena *arena = status->arena;
    struct cJSON *waiting = json_ensure_map(arena, state, SV("waiting"));
    bool waits_for_init = status->sim->mounted_ms != 0 && !is_initialized(status);
    struct sv reason = wait_reasons[container->wait_reason];
    struct sv message = wait_message(status, container);
    if (reason.len == 0)
        reason = waits_for_init ? SV("PodInitializing") : SV("ContainerCreating");
    json_set_string(arena, waiting, SV("reason"), reason);
    if (message.len > 0)
        json_set_string(arena, waiting, SV("message"), message);
}

/* What ended is seen as such until its restart, unless that is put off. */
static void add_state(const struct status *status, const struct sim_container *container,
                      struct cJSON *item) {
    struct arena *arena = status->arena;
    struct cJSON *state = json_ensure_map(arena, item, SV("state"));
    struct cJSON *last = json_ensure_map(arena, item, SV("lastState"));
    struct sv id = container_id(status, container, container->restart_count);
    bool is_waiting = container->state == CONTAINER_WAITING;
    bool is_put_off = is_waiting && container->wait_reason != WAIT_START;
    if (container->state == CONTAINER_RUNNING) {
        struct cJSON *running = json_ensure_map(arena, state, SV("running"));
        json_set_string(arena, running, SV("startedAt"),
                        api_time_format(container->run.started_ms, arena));
    } else if (container->state == CONTAINER_ENDED) {
        add_terminated(status, state, &container->run, id);
    } else if (container->has_last && !is_put_off) {
        add_terminated(status, state, &container->last, id);
    } else {
        add_waiting(status, container, state);
    }
    if (container->has_last && (!is_waiting || is_put_off))
        add_terminated(status, last, &container->last,
                       is_waiting ? id
                                  : container_id(status, container, container->restart_count - 1));
}

/* What the node gives the container: what it asks for, since the scheduler saw to that. */
static void add_resources(const struct status *status, const struct sim_container *container,
                          struct cJSON *item) {
    const struct cJSON *resources =
        json_get(container_spec(status->pod, container->name), SV("resources"));
    const struct cJSON *requests = json_get(resources, SV("requests"));
    if (container->state != CONTAINER_RUNNING || json_count(requests) == 0)
        return;
    json_set(status->arena, item, SV("allocatedResources"), json_copy(status->arena, requests));
    json_set(status->arena, item, SV("resources"), json_copy(status->arena, resources));
}

static void add_container(const struct status *status, const struct sim_container *container,
                          struct cJSON *list) {
    struct arena *arena = status->arena;
    struct sv image =
        json_string_or(container_spec(status->pod, container->name), SV("image"), SV(""));
    bool has_run = container->state != CONTAINER_WAITING || container->has_last;
    struct cJSON *item = json_append(list, json_map(arena));
    json_set_string(arena, item, SV("name"), container->name);
    add_state(status, container, item);
    json_set_bool(arena, item, SV("ready"), container_is_ready(container, status->now_ms));
    json_set_int(arena, item, SV("restartCount"), container->restart_count);
    json_set_string(arena, item, SV("image"), image);
    json_set_string(
        arena, item, SV("imageID"),
        has_run ? arena_printf(arena, "sim://image/%016llx", (unsigned long long)sv_hash(image))
                : SV(""));
    if (has_run)
        json_set_string(arena, item, SV("containerID"),
                        container_id(status, container, container->restart_count));
    json_set_bool(arena, item, SV("started"), container->state == CONTAINER_RUNNING);
    add_resources(status, container, item);
}

static int compare_names(const void *a, const void *b) {
    return sv_compare((*(const struct sim_container *const *)a)->name,
                      (*(const struct sim_container *const *)b)->name);
}

/* Init containers keep their order, the others are sorted by name. */
static void add_containers(const struct status *status, struct cJSON *body, struct sv member,
                           bool is_init) {
    const struct sim_pod *sim = status->sim;
    const struct sim_container **sorted =
        ARENA_ARRAY(status->arena, const struct sim_container *, sim->container_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < sim->container_count; i++)
        if (sim->containers[i].is_init == is_init)
            sorted[count++] = &sim->containers[i];
    if (count == 0)
        return;
    if (!is_init)
        qsort(sorted, count, sizeof(*sorted), compare_names);
    struct cJSON *list = json_ensure_list(status->arena, body, member);
    for (size_t i = 0; i < count; i++)
        add_container(status, sorted[i], list);
}

/* Containers that somebody added to look into the pod: they run from when they are first seen. */
static void add_ephemeral(const struct status *status, struct cJSON *body) {
    struct arena *arena = status->arena;
    const struct cJSON *before = json_find(status->pod, "status.ephemeralContainerStatuses");
    struct cJSON *list = NULL;
    JSON_EACH (container, json_find(status->pod, "spec.ephemeralContainers")) {
        struct sv name = json_find_string(container, "name"), started_at = SV("");
        struct sv image = json_find_string(container, "image");
        struct sv id = arena_printf(arena, "%.*s/%.*s", SV_ARG(status->sim->uid), SV_ARG(name));
        JSON_EACH (known, before)
            if (sv_eq(json_find_string(known, "name"), name))
                started_at = json_find_string(known, "state.running.startedAt");
        if (started_at.len == 0)
            started_at = api_time_format(status->now_ms, arena);
        list = list ? list : json_ensure_list(arena, body, SV("ephemeralContainerStatuses"));
        struct cJSON *item = json_append(list, json_map(arena));
        struct cJSON *state = json_ensure_map(arena, item, SV("state"));
        json_set_string(arena, item, SV("name"), name);
        json_set_string(arena, json_ensure_map(arena, state, SV("running")), SV("startedAt"),
                        started_at);
        json_ensure_map(arena, item, SV("lastState"));
        json_set_bool(arena, item, SV("ready"), false);
        json_set_int(arena, item, SV("restartCount"), 0);
        json_set_string(arena, item, SV("image"), image);
        json_set_string(
            arena, item, SV("imageID"),
            arena_printf(arena, "sim://image/%016llx", (unsigned long long)sv_hash(image)));
        json_set_string(arena, item, SV("containerID"),
                        arena_printf(arena, "sim://%016llx", (unsigned long long)sv_hash(id)));
    }
}

/* --- conditions --- */

static void add_condition(const struct status *status, struct sv type, bool is_true,
                          struct sv reason, struct sv message) {
    struct arena *arena = status->arena;
    const struct cJSON *known = object_condition(status->pod, type);
    struct sv value = is_true ? SV("True") : SV("False");
    struct cJSON *condition = json_append(status->conditions, json_map(arena));
    json_set_string(arena, condition, SV("type"), type);
    pod_set_observed_generation(arena, condition, status->pod);
    json_set_string(arena, condition, SV("status"), value);
    json_set_string(arena, condition, SV("lastTransitionTime"),
                    condition_since(known, value, api_time_format(status->now_ms, arena)));
    if (!is_true && reason.len > 0) {
        json_set_string(arena, condition, SV("reason"), reason);
        if (message.len > 0)
            json_set_string(arena, condition, SV("message"), message);
    }
}

/* "containers with unready status: [a b]" */
static struct sv name_containers(const struct status *status, bool is_init, const char *what) {
    struct joiner joined;
    joiner_init(&joined, status->arena);
    for (size_t i = 0; i < status->sim->container_count; i++) {
        const struct sim_container *container = &status->sim->containers[i];
        if (container->is_init == is_init && !container_is_ready(container, status->now_ms))
            joiner_add_apart(&joined, SV(" "), container->name);
    }
    struct sv names = joiner_text(&joined);
    if (names.len == 0)
        return names;
    return arena_printf(status->arena, "containers with %s status: [%.*s]", what, SV_ARG(names));
}

static struct sv closed_gate(const struct status *status) {
    JSON_EACH (gate, json_find(status->pod, "spec.readinessGates")) {
        struct sv type = json_string_or(gate, SV("conditionType"), SV(""));
        if (!object_condition_is_true(status->pod, type))
            return arena_printf(status->arena,
                                "corresponding condition of pod readiness gate \"%.*s\" does not "
                                "exist or is not \"True\".",
                                SV_ARG(type));
    }
    return SV("");
}

static const struct sv own_types[] = {
    SV("PodReadyToStartContainers"), SV("Initialized"),  SV("Ready"),
    SV("ContainersReady"),           SV("PodScheduled"),
};

/* Why the pod is not ready. */
struct unreadiness {
    struct sv reason, message;
};

static struct unreadiness find_unreadiness(const struct status *status, enum pod_phase phase) {
    if (phase == PHASE_SUCCEEDED)
        return (struct unreadiness){SV("PodCompleted"), SV("")};
    if (phase == PHASE_FAILED)
        return (struct unreadiness){SV("PodFailed"), SV("")};
    struct sv unready = name_containers(status, false, "unready");
    return (struct unreadiness){unready.len > 0 ? SV("ContainersNotReady") : SV(""), unready};
}

static void add_conditions(struct status *status, enum pod_phase phase, struct cJSON *body) {
    struct unreadiness unready = find_unreadiness(status, phase);
    struct sv gate = closed_gate(status);
    bool is_ready = unready.reason.len == 0;
    bool is_over = phase >= PHASE_SUCCEEDED;
    status->conditions = json_ensure_list(status->arena, body, SV("conditions"));
    /* A merge patch replaces the list: what others wrote stays. */
    JSON_EACH (other, json_find(status->pod, "status.conditions"))
        if (sv_index_of(json_string_or(other, SV("type"), SV("")), own_types,
                        COUNT_OF(own_types)) == COUNT_OF(own_types))
            json_append(status->conditions, json_copy(status->arena, other));
    add_condition(status, own_types[0], status->sim->mounted_ms != 0 && !is_over, SV(""), SV(""));
    add_condition(status, own_types[1], is_initialized(status), SV("ContainersNotInitialized"),
                  name_containers(status, true, "incomplete"));
    add_condition(status, own_types[2], is_ready && gate.len == 0,
                  is_ready ? SV("ReadinessGatesNotReady") : unready.reason,
                  is_ready ? gate : unready.message);
    add_condition(status, own_types[3], is_ready, unready.reason, unready.message);
    add_condition(status, own_types[4], true, SV(""), SV(""));
}

/* --- the rest --- */

static bool is_guaranteed(const struct cJSON *container) {
    static const struct sv names[] = {SV("cpu"), SV("memory")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct sv limit = json_text(json_get(json_find(container, "resources.limits"), names[i]));
        struct sv request =
            json_text(json_get(json_find(container, "resources.requests"), names[i]));
        if (limit.len == 0 || !quantity_texts_equal(limit, request))
            return false;
    }
    return true;
}

static struct sv qos_class(const struct cJSON *pod) {
    struct sv known = json_find_string(pod, "status.qosClass");
    bool is_best_effort = true, is_all_guaranteed = true;
    static const char *const lists[] = {"spec.initContainers", "spec.containers"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        JSON_EACH (container, json_find(pod, lists[i])) {
            is_best_effort &= json_count(json_find(container, "resources.requests")) == 0 &&
                              json_count(json_find(container, "resources.limits")) == 0;
            is_all_guaranteed &= is_guaranteed(container);
        }
    }
    if (known.len > 0)
        return known;
    return is_best_effort      ? SV("BestEffort")
           : is_all_guaranteed ? SV("Guaranteed")
                               : SV("Burstable");
}

static void add_ip(struct arena *arena, struct cJSON *body, struct sv one, struct sv many,
                   struct sv ip) {
    if (ip.len == 0)
        return;
    json_set_string(arena, body, one, ip);
    struct cJSON *item = json_append(json_ensure_list(arena, body, many), json_map(arena));
    json_set_string(arena, item, SV("ip"), ip);
}

/* Something that people look for: trouble, or an init container that takes its time. */
static bool is_worth_telling(const struct sim_container *container) {
    bool is_busy =
        container->is_init && !container->is_sidecar && container->state == CONTAINER_RUNNING;
    bool has_failed = container->state == CONTAINER_ENDED && container->run.exit_code != 0;
    return is_busy || has_failed || container->has_last || container->wait_reason != WAIT_START;
}

static bool is_worth_writing(const struct sim_pod *sim) {
    bool is_worth = sim->is_blocked || pod_phase_of(sim) != PHASE_PENDING;
    for (size_t i = 0; i < sim->container_count && !is_worth; i++)
        is_worth = is_worth_telling(&sim->containers[i]);
    return is_worth;
}

static const struct sv phases[] = {
    [PHASE_PENDING] = {"Pending", 7},
    [PHASE_RUNNING] = {"Running", 7},
    [PHASE_SUCCEEDED] = {"Succeeded", 9},
    [PHASE_FAILED] = {"Failed", 6},
};

static struct cJSON *build(struct status *status) {
    struct arena *arena = status->arena;
    const struct cJSON *node = cache_get(status->kubelet->nodes, SV(""), status->sim->node);
    struct cJSON *body = json_map(arena);
    enum pod_phase phase = pod_phase_of(status->sim);
    pod_set_observed_generation(arena, body, status->pod);
    json_set_string(arena, body, SV("phase"), phases[phase]);
    if (status->sim->is_past_deadline) {
        json_set_string(arena, body, SV("reason"), SV("DeadlineExceeded"));
        json_set_string(arena, body, SV("message"), DEADLINE_MESSAGE);
    }
    add_conditions(status, phase, body);
    add_ip(arena, body, SV("hostIP"), SV("hostIPs"),
           json_find_string(node, "status.addresses.0.address"));
    if (status->sim->mounted_ms != 0)
        add_ip(arena, body, SV("podIP"), SV("podIPs"), status->sim->ip);
    json_set_string(arena, body, SV("startTime"), api_time_format(status->sim->accepted_ms, arena));
    add_containers(status, body, SV("initContainerStatuses"), true);
    add_containers(status, body, SV("containerStatuses"), false);
    add_ephemeral(status, body);
    json_set_string(arena, body, SV("qosClass"), qos_class(status->pod));
    return body;
}

static bool says_the_same(const struct cJSON *sent, const struct cJSON *kept);

/* Servers write some members that nobody gave as null: conditions have a lastProbeTime. */
static bool has_nothing_else(const struct cJSON *sent, const struct cJSON *kept) {
    JSON_EACH (member, kept)
        if (!json_is_null(member) && !json_get(sent, json_key(member)))
            return false;
    return true;
}

/* Servers before 1.34 keep no observed generation: they are not told again and again. */
static bool is_kept(const struct cJSON *member, const struct cJSON *map) {
    const struct cJSON *kept = json_get(map, json_key(member));
    return (!kept && sv_eq(json_key(member), SV("observedGeneration"))) ||
           says_the_same(member, kept);
}

static bool maps_say_the_same(const struct cJSON *sent, const struct cJSON *kept) {
    JSON_EACH (member, sent)
        if (!is_kept(member, kept))
            return false;
    return has_nothing_else(sent, kept);
}

static bool says_the_same(const struct cJSON *sent, const struct cJSON *kept) {
    if (json_is_map(sent) && json_is_map(kept))
        return maps_say_the_same(sent, kept);
    if (!json_is_list(sent) || !json_is_list(kept))
        return json_equal(sent, kept);
    const struct cJSON *other = kept->child;
    JSON_EACH (item, sent) {
        if (!other || !says_the_same(item, other))
            return false;
        other = other->next;
    }
    return !other;
}

static bool is_known(const struct cJSON *body, const struct cJSON *pod) {
    const struct cJSON *known = json_get(pod, SV("status"));
    JSON_EACH (member, body)
        if (!is_kept(member, known))
            return false;
    return true;
}

bool status_write(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                  struct sv key, struct arena *arena) {
    /* Nobody is told of pulls and starts under way: fewer writes, same end. */
    if (!is_worth_writing(sim))
        return false;
    struct status status = {
        .kubelet = kubelet,
        .sim = sim,
        .pod = pod,
        .arena = arena,
        .now_ms = agent_now_ms(kubelet->agent),
    };
    struct cJSON *body = build(&status);
    if (is_known(body, pod))
        return false;
    /* A server that keeps something else than what was sent must not make this spin. */
    uint64_t hash = sv_hash(json_write_arena(arena, body, JSON_COMPACT));
    if (hash == sim->written_hash && status.now_ms < sim->written_ms + REWRITE_MS) {
        agent_mark(kubelet->part, key, sim->written_ms + REWRITE_MS);
        return true;
    }
    sim->written_hash = hash;
    sim->written_ms = status.now_ms;
    struct cJSON *patch = json_map(arena);
    json_set(arena, patch, SV("status"), body);
    struct request request = agent_merge_patch(&RESOURCE_PODS, object_namespace(pod),
                                               object_name(pod), SV("status"), patch);
    agent_send(kubelet->part, key, &request);
    return true;
}
