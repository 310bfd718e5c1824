/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/executor.c  A queue of jobs and the threads that work it off.
 *
 *      queued --thread takes--> running --fn ends--> posted to the loop's inbox --loop--> freed
 *         |
 *         +--wait cut short--> taken off the queue, disposed of, freed
 *
 * A job whose wait was cut while it ran stays with its thread; the loop, or the thread if the loop has closed by then,
 * disposes of it. Threads are detached and touch only static memory after their last job, so the end of the process
 * needs no join; releasing the last hold waits for all that are not inside of a job.
 */
#include "core/executor.h"

#include <limits.h>
#include <sched.h>

#include "core/error.h"
#include "core/list.h"
#include "core/sys.h"
#include "core/task.h"

#define THREADS_MOST 32         /* and not more than CPUs + 4, as asyncio's default executor */
#define THREAD_STACK ((size_t)256 * 1024)       /* getaddrinfo with its plugins wants more than the minimum */

struct job {
    struct inbox_item item;
    struct list link;           /* on the queue; on no list otherwise */
    struct inbox *inbox;
    weir_task *waiter;          /* NULL: the wait was cut short. The loop's to read and write */
    int (*fn)(void *arg);
    void *arg;
    void (*dispose)(void *arg);
    int result;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, gone = PTHREAD_COND_INITIALIZER;
static struct list queue = { &queue, &queue };
static unsigned holds, threads, idle, queued, inside;   /* inside: threads in the fn of a job */

void weir__executor_hold(void)
{
    pthread_mutex_lock(&lock);
    holds++;
    pthread_mutex_unlock(&lock);
}

void weir__executor_release(void)
{
    pthread_mutex_lock(&lock);
    if (--holds == 0) {
        pthread_cond_broadcast(&work);
        while (threads > inside && holds == 0)  /* one that has delivered its result may still be on its way back */
            pthread_cond_wait(&gone, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void free_job(struct job *job)
{
    weir__inbox_unref(job->inbox);
    sys_free(job);
}

static void dispose(struct job *job)
{
    if (job->dispose != NULL)
        job->dispose(job->arg);
    free_job(job);
}

/* On the loop's thread: the job is done. */
static void deliver(struct inbox_item *item)
{
    struct job *job = list_entry(item, struct job, item);
    weir_task *waiter = job->waiter;

    if (waiter == NULL) {
        dispose(job);
        return;
    }
    job->waiter = NULL;
    weir__task_wake(waiter, 0);                 /* which reads the result and frees the job */
}

/* The loop closes with the result undelivered; its tasks are gone, and with them whoever waited. */
static void drop(struct inbox_item *item)
{
    dispose(list_entry(item, struct job, item));
}

static void *work_off(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (list_empty(&queue) && holds > 0) {
            idle++;
            pthread_cond_wait(&work, &lock);
            idle--;
        }
        if (list_empty(&queue))
            break;
        struct job *job = list_entry(list_take_first(&queue), struct job, link);
        queued--;
        inside++;
        pthread_mutex_unlock(&lock);

        job->result = job->fn(job->arg);
        pthread_mutex_lock(&lock);
        inside--;
        pthread_mutex_unlock(&lock);
        if (weir__inbox_post(job->inbox, &job->item) < 0)
            dispose(job);
        pthread_mutex_lock(&lock);
    }
    threads--;
    pthread_cond_broadcast(&gone);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* With the lock held: one thread more if too few are idle. Fails only if there is no thread at all to do the work. */
static int add_thread(void)
{
    static unsigned most;
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    if (most == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        most = cpus > 0 && cpus + 4 < THREADS_MOST ? (unsigned)cpus + 4 : THREADS_MOST;
    }
    if (idle >= queued || threads == most)      /* each idle one takes one of the queued, which may need each other */
        return 0;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    sigfillset(&all);                           /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = sys_thread(&thread, &attr, work_off, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (code == 0)
        threads++;
    return threads > 0 ? 0 : code;
}

static int submit(struct job *job)
{
    pthread_mutex_lock(&lock);
    list_append(&queue, &job->link);
    queued++;
    int code = add_thread();
    if (code == 0) {
        pthread_cond_signal(&work);
    } else {
        list_remove(&job->link);
        queued--;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

/* Whether the job was still queued and will never run. */
static bool withdraw(struct job *job)
{
    pthread_mutex_lock(&lock);
    bool in_queue = !list_empty(&job->link);
    if (in_queue)
        queued--;
    list_remove(&job->link);
    pthread_mutex_unlock(&lock);
    return in_queue;
}

/* A failure before fn could begin: @arg is disposed of, as after any wait that gave no result. */
static int not_begun(int code, void *arg, void (*dispose_arg)(void *), bool *disposed)
{
    if (dispose_arg != NULL)
        dispose_arg(arg);
    if (disposed != NULL)
        *disposed = dispose_arg != NULL;
    return code;
}

int weir__executor_run(weir_loop *loop, int (*fn)(void *), void *arg, void (*dispose_arg)(void *), bool *disposed)
{
    weir_task *task = weir__task_current();

    if (weir__loop_foreign(loop) || (task != NULL && task->loop != loop))
        return not_begun(weir__fail_text(WEIR_ESTATE, "called from a thread that does not run this loop"), arg,
                         dispose_arg, disposed);
    if (task == NULL)
        return not_begun(weir__fail(WEIR_ENOTASK), arg, dispose_arg, disposed);

    struct job *job = sys_malloc(sizeof *job);
    if (job == NULL)
        return not_begun(weir__fail(-ENOMEM), arg, dispose_arg, disposed);
    *job = (struct job) {
        .item = { .run = deliver, .drop = drop }, .inbox = weir__inbox_ref(loop->inbox), .waiter = task,
        .fn = fn, .arg = arg, .dispose = dispose_arg,
    };
    list_init(&job->link);
    int code = submit(job);
    if (code < 0) {
        free_job(job);
        return not_begun(weir__fail_text(code, "no thread for blocking work: %s", weir_strerror(code)), arg, dispose_arg,
                         disposed);
    }

    code = weir__task_wait(WAIT_EXECUTOR, job, FOREVER);
    if (job->waiter == NULL) {
        weir__task_keep_cancel(code);
        code = job->result;                     /* delivered; a cancel that came at the same time is met by the next wait */
        free_job(job);
        if (disposed != NULL)
            *disposed = false;
        return code;
    }
    job->waiter = NULL;
    if (disposed != NULL)
        *disposed = true;
    if (withdraw(job))
        dispose(job);
    return code;
}

int weir_loop_run_in_executor(weir_loop *loop, int (*fn)(void *), void *arg)
{
    int code = weir__executor_run(loop, fn, arg, NULL, NULL);

    return code < 0 ? weir__fail(code) : code;
}
