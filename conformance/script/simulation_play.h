/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulation_play: one call of a simulated program: which rule answers, what it prints, and what
 * becomes of the tables. Pure; crctl-sim-cli carries it into the sandbox.
 *
 * Tables are a tree: {"mounts": [["/a", "s3://a"], …]}, rows in the order of insertion.
 */
#ifndef CONFORMANCE_SCRIPT_SIMULATION_PLAY_H
#define CONFORMANCE_SCRIPT_SIMULATION_PLAY_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

enum {
    PLAY_OUTPUT_BYTES_MAX = 4 * 1024 * 1024,
    PLAY_ROWS_MAX = 100 * 1000, /* of one table */
    PLAY_ARGUMENTS_MAX = 4096,  /* of one call */
    PLAY_EXIT_UNKNOWN = 2,      /* no rule fits */
};

struct play_call {
    const struct cJSON *program; /* an item of `programs` */
    struct sv program_name;      /* as it was called, for ${program} */
    const struct sv *args;       /* behind the name */
    size_t arg_count;
    struct sv (*get_env)(void *context, struct sv name); /* SV("") when unset */
    bool (*has_file)(void *context, struct sv path);
    void *context;
};

struct play_write {
    struct sv path, text;
};

struct play_result {
    const struct cJSON *rule; /* NULL: none fits; stderr says so */
    int exit_code;
    struct sv stdout_bytes, stderr_bytes;
    int64_t takes_ms;
    bool is_serving;
    bool has_effect; /* the rule changes tables, whatever is in them */
    const struct play_write *writes;
    size_t write_count;
};

/* Changes `tables` in place; the result lives in `arena`. The programs must have been checked by
 * simulation_read(). Tables that grow past a limit end with exit code 1 and a message. */
void simulation_play(const struct play_call *call, struct cJSON *tables, struct arena *arena,
                     struct play_result *ret_result);

/* The program at that path, or (without a slash) of that name; NULL when there is none. */
const struct cJSON *simulation_program(const struct cJSON *programs, struct sv path);

#endif
