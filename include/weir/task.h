/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/task.h>  A task: a function with a stack of its own, which can wait.
 *
 * A task runs until it calls something that has to wait; then another one runs
 * on the same thread. Those calls are marked [suspends], and nowhere else does
 * a task stop.
 *
 * Every [suspends] function may return, besides what it lists,
 *      -ECANCELED    this task was cancelled before or while it waited
 *      -ETIMEDOUT    an enclosing weir_timeout ran out
 *      WEIR_ENOTASK  it would have to wait, and was not called from a task
 *      -ENOMEM       a time limit counts, and there was no memory for its timer
 * and, unless it says otherwise, it then took and changed nothing. Each of them
 * returns at once, without letting another task run, when there is nothing to
 * wait for.
 *
 * Loop      A task belongs to the loop that was running when it was made and
 *           never changes threads. Call these functions only from that loop's
 *           thread.
 * Owner     A weir_task is counted: weir_create_task() gives its caller one
 *           reference, dropped with weir_task_unref(). A task that runs needs
 *           no reference to go on.
 * Bytes     What @arg points to is the caller's and has to live until the task
 *           is done: the task starts when the caller's frame may be gone.
 */
#ifndef WEIR_TASK_H
#define WEIR_TASK_H

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A function that runs on a stack of its own, and its result. */
typedef struct weir_task weir_task;

/* --- Making tasks -------------------------------------------------------- */

/*
 * Start a function as a task of the running loop.
 *
 * Its first step is made on a later pass, never inside this call. A negative
 * result is for whoever asks for it with weir_task_join() or
 * weir_task_result(); nobody else is told.
 *
 * fn       returns the task's result: 0 or more, or a negative code
 * arg      handed to @fn; has to be valid until the task is done
 * returns  the task, with one reference, which the caller drops with
 *          weir_task_unref(); NULL outside of a running loop, or without memory
 *          for it or for its stack
 * asyncio  asyncio.create_task, and ensure_future
 */
weir_task *weir_create_task(int (*fn)(void *), void *arg);

/*
 * Start a function as a task that nobody will ask about.
 *
 * As weir_create_task(), with no handle. A negative result goes to the loop's
 * exception handler, except -ECANCELED.
 *
 * fn       returns 0 or more, or a negative code
 * arg      handed to @fn; has to be valid until the task is done
 * returns  0, or
 *          WEIR_ESTATE  no loop is running on this thread
 *          -ENOMEM      no memory for the task or for its stack
 * asyncio  asyncio.create_task, whose task is not kept: here it is never lost
 */
int weir_spawn(int (*fn)(void *), void *arg);

/* --- Results ------------------------------------------------------------- */

/*
 * Wait until a task is done, and take its result.                    [suspends]
 *
 * Any number of tasks may wait for one, before or after it is done; the result
 * stays. Cancelling a task that waits here cancels @task too, as awaiting does,
 * and so does an enclosing deadline: its end is waited for in any case.
 *
 * task     of the same loop; a reference is held while the call waits
 * returns  the task's result, which is -ECANCELED when it was cancelled and let
 *          itself be. Whether a negative code is its result or this call's own
 *          failure, weir_task_done() tells.
 *          WEIR_ESTATE  @task is the calling task, or waits for it, directly or
 *                       through others, or has it as a member of a task group;
 *                       or it is another loop's
 * asyncio  await task
 */
int weir_task_join(weir_task *task);

/*
 * Ask a task to end.
 *
 * The call in which it waits, or else the next one that has to wait, returns
 * -ECANCELED, once: calls after that wait again. A task that has not begun
 * never runs, and its result is -ECANCELED. A task may clean up first, or
 * ignore the request and end with a result of its own, as one does that cancels
 * itself and then ends without waiting.
 *
 * returns  true when the request was made; false when the task was done already
 * asyncio  Task.cancel
 */
bool weir_task_cancel(weir_task *task);

/*
 * Whether a task has its result.
 *
 * returns  true from the moment its function returned, or it was cancelled
 *          before it began
 * asyncio  Task.done
 */
bool weir_task_done(const weir_task *task);

/*
 * The result of a task that is done.
 *
 * returns  what its function returned, -ECANCELED when it was cancelled before
 *          it began, or
 *          WEIR_ESTATE  it is not done yet
 * asyncio  Task.result; reading early is InvalidStateError there
 */
int weir_task_result(const weir_task *task);

/* --- Names and references ------------------------------------------------ */

/*
 * Give a task a name, for logs and for people.
 *
 * name     copied; NULL: none again
 * returns  0, or
 *          -ENOMEM  no memory for the copy; the name is as before
 * asyncio  Task.set_name
 */
int weir_task_set_name(weir_task *task, const char *name);

/*
 * The name of a task.
 *
 * returns  the name; valid until the next weir_task_set_name(), and as long as
 *          the task; never NULL, "" when it was given none
 * asyncio  Task.get_name; there an unnamed task gets a number
 */
const char *weir_task_name(const weir_task *task);

/*
 * Take one more reference.
 *
 * returns  @task, which now stays valid until one more weir_task_unref()
 * beyond asyncio  (Python counts by itself)
 */
weir_task *weir_task_ref(weir_task *task);

/*
 * Drop a reference.
 *
 * The task itself is not disturbed: it runs to its end. The handle must not be
 * used after its last reference was dropped.
 *
 * task     NULL does nothing
 * beyond asyncio  (Python counts by itself)
 */
void weir_task_unref(weir_task *task);

/*
 * The task that is running.
 *
 * returns  borrowed: valid until that task is done, longer with
 *          weir_task_ref(); NULL outside of a task
 * asyncio  asyncio.current_task
 */
weir_task *weir_current_task(void);

/* --- Waiting ------------------------------------------------------------- */

/*
 * Wait for some time.                                                [suspends]
 *
 * Never returns 0 early. The clock is the monotonic one: setting the wall clock
 * changes nothing.
 *
 * seconds  0 or less waits exactly one pass, as weir_yield() does
 * returns  0, or
 *          -EINVAL  @seconds is not a number
 * asyncio  asyncio.sleep
 */
int weir_sleep(double seconds);

/*
 * Let everything else that is ready run, for one pass.               [suspends]
 *
 * The loop polls its descriptors before this task goes on. A handler that
 * computes for long calls it now and then.
 *
 * returns  0
 * asyncio  asyncio.sleep(0)
 */
int weir_yield(void);

/* --- Waiting for several ------------------------------------------------- */

/*
 * Wait until some tasks are done, or the first of them fails.        [suspends]
 *
 * The tasks run side by side in any case; this only waits. With the first
 * negative result the call returns, and the others go on. Whoever wants all
 * results, failures included, joins the tasks one after the other.
 *
 * When the calling task is cancelled, or its time runs out, all tasks that are
 * not done are cancelled, and the call returns when each of them has ended: what
 * they use may be in the caller's frame.
 *
 * tasks    of this loop; references are held while the call waits. One may
 *          stand there twice
 * count    0: there is nothing to wait for
 * results  @count results in the order of @tasks, WEIR_ESTATE for one that is
 *          not done; written when the tasks were waited for, failures included,
 *          untouched with -EINVAL, WEIR_ESTATE, WEIR_ENOTASK and -ENOMEM. NULL:
 *          not wanted
 * returns  0 when every result is 0 or more, or
 *          a task's code  of the first that failed, in time; among those that
 *                         were done before the call, the first in @tasks
 *          -ECANCELED     the calling task was cancelled, or the first to fail
 *                         was
 *          -EINVAL        one of @tasks is NULL
 *          WEIR_ESTATE    one is the calling task, or waits for it, directly or
 *                         through others; or it is another loop's
 *          -ENOMEM        no memory; the tasks go on
 * asyncio  asyncio.gather; there a cancelled gather ends with the first of its
 *          tasks. return_exceptions=True is to join each
 */
int weir_gather(weir_task *const *tasks, size_t count, int *results);

/*
 * Run a function as a task of its own, for some time at most.        [suspends]
 *
 * When the time is over the task is cancelled, and the call returns when it has
 * ended. So nothing of it is left behind, and @arg may be in the caller's frame.
 * Cancelling the calling task cancels @fn's, as joining does.
 *
 * fn       returns the result
 * arg      handed to @fn
 * timeout  seconds, from now; 0: @fn is not run at all; negative: no limit
 * returns  what @fn returned, also when the time was over and it did not end
 *          with -ECANCELED, or
 *          -ETIMEDOUT  the time was over, or an enclosing weir_timeout ran out
 *          -ECANCELED  the calling task was cancelled, or @fn ended with that
 *          -EINVAL     @timeout is not a number
 *          -ENOMEM     no memory for the task, its stack, or its time limit
 * asyncio  asyncio.wait_for(fn(arg), timeout); None is a negative number here,
 *          and there is no time that has passed already but 0
 */
int weir_wait_for(int (*fn)(void *), void *arg, double timeout);

/*
 * Wait until a task is done, and spare it when this wait is cut short.
 *                                                                    [suspends]
 *
 * As weir_task_join(), but a cancel of the calling task, or its deadline, ends
 * the call alone: @task goes on.
 *
 * task     of the same loop; a reference is held while the call waits
 * returns  the task's result. Whether -ECANCELED is its result or the caller's
 *          own, weir_task_done() tells.
 *          WEIR_ESTATE  @task is the calling task, or waits for it, directly or
 *                       through others; or it is another loop's
 * asyncio  await asyncio.shield(task)
 */
int weir_shield(weir_task *task);

/* --- Task groups --------------------------------------------------------- */

/*
 * Tasks that end together.
 *
 *      weir_task_group group;
 *      weir_task_group_init(&group);
 *      weir_task_group_spawn(&group, ask_one, &first);
 *      weir_task_group_spawn(&group, ask_other, &second);
 *      int code = weir_task_group_join(&group);
 *
 * The task that makes a group owns it: it joins the group before its function
 * returns. Between init and join it may do other things. The first member that
 * fails (with a negative result other than -ECANCELED) cancels the other
 * members, and the owner too when that waits somewhere else: its call returns
 * -ECANCELED, once, and weir_task_group_join() then says why.
 *
 * An owner whose function returns with members running, a connection's handler
 * too, has made a mistake: that is reported to the loop's exception handler,
 * and the members are joined then, before anything that the owner borrowed is
 * freed; after a negative result they are cancelled first. Only what is in the
 * frame that was left is gone: they must not use that, nor the group.
 *
 * In the owner's memory; valid from init to the end of join. The fields are not
 * for reading.
 */
typedef struct weir_task_group {
    void *opaque[8];
} weir_task_group;

/*
 * Make a group without members.
 *
 * Its owner is the calling task; when called outside of a task, the first task
 * that spawns a member.
 *
 * asyncio  asyncio.TaskGroup(), entered
 */
void weir_task_group_init(weir_task_group *group);

/*
 * Start a function as a member.
 *
 * As weir_create_task(). Any task of the owner's loop may do it, members
 * included, as long as the owner is sure not to have left. A failure that is not
 * the group's first goes to the loop's exception handler.
 *
 * fn       returns 0 or more, or a negative code
 * arg      handed to @fn; has to be valid until the group was joined
 * returns  0, or
 *          WEIR_ESTATE  the group is being cancelled, or was joined; or its
 *                       owner's loop does not run on this thread
 *          -ENOMEM      no memory for the member or for its stack
 * asyncio  TaskGroup.create_task
 */
int weir_task_group_spawn(weir_task_group *group, int (*fn)(void *), void *arg);

/*
 * Wait until all members are done, also those that come meanwhile.   [suspends]
 *
 * When the calling task is cancelled, or its time runs out, the members are
 * cancelled, and the call returns when each of them has ended. The group is over
 * then, and can be made anew with weir_task_group_init(). With -ENOMEM,
 * WEIR_ENOTASK and WEIR_ESTATE it is not, and the members go on.
 *
 * returns  0, or
 *          a member's code  of the first that failed; its detail is the
 *                           caller's. A cancel that came as well is met by the
 *                           next call that has to wait
 *          -ECANCELED       weir_task_group_cancel() was called and no member
 *                           failed by itself; or the calling task was cancelled
 *          WEIR_ESTATE      the calling task is not the owner
 * asyncio  leaving "async with TaskGroup()"; the first error alone, instead of
 *          an ExceptionGroup
 */
int weir_task_group_join(weir_task_group *group);

/*
 * Ask all members to end.
 *
 * As weir_task_cancel() for each. From now on weir_task_group_spawn() fails. The
 * owner is not disturbed.
 *
 * beyond asyncio  (there by a member that raises)
 */
void weir_task_group_cancel(weir_task_group *group);

/* --- Deadlines ----------------------------------------------------------- */

/*
 * A deadline scope: between its begin and its end, waiting is bounded.
 *
 * The deadline itself is one number in the task, the earliest of all that
 * enclose it; this struct only remembers the outer one. So nothing in the task
 * ever points here. From the moment the deadline has passed until the scope
 * ends, every call that has to wait fails with -ETIMEDOUT; calls that need not
 * wait succeed. Bytes that came in the same pass as the deadline beat it. A
 * task that is cancelled gets -ECANCELED, not -ETIMEDOUT.
 *
 * The fields are written by the functions below. The struct is in the caller's
 * memory and needs no freeing.
 */
typedef struct weir_timeout {
    double outer;               /* the deadline that counted before, in the loop's time */
    double due;                 /* when this one runs out, in the loop's time (seconds) */
    bool   expired;             /* what weir_timeout_end() returned; false before that */
} weir_timeout;

/*
 * Begin a deadline scope in the calling task.
 *
 * A scope inside another can only shorten the time. Scopes end in the opposite
 * order in which they began. Leaving without weir_timeout_end() leaves nothing
 * dangling: the shorter deadline counts until an enclosing scope ends, or the
 * task.
 *
 * t        filled here; any memory that lives until the scope ends
 * seconds  from the time of this pass, which is a little before now when the
 *          task has computed for long; 0 or less has run out already, so every
 *          call that has to wait fails
 * asyncio  asyncio.timeout, entered
 */
void weir_timeout_begin(weir_timeout *t, double seconds);

/*
 * End a deadline scope; the deadline before it counts again.
 *
 * returns  whether the time had run out, also when no call met it: then nothing
 *          failed, and only this answer says so
 * asyncio  asyncio.timeout, left, and Timeout.expired; there leaving raises
 *          TimeoutError
 */
bool weir_timeout_end(weir_timeout *t);

/*
 * The end of a WEIR_TIMEOUT block, however it is left; not to be called by
 * hand.
 *
 * beyond asyncio
 */
static inline void weir__timeout_leave(weir_timeout *t)
{
    (void)weir_timeout_end(t);
}

/*
 * The beginning of a WEIR_TIMEOUT block; not to be called by hand.
 *
 * returns  a scope that has begun; it may be copied, since nothing points to it
 * beyond asyncio
 */
static inline weir_timeout weir__timeout_enter(double seconds)
{
    weir_timeout t;
    weir_timeout_begin(&t, seconds);
    return t;
}

#define WEIR__PASTE_(a, b) a##b
#define WEIR__PASTE(a, b) WEIR__PASTE_(a, b)
#define WEIR__TIMEOUT(scope, once, seconds)                                                       \
    for (weir_timeout scope __attribute__((cleanup(weir__timeout_leave))) =                       \
             weir__timeout_enter(seconds), *once = &scope;                                        \
         once != NULL; once = NULL)

/*
 * WEIR_TIMEOUT(seconds) { ... }  A deadline scope as a block, which ends
 * itself.
 *
 *      ssize_t n = 0;
 *      WEIR_TIMEOUT(5.0)
 *          n = weir_reader_readline(reader, &line);
 *      if (n == -ETIMEDOUT)
 *          ...
 *
 * The block runs once. It may be left in any way, return and goto included, and
 * the scope ends there; break and continue leave this block, not a loop around
 * it.
 *
 * Whether it expired shows in the call that had to wait: it returned
 * -ETIMEDOUT. An expiry that no call met is not seen, and a connection that the
 * kernel timed out gives the same code: who has to tell these apart uses
 * weir_timeout_begin() and weir_timeout_end().
 *
 * asyncio  async with asyncio.timeout(seconds)
 */
#define WEIR_TIMEOUT(seconds)                                                                     \
    WEIR__TIMEOUT(WEIR__PASTE(weir__scope_, __LINE__), WEIR__PASTE(weir__once_, __LINE__), seconds)

/* --- Seeing tasks -------------------------------------------------------- */

/*
 * What there is to say about a task.
 *
 * Valid during the call that is given it.
 */
typedef struct weir_task_info {
    const char *name;           /* as weir_task_set_name() gave it, or what kind of task it is */
    /* "sleep", "join", "executor", "bytes" (to read), "drain", "closed", "connect", "start", "server", "post" (another
     * loop's answer), ...; "turn" when it is ready to run, and "nothing" when it runs */
    const char *waits_for;
    double      since;          /* when that began, in the loop's time (seconds); now for "turn" and "nothing" */
    const void *peer;           /* a const weir_address *: whom it waits for, or whose handler it is; NULL: nobody */
} weir_task_info;

/*
 * Tell about each task that has not ended.
 *
 * They are all listed first and told after that, so @each may do anything, and
 * a task may end before it is told. The calling task is among them. It costs a
 * look at every task.
 *
 * The other loops are asked to list theirs, which they do between two tasks,
 * and the caller's thread waits for them, without letting another of its tasks
 * run: not for long, unless something blocks one of them.
 *
 * all      false: the tasks of the running loop; true: those of every loop that
 *          runs in this process, also when none runs on this thread
 * each     called for each task, in this thread, loop by loop
 * arg      handed to @each
 * returns  how many tasks were told, or
 *          -ETIMEDOUT   a loop is blocked and did not answer within a second;
 *                       the tasks of the others were told
 *          -ENOMEM      no memory for the list; nothing was told
 *          -EINVAL      @each is NULL
 *          WEIR_ESTATE  no loop is running on this thread, and @all is false
 * asyncio  asyncio.all_tasks, and Task.get_stack for where they stand
 */
int weir_tasks_dump(bool all, void (*each)(const weir_task_info *info, void *arg), void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
