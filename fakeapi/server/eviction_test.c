/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/test.h"
#include "fakeapi/server/server_fixture.h"

#define BUDGET(name, more, status)                                                                 \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"minAvailable\":1,\"selector\":{"            \
    "\"matchLabels\":{\"a\":\"b\"}}" more "},\"status\":{" status "}}"
#define NONE_LEFT                                                                                  \
    "\"observedGeneration\":1,\"disruptionsAllowed\":0,\"desiredHealthy\":1,\"currentHealthy\":1"
#define RUNNING "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]"
#define UNREADY "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]"

static const struct {
    const char *title, *status; /* of the pod */
    const char *budgets[2];
    const char *eviction;
    int http_status;
    const char *path, *text; /* of the answer */
} cases[] = {
    {"without a budget", RUNNING, {0}, "{}", 201, "status", "Success"},
    {"no disruption left",
     RUNNING,
     {BUDGET("b", "", NONE_LEFT)},
     "{}",
     429,
     "details.causes.0.message",
     "The disruption budget b needs 1 healthy pods and has 1 currently"},
    {"one disruption left",
     RUNNING,
     {BUDGET("b", "", "\"observedGeneration\":1,\"disruptionsAllowed\":1")},
     "{}",
     201,
     "status",
     "Success"},
    {"a budget that nobody looked at yet",
     RUNNING,
     {BUDGET("b", "", "\"disruptionsAllowed\":1")},
     "{}",
     429,
     "details.causes.0.message",
     "The disruption budget b is still being processed by the server."},
    {"two budgets",
     RUNNING,
     {BUDGET("b", "", NONE_LEFT), BUDGET("c", "", NONE_LEFT)},
     "{}",
     500,
     "message",
     "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
     "support."},
    {"a pending pod disrupts nothing",
     "\"phase\":\"Pending\"",
     {BUDGET("b", "", NONE_LEFT)},
     "{}",
     201,
     "status",
     "Success"},
    {"nor does one that has ended",
     "\"phase\":\"Failed\"",
     {BUDGET("b", "", NONE_LEFT)},
     "{}",
     201,
     "status",
     "Success"},
    {"an unready pod goes while enough are healthy",
     UNREADY,
     {BUDGET("b", "", NONE_LEFT)},
     "{}",
     201,
     "status",
     "Success"},
    {"but not while too few are",
     UNREADY,
     {BUDGET("b", "", "\"observedGeneration\":1,\"desiredHealthy\":1,\"currentHealthy\":0")},
     "{}",
     429,
     "reason",
     "TooManyRequests"},
    {"unless the budget lets unready pods go",
     UNREADY,
     {BUDGET("b", ",\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"",
             "\"observedGeneration\":1,\"desiredHealthy\":1,\"currentHealthy\":0")},
     "{}",
     201,
     "status",
     "Success"},
    {"another name",
     RUNNING,
     {0},
     "{\"metadata\":{\"name\":\"q\"}}",
     400,
     "message",
     "name in URL does not match name in Eviction object"},
};

static void make_pod(struct fakeapi *api, struct arena *arena, const char *status) {
    CHECK(fixture_create(api, arena, "serviceaccounts", "default",
                         "{\"metadata\":{\"name\":\"default\"}}")
              .http_status == 201);
    CHECK(fixture_create(api, arena, "pods", "default",
                         "{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"b\"}},\"spec\":{"
                         "\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}")
              .http_status == 201);
    struct request request = fixture_request(VERB_PATCH, "pods", "default", "p");
    request.subresource = SV("status");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, arena_printf(arena, "{\"status\":{%s}}", status).ptr);
    CHECK(fixture_send(api, arena, &request).http_status == 200);
}

static void make_budget(struct fakeapi *api, struct arena *arena, const char *body) {
    const char *resource = "policy/v1/poddisruptionbudgets";
    struct api_response made = fixture_create(api, arena, resource, "default", body);
    CHECK(made.http_status == 201);
    struct request request = fixture_request(VERB_PATCH, resource, "default", "");
    request.name = json_find_string(made.body, "metadata.name");
    request.subresource = SV("status");
    request.patch_type = PATCH_MERGE;
    request.body = fixture_json(arena, body);
    CHECK(fixture_send(api, arena, &request).http_status == 200);
}

TEST(budgets_decide_about_evictions) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        make_pod(api, arena, cases[i].status);
        for (size_t k = 0; k < COUNT_OF(cases[i].budgets) && cases[i].budgets[k]; k++)
            make_budget(api, arena, cases[i].budgets[k]);
        struct request evict = fixture_request(VERB_CREATE, "pods", "default", "p");
        evict.subresource = SV("eviction");
        evict.body = fixture_json(arena, cases[i].eviction);
        struct api_response response = fixture_send(api, arena, &evict);
        bool is_right =
            response.http_status == cases[i].http_status &&
            sv_eq(json_find_string(response.body, cases[i].path), sv_from(cases[i].text));
        CHECK(is_right);
        if (!is_right)
            printf("%s: %d %.*s\n", cases[i].title, response.http_status,
                   SV_ARG(json_write_arena(arena, response.body, JSON_COMPACT)));
        struct api_response pod = fixture_get(api, arena, "pods", "default", "p");
        bool is_gone = pod.http_status == 404 || object_is_deleting(pod.body);
        CHECK(is_gone == (response.http_status == 201));
    }
}

TEST(an_eviction_uses_up_the_budget) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    make_pod(api, arena, RUNNING);
    make_budget(api, arena, BUDGET("b", "", "\"observedGeneration\":1,\"disruptionsAllowed\":1"));
    struct request evict = fixture_request(VERB_CREATE, "pods", "default", "p");
    evict.subresource = SV("eviction");
    evict.body = fixture_json(arena, "{}");
    CHECK(fixture_send(api, arena, &evict).http_status == 201);
    struct api_response budget =
        fixture_get(api, arena, "policy/v1/poddisruptionbudgets", "default", "b");
    CHECK(json_find_int(budget.body, "status.disruptionsAllowed", -1) == 0);
    CHECK(json_find(budget.body, "status.disruptedPods.p") != NULL);
}

TEST(an_eviction_that_is_refused_leaves_the_pod_as_it_was) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    make_pod(api, arena, RUNNING);
    struct sv before =
        json_write_arena(arena, fixture_get(api, arena, "pods", "default", "p").body, JSON_COMPACT);
    struct request evict = fixture_request(VERB_CREATE, "pods", "default", "p");
    evict.subresource = SV("eviction");
    evict.body = fixture_json(arena, "{\"metadata\":{\"name\":\"p\"},\"deleteOptions\":{"
                                     "\"preconditions\":{\"resourceVersion\":\"1\"}}}");
    CHECK(fixture_send(api, arena, &evict).http_status == 409);
    CHECK_SV(
        json_write_arena(arena, fixture_get(api, arena, "pods", "default", "p").body, JSON_COMPACT),
        before);
}
