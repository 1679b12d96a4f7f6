/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cmd/metered_transport.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/histogram.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/client/request_url.h"
#include "core/client/transport.h"
#include "core/platform/event_loop.h"

static const int64_t bounds_ms[] = {5, 25, 100, 250, 500, 1000, 4000, 15000};

struct series {
    uint64_t count;
};

struct open_request {
    enum verb verb;
    const char *method;
    struct sv resource; /* in the transport's arena */
    int64_t started_ms;
};

struct metered_transport {
    struct transport base;
    struct transport *inner;
    struct arena *texts; /* names of resources: few, for ever */
    struct sv host;
    struct map *names;    /* each of them once */
    struct map *open;     /* id -> struct open_request */
    struct map *outcomes; /* labels -> struct series */
    struct map *writes;   /* labels -> struct series */
    struct histogram durations[VERB_EXEC + 1];
};

/* --- counting --- */

static struct sv id_key(const uint64_t *id) {
    return (struct sv){(const char *)id, sizeof(*id)};
}

static void count(struct map *map, struct sv labels) {
    struct series *series = map_get(map, labels);
    if (!series) {
        if (map_count(map) >= METERED_SERIES_MAX)
            return;
        series = mem_alloc(sizeof(*series));
        map_put(map, labels, series);
    }
    series->count++;
}

static void note_end(struct metered_transport *metered, const struct completion *completion) {
    struct open_request *request = map_remove(metered->open, id_key(&completion->id));
    if (!request)
        return;
    AUTO(arena) arena = arena_new();
    struct sv code = completion->http_status ? arena_printf(arena, "%d", completion->http_status)
                                             : SV("<error>");
    count(metered->outcomes, ARENA_JOIN(arena, SV("code=\""), code, SV("\",host=\""), metered->host,
                                        SV("\",method=\""), sv_from(request->method), SV("\"")));
    if (verb_is_write(request->verb))
        count(metered->writes, ARENA_JOIN(arena, SV("verb=\""), verb_text(request->verb),
                                          SV("\",kind=\""), request->resource, SV("\"")));
    /* How long a watch lasted is no measure of anything. */
    if (request->verb != VERB_WATCH)
        histogram_observe(&metered->durations[request->verb],
                          steady_now_ms() - request->started_ms);
    mem_free(request);
}

/* --- the transport --- */

static struct sv resource_name(struct metered_transport *metered, const struct request *request) {
    struct sv name = map_get(metered->names, request->plural)
                         ? *(struct sv *)map_get(metered->names, request->plural)
                         : SV("");
    if (name.len > 0)
        return name;
    struct sv *kept = ARENA_NEW(metered->texts, struct sv);
    *kept = arena_copy(metered->texts, request->plural);
    map_put(metered->names, request->plural, kept);
    return *kept;
}

static uint64_t start(struct transport *base, const struct request *request) {
    struct metered_transport *metered = (struct metered_transport *)base;
    uint64_t id = transport_start(metered->inner, request);
    struct open_request *open = mem_alloc(sizeof(*open));
    *open = (struct open_request){
        .verb = request->verb,
        .method = request_method(request),
        .resource = resource_name(metered, request),
        .started_ms = steady_now_ms(),
    };
    map_put(metered->open, id_key(&id), open);
    return id;
}

static bool take(struct transport *base, struct completion *ret_completion) {
    struct metered_transport *metered = (struct metered_transport *)base;
    if (!transport_take(metered->inner, ret_completion))
        return false;
    if (ret_completion->type != COMPLETION_WATCH_EVENT &&
        ret_completion->type != COMPLETION_WATCH_OPEN)
        note_end(metered, ret_completion);
    return true;
}

static void cancel(struct transport *base, uint64_t id) {
    struct metered_transport *metered = (struct metered_transport *)base;
    mem_free(map_remove(metered->open, id_key(&id)));
    transport_cancel(metered->inner, id);
}

struct metered_transport *metered_transport_new(struct sv host) {
    struct metered_transport *metered = mem_alloc(sizeof(*metered));
    *metered = (struct metered_transport){
        .base = {.start = start, .take = take, .cancel = cancel},
        .texts = arena_new(),
        .names = map_new(),
        .open = map_new(),
        .outcomes = map_new(),
        .writes = map_new(),
    };
    metered->host = arena_copy(metered->texts, host);
    for (size_t i = 0; i < COUNT_OF(metered->durations); i++)
        histogram_init(&metered->durations[i], bounds_ms, COUNT_OF(bounds_ms));
    return metered;
}

void metered_transport_free(struct metered_transport *metered) {
    if (!metered)
        return;
    map_free_with_values(metered->open);
    map_free_with_values(metered->outcomes);
    map_free_with_values(metered->writes);
    map_free(metered->names);
    arena_free(metered->texts);
    mem_free(metered);
}

void metered_transport_set_inner(struct metered_transport *metered, struct transport *inner) {
    metered->inner = inner;
    map_free_with_values(metered->open);
    metered->open = map_new();
}

struct transport *metered_transport_base(struct metered_transport *metered) {
    return &metered->base;
}

/* --- text --- */

static bool write_series(const struct map *map, const char *name, const char *help,
                         struct buf *text) {
    bool fits = buf_printf(text, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
    size_t cursor = 0;
    struct sv labels;
    void *value;
    while (fits && map_next(map, &cursor, &labels, &value))
        fits = buf_printf(text, "%s{%.*s} %llu\n", name, SV_ARG(labels),
                          (unsigned long long)((struct series *)value)->count);
    return fits;
}

static const char durations_name[] = "rest_client_request_duration_seconds";

static bool write_durations(const struct metered_transport *metered, struct buf *text) {
    bool fits =
        histogram_write_head(text, durations_name, "How long requests took, watches apart.");
    AUTO(arena) arena = arena_new();
    for (size_t verb = 0; verb < COUNT_OF(metered->durations) && fits; verb++)
        if (metered->durations[verb].count > 0)
            fits = histogram_write(
                &metered->durations[verb], durations_name,
                arena_printf(arena, "verb=\"%.*s\"", SV_ARG(verb_text((enum verb)verb))), text);
    return fits;
}

bool metered_transport_write(const struct metered_transport *metered, struct buf *text) {
    return write_series(metered->outcomes, "rest_client_requests_total",
                        "Requests to the API server by outcome, method and host.", text) &&
           write_series(metered->writes, "cacheruntime_api_writes_total",
                        "Writes to the API server, by verb and resource.", text) &&
           write_durations(metered, text);
}
