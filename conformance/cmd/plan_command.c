/* SPDX-License-Identifier: Apache-2.0 */
/* crctl plan: what the controller would do for the runtimes in the files given; nothing is
 * written anywhere. */
#include "conformance/cmd/command.h"
#include "conformance/cmd/input.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "conformance/plan_objects.h"
#include "core/reconcile/plan_text.h"

enum { PLAN_TEXT_BYTES_MAX = 64 * 1024 * 1024 };

struct plan_options {
    int output;
    bool with_bodies;
};

static bool write_one(struct buf *buf, struct sv key, const struct plan *plan,
                      const struct plan_options *options, struct arena *arena) {
    if (options->output == 0)
        return buf_printf(buf, "%.*s\n", SV_ARG(key)) && plan_write_text(buf, plan, arena);
    struct cJSON *tree = json_map(arena);
    json_set_string(arena, tree, SV("runtime"), key);
    json_set(arena, tree, SV("plan"), plan_to_json(plan, options->with_bodies, arena));
    return json_write(buf, tree, JSON_PRETTY) && buf_append_byte(buf, '\n');
}

static int print_plans(const struct command *command, const struct planned *plans, size_t count,
                       const struct plan_options *options, struct arena *arena) {
    struct buf buf;
    buf_init(&buf, PLAN_TEXT_BYTES_MAX);
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        fits = fits && write_one(&buf, plans[i].key, &plans[i].plan, options, arena);
    int status = fits ? command_print(buf_view(&buf), EXIT_HELD)
                      : command_fail(command, "the plan is larger than 64 MiB");
    buf_release(&buf);
    return status;
}

int plan_command(const struct command *command, int argc, char *const *argv) {
    static const struct sv outputs[] = {SV("text"), SV("json")};
    struct plan_options plan_options = {0};
    const struct option options[] = {
        {SV("output"), OPTION_CHOICE, SV("text|json"), outputs, COUNT_OF(outputs),
         &plan_options.output, SV("form of the plan")},
        {SV("bodies"), OPTION_FLAG, SV(""), NULL, 0, &plan_options.with_bodies,
         SV("with --output json: what would be sent, too")},
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    if (operands.count == 0)
        return command_fail(command, "name files with a class, a Dataset and a CacheRuntime");
    AUTO(arena) arena = arena_new();
    struct error err = {0};
    struct manifest *manifests;
    struct planned *plans;
    size_t count;
    if (!input_manifests(arena, operands.items, operands.count, &manifests, &err) ||
        !plan_objects(arena, manifests, operands.count, &plans, &count, &err))
        return command_fail(command, err.message);
    return print_plans(command, plans, count, &plan_options, arena);
}
