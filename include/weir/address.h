/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/address.h>  Socket addresses: parsed, printed, compared.
 *
 * Loop      Nothing here touches a loop or a resolver: every function may be
 *           called from any thread. Names are resolved by
 *           weir_loop_getaddrinfo().
 * Owner     A weir_address is a value in the caller's memory, and may be
 *           copied.
 * Bytes     A weir_address can be given to connect(2) and bind(2) as it is:
 *           storage and len.
 */
#ifndef WEIR_ADDRESS_H
#define WEIR_ADDRESS_H

#include <sys/socket.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define WEIR_ADDRESS_MAX 128    /* room for any address as text, its NUL included */

/* An IPv4, IPv6 or Unix address. */
typedef struct weir_address {
    struct sockaddr_storage storage;    /* the address as the kernel has it; ss_family says which */
    socklen_t               len;        /* how many bytes of storage count; 0: no address */
} weir_address;

/*
 * Make an address from text, without a resolver.                  [thread-safe]
 *
 * out      the address; untouched on failure
 * host     "192.0.2.1", "::1", "[::1]", "fe80::1%eth0", or a Unix path as
 *          "unix:/path", where "unix:@name" is an abstract name
 * port     in host order; of no meaning for a Unix path
 * returns  0, or
 *          -EINVAL        not an address: a name is one for
 *                         weir_loop_getaddrinfo()
 *          -ENAMETOOLONG  the path does not fit into a Unix address
 * beyond asyncio  (Python has ipaddress)
 */
int weir_address_parse(weir_address *out, const char *host, uint16_t port);

/*
 * The port of an address.                                         [thread-safe]
 *
 * returns  in host order; 0 when the address has none
 * beyond asyncio  (there an address is a tuple, and this its second part)
 */
uint16_t weir_address_port(const weir_address *a);

/*
 * Print an address: "192.0.2.1:80", "[::1]:80", "unix:/path".     [thread-safe]
 *
 * An abstract Unix name is "unix:@name", one without a name "unix:". What
 * cannot be printed in a path is written as "?".
 *
 * buf      gets the text, cut to fit, always NUL-terminated when @size is not 0
 * size     the room at @buf in bytes; WEIR_ADDRESS_MAX is enough for any
 *          address
 * returns  @buf, so that a call can stand among the arguments of a printf
 * beyond asyncio  (there str() prints the tuple)
 */
const char *weir_address_format(const weir_address *a, char *buf, size_t size);

/*
 * Whether two addresses are the same.                             [thread-safe]
 *
 * Compares family, address, port and scope, or the path; not what the kernel
 * leaves unused.
 *
 * returns  true when they are
 * beyond asyncio  (there tuples are compared)
 */
bool weir_address_eq(const weir_address *a, const weir_address *b);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
