/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_clients: the clients of one API server that a kubeconfig names: a transport for each
 * program, all on one event loop and with one credential. The kubeconfig and what it names are read
 * again while they run, as credentials.h says. Its owner calls cluster_clients_run()
 * before each wait of the loop.
 */
#ifndef CORE_PLATFORM_CLUSTER_CLIENTS_H
#define CORE_PLATFORM_CLUSTER_CLIENTS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;
struct event_loop;
struct log;
struct cluster_clients; /* opaque */
struct transport;

struct cluster_clients_options {
    struct event_loop *loop; /* borrowed */
    struct log *log;         /* borrowed */
    struct sv kubeconfig;    /* as `paths` of client_config_find() */
    struct sv context;       /* SV(""): the current one */
    bool is_in_pod;          /* may be the pod we run in; otherwise only what a kubeconfig names */
};

/* NULL when the configuration or the credential is wrong; nothing is connected yet. */
struct cluster_clients *cluster_clients_new(const struct cluster_clients_options *options,
                                            struct error *err);
/* Ends all clients. Accepts NULL. */
void cluster_clients_free(struct cluster_clients *clients);
DEFINE_AUTO(cluster_clients)

struct transport *cluster_clients_connect(struct cluster_clients *clients, struct sv user_agent);
void cluster_clients_disconnect(struct cluster_clients *clients, struct transport *transport);
/* The server's URL. */
struct sv cluster_clients_server(const struct cluster_clients *clients);

/* Does what is due; returns when it wants to be called again, in the past when completions wait. */
int64_t cluster_clients_run(struct cluster_clients *clients, int64_t now_ms);

/* For a request for CacheRuntimes that failed: of a server that does not know the kind `err` says
 * what to do about it. Returns false. */
bool cluster_clients_explain(const struct cluster_clients *clients, struct error *err);

#endif
