/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/selector.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/joiner.h"
#include "core/data/json.h"

enum { REQUIREMENTS_MAX = 256, VALUES_MAX = 1024 };

struct builder {
    struct arena *arena;
    struct selector_requirement *requirements; /* room for `count_max` */
    size_t count, count_max;
    struct error *err;
};

static bool add(struct builder *builder, struct selector_requirement requirement) {
    if (builder->count == builder->count_max)
        return error_set(builder->err, ERROR_TOO_LARGE, "a selector with over %d requirements",
                         REQUIREMENTS_MAX);
    builder->requirements[builder->count++] = requirement;
    return true;
}

static struct builder builder_new(struct arena *arena, size_t count_max, struct error *err) {
    count_max = count_max < REQUIREMENTS_MAX ? count_max : REQUIREMENTS_MAX;
    return (struct builder){
        .arena = arena,
        .requirements = ARENA_ARRAY(arena, struct selector_requirement, count_max),
        .count_max = count_max,
        .err = err,
    };
}

/* --- the text form: a lexer of words and of the symbols , ( ) ! = == != < > --- */

static bool is_symbol_byte(char byte) {
    return strchr(",()!=<>", byte) != NULL && byte != '\0';
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static struct sv next_token(struct sv *rest) {
    *rest = sv_trim(*rest);
    size_t len = 0;
    if (rest->len == 0)
        return SV("");
    if (is_symbol_byte(rest->ptr[0])) {
        len = sv_starts_with(*rest, SV("==")) || sv_starts_with(*rest, SV("!=")) ? 2 : 1;
    } else {
        while (len < rest->len && !is_symbol_byte(rest->ptr[len]) && !is_blank(rest->ptr[len]))
            len++;
    }
    struct sv token = sv_prefix(*rest, len);
    *rest = sv_drop(*rest, len);
    return token;
}

static struct sv peek_token(struct sv rest) {
    return next_token(&rest);
}

static bool is_word(struct sv token) {
    return token.len > 0 && !is_symbol_byte(token.ptr[0]);
}

/* Within a requirement, as apimachinery says it. */
static bool unexpected(struct builder *builder, struct sv found, const char *expected) {
    return error_set(builder->err, ERROR_INVALID,
                     "unable to parse requirement: found '%.*s', expected: %s", SV_ARG(found),
                     expected);
}

/* Between requirements. */
static bool unexpected_between(struct builder *builder, struct sv found, const char *expected) {
    return error_set(builder->err, ERROR_INVALID, "found '%.*s', expected: %s", SV_ARG(found),
                     expected);
}

/* "(a,b)" after in or notin; empty values are allowed as in Kubernetes. */
static bool parse_values(struct builder *builder, struct sv *rest,
                         struct selector_requirement *requirement) {
    struct sv token = next_token(rest);
    if (!sv_eq(token, SV("(")))
        return error_set(builder->err, ERROR_INVALID,
                         "unable to parse requirement: found '%.*s' expected: '('", SV_ARG(token));
    struct sv values[VALUES_MAX];
    size_t count = 0;
    for (;;) {
        token = peek_token(*rest);
        struct sv value = is_word(token) ? next_token(rest) : SV("");
        if (count == VALUES_MAX)
            return error_set(builder->err, ERROR_TOO_LARGE, "a selector with over %d values",
                             VALUES_MAX);
        values[count++] = arena_copy(builder->arena, value);
        token = next_token(rest);
        if (sv_eq(token, SV(")")))
            break;
        if (!sv_eq(token, SV(",")))
            return unexpected(builder, token,
                              value.len > 0 ? "',' or ')'" : "',', ')' or identifier");
    }
    requirement->values = arena_copy_items(builder->arena, values, count, sizeof(*values));
    requirement->value_count = count;
    return true;
}

static bool parse_one_value(struct builder *builder, struct sv *rest,
                            struct selector_requirement *requirement) {
    struct sv value = is_word(peek_token(*rest)) ? next_token(rest) : SV("");
    int64_t number;
    bool compares = requirement->op == SELECTOR_GREATER || requirement->op == SELECTOR_LESS;
    if (compares && !sv_to_int64(value, &number))
        return error_set(builder->err, ERROR_INVALID,
                         "unable to parse requirement: values[0]: Invalid value: \"%.*s\": for "
                         "'Gt', 'Lt' operators, the value must be an integer",
                         SV_ARG(value));
    struct sv *kept = ARENA_NEW(builder->arena, struct sv);
    *kept = arena_copy(builder->arena, value);
    requirement->values = kept;
    requirement->value_count = 1;
    return true;
}

static bool parse_operator(struct builder *builder, struct sv *rest,
                           struct selector_requirement *requirement) {
    static const struct {
        struct sv text;
        enum selector_operator op;
        bool takes_list;
    } operators[] = {
        {SV("="), SELECTOR_IN, false},        {SV("=="), SELECTOR_IN, false},
        {SV("!="), SELECTOR_NOT_IN, false},   {SV(">"), SELECTOR_GREATER, false},
        {SV("<"), SELECTOR_LESS, false},      {SV("in"), SELECTOR_IN, true},
        {SV("notin"), SELECTOR_NOT_IN, true},
    };
    struct sv token = peek_token(*rest);
    if (token.len == 0 || sv_eq(token, SV(","))) {
        requirement->op = SELECTOR_EXISTS;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (!sv_eq(token, operators[i].text))
            continue;
        next_token(rest);
        requirement->op = operators[i].op;
        return operators[i].takes_list ? parse_values(builder, rest, requirement)
                                       : parse_one_value(builder, rest, requirement);
    }
    return unexpected(builder, token, "in, notin, =, ==, !=, gt, lt");
}

static bool parse_requirement(struct builder *builder, struct sv *rest) {
    struct selector_requirement requirement = {0};
    struct sv token = next_token(rest);
    bool is_negated = sv_eq(token, SV("!"));
    if (is_negated)
        token = next_token(rest);
    if (!is_word(token) && is_negated)
        return unexpected(builder, token, "identifier");
    if (!is_word(token))
        return unexpected_between(builder, token,
                                  builder->count == 0 ? "!, identifier, or 'end of string'"
                                                      : "identifier after ','");
    requirement.key = arena_copy(builder->arena, token);
    requirement.op = SELECTOR_NOT_EXISTS;
    if (!is_negated && !parse_operator(builder, rest, &requirement))
        return false;
    return add(builder, requirement);
}

bool selector_parse(struct arena *arena, struct sv text, struct selector *ret_selector,
                    struct error *err) {
    struct sv rest = sv_trim(text);
    if (rest.len == 0) {
        *ret_selector = (struct selector){0};
        return true;
    }
    size_t comma_count = 0;
    for (size_t i = 0; i < rest.len; i++)
        comma_count += rest.ptr[i] == ',';
    struct builder builder = builder_new(arena, comma_count + 1, err);
    for (;;) {
        if (!parse_requirement(&builder, &rest))
            return false;
        struct sv token = next_token(&rest);
        if (token.len == 0)
            break;
        if (!sv_eq(token, SV(",")))
            return unexpected_between(&builder, token, "',' or 'end of string'");
    }
    *ret_selector = (struct selector){builder.requirements, builder.count, false};
    return true;
}

/* --- the object form --- */

static bool add_label(struct builder *builder, const struct cJSON *label) {
    struct sv *value = ARENA_NEW(builder->arena, struct sv);
    *value = arena_copy(builder->arena, json_text(label));
    return add(builder, (struct selector_requirement){
                            .key = arena_copy(builder->arena, json_key(label)),
                            .op = SELECTOR_IN,
                            .values = value,
                            .value_count = 1,
                        });
}

static bool add_expression(struct builder *builder, const struct cJSON *expression) {
    static const struct sv names[] = {
        [SELECTOR_IN] = SV("In"),         [SELECTOR_NOT_IN] = SV("NotIn"),
        [SELECTOR_EXISTS] = SV("Exists"), [SELECTOR_NOT_EXISTS] = SV("DoesNotExist"),
        [SELECTOR_GREATER] = SV("Gt"),    [SELECTOR_LESS] = SV("Lt"),
    };
    struct sv name = json_string_or(expression, SV("operator"), SV(""));
    size_t op = sv_index_of(name, names, COUNT_OF(names));
    if (op == COUNT_OF(names))
        return error_set(builder->err, ERROR_INVALID,
                         "\"%.*s\" is not a valid label selector operator", SV_ARG(name));
    const struct cJSON *values = json_get(expression, SV("values"));
    struct selector_requirement requirement = {
        .key = arena_copy(builder->arena, json_string_or(expression, SV("key"), SV(""))),
        .op = (enum selector_operator)op,
    };
    struct sv *kept = ARENA_ARRAY(builder->arena, struct sv, json_count(values));
    JSON_EACH (value, values)
        kept[requirement.value_count++] = arena_copy(builder->arena, json_text(value));
    requirement.values = kept;
    return add(builder, requirement);
}

bool selector_from_object(struct arena *arena, const struct cJSON *label_selector,
                          struct selector *ret_selector, struct error *err) {
    if (!json_is_map(label_selector)) {
        *ret_selector = (struct selector){.matches_nothing = true};
        return true;
    }
    const struct cJSON *labels = json_get(label_selector, SV("matchLabels"));
    const struct cJSON *expressions = json_get(label_selector, SV("matchExpressions"));
    struct builder builder = builder_new(arena, json_count(labels) + json_count(expressions), err);
    JSON_EACH (label, labels) {
        if (!add_label(&builder, label))
            return false;
    }
    JSON_EACH (expression, expressions) {
        if (!add_expression(&builder, expression))
            return false;
    }
    *ret_selector = (struct selector){builder.requirements, builder.count, false};
    return true;
}

/* --- matching --- */

static bool compares(struct sv label, const struct selector_requirement *requirement) {
    int64_t value, bound;
    if (requirement->value_count != 1 || !sv_to_int64(label, &value) ||
        !sv_to_int64(requirement->values[0], &bound))
        return false;
    return requirement->op == SELECTOR_GREATER ? value > bound : value < bound;
}

static bool requirement_matches(const struct selector_requirement *requirement,
                                const struct cJSON *labels) {
    const struct cJSON *label = json_get(labels, requirement->key);
    bool is_listed = label && sv_index_of(json_text(label), requirement->values,
                                          requirement->value_count) < requirement->value_count;
    switch (requirement->op) {
    case SELECTOR_IN:
        return is_listed;
    case SELECTOR_NOT_IN:
        return !is_listed;
    case SELECTOR_EXISTS:
        return label != NULL;
    case SELECTOR_NOT_EXISTS:
        return label == NULL;
    case SELECTOR_GREATER:
    case SELECTOR_LESS:
        return label && compares(json_text(label), requirement);
    }
    return false;
}

bool selector_matches(const struct selector *selector, const struct cJSON *labels) {
    if (selector->matches_nothing)
        return false;
    for (size_t i = 0; i < selector->requirement_count; i++)
        if (!requirement_matches(&selector->requirements[i], labels))
            return false;
    return true;
}

/* --- the one spelling --- */

static struct sv join_texts(struct arena *arena, const struct sv *texts, size_t count) {
    struct joiner joined;
    joiner_init(&joined, arena);
    for (size_t i = 0; i < count; i++)
        joiner_add_apart(&joined, SV(","), texts[i]);
    return joiner_text(&joined);
}

static struct sv text_of_in(struct arena *arena, const struct selector_requirement *requirement) {
    struct sv *values = ARENA_ARRAY(arena, struct sv, requirement->value_count + 1);
    for (size_t i = 0; i < requirement->value_count; i++)
        values[i] = requirement->values[i];
    size_t count = sv_sort_unique(values, requirement->value_count);
    return count == 1 ? ARENA_JOIN(arena, requirement->key, SV("="), values[0])
                      : ARENA_JOIN(arena, requirement->key, SV(" in ("),
                                   join_texts(arena, values, count), SV(")"));
}

/* What is not to be one of several values is each of "not this one". */
static size_t add_texts(struct arena *arena, const struct selector_requirement *requirement,
                        struct sv *texts) {
    static const struct sv signs[] = {
        [SELECTOR_NOT_IN] = SV("!="), [SELECTOR_GREATER] = SV(">"), [SELECTOR_LESS] = SV("<")};
    switch (requirement->op) {
    case SELECTOR_IN:
        texts[0] = text_of_in(arena, requirement);
        return 1;
    case SELECTOR_EXISTS:
        texts[0] = requirement->key;
        return 1;
    case SELECTOR_NOT_EXISTS:
        texts[0] = ARENA_JOIN(arena, SV("!"), requirement->key);
        return 1;
    case SELECTOR_NOT_IN:
    case SELECTOR_GREATER:
    case SELECTOR_LESS:
        break;
    }
    for (size_t i = 0; i < requirement->value_count; i++)
        texts[i] =
            ARENA_JOIN(arena, requirement->key, signs[requirement->op], requirement->values[i]);
    return requirement->value_count;
}

struct sv selector_canonical(struct arena *arena, const struct selector *selector) {
    size_t count_max = 0, count = 0;
    for (size_t i = 0; i < selector->requirement_count; i++)
        count_max += 1 + selector->requirements[i].value_count;
    struct sv *texts = ARENA_ARRAY(arena, struct sv, count_max + 1);
    for (size_t i = 0; i < selector->requirement_count; i++)
        count += add_texts(arena, &selector->requirements[i], texts + count);
    return join_texts(arena, texts, sv_sort_unique(texts, count));
}
