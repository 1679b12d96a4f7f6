/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/certificate_rules.h"

#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/server/certificate_request.h"

enum subject {
    SUBJECT_ANY,
    SUBJECT_NODE,       /* a node's name, and no other */
    SUBJECT_NODE_NAMED, /* a node's name, and under which names it is reached */
};

static const struct {
    struct sv signer;
    enum subject subject;
    struct sv required[2];
    struct sv allowed[2];
    struct sv mistake; /* in these words; SV(""): naming the usage */
} signers[] = {
    {SV("kubernetes.io/kube-apiserver-client"),
     SUBJECT_ANY,
     {SV("client auth"), SV("")},
     {SV("digital signature"), SV("key encipherment")},
     SV("")},
    {SV("kubernetes.io/kube-apiserver-client-kubelet"),
     SUBJECT_NODE,
     {SV("client auth"), SV("digital signature")},
     {SV("key encipherment"), SV("")},
     SV("usages did not match [client auth digital signature key encipherment]")},
    {SV("kubernetes.io/kubelet-serving"),
     SUBJECT_NODE_NAMED,
     {SV("server auth"), SV("digital signature")},
     {SV("key encipherment"), SV("")},
     SV("usages did not match [digital signature key encipherment server auth]")},
    /* Anything goes, as of old. */
    {SV("kubernetes.io/legacy-unknown"), SUBJECT_ANY, {SV(""), SV("")}, {SV(""), SV("")}, SV("")},
};

static size_t find_signer(struct sv signer) {
    size_t i = 0;
    while (i < COUNT_OF(signers) && !sv_eq(signers[i].signer, signer))
        i++;
    return i;
}

bool certificate_has_own_signer(struct sv signer) {
    return find_signer(signer) < COUNT_OF(signers);
}

static struct sv usage_mistake(struct arena *arena, size_t signer, const struct cJSON *usages) {
    const struct sv *required = signers[signer].required, *allowed = signers[signer].allowed;
    if (required[0].len == 0)
        return SV("");
    JSON_EACH (usage, usages) {
        struct sv name = json_text(usage);
        if (sv_index_of(name, required, 2) < 2 || sv_index_of(name, allowed, 2) < 2)
            continue;
        return signers[signer].mistake.len > 0
                   ? signers[signer].mistake
                   : ARENA_JOIN(arena, SV("invalid usage for client certificate: "), name);
    }
    for (size_t i = 0; i < 2; i++)
        if (required[i].len > 0 && !json_has_text(usages, required[i]))
            return signers[signer].mistake.len > 0
                       ? signers[signer].mistake
                       : ARENA_JOIN(arena, SV("missing required usage for client certificate: "),
                                    required[i]);
    return SV("");
}

static bool is_of_nodes(const struct certificate_request *request) {
    return request->organization_count == 1 && sv_eq(request->organizations[0], SV("system:nodes"));
}

static struct sv node_mistake(enum subject subject, const struct certificate_request *request) {
    bool is_named = subject == SUBJECT_NODE_NAMED;
    if (subject == SUBJECT_ANY)
        return SV("");
    if (!is_of_nodes(request))
        return SV("subject organization is not system:nodes");
    if (is_named && request->dns_count + request->ip_count == 0)
        return SV("DNS or IP subjectAltName is required");
    if (!is_named && request->dns_count > 0)
        return SV("DNS subjectAltNames are not allowed");
    if (request->email_count > 0)
        return SV("Email subjectAltNames are not allowed");
    if (!is_named && request->ip_count > 0)
        return SV("IP subjectAltNames are not allowed");
    if (request->uri_count > 0)
        return SV("URI subjectAltNames are not allowed");
    return SV("");
}

struct sv certificate_mistake(struct arena *arena, struct sv signer, const struct cJSON *usages,
                              const struct certificate_request *request) {
    size_t index = find_signer(signer);
    assert(index < COUNT_OF(signers));
    enum subject subject = request ? signers[index].subject : SUBJECT_ANY;
    struct sv mistake = node_mistake(subject, request);
    if (mistake.len == 0)
        mistake = usage_mistake(arena, index, usages);
    if (mistake.len == 0 && subject != SUBJECT_ANY &&
        !sv_starts_with(request->common_name, SV("system:node:")))
        mistake = SV("subject common name does not begin with system:node:");
    return mistake;
}
