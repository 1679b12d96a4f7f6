/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_fixture: a tree that a test writes down as YAML. Only for tests: what cannot be read is a
 * mistake in the test, and ends it.
 */
#ifndef CORE_DATA_YAML_FIXTURE_H
#define CORE_DATA_YAML_FIXTURE_H

#include "core/base/error.h"
#include "core/data/yaml.h"

#include <stdio.h>
#include <stdlib.h>

/* The first document, in `arena`. */
static inline struct cJSON *fixture_yaml(struct arena *arena, const char *text) {
    struct error err = {0};
    struct yaml_documents documents;
    if (!yaml_read(arena, sv_from(text), &documents, &err)) {
        printf("%s: %s\n", text, err.message);
        abort();
    }
    return documents.roots[0];
}

#endif
