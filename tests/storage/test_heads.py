"""Instances that are chosen by their first elements."""

from __future__ import annotations

import logging
import os
import shutil
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.storage.heads import choose, read_elements
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.source import InstanceFile
from dicomnet.types import UID
from faulty import no_descriptor_left

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CT = FILES / "CT_small.dcm"
MR = FILES / "MR_small.dcm"
TAGS = (0x0008_0060, 0x0020_000D)


def is_ct(dataset: Dataset) -> bool:
    return bool(dataset.get("Modality") == "CT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    shutil.copy(CT, tmp_path / "below" / "ct.dcm")
    shutil.copy(MR, tmp_path / "mr.dcm")
    (tmp_path / "notes.txt").write_text("no instance, and a long text besides\n" * 100)
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


class TestWhatMayBeGiven:
    def test_a_folder(self, folder: Path) -> None:
        """The paths in it, at any depth; what is no instance is passed over."""
        assert list(choose(folder, is_ct, TAGS)) == [folder / "below" / "ct.dcm"]
        assert list(choose(str(folder), is_ct, TAGS)) == [folder / "below" / "ct.dcm"]

    def test_paths(self, folder: Path) -> None:
        """One by one, or in lists of lists."""
        assert list(choose([CT, str(MR), [folder]], is_ct, TAGS)) == [CT, folder / "below" / "ct.dcm"]

    def test_instances_of_every_other_kind(self) -> None:
        """They come back as they were given."""
        dataset, other = pydicom.dcmread(CT), pydicom.dcmread(MR)
        file, data = InstanceFile.open(CT), CT.read_bytes()
        kept = ReceivedData(length=len(data), transfer_syntax_uid=UID(SYNTAX), path=CT)
        given = [dataset, other, file, data, kept, InstanceFile.open(MR), MR.read_bytes()]
        assert list(choose(iter(given), is_ct, TAGS)) == [dataset, file, data, kept]
        assert list(choose(dataset, is_ct, TAGS)) == [dataset]

    def test_nothing_is_read_before_it_is_asked_for(self) -> None:
        """Nor are the files kept open."""
        given = iter([CT, MR, CT])
        with no_descriptor_left():
            chosen = choose(given, is_ct, TAGS)
            assert next(chosen) == CT
        assert list(given) == [MR, CT]

    def test_until_it_is_enough(self, folder: Path) -> None:
        """In the middle of a folder, too."""
        looked_at: list[Dataset] = []

        def wanted(dataset: Dataset) -> bool:
            looked_at.append(dataset)
            return True

        chosen = list(choose([folder, CT, pydicom.dcmread(CT)], wanted, TAGS, stop=lambda: len(looked_at) == 1))
        assert len(chosen) == len(looked_at) == 1

    @pytest.mark.parametrize("what", [7, [None], {"a": "mapping"}])
    def test_what_is_no_instance(self, what: object) -> None:
        """A mistake of who wrote it."""
        with pytest.raises(InvalidValue, match="nothing that could be retrieved"):
            list(choose(what, is_ct, TAGS))


class TestWhatCannotBeRead:
    def test_a_path_that_is_given_alone_and_leads_nowhere(self, tmp_path: Path) -> None:
        """Who misspells his archive hears of it."""
        with pytest.raises(StorageError):
            list(choose(tmp_path / "nowhere", is_ct, TAGS))

    def test_one_of_many_paths(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The others are chosen all the same, and the log says which was left out."""
        with caplog.at_level(logging.WARNING):
            assert list(choose([tmp_path / "gone.dcm", CT], is_ct, TAGS)) == [CT]
        assert "gone.dcm is left out" in caplog.text

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in the file system")
    def test_a_pipe(self, tmp_path: Path) -> None:
        """Nobody waits for its other end."""
        os.mkfifo(tmp_path / "pipe")
        assert list(choose([tmp_path / "pipe", CT], is_ct, TAGS)) == [CT]

    def test_bytes_that_are_nothing(self) -> None:
        """Left out as a file would be."""
        assert list(choose([b"", b"\xff" * 1000, CT], is_ct, TAGS)) == [CT]


class TestReading:
    @pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "no_meta.dcm"])
    def test_only_what_was_asked_for(self, name: str) -> None:
        """In every transfer syntax, with a header or without."""
        whole = pydicom.dcmread(FILES / name, force=True)
        with (FILES / name).open("rb") as file:
            elements = read_elements(file, TAGS)
        assert set(elements.keys()) - {0x0008_0005} == {tag for tag in TAGS if tag in whole}
        assert elements.get("StudyInstanceUID") == whole.get("StudyInstanceUID")

    def test_nothing_behind_it(self) -> None:
        """What follows may be gigabytes, or broken."""
        file = BytesIO(CT.read_bytes())
        elements = read_elements(file, TAGS)
        assert elements.StudyInstanceUID
        assert file.tell() < len(file.getvalue()) // 4


SYNTAX = "1.2.840.10008.1.2.1"
