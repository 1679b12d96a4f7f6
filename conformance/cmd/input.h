/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input: reads the files that a user names, within limits: what is too large, a directory or
 * missing is refused before a byte is read.
 */
#ifndef CONFORMANCE_CMD_INPUT_H
#define CONFORMANCE_CMD_INPUT_H

#include "conformance/manifest.h"
#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct command;
struct error;

/* The file's bytes, in `arena`. ERROR_NOT_FOUND, ERROR_TOO_LARGE, ERROR_INVALID (a directory, or
 * no regular file) or ERROR_IO; the message begins with the path. */
MUST_CHECK bool input_read(struct arena *arena, struct sv path, size_t bytes_max,
                           struct sv *ret_bytes, struct error *err);
/* Reads and parses each file. */
MUST_CHECK bool input_manifests(struct arena *arena, const struct sv *paths, size_t path_count,
                                struct manifest **ret_manifests, struct error *err);
/* Tells on stderr, a line each, what the API server would refuse or drop of the objects in them:
 * EXIT_FINDINGS if anything, else EXIT_HELD. */
int input_tell_findings(const struct command *command, struct arena *arena,
                        const struct manifest *manifests, size_t manifest_count);
/* A class to certify, from files. With one file, what stands beside it belongs to it:
 * example.yaml (samples) and sim.yaml (kind Simulation). */
MUST_CHECK bool input_subject(struct arena *arena, const struct sv *paths, size_t path_count,
                              struct subject *ret_subject, struct error *err);

#endif
