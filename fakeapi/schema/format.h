/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format: the formats that a schema may ask of a text ("date-time", "uuid"), as an API server
 * holds texts against them. Pure.
 */
#ifndef FAKEAPI_SCHEMA_FORMAT_H
#define FAKEAPI_SCHEMA_FORMAT_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* Other names say nothing, and an API server warns of them. With or without hyphens. */
bool format_is_known(struct sv format);
/* Whether the text has the format; true for one that is not known, or not checked here: book and
 * card numbers. */
bool format_holds(struct arena *arena, struct sv format, struct sv text);

#endif
