/* SPDX-License-Identifier: Apache-2.0 */
/*
 * livelock: finds who keeps a simulated cluster busy at one moment, so that its clock never moves:
 * mostly two that undo each other's writes, or one that makes object after object. It counts
 * successful writes by who made them and to what, from the time somebody suspects it on. Pure.
 */
#ifndef FAKEAPI_CLUSTER_LIVELOCK_H
#define FAKEAPI_CLUSTER_LIVELOCK_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct livelock; /* opaque */
struct request;

enum {
    /* Nobody who gets anywhere writes one object so often without time passing. */
    LIVELOCK_WRITES_MAX = 1000,
    /* To all objects of a kind: as many as a runtime has workers, for some runtimes. */
    LIVELOCK_WRITES_OF_KIND_MAX = 100 * 1000,
    /* Objects that are counted apart; what is written beyond them counts for its kind. */
    LIVELOCK_OBJECTS_MAX = 10 * 1000,
};

struct livelock *livelock_new(void);
/* Accepts NULL. */
void livelock_free(struct livelock *livelock);
DEFINE_AUTO(livelock)

/* Forgets what was written: another moment. */
void livelock_forget(struct livelock *livelock);
/* Somebody's request and how it was answered. */
void livelock_note(struct livelock *livelock, struct sv user_agent, const struct request *request,
                   int http_status);
/* Who writes what without end, as a sentence, once that is certain; else SV(""). */
struct sv livelock_text(const struct livelock *livelock);

#endif
