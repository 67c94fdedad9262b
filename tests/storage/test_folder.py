"""A folder of received instances."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
import unicodedata
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import StorageError
from dicomnet.storage import leftovers, platform
from dicomnet.storage.disk import DISK, Disk
from dicomnet.storage.files import FileSink, _numbered
from dicomnet.storage.folder import Folder, file_name
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from faulty import FAULTS, FaultyDisk, names, no_descriptor_left, parts


def uid_like() -> st.SearchStrategy[str]:
    """What a peer may call an instance: UIDs, and what looks a little like one."""
    digits = st.text("0123456789.", max_size=70)
    strange = st.text("0129aAfFsShH.-~/\\\0 \u0661\uff11K\u212a\u00e9e\u0301", max_size=12)
    return digits | strange | st.text() | digits.map(file_name) | st.tuples(digits, strange).map("".join)


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

    @given(uid_like(), uid_like(), st.integers(2, 999))
    def test_two_identities_never_share_a_name(self, one: str, other: str, number: int) -> None:
        """Not even on a file system that ignores case or normalises; nor does one kept beside another have that of a third."""
        names = [as_found(file_name(one)), as_found(_numbered(file_name(one), number))]
        assert (as_found(file_name(other)) == names[0]) == (one == other)
        assert as_found(file_name(other)) != names[1]

    @given(uid_like())
    def test_a_name_is_one_name(self, uid: str) -> None:
        """It leads nowhere else, is hidden nowhere, and fits everywhere."""
        name = file_name(uid)
        assert re.fullmatch(r"([0-9.]{1,64}|sha256-[0-9a-f]{64})\.dcm", name, re.ASCII)
        assert not name.startswith(".")
        assert ".." not in name

    def test_leading_zeros_are_kept(self) -> None:
        """They are against the standard, but name instances of archives all the same."""
        assert file_name("1.02.003") == "1.02.003.dcm"
        assert file_name("1.2.3") != file_name("1.2.03")

    @pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.3\0junk", "1." + "2" * 63, "1..2", "\u0661.2"])
    def test_may_be_refused_instead(self, tmp_path: Path, uid: str) -> None:
        """With a status that says what is wrong with it (PS3.7 C.5.12)."""
        folder = Folder(tmp_path, strict_uids=True)
        with pytest.raises(StorageError, match="is no UID") as caught:
            store(folder, uid)
        assert caught.value.status == 0x0117
        assert caught.value.comment.isprintable()
        assert len(caught.value.comment) <= 64
        assert names(tmp_path) == []
        store(folder, "1.02")


class TestKeeping:
    def test_by_instance(self, tmp_path: Path) -> None:
        """The folder is made, and an instance is found under its UID."""
        folder = Folder(tmp_path / "a" / "b")
        received = store(folder, "1.2.3")
        assert received.path == tmp_path / "a" / "b" / "1.2.3.dcm"
        assert received.bytes() == DATA
        assert (tmp_path / "a" / "b").stat().st_mode & 0o027 == 0

    def test_a_new_folder_is_synced(self, tmp_path: Path) -> None:
        """A power cut must not take the folder with the files in it, nor one that somebody else made a moment ago."""
        for durable, syncs in ((True, 3), (True, 1), (False, 0)):
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

    def test_a_folder_that_was_removed(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """It is made again for the next instance, without a restart; one that is being written is not kept."""
        folder = Folder(tmp_path / "root")
        sink = folder.sink_for(incoming("1.2.3"))
        sink.open(incoming("1.2.3"))
        (tmp_path / "root").rmdir()
        sink.write([memoryview(DATA)])
        with pytest.raises(StorageError, match="cannot keep"):
            sink.finish()
        for uid in ("1.2.4", "1.2.5"):
            assert store(folder, uid).path == tmp_path / "root" / f"{uid}.dcm"
        assert names(tmp_path / "root") == ["1.2.4.dcm", "1.2.5.dcm"]
        assert caplog.text.count("it is made again") == 1

    def test_a_folder_that_was_removed_and_does_not_say_so_at_once(self, tmp_path: Path) -> None:
        """Some file systems make files without a name in what was removed; that they get none is seen only then."""
        spare = OpenFolder(str(tmp_path))

        class Late(Disk):
            def create_unnamed(self, folder: OpenFolder, mode: int) -> int:
                return super().create_unnamed(spare if self.is_gone(folder) else folder, mode)

        folder = Folder(tmp_path / "root", disk=Late())
        if not folder._held[0].takes_unnamed:
            pytest.skip("this file system has no files without a name")
        (tmp_path / "root").rmdir()
        with pytest.raises(StorageError, match="cannot keep"):
            store(folder, "1.2.4")
        assert store(folder, "1.2.5").path == tmp_path / "root" / "1.2.5.dcm"

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux has overlays, and says what was removed")
    def test_a_folder_that_was_removed_from_an_overlay(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A container's file system goes on to count a link to it; one that was moved is still there."""
        stay, go = (tmp_path / name for name in ("stay", "go (deleted)"))
        folders = []
        for path in (stay, go):
            path.mkdir()
            folders.append(OpenFolder(str(path)))
        stay.rename(tmp_path / "moved (deleted)")
        for gone in (False, True):
            with monkeypatch.context() as overlay:
                overlay.setattr(os, "fstat", lambda _: SimpleNamespace(st_nlink=1))
                found = [DISK.is_gone(folder) for folder in folders]
            assert found == [False, gone]
            if not gone:
                go.rmdir()

    def test_a_folder_that_cannot_be_made_again(self, tmp_path: Path) -> None:
        """A file is in its place: an error, until that is gone."""
        folder = Folder(tmp_path / "root")
        (tmp_path / "root").rmdir()
        (tmp_path / "root").touch()
        with pytest.raises(StorageError, match="cannot create"):
            store(folder, "1.2.3")
        (tmp_path / "root").unlink()
        assert store(folder, "1.2.3").path == tmp_path / "root" / "1.2.3.dcm"

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


@pytest.mark.parametrize(
    ("number", "kept"), [(errno.EOPNOTSUPP, True), (errno.EISDIR, True), (errno.ENOSPC, False), (errno.EIO, False)]
)
def test_where_files_turn_out_to_need_a_name_they_get_one(
    tmp_path: Path, number: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file system may be mounted below; what is wrong with this one is told."""
    folder = Folder(tmp_path)
    folder._held[0].takes_unnamed = True
    asked: list[int] = []

    def refuse(*_: object) -> int:
        asked.append(number)
        raise OSError(number, "no")

    monkeypatch.setattr(platform, "create_unnamed", refuse)
    if kept:
        for uid in ("1.2.3", "1.2.4"):
            store(folder, uid)
        assert len(asked) == 1
    else:
        with pytest.raises(StorageError, match="cannot create"):
            store(folder, "1.2.3")
    assert names(tmp_path) == (["1.2.3.dcm", "1.2.4.dcm"] if kept else [])


class TestLeftovers:
    def test_go_at_the_start(self, tmp_path: Path) -> None:
        """Temporary files older than the start are removed; anything else stays."""
        old(tmp_path / ".1.2.3.dcm.0123456789abcdef-0.part")
        old(tmp_path / "1.2.3.dcm")
        old(tmp_path / "mine.part")
        old(tmp_path / ".mine.part")
        (tmp_path / ".link.1-0.part").symlink_to("1.2.3.dcm")
        (tmp_path / ".folder.1-0.part").mkdir()
        young = tmp_path / ".young.1-0.part"
        young.touch()
        os.utime(young, (2**33, 2**33))
        Folder(tmp_path)
        assert names(tmp_path) == [
            ".folder.1-0.part",
            ".link.1-0.part",
            ".mine.part",
            ".young.1-0.part",
            "1.2.3.dcm",
            "mine.part",
        ]

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

    def test_go_in_the_folders_below_too(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Wherever they are, but for where links lead; no further than so many folders."""
        below, beside = tmp_path / "root" / "a" / "b", tmp_path / "beside"
        below.mkdir(parents=True)
        beside.mkdir()
        for place in (below, below.parent, beside):
            old(place / ".1.2.3.dcm.0123456789abcdef-0.part")
            old(place / "1.2.3.dcm")
        (below / "link").symlink_to(beside)
        folder = Folder(tmp_path / "root")
        leftovers.remove_leftovers_below(DISK, folder._held[0], most=1)
        assert (names(below.parent), len(parts(below))) == (["1.2.3.dcm", "b"], 1)
        assert "in 1 folders below" in caplog.text
        with no_descriptor_left():
            folder.remove_leftovers_below()
        assert names(below) == ["1.2.3.dcm", "link"]
        assert len(parts(beside)) == 1

    def test_torture_below(self, tmp_path: Path) -> None:
        """With any call failing nothing is raised, and no instance goes."""
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "1.2.3.dcm").touch()
        disk = FaultyDisk()
        leftovers.remove_leftovers_below(disk, OpenFolder(str(tmp_path)))
        for fail_at in range(len(disk.calls)):
            for fault in FAULTS:
                old(tmp_path / "a" / ".b.0-1.part")
                with no_descriptor_left():
                    leftovers.remove_leftovers_below(FaultyDisk(fail_at, fault), OpenFolder(str(tmp_path)))
                assert "1.2.3.dcm" in names(tmp_path / "a")
        leftovers.remove_leftovers_below(DISK, OpenFolder(str(tmp_path)))
        assert names(tmp_path / "a") == ["1.2.3.dcm"]

    def test_that_cannot_be_removed_are_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The folder works all the same."""
        old(tmp_path / ".a.0-1.part")
        folder = Folder(tmp_path, disk=FaultyDisk(0, "EACCES", only="lock"))
        assert "cannot remove .a.0-1.part" in caplog.text
        store(folder, "1.2.3")

    def test_torture(self, tmp_path: Path) -> None:
        """With any call of the start failing: a folder that works, or an error."""
        old(tmp_path / ".a.0-1.part")
        disk = FaultyDisk()
        Folder(tmp_path, disk=disk)
        for fail_at in range(len(disk.calls)):
            for fault in FAULTS:
                old(tmp_path / ".a.0-1.part")
                with no_descriptor_left(), suppress(StorageError):
                    Folder(tmp_path, disk=FaultyDisk(fail_at, fault))
                store(Folder(tmp_path, disk=Disk()), "1.2.3")
                assert parts(tmp_path) == []


def as_found(name: str) -> str:
    """The name as the least exact file system knows it."""
    return unicodedata.normalize("NFC", name).casefold()


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


def test_a_forked_process_has_a_descriptor_of_its_own(tmp_path: Path) -> None:
    """The kernel tells each of a sync that fails once: one that is shared would tell one process of many."""
    told: list[int] = []

    class Told(Disk):
        def fsync_folder(self, folder: OpenFolder) -> None:
            assert folder.descriptor is not None
            fcntl.fcntl(folder.descriptor, fcntl.F_SETFL, fcntl.fcntl(folder.descriptor, fcntl.F_GETFL) | os.O_NOATIME)
            told.append(folder.descriptor)
            super().fsync_folder(folder)

    folder = Folder(tmp_path / "in", disk=Told())
    (tmp_path / "in").rename(tmp_path / "moved")
    pid = os.fork()
    if pid == 0:
        try:
            told.clear()
            os._exit(0 if store(folder, "1.2.3").length == len(DATA) and len(told) == 1 else 1)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    assert names(tmp_path / "moved") == ["1.2.3.dcm"]
    descriptor = folder._held[0].descriptor
    assert descriptor is not None
    assert not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NOATIME


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
