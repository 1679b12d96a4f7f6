/* SPDX-License-Identifier: Apache-2.0 */
/* CEL: `authorizer`: whether the user of a request, or a service account, may do something. Whoever
 * evaluates an expression knows the answer; here the question is put together. */
#include "fakeapi/schema/cel_parts.h"

#include "core/base/arena.h"

/* Each question costs as much as a server says it does, so that none has thousands. */
enum { CHECK_STEPS = 10 * 1000 };

/* What was said so far; each method makes another one. */
struct cel_asked {
    const struct cel_authorizer *authorizer;
    struct cel_access access;
    struct cel_decision decision; /* of a DECISION */
};

static struct cel_value asked_value(struct evaluator *evaluator, enum cel_type type,
                                    const struct cel_asked *asked) {
    struct cel_asked *copy = ARENA_NEW(evaluator->arena, struct cel_asked);
    *copy = *asked;
    return (struct cel_value){.type = type, .asked = copy};
}

struct cel_value cel_authorizer_value(struct evaluator *evaluator,
                                      const struct cel_authorizer *authorizer) {
    struct sv none = SV("");
    struct cel_asked asked = {
        .authorizer = authorizer,
        .access = {none, none, none, none, none, none, none, none, none},
    };
    return asked_value(evaluator, CEL_AUTHORIZER, &asked);
}

bool cel_request_resource(struct evaluator *evaluator, const struct cel_value *authorizer,
                          struct cel_value *ret_value) {
    struct cel_asked asked = *authorizer->asked;
    asked.access = asked.authorizer->request;
    return cel_give(ret_value, asked_value(evaluator, CEL_RESOURCE_CHECK, &asked));
}

/* A method with texts as arguments, of a value of that type. */
static bool takes(const struct cel_value *arguments, size_t count, enum cel_type type) {
    return arguments[0].type == type && cel_are(arguments + 1, count - 1, CEL_STRING);
}

static bool call_path(CEL_ARGUMENTS) {
    if (!takes(arguments, count, CEL_AUTHORIZER))
        return cel_no_overload(evaluator);
    struct cel_asked asked = *arguments[0].asked;
    asked.access.path = arguments[1].text;
    if (asked.access.path.len == 0)
        return cel_fail(evaluator, "path must not be empty", SV(""));
    return cel_give(ret_value, asked_value(evaluator, CEL_PATH_CHECK, &asked));
}

static bool call_group(CEL_ARGUMENTS) {
    if (!takes(arguments, count, CEL_AUTHORIZER))
        return cel_no_overload(evaluator);
    struct cel_asked asked = *arguments[0].asked;
    asked.access.group = arguments[1].text;
    return cel_give(ret_value, asked_value(evaluator, CEL_GROUP_CHECK, &asked));
}

static bool call_service_account(CEL_ARGUMENTS) {
    if (!takes(arguments, count, CEL_AUTHORIZER))
        return cel_no_overload(evaluator);
    struct cel_asked asked = *arguments[0].asked;
    asked.access.account_namespace = arguments[1].text;
    asked.access.account_name = arguments[2].text;
    if (arguments[1].text.len == 0 || arguments[2].text.len == 0)
        return cel_fail(evaluator, "Invalid service account namespace or name", SV(""));
    return cel_give(ret_value, asked_value(evaluator, CEL_AUTHORIZER, &asked));
}

static bool call_resource(CEL_ARGUMENTS) {
    if (!takes(arguments, count, CEL_GROUP_CHECK))
        return cel_no_overload(evaluator);
    struct cel_asked asked = *arguments[0].asked;
    asked.access.plural = arguments[1].text;
    return cel_give(ret_value, asked_value(evaluator, CEL_RESOURCE_CHECK, &asked));
}

/* Of a resource: where `part` is. */
static bool set_part(CEL_ARGUMENTS, size_t part) {
    if (!takes(arguments, count, CEL_RESOURCE_CHECK))
        return cel_no_overload(evaluator);
    struct cel_asked asked = *arguments[0].asked;
    memcpy((char *)&asked.access + part, &arguments[1].text, sizeof(struct sv));
    return cel_give(ret_value, asked_value(evaluator, CEL_RESOURCE_CHECK, &asked));
}

static bool call_subresource(CEL_ARGUMENTS) {
    return set_part(evaluator, arguments, count, ret_value,
                    offsetof(struct cel_access, subresource));
}

static bool call_namespace(CEL_ARGUMENTS) {
    return set_part(evaluator, arguments, count, ret_value,
                    offsetof(struct cel_access, namespace_name));
}

static bool call_name(CEL_ARGUMENTS) {
    return set_part(evaluator, arguments, count, ret_value, offsetof(struct cel_access, name));
}

/* Of fields and of labels: roles do not look at selectors, whatever they say. */
static bool call_selector(CEL_ARGUMENTS) {
    return takes(arguments, count, CEL_RESOURCE_CHECK) ? cel_give(ret_value, arguments[0])
                                                       : cel_no_overload(evaluator);
}

static bool call_check(CEL_ARGUMENTS) {
    bool is_path = takes(arguments, count, CEL_PATH_CHECK);
    if (!is_path && !takes(arguments, count, CEL_RESOURCE_CHECK))
        return cel_no_overload(evaluator);
    if (!cel_step(evaluator, CHECK_STEPS))
        return false;
    struct cel_asked asked = *arguments[0].asked;
    asked.access.verb = arguments[1].text;
    asked.decision = (struct cel_decision){.reason = SV(""), .error = SV("")};
    asked.authorizer->check(asked.authorizer->context, &asked.access, evaluator->arena,
                            &asked.decision);
    return cel_give(ret_value, asked_value(evaluator, CEL_DECISION, &asked));
}

static bool call_allowed(CEL_ARGUMENTS) {
    return takes(arguments, count, CEL_DECISION)
               ? cel_give(ret_value, cel_bool(arguments[0].asked->decision.is_allowed))
               : cel_no_overload(evaluator);
}

static bool call_reason(CEL_ARGUMENTS) {
    return takes(arguments, count, CEL_DECISION)
               ? cel_give(ret_value, cel_string(arguments[0].asked->decision.reason))
               : cel_no_overload(evaluator);
}

static bool call_errored(CEL_ARGUMENTS) {
    return takes(arguments, count, CEL_DECISION)
               ? cel_give(ret_value, cel_bool(arguments[0].asked->decision.error.len > 0))
               : cel_no_overload(evaluator);
}

static bool call_error(CEL_ARGUMENTS) {
    return takes(arguments, count, CEL_DECISION)
               ? cel_give(ret_value, cel_string(arguments[0].asked->decision.error))
               : cel_no_overload(evaluator);
}

static const struct cel_function functions[] = {
    {SV("path"), true, false, 2, 2, call_path},
    {SV("group"), true, false, 2, 2, call_group},
    {SV("serviceAccount"), true, false, 3, 3, call_service_account},
    {SV("resource"), true, false, 2, 2, call_resource},
    {SV("subresource"), true, false, 2, 2, call_subresource},
    {SV("namespace"), true, false, 2, 2, call_namespace},
    {SV("name"), true, false, 2, 2, call_name},
    {SV("fieldSelector"), true, false, 2, 2, call_selector},
    {SV("labelSelector"), true, false, 2, 2, call_selector},
    {SV("check"), true, false, 2, 2, call_check},
    {SV("allowed"), true, false, 1, 1, call_allowed},
    {SV("reason"), true, false, 1, 1, call_reason},
    {SV("errored"), true, false, 1, 1, call_errored},
    {SV("error"), true, false, 1, 1, call_error},
};

const struct cel_functions cel_access_functions = {functions, COUNT_OF(functions)};
