"""Storing: what goes out, what comes back for each instance, and what is known when it goes wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from both_shells.archive import (
    CT,
    EXPLICIT_LE,
    IMPLICIT_LE,
    PATIENCE,
    Archive,
    Line,
    raw_acceptor,
    take,
    take_pdu,
)
from both_shells.conftest import instance
from both_shells.faces import Shell
from dicomnet import (
    ConnectionLost,
    CStoreRequest,
    DicomTimeout,
    PartialFailure,
    StateError,
    Status,
    StatusError,
    StorageError,
    Timeouts,
)
from dicomnet.dimse.codec import decode, encode
from dicomnet.exchanges.reports import Outcome, Progress, StoreResult

MIB = 1024 * 1024

QUICK = Timeouts(store_response=0.3, response=0.3, stall=0.5, artim=0.5)


def test_a_folder_is_stored_whatever_else_is_in_it(shell: Shell, archive: Archive, folder: Callable[..., Path]) -> None:
    """Every instance once; the rest is skipped and named."""
    files = folder(3)
    (files / "notes.txt").write_text("not an instance")
    (files / "again.dcm").write_bytes((files / "001.dcm").read_bytes())
    directory = instance(99, sop_class="1.2.840.10008.1.3.10")
    directory.save_as(files / "DICOMDIR", enforce_file_format=True)
    with shell.associate(archive.address, contexts=["storage"]) as association:
        report = association.store(files)
    assert sorted(archive.stored) == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert len(report.stored) == 3
    assert {Path(result.name).name for result in report.skipped} >= {"notes.txt", "DICOMDIR"}
    assert len(report.skipped) == 3
    assert report.ok


def test_with_a_window_several_are_in_flight_and_may_be_answered_in_any_order(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """Sixteen wait for their answers at a time, which come backwards."""
    waiting: list[Any] = []
    most: list[int] = []

    def later(line: Line, message: Any) -> None:
        waiting.append(message)
        most.append(len(waiting))
        if len(waiting) == 16 or len(archive.stored) == 40:
            while waiting:
                status = 0xA700 if waiting[-1].affected_sop_instance_uid == "1.2.3.7" else 0
                line.send_c_store_response(waiting.pop(), status)

    archive.reactions["store"] = later
    files = folder(40)
    with shell.associate(archive.address, contexts=[files], window=16) as association:
        report = association.store(files, check=False)
    assert max(most) == 16
    assert len(report.stored) == 39
    (failed,) = report.failed
    assert failed.sop_instance_uid == "1.2.3.7"


def test_without_a_window_each_waits_for_the_answer_to_the_one_before(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """Nothing more comes while one is not answered, whatever the call asks for."""
    arrived: list[int] = []

    def late(line: Line, message: Any) -> None:
        threading.Event().wait(0.02)  # time in which another one would come
        arrived.append(len(archive.stored))
        line.send_c_store_response(message, Status.SUCCESS)

    archive.reactions["store"] = late
    files = folder(4)
    with shell.associate(archive.address, contexts=[files]) as association:
        assert len(association.store(files, window=16).stored) == 4
    assert arrived == [1, 2, 3, 4]


@pytest.mark.parametrize(("ours", "theirs"), [(EXPLICIT_LE, IMPLICIT_LE), (IMPLICIT_LE, EXPLICIT_LE)])
def test_what_is_uncompressed_is_converted_to_what_the_peer_takes(
    shell: Shell, archive: Archive, folder: Callable[..., Path], ours: str, theirs: str
) -> None:
    """The data set is the same, its encoding the other."""
    archive.syntax = theirs
    arrived: list[Any] = []

    def keep(line: Line, message: Any) -> None:
        arrived.append((message.transfer_syntax, message.dataset))
        line.send_c_store_response(message, Status.SUCCESS)

    archive.reactions["store"] = keep
    files = folder(1, syntax=ours, size=1000)
    wanted = ["storage"] if theirs == EXPLICIT_LE else [files]
    with shell.associate(archive.address, contexts=wanted) as association:
        report = association.store(files)
    ((syntax, dataset),) = arrived
    assert syntax == theirs == report.results[0].transfer_syntax_uid
    assert dataset == pydicom.dcmread(files / "001.dcm")


def test_a_refused_instance_fails_alone(shell: Shell, archive: Archive, folder: Callable[..., Path]) -> None:
    """Its result and the error of the call say what the peer said."""
    archive.reactions["store"] = lambda line, message: line.send_c_store_response(
        message, 0xA700 if message.affected_sop_instance_uid == "1.2.3.2" else 0
    )
    files = folder(3)
    with shell.associate(archive.address, contexts=[files]) as association:
        with pytest.raises(PartialFailure) as caught:
            association.store(files)
        assert association.is_established
    report: Any = caught.value.report
    (failed,) = report.failed
    assert (failed.sop_instance_uid, failed.status, failed.outcome) == ("1.2.3.2", 0xA700, Outcome.FAILED)
    assert isinstance(failed.error, StatusError)
    assert len(report.stored) == 2


def test_a_warning_is_no_failure(shell: Shell, archive: Archive, folder: Callable[..., Path]) -> None:
    """But the result tells of it."""
    archive.reactions["store"] = lambda line, message: line.send_c_store_response(message, 0xB000)
    files = folder(1)
    with shell.associate(archive.address, contexts=[files]) as association:
        report = association.store(files)
    assert report.results[0].outcome is Outcome.WARNING
    assert report.results[0].status == 0xB000


def test_bytes_and_data_sets_are_stored_like_files(shell: Shell, archive: Archive, folder: Callable[..., Path]) -> None:
    """In the order in which they were given."""
    file = folder(1) / "001.dcm"
    with shell.associate(archive.address, contexts=["storage"]) as association:
        report = association.store([instance(3), file.read_bytes(), [instance(2)]])
    assert archive.stored == ["1.2.3.3", "1.2.3.1", "1.2.3.2"]
    assert [result.sop_instance_uid for result in report] == archive.stored


def test_what_does_not_exist_is_told_before_anything_is_sent(shell: Shell, archive: Archive, tmp_path: Path) -> None:
    """The association goes on."""
    with shell.associate(archive.address, contexts=["verification", "storage"]) as association:
        with pytest.raises(StorageError):
            association.store(tmp_path / "nowhere")
        assert association.echo() == Status.SUCCESS


def test_callbacks_hear_of_each_instance_and_of_large_ones_as_they_leave(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """Bytes grow up to what the report says."""
    files = folder(2, size=3 * MIB)
    results: list[StoreResult] = []
    steps: list[Progress] = []
    with shell.associate(archive.address, contexts=[files]) as association:
        report = association.store(files, on_result=results.append, progress=steps.append)
    assert results == report.results
    moved = [step.bytes for step in steps]
    assert moved == sorted(moved)
    assert moved[-1] == report.bytes
    assert any(step.instances == 0 and step.bytes for step in steps)
    assert steps[-1].instances == 2


def test_what_a_callback_raises_comes_out_and_the_association_goes_on(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """What was in flight is settled by the next operation."""
    files = folder(5)

    def fail(result: StoreResult) -> None:
        raise ZeroDivisionError

    with shell.associate(archive.address, contexts=["verification", files]) as association:
        with pytest.raises(ZeroDivisionError):
            association.store(files, on_result=fail)
        assert association.echo() == Status.SUCCESS
    archive.expect("released")


def test_a_peer_that_closes_in_the_middle_of_a_data_set_leaves_it_unknown(
    shell: Shell, folder: Callable[..., Path]
) -> None:
    """And the rest unsent; the report says why."""
    files = folder(3, size=2 * MIB)
    with raw_acceptor(lambda sock: take(sock, 500_000) and None) as address:
        association = shell.associate(address, contexts=[files])
        report = association.store(files, check=False)
        with pytest.raises(ConnectionLost):
            association.echo()
        association.release()
    assert [result.outcome for result in report] == [Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.NOT_SENT]
    assert isinstance(report.error, ConnectionLost)


def test_a_peer_that_never_answers_is_left(shell: Shell, archive: Archive, folder: Callable[..., Path]) -> None:
    """After the time for a response, with what is known."""
    archive.reactions["store"] = lambda line, message: None
    files = folder(2)
    with shell.associate(archive.address, contexts=[files], timeouts=QUICK) as association:
        report = association.store(files, check=False)
    assert [result.outcome for result in report] == [Outcome.UNKNOWN, Outcome.NOT_SENT]
    assert isinstance(report.error, DicomTimeout)
    archive.expect("aborted")


def test_a_peer_that_stops_reading_is_left(shell: Shell, folder: Callable[..., Path]) -> None:
    """After the time in which something must move."""
    files = folder(1, size=32 * MIB)
    over = threading.Event()

    def stop(sock: socket.socket) -> None:
        take_pdu(sock)
        over.wait(PATIENCE)

    with raw_acceptor(stop) as address:
        association = shell.associate(address, contexts=[files], timeouts=QUICK)
        report = association.store(files, check=False)
        over.set()
        association.release()
    assert isinstance(report.error, DicomTimeout)
    assert report.results[0].outcome is Outcome.UNKNOWN


def test_a_success_that_comes_before_the_data_is_not_believed(shell: Shell, folder: Callable[..., Path]) -> None:
    """The peer cannot have kept what it does not have; it gets the rest, and the report says what is doubtful."""
    files = folder(1, size=32 * MIB)

    def approve(sock: socket.socket) -> None:
        first = take_pdu(sock)
        length = int.from_bytes(first[6:10], "big")
        request = decode(first[12 : 10 + length])
        assert isinstance(request, CStoreRequest)
        answer = encode(request.respond(Status.SUCCESS))
        pdv = (len(answer) + 2).to_bytes(4, "big") + first[10:11] + b"\3" + answer
        sock.sendall(b"\4\0" + len(pdv).to_bytes(4, "big") + pdv)
        while take_pdu(sock)[0] != 5:
            pass
        sock.sendall(b"\6\0\0\0\0\4\0\0\0\0")

    with raw_acceptor(approve) as address, shell.associate(address, contexts=[files]) as association:
        report = association.store(files, check=False)
    (result,) = report
    assert (result.outcome, result.status, report.ok) == (Outcome.UNKNOWN, Status.SUCCESS, False)


def test_an_association_that_is_over_stores_nothing(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """Nor does it open another one."""
    files = folder(1)
    association = shell.associate(archive.address, contexts=["storage"])
    association.release()
    with pytest.raises(StateError):
        association.store(files)
    assert len(archive.lines) == 1


def test_instances_of_a_kind_that_was_not_proposed_get_an_association_of_their_own(
    shell: Shell, archive: Archive
) -> None:
    """Where the contexts are for storage of whatever may come."""
    odd = instance(1, sop_class="1.2.826.0.1.3680043.8.498.99")
    with shell.associate(archive.address, contexts=["storage"]) as association:
        assert association.store([instance(2), odd, instance(3)]).ok
    assert sorted(archive.stored) == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


def test_a_class_that_the_peer_refuses_fails_alone(shell: Shell, archive: Archive) -> None:
    """In words that name it."""
    archive.refused.add(CT)
    with shell.associate(archive.address, contexts=["verification", "storage"]) as association:
        report = association.store([instance(1), instance(2, sop_class="1.2.840.10008.5.1.4.1.1.4")], check=False)
    assert [result.outcome for result in report] == [Outcome.FAILED, Outcome.STORED]
    assert "CT Image Storage" in report.results[0].detail


@pytest.mark.parametrize("associations", [None, 1, 3])
def test_a_store_can_be_stopped(shell: Shell, archive: Archive, associations: int | None) -> None:
    """What is in flight is waited for, the rest is neither sent nor a failure; the association goes on."""
    given = [instance(number) for number in range(1, 101)]
    done: list[StoreResult] = []
    options: dict[str, Any] = {"on_result": done.append, "stop": lambda: len(done) >= 3}
    if associations is None:
        with shell.associate(archive.address, contexts=["CTImageStorage", "verification"]) as association:
            report = association.store(given, check=False, **options)
            assert association.echo() == Status.SUCCESS
    else:
        with shell.peer(archive.address) as peer:
            report = peer.store(given, associations=associations, check=False, **options)
            with pytest.raises(PartialFailure, match="stopped"):
                peer.store(given, stop=lambda: True)
    assert report.stopped
    assert not report.failed
    assert 3 <= len(report.stored) == len(archive.stored) < 20
    assert len(report) < 100


@pytest.mark.parametrize("associations", [1, 4])
def test_what_an_iterable_raises_comes_through_with_the_report(
    shell: Shell, archive: Archive, associations: int
) -> None:
    """What it gave before is stored."""

    def make() -> Iterator[Any]:
        for number in range(1, 31):
            yield instance(number)
        raise ConnectionLost("whoever makes them is gone")

    with shell.peer(archive.address) as peer:
        with pytest.raises(ConnectionLost, match="whoever makes them") as caught:
            peer.store(make(), associations=associations)
        assert peer.echo() == Status.SUCCESS
    report: Any = caught.value.report  # type: ignore[attr-defined]
    assert len(report.stored) == len(report) == len(archive.stored) == 30
