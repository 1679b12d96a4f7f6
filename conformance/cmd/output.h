/* SPDX-License-Identifier: Apache-2.0 */
/* output: files that crctl writes for others to wait for. */
#ifndef CONFORMANCE_CMD_OUTPUT_H
#define CONFORMANCE_CMD_OUTPUT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;

/* Whoever waits for the file sees all of it or nothing; only its owner may read it. ERROR_IO names
 * it. */
MUST_CHECK bool output_write_file(struct sv path, struct sv text, struct error *err);
/* Ignores a file that is not there. */
void output_remove_file(struct sv path);

#endif
