"""Ports of this machine that nobody listens on, for servers that are started on them a little later.

A kernel gives connections their own ports from 32,768 on (Linux, `net.ipv4.ip_local_port_range`; other systems higher
still): a port up there that is free now may be somebody's connection when the server comes to it, and a server that is
started again may find its port taken. Those below are given to nobody.
"""

from __future__ import annotations

import random
import socket

from ioc.errors import IocError

LEAST, BELOW = 20_000, 32_768
_TRIES = 1_000
_chance = random.SystemRandom()


def free(count: int = 1) -> list[int]:
    """So many ports of loopback, each another. Raises IocError when they can't be found."""
    found: list[int] = []
    for _ in range(_TRIES):
        if len(found) == count:
            break
        port = _chance.randrange(LEAST, BELOW)
        if port not in found and is_free(port):
            found.append(port)
    else:
        raise IocError(f"No {count} free ports were found between {LEAST} and {BELOW}; see who holds them (ss -ltn).")
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen there, on loopback, now, by TCP and by UDP."""
    try:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            # as servers do: a port whose old connections are not forgotten yet is free
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stream.bind(("127.0.0.1", port))
            datagrams.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
