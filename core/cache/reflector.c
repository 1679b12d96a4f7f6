/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cache/reflector.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/data/json.h"

enum {
    PAGE_ITEMS = 500,
    /* An object may have 3 MiB on the wire, and a page of 500 more than can be taken: then fewer
     * are asked for, by such steps. So many are always taken. */
    PAGE_ITEMS_MIN = 10,
    PAGE_STEP = 5,
    /* The server ends a watch then; jittered, so that not all are opened again at once. */
    WATCH_SECONDS_MIN = 300,
    WATCH_SECONDS_SPREAD = 300,
    /* A watch that is silent for that long behind its own end is a dead connection. */
    WATCH_GRACE_MS = 30 * 1000,
    /* A server in trouble takes watches and ends them at once. */
    WATCH_SETTLED_MS = 1000,
    BACKOFF_MS_MIN = 800,
    BACKOFF_MS_MAX = 30 * 1000,
    /* After an expiry, which meets all who watch at once. */
    RELIST_MS_SPREAD = 1000,
    /* A server that streams a collection does not pause; one that never says where the initial
     * events end does not know what was asked of it. */
    STREAM_SILENCE_MS_MAX = 10 * 1000,
    /* Whether a kind has come that the cluster did not have. */
    MISSING_RETRY_MS = 10 * 60 * 1000,
};

enum phase {
    PHASE_LIST_DUE,  /* start a list (or its next page) at retry_ms */
    PHASE_LISTING,   /* waits for a page */
    PHASE_STREAMING, /* a watch that begins with what there is, up to a bookmark */
    PHASE_WATCH_DUE, /* start a watch at retry_ms */
    PHASE_WATCHING,
};

/* What is known of one object, in one block: there are as many as objects. */
struct known {
    uint64_t list_number; /* the list that saw it last */
    uint32_t uid_bytes, version_bytes;
    char texts[]; /* the uid, and behind it the resource version */
};

struct reflector {
    struct transport *transport;
    const struct resource *resource;
    struct arena *texts;
    struct sv namespace_name, label_selector, field_selector;
    bool metadata_only, may_be_missing, streams_lists;
    struct unread unread;
    struct known_versions known_versions;
    struct rng rng;
    struct reflector_sink sink;

    enum phase phase;
    uint64_t request_id; /* 0: none */
    int64_t retry_ms;    /* when the due phase begins */
    int64_t backoff_ms;
    int64_t watch_end_ms;
    int64_t stream_end_ms; /* of the phase STREAMING, by its silence */
    int64_t settled_ms;    /* when a watch that the server took has stood long enough */
    bool is_synced;
    struct error trouble;
    uint64_t list_number;
    size_t list_items; /* of the list under way */
    int64_t page_items;
    char continue_token[4096];
    char resource_version[64]; /* where a watch resumes */
    struct map *known;         /* "ns/name" -> struct known */
};

/* --- what is known --- */

enum { KEY_BYTES_MAX = 512 };

static struct sv key_of(char *space, struct sv namespace_name, struct sv name) {
    const struct sv parts[] = {namespace_name, SV("/"), name};
    return sv_join(space, KEY_BYTES_MAX, parts, COUNT_OF(parts));
}

static struct known *known_new(uint64_t list_number, struct sv uid, struct sv version) {
    struct known *known = mem_alloc(sizeof(*known) + uid.len + version.len);
    known->list_number = list_number;
    known->uid_bytes = (uint32_t)uid.len;
    known->version_bytes = (uint32_t)version.len;
    memcpy(known->texts, uid.ptr, uid.len);
    memcpy(known->texts + uid.len, version.ptr, version.len);
    return known;
}

static struct sv known_uid(const struct known *known) {
    return (struct sv){known->texts, known->uid_bytes};
}

static struct sv known_version(const struct known *known) {
    return (struct sv){known->texts + known->uid_bytes, known->version_bytes};
}

/* It was delivered, or the sink has it from elsewhere. */
static bool has_version(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                        struct sv resource_version) {
    const struct reflector *reflector = context;
    const struct reflector_sink *sink = &reflector->sink;
    char space[KEY_BYTES_MAX];
    const struct known *known = map_get(reflector->known, key_of(space, namespace_name, name));
    if (known && !sv_eq(known_uid(known), uid))
        return false;
    if (known && sv_eq(known_version(known), resource_version))
        return true;
    return sink->has && sink->has(sink->context, namespace_name, name, uid, resource_version);
}

/* --- life --- */

struct reflector *reflector_new(const struct reflector_options *options) {
    struct reflector *reflector = mem_alloc(sizeof(*reflector));
    struct arena *texts = arena_new();
    *reflector = (struct reflector){
        .transport = options->transport,
        .resource = options->resource,
        .texts = texts,
        .namespace_name = arena_copy(texts, options->namespace_name),
        .label_selector = arena_copy(texts, options->label_selector),
        .field_selector = arena_copy(texts, options->field_selector),
        .metadata_only = options->metadata_only,
        .unread = options->unread,
        .may_be_missing = options->may_be_missing,
        .streams_lists = options->streams_lists,
        .sink = options->sink,
        .known = map_new(),
        .page_items = PAGE_ITEMS,
        .settled_ms = DEADLINE_NEVER,
    };
    reflector->known_versions = (struct known_versions){.has = has_version, .context = reflector};
    reflector->unread.known = &reflector->known_versions;
    rng_init_named(&reflector->rng, options->seed, options->resource->plural);
    return reflector;
}

void reflector_free(struct reflector *reflector) {
    if (!reflector)
        return;
    if (reflector->request_id)
        transport_cancel(reflector->transport, reflector->request_id);
    map_free_with_values(reflector->known);
    arena_free(reflector->texts);
    mem_free(reflector);
}

bool reflector_is_synced(const struct reflector *reflector) {
    return reflector->is_synced;
}

const struct error *reflector_trouble(const struct reflector *reflector) {
    return reflector->trouble.code == ERROR_NONE ? NULL : &reflector->trouble;
}

uint64_t reflector_list_count(const struct reflector *reflector) {
    return reflector->list_number;
}

/* --- delivering --- */

static void forget(struct reflector *reflector, struct sv key, const struct cJSON *object) {
    struct known *known = map_get(reflector->known, key);
    if (!known)
        return;
    struct sv name = key;
    struct sv namespace_name = sv_cut(&name, '/');
    AUTO(arena) arena = arena_new();
    /* The key goes away with the entry. */
    namespace_name = arena_copy(arena, namespace_name);
    name = arena_copy(arena, name);
    struct sv uid = arena_copy(arena, known_uid(known));
    mem_free(map_remove(reflector->known, key));
    reflector->sink.remove(reflector->sink.context, namespace_name, name, uid, object);
}

static bool has_room(const struct reflector *reflector) {
    return !reflector->sink.is_full || !reflector->sink.is_full(reflector->sink.context);
}

static void tell(const struct reflector *reflector, const struct cJSON *object, bool is_known) {
    const struct reflector_sink *sink = &reflector->sink;
    if (is_known)
        sink->confirm(sink->context, object_namespace(object), object_name(object));
    else
        sink->upsert(sink->context, object);
}

/* `is_known` as in a completion. False, and told, when there is no room for it. */
static bool deliver(struct reflector *reflector, const struct cJSON *object, bool is_known) {
    char space[KEY_BYTES_MAX];
    struct sv key = key_of(space, object_namespace(object), object_name(object));
    struct known *known = map_get(reflector->known, key);
    struct sv uid = object_uid(object);
    /* Deleted and made again while nobody looked: the old one is gone first. */
    if (known && !sv_eq(known_uid(known), uid)) {
        forget(reflector, key, NULL);
        known = NULL;
    }
    struct sv version = object_resource_version(object);
    bool is_news = !known || !sv_eq(known_version(known), version);
    if (!known && !has_room(reflector))
        return error_set(&reflector->trouble, ERROR_TOO_LARGE,
                         "the cache is full: the server has more objects than can be followed");
    if (is_news)
        mem_free(map_put(reflector->known, key, known_new(reflector->list_number, uid, version)));
    else
        known->list_number = reflector->list_number;
    if (is_news)
        tell(reflector, object, is_known);
    return true;
}

/* --- lists --- */

static void back_off(struct reflector *reflector, int64_t now_ms, int64_t at_least_ms) {
    reflector->backoff_ms = reflector->backoff_ms ? reflector->backoff_ms * 2 : BACKOFF_MS_MIN;
    if (reflector->backoff_ms > BACKOFF_MS_MAX)
        reflector->backoff_ms = BACKOFF_MS_MAX;
    int64_t jitter = (int64_t)rng_below(&reflector->rng, (uint64_t)reflector->backoff_ms);
    int64_t wait_ms = reflector->backoff_ms / 2 + jitter;
    reflector->retry_ms = now_ms + (wait_ms > at_least_ms ? wait_ms : at_least_ms);
}

static void relist(struct reflector *reflector) {
    reflector->phase = PHASE_LIST_DUE;
    reflector->continue_token[0] = '\0';
    reflector->retry_ms = 0;
}

static void stop_watch(struct reflector *reflector) {
    reflector->settled_ms = DEADLINE_NEVER;
    if (reflector->request_id)
        transport_cancel(reflector->transport, reflector->request_id);
    reflector->request_id = 0;
}

static void give_up(struct reflector *reflector, int64_t now_ms) {
    assert(reflector->trouble.code != ERROR_NONE);
    stop_watch(reflector);
    relist(reflector);
    back_off(reflector, now_ms, 0);
}

/* False, and told, when so many are no list. */
static bool count_items(struct reflector *reflector, size_t count) {
    reflector->list_items += count;
    return reflector->list_items <= LIST_ITEMS_MAX ||
           error_set(&reflector->trouble, ERROR_TOO_LARGE,
                     "the server's list has no end: over %d items", LIST_ITEMS_MAX);
}

static void relist_expired(struct reflector *reflector, int64_t now_ms) {
    relist(reflector);
    reflector->retry_ms = now_ms + (int64_t)rng_below(&reflector->rng, RELIST_MS_SPREAD);
}

static void copy_text(char *to, size_t bytes, struct sv text) {
    size_t len = text.len < bytes ? text.len : bytes - 1;
    memcpy(to, text.ptr, len);
    to[len] = '\0';
}

static struct request request_of(const struct reflector *reflector, enum verb verb) {
    return (struct request){
        .verb = verb,
        .group = reflector->resource->group,
        .version = reflector->resource->version,
        .plural = reflector->resource->plural,
        .namespace_name = reflector->namespace_name,
        .name = SV(""),
        .subresource = SV(""),
        .label_selector = reflector->label_selector,
        .field_selector = reflector->field_selector,
        .metadata_only = reflector->metadata_only,
        .unread = reflector->unread,
    };
}

static void start_list(struct reflector *reflector) {
    bool is_first = reflector->continue_token[0] == '\0';
    struct request request = request_of(reflector, VERB_LIST);
    request.continue_token = sv_from(reflector->continue_token);
    request.limit = reflector->page_items;
    if (is_first) {
        reflector->list_number++;
        reflector->list_items = 0;
    }
    reflector->request_id = transport_start(reflector->transport, &request);
    reflector->phase = PHASE_LISTING;
}

/* Everything that the finished list did not see is gone. */
static void drop_missing(struct reflector *reflector) {
    size_t cursor = 0;
    struct sv key;
    void *value;
    while (map_next(reflector->known, &cursor, &key, &value)) {
        const struct known *known = value;
        char space[KEY_BYTES_MAX];
        if (known->list_number == reflector->list_number || key.len >= sizeof(space))
            continue;
        memcpy(space, key.ptr, key.len);
        forget(reflector, (struct sv){space, key.len}, NULL);
    }
}

static void begin_watch(struct reflector *reflector, enum phase phase) {
    drop_missing(reflector);
    reflector->is_synced = true;
    reflector->trouble.code = ERROR_NONE;
    reflector->backoff_ms = 0;
    reflector->phase = phase;
    reflector->retry_ms = 0;
}

/* A kind that not every cluster has: there are none, and it may come. */
static void settle_without(struct reflector *reflector, int64_t now_ms) {
    reflector->trouble.code = ERROR_NONE;
    relist(reflector);
    drop_missing(reflector);
    reflector->is_synced = true;
    reflector->retry_ms = now_ms + MISSING_RETRY_MS;
}

/* What failed, when it is the whole collection that is gone: nothing is known of its objects until
 * it is back, least of all that there are none. */
static void note_absence(struct reflector *reflector) {
    if (reflector->trouble.code == ERROR_NOT_FOUND)
        reflector->is_synced = false;
}

/* Pages without items count as well: they too could go on for ever. */
static bool take_items(struct reflector *reflector, const struct cJSON *list) {
    JSON_EACH (item, json_get(list, SV("items"))) {
        if (!json_is_map(item))
            return error_set(&reflector->trouble, ERROR_INVALID,
                             "the server's list holds an item that is no object");
        if (!deliver(reflector, item, false))
            return false;
    }
    return count_items(reflector, reflector->page_items);
}

static void shrink_pages(struct reflector *reflector) {
    int64_t items = reflector->page_items / PAGE_STEP;
    reflector->page_items = items > PAGE_ITEMS_MIN ? items : PAGE_ITEMS_MIN;
}

static void take_page(struct reflector *reflector, const struct completion *completion,
                      int64_t now_ms) {
    reflector->request_id = 0;
    reflector->trouble = completion->err;
    if (completion->err.code == ERROR_EXPIRED) {
        /* The snapshot behind the pages is gone: from the start. */
        relist(reflector);
        back_off(reflector, now_ms, 0);
        return;
    }
    if (completion->err.code == ERROR_NOT_FOUND && reflector->may_be_missing) {
        settle_without(reflector, now_ms);
        return;
    }
    if (completion->err.code == ERROR_TOO_LARGE)
        shrink_pages(reflector);
    if (completion->err.code != ERROR_NONE) {
        note_absence(reflector);
        reflector->phase = PHASE_LIST_DUE;
        back_off(reflector, now_ms, completion->retry_after_ms);
        return;
    }
    if (!take_items(reflector, completion->body)) {
        give_up(reflector, now_ms);
        return;
    }
    struct sv token = json_find_string(completion->body, "metadata.continue");
    copy_text(reflector->continue_token, sizeof(reflector->continue_token), token);
    if (token.len > 0) {
        reflector->phase = PHASE_LIST_DUE;
        return;
    }
    copy_text(reflector->resource_version, sizeof(reflector->resource_version),
              json_find_string(completion->body, "metadata.resourceVersion"));
    begin_watch(reflector, PHASE_WATCH_DUE);
}

/* --- watches --- */

static struct request watch_request(struct reflector *reflector, int64_t now_ms) {
    int64_t seconds = WATCH_SECONDS_MIN + (int64_t)rng_below(&reflector->rng, WATCH_SECONDS_SPREAD);
    struct request request = request_of(reflector, VERB_WATCH);
    request.allow_watch_bookmarks = true;
    request.timeout_seconds = seconds;
    reflector->watch_end_ms = now_ms + seconds * 1000 + WATCH_GRACE_MS;
    return request;
}

static void start_watch(struct reflector *reflector, int64_t now_ms) {
    struct request request = watch_request(reflector, now_ms);
    request.resource_version = sv_from(reflector->resource_version);
    reflector->request_id = transport_start(reflector->transport, &request);
    reflector->settled_ms = DEADLINE_NEVER;
    reflector->phase = PHASE_WATCHING;
}

/* A list and a watch in one, object by object: neither side ever holds the whole list. */
static void start_stream(struct reflector *reflector, int64_t now_ms) {
    struct request request = watch_request(reflector, now_ms);
    request.send_initial_events = true;
    request.resource_version_match = SV("NotOlderThan");
    reflector->list_number++;
    reflector->list_items = 0;
    reflector->request_id = transport_start(reflector->transport, &request);
    reflector->stream_end_ms = now_ms + STREAM_SILENCE_MS_MAX;
    reflector->phase = PHASE_STREAMING;
}

/* The server does not know streams: pages, from now on. */
static void fall_back(struct reflector *reflector) {
    reflector->streams_lists = false;
    relist(reflector);
}

static bool ends_initial_events(const struct cJSON *bookmark) {
    return sv_eq(object_annotation(bookmark, SV("k8s.io/initial-events-end")), SV("true"));
}

static void take_bookmark(struct reflector *reflector, const struct cJSON *bookmark) {
    if (reflector->phase != PHASE_STREAMING)
        return;
    if (ends_initial_events(bookmark)) {
        begin_watch(reflector, PHASE_WATCHING);
        return;
    }
    stop_watch(reflector);
    fall_back(reflector);
}

static void take_object(struct reflector *reflector, const struct completion *completion,
                        int64_t now_ms) {
    bool is_listed = reflector->phase == PHASE_STREAMING;
    if (completion->event_type == WATCH_BOOKMARK) {
        take_bookmark(reflector, completion->body);
    } else if (completion->event_type == WATCH_DELETED) {
        char space[KEY_BYTES_MAX];
        forget(reflector,
               key_of(space, object_namespace(completion->body), object_name(completion->body)),
               completion->body);
    } else if (!deliver(reflector, completion->body, completion->is_known) ||
               (is_listed && !count_items(reflector, 1))) {
        give_up(reflector, now_ms);
    }
}

/* A quiet collection tells nothing for a minute, and is followed all the same. */
static void take_open(struct reflector *reflector, int64_t now_ms) {
    if (reflector->phase == PHASE_WATCHING)
        reflector->settled_ms = now_ms + WATCH_SETTLED_MS;
}

static void note_settled(struct reflector *reflector, int64_t now_ms) {
    if (reflector->settled_ms > now_ms)
        return;
    reflector->settled_ms = DEADLINE_NEVER;
    reflector->trouble.code = ERROR_NONE;
}

static void take_event(struct reflector *reflector, const struct completion *completion,
                       int64_t now_ms) {
    if (completion->event_type == WATCH_ERROR) {
        stop_watch(reflector);
        relist_expired(reflector, now_ms);
        if (completion->err.code != ERROR_EXPIRED)
            back_off(reflector, now_ms, completion->retry_after_ms);
        return;
    }
    /* That a list has begun does not say that it will end. */
    if (reflector->phase == PHASE_WATCHING) {
        reflector->backoff_ms = 0;
        reflector->trouble.code = ERROR_NONE;
    }
    reflector->stream_end_ms = now_ms + STREAM_SILENCE_MS_MAX;
    copy_text(reflector->resource_version, sizeof(reflector->resource_version),
              object_resource_version(completion->body));
    take_object(reflector, completion, now_ms);
}

/* A server that was restored from a backup is behind what we have seen, maybe for ever. */
static bool is_ahead_of_server(const struct completion *completion) {
    JSON_EACH (cause, json_find(completion->body, "details.causes"))
        if (sv_eq(json_find_string(cause, "reason"), SV("ResourceVersionTooLarge")))
            return true;
    return false;
}

static void take_stream_end(struct reflector *reflector, const struct completion *completion,
                            int64_t now_ms) {
    enum error_code code = completion->err.code;
    if (code == ERROR_NOT_FOUND && reflector->may_be_missing) {
        settle_without(reflector, now_ms);
    } else if (code == ERROR_INVALID || code == ERROR_UNSUPPORTED) {
        reflector->trouble.code = ERROR_NONE;
        fall_back(reflector);
    } else {
        note_absence(reflector);
        if (code == ERROR_NONE)
            error_set(&reflector->trouble, ERROR_UNAVAILABLE,
                      "the server ended the watch before it had told of every object");
        relist(reflector);
        back_off(reflector, now_ms, completion->retry_after_ms);
    }
}

static void take_watch_end(struct reflector *reflector, const struct completion *completion,
                           int64_t now_ms) {
    enum error_code code = completion->err.code;
    reflector->request_id = 0;
    reflector->settled_ms = DEADLINE_NEVER;
    reflector->trouble = completion->err;
    if (reflector->phase == PHASE_STREAMING) {
        take_stream_end(reflector, completion, now_ms);
    } else if (code == ERROR_EXPIRED || is_ahead_of_server(completion)) {
        relist_expired(reflector, now_ms);
    } else if (code == ERROR_NOT_FOUND) {
        /* The kind itself is gone: the list tells. */
        relist(reflector);
    } else {
        reflector->phase = PHASE_WATCH_DUE;
        reflector->retry_ms = 0;
        if (code != ERROR_NONE)
            back_off(reflector, now_ms, completion->retry_after_ms);
    }
}

bool reflector_take(struct reflector *reflector, const struct completion *completion,
                    int64_t now_ms) {
    if (reflector->request_id == 0 || completion->id != reflector->request_id)
        return false;
    if (reflector->phase == PHASE_LISTING)
        take_page(reflector, completion, now_ms);
    else if (completion->type == COMPLETION_WATCH_OPEN)
        take_open(reflector, now_ms);
    else if (completion->type == COMPLETION_WATCH_EVENT)
        take_event(reflector, completion, now_ms);
    else
        take_watch_end(reflector, completion, now_ms);
    return true;
}

static void end_silence(struct reflector *reflector, int64_t now_ms) {
    if (reflector->phase == PHASE_STREAMING && now_ms >= reflector->stream_end_ms) {
        stop_watch(reflector);
        fall_back(reflector);
    } else if (reflector->phase == PHASE_WATCHING && now_ms >= reflector->watch_end_ms) {
        stop_watch(reflector);
        reflector->phase = PHASE_WATCH_DUE;
        reflector->retry_ms = now_ms;
    }
}

static void start_due(struct reflector *reflector, int64_t now_ms) {
    if (reflector->phase == PHASE_WATCH_DUE)
        start_watch(reflector, now_ms);
    else if (reflector->streams_lists)
        start_stream(reflector, now_ms);
    else
        start_list(reflector);
}

static bool is_due_phase(const struct reflector *reflector) {
    return reflector->phase == PHASE_LIST_DUE || reflector->phase == PHASE_WATCH_DUE;
}

int64_t reflector_step(struct reflector *reflector, int64_t now_ms) {
    end_silence(reflector, now_ms);
    note_settled(reflector, now_ms);
    if (is_due_phase(reflector) && reflector->retry_ms <= now_ms)
        start_due(reflector, now_ms);
    switch (reflector->phase) {
    case PHASE_LISTING:
        return DEADLINE_NEVER;
    case PHASE_STREAMING:
        return reflector->stream_end_ms;
    case PHASE_WATCHING:
        return deadline_earlier(reflector->settled_ms, reflector->watch_end_ms);
    case PHASE_LIST_DUE:
    case PHASE_WATCH_DUE:
        break;
    }
    return reflector->retry_ms;
}
