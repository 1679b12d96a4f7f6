/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/rbac.h"

#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define RBAC "rbac.authorization.k8s.io/v1/"

static void create(struct fakeapi *api, const char *resource, const char *namespace_name,
                   const char *body) {
    AUTO(arena) arena = arena_new();
    struct api_response response = fixture_create(api, arena, resource, namespace_name, body);
    if (response.http_status != 201)
        fprintf(stderr, "%.*s\n", SV_ARG(fixture_message(&response)));
    CHECK(response.http_status == 201);
}

static struct fakeapi *api_with_roles(void) {
    struct fakeapi *api = fixture_api();
    rbac_create_defaults(api);
    create(api, RBAC "roles", "default",
           "{\"metadata\":{\"name\":\"pods\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":["
           "\"pods\",\"pods/log\"],\"verbs\":[\"get\",\"list\"]},{\"apiGroups\":[\"\"],"
           "\"resources\":[\"configmaps\"],\"resourceNames\":[\"one\"],\"verbs\":[\"get\"]}]}");
    create(api, RBAC "rolebindings", "default",
           "{\"metadata\":{\"name\":\"pods\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s."
           "io\",\"kind\":\"Role\",\"name\":\"pods\"},\"subjects\":[{\"kind\":\"User\",\"name\":"
           "\"bob\",\"apiGroup\":\"rbac.authorization.k8s.io\"},{\"kind\":\"ServiceAccount\","
           "\"name\":\"sa\",\"namespace\":\"other\"}]}");
    create(api, RBAC "clusterrolebindings", "",
           "{\"metadata\":{\"name\":\"ops\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s."
           "io\",\"kind\":\"ClusterRole\",\"name\":\"view\"},\"subjects\":[{\"kind\":\"Group\","
           "\"name\":\"ops\",\"apiGroup\":\"rbac.authorization.k8s.io\"}]}");
    return api;
}

static const struct {
    struct sv user, group;
    struct sv verb, api_group, plural, subresource, namespace_name, name, path;
    bool is_allowed;
} cases[] = {
    {SV("bob"), SV(""), SV("get"), SV(""), SV("pods"), SV(""), SV("default"), SV("p"), SV(""),
     true},
    {SV("bob"), SV(""), SV("get"), SV(""), SV("pods"), SV("log"), SV("default"), SV("p"), SV(""),
     true},
    {SV("bob"), SV(""), SV("get"), SV(""), SV("pods"), SV("exec"), SV("default"), SV("p"), SV(""),
     false},
    {SV("bob"), SV(""), SV("delete"), SV(""), SV("pods"), SV(""), SV("default"), SV("p"), SV(""),
     false},
    {SV("bob"), SV(""), SV("get"), SV(""), SV("pods"), SV(""), SV("other"), SV("p"), SV(""), false},
    {SV("bob"), SV(""), SV("list"), SV(""), SV("pods"), SV(""), SV(""), SV(""), SV(""), false},
    {SV("bob"), SV(""), SV("get"), SV(""), SV("configmaps"), SV(""), SV("default"), SV("one"),
     SV(""), true},
    {SV("bob"), SV(""), SV("get"), SV(""), SV("configmaps"), SV(""), SV("default"), SV("two"),
     SV(""), false},
    {SV("system:serviceaccount:other:sa"), SV(""), SV("list"), SV(""), SV("pods"), SV(""),
     SV("default"), SV(""), SV(""), true},
    {SV("ann"), SV("ops"), SV("list"), SV("apps"), SV("deployments"), SV(""), SV(""), SV(""),
     SV(""), true},
    {SV("ann"), SV("ops"), SV("get"), SV(""), SV("secrets"), SV(""), SV("default"), SV("s"), SV(""),
     false},
    {SV("ann"), SV("system:masters"), SV("delete"), SV("any"), SV("thing"), SV(""), SV(""), SV("x"),
     SV(""), true},
    {SV("ann"), SV("system:authenticated"), SV("get"), SV(""), SV(""), SV(""), SV(""), SV(""),
     SV("/openapi/v3"), true},
    {SV("system:anonymous"), SV("system:unauthenticated"), SV("get"), SV(""), SV(""), SV(""),
     SV(""), SV(""), SV("/healthz"), true},
    {SV("system:anonymous"), SV("system:unauthenticated"), SV("get"), SV(""), SV(""), SV(""),
     SV(""), SV(""), SV("/metrics"), false},
};

TEST(rules_decide) {
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct user_info user = {
            .name = cases[i].user, .uid = SV(""), .groups = &cases[i].group, .group_count = 1};
        struct access access = {cases[i].verb,        cases[i].api_group,      cases[i].plural,
                                cases[i].subresource, cases[i].namespace_name, cases[i].name,
                                cases[i].path};
        struct sv reason;
        CHECK(rbac_allows(rbac, &user, &access, arena, &reason) == cases[i].is_allowed);
    }
}

static bool bob_may_get_pods(struct rbac *rbac, struct sv *ret_reason, struct arena *arena) {
    struct user_info user = {.name = SV("bob"), .uid = SV(""), .groups = NULL, .group_count = 0};
    struct access access = {SV("get"), SV(""), SV("pods"), SV(""), SV("default"), SV("p"), SV("")};
    return rbac_allows(rbac, &user, &access, arena, ret_reason);
}

TEST(a_binding_counts_until_it_is_deleted) {
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    struct sv reason;
    CHECK(bob_may_get_pods(rbac, &reason, arena));
    CHECK_SV(reason, SV("RBAC: allowed by RoleBinding \"pods/default\" of Role \"pods\" to User "
                        "\"bob\""));
    fixture_delete(api, arena, RBAC "rolebindings", "default", "pods", NULL);
    CHECK(!bob_may_get_pods(rbac, &reason, arena));
}

TEST(a_role_that_aggregates_grants_what_its_controller_wrote) {
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    struct sv group = SV("ops"), reason;
    struct user_info user = {.name = SV("ann"), .uid = SV(""), .groups = &group, .group_count = 1};
    struct access access = {SV("get"),     SV("x.io"), SV("foos"), SV(""),
                            SV("default"), SV("f"),    SV("")};
    CHECK(!rbac_allows(rbac, &user, &access, arena, &reason));
    create(api, RBAC "clusterroles", "",
           "{\"metadata\":{\"name\":\"foos\",\"labels\":{\"rbac.authorization.k8s.io/"
           "aggregate-to-view\":\"true\"}},\"rules\":[{\"apiGroups\":[\"x.io\"],\"resources\":["
           "\"foos\"],\"verbs\":[\"get\"]}]}");
    CHECK(!rbac_allows(rbac, &user, &access, arena, &reason));
}

TEST(refusals_speak_as_the_server_does) {
    AUTO(arena) arena = arena_new();
    struct user_info user = {.name = SV("bob"), .uid = SV(""), .groups = NULL, .group_count = 0};
    struct access one = {SV("get"), SV(""), SV("configmaps"), SV(""), SV("lp"), SV("c1"), SV("")};
    struct access all = {SV("list"), SV("apps"), SV("deployments"), SV(""), SV(""), SV(""), SV("")};
    struct access path = {SV("get"), SV(""), SV(""), SV(""), SV(""), SV(""), SV("/metrics")};
    CHECK_SV(access_refusal(&user, &one, arena),
             SV("configmaps \"c1\" is forbidden: User \"bob\" cannot get resource \"configmaps\" "
                "in API group \"\" in the namespace \"lp\""));
    CHECK_SV(access_refusal(&user, &all, arena),
             SV("deployments.apps is forbidden: User \"bob\" cannot list resource \"deployments\" "
                "in API group \"apps\" at the cluster scope"));
    CHECK_SV(access_refusal(&user, &path, arena),
             SV("forbidden: User \"bob\" cannot get path \"/metrics\""));
}

static const struct {
    const char *plural, *object;
    bool is_allowed;
} grants[] = {
    {"roles", "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]}",
     true},
    {"roles",
     "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\",\"delete\"]}]}",
     false},
    {"roles", "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"*\"],\"verbs\":[\"get\"]}]}",
     false},
    {"roles",
     "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"],\"resourceNames\":[\"one\"],"
     "\"verbs\":[\"get\"]}]}",
     true},
    {"rolebindings", "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"pods\"}}", true},
    {"rolebindings", "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"absent\"}}", false},
    {"rolebindings", "{\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"cluster-admin\"}}", false},
};

TEST(nobody_grants_what_they_do_not_have) {
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    struct user_info user = {.name = SV("bob"), .uid = SV(""), .groups = NULL, .group_count = 0};
    struct sv problem = SV("");
    for (size_t i = 0; i < COUNT_OF(grants); i++) {
        struct request request = {.plural = sv_from(grants[i].plural),
                                  .namespace_name = SV("default")};
        CHECK(rbac_may_grant(rbac, &user, &request, fixture_json(arena, grants[i].object), arena,
                             &problem) == grants[i].is_allowed);
    }
    CHECK_SV(problem, SV("user \"bob\" (groups=[]) is attempting to grant RBAC permissions not "
                         "currently held:\n{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{"
                         "NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"));
}

/* What a rule grants is the product of its lists, each of which may be as long as a request. */
TEST(nobody_grants_more_than_can_be_compared) {
    enum { ITEMS = 10 * 1000 };
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    struct user_info user = {.name = SV("bob"), .uid = SV(""), .groups = NULL, .group_count = 0};
    struct request request = {.plural = SV("roles"), .namespace_name = SV("default")};
    struct cJSON *role = json_copy(arena, fixture_json(arena, "{\"rules\":[{}]}"));
    struct sv names[] = {SV("apiGroups"), SV("resources"), SV("resourceNames"), SV("verbs")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct cJSON *list = json_ensure_list(arena, json_find(role, "rules.0"), names[i]);
        for (int k = 0; k < ITEMS; k++)
            json_append(list, json_string(arena, SV("x")));
    }
    struct sv problem = SV("");
    CHECK(!rbac_may_grant(rbac, &user, &request, role, arena, &problem));
    CHECK_SV(
        problem,
        SV("user \"bob\" is attempting to grant more than 20000 permissions at once (apiGroups x "
           "resources x resourceNames x verbs of each rule): use \"*\", split the role, or let "
           "somebody write it who may escalate roles"));
}

/* By resource, with the verbs that are missing; what is held is not told. */
TEST(what_is_not_held_is_told_by_resource) {
    static const struct {
        const char *plural, *object, *problem;
    } refusals[] = {
        {"roles",
         "{\"rules\":[{\"apiGroups\":[\"apps\",\"\"],\"resources\":[\"pods\",\"pods/log\"],"
         "\"verbs\":[\"get\",\"delete\"]},{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],"
         "\"resourceNames\":[\"a\"],\"verbs\":[\"delete\",\"delete\"]}]}",
         "user \"bob\" (groups=[]) is attempting to grant RBAC permissions not currently held:\n"
         "{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], Verbs:[\"delete\"]}\n"
         "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}\n"
         "{APIGroups:[\"\"], Resources:[\"pods/log\"], Verbs:[\"delete\"]}\n"
         "{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\" \"delete\"]}\n"
         "{APIGroups:[\"apps\"], Resources:[\"pods/log\"], Verbs:[\"get\" \"delete\"]}"},
        {"rolebindings", "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"absent\"}}", ""},
    };
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    struct user_info user = {.name = SV("bob"), .uid = SV(""), .groups = NULL, .group_count = 0};
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct sv problem = SV("?");
        struct request request = {.plural = sv_from(refusals[i].plural),
                                  .namespace_name = SV("default")};
        CHECK(!rbac_may_grant(rbac, &user, &request, fixture_json(arena, refusals[i].object), arena,
                              &problem));
        CHECK_SV(problem, sv_from(refusals[i].problem));
    }
}

TEST(the_rules_of_a_user_are_listed) {
    AUTO(fakeapi) api = api_with_roles();
    AUTO(rbac) rbac = rbac_new(api);
    AUTO(arena) arena = arena_new();
    struct user_info user = {.name = SV("bob"), .uid = SV(""), .groups = NULL, .group_count = 0};
    const struct cJSON *here = rbac_rules(rbac, &user, SV("default"), arena);
    const struct cJSON *there = rbac_rules(rbac, &user, SV("other"), arena);
    CHECK(json_count(json_get(here, SV("resourceRules"))) == 2);
    CHECK(json_count(json_get(there, SV("resourceRules"))) == 0);
}
