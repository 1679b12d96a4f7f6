/* SPDX-License-Identifier: Apache-2.0 */
#include "core/client/watch_decoder.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static const struct {
    struct sv line;
    bool is_event;
    const char *message;
} cases[] = {
    {SV("{\"type\":\"ADDED\",\"object\":{}}\n"), true, ""},
    {SV("{\"type\":\"ADDED\",\"obj\n"), false,
     "watch line: line 1 column 18: a string without its closing quote"},
    {SV("{\"type\":\"ODD\"}\n"), false, "watch line: bad type \"ODD\""},
    {SV("{\"type\":\"ADDED\"}\n"), false, "watch line: ADDED without object"},
    {SV("{\"type\":\"ADDED\",\"object\":[]}\n"), false, "watch line: ADDED without object"},
    {SV("{\"type\":\"ADDED\",\"object\":null}\n"), false, "watch line: ADDED without object"},
    {SV("[]\n"), false, "watch line: a JSON text that is no object"},
    {SV("null\n"), false, "watch line: a JSON text that is no object"},
};

/* The network may cut a line anywhere, so each case runs once for every cut. */
TEST(decodes_each_case_at_every_cut) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t cut = 0; cut < cases[i].line.len; cut++) {
            AUTO(arena) arena = arena_new();
            AUTO(watch_decoder) decoder = watch_decoder_new();
            struct watch_event event;
            struct sv line;
            struct error err = {0};

            CHECK(watch_decoder_feed(decoder, sv_prefix(cases[i].line, cut), &err));
            CHECK(!watch_decoder_next(decoder, arena, &line));
            CHECK(watch_decoder_is_inside_line(decoder) == (cut > 0));
            CHECK(watch_decoder_feed(decoder, sv_drop(cases[i].line, cut), &err));
            REQUIRE(watch_decoder_next(decoder, arena, &line));
            CHECK(watch_event_read(arena, line, false, &event, &err) == cases[i].is_event);
            CHECK_SV(sv_from(err.message), sv_from(cases[i].message));
        }
    }
}

TEST(refuses_a_line_past_the_limit) {
    static const char line[WATCH_PENDING_BYTES_MAX + 1];
    AUTO(watch_decoder) decoder = watch_decoder_new();
    struct error err = {0};

    CHECK(!watch_decoder_feed(decoder, (struct sv){line, sizeof(line)}, &err));
    CHECK(err.code == ERROR_TOO_LARGE);
}

TEST(managed_fields_are_left_out_when_nobody_wants_them) {
    static const struct {
        bool no_managed_fields;
        size_t count; /* of the object's metadata */
    } wishes[] = {{false, 2}, {true, 1}};
    static const struct sv line = SV(
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"managedFields\":[{}]}}}");
    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        AUTO(arena) arena = arena_new();
        struct watch_event event;
        struct error err = {0};
        REQUIRE(watch_event_read(arena, line, wishes[i].no_managed_fields, &event, &err));
        CHECK_SV(json_find_string(event.object, "metadata.name"), SV("a"));
        CHECK(json_count(json_get(event.object, SV("metadata"))) == wishes[i].count);
    }
}
