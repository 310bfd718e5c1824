/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_splits.c  Every scenario of several bytes, cut everywhere.
 *
 * TCP keeps order, not boundaries. Each scenario is read with its input whole, cut at every position and at every pair of
 * positions, and in pieces of every size; fed by hand, through a memory pair, through one that carries one byte at a time, and
 * through a socket whose recv gives one byte at a time. All of them have to give what is written here. Then the other way:
 * output cut in the same places, through ends that take one byte at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/stream_far.h"
#include "lib/stream_script.h"
#include "lib/suite.h"

/* --- Scenarios ------------------------------------------------------------ */

static const struct scenario {
    size_t limit;
    const char *input;          /* then the end */
    const char *reads[8];       /* as lib/stream_script.h has them; "records" and "some" are told below */
    const char *expected;
} scenarios[] = {
    /* lines; the last one without an end, and then the end */
    { 64, "a\n\nbcd\nlast", { "line", "line", "line", "line", "line" }, "\"a\\n\" \"\\n\" \"bcd\\n\" \"last\" \"\"" },
    /* separators of 1, 2 and 4 bytes, with false starts before them, and the end inside one */
    { 64, "ab;c;;d", { "until:;", "until:;", "until:;", "until:;" }, "\"ab;\" \"c;\" \";\" INC(\"d\",?)" },
    { 64, "a-b--c---d-", { "until:--", "until:--", "until:--" }, "\"a-b--\" \"c--\" INC(\"-d-\",?)" },
    { 64, "a\r\n\r\r\n\r\nb\r\n\r\n\r\n\r", { "until:\r\n\r\n", "until:\r\n\r\n", "until:\r\n\r\n" },
      "\"a\\r\\n\\r\\r\\n\\r\\n\" \"b\\r\\n\\r\\n\" INC(\"\\r\\n\\r\",?)" },
    { 64, "aabaaab!aaab", { "until:aaab", "exactly:1", "until:aaab", "until:aaab" }, "\"aabaaab\" \"!\" \"aaab\" INC(\"\",?)" },
    /* several separators: what ends first wins, and of two that end together the shorter */
    { 64, "x;y--z\r\nw-;abcd-", { "any:;,--,\r\n,abcd", "any:;,--,\r\n,abcd", "any:;,--,\r\n,abcd", "any:;,--,\r\n,abcd",
                                  "any:;,--,\r\n,abcd", "any:;,--,\r\n,abcd" },
      "\"x;\" \"y--\" \"z\\r\\n\" \"w-;\" \"abcd\" INC(\"-\",?)" },
    { 64, "1\r\n2\n3\r\n", { "any:\r\n,\n", "any:\r\n,\n", "any:\r\n,\n", "any:\r\n,\n" },
      "\"1\\r\\n\" \"2\\n\" \"3\\r\\n\" INC(\"\",?)" },
    /* by number */
    { 64, "abcdefghij", { "exactly:3", "exactly:1", "exactly:6", "exactly:1" }, "\"abc\" \"d\" \"efghij\" INC(\"\",1)" },
    { 2, "abcdefghij", { "exactly:7", "exactly:20", "all" }, "\"abcdefg\" INC(\"hij\",20) \"\"" },
    { 3, "abcdefghij", { "exactly:2", "all", "all", "read:4" }, "\"ab\" \"cdefghij\" \"\" \"\"" },
    { 2, "abcdefghij", { "some:3" }, "\"abcdefghij\"" },
    { 64, "abcdefghijklm", { "peek:3", "skip:2", "peek:5", "exactinto:4", "skip:1", "exactinto:9" },
      "\"abc\" skip(2) \"cdefg\" \"cdef\" skip(1) INC(\"hijklm\",9)" },
    { 64, "P 5\nhello;12xy--tail", { "line", "exactly:5", "until:;", "exactly:4", "any:--,;", "all" },
      "\"P 5\\n\" \"hello\" \";\" \"12xy\" \"--\" \"tail\"" },
    /* limits: the last length that is allowed, and the first that is not */
    { 5, "abcde\nvwxyz\n12345", { "line", "line", "line", "line" }, "\"abcde\\n\" \"vwxyz\\n\" \"12345\" \"\"" },
    { 5, "abcde--vwxyz--", { "until:--", "until:--", "until:--" }, "\"abcde--\" \"vwxyz--\" INC(\"\",?)" },
    { 3, "abcd", { "line", "line" }, "ELIMIT \"\"" },
    { 5, "abcdef-", { "until:--", "until:--", "exactly:6", "until:--" }, "ELIMIT(6) ELIMIT(6) \"abcdef\" INC(\"-\",?)" },
    { 1, "abcde", { "until:WXYZ", "exactly:2", "all" }, "ELIMIT(2) \"ab\" \"cde\"" },
    /* what is too long is taken by its parts, which differ, and is whole at the end (SR-18) */
    { 4, "abcdefgh--xy--p-q-r-s--tail", { "records:--" }, "\"abcdefgh--\" \"xy--\" \"p-q-r-s--\" INC(\"tail\")" },
    { 3, "abcdefg\r\n\r\nh\r\n\r\n\r\n\r", { "records:\r\n\r\n" }, "\"abcdefg\\r\\n\\r\\n\" \"h\\r\\n\\r\\n\" INC(\"\\r\\n\\r\")" },
    { 1, "abcabcd", { "records:cd" }, "\"abcabcd\" INC(\"\")" },
};
#define SCENARIOS ((int)(sizeof scenarios / sizeof scenarios[0]))

/* Records that may be over the limit: what can be skipped safely is read, until the separator comes. */
static void read_records(weir_reader *r, const char *sep)
{
    char record[64];
    size_t len = 0;
    ssize_t n;

    do {
        weir_bytes out = { "", 0 };
        n = weir_reader_readuntil(r, sep, strlen(sep), &out);
        bool whole = n > 0;
        if (n == WEIR_ELIMIT)
            n = weir_reader_readexactly(r, weir_reader_consumed(r), &out);
        if (out.len > sizeof record - len) {
            say("TOO LONG");
            return;
        }
        memcpy(record + len, out.data, out.len);
        len += out.len;
        if (whole || n == WEIR_EINCOMPLETE)
            say(whole ? "%s" : "INC(%s)", quoted(record, len));
        len = whole ? 0 : len;
    } while (n > 0);
    if (n != WEIR_EINCOMPLETE)
        say("%s", code_name(n));
}

/* read(n) gives what is there: together everything. */
static void read_some(weir_reader *r, size_t n)
{
    char all[64];
    size_t len = 0;
    weir_bytes out;
    ssize_t got;

    while ((got = weir_reader_read(r, n, &out)) > 0 && len + out.len <= sizeof all) {
        memcpy(all + len, out.data, out.len);
        len += out.len;
        if (out.len > n)
            say("TOO MUCH");
    }
    say("%s%s", quoted(all, len), got == 0 ? "" : code_name(got));
}

static void do_reads(weir_reader *r, const struct scenario *scenario)
{
    for (int i = 0; i < 8 && scenario->reads[i] != NULL; i++) {
        const char *read = scenario->reads[i];
        if (strncmp(read, "records:", 8) == 0)
            read_records(r, read + 8);
        else if (strncmp(read, "some:", 5) == 0)
            read_some(r, (size_t)(read[5] - '0'));
        else
            script_read(r, read);
    }
}

/* --- Ways in --------------------------------------------------------------- */

enum way { BY_HAND, BY_PAIR, BY_BYTES, BY_SOCKET, WAYS };

/* Where the input is cut: at two places, or into pieces of one size. */
struct cuts {
    size_t first, second, piece;
};

struct split {
    const struct scenario *scenario;
    enum way way;
    struct cuts cuts;
    weir_reader *reader;
    weir_writer *writer;        /* BY_SOCKET */
    weir_transport *far;
    int fd;
    int wrong, tried;
};

static size_t next_cut(const struct cuts *cuts, size_t at, size_t len)
{
    size_t end = cuts->piece > 0 ? at + cuts->piece : at < cuts->first ? cuts->first : at < cuts->second ? cuts->second : len;

    return end < len ? end : len;
}

static void send_piece(struct split *split, const char *data, size_t len)
{
    if (split->way == BY_HAND)
        weir_reader_feed_data(split->reader, data, len);
    else if (split->way == BY_SOCKET)
        raw_send(split->fd, data, len);
    else
        weir_transport_write(split->far, data, len);
    for (size_t i = 0; i < (split->way == BY_HAND ? 2 : 4); i++)
        weir_yield();
}

static int feed(void *arg)
{
    struct split *split = arg;
    const char *input = split->scenario->input;
    size_t len = strlen(input);

    for (size_t at = 0, end; at < len; at = end) {
        end = next_cut(&split->cuts, at, len);
        send_piece(split, input + at, end - at);
    }
    if (split->way == BY_HAND)
        weir_reader_feed_eof(split->reader);
    else if (split->way == BY_SOCKET)
        shutdown(split->fd, SHUT_WR);
    else
        weir_transport_write_eof(split->far);
    return 0;
}

static int near_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = weir_stream_protocol();
    *self = weir_stream_protocol_new(((struct split *)arg)->reader, NULL, NULL);
    return *self == NULL ? -ENOMEM : 0;
}

static bool keep_open(void *self)
{
    (void)self;
    return true;
}

static int far_factory(void *arg, const weir_protocol **protocol, void **self)
{
    static const weir_protocol far = { .eof_received = keep_open };

    (void)arg;
    *protocol = &far;
    *self = NULL;
    return 0;
}

static int open_way(struct split *split)
{
    weir_transport *near;
    int pair[2];

    if (split->way != BY_SOCKET) {
        split->reader = weir_reader_new(split->scenario->limit);
        if (split->way == BY_HAND)
            return 0;
        return weir_memory_pair(near_factory, split, &near, far_factory, NULL, &split->far, split->way == BY_BYTES ? 1 : 0);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    split->fd = pair[1];
    weir_connect_options opts = { .sock = &pair[0], .limit = split->scenario->limit };
    return weir_open_connection(NULL, 0, &opts, &split->reader, &split->writer);
}

static void close_way(struct split *split)
{
    if (split->way == BY_SOCKET) {
        weir_writer_free(split->writer);
        close(split->fd);
        return;
    }
    if (split->way != BY_HAND) {
        weir_transport_abort(split->far);
        far_settle();
    }
    weir_reader_free(split->reader);
}

static void try_cuts(struct split *split, size_t first, size_t second, size_t piece)
{
    split->cuts = (struct cuts) { first, second, piece };
    say_nothing();
    if (split->wrong > 0 || open_way(split) < 0) {
        split->wrong++;
        return;
    }
    weir_task *feeder = weir_create_task(feed, split);
    do_reads(split->reader, split->scenario);
    weir_task_join(feeder);
    weir_task_unref(feeder);
    close_way(split);
    split->tried++;
    if (strcmp(said(), split->scenario->expected) == 0)
        return;
    split->wrong++;
    fprintf(stderr, "way %d, cut at %zu and %zu, pieces of %zu: %s\n", (int)split->way, first, second, piece, said());
}

static int try_everywhere(void *arg)
{
    struct split *split = arg;
    size_t len = strlen(split->scenario->input);

    try_cuts(split, len, len, 0);               /* whole */
    for (size_t piece = 1; piece < len; piece++)
        try_cuts(split, 0, 0, piece);
    for (size_t first = 1; first < len; first++) {
        for (size_t second = first; second < len; second++)
            try_cuts(split, first, second, 0);  /* the first one alone, too */
    }
    return 0;
}

START_TEST(reads_give_the_same_wherever_the_input_is_cut)
{
    struct split split = { .scenario = &scenarios[_i / WAYS], .way = (enum way)(_i % WAYS) };
    int before = open_descriptors();

    weir__fault_begin(&(struct fault_plan) { .cap = 1 });       /* of the socket's recv */
    ck_assert_int_eq(weir_run(try_everywhere, &split), 0);
    weir__fault_end();
    ck_assert_int_eq(split.wrong, 0);
    ck_assert_int_ge(split.tried, (int)strlen(split.scenario->input));
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Ways out --------------------------------------------------------------- */

#define OUTPUT "HTTP/1.1 200 OK\r\nLength: 5\r\n\r\nhello;tail"
#define OUTPUT_LEN (sizeof OUTPUT - 1)

enum finale { BY_CLOSE, BY_WRITE_EOF, FINALES };

struct output {
    size_t chunk;               /* of the memory pair; 0: a socket, whose send is capped */
    enum finale finale;
    size_t high;                /* mark: so many bytes that wait make a drain wait */
    size_t cut[4];              /* the pieces' ends: 0, two cuts, all */
    char got[2 * OUTPUT_LEN];
    size_t got_len;
    bool got_end;
    int  codes, closed, fd;     /* the sum of what the calls returned */
    weir_transport *near;
    int  wrong, tried;
};

static void collect(void *self, const void *data, size_t len)
{
    struct output *output = self;

    if (len > sizeof output->got - output->got_len)
        len = sizeof output->got - output->got_len;
    memcpy(output->got + output->got_len, data, len);
    output->got_len += len;
}

static bool note_end(void *self)
{
    ((struct output *)self)->got_end = true;
    return false;
}

static int collector_factory(void *arg, const weir_protocol **protocol, void **self)
{
    static const weir_protocol collector = { .data_received = collect, .eof_received = note_end };

    *protocol = &collector;
    *self = arg;
    return 0;
}

/* Three writes, of which the middle one is two pieces; a drain after each. */
static void write_pieces(struct output *output, weir_writer *writer)
{
    weir_transport_set_write_buffer_limits(weir_writer_transport(writer), output->high, 0);
    for (int i = 0; i < 3; i++) {
        const char *from = &OUTPUT[output->cut[i]];
        size_t len = output->cut[i + 1] - output->cut[i];
        weir_bytes halves[] = { { from, len / 2 }, { from + len / 2, len - len / 2 } };
        output->codes += i == 1 ? weir_writer_writelines(writer, halves, 2) : weir_writer_write(writer, from, len);
        output->codes += weir_writer_drain(writer);
    }
    if (output->finale == BY_WRITE_EOF)
        output->codes += weir_writer_write_eof(writer);
    else
        weir_writer_close(writer);
}

static int handler(weir_reader *reader, weir_writer *writer, void *arg)
{
    struct output *output = arg;
    weir_bytes out;

    write_pieces(output, writer);
    if (output->finale == BY_WRITE_EOF)         /* the other end closes at ours, and its end is told */
        output->codes += (int)weir_reader_read(reader, 1, &out);
    return output->codes;
}

static int handler_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = weir_stream_protocol();
    *self = weir_stream_protocol_new(weir_reader_new(64), handler, arg);
    return *self == NULL ? -ENOMEM : 0;
}

static void write_through_a_pair(struct output *output)
{
    weir_transport *far;

    int code = weir_memory_pair(handler_factory, output, &output->near, collector_factory, output, &far, output->chunk);
    output->codes += code;
    for (size_t passes = 0; code == 0 && passes < 400 && !output->got_end; passes++)
        weir_yield();
    far_settle();
}

static void write_through_a_socket(struct output *output)
{
    weir_reader *reader;
    weir_writer *writer;
    int pair[2];
    char byte;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    weir_connect_options opts = { .sock = &pair[0] };
    output->codes += weir_open_connection(NULL, 0, &opts, &reader, &writer);
    write_pieces(output, writer);
    output->got_len = raw_recv(pair[1], output->got, OUTPUT_LEN);
    while (recv(pair[1], &byte, 1, 0) != 0 && weir_yield() == 0)
        ;
    output->got_end = true;
    weir_writer_close(writer);
    output->codes += weir_writer_wait_closed(writer);
    weir_writer_free(writer);
    close(pair[1]);
}

static void try_output(struct output *output, size_t first, size_t second)
{
    if (output->wrong > 0)
        return;
    output->cut[1] = first;
    output->cut[2] = second;
    output->cut[3] = OUTPUT_LEN;
    output->got_len = 0;
    output->got_end = false;
    if (output->chunk > 0)
        write_through_a_pair(output);
    else
        write_through_a_socket(output);
    output->tried++;
    if (output->codes == 0 && output->got_end && output->got_len == OUTPUT_LEN && memcmp(output->got, OUTPUT, OUTPUT_LEN) == 0)
        return;
    output->wrong++;
    fprintf(stderr, "cut at %zu and %zu: %zu bytes, end %d, codes %d: %s\n", first, second, output->got_len, output->got_end,
            output->codes, quoted(output->got, output->got_len));
}

static int write_everywhere(void *arg)
{
    struct output *output = arg;

    for (size_t first = 0; first <= OUTPUT_LEN; first++) {
        for (size_t second = first; second <= OUTPUT_LEN; second++)
            try_output(output, first, second);
    }
    return 0;
}

static const struct out_way {
    size_t chunk;
    struct fault_plan plan;
} out_ways[] = {
    { 1, { 0 } }, { 3, { 0 } }, { 0, { .cap = 1 } }, { 0, { .cap = 7 } }, { 0, { .again_every = 2 } },
    { 0, { .cap = 1, .again_every = 3 } },
};
#define OUT_WAYS ((int)(sizeof out_ways / sizeof out_ways[0]))

START_TEST(output_arrives_whole_however_little_is_taken_at_a_time)
{
    const struct out_way *way = &out_ways[_i % OUT_WAYS];
    struct output output = {
        .chunk = way->chunk, .finale = (enum finale)(_i / OUT_WAYS % FINALES), .high = _i < OUT_WAYS * FINALES ? 0 : 4,
    };
    int before = open_descriptors();

    weir__fault_begin(&way->plan);
    ck_assert_int_eq(weir_run(write_everywhere, &output), 0);
    weir__fault_end();
    ck_assert_int_eq(output.wrong, 0);
    ck_assert_int_eq(output.tried, (int)((OUTPUT_LEN + 1) * (OUTPUT_LEN + 2) / 2));
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

Suite *suite(void)
{
    Suite *splits = suite_create("streams, cut everywhere");

    TCase *in = tcase_create("input");
    tcase_set_timeout(in, 20);
    tcase_add_loop_test(in, reads_give_the_same_wherever_the_input_is_cut, 0, SCENARIOS * WAYS);
    suite_add_tcase(splits, in);

    TCase *out = tcase_create("output");
    tcase_set_timeout(out, 20);
    tcase_add_loop_test(out, output_arrives_whole_however_little_is_taken_at_a_time, 0, OUT_WAYS * FINALES * 2);
    suite_add_tcase(splits, out);
    return splits;
}
