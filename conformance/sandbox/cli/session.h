/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: what all calls of one run share, in files below SIM_RUN: virtual time, tables, log.
 * One call at a time holds the lock.
 */
#ifndef CONFORMANCE_SANDBOX_CLI_SESSION_H
#define CONFORMANCE_SANDBOX_CLI_SESSION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

struct session_file {
    struct arena *arena;
    int lock_fd;
    const struct cJSON *call; /* call.json */
    struct cJSON *state;      /* state.json */
    int64_t elapsed_ms;
};

/* Takes the lock and reads; what cannot be read ends the process with a message. */
struct session_file session_take(struct arena *arena);
/* Writes state and time and drops the lock. */
void session_put(struct session_file *session);
/* Spends virtual time; drops the lock first. Does not return when the time of `timeout` or of the
 * run is over before: the process waits to be killed. `takes_ms` INT64_MAX: for ever. */
void session_spend(struct session_file *session, int64_t takes_ms);
/* Appends {key: value} to the log. Takes `value` over. */
void session_log(struct arena *arena, struct sv key, struct cJSON *value);
/* Logs the command lines of all processes in sight. */
void session_log_command_lines(struct arena *arena, struct sv key, bool without_own);

/* A whole file; SV("") when it cannot be read. */
struct sv file_read(struct arena *arena, const char *path);
/* False when nothing was written: errno says why. */
bool file_write(const char *path, struct sv bytes);

#endif
