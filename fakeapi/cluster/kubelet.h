/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet: the kubelets of all simulated nodes. It pulls images, mounts what a pod needs, starts
 * its containers, reports its status and ends it when it is deleted. Processes are engines' (see
 * world.h): the kubelet tells them of starts and asks when a container is ready.
 *
 * A process ends when its engine says so; restart policy, back-off, init containers, sidecars,
 * probes, hooks and deadlines follow the kubelet's rules. What falls on one moment is one write of
 * the status, and how a deleted pod's containers ended is written only where a finalizer holds it.
 */
#ifndef FAKEAPI_CLUSTER_KUBELET_H
#define FAKEAPI_CLUSTER_KUBELET_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct kubelet; /* opaque */
struct wire;
struct world;

struct kubelet_options {
    struct world *world;
    struct wire *wire; /* for its engines */
    uint64_t seed;
    int64_t image_pull_ms, pod_start_ms, config_map_lag_ms; /* negative: the default */
    struct sv node_selector; /* which nodes are simulated; SV(""): all of them */
    /* Pulled, Created, Started and Killing are recorded, three or four more writes a pod. */
    bool tells_pod_events;
    /* Somebody else's node lifecycle controller says of a silent node that it is Unknown, and makes
     * of that what follows, which it does not when others say so first. */
    bool is_missed_elsewhere;
};

struct kubelet *kubelet_new(const struct kubelet_options *options);
/* Accepts NULL. */
void kubelet_free(struct kubelet *kubelet);
struct kubelet *world_kubelet(struct world *world);

/* See world.h. */
bool kubelet_stop_node(struct kubelet *kubelet, struct sv node);
bool kubelet_start_node(struct kubelet *kubelet, struct sv node);
bool kubelet_restart_container(struct kubelet *kubelet, struct sv namespace_name, struct sv pod,
                               struct sv container);
/* NULL when none of our nodes has it. `context` is the kubelet. */
const struct cJSON *kubelet_find_pod(void *context, struct sv namespace_name, struct sv name);
/* for (size_t i = 0; (pod = kubelet_next_pod(kubelet, &i));): those that are on nodes of ours. */
const struct cJSON *kubelet_next_pod(const struct kubelet *kubelet, size_t *cursor);
/* Why an exec cannot run, as the API server says it, or SV(""). `context` is the kubelet. */
struct sv kubelet_refuse_exec(void *context, const struct cJSON *pod, struct sv container,
                              struct arena *arena);

#endif
