/* SPDX-License-Identifier: Apache-2.0 */
/* DEL-002 and DEL-003: how a FUSE client stops, as far as it can be read. */
#include "conformance/lint/lint_context.h"

static const struct sv unmount_words[] = {SV("umount"), SV("fusermount"), SV("unmount")};

static bool unmounts(struct sv text) {
    for (size_t i = 0; i < COUNT_OF(unmount_words); i++) {
        if (sv_contains(text, unmount_words[i]))
            return true;
    }
    return false;
}

/* A trap that is set before exec replaces the shell is never run. */
static bool is_trap_lost(struct sv text) {
    size_t trap = lint_script_find(text, SV("trap "));
    struct sv rest = sv_drop(text, trap);
    while (rest.len > 0) {
        struct sv line = sv_trim(sv_cut(&rest, '\n'));
        bool redirects_only = sv_starts_with(line, SV("exec >")) ||
                              sv_starts_with(line, SV("exec 2>")) ||
                              sv_starts_with(line, SV("exec 1>"));
        if (sv_starts_with(line, SV("exec ")) && !redirects_only)
            return true;
    }
    return false;
}

static void check_trap(struct lint *lint, const struct cJSON *text, bool *ret_unmounts) {
    struct sv bytes = json_text(text);
    if (lint_script_find(bytes, SV("trap ")) == bytes.len || !unmounts(bytes))
        return;
    *ret_unmounts = true;
    if (is_trap_lost(bytes))
        lint_point_into(lint, lint_fail(lint, text, "the trap that unmounts is lost by exec"), text,
                        lint_script_find(bytes, SV("trap ")));
}

static void check_002(struct lint *lint) {
    const struct cJSON *container = lint_first_container(lint, ROLE_CLIENT);
    if (!lint_looks_at_fuse_client(lint))
        return;
    if (json_find(container, "lifecycle.preStop"))
        return;
    bool does_unmount = false;
    static const char *const lists[] = {"command", "args"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        JSON_EACH (text, lint_list(container, lists[i]))
            check_trap(lint, text, &does_unmount);
    }
    const struct lint_script *scripts;
    size_t count = lint_scripts(lint, &scripts);
    for (size_t i = 0; i < count; i++) {
        if (lint_uses_config_map(lint, ROLE_CLIENT, scripts[i].config_map))
            check_trap(lint, scripts[i].text, &does_unmount);
    }
    if (!does_unmount)
        lint_fail(lint, container,
                  "nothing unmounts when the client stops: it leaves a dead mount");
}

static void check_003(struct lint *lint) {
    const struct cJSON *command =
        lint_list(lint_first_container(lint, ROLE_CLIENT), "lifecycle.preStop.exec.command");
    if (!command) {
        lint_skip(lint, "the client has no preStop command");
        return;
    }
    lint->role_name = role_text(ROLE_CLIENT);
    static const struct sv literals[] = {SV("/runtime-mnt"), SV("cache-fuse")};
    JSON_EACH (argument, command) {
        struct sv text = json_text(argument);
        for (size_t i = 0; i < COUNT_OF(literals); i++) {
            if (sv_contains(text, literals[i]))
                lint_fail(lint, argument, "preStop holds the target path as a literal")->expected =
                    SV("$FLUID_RUNTIME_MOUNT_PATH");
        }
        if (sv_contains(text, SV("$(FLUID_")))
            lint_fail(lint, argument,
                      "kubelet does not expand $(VAR) in preStop: let a shell do it")
                ->expected = SV("sh -c with $FLUID_RUNTIME_MOUNT_PATH");
    }
}

static const struct lint_rule rules[] = {
    {SV("DEL-002"), check_002, NULL},
    {SV("DEL-003"), check_003, NULL},
};
LINT_RULES(lint_deletion_rules, rules);
