/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/explore/generated_worlds.h"

const struct generated_world generated_worlds[GENERATED_WORLDS] = {{3, 5000}, {10, 5000}};
