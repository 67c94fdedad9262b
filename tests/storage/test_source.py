"""Instances in files, bodies to send, folders to walk."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pydicom
import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import InvalidValue, NotAnInstance, StorageError
from dicomnet.part10 import file_header
from dicomnet.storage.disk import Disk, FileState
from dicomnet.storage.source import BytesBody, FileBody, InstanceFile, walk
from dicomnet.uids import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from faulty import FAULTS, FaultyDisk, no_descriptor_left

CT_SMALL = Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"
DATA = bytes(range(256)) * 20


class TestInstanceFile:
    def test_head_of_a_file(self) -> None:
        """Everything that a proposal needs, from one read of 4 KiB, and no file left open."""
        disk = FaultyDisk()
        with no_descriptor_left():
            file = InstanceFile.open(CT_SMALL, disk=disk)
        theirs = pydicom.dcmread(CT_SMALL, stop_before_pixels=True)
        assert file.path == CT_SMALL
        assert file.sop_class_uid == theirs.SOPClassUID
        assert file.sop_instance_uid == theirs.SOPInstanceUID
        assert file.transfer_syntax_uid == theirs.file_meta.TransferSyntaxUID
        assert file.data_length == CT_SMALL.stat().st_size - file.data_offset
        assert file.difference is None
        assert disk.calls == ["open_path", "state", "readv", "close"]

    def test_body_is_the_data_set(self) -> None:
        """Byte for byte what stands behind group 0002."""
        file = InstanceFile.open(CT_SMALL)
        body = file.body()
        assert drain(body, 1000) == CT_SMALL.read_bytes()[file.data_offset :]
        body.close()

    @pytest.mark.parametrize(("size", "blocking"), [(64 << 10, False), ((64 << 10) + 2, True)])
    def test_a_small_body_is_read_at_once(self, tmp_path: Path, size: int, blocking: bool) -> None:
        """Then it leaves in one write with its command, without a thread; no file is open while one waits."""
        data = bytes(range(256)) * 257
        (tmp_path / "a").write_bytes(header() + data[:size])
        file = InstanceFile.open(tmp_path / "a")
        with no_descriptor_left():
            body = file.body()
        assert body.blocking == blocking
        if not blocking:
            (tmp_path / "a").unlink()
        assert drain(body, 1000) == data[:size]
        body.close()

    @pytest.mark.parametrize("size", [1000, 100_000])
    def test_what_is_sent_is_what_was_looked_at(self, tmp_path: Path, size: int) -> None:
        """Another file under the name, or other bytes in it, may be of another syntax or patient."""
        path = tmp_path / "a"
        for other in (header(instance="1.2.4"), bytes(len(header())), None):
            path.write_bytes(header() + (DATA * 20)[:size])

            def change(other: bytes | None = other, written: int = path.stat().st_mtime_ns) -> None:
                if other is None:
                    os.utime(path, ns=(0, 0))
                    return
                (tmp_path / "b").write_bytes(other + (DATA * 20)[:size])
                os.utime(tmp_path / "b", ns=(0, written))
                (tmp_path / "b").rename(path)

            file = InstanceFile.open(path)
            change()
            with no_descriptor_left(), pytest.raises(StorageError, match="has changed"):
                file.body()

    def test_a_file_numbered_anew(self, tmp_path: Path) -> None:
        """FAT has no numbers of its own, and the system makes one up each time; nothing else has changed."""

        class Fat(Disk):
            def state(self, descriptor: int) -> FileState | None:
                state = super().state(descriptor)
                return state and state._replace(inode=next(numbers))

        numbers = count()
        (tmp_path / "a").write_bytes(header() + DATA)
        assert drain(InstanceFile.open(tmp_path / "a", disk=Fat()).body(), 1000) == DATA

    def test_a_change_before_the_first_byte(self, tmp_path: Path) -> None:
        """A body may wait for long until its turn comes."""
        (tmp_path / "a").write_bytes(header() + DATA * 20)
        body = InstanceFile.open(tmp_path / "a").body()
        (tmp_path / "a").write_bytes(header() + DATA * 21)
        with no_descriptor_left(), pytest.raises(StorageError, match="has changed"):
            drain(body, 1000)
        body.close()

    def test_a_long_head(self, tmp_path: Path) -> None:
        """More is read until the head is complete."""
        long = b"\2\0\2\1OB\0\0" + (50_000).to_bytes(4, "little") + bytes(50_000)
        (tmp_path / "a").write_bytes(header() + long + DATA)
        assert InstanceFile.open(tmp_path / "a").data_length == len(DATA)

    @pytest.mark.parametrize("make", [lambda path: path.mkdir(), os.mkfifo, lambda path: path.symlink_to("/dev/null")])
    def test_what_is_no_file(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        """Folders, pipes and devices are no instances, and are not waited for."""
        make(tmp_path / "a")
        with pytest.raises(NotAnInstance, match="not a regular file"):
            InstanceFile.open(tmp_path / "a")

    def test_links_are_followed(self, tmp_path: Path) -> None:
        """The user named it."""
        (tmp_path / "a").symlink_to(CT_SMALL)
        assert InstanceFile.open(tmp_path / "a").data_length

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """The error names it."""
        with pytest.raises(StorageError, match=r"cannot read .*/a: No such file"):
            InstanceFile.open(tmp_path / "a")

    def test_a_text_file(self) -> None:
        """What holds no instance is told apart from what cannot be read."""
        with pytest.raises(NotAnInstance) as caught:
            InstanceFile.open(__file__)
        assert caught.value.path == __file__

    def test_no_data_set(self, tmp_path: Path) -> None:
        """A header alone cannot be sent; it says that there was an instance, so this is no file to pass over."""
        (tmp_path / "a").write_bytes(header())
        with pytest.raises(StorageError, match="ends before its data set") as caught:
            InstanceFile.open(tmp_path / "a")
        assert not isinstance(caught.value, NotAnInstance)

    def test_odd_length(self, tmp_path: Path) -> None:
        """An uncompressed data set of odd length is broken and cannot be sent (PS3.8 E.1)."""
        (tmp_path / "a").write_bytes(header() + DATA + b"x")
        with pytest.raises(StorageError, match="odd length") as caught:
            InstanceFile.open(tmp_path / "a")
        assert not isinstance(caught.value, NotAnInstance)

    @pytest.mark.parametrize("change", [lambda file: file.write(b"more"), lambda file: file.truncate(400)])
    def test_a_change_between_two_reads(self, tmp_path: Path, change: Callable[[BinaryIO], object]) -> None:
        """The last bytes are not given out of a file that somebody is writing to, so nobody takes it for whole."""
        path = tmp_path / "a"
        path.write_bytes(header() + DATA * 100)
        body = InstanceFile.open(path).body()
        assert isinstance(body, FileBody)
        body.read_into([memoryview(bytearray(len(DATA)))])
        with path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            change(file)
        with pytest.raises(StorageError, match=r"was written to while it was sent|has become shorter"):
            body.read_into([memoryview(bytearray(body.length - len(DATA)))])
        body.close()

    @pytest.mark.parametrize("data", [DATA, DATA * 20])
    def test_torture(self, tmp_path: Path, data: bytes) -> None:
        """With any call failing: the right bytes, or a storage error; no descriptor stays open."""
        (tmp_path / "a").write_bytes(header() + data)

        def read(disk: FaultyDisk) -> bytes:
            body = InstanceFile.open(tmp_path / "a", disk=disk).body()
            try:
                return drain(body, 20480)
            finally:
                body.close()

        disk = FaultyDisk()
        read(disk)
        for fail_at in range(len(disk.calls)):
            for fault in FAULTS:
                with no_descriptor_left(), suppress(StorageError):
                    assert read(FaultyDisk(fail_at, fault)) == data


class TestFileBody:
    def test_fills_gaps_between_headers(self, tmp_path: Path) -> None:
        """Views may be of any sizes, empty ones too, and more than the system fills at once."""
        (tmp_path / "a").write_bytes(DATA)
        buffer = bytearray(len(DATA) * 2)
        views = [memoryview(buffer)[at * 2 : at * 2 + 1] for at in range(len(DATA))]
        views.insert(7, memoryview(b""))
        body = FileBody(tmp_path / "a", 0, len(DATA))
        body.read_into(views)
        body.close()
        assert bytes(buffer[::2]) == DATA

    def test_an_odd_deflated_stream_is_closed_with_a_nul(self, tmp_path: Path) -> None:
        """One byte of 00H follows it (PS3.5 A.5), wherever the buffers end."""
        (tmp_path / "a").write_bytes(header(DeflatedExplicitVRLittleEndian) + b"\xff" * 201)
        file = InstanceFile.open(tmp_path / "a")
        assert file.data_length == 201
        for size in (1, 2, 200, 201, 202):
            body = file.body()
            assert body.length == 202
            assert drain(body, size) == b"\xff" * 201 + b"\0"
            with pytest.raises(StorageError):
                body.read_into([memoryview(bytearray(1))])
            body.close()

    def test_a_file_that_got_shorter(self, tmp_path: Path) -> None:
        """Its peer must not get a data set that looks whole."""
        (tmp_path / "a").write_bytes(header() + DATA * 20)
        body = InstanceFile.open(tmp_path / "a").body()
        body.read_into([memoryview(bytearray(512))])
        os.truncate(tmp_path / "a", 1000)
        with pytest.raises(StorageError, match="has become shorter"):
            drain(body, 512)
        body.close()

    @pytest.mark.parametrize("data", [DATA, DATA * 20])
    def test_a_file_that_is_gone(self, tmp_path: Path, data: bytes) -> None:
        """Between its head and its body much may happen."""
        (tmp_path / "a").write_bytes(header() + data)
        file = InstanceFile.open(tmp_path / "a")
        (tmp_path / "a").unlink()
        with pytest.raises(StorageError, match="No such file"):
            file.body()

    def test_more_than_there_is(self, tmp_path: Path) -> None:
        """Nothing behind the data set is sent, and nothing after it was closed."""
        (tmp_path / "a").write_bytes(DATA)
        body = FileBody(tmp_path / "a", 0, 10)
        with pytest.raises(StorageError, match="2 bytes more"):
            body.read_into([memoryview(bytearray(12))])
        body.close()
        body.close()
        with pytest.raises(StorageError, match="closed"):
            body.read_into([memoryview(bytearray(2))])


class TestBytesBody:
    @given(st.binary(max_size=100).filter(lambda data: len(data) % 2 == 0), st.integers(1, 20))
    def test_hands_out_its_bytes(self, data: bytes, size: int) -> None:
        """In pieces of any size, without a thread."""
        body = BytesBody(data)
        assert not body.blocking
        assert drain(body, size) == data

    def test_odd_length(self) -> None:
        """Only a deflated stream may be odd, and gets a NUL."""
        with pytest.raises(InvalidValue, match="odd length"):
            BytesBody(b"abc")
        with pytest.raises(InvalidValue):
            BytesBody(b"abc", ExplicitVRLittleEndian)
        assert drain(BytesBody(b"abc", DeflatedExplicitVRLittleEndian), 3) == b"abc\0"

    def test_all_of_it_at_once(self) -> None:
        """As it would be read, with its padding."""
        assert BytesBody(b"abcd").whole() == b"abcd"
        assert BytesBody(b"abc", DeflatedExplicitVRLittleEndian).whole() == b"abc\0"

    def test_more_than_there_is(self) -> None:
        """A body that is too short, or closed, says so."""
        body = BytesBody(b"abcd")
        with pytest.raises(StorageError):
            body.read_into([memoryview(bytearray(6))])
        body.close()
        with pytest.raises(StorageError):
            body.read_into([memoryview(bytearray(2))])


class TestWalk:
    def test_sorted_and_recursive(self, tmp_path: Path) -> None:
        """Folders are entered where their names stand among the files."""
        make(tmp_path, "b/2", "b/1", "a", "c/d/e")
        assert found(tmp_path, tmp_path) == ["a", "b/1", "b/2", "c/d/e"]

    def test_given_files_come_as_given(self, tmp_path: Path) -> None:
        """In the order of the caller, whatever they are called."""
        make(tmp_path, "b", ".a.part", "c/d")
        assert found(tmp_path, tmp_path / "b", tmp_path / ".a.part", tmp_path / "c") == ["b", ".a.part", "c/d"]

    def test_links_may_lead_in_circles(self, tmp_path: Path) -> None:
        """Each folder is walked once."""
        make(tmp_path, "a/1", "b/2")
        (tmp_path / "a" / "up").symlink_to(tmp_path)
        (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
        (tmp_path / "b" / "1").symlink_to(tmp_path / "a" / "1")
        assert found(tmp_path, tmp_path) == ["a/1", "b/1", "b/2"]

    def test_leaves_out_what_is_no_file(self, tmp_path: Path) -> None:
        """Pipes, dangling links and the temporary files of a receiver."""
        make(tmp_path, "a", ".1.2.dcm.0123.part", ".hidden")
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "dangling").symlink_to("nowhere")
        assert found(tmp_path, tmp_path) == [".hidden", "a"]

    def test_a_missing_path(self, tmp_path: Path) -> None:
        """What the user named must be there."""
        with pytest.raises(StorageError, match="nowhere"):
            list(walk([tmp_path / "nowhere"]))

    def test_a_folder_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is told, or logged where nobody wants to know, and passed over."""
        make(tmp_path, "a/1", "b/2")
        original = os.scandir

        def refuse(path: Path):
            if path.name == "a":
                raise PermissionError(13, "Permission denied")
            return original(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert found(tmp_path, tmp_path) == ["b/2"]
        assert "Permission denied" in caplog.text
        told: list[tuple[Path, str]] = []
        assert [*walk([tmp_path], failed=lambda path, error: told.append((path, str(error))))] == [tmp_path / "b" / "2"]
        assert told == [(tmp_path / "a", f"cannot read {tmp_path / 'a'}: Permission denied")]
        with pytest.raises(StorageError, match=r"cannot read .*/a: Permission denied"):
            found(tmp_path, tmp_path / "a")

    def test_what_cannot_be_read_may_be_told(self, tmp_path: Path) -> None:
        """Then the rest is walked all the same."""
        make(tmp_path, "b/2")
        told: list[tuple[Path, str]] = []
        paths = walk([tmp_path / "a", tmp_path / "b"], failed=lambda path, error: told.append((path, str(error))))
        assert list(paths) == [tmp_path / "b" / "2"]
        assert told == [(tmp_path / "a", f"cannot read {tmp_path}/a: No such file or directory")]


def drain(body: FileBody | BytesBody, size: int) -> bytes:
    """All that a body has, a buffer at a time."""
    out = bytearray()
    while len(out) < body.length:
        buffer = bytearray(min(size, body.length - len(out)))
        body.read_into([memoryview(buffer)[: len(buffer) // 2], memoryview(buffer)[len(buffer) // 2 :]])
        out += buffer
    return bytes(out)


def header(syntax: str = ExplicitVRLittleEndian, instance: str = "1.2.3") -> bytes:
    return file_header(sop_class_uid=CTImageStorage, sop_instance_uid=instance, transfer_syntax_uid=syntax)


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def found(root: Path, *paths: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in walk(paths)]
