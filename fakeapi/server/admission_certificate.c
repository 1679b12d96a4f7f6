/* SPDX-License-Identifier: Apache-2.0 */
/* CertificateSigningRequests: what may be asked for, who approves and who signs. Approval and
 * status each change their own part, and what was decided stays. */
#include "core/api/api_time.h"
#include "core/api/condition.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/validate.h"
#include "fakeapi/server/certificate_request.h"
#include "fakeapi/server/review.h"
#include "fakeapi/server/server_parts.h"

enum { EXPIRATION_SECONDS_MIN = 600, SIGNER_DOMAIN_BYTES_MAX = 253 };

#define APPROVED SV("Approved")
#define DENIED SV("Denied")
#define FAILED SV("Failed")

static bool refuse_findings(struct call *call, const struct cJSON *tree,
                            const struct findings *findings) {
    return refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(tree), findings);
}

/* --- a new request --- */

static void judge_usages(struct arena *arena, const struct cJSON *usages,
                         struct findings *findings) {
    static const struct sv known[] = {
        SV("any"),
        SV("cert sign"),
        SV("client auth"),
        SV("code signing"),
        SV("content commitment"),
        SV("crl sign"),
        SV("data encipherment"),
        SV("decipher only"),
        SV("digital signature"),
        SV("email protection"),
        SV("encipher only"),
        SV("ipsec end system"),
        SV("ipsec tunnel"),
        SV("ipsec user"),
        SV("key agreement"),
        SV("key encipherment"),
        SV("microsoft sgc"),
        SV("netscape sgc"),
        SV("ocsp signing"),
        SV("s/mime"),
        SV("server auth"),
        SV("signing"),
        SV("timestamping"),
    };
    static const char supported[] =
        "\"any\", \"cert sign\", \"client auth\", \"code signing\", \"content commitment\", "
        "\"crl sign\", \"data encipherment\", \"decipher only\", \"digital signature\", "
        "\"email protection\", \"encipher only\", \"ipsec end system\", \"ipsec tunnel\", "
        "\"ipsec user\", \"key agreement\", \"key encipherment\", \"microsoft sgc\", "
        "\"netscape sgc\", \"ocsp signing\", \"s/mime\", \"server auth\", \"signing\", "
        "\"timestamping\"";
    struct json_index seen = json_index_of(arena, json_map(arena));
    size_t index = 0;
    if (json_count(usages) == 0)
        findings_add(arena, findings, SV("spec.usages"), "FieldValueRequired", NULL,
                     "Required value");
    JSON_EACH (usage, usages) {
        struct sv name = json_text(usage);
        struct sv field = arena_printf(arena, "spec.usages[%zu]", index++);
        if (sv_index_of(name, known, COUNT_OF(known)) == COUNT_OF(known))
            findings_add(arena, findings, field, "FieldValueNotSupported", NULL,
                         "Unsupported value: \"%.*s\": supported values: %s", SV_ARG(name),
                         supported);
        if (json_index_is_seen_again(&seen, name))
            findings_add(arena, findings, field, "FieldValueDuplicate", NULL,
                         "Duplicate value: \"%.*s\"", SV_ARG(name));
    }
}

static void judge_signer_segment(struct arena *arena, struct sv segment,
                                 const char *(*check)(struct sv text), struct findings *findings) {
    struct sv rest = segment;
    for (bool is_last = false; !is_last;) {
        is_last = !memchr(rest.ptr, '.', rest.len);
        struct sv label = sv_cut(&rest, '.');
        const char *fault = check(label);
        if (!fault)
            continue;
        findings_add(arena, findings, SV("spec.signerName"), "FieldValueInvalid", NULL,
                     "Invalid value: \"%.*s\": validating label \"%.*s\": %s", SV_ARG(segment),
                     SV_ARG(label), fault);
        return;
    }
}

static void judge_signer_parts(struct arena *arena, struct sv domain, struct sv path,
                               struct findings *findings) {
    static const struct sv field = SV("spec.signerName");
    if (domain.len > SIGNER_DOMAIN_BYTES_MAX)
        findings_add(arena, findings, field, "FieldValueTooLong", NULL,
                     "Too long: may not be more than %d bytes", SIGNER_DOMAIN_BYTES_MAX);
    judge_signer_segment(arena, domain, check_dns_label, findings);
    if (!memchr(domain.ptr, '.', domain.len))
        findings_add(arena, findings, field, "FieldValueInvalid", NULL,
                     "Invalid value: \"%.*s\": should be a domain with at least two segments "
                     "separated by dots",
                     SV_ARG(domain));
    judge_signer_segment(arena, path, check_dns_subdomain, findings);
}

static void judge_signer(struct arena *arena, struct sv name, struct findings *findings) {
    static const struct sv field = SV("spec.signerName");
    struct sv path = name;
    struct sv domain = sv_cut(&path, '/');
    bool has_one_slash = domain.len < name.len && !memchr(path.ptr, '/', path.len);
    if (name.len == 0)
        findings_add(arena, findings, field, "FieldValueRequired", NULL, "Required value");
    else if (sv_eq(name, SV("kubernetes.io/legacy-unknown")))
        findings_add(arena, findings, field, "FieldValueInvalid", NULL,
                     "Invalid value: \"%.*s\": the legacy signerName is not allowed via this API "
                     "version",
                     SV_ARG(name));
    else if (!has_one_slash)
        findings_add(arena, findings, field, "FieldValueInvalid", NULL,
                     "Invalid value: \"%.*s\": must be a fully qualified domain and path of the "
                     "form 'example.com/signer-name'",
                     SV_ARG(name));
    else
        judge_signer_parts(arena, domain, path, findings);
}

static void judge_expiration(struct arena *arena, const struct cJSON *tree,
                             struct findings *findings) {
    int64_t seconds = json_find_int(tree, "spec.expirationSeconds", EXPIRATION_SECONDS_MIN);
    if (seconds < EXPIRATION_SECONDS_MIN)
        findings_add(arena, findings, SV("spec.expirationSeconds"), "FieldValueInvalid", NULL,
                     "Invalid value: %lld: may not specify a duration less than 600 seconds (10 "
                     "minutes)",
                     (long long)seconds);
}

/* False and a finding when it is none. Nobody reads requests where there is no reader. */
static bool read_request(struct call *call, const struct cJSON *tree,
                         struct certificate_request *ret_request, struct findings *findings) {
    struct error err = {0};
    struct sv text = json_find_string(tree, "spec.request");
    struct sv pem = SV("");
    *ret_request = (struct certificate_request){.common_name = SV("")};
    if (!call->api->read_certificate)
        return true;
    if (base64_decode(call->arena, text, &pem) &&
        call->api->read_certificate(pem, call->arena, ret_request, &err))
        return true;
    findings_add(call->arena, findings, SV("spec.request"), "FieldValueInvalid", NULL,
                 "Invalid value: \"%.*s\": %s", SV_ARG(text), err.message);
    return false;
}

/* Who asks for a certificate is the server's to say. */
static void stamp_user(struct call *call, struct cJSON *tree) {
    static const struct sv own[] = {SV("username"), SV("uid"), SV("groups"), SV("extra")};
    struct cJSON *spec = json_ensure_map(call->arena, tree, SV("spec"));
    for (size_t i = 0; i < COUNT_OF(own); i++)
        json_remove(spec, own[i]);
    set_user_info(call->arena, spec, call_user(call));
}

/* Nobody becomes an administrator this way. */
static bool check_subject(struct call *call, const struct cJSON *tree,
                          const struct certificate_request *request) {
    if (!sv_eq(json_find_string(tree, "spec.signerName"),
               SV("kubernetes.io/kube-apiserver-client")))
        return true;
    for (size_t i = 0; i < request->organization_count; i++)
        if (sv_eq(request->organizations[i], SV("system:masters"))) {
            refuse_forbidden(call, object_name(tree),
                             SV("use of kubernetes.io/kube-apiserver-client signer with "
                                "system:masters group is not allowed"));
            return false;
        }
    return true;
}

bool admit_signing_request(struct call *call, struct cJSON *tree) {
    struct findings findings = {0};
    struct certificate_request request;
    stamp_user(call, tree);
    bool is_read = read_request(call, tree, &request, &findings);
    judge_usages(call->arena, json_find(tree, "spec.usages"), &findings);
    judge_signer(call->arena, json_find_string(tree, "spec.signerName"), &findings);
    judge_expiration(call->arena, tree, &findings);
    if (is_read && !check_subject(call, tree, &request))
        return false;
    return findings.count == 0 || refuse_findings(call, tree, &findings);
}

/* --- conditions --- */

/* When a condition was written, and since when it is so, unless the writer says it. */
static void set_condition_times(struct call *call, const struct cJSON *old,
                                struct cJSON *conditions) {
    struct sv now = api_time_format(call->now_ms, call->arena);
    struct json_index olds =
        json_index_of_items(call->arena, json_find(old, "status.conditions"), SV("type"));
    JSON_EACH (condition, conditions) {
        const struct cJSON *before = json_index_get(&olds, json_find_string(condition, "type"));
        struct sv since = condition_since(before, json_find_string(condition, "status"), now);
        if (!json_is_string(json_get(condition, SV("lastUpdateTime"))))
            json_set_string(call->arena, condition, SV("lastUpdateTime"), now);
        if (!json_is_string(json_get(condition, SV("lastTransitionTime"))))
            json_set_string(call->arena, condition, SV("lastTransitionTime"), since);
    }
}

static bool is_final(struct sv type) {
    static const struct sv final[] = {APPROVED, DENIED, FAILED};
    return sv_index_of(type, final, COUNT_OF(final)) < COUNT_OF(final);
}

static void judge_condition_status(struct arena *arena, const struct cJSON *condition,
                                   struct sv field, struct findings *findings) {
    static const struct sv statuses[] = {SV("True"), SV("False"), SV("Unknown")};
    struct sv status = json_find_string(condition, "status");
    bool is_true_only = is_final(json_find_string(condition, "type"));
    size_t count = is_true_only ? 1 : COUNT_OF(statuses);
    if (status.len == 0)
        findings_add(arena, findings, field, "FieldValueRequired", NULL, "Required value");
    else if (sv_index_of(status, statuses, count) == count)
        findings_add(arena, findings, field, "FieldValueNotSupported", NULL,
                     "Unsupported value: \"%.*s\": supported values: %s", SV_ARG(status),
                     is_true_only ? "\"True\"" : "\"False\", \"True\", \"Unknown\"");
}

static void judge_conditions(struct arena *arena, const struct cJSON *conditions,
                             struct findings *findings) {
    struct json_index seen = json_index_of(arena, json_map(arena));
    size_t index = 0;
    JSON_EACH (condition, conditions) {
        struct sv type = json_find_string(condition, "type");
        struct sv place = arena_printf(arena, "status.conditions[%zu]", index++);
        struct sv opposite = sv_eq(type, APPROVED) ? DENIED : APPROVED;
        if (type.len == 0)
            findings_add(arena, findings, ARENA_JOIN(arena, place, SV(".type")),
                         "FieldValueRequired", NULL, "Required value");
        judge_condition_status(arena, condition, ARENA_JOIN(arena, place, SV(".status")), findings);
        if ((sv_eq(type, APPROVED) || sv_eq(type, DENIED)) && json_index_get(&seen, opposite))
            findings_add(arena, findings, SV("status.conditions"), "FieldValueInvalid", NULL,
                         "Invalid value: \"%.*s\": Approved and Denied conditions are mutually "
                         "exclusive",
                         SV_ARG(type));
        if (json_index_is_seen_again(&seen, type))
            findings_add(arena, findings, ARENA_JOIN(arena, place, SV(".type")),
                         "FieldValueDuplicate", NULL, "Duplicate value: \"%.*s\"", SV_ARG(type));
    }
}

static void judge_kept(struct arena *arena, const struct cJSON *before, const struct cJSON *now,
                       struct findings *findings) {
    static const struct sv final[] = {APPROVED, DENIED, FAILED};
    for (size_t i = 0; i < COUNT_OF(final); i++)
        if (condition_find(before, final[i]) && !condition_find(now, final[i]))
            findings_add(arena, findings, SV("status.conditions"), "FieldValueForbidden", NULL,
                         "Forbidden: updates may not remove a condition of type \"%.*s\"",
                         SV_ARG(final[i]));
}

/* --- who may --- */

/* Signers are asked for by name, and all those of a domain by "domain/" and a star. What the
 * cluster does itself is not asked. */
static bool check_signer(struct call *call, const struct cJSON *old, struct sv verb) {
    struct sv signer = json_find_string(old, "spec.signerName");
    struct sv rest = signer, reason;
    struct sv domain = sv_cut(&rest, '/');
    struct access access = {
        .verb = verb,
        .group = SV("certificates.k8s.io"),
        .plural = SV("signers"),
        .subresource = SV(""),
        .namespace_name = SV(""),
        .name = signer,
        .path = SV(""),
    };
    struct rbac *rbac = call->api->rbac;
    if (!rbac || call->user.name.len == 0 ||
        rbac_allows(rbac, &call->user, &access, call->arena, &reason))
        return true;
    access.name = ARENA_JOIN(call->arena, domain, SV("/*"));
    if (rbac_allows(rbac, &call->user, &access, call->arena, &reason))
        return true;
    refuse_forbidden(call, object_name(old),
                     arena_printf(call->arena,
                                  "user not permitted to %.*s requests with signerName \"%.*s\"",
                                  SV_ARG(verb), SV_ARG(signer)));
    return false;
}

/* --- approval --- */

bool take_approval(struct call *call, const struct cJSON *old, const struct cJSON *sent,
                   struct cJSON *tree) {
    static const struct sv members[] = {SV("labels"), SV("annotations"), SV("finalizers"),
                                        SV("ownerReferences")};
    const struct cJSON *conditions = json_find(sent, "status.conditions");
    struct cJSON *metadata = json_get(tree, SV("metadata"));
    struct findings findings = {0};
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const struct cJSON *member = json_get(json_get(sent, SV("metadata")), members[i]);
        json_remove(metadata, members[i]);
        if (member)
            json_set(call->arena, metadata, members[i], json_copy(call->arena, member));
    }
    struct cJSON *taken = conditions ? json_copy(call->arena, conditions) : json_list(call->arena);
    judge_conditions(call->arena, taken, &findings);
    judge_kept(call->arena, json_find(old, "status.conditions"), taken, &findings);
    if (findings.count > 0)
        return refuse_findings(call, old, &findings);
    set_condition_times(call, old, taken);
    struct cJSON *status = json_ensure_map(call->arena, tree, SV("status"));
    if (json_count(taken) > 0)
        json_set(call->arena, status, SV("conditions"), taken);
    return json_equal(json_find(old, "status.conditions"), taken) ||
           check_signer(call, old, SV("approve"));
}

/* --- status --- */

/* Whether one is approved or denied stays as it was: that is the other path's. */
static void judge_verdicts(struct arena *arena, const struct cJSON *before, struct cJSON *now,
                           struct findings *findings) {
    static const struct sv verdicts[] = {APPROVED, DENIED};
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        const struct cJSON *old = condition_find(before, verdicts[i]);
        struct cJSON *condition = condition_find(now, verdicts[i]);
        if (condition && old)
            json_replace(now, condition, json_copy(arena, old));
        else if (condition)
            findings_add(arena, findings, SV("status.conditions"), "FieldValueForbidden", NULL,
                         "Forbidden: updates may not add a condition of type \"%.*s\"",
                         SV_ARG(verdicts[i]));
    }
}

static void judge_certificate(struct arena *arena, const struct cJSON *old,
                              const struct cJSON *tree, struct findings *findings) {
    struct sv before = json_find_string(old, "status.certificate");
    struct sv now = json_find_string(tree, "status.certificate");
    if (before.len > 0 && !sv_eq(before, now))
        findings_add(arena, findings, SV("status.certificate"), "FieldValueForbidden", NULL,
                     "Forbidden: updates may not modify existing certificate content");
}

static bool is_signed_alike(const struct cJSON *old, const struct cJSON *tree) {
    const struct cJSON *before = json_find(old, "status.conditions");
    const struct cJSON *now = json_find(tree, "status.conditions");
    bool has_none = json_count(before) == 0 && json_count(now) == 0;
    return (has_none || json_equal(before, now)) &&
           sv_eq(json_find_string(old, "status.certificate"),
                 json_find_string(tree, "status.certificate"));
}

/* They are given what they lack, and may be those of the old object. */
static struct cJSON *own_conditions(struct call *call, struct cJSON *tree) {
    const struct cJSON *conditions = json_find(tree, "status.conditions");
    return conditions ? json_set(call->arena, json_get(tree, SV("status")), SV("conditions"),
                                 json_copy(call->arena, conditions))
                      : NULL;
}

bool admit_signing_status(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    const struct cJSON *before = json_find(old, "status.conditions");
    struct cJSON *conditions = own_conditions(call, tree);
    struct findings findings = {0};
    judge_verdicts(call->arena, before, conditions, &findings);
    set_condition_times(call, old, conditions);
    judge_conditions(call->arena, conditions, &findings);
    judge_kept(call->arena, before, conditions, &findings);
    judge_certificate(call->arena, old, tree, &findings);
    if (findings.count > 0)
        return refuse_findings(call, old, &findings);
    return is_signed_alike(old, tree) || check_signer(call, old, SV("sign"));
}

/* What was asked for stays. */
bool admit_signing_update(struct call *call, const struct cJSON *old, struct cJSON *tree) {
    const struct cJSON *spec = json_get(old, SV("spec"));
    if (call->request->subresource.len == 0 && spec)
        json_set(call->arena, tree, SV("spec"), json_copy(call->arena, spec));
    return true;
}
