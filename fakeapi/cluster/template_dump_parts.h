/* SPDX-License-Identifier: Apache-2.0 */
/* The table of template_types.c. Private to template_dump.c. */
#ifndef FAKEAPI_CLUSTER_TEMPLATE_DUMP_PARTS_H
#define FAKEAPI_CLUSTER_TEMPLATE_DUMP_PARTS_H

#include "core/base/sv.h"

struct go_type {
    struct sv name, fields;
};

extern const struct go_type template_types[]; /* sorted by name */
extern const size_t template_type_count;

#endif
