/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_context: what the checks of scripts share: the sample as the vendor gives it, started
 * once, and the ways to vary it. Private to conformance/script_*.c.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_CONTEXT_H
#define CONFORMANCE_SCRIPT_SCRIPT_CONTEXT_H

#include "conformance/check.h"
#include "conformance/script/script_checks.h"
#include "conformance/script/script_stage.h"
#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct cJSON;

struct script_context {
    const struct subject *subject;
    const struct simulation *simulation;
    const struct script_runner *runner;
    struct check_results *results;
    struct arena *arena;
    struct error err; /* of the harness */
    struct sv id;     /* of the running check */
    size_t findings_begin;
    const struct sample *sample;
    struct script_stage base; /* the sample, started */
    bool is_good;             /* and every start succeeded */
    struct sv base_signature;
    struct sv base_start_signatures[ROLE_COUNT], base_mount_signature;
    enum role mount_role;
    const struct cJSON *mount_entry; /* mountUFS that can be run here, or NULL */
    struct script_outcome base_mount;
};

struct script_check {
    struct sv id;
    void (*check)(struct script_context *context);
    bool needs_start; /* nothing can be said when a start fails with the vendor's own sample */
};
struct script_check_list {
    const struct script_check *items;
    size_t count;
};
#define SCRIPT_CHECKS(name, array) const struct script_check_list name = {(array), COUNT_OF(array)}
extern const struct script_check_list script_entry_checks, script_mount_checks,
    script_config_checks, script_safety_checks, script_tier_checks;

/* --- findings of the running check --- */

struct check_result *script_fail(struct script_context *context, enum role role,
                                 const struct cJSON *item, const char *format, ...)
    PRINTF_LIKE(4, 5);
void script_skip(struct script_context *context, enum check_state state, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The running check has added nothing yet. */
bool script_is_clean(const struct script_context *context);

/* What a role's start runs, for the place of a finding. */
const struct cJSON *script_start_item(const struct script_context *context, enum role role);
/* The first role whose pod of the sample serves an entry; NULL when none declares it. */
const struct cJSON *script_entry(const struct script_context *context, struct sv name,
                                 enum role *ret_role);

/* --- variations --- */

/* An empty stage over a changed sample; false when the controller would not make pods of it. */
bool script_vary(struct script_context *context, const struct cJSON *dataset,
                 const struct cJSON *runtime, struct script_stage *ret_stage, struct sv *ret_why);
/* Copies that may be changed. */
struct cJSON *script_copy_dataset(struct script_context *context);
struct cJSON *script_copy_runtime(struct script_context *context);
/* The first mount that the engine is to mount, or NULL. */
struct cJSON *script_first_mount(const struct cJSON *dataset);
/* Replaces the dataset's mounts by `count` of them, made like its first one: /certify-0, … */
void script_set_mounts(struct script_context *context, struct cJSON *dataset, size_t count);

/* Starts the role that serves mountUFS and runs it. False when that could not be done. */
bool script_mount(struct script_context *context, struct script_stage *stage,
                  struct script_outcome *ret_outcome);
/* Starts everything, runs mountUFS where there is one, and tells all that was seen. */
struct sv script_perform(struct script_context *context, struct script_stage *stage);

/* mountUFS exists here and does with the sample what EXEC-003 asks for. */
bool script_mounts_well(struct script_context *context);
/* Whether the scripts do anything else on `stage` than with the sample: runs `first` (a role, or
 * ROLE_COUNT for mountUFS) before the others and stops at the first difference. */
bool script_differs(struct script_context *context, struct script_stage *stage, enum role first);
/* The list that mountUFS printed: NULL with the reason when it is no {"mounted": [texts]}. */
const struct cJSON *script_mounted(struct script_context *context, struct sv stdout_bytes,
                                   struct sv *ret_why);
/* The paths that it must print, sorted lines; and those of a printed list. */
struct sv script_wanted_paths(struct script_context *context, const struct cJSON *dataset);
struct sv script_listed_paths(struct script_context *context, const struct cJSON *mounted);
/* Whether the outcome of mountUFS is a success with exactly the dataset's paths; if not, why. */
bool script_lists_wanted(struct script_context *context, const struct cJSON *dataset,
                         const struct script_outcome *outcome, struct sv *ret_why);

/* Paths of which one begins with another: a substring test takes them for the same. */
enum { SCRIPT_SIMILAR_PATHS = 3, SCRIPT_SPECIAL_PATHS = 3, SCRIPT_MANY_MOUNTS = 50 };
extern const struct sv script_similar_paths[SCRIPT_SIMILAR_PATHS];
/* Paths that only a JSON parser reads. */
extern const struct sv script_special_paths[SCRIPT_SPECIAL_PATHS];
/* Gives the first mounts those paths. */
void script_set_paths(struct script_context *context, struct cJSON *dataset, const struct sv *paths,
                      size_t count);
/* Whether mountUFS lists all of SCRIPT_MANY_MOUNTS mounts that have all of these paths among them.
 * What holds there holds for fewer: one run instead of three. */
bool script_lists_many(struct script_context *context);

/* `text` with every `from` replaced. */
struct sv script_replace(struct arena *arena, struct sv text, struct sv from, struct sv to);
/* Where two signatures differ first: "was …, became …". */
struct sv script_difference(struct arena *arena, struct sv before, struct sv after);

#endif
