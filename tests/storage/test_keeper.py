"""What gives each of many instances its sink."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomnet.errors import StorageError
from dicomnet.storage.destination import MEMORY, SPOOL, keeper
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.sinks import Incoming, NullSink
from dicomnet.types import UID

INCOMING = Incoming(UID("1.2.3"), UID("1.2.3.4"), UID("1.2.840.10008.1.2.1"), "A", "B", "C-STORE-RQ")


@pytest.mark.parametrize(
    ("destination", "kind"),
    [(None, MemorySink), (MEMORY, MemorySink), (SPOOL, SpoolSink), (lambda _: MEMORY, MemorySink)],
)
def test_a_place_without_a_path(destination: Any, kind: type) -> None:
    """Memory, a spool, or what a function says for each."""
    assert type(keeper(destination)(INCOMING)) is kind


def test_a_folder_is_made_at_once(tmp_path: Path) -> None:
    """A path is a folder, however it is written."""
    for number, path in enumerate([tmp_path / "new", str(tmp_path / "newer")]):
        assert isinstance(keeper(path)(INCOMING), FileSink)
        assert len(list(tmp_path.iterdir())) == number + 1


def test_each_instance_has_a_sink_of_its_own(tmp_path: Path) -> None:
    """Two data sets never share one."""
    keep = keeper(Folder(tmp_path))
    assert keep(INCOMING) is not keep(INCOMING)


def test_a_function_may_return_a_path_or_a_sink(tmp_path: Path) -> None:
    """A path for one instance is the file it becomes."""
    sink = NullSink()
    assert keeper(lambda _: sink)(INCOMING) is sink
    assert isinstance(keeper(lambda incoming: tmp_path / str(incoming.sop_instance_uid))(INCOMING), FileSink)


def test_what_is_no_destination_is_refused_at_once(tmp_path: Path) -> None:
    """Before anything is asked of the peer."""
    with pytest.raises(TypeError, match="a destination is"):
        keeper(42)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        keeper(tmp_path / "file")
