/* SPDX-License-Identifier: Apache-2.0 */
/* server_url: whether what people give as the address of a server or a proxy can be one. */
#ifndef CORE_PLATFORM_SERVER_URL_H
#define CORE_PLATFORM_SERVER_URL_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

/* What is wrong with the API server's URL, as the end of a sentence that begins with where it
 * stands, in `arena` or a literal; NULL: nothing. */
const char *server_url_problem(struct arena *arena, struct sv url);
/* The same of a proxy's, which may hold a login: no part of it is in the answer. */
const char *proxy_url_problem(struct arena *arena, struct sv url);

#endif
