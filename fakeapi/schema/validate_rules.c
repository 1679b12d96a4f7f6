/* SPDX-License-Identifier: Apache-2.0 */
/* x-kubernetes-validations; texts are those of apiserver-semantics.md §1.10. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/cel.h"
#include "fakeapi/schema/crd_schema.h"

/* The type as the schema states it: how messages show the value. */
static struct sv type_shown(const struct schema *schema) {
    if (schema->kind == SCHEMA_INT_OR_STRING)
        return SV("");
    return json_string_or(schema->rules->source, SV("type"), SV(""));
}

static struct sv rule_message(const struct checker *checker, const struct schema_rule *rule,
                              const struct cJSON *item, const struct cJSON *old) {
    struct error err = {0};
    struct sv text = SV("");
    bool has_text = rule->message_program && cel_evaluate_string(rule->message_program, item, old,
                                                                 checker->arena, &text, &err);
    text = sv_trim(text);
    if (has_text && text.len > 0 && sv_find(text, '\n') == text.len)
        return text;
    if (rule->message.len > 0)
        return rule->message;
    return arena_printf(checker->arena, "failed rule: %.*s", SV_ARG(sv_trim(rule->text)));
}

static void report(const struct checker *checker, const struct schema *schema,
                   const struct schema_rule *rule, const struct cJSON *item, struct sv field,
                   struct sv message) {
    struct sv path =
        arena_printf(checker->arena, "%.*s%.*s", SV_ARG(field), SV_ARG(rule->field_path));
    if (field.len == 0 && sv_starts_with(path, SV(".")))
        path = sv_drop(path, 1);
    struct sv shown = type_shown(schema);
    if (sv_eq(rule->reason, SV("FieldValueRequired")))
        report_required(checker, path, item, arena_copy(checker->arena, message).ptr);
    else if (sv_eq(rule->reason, SV("FieldValueForbidden")))
        report_forbidden(checker, path, item, arena_copy(checker->arena, message).ptr);
    else if (sv_eq(rule->reason, SV("FieldValueDuplicate")))
        findings_add(checker->arena, checker->findings, path, "FieldValueDuplicate", item,
                     "Duplicate value: \"%.*s\"", SV_ARG(shown));
    else
        findings_add(checker->arena, checker->findings, path, "FieldValueInvalid", item,
                     "Invalid value: \"%.*s\": %.*s", SV_ARG(shown), SV_ARG(message));
}

static void check_rule(const struct checker *checker, const struct schema *schema,
                       const struct schema_rule *rule, const struct cJSON *item,
                       const struct cJSON *old, struct sv field) {
    struct error err = {0};
    bool holds = false;
    bool is_transition = cel_uses_old(rule->program);
    /* Unchanged values are tolerated, but for rules that compare both. */
    if ((is_transition && !old && !rule->is_for_creation_too) ||
        (!is_transition && old && json_equal(old, item)))
        return;
    if (!cel_evaluate_bool(rule->program, item, old, checker->arena, &holds, &err)) {
        /* Neither its reason nor its path is meant for this. */
        struct sv said = rule->message.len > 0 ? rule->message : sv_trim(rule->text);
        const struct schema_rule plain = {.reason = SV(""), .field_path = SV("")};
        report(checker, schema, &plain, item, field,
               arena_printf(checker->arena, "%s evaluating rule: %.*s", err.message, SV_ARG(said)));
    } else if (!holds) {
        report(checker, schema, rule, item, field, rule_message(checker, rule, item, old));
    }
}

static void check_members(const struct checker *checker, const struct schema *schema,
                          const struct cJSON *item, const struct cJSON *old, struct sv field) {
    struct json_index olds = json_index_of(checker->arena, old);
    JSON_EACH (member, item) {
        const struct schema *below = schema_member(schema, json_key(member));
        if (below && below->rules && below->rules->has_rules_below)
            validate_rules(checker, below, member, json_index_get(&olds, json_key(member)),
                           path_member(checker, field, json_key(member)));
    }
}

static void check_items(const struct checker *checker, const struct schema *schema,
                        const struct cJSON *item, const struct cJSON *old, struct sv field) {
    size_t index = 0;
    if (!schema->items || !schema->items->rules || !schema->items->rules->has_rules_below)
        return;
    struct correlation olds = correlation_of(checker, schema, old);
    JSON_EACH (entry, item) {
        struct sv path = path_index(checker, field, index++);
        validate_rules(checker, schema->items, entry, correlated_item(&olds, entry), path);
    }
}

void validate_rules(const struct checker *checker, const struct schema *schema,
                    const struct cJSON *item, const struct cJSON *old, struct sv field) {
    if (!schema || !schema->rules || !schema->rules->has_rules_below || json_is_null(item))
        return;
    for (size_t i = 0; i < schema->rules->rule_count; i++)
        check_rule(checker, schema, &schema->rules->rules[i], item, old, field);
    if (json_is_list(item))
        check_items(checker, schema, item, json_is_list(old) ? old : NULL, field);
    else if (json_is_map(item))
        check_members(checker, schema, item, json_is_map(old) ? old : NULL, field);
}
