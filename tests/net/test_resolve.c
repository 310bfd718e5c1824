/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_resolve.c  What net/resolve.c promises: names off the loop, failures with a sentence, cuts that leak nothing.
 *
 * Names in .test are answered by lib/net_resolver.h, when and as a test says.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/net_resolver.h"
#include "lib/suite.h"
#include "net/resolve.h"

struct look {
    const char *host;
    uint16_t port;
    int family;
    int code;
    char text[256];             /* the addresses, separated by spaces; or the error's detail */
    bool whole;                 /* print all addresses */
};

static int look_up(void *arg)
{
    struct look *look = arg;
    struct address_list list = { 0 };
    char text[WEIR_ADDRESS_MAX];

    look->code = weir__resolve(weir_get_running_loop(), look->host, look->port, look->family, 0, &list);
    if (look->code < 0)
        snprintf(look->text, sizeof look->text, "%s", weir_error_detail());
    for (size_t i = 0; i < list.count; i++) {
        size_t len = strlen(look->text);
        snprintf(look->text + len, sizeof look->text - len, "%s%s", i > 0 ? " " : "",
                 weir_address_format(&list.items[i], text, sizeof text));
    }
    weir__address_list_fini(&list);
    return 0;
}

/* --- Addresses ---------------------------------------------------------------- */

START_TEST(an_address_needs_no_resolver)        /* OC-3 */
{
    static const char *const hosts[] = { "192.0.2.7", "::1", "[::1]" };
    static const char *const texts[] = { "192.0.2.7:80", "[::1]:80", "[::1]:80" };
    struct look look = { .host = hosts[_i], .port = 80 };
    int begun = net_resolver_begun();

    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, 0);
    ck_assert_str_eq(look.text, texts[_i]);
    ck_assert_int_eq(net_resolver_begun(), begun);
}
END_TEST

START_TEST(an_address_of_another_family_is_not_resolved)
{
    struct look look = { .host = _i == 0 ? "192.0.2.7" : "::1", .port = 80, .family = _i == 0 ? AF_INET6 : AF_INET };

    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, WEIR_ERESOLVE);
    ck_assert_ptr_nonnull(strstr(look.text, look.host));
}
END_TEST

/* --- Names -------------------------------------------------------------------- */

START_TEST(a_name_gives_its_addresses_in_the_resolvers_order_each_once)
{
    struct look look = { .host = "many.test", .port = 7 };

    net_resolver_answer("192.0.2.9 ::1 192.0.2.9 192.0.2.1");
    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, 0);
    ck_assert_str_eq(look.text, "192.0.2.9:7 [::1]:7 192.0.2.1:7");
}
END_TEST

START_TEST(a_family_leaves_out_the_others)
{
    struct look look = { .host = "many.test", .port = 7, .family = _i == 0 ? AF_INET : AF_INET6 };

    net_resolver_answer("192.0.2.9 ::1 192.0.2.1");
    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, 0);
    ck_assert_str_eq(look.text, _i == 0 ? "192.0.2.9:7 192.0.2.1:7" : "[::1]:7");
}
END_TEST

START_TEST(localhost_is_this_machine)
{
    struct look look = { .host = "localhost", .port = 7, .family = AF_INET };

    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, 0);
    ck_assert_int_eq(strncmp(look.text, "127.", 4), 0);
}
END_TEST

START_TEST(no_name_is_this_machine)             /* OC-3 */
{
    struct look look = { .host = NULL, .port = 7, .family = AF_INET };

    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, 0);
    ck_assert_str_eq(look.text, "127.0.0.1:7");
}
END_TEST

START_TEST(an_unknown_name_is_a_failure_that_names_it)
{
    struct look look = { .host = "nobody.test", .port = 7 };

    net_resolver_answer(NULL);
    ck_assert_int_eq(weir_run(look_up, &look), 0);
    ck_assert_int_eq(look.code, WEIR_ERESOLVE);
    ck_assert_ptr_nonnull(strstr(look.text, "nobody.test"));
    ck_assert_ptr_nonnull(strstr(look.text, gai_strerror(EAI_NONAME)));
}
END_TEST

START_TEST(a_resolver_that_fails_is_told_in_words)
{
    struct look look = { .host = "many.test", .port = 7 };

    net_resolver_answer("192.0.2.9");
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_GETADDRINFO });
    ck_assert_int_eq(weir_run(look_up, &look), 0);
    weir__fault_end();
    ck_assert_int_eq(look.code, WEIR_ERESOLVE);
    ck_assert_ptr_nonnull(strstr(look.text, gai_strerror(EAI_FAIL)));
}
END_TEST

/* Faults 2 and 20: memory, and threads to look names up on. */
START_TEST(whatever_fails_on_the_way_is_a_code_and_leaks_nothing)
{
    uint64_t failed, n = 0;

    net_resolver_answer("192.0.2.9 192.0.2.1");
    do {
        struct look look = { .host = "many.test", .port = 7 };
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .only = 1ULL << SYS_ALLOC | 1ULL << SYS_THREAD });
        int code = weir_run(look_up, &look);
        failed = weir__fault_end();
        ck_assert(code == -ENOMEM || code == 0);
        if (code == 0 && look.code < 0)
            ck_assert(look.code == -ENOMEM || look.code == -EAGAIN);
    } while (failed > 0);
    ck_assert_uint_gt(n, 5);
}
END_TEST

/* --- Cut short ------------------------------------------------------------------ */

static int cut_short(void *arg)
{
    struct look *look = arg;
    weir_task *task = weir_create_task(look_up, look);
    int begun = net_resolver_begun();

    net_resolver_hold();
    NET_UNTIL(net_resolver_begun() > begun);
    int ended = net_resolver_ended();
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    net_resolver_release();                     /* the thread gives its answer to nobody */
    if (look->whole)
        NET_UNTIL(net_resolver_ended() > ended);
    return 0;
}

START_TEST(a_cancelled_look_up_returns_at_once_and_its_answer_is_freed)
{
    struct look look = { .host = "slow.test", .port = 7, .whole = _i == 1 };

    net_resolver_answer("192.0.2.9 ::1");
    ck_assert_int_eq(weir_run(cut_short, &look), 0);
    ck_assert_int_eq(look.code, -ECANCELED);
}
END_TEST

static int run_out_of_time(void *arg)
{
    struct look *look = arg;
    weir_timeout limit;

    net_resolver_hold();
    weir_timeout_begin(&limit, 0);
    look_up(look);
    weir_timeout_end(&limit);
    net_resolver_release();
    return 0;
}

START_TEST(a_look_up_keeps_to_the_deadline)
{
    struct look look = { .host = "slow.test", .port = 7 };

    net_resolver_answer("192.0.2.9 ::1");
    ck_assert_int_eq(weir_run(run_out_of_time, &look), 0);
    ck_assert_int_eq(look.code, -ETIMEDOUT);
}
END_TEST

/* --- The public calls -------------------------------------------------------------- */

struct naming {
    size_t host_size, service_size;
    int flags, code;
    char host[64], service[64];
    char detail[256];
    bool tell_nothing, too_long;
};

static int name_it(void *arg)
{
    struct naming *naming = arg;
    weir_address address;

    weir_address_parse(&address, "192.0.2.7", 80);
    memset(naming->host, '#', sizeof naming->host);
    memset(naming->service, '#', sizeof naming->service);
    naming->code = weir_loop_getnameinfo(weir_get_running_loop(), (void *)&address.storage,
                                         naming->too_long ? 4096 : address.len, naming->tell_nothing ? NULL : naming->host,
                                         naming->host_size, naming->tell_nothing ? NULL : naming->service,
                                         naming->service_size, naming->flags);
    snprintf(naming->detail, sizeof naming->detail, "%s", weir_error_detail());
    return 0;
}

START_TEST(an_address_has_a_name)
{
    struct naming naming = { .host_size = 64, .service_size = 64, .flags = NI_NUMERICHOST | NI_NUMERICSERV };

    ck_assert_int_eq(weir_run(name_it, &naming), 0);
    ck_assert_int_eq(naming.code, 0);
    ck_assert_str_eq(naming.host, "192.0.2.7");
    ck_assert_str_eq(naming.service, "80");
}
END_TEST

START_TEST(a_name_without_room_is_a_failure_that_says_so)
{
    struct naming naming = { .host_size = _i == 0 ? 9 : 64, .service_size = _i == 0 ? 64 : 2,
                             .flags = NI_NUMERICHOST | NI_NUMERICSERV };

    ck_assert_int_eq(weir_run(name_it, &naming), 0);
    ck_assert_int_eq(naming.code, WEIR_ERESOLVE);
    ck_assert_str_ne(naming.detail, "");
    ck_assert_int_eq(naming.host[0], '#');      /* written on success only */
    ck_assert_int_eq(naming.service[0], '#');
}
END_TEST

START_TEST(naming_nothing_or_no_address_is_refused)
{
    struct naming naming = { .host_size = 64, .service_size = 64, .tell_nothing = _i == 0, .too_long = _i == 1 };

    ck_assert_int_eq(weir_run(name_it, &naming), 0);
    ck_assert_int_eq(naming.code, -EINVAL);
}
END_TEST

START_TEST(a_naming_that_fails_is_told_in_words)
{
    struct naming naming = { .host_size = 64, .service_size = 64 };

    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_GETNAMEINFO });
    ck_assert_int_eq(weir_run(name_it, &naming), 0);
    weir__fault_end();
    ck_assert_int_eq(naming.code, WEIR_ERESOLVE);
    ck_assert_ptr_nonnull(strstr(naming.detail, gai_strerror(EAI_FAIL)));
}
END_TEST

static int ask_for_nothing(void *arg)
{
    struct addrinfo *found = arg;
    weir_loop *loop = weir_get_running_loop();

    return weir_loop_getaddrinfo(loop, NULL, NULL, NULL, &found);
}

START_TEST(asking_for_neither_host_nor_service_is_refused)
{
    ck_assert_int_eq(weir_run(ask_for_nothing, NULL), -EINVAL);
}
END_TEST

START_TEST(names_need_a_task)
{
    weir_loop *loop = weir_loop_new();
    struct addrinfo *found = NULL;

    ck_assert_int_eq(weir_loop_getaddrinfo(loop, "many.test", NULL, NULL, &found), WEIR_ENOTASK);
    weir_loop_close(loop);
    ck_assert_int_eq(weir_loop_getaddrinfo(loop, "many.test", NULL, NULL, &found), -ESHUTDOWN);
    ck_assert_ptr_null(found);
    weir_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
    Suite *resolve = suite_create("net/resolve");

    TCase *names = tcase_create("names");
    tcase_add_loop_test(names, an_address_needs_no_resolver, 0, 3);
    tcase_add_loop_test(names, an_address_of_another_family_is_not_resolved, 0, 2);
    tcase_add_test(names, a_name_gives_its_addresses_in_the_resolvers_order_each_once);
    tcase_add_loop_test(names, a_family_leaves_out_the_others, 0, 2);
    tcase_add_test(names, localhost_is_this_machine);
    tcase_add_test(names, no_name_is_this_machine);
    tcase_add_test(names, an_unknown_name_is_a_failure_that_names_it);
    tcase_add_test(names, a_resolver_that_fails_is_told_in_words);
    tcase_add_test(names, whatever_fails_on_the_way_is_a_code_and_leaks_nothing);
    suite_add_tcase(resolve, names);

    TCase *cuts = tcase_create("cuts");
    tcase_add_loop_test(cuts, a_cancelled_look_up_returns_at_once_and_its_answer_is_freed, 0, 2);
    tcase_add_test(cuts, a_look_up_keeps_to_the_deadline);
    suite_add_tcase(resolve, cuts);

    TCase *calls = tcase_create("calls");
    tcase_add_test(calls, an_address_has_a_name);
    tcase_add_loop_test(calls, a_name_without_room_is_a_failure_that_says_so, 0, 2);
    tcase_add_loop_test(calls, naming_nothing_or_no_address_is_refused, 0, 2);
    tcase_add_test(calls, a_naming_that_fails_is_told_in_words);
    tcase_add_test(calls, asking_for_neither_host_nor_service_is_refused);
    tcase_add_test(calls, names_need_a_task);
    suite_add_tcase(resolve, calls);
    return resolve;
}
