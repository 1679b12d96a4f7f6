/* SPDX-License-Identifier: Apache-2.0 */
/* The roles and bindings of a fresh cluster, as far as people and controllers refer to them. */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/rbac.h"

#define READ "[\"get\",\"list\",\"watch\"]"
#define WRITE "[\"create\",\"delete\",\"deletecollection\",\"patch\",\"update\"]"
#define ALL "[\"*\"]"
#define RULE(verbs, groups, resources)                                                             \
    "{\"verbs\":" verbs ",\"apiGroups\":[" groups "],\"resources\":[" resources "]}"
#define PATHS(paths) "{\"verbs\":[\"get\"],\"nonResourceURLs\":[" paths "]}"

/* What an application consists of. */
#define CORE_RESOURCES                                                                             \
    "\"configmaps\",\"endpoints\",\"events\",\"persistentvolumeclaims\",\"pods\","                 \
    "\"replicationcontrollers\",\"replicationcontrollers/scale\",\"services\",\"serviceaccounts\""
#define GROUPS                                                                                     \
    "\"apps\",\"autoscaling\",\"batch\",\"discovery.k8s.io\",\"networking.k8s.io\",\"policy\""
#define GROUP_RESOURCES                                                                            \
    "\"controllerrevisions\",\"cronjobs\",\"daemonsets\",\"deployments\",\"deployments/scale\","   \
    "\"endpointslices\",\"horizontalpodautoscalers\",\"ingresses\",\"jobs\",\"networkpolicies\","  \
    "\"poddisruptionbudgets\",\"replicasets\",\"replicasets/scale\",\"statefulsets\","             \
    "\"statefulsets/scale\""
#define VIEW_RULES                                                                                 \
    RULE(READ, "\"\"",                                                                             \
         CORE_RESOURCES ",\"pods/log\",\"pods/status\",\"namespaces\","                            \
                        "\"limitranges\",\"resourcequotas\"")                                      \
    "," RULE(READ, GROUPS, GROUP_RESOURCES)
#define OWN_EDIT_RULES RULE(WRITE, "\"\"", CORE_RESOURCES ",\"secrets\",\"pods/eviction\"") ","
#define STREAM_RULES                                                                               \
    RULE("[\"create\",\"get\"]", "\"\"", "\"pods/attach\",\"pods/exec\",\"pods/portforward\"") ","
#define ACCOUNT_RULES RULE("[\"create\"]", "\"\"", "\"serviceaccounts/token\"") ","
#define GROUP_EDIT_RULES RULE(WRITE, GROUPS, GROUP_RESOURCES) ","
#define LEASE_RULES RULE(ALL, "\"coordination.k8s.io\"", "\"leases\"") ","
#define SECRET_RULES RULE(READ, "\"\"", "\"secrets\"") ","
#define EDIT_RULES                                                                                 \
    OWN_EDIT_RULES STREAM_RULES ACCOUNT_RULES GROUP_EDIT_RULES LEASE_RULES SECRET_RULES VIEW_RULES
#define ROLE_RULES RULE(ALL, "\"rbac.authorization.k8s.io\"", "\"roles\",\"rolebindings\"") ","
#define ADMIN_RULES ROLE_RULES EDIT_RULES

#define SCHEDULER_EVENT_RULES                                                                      \
    RULE("[\"create\",\"patch\",\"update\"]", "\"\",\"events.k8s.io\"", "\"events\"") ","
#define SCHEDULER_LEASE_RULES                                                                      \
    RULE("[\"create\",\"get\",\"list\",\"update\",\"watch\"]", "\"coordination.k8s.io\"",          \
         "\"leases\"")                                                                             \
    ","
#define SCHEDULER_POD_RULES RULE("[\"delete\",\"get\",\"list\",\"watch\"]", "\"\"", "\"pods\"") ","
#define SCHEDULER_BINDING_RULES RULE("[\"create\"]", "\"\"", "\"bindings\",\"pods/binding\"") ","
#define SCHEDULER_STATUS_RULES RULE("[\"patch\",\"update\"]", "\"\"", "\"pods/status\"") ","
#define SCHEDULER_CORE_RULES                                                                       \
    RULE(READ, "\"\"",                                                                             \
         "\"nodes\",\"replicationcontrollers\",\"services\",\"persistentvolumes\",\"namespaces\"") \
    ","
#define SCHEDULER_APP_RULES RULE(READ, "\"apps\"", "\"replicasets\",\"statefulsets\"") ","
#define SCHEDULER_BUDGET_RULES RULE(READ, "\"policy\"", "\"poddisruptionbudgets\"") ","
#define SCHEDULER_CLAIM_RULES                                                                      \
    RULE("[\"get\",\"list\",\"patch\",\"update\",\"watch\"]", "\"\"",                              \
         "\"persistentvolumeclaims\"")                                                             \
    ","
#define SCHEDULER_STORAGE_RULES                                                                    \
    RULE(READ, "\"storage.k8s.io\"",                                                               \
         "\"csinodes\",\"csidrivers\",\"csistoragecapacities\",\"storageclasses\","                \
         "\"volumeattachments\"")
#define SCHEDULER_RULES                                                                            \
    SCHEDULER_EVENT_RULES SCHEDULER_LEASE_RULES SCHEDULER_POD_RULES SCHEDULER_BINDING_RULES        \
        SCHEDULER_STATUS_RULES SCHEDULER_CORE_RULES SCHEDULER_APP_RULES SCHEDULER_BUDGET_RULES     \
            SCHEDULER_CLAIM_RULES SCHEDULER_STORAGE_RULES

#define SIGNING_REQUESTS(subresource)                                                              \
    RULE("[\"create\"]", "\"certificates.k8s.io\"", "\"certificatesigningrequests" subresource "\"")
/* Approves what is asked of one of Kubernetes' own signers. */
#define APPROVER(signer)                                                                           \
    {                                                                                              \
        "system:certificates.k8s.io:" signer "-approver", NULL,                                    \
            "{\"verbs\":[\"approve\"],\"apiGroups\":[\"certificates.k8s.io\"],\"resources\":["     \
            "\"signers\"],\"resourceNames\":[\"kubernetes.io/" signer "\"]}"                       \
    }

/* Roles that another one collects, by the label that it looks for. */
static const struct {
    const char *name, *label;
} collected[] = {
    {"edit", "rbac.authorization.k8s.io/aggregate-to-admin"},
    {"view", "rbac.authorization.k8s.io/aggregate-to-edit"},
};

static const struct {
    const char *name;
    const char *aggregate_to; /* a role collects the roles with this label; NULL: none */
    const char *rules;
} roles[] = {
    {"cluster-admin", NULL,
     RULE(ALL, "\"*\"", "\"*\"") ",{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}"},
    {"admin", "rbac.authorization.k8s.io/aggregate-to-admin", ADMIN_RULES},
    {"edit", "rbac.authorization.k8s.io/aggregate-to-edit", EDIT_RULES},
    {"view", "rbac.authorization.k8s.io/aggregate-to-view", VIEW_RULES},
    {"system:basic-user", NULL,
     RULE("[\"create\"]", "\"authorization.k8s.io\"",
          "\"selfsubjectaccessreviews\",\"selfsubjectrulesreviews\"") "," RULE("[\"create\"]",
                                                                               "\"authentication."
                                                                               "k8s.io\"",
                                                                               "\"selfsubjectreview"
                                                                               "s\"")},
    {"system:discovery", NULL,
     PATHS("\"/api\",\"/api/*\",\"/apis\",\"/apis/*\",\"/healthz\",\"/livez\",\"/openapi\","
           "\"/openapi/*\",\"/readyz\",\"/version\",\"/version/\"")},
    {"system:public-info-viewer", NULL,
     PATHS("\"/healthz\",\"/livez\",\"/readyz\",\"/version\",\"/version/\"")},
    {"system:monitoring", NULL,
     PATHS("\"/healthz\",\"/healthz/*\",\"/livez\",\"/livez/*\",\"/metrics\",\"/readyz\","
           "\"/readyz/*\"")},
    {"system:auth-delegator", NULL,
     RULE("[\"create\"]", "\"authentication.k8s.io\"", "\"tokenreviews\"") "," RULE(
         "[\"create\"]", "\"authorization.k8s.io\"", "\"subjectaccessreviews\"")},
    {"system:service-account-issuer-discovery", NULL,
     PATHS("\"/.well-known/openid-configuration\",\"/.well-known/openid-configuration/\","
           "\"/openid/v1/jwks\",\"/openid/v1/jwks/\"")},
    {"system:kube-scheduler", NULL, SCHEDULER_RULES},
    {"system:node-bootstrapper", NULL,
     RULE("[\"create\",\"get\",\"list\",\"watch\"]", "\"certificates.k8s.io\"",
          "\"certificatesigningrequests\"")},
    {"system:certificates.k8s.io:certificatesigningrequests:nodeclient", NULL,
     SIGNING_REQUESTS("/nodeclient")},
    {"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", NULL,
     SIGNING_REQUESTS("/selfnodeclient")},
    APPROVER("kube-apiserver-client"),
    APPROVER("kube-apiserver-client-kubelet"),
    APPROVER("kubelet-serving"),
    APPROVER("legacy-unknown"),
};

static const struct {
    const char *name, *group, *user; /* one of both */
} bindings[] = {
    {"cluster-admin", "system:masters", NULL},
    {"system:basic-user", "system:authenticated", NULL},
    {"system:discovery", "system:authenticated", NULL},
    {"system:public-info-viewer", "system:authenticated", NULL},
    {"system:public-info-viewer", "system:unauthenticated", NULL},
    {"system:monitoring", "system:monitoring", NULL},
    {"system:service-account-issuer-discovery", "system:serviceaccounts", NULL},
    {"system:kube-scheduler", NULL, "system:kube-scheduler"},
};

static void create(struct fakeapi *api, const char *plural, struct sv namespace_name,
                   struct sv text, struct arena *arena) {
    struct error err = {0};
    const struct cJSON *body = json_read(arena, text, &err);
    assert(body);
    struct request request = {
        .verb = VERB_CREATE,
        .group = SV("rbac.authorization.k8s.io"),
        .version = SV("v1"),
        .plural = sv_from(plural),
        .namespace_name = namespace_name,
        .body = body,
    };
    struct api_response response;
    fakeapi_handle(api, &request, SV("kube-apiserver"), arena, &response);
    assert(response.http_status == 201 || response.http_status == 409);
}

static struct sv metadata_of(const char *name, struct arena *arena) {
    struct sv more = SV("");
    for (size_t i = 0; i < COUNT_OF(collected); i++)
        if (strcmp(collected[i].name, name) == 0)
            more = arena_printf(arena, ",\"%s\":\"true\"", collected[i].label);
    return arena_printf(
        arena,
        "\"metadata\":{\"name\":\"%s\",\"labels\":{\"kubernetes.io/bootstrapping\":"
        "\"rbac-defaults\"%.*s},\"annotations\":{\"rbac.authorization.kubernetes.io/"
        "autoupdate\":\"true\"}}",
        name, SV_ARG(more));
}

static void create_role(struct fakeapi *api, size_t index, struct arena *arena) {
    struct sv aggregation =
        roles[index].aggregate_to
            ? arena_printf(arena,
                           ",\"aggregationRule\":{\"clusterRoleSelectors\":[{\"matchLabels\":{"
                           "\"%s\":\"true\"}}]}",
                           roles[index].aggregate_to)
            : SV("");
    create(api, "clusterroles", SV(""),
           arena_printf(arena, "{%.*s,\"rules\":[%s]%.*s}",
                        SV_ARG(metadata_of(roles[index].name, arena)), roles[index].rules,
                        SV_ARG(aggregation)),
           arena);
}

/* All subjects of one role stand in one binding that has the role's name. */
static void create_binding(struct fakeapi *api, size_t first, struct arena *arena) {
    struct sv subjects = SV("");
    for (size_t i = first; i < COUNT_OF(bindings); i++)
        if (strcmp(bindings[i].name, bindings[first].name) == 0)
            subjects = arena_printf(arena,
                                    "%.*s%s{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":"
                                    "\"%s\",\"name\":\"%s\"}",
                                    SV_ARG(subjects), i > first ? "," : "",
                                    bindings[i].user ? "User" : "Group",
                                    bindings[i].user ? bindings[i].user : bindings[i].group);
    create(api, "clusterrolebindings", SV(""),
           arena_printf(arena,
                        "{%.*s,\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":"
                        "\"ClusterRole\",\"name\":\"%s\"},\"subjects\":[%.*s]}",
                        SV_ARG(metadata_of(bindings[first].name, arena)), bindings[first].name,
                        SV_ARG(subjects)),
           arena);
}

/* What lets aggregated API servers read who asks them. */
static void create_reader(struct fakeapi *api, struct arena *arena) {
    create(api, "roles", SV("kube-system"),
           arena_printf(arena,
                        "{%.*s,\"rules\":[{\"verbs\":" READ ",\"apiGroups\":[\"\"],\"resources\":["
                        "\"configmaps\"],\"resourceNames\":[\"extension-apiserver-authentication"
                        "\"]}]}",
                        SV_ARG(metadata_of("extension-apiserver-authentication-reader", arena))),
           arena);
}

void rbac_create_defaults(struct fakeapi *api) {
    AUTO(arena) arena = arena_new();
    create_reader(api, arena);
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        create_role(api, i, arena);
    for (size_t i = 0; i < COUNT_OF(bindings); i++)
        if (i == 0 || strcmp(bindings[i - 1].name, bindings[i].name) != 0)
            create_binding(api, i, arena);
}
