/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/webhook_target.h"

#include "core/base/test.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/server_fixture.h"

/* --- a webhook that allows everything, and remembers where it was asked --- */

struct listener {
    struct webhook_client client;
    struct arena *arena;
    struct sv url, connect_to;
};

static void listen(struct webhook_client *client, struct dialogue *dialogue,
                   const struct webhook_call *call) {
    struct listener *listener = (struct listener *)client;
    const struct cJSON *review = fixture_json(listener->arena, call->body.ptr);
    listener->url = arena_copy(listener->arena, call->target.url);
    listener->connect_to = arena_copy(listener->arena, call->target.connect_to);
    dialogue_answer(dialogue, call->index, 200,
                    arena_printf(listener->arena,
                                 "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":"
                                 "\"AdmissionReview\",\"response\":{\"uid\":\"%.*s\",\"allowed\":"
                                 "true}}",
                                 SV_ARG(json_find_string(review, "request.uid"))));
}

static void forget(struct webhook_client *client, struct dialogue *dialogue) {
    (void)client, (void)dialogue;
}

#define HOOK(config)                                                                               \
    "{\"metadata\":{\"name\":\"v\"},\"webhooks\":[{\"name\":\"a.x.io\",\"sideEffects\":\"None\","  \
    "\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":" config                                \
    ",\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\"],"      \
    "\"resources\":[\"configmaps\"]}]}]}"
#define SERVICE(more) "{\"service\":{\"namespace\":\"default\",\"name\":\"hook\"" more "}}"

/* A creation that the webhook is asked about. */
static struct api_response create_watched(struct fakeapi *api, struct arena *arena,
                                          struct listener *listener, const char *config) {
    struct sv text = arena_printf(arena, HOOK("%s"), config);
    struct api_response made = fixture_create(
        api, arena, "admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "",
        text.ptr);
    CHECK(made.http_status == 201);
    struct request request = {
        .verb = VERB_CREATE,
        .group = SV(""),
        .version = SV("v1"),
        .plural = SV("configmaps"),
        .namespace_name = SV("default"),
        .body = fixture_json(arena, "{\"metadata\":{\"name\":\"c\"}}"),
    };
    listener->url = listener->connect_to = SV("");
    fakeapi_set_webhook_client(api, &listener->client);
    AUTO(dialogue) dialogue = dialogue_new(api, NULL, NULL);
    struct caller caller = {.user_agent = SV("test/1"), .dialogue = dialogue};
    struct api_response response;
    CHECK(fakeapi_handle_as(api, &request, &caller, arena, &response) ||
          fakeapi_handle_as(api, &request, &caller, arena, &response));
    fakeapi_set_webhook_client(api, NULL);
    return response;
}

#define SLICE(port, endpoint)                                                                      \
    "{\"metadata\":{\"name\":\"hook-1\",\"labels\":{\"kubernetes.io/service-name\":\"hook\"}},"    \
    "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"" port "\",\"port\":9443}],\"endpoints\":["   \
    "{\"addresses\":[\"192.0.2.7\"]" endpoint "}]}"
#define PORTS "\"ports\":[{\"name\":\"web\",\"port\":443},{\"name\":\"other\",\"port\":8443}]"
#define FAILED "Internal error occurred: failed calling webhook \"a.x.io\": "
#define POSTED FAILED "failed to call webhook: Post \"https://hook.default.svc:443/\": service "
#define ALONE                                                                                      \
    POSTED "\"hook\" has no endpoint outside of the simulation, whose pods serve no requests; "    \
           "say who answers for it with crctl serve --service-address default/hook=HOST:PORT"

static const struct {
    const char *name;
    const char *objects[4]; /* type, text, … */
    const char *config;
    const char *url, *connect_to; /* asked there; NULL: refused */
    const char *message;
} cases[] = {
    {"a URL", {0}, "{\"url\":\"https://127.0.0.1:9/a\"}", "https://127.0.0.1:9/a", "", ""},
    {"no service", {0}, SERVICE(""), NULL, NULL, POSTED "\"hook\" not found"},
    {"an external name",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{\"type\":\"ExternalName\","
                  "\"externalName\":\"host.example\"}}"},
     SERVICE(",\"path\":\"/a/b\",\"port\":8443"),
     "https://hook.default.svc:8443/a/b",
     "host.example:8443",
     ""},
    {"an endpoint outside",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{" PORTS "}}",
      "discovery.k8s.io/v1/endpointslices", SLICE("web", "")},
     SERVICE(""),
     "https://hook.default.svc:443/",
     "192.0.2.7:9443",
     ""},
    {"endpoints written by hand",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{" PORTS "}}", "endpoints",
      "{\"metadata\":{\"name\":\"hook\"},\"subsets\":[{\"addresses\":[{\"ip\":\"2001:db8::1\"}],"
      "\"ports\":[{\"name\":\"web\",\"port\":1443}]}]}"},
     SERVICE(""),
     "https://hook.default.svc:443/",
     "[2001:db8::1]:1443",
     ""},
    {"an endpoint for another port",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{" PORTS "}}",
      "discovery.k8s.io/v1/endpointslices", SLICE("other", "")},
     SERVICE(""),
     NULL,
     NULL,
     ALONE},
    {"an endpoint that is not ready",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{" PORTS "}}",
      "discovery.k8s.io/v1/endpointslices", SLICE("web", ",\"conditions\":{\"ready\":false}")},
     SERVICE(""),
     NULL,
     NULL,
     ALONE},
    {"a simulated pod",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{" PORTS "}}",
      "discovery.k8s.io/v1/endpointslices",
      SLICE("web", ",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p\"}")},
     SERVICE(""),
     NULL,
     NULL,
     ALONE},
    {"a port that the service has not",
     {"services", "{\"metadata\":{\"name\":\"hook\"},\"spec\":{" PORTS "}}"},
     SERVICE(",\"port\":80"),
     NULL,
     NULL,
     FAILED
     "failed to call webhook: Post \"https://hook.default.svc:80/\": service \"hook\" has no "
     "port of that number"},
};

TEST(a_service_is_answered_for_from_outside) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        AUTO(fakeapi) api = fixture_api();
        struct listener listener = {.client = {listen, forget}, .arena = arena};
        for (size_t k = 0; k < COUNT_OF(cases[i].objects) && cases[i].objects[k]; k += 2)
            REQUIRE(
                fixture_create(api, arena, cases[i].objects[k], "default", cases[i].objects[k + 1])
                    .http_status == 201);
        struct api_response response = create_watched(api, arena, &listener, cases[i].config);
        bool is_refused = cases[i].url == NULL;
        CHECK(response.http_status == (is_refused ? 500 : 201));
        CHECK_SV(listener.url, is_refused ? SV("") : sv_from(cases[i].url));
        CHECK_SV(listener.connect_to, is_refused ? SV("") : sv_from(cases[i].connect_to));
        if (is_refused)
            CHECK_SV(json_find_string(response.body, "message"), sv_from(cases[i].message));
    }
}

/* The server's owner has the first word, and needs no Service. */
TEST(a_route_needs_no_service) {
    AUTO(arena) arena = arena_new();
    AUTO(fakeapi) api = fixture_api();
    struct listener listener = {.client = {listen, forget}, .arena = arena};
    fakeapi_route_service(api, SV("default/hook"), "127.0.0.1:9443");
    struct api_response response =
        create_watched(api, arena, &listener, SERVICE(",\"path\":\"validate\""));
    CHECK(response.http_status == 201);
    CHECK_SV(listener.url, SV("https://hook.default.svc:443/validate"));
    CHECK_SV(listener.connect_to, SV("127.0.0.1:9443"));
}
