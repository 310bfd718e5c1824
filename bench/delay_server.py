# SPDX-License-Identifier: BSD-2-Clause
"""bench/delay_server.py PORT [HOST]  Says lines back after a time that is known beforehand: what client_open is checked by.

The n-th line of all is held for LEAST + (n times the golden ratio, without its whole part) * SPAN seconds. These times are spread
evenly over the span, so that the share q of them is at most quantile(q); and they are long, so that what the machine adds is
small beside them. Lines of a connection must be further apart than LEAST + SPAN, else they would wait for each other.
"""
import asyncio
import sys

LEAST, SPAN = 0.050, 0.100
GOLDEN = 0.6180339887498949


def quantile(share):
    """Seconds that this share of the lines is held for at most."""
    return LEAST + share * SPAN


class Hold(asyncio.Protocol):
    lines = 0                                   # of all connections

    def connection_made(self, transport):
        self.transport, self.part = transport, b""

    def data_received(self, data):
        *whole, self.part = (self.part + data).split(b"\n")
        for line in whole:
            Hold.lines += 1
            asyncio.get_running_loop().call_later(
                LEAST + Hold.lines * GOLDEN % 1 * SPAN, self.transport.write, line + b"\n")


async def main(port, host="127.0.0.1"):
    server = await asyncio.get_running_loop().create_server(Hold, host, int(port), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
