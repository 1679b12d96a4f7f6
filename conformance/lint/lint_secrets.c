/* SPDX-License-Identifier: Apache-2.0 */
/* SEC-001 and SEC-002: credentials, and where Secrets are mounted. */
#include "conformance/lint/lint_context.h"
#include "core/api/object.h"

enum { ACCESS_KEY_ID_BYTES = 20, WORD_BYTES_MAX = 64 };

static bool contains_ignoring_case(struct sv text, struct sv lower) {
    for (size_t i = 0; i + lower.len <= text.len; i++) {
        size_t j = 0;
        while (j < lower.len) {
            char byte = text.ptr[i + j];
            if (byte >= 'A' && byte <= 'Z')
                byte = (char)(byte | 0x20);
            if (byte != lower.ptr[j])
                break;
            j++;
        }
        if (j == lower.len)
            return true;
    }
    return false;
}

static bool is_secret_name(struct sv name) {
    static const struct sv words[] = {SV("password"),  SV("passwd"),      SV("secret"),
                                      SV("token"),     SV("access-key"),  SV("access_key"),
                                      SV("accesskey"), SV("private-key"), SV("credential")};
    static const struct sv harmless[] = {SV("name"), SV("path"), SV("file"), SV("mount"),
                                         SV("ttl")};
    for (size_t i = 0; i < COUNT_OF(harmless); i++) {
        if (contains_ignoring_case(name, harmless[i]))
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (contains_ignoring_case(name, words[i]))
            return true;
    }
    return false;
}

/* A path, a reference or a text that says "put yours here" is no credential. */
static bool is_placeholder(struct sv value) {
    static const struct sv words[] = {
        SV("changeme"), SV("change-me"), SV("placeholder"), SV("your-"), SV("example"),
        SV("replace"),  SV("dummy"),     SV("xxx"),         SV("true"),  SV("false")};
    if (value.len == 0 || memchr("/$<{", value.ptr[0], 4))
        return true;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (contains_ignoring_case(value, words[i]))
            return true;
    }
    return false;
}

/* An AWS access key id: AKIA or ASIA and 16 capitals or digits. */
static bool holds_key_id(struct sv text) {
    for (size_t i = 0; i + ACCESS_KEY_ID_BYTES <= text.len; i++) {
        struct sv word = sv_prefix(sv_drop(text, i), ACCESS_KEY_ID_BYTES);
        if (!sv_starts_with(word, SV("AKIA")) && !sv_starts_with(word, SV("ASIA")))
            continue;
        size_t j = 4;
        while (j < word.len && ((word.ptr[j] >= 'A' && word.ptr[j] <= 'Z') ||
                                (word.ptr[j] >= '0' && word.ptr[j] <= '9')))
            j++;
        if (j == word.len)
            return true;
    }
    return false;
}

static void check_strings(struct lint *lint, const struct cJSON *item) {
    if (!json_is_string(item)) {
        JSON_EACH (child, item)
            check_strings(lint, child);
        return;
    }
    struct sv text = json_text(item);
    if ((sv_contains(text, SV("-----BEGIN")) && sv_contains(text, SV("PRIVATE KEY"))) ||
        holds_key_id(text))
        lint_fail(lint, item, "a key is written out");
}

static void check_named(struct lint *lint, const struct cJSON *value, struct sv name) {
    if (json_is_string(value) && is_secret_name(name) && !is_placeholder(json_text(value)))
        lint_fail(lint, value, "\"%.*s\" holds a value that looks like a credential", SV_ARG(name));
}

static void check_map(struct lint *lint, const struct cJSON *map) {
    JSON_EACH (member, map)
        check_named(lint, member, json_key(member));
}

static void check_component(struct lint *lint, const struct cJSON *component) {
    check_map(lint, lint_map(component, "options"));
    JSON_EACH (variable, lint_list(component, "template.spec.containers.0.env")) {
        if (json_is_map(variable))
            check_named(lint, json_get(variable, SV("value")),
                        json_string_or(variable, SV("name"), SV("")));
    }
}

static void check_sample(struct lint *lint, const struct sample *sample) {
    check_strings(lint, sample->dataset);
    check_strings(lint, sample->runtime);
    check_map(lint, lint_map(sample->dataset, "spec.sharedOptions"));
    JSON_EACH (mount, lint_list(sample->dataset, "spec.mounts"))
        check_map(lint, lint_map(mount, "options"));
    check_map(lint, lint_map(sample->runtime, "spec.options"));
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *spec = lint_map(sample->runtime, "spec");
        const struct cJSON *component = spec ? json_get(spec, role_text(role)) : NULL;
        if (json_is_map(component))
            check_map(lint, lint_map(component, "options"));
    }
}

static void check_001(struct lint *lint) {
    const struct subject *subject = lint->subject;
    check_strings(lint, subject->runtime_class);
    for (enum role role = 0; role < ROLE_COUNT; role++)
        check_component(lint, subject_component(subject, role));
    for (size_t i = 0; i < subject->sample_count; i++)
        check_sample(lint, &subject->samples[i]);
    for (size_t i = 0; i < subject->extra_count; i++) {
        check_strings(lint, subject->extras[i]);
        check_map(lint, lint_map(subject->extras[i], "stringData"));
    }
}

static void check_002(struct lint *lint, enum role role) {
    const struct cJSON *component = subject_component(lint->subject, role);
    static const struct sv readers[] = {SV("encryptOptions"), SV("/etc/fluid/secrets")};
    const struct cJSON *use = NULL;
    for (size_t i = 0; !use && i < COUNT_OF(readers); i++)
        use = lint_find_in_component(lint, role, readers[i]);
    const struct cJSON *mount = lint_map(component, "dependencies.secretMount");
    bool is_mounted = mount ? json_bool_or(mount, SV("enabled"), false) : role != ROLE_CLIENT;
    if (use && !is_mounted)
        lint_fail(lint, mount ? mount : use,
                  "%.*s reads encryptOptions, and no Secret is mounted there",
                  SV_ARG(role_text(role)))
            ->expected = SV("dependencies.secretMount.enabled: true");
}

static const struct lint_rule rules[] = {
    {SV("SEC-001"), check_001, NULL},
    {SV("SEC-002"), NULL, check_002},
};
LINT_RULES(lint_secret_rules, rules);
