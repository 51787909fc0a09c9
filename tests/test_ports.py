"""Free ports: below those that the kernel gives to connections, each another, and really free."""

from __future__ import annotations

import socket

import pytest

from ioc import ports
from ioc.errors import IocError


def test_ports_are_below_those_of_connections_and_each_another() -> None:
    found = ports.free(200)
    assert len(set(found)) == 200
    assert all(ports.LEAST <= port < ports.BELOW for port in found)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_held_is_not_free(kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = ports.free()
    with socket.socket(type=kind) as held:
        held.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            held.listen()
        assert not ports.is_free(port)
        monkeypatch.setattr(ports, "LEAST", port)
        monkeypatch.setattr(ports, "BELOW", port + 1)
        with pytest.raises(IocError, match="see who holds them"):
            ports.free()
    assert ports.is_free(port) and ports.free() == [port]
