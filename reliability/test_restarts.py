"""A server that is stopped, started again and given new certificates, while instances come fifty times a second."""

from __future__ import annotations

import itertools
import queue
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import pytest

from dicomnet import AssociationError, ConnectFailed, DicomNetError, TlsConfig, sync
from listeners import V4, listening, port_of
from raw import data_set, even
from reliability import figures, scale
from reliability.node import Node
from tls.certificates import NAMES, Site, issue, make_site

RATE = 50
"""New associations a second, half of them with TLS."""

SECONDS = scale.of(4, 30)

PROGRAM = """
import sys
from dicomnet import Server, TlsConfig
folder, certificate, *sockets = sys.argv[1:]
handed = [{"sock": int(number)} for number in sockets] or [{"port": port} for port in (PORTS)]
server = Server("ARCHIVE", folder=folder, host="127.0.0.1", grace=20, **handed[0])
server.listen(host="127.0.0.1", tls=TlsConfig(certificate=certificate), **handed[1])
sys.exit(server.run(ready=lambda: print("listening on 127.0.0.1:0", flush=True)))
"""


class Callers:
    """Who stores, each instance on an association of its own, and what came of it.

    Args:
        ports: plain, and with TLS.
        secure: how to speak TLS.
    """

    def __init__(self, ports: tuple[int, int], secure: TlsConfig) -> None:
        self.outcomes: Counter[str] = Counter()
        self.acknowledged: list[str] = []
        self.errors: list[str] = []
        self._ports = ports
        self._secure = secure
        self._work: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._store_all, name=f"caller {i}") for i in range(16)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def call(self, seconds: float) -> None:
        """Has them call at the rate for so long."""
        began = time.monotonic()
        for number in range(int(seconds * RATE)):
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))  # the rate is what it is about
            self._work.put(next(_NUMBERS))

    def _store_all(self) -> None:
        while (number := self._work.get()) is not None:
            self.outcomes[self._store(number)] += 1

    def _store(self, number: int) -> str:
        uid = f"1.2.3.{number}"
        port, tls = ((self._ports[0], None), (self._ports[1], self._secure))[number % 2]
        try:
            with sync.associate(f"ARCHIVE@{V4}:{port}", contexts=["CTImageStorage"], tls=tls) as association:
                association.store(_file(uid))
        except ConnectFailed as error:
            return self._note("refused", error)
        except (AssociationError, DicomNetError) as error:
            return self._note("aborted", error)
        self.acknowledged.append(uid)
        return "stored"

    def _note(self, outcome: str, error: Exception) -> str:
        self.errors.append(f"{type(error).__name__}: {error}")
        return outcome


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Certificates for everybody."""
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.mark.timeout(600)
def test_sockets_that_are_handed_on_lose_nobody(site: Site, tmp_path: Path) -> None:
    """Whoever connects while nobody serves waits in the backlog: none refused, none aborted, every one kept."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(listening())[0] for _ in range(2)]
        for sock in sockets:
            sock.listen(1024)
        program = PROGRAM.replace("(PORTS)", "()")
        descriptors = [str(sock.fileno()) for sock in sockets]
        restarts, callers = _run(site, tmp_path, (port_of([sockets[0]]), port_of([sockets[1]])), program, descriptors)
    assert callers.outcomes.keys() == {"stored"}, (callers.outcomes, callers.errors[:5])
    assert not _missing(tmp_path / "kept", callers)
    figures.tell(
        f"{callers.outcomes.total()} associations, {RATE} a second, half with TLS, {restarts} restarts on inherited sockets, "
        f"{restarts} renewed certificates",
        "0 lost, 0 aborted, 0 refused",
    )


@pytest.mark.timeout(600)
def test_a_restart_refuses_while_nobody_listens_and_loses_nothing(site: Site, tmp_path: Path) -> None:
    """Without such sockets who comes between the two is refused by the system; nobody is aborted, every one kept."""
    with ExitStack() as stack:
        reserved = [stack.enter_context(_reserved()) for _ in range(2)]
        program = PROGRAM.replace("(PORTS)", repr(tuple(reserved)))
        restarts, callers = _run(site, tmp_path, (reserved[0], reserved[1]), program, [])
    assert callers.outcomes.keys() <= {"stored", "refused"}, (callers.outcomes, callers.errors[:5])
    assert callers.outcomes["stored"] > callers.outcomes.total() / 4
    assert not _missing(tmp_path / "kept", callers)
    figures.tell(
        f"{callers.outcomes.total()} associations, {RATE} a second, half with TLS, {restarts} restarts on ports of its own",
        f"0 lost, 0 aborted, {callers.outcomes['refused']} refused while nobody listened",
    )


def _run(site: Site, folder: Path, ports: tuple[int, int], program: str, descriptors: list[str]) -> tuple[int, Callers]:
    """Restarts once a second, after a new certificate half a second before; returns how often, and who called."""
    certificate = folder / "server.pem"
    certificate.write_bytes(site.server.file.read_bytes())
    arguments = ("-c", program, str(folder / "kept"), str(certificate), *descriptors)
    pass_fds = [int(number) for number in descriptors]
    callers = Callers(ports, site_config(site))
    over = threading.Event()
    pace = threading.Thread(target=lambda: (callers.call(SECONDS), over.set()))
    restarts = 0
    node = Node(folder / "kept", program=arguments, pass_fds=pass_fds)
    try:
        with callers:
            pace.start()
            while not over.wait(0.5):
                _renew(site, certificate, folder)
                if over.wait(0.5):
                    break
                assert node.stop() == 0, node.log
                node = Node(folder / "kept", program=arguments, pass_fds=pass_fds)
                restarts += 1
            pace.join()
        assert node.stop() == 0, node.log
    finally:
        over.set()
        pace.join()
        node.stop()
    assert restarts >= 2
    return restarts, callers


def site_config(site: Site) -> TlsConfig:
    """What a requestor needs."""
    return TlsConfig(ca_file=site.authority.file, peer_name="pacs.example")


def _renew(site: Site, certificate: Path, folder: Path) -> None:
    """A new certificate by the same authority, in the place of the old one."""
    (folder / "issued").mkdir(exist_ok=True)
    issued = issue(folder / "issued", f"renewed{next(_NUMBERS)}", site.authority, names=NAMES)
    issued.file.replace(certificate)


def _missing(kept: Path, callers: Callers) -> list[str]:
    """What was acknowledged, and is not there as it was sent."""
    return [uid for uid in callers.acknowledged if not (kept / f"{uid}.dcm").read_bytes().endswith(_data(uid))]


def _file(uid: str) -> bytes:
    return b"\0" * 128 + b"DICM" + _meta(uid) + _data(uid)


def _data(uid: str) -> bytes:
    return data_set(even(uid.encode()), 2048)


def _meta(uid: str) -> bytes:
    """Group 0002 (PS3.10 7.1): as much of it as a sender needs."""
    instance = even(uid.encode())
    rest = b"".join(
        struct.pack("<HH2sH", 2, tag, b"UI", len(value)) + value
        for tag, value in (
            (0x0002, even(b"1.2.840.10008.5.1.4.1.1.2")),
            (0x0003, instance),
            (0x0010, even(b"1.2.840.10008.1.2.1")),
        )
    )
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(rest)) + rest


@contextmanager
def _reserved() -> Iterator[int]:
    """A port that nobody else gets: it is bound, and does not listen."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((V4, 0))
        yield sock.getsockname()[1]


_NUMBERS = itertools.count(1)
