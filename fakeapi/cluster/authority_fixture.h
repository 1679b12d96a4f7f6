/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority_fixture: an authority whose certificates and tokens are texts that say what was asked
 * for. Only for tests.
 */
#ifndef FAKEAPI_CLUSTER_AUTHORITY_FIXTURE_H
#define FAKEAPI_CLUSTER_AUTHORITY_FIXTURE_H

#include "core/data/base64.h"
#include "fakeapi/cluster/authority.h"
#include "fakeapi/cluster/world_fixture.h"

static inline bool fixture_sign(void *context, const struct certificate_order *order,
                                struct arena *arena, struct sv *ret_certificate,
                                struct error *err) {
    (void)context;
    if (order->request.len == 0)
        return error_set(err, ERROR_INVALID, "an empty request");
    *ret_certificate = arena_printf(arena, "signed for %lld s: %.*s", (long long)order->lifetime_s,
                                    SV_ARG(order->request));
    return true;
}

/* A text such as "system:nodes system:node:n" says the organization and the name; a third word is
 * an alternative name. What begins as real ones do is CN ann, O team. */
static inline bool fixture_read_request(struct sv pem, struct arena *arena,
                                        struct certificate_request *ret_request,
                                        struct error *err) {
    struct sv rest = sv_starts_with(pem, SV("-----BEGIN")) ? SV("team ann") : pem;
    struct sv *organizations = ARENA_ARRAY(arena, struct sv, 1);
    organizations[0] = arena_copy(arena, sv_cut(&rest, ' '));
    if (rest.len == 0)
        return error_set(err, ERROR_INVALID, "PEM block type must be CERTIFICATE REQUEST");
    *ret_request = (struct certificate_request){
        .common_name = arena_copy(arena, sv_cut(&rest, ' ')),
        .organizations = organizations,
        .organization_count = 1,
        .dns_count = rest.len > 0,
    };
    return true;
}

static inline struct sv fixture_token(void *context, const struct token_order *order,
                                      struct arena *arena) {
    (void)context;
    return arena_printf(arena, "%.*s in %.*s", SV_ARG(order->account_name),
                        SV_ARG(order->secret_name));
}

static const struct authority fixture_authority = {
    .root_certificate = {"root", 4},
    .sign_certificate = fixture_sign,
    .read_request = fixture_read_request,
    .sign_token = fixture_token,
};

static inline struct world *fixture_world_with_authority(void) {
    struct world *world = world_new(&(struct world_options){.seed = 1,
                                                            .start_ms = FIXTURE_START_MS,
                                                            .node_count = 1,
                                                            .config_map_lag_ms = 60000,
                                                            .authority = &fixture_authority});
    fixture_run_ms(world, 100);
    return world;
}

/* What a member of base64 says. */
static inline struct sv fixture_decode(struct arena *arena, const struct cJSON *object,
                                       struct sv parent, struct sv key) {
    struct sv bytes = SV("");
    struct sv text = json_string_or(json_get(object, parent), key, SV(""));
    return base64_decode(arena, text, &bytes) ? bytes : SV("?");
}

#endif
