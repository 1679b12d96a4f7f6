/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/list_text.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/schema/protobuf.h"
#include "fakeapi/server/server_parts.h"
#include "fakeapi/server/table.h"
#include "fakeapi/store/stored.h"

enum {
    /* What looking at a text that is there already costs, in bytes written. */
    LOOK_BYTES = 64,
    /* And one byte of protobuf, for which the object's tree may have to be read. */
    PROTOBUF_BYTE_COST = 4,
    /* Of a row, which is made of the whole object. */
    ROW_BYTE_COST = 8,
    PROTOBUF_BYTES_MAX = 256 * 1024 * 1024,
};

struct list_item {
    struct stored *object; /* NULL: there is only the text */
    struct sv text;        /* what is shown of it, once it is prepared */
    char *owned;           /* the text's memory, unless it is the object's */
};

struct list_text {
    const struct resource_type *protobuf_type; /* NULL: JSON */
    const struct resource_type *table_type;    /* NULL: no Table */
    struct table_options table;
    bool is_broken;
    size_t skipped_bytes;
    VEC(struct list_item) items;
    size_t prepared_count;
    size_t bytes; /* of the frame and of what is prepared */
    char *frame, *protobuf_head;
    struct sv frame_text, head, tail;
    size_t segment_index, segment_offset; /* what is read next */
};

struct list_text *list_text_new(size_t skipped_bytes) {
    struct list_text *list = mem_alloc(sizeof(*list));
    list->skipped_bytes = skipped_bytes;
    return list;
}

struct list_text *list_text_new_protobuf(const struct resource_type *type) {
    struct list_text *list = mem_alloc(sizeof(*list));
    list->protobuf_type = type;
    return list;
}

struct list_text *list_text_new_table(const struct resource_type *type,
                                      const struct table_options *options) {
    struct list_text *list = mem_alloc(sizeof(*list));
    list->table_type = type;
    list->table = *options;
    return list;
}

bool list_text_is_protobuf(const struct list_text *list) {
    return list->protobuf_type != NULL;
}

void list_text_free(struct list_text *list) {
    if (!list)
        return;
    for (size_t i = 0; i < list->items.count; i++) {
        mem_free(list->items.items[i].owned);
        stored_unref(list->items.items[i].object);
    }
    vec_release(&list->items);
    mem_free(list->frame);
    mem_free(list->protobuf_head);
    mem_free(list);
}

void list_text_add(struct list_text *list, struct stored *object) {
    vec_push(&list->items, (struct list_item){.object = stored_ref(object), .text = SV("")});
}

void list_text_add_copy(struct list_text *list, struct sv text) {
    char *copy = mem_copy_text(text);
    assert(!list->protobuf_type);
    vec_push(&list->items, (struct list_item){.text = {copy, text.len}, .owned = copy});
}

void list_text_set_frame(struct list_text *list, struct sv empty_list) {
    assert(!list->frame && sv_ends_with(empty_list, SV("[]}")));
    list->frame = mem_copy_text(empty_list);
    list->frame_text = (struct sv){list->frame, empty_list.len};
    if (list->protobuf_type)
        return; /* its head tells how much follows */
    list->tail = SV("]}\n");
    list->head = (struct sv){list->frame, empty_list.len - (sizeof("]}") - 1)};
    list->bytes += list->head.len + list->tail.len;
}

/* --- as a row of segments: the head, what leads to an item and the item for each, the tail --- */

/* A copy is whole, and an object lacks the brace that went with what is left out. */
static struct sv lead(const struct list_text *list, size_t index) {
    if (list->protobuf_type)
        return SV("");
    bool lacks_brace = list->skipped_bytes > 0 && list->items.items[index].object;
    return sv_drop(lacks_brace ? SV(",{") : SV(","), index == 0);
}

static struct sv segment(const struct list_text *list, size_t index) {
    if (index == 0)
        return list->head;
    size_t item = (index - 1) / 2;
    if (item == list->items.count)
        return list->tail;
    return index % 2 == 1 ? lead(list, item) : list->items.items[item].text;
}

static size_t segment_count(const struct list_text *list) {
    return 2 * list->items.count + 2;
}

/* --- reading --- */

/* Tells what it cost. */
static size_t encode_item(struct list_text *list, struct list_item *item) {
    const struct resource_type *type = list->protobuf_type;
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf buf;
    struct cJSON *one = json_map(arena);
    json_set_string(arena, one, SV("kind"), type->list_kind);
    json_set_string(arena, one, SV("apiVersion"), resource_api_version(&type->resource, arena));
    json_append(json_ensure_list(arena, one, SV("items")),
                json_share(arena, present(arena, type, &(struct request){0},
                                          stored_look(item->object, arena))));
    buf_init(&buf, PROTOBUF_BYTES_MAX);
    if (!protobuf_encode_item(one, &buf, &err))
        list->is_broken = true;
    item->owned = mem_copy_text(buf_view(&buf));
    item->text = (struct sv){item->owned, buf_view(&buf).len};
    buf_release(&buf);
    return LOOK_BYTES + PROTOBUF_BYTE_COST * item->text.len;
}

static size_t make_row(struct list_text *list, struct list_item *item) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *shown =
        present(arena, list->table_type, &(struct request){0}, stored_look(item->object, arena));
    struct sv text = json_write_arena(
        arena, table_row_of(list->table_type, shown, &list->table, arena), JSON_COMPACT);
    item->owned = mem_copy_text(text);
    item->text = (struct sv){item->owned, text.len};
    return LOOK_BYTES + ROW_BYTE_COST * text.len;
}

static size_t find_text(const struct list_text *list, struct list_item *item) {
    size_t made = stored_text_at_hand(item->object).len > 0 ? 0 : stored_text(item->object).len;
    item->text = sv_drop(stored_text(item->object), list->skipped_bytes);
    return LOOK_BYTES + made;
}

static size_t prepare_item(struct list_text *list, size_t index) {
    struct list_item *item = &list->items.items[index];
    size_t cost = !item->object         ? LOOK_BYTES
                  : list->protobuf_type ? encode_item(list, item)
                  : list->table_type    ? make_row(list, item)
                                        : find_text(list, item);
    list->bytes += lead(list, index).len + item->text.len;
    return cost;
}

static void make_protobuf_head(struct list_text *list) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct buf buf;
    buf_init(&buf, PROTOBUF_BYTES_MAX);
    const struct cJSON *empty = json_read(arena, list->frame_text, &err);
    bool fits = empty && protobuf_encode_list_begin(empty, list->bytes, &buf, &err);
    assert(fits);
    list->protobuf_head = mem_copy_text(buf_view(&buf));
    list->head = (struct sv){list->protobuf_head, buf_view(&buf).len};
    list->tail = protobuf_list_end();
    list->bytes += list->head.len + list->tail.len;
    buf_release(&buf);
}

bool list_text_prepare(struct list_text *list, size_t bytes) {
    for (size_t cost = 0; cost < bytes && list->prepared_count < list->items.count;)
        cost += prepare_item(list, list->prepared_count++);
    bool is_done = list->prepared_count == list->items.count;
    if (is_done && list->protobuf_type && !list->protobuf_head)
        make_protobuf_head(list);
    return is_done;
}

bool list_text_is_broken(const struct list_text *list) {
    return list->is_broken;
}

size_t list_text_bytes(const struct list_text *list) {
    assert(list->frame && list->prepared_count == list->items.count);
    return list->bytes;
}

size_t list_text_read(struct list_text *list, char *to, size_t size) {
    size_t len = 0;
    assert(list->frame && list->prepared_count == list->items.count);
    while (len < size && list->segment_index < segment_count(list)) {
        struct sv rest = sv_drop(segment(list, list->segment_index), list->segment_offset);
        struct sv piece = sv_prefix(rest, size - len);
        if (piece.len > 0)
            memcpy(to + len, piece.ptr, piece.len);
        len += piece.len;
        list->segment_offset += piece.len;
        if (piece.len == rest.len) {
            list->segment_index++;
            list->segment_offset = 0;
        }
    }
    return len;
}
