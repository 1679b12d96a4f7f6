/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/service_selection.h"

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"

static struct cJSON *read(struct arena *arena, const char *text) {
    struct error err = {0};
    return json_read(arena, sv_from(text), &err);
}

static struct cJSON *pod(struct arena *arena, const char *name, const char *labels) {
    return read(arena, arena_printf(arena,
                                    "{\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\",\"labels\":"
                                    "{%s}}}",
                                    name, labels)
                           .ptr);
}

static struct cJSON *service(struct arena *arena, const char *name, const char *selector) {
    return read(arena, arena_printf(arena,
                                    "{\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\"},\"spec\":{"
                                    "\"selector\":{%s}}}",
                                    name, selector)
                           .ptr);
}

static const struct {
    const char *selector, *labels;
    bool selects;
} cases[] = {
    {"\"a\":\"1\"", "\"a\":\"1\"", true},
    {"\"a\":\"1\"", "\"a\":\"1\",\"b\":\"2\"", true},
    {"\"a\":\"1\",\"b\":\"2\"", "\"a\":\"1\"", false},
    {"\"a\":\"1\"", "\"a\":\"2\"", false},
    {"\"a\":\"\"", "", false},
    {"", "\"a\":\"1\"", false},
};

TEST(a_service_selects_pods_that_have_all_of_its_pairs) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena) arena = arena_new();
        CHECK(service_selects(service(arena, "s", cases[i].selector),
                              pod(arena, "p", cases[i].labels)) == cases[i].selects);
    }
}

struct found {
    struct arena *arena;
    struct sv names;
};

static void note(void *context, struct sv name) {
    struct found *found = context;
    found->names = arena_printf(found->arena, "%.*s %.*s", SV_ARG(found->names), SV_ARG(name));
}

static struct sv pods_of(struct service_selection *selection, struct arena *arena,
                         const struct cJSON *of) {
    struct found found = {arena, SV("")};
    size_t count;
    const struct sv *names = service_selection_pods(selection, of, arena, &count);
    for (size_t i = 0; i < count; i++)
        note(&found, names[i]);
    return found.names;
}

static struct sv services_of(struct service_selection *selection, struct arena *arena,
                             const struct cJSON *of) {
    struct found found = {arena, SV("")};
    service_selection_services(selection, of, note, &found);
    return found.names;
}

/* The longer value is taken for the rarer one: pods are looked up by the fewest. */
TEST(pods_and_services_find_each_other_while_their_labels_change) {
    AUTO(arena) arena = arena_new();
    struct service_selection *selection = service_selection_new();
    struct cJSON *wanted = service(arena, "s", "\"app\":\"a\",\"release\":\"first\"");
    struct cJSON *first = pod(arena, "p2", "\"app\":\"a\",\"release\":\"first\"");
    struct cJSON *second = pod(arena, "p1", "\"app\":\"a\",\"release\":\"first\"");
    struct cJSON *other = pod(arena, "p3", "\"app\":\"a\",\"release\":\"second\"");
    service_selection_put_service(selection, wanted, NULL);
    service_selection_put_pod(selection, first, NULL);
    service_selection_put_pod(selection, second, NULL);
    service_selection_put_pod(selection, other, NULL);
    CHECK_SV(pods_of(selection, arena, wanted), SV(" p1 p2"));
    CHECK_SV(services_of(selection, arena, first), SV(" s"));
    CHECK_SV(services_of(selection, arena, other), SV(""));

    struct cJSON *moved = pod(arena, "p2", "\"app\":\"a\",\"release\":\"second\"");
    service_selection_put_pod(selection, moved, first);
    CHECK_SV(pods_of(selection, arena, wanted), SV(" p1"));
    struct cJSON *changed = service(arena, "s", "\"app\":\"a\",\"release\":\"second\"");
    service_selection_put_service(selection, changed, wanted);
    CHECK_SV(pods_of(selection, arena, changed), SV(" p2 p3"));
    CHECK_SV(services_of(selection, arena, second), SV(""));

    service_selection_put_pod(selection, NULL, moved);
    service_selection_put_pod(selection, NULL, other);
    CHECK_SV(pods_of(selection, arena, changed), SV(""));
    service_selection_put_service(selection, NULL, changed);
    CHECK_SV(services_of(selection, arena, other), SV(""));
    service_selection_free(selection);
}
