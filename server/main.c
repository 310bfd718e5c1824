/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/main.c  The weir program: a command, done.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include <weir/plugin.h>

#include "server/memory.h"
#include "server/options.h"
#include "server/start.h"

static void say_version(void)
{
    const char *jemalloc = memory_version();

    printf("weir %s\n", weir_version());
    printf("plugin ABI %u.%u, libev %d.%d, libconfig %d.%d.%d, jemalloc %s\n", WEIR_PLUGIN_ABI >> 16, WEIR_PLUGIN_ABI & 0xffff,
           ev_version_major(), ev_version_minor(), LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION,
           jemalloc != NULL ? jemalloc : "none");
}

/* A descriptor that was closed before us would be the number of the first file we open, and lines meant for standard error
 * would go into that. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDWR);   /* the lowest free number: this one. There may be no such file in a bare root */
    }
}

/* What went to standard output has arrived, or the command failed. */
static int flushed(void)
{
    if (fflush(stdout) == 0)
        return EXIT_FINE;
    fprintf(stderr, "weir: standard output: %s\n", strerror(errno));
    return EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = EXIT_USAGE;

    fill_standard_descriptors();
    if (options_read(argc, argv, &options) < 0)
        return status;
    switch (options.command) {
    case COMMAND_RUN:
        status = start_run(&options);
        break;
    case COMMAND_CHECK:
        status = start_check(&options);
        break;
    case COMMAND_PRINT:
        status = start_print(&options);
        break;
    case COMMAND_VERSION:
        say_version();
        status = flushed();
        break;
    case COMMAND_HELP:
        options_help(stdout);
        status = flushed();
        break;
    }
    options_fini(&options);
    return status;
}
