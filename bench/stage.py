"""Where the files of a run lie, and that nothing of them stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench import host
from bench.certificate import Certificate, make
from bench.data import SR, Kind, generate
from bench.peers.base import HOME


@dataclass(frozen=True, slots=True)
class Files:
    """Instances to send."""

    folder: Path
    parts: tuple[Path, ...]
    """The same files, spread over so many folders."""
    size: int
    """Bytes of all."""


class Stage:
    """Folders for input and output, in memory where there is such a file system and on the disk of the checkout.

    They are made with the ``with`` block, and removed with it.
    """

    def __init__(self) -> None:
        self.in_memory = host.memory_folder()
        """The file system in memory; None where everything has to lie on the disk."""
        self._sets: dict[str, int] = {}

    def __enter__(self) -> Self:
        HOME.mkdir(exist_ok=True)
        self.disk = Path(tempfile.mkdtemp(prefix="run-", dir=HOME))
        self.fast = (
            Path(tempfile.mkdtemp(prefix="dicomnet-bench-", dir=self.in_memory)) if self.in_memory else self.disk
        )
        self.certificate: Certificate = make(self.fast)
        return self

    def __exit__(self, *_: object) -> None:
        for folder in {self.disk, self.fast}:
            shutil.rmtree(folder, ignore_errors=True)

    def room(self) -> int:
        """Bytes that input and output together may have."""
        free = shutil.disk_usage(self.fast).free
        return int(min(free, _available_memory()) * _USABLE) if self.in_memory else int(free * _USABLE)

    def files(self, kind: Kind, count: int, parts: int = 1) -> Files:
        """The first instances of a set, which are generated only once.

        The most that are wanted of it have to be asked for first.
        """
        whole = self.fast / kind.key
        if kind.key not in self._sets:
            generate(kind, count, whole)
            self._sets[kind.key] = count
        assert count <= self._sets[kind.key]
        paths = sorted(whole.iterdir())[:count]
        folder = whole if count == self._sets[kind.key] else _linked(self.fast / f"{kind.key}-{count}", paths)
        spread = [folder]
        if parts > 1:
            spread = [_linked(self.fast / f"{kind.key}-{count}-{part}", paths[part::parts]) for part in range(parts)]
        return Files(folder, tuple(spread), sum(path.stat().st_size for path in paths))

    def one(self) -> Path:
        """A folder with one small instance, to try something with."""
        folder = self.fast / "one"
        if not folder.exists():
            generate(SR, 1, folder)
        return folder

    def drop(self, kind: Kind) -> None:
        """Makes room for the next set."""
        self._sets.pop(kind.key, None)
        for folder in self.fast.glob(f"{kind.key}*"):
            shutil.rmtree(folder)

    def output(self, *, on_disk: bool) -> Path:
        """An empty folder; what was received before is gone, and no disk is busy with it any more."""
        folder = (self.disk if on_disk else self.fast) / "received"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        if on_disk or not self.in_memory:
            os.sync()
        return folder


def _linked(folder: Path, paths: list[Path]) -> Path:
    if not folder.exists():
        folder.mkdir()
        for path in paths:
            (folder / path.name).hardlink_to(path)
    return folder


def _available_memory() -> int:
    table = Path("/proc/meminfo")
    lines = table.read_text().splitlines() if table.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return found[0] if found else 1 << 62


_USABLE = 0.7  # of what is free: programs need memory, too
