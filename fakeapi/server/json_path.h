/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_path: finds a value by the JSONPath of a printer column: .spec.size, ['a.b'], [0], [-1],
 * [*] and [?(@.type=="Ready")]. Pure.
 */
#ifndef FAKEAPI_SERVER_JSON_PATH_H
#define FAKEAPI_SERVER_JSON_PATH_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;

/* The first value that the path selects; NULL when there is none, or the path says what is not
 * listed above. */
const struct cJSON *json_path_find(const struct cJSON *root, struct sv path);

#endif
