/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_json: the configuration that scripts and engines read in their pods, byte for byte as
 * upstream's encoder writes it (fluid-contract.md §3.8). Pure.
 */
#ifndef CORE_RECONCILE_RUNTIME_JSON_H
#define CORE_RECONCILE_RUNTIME_JSON_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct pass;

/* Sets pass->runtime_json, its size and pass->mounts_hash. Of one that is larger than the limit the
 * size is the least that it would have, and the text is the one that the pods have. */
void runtime_json_render(struct pass *pass);
/* The `mounts` part; NULL when the dataset has none. */
struct cJSON *runtime_json_mounts(struct pass *pass);
/* Sixteen hexadecimal digits. */
struct sv runtime_json_hash(struct pass *pass, struct sv text);

#endif
