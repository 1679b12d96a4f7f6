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

void validate_pod_security(const struct checker *checker, const struct cJSON *spec,
                           struct sv field) {
    static const struct sv lists[] = {SV("initContainers"), SV("containers")};
    const struct cJSON *context = json_get(spec, SV("securityContext"));
    struct sv below = path_member(checker, field, SV("securityContext"));
    check_ids(checker, context, below);
    check_seccomp(checker, context, below);
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
        }
    }
}
