/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/server.h>  A server: listening sockets, and a handler for each client.
 *
 * weir_start_server() is asyncio's: one server, on the running loop. Most
 * programs call weir_serve() (<weir/run.h>), which makes one on every worker's
 * loop.
 *
 * Every [suspends] function may return, besides what it lists, -ECANCELED (this
 * task was cancelled while it waited), -ETIMEDOUT (an enclosing weir_timeout
 * ran out) and WEIR_ENOTASK (it would have to wait, and was not called from a
 * task).
 *
 * Loop      A server belongs to the loop that made it; call these functions
 *           only from that loop's thread, except where one says [thread-safe].
 *           A connection stays, from accept to its end, on the loop that
 *           accepted it.
 * Owner     Whoever started a server frees it with weir_server_free(). Its
 *           connections do not need it: they go on after it was closed and
 *           freed.
 * Bytes     Options and their strings are the caller's, and not looked at after
 *           the call returned. @arg is the caller's and valid until the last
 *           handler has returned.
 */
#ifndef WEIR_SERVER_H
#define WEIR_SERVER_H

#include <weir/streams.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Who gets an accepted connection. */
enum weir_balance {
    WEIR_BALANCE_REUSEPORT,     /* the worker whose socket the kernel chose */
    WEIR_BALANCE_EVEN           /* the worker with the fewest of this server's */
};

/* How to serve. All zero: every default; so is a NULL instead of the struct. */
struct weir_server_options {
    size_t limit;               /* bytes: each reader's longest line; reading pauses above twice
                                 * this. 0: 64 KiB */
    weir_tls_context *tls;      /* NULL: no TLS. Answered with -ENOTSUP for now */
    double tls_handshake_timeout;   /* seconds; 0: 60 s; negative, or given without tls: -EINVAL */
    double tls_shutdown_timeout;    /* seconds; 0: 30 s; negative, or given without tls: -EINVAL */
    int family;                 /* AF_INET or AF_INET6: only these addresses; 0, AF_UNSPEC: both */
    int flags;                  /* AI_..., for the resolver; 0: AI_PASSIVE */
    const int *sock;            /* a bound stream socket, which becomes ours; with all_workers, what
                                 * it accepts is dealt out evenly. NULL: none */
    int backlog;                /* callers that the kernel lets wait; 0: 100; weir_serve: 4096 */
    bool no_reuse_address;      /* true: without SO_REUSEADDR, so that a port whose connections
                                 * linger is refused */
    bool reuse_port;            /* true: with SO_REUSEPORT, so that other servers may share it */
    bool no_start_serving;      /* true: bound, but not listening until weir_server_start_serving()
                                 * or weir_server_serve_forever() */
    bool all_workers;           /* true: one server with a listener on every worker's loop, and the
                                 * same port on all */
    enum weir_balance balance;  /* with all_workers, who gets an accepted connection; 0: as the
                                 * kernel chooses */
    bool plain_callback;        /* true: the handler is called directly, before any byte came, and
                                 * must not suspend. It keeps its connection with
                                 * weir_writer_ref(), and whoever kept it closes it; else, or when
                                 * the handler fails, it is closed at the return */
    size_t stack_size;          /* bytes, of each handler's task; 0: 128 KiB */
    size_t max_connections;     /* at so many, on all workers together, accepting stops until one has
                                 * ended; callers wait in the kernel's queue. 0: no bound */
    size_t max_write_buffer;    /* bytes that may wait for one peer; above it the connection is
                                 * aborted with -ENOBUFS. 0: no bound */
    size_t max_read;            /* bytes that one readexactly or read-to-the-end may hold; above it
                                 * -EMSGSIZE. 0: no bound */
    double idle_timeout;        /* seconds without a byte either way, also while output waits for the
                                 * peer; then the connection is aborted, and its suspended calls
                                 * return -ETIMEDOUT. 0: none */
    double close_timeout;       /* seconds that output may take to go out after the handler
                                 * returned, then the connection is aborted; 0: no limit */
    bool proxy_protocol;        /* true: a PROXY header comes first. Answered with -ENOTSUP for
                                 * now */
    bool keep_alive;            /* true: with SO_KEEPALIVE */
    void *reserved[8];          /* 0 */
};

/* --- Starting ------------------------------------------------------------ */

/*
 * Listen on TCP, and run a handler for each client.                  [suspends]
 *
 * Each client's handler is a task of its own, begun before a byte was read. One
 * that fails is reported and its connection closed; the others and the server
 * are not touched. When the process is out of descriptors or memory, accepting
 * pauses, until a descriptor is closed, or for 1.0 s; the callers wait.
 *
 * cb       the handler
 * arg      handed to it
 * host     a name, an address, or several separated by commas: their union,
 *          each bound once. NULL with a port, and "": all interfaces, IPv4 and
 *          IPv6. With opts->sock: NULL
 * port     0: the kernel chooses, for each socket, and with all_workers the
 *          same for every worker. With opts->sock: 0
 * opts     NULL: all defaults; has to stay valid while the call waits.
 *          opts->sock is still the caller's, and open, after -EINVAL, -ENOTSUP
 *          and WEIR_ENOTASK; otherwise it is ours, and closed on failure
 * server   out: the caller's, freed with weir_server_free(); untouched on
 *          failure. It listens already, unless no_start_serving is set
 * returns  0, or
 *          -EINVAL        no handler; host NULL with port 0 and no sock; host or port
 *                         together with sock; a sock that is not a stream; TLS
 *                         times without tls; a negative backlog or time
 *          -ENOTSUP       an option that is not offered
 *          WEIR_ERESOLVE  @host was not resolved
 *          -EADDRINUSE    somebody else has the port; weir_error_detail() has
 *                         the address
 *          -errno         another failure to bind or listen (-EACCES,
 *                         -EADDRNOTAVAIL when that was so for every address,
 *                         ...); nothing stays bound
 *          -ENOMEM        no memory
 * asyncio  asyncio.start_server; an address that is not here is skipped, as in
 *          Python 3.13
 */
WEIR_MUST int weir_start_server(weir_client_connected_cb cb, void *arg, const char *host,
                                uint16_t port, const weir_server_options *opts,
                                weir_server **server);

/*
 * Listen on a Unix socket, and run a handler for each client.        [suspends]
 *
 * As weir_start_server() otherwise. A socket that is at @path already is
 * replaced, even one that somebody listens on; a file of another kind stays.
 * The file is removed when the server closes, if it is still the same one.
 * A Unix socket is one for all workers: with all_workers, each accepted
 * connection goes to the worker with the fewest.
 *
 * cb       the handler
 * arg      handed to it
 * path     of the socket's file, at most 107 bytes, with the permissions that
 *          the umask leaves; or "@name", an abstract name without a file. With
 *          opts->sock: NULL
 * opts     as for weir_start_server(); family, flags, and what TCP alone knows
 *          (no_reuse_address, reuse_port, keep_alive) mean nothing here.
 *          opts->sock: a bound Unix stream socket
 * server   out: the caller's, freed with weir_server_free(); untouched on
 *          failure
 * returns  0, or
 *          -EINVAL        no handler; neither path nor sock, or both; an empty path; a sock
 *                         that is not a Unix stream socket; TLS times without
 *                         tls; a negative backlog or time
 *          -ENOTSUP       an option that is not offered
 *          -ENAMETOOLONG  a path of more than 107 bytes
 *          -EADDRINUSE    a file that is no socket is at @path, or somebody
 *                         else has the abstract name
 *          -ENOENT        no such folder
 *          -errno         another failure to bind or listen (-EACCES, ...)
 *          -ENOMEM        no memory
 * asyncio  asyncio.start_unix_server; the file is removed as in Python 3.13
 */
WEIR_MUST int weir_start_unix_server(weir_client_connected_cb cb, void *arg, const char *path,
                                     const weir_server_options *opts, weir_server **server);

/*
 * Begin to listen, when no_start_serving was set.                    [suspends]
 *
 * Waits one pass. On a server that listens already it does nothing else.
 *
 * returns  0, or
 *          -ESHUTDOWN  the server is closed
 *          -errno      listen(2) failed (-EADDRINUSE, ...)
 * asyncio  Server.start_serving; on a closed server it is an error here
 */
int weir_server_start_serving(weir_server *s);

/*
 * Serve until somebody closes the server or cancels this task.       [suspends]
 *
 * Begins to listen, if need be. When this task is cancelled, the server is
 * closed, and the call returns after weir_server_wait_closed() would; when an
 * enclosing weir_timeout runs out, it is closed, and the call returns at once.
 *
 * returns  -ECANCELED  this task was cancelled, or the server was closed
 *          -EBUSY      another task is in this call
 *          -ESHUTDOWN  the server was closed before
 *          -errno      listen(2) failed
 * asyncio  Server.serve_forever
 */
int weir_server_serve_forever(weir_server *s);

/* --- Closing ------------------------------------------------------------- */

/*
 * Stop listening.                                                 [thread-safe]
 *
 * Connections that were accepted go on; callers in the kernel's queue are
 * dropped. Called on the server's own loop, its listeners are closed at the
 * return; those of other workers' loops soon after. Again: does nothing.
 *
 * asyncio  Server.close
 */
void weir_server_close(weir_server *s);

/*
 * Wait until the server is closed and its last connection gone.      [suspends]
 *
 * In either order; on a server that nobody closes it waits. With all_workers it
 * may be called from any worker's loop, and counts the connections of all.
 *
 * returns  0
 * asyncio  Server.wait_closed, as in Python 3.12.1; 3.11 does not wait for
 *          connections
 */
int weir_server_wait_closed(weir_server *s);

/*
 * Close every connection, each after its output went out.         [thread-safe]
 *
 * As weir_writer_close() of each of the server's connections, on its own loop.
 *
 * asyncio  Server.close_clients (Python 3.13)
 */
void weir_server_close_clients(weir_server *s);

/*
 * Abort every connection.                                         [thread-safe]
 *
 * As weir_writer_abort() of each of them, on its own loop.
 *
 * asyncio  Server.abort_clients (Python 3.13)
 */
void weir_server_abort_clients(weir_server *s);

/*
 * Free a server, closing it first if need be.
 *
 * Its connections go on. No task may be in a call with this server, and no
 * other thread may use it any more.
 *
 * s        NULL does nothing
 * beyond asyncio  (Python frees by itself)
 */
void weir_server_free(weir_server *s);

/* --- Asking -------------------------------------------------------------- */

/*
 * Whether it listens.                                             [thread-safe]
 *
 * returns  true from the moment it listens until it is closed
 * asyncio  Server.is_serving
 */
bool weir_server_is_serving(const weir_server *s);

/*
 * The listening descriptors.
 *
 * With all_workers, one for each address, not for each worker. The order is
 * open. They are the server's: ask them for their address, and do nothing else
 * with them.
 *
 * fds      gets the first @max of them; NULL with @max 0: only count
 * returns  how many there are, which may be more than @max; 0 after the close
 * asyncio  Server.sockets
 */
size_t weir_server_sockets(const weir_server *s, int *fds, size_t max);

/*
 * The loop that the server belongs to.
 *
 * returns  the loop that it was started on, borrowed
 * asyncio  Server.get_loop
 */
weir_loop *weir_server_get_loop(const weir_server *s);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
