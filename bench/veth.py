# SPDX-License-Identifier: BSD-2-Clause
"""A path of its own for --path veth: servers in one network namespace, clients in another, a veth pair between them.

On loopback the sender also pays for the receiver's TCP input, and both ends share one queue; over a pair of interfaces packets go
through a device and are received in a softirq. Both namespaces carry this process's id in their name and go when it ends; those of
a run that was killed go with the next one. Needs root.
"""
import contextlib
import os
import re
import subprocess

from children import Client, Server

PREFIX = "weir-bench-"
SERVER, CLIENT = "198.18.0.1", "198.18.0.2"         # a range kept for measuring (RFC 2544)
PATIENCE = 20


class CannotMake(Exception):
    """There will be no such path here; the message says why."""


def run(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise CannotMake(f"{' '.join(words)}: {trouble}") from None
    if done.returncode != 0:
        raise CannotMake(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def sweep():
    """Remove what a run left behind that is no more."""
    for name in re.findall(rf"^{PREFIX}(?:server|client)-\d+", run("ip", "netns", "list"), re.MULTILINE):
        if not os.path.isdir(f"/proc/{name.rsplit('-', 1)[1]}"):
            run("ip", "netns", "delete", name)


def make(server, client):
    """Two namespaces with an end of the pair in each."""
    run("ip", "netns", "add", server)
    run("ip", "netns", "add", client)
    run("ip", "link", "add", "bench0", "netns", server, "type", "veth", "peer", "name", "bench0", "netns", client)
    for net, address in ((server, SERVER), (client, CLIENT)):
        run("ip", "-n", net, "address", "add", f"{address}/30", "dev", "bench0")
        run("ip", "-n", net, "link", "set", "lo", "up")
        run("ip", "-n", net, "link", "set", "bench0", "up")
        # A client closes first and keeps its port for a minute; on loopback it goes through many addresses instead.
        run("nsenter", f"--net=/run/netns/{net}", "sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1",
            "net.ipv4.ip_local_port_range=1024 65535", "net.core.somaxconn=4096")


@contextlib.contextmanager
def path():
    """While it lasts, servers and clients are started at the two ends."""
    if os.geteuid() != 0:
        raise CannotMake("network namespaces are made by root")
    server, client = (f"{PREFIX}{end}-{os.getpid()}" for end in ("server", "client"))
    made = Server.net, Client.net, Server.host
    sweep()
    try:
        make(server, client)
        Server.net, Client.net, Server.host = server, client, SERVER
        yield
    finally:
        Server.net, Client.net, Server.host = made
        for net in (server, client):
            if os.path.exists(f"/run/netns/{net}"):
                run("ip", "netns", "delete", net)
