/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_matrix.h"

#include "conformance/manifest.h"
#include "conformance/scenario/scenario_shape.h"
#include "core/base/arena.h"
#include "core/data/json.h"

enum { DEPTH_MAX = 64 };

struct variable {
    struct sv name;
    const struct cJSON *value, *declared;
    bool is_used;
};

struct expansion {
    const struct manifest *manifest;
    struct arena *arena;
    struct error *err;
    struct variable variables[SCENARIO_VARIABLES_MAX];
    size_t count;
};

#define FAIL(expansion, item, ...)                                                                 \
    shape_fail((expansion)->manifest, (item), (expansion)->err, __VA_ARGS__)

/* --- which values --- */

static struct variable *find(struct expansion *expansion, struct sv name) {
    for (size_t i = 0; i < expansion->count; i++)
        if (sv_eq(expansion->variables[i].name, name))
            return &expansion->variables[i];
    return NULL;
}

static bool add(struct expansion *expansion, const struct cJSON *declared,
                const struct cJSON *value) {
    if (find(expansion, json_key(declared)))
        return FAIL(expansion, declared, "\"%.*s\" is in vars and in matrix: keep one",
                    SV_ARG(json_key(declared)));
    if (expansion->count == SCENARIO_VARIABLES_MAX)
        return FAIL(expansion, declared, "more than %d variables", SCENARIO_VARIABLES_MAX);
    expansion->variables[expansion->count++] =
        (struct variable){.name = json_key(declared), .value = value, .declared = declared};
    return true;
}

static bool add_vars(struct expansion *expansion, const struct cJSON *vars) {
    JSON_EACH (var, vars)
        if (!add(expansion, var, var))
            return false;
    return true;
}

static bool count_cases(struct expansion *expansion, const struct cJSON *matrix,
                        size_t *ret_count) {
    size_t count = 1;
    JSON_EACH (values, matrix) {
        if (!json_is_list(values) || json_count(values) == 0)
            return FAIL(expansion, values, "matrix.%.*s must be a list of values",
                        SV_ARG(json_key(values)));
        count *= json_count(values);
        if (count > SCENARIO_CASES_MAX)
            return FAIL(expansion, matrix, "matrix has more than %d cases", SCENARIO_CASES_MAX);
    }
    *ret_count = count;
    return true;
}

static struct sv value_text(struct expansion *expansion, const struct cJSON *value) {
    if (json_is_map(value) || json_is_list(value))
        return json_write_arena(expansion->arena, value, JSON_COMPACT);
    return json_is_bool(value) ? (json_is_true(value) ? SV("true") : SV("false"))
                               : json_text(value);
}

/* The last name of the matrix changes fastest. */
static bool add_case(struct expansion *expansion, const struct cJSON *matrix, size_t index,
                     size_t count, struct sv *ret_suffix) {
    struct sv suffix = SV("");
    JSON_EACH (values, matrix) {
        count /= json_count(values);
        const struct cJSON *value = json_at(values, index / count % json_count(values));
        if (!add(expansion, values, value))
            return false;
        const struct cJSON *named = json_is_map(value) ? json_get(value, SV("name")) : NULL;
        suffix = arena_printf(expansion->arena, "%.*s%s%.*s=%.*s", SV_ARG(suffix),
                              suffix.len > 0 ? "," : "", SV_ARG(json_key(values)),
                              SV_ARG(value_text(expansion, named ? named : value)));
    }
    *ret_suffix =
        suffix.len > 0 ? arena_printf(expansion->arena, "[%.*s]", SV_ARG(suffix)) : SV("");
    return true;
}

/* --- into the tree --- */

static void fail_unknown(struct expansion *expansion, const struct cJSON *item, struct sv name) {
    struct sv names[SCENARIO_VARIABLES_MAX];
    for (size_t i = 0; i < expansion->count; i++)
        names[i] = expansion->variables[i].name;
    struct sv nearest = sv_nearest(name, names, expansion->count);
    FAIL(expansion, item,
         "no variable \"%.*s\" in vars or matrix" SV_MEANT "; $${ stands for the text ${",
         SV_ARG(name), SV_MEANT_ARG(nearest));
}

static size_t find_reference(struct sv text) {
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.ptr[i] == '$' && text.ptr[i + 1] == '{')
            return i;
    return text.len;
}

static struct sv join(struct expansion *expansion, struct sv a, struct sv b, struct sv c) {
    return arena_printf(expansion->arena, "%.*s%.*s%.*s", SV_ARG(a), SV_ARG(b), SV_ARG(c));
}

/* The value of the name at the front of `rest`, which is taken off. NULL with an error. */
static const struct cJSON *take_value(struct expansion *expansion, const struct cJSON *item,
                                      struct sv *rest) {
    struct sv path = sv_cut(rest, '}'), member = path;
    struct sv name = sv_cut(&member, '.');
    struct variable *variable = find(expansion, name);
    if (!variable) {
        fail_unknown(expansion, item, name);
        return NULL;
    }
    variable->is_used = true;
    const struct cJSON *value = variable->value;
    while (value && member.len > 0)
        value = json_get(value, sv_cut(&member, '.'));
    if (!value)
        FAIL(expansion, item, "${%.*s}: \"%.*s\" has no such member in this case", SV_ARG(path),
             SV_ARG(name));
    return value;
}

/* NULL with an error. */
static struct cJSON *expand_text(struct expansion *expansion, const struct cJSON *item) {
    struct sv rest = json_text(item), out = SV("");
    for (size_t at; (at = find_reference(rest)) < rest.len;) {
        struct sv before = sv_prefix(rest, at);
        rest = sv_drop(rest, at + 2);
        if (sv_ends_with(before, SV("$"))) {
            out = join(expansion, out, sv_prefix(before, before.len - 1), SV("${"));
            continue;
        }
        const struct cJSON *value = take_value(expansion, item, &rest);
        if (!value)
            return NULL;
        if (out.len == 0 && before.len == 0 && rest.len == 0)
            return json_copy(expansion->arena, value);
        out = join(expansion, out, before, value_text(expansion, value));
    }
    return json_string(expansion->arena, join(expansion, out, rest, SV("")));
}

static bool is_declaration(const struct cJSON *item, size_t depth) {
    return depth == 0 && (sv_eq(json_key(item), SV("vars")) || sv_eq(json_key(item), SV("matrix")));
}

static bool expand(struct expansion *expansion, struct cJSON *parent, size_t depth) {
    struct cJSON *next;
    if (depth == DEPTH_MAX)
        return FAIL(expansion, parent, "nested deeper than %d", DEPTH_MAX);
    for (struct cJSON *item = parent->child; item; item = next) {
        next = item->next;
        if (is_declaration(item, depth))
            continue;
        if ((json_is_map(item) || json_is_list(item)) && !expand(expansion, item, depth + 1))
            return false;
        if (!json_is_string(item) || find_reference(json_text(item)) == json_text(item).len)
            continue;
        struct cJSON *value = expand_text(expansion, item);
        if (!value)
            return false;
        if (json_is_map(parent))
            json_set(expansion->arena, parent, json_key(item), value);
        else
            json_replace(parent, item, value);
    }
    return true;
}

static bool check_use(struct expansion *expansion) {
    for (size_t i = 0; i < expansion->count; i++)
        if (!expansion->variables[i].is_used)
            return FAIL(expansion, expansion->variables[i].declared,
                        "\"%.*s\" is used nowhere: write ${%.*s} where its value belongs, or "
                        "remove it",
                        SV_ARG(expansion->variables[i].name), SV_ARG(expansion->variables[i].name));
    return true;
}

bool scenario_matrix_expand(const struct manifest *manifest, struct cJSON *tree, size_t index,
                            struct sv *ret_suffix, size_t *ret_count, struct error *err) {
    struct expansion expansion = {.manifest = manifest, .arena = manifest->arena, .err = err};
    const struct cJSON *vars = json_get(tree, SV("vars")), *matrix = json_get(tree, SV("matrix"));
    *ret_suffix = SV("");
    *ret_count = 1;
    if (!vars && !matrix)
        return true;
    if ((vars && !json_is_map(vars)) || (matrix && !json_is_map(matrix)))
        return FAIL(&expansion, vars && !json_is_map(vars) ? vars : matrix,
                    "vars and matrix are maps of names");
    if (!count_cases(&expansion, matrix, ret_count) || !add_vars(&expansion, vars) ||
        !add_case(&expansion, matrix, index, *ret_count, ret_suffix))
        return false;
    return expand(&expansion, tree, 0) && check_use(&expansion);
}
