/* SPDX-License-Identifier: Apache-2.0 */
/* tools: what crctl-sim-cli does under each of its names; the result is the exit status. */
#ifndef CONFORMANCE_SANDBOX_CLI_TOOLS_H
#define CONFORMANCE_SANDBOX_CLI_TOOLS_H

#include "core/base/base.h"
#include "core/base/sv.h"

/* What this program does under the name argv[0]. */
int tool_run(int argc, char **argv);

/* A program of the engine. */
int run_program(int argc, char **argv);

/* What a shell tells of a status from waitpid(). */
int tool_status_of(int wait_status);
/* Becomes a program; what goes wrong is said and ends the process as it would a shell's. */
void tool_exec(char **argv);

/* Runs a command as the container's process and logs how it ended and what it left behind. */
int tool_init(int argc, char **argv);
/* Cost virtual time instead of real time. */
int tool_sleep(int argc, char **argv);
int tool_timeout(int argc, char **argv);
/* Tells virtual time. */
int tool_date(int argc, char **argv);
/* Following a file never ends; anything else is the host's tail. */
int tool_tail(int argc, char **argv);
/* Called by text that a script took for commands. */
int tool_injected(int argc, char **argv);

#endif
