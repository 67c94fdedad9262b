"""A reserve that stays free on the disk."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path

import pytest

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.limits import MIB, RESERVED_BYTES, RESERVED_FILES
from dicomnet.storage import platform, room as module
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.platform import OpenFolder, Space
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.room import Reserve, room_in
from dicomnet.storage.sinks import Incoming
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from faulty import names

GIB = 1024 * MIB
DATA = b"\10\0\x60\0CS\2\0CT" * 20


class Gauge(Disk):
    """A disk of which a test says how full it is."""

    def __init__(self, free: int = 1000, *, total: int = 10_000, files: int = 0, free_files: int = 0) -> None:
        self.free = free
        self.total = total
        self.files = files
        self.free_files = free_files
        self.looks = 0

    def space(self, folder: OpenFolder) -> Space:
        self.looks += 1
        return Space(self.total, self.free, self.files, self.free_files)


class TestReserve:
    @pytest.mark.parametrize(
        ("given", "total", "stays"),
        [
            (None, 10 * GIB, GIB // 2),
            (None, 100 * GIB, RESERVED_BYTES),
            ("5%", 100 * GIB, 5 * GIB),
            ("0.5 %", 1000, 5),
            (1000, 10_000, 1000),
            ("1000", 10_000, 1000),
            ("20 GB", 100 * GIB, 20 * GIB),
            ("20gib", 100 * GIB, 20 * GIB),
            ("1.5M", GIB, 3 * MIB // 2),
            (0, GIB, 0),
            ("0%", GIB, 0),
            ("0", GIB, 0),
        ],
    )
    def test_bytes_or_a_share(self, given: int | str | None, total: int, stays: int) -> None:
        """By default the lesser of both, so that neither a small card nor a large array is useless."""
        assert Reserve.of(given).of_bytes(Space(total, 0)) == stays
        assert bool(Reserve.of(given)) is (stays > 0)

    @pytest.mark.parametrize("given", [-1, "", "%", "5 apples", "100%", "1e9", "5%5", "GB", "5 MI"])
    def test_what_is_none(self, given: int | str) -> None:
        """A mistake is told at the start, not when the disk is full."""
        with pytest.raises(InvalidValue, match="reserve"):
            Reserve.of(given)

    def test_files_are_reserved_too(self) -> None:
        """The same share of them, but not many."""
        assert Reserve.of(None).of_files(Space(GIB, 0, 1000, 0)) == 50
        assert Reserve.of("10%").of_files(Space(GIB, 0, 1000, 0)) == 100
        assert Reserve.of(5000).of_files(Space(GIB, 0, 10_000_000, 0)) == RESERVED_FILES


class TestRefusing:
    def test_before_the_disk_is_full(self, tmp_path: Path) -> None:
        """An instance is refused at its beginning (A700), leaves nothing, and is taken once there is room, without a restart."""
        disk = Gauge(free=499)
        folder = Folder(tmp_path, disk=disk)
        with pytest.raises(StorageError, match="no room in") as caught:
            store(folder)
        assert caught.value.status == 0xA700
        assert caught.value.comment.isprintable()
        assert len(caught.value.comment) <= 64
        assert names(tmp_path) == []
        disk.free = 5000
        assert store(folder).bytes() == DATA

    def test_in_the_middle_of_a_long_one(self, tmp_path: Path) -> None:
        """What is written is counted, so a long one cannot take what is to stay; what there was of it goes."""
        disk = Gauge(free=500 + 3 * len(DATA))
        folder = Folder(tmp_path, disk=disk)
        sink = folder.sink_for(incoming())
        sink.open(incoming())
        for _ in range(2):
            sink.write([memoryview(DATA)])
            disk.free -= len(DATA)
        disk.free -= 2 * len(DATA)
        with pytest.raises(StorageError, match="no room in"):
            sink.write([memoryview(DATA)])
        sink.discard()
        assert names(tmp_path) == []

    def test_all_that_the_process_writes_counts(self, tmp_path: Path) -> None:
        """What several associations write, to several folders, between two looks."""
        disk = Gauge(free=GIB, total=GIB)
        rooms = [room_in(disk, OpenFolder(str(tmp_path)), Reserve(bytes=GIB // 2, share=None)) for _ in range(8)]
        taken = 0
        for room in itertools.cycle(rooms):
            assert room is not None
            try:
                room.take(MIB)
            except StorageError:
                break
            taken += MIB
            disk.free -= MIB
        assert GIB // 4 < taken <= GIB // 2

    def test_files_run_out_as_well(self, tmp_path: Path) -> None:
        """A file system can be full with most of its bytes free."""
        disk = Gauge(free=5000, files=100, free_files=6)
        folder = Folder(tmp_path, disk=disk)
        store(folder, "1.1")
        disk.free_files = 5
        with pytest.raises(StorageError, match="4 more files would fit, and room for 5 stays free"):
            store(folder, "1.2")
        disk.free_files = 50
        store(folder, "1.2")

    def test_all_files_of_the_process_count(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """However small they are, also between two looks."""
        monkeypatch.setattr(module, "_LOOK_INTERVAL", 3600.0)
        disk = Gauge(free=GIB, total=GIB, files=10_000, free_files=1000)
        room = room_in(disk, OpenFolder(str(tmp_path)), Reserve.of("5%"))
        assert room is not None
        for _ in range(500):
            room.take(files=1)
            disk.free_files -= 1
        with pytest.raises(StorageError, match="room for 500 stays free"):
            room.take(files=1)

    def test_a_reserve_of_nothing_looks_nowhere(self, tmp_path: Path) -> None:
        """Then the disk itself says when it is full."""
        disk = Gauge(free=0)
        store(Folder(tmp_path, reserve=0, disk=disk))
        assert disk.looks == 0

    def test_a_path_without_a_folder_keeps_a_reserve_too(self, tmp_path: Path) -> None:
        """As `request.save` with a function makes it."""
        with pytest.raises(StorageError, match="no room"):
            put(FileSink(tmp_path / "a", disk=Gauge(free=499)))
        assert put(FileSink(tmp_path / "a", disk=Gauge(free=499), reserve=200)).bytes() == DATA

    def test_nobody_knows(self, tmp_path: Path) -> None:
        """A file system that does not say how full it is takes instances until it says that it is."""

        class Mute(Disk):
            def space(self, folder: OpenFolder) -> Space:
                raise OSError(errno.ENOSYS, "no")

        for number, reserve in enumerate((None, "5%", "500 TB")):
            assert store(Folder(tmp_path, reserve=reserve, disk=Mute()), f"1.{number}").bytes() == DATA

    @pytest.mark.parametrize("reserve", [None, "5%", "500 TB"])
    def test_a_file_system_that_says_nothing_but_zeros(self, tmp_path: Path, reserve: str | None) -> None:
        """As those of user space do that were not taught to answer: it is not full for ever."""
        disk = Gauge(free=0, total=0)
        assert store(Folder(tmp_path, reserve=reserve, disk=disk), "1.2").bytes() == DATA

    def test_a_full_disk_makes_no_folders_either(self, tmp_path: Path) -> None:
        """They would eat up the reserve, one for each study that is refused."""
        folder = Folder(tmp_path, disk=Gauge(free=499))
        with pytest.raises(StorageError, match="no room") as caught:
            folder.sink_below(["1.2", "1.3", "1.4.dcm"])
        assert (caught.value.status, names(tmp_path)) == (0xA700, [])


class TestLooking:
    def test_one_look_serves_for_many(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Far from the end a system call for each instance would tell nothing."""
        monkeypatch.setattr(module, "_LOOK_INTERVAL", 3600.0)
        disk = Gauge(free=GIB, total=GIB)
        folder = Folder(tmp_path, durable=False, disk=disk)
        for number in range(20):
            store(folder, f"1.{number}")
        assert disk.looks == 1

    def test_after_a_while_others_may_have_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """So what was seen is good for a moment only."""
        now = 0.0
        monkeypatch.setattr(module, "monotonic", lambda: now)
        disk = Gauge(free=GIB, total=GIB)
        folder = Folder(tmp_path, disk=disk)
        now = 1.0
        store(folder, "1.1")
        looks = disk.looks
        store(folder, "1.2")
        assert disk.looks == looks
        now += 1.0
        disk.free = 0
        with pytest.raises(StorageError):
            store(folder, "1.3")

    def test_the_log_speaks_of_changes(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once when there is no more room, and once when nothing was refused for a while, though small ones still fitted."""
        now = 100.0
        monkeypatch.setattr(module, "monotonic", lambda: now)
        disk = Gauge(free=5000)
        folder = Folder(tmp_path, disk=disk)
        steps = ((0, 5000, True, 0), (1, 499, False, 1), (1, 900, True, 1), (1, 499, False, 1), (9, 900, True, 1))
        for number, (later, free, fits, said) in enumerate((*steps, (2, 900, True, 2), (1, 499, False, 3))):
            now += later
            disk.free = free
            if fits:
                store(folder, f"1.{number}")
            else:
                with pytest.raises(StorageError) as caught:
                    store(folder, f"1.{number}")
                assert caught.value.told
            assert len(caplog.records) == said
        assert caplog.messages[0].startswith(f"no room in {tmp_path}: 0.")
        assert caplog.messages[1].startswith(f"there is room in {tmp_path} again: ")


def test_how_full_this_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a system call for it that knows of files."""
    folder = OpenFolder(str(tmp_path))
    found = Disk().space(folder)
    assert 0 <= found.free <= found.total
    assert found.free_files <= found.files
    monkeypatch.setattr(platform, "HAS_STATVFS", False)
    other = Disk().space(folder)
    assert other.total == found.total
    assert other.files == 0
    monkeypatch.setattr(platform, "HAS_FOLDER_DESCRIPTORS", False)
    assert Disk().device(OpenFolder(str(tmp_path))) == tmp_path.stat().st_dev


def incoming(uid: str = "1.2.3") -> Incoming:
    return Incoming(CTImageStorage, UID(uid), ExplicitVRLittleEndian, "MOD", "ARCH", "C-STORE-RQ")


def store(folder: Folder, uid: str = "1.2.3") -> ReceivedData:
    return put(folder.sink_for(incoming(uid)), uid)


def put(sink: FileSink, uid: str = "1.2.3") -> ReceivedData:
    try:
        sink.open(incoming(uid))
        sink.write([memoryview(DATA)])
        return sink.finish()
    except StorageError:
        sink.discard()
        raise
