/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child: runs a program, without a shell, and collects what it prints on standard output; the
 * event loop watches it. Its standard error is ours, its standard input is empty, and it gets no
 * other file of ours.
 */
#ifndef CORE_PLATFORM_CHILD_H
#define CORE_PLATFORM_CHILD_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct child; /* opaque */
struct error;
struct event_loop;

struct child_options {
    struct event_loop *loop; /* borrowed */
    struct sv command;       /* looked up in PATH without a slash */
    const struct sv *args;   /* without the command itself */
    size_t arg_count;
    /* "NAME=value", in place of our own of the name; the last one of a name counts. */
    const struct sv *variables;
    size_t variable_count;
    size_t output_bytes_max;
};

/* NULL and ERROR_NOT_FOUND or ERROR_IO when it does not start. */
struct child *child_start(const struct child_options *options, struct error *err);
/* Kills it when it still runs. Accepts NULL. */
void child_free(struct child *child);

bool child_has_ended(const struct child *child);
int child_pid(const struct child *child);
/* Of a child that has ended: ERROR_INTERNAL when it failed, ERROR_TOO_LARGE when it printed too
 * much. The output is valid until child_free(). */
MUST_CHECK bool child_output(const struct child *child, struct sv *ret_output, struct error *err);

#endif
