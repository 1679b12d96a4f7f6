/* SPDX-License-Identifier: Apache-2.0 */
/* connection: which API server the options mean, and as whom. */
#ifndef CORE_CMD_CONNECTION_H
#define CORE_CMD_CONNECTION_H

#include "core/base/base.h"

struct arena;
struct client_config;
struct daemon_options;
struct error;

/* --server, --kubeconfig, KUBECONFIG, the pod's service account, ~/.kube/config: the first that is
 * there. Texts live in `arena`. */
MUST_CHECK bool connection_find(struct arena *arena, const struct daemon_options *options,
                                const char *(*environment)(const char *name),
                                struct client_config *ret_config, struct error *err);

#endif
