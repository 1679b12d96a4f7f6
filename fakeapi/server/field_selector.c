/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/field_selector.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/server/conversion.h"

/* Up to the next comma that no backslash escapes, with the escapes. */
static struct sv take_term(struct sv *rest) {
    size_t i = 0;
    for (; i < rest->len && rest->ptr[i] != ','; i++)
        if (rest->ptr[i] == '\\' && i + 1 < rest->len)
            i++;
    struct sv term = sv_prefix(*rest, i);
    *rest = sv_drop(*rest, i + 1);
    return term;
}

/* Backslashes stand before what has a meaning, and before nothing else. */
static bool unescape(struct arena *arena, struct sv text, struct sv *ret_value, struct error *err) {
    char *value = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_escaped = text.ptr[i] == '\\';
        struct sv next = sv_prefix(sv_drop(text, is_escaped ? i + 1 : i), 1);
        bool is_special = next.len > 0 && memchr("\\,=", next.ptr[0], 3);
        if (is_escaped && !is_special)
            return error_set(err, ERROR_INVALID,
                             "invalid field selector: invalid escape sequence: \\%.*s",
                             SV_ARG(next));
        if (!is_escaped && is_special)
            return error_set(err, ERROR_INVALID,
                             "invalid field selector: unescaped character in value: %d",
                             next.ptr[0]);
        value[len++] = next.ptr[0];
        i += is_escaped;
    }
    *ret_value = (struct sv){value, len};
    return true;
}

static bool parse_term(struct arena *arena, struct sv text, struct field_term *term,
                       struct error *err) {
    size_t at = sv_find(text, '=');
    if (at == text.len)
        return error_set(err, ERROR_INVALID, "invalid selector: '%.*s'; can't understand '%.*s'",
                         SV_ARG(text), SV_ARG(text));
    term->is_unequal = at > 0 && text.ptr[at - 1] == '!';
    term->field = sv_prefix(text, term->is_unequal ? at - 1 : at);
    bool is_double = !term->is_unequal && at + 1 < text.len && text.ptr[at + 1] == '=';
    return unescape(arena, sv_drop(text, at + (is_double ? 2 : 1)), &term->value, err);
}

/* Built-in kinds without fields of their own know these two, whatever their scope is. */
static bool has_common_fields(const struct resource_type *type) {
    return !type->is_custom && type->selectable_field_count == 0;
}

static bool offers(const struct resource_type *type, struct sv field) {
    if (sv_eq(field, SV("metadata.name")))
        return true;
    if (sv_eq(field, SV("metadata.namespace")))
        return type->resource.is_namespaced || has_common_fields(type);
    return sv_index_of(field, type->selectable_fields, type->selectable_field_count) <
           type->selectable_field_count;
}

static bool refuse_field(const struct resource_type *type, struct sv field, struct error *err) {
    /* Two kinds have words of their own for it. */
    if (!type->is_custom && sv_eq(type->resource.kind, SV("Job")))
        return error_set(err, ERROR_INVALID, "field label \"%.*s\" not supported for Job",
                         SV_ARG(field));
    if (!type->is_custom && sv_eq(type->resource.kind, SV("ResourceSlice")))
        return error_set(err, ERROR_INVALID,
                         "field label not supported for resource.k8s.io/%.*s, Kind=ResourceSlice: "
                         "%.*s",
                         SV_ARG(type->resource.version), SV_ARG(field));
    if (!has_common_fields(type))
        return error_set(err, ERROR_INVALID, "field label not supported: %.*s", SV_ARG(field));
    return error_set(err, ERROR_INVALID,
                     "\"%.*s\" is not a known field selector: only \"metadata.name\", "
                     "\"metadata.namespace\"",
                     SV_ARG(field));
}

bool field_selector_parse(struct arena *arena, struct sv text, const struct resource_type *type,
                          struct field_selector *ret_selector, struct error *err) {
    struct field_selector selector = {0};
    while (text.len > 0) {
        struct sv term = take_term(&text);
        if (term.len == 0)
            continue;
        if (selector.term_count == FIELD_TERMS_MAX)
            return error_set(err, ERROR_TOO_LARGE, "a field selector has at most %d terms",
                             FIELD_TERMS_MAX);
        if (!parse_term(arena, term, &selector.terms[selector.term_count], err))
            return false;
        if (!offers(type, selector.terms[selector.term_count].field))
            return refuse_field(type, selector.terms[selector.term_count].field, err);
        struct field_term *parsed = &selector.terms[selector.term_count++];
        parsed->field = stored_field(arena, type, parsed->field);
    }
    *ret_selector = selector;
    return true;
}

/* A field that is absent has the text of its type's zero value. */
static struct sv field_text(const struct cJSON *object, struct sv field, struct arena *arena) {
    static const struct {
        struct sv field, text;
    } zeros[] = {
        {SV("spec.hostNetwork"), SV("false")},
        {SV("spec.unschedulable"), SV("false")},
        {SV("status.replicas"), SV("0")},
        {SV("status.successful"), SV("0")},
    };
    const struct cJSON *item = json_find(object, arena_copy(arena, field).ptr);
    /* An event of a newer client has its source elsewhere. */
    if (json_text(item).len == 0 && sv_eq(field, SV("source.component")))
        return json_find_string(object, "reportingComponent");
    if (json_is_bool(item))
        return json_is_true(item) ? SV("true") : SV("false");
    for (size_t i = 0; !item && i < COUNT_OF(zeros); i++)
        if (sv_eq(zeros[i].field, field))
            return zeros[i].text;
    return json_text(item);
}

bool field_selector_matches(const struct field_selector *selector, const struct cJSON *object,
                            struct arena *arena) {
    for (size_t i = 0; i < selector->term_count; i++) {
        const struct field_term *term = &selector->terms[i];
        if (sv_eq(field_text(object, term->field, arena), term->value) == term->is_unequal)
            return false;
    }
    return true;
}

struct sv field_selector_required(const struct field_selector *selector, struct sv field) {
    for (size_t i = 0; i < selector->term_count; i++)
        if (!selector->terms[i].is_unequal && sv_eq(selector->terms[i].field, field))
            return selector->terms[i].value;
    return SV("");
}
