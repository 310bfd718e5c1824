/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/disk.h  Opening and reading files without ever holding up the loop.
 *
 * First the kernel is asked for what it has in memory (RESOLVE_CACHED, RWF_NOWAIT). Where it would have to wait for a disk, the
 * same is done on a thread of the executor, while the task waits.
 */
#ifndef WEIR_PLUGINS_HTTP_DISK_H
#define WEIR_PLUGINS_HTTP_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/bytes.h>

/*
 * A file that is being read. It belongs to the task, and lies on the heap because a thread may be at it when the task has been
 * cut short: then it is the thread's, which closes and frees it when it is done.
 */
struct disk_file;

/* @root: the folder's descriptor. @path and then @more name the file; both are copied. NULL without memory. */
struct disk_file *disk_new(int root, weir_bytes path, weir_bytes more);
void disk_free(struct disk_file *file);

/* Its own copy of what it was made with. */
weir_bytes disk_path(const struct disk_file *file);

/* Once it is open: its descriptor, and where the next byte is that disk_wait_read() would read. */
int disk_descriptor(const struct disk_file *file);
int64_t disk_position(const struct disk_file *file);

/* What disk_open() found. */
struct disk_facts {
    bool is_regular, is_folder;
    uint64_t size;
    int64_t modified;           /* seconds since 1970 */
};

/* 0; -errno of openat2, where -EXDEV and -ELOOP are paths that lead out of the folder. After -ECANCELED, and every other failure
 * to wait, the file must not be touched any more, disk_free() included: *gone says so. [suspends] */
int disk_wait_open(struct disk_file *file, struct disk_facts *facts, bool *gone);

/* The next bytes, @most or less, as a view that is good until the next call. How many; 0: the end; as disk_wait_open().
 * [suspends] */
ssize_t disk_wait_read(struct disk_file *file, size_t most, weir_bytes *out, bool *gone);

#endif
