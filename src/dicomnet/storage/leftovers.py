"""Temporary files that a crash has left: none of them was acknowledged, so all of them go.

There is nothing else to recover. What has the name of an instance was whole
before it got it, acknowledged or not; what was acknowledged has its name.
"""

from __future__ import annotations

import logging
import time

from dicomnet.storage.disk import Disk
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.temporary import is_fresh_name

logger = logging.getLogger(__name__)


def remove_leftovers(disk: Disk, folder: OpenFolder, *, before: float) -> None:
    """Removes those of processes that are no more; those in use by another one are locked.

    Where nothing can be locked, a file that was written to within a day may be in use.

    Args:
        before: seconds since 1970; what was written to later stays.

    Raises:
        OSError: nobody can say what is in the folder. What cannot be removed is logged.
    """
    for name in disk.hidden_names(folder):
        if is_fresh_name(name):
            try:
                _remove(disk, folder, name, before)
            except FileNotFoundError:  # it was in use, and is not any more
                continue
            except OSError as error:
                logger.warning("cannot remove %s in %s: %s", name, folder.path, error.strerror)


def remove_leftovers_below(disk: Disk, folder: OpenFolder, *, most: int = 100_000) -> None:
    """The same in all folders below one, no link followed; takes its time, and goes no further than so many folders."""
    before = time.time()
    waiting = _folders(disk, folder)
    for _ in range(most):
        if not waiting:
            return
        above, name = waiting.pop()
        try:
            inner = disk.open_folder_in(above, name)
            remove_leftovers(disk, inner, before=before)
        except OSError as error:  # gone by now, or not for us to look into
            logger.debug("cannot look for what a crash has left in %s of %s: %s", name, above.path, error.strerror)
        else:
            waiting += _folders(disk, inner)
    if waiting:
        logger.warning("looked for what a crash has left in %d folders below %s only", most, folder.path)


def _folders(disk: Disk, folder: OpenFolder) -> list[tuple[OpenFolder, str]]:
    try:
        return [(folder, name) for name in disk.folders_in(folder)]
    except OSError as error:
        logger.debug("cannot look for what a crash has left below %s: %s", folder.path, error.strerror)
        return []


def _remove(disk: Disk, folder: OpenFolder, name: str, before: float) -> None:
    state = disk.state_in(folder, name)
    if state is None or state.modified >= before * 1e9:
        return
    descriptor = disk.open_again(folder, name)
    try:
        unused = disk.lock(descriptor)
        if unused is None:
            unused = state.modified < (before - _DAY) * 1e9
        if unused:  # and under the lock, or somebody could begin to use it now
            disk.unlink(folder, name)
            logger.info("removed %s in %s, left by a crash", name, folder.path)
    finally:
        disk.close(descriptor)


_DAY = 24 * 60 * 60
