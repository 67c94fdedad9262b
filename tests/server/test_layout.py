"""Where an instance is kept below a folder, by its attributes."""

from __future__ import annotations

import errno
import gc
import subprocess
import sys
import zlib
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import pydicom
import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.logs import without_patients
from dicomnet.server.layout import MOST_HEAD, HeadReader, Layout, LayoutSink, mask_patients, safe_name
from dicomnet.storage.disk import Disk
from dicomnet.storage.files import FileSink
from dicomnet.storage.folder import Folder
from dicomnet.storage.platform import OpenFolder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming
from dicomnet.types import UID
from dicomnet.uids import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from faulty import FAULTS, FaultyDisk, names, no_descriptor_left, parts

PATIENT_ID, MODALITY, STUDY, SERIES, SERIES_NUMBER = 0x0010_0020, 0x0008_0060, 0x0020_000D, 0x0020_000E, 0x0020_0011
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
FULL = "{PatientID}/{StudyInstanceUID}/{Modality}/{instance}.dcm"


class TestText:
    def test_a_path_of_attributes(self) -> None:
        """What is needed is known by tag; what is given makes the path."""
        layout = Layout(FULL)
        assert layout.names == {PATIENT_ID: "PatientID", STUDY: "StudyInstanceUID", MODALITY: "Modality"}
        values = {PATIENT_ID: "P1", STUDY: "1.2.3", MODALITY: "CT"}
        assert layout.path(incoming(), values) == PurePosixPath("P1/1.2.3/CT/1.2.3.4.dcm")

    def test_names_of_our_own(self) -> None:
        """They need no attribute; UIDs become keywords where there are some."""
        layout = Layout("{calling}-{called}/{sop_class}/{transfer_syntax}/{instance}.dcm")
        assert layout.names == {}
        path = layout.path(incoming(), {})
        assert path == PurePosixPath("MOD-ARCH/CTImageStorage/ExplicitVRLittleEndian/1.2.3.4.dcm")
        unknown = Incoming(UID("1.2.9"), None, UID("CTImageStorage"), None, None, "C-STORE-RQ")
        first, second, third, last = layout.path(unknown, {}).parts
        assert (first, second) == ("unknown-unknown", "1.2.9")
        assert third.startswith("CTImageStorage~")
        assert last.startswith("sha256-")

    def test_by_default_the_instance(self) -> None:
        """As a folder without layout names it."""
        assert Layout().path(incoming(), {}) == PurePosixPath("1.2.3.4.dcm")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{PatientId}", "{PatientID} is the nearest"),
            ("{instanc}", "{instance} is the nearest"),
            ("{AffectedSOPInstanceUID}", "no attribute of an instance"),
            ("{TransferSyntaxUID}", "no attribute of an instance"),
            ("{PixelData}", "VR OB, which makes no name"),
            ("{ReferencedStudySequence}", "VR SQ, which makes no name"),
            *((f"{{{name}}}", "in braces stand names") for name in ("", "0", "a.b", "a[0]", "a!r", "a:>9", "a b")),
            ("{{instance}}", "in braces stand names"),
            ("{instance", "in braces stand names"),
            ("instance}", "in braces stand names"),
            ("", "cannot be the name"),
            ("/{instance}", "cannot be the name"),
            ("a//{instance}", "cannot be the name"),
            ("{instance}/", "cannot be the name"),
            ("../{instance}", "cannot be the name"),
            ("a/../{instance}", "cannot be the name"),
            ("./{instance}", "cannot be the name"),
            ("{instance}.", "cannot be the name"),
            ("{instance} ", "cannot be the name"),
            (".{PatientID}.{SeriesNumber}-{InstanceNumber}.part", "would be taken for a temporary file"),
            *((f"a{c}b/{{instance}}", "cannot be part of the name") for c in '\\\0\n<>:"|?*~\x7f'),
            ("nul.dcm", "a device on Windows"),
            ("{PatientID}{StudyID}", "must stand between"),
            ("{StudyInstanceUID}.{SeriesInstanceUID}", "must stand between"),
            ("{PatientID}x{StudyID}", "must stand between"),
            ("x" * 240 + "{PatientID}", "longer than a file system takes"),
            ("{PatientID}-{StudyID}-{SeriesNumber}-{Modality}", "longer than a file system takes"),
        ],
    )
    def test_what_is_no_layout(self, text: str, reason: str) -> None:
        """It is refused when it is made, with what is wrong with it."""
        with pytest.raises(InvalidValue) as caught:
            Layout(text)
        assert reason in str(caught.value)

    @pytest.mark.parametrize("text", [".kept/{instance}.dcm", "{PatientID}.part", "names.mark/{instance}"])
    def test_what_is_hidden_or_called_so_is_not_yet_a_temporary_file(self, text: str) -> None:
        """It takes both."""
        assert Layout(text).path(incoming(), {}).parts

    def test_storing_needs_no_dictionary(self, tmp_path: Path) -> None:
        """pydicom looks keywords up, once; without any it is not even loaded."""
        program = f"""
import sys
from dicomnet.server.layout import Layout, LayoutSink
from dicomnet.storage.sinks import Incoming
plain = Layout("{{calling}}/{{instance}}.dcm")
assert "pydicom" not in sys.modules
layout = Layout({FULL!r})
for name in [name for name in sys.modules if name.partition(".")[0] == "pydicom"]:
    sys.modules[name] = None
sink = LayoutSink({str(tmp_path)!r}, layout, durable=False)
sink.open(Incoming("1.2", "1.2.3.4", {ExplicitVRLittleEndian!r}, None, None, "C-STORE-RQ"))
sink.write([memoryview({encode(dataset(), ExplicitVRLittleEndian)[:2000]!r})])
print(sink.finish().path.relative_to({str(tmp_path)!r}))
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "P1/1.2.3/CT/1.2.3.4.dcm"


class TestSafeNames:
    @pytest.mark.parametrize(
        "value",
        ["P1", "DOE^JOHN", "1.2.840", "a b", "-", "Jos\u00e9", "\u5c71\u7530", "x" * 64, "CONSOLE", "a=b", "#1"],
    )
    def test_what_is_safe_stays(self, value: str) -> None:
        """The usual values are found under themselves."""
        assert safe_name(value) == value

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            ("../../etc/passwd", "etcpasswd"),
            ("..", "unknown"),
            (".hidden", "hidden"),
            ("end.", "end"),
            ("end ", "end"),
            (" ", "unknown"),
            ("a\0b", "ab"),
            ("a\\b", "ab"),
            ("a\nb\x1b$B", "ab$B"),
            ("C:", "C"),
            ("nul", "nul"),
            ("COM1.txt", "COM1.txt"),
            ("a~b", "ab"),
            ("unknown", "unknown"),
            ("e\u0301", "\u00e9"),
            ("\udcff", "unknown"),
            ("x" * 65, "x" * 47),
            ("\u00e9" * 40, "\u00e9" * 23),
        ],
    )
    def test_what_is_not_gets_a_digest(self, value: str, kept: str) -> None:
        """What cannot stand in a name goes, and the digest tells one such value from another."""
        stem, tilde, digest = safe_name(value).rpartition("~")
        assert (stem, tilde, len(digest)) == (kept, "~", 16)

    def test_nothing_is_unknown(self) -> None:
        """An empty value and a missing one are the same."""
        assert safe_name("") == "unknown"
        assert Layout("{PatientID}").path(incoming(), {}) == PurePosixPath("unknown")

    @given(st.text(), st.text())
    def test_different_values_have_different_names(self, one: str, other: str) -> None:
        """Whatever had to go from them."""
        assert (safe_name(one) == safe_name(other)) == (one == other)

    @given(st.lists(st.text("ab-_~.\0 ", max_size=4), min_size=4, max_size=4))
    def test_different_lists_of_values_have_different_paths(self, values: list[str]) -> None:
        """Where a value ends in a name that is made of several cannot be mistaken."""
        layout = Layout("x-{PatientID}-{StudyID}_{Modality}.dcm")
        tags = sorted(layout.names)
        one, other = (dict(zip(tags, half, strict=False)) for half in (values[:3], [values[3], *values[1:3]]))
        assert (layout.path(incoming(), one) == layout.path(incoming(), other)) == (one == other)
        moved = {tags[0]: values[0] + "-" + values[1], tags[1]: values[2], tags[2]: values[3]}
        assert (layout.path(incoming(), one) == layout.path(incoming(), moved)) == (one == moved)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("a-b", "c", "d"), ("a", "b-c", "d")),
            (("a", "b_c", "d"), ("a", "b", "c_d")),
            (("", "a", ""), ("", "", "a")),
        ],
    )
    def test_what_stands_between_values_is_in_none_of_them(
        self, one: tuple[str, str, str], other: tuple[str, str, str]
    ) -> None:
        """Two studies would have one folder."""
        layout = Layout("x-{PatientID}-{StudyID}_{Modality}.dcm")
        tags = (PATIENT_ID, 0x0020_0010, MODALITY)
        paths = {layout.path(incoming(), dict(zip(tags, values, strict=True))) for values in (one, other)}
        assert len(paths) == 2

    @given(st.text(), st.text(), st.text())
    def test_no_path_leaves_its_root(self, patient: str, title: str, instance: str) -> None:
        """Each value is exactly one name, never one that leads up, and short enough for any file system."""
        comes = Incoming(UID(title), UID(instance), UID(patient), title, patient, "C-STORE-RQ")
        text = "{PatientID}/{calling}/{called}/{sop_class}/{transfer_syntax}/{instance}"
        path = Layout(text).path(comes, {PATIENT_ID: patient})
        assert len(path.parts) == 6
        for name in path.parts:
            assert not name.startswith(".")
            assert not set(name) & set("/\\\0")
            assert len(name.encode()) <= 71


class TestHeadReader:
    @pytest.mark.parametrize("syntax", SYNTAXES)
    @pytest.mark.parametrize("cut", [1, 7, 100_000])
    def test_reads_values_from_any_cut(self, syntax: UID, cut: int) -> None:
        """In every transfer syntax, past sequences of either kind of length, and no further than needed."""
        reader = read(encode(dataset(), syntax), syntax, cut=cut)
        assert reader.values == {MODALITY: "CT", PATIENT_ID: "P1", STUDY: "1.2.3"}
        assert reader.done

    def test_stops_behind_the_last(self) -> None:
        """Without waiting for the next element."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        end = data.index(b"1.2.3\0") + 6
        assert not read(data[: end - 1], ExplicitVRLittleEndian).done
        reader = read(data[:end], ExplicitVRLittleEndian)
        assert reader.done
        assert reader.values[STUDY] == "1.2.3"

    def test_stops_where_the_last_should_have_been(self) -> None:
        """An element behind it says that it is not there."""
        several = dataset()
        del several.StudyInstanceUID
        reader = read(encode(several, ExplicitVRLittleEndian), ExplicitVRLittleEndian)
        assert reader.done
        assert STUDY not in reader.values

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_numbers_are_written_out(self, syntax: UID) -> None:
        """In the byte order of the transfer syntax; an odd length makes no number."""
        one = Dataset()
        one.Rows, one.DimensionIndexPointer, one.RecommendedDisplayFrameRateInFloat = 512, 0x0010_0020, 2.5
        wanted = {0x0028_0010: "US", 0x0020_9165: "AT", 0x0008_9459: "FL"}
        assert read(encode(one, syntax), syntax, wanted).values == {
            0x0028_0010: "512",
            0x0020_9165: "00100020",
            0x0008_9459: "2.5",
        }
        assert read(b"\x28\0\x10\0US\1\0\1", ExplicitVRLittleEndian, {0x0028_0010: "US"}).values == {0x0028_0010: ""}

    @pytest.mark.parametrize(
        ("raw", "text"), [(b"Jos\xe9", "Jos\u00e9"), (b"Jos\xc3\xa9", "Jos\u00e9"), (b" A \0", "A")]
    )
    def test_text_is_read_leniently(self, raw: bytes, text: str) -> None:
        """As UTF-8 if it is that, else as Latin-1; padding goes."""
        data = b"\x10\0\x20\0LO" + len(raw).to_bytes(2, "little") + raw
        assert read(data, ExplicitVRLittleEndian, {PATIENT_ID: "LO"}).values == {PATIENT_ID: text}

    def test_bytes_are_believed_rather_than_the_name_of_the_syntax(self) -> None:
        """Senders that mix up explicit and implicit VR exist."""
        wanted = {PATIENT_ID: "LO"}
        assert read(encode(dataset(), ImplicitVRLittleEndian), ExplicitVRLittleEndian, wanted).values == {
            PATIENT_ID: "P1"
        }
        assert read(encode(dataset(), ExplicitVRLittleEndian), ImplicitVRLittleEndian, wanted).values == {
            PATIENT_ID: "P1"
        }

    def test_a_deflated_stream_in_zlib(self) -> None:
        """Against PS3.5 A.5, and read all the same."""
        data = zlib.compress(encode(dataset(), ExplicitVRLittleEndian))
        assert data[0] == 0x78
        assert read(data, DeflatedExplicitVRLittleEndian, cut=3).values[PATIENT_ID] == "P1"

    def test_a_raw_stream_that_begins_like_zlib(self) -> None:
        """Whose first byte is the same by chance: the second try reads it."""
        plain = encode(dataset(), ExplicitVRLittleEndian)[:2000]
        # 78H: not the last block, stored, and then bits that a stored block does not look at.
        block = b"\x78" + len(plain).to_bytes(2, "little") + (len(plain) ^ 0xFFFF).to_bytes(2, "little") + plain
        assert zlib.decompressobj(-15).decompress(block) == plain
        assert read(block, DeflatedExplicitVRLittleEndian).values[PATIENT_ID] == "P1"

    @pytest.mark.parametrize("data", [b"\x78\xff" * 50, b"\xff" * 50, zlib.compress(b"\10\0")[:-4] + b"\xff" * 50])
    def test_a_stream_that_is_none_has_no_values(self, data: bytes) -> None:
        """Neither as zlib nor as it should be; it is for the sink to say what becomes of it."""
        reader = read(data, DeflatedExplicitVRLittleEndian)
        assert reader.done
        assert reader.values == {}

    def test_looks_at_64_kib_and_no_more(self) -> None:
        """What stands behind them counts as missing, deflated or not, in one element or many."""
        many = b"\x09\0\1\0LO\2\0A " * 7000
        for before in (b"\x09\0\1\0OB\0\0" + (70_000).to_bytes(4, "little") + bytes(70_000), many):
            data = before + b"\x10\0\x20\0LO\2\0P1"
            for syntax, raw in ((ExplicitVRLittleEndian, data), (DeflatedExplicitVRLittleEndian, deflate(data))):
                reader = read(raw, syntax)
                assert (reader.done, reader.values, reader.room) == (True, {}, 0)
                assert len(reader.taken) <= MOST_HEAD

    @given(st.binary(max_size=300), st.sampled_from(SYNTAXES))
    def test_nothing_is_an_error(self, data: bytes, syntax: UID) -> None:
        """Any bytes are read, to values or to none, and in pieces as in one."""
        assert read(data, syntax).values == read(data, syntax, cut=5).values


class TestKeeping:
    @pytest.mark.parametrize("syntax", SYNTAXES)
    @pytest.mark.parametrize("cut", [50, 200_000])
    def test_below_the_folder(self, tmp_path: Path, syntax: UID, cut: int) -> None:
        """The file is where its attributes say, and holds every byte in order, those that were held back too."""
        data = encode(dataset(), syntax)
        received = store(tmp_path / "a" / "b", FULL, data, syntax=syntax, cut=cut)
        assert received.path == tmp_path / "a" / "b" / "P1" / "1.2.3" / "CT" / "1.2.3.4.dcm"
        assert received.bytes() == data
        assert pydicom.dcmread(received.path).PatientID == "P1"
        assert (tmp_path / "a" / "b" / "P1").stat().st_mode & 0o027 == 0

    def test_one_more_in_the_same_folder(self, tmp_path: Path) -> None:
        """The same again is a duplicate, and another instance its neighbour."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        for instance, duplicate in (("1.2.3.4", False), ("1.2.3.4", True), ("1.2.3.5", False)):
            assert store(tmp_path, FULL, data, instance=instance).duplicate is duplicate
        assert names(tmp_path / "P1" / "1.2.3" / "CT") == ["1.2.3.4.dcm", "1.2.3.5.dcm"]

    def test_a_data_set_that_ends_early(self, tmp_path: Path) -> None:
        """What was not read by its end is unknown."""
        received = store(tmp_path, FULL, b"\x08\0\x60\0CS\2\0CT")
        assert received.path == tmp_path / "unknown" / "unknown" / "CT" / "1.2.3.4.dcm"
        assert received.bytes() == b"\x08\0\x60\0CS\2\0CT"
        assert store(tmp_path, FULL, b"").path == tmp_path / "unknown" / "unknown" / "unknown" / "1.2.3.4.dcm"

    def test_nothing_is_waited_for_without_attributes(self, tmp_path: Path) -> None:
        """Then the file is begun at once."""
        sink = LayoutSink(tmp_path, Layout("{called}/{instance}.dcm"))
        sink.open(incoming())
        assert isinstance(sink.final, FileSink)
        sink.discard()
        assert names(tmp_path / "ARCH") == []

    def test_discard_leaves_no_file(self, tmp_path: Path) -> None:
        """At any point before the end."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        with no_descriptor_left():
            for size in (0, 20, len(data)):
                sink = LayoutSink(tmp_path, Layout(FULL))
                sink.open(incoming())
                sink.write([memoryview(data)[:size]])
                sink.discard()
                sink.discard()
                del sink
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_what_is_no_data_set_is_refused(self, tmp_path: Path) -> None:
        """As without a layout: a whole file, or something that is no instance."""
        with pytest.raises(StorageError, match="preamble"):
            store(tmp_path, FULL, bytes(128) + b"DICM" + bytes(200))
        sink = LayoutSink(tmp_path, Layout())
        with pytest.raises(StorageError, match="no instance"):
            sink.open(Incoming(CTImageStorage, None, ExplicitVRLittleEndian, None, None, "C-FIND-RQ"))

    def test_a_root_that_is_a_link(self, tmp_path: Path) -> None:
        """The way to the root may be a link."""
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        store(tmp_path / "link", FULL, encode(dataset(), ExplicitVRLittleEndian))
        assert names(tmp_path / "real") == ["P1"]

    @pytest.mark.parametrize("without_descriptors", [False, True])
    def test_nothing_below_the_root_is_followed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, without_descriptors: bool
    ) -> None:
        """A link or a file in the place of a folder is an error, and nothing appears where it leads."""
        if without_descriptors:
            monkeypatch.setattr("dicomnet.storage.platform.HAS_FOLDER_DESCRIPTORS", False)
        data = encode(dataset(), ExplicitVRLittleEndian)
        (tmp_path / "trap").mkdir()
        for place in (tmp_path / "root" / "P1", tmp_path / "root" / "P1" / "1.2.3"):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(tmp_path / "trap")
            with pytest.raises(StorageError, match="cannot keep"):
                store(tmp_path / "root", FULL, data)
            place.unlink()
            place.touch()
            with pytest.raises(StorageError, match="cannot keep"):
                store(tmp_path / "root", FULL, data)
            place.unlink()
        assert names(tmp_path / "trap") == []
        assert store(tmp_path / "root", FULL, data).path is not None

    def test_a_folder_that_is_swapped_for_a_link_meanwhile(self, tmp_path: Path) -> None:
        """Between two instances, between making and opening it, and while one is written: nothing appears in the trap."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        trap, place = tmp_path / "trap", tmp_path / "root" / "P1"
        trap.mkdir()

        def swap() -> None:
            place.rename(tmp_path / f"moved {len(names(tmp_path))}")
            place.symlink_to(trap)

        class Race(Disk):
            def make_folder_in(self, folder: OpenFolder, name: str) -> None:
                super().make_folder_in(folder, name)
                if name == "P1":
                    swap()

        store(tmp_path / "root", FULL, data, instance="1.1")
        swap()
        with pytest.raises(StorageError, match="links are not followed") as caught:
            store(tmp_path / "root", FULL, data, instance="1.2")
        assert caught.value.status == 0x0110
        place.unlink()
        with pytest.raises(StorageError, match="links are not followed"):
            store(tmp_path / "root", FULL, data, instance="1.3", disk=Race())
        place.unlink()
        sink = LayoutSink(tmp_path / "root", Layout(FULL))
        sink.open(incoming("1.4"))
        sink.write([memoryview(data)])
        swap()
        sink.finish()
        assert list(trap.rglob("*")) == []
        assert len(list(tmp_path.glob("moved */1.2.3/CT/1.4.dcm"))) == 1

    def test_in_a_folder_that_is_held_open(self, tmp_path: Path) -> None:
        """The path to it may lead elsewhere by now; and its files need no name before they are whole."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        folder = Folder(tmp_path / "root", duplicates="refuse")
        (tmp_path / "trap").mkdir()
        (tmp_path / "root").rename(tmp_path / "moved")
        (tmp_path / "root").symlink_to("trap")
        sink = LayoutSink(folder, Layout(FULL))
        sink.open(incoming())
        sink.write([memoryview(data)])
        if folder._held[0].takes_unnamed:
            assert names(tmp_path / "moved" / "P1" / "1.2.3" / "CT") == []
        sink.finish()
        assert names(tmp_path / "moved" / "P1" / "1.2.3" / "CT") == ["1.2.3.4.dcm"]
        assert names(tmp_path / "trap") == []
        other = encode(dataset(), ImplicitVRLittleEndian)
        again = LayoutSink(folder, Layout(FULL))
        again.open(incoming(syntax=ImplicitVRLittleEndian))
        again.write([memoryview(other)])
        with pytest.raises(StorageError, match="other content"):
            again.finish()

    def test_where_a_folder_below_is_on_another_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Which has no files without a name: they get a hidden one."""
        folder = Folder(tmp_path)
        folder._held[0].takes_unnamed = True

        def refuse(*_: object) -> int:
            raise OSError(errno.EOPNOTSUPP, "no")

        monkeypatch.setattr("dicomnet.storage.platform.create_unnamed", refuse)
        sink = LayoutSink(folder, Layout("{called}/{instance}.dcm"))
        sink.open(incoming())
        assert len(parts(tmp_path / "ARCH")) == 1
        assert sink.finish().path == tmp_path / "ARCH" / "1.2.3.4.dcm"

    def test_a_root_that_was_removed_is_made_again(self, tmp_path: Path) -> None:
        """Somebody has cleared up; the next instance is kept."""
        folder = Folder(tmp_path / "root")
        (tmp_path / "root").rmdir()
        sink = LayoutSink(folder, Layout("{called}/{instance}.dcm"))
        sink.open(incoming())
        assert sink.finish().path == tmp_path / "root" / "ARCH" / "1.2.3.4.dcm"
        assert names(tmp_path / "root" / "ARCH") == ["1.2.3.4.dcm"]

    def test_two_instances_never_share_a_file(self, tmp_path: Path) -> None:
        """Whatever a layout names its files by, and whatever was to become of duplicates."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        for instance in ("1.1", "1.2", "1.2"):
            store(tmp_path, "{PatientID}.dcm", data, instance=instance, duplicates="replace")
        assert names(tmp_path) == ["P1.dcm", "P1~2.dcm"]

    def test_new_folders_are_synced(self, tmp_path: Path) -> None:
        """Each in the one above it, once, also when another process has made it, and the root itself; without durable never."""
        data = encode(dataset(), ExplicitVRLittleEndian)
        (tmp_path / "P1").mkdir()
        for durable, instance, syncs in ((False, "1", 0), (True, "1", 3 + 2), (True, "2", 0 + 2), (False, "3", 0)):
            disk = FaultyDisk()
            store(tmp_path, FULL, data, instance=instance, durable=durable, disk=disk)
            assert disk.calls.count("fsync_folder") == syncs

    def test_a_folder_made_again_is_synced_again(self, tmp_path: Path) -> None:
        """What was known of the one that is gone does not count."""
        for _ in range(2):
            disk = FaultyDisk()
            path = store(tmp_path, "{called}/{instance}.dcm", b"", disk=disk).path
            assert disk.calls.count("fsync_folder") == 3
            assert path is not None
            path.unlink()
            path.parent.rmdir()

    def test_torture(self, tmp_path: Path) -> None:
        """With any call failing: kept whole, or an error and no file."""
        gc.collect()  # errors that other tests have kept hold folders open
        data = encode(dataset(), ExplicitVRLittleEndian)
        disk = FaultyDisk()
        store(tmp_path / "count", FULL, data, disk=disk)
        assert {"make_folder_in", "open_folder_in"} <= set(disk.calls)
        for fail_at in range(len(disk.calls)):
            for fault in FAULTS:
                root = tmp_path / f"{fail_at} {fault}"
                with no_descriptor_left(), suppress(StorageError):
                    received = store(root, FULL, data, disk=FaultyDisk(fail_at, fault))
                    assert received.bytes() == data
                assert store(root, FULL, data).bytes() == data


def incoming(instance: str = "1.2.3.4", syntax: UID = ExplicitVRLittleEndian) -> Incoming:
    return Incoming(CTImageStorage, UID(instance), syntax, "MOD", "ARCH", "C-STORE-RQ")


def dataset() -> Dataset:
    """With what stands in the way of a reader: sequences of both kinds of length, nested, and private elements."""
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    one.Modality, one.PatientID, one.StudyInstanceUID, one.SeriesInstanceUID = "CT", "P1", "1.2.3", "1.2.3.1"
    for keyword, undefined in (("ReferencedStudySequence", True), ("ReferencedSeriesSequence", False)):
        inner, item = Dataset(), Dataset()
        inner.PatientID = "WRONG"
        item.PatientID, item.StudyInstanceUID = "WRONG", "9.9"
        item.ReferencedSeriesSequence = Sequence([inner, Dataset()])
        item["ReferencedSeriesSequence"].is_undefined_length = undefined
        item.is_undefined_length_sequence_item = undefined  # type: ignore[attr-defined]
        setattr(one, keyword, Sequence([item]))
        one[keyword].is_undefined_length = undefined
    one.add_new(0x0009_0010, "LO", "SOMEBODY")
    one.add_new(0x0009_1001, "UN", b"\1\2\3\4")
    one.PixelData = b"\1\2" * 50_000
    one["PixelData"].VR = "OW"
    return one


def encode(one: Dataset, syntax: UID) -> bytes:
    file = BytesIO()
    deflated = syntax == DeflatedExplicitVRLittleEndian
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(file, one, implicit_vr=implicit, little_endian=little)
    return deflate(file.getvalue()) if deflated else file.getvalue()


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)


def read(data: bytes, syntax: UID, wanted: Mapping[int, str] | None = None, *, cut: int = 1 << 20) -> HeadReader:
    reader = HeadReader(wanted or Layout(FULL).representations, syntax)
    for at in range(0, len(data), cut):
        piece = memoryview(data)[at : at + cut][: reader.room]
        reader.feed(piece)
        if reader.done:
            break
    return reader


def store(
    root: Path,
    text: str,
    data: bytes,
    *,
    instance: str = "1.2.3.4",
    syntax: UID = ExplicitVRLittleEndian,
    cut: int = 1 << 20,
    **settings: Any,
) -> ReceivedData:
    sink = LayoutSink(root, Layout(text), **settings)
    try:
        sink.open(incoming(instance, syntax))
        views = [memoryview(data)[at : at + cut] for at in range(0, len(data), cut)]
        for at in range(0, len(views), 3):
            sink.write(views[at : at + 3])
        return sink.finish()
    except BaseException:
        sink.discard()
        raise


@pytest.mark.parametrize(
    ("text", "depths"),
    [
        ("{instance}.dcm", set()),
        ("{calling}/{StudyInstanceUID}/{instance}.dcm", set()),
        ("{PatientID}/{StudyInstanceUID}/{instance}.dcm", {0}),
        ("{StudyDate}/{PatientName}_{PatientID}/{Modality}/{PatientBirthDate}.dcm", {1, 3}),
        ("{ReferringPhysicianName}/{instance}.dcm", {0}),
    ],
)
def test_a_layout_knows_where_it_names_patients(text: str, depths: set[int]) -> None:
    """The log leaves these parts of a path out."""
    assert Layout(text).naming_patients == depths


@pytest.mark.parametrize("kind", [str, Path, Folder])
def test_the_log_does_not_say_where_patients_are_kept(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the folder of the layout, however that was given."""
    monkeypatch.setattr("dicomnet.logs._masked_below", {})
    mask_patients(kind(tmp_path), Layout("{PatientID}/{instance}.dcm"))
    assert without_patients(f"kept {tmp_path}/DOE/1.dcm") == f"kept {tmp_path}/***/1.dcm"
    assert without_patients("kept /elsewhere/DOE/1.dcm") == "kept /elsewhere/DOE/1.dcm"
