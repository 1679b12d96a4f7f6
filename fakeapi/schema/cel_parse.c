/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of an expression to its tree: names are resolved and fields checked here, so that
 * a CRD with a rule that cannot run is refused when it is created. */
#include "fakeapi/schema/cel_parts.h"

#include "core/base/arena.h"
#include "core/data/utf8.h"
#include "fakeapi/schema/pattern.h"
#include "fakeapi/schema/schema.h"

#include <errno.h>
#include <stdlib.h>

enum { CHILDREN_MAX = 256 };

enum token_type {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_INT,
    TOKEN_UINT,
    TOKEN_DOUBLE,
    TOKEN_STRING,
    TOKEN_SIGN
};

struct token {
    enum token_type type;
    struct sv text; /* of a name or sign; of a string its value */
    int64_t integer;
    double real;
    size_t at;
};

struct variable {
    struct sv name;
    const struct schema *schema;
};

struct parser {
    struct arena *arena;
    struct error *err;
    struct sv text;
    size_t position; /* behind the token */
    struct token token;
    struct variable variables[CEL_SLOTS_MAX];
    size_t variable_count;
    bool uses_old, has_failed;
    size_t node_count;
    int depth;
};

/* --- failing: the first fault counts --- */

static void *fail(struct parser *parser, enum error_code code, const char *what, struct sv which) {
    if (!parser->has_failed)
        error_set(parser->err, code, "%zu: %s%s%.*s%s", parser->token.at + 1, what,
                  which.len > 0 ? " '" : "", SV_ARG(sv_prefix(which, 200)),
                  which.len > 0 ? "'" : "");
    parser->has_failed = true;
    return NULL;
}

/* Somewhere before the token: a name or an operator that was taken already. */
static void *fail_at(struct parser *parser, size_t at, enum error_code code, struct sv text) {
    if (!parser->has_failed)
        error_set(parser->err, code, "%zu: %.*s", at + 1, SV_ARG(sv_prefix(text, 400)));
    parser->has_failed = true;
    return NULL;
}

static void *fail_undeclared(struct parser *parser, size_t at, enum error_code code,
                             struct sv name) {
    return fail_at(parser, at, code,
                   arena_printf(parser->arena, "undeclared reference to '%.*s' (in container '')",
                                SV_ARG(sv_prefix(name, 200))));
}

/* --- tokens --- */

static bool is_name_byte(char byte, bool is_first) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (!is_first && byte >= '0' && byte <= '9');
}

static struct sv rest_of(const struct parser *parser) {
    return sv_drop(parser->text, parser->position);
}

static void skip_blanks(struct parser *parser) {
    struct sv rest = rest_of(parser);
    size_t i = 0;
    while (i < rest.len) {
        if (strchr(" \t\r\n\f", rest.ptr[i]) && rest.ptr[i] != 0) {
            i++;
        } else if (sv_starts_with(sv_drop(rest, i), SV("//"))) {
            while (i < rest.len && rest.ptr[i] != '\n')
                i++;
        } else {
            break;
        }
    }
    parser->position += i;
}

static bool hex_code(struct sv digits, uint32_t *ret_code) {
    *ret_code = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = hex_digit(digits.ptr[i]);
        if (digit < 0)
            return false;
        *ret_code = *ret_code << 4 | (uint32_t)digit;
    }
    return true;
}

/* Takes an escape behind its backslash; writes up to four bytes. 0: there is no such escape. */
static size_t take_escape(struct sv *rest, char *out) {
    static const char plain[] = "abfnrtv\\'\"`?", values[] = "\a\b\f\n\r\t\v\\'\"`?";
    const char *found = rest->len > 0 && rest->ptr[0] ? strchr(plain, rest->ptr[0]) : NULL;
    if (found) {
        *out = values[found - plain];
        *rest = sv_drop(*rest, 1);
        return 1;
    }
    size_t digits = rest->len == 0                               ? 0
                    : rest->ptr[0] == 'x' || rest->ptr[0] == 'X' ? 2
                    : rest->ptr[0] == 'u'                        ? 4
                    : rest->ptr[0] == 'U'                        ? 8
                                                                 : 0;
    uint32_t code;
    if (digits == 0 || rest->len < digits + 1 ||
        !hex_code(sv_prefix(sv_drop(*rest, 1), digits), &code))
        return 0;
    bool is_character = code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    *rest = sv_drop(*rest, digits + 1);
    return is_character ? utf8_encode(code, out) : 0;
}

/* `rest` begins at the quotes. */
static bool take_string(struct parser *parser, struct sv rest, bool is_raw) {
    bool is_triple = rest.len >= 3 && rest.ptr[1] == rest.ptr[0] && rest.ptr[2] == rest.ptr[0];
    struct sv quotes = sv_prefix(rest, is_triple ? 3 : 1);
    char *out = arena_alloc(parser->arena, rest.len + 4);
    size_t len = 0;
    rest = sv_drop(rest, quotes.len);
    while (rest.len > 0 && !sv_starts_with(rest, quotes)) {
        if (rest.ptr[0] == '\\' && !is_raw) {
            rest = sv_drop(rest, 1);
            size_t written = take_escape(&rest, out + len);
            if (written == 0)
                return fail(parser, ERROR_INVALID, "Syntax error: bad escape in a text", SV(""));
            len += written;
            continue;
        }
        if (rest.ptr[0] == '\n' && !is_triple)
            break;
        out[len++] = rest.ptr[0];
        rest = sv_drop(rest, 1);
    }
    if (!sv_starts_with(rest, quotes))
        return fail(parser, ERROR_INVALID, "Syntax error: a text does not end", SV(""));
    rest = sv_drop(rest, quotes.len);
    parser->position = parser->text.len - rest.len;
    parser->token.type = TOKEN_STRING;
    parser->token.text = (struct sv){out, len};
    return true;
}

static bool take_number(struct parser *parser, struct sv rest) {
    size_t len = 0;
    bool is_hex = sv_starts_with(rest, SV("0x")), is_real = false;
    if (is_hex)
        len = 2;
    while (len < rest.len) {
        char byte = rest.ptr[len];
        bool is_digit = (byte >= '0' && byte <= '9') || (is_hex && hex_digit(byte) >= 0);
        bool is_exponent = !is_hex && (byte == 'e' || byte == 'E');
        bool is_sign = (byte == '+' || byte == '-') && len > 0 && !is_hex &&
                       (rest.ptr[len - 1] == 'e' || rest.ptr[len - 1] == 'E');
        bool is_point = byte == '.' && !is_real && !is_hex && len + 1 < rest.len &&
                        rest.ptr[len + 1] >= '0' && rest.ptr[len + 1] <= '9';
        if (!is_digit && !is_exponent && !is_sign && !is_point)
            break;
        is_real |= is_exponent || is_point;
        len++;
    }
    struct sv digits = arena_copy(parser->arena, sv_prefix(rest, len));
    char *end;
    parser->position += len;
    parser->token.type = is_real ? TOKEN_DOUBLE : TOKEN_INT;
    errno = 0;
    if (is_real)
        parser->token.real = strtod(digits.ptr, &end);
    else
        parser->token.integer = strtoll(digits.ptr, &end, is_hex ? 16 : 10);
    if (errno != 0 || end != digits.ptr + digits.len)
        return fail(parser, ERROR_INVALID, "Syntax error: bad number", digits);
    if (!is_real && len < rest.len && (rest.ptr[len] == 'u' || rest.ptr[len] == 'U')) {
        parser->token.type = TOKEN_UINT;
        parser->position++;
    }
    return true;
}

static bool take_sign(struct parser *parser, struct sv rest) {
    static const struct sv signs[] = {
        SV("&&"), SV("||"), SV("=="), SV("!="), SV("<="), SV(">="), SV(".?"), SV("[?"), SV("<"),
        SV(">"),  SV("+"),  SV("-"),  SV("*"),  SV("/"),  SV("%"),  SV("!"),  SV("?"),  SV(":"),
        SV("."),  SV(","),  SV("("),  SV(")"),  SV("["),  SV("]"),  SV("{"),  SV("}"),
    };
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (sv_starts_with(rest, signs[i])) {
            parser->token.type = TOKEN_SIGN;
            parser->token.text = signs[i];
            parser->position += signs[i].len;
            return true;
        }
    return fail(parser, ERROR_INVALID, "Syntax error: unexpected", sv_prefix(rest, 1));
}

static void next(struct parser *parser) {
    skip_blanks(parser);
    struct sv rest = rest_of(parser);
    parser->token = (struct token){.type = TOKEN_END, .text = SV(""), .at = parser->position};
    if (rest.len == 0 || parser->has_failed)
        return;
    char first = rest.ptr[0];
    bool is_raw = (first == 'r' || first == 'R') && rest.len > 1 &&
                  (rest.ptr[1] == '"' || rest.ptr[1] == '\'');
    if (is_raw || first == '"' || first == '\'') {
        take_string(parser, sv_drop(rest, is_raw), is_raw);
    } else if (first >= '0' && first <= '9') {
        take_number(parser, rest);
    } else if (is_name_byte(first, true)) {
        size_t len = 1;
        while (len < rest.len && is_name_byte(rest.ptr[len], false))
            len++;
        parser->token.type = TOKEN_NAME;
        parser->token.text = sv_prefix(rest, len);
        parser->position += len;
    } else {
        take_sign(parser, rest);
    }
}

static bool is_sign(const struct parser *parser, const char *sign) {
    return parser->token.type == TOKEN_SIGN && sv_eq(parser->token.text, sv_from(sign));
}

static bool accept(struct parser *parser, const char *sign) {
    if (!is_sign(parser, sign))
        return false;
    next(parser);
    return true;
}

static bool expect(struct parser *parser, const char *sign) {
    return accept(parser, sign) ||
           fail(parser, ERROR_INVALID, "Syntax error: missing", sv_from(sign)) != NULL;
}

/* --- nodes --- */

static struct cel_node *new_node(struct parser *parser, enum cel_node_kind kind) {
    if (++parser->node_count > CEL_NODES_MAX)
        return fail(parser, ERROR_TOO_LARGE, "the expression has too many parts", SV(""));
    struct cel_node *node = ARENA_NEW(parser->arena, struct cel_node);
    node->kind = kind;
    node->text = SV("");
    return node;
}

static struct cel_node *with_children(struct parser *parser, struct cel_node *node,
                                      struct cel_node *const *children, size_t count) {
    if (!node)
        return NULL;
    node->children = ARENA_ARRAY(parser->arena, struct cel_node *, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (!children[i])
            return NULL;
        node->children[i] = children[i];
    }
    node->count = count;
    return node;
}

static struct cel_node *literal(struct parser *parser, struct cel_value value) {
    struct cel_node *node = new_node(parser, CEL_LITERAL);
    if (node)
        node->literal = value;
    return node;
}

static struct cel_node *parse_expression(struct parser *parser);

/* Arguments up to `end`; how many, or CHILDREN_MAX + 1 when it failed. */
static size_t parse_list(struct parser *parser, const char *end, struct cel_node **children) {
    size_t count = 0;
    while (!parser->has_failed && !accept(parser, end)) {
        if (count == CHILDREN_MAX) {
            fail(parser, ERROR_TOO_LARGE, "more than 256 arguments or items", SV(""));
            break;
        }
        children[count] = parse_expression(parser);
        if (!children[count++])
            break;
        if (!accept(parser, ",") && !is_sign(parser, end))
            fail(parser, ERROR_INVALID, "Syntax error: missing", sv_from(end));
    }
    return parser->has_failed ? CHILDREN_MAX + 1 : count;
}

/* --- fields --- */

/* Names that are no identifiers are written with escapes: "a__dot__b". */
static struct sv unescape_field(struct parser *parser, struct sv name) {
    static const struct {
        struct sv escape, text;
    } escapes[] = {
        {SV("__underscores__"), SV("__")},
        {SV("__dot__"), SV(".")},
        {SV("__dash__"), SV("-")},
        {SV("__slash__"), SV("/")},
    };
    static const struct sv reserved[] = {
        SV("true"),   SV("false"),    SV("null"),  SV("in"),      SV("as"),        SV("break"),
        SV("const"),  SV("continue"), SV("else"),  SV("for"),     SV("function"),  SV("if"),
        SV("import"), SV("let"),      SV("loop"),  SV("package"), SV("namespace"), SV("return"),
        SV("var"),    SV("void"),     SV("while"),
    };
    if (!sv_contains(name, SV("__")))
        return name;
    if (name.len > 4 && sv_starts_with(name, SV("__")) && sv_ends_with(name, SV("__"))) {
        struct sv inner = sv_prefix(sv_drop(name, 2), name.len - 4);
        if (sv_index_of(inner, reserved, COUNT_OF(reserved)) < COUNT_OF(reserved))
            return inner;
    }
    char *out = arena_alloc(parser->arena, name.len + 1);
    size_t len = 0;
    while (name.len > 0) {
        size_t i = 0;
        while (i < COUNT_OF(escapes) && !sv_starts_with(name, escapes[i].escape))
            i++;
        struct sv text = i < COUNT_OF(escapes) ? escapes[i].text : sv_prefix(name, 1);
        memcpy(out + len, text.ptr, text.len);
        len += text.len;
        name = sv_drop(name, i < COUNT_OF(escapes) ? escapes[i].escape.len : 1);
    }
    return (struct sv){out, len};
}

/* Of an object's metadata a rule sees its name only. */
static bool is_hidden(const struct schema *schema, struct sv name) {
    return sv_ends_with(schema->type_name, SV(".ObjectMeta")) && !sv_eq(name, SV("name")) &&
           !sv_eq(name, SV("generateName"));
}

/* The schema of a member; refuses one that the type does not declare. */
static const struct schema *field_schema(struct parser *parser, const struct schema *schema,
                                         struct sv name, size_t at) {
    if (!schema || schema->kind == SCHEMA_ANY || schema->preserves_unknown)
        return schema && schema->kind == SCHEMA_STRUCT ? schema_member(schema, name) : NULL;
    if (schema->kind != SCHEMA_STRUCT && schema->kind != SCHEMA_MAP)
        return fail_at(parser, at, ERROR_INVALID, SV("type does not support field selection"));
    const struct schema *below = is_hidden(schema, name) ? NULL : schema_member(schema, name);
    return below ? below
                 : fail_at(parser, at, ERROR_INVALID,
                           arena_printf(parser->arena, "undefined field '%.*s'",
                                        SV_ARG(sv_prefix(name, 200))));
}

static struct cel_node *select_node(struct parser *parser, struct cel_node *target, struct sv name,
                                    size_t at, bool is_optional) {
    struct cel_node *node = new_node(parser, is_optional ? CEL_OPTIONAL_SELECT : CEL_SELECT);
    if (!node || !target)
        return NULL;
    node->text = unescape_field(parser, name);
    node->schema = field_schema(parser, target->schema, node->text, at);
    return parser->has_failed ? NULL : with_children(parser, node, &target, 1);
}

static struct cel_node *index_node(struct parser *parser, struct cel_node *target,
                                   bool is_optional) {
    struct cel_node *children[] = {target, parse_expression(parser)};
    struct cel_node *node = new_node(parser, is_optional ? CEL_OPTIONAL_INDEX : CEL_INDEX);
    if (!children[1] || !node || !expect(parser, "]"))
        return NULL;
    if (target->schema)
        node->schema = target->schema->items;
    return with_children(parser, node, children, 2);
}

/* --- variables --- */

static size_t push_variable(struct parser *parser, struct sv name, const struct schema *schema) {
    if (parser->variable_count == CEL_SLOTS_MAX) {
        fail(parser, ERROR_TOO_LARGE, "too many variables in one another", name);
        return 0;
    }
    parser->variables[parser->variable_count] = (struct variable){name, schema};
    return parser->variable_count++;
}

/* The names of types are values, too. */
static bool type_named(struct sv name) {
#define X(type, text) SV(text),
    static const struct sv names[] = {CEL_TYPES(X)};
#undef X
    return sv_index_of(name, names, COUNT_OF(names)) < COUNT_OF(names);
}

static bool is_variable(const struct parser *parser, struct sv name) {
    for (size_t i = 0; i < parser->variable_count; i++)
        if (sv_eq(parser->variables[i].name, name))
            return true;
    return false;
}

/* `at` is where the name stands. */
static struct cel_node *variable_node(struct parser *parser, struct sv name, size_t at) {
    for (size_t i = parser->variable_count; i > 0; i--) {
        if (!sv_eq(parser->variables[i - 1].name, name))
            continue;
        struct cel_node *node = new_node(parser, CEL_VARIABLE);
        parser->uses_old |= i - 1 == CEL_SLOT_OLD;
        if (!node)
            return NULL;
        node->slot = i - 1;
        node->schema = parser->variables[i - 1].schema;
        return node;
    }
    if (type_named(name))
        return literal(parser, (struct cel_value){.type = CEL_TYPE, .text = name});
    return fail_undeclared(parser, at, ERROR_INVALID, name);
}

/* --- macros --- */

/* Over a map the variable is its key. */
static const struct schema *range_items(const struct schema *range) {
    return range && range->kind == SCHEMA_LIST ? range->items : NULL;
}

/* ", name ," follows: list.all(index, value, …) or map.all(key, value, …). */
static bool takes_second_name(struct parser *parser) {
    struct parser ahead = *parser;
    struct error err = {0};
    ahead.err = &err;
    if (!accept(&ahead, ",") || ahead.token.type != TOKEN_NAME)
        return false;
    next(&ahead);
    return is_sign(&ahead, ",");
}

static void push_second(struct parser *parser, struct cel_node *node, const struct schema *range) {
    next(parser);
    if (node->slot < CEL_SLOTS_MAX)
        parser->variables[node->slot].schema = NULL;
    node->has_second = true;
    push_variable(parser, parser->token.text, range ? range->items : NULL);
    next(parser);
}

/* The names that stand first; with two of them the second is the value, and the first its index or
 * key. False: refused. */
static bool parse_names(struct parser *parser, struct cel_node *node, const struct cel_node *range,
                        const struct cel_macro_form *form) {
    if (parser->token.type != TOKEN_NAME)
        return fail(parser, ERROR_INVALID, "the first argument of a macro must be a name, in",
                    form->name) != NULL;
    node->slot = push_variable(parser, parser->token.text,
                               cel_macro_is_of_optional(form->macro) ? range->schema
                                                                     : range_items(range->schema));
    next(parser);
    if (form->names_max > 1 && takes_second_name(parser))
        push_second(parser, node, range->schema);
    return node->has_second || form->names_min < 2 ||
           fail(parser, ERROR_INVALID, "two names must stand first in macro", form->name) != NULL;
}

static struct cel_node *parse_macro(struct parser *parser, struct cel_node *range,
                                    const struct cel_macro_form *form) {
    struct cel_node *node = new_node(parser, CEL_MACRO), *children[3] = {range};
    size_t count = 1, variable_count = parser->variable_count;
    if (!node)
        return NULL;
    node->macro = form->macro;
    if (!parse_names(parser, node, range, form))
        return NULL;
    while (!parser->has_failed && accept(parser, ",")) {
        if (count > form->bodies_max)
            return fail(parser, ERROR_UNSUPPORTED, "too many arguments for macro", form->name);
        children[count++] = parse_expression(parser);
    }
    if (parser->has_failed || !expect(parser, ")"))
        return NULL;
    if (count < form->bodies_min + 1)
        return fail(parser, ERROR_INVALID, "too few arguments for macro", form->name);
    parser->variable_count = variable_count;
    if (node->macro == CEL_FILTER)
        node->schema = range->schema;
    return with_children(parser, node, children, count);
}

/* has(a.b): whether the field is there. */
static struct cel_node *parse_has(struct parser *parser) {
    struct cel_node *selected = parse_expression(parser);
    if (!selected || !expect(parser, ")"))
        return NULL;
    if (selected->kind != CEL_SELECT)
        return fail(parser, ERROR_INVALID, "invalid argument to has() macro", SV(""));
    selected->kind = CEL_HAS;
    selected->schema = NULL;
    return selected;
}

/* --- calls --- */

static bool check_pattern(struct parser *parser, struct sv name, const struct cel_node *node) {
    static const struct sv names[] = {SV("matches"), SV("find"), SV("findAll")};
    const struct cel_node *pattern = node->count > 1 ? node->children[1] : NULL;
    if (sv_index_of(name, names, COUNT_OF(names)) == COUNT_OF(names) || !pattern ||
        pattern->kind != CEL_LITERAL || pattern->literal.type != CEL_STRING)
        return true;
    return pattern_is_known(parser->arena, pattern->literal.text) ||
           fail(parser, ERROR_INVALID, "cannot compile the regular expression",
                pattern->literal.text) != NULL;
}

/* Its parenthesis stands at `at`. */
static struct cel_node *call_node(struct parser *parser, struct sv name, size_t at,
                                  struct cel_node *target) {
    struct cel_node **children = ARENA_ARRAY(parser->arena, struct cel_node *, CHILDREN_MAX + 1);
    size_t first = target ? 1 : 0;
    bool is_known;
    children[0] = target;
    size_t count = parse_list(parser, ")", children + first);
    if (count >= CHILDREN_MAX)
        return NULL;
    const struct cel_function *function =
        cel_function_find(name, target != NULL, count + first, &is_known);
    if (!function && !is_known)
        return fail_undeclared(parser, at, ERROR_UNSUPPORTED, name);
    if (!function)
        return fail_at(
            parser, at, ERROR_INVALID,
            arena_printf(parser->arena, "found no matching overload for '%.*s'", SV_ARG(name)));
    struct cel_node *node = new_node(parser, CEL_CALL);
    if (!node)
        return NULL;
    node->function = function;
    node = with_children(parser, node, children, count + first);
    return node && check_pattern(parser, name, node) ? node : NULL;
}

/* "optional.of(x)": a namespace with a function, since it is no variable. */
static struct cel_node *parse_namespaced(struct parser *parser, struct sv space) {
    struct sv name = parser->token.text;
    next(parser);
    size_t at = parser->token.at;
    if (!expect(parser, "("))
        return NULL;
    struct sv full = arena_printf(parser->arena, "%.*s.%.*s", SV_ARG(space), SV_ARG(name));
    return call_node(parser, full, at, NULL);
}

static struct cel_node *parse_name(struct parser *parser) {
    struct sv name = parser->token.text;
    static const struct sv spaces[] = {SV("optional"), SV("sets"), SV("strings"), SV("math"),
                                       SV("format"),   SV("cel"),  SV("lists"),   SV("ip")};
    size_t at = parser->token.at;
    next(parser);
    if (sv_eq(name, SV("true")) || sv_eq(name, SV("false")))
        return literal(parser, cel_bool(sv_eq(name, SV("true"))));
    if (sv_eq(name, SV("null")))
        return literal(parser, (struct cel_value){.type = CEL_NULL});
    size_t parenthesis = parser->token.at;
    if (accept(parser, "("))
        return sv_eq(name, SV("has")) ? parse_has(parser)
                                      : call_node(parser, name, parenthesis, NULL);
    if (!is_variable(parser, name) &&
        sv_index_of(name, spaces, COUNT_OF(spaces)) < COUNT_OF(spaces) && accept(parser, "."))
        return parse_namespaced(parser, name);
    return variable_node(parser, name, at);
}

/* --- the grammar, from tight to loose --- */

static struct cel_node *parse_map(struct parser *parser) {
    struct cel_node **children = ARENA_ARRAY(parser->arena, struct cel_node *, CHILDREN_MAX + 2);
    size_t count = 0;
    while (!parser->has_failed && !accept(parser, "}")) {
        if (count >= CHILDREN_MAX)
            return fail(parser, ERROR_TOO_LARGE, "more than 128 entries in a map", SV(""));
        children[count++] = parse_expression(parser);
        if (!expect(parser, ":"))
            return NULL;
        children[count++] = parse_expression(parser);
        if (!accept(parser, ",") && !is_sign(parser, "}"))
            return fail(parser, ERROR_INVALID, "Syntax error: missing", SV("}"));
    }
    return with_children(parser, new_node(parser, CEL_MAP_LITERAL), children, count);
}

static struct cel_node *parse_list_literal(struct parser *parser) {
    struct cel_node **children = ARENA_ARRAY(parser->arena, struct cel_node *, CHILDREN_MAX + 1);
    size_t count = parse_list(parser, "]", children);
    if (count > CHILDREN_MAX)
        return NULL;
    return with_children(parser, new_node(parser, CEL_LIST_LITERAL), children, count);
}

static struct cel_node *parse_primary(struct parser *parser) {
    struct token token = parser->token;
    switch (token.type) {
    case TOKEN_NAME:
        return parse_name(parser);
    case TOKEN_STRING:
        next(parser);
        return literal(parser, cel_string(token.text));
    case TOKEN_INT:
        next(parser);
        return literal(parser, cel_int(token.integer));
    case TOKEN_UINT:
        next(parser);
        return literal(parser, (struct cel_value){.type = CEL_UINT, .integer = token.integer});
    case TOKEN_DOUBLE:
        next(parser);
        return literal(parser, cel_double(token.real));
    case TOKEN_END:
        return fail(parser, ERROR_INVALID, "Syntax error: the expression ends too early", SV(""));
    case TOKEN_SIGN:
        break;
    }
    if (accept(parser, "(")) {
        struct cel_node *inner = parse_expression(parser);
        return inner && expect(parser, ")") ? inner : NULL;
    }
    if (accept(parser, "["))
        return parse_list_literal(parser);
    if (accept(parser, "{"))
        return parse_map(parser);
    return fail(parser, ERROR_INVALID, "Syntax error: unexpected", token.text);
}

/* In the words of the parser that Kubernetes uses: a point begins a name or a call, and what
 * follows begins neither. */
static void *fail_behind_point(struct parser *parser) {
    bool is_end = parser->token.type == TOKEN_END;
    return fail(parser, ERROR_INVALID, "Syntax error: no viable alternative at input",
                ARENA_JOIN(parser->arena, SV("."), is_end ? SV("<EOF>") : parser->token.text));
}

/* Behind a point, which stands at `at`. */
static struct cel_node *parse_dotted(struct parser *parser, struct cel_node *target, size_t at,
                                     bool is_optional) {
    if (parser->token.type != TOKEN_NAME)
        return fail_behind_point(parser);
    struct sv name = parser->token.text;
    next(parser);
    size_t parenthesis = parser->token.at;
    if (is_optional || !accept(parser, "("))
        return select_node(parser, target, name, at, is_optional);
    const struct cel_macro_form *form = cel_macro_find(name);
    return form ? parse_macro(parser, target, form) : call_node(parser, name, parenthesis, target);
}

static struct cel_node *parse_member(struct parser *parser) {
    struct cel_node *node = parse_primary(parser);
    while (node && !parser->has_failed) {
        size_t at = parser->token.at;
        if (accept(parser, "."))
            node = parse_dotted(parser, node, at, false);
        else if (accept(parser, ".?"))
            node = parse_dotted(parser, node, at, true);
        else if (accept(parser, "["))
            node = index_node(parser, node, false);
        else if (accept(parser, "[?"))
            node = index_node(parser, node, true);
        else
            break;
    }
    return parser->has_failed ? NULL : node;
}

static struct cel_node *parse_unary(struct parser *parser) {
    bool is_not = is_sign(parser, "!"), is_minus = is_sign(parser, "-");
    if (!is_not && !is_minus)
        return parse_member(parser);
    if (++parser->depth > CEL_DEPTH_MAX)
        return fail(parser, ERROR_TOO_LARGE, "too many levels in one another", SV(""));
    next(parser);
    struct cel_node *inner = parse_unary(parser);
    parser->depth--;
    return with_children(parser, new_node(parser, is_not ? CEL_NOT : CEL_NEGATE), &inner, 1);
}

struct binary {
    const char *sign;
    int level; /* 3 binds tightest */
    enum cel_operation operation;
};
static const struct binary binaries[] = {
    {"<", 1, CEL_LESS},     {"<=", 1, CEL_LESS_EQUAL},
    {">", 1, CEL_GREATER},  {">=", 1, CEL_GREATER_EQUAL},
    {"==", 1, CEL_EQUAL},   {"!=", 1, CEL_NOT_EQUAL},
    {"+", 2, CEL_ADD},      {"-", 2, CEL_SUBTRACT},
    {"*", 3, CEL_MULTIPLY}, {"/", 3, CEL_DIVIDE},
    {"%", 3, CEL_MODULO},
};

/* --- types that are known before anything runs --- */

static bool literal_or_field_type(const struct cel_node *node, enum cel_type *ret_type) {
    static const struct {
        enum schema_kind kind;
        enum cel_type type;
    } kinds[] = {
        {SCHEMA_STRING, CEL_STRING},
        {SCHEMA_INTEGER, CEL_INT},
        {SCHEMA_NUMBER, CEL_DOUBLE},
        {SCHEMA_BOOLEAN, CEL_BOOL},
    };
    if (node->kind == CEL_LITERAL && node->literal.type != CEL_NULL) {
        *ret_type = node->literal.type;
        return true;
    }
    /* Texts of some formats are times, and what may be null is of two types. */
    bool is_plain = node->schema && !node->schema->is_nullable && node->kind == CEL_SELECT &&
                    (node->schema->kind != SCHEMA_STRING || node->schema->format.len == 0);
    for (size_t i = 0; is_plain && i < COUNT_OF(kinds); i++)
        if (kinds[i].kind == node->schema->kind) {
            *ret_type = kinds[i].type;
            return true;
        }
    return false;
}

bool cel_static_type(const struct cel_node *node, enum cel_type *ret_type) {
    bool is_macro = node->kind == CEL_MACRO && cel_macro_is_predicate(node->macro);
    bool is_comparison = node->kind == CEL_BINARY && node->operation <= CEL_IN;
    if (node->kind == CEL_NOT || node->kind == CEL_AND || node->kind == CEL_OR ||
        node->kind == CEL_HAS || is_macro || is_comparison) {
        *ret_type = CEL_BOOL;
        return true;
    }
    /* Of the same type as what is calculated with; times are not known here. */
    if (node->kind == CEL_BINARY)
        return cel_static_type(node->children[0], ret_type);
    return literal_or_field_type(node, ret_type);
}

static bool is_plain_type(enum cel_type type) {
    return type == CEL_BOOL || type == CEL_INT || type == CEL_UINT || type == CEL_DOUBLE ||
           type == CEL_STRING;
}

static bool is_number_type(enum cel_type type) {
    return type == CEL_INT || type == CEL_UINT || type == CEL_DOUBLE;
}

/* Numbers of all kinds have one order; otherwise both sides are of one type. */
static bool may_combine(enum cel_operation operation, enum cel_type left, enum cel_type right) {
    switch (operation) {
    case CEL_IN:
        return true;
    case CEL_LESS:
    case CEL_LESS_EQUAL:
    case CEL_GREATER:
    case CEL_GREATER_EQUAL:
        return left == right || (is_number_type(left) && is_number_type(right));
    case CEL_EQUAL:
    case CEL_NOT_EQUAL:
        return left == right;
    case CEL_ADD:
        return left == right && left != CEL_BOOL;
    case CEL_MODULO:
        return left == right && (left == CEL_INT || left == CEL_UINT);
    default:
        return left == right && is_number_type(left);
    }
}

static bool refuse_types(struct parser *parser, size_t at, const char *sign, struct sv types) {
    return fail_at(parser, at, ERROR_INVALID,
                   arena_printf(parser->arena,
                                "found no matching overload for '%s' applied to '(%.*s)'", sign,
                                SV_ARG(types))) != NULL;
}

/* A rule that combines what has no operator is a mistake, also where it would never run. */
static bool check_sides(struct parser *parser, size_t at, enum cel_operation operation,
                        struct cel_node *const *sides) {
    static const char *const signs[] = {
        [CEL_LESS] = "_<_",     [CEL_LESS_EQUAL] = "_<=_",
        [CEL_GREATER] = "_>_",  [CEL_GREATER_EQUAL] = "_>=_",
        [CEL_EQUAL] = "_==_",   [CEL_NOT_EQUAL] = "_!=_",
        [CEL_IN] = "@in",       [CEL_ADD] = "_+_",
        [CEL_SUBTRACT] = "_-_", [CEL_MULTIPLY] = "_*_",
        [CEL_DIVIDE] = "_/_",   [CEL_MODULO] = "_%_",
    };
    enum cel_type left, right;
    if (!sides[0] || !sides[1] || !cel_static_type(sides[0], &left) ||
        !cel_static_type(sides[1], &right) || !is_plain_type(left) || !is_plain_type(right) ||
        may_combine(operation, left, right))
        return true;
    return refuse_types(parser, at, signs[operation],
                        arena_printf(parser->arena, "%.*s, %.*s", SV_ARG(cel_type_text(left)),
                                     SV_ARG(cel_type_text(right))));
}

/* Both sides of && and || are bools; the other side is named as one when it is not known. */
static bool check_logic(struct parser *parser, size_t at, const char *sign,
                        struct cel_node *const *sides) {
    struct sv names[2] = {SV("bool"), SV("bool")};
    bool is_wrong = false;
    for (size_t i = 0; i < 2 && sides[i]; i++) {
        enum cel_type type;
        if (!cel_static_type(sides[i], &type) || !is_plain_type(type))
            continue;
        names[i] = cel_type_text(type);
        is_wrong |= type != CEL_BOOL;
    }
    return !is_wrong || refuse_types(parser, at, sign,
                                     arena_printf(parser->arena, "%.*s, %.*s", SV_ARG(names[0]),
                                                  SV_ARG(names[1])));
}

static bool take_binary(struct parser *parser, int level, enum cel_operation *ret_operation) {
    bool is_in =
        level == 1 && parser->token.type == TOKEN_NAME && sv_eq(parser->token.text, SV("in"));
    if (is_in) {
        *ret_operation = CEL_IN;
        next(parser);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(binaries); i++)
        if (binaries[i].level == level && accept(parser, binaries[i].sign)) {
            *ret_operation = binaries[i].operation;
            return true;
        }
    return false;
}

static struct cel_node *parse_binary(struct parser *parser, int level) {
    struct cel_node *left = level > 3 ? parse_unary(parser) : parse_binary(parser, level + 1);
    enum cel_operation operation;
    size_t at = parser->token.at;
    for (; level <= 3 && left && !parser->has_failed && take_binary(parser, level, &operation);
         at = parser->token.at) {
        struct cel_node *children[] = {left, parse_binary(parser, level + 1)};
        if (!check_sides(parser, at, operation, children))
            return NULL;
        left = with_children(parser, new_node(parser, CEL_BINARY), children, 2);
        if (left)
            left->operation = operation;
    }
    return parser->has_failed ? NULL : left;
}

static struct cel_node *parse_and(struct parser *parser) {
    struct cel_node *left = parse_binary(parser, 1);
    for (size_t at = parser->token.at; left && accept(parser, "&&"); at = parser->token.at) {
        struct cel_node *children[] = {left, parse_binary(parser, 1)};
        if (!check_logic(parser, at, "_&&_", children))
            return NULL;
        left = with_children(parser, new_node(parser, CEL_AND), children, 2);
    }
    return left;
}

static struct cel_node *parse_or(struct parser *parser) {
    struct cel_node *left = parse_and(parser);
    for (size_t at = parser->token.at; left && accept(parser, "||"); at = parser->token.at) {
        struct cel_node *children[] = {left, parse_and(parser)};
        if (!check_logic(parser, at, "_||_", children))
            return NULL;
        left = with_children(parser, new_node(parser, CEL_OR), children, 2);
    }
    return left;
}

static struct cel_node *parse_conditional(struct parser *parser) {
    struct cel_node *children[3] = {parse_or(parser)};
    if (!children[0] || !accept(parser, "?"))
        return children[0];
    children[1] = parse_or(parser);
    if (!children[1] || !expect(parser, ":"))
        return NULL;
    children[2] = parse_expression(parser);
    return with_children(parser, new_node(parser, CEL_CONDITIONAL), children, 3);
}

static struct cel_node *parse_expression(struct parser *parser) {
    if (parser->has_failed)
        return NULL;
    if (++parser->depth > CEL_DEPTH_MAX)
        return fail(parser, ERROR_TOO_LARGE, "too many levels in one another", SV(""));
    struct cel_node *node = parse_conditional(parser);
    parser->depth--;
    return parser->has_failed ? NULL : node;
}

/* With its variables in `parser`. */
static struct cel_program *compile(struct parser *parser) {
    if (parser->text.len > CEL_TEXT_BYTES_MAX ||
        utf8_valid_bytes(parser->text) != parser->text.len) {
        error_set(parser->err, ERROR_INVALID, "an expression must be UTF-8 and at most %d bytes",
                  CEL_TEXT_BYTES_MAX);
        return NULL;
    }
    size_t variable_count = parser->variable_count;
    next(parser);
    struct cel_node *root = parse_expression(parser);
    if (!parser->has_failed && parser->token.type != TOKEN_END)
        fail(parser, ERROR_INVALID, "Syntax error: unexpected", parser->token.text);
    if (parser->has_failed || !root)
        return NULL;
    struct cel_program *program = ARENA_NEW(parser->arena, struct cel_program);
    *program = (struct cel_program){.root = root, .variable_count = variable_count};
    return program;
}

const struct cel_program *cel_compile(struct arena *arena, struct sv text,
                                      const struct schema *self, bool has_optional_old,
                                      struct error *err) {
    struct parser parser = {.arena = arena, .err = err, .text = text};
    push_variable(&parser, SV("self"), self);
    push_variable(&parser, SV("oldSelf"), has_optional_old ? NULL : self);
    struct cel_program *program = compile(&parser);
    if (program) {
        program->uses_old = parser.uses_old;
        program->has_optional_old = has_optional_old;
    }
    return program;
}

const struct cel_program *cel_compile_with(struct arena *arena, struct sv text,
                                           const struct cel_variable *variables, size_t count,
                                           struct error *err) {
    struct parser parser = {.arena = arena, .err = err, .text = text};
    assert(count <= CEL_VARIABLES_MAX);
    for (size_t i = 0; i < count; i++)
        push_variable(&parser, variables[i].name, variables[i].schema);
    return compile(&parser);
}

bool cel_uses_old(const struct cel_program *program) {
    return program->uses_old;
}

struct sv cel_result_type(const struct cel_program *program) {
    enum cel_type type;
    return cel_static_type(program->root, &type) ? cel_type_text(type) : SV("");
}

struct sv cel_failure_text(struct arena *arena, struct sv text, const struct error *err) {
    struct sv rest = sv_from(err->message), line = text;
    struct sv number = sv_cut(&rest, ':');
    int64_t column;
    size_t line_number = 1;
    if (!sv_to_int64(number, &column) || column < 1)
        return arena_printf(arena, "compilation failed: ERROR: %s", err->message);
    for (size_t end = sv_find(line, '\n'); end < line.len && (size_t)column > end + 1;
         end = sv_find(line, '\n')) {
        line = sv_drop(line, end + 1);
        column -= (int64_t)end + 1;
        line_number++;
    }
    line = sv_prefix(line, sv_find(line, '\n'));
    char *dots = arena_alloc(arena, (size_t)column);
    memset(dots, '.', (size_t)column - 1);
    return arena_printf(
        arena, "compilation failed: ERROR: <input>:%zu:%lld:%.*s\n | %.*s\n | %.*s^", line_number,
        (long long)column, SV_ARG(rest), SV_ARG(line), (int)(column - 1), dots);
}
