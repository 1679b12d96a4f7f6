/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: one row of the catalogue and one outcome of it. Identifiers, levels, states and fields
 * are those of the certification report (certification.md §1); ids are never reused.
 */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include "conformance/manifest.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

#define CHECK_LEVELS(X) X(MUST) X(SHOULD) X(MAY)
#define X(name) CHECK_##name,
enum check_level { CHECK_LEVELS(X) };
#undef X

/* In order of badness: a parent takes the worst state of its children. */
#define CHECK_STATES(X)                                                                            \
    X(DISABLED, "disabled")                   /* by the user */                                    \
    X(SKIP_UNSUPPORTED, "skip-unsupported")   /* the class does not declare the feature */         \
    X(SKIP_UNOBSERVABLE, "skip-unobservable") /* this mode cannot see it */                        \
    X(PASS, "pass")                                                                                \
    X(XFAIL, "xfail")                                                                              \
    X(FAIL, "fail")                                                                                \
    X(ERROR, "error") /* the harness failed */
#define X(name, text) CHECK_STATE_##name,
enum check_state { CHECK_STATES(X) };
#undef X
struct sv check_state_text(enum check_state state);

/* How a check is observed, as bits: static lint, simulation, scripts in the sandbox, cluster. */
enum {
    OBSERVED_BY_LINT = 1,
    OBSERVED_BY_SIM = 2,
    OBSERVED_BY_SANDBOX = 4,
    OBSERVED_BY_CLUSTER = 8
};

struct check {
    struct sv id;       /* "SCH-002" */
    struct sv slug;     /* "no-unknown-field" */
    struct sv category; /* "schema", "topology", "workload", "execution", "lifecycle", … */
    enum check_level level;
    unsigned observed_by;
    struct sv since;       /* catalogue version */
    struct sv title;       /* what is checked, one sentence */
    struct sv remediation; /* what to do when it fails, one sentence */
};

/* The catalogue, in order; NULL behind the end. */
const struct check *catalogue_at(size_t index);
/* NULL when there is none of that id. */
const struct check *catalogue_find(struct sv id);
struct sv catalogue_version(void);
/* Where the check is described: "docs/checks.md#sch-002". */
struct sv check_doc(const struct check *check, struct arena *arena);

struct check_result {
    const struct check *check;
    enum check_state state;
    unsigned observed_by; /* how it was observed in this run */
    struct sv role;       /* "master", "worker", "client" or "" */
    struct location subject;
    struct sv message;          /* why it failed or was skipped; "" for a pass without a remark */
    struct sv expected, actual; /* "" when they say nothing more */
    struct sv remediation;      /* "" takes the check's */
    /* Why this failure was expected (XFAIL) or is waived (FAIL); "" when it is neither. */
    struct sv excuse;
};

/* Outcomes in the order in which they were found; everything in them lives in `arena`. */
struct check_results {
    struct arena *arena;
    struct check_result *items;
    size_t count, capacity;
};

/* Appends a result for check `id` (which must be in the catalogue) with a message. */
struct check_result *results_add(struct check_results *results, struct sv id,
                                 enum check_state state, const char *format, ...) PRINTF_LIKE(4, 5);
/* Appends results that were found elsewhere, with copies of their texts. */
void results_append(struct check_results *results, const struct check_results *more);
/* Passes `id` unless a result for it was added since `from` (an index into the items). */
void results_pass_if_none(struct check_results *results, struct sv id, size_t from);

#endif
