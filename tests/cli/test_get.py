from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from cli.helpers import Outcome
from dicomnet import StatusError
from dicomnet.server.server import Server
from dicomnet.storage.disk import Disk

Command = Callable[..., Outcome]
Write = Callable[..., Path]


class Archive(Server):
    """Has a study of three instances, and an accession number for it."""

    def __init__(self, paths: list[Path], **options: Any) -> None:
        super().__init__("ARCHIVE", port=0, host="127.0.0.1", **options)
        self.paths = paths
        self.asked: list[Dataset] = []
        self.refusal: int | None = None
        self.known = 3
        """Instances that a query tells of."""

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    def on_find(self, request: Any) -> Iterator[Dataset]:
        if request.level == "IMAGE":
            yield from (keyed(SOPInstanceUID=f"1.2.3.{number + 1}") for number in range(self.known))
        elif request.level == "SERIES":
            yield keyed(SeriesInstanceUID="1.2.840.1.1", Modality="CT")
        elif request.identifier.get("AccessionNumber") in (None, "", "A1"):
            yield keyed(
                StudyInstanceUID="1.2.840.1", ModalitiesInStudy="CT", NumberOfStudyRelatedInstances=str(self.known)
            )

    def on_get(self, request: Any) -> list[Path]:
        return self._instances(request)

    def on_move(self, request: Any) -> list[Path]:
        return self._instances(request)

    def _instances(self, request: Any) -> list[Path]:
        self.asked.append(request.identifier)
        if self.refusal is not None:
            raise StatusError(self.refusal)
        return self.paths


def keyed(**keys: str) -> Dataset:
    dataset = Dataset()
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.fixture
def paths(instance: Write) -> list[Path]:
    return [instance(f"{number}.dcm", number=number, size=1000) for number in (1, 2, 3)]


@pytest.fixture
def archive(paths: list[Path]) -> Iterator[Archive]:
    with Archive(paths) as server:
        yield server


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_study_comes_into_a_folder(command: Command, archive: Archive, tmp_path: Path) -> None:
    """A file for each instance, one line on what came, and exit code 0."""
    outcome = command("get", archive.address, tmp_path / "in", "StudyInstanceUID=1.2.840.1", "--aet", "ME")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("3 received, 3.2 kB, ")
    assert names(tmp_path / "in") == ["1.2.3.1.dcm", "1.2.3.2.dcm", "1.2.3.3.dcm"]


def test_keys_that_are_not_unique_are_resolved(command: Command, archive: Archive, tmp_path: Path) -> None:
    """An accession number will do: a query finds the study behind it."""
    outcome = command("get", archive.address, tmp_path / "in", "AccessionNumber=A1")
    assert outcome.code == 0
    assert archive.asked[0].StudyInstanceUID == "1.2.840.1"


def test_keys_that_match_nothing(command: Command, archive: Archive, tmp_path: Path) -> None:
    """Nothing to retrieve is not what a script has asked for."""
    outcome = command("get", archive.address, tmp_path / "in", "AccessionNumber=unknown")
    assert outcome.code == 1
    assert outcome.err == "nothing matches these keys\n"


def test_a_study_that_the_peer_does_not_have(command: Command, archive: Archive, tmp_path: Path) -> None:
    """A success without an instance is told as what it is, as if a query had said so."""
    archive.paths = []
    outcome = command("get", archive.address, tmp_path / "in", "StudyInstanceUID=1.2.840.9")
    assert outcome.code == 1
    assert outcome.out.startswith("0 received, ")
    assert outcome.err == "nothing matches these keys\n"


def test_what_we_cannot_keep_is_not_blamed_on_the_peer(
    command: Command, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is ours, so nobody is sent to look at the peer for it."""

    def fail(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Disk, "create", fail)
    monkeypatch.setattr(Disk, "create_unnamed", fail)
    outcome = command("get", archive.address, tmp_path / "in", "StudyInstanceUID=1.2.840.1")
    assert outcome.code == 1
    assert outcome.err.startswith("3 instances not kept, the first: cannot ")
    assert "No space left on device" in outcome.err
    assert f"{archive.address} ended with A702, " in outcome.err
    assert "look at the receiver" not in outcome.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("in", "StudyInstanceUId=1"), "did you mean StudyInstanceUID?"),
        (("in", "StudyInstanceUID=a"), "'a' is not a UID"),
        (
            ("StudyInstanceUID=1.2",),
            "'StudyInstanceUID=1.2' stands where DIR belongs, as in: incoming/ StudyInstanceUID=1.2",
        ),
    ],
)
def test_a_mistake_in_typing_is_told_before_anybody_is_called(
    command: Command, arguments: tuple[str, ...], said: str
) -> None:
    """Nobody listens at the address, and nobody hears of it."""
    outcome = command("get", "ARCHIVE@127.0.0.1:1", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in " ".join(outcome.err.split())
    assert not Path("in").exists()


def test_what_is_missing_is_named(command: Command, archive: Archive, paths: list[Path], tmp_path: Path) -> None:
    """A peer that cannot send one of its instances: its UID, the counts, and exit code 1."""
    paths[1].unlink()
    outcome = command("get", archive.address, tmp_path / "in", "StudyInstanceUID=1.2.840.1")
    assert outcome.code == 1
    assert outcome.out.startswith("2 received, ")
    assert "1.2.3.2: missing\n" in outcome.err
    assert "1 instance missing (the peer counts 2 sent, 0 with a warning, 1 failed)" in outcome.err
    assert f"{archive.address} ended with B000, " in outcome.err


def test_a_refusal_is_told(command: Command, archive: Archive, tmp_path: Path) -> None:
    """The status with its meaning for this operation."""
    archive.refusal = 0xA701
    outcome = command("get", archive.address, tmp_path / "in", "StudyInstanceUID=1.2.840.1")
    assert outcome.code == 1
    assert f"{archive.address} ended with A701, " in outcome.err


def test_an_archive_that_gives_nothing_out(command: Command, instance: Write, tmp_path: Path) -> None:
    """Not provided, or not to us: the line says that it may be about our title."""
    with Server("ARCHIVE", port=0, host="127.0.0.1") as server:
        outcome = command("get", f"ARCHIVE@127.0.0.1:{server.port}", tmp_path / "in", "StudyInstanceUID=1.2")
    assert outcome.code == 1
    assert outcome.out == ""
    assert "it does not provide this service, or not to 'DICOMNET'" in outcome.err


def test_a_folder_that_cannot_be(command: Command, archive: Archive, tmp_path: Path) -> None:
    """It is our own fault, and known before anybody is asked."""
    (tmp_path / "file").touch()
    outcome = command("get", archive.address, tmp_path / "file" / "in", "StudyInstanceUID=1.2.840.1")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"Error: cannot keep files in {tmp_path / 'file' / 'in'}: ")
    assert archive.asked == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "nothing says what to retrieve"), (("PatientNam=X",), "did you mean PatientName?")],
)
def test_a_question_that_cannot_be_asked_is_wrong_usage(
    command: Command, archive: Archive, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """What is wrong with the keys is said before the peer could guess."""
    outcome = command("get", archive.address, tmp_path / "in", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in " ".join(outcome.err.split())


def test_ctrl_c_says_what_came(started: Callable[..., Any], instance: Write, tmp_path: Path) -> None:
    """What was received so far is kept and counted; the exit code is that of an interrupt."""
    paths = [instance(f"{number}.dcm", number=number) for number in range(1, 2001)]
    with Archive(paths) as server:
        process = started("get", server.address, tmp_path / "in", "StudyInstanceUID=1.2.840.1", "-v", "--no-durable")
        lines = iter(process.stderr.readline, "")
        # Nobody reads on, so it gets no further than the pipe has room for lines.
        assert next(line for line in lines if "1.2.3.1.dcm: received" in line)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    received = int(out.split()[0])
    assert 1 <= received < 2000
    assert out.startswith(f"{received} received, ")
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    assert received <= len(names(tmp_path / "in")) <= received + 1
