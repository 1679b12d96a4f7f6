/* SPDX-License-Identifier: Apache-2.0 */
/* crctl render FILE...: the objects that the controller would create, as YAML. */
#include "conformance/cmd/command.h"
#include "conformance/render_objects.h"
#include "core/base/arena.h"
#include "core/base/error.h"

/* A runtime for which nothing would be created is a finding: which, and why. */
static int tell_refusals(const struct command *command, const struct rendered *rendered,
                         size_t count) {
    int status = EXIT_HELD;
    for (size_t i = 0; i < count; i++) {
        if (rendered[i].object_count > 0)
            continue;
        fprintf(stderr, "crctl %.*s: CacheRuntime %.*s: nothing would be created: %.*s\n",
                SV_ARG(command->name), SV_ARG(rendered[i].key), SV_ARG(rendered[i].refusal));
        status = EXIT_FINDINGS;
    }
    return status;
}

int render_objects_command(const struct command *command, const struct manifest *manifests,
                           size_t manifest_count, struct arena *arena) {
    struct error err = {0};
    struct rendered *rendered;
    size_t count;
    struct sv text;
    if (!render_objects(arena, manifests, manifest_count, &rendered, &count, &err) ||
        !render_objects_yaml(arena, rendered, count, &text, &err))
        return command_fail(command, err.message);
    return command_print(text, tell_refusals(command, rendered, count));
}
