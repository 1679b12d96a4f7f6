/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: the files through which the harness and crctl-sim-cli talk across the wall of the
 * sandbox. All are below SIM_FOLDER; the harness prepares and reads them from outside.
 */
#ifndef CONFORMANCE_SANDBOX_WIRE_H
#define CONFORMANCE_SANDBOX_WIRE_H

#define SIM_FOLDER "/.sim"
#define SIM_CLI SIM_FOLDER "/cli"   /* this program */
#define SIM_HOST SIM_FOLDER "/host" /* the host's /usr/bin */
/* {"programs": […]} as in kind Simulation. */
#define SIM_PROGRAMS SIM_FOLDER "/programs.json"
#define SIM_RUN SIM_FOLDER "/run" /* of this run, writable */
/* {"fault": "…", "budgetMs": n, "isStart": b, "watches": b} */
#define SIM_CALL SIM_RUN "/call.json"
/* {"elapsedMs": n, "tables": {…}} */
#define SIM_STATE SIM_RUN "/state.json"
#define SIM_LOCK SIM_RUN "/lock"
/* One JSON object a line: {"call": …} {"injected": …} {"exit": n} {"signal": n} {"orphan": …}
 * {"cmdline": …} {"serves": true} {"timedOut": true} {"tooLong": true} */
#define SIM_LOG SIM_RUN "/log"
/* Exists once a process of the run waits past its virtual time. */
#define SIM_OVERTIME SIM_RUN "/overtime"

/* Names that crctl-sim-cli answers to by itself. */
#define SIM_INIT "script-init"
#define SIM_INJECTED "script-injected"

/* How far `timeout` lets its command go, in virtual milliseconds, and its process. */
#define SIM_DEADLINE "SCRIPT_SIM_DEADLINE"
#define SIM_DEADLINE_PID "SCRIPT_SIM_DEADLINE_PID"

#endif
