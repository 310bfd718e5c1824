/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/line_client.c  What is typed goes to a server, and what it says is printed.    Try: ./line_client localhost 7000 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

static weir_event typed;

static void on_input(void *loop)
{
    weir_loop_remove_reader(loop, STDIN_FILENO);        /* or it would be called until somebody has read */
    weir_event_set(&typed);
}

/* No more than the server takes: while drain waits, what is typed stays where it was. */
static int send_input(void *arg)
{
    weir_writer *writer = arg;
    weir_loop *loop = weir_get_running_loop();
    char data[4096];
    ssize_t n = 1;
    int code = 0;

    while (n > 0 && code == 0) {
        weir_event_clear(&typed);
        code = weir_loop_add_reader(loop, STDIN_FILENO, on_input, loop);
        if (code < 0 && code != -EPERM) /* a file on a disk: it can be read at any time */
            break;
        if (code == 0 && (code = weir_event_wait(&typed)) < 0)
            break;
        n = read(STDIN_FILENO, data, sizeof data);
        code = n < 0 ? -errno : weir_writer_write(writer, data, (size_t)n);
        if (code == 0)
            code = weir_writer_drain(writer);
    }
    weir_writer_write_eof(writer);
    return code;
}

static int talk(void *arg)
{
    char **argv = arg;
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;
    ssize_t n;

    weir_event_init(&typed);
    int code = weir_open_connection(argv[1], (uint16_t)atoi(argv[2]), NULL, &reader, &writer);
    if (code < 0)
        return code;
    weir_task *sender = weir_create_task(send_input, writer);
    if (sender == NULL)
        return weir_writer_free(writer), -ENOMEM;
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        fwrite(line.data, 1, line.len, stdout);
        fflush(stdout);
    }
    weir_task_cancel(sender);           /* the server has ended; what is typed now is nobody's */
    code = weir_task_join(sender);
    weir_task_unref(sender);
    weir_writer_free(writer);
    return n < 0 ? (int)n : code == -ECANCELED ? 0 : code;
}

int main(int argc, char **argv)
{
    int code = argc == 3 ? weir_run(talk, argv) : -EINVAL;

    if (code < 0)
        fprintf(stderr, "line_client: %s: %s\n", weir_strerror(code), argc == 3 ? weir_error_detail() : "say HOST PORT");
    return code < 0;
}
