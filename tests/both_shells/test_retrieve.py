"""C-GET and C-MOVE on one association: what arrives, what is missing, and how to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest

from both_shells.archive import MR, Archive, Line
from both_shells.conftest import instance
from both_shells.faces import Shell
from dicomnet import ConnectionLost, InvalidValue, PartialFailure, Status
from dicomnet.exchanges.reports import Retrieved
from dicomnet.storage.folder import Folder

CONTEXTS = ["verification", "study-root-get", "study-root-move", "CTImageStorage"]


def give(archive: Archive, count: int = 5) -> None:
    archive.instances = [instance(number) for number in range(1, count + 1)]


def test_instances_arrive_in_a_folder(shell: Shell, archive: Archive, tmp_path: Path) -> None:
    """As files, whole, each reported."""
    give(archive)
    told: list[Retrieved] = []
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.get(destination=tmp_path / "out", StudyInstanceUID="1.2.9", on_instance=told.append)
    assert report.ok
    assert report.completed == 5
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"1.2.3.{n}.dcm" for n in range(1, 6)]
    assert sorted(map(Path, report.paths)) == sorted((tmp_path / "out").iterdir())
    assert told == report.instances
    assert pydicom.dcmread(report.paths[0]).PatientName == "Doe^Jane"


def test_instances_arrive_in_memory(shell: Shell, archive: Archive) -> None:
    """With their data sets."""
    give(archive, 2)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.get(StudyInstanceUID="1.2.9")
    assert [one.data.dataset().SOPInstanceUID for one in report.received] == ["1.2.3.1", "1.2.3.2"]
    assert report.paths == []


def test_a_get_can_be_stopped(shell: Shell, archive: Archive) -> None:
    """The peer is told, and the report says how far it came; the association goes on."""
    give(archive, 50)
    arrived: list[Retrieved] = []
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.get(
            None, StudyInstanceUID="1.2.9", on_instance=arrived.append, stop=lambda: len(arrived) >= 3, check=False
        )
        assert association.echo() == Status.SUCCESS
    assert report.status == Status.CANCEL
    assert 3 <= len(report.received) < 50
    archive.expect("cancel")


def test_what_the_peer_cannot_send_is_missing(shell: Shell, archive: Archive) -> None:
    """By name, as the peer tells it."""
    give(archive, 2)
    archive.instances.append(instance(9, sop_class=MR))
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        with pytest.raises(PartialFailure) as caught:
            association.get(StudyInstanceUID="1.2.9")
        assert association.is_established
    report: Any = caught.value.report
    assert report.missing == ["1.2.3.9"]
    assert len(report.received) == 2


def test_what_cannot_be_kept_is_refused_and_missing(shell: Shell, archive: Archive, tmp_path: Path) -> None:
    """The peer hears a status, the report has the error."""
    give(archive, 3)

    def place(incoming: Any) -> Any:
        if incoming.sop_instance_uid == "1.2.3.2":
            raise OSError("no room")
        return tmp_path / incoming.sop_instance_uid

    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.get(place, StudyInstanceUID="1.2.9", check=False)
    assert len(report.received) == 2
    assert report.missing == ["1.2.3.2"]
    assert not report.ok


@pytest.mark.parametrize("kind", ["folder", "function"])
def test_what_is_another_instance_becomes_no_file(shell: Shell, archive: Archive, tmp_path: Path, kind: str) -> None:
    """The header of the file would say one thing and the data set another; a sink of one's own may take it."""
    give(archive, 2)
    archive.mistaken_for["1.2.3.2"] = "1.2.3.9"
    out = Folder(tmp_path / "out")
    place: Any = out
    if kind == "function":
        place = lambda incoming: tmp_path / "out" / f"{incoming.sop_instance_uid}.dcm"  # noqa: E731
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.get(place, StudyInstanceUID="1.2.9", check=False)
        assert [one.status for one in report.instances] == [Status.SUCCESS, 0xA900]
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["1.2.3.1.dcm"]
        assert association.get(out.sink_for, StudyInstanceUID="1.2.9", check=False).ok


def test_a_peer_that_closes_in_the_middle_of_a_get_is_told(shell: Shell, archive: Archive) -> None:
    """With what has arrived."""
    give(archive, 1)

    def give_one_and_go(line: Line, message: Any) -> None:
        line._retrieve, line._sending = message, iter([])
        line.send_c_store_request(archive.instances[0])

    archive.reactions["get"] = give_one_and_go
    archive.lines.clear()
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        line = archive.lines[0]
        line.on("receive_c_store_response", lambda message: line.close(force=True))
        report = association.get(None, StudyInstanceUID="1.2.9", check=False)
    assert len(report.received) == 1
    assert isinstance(report.error, ConnectionLost)
    assert not report.ok


def test_a_key_that_is_not_unique_is_no_key_of_a_retrieve(shell: Shell, archive: Archive) -> None:
    """Nothing is asked."""
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        with pytest.raises(InvalidValue, match="AccessionNumber"):
            association.get(None, AccessionNumber="A1")
        with pytest.raises(InvalidValue, match="AccessionNumber"):
            association.move("ELSEWHERE", AccessionNumber="A1")
    assert "get" not in archive.log


def test_a_move_is_counted_by_the_peer(shell: Shell, archive: Archive) -> None:
    """Pending responses are progress, the final one the report."""
    seen: list[tuple[int, int]] = []

    def move(line: Line, message: Any) -> None:
        assert message.move_destination == "ELSEWHERE"
        for done in range(3):
            line.send_c_move_response(message, Status.PENDING, remaining=3 - done, completed=done, failed=0, warning=0)
        line.send_c_move_response(message, Status.SUCCESS, completed=3, failed=0, warning=0)

    archive.reactions["move"] = move
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.move(
            "ELSEWHERE",
            StudyInstanceUID="1.2.9",
            progress=lambda report: seen.append((report.completed, report.failed)),
        )
    assert report.ok
    assert report.completed == 3
    assert report.received == []
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_a_move_with_failures_is_a_partial_failure(shell: Shell, archive: Archive) -> None:
    """As far as the peer counts."""
    archive.reactions["move"] = lambda line, message: line.send_c_move_response(
        message, 0xB000, completed=1, failed=2, warning=0
    )
    with shell.associate(archive.address, contexts=CONTEXTS) as association, pytest.raises(PartialFailure) as caught:
        association.move(to="ELSEWHERE", StudyInstanceUID="1.2.9")
    report: Any = caught.value.report
    assert (report.completed, report.missing_count) == (1, 2)


def test_a_move_can_be_stopped(shell: Shell, archive: Archive) -> None:
    """The peer is told with a C-CANCEL."""
    asked: list[Any] = []

    def move(line: Line, message: Any) -> None:
        asked.append(message)
        line.send_c_move_response(message, Status.PENDING, remaining=9, completed=1, failed=0, warning=0)

    archive.reactions["move"] = move
    archive.reactions["cancel"] = lambda line, _: line.send_c_move_response(asked[0], Status.CANCEL, completed=1)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        report = association.move("ELSEWHERE", StudyInstanceUID="1.2.9", stop=lambda: True, check=False)
    assert report.status == Status.CANCEL
    assert not report.ok


def test_where_a_move_goes_must_be_a_title(shell: Shell, archive: Archive) -> None:
    """Nothing is asked."""
    with (
        shell.associate(archive.address, contexts=CONTEXTS) as association,
        pytest.raises(InvalidValue, match="destination"),
    ):
        association.move("a title that is too long", StudyInstanceUID="1.2.9")


def test_keys_that_match_nothing_are_no_failure(shell: Shell, archive: Archive) -> None:
    """Nor is a study that the peer does not have; the report says which of both it was."""
    with shell.peer(archive.address) as peer:
        unmatched = peer.get(None, AccessionNumber="A1")
        unknown = peer.get(None, StudyInstanceUID="1.2.9")
    assert (unmatched.ok, unknown.ok) == (True, True)
    assert (unmatched.found, unknown.found) == (False, True)
    assert str(unknown) == "0 received"
