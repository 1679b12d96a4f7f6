/* SPDX-License-Identifier: Apache-2.0 */
/* templates: the files of conformance/cmd/templates/, which the build puts into crctl. */
#ifndef CONFORMANCE_CMD_TEMPLATES_H
#define CONFORMANCE_CMD_TEMPLATES_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct template_text {
    struct sv name; /* "class.yaml" */
    struct sv text;
};
extern const struct template_text template_texts[];
extern const size_t template_text_count;

#endif
