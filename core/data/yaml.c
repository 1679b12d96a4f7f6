/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of yaml.h, on libyaml's events. */
#include "core/data/yaml.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/data/json_index.h"
#include "core/data/json_node.h"
#include "core/data/utf8.h"
#include "core/data/yaml_scalar.h"

#include <yaml.h>

struct place {
    const struct cJSON *node;
    struct yaml_position value, key;
};

struct yaml_positions {
    const struct place *places; /* sorted by node */
    size_t count;
};

struct anchor {
    struct cJSON *node;
    size_t node_count;
    bool is_open; /* its value is still being read: an alias would contain itself */
};

struct reader {
    struct arena *arena;
    struct error *err;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    size_t node_count;
    size_t depth;
    struct sv path[YAML_DEPTH_MAX + 1];
    struct map *anchors; /* name -> struct anchor, in the arena */
    VEC(struct place) places;
    VEC(struct yaml_remark) remarks;
    VEC(struct cJSON *) roots;
};

static struct yaml_position position(yaml_mark_t mark) {
    return (struct yaml_position){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static bool fail(struct reader *reader, enum error_code code, yaml_mark_t mark, const char *what) {
    struct yaml_position at = position(mark);
    return error_set(reader->err, code, "%u:%u: %s", at.line, at.column, what);
}

static bool next_event(struct reader *reader) {
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = yaml_parser_parse(&reader->parser, &reader->event) != 0;
    if (reader->has_event)
        return true;
    const char *problem = reader->parser.problem ? reader->parser.problem : "not YAML";
    return fail(reader, ERROR_INVALID, reader->parser.problem_mark, problem);
}

static struct sv path_text(struct reader *reader, struct sv last) {
    struct sv path = SV("");
    for (size_t i = 1; i < reader->depth; i++)
        path = arena_printf(reader->arena, "%.*s%.*s.", SV_ARG(path), SV_ARG(reader->path[i]));
    return arena_printf(reader->arena, "%.*s%.*s", SV_ARG(path), SV_ARG(last));
}

static void remark(struct reader *reader, enum yaml_remark_type type, yaml_mark_t mark,
                   struct sv path, struct sv message) {
    vec_push(&reader->remarks, (struct yaml_remark){type, position(mark), path, message, SV("")});
}

static bool count_node(struct reader *reader, size_t more) {
    reader->node_count += more;
    if (reader->node_count <= YAML_NODES_MAX)
        return true;
    return fail(reader, ERROR_TOO_LARGE, reader->event.start_mark,
                "more than 1000000 values after aliases are expanded");
}

static struct sv scalar_text(struct reader *reader) {
    return arena_copy(reader->arena, (struct sv){(const char *)reader->event.data.scalar.value,
                                                 reader->event.data.scalar.length});
}

/* Whether YAML says that the scalar is a text whatever it looks like. */
static bool is_text(const yaml_event_t *event) {
    struct sv tag = sv_from((const char *)event->data.scalar.tag);
    if (tag.len > 1)
        return !sv_eq(tag, SV(YAML_INT_TAG)) && !sv_eq(tag, SV(YAML_FLOAT_TAG)) &&
               !sv_eq(tag, SV(YAML_BOOL_TAG)) && !sv_eq(tag, SV(YAML_NULL_TAG));
    return event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || tag.len == 1;
}

static bool set_scalar(struct reader *reader, struct cJSON *node) {
    struct sv text = scalar_text(reader);
    struct yaml_scalar scalar = {.kind = YAML_SCALAR_STRING};
    if (!is_text(&reader->event))
        scalar = yaml_scalar_resolve(text, reader->arena);
    if (scalar.is_surprise)
        remark(reader, YAML_SURPRISE, reader->event.start_mark,
               path_text(reader, reader->path[reader->depth]),
               arena_printf(reader->arena, "%.*s is not read as text here", SV_ARG(text)));
    switch (scalar.kind) {
    case YAML_SCALAR_NULL:
        node->type = cJSON_NULL;
        return true;
    case YAML_SCALAR_TRUE:
        node->type = cJSON_True;
        return true;
    case YAML_SCALAR_FALSE:
        node->type = cJSON_False;
        return true;
    case YAML_SCALAR_NUMBER:
        json_node_set_number(reader->arena, node, scalar.number);
        return true;
    case YAML_SCALAR_NOT_A_JSON:
        return fail(reader, ERROR_INVALID, reader->event.start_mark,
                    "infinity and NaN have no JSON form");
    case YAML_SCALAR_STRING:
        break;
    }
    json_node_set_string(node, text);
    return true;
}

/* The text of a key: numbers and booleans become text, as in Kubernetes; null does not. */
static bool read_key(struct reader *reader, struct sv *ret_key) {
    if (reader->event.type != YAML_SCALAR_EVENT)
        return fail(reader, ERROR_INVALID, reader->event.start_mark, "a key must be a text");
    struct cJSON node = {0};
    size_t remark_count = reader->remarks.count;
    if (!set_scalar(reader, &node))
        return false;
    reader->remarks.count = remark_count;
    if (json_is_null(&node))
        return fail(reader, ERROR_INVALID, reader->event.start_mark, "a key must not be null");
    if (json_is_bool(&node))
        *ret_key = json_is_true(&node) ? SV("true") : SV("false");
    else
        *ret_key = json_text(&node);
    if (memchr(ret_key->ptr, '\0', ret_key->len))
        return fail(reader, ERROR_INVALID, reader->event.start_mark, "a key must not hold a NUL");
    return true;
}

static bool read_node(struct reader *reader, struct cJSON *node);

static void keep_place(struct reader *reader, const struct cJSON *node, yaml_mark_t value,
                       struct yaml_position key) {
    vec_push(&reader->places, (struct place){node, position(value), key});
}

/* "<<": members of the merged maps that the map itself does not have. */
static bool merge_into(struct reader *reader, struct json_index *members,
                       const struct cJSON *merged, yaml_mark_t mark) {
    if (json_is_list(merged)) {
        JSON_EACH (item, merged) {
            if (!json_is_map(item) || !merge_into(reader, members, item, mark))
                return fail(reader, ERROR_INVALID, mark, "<< merges maps only");
        }
        return true;
    }
    if (!json_is_map(merged))
        return fail(reader, ERROR_INVALID, mark, "<< merges maps only");
    JSON_EACH (member, merged) {
        if (json_index_get(members, json_key(member)))
            continue;
        struct cJSON *copy = json_copy(reader->arena, member);
        json_node_take_key(copy, member);
        json_index_append(members, copy);
    }
    return true;
}

static void replace_member(struct reader *reader, struct cJSON *present, struct cJSON *member,
                           struct sv key, yaml_mark_t mark) {
    remark(reader, YAML_DUPLICATE_KEY, mark, path_text(reader, key),
           arena_printf(reader->arena, "duplicate key \"%.*s\": the last one wins", SV_ARG(key)));
    reader->remarks.items[reader->remarks.count - 1].key = key;
    /* In place, since what is known of places is filed under the node. */
    present->type = member->type;
    present->valuestring = member->valuestring;
    present->valueint = member->valueint;
    present->child = member->child;
}

static bool read_member(struct reader *reader, struct json_index *members,
                        struct cJSON **ret_merge) {
    yaml_mark_t key_mark = reader->event.start_mark;
    bool is_merge = reader->event.type == YAML_SCALAR_EVENT && !is_text(&reader->event) &&
                    sv_eq(sv_from((char *)reader->event.data.scalar.value), SV("<<"));
    struct sv key;
    if (!read_key(reader, &key) || !next_event(reader))
        return false;
    struct cJSON *member = json_node_new(reader->arena);
    json_node_set_key(member, key);
    reader->path[reader->depth] = key;
    yaml_mark_t value_mark = reader->event.start_mark;
    if (!read_node(reader, member))
        return false;
    struct cJSON *present = json_index_get(members, key);
    if (is_merge) {
        *ret_merge = member;
        return true;
    }
    if (present) {
        replace_member(reader, present, member, key, key_mark);
        return true;
    }
    keep_place(reader, member, value_mark, position(key_mark));
    json_index_append(members, member);
    return true;
}

static bool read_map(struct reader *reader, struct cJSON *map) {
    struct json_index members = {.arena = reader->arena, .map = map};
    struct cJSON *merge = NULL;
    yaml_mark_t mark = reader->event.start_mark;
    map->type = cJSON_Object;
    bool held = next_event(reader);
    while (held && reader->event.type != YAML_MAPPING_END_EVENT)
        held = read_member(reader, &members, &merge) && next_event(reader);
    if (held && merge)
        held = merge_into(reader, &members, merge, mark);
    return held;
}

static bool read_list(struct reader *reader, struct cJSON *list) {
    list->type = cJSON_Array;
    if (!next_event(reader))
        return false;
    for (size_t index = 0; reader->event.type != YAML_SEQUENCE_END_EVENT; index++) {
        struct cJSON *item = json_node_new(reader->arena);
        reader->path[reader->depth] = arena_printf(reader->arena, "%zu", index);
        keep_place(reader, item, reader->event.start_mark, position(reader->event.start_mark));
        if (!read_node(reader, item))
            return false;
        json_node_append(list, item);
        if (!next_event(reader))
            return false;
    }
    return true;
}

static bool read_alias(struct reader *reader, struct cJSON *node) {
    struct sv name = sv_from((const char *)reader->event.data.alias.anchor);
    const struct anchor *anchor = map_get(reader->anchors, name);
    if (!anchor)
        return fail(reader, ERROR_INVALID, reader->event.start_mark, "unknown alias");
    if (anchor->is_open)
        return fail(reader, ERROR_INVALID, reader->event.start_mark, "an alias contains itself");
    if (!count_node(reader, anchor->node_count))
        return false;
    struct cJSON copy = *json_copy(reader->arena, anchor->node);
    json_node_take_key(&copy, node);
    *node = copy;
    return true;
}

static struct anchor *open_anchor(struct reader *reader, const yaml_char_t *name,
                                  struct cJSON *node) {
    if (!name)
        return NULL;
    struct anchor *anchor = ARENA_NEW(reader->arena, struct anchor);
    *anchor = (struct anchor){node, reader->node_count, true};
    map_put(reader->anchors, sv_from((const char *)name), anchor);
    return anchor;
}

static bool read_collection(struct reader *reader, struct cJSON *node, bool is_map) {
    if (reader->depth == YAML_DEPTH_MAX)
        return fail(reader, ERROR_TOO_LARGE, reader->event.start_mark,
                    "nested deeper than 64 levels");
    const yaml_char_t *name =
        is_map ? reader->event.data.mapping_start.anchor : reader->event.data.sequence_start.anchor;
    struct anchor *anchor = open_anchor(reader, name, node);
    reader->depth++;
    bool held = is_map ? read_map(reader, node) : read_list(reader, node);
    reader->depth--;
    if (anchor) {
        anchor->node_count = reader->node_count - anchor->node_count + 1;
        anchor->is_open = false;
    }
    return held;
}

/* Reads the value that the current event begins; leaves its last event current. */
static bool read_node(struct reader *reader, struct cJSON *node) {
    if (!count_node(reader, 1))
        return false;
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT: {
        struct anchor *anchor = open_anchor(reader, reader->event.data.scalar.anchor, node);
        if (anchor)
            *anchor = (struct anchor){node, 1, false};
        return set_scalar(reader, node);
    }
    case YAML_ALIAS_EVENT:
        return read_alias(reader, node);
    case YAML_MAPPING_START_EVENT:
        return read_collection(reader, node, true);
    case YAML_SEQUENCE_START_EVENT:
        return read_collection(reader, node, false);
    default:
        return fail(reader, ERROR_INVALID, reader->event.start_mark, "a value was expected");
    }
}

/* Between the document's start and end events. */
static bool read_document(struct reader *reader) {
    if (reader->roots.count == YAML_DOCUMENTS_MAX)
        return fail(reader, ERROR_TOO_LARGE, reader->event.start_mark, "more than 10000 documents");
    map_free(reader->anchors);
    reader->anchors = map_new();
    if (!next_event(reader))
        return false;
    struct cJSON *root = json_node_new(reader->arena);
    keep_place(reader, root, reader->event.start_mark, position(reader->event.start_mark));
    bool is_empty = reader->event.type == YAML_SCALAR_EVENT &&
                    reader->event.data.scalar.length == 0 && !is_text(&reader->event);
    if (!read_node(reader, root))
        return false;
    vec_push(&reader->roots, is_empty ? NULL : root);
    return next_event(reader);
}

static bool read_stream(struct reader *reader) {
    do {
        if (!next_event(reader))
            return false;
        if (reader->event.type == YAML_DOCUMENT_START_EVENT && !read_document(reader))
            return false;
    } while (reader->event.type != YAML_STREAM_END_EVENT);
    return true;
}

static int compare_places(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const struct place *)a)->node;
    uintptr_t y = (uintptr_t)((const struct place *)b)->node;
    return x < y ? -1 : x > y;
}

static void hand_out(struct reader *reader, struct yaml_documents *ret_documents) {
    struct arena *arena = reader->arena;
    struct place *places =
        arena_copy_items(arena, reader->places.items, reader->places.count, sizeof(*places));
    qsort(places, reader->places.count, sizeof(*places), compare_places);
    struct yaml_positions *positions = ARENA_NEW(arena, struct yaml_positions);
    *positions = (struct yaml_positions){places, reader->places.count};
    *ret_documents = (struct yaml_documents){
        .roots = arena_copy_items(arena, reader->roots.items, reader->roots.count,
                                  sizeof(*reader->roots.items)),
        .count = reader->roots.count,
        .positions = positions,
        .remarks = arena_copy_items(arena, reader->remarks.items, reader->remarks.count,
                                    sizeof(*reader->remarks.items)),
        .remark_count = reader->remarks.count,
    };
}

/* libyaml reports bad bytes by offset only, and takes UTF-16 for a BOM. */
static bool check_bytes(struct sv text, struct error *err) {
    if (text.len > YAML_BYTES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "%zu bytes of YAML, limit is %d", text.len,
                         YAML_BYTES_MAX);
    size_t valid = utf8_valid_bytes(text);
    for (size_t i = 0; i < valid; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) {
            valid = i;
            break;
        }
    }
    if (valid == text.len)
        return true;
    size_t line = 1, column = 1;
    for (size_t i = 0; i < valid; i++) {
        column = text.ptr[i] == '\n' ? 1 : column + 1;
        line += text.ptr[i] == '\n';
    }
    bool is_control = (unsigned char)text.ptr[valid] < 0x80;
    return error_set(err, ERROR_INVALID, "%zu:%zu: %s", line, column,
                     is_control ? "a control character" : "bytes that are not UTF-8");
}

bool yaml_read(struct arena *arena, struct sv text, struct yaml_documents *ret_documents,
               struct error *err) {
    if (!check_bytes(text, err))
        return false;
    struct reader reader = {.arena = arena, .err = err};
    if (!yaml_parser_initialize(&reader.parser))
        abort();
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.ptr, text.len);
    bool held = read_stream(&reader);
    if (held)
        hand_out(&reader, ret_documents);
    if (reader.has_event)
        yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    map_free(reader.anchors);
    vec_release(&reader.places);
    vec_release(&reader.remarks);
    vec_release(&reader.roots);
    return held;
}

static const struct place *find_place(const struct yaml_positions *positions,
                                      const struct cJSON *node) {
    struct place wanted = {.node = node};
    if (!positions || positions->count == 0)
        return NULL;
    return bsearch(&wanted, positions->places, positions->count, sizeof(wanted), compare_places);
}

struct yaml_position yaml_position_of(const struct yaml_positions *positions,
                                      const struct cJSON *item) {
    const struct place *place = find_place(positions, item);
    return place ? place->value : (struct yaml_position){0, 0};
}

struct yaml_position yaml_key_position_of(const struct yaml_positions *positions,
                                          const struct cJSON *member) {
    const struct place *place = find_place(positions, member);
    return place ? place->key : (struct yaml_position){0, 0};
}
