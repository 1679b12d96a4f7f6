/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/sandbox/parallel.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

struct parallel_job {
    pthread_t thread;
    bool has_thread;
    void (*run)(void *context);
    void *context;
};

size_t parallel_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    size_t count = (size_t)CPU_COUNT(&set);
    return count < 1 ? 1 : count > PARALLEL_WORKERS_MAX ? PARALLEL_WORKERS_MAX : count;
}

static void *run_job(void *context) {
    struct parallel_job *job = context;
    job->run(job->context);
    return NULL;
}

struct parallel_job *parallel_start(void (*run)(void *context), void *context) {
    struct parallel_job *job = mem_alloc(sizeof(*job));
    job->run = run;
    job->context = context;
    job->has_thread = pthread_create(&job->thread, NULL, run_job, job) == 0;
    if (!job->has_thread)
        run(context);
    return job;
}

void parallel_join(struct parallel_job *job) {
    if (!job)
        return;
    if (job->has_thread)
        (void)pthread_join(job->thread, NULL);
    mem_free(job);
}

struct queue {
    atomic_size_t next;
    size_t count;
    void (*run)(void *context, size_t index);
    void *context;
};

static void work(void *context) {
    struct queue *queue = context;
    for (;;) {
        size_t index = atomic_fetch_add(&queue->next, 1);
        if (index >= queue->count)
            return;
        queue->run(queue->context, index);
    }
}

void parallel_each(size_t count, size_t worker_count, void (*run)(void *context, size_t index),
                   void *context) {
    struct queue queue = {.count = count, .run = run, .context = context};
    struct parallel_job *jobs[PARALLEL_WORKERS_MAX] = {0};
    for (size_t i = 1; i < worker_count && i < COUNT_OF(jobs) && i < count; i++)
        jobs[i] = parallel_start(work, &queue);
    work(&queue);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        parallel_join(jobs[i]);
}
