/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_data: the objects of a server in a file (SQLite), so that a server that starts again has
 * them. What was committed outlives the process however it ends: kill -9 at any moment loses
 * nothing that was answered. One process a file.
 */
#ifndef CONFORMANCE_CMD_SERVE_DATA_H
#define CONFORMANCE_CMD_SERVE_DATA_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;
struct fakeapi;
struct log;
struct serve_data; /* opaque */

/* Opens the file, or makes it; restores what it holds into `api`, and keeps what `api` writes from
 * here on. NULL and a message that begins with the path. Both are borrowed until it is freed. */
struct serve_data *serve_data_open(struct sv path, struct fakeapi *api, struct log *log,
                                   struct error *err);
/* Commits. Accepts NULL. */
void serve_data_free(struct serve_data *data);

/* Makes what was written last; a failure is logged, and the process ends: a server that goes on
 * would answer for what it cannot keep. `context` is the struct serve_data. */
void serve_data_commit(void *context);

#endif
