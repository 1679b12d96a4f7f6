/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/list_text.h"

#include "core/base/mem.h"
#include "core/base/vec.h"
#include "fakeapi/store/stored.h"

/* What looking at a text that is there already costs, in bytes written. */
enum { LOOK_BYTES = 64 };

struct list_item {
    struct stored *object; /* NULL: the text is its own */
    struct sv text;        /* what is shown of it, once it is prepared */
};

struct list_text {
    size_t skipped_bytes;
    VEC(struct list_item) items;
    size_t prepared_count;
    size_t bytes; /* of the frame and of what is prepared */
    char *frame;
    struct sv head, tail;
    size_t segment_index, segment_offset; /* what is read next */
};

struct list_text *list_text_new(size_t skipped_bytes) {
    struct list_text *list = mem_alloc(sizeof(*list));
    list->skipped_bytes = skipped_bytes;
    return list;
}

void list_text_free(struct list_text *list) {
    if (!list)
        return;
    for (size_t i = 0; i < list->items.count; i++) {
        struct list_item *item = &list->items.items[i];
        if (!item->object)
            mem_free((char *)(uintptr_t)item->text.ptr);
        stored_unref(item->object);
    }
    vec_release(&list->items);
    mem_free(list->frame);
    mem_free(list);
}

void list_text_add(struct list_text *list, struct stored *object) {
    vec_push(&list->items, (struct list_item){stored_ref(object), SV("")});
}

void list_text_add_copy(struct list_text *list, struct sv text) {
    vec_push(&list->items, (struct list_item){NULL, {mem_copy_text(text), text.len}});
}

void list_text_set_frame(struct list_text *list, struct sv empty_list) {
    assert(!list->frame && sv_ends_with(empty_list, SV("[]}")));
    list->tail = SV("]}\n");
    list->frame = mem_copy_text(empty_list);
    list->head = (struct sv){list->frame, empty_list.len - (sizeof("]}") - 1)};
    list->bytes += list->head.len + list->tail.len;
}

/* --- as a row of segments: the head, what leads to an item and the item for each, the tail --- */

/* A copy is whole, and an object lacks the brace that went with what is left out. */
static struct sv lead(const struct list_text *list, size_t index) {
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
static size_t prepare_item(struct list_text *list, size_t index) {
    struct list_item *item = &list->items.items[index];
    size_t cost = LOOK_BYTES;
    if (item->object) {
        cost += stored_text_at_hand(item->object).len > 0 ? 0 : stored_text(item->object).len;
        item->text = sv_drop(stored_text(item->object), list->skipped_bytes);
    }
    list->bytes += lead(list, index).len + item->text.len;
    return cost;
}

bool list_text_prepare(struct list_text *list, size_t bytes) {
    for (size_t cost = 0; cost < bytes && list->prepared_count < list->items.count;)
        cost += prepare_item(list, list->prepared_count++);
    return list->prepared_count == list->items.count;
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
