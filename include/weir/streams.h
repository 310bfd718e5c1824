/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/streams.h>  A connection as two halves: a reader and a writer.
 *
 * Every [suspends] function may return, besides what it lists,
 *      -ECANCELED    this task was cancelled while it waited
 *      -ETIMEDOUT    an enclosing weir_timeout, or the half's own set_timeout,
 *                    ran out
 *      WEIR_ENOTASK  it would have to wait, and was not called from a task
 *      -ENOMEM       a time limit counts, and there was no memory for its timer
 * and a read that returns one of these has consumed nothing, unless it says
 * otherwise. What can be answered at once is, without letting another task run,
 * and outside of tasks too.
 *
 * When output goes out: weir_writer_write() gathers it. What is gathered is
 * offered to the kernel at once, and nobody waits, when the task suspends or
 * ends; at the end of the pass for plain callbacks; in flush, close, write_eof,
 * abort, sendfile and get_extra_info("socket"); and in drain, unless the reader
 * holds unread input: then the next suspension sends, so that a handler which
 * drains after every reply still answers many pipelined requests with one send.
 *
 * Loop      Each half belongs to the loop that made it; call it only from that
 *           loop's thread, except where a function says [thread-safe].
 * Owner     A connection is one counted object, and its two halves are freed
 *           together. A handler borrows both: when it returns, the connection
 *           is closed, output flushed first, and its reference dropped.
 *           weir_writer_ref() keeps both halves answering after that. Whoever
 *           called weir_open_connection() or weir_stream_pair() owns one
 *           reference, dropped with weir_writer_free(). A suspended call holds
 *           one, and gets the result of the close.
 * Bytes     A weir_bytes is a view, never an owner. The bytes that a read
 *           returns belong to the reader and stay where they are until the next
 *           read call on that reader, suspensions included. What is written is
 *           sent or copied before the call returns.
 */
#ifndef WEIR_STREAMS_H
#define WEIR_STREAMS_H

#include <weir/transport.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define WEIR_READ_ALL ((size_t)-1)                          /* to the end of the stream */
#define WEIR_MUST __attribute__((warn_unused_result))       /* a result that must be looked at */

/*
 * What is called for each client: a task of its own, with the client's two
 * halves.
 *
 * reader, writer  borrowed until it returns; longer with weir_writer_ref()
 * arg             what was given along with the callback
 * returns         0 or more: done. Negative: failed, which the loop's exception
 *                 handler is told, except -ECANCELED, -ECONNRESET, -EPIPE,
 *                 -ENOTCONN, and WEIR_EINCOMPLETE with nothing partial, which
 *                 only say that the peer left. Either way the connection is
 *                 closed, output flushed first.
 */
typedef int (*weir_client_connected_cb)(weir_reader *reader, weir_writer *writer, void *arg);

/* How to connect. All zero: every default; so is a NULL instead of the struct. */
struct weir_connect_options {
    size_t limit;               /* bytes: the longest line; reading pauses above twice this. 0:
                                 * 64 KiB */
    weir_tls_context *tls;      /* NULL: no TLS. Answered with -ENOTSUP for now */
    const char *server_hostname;    /* the name that TLS asks for and checks; NULL: the host. Given
                                     * without tls: -EINVAL */
    double tls_handshake_timeout;   /* seconds; 0: 60 s; negative, or given without tls: -EINVAL */
    double tls_shutdown_timeout;    /* seconds; 0: 30 s; negative, or given without tls: -EINVAL */
    const char *local_host;     /* a name or address of this machine to come from; for each address
                                 * that is tried, the first of its family that can be bound. NULL,
                                 * "": the kernel's choice */
    uint16_t local_port;        /* the port to come from; 0: the kernel's choice */
    int family;                 /* AF_INET or AF_INET6: only these addresses; 0, AF_UNSPEC: any */
    int flags;                  /* AI_..., for the resolver; 0: none */
    const int *sock;            /* a connected stream socket, which becomes ours; NULL: none */
    double happy_eyeballs_delay;    /* seconds until the next address is tried beside the last, at
                                     * most 32 at a time; 0: one after the other. RFC 8305 has 0.25 */
    unsigned interleave;        /* how many addresses of the first family before the families take
                                 * turns; 0: 1 with happy_eyeballs_delay, else the resolver's order */
    double timeout;             /* seconds for the whole connect, resolver included; 0: no limit */
    size_t max_write_buffer;    /* bytes that may wait for the peer; above it the connection is
                                 * aborted with -ENOBUFS. 0: no bound */
    size_t max_read;            /* bytes that one readexactly or read-to-the-end may hold; above it
                                 * -EMSGSIZE. 0: no bound */
    void *reserved[8];          /* 0 */
};

/* --- Connecting ---------------------------------------------------------- */

/*
 * Connect over TCP, and get a reader and a writer.                   [suspends]
 *
 * Addresses are tried one after the other in the resolver's order; with
 * opts->happy_eyeballs_delay, the next one is begun when the last one has
 * failed, or has not answered for so long. The first that answers counts, and
 * the sockets of the others are closed. A call that is cut short closes all of
 * them. The reader may hold bytes already when this returns.
 *
 * host     a name or an address; NULL or "" with a port: this machine. With
 *          opts->sock: NULL
 * port     with opts->sock: 0
 * opts     NULL: all defaults; has to stay valid while the call waits.
 *          opts->sock is still the caller's, and open, after -EINVAL, -ENOTSUP
 *          and WEIR_ENOTASK; otherwise it is ours, and closed on failure
 * reader   out: the reading half; untouched on failure
 * writer   out: the writing half, which owns both: freed with
 *          weir_writer_free(); untouched on failure
 * returns  0, or
 *          -EINVAL        TLS settings without tls; tls with neither host nor
 *                         server_hostname; a negative time; host or port
 *                         together with sock; none of them; a sock that is not
 *                         a stream
 *          -ENOTSUP       an option that is not offered
 *          WEIR_ERESOLVE  @host, or opts->local_host, was not resolved
 *          -ETIMEDOUT     opts->timeout ran out; weir_error_detail() has the
 *                         addresses that were tried
 *          -errno         no address could be connected (-ECONNREFUSED,
 *                         -EHOSTUNREACH, ...; -EADDRINUSE, -EADDRNOTAVAIL: from
 *                         the local address): the first attempt's code;
 *                         weir_error_detail() lists them all
 *          -ENOMEM        no memory
 * asyncio  asyncio.open_connection; several failures give the first one's code,
 *          timeout, and the two bounds are beyond asyncio; local_port without a
 *          local_host is any address of this machine and not the loopback
 */
WEIR_MUST int weir_open_connection(const char *host, uint16_t port,
                                   const weir_connect_options *opts, weir_reader **reader,
                                   weir_writer **writer);

/*
 * Connect to a Unix socket, and get a reader and a writer.           [suspends]
 *
 * As weir_open_connection() otherwise. The kernel decides at once whether there
 * is somebody to talk to.
 *
 * path     of the socket's file, at most 107 bytes; or "@name", an abstract
 *          name. With opts->sock: NULL
 * opts     NULL: all defaults. What belongs to addresses of TCP is -EINVAL here.
 *          opts->sock: a connected Unix stream socket; it is still the caller's,
 *          and open, after -EINVAL, -ENOTSUP and WEIR_ENOTASK, otherwise ours,
 *          and closed on failure
 * reader   out: the reading half; untouched on failure
 * writer   out: the writing half, which owns both: freed with
 *          weir_writer_free(); untouched on failure
 * returns  0, or
 *          -EINVAL        neither path nor sock, or both; an empty path; a sock
 *                         that is not a Unix stream socket; TLS settings without
 *                         tls; tls without server_hostname; local_host,
 *                         local_port, happy_eyeballs_delay, interleave, or a
 *                         family of another kind; a negative time
 *          -ENOTSUP       an option that is not offered
 *          -ENAMETOOLONG  a path of more than 107 bytes
 *          -ENOENT        there is no such file
 *          -ECONNREFUSED  nobody listens on it
 *          -EAGAIN        the listener's queue of callers is full
 *          -errno         another failure to connect (-EACCES, ...)
 *          -ENOMEM        no memory
 * asyncio  asyncio.open_unix_connection; a full queue is an error here
 */
WEIR_MUST int weir_open_unix_connection(const char *path, const weir_connect_options *opts,
                                        weir_reader **reader, weir_writer **writer);

/* --- Reading -------------------------------------------------------------
 *
 * All reads check in this order: the arguments (-EINVAL), the failure stored in
 * the reader, n == 0, and then what is there. One task reads at a time: a read
 * that would have to wait while another task waits in one returns -EBUSY, and
 * the other is not disturbed.
 */

/*
 * Read up to @n bytes: what is there, at least one.                  [suspends]
 *
 * Waits only while there is nothing. The limit does not bound it.
 *
 * n        at most this many; 0: returns 0 at once, and consumes nothing.
 *          WEIR_READ_ALL: all bytes until the end, for as long as that takes
 * out      the bytes; untouched on failure. A view: valid until the next read
 *          call on this reader, suspensions included
 * returns  how many, 0 only at the end (or for @n 0), or
 *          -EMSGSIZE     WEIR_READ_ALL: more than max_read came before the end;
 *                        nothing was consumed
 *          -EBUSY        another task is reading this reader
 *          -ENOMEM       no memory; nothing was consumed
 *          another code  the one the connection failed with (-ECONNRESET, ...)
 * asyncio  StreamReader.read; -1 is WEIR_READ_ALL. A read to the end that fails
 *          or is cancelled leaves what had come in the reader, where asyncio
 *          loses it
 */
WEIR_MUST ssize_t weir_reader_read(weir_reader *r, size_t n, weir_bytes *out);

/*
 * Read a line, its "\n" included.                                    [suspends]
 *
 * At the end of the stream a last line without "\n" is returned as it is.
 *
 * out      the line; untouched on failure. A view: valid until the next read
 *          call on this reader, suspensions included
 * returns  its length, 0 only at the end, or
 *          WEIR_ELIMIT   the line is longer than the limit, its "\n" not
 *                        counted. When its "\n" had come, the whole line was
 *                        dropped and the next read begins with the next line;
 *                        else all that had come was dropped, and the next read
 *                        begins inside the line
 *          -EBUSY        another task is reading this reader
 *          -ENOMEM       no memory; nothing was consumed
 *          another code  the one the connection failed with (-ECONNRESET, ...)
 * asyncio  StreamReader.readline; its ValueError is WEIR_ELIMIT. Called in a
 *          loop until it returns 0, it is "async for line in reader"
 */
WEIR_MUST ssize_t weir_reader_readline(weir_reader *r, weir_bytes *out);

/*
 * Read exactly @n bytes.                                             [suspends]
 *
 * @n may exceed the reader's limit: the limit bounds lines and read-ahead, not
 * what is asked for by number. Memory grows with what comes, never by @n alone.
 *
 * n        0: returns 0 at once
 * out      the @n bytes; with WEIR_EINCOMPLETE, what came before the end;
 *          untouched on every other failure. A view: valid until the next read
 *          call on this reader, suspensions included
 * returns  @n, or
 *          WEIR_EINCOMPLETE  the peer finished early; the reader is now empty
 *          -EMSGSIZE         @n is more than max_read; nothing was consumed
 *          -EINVAL           @n does not fit into the result
 *          -EBUSY            another task is reading this reader
 *          -ENOMEM           no memory; nothing was consumed
 *          another code      the one the connection failed with (-ECONNRESET,
 *                            ...)
 * asyncio  StreamReader.readexactly; IncompleteReadError is WEIR_EINCOMPLETE,
 *          with .partial in *out and .expected in weir_reader_expected()
 */
WEIR_MUST ssize_t weir_reader_readexactly(weir_reader *r, size_t n, weir_bytes *out);

/*
 * Read until a separator, which is included.                         [suspends]
 *
 * sep      the separator's bytes; not looked at after the return
 * sep_len  1 or more
 * out      the bytes; with WEIR_EINCOMPLETE, what came before the end, possibly
 *          with a part of the separator; untouched on every other failure. A
 *          view: valid until the next read call on this reader, suspensions
 *          included
 * returns  how many bytes, or
 *          WEIR_EINCOMPLETE  the end came first; the reader is now empty
 *          WEIR_ELIMIT       more than limit bytes before the separator, or
 *                            without one; nothing was consumed.
 *                            weir_reader_consumed() bytes can be skipped
 *                            without missing a separator; without that, the
 *                            same call fails again
 *          -EINVAL           @sep_len is 0
 *          -EBUSY            another task is reading this reader
 *          -ENOMEM           no memory; nothing was consumed
 *          another code      the one the connection failed with (-ECONNRESET,
 *                            ...)
 * asyncio  StreamReader.readuntil; LimitOverrunError is WEIR_ELIMIT, with
 *          .consumed in weir_reader_consumed(); IncompleteReadError is
 *          WEIR_EINCOMPLETE
 */
WEIR_MUST ssize_t weir_reader_readuntil(weir_reader *r, const void *sep, size_t sep_len,
                                        weir_bytes *out);

/*
 * Read until the first of several separators, which is included.     [suspends]
 *
 * The match that ends first wins; of two that end together, the shorter
 * separator.
 *
 * seps     the separators; not looked at after the return
 * count    1 or more
 * out      as weir_reader_readuntil()
 * returns  how many bytes, or as weir_reader_readuntil(), with
 *          WEIR_ELIMIT  after which weir_reader_consumed() is where the
 *                       separator begins, or, when there was none, allows for
 *                       the longest one
 *          -EINVAL      no separators, or an empty one
 * asyncio  StreamReader.readuntil with a tuple (Python 3.13)
 */
WEIR_MUST ssize_t weir_reader_readuntil_any(weir_reader *r, const weir_bytes *seps, size_t count,
                                            weir_bytes *out);

/*
 * Read up to @n bytes into the caller's memory.                      [suspends]
 *
 * As weir_reader_read(), copied: what is in @buf stays.
 *
 * buf      gets the bytes; untouched on failure
 * n        the room at @buf, in bytes; 0: returns 0 at once
 * returns  how many, 0 only at the end (or for @n 0), or
 *          -EINVAL       @buf is NULL and @n is not 0; or @n does not fit into
 *                        the result
 *          -EBUSY        another task is reading this reader
 *          another code  the one the connection failed with (-ECONNRESET, ...)
 * beyond asyncio
 */
WEIR_MUST ssize_t weir_reader_read_into(weir_reader *r, void *buf, size_t n);

/*
 * Read exactly @n bytes into the caller's memory.                    [suspends]
 *
 * The way to read more than one wants to have buffered twice: bytes are copied
 * as they come, and max_read does not bound it.
 *
 * buf      room for @n bytes, which has to stay valid while the call waits
 * n        0: returns 0 at once
 * returns  @n, or
 *          WEIR_EINCOMPLETE  the peer finished early; weir_reader_expected() is
 *                            @n
 *          -EINVAL           @buf is NULL and @n is not 0; or @n does not fit
 *                            into the result
 *          -EBUSY            another task is reading this reader
 *          another code      the one the connection failed with (-ECONNRESET,
 *                            ...)
 *          After every failure that came while it read, cancelled and timed out
 *          included, the first weir_reader_consumed() bytes of @buf were read
 *          and are gone from the reader.
 * beyond asyncio
 */
WEIR_MUST ssize_t weir_reader_readexactly_into(weir_reader *r, void *buf, size_t n);

/*
 * Look at the next @n bytes without consuming them.                  [suspends]
 *
 * Waits until there are @n, or the end.
 *
 * n        0: returns 0 at once
 * out      the bytes; untouched on failure. A view: valid until the next read
 *          call on this reader, suspensions included; that call reads the same
 *          bytes
 * returns  how many, less than @n only at the end, or
 *          -EMSGSIZE     @n is more than max_read
 *          -EINVAL       @n does not fit into the result
 *          -EBUSY        another task is reading this reader
 *          -ENOMEM       no memory
 *          another code  the one the connection failed with (-ECONNRESET, ...)
 * beyond asyncio
 */
WEIR_MUST ssize_t weir_reader_peek(weir_reader *r, size_t n, weir_bytes *out);

/*
 * Read @n bytes and drop them.                                       [suspends]
 *
 * They are dropped as they come, so that any number can be skipped.
 *
 * returns  how many were skipped, less than @n only at the end, or
 *          -EINVAL       @n does not fit into the result
 *          -EBUSY        another task is reading this reader
 *          another code  the one the connection failed with (-ECONNRESET, ...)
 *          After every failure that came while it waited, cancelled and timed
 *          out included, weir_reader_consumed() bytes were skipped.
 * beyond asyncio
 */
ssize_t weir_reader_skip(weir_reader *r, size_t n);

/* --- Asking a reader ----------------------------------------------------- */

/*
 * Whether the end has been reached and every byte before it handed out.
 *
 * returns  true as soon as the end was fed and nothing is buffered, read or not
 * asyncio  StreamReader.at_eof
 */
bool weir_reader_at_eof(const weir_reader *r);

/*
 * The failure that every read returns.
 *
 * returns  a negative code, or 0
 * asyncio  StreamReader.exception
 */
int weir_reader_exception(const weir_reader *r);

/*
 * Make the read that waits, and all later ones, fail.
 *
 * What is buffered cannot be read any more. weir_writer_drain() returns the
 * code too; what was written is sent nevertheless. A later call replaces the
 * code.
 *
 * code     negative
 * asyncio  StreamReader.set_exception
 */
void weir_reader_set_exception(weir_reader *r, int code);

/*
 * How many bytes were read or can be skipped, after a failure.
 *
 * After WEIR_ELIMIT of readuntil and readuntil_any: the bytes that can be
 * skipped without missing a separator. After a failure of readexactly_into: the
 * bytes in the caller's buffer. After a failure of skip: the bytes that were
 * skipped.
 *
 * returns  bytes; of no meaning after anything else
 * asyncio  LimitOverrunError.consumed
 */
size_t weir_reader_consumed(const weir_reader *r);

/*
 * How many bytes were wanted, after WEIR_EINCOMPLETE.
 *
 * returns  bytes; WEIR_UNSET: unknown, after readuntil and readuntil_any
 * asyncio  IncompleteReadError.expected, where unknown is None
 */
size_t weir_reader_expected(const weir_reader *r);

/*
 * How many bytes came and were not read yet.
 *
 * returns  bytes; so many can be read without waiting
 * beyond asyncio
 */
size_t weir_reader_buffered(const weir_reader *r);

/*
 * Bound each wait of this reader.
 *
 * Every read that has to wait gets @seconds for it, beside the deadlines that
 * enclose it, and returns -ETIMEDOUT when they are over.
 *
 * seconds  0 or less: no bound, as at the start
 * beyond asyncio
 */
void weir_reader_set_timeout(weir_reader *r, double seconds);

/* --- Feeding a reader by hand -------------------------------------------- */

/*
 * Make a reader that no connection feeds.
 *
 * limit    bytes, as weir_connect_options.limit; here 0 is an error
 * returns  the reader, of the running loop, which the caller frees with
 *          weir_reader_free(); NULL when @limit is 0, or without memory
 * asyncio  asyncio.StreamReader
 */
WEIR_MUST weir_reader *weir_reader_new(size_t limit);

/*
 * Free a reader that weir_reader_new() made.
 *
 * Not for the reader of a connection: that goes with its writer. No task may
 * wait in it.
 *
 * r        NULL does nothing
 * beyond asyncio  (Python frees by itself)
 */
void weir_reader_free(weir_reader *r);

/*
 * Append bytes, and wake the task that waits for them.
 *
 * Above twice the limit the transport, if there is one, is told to pause;
 * nothing is ever refused for size.
 *
 * data     copied
 * len      0: wakes nobody
 * returns  0, or
 *          WEIR_ESTATE  the end was fed already, for 0 bytes too
 *          -EINVAL      @data is NULL and @len is not 0
 *          -ENOMEM      no memory; nothing was appended
 * asyncio  StreamReader.feed_data
 */
int weir_reader_feed_data(weir_reader *r, const void *data, size_t len);

/*
 * Say that no more bytes come, and wake the task that waits.
 *
 * What is buffered can still be read. Again: does nothing.
 *
 * asyncio  StreamReader.feed_eof
 */
void weir_reader_feed_eof(weir_reader *r);

/*
 * Name the transport that is paused when too much is buffered.
 *
 * t        held until the reader is freed: reads go on after the loss
 * returns  0, or
 *          WEIR_ESTATE  the reader has one already
 * asyncio  StreamReader.set_transport
 */
int weir_reader_set_transport(weir_reader *r, weir_transport *t);

/* --- Writing ------------------------------------------------------------- */

/*
 * Write bytes, without waiting.
 *
 * Never refused for size; whoever writes much calls weir_writer_drain() after
 * it. The caller's memory is free again at the return. On a connection that is
 * lost or closed the bytes are dropped and the answer is 0: the failure comes
 * in weir_writer_drain(), in the reads, and in weir_writer_wait_closed(). So
 * does -ENOBUFS, when more than max_write_buffer is waiting and the connection
 * was aborted for that.
 *
 * data     may be NULL when @len is 0
 * len      0: does nothing
 * returns  0, or
 *          -EINVAL      @data is NULL and @len is not 0
 *          WEIR_ESTATE  after weir_writer_write_eof(), for 0 bytes too
 *          -ENOMEM      no memory for the copy; the connection is aborted,
 *                       since its output would have a gap
 * asyncio  StreamWriter.write; here bytes are gathered, and sent as the top of
 *          this header says
 */
int weir_writer_write(weir_writer *w, const void *data, size_t len);

/*
 * Write several pieces as one.
 *
 * As one weir_writer_write() of all of them joined.
 *
 * chunks   views; their bytes are free again at the return
 * count    0: does nothing
 * returns  as weir_writer_write()
 * asyncio  StreamWriter.writelines
 */
int weir_writer_writelines(weir_writer *w, const weir_bytes *chunks, size_t count);

/*
 * Write a text, formatted as printf(3) does, without its NUL.
 *
 * printf needs 2 to 3 KiB of the task's stack.
 *
 * returns  0, or as weir_writer_write(); a format that cannot be printed is
 *          -EINVAL, and nothing was written
 * beyond asyncio
 */
__attribute__((format(printf, 2, 3))) int weir_writer_printf(weir_writer *w, const char *fmt, ...);

/*
 * Offer gathered output to the kernel now; never waits.
 *
 * For a task that computes for long after a write.
 *
 * returns  0, also when the kernel took only a part, or the connection is lost:
 *          that comes in weir_writer_drain(), and weir_writer_is_closing() is
 *          true at once
 * beyond asyncio  (there write sends by itself)
 */
int weir_writer_flush(weir_writer *w);

/*
 * Send a part of a file, without a copy where the kernel can.        [suspends]
 *
 * As weir_loop_sendfile() on the writer's transport; each wait for the peer is
 * bounded by weir_writer_set_timeout() too.
 *
 * returns  as weir_loop_sendfile(); on a connection that failed before, the code
 *          that it failed with, as weir_writer_drain()
 * asyncio  loop.sendfile(writer.transport, ...)
 */
int64_t weir_writer_sendfile(weir_writer *w, int fd, int64_t offset, size_t count);

/*
 * Wait until the peer has taken enough of what was written.          [suspends]
 *
 * Waits while writing is paused: from more than the high mark (64 KiB)
 * buffered, to the low mark (16 KiB) or less. So 0 does not mean that
 * everything went out. Any number of tasks may wait; what is buffered is sent
 * also when a wait is cut short. On a connection that is closing it waits one
 * pass first, so that "write, drain" in a loop ends with an error.
 *
 * returns  0; or the failure stored in the reader, before anything else; or
 *          -ECONNRESET   the connection was closed or lost before this call,
 *                        for no other reason that is known
 *          another code  the one the connection failed with, before or while
 *                        this call waited (-EPIPE, -ECONNRESET, -ENOBUFS, ...);
 *                        a regular close or an abort while it waited is 0
 * asyncio  StreamWriter.drain
 */
WEIR_MUST int weir_writer_drain(weir_writer *w);

/*
 * Whether the output can be ended by itself.
 *
 * returns  true for sockets
 * asyncio  StreamWriter.can_write_eof
 */
bool weir_writer_can_write_eof(const weir_writer *w);

/*
 * End the output, after what was written went out; reading goes on.
 *
 * Does nothing when done already or closing.
 *
 * returns  0, or
 *          -ENOTSUP   this connection has no half-close; nothing changed
 *          -ENOTCONN  the peer is gone, which was not noticed yet; the
 *                     connection is not closed
 *          -errno     another failure of shutdown(2); likewise
 * asyncio  StreamWriter.write_eof
 */
int weir_writer_write_eof(weir_writer *w);

/* --- Closing ------------------------------------------------------------- */

/*
 * Close the connection, after what was written went out.
 *
 * Reading ends at once: bytes that are in the reader can still be read, then
 * comes the end. Does not wait, for that there is weir_writer_wait_closed().
 * Waiting for the peer to take the output has no time limit of its own here.
 * Again: does nothing.
 *
 * asyncio  StreamWriter.close
 */
void weir_writer_close(weir_writer *w);

/*
 * Close the connection now, and drop what the kernel did not take.
 *
 * Output that was gathered is offered once first. After weir_writer_close() it
 * cuts a flush that does not end.
 *
 * asyncio  writer.transport.abort
 */
void weir_writer_abort(weir_writer *w);

/*
 * Whether closing has begun.
 *
 * returns  true from the first close, abort or failure on, for ever
 * asyncio  StreamWriter.is_closing
 */
bool weir_writer_is_closing(const weir_writer *w);

/*
 * Wait until the connection is gone.                                 [suspends]
 *
 * Does not close it. Any number of tasks may wait, before or after; all get the
 * same answer. A wait that is cut short changes nothing for the others.
 *
 * returns  0 after a regular close or an abort, or
 *          another code  the one the connection failed with (-ECONNRESET,
 *                        -EPIPE, ...)
 * asyncio  StreamWriter.wait_closed
 */
int weir_writer_wait_closed(weir_writer *w);

/* --- Asking a writer ----------------------------------------------------- */

/*
 * A fact about the connection, by name.
 *
 * "peername" and "sockname" are const weir_address *; for a Unix socket a path,
 * an abstract name, or an address without either when that end has no name.
 * "socket" is const int *, the descriptor; asking for it offers gathered output
 * to the kernel first, so that what is sent by hand comes after it. "peercred"
 * is const struct ucred * (<sys/socket.h> with _GNU_SOURCE): process, user and
 * group of the other end of a Unix socket, as they were when it was connected.
 * "bytes_received" and "bytes_sent" are const uint64_t *, what the connection
 * has carried so far.
 *
 * returns  a pointer that stays valid as long as the writer, after the close
 *          too; NULL for a name that is not known, or a fact that this
 *          connection does not have
 * asyncio  StreamWriter.get_extra_info, whose default is always NULL here
 */
const void *weir_writer_get_extra_info(const weir_writer *w, const char *name);

/*
 * The address of the other end.
 *
 * returns  valid as long as the writer, after the close too; NULL: unknown
 * asyncio  StreamWriter.get_extra_info("peername")
 */
const weir_address *weir_writer_peername(const weir_writer *w);

/*
 * The address of this end.
 *
 * returns  valid as long as the writer, after the close too; NULL: unknown
 * asyncio  StreamWriter.get_extra_info("sockname")
 */
const weir_address *weir_writer_sockname(const weir_writer *w);

/*
 * The connection's descriptor.
 *
 * The connection's own: not to be closed, read or written. Gathered output is
 * not offered: weir_writer_get_extra_info("socket") does that.
 *
 * returns  the descriptor; -1: none, or closed
 * asyncio  StreamWriter.get_extra_info("socket").fileno()
 */
int weir_writer_fd(const weir_writer *w);

/*
 * The transport underneath.
 *
 * returns  borrowed: valid as long as the writer
 * asyncio  StreamWriter.transport
 */
weir_transport *weir_writer_transport(const weir_writer *w);

/* --- Settings ------------------------------------------------------------ */

/*
 * Bound each wait in weir_writer_drain() and weir_writer_sendfile().
 *
 * Beside the deadlines that enclose it; they then return -ETIMEDOUT, and the
 * connection stays as it is.
 *
 * seconds  0 or less: no bound, as at the start
 * beyond asyncio
 */
void weir_writer_set_timeout(weir_writer *w, double seconds);

/*
 * Say whether closing this connection now would lose anything.
 *
 * A server that drains closes idle connections at once, and gives the others
 * time. A handler says true before it waits for the next request, and false
 * when one began.
 *
 * idle     false at the start
 * beyond asyncio
 */
void weir_writer_set_idle(weir_writer *w, bool idle);

/*
 * Keep one pointer of the user's with the connection.
 *
 * data     the caller's, never looked at or freed; NULL at the start
 * beyond asyncio
 */
void weir_writer_set_data(weir_writer *w, void *data);

/*
 * The pointer that weir_writer_set_data() kept.
 *
 * returns  it; NULL: none was
 * beyond asyncio
 */
void *weir_writer_data(const weir_writer *w);

/* --- References ---------------------------------------------------------- */

/*
 * Take one more reference to the connection.
 *
 * Both halves then answer until one more weir_writer_free(), also after the
 * handler returned; that still closes the connection, after which they give
 * their answers for a closed one. A plain callback keeps its connection this
 * way, and open.
 *
 * returns  @w
 * beyond asyncio  (Python counts by itself)
 */
weir_writer *weir_writer_ref(weir_writer *w);

/*
 * Drop one reference; the last one closes the connection if need be.
 *
 * Closing is weir_writer_close()'s: output is flushed first, in the background.
 * Neither half may be used after the caller's last reference. A handler does
 * not drop the one that it borrows.
 *
 * w        NULL does nothing
 * beyond asyncio  (Python counts by itself)
 */
void weir_writer_free(weir_writer *w);

/* --- Building streams ---------------------------------------------------- */

/*
 * The protocol that feeds a reader.
 *
 * Together with weir_stream_protocol_new() it makes streams out of any
 * transport, as weir_open_connection() and weir_start_server() do.
 *
 * returns  the table, valid for the life of the process
 * asyncio  asyncio.StreamReaderProtocol
 */
const weir_protocol *weir_stream_protocol(void);

/*
 * Make the @self of a stream protocol, for one connection.
 *
 * At connection_made the reader is given its transport. With @cb a writer is
 * made then, and @cb started as a task, as weir_start_server() does.
 *
 * reader   from weir_reader_new(), for one protocol. Without @cb it stays the caller's, who frees
 *          it after connection_lost; with @cb it becomes half of the
 *          connection, and goes with it
 * cb       NULL: none
 * arg      handed to @cb
 * returns  for exactly one transport, together with weir_stream_protocol();
 *          freed by itself after connection_lost. NULL without memory, or when
 *          @reader is NULL or has a protocol already
 * asyncio  asyncio.StreamReaderProtocol(reader, client_connected_cb)
 */
void *weir_stream_protocol_new(weir_reader *reader, weir_client_connected_cb cb, void *arg);

/* --- Testing handlers ---------------------------------------------------- */

/*
 * Make two connected streams with no kernel between them.
 *
 * What is written to @wa is read from @rb, and the other way round. They belong
 * to the running loop; bytes arrive on a later pass. Limits and marks are the
 * defaults.
 *
 * ra, wa   out: the first end; freed with weir_writer_free(*wa)
 * rb, wb   out: the second end; freed with weir_writer_free(*wb); all are
 *          untouched on failure
 * returns  0, or
 *          WEIR_ESTATE  no loop is running on this thread
 *          -ENOMEM      no memory
 * beyond asyncio  (its tests use socket.socketpair)
 */
WEIR_MUST int weir_stream_pair(weir_reader **ra, weir_writer **wa, weir_reader **rb,
                               weir_writer **wb);

/*
 * Run a handler on given input, and collect what it wrote.           [suspends]
 *
 * The handler gets the input in pieces, then the end. The call returns when the
 * handler has returned and its output is complete.
 *
 * cb       the handler
 * arg      handed to it
 * in       the input; has to stay valid while the call waits
 * in_len   its length in bytes
 * chunk    the most bytes that it gets at a time; 0: any number
 * out      what it wrote, from malloc(3): the caller calls free(3). Untouched
 *          when this call itself fails
 * out_len  its length in bytes
 * returns  what the handler returned, with *out set whatever that is; or, with
 *          *out untouched,
 *          -ENOMEM  no memory
 * beyond asyncio
 */
WEIR_MUST int weir_test_handler(weir_client_connected_cb cb, void *arg, const void *in,
                                size_t in_len, size_t chunk, char **out, size_t *out_len);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
