/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/certificate_approver.h"

#include "core/base/test.h"
#include "fakeapi/cluster/authority_fixture.h"
#include "fakeapi/cluster/certificate_cleaner.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/rbac.h"

/* "system:nodes system:node:n", and "team ann". */
#define NODE "c3lzdGVtOm5vZGVzIHN5c3RlbTpub2RlOm4="
#define ANN "dGVhbSBhbm4="
#define KUBELET "kubernetes.io/kube-apiserver-client-kubelet"
#define SERVING "kubernetes.io/kubelet-serving"
#define SIGNING(request, signer, usage)                                                            \
    "{\"apiVersion\":\"certificates.k8s.io/v1\",\"kind\":\"CertificateSigningRequest\","           \
    "\"metadata\":{\"name\":\"c\"},\"spec\":{\"signerName\":\"" signer "\",\"usages\":[\"" usage   \
    "\",\"digital signature\"],\"request\":\"" request "\"}}"
#define KUBELETS SIGNING(NODE, KUBELET, "client auth")

#define SELF "Auto approving self kubelet client certificate after SubjectAccessReview."
#define OTHER "Auto approving kubelet client certificate after SubjectAccessReview."

static const struct {
    const char *request, *user, *subresource; /* what the user may create; "": nothing */
    const char *message;                      /* of the approval; "": there is none */
} cases[] = {
    {KUBELETS, "system:node:n", "selfnodeclient", SELF},
    {KUBELETS, "system:node:n", "nodeclient", OTHER},
    {KUBELETS, "system:bootstrap:a", "nodeclient", OTHER},
    /* A name of one's own is not that of others. */
    {KUBELETS, "system:bootstrap:a", "selfnodeclient", ""},
    {KUBELETS, "system:node:n", "", ""},
    {SIGNING(ANN, KUBELET, "client auth"), "ann", "nodeclient", ""},
    {SIGNING(NODE, KUBELET, "server auth"), "system:node:n", "nodeclient", ""},
    {SIGNING(NODE, SERVING, "server auth"), "system:node:n", "nodeclient", ""},
};

static void create_as(struct world *world, struct arena *arena, const char *user,
                      const char *object) {
    struct error err = {0};
    struct api_response response;
    const struct user_info info = {.name = sv_from(user), .uid = SV("")};
    struct request request =
        request_to(VERB_CREATE, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""), SV(""));
    request.body = json_read(arena, sv_from(object), &err);
    CHECK(fakeapi_handle_as(world_api(world), &request,
                            &(struct caller){.user_agent = SV("test"), .user = &info}, arena,
                            &response));
    CHECK(response.http_status == 201);
}

static void bind(struct world *world, struct arena *arena, const char *user,
                 const char *subresource) {
    static const struct resource roles = {.group = SV("rbac.authorization.k8s.io"),
                                          .version = SV("v1"),
                                          .plural = SV("clusterroles"),
                                          .kind = SV("ClusterRole")};
    static const struct resource bindings = {.group = SV("rbac.authorization.k8s.io"),
                                             .version = SV("v1"),
                                             .plural = SV("clusterrolebindings"),
                                             .kind = SV("ClusterRoleBinding")};
    struct sv role = arena_printf(
        arena,
        "{\"metadata\":{\"name\":\"asks\"},\"rules\":[{\"apiGroups\":[\"certificates.k8s.io\"],"
        "\"resources\":[\"certificatesigningrequests/%s\"],\"verbs\":[\"create\"]}]}",
        subresource);
    struct sv binding = arena_printf(
        arena,
        "{\"metadata\":{\"name\":\"asks\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
        "\"kind\":\"ClusterRole\",\"name\":\"asks\"},\"subjects\":[{\"kind\":\"User\","
        "\"apiGroup\":\"rbac.authorization.k8s.io\",\"name\":\"%s\"}]}",
        user);
    CHECK(fixture_create(world, arena, &roles, role.ptr) == 201);
    CHECK(fixture_create(world, arena, &bindings, binding.ptr) == 201);
}

static const struct cJSON *get_signing(struct world *world, struct arena *arena) {
    struct request request =
        request_to(VERB_GET, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""), SV("c"));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return response.http_status == 200 ? response.body : NULL;
}

static void check_approval(struct world *world, struct arena *arena, const char *message) {
    const struct cJSON *signing = get_signing(world, arena);
    const struct cJSON *approved = object_condition(signing, SV("Approved"));
    CHECK_SV(json_string_or(approved, SV("message"), SV("")), sv_from(message));
    CHECK_SV(json_string_or(approved, SV("reason"), SV("")),
             message[0] ? SV("AutoApproved") : SV(""));
    CHECK((json_find_string(signing, "status.certificate").len > 0) == (message[0] != '\0'));
}

TEST(kubelets_get_client_certificates_when_they_may_ask) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world_with_authority();
        AUTO(rbac) rbac = rbac_new(world_api(world));
        fakeapi_set_authorizer(world_api(world), rbac);
        if (cases[i].subresource[0])
            bind(world, arena, cases[i].user, cases[i].subresource);
        create_as(world, arena, cases[i].user, cases[i].request);
        fixture_run_ms(world, 1000);
        check_approval(world, arena, cases[i].message);
        fakeapi_set_authorizer(world_api(world), NULL);
    }
}

/* It is asked again, ever more rarely. */
TEST(a_role_may_be_bound_later) {
    AUTO(arena) arena = arena_new();
    AUTO(world) world = fixture_world_with_authority();
    AUTO(rbac) rbac = rbac_new(world_api(world));
    fakeapi_set_authorizer(world_api(world), rbac);
    create_as(world, arena, "system:node:n", KUBELETS);
    fixture_run_ms(world, 2000);
    check_approval(world, arena, "");
    bind(world, arena, "system:node:n", "nodeclient");
    fixture_run_ms(world, 4000);
    check_approval(world, arena, OTHER);
    fakeapi_set_authorizer(world_api(world), NULL);
}

/* --- what becomes of them --- */

static const struct {
    const char *request, *verdict;
    int64_t kept_ms;
} kept[] = {
    {KUBELETS, "", CERTIFICATE_DECIDED_KEPT_MS}, /* approved and signed at once */
    {SIGNING(NODE, SERVING, "server auth"), "", CERTIFICATE_PENDING_KEPT_MS},
    {SIGNING(NODE, SERVING, "server auth"), "Denied", CERTIFICATE_DECIDED_KEPT_MS},
    {SIGNING(NODE, SERVING, "server auth"), "Approved", CERTIFICATE_DECIDED_KEPT_MS}, /* fails */
    {SIGNING(NODE, "example.com/s", "server auth"), "Approved", 0}, /* waits for its signer */
};

TEST(requests_go_when_nobody_needs_them_any_more) {
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world_with_authority();
        create_as(world, arena, "system:node:n", kept[i].request);
        if (kept[i].verdict[0]) {
            struct error err = {0};
            struct sv patch = arena_printf(
                arena, "{\"status\":{\"conditions\":[{\"type\":\"%s\",\"status\":\"True\"}]}}",
                kept[i].verdict);
            struct request request =
                agent_merge_patch(&RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""), SV("c"),
                                  SV("approval"), json_read(arena, patch, &err));
            CHECK(fixture_send(world, arena, &request) == 200);
        }
        int64_t kept_ms = kept[i].kept_ms ? kept[i].kept_ms : 2 * CERTIFICATE_PENDING_KEPT_MS;
        fixture_run_ms(world, kept_ms - 1000);
        CHECK(get_signing(world, arena) != NULL);
        fixture_run_ms(world, 4000);
        CHECK((get_signing(world, arena) == NULL) == (kept[i].kept_ms > 0));
    }
}
