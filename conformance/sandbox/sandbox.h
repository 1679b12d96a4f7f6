/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: runs vendors' scripts with bubblewrap: no network, no privileges, limits on time,
 * memory, processes and files, the host's tools read-only, and the engine's programs replaced by
 * the simulation that the vendor gives. The one impure part of conformance besides cmd.
 *
 * Equal runs are made once: outcomes are remembered by a hash of everything that goes in. Threads
 * may run scripts at the same time, some more than there are processors; others wait.
 */
#ifndef CONFORMANCE_SANDBOX_SANDBOX_H
#define CONFORMANCE_SANDBOX_SANDBOX_H

#include "conformance/script/script_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct error;
struct sandbox; /* opaque */
struct simulation;

/* Prepares a folder below $TMPDIR, /dev/shm or /tmp and tries bubblewrap out. `simulation` may be
 * NULL: then no program of the engine exists. NULL and ERROR_UNSUPPORTED when scripts cannot be run
 * here: the message says what to install or allow. `simulation` must outlive the sandbox. */
struct sandbox *sandbox_new(const struct simulation *simulation, struct error *err);
/* Removes its folder. Accepts NULL. */
void sandbox_free(struct sandbox *sandbox);
DEFINE_AUTO(sandbox)

/* May be used by several threads. */
struct script_runner sandbox_runner(struct sandbox *sandbox);
/* Runs that were made, and those that were answered from memory. */
void sandbox_counts(const struct sandbox *sandbox, uint64_t *ret_runs, uint64_t *ret_remembered);

#endif
