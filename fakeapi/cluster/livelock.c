/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/livelock.h"

#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/client/transport.h"

struct livelock {
    struct arena *arena; /* of the counts and the text */
    struct map *counts;  /* "agent, plural, object" and "agent, plural" -> size_t */
    struct sv text;
};

struct livelock *livelock_new(void) {
    struct livelock *livelock = mem_alloc(sizeof(*livelock));
    livelock->arena = arena_new();
    livelock->counts = map_new();
    livelock->text = SV("");
    return livelock;
}

void livelock_free(struct livelock *livelock) {
    if (!livelock)
        return;
    map_free(livelock->counts);
    arena_free(livelock->arena);
    mem_free(livelock);
}

void livelock_forget(struct livelock *livelock) {
    map_free(livelock->counts);
    livelock->counts = map_new();
    arena_reset(livelock->arena);
    livelock->text = SV("");
}

static size_t count_one(struct livelock *livelock, struct sv key) {
    size_t *count = map_get(livelock->counts, key);
    if (!count) {
        count = ARENA_NEW(livelock->arena, size_t);
        map_put(livelock->counts, key, count);
    }
    return ++*count;
}

static void tell(struct livelock *livelock, struct sv user_agent, struct sv plural,
                 struct sv object, size_t count) {
    livelock->text = arena_printf(livelock->arena, "%.*s wrote %.*s%s%.*s %zu times at one moment",
                                  SV_ARG(user_agent), SV_ARG(plural), object.len > 0 ? " " : "",
                                  SV_ARG(object), count);
}

void livelock_note(struct livelock *livelock, struct sv user_agent, const struct request *request,
                   int http_status) {
    if (!verb_is_write(request->verb) || http_status < 200 || http_status >= 300 ||
        livelock->text.len > 0)
        return;
    AUTO(arena) scratch = arena_new();
    struct sv object = object_key(scratch, request->namespace_name, request->name);
    struct sv kind =
        arena_printf(scratch, "%.*s %.*s", SV_ARG(user_agent), SV_ARG(request->plural));
    struct sv key = arena_printf(scratch, "%.*s %.*s", SV_ARG(kind), SV_ARG(object));
    bool is_known = map_has(livelock->counts, key);
    bool has_room = request->name.len > 0 && map_count(livelock->counts) < LIVELOCK_OBJECTS_MAX;
    size_t to_kind = count_one(livelock, kind);
    size_t to_object = is_known || has_room ? count_one(livelock, key) : 0;
    if (to_object >= LIVELOCK_WRITES_MAX)
        tell(livelock, user_agent, request->plural, object, to_object);
    else if (to_kind >= LIVELOCK_WRITES_OF_KIND_MAX)
        tell(livelock, user_agent, request->plural, SV(""), to_kind);
}

struct sv livelock_text(const struct livelock *livelock) {
    return livelock->text;
}
