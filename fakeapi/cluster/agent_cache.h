/* SPDX-License-Identifier: Apache-2.0 */
/* agent_cache: the objects of one resource as an agent knows them. Private to agent*.c. */
#ifndef FAKEAPI_CLUSTER_AGENT_CACHE_H
#define FAKEAPI_CLUSTER_AGENT_CACHE_H

#include "fakeapi/cluster/agent.h"

struct agent_cache *agent_cache_new(const struct resource *resource);
void agent_cache_free(struct agent_cache *cache);
const struct resource *agent_cache_resource(const struct agent_cache *cache);
void agent_cache_add_handler(struct agent_cache *cache, agent_handler *handler, void *context);

/* Takes a state from the watch; older ones than what is known are ignored. */
void agent_cache_upsert(struct agent_cache *cache, const struct cJSON *object);
/* Takes a state from an answer, unless the watch has come as far already: it then told of the
 * object, and maybe of its end, while the answer was under way. */
void agent_cache_upsert_answer(struct agent_cache *cache, const struct cJSON *object);
void agent_cache_remove(struct agent_cache *cache, struct sv namespace_name, struct sv name,
                        struct sv uid, const struct cJSON *last);

#endif
