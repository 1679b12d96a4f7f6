/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_view: what the controller sees in a cluster and would do there: the controller itself,
 * as a dry run in this process, with the rights of the kubeconfig's user. It reads and nothing
 * else: a write would be a bug that ends the program before it is sent.
 *
 * It does not run the commands of a class, so that its plans are those of a controller that starts
 * now: what the running one knows from them it takes from the status.
 */
#ifndef CONFORMANCE_CMD_CLUSTER_VIEW_H
#define CONFORMANCE_CMD_CLUSTER_VIEW_H

#include "conformance/explain.h"
#include "conformance/manifest.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cluster_view; /* opaque */
struct error;
struct operands;
struct plan;

struct cluster_view_options {
    struct sv kubeconfig, context;
    struct sv key; /* "namespace/name" of the runtime, or a name in "default" */
};

/* Reads what concerns the runtime; ERROR_NOT_FOUND when there is neither a runtime nor a dataset,
 * else why the cluster cannot be read: each collection that cannot is named. */
struct cluster_view *cluster_view_new(const struct cluster_view_options *options,
                                      struct error *err);
/* Accepts NULL. */
void cluster_view_free(struct cluster_view *view);
DEFINE_AUTO(cluster_view)

/* Where operands may be files too: whether a runtime of a cluster is meant. It is with an option
 * that names the cluster, and by NAMESPACE/NAME alone where no file is called that. */
bool cluster_view_is_meant(struct sv kubeconfig, struct sv context,
                           const struct operands *operands);
/* Of the one operand. */
struct cluster_view *cluster_view_of_operand(struct sv kubeconfig, struct sv context,
                                             const struct operands *operands, struct error *err);

struct sv cluster_view_key(const struct cluster_view *view);
/* Everything below lives in `arena`. */
void cluster_view_plan(struct cluster_view *view, struct arena *arena, struct plan *ret_plan);
MUST_CHECK bool cluster_view_explain(struct cluster_view *view, struct arena *arena,
                                     struct explanation *ret_explanation, struct error *err);
/* The runtime, its class and its dataset, those that exist, as if they had been read from a file.
 */
MUST_CHECK bool cluster_view_objects(struct cluster_view *view, struct arena *arena,
                                     struct manifest *ret_manifest, struct error *err);

#endif
