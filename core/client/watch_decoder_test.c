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
            CHECK(watch_event_read(arena, line, &(struct unread){0}, &event, &err) ==
                  cases[i].is_event);
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

static bool has_one_entry(const struct cJSON *entries) {
    return json_count(entries) == 1;
}

static bool has_no_entry(const struct cJSON *entries) {
    return json_count(entries) == 0;
}

TEST(managed_fields_are_left_out_when_nobody_wants_them) {
    static const struct {
        struct unread unread;
        size_t count; /* of the object's metadata */
    } wishes[] = {{{0}, 2},
                  {{.managed_fields = true}, 1},
                  {{.managed_fields = true, .needs_managed_fields = has_one_entry}, 2},
                  {{.managed_fields = true, .needs_managed_fields = has_no_entry}, 1}};
    static const struct sv line = SV(
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"managedFields\":[{}]}}}");
    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        AUTO(arena) arena = arena_new();
        struct watch_event event;
        struct error err = {0};
        REQUIRE(watch_event_read(arena, line, &wishes[i].unread, &event, &err));
        CHECK_SV(json_find_string(event.object, "metadata.name"), SV("a"));
        CHECK(json_count(json_get(event.object, SV("metadata"))) == wishes[i].count);
    }
}

static bool has_version_7(void *context, struct sv namespace_name, struct sv name, struct sv uid,
                          struct sv resource_version) {
    (void)context;
    return sv_eq(namespace_name, SV("n")) && sv_eq(name, SV("a")) && sv_eq(uid, SV("u")) &&
           sv_eq(resource_version, SV("7"));
}

#define METADATA(version)                                                                          \
    "\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\",\"resourceVersion\":"          \
    "\"" version "\"}"

TEST(of_versions_that_are_known_only_that_is_read) {
    static const struct {
        struct sv line;
        bool is_known;
        size_t count; /* of the object's members */
    } versions[] = {
        {SV("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"A\"," METADATA("7") "}}"), true, 1},
        {SV("{\"type\":\"ADDED\",\"object\":{" METADATA("7") ",\"spec\":{}}}"), true, 1},
        {SV("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"A\"," METADATA("8") "}}"), false, 2},
        {SV("{\"type\":\"DELETED\",\"object\":{\"kind\":\"A\"," METADATA("7") "}}"), false, 2},
        {SV("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"A\"," METADATA("7") "}}"), false, 2},
        {SV("{\"type\":\"MODIFIED\",\"object\":{\"spec\":{" METADATA("7") "}}}"), false, 1},
    };
    static const struct known_versions known = {.has = has_version_7};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        AUTO(arena) arena = arena_new();
        struct watch_event event;
        struct error err = {0};
        REQUIRE(watch_event_read(arena, versions[i].line, &(struct unread){.known = &known}, &event,
                                 &err));
        CHECK(event.is_known == versions[i].is_known);
        CHECK(json_count(event.object) == versions[i].count);
        if (versions[i].is_known)
            CHECK_SV(json_write_arena(arena, event.object, JSON_COMPACT),
                     SV("{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\","
                        "\"namespace\":\"n\"}}"));
    }
}
