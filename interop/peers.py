"""Real peers for the tests: programs as this system's packages bring them, and instances that pydicom brings.

Every test names the program it needs with `require`, so that it skips with a reason where the program is absent. With
``DICOMNET_REQUIRE_PEERS=1`` it fails there: a machine that ought to have all peers cannot pass by lacking one.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, NoReturn

import pydicom
import pydicom.data
import pytest

STARTS_WITHIN = 10.0
"""Seconds for a peer to accept its first connection; alone on a machine it takes a tenth of one."""

# Read by DCMTK: without it each of its messages waits about 45 ms for a delayed acknowledgement.
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def require(path: str, *, package: str = "dcmtk") -> str:
    """The path of a program that a test cannot do without; where it is absent the test ends here."""
    if not os.access(path, os.X_OK):
        end(f"{path} is not installed (Debian package {package})")
    return path


def require_module(name: str) -> ModuleType:
    """A peer that is a Python library, for a test module that cannot do without; where it is absent the module ends."""
    try:
        return import_module(name)
    except ImportError as error:
        end(f"{name} cannot be imported: {error}")


def end(reason: str) -> NoReturn:
    """Ends a test for which something is missing: it is skipped, or fails where peers are required."""
    if os.environ.get("DICOMNET_REQUIRE_PEERS") == "1":
        pytest.fail(f"{reason}, and DICOMNET_REQUIRE_PEERS=1 allows no peer to be missing", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def run(program: str, *arguments: str | Path | int, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Runs a peer's program to its end; ``stdout`` has both its streams, and the exit code is the caller's to judge."""
    return subprocess.run(
        [require(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        env=ENVIRONMENT,
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """A peer that accepts associations on ``port`` of 127.0.0.1."""

    port: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def output(self) -> str:
        """What it has written up to now, both streams."""
        return Path(self.log.name).read_text(errors="replace")


@contextmanager
def listening(
    program: str,
    *arguments: str | Path | int,
    configure: Callable[[int], object] | None = None,
    package: str = "dcmtk",
    kill: bool = False,
) -> Iterator[Listener]:
    """Runs a peer from the moment it accepts until the block ends.

    It takes the port as its last argument, or from a file that ``configure`` writes when it is given the port. With
    ``kill`` it is not asked to end, which some take seconds for.
    """
    require(program, package=package)
    with tempfile.NamedTemporaryFile(prefix="peer-", suffix=".log") as log:
        listener = _start(program, arguments, log, configure)
        try:
            yield listener
        finally:
            if kill:
                listener.process.kill()
            _stop(listener.process)


@dataclass(frozen=True, slots=True)
class Instance:
    """A file that holds one SOP instance, with the facts that a peer must not change; read without our own code."""

    path: Path
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    offset: int
    """Where the data set begins in the file."""
    digest: str
    """SHA-256 of the data set as it lies in the file, in hex."""


def instance(path: Path) -> Instance:
    """Reads the facts of one file, such as a peer has written.

    Raises:
        ValueError: the file is not PS3.10, or its header lacks one of the three UIDs.
    """
    content = path.read_bytes()
    header, offset = _file_meta(content)
    try:
        sop_class, sop_instance, transfer_syntax = (header[element] for element in (0x0002, 0x0003, 0x0010))
    except KeyError as missing:
        raise ValueError(f"{path}: no (0002,{missing.args[0]:04x})") from missing
    return Instance(
        path, sop_class, sop_instance, transfer_syntax, offset, hashlib.sha256(content[offset:]).hexdigest()
    )


@cache
def instances() -> tuple[Instance, ...]:
    """The instances among the test files inside pydicom's wheel: 12 transfer syntaxes, 640 bytes to 314 KiB.

    Left out is what is no whole instance, and what names itself differently in header and data set. Some share their
    SOP instance UID: they are the same image in several transfer syntaxes.
    """
    folder = Path(pydicom.data.__file__).parent / "test_files"
    found = (_whole_instance(path) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple(known for known in found if known)


def distinct_instances() -> tuple[Instance, ...]:
    """`instances` with each SOP instance UID once: what may go to one archive without one replacing another."""
    return tuple({known.sop_instance: known for known in instances()}.values())


def _start(
    program: str, arguments: tuple[str | Path | int, ...], log: IO[bytes], configure: Callable[[int], object] | None
) -> Listener:
    for _ in range(3):
        port = unused_port()
        if configure is not None:
            configure(port)
        process = subprocess.Popen(
            [program, *map(str, arguments), *([str(port)] if configure is None else [])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
        )
        listener = Listener(port, process, log)
        accepts = False
        try:
            accepts = _accepts(listener)
        finally:
            if not accepts:
                _stop(process)
        if accepts:
            return listener
        # Another program may have taken the port since it was found free: the one reason to try again.
        if "in use" not in listener.output():
            break
    raise RuntimeError(f"{program} accepts no connection; it wrote:\n{listener.output()}")


def _accepts(listener: Listener) -> bool:
    """Waits until the peer takes a connection; false if it ended or time is up."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", listener.port), timeout=1).close()
        except OSError:
            try:
                listener.process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            return False
        return listener.process.poll() is None
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _whole_instance(path: Path) -> Instance | None:
    if "truncated" in path.name:
        return None
    try:
        known = instance(path)
    except ValueError:
        return None
    dataset = pydicom.dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"])
    names = (dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID"))
    return known if names == (known.sop_class, known.sop_instance) else None


def _file_meta(content: bytes) -> tuple[dict[int, str], int]:
    """The text of the group 0002 elements by element number, and where the data set begins (PS3.10 7.1)."""
    if content[128:132] != b"DICM":
        raise ValueError("no PS3.10 file: DICM is missing")
    header: dict[int, str] = {}
    at = 132
    while content[at : at + 2] == b"\x02\x00":
        element = int.from_bytes(content[at + 2 : at + 4], "little")
        wide = content[at + 4 : at + 6] in (b"OB", b"UN")
        length_at, length_size = (at + 8, 4) if wide else (at + 6, 2)
        value_at = length_at + length_size
        end = value_at + int.from_bytes(content[length_at:value_at], "little")
        header[element] = content[value_at:end].rstrip(b"\0 ").decode("latin-1")
        at = end
    return header, at
