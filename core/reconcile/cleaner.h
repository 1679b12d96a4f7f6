/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleaner: a short-lived pod that runs cleanCache on one node, with the image and the host paths
 * of the component whose pods are gone. Its pods and their config map carry no owner reference:
 * with a deletion in the foreground the garbage collector would take them before they ran.
 */
#ifndef CORE_RECONCILE_CLEANER_H
#define CORE_RECONCILE_CLEANER_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct cJSON;
struct pass;
struct server;

enum { CLEANERS_MAX = 50 }; /* created by one plan */

enum cleaner_state { CLEANER_RUNNING, CLEANER_SUCCEEDED, CLEANER_FAILED };

/* Nothing can be created in a namespace that goes away; whether it does is asked once, and not
 * known until then. */
bool cleaner_namespace_goes(struct pass *pass, bool *ret_is_known);
/* Makes the node's pod, or looks how it does. With CLEANER_FAILED `ret_message` says why. */
enum cleaner_state cleaner_run(struct pass *pass, const struct server *server, struct sv node,
                               int64_t deadline_seconds, struct sv *ret_message);
/* True when no pod and no config map of that kind is left. */
bool cleaner_remove(struct pass *pass);

#endif
