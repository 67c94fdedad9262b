"""Where received data sets go, and what becomes of one that does not get there."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset

from dicomnet import MEMORY, SPOOL, Limits, StateError, Status, StorageError
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.held import MemorySink
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import NullSink, Sink
from dicomnet.storage.source import InstanceFile
from faulty import FaultyDisk
from net.recorder import ALL, CT, FIND, PATIENCE, Provider, Recorder, Trio, associated, until

pytestmark = pytest.mark.usefixtures("network")

MIB = 1 << 20


def instance(number: int = 1, size: int = 100) -> Dataset:
    """One instance among others, of about so many bytes."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = CT, f"1.2.3.{number}"
    made.EncapsulatedDocument = bytes([number]) * size
    return made


def stored(trio: Trio, *instances: Dataset) -> list[Any]:
    """Stores them one after the other; the requests as they arrived."""
    for each in instances:
        trio.scu.send_c_store_request(each)
    trio.scu.wait("receive_c_store_response", len(instances))
    return trio.scp.all("receive_c_store_request")


def outcome(trio: Trio, given: Dataset | None = None) -> tuple[int, str | None]:
    """Status and comment of one C-STORE, and that the association goes on after it."""
    trio.scu.send_c_store_request(instance() if given is None else given)
    trio.scu.wait("receive_c_store_response")
    trio.scu.send_c_echo_request()
    trio.scu.wait("receive_c_echo_response")
    answer = trio.scu.all("receive_c_store_response")[-1]
    return answer.status, answer.error_comment


# Places.


def test_a_file(tmp_path: Path) -> None:
    """A path that was decided is a file; what comes after the first is kept beside it, never in its place."""
    with associated(destination=lambda command: tmp_path / "instance.dcm") as trio:
        messages = stored(trio, instance(1), instance(1), instance(2))
        assert [message.data.path for message in messages] == [
            tmp_path / "instance.dcm",
            tmp_path / "instance.dcm",
            tmp_path / "instance~2.dcm",
        ]
        assert [message.data.duplicate for message in messages] == [False, True, False]
        for message in messages:
            assert pydicom.dcmread(message.data.path) == message.dataset
        assert pydicom.dcmread(tmp_path / "instance.dcm").file_meta.MediaStorageSOPInstanceUID == "1.2.3.1"


def test_a_folder_that_exists(tmp_path: Path) -> None:
    """The path of a folder means a file for each instance in it."""
    with associated(destination=str(tmp_path)) as trio:
        messages = stored(trio, instance(1), instance(2))
    assert [message.data.path for message in messages] == [tmp_path / "1.2.3.1.dcm", tmp_path / "1.2.3.2.dcm"]


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """A place for all that is no folder (not mounted, say) refuses them, instead of naming every file like itself."""
    with associated(destination=tmp_path / "missing") as trio:
        trio.scu.send_c_store_request(instance(1))
        trio.scu.wait("receive_c_store_response")
        [response] = trio.scu.all("receive_c_store_response")
    assert response.status.is_failure
    assert response.error_comment == "the place for received data sets is missing"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_storage(tmp_path: Path) -> None:
    """The same, made when it is not there, and kept open."""
    with associated(destination=Folder(tmp_path / "new")) as trio:
        [message] = stored(trio, instance())
        assert message.data.path == tmp_path / "new" / "1.2.3.1.dcm"
        assert message.dataset.SOPInstanceUID == "1.2.3.1"


@pytest.mark.parametrize("size", [100, 3 * MIB])
def test_memory(size: int) -> None:
    """Whatever the size, there is no file."""
    with associated(destination=MEMORY) as trio:
        [message] = stored(trio, instance(size=size))
        assert message.data.path is None
        assert message.dataset == instance(size=size)


def test_a_spooled_data_set_dies_with_its_message(tmp_path: Path) -> None:
    """In memory while it is small, else in a temporary file where the object was told to put those."""
    with associated(temp_dir=tmp_path) as trio:
        assert trio.scp.destination is SPOOL
        small, large = stored(trio, instance(1), instance(2, 3 * MIB))
        assert small.data.path is large.data.path is None
        assert large.dataset == instance(2, 3 * MIB)
        assert len(list(tmp_path.glob(".*.part"))) == 1
        trio.scp.events.clear()
        trio.scp._current_message = None
        del small, large
        until(lambda: not list(tmp_path.glob("*.part")), "the end of the temporary file")


@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize("place", [MEMORY, SPOOL], ids=repr)
def test_what_is_in_memory_or_spooled_can_be_kept(tmp_path: Path, place: Any, size: int) -> None:
    """`data.keep` makes a file of it, which stays."""
    temporary, kept = tmp_path / "temporary", tmp_path / "kept.dcm"
    temporary.mkdir()
    with associated(destination=place, temp_dir=temporary) as trio:

        def keep(message: Any) -> None:
            assert message.data.keep(kept) == kept
            trio.scp.send_c_store_response(message, Status.SUCCESS)

        trio.scp.react("receive_c_store_request", keep)
        stored(trio, instance(size=size))
        trio.scp.events.clear()
        assert list(temporary.iterdir()) == []
    assert pydicom.dcmread(kept) == instance(size=size)


def test_only_instances_go_to_the_destination(tmp_path: Path) -> None:
    """An identifier is no file; it is spooled whatever the destination says."""
    identifier = Dataset()
    identifier.PatientID = "1"
    with associated(destination=tmp_path) as trio:
        trio.scu.send_c_find_request(FIND, identifier)
        trio.scp.wait("receive_c_find_request")
        [message] = trio.scp.all("receive_c_find_request")
        assert message.dataset == identifier
        assert list(tmp_path.iterdir()) == []


# Deciding.


def test_a_callable_decides_before_the_data_arrive(tmp_path: Path) -> None:
    """It is given the command, on a thread that may wait; meanwhile bytes wait on the other side."""
    asked: list[tuple[str, str]] = []
    limits = Limits(pending_data=4096)
    with associated(limits=limits) as trio:
        held = threading.Event()

        def decide(command: Any) -> Path:
            asked.append((command.affected_sop_instance_uid, threading.current_thread().name))
            assert "receive_c_store_request" not in trio.scp.told
            assert held.wait(PATIENCE)
            return tmp_path / "decided.dcm"

        trio.scp.destination = decide
        trio.scu.send_c_store_request(instance(size=20 * MIB))
        until(lambda: bool(asked), "the question")

        def paused() -> bool:
            link = trio.scp._link
            return link is not None and not link.channel.transport.is_reading()

        until(paused, "the pause")
        held.set()
        trio.scu.wait("receive_c_store_response")
    assert pydicom.dcmread(tmp_path / "decided.dcm") == instance(size=20 * MIB)
    assert asked[0][0] == "1.2.3.1"
    assert asked[0][1].startswith("dicomnet-callback")


def test_a_callable_may_answer_with_any_place(tmp_path: Path) -> None:
    """One instance here, another there."""
    places: list[Any] = [MEMORY, SPOOL, tmp_path / "a", str(tmp_path / "b"), Folder(tmp_path / "c"), NullSink()]
    waiting = iter(places)
    with associated(destination=lambda command: next(waiting)) as trio:
        messages = stored(trio, *(instance(number) for number in range(1, 7)))
    paths = [message.data.path for message in messages]
    assert paths == [None, None, tmp_path / "a", tmp_path / "b", tmp_path / "c" / "1.2.3.5.dcm", None]


def test_the_order_of_messages_is_kept_however_long_one_takes(tmp_path: Path) -> None:
    """An echo behind an instance whose place is being decided is told after it."""
    held = threading.Event()

    def decide(command: Any) -> Path:
        assert held.wait(PATIENCE)
        return tmp_path / "file"

    with associated(destination=decide) as trio:
        trio.scu.send_c_store_request(instance())
        trio.scu.send_data(1, {0x0100: 0x0777, 0x0110: 99})
        trio.scu.flush(PATIENCE)
        until(lambda: trio.scp.told.count("receive 4") == 2, "the PDUs of the instance")
        assert "receive_data" not in trio.scp.told
        held.set()
        trio.scp.wait("receive_unknown")
        told = trio.scp.told
        assert told.index("receive_c_store_request") < told.index("receive_unknown")


class Counting(Sink):
    """A sink of one's own."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._length = 0

    def open(self, incoming: Any) -> None:
        self.calls.append(f"open {incoming.sop_instance_uid} from {incoming.sending_ae} to {incoming.receiving_ae}")
        self._syntax = incoming.transfer_syntax_uid

    def write(self, views: Sequence[memoryview]) -> None:
        self._length += sum(map(len, views))

    def finish(self) -> ReceivedData:
        self.calls.append(f"finish {self._length}")
        return ReceivedData(length=self._length, transfer_syntax_uid=self._syntax)

    def discard(self) -> None:
        self.calls.append("discard")


def test_a_sink_of_ones_own() -> None:
    """It gets the bytes, and says what became of them; what was not kept cannot be read, but acknowledged."""
    sink = Counting()
    with associated(destination=sink) as trio:
        [message] = stored(trio, instance(size=2 * MIB))
        assert sink.calls == ["open 1.2.3.1 from SCU to SCP", f"finish {message.data.length}"]
        with pytest.raises(StateError, match="was not kept"):
            message.data.bytes()
        assert trio.scu.all("receive_c_store_response")[0].status == 0


def test_the_sending_side_is_known_also_when_the_requestor_receives() -> None:
    """As in C-GET: who sends follows the data, not the association."""
    sink = Counting()
    with associated(scu=Provider(destination=sink)) as trio:
        trio.scp.send_c_store_request(instance())
        trio.scp.wait("receive_c_store_response")
    assert sink.calls[0] == "open 1.2.3.1 from SCP to SCU"


# Failing.


class Failing(Counting):
    """Fails at a step, with an error."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__()
        self._step, self._error = step, error

    def open(self, incoming: Any) -> None:
        super().open(incoming)
        self._fail("open")

    def write(self, views: Sequence[memoryview]) -> None:
        self._fail("write")

    def finish(self) -> ReceivedData:
        self._fail("finish")
        return super().finish()

    def _fail(self, step: str) -> None:
        if step == self._step:
            raise self._error


@pytest.mark.parametrize("step", ["open", "write", "finish"])
@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), 0xA700, "no space left", id="disk full"),
        pytest.param(OSError(errno.EIO, "Input/output error"), 0x0110, "input/output", id="disk broken"),
        pytest.param(StorageError("not ours", status=0xA900), 0xA900, "not ours", id="refused"),
        pytest.param(RuntimeError("a bug"), 0x0110, "could not be kept", id="bug"),
    ],
)
def test_a_sink_that_fails(step: str, size: int, error: Exception, status: int, says: str) -> None:
    """The peer gets the status that fits and an Error Comment; the request's own event is not told; all goes on."""
    with associated(destination=Failing(step, error)) as trio:
        answered, comment = outcome(trio, instance(size=size))
        assert answered == status
        assert comment is not None
        assert says in comment
        assert "receive_c_store_request" not in trio.scp.told
        [failed] = [arguments for name, arguments in trio.scp.events if name == "receive_failed"]
        assert isinstance(failed[1], StorageError)
        assert failed[0].affected_sop_instance_uid == "1.2.3.1"
        assert failed[0].data is None


@pytest.mark.parametrize("call", ["create", "writev", "fsync", "link"])
def test_a_disk_that_is_full(tmp_path: Path, call: str) -> None:
    """Whichever call finds out: A700 with a comment, and neither a file nor a temporary one stays."""
    disk = FaultyDisk(0, "ENOSPC", only=call)
    with associated(destination=lambda command: FileSink(tmp_path / "file", disk=disk)) as trio:
        status, comment = outcome(trio, instance(size=2 * MIB))
    assert status == Status.OUT_OF_RESOURCES
    assert comment is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "destination", [42, lambda command: 42, lambda command: 1 / 0], ids=["no place", "no place decided", "a bug"]
)
def test_a_destination_that_is_none(destination: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The data set is refused, the log says why, and the association goes on."""
    with associated(destination=destination) as trio:
        assert outcome(trio)[0] == Status.PROCESSING_FAILURE
    assert any("could not be decided" in record.getMessage() for record in caplog.records)


def test_on_receive_failed_may_answer_itself() -> None:
    """What fits better than the default."""
    with associated(destination=Failing("open", OSError("x"))) as trio:
        trio.scp.react(
            "receive_failed",
            lambda message, error: trio.scp.send_c_store_response(message, Status.CANNOT_UNDERSTAND),
        )
        assert outcome(trio) == (0xC000, None)


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.COERCION])
def test_what_was_not_kept_cannot_be_acknowledged(status: Status) -> None:
    """Success and warnings promise that it is there; saying so raises, and the peer hears the truth."""
    refused: list[Exception] = []
    with associated(destination=Failing("finish", OSError(errno.ENOSPC, "full"))) as trio:

        def acknowledge(message: Any, error: Exception) -> None:
            with pytest.raises(StateError, match="cannot be acknowledged") as caught:
                trio.scp.send_c_store_response(message, status)
            refused.append(caught.value)
            trio.scp.send_c_store_response(message, Status.OUT_OF_RESOURCES)

        trio.scp.react("receive_failed", acknowledge)
        assert outcome(trio)[0] == 0xA700
    assert len(refused) == 1


def test_a_handler_of_failures_that_fails_itself(caplog: pytest.LogCaptureFixture) -> None:
    """The peer gets the status of what failed first."""
    with associated(destination=Failing("open", OSError(errno.ENOSPC, "full"))) as trio:
        trio.scp.react("receive_failed", lambda message, error: 1 / 0)
        assert outcome(trio)[0] == 0xA700


def test_a_response_whose_data_set_fails_is_told_as_failed(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is answered to a response."""
    caplog.set_level(logging.CRITICAL, logger="dicomnet")
    with associated(scu=Recorder(temp_dir="/no such folder")) as trio:
        match = Dataset()
        match.EncapsulatedDocument = bytes(3 * MIB)
        trio.scp.react("receive_c_find_request", lambda message: trio.scp.send_c_find_response(message, 0xFF00, match))
        trio.scu.send_c_find_request(FIND, match)
        trio.scu.wait("receive_failed")
        assert "receive_c_find_response" not in trio.scu.told
        assert trio.scu.is_associated


@pytest.mark.parametrize("place", ["file", "spool", "sink"])
def test_a_peer_that_vanishes_in_the_middle_leaves_nothing(tmp_path: Path, place: str) -> None:
    """Neither a file nor a temporary one; the message is never told."""
    sink = Counting()
    destination = {"file": lambda command: tmp_path / "instance.dcm", "spool": SPOOL, "sink": sink}[place]
    with associated(destination=destination, temp_dir=tmp_path) as trio:
        assert trio.scu._link is not None
        began = threading.Event()
        body = Halting(64 * MIB, began)
        from dicomnet import CStoreRequest
        from dicomnet.dimse import codec

        command = CStoreRequest(message_id=1, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2.3.1")
        trio.scu._link.send(3, command, codec.encode(command), body)
        assert began.wait(PATIENCE)
        until(lambda: bool(list(tmp_path.iterdir()) or sink.calls), "the first bytes")
        trio.scu.close(force=True)
        body.go.set()
        trio.scp.wait("close ConnectionLost")
        until(lambda: list(tmp_path.iterdir()) == [], "nothing to be left")
        if place == "sink":
            until(lambda: sink.calls[-1] == "discard", "the discard")
            assert len(sink.calls) == 2
    assert "receive_c_store_request" not in trio.scp.told
    assert "receive_failed" not in trio.scp.told


class Halting:
    """A body that halts in its middle, as a peer's disk might."""

    blocking = True

    def __init__(self, length: int, began: threading.Event) -> None:
        self.length = length
        self.go = threading.Event()
        self._began = began
        self._given = 0

    def read_into(self, views: Sequence[memoryview]) -> None:
        if self._given > self.length // 2:
            self._began.set()
            assert self.go.wait(PATIENCE)
        start = b"\x08\x00\x16\x00UI\x1a\x00" if not self._given else b""
        for view in views:
            view[:] = start + bytes(len(view) - len(start))
            self._given += len(view)
            start = b""

    def close(self) -> None:
        self.go.set()


def test_a_file_that_becomes_shorter_while_it_is_sent_aborts(tmp_path: Path) -> None:
    """Half a data set cannot be taken back in any other way; the receiver keeps nothing of it."""
    source = tmp_path / "source.dcm"
    made = instance(size=8 * MIB)
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    made.save_as(source, enforce_file_format=True, implicit_vr=False, little_endian=True)
    kept = tmp_path / "kept"
    kept.mkdir()

    class CutShort(Disk):
        def seek(self, descriptor: int, offset: int) -> None:
            os.truncate(source, 3 * MIB)
            super().seek(descriptor, offset)

    with associated(destination=kept) as trio:
        opened = InstanceFile.open(source, disk=CutShort())
        trio.scu._send_request(trio.scu._context(None, CT), _store(), opened)
        trio.scp.wait("receive_abort 0/0")
        trio.scu.wait("close StorageError")
        until(lambda: list(kept.iterdir()) == [], "nothing to be left")
    assert "receive_c_store_request" not in trio.scp.told


def _store() -> Any:
    from dicomnet import CStoreRequest

    return CStoreRequest(affected_sop_class_uid=CT, affected_sop_instance_uid="1.2.3.1")


def test_sinks_of_the_library_are_taken_as_they_are() -> None:
    """An instance of a sink is one data set's; a new one is made for each by a callable."""
    disk = Disk()
    with associated(destination=lambda command: MemorySink(disk=disk), contexts=ALL) as trio:
        assert [message.data.length for message in stored(trio, instance(1), instance(2))] == [
            len(message.data.bytes()) for message in trio.scp.all("receive_c_store_request")
        ]
