/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_run: one run of a vendor's script in a simulated container: what goes in, what comes
 * out. A run is a function of its input: the same input gives the same outcome, whatever the
 * machine does meanwhile; time in it is virtual. Who runs it is handed in as a script_runner
 * (conformance/sandbox is the one), so that checks stay pure.
 */
#ifndef CONFORMANCE_SCRIPT_SCRIPT_RUN_H
#define CONFORMANCE_SCRIPT_SCRIPT_RUN_H

#include "core/base/base.h"
#include "core/base/error.h"
#include "core/base/sv.h"

struct arena;
struct cJSON;

enum {
    SCRIPT_FILES_MAX = 4096,
    SCRIPT_LAYER_BYTES_MAX = 16 * 1024 * 1024, /* all that a container may have written */
    SCRIPT_OUTPUT_BYTES_MAX = 1024 * 1024,     /* contract.md §5 */
    SCRIPT_TIMEOUT_MS_DEFAULT = 20 * 1000,
};

enum script_file_type { SCRIPT_FILE, SCRIPT_DIRECTORY, SCRIPT_LINK };
struct script_file {
    enum script_file_type type;
    struct sv path; /* absolute */
    unsigned mode;
    struct sv bytes; /* content; of a link its target */
};

/* What a container keeps between two runs: files in order of their paths, and the engine's tables
 * (simulation_play.h), which may be NULL for empty. */
struct script_state {
    const struct script_file *files;
    size_t file_count;
    const struct cJSON *tables;
};

/* What goes wrong with the engine's programs. */
enum script_fault {
    SCRIPT_FAULT_NONE,
    SCRIPT_FAULT_FAIL,   /* a call that would change something fails instead */
    SCRIPT_FAULT_HANG,   /* every call waits for ever */
    SCRIPT_FAULT_ABSENT, /* they are not installed */
};

struct script_variable {
    struct sv name, value;
};

/* Where the container's user may write. */
enum script_writes {
    SCRIPT_WRITES_ANYWHERE, /* root, or a user that is not known */
    SCRIPT_WRITES_OWN,      /* its volumes, what the image gives it (Simulation's folders), /tmp */
    SCRIPT_WRITES_VOLUMES,  /* its volumes: the root file system is read-only */
};

struct script_run {
    const struct sv *command;
    size_t command_count;
    const struct script_variable *variables;
    size_t variable_count;
    struct sv working_directory; /* "" is / */
    struct sv host_name;         /* the pod's */
    /* Volumes that cannot be written: ConfigMaps and Secrets. Their files are in no state. */
    const struct script_file *volume_files;
    size_t volume_file_count;
    const struct sv *read_only_paths; /* where they are mounted */
    size_t read_only_count;
    /* Folders that exist before: emptyDirs, tier paths. */
    const struct sv *folders;
    size_t folder_count;
    enum script_writes writes;
    struct sv writer;                /* for messages: "user 1000"; "" where anything is written */
    const struct sv *writable_paths; /* those of the folders whose volume that user may write */
    size_t writable_count;
    struct script_state before;
    bool has_stdin;
    struct sv stdin_bytes;
    bool is_start; /* the container's own process: a program that serves ends the run well */
    bool watches_command_lines;
    enum script_fault fault;
    int64_t timeout_ms; /* virtual */
    size_t output_bytes_max;
};

#define SCRIPT_ENDS(X)                                                                             \
    X(EXITED, "exited")                                                                            \
    X(SIGNALLED, "was killed by a signal")                                                         \
    X(TIMED_OUT, "did not end in time")              /* virtual */                                 \
    X(KILLED, "ran for too long and was killed")     /* it computes or waits without end */        \
    X(TOO_MUCH_OUTPUT, "printed more than is taken") /* stdout or stderr */                        \
    X(TOO_MUCH_WRITTEN, "wrote more than fits")      /* files */
#define X(name, text) SCRIPT_##name,
enum script_end { SCRIPT_ENDS(X) };
#undef X
struct sv script_end_text(enum script_end end);

/* A call of a simulated program. */
struct script_call {
    struct sv program;
    const struct sv *args;
    size_t arg_count;
    bool is_unknown; /* no rule of the simulation fits */
    bool has_effect;
};

struct script_outcome {
    enum script_end end;
    int exit_code; /* with SCRIPT_EXITED */
    int signal_number;
    struct sv stdout_bytes, stderr_bytes;
    const struct script_call *calls;
    size_t call_count;
    bool is_serving;             /* a program of the engine took over */
    const struct sv *injections; /* arguments of `script-injected`, which no script should call */
    size_t injection_count;
    const struct sv *command_lines; /* seen while programs ran, when they were watched */
    size_t command_line_count;
    const struct sv *orphans; /* processes that were left */
    size_t orphan_count;
    int64_t duration_ms; /* virtual */
    /* Why it may have failed: what it would have written and may not, "user 1000 cannot write
     * /opt/x: …"; SV("") without such a thing. */
    struct sv denial;
    struct script_state after;
};

/* The program that injected text calls to be noticed. */
#define SCRIPT_INJECTED "script-injected"

struct script_runner {
    /* False when the run could not be made at all: ERROR_UNSUPPORTED says what to install or
     * allow. The outcome lives in `arena`. */
    bool (*run)(void *context, const struct script_run *run, struct arena *arena,
                struct script_outcome *ret_outcome, struct error *err);
    void *context;
};

/* Exit status 0. */
bool script_succeeded(const struct script_outcome *outcome);
/* "exited with status 1; stderr: …; user 1000 cannot write …", for messages; long output is cut.
 */
struct sv script_describe(const struct script_outcome *outcome, struct arena *arena);

#endif
