/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/echo_uring.c  The second floor: floor_echo.c on io_uring, so without framing or per-connection state.
 *
 * Accept and receive are multishot; bytes come into buffers that were given to the kernel beforehand, go out of the same ones,
 * and each is given back when it was sent. Buffers that have run out end a multishot receive, which is begun again.
 *
 * Try:  echo_uring 7000
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFERS     4096        /* a power of two: the kernel's rule */
#define BUFFER_SIZE 2048
#define ENTRIES     4096
#define BATCH       256         /* completions looked at between two calls */
#define GROUP       0

enum what { ACCEPTED, RECEIVED, SENT };     /* in the lowest bits of the user data, then 16 for a buffer, then the descriptor */

static struct io_uring ring;
static struct io_uring_buf_ring *lent;
static char *memory;

/* There is always room for one more, once those that were asked for have been handed over. */
static struct io_uring_sqe *ask(enum what what, unsigned buffer, int fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    if (sqe == NULL) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    if (sqe == NULL)
        abort();
    sqe->user_data = (uint64_t)what | (uint64_t)buffer << 8 | (uint64_t)fd << 32;
    return sqe;
}

/* The preparing functions leave the user data alone. */
static void receive_on(int fd)
{
    struct io_uring_sqe *sqe = ask(RECEIVED, 0, fd);

    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
}

static void give_back(unsigned buffer)
{
    io_uring_buf_ring_add(lent, memory + (size_t)buffer * BUFFER_SIZE, BUFFER_SIZE, (unsigned short)buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(lent, 1);
}

static void received(const struct io_uring_cqe *cqe, int fd)
{
    unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    int more = (cqe->flags & IORING_CQE_F_MORE) != 0;

    if (cqe->res > 0) {
        struct io_uring_sqe *sqe = ask(SENT, buffer, fd);
        io_uring_prep_send(sqe, fd, memory + (size_t)buffer * BUFFER_SIZE, (size_t)cqe->res, MSG_NOSIGNAL | MSG_WAITALL);
    } else if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        give_back(buffer);
    }
    if (!more && (cqe->res > 0 || cqe->res == -ENOBUFS))
        receive_on(fd);
    else if (!more)
        close(fd);
}

static void handle(const struct io_uring_cqe *cqe, int listener)
{
    int fd = (int)(cqe->user_data >> 32), one = 1;

    switch ((enum what)(cqe->user_data & 255)) {
    case ACCEPTED:
        if (cqe->res >= 0) {
            setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            receive_on(cqe->res);
        }
        if ((cqe->flags & IORING_CQE_F_MORE) == 0)
            io_uring_prep_multishot_accept(ask(ACCEPTED, 0, listener), listener, NULL, NULL, 0);
        break;
    case RECEIVED: received(cqe, fd); break;
    case SENT: give_back((unsigned)(cqe->user_data >> 8) & 0xffff); break;
    }
}

static int start(void)
{
    struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                      .cq_entries = 4 * ENTRIES };
    struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = GROUP };
    int code = io_uring_queue_init_params(ENTRIES, &ring, &params);

    if (code < 0)
        return code;
    lent = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
    memory = malloc((size_t)BUFFERS * BUFFER_SIZE);
    if (lent == NULL || memory == NULL)
        return -ENOMEM;
    reg.ring_addr = (uint64_t)(uintptr_t)lent;
    io_uring_buf_ring_init(lent);
    code = io_uring_register_buf_ring(&ring, &reg, 0);
    for (unsigned i = 0; i < BUFFERS && code == 0; i++)
        give_back(i);
    return code;
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 7000)) };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, code;
    static struct io_uring_cqe *cqes[BATCH];

    inet_pton(AF_INET, argc > 2 ? argv[2] : "127.0.0.1", &here.sin_addr);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if ((code = start()) < 0) {
        fprintf(stderr, "echo_uring: %s\n", strerror(-code));
        return 1;
    }
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 4096) < 0) {
        perror("echo_uring: bind");
        return 1;
    }
    io_uring_prep_multishot_accept(ask(ACCEPTED, 0, listener), listener, NULL, NULL, 0);
    for (;;) {
        code = io_uring_submit_and_wait(&ring, 1);
        if (code < 0 && code != -EINTR && code != -EBUSY)
            return 1;
        unsigned seen = io_uring_peek_batch_cqe(&ring, cqes, BATCH);
        for (unsigned i = 0; i < seen; i++)
            handle(cqes[i], listener);
        io_uring_cq_advance(&ring, seen);
    }
}
