"""A line that is not the loopback: what a round trip costs, and how much of a rate is used.

The line is `proxy.Line`; what it does by itself is measured first.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Self

from bench.data import CT, SR
from bench.measures.proxy import Line
from bench.measures.rows import Goal, Row, in_turns, ratios, row
from bench.measures.stage import files, scratch, stored
from bench.peers.base import Absent, Peer, Spot
from bench.peers.dcmtk import Dcmtk
from bench.peers.ours import Ours
from bench.processes import Command, free_port


def measure(scale: float = 1.0) -> list[Row]:
    """The proxy alone; small objects over a round trip of 20 ms; images over 100 Mbit/s with 50 ms."""
    with scratch() as folder:
        return [*_proxy(), *_small(folder, max(20, round(800 * scale))), *_rate(folder, max(20, round(300 * scale)))]


def _proxy() -> list[Row]:
    """What the measures stand on: two ends of the measure's own, with nothing but the line between."""
    with _Echo() as echo, Line(echo.port, round_trip=ROUND_TRIP) as line, _connected(line.port) as near:
        trips = [_seconds(near, b"!") * 1000 for _ in range(20)]
        size = 400 << 20
        bulk = [size / 1e6 / (_seconds(near, bytes(size - 1) + b"!") - ROUND_TRIP) for _ in range(2)]
    with _Echo() as echo, Line(echo.port, round_trip=LONG_TRIP, rate=RATE) as line, _connected(line.port) as near:
        size = int(RATE / 8 * 2)
        paced = [size * 8 / 1e6 / (_seconds(near, bytes(size - 1) + b"!") - LONG_TRIP)]
    return [
        row("the line itself: round trip", "ms", trips, note="20 ms are meant"),
        row("the line itself: without a limit", "MB/s", bulk, goal=Goal(300)),
        row("the line itself: limited", "Mbit/s", paced, note="100 Mbit/s are meant"),
    ]


def _small(folder: Path, count: int) -> list[Row]:
    """Small objects, which are all round trip: with a window, and over several associations to a peer that has none."""
    spread = Ours(bare=True, associations=4)
    forks = Dcmtk(associations=2)  # what makes its storescp fork
    to_ours = "ours, window 16 -> our recv"
    try:
        Dcmtk().version()
    except Absent as reason:
        walls = _walls(folder, count, (Ours(bare=True, window=16), None), runs=RUNS)
        return [row(to_ours, "s", walls[0], note=str(reason))]
    theirs, window, several, to_recv = _walls(
        folder, count, (Dcmtk(), None), (Ours(bare=True, window=16), None), (spread, forks), (spread, None), runs=RUNS
    )
    about = f"{count} SR, {ROUND_TRIP * 1000:.0f} ms"
    return [
        row("DCMTK -> storescp", "s", theirs, note=about),
        row(f"DCMTK / {to_ours}", "", ratios(theirs, window), goal=Goal(10), note=about),
        row(
            "DCMTK / ours, 4 associations -> storescp --fork",
            "",
            ratios(theirs, several),
            goal=Goal(3.5),
            note=about,
        ),
        row("DCMTK / ours, 4 associations -> our recv", "", ratios(theirs, to_recv), goal=Goal(3.5), note=about),
    ]


def _rate(folder: Path, count: int) -> list[Row]:
    """How much of a line whole processes fill, their start included, where nobody says how many associations to use."""
    source = files(folder, CT, count)
    bits = sum(path.stat().st_size for path in source.iterdir()) * 8
    rows = []
    for name, receiver in (("our recv", Ours(bare=True)), ("storescp --fork", Dcmtk(associations=2))):
        what = f"ours, --associations auto -> {name}"
        try:
            receiver.version()
        except Absent as reason:
            rows.append(Row(what, note=str(reason)))
            continue
        seconds = _over_line(
            folder,
            source,
            count,
            Ours(bare=True),
            receiver,
            ("--associations", "auto"),
            round_trip=LONG_TRIP,
            rate=RATE,
        )
        share = 100 * bits / RATE / seconds
        rows.append(row(what, "% of the line", [share], goal=Goal(90), note=f"{count} CT, 100 Mbit/s, 50 ms"))
    return rows


def _walls(folder: Path, count: int, *pairs: tuple[Peer, Peer | None], runs: int) -> list[list[float]]:
    """Seconds of each pair of sender and receiver, in turns; without a receiver the sender's own kind receives."""
    source = files(folder, SR, count)

    def over(sender: Peer, receiver: Peer) -> float:
        return _over_line(folder, source, count, sender, receiver, round_trip=ROUND_TRIP)

    return in_turns(runs, *(lambda pair=pair: over(pair[0], pair[1] or pair[0]) for pair in pairs))


def _over_line(
    folder: Path,
    source: Path,
    count: int,
    sender: Peer,
    receiver: Peer,
    options: tuple[str, ...] = (),
    *,
    round_trip: float,
    rate: float | None = None,
) -> float:
    """Seconds of the sender, with the line between it and the receiver."""
    port = free_port()
    with Line(port, round_trip=round_trip, rate=rate) as line:
        (command,) = sender.senders(Spot(line.port, source))
        command = Command([*command.argv, *options], command.environment)
        kept = folder / "kept"
        return stored(receiver.receiver(Spot(port, kept)), command, port, kept, count).wall


class _Echo:
    """Answers each exclamation mark that ends what it reads, on one connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        buffer = bytearray(1 << 20)
        with link:
            while count := link.recv_into(buffer):
                if buffer[count - 1 : count] == b"!":
                    link.sendall(b"!")


def _connected(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def _seconds(link: socket.socket, data: bytes) -> float:
    """From the first byte sent to the answer."""
    began = time.monotonic()
    link.sendall(data)
    if link.recv(1) != b"!":
        raise ConnectionError("the line was cut")
    return time.monotonic() - began


ROUND_TRIP = 0.02
LONG_TRIP = 0.05
RATE = 100e6
RUNS = 2
