/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/certificate_signer.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/cluster/authority.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/server/certificate_request.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

enum {
    SERIAL_BYTES = 16,
    PEM_BYTES_MAX = 64 * 1024,
    /* Of one part of a subject, and how many are looked at; nodes have one each. */
    SUBJECT_BYTES_MAX = 4096,
    ORGANIZATIONS_MAX = 64,
    ALTERNATIVE_NAMES_MAX = 1024,
    /* Clocks differ; as kube-controller-manager. */
    BACKDATE_S = 5 * 60,
    SHORT_LIFE_S = 8 * 60 * 60,
};

/* What one call works on. */
struct signing {
    const struct certificate_order *order;
    gnutls_x509_crq_t request;
    gnutls_x509_crt_t certificate, authority;
    gnutls_x509_privkey_t key;
};

static bool check(int code, const char *what, struct error *err) {
    return code >= 0 || error_set(err, ERROR_INVALID, "signing a certificate: %s: %s", what,
                                  gnutls_strerror(code));
}

static gnutls_datum_t datum(struct sv text) {
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text.ptr, (unsigned)text.len};
}

static bool read_all(struct signing *signing, const struct tls_identity *identity,
                     struct error *err) {
    const gnutls_datum_t request = datum(signing->order->request);
    const gnutls_datum_t authority = datum(identity->authority_certificate);
    const gnutls_datum_t key = datum(identity->authority_key);
    return check(gnutls_x509_crq_init(&signing->request), "request", err) &&
           check(gnutls_x509_crt_init(&signing->certificate), "certificate", err) &&
           check(gnutls_x509_crt_init(&signing->authority), "authority", err) &&
           check(gnutls_x509_privkey_init(&signing->key), "key", err) &&
           check(gnutls_x509_crq_import(signing->request, &request, GNUTLS_X509_FMT_PEM),
                 "the request cannot be read", err) &&
           check(gnutls_x509_crq_verify(signing->request, 0), "the request's own signature", err) &&
           check(gnutls_x509_crt_import(signing->authority, &authority, GNUTLS_X509_FMT_PEM),
                 "authority", err) &&
           check(gnutls_x509_privkey_import(signing->key, &key, GNUTLS_X509_FMT_PEM), "key", err);
}

static void release(struct signing *signing) {
    if (signing->request)
        gnutls_x509_crq_deinit(signing->request);
    if (signing->certificate)
        gnutls_x509_crt_deinit(signing->certificate);
    if (signing->authority)
        gnutls_x509_crt_deinit(signing->authority);
    if (signing->key)
        gnutls_x509_privkey_deinit(signing->key);
}

static const struct {
    struct sv name;
    unsigned flag;       /* of the key usage; 0: it is a purpose */
    const char *purpose; /* an object identifier */
} usages[] = {
    {{"signing", 7}, GNUTLS_KEY_DIGITAL_SIGNATURE, NULL},
    {{"digital signature", 17}, GNUTLS_KEY_DIGITAL_SIGNATURE, NULL},
    {{"content commitment", 18}, GNUTLS_KEY_NON_REPUDIATION, NULL},
    {{"key encipherment", 16}, GNUTLS_KEY_KEY_ENCIPHERMENT, NULL},
    {{"key agreement", 13}, GNUTLS_KEY_KEY_AGREEMENT, NULL},
    {{"data encipherment", 17}, GNUTLS_KEY_DATA_ENCIPHERMENT, NULL},
    {{"cert sign", 9}, GNUTLS_KEY_KEY_CERT_SIGN, NULL},
    {{"crl sign", 8}, GNUTLS_KEY_CRL_SIGN, NULL},
    {{"encipher only", 13}, GNUTLS_KEY_ENCIPHER_ONLY, NULL},
    {{"decipher only", 13}, GNUTLS_KEY_DECIPHER_ONLY, NULL},
    {{"any", 3}, 0, GNUTLS_KP_ANY},
    {{"server auth", 11}, 0, GNUTLS_KP_TLS_WWW_SERVER},
    {{"client auth", 11}, 0, GNUTLS_KP_TLS_WWW_CLIENT},
    {{"code signing", 12}, 0, GNUTLS_KP_CODE_SIGNING},
    {{"email protection", 16}, 0, GNUTLS_KP_EMAIL_PROTECTION},
    {{"s/mime", 6}, 0, GNUTLS_KP_EMAIL_PROTECTION},
    {{"timestamping", 12}, 0, GNUTLS_KP_TIME_STAMPING},
    {{"ocsp signing", 12}, 0, GNUTLS_KP_OCSP_SIGNING},
};

static bool add_usages(struct signing *signing, struct error *err) {
    unsigned flags = 0;
    JSON_EACH (usage, signing->order->usages) {
        size_t i = 0;
        while (i < COUNT_OF(usages) && !sv_eq(usages[i].name, json_text(usage)))
            i++;
        if (i == COUNT_OF(usages))
            return error_set(err, ERROR_INVALID, "unrecognized usage \"%.*s\"",
                             SV_ARG(json_text(usage)));
        flags |= usages[i].flag;
        if (usages[i].purpose &&
            !check(gnutls_x509_crt_set_key_purpose_oid(signing->certificate, usages[i].purpose, 0),
                   "purpose", err))
            return false;
    }
    return flags == 0 ||
           check(gnutls_x509_crt_set_key_usage(signing->certificate, flags), "usage", err);
}

static bool set_times(struct signing *signing, struct error *err) {
    int64_t now_s = signing->order->now_ms / 1000, life_s = signing->order->lifetime_s;
    int64_t end_s = now_s + life_s - (life_s < SHORT_LIFE_S ? 0 : BACKDATE_S);
    int64_t last_s = gnutls_x509_crt_get_expiration_time(signing->authority);
    return check(gnutls_x509_crt_set_activation_time(signing->certificate, now_s - BACKDATE_S),
                 "time", err) &&
           check(gnutls_x509_crt_set_expiration_time(signing->certificate,
                                                     end_s < last_s ? end_s : last_s),
                 "time", err);
}

static bool fill(struct signing *signing, struct error *err) {
    unsigned char serial[SERIAL_BYTES];
    if (!check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)), "serial number", err))
        return false;
    serial[0] &= 0x7f; /* a serial number is positive */
    int names = gnutls_x509_crt_set_crq_extension_by_oid(signing->certificate, signing->request,
                                                         GNUTLS_X509EXT_OID_SAN, 0);
    bool has_no_names = names == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
    return check(gnutls_x509_crt_set_crq(signing->certificate, signing->request), "subject", err) &&
           (has_no_names || check(names, "alternative names", err)) &&
           check(gnutls_x509_crt_set_version(signing->certificate, 3), "version", err) &&
           check(gnutls_x509_crt_set_serial(signing->certificate, serial, sizeof(serial)),
                 "serial number", err) &&
           check(gnutls_x509_crt_set_basic_constraints(signing->certificate, 0, -1), "constraints",
                 err) &&
           set_times(signing, err) && add_usages(signing, err);
}

bool certificate_sign(const struct tls_identity *identity, const struct certificate_order *order,
                      struct arena *arena, struct sv *ret_certificate, struct error *err) {
    struct signing signing = {.order = order};
    char pem[PEM_BYTES_MAX];
    size_t len = sizeof(pem);
    bool is_signed =
        read_all(&signing, identity, err) && fill(&signing, err) &&
        check(gnutls_x509_crt_sign2(signing.certificate, signing.authority, signing.key,
                                    GNUTLS_DIG_SHA256, 0),
              "signature", err) &&
        check(gnutls_x509_crt_export(signing.certificate, GNUTLS_X509_FMT_PEM, pem, &len), "export",
              err);
    release(&signing);
    if (is_signed)
        *ret_certificate = arena_copy(arena, (struct sv){pem, len});
    return is_signed;
}

/* --- reading --- */

static bool is_request_pem(struct sv pem) {
    static const char begin[] = "-----BEGIN CERTIFICATE REQUEST-----";
    static const char begin_new[] = "-----BEGIN NEW CERTIFICATE REQUEST-----";
    bool is_other = memmem(pem.ptr, pem.len, begin_new, sizeof(begin_new) - 1) != NULL;
    return !is_other && memmem(pem.ptr, pem.len, begin, sizeof(begin) - 1) != NULL;
}

/* SV("") when there are not so many. */
static struct sv subject_part(gnutls_x509_crq_t request, const char *oid, unsigned index,
                              struct arena *arena) {
    char text[SUBJECT_BYTES_MAX];
    size_t len = sizeof(text);
    if (gnutls_x509_crq_get_dn_by_oid(request, oid, index, 0, text, &len) < 0)
        return SV("");
    return arena_copy(arena, (struct sv){text, len});
}

static void read_subject(gnutls_x509_crq_t request, struct arena *arena,
                         struct certificate_request *ret_request) {
    struct sv *organizations = ARENA_ARRAY(arena, struct sv, ORGANIZATIONS_MAX);
    struct sv name = SV("");
    size_t count = 0;
    for (; count < ORGANIZATIONS_MAX; count++) {
        name = subject_part(request, GNUTLS_OID_X520_ORGANIZATION_NAME, (unsigned)count, arena);
        if (name.len == 0)
            break;
        organizations[count] = name;
    }
    ret_request->organizations = organizations;
    ret_request->organization_count = count;
    ret_request->common_name = subject_part(request, GNUTLS_OID_X520_COMMON_NAME, 0, arena);
}

static void count_names(gnutls_x509_crq_t request, struct certificate_request *ret_request) {
    char name[SUBJECT_BYTES_MAX];
    for (unsigned i = 0; i < ALTERNATIVE_NAMES_MAX; i++) {
        size_t len = sizeof(name);
        unsigned type = 0;
        int code = gnutls_x509_crq_get_subject_alt_name(request, i, name, &len, &type, NULL);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return;
        ret_request->dns_count += type == GNUTLS_SAN_DNSNAME;
        ret_request->email_count += type == GNUTLS_SAN_RFC822NAME;
        ret_request->ip_count += type == GNUTLS_SAN_IPADDRESS;
        ret_request->uri_count += type == GNUTLS_SAN_URI;
    }
}

bool certificate_request_read(struct sv pem, struct arena *arena,
                              struct certificate_request *ret_request, struct error *err) {
    const gnutls_datum_t data = datum(pem);
    gnutls_x509_crq_t request = NULL;
    struct certificate_request read = {.common_name = SV("")};
    if (!is_request_pem(pem))
        return error_set(err, ERROR_INVALID, "PEM block type must be CERTIFICATE REQUEST");
    if (gnutls_x509_crq_init(&request) < 0)
        return error_set(err, ERROR_INVALID, "the request cannot be read");
    int code = gnutls_x509_crq_import(request, &data, GNUTLS_X509_FMT_PEM);
    if (code >= 0)
        code = gnutls_x509_crq_verify(request, 0);
    if (code >= 0) {
        read_subject(request, arena, &read);
        count_names(request, &read);
    }
    gnutls_x509_crq_deinit(request);
    if (code < 0)
        return error_set(err, ERROR_INVALID, "%s", gnutls_strerror(code));
    *ret_request = read;
    return true;
}
