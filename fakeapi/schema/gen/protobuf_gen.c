/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf_gen: run by the build. Reads protobuf-fields.json and writes the C tables that
 * fakeapi/schema/protobuf_table.h declares.
 *
 *     protobuf_gen FIELDS OUTPUT
 */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/data/json.h"

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

static struct arena *arena;
static struct map *message_index; /* name -> index + 1 */
static FILE *out;

static void fail(const char *what, struct sv where) {
    fprintf(stderr, "protobuf_gen: %s: %.*s\n", what, SV_ARG(where));
    exit(1);
}

static const struct cJSON *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct buf bytes;
    struct error err = {0};
    char chunk[65536];
    size_t taken;
    buf_init(&bytes, FILE_BYTES_MAX);
    if (!file)
        fail("cannot read", sv_from(path));
    while ((taken = fread(chunk, 1, sizeof(chunk), file)) > 0)
        if (!buf_append(&bytes, (struct sv){chunk, taken}))
            fail("too large", sv_from(path));
    fclose(file);
    const struct cJSON *tree = json_read(arena, buf_view(&bytes), &err);
    buf_release(&bytes);
    if (!tree)
        fail(err.message, sv_from(path));
    return tree;
}

/* Which text or other shape a message has in JSON instead of a map. */
static const char *form_of(struct sv name) {
    static const struct {
        struct sv suffix;
        const char *form;
    } forms[] = {
        {SV(".resource.Quantity"), "QUANTITY"},
        {SV(".intstr.IntOrString"), "INT_OR_STRING"},
        {SV(".meta.v1.Time"), "TIME"},
        {SV(".meta.v1.MicroTime"), "MICRO_TIME"},
        {SV(".meta.v1.Duration"), "DURATION"},
        {SV(".meta.v1.FieldsV1"), "RAW"},
        {SV(".runtime.RawExtension"), "RAW"},
        {SV(".apiextensions.v1.JSON"), "RAW"},
        {SV(".ExtraValue"), "ITEMS"},
        {SV(".meta.v1.Verbs"), "ITEMS"},
        {SV(".JSONSchemaPropsOrArray"), "EITHER"},
        {SV(".JSONSchemaPropsOrBool"), "EITHER"},
        {SV(".JSONSchemaPropsOrStringArray"), "EITHER"},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (sv_ends_with(name, forms[i].suffix))
            return forms[i].form;
    return "PLAIN";
}

static struct sv package_of(struct sv message) {
    return sv_prefix(message, sv_find_last(message, '.'));
}

/* Takes "[]" or "map<string, …>" off the type. */
static struct sv element_type(struct sv type, bool *ret_is_list, bool *ret_is_map) {
    *ret_is_list = sv_starts_with(type, SV("[]"));
    *ret_is_map = sv_starts_with(type, SV("map<string, "));
    if (*ret_is_list)
        return sv_drop(type, 2);
    if (*ret_is_map)
        return sv_prefix(sv_drop(type, 12), type.len - 13);
    return type;
}

static const char *scalar_of(struct sv type) {
    static const struct {
        struct sv type;
        const char *name;
    } scalars[] = {
        {SV("bool"), "BOOL"},     {SV("int32"), "INTEGER"}, {SV("int64"), "INTEGER"},
        {SV("double"), "DOUBLE"}, {SV("string"), "STRING"}, {SV("bytes"), "BYTES"},
    };
    for (size_t i = 0; i < COUNT_OF(scalars); i++)
        if (sv_eq(type, scalars[i].type))
            return scalars[i].name;
    return NULL;
}

static struct sv message_address(struct sv package, struct sv type) {
    struct sv full = sv_find(type, '.') < type.len
                         ? type
                         : arena_printf(arena, "%.*s.%.*s", SV_ARG(package), SV_ARG(type));
    size_t index = (size_t)(uintptr_t)map_get(message_index, full);
    if (index == 0)
        fail("unknown message", full);
    return arena_printf(arena, "&protobuf_messages[%zu]", index - 1);
}

static void write_field(struct sv message, const struct cJSON *field) {
    struct sv name = json_text(json_at(field, 0)), flags = json_text(json_at(field, 2));
    bool is_list, is_map;
    struct sv type = element_type(json_text(json_at(field, 1)), &is_list, &is_map);
    const char *scalar = scalar_of(type);
    struct sv below = scalar ? SV("NULL") : message_address(package_of(message), type);
    fprintf(out, "    {%.*s, PROTOBUF_%s, {\"%.*s\", %zu}, %d, %d, %d, %d, %d, %.*s},\n",
            SV_ARG(json_key(field)), scalar ? scalar : "MESSAGE", SV_ARG(name), name.len, is_list,
            is_map, sv_contains(flags, SV("inline")), sv_contains(flags, SV("pointer")),
            sv_contains(flags, SV("always")), SV_ARG(below));
}

static int compare_numbers(const void *a, const void *b) {
    const struct cJSON *const *x = a, *const *y = b;
    int64_t left = 0, right = 0;
    if (!sv_to_int64(json_key(*x), &left) || !sv_to_int64(json_key(*y), &right))
        fail("no field number", json_key(*x));
    return left < right ? -1 : left > right;
}

static void write_fields(size_t index, const struct cJSON *message) {
    size_t count = 0;
    const struct cJSON **fields = ARENA_ARRAY(arena, const struct cJSON *, json_count(message) + 1);
    if (json_count(message) == 0)
        return;
    JSON_EACH (field, message)
        fields[count++] = field;
    qsort(fields, count, sizeof(*fields), compare_numbers);
    fprintf(out, "static const struct protobuf_field fields_%zu[] = {\n", index);
    for (size_t i = 0; i < count; i++)
        write_field(json_key(message), fields[i]);
    fprintf(out, "};\n");
}

static void write_messages(struct cJSON *messages) {
    size_t count = json_count(messages), index = 0;
    json_sort(messages);
    JSON_EACH (message, messages)
        map_put(message_index, json_key(message), (void *)(uintptr_t)(++index));
    index = 0;
    JSON_EACH (message, messages)
        write_fields(index++, message);
    fprintf(out, "const struct protobuf_message protobuf_messages[%zu] = {\n", count);
    index = 0;
    JSON_EACH (message, messages) {
        struct sv name = json_key(message);
        struct sv fields =
            json_count(message) == 0 ? SV("NULL") : arena_printf(arena, "fields_%zu", index);
        fprintf(out, "    {{\"%.*s\", %zu}, PROTOBUF_%s, %.*s, %zu},\n", SV_ARG(name), name.len,
                form_of(name), SV_ARG(fields), json_count(message));
        index++;
    }
    fprintf(out, "};\nconst size_t protobuf_message_count = %zu;\n", count);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: protobuf_gen FIELDS OUTPUT\n");
        return 2;
    }
    arena = arena_new();
    message_index = map_new();
    struct cJSON *messages = json_copy(arena, read_file(argv[1]));
    out = fopen(argv[2], "wb");
    if (!out)
        fail("cannot write", sv_from(argv[2]));
    fprintf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by protobuf_gen. */\n"
                 "#include \"fakeapi/schema/protobuf_table.h\"\n"
                 "extern const struct protobuf_message protobuf_messages[];\n");
    write_messages(messages);
    if (fclose(out) != 0)
        fail("cannot write", sv_from(argv[2]));
    map_free(message_index);
    arena_free(arena);
    return 0;
}
