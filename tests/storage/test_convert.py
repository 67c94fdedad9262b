"""Instances in other transfer syntaxes: what their items hold."""

from __future__ import annotations

from copy import deepcopy
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.errors import StorageError
from dicomnet.storage.convert import decompress
from dicomnet.uids import ExplicitVRLittleEndian, RLELossless

FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def with_icon(name: str) -> Dataset:
    """A compressed image with the image of another file as its icon."""
    dataset = pydicom.dcmread(FILES / "MR_small_RLE.dcm")
    dataset.IconImageSequence = [image_of(name)]
    return dataset


def image_of(name: str) -> Dataset:
    icon = Dataset()
    for element in pydicom.dcmread(FILES / name).group_dataset(0x0028):
        icon.add(deepcopy(element))
    icon.add(deepcopy(pydicom.dcmread(FILES / name)["PixelData"]))
    return icon


@pytest.mark.parametrize("icon", ["MR_small_RLE.dcm", "MR_small.dcm"])
def test_icons_are_decoded_with_their_instance(icon: str) -> None:
    """One that was never compressed stays as it is."""
    plain = pydicom.dcmread(FILES / "MR_small.dcm")
    data = decompress(encode_dataset(with_icon(icon), RLELossless), RLELossless)
    dataset = decode_dataset(BytesIO(data), ExplicitVRLittleEndian)
    for image in (dataset, dataset.IconImageSequence[0]):
        assert image.PixelData == plain.PixelData
        assert not image["PixelData"].is_undefined_length
        assert image.Rows == plain.Rows


def test_an_icon_that_cannot_be_decoded_is_told() -> None:
    """The instance does not go out with half of its pixel data compressed."""
    dataset = with_icon("MR_small_RLE.dcm")
    dataset.IconImageSequence[0].PixelData = encapsulate([b"nonsense"])
    with pytest.raises(StorageError, match="cannot be decoded"):
        decompress(encode_dataset(dataset, RLELossless), RLELossless)
