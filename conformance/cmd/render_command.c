/* SPDX-License-Identifier: Apache-2.0 */
/* crctl render: files in another form; what they hold decides which. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "core/base/arena.h"
#include "core/base/error.h"

int render_command(const struct command *command, int argc, char *const *argv) {
    struct operands operands;
    int status;
    if (!command_options(command, NULL, 0, argc, argv, &operands, &status))
        return status;
    if (operands.count == 0)
        return command_fail(command, "name files with a class, a Dataset and a CacheRuntime");
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct manifest *manifests;
    if (!input_manifests(arena, operands.items, operands.count, &manifests, &err))
        return command_fail(command, err.message);
    return render_objects_command(command, manifests, operands.count, arena);
}
