/* SPDX-License-Identifier: Apache-2.0 */
/* crctl uninstall: takes off what would stay stuck without a controller. */
#include "conformance/cmd/command.h"
#include "core/base/error.h"
#include "core/controller/uninstaller.h"
#include "core/platform/cluster_client.h"
#include "core/platform/event_loop.h"

static int finish(const struct command *command, bool is_good, const struct error *err) {
    bool is_written = fflush(stdout) == 0;
    if (is_good)
        return is_written ? EXIT_HELD : EXIT_HARNESS;
    /* A controller that works is found out, and no mistake in what was given. */
    if (err->code != ERROR_CONFLICT)
        return command_fail_with(command, err);
    command_fail(command, err->message);
    return EXIT_FINDINGS;
}

int uninstall_command(const struct command *command, int argc, char *const *argv) {
    struct sv kubeconfig = SV(""), context = SV("");
    struct uninstaller_options uninstall = {
        .namespace_name = SV("fluid-system"),
        .now_ms = wall_now_ms(),
        .ask = cluster_client_ask,
        .tell = cluster_client_tell,
    };
    const struct option options[] = {
        KUBECONFIG_OPTION(&kubeconfig),
        CONTEXT_OPTION(&context),
        TEXT_OPTION("namespace", "NAME", &uninstall.namespace_name,
                    "where the controller ran; fluid-system"),
        FLAG_OPTION("dry-run", &uninstall.is_dry_run, "tell what would be removed, remove nothing"),
    };
    struct operands operands;
    int result;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &result))
        return result;
    if (operands.count > 0)
        return command_fail(command, "takes options only; see --help");
    struct error err = {0};
    AUTO(cluster_client) client = cluster_client_new(kubeconfig, context, &err);
    uninstall.client = client;
    return finish(command, client && uninstaller_run(&uninstall, &err), &err);
}
