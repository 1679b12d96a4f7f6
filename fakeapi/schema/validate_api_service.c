/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of APIServices. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

enum { GROUP_PRIORITY_MAX = 20000, VERSION_PRIORITY_MAX = 1000, PORT_MAX = 65535 };

static void check_priority(const struct checker *checker, const struct cJSON *spec, struct sv name,
                           int64_t max) {
    int64_t number = json_int_or(spec, name, 0);
    const struct cJSON *item = json_get(spec, name);
    if (number <= 0 || number > max)
        report_invalid(
            checker, path_member(checker, SV("spec"), name),
            item ? item : json_int(checker->arena, 0),
            arena_printf(checker->arena, "must be positive and less than %lld", (long long)max)
                .ptr);
}

/* The core group is this server's. */
static void check_group(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *group = json_get(spec, SV("group")),
                       *version = json_get(spec, SV("version"));
    const char *fault = check_dns_label_1035(json_text(version));
    if (json_text(group).len == 0 && !sv_eq(json_text(version), SV("v1")))
        report_required(checker, SV("spec.group"), spec,
                        "only v1 may have an empty group and it better be legacy kube");
    if (json_text(group).len > 0 && check_dns_subdomain(json_text(group)))
        report_invalid(checker, SV("spec.group"), group, check_dns_subdomain(json_text(group)));
    if (fault)
        report_invalid(checker, SV("spec.version"),
                       version ? version : json_string(checker->arena, SV("")), fault);
}

/* Of one that this server answers for itself. */
static void check_local(const struct checker *checker, const struct cJSON *spec) {
    const struct cJSON *unverified = json_get(spec, SV("insecureSkipTLSVerify"));
    if (json_find_string(spec, "caBundle").len > 0)
        report_invalid(checker, SV("spec.caBundle"), json_get(spec, SV("caBundle")),
                       "local APIServices may not have a caBundle");
    if (json_is_true(unverified))
        report_invalid(checker, SV("spec.insecureSkipTLSVerify"), unverified,
                       "local APIServices may not have insecureSkipTLSVerify");
}

static void check_remote(const struct checker *checker, const struct cJSON *spec,
                         const struct cJSON *service) {
    static const struct sv names[] = {SV("namespace"), SV("name")};
    const struct cJSON *port = json_get(service, SV("port"));
    const struct cJSON *unverified = json_get(spec, SV("insecureSkipTLSVerify"));
    int64_t number = json_int_or(service, SV("port"), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (json_text(json_get(service, names[i])).len == 0)
            report_required(checker, path_member(checker, SV("spec.service"), names[i]), service,
                            "");
    if (port && (number < 1 || number > PORT_MAX))
        report_invalid(checker, SV("spec.service.port"), port,
                       "port is not valid: must be between 1 and 65535, inclusive");
    if (json_is_true(unverified) && json_find_string(spec, "caBundle").len > 0)
        report_invalid(checker, SV("spec.insecureSkipTLSVerify"), unverified,
                       "may not be true if caBundle is present");
}

void check_api_service(const struct checker *checker, const struct cJSON *object,
                       const struct cJSON *old) {
    const struct cJSON *spec = json_get(object, SV("spec"));
    const struct cJSON *service = json_get(spec, SV("service"));
    const struct cJSON *name = json_find(object, "metadata.name");
    struct sv required =
        arena_printf(checker->arena, "%.*s.%.*s", SV_ARG(json_find_string(spec, "version")),
                     SV_ARG(json_find_string(spec, "group")));
    (void)old;
    if (!sv_eq(json_text(name), required))
        report_invalid(checker, SV("metadata.name"), name,
                       arena_printf(checker->arena,
                                    "must be `spec.version+\".\"+spec.group`: \"%.*s\"",
                                    SV_ARG(required))
                           .ptr);
    check_group(checker, spec);
    check_priority(checker, spec, SV("groupPriorityMinimum"), GROUP_PRIORITY_MAX);
    check_priority(checker, spec, SV("versionPriority"), VERSION_PRIORITY_MAX);
    if (json_is_map(service))
        check_remote(checker, spec, service);
    else
        check_local(checker, spec);
}
