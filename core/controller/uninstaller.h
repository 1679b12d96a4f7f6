/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uninstaller: carries out uninstall.h's plan on a cluster: looks, patches, and looks again until
 * there is nothing left to do. Refuses to while a controller holds its lease, which would write
 * everything back.
 */
#ifndef CORE_PLATFORM_UNINSTALLER_H
#define CORE_PLATFORM_UNINSTALLER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;

struct uninstaller_options {
    struct sv kubeconfig, context; /* as in client_config_find() */
    struct sv namespace_name;      /* of the leases */
    bool is_dry_run;               /* tells what it would do */
    FILE *output;
};

/* ERROR_CONFLICT: a controller works, or somebody else writes everything back. */
MUST_CHECK bool uninstaller_run(const struct uninstaller_options *options, struct error *err);

#endif
