/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_gen: run by the build. Reads openapi-definitions.json, discovery.json and
 * protobuf-fields.json (for what is written of fields that are zero) and writes one C file with the
 * tables that fakeapi/schema/schema.h declares.
 *
 *     schema_gen DEFINITIONS DISCOVERY FIELDS OUTPUT
 */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/schema/schema.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

struct node {
    struct sv text; /* the initialiser */
};

static struct {
    struct arena *arena;
    const struct cJSON *definitions;
    const struct cJSON *messages; /* of protobuf-fields.json */
    struct map *definition_index; /* name -> index + 1 */
    struct map *kind_index;       /* "group/version/kind" -> index + 1 */
    VEC(struct node) nodes;
    struct buf tables; /* members, key lists */
    size_t table_count;
} gen;

static void fail(const char *what, struct sv where) {
    fprintf(stderr, "schema_gen: %s: %.*s\n", what, SV_ARG(where));
    exit(1);
}

#define EMIT(buffer, ...)                                                                          \
    do {                                                                                           \
        if (!buf_printf((buffer), __VA_ARGS__))                                                    \
            fail("output too large", SV(""));                                                      \
    } while (0)

static struct sv quoted(struct sv text) {
    return arena_printf(gen.arena, "T(\"%.*s\")", SV_ARG(text));
}

/* The name of a member, behind the prefix that makes it an element of a set of fields. */
static struct sv member_name(struct sv name) {
    return arena_printf(gen.arena, "M(\"f:%.*s\")", SV_ARG(name));
}

/* A static array of texts; its name, or "NULL". */
static struct sv text_table(const struct cJSON *list) {
    if (json_count(list) == 0)
        return SV("NULL");
    size_t id = gen.table_count++;
    EMIT(&gen.tables, "static const struct sv texts_%zu[] = {", id);
    JSON_EACH (item, list)
        EMIT(&gen.tables, "%.*s,", SV_ARG(quoted(json_text(item))));
    EMIT(&gen.tables, "};\n");
    return arena_printf(gen.arena, "texts_%zu", id);
}

static size_t index_of_ref(struct sv ref) {
    struct sv name = sv_drop(ref, sv_find_last(ref, '/') + 1);
    size_t index = (size_t)(uintptr_t)map_get(gen.definition_index, name);
    if (index == 0)
        fail("unknown $ref", ref);
    return index - 1;
}

static size_t add_node(struct sv text) {
    vec_push(&gen.nodes, (struct node){text});
    return gen.nodes.count - 1;
}

static const char *special_kind(struct sv name) {
    static const struct {
        struct sv suffix;
        const char *kind;
    } special[] = {
        {SV(".resource.Quantity"), "SCHEMA_QUANTITY"},
        {SV(".intstr.IntOrString"), "SCHEMA_INT_OR_STRING"},
        {SV(".meta.v1.Time"), "SCHEMA_TIME"},
        {SV(".meta.v1.MicroTime"), "SCHEMA_TIME"},
        {SV(".runtime.RawExtension"), "SCHEMA_ANY"},
        {SV(".meta.v1.FieldsV1"), "SCHEMA_ANY"},
    };
    for (size_t i = 0; i < COUNT_OF(special); i++)
        if (sv_ends_with(name, special[i].suffix))
            return special[i].kind;
    return NULL;
}

static const char *kind_of(const struct cJSON *schema, struct sv name) {
    struct sv type = json_string_or(schema, SV("type"), SV(""));
    struct sv format = json_string_or(schema, SV("format"), SV(""));
    const char *special = special_kind(name);
    if (special)
        return special;
    if (sv_eq(type, SV("object"))) {
        if (json_get(schema, SV("properties")))
            return "SCHEMA_STRUCT";
        if (json_get(schema, SV("additionalProperties")))
            return "SCHEMA_MAP";
        return "SCHEMA_STRUCT"; /* an empty object such as service.headless */
    }
    if (sv_eq(type, SV("array")))
        return "SCHEMA_LIST";
    if (sv_eq(type, SV("string")))
        return sv_eq(format, SV("byte")) ? "SCHEMA_BYTES" : "SCHEMA_STRING";
    if (sv_eq(type, SV("integer")))
        return "SCHEMA_INTEGER";
    if (sv_eq(type, SV("number")))
        return "SCHEMA_NUMBER";
    if (sv_eq(type, SV("boolean")))
        return "SCHEMA_BOOLEAN";
    return "SCHEMA_ANY";
}

static size_t node_of(const struct cJSON *schema);

static int compare_members(const void *a, const void *b) {
    const struct cJSON *const *x = a, *const *y = b;
    return sv_compare(json_key(*x), json_key(*y));
}

/* "io.k8s.api.core.v1.Pod", or "k8s.io.api.core.v1.Pod" as protobuf has it. */
static const struct cJSON *message_of(struct sv definition) {
    static const struct sv prefix = SV("io.k8s."), extensions = SV("apiextensions-apiserver.");
    if (!sv_starts_with(definition, prefix))
        return NULL;
    struct sv rest = sv_drop(definition, prefix.len);
    struct sv package = SV("");
    if (sv_starts_with(rest, extensions)) {
        package = SV("apiextensions_apiserver.");
        rest = sv_drop(rest, extensions.len);
    }
    return json_get(gen.messages,
                    arena_printf(gen.arena, "k8s.io.%.*s%.*s", SV_ARG(package), SV_ARG(rest)));
}

/* The message that a field is of, in the package of its parent when it names none. */
static const struct cJSON *message_of_field(const struct cJSON *message,
                                            const struct cJSON *field) {
    struct sv type = json_text(json_at(field, 1)), parent = json_key(message);
    if (sv_find(type, '.') < type.len)
        return json_get(gen.messages, type);
    struct sv package = sv_prefix(parent, sv_find_last(parent, '.'));
    return json_get(gen.messages,
                    arena_printf(gen.arena, "%.*s.%.*s", SV_ARG(package), SV_ARG(type)));
}

/* The field of a message, or of one that stands inline in it. */
static const struct cJSON *field_named(const struct cJSON *message, struct sv name) {
    JSON_EACH (field, message) {
        if (sv_contains(json_text(json_at(field, 2)), SV("inline"))) {
            const struct cJSON *found = field_named(message_of_field(message, field), name);
            if (found)
                return found;
        } else if (sv_eq(json_text(json_at(field, 0)), name)) {
            return field;
        }
    }
    return NULL;
}

/* A scalar that is neither a pointer nor always written: Go's encoder leaves out its zero. */
static bool drops_zero(const struct cJSON *message, const struct cJSON *property) {
    const struct cJSON *field = field_named(message, json_key(property));
    struct sv type = json_string_or(property, SV("type"), SV(""));
    struct sv format = json_string_or(property, SV("format"), SV(""));
    struct sv flags = json_text(json_at(field, 2));
    bool is_scalar = (sv_eq(type, SV("string")) && !sv_eq(format, SV("byte"))) ||
                     sv_eq(type, SV("boolean")) || sv_eq(type, SV("integer")) ||
                     sv_eq(type, SV("number"));
    return field && is_scalar && !sv_contains(flags, SV("pointer")) &&
           !sv_contains(flags, SV("always"));
}

/* The slots by which members are found (schema.h). */
static void emit_slots(const struct cJSON *const *members, size_t count, size_t id) {
    size_t slot_count = schema_slot_count(count);
    uint16_t *slots = ARENA_ARRAY(gen.arena, uint16_t, slot_count);
    for (size_t i = 0; i < count; i++)
        schema_put_slot(slots, slot_count, json_key(members[i]), i);
    EMIT(&gen.tables, "static const uint16_t slots_%zu[] = {", id);
    for (size_t i = 0; i < slot_count; i++)
        EMIT(&gen.tables, "%u,", slots[i]);
    EMIT(&gen.tables, "%s", "};\n");
}

/* The number of the two tables of members. */
static size_t member_table(struct sv definition, const struct cJSON *properties, size_t count) {
    const struct cJSON **members = ARENA_ARRAY(gen.arena, const struct cJSON *, count);
    size_t i = 0;
    JSON_EACH (member, properties)
        members[i++] = member;
    qsort(members, count, sizeof(*members), compare_members);
    struct buf rows;
    buf_init(&rows, FILE_BYTES_MAX);
    for (i = 0; i < count; i++) {
        size_t index = node_of(members[i]);
        EMIT(&rows, "{%.*s,&S[%zu],%d},", SV_ARG(member_name(json_key(members[i]))), index,
             drops_zero(message_of(definition), members[i]));
    }
    size_t id = gen.table_count++;
    struct sv text = buf_view(&rows);
    EMIT(&gen.tables, "static const struct schema_member members_%zu[] = {%.*s};\n", id,
         SV_ARG(text));
    buf_release(&rows);
    emit_slots(members, count, id);
    return id;
}

static void emit_always(struct buf *rows, const struct cJSON *message,
                        const struct cJSON *properties, size_t *count) {
    JSON_EACH (field, message) {
        struct sv name = json_text(json_at(field, 0)), flags = json_text(json_at(field, 2));
        const struct cJSON *property = json_get(properties, name);
        if (sv_contains(flags, SV("inline")))
            emit_always(rows, message_of_field(message, field), properties, count);
        if (!sv_contains(flags, SV("always")) || !property)
            continue;
        EMIT(rows, "{%.*s,&S[%zu],false},", SV_ARG(member_name(name)), node_of(property));
        ++*count;
    }
}

/* The table of members that are always written; its name, or "NULL". */
static struct sv always_table(struct sv definition, const struct cJSON *properties,
                              size_t *ret_count) {
    struct buf rows;
    buf_init(&rows, FILE_BYTES_MAX);
    *ret_count = 0;
    emit_always(&rows, message_of(definition), properties, ret_count);
    struct sv name = SV("NULL"), text = buf_view(&rows);
    if (*ret_count > 0) {
        size_t id = gen.table_count++;
        EMIT(&gen.tables, "static const struct schema_member members_%zu[] = {%.*s};\n", id,
             SV_ARG(text));
        name = arena_printf(gen.arena, "members_%zu", id);
    }
    buf_release(&rows);
    return name;
}

static unsigned patch_strategy(const struct cJSON *schema) {
    struct sv text = json_string_or(schema, SV("x-kubernetes-patch-strategy"), SV(""));
    return (sv_contains(text, SV("merge")) ? 1u : 0u) |
           (sv_contains(text, SV("replace")) ? 2u : 0u) |
           (sv_contains(text, SV("retainKeys")) ? 4u : 0u);
}

static const char *list_type(const struct cJSON *schema) {
    struct sv text = json_string_or(schema, SV("x-kubernetes-list-type"), SV(""));
    return sv_eq(text, SV("map"))   ? "SCHEMA_LIST_MAP"
           : sv_eq(text, SV("set")) ? "SCHEMA_LIST_SET"
                                    : "SCHEMA_LIST_ATOMIC";
}

/* The initialiser of a schema; attributes of `outer` (a property that refers to it) win. */
static struct sv initialiser(const struct cJSON *schema, const struct cJSON *outer,
                             struct sv name) {
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    const struct cJSON *properties = json_get(schema, SV("properties"));
    const struct cJSON *items = json_get(schema, SV("items"));
    if (!items)
        items = json_get(schema, SV("additionalProperties"));
    const char *kind = kind_of(schema, name);
    EMIT(&text, "{.kind=%s,.type_name=%.*s,.format=%.*s", kind, SV_ARG(quoted(name)),
         SV_ARG(quoted(json_string_or(schema, SV("format"), SV("")))));
    if (json_count(properties) > 0) {
        size_t member_count = json_count(properties);
        size_t table = member_table(name, properties, member_count);
        size_t count;
        struct sv always = always_table(name, properties, &count);
        EMIT(&text, ",.members=members_%zu,.member_count=%zu,.slots=slots_%zu,.slot_count=%zu",
             table, member_count, table, schema_slot_count(member_count));
        EMIT(&text, ",.always=%.*s,.always_count=%zu", SV_ARG(always), count);
    }
    const struct cJSON *required = json_get(schema, SV("required"));
    struct sv required_texts = text_table(required);
    EMIT(&text, ",.required=%.*s,.required_count=%zu", SV_ARG(required_texts),
         json_count(required));
    if (json_is_map(items) && strcmp(kind, "SCHEMA_ANY") != 0)
        EMIT(&text, ",.items=&S[%zu]", node_of(items));
    const struct cJSON *keys = json_get(schema, SV("x-kubernetes-list-map-keys"));
    struct sv key_texts = text_table(keys);
    EMIT(&text, ",.list_type=%s,.list_map_keys=%.*s,.list_map_key_count=%zu", list_type(schema),
         SV_ARG(key_texts), json_count(keys));
    const struct cJSON *values = json_get(schema, SV("enum"));
    struct sv value_texts = text_table(values);
    EMIT(&text, ",.enum_values=%.*s,.enum_count=%zu", SV_ARG(value_texts), json_count(values));
    struct sv map_type = json_string_or(schema, SV("x-kubernetes-map-type"), SV(""));
    map_type = json_string_or(outer, SV("x-kubernetes-map-type"), map_type);
    bool is_atomic = sv_eq(map_type, SV("atomic"));
    struct sv merge_key = json_string_or(outer, SV("x-kubernetes-patch-merge-key"), SV(""));
    EMIT(&text, ",.is_atomic_map=%d,.patch_merge_key=%.*s,.patch_strategy=%u,.default_value=NULL}",
         is_atomic, SV_ARG(quoted(merge_key)), patch_strategy(outer));
    struct sv copy = arena_copy(gen.arena, buf_view(&text));
    buf_release(&text);
    return copy;
}

static size_t node_of(const struct cJSON *schema) {
    struct sv ref = json_string_or(schema, SV("$ref"), SV(""));
    if (ref.len == 0)
        return add_node(initialiser(schema, schema, SV("")));
    size_t index = index_of_ref(ref);
    if (json_count(schema) == 1)
        return index;
    /* A reference with attributes of its own: the same shape, patched otherwise. */
    struct sv name = sv_drop(ref, sv_find_last(ref, '/') + 1);
    return add_node(initialiser(json_get(gen.definitions, name), schema, name));
}

static void index_definitions(void) {
    size_t count = json_count(gen.definitions);
    for (size_t i = 0; i < count; i++)
        add_node(SV(""));
    size_t i = 0;
    JSON_EACH (definition, gen.definitions) {
        map_put(gen.definition_index, json_key(definition), (void *)(uintptr_t)(i + 1));
        JSON_EACH (gvk, json_get(definition, SV("x-kubernetes-group-version-kind"))) {
            struct sv key = arena_printf(
                gen.arena, "%.*s/%.*s/%.*s", SV_ARG(json_find_string(gvk, "group")),
                SV_ARG(json_find_string(gvk, "version")), SV_ARG(json_find_string(gvk, "kind")));
            if (!map_has(gen.kind_index, key))
                map_put(gen.kind_index, key, (void *)(uintptr_t)(i + 1));
        }
        i++;
    }
    i = 0;
    JSON_EACH (definition, gen.definitions) {
        struct sv text = initialiser(definition, definition, json_key(definition));
        gen.nodes.items[i++].text = text;
    }
}

static bool has_subresource(const struct cJSON *resource, struct sv name) {
    JSON_EACH (subresource, json_get(resource, SV("subresources"))) {
        if (sv_eq(json_find_string(subresource, "subresource"), name))
            return true;
    }
    return false;
}

static void emit_resource(struct buf *rows, struct sv group, struct sv version,
                          const struct cJSON *resource) {
    struct sv kind = json_find_string(resource, "responseKind.kind");
    struct sv key =
        arena_printf(gen.arena, "%.*s/%.*s/%.*s", SV_ARG(group), SV_ARG(version), SV_ARG(kind));
    size_t index = (size_t)(uintptr_t)map_get(gen.kind_index, key);
    struct sv schema = index ? arena_printf(gen.arena, "&S[%zu]", index - 1) : SV("NULL");
    const struct cJSON *short_names = json_get(resource, SV("shortNames"));
    const struct cJSON *categories = json_get(resource, SV("categories"));
    struct sv short_texts = text_table(short_names), category_texts = text_table(categories);
    const struct cJSON *verbs = json_get(resource, SV("verbs"));
    if (!json_has_text(verbs, SV("list")) && !json_has_text(verbs, SV("get")))
        schema = SV("NULL");
    EMIT(rows, "{%.*s,%.*s,%.*s,%.*s,%.*s,%d,%d,%d,%.*s,%zu,%.*s,%zu,%.*s},\n",
         SV_ARG(quoted(group)), SV_ARG(quoted(version)),
         SV_ARG(quoted(json_find_string(resource, "resource"))),
         SV_ARG(quoted(json_find_string(resource, "singularResource"))), SV_ARG(quoted(kind)),
         sv_eq(json_find_string(resource, "scope"), SV("Namespaced")),
         has_subresource(resource, SV("status")), has_subresource(resource, SV("scale")),
         SV_ARG(short_texts), json_count(short_names), SV_ARG(category_texts),
         json_count(categories), SV_ARG(schema));
}

static void emit_groups(struct buf *rows, const struct cJSON *document) {
    JSON_EACH (group, json_get(document, SV("items"))) {
        struct sv name = json_find_string(group, "metadata.name");
        JSON_EACH (version, json_get(group, SV("versions"))) {
            JSON_EACH (resource, json_get(version, SV("resources")))
                emit_resource(rows, name, json_find_string(version, "version"), resource);
        }
    }
}

static void emit_types(struct buf *out) {
    size_t count = json_count(gen.definitions), i = 0;
    const struct cJSON **sorted = ARENA_ARRAY(gen.arena, const struct cJSON *, count);
    JSON_EACH (definition, gen.definitions)
        sorted[i++] = definition;
    qsort(sorted, count, sizeof(*sorted), compare_members);
    EMIT(out, "const struct schema_builtin_type schema_builtin_types[] = {\n");
    for (i = 0; i < count; i++) {
        struct sv name = json_key(sorted[i]);
        EMIT(out, "{%.*s,&S[%zu]},\n", SV_ARG(quoted(name)),
             (size_t)(uintptr_t)map_get(gen.definition_index, name) - 1);
    }
    EMIT(out, "};\nconst size_t schema_builtin_type_count = %zu;\n", count);
}

static void emit_all(struct buf *out, const struct cJSON *discovery) {
    struct buf rows;
    buf_init(&rows, FILE_BYTES_MAX);
    emit_groups(&rows, json_get(discovery, SV("api")));
    emit_groups(&rows, json_get(discovery, SV("apis")));
    EMIT(out,
         "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by schema_gen. */\n"
         "#include \"fakeapi/schema/schema.h\"\n"
         "#define T(text) {text, sizeof(text) - 1}\n"
         "#define M(text) {&(text)[2], sizeof(text) - 3}\n"
         "static const struct schema S[%zu];\n",
         gen.nodes.count);
    EMIT(out, "%.*s", SV_ARG(buf_view(&gen.tables)));
    EMIT(out, "static const struct schema S[%zu] = {\n", gen.nodes.count);
    for (size_t i = 0; i < gen.nodes.count; i++)
        EMIT(out, "%.*s,\n", SV_ARG(gen.nodes.items[i].text));
    EMIT(out, "};\nconst struct schema_builtin_resource schema_builtin_resources[] = {\n%.*s};\n",
         SV_ARG(buf_view(&rows)));
    EMIT(out, "const size_t schema_builtin_resource_count = sizeof(schema_builtin_resources) / "
              "sizeof(schema_builtin_resources[0]);\n");
    emit_types(out);
    buf_release(&rows);
}

static struct cJSON *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("cannot read", sv_from(path));
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    char chunk[65536];
    size_t taken;
    while ((taken = fread(chunk, 1, sizeof(chunk), file)) > 0)
        EMIT(&bytes, "%.*s", (int)taken, chunk);
    fclose(file);
    struct error err = {0};
    struct cJSON *tree = json_read(gen.arena, buf_view(&bytes), &err);
    buf_release(&bytes);
    if (!tree)
        fail(err.message, sv_from(path));
    return tree;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: schema_gen DEFINITIONS DISCOVERY FIELDS OUTPUT\n");
        return 2;
    }
    gen.arena = arena_new();
    gen.definition_index = map_new();
    gen.kind_index = map_new();
    buf_init(&gen.tables, FILE_BYTES_MAX);
    gen.definitions = read_file(argv[1]);
    gen.messages = read_file(argv[3]);
    index_definitions();
    struct buf out;
    buf_init(&out, FILE_BYTES_MAX);
    emit_all(&out, read_file(argv[2]));
    FILE *file = fopen(argv[4], "wb");
    struct sv text = buf_view(&out);
    if (!file || fwrite(text.ptr, 1, text.len, file) != text.len || fclose(file) != 0)
        fail("cannot write", sv_from(argv[4]));
    buf_release(&out);
    buf_release(&gen.tables);
    vec_release(&gen.nodes);
    map_free(gen.definition_index);
    map_free(gen.kind_index);
    arena_free(gen.arena);
    return 0;
}
