/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cel: the Common Expression Language as far as x-kubernetes-validations and admission use it:
 * operators, the macros, with one name and with two, optionals, and the functions
 * for texts, lists, sets, numbers, times, quantities, regular expressions, URLs, addresses, named
 * formats and versions, and `authorizer` where its owner binds it. What is not known is refused by
 * name when an expression is compiled, never when it runs. Pure.
 */
#ifndef FAKEAPI_SCHEMA_CEL_H
#define FAKEAPI_SCHEMA_CEL_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct schema;
struct cel_program; /* opaque; lives in the arena that it was compiled into */

enum {
    CEL_TEXT_BYTES_MAX = 16 * 1024,
    CEL_DEPTH_MAX = 96, /* of an expression, and of the values it makes */
    CEL_NODES_MAX = 4096,
    /* How much one evaluation may do before it is ended with an error. */
    CEL_STEPS_MAX = 1000 * 1000,
};

/* `self` is the schema of the variables self and oldSelf; fields that it does not declare are
 * refused. May be NULL. `text` must live as long as the result. With `has_optional_old` oldSelf
 * is an optional. NULL and ERROR_INVALID with the position, or ERROR_UNSUPPORTED with the name of
 * what is not known. */
MUST_CHECK const struct cel_program *cel_compile(struct arena *arena, struct sv text,
                                                 const struct schema *self, bool has_optional_old,
                                                 struct error *err);
/* "bool", "string", …, where that is known before anything runs; else SV(""). */
struct sv cel_result_type(const struct cel_program *program);
/* What the API server says of an expression that does not compile, with the line and a mark. */
struct sv cel_failure_text(struct arena *arena, struct sv text, const struct error *err);
/* Whether it reads oldSelf: a transition rule. */
bool cel_uses_old(const struct cel_program *program);

/* `old` may be NULL. False and ERROR_INVALID when it cannot be evaluated ("no such key: a") or is
 * no bool. */
MUST_CHECK bool cel_evaluate_bool(const struct cel_program *program, const struct cJSON *self,
                                  const struct cJSON *old, struct arena *arena, bool *ret_value,
                                  struct error *err);
/* The same for a text, such as a messageExpression. */
MUST_CHECK bool cel_evaluate_string(const struct cel_program *program, const struct cJSON *self,
                                    const struct cJSON *old, struct arena *arena,
                                    struct sv *ret_value, struct error *err);

/* --- expressions with variables of their own: matchConditions, admission policies --- */

struct cel_variable {
    struct sv name;
    const struct schema *schema; /* NULL: it may have any field */
};
enum { CEL_VARIABLES_MAX = 8 };

MUST_CHECK const struct cel_program *cel_compile_with(struct arena *arena, struct sv text,
                                                      const struct cel_variable *variables,
                                                      size_t count, struct error *err);
/* What an expression asks of `authorizer`; of a path that is no resource, or of a resource. */
struct cel_access {
    struct sv verb, path;
    struct sv group, plural, subresource, namespace_name, name;
    struct sv account_namespace, account_name; /* "": about the user of the request */
};
struct cel_decision {
    bool is_allowed;
    struct sv reason, error;
};
/* Whoever knows; texts of the decision in `arena`. */
struct cel_authorizer {
    void (*check)(void *context, const struct cel_access *access, struct arena *arena,
                  struct cel_decision *ret_decision);
    void *context;
    struct cel_access request; /* authorizer.requestResource */
};

/* What the variables are. */
struct cel_bindings {
    const struct cJSON *const *values; /* in their order; NULL is null */
    /* The last variable is a map of what other expressions gave, or NULL: it is in `values`. */
    const struct cel_results *results;
    /* The variable of that index is this and no value; NULL: there is none. */
    const struct cel_authorizer *authorizer;
    size_t authorizer_index;
};
/* Fail as cel_evaluate_bool(). */
MUST_CHECK bool cel_evaluate_bool_with(const struct cel_program *program,
                                       const struct cel_bindings *bindings, struct arena *arena,
                                       bool *ret_value, struct error *err);
MUST_CHECK bool cel_evaluate_string_with(const struct cel_program *program,
                                         const struct cel_bindings *bindings, struct arena *arena,
                                         struct sv *ret_value, struct error *err);
/* The same for a text or null, which is SV(""). */
MUST_CHECK bool cel_evaluate_nullable_with(const struct cel_program *program,
                                           const struct cel_bindings *bindings, struct arena *arena,
                                           struct sv *ret_value, struct error *err);

/* Results by name; in `arena`, with room for `count_max`. */
struct cel_results; /* opaque */
struct cel_results *cel_results_new(struct arena *arena, size_t count_max);
/* Evaluates and adds; one that fails is not there afterwards, and who reads it fails. */
void cel_results_add(struct cel_results *results, struct sv name, const struct cel_program *program,
                     const struct cel_bindings *bindings, struct arena *arena);

#endif
