/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_jobs: the checks of scripts at the same time, as many as there are processors. Results
 * are those of script_checks(), in the same order.
 */
#ifndef CONFORMANCE_SANDBOX_SCRIPT_JOBS_H
#define CONFORMANCE_SANDBOX_SCRIPT_JOBS_H

#include "core/base/base.h"

struct check_results;
struct script_check_options;
struct subject;

/* The runner must be a sandbox's. Texts of results are copied into the results' arena. */
void script_jobs_run(const struct subject *subject, const struct script_check_options *options,
                     struct check_results *results);

#endif
