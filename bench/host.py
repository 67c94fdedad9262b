"""What was measured on: without it no figure means anything."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Host:
    """The machine."""

    system: str
    processor: str
    cores: int
    memory: int
    """Bytes."""
    load: float
    """How many processes wanted to run in the last minute, before we began."""
    python: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder of a file system."""

    folder: str
    kind: str
    """Of the file system, with its device."""
    free: int
    """Bytes."""
    syncs: float
    """Files of 4 KiB that are written and synced in a second, one after the other."""


def host() -> Host:
    """This machine."""
    return Host(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=_cores(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        load=os.getloadavg()[0],
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def disk(folder: Path) -> Disk:
    """The file system of a folder; it takes a second or less to measure how fast it syncs."""
    return Disk(str(folder), _file_system(folder), shutil.disk_usage(folder).free, _sync_rate(folder))


def memory_folder() -> Path | None:
    """Where files are kept in memory; None where no such file system is mounted and ours to use."""
    shared = Path("/dev/shm")
    usable = shared.is_dir() and os.access(shared, os.W_OK) and _file_system(shared).startswith("tmpfs")
    return shared if usable else None


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _file_system(folder: Path) -> str:
    """Of the mount that is deepest on the way to a folder."""
    table = Path("/proc/mounts")
    if not table.exists():
        return "unknown"
    mounts = [line.split()[:3] for line in table.read_text().splitlines()]
    whole = folder.resolve()
    above = [mount for mount in mounts if whole.is_relative_to(mount[1])]
    device, _, kind = max(reversed(above), key=lambda mount: len(mount[1]), default=("?", "/", "unknown"))
    return kind if device == kind else f"{kind} on {device}"


def _sync_rate(folder: Path) -> float:
    count, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        while (taken := time.monotonic() - began) < _SYNC_SECONDS or count < _SYNC_LEAST:
            with (Path(scratch) / str(count)).open("xb", buffering=0) as file:
                file.write(bytes(4096))
                os.fsync(file.fileno())
            count += 1
    return count / taken


_SYNC_SECONDS = 0.5
_SYNC_LEAST = 10
