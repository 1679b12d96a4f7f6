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
    static const struct go_field fields[] = {
        {SV("type"), SV("Type"), GO_TEXT},
        {SV("localhostProfile"), SV("LocalhostProfile"), GO_NIL},
    };
    static const struct sv types[] = {SV("Localhost"), SV("RuntimeDefault"), SV("Unconfined")};
    const struct cJSON *profile = json_get(context, SV("seccompProfile"));
    struct sv below = path_member(checker, field, SV("seccompProfile"));
    struct sv type = json_find_string(profile, "type");
    const struct cJSON *local = json_get(profile, SV("localhostProfile"));
    struct sv local_field = path_member(checker, below, SV("localhostProfile"));
    if (!profile)
        return;
    if (type.len == 0)
        report_required(checker, path_member(checker, below, SV("type")), profile,
                        "type is required when seccompProfile is set");
    else
        check_one_of(checker, profile, SV("type"), below, types, COUNT_OF(types));
    if (sv_eq(type, SV("Localhost")) && json_text(local).len == 0)
        report_required(checker, local_field, profile,
                        "must be set when seccomp type is Localhost");
    else if (!sv_eq(type, SV("Localhost")) && local)
        report_invalid(checker, local_field, go_shown(checker, profile, fields, COUNT_OF(fields)),
                       "can only be set when seccomp type is Localhost");
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
    static const struct go_field lists[] = {{SV("add"), SV("Add"), GO_NIL},
                                            {SV("drop"), SV("Drop"), GO_NIL}};
    const struct cJSON *escalation = json_get(context, SV("allowPrivilegeEscalation"));
    const struct cJSON *capabilities = json_get(context, SV("capabilities"));
    if (!json_is_bool(escalation) || json_is_true(escalation))
        return;
    struct cJSON *shown = go_shown(checker, context, fields, COUNT_OF(fields));
    if (capabilities)
        json_set(checker->arena, shown, SV("Capabilities"),
                 go_shown(checker, capabilities, lists, COUNT_OF(lists)));
    if (json_is_true(json_get(context, SV("privileged"))))
        report_invalid(checker, field, shown,
                       "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    JSON_EACH (capability, json_get(capabilities, SV("add")))
        if (sv_eq(json_text(capability), SV("CAP_SYS_ADMIN")))
            report_invalid(checker, field, shown,
                           "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                           "CAP_SYS_ADMIN");
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
        else if (json_index_is_seen_again(&names, json_text(name)))
            report_duplicate(checker, name_field, name);
    }
}

void validate_pod_security(const struct checker *checker, const struct cJSON *spec,
                           struct sv field) {
    static const struct sv policies[] = {SV("Always"), SV("OnRootMismatch")};
    static const struct sv lists[] = {SV("initContainers"), SV("containers")};
    const struct cJSON *context = json_get(spec, SV("securityContext"));
    struct sv below = path_member(checker, field, SV("securityContext"));
    check_ids(checker, context, below);
    check_seccomp(checker, context, below);
    check_sysctls(checker, context, below);
    check_one_of(checker, context, SV("fsGroupChangePolicy"), below, policies, COUNT_OF(policies));
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
