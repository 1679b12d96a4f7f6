/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/wire.h"
#include "fakeapi/cluster/world.h"

enum {
    /* As the kubelet's: the first restart comes at once, and who ran for ten minutes is new. */
    BACKOFF_MS_MIN = 10 * 1000,
    BACKOFF_MS_MAX = 300 * 1000,
    STEADY_MS = 600 * 1000,
    /* How long a failed pull is seen as such. */
    PULL_FAILED_MS = 1000,
};

static const char *const lists[] = {"spec.initContainers", "spec.containers"};

const struct cJSON *container_spec(const struct cJSON *pod, struct sv name) {
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        JSON_EACH (container, json_find(pod, lists[i]))
            if (sv_eq(json_string_or(container, SV("name"), SV("")), name))
                return container;
    return NULL;
}

static struct sv image_of(const struct cJSON *spec) {
    return json_string_or(spec, SV("image"), SV(""));
}

static struct sv amount_of(const struct cJSON *spec, const char *list, struct sv resource) {
    return json_text(json_get(json_find(spec, list), resource));
}

/* Of what its resize policy says the container has to be restarted for. */
static uint64_t resources_hash_of(const struct cJSON *spec) {
    uint64_t hash = 0;
    JSON_EACH (policy, json_get(spec, SV("resizePolicy"))) {
        struct sv resource = json_find_string(policy, "resourceName");
        if (sv_eq(json_find_string(policy, "restartPolicy"), SV("RestartContainer")))
            hash = hash * 31 + sv_hash(amount_of(spec, "resources.requests", resource)) * 7 +
                   sv_hash(amount_of(spec, "resources.limits", resource));
    }
    return hash;
}

void container_tell(struct kubelet *kubelet, const struct cJSON *pod, const char *reason,
                    struct sv message) {
    if (kubelet->options.tells_pod_events)
        agent_event(kubelet->part, pod, false, sv_from(reason), message);
}

static void tell_pulling(struct kubelet *kubelet, const struct cJSON *pod, struct sv image,
                         struct arena *arena) {
    container_tell(kubelet, pod, "Pulling",
                   arena_printf(arena, "Pulling image \"%.*s\"", SV_ARG(image)));
}

/* How long the pull for the container's next start takes: nothing once the node has the image. */
static int64_t pull_ms(struct kubelet *kubelet, const struct sim_pod *sim, const struct cJSON *pod,
                       struct sim_container *container, struct sv image) {
    AUTO(arena) arena = arena_new();
    struct sv key = arena_printf(arena, "%.*s %.*s", SV_ARG(sim->node), SV_ARG(image));
    container->is_pulled = !map_has(kubelet->images, key);
    if (!container->is_pulled)
        return 0;
    map_put(kubelet->images, key, NULL);
    tell_pulling(kubelet, pod, image, arena);
    return kubelet->options.image_pull_ms;
}

/* Init containers run one after the other, the rest start together once all images are there. */
void containers_plan(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                     int64_t now_ms) {
    int64_t at_ms = now_ms;
    for (size_t i = 0; i < sim->container_count; i++) {
        struct sim_container *container = &sim->containers[i];
        const struct cJSON *spec = container_spec(pod, container->name);
        struct sv image = image_of(spec);
        container->image_hash = sv_hash(image);
        container->resources_hash = resources_hash_of(spec);
        at_ms += pull_ms(kubelet, sim, pod, container, image);
        if (container->is_init) {
            at_ms += kubelet->options.pod_start_ms;
            container->start_at_ms = at_ms;
        }
    }
    for (size_t i = 0; i < sim->container_count; i++)
        if (!sim->containers[i].is_init)
            sim->containers[i].start_at_ms = at_ms + kubelet->options.pod_start_ms;
}

/* How long the engine says that it takes to get ready; negative: none says so. */
static int64_t ready_delay_ms(struct kubelet *kubelet, const struct cJSON *pod, struct sv name) {
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        const struct engine *engine = wire_engine_at(kubelet->options.wire, i);
        int64_t delay_ms =
            engine->ready_delay_ms ? engine->ready_delay_ms(engine->context, pod, name) : -1;
        if (delay_ms >= 0)
            return delay_ms;
    }
    return -1;
}

static int64_t later(int64_t now_ms, int64_t delay_ms) {
    return delay_ms > DEADLINE_NEVER - now_ms ? DEADLINE_NEVER : now_ms + delay_ms;
}

/* --- ends --- */

static bool is_restarted(const struct sim_pod *sim, const struct sim_container *container,
                         int exit_code) {
    if (container->is_sidecar)
        return true;
    bool has_failed = exit_code != 0;
    if (sim->policy == RESTART_NEVER)
        return false;
    return has_failed || (sim->policy == RESTART_ALWAYS && !container->is_init);
}

/* All its processes end with it. */
static void finish(struct kubelet *kubelet, const struct sim_pod *sim,
                   struct sim_container *container, int exit_code, int64_t now_ms) {
    wire_end_executions(kubelet->options.wire, sim->uid, container->name, EXECUTION_KILLED, now_ms);
    container->state = CONTAINER_ENDED;
    container->run.exit_code = exit_code;
    container->run.finished_ms = now_ms;
    container->ready_at_ms = 0;
    memset(container->probes, 0, sizeof(container->probes));
}

static void wait_for_restart(struct sim_container *container, int64_t start_at_ms) {
    container->state = CONTAINER_WAITING;
    container->has_last = true;
    container->last = container->run;
    container->start_at_ms = start_at_ms;
}

void container_end(struct kubelet *kubelet, struct sim_pod *sim, struct sim_container *container,
                   int exit_code, int64_t now_ms) {
    finish(kubelet, sim, container, exit_code, now_ms);
    if (!is_restarted(sim, container, exit_code))
        return;
    if (now_ms - container->run.started_ms >= STEADY_MS)
        container->backoff_ms = 0;
    bool is_first = container->backoff_ms == 0;
    int64_t delay_ms = is_first ? kubelet->options.pod_start_ms : container->backoff_ms;
    container->wait_reason = is_first ? WAIT_START : WAIT_CRASH_LOOP;
    container->backoff_ms = is_first ? BACKOFF_MS_MIN : container->backoff_ms * 2;
    if (container->backoff_ms > BACKOFF_MS_MAX)
        container->backoff_ms = BACKOFF_MS_MAX;
    wait_for_restart(container, now_ms + delay_ms);
}

void container_kill(struct kubelet *kubelet, struct sim_pod *sim, struct sim_container *container,
                    int64_t now_ms) {
    if (container->state != CONTAINER_RUNNING)
        return;
    finish(kubelet, sim, container, EXIT_KILLED, now_ms);
    container->wait_reason = WAIT_START;
    if (is_restarted(sim, container, EXIT_KILLED))
        wait_for_restart(container, now_ms + kubelet->options.pod_start_ms);
}

void containers_stop(struct kubelet *kubelet, struct sim_pod *sim, int64_t now_ms) {
    for (size_t i = 0; i < sim->container_count; i++)
        if (sim->containers[i].state == CONTAINER_RUNNING)
            finish(kubelet, sim, &sim->containers[i], EXIT_KILLED, now_ms);
}

/* --- starts --- */

static void tell_engines(struct kubelet *kubelet, const struct cJSON *pod, struct sv name) {
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        const struct engine *engine = wire_engine_at(kubelet->options.wire, i);
        if (engine->container_started)
            engine->container_started(engine->context, pod, name);
    }
}

/* An engine's word counts; without one the readiness probe's runs do, or its first one's delay
 * where nobody could answer it. */
static void plan_readiness(struct kubelet *kubelet, const struct cJSON *pod,
                           struct sim_container *container, int64_t now_ms) {
    const struct cJSON *spec = container_spec(pod, container->name);
    int64_t delay_ms = ready_delay_ms(kubelet, pod, container->name);
    memset(container->probes, 0, sizeof(container->probes));
    if (delay_ms < 0) {
        probes_start(container, pod, now_ms);
        delay_ms = 1000 * json_find_int(spec, "readinessProbe.initialDelaySeconds", 0);
    }
    container->ready_at_ms = later(now_ms, delay_ms);
}

/* With pull policy Always the registry is asked at each start, which takes no time where the node
 * has what it says. */
static void tell_image(struct kubelet *kubelet, const struct cJSON *pod,
                       const struct sim_container *container, struct arena *arena) {
    const struct cJSON *spec = container_spec(pod, container->name);
    struct sv image = image_of(spec);
    bool is_asked_for =
        !container->is_pulled && sv_eq(json_find_string(spec, "imagePullPolicy"), SV("Always"));
    if (is_asked_for)
        tell_pulling(kubelet, pod, image, arena);
    int64_t duration_ms = container->is_pulled ? kubelet->options.image_pull_ms : 0;
    struct sv duration = api_duration_format(duration_ms, arena);
    struct sv text =
        container->is_pulled || is_asked_for
            ? arena_printf(arena,
                           "Successfully pulled image \"%.*s\" in %.*s (%.*s including waiting). "
                           "Image size: 0 bytes.",
                           SV_ARG(image), SV_ARG(duration), SV_ARG(duration))
            : arena_printf(arena, "Container image \"%.*s\" already present on machine",
                           SV_ARG(image));
    container_tell(kubelet, pod, "Pulled", text);
}

static void tell_start(struct kubelet *kubelet, const struct cJSON *pod,
                       const struct sim_container *container, struct arena *arena) {
    struct sv name = container->name;
    if (!kubelet->options.tells_pod_events)
        return;
    tell_image(kubelet, pod, container, arena);
    container_tell(kubelet, pod, "Created",
                   arena_printf(arena, "Created container: %.*s", SV_ARG(name)));
    container_tell(kubelet, pod, "Started",
                   arena_printf(arena, "Started container %.*s", SV_ARG(name)));
}

void containers_tell_stop(struct kubelet *kubelet, const struct sim_pod *sim,
                          const struct cJSON *pod) {
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < sim->container_count; i++)
        if (sim->containers[i].state == CONTAINER_RUNNING)
            container_tell(
                kubelet, pod, "Killing",
                arena_printf(arena, "Stopping container %.*s", SV_ARG(sim->containers[i].name)));
}

static void start_container(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                            struct sim_container *container, int64_t now_ms) {
    AUTO(arena) arena = arena_new();
    tell_start(kubelet, pod, container, arena);
    container->is_pulled = false;
    struct exec_result result;
    container->run = (struct container_run){.started_ms = now_ms};
    container->restart_count += container->has_last;
    container->state = CONTAINER_RUNNING;
    tell_engines(kubelet, pod, container->name);
    container->has_process = process_ask(kubelet, sim, pod, container, arena, &result);
    container->run.exit_code = result.exit_code;
    container->ends_at_ms = later(now_ms, result.duration_ms);
    plan_readiness(kubelet, pod, container, now_ms);
}

static void report_pull(struct kubelet *kubelet, const struct cJSON *pod, struct sv image,
                        bool has_just_failed) {
    AUTO(arena) arena = arena_new();
    struct sv text =
        has_just_failed
            ? arena_printf(arena, "Failed to pull image \"%.*s\": not found", SV_ARG(image))
            : arena_printf(arena, "Back-off pulling image \"%.*s\"", SV_ARG(image));
    agent_event(kubelet->part, pod, has_just_failed, has_just_failed ? SV("Failed") : SV("BackOff"),
                text);
}

/* False when there is no such image: it is tried again after a while. */
static bool take_image(struct kubelet *kubelet, const struct cJSON *pod,
                       struct sim_container *container, int64_t now_ms) {
    struct sv image = image_of(container_spec(pod, container->name));
    bool was_missing = container->wait_reason >= WAIT_PULL_FAILED;
    if (container->wait_reason == WAIT_PULL_FAILED) {
        container->wait_reason = WAIT_PULL_BACK_OFF;
        container->backoff_ms = container->backoff_ms ? container->backoff_ms * 2 : BACKOFF_MS_MIN;
        if (container->backoff_ms > BACKOFF_MS_MAX)
            container->backoff_ms = BACKOFF_MS_MAX;
        container->start_at_ms = now_ms + container->backoff_ms;
        report_pull(kubelet, pod, image, false);
        return false;
    }
    if (process_has_image(kubelet, image)) {
        container->wait_reason = WAIT_START;
        container->backoff_ms = was_missing ? 0 : container->backoff_ms;
        return true;
    }
    if (!was_missing)
        container->backoff_ms = 0;
    container->wait_reason = WAIT_PULL_FAILED;
    container->start_at_ms = now_ms + PULL_FAILED_MS;
    report_pull(kubelet, pod, image, true);
    return false;
}

bool container_is_ready(const struct sim_container *container, int64_t now_ms) {
    if (container->state == CONTAINER_ENDED)
        return container->is_init && !container->is_sidecar && container->run.exit_code == 0;
    return container->state == CONTAINER_RUNNING && container->ready_at_ms <= now_ms &&
           probes_say_ready(container) && (!container->is_init || container->is_sidecar);
}

bool container_is_passed(const struct sim_container *container) {
    if (container->is_sidecar)
        return container->state != CONTAINER_WAITING &&
               !container->probes[PROBE_STARTUP].is_failing;
    return container->state == CONTAINER_ENDED && container->run.exit_code == 0;
}

/* A container whose image was changed in place is replaced, or tried with the new one. */
static void follow_image(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                         struct sim_container *container, int64_t now_ms) {
    struct sv image = image_of(container_spec(pod, container->name));
    if (sv_hash(image) == container->image_hash || container->state == CONTAINER_ENDED)
        return;
    bool was_missing = container->wait_reason >= WAIT_PULL_FAILED;
    if (container->state == CONTAINER_WAITING && !was_missing)
        return;
    container->image_hash = sv_hash(image);
    container->wait_reason = WAIT_START;
    container->start_at_ms = now_ms;
    container_kill(kubelet, sim, container, now_ms);
    container->start_at_ms += pull_ms(kubelet, sim, pod, container, image);
}

/* Resources that were changed in place hold at once, or from a restart on. */
static void follow_resources(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                             struct sim_container *container, int64_t now_ms) {
    uint64_t hash = resources_hash_of(container_spec(pod, container->name));
    if (hash == container->resources_hash)
        return;
    container->resources_hash = hash;
    if (container->state == CONTAINER_RUNNING)
        container_kill(kubelet, sim, container, now_ms);
}

/* --- one pod --- */

static void report_kill(struct kubelet *kubelet, const struct cJSON *pod,
                        const struct sim_container *container) {
    AUTO(arena) arena = arena_new();
    const char *probe = container->probes[PROBE_STARTUP].is_failing ? "startup" : "liveness";
    agent_event(kubelet->part, pod, false, SV("Killing"),
                arena_printf(arena, "Container %.*s failed %s probe, will be restarted",
                             SV_ARG(container->name), probe));
}

static void report_crash_loop(struct kubelet *kubelet, const struct cJSON *pod,
                              const struct sim_container *container) {
    AUTO(arena) arena = arena_new();
    agent_event(kubelet->part, pod, true, SV("BackOff"),
                arena_printf(arena,
                             "Back-off restarting failed container %.*s in pod %.*s_%.*s(%.*s)",
                             SV_ARG(container->name), SV_ARG(object_name(pod)),
                             SV_ARG(object_namespace(pod)), SV_ARG(object_uid(pod))));
}

/* Returns when the container changes next by itself. */
static int64_t advance(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                       struct sim_container *container, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    if (container->state == CONTAINER_WAITING && container->start_at_ms <= now_ms &&
        take_image(kubelet, pod, container, now_ms))
        start_container(kubelet, sim, pod, container, now_ms);
    if (container->state == CONTAINER_RUNNING && container->ends_at_ms > now_ms &&
        !probes_advance(kubelet, container, pod, now_ms, &next_ms)) {
        report_kill(kubelet, pod, container);
        container->run.exit_code = EXIT_KILLED;
        container->ends_at_ms = now_ms;
    }
    if (container->state == CONTAINER_RUNNING && container->ends_at_ms <= now_ms) {
        container_end(kubelet, sim, container, container->run.exit_code, now_ms);
        if (container->state == CONTAINER_WAITING && container->wait_reason == WAIT_CRASH_LOOP)
            report_crash_loop(kubelet, pod, container);
    }
    if (container->state == CONTAINER_WAITING)
        return container->start_at_ms;
    if (container->state == CONTAINER_ENDED)
        return DEADLINE_NEVER;
    if (container->ready_at_ms > now_ms && container->ready_at_ms < next_ms)
        next_ms = container->ready_at_ms;
    return container->ends_at_ms < next_ms ? container->ends_at_ms : next_ms;
}

static bool are_mains_over(const struct sim_pod *sim) {
    for (size_t i = 0; i < sim->container_count; i++)
        if (!sim->containers[i].is_init && sim->containers[i].state != CONTAINER_ENDED)
            return false;
    return true;
}

static bool has_failed_init(const struct sim_pod *sim) {
    for (size_t i = 0; i < sim->container_count; i++) {
        const struct sim_container *container = &sim->containers[i];
        if (container->is_init && container->state == CONTAINER_ENDED &&
            !container_is_passed(container))
            return true;
    }
    return false;
}

int64_t containers_advance(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                           int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    bool is_open = true;
    for (size_t i = 0; i < sim->container_count; i++) {
        struct sim_container *container = &sim->containers[i];
        follow_image(kubelet, sim, pod, container, now_ms);
        follow_resources(kubelet, sim, pod, container, now_ms);
        if (container->state == CONTAINER_WAITING && !is_open)
            continue;
        int64_t due_ms = advance(kubelet, sim, pod, container, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
        is_open &= !container->is_init || container_is_passed(container);
    }
    if (!are_mains_over(sim) && !has_failed_init(sim))
        return next_ms;
    /* Sidecars go when their work is done. */
    containers_stop(kubelet, sim, now_ms);
    return DEADLINE_NEVER;
}

enum pod_phase pod_phase_of(const struct sim_pod *sim) {
    bool is_running = false, has_failed = false;
    if (sim->is_past_deadline || has_failed_init(sim))
        return PHASE_FAILED;
    for (size_t i = 0; i < sim->container_count; i++) {
        const struct sim_container *container = &sim->containers[i];
        if (container->is_init)
            continue;
        if (container->state == CONTAINER_WAITING && !container->has_last)
            return PHASE_PENDING;
        is_running |= container->state != CONTAINER_ENDED;
        has_failed |= container->run.exit_code != 0;
    }
    if (is_running)
        return PHASE_RUNNING;
    return has_failed ? PHASE_FAILED : PHASE_SUCCEEDED;
}
