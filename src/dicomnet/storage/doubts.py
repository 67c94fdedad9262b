"""Files whose bytes or names may not be on the disk, although they can be read.

After a failed ``fsync`` the kernel may drop the pages and say nothing at the
next one: what is compared is the cache, and a second sync that succeeds proves
nothing. Such a file never counts as a data set that is kept already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from dicomnet.storage.disk import Disk, FileState
from dicomnet.storage.platform import OpenFolder


class Doubts:
    """What this process knows of files that could not be synced; used by all threads.

    One store may recognise as its duplicate what another one has just named
    and is still syncing: then the other one must not remove it any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doubtful: set[FileState] = set()
        self._unsettled: dict[FileState, bool] = {}
        """Files whose names are not synced yet, and whether somebody else relies on them."""
        self._failures: dict[str, int] = {}

    def unsettled(self, file: FileState) -> None:
        """The file is about to get its name, whose sync is still to come; `settled` or `failed` follows."""
        with self._lock:
            self._unsettled[file] = False
            self._doubtful.discard(file)  # a file that had the same number before

    def rely(self, file: FileState) -> bool:
        """Whether a file that is there may count as kept; if so it stays."""
        with self._lock:
            if file in self._doubtful:
                return False
            if file in self._unsettled:
                self._unsettled[file] = True
            return True

    def settled(self, file: FileState) -> None:
        """The name is on the disk, or will never be given."""
        with self._lock:
            self._unsettled.pop(file, None)

    def failed(self, file: FileState, remove: Callable[[], bool] | None = None) -> None:
        """A sync failed. What we named ourselves is removed, unless somebody relies on it; what stays is in doubt."""
        with self._lock:
            relied_on = self._unsettled.pop(file, False)
            self._doubtful.add(file)
        # Without the lock: a disk that fails may take its time, and all others ask here.
        if remove is not None and not relied_on and remove():
            with self._lock:
                self._doubtful.discard(file)

    def failures(self, folder: str) -> int:
        """How often a sync of the folder of this path has failed.

        What it would have written may be lost to everybody who had named a
        file by then, also to those whose own sync of the folder succeeds.
        """
        return self._failures.get(folder, 0)

    def sync(self, disk: Disk, folder: OpenFolder) -> None:
        """Syncs a folder; if it fails that is known at once, before anybody else can think that it has not."""
        try:
            disk.fsync_folder(folder)
        except BaseException:
            with self._lock:
                self._failures[folder.path] = self._failures.get(folder.path, 0) + 1
            raise


DOUBTS = Doubts()
"""Of the process: whichever sink meets the file again must know."""
