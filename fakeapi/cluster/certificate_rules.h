/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_rules: what the signers that belong to Kubernetes itself sign. Pure.
 */
#ifndef FAKEAPI_CLUSTER_CERTIFICATE_RULES_H
#define FAKEAPI_CLUSTER_CERTIFICATE_RULES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct certificate_request;

/* Whose client certificates are approved without anybody's doing. */
#define SIGNER_KUBELET_CLIENT SV("kubernetes.io/kube-apiserver-client-kubelet")

bool certificate_has_own_signer(struct sv signer);
/* Why one of these signers does not sign what is asked for, in kube-controller-manager's words;
 * SV(""): it does. `usages` is a list of names; `request` NULL: its subject is not known, and not
 * looked at. */
struct sv certificate_mistake(struct arena *arena, struct sv signer, const struct cJSON *usages,
                              const struct certificate_request *request);

#endif
