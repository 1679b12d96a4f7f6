/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_match.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/data/json.h"

#include <regex.h>

enum { SHOWN_BYTES_MAX = 400 };

struct matcher {
    struct arena *arena;
    struct mismatch *mismatch;
};

static bool match(struct matcher *matcher, const struct cJSON *expected, const struct cJSON *actual,
                  struct sv path);

static struct sv shown(struct matcher *matcher, const struct cJSON *value) {
    if (!value)
        return SV("nothing");
    struct sv text = json_write_arena(matcher->arena, value, JSON_COMPACT);
    if (text.len <= SHOWN_BYTES_MAX)
        return text;
    return arena_printf(matcher->arena, "%.*s…", SHOWN_BYTES_MAX, text.ptr);
}

static bool differs(struct matcher *matcher, struct sv path, struct sv expected,
                    const struct cJSON *actual) {
    *matcher->mismatch = (struct mismatch){path, expected, shown(matcher, actual)};
    return false;
}

static struct sv below(struct matcher *matcher, struct sv path, struct sv key) {
    return arena_printf(matcher->arena, "%.*s%s%.*s", SV_ARG(path), path.len > 0 ? "." : "",
                        SV_ARG(key));
}

/* --- directives --- */

typedef bool match_directive(struct matcher *matcher, const struct cJSON *wanted,
                             const struct cJSON *actual, struct sv path);

static match_directive match_exact, match_ordered, match_length, match_each, match_keys,
    match_number, match_pattern, match_quantity, match_not;

static const struct directive {
    struct sv name;
    match_directive *match;
} directives[] = {
    {{"exact", 5}, match_exact}, {{"ordered", 7}, match_ordered},   {{"length", 6}, match_length},
    {{"each", 4}, match_each},   {{"keys", 4}, match_keys},         {{"gt", 2}, match_number},
    {{"ge", 2}, match_number},   {{"lt", 2}, match_number},         {{"le", 2}, match_number},
    {{"re", 2}, match_pattern},  {{"quantity", 8}, match_quantity}, {{"not", 3}, match_not},
};

static const struct directive *find_directive(struct sv name) {
    for (size_t i = 0; i < COUNT_OF(directives); i++)
        if (sv_eq(directives[i].name, name))
            return &directives[i];
    return NULL;
}

static bool is_directive(const struct cJSON *expected) {
    if (!json_is_map(expected) || !expected->child)
        return false;
    JSON_EACH (member, expected) {
        if (!find_directive(json_key(member)))
            return false;
    }
    return true;
}

static bool match_length(struct matcher *matcher, const struct cJSON *wanted,
                         const struct cJSON *actual, struct sv path) {
    const struct cJSON *length = json_int(matcher->arena, (int64_t)json_count(actual));
    return match(matcher, wanted, length, below(matcher, path, SV("length")));
}

static bool match_each(struct matcher *matcher, const struct cJSON *wanted,
                       const struct cJSON *actual, struct sv path) {
    size_t index = 0;
    if (!json_is_list(actual))
        return differs(matcher, path, SV("a list"), actual);
    JSON_EACH (item, actual) {
        struct sv here = arena_printf(matcher->arena, "%.*s[%zu]", SV_ARG(path), index++);
        if (!match(matcher, wanted, item, here))
            return false;
    }
    return true;
}

static bool match_keys(struct matcher *matcher, const struct cJSON *wanted,
                       const struct cJSON *actual, struct sv path) {
    struct cJSON *keys = json_list(matcher->arena);
    if (!json_is_map(actual))
        return differs(matcher, path, SV("a map"), actual);
    JSON_EACH (member, actual)
        json_append(keys, json_string(matcher->arena, json_key(member)));
    return match(matcher, wanted, keys, below(matcher, path, SV("keys")));
}

/* Keys of `wanted` must be all that `actual` has; items as many. */
static bool match_exact(struct matcher *matcher, const struct cJSON *wanted,
                        const struct cJSON *actual, struct sv path) {
    if (json_is_map(wanted) && json_is_map(actual)) {
        JSON_EACH (member, actual) {
            if (!json_get(wanted, json_key(member)))
                return differs(matcher, below(matcher, path, json_key(member)), SV("nothing"),
                               member);
        }
    }
    if (json_is_list(wanted) && json_count(wanted) != json_count(actual))
        return differs(matcher, path,
                       arena_printf(matcher->arena, "%zu items, exactly %.*s", json_count(wanted),
                                    SV_ARG(shown(matcher, wanted))),
                       actual);
    return match(matcher, wanted, actual, path);
}

static bool match_ordered(struct matcher *matcher, const struct cJSON *wanted,
                          const struct cJSON *actual, struct sv path) {
    if (!json_is_list(wanted) || json_count(wanted) != json_count(actual))
        return differs(matcher, path, shown(matcher, wanted), actual);
    const struct cJSON *beside = actual->child;
    size_t index = 0;
    JSON_EACH (item, wanted) {
        struct sv here = arena_printf(matcher->arena, "%.*s[%zu]", SV_ARG(path), index++);
        if (!match(matcher, item, beside, here))
            return false;
        beside = beside->next;
    }
    return true;
}

static bool match_number(struct matcher *matcher, const struct cJSON *wanted,
                         const struct cJSON *actual, struct sv path) {
    struct quantity x, y;
    struct sv name = json_key(wanted);
    struct sv text =
        arena_printf(matcher->arena, "%.*s %.*s", SV_ARG(name), SV_ARG(shown(matcher, wanted)));
    if (!actual || !quantity_parse(json_text(actual), &x) || !quantity_parse(json_text(wanted), &y))
        return differs(matcher, path, text, actual);
    int order = quantity_compare(x, y);
    bool holds = sv_eq(name, SV("gt"))   ? order > 0
                 : sv_eq(name, SV("ge")) ? order >= 0
                 : sv_eq(name, SV("lt")) ? order < 0
                                         : order <= 0;
    return holds || differs(matcher, path, text, actual);
}

static bool match_pattern(struct matcher *matcher, const struct cJSON *wanted,
                          const struct cJSON *actual, struct sv path) {
    struct sv pattern = json_text(wanted);
    struct sv expected = arena_printf(matcher->arena, "text like %.*s", SV_ARG(pattern));
    regex_t regex;
    if (!json_is_string(actual))
        return differs(matcher, path, expected, actual);
    if (pattern.len > MATCH_PATTERN_BYTES_MAX ||
        regcomp(&regex, arena_copy(matcher->arena, pattern).ptr, REG_EXTENDED | REG_NOSUB) != 0)
        return differs(matcher, path, SV("a valid pattern in the scenario"), wanted);
    struct sv text = arena_copy(matcher->arena, json_text(actual));
    bool holds = regexec(&regex, text.ptr, 0, NULL, 0) == 0;
    regfree(&regex);
    return holds || differs(matcher, path, expected, actual);
}

static bool match_quantity(struct matcher *matcher, const struct cJSON *wanted,
                           const struct cJSON *actual, struct sv path) {
    return (actual && quantity_texts_equal(json_text(wanted), json_text(actual))) ||
           differs(matcher, path, json_text(wanted), actual);
}

static bool match_not(struct matcher *matcher, const struct cJSON *wanted,
                      const struct cJSON *actual, struct sv path) {
    struct mismatch ignored;
    struct matcher inner = {matcher->arena, &ignored};
    return !match(&inner, wanted, actual, path) ||
           differs(matcher, path,
                   arena_printf(matcher->arena, "not %.*s", SV_ARG(shown(matcher, wanted))),
                   actual);
}

/* --- lists --- */

static const struct sv merge_keys[] = {
    {"name", 4},        {"type", 4}, {"path", 4},        {"mountPath", 9}, {"containerPort", 13},
    {"mountPoint", 10}, {"key", 3},  {"devicePath", 10}, {"ip", 2},        {"uid", 3},
};

static struct sv merge_key_of(const struct cJSON *expected) {
    for (size_t i = 0; i < COUNT_OF(merge_keys); i++) {
        bool all_have = true;
        JSON_EACH (item, expected)
            all_have &= json_is_string(json_get(item, merge_keys[i])) ||
                        json_is_number(json_get(item, merge_keys[i]));
        if (all_have)
            return merge_keys[i];
    }
    return SV("");
}

/* An item without a key is matched by any item that fits. */
static bool match_any_item(struct matcher *matcher, const struct cJSON *wanted,
                           const struct cJSON *actual, struct sv path) {
    JSON_EACH (item, actual) {
        struct mismatch ignored;
        struct matcher inner = {matcher->arena, &ignored};
        if (match(&inner, wanted, item, path))
            return true;
    }
    return differs(matcher, path,
                   arena_printf(matcher->arena, "an item %.*s", SV_ARG(shown(matcher, wanted))),
                   actual);
}

static bool match_keyed(struct matcher *matcher, const struct cJSON *wanted,
                        const struct cJSON *actual, struct sv key, struct sv path) {
    const struct cJSON *value = json_get(wanted, key);
    struct sv here = arena_printf(matcher->arena, "%.*s[%.*s=%.*s]", SV_ARG(path), SV_ARG(key),
                                  SV_ARG(json_text(value)));
    JSON_EACH (item, actual) {
        if (json_equal(json_get(item, key), value))
            return match(matcher, wanted, item, here);
    }
    return differs(matcher, here, shown(matcher, wanted), NULL);
}

static bool match_list(struct matcher *matcher, const struct cJSON *expected,
                       const struct cJSON *actual, struct sv path) {
    if (!json_is_list(actual))
        return differs(matcher, path, shown(matcher, expected), actual);
    bool has_maps = expected->child && json_is_map(expected->child);
    if (!has_maps)
        return json_equal(expected, actual) ||
               differs(matcher, path, shown(matcher, expected), actual);
    struct sv key = merge_key_of(expected);
    JSON_EACH (item, expected) {
        bool holds = key.len > 0 ? match_keyed(matcher, item, actual, key, path)
                                 : match_any_item(matcher, item, actual, path);
        if (!holds)
            return false;
    }
    return true;
}

/* --- values --- */

static bool match_map(struct matcher *matcher, const struct cJSON *expected,
                      const struct cJSON *actual, struct sv path) {
    if (is_directive(expected)) {
        JSON_EACH (wanted, expected) {
            if (!find_directive(json_key(wanted))->match(matcher, wanted, actual, path))
                return false;
        }
        return true;
    }
    if (!json_is_map(actual))
        return differs(matcher, path, shown(matcher, expected), actual);
    JSON_EACH (member, expected) {
        struct sv key = json_key(member);
        if (!match(matcher, member, json_get(actual, key), below(matcher, path, key)))
            return false;
    }
    return true;
}

static bool match(struct matcher *matcher, const struct cJSON *expected, const struct cJSON *actual,
                  struct sv path) {
    bool is_text = json_is_string(expected);
    if (is_text && sv_eq(json_text(expected), SV("present")))
        return actual || differs(matcher, path, SV("anything"), actual);
    if (is_text && sv_eq(json_text(expected), SV("absent")))
        return !actual || differs(matcher, path, SV("nothing"), actual);
    if (json_is_map(expected))
        return match_map(matcher, expected, actual, path);
    if (json_is_list(expected))
        return match_list(matcher, expected, actual, path);
    return json_equal(expected, actual) || differs(matcher, path, shown(matcher, expected), actual);
}

bool scenario_match(struct arena *arena, const struct cJSON *expected, const struct cJSON *actual,
                    struct mismatch *ret_mismatch) {
    struct matcher matcher = {arena, ret_mismatch};
    return match(&matcher, expected, actual, SV(""));
}
