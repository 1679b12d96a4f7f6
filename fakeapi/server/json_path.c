/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/json_path.h"

#include "core/data/json.h"

enum { NAME_BYTES_MAX = 256, STEPS_MAX = 64 };

static const struct cJSON *walk(const struct cJSON *item, struct sv path, int depth);

/* --- names: .name with \. for a point, or ['name'] --- */

struct name {
    char bytes[NAME_BYTES_MAX];
    size_t len;
};

static bool name_push(struct name *name, char byte) {
    if (name->len == sizeof(name->bytes))
        return false;
    name->bytes[name->len++] = byte;
    return true;
}

/* Takes the name off `rest`; false when it is empty or too long. */
static bool take_name(struct sv *rest, struct name *ret_name) {
    ret_name->len = 0;
    while (rest->len > 0 && !strchr(".[ =!<>)", rest->ptr[0])) {
        bool is_escaped = rest->ptr[0] == '\\' && rest->len > 1;
        *rest = sv_drop(*rest, is_escaped ? 1 : 0);
        if (!name_push(ret_name, rest->ptr[0]))
            return false;
        *rest = sv_drop(*rest, 1);
    }
    return ret_name->len > 0;
}

static const struct cJSON *walk_name(const struct cJSON *item, struct sv rest, int depth) {
    struct name name;
    if (!take_name(&rest, &name))
        return NULL;
    if (!json_is_map(item))
        return NULL;
    const struct cJSON *member = json_get(item, (struct sv){name.bytes, name.len});
    return member ? walk(member, rest, depth) : NULL;
}

static const struct cJSON *walk_all(const struct cJSON *item, struct sv rest, int depth) {
    JSON_EACH (child, item) {
        const struct cJSON *found = walk(child, rest, depth);
        if (found)
            return found;
    }
    return NULL;
}

/* --- brackets --- */

/* What stands between the bracket and its end, quotes and brackets within respected. */
static bool take_brackets(struct sv *rest, struct sv *ret_inside) {
    size_t depth = 0;
    char quote = 0;
    for (size_t i = 0; i < rest->len; i++) {
        char byte = rest->ptr[i];
        if (quote) {
            if (byte == quote)
                quote = 0;
        } else if (byte == '\'' || byte == '"') {
            quote = byte;
        } else if (byte == '[') {
            depth++;
        } else if (byte == ']' && --depth == 0) {
            *ret_inside = sv_trim(sv_prefix(sv_drop(*rest, 1), i - 1));
            *rest = sv_drop(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool is_quoted(struct sv text) {
    return text.len >= 2 && (text.ptr[0] == '\'' || text.ptr[0] == '"') &&
           text.ptr[text.len - 1] == text.ptr[0];
}

/* Position of the operator of a filter and its length. */
static bool find_operator(struct sv text, size_t *ret_at, size_t *ret_len) {
    static const struct sv operators[] = {SV("=="), SV("!="), SV(">="), SV("<="), SV(">"), SV("<")};
    for (size_t at = 0; at < text.len; at++)
        for (size_t i = 0; i < COUNT_OF(operators); i++)
            if (sv_starts_with(sv_drop(text, at), operators[i])) {
                *ret_at = at;
                *ret_len = operators[i].len;
                return true;
            }
    return false;
}

static bool compares(int order, struct sv operator) {
    if (sv_eq(operator, SV("==")))
        return order == 0;
    if (sv_eq(operator, SV("!=")))
        return order != 0;
    if (sv_eq(operator, SV(">")))
        return order > 0;
    if (sv_eq(operator, SV("<")))
        return order < 0;
    return sv_eq(operator, SV(">=")) ? order >= 0 : order <= 0;
}

static struct sv literal_text(struct sv literal) {
    return is_quoted(literal) ? sv_prefix(sv_drop(literal, 1), literal.len - 2) : literal;
}

/* "@.type==\"Ready\"", or "@.type" alone: it exists. */
static bool holds(const struct cJSON *item, struct sv condition, int depth) {
    size_t at = condition.len, len = 0;
    bool has_operator = find_operator(condition, &at, &len);
    struct sv left = sv_trim(sv_prefix(condition, at));
    if (!sv_starts_with(left, SV("@")))
        return false;
    const struct cJSON *found = walk(item, sv_drop(left, 1), depth);
    if (!has_operator || !found)
        return found && !has_operator;
    struct sv right = literal_text(sv_trim(sv_drop(condition, at + len)));
    struct sv operator= sv_prefix(sv_drop(condition, at), len);
    int64_t a, b;
    if (json_to_int64(found, &a) && sv_to_int64(right, &b))
        return compares(a < b ? -1 : a > b, operator);
    struct sv text =
        json_is_bool(found) ? (json_is_true(found) ? SV("true") : SV("false")) : json_text(found);
    return compares(sv_compare(text, right), operator);
}

static const struct cJSON *walk_filter(const struct cJSON *item, struct sv condition,
                                       struct sv rest, int depth) {
    if (!json_is_list(item))
        return NULL;
    JSON_EACH (child, item) {
        if (!holds(child, condition, depth))
            continue;
        const struct cJSON *found = walk(child, rest, depth);
        if (found)
            return found;
    }
    return NULL;
}

static const struct cJSON *walk_index(const struct cJSON *item, int64_t index, struct sv rest,
                                      int depth) {
    if (!json_is_list(item))
        return NULL;
    int64_t count = (int64_t)json_count(item);
    if (index < 0)
        index += count;
    if (index < 0 || index >= count)
        return NULL;
    return walk(json_at(item, (size_t)index), rest, depth);
}

static const struct cJSON *walk_brackets(const struct cJSON *item, struct sv rest, int depth) {
    struct sv inside;
    int64_t index;
    if (!take_brackets(&rest, &inside))
        return NULL;
    if (sv_eq(inside, SV("*")))
        return walk_all(item, rest, depth);
    if (is_quoted(inside)) {
        const struct cJSON *member =
            json_is_map(item) ? json_get(item, literal_text(inside)) : NULL;
        return member ? walk(member, rest, depth) : NULL;
    }
    if (sv_starts_with(inside, SV("?(")) && sv_ends_with(inside, SV(")")))
        return walk_filter(item, sv_trim(sv_prefix(sv_drop(inside, 2), inside.len - 3)), rest,
                           depth);
    return sv_to_int64(inside, &index) ? walk_index(item, index, rest, depth) : NULL;
}

static const struct cJSON *walk(const struct cJSON *item, struct sv path, int depth) {
    if (path.len == 0)
        return item;
    if (depth >= STEPS_MAX)
        return NULL;
    if (path.ptr[0] == '[')
        return walk_brackets(item, path, depth + 1);
    if (path.ptr[0] != '.')
        return NULL;
    path = sv_drop(path, 1);
    if (sv_starts_with(path, SV("*")))
        return walk_all(item, sv_drop(path, 1), depth + 1);
    return sv_starts_with(path, SV("[")) ? walk(item, path, depth + 1)
                                         : walk_name(item, path, depth + 1);
}

const struct cJSON *json_path_find(const struct cJSON *root, struct sv path) {
    path = sv_trim(path);
    if (sv_starts_with(path, SV("{")) && sv_ends_with(path, SV("}")))
        path = sv_prefix(sv_drop(path, 1), path.len - 2);
    if (sv_starts_with(path, SV("$")))
        path = sv_drop(path, 1);
    return root && path.len > 0 ? walk(root, path, 0) : NULL;
}
