/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/signals.c  SIGHUP as an order, SIGTERM and Ctrl-C as a request to end.    Try: ./signals & kill -HUP $! ; kill $! */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <weir/weir.h>

struct service {
    weir_task *work;
    unsigned reloads;
};

/* A callback of the loop and not a signal handler: it may do what a callback may. */
static void on_hangup(void *arg)
{
    struct service *service = arg;

    printf("signals: reload %u\n", ++service->reloads);
    fflush(stdout);
}

static void on_stop(void *arg)
{
    weir_task_cancel(((struct service *)arg)->work);
}

/* Whatever it waits in ends with -ECANCELED when on_stop says so; then it can take its time to clean up. */
static int work(void *arg)
{
    int code = 0;

    (void)arg;
    while (code == 0)
        code = weir_sleep(3600);
    return code;
}

static int run(void *arg)
{
    struct service *service = arg;
    weir_loop *loop = weir_get_running_loop();

    service->work = weir_create_task(work, NULL);
    if (service->work == NULL || weir_loop_add_signal_handler(loop, SIGHUP, on_hangup, service) < 0 ||
        weir_loop_add_signal_handler(loop, SIGTERM, on_stop, service) < 0 ||
        weir_loop_add_signal_handler(loop, SIGINT, on_stop, service) < 0)
        return fprintf(stderr, "signals: %s\n", weir_error_detail()), -1;
    printf("signals: %d is ready\n", (int)getpid());
    fflush(stdout);
    int code = weir_task_join(service->work);
    printf("signals: ended after %u reloads\n", service->reloads);
    return code == -ECANCELED ? 0 : code;
}

int main(void)
{
    return weir_run(run, &(struct service) { 0 }) < 0;
}
