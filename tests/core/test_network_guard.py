"""The suite's own guard: no test reaches another machine unnoticed."""

import socket
import urllib.request

import pytest


def test_addresses_outside_are_refused():
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.socket() as sock, pytest.raises(AssertionError, match="without a network"):
        sock.connect_ex(("192.0.2.1", 80))


def test_names_outside_are_not_even_looked_up():
    with pytest.raises(AssertionError, match=r"example\.org"):
        urllib.request.urlopen("http://example.org", timeout=1)


def test_this_machine_stays_reachable():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()
