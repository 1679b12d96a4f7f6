/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook: what MutatingWebhookConfigurations and ValidatingWebhookConfigurations say about a
 * write (apiserver-semantics.md §1.13): which webhooks are meant by its rules, selectors and
 * match conditions, what they are asked, and what their answers do. A call without a dialogue
 * asks none. Private to fakeapi/server.
 */
#ifndef FAKEAPI_SERVER_WEBHOOK_H
#define FAKEAPI_SERVER_WEBHOOK_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct call;
struct cJSON;

#define WEBHOOK_OPERATIONS(X) X(CREATE) X(UPDATE) X(DELETE) X(CONNECT)
#define X(name) OPERATION_##name,
enum webhook_operation { WEBHOOK_OPERATIONS(X) };
#undef X

/* What is asked about. */
struct admission {
    enum webhook_operation operation;
    struct cJSON *object;    /* NULL of a deletion; in the call's arena, and webhooks change it */
    const struct cJSON *old; /* NULL of a creation and of a connection */
    /* What everything built in makes of an object that a webhook changed; false: refused. NULL:
     * nothing. */
    bool (*settle)(struct call *call, struct admission *admission);
};

/* Lets the mutating webhooks change `admission->object`. False: refused, or `call->is_waiting`. */
bool webhooks_mutate(struct call *call, struct admission *admission);
/* Asks the admission policies, then the validating webhooks. False: refused, or `call->is_waiting`.
 */
bool webhooks_validate(struct call *call, const struct admission *admission);

/* policy.c: a ValidatingAdmissionPolicy whose expressions cannot run is refused. */
bool admit_policy(struct call *call, struct cJSON *tree);

#endif
