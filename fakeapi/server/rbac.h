/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rbac: who may do what, by the Roles, ClusterRoles and their bindings in the store
 * (apiserver-semantics.md §1.13). Rules only add; members of system:masters may do everything.
 * What was read from the store is kept and read again when one of the four collections changed.
 */
#ifndef FAKEAPI_SERVER_RBAC_H
#define FAKEAPI_SERVER_RBAC_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct fakeapi;
struct request;
struct rbac; /* opaque */

/* What an authenticator says besides; a key may stand several times. */
struct user_extra {
    struct sv key, value;
};

struct user_info {
    struct sv name, uid;
    const struct sv *groups;
    size_t group_count;
    const struct user_extra *extra;
    size_t extra_count;
};
bool user_has_group(const struct user_info *user, struct sv group);

/* What somebody wants to do. With a path it is no resource. */
struct access {
    struct sv verb; /* "get", "list", …, of a path the method in small letters */
    struct sv group, plural, subresource;
    struct sv namespace_name; /* "": cluster scope or all namespaces */
    struct sv name;           /* "": a collection */
    struct sv path;           /* "": a resource */
};

/* Borrows `api`. */
struct rbac *rbac_new(struct fakeapi *api);
/* Accepts NULL. */
void rbac_free(struct rbac *rbac);
DEFINE_AUTO(rbac)

/* The roles and bindings that every cluster starts with. */
void rbac_create_defaults(struct fakeapi *api);

/* `ret_reason` (in `arena`) names the binding that allows it, or is SV(""). */
bool rbac_allows(struct rbac *rbac, const struct user_info *user, const struct access *access,
                 struct arena *arena, struct sv *ret_reason);

/* Nobody hands out more than they have: whether `user` may write `object`, a role or a binding of
 * rbac.authorization.k8s.io, as `request` addresses it. False: `ret_problem` says what is not
 * held, or is SV("") for a binding of a role that is not there. The verbs "escalate" on the role
 * and "bind" on the role that is referred to lift this. */
bool rbac_may_grant(struct rbac *rbac, const struct user_info *user, const struct request *request,
                    const struct cJSON *object, struct arena *arena, struct sv *ret_problem);

/* The rules that hold for a user in a namespace: SelfSubjectRulesReview's status. `rbac` may be
 * NULL: then there are none but those of system:masters. */
struct cJSON *rbac_rules(struct rbac *rbac, const struct user_info *user, struct sv namespace_name,
                         struct arena *arena);

/* The server's words for a refusal: "configmaps "c1" is forbidden: User "bob" cannot get resource
 * "configmaps" in API group "" in the namespace "lp"". */
struct sv access_refusal(const struct user_info *user, const struct access *access,
                         struct arena *arena);

#endif
