"""Where received data sets go: from what an application says to the sink that takes them there."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomnet.errors import StorageError
from dicomnet.storage.disk import is_folder
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder, file_name
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.sinks import Incoming, NullSink, Sink
from dicomnet.storage.walk import Check

if TYPE_CHECKING:
    from dicomnet.exchanges.session import Session


class Place:
    """Where a data set goes without having a path."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


MEMORY = Place("MEMORY")
"""Keep the data set in memory, whatever its size."""

SPOOL = Place("SPOOL")
"""Keep the data set in memory up to 1 MiB, else in a temporary file that dies with its message."""


def sink_for(
    destination: Any, incoming: Incoming, temp_dir: str | None, *, for_this: bool, check: Check = "off"
) -> Sink:
    """The sink for one data set.

    Args:
        for_this: the destination was decided for this data set alone, so a path may be the file it becomes. One for
            all must be a folder: it could be a folder that is not mounted, and its name become that of every file.
        check: what becomes of a data set that is not the instance of its command, or not whole, see `FileSink`.

    Raises:
        TypeError: this is no destination.
    """
    if destination is SPOOL:
        return SpoolSink(temp_dir)
    if destination is MEMORY:
        return MemorySink()
    if isinstance(destination, Folder):
        return destination.sink_for(incoming, check=check)
    if isinstance(destination, Sink):
        return destination
    if isinstance(destination, str | os.PathLike):
        return FileSink(partial(_path_in, Path(destination), for_this), check=check)
    raise TypeError(f"a destination is a path, MEMORY, SPOOL, a Folder or a Sink, not {destination!r}")


def keeper(destination: Any) -> Callable[[Incoming], Sink]:
    """What gives each of many instances its sink; may wait for a disk, and the function it returns may not.

    Like a server, it refuses to make files of what is not the instance of its
    command, or not whole; a sink that a function returns does what it was told.

    Args:
        destination: a folder, which is made if it is not there; None or MEMORY; SPOOL; or a function that is given the
            `Incoming` and returns a path, MEMORY, SPOOL, or a sink.

    Raises:
        StorageError: the folder cannot be made or opened.
        TypeError: this is no destination.
    """
    if destination is None or destination is MEMORY:
        return lambda _: MemorySink()
    if isinstance(destination, str | os.PathLike):
        destination = Folder(destination)
    if isinstance(destination, Folder):
        return partial(destination.sink_for, check="refuse")
    if destination is SPOOL:
        return lambda _: SpoolSink()
    if callable(destination):
        return lambda incoming: sink_for(destination(incoming), incoming, None, for_this=True, check="refuse")
    raise TypeError(f"a destination is a folder, MEMORY, SPOOL or a function, not {destination!r}")


class Places:
    """The sinks that a session asks its shell for, the same on an event loop and without one."""

    session: Session

    def memory(self) -> Sink:
        """For the data set of a response, which nobody has asked to be larger than the limit."""
        return MemorySink(limit=self.session.core.connection.limits.response_data)

    def spool(self, limit: int | None = None) -> Sink:
        """For one that may be too large for memory."""
        return SpoolSink(limit=limit)

    def nowhere(self) -> Sink:
        """For one that nobody wants."""
        return NullSink()

    def keeper(self, destination: Any) -> Callable[[Incoming], Sink]:
        """See the function `keeper`."""
        return keeper(destination)


class Refusal(Sink):
    """Where data go for which no destination could be found."""

    blocking = False

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def open(self, incoming: Incoming) -> None:  # noqa: ARG002
        comment = "there is no place for the data set"
        raise StorageError(f"no destination: {self._error}", status=0x0110, comment=comment) from self._error


def _path_in(path: Path, for_this: bool, incoming: Incoming) -> Path:
    if is_folder(path):
        return path / file_name(incoming.sop_instance_uid or "")
    if not for_this:
        raise StorageError(f"{path} is not a folder", comment="the place for received data sets is missing")
    return path
