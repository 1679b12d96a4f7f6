/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/server/watch_conversion.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/data/json.h"
#include "fakeapi/server/convert_webhook.h"
#include "fakeapi/server/dialogue.h"
#include "fakeapi/server/server_parts.h"

struct watch_conversion {
    struct fakeapi *api;
    const struct resource_type *type;
    struct arena *arena; /* of the record */
    struct watch_record record;
    struct dialogue *dialogue;
};

bool watch_needs_conversion(const struct resource_type *type, const struct cJSON *object) {
    if (!type->conversion_webhook)
        return false;
    AUTO(arena) arena = arena_new();
    return !sv_eq(json_string_or(object, SV("apiVersion"), SV("")),
                  resource_api_version(&type->resource, arena));
}

struct watch_conversion *watch_conversion_new(struct fakeapi *api, const struct resource_type *type,
                                              const struct watch_record *record,
                                              void (*answered)(void *context), void *context) {
    struct watch_conversion *conversion = mem_alloc(sizeof(*conversion));
    struct arena *arena = arena_new();
    *conversion = (struct watch_conversion){
        .api = api,
        .type = type,
        .arena = arena,
        .record = {record->type, json_copy(arena, record->object)},
        .dialogue = dialogue_new(api, answered, context),
    };
    return conversion;
}

void watch_conversion_free(struct watch_conversion *conversion) {
    if (!conversion)
        return;
    dialogue_free(conversion->dialogue);
    arena_free(conversion->arena);
    mem_free(conversion);
}

bool watch_conversion_take(struct watch_conversion *conversion, struct arena *arena,
                           struct watch_record *ret_record) {
    const struct resource *resource = &conversion->type->resource;
    const struct request request = {.verb = VERB_WATCH,
                                    .group = resource->group,
                                    .version = resource->version,
                                    .plural = resource->plural};
    struct call call;
    struct request copy;
    struct api_response response;
    const struct cJSON *tree = conversion->record.object;
    bool is_served = begin_call(&call, conversion->api, &request, &copy, SV(""), arena, &response);
    call.dialogue = conversion->dialogue;
    if (is_served && convert_by_webhook(&call, conversion->type, &tree, 1)) {
        *ret_record = (struct watch_record){conversion->record.type,
                                            present(arena, conversion->type, &copy, tree)};
        return true;
    }
    if (call.is_waiting)
        return false;
    *ret_record = (struct watch_record){WATCH_ERROR, response.body};
    return true;
}
