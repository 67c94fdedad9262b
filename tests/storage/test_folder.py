"""A folder of received instances."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import StorageError
from dicomnet.storage import platform
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder, file_name
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from faulty import FAULTS, FaultyDisk, names, no_descriptor_left, parts

DATA = b"\10\0\x60\0CS\2\0CT" * 20


class TestNames:
    def test_a_uid_is_its_own_name(self) -> None:
        """Digits and dots, up to 64 of them."""
        assert file_name("1.2.840.10008.1") == "1.2.840.10008.1.dcm"
        assert file_name("1." + "2" * 62) == "1." + "2" * 62 + ".dcm"

    @pytest.mark.parametrize(
        "uid", ["", ".", "..", "1..2", "../../etc/passwd", "1.2/3", "1.2\0", "a", "1." + "2" * 63, "1.2~2", "\u0661"]
    )
    def test_anything_else_gets_a_digest(self, uid: str) -> None:
        """What a peer sends never becomes part of a path."""
        name = file_name(uid)
        assert name.startswith("sha256-")
        assert len(name) == 7 + 64 + 4
        assert name.removesuffix(".dcm").removeprefix("sha256-").isalnum()

    @given(st.text(), st.text())
    def test_two_identities_never_share_a_name(self, one: str, other: str) -> None:
        """Not even on a file system that ignores case."""
        assert (file_name(one).lower() == file_name(other).lower()) == (one == other)


class TestKeeping:
    def test_by_instance(self, tmp_path: Path) -> None:
        """The folder is made, and an instance is found under its UID."""
        folder = Folder(tmp_path / "a" / "b")
        received = store(folder, "1.2.3")
        assert received.path == tmp_path / "a" / "b" / "1.2.3.dcm"
        assert received.bytes() == DATA
        assert (tmp_path / "a" / "b").stat().st_mode & 0o027 == 0

    def test_a_new_folder_is_synced(self, tmp_path: Path) -> None:
        """A power cut must not take a new folder with the files in it; what is there already needs nothing."""
        for durable, syncs in ((True, 3), (True, 0), (False, 0)):
            disk = FaultyDisk()
            Folder(tmp_path / "a" / "b" / "c", durable=durable, disk=disk)
            assert disk.calls.count("fsync_folder") == syncs

    def test_a_root_that_is_a_link(self, tmp_path: Path) -> None:
        """The way to the folder may be a link; what is in it is not followed."""
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        folder = Folder(tmp_path / "link")
        (tmp_path / "real" / "1.2.3.dcm").symlink_to(tmp_path / "trap")
        store(folder, "1.2.3")
        assert names(tmp_path / "real") == ["1.2.3.dcm", "1.2.3~2.dcm"]
        assert not (tmp_path / "trap").exists()

    def test_a_folder_replaced_by_a_link(self, tmp_path: Path) -> None:
        """Between two stores: nothing appears where the link leads."""
        folder = Folder(tmp_path / "root")
        store(folder, "1.2.3")
        (tmp_path / "trap").mkdir()
        (tmp_path / "root").rename(tmp_path / "moved")
        (tmp_path / "root").symlink_to("trap")
        store(folder, "1.2.4")
        assert names(tmp_path / "trap") == []
        assert names(tmp_path / "moved") == ["1.2.3.dcm", "1.2.4.dcm"]

    def test_gives_its_descriptor_back(self, tmp_path: Path) -> None:
        """With the last sink of it."""
        with no_descriptor_left():
            folder = Folder(tmp_path)
            sink = folder.sink_for(incoming("1.2.3"))
            del folder
            sink.open(incoming("1.2.3"))
            sink.write([memoryview(DATA)])
            assert sink.finish().bytes() == DATA

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        """Then nothing can be kept, and the error says where."""
        (tmp_path / "a").touch()
        with pytest.raises(StorageError, match="cannot keep files in"):
            Folder(tmp_path / "a")


@pytest.mark.parametrize("call", ["create_unnamed", "link_unnamed"])
def test_where_files_need_a_name_they_get_a_hidden_one(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder finds out when it is opened."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(platform, call, refuse)
    folder = Folder(tmp_path)
    sink = folder.sink_for(incoming("1.2.3"))
    sink.open(incoming("1.2.3"))
    assert len(parts(tmp_path)) == 1
    sink.write([memoryview(DATA)])
    sink.finish()
    assert names(tmp_path) == ["1.2.3.dcm"]


class TestLeftovers:
    def test_go_at_the_start(self, tmp_path: Path) -> None:
        """Temporary files older than the start are removed; anything else stays."""
        old(tmp_path / ".1.2.3.dcm.0123456789abcdef.part")
        old(tmp_path / "1.2.3.dcm")
        old(tmp_path / "mine.part")
        (tmp_path / ".link.part").symlink_to("1.2.3.dcm")
        (tmp_path / ".folder.part").mkdir()
        young = tmp_path / ".young.part"
        young.touch()
        os.utime(young, (2**33, 2**33))
        Folder(tmp_path)
        assert names(tmp_path) == [".folder.part", ".link.part", ".young.part", "1.2.3.dcm", "mine.part"]

    def test_there_are_none_where_files_need_no_name(self, tmp_path: Path) -> None:
        """While an instance is being written nothing of it shows, and so a crash leaves nothing."""
        folder = Folder(tmp_path)
        if not folder._held[0].takes_unnamed:
            pytest.skip("no files without a name in this file system")
        sink = folder.sink_for(incoming("1.2.3"))
        sink.open(incoming("1.2.3"))
        sink.write([memoryview(DATA)])
        assert names(tmp_path) == []
        assert sink.finish().path == tmp_path / "1.2.3.dcm"
        assert names(tmp_path) == ["1.2.3.dcm"]

    def test_of_a_living_process_stay(self, tmp_path: Path) -> None:
        """A second receiver on the folder does not take the files from the first."""
        sink = FileSink(tmp_path / "1.2.3.dcm")
        sink.open(incoming("1.2.3"))
        (part,) = parts(tmp_path)
        os.utime(part, (0, 0))
        Folder(tmp_path)
        assert parts(tmp_path) == [part]
        sink.discard()

    def test_that_cannot_be_removed_are_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The folder works all the same."""
        old(tmp_path / ".a.part")
        folder = Folder(tmp_path, disk=FaultyDisk(0, "EACCES", only="lock"))
        assert "cannot remove .a.part" in caplog.text
        store(folder, "1.2.3")

    def test_torture(self, tmp_path: Path) -> None:
        """With any call of the start failing: a folder that works, or an error."""
        old(tmp_path / ".a.part")
        disk = FaultyDisk()
        Folder(tmp_path, disk=disk)
        for fail_at in range(len(disk.calls)):
            for fault in FAULTS:
                old(tmp_path / ".a.part")
                with no_descriptor_left(), suppress(StorageError):
                    Folder(tmp_path, disk=FaultyDisk(fail_at, fault))
                store(Folder(tmp_path, disk=Disk()), "1.2.3")
                assert parts(tmp_path) == []


def old(path: Path) -> None:
    path.touch()
    os.utime(path, (0, 0))


def incoming(uid: str) -> Incoming:
    return Incoming(CTImageStorage, UID(uid), ExplicitVRLittleEndian, None, None, "C-STORE-RQ")


def store(folder: Folder, uid: str) -> ReceivedData:
    sink = folder.sink_for(incoming(uid))
    sink.open(incoming(uid))
    sink.write([memoryview(DATA)])
    return sink.finish()


def test_folders_opened_meanwhile_take_no_file_away(tmp_path: Path) -> None:
    """Whoever opens a folder clears up after crashes, and several may, while others keep instances in it."""
    failures: list[Exception] = []

    def keep(series: int) -> None:
        for number in range(100):
            uid = UID(f"1.2.{series}.{number}")
            incoming = Incoming(CTImageStorage, uid, ExplicitVRLittleEndian, "MOD", "ARC", "C-STORE-RQ")
            sink = Folder(tmp_path, durable=False).sink_for(incoming)
            try:
                sink.open(incoming)
                sink.write([memoryview(DATA)])
                sink.finish()
            except StorageError as error:
                failures.append(error)

    threads = [threading.Thread(target=keep, args=(series,)) for series in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(tmp_path.iterdir())) == 400
