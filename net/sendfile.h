/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/sendfile.h  A file as a transport's output.
 */
#ifndef WEIR_NET_SENDFILE_H
#define WEIR_NET_SENDFILE_H

#include "net/transport.h"

/* As weir_loop_sendfile, on the transport's own loop. @timeout: seconds for each wait for the peer; 0: no limit. [suspends] */
int64_t weir__sendfile(weir_transport *t, int fd, int64_t offset, size_t count, double timeout);

#endif
