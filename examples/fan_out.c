/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/fan_out.c  Ask servers side by side, for so many seconds.    Try: ./echo & ./fan_out 2 hello 7000 7000 7001 */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

enum { MOST = 64 };                     /* servers to ask */
struct question {
    const char *text, *port;
    char answer[200];
};

static int ask(void *arg)
{
    struct question *question = arg;
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;
    int code = weir_open_connection("localhost", (uint16_t)atoi(question->port), NULL, &reader, &writer);

    if (code < 0)
        return code;
    weir_writer_printf(writer, "%s\n", question->text);
    code = (int)weir_reader_readline(reader, &line);
    if (code > 0)
        snprintf(question->answer, sizeof question->answer, "%.*s", code - 1, (const char *)line.data);
    weir_writer_free(writer);           /* ours, also when the read was cut short */
    return code == 0 ? WEIR_EINCOMPLETE : code;
}

static int ask_all(void *arg)
{
    char **argv = arg;
    struct question questions[MOST];
    weir_task *tasks[MOST];
    size_t count = 0;
    int code = 0;

    for (; argv[count + 3] != NULL && count < MOST; count++) {
        questions[count] = (struct question) { .text = argv[2], .port = argv[count + 3] };
        if ((tasks[count] = weir_create_task(ask, &questions[count])) == NULL)
            break;
    }
    WEIR_TIMEOUT(atof(argv[1]))
        code = weir_gather(tasks, count, NULL);
    for (size_t i = 0; i < count; i++) {
        weir_task_cancel(tasks[i]);     /* after a failure the others go on, and use what is in this frame */
        int result = weir_task_join(tasks[i]);
        printf("%s: %s\n", questions[i].port, result < 0 ? weir_strerror(result) : questions[i].answer);
        weir_task_unref(tasks[i]);
    }
    printf("%zu servers: %s\n", count, weir_strerror(code));
    return code;
}

int main(int argc, char **argv)
{
    return argc < 4 || weir_run(ask_all, argv) < 0;     /* SECONDS TEXT PORT... */
}
