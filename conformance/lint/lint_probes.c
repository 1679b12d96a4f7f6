/* SPDX-License-Identifier: Apache-2.0 */
/* RDY-001 to RDY-005: what probes ask, and when. */
#include "conformance/lint/lint_context.h"
#include "core/base/arena.h"

enum { READINESS_DELAY_MAX_S = 10, LIVENESS_PATIENCE_MIN_S = 30 };

static const char *const handlers[] = {"exec", "httpGet", "tcpSocket", "grpc"};

static const struct cJSON *handler_of(const struct cJSON *probe) {
    for (size_t i = 0; probe && i < COUNT_OF(handlers); i++) {
        const struct cJSON *handler = json_find(probe, handlers[i]);
        if (handler)
            return handler;
    }
    return NULL;
}

static void require_readiness(struct lint *lint, enum role role) {
    const struct cJSON *container = lint_first_container(lint, role);
    if (container && !handler_of(lint_map(container, "readinessProbe")))
        lint_fail(lint, container, "the first container of %.*s has no readinessProbe",
                  SV_ARG(role_text(role)));
}

static void check_001(struct lint *lint) {
    if (!subject_entry(lint->subject, ROLE_MASTER, SV("mountUFS"))) {
        lint_skip(lint, "no master with mountUFS");
        return;
    }
    lint->role_name = role_text(ROLE_MASTER);
    require_readiness(lint, ROLE_MASTER);
}

static void check_002(struct lint *lint) {
    if (!subject_component(lint->subject, ROLE_WORKER)) {
        lint_skip(lint, "no worker");
        return;
    }
    lint->role_name = role_text(ROLE_WORKER);
    require_readiness(lint, ROLE_WORKER);
}

static bool looks_at_mount(const struct lint *lint, const struct cJSON *probe) {
    static const struct sv words[] = {SV("MOUNT_PATH"), SV("stat "), SV("mountpoint"),
                                      SV("/proc/"),     SV("df "),   SV("ls ")};
    const struct cJSON *command = lint_list(probe, "exec.command");
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (lint_find_text(command, words[i]))
            return true;
    }
    /* A script of the class may do it. */
    const struct lint_script *scripts;
    size_t count = lint_scripts(lint, &scripts);
    for (size_t i = 0; i < count; i++) {
        if (lint_find_text(command, json_key(scripts[i].text)) &&
            sv_contains(json_text(scripts[i].text), SV("MOUNT_PATH")))
            return true;
    }
    return false;
}

static void check_003(struct lint *lint) {
    if (!lint_looks_at_fuse_client(lint))
        return;
    const struct cJSON *container = lint_first_container(lint, ROLE_CLIENT);
    const struct cJSON *probe = lint_map(container, "readinessProbe");
    if (!handler_of(probe))
        require_readiness(lint, ROLE_CLIENT);
    else if (!looks_at_mount(lint, probe))
        lint_fail_key(lint, probe, "the client's readinessProbe does not look at the mount");
}

static void check_004(struct lint *lint, enum role role) {
    const struct cJSON *container = lint_first_container(lint, role);
    const struct cJSON *startup = lint_map(container, "startupProbe");
    const struct cJSON *readiness = lint_map(container, "readinessProbe");
    int64_t delay_s = readiness ? json_int_or(readiness, SV("initialDelaySeconds"), 0) : 0;
    if (delay_s > READINESS_DELAY_MAX_S)
        lint_fail(lint, json_get(readiness, SV("initialDelaySeconds")),
                  "readiness is first asked after %lld s", (long long)delay_s)
            ->expected = SV("10 or less");
    const struct cJSON *liveness = lint_map(container, "livenessProbe");
    if (!liveness || startup)
        return;
    int64_t patience_s = json_int_or(liveness, SV("initialDelaySeconds"), 0) +
                         json_int_or(liveness, SV("periodSeconds"), 10) *
                             json_int_or(liveness, SV("failureThreshold"), 3);
    if (patience_s < LIVENESS_PATIENCE_MIN_S)
        lint_fail_key(lint, liveness, "a start of more than %lld s is killed by the livenessProbe",
                      (long long)patience_s);
}

static bool has_port(const struct cJSON *container, struct sv name) {
    JSON_EACH (port, lint_list(container, "ports")) {
        if (json_is_map(port) && sv_eq(json_string_or(port, SV("name"), SV("")), name))
            return true;
    }
    return false;
}

static void check_005(struct lint *lint, enum role role) {
    const struct cJSON *container = lint_first_container(lint, role);
    static const char *const probes[] = {"readinessProbe", "livenessProbe", "startupProbe"};
    for (size_t i = 0; container && i < COUNT_OF(probes); i++) {
        const struct cJSON *handler = handler_of(lint_map(container, probes[i]));
        const struct cJSON *port = json_is_map(handler) ? json_get(handler, SV("port")) : NULL;
        if (json_is_string(port) && !has_port(container, json_text(port)))
            lint_fail(lint, port, "%s names the port \"%.*s\", which the container does not have",
                      probes[i], SV_ARG(json_text(port)));
    }
    const struct cJSON *readiness = handler_of(lint_map(container, "readinessProbe"));
    const struct cJSON *liveness = handler_of(lint_map(container, "livenessProbe"));
    /* An open port says little in both, but it does not depend on anything behind it. */
    if (readiness && liveness && json_equal(readiness, liveness) &&
        !sv_eq(json_key(liveness), SV("tcpSocket")))
        lint_fail_key(lint, liveness,
                      "liveness asks what readiness asks: an outage restarts the pods");
}

static const struct lint_rule rules[] = {
    {SV("RDY-001"), check_001, NULL}, {SV("RDY-002"), check_002, NULL},
    {SV("RDY-003"), check_003, NULL}, {SV("RDY-004"), NULL, check_004},
    {SV("RDY-005"), NULL, check_005},
};
LINT_RULES(lint_probe_rules, rules);
