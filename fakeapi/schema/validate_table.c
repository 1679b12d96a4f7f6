/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about one field each, as a table: words, signs, formats, what must be there and what may
 * not change. A path goes through lists with "[]". */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

enum rule_type {
    RULE_WORD,         /* one of `words`, separated by spaces */
    RULE_NOT_NEGATIVE, /* a number */
    RULE_SHARE,        /* a number that is not negative, or at most 100% */
    RULE_SUBDOMAIN,
    RULE_LABEL,
    RULE_QUALIFIED,
    RULE_ADDRESS,
    RULE_REQUIRED, /* `words` is the detail */
    RULE_FIXED,    /* `words`, if any, is how messages call it */
    RULE_CIDR,
    RULE_NODE_SELECTOR,
    RULE_LABEL_SELECTOR,
};

struct rule {
    struct sv kind;
    const char *path;
    enum rule_type type;
    const char *words;
};

static const struct rule rules[] = {
    {SV("Deployment"), "spec.revisionHistoryLimit", RULE_NOT_NEGATIVE, ""},
    {SV("Deployment"), "spec.minReadySeconds", RULE_NOT_NEGATIVE, ""},
    {SV("Deployment"), "spec.strategy.rollingUpdate.maxUnavailable", RULE_SHARE, ""},
    {SV("StatefulSet"), "spec.revisionHistoryLimit", RULE_NOT_NEGATIVE, ""},
    {SV("StatefulSet"), "spec.minReadySeconds", RULE_NOT_NEGATIVE, ""},
    {SV("StatefulSet"), "spec.ordinals.start", RULE_NOT_NEGATIVE, ""},
    {SV("StatefulSet"), "spec.serviceName", RULE_LABEL, ""},
    {SV("StatefulSet"), "spec.updateStrategy.rollingUpdate.partition", RULE_NOT_NEGATIVE, ""},
    {SV("StatefulSet"), "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", RULE_WORD,
     "Retain Delete"},
    {SV("StatefulSet"), "spec.persistentVolumeClaimRetentionPolicy.whenScaled", RULE_WORD,
     "Retain Delete"},
    {SV("DaemonSet"), "spec.minReadySeconds", RULE_NOT_NEGATIVE, ""},
    {SV("DaemonSet"), "spec.revisionHistoryLimit", RULE_NOT_NEGATIVE, ""},
    {SV("DaemonSet"), "spec.updateStrategy.rollingUpdate.maxUnavailable", RULE_SHARE, ""},
    {SV("Job"), "spec.podReplacementPolicy", RULE_WORD, "Failed TerminatingOrFailed"},
    {SV("ControllerRevision"), "revision", RULE_NOT_NEGATIVE, ""},
    {SV("ControllerRevision"), "data", RULE_REQUIRED, "data is mandatory"},
    {SV("ControllerRevision"), "data", RULE_FIXED, ""},
    {SV("PodDisruptionBudget"), "spec.minAvailable", RULE_SHARE, ""},
    {SV("PodDisruptionBudget"), "spec.maxUnavailable", RULE_SHARE, ""},
    {SV("PodDisruptionBudget"), "spec.unhealthyPodEvictionPolicy", RULE_WORD,
     "AlwaysAllow IfHealthyBudget"},
    {SV("PodDisruptionBudget"), "spec.selector", RULE_LABEL_SELECTOR, ""},
    {SV("Service"), "spec.sessionAffinity", RULE_WORD, "ClientIP None"},
    {SV("Service"), "spec.internalTrafficPolicy", RULE_WORD, "Cluster Local"},
    {SV("Service"), "spec.ipFamilies[]", RULE_WORD, "IPv4 IPv6"},
    {SV("Service"), "spec.externalIPs[]", RULE_ADDRESS, ""},
    {SV("Service"), "spec.ports[].protocol", RULE_WORD, "SCTP TCP UDP"},
    {SV("Service"), "spec.ports[].appProtocol", RULE_QUALIFIED, ""},
    {SV("EndpointSlice"), "addressType", RULE_WORD, "FQDN IPv4 IPv6"},
    {SV("EndpointSlice"), "addressType", RULE_REQUIRED, ""},
    {SV("EndpointSlice"), "addressType", RULE_FIXED, ""},
    {SV("EndpointSlice"), "endpoints[].addresses", RULE_REQUIRED,
     "must contain at least 1 address"},
    {SV("Ingress"), "spec.rules[].host", RULE_SUBDOMAIN, ""},
    {SV("Ingress"), "spec.rules[].http.paths[].pathType", RULE_REQUIRED,
     "pathType must be specified"},
    {SV("IngressClass"), "spec.controller", RULE_REQUIRED, ""},
    {SV("PersistentVolume"), "spec.persistentVolumeReclaimPolicy", RULE_WORD,
     "Delete Recycle Retain"},
    {SV("PersistentVolume"), "spec.storageClassName", RULE_SUBDOMAIN, ""},
    {SV("PersistentVolume"), "spec.volumeMode", RULE_WORD, "Block Filesystem"},
    {SV("PersistentVolume"), "spec.csi.driver", RULE_SUBDOMAIN, ""},
    {SV("PersistentVolume"), "spec.csi.volumeHandle", RULE_REQUIRED, ""},
    {SV("PersistentVolume"), "spec.nodeAffinity.required", RULE_NODE_SELECTOR, ""},
    {SV("PersistentVolumeClaim"), "spec.storageClassName", RULE_SUBDOMAIN, ""},
    {SV("PersistentVolumeClaim"), "spec.volumeMode", RULE_WORD, "Block Filesystem"},
    {SV("PersistentVolumeClaim"), "spec.selector", RULE_LABEL_SELECTOR, ""},
    {SV("StorageClass"), "reclaimPolicy", RULE_WORD, "Delete Retain"},
    {SV("StorageClass"), "volumeBindingMode", RULE_WORD, "Immediate WaitForFirstConsumer"},
    {SV("CSIDriver"), "spec.fsGroupPolicy", RULE_WORD, "File None ReadWriteOnceWithFSType"},
    {SV("PriorityClass"), "preemptionPolicy", RULE_WORD, "PreemptLowerPriority Never"},
    {SV("Node"), "spec.podCIDRs[]", RULE_CIDR, ""},
    {SV("RuntimeClass"), "handler", RULE_LABEL, ""},
    {SV("RuntimeClass"), "handler", RULE_FIXED, ""},
    {SV("StorageClass"), "volumeBindingMode", RULE_FIXED, ""},
    {SV("PriorityClass"), "preemptionPolicy", RULE_FIXED, ""},
    {SV("IngressClass"), "spec.controller", RULE_FIXED, ""},
    {SV("CSIDriver"), "spec.attachRequired", RULE_FIXED, "spec.attachedRequired"},
    {SV("CSIDriver"), "spec.volumeLifecycleModes", RULE_FIXED, ""},
};

/* --- what each type says --- */

static void check_words(const struct checker *checker, const struct cJSON *item, struct sv field,
                        const char *list) {
    enum { WORDS_MAX = 8 };
    struct sv words[WORDS_MAX], rest = sv_from(list);
    size_t count = 0;
    while (rest.len > 0 && count < WORDS_MAX)
        words[count++] = sv_cut(&rest, ' ');
    if (json_text(item).len > 0 && sv_index_of(json_text(item), words, count) == count)
        report_not_supported(checker, field, item, words, count);
}

static void check_share(const struct checker *checker, const struct cJSON *item, struct sv field) {
    int64_t number;
    if (json_to_int64(item, &number)) {
        if (number < 0)
            report_invalid(checker, field, item, "must be greater than or equal to 0");
        return;
    }
    struct sv text = json_text(item);
    bool is_percent = text.len > 1 && text.ptr[text.len - 1] == '%' &&
                      sv_to_int64(sv_prefix(text, text.len - 1), &number) && number >= 0;
    if (!is_percent)
        report_invalid(checker, field, item,
                       "a valid percent string must be a numeric string followed by an ending '%' "
                       "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
    else if (number > 100)
        report_invalid(checker, field, item, "must not be greater than 100%");
}

static void check_format(const struct checker *checker, const struct cJSON *item, struct sv field,
                         const char *fault) {
    if (json_text(item).len > 0 && fault)
        report_invalid(checker, field, item, fault);
}

static void check_number(const struct checker *checker, const struct cJSON *item, struct sv field) {
    int64_t number;
    if (json_to_int64(item, &number) && number < 0)
        report_invalid(checker, field, item, "must be greater than or equal to 0");
}

static bool is_missing(const struct cJSON *item) {
    return !item || json_is_null(item) || (json_is_string(item) && json_text(item).len == 0) ||
           (json_is_list(item) && !item->child);
}

static void check_item(const struct checker *checker, const struct rule *rule,
                       const struct cJSON *item, struct sv field) {
    switch (rule->type) {
    case RULE_WORD:
        check_words(checker, item, field, rule->words);
        return;
    case RULE_NOT_NEGATIVE:
        check_number(checker, item, field);
        return;
    case RULE_SHARE:
        check_share(checker, item, field);
        return;
    case RULE_SUBDOMAIN:
        check_format(checker, item, field, check_dns_subdomain(json_text(item)));
        return;
    case RULE_LABEL:
        check_format(checker, item, field, check_dns_label(json_text(item)));
        return;
    case RULE_QUALIFIED:
        check_format(checker, item, field, check_qualified_name(json_text(item)));
        return;
    case RULE_ADDRESS:
        check_format(checker, item, field, check_ip_address(checker, json_text(item)));
        return;
    case RULE_CIDR:
        check_format(checker, item, field, check_cidr(checker, json_text(item)));
        return;
    case RULE_NODE_SELECTOR:
        validate_node_selector(checker, item, field);
        return;
    case RULE_LABEL_SELECTOR:
        validate_label_selector(checker, item, field);
        return;
    case RULE_REQUIRED: /* of what is not there: in the walk */
    case RULE_FIXED:
        return;
    }
}

/* --- the walk --- */

static void walk(const struct checker *checker, const struct rule *rule, const struct cJSON *item,
                 struct sv rest, struct sv field) {
    if (rest.len == 0) {
        if (item && !json_is_null(item))
            check_item(checker, rule, item, field);
        return;
    }
    struct sv name = sv_cut(&rest, '.');
    bool is_list = sv_ends_with(name, SV("[]"));
    struct sv key = is_list ? sv_prefix(name, name.len - 2) : name;
    const struct cJSON *below = json_get(item, key);
    struct sv path = path_member(checker, field, key);
    if (rest.len == 0 && rule->type == RULE_REQUIRED && json_is_map(item) && is_missing(below))
        report_required(checker, path, item, rule->words);
    if (!is_list) {
        walk(checker, rule, below, rest, path);
        return;
    }
    size_t index = 0;
    JSON_EACH (entry, below)
        walk(checker, rule, entry, rest, path_index(checker, path, index++));
}

void validate_table(const struct checker *checker, struct sv kind, const struct cJSON *object,
                    const struct cJSON *old) {
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        const struct rule *rule = &rules[i];
        if (!sv_eq(rule->kind, kind))
            continue;
        if (rule->type != RULE_FIXED)
            walk(checker, rule, object, sv_from(rule->path), SV(""));
        else if (old && !json_equal(json_find(object, rule->path), json_find(old, rule->path)))
            report_invalid(checker, sv_from(rule->words[0] ? rule->words : rule->path),
                           json_find(object, rule->path), "field is immutable");
    }
}
