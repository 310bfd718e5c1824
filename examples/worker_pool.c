/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/worker_pool.c  Which servers answer? Four tasks work off a queue.    Try: ./worker_pool localhost:22 ::1:80 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define POOL 4          /* connections at a time, however many servers there are */

static int check(char *server)
{
    weir_connect_options options = { .timeout = 5.0 };
    weir_reader *reader;
    weir_writer *writer;
    char *colon = strrchr(server, ':');

    if (colon == NULL)
        return -EINVAL;
    *colon = '\0';
    int code = weir_open_connection(server, (uint16_t)atoi(colon + 1), &options, &reader, &writer);
    *colon = ':';
    if (code == 0)
        weir_writer_free(writer);
    return code;
}

static int work(void *queue)
{
    void *server;

    while (weir_queue_get(queue, &server) == 0) {       /* until the run ends, which cancels it */
        int code = check(server);
        printf("%s %s\n", (char *)server, code == 0 ? "answers" : weir_strerror(code));
        weir_queue_task_done(queue);
    }
    return 0;
}

static int check_all(void *servers)
{
    static weir_queue queue;    /* not in this frame: the tasks wait for it a little longer than this function lives */
    int code = weir_queue_init(&queue, POOL);

    for (int i = 0; i < POOL && code == 0; i++)
        code = weir_spawn(work, &queue);
    for (char **server = servers; *server != NULL && code == 0; server++)
        code = weir_queue_put(&queue, *server);         /* waits while the pool is behind */
    return code < 0 ? code : weir_queue_join(&queue);
}

int main(int argc, char **argv)
{
    int code = argc < 2 ? -EINVAL : weir_run(check_all, argv + 1);

    if (code < 0)
        fprintf(stderr, "worker_pool: %s: %s\n", weir_strerror(code), argc < 2 ? "say HOST:PORT ..." : weir_error_detail());
    return code < 0;
}
