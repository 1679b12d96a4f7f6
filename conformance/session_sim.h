/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_sim: the driver of a session in mode sim: a world in this process with the controller
 * as one of its actors. For sessions of a world of ours; others use session.h.
 */
#ifndef CONFORMANCE_SESSION_SIM_H
#define CONFORMANCE_SESSION_SIM_H

#include "conformance/session.h"

struct clock;
struct world;

/* The name under which the controller's requests appear in traces, and its field manager. */
#define SESSION_CONTROLLER_AGENT SV("cacheruntime-controller")
#define SESSION_USER_AGENT SV("kubectl")

/* Nodes and engines as a session wants them; `wall` as in struct world_options. */
struct world *session_world_new(const struct session_options *options, struct clock *wall);
void session_sim_new(const struct session_options *options, struct session_driver *ret_driver);
/* Installs the CRDs, waits for the nodes and starts the controller. */
MUST_CHECK bool session_sim_prepare(struct session *session, const struct session_options *options,
                                    struct error *err);

#endif
