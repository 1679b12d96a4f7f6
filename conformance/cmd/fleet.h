/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet: simulated nodes with their kubelets, as clients of an API server elsewhere, which sends
 * execs to a port of this process. It owns the world that they are in.
 */
#ifndef CONFORMANCE_CMD_FLEET_H
#define CONFORMANCE_CMD_FLEET_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cluster_clients;
struct engine;
struct error;
struct event_loop;
struct fleet; /* opaque */
struct log;
struct world;
struct world_options;

/* Everything is borrowed until fleet_free(). */
struct fleet_options {
    struct event_loop *loop;
    struct cluster_clients *clients; /* of the API server */
    struct log *log;
    const struct world_options *world; /* `remote`, `wall` and `log` are the fleet's */
    const struct engine *engines;      /* asked before a shell with the usual commands is */
    size_t engine_count;
};

/* NULL when no port can be had. */
struct fleet *fleet_new(const struct fleet_options *options, struct error *err);
/* Accepts NULL. */
void fleet_free(struct fleet *fleet);

struct world *fleet_world(const struct fleet *fleet);
/* Does what is due, the clients' work too; returns when it wants to run again, in the past for at
 * once. */
int64_t fleet_run(struct fleet *fleet);

#endif
