/* SPDX-License-Identifier: Apache-2.0 */
/* aggregation_parts: what the files about APIServices share. Private to fakeapi/server. */
#ifndef FAKEAPI_SERVER_AGGREGATION_PARTS_H
#define FAKEAPI_SERVER_AGGREGATION_PARTS_H

#include "fakeapi/server/aggregation.h"

struct collection;

/* All APIServices. */
struct collection *api_services(const struct fakeapi *api);

/* api_service.c: its condition Available, unless it says so already. */
void api_service_set_available(struct fakeapi *api, struct sv name,
                               const struct availability *availability);

#endif
