/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_conversion: one event of a watch whose object a conversion webhook has to make first. The
 * event is kept while the webhook is asked; those behind it wait in the log. Private to
 * fakeapi/server.
 */
#ifndef FAKEAPI_SERVER_WATCH_CONVERSION_H
#define FAKEAPI_SERVER_WATCH_CONVERSION_H

#include "fakeapi/server/fakeapi.h"

struct resource_type;
struct watch_conversion; /* opaque */

/* Whether an object has to be converted before a watch of `type` can tell it. */
bool watch_needs_conversion(const struct resource_type *type, const struct cJSON *object);

/* Copies `record`. Calls `answered` (may be NULL) when the webhook has answered, which may be
 * within watch_conversion_take(). */
struct watch_conversion *watch_conversion_new(struct fakeapi *api, const struct resource_type *type,
                                              const struct watch_record *record,
                                              void (*answered)(void *context), void *context);
/* Accepts NULL. */
void watch_conversion_free(struct watch_conversion *conversion);

/* The event in the version of the type, in `arena`, or a WATCH_ERROR. False: the webhook has not
 * answered. */
bool watch_conversion_take(struct watch_conversion *conversion, struct arena *arena,
                           struct watch_record *ret_record);

#endif
