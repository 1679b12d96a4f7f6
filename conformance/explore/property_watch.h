/* SPDX-License-Identifier: Apache-2.0 */
/*
 * property_watch: sees the requests of one run, for properties that no single object shows: writes
 * that changed nothing. Private to
 * conformance/property*.c.
 */
#ifndef CONFORMANCE_EXPLORE_PROPERTY_WATCH_H
#define CONFORMANCE_EXPLORE_PROPERTY_WATCH_H

#include "conformance/session.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct observer;
struct property_warm;
struct property_watch; /* opaque */

/* `warm` has the session; NULL: a new one. */
struct property_watch *property_watch_new(struct arena *arena, struct property_warm *warm);
/* Accepts NULL. */
void property_watch_free(struct property_watch *watch);
DEFINE_AUTO(property_watch)

/* Somebody else who is to see the run; NULL: nobody. */
void property_watch_observe(struct property_watch *watch, const struct observer *observer);

/* For scenario_options: `context` is the watch. */
struct session *property_watch_open(void *context, const struct session_options *options,
                                    struct error *err);

/* As `reached` of scenario_options: counts what is written although nothing happens any more. */
void property_watch_steady(void *context, struct session *session);
uint64_t property_watch_steady_writes(const struct property_watch *watch);

/* Requests of any kind by the controller. */
uint64_t property_watch_requests(const struct property_watch *watch);
/* The first write of the controller that changed nothing, in words, or SV(""). */
struct sv property_watch_empty_write(const struct property_watch *watch);

/* An object at the end that belongs to a runtime although no runtime is left, or SV(""). */
struct sv property_find_orphan(struct sv final_objects, struct arena *arena);

#endif
