"""What the memory of whole processes is at most, however large the objects or many the associations."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

import pytest

from aio.ends import pattern
from dicomnet.limits import MIB
from dicomnet.part10 import file_header
from dicomnet.storage.source import InstanceFile
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian

SIZE = 512 * MIB
LIMIT = 64 * MIB

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is room for it, so that the disk is not what takes the time."""
    shared = Path("/dev/shm")
    if shared.is_dir() and disk_usage(shared).free > 4 * SIZE:
        with TemporaryDirectory(dir=shared) as name:
            yield Path(name)
    else:
        yield tmp_path


def digest(path: Path, offset: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.file_digest(file, "blake2b").hexdigest()


def test_half_a_gigabyte_passes_through_64_mib(folder: Path) -> None:
    """From file to file, over two DicomNet objects in processes of their own, with everything they import."""
    header = file_header(
        sop_class_uid=CTImageStorage,
        sop_instance_uid="1.2.3.4",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        sending_ae=None,
        receiving_ae=None,
    )
    # The least that names an instance: SOP Class UID and SOP Instance UID; the rest is private, and no business of ours.
    start = _element(b"\x08\0\x16\0UI", CTImageStorage) + _element(b"\x08\0\x18\0UI", "1.2.3.4")
    rest = SIZE - len(start)
    block = pattern(MIB)
    source = folder / "source.dcm"
    with source.open("wb") as file:
        file.write(header + start + b"\x09\0\x10\0OB\0\0" + (rest - 12).to_bytes(4, "little"))
        for number in range(rest // MIB):
            file.write(number.to_bytes(4, "little") + block[4:])
        file.write(block[: (rest - 12) % MIB])
    assert InstanceFile.open(source).data_length == SIZE

    script = str(Path(__file__).with_name("transfer.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    receiver = subprocess.Popen(
        [sys.executable, script, "receive", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        encoding="ascii",
    )
    try:
        assert receiver.stdout is not None
        port = receiver.stdout.readline().strip()
        sender = subprocess.run(
            [sys.executable, script, "send", port, str(source)],
            env=environment,
            stdout=subprocess.PIPE,
            encoding="ascii",
            timeout=50,
            check=True,
        )
        peaks = {"sender": int(sender.stdout) * 1024, "receiver": int(receiver.communicate(timeout=50)[0]) * 1024}
    finally:
        receiver.kill()
        receiver.wait()
        assert receiver.stdout is not None
        receiver.stdout.close()
    print({name: f"{peak / MIB:.1f} MiB" for name, peak in peaks.items()})
    assert max(peaks.values()) < LIMIT, peaks
    kept = InstanceFile.open(folder / "kept.dcm")
    assert kept.data_length == SIZE
    assert digest(kept.path, kept.data_offset) == digest(source, len(header))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_idle_secure_association_costs_less_than_64_kib(loop: str) -> None:
    """All that one end of it has, OpenSSL's part included."""
    script = str(Path(__file__).with_name("idle.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    idle = subprocess.run(
        [sys.executable, script, loop],
        env=environment,
        stdout=subprocess.PIPE,
        encoding="ascii",
        timeout=50,
        check=True,
    )
    print(f"{idle.stdout.strip()} KiB")
    assert 0 < int(idle.stdout) < 64


def _element(tag_and_vr: bytes, value: str) -> bytes:
    data = value.encode() + b"\0" * (len(value) % 2)
    return tag_and_vr + len(data).to_bytes(2, "little") + data
