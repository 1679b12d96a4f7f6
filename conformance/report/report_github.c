/* SPDX-License-Identifier: Apache-2.0 */
/* The report as workflow commands: annotations on the lines of the class. */
#include "conformance/report/report_forms.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/json.h"

/* In properties, commas and colons separate. */
static bool put(struct buf *out, struct sv text, bool is_property) {
    bool has_room = true;
    for (size_t i = 0; has_room && i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool is_special = byte == '%' || byte < 0x20 || byte == 0x7f ||
                          (is_property && (byte == ',' || byte == ':'));
        has_room = is_special ? buf_printf(out, "%%%02X", byte) : buf_append_byte(out, (char)byte);
    }
    return has_room;
}

static bool put_property(struct buf *out, const char *separator, const char *name,
                         struct sv value) {
    return value.len == 0 || (buf_printf(out, "%s%s=", separator, name) && put(out, value, true));
}

static bool put_annotation(struct buf *out, const struct cJSON *check, struct arena *arena) {
    const struct cJSON *subject = json_get(check, SV("subject"));
    struct sv file = report_text_of(subject, "file"), fix = report_text_of(check, "remediation");
    struct sv title = arena_printf(arena, "%.*s %.*s", SV_ARG(report_text_of(check, "id")),
                                   SV_ARG(report_text_of(check, "slug")));
    bool has_room = buf_printf(out, "::%s",
                               report_is_excused(check)   ? "notice"
                               : report_is_warning(check) ? "warning"
                                                          : "error");
    has_room = has_room && put_property(out, " ", "file", file) &&
               put_property(out, ",", "line", json_text(json_get(subject, SV("line")))) &&
               put_property(out, ",", "col", json_text(json_get(subject, SV("column")))) &&
               put_property(out, file.len > 0 ? "," : " ", "title", title);
    has_room =
        has_room && buf_append(out, SV("::")) && put(out, report_text_of(check, "message"), false);
    if (fix.len > 0)
        has_room = has_room && buf_append(out, SV("%0A")) && put(out, fix, false);
    return has_room && buf_append_byte(out, '\n');
}

struct sv report_github(const struct cJSON *report, struct arena *arena) {
    struct buf out;
    buf_init(&out, REPORT_TEXT_BYTES_MAX);
    bool has_room = true;
    JSON_EACH (check, json_get(report, SV("checks"))) {
        if (has_room && (report_is_failure(check) || report_is_warning(check) ||
                         report_is_error(check) || report_is_excused(check)))
            has_room = put_annotation(&out, check, arena);
    }
    struct sv text = arena_copy(arena, buf_view(&out));
    buf_release(&out);
    return text;
}
