"""A look at the elements of a data set as its bytes pass: whether it is whole, and the one that was announced."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from itertools import accumulate, pairwise
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence

from dicomnet.datasets import deflated, encode_dataset
from dicomnet.errors import NotAnInstance
from dicomnet.part10 import read_head
from dicomnet.storage.walk import Problem, Walk

FILES = Path(pydicom.__file__).parent / "data" / "test_files"

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
PLAIN = (IMPLICIT, EXPLICIT, BIG_ENDIAN)

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
INSTANCE = "1.2.3.4"


def verdict(
    data: bytes,
    syntax: str = EXPLICIT,
    *,
    uids: tuple[str | None, str | None] = (CT, INSTANCE),
    cuts: list[int] | None = None,
) -> Problem | None:
    """What the walk says of these bytes, fed in pieces that end at the cuts, several of them at a time."""
    walk = Walk(syntax, *uids)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    views = [memoryview(data)[begin:end] for begin, end in pairwise(edges)]
    for first in range(0, len(views), 3):
        walk.feed(views[first : first + 3])
    return walk.end()


def status(problem: Problem | None) -> int | None:
    return problem and problem.status


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element in explicit VR little endian, whose length may be a lie."""
    length = len(value) if length is None else length
    header = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    if vr in (b"SQ", b"UN", b"OB", b"OW", b"UT"):
        return header + b"\0\0" + length.to_bytes(4, "little") + value
    return header + length.to_bytes(2, "little") + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    """An element in implicit VR little endian, or an item, or a delimiter."""
    length = len(value) if length is None else length
    halves = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    return halves + length.to_bytes(4, "little") + value


def item(value: bytes) -> bytes:
    return implicit(ITEM, value + implicit(ITEM_END, b""), UNDEFINED)


IDENTITY = element(0x0008_0016, b"UI", CT.encode() + b"\0") + element(0x0008_0018, b"UI", INSTANCE.encode() + b"\0")
NAME = element(0x0010_0010, b"PN", b"Doe^John")
SEQUENCE = 0x0040_A730
ITEM, ITEM_END, SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
UNDEFINED = 0xFFFF_FFFF


class TestTheInstance:
    """Compared with the UIDs of the command."""

    @pytest.mark.parametrize("padding", [b"", b"\0", b" ", b"\0\0\0", b"   "])
    def test_uids_are_the_same_however_they_are_padded(self, padding: bytes) -> None:
        """One NUL is what PS3.5 9.1 wants; the others are in the field."""
        data = element(0x0008_0016, b"UI", CT.encode() + padding) + element(0x0008_0018, b"UI", b"1.2.3.4" + padding)
        assert verdict(data) is None

    @pytest.mark.parametrize("syntax", [*PLAIN, DEFLATED])
    def test_another_instance(self, syntax: str) -> None:
        """A900, with both UIDs and the element that differs."""
        problem = verdict(encode_dataset(instance(), syntax), syntax, uids=(CT, "1.2.3.5"))
        assert problem == Problem(
            0xA900, "SOP instance UID (0008,0018) is not that of the command: 1.2.3.4 instead of 1.2.3.5", 0x0008_0018
        )

    @pytest.mark.parametrize("syntax", [*PLAIN, DEFLATED])
    def test_another_class(self, syntax: str) -> None:
        """What the command calls an MR, and is a CT."""
        problem = verdict(encode_dataset(instance(), syntax), syntax, uids=(MR, INSTANCE))
        assert problem is not None
        assert (problem.status, problem.element) == (0xA900, 0x0008_0016)
        assert problem.text.startswith("SOP class UID (0008,0016) is not that of the command")

    @pytest.mark.parametrize("length", [65, 300, 65534])
    def test_a_uid_that_is_far_too_long(self, length: int) -> None:
        """It is another one, whatever it begins with."""
        data = element(0x0008_0018, b"UI", (INSTANCE + "." + "1" * length).encode()[:length])
        assert status(verdict(data)) == status(verdict(data, cuts=[7, 100, 280, 281])) == 0xA900

    def test_a_uid_longer_than_allowed_that_is_the_same(self) -> None:
        """Whether such a UID is taken is not decided here."""
        uid = "1." * 127 + "22"
        data = element(0x0008_0018, b"UI", uid.encode()) + NAME * 20
        for cut in range(len(data)):
            assert verdict(data, uids=(CT, uid), cuts=[cut]) is None
            assert status(verdict(data, uids=(CT, uid[:-1] + "3"), cuts=[cut])) == 0xA900

    def test_nothing_to_compare(self) -> None:
        """Where the data set does not say what it is, or the command does not, the other one counts."""
        assert verdict(NAME) is None
        assert verdict(element(0x0008_0016, b"UI", b"") + element(0x0008_0018, b"UI", b"\0\0") + NAME) is None
        assert verdict(IDENTITY, uids=(None, None)) is None

    @pytest.mark.parametrize("length", ["stated", "undefined"])
    def test_uids_in_a_sequence_are_those_of_others(self, length: str) -> None:
        """Only the data set itself is identified by them."""
        other = element(0x0008_0018, b"UI", b"9.9.9\0")
        items = implicit(ITEM, other) if length == "stated" else item(other)
        end = implicit(SEQUENCE_END, b"")
        whole = (
            element(0x0008_1140, b"SQ", items + end, UNDEFINED)
            if length == "undefined"
            else element(SEQUENCE, b"SQ", items)
        )
        assert verdict(IDENTITY + whole) is None

    def test_control_characters_stay_out_of_the_text(self) -> None:
        """It goes into a log."""
        problem = verdict(element(0x0008_0018, b"UI", b"1.2\n3.4\0"))
        assert problem is not None
        assert "1.2\\x0a3.4 instead" in problem.text

    def test_the_first_problem_counts(self) -> None:
        """What follows is not looked at any more."""
        assert status(verdict(IDENTITY + b"nonsense", uids=(CT, "1.2"))) == 0xA900


class TestTheEnd:
    """Of data sets that are cut off, or cannot be followed to their end: C000."""

    def test_in_a_value(self) -> None:
        """The text says of which element, and what is there of it."""
        problem = verdict(IDENTITY + element(0x7FE0_0010, b"OW", bytes(100), 512))
        assert problem == Problem(
            0xC000, f"the data set ends at byte {len(IDENTITY) + 112} in (7FE0,0010), 100 of whose 512 bytes are there"
        )

    def test_in_a_header(self) -> None:
        """The text says where it begins."""
        problem = verdict(IDENTITY + NAME[:5])
        assert problem is not None
        assert problem.text == f"the data set ends at byte {len(IDENTITY) + 5} in the element of byte {len(IDENTITY)}"

    def test_in_a_sequence_that_is_still_open(self) -> None:
        """Between two of its items, or two elements of one."""
        begin = element(SEQUENCE, b"SQ", item(NAME), UNDEFINED)
        problem = verdict(IDENTITY + begin)
        assert problem is not None
        assert f"in (0040,A730) of byte {len(IDENTITY)}, which has no end" in problem.text
        assert "in an item (FFFE,E000) of byte" in str(verdict(begin + implicit(ITEM, NAME, UNDEFINED)))

    @pytest.mark.parametrize("syntax", [*PLAIN, DEFLATED])
    def test_before_anything_has_come(self, syntax: str) -> None:
        """There is no instance without an element."""
        assert status(verdict(b"", syntax)) == 0xC000

    def test_long_before_the_length_that_a_value_states(self) -> None:
        """A length is believed until it turns out to be too long, and never costs memory."""
        data = IDENTITY + element(0x7FE0_0010, b"OW", b"", 0xFFFF_FFFE)
        assert "0 of whose 4294967294 bytes" in str(verdict(data))

    @pytest.mark.parametrize(
        "data",
        [
            implicit(ITEM, b"") + NAME,
            implicit(ITEM_END, b"") + NAME,
            implicit(SEQUENCE_END, b""),
            element(SEQUENCE, b"SQ", NAME, UNDEFINED),
            element(SEQUENCE, b"SQ", item(NAME) + element(0x0040_A040, b"CS", b"TEXT"), UNDEFINED),
        ],
    )
    def test_where_nothing_fits_any_more(self, data: bytes) -> None:
        """An item or a delimiter of no sequence, or elements of no item: something is missing."""
        assert "where it cannot stand" in str(verdict(IDENTITY + data))
        assert status(verdict(IDENTITY + data)) == 0xC000

    def test_nested_too_deep(self) -> None:
        """Nobody nests so deep but to do harm."""
        begin = element(SEQUENCE, b"SQ", implicit(ITEM, b"", UNDEFINED), UNDEFINED)
        end = implicit(ITEM_END, b"") + implicit(SEQUENCE_END, b"")
        assert verdict(IDENTITY + begin * 64 + end * 64) is None
        assert "more than 64 deep" in str(verdict(IDENTITY + begin * 65 + end * 65))

    def test_deflated_streams(self) -> None:
        """Cut off, or none at all."""
        data = deflated(IDENTITY + NAME)
        assert "before its deflated stream does" in str(verdict(data[:-6], DEFLATED))
        assert "cannot be inflated" in str(verdict(b"\xff" * 100_000, DEFLATED))
        assert status(verdict(deflated(IDENTITY + NAME[:-1]), DEFLATED)) == 0xC000


class TestWhatTheFieldDoes:
    """Against the standard, and read by everybody."""

    @pytest.mark.parametrize("count", [2, 4, 7, 8, 12, 511, 70_000])
    def test_zeros_at_the_end(self, count: int) -> None:
        """They are padding, in whole elements or not."""
        assert verdict(IDENTITY + NAME + bytes(count)) is None
        assert verdict(IDENTITY + NAME + bytes(count), cuts=[*range(70, 130, 3)]) is None

    def test_a_zero_that_makes_the_length_even(self) -> None:
        """Behind a value of odd length; one that makes it odd is the beginning of something."""
        odd = IDENTITY + element(0x0010_0010, b"PN", b"Doe")
        assert verdict(odd) is None
        assert verdict(odd + b"\0") is None
        assert status(verdict(IDENTITY + b"\0")) == 0xC000

    def test_zeros_before_the_end(self) -> None:
        """They are a hole where something was lost."""
        data = IDENTITY + bytes(100) + NAME
        assert "after zeros" in str(verdict(data))
        assert verdict(data) == verdict(data, cuts=[*range(0, len(data), 5)])

    @pytest.mark.parametrize("count", [1, 2, 8, 1000])
    def test_nothing_but_zeros(self, count: int) -> None:
        """They pad nothing, and are no instance."""
        assert status(verdict(bytes(count))) == status(verdict(bytes(count), cuts=[1, 5])) == 0xC000

    def test_zeros_in_an_open_item(self) -> None:
        """There they end nothing."""
        data = IDENTITY + element(SEQUENCE, b"SQ", implicit(ITEM, NAME + bytes(6), UNDEFINED), UNDEFINED)
        assert status(verdict(data)) == 0xC000

    def test_the_padding_of_files(self) -> None:
        """(FFFC,FFFC) is an element like others."""
        assert verdict(IDENTITY + element(0xFFFC_FFFC, b"OB", bytes(300))) is None

    def test_odd_lengths(self) -> None:
        """In the middle, too."""
        assert verdict(IDENTITY + element(0x0010_0010, b"PN", b"Doe") + element(0x7FE0_0010, b"OB", b"abc")) is None

    def test_group_lengths(self) -> None:
        """Retired, whatever they say."""
        assert (
            verdict(element(0x0008_0000, b"UL", bytes(4)) + IDENTITY + element(0x0010_0000, b"UL", b"abcd") + NAME)
            is None
        )

    def test_vrs_that_nobody_knows(self) -> None:
        """Two capital letters are a VR of tomorrow with a length of 32 bits, two question marks are none, with 16."""
        future = element(0x0009_1001, b"ZZ\0\0" + (4).to_bytes(4, "little"), b"")[:-2] + b"abcd"
        assert verdict(IDENTITY + future + element(0x0009_1002, b"??", b"abc") + NAME) is None

    def test_elements_in_implicit_vr_among_others(self) -> None:
        """Such as those of sequences that were copied as they were, also with sequences in them."""
        stray = implicit(0x0040_A043, implicit(ITEM, b"abcd") + implicit(SEQUENCE_END, b""), UNDEFINED)
        data = element(SEQUENCE, b"SQ", item(implicit(0x0008_0100, b"1234") + stray + NAME), UNDEFINED)
        assert verdict(IDENTITY + data + implicit(SEQUENCE_END, b"") + NAME) is None

    @pytest.mark.parametrize(("stated", "other"), [(IMPLICIT, EXPLICIT), (EXPLICIT, IMPLICIT)])
    def test_the_other_syntax_without_compression(self, stated: str, other: str) -> None:
        """The bytes are believed, as they are where files are read."""
        data = encode_dataset(instance(), other)
        assert verdict(data, stated) is None
        assert status(verdict(data, stated, uids=(CT, "1.9"), cuts=[3, 9])) == 0xA900

    def test_unknown_vr_of_undefined_length(self) -> None:
        """What is in it is in implicit VR (PS3.5 6.2.2), also when what is around it is big endian."""
        items = item(
            implicit(0x0009_1002, b"abcd") + implicit(0x0009_1003, item(b"") + implicit(SEQUENCE_END, b""), UNDEFINED)
        )
        unknown = element(0x0009_1001, b"UN", items + implicit(SEQUENCE_END, b""), UNDEFINED)
        assert verdict(IDENTITY + unknown + NAME) is None
        assert status(verdict(IDENTITY + unknown + NAME[:-1])) == 0xC000
        big = b"\x00\x08\x00\x18UI\x00\x081.2.3.4\0" + b"\x00\x09\x10\x01UN\0\0\xff\xff\xff\xff"
        assert verdict(big + items + implicit(SEQUENCE_END, b"") + b"\x00\x10\x00\x10PN\x00\x02AB", BIG_ENDIAN) is None

    def test_delimiters_of_the_wrong_kind(self) -> None:
        """They close what is open."""
        swapped = implicit(ITEM, NAME + implicit(SEQUENCE_END, b""), UNDEFINED) + implicit(ITEM_END, b"")
        assert verdict(IDENTITY + element(SEQUENCE, b"SQ", swapped, UNDEFINED) + NAME) is None

    def test_deflated_in_a_zlib_wrapper_and_padded(self) -> None:
        """Against PS3.5 A.5, and common; what follows the stream is not part of it."""
        assert verdict(zlib.compress(IDENTITY + NAME) + b"\0\0", DEFLATED) is None
        assert verdict(deflated(IDENTITY + NAME) + b"\0\0", DEFLATED) is None

    def test_a_transfer_syntax_that_is_not_known(self) -> None:
        """Nobody here knows what its bytes are."""
        assert verdict(b"whatever they are", "1.2.840.113619.9.9") is None

    def test_files_of_all_kinds(self) -> None:
        """Every instance among the files that pydicom is tested with; two of them are cut off, and found."""
        broken, whole = set(), 0
        for path in sorted(FILES.rglob("*.dcm")):
            data = path.read_bytes()
            try:
                head = read_head(data, complete=True)
            except NotAnInstance:
                continue
            assert head is not None
            whole += 1
            data, uids = data[head.data_offset :], (head.sop_class_uid, head.sop_instance_uid)
            found = verdict(data, head.transfer_syntax_uid, uids=uids)
            assert found == verdict(data, head.transfer_syntax_uid, uids=uids, cuts=[*range(0, 5000, 13)])
            if found:
                broken.add(path.name)
        assert whole > 50
        assert broken == {"MR_truncated.dcm", "rtplan_truncated.dcm"}


class TestCompressedPixelData:
    FRAGMENTS = implicit(ITEM, b"") + implicit(ITEM, bytes(5000)) + implicit(ITEM, b"\xff\xd8" * 7)

    def test_fragments(self) -> None:
        """They are jumped over one by one."""
        data = IDENTITY + element(0x7FE0_0010, b"OB", self.FRAGMENTS + implicit(SEQUENCE_END, b""), UNDEFINED)
        assert verdict(data, JPEG) is None
        assert verdict(data, JPEG, cuts=[*range(0, len(data), 17)]) is None

    def test_fragments_without_an_end(self) -> None:
        """What a sender leaves out that dies after the last one."""
        data = IDENTITY + element(0x7FE0_0010, b"OB", self.FRAGMENTS, UNDEFINED)
        assert "in (7FE0,0010) of byte" in str(verdict(data, JPEG))

    def test_a_fragment_that_is_cut(self) -> None:
        """The item is what the text names."""
        data = IDENTITY + element(0x7FE0_0010, b"OB", self.FRAGMENTS[:-1], UNDEFINED)
        assert "in an item (FFFE,E000), 13 of whose 14 bytes are there" in str(verdict(data, JPEG))


class TestCosts:
    def test_nothing_is_held_of_a_value(self) -> None:
        """Neither of a long one nor of many pieces."""
        piece = memoryview(bytes(1 << 20))
        head = memoryview(IDENTITY + element(0x7FE0_0010, b"OW", b"", 100 << 20))
        walk = Walk(EXPLICIT, CT, INSTANCE)
        tracemalloc.start()
        walk.feed([head])
        for _ in range(100):
            walk.feed([piece])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert walk.end() is None
        assert peak < 100_000

    def test_a_deflated_bomb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is inflated in steps, and to a limit."""
        monkeypatch.setattr("dicomnet.storage.walk.MOST_INFLATED", 64 << 20)
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        pieces = [compressor.compress(IDENTITY + element(0x7FE0_0010, b"OW", b"", 0xFFFF_FFFE))]
        pieces += [compressor.compress(bytes(1 << 24)) for _ in range(5)]
        walk = Walk(DEFLATED, CT, INSTANCE)
        tracemalloc.start()
        walk.feed([memoryview(piece) for piece in pieces if piece])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert "inflates to more than 64 MiB" in str(walk.end())
        assert peak < 4 << 20

    def test_bytes_one_by_one(self) -> None:
        """Each costs a little, not all that came before."""
        data = memoryview(IDENTITY + b"".join(element(0x0009_1001, b"LO", bytes(60_000)) for _ in range(4)))
        walk = Walk(EXPLICIT, CT, INSTANCE)
        began = time.process_time()
        walk.feed([data[index : index + 1] for index in range(len(data))])
        assert walk.end() is None
        assert time.process_time() - began < 10


def instance() -> Dataset:
    """The data set of a CT with a name."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientName = CT, INSTANCE, "Doe^John"
    return dataset


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    """Elements of every kind of header, and sequences with and without a stated length."""
    dataset = Dataset()
    text = st.text("ABC", max_size=20)
    for keyword in ("CodeValue", "CodeMeaning", "PatientName", "TextValue", "LongCodeValue"):
        if draw(st.booleans()):
            setattr(dataset, keyword, draw(text))
    if draw(st.booleans()):
        dataset.add_new(0x0009_1001, "UN", draw(st.binary(max_size=12).map(lambda value: value + value)))
    if draw(st.booleans()):
        dataset.add_new(0x7FE0_0010, "OW", draw(st.binary(max_size=40).map(lambda value: value + value)))
    if depth and draw(st.booleans()):
        items = draw(st.lists(data_sets(depth - 1), max_size=3))
        for each in items:
            each.is_undefined_length_sequence_item = draw(st.booleans())
        dataset.ContentSequence = Sequence(items)
        dataset["ContentSequence"].is_undefined_length = draw(st.booleans())
    return dataset


@st.composite
def instances(draw: st.DrawFn) -> Dataset:
    """The same with an identity."""
    dataset = draw(data_sets())
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, INSTANCE
    return dataset


CUTS = st.lists(st.integers(0, 10_000), max_size=12)


class TestProperties:
    @given(dataset=instances(), syntax=st.sampled_from([*PLAIN, DEFLATED]), cuts=CUTS)
    def test_whole_data_sets_have_no_problem(self, dataset: Dataset, syntax: str, cuts: list[int]) -> None:
        """However they are cut on the way."""
        assert verdict(encode_dataset(dataset, syntax), syntax, cuts=cuts) is None

    @given(dataset=instances(), syntax=st.sampled_from(PLAIN), cuts=CUTS)
    def test_what_ends_in_an_element_is_found(self, dataset: Dataset, syntax: str, cuts: list[int]) -> None:
        """Every beginning but those that end between two elements of the data set itself."""
        data = encode_dataset(dataset, syntax)
        ends = {*accumulate(len(encode_dataset(dataset[tag : tag + 1], syntax)) for tag in sorted(dataset.keys()))}
        assert max(ends) == len(data)
        for length in range(len(data)):
            found = verdict(data[:length], syntax, cuts=cuts)
            assert status(found) == (None if length in ends else 0xC000), found

    @given(dataset=instances(), cut=st.integers(1, 10_000))
    def test_a_deflated_data_set_that_is_cut_is_found(self, dataset: Dataset, cut: int) -> None:
        """But for the NUL that makes it even, and the last bits, without which nothing is missing."""
        data = deflated(encode_dataset(dataset, EXPLICIT))
        assert status(verdict(data[: -3 - cut % (len(data) - 3)], DEFLATED)) == 0xC000

    @given(
        data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda noise: IDENTITY + noise),
        syntax=st.sampled_from([*PLAIN, DEFLATED, JPEG]),
        cuts=CUTS,
    )
    def test_noise(self, data: bytes, syntax: str, cuts: list[int]) -> None:
        """Nothing is raised, and what is said of it does not depend on how it was cut."""
        whole, pieces = verdict(data, syntax), verdict(data, syntax, cuts=cuts)
        assert status(whole) == status(pieces)
        assert whole == pieces or syntax == DEFLATED

    @given(
        dataset=instances(), syntax=st.sampled_from(PLAIN), at=st.integers(0, 5000), byte=st.integers(0, 255), cuts=CUTS
    )
    def test_damaged_bytes(self, dataset: Dataset, syntax: str, at: int, byte: int, cuts: list[int]) -> None:
        """The same for a data set of which one byte is wrong."""
        data = bytearray(encode_dataset(dataset, syntax))
        data[at % len(data)] = byte
        assert verdict(bytes(data), syntax) == verdict(bytes(data), syntax, cuts=cuts)
