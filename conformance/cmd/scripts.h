/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripts: the sandbox and the simulated engine of one class that is certified, as far as the
 * vendor's files and this machine allow it.
 */
#ifndef CONFORMANCE_CMD_SCRIPTS_H
#define CONFORMANCE_CMD_SCRIPTS_H

#include "conformance/script/script_engine.h"
#include "conformance/script/script_run.h"
#include "conformance/script/simulation.h"
#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct arena;
struct sandbox;

/* As many as a folder of scenarios has. */
enum { SCRIPTS_CLASSES_MAX = 512, SCRIPTS_FILE_ENGINES_MAX = SCRIPTS_CLASSES_MAX + 1 };

struct scripts {
    struct simulation simulation;
    bool has_simulation;
    struct sandbox *sandbox; /* NULL: scripts cannot run here */
    struct error unavailable;
    struct script_runner runner;
    struct script_engine *engine;
    struct subject classes[SCRIPTS_CLASSES_MAX]; /* of scripts_open_file() */
    size_t class_count;
};

/* Fails when the subject's kind Simulation cannot be read: "path:line:column: …"; and with
 * ERROR_UNAVAILABLE when crctl was installed without what runs scripts. Without a Simulation, or
 * with `is_static`, there is nothing to run; a machine that cannot run scripts is no failure here
 * but in `unavailable`. */
MUST_CHECK bool scripts_open(struct scripts *scripts, const struct subject *subject, bool is_static,
                             struct arena *arena, struct error *err);
/* The same from a file: the vendor's scripts with its kind Simulation, and the classes in it, those
 * of scenarios too, whose entries do what a good engine does. `path` SV("") is nothing to run. */
MUST_CHECK bool scripts_open_file(struct scripts *scripts, struct sv path, struct arena *arena,
                                  struct error *err);
/* What containers do by that file; the number of them. `scripts` must stay where it is. */
size_t scripts_file_engines(const struct scripts *scripts,
                            struct engine ret_engines[SCRIPTS_FILE_ENGINES_MAX]);
void scripts_release(struct scripts *scripts);

/* NULL when there is none. */
const struct simulation *scripts_simulation(const struct scripts *scripts);
const struct script_runner *scripts_runner(const struct scripts *scripts);
/* The vendor's engine for one thread, which frees it, or NULL when there is none. */
struct script_engine *scripts_engine_new(const struct scripts *scripts);
/* What containers of the class do, in the order in which they are asked: the vendor's own scripts,
 * by `engine` (which may be NULL), where they can run, else what a good engine does. The number of
 * them. */
enum { SCRIPTS_ENGINES_MAX = 2 };
size_t scripts_engines(const struct scripts *scripts, const struct subject *subject,
                       struct script_engine *engine,
                       struct engine ret_engines[SCRIPTS_ENGINES_MAX]);

#endif
