/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/audit_policy.h"

#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/server/rbac.h"

#define POLICY(rules) "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n" rules

static const struct {
    const char *text, *message;
} refused[] = {
    {"kind: Policy\nrules: [{level: None}]\n",
     "audit policy: it has to be of apiVersion audit.k8s.io/v1, kind Policy"},
    {"apiVersion: audit.k8s.io/v1\nkind: Policy\n",
     "audit policy: it has no rules, and tells nothing"},
    {"[]\n", "audit policy: it has to be one document"},
    {POLICY("- level: Some\n"), "audit policy: rules[0].level: \"Some\" is no level; there are "
                                "None, Metadata, Request and RequestResponse"},
    {POLICY("- {level: None, user: [a]}\n"), "audit policy: a rule has no field \"user\""},
    {POLICY("- {level: None, resources: [{resource: pods}]}\n"),
     "audit policy: an item of resources has no field \"resource\""},
    {POLICY("- {level: None, omitStages: [Soon]}\n"),
     "audit policy: omitStages: \"Soon\" is no stage; there are RequestReceived, ResponseStarted, "
     "ResponseComplete and Panic"},
    {POLICY("- {level: None, namespaces: [a], nonResourceURLs: [/healthz]}\n"),
     "audit policy: rules[0]: rules are of resources or of nonResourceURLs, not of both"},
};

TEST(what_is_no_policy_is_refused) {
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct error err = {0};
        AUTO(audit_policy) policy = audit_policy_new(sv_from(refused[i].text), &err);
        CHECK(!policy);
        CHECK_SV(sv_from(err.message), sv_from(refused[i].message));
    }
}

static const char rules[] = POLICY("- {level: None, users: [quiet]}\n"
                                   "- {level: None, nonResourceURLs: [/healthz, '/live*']}\n"
                                   "- level: Request\n"
                                   "  verbs: [create]\n"
                                   "  resources: [{group: apps, resources: [deployments]}]\n"
                                   "- {level: RequestResponse, userGroups: [watched], "
                                   "omitManagedFields: true}\n"
                                   "- level: RequestResponse\n"
                                   "  omitStages: [ResponseStarted]\n"
                                   "  resources:\n"
                                   "  - {resources: [pods/log, '*/status', secrets/*]}\n"
                                   "  - {resources: [configmaps], resourceNames: [chosen]}\n"
                                   "- {level: Request, namespaces: [kube-system]}\n"
                                   "- {level: Metadata, resources: [{group: batch}]}\n"
                                   "- {level: Metadata, verbs: [delete]}\n");

static const struct {
    const char *user, *group_of_user, *verb, *group, *plural, *subresource, *space, *name, *path;
    enum audit_level level;
} decided[] = {
    {"quiet", "watched", "create", "apps", "deployments", "", "a", "", "", AUDIT_NONE},
    {"ann", "", "create", "apps", "deployments", "", "a", "", "", AUDIT_REQUEST},
    {"ann", "", "create", "apps", "deployments", "scale", "a", "d", "", AUDIT_NONE},
    {"ann", "", "create", "", "deployments", "", "a", "", "", AUDIT_NONE},
    {"ann", "", "get", "apps", "deployments", "", "a", "d", "", AUDIT_NONE},
    {"ann", "watched", "get", "apps", "deployments", "", "a", "d", "", AUDIT_REQUEST_RESPONSE},
    {"ann", "watched", "get", "", "", "", "", "", "/healthz", AUDIT_NONE},
    {"ann", "watched", "get", "", "", "", "", "", "/livez", AUDIT_NONE},
    {"ann", "watched", "get", "", "", "", "", "", "/version", AUDIT_REQUEST_RESPONSE},
    {"ann", "", "get", "", "pods", "log", "a", "p", "", AUDIT_REQUEST_RESPONSE},
    {"ann", "", "get", "", "pods", "", "a", "p", "", AUDIT_NONE},
    {"ann", "", "patch", "", "nodes", "status", "", "n", "", AUDIT_REQUEST_RESPONSE},
    {"ann", "", "get", "", "secrets", "", "a", "s", "", AUDIT_REQUEST_RESPONSE},
    {"ann", "", "get", "", "configmaps", "", "a", "chosen", "", AUDIT_REQUEST_RESPONSE},
    {"ann", "", "get", "", "configmaps", "", "a", "other", "", AUDIT_NONE},
    {"ann", "", "get", "", "configmaps", "", "kube-system", "other", "", AUDIT_REQUEST},
    {"ann", "", "list", "batch", "jobs", "", "", "", "", AUDIT_METADATA},
    {"ann", "", "delete", "", "pods", "", "a", "p", "", AUDIT_METADATA},
};

TEST(the_first_rule_that_matches_decides) {
    struct error err = {0};
    AUTO(audit_policy) policy = audit_policy_new(sv_from(rules), &err);
    REQUIRE(policy != NULL);
    for (size_t i = 0; i < COUNT_OF(decided); i++) {
        struct sv group = sv_from(decided[i].group_of_user);
        struct user_info user = {.name = sv_from(decided[i].user),
                                 .uid = SV(""),
                                 .groups = &group,
                                 .group_count = group.len > 0};
        struct access access = {.verb = sv_from(decided[i].verb),
                                .group = sv_from(decided[i].group),
                                .plural = sv_from(decided[i].plural),
                                .subresource = sv_from(decided[i].subresource),
                                .namespace_name = sv_from(decided[i].space),
                                .name = sv_from(decided[i].name),
                                .path = sv_from(decided[i].path)};
        struct audit_verdict verdict = audit_policy_decide(policy, &user, &access);
        CHECK_SV(audit_level_name(verdict.level), audit_level_name(decided[i].level));
        CHECK(verdict.omits_managed_fields == (group.len > 0 && verdict.level > AUDIT_NONE));
    }
}

TEST(stages_are_left_out_by_the_policy_and_by_the_rule) {
    struct error err = {0};
    AUTO(audit_policy)
    policy = audit_policy_new(
        SV("omitStages: [RequestReceived]\n" POLICY("- {level: Metadata, verbs: [get], omitStages: "
                                                    "[ResponseStarted]}\n- level: Metadata\n")),
        &err);
    REQUIRE(policy != NULL);
    const struct user_info user = {.name = SV("ann"), .uid = SV("")};
    struct access access = {.verb = SV("get"), .path = SV("/version")};
    struct audit_verdict verdict = audit_policy_decide(policy, &user, &access);
    CHECK(verdict.omits_stage[AUDIT_REQUEST_RECEIVED]);
    CHECK(verdict.omits_stage[AUDIT_RESPONSE_STARTED]);
    CHECK(!verdict.omits_stage[AUDIT_RESPONSE_COMPLETE]);
    access.verb = SV("post");
    verdict = audit_policy_decide(policy, &user, &access);
    CHECK(verdict.omits_stage[AUDIT_REQUEST_RECEIVED]);
    CHECK(!verdict.omits_stage[AUDIT_RESPONSE_STARTED]);
}

TEST(without_a_policy_everything_is_named) {
    struct error err = {0};
    AUTO(audit_policy) policy = audit_policy_new(SV(""), &err);
    REQUIRE(policy != NULL);
    const struct user_info user = {.name = SV("ann"), .uid = SV("")};
    const struct access access = {.verb = SV("get"), .path = SV("/version")};
    CHECK(audit_policy_decide(policy, &user, &access).level == AUDIT_METADATA);
}
