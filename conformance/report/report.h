/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: one certification as a ConformanceReport (certification.md §1.5), and the forms that
 * are derived from it: text for people and JUnit XML. Same input and seed, same bytes: times are
 * not in it. Pure.
 */
#ifndef CONFORMANCE_REPORT_REPORT_H
#define CONFORMANCE_REPORT_REPORT_H

#include "conformance/check.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct expectations;
struct subject;

struct report_measurement {
    struct sv name; /* "requestsCreate" */
    int64_t value;
};

struct report_input {
    const struct subject *subject;
    const struct check_results *results;
    struct sv tool_version;
    struct sv target;
    unsigned modes; /* OBSERVED_BY_… bits that were asked for */
    uint64_t seed;
    /* Where the lifecycle was, unless it was simulated in this process: "http", "cluster", and the
     * server's version, the controller or the clock; else SV(""). */
    struct sv session_mode, session_where;
    struct sv command; /* that gives the same report again */
    const struct report_measurement *measurements;
    size_t measurement_count;
    const struct expectations *expectations; /* that were applied to the results; NULL: none */
    /* Files that the verdict depended on besides the subject's; SV(""): none. */
    struct sv expectations_path, previous_path;
};

/* The report, in `arena`. */
struct cJSON *report_build(const struct report_input *input, struct arena *arena);

enum { REPORT_TEXT_BYTES_MAX = 16 * 1024 * 1024 };

struct report_text_options {
    bool has_color;
    bool shows_passed; /* a line for each passed check, too */
};
/* For people: failures first, each with one line that says what to change. */
struct sv report_text(const struct cJSON *report, const struct report_text_options *options,
                      struct arena *arena);
/* A suite for each category, a case for each result; properties carry the digests. */
struct sv report_junit(const struct cJSON *report, struct arena *arena);

/* Which failures count. */
enum report_fail_on { REPORT_FAIL_ON_MUST, REPORT_FAIL_ON_SHOULD };
/* What a verdict asks to be observed: what can be read; that and the simulated lifecycle; those and
 * the scripts. Levels above these need a cluster. */
enum report_level { REPORT_LEVEL_STATIC, REPORT_LEVEL_BRONZE, REPORT_LEVEL_SILVER };
enum report_verdict {
    REPORT_HELD,        /* exit status 0 */
    REPORT_FAILED,      /* 1 */
    REPORT_HARNESS,     /* 3: a check could not be carried out */
    REPORT_NOT_EXECUTED /* 4: nothing failed, but a MUST of the level was not executed */
};
/* Any MUST that failed counts, whatever the level, unless that was expected. A failure that is
 * waived counts as a pass. */
enum report_verdict report_verdict(const struct check_results *results, enum report_fail_on fail_on,
                                   enum report_level level);

/* Over everything in the report but bodyDigest itself. */
struct sv report_body_digest(const struct cJSON *report, struct arena *arena);

#endif
