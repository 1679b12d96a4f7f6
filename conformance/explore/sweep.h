/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep: all single faults at every request that the controller sends in a scenario, or pairs of
 * them: which there are, how they are numbered, and how they are written. Pure.
 */
#ifndef CONFORMANCE_EXPLORE_SWEEP_H
#define CONFORMANCE_EXPLORE_SWEEP_H

#include "conformance/scenario/scenario.h"
#include "core/base/base.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;
struct error;

enum { SWEEP_POINTS_MAX = 8 };

/* The kinds of single faults, from 0 on, and one of them at the nth request like that one. */
size_t sweep_kind_count(void);
struct sv sweep_kind_text(size_t kind);
/* The server carries the request out, and the controller need not send it again. */
bool sweep_kind_has_effect(size_t kind);
struct fault sweep_fault(size_t kind, const struct request_pattern *request, uint64_t nth);

/* Faults that strike the n-th request of the controller each. */
struct sweep_case {
    struct {
        size_t kind;  /* row of the table of faults */
        uint64_t nth; /* from 1 */
    } points[SWEEP_POINTS_MAX];
    size_t point_count;
};

/* How many single faults there are for so many requests; single 0 … count - 1. */
uint64_t sweep_single_count(uint64_t requests);
struct sweep_case sweep_single(uint64_t number);
/* A pair for each number, drawn from the seed. */
struct sweep_case sweep_pair(uint64_t seed, uint64_t number, uint64_t requests);

/* "api.status(409)@12", joined by "+". */
struct sv sweep_text(const struct sweep_case *sweep, struct arena *arena);
MUST_CHECK bool sweep_parse(struct sv text, struct sweep_case *ret_sweep, struct error *err);

/* The scenario with these faults behind its own; ERROR_TOO_LARGE when it has too many already.
 * Lives in `arena` and borrows from `scenario`. */
MUST_CHECK bool sweep_apply(const struct scenario *scenario, const struct sweep_case *sweep,
                            struct arena *arena, struct scenario *ret_scenario, struct error *err);
/* As a file that needs no other: objects of files stand in it. */
struct cJSON *sweep_file(const struct scenario *scenario, const struct sweep_case *sweep,
                         struct arena *arena);

#endif
