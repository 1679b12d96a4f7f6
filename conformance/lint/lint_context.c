/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/lint/lint_context.h"

#include "core/base/arena.h"

#include <stdarg.h>

enum { FINDING_BYTES_MAX = 2048 };

struct location lint_locate(const struct lint *lint, const struct cJSON *item, bool of_key) {
    const struct subject *subject = lint->subject;
    for (size_t i = 0; i < subject->manifest_count; i++) {
        struct location location = manifest_locate(&subject->manifests[i], item, of_key);
        if (location.line > 0)
            return location;
    }
    return manifest_locate(subject->class_manifest, subject->runtime_class, false);
}

static struct check_result *add(struct lint *lint, enum check_state state, const struct cJSON *item,
                                bool of_key, const char *format, va_list args) {
    char message[FINDING_BYTES_MAX];
    int len = vsnprintf(message, sizeof(message), format, args);
    assert(len >= 0);
    struct check_result *result = results_add(lint->results, lint->id, state, "%s", message);
    result->role = lint->role_name;
    result->subject = lint_locate(lint, item, of_key);
    return result;
}

struct check_result *lint_fail(struct lint *lint, const struct cJSON *item, const char *format,
                               ...) {
    va_list args;
    va_start(args, format);
    struct check_result *result = add(lint, CHECK_STATE_FAIL, item, false, format, args);
    va_end(args);
    return result;
}

struct check_result *lint_fail_key(struct lint *lint, const struct cJSON *member,
                                   const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct check_result *result = add(lint, CHECK_STATE_FAIL, member, true, format, args);
    va_end(args);
    return result;
}

void lint_note(struct lint *lint, const struct cJSON *item, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(lint, CHECK_STATE_PASS, item, false, format, args);
    va_end(args);
}

void lint_skip(struct lint *lint, const char *why) {
    results_add(lint->results, lint->id, CHECK_STATE_SKIP_UNSUPPORTED, "%s", why)->role =
        lint->role_name;
}

const struct cJSON *lint_list(const struct cJSON *root, const char *path) {
    const struct cJSON *item = root ? json_find(root, path) : NULL;
    return json_is_list(item) ? item : NULL;
}

const struct cJSON *lint_map(const struct cJSON *root, const char *path) {
    const struct cJSON *item = root ? json_find(root, path) : NULL;
    return json_is_map(item) ? item : NULL;
}

const struct cJSON *lint_topology(const struct lint *lint) {
    return lint_map(lint->subject->runtime_class, "topology");
}

const struct cJSON *lint_pod_spec(const struct lint *lint, enum role role) {
    return lint_map(subject_component(lint->subject, role), "template.spec");
}

const struct cJSON *lint_first_container(const struct lint *lint, enum role role) {
    return lint_map(lint_pod_spec(lint, role), "containers.0");
}

const struct cJSON *lint_find_text(const struct cJSON *root, struct sv needle) {
    if (!root)
        return NULL;
    if (json_is_string(root))
        return sv_contains(json_text(root), needle) ? root : NULL;
    JSON_EACH (child, root) {
        const struct cJSON *found = lint_find_text(child, needle);
        if (found)
            return found;
    }
    return NULL;
}

bool lint_is_fuse(const struct lint *lint) {
    const struct cJSON *container = lint_first_container(lint, ROLE_CLIENT);
    if (!container)
        return false;
    const struct cJSON *privileged = json_find(container, "securityContext.privileged");
    return json_is_true(privileged) ||
           lint_find_in_component(lint, ROLE_CLIENT, SV("FLUID_RUNTIME_MOUNT_PATH")) != NULL;
}

bool lint_looks_at_fuse_client(struct lint *lint) {
    if (!lint_is_fuse(lint)) {
        lint_skip(lint, "the class has no FUSE client");
        return false;
    }
    lint->role_name = role_text(ROLE_CLIENT);
    return true;
}

const struct cJSON *lint_extra_config_map(const struct lint *lint, struct sv name) {
    JSON_EACH (config_map, lint_list(lint->subject->runtime_class, "extraResources.configMaps")) {
        if (json_is_map(config_map) && sv_eq(json_string_or(config_map, SV("name"), SV("")), name))
            return config_map;
    }
    return NULL;
}

size_t lint_extra_names(const struct lint *lint, const struct sv **ret_names) {
    const struct cJSON *list = lint_list(lint->subject->runtime_class, "extraResources.configMaps");
    struct sv *names = ARENA_ARRAY(lint->arena, struct sv, json_count(list) + 1);
    size_t count = 0;
    JSON_EACH (config_map, list) {
        if (json_is_map(config_map))
            names[count++] = json_string_or(config_map, SV("name"), SV(""));
    }
    *ret_names = names;
    return count;
}

bool lint_uses_config_map(const struct lint *lint, enum role role, struct sv name) {
    const struct cJSON *component = subject_component(lint->subject, role);
    JSON_EACH (dependency, lint_list(component, "dependencies.extraResources.configMaps")) {
        if (json_is_map(dependency) && sv_eq(json_string_or(dependency, SV("name"), SV("")), name))
            return true;
    }
    JSON_EACH (entry, lint_map(component, "executionEntries")) {
        if (json_is_map(entry) && sv_eq(json_find_string(entry, "script.configMap"), name))
            return true;
    }
    return false;
}

const struct cJSON *lint_find_in_component(const struct lint *lint, enum role role,
                                           struct sv needle) {
    const struct cJSON *component = subject_component(lint->subject, role);
    const struct cJSON *found = lint_find_text(lint_map(component, "template"), needle);
    if (!found)
        found = lint_find_text(lint_map(component, "executionEntries"), needle);
    const struct lint_script *scripts;
    size_t count = lint_scripts(lint, &scripts);
    for (size_t i = 0; !found && i < count; i++) {
        struct sv text = json_text(scripts[i].text);
        if (lint_uses_config_map(lint, role, scripts[i].config_map) &&
            lint_script_find(text, needle) < text.len)
            found = scripts[i].text;
    }
    return found;
}

size_t lint_scripts(const struct lint *lint, const struct lint_script **ret_scripts) {
    const struct cJSON *list = lint_list(lint->subject->runtime_class, "extraResources.configMaps");
    size_t count = 0;
    JSON_EACH (config_map, list)
        count += json_count(lint_map(config_map, "data"));
    struct lint_script *scripts = ARENA_ARRAY(lint->arena, struct lint_script, count + 1);
    size_t used = 0;
    JSON_EACH (config_map, list) {
        JSON_EACH (text, lint_map(config_map, "data")) {
            if (json_is_string(text))
                scripts[used++] =
                    (struct lint_script){json_string_or(config_map, SV("name"), SV("")), text};
        }
    }
    *ret_scripts = scripts;
    return used;
}

static const struct manifest *manifest_at(const struct lint *lint, struct sv path) {
    for (size_t i = 0; i < lint->subject->manifest_count; i++) {
        if (sv_eq(lint->subject->manifests[i].path, path))
            return &lint->subject->manifests[i];
    }
    return lint->subject->class_manifest;
}

static struct sv line_at(struct sv text, uint32_t line) {
    for (uint32_t i = 1; i < line; i++)
        sv_cut(&text, '\n');
    return sv_cut(&text, '\n');
}

void lint_point_into(const struct lint *lint, struct check_result *result, const struct cJSON *text,
                     size_t offset) {
    struct location location = lint_locate(lint, text, false);
    result->subject = location;
    struct sv source = manifest_at(lint, location.path)->text;
    struct sv first = sv_drop(line_at(source, location.line), location.column - 1);
    /* Only in a literal block do the lines of the text stand one to one in the file. */
    if (location.line == 0 || first.len == 0 || first.ptr[0] != '|')
        return;
    struct sv before = sv_prefix(json_text(text), offset);
    uint32_t line = location.line + 1;
    for (size_t i = 0; i < before.len; i++)
        line += before.ptr[i] == '\n';
    size_t newline = sv_find_last(before, '\n');
    size_t column = newline == before.len ? offset : offset - newline - 1;
    struct sv there = line_at(source, line);
    size_t indent = 0;
    struct sv begin = line_at(source, location.line + 1);
    while (indent < begin.len && begin.ptr[indent] == ' ')
        indent++;
    if (indent + column >= there.len)
        return;
    result->subject.line = line;
    result->subject.column = (uint32_t)(indent + column + 1);
}

size_t lint_script_find(struct sv text, struct sv needle) {
    size_t offset = 0;
    struct sv rest = text;
    while (rest.len > 0) {
        struct sv line = sv_cut(&rest, '\n');
        size_t line_offset = (size_t)(line.ptr - text.ptr);
        if (!sv_starts_with(sv_trim(line), SV("#")) && sv_contains(line, needle)) {
            offset = 0;
            while (!sv_starts_with(sv_drop(line, offset), needle))
                offset++;
            return line_offset + offset;
        }
    }
    return text.len;
}
