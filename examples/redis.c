/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/redis.c  A library with a libev adapter in weir's loop.    Try: ./redis /run/redis/redis.sock SET greeting hello */
#include <stdio.h>
#include <hiredis/adapters/libev.h>
#include <weir/weir.h>

struct question {
    weir_loop *loop;
    redisAsyncContext *redis;   /* its own: freed by itself after the disconnect, or when connecting fails */
    int code;                   /* 0 once there was an answer */
};

static void on_answer(redisAsyncContext *redis, void *reply_or_null, void *arg)
{
    struct question *question = arg;
    const redisReply *reply = reply_or_null;

    if (reply == NULL)
        fprintf(stderr, "redis: %s\n", redis->errstr[0] != '\0' ? redis->errstr : "no answer");
    else if (reply->type == REDIS_REPLY_ERROR)
        fprintf(stderr, "redis: %s\n", reply->str);
    else if (reply->type == REDIS_REPLY_INTEGER)
        question->code = printf("%lld\n", reply->integer) < 0;
    else
        question->code = printf("%s\n", reply->type == REDIS_REPLY_NIL ? "(nil)" : reply->str != NULL ? reply->str : "...") < 0;
    if (reply != NULL)
        redisAsyncDisconnect(redis);            /* which stops its watchers; the loop must not be closed before */
    weir_loop_stop(question->loop);
}

static void on_time_up(void *arg)
{
    struct question *question = arg;

    redisAsyncFree(question->redis);            /* calls on_answer without a reply */
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "Usage: redis SOCKET COMMAND [ARGUMENT...]\n");
        return 2;
    }
    struct question question = { .loop = weir_loop_new(), .redis = redisAsyncConnectUnix(argv[1]), .code = 1 };
    if (question.loop == NULL || question.redis == NULL || question.redis->err != 0) {
        fprintf(stderr, "redis: %s: %s\n", argv[1], question.redis != NULL ? question.redis->errstr : "no memory");
        if (question.redis != NULL)
            redisAsyncFree(question.redis);
        weir_loop_free(question.loop);
        return 1;
    }
    int code = redisLibevAttach(weir_loop_ev(question.loop), question.redis);
    if (code == REDIS_OK)
        code = redisAsyncCommandArgv(question.redis, on_answer, &question, argc - 2, (const char **)argv + 2, NULL);
    if (code == REDIS_OK && weir_loop_call_later(question.loop, 5.0, on_time_up, &question) != NULL)
        (void)weir_loop_run_forever(question.loop);
    weir_loop_free(question.loop);
    return question.code;
}
