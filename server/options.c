/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/options.c  The program's command line: a command, and options before or after it.
 */
#include "server/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "option", required_argument, NULL, 'o' },
    { "test", no_argument, NULL, 't' },
    { "print", no_argument, NULL, 'T' },
    { "version", no_argument, NULL, 'V' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const struct {
    const char *name;
    enum command command;
} commands[] = {
    { "run", COMMAND_RUN }, { "check", COMMAND_CHECK }, { "print", COMMAND_PRINT },
    { "version", COMMAND_VERSION }, { "help", COMMAND_HELP },
};

void options_help(FILE *to)
{
    fputs("weir: serve the handlers that a config file names, on every core\n"
          "\n"
          "    weir run      serve until SIGTERM or SIGINT, which drain; a second one stops at once\n"
          "    weir check    read the configuration, load its plugins, say everything that is wrong; -t is the same\n"
          "    weir print    write the effective configuration, every key with its value; -T is the same\n"
          "    weir version  this program's version, and what it is built with\n"
          "    weir help     this text\n"
          "\n"
          "    -c, --config FILE       read this file; may be given again: later files go over earlier ones\n"
          "                            (without it: " WEIR_CONFIG_FILE ")\n"
          "    -o, --option KEY=VALUE  set one key, over every file: -o workers=2, -o servers.echo.listen=:7001\n"
          "    -t, --test              check\n"
          "    -T, --print             print\n"
          "    -V, --version           version\n"
          "    -h, --help              help\n"
          "\n"
          "Signals: SIGTERM, SIGINT and SIGQUIT drain, the second one stops at once; SIGUSR1 reopens the logs.\n"
          "Exit status: 0 a clean end, 1 an error, 2 a wrong command line, 3 a drain that was cut short.\n"
          "Keys of the config file: conf/weir.conf explains each. More: man weir\n", to);
}

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "weir: %s%s%s; \"weir help\" lists what there is\n", what, which[0] != '\0' ? " " : "", which);
    return -1;
}

static bool take_command(struct options *out, const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            out->command = commands[i].command;
            return true;
        }
    }
    return false;
}

/* What getopt_long returned for an option that it does not know, or that lacks its argument. */
static int wrong_option(int found, char **argv)
{
    char letter[3] = { '-', (char)optopt, '\0' };
    const char *which = optopt != 0 && argv[optind - 1][1] != '-' ? letter : argv[optind - 1];

    return usage(found == ':' ? "an argument is missing after" : "there is no option", which);
}

static int read_option(int found, char **argv, struct options *out)
{
    switch (found) {
    case 'c':
        out->files[out->file_count++] = optarg;
        return 0;
    case 'o':
        if (strchr(optarg, '=') == NULL)
            return usage("-o takes KEY=VALUE, this is", optarg);
        out->settings[out->setting_count++] = optarg;
        return 0;
    case 't': out->command = COMMAND_CHECK; return 0;
    case 'T': out->command = COMMAND_PRINT; return 0;
    case 'V': out->command = COMMAND_VERSION; return 0;
    case 'h': out->command = COMMAND_HELP; return 0;
    default: return wrong_option(found, argv);
    }
}

static int read_all(int argc, char **argv, struct options *out)
{
    bool commanded = false;
    enum command flag = COMMAND_RUN;
    int found;

    optind = 0;                                 /* begin anew: a test reads many command lines */
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":c:o:tTVh", long_options, NULL)) != -1) {
        if (read_option(found, argv, out) < 0)
            return -1;
    }
    flag = out->command;
    for (; optind < argc; optind++) {
        if (commanded)
            return usage("one command at a time, this is one more:", argv[optind]);
        if (!take_command(out, argv[optind]))
            return usage("there is no command", argv[optind]);
        commanded = true;
    }
    if (flag != COMMAND_RUN)
        out->command = flag;                    /* "weir run -t" tests what would run */
    else if (!commanded)
        return usage("a command is missing", "");
    return 0;
}

int options_read(int argc, char **argv, struct options *out)
{
    *out = (struct options) { .command = COMMAND_RUN };
    out->files = calloc((size_t)argc, sizeof out->files[0]);
    out->settings = calloc((size_t)argc, sizeof out->settings[0]);
    int code = out->files == NULL || out->settings == NULL ? usage("no memory", "") : read_all(argc, argv, out);
    if (code < 0)
        options_fini(out);
    return code;
}

void options_fini(struct options *options)
{
    free(options->files);
    free(options->settings);
    *options = (struct options) { 0 };
}
