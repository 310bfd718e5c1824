/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/stubborn.h  Tasks that do not end when they are told to.
 */
#ifndef WEIR_STREAMS_STUBBORN_H
#define WEIR_STREAMS_STUBBORN_H

/* Name every task of the running loop but the calling one in the log, and abandon it. How many there were. */
unsigned weir__stubborn_abandon(void);

#endif
