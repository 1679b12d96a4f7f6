/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crd_gen: run by the build. Expands the `$ref`s of our CRD sources into structural schemas and
 * writes the results into one C file, for core/api/crds.h.
 *
 *     crd_gen DEFINITIONS OUTPUT SOURCE...
 */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, LINE_BYTES = 64 };

static struct arena *arena;
static const struct cJSON *definitions;

static void fail(const char *what, struct sv where) {
    fprintf(stderr, "crd_gen: %s: %.*s\n", what, SV_ARG(where));
    exit(1);
}

static struct cJSON *parse(const char *text) {
    struct error err = {0};
    struct cJSON *tree = json_read(arena, sv_from(text), &err);
    if (!tree)
        fail(err.message, sv_from(text));
    return tree;
}

/* Types that are not what their definition says. */
static struct cJSON *special_schema(struct sv name) {
    static const struct {
        struct sv suffix;
        const char *schema;
    } special[] = {
        {SV(".resource.Quantity"),
         "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}],"
         "\"pattern\":\"^(\\\\+|-)?(([0-9]+(\\\\.[0-9]*)?)|(\\\\.[0-9]+))"
         "(([KMGTPE]i)|[numkMGTPE]|([eE](\\\\+|-)?(([0-9]+(\\\\.[0-9]*)?)|(\\\\.[0-9]+))))?$\","
         "\"x-kubernetes-int-or-string\":true}"},
        {SV(".intstr.IntOrString"), "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}],"
                                    "\"x-kubernetes-int-or-string\":true}"},
        {SV(".meta.v1.Time"), "{\"type\":\"string\",\"format\":\"date-time\"}"},
        {SV(".meta.v1.MicroTime"), "{\"type\":\"string\",\"format\":\"date-time\"}"},
        /* Metadata inside a template: what a vendor may want to say survives pruning. */
        {SV(".meta.v1.ObjectMeta"),
         "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"namespace\":"
         "{\"type\":\"string\"},\"labels\":{\"type\":\"object\",\"additionalProperties\":"
         "{\"type\":\"string\"}},\"annotations\":{\"type\":\"object\",\"additionalProperties\":"
         "{\"type\":\"string\"}},\"finalizers\":{\"type\":\"array\",\"items\":"
         "{\"type\":\"string\"}}}}"},
    };
    for (size_t i = 0; i < COUNT_OF(special); i++)
        if (sv_ends_with(name, special[i].suffix))
            return parse(special[i].schema);
    return NULL;
}

/* `is_ours` tells a node of our source from one of a built-in definition, whose enums change with
 * Kubernetes' versions and are left to Kubernetes. */
static struct cJSON *expand(const struct cJSON *schema, bool is_ours);

static struct cJSON *expand_reference(struct sv ref) {
    struct sv name =
        sv_drop(ref, sv_find_last(ref, '/') < ref.len ? sv_find_last(ref, '/') + 1 : 0);
    struct cJSON *special = special_schema(name);
    if (special)
        return special;
    const struct cJSON *definition = json_get(definitions, name);
    if (!definition)
        fail("unknown $ref", ref);
    return expand(definition, false);
}

static bool is_required(const struct cJSON *schema, struct sv name) {
    return json_has_text(json_get(schema, SV("required")), name);
}

/* A list-map key must be required or have a default: of those that OpenAPI gives none, a protocol
 * is TCP, and a name is empty. */
static void default_list_keys(struct cJSON *schema) {
    const struct cJSON *items = json_get(schema, SV("items"));
    JSON_EACH (key, json_get(schema, SV("x-kubernetes-list-map-keys"))) {
        struct cJSON *property = json_get(json_get(items, SV("properties")), json_text(key));
        if (!property)
            fail("no such list-map key", json_text(key));
        if (json_get(property, SV("default")) || is_required(items, json_text(key)))
            continue;
        bool is_protocol = sv_eq(json_text(key), SV("protocol"));
        json_set_string(arena, property, SV("default"), is_protocol ? SV("TCP") : SV(""));
    }
}

static struct cJSON *expand_map(const struct cJSON *map, bool is_ours) {
    struct cJSON *out = json_map(arena);
    JSON_EACH (member, map)
        json_set(arena, out, json_key(member), expand(member, is_ours));
    return out;
}

static struct cJSON *expand(const struct cJSON *schema, bool is_ours) {
    static const struct sv dropped[] = {
        SV("x-kubernetes-patch-merge-key"),
        SV("x-kubernetes-patch-strategy"),
        SV("x-kubernetes-group-version-kind"),
        SV("x-kubernetes-unions"),
    };
    struct sv ref = json_string_or(schema, SV("$ref"), SV(""));
    struct cJSON *out = ref.len > 0 ? expand_reference(ref) : json_map(arena);
    JSON_EACH (member, schema) {
        struct sv key = json_key(member);
        if (sv_eq(key, SV("$ref")))
            continue;
        bool is_dropped = sv_index_of(key, dropped, COUNT_OF(dropped)) < COUNT_OF(dropped);
        if (sv_eq(key, SV("properties")))
            json_set(arena, out, key, expand_map(member, is_ours));
        else if (sv_eq(key, SV("items")) ||
                 (sv_eq(key, SV("additionalProperties")) && json_is_map(member)))
            json_set(arena, out, key, expand(member, is_ours));
        else if (!is_dropped && (is_ours || !sv_eq(key, SV("enum"))))
            json_set(arena, out, key, json_copy(arena, member));
    }
    default_list_keys(out);
    return out;
}

static struct sv read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    char chunk[65536];
    size_t taken;
    if (!file)
        fail("cannot read", sv_from(path));
    while ((taken = fread(chunk, 1, sizeof(chunk), file)) > 0)
        if (!buf_append(&bytes, (struct sv){chunk, taken}))
            fail("too large", sv_from(path));
    fclose(file);
    struct sv text = arena_copy(arena, buf_view(&bytes));
    buf_release(&bytes);
    return text;
}

static void write_text(FILE *out, size_t index, struct sv text) {
    fprintf(out, "static const char crd_%zu[] = {", index);
    for (size_t i = 0; i < text.len; i++)
        fprintf(out, "%s%d,", i % LINE_BYTES ? "" : "\n", (unsigned char)text.ptr[i]);
    fprintf(out, "0};\n");
}

static struct sv expanded_text(const char *path) {
    struct error err = {0};
    struct yaml_documents documents;
    if (!yaml_read(arena, read_file(path), &documents, &err))
        fail(err.message, sv_from(path));
    struct cJSON *crd = documents.roots[0];
    JSON_EACH (version, json_find(crd, "spec.versions")) {
        struct cJSON *schema = json_get(version, SV("schema"));
        json_set(arena, schema, SV("openAPIV3Schema"),
                 expand(json_get(schema, SV("openAPIV3Schema")), true));
    }
    return json_write_arena(arena, crd, JSON_COMPACT);
}

int main(int argc, char **argv) {
    arena = arena_new();
    struct error err = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: crd_gen DEFINITIONS OUTPUT SOURCE...\n");
        return 2;
    }
    definitions = json_read(arena, read_file(argv[1]), &err);
    FILE *out = fopen(argv[2], "wb");
    if (!definitions || !out)
        fail(definitions ? "cannot write" : err.message, sv_from(argv[2]));
    fprintf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by crd_gen. */\n"
                 "#include \"core/api/crds.h\"\n");
    for (int i = 3; i < argc; i++)
        write_text(out, (size_t)i - 3, expanded_text(argv[i]));
    fprintf(out, "static const struct sv texts[] = {\n");
    for (int i = 3; i < argc; i++)
        fprintf(out, "    {crd_%d, sizeof(crd_%d) - 1},\n", i - 3, i - 3);
    fprintf(out, "};\nsize_t crd_count(void) {\n    return COUNT_OF(texts);\n}\n"
                 "struct sv crd_text(size_t index) {\n    return texts[index];\n}\n");
    if (fclose(out) != 0)
        fail("cannot write", sv_from(argv[2]));
    arena_free(arena);
    return 0;
}
