/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/programs/protocols.c  A protocol that does what words say, on one connection, and prints what it was told.
 *
 *      protocols connect PORT WORD...      connects
 *      protocols serve WORD...             serves one client, on a port that is printed first
 *
 * Words, together as far as they make sense:
 *      greet       connection_made writes "hi" and closes
 *      bulk        connection_made sets the marks to 100 and 1000 and writes 32 MiB; resume_writing closes
 *      echo        what comes is written back
 *      pause       the first bytes pause reading, until the next pass
 *      abort       the first bytes abort
 *      finish      the first bytes are answered with "done" and the end of the output
 *      switch      the first bytes make the protocol a buffered one
 *      buffered    it is one from the start, with a region of 3 bytes
 *      keep        eof_received keeps the transport, writes "late" and closes
 * Printed when the connection is lost: made, data:HEX with neighbours joined, updated:N, end, paused, resumed, lost:ERRNO.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define BULK ((size_t)32 << 20)

static char **words;            /* ends with NULL */
static uint16_t port;
static weir_transport *transport;
static weir_event lost;
static char region[3];
static bool in_data;            /* the last thing printed were bytes */
static unsigned times;          /* that bytes came */

static bool said(const char *word)
{
    for (char **at = words; *at != NULL; at++)
        if (strcmp(*at, word) == 0)
            return true;
    return false;
}

static void tell(const char *what, long number)
{
    printf(number < 0 ? "%s%s" : "%s%s:%ld", in_data ? " " : "", what, number);
    printf(strcmp(what, "lost") == 0 ? "\n" : " ");
    in_data = false;
}

static void resume(void *arg)
{
    (void)arg;
    weir_transport_resume_reading(transport);
}

static void connection_made(void *self, weir_transport *made)
{
    static char bytes[BULK];

    (void)self;
    transport = made;
    tell("made", -1);
    if (said("greet")) {
        weir_transport_write(transport, "hi", 2);
        weir_transport_close(transport);
    }
    if (said("bulk")) {
        weir_transport_set_write_buffer_limits(transport, 1000, 100);
        weir_transport_write(transport, bytes, sizeof bytes);       /* at once: a fast reader keeps up with many small ones */
    }
}

static void get_buffer(void *self, size_t hint, void **buf, size_t *len)
{
    (void)self, (void)hint;
    *buf = region;
    *len = sizeof region;
}

static void buffer_updated(void *self, size_t n)
{
    (void)self;
    tell("updated", (long)n);
    if (said("echo"))
        weir_transport_write(transport, region, n);
}

static bool eof_received(void *self)
{
    (void)self;
    tell("end", -1);
    if (!said("keep"))
        return false;
    weir_transport_write(transport, "late", 4);
    weir_transport_close(transport);
    return true;
}

static void pause_writing(void *self)
{
    (void)self;
    tell("paused", -1);
}

static void resume_writing(void *self)
{
    (void)self;
    tell("resumed", -1);
    weir_transport_close(transport);
}

static void connection_lost(void *self, int code)
{
    (void)self;
    tell("lost", -code);
    weir_event_set(&lost);
}

static const weir_protocol buffered = {
    .connection_made = connection_made, .connection_lost = connection_lost,
    .get_buffer = get_buffer, .buffer_updated = buffer_updated, .eof_received = eof_received,
};

static void data_received(void *self, const void *data, size_t len)
{
    if (!in_data)
        printf("data:");
    for (size_t i = 0; i < len; i++)
        printf("%02x", ((const unsigned char *)data)[i]);
    in_data = true;
    if (said("echo"))
        weir_transport_write(transport, data, len);
    if (times++ > 0)
        return;
    if (said("pause")) {
        weir_transport_pause_reading(transport);
        weir_loop_call_soon(weir_get_running_loop(), resume, NULL);
    }
    if (said("abort"))
        weir_transport_abort(transport);
    if (said("finish")) {
        weir_transport_write(transport, "done", 4);
        weir_transport_write_eof(transport);
    }
    if (said("switch"))
        weir_transport_set_protocol(transport, &buffered, self);
}

static const weir_protocol plain = {
    .connection_made = connection_made, .connection_lost = connection_lost, .data_received = data_received,
    .eof_received = eof_received, .pause_writing = pause_writing, .resume_writing = resume_writing,
};

static int make_protocol(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = said("buffered") ? &buffered : &plain;
    *self = arg;
    return 0;
}

static int connect_once(void *arg)
{
    weir_transport *made;

    int code = weir_loop_create_connection(weir_get_running_loop(), make_protocol, arg, "127.0.0.1", port, NULL, &made);
    return code < 0 ? code : weir_event_wait(&lost);
}

static int serve_once(void *arg)
{
    weir_address address = { .len = sizeof address.storage };
    weir_server *server;
    int fd;

    int code = weir_loop_create_server(weir_get_running_loop(), make_protocol, arg, "127.0.0.1", 0, NULL, &server);
    if (code < 0)
        return code;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("%u\n", weir_address_port(&address));
    fflush(stdout);
    code = weir_event_wait(&lost);
    weir_server_close(server);
    if (code == 0)
        code = weir_server_wait_closed(server);
    weir_server_free(server);
    return code;
}

int main(int argc, char **argv)
{
    bool connects = argc > 2 && strcmp(argv[1], "connect") == 0;

    weir_event_init(&lost);
    words = argv + (connects ? 3 : argc > 1 ? 2 : 1);
    port = connects ? (uint16_t)atoi(argv[2]) : 0;
    int code = weir_run(connects ? connect_once : serve_once, NULL);
    if (code < 0)
        fprintf(stderr, "protocols: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
