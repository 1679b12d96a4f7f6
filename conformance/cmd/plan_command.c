/* SPDX-License-Identifier: Apache-2.0 */
/* crctl plan: what the controller would do for the runtimes in the files given, or for one in a
 * cluster; nothing is written anywhere. */
#include "conformance/cmd/cluster_view.h"
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
    struct sv kubeconfig, context;
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

/* The exit status: `status` when they could be printed. */
static int print_plans(const struct command *command, const struct planned *plans, size_t count,
                       const struct plan_options *options, int status, struct arena *arena) {
    struct buf buf;
    buf_init(&buf, PLAN_TEXT_BYTES_MAX);
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        fits = fits && write_one(&buf, plans[i].key, &plans[i].plan, options, arena);
    status =
        fits ? (options->output == 0 ? command_print_lines : command_print)(buf_view(&buf), status)
             : command_fail(command, "the plan is larger than 64 MiB");
    buf_release(&buf);
    return status;
}

static int plan_cluster(const struct command *command, const struct operands *operands,
                        const struct plan_options *options, struct arena *arena) {
    struct error err = {0};
    AUTO(cluster_view)
    view = cluster_view_of_operand(options->kubeconfig, options->context, operands, &err);
    if (!view)
        return command_fail_with(command, &err);
    struct planned planned = {.key = cluster_view_key(view)};
    cluster_view_plan(view, arena, &planned.plan);
    return print_plans(command, &planned, 1, options, EXIT_HELD, arena);
}

static int plan_files(const struct command *command, const struct operands *operands,
                      const struct plan_options *options, struct arena *arena) {
    struct error err = {0};
    struct manifest *manifests;
    struct planned *plans;
    size_t count;
    if (!input_manifests(arena, operands->items, operands->count, &manifests, &err) ||
        !plan_objects(arena, manifests, operands->count, &plans, &count, &err))
        return command_fail(command, err.message);
    int status = input_tell_findings(command, arena, manifests, operands->count);
    return print_plans(command, plans, count, options, status, arena);
}

int plan_command(const struct command *command, int argc, char *const *argv) {
    static const struct sv outputs[] = {SV("text"), SV("json")};
    struct plan_options plan_options = {.kubeconfig = SV(""), .context = SV("")};
    const struct option options[] = {
        {SV("output"), OPTION_CHOICE, SV("text|json"), outputs, COUNT_OF(outputs),
         &plan_options.output, SV("form of the plan")},
        FLAG_OPTION("bodies", &plan_options.with_bodies,
                    "with --output json: what would be sent, too"),
        TEXT_OPTION("kubeconfig", "FILE", &plan_options.kubeconfig,
                    "of NAMESPACE/NAME instead of files; else $KUBECONFIG, else ~/.kube/config"),
        CONTEXT_OPTION(&plan_options.context),
    };
    struct operands operands;
    int status;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &status))
        return status;
    AUTO(arena) arena = arena_new();
    if (cluster_view_is_meant(plan_options.kubeconfig, plan_options.context, &operands))
        return plan_cluster(command, &operands, &plan_options, arena);
    if (operands.count == 0)
        return command_fail(command, "name files with a class, a Dataset and a CacheRuntime, or a "
                                     "runtime of a cluster, NAMESPACE/NAME");
    return plan_files(command, &operands, &plan_options, arena);
}
