/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_account: gives every active namespace what each pod in it needs: the ServiceAccount
 * "default" and the ConfigMap "kube-root-ca.crt", and makes them again when they are deleted.
 */
#ifndef FAKEAPI_CLUSTER_SERVICE_ACCOUNT_H
#define FAKEAPI_CLUSTER_SERVICE_ACCOUNT_H

#include "core/base/base.h"

struct agent;
struct authority;
struct service_account_controller; /* opaque */

/* Becomes a part of `agent`. `authority` is borrowed; NULL: none, and the certificate is empty. */
struct service_account_controller *
service_account_controller_new(struct agent *agent, const struct authority *authority);
/* After the agent. Accepts NULL. */
void service_account_controller_free(struct service_account_controller *controller);

#endif
