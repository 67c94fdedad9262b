from __future__ import annotations

from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from bench.data import CT, MF, SR, Kind, generate


def nested(dataset: Dataset) -> int:
    """Elements in items of sequences, at any depth."""
    items = [item for element in dataset if element.VR == "SQ" for item in element.value]
    return sum(len(item) + nested(item) for item in items)


@pytest.mark.parametrize("kind", [CT, SR], ids=lambda kind: kind.key)
def test_every_instance_is_another_one(kind: Kind, tmp_path: Path) -> None:
    """The files differ in their UIDs, and header and data set of each agree."""
    generate(kind, 12, tmp_path / "set")
    read = [pydicom.dcmread(path) for path in (tmp_path / "set").iterdir()]
    assert {dataset.SOPInstanceUID for dataset in read} == {kind.uid(number) for number in range(12)}
    assert all(dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID for dataset in read)
    assert len({dataset.SeriesInstanceUID for dataset in read}) == 1


def test_the_bytes_are_counted(tmp_path: Path) -> None:
    """What is said to have been written is what the files have."""
    total = generate(SR, 5, tmp_path / "set")
    assert total == sum(path.stat().st_size for path in (tmp_path / "set").iterdir())


def test_a_ct_image_has_120_elements_and_512_kib_of_pixels(tmp_path: Path) -> None:
    """No element of it is empty, and the pixels are as many as rows and columns say."""
    generate(CT, 1, tmp_path / "set")
    image = pydicom.dcmread(next((tmp_path / "set").iterdir()))
    pixels = image.PixelData
    del image.PixelData
    assert len(image) == 120
    assert not [element.keyword for element in image if element.is_empty]
    assert len(pixels) == image.Rows * image.Columns * image.BitsAllocated // 8 == 512 << 10


def test_a_report_has_150_nested_elements_in_5_kib(tmp_path: Path) -> None:
    """They stand in a content tree, not in one long sequence."""
    generate(SR, 1, tmp_path / "set")
    (path,) = (tmp_path / "set").iterdir()
    report = pydicom.dcmread(path)
    assert nested(report) == 150
    assert Counter(item.ValueType for item in report.ContentSequence[1].ContentSequence) == {"TEXT": 2}
    assert path.stat().st_size == pytest.approx(5 << 10, rel=0.1)


def test_a_multi_frame_image_has_256_mib_of_pixels(tmp_path: Path) -> None:
    """Its length says so; nobody needs to read them all for that."""
    generate(MF, 1, tmp_path / "set")
    (path,) = (tmp_path / "set").iterdir()
    image = pydicom.dcmread(path, defer_size=1024)
    frames = image.NumberOfFrames * image.Rows * image.Columns * 2
    assert frames == 256 << 20
    assert 0 < path.stat().st_size - frames < 4096
