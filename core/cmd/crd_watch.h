/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crd_watch: follows the installed CustomResourceDefinitions and tells what they lack of ours: a
 * cluster may carry upstream's, or those of another version, and what they do not have is dropped
 * from every write without a word. Who may not read them is told so, and works on.
 */
#ifndef CORE_CMD_CRD_WATCH_H
#define CORE_CMD_CRD_WATCH_H

#include "core/base/base.h"

struct buf;
struct completion;
struct crd_watch; /* opaque */
struct log;
struct transport;

/* Both are borrowed. */
struct crd_watch *crd_watch_new(struct transport *transport, struct log *log, uint64_t seed);
/* Cancels its requests. Accepts NULL. */
void crd_watch_free(struct crd_watch *watch);

/* Ignores completions of others. */
void crd_watch_take(struct crd_watch *watch, const struct completion *completion, int64_t now_ms);
/* Starts what is due; returns the next deadline. */
int64_t crd_watch_step(struct crd_watch *watch, int64_t now_ms);

/* One line for each definition that lacks something. */
void crd_watch_list(const struct crd_watch *watch, struct buf *text);

#endif
