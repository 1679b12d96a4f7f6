/* SPDX-License-Identifier: Apache-2.0 */
/* crctl uninstall: takes off what would stay stuck without a controller. */
#include "conformance/cmd/command.h"
#include "core/base/error.h"
#include "core/platform/uninstaller.h"

int uninstall_command(const struct command *command, int argc, char *const *argv) {
    struct uninstaller_options uninstall = {
        .kubeconfig = SV(""),
        .context = SV(""),
        .namespace_name = SV("fluid-system"),
        .output = stdout,
    };
    const struct option options[] = {
        {SV("kubeconfig"), OPTION_TEXT, SV("FILE"), NULL, 0, &uninstall.kubeconfig,
         SV("the cluster; KUBECONFIG")},
        {SV("context"), OPTION_TEXT, SV("NAME"), NULL, 0, &uninstall.context,
         SV("of the kubeconfig; its current one")},
        {SV("namespace"), OPTION_TEXT, SV("NAME"), NULL, 0, &uninstall.namespace_name,
         SV("where the controller ran; fluid-system")},
        {SV("dry-run"), OPTION_FLAG, SV(""), NULL, 0, &uninstall.is_dry_run,
         SV("tell what would be removed, remove nothing")},
    };
    struct operands operands;
    int result;
    if (!command_options(command, options, COUNT_OF(options), argc, argv, &operands, &result))
        return result;
    if (operands.count > 0)
        return command_fail(command, "takes options only; see --help");
    struct error err = {0};
    if (uninstaller_run(&uninstall, &err))
        return fflush(stdout) == 0 ? EXIT_HELD : EXIT_HARNESS;
    fflush(stdout);
    /* A controller that works is found out, and no mistake in what was given. */
    if (err.code != ERROR_CONFLICT)
        return command_fail_with(command, &err);
    command_fail(command, err.message);
    return EXIT_FINDINGS;
}
