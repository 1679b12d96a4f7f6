/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_turns: one write of a node at a time. The patch of a node's labels tests what it has read,
 * so that of many runtimes that come to the same node in one moment all but one would fail and
 * try again, all together. Who comes second waits in line and plans again when it is its turn.
 */
#ifndef CORE_CONTROLLER_NODE_TURNS_H
#define CORE_CONTROLLER_NODE_TURNS_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct node_turns; /* opaque */

struct node_turns *node_turns_new(void);
/* Accepts NULL. */
void node_turns_free(struct node_turns *turns);

/* True when nobody writes the node: then the caller does, until node_turns_end(). Else `key` joins
 * the line, once. */
bool node_turns_begin(struct node_turns *turns, struct sv node, struct sv key);
/* The write was answered. True when somebody waits: `ret_key` has left the line and may begin; it
 * points into `space`, of NODE_TURNS_KEY_BYTES_MAX. */
enum { NODE_TURNS_KEY_BYTES_MAX = 512 };
bool node_turns_end(struct node_turns *turns, struct sv node, char *space, struct sv *ret_key);

#endif
