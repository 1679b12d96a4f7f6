/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/kubelet_parts.h"
#include "fakeapi/cluster/wire.h"

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

/* How long the pull takes: nothing once the node has the image. */
static int64_t pull_ms(struct kubelet *kubelet, const struct sim_pod *sim, struct sv image) {
    AUTO(arena) arena = arena_new();
    struct sv key = arena_printf(arena, "%.*s %.*s", SV_ARG(sim->node), SV_ARG(image));
    if (map_has(kubelet->images, key))
        return 0;
    map_put(kubelet->images, key, NULL);
    return kubelet->options.image_pull_ms;
}

/* Init containers run one after the other, the rest start together once all images are there. */
void containers_plan(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                     int64_t now_ms) {
    int64_t at_ms = now_ms;
    for (size_t i = 0; i < sim->container_count; i++) {
        struct sim_container *container = &sim->containers[i];
        struct sv image = image_of(container_spec(pod, container->name));
        container->image_hash = sv_hash(image);
        at_ms += pull_ms(kubelet, sim, image);
        if (container->is_init) {
            at_ms += kubelet->options.pod_start_ms;
            container->start_at_ms = at_ms;
        }
    }
    for (size_t i = 0; i < sim->container_count; i++)
        if (!sim->containers[i].is_init)
            sim->containers[i].start_at_ms = at_ms + kubelet->options.pod_start_ms;
}

/* An engine's word counts; without one the readiness probe's first run does. */
static int64_t ready_delay_ms(struct kubelet *kubelet, const struct cJSON *pod, struct sv name) {
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        const struct engine *engine = wire_engine_at(kubelet->options.wire, i);
        int64_t delay_ms =
            engine->ready_delay_ms ? engine->ready_delay_ms(engine->context, pod, name) : -1;
        if (delay_ms >= 0)
            return delay_ms;
    }
    return 1000 * json_find_int(container_spec(pod, name), "readinessProbe.initialDelaySeconds", 0);
}

static void start_container(struct kubelet *kubelet, const struct cJSON *pod,
                            struct sim_container *container, int64_t now_ms) {
    container->started_ms = now_ms;
    container->restart_count += container->was_killed;
    if (container->is_init && !container->is_sidecar) {
        container->state = CONTAINER_COMPLETED;
        container->finished_ms = now_ms;
        return;
    }
    container->state = CONTAINER_RUNNING;
    for (size_t i = 0; i < wire_engine_count(kubelet->options.wire); i++) {
        const struct engine *engine = wire_engine_at(kubelet->options.wire, i);
        if (engine->container_started)
            engine->container_started(engine->context, pod, container->name);
    }
    int64_t delay_ms = ready_delay_ms(kubelet, pod, container->name);
    container->ready_at_ms =
        delay_ms > DEADLINE_NEVER - now_ms ? DEADLINE_NEVER : now_ms + delay_ms;
}

void container_kill(struct kubelet *kubelet, struct sim_container *container, int64_t now_ms) {
    if (container->state != CONTAINER_RUNNING)
        return;
    container->state = CONTAINER_WAITING;
    container->was_killed = true;
    container->last_started_ms = container->started_ms;
    container->last_finished_ms = now_ms;
    container->start_at_ms = now_ms + kubelet->options.pod_start_ms;
    container->ready_at_ms = 0;
}

bool container_is_ready(const struct sim_container *container, int64_t now_ms) {
    if (container->state == CONTAINER_COMPLETED)
        return true;
    return container->state == CONTAINER_RUNNING && container->ready_at_ms <= now_ms;
}

/* A container whose image was changed in place is replaced. */
static void follow_image(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                         struct sim_container *container, int64_t now_ms) {
    struct sv image = image_of(container_spec(pod, container->name));
    if (container->state != CONTAINER_RUNNING || sv_hash(image) == container->image_hash)
        return;
    container->image_hash = sv_hash(image);
    container_kill(kubelet, container, now_ms);
    container->start_at_ms += pull_ms(kubelet, sim, image);
}

int64_t containers_advance(struct kubelet *kubelet, struct sim_pod *sim, const struct cJSON *pod,
                           int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < sim->container_count; i++) {
        struct sim_container *container = &sim->containers[i];
        follow_image(kubelet, sim, pod, container, now_ms);
        if (container->state == CONTAINER_WAITING && container->start_at_ms <= now_ms)
            start_container(kubelet, pod, container, now_ms);
        int64_t due_ms = container->state == CONTAINER_WAITING   ? container->start_at_ms
                         : container->state == CONTAINER_RUNNING ? container->ready_at_ms
                                                                 : 0;
        if (due_ms > now_ms && due_ms < next_ms)
            next_ms = due_ms;
    }
    return next_ms;
}
