/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trouble: what stands in the way of those who talk to a server elsewhere, such as a permission or
 * a server that is away, fails again with every try. Whoever logs it asks here first: it is told
 * when it begins, and once a minute while it lasts. Pure.
 */
#ifndef FAKEAPI_CLUSTER_TROUBLE_H
#define FAKEAPI_CLUSTER_TROUBLE_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* Within a minute that many causes are told; more are not, since one is behind most of them. */
enum { TROUBLE_CAUSES_MAX = 16, TROUBLE_TELL_MS = 60 * 1000 };

/* By value in its owner; zeroed, nothing was told. */
struct trouble {
    struct {
        uint64_t cause;
        int64_t until_ms;
    } told[TROUBLE_CAUSES_MAX];
};

/* Whether it is to be told now; if so it counts as told. Lines of one cause are the same to who
 * reads them. */
bool trouble_is_due(struct trouble *trouble, struct sv cause, int64_t now_ms);

#endif
