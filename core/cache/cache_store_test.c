/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cache/cache_store.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/test.h"
#include "core/data/frozen.h"
#include "core/data/json.h"

/* Counts changes; an object is in the group of its label "group". */
struct watcher {
    size_t changes;
};

static void groups_of(void *context, const struct resource *resource, const struct cJSON *object,
                      struct arena *arena, struct cache_groups *ret_groups) {
    (void)context;
    (void)resource;
    cache_groups_add(ret_groups, arena_copy(arena, object_label(object, SV("group"))));
}

static void changed(void *context, const struct resource *resource, struct sv group) {
    (void)resource;
    (void)group;
    ((struct watcher *)context)->changes++;
}

static struct cache_store *new_store(struct watcher *watcher) {
    return cache_store_new(
        &(struct cache_index){.groups = groups_of, .changed = changed, .context = watcher});
}

static const struct cJSON *pod(struct arena *arena, const char *uid, const char *version,
                               const char *group) {
    struct error err = {0};
    return json_read(arena,
                     arena_printf(arena,
                                  "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"p\",\"uid\":"
                                  "\"%s\",\"resourceVersion\":\"%s\",\"labels\":{\"group\":\"%s\"}"
                                  "}}",
                                  uid, version, group),
                     &err);
}

static void upsert_named(struct cache_store *store, const char *name, const char *version,
                         const char *group) {
    AUTO(arena) arena = arena_new();
    struct cJSON *object = json_copy(arena, pod(arena, name, version, group));
    json_set_string(arena, json_ensure_map(arena, object, SV("metadata")), SV("name"),
                    sv_from(name));
    cache_store_upsert(store, &RESOURCE_PODS, object);
}

static void check_members(const struct cache_store *store, struct sv group, const char *names) {
    AUTO(arena) arena = arena_new();
    struct sv found = SV("");
    const struct cached *member;
    for (size_t cursor = 0; (member = cache_store_next(store, group, &cursor));)
        found = arena_printf(arena, "%.*s%.*s", SV_ARG(found), SV_ARG(member->name));
    CHECK_SV(found, sv_from(names));
}

TEST(members_stand_in_the_order_in_which_they_came) {
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    upsert_named(store, "1", "10", "a");
    upsert_named(store, "2", "11", "a");
    upsert_named(store, "3", "12", "a");
    upsert_named(store, "2", "13", "a");
    check_members(store, SV("a"), "123");
    upsert_named(store, "1", "14", "b");
    upsert_named(store, "1", "15", "a");
    check_members(store, SV("a"), "231");
    check_members(store, SV("b"), "");
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("3"), SV("3"));
    check_members(store, SV("a"), "21");
}

static struct sv version_of(const struct cache_store *store) {
    const struct cached *cached = cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p"));
    return cached ? cached->resource_version : SV("");
}

TEST(an_object_moves_between_groups_and_both_hear_of_it) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "2", "b"));
    size_t cursor = 0;
    CHECK(cache_store_next(store, SV("a"), &cursor) == NULL);
    cursor = 0;
    CHECK(cache_store_next(store, SV("b"), &cursor) != NULL);
    CHECK(watcher.changes == 3); /* a; then a and b */
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u"));
    CHECK(watcher.changes == 4);
    CHECK(cache_store_count(store) == 0);
    CHECK(cache_store_bytes(store) == 0);
}

TEST(a_write_is_seen_until_the_watch_delivers_it) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"), 0);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "5", "a"));
    CHECK_SV(version_of(store), SV("7"));
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"));
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "9", "a"));
    CHECK_SV(version_of(store), SV("9"));
}

/* The watch is behind: it tells of what was there before, and that this has ended. */
TEST(the_past_that_the_watch_tells_of_changes_nothing) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"), 0);
    cache_store_hide(store, &RESOURCE_PODS, SV("ns"), SV("p"), 0);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"));
    CHECK(cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p"))->is_hidden);
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "v", "9", "a"), 0);
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u"));
    CHECK_SV(version_of(store), SV("9"));
    cache_store_expire(store, CACHE_OVERLAY_MS + 1);
    CHECK(!cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p")));
}

TEST(an_answer_that_comes_after_its_watch_event_changes_nothing) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"));
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "9", "a"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"), 0);
    CHECK_SV(version_of(store), SV("9"));
}

/* Whoever waits for an answer may get it a few events late. */
TEST(an_answer_of_some_versions_ago_changes_nothing) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    for (int i = 1; i <= 8; i++)
        cache_store_upsert(store, &RESOURCE_PODS,
                           pod(arena, "u", arena_printf(arena, "%d", i).ptr, "a"));
    for (int i = 1; i <= 8; i++)
        cache_store_overlay(store, &RESOURCE_PODS,
                            pod(arena, "u", arena_printf(arena, "%d", i).ptr, "a"), 0);
    CHECK_SV(version_of(store), SV("8"));
    CHECK(cache_store_expire(store, 0) == DEADLINE_NEVER);
}

TEST(nothing_is_waited_for_of_an_object_that_ended) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"), 0);
    CHECK(cache_store_expire(store, 0) == CACHE_OVERLAY_MS);
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u"));
    CHECK(cache_store_expire(store, 0) == DEADLINE_NEVER);
}

TEST(an_answer_that_comes_after_the_end_brings_nothing_back) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"));
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u"));
    size_t changes = watcher.changes;
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "8", "a"), 0);
    CHECK(cache_store_count(store) == 0);
    CHECK(watcher.changes == changes);
    /* Nor does that of one that was never seen alive. */
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u1"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u1", "8", "a"), 0);
    CHECK(cache_store_count(store) == 0);
    /* The next one of the name is another object. */
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u2", "9", "a"), 0);
    CHECK_SV(version_of(store), SV("9"));
}

TEST(an_object_that_comes_back_to_what_is_watched_is_followed_again) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"));
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u"));
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u")); /* after a relist */
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "8", "a"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "9", "a"), 0);
    CHECK_SV(version_of(store), SV("9"));
}

TEST(an_unconfirmed_overlay_ends_by_time_or_relist) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"), 0);
    CHECK(cache_store_expire(store, 0) == CACHE_OVERLAY_MS);
    cache_store_expire(store, CACHE_OVERLAY_MS);
    CHECK_SV(version_of(store), SV("1"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "8", "a"), 0);
    cache_store_drop_overlays(store, &RESOURCE_PODS);
    CHECK_SV(version_of(store), SV("1"));
}

TEST(a_deleted_object_is_hidden_until_a_new_one_takes_its_name) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_hide(store, &RESOURCE_PODS, SV("ns"), SV("p"), 0);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "2", "a"));
    const struct cached *cached = cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p"));
    REQUIRE(cached != NULL);
    CHECK(cached->is_hidden);
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "next", "3", "a"));
    CHECK(!cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p"))->is_hidden);
    CHECK_SV(version_of(store), SV("3"));
}

/* The server's tree is there in any case. */
TEST(a_frozen_tree_takes_the_place_of_a_copy) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    struct frozen *delivered = frozen_new(pod(arena, "u", "1", "a"));
    struct cache_store *store = new_store(&watcher);
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"), 0);
    CHECK(cache_store_bytes(store) > 0);
    cache_store_upsert(store, &RESOURCE_PODS, frozen_root(delivered));
    CHECK(cache_store_bytes(store) == 0);
    CHECK(watcher.changes == 1);
    cache_store_free(store);
    frozen_unref(delivered);
}

/* What a server in this process delivers is held once, through overlays and hiding too. */
TEST(a_frozen_tree_is_shared_and_not_copied) {
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    struct frozen *first = frozen_new(pod(arena, "u", "1", "a"));
    struct frozen *second = frozen_new(pod(arena, "u", "2", "a"));
    struct cache_store *store = new_store(&watcher);
    cache_store_upsert(store, &RESOURCE_PODS, frozen_root(first));
    const struct cached *cached = cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p"));
    CHECK(cache_store_tree(store, cached, arena) == frozen_root(first));
    CHECK(cache_store_bytes(store) == 0);
    cache_store_overlay(store, &RESOURCE_PODS, frozen_root(second), 0);
    CHECK(cache_store_tree(store, cached, arena) == frozen_root(second));
    cache_store_hide(store, &RESOURCE_PODS, SV("ns"), SV("p"), 0);
    CHECK(cache_store_tree(store, cached, arena) == NULL);
    cache_store_expire(store, CACHE_OVERLAY_MS);
    CHECK(cache_store_tree(store, cached, arena) == frozen_root(first));
    cache_store_free(store);
    arena_reset(arena);
    CHECK(!frozen_is_shared(first) && !frozen_is_shared(second));
    frozen_unref(first);
    frozen_unref(second);
}

static const struct cJSON *numbered(struct arena *arena, int number) {
    struct cJSON *object = json_copy(arena, pod(arena, "u", "1", "a"));
    struct cJSON *list = json_ensure_list(arena, object, SV("ports"));
    json_set_string(arena, json_get(object, SV("metadata")), SV("name"),
                    arena_printf(arena, "p-%d", number));
    for (int i = 0; i < 100; i++)
        json_append(list, json_string(arena, arena_printf(arena, "%d", number + i)));
    return object;
}

static bool is_as_told(struct cache_store *store, int number) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *told = numbered(arena, number);
    const struct cached *cached =
        cache_store_get(store, &RESOURCE_PODS, SV("ns"), object_name(told));
    return cached && json_equal(cache_store_tree(store, cached, arena), told);
}

/* Trees are several times as large as what they are written to: only those used lately stay. */
TEST(objects_that_are_not_used_shrink_and_stay_the_same) {
    enum { OBJECT_COUNT = 2000, WRITTEN_BYTES_MAX = 1000 };
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    AUTO(arena) arena = arena_new();
    for (int i = 0; i < OBJECT_COUNT; i++) {
        cache_store_upsert(store, &RESOURCE_PODS, numbered(arena, i));
        arena_reset(arena);
    }
    size_t written_max = OBJECT_COUNT * WRITTEN_BYTES_MAX;
    CHECK(cache_store_bytes(store) > CACHE_RESTING_BYTES_MAX);
    CHECK(cache_store_bytes(store) < CACHE_RESTING_BYTES_MAX + written_max);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < OBJECT_COUNT; i++)
            CHECK(is_as_told(store, i));
    CHECK(cache_store_bytes(store) < CACHE_TREE_BYTES_MAX + written_max);

    /* Reading what rests allocates in the reader's arena only. */
    AUTO(arena) reader = arena_new();
    arena_reserve(reader, 256 * 1024);
    arena_reset(reader);
    uint64_t before = mem_alloc_count();
    CHECK(cache_store_tree(store, cache_store_get(store, &RESOURCE_PODS, SV("ns"), SV("p-0")),
                           reader));
    CHECK(mem_alloc_count() == before);

    /* The first is only bytes now, and comes back from them when a delete is not confirmed. */
    cache_store_hide(store, &RESOURCE_PODS, SV("ns"), SV("p-0"), 0);
    cache_store_expire(store, CACHE_OVERLAY_MS);
    CHECK(is_as_told(store, 0));
    for (int i = 0; i < OBJECT_COUNT; i++)
        cache_store_remove(store, &RESOURCE_PODS, SV("ns"), arena_printf(arena, "p-%d", i),
                           SV("u"));
    CHECK(cache_store_bytes(store) == 0);
}

static void many_groups(void *context, const struct resource *resource, const struct cJSON *object,
                        struct arena *arena, struct cache_groups *ret_groups) {
    (void)context;
    (void)resource;
    JSON_EACH (label, json_find(object, "metadata.labels"))
        cache_groups_add_aspect(ret_groups, arena_copy(arena, json_key(label)), 1);
}

/* Its groups look at nothing of it that changes. */
TEST(an_object_that_is_back_is_news) {
    struct watcher watcher = {0};
    AUTO(arena) arena = arena_new();
    AUTO(cache_store)
    store = cache_store_new(
        &(struct cache_index){.groups = many_groups, .changed = changed, .context = &watcher});
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "2", "a"));
    CHECK(watcher.changes == 1);
    cache_store_hide(store, &RESOURCE_PODS, SV("ns"), SV("p"), 0);
    CHECK(watcher.changes == 2);
    cache_store_expire(store, CACHE_OVERLAY_MS);
    CHECK(watcher.changes == 3);
}

/* A node carries labels of a hundred caches. */
TEST(an_object_is_found_in_each_of_many_groups) {
    enum { GROUP_COUNT = 400 };
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store)
    store = cache_store_new(
        &(struct cache_index){.groups = many_groups, .changed = changed, .context = &watcher});
    struct cJSON *node = json_copy(arena, pod(arena, "u", "1", "a"));
    for (int i = 0; i < GROUP_COUNT; i++)
        object_set_label(arena, node, arena_printf(arena, "g-%d", i), SV("true"));
    cache_store_upsert(store, &RESOURCE_PODS, node);
    CHECK(watcher.changes == GROUP_COUNT + 1);
    json_remove(json_find(node, "metadata.labels"), SV("g-7"));
    object_set_label(arena, node, SV("new"), SV("true"));
    json_set_string(arena, json_get(node, SV("metadata")), SV("resourceVersion"), SV("2"));
    cache_store_upsert(store, &RESOURCE_PODS, node);
    CHECK(watcher.changes == GROUP_COUNT + 3);
    for (int i = 0; i < GROUP_COUNT; i++) {
        size_t cursor = 0;
        bool is_there = cache_store_next(store, arena_printf(arena, "g-%d", i), &cursor) != NULL;
        CHECK(is_there == (i != 7));
    }
}

/* The label "seen" is all that a group looks at. */
static void seen_groups(void *context, const struct resource *resource, const struct cJSON *object,
                        struct arena *arena, struct cache_groups *ret_groups) {
    (void)context;
    (void)resource;
    cache_groups_add_aspect(ret_groups, arena_copy(arena, object_label(object, SV("group"))),
                            sv_hash(object_label(object, SV("seen"))));
}

TEST(a_group_hears_of_what_it_looks_at) {
    static const struct {
        const char *version, *seen, *other;
        bool is_news;
    } turns[] = {
        {"1", "a", "x", true},  {"2", "a", "y", false}, {"3", "b", "y", true},
        {"4", "b", "x", false}, {"5", "a", "x", true},
    };
    struct watcher watcher = {0};
    AUTO(cache_store)
    store = cache_store_new(
        &(struct cache_index){.groups = seen_groups, .changed = changed, .context = &watcher});
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        AUTO(arena) arena = arena_new();
        struct cJSON *object = json_copy(arena, pod(arena, "u", turns[i].version, "g"));
        object_set_label(arena, object, SV("seen"), sv_from(turns[i].seen));
        object_set_label(arena, object, SV("other"), sv_from(turns[i].other));
        size_t before = watcher.changes;
        cache_store_upsert(store, &RESOURCE_PODS, object);
        CHECK(watcher.changes - before == turns[i].is_news);
    }
}

/* What is past the limit is left out, and one that is there already takes no place. */
TEST(groups_of_an_object_end_at_their_limit) {
    AUTO(arena) arena = arena_new();
    struct cache_groups *groups = mem_alloc(sizeof(*groups));
    cache_groups_add(groups, SV("first"));
    cache_groups_add(groups, SV("first"));
    CHECK(groups->count == 1);
    for (int i = 1; i <= CACHE_GROUPS_MAX; i++)
        cache_groups_add(groups, arena_printf(arena, "%d", i));
    CHECK(groups->count == CACHE_GROUPS_MAX);
    CHECK_SV(groups->items[0], SV("first"));
    CHECK_SV(groups->items[CACHE_GROUPS_MAX - 1], arena_printf(arena, "%d", CACHE_GROUPS_MAX - 1));
    mem_free(groups);
}

static const struct cJSON *tree_of(struct cache_store *store, struct arena *arena, struct sv name) {
    return cache_store_tree(store, cache_store_get(store, &RESOURCE_PODS, SV("ns"), name), arena);
}

static void use(struct cache_store *store, struct arena *arena, int number) {
    const struct cJSON *object = numbered(arena, number);
    cache_store_upsert(store, &RESOURCE_PODS, object);
    CHECK(tree_of(store, arena, object_name(object)) != NULL);
}

/* A thousand runtimes may come while a few are begun: their plans go on reading trees. */
TEST(what_nobody_reads_makes_room_for_its_like) {
    enum { STRANGER_COUNT = 1000 };
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    AUTO(arena) arena = arena_new();
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "mine"));
    const struct cJSON *tree = tree_of(store, arena, SV("p"));
    for (int i = 0; i < STRANGER_COUNT; i++)
        cache_store_upsert(store, &RESOURCE_PODS, numbered(arena, i));
    CHECK(tree_of(store, arena, SV("p")) == tree);

    /* News of it are in use as it was, before anybody reads them: bytes are read to another tree
     * each time. */
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "2", "mine"), 0);
    for (int i = 0; i < STRANGER_COUNT; i++)
        cache_store_upsert(store, &RESOURCE_PODS, numbered(arena, STRANGER_COUNT + i));
    tree = tree_of(store, arena, SV("p"));
    CHECK(tree_of(store, arena, SV("p")) == tree);

    /* Until it rests. */
    cache_store_rest(store, SV("mine"));
    cache_store_rest(store, SV("nobody's"));
    for (int i = 0; i < STRANGER_COUNT; i++)
        cache_store_upsert(store, &RESOURCE_PODS, numbered(arena, 2 * STRANGER_COUNT + i));
    CHECK(tree_of(store, arena, SV("p")) != tree);
    CHECK(json_equal(tree_of(store, arena, SV("p")), tree));
}

/* It alone is more than there is room for, and no other's to give. */
TEST(an_object_past_the_limit_of_trees_is_one_while_it_came_last) {
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    AUTO(arena) arena = arena_new();
    struct cJSON *large = json_copy(arena, pod(arena, "u", "1", "a"));
    for (int i = 0; i < CACHE_TREE_BYTES_MAX / 64; i++)
        object_set_annotation(arena, large, arena_printf(arena, "a-%d", i), SV("b"));
    cache_store_upsert(store, &RESOURCE_PODS, large);
    CHECK(cache_store_bytes(store) > CACHE_TREE_BYTES_MAX);
    const struct cJSON *tree = tree_of(store, arena, SV("p"));
    CHECK(tree_of(store, arena, SV("p")) == tree);
    use(store, arena, 1);
    CHECK(tree_of(store, arena, SV("p")) != tree);
    CHECK(json_equal(tree_of(store, arena, SV("p")), tree));
}

/* Plans go on with what is known of the tree. */
TEST(a_watch_event_that_says_what_the_answer_said_is_no_news) {
    struct watcher watcher = {0};
    AUTO(cache_store) store = new_store(&watcher);
    AUTO(arena) arena = arena_new();
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "1", "a"));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "2", "a"), 0);
    const struct cJSON *tree = tree_of(store, arena, SV("p"));
    size_t changes = watcher.changes;
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "2", "a"));
    CHECK(tree_of(store, arena, SV("p")) == tree);
    CHECK(watcher.changes == changes);
    /* Nor does the overlay end later. */
    CHECK(cache_store_expire(store, CACHE_OVERLAY_MS) == DEADLINE_NEVER);
    CHECK_SV(version_of(store), SV("2"));
}

/* Whoever is in many groups is read by the plans of all their members, and stays a tree however
 * much is used after it. */
TEST(an_object_of_many_groups_stays_a_tree) {
    enum { GROUP_COUNT = 20, OBJECT_COUNT = 600 };
    AUTO(arena) arena = arena_new();
    struct watcher watcher = {0};
    AUTO(cache_store)
    store = cache_store_new(
        &(struct cache_index){.groups = many_groups, .changed = changed, .context = &watcher});
    struct cJSON *node = json_copy(arena, pod(arena, "u", "1", "a"));
    for (int i = 0; i < GROUP_COUNT; i++)
        object_set_label(arena, node, arena_printf(arena, "g-%d", i), SV("true"));
    cache_store_upsert(store, &RESOURCE_PODS, node);
    cache_store_upsert(store, &RESOURCE_PODS, numbered(arena, 0));
    const struct cJSON *popular = tree_of(store, arena, SV("p"));
    const struct cJSON *other = tree_of(store, arena, SV("p-0"));
    for (int i = 1; i <= OBJECT_COUNT; i++)
        use(store, arena, i);
    CHECK(tree_of(store, arena, SV("p")) == popular);
    CHECK(tree_of(store, arena, SV("p-0")) != other);

    /* Once it is in few, it is one of many. */
    cache_store_upsert(store, &RESOURCE_PODS, pod(arena, "u", "2", "a"));
    popular = tree_of(store, arena, SV("p"));
    for (int i = 1; i <= OBJECT_COUNT; i++)
        use(store, arena, OBJECT_COUNT + i);
    CHECK(tree_of(store, arena, SV("p")) != popular);
    cache_store_remove(store, &RESOURCE_PODS, SV("ns"), SV("p"), SV("u"));
    for (int i = 0; i <= 2 * OBJECT_COUNT; i++)
        cache_store_remove(store, &RESOURCE_PODS, SV("ns"), arena_printf(arena, "p-%d", i),
                           SV("u"));
    CHECK(cache_store_bytes(store) == 0);
}

TEST(what_an_answer_told_is_confirmed_by_its_version) {
    struct watcher watcher = {0};
    AUTO(arena) arena = arena_new();
    AUTO(cache_store) store = new_store(&watcher);
    struct sv ns = SV("ns"), p = SV("p"), u = SV("u");
    CHECK(!cache_store_has(store, &RESOURCE_PODS, ns, p, u, SV("7")));
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "7", "a"), 0);
    CHECK(cache_store_has(store, &RESOURCE_PODS, ns, p, u, SV("7")));
    CHECK(!cache_store_has(store, &RESOURCE_PODS, ns, p, u, SV("6")));
    CHECK(!cache_store_has(store, &RESOURCE_PODS, ns, p, SV("v"), SV("7")));
    size_t changes = watcher.changes;
    cache_store_confirm(store, &RESOURCE_PODS, ns, p);
    CHECK(watcher.changes == changes);
    /* It does not end by time any more, and a late answer says nothing new. */
    CHECK(cache_store_expire(store, CACHE_OVERLAY_MS) == DEADLINE_NEVER);
    cache_store_overlay(store, &RESOURCE_PODS, pod(arena, "u", "7", "b"), 0);
    CHECK(watcher.changes == changes);
    check_members(store, SV("a"), "p");
    cache_store_hide(store, &RESOURCE_PODS, ns, p, 0);
    CHECK(!cache_store_has(store, &RESOURCE_PODS, ns, p, u, SV("7")));
}
