/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/transport.h"

#include "core/api/resource.h"
#include "core/base/error.h"
#include "core/data/json.h"

#define X(name, text) [VERB_##name] = SV(text),
static const struct sv verb_texts[] = {VERBS(X)};
#undef X

struct sv verb_text(enum verb verb) {
    return verb_texts[verb];
}

bool verb_is_write(enum verb verb) {
    switch (verb) {
    case VERB_CREATE:
    case VERB_UPDATE:
    case VERB_PATCH:
    case VERB_DELETE:
    case VERB_DELETE_COLLECTION:
        return true;
    case VERB_GET:
    case VERB_LIST:
    case VERB_WATCH:
    case VERB_EXEC:
        return false;
    }
    return false;
}

#define X(name, media_type) [PATCH_##name] = SV(media_type),
static const struct sv media_types[] = {PATCH_TYPES(X)};
#undef X

struct sv patch_type_media_type(enum patch_type type) {
    return media_types[type];
}

#define X(name) [WATCH_##name] = SV(#name),
static const struct sv event_type_texts[] = {WATCH_EVENT_TYPES(X)};
#undef X

struct request request_to(enum verb verb, const struct resource *resource, struct sv namespace_name,
                          struct sv name) {
    return (struct request){
        .verb = verb,
        .group = resource->group,
        .version = resource->version,
        .plural = resource->plural,
        .namespace_name = resource->is_namespaced ? namespace_name : SV(""),
        .name = name,
        .subresource = SV(""),
    };
}

struct sv watch_event_type_text(enum watch_event_type type) {
    return event_type_texts[type];
}

/* At least as many as there are: each is the first one of its container or stands behind a comma.
 * Beside reading them this costs nothing. */
static size_t count_values(struct sv text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',' || text.ptr[i] == '[' || text.ptr[i] == '{';
    return count;
}

struct cJSON *transport_read(struct arena *arena, struct sv text, const struct unread *unread,
                             struct error *err) {
    const struct json_omission omission = {
        .parent = SV("metadata"),
        .key = SV("managedFields"),
        .bulk = SV("fieldsV1"),
        .is_needed = unread->needs_managed_fields,
    };
    if (text.len > ANSWER_VALUES_MAX && count_values(text) > ANSWER_VALUES_MAX) {
        error_set(err, ERROR_TOO_LARGE, "an answer of over %d values", ANSWER_VALUES_MAX);
        return NULL;
    }
    struct cJSON *root = unread->managed_fields ? json_read_without(arena, text, &omission, err)
                                                : json_read(arena, text, err);
    if (!root || json_is_map(root))
        return root;
    error_set(err, ERROR_INVALID, "a JSON text that is no object");
    return NULL;
}
