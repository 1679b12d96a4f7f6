/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC-001, -002, -013, -014: what execution entries run. */
#include "conformance/lint/lint_context.h"
#include "core/base/arena.h"

enum { ARGUMENTS_MAX = 64, COMMAND_BYTES_MAX = 32 * 1024, TIMEOUT_MAX_S = 3600 };

static const struct cJSON *entries_of(const struct lint *lint, enum role role) {
    return lint_map(subject_component(lint->subject, role), "executionEntries");
}

/* What upstream's guard refuses in arguments, and in the script of sh -c. */
static const struct sv refused_words[] = {SV("&"), SV(";"), SV("$"), SV("'"), SV("`"),
                                          SV("("), SV(")"), SV("|"), SV(">")};

static struct sv refused_word(struct sv text) {
    for (size_t i = 0; i < COUNT_OF(refused_words); i++) {
        if (sv_contains(text, refused_words[i]))
            return refused_words[i];
    }
    return SV("");
}

static bool is_shell(struct sv program) {
    return sv_eq(program, SV("sh")) || sv_eq(program, SV("bash"));
}

static bool ends_in_shell(struct sv program) {
    size_t slash = sv_find_last(program, '/');
    return slash < program.len && is_shell(sv_drop(program, slash + 1));
}

/* Why upstream would refuse the command, or SV(""). */
static struct sv guard_verdict(const struct lint *lint, const struct cJSON *command) {
    struct sv program = json_text(json_at(command, 0));
    if (ends_in_shell(program))
        return arena_printf(lint->arena,
                            "%.*s is an unknown shell; only sh -c and bash -c are allowed",
                            SV_ARG(program));
    if (is_shell(program) &&
        (json_count(command) != 3 || !sv_eq(json_text(json_at(command, 1)), SV("-c"))))
        return SV("a shell must be exactly sh -c SCRIPT or bash -c SCRIPT");
    for (size_t i = 1; i < json_count(command); i++) {
        struct sv word = refused_word(json_text(json_at(command, i)));
        if (word.len > 0)
            return arena_printf(lint->arena, "argument %zu contains %.*s", i, SV_ARG(word));
    }
    return SV("");
}

static void check_001(struct lint *lint, enum role role) {
    JSON_EACH (entry, entries_of(lint, role)) {
        const struct cJSON *command = lint_list(entry, "command");
        struct sv verdict = json_count(command) > 0 ? guard_verdict(lint, command) : SV("");
        if (verdict.len > 0 && lint->target == LINT_TARGET_FLUID)
            lint_fail(lint, command, "%.*s: %.*s", SV_ARG(json_key(entry)), SV_ARG(verdict));
        else if (verdict.len > 0)
            lint_note(lint, command, "%.*s: upstream would refuse it: %.*s",
                      SV_ARG(json_key(entry)), SV_ARG(verdict));
    }
}

/* The dependency whose mountPath holds `program`, and the key below it. */
static const struct cJSON *mounted_config_map(const struct lint *lint, enum role role,
                                              struct sv program, struct sv *ret_key) {
    const struct cJSON *component = subject_component(lint->subject, role);
    JSON_EACH (dependency, lint_list(component, "dependencies.extraResources.configMaps")) {
        struct sv path =
            json_is_map(dependency) ? json_string_or(dependency, SV("mountPath"), SV("")) : SV("");
        if (sv_ends_with(path, SV("/")))
            path = sv_prefix(path, path.len - 1);
        if (path.len > 0 && sv_starts_with(program, path) && program.len > path.len + 1 &&
            program.ptr[path.len] == '/') {
            *ret_key = sv_drop(program, path.len + 1);
            return lint_extra_config_map(lint, json_string_or(dependency, SV("name"), SV("")));
        }
    }
    return NULL;
}

static void check_program(struct lint *lint, enum role role, const struct cJSON *entry) {
    const struct cJSON *program = json_find(entry, "command.0");
    struct sv key = SV("");
    const struct cJSON *config_map = mounted_config_map(lint, role, json_text(program), &key);
    if (!config_map)
        return;
    const struct cJSON *data = lint_map(config_map, "data");
    struct sv name = json_string_or(config_map, SV("name"), SV(""));
    if (!data || !json_get(data, key))
        lint_fail(lint, program, "%.*s: ConfigMap %.*s has no key \"%.*s\"",
                  SV_ARG(json_key(entry)), SV_ARG(name), SV_ARG(key));
    else
        lint_fail(lint, program,
                  "%.*s: files of ConfigMap %.*s are mounted with mode 0644 and do not run",
                  SV_ARG(json_key(entry)), SV_ARG(name));
}

static void check_002(struct lint *lint, enum role role) {
    JSON_EACH (entry, entries_of(lint, role)) {
        const struct cJSON *program = json_find(entry, "command.0");
        if (!program)
            continue;
        struct sv path = json_text(program);
        if (path.len == 0 || (path.ptr[0] != '/' && sv_find(path, '/') < path.len) ||
            sv_find(path, ' ') < path.len)
            lint_fail(lint, program,
                      "%.*s: \"%.*s\" is no program: give its absolute path, and arguments apart",
                      SV_ARG(json_key(entry)), SV_ARG(path));
        else
            check_program(lint, role, entry);
    }
}

static void check_script(struct lint *lint, const struct cJSON *entry, const struct cJSON *script) {
    struct sv name = json_string_or(script, SV("configMap"), SV(""));
    struct sv key = json_string_or(script, SV("key"), SV(""));
    const struct cJSON *config_map = lint_extra_config_map(lint, name);
    struct sv nearest = SV("");
    if (!config_map) {
        const struct sv *names;
        size_t count = lint_extra_names(lint, &names);
        nearest = sv_nearest(name, names, count);
        lint_fail(lint, script, "%.*s: ConfigMap \"%.*s\" is not in extraResources" SV_MEANT,
                  SV_ARG(json_key(entry)), SV_ARG(name), SV_MEANT_ARG(nearest))
            ->expected = nearest;
        return;
    }
    const struct cJSON *data = lint_map(config_map, "data");
    if (data && json_get(data, key))
        return;
    struct sv *keys = ARENA_ARRAY(lint->arena, struct sv, json_count(data) + 1);
    size_t count = 0;
    JSON_EACH (member, data)
        keys[count++] = json_key(member);
    nearest = sv_nearest(key, keys, count);
    lint_fail(lint, script, "%.*s: ConfigMap %.*s has no key \"%.*s\"" SV_MEANT,
              SV_ARG(json_key(entry)), SV_ARG(name), SV_ARG(key), SV_MEANT_ARG(nearest))
        ->expected = nearest;
}

static void check_013(struct lint *lint, enum role role) {
    JSON_EACH (entry, entries_of(lint, role)) {
        const struct cJSON *script = lint_map(entry, "script");
        if (script)
            check_script(lint, entry, script);
    }
}

static void check_limits(struct lint *lint, const struct cJSON *entry) {
    const struct cJSON *command = lint_list(entry, "command");
    const struct cJSON *script = lint_map(entry, "script");
    struct sv name = json_key(entry);
    size_t bytes = 0;
    JSON_EACH (argument, command)
        bytes += json_text(argument).len + 1;
    if (json_count(command) == 0 && !script)
        lint_fail_key(lint, entry, "%.*s has neither command nor script", SV_ARG(name));
    if (json_count(command) > 0 && script)
        lint_fail_key(lint, entry, "%.*s has both command and script", SV_ARG(name));
    if (json_count(command) > ARGUMENTS_MAX || bytes > COMMAND_BYTES_MAX)
        lint_fail(lint, command, "%.*s has %zu arguments of %zu bytes", SV_ARG(name),
                  json_count(command), bytes)
            ->expected = SV("at most 64 arguments of 32768 bytes");
    int64_t timeout_s = json_int_or(entry, SV("timeout"), 0);
    if (timeout_s < 0 || timeout_s > TIMEOUT_MAX_S)
        lint_fail(lint, json_get(entry, SV("timeout")), "%.*s: timeout is %lld s", SV_ARG(name),
                  (long long)timeout_s)
            ->expected = SV("0 to 3600");
}

static void check_014(struct lint *lint, enum role role) {
    JSON_EACH (entry, entries_of(lint, role)) {
        if (json_is_map(entry))
            check_limits(lint, entry);
    }
}

static const struct lint_rule rules[] = {
    {SV("EXEC-001"), NULL, check_001},
    {SV("EXEC-002"), NULL, check_002},
    {SV("EXEC-013"), NULL, check_013},
    {SV("EXEC-014"), NULL, check_014},
};
LINT_RULES(lint_entry_rules, rules);
