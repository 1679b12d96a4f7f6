/* SPDX-License-Identifier: Apache-2.0 */
/*
 * election: which of several replicas works: the one that holds a Lease, by client-go's rules, so
 * that replicas of other programs that follow them understand each other. Pure: it starts requests
 * on a transport and is told what arrived and what time it is.
 *
 * Two clocks: `now_ms` only ever moves forward and decides; `wall_ms` is written into the lease
 * for people. Replicas never compare clocks: a lease has ended when nobody saw it change for its
 * duration.
 */
#ifndef CORE_CLIENT_ELECTION_H
#define CORE_CLIENT_ELECTION_H

#include "core/base/base.h"
#include "core/base/sv.h"

struct completion;
struct election; /* opaque */
struct error;
struct transport;

struct election_options {
    struct transport *transport; /* borrowed */
    struct sv namespace_name, name;
    struct sv identity; /* of this replica; no other ever has it */
    int64_t lease_ms;   /* after that without a sign of life others take over */
    int64_t renew_ms;   /* after that without a renewal the holder stops; less than lease_ms */
    int64_t retry_ms;   /* between attempts */
    uint64_t seed;      /* jitter of attempts */
};

/* Texts are copied. */
struct election *election_new(const struct election_options *options);
/* Accepts NULL. The lease is not given back: see election_release(). */
void election_free(struct election *election);

/* Starts what is due; returns its next deadline on now_ms' clock. Call it before anything is
 * written in a turn: it is what notices that the lease was lost. */
int64_t election_step(struct election *election, int64_t now_ms, int64_t wall_ms);
/* True when the completion was for us, and is handled. */
bool election_take(struct election *election, const struct completion *completion, int64_t now_ms);

bool election_is_leading(const struct election *election);
/* Who holds the lease as far as we know, or SV(""). */
struct sv election_leader(const struct election *election);
/* What the last attempt met, or NULL when it met nothing wrong. */
const struct error *election_trouble(const struct election *election);

/* Stops leading and gives the lease back, so that another replica need not wait for its end. */
void election_release(struct election *election, int64_t wall_ms);
/* A release is under way. */
bool election_is_releasing(const struct election *election);

#endif
