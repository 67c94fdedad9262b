"""System calls of whole processes, counted by strace: they say what a change costs on any machine, however busy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from dicomnet.part10 import file_header
from dicomnet.uids import CTImageStorage, ExplicitVRLittleEndian


def require_strace() -> None:
    """Where there is no strace, or it may trace nothing, the test ends here; with DICOMNET_REQUIRE_PEERS=1 it fails."""
    reason = _missing()
    if reason and os.environ.get("DICOMNET_REQUIRE_PEERS") == "1":
        pytest.fail(f"{reason}, and DICOMNET_REQUIRE_PEERS=1 allows nothing to be missing", pytrace=False)
    if reason:
        pytest.skip(reason)


def instances(folder: Path, count: int, size: int) -> Path:
    """Makes a folder with so many instances whose data sets have about so many bytes."""
    folder.mkdir()
    for number in range(1, count + 1):
        uid = f"1.2.3.{1_000_000 + number}"
        header = file_header(
            sop_class_uid=CTImageStorage,
            sop_instance_uid=uid,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            sending_ae=None,
            receiving_ae=None,
        )
        # SOP Class UID and SOP Instance UID name an instance; the rest is private, and no business of ours.
        start = _element(b"\x08\0\x16\0UI", CTImageStorage) + _element(b"\x08\0\x18\0UI", uid)
        rest = b"\x09\0\x10\0OB\0\0" + size.to_bytes(4, "little") + bytes(size)
        (folder / f"{number}.dcm").write_bytes(header + start + rest)
    return folder


def transfer(source: Path, folder: Path, *options: str) -> tuple[Counter[str], Counter[str]]:
    """Sends the files of a folder with `dicomnet send` to a `dicomnet recv` that syncs nothing.

    Args:
        folder: where the receiver keeps them, and the counts are written.
        options: of the sender.

    Returns:
        The system calls of the sender and of the receiver, from their start to their end, by name.
    """
    folder.mkdir()
    kept, sender, receiver = folder / "kept", folder / "sender", folder / "receiver"
    kept.mkdir()
    listen = ("--host", "127.0.0.1", "--port", "0", "--output", str(kept), "--no-durable")
    with _started(receiver, "recv", *listen) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = line.partition(",")[0].rpartition(":")[2]
        assert port.isdigit(), f"the receiver does not say where it listens: {line!r}"
        sent = subprocess.run(
            [*_traced(sender), "send", f"RECEIVER@127.0.0.1:{port}", str(source), *options],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert sent.returncode == 0, sent.stdout + sent.stderr
    assert len(list(kept.iterdir())) == len(list(source.iterdir()))
    return _counts(sender), _counts(receiver)


@contextmanager
def _started(counts: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command under strace until the block ends. Its group is sent the signal, because strace itself ignores it."""
    process = subprocess.Popen(
        [*_traced(counts), *arguments],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _traced(counts: Path) -> list[str]:
    return ["strace", "-f", "-c", "-o", str(counts), sys.executable, "-m", "dicomnet"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def _counts(path: Path) -> Counter[str]:
    """The table of ``strace -c``: the fourth column counts, the last has the name."""
    counts: Counter[str] = Counter()
    for fields in (line.split() for line in path.read_text().splitlines()):
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] not in UNCOUNTED:
            counts[fields[-1]] = int(fields[3])
    return counts


@cache
def _missing() -> str | None:
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-c", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace cannot trace here: {tried.stderr.strip()}"


def _element(start: bytes, text: str) -> bytes:
    value = text.encode() + b"\0" * (len(text) % 2)
    return start + len(value).to_bytes(2, "little") + value


UNCOUNTED = {"total", "futex"}
"""The sum; and how threads wait for each other, which under strace depends on whom the scheduler runs next."""
