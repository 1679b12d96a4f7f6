/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: makes, reads and removes the file tree of a simulated container. Paths are absolute as
 * the container sees them; links that a script left are never followed out of the tree.
 */
#ifndef CONFORMANCE_SANDBOX_TREE_H
#define CONFORMANCE_SANDBOX_TREE_H

#include "conformance/script/script_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;

/* All fail with ERROR_IO, "path: why". `root_fd` is the tree's folder. */
MUST_CHECK bool tree_folder(int root_fd, struct sv path, struct error *err);
/* A file, folder or link with the folders above it; what is there is replaced. */
MUST_CHECK bool tree_put(int root_fd, const struct script_file *file, struct error *err);

/* Everything below the folder in order of paths, but not below `skipped`. False with
 * ERROR_TOO_LARGE past SCRIPT_FILES_MAX or SCRIPT_LAYER_BYTES_MAX. */
MUST_CHECK bool tree_collect(int root_fd, const struct sv *skipped, size_t skipped_count,
                             struct arena *arena, struct script_file **ret_files, size_t *ret_count,
                             struct error *err);
/* Bytes held below the folder, to stop a script that fills the disk. */
uint64_t tree_bytes(int root_fd);
/* Removes what is in the folder; best effort. */
void tree_clear(int root_fd);

#endif
