/* SPDX-License-Identifier: Apache-2.0 */
/* outcome: what a run left in its folders and printed, as a script_outcome. */
#ifndef CONFORMANCE_SANDBOX_OUTCOME_H
#define CONFORMANCE_SANDBOX_OUTCOME_H

#include "conformance/sandbox/process.h"
#include "conformance/script/script_run.h"
#include "core/base/base.h"

struct arena;
struct error;

struct outcome_places {
    int root_fd, run_fd;
    size_t output_bytes_max;
};

/* False when the harness's own files are broken: ERROR_INTERNAL. */
MUST_CHECK bool outcome_read(const struct outcome_places *places, const struct script_run *run,
                             const struct process_result *result, struct arena *arena,
                             struct script_outcome *ret_outcome, struct error *err);

#endif
