/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/server/certificate_request.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/server_fixture.h"

#define REQUESTS "certificates.k8s.io/v1/certificatesigningrequests"
#define CLIENT "kubernetes.io/kube-apiserver-client"
/* "team" and "system:masters": what the reader below takes for organizations. */
#define TEAM "dGVhbQ=="
#define MASTERS "c3lzdGVtOm1hc3RlcnM="
#define SPEC(request, signer, usages, more)                                                        \
    "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"request\":\"" request                              \
    "\",\"signerName\":\"" signer "\",\"usages\":[" usages "]" more "}}"

static bool read_organization(struct sv pem, struct arena *arena,
                              struct certificate_request *ret_request, struct error *err) {
    struct sv *organizations = ARENA_ARRAY(arena, struct sv, 1);
    organizations[0] = pem;
    *ret_request = (struct certificate_request){
        .common_name = SV("ann"), .organizations = organizations, .organization_count = 1};
    return !sv_eq(pem, SV("none")) || error_set(err, ERROR_INVALID, "no request");
}

static struct fakeapi *reading_api(void) {
    struct fakeapi *api = fixture_api();
    fakeapi_set_certificate_reader(api, read_organization);
    return api;
}

static const struct {
    const char *request;
    int http_status;
    const char *field, *message; /* of the first cause; without a field of the Status */
} asked[] = {
    {SPEC(TEAM, CLIENT, "\"client auth\"", ""), 201, "", ""},
    {SPEC("bm9uZQ==", CLIENT, "\"client auth\"", ""), 422, "spec.request",
     "Invalid value: \"bm9uZQ==\": no request"},
    {SPEC(TEAM, CLIENT, "", ""), 422, "spec.usages", "Required value"},
    {SPEC(TEAM, CLIENT, "\"client auth\",\"client auth\"", ""), 422, "spec.usages[1]",
     "Duplicate value: \"client auth\""},
    {SPEC(TEAM, CLIENT, "\"flying\"", ""), 422, "spec.usages[0]",
     "Unsupported value: \"flying\": supported values: \"any\", \"cert sign\", \"client auth\", "
     "\"code signing\", \"content commitment\", \"crl sign\", \"data encipherment\", \"decipher "
     "only\", \"digital signature\", \"email protection\", \"encipher only\", \"ipsec end "
     "system\", \"ipsec tunnel\", \"ipsec user\", \"key agreement\", \"key encipherment\", "
     "\"microsoft sgc\", \"netscape sgc\", \"ocsp signing\", \"s/mime\", \"server auth\", "
     "\"signing\", \"timestamping\""},
    {SPEC(TEAM, "", "\"client auth\"", ""), 422, "spec.signerName", "Required value"},
    {SPEC(TEAM, "signer", "\"client auth\"", ""), 422, "spec.signerName",
     "Invalid value: \"signer\": must be a fully qualified domain and path of the form "
     "'example.com/signer-name'"},
    {SPEC(TEAM, "example/s", "\"client auth\"", ""), 422, "spec.signerName",
     "Invalid value: \"example\": should be a domain with at least two segments separated by dots"},
    {SPEC(TEAM, "kubernetes.io/legacy-unknown", "\"client auth\"", ""), 422, "spec.signerName",
     "Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed via "
     "this API version"},
    {SPEC(TEAM, CLIENT, "\"client auth\"", ",\"expirationSeconds\":599"), 422,
     "spec.expirationSeconds",
     "Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"},
    {SPEC(MASTERS, CLIENT, "\"client auth\"", ""), 403, "",
     "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: use of "
     "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"},
    {SPEC(MASTERS, "example.com/s", "\"client auth\"", ""), 201, "", ""},
};

TEST(not_every_certificate_can_be_asked_for) {
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = reading_api();
        struct api_response response = fixture_create(api, arena, REQUESTS, "", asked[i].request);
        CHECK(response.http_status == asked[i].http_status);
        CHECK_SV(json_find_string(response.body, "details.causes.0.field"),
                 sv_from(asked[i].field));
        if (asked[i].message[0])
            CHECK_SV(json_find_string(response.body,
                                      asked[i].field[0] ? "details.causes.0.message" : "message"),
                     sv_from(asked[i].message));
    }
}

static struct api_response write_as(struct fakeapi *api, struct arena *arena,
                                    const struct user_info *user, const char *subresource,
                                    const char *patch) {
    struct request request = fixture_request(VERB_PATCH, REQUESTS, "", "r");
    struct api_response response;
    request.subresource = sv_from(subresource);
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, patch);
    bool is_answered = fakeapi_handle_as(
        api, &request, &(struct caller){.user_agent = SV("test"), .user = user}, arena, &response);
    CHECK(is_answered);
    return response;
}

#define CONDITIONS(conditions) "{\"status\":{\"conditions\":[" conditions "]}}"
#define IS(type) "{\"type\":\"" type "\",\"status\":\"True\",\"reason\":\"R\"}"
#define CERTIFICATE(text) "{\"status\":{\"certificate\":\"" text "\"}}"

/* One after the other. */
static const struct {
    const char *subresource, *patch;
    int http_status;
    const char *message; /* of the first cause */
} written[] = {
    {"status", CONDITIONS(IS("Approved")), 422,
     "Forbidden: updates may not add a condition of type \"Approved\""},
    {"status", CONDITIONS(IS("Denied")), 422,
     "Forbidden: updates may not add a condition of type \"Denied\""},
    {"approval", CONDITIONS("{\"type\":\"\",\"status\":\"True\"}"), 422, "Required value"},
    {"approval", CONDITIONS("{\"type\":\"X\",\"status\":\"Maybe\"}"), 422,
     "Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\""},
    {"approval", CONDITIONS(IS("Approved") "," IS("Approved")), 422,
     "Duplicate value: \"Approved\""},
    {"approval", CONDITIONS(IS("Approved")), 200, ""},
    {"approval", CONDITIONS(IS("Denied")), 422,
     "Forbidden: updates may not remove a condition of type \"Approved\""},
    {"status", CONDITIONS(""), 422,
     "Forbidden: updates may not remove a condition of type \"Approved\""},
    {"status", CERTIFICATE("b25l"), 200, ""},
    {"status", CERTIFICATE("b25l"), 200, ""},
    {"status", CERTIFICATE("dHdv"), 422,
     "Forbidden: updates may not modify existing certificate content"},
    {"status", CONDITIONS(IS("Approved") "," IS("Failed")), 200, ""},
    {"approval", CONDITIONS(IS("Approved")), 422,
     "Forbidden: updates may not remove a condition of type \"Failed\""},
};

TEST(approval_and_status_each_change_their_own) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = reading_api();
    fixture_create(api, arena, REQUESTS, "", SPEC(TEAM, CLIENT, "\"client auth\"", ""));
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        struct api_response response =
            write_as(api, arena, NULL, written[i].subresource, written[i].patch);
        CHECK(response.http_status == written[i].http_status);
        CHECK_SV(json_find_string(response.body, "details.causes.0.message"),
                 sv_from(written[i].message));
    }
    struct api_response response =
        write_as(api, arena, NULL, "",
                 "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"signerName\":\"x.io/y\"}}");
    CHECK_SV(json_find_string(response.body, "spec.signerName"), SV(CLIENT));
    CHECK_SV(json_find_string(response.body, "metadata.labels.a"), SV("b"));
    CHECK_SV(json_find_string(response.body, "status.certificate"), SV("b25l"));
}

#define SIGNER_ROLE(verb, name)                                                                    \
    "{\"metadata\":{\"name\":\"signers\"},\"rules\":[{\"apiGroups\":[\"certificates.k8s.io\"],"    \
    "\"resources\":[\"signers\"],\"resourceNames\":[\"" name "\"],\"verbs\":[\"" verb "\"]}]}"
#define SIGNER_BINDING                                                                             \
    "{\"metadata\":{\"name\":\"signers\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s."     \
    "io\","                                                                                        \
    "\"kind\":\"ClusterRole\",\"name\":\"signers\"},\"subjects\":[{\"kind\":\"User\","             \
    "\"apiGroup\":"                                                                                \
    "\"rbac.authorization.k8s.io\",\"name\":\"ann\"}]}"

static const struct {
    const char *role, *subresource, *patch, *message; /* "": it is taken */
} permitted[] = {
    {SIGNER_ROLE("approve", CLIENT), "approval", CONDITIONS(IS("Approved")), ""},
    {SIGNER_ROLE("approve", "kubernetes.io/*"), "approval", CONDITIONS(IS("Approved")), ""},
    {SIGNER_ROLE("sign", CLIENT), "approval", CONDITIONS(IS("Approved")),
     "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: user not permitted to "
     "approve requests with signerName \"" CLIENT "\""},
    {SIGNER_ROLE("sign", CLIENT), "status", CERTIFICATE("b25l"), ""},
    {SIGNER_ROLE("approve", CLIENT), "status", CERTIFICATE("b25l"),
     "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: user not permitted to "
     "sign requests with signerName \"" CLIENT "\""},
    {SIGNER_ROLE("approve", CLIENT), "status", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", ""},
};

TEST(who_approves_and_signs_is_allowed_to_for_the_signer) {
    static const struct user_info ann = {.name = {"ann", 3}, .uid = {"", 0}};
    for (size_t i = 0; i < COUNT_OF(permitted); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = reading_api();
        AUTO(rbac) rbac = rbac_new(api);
        fixture_create(api, arena, REQUESTS, "", SPEC(TEAM, CLIENT, "\"client auth\"", ""));
        fixture_create(api, arena, "rbac.authorization.k8s.io/v1/clusterroles", "",
                       permitted[i].role);
        fixture_create(api, arena, "rbac.authorization.k8s.io/v1/clusterrolebindings", "",
                       SIGNER_BINDING);
        fakeapi_set_authorizer(api, rbac);
        struct api_response response =
            write_as(api, arena, &ann, permitted[i].subresource, permitted[i].patch);
        CHECK(response.http_status == (permitted[i].message[0] ? 403 : 200));
        CHECK_SV(fixture_message(&response), sv_from(permitted[i].message));
        fakeapi_set_authorizer(api, NULL);
    }
}
