/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/report/report_parts.h"

#include "conformance/manifest.h"
#include "core/data/json.h"

void report_set_text(struct arena *arena, struct cJSON *map, struct sv key, struct sv text) {
    if (text.len > 0)
        json_set_string(arena, map, key, text);
}

void report_add_location(struct arena *arena, struct cJSON *map, const struct location *at) {
    report_set_text(arena, map, SV("file"), at->path);
    if (at->line > 0) {
        json_set_int(arena, map, SV("line"), at->line);
        json_set_int(arena, map, SV("column"), at->column);
    }
    report_set_text(arena, map, SV("jsonPath"), at->json_path);
}
