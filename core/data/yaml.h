/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: reads YAML manifests into the same trees as json.h, as Kubernetes does (sigs.k8s.io/yaml:
 * YAML 1.1 scalars of goyaml.v2, libraries.md §4), and keeps the position of every node, so that
 * a message can point at a line. Writes trees as YAML.
 *
 * Bounds: YAML_BYTES_MAX of text, YAML_DEPTH_MAX levels, YAML_NODES_MAX nodes after aliases are
 * expanded, YAML_DOCUMENTS_MAX documents. Text must be UTF-8.
 */
#ifndef CORE_DATA_YAML_H
#define CORE_DATA_YAML_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct buf;
struct cJSON;
struct error;

enum {
    YAML_BYTES_MAX = 16 * 1024 * 1024,
    YAML_DEPTH_MAX = 64,
    YAML_NODES_MAX = 1000 * 1000,
    YAML_DOCUMENTS_MAX = 10 * 1000,
};

/* Lines and columns count from 1; {0, 0} is unknown. */
struct yaml_position {
    uint32_t line, column;
};

struct yaml_positions; /* opaque: of every node of one text */

/* Something Kubernetes would take, and people would not expect. */
enum yaml_remark_type {
    YAML_DUPLICATE_KEY, /* the last one wins */
    YAML_SURPRISE, /* a plain scalar that YAML 1.1 reads as bool or number: yes, on, 010, … */
};
struct yaml_remark {
    enum yaml_remark_type type;
    struct yaml_position position;
    struct sv path; /* "spec.worker.options.on" */
    struct sv message;
    struct sv key; /* of a duplicate */
};

struct yaml_documents {
    struct cJSON **roots; /* NULL for an empty document */
    size_t count;
    const struct yaml_positions *positions;
    const struct yaml_remark *remarks;
    size_t remark_count;
};

/* Reads all documents of a text. JSON is YAML too. ERROR_INVALID says line and column. */
MUST_CHECK bool yaml_read(struct arena *arena, struct sv text, struct yaml_documents *ret_documents,
                          struct error *err);

/* Where a value starts; where the key of a member starts. */
struct yaml_position yaml_position_of(const struct yaml_positions *positions,
                                      const struct cJSON *item);
struct yaml_position yaml_key_position_of(const struct yaml_positions *positions,
                                          const struct cJSON *member);

/* One document, block style, keys in the tree's order, quotes where a reader of YAML 1.1 would
 * take a text for something else. False when the buffer's maximum is reached. */
MUST_CHECK bool yaml_write(struct buf *buf, const struct cJSON *root);

#endif
