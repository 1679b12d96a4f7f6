/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uninstaller: carries out uninstall.h's plan on a cluster: looks, patches, and looks again until
 * there is nothing left to do. Refuses to while a controller holds its lease, which would write
 * everything back. Asks one question after the other, by a function that waits for the answer.
 */
#ifndef CORE_CONTROLLER_UNINSTALLER_H
#define CORE_CONTROLLER_UNINSTALLER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct request;

struct uninstaller_options {
    struct sv namespace_name; /* of the leases */
    bool is_dry_run;          /* tells what it would do */
    int64_t now_ms;
    /* The answer's tree in `arena`, or why there is none. */
    bool (*ask)(void *client, const struct request *request, struct arena *arena,
                const struct cJSON **ret_body, struct error *err);
    void *client;
    /* One line for people. */
    void (*tell)(void *context, struct sv line);
    void *context;
};

/* ERROR_CONFLICT: a controller works, or somebody else writes everything back. */
MUST_CHECK bool uninstaller_run(const struct uninstaller_options *options, struct error *err);

#endif
