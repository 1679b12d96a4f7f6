/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cache/reflector.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/test.h"
#include "core/data/json.h"

enum { NOW_MS = 1000, TEXT_BYTES_MAX = 512, LATER_MS = 60 * 1000 };

/* A transport that remembers the last request, and a picture of what the sink was told. */
struct bed {
    struct transport base;
    struct arena *arena;
    struct reflector *reflector;
    struct request request;
    char resource_version[64], continue_token[64];
    uint64_t last_id;
    size_t cancel_count;
    bool is_full;
    char told[TEXT_BYTES_MAX]; /* "+a -b " */
};

static uint64_t start(struct transport *base, const struct request *request) {
    struct bed *bed = (struct bed *)base;
    bed->request = *request;
    snprintf(bed->resource_version, sizeof(bed->resource_version), "%.*s",
             SV_ARG(request->resource_version));
    snprintf(bed->continue_token, sizeof(bed->continue_token), "%.*s",
             SV_ARG(request->continue_token));
    return ++bed->last_id;
}

static bool take(struct transport *base, struct completion *ret_completion) {
    (void)base, (void)ret_completion;
    return false;
}

static void cancel(struct transport *base, uint64_t id) {
    struct bed *bed = (struct bed *)base;
    (void)id;
    bed->cancel_count++;
}

static void tell(struct bed *bed, char sign, struct sv name) {
    size_t used = strlen(bed->told);
    snprintf(bed->told + used, sizeof(bed->told) - used, "%c%.*s ", sign, SV_ARG(name));
}

static void upsert(void *context, const struct cJSON *object) {
    tell(context, '+', object_name(object));
}

static void remove_object(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                          const struct cJSON *object) {
    (void)namespace_name, (void)uid, (void)object;
    tell(context, '-', name);
}

static bool has(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                struct sv resource_version) {
    (void)context, (void)namespace_name;
    return sv_eq(name, SV("c")) && sv_eq(uid, SV("c")) && sv_eq(resource_version, SV("9"));
}

static void confirm(void *context, struct sv namespace_name, struct sv name) {
    (void)namespace_name;
    tell(context, '=', name);
}

static bool is_full(void *context) {
    return ((struct bed *)context)->is_full;
}

static void bed_init(struct bed *bed, bool streams_lists, bool may_be_missing) {
    *bed = (struct bed){
        .base = {.start = start, .take = take, .cancel = cancel},
        .arena = arena_new(),
    };
    bed->reflector = reflector_new(&(struct reflector_options){
        .transport = &bed->base,
        .resource = &RESOURCE_PODS,
        .namespace_name = SV(""),
        .label_selector = SV("a=b"),
        .field_selector = SV(""),
        .may_be_missing = may_be_missing,
        .streams_lists = streams_lists,
        .seed = 1,
        .sink = {.upsert = upsert,
                 .has = has,
                 .confirm = confirm,
                 .remove = remove_object,
                 .is_full = is_full,
                 .context = bed},
    });
}

static void bed_release(struct bed *bed) {
    reflector_free(bed->reflector);
    arena_free(bed->arena);
}

static const struct cJSON *tree(struct bed *bed, const char *text) {
    struct error err = {0};
    const struct cJSON *root = json_read(bed->arena, sv_from(text), &err);
    CHECK_SV(sv_from(err.message), SV(""));
    return root;
}

static void answer(struct bed *bed, struct completion completion, int64_t now_ms) {
    completion.id = bed->last_id;
    CHECK(reflector_take(bed->reflector, &completion, now_ms));
}

static void answer_list(struct bed *bed, const char *list) {
    answer(bed, (struct completion){.type = COMPLETION_RESPONSE, .body = tree(bed, list)}, NOW_MS);
}

static void answer_event(struct bed *bed, enum watch_event_type type, const char *object) {
    answer(bed,
           (struct completion){
               .type = COMPLETION_WATCH_EVENT, .event_type = type, .body = tree(bed, object)},
           NOW_MS);
}

/* The end of a list or a watch. */
static void answer_error(struct bed *bed, enum error_code code, const char *body) {
    struct completion completion = {
        .type = bed->request.verb == VERB_WATCH ? COMPLETION_WATCH_END : COMPLETION_RESPONSE,
        .body = body ? tree(bed, body) : NULL,
    };
    if (code != ERROR_NONE)
        error_set(&completion.err, code, "%s", error_code_text(code));
    answer(bed, completion, NOW_MS);
}

/* Whether a request was started. */
static bool step(struct bed *bed, int64_t now_ms) {
    uint64_t before = bed->last_id;
    reflector_step(bed->reflector, now_ms);
    return bed->last_id != before;
}

#define POD(name, version)                                                                         \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"uid\":\"" name                     \
    "\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items)                                                                       \
    "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define BOOKMARK(version) "{\"metadata\":{\"resourceVersion\":\"" version "\"}}"
#define END_OF_INITIAL(version)                                                                    \
    "{\"metadata\":{\"resourceVersion\":\"" version                                                \
    "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}"
#define TOO_LARGE "{\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}}"

static void sync_by_list(struct bed *bed) {
    CHECK(step(bed, NOW_MS));
    CHECK(bed->request.verb == VERB_LIST);
    answer_list(bed, LIST("5", POD("a", "3") "," POD("b", "4")));
    CHECK(reflector_is_synced(bed->reflector));
    CHECK(step(bed, NOW_MS));
    CHECK(bed->request.verb == VERB_WATCH && !bed->request.send_initial_events);
    CHECK_SV(sv_from(bed->resource_version), SV("5"));
}

static void sync_by_stream(struct bed *bed) {
    CHECK(step(bed, NOW_MS));
    CHECK(bed->request.verb == VERB_WATCH && bed->request.send_initial_events);
    CHECK_SV(bed->request.resource_version_match, SV("NotOlderThan"));
    CHECK(bed->request.allow_watch_bookmarks && bed->request.resource_version.len == 0);
    answer_event(bed, WATCH_ADDED, POD("a", "3"));
    answer_event(bed, WATCH_ADDED, POD("b", "4"));
    CHECK(!reflector_is_synced(bed->reflector));
    answer_event(bed, WATCH_BOOKMARK, END_OF_INITIAL("5"));
    CHECK(reflector_is_synced(bed->reflector));
    /* The same request goes on as the watch. */
    CHECK(!step(bed, NOW_MS));
    CHECK_SV(sv_from(bed->told), SV("+a +b "));
}

TEST(a_list_then_a_watch_that_is_resumed_behind_the_last_bookmark) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    answer_event(&bed, WATCH_MODIFIED, POD("a", "6"));
    answer_event(&bed, WATCH_DELETED, POD("b", "7"));
    answer_event(&bed, WATCH_BOOKMARK, BOOKMARK("9"));
    answer_error(&bed, ERROR_NONE, NULL);
    CHECK(step(&bed, NOW_MS));
    CHECK_SV(sv_from(bed.resource_version), SV("9"));
    CHECK_SV(sv_from(bed.told), SV("+a +b +a -b "));
    CHECK(reflector_list_count(bed.reflector) == 1);
    bed_release(&bed);
}

/* As a transport asks that reads texts. */
static bool is_known(const struct bed *bed, struct sv name, struct sv uid, struct sv version) {
    const struct known_versions *known = bed->request.unread.known;
    return known->has(known->context, SV("n"), name, uid, version);
}

TEST(versions_that_are_known_from_elsewhere_are_confirmed) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    CHECK(is_known(&bed, SV("a"), SV("a"), SV("3")));
    CHECK(!is_known(&bed, SV("a"), SV("a"), SV("4")));
    CHECK(!is_known(&bed, SV("a"), SV("other"), SV("3")));
    CHECK(is_known(&bed, SV("c"), SV("c"), SV("9")));
    struct completion completion = {.type = COMPLETION_WATCH_EVENT,
                                    .event_type = WATCH_MODIFIED,
                                    .body = tree(&bed, POD("c", "9")),
                                    .is_known = true};
    answer(&bed, completion, NOW_MS);
    completion.body = tree(&bed, POD("a", "3"));
    answer(&bed, completion, NOW_MS);
    CHECK_SV(sv_from(bed.told), SV("+a +b =c "));
    CHECK(!is_known(&bed, SV("c"), SV("other"), SV("9")));
    answer_event(&bed, WATCH_DELETED, POD("c", "11"));
    CHECK_SV(sv_from(bed.told), SV("+a +b =c -c "));
    bed_release(&bed);
}

TEST(a_stream_is_the_list_and_the_watch) {
    struct bed bed;
    bed_init(&bed, true, false);
    sync_by_stream(&bed);
    answer_event(&bed, WATCH_MODIFIED, POD("a", "6"));
    answer_error(&bed, ERROR_NONE, NULL);
    CHECK(step(&bed, NOW_MS));
    CHECK(bed.request.verb == VERB_WATCH && !bed.request.send_initial_events);
    CHECK_SV(sv_from(bed.resource_version), SV("6"));
    CHECK_SV(sv_from(bed.told), SV("+a +b +a "));
    CHECK(reflector_list_count(bed.reflector) == 1);
    bed_release(&bed);
}

TEST(what_a_second_stream_does_not_name_is_gone) {
    struct bed bed;
    bed_init(&bed, true, false);
    sync_by_stream(&bed);
    answer_error(&bed, ERROR_EXPIRED, NULL);
    CHECK(step(&bed, LATER_MS));
    CHECK(bed.request.send_initial_events);
    answer_event(&bed, WATCH_ADDED, POD("b", "4"));
    /* Cut before the end: nothing is concluded. */
    answer_error(&bed, ERROR_UNAVAILABLE, NULL);
    CHECK(!step(&bed, NOW_MS));
    CHECK(step(&bed, LATER_MS));
    answer_event(&bed, WATCH_ADDED, POD("b", "4"));
    /* Ended in peace, but too early. */
    answer_error(&bed, ERROR_NONE, NULL);
    CHECK(reflector_trouble(bed.reflector));
    CHECK(!step(&bed, NOW_MS));
    CHECK(step(&bed, LATER_MS));
    answer_event(&bed, WATCH_ADDED, POD("b", "4"));
    CHECK_SV(sv_from(bed.told), SV("+a +b "));
    answer_event(&bed, WATCH_BOOKMARK, END_OF_INITIAL("9"));
    CHECK_SV(sv_from(bed.told), SV("+a +b -a "));
    bed_release(&bed);
}

/* What a server without WatchList does with such a request. */
static const struct {
    const char *name;
    enum error_code refusal; /* NONE: it takes it for an ordinary watch */
    bool is_silent;
} old_servers[] = {
    {"the gate is off", ERROR_INVALID, false},
    {"the verb is not known", ERROR_UNSUPPORTED, false},
    {"parameters are ignored, and bookmarks come", ERROR_NONE, false},
    {"parameters are ignored, and nothing comes", ERROR_NONE, true},
};

TEST(a_server_without_streams_is_asked_for_pages) {
    for (size_t i = 0; i < COUNT_OF(old_servers); i++) {
        struct bed bed;
        bed_init(&bed, true, false);
        CHECK(step(&bed, NOW_MS));
        if (old_servers[i].refusal != ERROR_NONE)
            answer_error(&bed, old_servers[i].refusal, NULL);
        else if (!old_servers[i].is_silent)
            answer_event(&bed, WATCH_BOOKMARK, BOOKMARK("2"));
        CHECK(step(&bed, old_servers[i].is_silent ? LATER_MS : NOW_MS));
        CHECK(bed.request.verb == VERB_LIST);
        CHECK(bed.cancel_count == (old_servers[i].refusal == ERROR_NONE ? 1 : 0));
        CHECK(!reflector_trouble(bed.reflector));
        answer_list(&bed, LIST("5", POD("a", "3")));
        /* For good: the next list is paged as well. */
        CHECK(step(&bed, NOW_MS));
        answer_error(&bed, ERROR_EXPIRED, NULL);
        CHECK(step(&bed, LATER_MS));
        CHECK(bed.request.verb == VERB_LIST);
        bed_release(&bed);
    }
}

/* How a watch ends, and what follows it. */
static const struct {
    enum error_code code;
    const char *body;
    bool is_listed_again, is_at_once, is_synced;
} watch_ends[] = {
    {ERROR_NONE, NULL, false, true, true},     {ERROR_UNAVAILABLE, NULL, false, false, true},
    {ERROR_TIMEOUT, NULL, false, false, true}, {ERROR_TIMEOUT, TOO_LARGE, true, false, true},
    {ERROR_EXPIRED, NULL, true, false, true},  {ERROR_NOT_FOUND, NULL, true, true, true},
};

TEST(a_watch_that_ends_is_resumed_or_listed_again) {
    for (size_t i = 0; i < COUNT_OF(watch_ends); i++) {
        struct bed bed;
        bed_init(&bed, false, false);
        sync_by_list(&bed);
        answer_error(&bed, watch_ends[i].code, watch_ends[i].body);
        bool is_started = step(&bed, NOW_MS);
        CHECK(is_started == watch_ends[i].is_at_once);
        CHECK(is_started || step(&bed, LATER_MS));
        CHECK(bed.request.verb == (watch_ends[i].is_listed_again ? VERB_LIST : VERB_WATCH));
        CHECK(reflector_is_synced(bed.reflector) == watch_ends[i].is_synced);
        bed_release(&bed);
    }
}

/* A quiet collection has no event and no bookmark for a minute. */
TEST(a_watch_that_is_open_again_is_no_trouble) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    answer_error(&bed, ERROR_UNAVAILABLE, NULL);
    CHECK(step(&bed, LATER_MS));
    CHECK(reflector_trouble(bed.reflector));
    answer(&bed, (struct completion){.type = COMPLETION_WATCH_OPEN}, LATER_MS);
    int64_t settled_ms = reflector_step(bed.reflector, LATER_MS);
    CHECK(settled_ms > LATER_MS && settled_ms <= LATER_MS + 5000);
    CHECK(reflector_trouble(bed.reflector));
    CHECK(!step(&bed, settled_ms));
    CHECK(!reflector_trouble(bed.reflector));
    bed_release(&bed);
}

/* Opened and ended at once, it is trouble all the time. */
TEST(a_watch_that_does_not_last_stays_trouble) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    for (int i = 1; i < 5; i++) {
        answer(&bed, (struct completion){.type = COMPLETION_WATCH_OPEN}, i * LATER_MS);
        answer_error(&bed, ERROR_UNAVAILABLE, NULL);
        CHECK(step(&bed, (i + 1) * LATER_MS));
        CHECK(reflector_trouble(bed.reflector));
    }
    bed_release(&bed);
}

TEST(many_that_expire_at_once_do_not_list_at_once) {
    int64_t first_ms = INT64_MAX, last_ms = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bed bed;
        bed_init(&bed, false, false);
        reflector_free(bed.reflector);
        bed.reflector = reflector_new(&(struct reflector_options){
            .transport = &bed.base,
            .resource = &RESOURCE_PODS,
            .namespace_name = SV(""),
            .label_selector = SV(""),
            .field_selector = SV(""),
            .seed = seed,
            .sink = {.upsert = upsert, .remove = remove_object, .context = &bed},
        });
        sync_by_list(&bed);
        answer_error(&bed, ERROR_EXPIRED, NULL);
        int64_t due_ms = reflector_step(bed.reflector, NOW_MS - 1);
        first_ms = due_ms < first_ms ? due_ms : first_ms;
        last_ms = due_ms > last_ms ? due_ms : last_ms;
        bed_release(&bed);
    }
    CHECK(last_ms - first_ms > 500);
    CHECK(last_ms <= NOW_MS + 1000);
}

TEST(a_collection_that_vanishes_is_waited_for_and_loses_nothing) {
    for (int streams = 0; streams < 2; streams++) {
        struct bed bed;
        bed_init(&bed, streams, false);
        if (streams)
            sync_by_stream(&bed);
        else
            sync_by_list(&bed);
        answer_error(&bed, ERROR_NOT_FOUND, NULL);
        CHECK(step(&bed, NOW_MS));
        answer_error(&bed, ERROR_NOT_FOUND, NULL);
        CHECK(!reflector_is_synced(bed.reflector));
        CHECK(reflector_trouble(bed.reflector)->code == ERROR_NOT_FOUND);
        CHECK_SV(sv_from(bed.told), SV("+a +b "));
        CHECK(step(&bed, LATER_MS));
        if (streams) {
            answer_event(&bed, WATCH_ADDED, POD("a", "3"));
            answer_event(&bed, WATCH_BOOKMARK, END_OF_INITIAL("9"));
        } else {
            answer_list(&bed, LIST("9", POD("a", "3")));
        }
        CHECK(reflector_is_synced(bed.reflector));
        CHECK(!reflector_trouble(bed.reflector));
        CHECK_SV(sv_from(bed.told), SV("+a +b -b "));
        bed_release(&bed);
    }
}

/* Whoever knows it by its uid is told of the one that went, though the name was never missing. */
TEST(what_was_made_again_unseen_is_gone_first) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    answer_error(&bed, ERROR_EXPIRED, NULL);
    CHECK(step(&bed, LATER_MS));
    answer_list(&bed, LIST("9", "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
                                "\"uid\":\"new\",\"resourceVersion\":\"8\"}}," POD("b", "4")));
    CHECK_SV(sv_from(bed.told), SV("+a +b -a +a "));
    bed_release(&bed);
}

TEST(an_object_is_gone_once) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    answer_event(&bed, WATCH_DELETED, POD("b", "7"));
    answer_event(&bed, WATCH_DELETED, POD("b", "7"));
    answer_error(&bed, ERROR_EXPIRED, NULL);
    CHECK(step(&bed, LATER_MS));
    answer_list(&bed, LIST("9", POD("a", "3")));
    CHECK_SV(sv_from(bed.told), SV("+a +b -b "));
    bed_release(&bed);
}

TEST(an_optional_collection_that_is_missing_is_empty) {
    static const bool ways[] = {false, true};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct bed bed;
        bed_init(&bed, ways[i], true);
        CHECK(step(&bed, NOW_MS));
        answer_error(&bed, ERROR_NOT_FOUND, NULL);
        CHECK(reflector_is_synced(bed.reflector));
        CHECK(!reflector_trouble(bed.reflector));
        CHECK(!step(&bed, LATER_MS));
        CHECK(step(&bed, LATER_MS * 15));
        bed_release(&bed);
    }
}

TEST(pages_are_fetched_until_the_last_and_from_the_start_when_they_expire) {
    struct bed bed;
    bed_init(&bed, false, false);
    CHECK(step(&bed, NOW_MS));
    answer_list(&bed,
                "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"c1\"},\"items\":[" POD(
                    "a", "3") "]}");
    CHECK(step(&bed, NOW_MS));
    CHECK_SV(sv_from(bed.continue_token), SV("c1"));
    CHECK(bed.request.limit == 500);
    answer_error(&bed, ERROR_EXPIRED, NULL);
    CHECK(!step(&bed, NOW_MS));
    CHECK(step(&bed, LATER_MS));
    CHECK_SV(sv_from(bed.continue_token), SV(""));
    CHECK(!reflector_is_synced(bed.reflector));
    bed_release(&bed);
}

/* Objects may be larger than a page of them can be taken. */
TEST(pages_that_are_too_large_are_asked_for_again_and_smaller) {
    static const int64_t limits[] = {500, 100, 20, 10, 10};
    struct bed bed;
    bed_init(&bed, false, false);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        CHECK(step(&bed, NOW_MS + (int64_t)i * LATER_MS));
        CHECK(bed.request.limit == limits[i]);
        CHECK_SV(sv_from(bed.continue_token), SV(""));
        answer_error(&bed, ERROR_TOO_LARGE, NULL);
        CHECK(reflector_trouble(bed.reflector)->code == ERROR_TOO_LARGE);
        CHECK(!step(&bed, NOW_MS));
    }
    /* One further on goes on from where it is, and others are as small. */
    CHECK(step(&bed, NOW_MS + COUNT_OF(limits) * LATER_MS));
    answer_list(&bed,
                "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"c1\"},\"items\":[" POD(
                    "a", "3") "]}");
    CHECK(step(&bed, NOW_MS + COUNT_OF(limits) * LATER_MS));
    CHECK(bed.request.limit == 10);
    CHECK_SV(sv_from(bed.continue_token), SV("c1"));
    bed_release(&bed);
}

TEST(without_room_a_list_is_given_up_and_begun_again_later) {
    for (int streams = 0; streams < 2; streams++) {
        struct bed bed;
        bed_init(&bed, streams, false);
        bed.is_full = true;
        int64_t now_ms = NOW_MS;
        /* Each try is later than the one before: beginning is no success. */
        for (int64_t i = 0; i < 4; i++) {
            CHECK(step(&bed, now_ms));
            CHECK(bed.request.send_initial_events == (streams == 1));
            if (streams)
                answer_event(&bed, WATCH_ADDED, POD("a", "3"));
            else
                answer_list(&bed, LIST("5", POD("a", "3")));
            REQUIRE(reflector_trouble(bed.reflector));
            CHECK(reflector_trouble(bed.reflector)->code == ERROR_TOO_LARGE);
            CHECK(!reflector_is_synced(bed.reflector));
            int64_t at_ms = reflector_step(bed.reflector, NOW_MS);
            CHECK(at_ms >= NOW_MS + (400 << i));
            now_ms = at_ms;
        }
        CHECK_SV(sv_from(bed.told), SV(""));
        bed.is_full = false;
        CHECK(step(&bed, now_ms));
        bed_release(&bed);
    }
}

TEST(an_item_that_is_no_object_is_trouble) {
    static const char *const items[] = {"null", "1", "\"a\"", "[]"};
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        struct bed bed;
        bed_init(&bed, false, false);
        CHECK(step(&bed, NOW_MS));
        struct sv list = arena_printf(bed.arena, "{\"items\":[%s]}", items[i]);
        answer_list(&bed, list.ptr);
        REQUIRE(reflector_trouble(bed.reflector));
        CHECK(reflector_trouble(bed.reflector)->code == ERROR_INVALID);
        CHECK(!reflector_is_synced(bed.reflector) && !step(&bed, NOW_MS));
        CHECK_SV(sv_from(bed.told), SV(""));
        bed_release(&bed);
    }
}

TEST(a_list_without_an_end_is_given_up) {
    struct bed bed;
    bed_init(&bed, false, false);
    size_t pages = 0;
    while (!reflector_trouble(bed.reflector) && step(&bed, NOW_MS)) {
        pages++;
        answer_list(&bed, "{\"metadata\":{\"continue\":\"more\"},\"items\":[]}");
        arena_reset(bed.arena);
    }
    CHECK(pages == LIST_ITEMS_MAX / 500 + 1);
    CHECK(!step(&bed, NOW_MS));
    CHECK(step(&bed, LATER_MS));
    CHECK_SV(sv_from(bed.continue_token), SV(""));
    bed_release(&bed);
}

TEST(a_watch_that_outlives_its_own_end_is_opened_again) {
    struct bed bed;
    bed_init(&bed, false, false);
    sync_by_list(&bed);
    int64_t end_ms = reflector_step(bed.reflector, NOW_MS);
    CHECK(!step(&bed, end_ms - 1));
    CHECK(step(&bed, end_ms));
    CHECK(bed.cancel_count == 1 && bed.request.verb == VERB_WATCH);
    CHECK_SV(sv_from(bed.resource_version), SV("5"));
    bed_release(&bed);
}
