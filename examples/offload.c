/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/offload.c  Work that blocks, on other threads: count lines of files, all at once.    Try: ./offload /etc/services *.c */
#include <errno.h>
#include <stdio.h>
#include <weir/weir.h>
#define FILES_MOST 1000

struct file {
    const char *name;
    long lines;
};

/* On a thread of the executor: it may block, and may call nothing that suspends. */
static int count_lines(void *arg)
{
    struct file *file = arg;
    FILE *in = fopen(file->name, "r");

    if (in == NULL)
        return -errno;
    for (int c; (c = getc(in)) != EOF;)
        file->lines += c == '\n';
    int code = ferror(in) ? -EIO : 0;
    fclose(in);
    return code;
}

/* On the loop: the others go on while this one waits. */
static int report(void *arg)
{
    struct file *file = arg;
    int code = weir_loop_run_in_executor(weir_get_running_loop(), count_lines, file);

    printf("%s: %ld lines, %s\n", file->name, file->lines, weir_strerror(code));
    fflush(stdout);
    return code;
}

static int report_all(void *arg)
{
    struct file *files = arg;           /* main's, not this frame's: work that has begun is not stopped by a cancel */
    weir_task_group group;

    weir_task_group_init(&group);
    for (; files->name != NULL; files++)
        if (weir_task_group_spawn(&group, report, files) < 0)
            weir_task_group_cancel(&group);
    return weir_task_group_join(&group);        /* the first failure cancels what has not begun */
}

int main(int argc, char **argv)
{
    static struct file files[FILES_MOST + 1];   /* not in a frame: a thread that was cut short may still read it at the end */
    if (argc > FILES_MOST + 1)
        return fprintf(stderr, "offload: at most %d files\n", FILES_MOST), 1;
    while (--argc > 0)
        files[argc - 1].name = argv[argc];
    return weir_run(report_all, files) < 0;
}
