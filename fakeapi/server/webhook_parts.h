/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_parts: what webhook.c, webhook_match.c and webhook_review.c share. Not for others. */
#ifndef FAKEAPI_SERVER_WEBHOOK_PARTS_H
#define FAKEAPI_SERVER_WEBHOOK_PARTS_H

#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/webhook.h"

enum { WEBHOOKS_MAX = 64 };

/* A webhook that is to be asked. */
struct webhook {
    const struct cJSON *source; /* its item of the configuration */
    struct sv name;
    struct sv configuration;          /* and the name of that */
    const struct resource_type *type; /* the version that its rules name */
    bool is_mutating;
};

/* --- webhook_match.c --- */

/* The resources that no webhook is asked about: those that configure admission. */
bool is_exempt(const struct call *call);
/* The webhooks of one kind that are configured, in order of configuration and position. */
size_t webhooks_configured(struct call *call, bool is_mutating, struct webhook *ret_webhooks);
enum webhook_match { WEBHOOK_IS_OUT, WEBHOOK_IS_IN, WEBHOOK_REFUSED };
/* Whether it is asked about this write; sets `webhook->type`. Refused: a condition cannot be
 * evaluated, and the answer says so. */
enum webhook_match webhook_matches(struct call *call, const struct admission *admission,
                                   struct webhook *webhook);
bool is_namespace_itself(const struct call *call);

/* What webhooks and policies match by. A rule for one version of a resource means the others, too,
 * unless the policy is "Exact"; NULL: no rule matches. */
const struct resource_type *matched_type(const struct call *call, const struct admission *admission,
                                         const struct cJSON *rules, struct sv match_policy);
/* By the namespaceSelector and objectSelector of `source`. */
bool selectors_match(struct call *call, const struct admission *admission,
                     const struct cJSON *source);
/* NULL for what has none. */
const struct cJSON *namespace_of(struct call *call, const struct admission *admission);

/* --- policy.c --- */

/* Judges by the ValidatingAdmissionPolicies and their bindings. False: refused. */
bool policies_validate(struct call *call, const struct admission *admission);
struct cel_program;
struct error;
/* With the variables that a policy's expressions have; those of a message lack `authorizer`. */
const struct cel_program *policy_compile(struct call *call, struct sv text, struct error *err);
const struct cel_program *policy_compile_message(struct call *call, struct sv text,
                                                 struct error *err);
bool fails_open(const struct webhook *webhook);

/* --- admission_authorizer.c --- */

struct cel_authorizer;
/* The variable `authorizer` for this write, which it asks while it lasts. */
struct cel_authorizer call_authorizer(struct call *call);

/* --- webhook_review.c --- */

/* What a client says of no answer, or of one that is no success; SV("") of a success. */
struct sv webhook_reply_failure(struct call *call, const struct webhook_reply *reply);

/* The AdmissionReview without a uid. */
struct cJSON *review_request(struct call *call, const struct admission *admission,
                             const struct webhook *webhook);
struct verdict {
    struct sv failure; /* "": the webhook answered properly */
    const struct cJSON *response;
    const struct cJSON *patch; /* NULL: none */
};
void read_reply(struct call *call, const struct webhook *webhook, const struct webhook_reply *reply,
                struct verdict *ret_verdict);
struct sv object_name_of(const struct call *call, const struct admission *admission);

#endif
