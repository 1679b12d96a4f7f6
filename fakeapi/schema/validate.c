/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/validate.h"

#include "core/api/quantity.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/joiner.h"
#include "core/data/json.h"
#include "fakeapi/schema/crd_schema.h"

/* --- reports: the texts of apiserver-semantics.md §1.1 --- */

struct sv path_member(const struct checker *checker, struct sv field, struct sv name) {
    return ARENA_JOIN(checker->arena, field, field.len > 0 ? SV(".") : SV(""), name);
}

struct sv path_property(struct arena *arena, struct sv field, struct sv name) {
    return ARENA_JOIN(arena, field, SV(".properties["), name, SV("]"));
}

/* Not formatted: each item of a list has its path made, and nearly none is wrong. */
struct sv path_index(const struct checker *checker, struct sv field, size_t index) {
    char digits[24];
    size_t at = sizeof(digits);
    digits[--at] = ']';
    do
        digits[--at] = (char)('0' + index % 10);
    while ((index /= 10) > 0);
    digits[--at] = '[';
    const struct sv parts[] = {field, {digits + at, sizeof(digits) - at}};
    return arena_join(checker->arena, parts, COUNT_OF(parts));
}

/* The value as the server shows it: as JSON, and no more of it than a message holds. A list of a
 * thousand faults is shown as often. */
static struct sv shown(const struct checker *checker, const struct cJSON *item) {
    struct buf text;
    if (!item || findings_are_full(checker->findings))
        return SV("\"\"");
    if (json_is_string(item) && json_text(item).len > FINDING_BYTES_MAX)
        item = json_string(checker->arena, sv_prefix(json_text(item), FINDING_BYTES_MAX));
    buf_init(&text, (size_t)8 * FINDING_BYTES_MAX);
    bool is_whole = json_write(&text, item, JSON_COMPACT);
    struct sv copy = ARENA_JOIN(checker->arena, buf_view(&text), is_whole ? SV("") : SV("..."));
    buf_release(&text);
    return copy;
}

void report_required(const struct checker *checker, struct sv field, const struct cJSON *item,
                     const char *detail) {
    findings_add(checker->arena, checker->findings, field, "FieldValueRequired", item,
                 "Required value%s%s", detail[0] ? ": " : "", detail);
}

void report_invalid(const struct checker *checker, struct sv field, const struct cJSON *item,
                    const char *detail) {
    findings_add(checker->arena, checker->findings, field, "FieldValueInvalid", item,
                 "Invalid value: %.*s: %s", SV_ARG(shown(checker, item)), detail);
}

void report_forbidden(const struct checker *checker, struct sv field, const struct cJSON *item,
                      const char *detail) {
    findings_add(checker->arena, checker->findings, field, "FieldValueForbidden", item,
                 "Forbidden: %s", detail);
}

void report_duplicate(const struct checker *checker, struct sv field, const struct cJSON *item) {
    findings_add(checker->arena, checker->findings, field, "FieldValueDuplicate", item,
                 "Duplicate value: %.*s", SV_ARG(shown(checker, item)));
}

void report_not_found(const struct checker *checker, struct sv field, const struct cJSON *item) {
    findings_add(checker->arena, checker->findings, field, "FieldValueNotFound", item,
                 "Not found: %.*s", SV_ARG(shown(checker, item)));
}

void report_not_supported(const struct checker *checker, struct sv field, const struct cJSON *item,
                          const struct sv *allowed, size_t count) {
    struct joiner list;
    if (findings_are_full(checker->findings))
        return;
    joiner_init(&list, checker->arena);
    for (size_t i = 0; i < count; i++)
        joiner_printf(&list, "%s\"%.*s\"", i > 0 ? ", " : "", SV_ARG(allowed[i]));
    findings_add(checker->arena, checker->findings, field, "FieldValueNotSupported", item,
                 "Unsupported value: %.*s: supported values: %.*s", SV_ARG(shown(checker, item)),
                 SV_ARG(joiner_text(&list)));
}

const struct cJSON *or_null(const struct checker *checker, const struct cJSON *item) {
    return item ? item : json_null(checker->arena);
}

static struct cJSON *go_zero_value(struct arena *arena, enum go_zero zero) {
    switch (zero) {
    case GO_TEXT:
        return json_string(arena, SV(""));
    case GO_NUMBER:
        return json_int(arena, 0);
    case GO_FALSE:
        return json_bool(arena, false);
    case GO_NIL:
        break;
    }
    return json_null(arena);
}

struct cJSON *go_shown(const struct checker *checker, const struct cJSON *item,
                       const struct go_field *fields, size_t count) {
    struct cJSON *map = json_map(checker->arena);
    for (size_t i = 0; i < count; i++) {
        const struct cJSON *value = json_get(item, fields[i].key);
        json_set(checker->arena, map, fields[i].shown,
                 value ? json_copy(checker->arena, value)
                       : go_zero_value(checker->arena, fields[i].zero));
    }
    return map;
}

void findings_add_below(const struct checker *checker, struct sv field,
                        const struct findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *each = &findings->items[i];
        struct sv path = sv_eq(each->field, SV("<nil>")) || each->field.len == 0
                             ? field
                             : path_member(checker, field, each->field);
        findings_add(checker->arena, checker->findings, path,
                     arena_copy(checker->arena, each->reason).ptr, each->item, "%.*s",
                     SV_ARG(each->message));
    }
}

void check_not_negative(const struct checker *checker, const struct cJSON *map, struct sv key,
                        struct sv field) {
    const struct cJSON *item = json_get(map, key);
    int64_t number;
    if (json_to_int64(item, &number) && number < 0)
        report_invalid(checker, path_member(checker, field, key), item,
                       "must be greater than or equal to 0");
}

struct json_index texts_seen(const struct checker *checker) {
    return json_index_of(checker->arena, json_map(checker->arena));
}

void check_one_of(const struct checker *checker, const struct cJSON *map, struct sv key,
                  struct sv field, const struct sv *allowed, size_t count) {
    const struct cJSON *item = json_get(map, key);
    if (json_is_string(item) && sv_index_of(json_text(item), allowed, count) == count)
        report_not_supported(checker, path_member(checker, field, key), item, allowed, count);
}

/* --- formats --- */

static bool is_lower_alnum(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_alnum(char byte) {
    return is_lower_alnum(byte) || (byte >= 'A' && byte <= 'Z');
}

const char *check_dns_label(struct sv text) {
    static const char message[] =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
        "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
        "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    if (text.len > 63)
        return "must be no more than 63 characters";
    if (text.len == 0 || !is_lower_alnum(text.ptr[0]) || !is_lower_alnum(text.ptr[text.len - 1]))
        return message;
    for (size_t i = 0; i < text.len; i++)
        if (!is_lower_alnum(text.ptr[i]) && text.ptr[i] != '-')
            return message;
    return NULL;
}

const char *check_dns_subdomain(struct sv text) {
    static const char message[] =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
        "used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    if (text.len > 253)
        return "must be no more than 253 characters";
    if (text.len == 0 || text.ptr[text.len - 1] == '.')
        return message;
    while (text.len > 0) {
        struct sv label = sv_cut(&text, '.');
        if (label.len == 0 || !is_lower_alnum(label.ptr[0]) ||
            !is_lower_alnum(label.ptr[label.len - 1]))
            return message;
        for (size_t i = 0; i < label.len; i++)
            if (!is_lower_alnum(label.ptr[i]) && label.ptr[i] != '-')
                return message;
    }
    return NULL;
}

const char *check_dns_label_1035(struct sv text) {
    static const char message[] =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    if (text.len > 63)
        return "must be no more than 63 characters";
    if (check_dns_label(text) || (text.ptr[0] >= '0' && text.ptr[0] <= '9'))
        return message;
    return NULL;
}

const char *check_port_name(struct sv text) {
    bool has_letter = false;
    if (text.len > 15)
        return "must be no more than 15 characters";
    for (size_t i = 0; i < text.len; i++) {
        if (!is_lower_alnum(text.ptr[i]) && text.ptr[i] != '-')
            return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        if (text.ptr[i] == '-' && (i == 0 || i + 1 == text.len || text.ptr[i + 1] == '-'))
            return "must not begin or end with a hyphen, nor hold two in a row";
        has_letter |= text.ptr[i] >= 'a' && text.ptr[i] <= 'z';
    }
    return has_letter ? NULL : "must contain at least one letter (a-z)";
}

/* What may stand within the names of labels and the keys of config maps. */
static bool is_name_byte(char byte) {
    return is_alnum(byte) || byte == '-' || byte == '_' || byte == '.';
}

static bool is_qualified_part(struct sv text) {
    if (text.len == 0 || !is_alnum(text.ptr[0]) || !is_alnum(text.ptr[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_name_byte(text.ptr[i]))
            return false;
    return true;
}

const char *check_qualified_name(struct sv text) {
    size_t slash = sv_find(text, '/');
    struct sv name = slash < text.len ? sv_drop(text, slash + 1) : text;
    if (sv_find(name, '/') < name.len)
        return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and "
               "must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  "
               "or '123-abc', regex used for validation is "
               "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix "
               "and '/' (e.g. 'example.com/MyName')";
    if (slash == 0 && text.len > 0)
        return "prefix part must be non-empty";
    if (slash < text.len && check_dns_subdomain(sv_prefix(text, slash)))
        return "prefix part a lowercase RFC 1123 subdomain must consist of lower case "
               "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
               "character (e.g. 'example.com', regex used for validation is "
               "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    if (name.len == 0)
        return "name part must be non-empty";
    if (name.len > 63)
        return "name part must be no more than 63 characters";
    return is_qualified_part(name)
               ? NULL
               : "name part must consist of alphanumeric characters, '-', '_' or '.', and must "
                 "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
                 "'123-abc', regex used for validation is "
                 "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
}

const char *admit_qualified_name_fault(struct sv text) {
    return check_qualified_name(text);
}

const char *check_label_value(struct sv text) {
    if (text.len > 63)
        return "must be no more than 63 characters";
    return text.len == 0 || is_qualified_part(text)
               ? NULL
               : "a valid label must be an empty string or consist of alphanumeric characters, "
                 "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                 "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
                 "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

const char *check_path_segment(struct sv text) {
    if (sv_eq(text, SV(".")))
        return "may not be '.'";
    if (sv_eq(text, SV("..")))
        return "may not be '..'";
    return sv_find(text, '/') < text.len   ? "may not contain '/'"
           : sv_find(text, '%') < text.len ? "may not contain '%'"
                                           : NULL;
}

const char *check_config_key(struct sv text) {
    if (text.len > 253)
        return "must be no more than 253 characters";
    if (sv_eq(text, SV(".")))
        return "must not be '.'";
    if (sv_eq(text, SV("..")))
        return "must not be '..'";
    if (sv_starts_with(text, SV("..")))
        return "must not start with '..'";
    for (size_t i = 0; i < text.len; i++)
        if (!is_name_byte(text.ptr[i]))
            return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
                   "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
                   "'[-._a-zA-Z0-9]+')";
    return text.len > 0 ? NULL : "a valid config key must not be empty";
}

/* --- entry points of admit.h --- */

void admit_validate(const struct resource_type *type, const struct cJSON *object,
                    const struct cJSON *old, struct sv subresource, struct arena *arena,
                    struct findings *findings) {
    struct checker checker = {arena, findings};
    size_t count = findings->count;
    if (type->is_custom) {
        validate_custom(&checker, type, object, old, subresource);
        return;
    }
    validate_metadata(&checker, type, object, old);
    /* Of a changed object the real server looks at the metadata twice, and each time also as if it
     * were new: the causes of a refusal name a fault as often. */
    if (old && findings->count > count) {
        validate_metadata(&checker, type, object, old);
        validate_metadata(&checker, type, object, NULL);
        validate_metadata(&checker, type, object, NULL);
    }
    if (subresource.len == 0)
        validate_kind(&checker, type->resource.kind, object, old);
    else if (sv_eq(subresource, SV("status")))
        validate_status(&checker, type->resource.kind, object, old);
}

void validate_pod_template(const struct cJSON *pod_template, struct sv field, struct arena *arena,
                           struct findings *findings) {
    struct checker checker = {arena, findings};
    validate_template(&checker, pod_template, field);
}
