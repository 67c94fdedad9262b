"""Each case runs against both shells, and the asyncio one on both loops; nothing may be left of it."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

import dicomnet
from aio.conftest import LOOPS, descriptors, warm_up
from both_shells.archive import CT, EXPLICIT_LE, Archive
from both_shells.faces import SHELLS, Shell, shell_named
from dicomnet import TlsConfig
from dicomnet.aio.crew import Crew
from dicomnet.cli._certificate import self_signed


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, nothing_left: None) -> Iterator[Shell]:
    """One of the shells."""
    made = shell_named(request.param)
    yield made
    made.close()


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that ends with more open files than it began with, or with a temporary one.

    Handlers on our side leave their threads soon, or every test would wait for them.
    """
    monkeypatch.setattr("dicomnet.aio.crew._default", Crew(idle=0.05))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for new_loop in LOOPS.values():
        warm_up(new_loop)
    gc.collect()
    before = descriptors()
    yield
    gc.collect()
    assert descriptors() == before
    assert list(temporary.rglob("*")) == []


@pytest.fixture
def network(nothing_left: None) -> Iterator[None]:
    """DicomNet objects can be used in the test."""
    with dicomnet.runtime():
        yield


@pytest.fixture
def make_archive(network: None) -> Iterator[Callable[..., Archive]]:
    """Makes acceptors, which must still serve when the test is over."""
    made: list[Archive] = []

    def make(**settings: Any) -> Archive:
        made.append(Archive(**settings))
        return made[-1]

    yield make
    for archive in made:
        archive.close()


@pytest.fixture
def archive(make_archive: Callable[..., Archive], shell: Shell) -> Iterator[Archive]:
    """An acceptor that must still serve when the test is over."""
    made = make_archive()
    yield made
    made.refused.clear()
    made.reactions.clear()
    made.syntax = made.most_lines = None
    with shell.associate(made.address) as association:
        assert association.echo() == 0


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsConfig:
    """Settings that serve both sides: a certificate that is its own authority."""
    certificate, key = self_signed(tmp_path_factory.mktemp("certificate"))
    return TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)


def instance(number: int, *, size: int = 0, syntax: str = EXPLICIT_LE, sop_class: str = CT, **elements: Any) -> Dataset:
    """An instance with some pixels, as a file would have it."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class, f"1.2.3.{number}"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.PatientID = "1.2.9", "1.2.9.1", "47"
    made.PatientName, made.Rows = "Doe^Jane", 1
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    if size:
        made.BitsAllocated = 16
        made.add_new(0x7FE00010, "OW", bytes(size))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, made.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    made.file_meta = meta
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of so many files."""

    def make(count: int, **options: Any) -> Path:
        made = tmp_path / "study"
        made.mkdir(exist_ok=True)
        for number in range(1, count + 1):
            one = instance(number, **options)
            one.save_as(made / f"{number:03}.dcm", enforce_file_format=True)
        return made

    return make
