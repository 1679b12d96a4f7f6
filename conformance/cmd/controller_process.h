/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller_process: cacheruntime-controller as a child of crctl, which reads its kubeconfig and
 * writes its log to files of ours. It ends with crctl, however crctl ends.
 */
#ifndef CONFORMANCE_CMD_CONTROLLER_PROCESS_H
#define CONFORMANCE_CMD_CONTROLLER_PROCESS_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "core/platform/event_loop.h"

struct arena;
struct controller_process; /* opaque */
struct error;

struct controller_process_options {
    struct event_loop *loop; /* borrowed */
    struct sv program;       /* controller_process_find()'s */
    struct sv kubeconfig, context;
    struct sv log_path;
    struct sv namespace_name; /* the only one that is served; SV(""): all */
    uint64_t seed;
    struct test_clock clock; /* factor 0: the system's */
};

/* The program: `named` when it is not empty, else the one beside crctl, else that of PATH. */
MUST_CHECK bool controller_process_find(struct arena *arena, struct sv named,
                                        struct sv *ret_program, struct error *err);

/* Texts of the options are copied. */
struct controller_process *
controller_process_start(const struct controller_process_options *options, struct error *err);
/* Kills it where it stands. Accepts NULL. */
void controller_process_free(struct controller_process *process);
/* Asks it to end, and kills it when it takes longer than that. */
void controller_process_end(struct controller_process *process, int64_t patience_ms);

/* It ended by itself: `err` says how, with the last line of its log. */
bool controller_process_has_ended(const struct controller_process *process, struct error *err);

#endif
