/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell: what runs in simulated containers that no engine knows: a small set of commands (echo,
 * cat, ls, env, test, sleep, tar, …) and scripts of them (sh -c), over files that live as long as
 * the container. It is an engine of the world, and tells what a container's own command printed,
 * which is the container's log. Pure; a sleep passes virtual time.
 *
 * Scripts: words with quotes, $NAME, ";", "&&", "||", "|", ">", ">>", "<", exit. No if, for or
 * while: such a script fails with exit code 2 and says so.
 */
#ifndef FAKEAPI_CLUSTER_SHELL_H
#define FAKEAPI_CLUSTER_SHELL_H

#include "core/base/base.h"
#include "core/base/sv.h"
#include "fakeapi/cluster/world.h"

struct shell; /* opaque */

enum {
    /* Of what commands wrote into one container. */
    SHELL_FILE_BYTES_MAX = 16 * 1024 * 1024,
    SHELL_FILES_MAX = 4096,
    SHELL_OUTPUT_BYTES_MAX = 16 * 1024 * 1024,
    SHELL_WORDS_MAX = 4096,
    SHELL_STEPS_MAX = 10000, /* commands in one script */
    SHELL_DEPTH_MAX = 32,    /* scripts that run scripts */
    SHELL_MEMORY_BYTES_MAX = 128 * 1024 * 1024,
};

/* Adds itself to the world as the last engine to ask. */
struct shell *shell_new(struct world *world);
/* Accepts NULL. */
void shell_free(struct shell *shell);
DEFINE_AUTO(shell)

/* What the container's command printed, and whether it ends by itself. In `arena`. */
struct sv shell_log(struct shell *shell, const struct cJSON *pod, struct sv container,
                    struct arena *arena);

#endif
