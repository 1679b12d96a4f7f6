/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/schema/builtin_text.h"
#include "fakeapi/server/fakeapi.h"
#include "fakeapi/server/rbac.h"

static void create(struct fakeapi *api, struct sv plural, const struct cJSON *body,
                   struct arena *arena) {
    struct request request = {
        .verb = VERB_CREATE,
        .group = SV("rbac.authorization.k8s.io"),
        .version = SV("v1"),
        .plural = plural,
        .namespace_name = json_find_string(body, "metadata.namespace"),
        .body = body,
    };
    struct api_response response;
    fakeapi_handle(api, &request, SV("kube-apiserver"), arena, &response);
    /* They may be there, in a state that was kept. */
    assert(response.http_status == 201 || response.http_status == 409);
}

void rbac_create_defaults(struct fakeapi *api) {
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    const struct cJSON *defaults = json_read(arena, builtin_text_rbac_defaults, &err);
    assert(defaults);
    JSON_EACH (of_kind, defaults)
        JSON_EACH (object, of_kind)
            create(api, json_key(of_kind), object, arena);
}
