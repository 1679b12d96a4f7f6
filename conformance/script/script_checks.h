/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_checks: the checks of a class that run its scripts: its containers' start scripts and its
 * execution entries, with inputs that a user could give and some that an attacker would. Pure: who
 * runs the scripts is handed in.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_CHECKS_H
#define CONFORMANCE_SCRIPT_SCRIPT_CHECKS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct check_results;
struct error;
struct script_runner;
struct simulation;
struct subject;

struct script_check_options {
    /* NULL: scripts cannot be run here, and `unavailable` says why. */
    const struct script_runner *runner;
    const struct error *unavailable;
    /* NULL: the vendor gives none, and nothing of the engine can be seen. */
    const struct simulation *simulation;
    /* Called with each check's id before it runs, for progress, by whoever runs it; may be NULL. */
    void (*progress)(void *context, struct sv check_id);
    void *context;
};

/*
 * The checks of one subject. They are independent of each other: once the set is made, any number
 * of threads may run different ones at the same time if the runner allows that.
 */
struct script_check_set; /* opaque, in an arena */

/* Starts the sample, which all checks compare with. What is given must outlive the set. */
struct script_check_set *script_check_set_new(const struct subject *subject,
                                              const struct script_check_options *options,
                                              struct arena *arena);
size_t script_check_set_count(const struct script_check_set *set);
/* Adds one result or more for the check. `results` and their arena are this call's alone. */
void script_check_set_run(const struct script_check_set *set, size_t index,
                          struct check_results *results);

/* All of them, one after the other. */
void script_checks(const struct subject *subject, const struct script_check_options *options,
                   struct check_results *results);

#endif
