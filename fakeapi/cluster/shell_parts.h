/* SPDX-License-Identifier: Apache-2.0 */
/* shell_parts: the structs that the files of the shell share. Not for others. */
#ifndef FAKEAPI_CLUSTER_SHELL_PARTS_H
#define FAKEAPI_CLUSTER_SHELL_PARTS_H

#include "core/base/buf.h"
#include "core/base/vec.h"
#include "fakeapi/cluster/shell.h"

struct arena;
struct map;

struct shell_file {
    struct sv path; /* absolute, without a slash at its end */
    bool is_folder;
    int64_t mode;
    struct sv bytes;
};

/* The files of one container. */
struct shell_disk {
    struct arena *arena;
    VEC(struct shell_file) files;
    size_t bytes;
};

/* One command or script that runs. */
struct shell_job {
    struct arena *arena;
    struct shell_disk *disk;
    struct map *environment; /* of struct sv * in the arena */
    const struct cJSON *pod;
    size_t steps;
    size_t depth;            /* of scripts within scripts */
    size_t memory_bytes_max; /* of the arena: what it may hold at the end */
    int64_t duration_ms;
    bool is_exiting; /* "exit" was run */
    bool is_beyond;  /* it asked for a program or for syntax that is not here */
};

struct shell_io {
    struct sv input;
    struct buf *output, *errors;
};

enum { SHELL_NOT_FOUND = 127, SHELL_SYNTAX = 2 };

/* The exit code. */
int shell_command(struct shell_job *job, const struct sv *words, size_t count,
                  const struct shell_io *io);
bool shell_knows(struct sv name);
int shell_script(struct shell_job *job, struct sv script, const struct shell_io *io);

/* Absolute, with "." and ".." resolved. */
struct sv shell_path(struct arena *arena, struct sv path);
struct shell_file *shell_find(struct shell_disk *disk, struct sv path);
bool shell_is_folder(struct shell_disk *disk, struct sv path);
/* False when the container's disk is full. */
bool shell_put(struct shell_disk *disk, const struct shell_file *file);
void shell_remove(struct shell_disk *disk, struct sv path);

/* tar, for kubectl cp: "cf - PATH…" and "-xmf - -C FOLDER". */
int shell_tar(struct shell_job *job, const struct sv *words, size_t count,
              const struct shell_io *io);

#endif
