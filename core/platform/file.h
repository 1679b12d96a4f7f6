/* SPDX-License-Identifier: Apache-2.0 */
/* file: reads configuration files whole, within a bound; and what every process begins with. */
#ifndef CORE_PLATFORM_FILE_H
#define CORE_PLATFORM_FILE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;

/* Content in `arena`, terminated behind its end. ERROR_NOT_FOUND, ERROR_IO or ERROR_TOO_LARGE
 * name the file. */
MUST_CHECK bool file_read(struct arena *arena, struct sv path, size_t bytes_max,
                          struct sv *ret_content, struct error *err);

/* Standard streams that whoever started us has closed go nowhere from now on; otherwise the first
 * connections would get their numbers, and then the log's lines. First thing in main(). */
void file_hold_standard_streams(void);

#endif
