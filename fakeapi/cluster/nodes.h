/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes: registers the simulated machines, node-1 to node-N, with the API server, as their
 * kubelets do when they start: a Node with its labels, capacity and conditions. One client stands
 * for all of them.
 *
 * With heartbeats each node also holds a Lease that it renews every ten seconds and reports its
 * conditions every five minutes, as kubelets do, spread over time by the seed. Without them idle
 * hours cost nothing. An answer or a heartbeat costs the same however many nodes there are.
 */
#ifndef FAKEAPI_CLUSTER_NODES_H
#define FAKEAPI_CLUSTER_NODES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct log;
struct nodes; /* opaque */
struct transport;

enum {
    NODE_LEASE_SECONDS = 40,
    NODE_LEASE_RENEW_MS = 10 * 1000, /* a quarter of it */
    NODE_STATUS_REPORT_MS = 5 * 60 * 1000,
};

struct nodes_options {
    struct transport *transport; /* borrowed until nodes_free() */
    size_t node_count;
    bool has_heartbeats;
    /* A label with the value "true" that our nodes carry, where they stand among the nodes of
     * others: a node of that name without it is left alone. SV(""): all nodes are ours. */
    struct sv label;
    uint64_t seed;
    struct log *log; /* NULL: none */
};

struct nodes *nodes_new(const struct nodes_options *options);
/* Accepts NULL. */
void nodes_free(struct nodes *nodes);

/* Where the server reaches the kubelets, on this machine; until it is called: nowhere. */
void nodes_set_kubelet_port(struct nodes *nodes, uint16_t port);

/* A machine that is off sends nothing: its lease runs out, and whoever looks after nodes notices.
 * Back on it reports its whole status, if it sends heartbeats at all. False: there is no node of
 * that name. Wake the actor afterwards. */
bool nodes_stop(struct nodes *nodes, struct sv name);
bool nodes_start(struct nodes *nodes, struct sv name);

/* An actor's step: `context` is the struct nodes. */
int64_t nodes_step(void *context, int64_t now_ms);

/* How many are registered, and how many were refused since somebody else's node has the name. */
size_t nodes_registered_count(const struct nodes *nodes);
size_t nodes_refused_count(const struct nodes *nodes);

#endif
