/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "METHOD TARGET\nACCEPT\nCONTENT-TYPE\nBODY": whatever arrives is parsed or refused with a Status;
 * what was parsed as a list can be written as a URL and read back to the same.
 */
#include "fakeapi/server/request_parse.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/client/request_url.h"
#include "core/data/json.h"
#include "fakeapi/server/fakeapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t standing_ms(struct clock *clock) {
    (void)clock;
    return 0;
}

static struct fakeapi *shared_api(void) {
    static struct clock clock = {standing_ms};
    static struct fakeapi *api;
    if (!api)
        api = fakeapi_new(&(struct fakeapi_options){.clock = &clock, .seed = 1});
    return api;
}

static void check_round_trip(const struct fakeapi *api, const struct route *route,
                             struct arena *arena) {
    struct sv target = request_path(&route->request, arena);
    struct http_request http = {SV("GET"), target, SV(""), SV(""), SV("")};
    struct api_response response = {0};
    struct route again;
    bool is_parsed = request_parse(api, &http, arena, &again, &response);
    assert(is_parsed);
    assert(sv_eq(request_path(&again.request, arena), target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO(arena) arena = arena_new();
    struct fakeapi *api = shared_api();
    struct sv body = {size ? (const char *)data : "", size};
    struct sv target = sv_cut(&body, '\n'), method = sv_cut(&target, ' ');
    struct sv accept = sv_cut(&body, '\n'), content_type = sv_cut(&body, '\n');
    struct http_request http = {method, target, accept, content_type, SV("")};
    struct api_response response = {0};
    struct route route;
    if (!request_parse(api, &http, arena, &route, &response)) {
        assert(response.http_status >= 400 && response.body);
        return 0;
    }
    if (route.type != ROUTE_RESOURCE)
        return 0;
    if (route.request.verb == VERB_LIST && target.len < 4096)
        check_round_trip(api, &route, arena);
    if (!request_parse_body(api, &http, body, arena, &route, &response))
        assert(response.http_status >= 400 && response.body);
    return 0;
}
