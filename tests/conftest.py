"""The whole suite: no network beyond this machine, and markers that say what a test needs."""

import ipaddress
import os
import socket
from pathlib import Path

import pytest


class NetworkBlockedError(AssertionError):
    """A test tried to reach another machine."""


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run tests marked slow as well")


def pytest_configure(config):
    """Give a worker beside others one thread: the networks are small, and more would wait."""
    if hasattr(config, "workerinput"):
        import torch

        torch.set_num_threads(1)
        os.environ["OMP_NUM_THREADS"] = "1"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Answer `-n auto`: a worker per core, but each holds torch and networks in memory."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 8)


def pytest_collection_modifyitems(config, items):
    """Skip, with a reason, what was not asked for or cannot run on this machine."""
    asked_for = config.option.markexpr
    absent = {}
    if not config.getoption("--slow") and "slow" not in asked_for:
        absent["slow"] = "slow; run with --slow"
    if not comfyui_root().is_dir():
        absent["host"] = "no ComfyUI checkout at $COMFYUI_PATH or ~/comfy/ComfyUI"
    if any(item.get_closest_marker("gpu") for item in items) and not has_cuda():
        absent["gpu"] = "no CUDA device"
    for item in items:
        reasons = [reason for name, reason in absent.items() if item.get_closest_marker(name)]
        reasons += [f"{name}'s weights are not here" for name in missing_weights(item)]
        if reasons:
            item.add_marker(pytest.mark.skip(reason="; ".join(reasons)))


def pytest_terminal_summary(terminalreporter):
    """Say at the end, not only among the skipped, that the real host was not asked."""
    skipped = terminalreporter.stats.get("skipped", [])
    host = [one for one in skipped if "tests/workflows/test_" in one.nodeid.replace(os.sep, "/")]
    if host:
        reason = host[0].longrepr[2] if isinstance(host[0].longrepr, tuple) else "unknown"
        terminalreporter.write_line(
            f"{len(host)} tests in a real ComfyUI did NOT run ({reason.removeprefix('Skipped: ')})."
        )


def missing_weights(item):
    """Return which files named by `@pytest.mark.weights("codeformer", ...)` are not found."""
    from pdgrad_core.weights.catalogue import weight_file
    from pdgrad_core.weights.folders import locate, search_folders

    marker = item.get_closest_marker("weights")
    names = marker.args if marker else ()
    return [name for name in names if locate(weight_file(name), search_folders()) is None]


def comfyui_root():
    return Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()


def has_cuda():
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Let sockets reach this machine only, name look-ups included."""
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded_connect(self, address):
        check_loopback(self, address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        check_loopback(self, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host, *args, **kwargs):
        check_host(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(autouse=True)
def outside_comfyui(monkeypatch):
    """Keep out of the models of a ComfyUI in whose custom_nodes this checkout may lie."""
    monkeypatch.setattr("pdgrad_core.weights.folders.surrounding_comfyui", lambda: None)


def check_loopback(sock, address):
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        check_host(address[0])


def check_host(host):
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost"):
        return
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NetworkBlockedError(f"a test tried to reach {host}; tests run without a network")
