/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_container: what a process in a pod's container finds: its environment, the files of
 * ConfigMaps and Secrets, folders of its other volumes, and the command that it is. Pure.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_CONTAINER_H
#define CONFORMANCE_SCRIPT_SCRIPT_CONTAINER_H

#include "conformance/script/script_run.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

/* Where a container's volumes and variables come from. */
struct script_objects {
    const struct cJSON *const *config_maps;
    size_t config_map_count;
    /* Secrets never hold what users wrote, but canaries that are told again wherever they leak:
     * script_canary(). These keys exist of each. */
    struct script_secret *secrets; /* NULL, or SCRIPT_SECRETS_MAX of them */
    size_t secret_count;
};
struct script_secret {
    struct sv name;
    struct sv *keys; /* SCRIPT_SECRET_KEYS_MAX of them */
    size_t key_count;
};
enum { SCRIPT_SECRETS_MAX = 64, SCRIPT_SECRET_KEYS_MAX = 64 };
/* Each once; what is past a limit is left out. */
void script_add_secret_key(struct script_objects *objects, struct sv name, struct sv key,
                           struct arena *arena);
/* The text in key `key` of Secret `name`. */
struct sv script_canary(struct sv name, struct sv key, struct arena *arena);
/* Every canary begins with it. */
#define SCRIPT_CANARY_BEGIN SV("Cnry7Q")

/* Files of ConfigMaps that are known already, as kubelet shows them; instead of config_maps. */
struct script_files {
    const struct script_file *items;
    size_t count;
};

/* Fills variables, files, folders, host name and working directory of `ret_run`; everything else
 * in it is left. `pod` has metadata.name and namespace; `files` may be NULL. Everything lives in
 * `arena`. */
void script_container(const struct cJSON *pod, const struct cJSON *container,
                      const struct script_objects *objects, const struct script_files *files,
                      struct arena *arena, struct script_run *ret_run);
/* command and args of the container as they run, $(NAME) replaced; 0 when the image's own are
 * used. */
size_t script_command(const struct cJSON *container, const struct script_run *run,
                      struct arena *arena, const struct sv **ret_words);

/* The container of that name, or the first one when it is "". NULL when there is none. */
const struct cJSON *script_find_container(const struct cJSON *pod, struct sv name);

#endif
