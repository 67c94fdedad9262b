"""No text is lost on its way out."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom import Dataset
from pydicom.charset import python_encoding

from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.errors import InvalidValue
from dicomnet.uids import ExplicitVRLittleEndian, ImplicitVRLittleEndian

GREEK = "Αλέξης"
KANJI = "山田^太郎"
JAPANESE = ["", "ISO 2022 IR 87"]
CHARSETS = [
    None,
    "GB18030",
    "GBK",
    *(term for term in python_encoding if term.startswith("ISO_IR")),
    *(["", term] for term in python_encoding if term.startswith("ISO 2022 IR")),
]


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        ("Muller", None, None),
        ("Müller", None, "ISO_IR 100"),
        (GREEK, None, "ISO_IR 192"),
        (f"Müller {GREEK}", "ISO_IR 6", "ISO_IR 192"),
        (GREEK, ["", ""], "ISO_IR 192"),
        ("Müller", "ISO_IR 100", "ISO_IR 100"),
        (GREEK, "ISO_IR 126", "ISO_IR 126"),
        (KANJI, JAPANESE, JAPANESE),
        ("ﾔﾏﾀﾞ=山田", ["ISO 2022 IR 13", "ISO 2022 IR 87"], ["ISO 2022 IR 13", "ISO 2022 IR 87"]),
    ],
)
def test_text_comes_back_as_it_was(text: str, charset: Any, declared: Any) -> None:
    """Where nothing is declared, what suffices is declared in what goes out; the data set itself stays as it was."""
    dataset = of(text, charset)
    before = dataset.get("SpecificCharacterSet")
    for again in (encoded(dataset), encoded(dataset)):
        assert again.get("SpecificCharacterSet") == declared
        assert texts(again) == [text] * 5
    assert dataset.get("SpecificCharacterSet") == before
    assert texts(dataset) == [text] * 5


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (KANJI, "ISO_IR 100"),
        (GREEK, "ISO_IR 100"),
        ("Müller", JAPANESE),
        (KANJI, "ISO_IR 126"),
        ("김", ["ISO 2022 IR 6", "ISO 2022 IR 159"]),
        ("王", ["ISO 2022 IR 6", "ISO 2022 IR 58"]),  # to which pydicom writes no escape sequence
    ],
)
def test_a_declared_character_set_that_does_not_hold_the_text_is_an_error(text: str, charset: Any) -> None:
    """The attribute is named; only where any character set will do it gives way."""
    dataset = of(text, charset)
    with pytest.raises(InvalidValue, match=r"^PatientName: .* cannot be written in "):
        encode_dataset(dataset, ExplicitVRLittleEndian)
    assert texts(encoded(dataset, any_charset=True)) == [text] * 5


def test_an_item_has_its_own_character_set() -> None:
    """Or that of what it is in; one that does not hold its text is found as well."""
    dataset = of(GREEK, "ISO_IR 126")
    (item,) = dataset.ReferencedStudySequence
    item.SpecificCharacterSet = "ISO_IR 192"
    item.PatientName = KANJI
    (again,) = encoded(dataset).ReferencedStudySequence
    assert again.PatientName == KANJI
    item.SpecificCharacterSet = "ISO_IR 100"
    with pytest.raises(InvalidValue, match="PatientName: '山田"):
        encode_dataset(dataset, ExplicitVRLittleEndian)
    again = encoded(dataset, any_charset=True)
    assert (again.PatientName, again.ReferencedStudySequence[0].PatientName) == (GREEK, KANJI)
    assert "SpecificCharacterSet" not in again.ReferencedStudySequence[0]


def test_a_name_is_encoded_anew_each_time() -> None:
    """pydicom remembers how a name was encoded first, with what was lost then."""
    dataset = of(GREEK, "ISO_IR 192")
    encoded(dataset)
    dataset.SpecificCharacterSet = "ISO_IR 126"
    assert encoded(dataset).PatientName == GREEK
    with pytest.warns(UserWarning, match="replacement characters"):
        dataset["PatientName"].value.encode(["ascii"])
    dataset.SpecificCharacterSet = "ISO_IR 192"
    assert encoded(dataset).PatientName == GREEK


def test_what_was_never_decoded_goes_out_as_it_came() -> None:
    """Bytes that were read without a character set are passed on without one."""
    raw = b"\x10\0\x10\0PN\x06\0M\xc3\xbcll "
    dataset = decode_dataset(BytesIO(raw), ExplicitVRLittleEndian)
    assert encode_dataset(dataset, ExplicitVRLittleEndian) == raw
    assert encode_dataset(dataset, ImplicitVRLittleEndian).endswith(b"M\xc3\xbcll ")
    assert "SpecificCharacterSet" not in dataset


@pytest.mark.filterwarnings("ignore:.*replacement characters:UserWarning")
def test_text_that_cannot_be_read_stays_as_it_is() -> None:
    """Also where pydicom reads it to write it in another transfer syntax, in sequences as well."""
    text = b"\x10\0\x10\0\x04\0\0\0M\xfcl " + b"\x10\0\0\x10\x08\0\0\0M\xfcl\\b\xfc\xfc "
    item = b"\xfe\xff\0\xe0" + len(text).to_bytes(4, "little") + text
    sequence = b"\x40\0\x75\x02" + len(item).to_bytes(4, "little") + item
    raw = b"\x08\0\x05\0\x0a\0\0\0ISO_IR 192" + text + sequence
    dataset = decode_dataset(BytesIO(raw), ImplicitVRLittleEndian)
    data = encode_dataset(dataset, ExplicitVRLittleEndian)
    assert data.count(b"PN\x04\0M\xfcl ") == 2
    assert data.count(b"LO\x08\0M\xfcl\\b\xfc\xfc ") == 2
    assert encode_dataset(decode_dataset(BytesIO(data), ExplicitVRLittleEndian), ExplicitVRLittleEndian) == data


def test_bytes_that_should_have_been_ascii_go_out_as_they_were_read() -> None:
    """No character set applies to a code string; what was read is passed on, and what has no bytes is refused."""
    raw = b"\x08\0\x60\0CS\x02\0\xe9 "
    dataset = decode_dataset(BytesIO(raw), ExplicitVRLittleEndian)
    assert dataset.Modality == "é"
    assert encode_dataset(dataset, ExplicitVRLittleEndian) == raw
    dataset["Modality"]._value = "日"
    with pytest.raises(InvalidValue):
        encode_dataset(dataset, ExplicitVRLittleEndian)


@given(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\^=\ufffd"), min_size=1, max_size=8),
    st.sampled_from(CHARSETS),
)
@pytest.mark.filterwarnings("error")
def test_any_text_in_any_character_set(text: str, charset: Any) -> None:
    """It is the same at the other end, or refused."""
    dataset = of(text, charset)
    try:
        again = encoded(dataset)
    except InvalidValue as error:
        assert "cannot be written in" in str(error)  # noqa: PT017
        again = encoded(dataset, any_charset=True)
    assert texts(again) == [text] * 5


def of(text: str, charset: Any) -> Dataset:
    """A data set with a text wherever one can be."""
    dataset, item = Dataset(), Dataset()
    if charset is not None:
        dataset.SpecificCharacterSet = charset
    dataset.PatientName = text
    dataset.OtherPatientIDs = [text, text]
    dataset.PatientComments = text
    item.PatientName = text
    dataset.ReferencedStudySequence = [item]
    return dataset


def encoded(dataset: Dataset, **options: Any) -> Dataset:
    return decode_dataset(BytesIO(encode_dataset(dataset, ExplicitVRLittleEndian, **options)), ExplicitVRLittleEndian)


def texts(dataset: Dataset) -> list[str]:
    (item,) = dataset.ReferencedStudySequence
    names = [dataset.PatientName, *dataset.OtherPatientIDs, dataset.PatientComments, item.PatientName]
    return [str(name) for name in names]
