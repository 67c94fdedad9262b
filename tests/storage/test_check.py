"""Files of data sets that are looked at as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.storage.files import FileSink
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian
from faulty import names, no_descriptor_left

INCOMING = Incoming(CTImageStorage, UID("1.2.3.4"), ExplicitVRLittleEndian, "MOD", "ARCH", "C-STORE-RQ")
DATA = b"\10\0\x18\0UI\x08\x001.2.3.4\0" + b"\x20\0\x10\0SH\x08\0STUDY 01"
OTHER = DATA.replace(b"1.2.3.4", b"1.2.3.5")


def store(path: Path, data: bytes, check: Any) -> ReceivedData:
    sink = FileSink(path, check=check)
    sink.open(INCOMING)
    sink.write([memoryview(data)[:21], memoryview(data)[21:]])
    return sink.finish()


@pytest.mark.parametrize(("data", "status"), [(OTHER, 0xA900), (DATA[:-1], 0xC000), (DATA[:20], 0xC000)])
def test_refused(tmp_path: Path, data: bytes, status: int) -> None:
    """Without a trace, and with a status that says why."""
    with no_descriptor_left():
        try:
            store(tmp_path / "a.dcm", data, "refuse")
        except StorageError as error:
            found = error.status
    assert found == status
    assert names(tmp_path) == []


@pytest.mark.parametrize(("data", "status"), [(OTHER, 0xA900), (DATA[:-1], 0xC000)])
def test_kept_all_the_same(tmp_path: Path, data: bytes, status: int) -> None:
    """As it came, with what is wrong with it; also where it is there already."""
    for duplicate in (False, True):
        received = store(tmp_path / "a.dcm", data, "warn")
        assert received.bytes() == data
        assert received.duplicate == duplicate
        assert received.problem is not None
        assert received.problem.status == status


@pytest.mark.parametrize("check", ["refuse", "warn", "off"])
def test_whole_ones(tmp_path: Path, check: Any) -> None:
    """There is nothing to say about them."""
    assert store(tmp_path / "a.dcm", DATA, check).problem is None


def test_nothing_is_looked_at_unless_asked_for(tmp_path: Path) -> None:
    """Whoever writes what is no data set may do so."""
    sink = FileSink(tmp_path / "a.dcm")
    sink.open(INCOMING)
    sink.write([memoryview(OTHER[:-1])])
    assert sink.finish().problem is None


def test_a_check_that_is_none(tmp_path: Path) -> None:
    """A mistake of who wrote it."""
    with pytest.raises(InvalidValue, match='check is "refuse", "warn" or "off", not'):
        FileSink(tmp_path / "a", check="on")  # type: ignore[arg-type]
