/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cache/cache_store.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/data/alike.h"
#include "core/data/frozen.h"
#include "core/data/json.h"

/* How many of the watch's last versions an entry remembers: an answer may arrive after the watch
 * delivered its version, and a few more. */
enum { SEEN_VERSIONS = 8 };

/* Of so many groups an object is read by the plans of many runtimes: a node by those of all caches
 * on it. It is large then, and stays a tree rather than be read again by each. */
enum { POPULAR_GROUPS_MIN = 16 };

/* Of how many objects that have ended the uid is remembered. */
enum { GONE_UIDS = 1024 };

/* One state of an object: a tree, or the bytes that it was packed to when it had not been used for
 * a while, or both when it was used again. Neither: there is none. */
struct state {
    struct sv bytes; /* of alike_pack() */
    struct frozen *tree;
    bool is_lent;    /* the tree is held by whoever delivered it, too: it stays */
    bool is_popular; /* it stays, too */
    bool is_in_use;  /* it, or one before it, was read since cache_store_rest() */
};

/* An object's place in a group, and what the group sees of it. */
struct membership {
    struct group *group;
    struct entry *entry;
    struct membership *previous, *next; /* in the group, in the order in which they came */
    uint64_t aspect;
};

struct group {
    struct membership *first, *last; /* a group without members is freed */
    size_t name_len;
    char name[];
};

struct overlay {
    int64_t until_ms;
    struct state watched; /* the watch's last state, if any */
};

/* There are a dozen for each runtime, so that every member counts. */
struct entry {
    struct cached seen;            /* what readers get; must be first */
    char *block;                   /* the texts of `seen` */
    struct state state;            /* the object; none while hidden */
    struct entry *previous, *next; /* among those whose tree may go, by last use */
    struct membership *memberships;
    struct overlay *overlay; /* mostly NULL */
    uint32_t membership_count;
    uint32_t version_count;
    uint32_t versions[SEEN_VERSIONS]; /* hashes */
};

/* Trees of entries that may go, the least recently used one first. */
struct tree_list {
    struct entry *first, *last;
    size_t bytes;
};

/* What nobody uses makes room for its like only: objects of runtimes that are not begun come by
 * the thousand, and would push out those of the few that are. */
enum { TREES_RESTING, TREES_IN_USE, TREE_LISTS };
static const size_t tree_bytes_max[TREE_LISTS] = {
    [TREES_RESTING] = CACHE_RESTING_BYTES_MAX,
    [TREES_IN_USE] = CACHE_TREE_BYTES_MAX,
};

struct cache_store {
    struct cache_index index;
    struct map *entries; /* cache_key() -> struct entry */
    struct map *groups;  /* name -> struct group */
    struct map *overlays;
    int64_t expiry_ms;                  /* no overlay ends earlier */
    struct map *alikes;                 /* plural -> struct alike, for the objects' bytes */
    size_t bytes;                       /* of states, without trees */
    struct tree_list trees[TREE_LISTS]; /* of entries with a tree of their own that may go */
    size_t popular_bytes;               /* of trees that stay */
    /* Hashes of the uids that the watch told the end of last: the answer to the write that ended an
     * object may come behind the event, over another connection, and must not bring it back. */
    uint64_t gone[GONE_UIDS];
    size_t gone_count;
};

struct sv cache_key(char space[CACHE_KEY_BYTES_MAX], const struct resource *resource,
                    struct sv namespace_name, struct sv name) {
    const struct sv parts[] = {resource->plural, SV("."), resource->group, SV("/"), namespace_name,
                               SV("/"),          name};
    return sv_join(space, CACHE_KEY_BYTES_MAX, parts, COUNT_OF(parts));
}

void cache_groups_add_aspect(struct cache_groups *groups, struct sv group, uint64_t aspect) {
    if (groups->count == CACHE_GROUPS_MAX)
        return;
    groups->items[groups->count] = group;
    groups->aspects[groups->count++] = aspect;
}

void cache_groups_add(struct cache_groups *groups, struct sv group) {
    if (sv_index_of(group, groups->items, groups->count) == groups->count)
        cache_groups_add_aspect(groups, group, CACHE_WHOLE_OBJECT);
}

struct cache_store *cache_store_new(const struct cache_index *index) {
    struct cache_store *store = mem_alloc(sizeof(*store));
    *store = (struct cache_store){
        .index = *index,
        .entries = map_new(),
        .groups = map_new(),
        .overlays = map_new(),
        .expiry_ms = DEADLINE_NEVER,
        .alikes = map_new(),
    };
    return store;
}

/* --- groups --- */

static struct sv entry_key(const struct entry *entry, char space[CACHE_KEY_BYTES_MAX]) {
    return cache_key(space, entry->seen.resource, entry->seen.namespace_name, entry->seen.name);
}

static struct sv group_name(const struct group *group) {
    return (struct sv){group->name, group->name_len};
}

static void tell(struct cache_store *store, const struct membership *membership) {
    store->index.changed(store->index.context, membership->entry->seen.resource,
                         group_name(membership->group));
}

static void notify(struct cache_store *store, const struct entry *entry) {
    for (size_t i = 0; i < entry->membership_count; i++)
        tell(store, &entry->memberships[i]);
}

static struct group *ensure_group(struct cache_store *store, struct sv name) {
    struct group *group = map_get(store->groups, name);
    if (group)
        return group;
    group = mem_alloc(sizeof(*group) + name.len);
    group->name_len = name.len;
    memcpy(group->name, name.ptr, name.len);
    map_put(store->groups, name, group);
    return group;
}

static void join_group(struct cache_store *store, struct membership *membership,
                       struct entry *entry, struct sv name) {
    struct group *group = ensure_group(store, name);
    *membership = (struct membership){.group = group, .entry = entry};
    LIST_APPEND(group, membership);
}

static void leave_group(struct cache_store *store, struct membership *membership) {
    struct group *group = membership->group;
    LIST_REMOVE(group, membership);
    membership->group = NULL;
    if (!group->first)
        mem_free(map_remove(store->groups, group_name(group)));
}

static void leave_groups(struct cache_store *store, struct entry *entry) {
    for (size_t i = 0; i < entry->membership_count; i++)
        leave_group(store, &entry->memberships[i]);
    mem_free(entry->memberships);
    entry->memberships = NULL;
    entry->membership_count = 0;
}

/* Lists are mostly in the order in which they are asked for: `*hint` is where the last one was
 * found. */
static bool is_wanted(const struct membership *membership, const struct cache_groups *groups,
                      size_t *hint) {
    struct sv name = group_name(membership->group);
    size_t next = *hint + 1;
    size_t at = next < groups->count && sv_eq(groups->items[next], name)
                    ? next
                    : sv_index_of(name, groups->items, groups->count);
    if (at < groups->count)
        *hint = at;
    return at < groups->count;
}

static bool is_in(const struct membership *membership, struct sv name) {
    return membership->group && sv_eq(group_name(membership->group), name);
}

/* Where the entry is a member of the group, or NULL. */
static struct membership *find_membership(const struct entry *entry, struct sv name, size_t *hint) {
    size_t at = *hint + 1, count = entry->membership_count;
    if (at >= count || !is_in(&entry->memberships[at], name))
        for (at = 0; at < count && !is_in(&entry->memberships[at], name);)
            at++;
    if (at < count)
        *hint = at;
    return at < count ? &entry->memberships[at] : NULL;
}

/* In the place that it had among the members, if it was one. */
static void keep_membership(struct cache_store *store, struct entry *entry,
                            struct membership *before, struct membership *membership,
                            struct sv name) {
    if (!before) {
        join_group(store, membership, entry, name);
        return;
    }
    *membership = *before;
    before->group = NULL;
    LIST_RELINK(membership->group, membership);
}

/* What is shown, beside what was shown before. */
enum news { NEWS_NONE, NEWS_OF_IT, NEWS_OF_ITS_RETURN };

static bool looks_the_same(const struct membership *before, uint64_t aspect, enum news news) {
    if (!before || before->aspect != aspect || news == NEWS_OF_ITS_RETURN)
        return false;
    return aspect != CACHE_WHOLE_OBJECT || news == NEWS_NONE;
}

/* Members of the groups that it leaves, joins, or looks different to hear of it. */
static void change_groups(struct cache_store *store, struct entry *entry,
                          const struct cache_groups *groups, enum news news) {
    size_t hint = SIZE_MAX;
    for (size_t i = 0; i < entry->membership_count; i++) {
        if (is_wanted(&entry->memberships[i], groups, &hint))
            continue;
        tell(store, &entry->memberships[i]);
        leave_group(store, &entry->memberships[i]);
    }
    struct membership *kept = mem_alloc(sizeof(*kept) * (groups->count + 1));
    hint = SIZE_MAX;
    for (size_t i = 0; i < groups->count; i++) {
        struct membership *before = find_membership(entry, groups->items[i], &hint);
        bool is_same = looks_the_same(before, groups->aspects[i], news);
        keep_membership(store, entry, before, &kept[i], groups->items[i]);
        kept[i].aspect = groups->aspects[i];
        if (!is_same)
            tell(store, &kept[i]);
    }
    mem_free(entry->memberships);
    entry->memberships = kept;
    entry->membership_count = (uint32_t)groups->count;
}

/* --- states --- */

static struct state state_of(const struct cJSON *object) {
    struct frozen *lent = frozen_of(object);
    return (struct state){
        .bytes = SV(""),
        .tree = lent ? frozen_ref(lent) : frozen_new(object),
        .is_lent = lent != NULL,
    };
}

static struct state state_copy(const struct state *state) {
    if (!state->tree)
        return (struct state){.bytes = {mem_copy_text(state->bytes), state->bytes.len}};
    return (struct state){
        .bytes = SV(""), .tree = frozen_ref(state->tree), .is_lent = state->is_lent};
}

static bool state_is_none(const struct state *state) {
    return !state->tree && state->bytes.len == 0;
}

static void state_release(struct state *state) {
    if (state->bytes.len)
        mem_free((char *)state->bytes.ptr);
    frozen_unref(state->tree);
    *state = (struct state){.bytes = SV("")};
}

static struct alike *alike_of(struct cache_store *store, const struct resource *resource) {
    struct alike *alike = map_get(store->alikes, resource->plural);
    if (!alike) {
        alike = alike_new();
        map_put(store->alikes, resource->plural, alike);
    }
    return alike;
}

/* Of a state that is bytes only. */
static const struct cJSON *state_read(struct cache_store *store, const struct resource *resource,
                                      const struct state *state, struct arena *arena) {
    struct error err = {0};
    struct sv text = alike_unpack(alike_of(store, resource), state->bytes, arena);
    const struct cJSON *object = json_read(arena, text, &err);
    assert(object); /* we wrote it */
    return object;
}

/* Of a state that there is: makes the tree if it has none. */
static void state_thaw(struct cache_store *store, const struct resource *resource,
                       struct state *state) {
    if (state->tree)
        return;
    AUTO(arena) arena = arena_new();
    state->tree = frozen_new(state_read(store, resource, state, arena));
}

/* --- trees, least recently used first --- */

static bool has_own_tree(const struct entry *entry) {
    return entry->state.tree && !entry->state.is_lent;
}

static bool may_drop_tree(const struct entry *entry) {
    return has_own_tree(entry) && !entry->state.is_popular;
}

static struct tree_list *list_of(struct cache_store *store, const struct entry *entry) {
    return &store->trees[entry->state.is_in_use ? TREES_IN_USE : TREES_RESTING];
}

static void unlink_tree(struct cache_store *store, struct entry *entry) {
    struct tree_list *list = list_of(store, entry);
    LIST_REMOVE(list, entry);
    list->bytes -= frozen_bytes(entry->state.tree);
}

/* Leaves the bytes only, which a state that is used again keeps: it never changes. */
static void drop_tree(struct cache_store *store, struct entry *entry) {
    struct state *state = &entry->state;
    if (state->bytes.len == 0) {
        AUTO(arena) arena = arena_new();
        state->bytes = alike_pack(alike_of(store, entry->seen.resource),
                                  json_write_arena(arena, frozen_root(state->tree), JSON_COMPACT));
        store->bytes += state->bytes.len;
    }
    unlink_tree(store, entry);
    frozen_unref(state->tree);
    state->tree = NULL;
}

static void link_tree(struct cache_store *store, struct entry *entry) {
    struct tree_list *list = list_of(store, entry);
    LIST_APPEND(list, entry);
    list->bytes += frozen_bytes(entry->state.tree);
    while (list->bytes > tree_bytes_max[list - store->trees] && list->first != entry)
        drop_tree(store, list->first);
}

static void set_in_use(struct cache_store *store, struct entry *entry, bool is_in_use) {
    bool is_linked = may_drop_tree(entry);
    if (is_linked)
        unlink_tree(store, entry);
    entry->state.is_in_use = is_in_use;
    if (is_linked)
        link_tree(store, entry);
}

const struct cJSON *cache_store_tree(struct cache_store *store, const struct cached *cached,
                                     struct arena *arena) {
    struct entry *entry = (struct entry *)cached;
    if (cached->is_hidden)
        return NULL;
    set_in_use(store, entry, true);
    /* What rests goes on resting: a tree of it would push out one that is news to somebody. */
    if (!entry->state.tree)
        return state_read(store, cached->resource, &entry->state, arena);
    return frozen_hold(arena, entry->state.tree);
}

void cache_store_rest(struct cache_store *store, struct sv name) {
    const struct group *group = map_get(store->groups, name);
    for (struct membership *member = group ? group->first : NULL; member; member = member->next)
        set_in_use(store, member->entry, false);
}

/* --- entries --- */

static char *put_text(char *end, struct sv text, struct sv *ret_copy) {
    memcpy(end, text.ptr, text.len);
    *ret_copy = (struct sv){end, text.len};
    return end + text.len;
}

/* Copies all texts into one new block; the old one is freed. */
static void set_texts(struct entry *entry, struct cached texts) {
    size_t bytes =
        texts.namespace_name.len + texts.name.len + texts.uid.len + texts.resource_version.len;
    char *block = mem_alloc(bytes + 1);
    struct cached kept = texts;
    char *end = put_text(block, texts.namespace_name, &kept.namespace_name);
    end = put_text(end, texts.name, &kept.name);
    end = put_text(end, texts.uid, &kept.uid);
    put_text(end, texts.resource_version, &kept.resource_version);
    mem_free(entry->block);
    entry->block = block;
    entry->seen = kept;
}

static struct entry *find(const struct cache_store *store, const struct resource *resource,
                          struct sv namespace_name, struct sv name) {
    char space[CACHE_KEY_BYTES_MAX];
    return map_get(store->entries, cache_key(space, resource, namespace_name, name));
}

static struct entry *ensure(struct cache_store *store, const struct resource *resource,
                            struct sv namespace_name, struct sv name) {
    struct entry *entry = find(store, resource, namespace_name, name);
    if (entry)
        return entry;
    entry = mem_alloc(sizeof(*entry));
    entry->state.bytes = SV("");
    set_texts(entry, (struct cached){.resource = resource,
                                     .namespace_name = namespace_name,
                                     .name = name,
                                     .uid = SV(""),
                                     .resource_version = SV("")});
    char space[CACHE_KEY_BYTES_MAX];
    map_put(store->entries, entry_key(entry, space), entry);
    return entry;
}

/* Takes `state` over. */
static void set_state(struct cache_store *store, struct entry *entry, struct state state) {
    if (may_drop_tree(entry))
        unlink_tree(store, entry);
    else if (has_own_tree(entry))
        store->popular_bytes -= frozen_bytes(entry->state.tree);
    store->bytes += state.bytes.len;
    store->bytes -= entry->state.bytes.len;
    state_release(&entry->state);
    entry->state = state;
    if (may_drop_tree(entry))
        link_tree(store, entry);
    else if (has_own_tree(entry))
        store->popular_bytes += frozen_bytes(state.tree);
}

/* Takes `state` over, which has a tree. */
static void show(struct cache_store *store, struct entry *entry, struct state state) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *object = frozen_root(state.tree);
    bool is_same_version = sv_eq(entry->seen.resource_version, object_resource_version(object));
    enum news news = state_is_none(&entry->state) ? NEWS_OF_ITS_RETURN
                     : is_same_version            ? NEWS_NONE
                                                  : NEWS_OF_IT;
    set_texts(entry, (struct cached){.resource = entry->seen.resource,
                                     .namespace_name = object_namespace(object),
                                     .name = object_name(object),
                                     .uid = object_uid(object),
                                     .resource_version = object_resource_version(object)});
    struct cache_groups groups; /* large: only what counts is set */
    groups.count = 0;
    store->index.groups(store->index.context, entry->seen.resource, object, arena, &groups);
    state.is_popular = groups.count >= POPULAR_GROUPS_MIN;
    state.is_in_use = entry->state.is_in_use;
    set_state(store, entry, state);
    change_groups(store, entry, &groups, news);
}

static void forget_overlay(struct entry *entry) {
    if (entry->overlay)
        state_release(&entry->overlay->watched);
    mem_free(entry->overlay);
    entry->overlay = NULL;
}

static void entry_free(struct entry *entry) {
    forget_overlay(entry);
    state_release(&entry->state);
    mem_free(entry->block);
    mem_free(entry->memberships);
    mem_free(entry);
}

static void drop_entry(struct cache_store *store, struct entry *entry) {
    char space[CACHE_KEY_BYTES_MAX];
    struct sv key = entry_key(entry, space);
    map_remove(store->entries, key);
    map_remove(store->overlays, key);
    notify(store, entry);
    leave_groups(store, entry);
    set_state(store, entry, (struct state){.bytes = SV("")});
    entry_free(entry);
}

void cache_store_free(struct cache_store *store) {
    if (!store)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(store->entries, &cursor, NULL, &value))
        entry_free(value);
    cursor = 0;
    while (map_next(store->alikes, &cursor, NULL, &value))
        alike_free(value);
    map_free(store->alikes);
    map_free_with_values(store->groups);
    map_free(store->entries);
    map_free(store->overlays);
    mem_free(store);
}

/* --- what the watch says --- */

static void remember_version(struct entry *entry, struct sv version) {
    entry->versions[entry->version_count++ % SEEN_VERSIONS] = (uint32_t)sv_hash(version);
}

static bool has_seen_version(const struct entry *entry, struct sv version) {
    uint32_t hash = (uint32_t)sv_hash(version);
    for (size_t i = 0; i < SEEN_VERSIONS && i < entry->version_count; i++)
        if (entry->versions[i] == hash)
            return true;
    return false;
}

static void end_overlay(struct cache_store *store, struct entry *entry) {
    char space[CACHE_KEY_BYTES_MAX];
    map_remove(store->overlays, entry_key(entry, space));
    forget_overlay(entry);
}

/* What the watch says is kept behind the overlay, in case that this never gets confirmed. Takes
 * `state` over. */
static void keep_watched(struct entry *entry, struct state state) {
    state_release(&entry->overlay->watched);
    entry->overlay->watched = state;
}

/* GONE_UIDS: it is none of those. While objects are made, mostly none has ended. */
static size_t find_end(const struct cache_store *store, struct sv uid) {
    size_t count = store->gone_count < GONE_UIDS ? store->gone_count : GONE_UIDS;
    uint64_t hash = count > 0 ? sv_hash(uid) : 0;
    for (size_t i = 0; i < count; i++)
        if (store->gone[i] == hash)
            return i;
    return GONE_UIDS;
}

static bool has_seen_end(const struct cache_store *store, struct sv uid) {
    return find_end(store, uid) < GONE_UIDS;
}

static void remember_end(struct cache_store *store, struct sv uid) {
    if (uid.len > 0 && !has_seen_end(store, uid))
        store->gone[store->gone_count++ % GONE_UIDS] = sv_hash(uid);
}

/* It had only left what is watched, and is back. */
static void forget_end(struct cache_store *store, struct sv uid) {
    size_t at = find_end(store, uid);
    if (at < GONE_UIDS)
        store->gone[at] = 0;
}

/* Nothing but the word of the watch is new: the answer to the write said the same. What is lent
 * takes the place of a copy. */
static bool is_kept_already(const struct entry *entry, const struct cJSON *object) {
    return !state_is_none(&entry->state) && !frozen_of(object) &&
           sv_eq(entry->seen.uid, object_uid(object)) &&
           sv_eq(entry->seen.resource_version, object_resource_version(object));
}

bool cache_store_has(const struct cache_store *store, const struct resource *resource,
                     struct sv namespace_name, struct sv name, struct sv uid,
                     struct sv resource_version) {
    const struct entry *entry = find(store, resource, namespace_name, name);
    return entry && !state_is_none(&entry->state) && sv_eq(entry->seen.uid, uid) &&
           sv_eq(entry->seen.resource_version, resource_version);
}

void cache_store_confirm(struct cache_store *store, const struct resource *resource,
                         struct sv namespace_name, struct sv name) {
    struct entry *entry = find(store, resource, namespace_name, name);
    assert(entry && !state_is_none(&entry->state));
    remember_version(entry, entry->seen.resource_version);
    if (entry->overlay)
        end_overlay(store, entry);
}

void cache_store_upsert(struct cache_store *store, const struct resource *resource,
                        const struct cJSON *object) {
    struct entry *entry = ensure(store, resource, object_namespace(object), object_name(object));
    struct sv version = object_resource_version(object);
    forget_end(store, object_uid(object));
    remember_version(entry, version);
    bool is_other = entry->seen.uid.len && !sv_eq(entry->seen.uid, object_uid(object));
    bool confirms = !entry->seen.is_hidden && sv_eq(entry->seen.resource_version, version);
    if (entry->overlay && !is_other && !confirms) {
        keep_watched(entry, state_of(object));
        return;
    }
    if (entry->overlay)
        end_overlay(store, entry);
    if (!is_kept_already(entry, object))
        show(store, entry, state_of(object));
}

void cache_store_remove(struct cache_store *store, const struct resource *resource,
                        struct sv namespace_name, struct sv name, struct sv uid) {
    struct entry *entry = find(store, resource, namespace_name, name);
    remember_end(store, uid);
    if (!entry)
        return;
    /* An overlay of the next incarnation stays. */
    if (entry->overlay && entry->seen.uid.len && uid.len && !sv_eq(entry->seen.uid, uid)) {
        state_release(&entry->overlay->watched);
        return;
    }
    drop_entry(store, entry);
}

/* --- what we did --- */

static void begin_overlay(struct cache_store *store, struct entry *entry, int64_t now_ms) {
    if (!entry->overlay) {
        entry->overlay = mem_alloc(sizeof(*entry->overlay));
        entry->overlay->watched = state_is_none(&entry->state) ? (struct state){.bytes = SV("")}
                                                               : state_copy(&entry->state);
    }
    entry->overlay->until_ms = now_ms + CACHE_OVERLAY_MS;
    store->expiry_ms = deadline_earlier(store->expiry_ms, entry->overlay->until_ms);
    char space[CACHE_KEY_BYTES_MAX];
    map_put(store->overlays, entry_key(entry, space), entry);
}

void cache_store_overlay(struct cache_store *store, const struct resource *resource,
                         const struct cJSON *object, int64_t now_ms) {
    if (has_seen_end(store, object_uid(object)))
        return;
    struct entry *entry = ensure(store, resource, object_namespace(object), object_name(object));
    if (has_seen_version(entry, object_resource_version(object)))
        return;
    begin_overlay(store, entry, now_ms);
    show(store, entry, state_of(object));
}

void cache_store_hide(struct cache_store *store, const struct resource *resource,
                      struct sv namespace_name, struct sv name, int64_t now_ms) {
    struct entry *entry = find(store, resource, namespace_name, name);
    if (!entry)
        return;
    begin_overlay(store, entry, now_ms);
    struct cached hidden = entry->seen;
    hidden.is_hidden = true;
    set_texts(entry, hidden);
    set_state(store, entry, (struct state){.bytes = SV("")});
    notify(store, entry);
}

static void reveal(struct cache_store *store, struct entry *entry) {
    if (state_is_none(&entry->overlay->watched)) {
        drop_entry(store, entry);
        return;
    }
    struct state watched = entry->overlay->watched;
    entry->overlay->watched = (struct state){.bytes = SV("")};
    end_overlay(store, entry);
    state_thaw(store, entry->seen.resource, &watched);
    show(store, entry, watched);
}

void cache_store_drop_overlays(struct cache_store *store, const struct resource *resource) {
    size_t cursor = 0;
    void *value;
    while (map_next(store->overlays, &cursor, NULL, &value)) {
        struct entry *entry = value;
        if (resource_eq(entry->seen.resource, resource))
            reveal(store, entry);
    }
}

int64_t cache_store_expire(struct cache_store *store, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    /* Asked at every turn, while nearly all overlays end by their watch event. */
    if (map_count(store->overlays) > 0 && now_ms < store->expiry_ms)
        return store->expiry_ms;
    size_t cursor = 0;
    void *value;
    while (map_next(store->overlays, &cursor, NULL, &value)) {
        struct entry *entry = value;
        if (entry->overlay->until_ms <= now_ms)
            reveal(store, entry);
        else if (entry->overlay->until_ms < next_ms)
            next_ms = entry->overlay->until_ms;
    }
    store->expiry_ms = next_ms;
    return next_ms;
}

/* --- reading --- */

const struct cached *cache_store_get(const struct cache_store *store,
                                     const struct resource *resource, struct sv namespace_name,
                                     struct sv name) {
    const struct entry *entry = find(store, resource, namespace_name, name);
    return entry ? &entry->seen : NULL;
}

const struct cached *cache_store_next(const struct cache_store *store, struct sv name,
                                      size_t *cursor) {
    const struct group *group = map_get(store->groups, name);
    if (!group)
        return NULL;
    const struct membership *last = (const struct membership *)(uintptr_t)*cursor;
    const struct membership *next = last ? last->next : group->first;
    if (!next)
        return NULL;
    *cursor = (size_t)(uintptr_t)next;
    return &next->entry->seen;
}

size_t cache_store_count(const struct cache_store *store) {
    return map_count(store->entries);
}

size_t cache_store_bytes(const struct cache_store *store) {
    return store->bytes + store->trees[TREES_RESTING].bytes + store->trees[TREES_IN_USE].bytes +
           store->popular_bytes;
}
