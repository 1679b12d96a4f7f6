/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/certificate_controller.h"

#include "core/base/test.h"
#include "fakeapi/cluster/authority_fixture.h"

/* A signing request of CN ann, O team, as kubectl sends it. */
#define REQUEST                                                                                    \
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWE1IOENBUUF3SFRFTk1Bc0dBMVVFQ2d3"         \
    "RWRHVmhiVEVNTUFvR0ExVUVBd3dEWVc1dU1Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVH"         \
    "a2R3TVBDK01jV1Y5aEdmYU5HaGl3WXFLek5ZMHkvMGRXRjRIT0NaCm41TFYwaVFxdU1UWVJtR1ZHZkkxQ01x"         \
    "MzFJdFltMmlpaDNXRkpJWEpaUStzQktBQU1Bb0dDQ3FHU000OUJBTUMKQTBnQU1FVUNJUUN6YUwxM3JkR2F5"         \
    "L29LK1lQV0ZibnQvektjUU5jdDZuT29pa1FpNUlpd3BBSWdadEJpL0E1MwpoL256REo2SHNjUEErV2U0d2sv"         \
    "bU92bmNWdXY2VDFRSk01TT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="

/* "system:nodes system:node:n", and the same with an alternative name; "team system:node:n". */
#define NODE "c3lzdGVtOm5vZGVzIHN5c3RlbTpub2RlOm4="
#define NODE_NAMED "c3lzdGVtOm5vZGVzIHN5c3RlbTpub2RlOm4gbi5leGFtcGxlLmNvbQ=="
#define NO_NODE "dGVhbSBzeXN0ZW06bm9kZTpu"

#define SIGNING(signer, usages, more) SIGNING_OF(REQUEST, signer, usages, more)
#define SIGNING_OF(request, signer, usages, more)                                                  \
    "{\"apiVersion\":\"certificates.k8s.io/v1\",\"kind\":\"CertificateSigningRequest\","           \
    "\"metadata\":{\"name\":\"c\"},\"spec\":{\"signerName\":\"" signer "\",\"usages\":[" usages    \
    "],\"request\":\"" request "\"" more "}}"

#define CLIENT "kubernetes.io/kube-apiserver-client"
#define KUBELET "kubernetes.io/kube-apiserver-client-kubelet"
#define SERVING "kubernetes.io/kubelet-serving"

static const struct {
    const char *request, *verdict;
    const char *certificate; /* how it begins; "": there is none */
    const char *failure;     /* the message of the condition Failed; "": it is not there */
} cases[] = {
    {SIGNING(CLIENT, "\"client auth\"", ""), "Approved", "signed for 31536000 s: ", ""},
    {SIGNING(CLIENT, "\"client auth\"", ",\"expirationSeconds\":600"), "Approved",
     "signed for 600 s: ", ""},
    {SIGNING(CLIENT, "\"client auth\"", ""), "Denied", "", ""},
    {SIGNING(CLIENT, "\"client auth\"", ""), "", "", ""},
    {SIGNING("example.com/signer", "\"client auth\"", ""), "Approved", "", ""},
    {SIGNING(CLIENT, "\"server auth\"", ""), "Approved", "",
     "invalid usage for client certificate: server auth"},
    {SIGNING(CLIENT, "\"digital signature\"", ""), "Approved", "",
     "missing required usage for client certificate: client auth"},
    {SIGNING_OF(NODE, KUBELET, "\"client auth\",\"digital signature\"", ""), "Approved",
     "signed for 31536000 s: ", ""},
    {SIGNING_OF(NODE, KUBELET, "\"client auth\"", ""), "Approved", "",
     "usages did not match [client auth digital signature key encipherment]"},
    {SIGNING_OF(NO_NODE, KUBELET, "\"client auth\",\"digital signature\"", ""), "Approved", "",
     "subject organization is not system:nodes"},
    {SIGNING_OF(NODE_NAMED, KUBELET, "\"client auth\",\"digital signature\"", ""), "Approved", "",
     "DNS subjectAltNames are not allowed"},
    {SIGNING_OF(NODE_NAMED, SERVING, "\"server auth\",\"digital signature\"", ""), "Approved",
     "signed for 31536000 s: ", ""},
    {SIGNING_OF(NODE_NAMED, SERVING, "\"client auth\",\"digital signature\"", ""), "Approved", "",
     "usages did not match [digital signature key encipherment server auth]"},
    {SIGNING_OF(NODE, SERVING, "\"server auth\",\"digital signature\"", ""), "Approved", "",
     "DNS or IP subjectAltName is required"},
};

/* As `kubectl certificate` does it. */
static void decide(struct world *world, struct arena *arena, const char *verdict) {
    struct cJSON *patch = json_map(arena);
    struct cJSON *status = json_ensure_map(arena, patch, SV("status"));
    struct cJSON *condition =
        json_append(json_ensure_list(arena, status, SV("conditions")), json_map(arena));
    json_set_string(arena, condition, SV("type"), sv_from(verdict));
    json_set_string(arena, condition, SV("status"), SV("True"));
    json_set_string(arena, condition, SV("reason"), SV("Test"));
    struct request request = agent_merge_patch(&RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""),
                                               SV("c"), SV("approval"), patch);
    CHECK(fixture_send(world, arena, &request) == 200);
}

static const struct cJSON *get_signing(struct world *world, struct arena *arena) {
    struct request request =
        request_to(VERB_GET, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS, SV(""), SV("c"));
    struct api_response response;
    fakeapi_handle(world_api(world), &request, SV("test"), arena, &response);
    return response.body;
}

/* The cluster approves what kubelets ask for by itself, where everybody may do everything. */
static bool is_approved_already(struct world *world, struct arena *arena) {
    fixture_run_ms(world, 10);
    return object_condition_is_true(get_signing(world, arena), SV("Approved"));
}

TEST(what_is_approved_is_signed_when_its_signer_is_ours) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(world) world = fixture_world_with_authority();
        CHECK(fixture_create(world, arena, &RESOURCE_CERTIFICATE_SIGNING_REQUESTS,
                             cases[i].request) == 201);
        if (cases[i].verdict[0] && !is_approved_already(world, arena))
            decide(world, arena, cases[i].verdict);
        fixture_run_ms(world, 1000);
        const struct cJSON *signing = get_signing(world, arena);
        struct sv certificate = fixture_decode(arena, signing, SV("status"), SV("certificate"));
        CHECK((certificate.len == 0) == (cases[i].certificate[0] == '\0'));
        CHECK(sv_starts_with(certificate, sv_from(cases[i].certificate)));
        const struct cJSON *failed = object_condition(signing, SV("Failed"));
        CHECK_SV(json_string_or(failed, SV("message"), SV("")), sv_from(cases[i].failure));
        CHECK(object_condition_is_true(signing, SV("Approved")) ==
              (strcmp(cases[i].verdict, "Approved") == 0));
    }
}
