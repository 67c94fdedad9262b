"""The header of a file, written and read."""

from __future__ import annotations

import hashlib
import re
import warnings
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, strategies as st

from dicomnet import uids
from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.part10 import (
    FileHead,
    data_set_identity,
    data_set_start_problem,
    file_header,
    read_head,
    with_group_lengths,
)

CT = uids.CTImageStorage

PLAIN = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
EXAMPLE = {
    "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
    "sop_instance_uid": "1.2.3.4",
    "transfer_syntax_uid": "1.2.840.10008.1.2.1",
    "implementation_class_uid": "1.2.3.999",
    "implementation_version_name": "X1",
    "sending_ae": "MOD",
    "receiving_ae": "ARCH",
}
EXAMPLE_BYTES = bytes(128) + b"".join(
    (
        b"DICM",
        b"\2\0\0\0UL\4\0" + (144).to_bytes(4, "little"),
        b"\2\0\1\0OB\0\0\2\0\0\0\0\1",
        b"\2\0\2\0UI\x1a\x00" + b"1.2.840.10008.5.1.4.1.1.2\0",
        b"\2\0\3\0UI\x08\x00" + b"1.2.3.4\0",
        b"\2\0\x10\0UI\x14\x00" + b"1.2.840.10008.1.2.1\0",
        b"\2\0\x12\0UI\x0a\x00" + b"1.2.3.999\0",
        b"\2\0\x13\0SH\x02\x00" + b"X1",
        b"\2\0\x17\0AE\x04\x00" + b"MOD ",
        b"\2\0\x18\0AE\x04\x00" + b"ARCH",
    )
)
DEFLATED_HEADER = file_header(**EXAMPLE | {"transfer_syntax_uid": uids.DeflatedExplicitVRLittleEndian})

# All but a DICOMDIR and four fragments that name no instance.
FILES = [
    path
    for path in sorted((Path(pydicom.__file__).parent / "data").rglob("*.dcm"))
    if not re.match(r"DICOMDIR|empty_charset|meta_missing|nested_priv|no_meta\.", path.name)
]


class TestWriting:
    def test_worked_example(self) -> None:
        """Preamble, DICM and group 0002, byte by byte (PS3.10 7.1)."""
        assert file_header(**EXAMPLE) == EXAMPLE_BYTES
        assert (
            hashlib.sha256(EXAMPLE_BYTES).hexdigest()
            == "7fb1a150f501e29517bce60c2e0259c852c847407764911aced2bb2e97b782ac"
        )

    def test_pydicom_reads_it(self) -> None:
        """Another implementation finds every element, and its own bytes for them are the same."""
        meta = pydicom.dcmread(BytesIO(file_header(**EXAMPLE) + explicit())).file_meta
        assert meta.MediaStorageSOPInstanceUID == "1.2.3.4"
        assert meta.ReceivingApplicationEntityTitle == "ARCH"
        buffer = BytesIO()
        pydicom.filewriter.write_file_meta_info(buffer, meta)
        assert bytes(128) + b"DICM" + buffer.getvalue() == file_header(**EXAMPLE)

    def test_names_this_implementation(self) -> None:
        """Without being told otherwise, the writer is this library; titles nobody gave are left out."""
        header = file_header(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid="1.2.840.10008.1.2")
        assert uids.IMPLEMENTATION_CLASS_UID.encode() in header
        assert uids.IMPLEMENTATION_VERSION_NAME.encode() in header
        assert b"\2\0\x17\0" not in header
        assert b"\2\0\x18\0" not in header

    def test_padding_from_the_wire_goes(self) -> None:
        """UIDs and titles that come padded are stripped before they are padded again."""
        padded = EXAMPLE | {
            "sop_instance_uid": "1.2.3.4\0",
            "sending_ae": "  MOD ",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1 ",
        }
        assert file_header(**padded) == EXAMPLE_BYTES

    @pytest.mark.parametrize(
        "wrong",
        [
            {"sop_instance_uid": "1" * 70_000},
            {"sop_instance_uid": "1.2.\u20ac"},
            {"sending_ae": "SEVENTEEN LETTERS"},
            {"receiving_ae": "KÖLN"},
            {"implementation_version_name": "MORE THAN SIXTEEN"},
        ],
    )
    def test_refuses_what_does_not_fit(self, wrong: dict[str, str]) -> None:
        """A value that its element cannot hold is an error, not a broken file."""
        with pytest.raises(InvalidValue):
            file_header(**EXAMPLE | wrong)

    def test_keeps_a_long_uid_of_a_peer(self) -> None:
        """A UID above 64 characters breaks PS3.5 9.1, but whether it is kept is decided elsewhere."""
        long = "1." + "2" * 98
        header = file_header(**EXAMPLE | {"sop_instance_uid": long})
        assert head(header + explicit()).meta_sop_instance_uid == long


class TestReading:
    def test_what_we_write(self) -> None:
        """Everything comes back, and the offset is where the data set begins."""
        assert head(EXAMPLE_BYTES + explicit()) == FileHead(
            transfer_syntax_uid=uids.ExplicitVRLittleEndian,
            sop_class_uid=CT,
            sop_instance_uid="1.2.3.4",
            data_offset=288,
            meta_sop_class_uid=CT,
            meta_sop_instance_uid="1.2.3.4",
            meta_transfer_syntax_uid=uids.ExplicitVRLittleEndian,
            difference=None,
        )

    @pytest.mark.parametrize("syntax", PLAIN)
    def test_byte_by_byte(self, syntax: str) -> None:
        """Before the identity is complete the answer is "not yet"; afterwards it does not change."""
        whole = file_header(**EXAMPLE | {"transfer_syntax_uid": syntax}) + encode(
            syntax, {0x0016: CT, 0x0018: "1.2.3.4", 0x103E: "fills the length of a preamble" * 5}
        )
        full = head(whole)
        answers = [read_head(whole[:size], complete=False) for size in range(len(whole) + 1)]
        assert answers[-1] == full
        assert set(answers) == {None, full}
        assert answers == sorted(answers, key=lambda answer: answer is not None)

    def test_data_set_rules_over_group_0002(self) -> None:
        """The identity is that of the data set; that group 0002 says something else is told."""
        found = head(EXAMPLE_BYTES + explicit(instance="1.2.3.5", class_=uids.MRImageStorage))
        assert (found.sop_class_uid, found.sop_instance_uid) == (uids.MRImageStorage, "1.2.3.5")
        assert found.meta_sop_instance_uid == "1.2.3.4"
        assert found.difference == (
            f"SOP class UID is {uids.MRImageStorage} in the data set and {CT} in group 0002; "
            "SOP instance UID is 1.2.3.5 in the data set and 1.2.3.4 in group 0002"
        )

    def test_group_0002_serves_when_the_data_set_says_nothing(self) -> None:
        """A data set without (0008,0016) and (0008,0018) goes by what the header says."""
        found = head(EXAMPLE_BYTES + encode("1.2.840.10008.1.2.1", {0x0060: "CT"}))
        assert (found.sop_class_uid, found.sop_instance_uid) == (CT, "1.2.3.4")
        assert found.difference is None

    def test_padding_of_uids_goes(self) -> None:
        """Spaces where a NUL belongs are stripped, as on the wire."""
        at = EXAMPLE_BYTES.index(b"10008.1.2.1\0") + 11
        found = head(EXAMPLE_BYTES[:at] + b" " + EXAMPLE_BYTES[at + 1 :] + explicit(instance="1.2.3.4  "))
        assert found.transfer_syntax_uid == uids.ExplicitVRLittleEndian
        assert found.sop_instance_uid == "1.2.3.4"

    @pytest.mark.parametrize("stated", [0, 1, 14, 143, 150, 1000, 0xFFFFFFFF])
    def test_wrong_group_length(self, stated: int) -> None:
        """The elements are walked, whatever (0002,0000) says."""
        broken = EXAMPLE_BYTES[:140] + stated.to_bytes(4, "little") + EXAMPLE_BYTES[144:]
        assert head(broken + explicit()) == head(EXAMPLE_BYTES + explicit())

    def test_no_group_length(self) -> None:
        """Group 0002 may do without its first element."""
        assert head(EXAMPLE_BYTES[:132] + EXAMPLE_BYTES[144:] + explicit()).data_offset == 276

    def test_unknown_elements_are_passed_over(self) -> None:
        """Other elements of group 0002, long ones too, change nothing but the offset."""
        private = b"\2\0\2\1OB\0\0" + (5000).to_bytes(4, "little") + bytes(5000)
        whole = EXAMPLE_BYTES + private + explicit()
        assert head(whole).data_offset == 288 + len(private)
        assert read_head(whole[:4096], complete=False) is None

    def test_sequences_before_the_identity(self) -> None:
        """Sequences of either kind of length, nested ones too, are skipped (PS3.5 7.5)."""
        inner = b"\10\0\6\0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff" + b"\10\0\x60\0CS\2\0CT"
        inner += b"\xfe\xff\r\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
        outer = b"\10\0\6\0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff" + inner
        outer += b"\xfe\xff\r\xe0\0\0\0\0" + b"\xfe\xff\0\xe0\4\0\0\0abcd" + b"\xfe\xff\xdd\xe0\0\0\0\0"
        assert head(EXAMPLE_BYTES + outer + explicit(instance="1.2.3.5")).sop_instance_uid == "1.2.3.5"

    def test_a_long_way_to_the_identity_is_not_gone(self) -> None:
        """Beyond 64 KiB of other elements group 0002 has to do; no more is asked for."""
        far = b"\10\0\5\0OB\0\0" + (1 << 17).to_bytes(4, "little")
        assert read_head(EXAMPLE_BYTES + far + bytes(65_000), complete=False) is None
        found = read_head(EXAMPLE_BYTES + far + bytes(65_536), complete=False)
        assert found is not None
        assert found.sop_instance_uid == "1.2.3.4"

    def test_group_0002_without_an_end(self) -> None:
        """Beyond 1 MiB it is no header any more, and no more is read to find its end."""
        longest = (1 << 20) - len(EXAMPLE_BYTES) - 12
        private = b"\2\0\2\1OB\0\0" + longest.to_bytes(4, "little") + bytes(longest)
        assert head(EXAMPLE_BYTES + private + explicit()).data_offset == 1 << 20
        private = b"\2\0\2\1OB\0\0" + (longest + 2).to_bytes(4, "little")
        with pytest.raises(StorageError, match="does not end within 1 MiB"):
            read_head(EXAMPLE_BYTES + private, complete=False)

    def test_a_data_set_without_bytes(self) -> None:
        """It begins where the file ends; of a file that is not whole nothing is said."""
        assert head(EXAMPLE_BYTES).data_offset == len(EXAMPLE_BYTES)
        assert read_head(EXAMPLE_BYTES, complete=False) is None

    def test_a_file_cut_in_its_first_elements(self) -> None:
        """What can be read counts, the rest comes from group 0002."""
        assert head(EXAMPLE_BYTES + explicit(instance="1.2.3.5")[:-2]).sop_instance_uid == "1.2.3.4"


class TestDeflated:
    def test_head_is_inflated(self) -> None:
        """The identity is read through the deflation."""
        assert head(DEFLATED_HEADER + deflate(explicit(instance="1.2.9"))).sop_instance_uid == "1.2.9"

    def test_with_a_zlib_header(self) -> None:
        """Some senders wrap the stream in zlib; the bytes stay, but are understood."""
        assert head(DEFLATED_HEADER + zlib.compress(explicit(instance="1.2.9"))).sop_instance_uid == "1.2.9"

    def test_a_bomb_is_not_inflated(self) -> None:
        """Only the head is inflated, whatever the stream would become."""
        bomb = deflate(b"\10\0\5\0OB\0\0\0\0\0\1" + bytes(1 << 24))
        assert head(DEFLATED_HEADER + bomb).sop_instance_uid == "1.2.3.4"

    def test_garbage(self) -> None:
        """What cannot be inflated is not looked at."""
        assert head(DEFLATED_HEADER + b"\xff" * 300).sop_instance_uid == "1.2.3.4"
        assert head(DEFLATED_HEADER + b"\x78" * 300).sop_instance_uid == "1.2.3.4"

    def test_garbage_is_not_read_to_its_end(self) -> None:
        """Beyond 64 KiB no more is asked for, also when nothing at all could be inflated."""
        assert read_head(DEFLATED_HEADER + b"\xff" * 65_535, complete=False) is None
        found = read_head(DEFLATED_HEADER + b"\xff" * 65_536, complete=False)
        assert found is not None
        assert found.sop_instance_uid == "1.2.3.4"

    def test_a_stream_that_looks_like_group_0002(self) -> None:
        """The stated group length says where deflated bytes begin, even if they begin like an element."""
        assert head(DEFLATED_HEADER + b"\2\0\x20\0UI\4\0abcd" + bytes(300)).data_offset == len(DEFLATED_HEADER)


class TestOldFiles:
    @pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
    def test_without_group_0002(self, syntax: str) -> None:
        """A file that begins with its data set has its syntax guessed."""
        found = head(encode(syntax, {0x0005: "ISO_IR 100", 0x0016: CT, 0x0018: "1.2.3.4"}))
        assert found.transfer_syntax_uid == syntax
        assert (found.sop_class_uid, found.sop_instance_uid) == (CT, "1.2.3.4")
        assert found.data_offset == 0
        assert found.meta_sop_class_uid is None

    def test_preamble_without_group_0002(self) -> None:
        """The same behind a preamble."""
        found = head(bytes(128) + b"DICM" + explicit())
        assert (found.data_offset, found.transfer_syntax_uid) == (132, uids.ExplicitVRLittleEndian)

    def test_group_0002_without_preamble(self) -> None:
        """The preamble may be lost."""
        found = head(EXAMPLE_BYTES[132:] + explicit())
        assert (found.data_offset, found.meta_sop_instance_uid) == (156, "1.2.3.4")

    def test_group_0002_without_transfer_syntax(self) -> None:
        """A header that does not state the syntax leaves it to be guessed."""
        at = EXAMPLE_BYTES.index(b"\2\0\x10\0UI")
        found = head(
            EXAMPLE_BYTES[:at] + EXAMPLE_BYTES[at + 28 :] + encode("1.2.840.10008.1.2", {0x0016: CT, 0x0018: "1.2.3.4"})
        )
        assert found.transfer_syntax_uid == uids.ImplicitVRLittleEndian

    @pytest.mark.parametrize("stated", PLAIN)
    @pytest.mark.parametrize("actual", PLAIN)
    def test_uncompressed_syntaxes_mixed_up(self, stated: str, actual: str) -> None:
        """A data set in another one than group 0002 says: its bytes decide, or no peer could read it; and it is told."""
        found = head(
            file_header(**EXAMPLE | {"transfer_syntax_uid": stated}) + encode(actual, {0x0016: CT, 0x0018: "1.2.3.4"})
        )
        assert (found.transfer_syntax_uid, found.meta_transfer_syntax_uid) == (actual, stated)
        assert (found.sop_class_uid, found.sop_instance_uid) == (CT, "1.2.3.4")
        text = f"transfer syntax UID is {actual} in the data set and {stated} in group 0002"
        assert found.difference == (None if stated == actual else text)

    @pytest.mark.parametrize(
        ("stated", "data"),
        [
            ("1.2.840.10008.1.2.1", b"\10\0\5\0??\2\0AB"),  # a VR that nobody knows
            ("1.2.840.10008.1.2.1", b"\x10\0\x10\0\4\0\0\0ABCD"),  # not where a data set begins
            ("1.2.840.10008.1.2.2", b"\1\0\0\x10LO\0\2AB"),
            ("1.2.840.10008.1.2.2", b"\0\10\0\5\0\0\0\2AB"),  # implicit VR big endian was never anything
            ("1.2.840.10008.1.2.4.50", b"\10\0\5\0\4\0\0\0ABCD"),  # compressed: what it was before, nobody can say
            ("1.2.3.4", b"\10\0\5\0\4\0\0\0ABCD"),
        ],
    )
    def test_a_doubt_leaves_what_is_stated(self, stated: str, data: bytes) -> None:
        """Only a data set that begins like one of another uncompressed syntax, and like none of this, is believed."""
        found = head(file_header(**EXAMPLE | {"transfer_syntax_uid": stated}) + data)
        assert found.transfer_syntax_uid == stated
        assert found.difference is None


class TestWhatIsNoInstance:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "it is empty"),
            (b"hello, world" * 100, "neither"),
            (b"\10\0", "no SOP class UID"),
            (b"\0\10\x16\0\0\0\0\0", "transfer syntax is not stated"),
            (b"\2\0\2\0UI\x40\0" + b"1.2", "ends before"),
        ],
    )
    def test_is_refused(self, data: bytes, reason: str) -> None:
        """The error names the file and says what is missing."""
        with pytest.raises(NotAnInstance, match=reason) as caught:
            read_head(data, complete=True, path="a/b.dcm")
        assert caught.value.path == "a/b.dcm"

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (bytes(128) + b"DICM", "ends before"),
            (bytes(128) + b"DICM\2\0\2\0UI\x40\0" + b"1.2", "ends before"),
            (bytes(128) + b"DICM\2\0\2\1OB\0\0\xff\xff\xff\xff" + bytes(500), "does not end"),
            (EXAMPLE_BYTES + EXAMPLE_BYTES, "preamble of a file"),
        ],
    )
    def test_a_damaged_file_is_no_file_without_an_instance(self, data: bytes, reason: str) -> None:
        """What calls itself DICOM should have been sent, so it has failed and is not skipped."""
        with pytest.raises(StorageError, match=f"a/b.dcm: .*{reason}") as caught:
            read_head(data, complete=True, path="a/b.dcm")
        assert not isinstance(caught.value, NotAnInstance)
        assert caught.value.status == 0xC000

    def test_dicomdir(self) -> None:
        """A DICOMDIR is a file only and never sent (PS3.10 8)."""
        with pytest.raises(NotAnInstance, match="DICOMDIR"):
            head(file_header(**EXAMPLE | {"sop_class_uid": "1.2.840.10008.1.3.10"}) + explicit())
        with pytest.raises(NotAnInstance, match="DICOMDIR"):
            head(EXAMPLE_BYTES + explicit(class_=uids.MediaStorageDirectoryStorage))

    def test_a_file_in_a_file(self) -> None:
        """A data set that is itself a whole file would not be understood by any peer."""
        with pytest.raises(StorageError, match="preamble"):
            head(EXAMPLE_BYTES + EXAMPLE_BYTES + explicit())
        with pytest.raises(StorageError, match="group 0000"):
            head(EXAMPLE_BYTES + bytes(200))


class TestStartOfADataSet:
    def test_what_belongs_there(self) -> None:
        """A data set that begins with group 0008 has no problem, in whatever syntax."""
        for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.3.4"):
            assert data_set_start_problem(encode(syntax, {0x0016: CT}), syntax) is None
        assert data_set_start_problem(b"", "1.2.840.10008.1.2") is None

    def test_what_does_not(self) -> None:
        """Preambles, group 0002 and group 0000 do not belong in a data set (PS3.10 7.1)."""
        assert "preamble" in str(data_set_start_problem(EXAMPLE_BYTES, "1.2.840.10008.1.2"))
        assert "group 0002" in str(data_set_start_problem(EXAMPLE_BYTES[132:], "1.2.840.10008.1.2.1"))
        assert "group 0002" in str(data_set_start_problem(b"\0\2\0\2", "1.2.840.10008.1.2.2"))
        assert "group 0000" in str(data_set_start_problem(bytes(8), "1.2.840.10008.1.2"))

    def test_deflated_bytes_have_no_tags(self) -> None:
        """Of deflated bytes only the preamble of a file can be told."""
        assert data_set_start_problem(b"\2\0\2\0", uids.DeflatedExplicitVRLittleEndian) is None
        assert "preamble" in str(data_set_start_problem(EXAMPLE_BYTES, uids.DeflatedExplicitVRLittleEndian))


def test_identity_of_a_received_data_set() -> None:
    """The first bytes of a data set tell whose it is, as soon as they do."""
    data = explicit(instance="1.2.9")
    assert data_set_identity(data, uids.ExplicitVRLittleEndian, complete=False) == (CT, "1.2.9")
    assert data_set_identity(data[:-1], uids.ExplicitVRLittleEndian, complete=False) is None
    assert data_set_identity(data[:-1], uids.ExplicitVRLittleEndian, complete=True) == (CT, None)
    assert data_set_identity(b"", "1.2.3.4", complete=True) == (None, None)


class TestGroupLengths:
    def test_stand_before_each_group(self) -> None:
        """An element of 12 bytes with the length of what follows of its group (PS3.5 7.2)."""
        one, other = explicit(), b"\x10\0\x20\0LO\2\0ID"
        assert with_group_lengths(one + other, uids.ExplicitVRLittleEndian) == (
            b"\x08\0\0\0UL\4\0" + bytes([len(one), 0, 0, 0]) + one + b"\x10\0\0\0UL\4\0\x0a\0\0\0" + other
        )
        assert with_group_lengths(b"\0\x10\0\x20LO\0\2ID", uids.ExplicitVRBigEndian) == (
            b"\0\x10\0\0UL\0\4\0\0\0\x0a" + b"\0\x10\0\x20LO\0\2ID"
        )
        assert with_group_lengths(b"\x10\0\x20\0\2\0\0\0ID", uids.ImplicitVRLittleEndian) == (
            b"\x10\0\0\0\4\0\0\0\x0a\0\0\0" + b"\x10\0\x20\0\2\0\0\0ID"
        )
        assert with_group_lengths(b"", uids.ExplicitVRLittleEndian) == b""

    def test_sequences_belong_to_their_group(self) -> None:
        """Elements of other groups within them do not count, not even where the VR was lost (PS3.5 6.2.2)."""
        lost = b"\x09\0\x10\x10UN\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff" + b"\x10\0\x20\0\2\0\0\0ID"
        lost += b"\xfe\xff\r\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
        assert with_group_lengths(lost, uids.ExplicitVRLittleEndian)[8:] == bytes([len(lost), 0, 0, 0]) + lost

    @pytest.mark.parametrize("data", [b"\x08", b"\x10\0\x20\0LO\4\0ID", b"\xfe\xff\xdd\xe0\0\0\0\0" + b"\x10"])
    def test_garbage(self, data: bytes) -> None:
        """Bytes that are no data set are refused."""
        with pytest.raises(InvalidValue):
            with_group_lengths(data, uids.ExplicitVRLittleEndian)

    @given(st.binary(max_size=200), st.sampled_from([uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian]))
    def test_any_bytes(self, data: bytes, syntax: str) -> None:
        """Refused, or grown by 12 bytes a group."""
        with suppress(InvalidValue):
            assert (len(with_group_lengths(data, syntax)) - len(data)) % 12 == 0


class TestAgainstPydicom:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_head_is_what_pydicom_reads(self, path: Path) -> None:
        """On real files of all sorts both find the same."""
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        ours = head(data)
        assert ours.sop_class_uid == theirs.get("SOPClassUID", theirs.file_meta.get("MediaStorageSOPClassUID"))
        assert ours.sop_instance_uid == theirs.get("SOPInstanceUID", theirs.file_meta.get("MediaStorageSOPInstanceUID"))
        assert ours.meta_sop_instance_uid == theirs.file_meta.get("MediaStorageSOPInstanceUID")
        assert ours.transfer_syntax_uid == theirs.file_meta.get("TransferSyntaxUID", ours.transfer_syntax_uid)
        assert read_head(data[:4096], complete=len(data) <= 4096) == ours


class TestAnyBytes:
    @given(st.binary(max_size=600), st.booleans())
    def test_garbage(self, data: bytes, complete: bool) -> None:
        """Whatever the bytes: a head, "not yet" when there may be more, or a `StorageError`."""
        outcome(data, complete)

    @given(st.data(), st.booleans())
    def test_mutated_files(self, draw: st.DataObject, complete: bool) -> None:
        """The same for files with a few bytes changed or lost."""
        data = bytearray(draw.draw(st.sampled_from(SEEDS)))
        for _ in range(draw.draw(st.integers(0, 4))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        outcome(bytes(data[: draw.draw(st.integers(0, len(data)))]), complete)

    @given(st.binary(max_size=300), st.sampled_from(sorted(uids.TRANSFER_SYNTAXES)), st.booleans())
    def test_data_sets(self, data: bytes, syntax: str, complete: bool) -> None:
        """Neither look at the start of a data set ever fails."""
        identity = data_set_identity(data, syntax, complete=complete)
        assert identity is not None or not complete
        data_set_start_problem(data, syntax)


def outcome(data: bytes, complete: bool) -> None:
    try:
        found = read_head(data, complete=complete)
    except StorageError:
        return
    if found is None:
        assert not complete
    else:
        assert found.sop_class_uid
        assert found.sop_instance_uid
        assert 0 <= found.data_offset <= len(data)


def head(data: bytes) -> FileHead:
    found = read_head(data, complete=True)
    assert found is not None
    return found


def explicit(*, instance: str = "1.2.3.4", class_: str = CT) -> bytes:
    return encode("1.2.840.10008.1.2.1", {0x0016: class_, 0x0018: instance})


def encode(syntax: str, elements: dict[int, str]) -> bytes:
    """Elements of group 0008, all as VR UI."""
    order = "big" if syntax == "1.2.840.10008.1.2.2" else "little"
    implicit = syntax == "1.2.840.10008.1.2"
    parts = []
    for element, text in elements.items():
        value = text.encode() + b"\0" * (len(text) % 2)
        length = len(value).to_bytes(4, order) if implicit else b"UI" + len(value).to_bytes(2, order)
        parts.append((8).to_bytes(2, order) + element.to_bytes(2, order) + length + value)
    return b"".join(parts)


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


SEEDS = [
    EXAMPLE_BYTES + explicit(),
    EXAMPLE_BYTES[132:] + explicit(),
    DEFLATED_HEADER + deflate(explicit()),
    encode("1.2.840.10008.1.2", {0x0016: CT, 0x0018: "1.2.3.4"}),
    file_header(**EXAMPLE | {"transfer_syntax_uid": "1.2.840.10008.1.2.2"})
    + encode("1.2.840.10008.1.2.2", {0x0016: CT}),
]
