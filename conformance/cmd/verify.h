/* SPDX-License-Identifier: Apache-2.0 */
/* verify: a report that was published, and what comes out when its files are certified again. */
#ifndef CONFORMANCE_CMD_VERIFY_H
#define CONFORMANCE_CMD_VERIFY_H

#include "conformance/lint/lint.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

struct verify_input {
    const struct cJSON *report;
    const struct sv *paths; /* as they are in the report, from the working directory */
    size_t path_count;
    enum lint_target target;
    uint64_t seed;
    bool is_static;
};

/* ERROR_INVALID when it is no report, or was changed after it was made. */
MUST_CHECK bool verify_read(struct arena *arena, struct sv path, struct verify_input *ret_input,
                            struct error *err);
/* Says whether both are the same, else where they differ; returns the exit status. */
int verify_print(const struct cJSON *earlier, const struct cJSON *again, struct arena *arena);

#endif
