/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot: one place in which scripts run, one at a time: a container's root and the files through
 * which the harness talks to the programs in it. Slots of one sandbox share its image and nothing
 * else, so that they may be used at the same time.
 */
#ifndef CONFORMANCE_SANDBOX_SLOT_H
#define CONFORMANCE_SANDBOX_SLOT_H

#include "conformance/script/script_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct simulation;
struct slot; /* opaque */

#define SLOT_BWRAP "/usr/bin/bwrap" /* runs everything */

/* `folder` is the sandbox's: its image/ is made; the slot's own folder is `number` in it. NULL and
 * ERROR_UNSUPPORTED when it cannot be made. Everything given must outlive the slot. */
struct slot *slot_new(const char *folder, int folder_fd, size_t number,
                      const struct simulation *simulation, struct error *err);
/* Closes; its files go with the sandbox's folder. Accepts NULL. */
void slot_free(struct slot *slot);

/* Makes the run anew. The outcome lives in `arena`. */
MUST_CHECK bool slot_run(struct slot *slot, const struct script_run *run, struct arena *arena,
                         struct script_outcome *ret_outcome, struct error *err);

/* Files that are made until the next call are the user's that scripts run as, or this process's
 * again. */
void slot_act_unprivileged(bool is_on);

#endif
