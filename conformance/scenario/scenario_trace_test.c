/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/scenario/scenario_trace.h"

#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

#define CONTROLLER SV("cacheruntime-controller")

static const struct cJSON *read_json(struct arena *arena, struct sv text) {
    struct error err = {0};
    const struct cJSON *tree = json_read(arena, text, &err);
    CHECK_SV(sv_from(err.message), SV(""));
    return tree;
}

/* A creation, an apply and an execution, a second apart. */
static struct trace small_trace(struct arena *arena) {
    struct trace trace = {.arena = arena};
    struct request request = {
        .verb = VERB_CREATE,
        .group = SV(""),
        .plural = SV("pods"),
        .namespace_name = SV("default"),
        .name = SV(""),
        .subresource = SV(""),
        .body = read_json(arena, SV("{\"metadata\":{\"generateName\":\"demo-\"}}")),
    };
    trace_add_request(&trace, 1000, 0, SV("daemonset-controller"), &request, 201,
                      read_json(arena, SV("{\"metadata\":{\"name\":\"demo-x7k\"}}")));
    request = (struct request){
        .verb = VERB_PATCH,
        .group = SV("data.fluid.io"),
        .plural = SV("datasets"),
        .namespace_name = SV("default"),
        .name = SV("demo"),
        .subresource = SV("status"),
        .patch_type = PATCH_MERGE,
        .body = read_json(arena, SV("{\"status\":{\"phase\":\"Bound\"}}")),
    };
    trace_add_request(&trace, 62000, 1, CONTROLLER, &request, 409, NULL);
    trace_add_exec(&trace, 63005, 1, SV("master"), SV("mountUFS"));
    return trace;
}

TEST(lines_name_who_did_what) {
    AUTO(arena) arena = arena_new();
    struct trace trace = small_trace(arena);
    /* A created object has the name that the server gave it. */
    CHECK_SV(trace_text(&trace.entries[0], arena),
             SV("0:01.000 daemonset-controller create pods default/demo-x7k: 201"));
    CHECK_SV(trace_told_text(&trace, arena), SV("1:02.000 cacheruntime-controller patch "
                                                "datasets.data.fluid.io/status default/demo: 409\n"
                                                "1:03.005 exec mountUFS of master\n"));
}

TEST(groups_tell_kinds_of_one_plural_apart) {
    AUTO(arena) arena = arena_new();
    struct trace trace = {.arena = arena};
    struct request request = {
        .verb = VERB_LIST,
        .group = SV("apps.kruise.io"),
        .plural = SV("statefulsets"),
        .namespace_name = SV(""),
        .name = SV(""),
        .subresource = SV(""),
    };
    trace_add_request(&trace, 0, 0, CONTROLLER, &request, 404, NULL);
    CHECK_SV(trace_text(&trace.entries[0], arena),
             SV("0:00.000 cacheruntime-controller list statefulsets.apps.kruise.io: 404"));
}

TEST(patterns) {
    static const struct {
        struct sv link;
        unsigned matches; /* a bit for each entry */
    } cases[] = {
        {SV("{\"request\":{}}"), 3},
        {SV("{\"request\":{\"by\":\"controller\"}}"), 2},
        {SV("{\"request\":{\"verb\":\"write\"}}"), 3},
        {SV("{\"request\":{\"verb\":\"create\",\"resource\":\"pods\",\"name\":\"demo-*\"}}"), 1},
        {SV("{\"request\":{\"resource\":\"datasets\",\"subresource\":\"status\"}}"), 2},
        {SV("{\"request\":{\"match\":{\"status\":{\"phase\":\"Bound\"}}}}"), 2},
        {SV("{\"request\":{\"match\":{\"status\":{\"phase\":\"Failed\"}}}}"), 0},
        {SV("{\"exec\":{}}"), 4},
        {SV("{\"exec\":{\"entry\":\"mountUFS\",\"role\":\"master\"}}"), 4},
        {SV("{\"exec\":{\"role\":\"worker\"}}"), 0},
    };
    AUTO(arena) arena = arena_new();
    struct trace trace = small_trace(arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned matches = 0;
        for (size_t j = 0; j < trace.count; j++)
            matches |=
                (unsigned)trace_matches(&trace.entries[j], read_json(arena, cases[i].link), arena)
                << j;
        CHECK(matches == cases[i].matches);
    }
}

TEST(the_last_write_of_an_object) {
    AUTO(arena) arena = arena_new();
    struct trace trace = small_trace(arena);
    struct object_ref ref = {&RESOURCE_DATASETS, SV("default"), SV("demo")};
    CHECK(trace_last_write(&trace, &ref) == &trace.entries[1]);
    ref.name = SV("other");
    CHECK(trace_last_write(&trace, &ref) == NULL);
}

TEST(is_bounded) {
    AUTO(arena) arena = arena_new();
    struct trace trace = {.arena = arena};
    for (int i = 0; i <= TRACE_ENTRIES_MAX; i++)
        trace_add_exec(&trace, i, 0, SV("master"), SV("mountUFS"));
    CHECK(trace.count == TRACE_ENTRIES_MAX);
    CHECK(trace.is_full);
}
