/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_cluster: the driver of a session in mode cluster: any API server that a kubeconfig
 * names, with its own nodes, in a namespace that the session makes and removes again. The
 * controller is the cluster's own where it has one; else one is started beside crctl, for that
 * namespace only.
 */
#ifndef CONFORMANCE_CMD_SESSION_CLUSTER_H
#define CONFORMANCE_CMD_SESSION_CLUSTER_H

#include "conformance/session.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct event_loop;

struct session_cluster_options {
    const struct session_options *session;
    struct event_loop *loop; /* borrowed; its signals end the session */
    struct sv kubeconfig, context;
    struct sv controller; /* path of the program; SV(""): the cluster has to have one */
    struct sv folder;     /* for a log, which is removed with the session */
    int64_t rest_ms;      /* see session_driver */
};

/* What the session met, for reports. */
struct session_cluster_facts {
    struct sv server, version; /* "https://…", "v1.34.1"; SV("") while nothing was asked */
    struct sv controller;      /* "cacheruntime-controller-0 of the cluster", "started by crctl" */
};

/* Fails in one sentence when the cluster cannot be reached, lacks the CRDs, has no controller where
 * none can be started, or refuses what is needed. Freeing the session removes what it made, and
 * tells on standard error what it could not remove. `ret_facts`, in `arena`, may be NULL. */
MUST_CHECK struct session *session_cluster_new(const struct session_cluster_options *options,
                                               struct arena *arena,
                                               struct session_cluster_facts *ret_facts,
                                               struct error *err);

#endif
