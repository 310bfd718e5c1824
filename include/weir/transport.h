/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/transport.h>  Connections as callbacks: a transport below, a protocol
 * above.
 *
 * A transport moves bytes; a protocol is a table of functions that is told
 * about them. Every connection is one of each. Streams (<weir/streams.h>) are
 * one protocol among others.
 *
 *      connection_made  [data_received]*  [eof_received]?  connection_lost
 *
 * Nothing is called before the first or after the last of these. With
 * get_buffer set, each data_received is a get_buffer and, when something came,
 * a buffer_updated. pause_writing and resume_writing come in turn, pause first,
 * anywhere between connection_made and connection_lost. A connect that fails
 * calls nothing.
 *
 * When output goes out: write gathers it; all that is gathered is offered to
 * the kernel at once, and nobody waits, when the running task suspends or ends,
 * at the end of the pass for what plain callbacks wrote, in flush, close,
 * write_eof, abort, sendfile, set_protocol, set_write_buffer_limits and
 * get_extra_info("socket"), and when the loop stops. A large write goes out at
 * once. While a short write waits for the kernel, only the write-ready event
 * sends.
 *
 * Every [suspends] function may return, besides what it lists, -ECANCELED (this
 * task was cancelled while it waited), -ETIMEDOUT (an enclosing weir_timeout
 * ran out) and WEIR_ENOTASK (it would have to wait, and was not called from a
 * task); it then has closed what it had opened, and calls nothing.
 *
 * Loop      A transport belongs to the loop that made it; call its functions,
 *           and expect its callbacks, on that loop's thread only. Callbacks run
 *           on the loop's own stack and must not suspend. Except pause_writing,
 *           which runs inside the write that went over the mark, none is called
 *           from inside a function of this header.
 * Owner     A transport is the library's and counted: it answers until
 *           connection_lost has returned and no suspended call holds it. A
 *           protocol's table and @self are the user's and valid until
 *           connection_lost has returned.
 * Bytes     What is written is sent or copied before the call returns. What
 *           data_received is given is valid during that call only.
 */
#ifndef WEIR_TRANSPORT_H
#define WEIR_TRANSPORT_H

#include <weir/address.h>
#include <weir/loop.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One connection's way to the outside. */
typedef struct weir_transport weir_transport;

/* Certificates and rules for TLS. */
typedef struct weir_tls_context weir_tls_context;

/* The two halves of a stream, in <weir/streams.h>. */
typedef struct weir_reader weir_reader;
typedef struct weir_writer weir_writer;

/* A set of listening sockets, in <weir/server.h>. */
typedef struct weir_server weir_server;

/* How to connect, in <weir/streams.h>; how to serve, in <weir/server.h>. */
typedef struct weir_connect_options weir_connect_options;
typedef struct weir_server_options weir_server_options;

#define WEIR_UNSET ((size_t)-1) /* a size that is not given */

/*
 * What a connection calls. Any member may be NULL, which does nothing; @self is
 * what was given along with the table.
 *
 * A callback that fails calls weir_transport_fail(). asyncio's Protocol and
 * BufferedProtocol.
 */
typedef struct weir_protocol {
    /* First, once: the transport is ready. Reading starts after it, unless it was paused. */
    void (*connection_made)(void *self, weir_transport *transport);
    /* Last, once. code: 0 for a regular close, after close(), abort() or the peer's end; or
     * what the connection failed with. The descriptor is closed after it returned. */
    void (*connection_lost)(void *self, int code);
    /* len bytes came, 1 to 262144 of them. They are valid during the call; where a piece
     * ends means nothing. */
    void (*data_received)(void *self, const void *data, size_t len);
    /* Set: a buffered protocol, and data_received is not called. Says where the next bytes
     * shall go: *buf, of *len bytes, at least 1. hint: how many are at hand; WEIR_UNSET: any
     * size. *len 0 fails the connection with WEIR_ESTATE. */
    void (*get_buffer)(void *self, size_t hint, void **buf, size_t *len);
    /* n bytes are at the beginning of what get_buffer named last, 1 to its len. */
    void (*buffer_updated)(void *self, size_t n);
    /* The peer finished sending; once, and no bytes come after it. true: keep the transport
     * open for writing. false, or NULL: it closes itself, after what was written went out. */
    bool (*eof_received)(void *self);
    /* More than the high mark is buffered: stop writing. */
    void (*pause_writing)(void *self);
    /* The low mark or less is buffered: write on. */
    void (*resume_writing)(void *self);
    void *reserved[8];          /* 0 */
} weir_protocol;

/*
 * Makes the protocol of one new connection; it must not suspend.
 *
 * arg       what was given along with the factory
 * protocol  out: the table
 * self      out: what its callbacks are handed
 * returns   0; or a negative code: this connection is dropped without a
 *           callback, and whoever connects gets the code
 */
typedef int (*weir_protocol_factory)(void *arg, const weir_protocol **protocol, void **self);

/* --- Closing ------------------------------------------------------------- */

/*
 * Close, after what was written went out.
 *
 * Reading stops at once, even for bytes that have come. connection_lost(0)
 * follows on a later pass, or when the output is gone; a failure on the way
 * makes it connection_lost(that code). Waiting for the peer to take the output
 * has no time limit of its own. Again: does nothing.
 *
 * asyncio  BaseTransport.close
 */
void weir_transport_close(weir_transport *t);

/*
 * Close now, and drop what the kernel did not take.
 *
 * Output that was gathered is offered once first. Reading stops, the write
 * buffer is empty, connection_lost(0) follows on a later pass. After
 * weir_transport_close() it cuts a flush that does not end; when
 * connection_lost is on its way, it does nothing.
 *
 * asyncio  WriteTransport.abort
 */
void weir_transport_abort(weir_transport *t);

/*
 * Report that a callback failed, from inside it.
 *
 * The loop's exception handler is told. In data_received, eof_received,
 * get_buffer and buffer_updated the connection is then aborted and lost with
 * @code; in connection_made, connection_lost, pause_writing and resume_writing
 * it is only reported, and goes on.
 *
 * code     negative; another number counts as -EINVAL
 * why      a sentence for the exception handler; read before the call returns;
 *          may be NULL
 * asyncio  raising an exception in a callback
 */
void weir_transport_fail(weir_transport *t, int code, const char *why);

/*
 * Whether closing has begun.
 *
 * returns  true from the first close, abort, failure or automatic close on, for
 *          ever
 * asyncio  BaseTransport.is_closing
 */
bool weir_transport_is_closing(const weir_transport *t);

/* --- Facts and protocol -------------------------------------------------- */

/*
 * A fact about the connection, by name.
 *
 * "peername" and "sockname" are const weir_address *; for a Unix socket a path,
 * an abstract name, or an address without either when that end has no name.
 * "socket" is const int *, the descriptor; of a pipe transport it is "pipe", and
 * the others are unknown. Asking for the descriptor offers gathered output to
 * the kernel first, so that what is sent by hand comes after it. "peercred" is
 * const struct ucred * (<sys/socket.h> with _GNU_SOURCE): process, user and
 * group of the other end of a Unix socket, as they were when it was connected.
 * "bytes_received" and "bytes_sent" are const uint64_t *, what the connection
 * has carried so far.
 *
 * returns  a pointer that stays valid as long as the transport, after
 *          connection_lost too; NULL for a name that this transport does not
 *          know, or a fact that it does not have
 * asyncio  BaseTransport.get_extra_info, whose default is always NULL here
 */
const void *weir_transport_get_extra_info(const weir_transport *t, const char *name);

/*
 * Give the transport another protocol.
 *
 * It counts from the next callback on; connection_made is not called for it.
 * Plain and buffered protocols may follow each other. Gathered output is
 * offered first.
 *
 * Whoever puts a protocol in the place of one that is not his, such as a stream's,
 * puts it back before the end, or hands his connection_lost on to it.
 *
 * protocol  valid until connection_lost has returned; NULL does nothing
 * self      handed to its callbacks
 * asyncio   BaseTransport.set_protocol
 */
void weir_transport_set_protocol(weir_transport *t, const weir_protocol *protocol, void *self);

/*
 * The protocol that the transport calls now.
 *
 * self     out: what its callbacks are handed; NULL: not wanted
 * returns  its table
 * asyncio  BaseTransport.get_protocol
 */
const weir_protocol *weir_transport_get_protocol(const weir_transport *t, void **self);

/* --- Reading ------------------------------------------------------------- */

/*
 * Stop delivering input.
 *
 * While paused nothing is noticed: no bytes, no end, no reset. Does nothing
 * when already paused or closing. Inside data_received it counts at once.
 *
 * returns  0, or
 *          -ENOTSUP  this transport cannot pause
 * asyncio  ReadTransport.pause_reading
 */
int weir_transport_pause_reading(weir_transport *t);

/*
 * Deliver input again: bytes first, then an end or a failure.
 *
 * Does nothing when not paused or closing.
 *
 * returns  0, or
 *          -ENOTSUP  this transport cannot pause
 * asyncio  ReadTransport.resume_reading
 */
int weir_transport_resume_reading(weir_transport *t);

/*
 * Whether input is delivered: neither paused nor closing.
 *
 * returns  true also after an end that eof_received kept open
 * asyncio  ReadTransport.is_reading
 */
bool weir_transport_is_reading(const weir_transport *t);

/* --- Writing ------------------------------------------------------------- */

/*
 * Set the marks at which writing is paused and resumed.
 *
 * pause_writing comes when more than @high bytes are buffered, resume_writing
 * when @low or less are. Gathered output is offered first. When more than the
 * new @high is buffered then, pause_writing is called from inside this call;
 * raising the marks never resumes by itself.
 *
 * high     bytes; WEIR_UNSET: four times @low, or 65536 when that is not given
 *          either. 0: pause on any byte that the kernel leaves
 * low      bytes, not above @high; WEIR_UNSET: a quarter of @high, or 16384. 0:
 *          resume when nothing is left
 * returns  0, or
 *          -EINVAL  @low above @high; the marks are as before
 * asyncio  WriteTransport.set_write_buffer_limits
 */
int weir_transport_set_write_buffer_limits(weir_transport *t, size_t high, size_t low);

/*
 * The marks at which writing is paused and resumed.
 *
 * low      out, bytes
 * high     out, bytes
 * asyncio  WriteTransport.get_write_buffer_limits
 */
void weir_transport_get_write_buffer_limits(const weir_transport *t, size_t *low, size_t *high);

/*
 * How many bytes were written and not yet taken by the kernel.
 *
 * returns  bytes, gathered ones included; 0 after abort and after
 *          connection_lost
 * asyncio  WriteTransport.get_write_buffer_size; here a write is gathered
 *          first, so the number is not 0 right after it
 */
size_t weir_transport_get_write_buffer_size(const weir_transport *t);

/*
 * Write bytes, without waiting.
 *
 * Never refused for size. The caller's memory is free again at the return.
 * Going over the high mark calls pause_writing from inside this call, after
 * gathered output was offered. On a connection that is lost, or closed, the
 * bytes are dropped and the answer is 0: the failure comes as connection_lost.
 *
 * data     may be NULL when @len is 0
 * len      0: does nothing
 * returns  0, or
 *          -EINVAL      @data is NULL and @len is not 0
 *          WEIR_ESTATE  after weir_transport_write_eof(), and while a file is
 *                       sent; for 0 bytes too
 *          -ENOTSUP     this is a read pipe; for 0 bytes too
 *          -ENOMEM      no memory for the copy; the connection is aborted,
 *                       since its output would have a gap
 * asyncio  WriteTransport.write
 */
int weir_transport_write(weir_transport *t, const void *data, size_t len);

/*
 * Write several pieces as one.
 *
 * As one weir_transport_write() of all of them joined: the marks are looked at
 * once.
 *
 * chunks   views; their bytes are free again at the return
 * count    0: does nothing
 * returns  as weir_transport_write()
 * asyncio  WriteTransport.writelines
 */
int weir_transport_writelines(weir_transport *t, const weir_bytes *chunks, size_t count);

/*
 * Offer gathered output to the kernel now; never waits.
 *
 * For a task or callback that computes for long after a write.
 *
 * returns  0, also when the kernel took only a part, or the connection is lost:
 *          that comes as connection_lost, and weir_transport_is_closing() is
 *          true at once
 * beyond asyncio  (there write sends by itself)
 */
int weir_transport_flush(weir_transport *t);

/*
 * End the output, after what was written went out; input goes on.
 *
 * With nothing buffered the end is sent at once. Does nothing when done already
 * or closing. A write pipe has nothing else to keep open: for it this is
 * weir_transport_close().
 *
 * returns  0, or
 *          -ENOTSUP   this transport has no half-close; nothing changed
 *          WEIR_ESTATE  a file is being sent; nothing changed
 *          -ENOTCONN  the peer is gone, which was not noticed yet; the
 *                     transport is not closed
 *          -errno     another failure of shutdown(2); likewise
 * asyncio  WriteTransport.write_eof
 */
int weir_transport_write_eof(weir_transport *t);

/*
 * Whether the output can be ended by itself.
 *
 * returns  true for sockets and write pipes
 * asyncio  WriteTransport.can_write_eof
 */
bool weir_transport_can_write_eof(const weir_transport *t);

/* --- Making connections -------------------------------------------------- */

/*
 * Connect, and build a transport and a protocol.                     [suspends]
 *
 * As weir_open_connection() connects. Then the factory is called, then
 * connection_made, then reading starts, then this call returns.
 *
 * host       a name or an address; NULL or "" with a port: this machine. With
 *            opts->sock: NULL
 * port       with opts->sock: 0
 * opts       as for weir_open_connection(); limit and max_read are of no
 *            meaning here; NULL: all defaults; has to stay valid while the call
 *            waits
 * transport  out: the library's, valid as the top of this header says;
 *            untouched on failure. connection_made may have closed it already
 * returns  0, or
 *          -EINVAL        no factory; opts that do not fit together, as
 *                         weir_open_connection() lists them
 *          -ENOTSUP       an option that is not offered
 *          WEIR_ERESOLVE  @host, or opts->local_host, was not resolved
 *          -ETIMEDOUT     opts->timeout ran out
 *          -errno         no address could be connected: the first attempt's
 *                         code; weir_error_detail() lists them all
 *          -ESHUTDOWN     the loop is closed
 *          -ENOMEM        no memory
 *          another code   the factory's
 * asyncio  loop.create_connection; several failures give the first one's code
 */
int weir_loop_create_connection(weir_loop *loop, weir_protocol_factory factory, void *arg,
                                const char *host, uint16_t port, const weir_connect_options *opts,
                                weir_transport **transport);

/*
 * Connect to a Unix socket, and build a transport and a protocol.    [suspends]
 *
 * path       as for weir_open_unix_connection()
 * opts       as for weir_open_unix_connection(); limit and max_read are of no
 *            meaning here; NULL: all defaults
 * transport  out: the library's, valid as the top of this header says;
 *            untouched on failure. connection_made may have closed it already
 * returns  0, or
 *          -EINVAL        no factory; opts that do not fit together, as
 *                         weir_open_unix_connection() lists them
 *          -ENOTSUP       an option that is not offered
 *          -ENAMETOOLONG  a path of more than 107 bytes
 *          -ENOENT        there is no such file
 *          -ECONNREFUSED  nobody listens on it
 *          -errno         another failure to connect (-EACCES, -EAGAIN when the
 *                         listener's queue is full, ...)
 *          -ESHUTDOWN     the loop is closed
 *          -ENOMEM        no memory
 *          another code   the factory's
 * asyncio  loop.create_unix_connection
 */
int weir_loop_create_unix_connection(weir_loop *loop, weir_protocol_factory factory, void *arg,
                                     const char *path, const weir_connect_options *opts,
                                     weir_transport **transport);

/*
 * Listen, and build a transport and a protocol for each client.      [suspends]
 *
 * The factory is called after accept, on the loop; a client whose factory fails
 * is dropped.
 *
 * host     as for weir_start_server()
 * port     as for weir_start_server()
 * opts     as for weir_start_server(); limit, max_read, stack_size,
 *          plain_callback and close_timeout are of no meaning here; NULL: all
 *          defaults; has to stay valid while the call waits
 * server   out: the caller's, freed with weir_server_free(); untouched on
 *          failure
 * returns  as weir_start_server()
 * asyncio  loop.create_server
 */
int weir_loop_create_server(weir_loop *loop, weir_protocol_factory factory, void *arg,
                            const char *host, uint16_t port, const weir_server_options *opts,
                            weir_server **server);

/* --- Pipes --------------------------------------------------------------- */

/*
 * Read from a FIFO, a character device or a socket.                  [suspends]
 *
 * Everything of a transport but writing, which is refused with -ENOTSUP. At the
 * end eof_received is called, and then, whatever it answers,
 * connection_lost(0). A failure to read is what the connection is lost with, and
 * told to the exception handler, except -EIO, by which a terminal says that its
 * other side was closed. The factory is called first, then connection_made, then
 * reading starts, then this call returns.
 *
 * With weir_stream_protocol() it is a reader over a pipe.
 *
 * fd         becomes non-blocking, for all who share its open file (a terminal
 *            that standard input and output both are), and stays so. Still the
 *            caller's, and as it was, after -EINVAL and WEIR_ENOTASK; otherwise
 *            the transport's, and closed on failure
 * transport  out: the library's, valid as the top of this header says;
 *            untouched on failure. connection_made may have closed it already
 * returns  0, or
 *          -EINVAL       @fd is none of the three, or not open for reading; or
 *                        @factory is NULL
 *          -ENOMEM       no memory
 *          WEIR_ESTATE   @loop is not the one that runs on this thread; the
 *                        factory made no protocol
 *          -ESHUTDOWN    the loop is closed
 *          another code  the factory's
 * asyncio  loop.connect_read_pipe
 */
int weir_loop_connect_read_pipe(weir_loop *loop, weir_protocol_factory factory, void *arg, int fd,
                                weir_transport **transport);

/*
 * Write to a FIFO, a character device or a socket.                   [suspends]
 *
 * Everything of a transport but reading: pausing it answers -ENOTSUP.
 * weir_transport_write_eof() is weir_transport_close(), and what is written
 * after it is dropped. When the last reader of a FIFO has left, or a socket's
 * peer has ended, that is noticed at once, also when nothing is written:
 * connection_lost(0) when nothing was buffered, connection_lost(-EPIPE) when
 * something was. A FIFO that is open for both, a device, and a socket whose peer
 * sends, show it by a write that fails. SIGPIPE is never raised: a thread that
 * runs a loop blocks it as long as it does.
 *
 * fd, transport  as for weir_loop_connect_read_pipe()
 * returns  as weir_loop_connect_read_pipe(); -EINVAL: not open for writing
 * asyncio  loop.connect_write_pipe, where resume_writing waits for an empty
 *          buffer; here the low mark counts as everywhere
 */
int weir_loop_connect_write_pipe(weir_loop *loop, weir_protocol_factory factory, void *arg, int fd,
                                 weir_transport **transport);

/* --- Files --------------------------------------------------------------- */

/*
 * Send a part of a file, without a copy where the kernel can.        [suspends]
 *
 * What was written goes out first: the call waits until the write buffer is
 * empty. While it runs, reading is paused and writing refused. Bytes that are
 * not in memory are read by a thread of the executor first, so that the disk is
 * not waited for by the loop. Over a transport without a socket, and for a file
 * that sendfile(2) does not take, bytes are read and written.
 *
 * Cut short or failed, the transport is as before, unless it is lost: reading
 * goes on, writing is allowed, what went out went out, and the file's position
 * says how much that was.
 *
 * loop     the transport's
 * fd       a regular file or a block device, open for reading. The caller's; its
 *          position is of no meaning before, and @offset plus what was sent
 *          afterwards, on failures too, but for those marked *
 * offset   bytes from the file's beginning, 0 or more
 * count    bytes, above 0; WEIR_UNSET: to the end of the file. Past the end it
 *          stops at the end
 * returns  how many bytes were sent, 0 too: fewer than @count means that the
 *          file ended; or
 *          -EINVAL *     a negative offset, a count of 0, @fd is no file or not
 *                        open for reading, @loop is not the transport's
 *          WEIR_ESTATE * the transport is closing, or has not begun, or its
 *                        output was ended; called from another thread
 *          -EBUSY *      another file is being sent
 *          -ENOTSUP *    the transport is a read pipe
 *          WEIR_ESTATE   closed or aborted here while it waited
 *          -EIO, ...     the file can't be read
 *          -ENOMEM, -EMFILE, -EAGAIN  no memory, descriptor or thread for reading
 *          another code  the one the connection failed with (-EPIPE,
 *                        -ECONNRESET, ...)
 * asyncio  loop.sendfile
 */
int64_t weir_loop_sendfile(weir_loop *loop, weir_transport *t, int fd, int64_t offset, size_t count);

/* --- For tests ----------------------------------------------------------- */

/*
 * Listen on a Unix socket, and build a transport and a protocol for  [suspends]
 * each client.
 *
 * As weir_loop_create_server() otherwise.
 *
 * path     as for weir_start_unix_server()
 * opts     as for weir_start_unix_server(); limit, max_read, stack_size,
 *          plain_callback and close_timeout are of no meaning here; NULL: all
 *          defaults; has to stay valid while the call waits
 * server   out: the caller's, freed with weir_server_free(); untouched on
 *          failure
 * returns  as weir_start_unix_server()
 * asyncio  loop.create_unix_server
 */
int weir_loop_create_unix_server(weir_loop *loop, weir_protocol_factory factory, void *arg,
                                 const char *path, const weir_server_options *opts,
                                 weir_server **server);

/*
 * Make two connected transports with no kernel between them.
 *
 * For tests of protocols and handlers. They belong to the running loop, and
 * behave as two ends of a socket: what one writes, the other is told on a later
 * pass; both connection_made are called on a later pass.
 *
 * fa, aa   the factory of the first end, and its argument
 * a        out: the first end, the library's
 * fb, ab   the factory of the second end, and its argument
 * b        out: the second end, the library's; both are untouched on failure
 * chunk    the most bytes that one step carries, and that are taken of what is
 *          written at a time; 0: any number
 * returns  0, or
 *          -EINVAL       a factory is NULL
 *          WEIR_ESTATE   no loop is running on this thread; a factory made no
 *                        protocol
 *          -ENOMEM       no memory
 *          another code  a factory's
 * beyond asyncio  (its tests use socket.socketpair)
 */
int weir_memory_pair(weir_protocol_factory fa, void *aa, weir_transport **a,
                     weir_protocol_factory fb, void *ab, weir_transport **b, size_t chunk);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
