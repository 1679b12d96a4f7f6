/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: registers the simulated machines, node-1 to node-N, with the API server, as their
 * kubelets do when they start: a Node with its labels, then its capacity and conditions. One
 * client stands for all of them. It sends no heartbeats, so that idle hours cost nothing.
 */
#ifndef FAKEAPI_CLUSTER_NODES_H
#define FAKEAPI_CLUSTER_NODES_H

#include "core/base/base.h"

struct arena;
struct cJSON;
struct nodes; /* opaque */
struct transport;

/* `transport` is borrowed until nodes_free(). */
struct nodes *nodes_new(struct transport *transport, size_t node_count);
/* Accepts NULL. */
void nodes_free(struct nodes *nodes);

/* An actor's step: `context` is the struct nodes. */
int64_t nodes_step(void *context, int64_t now_ms);

/* status.conditions of a node whose kubelet answers, or of one that fell silent. */
struct cJSON *nodes_conditions(struct arena *arena, bool is_silent, int64_t now_ms);

#endif
