/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_view: what a user sees of a cluster that is shared with others. The user's "default" is
 * a namespace of the session's own, and what has no namespace bears that namespace in its name, so
 * that the same objects can be used by many at once:
 *
 *   the user's                  in the cluster, by the session in namespace crctl-1a2b
 *   default                     crctl-1a2b
 *   cacheruntimeclass demo      demo.of.crctl-1a2b
 *   persistentvolume default-x  crctl-1a2b-x
 *
 * What goes there is translated where such names stand; what comes back is translated as text,
 * wherever a name made of these may be: labels, paths, messages. With the namespace SV("") nothing
 * is translated. Pure.
 */
#ifndef CONFORMANCE_SESSION_VIEW_H
#define CONFORMANCE_SESSION_VIEW_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct resource;

/* The user's namespace and name of an object, as they are in the cluster. */
struct sv session_view_namespace(struct sv own, const struct resource *resource,
                                 struct sv namespace_name);
struct sv session_view_name(struct arena *arena, struct sv own, const struct resource *resource,
                            struct sv name);
/* The user's object, or a patch of one, as it is in the cluster; maybe `object` itself. */
const struct cJSON *session_view_object(struct arena *arena, struct sv own,
                                        const struct resource *resource,
                                        const struct cJSON *object);

/* Of what is in the cluster, as the user sees it. */
struct sv session_view_seen_text(struct arena *arena, struct sv own, struct sv text);
const struct cJSON *session_view_seen(struct arena *arena, struct sv own, const struct cJSON *body);
void session_view_seen_error(struct sv own, struct error *err);
/* Whether an object without a namespace is the session's. */
bool session_view_has(struct sv own, struct sv name);

#endif
