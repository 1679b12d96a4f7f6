/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_render: pods of a sample as the controller would make them, without a cluster: what
 * checks of scripts start from. A variation (another name, other mounts, other options) is a
 * change of dataset and runtime before they are rendered, so that environment, ConfigMap and
 * volumes change together as they do in real life. Pure.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_RENDER_H
#define CONFORMANCE_SCRIPT_SCRIPT_RENDER_H

#include "conformance/script/script_container.h"
#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;

struct script_rendering {
    /* The pod with ordinal 0 of each role; NULL when the role is not declared or disabled. */
    const struct cJSON *pods[ROLE_COUNT];
    struct script_objects objects;
    struct sv runtime_json;
    struct sv config_map_name; /* that holds it */
    struct sv name, namespace_name;
};

/* Objects are copied; `ret_rendering` lives in `arena`. False when the controller would make no
 * pods of it: `ret_why` says what it waits for. */
bool script_render(const struct cJSON *runtime_class, const struct cJSON *dataset,
                   const struct cJSON *runtime, struct arena *arena,
                   struct script_rendering *ret_rendering, struct sv *ret_why);
/* The same with another text as runtime.json. */
struct script_rendering script_with_json(const struct script_rendering *rendering, struct sv text,
                                         struct arena *arena);

/* The command of an execution entry in a pod of the role, as the controller runs it, and whether
 * runtime.json is on its standard input. 0 when the entry has neither command nor script. */
size_t script_entry_command(const struct cJSON *entry, struct arena *arena,
                            const struct sv **ret_words, bool *ret_has_stdin);
/* Virtual; the controller's. */
int64_t script_entry_timeout_ms(const struct cJSON *entry);

#endif
