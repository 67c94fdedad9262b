"""Memory: of whole processes through which a large object passes, and of each association that waits."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.certificate import Certificate, make
from bench.data import MF
from bench.measures.rows import Goal, Row
from bench.measures.stage import OURS, files, scratch, stored
from bench.peers.base import Spot
from bench.peers.ours import Ours
from bench.processes import CommandFailed, free_port, listening
from dicomnet.pdu import AssociateRequest, PduType, ProposedContext, UserInformation
from dicomnet.pdu.write import push_pdu
from dicomnet.uids import ImplicitVRLittleEndian, Verification


def measure(scale: float = 1.0) -> list[Row]:
    """Peaks for 1 GiB; then what idle associations cost, plain and over TLS."""
    with scratch() as folder:
        rows = _large(folder, max(1, round(2048 * scale)))
    rows += _idle(_room_for(max(50, round(2_000 * scale))), Goal(16, at_most=True), Goal(TICK, at_most=True))
    with scratch() as folder:  # fewer, because a handshake takes much longer than an association
        rows += _idle(_room_for(max(50, round(500 * scale))), certificate=make(folder))
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


def _idle(
    count: int, bytes_goal: Goal | None = None, cpu_goal: Goal | None = None, *, certificate: Certificate | None = None
) -> list[Row]:
    """A server of ours with higher limits than `recv` has; the other ends are in this process.

    Args:
        certificate: makes the links secure.
    """
    what = f"{count:,} idle associations, {'TLS' if certificate else 'plain'}"
    if not Path("/proc/self/smaps_rollup").exists():
        return [Row(what, note="needs Linux's /proc")]
    port, options, context = free_port(), (), None
    if certificate is not None:
        options = (certificate.certificate, certificate.key)
        context = ssl.create_default_context(cafile=certificate.certificate)
    with listening(OURS("serve", port, 1, *options), port) as server:
        process = server.child
        _associations(port, WARM, context).close()
        before = _memory(process)
        with _associations(port, count, context):
            time.sleep(SETTLED)
            memory = _memory(process) - before
            ticks = _processor(process)
            time.sleep(WATCHED)
            ticks = _processor(process) - ticks
    return [
        Row(f"{what}: each", "KiB", memory / count / 1024, goal=bytes_goal, note="of the server's PSS"),
        Row(f"{what}: processor time", "ms", ticks * TICK, goal=cpu_goal, note=f"in {WATCHED:.0f} s, +- {TICK:.0f} ms"),
    ]


def _associations(port: int, count: int, context: ssl.SSLContext | None) -> ExitStack:
    """The other ends: a socket each and no more, so that they are no burden to the machine."""
    with ExitStack() as stack:
        for _ in range(count):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            if context is not None:
                link = stack.enter_context(context.wrap_socket(link, server_hostname="localhost"))
            link.sendall(REQUEST)
            header = _exactly(link, 6)
            if header[0] != PduType.ASSOCIATE_AC:
                raise CommandFailed(f"no association, but a PDU of type {header[0]}")
            _exactly(link, int.from_bytes(header[2:]))
        return stack.pop_all()


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise CommandFailed("the server hung up")
        data += more
    return data


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


REQUEST = push_pdu(
    AssociateRequest(
        called_ae="ANY-SCP",
        calling_ae="BENCH",
        contexts=(ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),),
        user_information=UserInformation(max_pdu_length=131_072, implementation_class_uid=Verification),
    )
)
"""An A-ASSOCIATE-RQ for C-ECHO."""

TICK = 1000 / os.sysconf("SC_CLK_TCK")
"""Milliseconds that the kernel counts processor time in: one may always be met by chance."""

WARM = 100
"""Associations that come and go before: what all share is made by then."""

SETTLED = 11.0
"""Seconds until nothing is due any more of how an association began: 10 s are given for its request, see `Timeouts`."""

WATCHED = 10.0
"""Seconds: long enough for anything that polls once a second to show."""
