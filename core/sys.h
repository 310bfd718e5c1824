/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sys.h  The seam: every system call and allocation of the framework.
 *
 * In a release build each function is the plain call with errno turned into a negative code on the spot. Test builds
 * (WEIR_FAULTS) ask the fault plan of sys_fault.c first, which counts, fails the n-th call, or shortens a transfer.
 * Nothing else in core, net and streams calls these functions of libc (the tidy test looks).
 *
 * What libev calls by itself (epoll_wait, epoll_ctl, clock_gettime) does not pass here; test programs interpose it.
 */
#ifndef WEIR_CORE_SYS_H
#define WEIR_CORE_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum sys_call {
    SYS_ALLOC, SYS_MMAP, SYS_MADVISE, SYS_MPROTECT, SYS_EVENTFD, SYS_READ, SYS_WRITE, SYS_CLOSE, SYS_THREAD,
    SYS_SOCKET, SYS_BIND, SYS_LISTEN, SYS_ACCEPT, SYS_CONNECT, SYS_GETSOCKNAME, SYS_GETPEERNAME, SYS_SETSOCKOPT,
    SYS_GETSOCKOPT, SYS_NONBLOCK, SYS_SHUTDOWN, SYS_RECV, SYS_SEND, SYS_GETADDRINFO, SYS_GETNAMEINFO, SYS_SIGACTION,
    SYS_LSTAT, SYS_CHMOD, SYS_UNLINK, SYS_EPOLL_CREATE, SYS_EPOLL_CTL, SYS_EPOLL_WAIT, SYS_FSTAT, SYS_SENDFILE,
    SYS_PREAD, SYS_SEEK, SYS_DUP,
    SYS_CALLS
};

#ifdef WEIR_FAULTS
/* 0 to go on, or the negative code the call fails with. */
int weir__fault(enum sys_call call);
/* How many of @len bytes this transfer may carry; at least 1. */
size_t weir__fault_cap(enum sys_call call, size_t len);
#else
static inline int weir__fault(enum sys_call call)
{
    (void)call;
    return 0;
}
static inline size_t weir__fault_cap(enum sys_call call, size_t len)
{
    (void)call;
    return len;
}
#endif

/* --- Memory --------------------------------------------------------------- */

static inline void *sys_malloc(size_t size)
{
    return weir__fault(SYS_ALLOC) < 0 ? NULL : malloc(size);
}

static inline void *sys_calloc(size_t count, size_t size)
{
    return weir__fault(SYS_ALLOC) < 0 ? NULL : calloc(count, size);
}

/* For a type that wants more alignment than malloc gives; @size is a multiple of @alignment, as sizeof is. */
static inline void *sys_aligned_alloc(size_t alignment, size_t size)
{
    return weir__fault(SYS_ALLOC) < 0 ? NULL : aligned_alloc(alignment, size);
}

static inline void *sys_realloc(void *at, size_t size)
{
    return weir__fault(SYS_ALLOC) < 0 ? NULL : realloc(at, size);
}

static inline void sys_free(void *at)
{
    free(at);
}

/* Address space for stacks: no memory is promised for it until it is touched. NULL when there is none. */
static inline void *sys_map_stacks(size_t size)
{
    if (weir__fault(SYS_MMAP) < 0)
        return NULL;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static inline void sys_unmap(void *at, size_t size)
{
    munmap(at, size);
}

static inline int sys_madvise(void *at, size_t size, int advice)
{
    int fault = weir__fault(SYS_MADVISE);
    if (fault < 0)
        return fault;
    return madvise(at, size, advice) < 0 ? -errno : 0;
}

static inline int sys_protect_none(void *at, size_t size)
{
    int fault = weir__fault(SYS_MPROTECT);
    if (fault < 0)
        return fault;
    return mprotect(at, size, PROT_NONE) < 0 ? -errno : 0;
}

/* --- Time ----------------------------------------------------------------- */

#define NS_PER_SECOND 1000000000LL

static inline int64_t sys_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);       /* cannot fail with this clock and a valid pointer */
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* --- Descriptors, threads, signals ---------------------------------------- */

static inline int sys_eventfd(void)
{
    int fault = weir__fault(SYS_EVENTFD);
    if (fault < 0)
        return fault;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* A set of our own; libev has another, which it looks after by itself. */
static inline int sys_epoll_create(void)
{
    int fault = weir__fault(SYS_EPOLL_CREATE);
    if (fault < 0)
        return fault;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static inline int sys_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    int fault = weir__fault(SYS_EPOLL_CTL);
    if (fault < 0)
        return fault;
    return epoll_ctl(epoll, op, fd, event) < 0 ? -errno : 0;
}

/* What is ready now: never waits. */
static inline int sys_epoll_poll(int epoll, struct epoll_event *events, int most)
{
    int fault = weir__fault(SYS_EPOLL_WAIT);
    if (fault < 0)
        return fault;
    int count = epoll_wait(epoll, events, most, 0);
    return count < 0 ? -errno : count;
}

static inline ssize_t sys_read(int fd, void *buf, size_t len)
{
    int fault = weir__fault(SYS_READ);
    if (fault < 0)
        return fault;
    ssize_t n = read(fd, buf, len);
    return n < 0 ? -errno : n;
}

/* Async-signal-safe in release builds; signal handlers rely on it. */
static inline ssize_t sys_write(int fd, const void *buf, size_t len)
{
    int fault = weir__fault(SYS_WRITE);
    if (fault < 0)
        return fault;
    ssize_t n = write(fd, buf, len);
    return n < 0 ? -errno : n;
}

/* The descriptor is gone whatever close says (close(2), "Dealing with error returns"): nothing to hand on. */
static inline void sys_close(int fd)
{
    weir__fault(SYS_CLOSE);                     /* counted only */
    close(fd);
}

static inline int sys_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    int fault = weir__fault(SYS_THREAD);
    if (fault < 0)
        return fault;
    return -pthread_create(thread, attr, fn, arg);
}

static inline int sys_sigaction(int sig, const struct sigaction *action, struct sigaction *before)
{
    int fault = weir__fault(SYS_SIGACTION);
    if (fault < 0)
        return fault;
    return sigaction(sig, action, before) < 0 ? -errno : 0;
}

/* --- Sockets -------------------------------------------------------------- */

static inline int sys_socket(int family, int type, int protocol)
{
    int fault = weir__fault(SYS_SOCKET);
    if (fault < 0)
        return fault;
    int fd = socket(family, type, protocol);
    return fd < 0 ? -errno : fd;
}

static inline int sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    int fault = weir__fault(SYS_BIND);
    if (fault < 0)
        return fault;
    return bind(fd, addr, len) < 0 ? -errno : 0;
}

static inline int sys_listen(int fd, int backlog)
{
    int fault = weir__fault(SYS_LISTEN);
    if (fault < 0)
        return fault;
    return listen(fd, backlog) < 0 ? -errno : 0;
}

static inline int sys_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    int fault = weir__fault(SYS_ACCEPT);
    if (fault < 0)
        return fault;
    int accepted = accept4(fd, addr, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return accepted < 0 ? -errno : accepted;
}

static inline int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int fault = weir__fault(SYS_CONNECT);
    if (fault < 0)
        return fault;
    return connect(fd, addr, len) < 0 ? -errno : 0;
}

static inline int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    int fault = weir__fault(SYS_GETSOCKNAME);
    if (fault < 0)
        return fault;
    return getsockname(fd, addr, len) < 0 ? -errno : 0;
}

static inline int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    int fault = weir__fault(SYS_GETPEERNAME);
    if (fault < 0)
        return fault;
    return getpeername(fd, addr, len) < 0 ? -errno : 0;
}

static inline int sys_setsockopt(int fd, int level, int name, int value)
{
    int fault = weir__fault(SYS_SETSOCKOPT);
    if (fault < 0)
        return fault;
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Of the packets that arrive for a TCP socket, those that @program answers 0 to are dropped. Counted as a setsockopt. */
static inline int sys_filter_packets(int fd, const struct sock_fprog *program)
{
    int fault = weir__fault(SYS_SETSOCKOPT);
    if (fault < 0)
        return fault;
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof *program) < 0 ? -errno : 0;
}

static inline int sys_getsockopt(int fd, int level, int name, int *value)
{
    socklen_t len = sizeof *value;
    int fault = weir__fault(SYS_GETSOCKOPT);
    if (fault < 0)
        return fault;
    return getsockopt(fd, level, name, value, &len) < 0 ? -errno : 0;
}

/* Who was at the other end of a Unix socket when it was connected. Counted as a getsockopt. */
static inline int sys_peer_credentials(int fd, struct ucred *out)
{
    socklen_t len = sizeof *out;
    int fault = weir__fault(SYS_GETSOCKOPT);
    if (fault < 0)
        return fault;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out, &len) < 0 ? -errno : 0;
}

static inline int sys_set_nonblocking(int fd)
{
    int fault = weir__fault(SYS_NONBLOCK);
    if (fault < 0)
        return fault;
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static inline int sys_shutdown(int fd, int how)
{
    int fault = weir__fault(SYS_SHUTDOWN);
    if (fault < 0)
        return fault;
    return shutdown(fd, how) < 0 ? -errno : 0;
}

/*
 * The two calls of every request go to the kernel without libc's recv and send. Those are cancellation points: in a process
 * with several threads each makes the thread cancellable and takes that back, by two locked instructions and some 40 others,
 * and nobody cancels a thread that runs a loop. The sanitizers have to see the usual calls.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SYS_BY_LIBC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SYS_BY_LIBC 1
#endif
#endif

static inline ssize_t sys_recv_uncancelled(int fd, void *buf, size_t len, int flags)
{
#ifdef SYS_BY_LIBC
    return recv(fd, buf, len, flags);
#else
    return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
#endif
}

static inline ssize_t sys_send_uncancelled(int fd, const void *buf, size_t len, int flags)
{
#ifdef SYS_BY_LIBC
    return send(fd, buf, len, flags);
#else
    return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
#endif
}

static inline ssize_t sys_recv(int fd, void *buf, size_t len)
{
    int fault = weir__fault(SYS_RECV);
    if (fault < 0)
        return fault;
    ssize_t n = sys_recv_uncancelled(fd, buf, weir__fault_cap(SYS_RECV, len), 0);
    return n < 0 ? -errno : n;
}

/* Never raises SIGPIPE. One piece goes by send(2), which the kernel answers with a shorter path than sendmsg(2). */
static inline ssize_t sys_send(int fd, struct iovec *iov, size_t count)
{
    int fault = weir__fault(SYS_SEND);
    if (fault < 0)
        return fault;
#ifdef WEIR_FAULTS
    struct iovec first = { iov[0].iov_base, weir__fault_cap(SYS_SEND, iov[0].iov_len) };
    if (first.iov_len < iov[0].iov_len) {
        iov = &first;
        count = 1;
    }
#endif
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
    ssize_t n = count == 1 ? sys_send_uncancelled(fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
                           : sendmsg(fd, &message, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

/* The first bytes that are there and not taken: 0 at the end. Counted as a recv, as a pipe's read is. */
static inline ssize_t sys_peek(int fd, void *buf, size_t len)
{
    int fault = weir__fault(SYS_RECV);
    if (fault < 0)
        return fault;
    ssize_t n = recv(fd, buf, len, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 ? -errno : n;
}

/* --- Pipes, counted as recv and send -------------------------------------- */

static inline ssize_t sys_pipe_read(int fd, void *buf, size_t len)
{
    int fault = weir__fault(SYS_RECV);
    if (fault < 0)
        return fault;
    ssize_t n = read(fd, buf, weir__fault_cap(SYS_RECV, len));
    return n < 0 ? -errno : n;
}

/* Raises SIGPIPE, which loops keep from their threads (core/pipe_signal.h). */
static inline ssize_t sys_pipe_write(int fd, const struct iovec *iov, size_t count)
{
    int fault = weir__fault(SYS_SEND);
    if (fault < 0)
        return fault;
#ifdef WEIR_FAULTS
    struct iovec first = { iov[0].iov_base, weir__fault_cap(SYS_SEND, iov[0].iov_len) };
    if (first.iov_len < iov[0].iov_len) {
        iov = &first;
        count = 1;
    }
#endif
    ssize_t n = writev(fd, iov, (int)count);
    return n < 0 ? -errno : n;
}

static inline int sys_fstat(int fd, struct stat *out)
{
    int fault = weir__fault(SYS_FSTAT);
    if (fault < 0)
        return fault;
    return fstat(fd, out) < 0 ? -errno : 0;
}

/* O_RDONLY, O_WRONLY or O_RDWR. Of a descriptor that fstat(2) knew, which makes it unable to fail. */
static inline int sys_access_mode(int fd)
{
    return fcntl(fd, F_GETFL) & O_ACCMODE;
}

/* --- Files ---------------------------------------------------------------- */

/* From *offset, which moves, and not from the file's position, which does not. Raises SIGPIPE, as sys_pipe_write. */
static inline ssize_t sys_sendfile(int out, int file, int64_t *offset, size_t len)
{
    int fault = weir__fault(SYS_SENDFILE);
    if (fault < 0)
        return fault;
    off_t at = *offset;
    ssize_t n = sendfile(out, file, &at, weir__fault_cap(SYS_SENDFILE, len));
    *offset = at;
    return n < 0 ? -errno : n;
}

/* Blocks for as long as a disk takes: executor threads only. */
static inline ssize_t sys_pread(int fd, void *buf, size_t len, int64_t offset)
{
    int fault = weir__fault(SYS_PREAD);
    if (fault < 0)
        return fault;
    ssize_t n = pread(fd, buf, len, offset);
    return n < 0 ? -errno : n;
}

/* Only what is in memory: -EAGAIN where a disk would have to be waited for, -EOPNOTSUPP where the file system can't say. */
static inline ssize_t sys_pread_cached(int fd, void *buf, size_t len, int64_t offset)
{
    struct iovec iov = { buf, len };
    int fault = weir__fault(SYS_PREAD);
    if (fault < 0)
        return fault;
    ssize_t n = preadv2(fd, &iov, 1, offset, RWF_NOWAIT);
    return n < 0 ? -errno : n;
}

/* A hint that has no failure: these bytes will be read. */
static inline void sys_will_need(int fd, int64_t offset, size_t len)
{
    (void)posix_fadvise(fd, offset, (off_t)len, POSIX_FADV_WILLNEED);
}

static inline int sys_seek(int fd, int64_t offset)
{
    int fault = weir__fault(SYS_SEEK);
    if (fault < 0)
        return fault;
    return lseek(fd, offset, SEEK_SET) < 0 ? -errno : 0;
}

static inline int sys_dup(int fd)
{
    int fault = weir__fault(SYS_DUP);
    if (fault < 0)
        return fault;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

/* --- Files of Unix sockets ------------------------------------------------ */

static inline int sys_lstat(const char *path, struct stat *out)
{
    int fault = weir__fault(SYS_LSTAT);
    if (fault < 0)
        return fault;
    return lstat(path, out) < 0 ? -errno : 0;
}

/* Before bind(2) on a Unix socket: what its file may have of it, less the umask. */
static inline int sys_fchmod(int fd, mode_t mode)
{
    int fault = weir__fault(SYS_CHMOD);
    if (fault < 0)
        return fault;
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

/* Never through a symbolic link. */
static inline int sys_chmod(const char *path, mode_t mode)
{
    int fault = weir__fault(SYS_CHMOD);
    if (fault < 0)
        return fault;
    return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static inline int sys_unlink(const char *path)
{
    int fault = weir__fault(SYS_UNLINK);
    if (fault < 0)
        return fault;
    return unlink(path) < 0 ? -errno : 0;
}

/* --- Names (blocking: executor threads only) ------------------------------ */

/* An EAI_ code, as getaddrinfo's own. */
static inline int sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    if (weir__fault(SYS_GETADDRINFO) < 0)
        return EAI_FAIL;
    return getaddrinfo(host, service, hints, out);
}

static inline int sys_getnameinfo(const struct sockaddr *addr, socklen_t len, char *host, size_t host_size, char *service,
                                  size_t service_size, int flags)
{
    if (weir__fault(SYS_GETNAMEINFO) < 0)
        return EAI_FAIL;
    return getnameinfo(addr, len, host, (socklen_t)host_size, service, (socklen_t)service_size, flags);
}

#endif
