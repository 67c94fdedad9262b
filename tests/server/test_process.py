"""Servers that are a program: signals, several processes, sockets that somebody else has opened."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

import dicomnet
from dicomnet.cli._certificate import self_signed
from dicomnet.errors import (
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    InvalidValue,
    TlsFailed,
)
from dicomnet.limits import Timeouts
from dicomnet.tls import TlsConfig
from raw import RELEASE_RP, RELEASE_RQ, RawPeer, associate, eventually
from server.serving import local

SOURCE = str(Path(dicomnet.__file__).parent.parent)
PATIENCE = 30.0
"""Seconds that tell a program that hangs from one that is slow."""

PROGRAM = """
import json, logging, os, signal, sys
import dicomnet
from dicomnet.limits import Limits

settings = json.loads(sys.argv[1])
logging.basicConfig(format="%(message)s", level="INFO")
tls = dicomnet.TlsConfig(**settings["tls"]) if "tls" in settings else None
server = dicomnet.Server(
    "ARCHIVE", port=settings.get("port", 0), host="127.0.0.1", tls=tls, limits=Limits(**settings.get("limits", {})),
    grace=settings.get("grace", 30.0), folder=settings.get("folder"), proxies=settings.get("proxies", ()),
)
if "audit" in settings:
    server.audit(settings["audit"])
if "also" in settings:
    server.listen(0, host="127.0.0.1", name=settings["also"])

@server.on_find
def find(request):
    yield {"PatientID": str(os.getpid())}

if "inherit" in settings:
    for number, descriptor in enumerate(settings["inherit"], 3):
        os.dup2(descriptor, number)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(settings["inherit"]))
    os.environ["LISTEN_FDNAMES"] = ":".join(settings["names"])
signal.signal(signal.SIGINT, signal.SIG_IGN if settings.get("ignores_interrupts") else signal.default_int_handler)

def end_at_once():
    print("ready at port", server.port, file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

ready = end_at_once if settings.get("ends_at_once") else None
sys.exit(server.run(workers=settings.get("workers", 1), ready=ready))
"""


class Program:
    """One that serves."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self.process = process
        self._log = log
        self.ports: list[int] = []

    def line(self, pattern: str) -> re.Match[str]:
        """Waits for a line of its log."""
        seen = []
        for text in self._log:
            if (found := re.search(pattern, text)) is not None:
                return found
            seen.append(text)
        raise AssertionError(f"no {pattern!r} in {''.join(seen)}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Waits for its end, and returns the exit code."""
        self._log.read()
        return self.process.wait(PATIENCE)

    def calling(self, *contexts: str, **options: Any) -> dicomnet.Association:
        address = f"ARCHIVE@127.0.0.1:{self.ports[0]}"
        return dicomnet.associate(address, aet="ME", contexts=contexts or ("verification",), **options)


@contextmanager
def running(*, listens: int = 1, descriptors: tuple[int, ...] = (), **settings: Any) -> Iterator[Program]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(settings)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": SOURCE},
        pass_fds=descriptors,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        program = Program(process, process.stderr)
        try:
            for _ in range(listens):
                program.ports.append(int(program.line(r"ARCHIVE listens on \S*:(\d+)")[1]))
            yield program
        finally:
            with suppress(ProcessLookupError):  # its own session: the workers too
                os.killpg(process.pid, signal.SIGKILL)


def process_of(association: dicomnet.Association) -> str:
    """Which process answers on it."""
    (match,) = association.find(PatientID="")
    return str(match.PatientID)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_ends_a_server_when_its_peers_have_released(number: signal.Signals, workers: int) -> None:
    """Nobody new is accepted, and who is there goes on until then; the exit code is 0."""
    with running(workers=workers) as program:
        with program.calling() as association:
            association.echo()
            program.signal(number)
            program.line("no more connections are accepted")
            assert association.echo() == 0
            with pytest.raises(ConnectFailed):
                program.calling()
            assert program.process.poll() is None
        assert program.end() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_who_is_told_that_it_is_ready_may_end_it(workers: int) -> None:
    """Signals are heard by then; the log does not say once more that it listens."""
    with running(listens=0, workers=workers, ends_at_once=True) as program:
        program.line(r"ready at port [1-9]")
        program.line("^no more connections are accepted")
        assert program.end() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_that_the_program_was_started_to_ignore_is_ignored(workers: int) -> None:
    """As one in the background is: a Ctrl-C in its terminal is for others."""
    with running(workers=workers, ignores_interrupts=True) as program:
        os.killpg(program.process.pid, signal.SIGINT)
        for _ in range(3):  # the first may be accepted before the signal is heard
            with program.calling() as association:
                assert association.echo() == 0
        program.signal(signal.SIGTERM)
        assert program.end() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_ctrl_c_in_its_terminal_is_one_signal(workers: int) -> None:
    """The terminal sends it to the workers as well, who are told by the accepting process."""
    with running(workers=workers) as program:
        with program.calling() as association:
            os.killpg(program.process.pid, signal.SIGINT)
            program.line("no more connections are accepted")
            for _ in range(100):  # a second signal would have it aborted soon
                assert association.echo() == 0
        assert program.end() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_it_at_once(workers: int) -> None:
    """Who is still there is aborted."""
    with running(workers=workers) as program:
        association = program.calling()
        program.signal(signal.SIGTERM)
        program.line("no more connections are accepted")
        program.signal(signal.SIGTERM)
        assert program.end() == 0
        with pytest.raises((AssociationAborted, ConnectionLost)):
            association.echo()
        association.abort()


def test_the_grace_ends_it_as_well() -> None:
    """Who does not release in time is aborted."""
    with running(grace=0.1) as program:
        association = program.calling()
        program.signal(signal.SIGTERM)
        assert program.end() == 0
        with pytest.raises((AssociationAborted, ConnectionLost)):
            association.echo()
        association.abort()


def test_workers_share_the_work_and_the_limits() -> None:
    """One process after the other; and one connection too many, counted over all, is rejected with 2/3/2."""
    with running(workers=2, limits={"associations": 3}) as program, ExitStack() as stack:
        associations = [stack.enter_context(program.calling("study-root-find")) for _ in range(3)]
        processes = [process_of(one) for one in associations]
        assert len(set(processes)) == 2
        assert str(program.process.pid) not in processes
        with pytest.raises(AssociationRejected) as refusal:
            program.calling()
        assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (2, 3, 2)


def test_a_worker_that_dies_is_replaced() -> None:
    """Its associations are lost; the next one is served by another process."""
    with running(workers=2) as program:
        with program.calling("study-root-find") as association:
            died = process_of(association)
            os.kill(int(died), signal.SIGKILL)
            program.line(f"process {died}, ended by SIGKILL")
            program.line("is process")
        with program.calling("study-root-find") as one, program.calling("study-root-find") as other:
            processes = {process_of(one), process_of(other)}
            assert len(processes) == 2
            assert died not in processes


def test_certificates_are_read_anew_on_sighup(tmp_path: Path) -> None:
    """Without losing anybody; those that cannot be read change nothing."""
    cert, key = self_signed(tmp_path, ["127.0.0.1"])
    (tmp_path / "other").mkdir()
    new_cert, new_key = self_signed(tmp_path / "other", ["127.0.0.1"])
    trust, new_trust = tmp_path / "trust.pem", TlsConfig(ca_file=new_cert)
    shutil.copy(cert, trust)
    timeouts = Timeouts(handshake=PATIENCE)
    with (
        running(tls={"certificate": str(cert), "private_key": str(key)}) as program,
        program.calling(tls=TlsConfig(ca_file=trust), timeouts=timeouts) as association,
    ):
        with pytest.raises(TlsFailed):
            program.calling(tls=new_trust, timeouts=timeouts)
        shutil.copy(new_cert, cert)
        program.signal(signal.SIGHUP)
        program.line("certificates cannot be read anew")
        program.calling(tls=TlsConfig(ca_file=trust), timeouts=timeouts).release()
        shutil.copy(new_key, key)
        program.signal(signal.SIGHUP)
        program.line("certificates, if there are any, were read anew")
        program.calling(tls=new_trust, timeouts=timeouts).release()
        assert association.echo() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_audit_is_one_for_all_workers_and_may_be_moved_away(workers: int, tmp_path: Path) -> None:
    """Each process says when it begins and ends; after SIGHUP the next line is in a new file."""
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.1"
    with running(workers=workers, audit=str(path)) as program:
        with program.calling() as association:
            association.echo()
        end = time.monotonic() + PATIENCE
        while '"association ended"' not in path.read_text():  # it is written beside what it tells of
            assert time.monotonic() < end
            time.sleep(0.01)
        path.rename(old)
        program.signal(signal.SIGHUP)
        program.line("certificates, if there are any, were read anew")
        with program.calling() as association:
            association.echo()
        program.signal(signal.SIGTERM)
        assert program.end() == 0
    before, after = ([json.loads(line) for line in one.read_text().splitlines()] for one in (old, path))
    events = Counter(line["event"] for line in (*before, *after))
    assert events == {
        "server started": workers,
        "server stopped": workers,
        "association accepted": 2,
        "echo": 2,
        "association ended": 2,
    }
    for lines in (before, after):
        assert [line["event"] for line in lines if "association" in line] == [
            *("association accepted", "echo", "association ended"),
        ]


@pytest.mark.parametrize("workers", [1, 2])
def test_sockets_of_socket_activation_are_used(workers: int) -> None:
    """By name where a name fits, the others in order."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(2))
        ports = [sock.getsockname()[1] for sock in (first, second)]
        descriptors = (second.fileno(), first.fileno())
        options: dict[str, Any] = {"inherit": descriptors, "names": ["secondary", "dicom"], "also": "secondary"}
        with running(listens=2, descriptors=descriptors, workers=workers, **options) as program:
            assert program.ports == ports
            with program.calling() as association:
                assert association.echo() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_restart_under_load_loses_nobody_who_waits_at_a_socket_of_others(workers: int) -> None:
    """Who is accepted is served to his end, who waits in the queue is served by the next server: 3 of them, one after the
    other, and every echo of every peer succeeds."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=512)) as listening, ExitStack() as stack:
        address = f"ARCHIVE@127.0.0.1:{listening.getsockname()[1]}"
        over = threading.Event()
        failures: list[Exception] = []
        echoes: Counter[int] = Counter()

        def call_again_and_again(number: int) -> None:
            try:
                while not over.is_set():
                    patience = Timeouts(connect=PATIENCE, associate=PATIENCE)
                    with dicomnet.associate(address, aet="ME", contexts=["verification"], timeouts=patience) as one:
                        assert one.echo() == 0
                    echoes[number] += 1
            except (dicomnet.DicomNetError, AssertionError) as error:
                failures.append(error)

        peers = [threading.Thread(target=call_again_and_again, args=(number,)) for number in range(8)]
        stack.callback(over.set)
        options: dict[str, Any] = {"inherit": (listening.fileno(),), "names": ["dicom"], "workers": workers}
        for turn in range(3):
            with running(descriptors=(listening.fileno(),), **options) as program:
                if not turn:
                    for peer in peers:
                        peer.start()
                before = echoes.total()
                eventually(lambda before=before: failures or echoes.total() >= before + 50, "nobody is served")
                program.signal(signal.SIGTERM)
                assert program.end() == 0
        over.set()
        # Who is waiting in the queue still has to be served.
        with running(descriptors=(listening.fileno(),), **options):
            for peer in peers:
                peer.join(PATIENCE)
        assert failures == []
        assert len(echoes) == len(peers)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_hear_for_whom_a_proxy_speaks(workers: int) -> None:
    """Its own address is counted neither by the accepting process nor by them; the one behind it is by each of them."""
    limits = {"associations_per_address": 1}
    with running(workers=workers, proxies="127.0.0.0/8", limits=limits) as program, ExitStack() as stack:
        for number in range(4):
            peer = stack.enter_context(RawPeer(program.ports[0]))
            header = f"PROXY TCP4 10.0.0.{number} 127.0.0.1 50000 104\r\n".encode()
            peer.associate(header + associate())
            peer.send(RELEASE_RQ)
            assert peer.take_pdu() == RELEASE_RP
            peer.finish()
            program.line(rf"10\.0\.0\.{number} via 127\.0\.0\.1 -> ARCHIVE released")


def test_who_says_nothing_makes_room_over_all_workers() -> None:
    """The accepting process knows who has spoken in which of them."""
    with (
        running(workers=2, limits={"associations": 4}) as program,
        ExitStack() as stack,
        program.calling() as association,
    ):
        for _ in range(8):
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", program.ports[0]), PATIENCE)))

        def gets_in() -> bool:
            with suppress(AssociationRejected, ConnectionLost), program.calling() as newcomer:
                return newcomer.echo() == 0
            return False

        eventually(gets_in, "nobody makes room")
        assert association.echo() == 0


def test_more_sockets_than_addresses_are_a_mistake() -> None:
    """Somebody would wait at one of them for ever."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as two:
        handed = [("a", one), ("b", two)]
        with pytest.raises(InvalidValue, match="2 sockets were handed over for 1 addresses"):
            local()._site.bind(handed)
        assert two.fileno() == -1


def test_a_certificate_that_is_not_there_is_told_before_there_are_workers(tmp_path: Path) -> None:
    """Who starts the server hears of it, instead of a log of workers that die."""
    missing = tmp_path / "missing.pem"
    with pytest.raises(TlsFailed, match=r"missing\.pem"):
        local(tls=TlsConfig(certificate=missing, private_key=missing)).run(workers=2)


def test_a_worker_that_comes_later_can_do_without_the_files_of_the_certificate(tmp_path: Path) -> None:
    """It has what was read at the start."""
    cert, key = self_signed(tmp_path, ["127.0.0.1"])
    trust = TlsConfig(ca_file=shutil.copy(cert, tmp_path / "trust.pem"))
    timeouts = Timeouts(handshake=PATIENCE)
    with running(workers=2, tls={"certificate": str(cert), "private_key": str(key)}) as program:
        key.unlink()
        with program.calling("study-root-find", tls=trust, timeouts=timeouts) as association:
            os.kill(int(process_of(association)), signal.SIGKILL)
            program.line("certificates cannot be read anew")
        with (
            program.calling("study-root-find", tls=trust, timeouts=timeouts) as one,
            program.calling("study-root-find", tls=trust, timeouts=timeouts) as other,
        ):
            assert process_of(one) != process_of(other)


def test_workers_show_a_renewed_certificate_by_themselves(tmp_path: Path) -> None:
    """Each looks at the files when a connection comes to it; nobody has to tell them."""
    cert, key = self_signed(tmp_path, ["127.0.0.1"])
    (tmp_path / "other").mkdir()
    new_cert, new_key = self_signed(tmp_path / "other", ["127.0.0.1"])
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + new_cert.read_bytes())
    trust = TlsConfig(ca_file=both)
    timeouts = Timeouts(handshake=PATIENCE)
    with (
        running(workers=2, tls={"certificate": str(cert), "private_key": str(key)}) as program,
        program.calling(tls=trust, timeouts=timeouts) as first,
        program.calling(tls=trust, timeouts=timeouts) as second,
    ):
        shutil.copy(new_cert, cert)
        shutil.copy(new_key, key)
        wanted, shown = {ssl.PEM_cert_to_DER_cert(new_cert.read_text())}, set()
        end = time.monotonic() + PATIENCE
        while shown != wanted and time.monotonic() < end:  # they have looked less than a second ago
            with ExitStack() as stack:  # as many as there are workers, so that each has one
                pair = [stack.enter_context(program.calling(tls=trust, timeouts=timeouts)) for _ in range(2)]
                shown = {one.tls.peer.certificate for one in pair if one.tls is not None and one.tls.peer is not None}
        assert shown == wanted
        assert first.echo() == second.echo() == 0


def test_no_workers_serve_nobody() -> None:
    """At least one is needed."""
    with pytest.raises(InvalidValue, match="0 workers"):
        local().run(workers=0)
