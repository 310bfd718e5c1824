/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/chat.c  A room: each line goes to all others; who does not read is dropped.    Try: ./chat & nc localhost 7000 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

struct member {
    char name[21];
    weir_writer *writer;
    struct member *next;
};

static struct member *room;     /* one worker's, so without a lock */

static void tell_others(const struct member *from, const char *format, const char *text)
{
    for (const struct member *to = room; to != NULL; to = to->next)
        if (to != from)
            weir_writer_printf(to->writer, format, from->name, text);   /* never waits; too much unread: it is aborted */
}

/* A line without its end, and without what would be more than text in a terminal. */
static int read_text(weir_reader *reader, char *text, size_t size)
{
    weir_bytes line;
    ssize_t n = weir_reader_readline(reader, &line);
    size_t len = 0;

    for (ssize_t i = 0; i < n && len < size - 1; i++)
        if (!iscntrl((unsigned char)line.data[i]))
            text[len++] = line.data[i];
    text[len] = '\0';
    return n == 0 ? WEIR_EINCOMPLETE : (int)n;
}

static int chat(weir_reader *reader, weir_writer *writer, void *arg)
{
    struct member me = { .writer = writer }, **at;
    char text[1025];
    int code;

    (void)arg;
    weir_writer_set_idle(writer, true); /* Ctrl-C closes at once */
    weir_writer_printf(writer, "Your name?\n");
    if ((code = read_text(reader, me.name, sizeof me.name)) < 0)
        return code;
    for (at = &room; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->name, me.name) == 0)
            return weir_writer_printf(writer, "%s is here already.\n", me.name);
    *at = &me;
    weir_writer_printf(writer, "Welcome, %s.\n", me.name);
    tell_others(&me, "* %s comes%s\n", "");
    while ((code = read_text(reader, text, sizeof text)) > 0)
        tell_others(&me, "%s: %s\n", text);
    for (at = &room; *at != &me;)
        at = &(*at)->next;
    *at = me.next;
    tell_others(&me, code == -ENOBUFS ? "* %s is too slow%s\n" : "* %s goes%s\n", "");
    return code == WEIR_EINCOMPLETE || code == -ENOBUFS ? 0 : code;
}

static void say_where(weir_server *server, void *arg)
{
    weir_address address = { .len = sizeof address.storage };
    int fd;

    (void)arg;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("chat: on port %u\n", weir_address_port(&address));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    weir_serve_options options = { .workers = 1, .on_ready = say_where,
                                   .server = { .limit = 1024, .max_write_buffer = 65536, .max_connections = 1000 } };
    int code = weir_serve(chat, NULL, "", argc > 1 ? (uint16_t)atoi(argv[1]) : 7000, &options);
    if (code < 0)
        fprintf(stderr, "chat: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
