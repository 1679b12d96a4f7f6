/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_checks: the checks of a class that run its scripts: its containers' start scripts and its
 * execution entries, with inputs that a user could give and some that an attacker would. Pure: who
 * runs the scripts is handed in.
 */
#ifndef CONFORMANCE_SCRIPT_CHECKS_H
#define CONFORMANCE_SCRIPT_CHECKS_H

#include "core/base/base.h"
#include "core/base/sv.h"

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
    /* Called with each check's id before it runs, for progress; may be NULL. */
    void (*progress)(void *context, struct sv check_id);
    void *context;
};

/* Adds one result or more for each check of the catalogue that is observed by running scripts. */
void script_checks(const struct subject *subject, const struct script_check_options *options,
                   struct check_results *results);

#endif
