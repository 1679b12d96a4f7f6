/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_class.h"

#include "core/base/arena.h"

static const char format[] =
    "apiVersion: data.fluid.io/v1alpha1\n"
    "kind: CacheRuntimeClass\n"
    "metadata: {name: %.*s}\n"
    "fileSystemType: bench\n"
    "topology:\n"
    "  master:\n"
    "    service: {headless: {}}\n"
    "    executionEntries: %.*s\n"
    "    template:\n"
    "      spec: {containers: [{name: master, image: registry.example/bench:1}]}\n"
    "  worker:\n"
    "    service: {headless: {}}\n"
    "    template:\n"
    "      spec: {containers: [{name: worker, image: registry.example/bench:1}]}\n"
    "  client:\n"
    "    template:\n"
    "      spec:\n"
    "        containers:\n"
    "        - name: client\n"
    "          image: registry.example/bench:1\n"
    "          securityContext: {privileged: true}\n";

struct sv bench_class(struct arena *arena, struct sv name, struct sv entries) {
    return arena_printf(arena, format, SV_ARG(name), SV_ARG(entries));
}
