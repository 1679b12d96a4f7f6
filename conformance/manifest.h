/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest: YAML files given by a user, as objects that still know where they came from. Pure:
 * the bytes are read by conformance/cmd.
 */
#ifndef CONFORMANCE_MANIFEST_H
#define CONFORMANCE_MANIFEST_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/data/yaml.h"

struct arena;
struct cJSON;
struct error;

struct manifest {
    struct sv path; /* as the user gave it */
    struct sv text;
    struct yaml_documents documents;
    struct arena *arena; /* where all of it lives, paths of locations too */
};

/* Parses a file's bytes. Errors begin with "path:line:column: ". Lives in `arena`; `text` is
 * borrowed. */
MUST_CHECK bool manifest_parse(struct arena *arena, struct sv path, struct sv text,
                               struct manifest *ret_manifest, struct error *err);

/* Where something stands. line 0: only the file is known. */
struct location {
    struct sv path; /* "" unknown */
    uint32_t line, column;
    struct sv json_path; /* "topology.worker.template", may be "" */
};

/* The place of `item` (its value, or of its key with `of_key`), or of the nearest parent that was
 * in the text. */
struct location manifest_locate(const struct manifest *manifest, const struct cJSON *item,
                                bool of_key);
/* By dotted path below a root ("topology.master.template.spec.containers[0].image"); what does
 * not exist falls back to its nearest parent. */
struct location manifest_locate_path(const struct manifest *manifest, const struct cJSON *root,
                                     struct sv json_path, struct arena *arena);

#endif
