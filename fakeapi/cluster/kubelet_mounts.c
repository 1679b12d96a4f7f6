/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/object.h"
#include "core/base/arena.h"
#include "core/data/json.h"
#include "fakeapi/cluster/agent.h"
#include "fakeapi/cluster/csi.h"
#include "fakeapi/cluster/kubelet_parts.h"

/* A volume that takes its files from an object of the pod's namespace. */
static struct sv missing_source(const struct agent_cache *cache, const struct cJSON *pod,
                                const struct cJSON *source, const char *name_key, const char *kind,
                                struct arena *arena) {
    struct sv name = json_string_or(source, sv_from(name_key), SV(""));
    if (!source || json_bool_or(source, SV("optional"), false) ||
        cache_get(cache, object_namespace(pod), name))
        return SV("");
    return arena_printf(arena, "%s \"%.*s\" not found", kind, SV_ARG(name));
}

static struct sv missing_files(struct kubelet *kubelet, const struct cJSON *pod,
                               const struct cJSON *volume, struct arena *arena) {
    struct sv missing = missing_source(kubelet->config_maps, pod, json_get(volume, SV("configMap")),
                                       "name", "configmap", arena);
    if (missing.len == 0)
        missing = missing_source(kubelet->secrets, pod, json_get(volume, SV("secret")),
                                 "secretName", "secret", arena);
    JSON_EACH (source, json_find(volume, "projected.sources")) {
        if (missing.len == 0)
            missing = missing_source(kubelet->config_maps, pod, json_get(source, SV("configMap")),
                                     "name", "configmap", arena);
        if (missing.len == 0)
            missing = missing_source(kubelet->secrets, pod, json_get(source, SV("secret")), "name",
                                     "secret", arena);
    }
    return missing;
}

static struct sv missing_claim(struct kubelet *kubelet, const struct cJSON *pod, struct sv key,
                               struct sv name, struct arena *arena) {
    const struct cJSON *claim = cache_get(kubelet->claims, object_namespace(pod), name);
    const struct cJSON *volume =
        cache_get(kubelet->volumes, SV(""), json_find_string(claim, "spec.volumeName"));
    if (!claim || !volume)
        return arena_printf(arena, "persistentvolumeclaim \"%.*s\" %s", SV_ARG(name),
                            claim ? "is not bound to a volume" : "not found");
    return csi_mount(kubelet, pod, key, volume, arena);
}

struct sv mounts_missing(struct kubelet *kubelet, const struct cJSON *pod, struct sv key,
                         struct arena *arena) {
    JSON_EACH (volume, json_find(pod, "spec.volumes")) {
        struct sv claim = json_find_string(volume, "persistentVolumeClaim.claimName");
        if (claim.len > 0) {
            struct sv missing = missing_claim(kubelet, pod, key, claim, arena);
            if (missing.len > 0)
                return missing;
        }
        struct sv missing = missing_files(kubelet, pod, volume, arena);
        if (missing.len > 0)
            return arena_printf(arena, "MountVolume.SetUp failed for volume \"%.*s\" : %.*s",
                                SV_ARG(json_string_or(volume, SV("name"), SV(""))),
                                SV_ARG(missing));
    }
    return SV("");
}
