/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/eyeballs.h  Happy eyeballs: in which order addresses are tried, and when (RFC 8305; OC-7, OC-8).
 *
 * Times and events in, decisions out: no socket and no clock is touched here. Attempts are numbered in the order of the
 * addresses and begin in that order. Attempt k+1 is due when attempt k has failed, or when the delay since k began is over,
 * whichever comes first; the failure of an earlier one changes nothing. Without a delay that is one after the other.
 *
 *      attempt:  (not begun) --began--> running --failed--> over
 *                                          |
 *                                          +-----won------> over, and so is everything
 *
 * What happened is told first, then weir__eyeballs_ask is asked: so a success at the moment when another attempt is due
 * comes before it.
 */
#ifndef WEIR_NET_EYEBALLS_H
#define WEIR_NET_EYEBALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

#define EYEBALLS_MOST 32        /* attempts at a time: descriptors that one connect may hold, however short its delay */

struct eyeballs {
    size_t count;               /* addresses */
    size_t begun;               /* attempts 0 .. begun - 1 have; begun is the next one */
    size_t running;
    int64_t delay_ns;           /* FOREVER: none */
    int64_t due_ns;             /* when the next one is, if running < EYEBALLS_MOST */
    bool won;
    size_t winner;              /* if won */
};

enum eyeballs_answer {
    EYEBALLS_BEGIN,             /* attempt e->begun is due */
    EYEBALLS_WAIT,              /* for what the attempts say, or until *until_ns */
    EYEBALLS_WON,               /* by e->winner: the others are to be given up */
    EYEBALLS_LOST               /* all have failed */
};

/* @delay: seconds; 0 or less: none. The first attempt is due at once. */
void weir__eyeballs_init(struct eyeballs *e, size_t count, double delay);

/* What to do at @now_ns. *until_ns is set for EYEBALLS_WAIT: later than @now_ns, FOREVER: nothing is to begin by itself. */
enum eyeballs_answer weir__eyeballs_ask(const struct eyeballs *e, int64_t now_ns, int64_t *until_ns);

/* What happened at @now_ns: the attempt that was due began; a running one failed; a running one was connected. */
void weir__eyeballs_began(struct eyeballs *e, int64_t now_ns);
void weir__eyeballs_failed(struct eyeballs *e, size_t attempt, int64_t now_ns);
void weir__eyeballs_won(struct eyeballs *e, size_t attempt);

/*
 * Bring @list into the order in which it is tried: first @interleave - 1 addresses of the family that comes first, then one
 * of each family in turn, the families in the order of their first address. 0: as it is. 0 or -ENOMEM, and then as it was.
 */
int weir__eyeballs_interleave(struct address_list *list, unsigned interleave);

#endif
