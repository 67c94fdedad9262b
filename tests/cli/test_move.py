from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.helpers import Outcome, Peer
from cli.test_get import Archive, names

Command = Callable[..., Outcome]
MakePeer = Callable[..., Peer]
Write = Callable[..., Path]

STUDY = "StudyInstanceUID=1.2.840.1"


@pytest.fixture
def port() -> int:
    """One that is free, or was a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def paths(instance: Write) -> list[Path]:
    return [instance(f"{number}.dcm", number=number, size=1000) for number in (1, 2, 3)]


@pytest.fixture
def archive(paths: list[Path], peer: MakePeer, port: int) -> Iterator[Archive]:
    """Knows a workstation, ourselves, and somebody who is not there."""
    book = {"WS": f"127.0.0.1:{peer().port}", "DICOMNET": f"127.0.0.1:{port}", "GONE": "127.0.0.1:1"}
    with Archive(paths, peers=book) as server:
        yield server


def test_instances_are_sent_to_somebody_else(command: Command, archive: Archive) -> None:
    """What the peer counts, on one line; exit code 0."""
    outcome = command("move", archive.address, "--to", "WS", STUDY)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("3 sent by the peer, ")


def test_instances_come_into_a_folder_of_ours(command: Command, archive: Archive, port: int, tmp_path: Path) -> None:
    """With --into we are the receiver that the peer has for our title."""
    outcome = command("move", archive.address, "--into", tmp_path / "in", "--port", port, STUDY)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("3 received, 3.2 kB, ")
    assert names(tmp_path / "in") == ["1.2.3.1.dcm", "1.2.3.2.dcm", "1.2.3.3.dcm"]


def test_an_unknown_receiver_is_told_with_what_to_do(command: Command, archive: Archive) -> None:
    """A801 means that somebody has to enter a title at the peer."""
    outcome = command("move", archive.address, "--to", "NOBODY", STUDY)
    assert outcome.code == 1
    assert f"{archive.address} ended with A801, " in outcome.err
    assert "the AE title of the receiver, which must be entered there with its address" in outcome.err


def test_a_study_that_the_peer_does_not_have(command: Command, archive: Archive) -> None:
    """A success without an instance is told as what it is."""
    archive.paths = []
    outcome = command("move", archive.address, "--to", "WS", STUDY)
    assert outcome.code == 1
    assert outcome.err == "nothing matches these keys\n"


def test_a_receiver_that_is_not_there(command: Command, archive: Archive) -> None:
    """The peer could send nothing, and the counts say so."""
    outcome = command("move", archive.address, "--to", "GONE", STUDY)
    assert outcome.code == 1
    assert outcome.out.startswith("0 sent by the peer, ")
    assert f"{archive.address} ended with A702, " in outcome.err


def test_a_port_in_use(command: Command, archive: Archive, port: int, tmp_path: Path) -> None:
    """One line that names the port and the way out; the peer is not asked."""
    with socket.create_server(("", port)):
        outcome = command("move", archive.address, "--into", tmp_path / "in", "--port", port, STUDY)
    assert outcome.code == 1
    assert outcome.err.startswith("Error: cannot listen ")
    assert "choose another with --port" in outcome.err
    assert archive.asked == []


@pytest.mark.parametrize(
    "options",
    [(), ("--to", "WS", "--into", "x"), ("--to", "WS", "--port", "1"), ("--to", "back\\slash")],
)
def test_where_to_is_said_once(command: Command, options: tuple[str, ...]) -> None:
    """A title or a folder, and a port for the folder alone."""
    outcome = command("move", "ARCHIVE@127.0.0.1:1", *options, STUDY)
    assert (outcome.code, outcome.out) == (2, "")
