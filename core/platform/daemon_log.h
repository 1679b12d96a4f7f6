/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_log: the log seam of a long-running process: one line an event on standard error, as text
 * or as a JSON object (ts, level, msg).
 */
#ifndef CORE_PLATFORM_DAEMON_LOG_H
#define CORE_PLATFORM_DAEMON_LOG_H

#include "core/base/log.h"

/* One instance a process. */
struct log *daemon_log(enum log_level level_max, bool is_json);

#endif
