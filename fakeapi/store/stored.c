/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/store/stored.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/data/frozen.h"
#include "core/data/json.h"

static void unlink_tree(struct stored *stored) {
    struct trees *trees = stored->trees;
    *(stored->older ? &stored->older->newer : &trees->oldest) = stored->newer;
    *(stored->newer ? &stored->newer->older : &trees->newest) = stored->older;
    stored->older = stored->newer = NULL;
}

static void link_newest(struct stored *stored) {
    struct trees *trees = stored->trees;
    stored->older = trees->newest;
    stored->newer = NULL;
    *(trees->newest ? &trees->newest->newer : &trees->oldest) = stored;
    trees->newest = stored;
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
        .tree = frozen_new(tree),
    };
    trees->bytes += frozen_bytes(stored->tree);
    link_newest(stored);
    return stored;
}

struct stored *stored_ref(struct stored *stored) {
    stored->reference_count++;
    return stored;
}

static void drop_tree(struct stored *stored) {
    stored->trees->bytes -= frozen_bytes(stored->tree);
    unlink_tree(stored);
    frozen_unref(stored->tree);
    stored->tree = NULL;
}

void stored_unref(struct stored *stored) {
    if (!stored || --stored->reference_count > 0)
        return;
    if (stored->tree)
        drop_tree(stored);
    mem_free(stored->bytes);
    mem_free(stored);
}

const struct cJSON *stored_tree(struct stored *stored) {
    if (stored->tree) {
        unlink_tree(stored);
        link_newest(stored);
        return frozen_root(stored->tree);
    }
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *tree =
        json_read(arena, (struct sv){stored->bytes, stored->byte_count}, &err);
    assert(tree);
    stored->tree = frozen_new(tree);
    stored->trees->bytes += frozen_bytes(stored->tree);
    link_newest(stored);
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
        buf_release(&buf);
    }
    return (struct sv){stored->bytes, stored->byte_count};
}

static void let_rest(struct stored *stored) {
    stored_text(stored);
    drop_tree(stored);
}

size_t stored_held_bytes(const struct stored *stored) {
    return sizeof(*stored) + stored->byte_count + (stored->tree ? frozen_bytes(stored->tree) : 0);
}

/* One that somebody else holds, too, would give nothing back: it moves to the end of the line. */
void trees_trim(struct trees *trees) {
    struct stored *last = trees->newest;
    while (trees->bytes > trees->bytes_max && trees->oldest) {
        struct stored *stored = trees->oldest;
        if (frozen_is_shared(stored->tree)) {
            unlink_tree(stored);
            link_newest(stored);
        } else {
            let_rest(stored);
        }
        if (stored == last)
            return;
    }
}
