/* SPDX-License-Identifier: Apache-2.0 */
/* SCH-001 to SCH-006: is it what the API accepts, and does it arrive as it was written. */
#include "conformance/lint/lint_context.h"
#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/registry.h"

enum {
    CLASS_BYTES_MAX = 256 * 1024,       /* kubectl's last-applied annotation */
    CONFIG_MAP_BYTES_MAX = 1024 * 1024, /* the API server's limit of data */
    SUBDOMAIN_BYTES_MAX = 253,
};

static const struct resource_type *type_of(const struct lint *lint, const struct cJSON *object) {
    struct sv group, api_version;
    resource_split_api_version(json_string_or(object, SV("apiVersion"), SV("")), &group,
                               &api_version);
    return registry_find_kind(lint->registry, group, api_version,
                              json_string_or(object, SV("kind"), SV("")));
}

/* Calls `check` for every object that somebody wrote. */
static void each_object(struct lint *lint,
                        void (*check)(struct lint *lint, const struct cJSON *object)) {
    const struct subject *subject = lint->subject;
    check(lint, subject->runtime_class);
    for (size_t i = 0; i < subject->sample_count; i++) {
        const struct cJSON *pair[] = {subject->samples[i].dataset, subject->samples[i].runtime};
        for (size_t j = 0; j < COUNT_OF(pair) && !subject->samples[i].is_generated; j++)
            check(lint, pair[j]);
    }
    for (size_t i = 0; i < subject->extra_count; i++)
        check(lint, subject->extras[i]);
}

static bool is_unknown_field(const struct finding *finding) {
    return sv_eq(finding->reason, SV("UnknownField"));
}

/* Options are maps of strings: a number there is a YAML mistake rather than a wrong type. */
static bool is_option_value(const struct finding *finding) {
    return sv_eq(finding->reason, SV("FieldValueTypeInvalid")) &&
           (sv_contains(finding->field, SV(".options.")) ||
            sv_starts_with(finding->field, SV("options.")) ||
            sv_contains(finding->field, SV("haredOptions.")));
}

/* That the server gave up says nothing that the finding before it does not. */
static bool is_about_the_rest(const struct finding *finding) {
    return sv_eq(finding->field, SV("<nil>"));
}

/* Of the kinds that stand in files of classes one is suggested. */
static void fail_type(struct lint *lint, const struct cJSON *object) {
    const struct sv kinds[] = {RESOURCE_CACHE_RUNTIME_CLASSES.kind, RESOURCE_CACHE_RUNTIMES.kind,
                               RESOURCE_DATASETS.kind, RESOURCE_CONFIG_MAPS.kind,
                               RESOURCE_SECRETS.kind};
    const struct cJSON *kind = json_get(object, SV("kind"));
    struct sv nearest = sv_nearest(json_text(kind), kinds, COUNT_OF(kinds));
    /* A kind that is right has another mistake beside it. */
    if (sv_eq(nearest, json_text(kind)))
        nearest = SV("");
    lint_fail(lint, kind ? kind : object, "no type %.*s of %.*s" SV_MEANT,
              SV_ARG(json_string_or(object, SV("kind"), SV("without kind"))),
              SV_ARG(json_string_or(object, SV("apiVersion"), SV("no apiVersion"))),
              SV_MEANT_ARG(nearest))
        ->expected = nearest;
}

static void check_schema(struct lint *lint, const struct cJSON *object) {
    const struct resource_type *type = type_of(lint, object);
    if (!type) {
        fail_type(lint, object);
        return;
    }
    struct findings findings = {0};
    admit_check_fields(type, object, lint->arena, &findings);
    size_t checked = findings.count;
    admit_validate(type, object, NULL, SV(""), lint->arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        bool is_repeated = i >= checked && sv_eq(finding->reason, SV("FieldValueTypeInvalid"));
        if (is_unknown_field(finding) || is_option_value(finding) || is_repeated ||
            is_about_the_rest(finding) || sv_eq(finding->field, SV("metadata.namespace")))
            continue;
        lint_fail(lint, finding->item ? finding->item : object, "%.*s: %.*s",
                  SV_ARG(finding->field), SV_ARG(finding->message));
    }
}

static void check_001(struct lint *lint) {
    each_object(lint, check_schema);
}

/* Spellings of proposals, other APIs and other releases, and what they are called here. */
static const struct {
    struct sv written, meant;
} renamed[] = {
    {SV("podSpecTemplate"), SV("template")},   {SV("podTemplateSpec"), SV("template")},
    {SV("tiredStore"), SV("tieredStore")},     {SV("extendResources"), SV("extraResources")},
    {SV("timeoutSeconds"), SV("timeout")},     {SV("encryptOption"), SV("encryptOptions")},
    {SV("className"), SV("runtimeClassName")},
};

/* The schema of the parent of the last part of a path. */
static const struct schema *parent_schema(const struct schema *schema, struct sv path) {
    while (schema && path.len > 0) {
        size_t len = 0;
        while (len < path.len && path.ptr[len] != '.' && path.ptr[len] != '[')
            len++;
        if (len == path.len)
            return schema;
        if (path.ptr[0] == '[') {
            path = sv_drop(path, sv_find(path, ']') + 1);
            schema = schema->kind == SCHEMA_LIST ? schema->items : NULL;
        } else if (len > 0) {
            schema = schema_member(schema, sv_prefix(path, len));
            path = sv_drop(path, len);
        }
        if (path.len > 0 && path.ptr[0] == '.')
            path = sv_drop(path, 1);
    }
    return schema;
}

static bool equal_but_for_case(struct sv a, struct sv b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if ((a.ptr[i] | 0x20) != (b.ptr[i] | 0x20))
            return false;
    }
    return true;
}

static struct sv nearest_member(const struct lint *lint, const struct schema *schema,
                                struct sv name) {
    if (!schema || schema->member_count == 0)
        return SV("");
    struct sv *names = ARENA_ARRAY(lint->arena, struct sv, schema->member_count);
    for (size_t i = 0; i < schema->member_count; i++) {
        names[i] = schema->members[i].name;
        if (equal_but_for_case(names[i], name))
            return names[i];
    }
    for (size_t i = 0; i < COUNT_OF(renamed); i++) {
        if (sv_eq(renamed[i].written, name) &&
            sv_index_of(renamed[i].meant, names, schema->member_count) < schema->member_count)
            return renamed[i].meant;
    }
    return sv_nearest(name, names, schema->member_count);
}

static void fail_unknown(struct lint *lint, const struct resource_type *type,
                         const struct cJSON *object, const struct finding *finding) {
    struct sv name = sv_drop(finding->field, sv_find_last(finding->field, '.') + 1);
    if (sv_find_last(finding->field, '.') == finding->field.len)
        name = finding->field;
    /* A copy: the schema goes away with its registry. */
    struct sv nearest = arena_copy(
        lint->arena, nearest_member(lint, parent_schema(type->schema, finding->field), name));
    struct check_result *result = lint_fail_key(lint, finding->item ? finding->item : object,
                                                "unknown field \"%.*s\"" SV_MEANT,
                                                SV_ARG(finding->field), SV_MEANT_ARG(nearest));
    result->actual = name;
    result->expected = nearest;
    if (nearest.len > 0)
        result->remediation =
            arena_printf(lint->arena, "Write %.*s instead of %.*s.", SV_ARG(nearest), SV_ARG(name));
}

static void check_unknown(struct lint *lint, const struct cJSON *object) {
    const struct resource_type *type = type_of(lint, object);
    if (!type)
        return;
    struct findings findings = {0};
    admit_check_fields(type, object, lint->arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        if (is_unknown_field(&findings.items[i]))
            fail_unknown(lint, type, object, &findings.items[i]);
    }
}

/* What this project adds to the API: upstream's server drops it. */
static const char *const component_additions[] = {
    "replicas",
    "workloadType",
    "services",
    "tieredStore",
    "updateStrategy",
    "onConfigChange",
    "activation",
    "executionEntries.checkRuntimeReady",
    "executionEntries.cleanCache",
    "executionEntries.mountUFS.script",
    "executionEntries.reportSummary.script",
};

static void check_additions(struct lint *lint) {
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        const struct cJSON *component = subject_component(lint->subject, role);
        for (size_t i = 0; component && i < COUNT_OF(component_additions); i++) {
            const struct cJSON *item = json_find(component, component_additions[i]);
            if (item)
                lint_fail_key(lint, item, "topology.%.*s.%s is unknown to upstream",
                              SV_ARG(role_text(role)), component_additions[i]);
        }
    }
}

void lint_object(struct lint *lint, const struct cJSON *object) {
    if (!type_of(lint, object))
        return;
    lint->id = SV("SCH-001");
    check_schema(lint, object);
    lint->id = SV("SCH-002");
    check_unknown(lint, object);
}

static void check_002(struct lint *lint) {
    each_object(lint, check_unknown);
    if (lint->target == LINT_TARGET_FLUID)
        check_additions(lint);
}

static bool is_reported(const struct lint *lint, struct sv path, struct yaml_position at) {
    for (size_t i = lint->findings_begin; i < lint->results->count; i++) {
        const struct location *there = &lint->results->items[i].subject;
        if (sv_eq(there->path, path) && there->line == at.line && there->column == at.column)
            return true;
    }
    return false;
}

static void check_option_types(struct lint *lint, const struct cJSON *object) {
    const struct resource_type *type = type_of(lint, object);
    struct findings findings = {0};
    if (type)
        admit_check_fields(type, object, lint->arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (!is_option_value(finding))
            continue;
        struct check_result *result =
            lint_fail(lint, finding->item, "%.*s is a %s, and options are strings",
                      SV_ARG(finding->field), json_type_name(finding->item));
        result->expected = SV("string");
        result->actual = sv_from(json_type_name(finding->item));
    }
}

/* File modes are written in octal by custom: nobody is surprised. */
static bool is_file_mode(struct sv path) {
    return sv_ends_with(path, SV("mode")) || sv_ends_with(path, SV("Mode"));
}

static void check_003(struct lint *lint) {
    each_object(lint, check_option_types);
    for (size_t i = 0; i < lint->subject->manifest_count; i++) {
        const struct manifest *manifest = &lint->subject->manifests[i];
        for (size_t j = 0; j < manifest->documents.remark_count; j++) {
            const struct yaml_remark *remark = &manifest->documents.remarks[j];
            bool is_duplicate = remark->type == YAML_DUPLICATE_KEY;
            if (is_reported(lint, manifest->path, remark->position) ||
                (!is_duplicate && is_file_mode(remark->path)))
                continue;
            struct check_result *result = lint_fail(lint, NULL, "%s \"%.*s\": %.*s",
                                                    is_duplicate ? "duplicate key" : "value of",
                                                    SV_ARG(remark->path), SV_ARG(remark->message));
            result->subject = (struct location){manifest->path, remark->position.line,
                                                remark->position.column, remark->path};
        }
    }
}

static void check_004(struct lint *lint, enum role role) {
    const struct cJSON *metadata =
        lint_map(subject_component(lint->subject, role), "template.metadata");
    static const struct sv kept[] = {SV("labels"), SV("annotations"), SV("name"),
                                     SV("creationTimestamp")};
    size_t kept_count = lint->target == LINT_TARGET_FLUID ? 0 : COUNT_OF(kept);
    JSON_EACH (member, metadata) {
        struct sv key = json_key(member);
        if (sv_index_of(key, kept, kept_count) == kept_count &&
            !sv_eq(key, SV("creationTimestamp")))
            lint_fail_key(lint, member, "template.metadata.%.*s is dropped", SV_ARG(key));
    }
}

static bool has_null_item(const struct cJSON *root) {
    JSON_EACH (child, root) {
        if ((json_is_list(root) && json_is_null(child)) || has_null_item(child))
            return true;
    }
    return false;
}

/* The server sets defaults in what has the right types, and only there. */
static bool has_wrong_type(const struct lint *lint, const struct resource_type *type,
                           const struct cJSON *object) {
    struct findings findings = {0};
    admit_check_fields(type, object, lint->arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        if (sv_eq(findings.items[i].reason, SV("FieldValueTypeInvalid")))
            return true;
    }
    return has_null_item(object);
}

static void check_005(struct lint *lint, enum role role) {
    const struct cJSON *template = lint_map(subject_component(lint->subject, role), "template");
    if (!template) {
        lint_fail(lint, subject_component(lint->subject, role), "topology.%.*s has no template",
                  SV_ARG(role_text(role)));
        return;
    }
    /* Defaults first, as the server does, and therefore on a copy. */
    struct cJSON *workload =
        object_new(lint->arena, &RESOURCE_STATEFUL_SETS, SV("default"), SV("sample"));
    struct cJSON *spec = json_ensure_map(lint->arena, workload, SV("spec"));
    struct cJSON *copy =
        json_set(lint->arena, spec, SV("template"), json_copy(lint->arena, template));
    const struct resource_type *type = type_of(lint, workload);
    if (has_wrong_type(lint, type, workload)) {
        lint_skip(lint, "fields of the template have a wrong type: see SCH-001");
        return;
    }
    admit_set_defaults(type, workload, lint->arena);
    struct findings findings = {0};
    struct sv field = arena_printf(lint->arena, "topology.%.*s.template", SV_ARG(role_text(role)));
    validate_pod_template(copy, field, lint->arena, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        struct check_result *result =
            lint_fail(lint, template, "%.*s: %.*s", SV_ARG(findings.items[i].field),
                      SV_ARG(findings.items[i].message));
        result->subject =
            manifest_locate_path(lint->subject->class_manifest, lint->subject->runtime_class,
                                 findings.items[i].field, lint->arena);
    }
    struct sv restart_policy = json_find_string(template, "spec.restartPolicy");
    if (restart_policy.len > 0 && !sv_eq(restart_policy, SV("Always")) && findings.count == 0)
        lint_fail(lint, json_find(template, "spec.restartPolicy"), "restartPolicy is %.*s",
                  SV_ARG(restart_policy))
            ->expected = SV("Always");
}

static bool is_lower_alphanumeric(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_label(struct sv label) {
    for (size_t i = 0; i < label.len; i++) {
        bool is_edge = i == 0 || i + 1 == label.len;
        if (!is_lower_alphanumeric(label.ptr[i]) && (is_edge || label.ptr[i] != '-'))
            return false;
    }
    return label.len > 0;
}

static bool is_subdomain(struct sv name) {
    if (name.len == 0 || name.len > SUBDOMAIN_BYTES_MAX || sv_ends_with(name, SV(".")))
        return false;
    while (name.len > 0) {
        if (!is_label(sv_cut(&name, '.')))
            return false;
    }
    return true;
}

static bool is_config_key(struct sv key) {
    if (key.len == 0 || key.len > SUBDOMAIN_BYTES_MAX || sv_eq(key, SV(".")) ||
        sv_starts_with(key, SV("..")))
        return false;
    for (size_t i = 0; i < key.len; i++) {
        char lower = key.ptr[i] | 0x20;
        if (!is_lower_alphanumeric(key.ptr[i]) && !(lower >= 'a' && lower <= 'z') &&
            !memchr("-_.", key.ptr[i], 3))
            return false;
    }
    return true;
}

static void check_config_map(struct lint *lint, const struct cJSON *config_map) {
    struct sv name = json_string_or(config_map, SV("name"), SV(""));
    const struct cJSON *at = json_get(config_map, SV("name"));
    if (!is_subdomain(name))
        lint_fail(lint, at ? at : config_map,
                  "ConfigMap name \"%.*s\" is not a lower-case DNS name", SV_ARG(name));
    size_t bytes = 0;
    JSON_EACH (member, lint_map(config_map, "data")) {
        bytes += json_key(member).len + json_text(member).len;
        if (!is_config_key(json_key(member)))
            lint_fail_key(lint, member, "key \"%.*s\" of ConfigMap %.*s is not a file name",
                          SV_ARG(json_key(member)), SV_ARG(name));
    }
    if (bytes >= CONFIG_MAP_BYTES_MAX)
        lint_fail(lint, config_map, "ConfigMap %.*s has %zu bytes, and the limit is %d",
                  SV_ARG(name), bytes, CONFIG_MAP_BYTES_MAX);
}

static void check_006(struct lint *lint) {
    const struct cJSON *runtime_class = lint->subject->runtime_class;
    const struct cJSON *name = json_find(runtime_class, "metadata.name");
    if (!is_subdomain(json_text(name)))
        lint_fail(lint, name ? name : runtime_class,
                  "class name \"%.*s\" is not a lower-case DNS name", SV_ARG(json_text(name)));
    size_t bytes = json_write_arena(lint->arena, runtime_class, JSON_COMPACT).len;
    if (bytes > CLASS_BYTES_MAX)
        lint_fail(lint, runtime_class, "the class has %zu bytes as JSON, and the limit is %d",
                  bytes, CLASS_BYTES_MAX);
    JSON_EACH (config_map, lint_list(runtime_class, "extraResources.configMaps")) {
        if (json_is_map(config_map))
            check_config_map(lint, config_map);
    }
}

static const struct lint_rule rules[] = {
    {SV("SCH-001"), check_001, NULL}, {SV("SCH-002"), check_002, NULL},
    {SV("SCH-003"), check_003, NULL}, {SV("SCH-004"), NULL, check_004},
    {SV("SCH-005"), NULL, check_005}, {SV("SCH-006"), check_006, NULL},
};
LINT_RULES(lint_schema_rules, rules);
