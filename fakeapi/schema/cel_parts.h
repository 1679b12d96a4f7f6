/* SPDX-License-Identifier: Apache-2.0 */
/* cel_parts: expressions, values and functions. Private to the cel files. */
#ifndef FAKEAPI_SCHEMA_CEL_PARTS_H
#define FAKEAPI_SCHEMA_CEL_PARTS_H

#include "core/api/quantity.h"
#include "core/base/error.h"
#include "fakeapi/schema/cel.h"

/* --- values --- */

/* The second column is how messages and type() call it. */
#define CEL_TYPES(X)                                                                               \
    X(NULL, "null_type")                                                                           \
    X(BOOL, "bool")                                                                                \
    X(INT, "int")                                                                                  \
    X(UINT, "uint")                                                                                \
    X(DOUBLE, "double")                                                                            \
    X(STRING, "string")                                                                            \
    X(LIST, "list")                                                                                \
    X(MAP, "map")                                                                                  \
    X(TYPE, "type")                                                                                \
    X(DURATION, "google.protobuf.Duration")                                                        \
    X(TIMESTAMP, "google.protobuf.Timestamp")                                                      \
    X(QUANTITY, "kubernetes.Quantity")                                                             \
    X(URL, "kubernetes.URL")                                                                       \
    X(IP, "net.IP")                                                                                \
    X(CIDR, "net.CIDR")                                                                            \
    X(SEMVER, "kubernetes.Semver")                                                                 \
    X(FORMAT, "kubernetes.NamedFormat")                                                            \
    X(AUTHORIZER, "kubernetes.authorization.Authorizer")                                           \
    X(PATH_CHECK, "kubernetes.authorization.PathCheck")                                            \
    X(GROUP_CHECK, "kubernetes.authorization.GroupCheck")                                          \
    X(RESOURCE_CHECK, "kubernetes.authorization.ResourceCheck")                                    \
    X(DECISION, "kubernetes.authorization.Decision")                                               \
    X(OPTIONAL, "optional_type")
#define X(name, text) CEL_##name,
enum cel_type { CEL_TYPES(X) };
#undef X

struct cel_asked;
struct cel_value;

/* Made by an expression, or of a JSON list or map on first need. */
struct cel_items {
    const struct cel_value *values;
    const struct cel_value *keys; /* of a map, as long as `values`; NULL for a list */
    size_t count;
};

struct cel_value {
    enum cel_type type;
    union {
        bool boolean;
        int64_t integer; /* also of UINT; milliseconds of DURATION and TIMESTAMP */
        double real;
        struct sv text; /* STRING, TYPE, URL, IP, CIDR, SEMVER, FORMAT */
        struct quantity quantity;
        const struct cel_value *inner; /* OPTIONAL; NULL: none */
        const struct cel_asked *asked; /* AUTHORIZER, the CHECKs and DECISION: cel_access.c */
    };
    /* LIST and MAP: one of both. */
    const struct cJSON *json;
    const struct cel_items *items;
};

/* --- expressions --- */

enum cel_node_kind {
    CEL_LITERAL,
    CEL_VARIABLE,
    CEL_SELECT,          /* children[0].text */
    CEL_HAS,             /* has(children[0].text) */
    CEL_OPTIONAL_SELECT, /* children[0].?text */
    CEL_INDEX,           /* children[0][children[1]] */
    CEL_OPTIONAL_INDEX,
    CEL_CALL, /* function(children…) */
    CEL_NOT,
    CEL_NEGATE,
    CEL_BINARY, /* operation */
    CEL_AND,
    CEL_OR,
    CEL_CONDITIONAL,
    CEL_LIST_LITERAL,
    CEL_MAP_LITERAL, /* key, value, key, value, … */
    CEL_MACRO,       /* macro; children[0] is the range; then the body */
};

enum cel_operation {
    CEL_LESS,
    CEL_LESS_EQUAL,
    CEL_GREATER,
    CEL_GREATER_EQUAL,
    CEL_EQUAL,
    CEL_NOT_EQUAL,
    CEL_IN,
    CEL_ADD,
    CEL_SUBTRACT,
    CEL_MULTIPLY,
    CEL_DIVIDE,
    CEL_MODULO,
};

enum cel_macro {
    CEL_ALL,
    CEL_EXISTS,
    CEL_EXISTS_ONE,
    CEL_MAP_MACRO,
    CEL_FILTER,
    CEL_TRANSFORM_LIST,
    CEL_TRANSFORM_MAP,
    CEL_TRANSFORM_ENTRY,
    CEL_OPT_MAP,
    CEL_OPT_FLAT_MAP,
};

struct evaluator;
/* `arguments[0]` is the target of a method. */
typedef bool cel_call(struct evaluator *evaluator, const struct cel_value *arguments, size_t count,
                      struct cel_value *ret_value);

struct cel_function {
    struct sv name;
    bool is_method, is_global;
    size_t count_min, count_max; /* of arguments, with the target */
    cel_call *call;
};
/* One file's part of the functions. */
struct cel_functions {
    const struct cel_function *items;
    size_t count;
};
extern const struct cel_functions cel_core_functions, cel_network_functions, cel_list_functions,
    cel_name_functions, cel_access_functions;
/* NULL when there is none of that name and use; `ret_is_known`: there is one of that name. */
const struct cel_function *cel_function_find(struct sv name, bool is_method, size_t count,
                                             bool *ret_is_known);

struct cel_node {
    enum cel_node_kind kind;
    struct sv text; /* of a field */
    size_t slot;    /* of a variable, and of those that a MACRO sets */
    struct cel_value literal;
    enum cel_operation operation;
    enum cel_macro macro;
    bool has_second; /* of a macro: the next slot is set, too */
    const struct cel_function *function;
    struct cel_node **children;
    size_t count;
    const struct schema *schema; /* of its value, when it is known */
};

/* cel_macros.c: how a macro is written behind its range: names of variables, then expressions. */
struct cel_macro_form {
    struct sv name;
    enum cel_macro macro;
    size_t names_min, names_max, bodies_min, bodies_max;
};
/* NULL: there is none of that name. */
const struct cel_macro_form *cel_macro_find(struct sv name);
/* It gives a bool. */
bool cel_macro_is_predicate(enum cel_macro macro);
/* Its name stands for what an optional value holds, not for items one after the other. */
bool cel_macro_is_of_optional(enum cel_macro macro);
bool cel_evaluate_macro(struct evaluator *evaluator, const struct cel_node *node,
                        struct cel_value *ret_value);

/* The variables of an expression: self, oldSelf, and one for each macro around. */
enum { CEL_SLOT_SELF, CEL_SLOT_OLD, CEL_SLOT_FIRST, CEL_SLOTS_MAX = 32 };

/* The type of what a node gives, where it is known before anything runs. */
bool cel_static_type(const struct cel_node *node, enum cel_type *ret_type);

struct cel_program {
    struct cel_node *root;
    size_t variable_count; /* the first slots are theirs */
    bool uses_old, has_optional_old;
};

/* --- evaluation --- */

struct evaluator {
    struct arena *arena;
    struct error *err;
    struct cel_value slots[CEL_SLOTS_MAX];
    size_t steps;
    int depth;
};

/* The parameters of a function. */
#define CEL_ARGUMENTS                                                                              \
    struct evaluator *evaluator, const struct cel_value *arguments, size_t count,                  \
        struct cel_value *ret_value
/* True, so that giving is one statement. */
bool cel_give(struct cel_value *ret_value, struct cel_value value);
/* All of them are of that type. */
bool cel_are(const struct cel_value *arguments, size_t count, enum cel_type type);
/* What string() makes of it. */
bool cel_text_of(struct evaluator *evaluator, const struct cel_value *value, struct sv *ret_text);
/* An absolute URI, or an absolute path; the parts are views of `text`. */
bool cel_read_url(struct sv text, struct sv *ret_scheme, struct sv *ret_host, struct sv *ret_path,
                  struct sv *ret_query);
bool cel_is_url(struct sv text);
/* Below 0, 0 or above; false when either is no version. */
bool cel_compare_versions(struct sv a, struct sv b, int *ret_order);

/* cel_access.c: the variable `authorizer`, and its requestResource. */
struct cel_value cel_authorizer_value(struct evaluator *evaluator,
                                      const struct cel_authorizer *authorizer);
bool cel_request_resource(struct evaluator *evaluator, const struct cel_value *authorizer,
                          struct cel_value *ret_value);

/* cel_eval.c */
bool cel_evaluate_node(struct evaluator *evaluator, const struct cel_node *node,
                       struct cel_value *ret_value);
/* The same for what has to be a bool. */
bool cel_evaluate_condition(struct evaluator *evaluator, const struct cel_node *node,
                            bool *ret_value);

bool cel_fail(struct evaluator *evaluator, const char *what, struct sv which);
/* Counts work; false once it is too much. */
bool cel_step(struct evaluator *evaluator, size_t steps);
bool cel_no_overload(struct evaluator *evaluator);

struct cel_value cel_bool(bool value);
struct cel_value cel_int(int64_t value);
struct cel_value cel_double(double value);
struct cel_value cel_string(struct sv text);
struct cel_value cel_from_json(const struct cJSON *item);
struct cel_value cel_list(struct evaluator *evaluator, const struct cel_value *values,
                          size_t count);
struct cel_value cel_some(struct evaluator *evaluator, struct cel_value value);
struct cel_value cel_none(void);
/* Of a LIST or MAP. */
const struct cel_items *cel_items(struct evaluator *evaluator, const struct cel_value *value);
size_t cel_size(const struct cel_value *value);
/* False when the key or index is not there; sets no error. */
bool cel_lookup(struct evaluator *evaluator, const struct cel_value *container,
                const struct cel_value *key, struct cel_value *ret_value);
bool cel_equal(struct evaluator *evaluator, const struct cel_value *a, const struct cel_value *b);
/* False and an error when both have no order. */
bool cel_compare(struct evaluator *evaluator, const struct cel_value *a, const struct cel_value *b,
                 int *ret_order);
bool cel_arithmetic(struct evaluator *evaluator, enum cel_operation operation,
                    const struct cel_value *a, const struct cel_value *b,
                    struct cel_value *ret_value);
struct sv cel_type_text(enum cel_type type);

#endif
