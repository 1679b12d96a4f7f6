/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: ResourceQuota and LimitRange as admission. What a namespace uses is kept in the status of
 * its quotas with each write, so that admission costs one look at each quota. Private to
 * fakeapi/server.
 */
#ifndef FAKEAPI_SERVER_QUOTA_H
#define FAKEAPI_SERVER_QUOTA_H

#include "core/api/quantity.h"
#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/data/json_index.h"

struct call;
struct cJSON;
struct resource_type;
struct stored;

/* What an object uses, by the names that quotas have for it. Objects and quotas may name as many
 * resources as a request allows. */
struct quota_usage {
    struct arena *arena;
    struct json_index positions; /* name -> position of its amount */
    struct quantity *amounts;
    size_t capacity;
};

struct quota_usage quota_usage_of(struct call *call, const struct resource_type *type,
                                  const struct cJSON *object);
/* None when it is not used. */
struct quantity quota_usage_get(const struct quota_usage *usage, struct sv name);
/* The same to be changed; it begins with none. */
struct quantity *quota_usage_at(struct quota_usage *usage, struct sv name);
/* Whether objects of the type can use any of what `hard` limits. */
bool quota_may_count(struct call *call, const struct resource_type *type,
                     const struct json_index *hard);
/* Whether the quota's scopes cover the object. */
bool quota_covers(const struct cJSON *quota, const struct resource_type *type,
                  const struct cJSON *object);

/* Refuses what would exceed a quota of its namespace. */
bool admit_quota(struct call *call, const struct cJSON *tree);
/* After a write: `old` NULL for a creation, `now` NULL for a removal. */
void count_quota(struct call *call, const struct cJSON *old, const struct cJSON *now);
/* Once a new or changed quota was stored and answered with: its status says what is used, as a
 * controller's next write would. */
void settle_quota(struct call *call, struct stored *quota);

/* Limits of a namespace: defaults for containers, then what is out of bounds is refused. */
bool admit_limit_ranges(struct call *call, struct cJSON *tree);

#endif
