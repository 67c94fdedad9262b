"""What the bench knows of a program that sends or receives."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.certificate import Certificate
from bench.processes import Command

HOME = Path(__file__).parents[2] / ".bench"
"""Where ``python -m bench.install`` puts the peers."""

PROGRAMS = Path(__file__).with_name("programs")
"""What is run in a peer's own environment, for peers that are libraries."""


class Absent(Exception):
    """A program is not installed; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a sender or a receiver works."""

    port: int
    folder: Path
    """Of the files to send, or of those to keep."""
    parts: Sequence[Path] = ()
    """The same files in so many folders, for those who open several associations by several processes."""
    tls: Certificate | None = None


@dataclass(frozen=True)
class Peer(ABC):
    """A program in one of its ways to be run: subclasses have a field for each."""

    name: ClassVar[str]
    settings: ClassVar[str]
    """How it is run, in words for the reader."""
    copies: ClassVar[bool] = True
    """Whether what it keeps are the bytes of the data set as they came."""

    @abstractmethod
    def version(self) -> str:
        """What is installed.

        Raises:
            Absent: nothing is.
        """

    @abstractmethod
    def receiver(self, spot: Spot) -> Command:
        """Receives on 127.0.0.1 until SIGTERM, and keeps what comes as files anywhere below a folder."""

    @abstractmethod
    def senders(self, spot: Spot) -> list[Command]:
        """Send all files of a folder, each over an association of its own."""

    @property
    def label(self) -> str:
        """Its name in a table as the one who receives, with what is peculiar to this way."""
        return self.name

    @property
    def keeps(self) -> bool:
        """Whether it keeps what it receives."""
        return True


def program(name: str, *folders: Path) -> str:
    """The path of an installed program: in one of the folders or, after them, where the shell finds it.

    Raises:
        Absent: it is in none.
    """
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    if found := shutil.which(name):
        return found
    raise Absent(f"{name} is not installed")
