"""What callers give to be stored, and instances in other transfer syntaxes."""

from __future__ import annotations

import shutil
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from subprocess import run

import pydicom
import pytest
from hypothesis import given, strategies as st
from pydicom import Dataset
from pydicom.dataelem import DataElement

from dicomnet.datasets import decode_dataset, encode_dataset
from dicomnet.dimse.fragments import Body
from dicomnet.errors import InvalidValue, StorageError, Unsupported
from dicomnet.limits import MIB
from dicomnet.part10 import file_header
from dicomnet.storage import instances
from dicomnet.storage.convert import transcode
from dicomnet.storage.instances import Instance, Instances, Item, Skipped, Unreadable, pairs
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.source import InstanceFile
from dicomnet.types import UID
from dicomnet.uids import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    RLELossless,
)
from faulty import FaultyDisk, no_descriptor_left

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CT = FILES / "CT_small.dcm"
MR = FILES / "MR_small.dcm"
MR_RLE = FILES / "MR_small_RLE.dcm"
UNCOMPRESSED = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
NATIVE = [
    "CT_small.dcm",
    "ExplVR_BigEnd.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "priv_SQ.dcm",
    "reportsi.dcm",
    "rtdose.dcm",
    "rtplan.dcm",
    "rtstruct.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
    "examples_palette.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
]


def test_importing_it_does_not_import_pydicom() -> None:
    """Nor does reading files and bytes."""
    code = (
        "import sys; from dicomnet.storage.instances import Instances; data = open(sys.argv[1], 'rb').read();"
        "assert [item.body().length for item in Instances([sys.argv[1], data], skip_duplicates=False)];"
        "sys.exit('pydicom' in sys.modules)"
    )
    assert run([sys.executable, "-c", code, CT], check=False).returncode == 0


class TestWhatIsGiven:
    def test_a_file(self) -> None:
        """Known by its head; its body is its data set."""
        (item,) = Instances(str(CT))
        file = InstanceFile.open(CT)
        assert isinstance(item, Instance)
        assert (item.name, item.path, item.difference) == (str(CT), CT, None)
        assert (item.sop_class_uid, item.sop_instance_uid) == (CTImageStorage, file.sop_instance_uid)
        assert (item.transfer_syntax_uid, item.length) == (ExplicitVRLittleEndian, file.data_length)
        with no_descriptor_left():
            assert drain(item.body()) == CT.read_bytes()[file.data_offset :]

    @pytest.mark.parametrize(
        "what",
        [
            CT.read_bytes(),
            bytearray(CT.read_bytes()),
            memoryview(CT.read_bytes()),
            CT.read_bytes()[InstanceFile.open(CT).data_offset :],
            InstanceFile.open(CT),
            ReceivedData(length=1, transfer_syntax_uid=ExplicitVRLittleEndian, path=CT),
            ReceivedData(
                length=1,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                data=CT.read_bytes()[InstanceFile.open(CT).data_offset :],
            ),
            pydicom.dcmread(CT),
            (each for each in [[CT]]),
            {CT},
        ],
        ids=lambda what: type(what).__name__,
    )
    def test_the_same_instance_in_other_shapes(self, what: object) -> None:
        """Always the same data set."""
        (item,) = Instances(what)
        (file,) = Instances(CT)
        assert isinstance(item, Instance)
        assert isinstance(file, Instance)
        for attribute in ("sop_class_uid", "sop_instance_uid", "transfer_syntax_uid", "difference"):
            assert getattr(item, attribute) == getattr(file, attribute)
        assert item.length in (file.length, 0)
        assert drain(item.body()) == drain(file.body())

    def test_bytes_are_sent_from_where_they_are(self) -> None:
        """However many there are, no copy is made of them."""
        data = header() + b"\x09\0\x10\0OB\0\0" + (8 * MIB).to_bytes(4, "little") + bytes(8 * MIB)
        tracemalloc.start()
        try:
            (item,) = Instances(data)
            assert isinstance(item, Instance)
            body = item.body()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert body.length == 8 * MIB + 12
        assert peak < MIB

    def test_a_folder(self, tmp_path: Path) -> None:
        """Files in the order of their names; what is no instance is skipped with a reason."""
        (tmp_path / "b").mkdir()
        shutil.copy(MR, tmp_path / "b" / "2")
        shutil.copy(CT, tmp_path / "a")
        (tmp_path / "notes.txt").write_text("Dear colleague")
        (tmp_path / ".1.2.dcm.0123.part").touch()
        shutil.copy(FILES / "dicomdirtests" / "DICOMDIR", tmp_path / "DICOMDIR")
        items = list(Instances(tmp_path))
        assert [Path(item.name).name for item in items] == ["DICOMDIR", "a", "2", "notes.txt"]
        assert [type(item) for item in items] == [Skipped, Instance, Instance, Skipped]
        assert "DICOMDIR" in reason(items[0])
        assert "neither with a preamble" in reason(items[3])

    def test_many_things_together(self, tmp_path: Path) -> None:
        """Nested, mixed, and lazily: nothing is opened or asked for before its turn."""
        asked = []

        def more() -> Iterator[object]:
            asked.append(1)
            yield [MR, [MR_RLE.read_bytes()]]
            asked.append(2)

        disk = FaultyDisk()
        given_out = Instances([CT, more()], disk=disk, skip_duplicates=False)
        assert not asked
        assert disk.calls == []
        assert [item.name for item in given_out.take(10)] == [str(CT)]
        assert not asked
        assert [len(given_out.take(10)) for _ in range(3)] == [1, 1, 0]
        assert asked == [1, 2]

    def test_what_is_made_as_it_goes_is_given_out_one_by_one(self) -> None:
        """The first is not kept waiting by the second, which may take its time."""
        given_out = Instances([MR, [CT], (each for each in [MR_RLE, CT])])
        assert [len(given_out.take(256)) for _ in range(5)] == [1, 1, 1, 1, 0]

    def test_what_is_at_hand_is_given_out_together(self, tmp_path: Path) -> None:
        """In lists, in folders, and one in the other."""
        shutil.copytree(FILES / "dicomdirtests", tmp_path / "a")
        at_hand = [tmp_path, (CT, {MR}, CT.read_bytes()), 17, small(), InstanceFile.open(CT)]
        assert len(Instances(at_hand).take(256)) > 30

    def test_of_data_in_memory_few_are_read_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was received may still lie on a disk."""
        monkeypatch.setattr(instances, "MOST_BYTES", CT.stat().st_size + 1)
        given = Instances([CT.read_bytes()] * 5, skip_duplicates=False)
        assert [len(given.take(256)) for _ in range(4)] == [2, 2, 1, 0]
        assert len(Instances([CT] * 5).take(256)) == 5

    def test_nothing_at_the_only_path(self, tmp_path: Path) -> None:
        """Somebody has mistyped it, and is told at once."""
        for what in (tmp_path / "a", str(tmp_path / "a"), [tmp_path / "a"]):
            with pytest.raises(StorageError, match=r"cannot read .*/a: No such file"):
                Instances(what)
        with pytest.raises(StorageError, match="null"):
            Instances("a\0b")

    def test_nothing_at_one_of_many(self, tmp_path: Path) -> None:
        """The others go on."""
        first, second, third = Instances([tmp_path / "a", CT, "a\0b"])
        assert isinstance(first, Unreadable)
        assert (first.path, str(first.error)) == (
            tmp_path / "a",
            f"cannot read {tmp_path}/a: No such file or directory",
        )
        assert isinstance(second, Instance)
        assert isinstance(third, Unreadable)

    def test_what_cannot_be_stored(self) -> None:
        """Alone it is an error, among others a result."""
        for what in (17, None, {"path": CT}):
            with pytest.raises(InvalidValue, match="nothing that can be stored"):
                Instances(what)
            assert isinstance(next(iter(Instances([what, CT]))), Unreadable)

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        """The disk says why."""
        shutil.copy(CT, tmp_path / "a")
        (item,) = Instances(tmp_path, disk=FaultyDisk(0, "EACCES"))
        assert isinstance(item, Unreadable)
        assert "Permission denied" in str(item.error)

    def test_a_damaged_file(self, tmp_path: Path) -> None:
        """An image that has lost its end is not passed over as if it were none."""
        (tmp_path / "a").write_bytes(CT.read_bytes()[:-1])
        (item,) = Instances(tmp_path)
        assert isinstance(item, Unreadable)
        assert "odd length" in str(item.error)

    @pytest.mark.parametrize(
        ("keyword", "text"),
        [
            ("sop_class", "CT Image Storage"),
            ("instance", "../../etc/passwd"),
            ("instance", "1." + 63 * "2"),
            ("syntax", "garbage!"),
        ],
    )
    def test_what_no_peer_can_be_told(self, tmp_path: Path, keyword: str, text: str) -> None:
        """A UID that is none makes its own instance unreadable, before contexts are proposed for all of them."""
        (tmp_path / "a").write_bytes(header(**{keyword: text}) + b"\x10\0\x10\0PN\x04\0Doe ")
        shutil.copy(CT, tmp_path / "b")
        broken, whole = Instances(tmp_path)
        assert isinstance(broken, Unreadable)
        assert "is not a UID: " + text[:3] in str(broken.error)
        assert isinstance(whole, Instance)

    @pytest.mark.parametrize("number", range(4))
    def test_bytes_without_an_instance(self, number: int) -> None:
        """Nobody gives them by accident."""
        (item,) = Instances([b"", b"Dear colleague", CT.read_bytes()[:-1], header()][number])
        assert isinstance(item, Unreadable)
        assert item.error.status == 0xC000

    def test_received_data_that_is_gone(self) -> None:
        """It was counted and let go."""
        (item,) = Instances(ReceivedData(length=2, transfer_syntax_uid=ExplicitVRLittleEndian))
        assert isinstance(item, Unreadable)
        assert "not kept" in str(item.error)
        no_instance = ReceivedData(length=2, transfer_syntax_uid=ExplicitVRLittleEndian, data=b"\x10\0\x10\0PN\0\0")
        (item,) = Instances(no_instance)
        assert isinstance(item, Unreadable)
        assert "no SOP class UID" in str(item.error)

    @pytest.mark.parametrize("count", [1, 5])
    def test_what_an_iterable_raises(self, count: int) -> None:
        """Is the caller's own affair, after what came before, also where more was asked for."""

        def broken() -> Iterator[Path]:
            yield CT
            raise KeyError("no more")

        given_out = Instances(broken())
        assert len(given_out.take(count)) == 1
        with pytest.raises(KeyError):
            given_out.take(count)
        assert given_out.take(count) == []


class TestDataSets:
    def test_without_file_meta(self) -> None:
        """Its own elements say what it is; explicit VR little endian is what it goes in."""
        (item,) = Instances(small())
        assert isinstance(item, Instance)
        assert (item.name, item.length, item.transfer_syntax_uid) == ("instance 1.2.3", 0, ExplicitVRLittleEndian)
        assert drain(item.body()) == encode_dataset(small(), ExplicitVRLittleEndian)

    def test_big_endian_without_file_meta(self) -> None:
        """Its words are as they were read."""
        dataset = pydicom.dcmread(FILES / "MR_small_bigendian.dcm")
        del dataset.file_meta
        (item,) = Instances(dataset)
        assert isinstance(item, Instance)
        assert item.transfer_syntax_uid == ExplicitVRBigEndian

    def test_identity(self) -> None:
        """File meta helps out, and what it says otherwise is told."""
        dataset = pydicom.dcmread(CT)
        del dataset.SOPClassUID
        dataset.SOPInstanceUID = "1.2.3"
        (item,) = Instances(dataset)
        assert isinstance(item, Instance)
        assert (item.sop_class_uid, item.sop_instance_uid) == (CTImageStorage, "1.2.3")
        assert item.name == str(CT)
        assert item.path is None
        assert item.difference is not None
        assert "1.2.3 in the data set" in item.difference

    def test_without_identity(self) -> None:
        """It cannot be named in a request."""
        dataset = small()
        del dataset.SOPInstanceUID
        (item,) = Instances(dataset)
        assert isinstance(item, Unreadable)
        assert "no SOP instance UID" in str(item.error)

    def test_a_directory(self) -> None:
        """Is no composite instance."""
        (item,) = Instances(pydicom.dcmread(FILES / "dicomdirtests" / "DICOMDIR"))
        assert isinstance(item, Skipped)

    def test_what_cannot_be_encoded(self) -> None:
        """Is noticed when it is encoded, and not before."""
        dataset = small()
        dataset.add_new(0x00280010, "US", "many")
        (item,) = Instances(dataset)
        assert isinstance(item, Instance)
        with pytest.raises(StorageError, match=r"instance 1\.2\.3: .*cannot be encoded"):
            item.body()


class TestDuplicates:
    def test_the_second_is_skipped(self, tmp_path: Path) -> None:
        """It says which came first."""
        shutil.copy(CT, tmp_path / "again")
        first, other, second = Instances([CT, MR, tmp_path])
        assert isinstance(first, Instance)
        assert isinstance(other, Instance)
        assert isinstance(second, Skipped)
        assert second.reason == f"the same instance as {CT}"
        assert second.copy is not None
        assert second.copy.claim() == second.reason

    def test_the_second_has_its_turn_when_the_first_could_not_be_stored(self) -> None:
        """And then the third is the one that is skipped."""
        first, second, third = Instances([MR_RLE, MR, MR], skip_duplicates=True)
        assert isinstance(first, Instance)
        assert isinstance(second, Skipped)
        assert isinstance(third, Skipped)
        assert second.copy is not None
        assert third.copy is not None
        second.copy.disclaim()  # it has nothing to give back
        assert second.copy.claim() == f"the same instance as {MR_RLE}"
        first.disclaim()
        assert second.copy.claim() is None
        assert third.copy.claim() == f"the same instance as {MR}"
        assert first.claim() is not None

    def test_one_that_comes_after_the_first_could_not_be_stored_is_a_first_one(self) -> None:
        """Nothing of it is stored or on its way."""
        given_out = Instances([CT, CT])
        (first,) = given_out.take(1)
        assert isinstance(first, Instance)
        first.disclaim()
        assert isinstance(given_out.take(1)[0], Instance)

    def test_another_content_under_the_same_uid_is_told(self) -> None:
        """As far as it shows without reading it."""
        short, long = (header() + b"\x10\0\x10\0PN" + bytes((len(name), 0)) + name for name in (b"X ", b"Long"))
        _, second = Instances([short, long])
        assert isinstance(second, Skipped)
        assert second.reason == "has the UID of instance 1.2.3 and another content, 12 bytes instead of 10"

    def test_unless_they_are_wanted(self) -> None:
        """Somebody tests an archive with them."""
        assert all(isinstance(item, Instance) for item in Instances([CT, CT], skip_duplicates=False))

    def test_another_class_is_another_instance(self) -> None:
        """Both together are the identity."""
        other = small()
        other.SOPClassUID = MRImageStorage
        assert all(isinstance(item, Instance) for item in Instances([small(), other]))


def test_threads_share_them(tmp_path: Path) -> None:
    """Each is given out once."""
    for number in range(200):
        (tmp_path / f"{number:03}").write_bytes(header(f"1.{number}") + b"\x10\0\x10\0PN\2\0X ")
    given_out = Instances(each for each in [tmp_path])
    taken: list[Item] = []

    def take() -> None:
        while items := given_out.take(3):
            taken.extend(items)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item.name for item in taken) == [str(tmp_path / f"{number:03}") for number in range(200)]


def test_pairs() -> None:
    """Each once, in the order they come; what is no instance has none."""
    items = list(Instances([MR, CT, MR_RLE, __file__, MR], skip_duplicates=False))
    assert pairs(items) == [
        (MRImageStorage, ExplicitVRLittleEndian),
        (CTImageStorage, ExplicitVRLittleEndian),
        (MRImageStorage, RLELossless),
    ]


class TestConversion:
    @pytest.mark.parametrize("name", NATIVE)
    @pytest.mark.parametrize("target", UNCOMPRESSED)
    def test_every_value_is_the_same(self, name: str, target: UID) -> None:
        """Whatever is nested in it, and after the way back, too."""
        (item,) = Instances(FILES / name)
        assert isinstance(item, Instance)
        own = item.transfer_syntax_uid
        theirs = pydicom.dcmread(FILES / name, force=True)
        body = item.converted(target)
        data = drain(body)
        assert body.length == len(data)
        assert_same(decode_dataset(BytesIO(data), target), target, theirs, own)
        back = transcode(data, target, own)
        assert_same(decode_dataset(BytesIO(back), own), own, theirs, own)

    def test_words_are_swapped(self) -> None:
        """The same image was exported in both byte orders."""
        (little,) = Instances(MR)
        (big,) = Instances(FILES / "MR_small_bigendian.dcm")
        assert isinstance(little, Instance)
        assert isinstance(big, Instance)
        converted = decode_dataset(BytesIO(drain(big.converted(ExplicitVRLittleEndian))), ExplicitVRLittleEndian)
        original = decode_dataset(BytesIO(drain(little.body())), ExplicitVRLittleEndian)
        assert converted.PixelData == original.PixelData
        assert converted.Rows == original.Rows
        back = decode_dataset(BytesIO(drain(little.converted(ExplicitVRBigEndian))), ExplicitVRBigEndian)
        assert back.PixelData == pydicom.dcmread(FILES / "MR_small_bigendian.dcm").PixelData

    def test_its_own_syntax(self) -> None:
        """Then it is sent as it is, without being read before."""
        (item,) = Instances(CT)
        assert isinstance(item, Instance)
        assert drain(item.converted(ExplicitVRLittleEndian)) == drain(item.body())

    def test_text_that_nobody_can_decode(self) -> None:
        """Its bytes go over as they are, and so do private values."""
        data = (
            b"\x08\0\x05\0CS\x08\0KLINGON \x10\0\x10\0PN\4\0\xff\xfe\x80\\"
            b"\x11\0\x10\0LO\2\0X \x11\0\1\x10UN\0\0\4\0\0\0abcd"
        )
        implicit = transcode(data, ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        assert implicit == (
            b"\x08\0\x05\0\x08\0\0\0KLINGON \x10\0\x10\0\4\0\0\0\xff\xfe\x80\\"
            b"\x11\0\x10\0\2\0\0\0X \x11\0\1\x10\4\0\0\0abcd"
        )
        assert transcode(implicit, ImplicitVRLittleEndian, ExplicitVRLittleEndian) == data

    def test_a_value_too_long_for_its_vr(self) -> None:
        """It becomes UN, which has 32 bits for its length (PS3.5 6.2.2)."""
        implicit = b"\x20\0\x0d\0" + (70_000).to_bytes(4, "little") + b"1" * 70_000
        explicit = transcode(implicit, ImplicitVRLittleEndian, ExplicitVRLittleEndian)
        assert explicit[:12] == b"\x20\0\x0d\0UN\0\0" + (70_000).to_bytes(4, "little")
        assert transcode(explicit, ExplicitVRLittleEndian, ImplicitVRLittleEndian) == implicit

    def test_items_that_have_lost_their_vr(self) -> None:
        """UN of undefined length contains implicit VR little endian everywhere, and stays so (PS3.5 6.2.2)."""
        items = (
            b"\xfe\xff\0\xe0\xff\xff\xff\xff\x10\0\x20\0\2\0\0\0001 \xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        )
        data = b"\x09\0\1\x10UN\0\0\xff\xff\xff\xff" + items + b"\x10\0\x20\0LO\2\0002 "
        big = transcode(data, ExplicitVRLittleEndian, ExplicitVRBigEndian)
        assert big == b"\0\x09\x10\1UN\0\0\xff\xff\xff\xff" + items + b"\0\x10\0\x20LO\0\x022 "
        assert transcode(big, ExplicitVRBigEndian, ExplicitVRLittleEndian) == data

    def test_group_lengths_go(self) -> None:
        """They would count what is no longer there (PS3.5 7.2)."""
        data = encode_dataset(small(), ExplicitVRLittleEndian, group_lengths=True)
        assert transcode(data, ExplicitVRLittleEndian, ImplicitVRLittleEndian) == encode_dataset(
            small(), ImplicitVRLittleEndian
        )

    def test_compressed_pixel_data_is_not_converted(self) -> None:
        """Nor is anything compressed; both say what to do."""
        (item,) = Instances(MR_RLE)
        assert isinstance(item, Instance)
        with pytest.raises(Unsupported, match="RLE Lossless is compressed; it has to be decoded"):
            item.converted(ImplicitVRLittleEndian)
        (item,) = Instances(MR)
        assert isinstance(item, Instance)
        with pytest.raises(Unsupported, match="nothing is compressed here"):
            item.converted(RLELossless)

    @pytest.mark.parametrize("target", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_decoding(self, target: UID) -> None:
        """The image is that of the same file without compression, and keeps its UID."""
        (item,) = Instances(MR_RLE)
        (plain,) = Instances(MR)
        assert isinstance(item, Instance)
        assert isinstance(plain, Instance)
        decoded = decode_dataset(BytesIO(drain(item.decoded(target))), target)
        theirs = decode_dataset(BytesIO(drain(plain.converted(target))), target)
        assert decoded.PixelData == theirs.PixelData
        assert decoded["PixelData"].VR == "OW"
        assert not decoded["PixelData"].is_undefined_length
        assert decoded.SOPInstanceUID == item.sop_instance_uid

    def test_decoding_colours(self) -> None:
        """What says how the samples lie changes with them."""
        (item,) = Instances(FILES / "SC_rgb_rle_2frame.dcm")
        assert isinstance(item, Instance)
        decoded = decode_dataset(BytesIO(drain(item.decoded(ExplicitVRLittleEndian))), ExplicitVRLittleEndian)
        assert (decoded.PlanarConfiguration, decoded.PhotometricInterpretation) == (1, "RGB")
        assert len(decoded.PixelData) == decoded.Rows * decoded.Columns * 3 * 2
        assert decoded["PixelData"].VR == "OB"

    def test_no_decoder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error names the one to install, or says that there is none."""
        from pydicom.pixels.decoders.base import Decoder

        monkeypatch.setattr(Decoder, "is_available", False)
        (item,) = Instances(FILES / "MR_small_jp2klossless.dcm")
        assert isinstance(item, Instance)
        assert item.transfer_syntax_uid == JPEG2000Lossless
        with pytest.raises(Unsupported, match=r"no decoder for .* is installed: .*pylibjpeg"):
            item.decoded(ExplicitVRLittleEndian)
        (item,) = Instances(header("1.2", "1.2.3") + b"\x10\0\x10\0PN\0\0")
        assert isinstance(item, Instance)
        with pytest.raises(Unsupported, match="no decoder for"):
            item.decoded(ExplicitVRLittleEndian)

    def test_pixel_data_that_cannot_be_decoded(self, tmp_path: Path) -> None:
        """A fault of the file."""
        dataset = pydicom.dcmread(MR_RLE)
        dataset.Rows = 1000
        (item,) = Instances(dataset)
        assert isinstance(item, Instance)
        with pytest.raises(StorageError, match="cannot be decoded"):
            item.decoded(ExplicitVRLittleEndian)

    @given(st.binary(max_size=60), st.sampled_from(UNCOMPRESSED), st.sampled_from(UNCOMPRESSED))
    def test_any_bytes(self, data: bytes, source: UID, target: UID) -> None:
        """They are a data set, or an error of ours."""
        with suppress(StorageError, Unsupported):
            assert isinstance(transcode(data, source, target), bytes)

    @pytest.mark.parametrize("source", UNCOMPRESSED)
    def test_a_data_set_that_is_cut_off(self, source: UID) -> None:
        """Half of it never goes out as if it were whole."""
        data = encode_dataset(small(), source)
        target = ImplicitVRLittleEndian if source != ImplicitVRLittleEndian else ExplicitVRBigEndian
        whole = transcode(data, source, target)
        for end in range(1, len(data) - 1):
            try:
                part = transcode(data[:end], source, target)
            except StorageError:
                continue
            assert source != DeflatedExplicitVRLittleEndian
            assert whole.startswith(part)
            assert len(part) < len(whole)

    def test_deep_nesting(self) -> None:
        """Is refused, and brings nothing down."""
        data = b"\x40\0\0\1\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 5000
        with pytest.raises(StorageError, match="recursion"):
            transcode(data, ImplicitVRLittleEndian, ExplicitVRLittleEndian)


def drain(body: Body) -> bytes:
    data = bytearray(body.length)
    body.read_into([memoryview(data)])
    body.close()
    return bytes(data)


def header(instance: str = "1.2.3", syntax: str = ExplicitVRLittleEndian, sop_class: str = CTImageStorage) -> bytes:
    return file_header(sop_class_uid=sop_class, sop_instance_uid=instance, transfer_syntax_uid=syntax)


def reason(item: Item) -> str:
    assert isinstance(item, Skipped)
    return item.reason


def small() -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientName = "Doe^Jo"
    dataset.ReferencedStudySequence = [Dataset()]
    dataset.ReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.2.3.4"
    dataset.Rows = 258
    dataset.SelectorFDValue = [1.5, -2.5]
    return dataset


def assert_same(ours: Dataset, our_syntax: UID, theirs: Dataset, their_syntax: UID) -> None:
    """All elements of both but group lengths, and all their values."""
    for dataset in (ours, theirs):
        for tag in [tag for tag in dataset.keys() if not tag.element]:  # noqa: SIM118  iterating decodes
            del dataset[tag]
    assert [*ours.keys()] == [*theirs.keys()]
    for mine, other in zip(ours, theirs, strict=True):
        if mine.VR == "SQ":
            assert len(mine.value) == len(other.value)
            for item, another in zip(mine.value, other.value, strict=True):
                assert_same(item, our_syntax, another, their_syntax)
        elif mine.VR == "UN" != other.VR:
            assert mine.tag.is_private  # implicit VR does not tell what it was
        elif isinstance(mine.value, bytes):
            assert little(mine, our_syntax) == little(other, their_syntax), mine
        else:
            assert (mine.value or "") == (other.value or ""), mine


def little(element: DataElement, syntax: UID) -> bytes:
    """The bytes of a value with its words in little endian; pydicom keeps those of binary VRs as they came."""
    size = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}.get(element.VR, 1)
    value = element.value
    if syntax != ExplicitVRBigEndian or size == 1:
        return value
    return b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))
