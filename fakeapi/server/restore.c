/* SPDX-License-Identifier: Apache-2.0 */
/* State that outlives the server: a journal is told of writes, and they are put back. */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/data/json.h"
#include "fakeapi/server/server_parts.h"

static const struct sv crd_key = {"apiextensions.k8s.io/customresourcedefinitions", 46};

void fakeapi_set_journal(struct fakeapi *api,
                         void (*journal)(void *context, const struct store_write *write),
                         void *context) {
    store_set_journal(api->store, journal, context);
}

void fakeapi_each_object(struct fakeapi *api,
                         void (*tell)(void *context, const struct store_write *write),
                         void *context) {
    store_each(api->store, tell, context);
}

bool fakeapi_restore(struct fakeapi *api, const struct store_write *write, struct error *err) {
    AUTO(arena) arena = arena_new();
    const struct cJSON *tree = json_read(arena, write->text, err);
    if (!tree)
        return error_wrap(err, "%.*s %.*s/%.*s", SV_ARG(write->storage_key),
                          SV_ARG(write->namespace_name), SV_ARG(write->name));
    /* One without its names serves nothing. */
    bool is_served =
        sv_eq(write->storage_key, crd_key) && (!object_condition(tree, SV("NamesAccepted")) ||
                                               object_condition_is_true(tree, SV("Established")));
    if (is_served && !registry_put_crd(api->registry, tree, err))
        return error_wrap(err, "%.*s", SV_ARG(write->name));
    store_restore(api->store, store_collection(api->store, write->storage_key), tree,
                  write->revision);
    return true;
}

void fakeapi_end_restore(struct fakeapi *api, uint64_t revision) {
    store_end_restore(api->store, revision);
    api->schema_revision = store_revision(api->store);
    service_addresses_forget(api->service_addresses);
    /* The same seed would give the uids and names again that the objects have. */
    uint64_t seed = api->options.seed ^ store_revision(api->store) * UINT64_C(0x9e3779b97f4a7c15);
    rng_init_named(&api->uid_rng, seed, SV("uid"));
    rng_init_named(&api->name_rng, seed, SV("generateName"));
}
