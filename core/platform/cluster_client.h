/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_client: one request after the other to the API server of a kubeconfig, for commands that
 * ask and end. Blocks until the answer is there; SIGINT and SIGTERM end the wait.
 */
#ifndef CORE_PLATFORM_CLUSTER_CLIENT_H
#define CORE_PLATFORM_CLUSTER_CLIENT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct cluster_client; /* opaque */
struct error;
struct request;

/* `paths` and `context` as in client_config_find(). NULL when the configuration or the credential
 * is wrong; nothing is connected yet. */
struct cluster_client *cluster_client_new(struct sv paths, struct sv context, struct error *err);
/* Accepts NULL. */
void cluster_client_free(struct cluster_client *client);
DEFINE_AUTO(cluster_client)

/* The two that uninstaller_run() wants; `client` is a struct cluster_client. The answer's tree
 * comes in `arena`; asking fails with what the server said or why it said nothing. Telling prints a
 * line; it needs no context. */
MUST_CHECK bool cluster_client_ask(void *client, const struct request *request, struct arena *arena,
                                   const struct cJSON **ret_body, struct error *err);
void cluster_client_tell(void *context, struct sv line);

#endif
