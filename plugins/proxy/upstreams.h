/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/upstreams.h  Where connections go: the list of a section's upstreams, read from one text. Written by nobody
 * after that.
 */
#ifndef WEIR_PLUGINS_PROXY_UPSTREAMS_H
#define WEIR_PLUGINS_PROXY_UPSTREAMS_H

#include <stddef.h>
#include <stdint.h>

#define UPSTREAMS_MOST 64       /* those a connection has tried are the bits of one number */

struct upstream {
    const char *text;           /* as the file has it, for logs */
    const char *host;           /* a name or an address, without the brackets of IPv6 */
    uint16_t port;
};

struct upstreams {
    size_t count;
    struct upstream at[UPSTREAMS_MOST];
    char *texts;                /* what the above point to */
};

/*
 * Read "127.0.0.1:9000, [::1]:9001 backend:80": addresses with commas or blanks between them.
 *
 * 0; -EINVAL, with what is wrong in @error; -ENOMEM, likewise. @out needs upstreams_fini() in any case.
 */
int  upstreams_parse(struct upstreams *out, const char *text, char *error, size_t size);
void upstreams_fini(struct upstreams *upstreams);

#endif
