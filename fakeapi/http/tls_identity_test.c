/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/tls_identity.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "fakeapi/http/kubeconfig.h"
#include "fakeapi/server/rbac.h"

#include <gnutls/x509.h>

static const int64_t now_ms = INT64_C(1767225600000);

static gnutls_x509_crt_t certificate_of(struct sv pem) {
    gnutls_x509_crt_t certificate;
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem.ptr, (unsigned)pem.len};
    int code = gnutls_x509_crt_init(&certificate);
    assert(code >= 0);
    code = gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM);
    assert(code >= 0);
    return certificate;
}

static struct sv der_of(struct arena *arena, gnutls_x509_crt_t certificate) {
    gnutls_datum_t der;
    int code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der);
    assert(code >= 0);
    struct sv copy = arena_copy(arena, (struct sv){(const char *)der.data, der.size});
    gnutls_free(der.data);
    return copy;
}

TEST(the_authority_signs_server_and_administrator) {
    AUTO(arena) arena = arena_new();
    struct tls_identity identity;
    struct error err = {0};
    REQUIRE(tls_identity_make(arena, SV("10.1.2.3"), now_ms, &identity, &err));
    gnutls_x509_crt_t authority = certificate_of(identity.ca_certificate);
    const struct sv leaves[] = {identity.certificate, identity.admin_certificate};
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        gnutls_x509_crt_t leaf = certificate_of(leaves[i]);
        unsigned problems = 0;
        CHECK(gnutls_x509_crt_verify(leaf, &authority, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
                                     &problems) >= 0);
        CHECK(problems == 0);
        gnutls_x509_crt_deinit(leaf);
    }
    gnutls_x509_crt_deinit(authority);
}

TEST(the_server_is_known_by_its_addresses) {
    AUTO(arena) arena = arena_new();
    struct tls_identity identity;
    struct error err = {0};
    REQUIRE(tls_identity_make(arena, SV("10.1.2.3"), now_ms, &identity, &err));
    gnutls_x509_crt_t server = certificate_of(identity.certificate);
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "10.1.2.3",
                                        "kubernetes.default.svc"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++)
        CHECK(gnutls_x509_crt_check_hostname(server, hosts[i]));
    CHECK(!gnutls_x509_crt_check_hostname(server, "example.com"));
    gnutls_x509_crt_deinit(server);
}

TEST(a_certificate_names_its_user_and_groups) {
    AUTO(arena) arena = arena_new();
    struct tls_identity identity;
    struct error err = {0};
    struct user_info user;
    REQUIRE(tls_identity_make(arena, SV(""), now_ms, &identity, &err));
    gnutls_x509_crt_t admin = certificate_of(identity.admin_certificate);
    struct sv der = der_of(arena, admin);
    gnutls_x509_crt_deinit(admin);
    REQUIRE(tls_certificate_user(arena, der, &user));
    CHECK_SV(user.name, SV("kubernetes-admin"));
    CHECK(user_has_group(&user, SV("system:masters")));
    CHECK(user_has_group(&user, SV("system:authenticated")));
    for (size_t len = 0; len < der.len; len += 7)
        CHECK(!tls_certificate_user(arena, sv_prefix(der, len), &user));
}

TEST(a_kubeconfig_leads_to_the_server) {
    AUTO(arena) arena = arena_new();
    struct kubeconfig config = {SV("https://127.0.0.1:6443"), SV("PEM"), SV("secret")};
    struct sv text = kubeconfig_text(&config, arena);
    static const char *const lines[] = {"server: https://127.0.0.1:6443\n",
                                        "certificate-authority-data: UEVN\n", "token: secret\n",
                                        "current-context: crctl\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        CHECK(sv_contains(text, sv_from(lines[i])));
    config = (struct kubeconfig){SV("http://127.0.0.1:80"), SV(""), SV("")};
    text = kubeconfig_text(&config, arena);
    CHECK(!sv_contains(text, SV("certificate-authority-data")));
    CHECK(!sv_contains(text, SV("token")));
}
