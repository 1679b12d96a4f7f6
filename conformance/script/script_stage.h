/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_stage: the containers of one rendering on a stage of their own, without a cluster: each
 * is started, and entries run in it, with the state that the runs before left. Private to the
 * checks of scripts.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_STAGE_H
#define CONFORMANCE_SCRIPT_SCRIPT_STAGE_H

#include "conformance/script/script_render.h"
#include "conformance/script/script_run.h"
#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct error;
struct simulation;

struct script_stage {
    const struct subject *subject;
    const struct simulation *simulation;
    const struct script_runner *runner;
    struct arena *arena;
    struct script_rendering rendering;
    /* "" or where runtime.json is instead of FLUID_RUNTIME_CONFIG_PATH's folder. */
    struct sv moved_config_path;
    enum script_fault fault;
    struct script_state states[ROLE_COUNT];
    struct script_outcome starts[ROLE_COUNT];
    bool has_started[ROLE_COUNT]; /* the container's command is a script that was run */
    struct error *err;            /* of the harness; nothing runs any more once it is set */
};

/* An empty stage with nothing started. */
void stage_init(struct script_stage *stage, const struct script_rendering *rendering);
/* Runs the container's own command, from an empty state, if the class gives it one. */
void stage_start(struct script_stage *stage, enum role role);
void stage_start_all(struct script_stage *stage);
/* Whether every start that was run came to a program that serves, or ended well. The first role
 * that did not goes to `ret_role`. */
bool stage_is_good(const struct script_stage *stage, enum role *ret_role);

/* Runs an entry (a member of executionEntries) in the role's container, and keeps its state when
 * `keeps_state`. False when it cannot be run: the harness failed, or there is no such pod. */
bool stage_entry(struct script_stage *stage, enum role role, const struct cJSON *entry,
                 bool keeps_state, struct script_outcome *ret_outcome);
/* The program that the entry runs is known here: a file of the class, a tool, or in sim.yaml. */
bool stage_can_see(const struct script_stage *stage, enum role role, const struct cJSON *entry);

/* What an outcome shows to the outside, as lines: how it ended, calls of the engine's programs,
 * what it printed on stdout, files that it wrote. For comparisons and searches. */
struct sv stage_signature(const struct script_outcome *outcome, struct arena *arena);
/* Of all starts. */
struct sv stage_start_signature(const struct script_stage *stage, struct arena *arena);

#endif
