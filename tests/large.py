"""An instance of half a gigabyte, and what a whole process may need to send, receive or retrieve it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

from dicomnet.limits import KIB, MIB
from dicomnet.part10 import file_header
from dicomnet.storage.source import InstanceFile
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian

SIZE = 512 * MIB
LIMIT = 64 * MIB

WAIT = 50.0
"""Seconds that a transfer may take on a busy machine."""


@contextmanager
def in_memory(room: int, otherwise: Path) -> Iterator[Path]:
    """A folder of a file system in memory that has so much room: no disk decides who waits for whom, nor how files are made."""
    shared = Path("/dev/shm")
    if shared.is_dir() and disk_usage(shared).free > room:
        with TemporaryDirectory(dir=shared) as name:
            yield Path(name)
    else:
        yield otherwise


def write_large(path: Path) -> Path:
    """The least that names an instance, SOP Class UID and SOP Instance UID; the rest is private, and no business of ours."""
    header = file_header(
        sop_class_uid=CTImageStorage, sop_instance_uid="1.2.3.4", transfer_syntax_uid=ExplicitVRLittleEndian
    )
    start = _element(b"\x08\0\x16\0UI", CTImageStorage) + _element(b"\x08\0\x18\0UI", "1.2.3.4")
    rest = SIZE - len(start)
    block = array("I", range(MIB // 4)).tobytes()
    with path.open("wb") as file:
        file.write(header + start + b"\x09\0\x10\0OB\0\0" + (rest - 12).to_bytes(4, "little"))
        for number in range(rest // MIB):
            file.write(number.to_bytes(4, "little") + block[4:])
        file.write(block[: (rest - 12) % MIB])
    assert InstanceFile.open(path).data_length == SIZE
    return path


def digest(path: Path) -> str:
    """Of the data set in a file."""
    with path.open("rb") as file:
        file.seek(InstanceFile.open(path).data_offset)
        return hashlib.file_digest(file, "blake2b").hexdigest()


def started(script: Path, *arguments: object) -> subprocess.Popen[str]:
    """A Python process with what the tests import."""
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="ascii",
    )


def ended(process: subprocess.Popen[str]) -> int:
    """The most memory that it ever had, in bytes: its last line, in KiB."""
    output, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    return int(output.split()[-1]) * KIB


def _element(tag_and_vr: bytes, value: str) -> bytes:
    data = value.encode() + b"\0" * (len(value) % 2)
    return tag_and_vr + len(data).to_bytes(2, "little") + data
