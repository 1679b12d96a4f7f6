/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/certificate_signer.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/cluster/authority.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/server/certificate_request.h"
#include "fakeapi/server/rbac.h"

#include <gnutls/x509.h>

static const int64_t now_ms = INT64_C(1767225600000);

/* CN ann, O team. */
#define REQUEST                                                                                    \
    "-----BEGIN CERTIFICATE REQUEST-----\n"                                                        \
    "MIHXMH8CAQAwHTENMAsGA1UECgwEdGVhbTEMMAoGA1UEAwwDYW5uMFkwEwYHKoZI\n"                           \
    "zj0CAQYIKoZIzj0DAQcDQgAEGkdwMPC+McWV9hGfaNGhiwYqKzNY0y/0dWF4HOCZ\n"                           \
    "n5LV0iQquMTYRmGVGfI1CMq31ItYm2iih3WFJIXJZQ+sBKAAMAoGCCqGSM49BAMC\n"                           \
    "A0gAMEUCIQCzaL13rdGay/oK+YPWFbnt/zKcQNct6nOoikQi5IiwpAIgZtBi/A53\n"                           \
    "h/nzDJ6HscPA+We4wk/mOvncVuv6T1QJM5M=\n"                                                       \
    "-----END CERTIFICATE REQUEST-----\n"

/* CN system:node:n1, O system:nodes; DNS n1, IP 10.0.0.1. */
#define NAMED_REQUEST                                                                              \
    "-----BEGIN CERTIFICATE REQUEST-----\n"                                                        \
    "MIIBEDCBuAIBADAwMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFzAVBgNVBAMMDnN5\n"                           \
    "c3RlbTpub2RlOm4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdw5uA8BGt1gO\n"                           \
    "Yyt/qesXSx6DE896vHSZ2umShOIf8fYRoqRDMuRhx8JB2/2oRW8V/szegT64hW7P\n"                           \
    "IeZ43nXJvKAmMCQGCSqGSIb3DQEJDjEXMBUwEwYDVR0RBAwwCoICbjGHBAoAAAEw\n"                           \
    "CgYIKoZIzj0EAwIDRwAwRAIgdYfNTXpYWfhtCGyQAzK19pyY2pn0howHl5w7KYNB\n"                           \
    "K6ICIFtJoiXpTfl0C1FJHDUor+v4odwjUZKbKPxKy8stMmv/\n"                                           \
    "-----END CERTIFICATE REQUEST-----\n"

static const struct {
    const char *request, *usages;
    int64_t lifetime_s;
    const char *mistake; /* how the error begins; "": it is signed */
} cases[] = {
    {REQUEST, "[\"client auth\"]", 3600, ""},
    {REQUEST, "[\"client auth\",\"digital signature\"]", 365 * 24 * 3600, ""},
    {REQUEST, "[\"client auth\",\"flying\"]", 3600, "unrecognized usage \"flying\""},
    {"nonsense", "[\"client auth\"]", 3600, "signing a certificate: the request cannot be read: "},
};

static void check_certificate(struct arena *arena, const struct tls_identity *identity,
                              struct sv pem, int64_t lifetime_s) {
    gnutls_x509_crt_t certificate, authority;
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem.ptr, (unsigned)pem.len};
    const gnutls_datum_t root = {(unsigned char *)(uintptr_t)identity->ca_certificate.ptr,
                                 (unsigned)identity->ca_certificate.len};
    unsigned problems = 0;
    gnutls_datum_t der;
    struct user_info user;
    REQUIRE(gnutls_x509_crt_init(&certificate) >= 0 && gnutls_x509_crt_init(&authority) >= 0);
    REQUIRE(gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM) >= 0);
    REQUIRE(gnutls_x509_crt_import(authority, &root, GNUTLS_X509_FMT_PEM) >= 0);
    CHECK(gnutls_x509_crt_verify(certificate, &authority, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
                                 &problems) >= 0);
    CHECK(problems == 0);
    CHECK(gnutls_x509_crt_get_ca_status(certificate, NULL) == 0);
    int64_t end_s = gnutls_x509_crt_get_expiration_time(certificate);
    CHECK(end_s <= now_ms / 1000 + lifetime_s && end_s >= now_ms / 1000 + lifetime_s - 300);
    REQUIRE(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der) >= 0);
    CHECK(tls_certificate_user(arena, (struct sv){(const char *)der.data, der.size}, &user));
    CHECK_SV(user.name, SV("ann"));
    CHECK_SV(user.groups[0], SV("team"));
    gnutls_free(der.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_crt_deinit(authority);
}

TEST(a_request_becomes_a_certificate_of_its_subject) {
    AUTO(arena) arena = arena_new();
    struct tls_identity identity;
    struct error made = {0};
    REQUIRE(tls_identity_make(arena, SV(""), now_ms, &identity, &made));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct sv pem = SV("");
        struct certificate_order order = {
            .request = sv_from(cases[i].request),
            .usages = json_read(arena, sv_from(cases[i].usages), &err),
            .lifetime_s = cases[i].lifetime_s,
            .now_ms = now_ms,
        };
        bool is_signed = certificate_sign(&identity, &order, arena, &pem, &err);
        CHECK(is_signed == (cases[i].mistake[0] == '\0'));
        if (is_signed)
            check_certificate(arena, &identity, pem, cases[i].lifetime_s);
        else
            CHECK(sv_starts_with(sv_from(err.message), sv_from(cases[i].mistake)));
    }
}

static const struct {
    const char *pem, *mistake; /* "": it is read */
    const char *name, *organization;
    size_t dns_count, ip_count;
} readings[] = {
    {REQUEST, "", "ann", "team", 0, 0},
    {NAMED_REQUEST, "", "system:node:n1", "system:nodes", 1, 1},
    {"nonsense", "PEM block type must be CERTIFICATE REQUEST", "", "", 0, 0},
    {"", "PEM block type must be CERTIFICATE REQUEST", "", "", 0, 0},
};

TEST(a_request_tells_for_whom_it_is) {
    for (size_t i = 0; i < COUNT_OF(readings); i++) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct certificate_request request = {.common_name = SV("")};
        bool is_read = certificate_request_read(sv_from(readings[i].pem), arena, &request, &err);
        CHECK(is_read == (readings[i].mistake[0] == '\0'));
        CHECK_SV(sv_from(err.message), sv_from(readings[i].mistake));
        CHECK_SV(request.common_name, sv_from(readings[i].name));
        if (is_read)
            CHECK_SV(request.organizations[0], sv_from(readings[i].organization));
        CHECK(request.organization_count == is_read);
        CHECK(request.dns_count == readings[i].dns_count);
        CHECK(request.ip_count == readings[i].ip_count);
        CHECK(request.email_count + request.uri_count == 0);
    }
}

/* One byte that is not as it was signed: it is refused, wherever it stands. */
TEST(a_request_that_was_changed_is_none) {
    for (size_t at = 60; at < sizeof(NAMED_REQUEST) - 60; at += 7) {
        AUTO(arena) arena = arena_new();
        struct error err = {0};
        struct certificate_request request;
        char pem[] = NAMED_REQUEST;
        if (pem[at] == '\n')
            continue;
        pem[at] = pem[at] == 'A' ? 'B' : 'A';
        CHECK(!certificate_request_read(sv_from(pem), arena, &request, &err));
        CHECK(err.message[0] != '\0');
    }
}
