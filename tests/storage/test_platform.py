"""What systems do differently, and that one can do without."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dicomnet.storage import platform
from dicomnet.storage.disk import Disk, storage_error
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.source import InstanceFile
from storage.test_folder import incoming
from storage.test_source import drain

DATA = b"\10\0\x60\0CS\2\0CT" * 20


@pytest.mark.parametrize("missing", ["HAS_READV", "HAS_WRITEV", "HAS_LINK", "HAS_FOLDER_DESCRIPTORS", "_fcntl"])
def test_everything_works_without(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storing, storing again, reading back and cleaning up, each with one thing less."""
    monkeypatch.setattr(platform, missing, None)
    (tmp_path / ".old.0-1.part").touch()
    os.utime(tmp_path / ".old.0-1.part", (0, 0))
    for duplicate in (False, True):
        sink = Folder(tmp_path).sink_for(incoming("1.2.3"))
        sink.open(incoming("1.2.3"))
        sink.write([memoryview(DATA)[:7], memoryview(b""), memoryview(DATA)[7:]])
        received = sink.finish()
        assert received.duplicate == duplicate
    assert os.listdir(tmp_path) == ["1.2.3.dcm"]  # noqa: PTH208
    body = InstanceFile.open(tmp_path / "1.2.3.dcm").body()
    assert drain(body, 50) == DATA
    body.close()


def test_without_folder_descriptors_paths_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is then its path, and is not synced."""
    monkeypatch.setattr(platform, "HAS_FOLDER_DESCRIPTORS", False)
    folder = OpenFolder(str(tmp_path))
    assert folder.descriptor is None
    assert folder.at("a") == str(tmp_path / "a")
    platform.fsync_folder(folder)


def test_a_folder_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no such thing it is left out; a real failure is one."""
    folder = OpenFolder(str(tmp_path))
    for number, fails in ((errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)):
        monkeypatch.setattr(os, "fsync", raiser(number))
        if fails:
            with pytest.raises(OSError, match="Input/output"):
                platform.fsync_folder(folder)
        else:
            platform.fsync_folder(folder)


def test_macos_has_a_fuller_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """There fsync alone leaves the bytes in the memory of the disk."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(
        platform, "_fcntl", SimpleNamespace(F_FULLFSYNC=51, fcntl=lambda fd, command: calls.append((fd, command)))
    )
    platform.fsync(7)
    assert calls == [(7, 51)]


def test_a_file_system_without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of others then."""
    for number, free in ((errno.EWOULDBLOCK, False), (errno.ENOLCK, None), (errno.EBADF, None)):
        monkeypatch.setattr(platform, "_fcntl", SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=raiser(number)))
        assert platform.lock(7) is free
    monkeypatch.setattr(platform, "_fcntl", None)
    assert platform.lock(7) is None


def test_a_leftover_where_nothing_can_be_locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another receiver may be writing it, unless nobody has for a day."""
    monkeypatch.setattr(platform, "_fcntl", SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=raiser(errno.ENOLCK)))
    for name, hours in ((".a.0-1.part", 23), (".b.0-1.part", 25)):
        (tmp_path / name).touch()
        written = time.time() - hours * 3600
        os.utime(tmp_path / name, (written, written))
    Folder(tmp_path)
    assert os.listdir(tmp_path) == [".a.0-1.part"]  # noqa: PTH208


def test_locks_that_need_a_file_open_for_writing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NFS makes a byte-range lock of it, which a descriptor for reading cannot have."""

    def flock(descriptor: int, operation: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "not for a descriptor for reading")
        fcntl.flock(descriptor, operation)

    monkeypatch.setattr(platform, "_fcntl", SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=flock))
    for name in (".held.0-1.part", ".left.0-1.part"):
        (tmp_path / name).touch()
        written = time.time() - 3600
        os.utime(tmp_path / name, (written, written))
    with (tmp_path / ".held.0-1.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        Folder(tmp_path)
        assert os.listdir(tmp_path) == [".held.0-1.part"]  # noqa: PTH208


def test_umask_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system where no file tells it, and left as it was."""
    platform.umask.cache_clear()
    told = platform.umask()
    platform.umask.cache_clear()
    monkeypatch.setattr(Path, "read_text", raiser(errno.ENOENT))
    assert platform.umask() == told
    platform.umask.cache_clear()
    assert platform.umask() == told


def test_mode_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without fchmod the mode stays as the file was created."""
    monkeypatch.delattr(os, "fchmod")
    sink = FileSink(tmp_path / "a")
    sink.open(incoming("1.2.3"))
    sink.finish()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_file_system_without_modes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """FAT refuses every change of a mode; a real failure is one."""
    for number in (errno.EPERM, errno.ENOTSUP):
        monkeypatch.setattr(os, "fchmod", raiser(number))
        sink = FileSink(tmp_path / str(number))
        sink.open(incoming("1.2.3"))
        assert sink.finish().path == tmp_path / str(number)
    monkeypatch.setattr(os, "fchmod", raiser(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        platform.set_mode(7, 0o640)


def test_a_link_in_the_place_of_a_temporary_file(tmp_path: Path) -> None:
    """Creating follows no link, not even one that leads nowhere."""
    (tmp_path / "a").symlink_to("b")
    disk = Disk()
    with pytest.raises(FileExistsError):
        disk.create(disk.open_folder(str(tmp_path)), "a")
    assert not (tmp_path / "b").exists()


def test_errors_without_a_number() -> None:
    """An error that is not from the system still has a text and a status."""
    error = storage_error(OSError("odd"), "cannot read a")
    assert (str(error), error.status) == ("cannot read a: odd", 0x0110)


def raiser(number: int):
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail
