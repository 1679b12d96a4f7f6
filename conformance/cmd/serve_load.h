/* SPDX-License-Identifier: Apache-2.0 */
/* serve_load: puts the objects of a folder of manifests into a server that starts. */
#ifndef CONFORMANCE_CMD_SERVE_LOAD_H
#define CONFORMANCE_CMD_SERVE_LOAD_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct error;
struct fakeapi;
struct world;

/* Creates every object of the *.yaml, *.yml and *.json files in `folder`, by name of file; one
 * that needs another first (its namespace, its CustomResourceDefinition) waits for it. `world` may
 * be NULL; else it runs, so that its controllers can make what objects need. The message of an
 * error begins with the path of the file. */
MUST_CHECK bool serve_load(struct fakeapi *api, struct world *world, struct sv folder,
                           struct error *err);

#endif
