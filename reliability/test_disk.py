"""The disk in memory: that it keeps what a real one promises, and nothing else."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from dicomnet.storage.disk import Disk
from dicomnet.storage.platform import OpenFolder
from reliability.disk import SimDisk
from reliability.seam import CALLS, Call, unhindered

OLD, NEW = b"old", b"all that is new"
NAME = "kept"
Protocol = Callable[[SimDisk, OpenFolder], None]


def test_no_call_reaches_the_machine() -> None:
    """Every call of the seam is its own, those too that the seam gets later."""
    assert [name for name in sorted(CALLS) if name not in vars(SimDisk)] == []


def test_both_disks_say_the_same(tmp_path: Path) -> None:
    """A walk through the calls, on the real one and on this one, with their errors."""
    made = SimDisk()
    assert _walk(made, made.root) == _walk(Disk(), str(tmp_path))
    assert made.descriptors == 0


def write(disk: Disk, folder: OpenFolder, name: str, *, sync: bool = False) -> None:
    """All that is new, into a file of this name."""
    descriptor = disk.create(folder, name)
    disk.writev(descriptor, [NEW])
    if sync:
        disk.fsync(descriptor)
    disk.close(descriptor)


def naive(disk: SimDisk, folder: OpenFolder) -> None:
    """Under the final name at once."""
    write(disk, folder, NAME)


def sync_only(disk: SimDisk, folder: OpenFolder) -> None:
    """Under the final name, with a sync of the file."""
    write(disk, folder, NAME, sync=True)


def rename_only(disk: SimDisk, folder: OpenFolder) -> None:
    """Renamed when whole, without any sync."""
    write(disk, folder, ".part")
    disk.replace(folder, ".part", NAME)


def rename_synced(disk: SimDisk, folder: OpenFolder) -> None:
    """Synced, then renamed; but the folder is not synced."""
    write(disk, folder, ".part", sync=True)
    disk.replace(folder, ".part", NAME)


def everything(disk: SimDisk, folder: OpenFolder) -> None:
    """Synced, renamed, the folder synced."""
    rename_synced(disk, folder)
    disk.fsync_folder(folder)


def folder_first(disk: SimDisk, folder: OpenFolder) -> None:
    """Renamed and the folder synced, but never the file."""
    rename_only(disk, folder)
    disk.fsync_folder(folder)


@pytest.mark.parametrize(
    ("protocol", "loses", "tears"),
    [
        (naive, True, True),
        (sync_only, True, True),
        (rename_only, True, True),
        (rename_synced, True, False),
        (folder_first, True, True),
        (everything, False, False),
    ],
)
def test_a_step_left_out_shows(protocol: Protocol, *, loses: bool, tears: bool) -> None:
    """What each of the known protocols loses after it has said that all is well, and whether half a file is seen."""
    torn: list[bytes] = []

    def look(call: Call) -> object:
        result = unhindered(call)
        torn.extend(data for image in disk.images(Random(1)) if (data := image.files().get(NAME, NEW)) != NEW)
        return result

    disk = SimDisk(hook=look)
    protocol(disk, disk.open_folder(disk.root))
    ends = [image.files() for image in disk.images(Random(1))]
    assert any(files.get(NAME) != NEW for files in ends) == loses
    assert (torn != []) == tears


def test_each_change_of_a_name_survives_for_itself() -> None:
    """All subsets of three, and of a rename both names too."""
    disk = SimDisk()
    folder = disk.open_folder(disk.root)
    for name in "ab":
        write(disk, folder, name, sync=True)
    disk.fsync_folder(folder)
    disk.unlink(folder, "a")
    disk.replace(folder, "b", "c")
    seen = {"".join(sorted(image.files())) for image in disk.images(Random(1))}
    assert seen == {"ab", "b", "ac", "c", "abc", "bc"}


def test_unsynced_bytes_are_there_or_not_or_half_or_zeros() -> None:
    """Behind those that were synced, which stay."""
    disk = SimDisk()
    folder = disk.open_folder(disk.root)
    descriptor = disk.create(folder, NAME)
    disk.writev(descriptor, [OLD])
    disk.fsync(descriptor)
    disk.fsync_folder(folder)
    disk.writev(descriptor, [NEW])
    seen = {image.files()[NAME] for image in disk.images(Random(1))}
    assert seen == {OLD, OLD + NEW[: len(NEW) // 2], OLD + bytes(len(NEW)), OLD + NEW}


def test_after_a_sync_that_failed_the_next_one_says_nothing() -> None:
    """Neither of bytes nor of names; a name that is given later and synced is there."""
    disk = SimDisk()
    folder = disk.open_folder(disk.root)
    descriptor = disk.create(folder, NAME)
    disk.writev(descriptor, [NEW])
    _fail_once(disk)
    with pytest.raises(OSError, match="Input/output"):
        disk.fsync(descriptor)
    disk.fsync(descriptor)
    _fail_once(disk)
    with pytest.raises(OSError, match="Input/output"):
        disk.fsync_folder(folder)
    disk.fsync_folder(folder)
    seen = [image.files() for image in disk.images(Random(1))]
    assert {} in seen
    assert {NAME: b""} in seen
    disk.unlink(folder, NAME)
    write(disk, folder, NAME, sync=True)
    disk.fsync_folder(folder)
    assert [image.files() for image in disk.images(Random(1))] == [{NAME: NEW}]


def test_a_process_that_dies_takes_locks_and_files_without_a_name() -> None:
    """And nothing else."""
    disk = SimDisk()
    folder = disk.open_folder(disk.root)
    write(disk, folder, NAME)
    assert disk.lock(disk.open_again(folder, NAME)) is True
    disk.writev(disk.create_unnamed(folder, 0o600), [NEW])
    assert disk.lock(disk.open_again(folder, NAME)) is False
    after = disk.killed()
    assert after.files() == {NAME: NEW}
    assert after.lock(after.open_again(after.open_folder(after.root), NAME)) is True
    assert {image.files().get(NAME) for image in after.images(Random(1))} >= {None, b"", NEW}  # still not synced


def test_a_disk_that_is_full_takes_what_fits() -> None:
    """And then says so, until somebody makes room."""
    disk = SimDisk(capacity=20)
    folder = disk.open_folder(disk.root)
    descriptor = disk.create_unnamed(folder, 0o600)
    assert disk.writev(descriptor, [NEW]) == 15
    assert disk.writev(descriptor, [NEW]) == 5
    with pytest.raises(OSError, match="No space"):
        disk.writev(descriptor, [NEW])
    disk.close(descriptor)
    write(disk, folder, NAME)


def _fail_once(disk: SimDisk) -> None:
    before = disk.hook

    def fail(call: Call) -> object:
        disk.hook = before
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk.hook = fail


def _walk(disk: Disk, root: str) -> list[object]:
    said: list[object] = []

    def say(call: Callable[[], object]) -> None:
        try:
            said.append(call())
        except OSError as error:
            said.append(error.errno)

    said.append([Path(made).name for made in disk.make_folder(f"{root}/a/b")][:-1])
    said.append(disk.make_folder(f"{root}/a/b"))
    folder = disk.open_folder(f"{root}/a")
    say(lambda: disk.open_folder(f"{root}/none"))
    say(lambda: disk.make_folder_in(folder, "b"))
    disk.make_folder_in(folder, "c")
    inner = disk.open_folder_in(folder, "c")
    disk.make_folder_in(inner, "d")
    say(lambda: disk.remove_folder_in(folder, "c"))
    disk.remove_folder_in(inner, "d")
    say(lambda: disk.remove_folder_in(inner, "d"))
    said.append((disk.is_still_there(inner), Path(inner.path).name))
    descriptor = disk.create(inner, "one")
    say(lambda: disk.create(inner, "one"))
    say(lambda: disk.open_folder_in(inner, "one"))
    say(lambda: disk.open_read(inner, "none"))
    said.append(disk.writev(descriptor, [memoryview(b"12"), b"3"]))
    said.append(disk.lock(descriptor))
    copy = disk.duplicate(descriptor)
    disk.close(descriptor)
    other = disk.open_again(inner, "one")
    said.append(disk.lock(other))
    disk.close(copy)
    said.append(disk.lock(other))
    said.append(disk.state(other) == disk.state_in(inner, "one"))
    said.append(disk.state_in(folder, "c"))
    disk.seek(other, 1)
    buffer = bytearray(8)
    said.append((disk.readv(other, [memoryview(buffer)[:1], memoryview(buffer)[1:]]), bytes(buffer)))
    disk.close(other)
    disk.link(inner, "one", "two")
    say(lambda: disk.link(inner, "one", "two"))
    say(lambda: disk.link(inner, "none", "three"))
    disk.replace(inner, "two", "three")
    disk.unlink(inner, "one")
    say(lambda: disk.unlink(inner, "one"))
    descriptor = disk.create_unnamed(inner, 0o600)
    disk.set_mode(descriptor, 0o640)
    disk.fsync(descriptor)
    say(lambda: disk.link_unnamed(inner, descriptor, "two"))
    disk.link_unnamed(inner, descriptor, "four")
    disk.close(descriptor)
    disk.fsync_folder(inner)
    disk.try_unnamed(inner, ".try")
    said.append(inner.takes_unnamed)
    disk.link(inner, "three", ".five")
    own = disk.open_folder_again(inner)
    said.append((own.path == inner.path, own.takes_unnamed, disk.hidden_names(own)))
    descriptor = disk.open_path(f"{inner.path}/four")
    disk.close(descriptor)
    return said
