/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/plugin.h>  A handler in a shared object, which the weir program loads
 * by the name in its config file.
 *
 * A plugin exports one object, weir_plugin_entry. Each server section that
 * names the plugin has a context of its own, so two sections may use one
 * plugin with different options. What is called when:
 *
 *      configure         once, before anything listens, on the main thread:
 *                        read and check the section's options
 *        worker_start    on each worker, in a task, before anything listens
 *          client_connected   for each connection, in a task of its own
 *        worker_stop     on each worker whose worker_start succeeded, in a
 *                        task, when the section's connections are gone there
 *      destroy           once, on the main thread, when all workers have
 *                        stopped, or when the start failed after configure
 *                        had succeeded
 *
 * "weir check" stops after configure, and calls destroy.
 *
 * Compile it with cc -shared -fPIC x.c $(pkg-config --cflags --libs weir), or
 * with --cflags alone: the program brings the library. A deep stack is caught
 * for certain only with -fstack-clash-protection (the default of many
 * distributions' compilers).
 *
 * The program loads a private copy of the file, so that the file may be
 * replaced while it runs, and never unloads it: pointers into it stay valid.
 *
 * Loop      client_connected, worker_start and worker_stop run on workers'
 *           loops, several at the same time: what they share needs a lock or an
 *           atomic. What is given out through *state is one worker's alone.
 * Owner     A context is the program's. It is valid from configure to destroy,
 *           and so are the strings its functions return.
 * Bytes     Keys, names and texts are NUL-terminated, UTF-8 as the file has
 *           them.
 */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <weir/streams.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What a plugin was compiled for: major << 16 | minor. The program refuses another major number,
 * and names both. */
#define WEIR_PLUGIN_ABI 0x00010000u

/* One server section, as its plugin sees it. */
typedef struct weir_plugin_context weir_plugin_context;

/* What a plugin is. A callback that is NULL is left out; only client_connected has to be there. */
typedef struct weir_plugin {
    uint32_t abi;               /* WEIR_PLUGIN_ABI */
    uint32_t size;              /* sizeof(weir_plugin): what is beyond it counts as NULL */
    const char *name;           /* for logs and "weir version"; NULL: the file's name */
    const char *version;        /* in words of its own; NULL: none */
    const char *description;    /* one line; NULL: none */

    /* Read and check the options. Must not suspend. Negative: the program does not start, and says
     * what weir_plugin_context_fail() was told. Every option that is wrong may be told before it
     * returns. An option in the file that was not asked for is an error too. */
    int  (*configure)(weir_plugin_context *ctx);

    /* Prepare a worker; may suspend. *state, NULL at first, becomes the handlers' state there.
     * Negative: the program does not start. */
    int  (*worker_start)(weir_plugin_context *ctx, void **state);

    /* The handler: as weir_client_connected_cb, with the worker's state as its arg. */
    int  (*client_connected)(weir_reader *reader, weir_writer *writer, void *state);

    /* Undo worker_start; may suspend. */
    void (*worker_stop)(weir_plugin_context *ctx, void *state);

    /* Undo configure. */
    void (*destroy)(weir_plugin_context *ctx);

    void *reserved[8];          /* 0 */
} weir_plugin;

/* What a plugin's file defines: const weir_plugin weir_plugin_entry = { WEIR_PLUGIN_ABI,
 * sizeof(weir_plugin), .name = "...", .client_connected = ... }; */
extern __attribute__((visibility("default"))) const weir_plugin weir_plugin_entry;

/* --- The section --------------------------------------------------------- */

/*
 * The name of the server section.                                 [thread-safe]
 *
 * returns  the text after "name =" in the config file
 * beyond asyncio
 */
const char *weir_plugin_context_server_name(const weir_plugin_context *ctx);

/*
 * Keep a pointer with the section.
 *
 * data     the plugin's own; destroy frees what it points to
 * beyond asyncio
 */
void weir_plugin_context_set_data(weir_plugin_context *ctx, void *data);

/*
 * The pointer kept with the section.                              [thread-safe]
 *
 * returns  what weir_plugin_context_set_data() was given last; NULL at first
 * beyond asyncio
 */
void *weir_plugin_context_data(const weir_plugin_context *ctx);

/* --- Options, in configure ----------------------------------------------- */

/*
 * A text option.
 *
 * In configure only, as all functions of this group. Asking makes the option a
 * known one, so a plugin asks for each of its options, always.
 *
 * key        its name in the section's "options"
 * otherwise  returned when the option is not there; may be NULL
 * returns    the text, valid until destroy. When the option is there and is no
 *            text, that is told as by weir_plugin_context_fail(), and
 *            @otherwise is returned
 * beyond asyncio
 */
const char *weir_plugin_context_option(weir_plugin_context *ctx, const char *key,
                                       const char *otherwise);

/*
 * An integer option.
 *
 * otherwise  stored when the option is not there; not compared with the bounds
 * least      the smallest value allowed
 * most       the largest value allowed
 * out        untouched on failure
 * returns    0, or
 *            WEIR_ECONFIG  the option is no integer, or out of bounds; told as
 *                          by weir_plugin_context_fail()
 * beyond asyncio
 */
int weir_plugin_context_option_int(weir_plugin_context *ctx, const char *key, int64_t otherwise,
                                   int64_t least, int64_t most, int64_t *out);

/*
 * An option that is a number of bytes: 65536, "64k", "1M", "2G".
 *
 * otherwise  bytes; stored when the option is not there
 * out        bytes; untouched on failure
 * returns    0, or
 *            WEIR_ECONFIG  it is no size; told as by
 *                          weir_plugin_context_fail()
 * beyond asyncio
 */
int weir_plugin_context_option_size(weir_plugin_context *ctx, const char *key, size_t otherwise,
                                    size_t *out);

/*
 * An option that is a time span: 1.5, "1.5s", "200ms", "2m", "1h", "1d".
 *
 * otherwise  seconds; stored when the option is not there
 * out        seconds, 0 or more; untouched on failure
 * returns    0, or
 *            WEIR_ECONFIG  it is no time span; told as by
 *                          weir_plugin_context_fail()
 * beyond asyncio
 */
int weir_plugin_context_option_duration(weir_plugin_context *ctx, const char *key, double otherwise,
                                        double *out);

/*
 * An option that is true or false.
 *
 * otherwise  stored when the option is not there
 * out        untouched on failure
 * returns    0, or
 *            WEIR_ECONFIG  it is neither; told as by
 *                          weir_plugin_context_fail()
 * beyond asyncio
 */
int weir_plugin_context_option_bool(weir_plugin_context *ctx, const char *key, bool otherwise,
                                    bool *out);

/*
 * An option that names a file or folder.
 *
 * Nothing is said about whether it exists: who opens it finds out.
 *
 * otherwise  as weir_plugin_context_option(); returned as it is
 * returns    the path, absolute: a relative one is taken from the folder of the
 *            config file that has the option
 * beyond asyncio
 */
const char *weir_plugin_context_option_path(weir_plugin_context *ctx, const char *key,
                                            const char *otherwise);

/*
 * Say that an option is wrong.
 *
 * The program shows it with the file and the line of the option, or of the
 * section when the option is not there, beside all other errors. In
 * worker_start, where lines are not known any more, it is logged.
 *
 * key      the option, or NULL: the section as a whole
 * fmt      as printf(3): what was found, and what was expected
 * returns  WEIR_ECONFIG, for configure to return
 * beyond asyncio
 */
__attribute__((format(printf, 3, 4)))
int weir_plugin_context_fail(weir_plugin_context *ctx, const char *key, const char *fmt, ...);

/* --- Counting and logging ------------------------------------------------ */

/*
 * Ask for a counter, in configure.
 *
 * The same name in the same section gives the same counter.
 *
 * name     of letters, digits and underscores; told together with the section's
 * help     one line: what is counted
 * returns  an id for weir_counter_add(). When there is no room for another
 *          counter (256 in the process), that is told as by
 *          weir_plugin_context_fail(), and the id counts nothing
 * beyond asyncio
 */
unsigned weir_plugin_context_counter(weir_plugin_context *ctx, const char *name, const char *help);

/*
 * Count on this worker.
 *
 * No lock and no atomic read-modify-write: each worker has numbers of its own,
 * which are added up when somebody asks. On a thread that is no worker's it
 * does nothing.
 *
 * id       from weir_plugin_context_counter()
 * n        added
 * beyond asyncio
 */
void weir_counter_add(unsigned id, uint64_t n);

/*
 * Take over the access log of the section, in configure.
 *
 * By itself the program writes a line when a connection ends. A plugin that
 * knows requests calls this, and writes a line for each of them with
 * weir_plugin_context_access().
 *
 * returns  whether the section has an access log; if not, there is nothing to
 *          write
 * beyond asyncio
 */
bool weir_plugin_context_access_log(weir_plugin_context *ctx);

/*
 * Write a line to the section's access log.
 *
 * Queued, so it never waits; a line that finds the queue full is dropped and
 * counted. Does nothing when the section has none. On the worker's thread.
 *
 * writer   whose peer is named in the line
 * fmt      as printf(3): fields "key=value", separated by single spaces, a
 *          value with spaces in double quotes, with \" and \\ inside. Control
 *          characters are escaped by the log
 * beyond asyncio
 */
__attribute__((format(printf, 3, 4)))
void weir_plugin_context_access(weir_plugin_context *ctx, weir_writer *writer, const char *fmt, ...);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
