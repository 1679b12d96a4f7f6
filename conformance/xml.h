/* SPDX-License-Identifier: Apache-2.0 */
/* xml: texts inside XML, for reports. What is past the maximum of the buffer is dropped. Pure. */
#ifndef CONFORMANCE_XML_H
#define CONFORMANCE_XML_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct buf;

/* As it is: markup. */
void xml_put(struct buf *buf, struct sv markup);
/* Between tags or inside quotes. */
void xml_put_text(struct buf *buf, struct sv text);
/* " name="value"". */
void xml_put_attribute(struct buf *buf, const char *name, struct sv value);

#endif
