"""Between bytes and pydicom's data sets."""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from subprocess import run
from types import ModuleType

import pydicom
import pytest
from pydicom.encaps import encapsulate

from dicomnet.datasets import bounds_of, decode_dataset, deflated, encode_dataset, inflated, is_dataset
from dicomnet.dimse.commands import (
    CFindRequest,
    CMoveResponse,
    Command,
    CStoreRequest,
    NCreateRequest,
    NEventReportRequest,
)
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, StorageError
from dicomnet.limits import ATTRIBUTES, IDENTIFIERS, INSTANCES, Decoding
from dicomnet.uids import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]


def test_importing_storage_does_not_import_pydicom() -> None:
    """It costs a quarter of a second that nobody who passes bytes through should pay."""
    code = "import sys, dicomnet.storage.delivery, dicomnet.storage.folder; sys.exit('pydicom' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_several_threads_may_be_the_first_to_need_pydicom() -> None:
    """Each waits until it is there as a whole: a server gets its first queries at the same moment."""
    code = """
import sys, threading
from io import BytesIO
from dicomnet.datasets import decode_dataset
from dicomnet.exchanges.values import dataset_of, keyword_of

failed = []
together = threading.Barrier(3)

def first(use, *arguments):
    together.wait()
    try:
        use(*arguments)
    except Exception as error:
        failed.append(error)

threads = [
    threading.Thread(target=first, args=(decode_dataset, BytesIO(), "1.2.840.10008.1.2")),
    threading.Thread(target=first, args=(dataset_of, {"PatientID": "1"})),
    threading.Thread(target=first, args=(keyword_of, 0x00100010)),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(repr(failed) if failed else 0)
"""
    ended = run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nothing_is_a_data_set_while_pydicom_is_only_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may be importing it."""
    dataset = identifier()
    assert is_dataset(dataset)
    monkeypatch.setitem(sys.modules, "pydicom", ModuleType("pydicom"))
    assert not is_dataset(dataset)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_round_trip(syntax: str) -> None:
    """What is encoded decodes to the same, in every syntax, and is of even length."""
    data = encode_dataset(identifier(), syntax)
    assert len(data) % 2 == 0
    decoded = decode_dataset(BytesIO(data), syntax)
    assert decoded == identifier()
    assert decoded.file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_group_lengths(syntax: str) -> None:
    """Retired, but given when asked for; pydicom reads over them."""
    data = encode_dataset(identifier(), syntax, group_lengths=True)
    decoded = decode_dataset(BytesIO(data), syntax)
    for group in (0x0008, 0x0010, 0x0040):
        del decoded[group, 0]
    assert decoded == identifier()


def test_pixel_data_stays_as_it_is() -> None:
    """A compressed file gives the same bytes again."""
    path = FILES / "MR_small_RLE.dcm"
    dataset = pydicom.dcmread(path)
    again = decode_dataset(BytesIO(encode_dataset(dataset, RLELossless)), RLELossless)
    assert again.PixelData == dataset.PixelData
    assert (again.pixel_array == dataset.pixel_array).all() if "numpy" in sys.modules else True


def test_file_meta_and_commands_are_left_out() -> None:
    """Groups 0000 and 0002 do not belong in a data set; the data set that was given keeps them."""
    dataset = identifier()
    dataset.add_new(0x00020010, "UI", "1.2.3")
    dataset.add_new(0x00000002, "UI", "1.2.3")
    assert encode_dataset(dataset, ImplicitVRLittleEndian) == encode_dataset(identifier(), ImplicitVRLittleEndian)
    assert 0x00020010 in dataset


def test_what_needs_a_codec_is_refused() -> None:
    """Nothing is compressed or decompressed here; the error says what would be."""
    compressed = pydicom.dcmread(FILES / "MR_small_RLE.dcm")
    plain = pydicom.dcmread(FILES / "MR_small.dcm")
    for dataset, syntax in (
        (compressed, ExplicitVRLittleEndian),
        (compressed, JPEG2000Lossless),
        (plain, JPEGBaseline8Bit),
    ):
        with pytest.raises(InvalidValue, match="compress"):
            encode_dataset(dataset, syntax)


def test_pixel_data_of_unknown_encoding() -> None:
    """A data set made by hand is plain, unless its pixel data is encapsulated."""
    dataset = identifier()
    dataset.add_new(0x7FE00010, "OW", b"abcd")
    assert encode_dataset(dataset, ExplicitVRLittleEndian).endswith(b"abcd")
    with pytest.raises(InvalidValue, match="does not fit"):
        encode_dataset(dataset, RLELossless)


@pytest.mark.parametrize("read", [False, True])
def test_a_compressed_icon_goes_only_where_pixel_data_is_compressed(read: bool) -> None:
    """In a plain syntax nobody could tell what it is in, also where the data set has no pixel data of its own."""
    dataset, icon = identifier(), pydicom.Dataset()
    icon.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    icon["PixelData"].is_undefined_length = True
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    data = encode_dataset(dataset, JPEGBaseline8Bit)
    if read:
        dataset = decode_dataset(BytesIO(data), JPEGBaseline8Bit)
    for syntax in SYNTAXES:
        with pytest.raises(InvalidValue, match="icon"):
            encode_dataset(dataset, syntax)
    del dataset.IconImageSequence[0].PixelData
    assert decode_dataset(BytesIO(encode_dataset(dataset, ExplicitVRLittleEndian)), ExplicitVRLittleEndian) == dataset


def test_byte_order_of_words_is_not_changed() -> None:
    """Pixel data would keep the wrong order, so it is refused; text may go in any order."""
    dataset = pydicom.dcmread(FILES / "MR_small_bigendian.dcm")
    with pytest.raises(InvalidValue, match="not swapped"):
        encode_dataset(dataset, ExplicitVRLittleEndian)
    del dataset.PixelData
    assert decode_dataset(BytesIO(encode_dataset(dataset, ExplicitVRLittleEndian)), ExplicitVRLittleEndian) == dataset


def test_values_that_cannot_be_encoded() -> None:
    """An impossible value is an InvalidValue, whatever pydicom raises."""
    dataset = pydicom.Dataset()
    dataset.add_new(0x00280010, "US", "many")
    with pytest.raises(InvalidValue, match="cannot be encoded"):
        encode_dataset(dataset, ExplicitVRLittleEndian)


def test_garbage_is_a_storage_error() -> None:
    """Bytes that are no data set: cannot understand."""
    for data, syntax in ((b"\xff" * 20, DeflatedExplicitVRLittleEndian),):
        with pytest.raises(StorageError) as caught:
            decode_dataset(BytesIO(data), syntax)
        assert caught.value.status == 0xC000


def test_deflated_in_zlib() -> None:
    """Some senders wrap the stream in zlib; it is read all the same (PS3.5 A.5)."""
    data = zlib.compress(encode_dataset(identifier(), ExplicitVRLittleEndian))
    assert decode_dataset(BytesIO(data), DeflatedExplicitVRLittleEndian) == identifier()


def test_a_bomb_is_refused() -> None:
    """A stream that inflates without end stops at the limit."""
    most = Decoding(inflated=1000, elements=None)
    for length in (1001, 2000, 10_000_000):
        with pytest.raises(StorageError, match="more than 1000"):
            decode_dataset(BytesIO(zlib.compress(bytes(length))), DeflatedExplicitVRLittleEndian, most)
    assert inflated(zlib.compress(bytes(1000)), 1000) == bytes(1000)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x10\0\x10\0LO\0\0" * 20_001, "more than 20000 elements"),
        ((b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff") * 65, "more than 64 deep"),
        (b"\x10\0\x10\0LO\4\0ab", r"ends in \(0010,0010\)"),
    ],
    ids=["too many", "too deep", "cut"],
)
def test_of_an_identifier_only_so_much_is_made(data: bytes, says: str) -> None:
    """It is refused before pydicom sees it."""
    with pytest.raises(StorageError, match=says) as caught:
        decode_dataset(BytesIO(data), ExplicitVRLittleEndian, IDENTIFIERS)
    assert caught.value.status == 0xC000


def test_an_instance_may_end_early() -> None:
    """Whether it is whole is asked when it is received; what is there can be read."""
    data = b"\x10\0\x10\0LO\4\0abcd\x10\0\x20\0LO\4\0ab"
    assert decode_dataset(BytesIO(data), ExplicitVRLittleEndian)[0x00100010].value == "abcd"


@pytest.mark.parametrize(
    ("command", "most"),
    [
        (CStoreRequest(), INSTANCES),
        (CFindRequest(), IDENTIFIERS),
        (CMoveResponse(status=Status.SUCCESS), IDENTIFIERS),
        (NCreateRequest(), ATTRIBUTES),
        (NEventReportRequest(), ATTRIBUTES),
    ],
)
def test_messages_have_bounds_of_their_own(command: Command, most: Decoding) -> None:
    """By what their data sets are for."""
    assert bounds_of(command) is most


@pytest.mark.parametrize("pack", [deflated, zlib.compress])
def test_a_deflated_stream_is_read_to_its_end(pack: Callable[[bytes], bytes]) -> None:
    """One that is cut off is no data set, however much of it can be inflated; what follows is none of it (PS3.5 A.5)."""
    data = random.Random(1).randbytes(5000)
    stream = pack(data)
    ends = zlib.decompressobj(15 if pack is zlib.compress else -15)
    ends.decompress(stream)
    length = len(stream) - len(ends.unused_data)
    for end in range(length):
        with pytest.raises(ValueError, match="cut off"):
            inflated(stream[:end])
    assert inflated(stream[:length]) == inflated(stream[:length] + b"\0") == inflated(stream + bytes(9)) == data


def test_a_private_syntax_counts_as_explicit() -> None:
    """What we don't know is decoded as most are."""
    data = encode_dataset(identifier(), ExplicitVRLittleEndian)
    assert decode_dataset(BytesIO(data), "1.2.3.4") == identifier()


def identifier() -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Jörg"
    dataset.StudyDate = ""
    item = pydicom.Dataset()
    item.Modality = "CT"
    dataset.ScheduledProcedureStepSequence = [item]
    return dataset
