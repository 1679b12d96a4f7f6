/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller_manager: the built-in controllers of the simulated cluster, as parts of one client
 * of the server, "kube-controller-manager": endpoints of services, volumes, namespaces, nodes,
 * workloads and the garbage collector.
 */
#ifndef FAKEAPI_CLUSTER_CONTROLLER_MANAGER_H
#define FAKEAPI_CLUSTER_CONTROLLER_MANAGER_H

#include "core/base/base.h"

struct controller_manager; /* opaque */
struct world;

/* Becomes an actor of the world. */
struct controller_manager *controller_manager_new(struct world *world, uint64_t seed);
/* Accepts NULL. */
void controller_manager_free(struct controller_manager *manager);

#endif
