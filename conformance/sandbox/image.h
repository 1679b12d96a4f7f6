/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image: what all runs of one sandbox share: the folder of tools that is /usr/bin inside, the
 * engine's programs, and the program that plays them. Made once; read-only inside.
 */
#ifndef CONFORMANCE_SANDBOX_IMAGE_H
#define CONFORMANCE_SANDBOX_IMAGE_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct simulation;

/* Fills the folder `folder_fd`: bin/, cli, programs.json. ERROR_UNSUPPORTED when a tool is
 * missing, ERROR_NOT_FOUND when crctl-sim-cli is: the message says what to install. */
MUST_CHECK bool image_make(int folder_fd, const struct simulation *simulation, struct arena *arena,
                           struct error *err);
/* Puts links to the engine's programs and the vendor's files into a container's tree. */
MUST_CHECK bool image_fill_root(int root_fd, const struct simulation *simulation, bool has_programs,
                                struct error *err);
/* What image_fill_root() makes and no script wrote. */
const struct sv *image_own_paths(size_t *ret_count);

#endif
