/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/selection.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/validate.h"
#include "fakeapi/server/server_parts.h"

/* Written in JSON as it is. */
static bool is_plain(struct sv text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == '"' || text.ptr[i] == '\\')
            return false;
    return true;
}

/* A label that every match has, as it stands in an object's text. */
static struct sv needle_of(const struct selector *labels, struct arena *arena) {
    for (size_t i = 0; i < labels->requirement_count; i++) {
        const struct selector_requirement *requirement = &labels->requirements[i];
        bool has_value = requirement->op == SELECTOR_IN && requirement->value_count == 1;
        if (!is_plain(requirement->key) || (has_value && !is_plain(requirement->values[0])))
            continue;
        if (has_value)
            return arena_printf(arena, "\"%.*s\":\"%.*s\"", SV_ARG(requirement->key),
                                SV_ARG(requirement->values[0]));
        if (requirement->op == SELECTOR_IN || requirement->op == SELECTOR_EXISTS)
            return arena_printf(arena, "\"%.*s\":", SV_ARG(requirement->key));
    }
    return SV("");
}

/* Keys and values that no label can have are a mistake of the client. */
static bool check_labels(const struct selector *labels, struct error *err) {
    for (size_t i = 0; i < labels->requirement_count; i++) {
        const struct selector_requirement *requirement = &labels->requirements[i];
        const char *fault = check_qualified_name(requirement->key);
        if (fault)
            return error_set(err, ERROR_INVALID,
                             "unable to parse requirement: <nil>: Invalid value: \"%.*s\": %s",
                             SV_ARG(requirement->key), fault);
        for (size_t k = 0; k < requirement->value_count; k++) {
            fault = check_label_value(requirement->values[k]);
            if (fault)
                return error_set(err, ERROR_INVALID,
                                 "unable to parse requirement: values[%zu][%.*s]: Invalid value: "
                                 "\"%.*s\": %s",
                                 k, SV_ARG(requirement->key), SV_ARG(requirement->values[k]),
                                 fault);
        }
    }
    return true;
}

bool selection_of(struct call *call, struct arena *arena, struct selection *ret_selection) {
    const struct request *request = call->request;
    struct error err = {0};
    struct selection selection = {
        .namespace_name = arena_copy(arena, request->namespace_name),
    };
    if (!selector_parse(arena, request->label_selector, &selection.labels, &err) ||
        !check_labels(&selection.labels, &err) ||
        !field_selector_parse(arena, arena_copy(arena, request->field_selector), call->type,
                              &selection.fields, &err))
        return refuse_bad_request(call, arena_copy(call->arena, sv_from(err.message)));
    selection.name = field_selector_required(&selection.fields, SV("metadata.name"));
    if (request->name.len > 0)
        selection.name = arena_copy(arena, request->name);
    struct sv namespace_name = field_selector_required(&selection.fields, SV("metadata.namespace"));
    if (selection.namespace_name.len == 0)
        selection.namespace_name = namespace_name;
    selection.is_whole = request->label_selector.len == 0 && request->field_selector.len == 0;
    selection.needle = needle_of(&selection.labels, arena);
    *ret_selection = selection;
    return true;
}

bool selection_has(const struct selection *selection, struct stored *object, struct arena *arena) {
    if (selection->namespace_name.len > 0 &&
        !sv_eq(object->namespace_name, selection->namespace_name))
        return false;
    if (selection->name.len > 0 && !sv_eq(object->name, selection->name))
        return false;
    if (selection->is_whole)
        return true;
    struct sv text = selection->needle.len > 0 ? stored_text_at_hand(object) : SV("");
    if (text.len > 0 && !sv_contains(text, selection->needle))
        return false;
    const struct cJSON *tree = stored_tree(object);
    return selector_matches(&selection->labels, json_find(tree, "metadata.labels")) &&
           field_selector_matches(&selection->fields, tree, arena);
}
