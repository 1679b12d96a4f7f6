/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_policy: what a file of kind Policy (audit.k8s.io/v1) wants to be told of a request: the
 * first rule that matches decides, and what none matches is not told. Pure.
 */
#ifndef FAKEAPI_SERVER_AUDIT_POLICY_H
#define FAKEAPI_SERVER_AUDIT_POLICY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct access;
struct audit_policy; /* opaque */
struct error;
struct user_info;

enum audit_level {
    AUDIT_NONE,
    AUDIT_METADATA,
    AUDIT_REQUEST,
    AUDIT_REQUEST_RESPONSE,
    AUDIT_LEVEL_COUNT,
};
struct sv audit_level_name(enum audit_level level);

enum audit_stage {
    AUDIT_REQUEST_RECEIVED,
    AUDIT_RESPONSE_STARTED,
    AUDIT_RESPONSE_COMPLETE,
    AUDIT_STAGE_COUNT,
};
struct sv audit_stage_name(enum audit_stage stage);

enum { AUDIT_POLICY_BYTES_MAX = 1024 * 1024 };

/* Of the text of a file; SV(""): everything at level Metadata. NULL and ERROR_INVALID for what is
 * no policy. */
struct audit_policy *audit_policy_new(struct sv text, struct error *err);
/* Accepts NULL. */
void audit_policy_free(struct audit_policy *policy);
DEFINE_AUTO(audit_policy)

struct audit_verdict {
    enum audit_level level;
    bool omits_stage[AUDIT_STAGE_COUNT];
    bool omits_managed_fields; /* of the objects that are told */
};
struct audit_verdict audit_policy_decide(const struct audit_policy *policy,
                                         const struct user_info *user, const struct access *access);

#endif
