/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crds: the CustomResourceDefinitions of CacheRuntimeClass, CacheRuntime and Dataset, as JSON
 * texts that the build makes from core/api/crds/ (references to Kubernetes' types expanded).
 */
#ifndef CORE_API_CRDS_H
#define CORE_API_CRDS_H

#include "core/base/base.h"
#include "core/base/sv.h"

size_t crd_count(void);
/* `index` is below crd_count(). Lives for ever. */
struct sv crd_text(size_t index);

#endif
