"""Where received data sets are kept, and that nothing is ever kept half."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from dicomnet.dimse.commands import CFindResponse, CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import StateError, StorageError
from dicomnet.part10 import file_header, read_head
from dicomnet.storage import platform, temporary
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import CallableSink, Incoming, NullSink, Sink
from dicomnet.types import UID
from dicomnet.uids import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from dicomnet.ul.negotiation import Context, Terms
from faulty import FAULTS, FaultyDisk, names, no_descriptor_left, parts

INCOMING = Incoming(CTImageStorage, UID("1.2.3.4"), ExplicitVRLittleEndian, "MOD", "ARCH", "C-STORE-RQ")
DATA = b"\10\0\x18\0UI\x08\x001.2.3.4\0" + b"\10\0\x60\0CS\2\0CT" + bytes(range(256)) * 40
OTHER = DATA[:-1] + b"x"


@pytest.mark.parametrize("requestor", [False, True])
def test_what_comes_is_what_its_command_says_and_from_the_other_side(requestor: bool) -> None:
    """A class that is not the one of its context is what the peer has said; where it says none, the context does."""
    context = Context(1, CTImageStorage, ExplicitVRLittleEndian, our_scu=True, our_scp=True)
    terms = Terms("ARCH", "MOD", {1: context}, 0, 1, 1)
    commands = (
        CStoreRequest(affected_sop_class_uid=MRImageStorage, affected_sop_instance_uid="1.2.3.4"),
        CFindResponse(message_id_being_responded_to=1, status=Status.PENDING),
    )
    instance, match = (Incoming.of(command, context, terms, requestor=requestor) for command in commands)
    ends = ("ARCH", "MOD") if requestor else ("MOD", "ARCH")
    assert instance == Incoming(MRImageStorage, UID("1.2.3.4"), ExplicitVRLittleEndian, *ends, "C-STORE-RQ")
    assert match == Incoming(CTImageStorage, None, ExplicitVRLittleEndian, *ends, "C-FIND-RSP")


class TestFileSink:
    def test_keeps_a_file_that_others_read(self, tmp_path: Path) -> None:
        """Header and data set make a file; the received data tells where and how long."""
        received = store(FileSink(tmp_path / "a.dcm"))
        assert received.path == tmp_path / "a.dcm"
        assert received.path.read_bytes() == header() + DATA
        assert (received.length, received.duplicate) == (len(DATA), False)
        assert received.bytes() == DATA
        assert received.dataset().Modality == "CT"
        assert received.dataset().file_meta.SendingApplicationEntityTitle == "MOD"
        assert names(tmp_path) == ["a.dcm"]

    def test_nothing_has_the_name_before_it_is_whole(self, tmp_path: Path) -> None:
        """While it is written the file has a temporary name and is readable by nobody else."""
        sink = FileSink(tmp_path / "a.dcm")
        sink.open(INCOMING)
        sink.write([memoryview(DATA)])
        (part,) = names(tmp_path)
        assert re.fullmatch(r"\.a\.dcm\.[0-9a-f]+-[0-9a-f]+\.part", part)
        assert (tmp_path / part).stat().st_mode & 0o777 == 0o600
        sink.finish()

    def test_mode_is_0640_less_the_umask(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next program can read the file, unless the mask of the process says no."""
        monkeypatch.setattr(platform, "umask", lambda: 0o022)
        assert mode(store(FileSink(tmp_path / "a"))) == 0o640
        monkeypatch.setattr(platform, "umask", lambda: 0o077)
        assert mode(store(FileSink(tmp_path / "b"))) == 0o600

    def test_steps_of_a_durable_file(self, tmp_path: Path) -> None:
        """The file is synced before it gets its name, the folder afterwards; without durable neither is."""
        disk = FaultyDisk()
        store(FileSink(tmp_path / "a", disk=disk))
        assert disk.calls == [
            *("open_folder", "device", "space", "create", "lock", "state_in", "state", "writev"),
            *("set_mode", "fsync", "state", "duplicate", "close", "link", "unlink", "close", "fsync_folder"),
        ]
        disk = FaultyDisk()
        store(FileSink(tmp_path / "b", durable=False, disk=disk))
        assert not {"fsync", "fsync_folder"} & set(disk.calls)

    def test_many_views_in_one_write(self, tmp_path: Path) -> None:
        """More views than the system takes at once, and empty ones, are written in order."""
        views = [memoryview(DATA)[at : at + 3] for at in range(0, len(DATA), 3)]
        views.insert(1000, memoryview(b""))
        disk = FaultyDisk()
        received = store(FileSink(tmp_path / "a", disk=disk), views=views)
        assert received.bytes() == DATA
        assert disk.calls.count("writev") > 3

    def test_an_empty_data_set(self, tmp_path: Path) -> None:
        """A data set without a byte still becomes its header."""
        received = store(FileSink(tmp_path / "a"), views=[])
        assert received.path is not None
        assert received.path.read_bytes() == header()
        assert received.bytes() == b""

    def test_placement_decides_by_what_comes(self, tmp_path: Path) -> None:
        """A function may name the file."""
        sink = FileSink(lambda incoming: tmp_path / f"{incoming.sending_ae}-{incoming.sop_instance_uid}")
        assert store(sink).path == tmp_path / "MOD-1.2.3.4"

    def test_discard_leaves_nothing(self, tmp_path: Path) -> None:
        """At any point before the end."""
        with no_descriptor_left():
            for steps in range(3):
                sink = FileSink(tmp_path / "a")
                if steps > 0:
                    sink.open(INCOMING)
                if steps > 1:
                    sink.write([memoryview(DATA)])
                sink.discard()
                sink.discard()
        assert names(tmp_path) == []

    def test_a_file_pushed_as_a_data_set_is_refused(self, tmp_path: Path) -> None:
        """Preamble and group 0002 do not belong in a data set (PS3.10 7.1): cannot understand."""
        sink = FileSink(tmp_path / "a")
        with pytest.raises(StorageError, match="preamble") as caught:
            store(sink, header() + DATA)
        assert caught.value.status == 0xC000
        assert names(tmp_path) == []

    def test_what_is_no_instance_becomes_no_file(self, tmp_path: Path) -> None:
        """An identifier has no SOP instance UID; a UID of 70,000 characters has no element to stand in."""
        for uid in (None, UID("1" * 70_000)):
            with pytest.raises(StorageError):
                store(FileSink(tmp_path / "a"), incoming=incoming(sop_instance_uid=uid))
        assert names(tmp_path) == []

    @pytest.mark.parametrize("name", ["\U0001f600" * 61, "a" + "\u00e9" * 127, "x" * 255])
    def test_a_name_as_long_as_may_be(self, tmp_path: Path, name: str) -> None:
        """The limit of 255 counts bytes; so does what is taken of it for the temporary name."""
        assert store(FileSink(tmp_path / name)).path == tmp_path / name

    def test_a_name_with_a_nul(self, tmp_path: Path) -> None:
        """No system has such a file; a peer may send it as a UID."""
        for path in (tmp_path / "a\0b", lambda incoming: tmp_path / f"{incoming.sop_instance_uid}"):
            with pytest.raises(StorageError, match="cannot be the name of a file") as caught:
                store(FileSink(path), incoming=incoming(sop_instance_uid=UID("1.2\x003")))
            assert caught.value.status == 0xC000
        assert names(tmp_path) == []

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        """The error names the file."""
        with pytest.raises(StorageError, match=r"cannot create .*nowhere/a") as caught:
            store(FileSink(tmp_path / "nowhere" / "a"))
        assert caught.value.status == 0x0110


class TestSameNameAgain:
    def test_identical_is_success(self, tmp_path: Path) -> None:
        """The old file stays untouched, the new one goes, even if its header differs."""
        first = store(FileSink(tmp_path / "a"))
        before = untouched(tmp_path / "a")
        again = store(FileSink(tmp_path / "a"), incoming=incoming(sending_ae="A LONGER TITLE"))
        assert again.duplicate
        assert again.path == first.path
        assert again.bytes() == DATA
        assert untouched(tmp_path / "a") == before
        assert names(tmp_path) == ["a"]

    def test_a_data_set_without_bytes(self, tmp_path: Path) -> None:
        """It is the same as another one without any, and as nothing else."""
        store(FileSink(tmp_path / "a"), views=[])
        assert store(FileSink(tmp_path / "a"), views=[]).duplicate
        assert store(FileSink(tmp_path / "a")).path == tmp_path / "a~2"
        assert names(tmp_path) == ["a", "a~2"]

    def test_a_link_to_the_same_data_set_is_different(self, tmp_path: Path) -> None:
        """Nobody promised that what lies elsewhere stays there."""
        folder = tmp_path / "folder"
        folder.mkdir()
        store(FileSink(tmp_path / "outside"))
        (folder / "a").symlink_to(tmp_path / "outside")
        assert store(FileSink(folder / "a")).path == folder / "a~2"
        assert (folder / "a").is_symlink()

    def test_different_is_kept_beside(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Nothing is overwritten; each different data set gets a number, each known one is recognised."""
        store(FileSink(tmp_path / "1.2.dcm"))
        assert store(FileSink(tmp_path / "1.2.dcm"), OTHER).path == tmp_path / "1.2~2.dcm"
        assert "other content" in caplog.text
        assert store(FileSink(tmp_path / "1.2.dcm"), DATA + b"ab").path == tmp_path / "1.2~3.dcm"
        assert store(FileSink(tmp_path / "1.2.dcm"), OTHER).duplicate
        assert names(tmp_path) == ["1.2.dcm", "1.2~2.dcm", "1.2~3.dcm"]
        assert (tmp_path / "1.2.dcm").read_bytes() == header() + DATA

    def test_the_last_number_of_a_uid_is_no_suffix(self, tmp_path: Path) -> None:
        """`1.2.840~2.7` would look like another instance."""
        for name, beside in (("1.2.840.7", "1.2.840.7~2"), ("1.2.DCM", "1.2~2.DCM"), (".dcm", ".dcm~2")):
            store(FileSink(tmp_path / name))
            assert store(FileSink(tmp_path / name), OTHER).path == tmp_path / beside

    def test_another_transfer_syntax_is_different(self, tmp_path: Path) -> None:
        """The same bytes in another syntax mean something else."""
        store(FileSink(tmp_path / "a"))
        again = store(FileSink(tmp_path / "a"), incoming=incoming(transfer_syntax_uid=ImplicitVRLittleEndian))
        assert not again.duplicate

    def test_a_data_set_in_another_syntax_than_its_peer_says(self, tmp_path: Path) -> None:
        """What group 0002 of both files says is the same, whatever the bytes show."""
        implicit = b"\x08\0\x16\0\x08\0\0\0" + b"1.2.3.4\0" + b"\x08\0\x18\0\x08\0\0\0" + b"1.2.3.4\0"
        store(FileSink(tmp_path / "a"), implicit)
        assert store(FileSink(tmp_path / "a"), implicit).duplicate

    @pytest.mark.parametrize(
        "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("b"), lambda path: path.write_text("x")]
    )
    def test_what_is_no_file_of_ours_is_different(self, tmp_path: Path, make: Callable[[Path], object]) -> None:
        """A folder, a link or any other file in the place is left alone and not followed."""
        make(tmp_path / "a")
        assert store(FileSink(tmp_path / "a")).path == tmp_path / "a~2"
        assert not (tmp_path / "b").exists()

    def test_a_durable_duplicate_is_synced(self, tmp_path: Path) -> None:
        """Who wrote the old file may not have waited for the disk; the answer promises it anyway."""
        store(FileSink(tmp_path / "a", durable=False))
        disk = FaultyDisk()
        assert store(FileSink(tmp_path / "a", disk=disk)).duplicate
        assert disk.calls.count("fsync") == 2
        assert disk.calls[-1] == "fsync_folder"

    def test_somebody_in_a_loop(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is an end to different data sets under one name."""
        monkeypatch.setattr("dicomnet.storage.files._MOST_VERSIONS", 3)
        for data in (DATA, OTHER):
            store(FileSink(tmp_path / "a"), data)
        with pytest.raises(StorageError, match="2 different data sets"):
            store(FileSink(tmp_path / "a"), DATA + b"ab")
        assert parts(tmp_path) == []

    def test_four_at_once(self, tmp_path: Path) -> None:
        """Of parallel stores of one instance all succeed and one file is left."""
        barrier = threading.Barrier(4)
        results: list[ReceivedData] = []

        def one() -> None:
            sink = FileSink(tmp_path / "a")
            sink.open(INCOMING)
            sink.write([memoryview(DATA)])
            barrier.wait(10)
            results.append(sink.finish())

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(result.duplicate for result in results) == [False, True, True, True]
        assert names(tmp_path) == ["a"]


class TestWithoutLinks:
    @pytest.fixture(autouse=True)
    def _no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(platform, "HAS_LINK", False)
        monkeypatch.setattr(temporary, "_WITHOUT_LINKS", set())

    def test_a_rename_does_it(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Under a lock, whose file stays; the log says so once."""
        assert store(FileSink(tmp_path / "a")).bytes() == DATA
        assert store(FileSink(tmp_path / "b")).bytes() == DATA
        assert caplog.text.count("no hard links") == 1
        assert names(tmp_path) == [temporary.MARK, "a", "b"]

    def test_no_name_is_ever_given_to_less_than_the_whole(self, tmp_path: Path) -> None:
        """Not even to an empty file for the time of two calls: a crash between them would leave it."""

        class Watched(Disk):
            def __getattribute__(self, name: str) -> object:
                seen = [path.read_bytes() for path in tmp_path.glob("a*")]
                assert seen in ([], [header() + DATA])
                return super().__getattribute__(name)

        assert store(FileSink(tmp_path / "a", disk=Watched())).bytes() == DATA

    def test_one_at_a_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever gives a name waits for who does already, for a while; then the peer is told to try again."""
        monkeypatch.setattr(temporary, "_LONGEST_NAMING", 0.0)
        theirs = os.open(tmp_path / temporary.MARK, os.O_CREAT | os.O_RDWR)
        fcntl.flock(theirs, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="locked by somebody else") as caught:
            store(FileSink(tmp_path / "a"))
        assert caught.value.status == 0xA700
        os.close(theirs)
        assert store(FileSink(tmp_path / "a")).bytes() == DATA
        assert names(tmp_path) == [temporary.MARK, "a"]

    def test_without_locks_either(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Threads are kept apart all the same."""
        monkeypatch.setattr(platform, "_fcntl", None)
        store(FileSink(tmp_path / "a"))
        assert store(FileSink(tmp_path / "a"), OTHER).path == tmp_path / "a~2"

    def test_nothing_is_overwritten(self, tmp_path: Path) -> None:
        """Duplicates are told apart as with links."""
        store(FileSink(tmp_path / "a"))
        assert store(FileSink(tmp_path / "a")).duplicate
        assert store(FileSink(tmp_path / "a"), OTHER).path == tmp_path / "a~2"

    def test_torture(self, tmp_path: Path) -> None:
        """A failing call leaves nothing but the file that is locked."""
        torture(tmp_path, lambda folder, disk: FileSink(folder / "a", disk=disk), [DATA])


class TestTorture:
    """Every call of the seam fails once, in every way: success means whole, and failure leaves no trace."""

    @pytest.mark.parametrize("durable", [True, False])
    @pytest.mark.parametrize("unnamed", [True, False])
    def test_store_one(self, tmp_path: Path, unnamed: bool, durable: bool) -> None:
        torture(tmp_path, lambda folder, disk: file_sink(folder, disk, unnamed, durable=durable), [DATA])

    @pytest.mark.parametrize("unnamed", [True, False])
    def test_store_the_same_again(self, tmp_path: Path, unnamed: bool) -> None:
        torture(tmp_path, lambda folder, disk: file_sink(folder, disk, unnamed), [DATA, DATA])

    @pytest.mark.parametrize("unnamed", [True, False])
    def test_store_another(self, tmp_path: Path, unnamed: bool) -> None:
        torture(tmp_path, lambda folder, disk: file_sink(folder, disk, unnamed), [DATA, OTHER])

    def test_spool(self, tmp_path: Path) -> None:
        torture(tmp_path, lambda folder, disk: SpoolSink(folder, threshold=10, disk=disk), [DATA])

    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            ("ENOSPC", 0xA700),
            ("EDQUOT", 0xA700),
            ("EROFS", 0xA700),
            ("EMFILE", 0xA700),
            ("EIO", 0x0110),
            ("EACCES", 0x0110),
        ],
    )
    def test_status_and_text(self, tmp_path: Path, fault: str, status: int) -> None:
        """Out of resources when room would help, processing failure otherwise (PS3.4 B.2.3)."""
        with pytest.raises(StorageError) as caught:
            store(FileSink(tmp_path / "a", disk=FaultyDisk(0, fault, only="writev")))
        assert caught.value.status == status
        assert str(caught.value) == f"cannot write {tmp_path}/a: {os.strerror(getattr(errno, fault))}"

    def test_a_failing_sync_is_never_success(self, tmp_path: Path) -> None:
        """The kernel may have dropped the pages, so a second try proves nothing: there is none."""
        for call in ("fsync", "fsync_folder"):
            disk = FaultyDisk(0, "EIO", only=call)
            with pytest.raises(StorageError, match="cannot keep"):
                store(FileSink(tmp_path / "a", disk=disk))
            assert disk.calls == [call]

    @pytest.mark.parametrize("call", ["fsync", "fsync_folder"])
    def test_nor_is_one_that_raises_anything_else(
        self, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There may be no memory for it: then it was not done, and what has its name already is in doubt."""

        def fail(*arguments: object) -> None:
            raise MemoryError

        disk = Disk()
        monkeypatch.setattr(disk, call, fail)
        with pytest.raises(MemoryError):
            store(FileSink(tmp_path / "a", disk=disk))
        assert names(tmp_path) == []

    @pytest.mark.parametrize("call", ["fsync", "fsync_folder"])
    def test_a_duplicate_whose_sync_failed_is_written_anew(self, tmp_path: Path, call: str) -> None:
        """What the retry reads is the cache, and the kernel tells of an error once: it proves nothing."""
        store(FileSink(tmp_path / "a"))
        with pytest.raises(StorageError, match="cannot keep"):
            store(FileSink(tmp_path / "a", disk=FaultyDisk(int(call == "fsync"), "EIO", only=call)))
        again = store(FileSink(tmp_path / "a"))
        assert (again.path, again.duplicate) == (tmp_path / "a~2", False)
        assert store(FileSink(tmp_path / "a")).path == tmp_path / "a~2"
        assert names(tmp_path) == ["a", "a~2"]

    def test_a_name_that_cannot_be_synced_goes(self, tmp_path: Path) -> None:
        """The peer hears of a failure, so a retry writes it anew instead of finding it there."""
        with pytest.raises(StorageError, match="cannot keep"):
            store(FileSink(tmp_path / "a", disk=FaultyDisk(0, "EIO", only="fsync_folder")))
        assert names(tmp_path) == []
        again = store(FileSink(tmp_path / "a"))
        assert (again.path, again.duplicate) == (tmp_path / "a", False)

    def test_a_name_of_somebody_else_stays(self, tmp_path: Path) -> None:
        """Between the link and the sync that fails the file may have been replaced, or not be removable."""

        class Replaced(Disk):
            def fsync_folder(self, folder):
                (tmp_path / "a").rename(tmp_path / "b")
                (tmp_path / "a").write_bytes(b"theirs")
                raise OSError(errno.EIO, "no")

        with pytest.raises(StorageError, match="cannot keep"):
            store(FileSink(tmp_path / "a", disk=Replaced()))
        assert (tmp_path / "a").read_bytes() == b"theirs"
        (tmp_path / "b").rename(tmp_path / "a")
        assert not store(FileSink(tmp_path / "a")).duplicate

    def test_a_name_that_another_store_relies_on_stays(self, tmp_path: Path) -> None:
        """Its duplicate was reported as kept before the sync failed: it stays, and counts as kept no more."""

        class Slow(Disk):
            def fsync_folder(self, folder):
                assert store(FileSink(tmp_path / "a")).duplicate
                raise OSError(errno.EIO, "no")

        with pytest.raises(StorageError, match="cannot keep"):
            store(FileSink(tmp_path / "a", disk=Slow()))
        assert names(tmp_path) == ["a"]
        assert store(FileSink(tmp_path / "a")).path == tmp_path / "a~2"

    def test_a_disk_that_takes_nothing(self, tmp_path: Path) -> None:
        """A write that moves no byte and raises no error is not repeated for ever."""

        class Full(Disk):
            def writev(self, descriptor, views):
                return 0

        with pytest.raises(StorageError) as caught:
            store(FileSink(tmp_path / "a", disk=Full()))
        assert caught.value.status == 0xA700

    def test_a_temporary_file_that_cannot_be_removed(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The data set is kept all the same; the leftover is logged and goes at the next start."""

        class Sticky(Disk):
            def unlink(self, folder, name):
                raise OSError(errno.EIO, "no")

        assert store(FileSink(tmp_path / "a", disk=Sticky())).bytes() == DATA
        assert len(parts(tmp_path)) == 1
        assert "cannot remove" in caplog.text


class TestMemorySink:
    def test_keeps_the_bytes(self) -> None:
        """It does not block, and copies: the views are somebody else's."""
        buffer = bytearray(DATA)
        sink = MemorySink()
        assert not sink.blocking
        sink.open(INCOMING)
        sink.write([memoryview(buffer)[:100], memoryview(buffer)[100:]])
        buffer[:] = bytes(len(buffer))
        with sink.finish() as received:
            assert received.bytes() == DATA
            assert received.path is None
            assert received.open().read() == DATA
            assert received.dataset().Modality == "CT"

    def test_has_a_limit_if_it_was_given_one(self) -> None:
        """As much is kept, and not a byte more, however it comes."""
        assert store(MemorySink(limit=len(DATA))).bytes() == DATA
        with pytest.raises(StorageError, match=f"more than the {len(DATA) - 1} bytes"):
            store(MemorySink(limit=len(DATA) - 1))
        sink = MemorySink(limit=5)
        sink.open(INCOMING)
        sink.write([memoryview(b"abc")])
        with pytest.raises(StorageError) as caught:
            sink.write([memoryview(b"abc")])
        assert caught.value.status == 0xA700

    def test_may_become_a_file(self, tmp_path: Path) -> None:
        """`keep` makes a file as a file sink would have."""
        received = store(MemorySink())
        assert received.keep(tmp_path / "a") == tmp_path / "a"
        assert (tmp_path / "a").read_bytes() == header() + DATA
        assert received.bytes() == DATA
        with pytest.raises(StateError):
            received.keep(tmp_path / "b")

    def test_is_gone_when_closed_or_discarded(self) -> None:
        """Then there is nothing to be read."""
        received = store(MemorySink())
        received.close()
        for read in (received.bytes, received.open, received.dataset, lambda: received.keep("a")):
            with pytest.raises(StateError):
                read()
        sink = MemorySink()
        sink.open(INCOMING)
        sink.write([memoryview(DATA)])
        sink.discard()
        assert sink.finish().bytes() == b""


class TestSpoolSink:
    def test_small_stays_in_memory(self, tmp_path: Path) -> None:
        """Up to the threshold nothing is written, and nothing blocks."""
        sink = SpoolSink(tmp_path, threshold=len(DATA))
        received = store(sink)
        assert not sink.blocking
        assert names(tmp_path) == []
        assert received.bytes() == DATA

    def test_large_goes_to_a_file_that_dies(self, tmp_path: Path) -> None:
        """Above it a temporary file holds the bytes, until the data is closed or forgotten."""
        for end in (ReceivedData.close, lambda received: None):
            received = spooled(tmp_path)
            assert len(parts(tmp_path)) == 1
            assert received.path is None
            assert received.length == len(DATA) * 2
            assert received.bytes() == DATA * 2
            with received.open() as file:
                assert file.read(10) == DATA[:10]
            end(received)
            del received
            gc.collect()
            assert names(tmp_path) == []

    def test_blocks_from_the_call_after_the_threshold(self, tmp_path: Path) -> None:
        """The event loop is told before the first byte goes to a disk, not after."""
        sink = SpoolSink(tmp_path, threshold=10)
        sink.open(INCOMING)
        sink.write([memoryview(DATA)])
        assert sink.blocking
        assert names(tmp_path) == []
        sink.write([memoryview(DATA)])
        assert len(parts(tmp_path)) == 1
        sink.discard()
        assert names(tmp_path) == []

    def test_may_become_a_file(self, tmp_path: Path) -> None:
        """`keep` makes it a file with a header, and the temporary one goes."""
        received = spooled(tmp_path / "spool")
        path = received.keep(tmp_path / "a.dcm")
        assert path.read_bytes() == header() + DATA * 2
        assert names(tmp_path / "spool") == []
        assert received.path == path

    def test_keep_that_fails_keeps_the_spool(self, tmp_path: Path) -> None:
        """After a failed `keep` the data is still there."""
        received = spooled(tmp_path)
        with pytest.raises(StorageError):
            received.keep(tmp_path / "nowhere" / "a")
        assert received.bytes() == DATA * 2

    def test_decodes_from_the_file(self, tmp_path: Path) -> None:
        """A data set is read from wherever it lies."""
        sink = SpoolSink(tmp_path, threshold=10)
        received = store(sink, views=[memoryview(DATA)[:16], memoryview(DATA)[16:]])
        assert len(parts(tmp_path)) == 1
        assert received.dataset().Modality == "CT"

    def test_identifiers_are_no_files(self, tmp_path: Path) -> None:
        """What is no instance can be spooled, but not kept."""
        received = spooled(tmp_path, incoming(sop_instance_uid=None, command_name="C-FIND-RQ"))
        with pytest.raises(StorageError, match="C-FIND-RQ"):
            received.keep(tmp_path / "a")

    def test_many_share_one_descriptor(self, tmp_path: Path) -> None:
        """However many data sets wait for somebody to look at them; the last one gives it back."""
        with no_descriptor_left():
            first = spooled(tmp_path)
            before = len(names(Path("/proc/self/fd")))
            others = [spooled(tmp_path) for _ in range(10)]
            assert len(names(Path("/proc/self/fd"))) == before
            assert len(parts(tmp_path)) == 11
            del first, others
        assert names(tmp_path) == []

    def test_what_is_held_stays_when_a_forked_process_ends(self, tmp_path: Path) -> None:
        """What that one forgets is still its parent's; its own has a mark of its own, and goes with it."""
        received = spooled(tmp_path)
        pid = os.fork()
        if pid == 0:
            try:
                own = spooled(tmp_path)
                marks = len(list(tmp_path.glob(".*.mark")))
                own.close()
                received.close()
                del received, own
                gc.collect()
                os._exit(0 if marks == 2 else 1)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        assert received.bytes() == DATA * 2
        assert len(names(tmp_path)) == 2

    def test_a_folder_that_was_replaced(self, tmp_path: Path) -> None:
        """A temporary file is read by its path, so it is written where the path leads now."""
        first = spooled(tmp_path / "a")
        (tmp_path / "a").rename(tmp_path / "b")
        second = spooled(tmp_path / "a")
        assert second.bytes() == DATA * 2
        first.close()
        second.close()
        del first, second
        assert names(tmp_path / "a") == names(tmp_path / "b") == []

    def test_what_a_crash_has_left_goes(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Once per process and folder; the temporary files of a living process stay, and everything else."""
        caplog.set_level("INFO")
        program = (
            "import os, signal, sys\n"
            "from storage.test_sinks import Path, spooled\n"
            "kept = spooled(Path(sys.argv[1]))\n"
            "print('ready', flush=True)\n"
            "sys.stdin.read()\n"
        )
        arguments = [sys.executable, "-c", program, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        others = [
            subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            for _ in range(2)
        ]
        try:
            for other in others:
                assert other.stdout is not None
                assert other.stdout.readline() == b"ready\n"
            others[0].kill()
            others[0].wait()
            (tmp_path / ".dicomnet.part").touch()
            assert len(names(tmp_path)) == 5
            for path in tmp_path.iterdir():
                os.utime(path, (0, 0))
            spooled(tmp_path)
            assert len(names(tmp_path)) == 3
            assert "removed 1 files" in caplog.text
            assert Path(tmp_path, ".dicomnet.part").exists()
            others[1].communicate()
            assert names(tmp_path) == [".dicomnet.part"]
        finally:
            for other in others:
                other.kill()
                other.communicate()

    def test_a_sweep_that_fails(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The data set is spooled all the same; a mark that may still be about to be locked stays."""
        for number, (call, written) in enumerate([("hidden_names", 0), ("open_again", 0), ("unlink", 0), (None, None)]):
            folder = tmp_path / str(number)
            folder.mkdir()
            mark = folder / f".dicomnet-{number:016x}.mark"
            mark.touch()
            if written is not None:
                os.utime(mark, (written, written))
            disk = FaultyDisk(0 if call else -1, "EIO", only=call)
            sink = SpoolSink(folder, threshold=10, disk=disk)
            assert store(sink, views=halves(DATA)).bytes() == DATA
            assert mark.exists()
        assert caplog.text.count("cannot") == 3

    def test_a_folder_of_instances_leaves_them_alone(self, tmp_path: Path) -> None:
        """Both may be in one place, and a spooled file is not locked itself."""
        received = spooled(tmp_path)
        for path in tmp_path.iterdir():
            os.utime(path, (0, 0))
        Folder(tmp_path)
        assert received.bytes() == DATA * 2

    def test_folder_is_the_systems_own_by_default(self) -> None:
        """Without a folder, temporary files go where the system wants them."""
        assert store(SpoolSink()).bytes() == DATA

    @pytest.mark.parametrize("threshold", [10, 1000])
    @pytest.mark.parametrize(("command", "status"), [("N-SET-RQ", 0x0213), ("C-FIND-RQ", 0xA700)])
    def test_more_than_the_limit_is_refused(self, tmp_path: Path, threshold: int, command: str, status: int) -> None:
        """While it comes, and nothing of it stays."""
        sink = SpoolSink(tmp_path, threshold=threshold, limit=2 * len(DATA))
        sink.open(incoming(command_name=command))
        sink.write([memoryview(DATA)])
        sink.write([memoryview(DATA)])
        with pytest.raises(StorageError, match=f"more than {2 * len(DATA)} bytes") as refused:
            sink.write([memoryview(b"x")])
        assert refused.value.status == status
        assert names(tmp_path) == []


class TestOtherSinks:
    def test_null_sink_counts(self) -> None:
        """The length is known, the bytes are gone."""
        received = store(NullSink())
        assert received.length == len(DATA)
        with pytest.raises(StateError, match="not kept"):
            received.bytes()

    def test_callable_sink_hands_out_pieces(self) -> None:
        """A function sees every piece in order."""
        pieces: list[bytes] = []
        received = store(CallableSink(lambda view: pieces.append(bytes(view)), blocking=False))
        assert b"".join(pieces) == DATA
        assert received.length == len(DATA)

    def test_the_base_is_for_subclasses(self) -> None:
        """A sink of one's own writes and finishes; the rest has defaults."""
        sink = Sink()
        sink.open(INCOMING)
        sink.discard()
        with pytest.raises(NotImplementedError):
            sink.write([])
        with pytest.raises(NotImplementedError):
            sink.finish()
        assert sink.blocking


class TestReceivedData:
    def test_a_file_that_is_no_data_set(self, tmp_path: Path) -> None:
        """Bytes that cannot be decoded are a storage error when decoded, and fine until then."""
        for sink in (FileSink(tmp_path / "a"), MemorySink()):
            received = store(sink, b"\10\0\5\0SQ\0\0\xff\xff\xff\xff" + b"garbage!" * 10)
            with pytest.raises(StorageError):
                _ = received.dataset().SpecificCharacterSet

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        """Somebody else may remove what was kept."""
        received = store(FileSink(tmp_path / "a"))
        (tmp_path / "a").unlink()
        for read in (received.bytes, received.open, received.dataset):
            with pytest.raises(StorageError, match="cannot read"):
                read()

    def test_deflated(self, tmp_path: Path) -> None:
        """A deflated data set is inflated when decoded, in memory and in a file."""
        path = Path(pydicom.__file__).parent / "data" / "test_files" / "image_dfl.dcm"
        head = read_head(path.read_bytes(), complete=True)
        assert head is not None
        data = path.read_bytes()[head.data_offset :]
        for sink in (FileSink(tmp_path / "a"), MemorySink()):
            received = store(sink, data, incoming=incoming(transfer_syntax_uid=DeflatedExplicitVRLittleEndian))
            assert received.dataset().SOPInstanceUID == head.sop_instance_uid

    def test_repr(self, tmp_path: Path) -> None:
        """What a log shows of it."""
        assert repr(store(MemorySink())) == f"<ReceivedData {len(DATA)} bytes>"
        assert repr(store(FileSink(tmp_path / "a"))) == f"<ReceivedData {len(DATA)} bytes in {tmp_path}/a>"


def file_sink(folder: Path, disk: Disk, unnamed: bool, *, durable: bool = True) -> FileSink:
    """A sink that writes to a file without a name, where there are such, or with a hidden one."""
    held_open = OpenFolder(str(folder))
    if unnamed:
        Disk().try_unnamed(held_open, "probe")
        if not held_open.takes_unnamed:
            pytest.skip("no files without a name in this file system")
    return FileSink(folder / "a", disk=disk, durable=durable, folder=held_open)


def torture(tmp_path: Path, sink: Callable[[Path, Disk], Sink], data_sets: list[bytes]) -> None:
    """Stores the last data set, the others being there, with every call failing in every way."""
    folder = tmp_path / "count"
    prepare(folder, sink, data_sets)
    disk = FaultyDisk()
    views = halves(data_sets[-1])
    store(sink(folder, disk), views=views)
    for fail_at in range(len(disk.calls)):
        for fault in FAULTS:
            folder = tmp_path / f"{fail_at}-{fault}"
            prepare(folder, sink, data_sets)
            with no_descriptor_left():
                stored = False
                try:
                    with store(sink(folder, FaultyDisk(fail_at, fault)), views=views) as received:
                        stored = received.bytes() == data_sets[-1]
                        assert stored
                except StorageError:
                    pass
                assert parts(folder) == []
                whole = [header() + data for data in data_sets]
                assert all(path.read_bytes() in whole for path in folder.iterdir() if path.name != temporary.MARK)
            with store(sink(folder, Disk()), views=views) as received:
                assert received.bytes() == data_sets[-1]


def prepare(folder: Path, sink: Callable[[Path, Disk], Sink], data_sets: list[bytes]) -> None:
    folder.mkdir()
    for data in data_sets[:-1]:
        store(sink(folder, Disk()), data)


def store(
    sink: Sink, data: bytes = DATA, *, views: list[memoryview] | None = None, incoming: Incoming = INCOMING
) -> ReceivedData:
    """What a delivery does: everything in order, and discard after an error."""
    sink.open(incoming)
    try:
        for view in views if views is not None and len(views) < 10 else [None]:
            if view is None:
                sink.write(halves(data) if views is None else views)
            else:
                sink.write([view])
        return sink.finish()
    except StorageError:
        sink.discard()
        raise


def halves(data: bytes) -> list[memoryview]:
    view = memoryview(data)
    return [view[: len(data) // 2], view[len(data) // 2 :]]


def spooled(folder: Path, what: Incoming = INCOMING) -> ReceivedData:
    folder.mkdir(exist_ok=True)
    return store(SpoolSink(folder, threshold=10), views=[memoryview(DATA), memoryview(DATA)], incoming=what)


def incoming(**changes: object) -> Incoming:
    fields = {name: getattr(INCOMING, name) for name in Incoming.__slots__}
    return Incoming(**fields | changes)


def header() -> bytes:
    return file_header(
        sop_class_uid=CTImageStorage,
        sop_instance_uid="1.2.3.4",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        sending_ae="MOD",
        receiving_ae="ARCH",
    )


def mode(received: ReceivedData) -> int:
    assert received.path is not None
    return received.path.stat().st_mode & 0o777


def untouched(path: Path) -> tuple[int, ...]:
    """What a look at a file does not change and a write does."""
    now = path.stat()
    return now.st_ino, now.st_mode, now.st_nlink, now.st_size, now.st_mtime_ns
