/* SPDX-License-Identifier: Apache-2.0 */
/* Which webhooks a write concerns. */
#include "core/api/object.h"
#include "core/api/selector.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/cel.h"
#include "fakeapi/server/webhook_parts.h"

bool is_exempt(const struct call *call) {
    static const struct sv kinds[] = {
        SV("MutatingWebhookConfiguration"), SV("ValidatingWebhookConfiguration"),
        SV("ValidatingAdmissionPolicy"),    SV("ValidatingAdmissionPolicyBinding"),
        SV("MutatingAdmissionPolicy"),      SV("MutatingAdmissionPolicyBinding"),
    };
    return sv_eq(call->type->resource.group, SV("admissionregistration.k8s.io")) &&
           sv_index_of(call->type->resource.kind, kinds, COUNT_OF(kinds)) < COUNT_OF(kinds);
}

size_t webhooks_configured(struct call *call, bool is_mutating, struct webhook *ret_webhooks) {
    struct collection *configurations = builtin_collection(
        call->api, SV("admissionregistration.k8s.io"),
        is_mutating ? SV("mutatingwebhookconfigurations") : SV("validatingwebhookconfigurations"));
    struct position position = collection_seek(configurations, SV(""), SV(""));
    struct stored *stored;
    size_t count = 0;
    while ((stored = collection_at(configurations, &position))) {
        position_advance(&position);
        JSON_EACH (source, json_get(stored_tree(stored), SV("webhooks")))
            if (count < WEBHOOKS_MAX)
                ret_webhooks[count++] = (struct webhook){
                    .source = source,
                    .name = json_find_string(source, "name"),
                    .configuration = stored->name,
                    .is_mutating = is_mutating,
                };
    }
    return count;
}

bool fails_open(const struct webhook *webhook) {
    return sv_eq(json_find_string(webhook->source, "failurePolicy"), SV("Ignore"));
}

/* --- rules --- */

static bool has_text_or_all(const struct cJSON *list, struct sv text) {
    return json_has_text(list, SV("*")) || json_has_text(list, text);
}

/* "pods" is the resource itself, "pods/status" a subresource of it, and either may be "*". */
static bool has_resource(const struct cJSON *list, struct sv plural, struct sv subresource) {
    JSON_EACH (item, list) {
        struct sv below = json_text(item);
        struct sv above = sv_cut(&below, '/');
        if ((sv_eq(above, SV("*")) || sv_eq(above, plural)) &&
            (sv_eq(below, SV("*")) || sv_eq(below, subresource)))
            return true;
    }
    return false;
}

static bool is_in_scope(const struct call *call, struct sv scope) {
    bool is_namespaced = call->type->resource.is_namespaced;
    return scope.len == 0 || sv_eq(scope, SV("*")) ||
           sv_eq(scope, is_namespaced ? SV("Namespaced") : SV("Cluster"));
}

static bool rule_matches(const struct call *call, const struct admission *admission,
                         const struct cJSON *rule, const struct resource_type *type) {
#define X(name) SV(#name),
    static const struct sv operations[] = {WEBHOOK_OPERATIONS(X)};
#undef X
    return has_text_or_all(json_get(rule, SV("operations")), operations[admission->operation]) &&
           has_text_or_all(json_get(rule, SV("apiGroups")), type->resource.group) &&
           has_text_or_all(json_get(rule, SV("apiVersions")), type->resource.version) &&
           has_resource(json_get(rule, SV("resources")), type->resource.plural,
                        call->request->subresource) &&
           is_in_scope(call, json_find_string(rule, "scope"));
}

static bool rules_match(const struct call *call, const struct admission *admission,
                        const struct cJSON *rules, const struct resource_type *type) {
    JSON_EACH (rule, rules)
        if (rule_matches(call, admission, rule, type))
            return true;
    return false;
}

const struct resource_type *matched_type(const struct call *call, const struct admission *admission,
                                         const struct cJSON *rules, struct sv match_policy) {
    const struct resource_type *type;
    if (rules_match(call, admission, rules, call->type))
        return call->type;
    if (sv_eq(match_policy, SV("Exact")))
        return NULL;
    for (size_t i = 0; (type = registry_at(call->api->registry, i)); i++)
        if (sv_eq(type->storage_key, call->type->storage_key) &&
            rules_match(call, admission, rules, type))
            return type;
    return NULL;
}

/* --- selectors --- */

static bool selects(struct call *call, const struct cJSON *selector_object,
                    const struct cJSON *object) {
    struct selector selector;
    struct error err = {0};
    return json_count(selector_object) == 0 ||
           (selector_from_object(call->arena, selector_object, &selector, &err) &&
            selector_matches(&selector, json_find(object, "metadata.labels")));
}

bool is_namespace_itself(const struct call *call) {
    return !call->type->is_custom && call->type->resource.group.len == 0 &&
           sv_eq(call->type->resource.kind, SV("Namespace"));
}

const struct cJSON *namespace_of(struct call *call, const struct admission *admission) {
    if (is_namespace_itself(call))
        return admission->object ? admission->object : admission->old;
    struct stored *stored = collection_get(builtin_collection(call->api, SV(""), SV("namespaces")),
                                           SV(""), call->request->namespace_name);
    return stored ? stored_tree(stored) : NULL;
}

bool selectors_match(struct call *call, const struct admission *admission,
                     const struct cJSON *source) {
    const struct cJSON *by_namespace = json_get(source, SV("namespaceSelector"));
    const struct cJSON *by_object = json_get(source, SV("objectSelector"));
    bool has_namespace = call->type->resource.is_namespaced || is_namespace_itself(call);
    if (has_namespace && json_count(by_namespace) > 0 &&
        !selects(call, by_namespace, namespace_of(call, admission)))
        return false;
    return (admission->object && selects(call, by_object, admission->object)) ||
           (admission->old && selects(call, by_object, admission->old));
}

/* --- conditions --- */

static enum webhook_match refuse_condition(struct call *call, const struct webhook *webhook,
                                           const struct cJSON *condition, const struct error *err) {
    if (fails_open(webhook))
        return WEBHOOK_IS_OUT;
    struct sv why = arena_printf(call->arena, "match condition \"%.*s\": %s",
                                 SV_ARG(json_find_string(condition, "name")), err->message);
    refuse_forbidden(call, call->request->name, why);
    return WEBHOOK_REFUSED;
}

static enum webhook_match conditions_match(struct call *call, const struct admission *admission,
                                           const struct webhook *webhook) {
    static const struct cel_variable variables[] = {{SV("object"), NULL},
                                                    {SV("oldObject"), NULL},
                                                    {SV("request"), NULL},
                                                    {SV("authorizer"), NULL}};
    enum { AUTHORIZER = COUNT_OF(variables) - 1 };
    const struct cJSON *conditions = json_get(webhook->source, SV("matchConditions"));
    if (json_count(conditions) == 0)
        return WEBHOOK_IS_IN;
    const struct cJSON *review = review_request(call, admission, webhook);
    const struct cJSON *values[] = {admission->object, admission->old,
                                    json_get(review, SV("request")), NULL};
    struct cel_authorizer authorizer = call_authorizer(call);
    const struct cJSON *failed = NULL;
    struct error first = {0};
    JSON_EACH (condition, conditions) {
        struct error err = {0};
        bool holds = false;
        const struct cel_program *program =
            cel_compile_with(call->arena, json_find_string(condition, "expression"), variables,
                             COUNT_OF(variables), &err);
        struct cel_bindings bindings = {
            .values = values, .authorizer = &authorizer, .authorizer_index = AUTHORIZER};
        bool is_known =
            program && cel_evaluate_bool_with(program, &bindings, call->arena, &holds, &err);
        /* One that does not hold decides, though another fails. */
        if (is_known && !holds)
            return WEBHOOK_IS_OUT;
        if (!is_known && !failed) {
            failed = condition;
            first = err;
        }
    }
    return failed ? refuse_condition(call, webhook, failed, &first) : WEBHOOK_IS_IN;
}

enum webhook_match webhook_matches(struct call *call, const struct admission *admission,
                                   struct webhook *webhook) {
    webhook->type = matched_type(call, admission, json_get(webhook->source, SV("rules")),
                                 json_find_string(webhook->source, "matchPolicy"));
    if (!webhook->type || !selectors_match(call, admission, webhook->source))
        return WEBHOOK_IS_OUT;
    return conditions_match(call, admission, webhook);
}
