/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/wire_copy.h"

#include "core/base/arena.h"
#include "core/data/json.h"

#define TEXT(member) offsetof(struct request, member)
static const size_t texts[] = {
    TEXT(group),
    TEXT(version),
    TEXT(plural),
    TEXT(namespace_name),
    TEXT(name),
    TEXT(subresource),
    TEXT(field_manager),
    TEXT(field_validation),
    TEXT(label_selector),
    TEXT(field_selector),
    TEXT(metric_label_selector),
    TEXT(resource_version),
    TEXT(resource_version_match),
    TEXT(continue_token),
    TEXT(exec.container),
    TEXT(exec.stdin_bytes),
};
#undef TEXT

/* A request is often built with members left out, which are {NULL, 0}. */
static struct sv copy_text(struct arena *arena, struct sv text) {
    return text.len == 0 ? SV("") : arena_copy(arena, text);
}

struct request wire_copy_request(struct arena *arena, const struct request *request) {
    struct request copy = *request;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct sv *text = (struct sv *)((char *)&copy + texts[i]);
        *text = copy_text(arena, *text);
    }
    if (request->body)
        copy.body = json_copy(arena, request->body);
    struct sv *command = ARENA_ARRAY(arena, struct sv, request->exec.command_count);
    for (size_t i = 0; i < request->exec.command_count; i++)
        command[i] = copy_text(arena, request->exec.command[i]);
    copy.exec.command = command;
    return copy;
}
