/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/echo.c  Say every line back.    Try: ./echo & printf 'hi\n' | nc -N localhost 7000 */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

static int echo(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)arg;
    weir_bytes line;
    ssize_t n;

    weir_writer_set_idle(writer, true); /* a drain may close us between two lines */
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        weir_writer_write(writer, line.data, line.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;                /* the peer is gone; weir closes what is left */
    }
    return weir_result(n);
}

static void say_where(weir_server *server, void *arg)
{
    weir_address address = { .len = sizeof address.storage };
    char text[WEIR_ADDRESS_MAX];
    int fd;

    (void)arg;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("echo: %u workers listen on %s\n", weir_worker_count(), weir_address_format(&address, text, sizeof text));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 7000;
    weir_serve_options options = { .on_ready = say_where };

    weir_set_log(weir_log_stderr, NULL, 2);
    weir_report_stack_overflow();
    int code = weir_serve(echo, NULL, "", port, &options);
    if (code < 0)
        fprintf(stderr, "echo: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
