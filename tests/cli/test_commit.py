from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.helpers import CT, Outcome
from dicomnet import InstanceRef
from dicomnet.server.server import Server

Command = Callable[..., Outcome]
Write = Callable[..., Path]


class Archive(Server):
    """Keeps everything but what it is told to have lost."""

    def __init__(self, **options: Any) -> None:
        super().__init__("ARCHIVE", port=0, host="127.0.0.1", **options)
        self.asked: list[InstanceRef] = []
        self.lost: set[str] = set()

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    def on_commit(self, refs: Sequence[InstanceRef]) -> Any:  # type: ignore[override]
        self.asked.extend(refs)
        kept = [ref for ref in refs if ref.sop_instance_uid not in self.lost]
        return kept, [(ref, 0x0112) for ref in refs if ref.sop_instance_uid in self.lost]


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as server:
        yield server


def test_files_are_committed(command: Command, archive: Archive, instance: Write) -> None:
    """Their identities are read from their heads; the answer comes on the same association."""
    paths = [instance(f"{number}.dcm", number=number) for number in (1, 2)]
    outcome = command("commit", archive.address, paths[0].parent)
    assert (outcome.code, outcome.out, outcome.err) == (0, "2 of 2 committed\n", "")
    assert set(archive.asked) == {(CT, "1.2.3.1"), (CT, "1.2.3.2")}


def test_instances_by_class_and_uid(command: Command, archive: Archive) -> None:
    """What is here no more can be asked about all the same."""
    outcome = command("commit", archive.address, "CTImageStorage:1.2.3.4", f"{CT}:1.2.3.5")
    assert (outcome.code, outcome.out) == (0, "2 of 2 committed\n")
    assert set(archive.asked) == {(CT, "1.2.3.4"), (CT, "1.2.3.5")}


def test_what_is_not_committed_is_told(command: Command, archive: Archive) -> None:
    """By reason, or each with -v; exit code 1."""
    archive.lost = {"1.2.3.5"}
    arguments = ("commit", archive.address, "CTImageStorage:1.2.3.4", "CTImageStorage:1.2.3.5")
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (1, "1 of 2 committed\n")
    assert outcome.err.startswith("1 instance not committed: 0112, ")
    assert "1.2.3.5: not committed: 0112, " in command(*arguments, "-v").err


def test_an_answer_on_an_association_of_the_peers(command: Command) -> None:
    """With --port we listen for a peer that is known to answer elsewhere."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Archive(peers={"DICOMNET": f"127.0.0.1:{port}"}) as archive:
        outcome = command("commit", archive.address, "CTImageStorage:1.2.3.4", "--port", port)
    assert (outcome.code, outcome.out) == (0, "1 of 1 committed\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1.2.3", "neither a file nor of the form CLASS:UID"),
        ("CTImage:1.2", "did you mean"),
        ("CTImageStorage:x", "UID"),
    ],
)
def test_what_is_neither_file_nor_instance_is_wrong_usage(
    command: Command, archive: Archive, given: str, said: str
) -> None:
    """A misspelt path is not taken for an instance that the peer might have."""
    outcome = command("commit", archive.address, given)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in " ".join(outcome.err.split())
    assert archive.asked == []


def test_nothing_to_commit_is_a_failure(command: Command, archive: Archive, tmp_path: Path) -> None:
    """A wrong folder shows in the exit code."""
    outcome = command("commit", archive.address, tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "nothing to commit: no instance in what was given\n"
