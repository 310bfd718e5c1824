/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_repeat.c  A small table that is searched from end to end: there are as many messages in use as the program
 * has sentences, and hashes are compared before sentences.
 */
#include "server/log_repeat.h"

#include <string.h>

#define SECOND 1000000000LL

void log_repeat_init(struct log_repeat *repeat, unsigned limit)
{
    memset(repeat, 0, sizeof *repeat);
    repeat->limit = limit;
}

/* FNV-1a: few bytes, and nobody outside chooses them. */
static uint64_t hash_of(int level, const char *sentence, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (unsigned)level;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)sentence[i]) * 0x100000001b3u;
    return hash;
}

static size_t kept(size_t len)
{
    return len < LOG_REPEAT_SENTENCE ? len : LOG_REPEAT_SENTENCE;
}

static bool is_over(const struct log_repeated *message, int64_t now_ns)
{
    return message->count == 0 || now_ns - message->since_ns >= SECOND;
}

static bool is_same(const struct log_repeated *message, uint64_t hash, int level, const char *sentence, size_t len)
{
    return message->count > 0 && message->hash == hash && message->level == level && message->len == len &&
           memcmp(message->sentence, sentence, kept(len)) == 0;
}

bool log_repeat_admit(struct log_repeat *repeat, int64_t now_ns, int level, const char *sentence, size_t len)
{
    uint64_t hash = hash_of(level, sentence, len);
    struct log_repeated *place = NULL;

    if (repeat->limit == 0)
        return true;
    for (struct log_repeated *message = repeat->messages; message < repeat->messages + LOG_REPEAT_MESSAGES; message++) {
        if (is_same(message, hash, level, sentence, len)) {
            place = message;
            break;
        }
        if (place == NULL && is_over(message, now_ns) && message->held == 0)
            place = message;
    }
    if (place == NULL)
        return true;

    if (!is_same(place, hash, level, sentence, len) || (is_over(place, now_ns) && place->held == 0)) {
        *place = (struct log_repeated){ .hash = hash, .since_ns = now_ns, .level = level, .len = len };
        memcpy(place->sentence, sentence, kept(len));
    }
    if (place->count < repeat->limit) {
        place->count++;
        return true;
    }
    if (place->held++ == 0)
        repeat->held++;
    return false;
}

const struct log_repeated *log_repeat_due(struct log_repeat *repeat, int64_t now_ns, bool all)
{
    if (repeat->held == 0)
        return NULL;
    for (struct log_repeated *message = repeat->messages; message < repeat->messages + LOG_REPEAT_MESSAGES; message++)
        if (message->held > 0 && (all || is_over(message, now_ns)))
            return message;
    return NULL;
}

void log_repeat_said(struct log_repeat *repeat, const struct log_repeated *message)
{
    struct log_repeated *own = &repeat->messages[message - repeat->messages];

    own->held = 0;
    own->count = 0;             /* the next one begins a second of its own */
    repeat->held--;
}

int64_t log_repeat_wait(const struct log_repeat *repeat, int64_t now_ns)
{
    int64_t least = -1;

    for (const struct log_repeated *message = repeat->messages; message < repeat->messages + LOG_REPEAT_MESSAGES; message++) {
        if (message->held == 0)
            continue;
        int64_t left = is_over(message, now_ns) ? 0 : message->since_ns + SECOND - now_ns;
        if (least < 0 || left < least)
            least = left;
    }
    return least;
}
