/* SPDX-License-Identifier: Apache-2.0 */
/* What every object goes through on its way into the store, by the rules of its type. */
#include "core/api/api_time.h"
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/joiner.h"
#include "core/base/map.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/server/apply.h"
#include "fakeapi/server/patch.h"
#include "fakeapi/server/server_parts.h"

/* Deletions may say so in their body. */
bool is_dry_run(const struct call *call) {
    enum verb verb = call->request->verb;
    bool is_deletion = verb == VERB_DELETE || verb == VERB_DELETE_COLLECTION;
    return call->request->dry_run ||
           (is_deletion && json_count(json_get(call->request->body, SV("dryRun"))) > 0);
}

/* Go writes maps in the order of their keys, and structs in the order of their fields. */
static void sort_maps(const struct schema *schema, struct cJSON *item) {
    if (!schema || json_is_borrowed(item))
        return;
    if (schema->kind == SCHEMA_MAP)
        json_sort(item);
    JSON_EACH (child, item) {
        if (child->child)
            sort_maps(json_is_list(item) ? schema->items : schema_member(schema, json_key(child)),
                      child);
    }
}

/* A patched object as the server shows it: its members in the order of their names, and those of
 * its metadata in the order of Go's struct. */
static struct cJSON *patched_shown(struct call *call, const struct cJSON *tree) {
    static const struct sv first[] = {SV("name"),
                                      SV("generateName"),
                                      SV("namespace"),
                                      SV("uid"),
                                      SV("resourceVersion"),
                                      SV("generation"),
                                      SV("creationTimestamp"),
                                      SV("deletionTimestamp"),
                                      SV("deletionGracePeriodSeconds"),
                                      SV("labels"),
                                      SV("annotations"),
                                      SV("ownerReferences"),
                                      SV("finalizers"),
                                      SV("managedFields")};
    struct cJSON *shown = json_copy(call->arena, tree);
    sort_maps(call->type->schema, shown);
    struct cJSON *old = json_remove(shown, SV("metadata")), *metadata = json_map(call->arena);
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        struct cJSON *value = json_remove(old, first[i]);
        if (value)
            json_set(call->arena, metadata, first[i], value);
    }
    JSON_EACH (rest, old)
        json_set(call->arena, metadata, json_key(rest), json_copy(call->arena, rest));
    json_set(call->arena, shown, SV("metadata"), metadata);
    json_sort(shown);
    return shown;
}

bool refuse_patched(struct call *call, const struct cJSON *tree, struct sv why) {
    struct findings findings = {0};
    struct sv text = call->request->patch_type == PATCH_STRATEGIC
                         ? go_value_text(call->arena, call->request->body)
                         : json_write_arena(call->arena, patched_shown(call, tree), JSON_COMPACT);
    struct sv shown = json_write_arena(call->arena, json_string(call->arena, text), JSON_COMPACT);
    findings_add(call->arena, &findings, SV("patch"), "FieldValueInvalid", tree, "%s", "");
    findings.items[0].message =
        arena_printf(call->arena, "Invalid value: %.*s: %.*s", SV_ARG(shown), SV_ARG(why));
    return refuse_invalid(call, SV(""), SV(""), SV(""), &findings);
}

/* What cannot be decoded was either sent so, and is "ConfigMap in version "v1" cannot be handled as
 * a ConfigMap: …", or a patch made it so: then it is the patch that is invalid. */
static bool refuse_decoding(struct call *call, const struct cJSON *tree, struct sv kind,
                            struct sv version, struct sv why) {
    const struct resource *resource = &call->type->resource;
    enum patch_type patch = call->request->patch_type;
    if (call->request->verb != VERB_PATCH || patch == PATCH_APPLY || call->type->is_custom)
        return refuse_bad_request(
            call,
            arena_printf(call->arena, "%.*s in version \"%.*s\" cannot be handled as a %.*s: %.*s",
                         SV_ARG(kind), SV_ARG(version), SV_ARG(resource->kind), SV_ARG(why)));
    return refuse_patched(call, tree, why);
}

static bool knows_kind(struct call *call, struct sv kind, struct sv api_version) {
    struct sv group = api_version;
    struct sv first = sv_cut(&group, '/');
    struct sv version = group.len > 0 ? group : first;
    return registry_find_kind(call->api->registry, group.len > 0 ? first : SV(""), version, kind);
}

/* A body of another kind than the path's. */
static bool refuse_kind(struct call *call, const struct cJSON *tree, struct sv kind,
                        struct sv api_version) {
    const struct resource *resource = &call->type->resource;
    struct sv version =
        sv_drop(api_version,
                sv_find(api_version, '/') < api_version.len ? sv_find(api_version, '/') + 1 : 0);
    struct sv package = resource->group.len > 0
                            ? sv_prefix(resource->group, sv_find(resource->group, '.'))
                            : SV("core");
    struct sv why =
        knows_kind(call, kind, api_version)
            ? arena_printf(call->arena, "converting (%.*s.%.*s) to (%.*s.%.*s): unknown conversion",
                           SV_ARG(version), SV_ARG(kind), SV_ARG(package), SV_ARG(resource->kind))
            : arena_printf(call->arena,
                           "no kind \"%.*s\" is registered for version \"%.*s\" in scheme "
                           "\"pkg/runtime/scheme.go:110\"",
                           SV_ARG(kind), SV_ARG(api_version));
    return refuse_decoding(call, tree, kind, version, why);
}

bool check_kind(struct call *call, struct cJSON *tree) {
    const struct resource *resource = &call->type->resource;
    struct sv api_version = resource_api_version(resource, call->arena);
    struct sv kind = json_string_or(tree, SV("kind"), SV(""));
    struct sv given = json_string_or(tree, SV("apiVersion"), SV(""));
    if (kind.len == 0 && call->type->is_custom)
        return refuse_bad_request(
            call, arena_printf(call->arena, "Object 'Kind' is missing in '%.*s'",
                               SV_ARG(json_write_arena(call->arena, tree, JSON_COMPACT))));
    if (call->type->is_custom && kind.len > 0 && !sv_eq(kind, resource->kind)) {
        struct findings findings = {0};
        findings_add(call->arena, &findings, SV("kind"), "FieldValueInvalid", NULL,
                     "Invalid value: \"%.*s\": must be %.*s", SV_ARG(kind), SV_ARG(resource->kind));
        return refuse_invalid(call, kind, resource->group, object_name(tree), &findings);
    }
    if (call->type->is_custom && given.len == 0)
        return refuse_bad_request(
            call, arena_printf(call->arena,
                               "the API version in the data () does not match the expected API "
                               "version (%.*s)",
                               SV_ARG(api_version)));
    if (kind.len > 0 && !sv_eq(kind, resource->kind))
        return refuse_kind(call, tree, kind, given.len > 0 ? given : api_version);
    if (given.len > 0 && !sv_eq(given, api_version) && !call->type->is_custom &&
        !knows_kind(call, kind, given))
        return refuse_kind(call, tree, kind, given);
    if (given.len > 0 && !sv_eq(given, api_version))
        return refuse_bad_request(
            call, arena_printf(call->arena,
                               "the API version in the data (%.*s) does not match the expected API "
                               "version (%.*s)",
                               SV_ARG(given), SV_ARG(api_version)));
    json_set_string(call->arena, tree, SV("apiVersion"), api_version);
    json_set_string(call->arena, tree, SV("kind"), resource->kind);
    return true;
}

struct cJSON *decode_body(struct call *call) {
    if (!json_is_map(call->request->body)) {
        refuse_bad_request(call,
                           arena_printf(call->arena,
                                        "the object provided is unrecognized (must be of type "
                                        "%.*s): couldn't get version/kind; the body is %s",
                                        SV_ARG(call->type->resource.kind),
                                        json_type_name(call->request->body)));
        return NULL;
    }
    struct cJSON *tree = json_copy(call->arena, call->request->body);
    const struct cJSON *metadata = json_get(tree, SV("metadata"));
    if (metadata && !json_is_map(metadata) && !json_is_null(metadata)) {
        refuse_decoding(call, tree, call->type->resource.kind, call->type->resource.version,
                        arena_printf(call->arena,
                                     "json: cannot unmarshal %s into Go struct field "
                                     "%.*s.metadata of type v1.ObjectMeta",
                                     json_type_name(metadata), SV_ARG(call->type->resource.kind)));
        return NULL;
    }
    return check_kind(call, tree) ? tree : NULL;
}

bool check_name_and_namespace(struct call *call, struct cJSON *tree) {
    const struct request *request = call->request;
    struct cJSON *metadata = json_ensure_map(call->arena, tree, SV("metadata"));
    struct sv name = object_name(tree), namespace_name = object_namespace(tree);
    if (request->name.len > 0) {
        bool is_creation =
            request->verb == VERB_PATCH &&
            !collection_get(call->collection, request->namespace_name, request->name);
        if (name.len == 0 && (request->verb == VERB_UPDATE || is_creation))
            return refuse_bad_request(
                call, arena_printf(call->arena,
                                   "the name of the object (%.*s based on URL) was undeterminable: "
                                   "name must be provided",
                                   SV_ARG(request->name)));
        if (name.len > 0 && !sv_eq(name, request->name))
            return refuse_bad_request(
                call, arena_printf(call->arena,
                                   "the name of the object (%.*s) does not match the name on the "
                                   "URL (%.*s)",
                                   SV_ARG(name), SV_ARG(request->name)));
        if (name.len == 0)
            json_set_string(call->arena, metadata, SV("name"), request->name);
    }
    if (namespace_name.len > 0 && !sv_eq(namespace_name, request->namespace_name))
        return refuse_bad_request(call,
                                  SV("the namespace of the provided object does not match the "
                                     "namespace sent on the request"));
    if (namespace_name.len == 0 && request->namespace_name.len > 0)
        json_set_string(call->arena, metadata, SV("namespace"), request->namespace_name);
    return true;
}

/* --- fields --- */

static struct sv joined(struct call *call, const struct findings *findings) {
    struct joiner text;
    joiner_init(&text, call->arena);
    for (size_t i = 0; i < findings->count; i++)
        if (sv_eq(findings->items[i].reason, SV("UnknownField")))
            joiner_add_apart(&text, SV(", "), findings->items[i].message);
    return joiner_text(&text);
}

/* "v1.PodSpec" of "io.k8s.api.core.v1.PodSpec"; with `is_alone` "PodSpec". */
static struct sv go_struct(struct sv type_name, bool is_alone) {
    size_t dot = sv_find_last(type_name, '.');
    if (is_alone)
        return dot < type_name.len ? sv_drop(type_name, dot + 1) : type_name;
    size_t package = sv_find_last(sv_prefix(type_name, dot), '.');
    return package < dot ? sv_drop(type_name, package + 1) : type_name;
}

/* The type of a field in Go. */
static struct sv go_type(struct call *call, const struct schema *schema) {
    switch (schema->kind) {
    case SCHEMA_INTEGER:
        return schema->format.len > 0 ? schema->format : SV("int32");
    case SCHEMA_NUMBER:
        return SV("float64");
    case SCHEMA_BOOLEAN:
        return SV("bool");
    case SCHEMA_BYTES:
        return SV("[]uint8");
    case SCHEMA_STRUCT:
        return go_struct(schema->type_name, false);
    case SCHEMA_LIST:
        return arena_printf(call->arena, "[]%.*s", SV_ARG(go_type(call, schema->items)));
    case SCHEMA_MAP:
        return arena_printf(call->arena, "map[string]%.*s", SV_ARG(go_type(call, schema->items)));
    case SCHEMA_ANY:
    case SCHEMA_STRING:
    case SCHEMA_INT_OR_STRING:
    case SCHEMA_QUANTITY:
    case SCHEMA_TIME:
        break;
    }
    return SV("string");
}

/* Where a finding stands, as Go's decoder says it: the struct that holds the field, and the names
 * of the fields without indexes of lists and keys of maps. */
struct go_place {
    struct sv struct_name, path;
    const struct schema *schema; /* of the value */
};

static struct go_place go_place_of(struct call *call, struct sv field) {
    const struct schema *schema = call->type->schema;
    struct go_place place = {.struct_name = call->type->resource.kind, .path = SV("")};
    struct sv rest = field;
    while (rest.len > 0 && schema && schema->kind != SCHEMA_MAP) {
        struct sv name = sv_cut(&rest, '.');
        struct sv key = sv_prefix(name, sv_find(name, '['));
        if (schema->kind == SCHEMA_STRUCT && schema->type_name.len > 0)
            place.struct_name = go_struct(schema->type_name, true);
        place.path = arena_printf(call->arena, "%.*s%s%.*s", SV_ARG(place.path),
                                  place.path.len > 0 ? "." : "", SV_ARG(key));
        schema = schema_member(schema, key);
        if (schema && key.len < name.len)
            schema = schema->items;
    }
    if (rest.len > 0 && schema)
        schema = schema->items;
    place.schema = schema;
    /* Of a custom object the metadata alone is decoded. */
    if (call->type->is_custom && sv_starts_with(place.path, SV("metadata.")))
        place.path = sv_drop(place.path, strlen("metadata."));
    return place;
}

static size_t bad_base64_at(struct sv text) {
    size_t at = 0;
    while (at < text.len && (sv_contains(SV("+/="), sv_prefix(sv_drop(text, at), 1)) ||
                             (text.ptr[at] >= '0' && text.ptr[at] <= '9') ||
                             (text.ptr[at] >= 'A' && text.ptr[at] <= 'Z') ||
                             (text.ptr[at] >= 'a' && text.ptr[at] <= 'z')))
        at++;
    return at;
}

/* The patched object of a strategic patch is converted and not decoded. */
static bool is_converted(const struct call *call) {
    return call->request->verb == VERB_PATCH && call->request->patch_type == PATCH_STRATEGIC &&
           !call->type->is_custom;
}

/* Go's name for the kind of value that a text of JSON becomes. */
static const char *go_kind(const struct cJSON *item) {
    int64_t number;
    if (json_is_number(item))
        return json_to_int64(item, &number) ? "int64" : "float64";
    return json_is_list(item) ? "slice" : json_is_map(item) ? "map" : json_type_name(item);
}

/* What a converter says of a value that does not fit; SV("") where it asks the decoder. */
static struct sv conversion_fault(struct call *call, const struct cJSON *item,
                                  const struct schema *schema) {
    const char *kind = go_kind(item);
    struct sv wanted = go_type(call, schema);
    switch (schema->kind) {
    case SCHEMA_STRUCT:
        return arena_printf(call->arena, "cannot restore struct from: %s", kind);
    case SCHEMA_MAP:
        return arena_printf(call->arena, "cannot restore map from %s", kind);
    case SCHEMA_BYTES:
        if (json_is_string(item))
            return arena_printf(call->arena,
                                "error decoding from json: illegal base64 data at input byte %zu",
                                bad_base64_at(json_text(item)));
        return arena_printf(call->arena, "cannot restore slice from %s", kind);
    case SCHEMA_LIST:
        return arena_printf(call->arena, "cannot restore slice from %s", kind);
    case SCHEMA_STRING:
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
    case SCHEMA_BOOLEAN: {
        bool is_convertible = strcmp(kind, "int64") == 0
                                  ? schema->kind == SCHEMA_STRING
                                  : strcmp(kind, "float64") == 0 && schema->kind == SCHEMA_INTEGER;
        return is_convertible
                   ? arena_printf(call->arena, "cannot convert %s to %.*s", kind, SV_ARG(wanted))
                   : arena_printf(call->arena, "unrecognized type: %.*s", SV_ARG(wanted));
    }
    case SCHEMA_TIME:
        if (json_is_string(item))
            break;
        return arena_printf(call->arena, "json: cannot unmarshal %s into Go value of type string",
                            json_is_number(item) ? "number" : json_type_name(item));
    case SCHEMA_ANY:
    case SCHEMA_INT_OR_STRING:
    case SCHEMA_QUANTITY:
        break;
    }
    return SV("");
}

/* What Go says of a value that does not fit. */
static struct sv decoding_fault(struct call *call, const struct finding *finding) {
    const struct cJSON *item = finding->item;
    struct go_place place = go_place_of(call, finding->field);
    if (!place.schema)
        return finding->message;
    struct sv text = json_text(item);
    struct sv converted = is_converted(call) ? conversion_fault(call, item, place.schema) : SV("");
    if (converted.len > 0)
        return converted;
    if (place.schema->kind == SCHEMA_QUANTITY)
        return SV("quantities must match the regular expression "
                  "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    if (place.schema->kind == SCHEMA_TIME && json_is_string(item)) {
        bool is_micro = sv_ends_with(place.schema->type_name, SV(".MicroTime"));
        int64_t time_ms;
        const char *layout =
            is_micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
        if (is_micro && api_time_parse(text, &time_ms))
            return arena_printf(
                call->arena,
                "parsing time \"%.*s\" as \"%s\": cannot parse \"%.*s\" as \".000000\"",
                SV_ARG(text), layout,
                SV_ARG(sv_drop(text, sv_find(text, '.') < text.len
                                         ? sv_find(text, '.')
                                         : strlen("2006-01-02T15:04:05"))));
        return arena_printf(call->arena,
                            "parsing time \"%.*s\" as \"%s\": cannot parse \"%.*s\" as \"2006\"",
                            SV_ARG(text), layout, SV_ARG(text));
    }
    if (place.schema->kind == SCHEMA_BYTES && json_is_string(item))
        return arena_printf(call->arena, "illegal base64 data at input byte %zu",
                            bad_base64_at(text));
    bool is_short = json_is_number(item) && place.schema->kind == SCHEMA_INT_OR_STRING;
    bool shows_number = is_short || (json_is_number(item) && place.schema->kind == SCHEMA_INTEGER);
    return arena_printf(call->arena,
                        "json: cannot unmarshal %s%s%.*s into Go struct field %.*s.%.*s of type "
                        "%.*s",
                        json_is_bool(item)     ? "bool"
                        : json_is_number(item) ? "number"
                                               : json_type_name(item),
                        shows_number ? " " : "", shows_number ? (int)text.len : 0, text.ptr,
                        SV_ARG(place.struct_name), SV_ARG(place.path),
                        SV_ARG(is_short ? SV("int32") : go_type(call, place.schema)));
}

/* A wrong type cannot be decoded into a built-in object, nor into the metadata of any; elsewhere in
 * a custom one its schema says so. */
static bool refuse_types(struct call *call, const struct cJSON *tree,
                         const struct findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        bool is_decoded = !call->type->is_custom || sv_starts_with(finding->field, SV("metadata."));
        if (is_decoded && sv_eq(finding->reason, SV("FieldValueTypeInvalid")))
            return refuse_decoding(call, tree, call->type->resource.kind,
                                   call->type->resource.version, decoding_fault(call, finding));
    }
    return true;
}

static bool judge_fields(struct call *call, const struct cJSON *tree,
                         const struct findings *findings) {
    struct sv validation = call->request->field_validation;
    struct sv faults = sv_eq(validation, SV("Strict")) ? call->request->body_faults : SV("");
    if (findings->count == 0 && faults.len == 0)
        return true;
    if (!refuse_types(call, tree, findings))
        return false;
    struct sv unknown = joined(call, findings);
    if (faults.len > 0)
        unknown = ARENA_JOIN(call->arena, faults, unknown.len > 0 ? SV(", ") : SV(""), unknown);
    if (unknown.len == 0 || sv_eq(validation, SV("Ignore")))
        return true;
    if (sv_eq(validation, SV("Strict")))
        return refuse_decoding(
            call, tree, call->type->resource.kind, call->type->resource.version,
            arena_printf(call->arena, "strict decoding error: %.*s", SV_ARG(unknown)));
    for (size_t i = 0; i < findings->count; i++)
        if (sv_eq(findings->items[i].reason, SV("UnknownField")))
            answer_warning(call, findings->items[i].message);
    return true;
}

bool check_write_options(struct call *call) {
    struct findings findings = {0};
    static const struct sv validations[] = {SV(""), SV("Ignore"), SV("Warn"), SV("Strict")};
    struct sv validation = call->request->field_validation;
    if (sv_index_of(validation, validations, COUNT_OF(validations)) < COUNT_OF(validations))
        return true;
    struct sv options = SV("CreateOptions");
    if (call->request->verb == VERB_PATCH)
        options = SV("PatchOptions");
    else if (call->request->verb == VERB_UPDATE)
        options = SV("UpdateOptions");
    else if (call->request->verb != VERB_CREATE)
        return true;
    findings_add(call->arena, &findings, SV("fieldValidation"), "FieldValueNotSupported", NULL,
                 "Unsupported value: \"%.*s\": supported values: \"\", \"Ignore\", \"Strict\", "
                 "\"Warn\"",
                 SV_ARG(validation));
    return refuse_invalid(call, options, SV("meta.k8s.io"), SV(""), &findings);
}

static int compare_findings(const void *a, const void *b) {
    const struct finding *x = a, *y = b;
    return sv_compare(x->field, y->field);
}

/* A reference that is there already goes; owners of one uid that differ otherwise stay. */
static struct sv drop_repeated(struct call *call, struct cJSON *owners) {
    struct joiner uids;
    struct map *seen = map_new(), *told = map_new();
    struct cJSON *next;
    joiner_init(&uids, call->arena);
    for (struct cJSON *owner = owners->child; owner; owner = next) {
        struct sv text = json_write_arena(call->arena, owner, JSON_COMPACT);
        struct sv uid = json_find_string(owner, "uid");
        next = owner->next;
        if (!map_has(seen, text)) {
            map_put(seen, text, NULL);
            continue;
        }
        if (!map_has(told, uid))
            joiner_add_apart(&uids, SV(", "), uid);
        map_put(told, uid, NULL);
        json_detach(owners, owner);
    }
    map_free(seen);
    map_free(told);
    return joiner_text(&uids);
}

static void drop_repeated_owners(struct call *call, struct cJSON *tree) {
    struct cJSON *owners = json_find(tree, "metadata.ownerReferences");
    bool may_repeat = json_is_list(owners) && json_count(owners) > 1 && !json_is_borrowed(owners);
    struct sv uids = may_repeat ? drop_repeated(call, owners) : SV("");
    if (uids.len == 0)
        return;
    const char *when = call->request->verb == VERB_PATCH ? " after mutating admission happens" : "";
    answer_warning(call,
                   arena_printf(call->arena,
                                ".metadata.ownerReferences contains duplicate entries%s; API "
                                "server dedups owner references in 1.20+, and may reject such "
                                "requests as early as 1.24; please fix your requests; "
                                "duplicate UID(s) observed: %.*s",
                                when, SV_ARG(uids)));
}

/* Where nothing was found, everything is declared. */
static void prune_found(struct call *call, struct cJSON *tree, const struct findings *findings) {
    if (findings->count > 0)
        admit_prune(call->type, tree);
}

bool check_fields(struct call *call, struct cJSON *tree) {
    struct findings findings = {0};
    admit_check_fields(call->type, tree, call->arena, &findings);
    /* A converter tells what it does not know in the order of the alphabet. */
    if (is_converted(call) && findings.count > 1)
        qsort(findings.items, findings.count, sizeof(*findings.items), compare_findings);
    if (!judge_fields(call, tree, &findings))
        return false;
    prune_found(call, tree, &findings);
    call->has_empty_lists = admit_normalize(call->type, tree, call->arena);
    admit_set_defaults(call->type, tree, call->arena);
    drop_repeated_owners(call, tree);
    /* Before it is told who owns which field. */
    return call->type->is_custom || !sv_eq(call->type->resource.kind, SV("Secret")) ||
           admit_secret(call, tree);
}

bool settle_fields(struct call *call, struct cJSON *tree) {
    struct findings findings = {0};
    admit_check_fields(call->type, tree, call->arena, &findings);
    if (!refuse_types(call, tree, &findings))
        return false;
    prune_found(call, tree, &findings);
    if (admit_normalize(call->type, tree, call->arena))
        admit_forget_empty_lists(call->type, tree, call->arena);
    admit_set_defaults(call->type, tree, call->arena);
    return true;
}

bool check_rules(struct call *call, const struct cJSON *tree, const struct cJSON *old) {
    struct findings findings = {0};
    /* Events of either group are refused as those of the older one. */
    bool is_event = !call->type->is_custom && sv_eq(call->type->resource.kind, SV("Event"));
    admit_validate(call->type, tree, old, call->request->subresource, call->arena, &findings);
    return findings.count == 0 || refuse_invalid(call, call->type->resource.kind,
                                                 is_event ? SV("") : call->type->resource.group,
                                                 object_name(tree), &findings);
}

void forget_empty_lists(struct call *call, struct cJSON *tree) {
    if (call->has_empty_lists)
        admit_forget_empty_lists(call->type, tree, call->arena);
    call->has_empty_lists = false;
}

/* --- who writes --- */

static const struct sv status_only[] = {SV("status")};
/* What is asked for in a certificate request is nobody's to change, and so nobody owns it. */
static const struct sv spec_and_status[] = {SV("spec"), SV("status")};

/* On the status subresource everything but the status and the metadata is somebody else's. */
static void fill_reset_fields(struct call *call, const struct cJSON *tree,
                              struct apply_writer *writer) {
    if (!call->type->has_status)
        return;
    bool is_request =
        !call->type->is_custom && sv_eq(call->type->resource.kind, SV("CertificateSigningRequest"));
    bool is_status =
        sv_eq(writer->subresource, SV("status")) || sv_eq(writer->subresource, SV("approval"));
    if (!is_status) {
        writer->reset_fields = is_request ? spec_and_status : status_only;
        writer->reset_field_count = is_request ? COUNT_OF(spec_and_status) : COUNT_OF(status_only);
        return;
    }
    struct sv *fields = ARENA_ARRAY(call->arena, struct sv, json_count(tree));
    size_t count = 0;
    JSON_EACH (member, tree) {
        struct sv key = json_key(member);
        bool is_kept = sv_eq(key, SV("status")) || sv_eq(key, SV("kind")) ||
                       sv_eq(key, SV("apiVersion")) || sv_eq(key, SV("metadata"));
        if (!is_kept)
            fields[count++] = key;
    }
    writer->reset_fields = fields;
    writer->reset_field_count = count;
}

void fill_writer(struct call *call, const struct cJSON *tree, struct apply_writer *ret_writer) {
    struct sv agent = call->user_agent;
    struct sv manager = call->request->field_manager;
    /* What a scale owns is kept without the time. */
    bool is_scale = sv_eq(call->request->subresource, SV("scale"));
    *ret_writer = (struct apply_writer){
        .manager = manager.len > 0 ? manager : sv_cut(&agent, '/'),
        .api_version = resource_api_version(&call->type->resource, call->arena),
        .subresource = call->request->subresource,
        .time = is_scale ? SV("") : api_time_format(call->now_ms, call->arena),
        .scale_path = is_scale ? call->type->scale_spec_path : SV(""),
    };
    fill_reset_fields(call, tree, ret_writer);
}
