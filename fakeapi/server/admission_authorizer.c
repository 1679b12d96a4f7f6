/* SPDX-License-Identifier: Apache-2.0 */
/* `authorizer` in expressions of policies and match conditions: roles decide, where they do. */
#include "core/base/arena.h"
#include "fakeapi/schema/cel.h"
#include "fakeapi/server/webhook_parts.h"

enum { ACCOUNT_GROUPS = 3 };

static struct user_info account_user(const struct cel_access *access, struct arena *arena) {
    struct sv *groups = ARENA_ARRAY(arena, struct sv, ACCOUNT_GROUPS);
    groups[0] = SV("system:serviceaccounts");
    groups[1] = ARENA_JOIN(arena, SV("system:serviceaccounts:"), access->account_namespace);
    groups[2] = SV("system:authenticated");
    return (struct user_info){
        .name = ARENA_JOIN(arena, SV("system:serviceaccount:"), access->account_namespace, SV(":"),
                           access->account_name),
        .uid = SV(""),
        .groups = groups,
        .group_count = ACCOUNT_GROUPS,
    };
}

static void check(void *context, const struct cel_access *access, struct arena *arena,
                  struct cel_decision *ret_decision) {
    struct call *call = context;
    bool is_account = access->account_name.len > 0;
    struct user_info user = is_account ? account_user(access, arena) : *call_user(call);
    struct access wanted = {
        .verb = access->verb,
        .group = access->group,
        .plural = access->plural,
        .subresource = access->subresource,
        .namespace_name = access->namespace_name,
        .name = access->name,
        .path = access->path,
    };
    /* Without roles whoever has a name may do everything. */
    ret_decision->is_allowed = !call->api->rbac || rbac_allows(call->api->rbac, &user, &wanted,
                                                               arena, &ret_decision->reason);
}

struct cel_authorizer call_authorizer(struct call *call) {
    static const char *const verbs[] = {
        [VERB_CREATE] = "create",
        [VERB_UPDATE] = "update",
        [VERB_PATCH] = "patch",
        [VERB_DELETE] = "delete",
        [VERB_DELETE_COLLECTION] = "deletecollection",
        [VERB_EXEC] = "create",
    };
    const struct request *request = call->request;
    bool is_known = (size_t)request->verb < COUNT_OF(verbs) && verbs[request->verb];
    return (struct cel_authorizer){
        .check = check,
        .context = call,
        .request = {.verb = is_known ? sv_from(verbs[request->verb]) : SV(""),
                    .path = SV(""),
                    .group = request->group,
                    .plural = request->plural,
                    .subresource = request->subresource,
                    .namespace_name = request->namespace_name,
                    .name = request->name,
                    .account_namespace = SV(""),
                    .account_name = SV("")},
    };
}
