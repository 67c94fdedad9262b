from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.helpers import Outcome, Peer, assert_plain
from dicomnet import TlsConfig
from dicomnet.cli._certificate import self_signed

Command = Callable[..., Outcome]
MakePeer = Callable[..., Peer]


def test_an_answer_is_told_with_its_time(command: Command, peer: MakePeer) -> None:
    """One line, exit code 0, and the peer has seen our titles."""
    archive = peer()
    outcome = command("echo", archive.address, "--aet", "ME")
    assert outcome.code == 0
    assert re.fullmatch(rf"ARCHIVE@127\.0\.0\.1:{archive.port} answered in [0-9.]+ ms\n", outcome.out)
    assert outcome.err == ""
    [request] = archive.requests
    assert (request.calling_ae, request.called_ae) == ("ME", "ARCHIVE")


def test_nobody_listens(command: Command) -> None:
    """A refused connection names the address and what to check."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        outcome = command("echo", f"ARCHIVE@127.0.0.1:{port}")
    assert_failed(
        outcome,
        f"cannot connect to 127.0.0.1:{port}: connection refused; nobody listens there: check the port, and whether the "
        "receiver is running",
    )


def test_a_rejection_is_told_in_words(command: Command, peer: MakePeer) -> None:
    """The numbers, their meaning, and both titles, one of which is wrong."""
    archive = peer(answer=lambda associate: None)
    assert_failed(
        command("echo", archive.address),
        f"{archive.address} rejected the association permanently (result 1, source 1, reason 7): the peer does not answer "
        "to the called AE title; check its spelling and case (called 'ARCHIVE' by 'DICOMNET')",
    )


def test_a_refused_context_is_told(command: Command, peer: MakePeer) -> None:
    """An association without C-ECHO is no answer to it."""
    archive = peer(answer=lambda associate: associate.accept())
    assert_failed(
        command("echo", archive.address),
        f"{archive.address} does not accept C-ECHO: the peer accepted no presentation context: Verification SOP "
        "Class refused: it is not wanted there",
    )


def test_an_abort_is_told(command: Command, peer: MakePeer) -> None:
    """The peer ends the association in place of a response."""
    archive = peer(echo=lambda message, net: net.send_abort())
    assert_failed(
        command("echo", archive.address),
        f"{archive.address} aborted the association (0/0): by the application; its log may say why",
    )


def test_a_failure_status_is_told(command: Command, peer: MakePeer) -> None:
    """A response is not yet a good response."""
    archive = peer(echo=lambda message, net: 0x0110)
    assert_failed(
        command("echo", archive.address), f"{archive.address} answered the echo with 0110, processing failure"
    )


@pytest.mark.parametrize(
    "step",
    [pytest.param("associate", id="to the association request"), pytest.param("echo", id="to the echo")],
)
def test_silence_ends_with_the_timeout(command: Command, peer: MakePeer, step: str) -> None:
    """The wait is as long as --timeout says, whichever answer does not come."""
    with silent_server() as port:
        archive = peer(echo=lambda message, net: None)
        address = f"ARCHIVE@127.0.0.1:{port}" if step == "associate" else archive.address
        began = time.monotonic()
        outcome = command("echo", address, "--timeout", "0.3")
        assert time.monotonic() - began < 5
    waited_for = "the answer to the association request" if step == "associate" else "the response to C-ECHO-RQ 1"
    assert_failed(
        outcome,
        f"{address}: timed out after 0.3 s waiting for {waited_for}; the peer is there but does not answer: look there, or "
        "give it more with --timeout",
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "does not keep to DICOM", id="another protocol"),
        pytest.param(b"", "it gave no reason: perhaps", id="closes without a word"),
    ],
)
def test_a_port_that_is_no_dicom_port(command: Command, answer: bytes, said: str) -> None:
    """What was reached is no DICOM receiver, and the line says that the port may be wrong."""
    with answering_server(answer) as port:
        outcome = command("echo", f"ARCHIVE@127.0.0.1:{port}")
    assert outcome.code == 1
    assert said in outcome.err
    assert str(port) in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_over_tls(command: Command, peer: MakePeer, tmp_path: Path) -> None:
    """--tls-ca names whom to trust; without it the same peer is not trusted."""
    certificate, key = self_signed(tmp_path)
    archive = peer(tls=TlsConfig(certificate=certificate, private_key=key))
    assert command("echo", archive.address, "--tls-ca", certificate).code == 0
    outcome = command("echo", archive.address, "--tls")
    assert outcome.code == 1
    assert "no secure link" in outcome.err
    assert outcome.err.endswith("name whom to trust with --tls-ca\n")


def test_tls_with_a_peer_that_speaks_none(command: Command, peer: MakePeer) -> None:
    """Who asks for TLS where there is none is told so, and the other way round."""
    outcome = command("echo", peer().address, "--tls", "--timeout", "2")
    assert outcome.code == 1
    assert "try without --tls" in outcome.err


def test_verbose_shows_the_log(program: Command, peer: MakePeer) -> None:
    """-v adds what the library logs, on stderr."""
    outcome = program("echo", peer().address, "-v")
    assert "released: 1 C-ECHO" in outcome.err
    assert_plain(outcome.out, outcome.err)


def assert_failed(outcome: Outcome, message: str) -> None:
    """Exit code 1, this one line, and nothing on stdout."""
    assert outcome.err == f"Error: {message}\n"
    assert (outcome.code, outcome.out) == (1, "")


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def answering_server(answer: bytes) -> Iterator[int]:
    """Reads a request, says the same thing to everybody, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65536)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)
