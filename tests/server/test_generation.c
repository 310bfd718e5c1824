/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_generation.c  What server/generation.c promises whoever starts it: sockets, sections and a callback come
 * from outside, and how it ended is said. What its signals and plugins do is tried on the whole program (tests/program/).
 */
#include "server/generation.h"

#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/run.h>

#include "lib/suite.h"

#define WORKERS 2

static char handler[PATH_MAX];
static struct listen_address addresses[1] = { { .kind = LISTEN_TCP, .text = "127.0.0.1:0", .host = "127.0.0.1" } };
static struct server_config servers[1] = { {
    .name = "a", .handler = handler, .listen = addresses, .listen_count = 1, .access_log = "", .folder = "/", .backlog = 10,
} };
static struct config config = { .workers = WORKERS, .drain_timeout = 3600, .servers = servers, .server_count = 1 };
static struct problems problems;
static struct sockets sockets;
static struct sections sections;
static char error[1024];

static void prepare(void)
{
    snprintf(handler, sizeof handler, "%s/tests/server/fixtures/stages.so", getenv("WEIR_BUILD_DIR"));
    ck_assert_int_eq(sockets_bind(&config, WORKERS, &sockets, &problems), 0);
    ck_assert_int_eq(sections_init(&sections, &config, NULL, &problems), 0);
    ck_assert_msg(sections_load(&sections, "/", &problems) == 0, "%s", problems.kept[0].text);
}

static void finish(void)
{
    sections_free(&sections);
    problems_fini(&problems);
}

static int connect_to(int listener)
{
    struct sockaddr_in bound;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(getsockname(listener, (void *)&bound, &(socklen_t) { sizeof bound }), 0);
    ck_assert_int_eq(connect(fd, (void *)&bound, sizeof bound), 0);
    return fd;
}

static bool answers(int fd, const char *line)
{
    char got[64] = "";
    size_t len = strlen(line);

    return send(fd, line, len, MSG_NOSIGNAL) == (ssize_t)len && recv(fd, got, 4 + len, MSG_WAITALL) == (ssize_t)(4 + len)
        && strcmp(got + 4, line) == 0;          /* behind "a 0 " or "a 1 " */
}

struct visit {
    int listener, stops;
    bool answered;
    int ready;
    pthread_t thread;
};

static void *visitor(void *arg)
{
    struct visit *visit = arg;
    int fd = connect_to(visit->listener);
    char end;

    visit->answered = answers(fd, visit->stops > 1 ? "busy\n" : "idle\n");
    for (int i = 0; i < visit->stops; i++)
        weir_serve_stop();
    (void)!recv(fd, &end, 1, 0);
    close(fd);
    return NULL;
}

static void on_ready(void *arg)
{
    struct visit *visit = arg;

    visit->ready++;
    pthread_create(&visit->thread, NULL, visitor, visit);
}

/* The log is made here: its thread would not be there in a process that was forked later. */
static enum generation_end run(struct visit *visit)
{
    struct log *nowhere;
    ck_assert_int_eq(log_open(&(struct log_options) { .path = "/dev/null" }, &nowhere, error, sizeof error), 0);
    struct generation_options options = {
        .config = &config, .sections = &sections, .sockets = &sockets, .log = nowhere, .ready = on_ready, .arg = visit,
    };
    visit->listener = dup(sockets.sets[0].fds[0]);      /* ours stays when the generation has closed its own */
    enum generation_end end = generation_run(&options, error, sizeof error);

    if (visit->ready > 0)
        pthread_join(visit->thread, NULL);
    close(visit->listener);
    log_close(nowhere);
    return end;
}

START_TEST(it_serves_on_the_sockets_it_was_given_and_drains)
{
    struct visit visit = { .stops = 1 };

    ck_assert_msg(run(&visit) == GENERATION_DRAINED, "%s", error);
    ck_assert_int_eq(visit.ready, 1);
    ck_assert(visit.answered);
    ck_assert_str_eq(error, "");
    ck_assert_ptr_null(sockets.sets);           /* taken over, and closed */
}
END_TEST

START_TEST(it_says_when_the_drain_was_cut_short)
{
    struct visit visit = { .stops = 2 };

    ck_assert_int_eq(run(&visit), GENERATION_CUT_SHORT);
    ck_assert(visit.answered);
}
END_TEST

START_TEST(it_fails_with_a_sentence_and_closes_the_sockets)
{
    struct visit visit = { .stops = 1 };
    struct server_config *server = &servers[0];

    server->stack_size = (size_t)-1;            /* which a server refuses */
    ck_assert_int_eq(run(&visit), GENERATION_FAILED);
    ck_assert_int_eq(visit.ready, 0);
    ck_assert_ptr_nonnull(strstr(error, "stack_size"));
    ck_assert_ptr_null(sockets.sets);
}
END_TEST

/* As a supervisor will do it: the parent binds and keeps the sockets, one child after the other serves on them. */
START_TEST(one_generation_follows_another_on_the_same_sockets)
{
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct visit visit = { .stops = 1 };
            _exit(run(&visit) == GENERATION_DRAINED && visit.answered ? 0 : 1);
        }
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    sockets_close(&sockets);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/generation");
    TCase *generation = tcase_create("generation");

    tcase_add_checked_fixture(generation, prepare, finish);
    tcase_add_test(generation, it_serves_on_the_sockets_it_was_given_and_drains);
    tcase_add_test(generation, it_says_when_the_drain_was_cut_short);
    tcase_add_test(generation, it_fails_with_a_sentence_and_closes_the_sockets);
    tcase_add_test(generation, one_generation_follows_another_on_the_same_sockets);
    suite_add_tcase(s, generation);
    return s;
}
