/* SPDX-License-Identifier: Apache-2.0 */
/* Who a pod's processes are, and what they share with their node. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

static void check_ids(const struct checker *checker, const struct cJSON *context, struct sv field) {
    static const struct sv ids[] = {SV("runAsUser"), SV("runAsGroup"), SV("fsGroup")};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const struct cJSON *id = json_get(context, ids[i]);
        int64_t number;
        if (json_to_int64(id, &number) && (number < 0 || number > INT32_MAX))
            report_invalid(checker, path_member(checker, field, ids[i]), id,
                           "must be between 0 and 2147483647, inclusive");
    }
}

static void check_seccomp(const struct checker *checker, const struct cJSON *context,
                          struct sv field) {
    const struct cJSON *profile = json_get(context, SV("seccompProfile"));
    if (sv_eq(json_find_string(profile, "type"), SV("Localhost")) &&
        json_find_string(profile, "localhostProfile").len == 0)
        report_required(checker, path_member(checker, field, SV("seccompProfile.localhostProfile")),
                        profile, "must be set when seccomp type is Localhost");
}

static void check_escalation(const struct checker *checker, const struct cJSON *context,
                             struct sv field) {
    static const struct go_field fields[] = {
        {SV("capabilities"), SV("Capabilities"), GO_NIL},
        {SV("privileged"), SV("Privileged"), GO_NIL},
        {SV("seLinuxOptions"), SV("SELinuxOptions"), GO_NIL},
        {SV("windowsOptions"), SV("WindowsOptions"), GO_NIL},
        {SV("runAsUser"), SV("RunAsUser"), GO_NIL},
        {SV("runAsGroup"), SV("RunAsGroup"), GO_NIL},
        {SV("runAsNonRoot"), SV("RunAsNonRoot"), GO_NIL},
        {SV("readOnlyRootFilesystem"), SV("ReadOnlyRootFilesystem"), GO_NIL},
        {SV("allowPrivilegeEscalation"), SV("AllowPrivilegeEscalation"), GO_NIL},
        {SV("procMount"), SV("ProcMount"), GO_NIL},
        {SV("seccompProfile"), SV("SeccompProfile"), GO_NIL},
        {SV("appArmorProfile"), SV("AppArmorProfile"), GO_NIL},
    };
    const struct cJSON *escalation = json_get(context, SV("allowPrivilegeEscalation"));
    if (json_is_bool(escalation) && !json_is_true(escalation) &&
        json_is_true(json_get(context, SV("privileged"))))
        report_invalid(checker, field, go_shown(checker, context, fields, COUNT_OF(fields)),
                       "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
}

/* Words of lower case between points or slashes. */
static bool is_sysctl_name(struct sv name) {
    enum { NAME_BYTES_MAX = 253 };
    if (name.len == 0 || name.len > NAME_BYTES_MAX || strchr("./", name.ptr[name.len - 1]))
        return false;
    while (name.len > 0) {
        size_t end = sv_find(name, '.'), slash = sv_find(name, '/');
        end = slash < end ? slash : end;
        struct sv word = sv_prefix(name, end);
        for (size_t i = 0; i < word.len; i++) {
            bool is_alnum = (word.ptr[i] >= 'a' && word.ptr[i] <= 'z') ||
                            (word.ptr[i] >= '0' && word.ptr[i] <= '9');
            bool is_inside = i > 0 && i + 1 < word.len;
            if (!is_alnum && (!is_inside || !strchr("-_", word.ptr[i])))
                return false;
        }
        if (word.len == 0)
            return false;
        name = sv_drop(name, end + 1);
    }
    return true;
}

static void check_sysctls(const struct checker *checker, const struct cJSON *context,
                          struct sv field) {
    struct json_index names = texts_seen(checker);
    size_t index = 0;
    JSON_EACH (sysctl, json_get(context, SV("sysctls"))) {
        const struct cJSON *name = json_get(sysctl, SV("name"));
        struct sv at = path_index(checker, path_member(checker, field, SV("sysctls")), index++);
        struct sv name_field = path_member(checker, at, SV("name"));
        if (json_text(name).len == 0)
            report_required(checker, name_field, sysctl, "");
        else if (!is_sysctl_name(json_text(name)))
            report_invalid(
                checker, name_field, name,
                "must have at most 253 characters and match regex "
                "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
        else if (is_seen_again(&names, json_text(name)))
            report_duplicate(checker, name_field, name);
    }
}

void validate_pod_security(const struct checker *checker, const struct cJSON *spec,
                           struct sv field) {
    static const struct sv lists[] = {SV("initContainers"), SV("containers")};
    const struct cJSON *context = json_get(spec, SV("securityContext"));
    struct sv below = path_member(checker, field, SV("securityContext"));
    check_ids(checker, context, below);
    check_seccomp(checker, context, below);
    check_sysctls(checker, context, below);
    if (json_is_true(json_get(spec, SV("hostPID"))) &&
        json_is_true(json_get(spec, SV("shareProcessNamespace"))))
        report_invalid(checker, path_member(checker, below, SV("shareProcessNamespace")),
                       json_get(spec, SV("shareProcessNamespace")),
                       "ShareProcessNamespace and HostPID cannot both be enabled");
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        size_t index = 0;
        JSON_EACH (container, json_get(spec, lists[i])) {
            struct sv at = path_member(
                checker, path_index(checker, path_member(checker, field, lists[i]), index++),
                SV("securityContext"));
            check_ids(checker, json_get(container, SV("securityContext")), at);
            check_seccomp(checker, json_get(container, SV("securityContext")), at);
            check_escalation(checker, json_get(container, SV("securityContext")), at);
        }
    }
}
