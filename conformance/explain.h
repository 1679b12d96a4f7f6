/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: what a runtime waits for: which gate of its plan is closed, why, since when, and what
 * would open it. Sentences are not made here: what is waited for is what the gate says, as the
 * conditions say it, and what to do is what docs/conditions.md says of the reason. Pure.
 */
#ifndef CONFORMANCE_EXPLAIN_H
#define CONFORMANCE_EXPLAIN_H

#include "conformance/manifest.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct plan;
struct session;

struct explanation {
    struct sv key;                         /* "namespace/name" */
    const struct cJSON *runtime, *dataset; /* NULL: does not exist */
    const struct plan *plan;               /* what the controller would do next */
    int64_t now_ms;
    /* The plan is that of a controller that starts now: it knows of the class's commands what the
     * status says. */
    bool is_fresh;
};

/* From files: as if a cluster held these objects and nothing else. `key` is "namespace/name", or a
 * name in "default". ERROR_NOT_FOUND names the nearest runtime. Lives in `arena`. */
MUST_CHECK bool explain_files(struct arena *arena, const struct manifest *manifests,
                              size_t manifest_count, struct sv key,
                              struct explanation *ret_explanation, struct error *err);
/* From a simulation, at this moment of it. ERROR_UNSUPPORTED in mode http. */
MUST_CHECK bool explain_session(struct arena *arena, struct session *session, struct sv key,
                                struct explanation *ret_explanation, struct error *err);

/* For people. */
struct sv explain_text(const struct explanation *explanation, struct arena *arena);
/* {"runtime", "waits", "gate", "reason", "message", "opens", "since", "plan"}. */
struct cJSON *explain_json(const struct explanation *explanation, struct arena *arena);

/* What docs/conditions.md says of a reason, or SV(""). */
struct sv explain_reason(struct sv reason);

#endif
