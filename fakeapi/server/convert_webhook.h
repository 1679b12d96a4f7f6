/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert_webhook: custom objects in the versions of their type, made by the webhook that their
 * definition names (ConversionReview of apiextensions.k8s.io/v1). Types without one differ in
 * their apiVersion only: conversion.h. Private to fakeapi/server.
 */
#ifndef FAKEAPI_SERVER_CONVERT_WEBHOOK_H
#define FAKEAPI_SERVER_CONVERT_WEBHOOK_H

#include "core/base/base.h"

struct call;
struct cJSON;
struct resource_type;

/* Puts objects of `type` in place of those trees that are of another version of it, in the call's
 * arena. True at once for a type without a webhook. False: refused, or `call->is_waiting`. */
bool convert_by_webhook(struct call *call, const struct resource_type *type,
                        const struct cJSON **trees, size_t count);

/* Before anything is done with an object of the store: as the request's version has it, for
 * shown(). False: refused, or the call waits. */
bool convert_ahead(struct call *call, const struct cJSON *tree);
/* Before an object is stored: `*tree` as it is stored, and what shown() makes of that. False:
 * refused, or the call waits. */
bool convert_for_storage(struct call *call, struct cJSON **tree);
/* The state of an object of the store as the answer shows it. */
const struct cJSON *shown(struct call *call, const struct cJSON *tree);

#endif
