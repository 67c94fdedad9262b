"""Answers to queries, however they are written."""

from __future__ import annotations

import copy
import pickle
import zlib

import pytest
from hypothesis import example, given, strategies as st
from pydicom import Dataset

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.status import Status
from dicomnet.exchanges.matches import Match, decode_match
from dicomnet.uids import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]

# What pydicom says of values it does not like, it says as warnings; here it is the match that says so.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_match_is_a_data_set(syntax: str) -> None:
    """With what it came as, and how the peer judged it."""
    raw = encode_dataset(answer(), syntax)
    match = decode_match(raw, syntax, 0xFF00)
    assert match == answer()
    assert isinstance(match, Dataset)
    assert match.PatientName == "Doe^Jo"
    assert match.ScheduledProcedureStepSequence[0].Modality == "CT"
    assert (match.raw, match.transfer_syntax_uid, match.status) == (raw, syntax, Status.PENDING)
    assert match.problem is None
    assert not match.unsupported_keys
    assert decode_match(raw, syntax, 0xFF01).unsupported_keys


def test_what_is_not_there() -> None:
    """As with every data set of pydicom."""
    match = decode_match(encode_dataset(answer(), ImplicitVRLittleEndian), ImplicitVRLittleEndian, 0xFF00)
    with pytest.raises(AttributeError):
        _ = match.StudyDate
    assert match.get("StudyDate") is None
    assert decode_match(b"", ImplicitVRLittleEndian, 0xFF00) == Dataset()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda match: pickle.loads(pickle.dumps(match))])
def test_copies(copied) -> None:
    """They know how they came, too."""
    match = decode_match(encode_dataset(answer(), ImplicitVRLittleEndian) + b"x", ImplicitVRLittleEndian, 0xFF01)
    again = copied(match)
    assert type(again) is Match
    assert again == match
    assert (again.raw, again.status, again.problem) == (match.raw, match.status, match.problem)
    assert again.unsupported_keys


def test_it_can_be_sent_on() -> None:
    """In another transfer syntax as well."""
    match = decode_match(encode_dataset(answer(), ImplicitVRLittleEndian), ImplicitVRLittleEndian, 0xFF00)
    data = encode_dataset(match, ExplicitVRLittleEndian)
    assert decode_match(data, ExplicitVRLittleEndian, 0xFF00) == answer()


class TestCharacterSets:
    @pytest.mark.parametrize(
        ("charset", "name"),
        [
            (b"ISO_IR 100", "Müller^Jörg"),
            (b"ISO_IR 192", "山田^太郎"),
            (b"GB18030", "王^小东"),
            (b"ISO_IR 144", "Люкceмбypг"),
            # misspelt as peers misspell them
            (b"ISO IR 192", "山田^太郎"),
            (b"ISO_IR192", "山田^太郎"),
            (b"iso_ir 100", "Müller^Jörg"),
            (b"ISO_2022_IR_100", "Müller^Jörg"),
            (b"UTF-8", "山田^太郎"),
            (b"ISO_IR 192\\ISO 2022 IR 6", "山田^太郎"),
        ],
    )
    def test_the_answers_own(self, charset: bytes, name: str) -> None:
        """Each answer declares its own, right or misspelt."""
        python = {b"GB": "gb18030", b"14": "iso8859-5", b"10": "latin-1", b"_1": "latin-1"}
        encoding = next((value for key, value in python.items() if key in charset[:2] + charset[-3:]), "utf-8")
        match = decode_match(implicit(charset, name.encode(encoding)), ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == name
        assert match.problem is None

    def test_code_extensions(self) -> None:
        """PS3.5 H.3: the name of its first example in three ways of writing."""
        raw = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
        match = decode_match(implicit(b"\\ISO 2022 IR 87", raw), ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == "Yamada^Tarou=山田^太郎=やまだ^たろう"

    @pytest.mark.parametrize("charset", [b"ISO 2022 IR 87", b"ISO_IR 87", b"\\ISO-IR 87"])
    def test_code_extensions_of_a_misspelt_character_set(self, charset: bytes) -> None:
        """One that there is only with code extensions is not mistaken for one without."""
        match = decode_match(implicit(charset, b"A=\x1b$B;3ED\x1b(B"), ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == "A=山田"
        assert match.problem is None

    def test_chinese_code_extensions(self) -> None:
        """PS3.5 K.2: the escape sequence is no part of the text, in a name, in items, and in several values."""
        chinese = b"\x1b$)A\xcd\xf5"
        item = element(0x00081030, chinese)
        data = (
            implicit(b"\\ISO 2022 IR 58", b"Wang^Xiao=" + chinese + b"^\x1b$)A\xd0\xa1")
            + element(0x00101001, chinese + b"\\" + chinese)
            + element(0x00400275, element(0xFFFEE000, item))
        )
        match = decode_match(data, ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == "Wang^Xiao=王^小"
        assert match.OtherPatientNames == ["王", "王"]
        assert match.RequestAttributesSequence[0].StudyDescription == "王"
        assert match.problem is None

    def test_latin_9(self) -> None:
        """Younger than what pydicom knows."""
        match = decode_match(implicit(b"ISO_IR 203", b"\xbcuvre"), ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == "Œuvre"
        assert match.problem is None

    @pytest.mark.parametrize("charset", [None, b"ISO_IR 100", b"\\ISO 2022 IR 149", b"ISO 2022 IR 999"])
    def test_code_extensions_that_were_not_declared(self, charset: bytes | None) -> None:
        """All of it is ASCII, and none can be read: the match says so; what the caller knows helps where nothing is said."""
        data = implicit(charset, b"\x1b$B;3ED\x1b(B")
        match = decode_match(data, ImplicitVRLittleEndian, 0xFF00)
        assert "some text has escape sequences that its character set does not have" in (match.problem or "")
        assert b"\x1b$B;3ED\x1b(B" in match.raw
        helped = decode_match(data, ImplicitVRLittleEndian, 0xFF00, fallback_charset="\\ISO 2022 IR 87")
        assert (str(helped.PatientName) == "山田") == (charset in (None, b"ISO 2022 IR 999"))

    @pytest.mark.parametrize("declared", [None, b"", b"ISO_IR 6"])
    @pytest.mark.parametrize(
        ("encoding", "fallback", "name"),
        [
            ("utf-8", None, "Müller"),
            ("latin-1", None, "Müller"),
            ("iso8859-2", "ISO_IR 101", "Łoś"),
            ("utf-8", "ISO_IR 192", "Müller"),
            ("gbk", "GBK", "王小东"),
        ],
    )
    def test_undeclared(self, declared: bytes | None, encoding: str, fallback: str | None, name: str) -> None:
        """What the caller says, else UTF-8 where it is that and Latin-1 where it is not; in items as well."""
        raw = name.encode(encoding)
        item = element(0x00081030, raw)
        data = implicit(declared, raw) + element(0x00400275, element(0xFFFEE000, item))
        match = decode_match(data, ImplicitVRLittleEndian, 0xFF00, fallback_charset=fallback)
        assert str(match.PatientName) == name
        assert match.RequestAttributesSequence[0].StudyDescription == name
        assert match.problem is None

    def test_one_value_of_an_answer_decides_for_all(self) -> None:
        """An answer is in one character set: half of it cannot be UTF-8."""
        data = implicit(None, "é".encode()) + element(0x00104000, b"\xe9")
        match = decode_match(data, ImplicitVRLittleEndian, 0xFF00)
        assert (str(match.PatientName), match.PatientComments) == ("Ã©", "é")

    def test_unknown(self) -> None:
        """The fallback decodes it, and the match says so, unless it does not matter."""
        match = decode_match(implicit(b"KLINGON", "Müller".encode()), ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == "Müller"
        assert match.problem == "nobody knows its character set KLINGON"
        assert decode_match(implicit(b"KLINGON", b"Doe"), ImplicitVRLittleEndian, 0xFF00).problem is None

    def test_declared_wrongly(self) -> None:
        """What cannot be decoded is replaced, and the bytes are still there."""
        match = decode_match(implicit(b"ISO_IR 192", b"M\xfcller"), ImplicitVRLittleEndian, 0xFF00)
        assert str(match.PatientName) == "M�ller"
        assert match.problem == "some text is not in its character set"
        assert b"M\xfcller" in match.raw


class TestDamage:
    def test_cut_off(self) -> None:
        """Wherever it ends, what stood before is there."""
        raw = encode_dataset(answer(), ExplicitVRLittleEndian)
        whole = decode_match(raw, ExplicitVRLittleEndian, 0xFF00)
        counts = set()
        for end in range(len(raw)):
            match = decode_match(raw[:end], ExplicitVRLittleEndian, 0xFF00)
            assert all(match[tag] == whole[tag] for tag in match.keys())  # noqa: SIM118
            assert (match.problem is None) == (encode_dataset(match, ExplicitVRLittleEndian) == raw[:end])
            counts.add(len(match))
        assert counts == set(range(len(whole)))

    def test_a_bad_value(self) -> None:
        """It stays as bytes; the others are not harmed."""
        data = element(0x00100020, b"1 ") + element(0x00280010, b"abc ", odd=True) + element(0x00400001, b"AE")
        match = decode_match(data, ImplicitVRLittleEndian, 0xFF00)
        assert match.PatientID == "1"
        assert match.ScheduledStationAETitle == "AE"
        assert match[0x00280010].VR == "UN"
        assert match.problem is not None
        assert "(0028,0010)" in match.problem

    def test_another_vr_encoding_than_negotiated(self) -> None:
        """Some answer in implicit VR whatever was agreed, and some the other way round."""
        for actual, negotiated in (
            (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
            (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        ):
            match = decode_match(encode_dataset(answer(), actual), negotiated, 0xFF00)
            assert match == answer()
            assert match.problem is None

    def test_a_private_transfer_syntax(self) -> None:
        """Explicit and little endian, as all that we know of are."""
        assert decode_match(encode_dataset(answer(), ExplicitVRLittleEndian), "1.2.3", 0xFF00) == answer()

    def test_sequences_of_undefined_length(self) -> None:
        """Nested ones too, and one of an unknown private attribute."""
        items = answer()
        items.ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence = [Dataset()]
        items.ScheduledProcedureStepSequence[0].is_undefined_length_sequence_item = True
        items["ScheduledProcedureStepSequence"].is_undefined_length = True
        for syntax in SYNTAXES:
            assert decode_match(encode_dataset(items, syntax), syntax, 0xFF00) == items
        private = undefined(0x00091010, undefined(0xFFFEE000, element(0x00100020, b"1 "), 0xFFFEE00D), 0xFFFEE0DD)
        match = decode_match(private + element(0x00100020, b"2 "), ImplicitVRLittleEndian, 0xFF00)
        assert match[0x00091010].value[0].PatientID == "1"
        assert match.PatientID == "2"

    def test_a_deflated_one(self) -> None:
        """Cut off, damaged, or blown up: as far as it goes."""
        raw = encode_dataset(answer(), DeflatedExplicitVRLittleEndian)
        assert decode_match(raw[:-4], DeflatedExplicitVRLittleEndian, 0xFF00).problem
        assert decode_match(b"\xff" * 10, DeflatedExplicitVRLittleEndian, 0xFF00).problem
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        bomb = compressor.compress(b"\x10\0\x10\x40UT\0\0\0\0\0\x7f")
        bomb += b"".join(compressor.compress(bytes(1 << 20)) for _ in range(8)) + compressor.flush()
        match = decode_match(bomb, DeflatedExplicitVRLittleEndian, 0xFF00)
        assert "inflates to 4194304 bytes or more" in (match.problem or "")
        assert match.raw == bomb

    def test_one_of_very_many_elements(self) -> None:
        """So many are looked at as an answer may have; zeros are elements, too."""
        name = element(0x00100010, b"A^B ")
        match = decode_match(name + bytes(8 << 20), ImplicitVRLittleEndian, 0xFF00)
        assert match.PatientName == "A^B"
        assert "more than 20000 elements, and from byte 160004 on they are left out" in (match.problem or "")

    @pytest.mark.parametrize("stated", [True, False], ids=["with lengths", "without lengths"])
    def test_one_that_nests_too_deep(self, stated: bool) -> None:
        """The sequence stays as it came, so that whoever prints or copies the match is safe."""
        nested = b""
        for _ in range(1000):
            if stated:
                nested = element(0x00081115, element(0xFFFEE000, nested))
            else:
                nested = undefined(0x00081115, undefined(0xFFFEE000, nested, 0xFFFEE00D), 0xFFFEE0DD)
        match = decode_match(element(0x00080005, b"") + nested, ImplicitVRLittleEndian, 0xFF00)
        assert "nests sequences more than 64 deep" in (match.problem or "")
        assert match[0x00081115].VR == "UN"
        look_at(match)

    def test_file_meta_and_commands_are_left_out(self) -> None:
        """They are no part of an identifier."""
        data = element(0x00000002, b"1.2\0") + element(0x00100000, b"1234") + element(0x00100020, b"1 ")
        assert [each.keyword for each in decode_match(data, ImplicitVRLittleEndian, 0xFF00)] == ["PatientID"]

    @given(st.binary(max_size=300), st.sampled_from(SYNTAXES), st.none() | st.text(max_size=12))
    @example(b"\x10\0\x10\0\xff\xff\xff\xff" * 30, ImplicitVRLittleEndian, None)
    @example(b"\x10\0\x10\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff" * 3000, ImplicitVRLittleEndian, None)
    def test_no_bytes_raise(self, raw: bytes, syntax: str, fallback: str | None) -> None:
        """Nor does looking at what was made of them."""
        look_at(decode_match(raw, syntax, 0xFF00, fallback_charset=fallback))

    @given(st.data(), st.sampled_from(SYNTAXES))
    def test_no_damage_raises(self, data: st.DataObject, syntax: str) -> None:
        """Wherever bytes of a real answer are changed."""
        raw = bytearray(encode_dataset(answer(), syntax))
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        look_at(decode_match(bytes(raw), syntax, 0xFF00))


def look_at(match: Match) -> None:
    """Everything that a caller might do with a match."""
    str(match)
    for each in match.iterall():
        str(each.value)
    match.to_json_dict(suppress_invalid_tags=True)
    assert isinstance(match.raw, bytes)


def answer() -> Dataset:
    dataset = Dataset()
    dataset.PatientName = "Doe^Jo"
    dataset.PatientID = "17"
    dataset.OtherPatientNames = ["A", "B"]
    dataset.SeriesNumber = 5
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledProcedureStepDescription = "Head"
    dataset.ScheduledProcedureStepSequence = [step]
    return dataset


def implicit(charset: bytes | None, name: bytes) -> bytes:
    """An answer with a name, as its bytes."""
    return (b"" if charset is None else element(0x00080005, charset)) + element(0x00100010, name)


def element(tag: int, value: bytes, *, odd: bool = False) -> bytes:
    value = value[:-1] if odd else value + b" " * (len(value) % 2)
    return (
        (tag >> 16).to_bytes(2, "little")
        + (tag & 0xFFFF).to_bytes(2, "little")
        + len(value).to_bytes(4, "little")
        + value
    )


def undefined(tag: int, value: bytes, delimiter: int) -> bytes:
    return element(tag, b"")[:4] + b"\xff" * 4 + value + element(delimiter, b"")
