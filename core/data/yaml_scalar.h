/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_scalar: what a plain YAML scalar means to Kubernetes (goyaml.v2, libraries.md §4). Private
 * to core/data. Pure.
 */
#ifndef CORE_DATA_YAML_SCALAR_H
#define CORE_DATA_YAML_SCALAR_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

enum yaml_scalar_kind {
    YAML_SCALAR_STRING,
    YAML_SCALAR_NULL,
    YAML_SCALAR_TRUE,
    YAML_SCALAR_FALSE,
    YAML_SCALAR_NUMBER,     /* `number` is its JSON text */
    YAML_SCALAR_NOT_A_JSON, /* .inf and .nan, which JSON cannot say */
};

struct yaml_scalar {
    enum yaml_scalar_kind kind;
    struct sv number;
    bool is_surprise; /* people would read it as something else: yes, 010, 1_000, 1e3 */
};

struct yaml_scalar yaml_scalar_resolve(struct sv text, struct arena *arena);

#endif
