/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denial: whether a script failed because its container's user may not write where it wants to.
 * The same run is made once more by a user who may write anywhere; what it then wrote besides is
 * what was denied. Pure.
 */
#ifndef CONFORMANCE_SANDBOX_DENIAL_H
#define CONFORMANCE_SANDBOX_DENIAL_H

#include "conformance/script/script_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* Whether it is worth to make the run again: it failed, and says that something is read-only or
 * nothing at all. Most failures have other reasons, and a run is expensive. */
bool denial_is_likely(const struct script_run *run, const struct script_outcome *outcome);

/* "user 1000 cannot write /opt/x: …", where `unconfined` is the outcome of the run by a user who
 * may write anywhere; SV("") when that one wrote nothing else. In `arena`. */
struct sv denial_text(const struct script_run *run, const struct script_outcome *outcome,
                      const struct script_outcome *unconfined, struct arena *arena);

#endif
