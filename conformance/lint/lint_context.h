/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint_context: what the rules of lint share. A rule is a function that adds findings; the rule
 * that is running is known to the context, so that a finding is one statement. A rule that adds
 * nothing has passed. Private to conformance/lint*.c.
 */
#ifndef CONFORMANCE_LINT_LINT_CONTEXT_H
#define CONFORMANCE_LINT_LINT_CONTEXT_H

#include "conformance/check.h"
#include "conformance/lint/lint.h"
#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/data/json.h"

struct registry;

struct lint {
    const struct subject *subject;
    const struct subject *previous; /* of the class before it, or NULL */
    enum lint_target target;
    struct check_results *results;
    struct arena *arena;
    const struct registry *registry;
    struct sv id;          /* of the running rule */
    struct sv role_name;   /* "" in a rule about the whole subject */
    size_t findings_begin; /* index of the running rule's first result */
};

struct lint_rule {
    struct sv id;
    void (*check_subject)(struct lint *lint);                   /* once, or */
    void (*check_component)(struct lint *lint, enum role role); /* for each declared component */
};
struct lint_rules {
    const struct lint_rule *items;
    size_t count;
};
#define LINT_RULES(name, array) const struct lint_rules name = {(array), COUNT_OF(array)}

extern const struct lint_rules lint_schema_rules, lint_topology_rules, lint_workload_rules,
    lint_service_rules, lint_volume_rules, lint_hardening_rules, lint_secret_rules,
    lint_probe_rules, lint_entry_rules, lint_portability_rules, lint_upgrade_rules,
    lint_deletion_rules;

/* What lint_objects() does with one object. */
void lint_object(struct lint *lint, const struct cJSON *object);

/* Findings of the running rule, at an item: a value, or the key of a member. */
struct check_result *lint_fail(struct lint *lint, const struct cJSON *item, const char *format, ...)
    PRINTF_LIKE(3, 4);
struct check_result *lint_fail_key(struct lint *lint, const struct cJSON *member,
                                   const char *format, ...) PRINTF_LIKE(3, 4);
/* A pass with a remark. */
void lint_note(struct lint *lint, const struct cJSON *item, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The class does not have what the rule is about. */
void lint_skip(struct lint *lint, const char *why);

struct location lint_locate(const struct lint *lint, const struct cJSON *item, bool of_key);

/* --- parts of a class; NULL when absent or of a wrong type --- */

const struct cJSON *lint_pod_spec(const struct lint *lint, enum role role);
const struct cJSON *lint_first_container(const struct lint *lint, enum role role);
const struct cJSON *lint_topology(const struct lint *lint);
/* The list under that path of a component's template or of any other tree. */
const struct cJSON *lint_list(const struct cJSON *root, const char *path);
const struct cJSON *lint_map(const struct cJSON *root, const char *path);
/* The client mounts a file system: its container is privileged or uses the target path. */
bool lint_is_fuse(const struct lint *lint);
/* The same for checks of that client only, and what follows is said of it: skips them otherwise. */
bool lint_looks_at_fuse_client(struct lint *lint);
/* The ConfigMap of that name in the class's extraResources. */
const struct cJSON *lint_extra_config_map(const struct lint *lint, struct sv name);
/* Names of all of them, in order. */
size_t lint_extra_names(const struct lint *lint, const struct sv **ret_names);
/* Whether a component mounts the ConfigMap or runs a script of it. */
bool lint_uses_config_map(const struct lint *lint, enum role role, struct sv name);
/* Whether any text in the tree (keys left out) holds `needle`; the first such item. */
const struct cJSON *lint_find_text(const struct cJSON *root, struct sv needle);
/* The first text with `needle` in a component's template, entries and scripts. */
const struct cJSON *lint_find_in_component(const struct lint *lint, enum role role,
                                           struct sv needle);

/* --- scripts: the texts in extraResources.configMaps[].data --- */

struct lint_script {
    struct sv config_map;
    const struct cJSON *text; /* the member of data */
};
/* All of them in order. */
size_t lint_scripts(const struct lint *lint, const struct lint_script **ret_scripts);
/* Moves a finding from the beginning of a text to the line `offset` bytes into it. */
void lint_point_into(const struct lint *lint, struct check_result *result, const struct cJSON *text,
                     size_t offset);
/* Position of `needle` in `text` outside of shell comments, or text.len. */
size_t lint_script_find(struct sv text, struct sv needle);

#endif
