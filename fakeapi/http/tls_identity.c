/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/tls_identity.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "fakeapi/server/rbac.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

enum {
    SERIAL_BYTES = 16,
    GROUPS_MAX = 64,
    NAME_BYTES_MAX = 1024,
    PEM_BYTES_MAX = 64 * 1024,
    VALID_DAYS = 3650,
};

static const int64_t day_s = 24 * 60 * 60;

struct signed_key {
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
};

static void release(struct signed_key *signed_key) {
    if (signed_key->certificate)
        gnutls_x509_crt_deinit(signed_key->certificate);
    if (signed_key->key)
        gnutls_x509_privkey_deinit(signed_key->key);
    *signed_key = (struct signed_key){0};
}

static bool check(int code, const char *what, struct error *err) {
    return code >= 0 || error_set(err, ERROR_INTERNAL, "making certificates: %s: %s", what,
                                  gnutls_strerror(code));
}

static bool set_names(gnutls_x509_crt_t certificate, const char *common_name,
                      const char *organization, struct error *err) {
    return check(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                               common_name, (unsigned)strlen(common_name)),
                 "common name", err) &&
           (!organization ||
            check(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                                organization, (unsigned)strlen(organization)),
                  "organization", err));
}

/* A fresh key and a certificate for it that is not signed yet. */
static bool begin(struct signed_key *made, const char *common_name, const char *organization,
                  int64_t now_ms, struct error *err) {
    unsigned char serial[SERIAL_BYTES];
    int64_t now_s = now_ms / 1000;
    *made = (struct signed_key){0};
    if (!check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)), "serial number", err) ||
        !check(gnutls_x509_crt_init(&made->certificate), "certificate", err) ||
        !check(gnutls_x509_privkey_init(&made->key), "key", err))
        return false;
    serial[0] &= 0x7f; /* a serial number is positive */
    return check(gnutls_x509_privkey_generate(made->key, GNUTLS_PK_ECDSA,
                                              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                 "key", err) &&
           check(gnutls_x509_crt_set_version(made->certificate, 3), "version", err) &&
           check(gnutls_x509_crt_set_serial(made->certificate, serial, sizeof(serial)), "serial",
                 err) &&
           check(gnutls_x509_crt_set_activation_time(made->certificate, now_s - 3600), "time",
                 err) &&
           check(gnutls_x509_crt_set_expiration_time(made->certificate, now_s + VALID_DAYS * day_s),
                 "time", err) &&
           check(gnutls_x509_crt_set_key(made->certificate, made->key), "key", err) &&
           set_names(made->certificate, common_name, organization, err);
}

static bool sign(struct signed_key *made, const struct signed_key *authority, struct error *err) {
    return check(gnutls_x509_crt_sign2(made->certificate, authority->certificate, authority->key,
                                       GNUTLS_DIG_SHA256, 0),
                 "signature", err);
}

static bool make_authority(struct signed_key *made, const char *name, int64_t now_ms,
                           struct error *err) {
    return begin(made, name, NULL, now_ms, err) &&
           check(gnutls_x509_crt_set_basic_constraints(made->certificate, 1, -1), "constraints",
                 err) &&
           check(gnutls_x509_crt_set_key_usage(made->certificate, GNUTLS_KEY_KEY_CERT_SIGN |
                                                                      GNUTLS_KEY_CRL_SIGN |
                                                                      GNUTLS_KEY_DIGITAL_SIGNATURE),
                 "usage", err) &&
           sign(made, made, err);
}

static bool add_host(gnutls_x509_crt_t certificate, const char *host, struct error *err) {
    unsigned char address[16];
    unsigned len = inet_pton(AF_INET, host, address) == 1    ? 4
                   : inet_pton(AF_INET6, host, address) == 1 ? 16
                                                             : 0;
    int code =
        len > 0 ? gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                       len, GNUTLS_FSAN_APPEND)
                : gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, host,
                                                       (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
    return check(code, "alternative name", err);
}

static bool make_leaf(struct signed_key *made, const struct signed_key *authority,
                      const char *common_name, const char *organization, const char *purpose,
                      int64_t now_ms, struct error *err) {
    return begin(made, common_name, organization, now_ms, err) &&
           check(gnutls_x509_crt_set_key_usage(made->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE),
                 "usage", err) &&
           check(gnutls_x509_crt_set_key_purpose_oid(made->certificate, purpose, 0), "purpose",
                 err) &&
           sign(made, authority, err);
}

static bool make_server(struct signed_key *made, const struct signed_key *authority, struct sv host,
                        struct arena *arena, int64_t now_ms, struct error *err) {
    static const char *const hosts[] = {
        "localhost",  "127.0.0.1",          "::1",
        "kubernetes", "kubernetes.default", "kubernetes.default.svc"};
    if (!begin(made, "kube-apiserver", NULL, now_ms, err))
        return false;
    for (size_t i = 0; i < COUNT_OF(hosts); i++)
        if (!add_host(made->certificate, hosts[i], err))
            return false;
    if (host.len > 0 && !add_host(made->certificate, arena_copy(arena, host).ptr, err))
        return false;
    return check(gnutls_x509_crt_set_key_usage(made->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE),
                 "usage", err) &&
           check(
               gnutls_x509_crt_set_key_purpose_oid(made->certificate, GNUTLS_KP_TLS_WWW_SERVER, 0),
               "purpose", err) &&
           sign(made, authority, err);
}

static bool write_pem(const struct signed_key *made, struct arena *arena,
                      struct sv *ret_certificate, struct sv *ret_key, struct error *err) {
    char pem[PEM_BYTES_MAX];
    size_t len = sizeof(pem);
    if (!check(gnutls_x509_crt_export(made->certificate, GNUTLS_X509_FMT_PEM, pem, &len), "export",
               err))
        return false;
    *ret_certificate = arena_copy(arena, (struct sv){pem, len});
    len = sizeof(pem);
    if (!check(gnutls_x509_privkey_export(made->key, GNUTLS_X509_FMT_PEM, pem, &len), "export",
               err))
        return false;
    *ret_key = arena_copy(arena, (struct sv){pem, len});
    return true;
}

/* What the server shows to aggregated API servers. An authority of its own: whoever has another
 * client certificate must not pass for the server there. */
static bool make_proxy(struct arena *arena, int64_t now_ms, struct tls_identity *identity,
                       struct error *err) {
    struct signed_key authority = {0}, client = {0};
    struct sv unused;
    bool is_made =
        make_authority(&authority, "crctl-front-proxy-ca", now_ms, err) &&
        make_leaf(&client, &authority, PROXY_NAME, NULL, GNUTLS_KP_TLS_WWW_CLIENT, now_ms, err) &&
        write_pem(&authority, arena, &identity->proxy_ca, &unused, err) &&
        write_pem(&client, arena, &identity->proxy_certificate, &identity->proxy_key, err);
    release(&authority);
    release(&client);
    return is_made;
}

bool tls_identity_make(struct arena *arena, struct sv host, int64_t now_ms,
                       struct tls_identity *ret_identity, struct error *err) {
    struct signed_key authority = {0}, server = {0}, admin = {0};
    struct tls_identity identity;
    bool is_made =
        make_authority(&authority, "crctl-ca", now_ms, err) &&
        make_server(&server, &authority, host, arena, now_ms, err) &&
        make_leaf(&admin, &authority, "kubernetes-admin", "system:masters",
                  GNUTLS_KP_TLS_WWW_CLIENT, now_ms, err) &&
        write_pem(&authority, arena, &identity.authority_certificate, &identity.authority_key,
                  err) &&
        write_pem(&server, arena, &identity.certificate, &identity.key, err) &&
        write_pem(&admin, arena, &identity.admin_certificate, &identity.admin_key, err) &&
        make_proxy(arena, now_ms, &identity, err);
    release(&authority);
    release(&server);
    release(&admin);
    if (!is_made)
        return false;
    identity.ca_certificate = identity.authority_certificate;
    identity.client_ca = identity.authority_certificate;
    *ret_identity = identity;
    return true;
}

static bool read_name(gnutls_x509_crt_t certificate, const char *oid, unsigned index,
                      struct arena *arena, struct sv *ret_name) {
    char name[NAME_BYTES_MAX];
    size_t len = sizeof(name);
    if (gnutls_x509_crt_get_dn_by_oid(certificate, oid, index, 0, name, &len) < 0)
        return false;
    *ret_name = arena_copy(arena, (struct sv){name, len});
    return true;
}

bool tls_certificate_user(struct arena *arena, struct sv der, struct user_info *ret_user) {
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) < 0)
        return false;
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)der.ptr, (unsigned)der.len};
    struct sv *groups = ARENA_ARRAY(arena, struct sv, GROUPS_MAX + 1);
    struct user_info user = {.uid = SV(""), .groups = groups};
    bool is_named = gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_DER) >= 0 &&
                    read_name(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, arena, &user.name);
    while (is_named && user.group_count < GROUPS_MAX &&
           read_name(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, (unsigned)user.group_count,
                     arena, &groups[user.group_count]))
        user.group_count++;
    gnutls_x509_crt_deinit(certificate);
    if (!is_named)
        return false;
    groups[user.group_count++] = SV("system:authenticated");
    *ret_user = user;
    return true;
}

struct sv random_text(struct arena *arena, size_t byte_count) {
    unsigned char *bytes = arena_alloc(arena, byte_count);
    int code = gnutls_rnd(GNUTLS_RND_KEY, bytes, byte_count);
    assert(code >= 0);
    struct sv text = SV("");
    for (size_t i = 0; i < byte_count; i++)
        text = arena_printf(arena, "%.*s%02x", SV_ARG(text), bytes[i]);
    return text;
}
