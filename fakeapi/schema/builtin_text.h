/* SPDX-License-Identifier: Apache-2.0 */
/* builtin_text: files of data/ as JSON texts, for answers that are made from them. Written by the
 * build; see data/README.md for what they hold. */
#ifndef FAKEAPI_SCHEMA_BUILTIN_TEXT_H
#define FAKEAPI_SCHEMA_BUILTIN_TEXT_H

#include "core/base/sv.h"

extern const struct sv builtin_text_discovery;   /* {"api": …, "apis": …}, both aggregated */
extern const struct sv builtin_text_definitions; /* definition name -> schema */
/* Plural of rbac.authorization.k8s.io -> objects, to be created in this order. */
extern const struct sv builtin_text_rbac_defaults;

#endif
