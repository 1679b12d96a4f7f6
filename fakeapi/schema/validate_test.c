/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/test.h"
#include "core/data/json.h"
#include "fakeapi/schema/admit.h"
#include "fakeapi/schema/registry.h"

#define POD(fields) "{\"metadata\":{\"name\":\"a\"},\"spec\":{" fields "}}"
#define CONTAINER(fields) "\"containers\":[{\"name\":\"c\",\"image\":\"i\"," fields "}]"

/* `object` with "*" where the items stand, and one item with %d for what tells it apart. */
static const struct {
    const char *group, *plural, *object, *item, *field;
} lists[] = {
    {"", "pods", POD(CONTAINER("\"tty\":true") ",\"volumes\":[*]"),
     "{\"name\":\"v%d\",\"emptyDir\":{}}", "spec.volumes[299].name"},
    {"", "pods", POD("\"containers\":[*]"), "{\"name\":\"c%d\",\"image\":\"i\"}",
     "spec.containers[299].name"},
    {"", "pods", POD(CONTAINER("\"ports\":[*]")), "{\"name\":\"p%d\",\"containerPort\":1}",
     "spec.containers[0].ports[299].name"},
    {"", "pods", POD(CONTAINER("\"ports\":[*]")), "{\"hostPort\":1%d,\"containerPort\":1}",
     "spec.containers[0].ports[299].hostPort"},
    {"", "pods",
     POD(CONTAINER("\"volumeMounts\":[*]") ",\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]"),
     "{\"name\":\"v\",\"mountPath\":\"/%d\"}", "spec.containers[0].volumeMounts[299].mountPath"},
    {"", "pods", POD(CONTAINER("\"tty\":true") ",\"schedulingGates\":[*]"), "{\"name\":\"x/g%d\"}",
     "spec.schedulingGates[299]"},
    {"", "pods", POD(CONTAINER("\"tty\":true") ",\"securityContext\":{\"sysctls\":[*]}"),
     "{\"name\":\"kernel.s%d\",\"value\":\"1\"}", "spec.securityContext.sysctls[299].name"},
    {"", "services", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[*]}}",
     "{\"name\":\"p%d\",\"port\":@}", "spec.ports[299].name"},
    {"", "services", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[*]}}",
     "{\"name\":\"p@\",\"port\":1%d}", "spec.ports[299]"},
    {"", "limitranges", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"limits\":[*]}}",
     "{\"type\":\"x.io/t%d\"}", "spec.limits[299].type"},
    {"discovery.k8s.io", "endpointslices",
     "{\"metadata\":{\"name\":\"a\"},\"addressType\":\"IPv4\",\"endpoints\":[],\"ports\":[*]}",
     "{\"name\":\"p%d\",\"port\":1}", "ports[299].name"},
};

enum { ITEMS = 300 };

/* %d is what tells items apart, and @ the position. */
static struct sv item_text(struct arena *arena, struct sv pattern, int number, int position) {
    struct sv text = SV("");
    while (pattern.len > 0) {
        size_t plain = sv_find(pattern, '%') < sv_find(pattern, '@') ? sv_find(pattern, '%')
                                                                     : sv_find(pattern, '@');
        bool is_number = plain < pattern.len && pattern.ptr[plain] == '%';
        struct sv next = sv_prefix(pattern, plain);
        text = plain == pattern.len
                   ? ARENA_JOIN(arena, text, next)
                   : ARENA_JOIN(arena, text, next,
                                arena_printf(arena, "%d", is_number ? number : 1 + position));
        pattern = sv_drop(pattern, plain + (is_number ? 2 : 1));
    }
    return text;
}

static struct cJSON *object_of(struct arena *arena, size_t row, int repeated) {
    struct sv rest = sv_from(lists[row].object), text = sv_cut(&rest, '*');
    struct error err = {0};
    for (int i = 0; i < ITEMS; i++)
        text = ARENA_JOIN(arena, text, i > 0 ? SV(",") : SV(""),
                          item_text(arena, sv_from(lists[row].item),
                                    i == ITEMS - 1 && repeated >= 0 ? repeated : i, i));
    struct cJSON *object = json_read(arena, ARENA_JOIN(arena, text, rest), &err);
    CHECK(object != NULL);
    return object;
}

static size_t count_faults(const struct resource_type *type, struct cJSON *object,
                           struct arena *arena, struct sv field) {
    struct findings findings = {0};
    size_t count = 0;
    admit_set_defaults(type, object, arena);
    admit_validate(type, object, NULL, SV(""), arena, &findings);
    for (size_t i = 0; i < findings.count; i++)
        count += sv_eq(findings.items[i].field, field);
    return count;
}

TEST(the_last_of_many_is_held_against_all) {
    AUTO(registry) registry = registry_new();
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        AUTO(arena) arena = arena_new();
        struct sv field = sv_from(lists[i].field);
        const struct resource_type *type =
            registry_find(registry, sv_from(lists[i].group), SV("v1"), sv_from(lists[i].plural));
        REQUIRE(type != NULL);
        CHECK(count_faults(type, object_of(arena, i, -1), arena, field) == 0);
        CHECK(count_faults(type, object_of(arena, i, 0), arena, field) == 1);
        CHECK(count_faults(type, object_of(arena, i, ITEMS - 2), arena, field) == 1);
    }
}
