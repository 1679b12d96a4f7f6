/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf: built-in objects between application/vnd.kubernetes.protobuf and JSON trees, by the
 * field table in data/protobuf-fields.json (apiserver-semantics.md §1.11). A body is the four
 * bytes "k8s\0" and a runtime.Unknown that names the type and holds the message. Pure.
 */
#ifndef FAKEAPI_SCHEMA_PROTOBUF_H
#define FAKEAPI_SCHEMA_PROTOBUF_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct buf;
struct cJSON;
struct error;

enum { PROTOBUF_DEPTH_MAX = 64 };

/* The tree of a body, with apiVersion and kind: any built-in kind, its list, DeleteOptions,
 * Status, Table-free metadata forms. ERROR_INVALID names the offset; ERROR_UNSUPPORTED the type
 * that has no table (custom resources); the tree lives in `arena`. */
MUST_CHECK bool protobuf_decode(struct sv bytes, struct arena *arena, struct cJSON **ret_tree,
                                struct error *err);
/* The same of a body that need not say what it is, since the request does. */
MUST_CHECK bool protobuf_decode_kind(struct sv bytes, struct sv api_version, struct sv kind,
                                     struct arena *arena, struct cJSON **ret_tree,
                                     struct error *err);

/* What a body says it is, whether there is a table for it or not; false: it is no such body. */
bool protobuf_type(struct sv bytes, struct arena *arena, struct sv *ret_api_version,
                   struct sv *ret_kind);

/* Whether objects of that apiVersion and kind have a table. */
bool protobuf_knows(struct sv api_version, struct sv kind);

/* Appends a body. ERROR_UNSUPPORTED: the tree's kind has no table. ERROR_TOO_LARGE: the buffer's
 * maximum is reached. */
MUST_CHECK bool protobuf_encode(const struct cJSON *tree, struct buf *buf, struct error *err);

/* A body in pieces, for a list of thousands: begin with the list without its items, the items one
 * by one as protobuf_encode_item() gives them, `item_bytes` in all, then the end. */
MUST_CHECK bool protobuf_encode_list_begin(const struct cJSON *empty_list, size_t item_bytes,
                                           struct buf *buf, struct error *err);
/* `list` has that item only, and no metadata. */
MUST_CHECK bool protobuf_encode_item(const struct cJSON *list, struct buf *buf, struct error *err);
struct sv protobuf_list_end(void);

/* Appends one frame of a watch: four bytes of length, big-endian, and a WatchEvent whose object
 * is a body. `event_type` is "ADDED", … */
MUST_CHECK bool protobuf_encode_event(struct sv event_type, const struct cJSON *object,
                                      struct buf *buf, struct error *err);

#endif
