"""Memory: of whole processes through which a large object passes, and of each association that waits."""

from __future__ import annotations

import os
import resource
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.certificate import make
from bench.data import MF
from bench.measures.rows import Goal, Row
from bench.measures.stage import OURS, files, scratch, stored
from bench.peers.base import Spot
from bench.peers.ours import Ours
from bench.processes import free_port, listening
from dicomnet import associate
from dicomnet.tls import TlsConfig


def measure(scale: float = 1.0) -> list[Row]:
    """Peaks for 1 GiB; then what idle associations cost, plain and over TLS."""
    with scratch() as folder:
        rows = _large(folder, max(1, round(2048 * scale)))
    count = _room_for(max(50, round(2_000 * scale)))
    with scratch() as folder:
        rows += _idle(count, None, "plain", Goal(16, at_most=True), Goal(TICK, at_most=True))
        rows += _idle(count, folder, "TLS", None, None)
    return rows


def _large(folder: Path, frames: int) -> list[Row]:
    kind = replace(MF, key="large", frames=frames)
    source, port = files(folder, kind, 1), free_port()
    receiver, (sender,) = Ours().receiver(Spot(port, folder / "kept")), Ours().senders(Spot(port, source))
    peaks = stored(receiver, sender, port, folder / "kept", 1).peaks
    note = f"one object of {kind.size >> 20} MiB, whole process, default settings"
    return [
        Row(f"{name}, peak", "MiB", peak / (1 << 20), goal=Goal(64, at_most=True), note=note)
        for name, peak in zip(("dicomnet send", "dicomnet recv"), peaks, strict=True)
    ]


def _idle(count: int, folder: Path | None, name: str, bytes_goal: Goal | None, cpu_goal: Goal | None) -> list[Row]:
    """A server of ours with higher limits than `recv` has; the other ends are in this process, where they do not count.

    Args:
        folder: for a certificate; without one the links are plain.
    """
    what = f"{count:,} idle associations, {name}"
    if not Path("/proc/self/smaps_rollup").exists():
        return [Row(what, note="needs Linux's /proc")]
    port, options, settings = free_port(), [], {}
    if folder is not None:
        made = make(folder)
        options, settings = (
            [made.certificate, made.key],
            {"tls": TlsConfig(ca_file=made.certificate).requestor_context()},
        )
    with listening(OURS("serve", port, 1, *options), port) as server:
        process = server.child
        _associations(port, WARM, settings).close()
        before = _memory(process)
        with _associations(port, count, settings):
            memory = _memory(process) - before
            time.sleep(SETTLED)
            ticks = _processor(process)
            time.sleep(WATCHED)
            ticks = _processor(process) - ticks
    return [
        Row(
            f"{what}: each", "KiB", memory / count / 1024, goal=bytes_goal, note="PSS of the server, after less before"
        ),
        Row(
            f"{what}: processor time",
            "ms",
            ticks * TICK,
            goal=cpu_goal,
            note=f"in {WATCHED:.0f} s, counted in {TICK:.0f} ms",
        ),
    ]


def _associations(port: int, count: int, settings: dict[str, Any]) -> ExitStack:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(associate(f"ANY-SCP@127.0.0.1:{port}", **settings))
        return stack.pop_all()


def _room_for(count: int) -> int:
    """Raises the limit on open files, for us and for whom we start; how many associations there is room for then."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        most = max(count * 2, 4_096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return min(count, most - 200)


def _memory(process: int) -> int:
    """Bytes that are its own, and its part of those it shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _processor(process: int) -> int:
    """Ticks of processor time, user and system, since it began."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


TICK = 1000 / os.sysconf("SC_CLK_TCK")
"""Milliseconds that the kernel counts processor time in: one may always be met by chance."""

WARM = 100
"""Associations that come and go before: what all share is made by then."""

SETTLED = 11.0
"""Seconds until nothing is due any more of how an association began: 10 s are given for its request, see `Timeouts`."""

WATCHED = 10.0
"""Seconds: long enough for anything that polls once a second to show."""
