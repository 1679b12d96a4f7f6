/* SPDX-License-Identifier: Apache-2.0 */
#include "core/controller/watches.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/test.h"
#include "core/cache/cache_store.h"
#include "core/client/transport.h"
#include "core/data/json.h"

enum {
    REQUESTS_MAX = 64,
    TEXT_BYTES_MAX = 64 * 1024,
    LINE_BYTES_MAX = 512,
    LISTED = 20,
    MEMORY_MAX = 5 * 1024
};

/* Remembers what was asked for, "pods in a", and whether as a stream. */
struct bed {
    struct transport transport;
    struct arena *arena;
    struct cache_store *store;
    struct sv asked[REQUESTS_MAX];
    size_t count, stream_count;
};

static uint64_t start(struct transport *transport, const struct request *request) {
    struct bed *bed = (struct bed *)transport;
    assert(bed->count < REQUESTS_MAX);
    bed->asked[bed->count++] = arena_printf(bed->arena, "%.*s in %.*s", SV_ARG(request->plural),
                                            SV_ARG(request->namespace_name));
    bed->stream_count += request->send_initial_events;
    return bed->count;
}

static bool take(struct transport *transport, struct completion *ret_completion) {
    (void)transport, (void)ret_completion;
    return false;
}

static void cancel(struct transport *transport, uint64_t id) {
    (void)transport, (void)id;
}

static void groups(void *context, const struct resource *resource, const struct cJSON *object,
                   struct arena *arena, struct cache_groups *ret_groups) {
    (void)context, (void)resource, (void)object, (void)arena, (void)ret_groups;
}

static void changed(void *context, const struct resource *resource, struct sv group) {
    (void)context, (void)resource, (void)group;
}

static struct watches *begin_with(struct bed *bed, struct sv namespaces, bool streams_lists,
                                  struct log *log) {
    *bed = (struct bed){
        .transport = {.start = start, .take = take, .cancel = cancel},
        .arena = arena_new(),
        .store = cache_store_new(&(struct cache_index){.groups = groups, .changed = changed}),
    };
    struct watches *watches = watches_new(&(struct watches_options){
        .transport = &bed->transport,
        .log = log,
        .store = bed->store,
        .namespaces = namespaces,
        .streams_lists = streams_lists,
        .seed = 1,
        .memory_max = MEMORY_MAX,
    });
    watches_step(watches, 0);
    return watches;
}

static struct watches *begin(struct bed *bed, struct sv namespaces, bool streams_lists) {
    return begin_with(bed, namespaces, streams_lists, log_none());
}

static void end(struct bed *bed, struct watches *watches) {
    watches_free(watches);
    cache_store_free(bed->store);
    arena_free(bed->arena);
}

static size_t times_asked(const struct bed *bed, struct sv what) {
    size_t count = 0;
    for (size_t i = 0; i < bed->count; i++)
        count += sv_eq(bed->asked[i], what);
    return count;
}

static const struct {
    struct sv namespaces;
    size_t request_count, in_all, in_a, in_b;
} cases[] = {
    {SV(""), 14, 1, 0, 0},
    {SV("a"), 14, 0, 1, 0},
    {SV("a, b"), 25, 0, 1, 1},
    {SV("a,b,,a"), 25, 0, 1, 1},
};

TEST(each_namespace_has_watches_of_its_own_and_the_cluster_is_watched_once) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bed bed;
        struct watches *watches = begin(&bed, cases[i].namespaces, i % 2);
        CHECK(bed.count == cases[i].request_count);
        CHECK(times_asked(&bed, SV("pods in ")) == cases[i].in_all);
        CHECK(times_asked(&bed, SV("pods in a")) == cases[i].in_a);
        CHECK(times_asked(&bed, SV("pods in b")) == cases[i].in_b);
        CHECK(times_asked(&bed, SV("nodes in ")) == 1);
        CHECK(times_asked(&bed, SV("persistentvolumes in ")) == 1);
        CHECK(bed.stream_count == (i % 2 ? bed.count : 0));
        CHECK(!watches_are_synced(watches));
        end(&bed, watches);
    }
}

/* Remembers how many lines there were, and the last one. */
struct counting_log {
    struct log log;
    size_t count;
    char last[LINE_BYTES_MAX];
};

static void count_line(struct log *log, enum log_level level, struct sv line) {
    struct counting_log *counting = (struct counting_log *)log;
    (void)level;
    counting->count++;
    snprintf(counting->last, sizeof(counting->last), "%.*s", SV_ARG(line));
}

TEST(a_trouble_is_told_once_and_again_when_it_becomes_another) {
    static const struct {
        int64_t at_ms;
        const char *message;
        size_t lines;
    } tries[] = {
        {0, "refused", 1},          {100 * 1000, "refused", 1}, {200 * 1000, "bad certificate", 2},
        {203 * 1000, "refused", 2}, {300 * 1000, "refused", 3},
    };
    struct counting_log log = {.log = {.write = count_line, .level_max = LOG_INFO}};
    struct bed bed;
    struct watches *watches = begin_with(&bed, SV(""), false, &log.log);
    uint64_t id = 1;
    for (size_t i = 0; i < COUNT_OF(tries); i++) {
        struct completion completion = {.id = id, .type = COMPLETION_RESPONSE};
        error_set(&completion.err, ERROR_UNAVAILABLE, "%s", tries[i].message);
        CHECK(watches_take(watches, &completion, tries[i].at_ms));
        watches_step(watches, tries[i].at_ms);
        watches_step(watches, tries[i].at_ms + 1000);
        CHECK(log.count == tries[i].lines);
        watches_step(watches, tries[i].at_ms + 60 * 1000);
        id = bed.count;
    }
    end(&bed, watches);
}

static void answer_all(struct watches *watches, struct completion completion, size_t count,
                       int64_t now_ms) {
    for (size_t i = 0; i < count; i++) {
        completion.id = i + 1;
        CHECK(watches_take(watches, &completion, now_ms + (int64_t)i));
        watches_step(watches, now_ms + (int64_t)i);
    }
}

TEST(what_stops_all_of_them_is_one_line) {
    struct counting_log log = {.log = {.write = count_line, .level_max = LOG_INFO}};
    struct bed bed;
    struct watches *watches = begin_with(&bed, SV(""), false, &log.log);
    struct completion completion = {.type = COMPLETION_RESPONSE};
    error_set(&completion.err, ERROR_UNAVAILABLE, "Connection refused");
    answer_all(watches, completion, bed.count, 0);
    CHECK(log.count == 0);
    watches_step(watches, 1000);
    CHECK(log.count == 1);
    CHECK_SV(sv_from(log.last), SV("watching cacheruntimeclasses, datasets, cacheruntimes and 11 "
                                   "more: Connection refused"));
    watches_step(watches, 100 * 1000);
    CHECK(log.count == 1);
    end(&bed, watches);
}

static size_t memory_of(const struct cache_store *store) {
    return cache_store_count(store) * WATCHES_OBJECT_OVERHEAD + cache_store_bytes(store);
}

TEST(a_list_without_an_end_fills_no_more_than_its_share) {
    struct counting_log log = {.log = {.write = count_line, .level_max = LOG_INFO}};
    struct bed bed;
    struct watches *watches = begin_with(&bed, SV(""), true, &log.log);
    for (size_t i = 0; i < LISTED; i++) {
        AUTO(arena) arena = arena_new();
        struct completion completion = {.id = 1,
                                        .type = COMPLETION_WATCH_EVENT,
                                        .event_type = WATCH_ADDED,
                                        .body = json_map(arena)};
        struct cJSON *metadata =
            json_ensure_map(arena, (struct cJSON *)completion.body, SV("metadata"));
        json_set_string(arena, metadata, SV("name"), arena_printf(arena, "n%zu", i));
        size_t count = cache_store_count(bed.store);
        bool is_full = memory_of(bed.store) >= MEMORY_MAX;
        (void)watches_take(watches, &completion, 0);
        CHECK(cache_store_count(bed.store) == (is_full ? count : count + 1));
    }
    CHECK(memory_of(bed.store) >= MEMORY_MAX);
    CHECK(cache_store_count(bed.store) < LISTED);
    watches_step(watches, 0);
    watches_step(watches, 1000);
    CHECK_SV(sv_from(log.last), SV("watching cacheruntimeclasses: the cache is full: the server "
                                   "has more objects than can be followed"));
    end(&bed, watches);
}

/* Whoever reads only the log learns what to do. */
TEST(a_kind_that_is_not_there_is_told_with_what_may_be_missing) {
    struct counting_log log = {.log = {.write = count_line, .level_max = LOG_WARNING}};
    struct bed bed;
    struct watches *watches = begin_with(&bed, SV(""), false, &log.log);
    struct completion completion = {.type = COMPLETION_RESPONSE, .http_status = 404};
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    error_set(&completion.err, ERROR_NOT_FOUND, "the server could not find it");
    answer_all(watches, completion, 3, 0);
    watches_step(watches, 1000);
    CHECK_SV(sv_from(log.last), SV("watching cacheruntimeclasses, datasets, cacheruntimes: the "
                                   "server could not find it; is its CRD installed?"));
    watches_list_missing(watches, &text);
    CHECK(sv_contains(buf_view(&text), SV("datasets.data.fluid.io: the server could not find it; "
                                          "is its CRD installed?\n")));
    buf_release(&text);
    end(&bed, watches);
}

TEST(what_is_missing_is_named_with_its_namespace) {
    struct bed bed;
    struct watches *watches = begin(&bed, SV("a,b"), false);
    struct completion completion = {.type = COMPLETION_RESPONSE};
    for (size_t i = 0; i < bed.count; i++)
        if (sv_eq(bed.asked[i], SV("datasets in b")))
            completion.id = i + 1;
    error_set(&completion.err, ERROR_FORBIDDEN, "datasets is forbidden");
    CHECK(watches_take(watches, &completion, 0));
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    watches_list_missing(watches, &text);
    CHECK(sv_contains(buf_view(&text), SV("datasets.data.fluid.io in a: is being listed\n")));
    CHECK(sv_contains(buf_view(&text), SV("datasets.data.fluid.io in b: datasets is forbidden\n")));
    CHECK(sv_contains(buf_view(&text), SV("\nnodes: is being listed\n")));
    buf_release(&text);
    end(&bed, watches);
}
