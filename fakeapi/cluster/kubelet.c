/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/kubelet.h"

#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/node_objects.h"
#include "fakeapi/cluster/wire.h"
#include "fakeapi/cluster/world.h"

enum {
    IMAGE_PULL_MS_DEFAULT = 2000,
    POD_START_MS_DEFAULT = 500,
    CONFIG_MAP_LAG_MS_DEFAULT = 60 * 1000,
    /* How long a process takes to end after it was told to; nothing here traps the signal. */
    TERMINATION_MS_MAX = 1000,
    DELETE_RETRY_MS = 1000,
    /* node-monitor-grace-period of the node lifecycle controller. */
    NODE_GRACE_MS = 50 * 1000,
};

/* --- pods --- */

/* Of a pod that is gone; what ran on a node that is down ended with it. */
static void drop_sim(struct kubelet *kubelet, struct sv key) {
    struct sim_pod *sim = map_remove(kubelet->sims, key);
    map_remove(kubelet->blocked, key);
    if (!sim)
        return;
    if (!map_has(kubelet->stopped_nodes, sim->node))
        containers_stop(kubelet, sim, agent_now_ms(kubelet->agent));
    arena_free(sim->arena);
}

static void add_containers(struct sim_pod *sim, const struct cJSON *list, bool is_init) {
    JSON_EACH (spec, list) {
        bool restarts = sv_eq(json_string_or(spec, SV("restartPolicy"), SV("")), SV("Always"));
        sim->containers[sim->container_count++] = (struct sim_container){
            .name = arena_copy(sim->arena, json_string_or(spec, SV("name"), SV(""))),
            .is_init = is_init,
            .is_sidecar = is_init && restarts,
        };
    }
}

static enum restart_policy policy_of(const struct cJSON *pod) {
    struct sv text = json_find_string(pod, "spec.restartPolicy");
    return sv_eq(text, SV("Never"))       ? RESTART_NEVER
           : sv_eq(text, SV("OnFailure")) ? RESTART_ON_FAILURE
                                          : RESTART_ALWAYS;
}

static struct sv pod_ip(struct kubelet *kubelet, const struct cJSON *pod, struct arena *arena) {
    if (json_bool_or(json_get(pod, SV("spec")), SV("hostNetwork"), false)) {
        const struct cJSON *node =
            cache_get(kubelet->nodes, SV(""), json_find_string(pod, "spec.nodeName"));
        return arena_copy(arena, json_find_string(node, "status.addresses.0.address"));
    }
    uint64_t host = ++kubelet->ip_count;
    return arena_printf(arena, "10.%u.%u.%u", (unsigned)(64 + (host >> 16) % 128),
                        (unsigned)(host >> 8) & 255, (unsigned)host & 255);
}

static struct sim_pod *sim_of(struct kubelet *kubelet, struct sv key, const struct cJSON *pod) {
    struct sim_pod *known = map_get(kubelet->sims, key);
    if (known && sv_eq(known->uid, object_uid(pod)))
        return known;
    drop_sim(kubelet, key);
    const struct cJSON *init = json_find(pod, "spec.initContainers");
    const struct cJSON *main = json_find(pod, "spec.containers");
    struct arena *arena = arena_new();
    struct sim_pod *sim = ARENA_NEW(arena, struct sim_pod);
    sim->arena = arena;
    sim->uid = arena_copy(arena, object_uid(pod));
    sim->node = arena_copy(arena, json_find_string(pod, "spec.nodeName"));
    sim->ip = pod_ip(kubelet, pod, arena);
    sim->policy = policy_of(pod);
    sim->accepted_ms = agent_now_ms(kubelet->agent);
    sim->containers =
        ARENA_ARRAY(arena, struct sim_container, json_count(init) + json_count(main) + 1);
    add_containers(sim, init, true);
    add_containers(sim, main, false);
    map_put(kubelet->sims, key, sim);
    return sim;
}

static bool is_over(const struct cJSON *pod) {
    struct sv phase = json_find_string(pod, "status.phase");
    return sv_eq(phase, SV("Succeeded")) || sv_eq(phase, SV("Failed"));
}

/* When the processes have ended: after their hooks, within a second or the grace period. */
static int64_t plan_kill(struct kubelet *kubelet, const struct sim_pod *sim,
                         const struct cJSON *pod, int64_t grace_ms) {
    int64_t hooks_ms = process_pre_stop_ms(kubelet, sim, pod, grace_ms);
    int64_t left_ms = grace_ms - hooks_ms;
    return agent_now_ms(kubelet->agent) + hooks_ms +
           (left_ms < TERMINATION_MS_MAX ? left_ms : TERMINATION_MS_MAX);
}

/* Then the pod may go for good. */
static void terminate(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                      struct sv key, struct arena *arena) {
    int64_t now_ms = agent_now_ms(kubelet->agent);
    int64_t grace_ms = 1000 * json_find_int(pod, "metadata.deletionGracePeriodSeconds", 30);
    map_remove(kubelet->blocked, key);
    if (sim->kill_at_ms == 0) {
        sim->kill_at_ms = plan_kill(kubelet, sim, pod, grace_ms);
        containers_tell_stop(kubelet, sim, pod);
    }
    if (now_ms < sim->kill_at_ms) {
        agent_mark(kubelet->part, key, sim->kill_at_ms);
        return;
    }
    containers_stop(kubelet, sim, now_ms);
    /* Who holds the pod by a finalizer wants to see how it ended. */
    bool is_held = json_count(json_find(pod, "metadata.finalizers")) > 0;
    if (is_held && !is_over(pod) && sim->mounted_ms != 0 &&
        status_write(kubelet, sim, pod, key, arena))
        return;
    /* With grace 0 only finalizers keep it, and these are not the kubelet's. */
    if (sim->delete_sent_ms != 0 && grace_ms == 0)
        return;
    if (sim->delete_sent_ms != 0 && now_ms < sim->delete_sent_ms + DELETE_RETRY_MS) {
        agent_mark(kubelet->part, key, sim->delete_sent_ms + DELETE_RETRY_MS);
        return;
    }
    sim->delete_sent_ms = now_ms;
    struct request request = agent_delete(arena, &RESOURCE_PODS, pod, 0);
    agent_send(kubelet->part, key, &request);
}

static bool mount(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                  struct sv key, struct arena *arena) {
    struct sv missing = mounts_missing(kubelet, pod, key, arena);
    if (missing.len == 0) {
        map_remove(kubelet->blocked, key);
        sim->mounted_ms = agent_now_ms(kubelet->agent);
        containers_plan(kubelet, sim, pod, sim->mounted_ms);
        return true;
    }
    map_put(kubelet->blocked, key, NULL);
    sim->is_blocked = true;
    if (sim->mount_hash != sv_hash(missing))
        agent_event(kubelet->part, pod, true, SV("FailedMount"), missing);
    sim->mount_hash = sv_hash(missing);
    return false;
}

/* Comes back at the deadline. */
static bool is_past_deadline(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                             struct sv key) {
    int64_t seconds = json_find_int(pod, "spec.activeDeadlineSeconds", 0);
    int64_t deadline_ms = sim->accepted_ms + seconds * 1000;
    if (seconds <= 0 || sim->is_past_deadline)
        return sim->is_past_deadline;
    if (agent_now_ms(kubelet->agent) < deadline_ms) {
        agent_mark(kubelet->part, key, deadline_ms);
        return false;
    }
    sim->is_past_deadline = true;
    map_remove(kubelet->blocked, key);
    agent_event(kubelet->part, pod, false, SV("DeadlineExceeded"), DEADLINE_MESSAGE);
    return true;
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct kubelet *kubelet = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *pod = cache_get(kubelet->pods, namespace_name, name);
    struct sv node = json_find_string(pod, "spec.nodeName");
    if (node.len == 0) {
        drop_sim(kubelet, key);
        return;
    }
    if (map_has(kubelet->stopped_nodes, node) || !cache_get(kubelet->nodes, SV(""), node))
        return;
    struct sim_pod *sim = sim_of(kubelet, key, pod);
    if (object_is_deleting(pod)) {
        terminate(kubelet, sim, pod, key, arena);
        return;
    }
    if (is_over(pod))
        return;
    if (is_past_deadline(kubelet, sim, pod, key)) {
        containers_stop(kubelet, sim, agent_now_ms(kubelet->agent));
        status_write(kubelet, sim, pod, key, arena);
        return;
    }
    if (sim->mounted_ms == 0 && !mount(kubelet, sim, pod, key, arena)) {
        status_write(kubelet, sim, pod, key, arena);
        return;
    }
    int64_t next_ms = containers_advance(kubelet, sim, pod, agent_now_ms(kubelet->agent));
    status_write(kubelet, sim, pod, key, arena);
    if (next_ms != DEADLINE_NEVER)
        agent_mark(part, key, next_ms);
}

static void mark_blocked(struct kubelet *kubelet) {
    size_t cursor = 0;
    struct sv key;
    while (map_next(kubelet->blocked, &cursor, &key, NULL))
        agent_mark(kubelet->part, key, 0);
}

static void handle_pod(void *context, const struct cJSON *object, const struct cJSON *before,
                       bool is_gone) {
    struct kubelet *kubelet = context;
    bool was_ready = object_condition_is_true(before, SV("Ready"));
    if (is_gone || json_find_string(object, "spec.nodeName").len > 0)
        agent_mark_object(kubelet->part, object);
    if (!is_gone && was_ready != object_condition_is_true(object, SV("Ready")))
        mark_blocked(kubelet);
}

static void handle_source(void *context, const struct cJSON *object, const struct cJSON *before,
                          bool is_gone) {
    (void)object;
    (void)before;
    if (!is_gone)
        mark_blocked(context);
}

/* --- nodes --- */

static void mark_pods_of(struct kubelet *kubelet, struct sv node) {
    size_t cursor = 0;
    const struct cJSON *pod;
    while ((pod = cache_index_next(kubelet->pods, kubelet->pods_by_node, node, &cursor)))
        agent_mark_object(kubelet->part, pod);
}

static void handle_node(void *context, const struct cJSON *object, const struct cJSON *before,
                        bool is_gone) {
    struct kubelet *kubelet = context;
    /* A pod may be bound before its node is seen here. */
    if (!before && !is_gone)
        mark_pods_of(kubelet, object_name(object));
}

static struct cJSON *conditions_patch(struct arena *arena, bool is_silent, int64_t now_ms) {
    struct cJSON *patch = json_map(arena);
    json_set(arena, json_ensure_map(arena, patch, SV("status")), SV("conditions"),
             nodes_conditions(arena, is_silent, now_ms));
    return patch;
}

static void reconcile_node(void *context, struct agent_part *part, struct sv key,
                           struct arena *arena) {
    struct kubelet *kubelet = context;
    const struct cJSON *node = cache_get(kubelet->nodes, SV(""), key);
    const int64_t *stopped_ms = map_get(kubelet->stopped_nodes, key);
    int64_t now_ms = agent_now_ms(kubelet->agent);
    if (stopped_ms && now_ms < *stopped_ms + NODE_GRACE_MS) {
        agent_mark(part, key, *stopped_ms + NODE_GRACE_MS);
        return;
    }
    const struct cJSON *ready = object_condition(node, SV("Ready"));
    bool is_unknown = sv_eq(json_string_or(ready, SV("status"), SV("")), SV("Unknown"));
    if (!node || !ready || is_unknown == (stopped_ms != NULL) ||
        (stopped_ms && kubelet->options.is_missed_elsewhere))
        return;
    struct request request = agent_merge_patch(&RESOURCE_NODES, SV(""), key, SV("status"),
                                               conditions_patch(arena, stopped_ms != NULL, now_ms));
    request.patch_type = PATCH_STRATEGIC;
    agent_send(part, key, &request);
}

static void end_executions_on(struct kubelet *kubelet, struct sv node, enum execution_end how) {
    size_t cursor = 0;
    void *value;
    while (map_next(kubelet->sims, &cursor, NULL, &value)) {
        const struct sim_pod *sim = value;
        if (sv_eq(sim->node, node))
            wire_end_executions(kubelet->options.wire, sim->uid, SV(""), how,
                                agent_now_ms(kubelet->agent));
    }
}

bool kubelet_stop_node(struct kubelet *kubelet, struct sv node) {
    if (!cache_get(kubelet->nodes, SV(""), node) || map_has(kubelet->stopped_nodes, node))
        return false;
    int64_t *stopped_ms = mem_alloc(sizeof(*stopped_ms));
    *stopped_ms = agent_now_ms(kubelet->agent);
    map_put(kubelet->stopped_nodes, node, stopped_ms);
    end_executions_on(kubelet, node, EXECUTION_UNREACHABLE);
    agent_mark(kubelet->node_part, node, *stopped_ms + NODE_GRACE_MS);
    world_wake_actor(kubelet->options.world, kubelet->agent);
    return true;
}

bool kubelet_start_node(struct kubelet *kubelet, struct sv node) {
    if (!map_has(kubelet->stopped_nodes, node))
        return false;
    mem_free(map_remove(kubelet->stopped_nodes, node));
    end_executions_on(kubelet, node, EXECUTION_LOST);
    int64_t now_ms = agent_now_ms(kubelet->agent);
    size_t cursor = 0;
    void *value;
    while (map_next(kubelet->sims, &cursor, NULL, &value)) {
        struct sim_pod *sim = value;
        for (size_t i = 0; i < sim->container_count && sv_eq(sim->node, node); i++)
            container_kill(kubelet, sim, &sim->containers[i], now_ms);
    }
    mark_pods_of(kubelet, node);
    agent_mark(kubelet->node_part, node, 0);
    world_wake_actor(kubelet->options.world, kubelet->agent);
    return true;
}

/* --- containers --- */

static struct sim_container *find_container(const struct kubelet *kubelet, struct sv key,
                                            struct sv name) {
    struct sim_pod *sim = map_get(kubelet->sims, key);
    for (size_t i = 0; sim && i < sim->container_count; i++)
        if (sv_eq(sim->containers[i].name, name))
            return &sim->containers[i];
    return NULL;
}

bool kubelet_restart_container(struct kubelet *kubelet, struct sv namespace_name, struct sv pod,
                               struct sv container) {
    AUTO(arena) arena = arena_new();
    struct sv key = object_key(arena, namespace_name, pod);
    struct sim_container *found = find_container(kubelet, key, container);
    if (!found || found->state != CONTAINER_RUNNING)
        return false;
    container_kill(kubelet, map_get(kubelet->sims, key), found, agent_now_ms(kubelet->agent));
    agent_mark(kubelet->part, key, 0);
    world_wake_actor(kubelet->options.world, kubelet->agent);
    return true;
}

static bool is_ours(const struct kubelet *kubelet, const struct cJSON *pod) {
    return cache_get(kubelet->nodes, SV(""), json_find_string(pod, "spec.nodeName")) != NULL;
}

const struct cJSON *kubelet_find_pod(void *context, struct sv namespace_name, struct sv name) {
    const struct kubelet *kubelet = context;
    const struct cJSON *pod = cache_get(kubelet->pods, namespace_name, name);
    return pod && is_ours(kubelet, pod) ? pod : NULL;
}

const struct cJSON *kubelet_next_pod(const struct kubelet *kubelet, size_t *cursor) {
    const struct cJSON *pod;
    while ((pod = cache_next(kubelet->pods, cursor)) && !is_ours(kubelet, pod))
        ;
    return pod;
}

struct sv kubelet_refuse_exec(void *context, const struct cJSON *pod, struct sv container,
                              struct arena *arena) {
    const struct kubelet *kubelet = context;
    struct sv node_name = json_find_string(pod, "spec.nodeName");
    const struct cJSON *node = cache_get(kubelet->nodes, SV(""), node_name);
    struct sv address = json_find_string(node, "status.addresses.0.address");
    if (map_has(kubelet->stopped_nodes, node_name))
        return arena_printf(arena,
                            "error dialing backend: dial tcp %.*s:10250: connect: no route to host",
                            SV_ARG(address));
    const struct sim_container *found = find_container(
        kubelet, object_key(arena, object_namespace(pod), object_name(pod)), container);
    if (!found || found->state == CONTAINER_RUNNING)
        return SV("");
    return arena_printf(arena, "unable to upgrade connection: container not found (\"%.*s\")",
                        SV_ARG(container));
}

/* --- life --- */

static struct sv key_of_node(const struct cJSON *pod, struct arena *arena) {
    (void)arena;
    return json_find_string(pod, "spec.nodeName");
}

static int64_t or_default(int64_t value, int64_t fallback) {
    return value < 0 ? fallback : value;
}

struct kubelet *kubelet_new(const struct kubelet_options *options) {
    struct kubelet *kubelet = mem_alloc(sizeof(*kubelet));
    struct kubelet_options *own = &kubelet->options;
    *own = *options;
    own->image_pull_ms = or_default(own->image_pull_ms, IMAGE_PULL_MS_DEFAULT);
    own->pod_start_ms = or_default(own->pod_start_ms, POD_START_MS_DEFAULT);
    own->config_map_lag_ms = or_default(own->config_map_lag_ms, CONFIG_MAP_LAG_MS_DEFAULT);
    kubelet->sims = map_new();
    kubelet->blocked = map_new();
    kubelet->images = map_new();
    kubelet->stopped_nodes = map_new();
    kubelet->histories = map_new();
    struct agent *agent =
        agent_new(own->world, &(struct agent_options){.name = SV("kubelet"), .seed = own->seed});
    kubelet->agent = agent;
    kubelet->part = agent_add_part(agent, SV("pods"), reconcile, kubelet);
    kubelet->node_part = agent_add_part(agent, SV("nodes"), reconcile_node, kubelet);
    kubelet->nodes = agent_watch_selected(agent, &RESOURCE_NODES, own->node_selector, SV(""),
                                          handle_node, kubelet);
    kubelet->pods = agent_watch_selected(agent, &RESOURCE_PODS, SV(""), SV("spec.nodeName!="),
                                         handle_pod, kubelet);
    kubelet->pods_by_node = cache_add_index(kubelet->pods, key_of_node);
    kubelet->config_maps =
        agent_watch(agent, &RESOURCE_CONFIG_MAPS, files_handle_config_map, kubelet);
    agent_watch(agent, &RESOURCE_CONFIG_MAPS, handle_source, kubelet);
    kubelet->secrets = agent_watch(agent, &RESOURCE_SECRETS, handle_source, kubelet);
    kubelet->claims =
        agent_watch(agent, &RESOURCE_PERSISTENT_VOLUME_CLAIMS, handle_source, kubelet);
    kubelet->volumes = agent_watch(agent, &RESOURCE_PERSISTENT_VOLUMES, handle_source, kubelet);
    return kubelet;
}

void kubelet_free(struct kubelet *kubelet) {
    if (!kubelet)
        return;
    size_t cursor = 0;
    void *value;
    agent_free(kubelet->agent);
    while (map_next(kubelet->sims, &cursor, NULL, &value))
        arena_free(((struct sim_pod *)value)->arena);
    cursor = 0;
    while (map_next(kubelet->stopped_nodes, &cursor, NULL, &value))
        mem_free(value);
    files_free(kubelet);
    map_free(kubelet->sims);
    map_free(kubelet->blocked);
    map_free(kubelet->images);
    map_free(kubelet->stopped_nodes);
    map_free(kubelet->histories);
    mem_free(kubelet);
}
