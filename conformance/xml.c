/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/xml.h"

#include "core/base/buf.h"

void xml_put(struct buf *buf, struct sv markup) {
    /* A report is far below the maximum; what is past it is dropped. */
    if (!buf_append(buf, markup))
        return;
}

void xml_put_text(struct buf *buf, struct sv text) {
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '<')
            xml_put(buf, SV("&lt;"));
        else if (byte == '>')
            xml_put(buf, SV("&gt;"));
        else if (byte == '&')
            xml_put(buf, SV("&amp;"));
        else if (byte == '"')
            xml_put(buf, SV("&quot;"));
        else if ((unsigned char)byte < 0x20)
            xml_put(buf, byte == '\n' ? SV("&#10;") : SV(" "));
        else
            xml_put(buf, (struct sv){text.ptr + i, 1});
    }
}

void xml_put_attribute(struct buf *buf, const char *name, struct sv value) {
    xml_put(buf, SV(" "));
    xml_put(buf, sv_from(name));
    xml_put(buf, SV("=\""));
    xml_put_text(buf, value);
    xml_put(buf, SV("\""));
}
