/* SPDX-License-Identifier: Apache-2.0 */
/* ValidatingAdmissionPolicies: what their expressions say about a write, where a binding puts
 * them into force. */
#include "core/api/object.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/cel.h"
#include "fakeapi/server/webhook_parts.h"

#define ADMISSION_GROUP SV("admissionregistration.k8s.io")

enum {
    PARAMS_MAX = 256,
    /* Of what one key of the audit log is told. */
    ANNOTATION_BYTES_MAX = 10 * 1024,
};

#define VARIABLES(authorizer)                                                                      \
    {SV("object"), NULL}, {SV("oldObject"), NULL}, {SV("request"), NULL}, {SV("params"), NULL},    \
        {SV("namespaceObject"), NULL}, {SV(authorizer), NULL}, {SV("variables"), NULL},
/* The last one holds what the policy's own variables are. */
static const struct cel_variable variables[] = {VARIABLES("authorizer")};
/* What a message is made of: nobody asks then any more. */
static const struct cel_variable message_variables[] = {VARIABLES("")};
enum { VALUE_PARAMS = 3, VALUE_AUTHORIZER = 5, VALUE_COUNT = COUNT_OF(variables) };

/* One policy under one binding, for one object of parameters. */
struct judging {
    struct call *call;
    const struct cJSON *policy, *binding; /* whole objects */
    const struct cJSON *values[VALUE_COUNT];
    struct cel_results *results;
    struct cel_authorizer authorizer;
    size_t index; /* of the validation */
};

static struct collection *collection_of(struct call *call, struct sv plural) {
    return builtin_collection(call->api, ADMISSION_GROUP, plural);
}

const struct cel_program *policy_compile(struct call *call, struct sv text, struct error *err) {
    return cel_compile_with(call->arena, text, variables, COUNT_OF(variables), err);
}

const struct cel_program *policy_compile_message(struct call *call, struct sv text,
                                                 struct error *err) {
    return cel_compile_with(call->arena, text, message_variables, COUNT_OF(message_variables), err);
}

static struct cel_bindings bindings_of(const struct judging *judging) {
    return (struct cel_bindings){
        .values = judging->values,
        .results = judging->results,
        .authorizer = &judging->authorizer,
        .authorizer_index = VALUE_AUTHORIZER,
    };
}

/* --- what a false or failing expression does --- */

static bool acts(const struct judging *judging, struct sv action) {
    return json_has_text(json_find(judging->binding, "spec.validationActions"), action);
}

static int code_of(struct sv reason) {
    static const struct {
        struct sv reason;
        int code;
    } codes[] = {
        {SV("Unauthorized"), 401}, {SV("Forbidden"), 403}, {SV("RequestEntityTooLarge"), 413}};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (sv_eq(codes[i].reason, reason))
            return codes[i].code;
    return 422;
}

static bool deny(struct judging *judging, struct sv reason, struct sv why) {
    struct call *call = judging->call;
    struct sv name = call->request->name;
    if (name.len == 0)
        name = object_name(judging->values[0]);
    struct cJSON *details = resource_details(call, call->type, name);
    struct sv qualified = resource_qualified(&call->type->resource, call->arena);
    struct sv text = arena_printf(
        call->arena, "ValidatingAdmissionPolicy '%.*s' with binding '%.*s' denied request: %.*s",
        SV_ARG(object_name(judging->policy)), SV_ARG(object_name(judging->binding)), SV_ARG(why));
    struct cJSON *cause = json_map(call->arena);
    json_set_string(call->arena, cause, SV("message"), text);
    json_append(json_ensure_list(call->arena, details, SV("causes")), cause);
    return refuse(call, code_of(reason), arena_copy(call->arena, reason).ptr,
                  arena_printf(call->arena, "%.*s \"%.*s\" is forbidden: %.*s", SV_ARG(qualified),
                               SV_ARG(name), SV_ARG(text)),
                  details);
}

/* For the audit log; what several parameters or bindings say of a key is told together. */
static void note(struct judging *judging, struct sv key, struct sv value) {
    struct cJSON *notes = judging->call->audit_annotations;
    struct sv known = json_string_or(notes, key, SV(""));
    if (!notes || sv_contains(known, value))
        return;
    struct sv text =
        known.len > 0 ? ARENA_JOIN(judging->call->arena, known, SV(", "), value) : value;
    json_set_string(
        judging->call->arena, notes, key,
        sv_prefix(text, text.len < ANNOTATION_BYTES_MAX ? text.len : ANNOTATION_BYTES_MAX));
}

static void note_failure(struct judging *judging, struct sv why) {
    static const struct sv key = SV("validation.policy.admission.k8s.io/validation_failure");
    struct arena *arena = judging->call->arena;
    if (!judging->call->audit_annotations || json_get(judging->call->audit_annotations, key))
        return; /* the first one is told */
    struct cJSON *list = json_list(arena);
    struct cJSON *failure = json_append(list, json_map(arena));
    json_set_string(arena, failure, SV("message"), why);
    json_set_string(arena, failure, SV("policy"), object_name(judging->policy));
    json_set_string(arena, failure, SV("binding"), object_name(judging->binding));
    json_set_int(arena, failure, SV("expressionIndex"), (int64_t)judging->index);
    json_set(arena, failure, SV("validationActions"),
             json_copy(arena, json_find(judging->binding, "spec.validationActions")));
    json_set_string(arena, judging->call->audit_annotations, key,
                    json_write_arena(arena, list, JSON_COMPACT));
}

/* False: refused. */
static bool act(struct judging *judging, struct sv reason, struct sv why) {
    if (acts(judging, SV("Audit")))
        note_failure(judging, why);
    if (acts(judging, SV("Warn")))
        answer_warning(judging->call,
                       arena_printf(judging->call->arena,
                                    "Validation failed for ValidatingAdmissionPolicy '%.*s' with "
                                    "binding '%.*s': %.*s",
                                    SV_ARG(object_name(judging->policy)),
                                    SV_ARG(object_name(judging->binding)), SV_ARG(why)));
    return !acts(judging, SV("Deny")) || deny(judging, reason, why);
}

static bool act_on_error(struct judging *judging, struct sv expression, const char *problem) {
    if (sv_eq(json_find_string(judging->policy, "spec.failurePolicy"), SV("Ignore")))
        return true;
    return act(judging, SV("Invalid"),
               arena_printf(judging->call->arena, "expression '%.*s' resulted in error: %s",
                            SV_ARG(expression), problem));
}

/* --- expressions --- */

static bool evaluate(struct judging *judging, struct sv expression, bool *ret_holds,
                     struct error *err) {
    struct cel_bindings bindings = bindings_of(judging);
    const struct cel_program *program = policy_compile(judging->call, expression, err);
    return program &&
           cel_evaluate_bool_with(program, &bindings, judging->call->arena, ret_holds, err);
}

static void set_variables(struct judging *judging) {
    const struct cJSON *list = json_find(judging->policy, "spec.variables");
    judging->results = cel_results_new(judging->call->arena, json_count(list));
    struct cel_bindings bindings = bindings_of(judging);
    JSON_EACH (variable, list) {
        struct error err = {0};
        const struct cel_program *program =
            policy_compile(judging->call, json_find_string(variable, "expression"), &err);
        if (program)
            cel_results_add(judging->results, json_find_string(variable, "name"), program,
                            &bindings, judging->call->arena);
    }
}

static struct sv message_of(struct judging *judging, const struct cJSON *validation) {
    struct sv message = json_find_string(validation, "message"), made;
    struct sv text = json_find_string(validation, "messageExpression");
    struct cel_bindings bindings = bindings_of(judging);
    struct error err = {0};
    const struct cel_program *program =
        text.len > 0 ? policy_compile_message(judging->call, text, &err) : NULL;
    if (program &&
        cel_evaluate_string_with(program, &bindings, judging->call->arena, &made, &err) &&
        sv_trim(made).len > 0)
        return made;
    if (message.len > 0)
        return message;
    struct sv expression = sv_trim(json_find_string(validation, "expression"));
    return arena_printf(judging->call->arena, "failed expression: %.*s", SV_ARG(expression));
}

/* Whether the policy's conditions hold; `ret_refused`: one failed, and that refused. */
static bool conditions_hold(struct judging *judging, bool *ret_refused) {
    *ret_refused = false;
    JSON_EACH (condition, json_find(judging->policy, "spec.matchConditions")) {
        struct sv expression = json_find_string(condition, "expression");
        struct error err = {0};
        bool holds = false;
        if (!evaluate(judging, expression, &holds, &err)) {
            *ret_refused = !act_on_error(judging, expression, err.message);
            return false;
        }
        if (!holds)
            return false;
    }
    return true;
}

/* One that cannot be told refuses, whether or not somebody listens. */
static bool check_annotations(struct judging *judging) {
    struct cel_bindings bindings = bindings_of(judging);
    struct sv name = object_name(judging->policy);
    bool ignores = sv_eq(json_find_string(judging->policy, "spec.failurePolicy"), SV("Ignore"));
    JSON_EACH (annotation, json_find(judging->policy, "spec.auditAnnotations")) {
        struct sv expression = sv_trim(json_find_string(annotation, "valueExpression"));
        struct sv value = SV("");
        struct error err = {0};
        const struct cel_program *program = policy_compile(judging->call, expression, &err);
        if (program &&
            cel_evaluate_nullable_with(program, &bindings, judging->call->arena, &value, &err)) {
            if (sv_trim(value).len > 0)
                note(judging,
                     ARENA_JOIN(judging->call->arena, name, SV("/"),
                                json_find_string(annotation, "key")),
                     value);
            continue;
        }
        if (ignores)
            continue;
        return deny(judging, SV("Invalid"),
                    arena_printf(judging->call->arena, "expression '%.*s' resulted in error: %s",
                                 SV_ARG(expression), err.message));
    }
    return true;
}

/* False: refused. */
static bool judge(struct judging *judging) {
    bool is_refused;
    set_variables(judging);
    if (!conditions_hold(judging, &is_refused))
        return !is_refused;
    judging->index = 0;
    JSON_EACH (validation, json_find(judging->policy, "spec.validations")) {
        struct sv expression = json_find_string(validation, "expression");
        struct sv reason = json_string_or(validation, SV("reason"), SV("Invalid"));
        struct error err = {0};
        bool holds = false;
        bool is_passed = !evaluate(judging, expression, &holds, &err)
                             ? act_on_error(judging, sv_trim(expression), err.message)
                             : holds || act(judging, reason, message_of(judging, validation));
        if (!is_passed)
            return false;
        judging->index++;
    }
    return check_annotations(judging);
}

/* --- parameters --- */

static const struct resource_type *param_type(struct call *call, const struct cJSON *policy) {
    struct sv version = json_find_string(policy, "spec.paramKind.apiVersion"), group = SV("");
    if (sv_find(version, '/') < version.len)
        group = sv_cut(&version, '/');
    return registry_find_kind(call->api->registry, group, version,
                              json_find_string(policy, "spec.paramKind.kind"));
}

/* The objects that a binding refers to. */
static size_t find_params(struct judging *judging, const struct resource_type *type,
                          const struct cJSON **ret_params) {
    struct call *call = judging->call;
    const struct cJSON *reference = json_find(judging->binding, "spec.paramRef");
    struct sv name = json_find_string(reference, "name");
    struct sv namespace_name = json_find_string(reference, "namespace");
    struct collection *objects = store_collection(call->api->store, type->storage_key);
    if (type->resource.is_namespaced && namespace_name.len == 0)
        namespace_name = call->request->namespace_name;
    struct selector selector;
    struct error err = {0};
    size_t count = 0;
    if (!selector_from_object(call->arena, json_get(reference, SV("selector")), &selector, &err))
        return 0;
    struct position position = collection_seek(objects, namespace_name, name);
    struct stored *stored;
    while ((stored = collection_at(objects, &position)) && count < PARAMS_MAX) {
        position_advance(&position);
        if (type->resource.is_namespaced && !sv_eq(stored->namespace_name, namespace_name))
            break;
        if (name.len > 0 && !sv_eq(stored->name, name))
            break;
        const struct cJSON *tree = stored_tree(stored);
        if (name.len > 0 || selector_matches(&selector, json_find(tree, "metadata.labels")))
            ret_params[count++] = tree;
    }
    return count;
}

static bool judge_with_params(struct judging *judging) {
    const struct resource_type *type = param_type(judging->call, judging->policy);
    const struct cJSON **params =
        ARENA_ARRAY(judging->call->arena, const struct cJSON *, PARAMS_MAX);
    size_t count = type ? find_params(judging, type, params) : 0;
    bool allows = sv_eq(json_find_string(judging->binding, "spec.paramRef.parameterNotFoundAction"),
                        SV("Allow"));
    if (!type)
        return act_on_error(judging, SV("params"), "the kind of the parameters is not known");
    if (count == 0)
        return allows || act(judging, SV("Invalid"),
                             SV("no params found for policy binding with `Deny` "
                                "parameterNotFoundAction"));
    for (size_t i = 0; i < count; i++) {
        judging->values[VALUE_PARAMS] = params[i];
        if (!judge(judging))
            return false;
    }
    return true;
}

/* --- which policies --- */

static bool is_meant(struct call *call, const struct admission *admission,
                     const struct cJSON *constraints, const struct resource_type **ret_type) {
    const struct cJSON *rules = json_get(constraints, SV("resourceRules"));
    struct sv policy = json_find_string(constraints, "matchPolicy");
    const struct resource_type *type =
        json_count(rules) > 0 ? matched_type(call, admission, rules, policy) : call->type;
    if (ret_type)
        *ret_type = type;
    return type && selectors_match(call, admission, constraints) &&
           !matched_type(call, admission, json_get(constraints, SV("excludeResourceRules")),
                         policy);
}

static bool judge_binding(struct call *call, const struct admission *admission,
                          const struct cJSON *policy, const struct cJSON *binding) {
    const struct cJSON *limits = json_find(binding, "spec.matchResources");
    struct webhook matched = {.source = policy};
    if (!sv_eq(json_find_string(binding, "spec.policyName"), object_name(policy)) ||
        !is_meant(call, admission, json_find(policy, "spec.matchConstraints"), &matched.type) ||
        (limits && !is_meant(call, admission, limits, NULL)))
        return true;
    const struct cJSON *review = review_request(call, admission, &matched);
    struct judging judging = {
        .call = call,
        .policy = policy,
        .binding = binding,
        .values = {admission->object, admission->old, json_get(review, SV("request")), NULL,
                   namespace_of(call, admission), NULL, NULL},
        .authorizer = call_authorizer(call),
    };
    return json_find(policy, "spec.paramKind") ? judge_with_params(&judging) : judge(&judging);
}

static bool judge_policy(struct call *call, const struct admission *admission,
                         const struct cJSON *policy) {
    struct collection *bindings = collection_of(call, SV("validatingadmissionpolicybindings"));
    struct position position = collection_seek(bindings, SV(""), SV(""));
    struct stored *stored;
    while ((stored = collection_at(bindings, &position))) {
        position_advance(&position);
        if (!judge_binding(call, admission, policy, stored_tree(stored)))
            return false;
    }
    return true;
}

bool policies_validate(struct call *call, const struct admission *admission) {
    struct collection *policies = collection_of(call, SV("validatingadmissionpolicies"));
    if (policies->count == 0)
        return true;
    struct position position = collection_seek(policies, SV(""), SV(""));
    struct stored *stored;
    while ((stored = collection_at(policies, &position))) {
        position_advance(&position);
        if (!judge_policy(call, admission, stored_tree(stored)))
            return false;
    }
    return true;
}
