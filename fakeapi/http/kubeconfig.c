/* SPDX-License-Identifier: Apache-2.0 */
#include "fakeapi/http/kubeconfig.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/data/base64.h"
#include "core/data/json.h"
#include "core/data/yaml.h"

enum { KUBECONFIG_BYTES_MAX = 256 * 1024 };

static const struct sv context_name = {"crctl", 5};

/* The one entry of a list: {name: crctl, <key>: {…}}; returns the inner map. */
static struct cJSON *add_entry(struct arena *arena, struct cJSON *root, struct sv list,
                               struct sv key) {
    struct cJSON *entry = json_append(json_ensure_list(arena, root, list), json_map(arena));
    json_set_string(arena, entry, SV("name"), context_name);
    return json_ensure_map(arena, entry, key);
}

struct sv kubeconfig_text(const struct kubeconfig *config, struct arena *arena) {
    struct cJSON *root = json_map(arena);
    json_set_string(arena, root, SV("apiVersion"), SV("v1"));
    json_set_string(arena, root, SV("kind"), SV("Config"));
    struct cJSON *cluster = add_entry(arena, root, SV("clusters"), SV("cluster"));
    json_set_string(arena, cluster, SV("server"), config->server);
    if (config->ca_certificate.len > 0)
        json_set_string(arena, cluster, SV("certificate-authority-data"),
                        base64_encode(arena, config->ca_certificate));
    struct cJSON *user = add_entry(arena, root, SV("users"), SV("user"));
    if (config->token.len > 0)
        json_set_string(arena, user, SV("token"), config->token);
    struct cJSON *context = add_entry(arena, root, SV("contexts"), SV("context"));
    json_set_string(arena, context, SV("cluster"), context_name);
    json_set_string(arena, context, SV("user"), context_name);
    json_set_string(arena, root, SV("current-context"), context_name);
    struct buf buf;
    buf_init(&buf, KUBECONFIG_BYTES_MAX);
    bool fits = yaml_write(&buf, root);
    assert(fits);
    struct sv text = arena_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}
