/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemonset_parts: what the DaemonSet controller's files share. Not for others.
 */
#ifndef FAKEAPI_CLUSTER_DAEMONSET_PARTS_H
#define FAKEAPI_CLUSTER_DAEMONSET_PARTS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/controller_revision.h"
#include "fakeapi/cluster/daemonset_nodes.h"

struct arena;
struct cJSON;
struct claims;
struct pod_control;

struct daemonset_controller {
    struct pod_control *control;
    struct claims *pods;
    struct controller_revisions *revisions;
    struct daemonset_nodes *nodes;
};

/* A pod of the DaemonSet and the node that it is or will be on. */
struct daemon_pod {
    const struct cJSON *pod;
    struct sv node;
    int64_t created_ms;
    bool is_updated; /* made from the present template */
};

/* A node that the DaemonSet may run on, or has pods on. */
struct daemon_node {
    struct sv name;
    const struct cJSON *node; /* NULL: gone */
    struct daemonset_fit fit;
    const struct daemon_pod *pods; /* oldest first */
    size_t pod_count;
};

/* One look at one DaemonSet. */
struct daemon_sync {
    struct daemonset_controller *controller;
    struct sv key;
    const struct cJSON *daemonset;
    struct arena *arena;
    int64_t now_ms, next_ms; /* next_ms: when time alone changes something */

    struct revision_history history;
    struct sv hash, template_generation;
    struct cJSON *prototype; /* a pod for any node */

    struct daemon_node *nodes; /* by name */
    size_t node_count;
    int64_t desired, min_ready_seconds;
    int64_t max_unavailable, max_surge;
    bool is_rolling;

    struct sv *missing; /* nodes to make pods on */
    size_t missing_count;
    size_t deleted_count;
};

/* --- daemonset_pod.c --- */

/* A pod of the template, without a node. */
struct cJSON *daemon_pod_prototype(struct daemon_sync *sync);
void daemon_pod_create(struct daemon_sync *sync, struct sv node);
/* The node that a pod is on, or the only one that it may go to. */
struct sv daemon_pod_node(const struct cJSON *pod);
bool daemon_pod_is_available(struct daemon_sync *sync, const struct cJSON *pod);

/* --- daemonset_rollout.c --- */

void daemon_delete(struct daemon_sync *sync, const struct cJSON *pod);
void daemon_need(struct daemon_sync *sync, struct sv node);
/* Replaces outdated pods as far as the strategy allows. */
void daemon_roll_out(struct daemon_sync *sync);

#endif
