/* SPDX-License-Identifier: Apache-2.0 */
/* x-kubernetes-validations of a definition, but for their CEL, which is checked where it is
 * compiled. */
#include "fakeapi/schema/validate.h"

#include "core/base/arena.h"
#include "core/data/json.h"

static bool has_line_break(struct sv text) {
    return sv_find(text, '\n') < text.len || sv_find(text, '\r') < text.len;
}

static void check_texts(const struct checker *checker, const struct cJSON *rule, struct sv field) {
    const struct cJSON *message = json_get(rule, SV("message"));
    const struct cJSON *expression = json_get(rule, SV("messageExpression"));
    struct sv text = sv_trim(json_find_string(rule, "rule"));
    struct sv said = sv_trim(json_text(message));
    struct sv message_field = path_member(checker, field, SV("message"));
    if (text.len == 0)
        report_required(checker, path_member(checker, field, SV("rule")), rule,
                        "rule is not specified");
    else if (json_text(message).len > 0 && said.len == 0)
        report_invalid(checker, message_field, message, "must be non-empty if specified");
    else if (has_line_break(said))
        report_invalid(checker, message_field, message, "must not contain line breaks");
    else if (has_line_break(text) && said.len == 0)
        report_required(checker, message_field, rule,
                        "message must be specified if rule contains line breaks");
    if (json_text(expression).len > 0 && sv_trim(json_text(expression)).len == 0)
        report_required(checker, path_member(checker, field, SV("messageExpression")), rule,
                        "messageExpression must be non-empty if specified");
}

/* Takes "['key']" off the front of a path; false: it does not begin with one. */
static bool cut_key(struct sv *path, struct sv *ret_key) {
    if (!sv_starts_with(*path, SV("['")))
        return false;
    struct sv rest = sv_drop(*path, 2);
    size_t end = 0;
    while (end < rest.len && (rest.ptr[end] != '\'' || (end > 0 && rest.ptr[end - 1] == '\\')))
        end++;
    if (!sv_starts_with(sv_drop(rest, end), SV("']")))
        return false;
    *ret_key = sv_prefix(rest, end);
    *path = sv_drop(rest, end + 2);
    return true;
}

/* The same with ".name". */
static bool cut_name(struct sv *path, struct sv *ret_name) {
    size_t end = 1;
    if (!sv_starts_with(*path, SV(".")))
        return false;
    while (end < path->len && path->ptr[end] != '.' && path->ptr[end] != '[')
        end++;
    *ret_name = sv_drop(sv_prefix(*path, end), 1);
    *path = sv_drop(*path, end);
    return true;
}

/* The schema that the first step of a path leads to; NULL: none. */
static const struct cJSON *schema_below(const struct cJSON *schema, struct sv *path) {
    const struct cJSON *properties = json_get(schema, SV("properties"));
    const struct cJSON *others = json_get(schema, SV("additionalProperties"));
    struct sv key;
    if (!cut_key(path, &key) && !cut_name(path, &key))
        return NULL;
    if (properties)
        return json_get(properties, key);
    return json_is_map(others) ? others : NULL;
}

static bool is_field_path(const struct cJSON *schema, struct sv path) {
    while (schema && path.len > 0)
        schema = schema_below(schema, &path);
    return schema != NULL;
}

static void check_field_path(const struct checker *checker, const struct cJSON *schema,
                             const struct cJSON *path, struct sv field) {
    struct sv text = json_text(path);
    if (text.len == 0)
        return;
    if (sv_trim(text).len == 0)
        report_invalid(checker, field, path, "must be non-empty if specified");
    if (has_line_break(text))
        report_invalid(checker, field, path, "must not contain line breaks");
    if (!is_field_path(schema, text))
        report_invalid(checker, field, path, "must be a valid path");
}

void check_crd_rules(const struct checker *checker, const struct cJSON *schema, struct sv field) {
    static const struct sv reasons[] = {SV("FieldValueDuplicate"), SV("FieldValueForbidden"),
                                        SV("FieldValueInvalid"), SV("FieldValueRequired")};
    const struct cJSON *rules = json_get(schema, SV("x-kubernetes-validations"));
    struct sv list = rules ? path_member(checker, field, SV("x-kubernetes-validations")) : SV("");
    size_t index = 0;
    JSON_EACH (rule, rules) {
        struct sv below = path_index(checker, list, index++);
        check_texts(checker, rule, below);
        check_one_of(checker, rule, SV("reason"), below, reasons, COUNT_OF(reasons));
        check_field_path(checker, schema, json_get(rule, SV("fieldPath")),
                         path_member(checker, below, SV("fieldPath")));
    }
}
