/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_log: the log seam of a long-running process: one line an event, as text or as a JSON
 * object (ts, level, msg). It never waits for whoever reads the log. Of a pipe that is full, or a
 * terminal that is held, it keeps lines until they can go; what is more than that is lost, and
 * a line says how much once there is a reader again.
 */
#ifndef CORE_PLATFORM_DAEMON_LOG_H
#define CORE_PLATFORM_DAEMON_LOG_H

#include "core/base/log.h"

/* Several times what a pipe holds: a reader that is only slow loses nothing. */
enum { LOG_WAITING_BYTES_MAX = 256 * 1024 };

struct daemon_log; /* opaque */

/* Writes to `descriptor`, which stays the caller's, as it is: others may share it. */
struct daemon_log *daemon_log_new(int descriptor, enum log_level level_max, bool is_json);
/* Accepts NULL. What waits goes if it can. */
void daemon_log_free(struct daemon_log *log);
DEFINE_AUTO(daemon_log)

/* The seam; it lives as long as `log`. */
struct log *daemon_log_base(struct daemon_log *log);
/* Sends what waits, as far as it goes. For each turn of a loop; each line does it, too. */
void daemon_log_flush(struct daemon_log *log);
/* Lines that nobody will read, from the beginning. */
uint64_t daemon_log_lost_count(const struct daemon_log *log);

#endif
