/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace_controller: empties a namespace that is being deleted, type by type, and releases it
 * when nothing is left. What holds it is told in its conditions. Semantics:
 * apiserver-semantics.md §1.9.
 */
#ifndef FAKEAPI_CLUSTER_NAMESPACE_CONTROLLER_H
#define FAKEAPI_CLUSTER_NAMESPACE_CONTROLLER_H

#include "core/base/base.h"

struct agent;
struct namespace_controller; /* opaque */
struct registry;

/* Becomes parts of `agent`. `registry` lists the types; borrowed. */
struct namespace_controller *namespace_controller_new(struct agent *agent,
                                                      const struct registry *registry);
/* After the agent. Accepts NULL. */
void namespace_controller_free(struct namespace_controller *controller);

#endif
