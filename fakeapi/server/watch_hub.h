/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_hub: idle watches and who of them a write concerns. A cursor that has seen everything is
 * parked here and costs nothing until something happens that it selects: equal selections stand
 * in one group, and a write only looks at the groups of its namespace and name. So thousands of
 * watches that follow other objects are never touched.
 */
#ifndef FAKEAPI_SERVER_WATCH_HUB_H
#define FAKEAPI_SERVER_WATCH_HUB_H

#include "core/base/base.h"

struct arena;
struct watch_cursor;
struct watch_hub; /* opaque */

/* `wake` is told of each cursor that has an event now, by its owner; the cursor is out of the hub
 * by then. `arena` lasts for one watch_hub_run(). */
struct watch_hub *watch_hub_new(void (*wake)(void *context, void *owner, struct arena *arena),
                                void *context);
/* All cursors must be out. Accepts NULL. */
void watch_hub_free(struct watch_hub *hub);

/* Takes a cursor that watch_cursor_next() has just been false for. */
void watch_hub_park(struct watch_hub *hub, struct watch_cursor *cursor, void *owner);
/* Takes it out; it has missed nothing. Does nothing for one that is not in. */
void watch_hub_unpark(struct watch_cursor *cursor);
bool watch_hub_has(const struct watch_cursor *cursor);

/* Looks at what was written since the last time. */
void watch_hub_run(struct watch_hub *hub);

#endif
