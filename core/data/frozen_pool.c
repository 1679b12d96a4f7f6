/* SPDX-License-Identifier: Apache-2.0 */
#include "core/data/frozen_pool.h"

#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/frozen.h"
#include "core/data/frozen_block.h"
#include "core/data/json.h"
#include "core/data/json_node.h"
#include "core/data/json_pack.h"

enum {
    /* A part costs a head, a root and a place in a list: less is not worth it. */
    PART_NODES_MIN = 4,
    SLOT_COUNT_FIRST = 1024,
    /* Hashes of parts that were met once. What falls out is shared one meeting later. */
    MET_COUNT = 16384,
};

/* What is known of a map or list that is not empty. */
struct shape {
    uint64_t hash;
    uint32_t node_count;  /* with itself; what a known part holds does not count */
    uint32_t text_bytes;  /* without its key */
    uint32_t shape_count; /* with itself: those below follow it */
    struct frozen *known; /* the part that it is already, of which nothing was looked at */
    struct frozen *part;  /* NULL: copied */
};

struct frozen_pool {
    _Atomic size_t reference_count; /* parts, and the owner */
    /* Parts that nobody refers to any more: other threads leave them here, and whoever adds to the
     * pool takes them out, so that the table is one thread's alone. */
    struct frozen *_Atomic dead;
    bool has_no_owner; /* nobody adds any more: the last one that lets go does it */
    struct frozen **slots;
    /* For each slot a bit for each part in it (mark_of()): of most values there is none, which this
     * tells without a look at parts that are in no cache. */
    uint8_t *marks;
    size_t slot_count; /* a power of two */
    size_t part_count, part_bytes;
    uint64_t met[MET_COUNT];
    VEC(struct shape) shapes; /* of what is being added, in the order in which they stand */
};

struct frozen_pool *frozen_pool_new(void) {
    struct frozen_pool *pool = mem_alloc(sizeof(*pool));
    pool->reference_count = 1;
    pool->slot_count = SLOT_COUNT_FIRST;
    pool->slots = mem_alloc(sizeof(struct frozen *) * SLOT_COUNT_FIRST);
    pool->marks = mem_alloc(SLOT_COUNT_FIRST);
    return pool;
}

static void release(struct frozen_pool *pool) {
    if (atomic_fetch_sub_explicit(&pool->reference_count, 1, memory_order_acq_rel) > 1)
        return;
    vec_release(&pool->shapes);
    mem_free(pool->slots);
    mem_free(pool->marks);
    mem_free(pool);
}

static void bury(struct frozen_pool *pool);

void frozen_pool_free(struct frozen_pool *pool) {
    if (!pool)
        return;
    bury(pool);
    pool->has_no_owner = true;
    release(pool);
}

size_t frozen_pool_part_count(struct frozen_pool *pool) {
    bury(pool);
    return pool->part_count;
}

size_t frozen_pool_part_bytes(struct frozen_pool *pool) {
    bury(pool);
    return pool->part_bytes;
}

/* --- the table of parts --- */

static size_t slot_of(const struct frozen_pool *pool, uint64_t hash) {
    return hash & (pool->slot_count - 1);
}

/* By bits that do not tell the slot. */
static uint8_t mark_of(uint64_t hash) {
    return (uint8_t)(1 << (hash >> 61));
}

static void link_part(struct frozen_pool *pool, struct frozen *part) {
    size_t slot = slot_of(pool, part->hash);
    part->next = pool->slots[slot];
    pool->slots[slot] = part;
    pool->marks[slot] |= mark_of(part->hash);
}

static void unlink_part(struct frozen_pool *pool, struct frozen *part) {
    size_t slot = slot_of(pool, part->hash);
    struct frozen **link = &pool->slots[slot];
    while (*link != part)
        link = &(*link)->next;
    *link = part->next;
    pool->marks[slot] = 0;
    for (const struct frozen *left = pool->slots[slot]; left; left = left->next)
        pool->marks[slot] |= mark_of(left->hash);
}

static void grow(struct frozen_pool *pool) {
    struct frozen **old = pool->slots;
    size_t old_count = pool->slot_count;
    pool->slot_count *= 2;
    pool->slots = mem_alloc(sizeof(struct frozen *) * pool->slot_count);
    mem_free(pool->marks);
    pool->marks = mem_alloc(pool->slot_count);
    for (size_t i = 0; i < old_count; i++) {
        for (struct frozen *part = old[i], *next; part; part = next) {
            next = part->next;
            link_part(pool, part);
        }
    }
    mem_free(old);
}

static void remember(struct frozen_pool *pool, struct frozen *part, uint64_t hash) {
    if (pool->part_count == pool->slot_count)
        grow(pool);
    part->pool = pool;
    part->hash = hash;
    link_part(pool, part);
    pool->reference_count++;
    pool->part_count++;
    pool->part_bytes += part->bytes;
}

static void forget(struct frozen_pool *pool, struct frozen *part) {
    unlink_part(pool, part);
    pool->part_count--;
    pool->part_bytes -= part->bytes;
    frozen_block_free(part);
    release(pool);
}

/* Those that dead parts referred to may be dead then, too. */
static void bury(struct frozen_pool *pool) {
    struct frozen *dead;
    while ((dead = atomic_exchange_explicit(&pool->dead, NULL, memory_order_acquire)))
        for (struct frozen *next; dead; dead = next) {
            next = dead->next_dead;
            forget(pool, dead);
        }
}

void frozen_pool_forget(struct frozen_pool *pool, struct frozen *part) {
    if (pool->has_no_owner) {
        forget(pool, part);
        return;
    }
    part->next_dead = atomic_load_explicit(&pool->dead, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&pool->dead, &part->next_dead, part,
                                                  memory_order_release, memory_order_relaxed))
        ;
}

/* Whether one could stand for the other: stricter than json_equal(). */
static bool is_same(const struct cJSON *a, const struct cJSON *b) {
    if ((a->type & JSON_TYPE_MASK) != (b->type & JSON_TYPE_MASK) ||
        !sv_eq(json_text(a), json_text(b)))
        return false;
    if (a->child == b->child)
        return true;
    const struct cJSON *x = a->child, *y = b->child;
    for (; x && y; x = x->next, y = y->next)
        if (!json_node_same_key(x, y) || !is_same(x, y))
            return false;
    return x == y;
}

/* A reference to it, or NULL. */
static struct frozen *find(const struct frozen_pool *pool, const struct cJSON *item,
                           uint64_t hash) {
    size_t slot = slot_of(pool, hash);
    struct frozen *part = pool->marks[slot] & mark_of(hash) ? pool->slots[slot] : NULL;
    /* One that is dead by now is not there any more: another one is made. */
    while (part &&
           !(part->hash == hash && is_same(frozen_root(part), item) && frozen_try_ref(part)))
        part = part->next;
    return part;
}

/* --- hashes and sizes --- */

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* Of the eight bytes from `text` on. */
static uint64_t eight_bytes(const char *text) {
    uint64_t bytes;
    memcpy(&bytes, text, sizeof(bytes));
    return le64toh(bytes);
}

/* The word has the first seven bytes. What is behind them is mostly short, and then eight or
 * sixteen bytes that may overlap with them and each other. */
static uint64_t hash_of_text(uint64_t hash, struct sv text) {
    enum { FEW = KEY_WORD_BYTES + 8, MORE = KEY_WORD_BYTES + 16 };
    hash = mix(hash, json_text_word(text));
    if (text.len <= KEY_WORD_BYTES)
        return hash;
    if (text.len > MORE)
        return mix(hash, sv_hash(text));
    if (text.len > FEW)
        hash = mix(hash, eight_bytes(text.ptr + KEY_WORD_BYTES));
    return mix(hash, eight_bytes(text.ptr + text.len - 8));
}

/* The part whose members a value has, since it was borrowed from one that the pool froze. */
static struct frozen *known_part(const struct frozen_pool *pool, const struct cJSON *item) {
    if (!(item->type & FROZEN_PART))
        return NULL;
    struct frozen *part = frozen_of(item->child - 1); /* members come right behind their root */
    assert(part);
    return part->pool == pool ? part : NULL;
}

/* Of a value without what is below it. */
static uint64_t own_hash(const struct cJSON *item) {
    uint64_t hash = (uint64_t)(item->type & JSON_TYPE_MASK);
    bool has_text = json_is_string(item) || json_is_number(item);
    return has_text ? hash_of_text(hash, json_text(item)) : hash;
}

static struct shape look_at(struct frozen_pool *pool, const struct cJSON *item);

/* Adds the members to `shape`. */
static void look_below(struct frozen_pool *pool, const struct cJSON *item, struct shape *shape) {
    JSON_EACH (child, item) {
        if (child->string)
            shape->hash = hash_of_text(shape->hash, json_node_key(child));
        shape->text_bytes += (uint32_t)json_pack_key_bytes(child);
        if (!child->child) {
            shape->hash = mix(shape->hash, own_hash(child));
            shape->node_count++;
            shape->text_bytes += (uint32_t)json_pack_text_bytes(child);
            continue;
        }
        struct shape below = look_at(pool, child);
        shape->hash = mix(shape->hash, below.hash);
        shape->node_count += below.node_count;
        shape->text_bytes += below.text_bytes;
    }
}

/* `item` has something below it. */
static struct shape look_at(struct frozen_pool *pool, const struct cJSON *item) {
    struct shape shape = {.hash = own_hash(item), .node_count = 1};
    size_t index = pool->shapes.count;
    shape.known = known_part(pool, item);
    vec_push(&pool->shapes, shape);
    if (shape.known)
        shape.hash = shape.known->hash;
    else
        look_below(pool, item, &shape);
    shape.shape_count = (uint32_t)(pool->shapes.count - index);
    pool->shapes.items[index] = shape;
    return shape;
}

/* --- what becomes a part --- */

/* One value that is frozen: the whole, or a part that is met for the second time. */
struct freezing {
    struct frozen_pool *pool;
    size_t first, cursor; /* in pool->shapes */
    size_t node_count, text_bytes, part_count;
    struct frozen *frozen;
    bool is_part;
};

static struct frozen *freeze(struct frozen_pool *pool, const struct cJSON *item, size_t first,
                             bool is_part);

/* A new part borrows from older ones only: what is met only in it would gain nothing. */
static struct frozen *part_of(struct freezing *freezing, const struct cJSON *item, size_t index) {
    struct frozen_pool *pool = freezing->pool;
    uint64_t hash = pool->shapes.items[index].hash;
    struct frozen *part = find(pool, item, hash);
    if (part)
        return part;
    uint64_t *met = &pool->met[hash % MET_COUNT];
    if (freezing->is_part)
        return NULL;
    if (*met != hash) {
        *met = hash;
        return NULL;
    }
    part = freeze(pool, item, index, true);
    remember(pool, part, hash);
    return part;
}

static void choose_parts(struct freezing *freezing, const struct cJSON *item) {
    size_t index = freezing->cursor;
    struct shape *shape = &freezing->pool->shapes.items[index];
    shape->part = NULL;
    if (shape->known)
        shape->part = frozen_ref(shape->known);
    else if (index != freezing->first && shape->node_count >= PART_NODES_MIN)
        shape->part = part_of(freezing, item, index);
    if (shape->part) {
        freezing->part_count++;
        freezing->node_count -= shape->node_count - 1;
        freezing->text_bytes -= shape->text_bytes;
        freezing->cursor += shape->shape_count;
        return;
    }
    freezing->cursor++;
    JSON_EACH (child, item) {
        if (child->child)
            choose_parts(freezing, child);
    }
}

static const struct cJSON *next_part(void *context, const struct cJSON *item) {
    struct freezing *freezing = context;
    const struct shape *shape = &freezing->pool->shapes.items[freezing->cursor];
    (void)item;
    freezing->cursor += shape->part ? shape->shape_count : 1;
    if (!shape->part)
        return NULL;
    freezing->frozen->parts[freezing->part_count++] = shape->part;
    return frozen_root(shape->part);
}

/* `first` is where the shape of `item` stands. */
static struct frozen *freeze(struct frozen_pool *pool, const struct cJSON *item, size_t first,
                             bool is_part) {
    const struct shape *shape = &pool->shapes.items[first];
    struct freezing freezing = {
        .pool = pool,
        .first = first,
        .cursor = first,
        .node_count = shape->node_count,
        .text_bytes = shape->text_bytes,
        .is_part = is_part,
    };
    choose_parts(&freezing, item);
    freezing.frozen =
        frozen_block_new(freezing.node_count, freezing.part_count, freezing.text_bytes);
    freezing.cursor = first;
    freezing.part_count = 0;
    struct cJSON *root = frozen_block_root(freezing.frozen);
    json_pack_parts(item, root, frozen_block_texts(freezing.frozen, freezing.node_count),
                    JSON_FROZEN, next_part, &freezing, FROZEN_PART);
    assert(freezing.part_count == freezing.frozen->part_count);
    root->type |= FROZEN_ROOT;
    return freezing.frozen;
}

struct frozen *frozen_pool_add(struct frozen_pool *pool, const struct cJSON *item) {
    if (!item->child)
        return frozen_new(item);
    bury(pool);
    pool->shapes.count = 0;
    look_at(pool, item);
    return freeze(pool, item, 0, false);
}
