/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_mutations.c  conf/weir.conf with 1,000 accidents, each by its own seed.
 *
 * Whatever comes of it: it ends, and nothing is used that is not there (AddressSanitizer watches). What is refused has a
 * line; what is accepted prints and reads back. Half of them begin with the file as it is, which is mostly comments, the
 * others with its keys alone, so that accidents meet something.
 */
#include "server/config.h"

#include <weir/error.h>

#include "lib/suite.h"
#include "server/config_case.h"

#define SEEDS      1000
#define SEEDS_EACH 50           /* in one process, as a crash ends it */
#define TEXT_MOST  65536
#define ACCIDENTS  8            /* at most, to one file */

/* --- Chance -------------------------------------------------------------- */

static uint64_t state;

/* xorshift64*: the same stream on every machine. */
static size_t any(size_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return below == 0 ? 0 : (size_t)((state * UINT64_C(2685821657736338717)) >> 16) % below;
}

/* --- A text and its parts ------------------------------------------------ */

struct text {
    char   bytes[TEXT_MOST];
    size_t len;
};

struct part {
    size_t at, len;
};

/* Put @len bytes in the place of a part; where there is no room, nothing happens. */
static void replace(struct text *text, struct part part, const char *bytes, size_t len)
{
    char copy[4096];

    if (len > sizeof copy || text->len - part.len + len > TEXT_MOST)
        return;
    memcpy(copy, bytes, len);               /* they may be of the text itself */
    memmove(text->bytes + part.at + len, text->bytes + part.at + part.len, text->len - part.at - part.len);
    memcpy(text->bytes + part.at, copy, len);
    text->len += len - part.len;
}

static struct part any_line(const struct text *text)
{
    struct part line = { any(text->len), 0 };

    while (line.at > 0 && text->bytes[line.at - 1] != '\n')
        line.at--;
    while (line.at + line.len < text->len && text->bytes[line.at + line.len] != '\n')
        line.len++;
    line.len += line.at + line.len < text->len;
    return line;
}

/* A run of letters and digits, or one byte of anything else. */
static struct part any_word(const struct text *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    struct part word = { any(text->len), 0 };

    while (word.at > 0 && text->bytes[word.at] != '\0' && strchr(letters, text->bytes[word.at - 1]) != NULL)
        word.at--;
    while (word.at + word.len < text->len && text->bytes[word.at + word.len] != '\0' &&
           strchr(letters, text->bytes[word.at + word.len]) != NULL)
        word.len++;
    if (word.len == 0 && word.at < text->len)
        word.len = 1;
    return word;
}

/* --- Accidents ----------------------------------------------------------- */

static const char *const words[] = {
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    ";",
    "=",
    ",",
    "#",
    "/*",
    "*/",
    "//",
    "\\",
    "\n",
    "@include \"m.conf\"\n",
    "\n@include \"none.conf\"\n",
    "\n@include \"/\"\n",
    "99999999999999999999",
    "-1",
    "0",
    "1e999",
    "-0.0",
    "0x7fffffffffffffff",
    "true",
    "\"64k\"",
    "\"1.5s\"",
    "\"\"",
    "\"\\x00\"",
    "\"\\xff\"",
    "\"unix:@x\"",
    "\"[::1]:1\"",
    "\"*:0\"",
    "workers",
    "servers",
    "options",
    "limit",
    "name",
    "\xff",
    "\x7f",
    "((((((((((((((((((((",
    "a=1;b=2;",
    "[ \"a\", 1 ]",
};

static void swap(struct text *text, struct part (*any_part)(const struct text *))
{
    struct part one = any_part(text), other = any_part(text);
    char copy[4096];

    if (one.at > other.at) {
        struct part between = one;
        one = other;
        other = between;
    }
    if (one.at + one.len > other.at || other.len > sizeof copy)
        return;
    memcpy(copy, text->bytes + other.at, other.len);
    replace(text, other, text->bytes + one.at, one.len);
    replace(text, one, copy, other.len);
}

static void duplicate(struct text *text, struct part (*any_part)(const struct text *))
{
    struct part part = any_part(text), before = { any_part(text).at, 0 };

    replace(text, before, text->bytes + part.at, part.len);
}

static void accident(struct text *text)
{
    const char *word = words[any(sizeof words / sizeof *words)];
    size_t at = any(text->len);
    char byte = (char)any(256);

    if (text->len == 0)
        return;
    switch (any(13)) {
    case 0: text->bytes[at] = (char)(text->bytes[at] ^ (1 << any(8))); break;
    case 1: text->bytes[at] = byte; break;
    case 2: replace(text, (struct part){ at, 0 }, &byte, 1); break;
    case 3: replace(text, (struct part){ at, 1 + any(text->len - at < 9 ? text->len - at : 9) }, "", 0); break;
    case 4: replace(text, any_line(text), "", 0); break;
    case 5: replace(text, any_word(text), "", 0); break;
    case 6: duplicate(text, any_line); break;
    case 7: duplicate(text, any_word); break;
    case 8: swap(text, any_line); break;
    case 9: swap(text, any_word); break;
    case 10: replace(text, any_word(text), word, strlen(word)); break;
    case 11: replace(text, (struct part){ at, 0 }, word, strlen(word)); break;
    default: text->len = any(4) == 0 ? at : text->len; break;
    }
}

/* --- What comes of it ---------------------------------------------------- */

static void read_shipped(struct text *text, bool keys_alone)
{
    FILE *file = fopen(case_shipped("weir.conf"), "r");
    char line[512];

    ck_assert_ptr_nonnull(file);
    text->len = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t blanks = strspn(line, " ");
        if (keys_alone && line[blanks] == '#') {
            if (strspn(line + blanks + 2, "abcdefghijklmnopqrstuvwxyz_") == 0 || strstr(line, " = ") == NULL ||
                strstr(line, ";\n") == NULL)
                continue;
            line[blanks] = ' ';
        }
        ck_assert_uint_lt(text->len + strlen(line), TEXT_MOST);
        memcpy(text->bytes + text->len, line, strlen(line));
        text->len += strlen(line);
    }
    fclose(file);
}

static bool has_a_line(const char *said)
{
    for (; *said != '\0'; said += strcspn(said, "\n") + 1) {
        const char *colon = strchr(said, ':');
        if (colon != NULL && colon[1] >= '1' && colon[1] <= '9')
            return true;
    }
    return false;
}

static void assert_reads_back(const struct config *config, int seed)
{
    char *printed = case_printed(config);

    scratch_write("printed.conf", printed);
    struct config_case again = case_of("printed.conf", NULL, NULL);
    ck_assert_msg(again.code == 0, "seed %d: what was printed is refused: %s\n%s", seed, again.said, printed);
    char *twice = case_printed(again.config);
    ck_assert_msg(strcmp(printed, twice) == 0, "seed %d: what was printed reads back to something else", seed);
    free(twice);
    free(printed);
    case_end(&again);
}

START_TEST(accidents_are_refused_with_a_line_or_read_back)
{
    static struct text text;
    int accepted = 0, refused = 0;

    for (int seed = _i * SEEDS_EACH + 1; seed <= (_i + 1) * SEEDS_EACH; seed++) {
        state = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15);
        read_shipped(&text, seed % 2 == 0);
        for (size_t count = 1 + any(ACCIDENTS); count > 0; count--)
            accident(&text);
        scratch_write_bytes("m.conf", text.bytes, text.len);

        struct config_case loaded = case_of("m.conf", NULL, NULL);
        if (loaded.code == 0) {
            accepted++;
            ck_assert_uint_eq(loaded.count, 0);
            assert_reads_back(loaded.config, seed);
        } else {
            refused++;
            ck_assert_msg(loaded.code == WEIR_ECONFIG, "seed %d: code %d", seed, loaded.code);
            ck_assert_msg(has_a_line(loaded.said), "seed %d: no line: %s", seed, loaded.said);
        }
        case_end(&loaded);
    }
    ck_assert_int_ge(accepted, SEEDS_EACH / 10);        /* so that both happened */
    ck_assert_int_ge(refused, SEEDS_EACH / 10);
}
END_TEST

Suite *suite(void)
{
    Suite *mutations = suite_create("server/config_mutations");

    TCase *accidents = tcase_create("accidents");
    tcase_set_timeout(accidents, 60);
    tcase_add_checked_fixture(accidents, scratch_begin, scratch_end);
    tcase_add_loop_test(accidents, accidents_are_refused_with_a_line_or_read_back, 0, SEEDS / SEEDS_EACH);
    suite_add_tcase(mutations, accidents);

    return mutations;
}
