/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/watches.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/cache/cache_store.h"
#include "core/cache/reflector.h"
#include "core/client/transport.h"
#include "core/controller/index.h"

#define OURS "cacheruntime.fluid.io/name"

static const struct {
    const struct resource *resource;
    const char *label_selector;
    bool metadata_only, may_be_missing;
} kinds[] = {
    {&RESOURCE_CACHE_RUNTIME_CLASSES, "", false, false},
    {&RESOURCE_DATASETS, "", false, false},
    {&RESOURCE_CACHE_RUNTIMES, "", false, false},
    {&RESOURCE_STATEFUL_SETS, OURS, false, false},
    {&RESOURCE_DAEMON_SETS, OURS, false, false},
    {&RESOURCE_DEPLOYMENTS, OURS, false, false},
    {&RESOURCE_KRUISE_STATEFUL_SETS, OURS, false, true},
    {&RESOURCE_ADVANCED_STATEFUL_SETS, OURS, false, true},
    {&RESOURCE_SERVICES, OURS, false, false},
    {&RESOURCE_CONFIG_MAPS, OURS, false, false},
    {&RESOURCE_PODS, OURS, false, false},
    {&RESOURCE_PERSISTENT_VOLUMES, OURS, false, false},
    {&RESOURCE_PERSISTENT_VOLUME_CLAIMS, OURS, false, false},
    {&RESOURCE_NODES, "", true, false},
};

/* One collection. */
struct watched {
    struct watches *watches;
    const struct resource *resource;
    struct sv namespace_name; /* SV(""): the cluster's */
    struct reflector *reflector;
    uint64_t list_count;
    struct error told_trouble; /* in the log */
    int64_t told_ms;
};

enum {
    /* A cause that becomes another one is told, but not with every try. */
    TELL_INTERVAL_MS = 10 * 1000,
    /* What stops one mostly stops all, a moment later, and is one line. */
    TELL_DELAY_MS = 1000,
    NAMES_TOLD_MAX = 3,
    NAMES_BYTES_MAX = 2048,
};

struct watches {
    struct watches_options options;
    struct arena *texts;
    VEC(struct watched *) all; /* reflectors point to them */
    struct watches_stats stats;
    int64_t tell_ms; /* when troubles are told; DEADLINE_NEVER: there is nothing new */
};

/* --- from the watches to the cache --- */

static void sink_upsert(void *context, const struct cJSON *object) {
    struct watched *watched = context;
    AUTO(arena) arena = arena_new();
    cache_store_upsert(watched->watches->options.store, watched->resource,
                       index_keep(watched->resource, object, arena));
    watched->watches->stats.events++;
}

static bool sink_has(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                     struct sv resource_version) {
    const struct watched *watched = context;
    return cache_store_has(watched->watches->options.store, watched->resource, namespace_name, name,
                           uid, resource_version);
}

static void sink_confirm(void *context, struct sv namespace_name, struct sv name) {
    struct watched *watched = context;
    cache_store_confirm(watched->watches->options.store, watched->resource, namespace_name, name);
    watched->watches->stats.events++;
}

static void sink_remove(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                        const struct cJSON *object) {
    struct watched *watched = context;
    (void)object;
    cache_store_remove(watched->watches->options.store, watched->resource, namespace_name, name,
                       uid);
    watched->watches->stats.events++;
}

static bool sink_is_full(void *context) {
    const struct watches *watches = ((struct watched *)context)->watches;
    const struct cache_store *store = watches->options.store;
    size_t memory = cache_store_count(store) * WATCHES_OBJECT_OVERHEAD + cache_store_bytes(store);
    return memory >= watches->options.memory_max;
}

/* --- life --- */

static void add(struct watches *watches, size_t kind, struct sv namespace_name) {
    struct watched *watched = ARENA_NEW(watches->texts, struct watched);
    *watched = (struct watched){
        .watches = watches,
        .resource = kinds[kind].resource,
        .namespace_name = namespace_name,
        .reflector = reflector_new(&(struct reflector_options){
            .transport = watches->options.transport,
            .resource = kinds[kind].resource,
            .namespace_name = namespace_name,
            .label_selector = sv_from(kinds[kind].label_selector),
            .field_selector = SV(""),
            .metadata_only = kinds[kind].metadata_only,
            .unread = index_unread(kinds[kind].resource),
            .may_be_missing = kinds[kind].may_be_missing,
            .streams_lists = watches->options.streams_lists,
            .seed = watches->options.seed,
            .sink = {.upsert = sink_upsert,
                     .has = sink_has,
                     .confirm = sink_confirm,
                     .remove = sink_remove,
                     .is_full = sink_is_full,
                     .context = watched},
        }),
    };
    vec_push(&watches->all, watched);
}

static bool has(const struct watches *watches, const struct resource *resource,
                struct sv namespace_name) {
    for (size_t i = 0; i < watches->all.count; i++)
        if (watches->all.items[i]->resource == resource &&
            sv_eq(watches->all.items[i]->namespace_name, namespace_name))
            return true;
    return false;
}

static void add_kind(struct watches *watches, size_t kind) {
    struct sv rest = watches->options.namespaces;
    if (!kinds[kind].resource->is_namespaced || rest.len == 0)
        add(watches, kind, SV(""));
    else
        while (rest.len > 0) {
            struct sv namespace_name = sv_trim(sv_cut(&rest, ','));
            /* A name given twice, or none between two commas. */
            if (namespace_name.len > 0 && !has(watches, kinds[kind].resource, namespace_name))
                add(watches, kind, namespace_name);
        }
}

struct watches *watches_new(const struct watches_options *options) {
    struct watches *watches = mem_alloc(sizeof(*watches));
    watches->options = *options;
    watches->texts = arena_new();
    watches->options.namespaces = arena_copy(watches->texts, options->namespaces);
    watches->tell_ms = DEADLINE_NEVER;
    size_t memory_max = options->memory_max;
    if (memory_max == 0 || memory_max > WATCHES_MEMORY_MAX)
        watches->options.memory_max = WATCHES_MEMORY_MAX;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        add_kind(watches, i);
    return watches;
}

void watches_free(struct watches *watches) {
    if (!watches)
        return;
    for (size_t i = 0; i < watches->all.count; i++)
        reflector_free(watches->all.items[i]->reflector);
    vec_release(&watches->all);
    arena_free(watches->texts);
    mem_free(watches);
}

/* --- working --- */

bool watches_take(struct watches *watches, const struct completion *completion, int64_t now_ms) {
    for (size_t i = 0; i < watches->all.count; i++)
        if (reflector_take(watches->all.items[i]->reflector, completion, now_ms))
            return true;
    return false;
}

/* "pods", "pods in a". */
static struct sv name_of(const struct watched *watched, struct sv kind, struct arena *arena) {
    if (watched->namespace_name.len == 0)
        return kind;
    return arena_printf(arena, "%.*s in %.*s", SV_ARG(kind), SV_ARG(watched->namespace_name));
}

static const struct error *trouble_of(const struct watched *watched) {
    static const struct error none = {0};
    const struct error *trouble = reflector_trouble(watched->reflector);
    return trouble ? trouble : &none;
}

/* Namespaces need not be there to be listed: what is not found is the kind. */
static const char *advice_for(const struct error *trouble) {
    return trouble->code == ERROR_NOT_FOUND ? "; is its CRD installed?" : "";
}

static bool is_alike(const struct error *a, const struct error *b) {
    return a->code == b->code && (a->code == ERROR_NONE || strcmp(a->message, b->message) == 0);
}

/* Each trouble once, and when it is over. */
static bool is_worth_telling(const struct watched *watched, int64_t now_ms) {
    const struct error *trouble = trouble_of(watched);
    if (trouble->code != watched->told_trouble.code)
        return trouble->code != ERROR_EXPIRED;
    return now_ms >= watched->told_ms + TELL_INTERVAL_MS &&
           !is_alike(trouble, &watched->told_trouble);
}

/* Of that one, and of all behind it that it is the same for. */
static void tell_alike(struct watches *watches, size_t first, int64_t now_ms) {
    AUTO(arena) arena = arena_new();
    struct error trouble = *trouble_of(watches->all.items[first]);
    struct buf names;
    size_t count = 0;
    buf_init(&names, NAMES_BYTES_MAX);
    for (size_t i = first; i < watches->all.count; i++) {
        struct watched *watched = watches->all.items[i];
        if (!is_worth_telling(watched, now_ms) || !is_alike(trouble_of(watched), &trouble))
            continue;
        struct sv name = name_of(watched, watched->resource->plural, arena);
        watched->told_trouble = trouble;
        watched->told_ms = now_ms;
        if (++count <= NAMES_TOLD_MAX &&
            !buf_printf(&names, "%s%.*s", count > 1 ? ", " : "", SV_ARG(name)))
            break;
    }
    if (count > NAMES_TOLD_MAX && !buf_printf(&names, " and %zu more", count - NAMES_TOLD_MAX))
        buf_clear(&names);
    log_line(watches->options.log, trouble.code == ERROR_NONE ? LOG_INFO : LOG_WARNING,
             "watching %.*s: %s%s", SV_ARG(buf_view(&names)),
             trouble.code == ERROR_NONE ? "works again" : trouble.message, advice_for(&trouble));
    buf_release(&names);
}

/* Returns when there is something to tell. */
static int64_t tell_troubles(struct watches *watches, int64_t now_ms) {
    size_t first = 0;
    if (watches->options.log->level_max < LOG_WARNING)
        return DEADLINE_NEVER;
    while (first < watches->all.count && !is_worth_telling(watches->all.items[first], now_ms))
        first++;
    if (first == watches->all.count)
        watches->tell_ms = DEADLINE_NEVER;
    else if (watches->tell_ms == DEADLINE_NEVER)
        watches->tell_ms = now_ms + TELL_DELAY_MS;
    if (now_ms < watches->tell_ms)
        return watches->tell_ms;
    watches->tell_ms = DEADLINE_NEVER;
    for (size_t i = first; i < watches->all.count; i++)
        if (is_worth_telling(watches->all.items[i], now_ms))
            tell_alike(watches, i, now_ms);
    return DEADLINE_NEVER;
}

static void note_lists(struct watched *watched) {
    uint64_t list_count = reflector_list_count(watched->reflector);
    if (list_count == watched->list_count)
        return;
    if (watched->list_count) {
        watched->watches->stats.relists++;
        cache_store_drop_overlays(watched->watches->options.store, watched->resource);
    }
    watched->list_count = list_count;
}

int64_t watches_step(struct watches *watches, int64_t now_ms) {
    int64_t next_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < watches->all.count; i++) {
        struct watched *watched = watches->all.items[i];
        int64_t due_ms = reflector_step(watched->reflector, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
        note_lists(watched);
    }
    return deadline_earlier(next_ms, tell_troubles(watches, now_ms));
}

/* --- questions --- */

bool watches_are_synced(const struct watches *watches) {
    for (size_t i = 0; i < watches->all.count; i++)
        if (!reflector_is_synced(watches->all.items[i]->reflector))
            return false;
    return true;
}

static bool write_one(const struct watched *watched, struct buf *text) {
    AUTO(arena) arena = arena_new();
    const struct error *trouble = trouble_of(watched);
    struct sv name = name_of(watched, resource_qualified(watched->resource, arena), arena);
    const char *state = reflector_is_synced(watched->reflector) ? "ok" : "is being listed";
    return buf_printf(text, "%.*s: %s%s\n", SV_ARG(name),
                      trouble->code != ERROR_NONE ? trouble->message : state, advice_for(trouble));
}

void watches_list_missing(const struct watches *watches, struct buf *text) {
    bool fits = true;
    for (size_t i = 0; i < watches->all.count && fits; i++)
        if (!reflector_is_synced(watches->all.items[i]->reflector))
            fits = write_one(watches->all.items[i], text);
}

void watches_list_stale(const struct watches *watches, struct buf *text) {
    bool fits = true;
    for (size_t i = 0; i < watches->all.count && fits; i++) {
        const struct reflector *reflector = watches->all.items[i]->reflector;
        if (reflector_is_synced(reflector) && reflector_trouble(reflector))
            fits = write_one(watches->all.items[i], text);
    }
}

void watches_list_all(const struct watches *watches, struct buf *text) {
    bool fits = true;
    for (size_t i = 0; i < watches->all.count && fits; i++)
        fits = write_one(watches->all.items[i], text);
}

struct watches_stats watches_stats(const struct watches *watches) {
    return watches->stats;
}
