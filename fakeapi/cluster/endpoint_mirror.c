/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/cluster/endpoint_mirror.h"

#include "core/api/object.h"
#include "core/api/resource.h"
#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/pod_control.h"

#define LABEL_SERVICE_NAME SV("kubernetes.io/service-name")
#define LABEL_MANAGED_BY SV("endpointslice.kubernetes.io/managed-by")
#define LABEL_SKIP SV("endpointslice.kubernetes.io/skip-mirror")

struct endpoint_mirror {
    struct agent_part *part; /* keys are Endpoints, "ns/name" */
    struct agent_cache *services, *endpoints, *slices;
    size_t slices_by_owner;
};

/* One slice as it is going to be: the addresses of one family behind one list of ports. */
struct image {
    struct sv address_type;
    struct cJSON *ports, *endpoints;
    const struct cJSON *slice; /* the present one; NULL: none yet */
};

/* One Endpoints object while it is compared with what there is of it. */
struct mirror_pass {
    struct endpoint_mirror *mirror;
    struct sv key;
    const struct cJSON *source;
    struct arena *arena;
    VEC(struct image) images;
    VEC(const struct cJSON *) spare; /* slices that no image has */
};

/* --- what there should be --- */

static bool is_mirrored(const struct endpoint_mirror *mirror, const struct cJSON *source) {
    const struct cJSON *service =
        cache_get(mirror->services, object_namespace(source), object_name(source));
    /* An Endpoints object with that annotation is the lock of a leader election. */
    bool is_lock =
        object_annotation(source, SV("control-plane.alpha.kubernetes.io/leader")).len > 0;
    return service && !object_is_deleting(source) &&
           json_count(json_find(service, "spec.selector")) == 0 && !is_lock &&
           !sv_eq(object_label(source, LABEL_SKIP), SV("true"));
}

static struct cJSON *ports_of(struct arena *arena, const struct cJSON *subset) {
    struct cJSON *ports = json_list(arena);
    JSON_EACH (given, json_get(subset, SV("ports"))) {
        struct cJSON *port = json_append(ports, json_copy(arena, given));
        json_set_string(arena, port, SV("name"), json_find_string(given, "name"));
        json_set_string(arena, port, SV("protocol"),
                        json_string_or(given, SV("protocol"), SV("TCP")));
    }
    return ports;
}

static struct cJSON *endpoint_of(struct arena *arena, const struct cJSON *address, bool is_ready) {
    static const struct sv kept[] = {SV("hostname"), SV("nodeName"), SV("targetRef")};
    struct cJSON *endpoint = json_map(arena);
    json_append(json_ensure_list(arena, endpoint, SV("addresses")),
                json_string(arena, json_find_string(address, "ip")));
    json_set_bool(arena, json_ensure_map(arena, endpoint, SV("conditions")), SV("ready"), is_ready);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (json_get(address, kept[i]))
            json_set(arena, endpoint, kept[i], json_copy(arena, json_get(address, kept[i])));
    return endpoint;
}

static struct image *image_of(struct mirror_pass *pass, struct sv address_type,
                              struct cJSON *ports) {
    for (size_t i = 0; i < pass->images.count; i++) {
        struct image *image = &pass->images.items[i];
        if (sv_eq(image->address_type, address_type) && json_equal(image->ports, ports))
            return image;
    }
    vec_push(&pass->images, (struct image){address_type, ports, json_list(pass->arena), NULL});
    return &pass->images.items[pass->images.count - 1];
}

/* Returns how many addresses there was no room for. */
static size_t add_subset(struct mirror_pass *pass, const struct cJSON *subset) {
    static const struct sv lists[] = {SV("addresses"), SV("notReadyAddresses")};
    struct cJSON *ports = ports_of(pass->arena, subset);
    size_t count = 0, skipped = 0;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        JSON_EACH (address, json_get(subset, lists[i])) {
            bool is_v6 = sv_contains(json_find_string(address, "ip"), SV(":"));
            if (count == MIRRORED_PER_SUBSET_MAX) {
                skipped++;
                continue;
            }
            count++;
            json_append(image_of(pass, is_v6 ? SV("IPv6") : SV("IPv4"), ports)->endpoints,
                        endpoint_of(pass->arena, address, i == 0));
        }
    }
    return skipped;
}

static void find_images(struct mirror_pass *pass) {
    size_t skipped = 0;
    JSON_EACH (subset, json_get(pass->source, SV("subsets")))
        skipped += add_subset(pass, subset);
    if (skipped > 0)
        agent_event(pass->mirror->part, pass->source, true, SV("TooManyAddressesToMirror"),
                    arena_printf(pass->arena,
                                 "A max of %d addresses can be mirrored to EndpointSlices per "
                                 "Endpoints subset. %zu addresses were skipped",
                                 MIRRORED_PER_SUBSET_MAX, skipped));
}

/* --- what there is --- */

/* A slice shows the image with its family and ports; one slice an image is enough. */
static bool take_slice(struct mirror_pass *pass, const struct cJSON *slice) {
    for (size_t i = 0; i < pass->images.count; i++) {
        struct image *image = &pass->images.items[i];
        const struct cJSON *ports = json_get(slice, SV("ports"));
        bool are_equal =
            json_equal(image->ports, ports) || json_count(image->ports) + json_count(ports) == 0;
        if (image->slice || !are_equal ||
            !sv_eq(json_find_string(slice, "addressType"), image->address_type))
            continue;
        image->slice = slice;
        return true;
    }
    return false;
}

static void find_slices(struct mirror_pass *pass) {
    size_t cursor = 0;
    const struct cJSON *slice;
    while ((slice = cache_index_next(pass->mirror->slices, pass->mirror->slices_by_owner,
                                     object_uid(pass->source), &cursor)))
        if (!object_is_deleting(slice) && !take_slice(pass, slice))
            vec_push(&pass->spare, slice);
    /* A slice that shows nothing any more is used again; its family is for life. */
    for (size_t i = 0; i < pass->images.count; i++) {
        struct image *image = &pass->images.items[i];
        for (size_t k = 0; k < pass->spare.count && !image->slice; k++) {
            if (!sv_eq(json_find_string(pass->spare.items[k], "addressType"), image->address_type))
                continue;
            image->slice = pass->spare.items[k];
            vec_remove(&pass->spare, k);
        }
    }
}

/* --- writing --- */

static struct cJSON *labels_of(const struct mirror_pass *pass) {
    struct arena *arena = pass->arena;
    const struct cJSON *given = json_find(pass->source, "metadata.labels");
    struct cJSON *labels = given ? json_copy(arena, given) : json_map(arena);
    json_set_string(arena, labels, LABEL_SERVICE_NAME, object_name(pass->source));
    json_set_string(arena, labels, LABEL_MANAGED_BY,
                    SV("endpointslicemirroring-controller.k8s.io"));
    return labels;
}

static struct cJSON *annotations_of(const struct mirror_pass *pass) {
    static const struct sv left_out[] = {
        SV("endpoints.kubernetes.io/last-change-trigger-time"),
        SV("kubectl.kubernetes.io/last-applied-configuration"),
    };
    struct cJSON *annotations = json_map(pass->arena);
    JSON_EACH (given, json_find(pass->source, "metadata.annotations"))
        if (sv_index_of(json_key(given), left_out, COUNT_OF(left_out)) == COUNT_OF(left_out))
            json_set_string(pass->arena, annotations, json_key(given), json_text(given));
    return annotations;
}

static struct cJSON *slice_of(const struct mirror_pass *pass, const struct image *image) {
    struct arena *arena = pass->arena;
    struct sv name = image->slice ? object_name(image->slice) : SV("");
    struct cJSON *slice =
        object_new(arena, &RESOURCE_ENDPOINT_SLICES, object_namespace(pass->source), name);
    struct cJSON *metadata = json_get(slice, SV("metadata")), *annotations = annotations_of(pass);
    if (image->slice) {
        json_set_string(arena, metadata, SV("resourceVersion"),
                        object_resource_version(image->slice));
    } else {
        json_remove(metadata, SV("name"));
        json_set_string(arena, metadata, SV("generateName"),
                        ARENA_JOIN(arena, object_name(pass->source), SV("-")));
    }
    json_set(arena, metadata, SV("labels"), labels_of(pass));
    if (json_count(annotations) > 0)
        json_set(arena, metadata, SV("annotations"), annotations);
    json_append(json_ensure_list(arena, metadata, SV("ownerReferences")),
                pod_control_reference(arena, pass->source, &RESOURCE_ENDPOINTS));
    json_set_string(arena, slice, SV("addressType"), image->address_type);
    json_set(arena, slice, SV("endpoints"), image->endpoints);
    json_set(arena, slice, SV("ports"), json_copy(arena, image->ports));
    return slice;
}

static bool is_shown(const struct cJSON *wanted, const struct cJSON *present) {
    static const char *const compared[] = {"metadata.labels", "metadata.annotations", "endpoints",
                                           "ports"};
    for (size_t i = 0; i < COUNT_OF(compared); i++) {
        const struct cJSON *a = json_find(wanted, compared[i]);
        const struct cJSON *b = json_find(present, compared[i]);
        if (!json_equal(a, b) && json_count(a) + json_count(b) > 0)
            return false;
    }
    return true;
}

static void write_image(struct mirror_pass *pass, const struct image *image) {
    struct cJSON *slice = slice_of(pass, image);
    if (image->slice && is_shown(slice, image->slice))
        return;
    struct request request = agent_create(&RESOURCE_ENDPOINT_SLICES, slice);
    if (image->slice) {
        request = request_to(VERB_UPDATE, &RESOURCE_ENDPOINT_SLICES, object_namespace(image->slice),
                             object_name(image->slice));
        request.body = slice;
    }
    agent_send(pass->mirror->part, pass->key, &request);
}

static void reconcile(void *context, struct agent_part *part, struct sv key, struct arena *arena) {
    struct endpoint_mirror *mirror = context;
    struct sv name = key, namespace_name = sv_cut(&name, '/');
    const struct cJSON *source = cache_get(mirror->endpoints, namespace_name, name);
    /* Slices of what is gone are collected with it. */
    if (!source)
        return;
    struct mirror_pass pass = {.mirror = mirror, .key = key, .source = source, .arena = arena};
    if (is_mirrored(mirror, source))
        find_images(&pass);
    find_slices(&pass);
    for (size_t i = 0; i < pass.images.count; i++)
        write_image(&pass, &pass.images.items[i]);
    for (size_t i = 0; i < pass.spare.count; i++) {
        struct request request =
            agent_delete(arena, &RESOURCE_ENDPOINT_SLICES, pass.spare.items[i], -1);
        agent_send(part, key, &request);
    }
    vec_release(&pass.images);
    vec_release(&pass.spare);
}

/* --- news --- */

static void mark(struct endpoint_mirror *mirror, struct sv namespace_name, struct sv name) {
    agent_mark_named(mirror->part, namespace_name, name);
}

/* Services with a selector have Endpoints that nobody wrote by hand. */
static void handle_service(void *context, const struct cJSON *object, const struct cJSON *before,
                           bool is_gone) {
    bool had_selector = json_count(json_find(object, "spec.selector")) > 0;
    if (is_gone || before || !had_selector)
        mark(context, object_namespace(object), object_name(object));
}

static void handle_endpoints(void *context, const struct cJSON *object, const struct cJSON *before,
                             bool is_gone) {
    struct endpoint_mirror *mirror = context;
    const struct cJSON *service =
        cache_get(mirror->services, object_namespace(object), object_name(object));
    (void)before;
    if (!is_gone && json_count(json_find(service, "spec.selector")) == 0)
        mark(mirror, object_namespace(object), object_name(object));
}

/* Somebody else changed or deleted what this controller made. */
static void handle_slice(void *context, const struct cJSON *object, const struct cJSON *before,
                         bool is_gone) {
    const struct cJSON *owner = object_controller_owner(object);
    if ((before || is_gone) && sv_eq(json_find_string(owner, "kind"), SV("Endpoints")))
        mark(context, object_namespace(object), json_find_string(owner, "name"));
}

/* --- life --- */

struct endpoint_mirror *endpoint_mirror_new(struct agent *agent) {
    struct endpoint_mirror *mirror = mem_alloc(sizeof(*mirror));
    mirror->part = agent_add_part(agent, SV("endpoint-mirror"), reconcile, mirror);
    mirror->services = agent_watch(agent, &RESOURCE_SERVICES, handle_service, mirror);
    mirror->endpoints = agent_watch(agent, &RESOURCE_ENDPOINTS, handle_endpoints, mirror);
    mirror->slices = agent_watch(agent, &RESOURCE_ENDPOINT_SLICES, handle_slice, mirror);
    mirror->slices_by_owner = cache_add_index(mirror->slices, cache_key_of_controller);
    return mirror;
}

void endpoint_mirror_free(struct endpoint_mirror *mirror) {
    mem_free(mirror);
}
