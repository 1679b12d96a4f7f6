/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_shape.h"

#include "conformance/manifest.h"
#include "core/api/api_time.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/fault/request_pattern.h"
#include "fakeapi/schema/schema.h"

#include <ctype.h>
#include <stdarg.h>

enum { FIELDS_MAX = 32 };
#define DURATION_MS_MAX (365 * 24 * 3600 * INT64_C(1000))

/* --- durations and references --- */

bool duration_parse(struct sv text, int64_t *ret_ms) {
    int64_t duration_ms;
    /* "+30s" reads well after "time:". */
    if (sv_starts_with(text, SV("+")))
        text = sv_drop(text, 1);
    if (!api_duration_parse(text, &duration_ms) || duration_ms < 0 || duration_ms > DURATION_MS_MAX)
        return false;
    *ret_ms = duration_ms;
    return true;
}

static const struct resource *const resources[] = {
#define X(name, group, version, plural, kind, is_namespaced) &RESOURCE_##name,
    RESOURCES(X)
#undef X
};

/* As kubectl has them. */
static const struct {
    struct sv name;
    const struct resource *resource;
} short_names[] = {
    {{"cm", 2}, &RESOURCE_CONFIG_MAPS},
    {{"ds", 2}, &RESOURCE_DAEMON_SETS},
    {{"ns", 2}, &RESOURCE_NAMESPACES},
    {{"pv", 2}, &RESOURCE_PERSISTENT_VOLUMES},
    {{"pvc", 3}, &RESOURCE_PERSISTENT_VOLUME_CLAIMS},
    {{"sts", 3}, &RESOURCE_STATEFUL_SETS},
    {{"svc", 3}, &RESOURCE_SERVICES},
};

static bool eq_any_case(struct sv a, struct sv b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (tolower((unsigned char)a.ptr[i]) != tolower((unsigned char)b.ptr[i]))
            return false;
    return true;
}

bool object_ref_parse(struct sv text, struct object_ref *ret_ref, struct sv *ret_nearest) {
    struct sv rest = text, kind = sv_cut(&rest, '/');
    struct object_ref ref = {.namespace_name = SV("default"), .name = rest};
    struct sv plurals[COUNT_OF(resources)];
    if (sv_find(rest, '/') < rest.len) {
        ref.namespace_name = sv_cut(&rest, '/');
        ref.name = rest;
    }
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        plurals[i] = resources[i]->plural;
        bool is_meant =
            eq_any_case(kind, resources[i]->plural) || eq_any_case(kind, resources[i]->kind);
        /* Of two groups with one kind, Kubernetes' own stands first. */
        if (is_meant && !ref.resource)
            ref.resource = resources[i];
    }
    for (size_t i = 0; i < COUNT_OF(short_names); i++)
        if (eq_any_case(kind, short_names[i].name))
            ref.resource = short_names[i].resource;
    *ret_nearest = ref.resource ? SV("") : sv_nearest(kind, plurals, COUNT_OF(plurals));
    if (!ref.resource || ref.name.len == 0 || sv_find(ref.name, '/') < ref.name.len)
        return false;
    if (!ref.resource->is_namespaced)
        ref.namespace_name = SV("");
    *ret_ref = ref;
    return true;
}

/* --- messages --- */

bool shape_fail(const struct manifest *manifest, const struct cJSON *item, struct error *err,
                const char *format, ...) {
    char text[ERROR_MESSAGE_BYTES_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bool is_member = item && item->string;
    struct location at = manifest_locate(manifest, item, is_member);
    return error_set(err, ERROR_INVALID, "%.*s:%u:%u: %s", SV_ARG(at.path), at.line, at.column,
                     text);
}

struct checker {
    const struct manifest *manifest;
    struct error *err;
};

static bool check_map(struct checker *checker, const struct cJSON *map, const struct shape *shape);

static bool fail_unknown(struct checker *checker, const struct cJSON *member,
                         const struct shape *shape) {
    struct sv names[FIELDS_MAX];
    assert(shape->field_count <= FIELDS_MAX);
    for (size_t i = 0; i < shape->field_count; i++)
        names[i] = shape->fields[i].name;
    struct sv nearest = sv_nearest(json_key(member), names, shape->field_count);
    if (nearest.len > 0)
        return shape_fail(checker->manifest, member, checker->err,
                          "unknown field \"%.*s\" of %s" SV_MEANT, SV_ARG(json_key(member)),
                          shape->what, SV_MEANT_ARG(nearest));
    return shape_fail(checker->manifest, member, checker->err,
                      "unknown field \"%.*s\" of %s; the first known one is \"%.*s\"",
                      SV_ARG(json_key(member)), shape->what, SV_ARG(names[0]));
}

static bool fail_type(struct checker *checker, const struct cJSON *item,
                      const struct shape_field *field, const char *wanted) {
    return shape_fail(checker->manifest, item, checker->err, "\"%.*s\" must be %s, not %s",
                      SV_ARG(field->name), wanted, json_type_name(item));
}

/* --- values --- */

static bool fail_choice(struct checker *checker, const struct cJSON *item,
                        const struct shape_field *field, struct sv nearest) {
    if (nearest.len > 0)
        return shape_fail(checker->manifest, item, checker->err,
                          "\"%.*s\" cannot be \"%.*s\"" SV_MEANT, SV_ARG(field->name),
                          SV_ARG(json_text(item)), SV_MEANT_ARG(nearest));
    return shape_fail(checker->manifest, item, checker->err,
                      "\"%.*s\" cannot be \"%.*s\"; it may be \"%.*s\"", SV_ARG(field->name),
                      SV_ARG(json_text(item)), SV_ARG(field->choices[0]));
}

static bool check_choice(struct checker *checker, const struct cJSON *item,
                         const struct shape_field *field) {
    struct sv text = json_text(item);
    if (json_is_string(item) &&
        sv_index_of(text, field->choices, field->choice_count) < field->choice_count)
        return true;
    return fail_choice(checker, item, field, sv_nearest(text, field->choices, field->choice_count));
}

/* A rule about what does not exist would hold whatever happens: what can only be a slip is none. */
static bool check_agent(struct checker *checker, const struct cJSON *item,
                        const struct shape_field *field) {
    struct sv text = json_text(item);
    struct sv nearest = sv_nearest(text, field->choices, field->choice_count);
    if (!json_is_string(item))
        return fail_type(checker, item, field, "a text");
    return nearest.len == 0 || sv_eq(nearest, text) || fail_choice(checker, item, field, nearest);
}

static struct sv plural_at(size_t index) {
    return index < COUNT_OF(resources)
               ? resources[index]->plural
               : schema_builtin_resources[index - COUNT_OF(resources)].plural;
}

static bool check_resource(struct checker *checker, const struct cJSON *item,
                           const struct shape_field *field) {
    struct sv text = json_text(item), nearest = SV("");
    if (!json_is_string(item))
        return fail_type(checker, item, field, "a text");
    for (size_t i = 0; i < COUNT_OF(resources) + schema_builtin_resource_count; i++) {
        struct sv candidates[] = {nearest, plural_at(i)};
        if (text_matches(text, candidates[1]))
            return true;
        nearest = sv_nearest(text, candidates, COUNT_OF(candidates));
    }
    return nearest.len == 0 || fail_choice(checker, item, field, nearest);
}

static bool check_ref(struct checker *checker, const struct cJSON *item,
                      const struct shape_field *field) {
    struct object_ref ref;
    struct sv nearest;
    if (!json_is_string(item))
        return fail_type(checker, item, field, "a reference such as dataset/demo");
    if (object_ref_parse(json_text(item), &ref, &nearest))
        return true;
    if (nearest.len > 0)
        return shape_fail(checker->manifest, item, checker->err,
                          "unknown kind in \"%.*s\"" SV_MEANT, SV_ARG(json_text(item)),
                          SV_MEANT_ARG(nearest));
    return shape_fail(checker->manifest, item, checker->err,
                      "\"%.*s\" is no reference: write kind/name or kind/namespace/name",
                      SV_ARG(json_text(item)));
}

static bool check_list(struct checker *checker, const struct cJSON *list,
                       const struct shape_field *field) {
    if (!json_is_list(list))
        return fail_type(checker, list, field, "a list");
    JSON_EACH (item, list) {
        if (!json_is_map(item))
            return fail_type(checker, item, field, "a list of maps");
        if (!check_map(checker, item, field->shape))
            return false;
    }
    return true;
}

static bool check_texts(struct checker *checker, const struct cJSON *list,
                        const struct shape_field *field) {
    if (!json_is_list(list))
        return fail_type(checker, list, field, "a list of texts");
    JSON_EACH (item, list) {
        if (!json_is_string(item))
            return fail_type(checker, item, field, "a list of texts");
        if (field->choices && !check_choice(checker, item, field))
            return false;
    }
    return true;
}

static bool check_chains(struct checker *checker, const struct cJSON *list,
                         const struct shape_field *field) {
    if (!json_is_list(list))
        return fail_type(checker, list, field, "a list of lists");
    JSON_EACH (chain, list) {
        if (!check_list(checker, chain, field))
            return false;
    }
    return true;
}

static bool check_scalar(struct checker *checker, const struct cJSON *item,
                         const struct shape_field *field) {
    int64_t number;
    if (field->type == SHAPE_TEXT)
        return json_is_string(item) || fail_type(checker, item, field, "a text");
    if (field->type == SHAPE_BOOLEAN)
        return json_is_bool(item) || fail_type(checker, item, field, "true or false");
    if (field->type == SHAPE_COUNT)
        return (json_to_int64(item, &number) && number >= 0) ||
               fail_type(checker, item, field, "a whole number from 0");
    if (!json_is_string(item) || !duration_parse(json_text(item), &number))
        return shape_fail(checker->manifest, item, checker->err,
                          "\"%.*s\" must be a duration such as \"90s\" or \"1m30s\"",
                          SV_ARG(field->name));
    return true;
}

static bool check_value(struct checker *checker, const struct cJSON *item,
                        const struct shape_field *field) {
    switch (field->type) {
    case SHAPE_ANY:
        return true;
    case SHAPE_TEXT:
    case SHAPE_COUNT:
    case SHAPE_BOOLEAN:
    case SHAPE_DURATION:
        return check_scalar(checker, item, field);
    case SHAPE_REF:
        return check_ref(checker, item, field);
    case SHAPE_CHOICE:
        return check_choice(checker, item, field);
    case SHAPE_AGENT:
        return check_agent(checker, item, field);
    case SHAPE_RESOURCE:
        return check_resource(checker, item, field);
    case SHAPE_TREE:
        return json_is_map(item) || fail_type(checker, item, field, "a map");
    case SHAPE_MAP:
        return json_is_map(item) ? check_map(checker, item, field->shape)
                                 : fail_type(checker, item, field, "a map");
    case SHAPE_LIST_OR_MAP:
        return json_is_map(item) ? check_map(checker, item, field->shape)
                                 : check_list(checker, item, field);
    case SHAPE_LIST:
        return check_list(checker, item, field);
    case SHAPE_TEXTS:
        return check_texts(checker, item, field);
    case SHAPE_CHAINS:
        return check_chains(checker, item, field);
    }
    return true;
}

/* --- maps --- */

static const struct shape_field *find_field(const struct shape *shape, struct sv name) {
    for (size_t i = 0; i < shape->field_count; i++)
        if (sv_eq(shape->fields[i].name, name))
            return &shape->fields[i];
    return NULL;
}

static bool check_map(struct checker *checker, const struct cJSON *map, const struct shape *shape) {
    JSON_EACH (member, map) {
        const struct shape_field *field = find_field(shape, json_key(member));
        if (!field)
            return fail_unknown(checker, member, shape);
        if (!check_value(checker, member, field))
            return false;
    }
    for (size_t i = 0; i < shape->field_count; i++)
        if (shape->fields[i].is_required && !json_get(map, shape->fields[i].name))
            return shape_fail(checker->manifest, map, checker->err, "%s needs the field \"%.*s\"",
                              shape->what, SV_ARG(shape->fields[i].name));
    if (shape->has_one_field && json_count(map) != 1)
        return shape_fail(checker->manifest, map, checker->err,
                          "%s has exactly one field, this one has %zu", shape->what,
                          json_count(map));
    return true;
}

bool shape_check(const struct manifest *manifest, const struct cJSON *root,
                 const struct shape *shape, struct error *err) {
    struct checker checker = {manifest, err};
    if (!json_is_map(root))
        return shape_fail(manifest, root, err, "%s is a map, this is %s", shape->what,
                          json_type_name(root));
    return check_map(&checker, root, shape);
}
