/* SPDX-License-Identifier: Apache-2.0 */
/* A ValidatingAdmissionPolicy when it is written: whether its expressions can be evaluated. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/json_index.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/cel.h"
#include "fakeapi/server/webhook_parts.h"

enum { ANNOTATIONS_MAX = 20, VALUE_BYTES_MAX = 5 * 1024 };

/* A policy on its way into the store. */
struct policy_check {
    struct call *call;
    const struct cJSON *policy;
    struct findings findings;
    struct json_index annotation_keys; /* seen so far */
};

static void report(struct policy_check *check, struct sv item, const char *member,
                   const char *reason, struct sv message) {
    struct arena *arena = check->call->arena;
    struct sv field = arena_printf(arena, "%.*s%s%s", SV_ARG(item), member[0] ? "." : "", member);
    findings_add(arena, &check->findings, field, reason, NULL, "%.*s", SV_ARG(message));
}

static void report_required(struct policy_check *check, struct sv item, const char *member,
                            const char *detail) {
    report(check, item, member, "FieldValueRequired",
           arena_printf(check->call->arena, "Required value: %s", detail));
}

static void report_invalid(struct policy_check *check, struct sv item, const char *member,
                           struct sv value, struct sv detail) {
    report(check, item, member, "FieldValueInvalid",
           arena_printf(check->call->arena, "Invalid value: \"%.*s\": %.*s",
                        SV_ARG(sv_prefix(value, 300)), SV_ARG(detail)));
}

/* What it gives has to be one of two types, as far as that is known before it runs; "" as the first
 * one: anything. */
static void check_expression(struct policy_check *check, struct sv item, const char *member,
                             struct sv text, const char *const types[2]) {
    struct call *call = check->call;
    struct error err = {0};
    bool is_message = strcmp(member, "messageExpression") == 0;
    const struct cel_program *program =
        is_message ? policy_compile_message(call, text, &err) : policy_compile(call, text, &err);
    if (!program) {
        report_invalid(check, item, member, text, cel_failure_text(call->arena, text, &err));
        return;
    }
    struct sv type = cel_result_type(program);
    if (type.len == 0 || types[0][0] == 0 || sv_eq(type, sv_from(types[0])) ||
        sv_eq(type, sv_from(types[1])))
        return;
    struct sv wanted = types[1][0] ? arena_printf(call->arena, "one of [%s %s]", types[0], types[1])
                                   : sv_from(types[0]);
    report_invalid(check, item, member, text,
                   arena_printf(call->arena, "must evaluate to %.*s but got %.*s", SV_ARG(wanted),
                                SV_ARG(type)));
}

static const char *const any_type[2] = {"", ""};
static const char *const bool_type[2] = {"bool", ""};
static const char *const string_type[2] = {"string", ""};
static const char *const nullable_type[2] = {"string", "null_type"};

static void check_validation(struct policy_check *check, const struct cJSON *validation,
                             struct sv item) {
    struct sv expression = json_find_string(validation, "expression");
    struct sv message = json_find_string(validation, "messageExpression");
    if (sv_trim(expression).len == 0)
        report_required(check, item, "expression", "expression is not specified");
    else
        check_expression(check, item, "expression", expression, bool_type);
    if (message.len > 0)
        check_expression(check, item, "messageExpression", message, string_type);
}

static void check_annotation(struct policy_check *check, const struct cJSON *annotation,
                             struct sv item) {
    struct arena *arena = check->call->arena;
    struct sv key = json_find_string(annotation, "key");
    struct sv whole = ARENA_JOIN(arena, object_name(check->policy), SV("/"), key);
    struct sv value = json_find_string(annotation, "valueExpression");
    const char *fault = admit_qualified_name_fault(whole);
    if (fault)
        report_invalid(check, item, "key", whole, sv_from(fault));
    if (sv_trim(value).len == 0)
        report_required(check, item, "valueExpression", "valueExpression is not specified");
    else if (sv_trim(value).len > VALUE_BYTES_MAX)
        report_required(check, item, "valueExpression", "must not exceed 5120 bytes in length");
    else
        check_expression(check, item, "valueExpression", value, nullable_type);
    if (json_index_is_seen_again(&check->annotation_keys, key))
        report(check, item, "key", "FieldValueDuplicate",
               arena_printf(arena, "Duplicate value: \"%.*s\"", SV_ARG(key)));
}

static void check_condition(struct policy_check *check, const struct cJSON *condition,
                            struct sv item) {
    check_expression(check, item, "expression", json_find_string(condition, "expression"),
                     bool_type);
}

static void check_variable(struct policy_check *check, const struct cJSON *variable,
                           struct sv item) {
    check_expression(check, item, "expression", json_find_string(variable, "expression"), any_type);
}

static const struct {
    const char *list;
    void (*check)(struct policy_check *check, const struct cJSON *row, struct sv item);
} parts[] = {
    {"spec.matchConditions", check_condition},
    {"spec.variables", check_variable},
    {"spec.validations", check_validation},
    {"spec.auditAnnotations", check_annotation},
};

static void check_counts(struct policy_check *check) {
    static const char needed[] = "validations or auditAnnotations must contain at least one item";
    const struct cJSON *annotations = json_find(check->policy, "spec.auditAnnotations");
    size_t count = json_count(annotations);
    if (count == 0 && json_count(json_find(check->policy, "spec.validations")) == 0) {
        report_required(check, SV("spec.validations"), "", needed);
        report_required(check, SV("spec.auditAnnotations"), "", needed);
    }
    if (count > ANNOTATIONS_MAX)
        report(
            check, SV("spec.auditAnnotations"), "", "FieldValueInvalid",
            arena_printf(check->call->arena,
                         "Invalid value: %.*s: must not have more than 20 auditAnnotations",
                         SV_ARG(json_write_arena(check->call->arena, annotations, JSON_COMPACT))));
}

bool admit_policy(struct call *call, struct cJSON *tree) {
    struct policy_check check = {
        .call = call,
        .policy = tree,
        .annotation_keys = json_index_of(call->arena, json_map(call->arena)),
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        size_t index = 0;
        JSON_EACH (row, json_find(tree, parts[i].list))
            parts[i].check(&check, row,
                           arena_printf(call->arena, "%s[%zu]", parts[i].list, index++));
    }
    check_counts(&check);
    return check.findings.count == 0 ||
           refuse_invalid(call, call->type->resource.kind, call->type->resource.group,
                          object_name(tree), &check.findings);
}
