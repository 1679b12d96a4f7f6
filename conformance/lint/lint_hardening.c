/* SPDX-License-Identifier: Apache-2.0 */
/* HARD-001 to HARD-007: what containers may do, and what scripts must not. */
#include "conformance/lint/lint_context.h"
#include "core/base/arena.h"

static struct sv name_of(const struct cJSON *item) {
    return json_string_or(item, SV("name"), SV(""));
}

/* A class may say why a component needs a privilege: cacheruntime.io/privileged-<role>. */
static bool has_reason(const struct lint *lint, enum role role) {
    struct sv key =
        arena_printf(lint->arena, "cacheruntime.io/privileged-%.*s", SV_ARG(role_text(role)));
    const struct cJSON *annotations =
        lint_map(lint->subject->runtime_class, "metadata.annotations");
    return annotations && json_string_or(annotations, key, SV("")).len > 0;
}

static const char *const host_namespaces[] = {"hostPID", "hostIPC"};

static void check_001(struct lint *lint, enum role role) {
    if (role == ROLE_CLIENT || has_reason(lint, role))
        return;
    const struct cJSON *spec = lint_pod_spec(lint, role);
    for (size_t i = 0; spec && i < COUNT_OF(host_namespaces); i++) {
        const struct cJSON *item = json_find(spec, host_namespaces[i]);
        if (json_is_true(item))
            lint_fail_key(lint, item, "%.*s uses %s", SV_ARG(role_text(role)), host_namespaces[i]);
    }
    JSON_EACH (container, lint_list(spec, "containers")) {
        const struct cJSON *privileged = json_find(container, "securityContext.privileged");
        if (json_is_true(privileged))
            lint_fail_key(lint, privileged, "container %.*s of %.*s is privileged",
                          SV_ARG(name_of(container)), SV_ARG(role_text(role)));
        const struct cJSON *added = lint_list(container, "securityContext.capabilities.add");
        if (json_count(added) > 0)
            lint_fail_key(lint, added, "container %.*s of %.*s adds capabilities",
                          SV_ARG(name_of(container)), SV_ARG(role_text(role)));
    }
}

static void check_002(struct lint *lint) {
    const struct cJSON *container = lint_first_container(lint, ROLE_CLIENT);
    if (!lint_looks_at_fuse_client(lint))
        return;
    const struct cJSON *privileged = json_find(container, "securityContext.privileged");
    if (json_is_true(privileged))
        return;
    struct check_result *result =
        lint_fail(lint, privileged ? privileged : container,
                  "container %.*s of a FUSE client is not privileged: its mount stays invisible",
                  SV_ARG(name_of(container)));
    result->expected = SV("privileged: true");
}

static const struct {
    const char *path;
    const char *text; /* the only value that passes */
} restrictions[] = {
    {"allowPrivilegeEscalation", "false"},
    {"runAsNonRoot", "true"},
    {"seccompProfile.type", "RuntimeDefault"},
    {"capabilities.drop.0", "ALL"},
};

static struct sv scalar_text(const struct cJSON *item) {
    if (json_is_bool(item))
        return json_is_true(item) ? SV("true") : SV("false");
    return json_text(item);
}

static void check_003(struct lint *lint, enum role role) {
    const struct cJSON *container = lint_first_container(lint, role);
    if (role == ROLE_CLIENT || !container || has_reason(lint, role))
        return;
    const struct cJSON *of_container = lint_map(container, "securityContext");
    const struct cJSON *of_pod = lint_map(lint_pod_spec(lint, role), "securityContext");
    struct sv missing = SV("");
    for (size_t i = 0; i < COUNT_OF(restrictions); i++) {
        const struct cJSON *item =
            of_container ? json_find(of_container, restrictions[i].path) : NULL;
        if (!item && of_pod)
            item = json_find(of_pod, restrictions[i].path);
        if (!sv_eq(scalar_text(item), sv_from(restrictions[i].text)))
            missing = arena_printf(lint->arena, "%.*s%s%s", SV_ARG(missing),
                                   missing.len ? ", " : "", restrictions[i].path);
    }
    if (missing.len > 0)
        lint_fail(lint, of_container ? of_container : container,
                  "securityContext of %.*s does not set %.*s as the restricted profile does",
                  SV_ARG(name_of(container)), SV_ARG(missing));
}

static void check_004(struct lint *lint, enum role role) {
    const struct cJSON *spec = lint_pod_spec(lint, role);
    const struct cJSON *item = spec ? json_get(spec, SV("automountServiceAccountToken")) : NULL;
    if (spec && !json_get(spec, SV("serviceAccountName")) && (!item || json_is_true(item)))
        lint_fail(lint, item ? item : spec,
                  "pods of %.*s carry the default service account's token",
                  SV_ARG(role_text(role)));
}

/* A word of a script, what it does when it is found on a line together with another one. */
struct bad_line {
    struct sv first, second; /* `second` may be "" */
    const char *what;
};

static void check_lines(struct lint *lint, const struct cJSON *item, const struct bad_line *bad) {
    struct sv text = json_text(item);
    struct sv rest = text;
    while (rest.len > 0) {
        struct sv line = sv_cut(&rest, '\n');
        if (sv_starts_with(sv_trim(line), SV("#")) || !sv_contains(line, bad->first) ||
            !sv_contains(line, bad->second))
            continue;
        struct check_result *result =
            lint_fail(lint, item, "%s: %.*s", bad->what, SV_ARG(sv_prefix(sv_trim(line), 120)));
        lint_point_into(lint, result, item,
                        (size_t)(line.ptr - text.ptr) +
                            lint_script_find(line, sv_prefix(sv_trim(line), 1)));
    }
}

static void check_strings(struct lint *lint, const struct cJSON *item, const struct bad_line *bad) {
    if (json_is_string(item)) {
        check_lines(lint, item, bad);
        return;
    }
    JSON_EACH (child, item)
        check_strings(lint, child, bad);
}

static void check_everywhere(struct lint *lint, const struct bad_line *bad, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (enum role role = 0; role < ROLE_COUNT; role++)
            check_strings(lint, lint_map(subject_component(lint->subject, role), "template.spec"),
                          &bad[i]);
        const struct lint_script *scripts;
        size_t script_count = lint_scripts(lint, &scripts);
        for (size_t j = 0; j < script_count; j++)
            check_lines(lint, scripts[j].text, &bad[i]);
    }
}

static void check_006(struct lint *lint) {
    static const struct bad_line bad[] = {
        {SV("rm -rf"), SV("MOUNT_PATH"), "deletes below the target path"},
        {SV("rm -fr"), SV("MOUNT_PATH"), "deletes below the target path"},
        {SV("rm -r "), SV("MOUNT_PATH"), "deletes below the target path"},
        {SV("rm -rf"), SV("target_path"), "deletes below the target path"},
        {SV("rm -rf"), SV("targetPath"), "deletes below the target path"},
    };
    check_everywhere(lint, bad, COUNT_OF(bad));
}

static void check_007(struct lint *lint) {
    static const struct bad_line bad[] = {
        {SV("apt-get install"), SV(""), "installs at start"},
        {SV("apk add"), SV(""), "installs at start"},
        {SV("yum install"), SV(""), "installs at start"},
        {SV("pip install"), SV(""), "installs at start"},
        {SV("wget "), SV("http"), "downloads at start"},
        {SV("curl "), SV(" -o"), "downloads at start"},
        {SV("> /etc/hosts"), SV(""), "edits the system's files"},
        {SV(">/etc/hosts"), SV(""), "edits the system's files"},
        {SV("/etc/bashrc"), SV(">"), "edits the system's files"},
    };
    check_everywhere(lint, bad, COUNT_OF(bad));
}

static const struct lint_rule rules[] = {
    {SV("HARD-001"), NULL, check_001}, {SV("HARD-002"), check_002, NULL},
    {SV("HARD-003"), NULL, check_003}, {SV("HARD-004"), NULL, check_004},
    {SV("HARD-006"), check_006, NULL}, {SV("HARD-007"), check_007, NULL},
};
LINT_RULES(lint_hardening_rules, rules);
