/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem: whether a text of certificates or keys was copied whole. What is in them is for the TLS
 * library to judge, which only says so when the first connection is made.
 */
#ifndef CORE_PLATFORM_PEM_H
#define CORE_PLATFORM_PEM_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* What is wrong with the blocks of `text` (RFC 7468), as the end of a sentence that begins with
 * where it stands; NULL: nothing. */
const char *pem_problem(struct sv text);

#endif
