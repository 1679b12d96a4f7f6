/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/aggregator.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "fakeapi/http/remote.h"
#include "fakeapi/http/tls_identity.h"
#include "fakeapi/server/aggregation.h"
#include "fakeapi/server/rbac.h"
#include "fakeapi/server/webhook_target.h"

enum {
    INTERVAL_MS = 30 * 1000,
    /* Who does not answer is asked again sooner. */
    RETRY_MS = 2 * 1000,
    ANSWER_MS_MAX = 5 * 1000,
    /* Of the list of what it serves. */
    ANSWER_BYTES_MAX = 3 * 1024 * 1024,
    /* Of its document: the API server's own has 4 MiB. */
    DOCUMENT_BYTES_MAX = 16 * 1024 * 1024,
    DOCUMENT_MS_MAX = 20 * 1000,
};

/* One question on its way. */
struct probe {
    struct remote remote; /* first: what the loop hands back */
    struct aggregator *aggregator;
    struct probe *next, *previous;
    struct arena *arena;
    bool is_document; /* asked for is its OpenAPI, and not whether it is there */
    struct sv name, url;
    struct buf answer;
};

struct probes {
    struct probe *first, *last;
};

struct aggregator {
    struct aggregator_options options;
    uint64_t news; /* that was looked at */
    int64_t due_ms;
    bool wants_retry; /* somebody did not answer */
    struct probes probes;
    struct map *etags; /* of the documents that are known, by name: texts */
};

static void probe_free(struct probe *probe) {
    struct aggregator *aggregator = probe->aggregator;
    LIST_REMOVE(&aggregator->probes, probe);
    curl_loop_remove(aggregator->options.loop, probe->remote.easy);
    remote_release(&probe->remote);
    buf_release(&probe->answer);
    arena_free(probe->arena);
    mem_free(probe);
}

static void note(struct aggregator *aggregator, struct sv name,
                 const struct availability *availability, struct sv body) {
    struct fakeapi *api = aggregator->options.api;
    bool was_current = aggregator->news == aggregation_news(api);
    aggregation_note(api, name, availability, body);
    if (was_current) /* what is written here is no news */
        aggregator->news = aggregation_news(api);
    aggregator->wants_retry |= !availability->is_available;
}

/* --- the answer --- */

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct probe *probe = context;
    return buf_append(&probe->answer, (struct sv){bytes, size * count}) ? size * count : 0;
}

static struct availability judge(struct probe *probe, CURLcode result) {
    char problem[REMOTE_PROBLEM_BYTES_MAX];
    long status = 0;
    if (result == CURLE_OK)
        curl_easy_getinfo(probe->remote.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300)
        return (struct availability){true, SV("Passed"), SV("all checks passed")};
    if (result == CURLE_OK)
        snprintf(problem, sizeof(problem), "bad status from %.*s: %ld", SV_ARG(probe->url), status);
    else
        remote_problem(&probe->remote, result, problem);
    struct sv said = sv_from(problem);
    if (result != CURLE_OK)
        said = arena_printf(probe->arena, "Get \"%.*s\": %s", SV_ARG(probe->url), problem);
    return (struct availability){false, SV("FailedDiscoveryCheck"),
                                 arena_printf(probe->arena,
                                              "failing or missing response from %.*s: %.*s",
                                              SV_ARG(probe->url), SV_ARG(said))};
}

/* Documents have megabytes and hardly ever change: only what is new is sent again. */
static void note_etag(struct probe *probe) {
    struct curl_header *header = NULL;
    struct map *etags = probe->aggregator->etags;
    mem_free(map_remove(etags, probe->name));
    if (curl_easy_header(probe->remote.easy, "ETag", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        map_put(etags, probe->name, mem_copy_text(sv_from(header->value)));
}

static void finish(struct curl_transfer *transfer, CURLcode result) {
    struct probe *probe = (struct probe *)transfer;
    struct aggregator *aggregator = probe->aggregator;
    struct availability availability = judge(probe, result);
    if (!probe->is_document)
        note(aggregator, probe->name, &availability, buf_view(&probe->answer));
    else if (availability.is_available) { /* otherwise what was known stays */
        aggregation_note_openapi(aggregator->options.api, probe->name, buf_view(&probe->answer));
        note_etag(probe);
    }
    probe_free(probe);
}

/* --- the question --- */

static struct probe *probe_new(struct aggregator *aggregator, const struct remote_api *remote,
                               bool is_document) {
    struct probe *probe = mem_alloc(sizeof(*probe));
    *probe =
        (struct probe){.aggregator = aggregator, .arena = arena_new(), .is_document = is_document};
    LIST_APPEND(&aggregator->probes, probe);
    buf_init(&probe->answer, is_document ? DOCUMENT_BYTES_MAX : ANSWER_BYTES_MAX);
    probe->name = arena_copy(probe->arena, remote->name);
    return probe;
}

static void ask(struct aggregator *aggregator, const struct remote_api *remote,
                const struct webhook_target *target, bool is_document) {
    static const struct sv masters[] = {{"system:masters", 14}};
    static const struct user_info checker = {.name = {"system:kube-aggregator", 22},
                                             .uid = {"", 0},
                                             .groups = masters,
                                             .group_count = COUNT_OF(masters)};
    static const struct user_info reader = {.name = {"system:aggregator", 17}, .uid = {"", 0}};
    struct webhook_target asked = *target;
    struct probe *probe = probe_new(aggregator, remote, is_document);
    struct sv path =
        is_document ? SV("/openapi/v2") : aggregation_discovery_path(remote, probe->arena);
    probe->url = ARENA_JOIN(probe->arena, target->url, path);
    /* As kube-aggregator does: whether it is there is asked before who it is. */
    asked.is_unverified |= !is_document;
    remote_init(&probe->remote, &asked, probe->url.ptr);
    probe->remote.transfer.done = finish;
    remote_add_header(&probe->remote, SV("Accept"), SV("application/json"));
    const char *etag = is_document ? map_get(aggregator->etags, remote->name) : NULL;
    if (etag)
        remote_add_header(&probe->remote, SV("If-None-Match"), sv_from(etag));
    remote_ask_as(&probe->remote, aggregator->options.tls, is_document ? &reader : &checker);
    CURL *easy = probe->remote.easy;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     (long)(is_document ? DOCUMENT_MS_MAX : ANSWER_MS_MAX));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
    curl_loop_add(aggregator->options.loop, easy, &probe->remote.transfer);
}

/* --- when --- */

static void check(struct aggregator *aggregator, const struct remote_api *remote) {
    AUTO(arena) arena = arena_new();
    struct webhook_target target;
    struct availability why;
    if (aggregation_check(aggregator->options.api, remote, arena, &target, &why)) {
        ask(aggregator, remote, &target, false);
        ask(aggregator, remote, &target, true);
    } else
        note(aggregator, arena_copy(arena, remote->name), &why, SV(""));
}

static void forget_probes(struct aggregator *aggregator) {
    while (aggregator->probes.first)
        probe_free(aggregator->probes.first);
}

static void look_around(struct aggregator *aggregator) {
    aggregation_settle(aggregator->options.api);
    aggregator->news = aggregation_news(aggregator->options.api);
    forget_probes(aggregator);
    /* It may be another server now. */
    map_free_with_values(aggregator->etags);
    aggregator->etags = map_new();
    aggregator->due_ms = INT64_MIN;
}

void aggregator_run(struct aggregator *aggregator, int64_t now_ms) {
    struct fakeapi *api = aggregator->options.api;
    const struct remote_api *remote;
    if (aggregation_news(api) != aggregator->news)
        look_around(aggregator);
    if (aggregator->wants_retry)
        aggregator->due_ms = deadline_earlier(aggregator->due_ms, now_ms + RETRY_MS);
    aggregator->wants_retry = false;
    if (aggregator->due_ms > now_ms)
        return;
    forget_probes(aggregator);
    for (size_t i = 0; (remote = aggregation_at(api, i)); i++)
        check(aggregator, remote);
    aggregator->due_ms = aggregation_at(api, 0) ? now_ms + INTERVAL_MS : DEADLINE_NEVER;
}

int64_t aggregator_next_ms(const struct aggregator *aggregator) {
    return aggregator->wants_retry ? INT64_MIN : aggregator->due_ms;
}

struct aggregator *aggregator_new(const struct aggregator_options *options) {
    struct aggregator *aggregator = mem_alloc(sizeof(*aggregator));
    aggregator->options = *options;
    aggregator->etags = map_new();
    if (options->tls)
        aggregation_publish(options->api,
                            &(struct proxy_identity){.client_ca = options->tls->client_ca,
                                                     .proxy_ca = options->tls->proxy_ca,
                                                     .proxy_name = SV(PROXY_NAME)});
    look_around(aggregator);
    return aggregator;
}

void aggregator_free(struct aggregator *aggregator) {
    if (!aggregator)
        return;
    forget_probes(aggregator);
    map_free_with_values(aggregator->etags);
    mem_free(aggregator);
}
