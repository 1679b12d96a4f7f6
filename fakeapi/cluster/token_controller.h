/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_controller: fills Secrets of type kubernetes.io/service-account-token with a token of the
 * account that their annotation names, and deletes those whose account is gone. A part of
 * kube-controller-manager.
 */
#ifndef FAKEAPI_CLUSTER_TOKEN_CONTROLLER_H
#define FAKEAPI_CLUSTER_TOKEN_CONTROLLER_H

#include "core/base/base.h"

struct agent;
struct authority;
struct token_controller; /* opaque */

/* Call it before the agent's first step. `authority` is borrowed. */
struct token_controller *token_controller_new(struct agent *agent,
                                              const struct authority *authority);
/* Accepts NULL. Its part and caches go with the agent. */
void token_controller_free(struct token_controller *controller);

#endif
