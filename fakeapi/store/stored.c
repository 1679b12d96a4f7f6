/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/stored.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/mem.h"
#include "core/data/frozen.h"
#include "core/data/frozen_pool.h"
#include "core/data/json.h"

static struct stored_list *list_of(const struct stored *stored) {
    return stored->is_shared ? &stored->trees->shared : &stored->trees->own;
}

static void unlink_tree(struct stored *stored) {
    struct stored_list *list = list_of(stored);
    LIST_REMOVE(list, stored);
    if (!stored->is_shared)
        stored->trees->bytes -= frozen_bytes(stored->tree);
}

static void link_newest(struct stored *stored, bool is_shared) {
    stored->is_shared = is_shared;
    struct stored_list *list = list_of(stored);
    LIST_APPEND(list, stored);
    if (!is_shared)
        stored->trees->bytes += frozen_bytes(stored->tree);
}

static void move(struct stored *stored, bool is_shared) {
    unlink_tree(stored);
    link_newest(stored, is_shared);
}

static struct sv put_text(char **end, struct sv text) {
    struct sv copy = {*end, text.len};
    memcpy(*end, text.ptr, text.len);
    *end += text.len;
    return copy;
}

struct stored *stored_new(struct trees *trees, const struct cJSON *tree, uint64_t revision) {
    struct sv namespace_name = object_namespace(tree), name = object_name(tree);
    struct sv uid = object_uid(tree);
    struct stored *stored = mem_alloc(sizeof(*stored) + namespace_name.len + name.len + uid.len);
    char *end = (char *)(stored + 1);
    *stored = (struct stored){
        .reference_count = 1,
        .revision = revision,
        .namespace_name = put_text(&end, namespace_name),
        .name = put_text(&end, name),
        .uid = put_text(&end, uid),
        .trees = trees,
        .tree = frozen_pool_add(trees->pool, tree),
    };
    trees->added_count++;
    link_newest(stored, false);
    return stored;
}

struct stored *stored_ref(struct stored *stored) {
    stored->reference_count++;
    return stored;
}

static void drop_tree(struct stored *stored) {
    unlink_tree(stored);
    frozen_unref(stored->tree);
    stored->tree = NULL;
}

void stored_unref(struct stored *stored) {
    if (!stored || --stored->reference_count > 0)
        return;
    if (stored->tree)
        drop_tree(stored);
    stored->trees->text_bytes -= stored->byte_count;
    mem_free(stored->bytes);
    mem_free(stored);
}

const struct cJSON *stored_look(const struct stored *stored, struct arena *arena) {
    if (stored->tree)
        return frozen_root(stored->tree);
    struct error err = {0};
    const struct cJSON *tree =
        json_read(arena, (struct sv){stored->bytes, stored->byte_count}, &err);
    assert(tree);
    return tree;
}

const struct cJSON *stored_tree(struct stored *stored) {
    if (stored->tree) {
        move(stored, stored->is_shared);
        return frozen_root(stored->tree);
    }
    AUTO(arena) arena = arena_new();
    stored->tree = frozen_pool_add(stored->trees->pool, stored_look(stored, arena));
    stored->trees->added_count++;
    link_newest(stored, false);
    return frozen_root(stored->tree);
}

struct sv stored_text(struct stored *stored) {
    if (!stored->bytes) {
        struct buf buf;
        buf_init(&buf, SIZE_MAX / 4);
        bool fits = json_write(&buf, frozen_root(stored->tree), JSON_COMPACT);
        assert(fits);
        struct sv text = buf_view(&buf);
        stored->bytes = mem_alloc(text.len);
        memcpy(stored->bytes, text.ptr, text.len);
        stored->byte_count = text.len;
        stored->trees->text_bytes += text.len;
        buf_release(&buf);
    }
    return (struct sv){stored->bytes, stored->byte_count};
}

struct sv stored_text_at_hand(const struct stored *stored) {
    return stored->bytes ? (struct sv){stored->bytes, stored->byte_count} : SV("");
}

size_t stored_bytes(const struct stored *stored) {
    return stored->byte_count + (stored->tree ? frozen_bytes(stored->tree) : 0);
}

static void let_rest(struct stored *stored) {
    stored_text(stored);
    drop_tree(stored);
}

/* Of the shared ones as many are looked at as keep up with those that come, and not all of them
 * again and again. */
static void look_at_shared(struct trees *trees) {
    enum { LOOKS_MIN = 2 };
    size_t looks = 2 * trees->added_count + LOOKS_MIN;
    trees->added_count = 0;
    for (; looks > 0 && trees->shared.first; looks--)
        move(trees->shared.first, frozen_is_shared(trees->shared.first->tree));
}

void trees_trim(struct trees *trees) {
    look_at_shared(trees);
    while (trees->bytes > trees->bytes_max) {
        struct stored *stored = trees->own.first;
        if (frozen_is_shared(stored->tree))
            move(stored, true);
        else
            let_rest(stored);
    }
}
