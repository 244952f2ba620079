"""Ports for servers that must come back to the same one, or be told one before they start.

Everything else listens on port 0 and asks which it got.
"""

from __future__ import annotations

import os
import random
import socket

WORKERS = 32


def free_port() -> int:
    """A port that nobody has, below those the system gives to clients, and never one of another test process."""
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    for port in random.sample(range(10_000 + mine, 30_000, WORKERS), 100):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise OSError("no port is free")


_given: set[int] = set()
