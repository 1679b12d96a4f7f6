/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/schema/crd_schema.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/cel.h"
#include "fakeapi/schema/pattern.h"
#include "fakeapi/schema/registry.h"

enum { MEMBERS_MAX = 4096, RULES_MAX = 256 };

struct builder {
    struct arena *arena;
    struct error *err;
    /* The outermost node below which an old value is not found again; SV("") for none. */
    struct sv uncorrelatable;
};

static const struct schema *build(struct builder *builder, const struct cJSON *source,
                                  struct sv path, bool is_root);

static bool refuse(struct builder *builder, struct sv path, const char *what) {
    return error_set(builder->err, ERROR_INVALID, "%.*s: %s", SV_ARG(path), what);
}

static bool is_true(const struct cJSON *source, struct sv key) {
    return json_bool_or(source, key, false);
}

/* Keywords that mean something we would have to honour and do not. */
static bool check_supported(struct builder *builder, const struct cJSON *source, struct sv path) {
    static const struct {
        struct sv key;
        const char *message;
    } unsupported[] = {
        {SV("$ref"), "Forbidden: must not be set: $ref is not allowed in a structural schema"},
    };
    for (size_t i = 0; i < COUNT_OF(unsupported); i++)
        if (json_get(source, unsupported[i].key))
            return refuse(builder, path, unsupported[i].message);
    return true;
}

static bool kind_of(struct builder *builder, const struct cJSON *source, struct sv path,
                    enum schema_kind *ret_kind) {
    static const struct {
        struct sv type;
        enum schema_kind kind;
    } kinds[] = {
        {SV("object"), SCHEMA_STRUCT}, {SV("array"), SCHEMA_LIST},
        {SV("string"), SCHEMA_STRING}, {SV("integer"), SCHEMA_INTEGER},
        {SV("number"), SCHEMA_NUMBER}, {SV("boolean"), SCHEMA_BOOLEAN},
    };
    struct sv type = json_string_or(source, SV("type"), SV(""));
    /* Beside a type it says nothing, and is taken all the same. */
    if (type.len == 0 && is_true(source, SV("x-kubernetes-int-or-string"))) {
        *ret_kind = SCHEMA_INT_OR_STRING;
        return true;
    }
    if (type.len == 0 && is_true(source, SV("x-kubernetes-preserve-unknown-fields"))) {
        *ret_kind = SCHEMA_ANY;
        return true;
    }
    if (type.len == 0)
        return refuse(builder, path,
                      "Required value: must not be empty for specified object "
                      "fields");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (sv_eq(kinds[i].type, type)) {
            *ret_kind = kinds[i].kind;
            return true;
        }
    }
    return refuse(builder, path,
                  "Unsupported value: type must be one of array, boolean, integer, "
                  "number, object, string");
}

/* A pattern that is not understood would silently allow everything. */
static bool check_pattern(struct builder *builder, const struct cJSON *source, struct sv path) {
    struct sv pattern = json_string_or(source, SV("pattern"), SV(""));
    if (pattern.len == 0 || pattern_is_known(builder->arena, pattern))
        return true;
    struct sv fault = pattern_fault(builder->arena, pattern);
    return error_set(builder->err, ERROR_INVALID,
                     "%.*s.pattern: Invalid value: \"%.*s\": must be a valid regular expression"
                     "%s%.*s",
                     SV_ARG(path), SV_ARG(sv_prefix(pattern, 300)),
                     fault.len > 0 ? ", but isn't: " : " that this server knows", SV_ARG(fault));
}

static int compare_members(const void *a, const void *b) {
    const struct schema_member *x = a, *y = b;
    return sv_compare(x->name, y->name);
}

/* `element` is "f:" and the name. */
static struct schema_member member_of(struct sv element, const struct schema *schema) {
    return (struct schema_member){.name = sv_drop(element, strlen("f:")), .schema = schema};
}

/* A resource within (or at the root) has apiVersion, kind and metadata, declared or not. */
static size_t add_resource_members(const struct cJSON *properties, bool is_resource,
                                   struct schema_member *members) {
    static const struct schema text = {
        .kind = SCHEMA_STRING, .type_name = {"", 0}, .format = {"", 0}};
    if (!is_resource)
        return 0;
    size_t count = 0;
    members[count++] = member_of(
        SV("f:metadata"), schema_builtin(SV("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")));
    if (!json_get(properties, SV("apiVersion")))
        members[count++] = member_of(SV("f:apiVersion"), &text);
    if (!json_get(properties, SV("kind")))
        members[count++] = member_of(SV("f:kind"), &text);
    return count;
}

/* Builds what is below `path`, whose parts cannot be told apart when `loses_old`. */
static const struct schema *build_below(struct builder *builder, const struct cJSON *source,
                                        struct sv path, struct sv below, bool loses_old) {
    struct sv before = builder->uncorrelatable;
    if (loses_old && before.len == 0)
        builder->uncorrelatable = path;
    const struct schema *schema = build(builder, source, below, false);
    builder->uncorrelatable = before;
    return schema;
}

static bool build_members(struct builder *builder, const struct cJSON *source, struct sv path,
                          bool is_resource, struct schema *node) {
    const struct cJSON *properties = json_get(source, SV("properties"));
    size_t count = json_count(properties);
    if (count > MEMBERS_MAX)
        return refuse(builder, path, "Too many: more than 4096 properties");
    struct schema_member *members = ARENA_ARRAY(builder->arena, struct schema_member, count + 3);
    size_t used = add_resource_members(properties, is_resource, members);
    JSON_EACH (property, properties) {
        if (is_resource && sv_eq(json_key(property), SV("metadata")))
            continue;
        struct sv below = arena_printf(builder->arena, "%.*s.properties[%.*s]", SV_ARG(path),
                                       SV_ARG(json_key(property)));
        const struct schema *schema =
            build_below(builder, property, path, below, node->is_atomic_map);
        if (!schema)
            return false;
        members[used++] =
            member_of(ARENA_JOIN(builder->arena, SV("f:"), json_key(property)), schema);
    }
    qsort(members, used, sizeof(*members), compare_members);
    node->members = members;
    node->member_count = used;
    node->slot_count = schema_slot_count(used);
    uint16_t *slots = ARENA_ARRAY(builder->arena, uint16_t, node->slot_count);
    for (size_t i = 0; i < used; i++)
        schema_put_slot(slots, node->slot_count, members[i].name, i);
    node->slots = slots;
    return true;
}

static bool build_additional(struct builder *builder, const struct cJSON *source, struct sv path,
                             struct schema *node) {
    const struct cJSON *additional = json_get(source, SV("additionalProperties"));
    if (json_is_map(additional)) {
        struct sv below = arena_printf(builder->arena, "%.*s.additionalProperties", SV_ARG(path));
        node->items = build(builder, additional, below, false);
        if (!node->items)
            return false;
    }
    if (json_is_true(additional))
        node->preserves_unknown = true;
    if (node->items && node->member_count == 0)
        node->kind = SCHEMA_MAP;
    return true;
}

static const struct sv *text_list(struct builder *builder, const struct cJSON *list,
                                  size_t *ret_count) {
    size_t count = 0;
    struct sv *texts = ARENA_ARRAY(builder->arena, struct sv, json_count(list));
    JSON_EACH (item, list)
        texts[count++] = json_text(item);
    *ret_count = count;
    return texts;
}

static bool build_list(struct builder *builder, const struct cJSON *source, struct sv path,
                       struct schema *node) {
    struct sv type = json_string_or(source, SV("x-kubernetes-list-type"), SV(""));
    node->list_type = sv_eq(type, SV("map"))   ? SCHEMA_LIST_MAP
                      : sv_eq(type, SV("set")) ? SCHEMA_LIST_SET
                                               : SCHEMA_LIST_ATOMIC;
    node->list_map_keys = text_list(builder, json_get(source, SV("x-kubernetes-list-map-keys")),
                                    &node->list_map_key_count);
    if (node->list_type == SCHEMA_LIST_MAP && node->list_map_key_count == 0)
        return refuse(builder, path,
                      "Required value: must not be empty if "
                      "x-kubernetes-list-type is map");
    if (!json_is_map(json_get(source, SV("items"))))
        return refuse(builder, path, "Required value: items must be specified");
    struct sv below = arena_printf(builder->arena, "%.*s.items", SV_ARG(path));
    node->items = build_below(builder, json_get(source, SV("items")), path, below,
                              node->list_type != SCHEMA_LIST_MAP);
    return node->items != NULL;
}

/* --- rules in CEL --- */

/* A rule as the API server prints it: its Go struct as JSON. */
static struct sv rule_text(struct arena *arena, const struct schema_rule *rule, struct sv message) {
    struct cJSON *map = json_map(arena);
    json_set_string(arena, map, SV("Rule"), rule->text);
    json_set_string(arena, map, SV("Message"), rule->message);
    json_set_string(arena, map, SV("MessageExpression"), message);
    json_set(arena, map, SV("Reason"),
             rule->reason.len > 0 ? json_string(arena, rule->reason) : json_null(arena));
    json_set_string(arena, map, SV("FieldPath"), rule->field_path);
    json_set(arena, map, SV("OptionalOldSelf"),
             rule->is_for_creation_too ? json_bool(arena, true) : json_null(arena));
    return json_write_arena(arena, map, JSON_GO_HTML);
}

struct expression {
    struct sv text, path; /* and where it stands */
    const char *type;     /* that it must have */
    const char *demand;   /* the sentence that says so */
};

static const struct cel_program *compile(struct builder *builder, const struct schema *node,
                                         const struct expression *expression,
                                         const struct schema_rule *rule, struct sv message) {
    struct error err = {0};
    const struct cel_program *program =
        cel_compile(builder->arena, expression->text, node, rule->is_for_creation_too, &err);
    struct sv shown = sv_prefix(rule_text(builder->arena, rule, message), 400);
    if (!program) {
        struct sv why = cel_failure_text(builder->arena, expression->text, &err);
        error_set(builder->err, ERROR_INVALID, "%.*s: Invalid value: %.*s: %.*s",
                  SV_ARG(expression->path), SV_ARG(shown), SV_ARG(why));
        return NULL;
    }
    struct sv type = cel_result_type(program);
    if (type.len > 0 && !sv_eq(type, sv_from(expression->type))) {
        error_set(builder->err, ERROR_INVALID, "%.*s: Invalid value: %.*s: %s",
                  SV_ARG(expression->path), SV_ARG(shown), expression->demand);
        return NULL;
    }
    return program;
}

/* What reads oldSelf stands where there is one, and what says how it does without reads it. */
static bool check_old(struct builder *builder, const struct schema_rule *rule,
                      const struct cJSON *source, struct sv path) {
    bool uses_old = cel_uses_old(rule->program);
    const struct cJSON *optional = json_get(source, SV("optionalOldSelf"));
    if (!uses_old && json_is_bool(optional))
        return error_set(builder->err, ERROR_INVALID,
                         "%.*s.optionalOldSelf: Invalid value: %s: may not be set if oldSelf is "
                         "not used in rule",
                         SV_ARG(path), json_is_true(optional) ? "true" : "false");
    if (!uses_old || builder->uncorrelatable.len == 0)
        return true;
    struct sv shown = json_write_arena(builder->arena, json_get(source, SV("rule")), JSON_COMPACT);
    return error_set(builder->err, ERROR_INVALID,
                     "%.*s.rule: Invalid value: %.*s: oldSelf cannot be used on the "
                     "uncorrelatable portion of the schema within %.*s",
                     SV_ARG(path), SV_ARG(sv_prefix(shown, 400)), SV_ARG(builder->uncorrelatable));
}

static bool build_rule(struct builder *builder, const struct schema *node,
                       const struct cJSON *source, struct sv path, struct schema_rule *rule) {
    struct sv message = json_string_or(source, SV("messageExpression"), SV(""));
    *rule = (struct schema_rule){
        .text = json_string_or(source, SV("rule"), SV("")),
        .message = json_string_or(source, SV("message"), SV("")),
        .reason = json_string_or(source, SV("reason"), SV("")),
        .field_path = json_string_or(source, SV("fieldPath"), SV("")),
        .is_for_creation_too = is_true(source, SV("optionalOldSelf")),
    };
    const struct expression condition = {rule->text,
                                         arena_printf(builder->arena, "%.*s.rule", SV_ARG(path)),
                                         "bool", "cel expression must evaluate to a bool"};
    rule->program = compile(builder, node, &condition, rule, message);
    if (!rule->program || !check_old(builder, rule, source, path))
        return false;
    if (message.len == 0)
        return true;
    const struct expression text = {
        message, arena_printf(builder->arena, "%.*s.messageExpression", SV_ARG(path)), "string",
        "messageExpression must evaluate to a string"};
    rule->message_program = compile(builder, node, &text, rule, message);
    return rule->message_program != NULL;
}

static bool build_rules(struct builder *builder, const struct cJSON *source, struct sv path,
                        const struct schema *node, struct schema_rules *rules) {
    const struct cJSON *list = json_get(source, SV("x-kubernetes-validations"));
    size_t count = json_count(list);
    if (count > RULES_MAX)
        return refuse(builder, path, "Too many: more than 256 x-kubernetes-validations");
    struct schema_rule *built = ARENA_ARRAY(builder->arena, struct schema_rule, count + 1);
    JSON_EACH (rule, list) {
        struct sv below = arena_printf(builder->arena, "%.*s.x-kubernetes-validations[%zu]",
                                       SV_ARG(path), rules->rule_count);
        if (!build_rule(builder, node, rule, below, &built[rules->rule_count]))
            return false;
        rules->rule_count++;
    }
    rules->rules = built;
    return true;
}

static bool has_rules(const struct schema *schema) {
    return schema && schema->rules && schema->rules->has_rules_below;
}

static bool has_rules_below(const struct schema *node, const struct schema_rules *rules) {
    bool has = rules->rule_count > 0 || has_rules(node->items);
    for (size_t i = 0; i < node->member_count && !has; i++)
        has = has_rules(node->members[i].schema);
    return has;
}

static bool has_embedded(const struct schema *schema) {
    return schema && schema->rules && schema->rules->has_embedded_below;
}

static bool has_embedded_below(const struct schema *node) {
    bool has = node->is_embedded_resource || has_embedded(node->items);
    for (size_t i = 0; i < node->member_count && !has; i++)
        has = has_embedded(node->members[i].schema);
    return has;
}

/* Only for a long one: each value of a list is looked up. */
static struct json_index enum_words(struct arena *arena, const struct cJSON *values) {
    struct json_index words = json_index_of(arena, json_map(arena));
    if (json_count(values) <= JSON_LINEAR_KEYS_MAX)
        return words;
    JSON_EACH (value, values)
        if (json_is_string(value))
            json_index_set(&words, json_text(value), json_null(arena));
    return words;
}

/* All words of a schema that say something of a text, a number or a boolean. */
static bool states_values(const struct cJSON *source) {
    static const struct sv words[] = {
        SV("enum"),      SV("anyOf"),     SV("oneOf"),   SV("allOf"),
        SV("not"),       SV("minimum"),   SV("maximum"), SV("multipleOf"),
        SV("minLength"), SV("maxLength"), SV("pattern"), SV("format"),
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (json_get(source, words[i]))
            return true;
    return false;
}

static const struct schema *build(struct builder *builder, const struct cJSON *source,
                                  struct sv path, bool is_root) {
    struct schema *node = ARENA_NEW(builder->arena, struct schema);
    struct schema_rules *rules = ARENA_NEW(builder->arena, struct schema_rules);
    rules->source = source;
    rules->states_values = states_values(source);
    rules->words = enum_words(builder->arena, json_get(source, SV("enum")));
    *node = (struct schema){
        .type_name = SV(""),
        .format = json_string_or(source, SV("format"), SV("")),
        .patch_merge_key = SV(""),
        .preserves_unknown = is_true(source, SV("x-kubernetes-preserve-unknown-fields")),
        .is_nullable = is_true(source, SV("nullable")),
        .is_embedded_resource = is_true(source, SV("x-kubernetes-embedded-resource")),
        .is_atomic_map =
            sv_eq(json_string_or(source, SV("x-kubernetes-map-type"), SV("")), SV("atomic")),
        .default_value = json_get(source, SV("default")),
        .rules = rules,
    };
    if (!json_is_map(source)) {
        refuse(builder, path, "Required value: a schema must be an object");
        return NULL;
    }
    if (!check_supported(builder, source, path) || !check_pattern(builder, source, path) ||
        !kind_of(builder, source, path, &node->kind))
        return NULL;
    node->required = text_list(builder, json_get(source, SV("required")), &node->required_count);
    bool is_resource = is_root || node->is_embedded_resource;
    bool held = true;
    if (node->kind == SCHEMA_STRUCT)
        held = build_members(builder, source, path, is_resource, node) &&
               build_additional(builder, source, path, node);
    else if (node->kind == SCHEMA_LIST)
        held = build_list(builder, source, path, node);
    if (!held || !build_rules(builder, source, path, node, rules))
        return NULL;
    rules->has_rules_below = has_rules_below(node, rules);
    rules->has_embedded_below = has_embedded_below(node);
    return node;
}

const struct schema *crd_schema_build(struct arena *arena, const struct cJSON *source,
                                      struct sv path, struct error *err) {
    struct builder builder = {arena, err, SV("")};
    if (!sv_eq(json_string_or(source, SV("type"), SV("")), SV("object"))) {
        error_set(err, ERROR_INVALID,
                  "%.*s.type: Invalid value: \"%.*s\": must be object at the root", SV_ARG(path),
                  SV_ARG(json_string_or(source, SV("type"), SV(""))));
        return NULL;
    }
    return build(&builder, source, path, true);
}

struct sv crd_schema_path(struct arena *arena, const struct cJSON *crd, size_t version_index) {
    const struct cJSON *versions = json_find(crd, "spec.versions");
    if (versions && versions->child && !versions->child->next)
        return SV("spec.validation.openAPIV3Schema");
    return arena_printf(arena, "spec.versions[%zu].schema.openAPIV3Schema", version_index);
}
