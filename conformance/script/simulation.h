/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulation: what a vendor says of the engine's behaviour (kind Simulation, usually the file
 * sim.yaml beside the class), so that the class's own scripts can run without the engine. Pure;
 * simulation_play.h plays it, conformance/sandbox runs the scripts.
 *
 *     apiVersion: cacheruntime.io/v1
 *     kind: Simulation
 *     metadata: {name: curvine}
 *     roles:                           # optional, each: how long a container takes to be ready
 *       master: {readyAfter: 3s}       # after its start; without it the readiness probe's
 *       worker: {readyAfter: 2s}       # initialDelaySeconds
 *     tools: [jq, python3]             # programs of the image that are the host's in the sandbox.
 *                                      # Always there: sh bash, coreutils, sed awk grep find xargs
 *     tables:                          # the engine's state: tables of rows {key, value}, in the
 *       mounts: {scope: container}     # order of insertion. container: empty when the container
 *       tokens: {scope: runtime}       # starts; runtime: shared by all containers of one runtime
 *     files:                           # files of the image that scripts read or run
 *     - {path: /app/curvine/conf/base.toml, text: "…", mode: "0644"}
 *     folders: [/app/curvine/logs]     # of the image, its user's: one who is not root writes there
 *     programs:                        # the engine's commands
 *     - path: /app/curvine/bin/cv      # where it is in the image. Scripts find it by this path,
 *                                      # and by its name when the folder is in PATH
 *       rules:                         # the first one whose args and when fit answers
 *       - args: [mount]                # the whole command line behind the program's name
 *         stdout:                      # a text, or a list of texts and repetitions
 *         - "Mount Table:\n"
 *         - {each: mounts, text: "| ${key} | ${value} |\n"}
 *         - "Total mount points: ${count.mounts}\n"
 *       - args: [mount, "${ufs}", "${path}", "..."]
 *         when: [{table: mounts, key: "${path}"}]
 *         stderr: "${path} is already mounted\n"
 *         exit: 1                      # 0 unless given
 *       - args: [mount, "${ufs}", "${path}", "..."]
 *         takes: 300ms                 # virtual time; 10ms unless given
 *         set: [{table: mounts, key: "${path}", value: "${ufs}"}]
 *       - args: [umount, "${path}"]
 *         remove: [{table: mounts, key: "${path}"}]
 *     - path: /app/curvine/lib/curvine-server
 *       rules:
 *       - args: [--service, "${role}", --conf, "${conf}"]
 *         when: [{file: "${conf}"}]
 *         serves: true                 # stays until it is stopped: the container has started
 *
 * args: each item is one argument: literal text, with at most one ${name} in it that matches what
 * is left (also nothing, but in an item of its own at least one byte). "..." stands for any number
 * of arguments and may come up to four times; what it matched is ${rest}, joined by blanks.
 *
 * when: all must hold. {table, key} a row of that key exists; {table, key, value} and has that
 * value; {file: path} the file exists; {env: NAME} the variable is set and not empty; {is: text,
 * value: text} two texts are equal. `not: true` in a condition turns it around.
 *
 * Texts in stdout, stderr, when, set, remove and write are patterns: ${name} of args, ${rest},
 * ${key} and ${value} in `each`, ${count.TABLE}, ${env.NAME}, ${program}. ${json.NAME} is the
 * same written as the inside of a JSON string. $$ is one dollar. In JSON output
 * only ${…} is special: stdout: "{\"mounted\":${count.mounts}}".
 *
 * A repetition may have `between`, a text between two rows, and `empty`, the text without any.
 * Further fields of a rule: clear: [table, …]; write: [{path, text}] makes a file, as a command
 * that saves its settings does. Effects are in the order clear, remove, set, write.
 *
 * Durations are Go's: "250ms", "1.5s", "2m". In the sandbox the programs sleep, timeout and date
 * are simulated, too: they cost virtual time, not real time. A program with `path:
 * /usr/bin/mountpoint` replaces a tool of the host.
 */
#ifndef CONFORMANCE_SCRIPT_SIMULATION_H
#define CONFORMANCE_SCRIPT_SIMULATION_H

#include "conformance/subject.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;
struct manifest;

enum {
    SIMULATION_PROGRAMS_MAX = 64,
    SIMULATION_RULES_MAX = 256, /* of one program */
    SIMULATION_ARGS_MAX = 64,   /* of one rule */
    SIMULATION_TABLES_MAX = 32,
    SIMULATION_FILES_MAX = 256,
    SIMULATION_FOLDERS_MAX = 64,
    SIMULATION_TOOLS_MAX = 64,
    SIMULATION_REST_MAX = 4, /* "..." in one rule */
    SIMULATION_TAKES_DEFAULT_MS = 10,
};
/* A day: no command of an engine takes longer. */
#define SIMULATION_DURATION_MS_MAX INT64_C(86400000)

struct simulation {
    const struct cJSON *root;
    int64_t ready_after_ms[ROLE_COUNT]; /* negative: not given */
    const struct sv *tools;
    size_t tool_count;
    const struct cJSON *files;    /* list or NULL */
    const struct cJSON *folders;  /* list of paths or NULL */
    const struct cJSON *programs; /* list or NULL */
    const struct cJSON *tables;   /* map or NULL */
};

/* Checks the whole of a document of kind Simulation: unknown fields, types, names of tables and
 * captures. The first fault is the error: ERROR_INVALID, "path:line:column: what; what to do".
 * Borrows from `root`; `manifest` is for positions. */
MUST_CHECK bool simulation_read(const struct manifest *manifest, const struct cJSON *root,
                                struct arena *arena, struct simulation *ret_simulation,
                                struct error *err);

/* Whether the table is shared by all containers of one runtime. */
bool simulation_is_shared(const struct simulation *simulation, struct sv table);
#endif
