"""Where received data sets go: from what an application says to the sink that takes them there."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from dicomnet.errors import StorageError
from dicomnet.storage.folder import Folder, file_name
from dicomnet.storage.sinks import FileSink, Incoming, MemorySink, Sink, SpoolSink


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


def sink_for(destination: Any, incoming: Incoming, temp_dir: str | None) -> Sink:
    """The sink for one data set. Raises TypeError for what is no destination."""
    if destination is SPOOL:
        return SpoolSink(temp_dir)
    if destination is MEMORY:
        return MemorySink()
    if isinstance(destination, Folder):
        return destination.sink_for(incoming)
    if isinstance(destination, Sink):
        return destination
    if isinstance(destination, str | os.PathLike):
        return FileSink(partial(_path_in, Path(destination)))
    raise TypeError(f"a destination is a path, MEMORY, SPOOL, a Folder or a Sink, not {destination!r}")


class Refusal(Sink):
    """Where data go for which no destination could be found."""

    blocking = False

    def __init__(self, error: Exception) -> None:
        self._error = error

    def open(self, incoming: Incoming) -> None:  # noqa: ARG002
        raise StorageError(f"no destination: {self._error}", status=0x0110) from self._error


def _path_in(path: Path, incoming: Incoming) -> Path:
    """The file itself, or the one of the instance in a folder."""
    return path / file_name(incoming.sop_instance_uid or "") if path.is_dir() else path
