"""What a sync that failed has perhaps lost, also to those who did not ask for it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dicomnet.errors import StorageError
from dicomnet.storage.disk import Disk, FileState
from dicomnet.storage.doubts import DOUBTS, Doubts
from dicomnet.storage.files import FileSink, finish_files
from dicomnet.storage.folder import Folder
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData
from faulty import FaultyDisk, names
from storage.test_folder import incoming, store


class Between(Disk):
    """Does something before it syncs a folder for the first time that it is asked to."""

    def __init__(self) -> None:
        self.first: Callable[[], None] | None = None

    def fsync_folder(self, folder: OpenFolder) -> None:
        first, self.first = self.first, None
        if first is not None:
            first()
        super().fsync_folder(folder)


def state(path: Path) -> FileState:
    found = Disk().state_in(OpenFolder(str(path.parent)), path.name)
    assert found is not None
    return found


def store_below(folder: Folder, uid: str) -> ReceivedData:
    sink = folder.sink_below(["a", "b", f"{uid}.dcm"])
    sink.open(incoming(uid))
    return sink.finish()


def fail(folder: Folder) -> Callable[[], None]:
    """Somebody else stores in the folder, and the sync of it fails."""

    def work() -> None:
        folder._disk = FaultyDisk(0, "EIO", only="fsync_folder")
        with pytest.raises(StorageError, match="cannot keep"):
            store(folder, "1.2.9")

    return work


def test_a_failed_sync_of_a_folder_is_one_for_all_who_had_named_a_file(tmp_path: Path) -> None:
    """Their own, which comes later and succeeds, says nothing of what was lost by then; the next store is a success."""
    disk = Between()
    folder = Folder(tmp_path, disk=disk)
    disk.first = fail(Folder(tmp_path))
    with pytest.raises(StorageError, match="meanwhile"):
        store(folder, "1.2.3")
    assert names(tmp_path) == []
    assert not store(folder, "1.2.3").duplicate


def test_nothing_is_remembered_of_what_is_kept_or_refused(tmp_path: Path) -> None:
    """An archive keeps millions, and what was removed is no more."""
    before = set(DOUBTS._unsettled)
    folder = Folder(tmp_path)
    store(folder, "1.2.3")
    store(folder, "1.2.3")
    fail(Folder(tmp_path))()
    assert set(DOUBTS._unsettled) <= before


def test_a_failed_sync_counts_before_those_of_other_folders_are_over(tmp_path: Path) -> None:
    """What is kept at the same time may go to another disk, which takes its time."""
    failing, slow, disk = Folder(tmp_path / "a"), Folder(tmp_path / "b"), Between()
    reached, go = threading.Event(), threading.Event()

    class Apart(Disk):
        def fsync_folder(self, folder: OpenFolder) -> None:
            if folder.path == str(failing.root):
                raise OSError(errno.EIO, "no")
            reached.set()
            go.wait(60)

    def keep_both() -> None:
        sinks = [FileSink(folder.root / "9.dcm", disk=Apart()) for folder in (failing, slow)]
        for sink in sinks:
            sink.open(incoming("9"))
        outcomes.extend(finish_files(sinks))

    outcomes: list[object] = []
    other = threading.Thread(target=keep_both)
    folder = Folder(tmp_path / "a", disk=disk)
    disk.first = lambda: (other.start(), reached.wait(10))
    try:
        with pytest.raises(StorageError, match="meanwhile"):
            store(folder, "1.2.3")
    finally:
        go.set()
        other.join(10)
    assert [type(outcome) for outcome in outcomes] == [StorageError, ReceivedData]


def test_a_name_that_goes_slowly_holds_up_nobody(tmp_path: Path) -> None:
    """A disk that fails may take its time for that, too; others ask of their own files meanwhile."""
    path = tmp_path / "file"
    path.touch()
    doubts, file = Doubts(), state(path)
    asked, moves = threading.Event(), threading.Event()
    failing = threading.Thread(target=doubts.failed, args=(file, lambda: asked.set() or moves.wait(60)))
    doubts.unsettled(file)
    failing.start()
    assert asked.wait(10)
    answers: list[bool] = []
    other = threading.Thread(
        target=lambda: answers.extend(map(doubts.rely, (file, file._replace(inode=1)))), daemon=True
    )
    other.start()
    other.join(10)
    moves.set()
    failing.join(10)
    assert answers == [False, True]
    assert doubts.rely(file)


def test_a_new_folder_whose_name_may_be_lost_is_made_anew(tmp_path: Path) -> None:
    """For another sync of the folder above would say nothing of it either."""
    folder = Folder(tmp_path, disk=FaultyDisk(2, "EIO", only="fsync_folder"))
    with pytest.raises(StorageError, match="cannot keep"):
        store_below(folder, "1.2.3")
    first = OpenFolder(str(tmp_path / "a" / "b"))
    assert not store_below(folder, "1.2.3").duplicate
    assert not Disk().is_still_there(first)


def test_a_new_folder_whose_name_may_be_lost_and_that_is_in_use_takes_nothing(tmp_path: Path) -> None:
    """Until it is empty: what is in it was not acknowledged."""
    folder = Folder(tmp_path, disk=FaultyDisk(1, "EIO", only="fsync_folder"))
    with pytest.raises(StorageError, match="cannot keep"):
        store_below(folder, "1.2.3")
    (tmp_path / "a" / "file").touch()
    with pytest.raises(StorageError, match="cannot keep") as caught:
        store_below(folder, "1.2.3")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EIO
    (tmp_path / "a" / "file").unlink()
    assert store_below(folder, "1.2.3").path == tmp_path / "a" / "b" / "1.2.3.dcm"


def test_a_new_folder_whose_name_is_on_the_disk_is_not_doubted_later(tmp_path: Path) -> None:
    """A sync that fails long afterwards says nothing of it."""
    store_below(Folder(tmp_path), "1.2.3")
    fail(Folder(tmp_path))()
    assert store_below(Folder(tmp_path), "1.2.4").path == tmp_path / "a" / "b" / "1.2.4.dcm"


def test_a_sync_that_fails_while_another_one_makes_a_folder(tmp_path: Path) -> None:
    """The name of the new folder is among what was lost."""
    disk = Between()
    folder = Folder(tmp_path, disk=disk)
    disk.first = fail(Folder(tmp_path))
    with pytest.raises(StorageError, match="meanwhile"):
        store_below(folder, "1.2.3")
    assert not store_below(folder, "1.2.3").duplicate


def test_a_folder_above_that_nobody_may_open_is_not_synced(tmp_path: Path) -> None:
    """Then it was somebody else who has made the folder; another error is one."""

    class Closed(Disk):
        def __init__(self, number: int) -> None:
            self.number = number

        def open_folder(self, path: str) -> OpenFolder:
            if path == str(tmp_path.parent):
                raise OSError(self.number, "not you")
            return super().open_folder(path)

    assert not store(Folder(tmp_path, disk=Closed(errno.EACCES)), "1.2.3").duplicate
    with pytest.raises(StorageError, match="not you"):
        Folder(tmp_path, disk=Closed(errno.EIO))
