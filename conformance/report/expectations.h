/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expectations: what a vendor says beforehand of failures (kind Expectations): those that are known
 * and expected, and waivers, with which a SHOULD may fail until a day. A finding stays a finding in
 * the report; only how it counts changes. Pure: which day it is, is handed in.
 */
#ifndef CONFORMANCE_REPORT_EXPECTATIONS_H
#define CONFORMANCE_REPORT_EXPECTATIONS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct check;
struct check_results;
struct cJSON;
struct error;
struct manifest;

enum { EXPECTATIONS_MAX = 256 }; /* more than the catalogue has checks */

struct expectation {
    const struct check *check;
    struct sv reason;
    struct sv expires;     /* of a waiver: "2027-06-30", the last day on which it holds */
    struct sv approved_by; /* of a waiver; may be SV("") */
    size_t count;          /* results that it was used for */
    bool has_passed;       /* the check was executed and passed */
};

struct expectations {
    struct sv today; /* "2026-11-28" */
    struct expectation *failures, *waivers;
    size_t failure_count, waiver_count;
};

/* Whether it is a day as these files write it: YYYY-MM-DD. */
bool expectations_is_day(struct sv text);

/* Lives in `arena` and borrows from the manifest. Fails with "path:line:column: …". */
MUST_CHECK bool expectations_read(const struct manifest *manifest, struct sv today,
                                  struct arena *arena, struct expectations *ret_expectations,
                                  struct error *err);

/* Changes how results count: an expected failure becomes XFAIL, a waived one gets its excuse. Notes
 * which expectations were of use. */
void expectations_apply(struct expectations *expectations, struct check_results *results);

/* Every failure that was expected has come, as far as its check was executed. The report names
 * those that have not. */
bool expectations_are_met(const struct expectations *expectations);

/* Members "expected" and "waivers" of a report. */
void expectations_add(const struct expectations *expectations, struct arena *arena,
                      struct cJSON *report);

#endif
