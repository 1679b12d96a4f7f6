/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step_clock: for LD_PRELOAD. The program's wall clock is as many seconds ahead as the file that
 * STEP_CLOCK_FILE names says, at this moment; its other clocks go on. So a test sets one process's
 * wall clock while all others keep theirs.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long read_step(void) {
    const char *path = getenv("STEP_CLOCK_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    long seconds = 0;
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &seconds) != 1)
        seconds = 0;
    fclose(file);
    return seconds;
}

int clock_gettime(clockid_t id, struct timespec *ret_time) {
    int result = (int)syscall(SYS_clock_gettime, id, ret_time);
    if (result == 0 && id == CLOCK_REALTIME)
        ret_time->tv_sec += read_step();
    return result;
}
